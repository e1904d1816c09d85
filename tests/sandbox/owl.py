"""A Brick Owl stand-in in process, and a client that says just what it is told to say."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.app import Sandbox
from sandbox.clock import Clock
from tests.worlds import NOW

Json = Any
KEY = "owl-key"
BASE = "http://sandbox/brickowl/v1"


def lot(number: int, boid: str = "771344-38", qty: int = 12, **more: object) -> dict[str, Any]:
    """A lot of a world."""
    return {"lot_id": number, "boid": boid, "qty": qty, "con": "new", "price": "0.100"} | more


def section(*lots: dict[str, Any], **more: object) -> dict[str, Any]:
    """An account with a small catalogue."""
    boids = [
        {"boid": "771344", "type": "Part", "bl_item_no": "3001"},
        {"boid": "500100", "type": "Set", "bl_item_no": "75192-1"},
        {"boid": "600200", "type": "Gear", "bl_item_no": "853914"},
        {"boid": "911000", "type": "Part", "bl_item_no": "old1", "retiring": True},
        {"boid": "700300", "type": "Part", "bl_item_no": "3002"},
        {"boid": "700301", "type": "Part", "bl_item_no": "3002"},
        {"boid": "700300-38", "type": "Part", "bl_item_no": "3003"},
        {"boid": "700400", "type": "Part", "bl_item_no": "3003"},
    ]
    return {"key": KEY, "boids": boids, "lots": list(lots)} | more


@dataclass
class Owl:
    """The stand-in and its only client."""

    sandbox: Sandbox
    client: httpx.Client
    key: str = KEY

    def get(self, endpoint: str, **given: object) -> httpx.Response:
        """GET with the key in the query."""
        return self.client.get(endpoint, params={"key": self.key, **_text(given)})

    def post(self, endpoint: str, **given: object) -> httpx.Response:
        """POST with the key in the form."""
        return self.client.post(endpoint, data={"key": self.key, **_text(given)})

    def batch(self, *params: Mapping[str, object], endpoint: str = "inventory/update") -> httpx.Response:
        """POST bulk/batch, one request for each of the params."""
        requests = [{"endpoint": endpoint, "request_method": "POST", "params": [each]} for each in params]
        return self.post("bulk/batch", requests=json.dumps({"requests": requests}))

    def lots(self, **given: object) -> Json:
        """All lots as the API shows them."""
        return self.get("inventory/list", active_only=0, **given).json()

    @property
    def world(self) -> Json:
        """The account as it is now."""
        return self.sandbox.world()["brickowl"]["default"]

    def quantity(self, number: int) -> int:
        """What a lot has now."""
        return int(next(each["qty"] for each in self.world["lots"] if each["lot_id"] == number))

    def fault(self, kind: str, **more: object) -> None:
        """Order one fault."""
        self.sandbox.faults([{"system": "brickowl", "kind": kind, **more}])

    def happen(self, kind: str, **more: object) -> dict[str, object]:
        """Make something happen."""
        return self.sandbox.event({"system": "brickowl", "kind": kind, **more})


def _text(given: dict[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in given.items()}


def owl(account: dict[str, Any] | None = None, **switches: str) -> Owl:
    """A store with these lots at tests' own time; switches by their short names."""
    sandbox = Sandbox(
        {"brickowl": {"default": account or section(lot(1))}},
        clock=Clock(NOW, frozen=True),
        switches={f"brickowl.{name}": position for name, position in switches.items()},
    )
    client = httpx.Client(base_url=BASE, transport=httpx.WSGITransport(app=sandbox))
    return Owl(sandbox, client)


def error(response: httpx.Response) -> str:
    """What a refusal says."""
    return str(response.json()["error"]["status"])
