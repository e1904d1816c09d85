"""A BigBuy stand-in in process, and a client that says just what it is told to say."""

from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.app import Sandbox
from sandbox.clock import Clock
from tests.worlds import NOW

Json = Any
KEY = "bigbuy-secret-key-1234"
BASE = "http://127.0.0.1/bigbuy/rest"
ADDRESS = {
    "firstName": "Ana",
    "lastName": "Núñez",
    "country": "ES",
    "postcode": "46005",
    "town": "Valencia",
    "address": "C/ Altea 1",
    "phone": "664869570",
    "email": "ana@example.com",
    "comment": "",
}


def stocks(*units: int, warehouse: int = 1) -> list[dict[str, int]]:
    """One row for each number of units, with more and more handling days."""
    return [
        {"quantity": each, "minHandlingDays": days, "maxHandlingDays": days + 1, "warehouse": warehouse}
        for days, each in enumerate(units)
    ]


def product(number: int, **more: object) -> dict[str, Any]:
    """A product of a world, with a text, an image and five units."""
    usual = {
        "id": number,
        "sku": f"S{number}",
        "wholesalePrice": 18.22,
        "retailPrice": 55.79,
        "information": {"name": f"Lámpara {number}", "description": "<p>Caf&eacute; <b>½</b></p>"},
        "images": [{"url": f"https://cdnbigbuy.example/S{number}.jpg"}],
        "stocks": stocks(2, 3),
    }
    return usual | more


def variation(number: int, parent: int, **more: object) -> dict[str, Any]:
    """A variation of a world."""
    usual = {"id": number, "sku": f"S{parent}-{number}", "product": parent, "stocks": stocks(4)}
    return usual | {"wholesalePrice": 9.5, "retailPrice": 20, "attributes": [1]} | more


def section(*products: dict[str, Any], **more: object) -> dict[str, Any]:
    """An account."""
    return {"key": KEY, "products": list(products)} | more


def order(*lines: tuple[str, int], reference: str = "R1", **more: object) -> dict[str, Any]:
    """An order to check or to create."""
    products = [{"reference": sku, "quantity": units} for sku, units in lines]
    usual = {"internalReference": reference, "language": "es", "paymentMethod": "moneybox"}
    return {
        "order": usual
        | {"carriers": [{"name": "gls"}], "shippingAddress": ADDRESS, "products": products}
        | more
    }


@dataclass
class Buyer:
    """The stand-in and its only client; no time passes by itself."""

    sandbox: Sandbox
    client: httpx.Client

    def get(self, path: str, **params: object) -> httpx.Response:
        """GET below /rest."""
        return self.client.get(f"{path}.json", params={name: str(value) for name, value in params.items()})

    def post(self, path: str, body: object) -> httpx.Response:
        """POST below /rest."""
        return self.client.post(f"{path}.json", json=body)

    def ids(self, name: str, **params: object) -> list[int]:
        """The ids of a list of the catalogue."""
        return [row["id"] for row in self.get(f"catalog/{name}", **params).json()]

    def account(self) -> Json:
        """The account as it is now."""
        return self.sandbox.world()["bigbuy"]["default"]


def buyer(account: dict[str, Any], switches: dict[str, str] | None = None) -> Buyer:
    """A stand-in with this account, at the tests' time."""
    sandbox = Sandbox({"bigbuy": {"default": account}}, clock=Clock(NOW, frozen=True), switches=switches)
    transport = httpx.WSGITransport(app=sandbox)
    headers = {"authorization": f"Bearer {KEY}"}
    return Buyer(sandbox, httpx.Client(transport=transport, base_url=BASE, headers=headers))
