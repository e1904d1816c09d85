"""Web hooks on their way: what happened in a shop, told to whoever subscribed to it.

https://shopify.dev/docs/apps/build/webhooks
A thread sends, and only while something is to be sent; times are those of the stand-ins' clock. Whatever a
subscriber answers but 2xx within 5 seconds is a failure, a redirect too: the same body goes out again 8 times
within 4 hours. Nothing leaves this machine: an address elsewhere fails at once.

Faults are ordered for the operation `webhookDelivery`, or `webhookDelivery products/update` for one topic;
those of any operation let web hooks alone. Besides `http` (fails as if the subscriber had answered so, but
was not asked), `timeout_before`, `lost_answer` (the subscriber has it, the sender does not know), `slow`
(sent after `seconds`) and `malformed` (the body cut in the middle) there are `lost` (never sent),
`duplicated` (sent twice) and `reordered` (sent behind the next one, at the latest after `seconds`, by default
5).
"""

import base64
import hashlib
import hmac
import json
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from sandbox.clock import spelled
from sandbox.faults import Fault
from sandbox.ledger import Call, Ledger
from sandbox.shopify import payloads
from sandbox.shopify.bulk import BulkOperation
from sandbox.shopify.hooks import VERSION, Subscription, header_of, is_here
from sandbox.shopify.search import parse
from sandbox.shopify.shop import Shop
from sandbox.shopify.store import News
from sandbox.shopify.switches import Switches

OPERATION: Final = "webhookDelivery"
PATIENCE: Final = 5.0
"""Real seconds that a subscriber has to answer."""
RETRIES: Final = (10.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0)
"""Seconds after the first attempt."""
MOST_FAILURES: Final = 8
ASIDE: Final = 5.0
DEBOUNCE: Final = 1.0
"""Seconds in which a subscription is not told the same twice."""
TICK: Final = 0.02
"""Real seconds between two looks at the clock."""
GUESS: Final = "sandbox-webhook-secret"
"""What signs the web hooks of a shop that has neither a client's secret nor one of their own."""


def secret_of(shop: Shop) -> str:
    """What signs a shop's web hooks."""
    settings = shop.settings
    return settings.webhook_secret or settings.client_secret or GUESS


def signature(secret: str, body: bytes) -> str:
    """`X-Shopify-Hmac-Sha256`."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


@dataclass(eq=False)
class Delivery:
    """One event for one subscription."""

    subscription: Subscription
    webhook_id: str
    event_id: str
    body: bytes
    triggered_at: str
    due: float
    first: float
    attempts: int = 0
    status: int | None = None
    state: str = "waiting"
    prepared: Fault | None = None
    is_aside: bool = False

    @property
    def topic(self) -> str:
        """As its header spells it."""
        return header_of(self.subscription.topic)

    def told(self) -> dict[str, object]:
        """A line of the journal of deliveries."""
        return {
            "topic": self.topic,
            "uri": self.subscription.uri,
            "webhook_id": self.webhook_id,
            "event_id": self.event_id,
            "triggered_at": self.triggered_at,
            "attempts": self.attempts,
            "status": self.status,
            "state": self.state,
            "body": json.loads(self.body),
        }


@dataclass
class Deliveries:
    """The web hooks of one shop. `meet` gives the fault that an attempt meets."""

    shop: Shop
    ledger: Ledger
    switches: Switches
    chance: random.Random
    meet: Callable[[Sequence[str]], Fault | None]
    waiting: list[Delivery] = field(default_factory=list)
    journal: list[Delivery] = field(default_factory=list)
    in_flight: Delivery | None = None
    closed: bool = False
    _last: dict[int, tuple[bytes, float]] = field(default_factory=dict)
    _thread: threading.Thread | None = None
    _client: httpx.Client | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    # ------------------------------------------------------------------- events

    def tell(self, news: Iterable[News]) -> None:
        """Let web hooks follow from what happened, each thing once. Call it while nothing else changes."""
        for one in dict.fromkeys(news):
            document = self._document(one)
            if document is not None:
                self._publish(one.topic, document)

    def bulk_finished(self, operation: BulkOperation) -> None:
        """A bulk operation is over."""
        if self.shop.subscriptions:
            self._publish("BULK_OPERATIONS_FINISH", payloads.bulk_operation(self.shop, operation))

    def _document(self, news: News) -> dict[str, Any] | None:
        """What is told, None if the thing is gone again."""
        shop, number = self.shop, news.number
        if news.topic == "PRODUCTS_DELETE":
            return {"id": number}
        if news.topic == "INVENTORY_LEVELS_DISCONNECT":
            return {"inventory_item_id": number, "location_id": news.location}
        if news.topic.startswith("INVENTORY_LEVELS"):
            variant = shop.items.get(number)
            level = shop.level(variant, news.location or 0) if variant else None
            return payloads.level(shop, level) if level else None
        if news.topic == "ORDERS_CREATE":
            return payloads.order(shop, shop.orders[number]) if number in shop.orders else None
        return payloads.product(shop, shop.products[number]) if number in shop.products else None

    def _publish(self, topic: str, document: Mapping[str, Any]) -> None:
        """One event, for every subscription that wants it."""
        wanting = [
            one
            for one in list(self.shop.subscriptions.values())
            if one.topic == topic and _passes(one.filter, document)
        ]
        event = self._id()
        for one in wanting:
            self._add(one, event, chosen(document, one.include_fields))

    def _add(self, subscription: Subscription, event: str, document: Mapping[str, Any]) -> None:
        now = self.shop.clock.now()
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        seconds = now.timestamp()
        if self._is_debounced(subscription, body, seconds):
            return
        made = Delivery(subscription, self._id(), event, body, spelled(now), seconds, seconds)
        with self._changed:
            self.waiting.append(made)
            self.journal.append(made)
            self._changed.notify_all()
            if self._thread is None and not self.closed:
                self._thread = threading.Thread(
                    target=_run, args=(weakref.ref(self),), name="webhooks", daemon=True
                )
                self._thread.start()

    def _is_debounced(self, subscription: Subscription, body: bytes, now: float) -> bool:
        """Whether a subscription was told the very same a moment ago, so that this is dropped.
        https://shopify.dev/docs/apps/build/webhooks/customize/modify-payloads
        """
        before, since = self._last.get(subscription.id, (b"", 0.0))
        self._last[subscription.id] = (body, now)
        return self.switches["webhook_debounce"] == "on" and body == before and now - since <= DEBOUNCE

    def _id(self) -> str:
        text = f"{self.chance.getrandbits(128):032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    # ------------------------------------------------------------------ sending

    def step(self) -> bool:
        """Send the next one that is due, or wait a moment for it. False when nothing is left to do."""
        with self._changed:
            self.waiting = [one for one in self.waiting if self._is_wanted(one)]
            self.in_flight = self._due()
            if self.in_flight is None:
                self._changed.notify_all()
                if self.closed or not self.waiting:
                    self._thread = None
                    return False
                self._changed.wait(TICK)
                return True
            self.waiting.remove(self.in_flight)
        self._attempt(self.in_flight)
        with self._changed:
            self.in_flight = None
            self._changed.notify_all()
        return True

    def _is_wanted(self, delivery: Delivery) -> bool:
        if delivery.subscription.id in self.shop.subscriptions:
            return True
        delivery.state = "unsubscribed"
        return False

    def _due(self) -> Delivery | None:
        now = self.shop.clock.seconds()
        due = [one for one in self.waiting if one.due <= now]
        return None if self.closed else min(due, key=lambda one: one.due, default=None)

    def _attempt(self, delivery: Delivery) -> None:
        fault = delivery.prepared or self.meet([OPERATION, f"{OPERATION} {delivery.topic}"])
        delivery.prepared = None
        call = Call("shopify", self.shop.settings.domain, f"{OPERATION} {delivery.topic}")
        call.key, call.fault = delivery.webhook_id, fault.kind if fault else None
        if fault and fault.kind in ("slow", "reordered"):
            self._put_aside(delivery, fault)
            return
        if fault and fault.kind == "lost":
            delivery.state = "lost"
            self.ledger.note(call)
            return
        delivery.attempts += 1
        call.status = delivery.status = self._sent(delivery, fault)
        self.ledger.note(call)
        self._settle(delivery)
        self._bring_back()

    def _put_aside(self, delivery: Delivery, fault: Fault) -> None:
        """Send it later, without the fault."""
        now = self.shop.clock.seconds()
        delivery.is_aside = fault.kind == "reordered"
        delivery.due = now + (fault.seconds or (ASIDE if delivery.is_aside else 0.0))
        delivery.prepared = Fault("", "", "", 1, 0, "none", None, None, 0.0, after=False)
        with self._changed:
            self.waiting.append(delivery)

    def _bring_back(self) -> None:
        """Whatever was to be sent behind the next one goes now."""
        with self._changed:
            for one in self.waiting:
                if one.is_aside:
                    one.is_aside, one.due = False, self.shop.clock.seconds()

    def _sent(self, delivery: Delivery, fault: Fault | None) -> int | None:
        """The status that counts, None for none."""
        kind = fault.kind if fault else None
        if fault and kind == "http":
            return fault.status or 500
        if kind == "timeout_before":
            return None
        body = delivery.body[: len(delivery.body) // 2] if kind == "malformed" else delivery.body
        status = self._post(delivery, body)
        if kind == "duplicated":
            self._post(delivery, body)
        if fault and kind == "http_after":
            return fault.status or 500
        return None if kind == "lost_answer" else status

    def _post(self, delivery: Delivery, body: bytes) -> int | None:
        address = delivery.subscription.uri
        if not is_here(urlsplit(address).hostname):
            return None
        if self._client is None:
            self._client = httpx.Client(timeout=PATIENCE, trust_env=False)
        begun = time.monotonic()
        try:
            status = self._client.post(address, content=body, headers=self._headers(delivery)).status_code
        except httpx.HTTPError:
            return None
        return status if time.monotonic() - begun < PATIENCE else None

    def _headers(self, delivery: Delivery) -> dict[str, str]:
        """What goes with the body. The signature is always that of the whole body."""
        return {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": delivery.topic,
            "X-Shopify-Shop-Domain": self.shop.settings.domain,
            "X-Shopify-Hmac-Sha256": signature(secret_of(self.shop), delivery.body),
            "X-Shopify-Webhook-Id": delivery.webhook_id,
            "X-Shopify-Event-Id": delivery.event_id,
            "X-Shopify-Triggered-At": delivery.triggered_at,
            "X-Shopify-API-Version": VERSION,
        }

    def _settle(self, delivery: Delivery) -> None:
        """What follows from an attempt."""
        subscription = delivery.subscription
        if delivery.status is not None and 200 <= delivery.status < 300:
            delivery.state, subscription.failures = "delivered", 0
            return
        is_last = delivery.attempts > len(RETRIES)
        subscription.failures += is_last or self.switches["webhook_failures"] == "attempts"
        if subscription.failures >= MOST_FAILURES:
            delivery.state = "unsubscribed"
            self.shop.subscriptions.pop(subscription.id, None)
        elif is_last:
            delivery.state = "given up"
        else:
            delivery.due = delivery.first + RETRIES[delivery.attempts - 1]
            with self._changed:
                self.waiting.append(delivery)

    # ------------------------------------------------------------------ looking

    def settled(self, seconds: float) -> bool:
        """Wait so long in real time until nothing is due by the clock; whether that is so."""
        until = time.monotonic() + seconds
        with self._changed:
            while self.in_flight or any(self._is_due(one) for one in self.waiting):
                if time.monotonic() >= until:
                    return False
                self._changed.wait(TICK)
        return True

    def _is_due(self, delivery: Delivery) -> bool:
        return delivery.due <= self.shop.clock.seconds()

    def told(self) -> list[dict[str, object]]:
        """The journal of deliveries, oldest first."""
        with self._changed:
            return [one.told() for one in self.journal]

    def close(self) -> None:
        """Send nothing more."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread:
            thread.join(PATIENCE + 1)
        if self._client:
            self._client.close()


def _run(found: "weakref.ref[Deliveries]") -> None:
    """Send until nothing is left, or the shop is gone."""
    while deliveries := found():
        if not deliveries.step():
            return
        del deliveries


def _passes(wanted: str | None, document: Mapping[str, Any]) -> bool:
    return wanted is None or parse(wanted).matches(lambda name: _inside(document, name.split(".")))


def _inside(value: object, path: Sequence[str]) -> object:
    """What a path leads to; several values where it leads through a list."""
    if isinstance(value, list):
        return [_inside(one, path) for one in value]
    if not path:
        return value
    return _inside(value.get(path[0]), path[1:]) if isinstance(value, dict) else None


def chosen(document: Mapping[str, Any], fields: Sequence[str]) -> Mapping[str, Any]:
    """Only these fields of a document, `variants.id` of the objects inside; all if none are named."""
    if not fields:
        return document
    found: dict[str, Any] = {}
    for name, value in document.items():
        inner = [one.split(".", 1)[1] for one in fields if one.startswith(f"{name}.")]
        if name in fields:
            found[name] = value
        elif inner and isinstance(value, list):
            found[name] = [chosen(one, inner) for one in value]
        elif inner and isinstance(value, dict):
            found[name] = chosen(value, inner)
    return found
