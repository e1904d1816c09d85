"""BigBuy, a supplier, spoken to through its REST API: lists that are joined by id, and orders.

https://api.bigbuy.eu/rest/doc
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from connectors.bigbuy import calls, readers
from connectors.bigbuy.calls import ALL_LISTS, BASE_URL, PAGE, PRICE_LISTS, STOCK_LISTS, Listing
from connectors.bigbuy.gate import Gate
from connectors.bigbuy.readers import Names
from connectors.bigbuy.walk import Pass, Read, progress
from connectors.errors import Malformed, Refused, Transient
from connectors.http import Call, Http, Usage
from connectors.records import JsonObject, JsonValue
from connectors.setbacks import Setbacks, read_each
from connectors.slices import chunks
from connectors.supplier import (
    Access,
    Facet,
    Page,
    PlannedList,
    SupplierOrder,
    SupplierProduct,
    SupplierVariant,
)

logger = logging.getLogger(__name__)

__all__ = ["BASE_URL", "BigBuy", "open_bigbuy"]


_LISTS: Final[Mapping[tuple[Facet, ...], tuple[Listing, ...]]] = {
    ("stock",): STOCK_LISTS,
    ("price",): PRICE_LISTS,
}
_OF_PRODUCTS: Final[Mapping[Listing, Callable[[JsonObject], SupplierProduct]]] = {
    calls.STOCK: readers.stock,
    calls.PRICES: readers.price,
    calls.TEXTS: readers.information,
    calls.IMAGES: readers.images,
}
_OF_VARIANTS: Final[Mapping[Listing, Callable[[JsonObject], SupplierVariant]]] = {
    calls.VARIANT_STOCK: readers.variant_stock,
    calls.VARIANT_PRICES: readers.variant_price,
    calls.VARIANTS: readers.variant,
}


def open_bigbuy(access: Access) -> "BigBuy":
    """The account whose `api_key` this is. Raises ConfigurationError if that is no key."""
    gate = Gate(access.windows, access.sleep)
    headers = {"authorization": f"Bearer {access.credentials['api_key']}"}
    http = access.connect(
        access.base_url,
        system="bigbuy",
        account=access.account,
        headers=lambda: headers,
        spend=gate.spend,
        judge=gate.judge,
        patience=access.patience,
        writes_off=access.writes_off,
        sleep=access.sleep,
        now=access.now,
    )
    return BigBuy(http, language=access.configuration.language)


class BigBuy:
    """One customer's account. `http` needs a `Gate`; `language`: of names and texts, two letters."""

    def __init__(self, http: Http, *, language: str) -> None:
        self.http = http
        self._language = language
        self._names = Names()
        self._options = Names()

    @property
    def usage(self) -> Usage:
        """What its calls amounted to so far."""
        return self.http.usage

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    # ---------------------------------------------------------------- lists

    def products(self, after: JsonObject | None = None) -> Iterator[Page]:
        """The whole catalogue: stock first, then prices and what products are, then texts and images."""
        return self._pass(ALL_LISTS, after)

    def stock(self, after: JsonObject | None = None) -> Iterator[Page]:
        """Stock of all products and variations."""
        return self._pass(STOCK_LISTS, after)

    def prices(self, after: JsonObject | None = None) -> Iterator[Page]:
        """Prices of all products and variations."""
        return self._pass(PRICE_LISTS, after)

    def plan(
        self, facets: Sequence[Facet], rows: int, after: JsonObject | None = None
    ) -> tuple[PlannedList, ...]:
        """The lists of a pass in order, with the calls they take as far as the cursor knows."""
        count = max(rows // PAGE + 1, len(progress(after).parents or ()))
        return tuple(
            PlannedList(each.source, min(each.facets), count, *calls.limit_of(each.operation))
            for each in _LISTS.get(tuple(facets), ALL_LISTS)
        )

    def _pass(self, lists: Sequence[Listing], after: JsonObject | None) -> Iterator[Page]:
        return Pass(lists, self._page, self._first_level, progress(after)).pages()

    def _page(self, listing: Listing, number: int, parent: int | None) -> Read:
        if listing is calls.PRODUCTS:
            self._names = self._named()
        body = self._body(calls.page(listing, number, parent, self._language))
        if listing is calls.OPTIONS and body:
            self._options = self._attributes()
        return self._read(listing, body)

    def _read(self, listing: Listing, body: JsonValue) -> Read:
        if listing.of == "product":
            found = readers.rows(body, listing.source, self._product_reader(listing), SupplierProduct)
            return Read(found.found, (), found.problems, found.nameless)
        variants = readers.rows(body, listing.source, self._variant_reader(listing), SupplierVariant)
        return Read((), variants.found, variants.problems, variants.nameless)

    def _product_reader(self, listing: Listing) -> Callable[[JsonObject], SupplierProduct]:
        if listing is calls.PRODUCTS:
            return partial(readers.product, names=self._names)
        return _OF_PRODUCTS[listing]

    def _variant_reader(self, listing: Listing) -> Callable[[JsonObject], SupplierVariant]:
        if listing is calls.OPTIONS:
            return partial(readers.options, names=self._options)
        return _OF_VARIANTS[listing]

    # ---------------------------------------------------------------- look-ups

    def _first_level(self) -> list[int]:
        return readers.ids(self._body(calls.first_level()), "taxonomies")

    def _named(self) -> Names:
        """Manufacturers and taxonomies by name, asked for once."""
        if self._names.makers or self._names.taxonomies:
            return self._names
        makers = readers.named(self._looked_up(calls.manufacturers()), "manufacturers")
        taxonomies = readers.named(self._looked_up(calls.taxonomies(self._language)), "taxonomies")
        return Names(makers=makers, taxonomies=taxonomies)

    def _attributes(self) -> Names:
        """Attributes by name, asked for once."""
        if self._options.attributes:
            return self._options
        attributes = self._looked_up(calls.attributes(self._language))
        groups = self._looked_up(calls.attribute_groups(self._language))
        return Names(attributes=readers.attribute_names(attributes, groups))

    def _looked_up(self, call: Call) -> JsonValue:
        """Names, or none if this account may not have them: products are worth having without."""
        try:
            return self._body(call)
        except (Refused, Malformed) as error:
            logger.warning("names are left out: %s", error)
            return []

    # ---------------------------------------------------------------- orders

    def orders(self, ids: Sequence[str]) -> Iterator[SupplierOrder]:
        """Status and parcels of these orders; one that cannot be had is left out.

        Raises the error of the last one if none could be had.
        """
        if not ids:
            return
        statuses = frozenset(readers.named(self._body(calls.order_statuses()), "statuses").values())
        carriers = readers.named(self._body(calls.carriers()), "carriers")
        setbacks = Setbacks()
        for some in chunks(ids, calls.ORDERS_AT_ONCE):
            parcels = readers.parcels(self._body(calls.trackings(some)), carriers)
            yield from read_each(some, partial(self._order, statuses, parcels), setbacks)
        setbacks.end(Transient, Refused)

    def _order(
        self, statuses: frozenset[str], parcels: Mapping[str, Sequence[JsonObject]], number: str
    ) -> SupplierOrder:
        try:
            body = self._body(calls.order(number))
        except Refused as refused:
            if "404" not in refused.codes:
                raise
            return SupplierOrder(number, known=False)
        return readers.order(body, number, statuses, parcels.get(number, []))

    def _body(self, call: Call) -> JsonValue:
        """What a call is answered. A whole answer of an error that came as the body of a 200 is Transient."""
        try:
            return self.http.send(call).body
        except Malformed as error:
            if "HTTP/1." not in str(error):
                raise
            raise Transient(
                "an error inside a 200", system=error.system, account=error.account, operation=error.operation
            ) from error
