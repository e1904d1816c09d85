"""Read a supplier's pages into the ledger: in pieces that survive a window's end and a worker's death."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, cast

from connectors.errors import WindowClosed
from connectors.ledger.imported_products import PRODUCTS, VARIANTS
from connectors.ledger.product_marks import SyncedBy
from connectors.records import JsonObject
from connectors.slices import chunks
from connectors.supplier import (
    FACETS,
    Ability,
    Facet,
    ListsPrices,
    ListsStock,
    LooksUp,
    Page,
    PlansCalls,
    Supplier,
    narrowed,
)
from connectors.suppliers import configured
from tasks import call_plan
from tasks.hearing import Hearing
from tasks.price_watch import PriceWatch
from tasks.signs import Sign
from tasks.supplier_job import JobContext, PutBack
from tasks.tally import Tally

ALL: Final[frozenset[Facet]] = frozenset(FACETS)
DEFAULT_WAIT: Final = 60.0
"""Seconds until a job goes on whose supplier did not say when."""
EVERYTHING: Final = 10**9

Pages = Callable[[JsonObject | None], Iterator[Page]]


@dataclass
class Reading:
    """One job's reading of its supplier. `facets`: what of each page counts; `creates`: new rows are added.

    `seen`: what a dry run saw, by table and id; it stores no sightings.
    """

    context: JobContext
    facets: frozenset[Facet]
    creates: bool = False
    tally: Tally = field(init=False)
    total: int = field(init=False)
    seen: set[tuple[str, str]] = field(default_factory=set)
    hearing: Hearing = field(init=False)
    _prices: PriceWatch = field(init=False)

    def __post_init__(self) -> None:
        supplier = self.context.supplier
        self.tally = Tally.of(self.context.job.cursor)
        self.total = self.context.ledger.product_count(supplier.user_id, supplier.id)
        self.hearing = Hearing(self.context, self.tally)
        self._prices = PriceWatch(self.context)

    def read_part(self, supplier: Supplier, by: SyncedBy, ability: Ability) -> PutBack | None:
        """Read stock or prices only: by their list, or product by product."""
        if ability is Ability.LOOKS_UP:
            return self._look_up(supplier, by)
        return self.read(supplier, _list_of(supplier, by))

    # ------------------------------------------------------------------ lists

    def read(self, supplier: Supplier, pages: Pages) -> PutBack | None:
        """Store every page that can be had now. None: the pass is over."""
        if self.tally.is_over:
            return None
        self._show_plan(supplier)
        try:
            for page in pages(self.tally.at):
                self._store(narrowed(page, self.facets), is_last=page.cursor is None)
        except WindowClosed as closed:
            return self._put_back(closed, supplier)
        self.tally.is_over = True
        return None

    def _show_plan(self, supplier: Supplier) -> None:
        if isinstance(supplier, PlansCalls):
            wanted = [each for each in FACETS if each in self.facets]
            lists = supplier.plan(wanted, self.total, self.tally.at)
            self.tally.plan_rest(call_plan.by_window(lists))
            self.context.log(Sign.INFORMATION, call_plan.told(lists))

    # --------------------------------------------------------------- look-ups

    def _look_up(self, supplier: Supplier, by: SyncedBy) -> PutBack | None:
        """Ask for all known products, those read longest ago first."""
        if not isinstance(supplier, LooksUp):
            raise TypeError(f"{type(supplier).__name__} does not look up products")
        try:
            for ids in self._due(by):
                self._ask(supplier, ids, by)
        except WindowClosed as closed:
            return self._put_back(closed, supplier)
        self.tally.is_over = True
        return None

    def _due(self, by: SyncedBy) -> Iterator[Sequence[str]]:
        """What this job has not asked for yet: whatever was read moves to the end."""
        row = self.context.supplier
        ids = self.context.ledger.due_products(row.user_id, row.id, by, EVERYTHING)
        self.total = len(ids)
        left = ids[: max(0, len(ids) - self.tally.counts["asked"])]
        return chunks(left, configured(row.connector_type, row.configuration).batch_size)

    def _ask(self, supplier: LooksUp, ids: Sequence[str], by: SyncedBy) -> None:
        left = set(ids)
        for page in supplier.look_up(ids):
            told = {each.supplier_product_id for each in page.products} | set(page.absent)
            self._stamp(told & left, by)
            left -= told
            self._store(narrowed(page, self.facets), is_last=False)
        # What cannot be read must not stand first for ever.
        self._stamp(left, by)

    def _stamp(self, ids: set[str], by: SyncedBy) -> None:
        """Before they are stored: a worker that dies in between asks for them again, and skips none."""
        self.tally.counts["asked"] += len(ids)
        if not self.context.dry_run:
            self.context.ledger.stamp_products(self.context.job, [by], ids, self.context.now())

    # ------------------------------------------------------------------ pages

    def _store(self, page: Page, *, is_last: bool) -> None:
        """Store one page with how far the job is."""
        context, tally = self.context, self.tally
        context.beat()
        watched = self._prices.watched(page)
        tally.pass_by(page, self._not_on(page, page.whole), is_last=is_last)
        tally.counts.update(held=watched.newly_held, prices=watched.changed)
        now, unsold = context.now(), self._not_on(page, page.unsold)
        self.hearing.listen(page, unsold)
        if "stock" in page.facets and not context.dry_run:
            # Before the cursor moves behind the page: a worker that dies in between does it again.
            zeros = dict.fromkeys(unsold, 0)
            tally.counts["changed"] += context.ledger.set_stock(context.job, VARIANTS, zeros, now)
        stored = context.ledger.store_page(
            context.job,
            watched.page,
            now,
            create=self.creates,
            dry_run=context.dry_run,
            held=watched.held,
            cursor=tally.cursor_after,
        )
        tally.take(stored)
        self._prices.note(watched)
        if context.dry_run:
            self._see(page)
        else:
            context.ledger.progress_job(context.job, tally.rows(self.total), now)

    def _not_on(self, page: Page, products: Collection[str]) -> set[str]:
        """Known variants of these products that the page does not show."""
        known = self.context.ledger.variants_of(self.context.job, products) if products else {}
        return known.keys() - {each.supplier_variant_id for each in page.variants}

    def _see(self, page: Page) -> None:
        self.seen.update((PRODUCTS.key, each.supplier_product_id) for each in page.products)
        self.seen.update((VARIANTS.key, each.supplier_variant_id) for each in page.variants)

    # ------------------------------------------------------------------- ends

    def _put_back(self, closed: WindowClosed, supplier: Supplier) -> PutBack:
        """The job goes on behind the last stored page when the window opens."""
        self.tally.counts["windows"] += 1
        if self.tally.pages and not self.context.dry_run:
            rows, now = self.tally.rows(self.total), self.context.now()
            self.context.ledger.progress_job(self.context.job, rows, now, cursor=self.tally.cursor)
        self.sum_stock()
        return put_back(self.context, closed, supplier)

    def sum_stock(self) -> int:
        """Make the stock of products with variants the sum of theirs; how many changed."""
        row = self.context.supplier
        if "stock" not in self.facets or self.context.dry_run:
            return 0
        return self.context.ledger.sum_variant_stock(row.user_id, row.id, self.context.now())


def _list_of(supplier: Supplier, by: SyncedBy) -> Pages:
    if by == "stock" and isinstance(supplier, ListsStock):
        return supplier.stock
    if by == "price" and isinstance(supplier, ListsPrices):
        return supplier.prices
    raise TypeError(f"{type(supplier).__name__} has no list of {by}")


def usage_of(supplier: Supplier) -> JsonObject:
    """The calls of a connector, as reports tell them."""
    return cast("JsonObject", supplier.usage.as_dict())


def put_back(context: JobContext, closed: WindowClosed, supplier: Supplier) -> PutBack:
    """The job waits until the supplier's window opens."""
    wait = timedelta(seconds=closed.retry_after or DEFAULT_WAIT)
    return PutBack(context.now() + wait, str(closed), usage_of(supplier))
