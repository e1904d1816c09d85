"""SQLite and PostgreSQL alike: how connections are opened, and how a unit of work begins and ends."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from connectors.errors import ConfigurationError
from connectors.ledger.failures import explained
from connectors.ledger.models import Base

T = TypeVar("T")
Insert = sqlite.Insert | postgresql.Insert

PATIENCE_SECONDS = 30
"""How long a unit of work waits for another one's lock."""
CHUNK = 500
"""Rows that one statement carries."""
_OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING
_WRITER = "evenstock_writer"
_OPTIONS = {"_result_disable_adapt_to_context": True}
"""Results as SQLAlchemy's own ORM reads them: by position and name, not by column objects, which each result
of a cached statement would otherwise be matched with, for a fifth of the ledger's time."""


class Database:
    """An engine with two kinds of units of work: `reading` and `writing`, each one transaction."""

    def __init__(self, url: str) -> None:
        address = _address(url)
        self.name = address.render_as_string(hide_password=True)
        self.is_sqlite = address.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(address) if self.is_sqlite else _postgresql_engine(address)
        self._writer = self.engine.execution_options(**{_WRITER: True})
        # PostgreSQL would show each statement of a look another moment; SQLite shows all of them one.
        self._reader = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(isolation_level="REPEATABLE READ")
        )
        # SQLite has one writer at a time; threads queue here, which is fairer than its polling.
        self._turn = threading.Lock() if self.is_sqlite else nullcontext()
        self._joint = _Joint()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make one transaction of all units of work that this thread does meanwhile: all are kept, or none.

        Not for anything that waits for another system. Raises as `writing` does.
        """
        with self.writing() as connection:
            self._joint.connection = connection
            try:
                yield
            finally:
                self._joint.connection = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent look. Raises ConfigurationError or Transient, each one sentence."""
        if self._joint.connection:
            yield self._joint.connection
            return
        with explained(self.name), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that takes the write lock at once. Raises as `reading` does, and UnknownOutcome."""
        if self._joint.connection:
            yield self._joint.connection
            return
        with (
            self._turn,
            explained(self.name),
            self._writer.connect() as connection,
            connection.begin() as transaction,
        ):
            yield connection
            with explained(self.name, committing=True):
                transaction.commit()

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


class _Joint(threading.local):
    """The transaction that a thread's units of work have joined, if they have."""

    connection: Connection | None = None


def insert_into(connection: Connection, table: type[Base]) -> Insert:
    """An INSERT that knows ON CONFLICT, in the connection's dialect."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """`values` in slices of at most `size`, each taken when its turn comes."""
    left = iter(values)
    while part := list(islice(left, size)):
        yield part


def file_of(url: str) -> Path | None:
    """The file that a ledger on SQLite is; None for one on a server. Raises ConfigurationError."""
    address = _address(url)
    return _sqlite_file(address) if address.get_backend_name() == "sqlite" else None


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "EVENSTOCK_DATABASE_URL must be a database URL such as sqlite:////var/lib/evenstock/ledger.db"
        ) from None
    backend = address.get_backend_name()
    if backend == "sqlite":
        return address.set(drivername="sqlite")
    if backend in {"postgresql", "postgres"}:
        return address.set(drivername="postgresql+psycopg")
    raise ConfigurationError(
        f"EVENSTOCK_DATABASE_URL: the ledger runs on SQLite or PostgreSQL, not on {backend}"
    )


def _sqlite_engine(address: URL) -> Engine:
    file = _sqlite_file(address)
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise ConfigurationError(f"SQLite {sqlite3.sqlite_version} is too old for the ledger: 3.35 is needed")
    _make_folder(file.parent)
    engine = create_engine(
        address,
        hide_parameters=True,
        execution_options=_OPTIONS,
        insertmanyvalues_page_size=CHUNK,
        max_overflow=100,
        connect_args={"timeout": PATIENCE_SECONDS},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _sqlite_file(address: URL) -> Path:
    """A database may be named by a file URI, as SQLite allows; any other name is a path."""
    name = address.database or ":memory:"
    if name == ":memory:":
        raise ConfigurationError(
            "EVENSTOCK_DATABASE_URL must name a file: a ledger in memory forgets everything"
        )
    return Path(urlsplit(name).path if name.startswith("file:") else name)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"EVENSTOCK_DATABASE_URL: the ledger's folder {folder} cannot be made: {error.strerror}"
        ) from error


def _prepare_sqlite(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    del entry
    # Transactions are begun by `_begin_sqlite`, not by the driver's guess.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        # Another process is changing the journal this moment; it stays changed for everybody.
        if "locked" not in str(error):
            raise
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the lock before it reads: two that read first could both lose."""
    writes = connection.get_execution_options().get(_WRITER)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql_engine(address: URL) -> Engine:
    limits = (
        f"-c lock_timeout={PATIENCE_SECONDS}s -c statement_timeout={4 * PATIENCE_SECONDS}s -c timezone=UTC"
    )
    try:
        return create_engine(
            address,
            hide_parameters=True,
            execution_options=_OPTIONS,
            insertmanyvalues_page_size=CHUNK,
            pool_pre_ping=True,
            max_overflow=50,
            connect_args={"connect_timeout": 10, "options": limits},
        )
    except (ModuleNotFoundError, NoSuchModuleError):
        raise ConfigurationError(
            "EVENSTOCK_DATABASE_URL: PostgreSQL needs its driver: pip install 'evenstock[postgres]'"
        ) from None
