"""Product mappings as a table that people write: each row read as text, each mistake named with its line."""

import csv
import io
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import TypeVar

from connectors.errors import ConfigurationError

COLUMNS = (
    "partner_shop",
    "partner_variant_id",
    "own_variant_id",
    "active",
    "locations",
    "buffer",
    "orders_known",
)
"""The columns of a file; those after the first three may be left out."""
NEEDED = COLUMNS[:3]
OPTIONAL = ("sums", "partner_sku", "own_sku")
"""`sums`: several mappings feed the own variant together. The SKUs are notes for people."""

MOST_BYTES = 50 * 1024 * 1024
MOST_MINUTES = 7 * 24 * 60
MOST_BUFFER = 1_000_000
_MOST_ID = 2**63 - 1
_MOST_LOCATIONS = 250

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_YES = {"true", "yes", "1"}
_NO = {"false", "no", "0"}


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One good row. `line` is where it begins in the file."""

    line: int
    partner: str
    partner_variant: int
    own_variant: int
    is_active: bool = True
    locations: tuple[int, ...] | None = None
    buffer: int = 0
    orders_known: str | None = None
    sums: bool = False

    @property
    def key(self) -> tuple[str, int]:
        """What may be in a file, and in the ledger, once."""
        return self.partner, self.partner_variant


@dataclass(frozen=True, slots=True)
class BadRow:
    """Why a row is not taken: in which column, what it says there."""

    line: int
    column: str
    value: str
    reason: str


T = TypeVar("T")


class _Wrong(Exception):  # noqa: N818 - never leaves this module
    """What is wrong with a cell."""


class _WrongCell(Exception):  # noqa: N818 - never leaves this module
    """… and which cell it is."""

    def __init__(self, column: str, text: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.text = text
        self.reason = reason


def read_rows(content: bytes, partners: Mapping[str, str]) -> tuple[list[MappingRow], list[BadRow]]:
    """The good and the bad rows of a file, by line. `partners`: every spelling of a partner → its domain.

    Raises ConfigurationError for a file of which no row can be trusted.
    """
    table = _table(_text(content))
    good: list[MappingRow] = []
    bad: list[BadRow] = []
    header = _header(next(table, None))
    for line, cells in table:
        row = _row(line, cells, header, partners)
        if isinstance(row, MappingRow):
            good.append(row)
        else:
            bad.append(row)
    if not good and not bad:
        raise ConfigurationError("the file has a header and no row")
    kept, doubtful = without_contradictions(good)
    return kept, sorted([*bad, *doubtful], key=lambda each: each.line)


# --------------------------------------------------------------------- file


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise ConfigurationError(f"the file is larger than {MOST_BYTES // 1024**2} MB")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigurationError("the file is UTF-16: save it as CSV UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"line {line} is not UTF-8: save the file as CSV UTF-8") from None
    if not text.strip():
        raise ConfigurationError("the file is empty")
    return text


def _table(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of everything that is not blank. Raises ConfigurationError where quotes do not close."""
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise ConfigurationError(
                f"line {line} cannot be read ({error}): nothing after it can be trusted"
            ) from None
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _header(row: tuple[int, list[str]] | None) -> list[str]:
    names = [cell.strip().lower() for cell in row[1]] if row else []
    known = (*COLUMNS, *OPTIONAL)
    problems = [
        f"unknown column {_shown(name) or '(blank)'}{_hint(name, known)}"
        for name in names
        if name not in known
    ]
    problems += [f"column {name} is there twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    problems += [f"column {name} is missing" for name in NEEDED if name not in names]
    if problems:
        raise ConfigurationError(f"{'; '.join(problems[:10])}. The columns are {', '.join(known)}")
    return names


def _hint(name: str, known: Iterable[str]) -> str:
    return _hint_among(name, tuple(known))


@lru_cache(maxsize=1024)
def _hint_among(name: str, known: tuple[str, ...]) -> str:
    """Remembered: a file may have the same slip in each of its rows."""
    close = get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _shown(text: str) -> str:
    """The beginning of a cell, without what a terminal would take for a command."""
    plain = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:61])
    return f"{plain[:60]}…" if len(plain) > 60 else plain


# --------------------------------------------------------------------- rows


def _row(
    line: int, cells: Sequence[str], header: Sequence[str], partners: Mapping[str, str]
) -> MappingRow | BadRow:
    if len(cells) != len(header):
        return BadRow(line, "", _shown(cells[0]), f"{len(cells)} cells under {len(header)} columns")
    try:
        return _read(line, _Cells(dict(zip(header, cells, strict=True))), partners)
    except _WrongCell as wrong:
        return BadRow(line, wrong.column, _shown(wrong.text), wrong.reason)


class _Cells:
    """The cells of one row by column."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        for column, text in given.items():
            if _CONTROL.search(text):
                raise _WrongCell(column, text, "has a control character in it")

    def read(self, column: str, reader: Callable[[str], T]) -> T:
        """One cell; of a column that was left out, what a blank one means."""
        text = self._given.get(column, "")
        try:
            return reader(text.strip())
        except _Wrong as wrong:
            raise _WrongCell(column, text, str(wrong)) from None


def _read(line: int, cells: _Cells, partners: Mapping[str, str]) -> MappingRow:
    return MappingRow(
        line,
        partner=cells.read("partner_shop", lambda text: _partner(text, partners)),
        partner_variant=cells.read("partner_variant_id", _variant),
        own_variant=cells.read("own_variant_id", _variant),
        is_active=cells.read("active", _active),
        locations=cells.read("locations", _locations),
        buffer=cells.read("buffer", _buffer),
        orders_known=cells.read("orders_known", _orders_known),
        sums=cells.read("sums", _sums),
    )


def _partner(text: str, partners: Mapping[str, str]) -> str:
    name = text.lower().rstrip("/")
    if name not in partners:
        raise _Wrong(f"there is no such partner{_hint(name[:100], partners)}")
    return partners[name]


def _id(kind: str, text: str) -> int:
    digits = text.removeprefix(f"gid://shopify/{kind}/")
    if re.fullmatch(r"[0-9]+([.,][0-9]+)?E\+?[0-9]+", digits, re.IGNORECASE):
        raise _Wrong("a spreadsheet has rounded this number: format the column as text")
    if not re.fullmatch(r"[1-9][0-9]*", digits):
        raise _Wrong(f"is no id: a number or gid://shopify/{kind}/… is needed")
    if len(digits) > 19 or int(digits) > _MOST_ID:
        raise _Wrong("is too large for an id")
    return int(digits)


def _variant(text: str) -> int:
    return _id("ProductVariant", text)


def _flag(text: str, *, default: bool) -> bool:
    if not text:
        return default
    if text.lower() not in _YES | _NO:
        raise _Wrong("must be true or false")
    return text.lower() in _YES


def _active(text: str) -> bool:
    return _flag(text, default=True)


def _sums(text: str) -> bool:
    return _flag(text, default=False)


def _locations(text: str) -> tuple[int, ...] | None:
    """Several are separated by blanks, commas, semicolons or bars; none means all."""
    found = [_id("Location", part) for part in re.split(r"[\s,;|]+", text) if part]
    if len(set(found)) != len(found):
        raise _Wrong("names a location twice")
    if len(found) > _MOST_LOCATIONS:
        raise _Wrong(f"names more than {_MOST_LOCATIONS} locations")
    return tuple(found) or None


def _buffer(text: str) -> int:
    if text and not re.fullmatch(r"[0-9]{1,9}", text):
        raise _Wrong("must be a whole number of units, 0 or more")
    if int(text or 0) > MOST_BUFFER:
        raise _Wrong(f"is more than {MOST_BUFFER} units")
    return int(text or 0)


def _orders_known(text: str) -> str | None:
    word = text.lower()
    if word in {"", "at_shipping", "at_once"}:
        return word or None
    if not re.fullmatch(r"[0-9]{1,6}", word) or int(word) > MOST_MINUTES:
        raise _Wrong(f"must be at_shipping, at_once, or minutes up to {MOST_MINUTES}")
    return str(int(word))


# ----------------------------------------------------------- contradictions


def without_contradictions(rows: Sequence[MappingRow]) -> tuple[list[MappingRow], list[BadRow]]:
    """Rows that say one thing each. Of equal ones the first is kept; of contradicting ones none."""
    bad: list[BadRow] = []
    kept: list[MappingRow] = []
    for same in _groups(rows, lambda row: row.key):
        first, *others = same
        if all(replace(other, line=first.line) == first for other in others):
            kept.append(first)
            bad += [_repeated(other, f"is in line {first.line} already") for other in others]
        else:
            bad += [_repeated(row, f"lines {_lines(same)} contradict each other") for row in same]
    active = [row for row in kept if row.is_active]
    for rivals in _groups(active, lambda row: row.own_variant):
        if len(rivals) > 1 and not all(row.sums for row in rivals):
            bad += [_rivalling(row, rivals) for row in rivals]
    doubtful = {each.line for each in bad}
    return sorted((row for row in kept if row.line not in doubtful), key=lambda row: row.line), bad


def _groups(rows: Iterable[MappingRow], key: Callable[[MappingRow], Hashable]) -> Iterable[list[MappingRow]]:
    found: dict[Hashable, list[MappingRow]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found.values()


def _lines(rows: Iterable[MappingRow]) -> str:
    lines = [str(row.line) for row in rows]
    return ", ".join(lines[:5]) + (", …" if len(lines) > 5 else "")


def _repeated(row: MappingRow, reason: str) -> BadRow:
    return BadRow(row.line, "partner_variant_id", str(row.partner_variant), reason)


def _rivalling(row: MappingRow, rivals: Sequence[MappingRow]) -> BadRow:
    reason = f"lines {_lines(rivals)} feed it together, and not all of them say true under sums"
    return BadRow(row.line, "own_variant_id", str(row.own_variant), reason)
