"""The connection to RMS: read only, in a hurry, and plain about what went wrong."""

import math
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from connectors.errors import ConfigurationError, EvenstockError, Transient
from connectors.rms import statements

_LOGIN_TIMEOUT = 15.0
_STEPS = 10_000
_SHOWN = 200

_NEEDS_A_PERSON = {
    207: "RMS lacks a column",
    208: "RMS lacks a table or view, or the login may not see it",
    229: "the RMS login may not read everything it must",
    230: "the RMS login may not read everything it must",
    916: "the RMS login has no access to the database",
    4060: "the RMS login cannot open the database of RMS_DATABASE_URL",
    18452: "RMS refuses the login of RMS_DATABASE_URL",
    18456: "RMS refuses the login of RMS_DATABASE_URL",
    18470: "RMS refuses the login of RMS_DATABASE_URL: it is disabled",
    18486: "RMS refuses the login of RMS_DATABASE_URL: it is locked",
    18487: "RMS refuses the login of RMS_DATABASE_URL: its password has expired",
    18488: "RMS refuses the login of RMS_DATABASE_URL: its password must be changed",
}
"""https://learn.microsoft.com/en-us/sql/relational-databases/errors-events/database-engine-events-and-errors"""

_PASSES = {
    1205: "RMS ended our reading to break a deadlock",
    1222: "RMS kept us waiting too long for a lock",
    20003: "RMS took too long to answer",
    20006: "the connection to RMS broke",
    20009: "RMS cannot be reached",
    20017: "the connection to RMS broke",
    20047: "the connection to RMS broke",
}
"""The same, and FreeTDS's own numbers from 20000 on."""

_SQLITE = (
    (re.compile("no such table"), ConfigurationError, _NEEDS_A_PERSON[208]),
    (re.compile("no such column"), ConfigurationError, _NEEDS_A_PERSON[207]),
    (re.compile("locked|busy"), Transient, _PASSES[1222]),
    (re.compile("interrupted"), Transient, _PASSES[20003]),
    (re.compile("unable to open"), Transient, "RMS cannot be reached"),
)

_SUPPORTED = {"mssql+pymssql", "sqlite", "sqlite+pysqlite"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long RMS may keep us waiting, in seconds: for a lock, for a statement, for all of a reading."""

    lock: float
    statement: float
    whole: float


def open_engine(url: str, limits: Limits) -> Engine:
    """An engine that opens a connection for each reading and keeps none.

    Raises `ConfigurationError` when the URL is not understood or the driver is missing.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        engine = _create(_read_only(parsed), {"timeout": limits.lock})
        event.listen(engine, "before_cursor_execute", _Stopwatch(limits.statement))
    else:
        engine = _create(parsed, _pymssql_arguments(limits))
        event.listen(engine, "connect", _Session(limits.lock))
    return engine


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError("RMS_DATABASE_URL is no SQLAlchemy URL") from None
    if parsed.drivername not in _SUPPORTED:
        raise ConfigurationError(
            f"RMS_DATABASE_URL: {parsed.drivername} is not supported, only mssql+pymssql:// and sqlite:///"
        )
    return parsed


def _read_only(url: URL) -> URL:
    """SQLite would make an empty database of a missing file; asked so, it does not, and never writes.

    https://www.sqlite.org/uri.html#urimode
    """
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ConfigurationError("RMS_DATABASE_URL must name a file: sqlite:////path/of/rms.db")
    return url.set(database=Path(url.database).absolute().as_uri(), query={"mode": "ro", "uri": "true"})


def _pymssql_arguments(limits: Limits) -> Mapping[str, object]:
    """Whole seconds, 0 is for ever: https://pymssql.readthedocs.io/en/stable/ref/pymssql.html."""
    return {
        "timeout": max(1, math.ceil(limits.statement)),
        "login_timeout": max(1, math.ceil(min(limits.statement, _LOGIN_TIMEOUT))),
        "appname": "evenstock",
    }


def _create(url: URL, arguments: Mapping[str, object]) -> Engine:
    """Autocommit: no statement leaves a transaction open, so none of its locks outlives it."""
    try:
        return create_engine(
            url,
            connect_args=dict(arguments),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
        )
    except ImportError:
        raise ConfigurationError(
            "RMS_DATABASE_URL needs the driver pymssql: pip install 'evenstock[rms]'"
        ) from None
    except (SQLAlchemyError, TypeError, ValueError):
        raise ConfigurationError("RMS_DATABASE_URL is not understood") from None


@dataclass(frozen=True, slots=True)
class _Stopwatch:
    """SQLite has no statement time-out, but asks now and then whether to go on."""

    seconds: float

    def __call__(self, _connection: object, cursor: sqlite3.Cursor, *_: object) -> None:
        end = time.monotonic() + self.seconds
        cursor.connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)


class _Session:
    """Says at the start of each connection how long it may wait for locks."""

    def __init__(self, lock_timeout: float) -> None:
        self._statements = statements.session(lock_timeout)

    def __call__(self, connection: "_Connection", _record: object) -> None:
        cursor = connection.cursor()
        for statement in self._statements:
            cursor.execute(statement)
        cursor.close()


class _Cursor(Protocol):
    def execute(self, statement: str, /) -> object: ...
    def close(self) -> None: ...


class _Connection(Protocol):
    def cursor(self) -> _Cursor: ...


@contextmanager
def told_plainly(engine: Engine) -> Iterator[None]:
    """Turn whatever SQLAlchemy and the driver raise into one line of our own, without its history.

    Raises `Transient` when RMS may answer in a moment (down, locked, slow), `ConfigurationError` when a
    person has to change something (login, right, view, column).
    """
    try:
        yield
    except DBAPIError as error:
        raise explained(error, engine.url.password) from None
    except SQLAlchemyError as error:
        raise ConfigurationError(f"RMS cannot be read: {type(error).__name__}") from None


def explained(error: DBAPIError, password: object = None) -> EvenstockError:
    """Our error for a driver's, by its number at best, else by its words, else by its kind."""
    number, text = _number_and_text(error.orig)
    shown = _one_line(text, str(password or ""))
    if number in _NEEDS_A_PERSON:
        return ConfigurationError(f"{_NEEDS_A_PERSON[number]}: {shown}")
    if number in _PASSES:
        return _transient(f"{_PASSES[number]}: {shown}")
    for pattern, kind, words in _SQLITE:
        if number is None and pattern.search(text):
            return _transient(f"{words}: {shown}") if kind is Transient else kind(f"{words}: {shown}")
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return _transient(f"RMS did not answer: {shown}")
    return ConfigurationError(f"RMS cannot be read: {shown}")


def _transient(message: str) -> Transient:
    return Transient(message, system="rms")


def _number_and_text(error: BaseException | None) -> tuple[int | None, str]:
    """Pymssql gives `(number, bytes)` or, of a failed login, that pair once more in a tuple."""
    parts = error.args if error is not None else ()
    if len(parts) == 1 and isinstance(parts[0], tuple):
        parts = parts[0]
    number = next((part for part in parts if isinstance(part, int)), None)
    return number, " ".join(_decoded(part) for part in parts if isinstance(part, str | bytes))


def _decoded(text: str | bytes) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _one_line(text: str, password: str) -> str:
    """What the database said, but not what the driver said about it afterwards, and never the password."""
    said = re.sub(r"DB-Lib error message \d+, severity \d+:", "\n", text).strip()
    line = next(iter(said.splitlines()), "no reason given")
    return (line.replace(password, "***") if password else line)[:_SHOWN]
