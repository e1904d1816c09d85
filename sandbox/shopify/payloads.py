"""What web hooks tell of a shop's things: REST-style documents in snake case.

https://shopify.dev/docs/api/webhooks/latest
"""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sandbox.shopify import gids
from sandbox.shopify.bulk import BulkOperation
from sandbox.shopify.model import LevelAt, Line, Order, Product, Variant
from sandbox.shopify.resolvers import options_of, product_options
from sandbox.shopify.shop import Shop, sellable

Document = dict[str, Any]
OPTIONS: Final = ("option1", "option2", "option3")


def at(shop: Shop, moment: datetime | None) -> str | None:
    """A moment in the shop's own zone, as REST spells it."""
    if moment is None:
        return None
    return moment.astimezone(ZoneInfo(shop.settings.timezone)).isoformat(timespec="seconds")


def level(shop: Shop, found: LevelAt) -> Document:
    """A level that changed, or that is new."""
    item, place = found.variant.item_id, found.location.id
    return {
        "inventory_item_id": item,
        "location_id": place,
        "available": found.level.available,
        "updated_at": at(shop, found.level.updated_at),
        "admin_graphql_api_id": gids.level(place, item),
    }


def product(shop: Shop, found: Product) -> Document:
    """A product with all its variants. Its tags are one text."""
    shown = found.status == "ACTIVE"
    return {
        "admin_graphql_api_id": f"gid://shopify/Product/{found.id}",
        "body_html": "",
        "created_at": at(shop, found.created_at),
        "handle": found.handle,
        "id": found.id,
        "product_type": found.product_type,
        "published_at": at(shop, found.created_at) if shown else None,
        "template_suffix": None,
        "title": found.title,
        "updated_at": at(shop, found.updated_at),
        "vendor": found.vendor,
        "status": found.status.lower(),
        "published_scope": "web",
        "tags": ", ".join(found.tags),
        "variants": [variant(shop, one) for one in found.variants],
        "options": [
            {"name": one["name"], "id": int(one["id"]), "product_id": found.id, "position": one["position"]}
            | {"values": one["values"]}
            for one in product_options(found)
        ],
        "images": [],
        "image": None,
        "media": [],
        "variant_gids": [
            {"admin_graphql_api_id": _variant_gid(one), "updated_at": at(shop, one.updated_at)}
            for one in found.variants
        ],
    }


def variant(shop: Shop, found: Variant) -> Document:
    """A variant inside its product."""
    values = [*options_of(found).values(), None, None, None]
    return {
        "admin_graphql_api_id": _variant_gid(found),
        "barcode": found.barcode,
        "compare_at_price": found.compare_at_price,
        "created_at": at(shop, found.created_at),
        "id": found.id,
        "inventory_policy": found.policy.lower(),
        "position": found.position,
        "price": found.price,
        "product_id": found.product.id,
        "sku": found.sku,
        "taxable": found.taxable,
        "title": " / ".join(options_of(found).values()),
        "updated_at": at(shop, found.updated_at),
        **dict(zip(OPTIONS, values, strict=False)),
        "image_id": None,
        "inventory_item_id": found.item_id,
        "inventory_quantity": sellable(found),
        "old_inventory_quantity": sellable(found),
    }


def _variant_gid(found: Variant) -> str:
    return f"gid://shopify/ProductVariant/{found.id}"


def order(shop: Shop, found: Order) -> Document:
    """An order with its lines."""
    return {
        "id": found.id,
        "admin_graphql_api_id": f"gid://shopify/Order/{found.id}",
        "created_at": at(shop, found.created_at),
        "updated_at": at(shop, found.updated_at),
        "cancelled_at": at(shop, found.cancelled_at),
        "test": found.test,
        "name": f"#{found.id}",
        "fulfillment_status": "fulfilled" if found.fulfilled else None,
        "line_items": [_line(shop, one) for one in found.lines],
    }


def _line(shop: Shop, found: Line) -> Document:
    sold = shop.variants.get(found.variant_id or 0)
    return {
        "id": found.id,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{found.id}",
        "variant_id": found.variant_id,
        "product_id": sold.product.id if sold else None,
        "quantity": found.quantity,
        "current_quantity": found.current_quantity,
        "sku": found.sku,
        "title": found.title,
    }


def bulk_operation(shop: Shop, found: BulkOperation) -> Document:
    """A bulk operation that is over; where its result is has to be asked for."""
    return {
        "admin_graphql_api_id": f"gid://shopify/BulkOperation/{found.id}",
        "completed_at": at(shop, found.completed_at),
        "created_at": at(shop, found.created_at),
        "error_code": found.error_code.lower() if found.error_code else None,
        "status": found.status.lower(),
        "type": found.type.lower(),
    }
