"""What is remembered of shops: last attempts at products, locations in use, snapshots of deleted variants."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, and_, select, update

from connectors.ledger.database import Database, chunks, insert_into
from connectors.ledger.models import AccountRow, ProductRow, SnapshotRow
from connectors.ledger.records import Snapshot
from connectors.ledger.rows import columns, loaded, values

_SNAPSHOT = columns(SnapshotRow, Snapshot)


class Products:
    """The part of the ledger that knows when a product was last tried."""

    database: Database

    def attempts(self, account: str) -> dict[int, datetime]:
        """When each product of the account was last tried."""
        statement = select(ProductRow.product_id, ProductRow.last_attempt_at)
        with self.database.reading() as connection:
            rows = connection.execute(statement.where(ProductRow.account == account)).all()
        return {product_id: at for product_id, at in rows}  # noqa: C416 - dict() does not take typed rows

    def record_attempts(self, account: str, product_ids: Iterable[int], now: datetime) -> None:
        """Store that these products are being tried now."""
        rows = [
            {"account": account, "product_id": product_id, "last_attempt_at": now}
            for product_id in sorted(set(product_ids))
        ]
        with self.database.writing() as connection:
            insert = insert_into(connection, ProductRow)
            statement = insert.on_conflict_do_update(
                index_elements=["account", "product_id"],
                set_={"last_attempt_at": insert.excluded.last_attempt_at},
            )
            for part in chunks(rows):
                connection.execute(statement, part)


class Accounts:
    """The part of the ledger that knows an account's location in use, and when its marks were swept."""

    database: Database

    def location(self, system: str, account: str) -> int | None:
        """The location in use, if the account was ever used."""
        with self.database.reading() as connection:
            return _location(connection, system, account)

    def use_location(self, system: str, account: str, location_id: int, now: datetime) -> int:
        """Put a location to use if none is yet; the one in use. Another one than asked for needs a person."""
        with self.database.writing() as connection:
            insert = insert_into(connection, AccountRow).on_conflict_do_nothing()
            row = {"system": system, "account": account, "location_id": location_id, "used_since": now}
            connection.execute(insert, row)
            return _location(connection, system, account) or location_id

    def confirm_location(self, system: str, account: str, location_id: int, now: datetime) -> None:
        """A person puts this location to use, whichever was before."""
        place = {"location_id": location_id, "used_since": now, "confirmed_at": now}
        with self.database.writing() as connection:
            insert = insert_into(connection, AccountRow).values(system=system, account=account, **place)
            connection.execute(insert.on_conflict_do_update(index_elements=["system", "account"], set_=place))

    def swept_on(self, system: str, account: str) -> date | None:
        """The latest day for which the account's older marks were swept away."""
        statement = select(AccountRow.swept_on)
        with self.database.reading() as connection:
            found = statement.where(AccountRow.system == system, AccountRow.account == account)
            return connection.execute(found).scalar_one_or_none()

    def record_sweep(self, system: str, account: str, day: date) -> None:
        """Store that the account's marks older than `day` were swept away."""
        statement = update(AccountRow).where(AccountRow.system == system, AccountRow.account == account)
        with self.database.writing() as connection:
            connection.execute(statement.values(swept_on=day))


class Snapshots:
    """The part of the ledger from which deleted variants can be made again."""

    database: Database

    def store_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        """Store variants as they are, before they are deleted. A deleted one's is never replaced."""
        with self.database.writing() as connection:
            insert = insert_into(connection, SnapshotRow)
            statement = insert.on_conflict_do_update(
                index_elements=["account", "variant_id"],
                set_={column.key: insert.excluded[column.key] for column in _SNAPSHOT},
                where=SnapshotRow.deleted_at.is_(None),
            )
            for part in chunks(values(snapshots)):
                connection.execute(statement, part)

    def mark_deleted(self, account: str, variant_ids: Sequence[int], now: datetime) -> None:
        """Store that these variants were really deleted."""
        if not variant_ids:
            return
        with self.database.writing() as connection:
            for part in chunks(variant_ids):
                statement = update(SnapshotRow).where(
                    SnapshotRow.account == account, SnapshotRow.variant_id.in_(part)
                )
                connection.execute(statement.values(deleted_at=now))

    def deleted_variants(self, account: str, skus: Iterable[str] | None = None) -> list[Snapshot]:
        """Snapshots of the account's deleted variants: all, or those with one of these folded SKUs."""
        if skus is None:
            return self._deleted(account)
        slices = chunks(set(skus))
        return [
            found for part in slices for found in self._deleted(account, SnapshotRow.sku_folded.in_(part))
        ]

    def deleted_variant(self, account: str, variant_id: int) -> Snapshot | None:
        """The snapshot of one deleted variant of the account."""
        return next(iter(self._deleted(account, SnapshotRow.variant_id == variant_id)), None)

    def intend_restore(self, account: str, variant_id: int, key: str | None) -> None:
        """Store the operation that is about to make a variant again; None when that came to nothing."""
        statement = update(SnapshotRow).where(_is(account, variant_id))
        with self.database.writing() as connection:
            connection.execute(statement.values(restore_key=key))

    def record_restore(self, account: str, variant_id: int, restored: tuple[int, int], now: datetime) -> None:
        """Store as which variant and inventory item a deleted variant came back."""
        statement = update(SnapshotRow).where(_is(account, variant_id))
        new = {"restored_variant_id": restored[0], "restored_item_id": restored[1], "restored_at": now}
        with self.database.writing() as connection:
            connection.execute(statement.values(new))

    def _deleted(self, account: str, *conditions: ColumnElement[bool]) -> list[Snapshot]:
        statement = select(*_SNAPSHOT).where(
            SnapshotRow.account == account, SnapshotRow.deleted_at.is_not(None), *conditions
        )
        with self.database.reading() as connection:
            rows = connection.execute(statement.order_by(SnapshotRow.variant_id)).all()
        return loaded(Snapshot, rows)


def _is(account: str, variant_id: int) -> ColumnElement[bool]:
    return and_(SnapshotRow.account == account, SnapshotRow.variant_id == variant_id)


def _location(connection: Connection, system: str, account: str) -> int | None:
    statement = select(AccountRow.location_id)
    found = statement.where(AccountRow.system == system, AccountRow.account == account)
    return connection.execute(found).scalar_one_or_none()
