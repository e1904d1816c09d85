"""The rows of one account of a system that is no shop of Shopify's, and every change of them.

Rows are dictionaries of JSON values and are never changed in place: a new one takes the old one's place. So
an operation that is refused half way leaves no trace, and a stale read sees the rows as they were.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sandbox.clock import Clock
from sandbox.ledger import Ledger, Write

Row = dict[str, Any]
"""A thing as JSON has it."""
Id = int | str


class Change(NamedTuple):
    """One row that was put, replaced or taken away; None where there is no row."""

    table: "Table"
    id: Id
    before: Row | None
    after: Row | None


@dataclass(eq=False)
class Table:
    """Rows by id, in the order in which they came. Reading needs no more than the account's lock."""

    what: str
    """What a row is, in the list of writes: `lot`, `order` …"""
    rows: dict[Id, Row]
    book: "Book"

    def put(self, number: Id, row: Row) -> None:
        """Add a row, or put it in the place of the one with this id."""
        self.book.changes.append(Change(self, number, self.rows.get(number), row))
        self.rows[number] = row

    def alter(self, number: Id, **fields: object) -> Row:
        """Give a row other values in these fields; the row as it is then."""
        row = {**self.rows[number], **fields}
        self.put(number, row)
        return row

    def drop(self, number: Id) -> None:
        """Take a row away."""
        self.book.changes.append(Change(self, number, self.rows.pop(number), None))

    def place(self, number: Id, row: Row | None) -> None:
        """Make it this row, or none, without a word."""
        if row is None:
            self.rows.pop(number, None)
        else:
            self.rows[number] = row


@dataclass(eq=False)
class Book:
    """One account's tables. They change inside `writing`, one thread at a time."""

    system: str
    account: str
    ledger: Ledger
    clock: Clock
    lock: threading.RLock = field(default_factory=threading.RLock)
    changes: list[Change] = field(default_factory=list)
    last: list[Change] = field(default_factory=list)
    last_at: float = 0.0

    def table(self, what: str, rows: Mapping[Id, Row] | None = None) -> Table:
        """A table of this account, with the rows it begins with."""
        return Table(what, dict(rows or {}), self)

    @contextmanager
    def writing(self, operation: str, key: str | None = None) -> Iterator[list[Change]]:
        """The changes made inside belong to this operation; the list tells whether there were any. When it
        raises, none of them was made.
        """
        with self.lock:
            outer, self.changes = self.changes, []
            made = self.changes
            try:
                yield made
            except BaseException:
                _undo(made)
                made.clear()
                raise
            finally:
                self.changes = outer
                self._keep(operation, key, made)

    def _keep(self, operation: str, key: str | None, made: list[Change]) -> None:
        if made:
            self.last, self.last_at = made, self.clock.seconds()
        for change in made:
            self._note(operation, key, change)

    def _note(self, operation: str, key: str | None, change: Change) -> None:
        time, before, after = self.ledger.stamp(), change.before, change.after
        parts = _moved(before, after) if before and after else [(None, before, after)]
        for name, old, new in parts:
            write = Write(
                time, self.system, self.account, operation, key,
                change.table.what, change.id, None, name, old, new,
            )  # fmt: skip
            self.ledger.wrote(write)

    @contextmanager
    def before_last_write(self) -> Iterator[None]:
        """The tables as they were before the last operation that wrote."""
        with self.lock:
            _undo(self.last)
            try:
                yield
            finally:
                for change in self.last:
                    change.table.place(change.id, change.after)


def _undo(changes: list[Change]) -> None:
    for change in reversed(changes):
        change.table.place(change.id, change.before)


def _moved(before: Row, after: Row) -> list[tuple[str | None, object, object]]:
    """The fields in which two rows differ, with what they were and are."""
    names = {**before, **after}
    return [
        (name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    ]
