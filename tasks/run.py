"""The run as the ledger and the Prefect UI see it: begun, alive, ended."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

from prefect import get_client, get_run_logger, runtime
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.events import emit_event
from prefect.exceptions import MissingContextError

from connectors.errors import ConnectorError
from connectors.ledger import Ledger
from connectors.ledger.records import RunState
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks import aftermath, page, report
from tasks.desk import open_shop, process_prefix, sharing_bucket
from tasks.job import Job
from tasks.lease import beating, clock, held
from tasks.report import GOOD_RATE, Story
from tasks.start import refusal
from tasks.verdicts import add_usage

SILENT_FOR = timedelta(minutes=2)
"""A run without a heartbeat for so long is dead."""

SETTLING = timedelta(minutes=1)
"""How long a run may settle what dead ones left, before another may take over."""

BEAT = 15.0
"""Seconds between a run's heartbeats."""

IN_REPORT: dict[str, object] = {"is_in_report": True}
"""Marks log lines that whoever called the flow reads in its report anyway."""


@contextmanager
def recorded(job: Job, settings: Settings, ledger: Ledger, story: Story) -> Iterator[None]:
    """Keep the run in the ledger while it works.

    What a system refuses becomes the report's `error`; what a person has to mend is raised after the run
    was closed. Runs whose process died are closed first. A dry run leaves their books to others.
    """
    bury_the_dead(job, settings, ledger, story)
    with sharing(settings, ledger, job.run_id, dry_run=job.dry_run), booked(job, ledger, story):
        yield


@contextmanager
def booked(job: Job, ledger: Ledger, story: Story) -> Iterator[None]:
    """Keep one run's heart beating, and its books: what a system refuses becomes the report's `error`."""
    with beating(lambda: ledger.beat_run(job.run_id, clock()), BEAT):
        try:
            yield
        except ConnectorError as error:
            story.error = refusal(error)
        except Exception as error:
            ledger.finish_run(job.run_id, RunState.FAILED, clock(), {"error": {"message": str(error)}})
            raise


@contextmanager
def sharing(settings: Settings, ledger: Ledger, holder: str, *, dry_run: bool) -> Iterator[None]:
    """Take only this process's share of the store's bucket of points; a dry run takes none from others."""
    me = [process_prefix(settings) + str(uuid4())]
    with ExitStack() as stack:
        stack.enter_context(sharing_bucket(settings, ledger))
        if not dry_run:
            stack.enter_context(held(ledger, me, holder, SILENT_FOR.total_seconds()))
        yield


@contextmanager
def alive(settings: Settings, ledger: Ledger, run_id: str, *, dry_run: bool) -> Iterator[None]:
    """Show that a run is alive, and take only its process's share of the store's bucket of points."""
    with (
        sharing(settings, ledger, run_id, dry_run=dry_run),
        beating(lambda: ledger.beat_run(run_id, clock()), BEAT),
    ):
        yield


def bury_the_dead(job: Job, settings: Settings, ledger: Ledger, story: Story) -> None:
    """Close the books of runs whose process died; a dry run leaves what they left open to others."""
    close_the_dead(ledger, story)
    if not job.dry_run:
        _settle_what_they_left(job, settings, ledger, story)


def close_the_dead(ledger: Ledger, story: Story) -> None:
    """Declare runs dead that fell silent, and tell of it."""
    for dead in ledger.close_dead_runs(clock(), SILENT_FOR):
        story.warnings.append(
            f"run {dead.run.id} {dead.fate}; this run reads those levels again and finishes them"
        )


def _settle_what_they_left(job: Job, settings: Settings, ledger: Ledger, story: Story) -> None:
    """Bring the books of killed runs to an end, by reading; whoever comes first does it for all.

    What is found done counts for the mass-change limits of this run, so it comes before everything else.
    """
    if not ledger.unfinished(job.account) and not ledger.unsettled(job.account):
        return
    resource = f"aftermath:{job.account}"
    shop = open_shop(settings, job.location)
    with shop.http, held(ledger, [resource], job.run_id, SETTLING.total_seconds()) as hold:
        if resource in hold.fences:
            try:
                aftermath.settle(ledger, shop, job.account, job.run_id, settings.now())
            except ConnectorError as error:
                story.warnings.append(f"what killed runs left open stays so until the next run: {error}")
    add_usage(story.api, f"shopify:{job.account}", shop.http.usage.as_dict())


HELD = "held"
"""Tag of a held run: some lists of the Prefect UI filter by the names of states that Prefect itself has."""


def tag(job: Job, *more: str) -> None:
    """Tag the Prefect run with what it works on, beside the tags of its deployment."""
    dry = ["dry-run"] if job.dry_run else []
    add_tags(job.account, f"day:{job.day}", *dry, *more)


def add_tags(*more: str) -> None:
    """Tag the Prefect run, beside the tags of its deployment."""
    run_id = runtime.flow_run.id
    if run_id is None:
        return
    tags = {*runtime.flow_run.tags, "evenstock"} - {HELD}
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(run_id), tags=sorted(tags | set(more)))


def log(text: str, level: int = logging.INFO, *, done: float | None = None) -> None:
    """A line for the shop owner, in the run's log. `done`: the part that is written, for progress bars."""
    try:
        get_run_logger().log(level, text, extra=IN_REPORT | {"done": done})
    except MissingContextError:
        return


def finish(job: Job, ledger: Ledger, story: Story) -> JsonObject:
    """Close the run in the ledger, publish its artifacts and its event, and return its report."""
    document = report.reverse_sync_report(story, clock())
    state = {"Completed": RunState.COMPLETED, "Held": RunState.HELD, "Failed": RunState.FAILED}
    ledger.finish_run(job.run_id, state[report.state_name(story)], clock(), document)
    if report.state_name(story) == "Held":
        tag(job, HELD)
    publish(story)
    announce(job, story)
    for trouble in page.troubles(story.lines):
        log(trouble, logging.WARNING)
    log(report.message(story), logging.INFO if story.is_success else logging.ERROR)
    return document


class Progress:
    """A progress bar in the Prefect UI, for a run of several batches."""

    def __init__(self, total: int, description: str = "batches written") -> None:
        self._total = total
        self._done = 0
        self._what = description
        made = create_progress_artifact(0.0, description=description) if total > 1 else None
        self._artifact = made if isinstance(made, UUID) else None

    def step(self) -> None:
        """One batch more is done. Told in twentieths: each time costs a call of Prefect's API."""
        before, self._done = self._done, self._done + 1
        if self._artifact and before * 20 // self._total < self._done * 20 // self._total:
            update_progress_artifact(self._artifact, 100.0 * self._done / self._total)
            log(f"{self._done} of {self._total} {self._what}", done=self._done / self._total)


def publish(story: Story) -> None:
    """The summary and the table of changes, as artifacts of the run."""
    key = story.flow
    create_markdown_artifact(page.markdown(story), key=f"{key}-summary", description="How the run went")
    create_table_artifact(
        page.table(story.lines), key=f"{key}-changes", description="What changed, and what did not and why"
    )


def announce(job: Job, story: Story) -> None:
    """Tell whoever listens that the run ended, and warn when too much of it went wrong."""
    resource = {"prefect.resource.id": f"evenstock.shop.{job.account}", "prefect.resource.name": job.account}
    payload = {
        "flow": job.flow,
        "sync_id": job.run_id,
        "state": report.state_name(story),
        "message": report.message(story),
        "balance": story.balance.as_dict(),
        "success_rate": round(story.success_rate, 1),
    }
    emit_event("evenstock.run.finished", resource=resource, payload=payload)
    if story.success_rate < GOOD_RATE:
        emit_event("evenstock.run.success-rate-low", resource=resource, payload=payload)
    if story.error:
        emit_event("evenstock.run.failed", resource=resource, payload=payload | {"error": story.error})
