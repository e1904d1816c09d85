"""How inventory refreshes are judged to go."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ledger.records import RefreshLog, SyncStatus, SyncType
from tasks import freshness
from tasks.freshness import Bucket, Scheduling

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
DONE, FAILED, RUNNING = SyncStatus.COMPLETED, SyncStatus.FAILED, SyncStatus.RUNNING


def log(name: str, status: SyncStatus = DONE, errors: int = 0, **more: Any) -> RefreshLog:  # noqa: ANN401
    basis: dict[str, Any] = {"started_at": NOW, "status": status, "errors_count": errors}
    return RefreshLog(name, "own", SyncType.MANUAL, "ann", sync_batch_id=name, **(basis | more))


def test_a_manual_refresh_may_start_unless_one_runs_or_cools_down() -> None:
    assert Scheduling(None, is_running=False).as_dict()["canManualRefresh"] is True
    assert Scheduling(None, is_running=True).as_dict()["canManualRefresh"] is False
    cooling = Scheduling(NOW, is_running=False).as_dict()
    assert cooling["canManualRefresh"] is False
    assert cooling["manualRefreshCooldown"] == "2026-11-21T10:00:00+00:00"


def test_what_is_not_alive_is_shown_as_failed() -> None:
    logs = freshness.settled([log("a", RUNNING), log("b", RUNNING), log("c")], ["a"])

    assert [each.status for each in logs] == [RUNNING, FAILED, DONE]
    assert len(freshness.running(logs)) == 1


@pytest.mark.parametrize(("done", "total", "percent"), [(0, 0, 0.0), (1, 4, 25.0), (3, 3, 100.0)])
def test_progress(done: int, total: int, percent: float) -> None:
    assert freshness.progress(log("a", batches_done=done, batches_total=total))["percent"] == percent


def test_success_is_an_end_without_errors() -> None:
    logs = [log("a"), log("b", errors=1), log("c", FAILED), log("d", RUNNING), log("e")]

    assert freshness.performance(logs) == {"runs": 4, "successRate": 50.0, "averageProcessingTime": None}
    assert freshness.performance([])["successRate"] is None


def test_the_trend_holds_the_last_five_against_the_five_before() -> None:
    def direction(*errors: int) -> object:
        return freshness.error_trend([log(str(place), errors=each) for place, each in enumerate(errors)])[
            "direction"
        ]

    assert direction(0, 0, 0, 0, 0, 1) == "falling"
    assert direction(2, 0, 0, 0, 0, 0) == "rising"
    assert direction(1, 1) == "steady"


def test_the_trend_shows_seven_days() -> None:
    logs = [log(str(day), FAILED, started_at=NOW - timedelta(days=day)) for day in range(9)]
    days: Any = freshness.error_trend(logs)["byDay"]

    assert [each["day"] for each in days][:2] == ["2026-11-21", "2026-11-20"]
    assert len(days) == 7
    assert {each["errors"] for each in days} == {1}


def test_the_rate_limit_counts_what_was_turned_away() -> None:
    logs = [log("a", error_details={"batches": [{"throttled": 2}, {"throttled": 1}]}), log("b")]

    assert freshness.rate_limit(Bucket(5.0, 1.0), logs)["throttledRecently"] == 3


@given(st.dictionaries(st.none() | st.integers(-5, 50), st.integers(1, 9)), st.integers(0, 20))
def test_every_variant_has_one_health(stock: dict[int | None, int], low: int) -> None:
    health: Any = freshness.stock_health(stock, low)

    counts = ("inStock", "lowStock", "outOfStock", "unknown")
    assert sum(health[name] for name in counts) == sum(stock.values())
    assert health["unknown"] == stock.get(None, 0)
    assert health["outOfStock"] == sum(
        count for units, count in stock.items() if units is not None and units <= 0
    )
    assert health["inStock"] == sum(
        count for units, count in stock.items() if units is not None and units > max(low, 0)
    )
