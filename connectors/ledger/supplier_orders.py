"""Orders that suppliers send to users' customers."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, select, update

from connectors.ledger.database import Database, chunks, insert_into
from connectors.ledger.rows import columns, given, loaded, values
from connectors.ledger.supplier_models import OrderRow
from connectors.ledger.supplier_records import Order

_COLUMNS = columns(OrderRow, Order)
_KEY = ("id", "user_id")
_READ = ("status", "is_open", "carrier", "tracking_number", "tracking_info", "tracking_status")
_MOVED = (*_READ, "tracking_updated_at", "checked_at", "updated_at")


class SupplierOrders:
    """The part of the ledger that knows orders at suppliers."""

    database: Database

    def add_orders(self, orders: Sequence[Order]) -> None:
        """Store new orders; those that are known stay as they are."""
        with self.database.writing() as connection:
            statement = insert_into(connection, OrderRow).on_conflict_do_nothing()
            for part in chunks(orders):
                connection.execute(statement, values(part, without="id"))

    def open_orders(self, user_id: str, supplier_id: str, limit: int) -> list[Order]:
        """A supplier's orders that have not come to their end, the longest unasked first."""
        table = OrderRow
        mine = and_(table.user_id == user_id, table.supplier_id == supplier_id, table.is_open)
        oldest = (table.checked_at.is_not(None), table.checked_at, table.id)
        with self.database.reading() as connection:
            rows = connection.execute(select(*_COLUMNS).where(mine).order_by(*oldest).limit(limit)).all()
        return loaded(Order, rows)

    def orders(self, user_id: str, supplier_id: str) -> list[Order]:
        """All orders at a supplier."""
        mine = and_(OrderRow.user_id == user_id, OrderRow.supplier_id == supplier_id)
        with self.database.reading() as connection:
            rows = connection.execute(select(*_COLUMNS).where(mine).order_by(OrderRow.id)).all()
        return loaded(Order, rows)

    def store_orders(self, orders: Sequence[Order]) -> None:
        """Store what the supplier says of orders now: status, carrier, tracking and when it was asked."""
        if not orders:
            return
        mine = and_(*(getattr(OrderRow, name) == given(name, getattr(OrderRow, name)) for name in _KEY))
        content = {name: given(name, getattr(OrderRow, name)) for name in _MOVED}
        rows = [{f"_{name}": getattr(each, name) for name in (*_KEY, *_MOVED)} for each in orders]
        with self.database.writing() as connection:
            connection.execute(update(OrderRow).where(mine).values(content), rows)

    def order_seen(self, orders: Sequence[Order], now: datetime) -> None:
        """Store that orders were asked for and nothing new was heard of them."""
        ids = [each.id for each in orders]
        with self.database.writing() as connection:
            for part in chunks(ids):
                mine = OrderRow.id.in_(part)
                connection.execute(update(OrderRow).where(mine).values(checked_at=now))
