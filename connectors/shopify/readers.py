"""What Evenstock hears from Shopify: pure readers, from a decoded body to records and the next page."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from connectors.errors import (
    Complaint,
    ConnectorError,
    Malformed,
    RateLimited,
    Refused,
    Transient,
    Unauthorised,
    UnknownOutcome,
)
from connectors.http import Answer, Call
from connectors.records import (
    Assortment,
    Choice,
    JsonObject,
    JsonValue,
    Level,
    LevelsEverywhere,
    Location,
    Metafield,
    NewVariant,
    Offer,
    OrderLine,
    Product,
    Quantities,
    Recorded,
    ShopFacts,
    Stock,
    StockedProduct,
    StockedVariant,
    Variant,
    VariantFacts,
    VariantHead,
)
from connectors.redaction import one_line
from connectors.shape import as_bool, as_int, as_list, as_object, as_text, as_time

T = TypeVar("T")

_ID = re.compile(r"[0-9]{1,18}")
_NO_TEXT = re.compile("[\\0\ud800-\udfff]")

LONGEST_CODE = 64
"""Characters of a complaint's code that are kept."""
CCOD_FIELDS = ("ccod", "productCode", "codigo", "customCcod")
"""Where a product may carry its CCOD, the first one that holds something counts."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some objects of a connection, and the cursor of the rest."""

    items: tuple[T, ...]
    cursor: str | None


def number(gid: JsonValue, where: str = "id") -> int:
    """The number at the end of a global id. The query part of a level's id is not part of it."""
    tail = as_text(gid, where).split("?")[0].rsplit("/", 1)[-1]
    if not _ID.fullmatch(tail):
        raise Malformed(f"{where}: expected a global id, found {str(gid)[:60]!r}")
    return int(tail)


def data(answer: Answer) -> JsonObject:
    """The data of an answer that `check` found to be whole."""
    return as_object(as_object(answer.body, "answer").get("data"), "data")


def page(connection: JsonValue, read: Callable[[JsonObject], T], where: str) -> Page[T]:
    """The nodes of a connection, and where to go on."""
    body = as_object(connection, where)
    items = tuple(read(as_object(node, where)) for node in as_list(body.get("nodes"), f"{where}.nodes"))
    info = as_object(body.get("pageInfo"), f"{where}.pageInfo")
    more = as_bool(info.get("hasNextPage"), f"{where}.hasNextPage")
    return Page(items, as_text(info.get("endCursor"), f"{where}.endCursor") if more else None)


def shop(answer: Answer) -> ShopFacts:
    """The store and what this token may do there."""
    body = as_object(data(answer).get("shop"), "shop")
    installation = as_object(data(answer).get("currentAppInstallation"), "currentAppInstallation")
    scopes = as_list(installation.get("accessScopes"), "accessScopes")
    return ShopFacts(
        domain=as_text(body.get("myshopifyDomain"), "shop.myshopifyDomain"),
        name=as_text(body.get("name"), "shop.name"),
        timezone=as_text(body.get("ianaTimezone"), "shop.ianaTimezone"),
        version=answer.headers.get("x-shopify-api-version", ""),
        scopes=frozenset(
            as_text(as_object(scope, "scope").get("handle"), "scope.handle") for scope in scopes
        ),
    )


def location(node: JsonObject) -> Location:
    """One place."""
    return Location(
        number(node.get("id")), as_text(node.get("name"), "name"), as_bool(node.get("isActive"), "isActive")
    )


def product(node: JsonObject, answer: Answer) -> tuple[Product, str | None]:
    """A product with the variants that came with it, and the cursor of the others."""
    bare = bare_product(node, answer.at)
    found = page(node.get("variants"), lambda inner: variant(inner, bare.id), "variants")
    return with_variants(bare, found.items), found.cursor


def bare_product(node: JsonObject, seen_at: datetime) -> Product:
    """A product without its variants."""
    return Product(
        id=number(node.get("id")),
        title=as_text(node.get("title"), "title"),
        status=as_text(node.get("status"), "status"),
        tags=tuple(as_text(tag, "tag") for tag in as_list(node.get("tags"), "tags")),
        ccod=_ccod(node),
        variants=(),
        seen_at=seen_at,
    )


def with_variants(bare: Product, found: Sequence[Variant]) -> Product:
    """A product with these variants."""
    return replace(bare, variants=tuple(found))


def head(node: JsonObject) -> tuple[int, tuple[str, ...]]:
    """A product's id and tags."""
    return number(node.get("id")), tuple(as_text(tag, "tag") for tag in as_list(node.get("tags"), "tags"))


def sku(node: JsonObject) -> tuple[int, str | None]:
    """A variant's id and SKU."""
    return number(node.get("id")), _sku(node.get("sku"))


def variants(answer: Answer, product_id: int) -> Page[Variant]:
    """A further page of one product's variants."""
    body = as_object(data(answer).get("product"), "product")
    return page(body.get("variants"), lambda node: variant(node, product_id), "variants")


def _ccod(node: JsonObject) -> str | None:
    for name in CCOD_FIELDS:
        field = node.get(name)
        if isinstance(field, dict) and str(field.get("value") or "").strip():
            return as_text(field.get("value"), name)
    return None


def variant(node: JsonObject, product_id: int) -> Variant:
    """One variant with its level."""
    item = as_object(node.get("inventoryItem"), "inventoryItem")
    return Variant(
        id=number(node.get("id")),
        product_id=product_id,
        item_id=number(item.get("id")),
        sku=_sku(node.get("sku")),
        position=as_int(node.get("position"), "position"),
        tracked=as_bool(item.get("tracked"), "tracked"),
        duplicates=as_int(item.get("duplicateSkuCount"), "duplicateSkuCount"),
        level=level(item.get("inventoryLevel")),
    )


def level(node: JsonValue) -> Level | None:
    """A level; None where the item is not stocked. Numbers that are missing stay unknown."""
    if node is None:
        return None
    body = as_object(node, "inventoryLevel")
    found = _quantities(body)
    complete = {"available", "committed", "on_hand"} <= found.keys()
    quantities = Quantities(found["available"], found["committed"], found["on_hand"]) if complete else None
    return Level(active=as_bool(body.get("isActive"), "isActive"), quantities=quantities)


def _quantities(body: JsonObject) -> dict[str, int]:
    entries = [as_object(entry, "quantity") for entry in as_list(body.get("quantities"), "quantities")]
    return {
        as_text(entry.get("name"), "quantity.name"): as_int(entry.get("quantity"), "quantity")
        for entry in entries
        if entry.get("quantity") is not None
    }


def nodes(answer: Answer, kind: str, asked: Sequence[int]) -> list[JsonObject]:
    """The objects of one type that `nodes(ids:)` found; those that do not exist are left out.

    Shopify answers every id, with null for one it does not know: a shorter list was cut, and one that has
    other objects answers another question. Neither proves anything.
    """
    found = as_list(data(answer).get("nodes"), "nodes")
    if len(found) != len(asked):
        raise Malformed(f"nodes: asked for {len(asked)} objects, answered {len(found)}")
    ours = [node for node in found if isinstance(node, dict) and node.get("__typename") == kind]
    if foreign := Counter(number(node.get("id")) for node in ours) - Counter(asked):
        raise Malformed(f"nodes: answered with {kind} {next(iter(foreign))}, which was not asked for")
    return ours


def offers(answer: Answer, asked: Sequence[int]) -> list[Offer]:
    """Variants as their store sells them."""
    return [_offer(node) for node in nodes(answer, "ProductVariant", asked)]


def _offer(node: JsonObject) -> Offer:
    sellable = node.get("inventoryQuantity")
    item = as_object(node.get("inventoryItem"), "inventoryItem")
    return Offer(
        id=number(node.get("id")),
        item_id=number(item.get("id")),
        status=as_text(as_object(node.get("product"), "product").get("status"), "status"),
        tracked=as_bool(item.get("tracked"), "tracked"),
        sellable=None if sellable is None else as_int(sellable, "inventoryQuantity"),
    )


def shown_variants(answer: Answer, asked: Sequence[int]) -> list[Product]:
    """Products cut down to one variant each, in the order of the answer; without a CCOD."""
    return [_shown(node, answer.at) for node in nodes(answer, "ProductVariant", asked)]


def _shown(node: JsonObject, at: datetime) -> Product:
    parent = as_object(node.get("product"), "product")
    number_ = number(parent.get("id"))
    return Product(
        id=number_,
        title=as_text(parent.get("title"), "title"),
        status=as_text(parent.get("status"), "status"),
        tags=tuple(as_text(tag, "tag") for tag in as_list(parent.get("tags"), "tags")),
        ccod=None,
        variants=(variant(node, number_),),
        seen_at=at,
    )


def variant_heads(answer: Answer, asked: Sequence[int]) -> list[VariantHead]:
    """What tells variants apart."""
    return [_variant_head(node) for node in nodes(answer, "ProductVariant", asked)]


def _variant_head(node: JsonObject) -> VariantHead:
    parent = as_object(node.get("product"), "product")
    item = as_object(node.get("inventoryItem"), "inventoryItem")
    return VariantHead(
        id=number(node.get("id")),
        product_id=number(parent.get("id")),
        item_id=number(item.get("id")),
        sku=_sku(node.get("sku")),
        title=as_text(parent.get("title"), "title"),
        status=as_text(parent.get("status"), "status"),
    )


def levels(answer: Answer, asked: Sequence[int]) -> dict[int, Level | None]:
    """Levels by inventory item id. An item that is not here does not exist any more."""
    items = nodes(answer, "InventoryItem", asked)
    return {number(node.get("id")): level(node.get("inventoryLevel")) for node in items}


def levels_everywhere(answer: Answer, asked: Sequence[int]) -> list[LevelsEverywhere]:
    """All levels of each item found."""
    return [_everywhere(node) for node in nodes(answer, "InventoryItem", asked)]


def _everywhere(node: JsonObject) -> LevelsEverywhere:
    found = page(node.get("inventoryLevels"), _stock, "inventoryLevels")
    return LevelsEverywhere(number(node.get("id")), found.items, complete=found.cursor is None)


def _stock(node: JsonObject) -> Stock:
    found = _quantities(node)
    place = as_object(node.get("location"), "location")
    missing = {"available", "committed", "on_hand", "incoming"} - found.keys()
    if missing:
        raise Malformed(f"level at {place.get('id')}: no quantity for {', '.join(sorted(missing))}")
    return Stock(
        number(place.get("id")), found["available"], found["committed"], found["on_hand"], found["incoming"]
    )


def available_everywhere(
    answer: Answer, asked: Sequence[int]
) -> list[tuple[int, Page[tuple[int, int | None]]]]:
    """Each item found, with its first levels: location and what may be sold there."""
    return [(number(node.get("id")), _available(node)) for node in nodes(answer, "InventoryItem", asked)]


def more_available(answer: Answer) -> Page[tuple[int, int | None]] | None:
    """Further levels of one item; None if there is no such item any more."""
    node = data(answer).get("inventoryItem")
    return None if node is None else _available(as_object(node, "inventoryItem"))


def _available(node: JsonObject) -> Page[tuple[int, int | None]]:
    return page(node.get("inventoryLevels"), _available_there, "inventoryLevels")


def _available_there(node: JsonObject) -> tuple[int, int | None]:
    place = as_object(node.get("location"), "location")
    return number(place.get("id")), _quantities(node).get("available")


def stocked_products(answer: Answer, asked: Sequence[int]) -> list[tuple[StockedProduct, str | None]]:
    """Products as nothing but their variants, each with the cursor of the others."""
    return [_stocked_product(node) for node in nodes(answer, "Product", asked)]


def _stocked_product(node: JsonObject) -> tuple[StockedProduct, str | None]:
    product_id = number(node.get("id"))
    found = page(node.get("variants"), lambda each: _stocked_variant(each, product_id), "variants")
    return StockedProduct(product_id, found.items), found.cursor


def _stocked_variant(node: JsonObject, product_id: int) -> StockedVariant:
    item = as_object(node.get("inventoryItem"), "inventoryItem")
    return StockedVariant(
        id=number(node.get("id")),
        product_id=product_id,
        item_id=number(item.get("id")),
        sku=_sku(node.get("sku")),
        tracked=as_bool(item.get("tracked"), "tracked"),
    )


def snapshots(answer: Answer, asked: Sequence[int]) -> list[VariantFacts]:
    """What is needed to judge a deletion, with the whole variant as it was."""
    return [_facts(node) for node in nodes(answer, "ProductVariant", asked)]


def _facts(node: JsonObject) -> VariantFacts:
    parent = as_object(node.get("product"), "product")
    siblings = as_object(parent.get("variantsCount"), "variantsCount")
    plans = as_object(node.get("sellingPlanGroupsCount"), "sellingPlanGroupsCount")
    return VariantFacts(
        id=number(node.get("id")),
        product_id=number(parent.get("id")),
        item_id=number(as_object(node.get("inventoryItem"), "inventoryItem").get("id")),
        policy=as_text(node.get("inventoryPolicy"), "inventoryPolicy"),
        is_bundle=as_bool(node.get("requiresComponents"), "requiresComponents"),
        is_gift_card=as_bool(parent.get("isGiftCard"), "isGiftCard"),
        selling_plans=as_int(plans.get("count"), "sellingPlanGroupsCount"),
        siblings=as_int(siblings.get("count"), "variantsCount"),
        data=node,
        is_whole=not _is_cut(node),
    )


def _is_cut(node: JsonObject) -> bool:
    """Whether a variant has more metafields than came with it."""
    metafields = as_object(node.get("metafields"), "metafields")
    info = as_object(metafields.get("pageInfo"), "metafields.pageInfo")
    return as_bool(info.get("hasNextPage"), "metafields.hasNextPage")


# ------------------------------------------------- variants made again


STOCKED_AT = "stockedAt"
"""The one field of a snapshot's data that is ours: the locations where the variant had a level."""


def recorded(body: JsonObject) -> Recorded:
    """A variant from the data of its snapshot."""
    item = as_object(body.get("inventoryItem"), "inventoryItem")
    plans = as_object(body.get("sellingPlanGroupsCount"), "sellingPlanGroupsCount")
    metafields = as_object(body.get("metafields"), "metafields")
    images = as_list(as_object(body.get("media"), "media").get("nodes"), "media.nodes")
    return Recorded(
        variant=_new_variant(body, item, as_list(metafields.get("nodes"), "metafields.nodes")),
        item_id=number(item.get("id")),
        position=as_int(body.get("position"), "position"),
        media=tuple(as_text(as_object(each, "media").get("id"), "media.id") for each in images),
        metafields_cut=_is_cut(body),
        selling_plans=as_int(plans.get("count"), "sellingPlanGroupsCount"),
        is_bundle=as_bool(body.get("requiresComponents"), "requiresComponents"),
        locations=tuple(as_int(each, STOCKED_AT) for each in as_list(body.get(STOCKED_AT, []), STOCKED_AT)),
    )


def _new_variant(body: JsonObject, item: JsonObject, metafields: Sequence[JsonValue]) -> NewVariant:
    return NewVariant(
        options=_options(body),
        sku=_sku(body.get("sku")),
        barcode=_text_or_none(body.get("barcode"), "barcode"),
        price=as_text(body.get("price"), "price"),
        compare_at_price=_text_or_none(body.get("compareAtPrice"), "compareAtPrice"),
        policy=as_text(body.get("inventoryPolicy"), "inventoryPolicy"),
        taxable=as_bool(body.get("taxable"), "taxable"),
        tracked=as_bool(item.get("tracked"), "tracked"),
        requires_shipping=as_bool(item.get("requiresShipping"), "requiresShipping"),
        cost=_cost(item.get("unitCost")),
        weight=_weight(item.get("measurement")),
        country=_text_or_none(item.get("countryCodeOfOrigin"), "countryCodeOfOrigin"),
        province=_text_or_none(item.get("provinceCodeOfOrigin"), "provinceCodeOfOrigin"),
        tariff_code=_text_or_none(item.get("harmonizedSystemCode"), "harmonizedSystemCode"),
        metafields=tuple(_metafield(as_object(each, "metafield")) for each in metafields),
    )


def _options(body: JsonObject) -> tuple[tuple[str, str], ...]:
    found = [as_object(each, "option") for each in as_list(body.get("selectedOptions"), "selectedOptions")]
    return tuple(
        (as_text(each.get("name"), "option.name"), as_text(each.get("value"), "option.value"))
        for each in found
    )


def _metafield(body: JsonObject) -> Metafield:
    return Metafield(
        as_text(body.get("namespace"), "metafield.namespace"),
        as_text(body.get("key"), "metafield.key"),
        as_text(body.get("type"), "metafield.type"),
        as_text(body.get("value"), "metafield.value"),
    )


def _cost(money: JsonValue) -> str | None:
    return None if money is None else as_text(as_object(money, "unitCost").get("amount"), "unitCost.amount")


def _weight(measurement: JsonValue) -> tuple[float, str] | None:
    weight = measurement.get("weight") if isinstance(measurement, dict) else None
    if not isinstance(weight, dict) or not isinstance(value := weight.get("value"), int | float):
        return None
    return float(value), as_text(weight.get("unit"), "weight.unit")


def _text_or_none(value: JsonValue, where: str) -> str | None:
    return None if value is None else as_text(value, where)


def _sku(value: JsonValue) -> str | None:
    """An SKU, with a sign for each character that JSON can escape and no ledger takes."""
    text = _text_or_none(value, "sku")
    return None if text is None else _NO_TEXT.sub("\ufffd", text)


def choices(connection: JsonValue) -> Page[Choice]:
    """Some of a product's variants as choices, and where to go on."""
    return page(connection, choice, "variants")


def choice(node: JsonObject) -> Choice:
    """A variant as one of its product's choices."""
    item = as_object(node.get("inventoryItem"), "inventoryItem")
    sku = _sku(node.get("sku"))
    return Choice(number(node.get("id")), number(item.get("id")), sku, _options(node))


def assortment(answer: Answer) -> tuple[Assortment, str | None] | None:
    """A product with some of its variants as choices, and the cursor of the others; None: no such product."""
    node = data(answer).get("product")
    if node is None:
        return None
    body = as_object(node, "product")
    found = choices(body.get("variants"))
    options = [as_object(each, "option") for each in as_list(body.get("options"), "options")]
    images = page(body.get("media"), lambda each: as_text(each.get("id"), "media.id"), "media")
    shown = Assortment(
        id=number(body.get("id")),
        title=as_text(body.get("title"), "title"),
        status=as_text(body.get("status"), "status"),
        tags=tuple(as_text(tag, "tag") for tag in as_list(body.get("tags"), "tags")),
        options=tuple(as_text(each.get("name"), "option.name") for each in options),
        media=frozenset(images.items),
        choices=found.items,
    )
    return shown, found.cursor


def created(answer: Answer, asked: int) -> list[Choice]:
    """The variants that a call made, in the order of its input. Raises `Malformed` unless all are told."""
    payload = as_object(data(answer).get("productVariantsBulkCreate"), "productVariantsBulkCreate")
    found = as_list(payload.get("productVariants"), "productVariants")
    if len(found) != asked:
        raise Malformed(f"productVariants: asked for {asked}, told of {len(found)}")
    return [choice(as_object(each, "productVariant")) for each in found]


@dataclass(frozen=True, slots=True)
class OrderHead:
    """An order as the walk sees it: its lines, and the cursor of lines that did not fit.

    `counts` is false for test orders and cancelled ones: they sell nothing, so their lines are left out.
    """

    id: int
    created_at: datetime
    counts: bool
    lines: tuple[OrderLine, ...] = ()
    cursor: str | None = None


def order(node: JsonObject) -> OrderHead:
    """One order with the lines that came with it."""
    head = bare_order(node)
    found = page(node.get("lineItems"), sold, "lineItems")
    if not head.counts:
        return head
    lines = (OrderLine(head.id, *each, head.created_at) for each in found.items if each is not None)
    return replace(head, lines=tuple(lines), cursor=found.cursor)


def bare_order(node: JsonObject) -> OrderHead:
    """One order without its lines."""
    counts = node.get("cancelledAt") is None and not node.get("test")
    return OrderHead(number(node.get("id")), as_time(node.get("createdAt"), "createdAt"), counts)


def sold(node: JsonObject) -> tuple[int, int] | None:
    """The variant of an order's line and its quantity; None for a line of no variant that exists."""
    variant = node.get("variant")
    if not isinstance(variant, dict):
        return None
    return number(variant.get("id")), as_int(node.get("quantity"), "quantity")


# --------------------------------------------------------- bulk operations


@dataclass(frozen=True, slots=True)
class Operation:
    """A bulk operation as it stands. `objects` counts what it has done; `text` is its own document."""

    id: str
    status: str
    error: str
    created_at: datetime
    completed_at: datetime | None
    objects: int
    size: int | None
    url: str | None
    partial_url: str | None
    text: str = ""


def started(answer: Answer, field: str) -> Operation:
    """The operation that a call has started."""
    payload = as_object(data(answer).get(field), field)
    return operation(as_object(payload.get("bulkOperation"), "bulkOperation"))


def operation(node: JsonObject) -> Operation:
    """One bulk operation."""
    ended = node.get("completedAt")
    size = node.get("fileSize")
    return Operation(
        id=as_text(node.get("id"), "id"),
        status=as_text(node.get("status"), "status"),
        error=str(node.get("errorCode") or ""),
        created_at=as_time(node.get("createdAt"), "createdAt"),
        completed_at=None if ended is None else as_time(ended, "completedAt"),
        objects=count(node.get("objectCount"), "objectCount"),
        size=None if size is None else count(size, "fileSize"),
        url=_text_or_none(node.get("url"), "url"),
        partial_url=_text_or_none(node.get("partialDataUrl"), "partialDataUrl"),
        text=str(node.get("query") or ""),
    )


def polled(answer: Answer) -> Operation | None:
    """The operation that was asked for; None if there is none."""
    node = data(answer).get("bulkOperation")
    return None if node is None else operation(as_object(node, "bulkOperation"))


def operations(answer: Answer) -> list[Operation]:
    """Operations with their documents, newest first."""
    body = as_object(data(answer).get("bulkOperations"), "bulkOperations")
    return [operation(as_object(node, "bulkOperation")) for node in as_list(body.get("nodes"), "nodes")]


def count(value: JsonValue, where: str) -> int:
    """A count, which Shopify writes as text where it may be large."""
    return int(value) if isinstance(value, str) and value.isdecimal() else as_int(value, where)


def counted(answer: Answer, field: str) -> int:
    """What a count found; where it stopped counting, there may be more."""
    return as_int(as_object(data(answer).get(field), field).get("count"), field)


def staged(answer: Answer) -> tuple[str, list[tuple[str, str]]]:
    """Where to upload one file, and the fields that go before it, in their order."""
    payload = as_object(data(answer).get("stagedUploadsCreate"), "stagedUploadsCreate")
    target = as_object(next(iter(as_list(payload.get("stagedTargets"), "stagedTargets")), None), "target")
    fields = [as_object(each, "parameter") for each in as_list(target.get("parameters"), "parameters")]
    return as_text(target.get("url"), "url"), [
        (as_text(each.get("name"), "name"), as_text(each.get("value"), "value")) for each in fields
    ]


def line(body: JsonObject) -> JsonObject | ConnectorError:
    """What came of one line of a bulk mutation: its payload, or what went wrong with it."""
    if body.get("errors"):
        return _top_level(body, has_effect=True)
    found = as_object(body.get("data"), "data")
    payload = as_object(next(iter(found.values()), None), "payload")
    try:
        _check_payload(payload)
    except ConnectorError as error:
        return error
    return payload


# ------------------------------------------------------------------ errors


class StillRunning(Transient):
    """An earlier attempt of the same write is not over: ask again under its key, and then nobody knows."""


_NEVER_RAN = frozenset(
    {
        "MAX_COST_EXCEEDED",
        "MAX_INPUT_SIZE_EXCEEDED",
        "BAD_REQUEST",
        "INVALID_FIELD_ARGUMENTS",
        "INVALID_VARIABLE",
        "RESOURCE_NOT_FOUND",
        "undefinedField",
        "undefinedType",
        "undefinedDirective",
        "argumentNotAccepted",
        "argumentLiteralsIncompatible",
        "missingRequiredArguments",
        "missingRequiredInputObjectAttribute",
        "variableNotUsed",
    }
)
"""Codes that Shopify gives before anything is executed."""

_TIRED = frozenset({"INTERNAL_SERVER_ERROR", "TIMEOUT"})
"""Codes that may be gone in a moment."""


def check(call: Call, answer: Answer) -> None:
    """Raise what an answer with status 200 says went wrong; UnknownOutcome if it says nothing of a write.

    https://shopify.dev/docs/api/admin-graphql#status_and_error_codes
    """
    try:
        _check(call, answer)
    except Malformed as error:
        if call.has_effect:
            raise UnknownOutcome(f"{error}; it may have been done") from None
        raise


def _check(call: Call, answer: Answer) -> None:
    body = as_object(answer.body, "answer")
    if body.get("errors"):
        raise _top_level(body, has_effect=call.has_effect)
    extensions = body.get("extensions")
    if warnings := extensions.get("search") if isinstance(extensions, dict) else None:
        raise Refused(
            f"Shopify ignored a part of the search and would return everything: {str(warnings)[:200]}"
        )
    if call.has_effect:
        _check_payload(data(answer).get(call.operation))


def _check_payload(payload: JsonValue) -> None:
    found = complaints(payload)
    if any(complaint.code == "IDEMPOTENCY_CONCURRENT_REQUEST" for complaint in found):
        raise StillRunning("the same write is still running")
    if found:
        raise Refused(
            "; ".join(f"{each.code} {each.message}".strip() for each in found[:3]),
            complaints=found,
            is_whole=_is_of_the_call(payload),
        )


def _is_of_the_call(payload: JsonValue) -> bool:
    """Whether a userError is about something else in the input than its rows, as its name or reason."""
    errors = as_list(as_object(payload, "payload").get("userErrors"), "userErrors")
    fields = (as_object(each, "userError").get("field") for each in errors)
    return any(
        isinstance(field, list) and field[:1] == ["input"] and field[1:2] not in ([], ["quantities"])
        for field in fields
    )


def _top_level(body: JsonObject, *, has_effect: bool) -> ConnectorError:
    code, message = _first_error(body["errors"])
    text = f"{code or 'error'}: {message}"
    if code == "THROTTLED":
        return RateLimited("Shopify's bucket of points was empty", retry_after=_throttle_wait(body))
    if code in {"ACCESS_DENIED", "SHOP_INACTIVE"}:
        return Unauthorised(text)
    if has_effect and code not in _NEVER_RAN:
        return UnknownOutcome(text)
    if code in _TIRED:
        return Transient(text)
    return Refused(text, complaints=[Complaint(code, message)], is_whole=True)


def _first_error(errors: JsonValue) -> tuple[str, str]:
    """Code and text of the first error; an internal one comes with the id that Shopify's support asks for."""
    first = errors[0] if isinstance(errors, list) and errors else errors
    if not isinstance(first, dict):
        return "", str(first)[:200]
    extensions = first.get("extensions")
    details = extensions if isinstance(extensions, dict) else {}
    request = f" (request id {details['requestId']})" if details.get("requestId") else ""
    return str(details.get("code", "")), str(first.get("message", ""))[:200] + request


def _throttle_wait(body: JsonObject) -> float:
    """Seconds until the bucket holds what was asked for; about a second when it does not say."""
    extensions = body.get("extensions")
    cost = extensions.get("cost") if isinstance(extensions, dict) else None
    status = cost.get("throttleStatus") if isinstance(cost, dict) else None
    if not isinstance(cost, dict) or not isinstance(status, dict):
        return 1.0
    asked, there, rate = (
        cost.get("requestedQueryCost"),
        status.get("currentlyAvailable"),
        status.get("restoreRate"),
    )
    if not all(isinstance(figure, int | float) for figure in (asked, there, rate)) or not rate:
        return 1.0
    return max(0.1, (float(str(asked)) - float(str(there))) / float(str(rate)))


def complaints(payload: JsonValue) -> tuple[Complaint, ...]:
    """The userErrors of a mutation, each with the input row that it names."""
    body = as_object(payload, "payload")
    return tuple(
        _complaint(as_object(entry, "userError")) for entry in as_list(body.get("userErrors"), "userErrors")
    )


def _complaint(entry: JsonObject) -> Complaint:
    field = entry.get("field")
    path: Sequence[JsonValue] = field if isinstance(field, list) else ()
    row = next((int(str(part)) for part in path if str(part).isdecimal()), None)
    code, message = one_line(str(entry.get("code") or ""), LONGEST_CODE), str(entry.get("message") or "")
    return Complaint(code, one_line(message), row)
