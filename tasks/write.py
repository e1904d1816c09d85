"""Set levels, each only while it holds what was read a moment ago, and never give a sold unit back."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from connectors.errors import ConnectorError, LeaseLost, Refused, Unauthorised, UnknownOutcome, WritesOff
from connectors.records import Level, Quantities, Row
from connectors.shopify import PREVIOUS_ATTEMPT_FAILED, STALE
from connectors.shopify.calls import PAGE
from connectors.slices import chunks
from tasks import derive
from tasks.derive import Settled
from tasks.plan import CALL_REFUSED, Line, Outcome, QuantityName

COMPARES = 2
"""A line whose own compare is lost this often is a conflict: somebody else is writing it."""

SILENCES = 3
"""A line whose answer is lost this often, and which was not applied, has failed."""


class Store(Protocol):
    """What writing needs of a shop."""

    def levels(self, items: Sequence[int]) -> dict[int, Level | None]:
        """Levels by inventory item id."""
        ...

    def set_quantities(self, rows: Sequence[Row], *, name: str, reference: str, key: str) -> None:
        """Set levels, all or none, each only while it holds what is expected."""
        ...

    def activate(self, item: int, key: str) -> None:
        """Make a level sellable."""
        ...


class Journal(Protocol):
    """Where every write is known before it is sent. `intend` raises `LeaseLost` when others took over."""

    def intend(self, kind: str, lines: Sequence[Line], rows: Sequence[Row]) -> str:
        """Note what is about to be sent; returns the key it is sent under."""
        ...

    def conclude(self, key: str, state: str, note: str = "") -> None:
        """Note how it ended."""
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """A line on its way: its last reading, what it should hold now, and how often it was thwarted.

    `lost` counts compares that were surely its own, `doubts` those that may have been a neighbour's.
    """

    line: Line
    reading: Quantities
    target: int
    lost: int = 0
    doubts: int = 0
    silences: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """A line that was settled, and the reading that its write was compared with (None: nothing written)."""

    line: Line
    before: Quantities | None = None


class Writer:
    """Takes lines to their outcome. One for each batch; not shared between threads."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        *,
        name: QuantityName,
        reference: str,
        kind: str = "set_quantities",
        strict: bool = False,
    ) -> None:
        """`strict`: a level is written only while it shows exactly what its line was planned from; one that
        moved is refused. Otherwise what was sold is taken off.
        """
        self._store = store
        self._journal = journal
        self._name = name
        self._reference = reference
        self._kind = kind
        self._strict = strict
        self._settled: list[Written] = []
        self._is_shut = False

    def apply(self, lines: Sequence[Line]) -> list[Written]:
        """Bring levels to what the truth asks for, less what was sold since it was asked.

        Every line comes back with an outcome, whatever the store answers.
        """
        awake = [line for line in lines if not line.activate or self._wake(line)]
        queue = deque(self._batches(self._read(awake)))
        while queue:
            queue.extendleft(reversed(self._send(queue.popleft())))
        settled, self._settled = self._settled, []
        return settled

    # ------------------------------------------------------------- reading

    def _read(self, lines: Sequence[Line]) -> list[Attempt]:
        """Read the lines' levels; those that need no write, or cannot have one, are settled here."""
        levels = self._look(lines)
        if levels is None:
            return []
        readings = ((line, self._reading(line, levels)) for line in lines)
        attempts = [
            self._derived(Attempt(line, reading, 0), reading)
            for line, reading in readings
            if reading is not None
        ]
        return [attempt for attempt in attempts if attempt is not None and not self._is_level(attempt)]

    def _reading(self, line: Line, levels: Mapping[int, Level | None]) -> Quantities | None:
        """What the level holds; a line whose level cannot be written is settled here."""
        level = levels.get(line.item_id)
        if line.item_id not in levels:
            # Seen a moment ago: somebody deleted it, or the answer is not to be trusted. The next run tells.
            self._settle(line, Outcome.CONFLICT, "vanished")
        elif level is None or not level.active:
            self._settle(line, Outcome.REFUSED, "inactive_level" if level else "missing_level")
        elif level.quantities is None:
            self._settle(line, Outcome.UNKNOWN, "level_unreadable")
        return level.quantities if level and level.active else None

    def _derived(self, attempt: Attempt, reading: Quantities) -> Attempt | None:
        """The attempt worked out again from the same baseline and a new reading."""
        if self._strict:
            return self._unmoved(attempt, reading)
        baseline = attempt.line.baseline or reading
        target = derive.wanted(attempt.line.wanted, baseline, reading, self._name)
        return replace(attempt, reading=reading, target=target)

    def _unmoved(self, attempt: Attempt, reading: Quantities) -> Attempt | None:
        shown = derive.shown(reading, self._name)
        if shown != attempt.line.shown:
            self._settle(attempt.line, Outcome.REFUSED, "shop_moved", f"the shop shows {shown} now")
            return None
        return replace(attempt, reading=reading, target=attempt.line.wanted)

    def _is_level(self, attempt: Attempt) -> bool:
        """Settle a line that holds what it should: by our own lost call, or by somebody else's hand."""
        if attempt.target != derive.shown(attempt.reading, self._name):
            return False
        self._settle(
            attempt.line,
            Outcome.UNCHANGED,
            "already_level" if attempt.line.falls or attempt.line.rises else "",
        )
        return True

    def _again(
        self, group: Sequence[Attempt], renew: Callable[[Attempt, Quantities], Attempt | None]
    ) -> list[Attempt]:
        """Read a group's levels again and renew each attempt with what was found."""
        levels = self._look([attempt.line for attempt in group])
        return [] if levels is None else self._renewed(group, levels, renew)

    def _look(self, lines: Sequence[Line]) -> Mapping[int, Level | None] | None:
        """The lines' levels; None, and every line settled, when they cannot be read."""
        try:
            return self._store.levels([line.item_id for line in lines]) if lines else {}
        except ConnectorError as error:
            self._settle_all(lines, Outcome.FAILED, "unreadable", str(error))
            return None

    def _renewed(
        self,
        group: Sequence[Attempt],
        levels: Mapping[int, Level | None],
        renew: Callable[[Attempt, Quantities], Attempt | None],
    ) -> list[Attempt]:
        readings = ((attempt, self._reading(attempt.line, levels)) for attempt in group)
        renewed = (renew(attempt, reading) for attempt, reading in readings if reading is not None)
        return [fresh for fresh in renewed if fresh is not None and not self._is_level(fresh)]

    # ------------------------------------------------------------- writing

    def _send(self, group: Sequence[Attempt]) -> list[list[Attempt]]:
        """Send one call; returns the groups that are still to be sent."""
        rows = [self._row(attempt) for attempt in group]
        lines = [attempt.line for attempt in group]
        if self._is_shut:
            self._settle_all(
                lines, Outcome.FAILED, "unauthorised", "the store refused an earlier write of this batch"
            )
            return []
        try:
            key = self._journal.intend(self._kind, lines, rows)
        except LeaseLost as lost:
            self._settle_all(lines, Outcome.REFUSED, "locked", str(lost))
            return []
        try:
            self._store.set_quantities(rows, name=self._name, reference=self._reference, key=key)
        except Refused as refusal:
            self._journal.conclude(key, "refused", str(refusal))
            return self._after_refusal(group, refusal)
        except UnknownOutcome as silence:
            return self._after_silence(group, key, silence)
        except WritesOff as off:
            self._journal.conclude(key, "not_applied", "writes are off")
            self._settle_all(lines, Outcome.REFUSED, "writes_off", str(off))
        except ConnectorError as error:
            self._journal.conclude(key, "not_applied", str(error))
            self._settle_all(lines, Outcome.FAILED, _reason(error), str(error))
            self._is_shut = isinstance(error, Unauthorised)
        else:
            self._journal.conclude(key, "applied")
            for attempt in group:
                self._done(attempt)
        return []

    def _after_refusal(self, group: Sequence[Attempt], refusal: Refused) -> list[list[Attempt]]:
        if STALE in refusal.codes:
            return self._after_stale(group)
        if PREVIOUS_ATTEMPT_FAILED in refusal.codes:
            return self._batches(self._after_failure(group, refusal))
        named = {
            each.row: each for each in refusal.complaints if each.row is not None and each.row < len(group)
        }
        if named:
            for index, complaint in named.items():
                note = complaint.message or complaint.code
                self._settle(group[index].line, Outcome.REFUSED, complaint.code.lower() or "refused", note)
            return self._batches([attempt for index, attempt in enumerate(group) if index not in named])
        return self._narrowed(group, refusal)

    def _after_failure(self, group: Sequence[Attempt], refusal: Refused) -> list[Attempt]:
        """The store gave the call up half-way and did nothing: again under a new key, a few times."""
        counted = [replace(attempt, silences=attempt.silences + 1) for attempt in group]
        spent = [attempt.line for attempt in counted if attempt.silences >= SILENCES]
        self._settle_all(spent, Outcome.FAILED, "previous_attempt_failed", str(refusal))
        return self._again([attempt for attempt in counted if attempt.silences < SILENCES], self._derived)

    def _narrowed(self, group: Sequence[Attempt], refusal: Refused) -> list[list[Attempt]]:
        """A refusal that names no row: halve until the culprit stands alone, unless the call itself is it."""
        lines = [attempt.line for attempt in group]
        if refusal.is_whole:
            self._settle_all(lines, Outcome.FAILED, CALL_REFUSED, str(refusal))
            return []
        if refusal.complaints and len(group) > 1:
            return _halves(group)
        outcome = Outcome.REFUSED if refusal.complaints else Outcome.FAILED
        reason = next(iter(refusal.codes), "").lower() or "refused"
        self._settle_all(lines, outcome, reason, str(refusal))
        return []

    def _after_stale(self, group: Sequence[Attempt]) -> list[list[Attempt]]:
        """Some row of a refused batch had moved, and only reading tells which.

        Rows that moved go into a small batch of their own; the quiet rest is sent at once.
        """
        held = {attempt.line.item_id: derive.shown(attempt.reading, self._name) for attempt in group}
        fresh = self._again(group, self._derived)
        moved = [each for each in fresh if derive.shown(each.reading, self._name) != held[each.line.item_id]]
        quiet = [each for each in fresh if derive.shown(each.reading, self._name) == held[each.line.item_id]]
        if len(quiet) == len(group):
            return self._nothing_moved(fresh)
        is_culprit = len(quiet) == len(group) - 1
        return [*self._batches(quiet), *(self._thwarted(moved) if is_culprit else self._doubted(moved))]

    def _nothing_moved(self, group: Sequence[Attempt]) -> list[list[Attempt]]:
        """The store refuses a compare with the very numbers it shows: find the row, or give it up."""
        return _halves(group) if len(group) > 1 else self._thwarted(group)

    def _doubted(self, group: Sequence[Attempt]) -> list[list[Attempt]]:
        """Several rows moved, and some may have moved only after the refusal: their compares were not lost.

        They try again together; a row in doubt twice goes alone from then on, where the answer is its own.
        """
        doubted = [replace(attempt, doubts=attempt.doubts + 1) for attempt in group]
        together = [attempt for attempt in doubted if attempt.doubts < COMPARES]
        return [*self._batches(together), *([each] for each in doubted if each.doubts >= COMPARES)]

    def _thwarted(self, group: Sequence[Attempt]) -> list[list[Attempt]]:
        """Count a lost compare for each; twice is a conflict."""
        counted = [replace(attempt, lost=attempt.lost + 1) for attempt in group]
        for attempt in counted:
            if attempt.lost >= COMPARES:
                note = (
                    f"moved again to {derive.shown(attempt.reading, self._name)} while it was being written"
                )
                self._settle(attempt.line, Outcome.CONFLICT, "compare_lost_twice", note)
        return self._batches([attempt for attempt in counted if attempt.lost < COMPARES])

    def _after_silence(
        self, group: Sequence[Attempt], key: str, silence: UnknownOutcome
    ) -> list[list[Attempt]]:
        """The answer was lost: the levels themselves tell whether the call was applied."""
        levels = self._look([attempt.line for attempt in group])
        if levels is None:
            self._journal.conclude(key, "unknown", str(silence))
            return []
        before = len(self._settled)
        rest = self._renewed(
            group, levels, lambda attempt, reading: self._settled_by_reading(attempt, reading, silence)
        )
        done = sum(1 for written in self._settled[before:] if written.line.outcome is Outcome.DONE)
        self._journal.conclude(key, "settled", f"answer lost; {done} of {len(group)} found applied")
        return self._batches(rest)

    def _settled_by_reading(
        self, attempt: Attempt, reading: Quantities, silence: UnknownOutcome
    ) -> Attempt | None:
        verdict = derive.settle(attempt.reading, attempt.target, reading, self._name)
        if verdict is Settled.NOT_APPLIED and attempt.silences + 1 < SILENCES:
            return self._derived(replace(attempt, silences=attempt.silences + 1), reading)
        if verdict is Settled.APPLIED:
            self._done(attempt)
        elif verdict is Settled.UNCLEAR:
            self._settle(attempt.line, Outcome.CONFLICT, "unclear_outcome", str(silence))
        else:
            self._settle(attempt.line, Outcome.FAILED, "no_answer", str(silence))
        return None

    def _wake(self, line: Line) -> bool:
        """Make a level sellable before it is set; whether that worked."""
        try:
            key = self._journal.intend("activate", [line], [])
        except LeaseLost as lost:
            self._settle(line, Outcome.REFUSED, "locked", str(lost))
            return False
        try:
            self._store.activate(line.item_id, key)
        except WritesOff as off:
            self._journal.conclude(key, "not_applied", "writes are off")
            self._settle(line, Outcome.REFUSED, "writes_off", str(off))
        except Refused as refusal:
            self._journal.conclude(key, "refused", str(refusal))
            if refusal.is_whole:
                self._settle(line, Outcome.FAILED, CALL_REFUSED, str(refusal))
            else:
                self._settle(line, Outcome.REFUSED, "not_activated", str(refusal))
        except UnknownOutcome as silence:
            self._journal.conclude(key, "unknown", str(silence))
            self._settle(line, Outcome.FAILED, "not_activated", str(silence))
        except ConnectorError as error:
            self._journal.conclude(key, "not_applied", str(error))
            self._settle(line, Outcome.FAILED, _reason(error), str(error))
        else:
            self._journal.conclude(key, "applied")
            return True
        return False

    # ------------------------------------------------------------ settling

    def _row(self, attempt: Attempt) -> Row:
        expected = derive.shown(attempt.reading, self._name)
        return Row(attempt.line.item_id, expected, attempt.target, attempt.reading)

    def _done(self, attempt: Attempt) -> None:
        line = attempt.line.ended(Outcome.DONE)._replace(
            written_from=derive.shown(attempt.reading, self._name),
            written_to=attempt.target,
        )
        self._settled.append(Written(line, attempt.reading))

    def _settle(self, line: Line, outcome: Outcome, reason: str, note: str = "") -> None:
        self._settled.append(Written(line.ended(outcome, reason, note)))

    def _settle_all(self, lines: Iterable[Line], outcome: Outcome, reason: str, note: str) -> None:
        for line in lines:
            self._settle(line, outcome, reason, note)

    def _batches(self, attempts: Sequence[Attempt]) -> list[list[Attempt]]:
        return [list(some) for some in chunks(attempts, PAGE)]


def _halves(group: Sequence[Attempt]) -> list[list[Attempt]]:
    middle = len(group) // 2
    return [list(group[:middle]), list(group[middle:])]


def _reason(error: ConnectorError) -> str:
    """The error's kind as a reason, e.g. ``rate_limited``."""
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
