"""Bulk queries: what is refused, how they live, what their results hold."""

import json
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from sandbox.app import Sandbox
from sandbox.clock import Clock
from sandbox.generate import generated_world
from sandbox.server import serving
from tests.sandbox.bulk_shopper import (
    CATALOGUE,
    TAG,
    fetch,
    files_of,
    finished,
    inner,
    later,
    named,
    poll,
    read,
    refused,
    run,
    start,
    tag_rows,
)
from tests.sandbox.shopper import NOW, SHOP, Json, Shopper, boot, gid, runner, shopper, world

WEEK = 7 * 86_400
DEEP = """
{ products { edges { node { id variants { edges { node { id inventoryItem { id
    inventoryLevels { edges { node { id } } }
} } } } } } } }
"""
INVALID = [("INVALID", ["query"])]


@pytest.fixture
def shop() -> Shopper:
    return shopper(bulk_objects_per_second=2)


def available(line: Json) -> int:
    return int(line["inventoryItem"]["inventoryLevel"]["quantities"][0]["quantity"])


# ------------------------------------------------------------------- refusals


def connections(number: int) -> str:
    return " ".join(f"a{index}: products {{ edges {{ node {{ id }} }} }}" for index in range(number))


@pytest.mark.parametrize(
    "query",
    [
        "{ shop { id } }",
        "{ products { nodes { id } } }",
        "{ products { edges { cursor } } }",
        "{ products { edges { node { title variants { edges { node { id } } } } } } }",
        "{ products { edges { node { number: id variants { edges { node { id } } } } } } }",
        DEEP,
        'query { nodes(ids: ["gid://shopify/Product/1"]) { id } products { edges { node { id } } } }',
        'query { node(id: "gid://shopify/Product/1") { id } products { edges { node { id } } } }',
        "query($at: ID!) { location(id: $at) { id inventoryLevels { edges { node { id } } } } }",
        "query($size: Int = 5) { products(first: $size) { edges { node { id } } } }",
        'mutation { tagsAdd(id: "gid://shopify/Product/1", tags: ["x"]) { userErrors { field } } }',
        "{ products { edges { node { id ignoreMe } } } }",
        "{ products { edges { node { id } }",
        f"{{ {connections(6)} }}",
        f"{{ products {{ edges {{ node {{ id }} }} }} }} # {'x' * 65_535}",
        "query A { products { edges { node { id } } } } query B { products { edges { node { id } } } }",
    ],
)
def test_a_document_that_no_bulk_query_may_be(shop: Shopper, query: str) -> None:
    assert refused(shop, query) == INVALID


def test_a_refused_query_costs_ten_and_starts_nothing(shop: Shopper) -> None:
    refused(shop, "{ shop { id } }")
    assert shop.sandbox.calls()[-1]["cost"] == 10
    assert named(shop, "Bulks")["nodes"] == []


@pytest.mark.parametrize("name", ["BulkCatalogue", "BulkStock", "BulkSales"])
def test_the_documents_of_an_inventory_tool_are_taken(shop: Shopper, name: str) -> None:
    assert start(shop, inner(name))["status"] == "CREATED"


def test_five_connections_are_taken(shop: Shopper) -> None:
    operation, lines = finished(shop, start(shop, f"{{ {connections(5)} }}")["id"])
    assert operation["rootObjectCount"] == "10"
    assert len(lines) == 10


def test_the_sixth_query_at_once_is_refused_and_others_are_not(shop: Shopper) -> None:
    for _ in range(5):
        first = start(shop)["id"]
    payload = named(shop, "RunQuery", text=CATALOGUE)
    assert payload["bulkOperation"] is None
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
        ("OPERATION_IN_PROGRESS", None)
    ]
    finished(shop, first)
    start(shop)


# ----------------------------------------------------------------------- life


def test_the_start_reply(shop: Shopper) -> None:
    operation = start(shop)
    assert operation.pop("id").startswith("gid://shopify/BulkOperation/")
    assert operation == {
        "type": "QUERY",
        "status": "CREATED",
        "errorCode": None,
        "createdAt": "2026-11-21T12:00:00Z",
        "completedAt": None,
        "objectCount": "0",
        "rootObjectCount": "0",
        "fileSize": None,
        "url": None,
        "partialDataUrl": None,
    }


def test_time_brings_it_on(shop: Shopper) -> None:
    identity = start(shop)["id"]
    seen = [later(shop, identity, 1) for _ in range(3)]
    assert [one["status"] for one in seen] == ["RUNNING", "RUNNING", "COMPLETED"]
    assert [one["objectCount"] for one in seen] == ["2", "4", "5"]
    assert [one["rootObjectCount"] for one in seen] == ["1", "2", "2"]
    assert [one["url"] is None for one in seen] == [True, True, False]
    assert seen[-1]["completedAt"] == "2026-11-21T12:00:02Z"
    assert seen[-1]["fileSize"] == str(len(fetch(shop, seen[-1]["url"]).content))


def test_prices(shop: Shopper) -> None:
    identity = start(shop)["id"]
    poll(shop, identity)
    named(shop, "Bulks")
    assert [call["cost"] for call in shop.sandbox.calls()] == [10, 1, 2]
    assert (
        shop.ask(
            "{ bulkOperations(first: 10) { nodes { id } } }",
        )["extensions"]["cost"]["requestedQueryCost"]
        == 6
    )


def test_a_result_is_read_without_a_token_and_noted(shop: Shopper) -> None:
    operation = later(shop, start(shop)["id"], 100)
    fetch(shop, operation["url"])
    shop.http.get(operation["url"], headers={"X-Shopify-Access-Token": "tok"})
    calls = [call for call in shop.sandbox.calls() if call["operation"] == "GET /bulk/{id}"]
    assert [(call["cost"], call["status"], call["code"]) for call in calls] == [
        (0, 200, None),
        (0, 200, "token sent"),
    ]


def test_no_row_means_no_address(shop: Shopper) -> None:
    operation, _ = finished(
        shop, start(shop, "{ products(query: \"sku:'no'\") { edges { node { id } } } }")["id"]
    )
    assert (operation["url"], operation["objectCount"]) == (None, "0")


def test_an_address_ends_after_seven_days(shop: Shopper) -> None:
    operation = later(shop, start(shop)["id"], 100)
    assert fetch(shop, operation["url"]).status_code == 200
    expired = later(shop, operation["id"], WEEK)
    assert (expired["status"], expired["url"]) == ("EXPIRED", None)
    response = fetch(shop, operation["url"])
    assert response.status_code == 403
    assert "<Code>ExpiredToken</Code>" in response.text
    assert files_of(shop) == []


@pytest.mark.parametrize(
    "forge",
    [
        lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"),
        lambda url: url.partition("?")[0],
        lambda url: url.replace("X-Goog-Date=1", "X-Goog-Date=2"),
        lambda url: url.replace("X-Goog-Date=1", "X-Goog-Date=x"),
    ],
)
def test_a_wrong_signature_is_refused(shop: Shopper, forge: Callable[[str], str]) -> None:
    operation = later(shop, start(shop)["id"], 100)
    response = fetch(shop, forge(operation["url"]))
    assert response.status_code == 403
    assert response.headers["content-type"].startswith("application/xml")


def test_cancel(shop: Shopper) -> None:
    identity = start(shop)["id"]
    later(shop, identity, 1)
    assert named(shop, "Cancel", id=identity)["bulkOperation"]["status"] == "CANCELING"
    assert named(shop, "Cancel", id=identity)["userErrors"] == []
    ended = later(shop, identity, 1)
    assert (ended["status"], ended["url"], ended["partialDataUrl"]) == ("CANCELED", None, None)
    assert named(shop, "Cancel", id=identity)["userErrors"][0]["field"] == ["id"]
    assert named(shop, "Cancel", id=gid("BulkOperation", 9))["userErrors"][0]["field"] == ["id"]


def test_a_cancelled_one_may_show_what_it_had() -> None:
    shop = shopper(switches={"bulk_canceled": "partial"}, bulk_objects_per_second=2)
    identity = start(shop)["id"]
    later(shop, identity, 1)
    named(shop, "Cancel", id=identity)
    assert len(read(shop, later(shop, identity, 1)["partialDataUrl"])) == 3


def test_a_finished_one_cannot_be_cancelled(shop: Shopper) -> None:
    identity = start(shop)["id"]
    later(shop, identity, 100)
    assert named(shop, "Cancel", id=identity)["userErrors"][0]["field"] == ["id"]


def test_the_list_is_searched(shop: Shopper) -> None:
    first, second = start(shop)["id"], None
    later(shop, first, 100)
    second = start(shop)["id"]

    def found(query: str) -> list[str]:
        return [node["id"] for node in named(shop, "Bulks", find=query)["nodes"]]

    later(shop, second, 0.1)
    assert found("status:running operation_type:query") == [second]
    assert found("status:completed") == [first]
    assert found("operation_type:mutation") == []
    assert found("created_at:>='2026-11-21T12:01:00Z'") == [second]
    assert found(f"id:{first.rpartition('/')[2]}") == [first]
    assert named(shop, "Bulks")["nodes"][0]["query"] == CATALOGUE
    assert shop.data("{ currentBulkOperation { id } }") == {"id": second}
    assert shop.data(f'{{ node(id: "{first}") {{ __typename id }} }}') == {
        "__typename": "BulkOperation",
        "id": first,
    }


def test_missing_scope_fails_the_operation() -> None:
    shop = shopper(scopes=["read_products"])
    identity = start(shop, "{ orders { edges { node { id } } } }")["id"]
    operation = later(shop, identity, 1)
    assert (operation["status"], operation["errorCode"]) == ("FAILED", "ACCESS_DENIED")
    assert operation["completedAt"] is not None


def test_what_is_not_served_is_said_at_once(shop: Shopper) -> None:
    body = shop.ask(
        'mutation { bulkOperationRunQuery(query: "{ products { edges { node { id seo { title } } } } }") '
        "{ userErrors { message } } }"
    )
    assert body["errors"][0]["extensions"]["code"] == "SANDBOX_UNSERVED"


# -------------------------------------------------------------------- results


def test_children_are_lines_of_their_own(shop: Shopper) -> None:
    _, lines = finished(shop, start(shop)["id"])
    assert [line["id"].rpartition("/")[2] for line in lines] == ["101", "1001", "1002", "102", "2001"]
    assert [line.get("__parentId") for line in lines] == [
        None,
        gid("Product", 101),
        gid("Product", 101),
        None,
        gid("Product", 102),
    ]
    assert all("variants" not in line for line in lines)
    assert available(lines[1]) == 5


def test_levels_below_an_item_belong_to_the_variant(shop: Shopper) -> None:
    query = """{ productVariants { edges { node { id inventoryItem { id inventoryLevels { edges { node {
        id quantities(names: ["available"]) { quantity } } } } } } } } }"""
    _, lines = finished(shop, start(shop, query)["id"])
    assert lines[1]["id"] == "gid://shopify/InventoryLevel/1?inventory_item_id=5001"
    assert lines[1]["__parentId"] == gid("ProductVariant", 1001)


def test_one_object_at_the_root(shop: Shopper) -> None:
    query = f'{{ product(id: "{gid("Product", 101)}") {{ id variants {{ edges {{ node {{ id }} }} }} }} }}'
    operation, lines = finished(shop, start(shop, query)["id"])
    assert operation["rootObjectCount"] == "1"
    assert [line.get("__parentId") for line in lines] == [None, *[gid("Product", 101)] * 2]


def test_first_is_ignored_and_the_search_is_not(shop: Shopper) -> None:
    query = '{ products(first: 1, query: "tag_not:winter") { edges { node { id variants(first: 1) '
    query += "{ edges { node { id } } } } } } }"
    _, lines = finished(shop, start(shop, query)["id"])
    assert len(lines) == 3


def test_orders_with_their_lines() -> None:
    orders = [
        {"id": 1, "created_at": "2026-11-20T10:00:00Z", "lines": [{"variant_id": 1001}, {"quantity": 2}]},
        {"id": 2, "created_at": "2026-11-19T10:00:00Z", "lines": [{"variant_id": 1002}]},
        {"id": 3, "created_at": "2026-08-01T10:00:00Z", "lines": [{"variant_id": 1002}]},
    ]
    shop = shopper(orders=orders)
    operation, lines = finished(shop, start(shop, inner("BulkSales"))["id"])
    assert (operation["objectCount"], operation["rootObjectCount"]) == ("5", "2")
    assert [line["id"] for line in lines if "__parentId" not in line] == [gid("Order", 2), gid("Order", 1)]
    custom = next(line for line in lines if line.get("quantity") == 2)
    assert custom["variant"] is None


def test_a_sale_between_start_and_end_shows_in_later_rows_only(shop: Shopper) -> None:
    identity = start(shop)["id"]
    shop.sandbox.clock.advance(1)
    for variant in (1001, 2001):
        sale = {"system": "shopify", "kind": "sale", "variant_id": variant, "location_id": 1}
        assert "order_id" in shop.sandbox.event(sale)
    _, lines = finished(shop, identity)
    assert {line["sku"]: available(line) for line in lines if "sku" in line} == {
        "R-37": 5,
        "R-38": 7,
        "B-40": 0,
    }


def test_events_happen_just_before_a_poll_or_a_download(shop: Shopper) -> None:
    sale = {"system": "shopify", "kind": "sale", "variant_id": 1001, "location_id": 1}
    shop.sandbox.event({**sale, "before": {"operation": "bulkOperation", "nth": 2}})
    shop.sandbox.event({**sale, "before": {"operation": "GET /bulk/{id}"}})
    identity = start(shop)["id"]
    poll(shop, identity)
    assert shop.available(5001) == 5
    operation = later(shop, identity, 100)
    assert shop.available(5001) == 4
    fetch(shop, operation["url"])
    assert shop.available(5001) == 3


def test_what_is_deleted_meanwhile_has_no_line(shop: Shopper) -> None:
    identity = start(shop)["id"]
    shop.sandbox.event({"system": "shopify", "kind": "delete_product", "product_id": 102})
    operation, _ = finished(shop, identity)
    assert operation["objectCount"] == "3"


def test_lines_in_no_order() -> None:
    products = [{"id": number, "variants": [{"sku": f"S{number}"}]} for number in range(1, 30)]
    plain = shopper(*products)
    kept = [line["id"] for line in finished(plain, start(plain)["id"])[1]]
    mixed = shopper(*products, switches={"bulk_order": "shuffled"})
    operation, lines = finished(mixed, start(mixed)["id"])
    found = [line["id"] for line in lines]
    assert sorted(found) == sorted(kept)
    assert found != kept
    assert operation["fileSize"] == str(len(fetch(mixed, operation["url"]).content))


def test_grouped_lines_stay_together() -> None:
    shop = shopper(switches={"bulk_order": "shuffled"})
    _, lines = finished(shop, start(shop, group=True)["id"])
    parents = [line.get("__parentId") or line["id"] for line in lines]
    assert parents == [gid("Product", 101)] * 3 + [gid("Product", 102)] * 2


def test_escaped_slashes() -> None:
    shop = shopper(switches={"bulk_slashes": "escaped"})
    operation = later(shop, start(shop)["id"], 100)
    text = fetch(shop, operation["url"]).text
    assert r'{"id":"gid:\/\/shopify\/Product\/101"' in text
    assert json.loads(text.splitlines()[0])["id"] == gid("Product", 101)


def test_more_than_paging_would_reach() -> None:
    products = [{"id": number, "variants": []} for number in range(1, 25_003)]
    shop = shopper(*products)
    query = '{ products(query: "status:active") { edges { node { id } } } }'
    operation = later(shop, start(shop, query)["id"], 100)
    assert operation["objectCount"] == "25002"


def test_bulk_work_stays_outside_the_bucket(shop: Shopper) -> None:
    before = shop.ask("{ shop { id } }")["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"]
    finished(shop, start(shop)["id"])
    after = shop.ask("{ shop { id } }")["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"]
    assert (before, after) == (1999, 1998), "the poll costs one point, and the start long since restored"


def test_by_itself_through_a_socket() -> None:
    """The clock runs, nobody asks, and the work is done."""
    sandbox = Sandbox(world(runner(), boot(), bulk_objects_per_second=50), clock=Clock(NOW))
    with sandbox, serving(sandbox) as url, httpx.Client(base_url=url) as http:
        shop = Shopper(sandbox)
        shop.http = http
        identity = start(shop)["id"]
        bulk = sandbox.shops[SHOP].bulk
        until = time.monotonic() + 10
        while bulk.running and time.monotonic() < until:
            time.sleep(0.01)
        operation = poll(shop, identity)
        assert operation["status"] == "COMPLETED"
        assert operation["url"].startswith(url)
        assert len(read(shop, operation["url"])) == 5
    assert not [thread for thread in threading.enumerate() if thread.name == "bulk" and thread.is_alive()]


def test_a_big_shop_is_read_and_tagged_quickly() -> None:
    """Processor seconds, with much room: 100,000 variants take two to three seconds on a slow machine."""
    sandbox = Sandbox(generated_world(5_000, 4, 0, NOW), clock=Clock(NOW, frozen=True))
    shop = Shopper(sandbox)
    begun = time.process_time()
    operation = later(shop, start(shop, inner("BulkCatalogue"))["id"], 60)
    assert operation["objectCount"] == "25000"
    tagged = later(shop, run(shop, TAG, tag_rows(*range(1, 5_001)))["id"], 60)
    assert tagged["objectCount"] == "5000"
    assert time.process_time() - begun < 8
