"""Leases: one holder at a time, a number that only grows, whoever competes."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from connectors.ledger import Ledger, open_ledger
from tests.connectors.ledger_samples import NOW
from tests.ledgers import processes

pytest_plugins = ["tests.databases"]

SECOND = timedelta(seconds=1)


def test_what_is_free_is_taken_in_one_go(ledger: Ledger) -> None:
    assert ledger.acquire(["p/1", "p/2", "p/2"], "a", 60, NOW) == {"p/1": 1, "p/2": 1}
    assert ledger.acquire([], "a", 60, NOW) == {}


def test_what_is_held_is_left_out(ledger: Ledger) -> None:
    ledger.acquire(["p/1"], "a", 60, NOW)

    assert ledger.acquire(["p/1", "p/2"], "b", 60, NOW + 59 * SECOND) == {"p/2": 1}


def test_even_its_holder_does_not_get_it_twice(ledger: Ledger) -> None:
    ledger.acquire(["p/1"], "a", 60, NOW)

    assert ledger.acquire(["p/1"], "a", 60, NOW) == {}


def test_what_lapsed_is_taken_with_the_next_number_and_lost_to_the_first(ledger: Ledger) -> None:
    first = ledger.acquire(["p/1"], "a", 60, NOW)
    later = NOW + 60 * SECOND

    assert ledger.check(first, later) == {"p/1"}
    assert ledger.acquire(["p/1"], "b", 60, later) == {"p/1": 2}
    assert ledger.renew(first, "a", 60, later) == set()
    assert ledger.check(first, NOW) == {"p/1"}
    ledger.release(first, "a")
    assert ledger.check({"p/1": 2}, later) == set()


def test_a_heartbeat_prolongs(ledger: Ledger) -> None:
    held = ledger.acquire(["p/1", "p/2"], "a", 60, NOW)

    assert ledger.renew(held, "a", 60, NOW + 50 * SECOND) == {"p/1", "p/2"}
    assert ledger.check(held, NOW + 100 * SECOND) == set()


def test_a_lapsed_lease_that_nobody_took_may_be_renewed(ledger: Ledger) -> None:
    held = ledger.acquire(["p/1"], "a", 60, NOW)

    assert ledger.renew(held, "a", 60, NOW + 90 * SECOND) == {"p/1"}


def test_a_released_lease_is_free_at_once_and_its_number_is_never_used_again(ledger: Ledger) -> None:
    held = ledger.acquire(["p/1"], "a", 60, NOW)
    ledger.release(held, "a")

    assert ledger.check(held, NOW) == {"p/1"}
    assert ledger.renew(held, "a", 60, NOW) == set()
    assert ledger.acquire(["p/1"], "b", 60, NOW) == {"p/1": 2}


def test_live_counts_by_prefix_letter_by_letter(ledger: Ledger) -> None:
    ledger.acquire(
        ["own/process/1", "own/process/2", "OWN/process/3", "own/prócess/4", "own%/1"], "a", 60, NOW
    )
    ledger.acquire(["own/process/5"], "a", 10, NOW)
    ledger.release(ledger.acquire(["own/process/6"], "a", 60, NOW), "a")

    assert ledger.live("own/process/", NOW) == 3
    assert ledger.live("own/process/", NOW + 10 * SECOND) == 2
    assert ledger.live("own%", NOW) == 1
    assert ledger.live("ow_", NOW) == 0


def test_more_than_one_statement_takes(ledger: Ledger) -> None:
    everything = {f"p/{number}" for number in range(1_700)}
    held = ledger.acquire(everything, "a", 60, NOW)

    assert set(held) == everything
    assert ledger.renew(held, "a", 60, NOW) == everything
    assert ledger.check(held, NOW) == set()
    ledger.release(held, "a")
    assert ledger.live("p/", NOW) == 0


RESOURCES = [f"product/{number}" for number in range(30)]
ROUNDS = 12


def _compete(url: str, worker: int) -> list[tuple[str, int, int]]:
    """Everything that this process got: resource, number, round. A round's leases have lapsed in the next."""
    shuffled = random.Random(worker)
    won = []
    with closing(open_ledger(url)) as ledger:
        for turn in range(ROUNDS):
            wanted = shuffled.sample(RESOURCES, len(RESOURCES))
            now = NOW + turn * 100 * SECOND
            for part in (wanted[:11], wanted[11:]):
                got = ledger.acquire(part, f"worker-{worker}", 50, now)
                won += [(resource, fence, turn) for resource, fence in got.items()]
    return won


def test_of_several_processes_each_round_has_one_winner_a_resource(ledger: Ledger, database_url: str) -> None:
    del ledger
    with processes(4) as pool:
        won = [win for wins in pool.map(_compete, [database_url] * 4, range(4)) for win in wins]

    rounds = Counter((resource, turn) for resource, _, turn in won)
    assert rounds == Counter((resource, turn) for resource in RESOURCES for turn in range(ROUNDS))
    # The numbers grow with the rounds, by one each.
    assert all(fence == turn + 1 for _, fence, turn in won)


def test_threads_are_never_inside_together(ledger: Ledger) -> None:
    inside: Counter[str] = Counter()
    crowds: list[str] = []
    fences: list[tuple[str, int]] = []
    guard = threading.Lock()

    def work(worker: int) -> None:
        shuffled = random.Random(worker)
        for _ in range(15):
            wanted = shuffled.sample(RESOURCES, len(RESOURCES))
            held = ledger.acquire(wanted[:20], f"worker-{worker}", 60, NOW)
            with guard:
                fences.extend(held.items())
                inside.update(held.keys())
                crowds.extend(resource for resource in held if inside[resource] > 1)
            assert ledger.renew(held, f"worker-{worker}", 60, NOW) == set(held)
            assert ledger.check(held, NOW) == set()
            with guard:
                inside.subtract(held.keys())
            ledger.release(held, f"worker-{worker}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))

    assert not crowds
    assert max(Counter(fences).values()) == 1


def test_what_is_done_together_is_kept_together_or_not_at_all(ledger: Ledger) -> None:
    later = NOW + timedelta(seconds=60)

    def both() -> None:
        with ledger.database.together():
            ledger.acquire(["a"], "me", 60, NOW)
            ledger.acquire(["b"], "me", 60, NOW)
            assert ledger.live("", NOW) == 2
            raise LookupError

    with pytest.raises(LookupError):
        both()
    assert ledger.live("", NOW) == 0
    with ledger.database.together():
        held = ledger.acquire(["a", "b"], "me", 60, NOW)
        ledger.release({"a": held["a"]}, "me")
    assert ledger.held_until("a", NOW) is None
    assert ledger.held_until("b", NOW) == later


def test_what_one_thread_does_together_is_seen_by_others_at_its_end(ledger: Ledger) -> None:
    with ThreadPoolExecutor(1) as pool:
        with ledger.database.together():
            ledger.acquire(["a"], "me", 60, NOW)
            assert pool.submit(ledger.live, "", NOW).result() == 0
        assert pool.submit(ledger.live, "", NOW).result() == 1


class LeaseMachine(RuleBasedStateMachine):
    """Compares the ledger with what a plain dictionary says."""

    ledger: Ledger
    names: Iterator[int]
    holders = st.sampled_from(["a", "b", "c"])
    some = st.sets(st.integers(0, 3), min_size=1)

    @initialize()
    def begin(self) -> None:
        self.prefix = f"machine-{next(self.names)}/"
        self.now = NOW
        self.rows: dict[str, tuple[str, int, object]] = {}
        self.given: list[tuple[str, dict[str, int]]] = []

    def _named(self, numbers: set[int]) -> set[str]:
        return {f"{self.prefix}{number}" for number in numbers}

    def _is_held(self, resource: str, fence: int) -> bool:
        holder, current, _ = self.rows[resource]
        return bool(holder) and current == fence

    def _is_live(self, resource: str) -> bool:
        return resource in self.rows and self.rows[resource][2] > self.now  # type: ignore[operator]

    @rule(numbers=some, holder=holders, seconds=st.integers(1, 20))
    def acquire(self, numbers: set[int], holder: str, seconds: int) -> None:
        wanted = {name for name in self._named(numbers) if not self._is_live(name)}
        expected = {name: self.rows.get(name, ("", 0, None))[1] + 1 for name in wanted}

        got = self.ledger.acquire(self._named(numbers), holder, seconds, self.now)

        assert got == expected
        self.rows |= {name: (holder, fence, self.now + seconds * SECOND) for name, fence in got.items()}
        self.given.append((holder, got))

    @rule(seconds=st.integers(1, 15))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @precondition(lambda self: self.given)
    @rule(data=st.data(), seconds=st.integers(1, 20))
    def renew(self, data: st.DataObject, seconds: int) -> None:
        holder, held = data.draw(st.sampled_from(self.given))
        expected = {name for name, fence in held.items() if self._is_held(name, fence)}

        assert self.ledger.renew(held, holder, seconds, self.now) == expected
        self.rows |= {name: (holder, held[name], self.now + seconds * SECOND) for name in expected}

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        holder, held = data.draw(st.sampled_from(self.given))
        mine = {name for name, fence in held.items() if self._is_held(name, fence)}

        self.ledger.release(held, holder)
        self.rows |= {name: ("", held[name], NOW - SECOND) for name in mine}

    @invariant()
    def lost_is_lost(self) -> None:
        for _, held in self.given[-5:]:
            lost = {name for name in held if not (self._is_held(name, held[name]) and self._is_live(name))}
            assert self.ledger.check(held, self.now) == lost

    @invariant()
    def live_is_live(self) -> None:
        assert self.ledger.live(self.prefix, self.now) == sum(map(self._is_live, self.rows))


@pytest.mark.timeout(120)
def test_leases_behave_as_a_dictionary_would(ledger: Ledger) -> None:
    numbers = iter(range(1_000_000))
    machine = type("Machine", (LeaseMachine,), {"ledger": ledger, "names": numbers})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
