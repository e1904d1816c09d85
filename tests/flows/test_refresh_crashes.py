"""An inventory refresh is killed: the next one closes its books, and the ledger is what the store says."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.ledger import Ledger, RunState, SyncStatus, open_ledger
from flows.inventory_refresh import manual_inventory_refresh
from tests.flows.mortal import REFRESH, KillPoint, Moment
from tests.flows.stage import Stage
from tests.flows.test_crashes import an_hour_later
from tests.flows.workers import Nursery, nursery
from tests.worlds import OWN, product, variant, world

pytest_plugins = ["tests.databases"]
pytestmark = pytest.mark.orchestrated

LEVELS = "insert vendor_inventory_levels and update vendor_inventory_levels"
POINTS = (
    KillPoint(Moment.AFTER, "insert runs"),
    KillPoint(Moment.AFTER, "insert inventory_sync_log"),
    KillPoint(Moment.AFTER, "insert vendor_variants"),
    KillPoint(Moment.BEFORE, LEVELS, 2),
    KillPoint(Moment.AFTER, LEVELS, 2),
    KillPoint(Moment.AFTER, "update inventory_sync_log", 5),
)
LEFT = {POINTS[0]: [], POINTS[-1]: [SyncStatus.COMPLETED]}
"""How the log of a killed refresh ends, if not as failed: before it was begun, and after it was closed."""

TRUTH = {50_101: 5, 50_102: 0, 50_201: 3, 50_202: 7}
IDS = [1, 2]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every second point, all of them with `--all-kills`."""
    if "point" in metafunc.fixturenames:
        few = slice(None) if metafunc.config.getoption("all_kills") else slice(None, None, 2)
        metafunc.parametrize("point", POINTS[few], ids=str)


@pytest.fixture(scope="session")
def cradle(prefect_server: str) -> Iterator[Nursery]:
    """Where workers come from."""
    with nursery(os.environ | {"PREFECT_API_URL": prefect_server}) as opened:
        yield opened


@pytest.fixture
def ledger(stage: Stage, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """Of a store with two products, that are read in two batches, one after the other."""
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", database_url)
    monkeypatch.setenv("INVENTORY_REFRESH_BATCH_SIZE", "2")
    monkeypatch.setenv("INVENTORY_REFRESH_SPACING_SECONDS", "0.001")
    goods = [
        product(1, None, variant(101, "A", 5), variant(102, "B", 0)),
        product(2, None, variant(201, "C", 3), variant(202, "D", 7)),
    ]
    stage.put(world(goods, []))
    with closing(open_ledger(database_url)) as opened:
        yield opened


def test_the_next_refresh_closes_the_books_of_a_killed_one(
    stage: Stage, ledger: Ledger, cradle: Nursery, tmp_path: Path, point: KillPoint
) -> None:
    worker = cradle.worker(tmp_path / "worker", point, flow=REFRESH, product_ids=IDS)
    assert worker.ended() == -signal.SIGKILL, worker.log
    # What a killed refresh has stored is what the store said.
    assert levels(ledger).items() <= TRUTH.items()
    stage.event(kind="edit", variant_id=101, location_id=1, quantity=4)
    an_hour_later(ledger)

    answer = manual_inventory_refresh(IDS)

    assert answer["success"] is True, answer
    assert levels(ledger) == TRUTH | {50_101: 4}
    assert ledger.running_refreshes(OWN) == []
    statuses = [log.status for log in ledger.refresh_history(OWN)]
    assert statuses == [SyncStatus.COMPLETED, *LEFT.get(point, [SyncStatus.FAILED])]
    states = [run.state for run in ledger.history("inventory-refresh")]
    assert states == [RunState.COMPLETED, RunState.KILLED]
    assert ledger.live("", datetime.now(UTC)) == 0


def levels(ledger: Ledger) -> dict[int, int | None]:
    """What is stored of levels, by item."""
    return {each.inventory_item_id: each.available for each in ledger.vendor_levels(OWN, list(TRUTH))}
