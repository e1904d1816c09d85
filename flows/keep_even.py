"""The one course of a sync and of a release: discover, fetch, diff, guard, write, mark, report."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from prefect import runtime
from prefect.futures import PrefectFuture

from connectors.errors import ConnectorError
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks import diff, marking, remember, report, run, slots, states
from tasks.begin import REVERSE_SYNC, Work
from tasks.carry import SoldRecently
from tasks.diff import Known, Policy
from tasks.discover import Discovery
from tasks.job import ProductJob
from tasks.lease import clock
from tasks.matching import Truth
from tasks.plan import Line
from tasks.prepare import Judge, Prepared, prepare
from tasks.release import Narrowed, narrow
from tasks.report import Story
from tasks.start import refusal
from tasks.steps import (
    carry_batch,
    discover_products,
    fetch_sold_recently,
    fetch_truth,
    fetch_unbooked,
    mark_products,
)
from tasks.verdicts import absorb, absorb_marks, add_usage, interrupt

NOBODY = SoldRecently(None, None)


def keep_even(work: Work, judge: Judge, only: Mapping[int, Line] | None = None) -> None:
    """Take a run from its beginning to its last mark; what happens goes into its story.

    `only`: the lines of a plan that is being released, by inventory item id; nothing else is written then.
    """
    run.tag(work.job)
    with run.recorded(work.job, work.settings, work.ledger, work.story):
        found = _discover(work)
        compared = _compare(work, found, only)
        plan = prepare(
            work.job,
            work.settings,
            work.ledger,
            products=found.products,
            lines=compared.lines,
            judge=judge,
            now=work.settings.now(),
            busy=compared.busy,
        )
        _tell_plan(work, plan)
        slots.provide(work.job.account, work.settings.reverse_sync_max_concurrent)
        _write(work, plan, _sold_recently(work, found, plan))
        if not work.job.dry_run:
            _mark(work, found)
            remember.count_errors(work.ledger, work.story.lines, plan.memories)


def _compare(work: Work, found: Discovery, only: Mapping[int, Line] | None) -> Narrowed:
    """What differs. What RMS said is let go of with the comparison: a run holds one catalogue, not two."""
    known = _fetch(work, found)
    compared = _narrowed(diff.stock(found.products, known), only)
    _note(work, found, known, len(compared.lines))
    return compared


def _narrowed(lines: Iterable[Line], only: Mapping[int, Line] | None) -> Narrowed:
    return Narrowed(tuple(lines), frozenset()) if only is None else narrow(lines, only)


def _discover(work: Work) -> Discovery:
    metered = discover_products(work.job)
    _count(work, metered.usage)
    run.log(f"{len(metered.value.products)} products without the mark {work.job.mark}")
    return metered.value


def _fetch(work: Work, found: Discovery) -> Known:
    """What RMS and late orders say. Without RMS every level is unknown, and nothing will be written."""
    policy = _policy(work)
    try:
        truth = fetch_truth(_ccods(found))
    except ConnectorError as error:
        work.story.error = {"code": "RMS_UNREACHABLE", "message": str(error)}
        return Known(Truth({}), found.shop, policy, unreachable="rms_unreachable")
    unbooked = {}
    if work.settings.rms_order_delay_minutes:
        metered = fetch_unbooked(work.job, found.seen_at)
        _count(work, metered.usage)
        unbooked = dict(metered.value)
    return Known(truth, found.shop, policy, unbooked)


def _ccods(found: Discovery) -> list[str]:
    return sorted(
        {product.ccod for product in found.products if product.ccod and product.status != "ARCHIVED"}
    )


def _policy(work: Work) -> Policy:
    return Policy(
        quantity_name=work.job.quantity_name,
        missing_level=work.settings.reverse_sync_missing_level.value,
        exclude_tag=work.settings.reverse_sync_exclude_tag,
        delete_zero_stock=work.job.delete_zero_stock,
    )


def _note(work: Work, found: Discovery, known: Known, checked: int) -> None:
    """What is worth telling before anything is decided."""
    story = work.story
    story.checked = checked
    story.products_with_ccod = sum(1 for product in found.products if product.ccod)
    story.products_without_ccod = len(found.products) - story.products_with_ccod
    absent = list(diff.missing_in_shop(found.products, known.truth, known.shop))
    story.restocked = remember.restocked(work.ledger, work.job, absent)
    restocked = set(story.restocked)
    story.missing_in_shop = [each for each in absent if each not in restocked]
    if found.has_future_marks:
        story.warnings.append(
            f"products carry a mark of a day after {work.job.day}: the main sync counts days in "
            "another time zone; set REVERSE_SYNC_TIMEZONE to its zone"
        )
    if unheard := _not_there(work, found):
        story.warnings.append(f"the shop has no product {', '.join(map(str, unheard))}")
    if checked and not known.unreachable and not known.truth.rows:
        story.warnings.append("RMS returned no row for any product: is this the right database?")


def _not_there(work: Work, found: Discovery) -> list[int]:
    """Products that a person asked for and the shop does not have; those of a plan are told line by line."""
    asked = () if work.job.release else work.job.products or ()
    return sorted(set(asked) - {product.id for product in found.products})


def _tell_plan(work: Work, plan: Prepared) -> None:
    story = work.story
    story.tell(plan.lines)
    story.finished = list(plan.finished)
    story.failed_deletions = list(plan.failed_deletions)
    story.unknown_since = remember.unknown_since(plan.lines, plan.memories)
    if plan.plan:
        story.plan_id, story.plan_expires_at = plan.plan.id, plan.plan.expires_at
    to_write = sum(1 for line in plan.lines if line.is_open)
    run.log(f"{story.checked} levels checked, {to_write} to write in {len(plan.batches)} batches")


def _sold_recently(work: Work, found: Discovery, plan: Prepared) -> SoldRecently:
    """Recent orders, walked once, and only if something may be deleted."""
    until = found.seen_until
    if not plan.batches or not plan.wants_deletions or until is None:
        return NOBODY
    metered = fetch_sold_recently(work.job, until)
    _count(work, metered.usage)
    return metered.value


def _write(work: Work, plan: Prepared, sold: SoldRecently) -> None:
    """Carry the batches, some side by side, and take in how each ended."""
    progress = run.Progress(len(plan.batches))
    for batch, future in _side_by_side(work, plan.batches, sold):
        _take_in(work, batch, future)
        progress.step()


def _side_by_side(
    work: Work, batches: Sequence[Sequence[ProductJob]], sold: SoldRecently
) -> Iterator[tuple[Sequence[ProductJob], PrefectFuture[JsonObject]]]:
    """Submit batches, at most `max_concurrent` at a time, and yield them in their order."""
    waiting: deque[tuple[Sequence[ProductJob], PrefectFuture[JsonObject]]] = deque()
    for number, batch in enumerate(batches):
        if len(waiting) >= work.job.max_concurrent:
            yield waiting.popleft()
        waiting.append((batch, carry_batch.submit(work.job, number, batch, sold)))
    yield from waiting


def _take_in(work: Work, batch: Sequence[ProductJob], future: PrefectFuture[JsonObject]) -> None:
    """A batch's result; one that broke off stops only itself."""
    story = work.story
    try:
        result = future.result()
    except Exception as error:  # noqa: BLE001 - isolation: one batch never takes the others with it
        interrupt(story, [each.product_id for each in batch], f"{type(error).__name__}: {error}")
        return
    absorb(story, result)
    _count(work, cast("dict[str, int | float]", result["usage"]))


def _mark(work: Work, found: Discovery) -> None:
    """Mark what is finished; once a day, take older marks off all products that carry some."""
    finished = marking.finished(found.products, work.story.finished, work.job.day)
    stale = marking.swept(found.products, finished, found.stale, work.job.day)
    if not finished and stale is None:
        return
    try:
        result = mark_products(work.job, finished, stale)
    except Exception as error:  # noqa: BLE001 - what was written stays written, and is told
        work.story.unmarked |= dict.fromkeys(finished, f"{type(error).__name__}: {error}")
        return
    absorb_marks(work.story, result)
    _count(work, result["usage"])


def _count(work: Work, usage: "dict[str, int | float] | object") -> None:
    add_usage(work.story.api, f"shopify:{work.job.account}", cast("JsonObject", usage))


# -------------------------------------------------------------------- ends


def ended(work: Work) -> JsonObject:
    """Close the run. Its report is what a plain call returns, and what a deployment's state carries."""
    document = run.finish(work.job, work.ledger, work.story)
    return as_state(document, report.state_name(work.story), report.message(work.story))


def as_state(document: JsonObject, name: str, message: str) -> JsonObject:
    """The report; under a deployment as a state that says what the report says."""
    if runtime.deployment.id is None:
        return document
    return cast("JsonObject", states.reported(document, name, message))


def switched_off(settings: Settings, *, dry_run: bool) -> JsonObject:
    """The report of a run that ends at once, because ENABLE_REVERSE_STOCK_SYNC=false."""
    story = _unbegun(settings, dry_run=dry_run)
    why = "ENABLE_REVERSE_STOCK_SYNC=false: the reverse stock sync is switched off; nothing was looked at"
    story.warnings.append(why)
    run.log(why)
    return report.reverse_sync_report(story, clock()) | {"message": why}


def not_begun(settings: Settings, error: ConnectorError, *, dry_run: bool) -> JsonObject:
    """The report of a run that could not begin, because a system did not answer."""
    story = _unbegun(settings, dry_run=dry_run)
    story.error = refusal(error)
    run.log(report.message(story))
    return as_state(
        report.reverse_sync_report(story, clock()), report.state_name(story), report.message(story)
    )


def _unbegun(settings: Settings, *, dry_run: bool) -> Story:
    return Story(
        sync_id=f"reverse_stock_{settings.now():%Y%m%d_%H%M%S}",
        flow=REVERSE_SYNC,
        day=settings.now().date(),
        started_at=clock(),
        dry_run=dry_run,
        max_concurrent=0,
        writes=settings.evenstock_writes,
    )


def run_name() -> str:
    """What the runs list shows: what was synced, and how."""
    return f"{runtime.flow_run.flow_name}: {scope(runtime.flow_run.parameters)}"


def scope(asked: Mapping[str, object]) -> str:
    """A run's parameters in a few words."""
    day = f", day {asked['day']}" if asked.get("day") else ""
    return _subject(asked) + day + (" (dry run)" if asked.get("dry_run") else "")


def _subject(asked: Mapping[str, object]) -> str:
    products, limit = asked.get("products"), asked.get("limit")
    if asked.get("plan_id"):
        return f"plan {asked['plan_id']}"
    if isinstance(products, list):
        return f"product {products[0]}" if len(products) == 1 else f"{len(products)} products"
    return f"up to {limit} product{'' if limit == 1 else 's'}" if limit else "all unmarked products"
