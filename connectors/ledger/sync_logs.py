"""Sync logs: one row a partner and run."""

from dataclasses import replace

from sqlalchemy import and_, select, true, update

from connectors.ledger.database import Database, insert_into
from connectors.ledger.models import SyncLogRow
from connectors.ledger.records import SyncLog
from connectors.ledger.rows import columns, loaded, values

_COLUMNS = columns(SyncLogRow, SyncLog)


class SyncLogs:
    """The part of the ledger that logs syncs."""

    database: Database

    def start_sync(self, log: SyncLog) -> SyncLog:
        """Store that a sync began. With its id."""
        with self.database.writing() as connection:
            insert = insert_into(connection, SyncLogRow).values(values([log], without="id")[0])
            return replace(log, id=connection.execute(insert.returning(SyncLogRow.id)).scalar_one())

    def finish_sync(self, log: SyncLog) -> None:
        """Store how a sync ended that `start_sync` began."""
        mine = and_(SyncLogRow.account == log.account, SyncLogRow.id == log.id)
        content = values([log], without="id")[0]
        with self.database.writing() as connection:
            connection.execute(update(SyncLogRow).where(mine).values(content))

    def sync_logs(
        self, account: str, *, partner_id: int | None = None, run_id: str | None = None, limit: int = 50
    ) -> list[SyncLog]:
        """The account's last syncs, newest first: of all partners or one, of all runs or one."""
        one = true() if partner_id is None else SyncLogRow.partner_id == partner_id
        run = true() if run_id is None else SyncLogRow.run_id == run_id
        statement = select(*_COLUMNS).where(SyncLogRow.account == account, one, run)
        newest = statement.order_by(SyncLogRow.started_at.desc(), SyncLogRow.id.desc()).limit(limit)
        with self.database.reading() as connection:
            return loaded(SyncLog, connection.execute(newest).all())
