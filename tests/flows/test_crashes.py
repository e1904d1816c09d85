"""A worker is killed at every step of a run, and the next run finishes its work: nothing twice, nothing lost.

Each test names its kill point. Between the kill and the next run somebody buys, RMS books it, and an hour
passes in the ledger; somebody else buys while the next run is under way. The default suite kills around each
kind of write; `--all-kills` before every call and every commit of a recorded run.
"""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from sqlalchemy import Column, Connection, Table, select, update

from connectors.ledger import Ledger, open_ledger
from connectors.ledger.models import Base, UtcDateTime
from flows.cli import main
from flows.cli.children import PrefectServer, family
from flows.cli.run import with_api
from tasks.slots import limit_of
from tests.flows.mortal import RELEASE, KillPoint, Moment
from tests.flows.oracle import Oracle, shelves
from tests.flows.stage import Stage, staged
from tests.flows.test_faults import everything
from tests.flows.test_races import FREE_HAND
from tests.flows.test_reverse_stock_sync import assert_even
from tests.flows.workers import PATIENCE, Gate, Nursery, Worker, nursery
from tests.ledgers import sqlite_in
from tests.worlds import DAY, LOCATION, MARK, NOW, OWN, YESTERDAY, World, shoe, world

pytest_plugins = ["tests.databases"]
pytestmark = pytest.mark.orchestrated

FLOW = "reverse-stock-sync"
BEFORE, IN_FLIGHT, AFTER = Moment.BEFORE, Moment.IN_FLIGHT, Moment.AFTER

STEADY = {
    "REVERSE_SYNC_BATCH_SIZE": "2",
    "REVERSE_SYNC_MAX_CONCURRENT": "1",
    "REVERSE_SYNC_MISSING_LEVEL": "activate",
    "REVERSE_SYNC_PRESERVE_SINGLE_VARIANT": "false",
}
"""Everything that a run can do, always in the same order."""

WRITES = (
    "inventoryActivate",
    "inventorySetQuantities",
    "productVariantsBulkDelete",
    "productUpdate",
    "tagsAdd",
    "tagsRemove",
)

AROUND_WRITES = (
    KillPoint(AFTER, "insert runs"),
    KillPoint(AFTER, "insert changes"),
    KillPoint(AFTER, "insert operations"),
    KillPoint(AFTER, "insert snapshots"),
    *(KillPoint(AFTER, f"call {operation}") for operation in WRITES),
    KillPoint(AFTER, "update operations", 2),
    KillPoint(AFTER, "update operations", 3),
    KillPoint(BEFORE, "update changes"),
    KillPoint(AFTER, "update changes"),
    KillPoint(IN_FLIGHT, "call inventorySetQuantities", 2),
    KillPoint(IN_FLIGHT, "call productVariantsBulkDelete"),
    KillPoint(IN_FLIGHT, "call tagsAdd"),
)
"""Each kind of record in the ledger, each kind of write to the shop."""


PARTS = 8
"""Into so many tests all moments of a run are divided."""

T = TypeVar("T", bound=Callable[..., None])


def kills(points: Sequence[KillPoint], few: slice) -> Callable[[T], T]:
    """Run a test for all of these points with `--all-kills`, else for a few of them."""

    def note(test: T) -> T:
        test.__dict__["kills"] = (points, points[few])
        return test

    return note


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `point` runs once per kill point."""
    everywhere = metafunc.config.getoption("all_kills")
    if "point" in metafunc.fixturenames:
        points, few = metafunc.function.kills
        metafunc.parametrize("point", points if everywhere else few, ids=str)
    if "some" in metafunc.fixturenames:
        parts = [slice(part, None, PARTS) for part in range(PARTS)] if everywhere else [slice(11, None, 40)]
        metafunc.parametrize("some", parts, ids=[f"from {part.start} by {part.step}" for part in parts])


@pytest.fixture(scope="session")
def cradle(prefect_server: str) -> Iterator[Nursery]:
    """Where workers come from."""
    with nursery(os.environ | {"PREFECT_API_URL": prefect_server}) as opened:
        yield opened


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_server: str) -> Iterator[Stage]:
    """A stage whose shop can keep a worker waiting."""
    for name, value in (FREE_HAND | STEADY | {"PREFECT_API_URL": prefect_server}).items():
        monkeypatch.setenv(name, value)
    with staged(tmp_path, monkeypatch.setenv, kind=Gate) as made:
        yield made


def an_hour_later(ledger: Ledger) -> None:
    """Let an hour pass in the ledger: whatever it knows is an hour older."""
    with ledger.database.writing() as connection:
        for table in Base.metadata.sorted_tables:
            _age(connection, table, list(table.primary_key.columns))


def _age(connection: Connection, table: Table, keys: list[Column[Any]]) -> None:
    times = [column for column in table.columns if isinstance(column.type, UtcDateTime)]
    for row in connection.execute(select(*keys, *times)).all() if times else ():
        then = dict(zip(times, row[len(keys) :], strict=True))
        aged = {time.name: at - timedelta(hours=1) for time, at in then.items() if at and at.year > 1970}
        if aged:
            conditions = (key == value for key, value in zip(keys, row, strict=False))
            connection.execute(update(table).where(*conditions).values(aged))


class Chronicle:
    """What the shop took from the runs, one chapter after the other, each judged from its own baseline."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._chapters: list[tuple[int, Oracle]] = []

    def begin_chapter(self) -> None:
        """From here on runs start with what is in the shop and in RMS now."""
        now = self._stage.world()
        truth = {each["sku"]: each["quantity"] for each in now["rms"]["items"]}
        start = len(self._stage.sandbox.writes())
        self._chapters.append((start, Oracle("available", truth, shelves(now))))

    def judged(self) -> list[Oracle]:
        """The oracles of all chapters, each with its own writes."""
        writes = self._stage.sandbox.writes()
        ends = [*(start for start, _ in self._chapters[1:]), len(writes)]
        for (start, oracle), end in zip(self._chapters, ends, strict=True):
            oracle.replay(writes[start:end])
        return [oracle for _, oracle in self._chapters]


@dataclass(slots=True)
class Accident:
    """A run that is killed, what happens meanwhile, and the run after it."""

    stage: Stage
    ledger: Ledger
    cradle: Nursery
    folder: Path
    start: World = field(default_factory=lambda: everything().world)
    is_booked: bool = True
    workers: int = 0
    chronicle: Chronicle = field(init=False)

    def __post_init__(self) -> None:
        self.stage.put(self.start)
        self.chronicle = Chronicle(self.stage)
        self.chronicle.begin_chapter()

    def kill(self, point: KillPoint, meanwhile: Callable[[], object] = list, **asked: str) -> None:
        """Run until the kill point; a buyer comes, and more happens, while the shop still has the call."""
        if point.moment is not IN_FLIGHT:
            assert self.worker(point, **asked).ended() == -signal.SIGKILL, f"never came to {point}"
            self.somebody_buys()
            meanwhile()
            return
        with gate(self.stage).holding(point) as hold:
            worker = self.worker(**asked)
            assert hold.arrived.wait(PATIENCE), worker.log
            worker.kill()
            assert worker.ended() == -signal.SIGKILL
            self.somebody_buys()
            meanwhile()
        assert hold.done.wait(PATIENCE)

    def worker(self, point: KillPoint | None = None, **asked: str) -> Worker:
        """A worker, perhaps one that will be killed."""
        self.workers += 1
        return self.cradle.worker(self.folder / f"worker-{self.workers}", point, **asked)

    def kill_again(self, point: KillPoint) -> None:
        """An hour later the next run is killed likewise, if it comes so far."""
        an_hour_later(self.ledger)
        self.chronicle.begin_chapter()
        assert self.worker(point).ended() in {0, -signal.SIGKILL}

    def run_at_once(self) -> World:
        """A run that comes so soon that the killed one's leases still hold."""
        self.chronicle.begin_chapter()
        return self.stage.run()

    def somebody_buys(self) -> None:
        """A unit is sold, and RMS books it, unless it is slow."""
        self.stage.event(kind="sale", variant_id=10101, location_id=LOCATION, quantity=1)
        if self.is_booked:
            self.stage.event(system="rms", kind="edit", ccod="24X101", sku="24X101-37", quantity=2)

    def run_again(self) -> World:
        """The next run, an hour later, with another buyer as soon as it has read the products."""
        an_hour_later(self.ledger)
        self.chronicle.begin_chapter()
        sold = {"kind": "sale", "variant_id": 10401, "location_id": LOCATION, "quantity": 1}
        with gate(self.stage).surprising(lambda: self.stage.event(**sold)):
            return self.stage.run()


def gate(stage: Stage) -> Gate:
    """The stage's shop."""
    assert isinstance(stage.sandbox, Gate)
    return stage.sandbox


# ------------------------------------------------------------------ what must hold


def assert_nothing_twice(accident: Accident, *, so_far: bool = False) -> None:
    """No rule was broken; no level was written, no variant deleted and no product archived more than once."""
    judged = accident.chronicle.judged()
    assert [wrong for oracle in judged for wrong in oracle.wrongs] == []
    levels = Counter(item for oracle in judged for item, shelf in oracle.shelves.items() if shelf.writes)
    assert [item for item, chapters in levels.items() if chapters > 1] == []
    assert not [shelf for oracle in judged for shelf in oracle.shelves.values() if shelf.writes > 1]
    once = Counter(
        (write["what"], write["id"])
        for write in accident.stage.writes()
        if write["what"] in {"variant", "product", "activation"}
    )
    assert set(once.values()) <= {1}
    assert so_far or set(once) == {("variant", 10102), ("product", 103), ("activation", 60201)}


def assert_nothing_lost(accident: Accident) -> None:
    """Every level is as RMS says, less what was sold since; every product has its end and one mark."""
    stage = accident.stage
    sold = sum(oracle.of(10401).sales for oracle in accident.chronicle.judged())
    assert stage.levels() == {
        "24X101-37": 2, "24X101-39": 4, "24X101-40": 4, "24X102-37": 6, "24X102-38": 2,
        "24X103-37": 0, "24X103-38": 0, "24X104-37": 9 - sold, "24X104-38": 6,
    }  # fmt: skip
    assert stage.tags() == {101: [MARK], 102: [MARK], 103: [], 104: [MARK, "summer"]}
    status = {each["id"]: each["status"] for each in stage.world()["shopify"][OWN]["products"]}
    assert status == {101: "ACTIVE", 102: "ACTIVE", 103: "ARCHIVED", 104: "ACTIVE"}


def assert_all_recovered(accident: Accident) -> None:
    """No lease is held, no write is open, no line is without an end."""
    ledger = accident.ledger
    assert ledger.live("", datetime.now(UTC)) == 0
    assert ledger.unsettled(OWN) == []
    assert ledger.unfinished(OWN) == []


def assert_ledger_knows(accident: Accident) -> None:
    """Everything that runs wrote stands in the ledger as done, whoever was killed over it."""
    ledger, writes = accident.ledger, accident.stage.writes()
    lines = [line for run in ledger.history(FLOW) for line in ledger.changes_of(run.id, outcome="done")]
    written = Counter((each.inventory_item_id, each.written_from, each.written_to) for each in lines)
    levels = [(each["id"], each["before"], each["after"]) for each in writes if each["what"] == "level"]
    assert Counter(levels) == +Counter({row: n for row, n in written.items() if row[2] is not None})
    assert [each.variant_id for each in ledger.deleted_variants(OWN)] == [10102]
    assert ledger.deletions_since(OWN, NOW - timedelta(days=1)) == 1


def assert_books_tell(report: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The next run balances and names the killed one; so does the history."""
    assert_even(report)
    assert report["success"] is True, report
    capsys.readouterr()
    assert main(["history", FLOW, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["runs"]
    assert told[0]["state"] == "completed"
    assert {each["state"] for each in told[1:]} <= {"completed", "killed"}
    assert all("killed with" in each["message"] for each in told if each["state"] == "killed")
    if told[1:] and told[1]["state"] == "killed":
        assert any(told[1]["sync_id"] in warning for warning in report["warnings"])


# --------------------------------------------------------------------------- tests


@pytest.fixture
def ledger(stage: Stage, tmp_path: Path) -> Iterator[Ledger]:
    """The ledger of the stage."""
    del stage
    with closing(open_ledger(sqlite_in(tmp_path))) as opened:
        yield opened


@pytest.fixture
def on_postgresql(stage: Stage, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """The same on PostgreSQL."""
    del stage
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", postgres_url)
    with closing(open_ledger(postgres_url)) as opened:
        yield opened


@pytest.fixture
def accident(stage: Stage, ledger: Ledger, cradle: Nursery, tmp_path: Path) -> Accident:
    """An accident that is about to happen."""
    return Accident(stage, ledger, cradle, tmp_path)


def assert_healed(accident: Accident, report: World, capsys: pytest.CaptureFixture[str]) -> None:
    """All of it."""
    assert_nothing_twice(accident)
    assert_nothing_lost(accident)
    assert_all_recovered(accident)
    assert_ledger_knows(accident)
    assert_books_tell(report, capsys)


@kills(AROUND_WRITES, few=slice(1, None, 2))
def test_the_next_run_finishes_a_killed_ones_work(
    accident: Accident, point: KillPoint, capsys: pytest.CaptureFixture[str]
) -> None:
    accident.kill(point)
    assert_healed(accident, accident.run_again(), capsys)


@kills(AROUND_WRITES[::2], few=slice(1, None, 5))
def test_so_it_does_on_postgresql(
    stage: Stage,
    on_postgresql: Ledger,
    cradle: Nursery,
    tmp_path: Path,
    *,
    point: KillPoint,
    capsys: pytest.CaptureFixture[str],
) -> None:
    accident = Accident(stage, on_postgresql, cradle, tmp_path)
    accident.kill(point)
    assert_healed(accident, accident.run_again(), capsys)


@kills(AROUND_WRITES[1::2], few=slice(1, None, 5))
def test_a_run_that_comes_at_once_leaves_alone_what_the_killed_one_had(
    accident: Accident, point: KillPoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its leases hold, and a call of it may still be on its way."""
    accident.kill(point, meanwhile=lambda: assert_even(accident.run_at_once()))
    assert_nothing_twice(accident, so_far=True)
    assert_healed(accident, accident.run_again(), capsys)


@kills([KillPoint(IN_FLIGHT, f"call {operation}") for operation in WRITES], few=slice(1, 3))
def test_a_call_that_arrives_an_hour_late_changes_nothing(
    accident: Accident, point: KillPoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next run has done its work by then."""
    reports: list[World] = []
    accident.kill(point, meanwhile=lambda: reports.append(accident.run_again()))
    assert_healed(accident, reports[0], capsys)


@kills(AROUND_WRITES[1::4], few=slice(0, 1))
def test_a_run_that_is_killed_again_and_again_is_finished_in_the_end(
    accident: Accident, point: KillPoint, capsys: pytest.CaptureFixture[str]
) -> None:
    accident.kill(point)
    accident.kill_again(KillPoint(AFTER, "update runs"))
    accident.kill_again(KillPoint(BEFORE, "update operations"))
    accident.kill_again(point)
    assert_healed(accident, accident.run_again(), capsys)


def all_points(events: Iterable[str]) -> list[KillPoint]:
    """Before each event of a recorded run, and amid and after each write to the shop."""
    seen: Counter[str] = Counter()
    points: list[KillPoint] = []
    for event in events:
        seen[event] += 1
        is_write = event.removeprefix("call ") in WRITES
        points += [KillPoint(moment, event, seen[event]) for moment in (Moment if is_write else [BEFORE])]
    return points


@contextmanager
def whole_server(home: Path) -> Iterator[Nursery]:
    """A nursery whose workers have a Prefect server with all its services."""
    with family() as children:
        server = PrefectServer(children, home, with_ui=True)
        server.wait()
        with with_api(server.api), nursery(os.environ | {"PREFECT_API_URL": server.api}) as cradle:
            yield cradle


@kills([KillPoint(IN_FLIGHT, "call inventorySetQuantities")], few=slice(0, 0))
def test_the_slot_that_a_killed_one_held_comes_free_by_itself(
    stage: Stage, ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, point: KillPoint
) -> None:
    """The next run waits for it: no killed worker takes a slot along for good."""
    with whole_server(tmp_path / "prefect") as cradle, get_client(sync_client=True) as client:
        accident = Accident(stage, ledger, cradle, tmp_path)
        one = GlobalConcurrencyLimitUpdate(limit=1)
        accident.kill(point, meanwhile=lambda: client.update_global_concurrency_limit(limit_of(OWN), one))
        assert client.read_global_concurrency_limit_by_name(limit_of(OWN)).active_slots == 1

        assert_healed(accident, accident.run_again(), capsys)

        assert client.read_global_concurrency_limit_by_name(limit_of(OWN)).active_slots == 0


@pytest.mark.timeout(600)
def test_every_moment_of_a_run(
    stage: Stage,
    cradle: Nursery,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    some: slice,
    subtests: pytest.Subtests,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def accident(name: str) -> Accident:
        url = sqlite_in(tmp_path, f"{name}.db")
        monkeypatch.setenv("EVENSTOCK_DATABASE_URL", url)
        return Accident(stage, open_ledger(url), cradle, tmp_path / name)

    recorded = accident("recorded").worker()
    assert recorded.ended() == 0, recorded.log
    for number, point in enumerate(all_points(recorded.events)[some]):
        with subtests.test(point=str(point)):
            killed = accident(f"killed-{number}")
            killed.kill(point)
            assert_healed(killed, killed.run_again(), capsys)


@kills([KillPoint(moment, "call inventorySetQuantities") for moment in Moment], few=slice(1, 2))
def test_what_was_sold_meanwhile_and_is_not_booked_yet_stays_sold(
    accident: Accident, monkeypatch: pytest.MonkeyPatch, *, point: KillPoint
) -> None:
    """RMS still says 3 of which one is sold: without the delay the next run would offer it again."""
    monkeypatch.setenv("RMS_ORDER_DELAY_MINUTES", "60")
    accident.is_booked = False
    accident.kill(point)
    assert_even(accident.run_again())
    assert accident.stage.levels()["24X101-37"] == 2
    assert_all_recovered(accident)


# -------------------------------------------------------------------- held plans

CAREFUL = {"MIN_ZERO_COUNT": "0", "MAX_ZERO_SHARE": "0"}
"""Every line that would take a level to zero is held."""

PLAN_STORED = "insert plans and insert changes"
ZEROED = {"24X101-38", "24X103-37", "24X103-38"}


@kills(
    [
        KillPoint(BEFORE, PLAN_STORED),
        KillPoint(AFTER, PLAN_STORED),
        KillPoint(AFTER, "call inventorySetQuantities"),
    ],
    few=slice(1, 2),
)
def test_a_killed_runs_plan_makes_way_for_the_next_ones(
    accident: Accident, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, *, point: KillPoint
) -> None:
    for name, value in CAREFUL.items():
        monkeypatch.setenv(name, value)
    accident.kill(point)
    report = accident.run_again()
    assert_even(report)
    assert [plan.id for plan in ledger.plans(OWN)] == [report["plan_id"]]
    assert {line.sku for line in ledger.held_lines(report["plan_id"])} == ZEROED
    accident.stage.release(report["plan_id"])
    levels = accident.stage.levels()
    assert {levels.get(sku, 0) for sku in ZEROED} == {0}
    assert_nothing_twice(accident, so_far=True)
    assert_all_recovered(accident)


@kills([KillPoint(moment, "call inventorySetQuantities") for moment in Moment], few=slice(2, 3))
def test_a_release_that_was_killed_is_repeated(
    accident: Accident, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, *, point: KillPoint
) -> None:
    for name, value in CAREFUL.items():
        monkeypatch.setenv(name, value)
    plan = accident.stage.run()["plan_id"]
    accident.kill(point, flow=RELEASE, plan_id=plan, released_by="ann")
    an_hour_later(ledger)
    accident.chronicle.begin_chapter()
    report = accident.stage.release(plan)
    assert_even(report)
    levels = accident.stage.levels()
    assert {levels.get(sku, 0) for sku in ZEROED} == {0}
    assert_nothing_twice(accident, so_far=True)
    assert_all_recovered(accident)
    assert ledger.plans(OWN) == []


# ------------------------------------------------------------------- in bulk

BULK = {"SHOPIFY_READ_PATH": "bulk", "REVERSE_SYNC_BATCH_SIZE": "250"}

STEPS_IN_BULK = (
    KillPoint(AFTER, "call bulkOperationRunQuery"),
    KillPoint(BEFORE, "call GET bulk/"),
    KillPoint(AFTER, "call stagedUploadsCreate"),
    KillPoint(AFTER, "call POST staged-uploads"),
    KillPoint(IN_FLIGHT, "call bulkOperationRunMutation"),
    KillPoint(AFTER, "call bulkOperationRunMutation"),
    KillPoint(BEFORE, "call GET bulk/", 2),
    KillPoint(AFTER, "call bulkOperationRunMutation", 2),
    KillPoint(AFTER, "call GET bulk/", 3),
)


def large_shop(*, pace: float) -> World:
    """So many products that marks go by bulk mutations, a few to be lowered. `pace`: lines a second."""
    made = [
        shoe(number, {"37": 5}, {"37": 3 if number % 20 == 1 else 5}, tags=(YESTERDAY,))
        for number in range(101, 261)
    ]
    rows = [each for _, rows in made for each in rows]
    return world([item for item, _ in made], rows, plan="standard", bulk_objects_per_second=pace)


def assert_large_shop_healed(accident: Accident, report: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Every level is as it should be, and every product got its mark once.

    One that the shop marked for the killed run while the next one searched was seen by neither of its
    searches: its older mark stays until the next sweep.
    """
    judged, stage = accident.chronicle.judged(), accident.stage
    assert [wrong for oracle in judged for wrong in oracle.wrongs] == []
    levels = Counter(item for oracle in judged for item, shelf in oracle.shelves.items() if shelf.writes)
    assert set(levels.values()) <= {1}
    right = {shelf.sku: judged[-1].allowed(item) for item, shelf in judged[-1].shelves.items()}
    assert stage.levels() == right
    assert all(MARK in tags for tags in stage.tags().values())
    marks = [each for each in stage.writes() if each["what"] == "tags" and MARK not in each["before"]]
    assert len(marks) == len(stage.tags())
    assert_all_recovered(accident)
    assert_books_tell(report, capsys)
    accident.ledger.record_sweep("shopify", OWN, date.fromisoformat(DAY) - timedelta(days=1))
    stage.run()
    assert set(map(tuple, stage.tags().values())) == {(MARK,)}


@kills(STEPS_IN_BULK, few=slice(5, 6))
def test_what_a_killed_run_did_in_bulk_is_finished(
    stage: Stage,
    ledger: Ledger,
    cradle: Nursery,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    point: KillPoint,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The shop may still be working for the killed run when the next one begins."""
    for name, value in BULK.items():
        monkeypatch.setenv(name, value)
    accident = Accident(stage, ledger, cradle, tmp_path, large_shop(pace=200.0))
    accident.kill(point)
    assert_large_shop_healed(accident, accident.run_again(), capsys)


# ---------------------------------------------------------------- two at once


def shoes(*numbers: int) -> World:
    """Products of two sizes each: one to lower, one to raise."""
    made = [shoe(number, {"37": 5, "38": 2}, {"37": 3, "38": 4}) for number in numbers]
    return world([item for item, _ in made], [each for _, rows in made for each in rows], plan="standard")


@dataclass(slots=True)
class Pair:
    """Two workers on the same shop and ledger."""

    stage: Stage
    cradle: Nursery
    folder: Path
    oracle: Oracle = field(init=False)

    def __post_init__(self) -> None:
        truth = {each["sku"]: each["quantity"] for each in self.stage.world()["rms"]["items"]}
        self.oracle = Oracle("available", truth, shelves(self.stage.world()))

    def worker(self, name: str, point: KillPoint | None = None, **parameters: object) -> Worker:
        """One of them."""
        return self.cradle.worker(self.folder / name, point, **parameters)

    def sell(self, *products: int) -> None:
        """One unit of each size of some products."""
        for number in products:
            for place in (1, 2):
                sold = {"variant_id": number * 100 + place, "location_id": LOCATION, "quantity": 1}
                self.stage.event(kind="sale", **sold)


def assert_shared(pair: Pair, ledger: Ledger, *reports: World) -> None:
    """Everything was done once by one of them, nothing sold was given back, nobody was throttled."""
    pair.oracle.replay(pair.stage.sandbox.writes())
    assert pair.oracle.wrongs == []
    assert not [shelf for shelf in pair.oracle.shelves.values() if shelf.writes > 1]
    right = {shelf.sku: pair.oracle.allowed(item) for item, shelf in pair.oracle.shelves.items()}
    assert pair.stage.levels().items() <= right.items()
    unmarked = [report["report"]["details"]["unmarked"] for report in reports]
    assert set(map(tuple, pair.stage.tags().values())) == {(MARK,)}, unmarked
    for report in reports:
        assert_even(report)
        assert report["balance"]["failed"] == report["balance"]["conflict"] == 0
    assert [call for call in pair.stage.calls() if call["code"] == "THROTTLED"] == []
    assert ledger.live("", datetime.now(UTC)) == 0
    assert ledger.unsettled(OWN) == []


@pytest.fixture
def either_ledger(stage: Stage, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """The ledger of the stage, on each database."""
    del stage
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", database_url)
    with closing(open_ledger(database_url)) as opened:
        yield opened


def test_two_processes_at_once_do_nothing_twice(
    stage: Stage, either_ledger: Ledger, cradle: Nursery, tmp_path: Path
) -> None:
    """Buyers come when both have read the shop, and go on buying while both write."""
    stage.put(shoes(*range(101, 131)))
    pair = Pair(stage, cradle, tmp_path)
    for number in (108, 109, 117, 118, 126):
        sold = {"kind": "sale", "variant_id": number * 100 + 1, "location_id": LOCATION, "quantity": 1}
        stage.event(**sold, before={"operation": "inventorySetQuantities", "nth": number - 105})
    shop = gate(stage)
    points = [KillPoint(IN_FLIGHT, "call nodes", nth) for nth in (1, 2)]
    with shop.holding(points[0]) as first, shop.holding(points[1]) as second:
        workers = [pair.worker(name, batch_size=3) for name in ("one", "two")]
        assert first.arrived.wait(PATIENCE)
        assert second.arrived.wait(PATIENCE)
        pair.sell(101, 104, 107, 120, 130)
    assert [worker.ended() for worker in workers] == [0, 0], [worker.log for worker in workers]
    reports = [worker.report for worker in workers]
    assert_shared(pair, either_ledger, *reports)
    assert sum(report["balance"]["done"] for report in reports) == 60


def test_one_of_two_is_killed_while_the_other_works(
    stage: Stage, either_ledger: Ledger, cradle: Nursery, tmp_path: Path
) -> None:
    """What it had in its hands waits for its leases to end; the rest is done meanwhile."""
    stage.put(shoes(*range(101, 113)))
    pair = Pair(stage, cradle, tmp_path)
    with gate(stage).holding(KillPoint(IN_FLIGHT, "call inventorySetQuantities")) as hold:
        killed = pair.worker("killed", batch_size=3)
        assert hold.arrived.wait(PATIENCE), killed.log
        other = pair.worker("other", batch_size=3)
        assert other.ended() == 0, other.log
        killed.kill()
        assert killed.ended() == -signal.SIGKILL
    assert hold.done.wait(PATIENCE)
    an_hour_later(either_ledger)
    assert_shared(pair, either_ledger, other.report, stage.run())
    lines = [line for run in either_ledger.history(FLOW) for line in either_ledger.changes_of(run.id)]
    assert sum(line.outcome == "done" for line in lines) == 24


def test_a_write_that_lands_after_the_others_baseline_is_no_sale(
    stage: Stage, ledger: Ledger, cradle: Nursery, tmp_path: Path
) -> None:
    """It was sent before the other run began: the fall that it makes would be taken off once more."""
    made = [
        shoe(101, {"37": 5, "38": 8}, {"37": 3, "38": 2}),
        shoe(102, {"37": 5, "38": 1}, {"37": 4, "38": 0}),
    ]
    stage.put(world([item for item, _ in made], [each for _, rows in made for each in rows]))
    pair, shop = Pair(stage, cradle, tmp_path), gate(stage)
    write = KillPoint(IN_FLIGHT, "call inventorySetQuantities")
    walk = KillPoint(IN_FLIGHT, "call orders", 2)
    with shop.holding(walk) as reading:
        with shop.holding(write) as writing:
            first = pair.worker("first", batch_size=50)
            assert writing.arrived.wait(PATIENCE), first.log
            second = pair.worker("second", batch_size=50)
            assert reading.arrived.wait(PATIENCE), second.log
        assert first.ended() == 0, first.log
    assert second.ended() == 0, second.log
    assert stage.levels() == {"24X101-37": 3, "24X101-38": 2, "24X102-37": 4}
    assert_shared(pair, ledger, first.report, second.report)
