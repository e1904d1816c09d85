"""Apply the older system's queue to the items here: each pending change once, none that is outdated."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from connectors.errors import ConfigurationError
from connectors.ledger import Item, Ledger
from connectors.settings import Settings
from tasks.item_changes import ItemRequest, change_item
from tasks.items import changed_item, check_request, deleted_item, described, new_item
from tasks.legacy_queue import Entry, entry_in
from tasks.market_accounts import named

LONGEST = 1_000_000
"""Bytes of a line; an item takes a few hundred."""
ACTOR = "migrate-queue"


class Fate(StrEnum):
    """What became of a line."""

    APPLIED = "applied"
    REPEATED = "applied_before"
    OUTDATED = "outdated"
    NOT_PENDING = "not_pending"
    BAD = "bad"


@dataclass(slots=True)
class Tally:
    """How many lines met which fate, and what people should know of each that was not applied."""

    counts: dict[Fate, int] = field(default_factory=lambda: dict.fromkeys(Fate, 0))
    remarks: list[tuple[int, Fate, str]] = field(default_factory=list)

    def note(self, number: int, fate: Fate, remark: str = "") -> None:
        """Count a line."""
        self.counts[fate] += 1
        if remark:
            self.remarks.append((number, fate, remark))


class _Books(Protocol):
    """Where the items are that the lines change."""

    def was_made(self, entry: Entry) -> bool:
        """Whether an entry was applied before."""

    def item(self, entry: Entry) -> Item | None:
        """The item that an entry is about, as it is by now."""

    def make(self, entry: Entry, item: Item | None, number: int) -> str:
        """Apply an entry; what there is to say of it. Raises ConfigurationError."""


def migrate_queue(settings: Settings, ledger: Ledger, file: Path, *, dry_run: bool = False) -> Tally:
    """Apply the pending lines of a file in their order, one at a time, however large the file is.

    A line that is wrong stops only itself. May be run again: what was applied is not applied again. A dry run
    applies nothing and says of each line what it would do after those before it. Raises ConfigurationError if
    the file cannot be read.
    """
    tally = Tally()
    books = _Rehearsal(ledger) if dry_run else _Ledger(settings, ledger)
    for number, line in _lines(file):
        try:
            entry = entry_in(_decoded(line))
            if entry is None:
                tally.note(number, Fate.NOT_PENDING)
            else:
                tally.note(number, *_apply(books, entry, number))
        except (ValueError, ConfigurationError) as error:
            tally.note(number, Fate.BAD, str(error))
    return tally


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers."""
    try:
        with file.open("rb") as stream:
            number = 0
            while line := stream.readline(LONGEST + 1):
                number += 1
                if len(line) > LONGEST:
                    _skip_rest(stream)
                if line.strip():
                    yield number, line
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None


def _skip_rest(stream: io.BufferedReader) -> None:
    while (more := stream.readline(LONGEST)) and not more.endswith(b"\n"):
        pass


def _decoded(line: bytes) -> str:
    if len(line) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} bytes")
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is not in UTF-8") from None


def _apply(books: _Books, entry: Entry, number: int) -> tuple[Fate, str]:
    if books.was_made(entry):
        return Fate.REPEATED, ""
    item = books.item(entry)
    if item is not None and (outdated := _outdated(item, entry)):
        return Fate.OUTDATED, outdated
    if item is None and entry.change_type == "delete":
        return Fate.OUTDATED, f"item {entry.item_id} is not here, so there is nothing to delete"
    return Fate.APPLIED, books.make(entry, item, number)


def _outdated(item: Item, entry: Entry) -> str:
    """Why an entry has nothing to say any more of an item that is here; empty: it has."""
    newest = item.updated_at or item.created_at
    if entry.change_type == "create":
        return f"item {entry.item_id} is here already"
    if item.deleted_at is not None:
        return f"item {entry.item_id} was deleted at {item.deleted_at:%Y-%m-%d %H:%M:%S} UTC"
    if entry.at < newest:
        return (
            f"of {entry.at:%Y-%m-%d %H:%M:%S} UTC, but item {entry.item_id} has changed since, "
            f"at {newest:%Y-%m-%d %H:%M:%S} UTC"
        )
    return ""


def _request(entry: Entry, item: Item | None, number: int) -> ItemRequest:
    """The change that an entry asks for. One of an item that is not here has it all: the item is made so."""
    return ItemRequest(
        change_type=entry.change_type if item else "create",
        item_id=item.id if item else None,
        data=entry.data,
        reason=f"from the older queue, line {number}",
        account=entry.account,
        actor=ACTOR,
        correlation_id=entry.correlation_id or entry.key[:64],
        change_key=entry.key,
        at=entry.at,
        legacy_id=None if item else entry.item_id,
    )


# ------------------------------------------------------------------ where it is done


class _Ledger:
    """The items themselves."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger

    def was_made(self, entry: Entry) -> bool:
        return bool(self._ledger.made_before(entry.account, [entry.key]))

    def item(self, entry: Entry) -> Item | None:
        return self._ledger.item(entry.account, entry.item_id)

    def make(self, entry: Entry, item: Item | None, number: int) -> str:
        change_item(self._settings, self._ledger, _request(entry, item, number))
        return ""


class _Rehearsal:
    """The items as they would be by now; nothing is stored."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._made: set[tuple[str, str]] = set()
        self._items: dict[tuple[str, str], Item] = {}

    def was_made(self, entry: Entry) -> bool:
        is_here = (entry.account, entry.key) in self._made
        return is_here or bool(self._ledger.made_before(entry.account, [entry.key]))

    def item(self, entry: Entry) -> Item | None:
        stored = self._ledger.item(entry.account, entry.item_id)
        return self._items.get((entry.account, stored.id if stored else entry.item_id), stored)

    def make(self, entry: Entry, item: Item | None, number: int) -> str:
        asked = _request(entry, item, number)
        check_request(asked.change_type, asked.item_id, asked.data, asked.role)
        after = _after(entry, item, named(entry.account))
        self._made.add((entry.account, entry.key))
        self._items[entry.account, after.id] = replace(after, updated_at=entry.at)
        return _told(entry, item, after)


def _after(entry: Entry, item: Item | None, account: str) -> Item:
    if item is None:
        return new_item(account, entry.item_id, entry.data, actor=ACTOR, now=entry.at)
    return deleted_item(item, entry.at) if entry.change_type == "delete" else changed_item(item, entry.data)


def _told(entry: Entry, before: Item | None, after: Item) -> str:
    """What an entry would do, for a person."""
    if before is None:
        return (
            f"would make item {entry.item_id} of the account {entry.account}: {after.name}, "
            f"{after.quantity_available} for {after.price} each"
        )
    if after.deleted_at is not None:
        return f"would delete item {entry.item_id}"
    old, new = described(before), described(after)
    changes = [f"{name} {old[name]} to {new[name]}" for name in new if old[name] != new[name]]
    return f"would change item {entry.item_id}: {', '.join(changes) or 'nothing'}"
