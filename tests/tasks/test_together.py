"""Changes of many lots that go in few calls, judged by what Brick Owl holds afterwards."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy import text

from connectors.brickowl import BrickOwl
from connectors.errors import ConnectorError, EvenstockError, Transient
from connectors.ledger.market_records import BreakerState, ListingKey, ListingStatus
from connectors.market import Change
from connectors.records import JsonObject
from tasks.breaker import failed
from tasks.lease import held
from tasks.push import lease_of
from tasks.settling import due_at
from tasks.together import move_together
from tests.fair import BRICKOWL, Served

pytest_plugins = ["tests.fairs"]

BATCH = "POST /bulk/batch"
BREAKERS = "breakers"
UPDATE = "POST /inventory/update"


@pytest.fixture
def items(served: Served) -> list[str]:
    """Ten items that are level, each with more units than the one before; then each is changed."""
    made = [served.create(10 + number) for number in range(10)]
    served.net()
    for number, item in enumerate(made):
        served.update(item, 20 - number)
    served.sandbox.clear_calls()
    return made


def done(report: JsonObject) -> list[tuple[object, object]]:
    details = report["details"]
    assert isinstance(details, dict)
    rows = details["updated"]
    assert isinstance(rows, list)
    owl = [row for row in rows if isinstance(row, dict) and row["marketplace"] == BRICKOWL]
    return sorted((row["old_qty"], row["new_qty"]) for row in owl)


def test_many_changes_take_one_call(served: Served, items: list[str]) -> None:
    report = served.net()
    calls = Counter(served.calls(BRICKOWL))
    assert (calls[BATCH], calls[UPDATE]) == (1, 0)
    for item in items:
        served.assert_level(item)
    assert done(report) == [(10 + number, 20 - number) for number in range(10) if number != 5]


def test_a_part_that_is_refused_is_judged_alone(served: Served, items: list[str]) -> None:
    lot = served.lot_id(items[9], BRICKOWL)
    served.sell(BRICKOWL, lot, 15)
    served.fault(BRICKOWL, "GET /order/list", "http", status=503, times=1)
    served.net()
    served.settle()
    for item in items:
        served.assert_level(item)
    assert served.item(items[9]).quantity_available == 0


@pytest.mark.parametrize("kind", ["lost_answer", "http_after", "timeout_before", "partial"])
def test_a_lost_answer_changes_nothing_twice(served: Served, items: list[str], kind: str) -> None:
    served.fault(BRICKOWL, BATCH, kind, status=502, seconds=0)
    served.net()
    states = {served.view(item, BRICKOWL).listing.status for item in items}
    assert ListingStatus.SYNCING in states
    assert Counter(served.calls(BRICKOWL))[UPDATE] == 0
    served.settle()
    for item in items:
        served.assert_level(item)


def test_a_lost_batch_is_waited_for_from_when_it_was_lost(served: Served, items: list[str]) -> None:
    stall = served.stall(BRICKOWL)
    keys = [ListingKey("default", item, BRICKOWL) for item in items]
    served.fault(BRICKOWL, BATCH, "timeout_before", seconds=0)
    asked_at = served.now()
    move_together(stall, Queued(cast("BrickOwl", stall.market), served), keys)
    for write in served.ledger.open_writes():
        assert write.sent_at >= asked_at + timedelta(seconds=50)
        assert served.view(write.item_id, BRICKOWL).listing.next_attempt_at == due_at(write.sent_at)
    served.settle()
    for item in items:
        served.assert_level(item)


def test_a_batch_that_works_shows_that_the_marketplace_does(served: Served, items: list[str]) -> None:
    stall = served.stall(BRICKOWL)
    served.ledger.judge_breaker(
        "default", BRICKOWL, lambda found: failed(found, "away", served.now(), at_once=True)
    )
    served.pass_time(61)
    keys = [ListingKey("default", item, BRICKOWL) for item in items]
    assert len(move_together(stall, cast("BrickOwl", stall.market), keys)) == 9
    assert served.ledger.breaker("default", BRICKOWL).state is BreakerState.CLOSED


def test_a_batch_that_fails_counts_as_one_failure(served: Served, items: list[str]) -> None:
    stall = served.stall(BRICKOWL)
    keys = [ListingKey("default", item, BRICKOWL) for item in items]
    served.fault(BRICKOWL, BATCH, "lost_answer")
    move_together(stall, cast("BrickOwl", stall.market), keys)
    assert served.ledger.breaker("default", BRICKOWL).failures == 1


def test_a_batch_that_was_done_stays_so_when_the_breaker_cannot_be_told(
    served: Served, items: list[str]
) -> None:
    stall = served.stall(BRICKOWL)
    keys = [ListingKey("default", item, BRICKOWL) for item in items]
    forgetful = Forgetful(cast("BrickOwl", stall.market), served)
    try:
        with pytest.raises(EvenstockError, match="ledger"):
            move_together(stall, forgetful, keys)
    finally:
        forgetful.rename("lost", BREAKERS)

    assert served.ledger.open_writes() == []
    served.settle()
    assert Counter(served.calls(BRICKOWL))[UPDATE] == 0
    for item in items:
        served.assert_level(item)


def test_a_batch_that_the_ledger_kept_back_says_nothing_of_the_marketplace(
    served: Served, items: list[str]
) -> None:
    stall = served.stall(BRICKOWL)
    keys = [ListingKey("default", item, BRICKOWL) for item in items]
    assert move_together(stall, Kept(), keys) == {}
    assert served.ledger.breaker("default", BRICKOWL).failures == 0
    served.settle()
    for item in items:
        served.assert_level(item)


@dataclass
class Forgetful:
    """Brick Owl, beside a ledger that cannot tell of breakers any more once it has answered."""

    market: BrickOwl
    fair: Served

    def change_many(self, changes: Sequence[tuple[str, Change]]) -> list[ConnectorError | None]:
        outcomes = self.market.change_many(changes)
        self.rename(BREAKERS, "lost")
        return outcomes

    def rename(self, table: str, name: str) -> None:
        with self.fair.ledger.database.writing() as connection:
            connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


class Kept:
    """A marketplace that no call reaches: the ledger does not say when it may go."""

    def change_many(self, changes: Sequence[tuple[str, Change]]) -> list[ConnectorError | None]:
        return [Transient("it is locked", system="ledger")] * len(changes)


@dataclass
class Queued:
    """Brick Owl, before whose calls others go."""

    market: BrickOwl
    fair: Served

    def change_many(self, changes: Sequence[tuple[str, Change]]) -> list[ConnectorError | None]:
        self.fair.pass_time(50)
        return self.market.change_many(changes)


@pytest.mark.parametrize("fault", [{"kind": "throttled"}, {"kind": "http", "status": 400}])
def test_a_batch_that_was_surely_not_done_goes_one_by_one(
    served: Served, items: list[str], fault: dict[str, str]
) -> None:
    served.fault(BRICKOWL, BATCH, **fault)
    served.net()
    served.settle()
    for item in items:
        served.assert_level(item)


@dataclass
class Dying:
    """Brick Owl, for a process that is killed before or after its call."""

    market: BrickOwl
    is_done: bool

    def change_many(self, changes: Sequence[tuple[str, Change]]) -> list[ConnectorError | None]:
        if self.is_done:
            self.market.change_many(changes)
        raise KeyboardInterrupt


@pytest.mark.parametrize("is_done", [True, False])
def test_a_process_that_dies_at_the_call_leaves_nothing_to_be_done_twice(
    served: Served, items: list[str], *, is_done: bool
) -> None:
    stall = served.stall(BRICKOWL)
    keys = [ListingKey("default", item, BRICKOWL) for item in items]
    with pytest.raises(KeyboardInterrupt):
        move_together(stall, Dying(cast("BrickOwl", stall.market), is_done), keys)
    assert len(served.ledger.open_writes()) == 9
    served.settle()
    for item in items:
        served.assert_level(item)


def test_one_that_somebody_else_works_on_is_left_to_them(served: Served, items: list[str]) -> None:
    resource = lease_of(ListingKey("default", items[0], BRICKOWL))
    with held(served.ledger, [resource], "somebody", 60):
        served.net()
        assert served.shown(BRICKOWL, items[0]) == [10]
        assert served.shown(BRICKOWL, items[1]) == [19]
    served.net()
    served.assert_level(items[0])
