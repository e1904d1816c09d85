"""Fixed windows of calls at suppliers, shared by all processes: `connectors.supplier.Windows`."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, case, select

from connectors.ledger.database import Database, insert_into
from connectors.ledger.supplier_models import SupplierWindowRow

_SAME_END = timedelta(seconds=2)
"""Headers tell whole seconds: ends that differ by less are those of one window."""
_AHEAD = timedelta(hours=1)
"""A window that opened so far in the future was opened by a clock that was wrong."""


@dataclass(frozen=True, slots=True)
class SupplierWindows:
    """The windows of one quota account (`connectors.supplier.quota_account`). Thread-safe."""

    database: Database
    account: str
    now: Callable[[], datetime]

    def take(self, group: str, limit: int, seconds: int) -> float:
        """Count one call of an endpoint group: 0.0 if it may be sent now, else the seconds until it may.

        A window opens with its first call. One statement: of several callers at once each is counted.
        """
        row, now = SupplierWindowRow, self.now()
        over = (row.ends_at <= now) | (row.opened_at > now + _AHEAD)
        with self.database.writing() as connection:
            statement = insert_into(connection, row).values(
                account=self.account,
                endpoint=group,
                opened_at=now,
                ends_at=now + timedelta(seconds=seconds),
                used=1,
                limit=limit,
            )
            new = statement.excluded
            counted = statement.on_conflict_do_update(
                index_elements=["account", "endpoint"],
                set_={
                    "opened_at": case((over, new.opened_at), else_=row.opened_at),
                    "ends_at": case((over, new.ends_at), else_=row.ends_at),
                    "used": case((over, 1), else_=row.used + 1),
                    # What was heard of a window ends with it: the limit may have been changed since.
                    "limit": case((over, new.limit), else_=row.limit),
                },
                where=over | (row.used < row.limit),
            ).returning(row.used)
            if connection.execute(counted).one_or_none() is not None:
                return 0.0
            return self._wait(connection, group, now)

    def _wait(self, connection: Connection, group: str, now: datetime) -> float:
        row = SupplierWindowRow
        mine = and_(row.account == self.account, row.endpoint == group)
        ends_at = connection.execute(select(row.ends_at).where(mine)).scalar_one()
        # Another's clock may be behind ours, and a wait of nothing would mean that the call was counted.
        return max((ends_at - now).total_seconds(), 0.001)

    def learn(self, group: str, limit: int, remaining: int, seconds_left: float) -> None:
        """Take in what an answer said of its window: it ends in so many seconds.

        Answers come out of order, so within one window the count only grows, and an answer of a window that
        is over says nothing. One that ends later than the window known here is of a new one.
        """
        if not math.isfinite(seconds_left) or seconds_left <= 0 or limit < 1:
            return
        row, now = SupplierWindowRow, self.now()
        used = min(max(limit - remaining, 0), limit)
        ends_at = now + timedelta(seconds=seconds_left)
        is_new = row.ends_at < ends_at - _SAME_END
        with self.database.writing() as connection:
            statement = insert_into(connection, row).values(
                account=self.account, endpoint=group, opened_at=now, ends_at=ends_at, used=used, limit=limit
            )
            new = statement.excluded
            content = {
                "opened_at": case((is_new, new.opened_at), else_=row.opened_at),
                "ends_at": new.ends_at,
                "used": case((is_new | (row.used < new.used), new.used), else_=row.used),
                "limit": new.limit,
            }
            connection.execute(
                statement.on_conflict_do_update(index_elements=["account", "endpoint"], set_=content)
            )
