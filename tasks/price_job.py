"""The job `price_update`: prices only, of products that are known already. Proposed, written nowhere else."""

from typing import Final

from connectors.records import JsonObject
from connectors.supplier import Ability, Facet
from connectors.suppliers import need
from tasks.disappearing import Disappearing
from tasks.signs import Sign
from tasks.supplier_job import JobContext, JobResult, PutBack
from tasks.supplier_pass import Reading, usage_of
from tasks.supplier_sync import facts_of

PRICE: Final[frozenset[Facet]] = frozenset({"price"})


def update_prices(context: JobContext) -> JobResult | PutBack:
    """Read the supplier's prices, by its list or product by product; store what differs and is believed.

    Raises ConfigurationError for a supplier that offers neither.
    """
    ability = need(context.supplier.connector_type, Ability.LISTS_PRICES, Ability.LOOKS_UP)
    reading = Reading(context, PRICE)
    with context.open() as supplier:
        context.log(Sign.START, f"prices of {context.supplier.name} ({ability})")
        if later := reading.read_part(supplier, "price", ability):
            return later
        usage = usage_of(supplier)
    return _ended(context, reading, usage)


def _ended(context: JobContext, reading: Reading, usage: JsonObject) -> JobResult:
    tally = reading.tally
    updated, held = tally.counts["prices"], tally.counts["held"]
    context.log(Sign.PRICE, f"{updated} of {tally.counts['rows']} prices have changed, {held} are held")
    errors = tally.errors()
    result: JsonObject = {
        "type": "price_sync",
        "products_updated": updated,
        "errors": list(errors),
        **facts_of(reading, Disappearing(reading)),
    }
    return JobResult(result, tally.rows(reading.total), errors, usage)
