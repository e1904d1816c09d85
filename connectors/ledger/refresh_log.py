"""The log of inventory refreshes: begun, on the way, ended."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from sqlalchemy import insert, select, update

from connectors.ledger.database import Database
from connectors.ledger.models import RefreshLogRow
from connectors.ledger.records import RefreshLog, SyncStatus, SyncType
from connectors.ledger.rows import columns, loaded, values
from connectors.records import JsonObject

_COLUMNS = columns(RefreshLogRow, RefreshLog)


class Ending(TypedDict):
    """How a refresh ended."""

    status: SyncStatus
    products_synced: int
    errors_count: int
    error_details: JsonObject
    result: JsonObject


class RefreshLogs:
    """The part of the ledger that knows every inventory refresh."""

    database: Database

    def start_refresh(self, log: RefreshLog) -> None:
        """Store a refresh that begins."""
        with self.database.writing() as connection:
            connection.execute(insert(RefreshLogRow), values([log]))

    def size_refresh(self, log_id: str, *, products: int, batches: int) -> None:
        """Store how much there is to do."""
        self._note(log_id, {"products_total": products, "batches_total": batches})

    def advance_refresh(self, log_id: str, *, batches_done: int, errors: int) -> None:
        """Store how far a refresh is."""
        self._note(log_id, {"batches_done": batches_done, "errors_count": errors})

    def finish_refresh(self, log_id: str, now: datetime, ending: Ending) -> bool:
        """Store how a refresh ended. False when it was taken for dead before: then it stays *failed*."""
        return self._note(log_id, {**ending, "completed_at": now})

    def close_dead_refreshes(
        self, account: str, sync_types: Sequence[SyncType], now: datetime, why: JsonObject
    ) -> list[RefreshLog]:
        """Close what still counts as running as *failed*; only for whoever holds the lease of these types."""
        statement = (
            update(RefreshLogRow)
            .where(
                RefreshLogRow.account == account,
                RefreshLogRow.sync_type.in_(sync_types),
                RefreshLogRow.status == SyncStatus.RUNNING,
            )
            .values(status=SyncStatus.FAILED, completed_at=now, error_details=why)
            .returning(*_COLUMNS)
        )
        with self.database.writing() as connection:
            return loaded(RefreshLog, connection.execute(statement).all())

    def refresh_log(self, account: str, log_id: str) -> RefreshLog | None:
        """One refresh of the account."""
        statement = select(*_COLUMNS).where(RefreshLogRow.account == account, RefreshLogRow.id == log_id)
        with self.database.reading() as connection:
            return next(iter(loaded(RefreshLog, connection.execute(statement).all())), None)

    def refresh_history(self, account: str, limit: int = 20) -> list[RefreshLog]:
        """The account's last refreshes, newest first."""
        statement = select(*_COLUMNS).where(RefreshLogRow.account == account)
        newest = statement.order_by(RefreshLogRow.started_at.desc(), RefreshLogRow.id).limit(limit)
        with self.database.reading() as connection:
            return loaded(RefreshLog, connection.execute(newest).all())

    def running_refreshes(self, account: str) -> list[RefreshLog]:
        """The account's refreshes that have not ended, newest first."""
        statement = select(*_COLUMNS).where(
            RefreshLogRow.account == account, RefreshLogRow.status == SyncStatus.RUNNING
        )
        with self.database.reading() as connection:
            rows = connection.execute(statement.order_by(RefreshLogRow.started_at.desc())).all()
        return loaded(RefreshLog, rows)

    def last_manual_refresh(self, account: str) -> datetime | None:
        """When the account's last manual refresh that came to its end ended."""
        statement = (
            select(RefreshLogRow.completed_at)
            .where(
                RefreshLogRow.account == account,
                RefreshLogRow.sync_type == SyncType.MANUAL,
                RefreshLogRow.status == SyncStatus.COMPLETED,
            )
            .order_by(RefreshLogRow.completed_at.desc())
            .limit(1)
        )
        with self.database.reading() as connection:
            return connection.execute(statement).scalar_one_or_none()

    def _note(self, log_id: str, content: dict[str, object]) -> bool:
        statement = update(RefreshLogRow).where(
            RefreshLogRow.id == log_id, RefreshLogRow.status == SyncStatus.RUNNING
        )
        with self.database.writing() as connection:
            return connection.execute(statement.values(content)).rowcount == 1
