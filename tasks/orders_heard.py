"""Judge what a supplier says of open orders: what of each is new."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from connectors.ledger.supplier_records import Order
from connectors.supplier import SupplierOrder

if TYPE_CHECKING:
    from connectors.records import JsonObject

ENDS: Final = frozenset({"delivered", "cancelled"})
"""What an order that is in one of these becomes, it stays."""


@dataclass
class Heard:
    """`changed`: orders as they are now; `same`: those with nothing new; `unread`: those that no answer came
    of; `problems` for a person.
    """

    changed: list[Order] = field(default_factory=list)
    same: list[Order] = field(default_factory=list)
    unread: list[Order] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def heard(orders: Sequence[Order], told: Mapping[str, SupplierOrder], now: datetime) -> Heard:
    """What to store. An order that could not be read now, or that nobody knows, stays as it is."""
    found = Heard()
    for order in orders:
        answer = told.get(order.supplier_order_id)
        if answer is None:
            found.unread.append(order)
            found.problems.append(f"order {order.supplier_order_id}: could not be read, it stays as it was")
        elif not answer.known:
            found.same.append(order)
            found.problems.append(f"order {order.supplier_order_id}: the supplier does not know it")
        else:
            _take(found, order, answer, now)
    return found


def _take(found: Heard, order: Order, answer: SupplierOrder, now: datetime) -> None:
    if answer.state is None:
        found.problems.append(
            f"order {order.supplier_order_id}: the status {answer.status!r} is not known; kept as it came"
        )
    new = merged(order, answer, now)
    (found.same if new == order else found.changed).append(
        new if new == order else replace(new, checked_at=now)
    )


def merged(order: Order, answer: SupplierOrder, now: datetime) -> Order:
    """The order with what the supplier says; the same one if nothing of it is new. What is not said stays."""
    parcels: JsonObject | None = {"parcels": list(answer.tracking_info)} if answer.tracking_info else None
    new = replace(
        order,
        status=answer.status or order.status,
        is_open=answer.state not in ENDS,
        carrier=answer.carrier or order.carrier,
        tracking_number=answer.tracking_number or order.tracking_number,
        tracking_info=parcels or order.tracking_info,
        tracking_status=answer.state or order.tracking_status,
    )
    if new == order:
        return order
    tracked = (new.carrier, new.tracking_number, new.tracking_info, new.tracking_status)
    before = (order.carrier, order.tracking_number, order.tracking_info, order.tracking_status)
    return replace(
        new, updated_at=now, tracking_updated_at=now if tracked != before else order.tracking_updated_at
    )
