"""Old rows that nobody needs any more. Whatever proves that something was done once is never deleted.

Kept for ever: booked orders, ids of events and changes, snapshots of deleted variants, and all rows of the
last run and the last failed run of each flow and account.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, select, update
from sqlalchemy.orm import InstrumentedAttribute

from connectors.ledger.database import Database, chunks
from connectors.ledger.models import (
    Base,
    ChangeRow,
    LeaseRow,
    OperationRow,
    PlanRow,
    RefreshLogRow,
    RunRow,
    SnapshotRow,
    SyncLogRow,
)
from connectors.ledger.records import OperationState, PlanState, RunState, SyncStatus
from connectors.ledger.supplier_models import JobRow, SightingRow, SupplierWindowRow

Column = InstrumentedAttribute[Any]

_OVER = (PlanState.APPLIED, PlanState.EXPIRED, PlanState.SUPERSEDED)
_BROKEN = (RunState.FAILED, RunState.KILLED)
_OPEN = (OperationState.INTENDED, OperationState.UNKNOWN)


class Cleaning:
    """The part of the ledger that forgets. Each method returns how many rows went; a dry run only counts."""

    database: Database

    def delete_old_plans(self, before: datetime, *, dry_run: bool = False) -> int:
        """Plans that are over; the changes they were made of stay with their runs."""
        old = select(PlanRow.id, PlanRow.run_id).where(PlanRow.state.in_(_OVER), PlanRow.created_at < before)
        with self.database.writing() as connection:
            kept = _last_runs(connection)
            ids = [plan for plan, run in connection.execute(old) if run not in kept]
            if not dry_run:
                for part in chunks(ids):
                    detached = update(ChangeRow).where(ChangeRow.plan_id.in_(part)).values(plan_id=None)
                    connection.execute(detached)
                    connection.execute(delete(PlanRow).where(PlanRow.id.in_(part)))
        return len(ids)

    def delete_old_runs(self, before: datetime, *, dry_run: bool = False) -> int:
        """Runs that ended, with their changes and the writes that these intended."""
        old = select(RunRow.id).where(RunRow.state != RunState.RUNNING, RunRow.started_at < before)
        with self.database.writing() as connection:
            ids = sorted(set(connection.execute(old).scalars()) - _needed(connection))
            if not dry_run:
                _delete(connection, ids, (ChangeRow.run_id, OperationRow.run_id, RunRow.id))
        return len(ids)

    def delete_old_logs(self, before: datetime, *, dry_run: bool = False) -> int:
        """Ended rows of the sync logs of partners and of inventory refreshes."""
        with self.database.writing() as connection:
            syncs = _old_of(connection, SyncLogRow, before, ("account", "partner_id"))
            refreshes = _old_of(connection, RefreshLogRow, before, ("account",))
            retries = select(RefreshLogRow.id, RefreshLogRow.retry_of)
            refreshes -= {of for log, of in connection.execute(retries) if log not in refreshes}
            if not dry_run:
                _delete(connection, sorted(syncs), (SyncLogRow.id,))
                for part in chunks(sorted(refreshes)):
                    alone = update(RefreshLogRow).where(RefreshLogRow.id.in_(part)).values(retry_of=None)
                    connection.execute(alone)
                _delete(connection, sorted(refreshes), (RefreshLogRow.id,))
        return len(syncs) + len(refreshes)

    def delete_old_leases(self, before: datetime, *, dry_run: bool = False) -> int:
        """Leases that ended before then: their holders are long gone, so a fence may begin anew."""
        return self._where(LeaseRow, LeaseRow.expires_at < before, dry_run=dry_run)

    def delete_old_windows(self, before: datetime, *, dry_run: bool = False) -> int:
        """Windows of calls that closed before then, and what passes saw whose jobs are no more."""
        orphans = SightingRow.job_id.not_in(select(JobRow.id))
        return self._where(SupplierWindowRow, SupplierWindowRow.ends_at < before, dry_run=dry_run) + (
            self._where(SightingRow, orphans, dry_run=dry_run)
        )

    def _where(self, table: type[Base], condition: ColumnElement[bool], *, dry_run: bool) -> int:
        if dry_run:
            counted: Select[tuple[int]] = select(func.count()).select_from(table).where(condition)
            with self.database.reading() as connection:
                return connection.execute(counted).scalar_one()
        with self.database.writing() as connection:
            return connection.execute(delete(table).where(condition)).rowcount


# ---------------------------------------------------------------------- needed


def _last_runs(connection: Connection) -> set[str]:
    """The last run, and the last failed one, of each flow and account."""
    kept: set[str] = set()
    for states in (list(RunState), _BROKEN):
        last = (
            select(RunRow.flow, RunRow.account, func.max(RunRow.started_at).label("at"))
            .where(RunRow.state.in_(states))
            .group_by(RunRow.flow, RunRow.account)
            .subquery()
        )
        same = (RunRow.flow == last.c.flow) & (RunRow.account == last.c.account)
        ids = select(RunRow.id).join(last, same & (RunRow.started_at == last.c.at))
        kept.update(connection.execute(ids.where(RunRow.state.in_(states))).scalars())
    return kept


def _needed(connection: Connection) -> set[str]:
    """Runs whose rows others point to, or whose writes are not settled yet."""
    pointing: tuple[Select[Any], ...] = (
        select(PlanRow.run_id),
        select(PlanRow.release_run_id),
        select(ChangeRow.superseded_by).distinct(),
        select(ChangeRow.run_id).where(ChangeRow.plan_id.is_not(None)).distinct(),
        select(OperationRow.run_id).where(OperationRow.state.in_(_OPEN)),
        select(SnapshotRow.run_id),
        select(RefreshLogRow.run_id),
    )
    needed = _last_runs(connection)
    for statement in pointing:
        needed.update(each for each in connection.execute(statement).scalars() if each is not None)
    return needed


def _old_of(
    connection: Connection,
    table: type[SyncLogRow] | type[RefreshLogRow],
    before: datetime,
    whose: Sequence[str],
) -> set[Any]:
    """Ended rows from before, but for the last one and the last failed one of each."""
    columns = [getattr(table, name) for name in whose]
    ended = table.completed_at.is_not(None)
    old = set(connection.execute(select(table.id).where(ended, table.started_at < before)).scalars())
    failed = table.status == ("failed" if table is SyncLogRow else SyncStatus.FAILED)
    for condition in (ended, ended & failed):
        newest = select(*columns, func.max(table.started_at)).where(condition).group_by(*columns)
        for *owner, at in connection.execute(newest).all():
            mine = [column.is_(None) if key is None else column == key
                    for column, key in zip(columns, owner, strict=True)]  # fmt: skip
            last = select(table.id).where(condition, table.started_at == at, *mine)
            old -= set(connection.execute(last).scalars())
    return old


def _delete(connection: Connection, ids: Collection[Any], columns: Iterable[Column]) -> None:
    for part in chunks(ids):
        for column in columns:
            connection.execute(delete(column.class_).where(column.in_(part)))
