"""Do what is due for suppliers: the queue of their jobs.

Starts   every hour by the schedule (prefect.yaml), or by hand; several at once share the queue.
Writes   imported_products, imported_variants, orders and import_jobs in the ledger; own items, and levels of
         the own store, that are bound to products; nothing at a supplier.
Stops    nothing as a whole: a job, user or supplier that fails touches no other.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, cast

from prefect.futures import PrefectFuture, as_completed
from prefect.utilities.annotations import quote
from pydantic import Field

from connectors.ledger.supplier_records import Job
from connectors.records import JsonObject
from connectors.settings import Settings, load_settings
from flows.keep_even import as_state
from flows.policy import reports
from tasks import callbacks, jobs, queueing, run, shift, upkeep
from tasks.desk import ledger_of
from tasks.lease import beating, clock
from tasks.policy import writes
from tasks.queueing import End
from tasks.shift import Queue
from tasks.signs import Sign
from tasks.upkeep import Retention

JobFuture = PrefectFuture[JsonObject]


@reports(shift.AUTOMATED_SYNC)
def automated_sync(
    max_jobs: Annotated[int, Field(ge=1, le=100_000)] | None = None,
    job_types: list[str] | None = None,
    dry_run: bool = False,
) -> JsonObject:
    """Do the supplier jobs that are due, by priority and then by age, some of them side by side.

    Args:
        max_jobs: Begin so many jobs at most. Empty: all that are due.
        job_types: Only jobs of these types: supplier_api, inventory_update, price_update, order_sync. Empty:
            of all types.
        dry_run: Only show what the jobs that are due would change; they stay in the queue.

    """
    settings = load_settings()
    queue = shift.begin(settings, max_jobs, job_types, dry_run=dry_run)
    queue.log(Sign.START, "supplier jobs: looking for what is due")
    with beating(lambda: queue.ledger.beat_run(queue.shift.sync_id, clock()), run.BEAT):
        for job, future in _worked_on(queue):
            _take_in(queue, job, future)
        if not dry_run:
            callbacks.tell_ended(settings, queue.ledger)
        _keep_house(queue)
    document = shift.finish(queue)
    return as_state(document, queue.shift.state_name, str(document["message"]))


def _worked_on(queue: Queue) -> Iterator[tuple[Job, JobFuture]]:
    """Begin the next job whenever one is done, until nothing is due that may be done now."""
    settings = cast("Settings", quote(queue.settings))
    waiting: dict[JobFuture, Job] = {}
    begun: set[str] = set()
    while True:
        for job in shift.due(queue, begun, len(waiting)):
            one = work_on.with_options(task_run_name=f"{job.source_type} {job.id}")
            waiting[one.submit(job, settings, dry_run=queue.shift.dry_run)] = job
            begun.add(job.id)
        if not waiting:
            return
        done = next(as_completed(list(waiting)))
        yield waiting.pop(done), done


def _keep_house(queue: Queue) -> None:
    """The last step of each cycle; what goes wrong with it is a warning."""
    settings, dry_run = queue.settings, queue.shift.dry_run
    done = upkeep.keep_house(settings, queue.ledger, Retention.of(settings), dry_run=dry_run)
    upkeep.say(settings, done, dry_run=dry_run)
    queue.shift.warnings += done.problems
    queue.shift.maintenance = upkeep.report(done, dry_run=dry_run)


@writes("do a supplier job")
def work_on(job: Job, settings: Settings, *, dry_run: bool) -> JsonObject:
    """Carry one job to its end, and tell whoever it names; see `tasks.jobs`."""
    line = jobs.carry(job, settings, dry_run=dry_run)
    if job.callback_url and not dry_run:
        callbacks.tell_ended(settings, ledger_of(settings), only=job.id)
    return line


def _take_in(queue: Queue, job: Job, future: JobFuture) -> None:
    """A job's line. One that broke off stays its worker's until its lease ends, and is taken over then."""
    try:
        line = future.result()
    except Exception as error:  # noqa: BLE001 - isolation: one job never takes the others with it
        line = queueing.outcome(job, End.FAILED, error=queueing.described(error))
    queue.shift.outcomes.append(line)


@reports("enqueue-job")
def enqueue_job(
    user_id: Annotated[str, Field(min_length=1, max_length=255)],
    job_type: str,
    supplier_id: Annotated[str, Field(min_length=1, max_length=36)],
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0,
    scheduled_at: datetime | None = None,
    callback_url: str | None = None,
    dry_run: bool = False,
) -> str:
    """Put a job for a supplier into the queue, for the next run of *automated-sync*. The answer is its id.

    Args:
        user_id: Whose supplier it is.
        job_type: supplier_api (everything), inventory_update (stock), price_update (prices) or order_sync
            (orders).
        supplier_id: The supplier, as `evenstock suppliers list` shows it.
        priority: Jobs with a higher one come first; among equals, the older one.
        scheduled_at: Not before this time (UTC, unless it names its zone). Empty: at once.
        callback_url: An https address that is told when the job has ended.
        dry_run: Only check all this.

    Raises ConfigurationError for a job type, user or supplier that is not known, and for a bad address.

    """
    settings = load_settings()
    asked = jobs.Asked(user_id, job_type, supplier_id, priority, scheduled_at, callback_url)
    return jobs.enqueue(settings, ledger_of(settings), asked, dry_run=dry_run)


if __name__ == "__main__":
    automated_sync()
