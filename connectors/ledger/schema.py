"""Brings a ledger's tables up to date, however many processes start at once."""

import threading
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from connectors.errors import ConfigurationError
from connectors.ledger.database import Database
from connectors.ledger.models import Base

VERSION_TABLE = "evenstock_version"
"""Not Alembic's default name: Prefect's tables may share the database."""
_ADVISORY_LOCK = 0x45_76_65_6E  # any number, as long as it is always this one
# Alembic's context is one per process.
_alembic_turn = threading.Lock()


def bring_up_to_date(database: Database, *, upgrade: bool = True) -> None:
    """Create or upgrade the tables. Raises ConfigurationError for a schema this program cannot use.

    With `upgrade=False` nothing is changed: an older schema is an error, too.
    """
    with database.reading() as connection:
        is_current = _is_current(connection)
    if is_current:
        return
    if not upgrade:
        raise ConfigurationError(f"the ledger {database.name} has an older schema: run `evenstock setup`")
    with _alembic_turn, database.writing() as connection:
        _wait_for_others(connection)
        # Somebody may have done it while we waited: only now is what is there to be judged.
        if not _is_current(connection):
            _refuse_foreign_tables(connection)
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def alembic_config() -> Config:
    """Alembic's settings for the migrations inside this package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


@cache
def _migrations() -> ScriptDirectory:
    """All migrations: reading them takes longer than looking at the database does."""
    return ScriptDirectory.from_config(alembic_config())


def _is_current(connection: Connection) -> bool:
    script = _migrations()
    revision = _revision(connection)
    if revision is not None and revision not in {known.revision for known in script.walk_revisions()}:
        raise ConfigurationError(
            f"the ledger's schema ({revision}) is newer than this Evenstock: update Evenstock, or use another"
            " EVENSTOCK_DATABASE_URL"
        )
    return revision == script.get_current_head()


def _revision(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _refuse_foreign_tables(connection: Connection) -> None:
    if _revision(connection) is not None:
        return
    ours = set(Base.metadata.tables) & set(inspect(connection).get_table_names())
    if ours:
        raise ConfigurationError(
            f"EVENSTOCK_DATABASE_URL: the database has tables of another program ({', '.join(sorted(ours))})"
        )


def _wait_for_others(connection: Connection) -> None:
    """One at a time. SQLite's writers wait at BEGIN already; PostgreSQL needs a lock of our own."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
