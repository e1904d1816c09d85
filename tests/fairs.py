"""Fixtures: a fair for a test, with a ledger that all of them share.

pytest_plugins = ["tests.fairs"]
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import event

from connectors.brickowl import listed, pacing
from connectors.ledger import Ledger, open_ledger
from connectors.ledger.models import Base
from connectors.settings import load_settings
from sandbox.app import Sandbox
from sandbox.clock import Clock
from sandbox.server import serving
from tests.fair import Fair, Served, environment, world
from tests.ledgers import sqlite_in
from tests.worlds import NOW


@pytest.fixture(scope="session")
def fair_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """One ledger for all fairs, wiped before each; what it forgets in a crash is not what they are about."""
    with closing(open_ledger(sqlite_in(tmp_path_factory.mktemp("fair")))) as ledger:
        event.listen(ledger.database.engine, "connect", _careless)
        ledger.close()
        yield ledger


def _careless(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own
    connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture
def fair(fair_ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fair]:
    """A fair with empty stores."""
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    with fair_ledger.database.writing() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    with Sandbox(world(), clock=Clock(NOW)) as sandbox:
        yield Fair(sandbox, fair_ledger, load_settings())


@pytest.fixture
def served(fair: Fair, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The same on a port, with the environment pointing at it and at its ledger.

    What a process keeps of Brick Owl begins anew, or every test would wait for those before it.
    """
    monkeypatch.setattr(pacing, "_PACERS", {})
    monkeypatch.setattr(listed, "_LISTS", {})
    with serving(fair.sandbox) as url:
        settings = environment(url) | {"HTTP_BASE_DELAY": "0.001"}
        for name, value in settings.items() | {("EVENSTOCK_DATABASE_URL", _url(fair.ledger))}:
            monkeypatch.setenv(name, value)
        yield Served(fair.sandbox, fair.ledger, load_settings())


def _url(ledger: Ledger) -> str:
    return ledger.database.engine.url.render_as_string(hide_password=False)
