"""Leave the day's mark on finished products, and take older marks off whatever carries them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.errors import EvenstockError
from connectors.ledger import Ledger
from connectors.records import TagChange
from connectors.settings import Settings
from connectors.shopify import Shopify
from tasks.desk import patience
from tasks.job import Job
from tasks.journal import product_resource, written_by_others
from tasks.lease import Hold, held
from tasks.marking import OlderMarks

MOMENT = 0.5
"""Seconds after which a product is asked for once more that another run had in its hands."""

BUSY = "another run is working on this product"


@dataclass(slots=True)
class Marked:
    """How marking ended: products marked, relieved of older marks only, and those that failed with why."""

    marked: list[int] = field(default_factory=list)
    swept: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)


class Marker:
    """Marks the products of a job.

    Marks come last, when all batches are written: hundreds of products then share two bulk operations.
    """

    def __init__(self, job: Job, shop: Shopify, ledger: Ledger, settings: Settings) -> None:
        self._job = job
        self._shop = shop
        self._ledger = ledger
        self._settings = settings

    def mark(self, finished: OlderMarks, stale: OlderMarks | None) -> Marked:
        """Mark finished products, and sweep older marks off the stale ones (None: no sweep is due).

        A product that another run works on, or wrote since this one began, is left to that run: what is
        finished for us may not be for it. Sweeping decides nothing about a product, so it needs no lease.
        """
        first = self._mark(finished, stale)
        busy = {each: finished[each] for each, why in first.failed.items() if why == BUSY}
        if not busy:
            return first
        # A run that finds that we wrote a product lets go of it at once; nobody else would mark it then.
        time.sleep(MOMENT)
        second = self._mark(busy, None)
        failed = {each: why for each, why in first.failed.items() if each not in busy}
        return Marked(first.marked + second.marked, first.swept, failed | second.failed)

    def _mark(self, finished: OlderMarks, stale: OlderMarks | None) -> Marked:
        resources = [product_resource(self._job.account, each) for each in finished]
        with held(
            self._ledger, resources, self._job.run_id, self._settings.reverse_sync_lock_seconds
        ) as hold:
            ours, others = self._ours(finished, hold)
            changes = [TagChange(each, (self._job.mark,), tuple(finished[each])) for each in ours]
            changes += [TagChange(each, (), tuple(tags)) for each, tags in (stale or {}).items()]
            failed = self._change(changes)
        swept = [each for each in stale or {} if each not in failed]
        if stale is not None and len(swept) == len(stale):
            self._ledger.record_sweep("shopify", self._job.account, self._job.day)
        return Marked([each for each in ours if each not in failed], swept, others | failed)

    def _ours(self, finished: OlderMarks, hold: Hold) -> tuple[list[int], dict[int, str]]:
        """The products that are ours to mark, and why the others are not."""
        spare = patience(self._settings).timeout
        written = written_by_others(self._ledger, self._job, spare)
        lost = hold.lost(hold.fences, spare)
        ours: list[int] = []
        others: dict[int, str] = {}
        for each in finished:
            resource = product_resource(self._job.account, each)
            if resource not in hold.fences or resource in lost:
                others[each] = BUSY
            elif each in written:
                others[each] = "another run wrote to this product meanwhile"
            else:
                ours.append(each)
        return ours, others

    def _change(self, changes: Sequence[TagChange]) -> dict[int, str]:
        try:
            return self._shop.change_tags(changes, width=self._job.max_concurrent)
        except EvenstockError as error:
            return {each.product_id: str(error) for each in changes}
