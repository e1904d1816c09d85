"""The queue of supplier jobs under Prefect: what the ledger holds afterwards, whatever happened."""

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger, RunState
from connectors.ledger.supplier_records import Claim, Job, JobStatus, Supplier
from connectors.settings import load_settings
from connectors.supplier import Page, SupplierProduct
from flows.automated_sync import automated_sync, enqueue_job
from flows.cli import main
from tasks.desk import ledger_of
from tasks.lease import clock
from tests.connectors.test_outside import listening
from tests.flows.mortal import KillPoint, Moment
from tests.flows.stage import Stage
from tests.flows.workers import Nursery, nursery
from tests.sandbox.bigbuyer import product, section, stocks
from tests.worlds import NOW, world

pytestmark = pytest.mark.orchestrated

QUEUE = "flows.automated_sync:automated_sync"
BIGBUY = Supplier("supplier-1", "user-1", "BigBuy", "bigbuy", "bigbuy:default", NOW, NOW)


@pytest.fixture
def ledger(stage: Stage, monkeypatch: pytest.MonkeyPatch, prefect_server: str) -> Ledger:
    """A user with a supplier, and three of its products as they were yesterday."""
    # Workers have it from the environment.
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    made = world([], []) | {
        "bigbuy": {"default": section(*(product(number, stocks=stocks(number)) for number in (1, 2, 3)))}
    }
    stage.put(made)
    for name, value in stage.sandbox.settings(_url(stage)).items():
        monkeypatch.setenv(name, value)
    opened = ledger_of(load_settings())
    opened.add_supplier(BIGBUY)
    opened.enqueue_job(Job("first", "user-1", "supplier_api", BIGBUY.id, NOW, NOW, NOW))
    (job,) = opened.claim_jobs(Claim("w", 60), 1, NOW, clock())
    rows = tuple(SupplierProduct(str(number), stock_quantity=9) for number in (1, 2, 3))
    opened.store_page(job, Page("list", frozenset({"stock"}), rows), NOW)
    opened.finish_job(job, JobStatus.COMPLETED, NOW)
    return opened


def _url(stage: Stage) -> str:
    del stage
    return os.environ["SHOPIFY_STORE_DOMAIN"].partition("/shopify/")[0]


def known_stock(ledger: Ledger) -> dict[str, int | None]:
    return {
        each.supplier_product_id: each.stock_quantity
        for each in ledger.imported_products("user-1", BIGBUY.id)
    }


def stored(ledger: Ledger, job_id: str) -> Job:
    found = ledger.job(job_id)
    assert found is not None
    return found


def bigbuy_calls(stage: Stage) -> list[str]:
    return [call["operation"] for call in stage.calls() if call["system"] == "bigbuy"]


def artifact(key: str) -> str:
    """The newest of Prefect's artifacts of this key."""
    with get_client(sync_client=True) as client:
        asked = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        newest = client.read_artifacts(artifact_filter=asked, sort=ArtifactSort.CREATED_DESC, limit=1)
    return str(newest[0].data)


def run(**parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - the flow's own
    return dict(automated_sync(**parameters))


def test_does_what_is_due_and_says_so(stage: Stage, ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    job_id = enqueue_job("user-1", "inventory_update", BIGBUY.id)
    later = enqueue_job("user-1", "inventory_update", BIGBUY.id, scheduled_at=NOW.replace(hour=11))

    with caplog.at_level(logging.INFO):
        report = run()

    assert known_stock(ledger) == {"1": 1, "2": 2, "3": 3}
    job = stored(ledger, job_id)
    assert (job.status, job.attempts) == (JobStatus.COMPLETED, 1)
    assert job.result_data is not None
    assert {"type", "products_updated", "errors"} <= job.result_data.keys()
    assert job.result_data["products_updated"] == 3
    assert stored(ledger, later).status is JobStatus.PENDING
    assert (report["success"], report["jobs_processed"], report["balance"]["done"]) == (True, 1, 1)
    assert json.loads(json.dumps(report)) == report
    assert report["results"][0]["result"] == job.result_data
    assert report["api"] == {"supplier:supplier-1": report["results"][0]["usage"]}
    assert report["results"][0]["usage"]["calls"] == len(bigbuy_calls(stage))
    metrics = artifact("automated-sync-metrics")
    assert '"type": "inventory_update", "supplier": "BigBuy", "completed": 1, "failed": 0' in metrics
    assert "1 completed" in artifact("automated-sync-summary")
    lines = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("🔄 ") for line in lines)
    assert any(line.startswith("🚀 ") for line in lines)
    assert any(line.startswith("✅ ") for line in lines)
    history = ledger.history("automated-sync", 1)
    assert [each.state for each in history] == [RunState.COMPLETED]
    assert bigbuy_calls(stage)


def test_a_dry_run_changes_nothing_and_leaves_the_job(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENSTOCK_LOG_SIGNS", "false")
    job_id = enqueue_job("user-1", "inventory_update", BIGBUY.id)
    before = stored(ledger, job_id)

    report = run(dry_run=True)

    assert (report["balance"]["not_sent"], report["results"][0]["result"]["products_updated"]) == (1, 3)
    assert known_stock(ledger) == dict.fromkeys("123", 9)
    assert stored(ledger, job_id) == before
    assert enqueue_job("user-1", "inventory_update", BIGBUY.id, dry_run=True) not in {
        job.id for job in ledger.jobs()
    }


def test_one_failing_job_user_or_supplier_stops_no_other(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPPLIER_JOBS_MAX_CONCURRENT", "3")
    good = enqueue_job("user-1", "inventory_update", BIGBUY.id, priority=-5)
    odd = [
        Job("no-user", "nobody", "inventory_update", BIGBUY.id, NOW, NOW, NOW),
        Job("no-supplier", "user-1", "inventory_update", "gone", NOW, NOW, NOW),
    ]
    for job in odd:
        ledger.enqueue_job(job)

    report = run()

    assert known_stock(ledger) == {"1": 1, "2": 2, "3": 3}
    assert stored(ledger, good).status is JobStatus.COMPLETED
    errors = {job.id: stored(ledger, job.id).errors[0] for job in odd}
    assert "there is no user nobody" in errors["no-user"]
    assert "has no supplier gone" in errors["no-supplier"]
    assert (report["success"], report["jobs_completed"], report["jobs_failed"]) == (False, 1, 2)
    assert len(report["details"]["errors"]) == 2


def test_what_fails_for_now_is_put_off(stage: Stage, ledger: Ledger) -> None:
    stage.faults(system="bigbuy", kind="http", status=503, times=-1)
    job_id = enqueue_job("user-1", "inventory_update", BIGBUY.id)

    report = run()

    job = stored(ledger, job_id)
    assert (job.status, job.attempts, report["jobs_retried"]) == (JobStatus.PENDING, 1, 1)
    assert job.scheduled_at > NOW
    assert (report["success"], report["jobs_failed"], len(report["warnings"])) == (True, 0, 1)
    assert known_stock(ledger) == dict.fromkeys("123", 9)


def test_takes_no_more_than_it_may_and_of_the_types_it_should(ledger: Ledger) -> None:
    ids = [enqueue_job("user-1", "inventory_update", BIGBUY.id, priority=each) for each in (1, 2)]

    assert run(job_types=["order_sync"])["jobs_processed"] == 0
    assert run(max_jobs=1)["jobs_processed"] == 1
    assert [stored(ledger, each).status for each in ids] == [JobStatus.PENDING, JobStatus.COMPLETED]


def test_refuses_what_it_does_not_know(ledger: Ledger) -> None:
    with pytest.raises(ConfigurationError, match="no job type stock"):
        run(job_types=["stock"])
    with pytest.raises(ConfigurationError, match="no supplier gone"):
        enqueue_job("user-1", "inventory_update", "gone")
    assert ledger.history("automated-sync", 1) == []


async def heard(act: Callable[[], object], count: int) -> list[dict[str, Any]]:
    """What Prefect hands on to its automations of jobs that ended."""
    wanted = EventFilter(event=EventNameFilter(name=["evenstock.supplier-job.finished"]))
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(60), get_events_subscriber(filter=wanted) as events:
        doing = asyncio.create_task(asyncio.to_thread(act))
        async for event in events:
            found.append(dict(event.payload))
            if len(found) == count:
                break
        await doing
    return found


def test_automations_hear_of_the_end_of_each_job(ledger: Ledger) -> None:
    good = enqueue_job("user-1", "inventory_update", BIGBUY.id)
    ledger.enqueue_job(Job("odd", "nobody", "inventory_update", BIGBUY.id, NOW, NOW, NOW))

    told = {each["job_id"]: each for each in asyncio.run(heard(run, 2))}

    assert (told[good]["status"], told["odd"]["status"]) == ("completed", "failed")
    assert (told[good]["type"], told[good]["supplier_id"]) == ("inventory_update", BIGBUY.id)


@pytest.mark.usefixtures("ledger")
def test_the_end_of_a_job_is_told_to_whom_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENSTOCK_CALLBACK_SECRET", "s3cret")
    monkeypatch.setenv("EVENSTOCK_ALLOW_PRIVATE_URLS", "true")
    received: list[bytes] = []
    with listening(received) as url:
        job_id = enqueue_job("user-1", "inventory_update", BIGBUY.id, callback_url=url)
        assert run()["success"]

    (message,) = map(json.loads, received)
    assert (message["job_id"], message["status"]) == (job_id, "completed")


def test_the_command_line_enqueues_and_works(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--user_id", "user-1", "--job_type", "inventory_update", "--supplier_id", BIGBUY.id]
    assert main(["run", "enqueue-job", *words, "--json"]) == 0
    job_id = json.loads(capsys.readouterr().out)
    assert main(["run", "automated-sync"]) == 0

    assert stored(ledger, job_id).status is JobStatus.COMPLETED
    shown = capsys.readouterr().out
    assert "1 completed" in shown
    assert all(word in shown for word in (job_id[:8], "inventory_update", "Maintenance: "))
    assert "(none)" not in shown
    assert main(["run", "enqueue-job", *words[:3], "stock", *words[4:]]) == 2
    assert "there is no job type stock" in capsys.readouterr().err


@pytest.fixture(scope="session")
def cradle(prefect_server: str) -> Iterator[Nursery]:
    """Where workers come from."""
    with nursery(os.environ | {"PREFECT_API_URL": prefect_server}) as opened:
        yield opened


STORED = (
    "delete import_sightings and insert import_sightings and insert imported_products and update import_jobs"
)


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER])
def test_the_job_of_a_killed_worker_is_finished_by_another(
    ledger: Ledger, cradle: Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: Moment
) -> None:
    monkeypatch.setenv("REVERSE_SYNC_LOCK_SECONDS", "2")
    job_id = enqueue_job("user-1", "inventory_update", BIGBUY.id)

    worker = cradle.worker(tmp_path / "first", KillPoint(moment, STORED), flow=QUEUE)
    assert worker.ended() == -signal.SIGKILL, worker.log

    killed = stored(ledger, job_id)
    assert (killed.status, killed.attempts, killed.fence) == (JobStatus.RUNNING, 1, 1)
    assert known_stock(ledger) == (
        {"1": 1, "2": 2, "3": 3} if moment is Moment.AFTER else dict.fromkeys("123", 9)
    )
    assert run()["jobs_processed"] == 0

    assert killed.lease_until is not None
    time.sleep(max(0.0, (killed.lease_until - clock()).total_seconds()) + 0.01)
    report = run()

    job = stored(ledger, job_id)
    assert (report["jobs_completed"], job.status, job.attempts, job.fence) == (1, JobStatus.COMPLETED, 2, 2)
    assert known_stock(ledger) == {"1": 1, "2": 2, "3": 3}
