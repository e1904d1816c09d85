"""The steps of a run as Prefect runs them: each opens what it needs and works on plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from connectors.errors import ConnectorError
from connectors.records import JsonObject
from connectors.settings import load_settings
from tasks import discover, fetch, remember
from tasks.carry import Carrier, SoldRecently
from tasks.desk import ledger_of, open_rms, open_shop
from tasks.discover import Discovery
from tasks.job import Job, ProductJob
from tasks.lease import clock
from tasks.mark import Marker
from tasks.marking import OlderMarks
from tasks.matching import Truth
from tasks.policy import reads, writes
from tasks.slots import writing
from tasks.verdicts import marked_to_json, to_json

T = TypeVar("T")

Figures = Mapping[str, int | float]
"""What a step asked of an API: calls, retries, points, throttled, seconds waited."""


@dataclass(frozen=True, slots=True)
class Metered(Generic[T]):
    """A step's result and what it asked of the API for it."""

    value: T
    usage: Figures


@reads("discover products")
def discover_products(job: Job) -> Metered[Discovery]:
    """Find the products to look at, and every SKU of the shop."""
    settings = load_settings()
    ledger = ledger_of(settings)
    shop = open_shop(settings, job.location)
    with shop.http:
        attempts = ledger.attempts(job.account) if job.limit else {}
        is_sweep_due = remember.is_sweep_due(ledger, job)
        found = discover.unsynced(shop, job, attempts, is_sweep_due=is_sweep_due)
    if not job.dry_run:
        ledger.record_attempts(job.account, [product.id for product in found.products], clock())
    return Metered(found, shop.http.usage.as_dict())


@reads("fetch RMS stock")
def fetch_truth(ccods: Sequence[str]) -> Truth:
    """Ask RMS for the stock of these CCODs."""
    return fetch.truth(open_rms(load_settings()), ccods)


@reads("fetch late orders")
def fetch_unbooked(job: Job, seen_at: Mapping[int, datetime]) -> Metered[Mapping[int, int]]:
    """Units sold so lately that RMS may not have booked them."""
    settings = load_settings()
    shop = open_shop(settings, job.location)
    with shop.http:
        units = fetch.unbooked(shop, seen_at, timedelta(minutes=settings.rms_order_delay_minutes))
    return Metered(units, shop.http.usage.as_dict())


@reads("fetch recent orders")
def fetch_sold_recently(job: Job, until: datetime) -> Metered[SoldRecently]:
    """Variants with orders in the last days; None where orders cannot be read: then nothing is deleted."""
    settings = load_settings()
    shop = open_shop(settings, job.location)
    if not job.reads_orders:
        return Metered(SoldRecently(None, None), {})
    since = until - timedelta(days=settings.reverse_sync_recent_order_days)
    with shop.http:
        try:
            sold = SoldRecently(fetch.sold_since(shop, since), until)
        except ConnectorError:
            sold = SoldRecently(None, None)
    return Metered(sold, shop.http.usage.as_dict())


@writes("carry a batch")
def carry_batch(job: Job, batch: int, products: Sequence[ProductJob], sold: SoldRecently) -> JsonObject:
    """Carry one batch of products from lease to mark; see `tasks.carry`."""
    settings = load_settings()
    shop = open_shop(settings, job.location)
    with shop.http, writing(job.account):
        return to_json(Carrier(job, shop, ledger_of(settings), settings, sold).carry(batch, products))


@writes("mark products")
def mark_products(job: Job, finished: OlderMarks, stale: OlderMarks | None) -> JsonObject:
    """Leave the day's mark on finished products, and sweep older marks off others; see `tasks.mark`."""
    settings = load_settings()
    shop = open_shop(settings, job.location)
    with shop.http, writing(job.account):
        marked = Marker(job, shop, ledger_of(settings), settings).mark(finished, stale)
    return marked_to_json(marked, shop.http.usage.as_dict())
