"""Alerts: what is wrong with an account, and what people were told of it."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, and_, select, true, update

from connectors.ledger.database import Database, insert_into
from connectors.ledger.models import AlertRow
from connectors.ledger.records import Alert
from connectors.ledger.rows import columns, loaded, values
from connectors.records import JsonObject

T = TypeVar("T")
_COLUMNS = columns(AlertRow, Alert)
_KEYS = {"account", "cause"}


class Alerts:
    """The part of the ledger that knows what is wrong."""

    database: Database

    def judge_alert(
        self, account: str, cause: str, judge: Callable[[Alert | None], tuple[Alert | None, T]]
    ) -> T:
        """Judge a cause by what is remembered of it, and store what the judgement says to remember.

        One unit of work: of several callers at once each sees what the one before it left.
        """
        with self.database.writing() as connection:
            memory = _one(connection, account, cause)
            alert, verdict = judge(memory)
            if alert is not None and alert != memory:
                _store(connection, alert)
            return verdict

    def alerts(self, account: str | None = None, *, open_only: bool = True) -> list[Alert]:
        """The alerts of an account, or of all; those of today only, or also what is well again."""
        mine = true() if account is None else AlertRow.account == account
        there = AlertRow.resolved_at.is_(None) if open_only else true()
        statement = select(*_COLUMNS).where(mine, there).order_by(AlertRow.first_seen_at, AlertRow.cause)
        with self.database.reading() as connection:
            return loaded(Alert, connection.execute(statement).all())

    def undelivered_alerts(self) -> list[Alert]:
        """Alerts with something that was not handed over yet, of every account, the oldest first."""
        with self.database.reading() as connection:
            statement = select(*_COLUMNS).order_by(AlertRow.last_seen_at, AlertRow.cause)
            return [each for each in loaded(Alert, connection.execute(statement).all()) if each.undelivered]

    def delivered(self, account: str, cause: str, notice: JsonObject) -> None:
        """A notice was handed over: what came to it meanwhile stays."""

        def without(memory: Alert | None) -> tuple[Alert | None, None]:
            return (None if memory is None else _without(memory, notice)), None

        self.judge_alert(account, cause, without)
