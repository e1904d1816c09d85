"""RMS as a SQLite file: the table `Item` and the view `View_Items` that Evenstock reads.

A world's item may also have `item_id`, `description`, `price`, `familia`, `categoria`, `color`, `talla`; and
`rms` may have `without_columns`, names of columns that its view lacks.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path as File
from typing import Any, Final

from sandbox.clock import Clock
from sandbox.ledger import Ledger, Write
from sandbox.reading import (
    REQUIRED,
    Json,
    Key,
    Path,
    WorldError,
    anything,
    counted,
    first_double,
    listed,
    money,
    one_of,
    optional,
    read,
    shaped,
    text,
)

Row = dict[str, Any]

COLUMNS: Final[Mapping[str, str]] = {
    "CCOD": "ccod",
    "C_ARTICULO": "sku",
    "Quantity": "quantity",
    "ItemID": "item_id",
    "Description": "description",
    "Price": "price",
    "Familia": "familia",
    "Categoria": "categoria",
    "color": "color",
    "talla": "talla",
}
"""Columns of the view, and the keys of a world's item."""

TABLE: Final = """
CREATE TABLE IF NOT EXISTS Item (
  Position INTEGER PRIMARY KEY, ID INTEGER NOT NULL, ItemLookupCode TEXT, CCOD TEXT, Description TEXT,
  Quantity, Price NUMERIC, LastUpdated DATETIME, Familia TEXT, Categoria TEXT, color TEXT, talla TEXT)
"""
INDEXES: Final = (
    "CREATE INDEX IF NOT EXISTS ItemID ON Item (ID)",
    "CREATE INDEX IF NOT EXISTS ItemCCOD ON Item (CCOD)",
)
SOURCES: Final = {"C_ARTICULO": "ItemLookupCode", "ItemID": "ID"}
INSERT: Final = "INSERT INTO Item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
LIMITS: Final = {"empty": " WHERE 0", "partial": " WHERE Position % 2 = 1"}


def _local(value: Json, path: Path) -> str:
    """RMS keeps local times without a zone."""
    try:
        return datetime.fromisoformat(text(value, path)).isoformat()
    except ValueError:
        raise WorldError(path, "must be a time such as '2026-11-20T09:00:00'") from None


ITEM: Final = {
    "ccod": Key(optional(text), REQUIRED),
    "sku": Key(optional(text), REQUIRED),
    "quantity": Key(anything, 0),
    "last_updated": Key(optional(_local)),
    "item_id": Key(optional(counted)),
    "description": Key(optional(text)),
    "price": Key(optional(money)),
    "familia": Key(optional(text)),
    "categoria": Key(optional(text)),
    "color": Key(optional(text)),
    "talla": Key(optional(text)),
}
SECTION: Final = {
    "items": Key(listed(shaped(ITEM)), list),
    "without_columns": Key(listed(one_of(*COLUMNS)), list),
}
EVENTS: Final = {
    "edit": {
        "ccod": Key(text, REQUIRED),
        "sku": Key(text, REQUIRED),
        "quantity": Key(anything, REQUIRED),
    },
    "remove": {"ccod": Key(text, REQUIRED), "sku": Key(text, REQUIRED)},
}


def read_section(value: Json, path: Path) -> dict[str, Any]:
    """RMS's part of a world, with an id for every item: by CCOD and SKU, so that they are stable."""
    found = read(value, path, SECTION)
    items = found["items"]
    given = [item["item_id"] for item in items if item["item_id"]]
    double = first_double(given)
    if double is not None:
        raise WorldError((*path, "items"), f"two have the item_id {double}")
    numbers = (number for number in count(1) if number not in set(given))
    for item in sorted(items, key=lambda one: (one["ccod"] or "", one["sku"] or "")):
        item["item_id"] = item["item_id"] or next(numbers)
    return found


def _stored(value: Json) -> Json:
    """The value as SQLite can hold it."""
    if isinstance(value, list | dict):
        return json.dumps(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return str(value)
    return value


def _values(position: int, item: Row) -> tuple[Any, ...]:
    updated = item["last_updated"]
    names = ("familia", "categoria", "color", "talla")
    return (
        position,
        item["item_id"],
        item["sku"],
        item["ccod"],
        item["description"],
        _stored(item["quantity"]),
        item["price"],
        updated and updated.replace("T", " "),
        *(item[name] for name in names),
    )


class Rms:
    """The database file, rewritten in place: whoever has it open sees the new rows."""

    def __init__(self, file: File, clock: Clock, ledger: Ledger) -> None:
        self.file = file
        self._away = file.with_suffix(".away")
        self._clock = clock
        self._ledger = ledger
        self._section: dict[str, Any] = {"items": [], "without_columns": []}
        self._faults: frozenset[str] = frozenset()
        self._holder: sqlite3.Connection | None = None
        self._lock = threading.RLock()
        self._write()

    @property
    def url(self) -> str:
        """The file's SQLAlchemy URL."""
        return f"sqlite:///{self.file}"

    def load(self, section: dict[str, Any]) -> None:
        """Hold these rows instead."""
        with self._changing():
            self._section = section

    def section(self) -> dict[str, Any]:
        """RMS's part of the world."""
        with self._lock:
            items = [_written(item) for item in self._section["items"]]
            without = self._section["without_columns"]
        return {"items": items, **({"without_columns": list(without)} if without else {})}

    def set_faults(self, kinds: Iterable[str]) -> None:
        """Be down, locked, empty or partial until the next call."""
        wanted = frozenset(kinds)
        if wanted == self._faults:
            return
        with self._changing():
            self._faults = wanted

    def happen(self, kind: str, given: Mapping[str, Any]) -> dict[str, object]:
        """An event: a row is edited or removed."""
        wanted = self.check(kind, given)
        with self._changing():
            rows = [
                item
                for item in self._section["items"]
                if (item["ccod"], item["sku"]) == (wanted["ccod"], wanted["sku"])
            ]
            for row in rows:
                self._apply(row, wanted, remove=kind == "remove")
        return {"rows": len(rows)} if rows else {"refused": f"RMS has no row for {wanted['sku']}"}

    @staticmethod
    def check(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The event's values; WorldError if there is no such event or they are wrong."""
        one_of(*EVENTS)(kind, ("event", "kind"))
        return read(dict(given), ("event",), EVENTS[kind])

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._release()

    def _apply(self, row: Row, wanted: Mapping[str, Any], *, remove: bool) -> None:
        before, after = row["quantity"], None if remove else wanted["quantity"]
        if remove:
            self._section["items"].remove(row)
        else:
            row["quantity"] = after
            row["last_updated"] = self._clock.now().replace(tzinfo=None).isoformat(timespec="seconds")
        number, stamp = row["item_id"], self._ledger.stamp()
        what = "removed row" if remove else "row"
        self._ledger.wrote(
            Write(stamp, "rms", "default", "event", None, what, number, None, "quantity", before, after)
        )

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Whatever changes inside is in the file afterwards, and the faults are in force."""
        with self._lock:
            self._release()
            yield
            self._write()
            self._seize()

    def _release(self) -> None:
        if self._holder is not None:
            self._holder.close()
            self._holder = None
        if self._away.exists():
            self.file.rmdir()
            self._away.rename(self.file)

    def _seize(self) -> None:
        """A folder in place of the file cannot be opened; who has the file open meets a lock."""
        if {"down", "locked"} & self._faults:
            self._holder = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False)
            self._holder.execute("PRAGMA busy_timeout = 30000")
            self._holder.execute("BEGIN EXCLUSIVE")
        if "down" in self._faults:
            self.file.rename(self._away)
            self.file.mkdir()

    def _write(self) -> None:
        rows = [_values(position, item) for position, item in enumerate(self._section["items"], 1)]
        with closing(sqlite3.connect(self.file, isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in (TABLE, *INDEXES):
                connection.execute(statement)
            connection.execute("DELETE FROM Item")
            connection.executemany(INSERT, rows)
            connection.execute("DROP VIEW IF EXISTS View_Items")
            connection.execute(_view(self._section["without_columns"], self._faults))
            connection.execute("COMMIT")


def _view(without: Sequence[str], faults: frozenset[str]) -> str:
    columns = ", ".join(f"{SOURCES.get(name, name)} AS {name}" for name in COLUMNS if name not in without)
    limit = next((LIMITS[kind] for kind in LIMITS if kind in faults), "")
    return f"CREATE VIEW View_Items AS SELECT {columns} FROM Item{limit}"  # noqa: S608 - our own names


def _written(item: Row) -> Row:
    always = ("ccod", "sku", "quantity", "last_updated", "item_id")
    return {name: value for name, value in item.items() if name in always or value is not None}
