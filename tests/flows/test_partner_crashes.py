"""A partner sync is killed, or buyers come in every gap of it: nothing is written twice, no sale is lost."""

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.ledger import Ledger, open_ledger
from connectors.ledger.records import PlanState
from connectors.settings import load_settings
from tests.flows.deployed import until
from tests.flows.mortal import PARTNERS, KillPoint, Moment
from tests.flows.oracle import Oracle, shelves
from tests.flows.stage import staged
from tests.flows.test_crashes import an_hour_later
from tests.flows.test_partner_sync import is_even
from tests.flows.trade import BEAN, KEY, ROAST, Trade, partner_shop
from tests.flows.workers import PATIENCE, Gate, Nursery, nursery
from tests.ledgers import sqlite_in
from tests.worlds import LOCATION, OWN

pytest_plugins = ["tests.databases"]
pytestmark = pytest.mark.orchestrated

SET = "call inventorySetQuantities"
END = "update runs and update sync_logs and update partners"

POINTS = (
    KillPoint(Moment.AFTER, "insert runs"),
    KillPoint(Moment.AFTER, "insert sync_logs"),
    KillPoint(Moment.AFTER, "insert operations"),
    KillPoint(Moment.BEFORE, SET),
    KillPoint(Moment.IN_FLIGHT, SET),
    KillPoint(Moment.AFTER, SET),
    KillPoint(Moment.AFTER, "update operations"),
    KillPoint(Moment.BEFORE, END),
    KillPoint(Moment.AFTER, END),
)


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
def trade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_server: str) -> Iterator[Trade]:
    """Two partners with two variants each, all of which differ."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    with staged(tmp_path, monkeypatch.setenv, kind=Gate) as stage:
        monkeypatch.setenv("EVENSTOCK_SECRET_KEY", KEY)
        monkeypatch.setenv("SHOPIFY_LOCATION_ID", str(LOCATION))
        url = load_settings().shopify_base_url.partition("/shopify/")[0]
        with closing(open_ledger(sqlite_in(tmp_path))) as ledger:
            yield Trade(stage, url, ledger)


def prepare(trade: Trade, known: str = "at_once") -> None:
    """Nothing is ordered yet, so that what the partners have is the truth."""
    trade.put(
        {101: {"available": 7}, 102: {"available": 4}, 103: {"available": 5}, 104: {"available": 5}},
        {ROAST: partner_shop({501: 12, 502: 6}), BEAN: partner_shop({601: 9, 602: 3})},
    )
    trade.map(trade.partner(ROAST, orders_known=known), {501: 101, 502: 102})
    trade.map(trade.partner(BEAN, orders_known=known), {601: 103, 602: 104})


TRUTH = {"O-101": 12, "O-102": 6, "O-103": 9, "O-104": 3}


def kill(trade: Trade, cradle: Nursery, folder: Path, point: KillPoint) -> None:
    """Run the sync up to its kill point."""
    if point.moment is not Moment.IN_FLIGHT:
        worker = cradle.worker(folder, point, flow=PARTNERS)
        assert worker.ended() == -signal.SIGKILL, worker.log
        return
    assert isinstance(trade.stage.sandbox, Gate)
    with trade.stage.sandbox.holding(point) as hold:
        worker = cradle.worker(folder, flow=PARTNERS)
        assert hold.arrived.wait(PATIENCE), worker.log
        worker.kill()
        assert worker.ended() == -signal.SIGKILL
    assert hold.done.wait(PATIENCE)


def assert_healed(trade: Trade, ledger: Ledger) -> None:
    """The next run finishes everything, and the books say what happened."""
    an_hour_later(ledger)
    report = trade.run()

    assert report["success"] is True, report["errors"]
    assert is_even(report)
    assert trade.levels() == TRUTH
    written = Counter(write["id"] for write in trade.stage.writes() if write["what"] == "level")
    assert set(written.values()) == {1}
    assert len(written) == len(TRUTH)
    assert ledger.live("", datetime.now(UTC)) == 0
    assert (ledger.unsettled(OWN), ledger.unfinished(OWN)) == ([], [])
    assert {log.status for log in ledger.sync_logs(OWN)} <= {"completed", "failed"}
    assert all(log.completed_at for log in ledger.sync_logs(OWN))
    assert {run.state.value for run in ledger.history("partner-sync")} <= {"completed", "killed"}
    assert {each.inventory_sync_status for each in ledger.partners(OWN)} == {"healthy"}


def test_the_next_run_finishes_what_a_killed_one_began(
    trade: Trade, cradle: Nursery, tmp_path: Path, point: KillPoint
) -> None:
    prepare(trade)
    kill(trade, cradle, tmp_path / "worker", point)
    assert_healed(trade, trade.ledger)


@pytest.fixture
def elsewhere(trade: Trade, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trade]:
    """The same trade with its ledger on PostgreSQL."""
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", postgres_url)
    with closing(open_ledger(postgres_url)) as ledger:
        yield Trade(trade.stage, trade.url, ledger)


@pytest.mark.parametrize("spot", [POINTS[1], POINTS[2], POINTS[4], POINTS[5]], ids=str)
def test_so_it_does_on_postgresql(elsewhere: Trade, cradle: Nursery, tmp_path: Path, spot: KillPoint) -> None:
    prepare(elsewhere)
    kill(elsewhere, cradle, tmp_path / "worker", spot)
    assert_healed(elsewhere, elsewhere.ledger)


def test_a_plan_of_a_partner_with_a_long_name_is_kept_on_postgresql(elsewhere: Trade) -> None:
    long = f"{'a-roaster-of-the-finest-beans-and-others-too' * 2}.example"
    elsewhere.put({101: {"available": 7}}, {long: partner_shop({501: 12})})
    elsewhere.map(elsewhere.partner(long), {501: 101})

    report = elsewhere.sync(dry_run=True)

    assert report["success"] is True, report["errors"]
    assert elsewhere.ledger.plan(report["plan_id"]).state is PlanState.DRY_RUN


def test_two_processes_share_thirty_partners_and_one_is_killed(
    trade: Trade, cradle: Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever had a partner in hand: each level is written once, and the next run finishes the rest."""
    monkeypatch.setenv("PARTNER_SYNC_MAX_CONCURRENT", "3")
    numbers = range(30)
    shops = [f"shop-{number:02}.example" for number in numbers]
    trade.put(
        {100 + number: {"available": 1} for number in numbers},
        {shop: partner_shop({500 + number: 9}) for number, shop in enumerate(shops)},
    )
    for number, shop in enumerate(shops):
        trade.map(trade.partner(shop), {500 + number: 100 + number})

    # Its first three writes, thus all that it does, wait until the other is writing as well; it dies when one
    # of them has its answer.
    gate = trade.stage.sandbox
    assert isinstance(gate, Gate)
    with ExitStack() as holds:
        first = [
            holds.enter_context(gate.holding(KillPoint(Moment.IN_FLIGHT, SET, nth))) for nth in (1, 2, 3)
        ]
        killed = cradle.worker(tmp_path / "killed", KillPoint(Moment.AFTER, SET), flow=PARTNERS)
        assert all(hold.arrived.wait(PATIENCE) for hold in first)
        other = cradle.worker(tmp_path / "other", flow=PARTNERS)
        until(lambda: SET in other.events, "the other never wrote")
    assert (killed.ended(), other.ended()) == (-signal.SIGKILL, 0)
    assert is_even(other.report)
    assert other.report["balance"]["done"] > 0

    an_hour_later(trade.ledger)
    report = trade.run()

    assert report["success"] is True, report["errors"]
    assert set(trade.levels().values()) == {9}
    written = Counter(write["id"] for write in trade.stage.writes() if write["what"] == "level")
    assert (len(written), set(written.values())) == (30, {1})
    assert trade.ledger.unsettled(OWN) == trade.ledger.unfinished(OWN) == []
    assert all(log.completed_at for log in trade.ledger.sync_logs(OWN, limit=100))


# ----------------------------------------------------------------------- races


def test_buyers_in_every_gap_of_a_run(trade: Trade, seed: int) -> None:
    """Whoever buys or corrects whenever: what a run writes is the partner's word less what was sold."""
    chance = random.Random(seed)
    prepare(trade, "at_shipping")
    touched = set()
    for _ in range(chance.randint(1, 5)):
        variant_id = chance.choice([101, 102, 103, 104])
        operation, most = chance.choice([("nodes", 6), ("inventorySetQuantities", 2)])
        before = {"operation": operation, "nth": chance.randint(2 if operation == "nodes" else 1, most)}
        # Only of the first partner's levels is all that happens after the baseline.
        if variant_id < 103 or chance.random() < 0.7:
            surprise = {"kind": "sale", "quantity": chance.randint(1, 2)}
        else:
            touched.add(variant_id)
            surprise = {"kind": "edit", "quantity": chance.randint(0, 20)}
        trade.stage.event(**surprise, variant_id=variant_id, location_id=LOCATION, before=before)
    oracle = Oracle("available", TRUTH, shelves(trade.stage.world()), frozenset(touched))
    start = len(trade.stage.sandbox.writes())

    report = trade.sync()

    assert is_even(report)
    assert report["balance"]["failed"] == report["balance"]["refused"] == 0
    oracle.replay(write for write in trade.stage.sandbox.writes()[start:] if write["account"] == OWN)
    assert oracle.wrongs == []
