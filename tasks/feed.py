"""Let a supplier's imported products feed whatever they are bound to: levels of the own store, own items."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from connectors.errors import ConfigurationError, EvenstockError
from connectors.ledger import Ledger
from connectors.ledger.supplier_records import Supplier
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks import feed_levels, offers
from tasks.feed_items import feed_items
from tasks.feed_levels import LevelCourse
from tasks.hearing import Hearing
from tasks.offers import Imported
from tasks.plan import Line
from tasks.signs import Sign
from tasks.supplier_job import JobContext


def feed_after(context: JobContext, hearing: Hearing) -> tuple[JsonObject, tuple[str, ...]]:
    """The last step of a job that read stock: what was fed, and what went wrong. The job itself went well."""
    settings, ledger, supplier = context.settings, context.ledger, context.supplier
    read_at = context.job.started_at or context.now()
    try:
        rows = hearing.heard(bound(ledger, supplier))
        fed = _fed(settings, ledger, supplier, rows, read_at, dry_run=context.dry_run)
    except EvenstockError as error:
        context.log(Sign.ERROR, f"nothing was fed: {error}")
        return {"error": str(error)}, (f"nothing was fed: {error}",)
    for name, document in fed.items():
        context.log(Sign.STOCK, f"fed {name}: {document}"[:300])
    return fed, tuple(_troubles(fed))


def _troubles(fed: JsonObject) -> Iterator[str]:
    """What went wrong with what is fed, in what is told of it."""
    for name, part in fed.items():
        told = part if isinstance(part, dict) else {}
        if told.get("success") is False:
            yield f"{name} that are fed: {told.get('message')}"
        problems = told.get("problems")
        yield from (str(each) for each in problems) if isinstance(problems, list) else ()


def feed(settings: Settings, ledger: Ledger, supplier: Supplier, *, dry_run: bool) -> JsonObject:
    """Bring everything that a supplier feeds in line with its stock: `levels` and `items`, if there are any.

    Raises ConfigurationError as `read_at` does, and what the own store raises.
    """
    rows = bound(ledger, supplier)
    at = read_at(settings, ledger, supplier) if rows else settings.now()
    return _fed(settings, ledger, supplier, rows, at, dry_run=dry_run)


def read_at(settings: Settings, ledger: Ledger, supplier: Supplier) -> datetime:
    """When a job began to read the stock that is known now.

    Raises ConfigurationError if that is too long ago: nobody knows then what was sold since.
    """
    found = ledger.stock_read_at(supplier.user_id, supplier.id)
    oldest = settings.now() - timedelta(hours=settings.stale_after_hours)
    if found is None or found < oldest:
        when = f"last read at {found:%Y-%m-%d %H:%M} UTC" if found else "not read by any job that is known"
        raise ConfigurationError(f"the stock of {supplier.name} was {when}: let a job read it first")
    return found


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
        fed["levels"] = _levels(settings, ledger, supplier, levels, dry_run=dry_run)
    return fed


def bound(ledger: Ledger, supplier: Supplier) -> list[Imported]:
    """The products and variants of a supplier that feed something."""
    return [
        *ledger.bound_products(supplier.user_id, supplier.id),
        *ledger.bound_variants(supplier.user_id, supplier.id),
    ]


def bound_items(ledger: Ledger, supplier: Supplier) -> list[Imported]:
    """Those of them that feed own items."""
    return [row for row in bound(ledger, supplier) if row.own_item_id is not None]


def bound_levels(ledger: Ledger, supplier: Supplier) -> list[Imported]:
    """Those of them that feed levels of the own store."""
    return [row for row in bound(ledger, supplier) if row.own_variant_id is not None]


def release(
    settings: Settings, ledger: Ledger, plan_id: str, planned: Mapping[int, Line], *, dry_run: bool
) -> LevelCourse:
    """Get ready to apply a plan of what a supplier feeds. Raises ConfigurationError if it is gone."""
    made_by = ledger.run(ledger.plan(plan_id).run_id)
    of = made_by.parameters if made_by else {}
    supplier = ledger.supplier(str(of.get("user")), str(of.get("supplier")))
    if supplier is None:
        raise ConfigurationError(f"the supplier of plan {plan_id} is not there any more")
    job = feed_levels.begin(settings, ledger, supplier, dry_run=dry_run, release_of=plan_id)
    return LevelCourse(job, settings, ledger, supplier, planned)


def _levels(
    settings: Settings, ledger: Ledger, supplier: Supplier, rows: Sequence[Imported], *, dry_run: bool
) -> JsonObject:
    channels = ledger.integrations(supplier.user_id)
    if not offers.feeds_channel(channels, offers.SHOPIFY, settings.shop):
        return {"problems": [f"the own store {settings.shop} is not to be fed"]}
    job = feed_levels.begin(settings, ledger, supplier, dry_run=dry_run)
    course = LevelCourse(job, settings, ledger, supplier)
    told = course.run(rows)
    if not dry_run and not course.trouble:
        ledger.channel_fed(supplier.user_id, offers.SHOPIFY, settings.shop, settings.now())
    return told
