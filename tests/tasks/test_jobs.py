"""A supplier job from its beginning to its end, whatever that is."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prefect.events import Event
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import text

from connectors.errors import ConfigurationError, Refused, Transient, Unauthorised, WindowClosed
from connectors.ledger.supplier_records import JobStatus, Rows
from tasks.jobs import known_type
from tasks.supplier_job import JobContext, JobResult, PutBack
from tests.tasks.queues import HOUR, SUPPLIER, QueueDesk, done, queue_desk
from tests.worlds import NOW

if TYPE_CHECKING:
    from connectors.records import JsonObject


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueDesk]:
    made = queue_desk(tmp_path, monkeypatch.setenv)
    with closing(made.ledger):
        yield made


def failing(error: Exception) -> Callable[[JobContext], JobResult]:
    def body(_: JobContext) -> JobResult:
        raise error

    return body


class TestEnqueueing:
    def test_stores_the_job_as_it_was_asked_for(self, desk: QueueDesk) -> None:
        job = desk.job(desk.enqueue(priority=3, scheduled_at=datetime(2026, 12, 1, 8)))  # noqa: DTZ001

        assert (job.user_id, job.source_type, job.supplier_id) == ("user-1", "inventory_update", "supplier-1")
        assert (job.priority, job.account, job.status) == (3, "bigbuy:default", JobStatus.PENDING)
        assert job.scheduled_at.isoformat() == "2026-12-01T08:00:00+00:00"
        assert desk.job(desk.enqueue()).scheduled_at == NOW

    @pytest.mark.parametrize(
        ("asked", "sentence"),
        [
            ({"job_type": "inventory_updat"}, "no job type inventory_updat .did you mean inventory_update"),
            ({"user_id": "nobody"}, "there is no user nobody"),
            ({"supplier_id": "other"}, r"has no supplier other; theirs are: supplier-1 \(BigBuy\)"),
            ({"callback_url": "https://example.com"}, "not set: EVENSTOCK_CALLBACK_SECRET"),
        ],
    )
    def test_refuses_what_is_not_known(self, desk: QueueDesk, asked: dict[str, str], sentence: str) -> None:
        with pytest.raises(ConfigurationError, match=sentence):
            desk.enqueue(**asked)
        assert desk.ledger.jobs() == []

    @pytest.mark.parametrize("url", ["http://example.com", "https://a:b@example.com", "x"])
    def test_refuses_a_bad_call_back(
        self, desk: QueueDesk, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EVENSTOCK_CALLBACK_SECRET", "s3cret")
        desk.settings = desk.settings.model_copy(update={"evenstock_callback_secret": "s3cret"})
        with pytest.raises(ConfigurationError, match="callback_url"):
            desk.enqueue(callback_url=url)

    def test_refuses_a_supplier_that_is_switched_off(self, desk: QueueDesk) -> None:
        desk.ledger.change_supplier(replace(SUPPLIER, status="inactive"))
        with pytest.raises(ConfigurationError, match="switched off"):
            desk.enqueue()


class TestAJobThatIsDone:
    def test_keeps_its_result_in_the_queue(self, desk: QueueDesk) -> None:
        job_id = desk.enqueue()
        result: JsonObject = {
            "type": "inventory_sync",
            "products_updated": 2,
            "errors": ["row 7: no id"],
        }

        line = desk.work(lambda _: JobResult(result, Rows(9, 9, 8, 1), ("row 7: no id",)))

        assert (line["outcome"], line["result"], line["error"]) == ("completed", result, None)
        job = desk.job(job_id)
        assert (job.status, job.result_data, job.errors) == (JobStatus.COMPLETED, result, ["row 7: no id"])
        assert (job.total_rows, job.error_rows, job.attempts) == (9, 1, 1)
        (supplier,) = desk.ledger.suppliers("user-1")
        assert (supplier.last_sync_status, supplier.last_sync_at) == ("success", NOW)

    def test_sees_its_supplier_and_its_cursor(self, desk: QueueDesk) -> None:
        desk.enqueue()
        seen: list[JobContext] = []

        def body(context: JobContext) -> JobResult:
            seen.append(context)
            context.beat()
            return JobResult({}, Rows())

        desk.work(body)

        (context,) = seen
        assert (context.supplier, context.job.cursor, context.now()) == (SUPPLIER, None, NOW)

    def test_by_a_dry_run_stays_in_the_queue(self, desk: QueueDesk) -> None:
        job_id = desk.enqueue()
        (job,) = desk.ledger.due_jobs(9, NOW)

        assert desk.work(job=job, dry_run=True)["outcome"] == "planned"
        assert desk.job(job_id) == job


class TestAJobThatFails:
    @pytest.mark.parametrize("error", [Transient("BigBuy did not answer"), WindowClosed("x", retry_after=1)])
    def test_for_now_is_tried_again_later(self, desk: QueueDesk, error: Exception) -> None:
        job_id = desk.enqueue()

        line = desk.work(failing(error))

        job = desk.job(job_id)
        assert job.status is JobStatus.PENDING
        assert line["outcome"] in {"retry", "put_back"}
        assert line["scheduled_at"] == job.scheduled_at.isoformat()

    def test_three_times_has_failed(self, desk: QueueDesk) -> None:
        job_id = desk.enqueue()
        waits: list[timedelta] = []
        moment = NOW
        for _ in range(2):
            assert desk.work(failing(Transient("no answer")))["outcome"] == "retry"
            waits.append(desk.job(job_id).scheduled_at - moment)
            moment = desk.job(job_id).scheduled_at
            desk.settings = desk.settings.model_copy(update={"evenstock_now": moment})

        assert desk.work(failing(Transient("no answer")))["outcome"] == "failed"

        assert waits == [timedelta(seconds=60), timedelta(seconds=120)]
        job = desk.job(job_id)
        assert (job.status, job.attempts, job.errors) == (JobStatus.FAILED, 3, ["no answer"] * 3)
        (supplier,) = desk.ledger.suppliers("user-1")
        assert (supplier.last_sync_status, supplier.error_count) == ("failed", 1)

    @pytest.mark.parametrize(
        "error",
        [
            Refused("no such list"),
            Unauthorised("the key is refused"),
            ConfigurationError("no key"),
            KeyError("x"),
        ],
    )
    def test_for_good_is_not_tried_again(self, desk: QueueDesk, error: Exception) -> None:
        job_id = desk.enqueue()

        assert desk.work(failing(error))["outcome"] == "failed"
        assert desk.job(job_id).status is JobStatus.FAILED

    def test_shows_no_secret(self, desk: QueueDesk) -> None:
        job_id = desk.enqueue()

        line = desk.work(failing(Refused("Authorization: Bearer abcdefghijklmnop was refused")))

        assert "abcdefghijklmnop" not in f"{line}{desk.job(job_id)}"

    @pytest.mark.parametrize(
        ("column", "value", "sentence"),
        [
            ("supplier_id", "gone", "has no supplier gone"),
            ("user_id", "nobody", "there is no user nobody"),
        ],
    )
    def test_because_its_user_or_supplier_is_not_known_says_so(
        self, desk: QueueDesk, column: str, value: str, sentence: str
    ) -> None:
        job_id = desk.enqueue()
        with desk.ledger.database.writing() as connection:
            connection.execute(text(f"UPDATE import_jobs SET {column} = :value"), {"value": value})  # noqa: S608

        line = desk.work()

        assert sentence in str(line["error"])
        assert desk.job(job_id).status is JobStatus.FAILED

    def test_because_nobody_knows_its_type_says_so(self, desk: QueueDesk) -> None:
        desk.enqueue()

        line = desk.work(job=replace(desk.claim(), source_type="price_updates"))

        assert "there is no job type price_updates (did you mean price_update?)" in str(line["error"])
        assert known_type("order_sync") == "order_sync"


class TestAJobThatGoesOnLater:
    def test_is_put_back_until_its_window_opens(self, desk: QueueDesk) -> None:
        job_id = desk.enqueue()

        line = desk.work(failing(WindowClosed("10 calls an hour are used up", retry_after=1_800)))

        job = desk.job(job_id)
        assert (line["outcome"], job.status, job.attempts) == ("put_back", JobStatus.PENDING, 0)
        assert job.scheduled_at == NOW + HOUR / 2

    def test_may_say_itself_until_when(self, desk: QueueDesk) -> None:
        job_id = desk.enqueue()

        desk.work(lambda _: PutBack(NOW + HOUR, "enough for now"))

        assert desk.job(job_id).scheduled_at == NOW + HOUR


class TestAJobThatIsNotOursAnyMore:
    def test_because_it_was_cancelled_stops_at_its_next_step(self, desk: QueueDesk) -> None:
        job_id = desk.enqueue()
        steps: list[int] = []

        def body(context: JobContext) -> JobResult:
            for step in range(3):
                context.beat()
                steps.append(step)
                desk.ledger.cancel_job(job_id, NOW)
            return JobResult({}, Rows())

        line = desk.work(body)

        assert (line["outcome"], steps) == ("lost", [0])
        assert desk.job(job_id).status is JobStatus.CANCELLED

    def test_stores_nothing_of_its_end(self, desk: QueueDesk) -> None:
        job_id = desk.enqueue()
        slow = desk.claim(seconds=0)
        quick = desk.claim("worker-2")

        assert desk.work(job=slow)["outcome"] == "lost"
        assert desk.job(job_id).worker == "worker-2"
        assert desk.work(job=quick)["outcome"] == "completed"
        assert desk.work(failing(Transient("late")), job=slow)["outcome"] == "lost"
        assert desk.job(job_id).status is JobStatus.COMPLETED


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """What Prefect was told: event, resource and status."""
    told: list[tuple[str, str, str]] = []

    def take(event: Event) -> None:
        told.append((event.event, event.resource.id, str(event.payload["status"])))

    monkeypatch.setattr("tasks.channels._post", take)
    return told


def test_the_end_of_a_job_is_an_event(desk: QueueDesk, events: list[tuple[str, str, str]]) -> None:
    for body in (done, failing(Refused("no")), failing(Transient("later"))):
        desk.enqueue()
        with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
            desk.work(body)

    event, resource = "evenstock.supplier-job.finished", "evenstock.supplier.supplier-1"
    assert events == [(event, resource, "completed"), (event, resource, "failed")]


def test_without_prefect_nobody_is_told(desk: QueueDesk, events: list[tuple[str, str, str]]) -> None:
    desk.enqueue()
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        desk.work()
    assert events == []
