"""World files: read, refused, and written again with everything that happened."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.app import Sandbox
from sandbox.demo import demo_world
from sandbox.generate import generated_world
from sandbox.reading import WorldError
from tests.sandbox.shopper import NOW, SHOP, Json, Shopper, runner, shopper, world

EXAMPLE = {
    "shopify": {
        "own.example": {
            "token": "tok-own",
            "plan": "standard",
            "timezone": "UTC",
            "locations": [{"id": 1, "name": "Main"}],
            "products": [
                {
                    "id": 101,
                    "title": "Runner",
                    "handle": "runner",
                    "status": "ACTIVE",
                    "tags": ["RMS-SYNC-26-11-20"],
                    "metafields": {"rms.ccod": "24X104"},
                    "variants": [
                        {
                            "id": 1001,
                            "inventory_item_id": 5001,
                            "sku": "24X104-37",
                            "price": "59.90",
                            "tracked": True,
                            "levels": {"1": {"available": 5, "committed": 0, "incoming": 0, "reserved": 0}},
                        }
                    ],
                }
            ],
            "orders": [
                {
                    "id": 9001,
                    "created_at": "2026-11-20T10:00:00Z",
                    "lines": [{"variant_id": 1001, "quantity": 1}],
                }
            ],
        }
    },
    "rms": {
        "items": [
            {"ccod": "24X104", "sku": "24X104-37", "quantity": 3, "last_updated": "2026-11-20T09:00:00"}
        ]
    },
    "bricklink": {},
    "brickowl": {},
    "bigbuy": {},
    "aliexpress": {},
    "csv": {},
}


@pytest.mark.parametrize(
    "start",
    [EXAMPLE, {}, {"shopify": {}}, demo_world(NOW), generated_world(3, 2, 1, NOW)],
    ids=["example", "empty", "no shop", "demo", "generated"],
)
def test_a_world_read_and_written_is_the_same_world(start: Json) -> None:
    with Sandbox(start) as sandbox:
        first = sandbox.world()
        sandbox.put_world(json.loads(json.dumps(first)))
        assert sandbox.world() == first


def test_the_example_is_served_as_written() -> None:
    with Sandbox(EXAMPLE) as sandbox:
        shop = sandbox.world()["shopify"]["own.example"]
    wanted = EXAMPLE["shopify"]["own.example"]["products"][0]  # type: ignore[index]
    assert shop["products"][0]["variants"][0].items() >= wanted["variants"][0].items()
    assert shop["orders"][0]["created_at"] == "2026-11-20T10:00:00Z"


def _shop(**keys: object) -> Json:
    return {"shopify": {SHOP: keys}}


def _variant(**keys: object) -> Json:
    return _shop(products=[{"variants": [keys]}])


AT = 'shopify["own.example"]'


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"shopfy": {}}, "unknown key 'shopfy'; did you mean 'shopify'?"),
        (_shop(tokn="x"), f"{AT}: unknown key 'tokn'; did you mean 'token'?"),
        (_shop(plan="pro"), f"{AT}.plan: 'pro' is not known; known are standard, advanced, plus"),
        (_shop(timezone="Madrid"), f"{AT}.timezone: 'Madrid' is not a time zone such as 'Europe/Madrid'"),
        (_shop(locations=[]), f"{AT}.locations: a shop needs at least one location"),
        (_shop(scopes=["read_product"]), f"{AT}.scopes[0]: 'read_product' is not known; did you mean"),
        (_variant(pirce="1"), f"{AT}.products[0].variants[0]: unknown key 'pirce'; did you mean 'price'?"),
        (_variant(sku=7), f"{AT}.products[0].variants[0].sku: must be text, not a number"),
        (_variant(policy="NO"), f"{AT}.products[0].variants[0].policy: 'NO' is not known"),
        (
            _variant(levels={"1": {"available": "5"}}),
            f'{AT}.products[0].variants[0].levels["1"].available: must be a whole number, not text',
        ),
        (_variant(levels={"main": {}}), f"{AT}.products[0].variants[0].levels: 'main' must be the number"),
        (_variant(id=7, levels={"9": {}}), f"{AT}.products: variant 7 has a level at location 9"),
        (_shop(products=[{"id": 1}, {"id": 1}]), f"{AT}.products: two have the id 1"),
        (_shop(products=[{"id": 1, "variants": [{"id": 2}, {"id": 2}]}]), f"{AT}.products: two variants"),
        (_shop(products=[{"metafields": {"ccod": "x"}}]), f"{AT}.products[0].metafields: 'ccod' must be"),
        (_shop(orders=[{"created_at": "yesterday"}]), f"{AT}.orders[0].created_at: must be a time such as"),
        ({"rms": {"items": [{"sku": "x"}]}}, "rms.items[0]: 'ccod' is missing"),
        ({"rms": {"items": {}}}, "rms.items: must be a list, not an object"),
        (
            {"bricklink": {"default": {"lot": []}}},
            "bricklink.default: unknown key 'lot'; did you mean 'lots'?",
        ),
    ],
)
def test_a_mistake_is_one_line_that_says_where(wrong: Json, text: str) -> None:
    with pytest.raises(WorldError) as refused:
        Sandbox(wrong)
    assert str(refused.value).startswith(text)
    assert "\n" not in str(refused.value)


def test_a_refused_world_changes_nothing() -> None:
    shop = shopper()
    before = shop.sandbox.world()
    with pytest.raises(WorldError):
        shop.sandbox.put_world(_variant(pirce="1"))
    assert shop.sandbox.world() == before


def test_what_happened_is_in_the_world() -> None:
    shop = shopper()
    shop.set((5001, 2, 5))
    shop.data('mutation { tagsAdd(id: "gid://shopify/Product/101", tags: ["x"]) { node { id } } }')
    product = shop.sandbox.world()["shopify"][SHOP]["products"][0]
    assert product["tags"] == ["Summer", "x"]
    assert product["variants"][0]["levels"]["1"]["available"] == 2


def test_a_new_world_forgets_writes_and_keys() -> None:
    shop = shopper()
    shop.set((5001, 2, 5), key="k")
    shop.sandbox.put_world(world(runner()))
    assert shop.sandbox.writes() == []
    shop.set((5001, 2, 5), key="k")
    assert shop.available(5001) == 2


quantities = st.integers(-1_000, 1_000)


@given(st.dictionaries(st.sampled_from(["available", "committed", "reserved", "damaged"]), quantities))
def test_on_hand_is_the_sum_of_its_parts(parts: dict[str, int]) -> None:
    shop = shopper(runner(levels={"1": parts}))
    level = shop.level(5001)
    assert level is not None
    assert level["on_hand"] == sum(parts.values())


# ------------------------------------------------------ the two made-up shops


def test_the_demo_has_what_goes_wrong() -> None:
    made = demo_world(NOW)
    with Sandbox(made) as sandbox:
        shop, *partners = sandbox.world()["shopify"].values()
        rows = sandbox.world()["rms"]["items"]
    products, variants = shop["products"], [v for p in shop["products"] for v in p["variants"]]
    assert len(partners) == 3
    assert 55 <= len(products) <= 70
    assert {product["status"] for product in products} == {"ACTIVE", "DRAFT", "ARCHIVED", "UNLISTED"}
    assert any(not product["metafields"] for product in products)
    assert any("evenstock-ignore" in product["tags"] for product in products)
    assert any(not variant["tracked"] for variant in variants)
    assert any(variant.get("bundle") for variant in variants)
    assert any(variant.get("policy") == "CONTINUE" for variant in variants)
    assert {row["quantity"] for row in rows} >= {-2, 2.5, None, "n/a", 0}
    skus = {variant["sku"] for variant in variants}
    assert {row["sku"] for row in rows} - skus
    assert skus - {row["sku"] for row in rows}
    assert datetime.fromisoformat(shop["orders"][0]["created_at"]) > datetime.now(UTC) - timedelta(
        days=10_000
    )


def test_the_demo_is_mostly_even() -> None:
    made = demo_world(NOW)
    known = {row["sku"]: row["quantity"] for row in made["rms"]["items"]}
    levels = [
        (variant["levels"]["1"]["available"], known[variant["sku"]])
        for product in made["shopify"]["shoes.example"]["products"]
        for variant in product["variants"]
        if "1" in variant["levels"] and variant["sku"] in known
    ]
    live = [pair for pair in levels if pair[0] > 0]
    zeroing = [pair for pair in live if pair[1] == 0]
    assert len(zeroing) <= 0.1 * len(live)
    assert sum(shown == wanted for shown, wanted in levels) > 0.6 * len(levels)


def test_a_generated_world_depends_on_its_seed_only() -> None:
    assert generated_world(20, 3, 7, NOW) == generated_world(20, 3, 7, NOW)
    assert generated_world(20, 3, 7, NOW) != generated_world(20, 3, 8, NOW)


def test_settings_point_at_the_first_shop() -> None:
    client = Shopper(Sandbox(EXAMPLE), token="tok-own")
    settings = client.sandbox.settings("http://127.0.0.1:1")
    assert settings.keys() == {
        "SHOPIFY_STORE_DOMAIN",
        "SHOPIFY_ADMIN_TOKEN",
        "SHOPIFY_LOCATION_ID",
        "SHOPIFY_API_VERSION",
        "SHOPIFY_WEBHOOK_SECRET",
        "RMS_DATABASE_URL",
    }
    assert settings["SHOPIFY_STORE_DOMAIN"] == "http://127.0.0.1:1/shopify/own.example"
    assert (settings["SHOPIFY_ADMIN_TOKEN"], settings["SHOPIFY_LOCATION_ID"]) == ("tok-own", "1")
