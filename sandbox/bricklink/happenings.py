"""What buyers and the seller do in a BrickLink store while a client looks elsewhere.

`sale` (`lot`, `quantity`, or `lines` of them; `order_id` adds a batch to an order; `buyer`), `reduce`
(`order_id`, `lot`, `quantity`, `restock`: units leave an order), `cancel` (`order_id`, `restock`, `status`),
`status` (`order_id`, `status`), `file` (`order_id`, `filed`), `edit` (`lot`, and any of its fields;
`quantity` is what it is then), `delete` (`lot`), `withhold` (`lot`, `status`: N, R, or null).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.book import Row
from sandbox.bricklink.lots import sold
from sandbox.bricklink.model import FINAL, OPEN, Account, timestamp
from sandbox.bricklink.sales import changed, line_of, order_of
from sandbox.bricklink.section import LOT
from sandbox.reading import REQUIRED, Key, Path, counted, filled, flag, listed, one_of, optional, read, shaped
from sandbox.rest import CannotError

Given = Mapping[str, Any]
MOVED: Final = ("CANCELLED", "NPB", "NPX", "OCR")
"""What an order may become that nobody will pay."""


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
    """A buyer orders: all of it, or nothing. Units leave the lots at once."""
    batch = [_sold(account, line) for line in _asked(given)]
    if given["order_id"] is None:
        order = _placed(account, batch, given["buyer"])
    else:
        order = _order(account, given["order_id"])
        if order["status"] in FINAL:
            raise CannotError(f"order {order['order_id']} is {order['status']}")
        changed(account, order, items=[*order["items"], batch], status="UPDATED")
    return _told(account, order["order_id"])


def _asked(given: Given) -> list[Row]:
    if given["lines"]:
        return list(given["lines"])
    if given["lot"] is None:
        raise CannotError("a sale needs a lot, or lines")
    return [{"lot": given["lot"], "quantity": given["quantity"]}]


def _sold(account: Account, asked: Row) -> Row:
    """Take units of a lot; the line of the order that they become."""
    number, quantity = asked["lot"], asked["quantity"]
    lot = _lot(account, number)
    if account.status_of(lot) != "Y" or lot["quantity"] < quantity or quantity % lot["bulk"]:
        there = lot["quantity"] if account.status_of(lot) == "Y" else 0
        raise CannotError(f"lot {number} has {there} on sale in portions of {lot['bulk']}, not {quantity}")
    after = sold(lot, quantity, account.terms.stockroom)
    if after is None:
        account.lots.drop(number)
    else:
        account.lots.put(number, after)
    return line_of(account, lot, {"inventory_id": number, "quantity": quantity})


def _placed(account: Account, batch: list[Row], buyer: str) -> Row:
    now = timestamp(account.now())
    number = account.new_order()
    said = {"date_ordered": now, "date_status_changed": now, "status": "PENDING", "buyer_name": buyer}
    order = order_of(account, {**said, "order_id": number, "items": [batch]})
    account.orders.put(number, order)
    return order


def _told(account: Account, order_id: int) -> dict[str, object]:
    alone = account.switch("callback") == "single"
    account.notices.tell("Order", order_id, timestamp(account.now()), alone=alone)
    return {"order_id": order_id}


def reduce(account: Account, given: Given) -> dict[str, object]:
    """Units of a lot leave an order; with `restock` they are for sale again, if the lot is still there."""
    order, number, left = _order(account, given["order_id"]), given["lot"], given["quantity"]
    batches: list[list[Row]] = []
    for batch in order["items"]:
        batches.append([])
        for line in batch:
            taken = min(left, line["quantity"]) if line["inventory_id"] == number else 0
            left -= taken
            batches[-1] += (
                [{**line, "quantity": line["quantity"] - taken}] if taken < line["quantity"] else []
            )
    if left:
        raise CannotError(f"order {order['order_id']} has not {given['quantity']} of lot {number}")
    changed(account, order, items=[batch for batch in batches if batch], status="UPDATED")
    if given["restock"]:
        _put_back(account, number, given["quantity"])
    return _told(account, order["order_id"])


def _put_back(account: Account, number: int, quantity: int) -> None:
    lot = account.lots.rows.get(number)
    if lot is not None:
        account.lots.alter(number, quantity=lot["quantity"] + quantity)


def cancel(account: Account, given: Given) -> dict[str, object]:
    """An order ends. Units go back only with `restock`, and only to lots that are still there."""
    order = _order(account, given["order_id"])
    if order["status"] in FINAL:
        raise CannotError(f"order {order['order_id']} is {order['status']} already")
    changed(account, order, status=given["status"])
    for line in [line for batch in order["items"] for line in batch] if given["restock"] else []:
        _put_back(account, line["inventory_id"], line["quantity"])
    return _told(account, order["order_id"])


def status(account: Account, given: Given) -> dict[str, object]:
    """An order moves on, by its buyer's doing."""
    order = _order(account, given["order_id"])
    changed(account, order, status=given["status"])
    return _told(account, order["order_id"])


def file(account: Account, given: Given) -> dict[str, object]:
    """The seller files an order, or takes it out again; nobody is told."""
    order = _order(account, given["order_id"])
    account.orders.alter(order["order_id"], is_filed=given["filed"])
    return {"order_id": order["order_id"]}


def edit(account: Account, given: Given) -> dict[str, object]:
    """The seller changes a lot by hand: fields are what they are set to, quantities too."""
    lot = _lot(account, given["lot"])
    said = {name: value for name, value in given.items() if name != "lot" and value is not None}
    after = {**lot, **said}
    if not after["is_stock_room"]:
        after.pop("stock_room_id", None)
    else:
        after.setdefault("stock_room_id", "A")
    account.lots.put(given["lot"], after)
    return {"lot": given["lot"]}


def delete(account: Account, given: Given) -> dict[str, object]:
    """The seller deletes a lot by hand."""
    account.lots.drop(_lot(account, given["lot"])["inventory_id"])
    return {"lot": given["lot"]}


def withhold(account: Account, given: Given) -> dict[str, object]:
    """A lot is reserved for a buyer or is unavailable; null: it is for sale again."""
    number = _lot(account, given["lot"])["inventory_id"]
    account.withheld.pop(number, None)
    if given["status"]:
        account.withheld[number] = given["status"]
    return {"lot": number}


LINE: Final = {"lot": Key(counted, REQUIRED), "quantity": Key(counted, 1)}
OF_ORDER: Final = {"order_id": Key(counted, REQUIRED)}
FIXED: Final = ("inventory_id", "item", "date_created", "completeness", "color_name", "status")
Happening = Callable[[Account, Given], dict[str, object]]
KINDS: Final[Mapping[str, tuple[Happening, Mapping[str, Key]]]] = {
    "sale": (
        sale,
        {
            "lot": Key(optional(counted)),
            "quantity": Key(counted, 1),
            "lines": Key(listed(shaped(LINE)), list),
            "order_id": Key(optional(counted)),
            "buyer": Key(filled, "a_buyer"),
        },
    ),
    "reduce": (reduce, {**OF_ORDER, **LINE, "restock": Key(flag, False)}),
    "cancel": (cancel, {**OF_ORDER, "restock": Key(flag, False), "status": Key(one_of(*MOVED), "CANCELLED")}),
    "status": (status, {**OF_ORDER, "status": Key(one_of(*OPEN, *FINAL), REQUIRED)}),
    "file": (file, {**OF_ORDER, "filed": Key(flag, True)}),
    "edit": (
        edit,
        {
            "lot": Key(counted, REQUIRED),
            **{name: Key(optional(key.check)) for name, key in LOT.items() if name not in FIXED},
        },
    ),
    "delete": (delete, {"lot": Key(counted, REQUIRED)}),
    "withhold": (
        withhold,
        {"lot": Key(counted, REQUIRED), "status": Key(optional(one_of("N", "R")), REQUIRED)},
    ),
}


def check(kind: str, given: Given) -> dict[str, Any]:
    """What an event says; WorldError if it cannot be read."""
    path: Path = ("event",)
    one_of(*KINDS)(kind, (*path, "kind"))
    return read(dict(given), path, KINDS[kind][1])


def happen(account: Account, kind: str, given: Given) -> dict[str, object]:
    """Make an event happen; CannotError if it cannot be."""
    return KINDS[kind][0](account, check(kind, given))
