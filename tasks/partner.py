"""Begin a round of partner syncs, and keep the books of each partner's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from prefect import runtime
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger
from connectors.ledger.records import Partner, Run, SyncLog
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks import partner_page, partner_report
from tasks.begin import reads_orders
from tasks.desk import ledger_of, open_shop
from tasks.job import Job
from tasks.lease import clock
from tasks.partner_report import Ended, Sum
from tasks.plan import BROKEN, Outcome
from tasks.report import Story
from tasks.rollback import RollbackMode
from tasks.start import the_location, the_store, the_zone
from tasks.verdicts import add_usage

PARTNER_SYNC = "partner-sync"
"""The flow's name, under which the ledger knows its runs and plans."""

LATELY = 5
"""Syncs of each partner that the page about partners looks back at."""

ROWS = 250
"""Products that are carried at once: a call takes as many levels."""


@dataclass(frozen=True, slots=True)
class Round:
    """Which partners are synced now, with what they have in common. `total` takes in how each ended.

    `done`: reports by shop domain of those that this very Prefect run has synced well, in an earlier try.
    """

    settings: Settings
    ledger: Ledger
    job: Job
    partners: tuple[Partner, ...]
    total: Sum
    done: Mapping[str, JsonObject]


def begin(settings: Settings, shop_domain: str | None, *, dry_run: bool, release: str | None = None) -> Round:
    """Look at the own store, and find the partners that take part; one that is named takes part if it is on.

    Raises ConfigurationError for what a person has to mend, and what the own store raises.
    """
    if settings.disable_external_calls:
        raise ConfigurationError("DISABLE_EXTERNAL_CALLS is set: the partner sync does not start with it")
    settings.require("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN")
    ledger = ledger_of(settings)
    partners = _chosen(ledger.partners(settings.shop, active_only=True), shop_domain)
    shop = open_shop(settings)
    with shop.http:
        facts = the_store(settings, shop)
        location = the_location(settings, shop, ledger, settings.shop, clock())
    now = settings.now()
    job = Job(
        run_id=f"partner_sync_{now:%Y%m%d_%H%M%S}",
        flow=PARTNER_SYNC,
        account=settings.shop,
        location=location,
        day=now.astimezone(the_zone(settings, facts)).date(),
        started_at=clock(),
        dry_run=dry_run,
        delete_zero_stock=False,
        batch_size=ROWS,
        max_concurrent=settings.partner_sync_max_concurrent,
        limit=None,
        products=None,
        quantity_name="available",
        reads_orders=reads_orders(settings, facts.scopes),
        release=release,
        rollback=RollbackMode.OFF,
        leaves_marks=False,
    )
    total = Sum()
    add_usage(total.api, f"shopify:{job.account}", shop.http.usage.as_dict())
    done = {} if release else done_before(ledger, runtime.flow_run.id, dry_run=dry_run)
    return Round(settings, ledger, job, partners, total, done)


def _chosen(partners: list[Partner], shop_domain: str | None) -> tuple[Partner, ...]:
    if shop_domain is None:
        return tuple(partners)
    found = tuple(each for each in partners if each.shop_domain == shop_domain.strip().casefold())
    if not found:
        known = ", ".join(each.shop_domain for each in partners) or "none"
        raise ConfigurationError(f"there is no active partner {shop_domain!r}; those are: {known}")
    return found


def done_before(ledger: Ledger, prefect_run_id: str | None, *, dry_run: bool) -> dict[str, JsonObject]:
    """What this very Prefect run did well in an earlier try: reports by the partners' shop domains."""
    return {
        str(each.parameters.get("partner")): each.report
        for each in (ledger.runs_of(prefect_run_id) if prefect_run_id else ())
        if each.flow == PARTNER_SYNC
        and each.dry_run == dry_run
        and each.report is not None
        and each.report.get("success")
    }


NAME = 50
"""Characters of a run's name: that of its plan, with what both may have before and behind, has at most 64."""


def started(job: Job, ledger: Ledger, partner: Partner) -> Job:
    """One partner's own run, in the ledger from now on."""
    parameters: JsonObject = {
        "partner": partner.shop_domain,
        "dry_run": job.dry_run,
        "release": job.release,
        "batch_size": job.batch_size,
    }
    now = clock()
    run = Run(
        id=f"{job.run_id}_{partner.shop_domain}"[:NAME],
        flow=job.flow,
        account=job.account,
        day=job.day,
        started_at=now,
        heartbeat_at=now,
        dry_run=job.dry_run,
        parameters=parameters,
        prefect_run_id=runtime.flow_run.id,
    )
    return replace(job, run_id=ledger.start_run(run).id, started_at=now)


def story_of(job: Job, *, writes: bool) -> Story:
    """A story that nothing was told of yet."""
    return Story(
        sync_id=job.run_id,
        flow=job.flow,
        day=job.day,
        started_at=job.started_at,
        dry_run=job.dry_run,
        max_concurrent=job.max_concurrent,
        writes=writes,
    )


def partner_resource(partner: Partner) -> str:
    """The lease that whoever syncs a partner must hold."""
    return f"partner:{partner.account}:{partner.id}"


def publish(round_: Round, found: JsonObject) -> None:
    """What people read in the Prefect UI, once a run: how it went, what changed, how each partner is."""
    partners = round_.ledger.partners(round_.job.account)
    logs = {each.id or 0: _logs(round_.ledger, each) for each in partners}
    for key, text, what in (
        (f"{PARTNER_SYNC}-summary", partner_report.markdown(found), "How the run went"),
        ("partner-health", partner_page.markdown(partners, logs, round_.settings.now()), "How partners are"),
    ):
        create_markdown_artifact(text, key=key, description=what)
    create_table_artifact(
        partner_report.table(found),
        key=f"{PARTNER_SYNC}-changes",
        description="What changed, and what did not and why",
    )


def _logs(ledger: Ledger, partner: Partner) -> list[SyncLog]:
    return ledger.sync_logs(partner.account, partner_id=partner.id, limit=LATELY)


def logs_of(ledger: Ledger, job: Job, partner: Partner) -> list[SyncLog]:
    """The partner's last syncs, newest first: the first is the row of the sync log that this run fills.

    Whoever holds the partner's lease knows that rows which are still open were left by killed runs.
    """
    own = SyncLog(account=job.account, partner_id=partner.id, run_id=job.run_id, started_at=job.started_at)
    with ledger.database.together():
        before = [
            each if each.completed_at else _closed_as_killed(ledger, each)
            for each in ledger.sync_logs(job.account, partner_id=partner.id)
        ]
        return [ledger.start_sync(own), *before]


def _closed_as_killed(ledger: Ledger, log: SyncLog) -> SyncLog:
    killed: JsonObject = {"error": "the run was killed"}
    closed = replace(log, status="failed", errors=[killed], completed_at=clock())
    ledger.finish_sync(closed)
    return closed


def filled(log: SyncLog, ended: Ended, result: JsonObject, now: datetime) -> SyncLog:
    """The row of the sync log that says how a partner's sync ended."""
    counts = ended.story.balance.counts
    failed = sum(counts[broken] for broken in BROKEN) + len(ended.missing)
    return replace(
        log,
        status="failed" if ended.trouble else "completed",
        items_processed=ended.story.checked + len(ended.missing),
        items_updated=counts[Outcome.DONE],
        items_failed=failed,
        items_skipped=ended.story.checked - counts[Outcome.DONE] - failed + len(ended.missing),
        errors=[{"error": error} for error in map(str, _listed(result))],
        completed_at=now,
    )


def _listed(result: JsonObject) -> list[object]:
    errors = result["errors"]
    return list(errors) if isinstance(errors, list) else []
