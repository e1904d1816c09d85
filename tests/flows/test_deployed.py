"""Evenstock from outside: server, deployments and worker as programs, runs asked for through the API."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import yaml  # type: ignore[import-untyped]
from prefect.types import DateTime

from tests.flows.deployed import PROJECT, Deployed, Told, deployed, until
from tests.worlds import MARK, shoe, world

# All of it on one worker of a parallel run: the server is started once.
pytestmark = pytest.mark.xdist_group("deployed")

SYNC = "reverse-stock-sync/reverse-stock-sync"
DRY_RUN = "reverse-stock-sync/reverse-stock-sync-dry-run"
RELEASE = "apply-plan/apply-plan"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("deployed")) as running:
        yield running


def put(site: Deployed, number: int, shown: dict[str, int], stocked: dict[str, Any]) -> None:
    item, rows = shoe(number, shown, stocked)
    site.stage.faults(operation="no-call-has-this-name", kind="http")
    site.stage.put(world([item], rows))


def says(told: Told) -> tuple[str, str | None]:
    return told.state.type.value, told.state.name


def assert_in_artifacts(told: Told, text: str) -> None:
    assert text in told.artifacts["reverse-stock-sync-summary"]
    assert "24X" in told.artifacts["reverse-stock-sync-changes"]


def test_prefect_yaml_is_deployed_whole(site: Deployed) -> None:
    wanted = {each["name"] for each in yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]}
    assert {each.name for each in site.client.read_deployments()} == wanted


def test_a_dry_run_and_the_run_itself_complete_with_their_report(site: Deployed) -> None:
    put(site, 101, {"37": 5, "38": 2}, {"37": 3, "38": 2})

    dry = site.run(DRY_RUN)

    assert says(dry) == ("COMPLETED", "Completed")
    assert dry.run.name == "reverse-stock-sync: up to 10 products (dry run)"
    assert dry.report["balance"]["not_sent"] == 1
    assert site.stage.writes() == []

    told = site.run(SYNC)

    assert says(told) == ("COMPLETED", "Completed")
    assert told.report["balance"]["done"] == 1
    assert site.stage.levels() == {"24X101-37": 3, "24X101-38": 2}
    assert any(tag.startswith(MARK[:9]) for tag in site.stage.tags()[101])
    assert_in_artifacts(told, told.report["message"])
    assert told.errors() == []


def test_a_held_run_says_so_and_its_plan_is_released(site: Deployed) -> None:
    sizes = [str(size) for size in range(30, 42)]
    put(site, 102, dict.fromkeys(sizes, 5), dict.fromkeys(sizes, 0))

    held = site.run(SYNC, delete_zero_stock=False)

    assert says(held) == ("COMPLETED", "Held")
    assert held.report["balance"]["held"] == 12
    assert set(site.stage.levels().values()) == {5}
    assert_in_artifacts(held, held.report["plan_id"])

    released = site.run(RELEASE, plan_id=held.report["plan_id"], released_by="ann")

    assert says(released) == ("COMPLETED", "Completed")
    assert released.run.name == f"apply-plan: plan {held.report['plan_id']}"
    assert set(site.stage.levels().values()) == {0}


def test_a_run_with_failures_fails_with_its_report_and_without_a_traceback(site: Deployed) -> None:
    put(site, 103, {"37": 5}, {"37": 3})
    site.stage.faults(operation="inventorySetQuantities", kind="http", status=500, times=-1)

    told = site.run(SYNC)

    assert says(told) == ("FAILED", "Failed")
    assert told.report["success"] is False
    assert told.report["balance"]["failed"] + told.report["balance"]["conflict"] == 1
    assert told.state.message == told.report["message"]
    assert_in_artifacts(told, told.report["message"])
    assert not any("Traceback" in log.message for log in told.logs)


def test_what_a_person_has_to_mend_is_one_line(site: Deployed) -> None:
    told = site.run(SYNC, day="2099-01-01")

    assert says(told) == ("FAILED", "Failed")
    (line,) = told.errors()
    assert line.startswith("ConfigurationError: day 2099-01-01 is in the future")
    assert not any("Traceback" in log.message for log in told.logs)


def test_the_main_syncs_event_starts_a_run_after_the_delay(site: Deployed) -> None:
    begun = DateTime.now("UTC")
    site.tell(
        {
            "id": str(uuid4()),
            "occurred": begun.isoformat(),
            "event": "evenstock.main-sync.finished",
            "resource": {"prefect.resource.id": "evenstock.shop.own"},
            "payload": {},
        }
    )

    def awaited() -> list[timedelta]:
        """How long until the runs to come that no schedule made."""
        runs = [run for run in site.runs_of(SYNC) if run.state and run.state.is_scheduled()]
        starts = [run.expected_start_time for run in runs if not run.auto_scheduled]
        return [start - begun for start in starts if start]

    (delay,) = until(awaited, "the event started nothing")
    assert timedelta(seconds=299) < delay < timedelta(seconds=330)


def test_the_daily_schedule_has_its_runs(site: Deployed) -> None:
    """With some versions of SQLAlchemy Prefect's scheduler inserts none, and nothing else shows it."""
    runs = until(lambda: [run for run in site.runs_of(SYNC) if run.auto_scheduled], "nothing was scheduled")
    assert {f"{run.expected_start_time:%H:%M}" for run in runs} == {"06:30"}


def test_the_worker_says_nothing_frightening(site: Deployed) -> None:
    assert "Traceback" not in site.worker.said()
