"""Alerts: what is wrong with an account, and what people were told of it."""

from collections.abc import Callable
from dataclasses import replace
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

        One unit of work: of several callers at once each sees what the one before it left. The judgement may
        be asked twice, and its last answer counts.
        """
        with self.database.writing() as connection:
            memory = _one(connection, account, cause)
            alert, verdict = judge(memory)
            if memory is None and alert is not None and not _is_first(connection, alert):
                # Somebody else was, since we looked.
                memory = _one(connection, account, cause)
                alert, verdict = judge(memory)
            if memory is not None and alert is not None and alert != memory:
                _replace(connection, alert)
            return verdict

    def alerts(self, account: str | None = None, *, open_only: bool = True) -> list[Alert]:
        """The alerts of an account or of all, the oldest first; also those that are well again if asked."""
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


def _one(connection: Connection, account: str, cause: str) -> Alert | None:
    """What is remembered of a cause, kept from others until the unit of work ends."""
    its = and_(AlertRow.account == account, AlertRow.cause == cause)
    rows = connection.execute(select(*_COLUMNS).where(its).with_for_update()).all()
    return next(iter(loaded(Alert, rows)), None)


def _is_first(connection: Connection, alert: Alert) -> bool:
    statement = insert_into(connection, AlertRow).on_conflict_do_nothing().returning(AlertRow.cause)
    return connection.execute(statement, values([alert])[0]).scalar_one_or_none() is not None


def _replace(connection: Connection, alert: Alert) -> None:
    content = {name: value for name, value in values([alert])[0].items() if name not in _KEYS}
    its = and_(AlertRow.account == alert.account, AlertRow.cause == alert.cause)
    connection.execute(update(AlertRow).where(its).values(content))


def _without(alert: Alert, notice: JsonObject) -> Alert:
    left = list(alert.undelivered)
    if notice in left:
        left.remove(notice)
    return replace(alert, undelivered=left)
