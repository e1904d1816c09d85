"""What may be said of an own item, and what comes of it. Everything that is wrong is said at once.

The names are those that people and other programs use (`quantityAvailable`); an item's own are the ledger's.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Final

from connectors.errors import ConfigurationError
from connectors.ledger.market_records import Item
from connectors.records import JsonObject, JsonValue

CHANGES: Final = ("create", "update", "delete")
ROLES: Final = ("owner", "member")
OWNERS_ONLY: Final = frozenset({"update", "delete"})

ITEM_TYPES: Final = (
    "PART",
    "SET",
    "MINIFIG",
    "BOOK",
    "GEAR",
    "CATALOG",
    "INSTRUCTION",
    "UNSORTED_LOT",
    "ORIGINAL_BOX",
)
"""BrickLink's types: https://www.bricklink.com/v3/api.page?page=resource-representations-inventory"""

COMPLETENESS: Final = {"complete": "C", "incomplete": "B", "sealed": "S", "c": "C", "b": "B", "s": "S"}
LOWEST_PRICE: Final = Decimal("0.001")
"""Brick Owl keeps three decimals, and takes nothing that is free."""
HIGHEST_PRICE: Final = Decimal(1_000_000)
DECIMALS: Final = 4
"""BrickLink rounds up what has more."""
MOST: Final = 1_000_000
LONGEST: Final = {"name": 500, "partNumber": 64, "location": 200, "notes": 2_000, "status": 32, "fileId": 255}
"""Characters of texts; the marketplaces do not tell their own limits."""

_SET_NUMBER = re.compile(r".+-\d{1,3}")
_PART_NUMBER = re.compile(r"[!-~]+")
_STATUS = re.compile(r"[A-Za-z][A-Za-z_ -]*")


def check_request(change_type: str, item_id: str | None, data: Mapping[str, JsonValue], role: str) -> None:
    """Whether a change may be asked for like this. Raises ConfigurationError."""
    _one_of("change_type", change_type, CHANGES)
    _one_of("role", role, ROLES)
    if change_type in OWNERS_ONLY and role != "owner":
        raise ConfigurationError(f"role: {role} may not {change_type} items, that needs the role owner")
    if change_type == "create" and item_id is not None:
        raise ConfigurationError("item_id: a new item gets its id; leave item_id out, or update the item")
    if change_type != "create" and not item_id:
        raise ConfigurationError(f"item_id: {change_type} needs the item's id")
    if change_type == "delete" and data:
        raise ConfigurationError("data: delete takes no data")
    if change_type == "update" and not data:
        raise ConfigurationError("data: update needs at least one field to change")


def new_item(account: str, item_id: str, data: Mapping[str, JsonValue], *, actor: str, now: datetime) -> Item:
    """The item that `data` describes. Raises ConfigurationError that names everything that is wrong."""
    values, problems = _read(data)
    item_type = str(values.get("itemType", "PART"))
    needed = ["partNumber", "quantityAvailable", "condition", "price"]
    needed += ["colorId"] if item_type == "PART" else ["completeness"] if item_type == "SET" else []
    problems += [f"{name} is missing{_WHY_NEEDED.get(name, '')}" for name in needed if name not in data]
    if problems:
        raise _refusal(problems)
    values.setdefault("name", values["partNumber"])
    blank = Item(
        account=account,
        id=item_id,
        name="",
        part_number="",
        item_type="PART",
        color_id=0,
        condition="new",
        completeness=None,
        location="",
        quantity_available=0,
        price=LOWEST_PRICE,
        created_by=actor,
        created_at=now,
    )
    return _agreeing(_with(blank, values))


def changed_item(item: Item, data: Mapping[str, JsonValue]) -> Item:
    """The item after an update. Raises ConfigurationError that names everything that is wrong."""
    if item.deleted_at is not None:
        raise ConfigurationError(f"item {item.id} was deleted at {item.deleted_at:%Y-%m-%d %H:%M} UTC")
    values, problems = _read(data)
    problems += [
        f"{name} cannot be changed (is {_said(getattr(item, FIELDS[name].attribute))}): "
        "delete the item and create another"
        for name in _IDENTITY
        if name in values and values[name] != getattr(item, FIELDS[name].attribute)
    ]
    if problems:
        raise _refusal(problems)
    return _agreeing(_with(item, values))


def deleted_item(item: Item, now: datetime) -> Item:
    """The item once it is deleted: archived, and offered nowhere. Raises ConfigurationError if it was."""
    changed_item(item, {})
    return replace(item, is_archived=True, deleted_at=now)


def described(item: Item) -> JsonObject:
    """An item in the names that `data` has."""
    document: JsonObject = {}
    for name, field in FIELDS.items():
        value = getattr(item, field.attribute)
        document[name] = str(value) if isinstance(value, Decimal) else value
    return document


def is_storable(text: str) -> bool:
    """Whether a text can be stored anywhere: without control characters, and without halves of characters."""
    return not any(unicodedata.category(char) in {"Cc", "Cs"} for char in text if char not in "\n\t")


# ------------------------------------------------------------------- fields


@dataclass(frozen=True, slots=True)
class _Field:
    """Where a value goes, and how it is read; reading raises ValueError that says what it must be."""

    attribute: str
    read: Callable[[JsonValue], object]


def _text(name: str, *, blank: bool = True) -> Callable[[JsonValue], str]:
    def read(value: JsonValue) -> str:
        if value is None and blank:
            return ""
        if not isinstance(value, str):
            raise ValueError("must be text")  # noqa: TRY004 - one kind of error for whoever reads
        text = value.strip()
        if not text and not blank:
            raise ValueError("must not be empty")
        if len(text) > LONGEST[name]:
            raise ValueError(f"has {len(text)} characters, {LONGEST[name]} are allowed")
        if not is_storable(text):
            raise ValueError("must not have control characters")
        return text

    return read


def _line(name: str, pattern: re.Pattern[str], what: str) -> Callable[[JsonValue], str]:
    text = _text(name, blank=False)

    def read(value: JsonValue) -> str:
        found = text(str(value) if type(value) is int else value)
        if not pattern.fullmatch(found):
            raise ValueError(f"must be {what}")
        return found

    return read


def _optional(name: str) -> Callable[[JsonValue], str | None]:
    text = _text(name)
    return lambda value: text(value) or None


def _count(what: str = "a whole number", most: int = MOST) -> Callable[[JsonValue], int]:
    def read(value: JsonValue) -> int:
        number = _whole(value)
        if number is None:
            raise ValueError(f"must be {what}")
        if number < 0:
            raise ValueError("must not be negative")
        if number > most:
            raise ValueError(f"must be {most} at the most")
        return number

    return read


def _whole(value: JsonValue) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,12}", value.strip(), re.ASCII):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _price(value: JsonValue) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("must be a number")  # noqa: TRY004 - one kind of error for whoever reads
    try:
        price = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError("must be a number such as 0.25") from None
    if not price.is_finite() or not LOWEST_PRICE <= price <= HIGHEST_PRICE:
        raise ValueError(f"must be from {LOWEST_PRICE} to {HIGHEST_PRICE}")
    exponent = price.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > DECIMALS:
        raise ValueError(f"has more than {DECIMALS} decimals")
    return price


def _condition(value: JsonValue) -> str:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in {"new", "used"}:
        raise ValueError("must be new or used")
    return word


def _item_type(value: JsonValue) -> str:
    word = value.strip().upper() if isinstance(value, str) else ""
    if word not in ITEM_TYPES:
        raise ValueError(f"must be one of {', '.join(ITEM_TYPES)}")
    return word


def _completeness(value: JsonValue) -> str | None:
    if value is None:
        return None
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in COMPLETENESS:
        raise ValueError("must be complete, incomplete or sealed (C, B or S)")
    return COMPLETENESS[word]


FIELDS: Final[Mapping[str, _Field]] = {
    "name": _Field("name", _text("name", blank=False)),
    "partNumber": _Field(
        "part_number", _line("partNumber", _PART_NUMBER, "BrickLink's number, without blanks")
    ),
    "colorId": _Field("color_id", _count("BrickLink's colour id, 0 for none")),
    "location": _Field("location", _text("location")),
    "quantityAvailable": _Field("quantity_available", _count()),
    "quantityReserved": _Field("quantity_reserved", _count()),
    "quantitySold": _Field("quantity_sold", _count()),
    "status": _Field("status", _line("status", _STATUS, "a word such as available")),
    "condition": _Field("condition", _condition),
    "price": _Field("price", _price),
    "notes": _Field("notes", _text("notes")),
    "fileId": _Field("file_id", _optional("fileId")),
    "itemType": _Field("item_type", _item_type),
    "completeness": _Field("completeness", _completeness),
}
"""Everything that may be said of an item, by its name in `data`."""

_IDENTITY: Final = ("partNumber", "colorId", "condition", "itemType", "completeness")
"""What lots on marketplaces cannot change either."""

_WHY_NEEDED: Final = {
    "colorId": ": a part has BrickLink's colour, or 0",
    "completeness": ": a set is complete, incomplete or sealed",
}


def _read(data: Mapping[str, JsonValue]) -> tuple[dict[str, object], list[str]]:
    """The values by name, and what is wrong."""
    values: dict[str, object] = {}
    problems = [_unknown(name) for name in data if name not in FIELDS]
    for name in FIELDS.keys() & data.keys():
        try:
            values[name] = FIELDS[name].read(data[name])
        except ValueError as error:
            problems.append(f"{name} {error}")
    return values, problems


def _unknown(name: str) -> str:
    folded = {known.lower(): known for known in FIELDS}
    plain = name.replace("_", "").lower()
    close = get_close_matches(plain, folded, n=1)
    return f"there is no field {name}{f' (did you mean {folded[close[0]]}?)' if close else ''}"


def _with(item: Item, values: Mapping[str, object]) -> Item:
    return replace(item, **{FIELDS[name].attribute: value for name, value in values.items()})  # type: ignore[arg-type]


def _agreeing(item: Item) -> Item:
    """The item, if its fields agree with each other. Raises ConfigurationError."""
    problems: list[str] = []
    if item.item_type == "SET" and not _SET_NUMBER.fullmatch(item.part_number):
        problems.append(
            f"partNumber (is {item.part_number}): a set's number ends with -1 or another sequence"
        )
    if item.item_type == "SET" and item.completeness is None:
        problems.append(f"completeness is missing{_WHY_NEEDED['completeness']}")
    if item.item_type != "SET" and item.completeness is not None:
        problems.append(f"completeness is told of sets only, not of {item.item_type}")
    if item.condition == "used" and item.completeness == "S":
        problems.append("completeness: a used set is not sealed")
    if problems:
        raise _refusal(problems)
    return item


def _refusal(problems: list[str]) -> ConfigurationError:
    return ConfigurationError(f"data: {'; '.join(sorted(problems))}")


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        close = get_close_matches(value, known, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise ConfigurationError(f"{name} (is {value}): must be one of {', '.join(known)}{hint}")


def _said(value: object) -> str:
    return "none" if value is None else str(value)
