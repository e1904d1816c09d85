"""Places for calls on their way that all who use a PostgreSQL ledger share, on whatever machine they are.

A place is a lock of a session of its own, which the server takes off when the session's process dies:
https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import time

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from connectors.ledger.database import Database
from connectors.ledger.failures import explained

POLL_SECONDS = 0.02
"""How often somebody who waits looks whether another one's call has ended."""

_TAKE = text(
    "SELECT place FROM generate_series(1, CAST(:count AS integer)) AS place"
    " WHERE pg_try_advisory_lock(hashtextextended(CAST(:name AS text) || '/' || place, 0)) LIMIT 1"
)
_LEAVE = text("SELECT pg_advisory_unlock_all()")


class Berths:
    """The part of the ledger that says how many calls may be on their way."""

    database: Database

    def berths(self, name: str, count: int) -> "SharedBerths | None":
        """The places of this name; None where only one machine can use the ledger, which is SQLite's case."""
        return None if self.database.is_sqlite else SharedBerths(self.database, f"berths/{name}", count)


class SharedBerths:
    """Places of one name. Raises as every unit of work of the ledger does."""

    def __init__(self, database: Database, name: str, count: int) -> None:
        self._database = database
        self._asked = {"name": name, "count": count}
        self._held: list[Connection] = []

    def take(self) -> None:
        """Take a place as soon as there is one."""
        with explained(self._database.name):
            session = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            try:
                while session.execute(_TAKE, self._asked).first() is None:
                    time.sleep(POLL_SECONDS)
            except BaseException:
                _end(session)
                raise
        self._held.append(session)

    def leave(self) -> None:
        """Give one place back."""
        _end(self._held.pop())


def _end(session: Connection) -> None:
    """Take off the session's lock; if that cannot be done, the server does it with the session's end."""
    try:
        session.execute(_LEAVE)
    except SQLAlchemyError:
        session.invalidate()
    session.close()
