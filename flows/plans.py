"""Release a plan that a person has judged: a held slice, or what a dry run would have done.

Starts   by hand: the deployment *apply-plan*, or `evenstock plans release`.
Writes   only lines whose truth and shop are still as they were planned.
Stops    as a whole if the plan is expired, applied or superseded.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from connectors.errors import ConfigurationError, ConnectorError, Refused
from connectors.ledger import Ledger
from connectors.ledger.records import RunState
from connectors.records import JsonObject
from connectors.settings import Settings, load_settings
from flows import partner_sync
from flows.keep_even import as_state, ended, keep_even, not_begun, run_name
from flows.policy import reports
from tasks import begin, feed, release, run
from tasks.begin import Work
from tasks.book import to_line
from tasks.desk import ledger_of
from tasks.feed_levels import SUPPLIER_FEED
from tasks.lease import clock
from tasks.partner import PARTNER_SYNC
from tasks.plan import Line
from tasks.prepare import limits_of
from tasks.report import reverse_sync_report


@reports("apply-plan", run_name)
def apply_plan(
    plan_id: Annotated[str, Field(min_length=1)],
    released_by: Annotated[str, Field(min_length=1)] = "operator",
    dry_run: bool = False,
) -> JsonObject:
    """Apply a held or dry-run plan, line by line, where truth and shop are still as planned.

    Args:
        plan_id: The plan: copy it from the summary of the run that made it, or from `evenstock plans list`.
        released_by: Your name. It is kept with the plan, for whoever asks later who let this through.
        dry_run: Only show which lines would still be applied.

    Raises ConfigurationError when there is no such plan, or when it is expired, applied or superseded.

    """
    settings = load_settings()
    ledger = ledger_of(settings)
    planned = _planned(settings, ledger, plan_id)
    if ledger.plan(plan_id).flow == PARTNER_SYNC:
        by = None if dry_run else released_by
        return _apply_partners(settings, ledger, plan_id, planned, released_by=by)
    if ledger.plan(plan_id).flow == SUPPLIER_FEED:
        by = None if dry_run else released_by
        return _apply_feed(settings, ledger, plan_id, planned, released_by=by)
    products = tuple(sorted({line.product_id for line in planned.values()}))
    deletes = any(line.zero_candidate for line in planned.values())
    asked = begin.Asked(dry_run=dry_run, delete_zero_stock=deletes, products=products, release=plan_id)
    try:
        work = begin.reverse_sync(settings, asked)
    except ConnectorError as error:
        return not_begun(settings, error, dry_run=dry_run)
    if not dry_run:
        _take(work, plan_id, released_by)
    limits = limits_of(settings)
    keep_even(work, lambda lines, memories, _: release.review(lines, planned, memories, limits), planned)
    if not dry_run:
        _conclude(work, plan_id, reverse_sync_report(work.story, clock()), trouble=work.story.error)
    return ended(work)


def _apply_partners(
    settings: Settings, ledger: Ledger, plan_id: str, planned: Mapping[int, Line], *, released_by: str | None
) -> JsonObject:
    """Apply a plan of the partner sync; `released_by` is None for a dry run."""
    releasing = partner_sync.release(settings, ledger, plan_id, planned, dry_run=released_by is None)
    work = releasing.work
    if released_by is not None:
        _take(work, plan_id, released_by)
    found = releasing.apply()
    if released_by is not None:
        _conclude(work, plan_id, found, trouble=releasing.course.trouble)
    return partner_sync.ended(found)


def _apply_feed(
    settings: Settings, ledger: Ledger, plan_id: str, planned: Mapping[int, Line], *, released_by: str | None
) -> JsonObject:
    """Apply a plan of what a supplier feeds; `released_by` is None for a dry run."""
    course, rows = feed.release(settings, ledger, plan_id, planned, dry_run=released_by is None)
    work = Work(course.job, settings, ledger, course.story)
    if released_by is not None:
        _take(work, plan_id, released_by)
    found = course.run(rows)
    if released_by is not None:
        _conclude(work, plan_id, found, trouble=course.trouble)
    return as_state(found, course.state_name, str(found["message"]))


def _planned(settings: Settings, ledger: Ledger, plan_id: str) -> dict[int, Line]:
    """The plan's lines by inventory item. Raises ConfigurationError for one that is over, or not of here."""
    ledger.expire_plans(settings.now())
    changes = ledger.held_lines(plan_id)
    plan = ledger.plan(plan_id)
    # An open one may be left by a run that was killed: taking it tells.
    if plan.state not in {"held", "dry_run", "open"} or not changes:
        raise ConfigurationError(
            f"plan {plan_id} is {plan.state.value.replace('_', ' ')}: it cannot be released"
        )
    if plan.account != settings.shop:
        raise ConfigurationError(
            f"plan {plan_id} is of {plan.account}, and SHOPIFY_STORE_DOMAIN names {settings.shop}"
        )
    used = ledger.location("shopify", plan.account)
    if elsewhere := {change.location_id for change in changes} - {used}:
        raise ConfigurationError(
            f"plan {plan_id} is for location {min(elsewhere)}, and levels are kept at {used} now: "
            "let a dry run plan it again"
        )
    return {change.inventory_item_id: to_line(change) for change in changes}


def _take(work: Work, plan_id: str, released_by: str) -> None:
    """Take the plan, so that nobody else releases it at the same time; one that a killed run had is free."""
    run.close_the_dead(work.ledger, work.story)
    try:
        work.ledger.release_plan(
            plan_id, released_by=released_by, run_id=work.job.run_id, now=work.settings.now()
        )
    except Refused as error:
        work.ledger.finish_run(work.job.run_id, RunState.FAILED, clock(), {"message": str(error)})
        raise ConfigurationError(str(error)) from None


def _conclude(work: Work, plan_id: str, found: JsonObject, *, trouble: object) -> None:
    """Store what came of the plan.

    A release that broke off, found another run at work or writes switched off has done nothing about it: the
    plan waits again.
    """
    if work.story.lines and work.settings.evenstock_writes and not trouble:
        work.ledger.conclude_release(plan_id, found)


if __name__ == "__main__":
    apply_plan(plan_id="")
