"""Carry one batch of products from lease to receipt."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.folding import fold
from connectors.ledger import Ledger
from connectors.ledger.records import Snapshot
from connectors.records import JsonObject
from connectors.settings import Settings
from connectors.shopify import Shopify
from tasks import fetch, rollback
from tasks.book import TAKEN_BACK, to_line, to_settlement
from tasks.delete import Deleter
from tasks.deletion import Failed
from tasks.desk import patience
from tasks.job import Job, ProductJob
from tasks.journal import LedgerJournal, product_resource, written_by_others
from tasks.lease import Hold, held
from tasks.plan import OPEN_ENDED, Line, Outcome, by_product
from tasks.receipt import Receipt, read_back
from tasks.write import Writer


@dataclass(slots=True)
class Carried:
    """How a batch ended."""

    lines: list[Line] = field(default_factory=list)
    receipt: Receipt = field(default_factory=Receipt)
    failed_deletions: list[Failed] = field(default_factory=list)
    archived: list[int] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    locked: list[int] = field(default_factory=list)
    rolled_back: list[int] = field(default_factory=list)
    not_rolled_back: list[int] = field(default_factory=list)
    usage: dict[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SoldRecently:
    """Variants with recent orders, as of `seen_at` by the shop's clock; None when orders cannot be read."""

    variants: AbstractSet[int] | None
    seen_at: datetime | None


class Carrier:
    """Works on one batch of a job with a store and the ledger."""

    def __init__(
        self, job: Job, shop: Shopify, ledger: Ledger, settings: Settings, sold: SoldRecently
    ) -> None:
        self._job = job
        self._shop = shop
        self._ledger = ledger
        self._settings = settings
        self._sold = sold

    def carry(self, batch: int, jobs: Sequence[ProductJob]) -> Carried:
        """Lease the batch's products, write, read back, delete, take back; then let go."""
        lines = [to_line(change) for change in self._ledger.changes_of(self._job.run_id, batch=batch)]
        resources = [product_resource(self._job.account, each.product_id) for each in jobs]
        with held(
            self._ledger, resources, self._job.run_id, self._settings.reverse_sync_lock_seconds
        ) as hold:
            carried = self._work(lines, jobs, hold)
        carried.usage = self._shop.http.usage.as_dict()
        return carried

    def _work(self, lines: Sequence[Line], jobs: Sequence[ProductJob], hold: Hold) -> Carried:
        carried = Carried()
        ours = {each.product_id for each in jobs if self._resource(each.product_id) in hold.fences}
        ours -= self._written_meanwhile()
        # Whoever wrote the others wants them back to mark them.
        hold.let_go({self._resource(each.product_id) for each in jobs if each.product_id not in ours})
        carried.locked = [each.product_id for each in jobs if each.product_id not in ours]
        carried.lines = [_locked(line) for line in lines if line.product_id not in ours]
        journal = LedgerJournal(self._ledger, self._job, hold, self._spare)
        carried.lines += self._even(
            [line for line in lines if line.product_id in ours], jobs, journal, carried
        )
        self._ledger.settle([to_settlement(line) for line in carried.lines], self._settings.now())
        self._take_back(journal, carried)
        carried.finished = self._finished([each for each in jobs if each.product_id in ours], carried)
        return carried

    def _written_meanwhile(self) -> set[int]:
        """Products that another run wrote meanwhile: what it took would look like a sale here."""
        return written_by_others(self._ledger, self._job, self._spare)

    # ------------------------------------------------------------- writing

    def _even(
        self, lines: Sequence[Line], jobs: Sequence[ProductJob], journal: LedgerJournal, carried: Carried
    ) -> list[Line]:
        """Write what differs, read it back, and delete what may go."""
        writer = Writer(self._shop, journal, name=self._job.quantity_name, reference=self._job.reference)
        at_zero = [line for line in lines if _needs_no_write(line)]
        since = max((line.seen_at for line in lines if line.seen_at), default=None)
        written = writer.apply([line for line in lines if not _needs_no_write(line)])
        written, carried.receipt = read_back(self._shop, written, self._job.quantity_name, since)
        settled = [each.line for each in written] + [line.ended(Outcome.UNCHANGED) for line in at_zero]
        archive = {each.product_id for each in jobs if each.archive}
        return self._deleted(settled, archive, journal, carried)

    def _deleted(
        self, lines: list[Line], archive: AbstractSet[int], journal: LedgerJournal, carried: Carried
    ) -> list[Line]:
        candidates = [line for line in lines if line.zero_candidate and _stands_at_zero(line)]
        deleter = Deleter(self._shop, journal, self._keep, self._sold_by_now, self._allowance)
        ended = deleter.delete(candidates, archive)
        carried.failed_deletions, carried.archived = ended.failed, ended.archived
        self._ledger.mark_deleted(
            self._job.account, [line.variant_id for line in ended.gone], self._settings.now()
        )
        gone = {line.variant_id: line for line in ended.gone}
        return [gone.get(line.variant_id, line) for line in lines]

    def _keep(self, snapshots: Sequence[tuple[Line, JsonObject]]) -> None:
        """Store everything about variants before they are deleted."""
        self._ledger.store_snapshots([self._snapshot(line, data) for line, data in snapshots])

    def _snapshot(self, line: Line, data: JsonObject) -> Snapshot:
        return Snapshot(
            account=self._job.account,
            variant_id=line.variant_id,
            product_id=line.product_id,
            run_id=self._job.run_id,
            sku_folded=fold(line.sku),
            ccod_folded=fold(line.ccod),
            data=data,
            taken_at=self._settings.now(),
        )

    def _sold_by_now(self) -> AbstractSet[int] | None:
        """Recent orders, with those that came in since they were walked."""
        if self._sold.variants is None or self._sold.seen_at is None:
            return None
        return self._sold.variants | fetch.sold_since(self._shop, self._sold.seen_at)

    def _allowance(self, wanted: int) -> int:
        """Deletions that are left to the account in these 24 hours, at most those wanted."""
        done = self._ledger.deletions_since(self._job.account, self._settings.now() - timedelta(hours=24))
        return max(0, min(wanted, self._settings.max_deletions - done))

    # ----------------------------------------------------------- roll back

    def _take_back(self, journal: LedgerJournal, carried: Carried) -> None:
        """Take back the updates of products whose writes partly failed; those lines end failed."""
        for product_id, lines in by_product(carried.lines).items():
            if back := rollback.inverse(lines, self._job.rollback):
                undone = self._undone(back, journal)
                whole = len(undone) == len(back)
                (carried.rolled_back if whole else carried.not_rolled_back).append(product_id)
                carried.lines = [
                    _taken_back(line) if line.variant_id in undone else line for line in carried.lines
                ]
                failed = [line for line in carried.lines if line.variant_id in undone]
                self._ledger.settle(
                    [to_settlement(line, taken_back=True) for line in failed], self._settings.now()
                )

    def _undone(self, back: Sequence[Line], journal: LedgerJournal) -> set[int]:
        """The variants whose level was set back, each only while the shop still held what was written."""
        writer = Writer(
            self._shop,
            journal,
            name=self._job.quantity_name,
            reference=self._job.reference,
            kind="rollback",
            strict=True,
        )
        good = {Outcome.DONE, Outcome.UNCHANGED}
        return {each.line.variant_id for each in writer.apply(back) if each.line.outcome in good}

    # ----------------------------------------------------------- finishing

    def _finished(self, jobs: Sequence[ProductJob], carried: Carried) -> list[int]:
        """The products that are finished for the day and deserve its mark."""
        grouped = by_product(carried.lines)
        archived = set(carried.archived)
        return [
            each.product_id
            for each in jobs
            if each.may_mark
            and each.product_id not in archived
            and all(_lets_mark(line) for line in grouped.get(each.product_id, []))
        ]

    # --------------------------------------------------------------- small

    def _resource(self, product_id: int) -> str:
        return product_resource(self._job.account, product_id)

    @property
    def _spare(self) -> float:
        """Seconds that one call may still take: the lease must outlast them."""
        return patience(self._settings).timeout


def _locked(line: Line) -> Line:
    return line.ended(Outcome.REFUSED, "locked", "another run is working on this product")


def _taken_back(line: Line) -> Line:
    return line.ended(Outcome.FAILED, TAKEN_BACK, "taken back, because another line of the product failed")


def _needs_no_write(line: Line) -> bool:
    return line.shown == line.wanted and not line.activate


def _stands_at_zero(line: Line) -> bool:
    return line.outcome in {Outcome.DONE, Outcome.UNCHANGED} and line.wanted == 0 and not line.written_to


def _lets_mark(line: Line) -> bool:
    return line.outcome is not None and line.outcome not in OPEN_ENDED and line.reason != "locked"
