"""What a pass did not show: mark it as missing, and give a zero to what is gone for good."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from connectors.ledger.imported_products import PRODUCTS, VARIANTS, Kind
from connectors.supplier import Facet
from tasks import absence
from tasks.absence import Limits
from tasks.signs import Sign
from tasks.supplier_job import JobContext
from tasks.supplier_pass import Reading

JUDGED: Final[tuple[Facet, ...]] = ("stock", "product")
"""Lists that say what there is. What one of the first lacks needs no mark from the second: sightings in a
row are those of one list."""


@dataclass
class Disappearing:
    """What became of it: how many were marked now, how many have a zero for good, which lists are doubted."""

    reading: Reading
    missing: int = 0
    gone: int = 0
    doubts: list[str] = field(default_factory=list)

    @property
    def _context(self) -> JobContext:
        return self.reading.context

    def settle_lists(self) -> None:
        """Judge the lists that were read to their end; any other proves nothing."""
        for kind, name in ((PRODUCTS, "products"), (VARIANTS, "variants")):
            settled: set[str] = set()
            for facet in (each for each in JUDGED if each in self.reading.tally.complete):
                unseen = self._unseen(kind, facet)
                self._settle(kind, facet, unseen - settled, f"the list of {facet} of {name}")
                settled |= unseen

    def settle_look_ups(self) -> None:
        """Judge the products that were asked for and do not exist, and the variants that theirs have no more.

        Variants go with their product: no list but its own tells of them.
        """
        tally, context = self.reading.tally, self._context
        gone = self._settle(PRODUCTS, "stock", set(tally.absent), "what was looked up")
        theirs = context.ledger.variants_of(context.job, gone)
        context.ledger.set_stock(context.job, VARIANTS, dict.fromkeys(theirs, 0), context.now())
        self._settle(VARIANTS, "stock", set(tally.lost), "what was looked up of variants")

    def _unseen(self, kind: Kind, facet: Facet) -> set[str]:
        """What no page showed. A product is there as long as one of its variants is: some have no own row."""
        unseen = self._context.ledger.unseen(self._context.job, kind, facet)
        left = {key for key in unseen if (kind.key, key) not in self.reading.seen}
        if kind is VARIANTS or not left:
            return left
        theirs = self._context.ledger.variants_of(self._context.job, left)
        lost = self._unseen(VARIANTS, facet) if theirs else set()
        return left - {product for variant, product in theirs.items() if variant not in lost}

    def _settle(self, kind: Kind, facet: Facet, unseen: set[str], where: str) -> set[str]:
        """Judge what was not seen; which of it is gone for good."""
        context, row = self._context, self._context.supplier
        known = context.ledger.product_count(row.user_id, row.id, kind)
        before = context.ledger.missing(row.user_id, row.id, kind)
        settings = context.settings
        limits = Limits(settings.min_zero_count, settings.max_zero_share)
        if why := absence.doubt(known, len(unseen - before.keys()), limits):
            self.doubts.append(f"{where} is not believed: {why}")
            context.log(Sign.ERROR, self.doubts[-1])
        elif context.dry_run:
            self.missing += len(unseen)
        elif unseen:
            return self._mark(kind, facet, unseen)
        return set()

    def _mark(self, kind: Kind, facet: Facet, unseen: set[str]) -> set[str]:
        context, row = self._context, self._context.supplier
        ledger, now = context.ledger, context.now()
        self.missing += ledger.mark_missing(context.job, kind, facet, unseen, now)
        if facet != "stock":
            return set()
        hours = context.settings.gone_after_hours
        limit = None if hours is None else timedelta(hours=hours)
        gone = absence.gone(ledger.missing(row.user_id, row.id, kind), unseen, now, limit)
        self.gone += ledger.set_stock(context.job, kind, dict.fromkeys(gone, 0), now)
        return gone
