"""Carry out an inventory refresh: begin it alone, find the variants, read and store levels, end it."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar
from uuid import uuid4

from prefect import runtime
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.events import emit_event

from connectors.errors import ConfigurationError, ConnectorError, RateLimited, Unauthorised
from connectors.ledger import Ledger, RefreshLog, Run, RunState, SyncStatus, SyncType, VendorVariant
from connectors.ledger.vendor_inventory import unlisted
from connectors.records import JsonObject, JsonValue, StockedProduct
from connectors.settings import Settings
from connectors.shopify import Shopify
from connectors.slices import chunks
from tasks import absence, refresh_page, refreshing, run
from tasks.absence import Limits
from tasks.desk import ledger_of
from tasks.lease import clock, held
from tasks.refreshing import BatchEnd, Compared, Found, Refresh, RefreshRefused, Remainder, Tale

T = TypeVar("T")

FLOWS = {
    SyncType.MANUAL: "inventory-refresh",
    SyncType.SCHEDULED: "inventory-refresh-scheduled",
    SyncType.WEBHOOK: "inventory-refresh-webhook",
}
"""The flow that serves each type of sync; the ledger keeps runs under these names."""

PRODUCTS = 100
"""Products asked for at once, with 50 variants each."""

WIDTH = 10
"""Calls that are on their way at the same time, unless they are spaced."""

TERM = 60.0
"""Seconds after which a refresh whose process was killed no longer keeps others out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters as they were given. No product ids: all products."""

    sync_type: SyncType
    triggered_by: str
    product_ids: object = None
    retry_of: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """A refresh that has begun: what is to be looked at, with which settings, and the tale it will tell."""

    refresh: Refresh
    settings: Settings
    ledger: Ledger
    tale: Tale
    products: tuple[int, ...] = ()
    items: tuple[int, ...] = ()
    began: float = field(default_factory=time.perf_counter)


# ------------------------------------------------------------------ begin and end


@contextmanager
def underway(settings: Settings, asked: Asked) -> Iterator[Work]:
    """Begin a refresh that nobody else is doing, and close its log however it ends.

    Raises RefreshRefused for what the answer has a code for, and ConfigurationError for settings that a
    person has to mend.
    """
    products = _products(asked)
    ledger = _opened(settings)
    with ExitStack() as stack:
        if not asked.dry_run:
            stack.enter_context(_alone(settings, ledger, asked.sync_type))
            _refuse_cooldown(settings, ledger, asked)
        work = _begun(settings, ledger, asked, products)
        stack.enter_context(run.alive(settings, ledger, work.refresh.run_id, dry_run=asked.dry_run))
        try:
            yield work
        except RefreshRefused as error:
            _close_failed(work, error.code, str(error))
            raise
        except ConnectorError as error:
            code = _code(error)
            _close_failed(work, code, str(error))
            raise RefreshRefused(code, str(error)) from None
        except BaseException as error:
            _close_failed(work, refreshing.INVENTORY_REFRESH_FAILED, f"{type(error).__name__}: {error}")
            raise


def _products(asked: Asked) -> tuple[int, ...]:
    """The products that were named; none if the store or an earlier refresh says which."""
    if asked.retry_of is not None or asked.sync_type is SyncType.SCHEDULED:
        return ()
    return refreshing.product_ids(asked.product_ids)


def _opened(settings: Settings) -> Ledger:
    if settings.disable_external_calls:
        raise ConfigurationError(
            "DISABLE_EXTERNAL_CALLS is set: the inventory refresh does not start with it"
        )
    try:
        settings.require("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN")
    except ConfigurationError as error:
        raise RefreshRefused(refreshing.MISSING_CREDENTIALS, str(error)) from None
    return ledger_of(settings)


def resource(account: str, sync_type: SyncType) -> str:
    """What a refresh holds a lease on: web hooks have a way of their own, beside the long refreshes."""
    return f"inventory-refresh:{account}" + (":webhook" if sync_type is SyncType.WEBHOOK else "")


def rivals(sync_type: SyncType) -> tuple[SyncType, ...]:
    """The types of sync that share one lease."""
    hook = (SyncType.WEBHOOK,)
    return hook if sync_type is SyncType.WEBHOOK else (SyncType.MANUAL, SyncType.SCHEDULED)


@contextmanager
def _alone(settings: Settings, ledger: Ledger, sync_type: SyncType) -> Iterator[None]:
    """Keep others out, and close the logs of refreshes whose process died: nobody else can be at work."""
    wanted = resource(settings.shop, sync_type)
    term = min(TERM, float(settings.reverse_sync_lock_seconds))
    with held(ledger, [wanted], f"{sync_type}:{uuid4()}", term) as hold:
        if wanted not in hold.fences:
            raise RefreshRefused(refreshing.REFRESH_RUNNING, _running(settings, ledger, wanted))
        _close_the_dead(settings, ledger, sync_type)
        yield


def _close_the_dead(settings: Settings, ledger: Ledger, sync_type: SyncType) -> None:
    why: JsonObject = {"errors": [], "interrupted": True}
    for log in ledger.close_dead_refreshes(settings.shop, rivals(sync_type), settings.now(), why):
        if log.run_id:
            answer = refreshing.failure(refreshing.INVENTORY_REFRESH_FAILED, "killed before its end")
            ledger.finish_run(log.run_id, RunState.KILLED, clock(), answer)
    # Those that died before they had a log, or after it was closed.
    ledger.close_dead_runs(clock(), run.SILENT_FOR)


def _running(settings: Settings, ledger: Ledger, wanted: str) -> str:
    until = ledger.held_until(wanted, clock()) or clock()
    return (
        f"a refresh of {settings.shop} is running; it keeps others out until {until.isoformat()}, "
        "and for longer if it is still at work then"
    )


def _refuse_cooldown(settings: Settings, ledger: Ledger, asked: Asked) -> None:
    if asked.sync_type is not SyncType.MANUAL or asked.retry_of is not None:
        return
    until = cooldown_until(settings, ledger)
    if until:
        raise RefreshRefused(
            refreshing.REFRESH_COOLDOWN,
            f"inventory was refreshed just now; the next manual refresh is possible at {until.isoformat()}",
        )


def cooldown_until(settings: Settings, ledger: Ledger) -> datetime | None:
    """Until when manual refreshes are refused; None if they are not."""
    finished = ledger.last_manual_refresh(settings.shop)
    return refreshing.cooldown_until(finished, settings.inventory_refresh_cooldown_minutes, settings.now())


def _begun(settings: Settings, ledger: Ledger, asked: Asked, products: tuple[int, ...]) -> Work:
    left = _left_by(settings, ledger, asked.retry_of)
    products = left.products if left else products
    recorded = _recorded(settings, ledger, asked, products)
    refresh = Refresh(
        sync_log_id=str(uuid4()),
        run_id=recorded.id,
        account=settings.shop,
        sync_type=asked.sync_type,
        triggered_by=asked.triggered_by,
        started_at=settings.now(),
        dry_run=asked.dry_run,
        retry_of=asked.retry_of,
        limits=Limits(settings.min_zero_count, settings.max_zero_share),
    )
    if not asked.dry_run:
        ledger.start_refresh(_log(refresh, len(products)))
    return Work(refresh, settings, ledger, Tale(refresh), products, left.items if left else ())


def _left_by(settings: Settings, ledger: Ledger, retry_of: str | None) -> Remainder | None:
    """What an earlier refresh left undone."""
    if retry_of is None:
        return None
    log = ledger.refresh_log(settings.shop, retry_of)
    if log is None:
        raise RefreshRefused(
            refreshing.INVENTORY_REFRESH_FAILED,
            f"retry_of: there is no refresh with the syncLogId {retry_of}",
        )
    if log.retry_of and refreshing.came_to_nothing(log):
        return _left_by(settings, ledger, log.retry_of)
    earlier = ledger.run(log.run_id) if log.run_id else None
    named = earlier.parameters.get("products") if earlier else None
    asked = [each for each in named if isinstance(each, int)] if isinstance(named, list) else []
    return refreshing.remainder(log, asked)


def _recorded(settings: Settings, ledger: Ledger, asked: Asked, products: Sequence[int]) -> Run:
    parameters: JsonObject = {
        "dry_run": asked.dry_run,
        "products": list[JsonValue](products),
        "retry_of": asked.retry_of,
        "triggered_by": asked.triggered_by,
    }
    now = clock()
    return ledger.start_run(
        Run(
            id=f"inventory_refresh_{settings.now():%Y%m%d_%H%M%S}",
            flow=FLOWS[asked.sync_type],
            account=settings.shop,
            day=settings.now().date(),
            started_at=now,
            heartbeat_at=now,
            dry_run=asked.dry_run,
            parameters=parameters,
            prefect_run_id=runtime.flow_run.id,
        )
    )


def _log(refresh: Refresh, products: int) -> RefreshLog:
    return RefreshLog(
        id=refresh.sync_log_id,
        account=refresh.account,
        sync_type=refresh.sync_type,
        triggered_by=refresh.triggered_by,
        started_at=refresh.started_at,
        sync_batch_id=refresh.sync_log_id,
        run_id=refresh.run_id,
        retry_of=refresh.retry_of,
        products_total=products,
    )


def _code(error: ConnectorError) -> str:
    limited = isinstance(error, RateLimited)
    return refreshing.SHOPIFY_RATE_LIMITED if limited else refreshing.INVENTORY_REFRESH_FAILED


def _close_failed(work: Work, code: str, why: str) -> None:
    answer = refreshing.failure(code, why)
    details: JsonObject = {"errors": [{"batch": 0, "error": why, "inventoryItems": []}], "code": code}
    if not work.refresh.dry_run:
        work.ledger.finish_refresh(
            work.refresh.sync_log_id,
            work.settings.now(),
            {
                "status": SyncStatus.FAILED,
                "products_synced": 0,
                "errors_count": 1,
                "error_details": details,
                "result": answer,
            },
        )
    work.ledger.finish_run(work.refresh.run_id, RunState.FAILED, clock(), answer)


def finish(work: Work) -> JsonObject:
    """Close the refresh in the ledger, publish its artifacts and its event, and return its report."""
    tale = work.tale
    tale.seconds = time.perf_counter() - work.began
    came_to_nothing = bool(tale.failed_products) and not tale.read_items
    if not work.refresh.dry_run and not work.ledger.finish_refresh(
        work.refresh.sync_log_id,
        work.settings.now(),
        {
            "status": SyncStatus.FAILED if came_to_nothing else SyncStatus.COMPLETED,
            "products_synced": tale.total_products - len(tale.failed_products),
            "errors_count": len(refreshing.errors(tale)),
            "error_details": refreshing.error_details(tale),
            "result": refreshing.data(tale),
        },
    ):
        tale.warnings.append("this refresh was taken for dead meanwhile; its log stays failed")
    document = refreshing.report(tale)
    state = RunState.FAILED if tale.failed_products else RunState.COMPLETED
    work.ledger.finish_run(work.refresh.run_id, state, clock(), document)
    _publish(tale)
    return document


def _publish(tale: Tale) -> None:
    flow = FLOWS[tale.refresh.sync_type]
    create_markdown_artifact(
        refresh_page.markdown(tale), key=f"{flow}-summary", description="How the refresh went"
    )
    create_table_artifact(
        refresh_page.table(tale),
        key=f"{flow}-batches",
        description="Seconds, retries and errors of each batch",
    )
    account = tale.refresh.account
    resource_ = {"prefect.resource.id": f"evenstock.shop.{account}", "prefect.resource.name": account}
    payload = {"flow": flow, "sync_id": tale.refresh.run_id, "message": refreshing.message(tale)}
    emit_event("evenstock.run.finished", resource=resource_, payload=payload | refreshing.data(tale))


# ------------------------------------------------------------------ find and read


def find(shop: Shopify, ledger: Ledger, refresh: Refresh, products: Sequence[int], spacing: float) -> Found:
    """Ask the store for the variants of products, and remember them.

    Variants that were known and are no more are marked, with their levels, unless so many of all that are
    known are missing at once that nobody believes it: then their products are unread. So are those of a call
    that fails. Raises Unauthorised: no other call would do better.
    """
    known = ledger.vendor_variant_count(refresh.account)
    with ThreadPoolExecutor(1 if spacing else WIDTH) as pool:
        calls = [
            pool.submit(_find_some, shop, ledger, refresh, some, spacing if number else 0.0)
            for number, some in enumerate(chunks(products, PRODUCTS))
        ]
        parts = [call.result() for call in calls]
    found = refreshing.together([part.found for part in parts])
    missing = [variant for part in parts for variant in part.missing]
    if why := absence.doubt(known, len(missing), refresh.limits):
        return refreshing.disbelieved(found, {each.shopify_product_id for each in missing}, why)
    for part in parts:
        if part.missing and part.at and not refresh.dry_run:
            ledger.mark_vendor_variants_gone(refresh.account, part.missing, part.at)
    return replace(found, gone=len(missing))


@dataclass(frozen=True, slots=True)
class _Part:
    """What one call found, and when; the variants that it lacks and that were there until now."""

    found: Found
    missing: Sequence[VendorVariant] = ()
    at: datetime | None = None


def _find_some(
    shop: Shopify, ledger: Ledger, refresh: Refresh, products: Sequence[int], pause: float
) -> _Part:
    if pause:
        shop.http.pause(pause)
    try:
        shown, at = _looked_up_twice(shop.stocked_products, products)
        missing = unlisted(ledger.vendor_variants(refresh.account, products), _variant_ids(shown.values()))
        if not refresh.dry_run:
            ledger.store_vendor_variants(_remembered(refresh, shown.values(), at))
    except Unauthorised:
        raise
    except ConnectorError as error:
        unread = dict.fromkeys(products, str(error))
        return _Part(Found({}, unread=unread, is_limited=isinstance(error, RateLimited)))
    found = Found(
        products={each.id: tuple(one.item_id for one in each.variants) for each in shown.values()},
        unknown=tuple(number for number in products if number not in shown),
    )
    return _Part(found, missing, at)


def _looked_up_twice(
    look_up: Callable[[Sequence[int]], tuple[dict[int, T], datetime]], numbers: Sequence[int]
) -> tuple[dict[int, T], datetime]:
    """What the store has of these numbers, as of its first answer. What is missing there is asked for again:

    one answer with a hole in it is not enough to take a thing for gone.
    """
    found, at = look_up(numbers)
    missing = [each for each in numbers if each not in found]
    return (found | look_up(missing)[0] if missing else found), at


def _variant_ids(shown: Iterable[StockedProduct]) -> set[int]:
    return {variant.id for product in shown for variant in product.variants}


def _remembered(refresh: Refresh, shown: Iterable[StockedProduct], at: datetime) -> list[VendorVariant]:
    return [
        VendorVariant(
            account=refresh.account,
            shopify_variant_id=each.id,
            shopify_product_id=each.product_id,
            inventory_item_id=each.item_id,
            updated_at=at,
            sku=each.sku,
            tracked=each.tracked,
        )
        for product in shown
        for each in product.variants
    ]


def with_retried(found: Found, ledger: Ledger, account: str, items: Sequence[int]) -> Found:
    """The products found, and those of the items that an earlier refresh could not store."""
    wanted = set(items)
    again: dict[int, tuple[int, ...]] = {}
    for item, product in sorted(ledger.vendor_products_of(account, wanted).items()):
        again[product] = (*again.get(product, ()), item)
    return replace(found, products=again | dict(found.products))


def read_batch(
    shop: Shopify, ledger: Ledger, refresh: Refresh, number: int, items: Sequence[int]
) -> BatchEnd:
    """Read the levels of some items, compare them with what is known, and store them.

    An answer that lacks so much at once that nobody believes it is not stored.
    """
    began = shop.http.elapsed()
    try:
        found, at = _looked_up_twice(shop.available_everywhere, items)
        known = ledger.vendor_levels(refresh.account, items)
        lost = refreshing.lost(items, found, known)
        if why := absence.doubt(len(items), len(lost), refresh.limits):
            end = refreshing.broken_off(number, items, refreshing.not_believed(why))
        else:
            compared = refreshing.compare(items, found, known)
            _store(ledger, refresh, compared, at)
            end = BatchEnd(number, tuple(items), compared.failed, changes=compared.changes)
    except ConnectorError as error:
        end = refreshing.broken_off(number, items, str(error))
    seconds = shop.http.elapsed() - began
    return replace(end, seconds=seconds, usage=shop.http.usage.as_dict())


def _store(ledger: Ledger, refresh: Refresh, compared: Compared, at: datetime) -> None:
    if not refresh.dry_run:
        ledger.store_vendor_levels(refresh.account, compared.levels, at, refresh.sync_log_id)
        absent = [item for item, why in compared.failed.items() if why == refreshing.NOT_IN_STORE]
        _mark_gone(ledger, refresh.account, absent, at)


def _mark_gone(ledger: Ledger, account: str, items: Sequence[int], at: datetime) -> None:
    if items:
        ledger.mark_vendor_variants_gone(account, ledger.vendor_variants_of_items(account, items), at)
