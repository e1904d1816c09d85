"""Small worlds for tests: a shop and its RMS, in the form of the sandbox's world file.

They live on one day, 2026-11-21 (NOW): tests pin the stand-ins' clock and Evenstock's to it, so that marks
and dates of orders mean the same whenever the suite runs.
"""

from datetime import UTC, datetime
from typing import Any

World = dict[str, Any]

OWN = "own.example"
TOKEN = "tok-own"
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
DAY = "2026-11-21"
MARK = "RMS-SYNC-26-11-21"
YESTERDAY = "RMS-SYNC-26-11-20"
LOCATION = 1


def variant(number: int, sku: str | None, available: int | None, **more: object) -> World:
    """A variant with one level at the first location; None leaves it unstocked. `more` overrides keys."""
    level = {key: more.pop(key) for key in ("committed", "incoming", "reserved", "active") if key in more}
    levels = {} if available is None else {str(LOCATION): {"available": available, **level}}
    return {
        "id": number,
        "inventory_item_id": number + 50_000,
        "sku": sku,
        "price": "59.90",
        "tracked": True,
        "levels": levels,
    } | more


def product(
    number: int, ccod: str | None, *variants: World, tags: tuple[str, ...] = (), **more: object
) -> World:
    """A product with its CCOD in the metafield that the main sync uses."""
    return {
        "id": number,
        "title": f"Shoe {number}",
        "handle": f"shoe-{number}",
        "status": "ACTIVE",
        "tags": list(tags),
        "metafields": {"rms.ccod": ccod} if ccod else {},
        "variants": list(variants),
    } | more


def row(ccod: str, sku: str | None, quantity: object) -> World:
    """A row of RMS."""
    return {"ccod": ccod, "sku": sku, "quantity": quantity, "last_updated": "2026-11-20T09:00:00"}


def world(products: list[World], rows: list[World], **shop: object) -> World:
    """The own shop and RMS."""
    own = {
        "token": TOKEN,
        "plan": "plus",
        "timezone": "UTC",
        "locations": [{"id": LOCATION, "name": "Main"}],
        "products": products,
        "search_lag_seconds": 0,
    } | shop
    return {"shopify": {OWN: own}, "rms": {"items": rows}}


def shoe(
    number: int, shown: dict[str, int], stocked: dict[str, Any], **more: object
) -> tuple[World, list[World]]:
    """A product with sizes, and its RMS rows: two dictionaries from size to quantity."""
    ccod = f"24X{number}"
    variants = [
        variant(number * 100 + place, f"{ccod}-{size}", available)
        for place, (size, available) in enumerate(shown.items(), start=1)
    ]
    rows = [row(ccod, f"{ccod}-{size}", quantity) for size, quantity in stocked.items()]
    return product(number, ccod, *variants, **more), rows


def levels(now: World) -> dict[str, int]:
    """Available units at the first location by SKU, of a world as the sandbox gives it back."""
    return {
        each["sku"]: each["levels"][str(LOCATION)]["available"]
        for shown in now["shopify"][OWN]["products"]
        for each in shown["variants"]
        if str(LOCATION) in each["levels"]
    }


def tags(now: World) -> dict[int, list[str]]:
    """Tags by product id."""
    return {each["id"]: each["tags"] for each in now["shopify"][OWN]["products"]}
