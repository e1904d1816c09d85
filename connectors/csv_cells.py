"""What the cells of a CSV list mean. Nothing is guessed: what is not plainly one value is Malformed."""

import re
from decimal import Decimal
from typing import Final

from connectors.errors import Malformed
from connectors.supplier import MOST

_SHOWN: Final = 40
"""So much of a cell is shown in a problem."""
_PLAIN: Final = re.compile(r"0[.,][0-9]+|[0-9]+([.,]([0-9]{1,2}|[0-9]{4,}))?")
_WITH: Final = {
    ".": re.compile(r"([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?"),
    ",": re.compile(r"([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]+)?"),
}
SIGNS: Final = {".": ",", ",": "."}
"""What may stand before decimals → what groups digits then."""
_YES: Final = frozenset({"1", "true", "yes", "y"})
_NO: Final = frozenset({"0", "false", "no", "n"})
_IMAGES: Final = re.compile(r"[\s|,;]+(?=https?://)")


def amount(cell: str, decimal: str | None) -> Decimal | None:
    """A number from 0; None for an empty cell. `decimal`: the sign before the decimals, "." or ",".

    Without it either sign will do, but neither grouped digits nor three decimals: "1.234" is a little more
    than one here and more than a thousand there. Raises Malformed for whatever is not plainly one number.
    """
    text = cell.strip()
    if not text:
        return None
    if not (_WITH[decimal] if decimal else _PLAIN).fullmatch(text):
        unclear = not decimal and any(each.fullmatch(text) for each in _WITH.values())
        if unclear:
            raise Malformed(f"{short(text)} may have its digits grouped (the configuration's decimal tells)")
        raise Malformed(f"{short(text)} is not a number from 0")
    number = Decimal((text.replace(SIGNS[decimal], "") if decimal else text).replace(",", "."))
    if number >= MOST:
        raise Malformed(f"{short(text)} is too much to be meant")
    return number


def units(cell: str, decimal: str | None) -> int | None:
    """Units in stock; None, which is unknown, for an empty cell. Raises Malformed for what is no count."""
    number = amount(cell, decimal)
    if number is not None and number != number.to_integral_value():
        raise Malformed(f"{short(cell)} is not a whole number")
    return None if number is None else int(number)


def flag(cell: str) -> bool | None:
    """Yes or no; None for an empty cell. Raises Malformed for any other word."""
    word = cell.strip().lower()
    if word and word not in _YES | _NO:
        raise Malformed(f"{short(cell)} is neither yes nor no")
    return word in _YES if word else None


def images(cell: str) -> tuple[str, ...]:
    """Addresses of images, separated by blanks, bars, commas or semicolons."""
    return tuple(_IMAGES.split(cell.strip())) if cell.strip() else ()


def currency(cell: str, usual: str) -> str:
    """Three capital letters; the usual ones for an empty cell."""
    found = cell.strip().upper() or usual
    if not re.fullmatch("[A-Z]{3}", found):
        raise Malformed(f"{short(cell)} is not a currency of three letters")
    return found


def short(cell: str) -> str:
    """A cell as a problem shows it."""
    return repr(cell if len(cell) <= _SHOWN else f"{cell[:_SHOWN]}…")
