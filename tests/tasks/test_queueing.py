"""What becomes of supplier jobs, and how a run of the queue is told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import LeaseLost, Malformed, Refused, Transient, UnknownOutcome
from connectors.ledger.supplier_records import Job
from connectors.records import JsonObject
from connectors.shape import as_list
from tasks.plan import Outcome
from tasks.queueing import (
    End,
    Shift,
    end_of,
    feeding,
    markdown,
    outcome,
    pause,
    rate,
    report,
)
from tasks.report import exit_status
from tasks.signs import Sign, signed
from tests.worlds import NOW

JOB = Job("j", "u", "order_sync", "s", NOW, NOW, NOW, attempts=1)


def told(*ends: End) -> Shift:
    lines = [outcome(replace(JOB, id=f"j{number}"), end) for number, end in enumerate(ends)]
    return Shift("run-1", "2026-11-21", dry_run=False, writes=True, outcomes=lines)


@given(st.integers(0, 1_000), st.floats(0, 1))
def test_pauses_double_up_to_six_hours_and_are_spread(attempt: int, chance: float) -> None:
    least = min(60 * 2 ** max(attempt - 1, 0), 6 * 3600)
    assert least <= pause(attempt, chance) <= 1.25 * least


@pytest.mark.parametrize(
    ("error", "attempts", "end"),
    [
        (Transient("x"), 1, End.RETRY),
        (Malformed("x"), 2, End.RETRY),
        (UnknownOutcome("x"), 1, End.RETRY),
        (Transient("x"), 3, End.FAILED),
        (Refused("x"), 1, End.FAILED),
        (ValueError("x"), 1, End.FAILED),
        (LeaseLost("x"), 1, End.LOST),
    ],
)
def test_only_what_may_pass_is_tried_again_while_an_attempt_is_left(
    error: Exception, attempts: int, end: End
) -> None:
    assert end_of(error, replace(JOB, attempts=attempts)) is end


@given(st.lists(st.sampled_from(list(End))))
def test_every_job_stands_in_one_place_of_the_balance(ends: list[End]) -> None:
    document = report(told(*ends))

    balance = document["balance"]
    assert isinstance(balance, dict)
    assert balance["checked"] == balance["planned"] == len(ends)
    assert sum(int(str(balance[each.value])) for each in Outcome) == len(ends)
    assert document["success"] == (End.FAILED not in ends)


def test_a_report_says_what_became_of_the_jobs() -> None:
    document = report(told(End.COMPLETED, End.COMPLETED, End.RETRY, End.PUT_BACK, End.LOST))

    assert document["message"] == (
        "Supplier jobs: 2 completed, 1 will be tried again, 1 go on when their supplier's window opens, "
        "1 were cancelled or taken over."
    )
    assert (document["jobs_processed"], document["jobs_completed"], document["jobs_retried"]) == (5, 2, 1)
    details = document["details"]
    assert isinstance(details, dict)
    assert {name: len(lines) for name, lines in details.items() if isinstance(lines, list) and lines} == {
        "updated": 2,
        "refused": 1,
        "skipped": 2,
    }
    assert document["success"]
    assert report(told())["message"] == "No supplier job was due."


def test_a_job_that_failed_for_now_is_a_warning() -> None:
    document = report(
        replace(told(), outcomes=[outcome(JOB, End.RETRY, error="BigBuy is away", resumes_at=NOW)])
    )

    assert (document["success"], document["jobs_failed"], document["jobs_retried"]) == (True, 0, 1)
    (warning,) = as_list(document["warnings"], "warnings")
    assert warning == f"job j failed, attempt 1 of 3, and is tried again at {NOW.isoformat()}: BigBuy is away"
    assert f"- {warning}" in markdown(document, [])


@pytest.mark.parametrize(
    ("fed", "how"),
    [
        (
            {"items": {"held": 7, "waits": "abc", "problems": []}},
            "holds 7 items for a person: evenstock suppliers feed s --release abc --by NAME",
        ),
        (
            {"levels": {"balance": {"held": 2}, "plan_id": "p1"}},
            "holds 2 levels for a person: evenstock plans show p1",
        ),
    ],
)
def test_what_a_job_feeds_and_holds_is_told_and_holds_the_run(fed: JsonObject, how: str) -> None:
    held = outcome(JOB, End.COMPLETED, result={"type": "inventory_sync", "fed": fed})
    shift = replace(told(End.COMPLETED), outcomes=[held, *told(End.COMPLETED).outcomes])
    document = report(shift)

    assert (shift.state_name, document["success"], exit_status(document)) == ("Held", True, 3)
    assert document["warnings"] == [f"job j {how}"]
    balance = document["balance"]
    assert isinstance(balance, dict)
    assert (balance["done"], balance["held"], balance["planned"]) == (1, 1, 2)


@pytest.mark.parametrize("fed", [{}, {"error": "no"}, {"items": {"held": 0}}, {"levels": {"problems": []}}])
def test_a_job_that_holds_nothing_is_done(fed: JsonObject) -> None:
    shift = replace(told(), outcomes=[outcome(JOB, End.COMPLETED, result={"fed": fed})])
    assert (shift.state_name, exit_status(report(shift))) == ("Completed", 0)


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"fed": {"items": {"held": 0}}, "unheard": []}, {"s": {"unfed": [], "held": []}}),
        ({"fed": {"items": {"held": 0}}, "unheard": ["product 3"]}, {"s": {"unfed": []}}),
        ({"fed": {"error": "401"}, "unheard": []}, {"s": {"unfed": ["job j fed nothing: 401"]}}),
        (
            {"fed": {"levels": {"balance": {"failed": 1}, "errors": []}}},
            {"s": {"unfed": ["job j could not feed levels: 1 failed"]}},
        ),
        (
            {"fed": {"levels": {"balance": {"failed": 1, "done": 9}, "errors": []}}},
            {"s": {"unfed": [], "held": []}},
        ),
        (
            {"fed": {"levels": {"balance": {"done": 9}, "errors": ["own variant 7 does not exist"]}}},
            {"s": {"unfed": ["job j could not feed levels: own variant 7 does not exist"]}},
        ),
        ({"type": "order_sync"}, {}),
    ],
)
def test_only_a_job_that_fed_everything_says_that_nothing_is_held(
    result: JsonObject, told: dict[str, object]
) -> None:
    shift = Shift("run-1", "2026-11-21", dry_run=False, writes=True)
    shift.outcomes.append(outcome(JOB, End.COMPLETED, result=result))
    assert feeding(report(shift)) == told


def test_a_report_sums_the_calls_to_each_supplier() -> None:
    calls = [
        outcome(replace(JOB, supplier_id=supplier), End.COMPLETED, usage={"calls": count})
        for supplier, count in (("s", 3), ("t", 1), ("s", 4))
    ]
    document = report(replace(told(End.LOST), outcomes=calls))
    assert document["api"] == {"supplier:s": {"calls": 7}, "supplier:t": {"calls": 1}}


def test_the_page_shows_each_job_and_how_jobs_go() -> None:
    line = outcome(JOB, End.FAILED, error="no | answer\nat all")
    shift = replace(told(), outcomes=[line])
    metric = {
        "type": "order_sync",
        "supplier": "BigBuy",
        "completed": 3,
        "failed": 1,
        "success_rate": rate(3, 1),
    }

    page = markdown(report(shift), [metric])

    assert "| order_sync | s | failed | 0.0 | no \\| answer at all |" in page
    assert "| order_sync | BigBuy | 3 | 1 | 75.0 |  |" in page
    assert rate(0, 0) is None


def test_lines_begin_with_their_sign_unless_nobody_wants_them() -> None:
    assert signed(Sign.STOCK, "3 changed", shown=True) == "📦 3 changed"
    assert signed(Sign.STOCK, "3 changed", shown=False) == "3 changed"
