"""What is said to BigBuy: calls, and how many of each a window allows (https://api.bigbuy.eu/rest/doc)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from connectors.http import Call
from connectors.records import JsonObject
from connectors.supplier import Facet

BASE_URL: Final = "https://api.bigbuy.eu"

PAGE: Final = 10_000
"""Rows of a page: the most there may be. Fewer would cost more of an hour's calls."""

LIST_SECONDS: Final = 120.0
"""A whole page may take so long."""

ORDERS_AT_ONCE: Final = 50

_HOUR: Final = 3600


def _catalogue(name: str) -> str:
    return f"/rest/catalog/{name}.json"


@dataclass(frozen=True, slots=True)
class Listing:
    """A list in pages: what its rows speak of, how many calls an hour allows, whether it has a language."""

    source: str
    facets: frozenset[Facet]
    of: Literal["product", "variant"] = "product"
    limit: int = 10
    in_language: bool = False

    @property
    def operation(self) -> str:
        """Its name in counts, logs and errors."""
        return f"GET {_catalogue(self.source)}"


def _of(*facets: Facet) -> frozenset[Facet]:
    return frozenset(facets)


STOCK: Final = Listing("productsstockbyhandlingdays", _of("stock"))
VARIANT_STOCK: Final = Listing("productsvariationsstockbyhandlingdays", _of("stock"), "variant")
PRICES: Final = Listing("productprices", _of("price"))
VARIANT_PRICES: Final = Listing("productvariationprices", _of("price"), "variant")
PRODUCTS: Final = Listing("products", _of("price", "product"))
VARIANTS: Final = Listing("productsvariations", _of("price", "product"), "variant")
OPTIONS: Final = Listing("variations", _of("product"), "variant")
TEXTS: Final = Listing("productsinformation", _of("text"), limit=24, in_language=True)
IMAGES: Final = Listing("productsimages", _of("images"))

STOCK_LISTS: Final = (STOCK, VARIANT_STOCK)
PRICE_LISTS: Final = (PRICES, VARIANT_PRICES)
ALL_LISTS: Final = (*STOCK_LISTS, PRODUCTS, VARIANTS, OPTIONS, TEXTS, IMAGES)
"""A whole pass: the rows of products and variants tell their prices too, so the price lists are left out."""

LIMITS: Final = {
    **{each.operation: (each.limit, _HOUR) for each in (*ALL_LISTS, *PRICE_LISTS)},
    "GET /rest/catalog/taxonomies.json": (24, _HOUR),
    "GET /rest/catalog/attributes.json": (24, _HOUR),
    "GET /rest/catalog/attributegroups.json": (24, _HOUR),
    "GET /rest/catalog/manufacturers.json": (5, _HOUR),
}
"""Calls and seconds of an operation's window; every other one may be called once a second."""


def limit_of(operation: str) -> tuple[int, int]:
    """How many calls of an operation a window of how many seconds allows."""
    return LIMITS.get(operation, (1, 1))


# ------------------------------------------------------------------ the catalogue


def _lookup(name: str, **params: str) -> Call:
    path = _catalogue(name)
    return Call(f"GET {path}", path, "GET", params=params, timeout=LIST_SECONDS)


def page(listing: Listing, number: int, parent: int | None, language: str) -> Call:
    """A page of a list, counted from 0; of one first-level taxonomy, if one is given."""
    params = {"page": str(number), "pageSize": str(PAGE)}
    if parent is not None:
        params["parentTaxonomy"] = str(parent)
    if listing.in_language:
        params["isoCode"] = language
    return _lookup(listing.source, **params)


def first_level() -> Call:
    """The taxonomies that lists can be filtered by."""
    return _lookup("taxonomies", firstLevel="1")


def taxonomies(language: str) -> Call:
    """All taxonomies by name."""
    return _lookup("taxonomies", isoCode=language)


def manufacturers() -> Call:
    """All manufacturers by name."""
    return _lookup("manufacturers")


def attributes(language: str) -> Call:
    """All attributes, such as L."""
    return _lookup("attributes", isoCode=language)


def attribute_groups(language: str) -> Call:
    """What attributes are of, such as Size."""
    return _lookup("attributegroups", isoCode=language)


# ------------------------------------------------------------------ orders


def order(number: str) -> Call:
    """One order; its answer holds the buyer's address."""
    path = f"/rest/order/{quote(number, safe='')}.json"
    return Call("GET /rest/order/{id}.json", path, "GET", personal=True)


def order_statuses() -> Call:
    """What statuses there are: the API publishes no fixed list."""
    path = "/rest/order/orderstatuses.json"
    return Call(f"GET {path}", path, "GET")


def trackings(numbers: Sequence[str]) -> Call:
    """The parcels of many orders. Sent by POST, but nothing is changed."""
    path = "/rest/tracking/orders.json"
    return Call(f"POST {path}", path, json=_tracked(numbers), personal=True)


def _tracked(numbers: Sequence[str]) -> JsonObject:
    return {"track": {"orders": [{"id": number} for number in numbers]}}


def carriers() -> Call:
    """Who brings parcels, by name."""
    path = "/rest/tracking/carriers.json"
    return Call(f"GET {path}", path, "GET")
