"""What BrickLink's words are in Brick Owl's: types, conditions, prices, keys. Pure.

https://www.brickowl.com/api_docs
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from connectors.errors import Complaint, Refused
from connectors.market import Part

TYPES: Final = {
    "PART": "Part",
    "SET": "Set",
    "MINIFIG": "Minifigure",
    "GEAR": "Gear",
    "INSTRUCTION": "Instructions",
    "ORIGINAL_BOX": "Packaging",
}
"""Brick Owl's types by BrickLink's; books, catalogues and unsorted lots have none."""

COLORED: Final = frozenset({"Part", "Gear"})
"""Types of which a lot may have a colour; a part must have one."""

LEAST: Final = Decimal("0.001")
"""The lowest price, and the step of all prices."""

_BY_CODE: Final = frozenset({"Set", "Packaging"})
"""Types whose codes of a condition are no mere grades of `used`."""

_NEW: Final = frozenset({"new", "news", "newc"})
_SET_NEW: Final = {"S": "news", "C": "newc", "B": "newi"}
_SET_USED: Final = {"C": "usedc", "B": "usedi"}


def type_of(item_type: str, no: str) -> str:
    """Brick Owl's type of a BrickLink item. Raises Refused if it has none.

    Stickers, which BrickLink numbers as parts (`3626stk01`), are a type of their own.
    """
    name = item_type.upper()
    if name == "PART" and "stk" in no.casefold():
        return "Sticker"
    if name not in TYPES:
        raise refused("no_item", f"Brick Owl sells nothing of BrickLink's type {name}")
    return TYPES[name]


def numbers(kind: str, no: str) -> tuple[str, ...]:
    """The spellings under which an item may be known: a set's number with its version or without."""
    if kind != "Set":
        return (no,)
    return (no, no.removesuffix("-1")) if no.endswith("-1") else (no,) if "-" in no else (no, f"{no}-1")


def condition(part: Part) -> str:
    """The code of a part's condition. Raises Refused for a set that does not say how complete it is."""
    kind = type_of(part.item_type, part.no)
    new = part.condition == "new"
    if kind == "Packaging":
        return "usedn" if new else "usedg"
    if kind != "Set":
        return "new" if new else "usedg"
    code = (_SET_NEW if new else _SET_USED).get(part.completeness or "")
    if code is None:
        told = f"completeness {part.completeness}" if part.completeness else "no completeness"
        raise refused(
            "condition", f"Brick Owl has no condition for a {part.condition} set {part.no} with {told}"
        )
    return code


def key(boid: str, kind: str, code: str) -> str:
    """What a lot sells, in one text: `771344-38/new`. Grades of used parts are one and the same."""
    if kind in _BY_CODE:
        return f"{boid}/{code}"
    return f"{boid}/{'new' if code in _NEW else 'used'}"


def price(amount: Decimal) -> Decimal:
    """An amount as Brick Owl will show it: three decimals."""
    return amount.quantize(LEAST, ROUND_HALF_UP)


def sellable(amount: Decimal) -> str:
    """A price as it is sent. Raises Refused for one that would become nothing."""
    if amount < LEAST:
        raise refused("price", f"a price of {amount} is too low for Brick Owl; the lowest is {LEAST}")
    return str(price(amount))


def refused(code: str, text: str) -> Refused:
    """A refusal of our own, before anything is sent."""
    return Refused(text, complaints=[Complaint(code, text)])
