"""Subscriptions to web hooks: what may be subscribed to, and what the mutations and fields answer.

https://shopify.dev/docs/api/admin-graphql/latest/mutations/webhookSubscriptionCreate
Every topic below may be subscribed to. Nothing here makes a product, closes a location, takes the app off
or changes its scopes: PRODUCTS_CREATE, LOCATIONS_DEACTIVATE, APP_UNINSTALLED, APP_SCOPES_UPDATE stay silent.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from sandbox.clock import spelled
from sandbox.shopify import gids
from sandbox.shopify.execute import FieldError, Thing, UnservedError
from sandbox.shopify.model import EPOCH
from sandbox.shopify.mutations import Arguments, Mutation, Payload, Problem, problem
from sandbox.shopify.paging import Connection
from sandbox.shopify.resolvers import Context, Table, at, attributes, gid, of, paged

VERSION: Final = "2026-10"
"""The version of all payloads, which the app's configuration sets and not the subscription."""
TOPICS: Final[Mapping[str, str | None]] = {
    "INVENTORY_LEVELS_UPDATE": "read_inventory",
    "INVENTORY_LEVELS_CONNECT": "read_inventory",
    "INVENTORY_LEVELS_DISCONNECT": "read_inventory",
    "PRODUCTS_UPDATE": "read_products",
    "PRODUCTS_CREATE": "read_products",
    "PRODUCTS_DELETE": "read_products",
    "ORDERS_CREATE": "read_orders",
    "LOCATIONS_DEACTIVATE": "read_locations",
    "BULK_OPERATIONS_FINISH": None,
    "APP_UNINSTALLED": None,
    "APP_SCOPES_UPDATE": None,
}
"""Each topic with the scope it asks for."""
INPUT: Final = "webhookSubscription"


@dataclass(slots=True, eq=False)
class Subscription:
    """Whom to tell of what. `failures` counts failed deliveries in a row."""

    id: int
    topic: str
    uri: str
    filter: str | None = None
    include_fields: tuple[str, ...] = ()
    name: str | None = None
    created_at: datetime = EPOCH
    failures: int = 0


class Endpoint(NamedTuple):
    """Where a subscription sends to, in the older form."""

    uri: str


def header_of(topic: str) -> str:
    """`inventory_levels/update` of INVENTORY_LEVELS_UPDATE."""
    thing, _, what = topic.lower().rpartition("_")
    return f"{thing}/{what}"


def is_here(host: str | None) -> bool:
    """Whether a host can only be this machine."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


# ------------------------------------------------------------------ mutations


def create(mutation: Mutation, arguments: Arguments) -> Payload:
    """`webhookSubscriptionCreate`."""
    given, topic = arguments[INPUT], arguments["topic"]
    uri, problems = _address(given)
    problems += _topic_problems(mutation, topic, uri)
    if given.get("format") == "XML" or given.get("metafields") or given.get("metafieldNamespaces"):
        raise UnservedError("The sandbox sends web hooks in JSON and without metafields only")
    if problems:
        return {"webhookSubscription": None, "userErrors": problems}
    shop = mutation.context.shop
    made = Subscription(
        shop.fresh_id(),
        topic,
        uri,
        given.get("filter") or None,
        tuple(given.get("includeFields") or ()),
        given.get("name"),
        shop.clock.now(),
    )
    shop.subscriptions[made.id] = made
    return {"webhookSubscription": made, "userErrors": []}


def _address(given: Mapping[str, Any]) -> tuple[str, list[Problem]]:
    """Where to send to, and what is wrong with it. Plain http is allowed to this machine, for tests."""
    name = "uri" if given.get("uri") else "callbackUrl"
    uri = str(given.get(name) or "")
    return uri, [problem([INPUT, name], text) for text in _complaints(uri)]


def _complaints(uri: str) -> Iterator[str]:
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        yield "Address is invalid"
        return
    if parts.scheme == "pubsub" or uri.startswith("arn:"):
        raise UnservedError("The sandbox sends web hooks by https only")
    if not host or parts.scheme not in {"http", "https"}:
        yield "Address is invalid"
    elif parts.scheme == "http" and not is_here(host):
        yield "Address protocol http:// is not supported"


def _topic_problems(mutation: Mutation, topic: str, uri: str) -> list[Problem]:
    if topic not in TOPICS:
        raise UnservedError(f"The sandbox does not serve web hooks of '{topic}' yet")
    shop = mutation.context.shop
    scope = TOPICS[topic]
    if scope and scope not in shop.settings.scopes:
        return [problem(["topic"], f"You do not have permission to create or update webhooks with {topic}.")]
    if any((one.topic, one.uri) == (topic, uri) for one in shop.subscriptions.values()):
        return [problem([INPUT, "uri"], "Address for this topic has already been taken")]
    return []


def delete(mutation: Mutation, arguments: Arguments) -> Payload:
    """`webhookSubscriptionDelete`."""
    identity = arguments["id"]
    found = mutation.context.shop.subscriptions.pop(gids.number(identity, "WebhookSubscription") or 0, None)
    if found is None:
        problems = [problem(["id"], "Webhook subscription does not exist")]
        return {"deletedWebhookSubscriptionId": None, "userErrors": problems}
    return {"deletedWebhookSubscriptionId": identity, "userErrors": []}


HANDLERS: Final[Mapping[str, Callable[[Mutation, Arguments], Payload]]] = {
    "webhookSubscriptionCreate": create,
    "webhookSubscriptionDelete": delete,
}


# --------------------------------------------------------------------- fields

SUBSCRIPTION: Final[Table] = {
    "id": gid("WebhookSubscription"),
    "legacyResourceId": of(lambda one: str(one.id)),
    **attributes(topic="topic", uri="uri", callbackUrl="uri", filter="filter", name="name"),
    "endpoint": of(lambda one: Endpoint(one.uri)),
    "format": of(lambda _: "JSON"),
    "includeFields": of(lambda one: list(one.include_fields)),
    "metafieldNamespaces": of(lambda _: []),
    "apiVersion": of(lambda _: {"handle": VERSION, "displayName": VERSION, "supported": True}),
    "createdAt": at("created_at"),
    "updatedAt": at("created_at"),
}
ENDPOINT: Final[Table] = attributes(callbackUrl="uri")


def _by_age(one: Subscription) -> tuple[Any, int]:
    return (spelled(one.created_at), one.id)


def subscription(context: Context, _root: Thing, arguments: Arguments) -> Subscription | None:
    """One subscription of this app."""
    return context.shop.subscriptions.get(gids.number(arguments["id"], "WebhookSubscription") or 0)


def subscriptions(context: Context, _root: Thing, arguments: Arguments) -> Connection[Subscription]:
    """The subscriptions of this app, the oldest first."""
    if arguments.get("query"):
        raise FieldError("SANDBOX_UNSERVED", "The sandbox does not search subscriptions")
    topics, uri = arguments.get("topics"), arguments.get("uri") or arguments.get("callbackUrl")
    found = [
        one
        for one in context.shop.subscriptions.values()
        if (topics is None or one.topic in topics) and uri in (None, one.uri)
    ]
    return paged(sorted(found, key=_by_age), arguments, _by_age)


def counted(context: Context, _root: Thing, _arguments: Arguments) -> dict[str, Any]:
    """How many subscriptions there are."""
    return {"count": len(context.shop.subscriptions), "precision": "EXACT"}


ROOT: Final[Table] = {
    "webhookSubscription": subscription,
    "webhookSubscriptions": subscriptions,
    "webhookSubscriptionsCount": counted,
}
