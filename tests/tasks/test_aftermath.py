"""What became of a write whose run was killed, told by what the shop holds now."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.errors import Transient
from connectors.ledger import Ledger, open_ledger
from connectors.ledger.records import Change, Operation, OperationState, Run, RunState, Snapshot
from connectors.records import JsonObject, Level, Quantities
from tasks import aftermath
from tasks.aftermath import Step, verdict
from tasks.derive import Settled
from tasks.plan import Line, Outcome
from tests.ledgers import sqlite_in

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
LINE = Line(product_id=1, variant_id=11, item_id=51, sku="a", ccod="c", shown=5, wanted=3)
ROW: JsonObject = {
    "product_id": 1, "variant_id": 11, "inventory_item_id": 51,
    "baseline": [6, 0, 6], "before": [5, 0, 5], "from": 5, "to": 3,
}  # fmt: skip
OPEN = OperationState.INTENDED


def at(available: int, on_hand: int, *, active: bool = True) -> Level:
    """A level as it is read."""
    return Level(active=active, quantities=Quantities(available, on_hand - available, on_hand))


def operation(kind: str, state: OperationState = OPEN, row: JsonObject = ROW) -> Operation:
    return Operation("key", "dead", "own", kind, [row], NOW, state)


@pytest.mark.parametrize(
    ("kind", "state", "levels", "fate"),
    [
        ("set_quantities", OperationState.APPLIED, {51: at(9, 9)}, Settled.APPLIED),
        ("set_quantities", OperationState.REFUSED, {51: at(3, 3)}, Settled.NOT_APPLIED),
        ("set_quantities", OPEN, {51: at(3, 3)}, Settled.APPLIED),
        ("set_quantities", OperationState.UNKNOWN, {51: at(1, 3)}, Settled.APPLIED),
        ("set_quantities", OperationState.SETTLED, {51: at(5, 5)}, Settled.NOT_APPLIED),
        ("set_quantities", OPEN, {51: at(4, 5)}, Settled.NOT_APPLIED),
        ("set_quantities", OPEN, {51: at(9, 9)}, Settled.UNCLEAR),
        ("set_quantities", OPEN, {51: None}, Settled.UNCLEAR),
        ("set_quantities", OPEN, {}, Settled.UNCLEAR),
        ("delete_variants", OPEN, {}, Settled.APPLIED),
        ("delete_variants", OPEN, {51: None}, Settled.NOT_APPLIED),
        ("delete_variants", OperationState.NOT_APPLIED, {}, Settled.NOT_APPLIED),
    ],
)
def test_a_row_is_settled_by_its_answer_or_by_reading(
    kind: str, state: OperationState, levels: dict[int, Level | None], fate: Settled
) -> None:
    assert aftermath.fate(operation(kind, state), ROW, levels, "available") is fate


def test_a_row_without_its_reading_is_unclear() -> None:
    """Older versions did not note it."""
    row = {name: value for name, value in ROW.items() if name != "before"}
    found = aftermath.fate(operation("set_quantities", row=row), row, {51: at(3, 3)}, "available")
    assert found is Settled.UNCLEAR


SET = Step("set_quantities", Settled.APPLIED, 3, 5)


@pytest.mark.parametrize(
    ("steps", "outcome", "reason"),
    [
        ([], Outcome.FAILED, "interrupted"),
        ([Step("activate", Settled.UNCLEAR, None, None)], Outcome.FAILED, "interrupted"),
        ([SET], Outcome.DONE, ""),
        ([Step("set_quantities", Settled.NOT_APPLIED, 3, 5)], Outcome.FAILED, "interrupted"),
        ([Step("set_quantities", Settled.UNCLEAR, 3, 5)], Outcome.CONFLICT, "unclear_outcome"),
        ([Step("set_quantities", Settled.UNCLEAR, 3, 5), SET], Outcome.DONE, ""),
        ([SET, Step("rollback", Settled.APPLIED, 5, 3)], Outcome.FAILED, "rolled_back"),
        ([SET, Step("rollback", Settled.NOT_APPLIED, 5, 3)], Outcome.DONE, ""),
        ([SET, Step("delete_variants", Settled.APPLIED, None, None)], Outcome.DONE, "zero_stock"),
        ([SET, Step("delete_variants", Settled.NOT_APPLIED, None, None)], Outcome.DONE, ""),
    ],
)
def test_a_line_ends_with_what_was_done_last(steps: list[Step], outcome: Outcome, reason: str) -> None:
    ended = verdict(LINE, steps, "killed")
    assert (ended.outcome, ended.reason) == (outcome, reason)
    assert ended.deleted is (reason == "zero_stock")
    if outcome is Outcome.DONE:
        assert (ended.written_from, ended.written_to) == (5, 3)


def test_a_line_that_had_ended_keeps_its_end() -> None:
    ended = LINE.ended(Outcome.FAILED, "unreadable")
    assert verdict(ended, [], "killed") == ended


class Shop:
    """Levels to be read, or none."""

    location = 1

    def __init__(self, levels: dict[int, Level | None] | None) -> None:
        self._levels = levels

    def levels(self, items: Sequence[int]) -> dict[int, Level | None]:
        """What there is of these."""
        if self._levels is None:
            raise Transient("down")
        return {item: level for item, level in self._levels.items() if item in items}


@pytest.fixture
def left(tmp_path: Path) -> Ledger:
    """A ledger in which a dead run left a deletion open that nobody heard the answer of."""
    ledger = open_ledger(sqlite_in(tmp_path))
    began = NOW - timedelta(hours=1)
    ledger.start_run(Run("dead", "flow", "own", began.date(), began, began))
    ledger.store_changes([Change("dead", "own", 1, 11, 51, 1, "a", "c", "available", 0, 0)])
    ledger.store_snapshots([Snapshot("own", 11, 1, "dead", "a", "c", {}, began)])
    ledger.intend(operation("delete_variants"))
    ledger.close_dead_runs(NOW, timedelta(minutes=2))
    return ledger


def test_what_cannot_be_read_stays_open_until_it_can(left: Ledger) -> None:
    with pytest.raises(Transient):
        aftermath.settle(left, Shop(None), "own", "next", NOW)
    assert len(left.unfinished("own")) == len(left.unsettled("own")) == 1
    assert left.deleted_variants("own") == []

    aftermath.settle(left, Shop({}), "own", "next", NOW)
    assert left.unfinished("own") == left.unsettled("own") == []
    assert [each.variant_id for each in left.deleted_variants("own")] == [11]
    assert left.deletions_since("own", NOW - timedelta(days=1)) == 1
    dead = left.run("dead")
    assert dead
    assert dead.state is RunState.KILLED


def test_a_variant_that_is_still_there_was_not_deleted(left: Ledger) -> None:
    aftermath.settle(left, Shop({51: at(0, 0)}), "own", "next", NOW)
    assert left.unfinished("own") == left.unsettled("own") == []
    assert left.deleted_variants("own") == []
    assert [each.rule for each in left.changes_of("dead")] == ["interrupted"]


def test_other_accounts_are_left_to_their_own_runs(left: Ledger) -> None:
    aftermath.settle(left, Shop({}), "other", "next", NOW)
    assert len(left.unfinished("own")) == len(left.unsettled("own")) == 1
