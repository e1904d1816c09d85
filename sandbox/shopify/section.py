"""A shop as a world file writes it, read and written.

Besides the keys of every world file these may be given: products `gift_card`, `vendor`, `product_type`,
`updated_at`; variants `compare_at_price`, `options` ({"Size": "37"}), `metafields`, `selling_plans` (how many
groups), `taxable`, `requires_shipping`, `cost`, `weight` (grams), `country_code_of_origin`,
`province_code_of_origin`, `harmonized_system_code`, `created_at`, `updated_at`; levels
`updated_at`; orders `updated_at`; lines `id`, `sku`, `title`, `current_quantity`, `location_id`. A metafield
is text, or {"value", "type"}. A variant without `levels` is stocked with 0 at the first location. `token` may
be null: only the client's id and secret open the shop then. `webhook_secret` signs web hooks instead of
`client_secret`.
"""

import re
from collections.abc import Mapping
from itertools import count
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.clock import Clock, spelled
from sandbox.reading import (
    REQUIRED,
    Json,
    Key,
    Path,
    WorldError,
    counted,
    filled,
    first_double,
    flag,
    listed,
    mapped,
    moment,
    money,
    number,
    one_of,
    optional,
    read,
    shaped,
    text,
    whole,
)
from sandbox.shopify.model import (
    EPOCH,
    POLICIES,
    SCOPES,
    STATUSES,
    STORED,
    Level,
    Line,
    Location,
    Metafield,
    Order,
    Product,
    Variant,
)
from sandbox.shopify.shop import Settings, Shop

Fields = dict[str, Any]


def _metafield(value: Json, path: Path) -> Metafield:
    if isinstance(value, str):
        return Metafield(value)
    found = read(value, path, {"value": Key(text, REQUIRED), "type": Key(filled, REQUIRED)})
    return Metafield(**found)


def _metafields(value: Json, path: Path) -> dict[str, Metafield]:
    found: dict[str, Metafield] = mapped(_metafield)(value, path)
    for name in found:
        if not re.fullmatch(r"[^.\s]+\.\S+", name):
            raise WorldError(path, f"'{name}' must be written as namespace.key")
    return found


def _zone(value: Json, path: Path) -> str:
    try:
        return ZoneInfo(filled(value, path)).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WorldError(path, f"'{value}' is not a time zone such as 'Europe/Madrid'") from None


LEVEL: Final = {
    **{name: Key(whole, 0) for name in STORED},
    "active": Key(flag, True),
    "updated_at": Key(moment, EPOCH),
}


LEVELS: Final = mapped(shaped(LEVEL))


def _levels(value: Json, path: Path) -> dict[int, Level]:
    found = LEVELS(value, path)
    for name in found:
        if not name.isdecimal():
            raise WorldError(path, f"'{name}' must be the number of a location")
    return {int(name): Level(**level) for name, level in found.items()}


VARIANT: Final = {
    "id": Key(optional(counted)),
    "inventory_item_id": Key(optional(counted)),
    "sku": Key(optional(text)),
    "price": Key(money, "0.00"),
    "compare_at_price": Key(optional(money)),
    "barcode": Key(optional(text)),
    "position": Key(optional(counted)),
    "policy": Key(one_of(*POLICIES), "DENY"),
    "tracked": Key(flag, True),
    "bundle": Key(flag, False),
    "selling_plans": Key(whole, 0),
    "taxable": Key(flag, True),
    "requires_shipping": Key(flag, True),
    "cost": Key(optional(money)),
    "weight": Key(number, 0.0),
    "country_code_of_origin": Key(optional(filled)),
    "province_code_of_origin": Key(optional(filled)),
    "harmonized_system_code": Key(optional(filled)),
    "options": Key(mapped(text), dict),
    "metafields": Key(_metafields, dict),
    "levels": Key(_levels),
    "created_at": Key(moment, EPOCH),
    "updated_at": Key(moment, EPOCH),
}
PRODUCT: Final = {
    "id": Key(optional(counted)),
    "title": Key(text),
    "handle": Key(text),
    "status": Key(one_of(*STATUSES), "ACTIVE"),
    "tags": Key(listed(filled), list),
    "metafields": Key(_metafields, dict),
    "gift_card": Key(flag, False),
    "vendor": Key(text, ""),
    "product_type": Key(text, ""),
    "variants": Key(listed(shaped(VARIANT)), list),
    "created_at": Key(moment, EPOCH),
    "updated_at": Key(moment, EPOCH),
}
LOCATION: Final = {
    "id": Key(counted, REQUIRED),
    "name": Key(text),
    "active": Key(flag, True),
    "fulfills_online_orders": Key(flag, True),
}
LINE: Final = {
    "id": Key(optional(counted)),
    "variant_id": Key(optional(counted)),
    "quantity": Key(counted, 1),
    "current_quantity": Key(optional(whole)),
    "sku": Key(optional(text)),
    "title": Key(text, ""),
    "location_id": Key(optional(counted)),
}
ORDER: Final = {
    "id": Key(optional(counted)),
    "created_at": Key(optional(moment)),
    "updated_at": Key(optional(moment)),
    "cancelled_at": Key(optional(moment)),
    "test": Key(flag, False),
    "fulfilled": Key(flag, False),
    "lines": Key(listed(shaped(LINE)), list),
}
SHOP: Final = {
    "token": Key(optional(filled), "sandbox-token"),
    "plan": Key(one_of("standard", "advanced", "plus"), None),
    "timezone": Key(_zone, "UTC"),
    "scopes": Key(listed(one_of(*SCOPES)), None),
    "client_id": Key(optional(filled)),
    "client_secret": Key(optional(filled)),
    "webhook_secret": Key(optional(filled)),
    "search_lag_seconds": Key(number, 0.0),
    "bulk_objects_per_second": Key(number, 2000.0),
    "locations": Key(listed(shaped(LOCATION)), lambda: [{"id": 1, "name": "Main"}]),
    "products": Key(listed(shaped(PRODUCT)), list),
    "orders": Key(listed(shaped(ORDER)), list),
}
OF_SETTINGS: Final = (
    "token",
    "timezone",
    "client_id",
    "client_secret",
    "webhook_secret",
    "search_lag_seconds",
    "bulk_objects_per_second",
)


class Numbers:
    """Numbers for things that have none, beyond all that are given."""

    def __init__(self, found: Fields) -> None:
        variants = [variant for product in found["products"] for variant in product["variants"]]
        given = [thing["id"] or 0 for name in ("products", "orders") for thing in found[name]]
        given += [variant["id"] or 0 for variant in variants]
        given += [variant["inventory_item_id"] or 0 for variant in variants]
        self.highest = max([1000, *given])
        self._next = count(self.highest + 1)

    def __call__(self, given: int | None) -> int:
        """The number given, else a fresh one."""
        self.highest = max(self.highest, given or (fresh := next(self._next)))
        return given or fresh


def read_shop(domain: str, value: Json, path: Path, clock: Clock, plan: str = "standard") -> Shop:
    """A shop from its part of the world; WorldError if it cannot be. `plan` is for shops that name none."""
    found = read(value, path, SHOP)
    settings = Settings(
        domain,
        plan=found["plan"] or plan,
        scopes=tuple(SCOPES if found["scopes"] is None else found["scopes"]),
        **{name: found[name] for name in OF_SETTINGS},
    )
    shop, numbers = Shop(settings, clock), Numbers(found)
    _check_doubles(found, path)
    _add_locations(shop, found["locations"], path)
    for product in found["products"]:
        shop.add_product(_product(product, numbers, shop))
    for order in found["orders"]:
        _add_order(shop, order, numbers)
    _check_references(shop, path)
    shop.reserve_ids_above(numbers.highest)
    return shop


def _add_locations(shop: Shop, locations: list[Fields], path: Path) -> None:
    if not locations:
        raise WorldError((*path, "locations"), "a shop needs at least one location")
    for location in locations:
        name = location.get("name") or f"Location {location['id']}"
        shop.locations[location["id"]] = Location(**{**location, "name": name})


def _product(found: Fields, numbers: Numbers, shop: Shop) -> Product:
    variants = found.pop("variants")
    number = numbers(found.pop("id"))
    title = found.pop("title") or f"Product {number}"
    handle = found.pop("handle") or re.sub(r"[^a-z0-9]+", "-", f"{title}-{number}".lower()).strip("-")
    product = Product(id=number, title=title, handle=handle, **found)
    product.tags = unique_tags(product.tags)
    product.variants = [_variant(v, index, product, numbers, shop) for index, v in enumerate(variants, 1)]
    product.variants.sort(key=lambda variant: variant.position)
    return product


def _variant(found: Fields, index: int, product: Product, numbers: Numbers, shop: Shop) -> Variant:
    levels = found.pop("levels")
    if levels is None:
        levels = {next(iter(shop.locations)): Level()}
    return Variant(
        id=numbers(found.pop("id")),
        item_id=numbers(found.pop("inventory_item_id")),
        position=found.pop("position") or index,
        levels=levels,
        product=product,
        **found,
    )


def unique_tags(tags: list[str]) -> list[str]:
    """Tags as a product has them: unique and sorted without regard to case, the first spelling stays."""
    first: dict[str, str] = {}
    for tag in tags:
        first.setdefault(tag.strip().casefold(), tag.strip())
    return [first[key] for key in sorted(first) if key]


def _add_order(shop: Shop, found: Fields, numbers: Numbers) -> None:
    created = found.pop("created_at") or shop.clock.now()
    updated = found.pop("updated_at") or created
    lines, number = found.pop("lines"), numbers(found.pop("id"))
    order = Order(id=number, created_at=created, updated_at=updated, **found)
    order.lines = [_line(line, order, index, shop) for index, line in enumerate(lines, 1)]
    shop.orders[order.id] = order


def _line(found: Fields, order: Order, index: int, shop: Shop) -> Line:
    current = found.pop("current_quantity")
    number = found.pop("id") or order.id * 1000 + index
    variant = shop.variants.get(found["variant_id"] or 0)
    if variant and found["sku"] is None:
        found["sku"] = variant.sku
    return Line(id=number, current_quantity=found["quantity"] if current is None else current, **found)


def _check_doubles(found: Fields, path: Path) -> None:
    for name in ("products", "orders", "locations"):
        double = first_double([thing["id"] for thing in found[name] if thing.get("id")])
        if double is not None:
            raise WorldError((*path, name), f"two have the id {double}")


def _check_references(shop: Shop, path: Path) -> None:
    for product in shop.products.values():
        for variant in product.variants:
            if shop.variants.get(variant.id) is not variant:
                raise WorldError((*path, "products"), f"two variants have the id {variant.id}")
            if shop.items.get(variant.item_id) is not variant:
                raise WorldError((*path, "products"), f"two variants have the item id {variant.item_id}")
            strange = variant.levels.keys() - shop.locations.keys()
            if strange:
                text = f"variant {variant.id} has a level at location {min(strange)}, which is not listed"
                raise WorldError((*path, "products"), text)


def write_shop(shop: Shop) -> Fields:
    """The shop as `read_shop` takes it. What has its default and need not be seen is left out."""
    settings = shop.settings
    return {
        **{name: getattr(settings, name) for name in ("token", "plan", "timezone")},
        "scopes": list(settings.scopes),
        **{name: getattr(settings, name) for name in OF_SETTINGS[2:]},
        "locations": [_location(location) for location in shop.locations.values()],
        "products": [_written_product(product) for product in shop.products_by_id()],
        "orders": [_written_order(order) for order in sorted(shop.orders.values(), key=lambda o: o.id)],
    }


def _location(location: Location) -> Fields:
    return {name: getattr(location, name) for name in ("id", "name", "active", "fulfills_online_orders")}


def _differing(thing: object, keys: Mapping[str, Key], names: tuple[str, ...]) -> Fields:
    """These keys where they do not hold their default."""
    found = {}
    for name in names:
        value, default = getattr(thing, name), keys[name].default
        if value != (default() if callable(default) else default):
            found[name] = spelled(value) if name.endswith("_at") and value else value
    return found


def _written_metafields(metafields: Mapping[str, Metafield]) -> Fields:
    plain = Metafield("").type
    return {
        name: field.value if field.type == plain else field._asdict() for name, field in metafields.items()
    }


def _written_product(product: Product) -> Fields:
    extras = ("gift_card", "vendor", "product_type", "created_at", "updated_at")
    return {
        "id": product.id,
        "title": product.title,
        "handle": product.handle,
        "status": product.status,
        "tags": list(product.tags),
        "metafields": _written_metafields(product.metafields),
        "variants": [_written_variant(variant) for variant in product.variants],
        **_differing(product, PRODUCT, extras),
    }


VARIANT_EXTRAS: Final = (
    "compare_at_price",
    "barcode",
    "policy",
    "bundle",
    "selling_plans",
    "taxable",
    "requires_shipping",
    "cost",
    "weight",
    "country_code_of_origin",
    "province_code_of_origin",
    "harmonized_system_code",
    "options",
    "created_at",
    "updated_at",
)


def _written_variant(variant: Variant) -> Fields:
    metafields = {"metafields": _written_metafields(variant.metafields)} if variant.metafields else {}
    return {
        "id": variant.id,
        "inventory_item_id": variant.item_id,
        "sku": variant.sku,
        "price": variant.price,
        "position": variant.position,
        "tracked": variant.tracked,
        **_differing(variant, VARIANT, VARIANT_EXTRAS),
        **metafields,
        "levels": {str(number): _written_level(variant.levels[number]) for number in sorted(variant.levels)},
    }


def _written_level(level: Level) -> Fields:
    always = {name: getattr(level, name) for name in ("available", "committed", "incoming", "reserved")}
    rarely = ("damaged", "safety_stock", "quality_control", "active", "updated_at")
    return {**always, **_differing(level, LEVEL, rarely)}


def _written_order(order: Order) -> Fields:
    ended = {"cancelled_at": spelled(order.cancelled_at)} if order.cancelled_at else {}
    return {
        "id": order.id,
        "created_at": spelled(order.created_at),
        "updated_at": spelled(order.updated_at),
        "test": order.test,
        "fulfilled": order.fulfilled,
        **ended,
        "lines": [{name: getattr(line, name) for name in LINE} for line in order.lines],
    }
