from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.shopify.bucket import PLANS, Bucket, cost_extension, max_cost_reply, throttled_reply


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def _standard(clock: Clock) -> Bucket:
    return Bucket(*PLANS["standard"], clock)


@pytest.mark.parametrize(
    ("plan", "rate", "size"), [("standard", 100, 2_000), ("advanced", 200, 4_000), ("plus", 1_000, 20_000)]
)
def test_plans(plan: str, rate: int, size: int) -> None:
    assert PLANS[plan] == (rate, size)


def test_it_starts_full_and_refills_continuously() -> None:
    clock = Clock()
    bucket = _standard(clock)
    assert bucket.admit(1_000)
    bucket.charge(1_000)
    assert bucket.available == 1_000
    clock.now = 0.005
    assert bucket.available == 1_000.5
    clock.now = 60
    assert bucket.available == 2_000


def test_admission_asks_for_the_price_and_the_end_takes_the_cost() -> None:
    bucket = _standard(Clock())
    assert bucket.admit(233)
    assert bucket.available == 1_767
    bucket.charge(46)
    assert bucket.available == 1_954


def test_a_refusal_takes_nothing() -> None:
    bucket = _standard(Clock())
    for _ in range(2):
        assert bucket.admit(1_000)
        bucket.charge(1_000)
    assert not bucket.admit(1)
    assert bucket.available == 0
    assert bucket.status()["currentlyAvailable"] == 0


def test_a_clock_set_back_neither_gives_nor_takes() -> None:
    clock = Clock(100)
    bucket = _standard(clock)
    assert bucket.admit(500)
    bucket.charge(500)
    clock.now = 50
    assert bucket.available == 1_500
    clock.now = 51
    assert bucket.available == 1_600


def test_parallel_operations_share_it_as_measured() -> None:
    """16 documents of 862 points on 4,000: 4 go through, 12 are throttled."""
    bucket = Bucket(*PLANS["advanced"], Clock())
    with ThreadPoolExecutor(16) as pool:
        admitted = list(pool.map(lambda _: bucket.admit(862), range(16)))
    assert admitted.count(True) == 4


def test_each_thread_settles_its_own_operation() -> None:
    bucket = _standard(Clock())

    def work(points: int) -> None:
        assert bucket.admit(points)
        bucket.charge(points // 2)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, [10] * 40))
    assert bucket.available == 1_800


@given(
    st.lists(
        st.tuples(st.floats(0, 30), st.integers(0, 1_000), st.floats(0, 1)),
        max_size=40,
    )
)
def test_it_never_leaves_its_bounds_nor_gives_more_than_time_did(
    steps: list[tuple[float, int, float]],
) -> None:
    clock = Clock()
    bucket = _standard(clock)
    spent = 0.0
    for pause, asked, share in steps:
        clock.now += pause
        if bucket.admit(asked):
            bucket.charge(asked * share)
            spent += asked * share
        assert 0 <= bucket.available <= 2_000
    assert spent <= 2_000 + clock.now * 100 + 1e-6


def test_the_cost_block() -> None:
    bucket = _standard(Clock())
    assert cost_extension(13, 10, bucket) == {
        "requestedQueryCost": 13,
        "actualQueryCost": 10,
        "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 2000, "restoreRate": 100.0},
    }


def test_a_throttled_reply_has_no_data_and_no_actual_cost() -> None:
    reply = throttled_reply(13, _standard(Clock()))
    assert set(reply) == {"errors", "extensions"}
    errors, extensions = reply["errors"], reply["extensions"]
    assert isinstance(errors, list)
    assert isinstance(extensions, dict)
    assert errors[0]["message"] == "Throttled"
    assert errors[0]["extensions"]["code"] == "THROTTLED"
    assert errors[0]["extensions"]["documentation"]
    assert extensions["cost"]["actualQueryCost"] is None
    assert extensions["cost"]["requestedQueryCost"] == 13


def test_a_reply_to_too_dear_an_operation_has_no_cost_block() -> None:
    reply = max_cost_reply(1_001)
    assert set(reply) == {"errors"}
    errors = reply["errors"]
    assert isinstance(errors, list)
    assert {**errors[0]["extensions"], "documentation": ""} == {
        "code": "MAX_COST_EXCEEDED",
        "cost": 1_001,
        "maxCost": 1_000,
        "documentation": "",
    }
