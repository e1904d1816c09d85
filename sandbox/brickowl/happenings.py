"""What buyers, the seller and other programs do in a Brick Owl store while a client looks elsewhere.

`sale` (`lot`, `quantity`, or `lines` of them; `order_id` adds to an order), `cancel` (`order_id`, `restock`),
`refund` (`order_id`, `lot`, `quantity`, `restock`), `combine` (`order_id`, `into`), `status` (`order_id`,
`status_id`), `edit` (`lot`, and any of its fields; `quantity` too), `delete` (`lot`).
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx

from sandbox.book import Row
from sandbox.brickowl.model import CANCELLED, PLACED, Account, active
from sandbox.brickowl.orders import touch
from sandbox.brickowl.section import FIRST_LINE, FIRST_ORDER, LOT, line_of, natural, number_of
from sandbox.clock import spelled
from sandbox.reading import REQUIRED, Key, Path, counted, flag, listed, one_of, optional, read, shaped
from sandbox.rest import CannotError

Given = Mapping[str, Any]


def _lot(account: Account, number: int) -> Row:
    lot = account.lots.rows.get(number)
    if lot is None:
        raise CannotError(f"there is no lot {number}")
    return lot


def _order(account: Account, number: int) -> Row:
    order = account.orders.rows.get(number)
    if order is None:
        raise CannotError(f"there is no order {number}")
    return order


def sale(account: Account, given: Given) -> dict[str, object]:
    """A buyer orders: all of it, or nothing if a lot has too little."""
    lines = [_sold(account, line) for line in _asked(given)]
    number = given["order_id"]
    order = _order(account, number) if number else _placed(account)
    found = order["items"]
    for line in lines:
        found = _with(found, {**line, "order_item_id": _next_line(account, found)})
    touch(account, order, items=found)
    _tell(account, order["order_id"])
    return {"order_id": order["order_id"]}


def _asked(given: Given) -> list[Row]:
    if given["lines"]:
        return list(given["lines"])
    if given["lot"] is None:
        raise CannotError("a sale needs a lot, or lines")
    return [{"lot": given["lot"], "quantity": given["quantity"]}]


def _sold(account: Account, asked: Row) -> Row:
    """Take units of a lot; the line of the order that they become."""
    lot = _lot(account, asked["lot"])
    if not active(lot) or lot["qty"] < asked["quantity"]:
        raise CannotError(f"lot {lot['lot_id']} has {lot['qty']} on sale, not {asked['quantity']}")
    account.lots.alter(lot["lot_id"], qty=lot["qty"] - asked["quantity"])
    return line_of(lot, {"ordered_quantity": asked["quantity"], "refunded_quantity": 0})


def _placed(account: Account) -> Row:
    now = spelled(account.around.clock.now())
    number = max([FIRST_ORDER - 1, *(int(each) for each in account.orders.rows)]) + 1
    order: Row = {
        "order_id": number,
        "status_id": PLACED,
        "placed_at": now,
        "updated_at": now,
        "items": [],
        "combine_with": None,
        "tracking_number": None,
        "seller_note": None,
        "turn": account.turn(),
    }
    account.orders.put(number, order)
    return order


def _next_line(account: Account, new: list[Row]) -> int:
    known = [line for order in account.orders.rows.values() for line in order["items"]]
    return max([FIRST_LINE - 1, *(int(line["order_item_id"]) for line in [*known, *new])]) + 1


def _with(lines: list[Row], line: Row) -> list[Row]:
    """The lines of an order with one more, or with one of them grown."""
    if not any(each["lot_id"] == line["lot_id"] for each in lines):
        return [*lines, line]
    return [_grown(each, line) if each["lot_id"] == line["lot_id"] else each for each in lines]


def _grown(line: Row, more: Row) -> Row:
    names = ("ordered_quantity", "refunded_quantity")
    return {**line, **{name: line[name] + more[name] for name in names}}


def cancel(account: Account, given: Given) -> dict[str, object]:
    """An order is cancelled; with `restock` its units are for sale again, where the lots still are."""
    order = _order(account, given["order_id"])
    if order["status_id"] == CANCELLED:
        raise CannotError(f"order {order['order_id']} is cancelled already")
    for line in order["items"] if given["restock"] else []:
        _put_back(account, line["lot_id"], line["ordered_quantity"] - line["refunded_quantity"])
    touch(account, order, status_id=CANCELLED)
    return {"order_id": order["order_id"]}


def _put_back(account: Account, number: int, quantity: int) -> None:
    lot = account.lots.rows.get(number)
    if lot is not None:
        account.lots.alter(number, qty=lot["qty"] + quantity)


def refund(account: Account, given: Given) -> dict[str, object]:
    """Units of a line are refunded."""
    order = _order(account, given["order_id"])
    line = next((each for each in order["items"] if each["lot_id"] == given["lot"]), None)
    quantity = given["quantity"]
    if line is None or line["ordered_quantity"] - line["refunded_quantity"] < quantity:
        raise CannotError(f"order {order['order_id']} has not {quantity} of lot {given['lot']} to refund")
    less = {**line, "refunded_quantity": line["refunded_quantity"] + quantity}
    touch(account, order, items=[less if each is line else each for each in order["items"]])
    if given["restock"]:
        _put_back(account, given["lot"], quantity)
    return {"order_id": order["order_id"]}


def combine(account: Account, given: Given) -> dict[str, object]:
    """One order goes into another: it keeps no lines, and lines for one lot become one."""
    order, into = _order(account, given["order_id"]), _order(account, given["into"])
    lines = into["items"]
    for line in order["items"]:
        lines = _with(lines, line)
    touch(account, into, items=lines)
    touch(account, order, items=[], combine_with=into["order_id"])
    return {"order_id": into["order_id"]}


def status(account: Account, given: Given) -> dict[str, object]:
    """An order goes on its way."""
    touch(account, _order(account, given["order_id"]), status_id=given["status_id"])
    return {"order_id": given["order_id"]}


def edit(account: Account, given: Given) -> dict[str, object]:
    """The seller changes a lot by hand."""
    lot = _lot(account, given["lot"])
    fields = {name: value for name, value in given.items() if name in LOT and value is not None}
    if given["quantity"] is not None:
        fields["qty"] = given["quantity"]
    account.lots.alter(lot["lot_id"], **fields)
    return {"lot": lot["lot_id"]}


def delete(account: Account, given: Given) -> dict[str, object]:
    """The seller deletes a lot by hand."""
    account.lots.drop(_lot(account, given["lot"])["lot_id"])
    return {"lot": given["lot"]}


SOLD: Final = {"lot": Key(number_of, REQUIRED), "quantity": Key(counted, 1)}
ORDER: Final = {"order_id": Key(number_of, REQUIRED)}
FIELDS: Final = {name: Key(optional(key.check)) for name, key in LOT.items() if name not in ("lot_id", "qty")}
Happening = Callable[[Account, Given], dict[str, object]]
KINDS: Final[Mapping[str, tuple[Happening, Mapping[str, Key]]]] = {
    "sale": (
        sale,
        {
            "lot": Key(optional(number_of)),
            "quantity": Key(counted, 1),
            "lines": Key(listed(shaped(SOLD)), list),
            "order_id": Key(optional(number_of)),
        },
    ),
    "cancel": (cancel, {**ORDER, "restock": Key(flag, True)}),
    "refund": (refund, {**ORDER, **SOLD, "restock": Key(flag, False)}),
    "combine": (combine, {**ORDER, "into": Key(number_of, REQUIRED)}),
    "status": (status, {**ORDER, "status_id": Key(natural, REQUIRED)}),
    "edit": (edit, {"lot": Key(number_of, REQUIRED), "quantity": Key(optional(natural)), **FIELDS}),
    "delete": (delete, {"lot": Key(number_of, REQUIRED)}),
}


def check(kind: str, given: Given, path: Path = ("event",)) -> dict[str, Any]:
    """The event's values, completed; WorldError if there is no such event, or it says too little or much."""
    one_of(*KINDS)(kind, (*path, "kind"))
    return read(dict(given), path, KINDS[kind][1])


def happen(account: Account, kind: str, given: Given) -> dict[str, object]:
    """Make an event happen; CannotError if it cannot be."""
    return KINDS[kind][0](account, check(kind, given))


def _tell(account: Account, order_id: int) -> None:
    """Call whoever asked by `order/notify`, once; nothing is sent again, and some calls are lost."""
    notices = account.notices
    if not notices.ip:
        return
    notices.sent += 1
    if notices.drops and notices.sent % notices.drops == 0:
        return
    url = f"http://{notices.ip}:{notices.port}/brick_owl_order_notify"
    asked = {"order_id": str(order_id), "store_id": "7"}
    threading.Thread(target=_call, args=(url, asked), name="notify", daemon=True).start()


def _call(url: str, asked: Mapping[str, str]) -> None:
    try:
        httpx.get(url, params=dict(asked), timeout=2, trust_env=False)
    except httpx.HTTPError:
        return
