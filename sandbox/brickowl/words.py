"""Reading arguments, which are all text, and refusing them."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from sandbox.brickowl.model import rounded
from sandbox.reading import Json

Arguments = Mapping[str, str]


class Problem(Exception):  # noqa: N818 - what the API calls it does not matter
    """A refusal: nothing was done. Its text goes into `{"error": {"status": …}}`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def plain(value: Json) -> str:
    """An argument of a batch, which is JSON, as a form would have it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)


def needed(given: Arguments, name: str) -> str:
    """An argument that must be there."""
    if not given.get(name, ""):
        raise Problem(400, f"Missing parameter: {name}")
    return given[name]


def whole(text: str, name: str) -> int:
    """A whole number, perhaps with a sign."""
    digits = text.strip()
    if digits.removeprefix("-").removeprefix("+").isdecimal() and digits.isascii():
        return int(digits)
    raise Problem(400, f"Invalid {name}: must be a whole number")


def natural(text: str, name: str) -> int:
    """A whole number from 0."""
    found = whole(text, name)
    if found < 0:
        raise Problem(400, f"Invalid {name}: must not be negative")
    return found


def number_of(text: str, name: str) -> int:
    """A number that identifies something; none does if it is no number."""
    return int(text) if text.isdecimal() and text.isascii() else _nothing(name)


def _nothing(name: str) -> int:
    raise Problem(404, f"{name} not found")


def price(text: str, name: str = "price") -> str:
    """An amount above zero, also after rounding."""
    try:
        found = rounded(Decimal(text.strip()))
    except InvalidOperation:
        raise Problem(400, f"Invalid {name}: must be a number") from None
    if found <= 0:
        raise Problem(400, f"Invalid {name}: must be positive")
    return str(found)


def flag(text: str, name: str) -> bool:
    """0 or 1."""
    if text not in ("0", "1"):
        raise Problem(400, f"Invalid {name}: must be 0 or 1")
    return text == "1"


def note(text: str) -> str:
    """Text as it is kept: with LF line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def tiers(text: str) -> list[list[int | str]]:
    """`100:0.05,200:0.04`, at most three; `remove`: none."""
    if text == "remove":
        return []
    parts = [part.partition(":") for part in text.split(",")]
    if len(parts) > 3:
        raise Problem(400, "Invalid tier_price: at most 3 tiers")
    return [[natural(quantity, "tier_price"), price(cost, "tier_price")] for quantity, _, cost in parts]
