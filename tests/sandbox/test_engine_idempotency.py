from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from sandbox.shopify.idempotency import CODES, KeyMemory, Verdict, fingerprint, usable

DAY = 24 * 3600.0


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_key_is_new_then_running_then_known() -> None:
    memory = KeyMemory(Clock())
    assert memory.begin("app", "shop", "k", {"a": 1}) is Verdict.NEW
    assert memory.begin("app", "shop", "k", {"a": 1}) is Verdict.RUNNING
    memory.finish("app", "shop", "k", succeeded=True)
    assert memory.begin("app", "shop", "k", {"a": 1}) is Verdict.REPLAY


def test_other_parameters_under_a_known_key() -> None:
    memory = KeyMemory(Clock())
    memory.begin("app", "shop", "k", {"a": 1})
    assert memory.begin("app", "shop", "k", {"a": 2}) is Verdict.MISMATCH
    memory.finish("app", "shop", "k", succeeded=True)
    assert memory.begin("app", "shop", "k", {"a": 2}) is Verdict.MISMATCH


def test_the_order_of_fields_does_not_matter_but_the_order_of_rows_does() -> None:
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": [1, 2], "a": 1})
    assert fingerprint({"b": [1, 2]}) != fingerprint({"b": [2, 1]})
    assert fingerprint({"a": None}) != fingerprint({})


def test_a_failed_attempt_burns_its_key() -> None:
    memory = KeyMemory(Clock())
    memory.begin("app", "shop", "k", {})
    memory.finish("app", "shop", "k", succeeded=False)
    assert memory.begin("app", "shop", "k", {}) is Verdict.FAILED_BEFORE


def test_an_attempt_that_never_was_leaves_its_key_new() -> None:
    memory = KeyMemory(Clock())
    memory.begin("app", "shop", "k", {})
    memory.forget("app", "shop", "k")
    assert memory.begin("app", "shop", "k", {"other": 1}) is Verdict.NEW


@pytest.mark.parametrize(("app", "shop"), [("app", "other"), ("other", "shop")])
def test_apps_and_shops_have_memories_of_their_own(app: str, shop: str) -> None:
    memory = KeyMemory(Clock())
    memory.begin("app", "shop", "k", {})
    assert memory.begin(app, shop, "k", {}) is Verdict.NEW


@pytest.mark.parametrize(("age", "verdict"), [(DAY - 1, Verdict.REPLAY), (DAY, Verdict.NEW)])
def test_a_key_is_remembered_for_a_day(age: float, verdict: Verdict) -> None:
    clock = Clock()
    memory = KeyMemory(clock)
    memory.begin("app", "shop", "k", {})
    memory.finish("app", "shop", "k", succeeded=True)
    clock.now = age
    assert memory.begin("app", "shop", "k", {}) is verdict


def test_a_vendor_that_forgets() -> None:
    memory = KeyMemory(Clock(), remember=False)
    for _ in range(2):
        assert memory.begin("app", "shop", "k", {}) is Verdict.NEW
        memory.finish("app", "shop", "k", succeeded=True)


def test_of_many_at_once_one_is_new() -> None:
    memory = KeyMemory(Clock())
    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(lambda _: memory.begin("app", "shop", "k", {}), range(64)))
    assert verdicts.count(Verdict.NEW) == 1
    assert verdicts.count(Verdict.RUNNING) == 63


@pytest.mark.parametrize(
    ("key", "good"), [("k", True), ("", False), ("  ", False), (None, False), (3, False)]
)
def test_usable_keys(key: object, good: bool) -> None:  # noqa: FBT001
    assert usable(key) == good


def test_every_verdict_that_stops_a_mutation_has_a_code() -> None:
    assert set(Verdict) - set(CODES) == {Verdict.NEW, Verdict.REPLAY}
