"""What each field of a shop's things answers: one table a type, names as in Shopify's schema.

https://shopify.dev/docs/api/admin-graphql/latest
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sandbox.clock import spelled
from sandbox.shopify import gids
from sandbox.shopify.execute import FieldError, Getter, Thing
from sandbox.shopify.model import NAMES, PARTS, LevelAt, Line, Location, Metafield, Order, Product, Variant
from sandbox.shopify.paging import Connection, connection
from sandbox.shopify.search import search, search_extension
from sandbox.shopify.searching import getter, kinds
from sandbox.shopify.shop import Shop, sellable
from sandbox.shopify.switches import Switches

SERVED_VERSIONS: Final[tuple[str, ...]] = ("2026-01", "2026-04", "2026-07", "2026-10")
MAX_DEPTH: Final = 25_000
"""Objects of one search that paging reaches."""

Arguments = Mapping[str, Any]
Table = dict[str, Getter]


class Item(NamedTuple):
    """An inventory item: the other face of a variant."""

    variant: Variant


class Quantity(NamedTuple):
    """One quantity of a level."""

    at: LevelAt
    name: str


class Field(NamedTuple):
    """A metafield with its name and owner."""

    owner: Thing
    name: str
    metafield: Metafield


@dataclass
class Context:
    """What a run of one operation knows: the shop, and what the reply's extensions collect."""

    shop: Shop
    switches: Switches
    version: str
    deep: bool = False
    """Whether searches reach beyond 25,000 objects, as those of bulk operations do."""
    searches: list[dict[str, object]] = field(default_factory=list)
    when_answered: list[Callable[[], None]] = field(default_factory=list)

    @property
    def max_depth(self) -> int | None:
        """Objects of one search that paging reaches, None for all."""
        return None if self.deep else MAX_DEPTH

    @property
    def lag(self) -> float:
        """Seconds that search is late."""
        return self.switches.search_lag(self.shop.settings.search_lag_seconds)


def gid(kind: str, thing: Callable[[Any], int] = lambda thing: thing.id) -> Getter:
    """The global id of a thing."""
    prefix = f"gid://shopify/{kind}/"
    return lambda _context, one, _arguments: f"{prefix}{thing(one)}"


def of(get: Callable[[Any], Any]) -> Getter:
    """A field that needs nothing but its thing."""
    return lambda _context, thing, _arguments: get(thing)


def always(value: object) -> Getter:
    """A field that is the same for every thing the sandbox serves."""
    return lambda _context, _thing, _arguments: value


def at(name: str) -> Getter:
    """A moment, as replies spell it."""

    def get(_context: Context, thing: Thing, _arguments: Arguments) -> str | None:
        moment = getattr(thing, name)
        return spelled(moment) if moment else None

    return get


def attributes(**names: str) -> Table:
    """Fields that an attribute of the thing holds."""

    def getter_of(name: str) -> Getter:
        return lambda _context, thing, _arguments: getattr(thing, name)

    return {field_name: getter_of(name) for field_name, name in names.items()}


def paged(
    items: Sequence[Any],
    arguments: Arguments,
    key: Callable[[Any], Any],
    *,
    where: Callable[[Any], bool] | None = None,
    max_depth: int | None = None,
) -> Connection[Any]:
    """A page of items sorted by the key."""
    return connection(
        items,
        arguments.get("first"),
        arguments.get("after"),
        arguments.get("last"),
        arguments.get("before"),
        key=key,
        reverse=bool(arguments.get("reverse")),
        where=where,
        max_depth=max_depth,
    )


def by_id(thing: Thing) -> tuple[int, int]:
    """The default order."""
    return (thing.id, thing.id)


def nothing(_context: Context, _thing: Thing, arguments: Arguments) -> Connection[Any]:
    """A connection to what no shop here has."""
    return paged([], arguments, by_id)


def searching(context: Context, root: str, arguments: Arguments) -> Callable[[Any], bool] | None:
    """The test of a search, None if there is none; terms it had to drop are told in `extensions.search`."""
    query = arguments.get("query")
    if not query:
        return None
    predicate, warnings = search(query, kinds(root, context.switches))
    if warnings:
        context.searches.append(search_extension([root], query, warnings))
    look = getter(root, context.shop, context.lag)
    return lambda thing: predicate(look(thing))


def searched(
    context: Context,
    root: str,
    items: Sequence[Any],
    arguments: Arguments,
    key: Callable[[Any], tuple[Any, int]] = by_id,
) -> Connection[Any]:
    """A page of what a search finds."""
    where = searching(context, root, arguments)
    return paged(items, arguments, key, where=where, max_depth=context.max_depth)


# ------------------------------------------------------------------ metafields


def _split(name: str) -> tuple[str, str]:
    namespace, _, key = name.partition(".")
    return namespace, key


def metafield(_context: Context, owner: Thing, arguments: Arguments) -> Field | None:
    """One metafield; without a namespace it is the app's own."""
    name = f"{arguments.get('namespace') or '$app'}.{arguments['key']}"
    thing = owner.variant if isinstance(owner, Item) else owner
    found = thing.metafields.get(name)
    return Field(thing, name, found) if found else None


def metafields(_context: Context, owner: Thing, arguments: Arguments) -> Connection[Field]:
    """All metafields, or those of a namespace, or those of these keys."""
    wanted = arguments.get("keys")
    namespace = arguments.get("namespace")
    found = [
        Field(owner, name, value)
        for name, value in sorted(owner.metafields.items())
        if (wanted is None or name in wanted) and (namespace is None or _split(name)[0] == namespace)
    ]
    return paged(found, arguments, lambda one: (one.name, 0))


def metafield_number(one: Field) -> int:
    """A number that is always the same for this metafield of this owner."""
    return int(sha256(f"{type(one.owner).__name__} {one.owner.id} {one.name}".encode()).hexdigest()[:12], 16)


METAFIELD: Final[Table] = {
    "id": gid("Metafield", metafield_number),
    "legacyResourceId": of(lambda one: str(metafield_number(one))),
    "namespace": of(lambda one: _split(one.name)[0]),
    "key": of(lambda one: _split(one.name)[1]),
    "value": of(lambda one: one.metafield.value),
    "type": of(lambda one: one.metafield.type),
    "ownerType": of(lambda one: {Product: "PRODUCT", Variant: "PRODUCTVARIANT"}[type(one.owner)]),
    "owner": of(lambda one: one.owner),
    "compareDigest": of(lambda one: sha256(one.metafield.value.encode()).hexdigest()),
    "createdAt": of(lambda one: spelled(one.owner.created_at)),
    "updatedAt": of(lambda one: spelled(one.owner.updated_at)),
    "description": always(None),
}


# ------------------------------------------------------------ products, variants


def count(number: Callable[[Any], int]) -> Getter:
    """A `Count`."""
    return lambda _context, thing, _arguments: {"count": number(thing), "precision": "EXACT"}


def _sku_key(variant: Variant) -> tuple[Any, int]:
    return (variant.sku or "", variant.id)


VARIANT_ORDER: Final[Mapping[str, Callable[[Any], tuple[Any, int]]]] = {
    "ID": by_id,
    "POSITION": lambda variant: (variant.position, variant.id),
    "SKU": _sku_key,
}


def variants_of(_context: Context, product: Product, arguments: Arguments) -> Connection[Variant]:
    """A product's variants, by position unless another order is asked for."""
    key = order_of(VARIANT_ORDER, arguments, "POSITION")
    return paged(sorted(product.variants, key=key), arguments, key)


def order_of(
    known: Mapping[str, Callable[[Any], tuple[Any, int]]], arguments: Arguments, default: str
) -> Callable[[Any], tuple[Any, int]]:
    """The key to sort by that is asked for."""
    name = arguments.get("sortKey") or default
    if name not in known:
        raise FieldError("SANDBOX_UNSERVED", f"The sandbox does not sort by {name}")
    return known[name]


def product_options(product: Product) -> list[dict[str, Any]]:
    """Names and values of what its variants differ in."""
    names: dict[str, list[str]] = {}
    for variant in product.variants:
        for name, value in options_of(variant).items():
            values = names.setdefault(name, [])
            if value not in values:
                values.append(value)
    return [
        {"id": f"{product.id}{index}", "name": name, "position": index, "values": values}
        for index, (name, values) in enumerate(names.items(), 1)
    ]


def options_of(variant: Variant) -> dict[str, str]:
    """A variant's option values; a product with one variant has Shopify's default option."""
    if variant.options:
        return variant.options
    only = len(variant.product.variants) == 1
    return {"Title": "Default Title" if only else variant.sku or f"Variant {variant.id}"}


def selected_options(variant: Variant) -> list[dict[str, str]]:
    """`selectedOptions`."""
    return [{"name": name, "value": value} for name, value in options_of(variant).items()]


def dictionary(*names: str) -> Table:
    """Fields of a thing that is a dictionary with these keys."""

    def getter_of(name: str) -> Getter:
        return lambda _context, thing, _arguments: thing[name]

    return {name: getter_of(name) for name in names}


PRODUCT: Final[Table] = {
    "id": gid("Product"),
    "legacyResourceId": of(lambda product: str(product.id)),
    **attributes(title="title", handle="handle", status="status", tags="tags", isGiftCard="gift_card"),
    **attributes(vendor="vendor", productType="product_type"),
    "createdAt": at("created_at"),
    "updatedAt": at("updated_at"),
    "publishedAt": of(lambda product: spelled(product.created_at) if product.status == "ACTIVE" else None),
    "totalInventory": lambda context, product, _: context.shop.total(product, context.lag),
    "tracksInventory": of(lambda product: any(variant.tracked for variant in product.variants)),
    "totalVariants": of(lambda product: len(product.variants)),
    "variantsCount": count(lambda product: len(product.variants)),
    "hasOnlyDefaultVariant": of(lambda p: len(p.variants) == 1 and not p.variants[0].options),
    "hasOutOfStockVariants": of(lambda p: any(v.tracked and sellable(v) <= 0 for v in p.variants)),
    "hasVariantsThatRequiresComponents": of(lambda p: any(variant.bundle for variant in p.variants)),
    "sellingPlanGroupsCount": count(lambda p: max((v.selling_plans for v in p.variants), default=0)),
    "requiresSellingPlan": always(False),
    "description": always(""),
    "descriptionHtml": always(""),
    "templateSuffix": always(None),
    "onlineStoreUrl": always(None),
    "options": lambda _context, product, arguments: product_options(product)[: arguments.get("first")],
    "media": nothing,
    "images": nothing,
    "mediaCount": count(lambda _: 0),
    "metafield": metafield,
    "metafields": metafields,
    "variants": variants_of,
}
VARIANT: Final[Table] = {
    "id": gid("ProductVariant"),
    "legacyResourceId": of(lambda variant: str(variant.id)),
    **attributes(sku="sku", barcode="barcode", price="price", compareAtPrice="compare_at_price"),
    **attributes(position="position", inventoryPolicy="policy", taxable="taxable", product="product"),
    **attributes(requiresComponents="bundle"),
    "title": of(lambda variant: " / ".join(options_of(variant).values())),
    "displayName": of(lambda v: f"{v.product.title} - {' / '.join(options_of(v).values())}"),
    "createdAt": at("created_at"),
    "updatedAt": at("updated_at"),
    "inventoryQuantity": of(sellable),
    "sellableOnlineQuantity": of(sellable),
    "availableForSale": of(lambda v: not v.tracked or v.policy == "CONTINUE" or sellable(v) > 0),
    "selectedOptions": of(selected_options),
    "sellingPlanGroupsCount": count(lambda variant: variant.selling_plans),
    "inventoryItem": of(Item),
    "taxCode": always(None),
    "image": always(None),
    "media": nothing,
    "metafield": metafield,
    "metafields": metafields,
}


# ------------------------------------------------------------------- inventory


def _level(at_level: LevelAt | None, arguments: Arguments) -> LevelAt | None:
    hidden = at_level and not at_level.level.active and not arguments.get("includeInactive")
    return None if hidden else at_level


def level_of_item(context: Context, item: Item, arguments: Arguments) -> LevelAt | None:
    """`inventoryLevel(locationId:)`: null if the item is not stocked there."""
    number = gids.number(arguments["locationId"], "Location")
    return _level(context.shop.level(item.variant, number or 0), arguments)


def levels_of_item(context: Context, item: Item, arguments: Arguments) -> Connection[LevelAt]:
    """An item's levels, by location."""
    found = [at for at in context.shop.levels(item.variant) if _level(at, arguments)]
    return searched(
        context, "inventoryLevels", found, arguments, lambda one: (one.location.id, one.location.id)
    )


def levels_of_location(context: Context, location: Location, arguments: Arguments) -> Connection[LevelAt]:
    """A location's levels, by item. Levels are looked at one by one, until the page is full."""
    test = searching(context, "inventoryLevels", arguments)

    def is_shown(variant: Variant) -> bool:
        found = _level(context.shop.level(variant, location.id), arguments)
        return found is not None and (test is None or test(found))

    variants = context.shop.variants_by_item()
    page = paged(variants, arguments, by_item, where=is_shown, max_depth=context.max_depth)
    levels = [LevelAt(variant, location, variant.levels[location.id]) for variant in page.nodes]
    return replace(page, nodes=levels, key=lambda one: by_item(one.variant))


def by_item(variant: Variant) -> tuple[int, int]:
    """The order of inventory items."""
    return (variant.item_id, variant.item_id)


def level_of_location(context: Context, location: Location, arguments: Arguments) -> LevelAt | None:
    """`inventoryLevel(inventoryItemId:)` of a location."""
    variant = context.shop.items.get(gids.number(arguments["inventoryItemId"], "InventoryItem") or 0)
    return _level(context.shop.level(variant, location.id), arguments) if variant else None


def quantities(_context: Context, at_level: LevelAt, arguments: Arguments) -> list[Quantity]:
    """One entry for each name."""
    unknown = [name for name in arguments["names"] if name not in NAMES]
    if unknown:
        raise FieldError("INVALID_FIELD_ARGUMENTS", f"The quantity name {unknown[0]} is not valid.")
    return [Quantity(at_level, name) for name in arguments["names"]]


def _quantity_id(_context: Context, one: Quantity, _arguments: Arguments) -> str:
    location, item = one.at.location.id, one.at.variant.item_id
    return f"gid://shopify/InventoryQuantity/{location}?inventory_item_id={item}&name={one.name}"


def _quantity_updated(_context: Context, one: Quantity, _arguments: Arguments) -> str | None:
    return None if one.name == "on_hand" else spelled(one.at.level.updated_at)


def _duplicates(context: Context, item: Item, _arguments: Arguments) -> int:
    return context.shop.duplicates(item.variant)


def _one_variant(_context: Context, item: Item, arguments: Arguments) -> Connection[Variant]:
    return paged([item.variant], arguments, by_id)


def _cost(_context: Context, item: Item, _arguments: Arguments) -> dict[str, str] | None:
    cost = item.variant.cost
    return {"amount": cost, "currencyCode": "EUR"} if cost is not None else None


ITEM: Final[Table] = {
    "id": gid("InventoryItem", lambda item: item.variant.item_id),
    "legacyResourceId": of(lambda item: str(item.variant.item_id)),
    "sku": of(lambda item: item.variant.sku),
    "tracked": of(lambda item: item.variant.tracked),
    "requiresShipping": of(lambda item: item.variant.requires_shipping),
    "duplicateSkuCount": _duplicates,
    "variant": of(lambda item: item.variant),
    "variants": _one_variant,
    "createdAt": of(lambda item: spelled(item.variant.created_at)),
    "updatedAt": of(lambda item: spelled(item.variant.updated_at)),
    "unitCost": _cost,
    "countryCodeOfOrigin": of(lambda item: item.variant.country_code_of_origin),
    "provinceCodeOfOrigin": of(lambda item: item.variant.province_code_of_origin),
    "harmonizedSystemCode": of(lambda item: item.variant.harmonized_system_code),
    "locationsCount": count(lambda item: len(item.variant.levels)),
    "measurement": of(lambda item: item.variant),
    "inventoryLevel": level_of_item,
    "inventoryLevels": levels_of_item,
}
MEASUREMENT: Final[Table] = {
    "id": gid("InventoryItemMeasurement", lambda variant: variant.item_id),
    "weight": of(lambda variant: {"value": variant.weight, "unit": "GRAMS"}),
}
LEVEL: Final[Table] = {
    "id": of(lambda at: gids.level(at.location.id, at.variant.item_id)),
    "isActive": of(lambda at: at.level.active),
    "item": of(lambda at: Item(at.variant)),
    "location": of(lambda at: at.location),
    "createdAt": of(lambda at: spelled(at.variant.created_at)),
    "updatedAt": of(lambda at: spelled(at.level.updated_at)),
    "canDeactivate": of(lambda at: sum(level.active for level in at.variant.levels.values()) > 1),
    "deactivationAlert": always(None),
    "quantities": quantities,
}
QUANTITY: Final[Table] = {
    "id": _quantity_id,
    "name": of(lambda one: one.name),
    "quantity": of(lambda one: getattr(one.at.level, one.name)),
    "updatedAt": _quantity_updated,
}
LOCATION: Final[Table] = {
    "id": gid("Location"),
    "legacyResourceId": of(lambda location: str(location.id)),
    **attributes(name="name", isActive="active", fulfillsOnlineOrders="fulfills_online_orders"),
    "shipsInventory": always(True),
    "isFulfillmentService": always(False),
    "isPrimary": lambda context, location, _: location is next(iter(context.shop.locations.values())),
    "hasActiveInventory": lambda context, location, _: any(
        location.id in variant.levels for variant in context.shop.variants.values()
    ),
    "inventoryLevel": level_of_location,
    "inventoryLevels": levels_of_location,
}


def _quantity_names() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "displayName": name.replace("_", " ").capitalize(),
            "isInUse": True,
            "belongsTo": ["on_hand"] if name in PARTS else [],
            "comprises": list(PARTS) if name == "on_hand" else [],
        }
        for name in NAMES
    ]


# ---------------------------------------------------------------------- orders


def _lines(_context: Context, order: Order, arguments: Arguments) -> Connection[Line]:
    return paged(order.lines, arguments, by_id)


def _line_variant(context: Context, line: Line, _arguments: Arguments) -> Variant | None:
    return context.shop.variants.get(line.variant_id or 0)


def _line_product(context: Context, line: Line, _arguments: Arguments) -> Product | None:
    variant = context.shop.variants.get(line.variant_id or 0)
    return variant.product if variant else None


ORDER: Final[Table] = {
    "id": gid("Order"),
    "legacyResourceId": of(lambda order: str(order.id)),
    "name": of(lambda order: f"#{order.id}"),
    "number": of(lambda order: order.id),
    "createdAt": at("created_at"),
    "processedAt": at("created_at"),
    "updatedAt": at("updated_at"),
    "cancelledAt": at("cancelled_at"),
    "closedAt": always(None),
    "test": of(lambda order: order.test),
    "displayFulfillmentStatus": of(lambda o: "FULFILLED" if o.fulfilled else "UNFULFILLED"),
    "displayFinancialStatus": always("PAID"),
    "lineItems": _lines,
}
LINE: Final[Table] = {
    "id": gid("LineItem"),
    **attributes(sku="sku", title="title", quantity="quantity", currentQuantity="current_quantity"),
    "name": of(lambda line: line.title),
    "variant": _line_variant,
    "product": _line_product,
}


# ------------------------------------------------------------------------ shop


def _zone(context: Context) -> ZoneInfo:
    return ZoneInfo(context.shop.settings.timezone)


def _offset(context: Context, _shop: Shop, _arguments: Arguments) -> str:
    return context.shop.clock.now().astimezone(_zone(context)).strftime("%z")


PLANS: Final = {"standard": "Basic", "advanced": "Advanced", "plus": "Shopify Plus"}

SHOP: Final[Table] = {
    "id": always("gid://shopify/Shop/1"),
    "name": of(lambda shop: shop.settings.domain.split(".")[0].capitalize()),
    "myshopifyDomain": of(lambda shop: shop.settings.domain),
    "url": of(lambda shop: f"https://{shop.settings.domain}"),
    "email": always("owner@shop.example"),
    "contactEmail": always("owner@shop.example"),
    "currencyCode": always("EUR"),
    "ianaTimezone": of(lambda shop: shop.settings.timezone),
    "timezoneOffset": _offset,
    "taxesIncluded": always(True),
    "setupRequired": always(False),
    "weightUnit": always("GRAMS"),
    "plan": of(lambda shop: shop.settings.plan),
    "resourceLimits": of(lambda shop: shop),
    "locations": lambda context, _, arguments: locations(context, None, arguments),
    "products": lambda context, _, arguments: products(context, None, arguments),
    "productVariants": lambda context, _, arguments: product_variants(context, None, arguments),
    "inventoryItems": lambda context, _, arguments: inventory_items(context, None, arguments),
    "orders": lambda context, _, arguments: orders(context, None, arguments),
}
PLAN: Final[Table] = {
    "displayName": of(lambda plan: PLANS[plan]),
    "publicDisplayName": of(lambda plan: PLANS[plan]),
    "shopifyPlus": of(lambda plan: plan == "plus"),
    "partnerDevelopment": always(False),
}
LIMITS: Final[Table] = {
    "locationLimit": of(lambda shop: 200 if shop.settings.plan == "plus" else 10),
    "maxProductVariants": always(2048),
    "maxProductOptions": always(3),
    "redirectLimitReached": always(False),
}
INSTALLATION: Final[Table] = {
    "id": always("gid://shopify/AppInstallation/1"),
    "accessScopes": of(lambda shop: [{"handle": h, "description": h} for h in shop.settings.scopes]),
    "launchUrl": of(lambda shop: f"https://{shop.settings.domain}/admin/apps/evenstock"),
    "uninstallUrl": always(None),
}


# ----------------------------------------------------------------------- roots


def node(context: Context, identity: str) -> Thing:
    """The thing behind a global id, None if there is none."""
    shop, found = context.shop, gids.parse(identity)
    if found is None:
        return None
    if found.kind == "InventoryLevel":
        variant = shop.items.get(found.item or 0)
        return shop.level(variant, found.number) if variant else None
    if found.kind == "InventoryItem":
        variant = shop.items.get(found.number)
        return Item(variant) if variant else None
    if found.kind == "Order":
        return shop.visible_order(found.number)
    known: dict[str, Mapping[int, Any]] = {
        "Product": shop.products,
        "ProductVariant": shop.variants,
        "Location": shop.locations,
        "BulkOperation": shop.bulk_operations,
    }
    return known.get(found.kind, {}).get(found.number)


def single(kind: str) -> Getter:
    """A root field that gives one thing by its id."""

    def get(context: Context, _root: Thing, arguments: Arguments) -> Thing:
        identity = arguments.get("id")
        if identity is None:
            return next(iter(context.shop.locations.values())) if kind == "Location" else None
        found = gids.parse(identity)
        if found and found.kind != kind:
            raise FieldError("RESOURCE_NOT_FOUND", f"Invalid id: {identity}")
        return node(context, identity)

    return get


def products(context: Context, _root: Thing, arguments: Arguments) -> Connection[Product]:
    """All products, or those a search finds."""
    key = order_of(PRODUCT_ORDER, arguments, "ID")
    items = context.shop.products_by_id()
    return searched(context, "products", _sorted(items, key), arguments, key)


def _sorted(items: Sequence[Any], key: Callable[[Any], tuple[Any, int]]) -> Sequence[Any]:
    return items if key is by_id else sorted(items, key=key)


PRODUCT_ORDER: Final[Mapping[str, Callable[[Any], tuple[Any, int]]]] = {
    "ID": by_id,
    "RELEVANCE": by_id,
    "TITLE": lambda product: (product.title, product.id),
    "CREATED_AT": lambda product: (spelled(product.created_at), product.id),
    "UPDATED_AT": lambda product: (spelled(product.updated_at), product.id),
}
LOCATION_ORDER: Final[Mapping[str, Callable[[Any], tuple[Any, int]]]] = {
    "ID": by_id,
    "RELEVANCE": by_id,
    "NAME": lambda location: (location.name, location.id),
}
ORDER_ORDER: Final[Mapping[str, Callable[[Any], tuple[Any, int]]]] = {
    "ID": by_id,
    "RELEVANCE": by_id,
    "PROCESSED_AT": lambda order: (spelled(order.created_at), order.id),
    "CREATED_AT": lambda order: (spelled(order.created_at), order.id),
    "UPDATED_AT": lambda order: (spelled(order.updated_at), order.id),
    "ORDER_NUMBER": by_id,
}


def product_variants(context: Context, _root: Thing, arguments: Arguments) -> Connection[Variant]:
    """All variants of the shop, or those a search finds."""
    key = order_of(VARIANT_ORDER, arguments, "ID")
    return searched(context, "productVariants", _sorted(context.shop.variants_by_id(), key), arguments, key)


def inventory_items(context: Context, _root: Thing, arguments: Arguments) -> Connection[Item]:
    """All inventory items of the shop."""
    test = searching(context, "inventoryItems", arguments)
    where = (lambda variant: test(Item(variant))) if test else None
    variants = context.shop.variants_by_item()
    page = paged(variants, arguments, by_item, where=where, max_depth=context.max_depth)
    items = [Item(variant) for variant in page.nodes]
    return replace(page, nodes=items, key=lambda one: by_item(one.variant))


def locations(context: Context, _root: Thing, arguments: Arguments) -> Connection[Location]:
    """Locations, only the active ones unless all are asked for."""
    key = order_of(LOCATION_ORDER, arguments, "NAME")
    shown: Iterable[Location] = context.shop.locations.values()
    if not arguments.get("includeInactive"):
        shown = (location for location in shown if location.active)
    return searched(context, "locations", sorted(shown, key=key), arguments, key)


def orders(context: Context, _root: Thing, arguments: Arguments) -> Connection[Order]:
    """Orders that the app may see."""
    key = order_of(ORDER_ORDER, arguments, "PROCESSED_AT")
    return searched(context, "orders", context.shop.visible_orders(key), arguments, key)


def counting(root: str, things: Callable[[Context], Sequence[Any]]) -> Getter:
    """A root count; `productVariantsCount` ignores its query, as recorded."""

    def get(context: Context, _root: Thing, arguments: Arguments) -> dict[str, Any]:
        query = arguments.get("query")
        found = things(context)
        if query and root != "productVariants":
            predicate, warnings = search(query, kinds(root, context.switches))
            if warnings:
                context.searches.append(search_extension([f"{root}Count"], query, warnings))
            look = getter(root, context.shop, context.lag)
            found = [thing for thing in found if predicate(look(thing))]
        limit = arguments.get("limit") or len(found)
        return {
            "count": min(len(found), limit),
            "precision": "AT_LEAST" if len(found) > limit else "EXACT",
        }

    return get


ROOT: Final[Table] = {
    "shop": lambda context, *_: context.shop,
    "currentAppInstallation": lambda context, *_: context.shop,
    "inventoryProperties": lambda *_: {"quantityNames": _quantity_names()},
    "publicApiVersions": lambda *_: [
        {"handle": handle, "displayName": handle, "supported": True} for handle in SERVED_VERSIONS
    ],
    "locations": locations,
    "location": single("Location"),
    "products": products,
    "product": single("Product"),
    "productByHandle": lambda context, _, arguments: next(
        (p for p in context.shop.products_by_id() if p.handle == arguments["handle"]), None
    ),
    "productVariants": product_variants,
    "productVariant": single("ProductVariant"),
    "inventoryItems": inventory_items,
    "inventoryItem": single("InventoryItem"),
    "inventoryLevel": single("InventoryLevel"),
    "orders": orders,
    "order": single("Order"),
    "node": lambda context, _, arguments: node(context, arguments["id"]),
    "nodes": lambda context, _, arguments: [node(context, one) for one in arguments["ids"]],
    "productsCount": counting("products", lambda context: context.shop.products_by_id()),
    "productVariantsCount": counting("productVariants", lambda context: context.shop.variants_by_id()),
    "ordersCount": counting("orders", lambda context: context.shop.visible_orders()),
    "locationsCount": counting("locations", lambda context: list(context.shop.locations.values())),
}

GETTERS: Final[Mapping[str, Mapping[str, Getter]]] = {
    "QueryRoot": ROOT,
    "Product": PRODUCT,
    "ProductVariant": VARIANT,
    "ProductOption": {
        "id": of(lambda option: f"gid://shopify/ProductOption/{option['id']}"),
        **dictionary("name", "position", "values"),
    },
    "SelectedOption": dictionary("name", "value"),
    "Count": dictionary("count", "precision"),
    "Metafield": METAFIELD,
    "InventoryItem": ITEM,
    "InventoryItemMeasurement": MEASUREMENT,
    "Weight": dictionary("unit", "value"),
    "MoneyV2": dictionary("amount", "currencyCode"),
    "InventoryLevel": LEVEL,
    "InventoryQuantity": QUANTITY,
    "InventoryProperties": dictionary("quantityNames"),
    "InventoryQuantityName": dictionary("name", "displayName", "isInUse", "belongsTo", "comprises"),
    "Location": LOCATION,
    "Order": ORDER,
    "LineItem": LINE,
    "Shop": SHOP,
    "ShopPlan": PLAN,
    "ShopResourceLimits": LIMITS,
    "AppInstallation": INSTALLATION,
    "AccessScope": dictionary("handle", "description"),
    "InventoryAdjustmentGroup": dictionary("id", "createdAt", "reason", "referenceDocumentUri", "changes"),
    "InventoryChange": dictionary(
        "name", "delta", "quantityAfterChange", "item", "location", "ledgerDocumentUri"
    ),
    "ApiVersion": dictionary("handle", "displayName", "supported"),
}
TYPES: Final[Mapping[type, str]] = {
    Product: "Product",
    Variant: "ProductVariant",
    Item: "InventoryItem",
    LevelAt: "InventoryLevel",
    Location: "Location",
    Order: "Order",
    Line: "LineItem",
    Field: "Metafield",
}
READ_PRODUCTS: Final = ("read_products",)
READ_INVENTORY: Final = ("read_inventory",)
SCOPES_NEEDED: Final[Mapping[str, Sequence[str]]] = {
    "Product": READ_PRODUCTS,
    "ProductVariant": READ_PRODUCTS,
    "InventoryItem": ("read_inventory", "read_products"),
    "InventoryLevel": READ_INVENTORY,
    "Order": ("read_orders",),
    "QueryRoot.products": READ_PRODUCTS,
    "QueryRoot.product": READ_PRODUCTS,
    "QueryRoot.productByHandle": READ_PRODUCTS,
    "QueryRoot.productsCount": READ_PRODUCTS,
    "QueryRoot.productVariants": READ_PRODUCTS,
    "QueryRoot.productVariant": READ_PRODUCTS,
    "QueryRoot.productVariantsCount": READ_PRODUCTS,
    "QueryRoot.inventoryItems": READ_INVENTORY,
    "QueryRoot.inventoryItem": ("read_inventory", "read_products"),
    "QueryRoot.inventoryLevel": READ_INVENTORY,
    "QueryRoot.inventoryProperties": READ_INVENTORY,
    "QueryRoot.locations": ("read_locations",),
    "QueryRoot.locationsCount": ("read_locations",),
    "QueryRoot.orders": ("read_orders",),
    "QueryRoot.ordersCount": ("read_orders",),
    "QueryRoot.order": ("read_orders",),
    "InventoryItem.inventoryLevel": READ_INVENTORY,
    "InventoryItem.inventoryLevels": READ_INVENTORY,
    "Location.inventoryLevel": READ_INVENTORY,
    "Location.inventoryLevels": READ_INVENTORY,
    "Location.name": ("read_locations",),
    "Location.isActive": ("read_locations",),
}
"""https://shopify.dev/docs/api/usage/access-scopes"""
