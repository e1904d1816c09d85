"""A process is killed while it works on the marketplaces: nothing is made, sold or taken back twice.

The kill comes before, amid or after a call or a commit. Then somebody buys, the leases lapse, and the net
runs until nothing is behind. The default suite kills around writes; `--all-kills` before and after every
call and every commit of a recorded run.
"""

import os
import shutil
import signal
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from connectors.ledger import Ledger, open_ledger
from connectors.ledger.models import LeaseRow
from connectors.market import MARKETPLACES
from connectors.settings import load_settings
from sandbox.clock import Clock
from sandbox.server import serving
from tests.fair import BRICKLINK, BRICKOWL, Fair, environment, world
from tests.flows.mortal import MARKETS, KillPoint, Moment
from tests.flows.workers import PATIENCE, Gate, Nursery, Worker, nursery
from tests.ledgers import sqlite_in
from tests.worlds import NOW, World

pytest_plugins = ["tests.databases"]
pytestmark = pytest.mark.xdist_group("market-crashes")

BEFORE, IN_FLIGHT, AFTER = Moment.BEFORE, Moment.IN_FLIGHT, Moment.AFTER

RAISED, LOWERED, DRESSED, DELETED, NEW, SOLD, SOLD_THERE, COUNTED = range(3001, 3009)
"""Parts, one for everything that can happen to an item."""

START = 10
WANTED = {
    RAISED: 15,
    LOWERED: 4,
    DRESSED: START,
    DELETED: 0,
    NEW: 8,
    SOLD: START,
    SOLD_THERE: START,
    COUNTED: 12,
}
"""What the owner says last; what is sold comes off that."""

BOIDS = [{"boid": str(700000 + part), "type": "Part", "bl_item_no": str(part)} for part in WANTED]

LINK_CREATE, LINK_CHANGE, LINK_DELETE = (
    "call bricklink POST inventories",
    "call bricklink PUT inventories/N",
    "call bricklink DELETE inventories/N",
)
OWL_CREATE, OWL_CHANGE, OWL_DELETE = (
    f"call brickowl POST inventory/{verb}" for verb in ("create", "update", "delete")
)
OWL_BATCH = "call brickowl POST bulk/batch"
CALLS = (LINK_CREATE, LINK_CHANGE, LINK_DELETE, OWL_CREATE, OWL_CHANGE, OWL_BATCH, OWL_DELETE)

FEW = (
    KillPoint(IN_FLIGHT, LINK_CREATE),
    KillPoint(IN_FLIGHT, LINK_CHANGE, 2),
    KillPoint(AFTER, LINK_CHANGE, 3),
    KillPoint(AFTER, LINK_DELETE),
    KillPoint(IN_FLIGHT, OWL_CREATE),
    KillPoint(AFTER, OWL_BATCH),
    KillPoint(IN_FLIGHT, OWL_DELETE),
)
POINTS = FEW + tuple(
    point
    for point in (KillPoint(moment, call) for call in CALLS for moment in (IN_FLIGHT, AFTER))
    if point not in FEW
)
"""Around each kind of write to a marketplace."""

PARTS = 8
"""Into so many tests all moments of a run are divided."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """With `--all-kills` all moments of a run, else some of them."""
    everywhere = metafunc.config.getoption("all_kills")
    if "point" in metafunc.fixturenames:
        metafunc.parametrize("point", POINTS if everywhere else FEW, ids=str)
    if "there" in metafunc.fixturenames:
        metafunc.parametrize("there", FEW if everywhere else FEW[1:6:3], ids=str)
    if "some" in metafunc.fixturenames:
        parts = [slice(part, None, PARTS) for part in range(PARTS)] if everywhere else [slice(7, None, 80)]
        metafunc.parametrize("some", parts, ids=[f"from {part.start} by {part.step}" for part in parts])


@pytest.fixture(scope="session")
def cradle() -> Iterator[Nursery]:
    """Where workers come from: none of them has a Prefect server."""
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_API")}
    with nursery(theirs) as opened:
        yield opened


def lapse(ledger: Ledger) -> None:
    """The leases of whoever died end."""
    with ledger.database.writing() as connection:
        connection.execute(update(LeaseRow).values(expires_at=NOW - timedelta(days=9)))


@dataclass
class Bazaar:
    """Two stores on a port, and processes that work on them."""

    fair: Fair
    gate: Gate
    cradle: Nursery
    folder: Path
    setenv: Callable[[str, str], None]
    items: dict[int, str] = field(default_factory=dict)
    sold: Counter[tuple[str, int]] = field(default_factory=Counter)
    workers: int = 0
    begun: int = 0

    # ------------------------------------------------------------------- before

    def prepare(self) -> None:
        """Items that were level until something happened to each."""
        for part in WANTED:
            if part != NEW:
                self.items[part] = self.fair.create(START, partNumber=str(part))
                self.fair.push(self.items[part])
        self.buy(BRICKLINK, COUNTED, 2)
        for part in (RAISED, LOWERED, COUNTED):
            self.fair.update(self.items[part], WANTED[part])
        self.fair.change("update", self.items[DRESSED], notes="Clean", price="0.25")
        self.fair.change("delete", self.items[DELETED])
        self.items[NEW] = self.fair.create(WANTED[NEW], partNumber=str(NEW))
        self.buy(BRICKLINK, SOLD, 3)
        self.buy(BRICKOWL, SOLD_THERE, 2)
        self.begun = len(self.fair.sandbox.writes())

    def buy(self, name: str, part: int, quantity: int) -> None:
        """Somebody buys, if there is something to buy."""
        market = BRICKLINK if name == BRICKLINK else BRICKOWL
        mark, seen = f"ev:{self.items[part]}", "remarks" if market == BRICKLINK else "external_id"
        for lot in self.fair.lots(market):
            if mark in str(lot.get(seen)):
                lot_id = lot["inventory_id" if market == BRICKLINK else "lot_id"]
                if "refused" not in self.fair.sell(market, lot_id, quantity):
                    self.sold[market, part] += quantity

    # --------------------------------------------------------------------- kills

    def worker(self, point: KillPoint | None = None, **asked: object) -> Worker:
        """A process that does what the net does, up to its kill point if it has one."""
        self.workers += 1
        folder = self.folder / f"worker-{self.workers}"
        return self.cradle.worker(folder, point, flow=MARKETS, **asked)

    def kill(self, point: KillPoint) -> bool:
        """Work up to a kill point; whether it came so far. Buyers come before a held call goes on."""
        if point.moment is not IN_FLIGHT:
            worker = self.worker(point)
            status = worker.ended()
            assert status in {0, -signal.SIGKILL}, worker.log
            self.somebody_buys()
            return status != 0
        with self.gate.holding(point) as hold:
            worker = self.worker()
            assert hold.arrived.wait(PATIENCE), worker.log
            worker.kill()
            assert worker.ended() == -signal.SIGKILL
            self.somebody_buys()
        assert hold.done.wait(PATIENCE)
        return True

    def somebody_buys(self) -> None:
        """On both marketplaces, of what the process was at."""
        for name in MARKETPLACES:
            for part in (RAISED, LOWERED, NEW, COUNTED):
                self.buy(name, part, 1)

    def later(self, seconds: float) -> None:
        """Let time pass for everybody; the leases of whoever died lapse."""
        self.fair.pass_time(seconds)
        self.setenv("EVENSTOCK_NOW", self.fair.now().isoformat())
        lapse(self.fair.ledger)

    def heal(self, rounds: int = 5) -> None:
        """What the net does every few minutes, until nothing is behind."""
        for _ in range(rounds):
            self.later(240)
            worker = self.worker()
            assert worker.ended() == 0, worker.log
            assert worker.report["troubles"] == []
            self.later(1)
            if not (self.fair.ledger.behind(self.fair.now()) or self.fair.ledger.open_writes()):
                return
        raise AssertionError(self.fair.ledger.views("default"))

    # --------------------------------------------------------------------- after

    def assert_whole(self) -> None:
        """Everybody says the same, and what was sent adds up."""
        for part, item in self.items.items():
            if part != DELETED:
                left = WANTED[part] - sum(self.sold[name, part] for name in MARKETPLACES)
                assert self.fair.item(item).quantity_available == left, part
            self.fair.assert_level(item)
        assert self.fair.ledger.open_writes() == []
        assert self.fair.ledger.reviews() == []
        assert [view.listing.review for view in self.fair.ledger.views("default")] == [""] * 2 * len(WANTED)
        self._assert_each_once()

    def _assert_each_once(self) -> None:
        """No lot was made twice, nothing was raised or lowered by more than is owed."""
        lots = {
            (name, str(self.fair.view(item, name).listing.lot_id)): part
            for part, item in self.items.items()
            for name in MARKETPLACES
        }
        moved: dict[tuple[str, int], list[int]] = defaultdict(list)
        made: Counter[tuple[str, str]] = Counter()
        writes: list[dict[str, Any]] = self.fair.sandbox.writes()
        for write in writes[self.begun :]:
            if write["what"] != "lot" or write["operation"] == "event":
                continue
            key = write["system"], str(write["id"])
            made[key] += write["before"] is None and write["name"] is None
            if write["name"] in {"quantity", "qty"} and key in lots:
                moved[key[0], lots[key]].append(write["after"] - write["before"])
        assert sorted(each for each in made if made[each]) == sorted(
            each for each, part in lots.items() if part == NEW
        )
        for (name, part), deltas in moved.items():
            elsewhere = sum(self.sold[other, part] for other in MARKETPLACES if other != name)
            owed = WANTED[part] - (WANTED[part] if part == NEW else START)
            assert sum(each for each in deltas if each > 0) <= max(0, owed), (name, part, deltas)
            if part != DELETED:
                assert sum(deltas) >= owed - elsewhere, (name, part, deltas)


@contextmanager
def bazaar_in(
    folder: Path,
    database_url: str,
    cradle: Nursery,
    setenv: Callable[[str, str], None],
    stores: World | None = None,
) -> Iterator[Bazaar]:
    """Two stores on a free port, a ledger, and the environment pointing at them."""
    made = stores or world(brickowl={"boids": BOIDS})
    with Gate(made, clock=Clock(NOW)) as gate, serving(gate) as url:
        own = {"EVENSTOCK_DATABASE_URL": database_url, "HTTP_BASE_DELAY": "0.01"}
        for name, value in (environment(url) | own).items():
            setenv(name, value)
        with closing(open_ledger(database_url)) as ledger:
            yield Bazaar(Fair(gate, ledger, load_settings()), gate, cradle, folder, setenv)


@dataclass(frozen=True)
class Start:
    """A prepared bazaar as it can be built up again, which is quicker than to prepare it."""

    file: Path
    stores: World
    items: dict[int, str]
    sold: Counter[tuple[str, int]]


@pytest.fixture(scope="session")
def start(cradle: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Everything that can happen to items has just happened."""
    folder = tmp_path_factory.mktemp("prepared")
    with (
        pytest.MonkeyPatch.context() as patch,
        bazaar_in(folder, sqlite_in(folder), cradle, patch.setenv) as made,
    ):
        made.prepare()
        with (
            closing(sqlite3.connect(folder / "ledger.db")) as used,
            closing(sqlite3.connect(folder / "copy.db")) as copy,
        ):
            used.backup(copy)
        return Start(folder / "copy.db", made.gate.world(), made.items, made.sold)


@contextmanager
def built_up(
    start: Start, folder: Path, cradle: Nursery, setenv: Callable[[str, str], None]
) -> Iterator[Bazaar]:
    """A prepared bazaar on a SQLite file of its own."""
    folder.mkdir(exist_ok=True)
    shutil.copyfile(start.file, folder / "ledger.db")
    with bazaar_in(folder, sqlite_in(folder), cradle, setenv, start.stores) as made:
        made.items, made.sold = dict(start.items), Counter(start.sold)
        yield made


@pytest.fixture
def bazaar(
    start: Start, tmp_path: Path, cradle: Nursery, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bazaar]:
    with built_up(start, tmp_path, cradle, monkeypatch.setenv) as made:
        yield made


def test_an_undisturbed_net_brings_everything_level(bazaar: Bazaar) -> None:
    bazaar.heal()
    bazaar.assert_whole()


def test_the_net_finishes_what_a_killed_process_began(bazaar: Bazaar, point: KillPoint) -> None:
    assert bazaar.kill(point), f"never came to {point}"
    bazaar.heal()
    bazaar.assert_whole()


def test_so_it_does_when_the_next_process_is_killed_too(bazaar: Bazaar) -> None:
    """First amid a create; then after the reading that settles it is booked."""
    assert bazaar.kill(KillPoint(IN_FLIGHT, LINK_CREATE))
    bazaar.later(240)
    assert bazaar.kill(KillPoint(AFTER, "update market_writes and update listings"))
    bazaar.later(240)
    assert bazaar.kill(KillPoint(AFTER, OWL_CREATE))
    bazaar.heal()
    bazaar.assert_whole()


def test_whatever_a_process_was_at(
    start: Start, tmp_path: Path, cradle: Nursery, monkeypatch: pytest.MonkeyPatch, some: slice
) -> None:
    """Before and after every call and every commit of a recorded run."""
    with built_up(start, tmp_path / "recorded", cradle, monkeypatch.setenv) as recorded:
        worker = recorded.worker()
        assert worker.ended() == 0, worker.log
    seen: Counter[str] = Counter()
    points = []
    for event in worker.events:
        seen[event] += 1
        points += [KillPoint(moment, event, seen[event]) for moment in (BEFORE, AFTER)]
    assert len(points) > 150
    for number, point in enumerate(points[some]):
        folder = tmp_path / f"{number}"
        with built_up(start, folder, cradle, monkeypatch.setenv) as made:
            assert made.kill(point), f"never came to {point}"
            made.heal()
            made.assert_whole()


def test_so_it_is_on_postgresql(
    tmp_path: Path, postgres_url: str, cradle: Nursery, monkeypatch: pytest.MonkeyPatch, there: KillPoint
) -> None:
    with bazaar_in(tmp_path, postgres_url, cradle, monkeypatch.setenv) as made:
        made.prepare()
        assert made.kill(there), f"never came to {there}"
        made.heal()
        made.assert_whole()
