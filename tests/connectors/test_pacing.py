"""The bucket's mirror against a simulated store, call by call in simulated time, and its threads for real."""

import heapq
import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import pacing
from connectors.http import Answer
from connectors.pacing import CostBucket, Mirror, Reading, Ticket, points, reading, shared_bucket
from connectors.records import JsonValue

ROUNDING = 1e-6


def answer(body: JsonValue) -> Answer:
    return Answer(200, {}, body, datetime(2026, 10, 1, tzinfo=UTC))


def told(
    level: float, *, size: float = 2000, rate: float = 100, requested: float = 10, actual: float | None = 10
) -> Answer:
    status: dict[str, JsonValue] = {
        "maximumAvailable": size,
        "currentlyAvailable": level,
        "restoreRate": rate,
    }
    cost: dict[str, JsonValue] = {
        "requestedQueryCost": requested,
        "actualQueryCost": actual,
        "throttleStatus": status,
    }
    return answer({"data": {}, "extensions": {"cost": cost}})


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


# ---------------------------------------------------------------- a store in simulated time


@dataclass
class Store:
    """The bucket of contracts/shopify.md: lets in what it holds, gives back what was not used."""

    size: float
    rate: float
    level: float
    at: float = 0.0
    throttled: int = 0

    def level_at(self, now: float) -> float:
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now
        return self.level

    def admit(self, cost: float, now: float) -> bool:
        if self.level_at(now) + ROUNDING < cost:
            self.throttled += 1
            return False
        self.level -= cost
        return True

    def end(self, unused: float, now: float) -> None:
        self.level = min(self.size, self.level_at(now) + unused)


@dataclass(frozen=True)
class Job:
    """A call as it will go: its price and charge, and its time to the store, in the store, and back."""

    cost: float
    used: float
    there: float
    inside: float
    back: float


@dataclass
class Client:
    """One process: some workers that take jobs in order through one mirror."""

    store: Store
    events: "Events"
    mirror: Mirror
    jobs: deque[Job]
    workers: int
    share: Callable[[], float] = lambda: 1.0
    finished: float = 0.0
    woken_at: float = -1.0

    def go(self, now: float) -> None:
        """Send what may be sent now, and come back when the next may."""
        while self.jobs and len(self.mirror.outstanding) < self.workers:
            wait = self.mirror.wait(self.jobs[0].cost, self.share(), now)
            if wait:
                self.come_back(now, wait)
                return
            self.dispatch(self.jobs.popleft(), now)

    def come_back(self, now: float, wait: float) -> None:
        if wait < inf and not now < self.woken_at <= now + wait:
            self.woken_at = now + wait
            self.events.add(self.woken_at, self.go)

    def dispatch(self, job: Job, now: float) -> None:
        ticket = self.mirror.take(job.cost, now)
        self.events.add(now + job.there, lambda t: self.arrive(job, ticket, t))

    def arrive(self, job: Job, ticket: Ticket, now: float) -> None:
        if self.store.admit(job.cost, now):
            self.events.add(now + job.inside, lambda t: self.leave(job, ticket, t))
        else:
            self.answer(job, ticket, None, now)
            self.jobs.appendleft(job)

    def leave(self, job: Job, ticket: Ticket, now: float) -> None:
        self.store.end(job.cost - job.used, now)
        self.answer(job, ticket, job.used, now)

    def answer(self, job: Job, ticket: Ticket, charged: float | None, now: float) -> None:
        heard = Reading(self.store.size, self.store.rate, self.store.level_at(now), charged)
        self.events.add(now + job.back, lambda t: self.hear(ticket, heard, t))

    def hear(self, ticket: Ticket, heard: Reading, now: float) -> None:
        self.mirror.settle(ticket, heard, self.share(), now)
        self.finished = max(now, self.finished)
        self.go(now)


class Events:
    """What happens when; ties in the order they were added."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = itertools.count()

    def add(self, at: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self._heap, (at, next(self._count), what))

    def run(self) -> None:
        while self._heap:
            at, _, what = heapq.heappop(self._heap)
            what(at)


class Oracle(Mirror):
    """A mirror that sees into the store: nobody who never wants to be throttled can be much faster."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.under_way: dict[Ticket, float] = {}

    def wait(self, cost: float, share: float, now: float) -> float:
        del share
        free = self.store.level_at(now) - sum(t.cost for t, there in self.under_way.items() if there > now)
        return 0.0 if cost <= free + ROUNDING else max(0.001, min(0.02, (cost - free) / self.store.rate))


class OracleClient(Client):
    def dispatch(self, job: Job, now: float) -> None:
        super().dispatch(job, now)
        newest = max(self.mirror.outstanding, key=lambda ticket: ticket.tickets)
        assert isinstance(self.mirror, Oracle)
        self.mirror.under_way[newest] = now + job.there


def simulate(store: Store, jobs: Iterable[Job], workers: int, *, oracle: bool = False) -> float:
    """The time at which one process has done all jobs."""
    events = Events()
    kind = OracleClient if oracle else Client
    client = kind(store, events, Oracle(store) if oracle else Mirror(), deque(jobs), workers)
    client.go(0.0)
    events.run()
    assert not client.jobs
    return client.finished


def job(most: float = 1000.0, slowest: float = 2.0) -> st.SearchStrategy[Job]:
    seconds = st.floats(0.0, slowest)
    return st.builds(
        lambda cost, part, there, inside, back: Job(cost, cost * part, there, inside, back),
        st.integers(1, int(most)).map(float) | st.floats(1, most),
        st.just(1.0) | st.floats(0, 1),
        seconds,
        seconds,
        seconds,
    )


buckets = st.sampled_from([(2000.0, 100.0), (4000.0, 200.0), (20000.0, 1000.0)])
jobs = st.lists(job(), min_size=1, max_size=60)


class TestOneProcess:
    @given(buckets, st.floats(0, 1), jobs, st.integers(1, 12))
    def test_is_never_throttled_once_it_knows_the_bucket(
        self, bucket: tuple[float, float], full: float, jobs: list[Job], workers: int
    ) -> None:
        store = Store(*bucket, level=full * bucket[0])
        probe = Job(0, 0, 0.1, 0.1, 0.1)
        simulate(store, [probe, *jobs], workers)
        assert store.throttled == 0

    @given(buckets, jobs, st.integers(1, 12))
    def test_an_empty_bucket_costs_one_refusal(
        self, bucket: tuple[float, float], jobs: list[Job], workers: int
    ) -> None:
        store = Store(*bucket, level=0.0)
        simulate(store, jobs, workers)
        assert store.throttled <= 1

    @given(buckets, jobs, st.integers(1, 12))
    def test_waits_hardly_longer_than_one_who_sees_into_the_store(
        self, bucket: tuple[float, float], jobs: list[Job], workers: int
    ) -> None:
        ours = simulate(Store(*bucket, level=bucket[0]), jobs, workers)
        best = simulate(Store(*bucket, level=bucket[0]), jobs, workers, oracle=True)
        longest_way = max(each.there + each.inside + each.back for each in jobs)
        assert ours <= 1.15 * best + 3 * longest_way

    @given(buckets, st.lists(job(slowest=0.3), min_size=50, max_size=80), st.integers(4, 12))
    def test_a_long_run_takes_what_the_points_take(
        self, bucket: tuple[float, float], jobs: list[Job], workers: int
    ) -> None:
        size, rate = bucket
        took = simulate(Store(size, rate, level=size), jobs, workers)
        ways = sum(each.there + each.inside + each.back for each in jobs)
        points_alone = max(0.0, sum(each.used for each in jobs) - size) / rate
        # The last thousand points have to be there as a whole; ways overlap only partly.
        assert took <= points_alone + 1000 / rate + ways + 1


class TestSeveralProcesses:
    @pytest.mark.parametrize("count", [2, 4])
    def test_share_a_bucket_almost_without_refusals_and_without_waste(self, count: int, seed: int) -> None:
        chance = random.Random(seed)
        store, events = Store(2000, 100, level=2000), Events()
        jobs = [_page(chance) for _ in range(count * 60)]
        clients: list[Client] = []

        def share() -> float:
            return 1 / max(1, sum(bool(client.jobs or client.mirror.outstanding) for client in clients))

        parts = [deque(jobs[i::count]) for i in range(count)]
        clients.extend(Client(store, events, Mirror(), part, workers=5, share=share) for part in parts)
        for client in clients:
            client.go(0.0)
        events.run()
        ideal = (sum(each.used for each in jobs) - 2000) / 100
        assert not any(client.jobs for client in clients)
        # A few, when a process ends and those that go on take over its share.
        assert store.throttled <= len(jobs) // 30
        assert max(client.finished for client in clients) <= 1.25 * ideal + 10


def _page(chance: random.Random) -> Job:
    cost = chance.choice([10.0, 20.0, 52.0, 255.0])
    return Job(cost, cost * chance.uniform(0.3, 1), 0.06, chance.uniform(0, 0.4), 0.06)


class TestMirror:
    def settled(
        self, mirror: Mirror, ticket: Ticket, level: float, charged: float | None, now: float
    ) -> None:
        mirror.settle(ticket, Reading(2000, 100, level, charged), 1.0, now)

    def known(self, level: float = 2000) -> Mirror:
        mirror = Mirror()
        self.settled(mirror, mirror.take(0, 0), level, 0, 0)
        return mirror

    def test_lets_one_call_ahead_alone_until_the_bucket_is_known(self) -> None:
        mirror = Mirror()
        assert mirror.wait(10, 1, 0) == 0
        ticket = mirror.take(10, 0)
        assert mirror.wait(10, 1, 5) == inf
        mirror.settle(ticket, None, 1, 6)
        assert mirror.wait(10, 1, 6) == 0

    def test_waits_exactly_until_the_points_are_back(self) -> None:
        assert self.known(level=100).wait(400, 1, 0) == pytest.approx(3)
        assert self.known(level=100).wait(400, 1, 2) == pytest.approx(1)
        assert self.known(level=100).wait(400, 1, 3) == 0

    def test_counts_calls_on_their_way(self) -> None:
        mirror = self.known(level=500)
        mirror.take(300, 0)
        assert mirror.wait(300, 1, 0) == pytest.approx(1)

    def test_an_answer_that_was_overtaken_does_not_bring_spent_points_back(self) -> None:
        mirror = self.known(level=1000)
        early, late = mirror.take(10, 0), mirror.take(900, 0)
        self.settled(mirror, late, 90, 900, 0)
        self.settled(mirror, early, 990, 10, 0)
        assert mirror.wait(90, 1, 0) == 0
        assert mirror.wait(91, 1, 0) > 0

    def test_an_answer_shows_what_others_took(self) -> None:
        mirror = self.known(level=2000)
        self.settled(mirror, mirror.take(10, 0), 300, 10, 0)
        assert mirror.wait(400, 1, 0) == pytest.approx(1)

    def test_a_refusal_proves_the_mirror_wrong(self) -> None:
        mirror = self.known(level=2000)
        other = mirror.take(900, 0)
        self.settled(mirror, mirror.take(1000, 0), 50, None, 0)
        assert mirror.wait(100, 1, 0) > 0
        self.settled(mirror, other, 50, 900, 0)
        assert mirror.wait(50, 1, 9) == 0

    def test_a_lost_call_counts_as_charged(self) -> None:
        mirror = self.known(level=1000)
        mirror.settle(mirror.take(900, 0), None, 1, 0)
        assert mirror.wait(100, 1, 0) == 0
        assert mirror.wait(200, 1, 0) == pytest.approx(1)

    def test_keeps_to_its_share(self) -> None:
        mirror = self.known()
        mirror.take(400, 0)
        assert mirror.wait(600, 0.5, 0) == 0
        assert mirror.wait(601, 0.5, 0) > 0

    def test_a_call_above_the_share_goes_alone(self) -> None:
        mirror = self.known()
        assert mirror.wait(800, 0.25, 0) == 0
        mirror.take(10, 0)
        assert mirror.wait(800, 0.25, 0) == inf

    def test_a_call_above_the_bucket_goes_when_it_is_full(self) -> None:
        mirror = self.known(level=1900)
        assert mirror.wait(9000, 1, 0) == pytest.approx(1)
        assert mirror.wait(9000, 1, 1) == 0

    def test_asks_again_with_one_call_when_others_may_have_drawn_for_long(self) -> None:
        mirror = self.known()
        assert mirror.wait(500, 0.5, pacing.OLD + 1) == 0
        mirror.take(500, pacing.OLD + 1)
        assert mirror.wait(1, 0.5, pacing.OLD + 1) == inf
        assert self.known().wait(500, 1, pacing.OLD + 1) == 0

    def test_follows_a_change_of_plan(self) -> None:
        mirror = self.known(level=0)
        mirror.settle(mirror.take(0, 0), Reading(20000, 1000, 0, 0), 1.0, 0)
        assert mirror.wait(1000, 1, 0) == pytest.approx(1)


class TestCostBucket:
    def bucket(self, level: float) -> tuple[CostBucket, Clock]:
        clock = Clock()
        bucket = CostBucket(clock=clock, sleep=clock.sleep)
        assert bucket.reserve(10) == 0
        bucket.learn(told(level), 10)
        return bucket, clock

    def test_tells_the_seconds_it_waited(self) -> None:
        bucket, _ = self.bucket(level=100)
        assert bucket.reserve(100) == 0
        bucket.learn(told(0, actual=100), 100)
        assert bucket.reserve(250) == pytest.approx(2.5)

    def test_takes_any_body_for_an_answer(self) -> None:
        bucket, _ = self.bucket(level=2000)
        bodies: list[JsonValue] = [
            None,
            [],
            "x",
            {"extensions": []},
            {"extensions": {"cost": {"throttleStatus": 1}}},
        ]
        for body in bodies:
            bucket.reserve(100)
            bucket.learn(answer(body), 100)
        assert bucket.reserve(1500) == 0

    def test_an_answer_nobody_reserved_for_is_read_all_the_same(self) -> None:
        clock = Clock()
        bucket = CostBucket(clock=clock, sleep=clock.sleep)
        bucket.learn(told(100), 10)
        assert bucket.reserve(200) == pytest.approx(1)

    def test_the_longest_waiting_goes_first_however_large(self) -> None:
        bucket = CostBucket()
        bucket.reserve(1)
        bucket.learn(told(0, size=50, rate=200), 1)
        order: list[float] = []
        threads = [self.queue_up(bucket, cost, order) for cost in (50, 1, 1)]
        for thread in threads:
            thread.join(10)
        assert order == [50, 1, 1]

    def queue_up(self, bucket: CostBucket, cost: float, order: list[float]) -> threading.Thread:
        def work() -> None:
            bucket.reserve(cost)
            order.append(cost)
            bucket.learn(answer(None), cost)

        before = len(bucket._queue)
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        while len(bucket._queue) == before and thread.is_alive():
            threading.Event().wait(0.001)
        return thread

    def test_threads_wait_for_the_first_answer_and_then_go_at_once(self) -> None:
        bucket = CostBucket()
        bucket.reserve(10)
        order: list[float] = []
        threads = [self.queue_up(bucket, cost, order) for cost in (20, 30)]
        assert order == []
        bucket.learn(told(2000), 10)
        for thread in threads:
            thread.join(10)
        assert order == [20, 30]

    def test_many_threads_never_overdraw_a_real_bucket(self) -> None:
        store, lock = Store(100, 2000, level=100), threading.Lock()
        bucket = CostBucket()

        def call(cost: float) -> None:
            bucket.reserve(cost)
            with lock:
                store.admit(cost, time.monotonic())
            with lock:
                store.end(cost / 2, time.monotonic())
                level = store.level_at(time.monotonic())
            bucket.learn(told(level, size=100, rate=2000, actual=cost / 2), cost)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(call, [5.0, 40.0, 17.0, 90.0] * 25))
        assert store.throttled == 0

    def test_a_share_that_cannot_be_told_loses_no_reservation(self, caplog: pytest.LogCaptureFixture) -> None:
        bucket, _ = self.bucket(level=2000)

        def unknown() -> float:
            raise OSError("the ledger is locked by hunter2")

        bucket.share = unknown
        bucket.reserve(500)
        bucket.learn(told(1500, actual=500), 500)
        assert bucket.reserve(1500) == 0
        assert "OSError" in caplog.text
        assert "hunter2" not in caplog.text

    def test_is_one_per_account_in_a_process(self) -> None:
        mine = shared_bucket("shopify", "pacing-test-a")
        assert shared_bucket("shopify", "pacing-test-a", lambda: 0.5) is mine
        assert mine.share() == 0.5
        assert shared_bucket("shopify", "pacing-test-b") is not mine


class TestReading:
    def test_takes_whole_numbers_and_decimals(self) -> None:
        assert reading(told(1990, size=2000.0, rate=100)) == Reading(2000, 100, 1990, 10)

    def test_a_refused_call_was_charged_nothing(self) -> None:
        found = reading(told(5, actual=None))
        assert found is not None
        assert found.charged is None

    @pytest.mark.parametrize("wrong", [None, "1", True, -1, float("nan"), float("inf"), [], {}])
    @pytest.mark.parametrize("name", ["maximumAvailable", "restoreRate", "currentlyAvailable"])
    def test_leaves_nonsense_alone(self, name: str, wrong: JsonValue) -> None:
        status: dict[str, JsonValue] = {"maximumAvailable": 1, "restoreRate": 1, "currentlyAvailable": 1}
        assert reading(answer({"extensions": {"cost": {"throttleStatus": {**status, name: wrong}}}})) is None

    def test_points_are_the_actual_cost(self) -> None:
        assert points(told(1, actual=4.5)) == 4.5
        assert points(told(1, actual=None)) == 0
        assert points(answer("<html>")) == 0
