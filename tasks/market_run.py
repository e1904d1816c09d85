"""End a run of the marketplace sync: gather what the report needs, and show it in the Prefect UI."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from prefect import runtime
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from connectors.ledger import Ledger
from connectors.ledger.market_records import MarketAccount
from connectors.ledger.records import Run, RunState
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks import channels, market_accounts, market_page, market_report
from tasks.lease import beating, clock
from tasks.market_page import State
from tasks.market_report import Tale
from tasks.run import BEAT

FLOW = "marketplace-sync"
ALL = "all"
"""The account of runs that work for all of them."""
TOLD_FOR = timedelta(days=1)
"""How long every report tells of units that were sold twice."""


@contextmanager
def begun(
    settings: Settings, ledger: Ledger, account: str | None, asked: JsonObject, *, dry_run: bool
) -> Iterator[Tale]:
    """A run in the ledger's books, alive until it ends; what breaks it off is stored with it."""
    started_at = clock()
    run = Run(
        id=f"marketplace_sync_{started_at:%Y%m%d_%H%M%S}",
        flow=FLOW,
        account=account or ALL,
        day=settings.now().date(),
        started_at=started_at,
        heartbeat_at=started_at,
        dry_run=dry_run,
        parameters=asked,
        prefect_run_id=runtime.flow_run.id,
    )
    stored = ledger.start_run(run)
    with beating(lambda: ledger.beat_run(stored.id, clock()), BEAT):
        try:
            yield Tale(stored.id, started_at, dry_run, settings.evenstock_writes)
        except Exception as error:
            ledger.finish_run(stored.id, RunState.FAILED, clock(), {"error": {"message": str(error)}})
            raise


def finish(settings: Settings, ledger: Ledger, tale: Tale, accounts: Sequence[str]) -> JsonObject:
    """The report of a run, shown as artifacts."""
    report = told(ledger, tale, accounts, settings.now())
    page = market_page.markdown(states(settings, ledger, accounts), report, settings.now())
    create_markdown_artifact(page, key=f"{FLOW}-state", description="How every marketplace is")
    create_table_artifact(
        market_page.table(report), key=f"{FLOW}-listings", description="What was pushed, failures first"
    )
    state = RunState.COMPLETED if report["success"] else RunState.FAILED
    ledger.finish_run(tale.run_id, state, clock(), report)
    event = {"flow": FLOW, "sync_id": tale.run_id, "message": report["message"], "balance": report["balance"]}
    channels.emit("evenstock.run.finished", accounts[0] if len(accounts) == 1 else ALL, event)
    return report


def told(ledger: Ledger, tale: Tale, accounts: Sequence[str], now: datetime) -> JsonObject:
    """The report of a run, with what its listings are and what waits for a person."""
    touched = {each.key.item_id for each in tale.ended + tale.planned}
    for account in accounts:
        tale.items |= {item.id: item for item in ledger.items(account, touched, deleted=True)}
        tale.oversold += ledger.oversold(account, now - TOLD_FOR)
        tale.reviews += ledger.reviews(account)
        tale.views += ledger.views(account)
    return market_report.document(tale, clock())


def states(settings: Settings, ledger: Ledger, accounts: Sequence[str]) -> list[State]:
    """How every account is on every marketplace."""
    now = settings.now()
    found: list[State] = []
    for account in accounts:
        known = {each.marketplace: each for each in ledger.market_accounts(account)}
        views = ledger.views(account)
        for name in {*known, *market_accounts.enabled_markets(settings, ledger, account)}:
            market = known.get(name) or MarketAccount(account, name, enabled=True, added_at=now)
            mine = [view for view in views if view.listing.marketplace == name]
            calls = ledger.calls_used(account, name, now)
            found.append(State(market, mine, ledger.breaker(account, name), calls))
    return found
