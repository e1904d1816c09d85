"""A process is killed amid a pass over a supplier's lists: another goes on, nothing is lost or done twice.

The default suite reads 4,000 products; `--all-kills` 50,000, and kills at more moments.
"""

import os
import signal
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from connectors.ledger import Ledger, open_ledger
from connectors.ledger.supplier_models import JobRow
from connectors.ledger.supplier_records import Job, JobStatus, Supplier
from sandbox.app import Sandbox
from sandbox.clock import Clock
from sandbox.server import serving
from tests.flows.mortal import SUPPLIERS, KillPoint, Moment
from tests.flows.workers import Nursery, Worker, nursery
from tests.sandbox.bigbuyer import KEY
from tests.worlds import NOW, world

pytestmark = pytest.mark.xdist_group("supplier-crashes")

BIGBUY = Supplier("supplier-1", "user-1", "BigBuy", "bigbuy", "bigbuy:default", NOW, NOW)
PAGES, LISTS = 10, 4
"""Full pages of each list, and the lists: stock, prices, texts, images."""
EXPECTED = LISTS * (PAGES + 1) + 3
"""A list's last page is empty, as are three lists of variations."""

PAGE = "insert import_sightings and insert imported_products and update import_jobs"
PROGRESS = "update import_jobs"
FEW = (KillPoint(Moment.BEFORE, PAGE, 5), KillPoint(Moment.AFTER, PAGE, 25))
MANY = tuple(
    KillPoint(moment, event, nth)
    for moment in (Moment.BEFORE, Moment.AFTER)
    for event, places in ((PAGE, (1, 11, 33)), (PROGRESS, (2, 30, 60)))
    for nth in places
)
"""Commits of a page with its cursor, and of signs of life and progress."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """With `--all-kills` more moments, and more products."""
    everywhere = metafunc.config.getoption("all_kills")
    if "point" in metafunc.fixturenames:
        metafunc.parametrize("point", FEW + MANY if everywhere else FEW, ids=str)
        metafunc.parametrize("size", [50_000 if everywhere else 4_000])


@pytest.fixture(scope="session")
def cradle() -> Iterator[Nursery]:
    """Where workers come from: none of them has a Prefect server."""
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_API")}
    with nursery(theirs) as opened:
        yield opened


@dataclass
class Yard:
    """A supplier on a port, and processes that do its job."""

    sandbox: Sandbox
    ledger: Ledger
    cradle: Nursery
    folder: Path
    patch: pytest.MonkeyPatch
    size: int
    workers: int = 0

    def worker(self, point: KillPoint | None = None) -> Worker:
        self.workers += 1
        self.patch.setenv("EVENSTOCK_NOW", self.sandbox.clock.now().isoformat())
        folder = self.folder / f"worker-{self.workers}"
        return self.cradle.worker(folder, point, flow=SUPPLIERS, page=self.size // PAGES)

    def until_killed(self, point: KillPoint) -> None:
        """Workers do the job, one a window, until one has met its end."""
        status = 0
        while status == 0:
            worker = self.worker(point)
            status = worker.ended()
            if status == 0:
                assert worker.report["outcome"] == "put_back", f"there is no {point}: {worker.report}"
                self.sandbox.clock.advance(3_601)
        assert status == -signal.SIGKILL, worker.log

    def to_the_end(self) -> dict[str, Any]:
        """Workers do the job to its end, one a window; its line."""
        while True:
            worker = self.worker()
            assert worker.ended() == 0, worker.log
            if worker.report["outcome"] != "put_back":
                return worker.report
            self.sandbox.clock.advance(3_601)

    def enqueue(self, job_id: str) -> None:
        now = self.sandbox.clock.now()
        job = Job(job_id, "user-1", "supplier_api", BIGBUY.id, now, now, now, account=BIGBUY.account)
        self.ledger.enqueue_job(job)

    def asked(self, lists: Collection[str]) -> int:
        """Pages of these lists that the supplier was asked for."""
        calls = [str(each["operation"]).rsplit("/", 1)[-1] for each in self.sandbox.calls()]
        return sum(each.removesuffix(".json") in lists for each in calls)

    def lapse(self) -> None:
        """The lease of whoever died ends."""
        with self.ledger.database.writing() as connection:
            connection.execute(update(JobRow).values(lease_until=NOW - timedelta(days=9)))


@pytest.fixture
def yard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cradle: Nursery, size: int) -> Iterator[Yard]:
    url = f"sqlite:///{tmp_path}/ledger.db"
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", url)
    made = world([], []) | {"bigbuy": {"default": {"key": KEY, "generate": {"products": size}}}}
    sandbox = Sandbox(made, clock=Clock(NOW, frozen=True))
    with serving(sandbox) as base:
        for name, value in sandbox.settings(base).items():
            monkeypatch.setenv(name, value)
        ledger = open_ledger(url)
        ledger.add_supplier(BIGBUY)
        yield Yard(sandbox, ledger, cradle, tmp_path, monkeypatch, size)
        ledger.close()
        sandbox.close()


def test_a_large_pass_goes_on_behind_the_last_stored_page(yard: Yard, point: KillPoint) -> None:
    yard.enqueue("first")
    yard.until_killed(point)
    killed = yard.ledger.job("first")
    assert killed is not None
    assert killed.status is JobStatus.RUNNING

    yard.lapse()
    line = yard.to_the_end()

    assert (line["outcome"], line["attempt"]) == ("completed", 2)
    result = line["result"]
    assert (result["rows"], result["inserted"]) == (LISTS * yard.size, yard.size)
    assert result["inserted"] + result["changed"] + result["unchanged"] == result["rows"]
    assert sum(result["pages"].values()) == EXPECTED
    # A page that was read and not stored is read again; no other.
    assert yard.asked(result["pages"]) - EXPECTED in _again(point)
    assert (result["missing"], result["errors"]) == (0, [])
    found = yard.ledger.imported_products("user-1", BIGBUY.id, yard.size + 1)
    assert len(found) == yard.size
    assert not [each for each in found if None in (each.stock_quantity, each.cost_price) or not each.name]


def _again(point: KillPoint) -> set[int]:
    """How many pages may be asked for twice: a sign of life is given before and after a page is stored."""
    if point.event == PAGE:
        return {1} if point.moment is Moment.BEFORE else {0}
    return {0, 1}
