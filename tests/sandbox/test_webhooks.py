"""Web hooks as a shop sends them: signed, once more if need be, and never to someone who did not ask."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sandbox.app import Sandbox
from sandbox.clock import Clock
from sandbox.reading import WorldError
from sandbox.shopify.deliveries import RETRIES
from tests.sandbox.shopper import MAIN, NOW, Json, Shopper, boot, gid, runner, world

SUBSCRIBE = """
mutation Subscribe($topic: WebhookSubscriptionTopic!, $input: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $input) {
    webhookSubscription { id topic uri callbackUrl format filter includeFields
      endpoint { ... on WebhookHttpEndpoint { callbackUrl } } }
    userErrors { field message }
  }
}
"""
UNSUBSCRIBE = """
mutation Unsubscribe($id: ID!) {
  webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { field message } }
}
"""
LIST = """
query Webhooks($first: Int = 50, $after: String) {
  webhookSubscriptions(first: $first, after: $after) {
    nodes { id topic uri format filter includeFields apiVersion { handle } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
TAG = 'mutation Tag($id: ID!) { tagsAdd(id: $id, tags: ["new"]) { userErrors { message } } }'
LEVELS, PRODUCTS = "INVENTORY_LEVELS_UPDATE", "PRODUCTS_UPDATE"
SECRET = "hush"


class Heard:
    """A subscriber that remembers every request, and answers as it is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        heard = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(heard.statuses.pop(0) if heard.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}/hooks"

    def bodies(self) -> list[Json]:
        return [json.loads(body) for _, body in self.requests]

    def headers(self, name: str) -> list[str]:
        return [headers[name] for headers, _ in self.requests]


@pytest.fixture
def heard() -> Iterator[Heard]:
    subscriber = Heard()
    thread = threading.Thread(target=subscriber.server.serve_forever, args=(0.02,))
    thread.start()
    yield subscriber
    subscriber.server.shutdown()
    subscriber.server.server_close()
    thread.join()


@contextmanager
def opened(switches: dict[str, str] | None = None, **shop: object) -> Iterator[Shopper]:
    clock = Clock(NOW, frozen=True)
    given = world(runner(), boot(), **{"webhook_secret": SECRET, **shop})
    with Sandbox(given, clock=clock, switches=switches) as sandbox:
        yield Shopper(sandbox)


@pytest.fixture
def shop() -> Iterator[Shopper]:
    with opened() as found:
        yield found


def subscribe(shop: Shopper, topic: str, uri: str, **more: object) -> str:
    payload = shop.data(SUBSCRIBE, topic=topic, input={"uri": uri, **more})
    assert payload["userErrors"] == []
    return str(payload["webhookSubscription"]["id"])


def complaints(shop: Shopper, topic: str, uri: str) -> list[str]:
    payload = shop.data(SUBSCRIBE, topic=topic, input={"uri": uri})
    assert payload["webhookSubscription"] is None
    return [error["message"] for error in payload["userErrors"]]


def edit(shop: Shopper, quantity: int, variant: int = 1001) -> None:
    shop.sandbox.event({"system": "shopify", "kind": "edit", "variant_id": variant, "quantity": quantity})


def settle(shop: Shopper) -> None:
    assert shop.sandbox.webhooks_settled()


def uris(shop: Shopper) -> list[str]:
    return [node["uri"] for node in shop.data(LIST)["nodes"]]


def states(shop: Shopper) -> list[Any]:
    return [line["state"] for line in shop.sandbox.webhooks()]


# ---------------------------------------------------------- subscriptions


def test_subscriptions_come_and_go(shop: Shopper) -> None:
    uri = "https://receiver.example/hooks"
    made = shop.data(SUBSCRIBE, topic=PRODUCTS, input={"uri": uri, "includeFields": ["id"], "filter": "id:1"})
    found = made["webhookSubscription"]
    assert (found["callbackUrl"], found["endpoint"], found["format"]) == (uri, {"callbackUrl": uri}, "JSON")
    (node,) = shop.data(LIST)["nodes"]
    assert (node["topic"], node["includeFields"], node["filter"]) == (PRODUCTS, ["id"], "id:1")
    assert node["apiVersion"] == {"handle": "2026-10"}
    gone = shop.data(UNSUBSCRIBE, id=node["id"])
    assert gone == {"deletedWebhookSubscriptionId": node["id"], "userErrors": []}
    assert uris(shop) == []
    again = shop.data(UNSUBSCRIBE, id=node["id"])
    assert again["deletedWebhookSubscriptionId"] is None
    assert again["userErrors"][0]["message"] == "Webhook subscription does not exist"


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("", "Address is invalid"),
        ("nonsense", "Address is invalid"),
        ("ftp://receiver.example/x", "Address is invalid"),
        ("https://[", "Address is invalid"),
        ("http://receiver.example/hooks", "Address protocol http:// is not supported"),
    ],
)
def test_an_address_must_be_https_or_on_this_machine(shop: Shopper, uri: str, text: str) -> None:
    assert complaints(shop, PRODUCTS, uri) == [text]


def test_a_topic_is_subscribed_once_per_address(shop: Shopper) -> None:
    subscribe(shop, PRODUCTS, "https://receiver.example/hooks")
    assert complaints(shop, PRODUCTS, "https://receiver.example/hooks") == [
        "Address for this topic has already been taken"
    ]


def test_a_topic_needs_its_scope() -> None:
    with opened(scopes=["read_inventory"]) as shop:
        assert "permission" in complaints(shop, PRODUCTS, "https://receiver.example/hooks")[0]
        subscribe(shop, LEVELS, "https://receiver.example/hooks")


# ------------------------------------------------------------- deliveries


def test_nobody_is_told_who_did_not_ask(shop: Shopper) -> None:
    before = threading.active_count()
    edit(shop, 1)
    assert shop.sandbox.webhooks() == []
    assert threading.active_count() == before


def test_a_changed_level_is_told_flat_and_signed(shop: Shopper, heard: Heard) -> None:
    subscribe(shop, LEVELS, heard.uri)
    edit(shop, 4)
    settle(shop)
    ((headers, body),) = heard.requests
    assert json.loads(body) == {
        "inventory_item_id": 5001,
        "location_id": 1,
        "available": 4,
        "updated_at": "2026-11-21T12:00:00+00:00",
        "admin_graphql_api_id": "gid://shopify/InventoryLevel/1?inventory_item_id=5001",
    }
    digest = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    assert headers["x-shopify-hmac-sha256"] == digest
    assert headers["x-shopify-topic"] == "inventory_levels/update"
    assert headers["x-shopify-shop-domain"] == "own.example"
    assert headers["x-shopify-triggered-at"] == "2026-11-21T12:00:00Z"
    assert headers["x-shopify-api-version"] == "2026-10"
    (call,) = [one for one in shop.sandbox.calls() if one["operation"].startswith("webhook")][1:]
    assert (call["operation"], call["status"]) == ("webhookDelivery inventory_levels/update", 200)
    assert call["key"] == headers["x-shopify-webhook-id"]


def test_a_changed_product_is_told_whole(shop: Shopper, heard: Heard) -> None:
    subscribe(shop, PRODUCTS, heard.uri)
    shop.data(TAG, id=gid("Product", 101))
    settle(shop)
    (product,) = heard.bodies()
    assert (product["id"], product["tags"], product["status"]) == (101, "new, Summer", "active")
    assert [
        (one["id"], one["inventory_item_id"], one["inventory_quantity"]) for one in product["variants"]
    ] == [(1001, 5001, 5), (1002, 5002, 7)]


def test_own_writes_come_back(shop: Shopper, heard: Heard) -> None:
    subscribe(shop, LEVELS, heard.uri)
    assert shop.set((5001, 3, 5), (5002, 9, 7))["userErrors"] == []
    assert shop.set((5001, 3, 3), key="same")["userErrors"] == []
    settle(shop)
    assert [(one["inventory_item_id"], one["available"]) for one in heard.bodies()] == [(5001, 3), (5002, 9)]


@pytest.mark.parametrize(
    ("topic", "event", "expected"),
    [
        ("PRODUCTS_DELETE", {"kind": "delete_product", "product_id": 102}, {"id": 102}),
        (
            "INVENTORY_LEVELS_DISCONNECT",
            {"kind": "deactivate", "variant_id": 1001},
            {"inventory_item_id": 5001, "location_id": 1},
        ),
    ],
)
def test_what_is_gone_is_told_by_its_ids(
    shop: Shopper, heard: Heard, topic: str, event: Json, expected: Json
) -> None:
    subscribe(shop, topic, heard.uri)
    shop.sandbox.event({"system": "shopify", **event})
    settle(shop)
    assert heard.bodies() == [expected]


def test_an_order_is_told_with_its_lines(shop: Shopper, heard: Heard) -> None:
    subscribe(shop, "ORDERS_CREATE", heard.uri)
    shop.sandbox.event({"system": "shopify", "kind": "sale", "variant_id": 1001, "quantity": 2})
    settle(shop)
    (order,) = heard.bodies()
    assert [(line["variant_id"], line["quantity"]) for line in order["line_items"]] == [(1001, 2)]


def test_a_connected_level_and_a_finished_bulk_operation(shop: Shopper, heard: Heard) -> None:
    subscribe(shop, "INVENTORY_LEVELS_CONNECT", heard.uri)
    subscribe(shop, "BULK_OPERATIONS_FINISH", heard.uri)
    shop.data(
        "mutation A($i: ID!, $l: ID!) { inventoryActivate(inventoryItemId: $i, locationId: $l)"
        ' @idempotent(key: "a") { userErrors { message } } }',
        i=gid("InventoryItem", 5001),
        l=MAIN.replace("/1", "/2"),
    )
    text = "{ products { edges { node { id } } } }"
    shop.data(
        "mutation B($q: String!) { bulkOperationRunQuery(query: $q) { userErrors { message } } }", q=text
    )
    shop.sandbox.clock.advance(60)
    shop.ask("{ shop { id } }")
    settle(shop)
    level, bulk = heard.bodies()
    assert (level["inventory_item_id"], level["location_id"]) == (5001, 2)
    assert (bulk["status"], bulk["type"]) == ("completed", "query")


def test_filters_and_fields(shop: Shopper, heard: Heard) -> None:
    subscribe(shop, PRODUCTS, heard.uri, filter="id:101", includeFields=["id", "variants.sku"])
    for number in (101, 102):
        shop.data(TAG, id=gid("Product", number))
    settle(shop)
    assert heard.bodies() == [{"id": 101, "variants": [{"sku": "R-37"}, {"sku": "R-38"}]}]


@pytest.mark.parametrize(
    ("fields", "switch", "seconds", "expected"),
    [
        (["id"], "on", 0, 1),
        (["id"], "on", 2, 2),
        (["id"], "off", 0, 2),
        (["id", "updated_at"], "on", 1, 2),
        (["id", "updated_at"], "on", 0, 1),
    ],
)
def test_the_very_same_is_not_told_twice_at_once(
    heard: Heard, fields: list[str], switch: str, seconds: float, expected: int
) -> None:
    with opened({"webhook_debounce": switch}) as shop:
        subscribe(shop, PRODUCTS, heard.uri, includeFields=fields)
        for tag in ("one", "two"):
            shop.sandbox.event({"system": "shopify", "kind": "tag", "product_id": 101, "tag": tag})
            shop.sandbox.clock.advance(seconds)
        settle(shop)
        assert len(heard.requests) == expected


def test_one_event_has_one_id_over_several_subscriptions(shop: Shopper, heard: Heard) -> None:
    subscribe(shop, LEVELS, heard.uri)
    subscribe(shop, LEVELS, f"{heard.uri}/second")
    edit(shop, 4)
    edit(shop, 3)
    settle(shop)
    assert len(set(heard.headers("x-shopify-event-id"))) == 2
    assert len(set(heard.headers("x-shopify-webhook-id"))) == 4


# ------------------------------------------------------- failures, faults


@pytest.mark.parametrize("status", [302, 404, 500, 503])
def test_whatever_is_no_success_is_sent_again_as_it_was(shop: Shopper, heard: Heard, status: int) -> None:
    heard.statuses = [status]
    subscribe(shop, LEVELS, heard.uri)
    edit(shop, 4)
    settle(shop)
    assert len(heard.requests) == 1
    edit(shop, 3)
    shop.sandbox.clock.advance(RETRIES[0])
    settle(shop)
    assert [one["available"] for one in heard.bodies()] == [4, 3, 4]
    first, _, again = heard.requests
    assert first == again


def test_eight_retries_in_four_hours_then_it_is_given_up(heard: Heard) -> None:
    with opened({"webhook_failures": "given_up"}) as shop:
        heard.statuses = [500] * 20
        subscribe(shop, LEVELS, heard.uri)
        edit(shop, 4)
        for _ in range(4 * 60):
            settle(shop)
            shop.sandbox.clock.advance(60)
        settle(shop)
        assert len(heard.requests) == 9
        assert states(shop) == ["given up"]
        assert uris(shop) == [heard.uri]


def test_eight_failures_in_a_row_end_a_subscription(shop: Shopper, heard: Heard) -> None:
    heard.statuses = [500] * 7 + [200] + [500] * 8
    subscribe(shop, LEVELS, heard.uri)
    for quantity in range(10, 18):
        edit(shop, quantity)
    settle(shop)
    assert uris(shop) == [heard.uri]
    for quantity in range(20, 30):
        edit(shop, quantity)
    settle(shop)
    assert uris(shop) == []
    assert len(heard.requests) == 16
    assert states(shop)[-1] == "unsubscribed"


def test_nothing_leaves_this_machine(shop: Shopper) -> None:
    subscribe(shop, LEVELS, "https://receiver.example/hooks")
    edit(shop, 4)
    settle(shop)
    (line,) = shop.sandbox.webhooks()
    assert (line["attempts"], line["status"], line["state"]) == (1, None, "waiting")


def fault(shop: Shopper, kind: str, **more: object) -> None:
    shop.sandbox.faults([{"system": "shopify", "operation": "webhookDelivery", "kind": kind, **more}])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("lost", [2, 3]),
        ("duplicated", [1, 1, 2, 3]),
        ("reordered", [2, 1, 3]),
        ("lost_answer", [1, 2, 3]),
        ("timeout_before", [2, 3]),
        ("http", [2, 3]),
    ],
)
def test_faults_of_deliveries(shop: Shopper, heard: Heard, kind: str, expected: list[int]) -> None:
    subscribe(shop, LEVELS, heard.uri)
    fault(shop, kind)
    for quantity in (1, 2, 3):
        edit(shop, quantity)
        if kind != "reordered" or quantity != 1:
            settle(shop)
    assert [one["available"] for one in heard.bodies()] == expected
    shop.sandbox.clock.advance(RETRIES[0])
    settle(shop)
    again = kind in {"lost_answer", "timeout_before", "http"}
    assert [one["available"] for one in heard.bodies()] == expected + ([1] if again else [])


def test_a_slow_delivery_waits_by_the_clock(shop: Shopper, heard: Heard) -> None:
    subscribe(shop, LEVELS, heard.uri)
    fault(shop, "slow", seconds=30)
    edit(shop, 1)
    settle(shop)
    assert heard.requests == []
    shop.sandbox.clock.advance(30)
    settle(shop)
    assert len(heard.requests) == 1


def test_a_cut_body_does_not_fit_its_signature(shop: Shopper, heard: Heard) -> None:
    subscribe(shop, LEVELS, heard.uri)
    fault(shop, "malformed")
    edit(shop, 1)
    settle(shop)
    ((headers, body),) = heard.requests
    digest = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    assert headers["x-shopify-hmac-sha256"] != digest


def test_faults_of_deliveries_are_for_deliveries(shop: Shopper) -> None:
    with pytest.raises(WorldError):
        shop.sandbox.faults([{"system": "shopify", "operation": "tagsAdd", "kind": "lost"}])


def test_the_client_secret_signs_unless_there_is_another(heard: Heard) -> None:
    with opened(webhook_secret=None, client_id="id", client_secret="of the client") as shop:
        assert shop.sandbox.settings("http://127.0.0.1")["SHOPIFY_WEBHOOK_SECRET"] == "of the client"
        subscribe(shop, LEVELS, heard.uri)
        edit(shop, 1)
        settle(shop)
        ((headers, body),) = heard.requests
        digest = hmac.new(b"of the client", body, hashlib.sha256).digest()
        assert headers["x-shopify-hmac-sha256"] == base64.b64encode(digest).decode()
