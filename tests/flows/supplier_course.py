"""What a run of the queue does with one job, in one thread and without Prefect: always the same."""

from connectors.bigbuy import calls, walk
from connectors.ledger.supplier_records import Claim
from connectors.records import JsonObject
from connectors.settings import load_settings
from tasks.desk import ledger_of
from tasks.jobs import carry
from tasks.lease import clock


def work(*, page: int) -> JsonObject:
    """Carry the next job as far as it goes now; its line. `page`: rows of a page of a supplier's lists."""
    for module in (calls, walk):
        # Small pages, so that a pass has many.
        setattr(module, "PAGE", page)  # noqa: B010 - a constant but for this
    settings = load_settings()
    ledger = ledger_of(settings)
    (job,) = ledger.claim_jobs(Claim("worker", 300), 1, settings.now(), clock())
    return carry(job, settings)
