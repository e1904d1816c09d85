"""Keep the own store level with the partners whose goods it sells too.

Starts   every hour by the schedule (prefect.yaml), or by hand, for all partners or one.
Writes   levels of one location in the own store, of the own variants that product mappings name.
Stops    nothing as a whole: a partner that fails, is slow or talks nonsense touches no other.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol, cast

from prefect import runtime
from prefect.futures import as_completed
from prefect.utilities.annotations import quote
from pydantic import Field

from connectors.errors import ConnectorError
from connectors.ledger import Ledger
from connectors.ledger.records import Partner
from connectors.records import JsonObject
from connectors.settings import Settings, load_settings
from connectors.shape import as_list, as_object
from flows.keep_even import as_state
from flows.policy import reports
from tasks import fan_out, partner_report, run
from tasks import partner as books
from tasks.begin import Work
from tasks.desk import ledger_of
from tasks.job import Job
from tasks.lease import clock
from tasks.partner import PARTNER_SYNC, Round
from tasks.partner_course import Course
from tasks.partner_report import Ended, Sum
from tasks.plan import Line
from tasks.policy import writes
from tasks.start import refusal
from tasks.verdicts import add_usage

if TYPE_CHECKING:
    from prefect.futures import PrefectFuture


class Awaited(Protocol):
    """A result that comes when it is there."""

    def result(self) -> JsonObject:
        """The result, or what kept it from being."""
        ...


def _run_name() -> str:
    """What the runs list shows: whose goods were synced, and how."""
    asked = runtime.flow_run.parameters
    whose = asked.get("partner") or "all partners"
    return f"{PARTNER_SYNC}: {whose}" + (" (dry run)" if asked.get("dry_run") else "")


@reports(PARTNER_SYNC, _run_name)
def partner_sync(
    dry_run: bool = False,
    partner: Annotated[str, Field(min_length=1)] | None = None,
    fan_out: bool = False,
) -> JsonObject:
    """Write what partners have in stock to the own variants that their goods are sold under.

    Args:
        dry_run: Plan everything and write nothing; each partner's plan can be released with *apply-plan*.
        partner: The shop domain of one partner, as `evenstock partners list` shows it. Empty: all of them.
        fan_out: Start a run of its own for each partner on the work pool, for many partners and many workers.

    Raises ConfigurationError when a setting, a permission or the partner is missing or wrong; everything
    else is in the report.

    """
    settings = load_settings()
    try:
        round_ = books.begin(settings, partner, dry_run=dry_run)
    except ConnectorError as error:
        return _not_begun(settings, error, dry_run=dry_run)
    run.tag(round_.job, *(f"partner:{each.shop_domain}" for each in round_.partners))
    if fan_out and partner is None:
        _by_runs_of_their_own(round_)
    else:
        _side_by_side(round_)
    return finished(round_)


def _side_by_side(round_: Round) -> None:
    """All partners in this process, some at once; one budget of the own store for all of them."""
    story = books.story_of(round_.job, writes=round_.settings.evenstock_writes)
    run.bury_the_dead(round_.job, round_.settings, round_.ledger, story)
    round_.total.warnings += story.warnings
    for account, usage in story.api.items():
        add_usage(round_.total.api, account, cast("JsonObject", usage))
    due = _due(round_)
    progress = run.Progress(len(due), "partners synced")
    with run.sharing(round_.settings, round_.ledger, round_.job.run_id, dry_run=round_.job.dry_run):
        for partner, future in _submitted(round_, due):
            _take_in(round_, partner, future)
            progress.step()


def _submitted(
    round_: Round, due: Sequence[Partner]
) -> Iterator[tuple[Partner, "PrefectFuture[JsonObject]"]]:
    """Begin the next partner whenever one is done: a slow one keeps nobody waiting.

    The steps carry no tags: for each of a step's tags Prefect asks its server for leave, and one server that
    is asked by thirty at once takes longer than the sync. The run has the tags of all its partners.
    """
    # Read once for all of them, which takes 20 ms, and quoted: Prefect is not to look for futures in them.
    settings = cast("Settings", quote(round_.settings))
    waiting: dict[PrefectFuture[JsonObject], Partner] = {}
    for partner in due:
        if len(waiting) >= round_.job.max_concurrent:
            done = next(as_completed(list(waiting)))
            yield waiting.pop(done), done
        one = sync_one.with_options(task_run_name=f"sync {partner.shop_domain}")
        waiting[one.submit(round_.job, partner, settings)] = partner
    for done in as_completed(list(waiting)):
        yield waiting[done], done


def _due(round_: Round) -> list[Partner]:
    """Those to be synced now; what an earlier try of this run did well is taken as it is."""
    for report in round_.done.values():
        round_.total.take(report)
    return [each for each in round_.partners if each.shop_domain not in round_.done]


@writes("sync a partner")
def sync_one(job: Job, partner: Partner, settings: Settings) -> JsonObject:
    """Take one partner's goods from the first reading to the receipt; see `tasks.partner_course`."""
    return Course(job, partner, settings, ledger_of(settings)).run()


def _by_runs_of_their_own(round_: Round) -> None:
    """A run of the deployment for each partner, on whatever workers there are."""
    due = _due(round_)
    progress = run.Progress(len(due), "partners synced")
    for partner, child in fan_out.children(round_, due):
        _take_in(round_, partner, child)
        progress.step()


def _take_in(round_: Round, partner: Partner, future: "Awaited") -> None:
    """A partner's result; one that broke off stops only itself."""
    try:
        result = future.result()
    except Exception as error:  # noqa: BLE001 - isolation: one partner never takes the others with it
        story = books.story_of(round_.job, writes=round_.settings.evenstock_writes)
        round_.total.break_off(Ended(partner.shop_domain, story), error, clock())
        return
    round_.total.take(result)


# ------------------------------------------------------------------------- ends


def release(
    settings: Settings, ledger: Ledger, plan_id: str, planned: Mapping[int, Line], *, dry_run: bool
) -> "Releasing":
    """Get ready to apply a partner's plan."""
    made_by = ledger.run(ledger.plan(plan_id).run_id)
    shop_domain = str(made_by.parameters.get("partner")) if made_by else None
    round_ = books.begin(settings, shop_domain, dry_run=dry_run, release=plan_id)
    return Releasing(round_, Course(round_.job, round_.partners[0], settings, ledger, planned))


@dataclass(frozen=True, slots=True)
class Releasing:
    """A partner's plan about to be applied."""

    round_: Round
    course: Course

    @property
    def work(self) -> Work:
        """The run that applies it."""
        return Work(self.course.job, self.course.settings, self.course.ledger, self.course.story)

    def apply(self) -> JsonObject:
        """Apply it; the report."""
        work = self.work
        with run.sharing(work.settings, work.ledger, work.job.run_id, dry_run=work.job.dry_run):
            self.round_.total.take(self.course.run())
        return report_of(self.round_)


def finished(round_: Round) -> JsonObject:
    """The report, once it was shown in the Prefect UI and told in the log."""
    found = report_of(round_)
    books.publish(round_, found)
    if partner_report.state_name(found) == "Held":
        run.tag(round_.job, run.HELD)
    for result in as_list(found["partnerResults"], "results"):
        told = as_object(result, "result")
        run.log(str(told["message"]), logging.INFO if told["success"] else logging.WARNING)
    run.log(str(found["message"]), logging.INFO if found["success"] else logging.ERROR)
    return ended(found)


def report_of(round_: Round) -> JsonObject:
    """The report of all partners."""
    job, writes = round_.job, round_.settings.evenstock_writes
    return partner_report.document(
        round_.total, sync_id=job.run_id, day=job.day, dry_run=job.dry_run, writes=writes
    )


def ended(found: JsonObject) -> JsonObject:
    """The report; under a deployment as a state that says what the report says."""
    return as_state(found, partner_report.state_name(found), str(found["message"]))


def _not_begun(settings: Settings, error: ConnectorError, *, dry_run: bool) -> JsonObject:
    """The report of a run that could not begin, because the own store did not answer."""
    total = Sum(errors=[str(error)])
    now = settings.now()
    found = partner_report.document(
        total,
        sync_id=f"partner_sync_{now:%Y%m%d_%H%M%S}",
        day=now.date(),
        dry_run=dry_run,
        writes=settings.evenstock_writes,
    )
    found |= {"error": refusal(error)}
    return as_state(found, "Failed", str(found["message"]))


if __name__ == "__main__":
    partner_sync()
