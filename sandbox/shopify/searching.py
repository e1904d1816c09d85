"""What may be searched, and what search sees of each thing.

Filters: https://shopify.dev/docs/api/admin-graphql/latest/queries/products (and the other lists).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from sandbox.shopify.model import LevelAt, Location, Order, Product, Variant
from sandbox.shopify.search import DEFAULT, Kind
from sandbox.shopify.shop import Shop, sellable
from sandbox.shopify.switches import Switches

Thing = Any
"""Whatever a list of a shop holds."""
Get = Callable[[str], object]
Look = Callable[[Any], Get]
Reader = Callable[[Any, Shop, float], object]
Fields = Mapping[str, tuple[Kind, Reader]]


def _plain(get: Callable[[Any], object]) -> Reader:
    return lambda thing, _shop, _lag: get(thing)


def _skus(product: Product) -> list[str]:
    return [variant.sku for variant in product.variants if variant.sku]


PRODUCTS: Final[Fields] = {
    "id": (Kind.ID, _plain(lambda product: product.id)),
    "tag": (Kind.KEYWORD, lambda product, shop, lag: shop.indexed(product, lag).tags),
    "status": (Kind.KEYWORD, lambda product, shop, lag: shop.indexed(product, lag).status),
    "updated_at": (Kind.DATE, lambda product, shop, lag: shop.indexed(product, lag).updated_at),
    "created_at": (Kind.DATE, _plain(lambda product: product.created_at)),
    "sku": (Kind.KEYWORD, _plain(_skus)),
    "title": (Kind.TEXT, _plain(lambda product: product.title)),
    "handle": (Kind.KEYWORD, _plain(lambda product: product.handle)),
    "vendor": (Kind.KEYWORD, _plain(lambda product: product.vendor)),
    "product_type": (Kind.KEYWORD, _plain(lambda product: product.product_type)),
    "gift_card": (Kind.BOOL, _plain(lambda product: product.gift_card)),
    "tracks_inventory": (Kind.BOOL, _plain(lambda product: any(v.tracked for v in product.variants))),
    "inventory_total": (Kind.NUMBER, lambda product, shop, lag: shop.total(product, lag)),
    "variant_id": (Kind.ID, _plain(lambda product: [variant.id for variant in product.variants])),
    DEFAULT: (Kind.TEXT, _plain(lambda product: [product.title, *_skus(product)])),
}
VARIANTS: Final[Fields] = {
    "id": (Kind.ID, _plain(lambda variant: variant.id)),
    "sku": (Kind.KEYWORD, _plain(lambda variant: variant.sku)),
    "barcode": (Kind.KEYWORD, _plain(lambda variant: variant.barcode)),
    "tag": (Kind.KEYWORD, lambda variant, shop, lag: shop.indexed(variant.product, lag).tags),
    "product_id": (Kind.ID, _plain(lambda variant: variant.product.id)),
    "product_ids": (Kind.ID, _plain(lambda variant: variant.product.id)),
    "product_status": (Kind.KEYWORD, lambda v, shop, lag: shop.indexed(v.product, lag).status),
    "location_id": (Kind.ID, _plain(lambda variant: list(variant.levels))),
    "inventory_quantity": (Kind.NUMBER, _plain(sellable)),
    "managed": (Kind.BOOL, _plain(lambda variant: variant.tracked)),
    "updated_at": (Kind.DATE, _plain(lambda variant: variant.updated_at)),
    DEFAULT: (Kind.TEXT, _plain(lambda variant: [variant.product.title, variant.sku])),
}
ITEMS: Final[Fields] = {
    "id": (Kind.ID, _plain(lambda item: item.variant.item_id)),
    "sku": (Kind.KEYWORD, _plain(lambda item: item.variant.sku)),
    "created_at": (Kind.DATE, _plain(lambda item: item.variant.created_at)),
    "updated_at": (Kind.DATE, _plain(lambda item: item.variant.updated_at)),
}


def _of_level(get: Callable[[LevelAt], object]) -> Reader:
    return lambda at, _shop, _lag: get(at)


LEVELS: Final[Fields] = {
    "id": (Kind.ID, _of_level(lambda at: at.location.id)),
    "inventory_item_id": (Kind.ID, _of_level(lambda at: at.variant.item_id)),
    "created_at": (Kind.DATE, _of_level(lambda at: at.variant.created_at)),
    "updated_at": (Kind.DATE, _of_level(lambda at: at.level.updated_at)),
}


def _order_skus(order: Order) -> list[str]:
    return [line.sku for line in order.lines if line.sku]


def _order_status(order: Order) -> str:
    return "cancelled" if order.cancelled_at else "open"


ORDERS: Final[Fields] = {
    "id": (Kind.ID, _plain(lambda order: order.id)),
    "name": (Kind.KEYWORD, _plain(lambda order: f"#{order.id}")),
    "created_at": (Kind.DATE, _plain(lambda order: order.created_at)),
    "processed_at": (Kind.DATE, _plain(lambda order: order.created_at)),
    "updated_at": (Kind.DATE, _plain(lambda order: order.updated_at)),
    "sku": (Kind.KEYWORD, _plain(_order_skus)),
    "status": (Kind.KEYWORD, _plain(_order_status)),
    "test": (Kind.BOOL, _plain(lambda order: order.test)),
    "fulfillment_status": (Kind.KEYWORD, _plain(lambda o: "fulfilled" if o.fulfilled else "unfulfilled")),
    "location_id": (Kind.ID, _plain(lambda order: [line.location_id for line in order.lines])),
}


def _location_state(location: Location) -> bool:
    return location.active


LOCATIONS: Final[Fields] = {
    "id": (Kind.ID, _plain(lambda location: location.id)),
    "name": (Kind.TEXT, _plain(lambda location: location.name)),
    "active": (Kind.BOOL, _plain(_location_state)),
    DEFAULT: (Kind.TEXT, _plain(lambda location: location.name)),
}
BULK: Final[Fields] = {
    "id": (Kind.ID, _plain(lambda operation: operation.id)),
    "status": (Kind.KEYWORD, _plain(lambda operation: operation.status)),
    "operation_type": (Kind.KEYWORD, _plain(lambda operation: operation.type)),
    "created_at": (Kind.DATE, _plain(lambda operation: operation.created_at)),
    "completed_at": (Kind.DATE, _plain(lambda operation: operation.completed_at)),
}
FIELDS: Final[Mapping[str, Fields]] = {
    "products": PRODUCTS,
    "productVariants": VARIANTS,
    "inventoryItems": ITEMS,
    "inventoryLevels": LEVELS,
    "orders": ORDERS,
    "locations": LOCATIONS,
    "bulkOperations": BULK,
}


def kinds(root: str, switches: Switches) -> dict[str, Kind]:
    """The fields that may be searched in this list, with their kinds."""
    found = {name: kind for name, (kind, _) in FIELDS[root].items()}
    if root in ("products", "productVariants"):
        found["metafields.*"] = Kind.KEYWORD
    if "tag" in found and switches["tag_search"] == "word":
        found["tag"] = Kind.TEXT
    return found


def getter(root: str, shop: Shop, lag: float) -> Look:
    """For a thing of this list: what search sees of it."""
    return partial(_getter, FIELDS[root], shop, lag)


def _getter(fields: Fields, shop: Shop, lag: float, thing: Thing) -> Get:
    def get(name: str) -> object:
        if name.startswith("metafields."):
            return _metafield(thing, name.removeprefix("metafields."))
        return fields[name][1](thing, shop, lag)

    return get


def _metafield(thing: Product | Variant, name: str) -> str | None:
    found = thing.metafields.get(name)
    return found.value if found else None
