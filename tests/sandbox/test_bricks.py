"""The made-up stores of both marketplaces: what is on both is the same, and what goes wrong is there."""

from typing import Any

import pytest

from sandbox.app import Sandbox
from sandbox.bricks import MOST_GENERATED, OWL_COLORS, generated_stores
from sandbox.clock import Clock
from sandbox.demo import demo_world
from sandbox.generate import generated_world
from tests.sandbox.seller import NOW, Seller

Json = dict[str, Any]


def sold_on_bricklink(world: Json) -> list[tuple[object, ...]]:
    return [
        (each["item"]["no"], each["color_id"], each["new_or_used"], each["quantity"])
        for each in world["bricklink"]["default"]["lots"]
        if not each["is_stock_room"]
    ]


def sold_on_brick_owl(world: Json) -> list[tuple[object, ...]]:
    store = world["brickowl"]["default"]
    items = {each["boid"]: each["bl_item_no"] for each in store["boids"]}
    colors = {owl: link for link, owl in OWL_COLORS.items()}
    found: list[tuple[object, ...]] = []
    for each in store["lots"]:
        boid, _, color = each["boid"].partition("-")
        condition = "N" if each["con"].startswith("new") else "U"
        found.append((items[boid], colors[int(color)] if color else 0, condition, each["qty"]))
    return found


@pytest.fixture(scope="module")
def demo() -> Json:
    with Sandbox(demo_world(NOW), clock=Clock(NOW, frozen=True)) as sandbox:
        return sandbox.world()


def test_both_marketplaces_of_the_demo_sell_the_same(demo: Json) -> None:
    both = set(sold_on_bricklink(demo)) & set(sold_on_brick_owl(demo))
    assert both == set(sold_on_brick_owl(demo))
    assert len(both) >= 10


def test_the_demo_has_lots_that_are_not_plain(demo: Json) -> None:
    lots = demo["bricklink"]["default"]["lots"]
    assert any(each["is_stock_room"] and each["quantity"] for each in lots)
    assert any(each["is_stock_room"] and each["is_retain"] and not each["quantity"] for each in lots)
    assert {each["item"]["type"] for each in lots} == {"PART", "SET", "MINIFIG"}
    names = [(each["item"]["no"], each["color_id"], each["new_or_used"]) for each in lots]
    assert len(names) > len(set(names))
    assert {each["status"] for each in demo["bricklink"]["default"]["orders"]} >= {"SHIPPED", "CANCELLED"}


def test_the_demo_is_served_with_its_own_keys() -> None:
    with Sandbox(demo_world(NOW), clock=Clock(NOW, frozen=True)) as sandbox:
        store = Seller(sandbox)
        assert len(store.get("/inventories")) >= 12
        assert [each["status"] for each in store.get("/orders")] == ["SHIPPED", "CANCELLED"]


def test_a_generated_shop_has_stores_with_a_lot_for_each_product() -> None:
    with Sandbox(generated_world(23, 1, 3, NOW)) as sandbox:
        world = sandbox.world()
    assert sold_on_bricklink(world) == sold_on_brick_owl(world)
    assert len(set(sold_on_bricklink(world))) == 23


def test_generated_stores_depend_on_their_seed_only_and_end_somewhere() -> None:
    assert generated_stores(30, 1) == generated_stores(30, 1) != generated_stores(30, 2)
    big = generated_stores(MOST_GENERATED + 1, 0)
    assert len(big["bricklink"]["default"]["lots"]) == MOST_GENERATED
