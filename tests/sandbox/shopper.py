"""A client of the stand-ins that hides nothing: what it sends is what a test says."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from sandbox.app import Sandbox
from sandbox.clock import Clock

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MAIN = "gid://shopify/Location/1"
SHOP = "own.example"

SET = """
mutation Set($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup {
      id
      reason
      changes { name delta quantityAfterChange item { id } location { id } }
    }
    userErrors { code field message }
  }
}
"""
LEVEL = """
query Level($id: ID!, $at: ID!, $all: Boolean = true) {
  inventoryItem(id: $id) {
    inventoryLevel(locationId: $at, includeInactive: $all) {
      isActive
      quantities(names: ["available", "committed", "on_hand", "incoming", "reserved", "damaged"]) {
        name
        quantity
      }
    }
    variant { inventoryQuantity updatedAt }
  }
}
"""

Value = Any
"""Whatever JSON says."""
Json = dict[str, Any]


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def world(*products: Json, **shop: object) -> Json:
    """A world of one shop with two locations."""
    places = [{"id": 1, "name": "Main"}, {"id": 2, "name": "Back"}]
    return {"shopify": {SHOP: {"locations": places, "products": list(products), **shop}}}


def runner(**variant: object) -> Json:
    """A product with two variants; the first as given."""
    first = {
        "id": 1001,
        "inventory_item_id": 5001,
        "sku": "R-37",
        "levels": {"1": {"available": 5}},
        **variant,
    }
    second = {"id": 1002, "inventory_item_id": 5002, "sku": "R-38", "levels": {"1": {"available": 7}}}
    return {"id": 101, "title": "Runner", "tags": ["Summer"], "variants": [first, second]}


def boot() -> Json:
    variant = {"id": 2001, "inventory_item_id": 6001, "sku": "B-40", "levels": {"1": {"available": 1}}}
    return {"id": 102, "title": "Boot", "status": "DRAFT", "tags": ["winter", "done"], "variants": [variant]}


class Shopper:
    """Talks to a sandbox in process."""

    def __init__(self, sandbox: Sandbox, token: str = "sandbox-token", version: str = "2026-10") -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(transport=httpx.WSGITransport(app=sandbox), base_url="http://sandbox")
        self.token = token
        self.version = version

    def post(
        self, query: str, *, headers: Mapping[str, str] | None = None, **variables: object
    ) -> httpx.Response:
        path = f"/shopify/{SHOP}/admin/api/{self.version}/graphql.json"
        sent = {"X-Shopify-Access-Token": self.token, **(headers or {})}
        return self.http.post(path, json={"query": query, "variables": variables}, headers=sent)

    def ask(self, query: str, **variables: object) -> Json:
        """The whole body of a reply."""
        response = self.post(query, headers=None, **variables)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def data(self, query: str, **variables: object) -> Value:
        """The only root field of a reply without errors."""
        body = self.ask(query, **variables)
        assert "errors" not in body, body
        (value,) = body["data"].values()
        return value

    def codes(self, query: str, **variables: object) -> list[str]:
        """Codes of a reply's top-level errors."""
        return [error["extensions"]["code"] for error in self.ask(query, **variables)["errors"]]

    def set(
        self,
        *rows: tuple[int, int, int | None],
        name: str = "available",
        key: str = "k",
        at: int = 1,
        **extra: Value,
    ) -> Json:
        """A set of (item, quantity, changeFromQuantity)."""
        quantities = [
            {
                "inventoryItemId": gid("InventoryItem", item),
                "locationId": gid("Location", at),
                "quantity": quantity,
                "changeFromQuantity": expected,
            }
            for item, quantity, expected in rows
        ]
        given = {"name": name, "reason": "correction", "quantities": quantities, **extra}
        return dict(self.data(SET, input=given, key=key))

    def problems(
        self, *rows: tuple[int, int, int | None], **extra: Value
    ) -> list[tuple[str, list[str] | None]]:
        """Codes and fields of a set's userErrors."""
        payload = self.set(*rows, **extra)
        assert payload["inventoryAdjustmentGroup"] is None
        return [(error["code"], error["field"]) for error in payload["userErrors"]]

    def level(self, item: int, at: int = 1, *, hidden: bool = True) -> Json | None:
        """Quantities by name, with "active"; None if there is no level."""
        found = self.data(LEVEL, id=gid("InventoryItem", item), at=gid("Location", at), all=hidden)
        level = found["inventoryLevel"]
        if level is None:
            return None
        quantities = {one["name"]: one["quantity"] for one in level["quantities"]}
        return {"active": level["isActive"], **quantities}

    def available(self, item: int, at: int = 1) -> int:
        found = self.level(item, at)
        assert found is not None
        return int(found["available"])


def shopper(*products: Json, switches: Mapping[str, str] | None = None, **shop: object) -> Shopper:
    """A client of a fresh sandbox whose clock stands still."""
    clock = Clock(NOW, frozen=True)
    return Shopper(Sandbox(world(*(products or (runner(), boot())), **shop), clock=clock, switches=switches))
