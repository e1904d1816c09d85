"""Orders: the window, their lines, how they are found, and the last sale of a SKU."""

from collections.abc import Sequence

import pytest

from tests.sandbox.bulk_shopper import named
from tests.sandbox.shopper import Json, Shopper, boot, gid, runner, shopper

LINES = """
query Lines($id: ID!, $first: Int = 2, $after: String) {
  order(id: $id) {
    lineItems(first: $first, after: $after) {
      nodes { sku quantity currentQuantity variant { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
FOUND = """
query Found($q: String!) {
  orders(first: 50, query: $q, sortKey: CREATED_AT) { nodes { id cancelledAt test createdAt updatedAt } }
}
"""
EDGE = "2026-09-22T12:00:00Z"
"""60 days before the stand-ins' now."""
ORDERS: list[Json] = [
    {"id": 1, "created_at": "2026-06-01T00:00:00Z", "lines": [{"variant_id": 1002}]},
    {"id": 2, "created_at": "2026-09-22T11:59:59Z"},
    {"id": 3, "created_at": EDGE, "lines": [{"variant_id": 1001}, {"sku": "GIFT", "quantity": 3}]},
    {"id": 4, "created_at": "2026-11-01T00:00:00Z", "test": True, "lines": [{"variant_id": 1001}]},
    {
        "id": 5,
        "created_at": "2026-11-02T00:00:00Z",
        "cancelled_at": "2026-11-03T00:00:00Z",
        "updated_at": "2026-11-03T00:00:00Z",
        "lines": [{"variant_id": 1001, "quantity": 2, "current_quantity": 0}],
    },
    {"id": 6, "created_at": "2026-11-04T00:00:00Z", "fulfilled": True, "lines": [{"variant_id": 2001}]},
]
LIMITED = (
    "read_products",
    "write_products",
    "read_inventory",
    "write_inventory",
    "read_locations",
    "read_orders",
)


def store(scopes: Sequence[str] | None = None) -> Shopper:
    given = {"scopes": list(scopes)} if scopes else {}
    return shopper(runner(), boot(), orders=ORDERS, **given)  # type: ignore[arg-type]


def found(shop: Shopper, query: str) -> list[int]:
    return [int(node["id"].rpartition("/")[2]) for node in shop.data(FOUND, q=query)["nodes"]]


def test_all_orders_with_the_scope_and_60_days_without() -> None:
    assert found(store(), "") == [1, 2, 3, 4, 5, 6]
    shop = store(LIMITED)
    assert found(shop, "") == [3, 4, 5, 6]
    assert found(shop, "created_at:>='2026-01-01T00:00:00Z'") == [3, 4, 5, 6]
    assert shop.data("{ ordersCount { count } }") == {"count": 4}
    assert shop.data(LINES, id=gid("Order", 2)) is None
    (node,) = shop.data("query N($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[gid("Order", 1)])
    assert node is None
    shop.sandbox.clock.advance(1)
    assert found(shop, "") == [4, 5, 6]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("sku:'R-37'", [3, 4, 5]),
        ("sku:'r-37'", [3, 4, 5]),
        ("sku:R-37 OR sku:'B-40'", [3, 4, 5, 6]),
        ("sku:'R-3'", []),
        ("sku:R-3*", [1, 3, 4, 5]),
        ("sku:GIFT", [3]),
        ("test:true", [4]),
        ("test:false -status:cancelled", [1, 2, 3, 6]),
        ("status:cancelled", [5]),
        ("fulfillment_status:fulfilled", [6]),
        (f"created_at:>='{EDGE}'", [3, 4, 5, 6]),
        ("updated_at:>='2026-11-03T00:00:00Z'", [5, 6]),
        ("processed_at:<'2026-09-22T12:00:00Z'", [1, 2]),
        ("id:>4", [5, 6]),
    ],
)
def test_orders_are_searched(query: str, numbers: list[int]) -> None:
    assert found(store(), query) == numbers


def test_there_is_no_search_by_variant() -> None:
    body = store().ask(FOUND, q="variant_id:1001")
    assert len(body["data"]["orders"]["nodes"]) == len(ORDERS)
    assert body["extensions"]["search"][0]["warnings"][0]["field"] == "variant_id"


def test_lines_of_what_is_no_variant_have_none() -> None:
    page = store().data(LINES, id=gid("Order", 3))["lineItems"]
    assert page["nodes"] == [
        {"sku": "R-37", "quantity": 1, "currentQuantity": 1, "variant": {"id": gid("ProductVariant", 1001)}},
        {"sku": "GIFT", "quantity": 3, "currentQuantity": 3, "variant": None},
    ]


def test_lines_of_a_deleted_variant_keep_its_sku() -> None:
    shop = store()
    shop.sandbox.event({"system": "shopify", "kind": "delete_variant", "variant_id": 1001})
    nodes = shop.data(LINES, id=gid("Order", 5))["lineItems"]["nodes"]
    assert nodes == [{"sku": "R-37", "quantity": 2, "currentQuantity": 0, "variant": None}]
    assert found(shop, "sku:R-37") == [3, 4, 5]


def test_lines_page() -> None:
    lines = [{"sku": f"S{number}", "quantity": 1} for number in range(5)]
    shop = shopper(runner(), orders=[{"id": 1, "lines": lines}])
    skus, after = [], None
    while True:
        page = shop.data(LINES, id=gid("Order", 1), after=after)["lineItems"]
        skus += [node["sku"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert skus == [f"S{number}" for number in range(5)]


def test_what_happens_to_an_order_shows_in_it() -> None:
    shop = shopper()
    sale = {"system": "shopify", "kind": "sale", "variant_id": 1001, "location_id": 1, "quantity": 2}
    number = shop.sandbox.event(sale)["order_id"]
    shop.sandbox.clock.advance(60)
    assert found(shop, "updated_at:>='2026-11-21T12:00:30Z'") == []
    shop.sandbox.event({"system": "shopify", "kind": "cancel", "order_id": number, "restock": True})
    assert found(shop, "updated_at:>='2026-11-21T12:00:30Z' status:cancelled") == [number]
    (line,) = shop.data(LINES, id=gid("Order", int(str(number))))["lineItems"]["nodes"]
    assert (line["quantity"], line["currentQuantity"]) == (2, 0)


def test_the_last_sale_of_a_sku_is_the_newest() -> None:
    nodes = named(store(), "LastSale", find="sku:'R-37'")["nodes"]
    assert [node["id"] for node in nodes] == [gid("Order", number) for number in (5, 4, 3)]
