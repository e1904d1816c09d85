"""A Shopify store, spoken to through its Admin GraphQL API."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from connectors.errors import ConfigurationError, ConnectorError, Unauthorised, UnknownOutcome
from connectors.http import Answer, Call, Http
from connectors.records import (
    Assortment,
    Available,
    Choice,
    Level,
    LevelsEverywhere,
    Location,
    NewVariant,
    Offer,
    OrderLine,
    Product,
    Row,
    ShopFacts,
    StockedProduct,
    TagChange,
    VariantFacts,
    VariantHead,
)
from connectors.shape import as_object
from connectors.shopify import calls, inner, joining, readers, tags
from connectors.shopify.bulk import LIMITS, Bulk, Limits
from connectors.shopify.calls import PAGE
from connectors.shopify.walk import InBulk, Path, Walk, Walker, pages
from connectors.slices import chunks

logger = logging.getLogger(__name__)

FULL_PRODUCTS = 20
"""Products asked for at once with 250 variants each: more would make the answer too large."""

NEWEST_ORDERS = 1_000
"""Orders that a walk takes by pages; what is older comes by one bulk query."""

INDEX_LAG = timedelta(minutes=10)
"""Orders younger than this may be missing where orders are searched by their time."""

STALE = "CHANGE_FROM_QUANTITY_STALE"
PREVIOUS_ATTEMPT_FAILED = "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"


class Shopify:
    """One store. Methods return records, or raise an error of `connectors.errors`.

    `path`: whether long lists are read by pages, by bulk queries, or as is quicker.
    """

    def __init__(
        self, http: Http, *, location: int, version: str, path: Path = "auto", limits: Limits = LIMITS
    ) -> None:
        self.http = http
        self.location = location
        self.version = version
        self._path = path
        self._walker = Walker(http, path)
        self._bulk = Bulk(http, limits)

    # ---------------------------------------------------------------- reads

    def facts(self) -> ShopFacts:
        """Who the store is, which API version answers, and what the token may do."""
        return readers.shop(self.http.send(calls.shop()))

    def locations(self) -> list[Location]:
        """All locations, inactive ones too."""
        return list(pages(self.http, "locations", calls.locations, readers.location))

    def products_without(self, tag: str) -> Iterator[Product]:
        """Products that the search index shows without a tag, each with all its variants."""
        walk = Walk(
            "products",
            call=lambda above, after: calls.products(calls.without_tag(tag, above), self.location, after),
            read=readers.product,
            id_of=lambda found: found[0].id,
            bulk=InBulk(
                rows=lambda above, expected: self._whole_products(calls.without_tag(tag, above), expected),
                count=lambda above, _: self._count(calls.without_tag(tag, above)),
                weigh=lambda found: 1 + len(found[0].variants),
                more=lambda found: 0.0 if found[1] is None else 1 / FULL_PRODUCTS,
                cost=52,
            ),
        )
        return self._with_all_variants(self._walker.everything(walk))

    def heads_without(self, tag: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Ids and tags of the products that the search index shows without a tag: the cheapest walk."""
        return self._heads(lambda above: calls.without_tag(tag, above))

    def heads_with(self, tag: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Ids and tags of the products that the search index shows with a tag."""
        return self._heads(lambda above: calls.with_tag(tag, above))

    def products(self, ids: Sequence[int]) -> list[Product]:
        """Some products with all their variants. Those that do not exist are left out."""
        found: list[Product] = []
        for some in chunks(ids, FULL_PRODUCTS):
            answer = self.http.send(calls.products_by_id(some, self.location))
            read = (readers.product(node, answer) for node in readers.nodes(answer, "Product", some))
            found.extend(self._completed(product, cursor) for product, cursor in read)
        return found

    def skus(self, tag: str | None) -> Iterator[tuple[int, str | None]]:
        """Id and SKU of every variant in the store, or only of products that carry a tag."""

        def search(above: int) -> str:
            return calls.with_tag(tag, above) if tag else calls.anything(above)

        walk = Walk(
            "productVariants",
            call=lambda above, after: calls.skus(search(above), after),
            read=lambda node, _: readers.sku(node),
            id_of=lambda pair: pair[0],
            bulk=InBulk(
                rows=lambda above, expected: map(
                    readers.sku, self._bulk.rows(inner.skus(search(above)), expected)
                ),
                # The most there can be: the store counts all variants, whatever it is asked.
                count=lambda _, seen: max(0, self._count_variants() - seen),
                weigh=lambda _: 1,
            ),
        )
        return self._walker.everything(walk)

    def offers(self, variants: Sequence[int]) -> dict[int, Offer]:
        """Variants as this store sells them, by id; one that is not here does not exist."""
        found: dict[int, Offer] = {}
        for some in chunks(variants, PAGE):
            answer = self.http.send(calls.offers(some))
            found.update((offer.id, offer) for offer in readers.offers(answer, some))
        return found

    def variants(self, ids: Sequence[int]) -> list[Product]:
        """The products of these variants, each with those of them that exist, and nothing else."""
        found: dict[int, Product] = {}
        for some in chunks(ids, PAGE):
            answer = self.http.send(calls.variants(some, self.location))
            for one in readers.shown_variants(answer, some):
                known = found.get(one.id)
                found[one.id] = replace(known, variants=known.variants + one.variants) if known else one
        return list(found.values())

    def variant_heads(self, variants: Sequence[int]) -> dict[int, VariantHead]:
        """What tells variants apart, by id; one that is not here does not exist."""
        found: dict[int, VariantHead] = {}
        for some in chunks(variants, PAGE):
            answer = self.http.send(calls.variant_heads(some))
            found.update((head.id, head) for head in readers.variant_heads(answer, some))
        return found

    def levels(self, items: Sequence[int]) -> dict[int, Level | None]:
        """Levels at the configured location by inventory item id; an item not there exists no more."""
        found: dict[int, Level | None] = {}
        for some in chunks(items, PAGE):
            answer = self.http.send(calls.levels(some, self.location))
            found.update(readers.levels(answer, some))
        return found

    def levels_everywhere(self, items: Sequence[int]) -> dict[int, LevelsEverywhere]:
        """All levels of items, at every location, by inventory item id."""
        found: dict[int, LevelsEverywhere] = {}
        for some in chunks(items, PAGE):
            answer = self.http.send(calls.levels_everywhere(some))
            found.update((each.item_id, each) for each in readers.levels_everywhere(answer, some))
        return found

    def available_everywhere(self, items: Sequence[int]) -> tuple[dict[int, Available], datetime]:
        """What may be sold of up to 250 items at every location that stocks them, and when it was read.

        An item that is not there exists no more; None is a level of which no number came.
        """
        answer = self.http.send(calls.available_everywhere(items))
        found = readers.available_everywhere(answer, items)
        whole = ((item, self._all_available(item, first)) for item, first in found)
        return {item: levels for item, levels in whole if levels is not None}, answer.at

    def stocked_products(self, ids: Sequence[int]) -> tuple[dict[int, StockedProduct], datetime]:
        """Up to 250 products as nothing but all their variants, by id, and when they were read.

        Those that do not exist are left out.
        """
        answer = self.http.send(calls.stocked_products(ids))
        whole = (
            self._all_variants(product, cursor) for product, cursor in readers.stocked_products(answer, ids)
        )
        return {product.id: product for product in whole if product is not None}, answer.at

    def product_ids(self) -> Iterator[int]:
        """The ids of all products that the search index shows."""
        return (number for number, _ in self._heads(calls.anything))

    def snapshots(self, variants: Sequence[int]) -> dict[int, VariantFacts]:
        """Variants as they are now, with everything needed to make them again, by id."""
        found: dict[int, VariantFacts] = {}
        for some in chunks(variants, PAGE):
            answer = self.http.send(calls.snapshots(some))
            found.update((facts.id, facts) for facts in readers.snapshots(answer, some))
        return found

    def assortment(self, product: int) -> Assortment | None:
        """A product with its options and all its variants as choices; None if there is no such product."""
        found = readers.assortment(self.http.send(calls.assortment(product)))
        if found is None:
            return None
        shown, cursor = found
        choices = list(shown.choices)
        while cursor is not None:
            more = readers.assortment(self.http.send(calls.assortment(product, cursor)))
            if more is None:
                return None
            choices.extend(more[0].choices)
            cursor = more[1]
        return replace(shown, choices=tuple(choices))

    def order_lines(self, since: datetime) -> list[OrderLine]:
        """Lines of the orders placed since a moment (the store's clock), without test and cancelled ones.

        The newest orders by pages, as no search knows them at once. If a thousand of them do not reach back
        to `since`, the older ones come by one bulk query, and those that both have shown are taken once.
        """
        lines: list[OrderLine] = []
        seen: set[int] = set()
        newest: datetime | None = None
        may_leave = self._path != "pages"
        for head in pages(self.http, "orders", calls.orders, readers.order):
            newest = newest or head.created_at
            if head.created_at < since:
                break
            if may_leave and len(seen) >= NEWEST_ORDERS and head.created_at < newest - INDEX_LAG:
                older = self._older_lines(since, head.created_at + INDEX_LAG)
                if older is not None:
                    return lines + [each for each in older if each.order_id not in seen]
                may_leave = False
            seen.add(head.id)
            lines.extend(head.lines)
            lines.extend(self._more_lines(head))
        return lines

    # --------------------------------------------------------------- writes

    def set_quantities(self, rows: Sequence[Row], *, name: str, reference: str, key: str) -> None:
        """Set up to 250 levels, all or none, each only while it holds what is expected.

        Raises `Refused` with code `STALE` when one of them does not (Shopify does not say which), with
        other codes and the rows they name, and `UnknownOutcome` when the answer was lost.
        """
        self._send_once(
            calls.set_quantities(rows, location=self.location, name=name, reference=reference, key=key)
        )

    def activate(self, item: int, key: str) -> None:
        """Make a level sellable at the configured location, with the quantity it had before."""
        self._send_once(calls.activate(item, self.location, key))

    def create_variants(self, product: int, variants: Sequence[NewVariant]) -> list[Choice]:
        """Add variants to a product, all or none; they get new ids. A lone variant there stays.

        Shopify knows no key for this call, but refuses options that a variant of the product has already.
        """
        answer = self.http.send(calls.create_variants(product, variants))
        return readers.created(answer, len(variants))

    def delete_variants(self, product: int, variants: Sequence[int]) -> None:
        """Delete variants of one product, all or none."""
        self.http.send(calls.delete_variants(product, variants))

    def remove_tags(self, product: int, tags: Sequence[str]) -> None:
        """Take tags off a product."""
        self.http.send(calls.remove_tags(product, tags))

    def change_tags(self, changes: Sequence[TagChange], *, width: int = 4) -> dict[int, str]:
        """Add and remove tags of many products; error texts by id of the products that failed.

        A product that is not in the result has what was asked; one whose additions failed keeps what was
        to be removed. `width`: how many calls may be on their way at once. Many products are changed by two
        bulk mutations, if that is quicker. Raises WritesOff.
        """
        return tags.change(self.http, self._bulk, changes, width)

    def archive(self, product: int) -> None:
        """Archive a product."""
        self.http.send(calls.archive(product))

    def _send_once(self, call: Call) -> None:
        """Send a write that carries a key. One that goes on running under it may yet be done."""
        try:
            self.http.send(call)
        except readers.StillRunning as error:
            raise UnknownOutcome(f"{error}; it may have been done") from None

    # -------------------------------------------------------- long lists

    def _heads(self, search: Callable[[int], str]) -> Iterator[tuple[int, tuple[str, ...]]]:
        walk = Walk(
            "products",
            call=lambda above, after: calls.product_ids(search(above), after),
            read=lambda node, _: readers.head(node),
            id_of=lambda head: head[0],
            bulk=InBulk(
                rows=lambda above, expected: map(
                    readers.head, self._bulk.rows(inner.heads(search(above)), expected)
                ),
                count=lambda above, _: self._count(search(above)),
                weigh=lambda _: 1,
            ),
        )
        return self._walker.everything(walk)

    def _whole_products(self, search: str, expected: int) -> Iterator[tuple[Product, str | None]]:
        """Products with all their variants by a bulk query, in the form that pages have."""
        rows = self._bulk.rows(inner.products(search, self.location), expected)
        return ((each, None) for each in joining.products(rows))

    def _older_lines(self, since: datetime, until: datetime) -> list[OrderLine] | None:
        """Lines of older orders by a bulk query; None if the store cannot do it."""
        try:
            found = joining.order_lines(self._bulk.rows(inner.orders(calls.placed(since, until))))
        except Unauthorised:
            raise
        except ConnectorError as error:
            logger.warning("%s; older orders are read by pages", error)
            return None
        return [each for each in found if each.created_at >= since]

    def _count(self, search: str) -> int:
        return readers.counted(self.http.send(calls.count_products(search)), "productsCount")

    def _count_variants(self) -> int:
        return readers.counted(self.http.send(calls.count_variants()), "productVariantsCount")

    def _with_all_variants(self, found: Iterable[tuple[Product, str | None]]) -> Iterator[Product]:
        """Products as they come; those with more variants than fitted are asked for again, some at once."""
        cut: list[int] = []
        for product, cursor in found:
            if cursor is None:
                yield product
            else:
                cut.append(product.id)
            if len(cut) == FULL_PRODUCTS:
                yield from self.products(cut)
                cut.clear()
        yield from self.products(cut)

    def _completed(self, product: Product, cursor: str | None) -> Product:
        """A product with the variants beyond its first 250. It was seen when the last of them were.

        Whatever was sold before that may show in one of them; see `joining.products`.
        """
        variants, seen_at = list(product.variants), product.seen_at
        while cursor is not None:
            answer = self.http.send(calls.more_variants(product.id, self.location, cursor))
            rest = readers.variants(answer, product.id)
            variants.extend(rest.items)
            cursor, seen_at = rest.cursor, max(seen_at, answer.at)
        return replace(product, variants=tuple(variants), seen_at=seen_at)

    def _all_available(self, item: int, first: readers.Page[tuple[int, int | None]]) -> Available | None:
        """An item's levels by location, those beyond the first ones too; None if it is gone meanwhile."""
        levels, cursor = dict(first.items), first.cursor
        while cursor is not None:
            rest = readers.more_available(self.http.send(calls.more_available(item, cursor)))
            if rest is None:
                return None
            levels.update(rest.items)
            cursor = rest.cursor
        return levels

    def _all_variants(self, product: StockedProduct, cursor: str | None) -> StockedProduct | None:
        """A product with the variants beyond its first 50; None if it is gone meanwhile."""
        variants = list(product.variants)
        while cursor is not None:
            answer = self.http.send(calls.stocked_products([product.id], PAGE, cursor))
            found = readers.stocked_products(answer, [product.id])
            if not found:
                return None
            variants.extend(found[0][0].variants)
            cursor = found[0][1]
        return replace(product, variants=tuple(variants))

    def _more_lines(self, head: readers.OrderHead) -> Iterator[OrderLine]:
        cursor = head.cursor
        while cursor is not None:
            answer = self.http.send(calls.more_lines(head.id, cursor))
            rest = readers.order(as_object(readers.data(answer).get("order"), "order"))
            yield from rest.lines
            cursor = rest.cursor


def check_version(asked: str) -> Callable[[Call, Answer], None]:
    """A check of answers that also notices when another API version serves them.

    Shopify serves an expired version by the oldest one it still supports, without an error; only the
    header tells. A write's answer is not looked at: it is done already.
    """

    def check(call: Call, answer: Answer) -> None:
        readers.check(call, answer)
        served = answer.headers.get("x-shopify-api-version", asked)
        if served != asked and not call.writes:
            raise ConfigurationError(
                f"Shopify serves API version {served} instead of {asked}: set SHOPIFY_API_VERSION=2026-10"
            )

    return check
