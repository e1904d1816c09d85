"""What imported products feed: own variants and own items, each by one of them, where a channel is on."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, select, update

from connectors.ledger.database import Database, chunks, insert_into
from connectors.ledger.imported_products import PRODUCTS, VARIANTS
from connectors.ledger.market_models import ItemHistoryRow
from connectors.ledger.product_marks import Binding
from connectors.ledger.rows import values
from connectors.ledger.supplier_models import MarketplaceIntegrationRow
from connectors.ledger.supplier_records import MarketplaceIntegration


def truth_of_supplier(supplier_id: str) -> str:
    """The name under which a supplier owns levels (`LevelMemory.owner_truth`)."""
    return f"supplier:{supplier_id}"


class Moves(NamedTuple):
    """Units that an own item lost and gained."""

    fell: int
    rose: int


class SupplierFeeds:
    """The part of the ledger that knows what feeds what."""

    database: Database

    def feeders(self, binding: Binding) -> list[tuple[str, str, str]]:
        """Who feeds this own variant or item, of all users: supplier id, table key, the supplier's id."""
        found: list[tuple[str, str, str]] = []
        with self.database.reading() as connection:
            for kind in (PRODUCTS, VARIANTS):
                table = kind.table
                same: ColumnElement[bool] = (
                    table.own_item_id == binding.own_item_id
                    if binding.own_variant_id is None
                    else table.own_variant_id == binding.own_variant_id
                )
                rows = connection.execute(select(table.supplier_id, kind.ids()).where(same)).all()
                found += [(supplier, kind.key, key) for supplier, key in rows]
        return found

    def sold_since(self, account: str, items: Collection[str], since: datetime) -> dict[str, int]:
        """Units of own items that marketplaces sold since then, by item id.

        What came back of an order makes up for that order alone: an older one's units say nothing of it.
        """
        row, found = ItemHistoryRow, dict[str, int]()
        with self.database.reading() as connection:
            for part in chunks(sorted(set(items))):
                sold = and_(row.account == account, row.item_id.in_(part), row.created_at >= since)
                by_order = (row.item_id, row.marketplace, row.order_id)
                units = select(row.item_id, func.sum(row.delta_sold)).where(sold).group_by(*by_order)
                for item, count in connection.execute(units):
                    found[item] = found.get(item, 0) + max(0, int(count))
        return found

    def item_moves(self, items: Collection[str], actor: str, since: datetime) -> dict[str, Moves]:
        """What somebody did to the quantities of own items since then, by item id."""
        row, found = ItemHistoryRow, dict[str, Moves]()
        delta = row.delta_available
        fell, rose = (func.sum(case((way, delta), else_=0)) for way in (delta < 0, delta > 0))
        with self.database.reading() as connection:
            for part in chunks(sorted(set(items))):
                done = and_(row.item_id.in_(part), row.actor == actor, row.created_at >= since)
                units = select(row.item_id, fell, rose).where(done).group_by(row.item_id)
                found |= {item: Moves(-int(down), int(up)) for item, down, up in connection.execute(units)}
        return found

    def switch_on_channel(self, channel: MarketplaceIntegration) -> None:
        """Store that a user's products may feed a channel; one that is known is left as it is."""
        with self.database.writing() as connection:
            statement = insert_into(connection, MarketplaceIntegrationRow).on_conflict_do_nothing()
            connection.execute(statement, values([channel], without="id"))

    def change_channel(self, channel: MarketplaceIntegration) -> bool:
        """Store a channel's direction, and whether it is on. False: the user has none such."""
        row = MarketplaceIntegrationRow
        mine = and_(
            row.user_id == channel.user_id, row.platform == channel.platform, row.shop_id == channel.shop_id
        )
        content = {
            "sync_direction": channel.sync_direction,
            "is_active": channel.is_active,
            "last_sync_at": channel.last_sync_at,
            "updated_at": channel.updated_at,
        }
        with self.database.writing() as connection:
            return connection.execute(update(row).where(mine).values(content)).rowcount == 1

    def channel_fed(self, user_id: str, platform: str, shop_id: str, now: datetime) -> None:
        """Store when a user's products last fed a channel."""
        row = MarketplaceIntegrationRow
        mine = and_(row.user_id == user_id, row.platform == platform, row.shop_id == shop_id)
        with self.database.writing() as connection:
            connection.execute(update(row).where(mine).values(last_sync_at=now))
