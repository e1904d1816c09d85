"""The job `supplier_api`: everything that a supplier lists, stock before price before text."""

from connectors.records import JsonObject
from connectors.supplier import FACETS, Ability, ListsProducts
from connectors.suppliers import need
from tasks.disappearing import Disappearing
from tasks.feed import feed_after
from tasks.signs import Sign
from tasks.supplier_job import JobContext, JobResult, PutBack
from tasks.supplier_pass import ALL, Reading, usage_of


def sync_products(context: JobContext) -> JobResult | PutBack:
    """Bring the imported products in line with what the supplier lists.

    Raises ConfigurationError for a supplier that lists no products.
    """
    need(context.supplier.connector_type, Ability.LISTS_PRODUCTS)
    reading = Reading(context, ALL, creates=True)
    with context.open() as supplier:
        if not isinstance(supplier, ListsProducts):
            raise TypeError(f"{type(supplier).__name__} does not list products")
        context.log(Sign.START, f"all products of {context.supplier.name}")
        if later := reading.read(supplier, supplier.products):
            return later
        usage = usage_of(supplier)
    return _ended(context, reading, usage)


def _ended(context: JobContext, reading: Reading, usage: JsonObject) -> JobResult:
    left = Disappearing(reading)
    left.settle_lists()
    left.settle_look_ups()
    reading.sum_stock()
    tally, row = reading.tally, context.supplier
    count = context.ledger.product_count(row.user_id, row.id)
    context.log(Sign.SUCCESS, _told(reading, left))
    fed = feed_after(context, reading.hearing)
    errors = (*tally.errors(), *left.doubts, *fed.troubles)
    result: JsonObject = {
        "type": "supplier_sync",
        "suppliers_processed": 1,
        "products_processed": count,
        "errors": list(errors),
        "fed": fed.told,
        "unheard": list(fed.unheard),
        **facts_of(reading, left),
    }
    return JobResult(result, tally.rows(reading.total), errors, usage)


def facts_of(reading: Reading, left: Disappearing) -> JsonObject:
    """What a result says besides what the origin document asks for."""
    tally = reading.tally
    counts: JsonObject = {
        name: tally.counts[name] for name in ("rows", "inserted", "changed", "unchanged", "problems")
    }
    facts: JsonObject = {
        "prices_changed": tally.counts["prices"],
        "prices_held": tally.counts["held"],
        "missing": left.missing,
        "gone": left.gone,
        "doubts": list(left.doubts),
        "complete": [each for each in FACETS if each in tally.complete],
        "pages": dict(tally.pages),
        "call_plan": list(tally.plan),
    }
    return counts | facts


def _told(reading: Reading, left: Disappearing) -> str:
    counts = reading.tally.counts
    return (
        f"{counts['rows']} rows read: {counts['inserted']} new, {counts['changed']} changed, "
        f"{left.missing} missing, {counts['held']} prices held"
    )
