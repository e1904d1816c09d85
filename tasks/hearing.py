"""What a job heard of the stock that feeds something: a number that it did not hear is not fed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from connectors.ledger.imported_products import PRODUCTS, VARIANTS, Kind
from connectors.ledger.supplier_records import ImportedProduct
from connectors.supplier import Page
from tasks.offers import Imported, supplier_key
from tasks.supplier_job import JobContext
from tasks.tally import Tally


def name_of(row: Imported) -> str:
    """What a row is called in the result of a job that did not hear it."""
    return f"{'product' if isinstance(row, ImportedProduct) else 'variant'} {supplier_key(row)}"


def without(rows: Sequence[Imported], unheard: Collection[str]) -> list[Imported]:
    """The rows, without the numbers of those that were not heard."""
    return [replace(row, stock_quantity=None) if name_of(row) in unheard else row for row in rows]


@dataclass
class Hearing:
    """Listens to one job's pages for whatever is bound, and keeps with the job's cursor what was heard.

    The ledger keeps the last number of a product whose stock cannot be read now, or that a list cut short
    does not show. What was sold since may be forgotten in it, so it must not be written anywhere.
    """

    context: JobContext
    tally: Tally

    def listen(self, page: Page, unsold: Collection[str]) -> None:
        """Take in a page that is about to be stored. `unsold`: variants that it says have no units."""
        if "stock" not in page.facets:
            return
        told = (each.supplier_product_id for each in page.products if each.stock_quantity is not None)
        self._hear(PRODUCTS, (each for each in told if each in self._products))
        variants = {
            each.supplier_variant_id: each.supplier_product_id
            for each in page.variants
            if each.stock_quantity is not None
        } | dict.fromkeys(unsold)
        self._hear(
            VARIANTS,
            (each for each, of in variants.items() if each in self._variants or of in self._products),
        )

    def unheard(self, rows: Sequence[Imported]) -> list[str]:
        """Which of these rows the job did not hear, as `name_of` calls them."""
        products = [row.supplier_product_id for row in rows if isinstance(row, ImportedProduct)]
        theirs = self._variants_of(products)
        return [name_of(row) for row in rows if not self._is_heard(row, theirs)]

    # ------------------------------------------------------------------ parts

    @cached_property
    def _products(self) -> frozenset[str]:
        row = self.context.supplier
        bound = self.context.ledger.bound_products(row.user_id, row.id)
        return frozenset(each.supplier_product_id for each in bound)

    @cached_property
    def _variants(self) -> frozenset[str]:
        """Those that are bound, and those of products that are."""
        ledger, row = self.context.ledger, self.context.supplier
        bound = (each.supplier_variant_id for each in ledger.bound_variants(row.user_id, row.id))
        return frozenset([*bound, *ledger.variants_of(self.context.job, self._products)])

    def _hear(self, kind: Kind, keys: Iterable[str]) -> None:
        self.tally.heard.setdefault(kind.key, set()).update(keys)

    def _is_heard(self, row: Imported, theirs: Mapping[str, set[str]]) -> bool:
        """A product with variants is heard once all of them are that are there."""
        key = supplier_key(row)
        if not isinstance(row, ImportedProduct):
            return key in self._told(VARIANTS)
        if key not in theirs:
            return key in self._told(PRODUCTS)
        return bool(theirs[key]) and theirs[key] <= self._told(VARIANTS)

    def _told(self, kind: Kind) -> set[str]:
        return self.tally.heard.get(kind.key, set())

    def _variants_of(self, products: Collection[str]) -> dict[str, set[str]]:
        """The variants that are there of those products that have any."""
        ledger, row = self.context.ledger, self.context.supplier
        found: dict[str, set[str]] = {}
        missing = ledger.missing(row.user_id, row.id, VARIANTS)
        for variant, product in ledger.variants_of(self.context.job, products).items():
            found.setdefault(product, set()).update({variant} - missing.keys())
        return found
