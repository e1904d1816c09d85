"""Evenstock from outside: server, deployments and worker as programs, runs asked for through the API."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
import yaml  # type: ignore[import-untyped]
from prefect.client.schemas.objects import FlowRun
from prefect.events.schemas.automations import EventTrigger
from prefect.events.schemas.events import ResourceSpecification
from prefect.states import Pending, Scheduled
from prefect.types import DateTime

from connectors.ledger import Ledger, open_ledger
from connectors.settings import load_settings
from flows.cli import main
from flows.cli.orchestration import arrange
from flows.cli.reaping import reapers
from tests.flows.deployed import PROJECT, Deployed, Told, deployed, until
from tests.flows.mortal import KillPoint, Moment
from tests.flows.test_crashes import an_hour_later
from tests.flows.trade import BEAN, ROAST, Trade, partner_shop
from tests.flows.workers import PATIENCE, Gate
from tests.worlds import MARK, OWN, product, shoe, variant, world

# All of it on one worker of a parallel run: its server is started once.
pytestmark = pytest.mark.xdist_group("deployed")

SYNC = "reverse-stock-sync/reverse-stock-sync"
DRY_RUN = "reverse-stock-sync/reverse-stock-sync-dry-run"
RELEASE = "apply-plan/apply-plan"
PARTNERS = "partner-sync/partner-sync"
REFRESH = "inventory-refresh/inventory-refresh"
REFRESH_OF_HOOKS = "inventory-refresh-webhook/inventory-refresh-webhook"
STATUS = "inventory-sync-status/inventory-sync-status"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("deployed")) as running:
        yield running


@pytest.fixture(scope="module")
def stuck(site: Deployed) -> UUID:
    """A run that a worker took and that never begins; it alone is not waited for as long as in earnest."""
    found = site.client.read_deployment_by_name(SYNC)
    much_later = Scheduled(scheduled_time=DateTime.now("UTC") + timedelta(days=1))
    run = site.client.create_flow_run_from_deployment(found.id, state=much_later)
    reaper = next(reapers(pending=timedelta(seconds=10)))
    automation = replace(reaper, name="test: soon").automation()
    assert isinstance(automation.trigger, EventTrigger)
    automation.trigger.match = ResourceSpecification({"prefect.resource.id": f"prefect.flow-run.{run.id}"})
    site.client.create_automation(automation)
    site.client.set_flow_run_state(run.id, Pending(), force=True)
    return run.id


def put(site: Deployed, number: int, shown: dict[str, int], stocked: dict[str, Any]) -> None:
    item, rows = shoe(number, shown, stocked)
    site.stage.faults(operation="no-call-has-this-name", kind="http")
    site.stage.put(world([item], rows))


def says(told: Told) -> tuple[str, str | None]:
    return told.state.type.value, told.state.name


def assert_in_artifacts(told: Told, text: str) -> None:
    assert text in told.artifacts["reverse-stock-sync-summary"]
    assert "24X" in told.artifacts["reverse-stock-sync-changes"]


@pytest.mark.usefixtures("stuck")
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
    assert site.stage.tags() == {101: [MARK]}
    assert_in_artifacts(told, told.report["message"])
    assert told.errors() == []


def test_a_held_run_says_so_and_its_plan_is_released(site: Deployed) -> None:
    sizes = [str(size) for size in range(30, 42)]
    put(site, 102, dict.fromkeys(sizes, 5), dict.fromkeys(sizes, 0))

    held = site.run(SYNC, delete_zero_stock=False)

    assert says(held) == ("COMPLETED", "Held")
    assert held.report["balance"]["held"] == 12
    assert "held" in held.run.tags
    assert set(site.stage.levels().values()) == {5}
    assert_in_artifacts(held, held.report["plan_id"])

    released = site.run(RELEASE, plan_id=held.report["plan_id"], released_by="ann")

    assert says(released) == ("COMPLETED", "Completed")
    assert released.run.name == f"apply-plan: plan {held.report['plan_id']}"
    assert set(site.stage.levels().values()) == {0}


@pytest.fixture(scope="module")
def half_failed(site: Deployed) -> Told:
    """A run of three products, of which Shopify takes the first and then nothing more."""
    pairs = [shoe(number, {"37": 5}, {"37": 3}) for number in (201, 202, 203)]
    site.stage.put(world([item for item, _ in pairs], [row for _, rows in pairs for row in rows]))
    site.stage.faults(operation="inventorySetQuantities", nth=2, times=-1, kind="http", status=500)
    return site.run(SYNC, batch_size=1, max_concurrent=1)


def test_a_failed_run_has_its_report_and_no_traceback(half_failed: Told) -> None:
    assert says(half_failed) == ("FAILED", "Failed")
    assert half_failed.report["success"] is False
    balance = half_failed.report["balance"]
    assert (balance["done"], balance["failed"] + balance["conflict"]) == (1, 2)
    assert half_failed.state.message == half_failed.report["message"]
    assert_in_artifacts(half_failed, half_failed.report["message"])
    assert half_failed.errors() == [half_failed.report["message"]]
    assert not any("Traceback" in log.message for log in half_failed.logs)


def test_a_failed_run_that_is_retried_does_only_what_was_left(site: Deployed, half_failed: Told) -> None:
    (done,) = levels_written(site)
    assert sorted(site.stage.levels().values()) == [3, 5, 5]
    site.stage.faults(operation="no-call-has-this-name", kind="http")
    # A person's mistake, side by side with it: it says what is wrong in one line.
    mistaken = site.start(SYNC, day="2099-01-01")

    told = site.retry(half_failed.run.id)

    assert (told.run.id, told.run.run_count) == (half_failed.run.id, 2)
    assert says(told) == ("COMPLETED", "Completed")
    assert told.report["balance"]["done"] == 2
    assert set(site.stage.levels().values()) == {3}
    assert levels_written(site)[0] == done
    assert len(set(levels_written(site))) == len(levels_written(site)) == 3
    assert_in_artifacts(told, told.report["message"])
    assert_is_one_line(site.ended(mistaken))


def assert_is_one_line(refused: Told) -> None:
    assert says(refused) == ("FAILED", "Failed")
    (line,) = refused.errors()
    assert line.startswith("ConfigurationError: day 2099-01-01 is in the future")
    assert not any("Traceback" in log.message for log in refused.logs)


def levels_written(site: Deployed) -> list[str]:
    """Which levels were written, in order."""
    return [str(write["id"]) for write in site.stage.writes() if write["what"] == "level"]


def trade_of(site: Deployed, monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> Trade:
    """The site's own store, about to have partners."""
    for name, value in site.settings.items():
        monkeypatch.setenv(name, value)
    site.stage.faults(operation="no-call-has-this-name", kind="http")
    return Trade(site.stage, load_settings().shopify_base_url.partition("/shopify/")[0], ledger)


@pytest.fixture(scope="module")
def shared(site: Deployed) -> Iterator[tuple[Trade, Told]]:
    """Two workers shared two partners, and one worker died, with its run, while a write was under way."""
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        closing(open_ledger(site.settings["EVENSTOCK_DATABASE_URL"])) as ledger,
    ):
        trade = trade_of(site, monkeypatch, ledger)
        trade.put(
            {101: {"available": 7}, 102: {"available": 4}},
            {ROAST: partner_shop({501: 12}), BEAN: partner_shop({601: 9})},
        )
        trade.map(trade.partner(ROAST), {501: 101})
        trade.map(trade.partner(BEAN), {601: 102})
        yield trade, site.ended(killed_amid_a_write(site, ledger))


def killed_amid_a_write(site: Deployed, ledger: Ledger) -> UUID:
    """Start runs for all partners; a second worker, which takes one of them, is killed. The parent."""
    gate = site.stage.sandbox
    assert isinstance(gate, Gate)
    with gate.holding(KillPoint(Moment.IN_FLIGHT, "call shop")) as hold:
        parent = site.start(PARTNERS, fan_out=True)
        assert hold.arrived.wait(PATIENCE), site.worker.said()
        # From here on only the second worker takes what there is to do, until it is dead.
        os.kill(site.worker.pid, signal.SIGSTOP)
    with gate.holding(KillPoint(Moment.IN_FLIGHT, "call inventorySetQuantities")) as hold:
        second = site.hire("--limit", "1")
        assert hold.arrived.wait(PATIENCE), second.said()
        (pid,) = (run.infrastructure_pid for run in own_runs(site) if run.state and run.state.is_running())
        for each in (second.pid, int(str(pid))):
            os.kill(each, signal.SIGKILL)
    assert hold.done.wait(PATIENCE)
    an_hour_later(ledger)
    os.kill(site.worker.pid, signal.SIGCONT)
    return parent


def own_runs(site: Deployed) -> list[FlowRun]:
    """The runs that partners had for themselves."""
    return [run for run in site.runs_of(PARTNERS) if run.parameters.get("partner")]


def test_each_partner_has_a_run_of_its_own_if_wanted(site: Deployed, shared: tuple[Trade, Told]) -> None:
    trade, told = shared
    own = {run.id: run for run in own_runs(site)}
    assert {run.name for run in own.values()} == {f"partner-sync: {shop}" for shop in (ROAST, BEAN)}
    assert all(f"partner:{run.parameters['partner']}" in run.tags for run in own.values())
    runs = trade.ledger.history("partner-sync")
    assert {run.prefect_run_id for run in runs} == {str(number) for number in own}
    assert [each["partnerShop"] for each in told.report["partnerResults"]] == [BEAN, ROAST]
    assert (told.report["balance"]["done"], told.report["receipt"]["read_back"]) == (1, 1)
    assert ROAST in told.artifacts["partner-sync-summary"]


def test_one_whose_worker_is_killed_fails_alone_and_the_next_run_heals_it(
    site: Deployed, shared: tuple[Trade, Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    trade, told = shared
    results = told.report["partnerResults"]
    assert says(told) == ("FAILED", "Failed")
    (lost,) = (each for each in results if not each["success"])
    assert "gave no sign of life" in lost["errors"][0]
    (crashed,) = (run for run in own_runs(site) if run.state and run.state.is_crashed())
    assert crashed.parameters["partner"] == lost["partnerShop"]
    (well,) = (each for each in results if each["success"])
    assert told.report["api"][f"shopify:{well['partnerShop']}"]["calls"] > 0

    healed = trade_of(site, monkeypatch, trade.ledger).run()

    assert healed["success"] is True, healed["errors"]
    assert site.stage.levels() == {"O-101": 12, "O-102": 9}
    assert len(levels_written(site)) == 2
    assert trade.ledger.unsettled(OWN) == trade.ledger.unfinished(OWN) == []


def main_sync_finished() -> DateTime:
    """Tell Prefect so; when that was."""
    now = DateTime.now("UTC")
    assert main(["emit", "main-sync-finished", "--shop", "own"]) == 0
    return now


def started_by_events(site: Deployed) -> list[FlowRun]:
    """Runs that neither a person nor the schedule asked for."""
    runs = site.runs_of(SYNC)
    return [run for run in runs if run.created_by and run.created_by.type == "AUTOMATION"]


def test_the_main_syncs_event_starts_a_run_after_the_delay(site: Deployed) -> None:
    now = main_sync_finished()

    (run,) = until(lambda: started_by_events(site), "the event started nothing")

    assert run.state is not None
    assert run.state.is_scheduled()
    assert run.expected_start_time is not None
    assert timedelta(seconds=299) < run.expected_start_time - now < timedelta(seconds=330)


def test_setup_takes_the_delay_to_the_trigger(site: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    put(site, 104, {"37": 5}, {"37": 3})
    for name, value in (site.settings | {"REVERSE_SYNC_DELAY_MINUTES": "0"}).items():
        monkeypatch.setenv(name, value)
    waiting = {run.id for run in started_by_events(site)}
    assert list(arrange(load_settings()))[-1].startswith("Prefect: the reverse sync starts 0 minutes after")

    told = site.ended(_started_at_once(site, waiting).id)

    assert says(told) == ("COMPLETED", "Completed")
    assert site.stage.levels() == {"24X104-37": 3}


def _started_at_once(site: Deployed, waiting: set[UUID]) -> FlowRun:
    """The server takes a moment to act on a changed trigger: an event in that moment may start nothing."""

    def look() -> list[FlowRun]:
        return [run for run in started_by_events(site) if run.id not in waiting]

    for _ in range(3):
        main_sync_finished()
        with suppress(AssertionError):
            return until(look, "nothing started", seconds=20)[0]
    raise AssertionError("three events started nothing")


def test_a_run_that_never_begins_is_marked_as_crashed(site: Deployed, stuck: UUID) -> None:
    def crashed() -> FlowRun | None:
        run = site.client.read_flow_run(stuck)
        return run if run.state and run.state.is_crashed() else None

    run = until(crashed, "a run stays pending for ever")

    assert run.state is not None
    assert "never began" in str(run.state.message)


def test_the_daily_schedule_has_its_runs(site: Deployed) -> None:
    """With some versions of SQLAlchemy Prefect's scheduler inserts none, and nothing else shows it."""
    runs = until(lambda: [run for run in site.runs_of(SYNC) if run.auto_scheduled], "nothing was scheduled")
    assert {f"{run.expected_start_time:%H:%M}" for run in runs} == {"06:30"}


def test_each_cause_was_told_once(site: Deployed) -> None:
    """What fails again is told again only after it had been well, and what is held is told, too."""
    told = site.mails.subjects
    assert {"Failed", "Held"} <= {_kind(each) for each in told} <= {"Failed", "Held", "Well again"}, (
        told,
        site.worker.said(),
    )
    for before, each in pairwise(each for each in told if _kind(each) != "Held"):
        assert _kind(each) != _kind(before) or _about(each) != _about(before), told


def _kind(subject: str) -> str:
    return subject.partition(":")[0]


def _about(subject: str) -> str:
    return subject.partition(":")[2]


@pytest.fixture
def one_product(site: Deployed) -> None:
    site.stage.faults(operation="no-call-has-this-name", kind="http")
    site.stage.put(world([product(1, None, variant(11, "A", 5), variant(12, "B", 0))], []))


@pytest.mark.usefixtures("one_product")
def test_an_error_of_a_refresh_is_a_failed_state_with_its_document(site: Deployed) -> None:
    told = site.run(REFRESH, product_ids=["abc"])

    assert says(told) == ("FAILED", "Failed")
    assert told.report["error"]["code"] == "INVALID_PRODUCT_IDS"


@pytest.mark.usefixtures("one_product")
def test_a_refresh_completes_and_the_next_one_cools_down(site: Deployed) -> None:
    told = site.run(REFRESH, product_ids=[1])

    assert says(told) == ("COMPLETED", "Completed")
    assert told.run.name == "inventory-refresh: product 1"
    assert told.report["data"]["inventoryUpdates"] == 2
    assert "inventory-refresh-summary" in told.artifacts
    again = site.run(REFRESH, product_ids=[1])
    assert again.state.type.value == "FAILED"
    assert again.report["error"]["code"] == "REFRESH_COOLDOWN"
    status = site.run(STATUS)
    assert status.report["data"]["scheduling"]["canManualRefresh"] is False


@pytest.mark.usefixtures("one_product")
def test_a_product_that_failed_fails_the_refresh(site: Deployed) -> None:
    told = site.run(REFRESH_OF_HOOKS, product_ids=[1, 999])

    assert says(told) == ("FAILED", "Failed")
    assert told.report["data"]["failedProducts"] == 1


def test_the_worker_says_nothing_frightening(site: Deployed) -> None:
    assert "Traceback" not in site.worker.said()
