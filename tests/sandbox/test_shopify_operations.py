"""Every operation an inventory tool needs runs against the sandbox."""

import re

import pytest

from tests.sandbox.operations import TEXT, VARIABLES
from tests.sandbox.shopper import SHOP, gid, runner, shopper

INSIDE_BULK = {"BulkCatalogue", "BulkStock", "BulkSales"}
NAMES = [
    name for name in re.findall(r"^(?:query|mutation) (\w+)", TEXT, re.MULTILINE) if name not in INSIDE_BULK
]
OWN = {
    "id": gid("Product", 101),
    "product": gid("Product", 101),
    "item": gid("InventoryItem", 5001),
    "ids": [gid("ProductVariant", 1001)],
    "order": gid("Order", 1),
    "input": {
        "name": "available",
        "reason": "correction",
        "quantities": [
            {
                "inventoryItemId": gid("InventoryItem", 5001),
                "locationId": gid("Location", 1),
                "quantity": 3,
                "changeFromQuantity": 5,
            }
        ],
    },
}
PARTICULAR = {
    "OneBulk": {"id": gid("BulkOperation", 1)},
    "RunQuery": {"text": "{ products { edges { node { id } } } }"},
    "RunMutation": {"text": "mutation($id: ID!) { tagsAdd(id: $id, tags: []) { userErrors { field } } }"},
    "Track": {"id": gid("InventoryItem", 5001)},
    "Update": {"input": {"id": gid("Product", 101)}},
    "ItemsAgain": {"ids": [gid("InventoryItem", 5001)]},
}


def messages(name: str) -> list[str]:
    client = shopper(runner(), orders=[{"id": 1, "lines": [{"variant_id": 1001}]}])
    variables = {**VARIABLES, **OWN, **PARTICULAR.get(name, {})}
    reply = client.http.post(
        f"/shopify/{SHOP}/admin/api/2026-10/graphql.json",
        json={"query": TEXT, "variables": variables, "operationName": name},
        headers={"X-Shopify-Access-Token": client.token},
    ).json()
    assert "data" in reply
    return [error["message"] for error in reply.get("errors", [])]


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_is_served(name: str) -> None:
    assert messages(name) == []
