"""Product mappings: which variant of a partner feeds which own variant.

Everybody writes rows in the order of their keys, so that two never wait for each other.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter, itemgetter

from sqlalchemy import ColumnElement, and_, bindparam, func, select, true, update

from connectors.ledger.database import Database, chunks, insert_into
from connectors.ledger.models import LevelRow, PartnerRow, ProductMappingRow
from connectors.ledger.records import LevelMemory, ProductMapping
from connectors.ledger.rows import columns, loaded, values

_COLUMNS = columns(ProductMappingRow, ProductMapping)
_KEY = ("account", "partner_id", "partner_variant_id")
_SEEN = ("seen_at", "gone_since", "gone_sightings")
"""What syncs learn of a mapping; storing it anew leaves this as it is."""

_LEVEL = columns(LevelRow, LevelMemory)
_LEVEL_KEY = ("account", "inventory_item_id", "location_id")


class Mappings:
    """The part of the ledger that knows product mappings."""

    database: Database

    def mappings(
        self, account: str, partner_id: int | None = None, *, active_only: bool = False
    ) -> list[ProductMapping]:
        """Mappings of the account's partners, or of one of them; those of removed partners are left out.

        `active_only`: both the mapping and its partner are active.
        """
        switched_on = and_(ProductMappingRow.is_active, PartnerRow.is_active) if active_only else true()
        one = true() if partner_id is None else ProductMappingRow.partner_id == partner_id
        return self._mappings_where(account, switched_on, one)

    def feeding(self, account: str, own_variants: Iterable[int]) -> list[ProductMapping]:
        """The active mappings that feed these own variants, also those of partners switched off just now."""
        slices = chunks(sorted(set(own_variants)))
        return [
            found
            for part in slices
            for found in self._mappings_where(
                account, ProductMappingRow.is_active.is_(True), ProductMappingRow.own_variant_id.in_(part)
            )
        ]

    def store_mappings(self, mappings: Sequence[ProductMapping]) -> None:
        """Store mappings, all or none; one of the same partner variant is replaced, with its first time."""
        with self.database.writing() as connection:
            insert = insert_into(connection, ProductMappingRow)
            new = insert.excluded
            statement = insert.on_conflict_do_update(
                index_elements=list(_KEY),
                set_={
                    column.key: new[column.key]
                    for column in _COLUMNS
                    if column.key not in {*_KEY, *_SEEN, "id", "created_at"}
                },
            )
            for part in chunks(sorted(values(mappings, without="id"), key=itemgetter(*_KEY))):
                connection.execute(statement, part)

    def record_sightings(self, account: str, mappings: Sequence[ProductMapping]) -> None:
        """Store when partner variants were last seen, and which of them were not there."""
        if not mappings:
            return
        with self.database.writing() as connection:
            statement = (
                update(ProductMappingRow)
                .where(ProductMappingRow.account == account, ProductMappingRow.id == bindparam("mapping"))
                .values({name: bindparam(f"new_{name}") for name in _SEEN})
            )
            rows = [
                {"mapping": each.id} | {f"new_{name}": getattr(each, name) for name in _SEEN}
                for each in sorted(mappings, key=attrgetter(*_KEY))
            ]
            for part in chunks(rows):
                connection.execute(statement, part)

    def levels_of_variants(
        self, account: str, location_id: int, variants: Iterable[int]
    ) -> dict[int, LevelMemory]:
        """What is remembered of the levels of these own variants at a location, by variant id."""
        there = and_(LevelRow.account == account, LevelRow.location_id == location_id)
        found: dict[int, LevelMemory] = {}
        with self.database.reading() as connection:
            for part in chunks(sorted(set(variants))):
                statement = select(*_LEVEL).where(there, LevelRow.variant_id.in_(part))
                levels = loaded(LevelMemory, connection.execute(statement).all())
                found |= {level.variant_id: level for level in levels if level.deleted_at is None}
        return found

    def claim_levels(self, levels: Sequence[LevelMemory]) -> None:
        """Give levels that nobody owns to the truths named here; of those never seen, this is all that is
        known, and any reading replaces it.
        """
        with self.database.writing() as connection:
            insert = insert_into(connection, LevelRow)
            owner = func.coalesce(LevelRow.owner_truth, insert.excluded.owner_truth)
            statement = insert.on_conflict_do_update(
                index_elements=list(_LEVEL_KEY), set_={"owner_truth": owner}
            )
            for part in chunks(sorted(values(levels), key=itemgetter(*_LEVEL_KEY))):
                connection.execute(statement, part)

    def _mappings_where(self, account: str, *conditions: ColumnElement[bool]) -> list[ProductMapping]:
        statement = (
            select(*_COLUMNS)
            .join(PartnerRow, PartnerRow.id == ProductMappingRow.partner_id)
            .where(ProductMappingRow.account == account, PartnerRow.deleted_at.is_(None), *conditions)
            .order_by(ProductMappingRow.partner_id, ProductMappingRow.partner_variant_id)
        )
        with self.database.reading() as connection:
            return loaded(ProductMapping, connection.execute(statement).all())
