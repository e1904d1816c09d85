"""What BigBuy answers, as records (https://api.bigbuy.eu/rest/doc).

The same number comes as a number here and as text there, a flag as 0, as true and as "TRUE".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Generic, TypeVar

from connectors.errors import Malformed
from connectors.records import JsonObject, JsonValue
from connectors.shape import as_count, as_decimal, as_id, as_list, as_object, as_text
from connectors.supplier import (
    OrderState,
    SupplierOrder,
    SupplierProduct,
    SupplierVariant,
    sound,
    sound_id,
    sound_order,
)

CURRENCY: Final = "EUR"
"""The only one; rows do not tell it."""

T = TypeVar("T")
Record = TypeVar("Record", SupplierProduct, SupplierVariant)


@dataclass(frozen=True, slots=True)
class Names:
    """What the ids in rows are called: manufacturers, taxonomies, and attributes with their groups."""

    makers: Mapping[str, str] = field(default_factory=dict)
    taxonomies: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows(Generic[Record]):
    """The rows of a page. `nameless`: how many cannot even be told apart, so that nothing proves absence."""

    found: tuple[Record, ...]
    problems: tuple[str, ...]
    nameless: int


def rows(
    body: JsonValue,
    source: str,
    read: Callable[[JsonObject], Record],
    bare: Callable[[str], Record],
) -> Rows[Record]:
    """Each row as `read` reads it; of one that it cannot read no more than that it is there (`bare`)."""
    found: list[Record] = []
    problems: list[str] = []
    nameless = 0
    for value in as_list(body, source):
        try:
            row = as_object(value, source)
            number = sound_id(as_id(row.get("id"), f"{source} id"))
        except Malformed as error:
            nameless += 1
            problems.append(str(error))
            continue
        try:
            found.append(sound(read(row)))
        except Malformed as error:
            found.append(bare(number))
            problems.append(f"{source} {number}: {error}")
    return Rows(tuple(found), tuple(problems), nameless)


# ------------------------------------------------------------------ products


def product(row: JsonObject, names: Names) -> SupplierProduct:
    """A row of `products`: ids, prices, no name and no stock."""
    return SupplierProduct(
        _id(row),
        sku=_text(row, "sku"),
        brand=names.makers.get(_key(row, "manufacturer"), "") if names.makers else None,
        category=names.taxonomies.get(_key(row, "taxonomy"), "") if names.taxonomies else None,
        ean=_text(row, "ean13"),
        price=_amount(row, "retailPrice"),
        cost_price=_amount(row, "wholesalePrice"),
        currency=CURRENCY,
        available=None if row.get("active") in (None, "") else _flag(row["active"], "active"),
        supplier_updated_at=_text(row, "dateUpd"),
    )


def information(row: JsonObject) -> SupplierProduct:
    """A row of `productsinformation`; its description is HTML, as it came."""
    return SupplierProduct(_id(row), name=_text(row, "name"), description=_text(row, "description"))


def images(row: JsonObject) -> SupplierProduct:
    """A row of `productsimages`, the cover first."""
    found = [as_object(each, "image") for each in as_list(row.get("images"), "images")]
    ordered = sorted(found, key=_place)
    return SupplierProduct(
        _id(row), image_urls=tuple(as_text(each.get("url"), "image url") for each in ordered)
    )


def _place(image: JsonObject) -> tuple[bool, int]:
    position = image.get("position")
    return not _flag(image.get("isCover"), "isCover"), position if isinstance(position, int) else 0


def stock(row: JsonObject) -> SupplierProduct:
    """A row of `productsstockbyhandlingdays`."""
    return SupplierProduct(_id(row), stock_quantity=_units(row))


def price(row: JsonObject) -> SupplierProduct:
    """A row of `productprices`."""
    cost, suggested = _amount(row, "wholesalePrice"), _amount(row, "retailPrice")
    return SupplierProduct(_id(row), cost_price=cost, price=suggested, currency=CURRENCY)


# ------------------------------------------------------------------ variations


def variant(row: JsonObject) -> SupplierVariant:
    """A row of `productsvariations`."""
    return SupplierVariant(
        _id(row),
        supplier_product_id=as_id(row.get("product"), "product"),
        sku=_text(row, "sku"),
        ean=_text(row, "ean13"),
        price=_amount(row, "retailPrice"),
        cost_price=_amount(row, "wholesalePrice"),
        currency=CURRENCY,
    )


def options(row: JsonObject, names: Names) -> SupplierVariant:
    """A row of `variations`: what makes it, such as Size L. An attribute that nobody names is left out."""
    numbers = [
        _key(as_object(each, "attribute"), "id") for each in as_list(row.get("attributes"), "attributes")
    ]
    known = (names.attributes[number] for number in numbers if number in names.attributes)
    return SupplierVariant(_id(row), options=tuple(known) if names.attributes else None)


def variant_stock(row: JsonObject) -> SupplierVariant:
    """A row of `productsvariationsstockbyhandlingdays`."""
    return SupplierVariant(_id(row), stock_quantity=_units(row))


def variant_price(row: JsonObject) -> SupplierVariant:
    """A row of `productvariationprices`."""
    cost, suggested = _amount(row, "wholesalePrice"), _amount(row, "retailPrice")
    return SupplierVariant(_id(row), cost_price=cost, price=suggested, currency=CURRENCY)


# ------------------------------------------------------------------ look-ups


def named(body: JsonValue, source: str) -> dict[str, str]:
    """Names by id; what has none that can be read is left out."""
    return dict(_readable(body, source, lambda row: (_id(row), as_text(row.get("name"), f"{source} name"))))


def attribute_names(attributes: JsonValue, groups: JsonValue) -> dict[str, tuple[str, str]]:
    """("Size", "L") by the id of the attribute; one that nobody names, or its group, is left out."""
    of, names = named(groups, "attributegroups"), named(attributes, "attributes")
    found = _readable(attributes, "attributes", lambda row: (_id(row), _key(row, "attributeGroup")))
    return {number: (of[group], names[number]) for number, group in found if group in of and number in names}


def _readable(body: JsonValue, source: str, read: Callable[[JsonObject], T]) -> Iterator[T]:
    """What can be read of a list of names: goods are worth having without the rest."""
    for each in as_list(body, source):
        with suppress(Malformed):
            yield read(as_object(each, source))


def ids(body: JsonValue, source: str) -> list[int]:
    """The ids of a list of objects."""
    return [as_count(as_object(each, source).get("id"), f"{source} id") for each in as_list(body, source)]


# ------------------------------------------------------------------ orders

_WORDS: Final[tuple[tuple[OrderState, tuple[str, ...]], ...]] = (
    ("cancelled", ("cancel", "refund", "returned")),
    ("delivered", ("delivered", "completed", "finished")),
    ("shipped", ("shipped", "sent", "dispatched", "transit", "delivery")),
    ("processing", ("process", "prepar", "paid", "accepted", "picking", "packing")),
    ("pending", ("pending", "awaiting", "waiting", "received")),
)
"""Words in names of statuses, in the order in which they decide. The vendor publishes no list."""
_ENDS: Final = frozenset({"cancelled", "delivered"})
_HEDGES: Final = ("not ", "undeliver", "partial", "request", "fail", "pending", "await", "waiting", "to be ")
"""With one of these the word for an end does not say that it came: what ended is asked for no more."""


def state(status: str, known: frozenset[str]) -> OrderState | None:
    """What a status means; None if BigBuy's own list has no such name, or its words say nothing to us."""
    if status not in known:
        return None
    text = status.lower()
    found = next((state for state, words in _WORDS if any(word in text for word in words)), None)
    return None if found in _ENDS and any(hedge in text for hedge in _HEDGES) else found


def order(
    body: JsonValue, number: str, known: frozenset[str], parcels: Sequence[JsonObject]
) -> SupplierOrder:
    """An order, with its parcels as `parcels_of` reads them."""
    found = as_object(body, "order")
    if as_id(found.get("id"), "order id") != number:
        raise Malformed("the answer is another order's")
    status = as_text(found.get("status"), "order status")
    carriers = [as_object(each, "carrier") for each in as_list(found.get("carriers") or [], "carriers")]
    names = [name for each in carriers if isinstance(name := each.get("name"), str)]
    newest = parcels[0] if parcels else {}
    return sound_order(
        SupplierOrder(
            number,
            status=status,
            state=state(status, known),
            carrier=_said(newest.get("carrier")) or next(iter(names), None),
            tracking_number=_said(newest.get("trackingNumber")),
            tracking_info=tuple(parcels),
        )
    )


def parcels(body: JsonValue, carriers: Mapping[str, str]) -> dict[str, list[JsonObject]]:
    """What is known of parcels, by order, newest first. The list may be shorter than what was asked for, in
    another order, with empty places, with orders nobody asked for and with some that cannot be read.
    """

    def tracked(found: JsonObject) -> tuple[str, list[JsonObject]]:
        steps = sorted(_steps(found, carriers), key=_when, reverse=True)
        return as_id(found.get("id"), "tracked order"), steps

    return dict(_readable(body, "trackings", tracked))


def _steps(found: JsonObject, carriers: Mapping[str, str]) -> Iterator[JsonObject]:
    for each in as_list(found.get("trackings") or [], "trackings"):
        step = as_object(each, "tracking step")
        carrier = step.get("carrier")
        number = _key(carrier, "id") if isinstance(carrier, dict) else ""
        yield {**step, "carrier": carriers.get(number, number)}


def _when(step: JsonObject) -> str:
    when = step.get("statusDate")
    return when if isinstance(when, str) else ""


# ------------------------------------------------------------------ parts


def _id(row: JsonObject) -> str:
    return as_id(row.get("id"), "id")


def _key(row: JsonObject, name: str) -> str:
    """An id that points to something else; "" without one."""
    value = row.get(name)
    return "" if value is None else as_id(value, name)


def _text(row: JsonObject, name: str) -> str:
    """Text; null and what is missing are none."""
    value = row.get(name)
    return "" if value is None else as_text(value, name)


def _said(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and value else None


def _amount(row: JsonObject, name: str) -> Decimal | None:
    """A price; None where the row has none. Raises Malformed if it is negative."""
    value = row.get(name)
    if value is None or value == "":
        return None
    amount = as_decimal(value, name)
    if amount < 0:
        raise Malformed(f"{name}: a price below zero, {amount}")
    return amount


def _flag(value: JsonValue, where: str) -> bool:
    """0, 1, true, "TRUE", "false" and their like; what is missing is false."""
    if value is None or isinstance(value, bool | int):
        return bool(value)
    if isinstance(value, str) and value.lower() in {"true", "false", "1", "0", ""}:
        return value.lower() in {"true", "1"}
    raise Malformed(f"{where}: expected yes or no, found {value!r:.60}")


def _units(row: JsonObject) -> int:
    """What may be ordered: the sum over handling days and warehouses. No rows at all are a measured zero."""
    found = [as_object(each, "stocks") for each in as_list(row.get("stocks"), "stocks")]
    units = [as_count(each.get("quantity"), "quantity") for each in found]
    if any(each < 0 for each in units):
        raise Malformed(f"quantity: fewer than no units, {min(units)}")
    return sum(units)
