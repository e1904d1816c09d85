"""Vendor inventory: the variants and levels of the own store as the inventory refresh last saw them."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import Connection, and_, case, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute

from connectors.ledger.database import Database, Insert, chunks, insert_into
from connectors.ledger.models import VendorLevelRow, VendorVariantRow
from connectors.ledger.records import VendorLevel, VendorVariant
from connectors.ledger.rows import columns, loaded, values

_VARIANT = columns(VendorVariantRow, VendorVariant)
_LEVEL = columns(VendorLevelRow, VendorLevel)
_MANY = 5_000


class VendorInventory:
    """The part of the ledger that others read stock from."""

    database: Database

    def vendor_products(self, account: str) -> set[int]:
        """Products with variants that were there when last looked at."""
        statement = select(VendorVariantRow.shopify_product_id).distinct()
        with self.database.reading() as connection:
            there = statement.where(VendorVariantRow.account == account, VendorVariantRow.gone_at.is_(None))
            return set(connection.execute(there).scalars())

    def vendor_variant_count(self, account: str) -> int:
        """How many variants were there when last looked at."""
        there = and_(VendorVariantRow.account == account, VendorVariantRow.gone_at.is_(None))
        with self.database.reading() as connection:
            statement = select(func.count()).select_from(VendorVariantRow).where(there)
            return connection.execute(statement).scalar_one()

    def vendor_products_of(self, account: str, item_ids: Iterable[int]) -> dict[int, int]:
        """The product of each inventory item that is known."""
        found: dict[int, int] = {}
        with self.database.reading() as connection:
            for part in chunks(set(item_ids)):
                statement = select(VendorVariantRow.inventory_item_id, VendorVariantRow.shopify_product_id)
                mine = statement.where(
                    VendorVariantRow.account == account, VendorVariantRow.inventory_item_id.in_(part)
                )
                found.update((item, product) for item, product in connection.execute(mine))
        return found

    def vendor_variants(self, account: str, product_ids: Iterable[int]) -> list[VendorVariant]:
        """The variants known of these products, gone ones too."""
        return self._vendor_variants(account, product_ids, VendorVariantRow.shopify_product_id)

    def vendor_variants_of_items(self, account: str, item_ids: Iterable[int]) -> list[VendorVariant]:
        """The variants known of these inventory items, gone ones too."""
        return self._vendor_variants(account, item_ids, VendorVariantRow.inventory_item_id)

    def vendor_levels(self, account: str, item_ids: Iterable[int]) -> list[VendorLevel]:
        """The levels known of these items, gone ones too."""
        found: list[VendorLevel] = []
        with self.database.reading() as connection:
            for part in chunks(set(item_ids)):
                statement = select(*_LEVEL).where(
                    VendorLevelRow.account == account, VendorLevelRow.inventory_item_id.in_(part)
                )
                found.extend(loaded(VendorLevel, connection.execute(statement).all()))
        return found

    def store_vendor_variants(self, variants: Sequence[VendorVariant]) -> None:
        """Store variants as they were read. An older reading never replaces a newer one."""
        latest = {(each.account, each.shopify_variant_id): each for each in variants}
        with self.database.writing() as connection:
            statement = _upsert_variants(insert_into(connection, VendorVariantRow))
            for part in chunks((latest[place] for place in sorted(latest)), _MANY):
                connection.execute(statement, values(part))

    def mark_vendor_variants_gone(self, account: str, variants: Sequence[VendorVariant], at: datetime) -> int:
        """Mark variants that the store has no more, and all their levels; how many were there until now."""
        marked = 0
        with self.database.writing() as connection:
            for part in chunks(variants):
                statement = update(VendorVariantRow).where(
                    VendorVariantRow.account == account,
                    VendorVariantRow.shopify_variant_id.in_([each.shopify_variant_id for each in part]),
                    VendorVariantRow.gone_at.is_(None),
                    VendorVariantRow.updated_at <= at,
                )
                marked += connection.execute(statement.values(gone_at=at, updated_at=at)).rowcount
                items = [each.inventory_item_id for each in part]
                _mark_levels(connection, account, items, at, None)
        return marked

    def store_vendor_levels(
        self, account: str, found: Mapping[int, Mapping[int, int]], at: datetime, sync_batch_id: str
    ) -> None:
        """Store `available` by item and location, as read at one moment: every level that the items have.

        Levels that these items have no more are marked. `last_change_at` moves only with `available`, and an
        older reading never replaces a newer one.
        """
        rows = [
            VendorLevel(
                account, item, location, available, at, sync_batch_id=sync_batch_id, last_change_at=at
            )
            for item, levels in sorted(found.items())
            for location, available in sorted(levels.items())
        ]
        with self.database.writing() as connection:
            statement = _upsert_levels(insert_into(connection, VendorLevelRow))
            for part in chunks(rows, _MANY):
                connection.execute(statement, values(part))
            for items in chunks(sorted(found)):
                _mark_levels(connection, account, items, at, sync_batch_id)

    def vendor_stock(self, account: str) -> dict[int | None, int]:
        """How many tracked variants have so many units in all; None: no level of theirs has a number."""
        level, variant = VendorLevelRow, VendorVariantRow
        units = func.sum(level.available)
        same_item = and_(
            level.account == variant.account,
            level.inventory_item_id == variant.inventory_item_id,
            level.gone_at.is_(None),
        )
        of_each = (
            select(units.label("units"))
            .select_from(variant)
            .join(level, same_item, isouter=True)
            .where(variant.account == account, variant.gone_at.is_(None), variant.tracked)
            .group_by(variant.shopify_variant_id)
            .subquery()
        )
        statement = select(of_each.c.units, func.count()).group_by(of_each.c.units)
        with self.database.reading() as connection:
            rows = connection.execute(statement).all()
        return {None if total is None else int(total): count for total, count in rows}

    def _vendor_variants(
        self, account: str, numbers: Iterable[int], column: InstrumentedAttribute[int]
    ) -> list[VendorVariant]:
        found: list[VendorVariant] = []
        with self.database.reading() as connection:
            for part in chunks(set(numbers)):
                statement = select(*_VARIANT).where(VendorVariantRow.account == account, column.in_(part))
                found.extend(loaded(VendorVariant, connection.execute(statement).all()))
        return found


def _upsert_variants(insert: Insert) -> Insert:
    key = ("account", "shopify_variant_id")
    return insert.on_conflict_do_update(
        index_elements=list(key),
        set_={column.key: insert.excluded[column.key] for column in _VARIANT if column.key not in key},
        where=VendorVariantRow.updated_at <= insert.excluded.updated_at,
    )


def _upsert_levels(insert: Insert) -> Insert:
    new, old = insert.excluded, VendorLevelRow
    moved = old.available.is_distinct_from(new.available)
    return insert.on_conflict_do_update(
        index_elements=["account", "inventory_item_id", "location_id"],
        set_={
            "available": new.available,
            "last_change_at": case((moved, new.last_change_at), else_=old.last_change_at),
            "sync_batch_id": new.sync_batch_id,
            "updated_at": new.updated_at,
            "gone_at": None,
        },
        where=old.updated_at <= new.updated_at,
    )


def _mark_levels(
    connection: Connection, account: str, items: Sequence[int], at: datetime, seen_by: str | None
) -> None:
    """Mark the levels of these items as gone, but for those that this reading (`seen_by`) has just stored."""
    level = VendorLevelRow
    unseen = or_(level.sync_batch_id.is_distinct_from(seen_by), level.updated_at < at)
    statement = update(level).where(
        level.account == account,
        level.inventory_item_id.in_(items),
        level.gone_at.is_(None),
        level.updated_at <= at,
        *([unseen] if seen_by else []),
    )
    changed = case((level.available.is_not(None), at), else_=level.last_change_at)
    gone = {"available": None, "gone_at": at, "updated_at": at, "last_change_at": changed}
    connection.execute(statement.values(gone | ({"sync_batch_id": seen_by} if seen_by else {})))


def unlisted(known: Iterable[VendorVariant], listed: AbstractSet[int]) -> list[VendorVariant]:
    """Variants that were there, and are not among those that the store lists now."""
    return [each for each in known if each.gone_at is None and each.shopify_variant_id not in listed]
