"""A client of bulk operations that hides nothing."""

import json
import re
from pathlib import Path

import httpx

from tests.sandbox.operations import TEXT
from tests.sandbox.shopper import SHOP, Json, Shopper, Value, gid

CATALOGUE = """
{
  products {
    edges {
      node {
        id
        title
        tags
        variants {
          edges {
            node {
              id
              sku
              inventoryItem {
                id
                inventoryLevel(locationId: "gid://shopify/Location/1", includeInactive: true) {
                  quantities(names: ["available"]) { name quantity }
                }
              }
            }
          }
        }
      }
    }
  }
}
"""
TAG = (
    "mutation($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { userErrors { field message } } }"
)


def inner(name: str) -> str:
    """One of the documents of operations.graphql that are made for bulk operations."""
    found = re.search(rf"^(query|mutation) {name}\b.*?^}}", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


def named(shop: Shopper, name: str, **variables: object) -> Value:
    """The root field of an operation of operations.graphql."""
    body = shop.http.post(
        f"/shopify/{SHOP}/admin/api/2026-10/graphql.json",
        json={"query": TEXT, "variables": variables, "operationName": name},
        headers={"X-Shopify-Access-Token": shop.token},
    ).json()
    assert "errors" not in body, body
    (value,) = body["data"].values()
    return value


def start(shop: Shopper, query: str = CATALOGUE, *, group: bool = False) -> Json:
    """Start a bulk query that is accepted."""
    payload = named(shop, "RunQuery", text=query, group=group)
    assert payload["userErrors"] == []
    return dict(payload["bulkOperation"])


def refused(shop: Shopper, query: str) -> list[tuple[str | None, list[str] | None]]:
    """Codes and fields of a bulk query that is not."""
    payload = named(shop, "RunQuery", text=query)
    assert payload["bulkOperation"] is None
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


def poll(shop: Shopper, identity: str) -> Json:
    """The operation as it is now."""
    return dict(named(shop, "OneBulk", id=identity))


def later(shop: Shopper, identity: str, seconds: float) -> Json:
    """The operation after so many seconds."""
    shop.sandbox.clock.advance(seconds)
    return poll(shop, identity)


def fetch(shop: Shopper, url: str) -> httpx.Response:
    """GET without a token."""
    return shop.http.get(url)


def read(shop: Shopper, url: str) -> list[Json]:
    """The lines of a result."""
    response = fetch(shop, url)
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


def finished(shop: Shopper, identity: str) -> tuple[Json, list[Json]]:
    """The operation at its end, and its lines."""
    operation = later(shop, identity, 1000)
    assert operation["status"] == "COMPLETED", operation
    return operation, read(shop, operation["url"]) if operation["url"] else []


def stage(shop: Shopper, method: str = "POST", filename: str = "vars.jsonl") -> Json:
    """A target for an upload."""
    upload = {
        "resource": "BULK_MUTATION_VARIABLES",
        "filename": filename,
        "mimeType": "text/jsonl",
        "httpMethod": method,
    }
    payload = named(shop, "Stage", uploads=[upload])
    assert payload["userErrors"] == []
    (target,) = payload["stagedTargets"]
    return dict(target)


def parameters(target: Json) -> dict[str, str]:
    """The parameters of a target, in their order."""
    return {one["name"]: one["value"] for one in target["parameters"]}


def upload(shop: Shopper, content: bytes) -> str:
    """Upload a file by POST; gives its path."""
    target = stage(shop)
    fields = parameters(target)
    response = shop.http.post(target["url"], data=fields, files={"file": ("vars.jsonl", content)})
    assert response.status_code == 201, response.text
    return fields["key"]


def jsonl(*rows: Json) -> bytes:
    """Lines of a file."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def tag_rows(*numbers: int) -> bytes:
    """Lines that tag products."""
    return jsonl(*({"id": gid("Product", number), "tags": ["bulk"]} for number in numbers))


def run(shop: Shopper, mutation: str, content: bytes) -> Json:
    """Start a bulk mutation that is accepted."""
    payload = named(shop, "RunMutation", text=mutation, path=upload(shop, content))
    assert payload["userErrors"] == [], payload
    return dict(payload["bulkOperation"])


def files_of(shop: Shopper) -> list[Path]:
    """Files that the shop keeps."""
    return list(shop.sandbox.shops[SHOP].bulk.folder.iterdir())
