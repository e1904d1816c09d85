"""Lots: what a body may say, and what becomes of the lot. Nothing here changes a store.

https://www.bricklink.com/v3/api.page?page=create-inventory, …page=update-inventory
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sandbox.book import Row
from sandbox.bricklink.envelope import RefusalError, invalid, missing, unreadable
from sandbox.bricklink.model import (
    COMPLETENESS,
    CONDITIONS,
    NUMBERED,
    ROOMS,
    TYPES,
    Account,
    Item,
    color_name,
    day_of,
    money,
)
from sandbox.reading import Json

Read = Callable[[Json, str], Any]
"""Turns a value of a body into what the lot holds, or refuses it by name."""
SIGNED: Final = re.compile(r"[+-]?\d{1,9}")
NO_SEQUENCE: Final = "Invalid item sequence number: null"
NULL_TEXT: Final = "String input must not be null"
EMPTY_ON_SALE: Final = "Update would result in 0 quantity in your inventory without being in stockroom"
BELOW_ZERO: Final = "Update would result in negative quantity in your inventory"
"""Made up: how the vendor says it is not known."""


def _whole(value: Json, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise unreadable(name)
    return value


def _not_negative(value: Json, name: str) -> int:
    if _whole(value, name) < 0:
        raise invalid(f"Invalid value: [{name}]")
    return int(value)


def _from_one(value: Json, name: str) -> int:
    if _whole(value, name) < 1:
        raise invalid(f"Invalid value: [{name}]")
    return int(value)


def _percent(value: Json, name: str) -> int:
    if not 0 <= _whole(value, name) <= 99:
        raise invalid(f"Invalid value: [{name}]")
    return int(value)


def _signed(value: Json, name: str) -> int:
    """A change: `+5`, `-3`, and also `5`, all of them added."""
    if isinstance(value, str) and SIGNED.fullmatch(value):
        return int(value)
    return _whole(value, name)


def _amount(value: Json, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise unreadable(name)
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise unreadable(name) from None
    if not found.is_finite() or found < 0:
        raise invalid(f"Invalid value: [{name}]")
    return money(found)


def _flag(value: Json, name: str) -> bool:
    if not isinstance(value, bool):
        raise unreadable(name)
    return value


def _text(value: Json, name: str) -> str:
    if not isinstance(value, str):
        raise unreadable(name)
    return value


def _one_of(*words: str) -> Read:
    def check(value: Json, name: str) -> str:
        if value not in words:
            raise unreadable(name)
        return str(value)

    return check


def _ignored(_: Json, __: str) -> None:
    """Fields that answers have and bodies may echo."""


WRITABLE: Final[Mapping[str, Read]] = {
    "unit_price": _amount,
    "description": _text,
    "remarks": _text,
    "bulk": _from_one,
    "is_retain": _flag,
    "is_stock_room": _flag,
    "stock_room_id": _one_of(*ROOMS),
    "my_cost": _amount,
    "sale_rate": _percent,
    "tier_quantity1": _not_negative,
    "tier_price1": _amount,
    "tier_quantity2": _not_negative,
    "tier_price2": _amount,
    "tier_quantity3": _not_negative,
    "tier_price3": _amount,
}
ECHOED: Final[Mapping[str, Read]] = dict.fromkeys(
    ("inventory_id", "color_name", "bind_id", "date_created", "my_weight"), _ignored
)
CREATED: Final[Mapping[str, Read]] = {
    **ECHOED,
    **WRITABLE,
    "color_id": _not_negative,
    "quantity": _signed,
    "new_or_used": _one_of(*CONDITIONS),
    "completeness": _one_of(*COMPLETENESS),
}
UPDATED: Final[Mapping[str, Read]] = {
    **ECHOED,
    **WRITABLE,
    "quantity": _signed,
    **dict.fromkeys(("color_id", "new_or_used", "completeness"), _ignored),
}
ITEM: Final[Mapping[str, Read]] = {
    "no": _text,
    "type": _one_of(*TYPES),
    **dict.fromkeys(("name", "category_id"), _ignored),
}
NEEDED: Final = ("color_id", "quantity", "new_or_used", "unit_price", "is_retain", "is_stock_room")
TIERS: Final = tuple(f"tier_{what}{place}" for place in (1, 2, 3) for what in ("quantity", "price"))
BLANK: Final = {
    "bind_id": 0,
    "description": "",
    "remarks": "",
    "bulk": 1,
    "my_cost": "0.0000",
    "sale_rate": 0,
    **{name: "0.0000" if "price" in name else 0 for name in TIERS},
}


def fields(body: Json, known: Mapping[str, Read], place: str = "") -> dict[str, Any]:
    """The fields of a body that say something; RefusalError for one that is unknown or cannot be read."""
    if not isinstance(body, dict):
        raise unreadable(place or "body")
    for name in body:
        if name not in known and not (name == "item" and not place):
            raise unreadable(f"{place}{name}")
    named = {name: known[name](value, f"{place}{name}") for name, value in body.items() if _says(name, value)}
    return {name: value for name, value in named.items() if known[name] is not _ignored}


def _says(name: str, value: Json) -> bool:
    return value is not None and name != "item"


def item_of(body: Json, account: Account) -> Item:
    """The item that a new lot is of."""
    named = fields(body.get("item") or {}, ITEM, "item.")
    for name in ("no", "type"):
        if not named.get(name):
            raise missing(f"item.{name}")
    if named["type"] in NUMBERED and not re.search(r"-\d+$", named["no"]):
        raise invalid(NO_SEQUENCE)
    found = account.catalogue.find(named["type"], named["no"])
    if found is None:
        raise invalid(f"Item {named['type']} {named['no']} does not exist in the catalog")
    return found


def new_lot(body: Json, account: Account) -> Row:
    """The lot that a body describes, still without an id."""
    said = fields(body, CREATED)
    item = item_of(body, account)
    for name in NEEDED:
        if name not in said:
            raise missing(name)
    if item.type == "SET" and "completeness" not in said:
        raise missing("completeness")
    if said["quantity"] < 1:
        raise invalid("Invalid value: [quantity]")
    _check_tiers(said, said["unit_price"])
    return _made(item, said, day_of(account.now()))


def _made(item: Item, said: dict[str, Any], day: str) -> Row:
    """A lot in the order of the vendor's fields."""
    boxed = {"completeness": said["completeness"]} if item.type == "SET" else {}
    stored = {"stock_room_id": said.get("stock_room_id", "A")} if said["is_stock_room"] else {}
    text = {name: said.get(name, value) for name, value in BLANK.items()}
    return {
        "inventory_id": 0,
        "item": item.told(),
        "color_id": said["color_id"],
        "color_name": color_name(said["color_id"]),
        "quantity": said["quantity"],
        "new_or_used": said["new_or_used"],
        **boxed,
        "unit_price": said["unit_price"],
        **text,
        "is_retain": said["is_retain"],
        "is_stock_room": said["is_stock_room"],
        **stored,
        "date_created": day,
        "my_weight": "0.0000",
    }


def updated(lot: Row, body: Json, account: Account) -> Row | None:
    """The lot after an update; None if the update makes it go. RefusalError where the vendor refuses.

    A quantity is a change, with or without a sign. Item, colour and condition cannot change: what a body
    says of them is not read.
    """
    said = fields(body, UPDATED)
    fields(body.get("item") or {}, {**ITEM, "no": _ignored, "type": _ignored}, "item.")
    if account.switch("require_description") == "on" and "description" not in said:
        raise invalid(NULL_TEXT)
    _check_tiers(said, str(said.get("unit_price", lot["unit_price"])))
    quantity = lot["quantity"] + said.pop("quantity", 0)
    if account.switch("omitted_flags") == "defaults":
        said = {"is_retain": False, "is_stock_room": False, **said}
    return _emptied({**_roomed(lot, said), "quantity": quantity}, account)


def _roomed(lot: Row, said: dict[str, Any]) -> Row:
    """The lot with other fields: a stockroom has an id only while the lot is in it."""
    found = {**lot, **said}
    if found["is_stock_room"]:
        return {**found, "stock_room_id": found.get("stock_room_id", "A")}
    return {name: value for name, value in found.items() if name != "stock_room_id"}


def _emptied(lot: Row, account: Account) -> Row | None:
    """A lot with its new quantity: it may be 0 only out of sight."""
    if lot["quantity"] < 0:
        raise RefusalError(422, BELOW_ZERO)
    if lot["quantity"]:
        return lot
    refused = account.switch("zero_unretained") == "refused" and not lot["is_retain"]
    if refused or not lot["is_stock_room"]:
        raise RefusalError(422, EMPTY_ON_SALE)
    return None if account.switch("zero_unretained") == "deleted" and not lot["is_retain"] else lot


def _check_tiers(said: Mapping[str, Any], price: str) -> None:
    """All six or none; quantities rise, and each price is lower than the one before."""
    given = [name for name in TIERS if name in said]
    if not given:
        return
    if len(given) < len(TIERS):
        raise missing(next(name for name in TIERS if name not in said))
    above, below = 1, Decimal(price)
    for place in (1, 2, 3):
        quantity, reduced = said[f"tier_quantity{place}"], Decimal(said[f"tier_price{place}"])
        if not quantity and not reduced:
            continue
        if quantity <= above or not 0 < reduced < below:
            raise invalid(f"Invalid value: [tier_quantity{place}]")
        above, below = quantity, reduced


def sold(lot: Row, quantity: int, stockroom: str) -> Row | None:
    """The lot after a buyer took so many; None if it goes: it was sold out and is not retained."""
    left = lot["quantity"] - quantity
    if left:
        return {**lot, "quantity": left}
    if not lot["is_retain"]:
        return None
    return {**lot, "quantity": 0, "is_stock_room": True, "stock_room_id": stockroom}
