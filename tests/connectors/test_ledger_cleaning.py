"""What the ledger forgets when it is old, and what it never forgets."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from connectors.ledger import Ledger, Run
from connectors.ledger.records import Operation, OperationState, Plan, PlanState, RunState, SyncLog
from connectors.ledger.supplier_records import Claim, Job, JobStatus, Supplier
from tests.connectors.ledger_samples import NOW

pytest_plugins = ["tests.databases"]

DAY = timedelta(days=1)
OLD = NOW - 40 * DAY
LIMIT = NOW - 30 * DAY


def ran(
    ledger: Ledger, name: str, at: datetime, state: RunState = RunState.COMPLETED, flow: str = "a-flow"
) -> Run:
    run = Run(
        id=name,
        flow=flow,
        account="shop",
        day=at.date(),
        started_at=at,
        heartbeat_at=at,
        dry_run=False,
        parameters={},
        prefect_run_id=None,
    )
    run = ledger.start_run(run)
    ledger.finish_run(run.id, state, at, {})
    return run


def known(ledger: Ledger, names: Sequence[str]) -> list[str]:
    return [name for name in names if ledger.run(name) is not None]


class TestRuns:
    NAMES = ("old", "failed-before", "failed-last", "new")

    @pytest.fixture
    def runs(self, ledger: Ledger) -> Ledger:
        ran(ledger, "old", OLD)
        ran(ledger, "failed-before", OLD, RunState.FAILED)
        ran(ledger, "failed-last", OLD + DAY, RunState.KILLED)
        ran(ledger, "new", NOW)
        return ledger

    def test_that_are_old_go_but_for_the_last_failed_one(self, runs: Ledger) -> None:
        assert runs.delete_old_runs(LIMIT, dry_run=True) == 2
        assert known(runs, self.NAMES) == list(self.NAMES)

        assert runs.delete_old_runs(LIMIT) == 2
        assert known(runs, self.NAMES) == ["failed-last", "new"]
        assert runs.delete_old_runs(LIMIT) == 0

    def test_that_are_the_last_of_their_flow_stay(self, ledger: Ledger) -> None:
        ran(ledger, "only", OLD, flow="another-flow")

        assert ledger.delete_old_runs(LIMIT) == 0

    def test_whose_writes_are_not_settled_stay(self, runs: Ledger) -> None:
        intended = Operation("key-1", "old", "shop", "set", [], OLD)
        done = Operation("key-2", "failed-before", "shop", "set", [], OLD)
        runs.intend(intended, done)
        runs.conclude("key-2", OperationState.APPLIED, OLD)

        assert runs.delete_old_runs(LIMIT) == 1
        assert known(runs, self.NAMES) == ["old", "failed-last", "new"]
        assert runs.operations_of("failed-before") == []

    def test_whose_plans_are_kept_stay(self, runs: Ledger) -> None:
        plan = Plan("plan-1", "old", "a-flow", "shop", PlanState.HELD, "f", OLD, NOW + DAY)
        runs.store_plan(plan)
        assert runs.delete_old_plans(LIMIT) == 0
        assert runs.delete_old_runs(LIMIT) == 1

        runs.expire_plans(NOW + 2 * DAY)
        assert runs.delete_old_plans(LIMIT, dry_run=True) == 1
        assert runs.delete_old_plans(LIMIT) == 1
        assert runs.delete_old_runs(LIMIT) == 1


class TestJobs:
    def test_that_ended_go_but_for_the_last_failed_one_of_their_kind(self, ledger: Ledger) -> None:
        supplier = Supplier("supplier-1", "user-1", "BigBuy", "bigbuy", "", OLD, OLD)
        ledger.add_supplier(supplier)
        ends = [JobStatus.FAILED, JobStatus.FAILED, JobStatus.COMPLETED, JobStatus.COMPLETED]
        for number, status in enumerate(ends):
            at = (OLD if number < 3 else NOW) + number * timedelta(hours=1)
            ledger.enqueue_job(Job(f"job-{number}", "user-1", "supplier_api", "supplier-1", at, at, at))
            (job,) = ledger.claim_jobs(Claim("worker", 60), 1, at, at)
            ledger.finish_job(job, status, at)

        assert ledger.delete_ended_jobs(LIMIT, dry_run=True) == 2
        assert ledger.delete_ended_jobs(LIMIT) == 2
        assert sorted(job.id for job in ledger.jobs()) == ["job-1", "job-3"]


class TestLogs:
    def test_that_are_old_go_but_for_the_last_and_the_last_failed(self, ledger: Ledger) -> None:
        for number, status in enumerate(["completed", "failed", "completed", "completed"]):
            at = OLD + number * DAY
            log = ledger.start_sync(SyncLog("shop", None, f"run-{number}", at))
            ledger.finish_sync(replace(log, status=status, completed_at=at))
        running = ledger.start_sync(SyncLog("shop", None, "run-9", OLD))

        assert ledger.delete_old_logs(LIMIT, dry_run=True) == 2
        assert ledger.delete_old_logs(LIMIT) == 2
        left = ledger.sync_logs("shop")
        assert {each.run_id for each in left} == {"run-1", "run-3", running.run_id}


def test_leases_of_the_long_dead_go(ledger: Ledger) -> None:
    ledger.acquire(["old"], "dead", 60, OLD)
    ledger.acquire(["new"], "alive", 60, NOW)

    assert ledger.delete_old_leases(LIMIT, dry_run=True) == 1
    assert ledger.delete_old_leases(LIMIT) == 1
    assert ledger.held_until("new", NOW) is not None
