"""What the demo asks of its stand-ins beside what Evenstock does: look at the world, let something happen."""

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from connectors.errors import EvenstockError
from connectors.records import JsonValue
from connectors.settings import Settings


def address(settings: Settings) -> str:
    """Where the stand-ins are."""
    return settings.shopify_base_url.split("/shopify/")[0]


def happen(settings: Settings, **event: JsonValue) -> None:
    """Make something happen in the stand-ins' world."""
    _asked(settings, "POST", "/_sandbox/events", json.dumps(event))


def world(settings: Settings) -> dict[str, Any]:
    """The stand-ins' world as it is now."""
    return dict(json.loads(_asked(settings, "GET", "/_sandbox/world")))


def _asked(settings: Settings, method: str, path: str, body: str | None = None) -> str:
    connection = HTTPConnection(urlsplit(address(settings)).netloc, timeout=10)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = answer.read().decode()
    finally:
        connection.close()
    if answer.status != 200:
        raise EvenstockError(f"the stand-in refuses {method} {path}: {said}")
    return said
