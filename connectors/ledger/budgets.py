"""Calls that an account may still make within a day, counted across threads and processes.

BrickLink allows 5,000 calls a day and account, which its clients take for a rolling window of 24 hours; every
attempt counts. What protects against selling twice keeps calls when everything else has used up its own
(https://www.bricklink.com/v3/api.page, and what sellers' programs do).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, select

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

POLLS = 720
"""Calls for orders that every other lane counts as made, even before they are: one list every two minutes.

Whatever comes in a burst would else leave sales unheard for the rest of the day. Of 5,000 calls, 720 polls
and a reserve of 200 leave 4,080, which are 2,040 changes of two calls each.
"""


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
            if _taken(spent, lane) <= limit:
                _count(connection, (account, marketplace, lane), now, calls)
                return None
        return _opens(spent, lane, limit)

    def lane_opens(
        self, account: str, marketplace: str, lane: Lane, now: datetime, *, calls: int = 1
    ) -> datetime | None:
        """When a lane has so many calls again; None: it has them now. Takes none."""
        if marketplace not in LIMITS:
            return None
        limit = LIMITS[marketplace][lane] - calls
        with self.database.reading() as connection:
            spent = _spent(connection, account, marketplace, now)
        return None if _taken(spent, lane) <= limit else _opens(spent, lane, limit)

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


@dataclass(frozen=True, slots=True)
class _Span:
    """Calls of one span of time."""

    since: datetime
    orders: int
    others: int


def _spent(connection: Connection, account: str, marketplace: str, now: datetime) -> list[_Span]:
    """Calls by the span they were made in, the oldest first."""
    all_calls = func.sum(MarketCallsRow.calls)
    orders = func.sum(case((MarketCallsRow.lane == "orders", MarketCallsRow.calls), else_=0))
    statement = select(MarketCallsRow.since, orders, all_calls - orders)
    own = statement.where(_within(account, marketplace, now)).group_by(MarketCallsRow.since)
    rows = connection.execute(own.order_by(MarketCallsRow.since))
    return [_Span(since, int(heard), int(others)) for since, heard, others in rows]


def _taken(spent: Sequence[_Span], lane: Lane) -> int:
    """The calls a lane has to count: all, and for others than orders the polls that are still to come."""
    orders = sum(span.orders for span in spent)
    polls = orders if lane == "orders" else max(orders, POLLS)
    return polls + sum(span.others for span in spent)


def _opens(spent: Sequence[_Span], lane: Lane, limit: int) -> datetime:
    """When so many calls have left the window that a lane counts at most `limit`."""
    gone = (span.since for at, span in enumerate(spent, 1) if _taken(spent[at:], lane) <= limit)
    return next(gone, spent[-1].since) + SPAN + WINDOW


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
