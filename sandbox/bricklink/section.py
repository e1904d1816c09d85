"""BrickLink's section of a world file: read, with defaults for all that is left out, and written again.

A store takes: `consumer_key`, `consumer_secret`, `token`, `token_secret` (by default made of its name),
`address` and `mask` (where the token may be used), `store_name`, `currency`, `daily_limit` (5000),
`at_once` (5), `timestamp_window_seconds` (300), `stockroom` (where retained lots go that sell out: A),
`items` (the catalogue: without this key it has everything), `lots`, `orders`, `notifications`,
`callback_url`, `callback_lost` (every so many-th call is lost). Lots and orders are as in answers; a lot may
also say `status`: N (unavailable) or R (reserved).
"""

import ipaddress
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from sandbox.book import Book, Row
from sandbox.bricklink.lots import BLANK, TIERS
from sandbox.bricklink.model import (
    COMPLETENESS,
    CONDITIONS,
    FINAL,
    OPEN,
    PAYMENTS,
    ROOMS,
    TYPES,
    USUAL_CATEGORY,
    Account,
    Catalogue,
    Item,
    Terms,
    color_name,
    day_of,
    money,
    timestamp,
)
from sandbox.bricklink.notices import Notices
from sandbox.bricklink.oauth import Keys
from sandbox.bricklink.sales import COSTS, line_of, order_of
from sandbox.reading import (
    REQUIRED,
    Json,
    Key,
    Path,
    Shape,
    WorldError,
    anything,
    counted,
    filled,
    first_double,
    flag,
    listed,
    mapped,
    moment,
    number,
    one_of,
    optional,
    shaped,
    text,
    whole,
)
from sandbox.surroundings import Surroundings

A = TypeVar("A", bound=Account)
FIRST_LOT: Final = 50_000_001
FIRST_ORDER: Final = 20_000_001


def _amount(value: Json, path: Path) -> str:
    """An amount of four digits: text such as "0.1000", or a number."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if isinstance(value, bool) or not found.is_finite() or found < 0:
        raise WorldError(path, "must be an amount such as '0.1000'")
    return money(found)


def _not_negative(value: Json, path: Path) -> int:
    if whole(value, path) < 0:
        raise WorldError(path, f"must be 0 or more, not {value}")
    return int(value)


def _address(value: Json, path: Path) -> str:
    try:
        return str(ipaddress.IPv4Address(text(value, path)))
    except ValueError:
        raise WorldError(path, "must be an IPv4 address") from None


def _time(value: Json, path: Path) -> str:
    return timestamp(moment(value, path))


ITEM: Final = {
    "no": Key(filled, REQUIRED),
    "type": Key(one_of(*TYPES), "PART"),
    "name": Key(optional(text)),
    "category_id": Key(_not_negative, USUAL_CATEGORY),
}
LOT: Final = {
    "inventory_id": Key(optional(counted)),
    "item": Key(shaped(ITEM), REQUIRED),
    "color_id": Key(_not_negative, 0),
    "color_name": Key(optional(text)),
    "quantity": Key(_not_negative, 1),
    "new_or_used": Key(one_of(*CONDITIONS), "N"),
    "completeness": Key(optional(one_of(*COMPLETENESS))),
    "unit_price": Key(_amount, "0.1000"),
    "bind_id": Key(_not_negative, 0),
    "description": Key(text, ""),
    "remarks": Key(text, ""),
    "bulk": Key(counted, 1),
    "my_cost": Key(_amount, "0.0000"),
    "sale_rate": Key(_not_negative, 0),
    **{name: Key(_amount if "price" in name else _not_negative, BLANK[name]) for name in TIERS},
    "is_retain": Key(flag, False),
    "is_stock_room": Key(flag, False),
    "stock_room_id": Key(optional(one_of(*ROOMS))),
    "date_created": Key(optional(moment)),
    "my_weight": Key(_amount, "0.0000"),
    "status": Key(optional(one_of("N", "R"))),
}
LINE: Final = {
    "inventory_id": Key(counted, REQUIRED),
    "quantity": Key(counted, REQUIRED),
    "item": Key(optional(shaped(ITEM))),
    "color_id": Key(optional(_not_negative)),
    "color_name": Key(optional(text)),
    "new_or_used": Key(optional(one_of(*CONDITIONS))),
    "completeness": Key(optional(one_of(*COMPLETENESS))),
    **{name: Key(optional(_amount)) for name in ("unit_price", "unit_price_final")},
    **{name: Key(optional(_amount)) for name in ("disp_unit_price", "disp_unit_price_final", "weight")},
    **{name: Key(optional(text)) for name in ("currency_code", "disp_currency_code")},
    **{name: Key(optional(text)) for name in ("remarks", "description")},
}
PAYMENT: Final = {
    "method": Key(text, "PayPal.com (Onsite)"),
    "status": Key(one_of(*PAYMENTS), "None"),
    "currency_code": Key(text, "USD"),
    "date_paid": Key(optional(_time)),
}
COST: Final = {
    "currency_code": Key(optional(text)),
    **{name: Key(_amount, "0.0000") for name in (*COSTS, "subtotal", "grand_total")},
}
COUNTED: Final = ("disp_cost", "total_count", "unique_count", "total_weight")
"""What is counted from an order's lines, whatever a world file says."""
ORDER: Final = {
    "order_id": Key(optional(counted)),
    "status": Key(one_of(*OPEN, *FINAL), "PENDING"),
    "date_ordered": Key(optional(_time)),
    "date_status_changed": Key(optional(_time)),
    "items": Key(listed(listed(shaped(LINE))), list),
    "direction": Key(one_of("in", "out"), "in"),
    **{name: Key(optional(text)) for name in ("seller_name", "store_name", "buyer_name", "buyer_email")},
    "buyer_order_count": Key(_not_negative, 0),
    **{
        name: Key(flag, False)
        for name in (
            "is_filed",
            "is_invoiced",
            "require_insurance",
            "drive_thru_sent",
            "salesTax_collected_by_bl",
        )
    },
    "remarks": Key(text, ""),
    "payment": Key(optional(shaped(PAYMENT))),
    "shipping": Key(optional(mapped(anything))),
    "cost": Key(optional(shaped(COST))),
    **{name: Key(optional(anything)) for name in COUNTED},
}
NOTICE: Final = {
    "event_type": Key(one_of("Order", "Message", "Feedback"), REQUIRED),
    "resource_id": Key(counted, REQUIRED),
    "timestamp": Key(_time, REQUIRED),
}
STORE: Final = Shape(
    {
        **{name: Key(optional(filled)) for name in ("consumer_key", "consumer_secret")},
        **{name: Key(optional(filled)) for name in ("token", "token_secret")},
        **{name: Key(_address, "0.0.0.0") for name in ("address", "mask")},  # noqa: S104 - any
        "store_name": Key(filled, "Brick store"),
        "currency": Key(filled, "USD"),
        "daily_limit": Key(_not_negative, 5000),
        "at_once": Key(counted, 5),
        "timestamp_window_seconds": Key(number, 300.0),
        "stockroom": Key(one_of(*ROOMS), "A"),
        "items": Key(optional(listed(shaped(ITEM)))),
        "lots": Key(listed(Shape(LOT)), list),
        "orders": Key(listed(Shape(ORDER)), list),
        "notifications": Key(listed(shaped(NOTICE)), list),
        "callback_url": Key(optional(filled)),
        "callback_lost": Key(_not_negative, 0),
        "next_inventory_id": Key(counted, FIRST_LOT),
        "next_order_id": Key(counted, FIRST_ORDER),
    }
)
KEPT: Final = (
    "address",
    "mask",
    "store_name",
    "currency",
    "daily_limit",
    "at_once",
    "timestamp_window_seconds",
    "stockroom",
    "callback_url",
    "callback_lost",
)


def read_account(name: str, section: Json, path: Path, around: Surroundings, make: Callable[..., A]) -> A:
    """A store; `make` is its class. WorldError if it cannot be."""
    found = STORE(section, path)
    keys = _keys(name, found)
    terms = Terms(
        keys,
        found["daily_limit"],
        found["at_once"],
        found["stockroom"],
        found["currency"],
        found["timestamp_window_seconds"],
        found["store_name"],
    )
    account = make(
        name,
        around,
        terms,
        _catalogue(found["items"]),
        Notices(found["notifications"], found["callback_url"], found["callback_lost"]),
        Book("bricklink", name, around.ledger, around.clock),
        {key: found[key] for key in KEPT},
    )
    _fill(account, found, path)
    return account


def _keys(name: str, found: Mapping[str, Any]) -> Keys:
    parts = ("consumer_key", "consumer_secret", "token", "token_secret")
    keys = {part: found[part] or f"{name}-{part.replace('_', '-')}" for part in parts}
    return Keys(**keys, address=found["address"], mask=found["mask"])


def _catalogue(items: list[Row] | None) -> Catalogue:
    catalogue = Catalogue({}, closed=items is not None)
    for each in items or ():
        catalogue.add(_item(each))
    return catalogue


def _item(found: Row) -> Item:
    name = found["name"] or f"{found['type'].title()} {found['no']}"
    return Item(found["no"], found["type"], name, found["category_id"])


def _fill(account: Account, found: Row, path: Path) -> None:
    """Lots and orders; those without an id get the next ones."""
    lots, orders = found["lots"], found["orders"]
    account.next_lot = _next([each["inventory_id"] for each in lots], found["next_inventory_id"], path)
    account.next_order = _next([each["order_id"] for each in orders], found["next_order_id"], path)
    day = day_of(account.now())
    for each in lots:
        _place(account, each, day)
    now = timestamp(account.now())
    for each in orders:
        order = _order(account, each, now)
        account.orders.rows[order["order_id"]] = order


def _next(numbers: list[int | None], least: int, path: Path) -> int:
    given = [each for each in numbers if each is not None]
    double = first_double(given)
    if double is not None:
        raise WorldError(path, f"the id {double} is there twice")
    return max([least, *(each + 1 for each in given)])


def _place(account: Account, found: Row, day: str) -> None:
    number, status = found["inventory_id"], found["status"]
    if number is None:
        number, account.next_lot = account.next_lot, account.next_lot + 1
    account.catalogue.add(item := _item(found["item"]))
    account.lots.rows[number] = _lot(found, number, item, day)
    if status:
        account.withheld[number] = status


def _lot(found: Row, number: int, item: Item, day: str) -> Row:
    """The lot as answers have it: some keys are there only where they mean something."""
    boxed = {"completeness": found["completeness"] or "C"} if item.type == "SET" else {}
    stored = {"stock_room_id": found["stock_room_id"] or "A"} if found["is_stock_room"] else {}
    left_out = ("completeness", "stock_room_id", "status")
    lot = {name: value for name, value in found.items() if name not in left_out}
    return {
        **lot,
        **boxed,
        **stored,
        "inventory_id": number,
        "item": item.told(),
        "color_name": found["color_name"] or color_name(found["color_id"]),
        "date_created": day_of(found["date_created"]) if found["date_created"] else day,
    }


def _order(account: Account, found: Row, now: str) -> Row:
    """An order as answers have it, in full: what a lot still says is taken from the lot."""
    number = found["order_id"]
    if number is None:
        number, account.next_order = account.next_order, account.next_order + 1
    batches = [[_line(account, line) for line in batch] for batch in found["items"]]
    said = {name: value for name, value in found.items() if value is not None}
    said.setdefault("date_ordered", now)
    said.setdefault("date_status_changed", said["date_ordered"])
    if "payment" in said:
        said["payment"] = {name: value for name, value in said["payment"].items() if value is not None}
    return order_of(account, {**said, "order_id": number, "items": batches})


def _line(account: Account, found: Row) -> Row:
    lot = account.lots.rows.get(found["inventory_id"])
    said = {name: value for name, value in found.items() if value is not None}
    if found["item"]:
        said["item"] = _item(found["item"]).told()
    return line_of(account, lot, said)


def write_account(account: Account) -> dict[str, Any]:
    """The store in the form of the world file."""
    keys, catalogue = account.terms.keys, account.catalogue
    items = [each.told() for each in catalogue.items.values()]
    return {
        "consumer_key": keys.consumer_key,
        "consumer_secret": keys.consumer_secret,
        "token": keys.token,
        "token_secret": keys.token_secret,
        **account.given,
        **({"items": items} if catalogue.closed else {}),
        "lots": [_written(account, lot) for lot in account.lots.rows.values()],
        "orders": list(account.orders.rows.values()),
        "notifications": account.notices.read(emptied=False),
        "next_inventory_id": account.next_lot,
        "next_order_id": account.next_order,
    }


def _written(account: Account, lot: Row) -> Row:
    status = account.withheld.get(lot["inventory_id"])
    return {**lot, "status": status} if status else lot
