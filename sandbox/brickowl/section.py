"""An account of Brick Owl as a world file has it, read and written.

Beyond what every world may have, an account takes `areas` (what its key is allowed), `store` (false: the key
has none), `currency`, `calls_per_minute`, `batches_per_minute` and `notify` (`ip`, `port`, `drops`); an item
`name` and `retiring`; a lot everything that a lot has; an order's line what its lot was like, and
`refunded_quantity`. Left out, colours are a few that are told below, and items those that lots are of.
"""

from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from itertools import count
from typing import Any, Final, TypeVar

from sandbox.book import Book, Row
from sandbox.brickowl.model import (
    AREAS,
    CONDITIONS,
    PLACED,
    STATUSES,
    TYPES,
    Account,
    Color,
    Item,
    Notices,
    bare,
    color_of,
    rounded,
)
from sandbox.clock import spelled
from sandbox.reading import (
    REQUIRED,
    Json,
    Key,
    Path,
    WorldError,
    counted,
    filled,
    first_double,
    flag,
    listed,
    moment,
    one_of,
    optional,
    read,
    shaped,
    text,
    whole,
)
from sandbox.surroundings import Surroundings

A = TypeVar("A", bound=Account)

COLORS: Final = (
    (38, "Red", (5,)),
    (39, "Black", (11,)),
    (40, "White", (1,)),
    (41, "Blue", (7,)),
    (42, "Yellow", (3,)),
    (43, "Light Gray", (9, 86)),
)
"""Colours of a world that tells none: number, name, BrickLink's numbers."""
FIRST_LOT: Final = 7_350_001
FIRST_ORDER: Final = 4_000_001
FIRST_LINE: Final = 90_001


def amount(value: Json, path: Path) -> str:
    """A price: text or a number, kept with three decimals."""
    try:
        found = rounded(Decimal(str(value)))
    except InvalidOperation:
        raise WorldError(path, "must be an amount such as '0.100'") from None
    if found <= 0:
        raise WorldError(path, "must be 0.001 or more")
    return str(found)


def time(value: Json, path: Path) -> str:
    """An ISO time, in UTC."""
    return spelled(moment(value, path))


def natural(value: Json, path: Path) -> int:
    """A whole number from 0."""
    if whole(value, path) < 0:
        raise WorldError(path, f"must be 0 or more, not {value}")
    return int(value)


def number_of(value: Json, path: Path) -> int:
    """A number that identifies something, also written as text as the API does."""
    return counted(int(value) if isinstance(value, str) and value.isdecimal() else value, path)


def boid(value: Json, path: Path) -> str:
    """An item's number, with or without `-` and a colour's."""
    found = filled(value, path)
    if not bare(found).isdecimal() or ("-" in found and color_of(found) is None):
        raise WorldError(path, f"must be a BOID such as '771344' or '771344-38', not '{found}'")
    return found


def tier(value: Json, path: Path) -> list[Json]:
    """A price from a quantity on: `[100, "0.050"]`."""
    if not isinstance(value, list) or len(value) != 2:
        raise WorldError(path, "must be [quantity, price]")
    return [counted(value[0], path), amount(value[1], path)]


def _status(value: Json, path: Path) -> int:
    if natural(value, path) >= len(STATUSES):
        raise WorldError(path, f"must be 0 to {len(STATUSES) - 1}")
    return int(value)


ITEM: Final = {
    "boid": Key(boid, REQUIRED),
    "type": Key(one_of(*TYPES), "Part"),
    "name": Key(optional(text)),
    "bl_item_no": Key(optional(filled)),
    "retiring": Key(flag, False),
}
COLOR: Final = {
    "id": Key(natural, REQUIRED),
    "name": Key(optional(text)),
    "bl_ids": Key(listed(natural), list),
}
LOT: Final = {
    "lot_id": Key(optional(number_of)),
    "boid": Key(boid, REQUIRED),
    "qty": Key(natural, REQUIRED),
    "con": Key(one_of(*CONDITIONS), "new"),
    "price": Key(amount, "0.100"),
    "for_sale": Key(flag, True),
    "external_id": Key(optional(filled)),
    "public_note": Key(text, ""),
    "personal_note": Key(text, ""),
    "sale_percent": Key(whole, 0),
    "tier_price": Key(listed(tier), list),
    "bulk_qty": Key(counted, 1),
    "my_cost": Key(optional(amount)),
    "lot_weight": Key(optional(amount)),
}
LINE: Final = {
    "order_item_id": Key(optional(number_of)),
    "lot_id": Key(number_of, REQUIRED),
    "ordered_quantity": Key(natural, REQUIRED),
    "refunded_quantity": Key(natural, 0),
    "boid": Key(optional(boid)),
    "con": Key(optional(one_of(*CONDITIONS))),
    "price": Key(optional(amount)),
    "external_id": Key(optional(filled)),
}
ORDER: Final = {
    "order_id": Key(optional(number_of)),
    "status_id": Key(_status, PLACED),
    "placed_at": Key(optional(time)),
    "updated_at": Key(optional(time)),
    "items": Key(listed(shaped(LINE)), list),
    "combine_with": Key(optional(number_of)),
    "tracking_number": Key(optional(text)),
    "seller_note": Key(optional(text)),
}
NOTIFY: Final = {"ip": Key(text, ""), "port": Key(natural, 42500), "drops": Key(natural, 0)}
ACCOUNT: Final = {
    "key": Key(filled, "owl-key"),
    "areas": Key(listed(one_of(*AREAS)), lambda: list(AREAS)),
    "store": Key(flag, True),
    "currency": Key(filled, "EUR"),
    "calls_per_minute": Key(counted, 600),
    "batches_per_minute": Key(counted, 100),
    "boids": Key(listed(shaped(ITEM)), list),
    "colors": Key(optional(listed(shaped(COLOR)))),
    "lots": Key(listed(shaped(LOT)), list),
    "orders": Key(listed(shaped(ORDER)), list),
    "notify": Key(shaped(NOTIFY), lambda: {"ip": "", "port": 42500, "drops": 0}),
}


def read_account(name: str, value: Json, path: Path, around: Surroundings, make: type[A]) -> A:
    """An account of a world file, complete; WorldError if it cannot be."""
    found = read(value, path, ACCOUNT)
    lots = _numbered(found.pop("lots"), "lot_id", FIRST_LOT, (*path, "lots"))
    orders = _numbered(found.pop("orders"), "order_id", FIRST_ORDER, (*path, "orders"))
    book = Book("brickowl", name, around.ledger, around.clock)
    by_id = {lot["lot_id"]: lot for lot in lots}
    return make(
        name,
        notices=Notices(**found.pop("notify")),
        items=_items(found.pop("boids"), lots),
        colors=_colors(found.pop("colors"), lots),
        lots=book.table("lot", by_id),
        orders=book.table("order", _orders(orders, by_id, (*path, "orders"), spelled(around.clock.now()))),
        book=book,
        around=around,
        turns=len(orders),
        **found,
    )


def _numbered(rows: list[Row], key: str, first: int, path: Path) -> list[Row]:
    """The rows, each with a number; WorldError if two have the same."""
    given = {row[key] for row in rows}
    double = first_double([row[key] for row in rows if row[key] is not None])
    if double is not None:
        raise WorldError(path, f"two have the {key} {double}")
    free = (number for number in count(first) if number not in given)
    for row in rows:
        row[key] = row[key] or next(free)
    return rows


def _items(rows: Iterable[Row], lots: Iterable[Row]) -> dict[str, Item]:
    """The catalogue: what is told, and what lots are of besides."""
    items = {row["boid"]: Item(**(row | {"name": row["name"] or f"Item {row['boid']}"})) for row in rows}
    known = {bare(each) for each in items}
    for number in (bare(lot["boid"]) for lot in lots):
        if number not in known:
            items.setdefault(number, Item(number, "Part", f"Item {number}"))
    return items


def _colors(rows: Iterable[Row] | None, lots: Iterable[Row]) -> dict[int, Color]:
    if rows is None:
        colors = {number: Color(number, name, list(ids)) for number, name, ids in COLORS}
    else:
        colors = {row["id"]: Color(**(row | {"name": row["name"] or f"Color {row['id']}"})) for row in rows}
    for number in (color_of(lot["boid"]) for lot in lots):
        if number is not None:
            colors.setdefault(number, Color(number, f"Color {number}", []))
    return colors


def _orders(rows: list[Row], lots: dict[int, Row], path: Path, now: str) -> dict[int | str, Row]:
    _numbered([line for row in rows for line in row["items"]], "order_item_id", FIRST_LINE, path)
    for index, row in enumerate(rows):
        row["placed_at"] = row["placed_at"] or now
        row["updated_at"] = row["updated_at"] or row["placed_at"]
        row["items"] = [_line(lots.get(line["lot_id"]), line, (*path, index)) for line in row["items"]]
    in_turn = sorted(rows, key=lambda row: str(row["updated_at"]))
    turns = {row["order_id"]: turn for turn, row in enumerate(in_turn)}
    return {row["order_id"]: row | {"turn": turns[row["order_id"]]} for row in rows}


def _line(lot: Row | None, row: Row, path: Path) -> Row:
    """A line of an order, with what its lot tells where the world does not; the lot may be gone."""
    if lot is None and row["boid"] is None:
        raise WorldError(path, f"there is no lot {row['lot_id']}; tell the line's boid")
    return line_of(lot or {"con": "new", "price": "0.100"}, row)


def line_of(lot: Row, told: Row) -> Row:
    """A line of an order: what is told of it, else what its lot is like."""
    seen = {name: lot.get(name) for name in ("lot_id", "boid", "con", "price", "external_id")}
    return {**seen, **{name: value for name, value in told.items() if value is not None}}


def write_account(account: Account) -> dict[str, Any]:
    """The account in the form of a world file, as it is now."""
    names = ("key", "areas", "store", "currency", "calls_per_minute", "batches_per_minute")
    notices = account.notices
    return {
        **{name: getattr(account, name) for name in names},
        "notify": {"ip": notices.ip, "port": notices.port, "drops": notices.drops},
        "boids": [asdict(item) for item in account.items.values()],
        "colors": [asdict(color) for color in account.colors.values()],
        "lots": list(account.lots.rows.values()),
        "orders": [
            {name: value for name, value in order.items() if name != "turn"}
            for order in account.orders.rows.values()
        ],
    }
