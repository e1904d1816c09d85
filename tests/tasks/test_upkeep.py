"""What keeping the house in order leaves in the ledger (test_ledger_cleaning: what is never deleted)."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from connectors.ledger import Run, RunState
from connectors.ledger.supplier_records import Claim, Job, JobStatus
from connectors.supplier import Page, SupplierProduct
from tasks.lease import clock
from tasks.upkeep import Retention, Upkeep, keep_house, report
from tests.tasks.queues import SUPPLIER, QueueDesk, queue_desk
from tests.worlds import NOW

DAY = timedelta(days=1)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QueueDesk:
    """Jobs that ended long ago and lately, one and a run whose worker is dead, and a product."""
    made = queue_desk(tmp_path, monkeypatch.setenv)
    for name, days in (("old", 9), ("last-of-old", 8), ("new", 6)):
        _ended(made, name, NOW - days * DAY)
    made.ledger.enqueue_job(Job("dead", "user-1", "price_update", SUPPLIER.id, NOW, NOW, NOW, max_attempts=1))
    (dead,) = made.ledger.claim_jobs(Claim("w", 60), 1, NOW, clock() - timedelta(hours=1))
    made.ledger.store_page(dead, _page(), NOW)
    made.ledger.start_run(_run("silent", clock() - timedelta(hours=1)))
    made.ledger.start_run(_run("alive", clock()))
    return made


def _page() -> Page:
    return Page("list", frozenset({"stock"}), (SupplierProduct("1", stock_quantity=12),))


def _ended(desk: QueueDesk, name: str, at: datetime) -> None:
    desk.ledger.enqueue_job(Job(name, "user-1", "price_update", SUPPLIER.id, at, at, at))
    (job,) = desk.ledger.claim_jobs(Claim("w", 60), 1, at, at)
    desk.ledger.finish_job(job, JobStatus.COMPLETED, at)


def _run(name: str, at: datetime) -> Run:
    return Run(
        id=name,
        flow="a-flow",
        account=name,
        day=NOW.date(),
        started_at=at,
        heartbeat_at=at,
        dry_run=False,
        parameters={},
        prefect_run_id=None,
    )


def kept(desk: QueueDesk) -> Upkeep:
    return keep_house(desk.settings, desk.ledger, Retention.of(desk.settings), dry_run=False)


def test_clears_what_is_old_and_dead_and_scores_what_is_on_offer(desk: QueueDesk) -> None:
    done = kept(desk)

    counts = {name: count for name, count in done.counts.items() if count}
    assert counts == {"jobs": 2, "dead_runs": 1, "dead_jobs": 1, "scores": 1}
    assert done.problems == []
    assert {job.id for job in desk.ledger.jobs()} == {"new", "dead"}
    assert desk.job("dead").status is JobStatus.FAILED
    states = {name: run.state for name in ("silent", "alive") if (run := desk.ledger.run(name))}
    assert states == {"silent": RunState.KILLED, "alive": RunState.RUNNING}
    (product,) = desk.ledger.imported_products("user-1", SUPPLIER.id)
    assert product.ai_score == 80
    assert {name: count for name, count in kept(desk).counts.items() if count} == {}


def test_shows_in_a_dry_run_what_it_would_do(desk: QueueDesk) -> None:
    before = desk.ledger.jobs()

    shown = keep_house(desk.settings, desk.ledger, Retention.of(desk.settings), dry_run=True)

    assert desk.ledger.jobs() == before
    assert desk.ledger.imported_products("user-1", SUPPLIER.id)[0].ai_score is None
    assert "would be cleared or renewed" in str(report(shown, dry_run=True)["message"])
    assert kept(desk).counts == shown.counts


def test_keeps_for_as_long_as_it_is_told(desk: QueueDesk) -> None:
    days = replace(Retention.of(desk.settings), job_days=5)
    assert keep_house(desk.settings, desk.ledger, days, dry_run=False).counts["jobs"] == 3


def test_goes_on_when_one_step_fails(desk: QueueDesk) -> None:
    with desk.ledger.database.writing() as connection:
        connection.execute(text("DROP TABLE supplier_windows"))

    done = kept(desk)

    (problem,) = done.problems
    assert problem.startswith("windows: ")
    assert "no such table: supplier_windows" in problem
    assert (done.counts["jobs"], done.counts["scores"]) == (2, 1)
    assert report(done, dry_run=False)["success"] is False
