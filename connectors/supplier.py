"""What all suppliers have in common: their records, and what a connector to one of them may be able to do.

A supplier is read in pages. A page is stored together with its cursor, in one transaction, and whoever goes
on later, in another window or another process, hands the last cursor back. The rows of a page say only what
the page's list says: BigBuy tells a product's name, price and stock in three lists of different order, so
the ledger, not the memory of a job, is where they are joined, by the supplier's product id.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Literal, Protocol, TypeVar, runtime_checkable

from connectors.errors import ConfigurationError, Malformed
from connectors.http import Http, Patience, Usage
from connectors.outside import Outside
from connectors.records import JsonObject
from connectors.renewal import Store, Unshared

Facet = Literal["stock", "price", "product", "text", "images"]
"""A part of what is known of a product: how many, for how much, which, described how, shown how."""

FACETS: tuple[Facet, ...] = ("stock", "price", "product", "text", "images")
"""In the order in which they are read when a limit may end the pass."""

Row = TypeVar("Row", "SupplierProduct", "SupplierVariant")

OrderState = Literal["pending", "processing", "shipped", "delivered", "cancelled"]


class Ability(StrEnum):
    """What a supplier's API offers; each is one of the protocols below."""

    LISTS_PRODUCTS = "lists products"
    LISTS_STOCK = "lists stock"
    LISTS_PRICES = "lists prices"
    LOOKS_UP = "looks up products by id"
    TRACKS_ORDERS = "tracks orders"


# ------------------------------------------------------------------ records


@dataclass(frozen=True, slots=True)
class SupplierProduct:
    """What one page says of a product. None: not said, so what is known stays; "" or (): said to be none.

    Prices are per unit and in `currency`: `price` is what the supplier suggests to sell for, `cost_price`
    what we pay, both without VAT. `stock_quantity` is of the product itself: of one with variants nothing
    here counts, but the sum of its variants. `available` is False when the supplier says it is not for sale.
    """

    supplier_product_id: str
    sku: str | None = None
    name: str | None = None
    description: str | None = None
    brand: str | None = None
    category: str | None = None
    ean: str | None = None
    price: Decimal | None = None
    cost_price: Decimal | None = None
    currency: str | None = None
    stock_quantity: int | None = None
    image_urls: tuple[str, ...] | None = None
    available: bool | None = None
    supplier_updated_at: str | None = None
    """As it came: the supplier does not say in which zone."""


@dataclass(frozen=True, slots=True)
class SupplierVariant:
    """What one page says of a variant of a product; None as in `SupplierProduct`.

    `supplier_product_id` is None where the list names the variant alone. `options`: ("Size", "L"), ….
    """

    supplier_variant_id: str
    supplier_product_id: str | None = None
    sku: str | None = None
    ean: str | None = None
    options: tuple[tuple[str, str], ...] | None = None
    price: Decimal | None = None
    cost_price: Decimal | None = None
    currency: str | None = None
    stock_quantity: int | None = None
    available: bool | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a list. Stored with `cursor` in one transaction; the next page lies behind that cursor."""

    source: str
    """The list or method it came from, for logs and reports."""
    facets: frozenset[Facet]
    """What its rows speak of."""
    products: tuple[SupplierProduct, ...] = ()
    variants: tuple[SupplierVariant, ...] = ()
    absent: tuple[str, ...] = ()
    """Product ids that were asked for and that a whole and healthy answer says do not exist."""
    complete: frozenset[Facet] = frozenset()
    """Facets whose lists were, with this page, read from their first row to their proved end: what was not
    on any of their pages since the pass began is absent. Never set by a look-up."""
    cursor: JsonObject | None = None
    """Where to go on; None: the pass is at its end."""
    whole: frozenset[str] = frozenset()
    """Ids of products all of whose variants are on this page: what else was known of them is absent."""
    unsold: frozenset[str] = frozenset()
    """Ids of products that are not for sale: neither they nor any variant of theirs has units."""
    problems: tuple[str, ...] = ()
    """Rows that could not be read, one sentence each; nothing of them is in `products` or `variants`."""


@dataclass(frozen=True, slots=True)
class SupplierOrder:
    """An order as the supplier tells it. `known` is False if the supplier says there is no such order.

    `status` is as it came, for a person; `state` what it means, None if we do not know the word.
    """

    supplier_order_id: str
    known: bool = True
    status: str | None = None
    state: OrderState | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_info: tuple[JsonObject, ...] = ()
    """What happened to the parcels, as it came, newest first."""


@dataclass(frozen=True, slots=True)
class PlannedList:
    """One list of a pass: which, for what, and how many calls a window of so many seconds allows."""

    source: str
    facet: Facet
    calls: int
    """Calls that it will take, by what is known."""
    limit: int
    window_seconds: int


LONGEST_ID = 200
"""Characters of an id."""
MOST = 10**9
"""No number of units and no amount that is meant has so much."""


def sound(row: Row) -> Row:
    """The row, if the ledger can hold all of it. Raises Malformed that names what it cannot.

    One such row would keep all the others of its page from being stored, in every job anew.
    """
    _check_texts(row)
    for name in ("supplier_product_id", "supplier_variant_id"):
        sound_id(getattr(row, name, None) or "-")
    for name in ("stock_quantity", "price", "cost_price"):
        if (getattr(row, name) or 0) >= MOST:
            raise Malformed(f"{name}: {str(getattr(row, name))[:20]} is too much to be meant")
    if row.currency is not None and len(row.currency) != 3:
        raise Malformed(f"currency: {row.currency!r:.20} is not one of three letters")
    return row


def sound_order(order: "SupplierOrder") -> "SupplierOrder":
    """The order, if the ledger can hold all of it. Raises Malformed."""
    _check_texts(order)
    return order


def _check_texts(record: "SupplierProduct | SupplierVariant | SupplierOrder") -> None:
    for each in fields(record):
        if isinstance(value := getattr(record, each.name), str) and not is_storable(value):
            raise Malformed(f"{each.name}: has characters that no text has")


def sound_id(number: str) -> str:
    """An id, if the ledger can hold it. Raises Malformed."""
    if not 0 < len(number) <= LONGEST_ID or not is_storable(number):
        raise Malformed(f"{number!r:.40} is no id")
    return number


def is_storable(text: str) -> bool:
    """Whether every database takes a text: JSON can escape what is none, NUL and halves of characters."""
    try:
        return "\0" not in text and (text.isascii() or bool(text.encode()))
    except UnicodeEncodeError:
        return False


_STOCK = frozenset({"stock_quantity"})
_PRICE = frozenset({"price", "cost_price", "currency"})
_IDS = frozenset({"supplier_product_id", "supplier_variant_id"})


def narrowed(page: Page, facets: frozenset[Facet]) -> Page:
    """A page without what it says of other facets: a stock job must not carry prices along."""
    if page.facets <= facets:
        return page
    kept = _kept(facets)
    return replace(
        page,
        facets=page.facets & facets,
        complete=page.complete & facets,
        products=tuple(_only(kept, each) for each in page.products),
        variants=tuple(_only(kept, each) for each in page.variants),
    )


def _kept(facets: frozenset[Facet]) -> frozenset[str]:
    by_facet: dict[Facet, frozenset[str]] = {
        "stock": _STOCK,
        "price": _PRICE,
        "product": frozenset(
            {"sku", "brand", "category", "ean", "available", "options", "supplier_updated_at"}
        ),
        "text": frozenset({"name", "description"}),
        "images": frozenset({"image_urls"}),
    }
    return _IDS.union(*(by_facet[facet] for facet in facets))


def _only(kept: frozenset[str], row: Row) -> Row:
    # The two ids are always kept.
    dropped: dict[str, None] = {each.name: None for each in fields(row) if each.name not in kept}
    return replace(row, **dropped)  # type: ignore[arg-type]


# ------------------------------------------------------------------ abilities


class Supplier(Protocol):
    """What every connector has. Everything may raise the errors of `connectors.errors`.

    `WindowClosed` among them is no failure: the limit of a window is used up. The work is put back, with the
    cursor of the last stored page, until its `retry_after` seconds are over.
    """

    @property
    def usage(self) -> Usage:
        """What the calls amounted to."""

    def close(self) -> None:
        """Close the connections."""


@runtime_checkable
class ListsProducts(Protocol):
    """The whole catalogue, all facets."""

    def products(self, after: JsonObject | None = None) -> Iterator[Page]:
        """All that the supplier lists, from the beginning or behind a cursor."""


@runtime_checkable
class ListsStock(Protocol):
    """Stock of everything, without the rest."""

    def stock(self, after: JsonObject | None = None) -> Iterator[Page]:
        """Pages that speak of stock only."""


@runtime_checkable
class ListsPrices(Protocol):
    """Prices of everything, without the rest."""

    def prices(self, after: JsonObject | None = None) -> Iterator[Page]:
        """Pages that speak of prices only."""


@runtime_checkable
class LooksUp(Protocol):
    """Products by id: for suppliers without lists of stock or prices, oldest reading first."""

    def look_up(self, ids: Sequence[str]) -> Iterator[Page]:
        """All that is known of these products now, in their order, a few a page; `cursor` is always None.

        Each id is in `products`, in `absent`, or in a problem.
        """


@runtime_checkable
class TracksOrders(Protocol):
    """Orders by their id at the supplier."""

    def orders(self, ids: Sequence[str]) -> Iterator[SupplierOrder]:
        """One record for each order that could be read; one that could not be read now is left out."""


@runtime_checkable
class PlansCalls(Protocol):
    """A supplier whose limits make a pass last longer than an hour."""

    def plan(
        self, facets: Sequence[Facet], rows: int, after: JsonObject | None = None
    ) -> tuple[PlannedList, ...]:
        """The lists that a pass over so many products reads, in order; by what its cursor knows already."""


# ------------------------------------------------------------------ limits shared by processes


class Windows(Protocol):
    """Fixed windows of calls, kept where all processes see them. Each method is one transaction."""

    def take(self, group: str, limit: int, seconds: int) -> float:
        """Count one call of an endpoint group: 0.0 if it may be sent now, else the seconds until it may.

        `limit` calls in each window of `seconds`, which opens with its first call; what `learn` heard of the
        group is believed more. A call that has to wait is not counted.
        """

    def learn(self, group: str, limit: int, remaining: int, seconds_left: float) -> None:
        """Take in what an answer said of its window: it ends in so many seconds."""


class NoWindows:
    """For whoever calls once and alone: nothing is counted."""

    def take(self, group: str, limit: int, seconds: int) -> float:  # noqa: ARG002
        """Go."""
        return 0.0

    def learn(self, group: str, limit: int, remaining: int, seconds_left: float) -> None:
        """Nothing to keep."""


def quota_account(connector_type: str, credential: str) -> str:
    """The name under which windows are kept: all who call with one key share its limit; it tells no key."""
    return f"{connector_type}:{sha256(credential.encode()).hexdigest()[:16]}"


# ------------------------------------------------------------------ how a connector is opened


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Access:
    """All that a connector needs to speak for one supplier row of one user.

    `account`: how errors and logs name it. `credentials` by the names in the registry's row.
    `tokens`: where all processes find a token that is renewed (AliExpress's), so that one renews it for all.
    `connect` makes the connection, `outside` the way to an address that a user gave, and `sleep` waits: a
    test has its own.
    """

    account: str
    base_url: str
    credentials: Mapping[str, str] = field(repr=False)
    configuration: "Configuration"
    windows: Windows = field(default_factory=NoWindows)
    tokens: Store = field(default_factory=Unshared)
    patience: Patience = field(default_factory=Patience)
    writes_off: bool = False
    allow_private_urls: bool = False
    now: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], None] = time.sleep
    connect: Callable[..., Http] = Http
    outside: Callable[..., Outside] = Outside


_NUMBERS = {"batch_size": 10_000, "calls_per_second": 100}
"""Whole numbers from 1, and the most they may be."""
_TEXTS = ("language", "ship_to_country", "currency", "search_keywords", "feed", "url", "decimal")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The `configuration` of a supplier row. `batch_size`: rows that are stored, or asked for, at once."""

    language: str = "en"
    ship_to_country: str | None = None
    currency: str = "EUR"
    search_keywords: str | None = None
    feed: str | None = None
    url: str | None = None
    """Where a CSV supplier's list is."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """A CSV list's own names: ours → theirs."""
    decimal: str | None = None
    """What stands before the decimals of a CSV list's numbers."""
    batch_size: int = 100
    calls_per_second: int = 2
    """Of one method, where the supplier publishes no limit."""


def configuration(values: JsonObject, default_batch: int) -> Configuration:
    """Read the JSON of a supplier row. Raises ConfigurationError that names what is unknown or wrong."""
    known = {each.name for each in fields(Configuration)}
    wrong = [f"{name} is not known" for name in sorted(values.keys() - known)]
    wrong += [f"{name} must be text" for name in _TEXTS if not isinstance(values.get(name, ""), str | None)]
    given: JsonObject = {name: value for name in _NUMBERS if (value := values.get(name))}
    numbers = {"batch_size": default_batch, **given}
    wrong += [
        f"{name} must be a whole number from 1 to {_NUMBERS[name]}"
        for name, value in numbers.items()
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _NUMBERS[name]
    ]
    columns = values.get("columns") or {}
    if not isinstance(columns, dict) or not all(isinstance(each, str) for each in columns.values()):
        wrong.append("columns must name their columns for ours")
    if wrong:
        raise ConfigurationError(f"a supplier's configuration: {'; '.join(wrong)}")
    texts = {name: value for name in _TEXTS if isinstance(value := values.get(name), str) and value}
    return Configuration(**texts, columns=columns, **numbers)  # type: ignore[arg-type]
