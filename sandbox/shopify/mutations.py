"""What each mutation checks, writes and answers. Codes are Shopify's; texts are our own.

https://shopify.dev/docs/api/admin-graphql/latest/mutations
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from sandbox.clock import spelled
from sandbox.shopify import gids
from sandbox.shopify.execute import FieldError, UnservedError
from sandbox.shopify.model import Level, LevelAt, Location, Metafield, Product, Variant
from sandbox.shopify.resolvers import Context, Field, Item, options_of
from sandbox.shopify.store import RefusedError, Store

Arguments = Mapping[str, Any]
Payload = dict[str, Any]
Problem = dict[str, Any]

REASONS: Final = frozenset(
    re.findall(
        r"\w+",
        """
        correction cycle_count_available damaged movement_canceled movement_created movement_received
        movement_updated other promotion quality_control received reservation_created reservation_deleted
        reservation_updated restock safety_stock shrinkage
        """,
    )
)
"""https://shopify.dev/docs/apps/build/orders-fulfillment/inventory-management-apps#set-inventory-quantities-on-hand"""
ADJUSTABLE: Final = ("available", "damaged", "incoming", "quality_control", "reserved", "safety_stock")
MOST: Final = 1_000_000_000
MOST_ADJUSTED: Final = 2_000_000_000
LONGEST_TAG: Final = 255
MOST_TAGS: Final = 250
MOST_METAFIELDS: Final = 25
MOST_VARIANTS: Final = 2048


@dataclass(frozen=True)
class Mutation:
    """What a mutation works on."""

    context: Context
    store: Store

    def variant_of_item(self, identity: str) -> Variant | None:
        """The variant of an inventory item's id."""
        return self.context.shop.items.get(gids.number(identity, "InventoryItem") or 0)

    def location(self, identity: str) -> Location | None:
        """The location of an id."""
        return self.context.shop.locations.get(gids.number(identity, "Location") or 0)

    def product(self, identity: str) -> Product | None:
        """The product of an id; RESOURCE_NOT_FOUND for the id of another kind of thing."""
        found = gids.parse(identity)
        if found and found.kind != "Product":
            raise FieldError("RESOURCE_NOT_FOUND", f"Invalid id: {identity}")
        return self.context.shop.products.get(found.number) if found else None

    def stamp(self) -> str:
        """Now."""
        return spelled(self.context.shop.clock.now())

    def group(self, given: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> Payload | None:
        """`inventoryAdjustmentGroup`: null when nothing changed."""
        if not changes:
            return None
        return {
            "id": f"gid://shopify/InventoryAdjustmentGroup/{self.context.shop.fresh_id()}",
            "createdAt": self.stamp(),
            "reason": given["reason"],
            "referenceDocumentUri": given.get("referenceDocumentUri"),
            "changes": list(changes),
        }


def problem(field: Sequence[object] | None, message: str, code: str | None = None) -> Problem:
    """One entry of `userErrors`."""
    path = None if field is None else [str(step) for step in field]
    return {"field": path, "message": message, "code": code}


def change(name: str, delta: int, at: tuple[Variant, Location], document: str | None = None) -> Payload:
    """One line of an adjustment group; the quantity after is null, as recorded."""
    variant, location = at
    return {
        "name": name,
        "delta": delta,
        "quantityAfterChange": None,
        "item": Item(variant),
        "location": location,
        "ledgerDocumentUri": document,
    }


# ---------------------------------------------------------- set and adjust


class Row(NamedTuple):
    """One row of a set or an adjustment, looked up."""

    place: int
    given: Mapping[str, Any]
    variant: Variant
    location: Location
    level: Level | None

    def holds(self, name: str) -> int:
        """The stored quantity, 0 where there is no level."""
        return int(getattr(self.level, name)) if self.level else 0


def require_compare(rows: Sequence[Mapping[str, Any]]) -> None:
    """`changeFromQuantity` may be null, but it must be there."""
    if any("changeFromQuantity" not in row for row in rows):
        raise FieldError(
            "INVALID_FIELD_ARGUMENTS", "changeFromQuantity must be given on every row; null skips the check"
        )


def _is_reference(uri: str) -> bool:
    if uri.startswith("gid:"):
        return re.fullmatch(r"gid://[\w-]+/\w+/[^/\s]+", uri) is not None
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path) and not re.search(r"\s", uri))


def _header_problems(given: Mapping[str, Any], names: Sequence[str], code: str) -> Iterator[Problem]:
    if given["name"] not in names:
        yield problem(["input", "name"], f"The quantity name must be one of {', '.join(names)}.", code)
    if given["reason"] not in REASONS:
        yield problem(["input", "reason"], "The specified reason is invalid.", "INVALID_REASON")
    uri = given.get("referenceDocumentUri")
    if uri is not None and not _is_reference(uri):
        text = "The specified reference document is invalid."
        yield problem(["input", "referenceDocumentUri"], text, "INVALID_REFERENCE_DOCUMENT")


def _doubled_problems(rows: Sequence[Mapping[str, Any]], base: Sequence[str]) -> Iterator[Problem]:
    pairs = Counter((row["inventoryItemId"], row["locationId"]) for row in rows)
    for index, row in enumerate(rows):
        if pairs[row["inventoryItemId"], row["locationId"]] > 1:
            text = "The combination of inventoryItemId and locationId must be unique."
            yield problem([*base, index], text, "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR")


def _looked_up(
    mutation: Mutation, rows: Sequence[Mapping[str, Any]], base: Sequence[str], problems: list[Problem]
) -> list[Row]:
    """The rows whose item and location exist; what is wrong with the others goes to `problems`."""
    found = []
    for index, row in enumerate(rows):
        variant, location = (
            mutation.variant_of_item(row["inventoryItemId"]),
            mutation.location(row["locationId"]),
        )
        if variant is None:
            text = "The specified inventory item could not be found."
            problems.append(problem([*base, index, "inventoryItemId"], text, "INVALID_INVENTORY_ITEM"))
        if location is None:
            text = "The specified location could not be found."
            problems.append(problem([*base, index, "locationId"], text, "INVALID_LOCATION"))
        if variant and location:
            found.append(Row(index, row, variant, location, variant.levels.get(location.id)))
    return found


def _row_problems(mutation: Mutation, row: Row, base: Sequence[str]) -> Iterator[Problem]:
    if row.variant.bundle:
        text = "The quantities of a bundle cannot be changed."
        yield problem([*base, row.place, "inventoryItemId"], text, "NON_MUTABLE_INVENTORY_ITEM")
    if row.level is None and mutation.store.switches["unstocked"] == "refused":
        text = "The inventory item is not stocked at the location."
        yield problem([*base, row.place, "locationId"], text, "ITEM_NOT_STOCKED_AT_LOCATION")


def _set_problems(name: str, row: Row, base: Sequence[str]) -> Iterator[Problem]:
    quantity, field = row.given["quantity"], [*base, row.place, "quantity"]
    if quantity > MOST:
        yield problem(field, f"The quantity may be {MOST} at most.", "INVALID_QUANTITY_TOO_HIGH")
    elif quantity < -MOST:
        yield problem(field, f"The quantity may be -{MOST} at least.", "INVALID_QUANTITY_TOO_LOW")
    elif name == "on_hand" and quantity < 0:
        yield problem(field, "The quantity on hand may not be negative.", "INVALID_QUANTITY_NEGATIVE")


STALE: Final = "CHANGE_FROM_QUANTITY_STALE"


def _stale_problems(mutation: Mutation, name: str, rows: Sequence[Row], base: Sequence[str]) -> list[Problem]:
    """What is stale; as recorded, one error that does not say which row."""
    text = "The changeFromQuantity no longer matches the stored quantity."
    wanted = ((row, row.given["changeFromQuantity"]) for row in rows)
    stale = [row for row, expected in wanted if expected is not None and expected != row.holds(name)]
    if mutation.store.switches["stale"] == "each":
        return [problem([*base, row.place, "changeFromQuantity"], text, STALE) for row in stale]
    return [problem(None, text, STALE)] if stale else []


def set_quantities(mutation: Mutation, arguments: Arguments) -> Payload:
    """`inventorySetQuantities`: all rows or none."""
    given, base = arguments["input"], ["input", "quantities"]
    rows, name = given["quantities"], given["name"]
    require_compare(rows)
    problems = [*_header_problems(given, ("available", "on_hand"), "INVALID_NAME")]
    problems += _doubled_problems(rows, base)
    found = _looked_up(mutation, rows, base, problems)
    for row in found:
        problems += [*_row_problems(mutation, row, base), *_set_problems(name, row, base)]
    problems = problems or _stale_problems(mutation, name, found, base)
    if problems:
        return {"inventoryAdjustmentGroup": None, "userErrors": problems}
    changes = [line for row in found for line in _set_row(mutation, name, row)]
    return {"inventoryAdjustmentGroup": mutation.group(given, changes), "userErrors": []}


def _set_row(mutation: Mutation, name: str, row: Row) -> list[Payload]:
    delta = mutation.store.set_quantity(row.variant, row.location.id, name, row.given["quantity"])
    at = (row.variant, row.location)
    return [change("available", delta, at), change("on_hand", delta, at)] if delta else []


def _adjust_problems(name: str, row: Row, base: Sequence[str]) -> Iterator[Problem]:
    field, document = [*base, row.place], row.given.get("ledgerDocumentUri")
    if name == "available" and document is not None:
        text = "A ledger document is not allowed for available."
        yield problem([*field, "ledgerDocumentUri"], text, "INVALID_AVAILABLE_DOCUMENT")
    elif name != "available" and not (document and _is_reference(document)):
        text = "A ledger document is required for this quantity."
        yield problem([*field, "ledgerDocumentUri"], text, "INVALID_QUANTITY_DOCUMENT")
    after = row.holds(name) + row.given["delta"]
    if after > MOST_ADJUSTED:
        yield problem([*field, "delta"], "The quantity would be too high.", "INVALID_QUANTITY_TOO_HIGH")
    if after < -MOST_ADJUSTED:
        yield problem([*field, "delta"], "The quantity would be too low.", "INVALID_QUANTITY_TOO_LOW")


def adjust_quantities(mutation: Mutation, arguments: Arguments) -> Payload:
    """`inventoryAdjustQuantities`: all changes or none."""
    given, base = arguments["input"], ["input", "changes"]
    name = given["name"]
    require_compare(given["changes"])
    problems = [*_header_problems(given, ADJUSTABLE, "INVALID_QUANTITY_NAME")]
    found = _looked_up(mutation, given["changes"], base, problems)
    if not problems:
        for row in found:
            problems += [*_row_problems(mutation, row, base), *_adjust_problems(name, row, base)]
    problems = problems or _stale_problems(mutation, name, found, base)
    if problems:
        return {"inventoryAdjustmentGroup": None, "userErrors": problems}
    changes = [line for row in found for line in _adjust_row(mutation, name, row)]
    return {"inventoryAdjustmentGroup": mutation.group(given, changes), "userErrors": []}


def _adjust_row(mutation: Mutation, name: str, row: Row) -> list[Payload]:
    delta, at = row.given["delta"], (row.variant, row.location)
    if not delta:
        return []
    store = mutation.store
    if row.level is None:
        store.set_quantity(row.variant, row.location.id, "available", 0)
        store.activate(row.variant, row.location.id)
    store.change(store.level(row.variant, row.location.id), {name: delta})
    lines = [change(name, delta, at, row.given.get("ledgerDocumentUri"))]
    return lines if name == "incoming" else [*lines, change("on_hand", delta, at)]


# -------------------------------------------------------------- activation


def _unknown_place(variant: Variant | None, location: Location | None) -> list[Problem]:
    problems = []
    if variant is None:
        problems.append(problem(["inventoryItemId"], "The specified inventory item could not be found."))
    if location is None or not location.active:
        problems.append(
            problem(["locationId"], "The specified location could not be found or is not active.")
        )
    return problems


def activate(mutation: Mutation, arguments: Arguments) -> Payload:
    """`inventoryActivate`: makes or revives a level; a quantity only where none is active yet."""
    variant = mutation.variant_of_item(arguments["inventoryItemId"])
    location = mutation.location(arguments["locationId"])
    problems = _unknown_place(variant, location)
    if variant is None or location is None or problems:
        return {"inventoryLevel": None, "userErrors": problems}
    problems = _quantity_problems(variant.levels.get(location.id), arguments)
    if problems:
        return {"inventoryLevel": None, "userErrors": problems}
    at = mutation.store.activate(variant, location.id)
    for name, argument in (("available", "available"), ("on_hand", "onHand")):
        if arguments.get(argument) is not None:
            mutation.store.set_quantity(variant, location.id, name, arguments[argument])
    return {"inventoryLevel": at, "userErrors": []}


def _quantity_problems(level: Level | None, arguments: Arguments) -> list[Problem]:
    given = [name for name in ("available", "onHand") if arguments.get(name) is not None]
    if len(given) == 2:
        return [problem(["available"], "Give either available or onHand.")]
    if given and level is not None and level.active:
        return [problem([given[0]], "The item is active at the location; its quantity is not set here.")]
    return []


def deactivate(mutation: Mutation, arguments: Arguments) -> Payload:
    """`inventoryDeactivate`: quantities stay."""
    found = gids.parse(arguments["inventoryLevelId"])
    variant = mutation.context.shop.items.get(found.item or 0) if found else None
    at = mutation.context.shop.level(variant, found.number) if found and variant else None
    if at is None:
        return {"userErrors": [problem(["inventoryLevelId"], "The inventory level could not be found.")]}
    try:
        mutation.store.deactivate(at)
    except RefusedError as error:
        return {"userErrors": [problem(None, str(error))]}
    return {"userErrors": []}


def toggle(mutation: Mutation, arguments: Arguments) -> Payload:
    """`inventoryBulkToggleActivation`: one item at several locations."""
    variant = mutation.variant_of_item(arguments["inventoryItemId"])
    if variant is None:
        text = "The inventory item couldn't be found."
        return _toggled(None, [], [problem(["inventoryItemId"], text, "INVENTORY_ITEM_NOT_FOUND")])
    levels: list[LevelAt] = []
    for index, update in enumerate(arguments["inventoryItemUpdates"]):
        field = ["inventoryItemUpdates", index, "locationId"]
        location = mutation.location(update["locationId"])
        if location is None:
            text = "The location couldn't be found."
            return _toggled(variant, levels, [problem(field, text, "LOCATION_NOT_FOUND")])
        try:
            levels += _toggled_level(mutation.store, variant, location, activate=update["activate"])
        except RefusedError as error:
            return _toggled(variant, levels, [problem(field, str(error), ONLY_LOCATION)])
    return _toggled(variant, levels, [])


ONLY_LOCATION: Final = "CANNOT_DEACTIVATE_FROM_ONLY_LOCATION"


def _toggled(variant: Variant | None, levels: Sequence[LevelAt], problems: list[Problem]) -> Payload:
    item = Item(variant) if variant else None
    return {"inventoryItem": item, "inventoryLevels": list(levels), "userErrors": problems}


def _toggled_level(store: Store, variant: Variant, location: Location, *, activate: bool) -> list[LevelAt]:
    if activate:
        return [store.activate(variant, location.id)]
    at = store.shop.level(variant, location.id)
    if at:
        store.deactivate(at)
    return []


ITEM_FIELDS: Final = {
    "tracked": "tracked",
    "sku": "sku",
    "requiresShipping": "requires_shipping",
    "cost": "cost",
    "countryCodeOfOrigin": "country_code_of_origin",
    "provinceCodeOfOrigin": "province_code_of_origin",
    "harmonizedSystemCode": "harmonized_system_code",
}


def update_item(mutation: Mutation, arguments: Arguments) -> Payload:
    """`inventoryItemUpdate`."""
    variant = mutation.variant_of_item(arguments["id"])
    if variant is None:
        text = "The product variant for this item could not be found."
        return {"inventoryItem": None, "userErrors": [problem(["id"], text)]}
    for name, value in _served(arguments["input"], ITEM_FIELDS, "InventoryItemInput").items():
        mutation.store.set_item_field(variant, name, str(value) if name == "cost" and value else value)
    return {"inventoryItem": Item(variant), "userErrors": []}


def _served(given: Mapping[str, Any], known: Mapping[str, str], kind: str) -> dict[str, Any]:
    """The fields of an input under our names; UnservedError for one that is not served."""
    for name, value in given.items():
        if name not in known and name != "id" and value not in (None, [], False):
            raise UnservedError(f"The sandbox does not serve '{kind}.{name}' yet")
    return {known[name]: value for name, value in given.items() if name in known}


# ---------------------------------------------------------- tags, products


def _split_tags(tags: Sequence[str]) -> list[str]:
    return [part.strip() for tag in tags for part in tag.split(",") if part.strip()]


def _tagged(
    mutation: Mutation, arguments: Arguments, combine: Callable[[list[str], list[str]], list[str]]
) -> Payload:
    product, tags = mutation.product(arguments["id"]), _split_tags(arguments["tags"])
    if product is None:
        return {"node": None, "userErrors": [problem(["id"], "Product does not exist")]}
    after = combine(product.tags, tags)
    problems = _tag_problems(after)
    if problems:
        return {"node": product, "userErrors": problems}
    mutation.store.set_tags(product, after)
    return {"node": product, "userErrors": []}


def _tag_problems(tags: Sequence[str]) -> list[Problem]:
    if any(len(tag) > LONGEST_TAG for tag in tags):
        return [problem(["tags"], f"A tag may have {LONGEST_TAG} characters at most.")]
    if len(tags) > MOST_TAGS:
        return [problem(["tags"], f"A product may have {MOST_TAGS} tags at most.")]
    return []


def add_tags(mutation: Mutation, arguments: Arguments) -> Payload:
    """`tagsAdd`: the first spelling of a tag stays."""
    return _tagged(mutation, arguments, lambda own, given: [*own, *given])


def remove_tags(mutation: Mutation, arguments: Arguments) -> Payload:
    """`tagsRemove`: whatever the case; an absent tag is no error."""

    def without(own: list[str], given: list[str]) -> list[str]:
        gone = {tag.casefold() for tag in given}
        return [tag for tag in own if tag.casefold() not in gone]

    return _tagged(mutation, arguments, without)


PRODUCT_FIELDS: Final = {
    "title": "title",
    "handle": "handle",
    "status": "status",
    "vendor": "vendor",
    "productType": "product_type",
    "tags": "tags",
}


def update_product(mutation: Mutation, arguments: Arguments) -> Payload:
    """`productUpdate`: tags given replace the whole list."""
    given = arguments.get("product") or arguments.get("input") or {}
    identity = given.get("id") or (arguments.get("identifier") or {}).get("id")
    product = mutation.product(identity) if identity else None
    if product is None:
        return {"product": None, "userErrors": [problem(["id"], "Product does not exist")]}
    fields = _served(given, PRODUCT_FIELDS, "ProductUpdateInput")
    tags = fields.pop("tags", None)
    problems = _tag_problems(_split_tags(tags or []))
    if problems:
        return {"product": product, "userErrors": problems}
    if tags is not None:
        mutation.store.set_tags(product, _split_tags(tags))
    for name, value in fields.items():
        mutation.store.set_field(product, name, value)
    return {"product": product, "userErrors": []}


def set_metafields(mutation: Mutation, arguments: Arguments) -> Payload:
    """`metafieldsSet`: all or none."""
    given = arguments["metafields"]
    found, problems = [], []
    if len(given) > MOST_METAFIELDS:
        text = f"{MOST_METAFIELDS} metafields at most."
        problems.append(problem(["metafields"], text, "LESS_THAN_OR_EQUAL_TO"))
    for index, one in enumerate(given):
        owner = _owner(mutation, one["ownerId"])
        name = f"{one.get('namespace') or '$app'}.{one['key']}"
        wrong = _metafield_problem(owner, name, one)
        if wrong:
            text, code = wrong
            problems.append({**problem(["metafields", index], text, code), "elementIndex": index})
        elif owner:
            kind = one.get("type") or Metafield("").type
            found.append(Field(owner, name, Metafield(one["value"], kind)))
    if problems:
        return {"metafields": [], "userErrors": problems}
    for field in found:
        mutation.store.set_metafield(field.owner, field.name, field.metafield)
    return {"metafields": found, "userErrors": []}


def _owner(mutation: Mutation, identity: str) -> Product | Variant | None:
    found, shop = gids.parse(identity), mutation.context.shop
    if found and found.kind == "Product":
        return shop.products.get(found.number)
    return shop.variants.get(found.number) if found and found.kind == "ProductVariant" else None


def _metafield_problem(
    owner: Product | Variant | None, name: str, given: Mapping[str, Any]
) -> tuple[str, str] | None:
    if owner is None:
        return "Owner does not exist.", "INVALID_VALUE"
    if not given["value"]:
        return "Value can't be blank.", "BLANK"
    if "compareDigest" in given and given["compareDigest"] != _digest(owner, name):
        return "The resource has been updated since it was loaded.", "STALE_OBJECT"
    return None


def _digest(owner: Product | Variant, name: str) -> str | None:
    found = owner.metafields.get(name)
    return sha256(found.value.encode()).hexdigest() if found else None


# ---------------------------------------------------------------- variants


def delete_variants(mutation: Mutation, arguments: Arguments) -> Payload:
    """`productVariantsBulkDelete`: all or none; the last variant of a product always stays."""
    product = mutation.product(arguments["productId"])
    if product is None:
        text = "Product does not exist"
        return _variants_left(None, [problem(["productId"], text, "PRODUCT_DOES_NOT_EXIST")])
    numbers = [gids.number(identity, "ProductVariant") for identity in arguments["variantsIds"]]
    own = {variant.id: variant for variant in product.variants}
    foreign = [index for index, number in enumerate(numbers) if number not in own]
    if foreign:
        text = "At least one variant does not belong to the product"
        return _variants_left(None, [problem(["variantsIds", foreign[0]], text, NOT_ITS_OWN)])
    gone = [variant for variant in product.variants if variant.id in numbers]
    if gone and len(gone) == len(product.variants):
        text = "Cannot delete all variants of a product"
        return _variants_left(None, [problem(["variantsIds"], text, "CANNOT_DELETE_LAST_VARIANT")])
    if gone:
        mutation.store.delete_variants(product, gone)
    return _variants_left(product, [])


NOT_ITS_OWN: Final = "AT_LEAST_ONE_VARIANT_DOES_NOT_BELONG_TO_THE_PRODUCT"


def _variants_left(product: Product | None, problems: list[Problem]) -> Payload:
    return {"product": product, "userErrors": problems}


VARIANT_FIELDS: Final = {
    "barcode": "barcode",
    "price": "price",
    "compareAtPrice": "compare_at_price",
    "inventoryPolicy": "policy",
    "taxable": "taxable",
    "requiresComponents": "bundle",
    "inventoryItem": "inventoryItem",
    "optionValues": "optionValues",
    "inventoryQuantities": "inventoryQuantities",
    "metafields": "metafields",
}


def create_variants(mutation: Mutation, arguments: Arguments) -> Payload:
    """`productVariantsBulkCreate`: all or none; new ids for variant and item."""
    product = mutation.product(arguments["productId"])
    if product is None:
        return _created(
            None, [], [problem(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")]
        )
    given = [_served(one, VARIANT_FIELDS, "ProductVariantsBulkInput") for one in arguments["variants"]]
    standalone = _standalone(product, arguments.get("strategy") or "DEFAULT")
    problems = [*_creation_problems(mutation, product, given, standalone)]
    if problems:
        return _created(None, None, problems)
    made = [_created_variant(mutation, product, one) for one in given]
    mutation.store.add_variants(product, made)
    if standalone and made:
        mutation.store.delete_variants(product, [standalone])
    return _created(product, made, [])


def _standalone(product: Product, strategy: str) -> Variant | None:
    """The only variant of a product, where it makes room for new ones."""
    if len(product.variants) != 1 or strategy == "PRESERVE_STANDALONE_VARIANT":
        return None
    (only,) = product.variants
    return only if strategy == "REMOVE_STANDALONE_VARIANT" or not only.options else None


def _created(product: Product | None, made: Sequence[Variant] | None, problems: list[Problem]) -> Payload:
    variants = None if made is None else list(made)
    return {"product": product, "productVariants": variants, "userErrors": problems}


def _option_names(product: Product) -> list[str]:
    return list(options_of(product.variants[0])) if product.variants else ["Title"]


def _given_options(names: Sequence[str], given: Mapping[str, Any]) -> dict[str, str]:
    """Names and values of the options; a value without a name belongs to the option at its place."""
    places = [*names, *(f"Option {index}" for index in range(len(names) + 1, 100))]
    values = given.get("optionValues") or []
    return {
        str(one.get("optionName") or places[index]): str(one.get("name")) for index, one in enumerate(values)
    }


def _creation_problems(
    mutation: Mutation, product: Product, given: Sequence[Mapping[str, Any]], standalone: Variant | None
) -> Iterator[Problem]:
    names = _option_names(product)
    staying = [variant for variant in product.variants if variant is not standalone]
    if len(staying) + len(given) > MOST_VARIANTS:
        text = f"A product may have {MOST_VARIANTS} variants at most."
        yield problem(["variants"], text, "INVALID_INPUT")
    taken = {frozenset(options_of(variant).items()) for variant in staying}
    for index, one in enumerate(given):
        options = _given_options(names, one)
        yield from _option_problems(index, names, options, taken)
        yield from _value_problems(mutation, index, one)
        taken.add(frozenset(options.items()))


def _option_problems(
    index: int, names: Sequence[str], options: Mapping[str, str], taken: AbstractSet[frozenset[Any]]
) -> Iterator[Problem]:
    if options.keys() - set(names):
        text = "There are more option values than the product has options."
        yield problem(["variants", index], text, "OPTION_VALUES_FOR_NUMBER_OF_UNKNOWN_OPTIONS")
    elif len(options) < len(names):
        text = "You need to add option values."
        yield problem(["variants", index], text, "NEED_TO_ADD_OPTION_VALUES")
    elif frozenset(options.items()) in taken:
        text = "The variant already exists. Please change at least one option value."
        yield problem(["variants", index], text, "VARIANT_ALREADY_EXISTS")


def _value_problems(mutation: Mutation, index: int, given: Mapping[str, Any]) -> Iterator[Problem]:
    if float(given.get("price") or 0) < 0:
        yield problem(["variants", index, "price"], "Price must not be negative.", "NEGATIVE_PRICE_VALUE")
    for level in given.get("inventoryQuantities") or []:
        if mutation.location(level["locationId"]) is None:
            text = "The location could not be found."
            path = ["variants", index, "inventoryQuantities"]
            yield problem(path, text, "TRACKED_VARIANT_LOCATION_NOT_FOUND")


def _new_levels(mutation: Mutation, given: Mapping[str, Any]) -> dict[int, Level]:
    """Where a new variant is stocked: as given, else with nothing where the switch says."""
    shop, now = mutation.context.shop, mutation.context.shop.clock.now()
    asked = {
        gids.number(level["locationId"], "Location") or 0: int(level["availableQuantity"])
        for level in given.get("inventoryQuantities") or []
    }
    places = [location.id for location in shop.locations.values() if location.active]
    kept = {"first": places[:1], "everywhere": places, "nowhere": []}
    quantities = {**dict.fromkeys(kept[mutation.context.switches["new_variant"]], 0), **asked}
    return {place: Level(available=quantity, updated_at=now) for place, quantity in quantities.items()}


PLAIN_FIELDS: Final = ("barcode", "price", "compare_at_price", "policy", "taxable", "bundle")


def _created_variant(mutation: Mutation, product: Product, given: Mapping[str, Any]) -> Variant:
    shop, now = mutation.context.shop, mutation.context.shop.clock.now()
    return Variant(
        id=shop.fresh_id(),
        item_id=shop.fresh_id(),
        product=product,
        options=_given_options(_option_names(product), given),
        metafields=_given_metafields(given),
        levels=_new_levels(mutation, given),
        created_at=now,
        updated_at=now,
        **{name: given[name] for name in PLAIN_FIELDS if given.get(name) is not None},
        **_given_item(given.get("inventoryItem") or {}),
    )


def _given_metafields(given: Mapping[str, Any]) -> dict[str, Metafield]:
    return {
        f"{one.get('namespace') or '$app'}.{one.get('key')}": Metafield(
            str(one.get("value")), one.get("type") or Metafield("").type
        )
        for one in given.get("metafields") or []
    }


NEW_ITEM_FIELDS: Final = {**ITEM_FIELDS, "measurement": "measurement"}
GRAMS: Final = {"GRAMS": 1.0, "KILOGRAMS": 1000.0, "OUNCES": 28.349523125, "POUNDS": 453.59237}


def _given_item(given: Mapping[str, Any]) -> dict[str, Any]:
    fields = _served(given, NEW_ITEM_FIELDS, "InventoryItemInput")
    weight = (fields.pop("measurement", None) or {}).get("weight")
    known = {name: value for name, value in fields.items() if value is not None}
    if "cost" in known:
        known["cost"] = str(known["cost"])
    return {**known, **({"weight": weight["value"] * GRAMS[weight["unit"]]} if weight else {})}


HANDLERS: Final[Mapping[str, Callable[[Mutation, Arguments], Payload]]] = {
    "inventorySetQuantities": set_quantities,
    "inventoryAdjustQuantities": adjust_quantities,
    "inventoryActivate": activate,
    "inventoryDeactivate": deactivate,
    "inventoryBulkToggleActivation": toggle,
    "inventoryItemUpdate": update_item,
    "tagsAdd": add_tags,
    "tagsRemove": remove_tags,
    "productUpdate": update_product,
    "metafieldsSet": set_metafields,
    "productVariantsBulkDelete": delete_variants,
    "productVariantsBulkCreate": create_variants,
}
INVENTORY: Final = ("write_inventory",)
PRODUCTS: Final = ("write_products",)
SCOPES_NEEDED: Final[Mapping[str, Sequence[str]]] = {
    **{f"Mutation.{name}": INVENTORY for name in HANDLERS if name.startswith("inventory")},
    **{f"Mutation.{name}": PRODUCTS for name in HANDLERS if not name.startswith("inventory")},
}
