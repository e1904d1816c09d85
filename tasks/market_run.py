"""End a run of the marketplace sync: gather what the report needs, and show it in the Prefect UI."""

from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from connectors.ledger import Ledger
from connectors.ledger.market_records import MarketAccount
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks import market_accounts, market_page, market_report
from tasks.lease import clock
from tasks.market_page import State
from tasks.market_report import Tale

FLOW = "marketplace-sync"


def finish(settings: Settings, ledger: Ledger, tale: Tale, accounts: Sequence[str]) -> JsonObject:
    """The report of a run, shown as artifacts."""
    touched = {each.key.item_id for each in tale.ended}
    touched |= {key.item_id for part in tale.parts for key, _ in part.planned}
    for account in accounts:
        tale.items |= {item.id: item for item in ledger.items(account, touched, deleted=True)}
        tale.reviews += ledger.reviews(account)
        tale.views += ledger.views(account)
    report = market_report.document(tale, clock())
    page = market_page.markdown(states(settings, ledger, accounts), report, settings.now())
    create_markdown_artifact(page, key=f"{FLOW}-state", description="How every marketplace is")
    create_table_artifact(
        market_page.table(report), key=f"{FLOW}-listings", description="What was pushed, failures first"
    )
    return report


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
