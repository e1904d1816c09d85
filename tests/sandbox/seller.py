"""A client of BrickLink's stand-in that hides nothing. It signs with oauthlib, of which the stand-in knows
nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
from oauthlib.oauth1 import Client as OAuth  # type: ignore[import-untyped]

from sandbox.app import Sandbox
from sandbox.clock import Clock

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
BASE = "http://stand-in.example/bricklink/api/store/v1"
Json = Any


def lot(number: int, quantity: int, **more: object) -> dict[str, Any]:
    """A lot of a world: red bricks unless it says otherwise."""
    return {"inventory_id": number, "item": {"no": "3001"}, "color_id": 5, "quantity": quantity, **more}


def new(**more: object) -> dict[str, Any]:
    """The least that a new lot must say."""
    return {
        "item": {"no": "3001", "type": "PART"},
        "color_id": 5,
        "quantity": 4,
        "new_or_used": "N",
        "unit_price": "0.1234",
        "is_retain": False,
        "is_stock_room": False,
    } | more


@dataclass
class Seller:
    """One store and its keys."""

    sandbox: Sandbox
    account: str = "default"
    keys: dict[str, str] = field(default_factory=dict)
    nonces: "count[int]" = field(default_factory=count)

    def header(self, method: str, url: str, **other: str) -> str:
        """What signs a request to this URL."""
        names = ("consumer-key", "consumer-secret", "token", "token-secret")
        key, secret, token, token_secret = (self.keys.get(each, f"{self.account}-{each}") for each in names)
        given = {
            "nonce": f"nonce-{next(self.nonces)}",
            "timestamp": str(int(self.sandbox.clock.seconds())),
        } | other
        signer = OAuth(key, secret, token, token_secret, **given)
        return str(signer.sign(url, method)[1]["Authorization"])

    def ask(self, method: str, path: str, body: Json = None, **query: object) -> httpx.Response:
        """Send a signed call."""
        url = str(httpx.URL(BASE + path, params={key: str(value) for key, value in query.items()}))
        return self.send(method, url, body, {"Authorization": self.header(method, url)})

    def send(
        self, method: str, url: str, body: Json = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a call as it is."""
        with httpx.Client(transport=httpx.WSGITransport(app=self.sandbox)) as client:
            return client.request(method, url, json=body, headers=headers)

    def send_bytes(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send a call whose body is whatever it is."""
        with httpx.Client(transport=httpx.WSGITransport(app=self.sandbox)) as client:
            return client.request(method, url, content=body, headers=headers)

    def get(self, path: str, **query: object) -> Json:
        """The data of an answer that must be a success."""
        return self.data("GET", path, **query)

    def data(self, method: str, path: str, body: Json = None, **query: object) -> Json:
        """The data of an answer that must be a success."""
        found = self.ask(method, path, body, **query).json()
        assert found["meta"]["code"] in (200, 201, 204), found["meta"]
        return found["data"]

    def refused(self, method: str, path: str, body: Json = None, **query: object) -> tuple[int, str, str]:
        """Code, message and description of an answer that must be an error."""
        found = self.ask(method, path, body, **query).json()
        assert "data" not in found
        code, message, description = (found["meta"][each] for each in ("code", "message", "description"))
        return code, message, description

    def happen(self, kind: str, **given: object) -> dict[str, object]:
        """Make something happen."""
        return self.sandbox.event({"system": "bricklink", "account": self.account, "kind": kind, **given})

    def fault(self, kind: str, **given: object) -> None:
        """Order one fault."""
        self.sandbox.faults([{"system": "bricklink", "kind": kind, **given}])

    def lots(self) -> dict[int, dict[str, Any]]:
        """What the store holds now."""
        found = self.sandbox.world()["bricklink"][self.account]["lots"]
        return {each["inventory_id"]: each for each in found}

    def quantity(self, number: int = 1) -> int:
        """What a lot holds now."""
        return int(self.lots()[number]["quantity"])


def seller(*lots: Json, switches: Mapping[str, str] | None = None, **account: object) -> Seller:
    """A store with these lots, at NOW."""
    moved = {f"bricklink.{name}": position for name, position in (switches or {}).items()}
    section = {"default": {"lots": list(lots), **account}}
    clock = Clock(NOW, frozen=True)
    return Seller(Sandbox({"bricklink": section}, clock=clock, switches=moved))
