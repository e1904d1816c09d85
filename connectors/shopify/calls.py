"""What Evenstock says to Shopify: one pure builder an operation, values in, `Call` out.

https://shopify.dev/docs/api/admin-graphql/2026-10
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from connectors.http import Call
from connectors.records import JsonObject, JsonValue, NewVariant, Row
from connectors.shopify import documents

PAGE = 250
"""Shopify's most: ids or rows in one argument, objects in one page."""

REASON = "correction"

JSONL = "text/jsonl"
"""One JSON object a line."""


def gid(kind: str, number: int) -> str:
    """A global id, e.g. ``gid://shopify/Product/1``."""
    return f"gid://shopify/{kind}/{number}"


def quoted(value: str) -> str:
    """A value for the search syntax: in single quotes, with what would end them escaped.

    https://shopify.dev/docs/api/usage/search-syntax
    """
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def without_tag(tag: str, above: int = 0) -> str:
    """Search for products that do not carry a tag, from an id on."""
    return _above(f"tag_not:{quoted(tag)}", above)


def with_tag(tag: str, above: int = 0) -> str:
    """Search for what belongs to products that carry a tag, from an id on."""
    return _above(f"tag:{quoted(tag)}", above)


def _above(search: str, above: int) -> str:
    return " AND ".join(part for part in (search, f"id:>{above}" if above else "") if part)


def placed(since: datetime, until: datetime) -> str:
    """Search for orders of a time, both ends included. An unquoted time would be cut at its colon."""
    return f"created_at:>={quoted(_moment(since))} AND created_at:<={quoted(_moment(until))}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def anything(above: int = 0) -> str:
    """Search for everything, from an id on."""
    return _above("", above)


def shop() -> Call:
    """Who the store is and what the token may do."""
    return _call("shop", documents.SHOP, cost=5)


def locations(after: str | None = None) -> Call:
    """All locations, inactive ones too."""
    return _call("locations", documents.LOCATIONS, {"after": after}, cost=13)


def products(search: str, location: int, after: str | None = None) -> Call:
    """Products with their first ten variants and the stock of one location."""
    variables: JsonObject = {"search": search, "location": gid("Location", location), "after": after}
    return _call("products", documents.PRODUCTS, variables, cost=255)


def product_ids(search: str, after: str | None = None) -> Call:
    """Products with nothing but their tags and status."""
    return _call("products", documents.PRODUCT_IDS, {"search": search, "after": after}, cost=13)


def products_by_id(ids: Sequence[int], location: int) -> Call:
    """Some products with up to 250 variants each."""
    variables: JsonObject = {"ids": _gids("Product", ids), "location": gid("Location", location)}
    return _call("nodes", documents.PRODUCTS_BY_ID, variables, cost=52)


def more_variants(product: int, location: int, after: str | None) -> Call:
    """The next 250 variants of one product."""
    variables: JsonObject = {
        "id": gid("Product", product),
        "location": gid("Location", location),
        "after": after,
    }
    return _call("product", documents.MORE_VARIANTS, variables, cost=47)


def skus(search: str, after: str | None = None) -> Call:
    """The SKUs of variants, and nothing else of them."""
    return _call("productVariants", documents.SKUS, {"search": search or None, "after": after}, cost=13)


def variant_heads(variants: Sequence[int]) -> Call:
    """Up to 250 variants with no more than what tells them apart."""
    return _call("nodes", documents.VARIANT_HEADS, {"ids": _gids("ProductVariant", variants)}, cost=7)


def offers(variants: Sequence[int]) -> Call:
    """Up to 250 variants as their store sells them."""
    return _call("nodes", documents.OFFERS, {"ids": _gids("ProductVariant", variants)}, cost=4)


def variants(ids: Sequence[int], location: int) -> Call:
    """Up to 250 variants with their products and the stock of one location."""
    variables: JsonObject = {"ids": _gids("ProductVariant", ids), "location": gid("Location", location)}
    return _call("nodes", documents.VARIANTS, variables, cost=6)


def levels(items: Sequence[int], location: int) -> Call:
    """The levels of up to 250 items at one location."""
    variables: JsonObject = {"ids": _gids("InventoryItem", items), "location": gid("Location", location)}
    return _call("nodes", documents.LEVELS, variables, cost=3)


def levels_everywhere(items: Sequence[int]) -> Call:
    """All levels of up to 250 items, at active and inactive locations alike."""
    return _call("nodes", documents.LEVELS_EVERYWHERE, {"ids": _gids("InventoryItem", items)}, cost=34)


def available_everywhere(items: Sequence[int]) -> Call:
    """What may be sold of up to 250 items at each location that stocks them, ten locations an item."""
    return _call("nodes", documents.AVAILABLE_EVERYWHERE, {"ids": _gids("InventoryItem", items)}, cost=15)


def more_available(item: int, after: str) -> Call:
    """The next 250 levels of one item."""
    variables: JsonObject = {"id": gid("InventoryItem", item), "after": after}
    return _call("inventoryItem", documents.MORE_AVAILABLE, variables, cost=36)


def stocked_products(ids: Sequence[int], first: int = 50, after: str | None = None) -> Call:
    """Up to 250 products as nothing but their variants; behind a cursor, one product at a time."""
    variables: JsonObject = {"ids": _gids("Product", ids), "first": first, "after": after}
    return _call("nodes", documents.STOCKED_PRODUCTS, variables, cost=17 if first <= 50 else 25)


def snapshots(variants: Sequence[int]) -> Call:
    """Everything that is needed to judge and to make again up to 250 variants."""
    return _call("nodes", documents.SNAPSHOTS, {"ids": _gids("ProductVariant", variants)}, cost=40)


def assortment(product: int, after: str | None = None) -> Call:
    """One product with its options, its images and up to 250 of its variants as choices."""
    variables: JsonObject = {"id": gid("Product", product), "after": after}
    return _call("product", documents.ASSORTMENT, variables, cost=50)


def orders(after: str | None = None) -> Call:
    """Orders, newest first. No search: the search index lags behind the orders themselves."""
    return _call("orders", documents.ORDERS, {"after": after}, cost=155)


def more_lines(order: int, after: str | None) -> Call:
    """The next 250 lines of one order."""
    return _call("order", documents.MORE_LINES, {"id": gid("Order", order), "after": after}, cost=25)


def set_quantities(rows: Iterable[Row], *, location: int, name: str, reference: str, key: str) -> Call:
    """Set up to 250 levels, each only if it still holds what is expected; all of them or none.

    https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/inventorySetQuantities
    """
    where = gid("Location", location)
    quantities: list[JsonValue] = [
        {
            "inventoryItemId": gid("InventoryItem", row.item_id),
            "locationId": where,
            "quantity": row.quantity,
            "changeFromQuantity": row.expected,
        }
        for row in rows
    ]
    body: JsonObject = {
        "name": name,
        "reason": REASON,
        "referenceDocumentUri": reference,
        "quantities": quantities,
    }
    return _write("inventorySetQuantities", documents.SET_QUANTITIES, {"input": body, "key": key})


def activate(item: int, location: int, key: str) -> Call:
    """Make a level sellable; whatever quantity it kept from before comes back with it."""
    variables: JsonObject = {
        "item": gid("InventoryItem", item),
        "location": gid("Location", location),
        "key": key,
    }
    return _write("inventoryActivate", documents.ACTIVATE, variables)


def create_variants(product: int, variants: Iterable[NewVariant]) -> Call:
    """Add variants to one product, all of them or none, without any quantity.

    https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/productVariantsBulkCreate
    """
    variables: JsonObject = {
        "product": gid("Product", product),
        "variants": [variant_input(variant) for variant in variants],
    }
    return _write("productVariantsBulkCreate", documents.CREATE_VARIANTS, variables, cost=12)


def variant_input(variant: NewVariant) -> JsonObject:
    """A variant as `ProductVariantsBulkInput`; what is not known is left out."""
    return _given(
        optionValues=[{"optionName": name, "name": value} for name, value in variant.options],
        price=variant.price,
        compareAtPrice=variant.compare_at_price,
        barcode=variant.barcode,
        inventoryPolicy=variant.policy,
        taxable=variant.taxable,
        mediaId=variant.media_id,
        metafields=[
            {"namespace": each.namespace, "key": each.key, "type": each.type, "value": each.value}
            for each in variant.metafields
        ]
        or None,
        inventoryItem=_item_input(variant),
    )


def _item_input(variant: NewVariant) -> JsonObject:
    weight: JsonValue = None
    if variant.weight:
        amount, unit = variant.weight
        weight = {"weight": {"value": amount, "unit": unit}}
    return _given(
        sku=variant.sku,
        tracked=variant.tracked,
        requiresShipping=variant.requires_shipping,
        cost=variant.cost,
        measurement=weight,
        countryCodeOfOrigin=variant.country,
        provinceCodeOfOrigin=variant.province,
        harmonizedSystemCode=variant.tariff_code,
    )


def _given(**fields: JsonValue) -> JsonObject:
    return {name: value for name, value in fields.items() if value is not None}


def delete_variants(product: int, variants: Sequence[int]) -> Call:
    """Delete variants of one product, all of them or none."""
    variables: JsonObject = {
        "product": gid("Product", product),
        "variants": _gids("ProductVariant", variants),
    }
    return _write("productVariantsBulkDelete", documents.DELETE_VARIANTS, variables)


def add_tags(product: int, tags: Sequence[str]) -> Call:
    """Add tags; adding one again changes nothing."""
    variables: JsonObject = {"id": gid("Product", product), "tags": list(tags)}
    return _write("tagsAdd", documents.ADD_TAGS, variables, repeatable=True)


def remove_tags(product: int, tags: Sequence[str]) -> Call:
    """Remove tags; those that are not there are no error."""
    variables: JsonObject = {"id": gid("Product", product), "tags": list(tags)}
    return _write("tagsRemove", documents.REMOVE_TAGS, variables, repeatable=True)


def archive(product: int) -> Call:
    """Take a product off sale without losing it."""
    body: JsonObject = {"id": gid("Product", product), "status": "ARCHIVED"}
    return _write("productUpdate", documents.ARCHIVE, {"product": body}, repeatable=True)


def count_products(search: str) -> Call:
    """How many products a search finds."""
    return _call("productsCount", documents.COUNT_PRODUCTS, {"search": search or None}, cost=10)


def count_variants() -> Call:
    """How many variants the store has."""
    return _call("productVariantsCount", documents.COUNT_VARIANTS, cost=10)


def tags(products: Sequence[int]) -> Call:
    """The tags of up to 250 products."""
    return _call("nodes", documents.TAGS, {"ids": _gids("Product", products)}, cost=1)


# ------------------------------------------------------------------ bulk operations


def run_bulk_query(text: str) -> Call:
    """Start a bulk query. Children stand on lines of their own.

    https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/bulkOperationRunQuery
    """
    body: JsonObject = {"query": documents.RUN_BULK_QUERY, "variables": {"query": text}}
    return Call("bulkOperationRunQuery", path="graphql.json", json=body, cost=10, starts=True)


def run_bulk_mutation(text: str, path: str, identifier: str) -> Call:
    """Start a bulk mutation over an uploaded file.

    https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/bulkOperationRunMutation
    """
    variables: JsonObject = {"mutation": text, "path": path, "identifier": identifier}
    return _write("bulkOperationRunMutation", documents.RUN_BULK_MUTATION, variables)


def stage_upload(name: str) -> Call:
    """Ask where to upload the variables of a bulk mutation.

    https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/stagedUploadsCreate
    """
    wanted: JsonObject = {
        "resource": "BULK_MUTATION_VARIABLES",
        "filename": name,
        "mimeType": JSONL,
        "httpMethod": "POST",
    }
    body: JsonObject = {"query": documents.STAGE_UPLOAD, "variables": {"input": [wanted]}}
    return Call("stagedUploadsCreate", path="graphql.json", json=body, cost=11, writes=True, repeatable=True)


def bulk_operation(operation: str) -> Call:
    """How a bulk operation is going."""
    return _call("bulkOperation", documents.BULK_OPERATION, {"id": operation}, cost=1)


def bulk_operations() -> Call:
    """The newest bulk operations of this app."""
    return _call("bulkOperations", documents.BULK_OPERATIONS, cost=6)


def cancel_bulk(operation: str) -> Call:
    """Stop a bulk operation."""
    body: JsonObject = {"query": documents.CANCEL_BULK, "variables": {"id": operation}}
    return Call("bulkOperationCancel", path="graphql.json", json=body, cost=10, starts=True, repeatable=True)


def _gids(kind: str, numbers: Sequence[int]) -> list[JsonValue]:
    return [gid(kind, number) for number in numbers]


def _call(operation: str, query: str, variables: JsonObject | None = None, *, cost: float) -> Call:
    body: JsonObject = {"query": query, "variables": variables or {}}
    return Call(operation, path="graphql.json", json=body, cost=cost)


def _write(
    operation: str, query: str, variables: JsonObject, *, repeatable: bool = False, cost: float = 10
) -> Call:
    body: JsonObject = {"query": query, "variables": variables}
    return Call(operation, path="graphql.json", json=body, cost=cost, writes=True, repeatable=repeatable)
