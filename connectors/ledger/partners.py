"""Partners: whose goods the own store sells too, and how their syncs go."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, select, update

from connectors.ledger.database import Database, insert_into
from connectors.ledger.models import PartnerRow, ProductMappingRow
from connectors.ledger.records import Partner
from connectors.ledger.rows import columns, loaded, values

_COLUMNS = columns(PartnerRow, Partner)
_GIVEN = ("base_url", "display_name", "is_active", "orders_known", "when_stale", "deleted_at")
"""What adding a partner again replaces; what is known of its syncs stays."""

SUMMED = "partners"
"""The truth of a level that several mappings feed together."""


def truth_of(partner: Partner, *, sums: bool = False) -> str:
    """The name under which a partner owns levels (`LevelMemory.owner_truth`)."""
    return SUMMED if sums else f"partner:{partner.shop_domain}"


class Partners:
    """The part of the ledger that knows partners."""

    database: Database

    def add_partner(self, partner: Partner) -> Partner:
        """Store a partner; one of this name that was there, or was removed, is changed. With its id."""
        row = values([partner], without="id")[0]
        with self.database.writing() as connection:
            insert = insert_into(connection, PartnerRow).values(row)
            statement = insert.on_conflict_do_update(
                index_elements=["account", "shop_domain"], set_={name: row[name] for name in _GIVEN}
            ).returning(PartnerRow.id)
            return replace(partner, id=connection.execute(statement).scalar_one())

    def partners(self, account: str, *, active_only: bool = False) -> list[Partner]:
        """The account's partners by name, without those that were removed."""
        there = and_(PartnerRow.account == account, PartnerRow.deleted_at.is_(None))
        conditions = and_(there, PartnerRow.is_active) if active_only else there
        statement = select(*_COLUMNS).where(conditions).order_by(PartnerRow.shop_domain)
        with self.database.reading() as connection:
            return loaded(Partner, connection.execute(statement).all())

    def partner(self, account: str, shop_domain: str) -> Partner | None:
        """One partner of the account; None if there is none, or it was removed."""
        found = [each for each in self.partners(account) if each.shop_domain == shop_domain]
        return found[0] if found else None

    def switch_partner(self, account: str, partner_id: int, *, is_active: bool) -> None:
        """From now on a partner takes part in syncs, or does not."""
        _change(self.database, (account, partner_id), {"is_active": is_active})

    def remove_partner(self, account: str, partner_id: int, now: datetime) -> None:
        """A partner is gone. What it did stays in the logs; its mappings are switched off for good.

        Should it be added again, others may feed its own variants by then.
        """
        its = and_(ProductMappingRow.account == account, ProductMappingRow.partner_id == partner_id)
        gone = and_(PartnerRow.account == account, PartnerRow.id == partner_id)
        with self.database.writing() as connection:
            connection.execute(update(PartnerRow).where(gone).values(is_active=False, deleted_at=now))
            connection.execute(update(ProductMappingRow).where(its).values(is_active=False, updated_at=now))

    def record_partner_health(
        self, account: str, partner_id: int, status: str, now: datetime, *, error: str = ""
    ) -> None:
        """Store how a sync ended that began at `now`: `healthy`, `warning` or `failed`.

        Unless it failed, it counts as the partner's last sync; an attempt older than the one that is
        stored changes nothing, unless that one is of a day to come: its clock was wrong.
        """
        content: dict[str, object] = {
            "inventory_sync_status": status,
            "last_attempt_at": now,
            "last_error": error,
        }
        if status != "failed":
            content["last_inventory_sync"] = now
        stored = PartnerRow.last_attempt_at
        newer = stored.is_(None) | (stored <= now) | (stored > now + timedelta(days=1))
        _change(self.database, (account, partner_id), content, newer)


def _change(
    database: Database,
    partner: tuple[str, int],
    content: Mapping[str, object],
    condition: ColumnElement[bool] | None = None,
) -> None:
    """Change the partner of this account with this id, if the condition holds."""
    account, partner_id = partner
    mine = and_(PartnerRow.account == account, PartnerRow.id == partner_id)
    statement = update(PartnerRow).where(mine if condition is None else and_(mine, condition))
    with database.writing() as connection:
        connection.execute(statement.values(content))
