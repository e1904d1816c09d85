"""Who may read, what a search finds, how pages follow each other, and what it costs."""

from typing import Any

import pytest

from sandbox.app import Sandbox
from sandbox.clock import Clock
from tests.sandbox.shopper import MAIN, NOW, SHOP, Shopper, boot, gid, runner, shopper

PING = "{ shop { myshopifyDomain } }"
FIND = "query F($find: String) { products(first: 50, query: $find) { nodes { id tags } } }"


@pytest.fixture
def shop() -> Shopper:
    return shopper()


def found(shop: Shopper, query: str) -> list[int]:
    nodes = shop.data(FIND, find=query)["nodes"]
    return [int(node["id"].rpartition("/")[2]) for node in nodes]


# ------------------------------------------------------------ who may ask


@pytest.mark.parametrize("token", ["wrong", ""])
def test_a_wrong_token_is_refused(shop: Shopper, token: str) -> None:
    shop.token = token
    response = shop.post(PING)
    assert response.status_code == 401
    assert isinstance(response.json()["errors"], str)


def test_bearer_is_not_accepted(shop: Shopper) -> None:
    shop.token = ""
    assert shop.post(PING, headers={"Authorization": "Bearer sandbox-token"}).status_code == 401


@pytest.mark.parametrize(("asked", "status", "served"), [
    ("2026-10", 200, "2026-10"),
    ("2026-04", 200, "2026-04"),
    ("2025-01", 200, "2026-01"),
    ("2027-01", 404, None),
    ("latest", 404, None),
])  # fmt: skip
def test_an_expired_version_is_served_by_the_oldest(asked: str, status: int, served: str | None) -> None:
    client = shopper()
    client.version = asked
    response = client.post(PING)
    assert (response.status_code, response.headers.get("X-Shopify-API-Version")) == (status, served)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"query": ""}', b'{"query": 7}'])
def test_a_body_without_a_query_is_a_bad_request(shop: Shopper, body: bytes) -> None:
    path = f"/shopify/{SHOP}/admin/api/2026-10/graphql.json"
    response = shop.http.post(path, content=body, headers={"X-Shopify-Access-Token": shop.token})
    assert response.status_code == 400
    assert "query" in response.json()["errors"]


def test_a_shop_that_is_not_there(shop: Shopper) -> None:
    assert shop.http.post("/shopify/other.example/admin/api/2026-10/graphql.json").status_code == 404


GRANT = {"grant_type": "client_credentials", "client_id": "me", "client_secret": "shh"}


def grant(shop: Shopper, **fields: str) -> tuple[int, dict[str, Any]]:
    response = shop.http.post(f"/shopify/{SHOP}/admin/oauth/access_token", data=fields)
    return response.status_code, response.json()


@pytest.fixture
def app() -> Shopper:
    return shopper(token=None, client_id="me", client_secret="shh")


def test_client_credentials_give_a_token_for_a_day(app: Shopper) -> None:
    status, reply = grant(app, **GRANT)
    assert (status, reply["expires_in"]) == (200, 86399)
    app.token = reply["access_token"]
    assert app.post(PING).status_code == 200
    app.sandbox.clock.advance(86400)
    assert app.post(PING).status_code == 401


def test_wrong_client_credentials(app: Shopper) -> None:
    assert grant(app, **{**GRANT, "client_secret": "wrong"})[0] == 400


def test_a_refresh_token_works_once(app: Shopper) -> None:
    client = {"client_id": "me", "client_secret": "shh"}
    first = grant(app, **client, code="sandbox-code", expiring="1")[1]
    assert first["expires_in"] == 3600
    again = {**client, "grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = grant(app, **again)[1]
    assert second["refresh_token"] != first["refresh_token"]
    assert grant(app, **again)[0] == 400


def test_a_revoked_token_is_dead(shop: Shopper) -> None:
    shop.sandbox.event({"system": "shopify", "kind": "revoke_token"})
    assert shop.post(PING).status_code == 401


def test_a_missing_scope_makes_the_field_null() -> None:
    shop = shopper(scopes=["read_products"])
    body = shop.ask("{ locations(first: 5) { nodes { id } } products(first: 5) { nodes { id } } }")
    assert body["data"]["locations"] is None
    assert len(body["data"]["products"]["nodes"]) == 2
    (error,) = body["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["locations"], "ACCESS_DENIED")
    assert "read_locations" in error["extensions"]["requiredAccess"]


def test_a_missing_scope_hides_nodes_and_stops_writes() -> None:
    shop = shopper(scopes=["read_inventory"])
    query = "query N($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    body = shop.ask(query, ids=[gid("Product", 101), gid("InventoryItem", 5001)])
    assert body["data"]["nodes"] == [None, {"id": gid("InventoryItem", 5001)}]
    assert body["errors"][0]["path"] == ["nodes", 0]
    tag = 'mutation { tagsAdd(id: "gid://shopify/Product/101", tags: ["x"]) { node { id } } }'
    assert shop.codes(tag) == ["ACCESS_DENIED"]
    assert shop.sandbox.writes() == []


# ----------------------------------------------------------------- search


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [101, 102]),
        ("tag:'DONE'", [102]),
        ("tag_not:'done'", [101]),
        ("-tag:done", [101]),
        ("NOT tag:done", [101]),
        ("tag_not:'done' AND status:active", [101]),
        ("status:draft", [102]),
        ("id:>101", [102]),
        ("sku:'r-38'", [101]),
        ("tag:do", []),
        ("updated_at:>='2026-11-20T00:00:00Z'", []),
    ],
)
def test_search(shop: Shopper, query: str, expected: list[int]) -> None:
    assert found(shop, query) == expected


def test_an_unknown_field_finds_everything_and_warns(shop: Shopper) -> None:
    body = shop.ask(FIND, find="tga_not:'done'")
    assert len(body["data"]["products"]["nodes"]) == 2
    (warning,) = body["extensions"]["search"][0]["warnings"]
    assert (warning["field"], warning["code"]) == ("tga_not", "invalid_field")


def test_search_lags_behind_and_values_do_not() -> None:
    shop = shopper(search_lag_seconds=3)
    shop.data('mutation { tagsAdd(id: "gid://shopify/Product/101", tags: ["done"]) { node { id } } }')
    (node,) = shop.data(FIND, find="tag_not:'done'")["nodes"]
    assert node["tags"] == ["done", "Summer"]
    shop.sandbox.clock.advance(3.1)
    assert found(shop, "tag_not:'done'") == []


def test_the_lag_is_a_switch() -> None:
    shop = shopper(switches={"search_lag": "60"})
    shop.data('mutation { tagsAdd(id: "gid://shopify/Product/101", tags: ["done"]) { node { id } } }')
    assert found(shop, "tag_not:'done'") == [101]


def test_tags_may_be_searched_by_word() -> None:
    tagged = {**runner(), "tags": ["done today"]}
    assert found(shopper(tagged), "tag_not:'done'") == [101]
    assert found(shopper(tagged, switches={"tag_search": "word"}), "tag_not:'done'") == []


def test_a_total_lags_and_the_variants_quantity_does_not() -> None:
    shop = shopper(search_lag_seconds=5)
    shop.set((5001, 0, 5))
    query = """{ product(id: "gid://shopify/Product/101") {
      totalInventory variants(first: 1) { nodes { inventoryQuantity } } } }"""
    product = shop.data(query)
    assert (product["totalInventory"], product["variants"]["nodes"][0]["inventoryQuantity"]) == (12, 0)
    shop.sandbox.clock.advance(6)
    assert shop.data(query)["totalInventory"] == 7


# ------------------------------------------------------------------ paging

PAGE = """
query P($after: String, $first: Int) {
  productVariants(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } }
}
"""


def test_pages_follow_each_other() -> None:
    variants = [{"id": number, "inventory_item_id": number + 5000} for number in range(1, 24)]
    shop = shopper({"id": 900, "variants": variants})
    seen: list[int] = []
    after = None
    while True:
        page = shop.data(PAGE, first=5, after=after)
        seen += [int(node["id"].rpartition("/")[2]) for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == list(range(1, 24))


@pytest.mark.parametrize("first", [None, 251])
def test_a_page_needs_a_size_up_to_250(shop: Shopper, first: int | None) -> None:
    assert shop.codes(PAGE, first=first) == ["BAD_REQUEST"]


def test_a_cursor_that_is_none(shop: Shopper) -> None:
    assert shop.codes(PAGE, first=5, after="nonsense") == ["BAD_REQUEST"]


def test_nodes_keep_their_order_and_unknown_ones_are_null(shop: Shopper) -> None:
    ids = [gid("Product", 102), gid("Product", 9), gid("InventoryItem", 5001), gid("Product", 101)]
    nodes = shop.data("query N($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=ids)
    assert [node and node["id"] for node in nodes] == [ids[0], None, ids[2], ids[3]]
    assert nodes[2]["__typename"] == "InventoryItem"


def test_inactive_locations_are_shown_when_asked_for() -> None:
    shop = shopper(runner(), locations=[{"id": 1}, {"id": 2, "active": False}])
    query = "query L($all: Boolean) { locations(first: 9, includeInactive: $all) { nodes { id isActive } } }"
    assert len(shop.data(query, all=False)["nodes"]) == 1
    assert len(shop.data(query, all=True)["nodes"]) == 2


def test_orders_older_than_60_days_need_a_scope() -> None:
    orders = [
        {"id": 1, "created_at": "2026-06-01T00:00:00Z"},
        {"id": 2, "created_at": "2026-11-20T00:00:00Z", "test": True, "lines": [{"variant_id": 1001}]},
    ]
    query = """{ orders(first: 9, sortKey: CREATED_AT, reverse: true) { nodes { id test
      lineItems(first: 5) { nodes { sku variant { id } } } } } }"""
    everything = shopper(runner(), orders=orders).data(query)["nodes"]
    assert [node["id"] for node in everything] == [gid("Order", 2), gid("Order", 1)]
    assert everything[0]["lineItems"]["nodes"] == [
        {"sku": "R-37", "variant": {"id": gid("ProductVariant", 1001)}}
    ]
    recent = shopper(runner(), orders=orders, scopes=["read_orders"]).data(
        query.replace("variant { id }", "")
    )
    assert [node["id"] for node in recent["nodes"]] == [gid("Order", 2)]


# -------------------------------------------------------------------- cost


def test_every_executed_reply_has_its_price(shop: Shopper) -> None:
    price = shop.ask(PING)["extensions"]["cost"]
    assert (price["requestedQueryCost"], price["actualQueryCost"]) == (1, 1)
    assert price["throttleStatus"] == {
        "maximumAvailable": 2000.0,
        "currentlyAvailable": 1999,
        "restoreRate": 100.0,
    }


@pytest.mark.parametrize(("plan", "maximum", "rate"), [("advanced", 4000, 200), ("plus", 20000, 1000)])
def test_the_bucket_is_the_plans(plan: str, maximum: int, rate: int) -> None:
    status = shopper(plan=plan).ask(PING)["extensions"]["cost"]["throttleStatus"]
    assert (status["maximumAvailable"], status["restoreRate"]) == (maximum, rate)


def test_an_empty_bucket_throttles_and_refills(shop: Shopper) -> None:
    big = "{ " + " ".join(f"p{n}: productsCount {{ count }}" for n in range(90)) + " }"
    for _ in range(2):
        shop.ask(big)
    body = shop.ask(big)
    assert "data" not in body
    assert body["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert body["extensions"]["cost"]["actualQueryCost"] is None
    assert shop.sandbox.calls()[-1]["cost"] is None
    shop.sandbox.clock.advance(10)
    assert "errors" not in shop.ask(big)


def test_a_document_over_1000_points_is_refused(shop: Shopper) -> None:
    body = shop.ask("{ " + " ".join(f"p{n}: productsCount {{ count }}" for n in range(101)) + " }")
    assert body["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert "data" not in body
    assert "extensions" not in body


def test_static_errors_cost_nothing(shop: Shopper) -> None:
    assert shop.codes("{ shop { nmae } }") == ["undefinedField"]
    assert shop.ask(PING)["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 1999


def test_prices_are_told_field_by_field_on_request(shop: Shopper) -> None:
    body = shop.post(PING, headers={"Shopify-GraphQL-Cost-Debug": "1"}).json()
    assert body["extensions"]["cost"]["fields"][0]["path"] == ["shop"]


def test_introspection_is_served(shop: Shopper) -> None:
    assert shop.ask('{ __type(name: "Product") { name } }')["data"] == {"__type": {"name": "Product"}}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        (
            'mutation { webhookSubscriptionUpdate(id: "x", webhookSubscription: {}) { __typename } }',
            "webhookSubscriptionUpdate",
        ),
        ('{ product(id: "gid://shopify/Product/101") { publicationCount } }', "Product.publicationCount"),
        ("{ customers(first: 1) { nodes { id } } }", "customers"),
    ],
)  # fmt: skip
def test_what_is_not_served_is_named(shop: Shopper, query: str, named: str) -> None:
    body = shop.ask(query)
    assert "data" not in body
    assert named in body["errors"][0]["message"]


def test_a_big_page_is_answered_quickly() -> None:
    products = [
        {"id": n, "variants": [{"id": n * 100 + k, "sku": f"{n}-{k}"} for k in range(10)]}
        for n in range(1, 251)
    ]
    sandbox = Sandbox({"shopify": {SHOP: {"products": products}}}, clock=Clock(NOW, frozen=True))
    query = """query P($at: ID!) { products(first: 250) { nodes { id variants(first: 10) { nodes { id sku
      inventoryItem { id inventoryLevel(locationId: $at) {
        quantities(names: ["available"]) { quantity } } } } } } } }"""
    nodes = Shopper(sandbox).data(query, at=MAIN)["nodes"]
    assert sum(len(node["variants"]["nodes"]) for node in nodes) == 2500


def test_more_than_one_shop_stands_apart() -> None:
    worlds = {SHOP: {"products": [runner()]}, "partner.example": {"token": "theirs", "products": [boot()]}}
    sandbox = Sandbox({"shopify": worlds})
    own = Shopper(sandbox)
    assert found(own, "") == [101]
    response = own.http.post(
        "/shopify/partner.example/admin/api/2026-10/graphql.json",
        json={"query": "{ productsCount { count } }"},
        headers={"X-Shopify-Access-Token": "theirs"},
    )
    assert response.json()["data"]["productsCount"]["count"] == 1
