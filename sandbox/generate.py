"""A shop of any size, the same for the same seed."""

import random
from datetime import datetime, timedelta
from typing import Any

from sandbox.bricks import generated_stores
from sandbox.supplies import generated_suppliers

Json = dict[str, Any]


def generated_world(products: int, variants: int, seed: int, now: datetime) -> Json:
    """`products` products of `variants` variants each: about a tenth of the levels differ from RMS, by one to
    three units. Both marketplaces have a lot for each product, 10,000 at most.
    """
    chance = random.Random(seed)
    updated = (now - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S")
    shop: list[Json] = []
    items: list[Json] = []
    for number in range(1, products + 1):
        ccod = f"G{number:07d}"
        shop.append(_product(number, ccod, variants, chance))
        items += [_row(ccod, variant, chance, updated) for variant in shop[-1]["variants"]]
    return {
        "shopify": {"own.example": {"locations": [{"id": 1, "name": "Main"}], "products": shop}},
        "rms": {"items": items},
        **generated_stores(products, seed),
        **generated_suppliers(products, variants, seed),
    }


def _product(number: int, ccod: str, variants: int, chance: random.Random) -> Json:
    return {
        "id": number,
        "title": f"Product {number}",
        "handle": f"product-{number}",
        "metafields": {"rms.ccod": ccod},
        "variants": [_variant(number, index, variants, ccod, chance) for index in range(variants)],
    }


def _variant(product: int, index: int, variants: int, ccod: str, chance: random.Random) -> Json:
    number = (product - 1) * variants + index + 1
    return {
        "id": 10_000_000 + number,
        "inventory_item_id": 50_000_000 + number,
        "sku": f"{ccod}-{index + 1}",
        "price": "59.90",
        "position": index + 1,
        "options": {"Size": str(index + 1)},
        "levels": {"1": {"available": chance.randint(1, 12)}},
    }


def _row(ccod: str, variant: Json, chance: random.Random, updated: str) -> Json:
    shown = variant["levels"]["1"]["available"]
    moved = chance.choice((-2, -1, 1, 2, 3)) if chance.random() < 0.1 else 0
    return {
        "ccod": ccod,
        "sku": variant["sku"],
        "quantity": max(1, shown + moved),
        "last_updated": updated,
    }
