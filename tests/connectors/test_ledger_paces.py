"""What processes on several machines share through their ledger: turns at a rate, and places for calls."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import text

from connectors.brickowl.pacing import CALLS, OwlPacer
from connectors.errors import EvenstockError, Transient
from connectors.flight import Berths, InFlight
from connectors.http import Answer
from connectors.ledger import Ledger
from connectors.ledger.database import Database
from connectors.pacing import Pace
from tests.connectors.ledger_samples import NOW

pytest_plugins = ["tests.databases"]

CALL = Pace("calls", every=0.2, ahead=1.0)
BATCH = Pace("batches", every=1.0, ahead=0.0)


class TestTurns:
    def test_some_come_at_once_and_then_one_after_the_other(self, ledger: Ledger) -> None:
        waits = [round(ledger.take_turn([CALL], NOW), 3) for _ in range(8)]
        assert waits == [0, 0, 0, 0, 0, 0, 0.2, 0.4]
        assert ledger.take_turn([CALL], NOW + timedelta(seconds=60)) == 0

    def test_of_several_paces_are_waited_for_until_the_last(self, ledger: Ledger) -> None:
        assert [ledger.take_turn([CALL, BATCH], NOW) for _ in range(3)] == [0, 1, 2]
        assert ledger.take_turn([CALL], NOW) == 0
        assert ledger.take_turn([Pace("other", 1.0, 0.0)], NOW) == 0

    def test_that_are_stopped_come_again_later(self, ledger: Ledger) -> None:
        ledger.stop_turns(CALL, 10, NOW)
        ledger.stop_turns(CALL, 5, NOW)
        assert ledger.take_turn([CALL], NOW + timedelta(seconds=4)) == pytest.approx(6)

    def test_are_not_waited_for_longer_than_any_pause(self, ledger: Ledger) -> None:
        """A machine whose clock was an hour ahead does not stop the others for that hour."""
        ledger.take_turn([CALL], NOW + timedelta(hours=1))
        assert ledger.take_turn([CALL], NOW) < 301


class Company:
    """A ledger that several processes use, by one clock."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.seconds = 0.0

    def clock(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def take_turn(self, paces: list[Pace]) -> float:
        return self.ledger.take_turn(paces, NOW + timedelta(seconds=self.seconds))

    def stop_turns(self, pace: Pace, seconds: float) -> None:
        self.ledger.stop_turns(pace, seconds, NOW + timedelta(seconds=self.seconds))

    def process(self) -> OwlPacer:
        return OwlPacer("default", self, clock=self.clock, sleep=self.sleep)  # type: ignore[arg-type]


def told(status: int) -> Answer:
    return Answer(status, {}, None, NOW)


def test_brick_owl_s_rate_is_that_of_all_processes_together(ledger: Ledger) -> None:
    company = Company(ledger)
    processes, sent = [company.process() for _ in range(3)], 0
    while company.seconds < 10:
        for process in processes:
            process.reserve(1)
            process.learn(told(200), 1)
            sent += 1
    at_once = 60
    assert sent == pytest.approx(at_once + CALLS / 6, abs=5)


def test_a_call_too_many_of_one_process_makes_the_others_pause(ledger: Ledger) -> None:
    company = Company(ledger)
    first, second = company.process(), company.process()
    first.reserve(1)
    first.learn(told(429), 1)
    assert second.reserve(1) == pytest.approx(10)
    second.learn(told(200), 1)
    assert first.reserve(1) < 1


def test_a_ledger_that_is_away_lets_nothing_out_and_keeps_no_place(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> float:
        raise Transient("the ledger is away")

    process = Company(ledger).process()
    for each in range(9):
        process.reserve(1)
        monkeypatch.setattr(Ledger, "take_turn", away)
        monkeypatch.setattr(Ledger, "stop_turns", away)
        with pytest.raises(Transient):
            process.reserve(1)
        process.learn(told(429 if each == 8 else 200), 1)
        monkeypatch.undo()


# ------------------------------------------------------------------------ places


@pytest.fixture
def machines(postgres_url: str) -> Iterator[Callable[[], Ledger]]:
    """Ledgers as several machines open one: each with connections of its own."""
    opened: list[Database] = []

    def another() -> Ledger:
        opened.append(Database(postgres_url))
        return Ledger(opened[-1])

    yield another
    for each in opened:
        each.close()


def flight(ledger: Ledger, name: str = "account") -> InFlight:
    locks = ledger.session_locks()
    assert locks
    return InFlight(2, berths=Berths(name, 2, locks))


def started(flight: InFlight) -> threading.Event:
    """A call in a thread; set when it is on its way."""
    away = threading.Event()

    def call() -> None:
        flight.reserve(1)
        away.set()

    threading.Thread(target=call, daemon=True).start()
    return away


class TestPlaces:
    def test_are_those_of_all_machines(self, machines: Callable[[], Ledger]) -> None:
        here, there = flight(machines()), flight(machines())
        there.reserve(1)
        here.reserve(1)
        waiting = started(here)
        assert not waiting.wait(0.1)
        there.release(1)
        assert waiting.wait(5)
        here.release(1)
        here.release(1)

    def test_of_other_accounts_are_others(self, machines: Callable[[], Ledger]) -> None:
        one, other = flight(machines()), flight(machines(), "other")
        for each in (one, one, other, other):
            each.reserve(1)
        for each in (one, one, other, other):
            each.release(1)

    def test_come_free_with_the_connection_that_held_them(
        self, machines: Callable[[], Ledger], postgres_url: str
    ) -> None:
        here, there = flight(machines()), flight(machines())
        there.reserve(1)
        there.reserve(1)
        waiting = started(here)
        with closing(Database(postgres_url)) as killer, killer.reading() as connection:
            locks = "SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
            for (pid,) in connection.execute(text(locks)).all():
                connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        assert waiting.wait(5)
        there.release(1)
        there.release(1)
        there.reserve(1)  # in a session of a new connection
        there.release(1)
        here.release(1)

    def test_are_not_given_where_the_ledger_cannot_be_asked(self, machines: Callable[[], Ledger]) -> None:
        ledger = machines()
        places = flight(ledger)
        broken = ledger.database.engine.url.set(database="nowhere")
        ledger.database.engine = Database(broken.render_as_string(hide_password=False)).engine
        for _ in range(3):
            with pytest.raises(EvenstockError, match="EVENSTOCK_DATABASE_URL"):
                places.reserve(1)


def test_a_ledger_that_one_machine_has_to_itself_needs_none(ledger: Ledger) -> None:
    assert (ledger.session_locks() is None) == ledger.database.is_sqlite
