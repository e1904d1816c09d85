"""Let a supplier's imported products feed whatever they are bound to: levels of the own store, own items."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.errors import ConfigurationError, EvenstockError
from connectors.ledger import Ledger
from connectors.ledger.supplier_records import Job, Supplier
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks import feed_levels, offers
from tasks.feed_items import Release, feed_items
from tasks.feed_levels import LevelCourse
from tasks.hearing import Hearing, name_of, without
from tasks.offers import Imported
from tasks.plan import Line
from tasks.signs import Sign
from tasks.supplier_job import JobContext


@dataclass(frozen=True, slots=True)
class Fed:
    """What a job fed, as its result tells it, what went wrong, and which rows it did not hear."""

    told: JsonObject
    troubles: tuple[str, ...] = ()
    unheard: tuple[str, ...] = ()


def feed_after(context: JobContext, hearing: Hearing) -> Fed:
    """The last step of a job that read stock. Whatever goes wrong with it, the job itself went well."""
    settings, ledger, supplier = context.settings, context.ledger, context.supplier
    read_at = context.job.started_at or context.now()
    rows = bound(ledger, supplier)
    unheard = hearing.unheard(rows)
    try:
        told = _fed(settings, ledger, supplier, without(rows, unheard), read_at, dry_run=context.dry_run)
    except EvenstockError as error:
        context.log(Sign.ERROR, f"nothing was fed: {error}")
        return Fed({"error": str(error)}, (f"nothing was fed: {error}",), tuple(unheard))
    for name, document in told.items():
        context.log(Sign.STOCK, f"fed {name}: {document}"[:300])
    return Fed(told, tuple(_troubles(told)), tuple(unheard))


def _troubles(fed: JsonObject) -> Iterator[str]:
    """What went wrong with what is fed, in what is told of it."""
    for name, part in fed.items():
        told = part if isinstance(part, dict) else {}
        lists = (told.get("errors"), told.get("problems"))
        found = [f"{name}: {each}" for lines in lists if isinstance(lines, list) for each in lines]
        yield from found
        if told.get("success") is False and not found:
            yield f"{name}: some could not be fed: {told.get('balance')}"


def feed(settings: Settings, ledger: Ledger, supplier: Supplier, *, dry_run: bool) -> JsonObject:
    """Bring everything that a supplier feeds in line with its stock: `levels` and `items`, if there are any.

    Raises ConfigurationError as `last_heard` does, and what the own store raises.
    """
    rows, at = last_heard(settings, ledger, supplier)
    return _fed(settings, ledger, supplier, rows, at, dry_run=dry_run)


def release_items(
    settings: Settings, ledger: Ledger, supplier: Supplier, release: Release, *, dry_run: bool
) -> JsonObject:
    """Let through what is held of own items. Raises ConfigurationError as `feed` and `feed_items` do."""
    rows, at = last_heard(settings, ledger, supplier)
    items = [row for row in rows if row.own_item_id is not None]
    found = feed_items(settings, ledger, supplier, items, at, dry_run=dry_run, release=release)
    return {"items": found.as_dict()}


def last_heard(settings: Settings, ledger: Ledger, supplier: Supplier) -> tuple[list[Imported], datetime]:
    """What feeds something, with the numbers that jobs heard lately, and since when these may be known.

    Raises ConfigurationError if no job has read the stock lately: nobody knows then what was sold since.
    """
    rows, now = bound(ledger, supplier), settings.now()
    since = now - timedelta(hours=settings.stale_after_hours)
    jobs = ledger.stock_jobs(supplier.user_id, supplier.id, since)
    if rows and not jobs:
        raise ConfigurationError(
            f"no job has read the stock of {supplier.name} since {since:%Y-%m-%d %H:%M} UTC: "
            "let one do that first (evenstock run enqueue-job)"
        )
    heard = {name_of(row): _heard_at(row, jobs) for row in rows}
    silent = [name for name, at in heard.items() if at is None]
    return without(rows, silent), min((at for at in heard.values() if at), default=now)


def _heard_at(row: Imported, jobs: Sequence[Job]) -> datetime | None:
    """When the newest job began that heard a row."""
    name = name_of(row)
    return next((job.started_at for job in jobs if name not in _unheard_by(job)), None)


def _unheard_by(job: Job) -> Sequence[object]:
    found = (job.result_data or {}).get("unheard")
    return found if isinstance(found, list) else []


def _fed(
    settings: Settings,
    ledger: Ledger,
    supplier: Supplier,
    rows: Sequence[Imported],
    at: datetime,
    *,
    dry_run: bool,
) -> JsonObject:
    fed: JsonObject = {}
    if items := [row for row in rows if row.own_item_id is not None]:
        fed["items"] = feed_items(settings, ledger, supplier, items, at, dry_run=dry_run).as_dict()
    if levels := [row for row in rows if row.own_variant_id is not None]:
        fed["levels"] = _levels(settings, ledger, supplier, levels, at, dry_run=dry_run)
    return fed


def bound(ledger: Ledger, supplier: Supplier) -> list[Imported]:
    """The products and variants of a supplier that feed something."""
    return [
        *ledger.bound_products(supplier.user_id, supplier.id),
        *ledger.bound_variants(supplier.user_id, supplier.id),
    ]


def release(
    settings: Settings, ledger: Ledger, plan_id: str, planned: Mapping[int, Line], *, dry_run: bool
) -> tuple[LevelCourse, list[Imported]]:
    """Get ready to apply a plan of what a supplier feeds: the run, and the rows that it is to run over.

    Raises ConfigurationError if the supplier is gone, and as `last_heard` does.
    """
    made_by = ledger.run(ledger.plan(plan_id).run_id)
    of = made_by.parameters if made_by else {}
    supplier = ledger.supplier(str(of.get("user")), str(of.get("supplier")))
    if supplier is None:
        raise ConfigurationError(f"the supplier of plan {plan_id} is not there any more")
    rows, at = last_heard(settings, ledger, supplier)
    job = feed_levels.begin(settings, ledger, supplier, dry_run=dry_run, release_of=plan_id)
    levels = [row for row in rows if row.own_variant_id is not None]
    return LevelCourse(job, settings, ledger, supplier, at, planned), levels


def _levels(
    settings: Settings,
    ledger: Ledger,
    supplier: Supplier,
    rows: Sequence[Imported],
    at: datetime,
    *,
    dry_run: bool,
) -> JsonObject:
    channels = ledger.integrations(supplier.user_id)
    if not offers.feeds_channel(channels, offers.SHOPIFY, settings.shop):
        return {"problems": [f"the own store {settings.shop} is not to be fed"]}
    job = feed_levels.begin(settings, ledger, supplier, dry_run=dry_run)
    course = LevelCourse(job, settings, ledger, supplier, at)
    told = course.run(rows)
    if not dry_run and not course.trouble:
        ledger.channel_fed(supplier.user_id, offers.SHOPIFY, settings.shop, settings.now())
    return told
