"""A worker that pushes changed items is killed amid a push, and another one takes its place."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL

from connectors.ledger import open_ledger
from connectors.settings import child_environment, load_settings
from flows.cli.children import Child, Family, family
from flows.marketplace_sync import apply_change, marketplace_sync
from sandbox.clock import Clock
from sandbox.server import serving
from tasks.item_changes import ItemRequest
from tests.fair import BRICK, BRICKLINK, BRICKOWL, Served, environment, world
from tests.flows.mortal import KillPoint, Moment
from tests.flows.test_market_crashes import LINK_CREATE, lapse
from tests.flows.workers import PATIENCE, Gate
from tests.ledgers import sqlite_in
from tests.worlds import NOW

pytestmark = pytest.mark.orchestrated

COLOURS = (5, 11)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Two empty stores that can keep a call waiting."""
    url = sqlite_in(tmp_path)
    with (
        Gate(world(), clock=Clock(NOW)) as gate,
        serving(gate) as address,
        closing(open_ledger(url)) as ledger,
    ):
        own = {"EVENSTOCK_DATABASE_URL": url, "HTTP_BASE_DELAY": "0.01"}
        for name, value in (environment(address) | own).items():
            monkeypatch.setenv(name, value)
        yield Served(gate, ledger, load_settings())


def start(children: Family) -> Child:
    """A worker, as it is started in real operation."""
    environment = child_environment({"PREFECT_API_URL": str(PREFECT_API_URL.value())})
    return children.start("a worker", ["flows", "worker"], environment)


def create(colour: int) -> str:
    """A new item, which a worker is told of."""
    data: Any = {**BRICK, "colorId": colour, "quantityAvailable": 10}
    return str(apply_change(ItemRequest("create", data=data))["item_id"])


def until(is_so: Callable[[], bool], worker: Child) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, worker.said()
        time.sleep(0.02)


def test_another_worker_goes_on_and_the_net_finishes_what_was_begun(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dead worker's lot is made, though nobody heard of it: it is found, not made again."""
    gate = served.sandbox
    assert isinstance(gate, Gate)
    with family() as children:
        first = start(children)
        with gate.holding(KillPoint(Moment.IN_FLIGHT, LINK_CREATE)) as hold:
            begun = create(COLOURS[0])
            until(hold.arrived.is_set, first)
            until(lambda: served.view(begun, BRICKOWL).listing.status == "synced", first)
            os.kill(first.pid, signal.SIGKILL)
        assert hold.done.wait(PATIENCE)
        second = start(children)
        later = create(COLOURS[1])
        until(
            lambda: {served.view(later, name).listing.status for name in (BRICKLINK, BRICKOWL)} == {"synced"},
            second,
        )
    served.assert_level(later)
    assert served.view(begun).listing.status == "syncing"

    for _ in range(2):
        served.pass_time(240)
        monkeypatch.setenv("EVENSTOCK_NOW", served.now().isoformat())
        lapse(served.ledger)
        report: Any = marketplace_sync()
        assert report["success"]
    served.assert_level(begun)
    assert len(served.lots(BRICKLINK)) == len(served.lots(BRICKOWL)) == len(COLOURS)
