"""Keep odd prices of a supplier's pages from being stored, and note that they wait."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from connectors.ledger.imported_products import PRODUCTS, VARIANTS, Kind
from connectors.records import JsonObject
from connectors.supplier import Page
from tasks.price_guard import Held, judge
from tasks.supplier_job import JobContext


@dataclass(frozen=True, slots=True)
class Watched:
    """A page with the prices that may be stored, and what is held of it, by kind."""

    page: Page
    held: tuple[tuple[Kind, Held], ...] = ()
    changed: int = 0

    @property
    def newly_held(self) -> int:
        """How many prices wait from now on."""
        return sum(1 for _, held in self.held for each in held.values() if each is not None)


@dataclass
class PriceWatch:
    """Judges the prices of one job's pages by those that the ledger knows."""

    context: JobContext
    _waiting: dict[str, Mapping[str, JsonObject]] = field(default_factory=dict)

    def watched(self, page: Page) -> Watched:
        """The page without the prices that have to wait."""
        if "price" not in page.facets:
            return Watched(page)
        ledger, job = self.context.ledger, self.context.job
        limit = Decimal(str(self.context.settings.max_price_jump))
        products = {each.supplier_product_id: each for each in page.products}
        variants = {each.supplier_variant_id: each for each in page.variants}
        of_products = judge(
            products, ledger.known_prices(job, PRODUCTS, products), self._held(PRODUCTS), limit
        )
        of_variants = judge(
            variants, ledger.known_prices(job, VARIANTS, variants), self._held(VARIANTS), limit
        )
        return Watched(
            replace(page, products=of_products.rows, variants=of_variants.rows),
            ((PRODUCTS, of_products.held), (VARIANTS, of_variants.held)),
            of_products.changed + of_variants.changed,
        )

    def note(self, watched: Watched) -> None:
        """Remember what waits now and what does not any more, as it was stored with the page."""
        for kind, held in watched.held:
            self._waiting[kind.key] = {
                key: what for key, what in (dict(self._held(kind)) | dict(held)).items() if what is not None
            }

    def _held(self, kind: Kind) -> Mapping[str, JsonObject]:
        supplier = self.context.supplier
        if kind.key not in self._waiting:
            self._waiting[kind.key] = self.context.ledger.held_prices(supplier.user_id, supplier.id, kind)
        return self._waiting[kind.key]
