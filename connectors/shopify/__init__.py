"""A Shopify store, spoken to through its Admin GraphQL API."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from connectors.errors import ConfigurationError
from connectors.http import Answer, Call, Http
from connectors.records import (
    Assortment,
    Choice,
    JsonObject,
    Level,
    LevelsEverywhere,
    Location,
    NewVariant,
    OrderLine,
    Product,
    Row,
    ShopFacts,
    TagChange,
    VariantFacts,
)
from connectors.shape import as_object
from connectors.shopify import calls, readers, tags
from connectors.shopify.calls import PAGE
from connectors.slices import chunks

T = TypeVar("T")

DEPTH = 25_000
"""How far one search can be paged; a longer walk starts again behind the last id."""

FULL_PRODUCTS = 20
"""Products asked for at once with 250 variants each: more would make the answer too large."""

STALE = "CHANGE_FROM_QUANTITY_STALE"
PREVIOUS_ATTEMPT_FAILED = "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"


class Shopify:
    """One store. Methods return records, or raise an error of `connectors.errors`."""

    def __init__(self, http: Http, *, location: int, version: str) -> None:
        self.http = http
        self.location = location
        self.version = version

    # ---------------------------------------------------------------- reads

    def facts(self) -> ShopFacts:
        """Who the store is, which API version answers, and what the token may do."""
        return readers.shop(self.http.send(calls.shop()))

    def locations(self) -> list[Location]:
        """All locations, inactive ones too."""
        return list(self._connection("locations", lambda _, after: calls.locations(after), readers.location))

    def products_without(self, tag: str) -> Iterator[Product]:
        """Products that the search index shows without a tag, each with all its variants."""

        def call(above: int, after: str | None) -> Call:
            return calls.products(calls.without_tag(tag, above), self.location, after)

        pages = self.http.pages(
            call(0, None), self._reader("products", call, readers.product, lambda each: each[0].id)
        )
        return self._with_all_variants(pages)

    def heads_without(self, tag: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Ids and tags of the products that the search index shows without a tag: the cheapest walk."""
        return self._connection(
            "products",
            lambda above, after: calls.product_ids(calls.without_tag(tag, above), after),
            readers.head,
            lambda head: head[0],
        )

    def products(self, ids: Sequence[int]) -> list[Product]:
        """Some products with all their variants. Those that do not exist are left out."""
        found: list[Product] = []
        for some in chunks(ids, FULL_PRODUCTS):
            answer = self.http.send(calls.products_by_id(some, self.location))
            read = (readers.product(node, answer) for node in readers.nodes(answer, "Product", len(some)))
            found.extend(self._completed(product, cursor) for product, cursor in read)
        return found

    def skus(self, tag: str | None) -> Iterator[tuple[int, str | None]]:
        """Id and SKU of every variant in the store, or only of products that carry a tag."""
        return self._connection(
            "productVariants",
            lambda above, after: calls.skus(
                calls.with_tag(tag, above) if tag else calls.anything(above), after
            ),
            readers.sku,
            lambda pair: pair[0],
        )

    def levels(self, items: Sequence[int]) -> dict[int, Level | None]:
        """Levels at the configured location by inventory item id; an item not there exists no more."""
        found: dict[int, Level | None] = {}
        for some in chunks(items, PAGE):
            answer = self.http.send(calls.levels(some, self.location))
            found.update(readers.levels(answer, len(some)))
        return found

    def levels_everywhere(self, items: Sequence[int]) -> dict[int, LevelsEverywhere]:
        """All levels of items, at every location, by inventory item id."""
        found: dict[int, LevelsEverywhere] = {}
        for some in chunks(items, PAGE):
            answer = self.http.send(calls.levels_everywhere(some))
            found.update((each.item_id, each) for each in readers.levels_everywhere(answer, len(some)))
        return found

    def snapshots(self, variants: Sequence[int]) -> dict[int, VariantFacts]:
        """Variants as they are now, with everything needed to make them again, by id."""
        found: dict[int, VariantFacts] = {}
        for some in chunks(variants, PAGE):
            answer = self.http.send(calls.snapshots(some))
            found.update((facts.id, facts) for facts in readers.snapshots(answer, len(some)))
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
        """Lines of the orders placed since a moment (the store's clock), without test and cancelled ones."""
        lines: list[OrderLine] = []
        for head in self._connection("orders", lambda _, after: calls.orders(after), readers.order):
            if head.created_at < since:
                break
            lines.extend(head.lines)
            lines.extend(self._more_lines(head))
        return lines

    # --------------------------------------------------------------- writes

    def set_quantities(self, rows: Sequence[Row], *, name: str, reference: str, key: str) -> None:
        """Set up to 250 levels, all or none, each only while it holds what is expected.

        Raises `Refused` with code `STALE` when one of them does not (Shopify does not say which), with
        other codes and the rows they name, and `UnknownOutcome` when the answer was lost.
        """
        self.http.send(
            calls.set_quantities(rows, location=self.location, name=name, reference=reference, key=key)
        )

    def activate(self, item: int, key: str) -> None:
        """Make a level sellable at the configured location, with the quantity it had before."""
        self.http.send(calls.activate(item, self.location, key))

    def create_variants(self, product: int, variants: Sequence[NewVariant]) -> list[Choice]:
        """Add variants to a product, all or none; they get new ids. A lone variant there stays.

        Shopify knows no key for this call, but refuses options that a variant of the product has already.
        """
        return readers.created(self.http.send(calls.create_variants(product, variants)))

    def delete_variants(self, product: int, variants: Sequence[int]) -> None:
        """Delete variants of one product, all or none."""
        self.http.send(calls.delete_variants(product, variants))

    def add_tag(self, product: int, tag: str) -> None:
        """Add one tag to a product."""
        self.http.send(calls.add_tags(product, [tag]))

    def remove_tags(self, product: int, tags: Sequence[str]) -> None:
        """Take tags off a product."""
        self.http.send(calls.remove_tags(product, tags))

    def change_tags(self, changes: Sequence[TagChange], *, width: int = 4) -> dict[int, str]:
        """Add and remove tags of many products; error texts by id of the products that failed.

        A product that is not in the result has what was asked; one whose additions failed keeps what was
        to be removed. `width`: how many calls may be on their way at once. Raises WritesOff.
        """
        return tags.change_directly(self.http, changes, width)

    def archive(self, product: int) -> None:
        """Archive a product."""
        self.http.send(calls.archive(product))

    # --------------------------------------------------------------- paging

    def _connection(
        self,
        name: str,
        call: Callable[[int, str | None], Call],
        read: Callable[[JsonObject], T],
        id_of: Callable[[T], int] | None = None,
    ) -> Iterator[T]:
        reader = self._reader(name, call, lambda node, _: read(node), id_of)
        return self.http.pages(call(0, None), reader)

    def _reader(
        self,
        name: str,
        call: Callable[[int, str | None], Call],
        read: Callable[[JsonObject, Answer], T],
        id_of: Callable[[T], int] | None = None,
    ) -> Callable[[Answer], tuple[Sequence[T], Call | None]]:
        """Read a root connection page by page; where it gets too deep, start again behind the last id."""
        above, depth = 0, 0

        def page(answer: Answer) -> tuple[Sequence[T], Call | None]:
            nonlocal above, depth
            found = readers.page(readers.data(answer).get(name), lambda node: read(node, answer), name)
            depth += len(found.items)
            if found.cursor is None:
                return found.items, None
            if id_of and depth >= DEPTH:
                above, depth = id_of(found.items[-1]), 0
                return found.items, call(above, None)
            return found.items, call(above, found.cursor)

        return page

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
        """A product with the variants beyond its first 250."""
        variants = list(product.variants)
        while cursor is not None:
            answer = self.http.send(calls.more_variants(product.id, self.location, cursor))
            rest = readers.variants(answer, product.id)
            variants.extend(rest.items)
            cursor = rest.cursor
        return (
            product if len(variants) == len(product.variants) else replace(product, variants=tuple(variants))
        )

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
