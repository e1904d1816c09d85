"""From a comparison to a plan that is stored and cut into batches, before anything is written."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.ledger import Ledger
from connectors.ledger.records import LevelMemory, Plan
from connectors.records import Product
from connectors.settings import Settings
from tasks import batching, collector, deletion, guard, release, remember
from tasks.batching import Due
from tasks.deletion import DeletionPolicy, Failed
from tasks.guard import UNHEARD_OF, History, Limits, Memory
from tasks.job import Job, ProductJob
from tasks.plan import Line, Outcome

Judge = Callable[[Sequence[Line], Mapping[int, Memory], History], list[Line]]
"""Gives open lines that may not be written their verdict: the guard in a run, the plan in a release."""


def judge_of(settings: Settings, planned: Mapping[int, Line] | None) -> Judge:
    """The guard; for a release the plan's lines, by inventory item."""
    limits = limits_of(settings)
    if planned is not None:
        return lambda found, memories, _: release.review(found, planned, memories, limits)
    return lambda found, memories, history: guard.review(found, limits, memories, history)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that is ready: all lines, those still open in batches of products.

    `finished`: products that have nothing to be written and deserve their mark.
    """

    lines: tuple[Line, ...]
    batches: tuple[Sequence[ProductJob], ...]
    finished: tuple[int, ...]
    failed_deletions: tuple[Failed, ...]
    memories: Mapping[int, LevelMemory]
    plan: Plan | None

    @property
    def wants_deletions(self) -> bool:
        """Whether any variant may be deleted, so that orders have to be looked at."""
        return any(line.zero_candidate for line in self.lines if line.is_open)


@collector.paused()
def prepare(
    job: Job,
    settings: Settings,
    ledger: Ledger,
    *,
    products: Sequence[Product],
    lines: Sequence[Line],
    judge: Judge,
    now: datetime,
    busy: AbstractSet[int] = frozenset(),
    first_batch: int = 0,
    apart: bool = False,
) -> Prepared:
    """Judge the lines, sift the deletions and store the plan: nothing was written to the shop before this.

    `busy`: products that differ in more than these lines, so that they are not finished with them.
    `first_batch`: the number of the first batch, if the run has stored some before.
    `apart`: the mass-change limits count these levels only, not all of the account's.
    """
    items = {line.item_id for line in lines}
    known = ledger.levels_of(job.account, job.location, items)
    history = remember.history(ledger, job, now, items if apart else None)
    memories = remember.memories(known)
    heard = [guard.passed_over(line, memories.get(line.item_id, UNHEARD_OF)) for line in lines]
    judged = judge(heard, memories, history)
    learned = remember.learn(ledger, job, judged, known, now)
    policy = _deletion_policy(job, settings, ledger, now)
    sifted = deletion.sift(
        judged,
        policy,
        zero_since=remember.zero_since(judged, known, now),
        now=now,
        variants={product.id: len(product.variants) for product in products},
    )
    ready = tuple(_unsent(line) for line in sifted.lines) if job.dry_run else sifted.lines
    due = Due() if job.dry_run else batching.due(products, ready, job, sifted.archive, busy)
    batches = tuple(batching.batches(due.jobs, job.batch_size))
    expires = timedelta(hours=settings.plan_expires_hours)
    numbers = batching.batch_numbers(batches, first_batch)
    name = f"plan_{job.run_id}" + (f"_{first_batch}" if first_batch else "")
    plan = remember.store_plan(ledger, job, ready, name=name, batches=numbers, expires=expires, now=now)
    return Prepared(ready, batches, tuple(due.finished), sifted.failed, learned, plan)


def limits_of(settings: Settings) -> Limits:
    """The mass-change limits as the merchant set them."""
    return Limits(
        min_zero_count=settings.min_zero_count,
        max_zero_share=settings.max_zero_share,
        max_zero_count=settings.max_zero_count,
        max_fall_share=settings.max_fall_share,
        max_rise_factor=settings.max_rise_factor,
        max_quantity=settings.max_quantity,
    )


def _deletion_policy(job: Job, settings: Settings, ledger: Ledger, now: datetime) -> DeletionPolicy:
    done = ledger.deletions_since(job.account, now - timedelta(hours=24))
    return DeletionPolicy(
        zero_days=settings.reverse_sync_zero_days,
        preserve_single_variant=settings.reverse_sync_preserve_single_variant,
        allowance=settings.max_deletions - done,
    )


def _unsent(line: Line) -> Line:
    return line.ended(Outcome.NOT_SENT) if line.is_open else line
