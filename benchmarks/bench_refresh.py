"""A refresh of 823 products with 4 variants at 2 locations, Standard plan, beside the way it was done before:
50 items a call, one call after the other, with 2 s between.

python benchmarks/bench_refresh.py [--times 3] [--paths batches-of-250 batches-of-50 unchanged origin]
"""

from collections.abc import Mapping

import stand

PRODUCTS, VARIANTS, LOCATIONS = 823, 4, 2
ITEMS = PRODUCTS * VARIANTS

FREE = {"INVENTORY_REFRESH_COOLDOWN_MINUTES": "0"}
PATHS: Mapping[str, Mapping[str, str]] = {
    "batches-of-250": {"INVENTORY_REFRESH_BATCH_SIZE": "250"},
    "batches-of-50": {"INVENTORY_REFRESH_BATCH_SIZE": "50"},
    "unchanged": {"INVENTORY_REFRESH_BATCH_SIZE": "250"},
    "origin": {"INVENTORY_REFRESH_BATCH_SIZE": "50", "INVENTORY_REFRESH_SPACING_SECONDS": "2"},
}
"""How to refresh; *unchanged* is the second refresh of a store in which nothing happened."""


def store() -> stand.Json:
    """A shop whose variants are stocked at two locations."""
    world = stand.shop(PRODUCTS, VARIANTS, 0)
    own = world["shopify"]["own.example"]
    own["locations"] = [{"id": place, "name": f"Place {place}"} for place in range(1, LOCATIONS + 1)]
    for product in own["products"]:
        for variant in product["variants"]:
            variant["levels"] = {str(place): {"available": place} for place in range(1, LOCATIONS + 1)}
    return world


def measured(path: str) -> Mapping[str, float]:
    """One refresh; Prefect's home is warm."""
    with stand.standing(store()) as stage:
        environment = {**stage.environment, **FREE, **PATHS[path]}
        stand.child("empty", environment)
        start = stand.child("empty", environment)
        if path == "unchanged":
            stand.child("refresh", environment, products=PRODUCTS)
        found = stand.child("refresh", environment, products=PRODUCTS)
    stand.expect(found.result["data"], "inventoryUpdates", ITEMS)
    api = found.result["api"]
    return {
        "refresh s": found.result["data"]["processingTime"] / 1000,
        "wall": found.wall,
        "Prefect wall": start.wall,
        "CPU": found.cpu,
        "calls": api["calls"],
        "points": api["points"],
        "throttled": api["throttled"],
        "waited": api["seconds_waited"],
    }


def row(path: str, times: int) -> Mapping[str, object]:
    return {"path": path, **stand.repeated(times, lambda: measured(path))}


def main() -> None:
    asked = stand.arguments(__doc__, paths=tuple(PATHS))
    stand.table([row(path, asked.times) for path in asked.paths])


if __name__ == "__main__":
    main()
