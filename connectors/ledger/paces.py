"""Turns at a steady rate, shared by all processes: until when those that were taken use up the time.

A pace is kept as a lease that nobody holds: it ends when its last turn has been used up.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from connectors.ledger.database import Database, insert_into
from connectors.ledger.item_rows import queue_up
from connectors.ledger.models import LeaseRow
from connectors.pacing import Pace

LONGEST = timedelta(minutes=5)
"""Nobody waits longer for a turn, whatever another machine's clock made of the pace."""
_NOBODY = ""


class Paces:
    """The part of the ledger that says when a call may go."""

    database: Database

    def take_turn(self, paces: Collection[Pace], now: datetime) -> float:
        """Take a turn of each of these paces; the seconds to wait until all of them have come."""
        waits = [0.0]
        with self.database.writing() as connection:
            used = _used(connection, [pace.name for pace in paces], now)
            for pace in paces:
                waits.append((used[pace.name] - now - timedelta(seconds=pace.ahead)).total_seconds())
                _store(connection, pace.name, used[pace.name] + timedelta(seconds=pace.every))
        return max(waits)

    def stop_turns(self, pace: Pace, seconds: float, now: datetime) -> None:
        """For so long nobody's turn comes."""
        until = now + min(timedelta(seconds=seconds), LONGEST) + timedelta(seconds=pace.ahead)
        with self.database.writing() as connection:
            _store(connection, pace.name, max(until, _used(connection, [pace.name], now)[pace.name]))


def _used(connection: Connection, names: Collection[str], now: datetime) -> Mapping[str, datetime]:
    """Until when each pace is used up, now if it is not; nobody else changes them meanwhile."""
    for name in sorted(names):
        queue_up(connection, f"pace/{name}")
    kept = select(LeaseRow.resource, LeaseRow.expires_at).where(LeaseRow.resource.in_(map(_row, names)))
    found = {row.resource: row.expires_at for row in connection.execute(kept)}
    return {name: min(max(now, found.get(_row(name), now)), now + LONGEST) for name in names}


def _store(connection: Connection, name: str, until: datetime) -> None:
    row = {"resource": _row(name), "holder": _NOBODY, "fence": 0, "expires_at": until}
    one = insert_into(connection, LeaseRow).values(row)
    connection.execute(one.on_conflict_do_update(index_elements=["resource"], set_={"expires_at": until}))


def _row(name: str) -> str:
    return f"pace:{name}"
