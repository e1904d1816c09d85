"""Tags of many products changed at once, against the stand-in in process."""

from collections.abc import Iterator

import pytest

from connectors.errors import WritesOff
from connectors.http import Points
from connectors.pacing import CostBucket
from connectors.records import TagChange
from connectors.shopify.bulk import Bulk
from connectors.shopify.tags import change_in_bulk
from sandbox.app import Sandbox
from tests.connectors.store import Store, stored
from tests.worlds import MARK, YESTERDAY, World, product, world


@pytest.fixture
def store() -> Iterator[Store]:
    with stored() as made:
        yield made


def shoes(count: int) -> list[World]:
    return [product(n, "24X", tags=("keep", YESTERDAY)) for n in range(1, count + 1)]


def marking(count: int) -> list[TagChange]:
    return [TagChange(n, (MARK,), (YESTERDAY,)) for n in range(1, count + 1)]


def tags(store: Store) -> dict[int, set[str]]:
    return {each.id: set(each.tags) for each in store.shop().products(range(1, 200))}


class TestDirectly:
    def test_all_products_get_theirs_and_lose_the_others(self, store: Store) -> None:
        shop = store.put(world(shoes(20), []))
        assert shop.change_tags(marking(20), width=4) == {}
        assert tags(store) == {n: {"keep", MARK} for n in range(1, 21)}

    def test_nothing_to_change_is_no_call(self, store: Store) -> None:
        shop = store.put(world(shoes(1), []))
        assert shop.change_tags([]) == {}
        assert shop.change_tags([TagChange(1)]) == {}
        assert store.sandbox.calls() == []

    def test_a_product_that_is_gone_fails_alone(self, store: Store) -> None:
        shop = store.put(world(shoes(3), []))
        failed = shop.change_tags([*marking(3), TagChange(99, (MARK,), (YESTERDAY,))])
        assert failed.keys() == {99}
        assert len(store.calls("tagsRemove")) == 3
        assert tags(store) == {n: {"keep", MARK} for n in range(1, 4)}

    def test_lost_answers_change_nothing(self, store: Store) -> None:
        shop = store.put(world(shoes(5), []))
        store.fault(operation="tagsAdd", kind="lost_answer", times=3)
        assert shop.change_tags(marking(5)) == {}

    def test_a_shut_door_is_knocked_at_once(self, store: Store) -> None:
        shop = store.put(world(shoes(10), []))
        store.fault(operation="*", kind="http", status=423, times=-1)
        failed = shop.change_tags(marking(10), width=1)
        assert failed.keys() == set(range(1, 11))
        assert len(store.sandbox.calls()) == 1

    def test_writes_off_sends_nothing(self, store: Store) -> None:
        store.put(world(shoes(5), []))
        shop = store.shop(writes_off=True)
        with pytest.raises(WritesOff):
            shop.change_tags(marking(5))
        assert store.sandbox.calls() == []


class TestInBulk:
    """As `change_tags` does it for many products; here with few, to have it quick."""

    def change(self, store: Store, changes: list[TagChange]) -> dict[int, str]:
        http = store.http()
        return change_in_bulk(http, Bulk(http), changes, width=4)

    @pytest.mark.parametrize("order", ["kept", "shuffled"])
    def test_all_products_get_theirs_and_lose_the_others(self, order: str) -> None:
        with Sandbox(switches={"bulk_order": order}) as sandbox:
            store = Store(sandbox)
            store.put(world(shoes(20), []))
            assert self.change(store, marking(20)) == {}
            assert tags(store) == {n: {"keep", MARK} for n in range(1, 21)}
            assert store.calls("tagsAdd") == store.calls("tagsRemove") == []
            assert len(store.calls("bulkOperationRunMutation")) == 2

    def test_two_passes_cost_twice_22_points_with_a_poll_each(self, store: Store) -> None:
        store.put(world(shoes(20), []))
        http = store.http()
        assert change_in_bulk(http, Bulk(http), marking(20), 4) == {}
        assert http.usage.points == 2 * 21 + len(store.calls("bulkOperation"))

    def test_a_product_that_is_gone_fails_alone_and_loses_nothing(self, store: Store) -> None:
        store.put(world(shoes(3), []))
        failed = self.change(store, [TagChange(99, (MARK,), (YESTERDAY,)), *marking(3)])
        assert failed.keys() == {99}
        assert tags(store) == {n: {"keep", MARK} for n in range(1, 4)}

    def test_only_additions_or_only_removals_are_one_pass(self, store: Store) -> None:
        store.put(world(shoes(3), []))
        assert self.change(store, [TagChange(n, add=("x",)) for n in (1, 2)]) == {}
        assert self.change(store, [TagChange(n, remove=("KEEP",)) for n in (2, 3)]) == {}
        assert tags(store) == {1: {"keep", YESTERDAY, "x"}, 2: {YESTERDAY, "x"}, 3: {YESTERDAY}}
        assert len(store.calls("bulkOperationRunMutation")) == 2

    @pytest.mark.parametrize(
        "fault",
        [
            {"operation": "bulkMutation", "kind": "graphql_error"},
            {"operation": "bulkMutation", "kind": "graphql_error", "after": True},
            {"operation": "bulkMutation", "kind": "partial"},
            {"operation": "bulkMutation", "kind": "empty"},
            {"operation": "bulkMutation", "kind": "malformed"},
            {"operation": "bulkMutation", "kind": "timeout_before"},
            {"operation": "bulkMutation", "kind": "lost_answer"},
            {"operation": "bulkOperationRunMutation", "kind": "lost_answer"},
            {"operation": "bulkOperationRunMutation", "kind": "http", "status": 502},
            {"operation": "bulkOperationRunMutation", "kind": "http", "status": 422},
            {"operation": "stagedUploadsCreate", "kind": "http", "status": 503},
            {"operation": "stagedUploadsCreate", "kind": "http", "status": 422},
            {"operation": "POST /staged-uploads", "kind": "http", "status": 403},
            {"operation": "POST /staged-uploads", "kind": "lost_answer"},
            {"operation": "bulkOperation", "kind": "http", "status": 422},
            {"operation": "GET /bulk/{id}", "kind": "http", "status": 403},
        ],
        ids=lambda fault: "-".join(str(part) for part in fault.values()),
    )
    @pytest.mark.parametrize("times", [1, -1])
    def test_whatever_goes_wrong_all_is_done_in_the_end(
        self, store: Store, fault: dict[str, object], times: int
    ) -> None:
        store.put(world(shoes(12), []))
        store.fault(**fault, times=times)
        assert self.change(store, marking(12)) == {}
        assert tags(store) == {n: {"keep", MARK} for n in range(1, 13)}

    def test_what_was_done_without_a_word_is_looked_up_and_not_done_again(self, store: Store) -> None:
        store.put(world(shoes(12), []))
        store.fault(operation="bulkMutation", kind="empty")
        assert self.change(store, marking(12)) == {}
        assert len(store.calls("nodes")) == 1
        assert store.calls("tagsAdd") == []

    def test_what_cannot_be_looked_up_is_done_again(self, store: Store) -> None:
        store.put(world(shoes(12), []))
        store.sandbox.faults(
            [
                {"system": "shopify", "operation": "bulkMutation", "kind": "empty"},
                {"system": "shopify", "operation": "nodes", "kind": "http", "status": 422},
            ]
        )
        assert self.change(store, marking(12)) == {}
        assert len(store.calls("tagsAdd")) == 12

    def test_a_shut_door_is_knocked_at_once(self, store: Store) -> None:
        store.put(world(shoes(30), []))
        store.fault(operation="*", kind="http", status=423, times=-1)
        assert self.change(store, marking(30)).keys() == set(range(1, 31))
        assert len(store.sandbox.calls()) == 1

    def test_writes_off_sends_nothing(self, store: Store) -> None:
        store.put(world(shoes(5), []))
        http = store.http(writes_off=True)
        with pytest.raises(WritesOff):
            change_in_bulk(http, Bulk(http), marking(5), 4)
        assert store.seen == []


class TestTheChoice:
    def test_few_products_are_changed_call_by_call(self, store: Store) -> None:
        shop = store.put(world(shoes(50), []))
        assert shop.change_tags(marking(50), width=10) == {}
        assert store.calls("bulkOperationRunMutation") == []

    def test_many_are_changed_in_bulk(self, store: Store) -> None:
        shop = store.put(world(shoes(400), []))
        assert shop.change_tags(marking(400), width=10) == {}
        assert len(store.calls("bulkOperationRunMutation")) == 2
        assert store.calls("tagsAdd") == []
        assert set(map(frozenset, tags(store).values())) == {frozenset({"keep", MARK})}

    def test_an_empty_bucket_makes_fewer_many(self, store: Store) -> None:
        store.put(world(shoes(100), [], plan="standard"))
        pacer = CostBucket(clock=store.sandbox.clock.seconds, sleep=store.sleep)
        shop = store.shop(pacer=pacer)
        shop.facts()
        pacer.reserve(1_500)
        assert shop.change_tags(marking(100), width=10) == {}
        assert len(store.calls("bulkOperationRunMutation")) == 2

    def test_the_buckets_level_and_rate_are_told(self, store: Store) -> None:
        store.put(world(shoes(1), [], plan="standard"))
        pacer = CostBucket(clock=lambda: 0.0, sleep=store.sleep, share=lambda: 0.5)
        shop = store.shop(pacer=pacer)
        assert shop.http.points_left is None
        shop.facts()
        assert shop.http.points_left == Points((2_000 - shop.http.usage.points) / 2, 50.0)
