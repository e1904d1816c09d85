"""A ledger with suppliers and jobs, for tests of the queue that need no Prefect."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from connectors.ledger import Ledger, open_ledger
from connectors.ledger.supplier_records import Claim, Job, JobType, Rows, Supplier
from connectors.records import JsonObject
from connectors.settings import Settings, load_settings
from tasks.jobs import Asked, carry, enqueue
from tasks.lease import clock
from tasks.supplier_job import JobContext, JobResult, PutBack, Work
from tests.ledgers import sqlite_in
from tests.worlds import NOW

HOUR = timedelta(hours=1)
SUPPLIER = Supplier("supplier-1", "user-1", "BigBuy", "bigbuy", "bigbuy:default", NOW, NOW)
Body = Callable[[JobContext], JobResult | PutBack]


def done(_: JobContext) -> JobResult:
    """A job with nothing to do."""
    return JobResult({"type": "inventory_sync", "products_updated": 0, "errors": []}, Rows())


@dataclass
class QueueDesk:
    """The queue, and a worker that does its jobs in this process."""

    settings: Settings
    ledger: Ledger
    ran: list[str] = field(default_factory=list)

    def enqueue(self, **asked: Any) -> str:  # noqa: ANN401 - the fields of what is asked
        return enqueue(
            self.settings,
            self.ledger,
            Asked(
                **{"user_id": "user-1", "job_type": "inventory_update", "supplier_id": "supplier-1"} | asked
            ),
        )

    def claim(self, worker: str = "worker-1", seconds: float = 300) -> Job:
        (job,) = self.ledger.claim_jobs(Claim(worker, seconds), 1, self.settings.now(), clock())
        return job

    def work(self, body: Body = done, job: Job | None = None, *, dry_run: bool = False) -> JsonObject:
        """Carry a job to its end, the next one unless one is given; its line."""
        kinds: dict[JobType, Work] = dict.fromkeys(JobType, body)
        return carry(job or self.claim(), self.settings, dry_run=dry_run, types=kinds, chance=lambda: 0.0)

    def job(self, job_id: str) -> Job:
        found = self.ledger.job(job_id)
        assert found is not None
        return found


def queue_desk(folder: Path, setenv: Callable[[str, str], None]) -> QueueDesk:
    """A desk with one supplier."""
    setenv("EVENSTOCK_NOW", NOW.isoformat())
    setenv("EVENSTOCK_DATABASE_URL", sqlite_in(folder))
    settings = load_settings()
    ledger = open_ledger(settings.needed("EVENSTOCK_DATABASE_URL"))
    ledger.add_supplier(SUPPLIER)
    return QueueDesk(settings, ledger)
