"""Shopify's web hooks: who may send them, what they name, and the subscriptions to them.

Only a web hook's body is signed: its topic, shop and event are hints. So a body is believed to name
something to look at, and nothing else in it is.
https://shopify.dev/docs/apps/build/webhooks
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr
from shopify_app import ShopifyApp

from connectors.errors import Malformed
from connectors.http import Call, Http
from connectors.records import JsonObject, JsonValue
from connectors.shape import as_object, as_text
from connectors.shopify import readers
from connectors.shopify.calls import PAGE, gid
from connectors.shopify.walk import pages
from connectors.slices import chunks

Kind = Literal["item", "product"]

LEVELS, PRODUCTS = "inventory_levels/update", "products/update"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic we listen to: which field of its payload names what, and what is sent of it (nothing: all)."""

    name: str
    kind: Kind
    field: str
    sent: tuple[str, ...] = ()


TOPICS = {
    LEVELS: Topic("INVENTORY_LEVELS_UPDATE", "item", "inventory_item_id"),
    PRODUCTS: Topic("PRODUCTS_UPDATE", "product", "id", sent=("id", "updated_at")),
}
"""By the name that a web hook's header gives."""

HIGHEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that may have changed."""

    kind: Kind
    id: int


def hint(topic: str, body: bytes) -> Hint:
    """What a web hook of one of our topics names. Raises Malformed when it names nothing."""
    wanted = TOPICS[topic]
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed(f"a web hook of {topic} is no JSON") from None
    number = document.get(wanted.field) if isinstance(document, dict) else None
    if type(number) is not int or not 0 < number <= HIGHEST_ID:
        raise Malformed(f"a web hook of {topic} names no {wanted.field}")
    return Hint(wanted.kind, number)


class Seal:
    """Shopify's signature, checked by Shopify's own package over the bytes as they came.

    With two secrets, the newest first, either will do. https://github.com/Shopify/shopify-app-python
    """

    def __init__(self, secrets: Sequence[SecretStr]) -> None:
        newest, *older = (each.get_secret_value() for each in secrets)
        self._app = ShopifyApp("webhooks", newest, older[0] if older else None)

    def fits(self, body: bytes, signature: str) -> bool:
        """Whether the body was signed with one of the secrets. Compares in constant time."""
        if not signature.isascii():
            return False
        try:
            text = body.decode("utf-8")
            verdict = self._app.verify_webhook_req(
                {
                    "method": "POST",
                    "headers": {"x-shopify-hmac-sha256": signature},
                    "url": "",
                    "body": text,
                }
            )
        except (ValueError, RecursionError):
            # Shopify signs JSON in UTF-8. The package also reads the body, before it looks at the signature.
            return False
        return bool(verdict.ok)


# ------------------------------------------------------------- subscriptions


@dataclass(frozen=True, slots=True)
class Subscription:
    """Whom Shopify tells of what. `topic` is the name of the API: PRODUCTS_UPDATE."""

    id: str
    topic: str
    address: str


SUBSCRIBE = """
mutation SubscribeWebhook($topic: WebhookSubscriptionTopic!, $input: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $input) {
    webhookSubscription { id topic uri }
    userErrors { field message }
  }
}
"""

SUBSCRIPTIONS = """
query Webhooks($after: String) {
  webhookSubscriptions(first: 250, after: $after) {
    nodes { id topic uri }
    pageInfo { hasNextPage endCursor }
  }
}
"""

UNSUBSCRIBE = """
mutation UnsubscribeWebhook($id: ID!) {
  webhookSubscriptionDelete(id: $id) {
    deletedWebhookSubscriptionId
    userErrors { field message }
  }
}
"""

ITEMS = """
query ProductsOfItems($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    ... on InventoryItem { id variant { product { id } } }
  }
}
"""


def subscriptions(http: Http) -> list[Subscription]:
    """All subscriptions that this app made through the API, for whatever topics."""

    def call(after: str | None) -> Call:
        return _call("webhookSubscriptions", SUBSCRIPTIONS, {"after": after}, cost=23)

    return list(pages(http, "webhookSubscriptions", call, _subscription))


def subscribe(http: Http, address: str) -> Iterator[Subscription]:
    """Have all our topics sent to an address; those that are sent there already stay as they are.

    Of a product only its id comes, so that none is too large for the receiver, and when it was updated, as
    Shopify drops what it has just said in the same words.
    https://shopify.dev/docs/apps/build/webhooks/customize/modify-payloads
    Raises Refused, with what Shopify has against the address.
    """
    present = {each.topic: each for each in subscriptions(http) if each.address == address}
    for topic in TOPICS.values():
        yield present.get(topic.name) or _subscribed(http, topic, address)


def _subscribed(http: Http, topic: Topic, address: str) -> Subscription:
    body: JsonObject = {"uri": address}
    if topic.sent:
        body["includeFields"] = list(topic.sent)
    variables: JsonObject = {"topic": topic.name, "input": body}
    answer = http.send(_call("webhookSubscriptionCreate", SUBSCRIBE, variables, cost=10, writes=True))
    payload = as_object(readers.data(answer).get("webhookSubscriptionCreate"), "webhookSubscriptionCreate")
    return _subscription(as_object(payload.get("webhookSubscription"), "webhookSubscription"))


def unsubscribe(http: Http, identity: str) -> None:
    """End one subscription. Raises Refused if there is none of this id."""
    http.send(_call("webhookSubscriptionDelete", UNSUBSCRIBE, {"id": identity}, cost=10, writes=True))


def products_of(http: Http, items: Sequence[int]) -> dict[int, int]:
    """The products that inventory items belong to. Items that do not exist any more are left out."""
    found: dict[int, int] = {}
    for some in chunks(items, PAGE):
        ids: list[JsonValue] = [gid("InventoryItem", each) for each in some]
        answer = http.send(_call("nodes", ITEMS, {"ids": ids}, cost=3))
        for node in readers.nodes(answer, "InventoryItem", some):
            variant = node.get("variant")
            if variant is not None:
                product = as_object(as_object(variant, "variant").get("product"), "product")
                found[readers.number(node.get("id"))] = readers.number(product.get("id"))
    return found


def _subscription(node: JsonObject) -> Subscription:
    return Subscription(
        as_text(node.get("id"), "id"), as_text(node.get("topic"), "topic"), as_text(node.get("uri"), "uri")
    )


def _call(operation: str, query: str, variables: JsonObject, *, cost: float, writes: bool = False) -> Call:
    body: JsonObject = {"query": query, "variables": variables}
    return Call(operation, path="graphql.json", json=body, cost=cost, writes=writes)
