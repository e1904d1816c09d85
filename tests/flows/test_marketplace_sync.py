"""Changes of own items and the net under them, as Prefect runs them: judged by what the stores hold then."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_LOCAL_STORAGE_PATH

from connectors.errors import ConfigurationError
from connectors.settings import child_environment
from flows.cli.children import Child, family
from flows.marketplace_sync import apply_change, change_inventory_item, marketplace_sync
from tasks.item_changes import ItemRequest
from tests.fair import BRICK, BRICKLINK, BRICKOWL, Served

pytest_plugins = ["tests.fairs"]
pytestmark = pytest.mark.orchestrated

NEW: dict[str, Any] = {**BRICK, "quantityAvailable": 10}


def standing(document: Any) -> dict[str, object]:  # noqa: ANN401 - a flow's answer
    return {name: each["status"] for name, each in document["marketplaces"].items()}


def until(is_so: Callable[[], bool], worker: Child) -> None:
    """Wait for something that a worker does; what it said, if it does not."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline, worker.said()
        time.sleep(0.05)


def test_a_change_answers_at_once_and_the_net_brings_it_there(served: Served) -> None:
    document: Any = change_inventory_item("create", data=NEW)
    item = document["item_id"]
    assert standing(document) == {BRICKLINK: "syncing", BRICKOWL: "syncing"}
    assert served.lots(BRICKLINK) == []
    report: Any = marketplace_sync()
    served.assert_level(item)
    assert report["success"]
    assert {(row["item_id"], row["marketplace"], row["outcome"]) for row in report["items"]} == {
        (item, BRICKLINK, "done"),
        (item, BRICKOWL, "done"),
    }
    (run,) = served.ledger.history("marketplace-sync")
    assert (run.id, run.state, run.report) == (report["sync_id"], "completed", report)
    change_inventory_item("update", item, {"quantityAvailable": 0}, reason="counted")
    again: Any = marketplace_sync(item_ids=[item], account="default")
    assert again["balance"]["done"] == 2
    change_inventory_item("update", item, {"quantityAvailable": 3})
    assert marketplace_sync(item_ids=[])["balance"]["done"] == 2  # type: ignore[index,call-overload]
    change_inventory_item("update", item, {"quantityAvailable": 0})
    assert marketplace_sync()["balance"]["done"] == 2  # type: ignore[index,call-overload]
    served.assert_level(item)
    night: Any = marketplace_sync(compare=True)
    assert (night["balance"]["checked"], night["drift"]) == (0, [])


def test_a_dry_run_changes_nothing_anywhere(served: Served) -> None:
    shown: Any = change_inventory_item("create", data=NEW, dry_run=True)
    assert shown["item_id"] is None
    item = served.create(10)
    report: Any = marketplace_sync(dry_run=True)
    assert report["balance"]["not_sent"] == 2
    assert {row["reason"] for row in report["items"]} == {"make a lot of 10"}
    assert served.calls(BRICKLINK) == served.calls(BRICKOWL) == []
    assert served.view(item).listing.synced_revision == 0


def test_what_may_not_be_asked_is_refused(served: Served) -> None:
    item = served.create(10)
    with pytest.raises(ConfigurationError, match="owner"):
        change_inventory_item("update", item, {"quantityAvailable": 1}, role="member")
    with pytest.raises(ConfigurationError, match="not found"):
        change_inventory_item("update", item, {"quantityAvailable": 1}, account="other")
    with pytest.raises(ConfigurationError, match="there is no account other; accounts: default"):
        marketplace_sync(account="other")
    with pytest.raises(ConfigurationError, match="item_ids: not found: nobody"):
        marketplace_sync(item_ids=[item, "nobody"])
    assert served.item(item).quantity_available == 10


def test_a_worker_pushes_within_moments_and_gets_nothing_but_the_id(served: Served) -> None:
    storage = Path(str(PREFECT_LOCAL_STORAGE_PATH.value()))
    before = set(storage.rglob("*"))
    with family() as children:
        environment = child_environment({"PREFECT_API_URL": str(PREFECT_API_URL.value())})
        worker = children.start("the worker", ["flows", "worker"], environment)
        document = apply_change(ItemRequest("create", data=NEW))
        item = str(document["item_id"])
        until(lambda: {view.listing.status for view in served.ledger.views("default")} == {"synced"}, worker)
    served.assert_level(item)
    stored = [path.read_text("utf-8") for path in set(storage.rglob("*")) - before if path.is_file()]
    (asked,) = (each for each in stored if "correlation_id" in each)
    assert item in asked
    assert "settings" not in asked
    assert "auth_string" not in asked
