"""Turn parameters, settings and the store's own word into a job, or refuse them in one sentence."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TypeVar

from prefect import runtime

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger
from connectors.ledger.records import Run
from connectors.records import JsonObject, JsonValue
from connectors.settings import Settings
from tasks.desk import ledger_of, open_shop
from tasks.job import Job
from tasks.lease import clock
from tasks.report import Story
from tasks.rollback import RollbackMode
from tasks.start import Timing, the_day, the_location, the_store, the_zone
from tasks.verdicts import add_usage

T = TypeVar("T")

REVERSE_SYNC = "reverse-stock-sync"

OLDER_ORDERS_DAYS = 60
"""Without `read_all_orders` Shopify shows no orders older than this."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters as they were given; None leaves the choice to the settings."""

    dry_run: bool = False
    delete_zero_stock: bool | None = None
    batch_size: int | None = None
    limit: int | None = None
    max_concurrent: int | None = None
    day: date | None = None
    products: tuple[int, ...] | None = None
    release: str | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """A run that has begun: what to do, with which settings, and the story it will tell."""

    job: Job
    settings: Settings
    ledger: Ledger
    story: Story


def reverse_sync(settings: Settings, asked: Asked) -> Work:
    """Begin a run. Raises ConfigurationError for what a person has to mend; nothing was written then."""
    if settings.disable_external_calls:
        raise ConfigurationError(
            "DISABLE_EXTERNAL_CALLS is set: the reverse stock sync does not start with it"
        )
    settings.require("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN", "RMS_DATABASE_URL")
    ledger = ledger_of(settings)
    shop = open_shop(settings)
    with shop.http:
        facts = the_store(settings, shop)
        location = the_location(settings, shop, ledger, settings.shop, clock())
    timing = _timing(settings)
    day = _first_day(ledger) or the_day(asked.day, timing, the_zone(settings, facts))
    job = _job(settings, asked, day, location, reads_orders(settings, facts.scopes))
    job = replace(job, run_id=_recorded(job, ledger, asked).id)
    story = Story(
        sync_id=job.run_id,
        flow=job.flow,
        day=day,
        started_at=job.started_at,
        dry_run=job.dry_run,
        max_concurrent=job.max_concurrent,
        writes=settings.evenstock_writes,
    )
    add_usage(story.api, f"shopify:{job.account}", shop.http.usage.as_dict())
    return Work(job, settings, ledger, story)


def _job(settings: Settings, asked: Asked, day: date, location: int, reads_orders: bool) -> Job:  # noqa: FBT001
    started = clock()
    return Job(
        run_id=f"reverse_stock_{settings.now():%Y%m%d_%H%M%S}",
        flow=REVERSE_SYNC,
        account=settings.shop,
        location=location,
        day=day,
        started_at=started,
        dry_run=asked.dry_run,
        delete_zero_stock=_or(asked.delete_zero_stock, settings.reverse_sync_delete_zero_stock),
        batch_size=_or(asked.batch_size, settings.reverse_sync_batch_size),
        max_concurrent=_or(asked.max_concurrent, settings.reverse_sync_max_concurrent),
        limit=asked.limit,
        products=asked.products,
        quantity_name="on_hand" if settings.reverse_sync_quantity_name == "on_hand" else "available",
        reads_orders=reads_orders,
        release=asked.release,
        rollback=RollbackMode(settings.reverse_sync_rollback.value),
    )


def _or(given: T | None, setting: T) -> T:
    return setting if given is None else given


def _timing(settings: Settings) -> Timing:
    """When the run was meant to start, and now; EVENSTOCK_NOW stands for both."""
    now = settings.now()
    scheduled: datetime | None = runtime.flow_run.scheduled_start_time
    if settings.evenstock_now is not None or scheduled is None:
        return Timing(now, now)
    return Timing(scheduled if scheduled.tzinfo else scheduled.replace(tzinfo=UTC), now)


def reads_orders(settings: Settings, scopes: frozenset[str]) -> bool:
    """Whether orders can be read as far back as the deletion checks have to look."""
    is_far = settings.reverse_sync_recent_order_days > OLDER_ORDERS_DAYS
    return "read_orders" in scopes and (not is_far or "read_all_orders" in scopes)


def _first_day(ledger: Ledger) -> date | None:
    """The day of this very Prefect run's first start: a run that is tried again keeps it."""
    run_id = runtime.flow_run.id
    before = ledger.runs_of(run_id) if run_id else []
    return next((run.day for run in before if run.flow == REVERSE_SYNC), None)


def _recorded(job: Job, ledger: Ledger, asked: Asked) -> Run:
    parameters: JsonObject = {
        "dry_run": job.dry_run,
        "delete_zero_stock": job.delete_zero_stock,
        "batch_size": job.batch_size,
        "limit": job.limit,
        "max_concurrent": job.max_concurrent,
        "products": None if asked.products is None else list[JsonValue](asked.products),
        "release": job.release,
    }
    return ledger.start_run(
        Run(
            id=job.run_id,
            flow=job.flow,
            account=job.account,
            day=job.day,
            started_at=job.started_at,
            heartbeat_at=job.started_at,
            dry_run=job.dry_run,
            parameters=parameters,
            prefect_run_id=runtime.flow_run.id,
        )
    )
