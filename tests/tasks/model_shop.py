"""A small shop that behaves as Shopify does: compare-and-set, all or nothing, among people who act.

Not a mock of ours: it knows nothing of the writer, keeps its own books of what was sold, and objects
itself when a write would give a sold unit back.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.errors import (
    Complaint,
    ConnectorError,
    LeaseLost,
    RateLimited,
    Refused,
    Transient,
    Unauthorised,
    UnknownOutcome,
    WritesOff,
)
from connectors.records import Level, Quantities, Row
from connectors.shopify import PREVIOUS_ATTEMPT_FAILED, STALE
from tasks.plan import Line, QuantityName

FAULTS = (
    "lost_before",
    "lost_after",
    "throttled",
    "previous",
    "writes_off",
    "unauthorised",
    "lease_lost",
    "unreasoned",
    "not_understood",
    "astray",
)


@dataclass
class Place:
    """A level with its states; what was sold, taken back and shipped since the baseline is kept apart.

    `raised`: units put in by hand since the level was last read. As many sold in that gap leave available as
    it was, so that no compare can see them; the receipt does (see `tests/tasks/test_derive.py`).
    """

    available: int
    committed: int = 0
    unavailable: int = 0
    active: bool = True
    exists: bool = True
    readable: bool = True
    refused: str = ""
    sold: int = 0
    shipped: int = 0
    touched: int = 0
    raised: int = 0

    @property
    def complaint(self) -> str:
        """What the shop says to a set of it."""
        return self.refused or ("" if self.active and self.exists else "ITEM_NOT_STOCKED_AT_LOCATION")

    @property
    def quantities(self) -> Quantities:
        return Quantities(self.available, self.committed, self.available + self.committed + self.unavailable)

    def shown(self, name: QuantityName) -> int:
        return self.available if name == "available" else self.quantities.on_hand

    def put(self, quantity: int, name: QuantityName) -> None:
        self.available += quantity - self.shown(name)


@dataclass(frozen=True)
class Event:
    """Something a person does just before the shop's call number `tick`, counted from 0."""

    tick: int
    item: int
    kind: str
    count: int


@dataclass
class ModelShop:
    """`truths`: what the level may hold before sales, by item: the shop objects to any write above it.

    `events` happen before calls, `busy` items move before every call. `faults` befall sets and
    `deaf` reads, by their number. Refused rows are named unless `shy`.
    """

    places: dict[int, Place]
    truths: Mapping[int, int]
    name: QuantityName = "available"
    events: Sequence[Event] = ()
    busy: frozenset[int] = frozenset()
    faults: Mapping[int, str] = field(default_factory=dict)
    deaf: frozenset[int] = frozenset()
    shy: bool = False
    max_calls: int = 1_000
    ticks: int = 0
    reads: int = 0
    sets: int = 0
    read_values: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    applied: dict[int, list[Row]] = field(default_factory=lambda: defaultdict(list))
    compares_lost: Counter[int] = field(default_factory=Counter)
    keys: list[str] = field(default_factory=list)
    sent: dict[str, list[Row]] = field(default_factory=dict)
    applied_keys: set[str] = field(default_factory=set)

    # ----------------------------------------------------------- what it offers

    def levels(self, items: Sequence[int]) -> dict[int, Level | None]:
        self._tick()
        self.reads += 1
        if self.reads - 1 in self.deaf:
            raise Transient("no answer")
        found: dict[int, Level | None] = {}
        for item in items:
            place = self.places[item]
            if place.exists:
                found[item] = Level(place.active, place.quantities if place.readable else None)
                self.read_values[item].add(place.shown(self.name))
                place.raised = 0
        return found

    def set_quantities(self, rows: Sequence[Row], *, name: str, reference: str, key: str) -> None:
        assert name == self.name
        assert reference
        assert 0 < len(rows) <= 250
        assert len({row.item_id for row in rows}) == len(rows)
        assert key not in self.keys, "a key is of one call only"
        assert all(row.expected in self.read_values[row.item_id] for row in rows), "compared with no reading"
        self.keys.append(key)
        self.sent[key] = list(rows)
        self._tick()
        self.sets += 1
        fault = self.faults.get(self.sets - 1, "")
        self._befall(fault)
        self._complain(rows)
        self._apply(rows, key)
        if fault == "lost_after":
            raise UnknownOutcome("the answer was lost")

    def activate(self, item: int, key: str) -> None:
        assert key not in self.keys
        self.keys.append(key)
        self._tick()
        if refused := self.places[item].refused:
            is_whole = refused == "404"
            raise Refused("cannot be stocked here", complaints=[Complaint(refused, "no")], is_whole=is_whole)
        self.places[item].active = True

    # ------------------------------------------------------------- what it does

    def _befall(self, fault: str) -> None:
        errors: dict[str, ConnectorError | WritesOff] = {
            "lost_before": UnknownOutcome("the answer was lost"),
            "throttled": RateLimited("throttled"),
            "previous": Refused("again", complaints=[Complaint(PREVIOUS_ATTEMPT_FAILED, "previous")]),
            "unreasoned": Refused("no reason given"),
            "not_understood": Refused("?", complaints=[Complaint("INVALID_VARIABLE", "?")], is_whole=True),
            "astray": Refused("row 9", complaints=[Complaint("INVALID_LOCATION", "row 9", 9)]),
            "unauthorised": Unauthorised("token revoked"),
            "writes_off": WritesOff("writes are off"),
        }
        if fault in errors:
            raise errors[fault]

    def _complain(self, rows: Sequence[Row]) -> None:
        bad = [
            Complaint(code, "not this one", None if self.shy else index)
            for index, row in enumerate(rows)
            if (code := self.places[row.item_id].complaint)
        ]
        if bad:
            raise Refused("some rows are refused", complaints=bad)
        stale = [row for row in rows if self.places[row.item_id].shown(self.name) != row.expected]
        self.compares_lost.update(row.item_id for row in stale)
        if stale:
            raise Refused("stale", complaints=[Complaint(STALE, "the quantity has changed")])

    def _apply(self, rows: Iterable[Row], key: str) -> None:
        for row in rows:
            place = self.places[row.item_id]
            gone = place.sold if self.name == "available" else place.shipped
            unseen = min(gone, place.raised)
            most = max(0, self.truths[row.item_id] - gone + unseen)
            assert 0 <= row.quantity <= most, "a sold unit was given back"
            place.put(row.quantity, self.name)
            self.applied[row.item_id].append(row)
        self.applied_keys.add(key)

    # ------------------------------------------------------------ what people do

    def _tick(self) -> None:
        assert self.ticks < self.max_calls, "too many calls"
        for event in self.events:
            if event.tick == self.ticks:
                self.happen(event.item, event.kind, event.count)
        for item in self.busy:
            self.happen(item, "edit", -1)
        self.ticks += 1

    def happen(self, item: int, kind: str, count: int) -> None:
        place = self.places[item]
        place.touched += 1
        if kind == "sale":
            count = min(count, max(0, place.available))
            place.available -= count
            place.committed += count
            place.sold += count
        elif kind == "cancel":
            count = min(count, place.sold, place.committed)
            place.available += count
            place.committed -= count
            place.sold -= count
        elif kind == "fulfil":
            count = min(count, place.committed)
            place.committed -= count
            place.shipped += count
        elif kind == "edit":
            place.available += count
            place.raised += max(0, count)
        elif kind == "damage":
            place.available -= count
            place.unavailable += count
        elif kind == "deactivate":
            place.active = False
        elif kind == "delete":
            place.exists = False


@dataclass
class ModelJournal:
    """Notes in memory, held to the rules of the ledger: before the call, one end each, and a true one."""

    shop: ModelShop
    lost_at: int | None = None
    intents: dict[str, tuple[str, list[Line], list[Row]]] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    reads_at: dict[str, int] = field(default_factory=dict)

    def intend(self, kind: str, lines: Sequence[Line], rows: Sequence[Row]) -> str:
        if self.lost_at is not None and len(self.intents) >= self.lost_at:
            raise LeaseLost("another run took over")
        assert [line.item_id for line in lines] == [row.item_id for row in rows] or not rows
        key = f"key-{len(self.intents)}"
        self.intents[key] = (kind, list(lines), list(rows))
        self.reads_at[key] = self._answered()
        return key

    def conclude(self, key: str, state: str, note: str = "") -> None:
        del note
        assert key not in self.ends
        self.ends[key] = state
        is_activation = self.intents[key][0] == "activate"
        if state == "applied":
            assert is_activation or key in self.shop.applied_keys
        if state in {"refused", "not_applied"}:
            assert key not in self.shop.applied_keys
        if state == "settled":
            assert self._answered() > self.reads_at[key], "settled by nothing that was read"

    def _answered(self) -> int:
        return self.shop.reads - sum(1 for number in self.shop.deaf if number < self.shop.reads)

    def check(self) -> None:
        """Every call was intended with just its rows, and every intent has an end."""
        assert self.ends.keys() == self.intents.keys()
        for key, rows in self.shop.sent.items():
            assert self.intents[key][2] == rows
