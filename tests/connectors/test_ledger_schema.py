"""The ledger's tables appear by themselves, once; a database that cannot be used is one clear sentence."""

import sqlite3
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Connection, Engine, create_engine, func, inspect, select, text

from connectors.errors import ConfigurationError, ConnectorError, EvenstockError, Transient
from connectors.ledger import Ledger, LevelMemory, database, open_ledger
from connectors.ledger.database import Database
from connectors.ledger.ledger import _open
from connectors.ledger.models import Base, LeaseRow
from connectors.ledger.schema import VERSION_TABLE, alembic_config, bring_up_to_date
from tests.connectors.ledger_samples import NOW
from tests.ledgers import processes

pytest_plugins = ["tests.databases"]


@pytest.fixture
def ledger(bare_url: str) -> Iterator[Ledger]:
    """A ledger that may be spoilt."""
    with closing(open_ledger(bare_url)) as opened:
        yield opened


def _reopened(url: str, *, upgrade: bool = True) -> None:
    """Open as another process would: with an engine of its own."""
    other = Database(url)
    try:
        bring_up_to_date(other, upgrade=upgrade)
    finally:
        other.close()


def _changed(ledger: Ledger, statement: str) -> None:
    with ledger.database.writing() as connection:
        connection.execute(text(statement))


def _end_session(connection: Connection, killer: Engine) -> None:
    pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
    with killer.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    connection.execute(text("SELECT 1"))


def _start_and_use(url: str) -> int:
    with closing(open_ledger(url)) as ledger:
        return ledger.acquire(["start"], "someone", 0, NOW)["start"]


def test_migrations_make_the_tables_of_the_models(ledger: Ledger) -> None:
    with ledger.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})

        assert compare_metadata(context, Base.metadata) == []


def test_the_way_back_leaves_nothing(ledger: Ledger) -> None:
    config = alembic_config()
    with ledger.database.writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with ledger.database.reading() as connection:
        assert set(inspect(connection).get_table_names()) <= {VERSION_TABLE}


def test_several_processes_may_start_at_once(bare_url: str) -> None:
    with processes(4) as pool:
        fences = list(pool.map(_start_and_use, [bare_url] * 4))

    assert sorted(fences) == [1, 2, 3, 4]


def test_sqlite_keeps_a_write_ahead_log_and_foreign_keys(tmp_path: Path) -> None:
    with (
        closing(open_ledger(f"sqlite:///{tmp_path}/ledger.db")) as ledger,
        ledger.database.reading() as connection,
    ):
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == database.PATIENCE_SECONDS * 1000


def test_one_engine_a_url(bare_url: str) -> None:
    with closing(open_ledger(bare_url)) as ledger:
        assert open_ledger(bare_url) is ledger


def test_a_newer_schema_is_refused(ledger: Ledger, bare_url: str) -> None:
    _changed(ledger, "UPDATE evenstock_version SET version_num = '9999'")

    with pytest.raises(ConfigurationError, match="newer than this Evenstock"):
        _reopened(bare_url)


def test_an_older_schema_is_named_when_it_may_not_be_upgraded(bare_url: str) -> None:
    with pytest.raises(ConfigurationError, match="evenstock setup"):
        open_ledger(bare_url, upgrade=False)
    with closing(open_ledger(bare_url)):
        _reopened(bare_url, upgrade=False)


def test_another_programs_tables_are_left_alone(ledger: Ledger, bare_url: str) -> None:
    _changed(ledger, f"DROP TABLE {VERSION_TABLE}")

    with pytest.raises(ConfigurationError, match="tables of another program"):
        _reopened(bare_url)


def test_a_failed_migration_leaves_no_half_schema(bare_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def upgrade_and_stumble(config: Config, revision: str) -> None:
        really(config, revision)
        raise KeyboardInterrupt

    really = command.upgrade
    monkeypatch.setattr(command, "upgrade", upgrade_and_stumble)
    with pytest.raises(KeyboardInterrupt):
        _reopened(bare_url)
    monkeypatch.undo()

    with closing(open_ledger(bare_url)) as ledger:
        assert ledger.attempts("own") == {}


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("ledger.db", "must be a database URL"),
        ("mysql://host/ledger", "SQLite or PostgreSQL, not on mysql"),
        ("postgresql://u:hush@localhost:x/l", "must be a database URL"),
    ],
)
def test_a_url_that_names_no_ledger(url: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        open_ledger(url)
    assert "hush" not in str(caught.value)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match=r"folder .* cannot be made"):
        open_ledger(f"sqlite:///{tmp_path}/file/ledger.db")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("something else, and long enough to be looked at twice" * 100)

    with pytest.raises(ConfigurationError, match="not a database"):
        open_ledger(f"sqlite:///{tmp_path}/ledger.db")


def test_a_file_that_may_not_be_written(tmp_path: Path) -> None:
    with closing(open_ledger(f"sqlite:///{tmp_path}/ledger.db")):
        pass
    url = f"sqlite:///file:{tmp_path}/ledger.db?mode=ro&uri=true"
    other = Ledger(Database(url))

    with closing(other), pytest.raises(ConfigurationError, match="readonly"):
        other.record_attempts("own", [1], NOW)
    assert not Path("file:").exists()


def test_a_database_locked_for_too_long_is_a_passing_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE_SECONDS", 0.05)
    path = tmp_path / "ledger.db"
    with closing(open_ledger(f"sqlite:///{path}")) as ledger, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(Transient, match="is busy"):
            ledger.record_attempts("own", [1], NOW)
        other.rollback()
        ledger.record_attempts("own", [1], NOW)

        assert ledger.attempts("own") == {1: NOW}


def test_a_server_that_is_away_is_a_passing_trouble_without_the_password() -> None:
    with pytest.raises(Transient) as caught:
        open_ledger("postgresql://someone:hush@127.0.0.1:1/ledger")
    assert "cannot be reached" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_host_that_nobody_knows_needs_a_person() -> None:
    with pytest.raises(ConfigurationError, match="resolve host"):
        open_ledger("postgresql://someone:hush@nowhere.invalid/ledger")


def test_a_server_without_that_database_needs_a_person(postgres: URL) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        open_ledger(postgres.set(database="nowhere").render_as_string(hide_password=False))


def test_a_session_that_ends_in_the_middle_is_a_passing_trouble(postgres: URL, postgres_url: str) -> None:
    ledger = open_ledger(postgres_url)
    killer = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with pytest.raises(Transient), ledger.database.writing() as connection:
        _end_session(connection, killer)
    killer.dispose()
    ledger.record_attempts("own", [1], NOW)

    assert ledger.attempts("own") == {1: NOW}
    ledger.close()


def test_an_error_shows_no_values(ledger: Ledger) -> None:
    with pytest.raises(ConnectorError) as caught, ledger.database.writing() as connection:
        connection.execute(text("INSERT INTO products (account) VALUES (:a)"), {"a": "confidential"})

    assert "confidential" not in "".join(traceback.format_exception(caught.value))
    assert "\n" not in str(caught.value)


def test_an_error_shows_no_statement(ledger: Ledger) -> None:
    _changed(ledger, "DROP TABLE products")
    with pytest.raises(ConfigurationError, match=r"(no such table: products|\"products\" does not exist)$"):
        ledger.attempts("own")


def test_a_value_that_no_column_holds_is_one_sentence(ledger: Ledger) -> None:
    for ask in (
        lambda: ledger.deleted_variant("own", 10**30),
        lambda: ledger.attempts("half a pair: \ud800"),
    ):
        with pytest.raises(ConnectorError, match=r"^the ledger .* (does not take a value|failed): .+"):
            ask()


def test_a_time_without_a_zone_is_refused(ledger: Ledger) -> None:
    naive = LevelMemory("own", 1, 1, 1, 1, NOW.replace(tzinfo=None))

    with pytest.raises(EvenstockError, match="aware times only"):
        ledger.remember([naive])


def test_reprs_show_no_password() -> None:
    other = Database("postgresql://someone:hush@127.0.0.1:1/ledger")

    assert "hush" not in f"{other!r}{Ledger(other)!r}"
    assert not any("hush" in repr(opened) for opened in _open.values())


def test_a_look_is_of_one_moment(ledger: Ledger) -> None:
    counted = select(func.count()).select_from(LeaseRow)
    with ledger.database.reading() as connection:
        before = connection.execute(counted).scalar_one()
        ledger.acquire(["meanwhile"], "somebody", 60, NOW)

        assert connection.execute(counted).scalar_one() == before
    with ledger.database.reading() as connection:
        assert connection.execute(counted).scalar_one() == before + 1
