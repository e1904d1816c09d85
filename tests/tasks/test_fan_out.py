"""When a partner's own run is waited for, and when no more."""

from dataclasses import replace
from datetime import timedelta

import pytest
from prefect.client.schemas.objects import State, StateType

from connectors.ledger.records import Run, RunState
from tasks.fan_out import result_of, verdict
from tests.worlds import NOW

RESULT = {"partnerShop": "roast.example", "success": True}
LATER = NOW + timedelta(minutes=45)
ALIVE = Run("run-1", "partner-sync", "own.example", NOW.date(), NOW, NOW)
DONE = replace(ALIVE, state=RunState.COMPLETED, finished_at=NOW, report=RESULT)
KILLED = replace(ALIVE, state=RunState.KILLED, finished_at=NOW, report={"message": "the run fell silent"})


def state(kind: str, message: str | None = None) -> State[object]:
    return State(type=StateType[kind], message=message)


@pytest.mark.parametrize("kind", ["SCHEDULED", "PENDING", "RUNNING"])
@pytest.mark.parametrize("runs", [(), (ALIVE,), (DONE,)])
def test_a_run_that_may_yet_end_is_waited_for(kind: str, runs: tuple[Run, ...]) -> None:
    assert verdict(state(kind), runs, NOW, LATER) == ""


@pytest.mark.parametrize("kind", ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"])
def test_a_run_that_has_ended_is_not(kind: str) -> None:
    assert verdict(state(kind, "so it is"), (), NOW, LATER) == f"ended {kind.capitalize()}: so it is"


def test_nor_is_one_that_died_whatever_prefect_believes() -> None:
    assert "gave no sign of life" in verdict(state("RUNNING"), (KILLED,), NOW, LATER)


def test_nor_one_that_died_after_its_work() -> None:
    told = verdict(state("RUNNING"), (DONE,), NOW + timedelta(minutes=2), LATER)
    assert told == "did its work and never came to its end"


def test_nothing_is_waited_for_for_ever() -> None:
    assert "no worker took it up" in verdict(state("SCHEDULED"), (), LATER, LATER)
    assert verdict(state("RUNNING"), (ALIVE,), LATER, LATER).startswith("did not end in time")
    assert verdict(None, (), LATER, LATER)


def test_the_result_is_that_of_the_last_try_that_has_one() -> None:
    second = replace(DONE, id="run-2", report=RESULT | {"success": False})
    assert result_of((DONE, second, KILLED)) == second.report
    assert result_of((KILLED, replace(ALIVE, report={"error": {"message": "a mistake"}}))) is None
    assert result_of(()) is None
