"""Settle what killed runs and broken batches left open: unclear writes and lines, by what the shop holds now.

Nothing is written to the shop here. What is not done yet is planned anew by the run that reads this.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connectors.ledger import Ledger
from connectors.ledger.records import Change, Operation, OperationState, RunState, Settlement
from connectors.records import JsonObject, JsonValue, Level, Quantities
from tasks import derive
from tasks.book import TAKEN_BACK, to_line, to_settlement
from tasks.derive import Settled
from tasks.lease import clock
from tasks.plan import Line, Outcome, QuantityName

Levels = Mapping[int, Level | None]
"""Levels by inventory item id; an item that is not there exists no more."""

Sent = tuple[Operation, JsonObject]
"""A write, and its row of one line."""

DOUBTFUL = frozenset({OperationState.INTENDED, OperationState.UNKNOWN})
"""States of writes that nobody knows the outcome of."""

UNCLEAR = DOUBTFUL | {OperationState.SETTLED}
"""States that do not tell what became of each row, or that tell it only where it was lost."""


class Store(Protocol):
    """What settling needs of a shop. `location`: where its levels are read."""

    location: int

    def levels(self, items: Sequence[int]) -> dict[int, Level | None]:
        """Levels by inventory item id."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What one operation did to one line."""

    kind: str
    fate: Settled
    sent: int | None
    compared: int | None


def settle(ledger: Ledger, store: Store, account: str, successor: str, now: datetime) -> None:
    """Bring every line and every write that runs of the account left open to an end.

    `now` dates the lines, as the limits count them by the day; writes and runs end by the machine's clock,
    which they began by. Raises what the store or the ledger raises; what is open then stays so, and a later
    run settles it.
    """
    note = f"the run broke off; {successor} read what the shop holds"
    open_lines, unclear = ledger.unfinished(account), ledger.unsettled(account)
    runs = sorted({each.run_id for each in open_lines} | {each.run_id for each in unclear})
    for run_id in runs:
        operations = ledger.operations_of(run_id)
        sent = _by_variant(operations)
        changes = [each for each in ledger.changes_of(run_id) if _is_open(each, sent[each.variant_id])]
        levels = _look(store, changes)
        ended = [_ended(each, sent[each.variant_id], levels, note) for each in changes]
        # The to-do list shrinks last: whoever dies in between leaves it to the next.
        ledger.mark_deleted(account, [line.variant_id for line, _ in ended if line.deleted], now)
        ledger.settle([settlement for _, settlement in ended], now)
        for operation in operations:
            if operation.state in DOUBTFUL:
                ledger.conclude(operation.key, OperationState.SETTLED, clock(), note=note)
        _tell(ledger, run_id, successor)


def _by_variant(operations: Iterable[Operation]) -> defaultdict[int, list[Sent]]:
    """What was sent for each variant, in its order."""
    sent: defaultdict[int, list[Sent]] = defaultdict(list)
    for operation in operations:
        for row in operation.rows:
            variant = _number(row.get("variant_id"))
            if variant is not None:
                sent[variant].append((operation, row))
    return sent


def _tell(ledger: Ledger, run_id: str, successor: str) -> None:
    """Let the history say how a killed run's lines ended."""
    run = ledger.run(run_id)
    if run is None or run.state is not RunState.KILLED:
        return
    lines = [line for line in ledger.changes_of(run_id) if line.batch is not None]
    done = sum(1 for line in lines if line.outcome in {Outcome.DONE, Outcome.UNCHANGED})
    message = f"the run was killed with {done} of {len(lines)} lines done; {successor} settled the others"
    ledger.finish_run(run_id, RunState.KILLED, clock(), {"message": message})


def _look(store: Store, changes: Iterable[Change]) -> Levels:
    """The lines' levels. Of one at another location nothing is known but that its item is there."""
    here = {each.inventory_item_id: each.location_id == store.location for each in changes}
    found = store.levels(sorted(here)) if here else {}
    return {item: level if here[item] else None for item, level in found.items()}


def _is_open(change: Change, sent: Iterable[Sent]) -> bool:
    """Whether a line has no end yet, or one that a lost answer left in doubt."""
    return change.outcome is None or any(operation.state in DOUBTFUL for operation, _ in sent)


def _ended(change: Change, sent: Iterable[Sent], levels: Levels, note: str) -> tuple[Line, Settlement]:
    """A line with its verdict, and the verdict as the ledger takes it."""
    name: QuantityName = "on_hand" if change.quantity_name == "on_hand" else "available"
    steps = [_step(operation, row, levels, name) for operation, row in sent]
    line = verdict(to_line(change), steps, note)
    return line, to_settlement(line, taken_back=line.reason == TAKEN_BACK)


def _step(operation: Operation, row: JsonObject, levels: Levels, name: QuantityName) -> Step:
    sent, compared = _number(row.get("to")), _number(row.get("from"))
    return Step(operation.kind, fate(operation, row, levels, name), sent, compared)


def fate(operation: Operation, row: JsonObject, levels: Levels, name: QuantityName) -> Settled:
    """What became of one row of a write: what its answer said, or else what the shop holds now."""
    if operation.state not in UNCLEAR:
        is_applied = operation.state is OperationState.APPLIED
        return Settled.APPLIED if is_applied else Settled.NOT_APPLIED
    item = _number(row.get("inventory_item_id"))
    if operation.kind == "delete_variants":
        return Settled.NOT_APPLIED if item in levels else Settled.APPLIED
    level = levels.get(item) if item is not None else None
    before, sent = _quantities(row.get("before")), _number(row.get("to"))
    if before is None or sent is None or level is None or level.quantities is None:
        return Settled.UNCLEAR
    return derive.settle(before, sent, level.quantities, name)


def verdict(line: Line, steps: Iterable[Step], note: str) -> Line:
    """How a line stands after everything that was sent for it, in its order."""
    ended = line if line.outcome else line.ended(Outcome.FAILED, "interrupted", note)
    for step in steps:
        ended = _after(ended, step, note)
    return ended


def _after(line: Line, step: Step, note: str) -> Line:
    if step.kind not in {"set_quantities", "rollback", "delete_variants"} or step.fate is Settled.NOT_APPLIED:
        return line
    if step.kind == "delete_variants":
        return line.ended(Outcome.DONE, "zero_stock", note)._replace(deleted=True)
    if step.fate is Settled.UNCLEAR:
        return line.ended(Outcome.CONFLICT, "unclear_outcome", note)
    if step.kind == "rollback":
        return line.ended(Outcome.FAILED, TAKEN_BACK, note)
    done = line._replace(outcome=Outcome.DONE, reason="", note=note)
    return done._replace(written_from=step.compared, written_to=step.sent)


def _number(value: JsonValue | None) -> int | None:
    return value if isinstance(value, int) else None


def _quantities(value: JsonValue | None) -> Quantities | None:
    if not isinstance(value, list):
        return None
    available, committed, on_hand = (_number(each) for each in value)
    if available is None or committed is None or on_hand is None:
        return None
    return Quantities(available, committed, on_hand)
