"""The job `inventory_update`: stock only, of products that are known already."""

from typing import Final

from connectors.records import JsonObject
from connectors.supplier import Ability, Facet
from connectors.suppliers import need
from tasks.disappearing import Disappearing
from tasks.feed import feed_after
from tasks.signs import Sign
from tasks.supplier_job import JobContext, JobResult, PutBack
from tasks.supplier_pass import Reading, usage_of
from tasks.supplier_sync import facts_of

STOCK: Final[frozenset[Facet]] = frozenset({"stock"})


def update_stock(context: JobContext) -> JobResult | PutBack:
    """Read the supplier's stock, by its list or product by product, oldest reading first; store what differs.

    Raises ConfigurationError for a supplier that offers neither.
    """
    ability = need(context.supplier.connector_type, Ability.LISTS_STOCK, Ability.LOOKS_UP)
    reading = Reading(context, STOCK)
    with context.open() as supplier:
        context.log(Sign.START, f"stock of {context.supplier.name} ({ability})")
        if later := reading.read_part(supplier, "stock", ability):
            return later
        usage = usage_of(supplier)
    return _ended(context, reading, usage)


def _ended(context: JobContext, reading: Reading, usage: JsonObject) -> JobResult:
    left = Disappearing(reading)
    left.settle_lists()
    left.settle_look_ups()
    summed = reading.sum_stock()
    tally = reading.tally
    updated = tally.counts["changed"] + left.gone
    context.log(Sign.STOCK, f"{updated} of {tally.counts['rows']} quantities have changed")
    fed = feed_after(context, reading.hearing)
    errors = (*tally.errors(), *left.doubts, *fed.troubles)
    result: JsonObject = {
        "type": "inventory_sync",
        "products_updated": updated,
        "errors": list(errors),
        "products_summed": summed,
        "fed": fed.told,
        "unheard": list(fed.unheard),
        **facts_of(reading, left),
    }
    return JobResult(result, tally.rows(reading.total), errors, usage)
