"""Orders as the API shows and changes them (https://www.brickowl.com/api_docs)."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sandbox.book import Row
from sandbox.brickowl import words
from sandbox.brickowl.inventory import ids, success
from sandbox.brickowl.model import (
    CANCELLED,
    CONDITIONS,
    STATUSES,
    Account,
    color_of,
    rounded,
    total,
    units,
)
from sandbox.brickowl.words import Arguments, Problem, needed
from sandbox.clock import spelled

MOST: Final = 5000
USUAL: Final = 500
SORTS: Final[dict[str, Callable[[Row], Any]]] = {
    "created": lambda order: (order["placed_at"], order["order_id"]),
    "updated": lambda order: (order["updated_at"], order["turn"]),
}


def listing(account: Account, given: Arguments) -> list[Row]:
    """GET order/list: the newest first; it does not tell when an order was changed."""
    if given.get("list_type", "store") == "customer":
        return []
    if not account.store:
        raise Problem(400, "Store not found, you may need to set list_type=customer")
    limit = words.natural(given.get("limit", str(USUAL)), "limit")
    by = given.get("sort_by", "created")
    if by not in SORTS or limit > MOST:
        raise Problem(400, "Invalid sort_by" if by not in SORTS else f"Invalid limit: at most {MOST}")
    found = [order for order in account.orders.rows.values() if _wanted(order, given)]
    return [_line_of_list(order) for order in sorted(found, key=SORTS[by], reverse=True)[:limit]]


def _wanted(order: Row, given: Arguments) -> bool:
    since = words.natural(given.get("order_time", "0"), "order_time")
    wanted = given.get("status", "")
    return unix(order["placed_at"]) >= since and (not wanted or order["status_id"] == status_of(wanted))


def status_of(text: str) -> int:
    """A status by its number or its name."""
    if text.isdecimal() and int(text) < len(STATUSES):
        return int(text)
    names = [name.casefold() for name in STATUSES]
    if text.casefold() in names:
        return names.index(text.casefold())
    raise Problem(400, "Invalid status")


def _line_of_list(order: Row) -> Row:
    return {
        "order_id": str(order["order_id"]),
        "order_date": str(unix(order["placed_at"])),
        "total_quantity": str(units(order)),
        "total_lots": str(len(order["items"])),
        "base_order_total": str(rounded(total(order))),
        "status": STATUSES[order["status_id"]],
        "status_id": str(order["status_id"]),
    }


def view(account: Account, given: Arguments) -> Row:
    """GET order/view: one order without its lines."""
    order = found(account, given)
    refunded = sum(
        (Decimal(line["price"]) * line["refunded_quantity"] for line in order["items"]), Decimal(0)
    )
    return {
        **_line_of_list(order),
        "order_time": str(unix(order["placed_at"])),
        "iso_order_time": order["placed_at"],
        "processed_time": None,
        "iso_processed_time": None,
        "updated_time": str(unix(order["updated_at"])),
        "store_id": "7",
        "base_currency": account.currency,
        "sub_total": str(rounded(total(order))),
        "ship_total": "0.000",
        "tax_amount": 0,
        "payment_currency": account.currency,
        "payment_total": str(rounded(total(order))),
        "ship_method_name": "Post",
        "ship_method_id": "3",
        "weight": 12.5,
        "tracking_number": order["tracking_number"],
        "combine_with": None if order["combine_with"] is None else str(order["combine_with"]),
        "refund_total": str(rounded(refunded)),
        "refund_subtotal": str(rounded(refunded)),
        "seller_note": order["seller_note"],
        "buyer_note": None,
        "buyer_name": "Jo Byrne",
        "customer_email": "jo@example.com",
        "customer_username": "jo",
        "customer_user_id": "12",
        "ship_first_name": "Jo",
        "ship_last_name": "Byrne",
        "ship_street_1": "1 Main Street",
        "ship_city": "Cork",
        "ship_country_code": "IE",
    }


def items(account: Account, given: Arguments) -> list[Row]:
    """GET order/items: its lines, with what the lots were like when they were sold."""
    return [_item(account, line) for line in found(account, given)["items"]]


def _item(account: Account, line: Row) -> Row:
    item, color = account.item(line["boid"]), color_of(line["boid"])
    external = line["external_id"]
    return {
        "order_item_id": str(line["order_item_id"]),
        "lot_id": str(line["lot_id"]),
        "boid": line["boid"],
        "name": item.name if item else "",
        "type": item.type if item else "Part",
        "color_id": None if color is None else str(color),
        "color_name": account.colors[color].name if color in account.colors else None,
        "condition": CONDITIONS[line["con"]],
        "full_con": line["con"],
        "ordered_quantity": str(line["ordered_quantity"]),
        "refunded_quantity": str(line["refunded_quantity"]),
        "remaining_quantity": str(line["ordered_quantity"] - line["refunded_quantity"]),
        "base_price": line["price"],
        "weight": "1.5",
        "personal_note": None,
        "public_note": None,
        "bl_lot_id": external if external and external.isdecimal() else None,
        "external_lot_ids": {"other": external} if external else [],
        "image_small": None,
        "ids": ids(item) if item else [],
    }


def set_status(account: Account, given: Arguments) -> Row:
    """POST order/set_status: any status but Pending and Cancelled."""
    order, status = found(account, given), words.natural(needed(given, "status_id"), "status_id")
    if status not in range(1, CANCELLED):
        raise Problem(400, "Invalid status_id")
    touch(account, order, status_id=status)
    return success(account)


def tracking(account: Account, given: Arguments) -> Row:
    """POST order/tracking: the number of a parcel."""
    touch(account, found(account, given), tracking_number=needed(given, "tracking_id"))
    return success(account)


def note(account: Account, given: Arguments) -> Row:
    """POST order/note: the seller's own note."""
    touch(account, found(account, given), seller_note=words.note(given.get("note", "")))
    return success(account)


def notify(account: Account, given: Arguments) -> Row:
    """POST order/notify: where to call when there is an order; empty text: nowhere."""
    if "ip" not in given:
        raise Problem(400, "Missing parameter: ip")
    account.notices.ip = given["ip"]
    return success(account)


def found(account: Account, given: Arguments) -> Row:
    """The order that is named."""
    order = account.orders.rows.get(words.number_of(needed(given, "order_id"), "Order"))
    if order is None:
        raise Problem(404, "Order not found")
    return order


def touch(account: Account, order: Row, **fields: object) -> Row:
    """Change an order, which makes it the one changed last."""
    now = spelled(account.around.clock.now())
    return account.orders.alter(order["order_id"], **fields, updated_at=now, turn=account.turn())


def unix(time: str) -> int:
    """Seconds since 1970."""
    return int(datetime.fromisoformat(time).timestamp())
