"""Bring the shop's stock in line with RMS for the products that today's main sync missed.

Starts   after the main sync, on its event or by the daily schedule (prefect.yaml), or by hand.
Writes   levels of one location, the day's mark, and (if allowed) deletions, in the own Shopify store.
Stops    nothing as a whole: what looks wrong is held for a person, the rest goes on.
"""

from datetime import date
from typing import Annotated

from pydantic import Field

from connectors.errors import ConnectorError
from connectors.records import JsonObject
from connectors.settings import load_settings
from flows.keep_even import ended, keep_even, not_begun, run_name, switched_off
from flows.policy import reports
from tasks import begin, guard
from tasks.prepare import limits_of


@reports("reverse-stock-sync", run_name)
def reverse_stock_sync(
    dry_run: bool = False,
    delete_zero_stock: bool | None = None,
    batch_size: Annotated[int, Field(ge=1, le=250)] | None = None,
    limit: Annotated[int, Field(ge=1)] | None = None,
    max_concurrent: Annotated[int, Field(ge=1, le=100)] | None = None,
    day: date | None = None,
    products: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] | None = None,
) -> JsonObject:
    """Compare the shop's levels with RMS, write what differs, and mark what is finished for the day.

    Args:
        dry_run: Only show what would be done. It is kept as a plan, which *apply-plan* can carry out later.
        delete_zero_stock: Whether variants that RMS has at exactly zero are deleted, if every check passes;
            otherwise they stay, at zero. None: as the setting REVERSE_SYNC_DELETE_ZERO_STOCK says.
        batch_size: For engineers: products that one task carries from first to last step, 1 to 250. None: as
            the setting REVERSE_SYNC_BATCH_SIZE says.
        limit: Look at this many products only; those that waited longest come first. None: at all of them.
        max_concurrent: For engineers: batches that are worked on side by side, 1 to 100. None: as the setting
            REVERSE_SYNC_MAX_CONCURRENT says.
        day: Look at products without this day's mark, and leave it on those that are finished; not in the
            future. None: the day of the run.
        products: Look at these products now, marked or not: Shopify's numbers, as at the end of a product's
            address in the admin. None: at all products without the day's mark.

    A parameter left out takes the setting of its name. Raises ConfigurationError when a setting, a
    parameter or a permission is missing or wrong; everything else is in the report.

    """
    settings = load_settings()
    if not settings.enable_reverse_stock_sync:
        return switched_off(settings, dry_run=dry_run)
    asked = begin.Asked(
        dry_run=dry_run,
        delete_zero_stock=delete_zero_stock,
        batch_size=batch_size,
        limit=limit,
        max_concurrent=max_concurrent,
        day=day,
        products=tuple(products) if products else None,
    )
    try:
        work = begin.reverse_sync(settings, asked)
    except ConnectorError as error:
        return not_begun(settings, error, dry_run=dry_run)
    limits = limits_of(settings)
    keep_even(work, lambda lines, memories, history: guard.review(lines, limits, memories, history))
    return ended(work)


if __name__ == "__main__":
    reverse_stock_sync()
