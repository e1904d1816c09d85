"""Narrow JSON to the shape that is expected, or say where it was not so."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

from connectors.errors import Malformed
from connectors.records import JsonObject, JsonValue

T = TypeVar("T")

_BEYOND: Final = 2**63
"""No count and no number of a thing is that large, and no database takes it."""
MOST_UNITS: Final = 2**31 - 1
LONGEST_KEY: Final = 64
"""Characters of an identifier."""


def as_object(value: JsonValue, where: str) -> JsonObject:
    """A JSON object, else `Malformed`."""
    if not isinstance(value, dict):
        raise _unexpected("an object", value, where)
    return value


def as_list(value: JsonValue, where: str) -> list[JsonValue]:
    """A JSON list, else `Malformed`."""
    if not isinstance(value, list):
        raise _unexpected("a list", value, where)
    return value


def as_text(value: JsonValue, where: str) -> str:
    """A JSON string, else `Malformed`."""
    if not isinstance(value, str):
        raise _unexpected("text", value, where)
    return value


def as_int(value: JsonValue, where: str) -> int:
    """A whole number of 64 bits, also one written as a decimal; else `Malformed`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unexpected("a whole number", value, where)
    # JSON may write a number that a float cannot hold (1e999).
    if not -_BEYOND < value < _BEYOND or value != int(value):
        raise _unexpected("a whole number", value, where)
    return int(value)


def as_decimal(value: JsonValue, where: str) -> Decimal:
    """A finite number, also one written as text ("0.1000"), to its last digit; else `Malformed`."""
    text = str(value) if _is_number(value) else as_text(value, where).strip()
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _unexpected("a number", value, where) from None
    # Python reads 1_000 as a thousand; nobody else does.
    if not number.is_finite() or "_" in text:
        raise _unexpected("a number", value, where)
    return number


def as_count(value: JsonValue, where: str) -> int:
    """A whole number of 64 bits, also one written as text; else `Malformed`."""
    number = as_decimal(value, where)
    if not -_BEYOND < number < _BEYOND or number != number.to_integral_value():
        raise _unexpected("a whole number", value, where)
    return int(number)


def as_units(value: JsonValue, where: str) -> int:
    """How many there are: a whole number from 0, also one written as text; else `Malformed`."""
    number = as_count(value, where)
    if not 0 <= number <= MOST_UNITS:
        raise _unexpected("a number of units", value, where)
    return number


def as_id(value: JsonValue, where: str) -> str:
    """An identifier as text, whether it came as text or as a whole number; else `Malformed`."""
    return str(as_int(value, where)) if _is_number(value) else as_text(value, where)


def as_key(value: JsonValue, where: str, longest: int = LONGEST_KEY) -> str:
    """An identifier that names something and can be stored: printable, of a fair length; else `Malformed`."""
    key = as_id(value, where).strip()
    if not 0 < len(key) <= longest or not key.isprintable():
        raise _unexpected("an id", value, where)
    return key


def as_bool(value: JsonValue, where: str) -> bool:
    """True or false, else `Malformed`."""
    if not isinstance(value, bool):
        raise _unexpected("true or false", value, where)
    return value


def as_time(value: JsonValue, where: str) -> datetime:
    """An aware moment from an ISO 8601 text, else `Malformed`."""
    try:
        moment = datetime.fromisoformat(as_text(value, where))
    except ValueError:
        raise _unexpected("a time", value, where) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def each_readable(
    values: Iterable[JsonValue], read: Callable[[JsonValue], T], problems: list[Malformed]
) -> list[T]:
    """Those that can be read; what is wrong with others is added to `problems` and hides none of them."""
    found: list[T] = []
    for value in values:
        try:
            found.append(read(value))
        except Malformed as problem:
            problems.append(problem)
    return found


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unexpected(what: str, value: JsonValue, where: str) -> Malformed:
    found = "nothing" if value is None else repr(value)[:60]
    return Malformed(f"{where}: expected {what}, found {found}")
