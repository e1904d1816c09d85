"""A steady rate after a burst, a pause for all after a call too many, and Brick Owl's three limits in one."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from connectors.brickowl.calls import BATCH_POINTS
from connectors.brickowl.pacing import BATCHES, CALLS, IN_FLIGHT, OwlPacer, shared_pacer
from connectors.http import Answer
from connectors.pacing import LONGEST_PAUSE, TokenBucket


@dataclass
class Time:
    """A clock that moves by sleeping only."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.now += seconds


def told(status: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, None, datetime(2026, 11, 21, tzinfo=UTC))


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def bucket(time: Time) -> TokenBucket:
    return TokenBucket(5, 10, clock=time.clock, sleep=time.sleep)


def test_a_burst_goes_at_once_and_then_the_rate_holds(bucket: TokenBucket, time: Time) -> None:
    assert [bucket.reserve(1) for _ in range(10)] == [0] * 10
    assert [round(bucket.reserve(1), 6) for _ in range(5)] == [0.2] * 5
    assert time.now == pytest.approx(101)


def test_never_more_than_the_rate_and_one_burst_in_any_minute(bucket: TokenBucket, time: Time) -> None:
    sent = []
    for number in range(1000):
        if number % 90 == 0:
            time.now += 7
        bucket.reserve(1)
        sent.append(time.now)
    for start in sent:
        assert sum(start <= each < start + 60 for each in sent) <= 5 * 60 + 10 + 1


def test_points_come_back_up_to_the_burst(bucket: TokenBucket, time: Time) -> None:
    bucket.reserve(10)
    time.now += 1
    assert bucket.points().level == pytest.approx(5)
    time.now += 60
    assert (bucket.points().level, bucket.points().rate) == (10, 5)


def test_more_than_a_burst_may_be_asked_for(bucket: TokenBucket) -> None:
    assert bucket.reserve(20) == pytest.approx(2)
    assert bucket.reserve(1) == pytest.approx(0.2)


def test_after_a_call_too_many_everyone_waits_as_long_as_told(bucket: TokenBucket, time: Time) -> None:
    bucket.learn(told(429, retry_after="2.5"), 1)
    assert bucket.reserve(1) == pytest.approx(2.5)
    assert bucket.reserve(1) == 0
    assert time.now == pytest.approx(102.5)


def test_without_a_word_the_pause_doubles_until_an_answer_comes(bucket: TokenBucket) -> None:
    waits = []
    for _ in range(5):
        bucket.learn(told(429), 1)
        waits.append(round(bucket.reserve(1), 3))
    assert waits == [10, 20, 40, LONGEST_PAUSE, LONGEST_PAUSE]
    bucket.learn(told(200), 1)
    bucket.learn(told(429, retry_after="soon"), 1)
    assert bucket.reserve(1) == pytest.approx(10)


def test_a_pause_holds_those_who_wait_already(time: Time) -> None:
    def sleep(seconds: float) -> None:
        if not time.slept:
            shared.learn(told(429, retry_after="30"), 1)
        time.sleep(seconds)

    shared = TokenBucket(1, 1, clock=time.clock, sleep=sleep)
    shared.reserve(1)
    assert shared.reserve(1) == pytest.approx(30)


def test_threads_share_one_bucket() -> None:
    time, lock = Time(), threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            time.now += seconds

    bucket = TokenBucket(5, 10, clock=time.clock, sleep=sleep)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bucket.reserve, [1.0] * 60))
    assert time.now >= 110
    assert bucket.points().level <= (time.now - 110) * 5 + 1e-6


# ------------------------------------------------------------------------ Brick Owl


def let_through(pacer: OwlPacer, time: Time, cost: float, seconds: float) -> int:
    """How many calls of this cost go in so many seconds, one after the other."""
    count, until = 0, time.now + seconds
    while True:
        pacer.reserve(cost)
        if time.now > until:
            pacer.release(cost)
            return count
        pacer.learn(told(200), cost)
        count += 1


def test_calls_and_batches_have_their_own_limits(time: Time) -> None:
    pacer = OwlPacer(clock=time.clock, sleep=time.sleep)
    let_through(pacer, time, 1, 60)
    assert CALLS - 1 <= let_through(pacer, time, 1, 60) <= CALLS
    time.now += 60
    let_through(pacer, time, BATCH_POINTS, 60)
    assert BATCHES - 1 <= let_through(pacer, time, BATCH_POINTS, 60) <= BATCHES
    assert pacer.points().rate == CALLS / 60


def test_only_so_many_calls_are_on_their_way() -> None:
    pacer, most, flying, lock = OwlPacer(), [0], [0], threading.Lock()

    def call(_: int) -> None:
        pacer.reserve(1)
        with lock:
            flying[0] += 1
            most[0] = max(most[0], flying[0])
        threading.Event().wait(0.005)
        with lock:
            flying[0] -= 1
        pacer.learn(told(200), 1)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(call, range(24)))
    assert most[0] == IN_FLIGHT


def test_an_account_has_one_pacer() -> None:
    assert shared_pacer("a") is shared_pacer("a") is not shared_pacer("b")
