"""One run of the queue of supplier jobs: what it may claim, its books, and what people see of it."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from prefect import runtime
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.events import emit_event

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger, Run, RunState
from connectors.ledger.supplier_records import Claim, Job
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks import queueing, run
from tasks.desk import ledger_of
from tasks.jobs import announce, known_type, lease_seconds
from tasks.lease import clock
from tasks.queueing import End, Shift
from tasks.signs import Sign, signed

AUTOMATED_SYNC = "automated-sync"
ACCOUNT = "suppliers"
"""Runs of the queue are of no one account."""
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Queue:
    """A run of the queue: under which id, for whom, within which limits."""

    settings: Settings
    ledger: Ledger
    shift: Shift
    claim: Claim
    max_jobs: int | None

    @property
    def at_once(self) -> int:
        """Jobs that this run works on side by side."""
        return self.settings.supplier_jobs_max_concurrent

    def log(self, sign: Sign, text: str) -> None:
        """A line in the run's log."""
        run.log(signed(sign, text, shown=self.settings.evenstock_log_signs))


def begin(
    settings: Settings, max_jobs: int | None, job_types: Sequence[str] | None, *, dry_run: bool
) -> Queue:
    """Begin a run; also close the books of jobs whose workers are dead for good.

    Raises ConfigurationError for an unknown job type, and if external calls are switched off.
    """
    if settings.disable_external_calls:
        raise ConfigurationError("DISABLE_EXTERNAL_CALLS is set: supplier jobs do not start with it")
    types = None if job_types is None else [known_type(each).value for each in job_types]
    ledger, now = ledger_of(settings), settings.now()
    begun = ledger.start_run(_run(now, max_jobs, types, dry_run=dry_run))
    shift = Shift(begun.id, begun.day.isoformat(), dry_run, settings.evenstock_writes)
    claim = Claim(begun.id, lease_seconds(settings), types, settings.supplier_jobs_per_account)
    queue = Queue(settings, ledger, shift, claim, max_jobs)
    if not dry_run:
        bury(queue)
    return queue


def _run(now: datetime, max_jobs: int | None, types: Sequence[str] | None, *, dry_run: bool) -> Run:
    parameters: JsonObject = {"max_jobs": max_jobs, "job_types": list(types) if types else None}
    return Run(
        id=f"automated_sync_{now:%Y%m%d_%H%M%S}",
        flow=AUTOMATED_SYNC,
        account=ACCOUNT,
        day=now.date(),
        started_at=clock(),
        heartbeat_at=clock(),
        dry_run=dry_run,
        parameters=parameters,
        prefect_run_id=runtime.flow_run.id,
    )


def bury(queue: Queue) -> None:
    """Fail the jobs that killed their last worker, and take in those that other programs queued."""
    queue.ledger.adopt_jobs()
    for job in queue.ledger.bury_jobs(queue.settings.now(), clock()):
        queue.shift.outcomes.append(queueing.outcome(job, End.FAILED, error=job.errors[-1]))
        announce(job)


def due(queue: Queue, begun: AbstractSet[str], busy: int) -> list[Job]:
    """The next jobs, besides those that were begun: claimed, but by a dry run, which only looks."""
    left = queue.at_once if queue.max_jobs is None else queue.max_jobs - len(begun)
    room = min(queue.at_once - busy, left)
    if room <= 0:
        return []
    settings, ledger = queue.settings, queue.ledger
    if not queue.shift.dry_run:
        return ledger.claim_jobs(queue.claim, room, settings.now(), clock())
    found = ledger.due_jobs(len(begun) + room, settings.now(), queue.claim.job_types)
    return [job for job in found if job.id not in begun][:room]


def finish(queue: Queue) -> JsonObject:
    """Close the run in the ledger, show how it went, and return its report."""
    document = queueing.report(queue.shift)
    state = RunState(queue.shift.state_name.lower())
    queue.ledger.finish_run(queue.shift.sync_id, state, clock(), document)
    if queue.shift.state_name == "Held":
        run.add_tags(run.HELD)
    _show(document, metrics(queue.ledger, queue.settings.now()))
    _announce(queue.shift, document)
    queue.log(Sign.SUCCESS if queue.shift.is_success else Sign.ERROR, str(document["message"]))
    return document


def _show(document: JsonObject, kinds: list[JsonObject]) -> None:
    create_markdown_artifact(
        queueing.markdown(document, kinds),
        key=f"{AUTOMATED_SYNC}-summary",
        description="How the run went, and how supplier jobs go",
    )
    create_table_artifact(
        [{name: each[name] for name in queueing.METRICS} for each in kinds],
        key=f"{AUTOMATED_SYNC}-metrics",
        description="Supplier jobs that ended in the last seven days: success rate in per cent, mean seconds",
    )


def metrics(ledger: Ledger, now: datetime, user_id: str | None = None) -> list[JsonObject]:
    """How the jobs of the last seven days went, of all users or one, by type and supplier."""
    names = {each.id: each.name for each in ledger.suppliers(user_id)}
    return [
        {
            "type": each.source_type,
            "supplier": names.get(each.supplier_id or ""),
            "supplier_id": each.supplier_id,
            "completed": each.completed,
            "failed": each.failed,
            "success_rate": queueing.rate(each.completed, each.failed),
            "seconds": each.avg_duration_seconds,
        }
        for each in ledger.job_type_stats(now - WEEK, user_id=user_id)
    ]


def _announce(shift: Shift, document: JsonObject) -> None:
    resource = {"prefect.resource.id": f"evenstock.queue.{ACCOUNT}", "prefect.resource.name": ACCOUNT}
    payload = {
        "flow": AUTOMATED_SYNC,
        "sync_id": shift.sync_id,
        "state": shift.state_name,
        "message": document["message"],
        "balance": document["balance"],
    }
    emit_event("evenstock.run.finished", resource=resource, payload=payload)
