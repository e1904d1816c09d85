"""The same work as `bench_run.py`, done as the design that Evenstock replaces does it: product by product.

python benchmarks/bench_origin.py [--times 1] [--products 1000]

Pages of 50 unmarked products with half a second between them; for each product one read of its levels, one
write, one read of its tags and one write of them. A call that is throttled waits for its points and is sent
again.
"""

import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import stand

Json = dict[str, Any]

MARK = "RMS-SYNC-26-11-21"
PAUSE = 0.5
VARIANTS = 5

PAGE = """query($after: String) { products(first: 50, after: $after, query: "tag_not:'RMS-SYNC-26-11-21'") {
  nodes { id } pageInfo { hasNextPage endCursor } } }"""
LEVELS = """query($id: ID!) { product(id: $id) { variants(first: 5) { nodes { inventoryItem { id
  inventoryLevel(locationId: "gid://shopify/Location/1") {
    quantities(names: ["available"]) { quantity } } } } } } }"""
WRITE = """mutation($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) { userErrors { message } } }"""
TAGS = "query($id: ID!) { product(id: $id) { tags } }"
MARKING = """mutation($product: ProductUpdateInput!) {
  productUpdate(product: $product) { userErrors { message } } }"""


class Naive:
    """A client that sends one call after another."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        version = settings["SHOPIFY_API_VERSION"]
        self._url = f"{settings['SHOPIFY_STORE_DOMAIN']}/admin/api/{version}/graphql.json"
        self._http = httpx.Client(headers={"X-Shopify-Access-Token": settings["SHOPIFY_ADMIN_TOKEN"]})
        self.calls = self.points = self.throttled = 0

    def send(self, document: str, **variables: object) -> Json:
        """The data of an answer."""
        while True:
            self.calls += 1
            answer: Json = self._http.post(
                self._url, json={"query": document, "variables": variables}, timeout=30
            ).json()
            cost = answer["extensions"]["cost"]
            if "data" in answer:
                self.points += cost["actualQueryCost"]
                return dict(answer["data"])
            self.throttled += 1
            status = cost["throttleStatus"]
            missing = cost["requestedQueryCost"] - status["currentlyAvailable"]
            time.sleep(max(0.05, missing / status["restoreRate"]))

    def unmarked(self) -> Iterator[str]:
        """Product ids, page by page."""
        found: list[str] = []
        after = None
        while True:
            page = self.send(PAGE, after=after)["products"]
            found += [each["id"] for each in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                return iter(found)
            after = page["pageInfo"]["endCursor"]
            time.sleep(PAUSE)

    def sync(self, product: str) -> None:
        """One product: its first level goes up by one, as RMS says, and the day's mark replaces the older."""
        levels = self.send(LEVELS, id=product)["product"]["variants"]["nodes"]
        item = levels[0]["inventoryItem"]
        shown = item["inventoryLevel"]["quantities"][0]["quantity"]
        row = {
            "inventoryItemId": item["id"],
            "locationId": "gid://shopify/Location/1",
            "quantity": shown + 1,
            "changeFromQuantity": shown,
        }
        write = {"name": "available", "reason": "correction", "quantities": [row]}
        self.send(WRITE, input=write, key=str(uuid.uuid4()))
        tags = self.send(TAGS, id=product)["product"]["tags"]
        kept = [tag for tag in tags if not tag.startswith("RMS-SYNC-")]
        self.send(MARKING, product={"id": product, "tags": [*kept, MARK]})


def measured(products: int) -> Mapping[str, float]:
    with stand.standing(stand.shop(products, VARIANTS, products)) as stage:
        naive = Naive(stage.environment)
        began = time.perf_counter()
        for product in naive.unmarked():
            naive.sync(product)
        wall = time.perf_counter() - began
    return {"calls": naive.calls, "points": naive.points, "throttled": naive.throttled, "wall": wall}


def main() -> None:
    asked = stand.arguments(__doc__, times=1, products=(1_000,))
    stand.table(
        [
            {"products": each, **stand.repeated(asked.times, lambda each=each: measured(each))}  # type: ignore[misc]
            for each in asked.products
        ]
    )


if __name__ == "__main__":
    main()
