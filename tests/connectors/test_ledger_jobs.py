"""The queue: who gets which job, once, whoever competes; and what becomes of it."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from connectors.ledger import Ledger, open_ledger
from connectors.ledger.supplier_records import CallbackStatus, Claim, Job, JobStatus, Rows, Supplier
from tests.connectors.ledger_samples import HOUR, NOW
from tests.ledgers import processes

if TYPE_CHECKING:
    from connectors.records import JsonObject

pytest_plugins = ["tests.databases"]

SECOND = timedelta(seconds=1)
CLAIM = Claim("worker-1", 60)


def a_job(number: int = 1, **more: object) -> Job:
    job = Job(f"job-{number}", "user-1", "inventory_update", "supplier-1", NOW, NOW, NOW, account="bigbuy:1")
    return replace(job, **more)  # type: ignore[arg-type]


def queued(ledger: Ledger, *jobs: Job) -> None:
    for job in jobs:
        ledger.enqueue_job(job)


def claimed(ledger: Ledger, claim: Claim = CLAIM, limit: int = 10, *, later: float = 0) -> list[Job]:
    moment = NOW + later * SECOND
    return ledger.claim_jobs(claim, limit, moment, moment)


def ids(jobs: Sequence[Job]) -> list[str]:
    return [job.id for job in jobs]


def stored(ledger: Ledger, job: Job) -> Job:
    found = ledger.job(job.id)
    assert found is not None
    return found


class TestClaiming:
    def test_takes_by_priority_then_age(self, ledger: Ledger) -> None:
        queued(
            ledger,
            a_job(1, scheduled_at=NOW - HOUR),
            a_job(2, scheduled_at=NOW - 2 * HOUR),
            a_job(3, priority=5),
            a_job(4, priority=-1, scheduled_at=NOW - 9 * HOUR),
        )

        assert ids(claimed(ledger, limit=3)) == ["job-3", "job-2", "job-1"]
        assert ids(claimed(ledger)) == ["job-4"]
        assert claimed(ledger) == []

    def test_leaves_what_is_not_due_or_of_another_type(self, ledger: Ledger) -> None:
        queued(ledger, a_job(1, scheduled_at=NOW + SECOND), a_job(2, source_type="price_update"))
        stock = Claim("worker-1", 60, job_types=["inventory_update"])

        assert claimed(ledger, stock) == []
        assert ids(claimed(ledger, stock, later=1)) == ["job-1"]

    def test_says_who_has_it_until_when_under_which_number(self, ledger: Ledger) -> None:
        queued(ledger, a_job())

        (job,) = claimed(ledger)

        assert (job.status, job.worker, job.fence, job.attempts) == (JobStatus.RUNNING, "worker-1", 1, 1)
        assert (job.lease_until, job.heartbeat_at, job.started_at) == (NOW + 60 * SECOND, NOW, NOW)
        assert stored(ledger, job) == job

    @pytest.mark.parametrize("at_once", [2, 10])
    def test_keeps_to_the_limit_of_each_account(self, ledger: Ledger, at_once: int) -> None:
        queued(ledger, *(a_job(number, account=f"bigbuy:{number % 2}") for number in range(8)))
        limited = Claim("worker-1", 60, per_account=2)

        first = claimed(ledger, limited, at_once)
        rest = claimed(ledger, limited)

        assert Counter(job.account for job in first + rest) == {"bigbuy:0": 2, "bigbuy:1": 2}
        ledger.finish_job(first[0], JobStatus.COMPLETED, NOW)
        assert [job.account for job in claimed(ledger, limited)] == [first[0].account]

    def test_of_jobs_without_an_account_knows_no_limit(self, ledger: Ledger) -> None:
        queued(ledger, *(a_job(number, account="") for number in range(3)))

        assert len(claimed(ledger, Claim("worker-1", 60, per_account=1))) == 3

    def test_counts_no_dead_worker_of_an_account(self, ledger: Ledger) -> None:
        queued(ledger, a_job(1), a_job(2))
        limited = Claim("worker-1", 60, per_account=1)
        claimed(ledger, limited)

        assert claimed(ledger, limited, later=59) == []
        assert ids(claimed(ledger, limited, later=60)) == ["job-1"]


class TestTheDead:
    def test_leave_their_job_to_another_worker(self, ledger: Ledger) -> None:
        queued(ledger, a_job())
        (mine,) = claimed(ledger)

        assert claimed(ledger, Claim("worker-2", 60), later=59) == []
        (theirs,) = claimed(ledger, Claim("worker-2", 60), later=60)

        assert (theirs.worker, theirs.fence, theirs.attempts) == ("worker-2", 2, 2)
        assert not ledger.beat_job(mine, 60, NOW)
        assert not ledger.finish_job(mine, JobStatus.COMPLETED, NOW)
        assert ledger.finish_job(theirs, JobStatus.COMPLETED, NOW)

    def test_who_give_signs_of_life_are_not_dead(self, ledger: Ledger) -> None:
        queued(ledger, a_job())
        (job,) = claimed(ledger)

        assert ledger.beat_job(job, 60, NOW + 50 * SECOND)
        assert claimed(ledger, later=100) == []

    def test_with_no_attempt_left_fail(self, ledger: Ledger) -> None:
        queued(ledger, a_job(max_attempts=1, callback_url="https://example.com/done"))
        claimed(ledger)

        assert ledger.bury_jobs(NOW, NOW + 59 * SECOND) == []
        assert claimed(ledger, later=60) == []
        (job,) = ledger.bury_jobs(NOW + HOUR, NOW + 60 * SECOND)

        assert (job.status, job.completed_at, job.callback_status) == (
            JobStatus.FAILED,
            NOW + HOUR,
            CallbackStatus.DUE,
        )
        assert "no sign of life" in job.errors[0]


class TestAJob:
    def test_ends_once_with_its_result(self, ledger: Ledger) -> None:
        queued(ledger, a_job())
        (job,) = claimed(ledger)
        result: JsonObject = {"type": "inventory_sync", "products_updated": 3, "errors": ["x"]}

        assert ledger.progress_job(job, Rows(9, 4, 4, 0), NOW)
        assert stored(ledger, job).processed_rows == 4
        assert ledger.finish_job(
            job, JobStatus.COMPLETED, NOW + HOUR, rows=Rows(9, 9, 8, 1), errors=["x"], result=result
        )
        assert not ledger.finish_job(job, JobStatus.FAILED, NOW + 2 * HOUR)

        ended = stored(ledger, job)
        assert (ended.status, ended.completed_at, ended.worker) == (JobStatus.COMPLETED, NOW + HOUR, None)
        assert (ended.result_data, ended.errors, ended.callback_status) == (result, ["x"], None)
        assert (ended.total_rows, ended.success_rows, ended.error_rows) == (9, 8, 1)

    def test_put_back_goes_on_later_without_having_used_an_attempt(self, ledger: Ledger) -> None:
        queued(ledger, a_job())
        for hours in range(5):
            (job,) = ledger.claim_jobs(CLAIM, 1, NOW + hours * HOUR, NOW + hours * HOUR)
            assert (job.attempts, job.started_at) == (1, NOW)
            assert ledger.put_back_job(job, NOW + (hours + 1) * HOUR, NOW)
        assert claimed(ledger) == []

    def test_that_failed_for_now_is_tried_again_and_remembers_why(self, ledger: Ledger) -> None:
        queued(ledger, a_job())
        (job,) = claimed(ledger)

        assert ledger.retry_job(job, "the supplier did not answer", NOW + 60 * SECOND, NOW)

        assert claimed(ledger, later=59) == []
        (again,) = claimed(ledger, later=60)
        assert (again.attempts, again.errors) == (2, ["the supplier did not answer"])

    def test_can_be_cancelled_until_it_ends(self, ledger: Ledger) -> None:
        queued(ledger, a_job(1), a_job(2), a_job(3))
        running = claimed(ledger, limit=2)
        ledger.finish_job(running[1], JobStatus.COMPLETED, NOW)

        assert not ledger.cancel_job("job-1", NOW, user_id="another")
        assert ledger.cancel_job("job-1", NOW, user_id="user-1")
        assert not ledger.cancel_job("job-2", NOW)
        assert ledger.cancel_job("job-3", NOW)
        assert not ledger.cancel_job("job-3", NOW)

        assert not ledger.beat_job(running[0], 60, NOW)
        assert claimed(ledger, later=9_999) == []

    def test_that_failed_can_be_done_afresh(self, ledger: Ledger) -> None:
        queued(ledger, a_job(1, callback_url="https://example.com"), a_job(2))
        (job, _) = claimed(ledger)
        ledger.finish_job(job, JobStatus.FAILED, NOW, errors=["no"], result={"a": 1})

        assert not ledger.reopen_job("job-1", NOW, user_id="another")
        assert not ledger.reopen_job("job-2", NOW)
        assert ledger.reopen_job("job-1", NOW + HOUR)

        again = stored(ledger, job)
        assert (again.status, again.attempts, again.scheduled_at) == (JobStatus.PENDING, 0, NOW + HOUR)
        assert (again.errors, again.result_data, again.completed_at) == ([], None, None)
        assert (again.callback_status, again.started_at) == (None, None)

    def test_is_shown_to_its_user_only(self, ledger: Ledger) -> None:
        queued(ledger, a_job(1), a_job(2, user_id="user-2", created_at=NOW + HOUR))

        assert ids(ledger.jobs()) == ["job-2", "job-1"]
        assert ids(ledger.jobs(user_id="user-1")) == ["job-1"]
        assert ledger.jobs(statuses=[JobStatus.FAILED]) == []
        assert ledger.job("job-1", user_id="user-2") is None
        assert ids(ledger.due_jobs(10, NOW)) == ["job-1", "job-2"]

    def test_that_another_program_queued_gets_its_supplier_s_account(self, ledger: Ledger) -> None:
        ledger.add_supplier(Supplier("supplier-1", "user-1", "BigBuy", "bigbuy", "bigbuy:k", NOW, NOW))
        queued(ledger, a_job(1, account=""), a_job(2, account="", user_id="user-2"))

        assert ledger.adopt_jobs() == 1

        assert [job.account for job in ledger.due_jobs(10, NOW)] == ["bigbuy:k", ""]

    def test_written_by_sql_alone_is_complete(self, ledger: Ledger) -> None:
        with ledger.database.writing() as connection:
            connection.execute(
                text(
                    "INSERT INTO import_jobs (id, user_id, source_type, supplier_id)"
                    " VALUES ('j', 'u', 'order_sync', 's')"
                )
            )
        (job,) = ledger.jobs()

        assert (job.status, job.priority, job.max_attempts) == (JobStatus.PENDING, 0, 3)
        assert (job.configuration, job.errors, job.cursor) == ({}, [], None)

    def test_is_told_about_once(self, ledger: Ledger) -> None:
        queued(ledger, a_job(1, callback_url="https://example.com"), a_job(2))
        for job in claimed(ledger):
            ledger.finish_job(job, JobStatus.COMPLETED, NOW)

        (due,) = ledger.jobs_to_tell()
        assert due.id == "job-1"
        ledger.called_back(due, CallbackStatus.SENT)
        assert ledger.jobs_to_tell() == []

    def test_is_deleted_when_it_ended_long_ago(self, ledger: Ledger) -> None:
        queued(ledger, a_job(1), a_job(2), a_job(3))
        first, second, _ = claimed(ledger)
        ledger.finish_job(first, JobStatus.COMPLETED, NOW - 8 * 24 * HOUR)
        ledger.finish_job(second, JobStatus.FAILED, NOW - HOUR)

        assert ledger.delete_ended_jobs(NOW - 7 * 24 * HOUR, dry_run=True) == 1
        assert ledger.delete_ended_jobs(NOW - 7 * 24 * HOUR) == 1
        assert sorted(ids(ledger.jobs())) == ["job-2", "job-3"]


class TestMonitoring:
    @pytest.fixture
    def busy(self, ledger: Ledger) -> Ledger:
        queued(ledger, *(a_job(number) for number in range(4)), a_job(9, created_at=NOW - 9 * 24 * HOUR))
        for seconds, job in zip((10, 20, 99), claimed(ledger, limit=3), strict=True):
            status = JobStatus.FAILED if seconds == 99 else JobStatus.COMPLETED
            ledger.finish_job(job, status, NOW + seconds * SECOND)
        claimed(ledger, limit=1)
        return ledger

    def test_counts_and_durations_by_status(self, busy: Ledger) -> None:
        assert busy.job_stats(NOW - 7 * 24 * HOUR) == [
            ("completed", 2, 15.0),
            ("failed", 1, 99.0),
            ("running", 1, None),
        ]

    def test_and_which_read_the_stock_lately(self, busy: Ledger) -> None:
        found = busy.stock_jobs("user-1", "supplier-1", NOW)
        assert [each.status for each in found] == [JobStatus.COMPLETED] * 2
        assert busy.stock_jobs("user-1", "supplier-1", NOW + SECOND) == []
        assert busy.stock_jobs("user-2", "supplier-1", NOW) == busy.stock_jobs("user-1", "x", NOW) == []

    def test_by_type_and_supplier(self, busy: Ledger) -> None:
        (found,) = busy.job_type_stats(NOW - HOUR)

        assert found == ("inventory_update", "supplier-1", 2, 1, 43.0)


ORIGINS_RUNNING = "SELECT * FROM import_jobs WHERE status = 'running' ORDER BY started_at DESC;"
ORIGINS_STATISTICS = """
SELECT
  status,
  COUNT(*) as count,
  AVG(EXTRACT(EPOCH FROM (completed_at - started_at))) as avg_duration_seconds
FROM import_jobs
WHERE created_at > NOW() - INTERVAL '7 days'
GROUP BY status;
"""


def test_the_origin_s_queries_run_as_written(postgres_url: str) -> None:
    with closing(open_ledger(postgres_url)) as ledger:
        with ledger.database.reading() as connection:
            now = connection.execute(text("SELECT now()")).scalar_one()
        queued(ledger, *(a_job(number, created_at=now, scheduled_at=now) for number in (1, 2)))
        job, other = ledger.claim_jobs(CLAIM, 2, now, now)
        ledger.finish_job(job, JobStatus.COMPLETED, now + 30 * SECOND)

        with ledger.database.reading() as connection:
            (running,) = connection.execute(text(ORIGINS_RUNNING)).all()
            statistics = connection.execute(text(ORIGINS_STATISTICS)).all()
        assert running.id == other.id
        assert sorted((status, count, seconds) for status, count, seconds in statistics) == [
            ("completed", 1, 30),
            ("running", 1, None),
        ]


# ------------------------------------------------------------------ competition

JOBS = 1_000
WORKERS = 4


def _work(url: str, worker: int, per_account: int | None) -> list[tuple[str, int]]:
    """Claim and finish until nothing is left, as a worker does: what it got, under which number."""
    ledger = open_ledger(url)
    claim = Claim(f"worker-{worker}", 600, per_account=per_account)
    got: list[tuple[str, int]] = []
    idle = 0
    while idle < 3:
        jobs = ledger.claim_jobs(claim, 25, NOW, NOW)
        idle = 0 if jobs else idle + 1
        for job in jobs:
            got.append((job.id, job.fence))
            assert ledger.finish_job(job, JobStatus.COMPLETED, NOW)
    return got


def _filled(url: str) -> None:
    with closing(open_ledger(url)) as ledger, ledger.database.writing() as connection:
        for number in range(JOBS):
            row = {"id": f"job-{number:04}", "at": NOW.replace(tzinfo=None), "account": f"a{number % 5}"}
            connection.execute(
                text(
                    "INSERT INTO import_jobs (id, user_id, source_type, supplier_id, account, scheduled_at)"
                    " VALUES (:id, 'u', 'order_sync', 's', :account, :at)"
                ),
                row,
            )


def _each_once(url: str, got: list[list[tuple[str, int]]]) -> None:
    everything = [each for part in got for each in part]
    assert len(everything) == JOBS
    assert {fence for _, fence in everything} == {1}
    assert len({job_id for job_id, _ in everything}) == JOBS
    with closing(open_ledger(url)) as ledger:
        assert ledger.job_stats(NOW - 400 * 24 * HOUR) == [("completed", JOBS, 0.0)]


def test_of_four_threads_under_a_limit_each_job_is_done_by_one(database_url: str) -> None:
    _filled(database_url)
    with ThreadPoolExecutor(WORKERS) as pool:
        got = list(pool.map(lambda worker: _work(database_url, worker, per_account=50), range(WORKERS)))

    _each_once(database_url, got)


def test_of_four_processes_each_job_is_done_by_one(database_url: str) -> None:
    _filled(database_url)
    with processes(WORKERS) as pool:
        got = list(pool.map(_work, [database_url] * WORKERS, range(WORKERS), [None] * WORKERS))

    _each_once(database_url, got)


def test_the_limit_of_an_account_holds_whoever_claims(ledger: Ledger) -> None:
    queued(ledger, *(a_job(number) for number in range(60)))
    limited = [Claim(f"worker-{number}", 600, per_account=3) for number in range(WORKERS)]
    ready = threading.Barrier(WORKERS)

    def claim(mine: Claim) -> int:
        ready.wait()
        return sum(len(ledger.claim_jobs(mine, 1, NOW, NOW)) for _ in range(5))

    with ThreadPoolExecutor(WORKERS) as pool:
        assert sum(pool.map(claim, limited)) == 3
