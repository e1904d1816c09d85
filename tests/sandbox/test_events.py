"""What happens in the world while a client looks elsewhere."""

import pytest

from sandbox.reading import WorldError
from tests.sandbox.shopper import Json, Shopper, runner, shopper

SALE = {"system": "shopify", "kind": "sale", "variant_id": 1001, "quantity": 2}


@pytest.fixture
def shop() -> Shopper:
    return shopper()


def event(shop: Shopper, kind: str, **given: object) -> Json:
    return shop.sandbox.event({"system": "shopify", "kind": kind, **given})


def numbers(shop: Shopper) -> tuple[int, int, int]:
    level = shop.level(5001)
    assert level is not None
    return level["available"], level["committed"], level["on_hand"]


def test_a_sale_commits_what_was_available(shop: Shopper) -> None:
    number = shop.sandbox.event(SALE)["order_id"]
    assert numbers(shop) == (3, 2, 5)
    orders = shop.sandbox.world()["shopify"]["own.example"]["orders"]
    assert [(order["id"], order["lines"][0]["variant_id"]) for order in orders] == [(number, 1001)]
    assert [
        (w["operation"], w["what"], w["name"], w["before"], w["after"]) for w in shop.sandbox.writes()[:2]
    ] == [
        ("event", "level", "available", 5, 3),
        ("event", "level", "committed", 0, 2),
    ]


def test_nobody_buys_more_than_there_is_unless_it_may_be_ordered_back(shop: Shopper) -> None:
    assert "refused" in event(shop, "sale", variant_id=1001, quantity=6)
    assert numbers(shop) == (5, 0, 5)
    generous = shopper(runner(policy="CONTINUE"))
    event(generous, "sale", variant_id=1001, quantity=6)
    assert numbers(generous) == (-1, 6, 5)


def test_fulfilment_takes_the_goods_away(shop: Shopper) -> None:
    number = shop.sandbox.event(SALE)["order_id"]
    event(shop, "fulfil", order_id=number)
    assert numbers(shop) == (3, 0, 3)
    assert "refused" in event(shop, "fulfil", order_id=number)


@pytest.mark.parametrize(("restock", "after"), [(True, (5, 0, 5)), (False, (3, 0, 3))])
def test_a_cancelled_order(shop: Shopper, restock: bool, after: object) -> None:  # noqa: FBT001
    number = shop.sandbox.event(SALE)["order_id"]
    event(shop, "cancel", order_id=number, restock=restock)
    assert numbers(shop) == after


def test_other_hands(shop: Shopper) -> None:
    event(shop, "edit", variant_id=1001, quantity=8)
    event(shop, "reserve", variant_id=1001, quantity=2)
    event(shop, "restock", variant_id=1001, quantity=1)
    event(shop, "incoming", variant_id=1001, quantity=4)
    level = shop.level(5001)
    assert level is not None
    assert (level["available"], level["reserved"], level["incoming"], level["on_hand"]) == (7, 2, 4, 9)
    event(shop, "deactivate", variant_id=1001)
    assert shop.level(5001, hidden=False) is None


def test_things_go_and_tags_come(shop: Shopper) -> None:
    event(shop, "tag", product_id=101, tag="evenstock-ignore")
    event(shop, "delete_variant", variant_id=1002)
    assert "refused" in event(shop, "delete_variant", variant_id=1001)
    event(shop, "delete_product", product_id=102)
    (product,) = shop.sandbox.world()["shopify"]["own.example"]["products"]
    assert product["tags"] == ["evenstock-ignore", "Summer"]
    assert [variant["id"] for variant in product["variants"]] == [1001]


def test_an_event_waits_for_its_call(shop: Shopper) -> None:
    before = {"operation": "inventorySetQuantities", "nth": 2}
    assert shop.sandbox.event({**SALE, "before": before}) == {"waiting": True}
    assert shop.set((5001, 4, 5), key="a")["userErrors"] == []
    assert shop.available(5001) == 4
    assert shop.problems((5001, 3, 4), key="b") == [("CHANGE_FROM_QUANTITY_STALE", None)]
    assert shop.available(5001) == 2
    assert shop.sandbox.around.events.listed()["waiting"] == 0


def test_an_event_of_rms_may_wait_for_a_call_too() -> None:
    shop = shopper()
    shop.sandbox.rms.load({"items": [], "without_columns": []})
    waiting = {"system": "rms", "kind": "remove", "ccod": "A", "sku": "A-1", "before": {"operation": "shop"}}
    shop.sandbox.event(waiting)
    shop.post("{ shop { id } }")
    assert "refused" in str(shop.sandbox.around.events.listed()["happened"])


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"kind": "sael"}, "event.kind: 'sael' is not known; did you mean 'sale'?"),
        ({"kind": "sale"}, "event: 'variant_id' is missing"),
        ({"kind": "sale", "variant": 1}, "event: unknown key 'variant'; did you mean 'variant_id'?"),
        (
            {"kind": "sale", "account": "nobody", "variant_id": 1},
            "event: there is no shopify account 'nobody'",
        ),
        ({"kind": "sale", "variant_id": 1, "before": {}}, "event.before: 'operation' is missing"),
    ],
)
def test_an_event_with_a_mistake_is_refused(shop: Shopper, wrong: Json, text: str) -> None:
    with pytest.raises(WorldError) as refused:
        shop.sandbox.event({"system": "shopify", **wrong})
    assert str(refused.value) == text
