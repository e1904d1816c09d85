"""Locks that all who use a PostgreSQL ledger share, on whatever machine they are, for as long as they live.

They are those of one session of each process, which the server takes off when the process dies:
https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import threading
from functools import cache

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from connectors.ledger.database import Database
from connectors.ledger.failures import explained

_LOCK = text("SELECT pg_try_advisory_lock(hashtextextended(CAST(:name AS text), 0))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtextextended(CAST(:name AS text), 0))")


class Locks:
    """The part of the ledger that lends locks."""

    database: Database

    def session_locks(self) -> "SessionLocks | None":
        """Locks of this process's session; None where only one machine can use the ledger, as on SQLite."""
        return None if self.database.is_sqlite else _of(self.database)


class SessionLocks:
    """One session's locks, by name; a name is locked once at a time. May be shared by threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._session: Connection | None = None
        self._turn = threading.Lock()

    def lock(self, name: str) -> bool:
        """Take a lock if it is free. Raises as every unit of work of the ledger does."""
        with self._turn, explained(self._database.name):
            return bool(self._asked(name, locks=True))

    def unlock(self, name: str) -> None:
        """Give a lock back; if that cannot be said, the server has taken it off with the session."""
        with self._turn:
            try:
                self._asked(name, locks=False)
            except SQLAlchemyError:
                return

    def _asked(self, name: str, *, locks: bool) -> object:
        is_new = self._session is None
        session = self._session or self._opened()
        try:
            return session.execute(_LOCK if locks else _UNLOCK, {"name": name}).scalar_one()
        except SQLAlchemyError:
            session.invalidate()
            session.close()
            self._session = None
            if is_new:
                raise
        # The server may have been started anew since the session was used last.
        return self._asked(name, locks=locks)

    def _opened(self) -> Connection:
        engine = self._database.engine
        self._session = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        return self._session


@cache
def _of(database: Database) -> SessionLocks:
    return SessionLocks(database)
