"""Tags of many products changed at once, against the stand-in in process."""

from collections.abc import Iterator

import pytest

from connectors.errors import WritesOff
from connectors.records import TagChange
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
