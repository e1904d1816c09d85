"""The inventory refresh: what other programs find in the ledger afterwards, whatever happened on the way."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.ledger import Ledger, RefreshLog, RunState, SyncStatus, SyncType
from connectors.settings import load_settings
from flows.inventory_refresh import (
    inventory_sync_status,
    manual_inventory_refresh,
    refresh,
    scheduled_inventory_refresh,
    webhook_inventory_refresh,
)
from tasks.desk import ledger_of
from tasks.lease import held
from tasks.refresh import resource
from tests.flows.deployed import until
from tests.flows.stage import NOW, Stage
from tests.worlds import OWN, World, product, variant, world

pytestmark = pytest.mark.orchestrated

TWO = [{"id": 1, "name": "Main"}, {"id": 2, "name": "Outlet"}]
Env = Callable[[str, str], None]


def goods(number: int, *available: int | None, **more: Any) -> World:  # noqa: ANN401
    """A product with one variant for each number at the first location, and ten more units at the second."""
    variants = [
        variant(number * 100 + place, f"S{number}-{place}", units)
        for place, units in enumerate(available, start=1)
    ]
    for each in variants:
        each["levels"] |= {"2": {"available": 10}}
    return product(number, None, *variants, **more)


def item(number: int, place: int) -> int:
    return number * 100 + place + 50_000


@pytest.fixture
def env(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Env:
    """Settings for a steady refresh: one batch after the other, so that faults meet the one they are for."""
    stage.put(world([goods(1, 5, 0), goods(2, 3), goods(3, 7, 8, 9)], [], locations=TWO))
    monkeypatch.setenv("INVENTORY_REFRESH_SPACING_SECONDS", "0.001")
    monkeypatch.setenv("INVENTORY_REFRESH_COOLDOWN_MINUTES", "0")
    monkeypatch.setenv("INVENTORY_REFRESH_BATCH_SIZE", "2")
    return monkeypatch.setenv


@pytest.fixture
def ledger(env: Env) -> Ledger:  # noqa: ARG001 - it names the ledger
    return ledger_of(load_settings())


def refreshed(ids: object, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401
    return dict(manual_inventory_refresh(ids, **parameters))


def levels(ledger: Ledger, *items: int) -> dict[tuple[int, int], int | None]:
    """What is stored of levels that are there."""
    found = ledger.vendor_levels(OWN, items)
    return {(each.inventory_item_id, each.location_id): each.available for each in found if not each.gone_at}


def log_of(ledger: Ledger, answer: dict[str, Any]) -> RefreshLog:
    log = ledger.refresh_log(OWN, answer["data"]["syncLogId"])
    assert log is not None
    return log


class TestARefresh:
    def test_stores_every_level_and_answers_key_for_key(self, ledger: Ledger) -> None:
        answer = refreshed([1, 3])

        data = answer["data"]
        assert list(data) == [
            "syncLogId",
            "totalProducts",
            "successfulProducts",
            "failedProducts",
            "totalVariantsProcessed",
            "inventoryUpdates",
            "processingTime",
            "errors",
        ]
        assert (data["totalProducts"], data["successfulProducts"], data["failedProducts"]) == (2, 2, 0)
        assert (data["totalVariantsProcessed"], data["inventoryUpdates"], data["errors"]) == (5, 5, [])
        assert answer["success"]
        assert levels(ledger, item(1, 1), item(1, 2), item(2, 1), item(3, 3)) == {
            (item(1, 1), 1): 5,
            (item(1, 1), 2): 10,
            (item(1, 2), 1): 0,
            (item(1, 2), 2): 10,
            (item(3, 3), 1): 9,
            (item(3, 3), 2): 10,
        }

    def test_keeps_a_log_with_figures_of_each_batch(self, ledger: Ledger) -> None:
        log = log_of(ledger, refreshed([1, 3], triggered_by="ann"))

        assert (log.sync_type, log.status, log.triggered_by) == (SyncType.MANUAL, SyncStatus.COMPLETED, "ann")
        assert (log.products_synced, log.products_total, log.errors_count) == (2, 2, 0)
        assert (log.batches_total, log.batches_done) == (3, 3)
        assert log.completed_at is not None
        assert log.error_details is not None
        assert [each["batch"] for each in log.error_details["batches"]] == [1, 2, 3]  # type: ignore[index, call-overload, union-attr]
        assert {each.sync_batch_id for each in ledger.vendor_levels(OWN, [item(1, 1)])} == {log.id}

    def test_is_a_run_of_its_own_in_the_history(self, ledger: Ledger) -> None:
        refreshed([1])

        last = ledger.last_run("inventory-refresh")
        assert last is not None
        assert last.state is RunState.COMPLETED
        assert ledger.last_run("reverse-stock-sync") is None

    def test_changes_nothing_in_the_store(self, stage: Stage, env: Env) -> None:  # noqa: ARG002
        refreshed([1, 2, 3])

        assert stage.writes() == []

    def test_moves_the_last_change_only_with_the_number(self, stage: Stage, ledger: Ledger) -> None:
        refreshed([1])
        before = {each.location_id: each for each in ledger.vendor_levels(OWN, [item(1, 1)])}
        stage.advance(3600)
        stage.event(kind="edit", variant_id=101, location_id=1, quantity=4)
        answer = refreshed([1])
        after = {each.location_id: each for each in ledger.vendor_levels(OWN, [item(1, 1)])}

        assert (after[1].available, after[2].available) == (4, 10)
        assert after[2].last_change_at == before[2].last_change_at
        assert after[1].last_change_at == after[1].updated_at
        assert before[1].last_change_at is not None
        assert after[1].last_change_at > before[1].last_change_at  # type: ignore[operator]
        assert after[2].updated_at > before[2].updated_at
        assert (answer["balance"]["done"], answer["balance"]["unchanged"]) == (1, 1)

    def test_asks_for_as_many_items_as_the_setting_says(self, stage: Stage, env: Env) -> None:
        env("INVENTORY_REFRESH_BATCH_SIZE", "250")
        env("INVENTORY_REFRESH_SPACING_SECONDS", "0")
        refreshed([1, 2, 3])

        assert [each["operation"] for each in stage.calls()] == ["nodes", "nodes"]

    def test_reads_items_with_many_locations_and_products_with_many_variants(
        self, stage: Stage, env: Env, ledger: Ledger
    ) -> None:
        places = [{"id": place, "name": f"P{place}"} for place in range(1, 24)]
        everywhere = {str(place["id"]): {"available": 2} for place in places}
        wide = product(7, None, variant(701, "A", None, levels=everywhere))
        deep = product(8, None, *[variant(8000 + each, f"B{each}", 1) for each in range(120)])
        stage.put(world([wide, deep], [], locations=places))
        env("INVENTORY_REFRESH_BATCH_SIZE", "250")
        answer = refreshed([7, 8])

        assert answer["data"]["inventoryUpdates"] == 121
        assert len(levels(ledger, 50_701)) == 23

    def test_takes_an_id_once_and_one_written_as_text(self, env: Env) -> None:  # noqa: ARG002
        assert refreshed([1, 1, "1"])["data"]["totalProducts"] == 1


class TestGone:
    def test_levels_that_are_no_more_are_marked(self, stage: Stage, ledger: Ledger) -> None:
        refreshed([1])
        stage.event(kind="deactivate", variant_id=101, location_id=1)
        stage.advance(60)
        answer = refreshed([1])

        (gone,) = [each for each in ledger.vendor_levels(OWN, [item(1, 1)]) if each.location_id == 1]
        assert gone.available is None
        assert gone.gone_at is not None
        assert levels(ledger, item(1, 1)) == {(item(1, 1), 2): 10}
        assert answer["success"]

    def test_a_deleted_variant_is_marked_with_its_levels(self, stage: Stage, ledger: Ledger) -> None:
        refreshed([3])
        stage.event(kind="delete_variant", variant_id=302)
        stage.advance(60)
        answer = refreshed([3])

        assert answer["success"]
        assert levels(ledger, item(3, 2)) == {}
        gone = [each.shopify_variant_id for each in ledger.vendor_variants(OWN, [3]) if each.gone_at]
        assert gone == [302]
        assert answer["details"]["gone_variants"] == 1

    def test_a_product_that_the_store_does_not_know_has_failed(self, stage: Stage, ledger: Ledger) -> None:
        refreshed([2])
        stage.event(kind="delete_product", product_id=2)
        stage.advance(60)
        answer = refreshed([1, 2, 999])

        assert (answer["data"]["successfulProducts"], answer["data"]["failedProducts"]) == (1, 2)
        assert [each["error"] for each in answer["data"]["errors"]] == [
            "product 2: not in the store",
            "product 999: not in the store",
        ]
        assert not answer["success"]
        assert levels(ledger, item(2, 1)) == {}

    def test_what_comes_back_is_there_again(self, stage: Stage, ledger: Ledger) -> None:
        refreshed([1])
        before = stage.world()
        stage.event(kind="delete_variant", variant_id=101)
        stage.advance(60)
        refreshed([1])
        stage.put(before)
        stage.advance(120)
        refreshed([1])

        assert levels(ledger, item(1, 1)) == {(item(1, 1), 1): 5, (item(1, 1), 2): 10}
        assert not any(each.gone_at for each in ledger.vendor_variants(OWN, [1]))


class TestFailures:
    def test_a_failed_batch_stops_only_itself_and_is_retried_alone(
        self, stage: Stage, ledger: Ledger
    ) -> None:
        stage.faults(operation="nodes", nth=3, times=5, kind="throttled")
        first = refreshed([1, 2, 3])

        assert (first["data"]["totalVariantsProcessed"], first["data"]["inventoryUpdates"]) == (6, 4)
        (error,) = first["data"]["errors"]
        assert (error["batch"], error["inventoryItems"]) == (2, [item(2, 1), item(3, 1)])
        assert "bucket" in error["error"]
        assert (first["data"]["successfulProducts"], first["data"]["failedProducts"]) == (1, 2)
        log = log_of(ledger, first)
        assert (log.status, log.errors_count, log.products_synced) == (SyncStatus.COMPLETED, 1, 1)
        assert log.error_details["batches"][1]["retries"] == 4  # type: ignore[index, call-overload]
        stage.faults(operation="none", kind="slow")
        stage.forget_calls()
        second = refreshed(None, retry_of=log.id)

        assert (second["data"]["totalVariantsProcessed"], second["data"]["inventoryUpdates"]) == (2, 2)
        assert (second["data"]["totalProducts"], second["data"]["failedProducts"]) == (2, 0)
        assert len(stage.calls()) == 1
        assert log_of(ledger, second).retry_of == log.id
        assert levels(ledger, item(2, 1))[item(2, 1), 1] == 3

    @pytest.mark.parametrize("kind", ["lost_answer", "timeout_before", "http", "throttled", "malformed"])
    def test_a_passing_fault_is_seen_by_nobody(self, kind: str, stage: Stage, ledger: Ledger) -> None:
        stage.faults(operation="nodes", nth=2, times=2, kind=kind, status=503)
        answer = refreshed([1, 2, 3])

        assert answer["success"] or kind == "malformed"
        if answer["success"]:
            assert len(levels(ledger, *(item(3, place) for place in (1, 2, 3)))) == 6

    @pytest.mark.parametrize("kind", ["empty", "partial"])
    def test_an_answer_cut_short_proves_nothing(self, kind: str, stage: Stage, ledger: Ledger) -> None:
        refreshed([1, 2, 3])
        before = levels(ledger, *(item(3, place) for place in (1, 2, 3)))
        stage.advance(60)
        stage.sandbox.faults(
            [{"system": "shopify", "operation": "nodes", "nth": nth, "kind": kind} for nth in (1, 4, 7)]
        )
        answer = refreshed([1, 2, 3])

        assert answer["success"]
        assert levels(ledger, *(item(3, place) for place in (1, 2, 3))) == before
        assert not any(each.gone_at for each in ledger.vendor_variants(OWN, [1, 2, 3]))

    def test_products_that_cannot_be_read_at_all(self, stage: Stage, ledger: Ledger) -> None:
        stage.faults(operation="nodes", times=-1, kind="http", status=503)
        answer = refreshed([1, 2])

        assert answer["error"]["code"] == "INVENTORY_REFRESH_FAILED"
        (log,) = ledger.refresh_history(OWN)
        assert (log.status, log.completed_at is not None) == (SyncStatus.FAILED, True)
        assert ledger.last_run("inventory-refresh").state is RunState.FAILED  # type: ignore[union-attr]

    def test_a_store_that_is_throttled_for_good(self, stage: Stage, env: Env) -> None:  # noqa: ARG002
        stage.faults(operation="nodes", times=-1, kind="throttled")

        assert refreshed([1])["error"]["code"] == "SHOPIFY_RATE_LIMITED"

    def test_a_token_that_is_refused(self, env: Env, ledger: Ledger) -> None:
        env("SHOPIFY_ADMIN_TOKEN", "hush-hush")
        answer = refreshed([1])

        assert answer["error"]["code"] == "INVENTORY_REFRESH_FAILED"
        assert "hush-hush" not in str(answer)
        assert ledger.refresh_history(OWN)[0].status is SyncStatus.FAILED

    def test_a_retry_of_nothing(self, env: Env) -> None:  # noqa: ARG002
        done = refreshed([1])["data"]["syncLogId"]

        assert "nothing to retry" in refreshed(None, retry_of=done)["error"]["message"]
        assert "no refresh with" in refreshed(None, retry_of="other")["error"]["message"]


class TestRefusals:
    @pytest.mark.parametrize(
        "ids", [None, [], [0], [-1], ["abc"], [1.5], [True], "12", 7, [None], [2**63], [[1]], {"a": 1}]
    )
    def test_product_ids_that_are_none(self, ids: object, stage: Stage, env: Env, ledger: Ledger) -> None:  # noqa: ARG002
        answer = refreshed(ids)

        assert answer["error"]["code"] == "INVALID_PRODUCT_IDS"
        assert "data" not in answer
        assert stage.calls() == []
        assert ledger.refresh_history(OWN) == []

    @pytest.mark.parametrize("missing", ["SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN"])
    def test_missing_credentials(self, missing: str, env: Env) -> None:
        env(missing, "")
        answer = refreshed([1])

        assert answer["error"]["code"] == "MISSING_CREDENTIALS"
        assert missing in answer["error"]["message"]

    def test_the_cooldown_has_an_end(self, env: Env) -> None:
        env("INVENTORY_REFRESH_COOLDOWN_MINUTES", "5")
        env("EVENSTOCK_NOW", NOW.isoformat())
        assert refreshed([1])["success"]
        refused = refreshed([2])
        end = "2026-11-21T10:05:00+00:00"

        assert refused["error"]["code"] == "REFRESH_COOLDOWN"
        assert end in refused["error"]["message"]
        scheduling = inventory_sync_status()["data"]["scheduling"]  # type: ignore[index, call-overload]
        assert scheduling["canManualRefresh"] is False  # type: ignore[index, call-overload]
        assert scheduling["manualRefreshCooldown"] == end  # type: ignore[index, call-overload]
        assert scheduled_inventory_refresh()["success"]
        assert webhook_inventory_refresh([1])["success"]
        env("EVENSTOCK_NOW", "2026-11-21T10:05:00Z")
        assert refreshed([2])["success"]

    def test_neither_a_dry_run_nor_a_failed_one_starts_the_cooldown(self, stage: Stage, env: Env) -> None:
        env("INVENTORY_REFRESH_COOLDOWN_MINUTES", "5")
        assert refreshed([1], dry_run=True)["success"]
        assert not refreshed([999])["success"]
        stage.faults(operation="nodes", times=5, kind="http", status=503)
        assert "error" in refreshed([1])
        assert refreshed([1])["success"]
        assert refreshed([1])["error"]["code"] == "REFRESH_COOLDOWN"
        assert refreshed([1], dry_run=True)["success"]

    def test_a_retry_does_not_wait_for_the_cooldown(self, stage: Stage, env: Env) -> None:
        env("INVENTORY_REFRESH_COOLDOWN_MINUTES", "5")
        stage.faults(operation="nodes", nth=2, times=5, kind="http", status=503)
        first = refreshed([1, 2])
        assert first["data"]["failedProducts"] == 1

        assert refreshed(None, retry_of=first["data"]["syncLogId"])["success"]

    def test_two_at_once(self, stage: Stage, env: Env) -> None:  # noqa: ARG002
        stage.faults(operation="nodes", nth=1, kind="slow", seconds=2.0)
        gate = threading.Barrier(2)

        def go() -> dict[str, Any]:
            gate.wait()
            return refreshed([1, 2, 3])

        with ThreadPoolExecutor(2) as pool:
            # A copy of the context, as Prefect keeps in it which server to talk to.
            going = [pool.submit(copy_context().run, go) for _ in range(2)]
            answers = [each.result() for each in going]
        (refused,) = [each for each in answers if "error" in each]
        (done,) = [each for each in answers if "data" in each]

        assert refused["error"]["code"] == "REFRESH_RUNNING"
        assert datetime.now(UTC).isoformat()[:10] in refused["error"]["message"]
        assert done["success"]


class TestADeadRefresh:
    def test_keeps_others_out_only_while_its_lease_lives(self, env: Env, ledger: Ledger) -> None:  # noqa: ARG002
        now = datetime.now(UTC)
        log = RefreshLog("dead", OWN, SyncType.MANUAL, "ann", now, "dead", batches_total=4, batches_done=1)
        ledger.start_refresh(log)
        with held(ledger, [resource(OWN, SyncType.MANUAL)], "somebody", 30):
            assert refreshed([1])["error"]["code"] == "REFRESH_RUNNING"
            status: Any = inventory_sync_status()["data"]
            assert status["running"][0]["progress"]["percent"] == 25.0
            assert status["scheduling"] | {"manualRefreshCooldown": None} == {
                "canManualRefresh": False,
                "manualRefreshCooldown": None,
                "isRunning": True,
            }
        status = inventory_sync_status()["data"]
        assert status["running"] == []
        assert status["history"][0]["status"] == "failed"
        assert refreshed([1])["success"]
        closed = ledger.refresh_log(OWN, "dead")
        assert closed is not None
        assert closed.status is SyncStatus.FAILED
        assert closed.completed_at is not None

    def test_does_not_overwrite_how_it_was_closed(self, env: Env, ledger: Ledger) -> None:  # noqa: ARG002
        log = RefreshLog("dead", OWN, SyncType.MANUAL, "ann", datetime.now(UTC), "dead")
        ledger.start_refresh(log)
        refreshed([1])
        ending: Any = {
            "status": SyncStatus.COMPLETED,
            "products_synced": 1,
            "errors_count": 0,
            "error_details": {},
            "result": {},
        }

        assert not ledger.finish_refresh("dead", datetime.now(UTC), ending)

    def test_is_taken_over_after_a_kill_and_retried(
        self, stage: Stage, env: Env, ledger: Ledger, prefect_server: str
    ) -> None:
        env("REVERSE_SYNC_LOCK_SECONDS", "2")
        stage.faults(operation="nodes", nth=3, kind="slow", seconds=60)
        code = "from flows.inventory_refresh import manual_inventory_refresh as go; go([1, 2, 3])"
        project = str(Path(__file__).parents[2])
        environment = os.environ | {"PREFECT_API_URL": prefect_server, "PYTHONPATH": project}
        with subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=project) as process:  # noqa: S603
            until(
                lambda: any(each.batches_done for each in ledger.running_refreshes(OWN)), "no batch was done"
            )
            process.kill()
        stage.faults(operation="none", kind="slow")
        (dead,) = ledger.running_refreshes(OWN)
        mine = resource(OWN, SyncType.MANUAL)
        until(lambda: ledger.held_until(mine, datetime.now(UTC)) is None, "the lease did not end")
        answer = refreshed(None, retry_of=dead.id)

        assert answer["success"]
        assert refreshed([1])["success"]
        closed = ledger.refresh_log(OWN, dead.id)
        assert closed is not None
        assert closed.status is SyncStatus.FAILED
        assert ledger.run(closed.run_id or "").state is RunState.KILLED  # type: ignore[union-attr]
        assert answer["data"]["totalProducts"] == 3
        assert len(levels(ledger, *(item(3, place) for place in (1, 2, 3)))) == 6


class TestADryRun:
    def test_tells_what_would_change_and_stores_nothing(self, stage: Stage, ledger: Ledger) -> None:
        refreshed([1])
        stage.event(kind="edit", variant_id=101, location_id=1, quantity=4)
        stage.event(kind="delete_variant", variant_id=102)
        stage.advance(60)
        before = ledger.vendor_levels(OWN, [item(1, 1), item(1, 2)])
        answer = refreshed([1], dry_run=True)

        assert answer["details"]["planned"] == [
            {
                "product_id": 1,
                "inventory_item_id": item(1, 1),
                "location_id": 1,
                "from": 5,
                "to": 4,
                "reason": "changed",
            }
        ]
        assert answer["details"]["gone_variants"] == 1
        assert answer["balance"]["not_sent"] == 1
        assert answer["data"]["inventoryUpdates"] == 0
        assert ledger.vendor_levels(OWN, [item(1, 1), item(1, 2)]) == before
        assert len(ledger.refresh_history(OWN)) == 1

    def test_goes_on_beside_a_refresh(self, env: Env, ledger: Ledger) -> None:  # noqa: ARG002
        with held(ledger, [resource(OWN, SyncType.MANUAL)], "somebody", 30):
            assert refreshed([1], dry_run=True)["success"]


class TestTheOtherTypes:
    def test_a_scheduled_one_takes_all_products(self, stage: Stage, ledger: Ledger) -> None:
        assert scheduled_inventory_refresh()["data"]["totalProducts"] == 3  # type: ignore[index, call-overload]
        stage.event(kind="delete_product", product_id=2)
        stage.advance(60)
        answer: Any = scheduled_inventory_refresh()

        assert answer["success"]
        assert answer["data"]["totalProducts"] == 2
        assert levels(ledger, item(2, 1)) == {}
        assert {each.sync_type for each in ledger.refresh_history(OWN)} == {SyncType.SCHEDULED}

    def test_web_hooks_are_served_beside_a_long_one(self, env: Env, ledger: Ledger) -> None:  # noqa: ARG002
        with held(ledger, [resource(OWN, SyncType.MANUAL)], "somebody", 30):
            answer: Any = refresh([1], SyncType.WEBHOOK, "products/update")

        assert answer["success"]
        log = log_of(ledger, answer)
        assert (log.sync_type, log.triggered_by) == (SyncType.WEBHOOK, "products/update")

    @pytest.mark.parametrize("sync_type", SyncType)
    def test_the_errand_serves_each(self, sync_type: SyncType, env: Env, ledger: Ledger) -> None:  # noqa: ARG002
        answer: Any = refresh([1], sync_type, "somebody")

        assert log_of(ledger, answer).sync_type is sync_type


class TestStatus:
    def test_before_anything(self, env: Env) -> None:  # noqa: ARG002
        data: Any = inventory_sync_status()["data"]

        assert data["scheduling"]["canManualRefresh"] is True
        assert data["scheduling"]["manualRefreshCooldown"] is None
        assert (data["running"], data["history"]) == ([], [])
        assert data["performance"]["successRate"] is None
        assert data["rateLimit"]["available"] > 0

    def test_after_some(self, stage: Stage, env: Env) -> None:
        env("INVENTORY_LOW_STOCK", "13")
        refreshed([1, 2, 3])
        stage.faults(operation="nodes", nth=2, times=5, kind="http", status=503)
        env("EVENSTOCK_NOW", (NOW + timedelta(minutes=10)).isoformat())
        refreshed([1, 2, 3])
        data: Any = inventory_sync_status()["data"]

        assert [each["errorsCount"] for each in data["history"]] == [1, 0]
        assert data["performance"]["successRate"] == 50.0
        assert data["errorTrend"]["byDay"][0]["errors"] == 1
        # Ten units at the second location count, too.
        assert data["stockHealth"] == {
            "inStock": 4,
            "lowStock": 2,
            "outOfStock": 0,
            "unknown": 0,
            "lowStockThreshold": 13,
        }

    def test_of_a_store_that_does_not_answer(self, stage: Stage, env: Env) -> None:  # noqa: ARG002
        stage.faults(operation="*", times=-1, kind="http", status=503)
        data: Any = inventory_sync_status()["data"]

        assert data["rateLimit"]["available"] is None
        assert data["rateLimit"]["error"]
        assert data["scheduling"]["canManualRefresh"] is True

    def test_of_a_store_that_serves_another_version(self, env: Env) -> None:
        env("SHOPIFY_API_VERSION", "2025-01")
        data: Any = inventory_sync_status()["data"]

        assert "serves API version" in data["rateLimit"]["error"]
        assert data["scheduling"]["canManualRefresh"] is True

    def test_progress_is_in_the_log_while_it_runs(self, stage: Stage, ledger: Ledger) -> None:
        stage.faults(operation="nodes", nth=3, kind="slow", seconds=3.0)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(copy_context().run, refreshed, [1, 2, 3])
            seen: set[tuple[int, int]] = set()
            until = datetime.now(UTC) + timedelta(seconds=20)
            while not answer.done() and datetime.now(UTC) < until:
                seen |= {(each.batches_done, each.batches_total) for each in ledger.running_refreshes(OWN)}
            assert answer.result()["success"]

        assert (1, 3) in seen
