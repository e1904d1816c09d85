"""The operations of operations.graphql, ready to be prepared one by one."""

from pathlib import Path
from typing import Any

from sandbox.shopify.documents import Prepared, prepare

TEXT = Path(__file__).with_name("operations.graphql").read_text(encoding="utf-8")
PLACE = "gid://shopify/Location/1"
ROW = {
    "inventoryItemId": "gid://shopify/InventoryItem/1",
    "locationId": PLACE,
    "quantity": 3,
    "changeFromQuantity": None,
}
VARIABLES: dict[str, Any] = {
    "at": PLACE,
    "find": "tag_not:'done'",
    "ids": ["gid://shopify/ProductVariant/1"],
    "id": "gid://shopify/Product/1",
    "product": "gid://shopify/Product/1",
    "order": "gid://shopify/Order/1",
    "item": "gid://shopify/InventoryItem/1",
    "key": "one",
    "tags": ["done"],
    "metafields": [],
    "variants": [],
    "uploads": [],
    "text": "{ shop { id } }",
    "path": "tmp/1/bulk/vars.jsonl",
    "topic": "PRODUCTS_UPDATE",
    "hook": {},
    "input": {"name": "available", "reason": "correction", "quantities": [ROW]},
    "change": {"name": "available", "reason": "correction", "changes": []},
}


def ready(name: str, **variables: Any) -> Prepared:  # noqa: ANN401 - whatever JSON holds
    """The operation of this name, with stock variables where none are given."""
    given = {**VARIABLES, **variables}
    if name == "Update":
        given["input"] = {"id": "gid://shopify/Product/1"}
    prepared = prepare(TEXT, given, name, paged=False)
    assert isinstance(prepared, Prepared), prepared
    return prepared
