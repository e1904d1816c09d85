"""Refresh what is known of the own store's inventory, for other programs to read from the ledger.

Starts   by hand for some products, by a schedule for all of them, or by the store's web hooks.
Writes   vendor_variants, vendor_inventory_levels and inventory_sync_log in the ledger; nothing in the store.
Stops    nothing as a whole: a batch that fails is listed, and can be retried alone.
"""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, cast

from prefect import flow, runtime
from prefect.futures import PrefectFuture
from pydantic import Field, WithJsonSchema

from connectors.ledger import SyncType
from connectors.records import JsonObject
from connectors.settings import load_settings
from connectors.slices import chunks
from flows.keep_even import as_state
from flows.policy import reports
from tasks import refresh as errands
from tasks import refreshing, run
from tasks.refresh import WIDTH, Asked, Work
from tasks.refresh_steps import find_variants, list_products, refresh_batch
from tasks.refreshing import BatchEnd, RefreshRefused
from tasks.status import inventory_status
from tasks.verdicts import add_usage

ProductIds = Annotated[
    object,
    Field(title="product_ids"),
    WithJsonSchema({"type": "array", "items": {"type": "integer"}, "title": "product_ids"}),
]
"""Any value, so that the answer and not Prefect says what is wrong with it; a form asks for whole numbers."""

By = Annotated[str, Field(min_length=1, max_length=255)]


def _run_name() -> str:
    """What the runs list shows: what was refreshed, and how."""
    asked = runtime.flow_run.parameters
    return f"{runtime.flow_run.flow_name}: {_subject(asked)}" + (" (dry run)" if asked.get("dry_run") else "")


def _subject(asked: Mapping[str, object]) -> str:
    ids, retry_of = asked.get("product_ids"), asked.get("retry_of")
    if retry_of:
        return f"what failed in {retry_of}"
    if "product_ids" not in asked:
        return "all products"
    if not isinstance(ids, list | tuple):
        return "no products"
    return f"product {ids[0]}" if len(ids) == 1 else f"{len(ids)} products"


@reports("inventory-refresh", _run_name)
def manual_inventory_refresh(
    product_ids: ProductIds = None,
    mode: Literal["batch"] = "batch",
    retry_of: str | None = None,
    triggered_by: By = "operator",
    dry_run: bool = False,
) -> JsonObject:
    """Read the stock of some products at all locations, and store it in vendor_inventory_levels.

    Args:
        product_ids: The products: Shopify's numbers, as at the end of a product's address in the admin.
        mode: How they are read; there is only one way, in batches.
        retry_of: A syncLogId: read only what failed in that refresh. No product ids are needed then, and the
            cooldown does not count.
        triggered_by: Who asks; kept in the sync log.
        dry_run: Only show what would change; nothing is stored, and nobody else is kept waiting.

    The answer has `data`, or `error` with a code: INVALID_PRODUCT_IDS, MISSING_CREDENTIALS,
    REFRESH_COOLDOWN, REFRESH_RUNNING, SHOPIFY_RATE_LIMITED, INVENTORY_REFRESH_FAILED.

    """
    del mode
    return _refreshed(Asked(SyncType.MANUAL, triggered_by, product_ids, retry_of, dry_run))


@reports("inventory-refresh-scheduled", _run_name)
def scheduled_inventory_refresh(triggered_by: By = "schedule", dry_run: bool = False) -> JsonObject:
    """Read the stock of all products at all locations: those of the store, and those known from before.

    Args:
        triggered_by: Who asks; kept in the sync log.
        dry_run: Only show what would change; nothing is stored, and nobody else is kept waiting.

    """
    return _refreshed(Asked(SyncType.SCHEDULED, triggered_by, dry_run=dry_run))


@reports("inventory-refresh-webhook", _run_name)
def webhook_inventory_refresh(
    product_ids: ProductIds = None, triggered_by: By = "webhook", dry_run: bool = False
) -> JsonObject:
    """Read the stock of products that the store's web hooks named.

    Args:
        product_ids: The products: Shopify's numbers.
        triggered_by: Who asks; kept in the sync log.
        dry_run: Only show what would change; nothing is stored, and nobody else is kept waiting.

    """
    return _refreshed(Asked(SyncType.WEBHOOK, triggered_by, product_ids, dry_run=dry_run))


def refresh(product_ids: Sequence[int], sync_type: SyncType, triggered_by: str) -> JsonObject:
    """Refresh products as one run of the flow of that type; a scheduled one takes all products."""
    if sync_type is SyncType.MANUAL:
        return manual_inventory_refresh(product_ids, triggered_by=triggered_by)
    if sync_type is SyncType.WEBHOOK:
        return webhook_inventory_refresh(product_ids, triggered_by=triggered_by)
    return scheduled_inventory_refresh(triggered_by=triggered_by)


# ------------------------------------------------------------------ the course


def _refreshed(asked: Asked) -> JsonObject:
    try:
        with errands.underway(load_settings(), asked) as work:
            _find(work)
            _read(work)
            document = errands.finish(work)
    except RefreshRefused as refused:
        return _answer(refreshing.failure(refused.code, str(refused)))
    return _answer(document)


def _answer(document: JsonObject) -> JsonObject:
    run.log(str(document["message"]))
    return as_state(document, "Completed" if document["success"] else "Failed", str(document["message"]))


def _find(work: Work) -> None:
    """Which inventory items there are to read."""
    products: Sequence[int] = work.products
    if work.refresh.sync_type is SyncType.SCHEDULED:
        listed = list_products(work.refresh)
        _count(work, listed.usage)
        products = listed.value
    metered = find_variants(work.refresh, products)
    _count(work, metered.usage)
    found = metered.value
    if work.refresh.sync_type is SyncType.SCHEDULED:
        # Nobody asked for those that are no more: they are marked, and that is all.
        found = replace(found, unknown=())
    tale = work.tale
    tale.found = errands.with_retried(found, work.ledger, work.refresh.account, work.items)
    if refusal := refreshing.unreadable(tale):
        raise refusal
    run.log(f"{len(tale.found.items)} inventory items of {tale.total_products} products")


def _read(work: Work) -> None:
    """Read the batches, some side by side, and take in how each ended."""
    batches = list(chunks(work.tale.found.items, work.settings.inventory_refresh_batch_size))
    _note_size(work, len(batches))
    progress = run.Progress(len(batches), "batches read")
    for number, (items, future) in enumerate(_side_by_side(work, batches), start=1):
        end = _ended(number, items, future)
        work.tale.batches.append(end)
        _count(work, end.usage)
        _note_progress(work)
        progress.step()


def _side_by_side(
    work: Work, batches: Sequence[Sequence[int]]
) -> Iterator[tuple[Sequence[int], PrefectFuture[JsonObject]]]:
    """Submit batches, some at a time, or one by one with pauses; yield them in their order."""
    spacing = work.settings.inventory_refresh_spacing_seconds
    waiting: deque[tuple[Sequence[int], PrefectFuture[JsonObject]]] = deque()
    for number, items in enumerate(batches, start=1):
        if len(waiting) >= (1 if spacing else WIDTH):
            yield waiting.popleft()
        time.sleep(spacing)
        waiting.append((items, refresh_batch.submit(work.refresh, number, items)))
    yield from waiting


def _ended(number: int, items: Sequence[int], future: PrefectFuture[JsonObject]) -> BatchEnd:
    """A batch's end; one that broke off stops only itself."""
    try:
        future.wait()
        return refreshing.end_from_json(cast("JsonObject", cast("Any", future.state).result()))
    except Exception as error:  # noqa: BLE001 - isolation: one batch never takes the others with it
        return refreshing.broken_off(number, items, f"{type(error).__name__}: {error}")


def _note_size(work: Work, batches: int) -> None:
    if not work.refresh.dry_run:
        work.ledger.size_refresh(work.refresh.sync_log_id, products=work.tale.total_products, batches=batches)


def _note_progress(work: Work) -> None:
    if not work.refresh.dry_run:
        done = len(work.tale.batches)
        errors = len(refreshing.errors(work.tale))
        work.ledger.advance_refresh(work.refresh.sync_log_id, batches_done=done, errors=errors)


def _count(work: Work, usage: object) -> None:
    add_usage(work.tale.api, f"shopify:{work.refresh.account}", cast("JsonObject", usage))


# ------------------------------------------------------------------ status


@flow(name="inventory-sync-status", persist_result=True, result_serializer="json")
def inventory_sync_status(dry_run: bool = False) -> JsonObject:
    """Tell how inventory refreshes are going, and whether one may be started by hand now.

    Args:
        dry_run: Makes no difference: nothing is ever changed.

    """
    del dry_run
    document = inventory_status(load_settings())
    return as_state(document, "Completed", str(document["message"]))


if __name__ == "__main__":
    manual_inventory_refresh()
