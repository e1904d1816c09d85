"""A supplier whose list is a CSV file behind an address: one row for each product, columns by their names.

The file is fetched whole before anything of it is believed. It is UTF-8, with or without a byte order mark;
columns are separated by commas, semicolons or tabs (RFC 4180: https://www.rfc-editor.org/rfc/rfc4180). Every
row ends with a line break. The RFC lets the last one do without, but a list whose maker died in the middle
of a number looks the same: such a row is told and not believed. Cells are read as text; a number never
passes through a float.
"""

import csv
import io
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import IO, Final, TypeVar

from connectors.csv_cells import SIGNS, amount, currency, flag, images, short, units
from connectors.errors import ConfigurationError, ConnectorError, Malformed
from connectors.http import Usage
from connectors.outside import Outside
from connectors.records import JsonObject
from connectors.supplier import FACETS, LONGEST_ID, Access, Configuration, Facet, Page, SupplierProduct

T = TypeVar("T")
Cells = Mapping[str, str]
"""The cells of a row, by our names for its columns."""

ID: Final = "supplier_product_id"
OURS: Final[Mapping[str, Facet]] = {
    "stock_quantity": "stock",
    "price": "price",
    "cost_price": "price",
    "currency": "price",
    "sku": "product",
    "brand": "product",
    "category": "product",
    "ean": "product",
    "available": "product",
    "supplier_updated_at": "product",
    "name": "text",
    "description": "text",
    "image_urls": "images",
}
"""What a column may hold, and what it speaks of. Besides them there must be one with the product's id."""
ALL: Final[frozenset[Facet]] = frozenset(FACETS)
BEGUN: Final[JsonObject] = {"begun": True}
"""The only cursor: what is fetched next may be another list, so that it is read from its beginning."""

SOURCE: Final = "GET list"
_SEPARATORS: Final = ",;\t"


# ------------------------------------------------------------------ rows


def product(cells: Cells, terms: Configuration) -> tuple[SupplierProduct, tuple[str, ...]]:
    """A row, and what is wrong with it. What has no column, and a cell that cannot be read, is not said."""
    problems: list[str] = []
    read = _Reader(cells, problems)
    money = "price" in cells or "cost_price" in cells
    found = SupplierProduct(
        cells[ID].strip(),
        sku=read("sku", str.strip),
        name=read("name", str.strip),
        description=read("description", str),
        brand=read("brand", str.strip),
        category=read("category", str.strip),
        ean=read("ean", str.strip),
        price=read("price", lambda cell: amount(cell, terms.decimal)),
        cost_price=read("cost_price", lambda cell: amount(cell, terms.decimal)),
        currency=_currency(cells, read, terms) if money else None,
        stock_quantity=read("stock_quantity", lambda cell: units(cell, terms.decimal)),
        image_urls=read("image_urls", images),
        available=read("available", flag),
        supplier_updated_at=read("supplier_updated_at", str.strip),
    )
    if found.currency is None:
        # Nobody knows what they are amounts of.
        found = replace(found, price=None, cost_price=None)
    return found, tuple(problems)


@dataclass(frozen=True, slots=True)
class _Reader:
    cells: Cells
    problems: list[str]

    def __call__(self, name: str, read: Callable[[str], T]) -> T | None:
        """A cell, or None with a problem."""
        try:
            return read(self.cells[name]) if name in self.cells else None
        except Malformed as error:
            self.problems.append(f"{name}: {error}")
            return None


def _currency(cells: Cells, read: _Reader, terms: Configuration) -> str | None:
    if "currency" not in cells:
        return terms.currency
    return read("currency", lambda cell: currency(cell, terms.currency))


@dataclass(frozen=True, slots=True)
class Header:
    """Where columns are: our names for them, and their places. `separator`: what stands between two cells."""

    places: Mapping[str, int]
    separator: str
    width: int

    @property
    def facets(self) -> frozenset[Facet]:
        """What the list speaks of."""
        return frozenset(OURS[name] for name in self.places if name != ID)

    def cells(self, row: Sequence[str], facets: frozenset[Facet]) -> Cells:
        """The cells that speak of some facets, and the id. Raises Malformed for a row of another width."""
        if len(row) != self.width:
            raise Malformed(f"has {len(row)} cells instead of {self.width}")
        cells = {name: row[at] for name, at in self.places.items() if name == ID or OURS[name] in facets}
        if not 0 < len(cells[ID].strip()) <= LONGEST_ID:
            raise Malformed(
                "has no id" if not cells[ID].strip() else f"has an id of {len(cells[ID])} characters"
            )
        if any("\0" in cell for cell in cells.values()):
            raise Malformed("has a character that no text has (NUL)")
        return cells


def header(line: str, columns: Mapping[str, str]) -> Header:
    """Read the first line. `columns`: theirs for ours, where they differ, whatever their case.

    Raises ConfigurationError if the column of the id, or one that is configured, is not there exactly once.
    """
    wanted = {name: _plain(columns.get(name, name)) for name in (ID, *OURS)}
    for separator in _SEPARATORS:
        names = [_plain(each) for each in next(csv.reader([line], delimiter=separator), [])]
        if wanted[ID] in names:
            break
    else:
        raise ConfigurationError(f"the list has no column {columns.get(ID, ID)}; it begins {short(line)}")
    found = {ours: theirs for ours, theirs in wanted.items() if ours in columns or theirs in names}
    for ours, theirs in found.items():
        if names.count(theirs) != 1:
            raise ConfigurationError(f"the list has {names.count(theirs)} columns {columns.get(ours, ours)}")
    return Header({ours: names.index(theirs) for ours, theirs in found.items()}, separator, len(names))


def _plain(name: str) -> str:
    return name.strip().casefold()


# ------------------------------------------------------------------ the list


@dataclass(frozen=True, slots=True)
class Row:
    """A row on this line of the file; `wrong`: why nothing of it can be told, not even whose it is."""

    line: int
    cells: Cells
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class List:
    """A file that was fetched. `is_whole`: the server showed where it ends."""

    file: IO[str]
    is_whole: bool
    columns: Mapping[str, str]

    def header(self) -> Header:
        """What its first line says. Raises Malformed if there is none, and what `header` raises."""
        self.file.seek(0)
        line = self.file.readline()
        if not line.strip():
            raise Malformed("the list is empty: not even the names of its columns are there")
        try:
            return header(line, self.columns)
        except csv.Error as error:
            raise Malformed(f"the names of the columns cannot be read: {error}") from None

    def rows(self, facets: frozenset[Facet]) -> Iterator[Row]:
        """All rows, from the first one. Of one that is `wrong` not even the id is believed."""
        found = self.header()
        lines = _Lines(self.file)
        reader = csv.reader(lines, delimiter=found.separator, strict=True)
        while True:
            try:
                row = next(reader)
                if row:
                    yield Row(reader.line_num + 1, found.cells(lines.whole(row), facets))
            except StopIteration:
                return
            except (csv.Error, Malformed) as error:
                yield Row(reader.line_num + 1, {}, str(error))


class _Lines(Iterator[str]):
    """The lines of a file, and whether the last one that was read had its line break."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._ended = True

    def __next__(self) -> str:
        line = next(self._file)
        self._ended = line.endswith(("\n", "\r"))
        return line

    def whole(self, row: list[str]) -> list[str]:
        """The row that was just read. Raises Malformed for what may be the beginning of one."""
        if not self._ended:
            raise Malformed(
                "has no line break behind it: it may have been cut, so it is not read, and nothing that the "
                "list lacks is taken for gone (the supplier has to end the list with a line break)"
            )
        return row


@dataclass
class _Piece:
    """What the next page will have."""

    products: list[SupplierProduct] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    rows: int = 0

    def take(self, row: Row, ids: Mapping[str, int], terms: Configuration) -> None:
        """Take in a row; of one whose id others have, too, no more than that it is there."""
        self.rows += 1
        if row.wrong:
            self.problems.append(f"line {row.line}: {row.wrong}")
            return
        number = row.cells[ID].strip()
        found, problems = product(row.cells, terms)
        if ids[number] > 1:
            found = SupplierProduct(number)
            problems = (f"{ids[number]} rows have this id, and none of them is believed",)
        self.products.append(found)
        self.problems += [f"line {row.line}, product {number}: {each}" for each in problems]


def pages(found: List, facets: frozenset[Facet], terms: Configuration) -> Iterator[Page]:
    """The list in pages. The last one says of what it is complete: of nothing if there is a row that cannot
    be told from others, or if the end was not shown.
    """
    ids = Counter(row.cells[ID].strip() for row in found.rows(frozenset()) if not row.wrong)
    told, sound = found.header().facets & facets, found.is_whole
    piece = _Piece()
    for row in found.rows(facets):
        if piece.rows == terms.batch_size:
            yield _page(piece, told, cursor=BEGUN)
            piece = _Piece()
        piece.take(row, ids, terms)
        sound = sound and not row.wrong
    yield _page(piece, told, complete=told if sound else frozenset())


def _page(
    piece: _Piece,
    told: frozenset[Facet],
    *,
    cursor: JsonObject | None = None,
    complete: frozenset[Facet] = frozenset(),
) -> Page:
    return Page(
        SOURCE,
        told,
        products=tuple(piece.products),
        problems=tuple(piece.problems),
        cursor=cursor,
        complete=complete,
    )


# ------------------------------------------------------------------ the supplier


def check(terms: Configuration) -> None:
    """Raises ConfigurationError for columns that nobody knows, and for another sign than . or , ."""
    if unknown := sorted(set(terms.columns) - {ID, *OURS}):
        known = ", ".join((ID, *OURS))
        raise ConfigurationError(
            f"a csv supplier's columns: {', '.join(unknown)} is not known; known are {known}"
        )
    if terms.decimal not in (None, *SIGNS):
        raise ConfigurationError("a csv supplier's decimal must be . or ,")


def open_csv(access: Access) -> "CsvSupplier":
    """The list at the configured address."""
    outside = access.outside(allow_private=access.allow_private_urls)
    return CsvSupplier(outside, access.account, access.configuration)


class CsvSupplier:
    """The list at one address. Every pass fetches it anew."""

    def __init__(self, outside: Outside, account: str, terms: Configuration) -> None:
        self._outside = outside
        self._account = account
        self._terms = terms
        self._usage = Usage()

    @property
    def usage(self) -> Usage:
        """What its calls amounted to so far."""
        return self._usage

    def close(self) -> None:
        """Close the connections."""
        self._outside.close()

    def products(self, after: JsonObject | None = None) -> Iterator[Page]:
        """All that the list says."""
        return self._pages(ALL, after)

    def stock(self, after: JsonObject | None = None) -> Iterator[Page]:
        """Stock only. Raises ConfigurationError if the list has none."""
        return self._pages(frozenset({"stock"}), after)

    def prices(self, after: JsonObject | None = None) -> Iterator[Page]:
        """Prices only. Raises ConfigurationError if the list has none."""
        return self._pages(frozenset({"price"}), after)

    def _pages(self, facets: frozenset[Facet], after: JsonObject | None) -> Iterator[Page]:
        """Whatever was read before, the list is read from its beginning: see `BEGUN`."""
        del after
        with self._fetched() as found, self._named():
            if not found.header().facets & facets:
                raise ConfigurationError(f"the list has no column that speaks of {', '.join(sorted(facets))}")
            yield from pages(found, facets, self._terms)

    @contextmanager
    def _fetched(self) -> Iterator[List]:
        """The list in a file that is gone afterwards, so that storing pages keeps no connection waiting."""
        with tempfile.TemporaryFile(prefix="evenstock-") as file:
            with self._named():
                self._usage.add(calls=1)
                is_whole = self._outside.save(self._terms.url or "", file)
            text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
            yield List(text, is_whole, self._terms.columns)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Errors with whose list it was; without its address, which may hold a key."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise self._signed(Malformed(f"the list is not UTF-8 (byte {error.start})")) from None
        except ConnectorError as error:
            self._signed(error)
            raise

    def _signed(self, error: ConnectorError) -> ConnectorError:
        error.system, error.account, error.operation = "csv", self._account, SOURCE
        error.args = (f"csv {self._account} {SOURCE}: {error}",)
        return error
