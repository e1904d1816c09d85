"""The job `order_sync`: status, carrier and tracking of the orders that a supplier is still at work on."""

from collections.abc import Sequence
from typing import Final

from connectors.errors import WindowClosed
from connectors.ledger.supplier_records import Order, Rows
from connectors.records import JsonObject
from connectors.slices import chunks
from connectors.supplier import Ability, Supplier, SupplierOrder, TracksOrders
from connectors.suppliers import need
from tasks.orders_heard import Heard, heard
from tasks.signs import Sign
from tasks.supplier_job import JobContext, JobResult, PutBack
from tasks.supplier_pass import put_back, usage_of

AT_ONCE: Final = 50
MOST: Final = 10_000


def sync_orders(context: JobContext) -> JobResult | PutBack:
    """Ask for every open order, the longest unasked first.

    Raises ConfigurationError for a supplier that tracks no orders.
    """
    need(context.supplier.connector_type, Ability.TRACKS_ORDERS)
    row = context.supplier
    orders = context.ledger.open_orders(row.user_id, row.id, MOST)
    context.log(Sign.START, f"{len(orders)} open orders at {row.name}")
    found = Heard()
    with context.open() as supplier:
        try:
            for some in chunks(orders, AT_ONCE):
                _ask(context, supplier, some, found)
        except WindowClosed as closed:
            return put_back(context, closed, supplier)
        usage = usage_of(supplier)
    return _ended(context, orders, found, usage)


def _ask(context: JobContext, supplier: Supplier, orders: Sequence[Order], found: Heard) -> None:
    if not isinstance(supplier, TracksOrders):
        raise TypeError(f"{type(supplier).__name__} tracks no orders")
    context.beat()
    ids = [each.supplier_order_id for each in orders]
    told: dict[str, SupplierOrder] = {each.supplier_order_id: each for each in supplier.orders(ids)}
    now = context.now()
    new = heard(orders, told, now)
    if not context.dry_run:
        context.ledger.store_orders(new.changed)
        # What cannot be read must not stand first for ever.
        context.ledger.order_seen([*new.same, *new.unread], now)
    found.changed += new.changed
    found.same += new.same
    found.problems += new.problems


def _ended(context: JobContext, orders: Sequence[Order], found: Heard, usage: JsonObject) -> JobResult:
    context.log(Sign.SUCCESS, f"{len(found.changed)} of {len(orders)} orders have news")
    checked, errors = len(found.changed) + len(found.same), tuple(found.problems)
    result: JsonObject = {
        "type": "order_sync",
        "orders_checked": checked,
        "orders_updated": len(found.changed),
        "errors": list(errors),
        "orders_ended": sum(1 for each in found.changed if not each.is_open),
    }
    rows = Rows(len(orders), checked, checked, len(orders) - checked)
    return JobResult(result, rows, errors, usage)
