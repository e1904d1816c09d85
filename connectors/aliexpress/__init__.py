"""AliExpress, a supplier, spoken to through its Open Platform for dropshippers.

There is no list of stock or prices: each product is read by itself, and one answer tells both. Feeds and
searches only find products. https://openservice.aliexpress.com
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from connectors.aliexpress import calls, goods, lists, orders
from connectors.aliexpress.calls import BASE_URL
from connectors.aliexpress.gate import Gate
from connectors.aliexpress.lists import Found, Place
from connectors.aliexpress.session import Session
from connectors.aliexpress.signing import Signer
from connectors.aliexpress.verdict import NOT_OURS, TokenEnded
from connectors.errors import ConfigurationError, ConnectorError, Malformed, Refused, Transient
from connectors.http import Call, Http, Usage
from connectors.records import JsonObject, JsonValue
from connectors.setbacks import Setbacks, read_each
from connectors.slices import chunks
from connectors.supplier import FACETS, Access, Configuration, Facet, Page, SupplierOrder, sound_order

logger = logging.getLogger(__name__)

__all__ = ["BASE_URL", "AliExpress", "open_aliexpress"]

ALL: Final[frozenset[Facet]] = frozenset(FACETS)
AT_ONCE: Final = 10
"""Products of a page: at two calls a second a job shows that it lives every few seconds."""


def open_aliexpress(access: Access) -> "AliExpress":
    """The app and user of these credentials. Raises ConfigurationError for a wrong base URL."""
    given = access.credentials
    door = _connected(access, Signer(given["api_key"], given["api_secret"], token=str, now=access.now))
    session = Session(door, given, access.tokens, now=access.now, sleep=access.sleep)
    signer = Signer(given["api_key"], given["api_secret"], token=session.token, now=access.now)
    return AliExpress(_connected(access, signer), session, access.configuration, door.close)


def _is_of_the_app(refused: Refused) -> bool:
    return bool(refused.codes & NOT_OURS)


def _connected(access: Access, signer: Signer) -> Http:
    gate = Gate(access.windows, access.sleep, access.configuration.calls_per_second, signer.clock.follow)
    return access.connect(
        access.base_url,
        system="aliexpress",
        account=access.account,
        prepare=signer,
        spend=gate.spend,
        judge=gate.judge,
        patience=access.patience,
        writes_off=access.writes_off,
        sleep=access.sleep,
        now=access.now,
    )


class AliExpress:
    """One user of one app, buying for one country. `http` needs a `Signer` and a `Gate`."""

    def __init__(
        self, http: Http, session: Session, configuration: Configuration, close: Callable[[], None]
    ) -> None:
        self.http = http
        self._session = session
        self._terms = configuration
        self._close = close
        self._categories: Mapping[str, str] | None = None
        self._setbacks = Setbacks(_is_of_the_app)

    @property
    def usage(self) -> Usage:
        """What its calls amounted to so far."""
        return self.http.usage

    def close(self) -> None:
        """Close the connections."""
        self.http.close()
        self._close()

    # ---------------------------------------------------------------- lists

    def products(self, after: JsonObject | None = None) -> Iterator[Page]:
        """What the feed, or else the search, finds: each product in full. No list of it is ever complete.

        Raises ConfigurationError if neither is configured.
        """
        if not self._terms.feed and not self._terms.search_keywords:
            raise ConfigurationError("an aliexpress supplier's configuration needs feed or search_keywords")
        place: Place | None = lists.place(after)
        while place is not None:
            found = self._found(place)
            yield from self._pages(place, found)
            place = found.following
        self._setbacks.end(Transient)

    def _found(self, at: Place) -> Found:
        terms = self._terms
        size = min(terms.batch_size, calls.MOST)
        if not terms.feed:
            return lists.searched(self._body(calls.search(self._country, terms, at.page, size)), at, size)
        if at.search or at.page == 1:
            body = self._unless_not_ours(calls.feed_ids(terms.feed, at.search, size))
            if body is not None:
                return lists.feed_ids(body, at)
        return lists.feed_page(self._body(calls.feed_page(terms.feed, at.page, size, self._country)), at)

    def _pages(self, at: Place, found: Found) -> Iterator[Page]:
        """What was found, some products a page; the last page leads on."""
        ids = found.ids[at.done :]
        pieces = list(chunks(ids, AT_ONCE)) or [()]
        done, problems = at.done, () if at.done else found.problems
        for piece in pieces:
            done += len(piece)
            rest = Place(at.search, at.page, done) if done < len(found.ids) else found.following
            page = self._page(piece, None if rest is None else rest.cursor(), by_main_id=True)
            yield replace(page, problems=(*problems, *page.problems))
            problems = ()

    # ---------------------------------------------------------------- products

    def look_up(self, ids: Sequence[str]) -> Iterator[Page]:
        """All that is known of these products now, in their order."""
        for piece in chunks(ids, AT_ONCE):
            yield self._page(piece, None, by_main_id=False)
        self._setbacks.end(Transient)

    def _page(self, ids: Sequence[str], cursor: JsonObject | None, *, by_main_id: bool) -> Page:
        """`by_main_id`: lists may name a product by a local site's id; it is stored by its global one."""
        read: dict[str, goods.Goods] = {}
        absent: list[str] = []
        problems: list[str] = []
        for number in ids:
            try:
                body = self._body(self._product(number))
                stored = goods.main_id(body, number) if by_main_id else number
                found = goods.product(body, stored, self._named())
            except ConnectorError as error:
                self._setbacks.went_wrong(error)
                problems.append(f"product {number}: {error}")
                continue
            self._setbacks.went_well()
            if found is None:
                absent.append(number)
            else:
                read[stored] = found
        return Page(
            calls.PRODUCT,
            ALL,
            products=tuple(each.product for each in read.values()),
            variants=tuple(variant for each in read.values() for variant in each.variants),
            absent=tuple(absent),
            whole=frozenset(number for number, each in read.items() if each.variants),
            unsold=frozenset(number for number, each in read.items() if each.product.available is False),
            cursor=cursor,
            problems=tuple(problems),
        )

    def _product(self, number: str) -> Call:
        return calls.product(number, self._country, self._terms)

    def _named(self) -> Mapping[str, str]:
        """Categories by name, asked for once; products are worth having without."""
        if self._categories is None:
            try:
                self._categories = lists.categories(self._body(calls.categories()))
            except (Refused, Malformed) as error:
                logger.warning("names of categories are left out: %s", error)
                self._categories = {}
        return self._categories

    @property
    def _country(self) -> str:
        return self._terms.ship_to_country or ""

    # ---------------------------------------------------------------- orders

    def orders(self, ids: Sequence[str]) -> Iterator[SupplierOrder]:
        """Status and parcels of these orders; one that cannot be had is left out.

        Raises the error of the last one if none could be had.
        """
        setbacks = Setbacks(_is_of_the_app)
        yield from read_each(ids, self._order, setbacks)
        setbacks.end(Transient, Refused)

    def _order(self, number: str) -> SupplierOrder:
        body, method = self._unless_not_ours(calls.order(number)), calls.ORDER
        if body is None:
            body, method = self._body(calls.old_order(number)), calls.OLD_ORDER
        told, is_sent = orders.order(body, method, number)
        if not is_sent:
            return sound_order(told)
        steps = orders.tracked(self._body(calls.tracking(number, self._terms.language)), calls.TRACKING)
        return sound_order(orders.with_steps(told, steps))

    # ---------------------------------------------------------------- calls

    def _unless_not_ours(self, call: Call) -> JsonValue | None:
        """What a call is answered; None if this app may not make it."""
        try:
            return self._body(call)
        except Refused as refused:
            if not _is_of_the_app(refused):
                raise
            return None

    def _body(self, call: Call) -> JsonValue:
        """What a call is answered; with another token once more if ours has ended."""
        token = self._session.token()
        try:
            return self.http.send(call).body
        except TokenEnded:
            self._session.replace(token)
        return self.http.send(call).body
