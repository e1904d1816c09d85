"""A supplier that offers its list as a CSV file: `GET /csv/{account}/products.csv`, and nothing else.

World: `"csv": {"default": {"columns": ["id", "stock"], "products": [{"id": "A-1", "stock": "5"}]}}`; the
first column is the product's id, `separator` stands between cells, `bom` puts a byte order mark before them.

Events: `edit` (`product`, and any columns), `delist` (`product`).
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.book import Book, Table
from sandbox.http import Request, Response, answer, page
from sandbox.reading import (
    REQUIRED,
    Json,
    Key,
    Path,
    WorldError,
    filled,
    flag,
    listed,
    mapped,
    one_of,
    read,
    text,
)
from sandbox.rest import Asked, CannotError, Route, Routes, Target, kept
from sandbox.surroundings import Surroundings

CSV: Final = "text/csv; charset=utf-8"
MARK: Final = b"\xef\xbb\xbf"
ACCOUNT: Final = {
    "columns": Key(listed(filled), lambda: ["id", "stock"]),
    "separator": Key(one_of(",", ";", "\t"), ","),
    "bom": Key(flag, False),
    "products": Key(listed(mapped(text)), list),
}


@dataclass(frozen=True)
class Account:
    """One supplier's list. Its products are rows of text, by the cell in the first column."""

    book: Book
    products: Table
    given: Mapping[str, Any]

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self.given["columns"])

    def written(self) -> dict[str, Any]:
        """The account in the form of the world file."""
        return {**self.given, "products": list(self.products.rows.values())}

    def check(self, kind: str, given: Mapping[str, Any]) -> None:
        """WorldError for an event that cannot be read."""
        one_of("edit", "delist")(kind, ("event", "kind"))
        if unknown := given.keys() - {"product", *self.columns}:
            raise WorldError(("event",), f"the list has no column {', '.join(sorted(unknown))}")
        read({"product": given.get("product")}, ("event",), {"product": Key(filled, REQUIRED)})

    def happen(self, kind: str, given: Mapping[str, Any]) -> dict[str, object]:
        """Make an event happen; CannotError if there is no such product."""
        number = given["product"]
        if number not in self.products.rows:
            raise CannotError(f"there is no product {number}")
        if kind == "delist":
            self.products.drop(number)
        else:
            self.products.alter(number, **{name: str(given[name]) for name in self.columns if name in given})
        return {"product": number}

    def file(self, rows: Sequence[Mapping[str, str]]) -> Response:
        """A CSV file of these rows. https://www.rfc-editor.org/rfc/rfc4180"""
        found = io.StringIO(newline="")
        writer = csv.writer(found, delimiter=self.given["separator"], lineterminator="\r\n")
        writer.writerow(self.columns)
        writer.writerows([row.get(name, "") for name in self.columns] for row in rows)
        body = found.getvalue().encode()
        return Response(200, MARK + body if self.given["bom"] else body, kind=CSV)


def _list(account: Account, asked: Asked) -> Response:
    rows = list(account.products.rows.values())
    short = asked.kind_of_fault in ("empty", "partial")
    return account.file(kept(rows, str(asked.kind_of_fault)) if short else rows)


def _lost(_: Account, asked: Asked) -> Response:
    return answer(404, {"error": f"there is no {asked.call.operation}"})


class CsvSupplier:
    """The dialect."""

    name = "csv"
    switches: Mapping[str, Sequence[str]] = {}

    def __init__(self) -> None:
        self._routes = Routes[Account]([Route("GET", "/{account}/products.csv", _list)], _lost, _lost)

    def read(self, name: str, section: Json, path: Path, around: Surroundings) -> Account:
        """An account of the world file."""
        found = read(section, path, ACCOUNT)
        book = Book(self.name, name, around.ledger, around.clock)
        first = found["columns"][0]
        for place, row in enumerate(found["products"]):
            read(row, (*path, "products", place), {each: Key(text, "") for each in found["columns"]})
        rows = {row.get(first, ""): row for row in found.pop("products")}
        return Account(book, book.table("product", rows), found)

    def target(self, request: Request, path: str) -> Target[Account]:
        """The one file there is."""
        return self._routes.find(request.method, path)

    def whose(self, request: Request, path: str, accounts: Mapping[str, Account]) -> str | None:  # noqa: ARG002
        """The account that the path names: its list is for everyone."""
        name = path.strip("/").partition("/")[0]
        return name if name in accounts else None

    def stranger(self, asked: Asked) -> Response:  # noqa: ARG002
        """A path of nobody's."""
        return page(404)

    def admit(self, account: Account, asked: Asked) -> Response | None:  # noqa: ARG002
        """Everyone may read it, as often as they like."""
        return None

    def failed(self, asked: Asked, status: int) -> Response:  # noqa: ARG002
        """A page of the web server's."""
        return page(status)

    def throttled(self, asked: Asked) -> Response:  # noqa: ARG002
        """Likewise."""
        return page(429)

    def shortened(self, asked: Asked, response: Response, kind: str) -> Response:  # noqa: ARG002
        """The list was made shorter when it was written."""
        return response

    def settings(self, account: Account, base_url: str) -> dict[str, str]:  # noqa: ARG002
        """A list has no credentials; but this one is on this machine, where lists must not be."""
        return {"EVENSTOCK_ALLOW_PRIVATE_URLS": "true"}
