"""Who may work on what: leases, killed runs, runs side by side, rollback, released plans, parked lines."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger, open_ledger
from connectors.ledger.records import Operation, Run, RunState
from connectors.settings import load_settings
from tasks import begin
from tasks import run as run_task
from tasks.desk import open_shop
from tasks.mark import Marker
from tests.flows.mortal import KillPoint, Moment
from tests.flows.stage import Stage, staged
from tests.flows.test_races import FREE_HAND, listed
from tests.flows.test_reverse_stock_sync import assert_even, one_shoe
from tests.flows.workers import PATIENCE, Gate
from tests.ledgers import sqlite_in
from tests.worlds import LOCATION, MARK, OWN, World, product, row, shoe, variant, world

pytestmark = pytest.mark.orchestrated

FLOW = "reverse-stock-sync"
PROJECT = Path(__file__).parents[2]
CHILD = "from flows.reverse_stock_sync import reverse_stock_sync; reverse_stock_sync()"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A stage whose shop can keep a run waiting."""
    with staged(tmp_path, monkeypatch.setenv, kind=Gate) as made:
        yield made


@pytest.fixture
def ledger(stage: Stage, tmp_path: Path) -> Iterator[Ledger]:
    """The ledger of the stage."""
    del stage
    opened = open_ledger(sqlite_in(tmp_path))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def free_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """No mass-change limit."""
    for name, value in FREE_HAND.items():
        monkeypatch.setenv(name, value)


def shoes(*numbers: int) -> World:
    """Products of two sizes each: one to lower, one to raise."""
    made = [shoe(number, {"37": 5, "38": 2}, {"37": 3, "38": 4}) for number in numbers]
    return world([item for item, _ in made], [each for _, rows in made for each in rows])


def written(stage: Stage) -> Counter[int]:
    """How often runs wrote each level."""
    return Counter(write["id"] for write in stage.writes() if write["what"] == "level")


def details(report: World, name: str) -> dict[str, str]:
    """A list of the report: reasons by SKU."""
    return {line["sku"]: line["reason"] for line in report["report"]["details"][name]}


def marked(stage: Stage) -> set[int]:
    """Products with the day's mark."""
    return {number for number, tags in stage.tags().items() if MARK in tags}


def wait_for(what: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.05)


class TestLeases:
    def test_a_product_in_other_hands_is_left_to_them(self, stage: Stage, ledger: Ledger) -> None:
        stage.put(shoes(101, 102))
        resource = f"product:{OWN}:101"
        fences = ledger.acquire([resource], "another run", 300, datetime.now(UTC))

        report = stage.run()

        assert set(details(report, "locked")) == {"24X101-37", "24X101-38"}
        assert_even(report)
        assert marked(stage) == {102}
        assert stage.levels() == {"24X101-37": 5, "24X101-38": 2, "24X102-37": 3, "24X102-38": 4}

        ledger.release(fences, "another run")
        report = stage.run()

        assert report["balance"]["done"] == 2
        assert marked(stage) == {101, 102}

    def test_a_killed_runs_work_is_finished_by_the_next(
        self,
        stage: Stage,
        ledger: Ledger,
        prefect_server: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The write that the killed process had sent arrives late, and nothing is written twice."""
        monkeypatch.setenv("REVERSE_SYNC_LOCK_SECONDS", "8")
        monkeypatch.setattr(run_task, "SILENT_FOR", timedelta(seconds=1))
        stage.put(shoes(101, 102))
        gate = stage.sandbox
        assert isinstance(gate, Gate)
        amid = KillPoint(Moment.IN_FLIGHT, "call inventorySetQuantities")
        with gate.holding(amid) as hold, child(prefect_server) as process:
            assert hold.arrived.wait(PATIENCE)
            process.kill()
            process.wait(30)
        killed = ledger.last_run(FLOW, OWN)
        assert killed
        assert hold.done.wait(PATIENCE)
        wait_for(lambda: ledger.live("product:", datetime.now(UTC)) == 0)

        report = stage.run()

        dead = ledger.run(killed.id)
        assert dead
        assert dead.state is RunState.KILLED
        assert any(killed.id in warning for warning in report["warnings"])
        assert set(written(stage).values()) == {1}
        assert ledger.unsettled(OWN) == []
        assert ledger.unfinished(OWN) == []
        assert stage.levels() == {"24X101-37": 3, "24X101-38": 4, "24X102-37": 3, "24X102-38": 4}
        assert marked(stage) == {101, 102}
        assert_even(report)

    def test_what_another_run_wrote_meanwhile_is_no_sale(self, stage: Stage, ledger: Ledger) -> None:
        """Its baseline is older than that write: the fall would be taken off once more."""
        stage.put(shoes(101, 102))
        soon = datetime.now(UTC) + timedelta(minutes=1)
        other = ledger.start_run(
            Run(id="other", flow=FLOW, account=OWN, day=soon.date(), started_at=soon, heartbeat_at=soon)
        )
        ledger.intend(
            Operation(
                key="its-key",
                run_id=other.id,
                account=OWN,
                kind="set_quantities",
                rows=[{"product_id": 101}],
                sent_at=soon,
            )
        )

        report = stage.run()

        assert {line["product_id"] for line in report["report"]["details"]["locked"]} == {101}
        assert marked(stage) == {102}
        assert_even(report)

    def test_a_product_that_is_busy_for_a_moment_only_is_marked_all_the_same(
        self, stage: Stage, ledger: Ledger
    ) -> None:
        stage.put(shoes(101, 102))
        settings = load_settings()
        job = begin.reverse_sync(settings, begin.Asked()).job
        fences = ledger.acquire([f"product:{OWN}:101"], "another run", 300, datetime.now(UTC))
        looked_at = threading.Timer(0.1, lambda: ledger.release(fences, "another run"))
        looked_at.start()
        shop = open_shop(settings, job.location)
        with shop.http:
            done = Marker(job, shop, ledger, settings).mark({101: [], 102: []}, None)
        looked_at.join()

        assert (sorted(done.marked), done.failed) == ([101, 102], {})
        assert marked(stage) == {101, 102}

    def test_two_runs_at_once_do_nothing_twice(self, stage: Stage, ledger: Ledger) -> None:
        stage.put(shoes(*range(101, 107)))
        sold = {"kind": "sale", "variant_id": 10101, "location_id": LOCATION, "quantity": 1}
        stage.event(**sold, before={"operation": "inventorySetQuantities", "nth": 1})
        stage.faults(operation="nodes", kind="slow", seconds=0.2, times=-1)
        reports: list[World] = []

        def sync() -> None:
            reports.append(stage.run(batch_size=2, max_concurrent=2))

        # A copy of the context, as Prefect keeps in it which server to talk to.
        threads = [threading.Thread(target=copy_context().run, args=(sync,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len({report["sync_id"] for report in reports}) == 2
        for report in reports:
            assert_even(report)
        assert len(written(stage)) == 12
        assert set(written(stage).values()) == {1}
        right = {
            f"24X{number}-{size}": units for number in range(101, 107) for size, units in ((37, 3), (38, 4))
        }
        assert stage.levels() == right | {"24X101-37": 2}
        assert marked(stage) == set(range(101, 107))
        assert ledger.live("", datetime.now(UTC)) == 0

    def test_a_run_that_begins_before_another_has_marked_gives_no_sale_back(self, stage: Stage) -> None:
        """The first wrote 2, as one of 3 was sold meanwhile; RMS says 3 still, the mark is on its way."""
        stage.put(shoes(101))
        sold = {"kind": "sale", "variant_id": 10101, "location_id": LOCATION, "quantity": 1}
        stage.event(**sold, before={"operation": "inventorySetQuantities", "nth": 1})
        stage.faults(operation="tagsAdd", kind="slow", seconds=5)
        first = threading.Thread(target=copy_context().run, args=(stage.run,))
        first.start()
        wait_for(lambda: len(written(stage)) == 2)

        second = stage.run()
        first.join()

        assert stage.levels() == {"24X101-37": 2, "24X101-38": 4}
        assert set(written(stage).values()) == {1}
        assert {line["reason"] for line in second["report"]["details"]["locked"]} == {"locked"}
        assert marked(stage) == {101}


def child(api: str) -> "subprocess.Popen[bytes]":
    """A run in a process of its own, against the same stand-ins, ledger and Prefect server."""
    environment = os.environ | {"PREFECT_API_URL": api}
    return subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", CHILD],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class TestRollback:
    """37 is raised, 38 lowered; 39 is sold just before, so that it goes alone, and the store refuses it."""

    SHOWN: ClassVar[Mapping[str, int]] = {"24X101-37": 5, "24X101-38": 6, "24X101-39": 4}
    WRITTEN: ClassVar[Mapping[str, int]] = {"24X101-37": 8, "24X101-38": 2, "24X101-39": 4}

    def broken(self, stage: Stage, monkeypatch: pytest.MonkeyPatch, mode: str) -> World:
        monkeypatch.setenv("REVERSE_SYNC_ROLLBACK", mode)
        stage.put(one_shoe({"37": 5, "38": 6, "39": 5}, {"37": 8, "38": 2, "39": 9}))
        sold = {"kind": "sale", "variant_id": 10103, "location_id": LOCATION, "quantity": 1}
        stage.event(**sold, before={"operation": "inventorySetQuantities", "nth": 1})
        stage.faults(operation="inventorySetQuantities", nth=3, kind="http", status=402)
        report = stage.run()
        assert_even(report)
        assert marked(stage) == set()
        return report

    @pytest.mark.parametrize(
        ("mode", "kept", "taken_back"),
        [
            ("all", (), ("24X101-37", "24X101-38")),
            ("raises", ("24X101-38",), ("24X101-37",)),
            ("off", ("24X101-37", "24X101-38"), ()),
        ],
    )
    def test_takes_back_what_the_setting_says(
        self,
        stage: Stage,
        ledger: Ledger,
        monkeypatch: pytest.MonkeyPatch,
        *,
        mode: str,
        kept: tuple[str, ...],
        taken_back: tuple[str, ...],
    ) -> None:
        report = self.broken(stage, monkeypatch, mode)

        assert stage.levels() == {**self.SHOWN, **{sku: self.WRITTEN[sku] for sku in kept}}
        assert set(details(report, "updated")) == set(kept)
        failed = details(report, "errors")
        assert {sku for sku, reason in failed.items() if reason == "rolled_back"} == set(taken_back)
        assert report["report"]["statistics"]["variants_updated"] == len(kept)
        assert report["report"]["details"]["rollbacks"] == bool(taken_back)
        assert report["report"]["details"]["rollback_failures"] == 0
        changes = ledger.changes_of(report["sync_id"])
        assert {each.sku for each in changes if each.taken_back} == set(taken_back)

        stage.event(system="rms", kind="edit", ccod="24X101", sku="24X101-39", quantity=8)
        stage.run()

        assert stage.levels() == {"24X101-37": 8, "24X101-38": 2, "24X101-39": 8}
        assert marked(stage) == {101}

    def test_what_was_sold_since_is_kept_and_told(
        self, stage: Stage, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sold = {"kind": "sale", "variant_id": 10101, "location_id": LOCATION, "quantity": 1}
        original = stage.put

        def put(made: World) -> None:
            original(made)
            stage.event(**sold, before={"operation": "inventorySetQuantities", "nth": 4})

        monkeypatch.setattr(stage, "put", put)

        report = self.broken(stage, monkeypatch, "all")

        assert stage.levels() == {**self.SHOWN, "24X101-37": 7}
        assert set(details(report, "updated")) == {"24X101-37"}
        assert report["report"]["details"]["rollbacks"] == 0
        assert report["report"]["details"]["rollback_failures"] == 1
        changes = ledger.changes_of(report["sync_id"])
        assert {each.sku for each in changes if each.taken_back} == {"24X101-38"}


class TestReleasedPlans:
    def test_who_released_it_and_what_came_of_it_is_stored(self, stage: Stage, ledger: Ledger) -> None:
        stage.put(shoes(101))
        plan = stage.run(dry_run=True)["plan_id"]

        stage.release(plan)

        stored = ledger.plan(plan)
        assert stored.released_by == "ann"
        assert stored.release_result
        assert stored.release_result["balance"]["done"] == 2  # type: ignore[index,call-overload]

    def test_an_expired_plan_is_refused(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLAN_EXPIRES_HOURS", "1")
        stage.put(shoes(101))
        report = stage.run(dry_run=True)
        expires = datetime.fromisoformat(report["plan_expires_at"])
        monkeypatch.setenv("EVENSTOCK_NOW", (expires + timedelta(seconds=1)).isoformat())

        with pytest.raises(ConfigurationError, match="expired"):
            stage.release(report["plan_id"])

        assert stage.writes() == []

    def test_a_plan_is_of_one_store_and_one_location(
        self, stage: Stage, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stage.put(shoes(101))
        plan = stage.run(dry_run=True)["plan_id"]
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("SHOPIFY_STORE_DOMAIN", "other.myshopify.com")
            with pytest.raises(ConfigurationError, match=f"is of {OWN}, and .* names other"):
                stage.release(plan)
        ledger.confirm_location("shopify", OWN, 7, datetime.now(UTC))
        with pytest.raises(ConfigurationError, match=f"is for location {LOCATION}, and .* at 7 now"):
            stage.release(plan)

        assert stage.writes() == []
        assert ledger.plan(plan).state == "dry_run"

    def test_a_release_that_came_to_nothing_can_be_repeated(
        self, stage: Stage, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stage.put(shoes(101))
        plan = stage.run(dry_run=True)["plan_id"]
        stage.faults(system="rms", kind="down")
        assert stage.release(plan)["success"] is False
        stage.sandbox.faults([])
        with monkeypatch.context() as stopped:
            stopped.setenv("EVENSTOCK_WRITES", "off")
            assert set(details(stage.release(plan), "refused").values()) == {"writes_off"}

        assert [each.id for each in ledger.plans()] == [plan]
        report = stage.release(plan)

        assert report["balance"]["done"] == 2
        assert ledger.plans() == []

    def test_lines_that_a_newer_run_planned_are_not_released(self, stage: Stage) -> None:
        stage.put(shoes(101, 102))
        plan = stage.run(dry_run=True)["plan_id"]
        stage.run(products=[101])

        report = stage.release(plan)

        assert report["balance"]["checked"] == 2
        assert set(details(report, "updated")) == {"24X102-37", "24X102-38"}
        assert set(written(stage).values()) == {1}

    def test_a_plan_that_is_wholly_superseded_is_refused(self, stage: Stage) -> None:
        stage.put(shoes(101))
        plan = stage.run(dry_run=True)["plan_id"]
        stage.run()
        before = stage.writes()

        with pytest.raises(ConfigurationError, match="superseded"):
            stage.release(plan)

        assert stage.writes() == before

    def test_deletions_pass_every_check_afresh(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5, "38": 2, "39": 2}, {"37": 5, "38": 0, "39": 0}))
        plan = stage.run(dry_run=True)["plan_id"]
        stage.event(kind="incoming", variant_id=10102, location_id=LOCATION, quantity=4)

        report = stage.release(plan)

        assert stage.levels() == {"24X101-37": 5, "24X101-38": 0}
        assert set(details(report, "deleted")) == {"24X101-39"}
        assert details(report, "deletion_validation_failures") == {"24X101-38": "incoming_inventory"}

    def test_siblings_that_the_plan_does_not_name_are_not_archived_with_it(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REVERSE_SYNC_PRESERVE_SINGLE_VARIANT", "false")
        stage.put(one_shoe({"37": 5, "38": 2}, {"37": 5, "38": 0}))
        plan = stage.run(dry_run=True)["plan_id"]

        stage.release(plan)

        (shown,) = stage.world()["shopify"][OWN]["products"]
        assert shown["status"] == "ACTIVE"
        assert stage.levels() == {"24X101-37": 5}

    def test_a_product_that_differs_in_more_is_written_and_not_marked(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5, "38": 2}, {"37": 3, "38": 2}))
        plan = stage.run(dry_run=True)["plan_id"]
        stage.event(system="rms", kind="edit", ccod="24X101", sku="24X101-38", quantity=1)

        report = stage.release(plan)

        assert_even(report)
        assert stage.levels() == {"24X101-37": 3, "24X101-38": 2}
        assert marked(stage) == set()


class TestStandstill:
    def test_the_same_error_three_times_parks_until_the_inputs_change(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5, "38": 2}, {"37": 3, "38": 2}))
        stage.faults(operation="inventorySetQuantities", kind="timeout_before", times=-1)
        for _ in range(3):
            assert details(stage.run(), "errors") == {"24X101-37": "no_answer"}
        stage.sandbox.faults([])

        report = stage.run()

        assert details(report, "parked") == {"24X101-37": "same_error"}
        assert report["success"] is False
        assert stage.levels()["24X101-37"] == 5
        assert marked(stage) == set()

        stage.event(system="rms", kind="edit", ccod="24X101", sku="24X101-37", quantity=4)
        report = stage.run()

        assert report["success"] is True
        assert stage.levels()["24X101-37"] == 4
        assert marked(stage) == {101}

    def test_a_store_that_takes_no_writes_parks_nothing(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5, "38": 2}, {"37": 3, "38": 2}))
        stage.faults(operation="inventorySetQuantities", kind="http", status=402, times=-1)
        for _ in range(4):
            assert details(stage.run(), "errors") == {"24X101-37": "unauthorised"}
        stage.sandbox.faults([])

        report = stage.run()

        assert report["success"] is True
        assert stage.levels()["24X101-37"] == 3
        assert marked(stage) == {101}

    def test_a_sku_of_another_rms_item_is_refused(self, stage: Stage) -> None:
        shown = product(101, "24X101", variant(10101, "24X101-37", 5))
        stage.put(world([shown], [row("24X101", "24X101-37", 3) | {"item_id": 7}]))
        stage.run()
        stage.put(world([shown], [row("24X101", "24X101-37", 4) | {"item_id": 8}]))

        report = stage.run()

        assert details(report, "refused") == {"24X101-37": "rebound"}
        assert stage.levels() == {"24X101-37": 5}

    def test_deletions_are_capped_over_a_day(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MAX_DELETIONS", "2")
        stocked = {"37": 5, "38": 0, "39": 0, "40": 0}
        stage.put(one_shoe({"37": 5, "38": 2, "39": 2, "40": 2}, stocked))

        first = stage.run()
        second = stage.run(products=[101])

        assert len(listed(first, "deleted")) == 2
        assert list(details(first, "deletion_validation_failures").values()) == ["max_deletions"]
        assert not listed(second, "deleted")
        assert list(details(second, "deletion_validation_failures").values()) == ["max_deletions"]
        assert sorted(stage.levels().values()) == [0, 5]
