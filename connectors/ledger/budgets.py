"""Calls that an account may still make within a day, counted across threads and processes.

BrickLink allows 5,000 calls a day and account, which its clients take for a rolling window of 24 hours; every
attempt counts. What protects against selling twice keeps calls when everything else has used up its own
(https://www.bricklink.com/v3/api.page, and what sellers' programs do).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select

from connectors.ledger.database import Database, insert_into
from connectors.ledger.item_rows import queue_up
from connectors.ledger.market_models import MarketCallsRow
from connectors.market import Lane

WINDOW = timedelta(hours=24)
SPAN = timedelta(minutes=5)
"""Calls are counted by spans of this length; a span leaves the window as a whole, when its last call does."""

LIMITS: Mapping[str, Mapping[Lane, int]] = {
    "bricklink": {
        "orders": 5_000,
        "falls": 4_800,
        "deletions": 4_700,
        "creations": 4_600,
        "rises": 4_500,
        "notes": 3_600,
        "prices": 2_500,
    }
}
"""How many calls of all lanes together there may have been before a lane is closed. A marketplace that is not
here counts none: Brick Owl's limits are a minute's, and its connector keeps them."""


class Budgets:
    """The part of the ledger that counts calls."""

    database: Database

    def spend(
        self, account: str, marketplace: str, lane: Lane, now: datetime, *, calls: int = 1
    ) -> datetime | None:
        """Take calls of a lane before they are made: None, and they are counted; or when the lane opens."""
        if marketplace not in LIMITS:
            return None
        limit = LIMITS[marketplace][lane] - calls
        with self.database.writing() as connection:
            queue_up(connection, f"market_calls/{account}/{marketplace}")
            spent = _spent(connection, account, marketplace, now)
            if sum(spent.values()) <= limit:
                _count(connection, (account, marketplace, lane), now, calls)
                return None
        return _opens(spent, limit)

    def lane_opens(
        self, account: str, marketplace: str, lane: Lane, now: datetime, *, calls: int = 1
    ) -> datetime | None:
        """When a lane has so many calls again; None: it has them now. Takes none."""
        if marketplace not in LIMITS:
            return None
        limit = LIMITS[marketplace][lane] - calls
        with self.database.reading() as connection:
            spent = _spent(connection, account, marketplace, now)
        return None if sum(spent.values()) <= limit else _opens(spent, limit)

    def calls_used(self, account: str, marketplace: str, now: datetime) -> dict[str, int]:
        """Calls within the window that ends now, by lane."""
        statement = select(MarketCallsRow.lane, func.sum(MarketCallsRow.calls))
        own = statement.where(_within(account, marketplace, now)).group_by(MarketCallsRow.lane)
        with self.database.reading() as connection:
            return {lane: int(calls) for lane, calls in connection.execute(own)}


def _within(account: str, marketplace: str, now: datetime) -> ColumnElement[bool]:
    return and_(
        MarketCallsRow.account == account,
        MarketCallsRow.marketplace == marketplace,
        MarketCallsRow.since > now - WINDOW - SPAN,
    )


def _spent(connection: Connection, account: str, marketplace: str, now: datetime) -> dict[datetime, int]:
    """Calls by the span they were made in, the oldest first."""
    statement = select(MarketCallsRow.since, func.sum(MarketCallsRow.calls))
    own = statement.where(_within(account, marketplace, now)).group_by(MarketCallsRow.since)
    rows = connection.execute(own.order_by(MarketCallsRow.since))
    return {since: int(calls) for since, calls in rows}


def _opens(spent: Mapping[datetime, int], limit: int) -> datetime:
    """When so many calls have left the window that at most `limit` are in it."""
    left, last = sum(spent.values()), max(spent)
    for since, calls in spent.items():
        left -= calls
        if left <= limit:
            return since + SPAN + WINDOW
    return last + SPAN + WINDOW


def _count(connection: Connection, whose: tuple[str, str, str], now: datetime, calls: int) -> None:
    account, marketplace, lane = whose
    since = datetime.fromtimestamp(now.timestamp() // SPAN.total_seconds() * SPAN.total_seconds(), UTC)
    row = {"account": account, "marketplace": marketplace, "since": since, "lane": lane, "calls": calls}
    one = insert_into(connection, MarketCallsRow).values(row)
    more = {"calls": MarketCallsRow.calls + calls}
    connection.execute(
        one.on_conflict_do_update(index_elements=["account", "marketplace", "since", "lane"], set_=more)
    )
    own = MarketCallsRow.account == account, MarketCallsRow.marketplace == marketplace
    connection.execute(delete(MarketCallsRow).where(*own, MarketCallsRow.since <= now - WINDOW - SPAN))
