"""The queue of supplier jobs: who may do what now, and what became of it.

Two times go in: `now`, by which jobs are due, begin and end, and `clock`, by which leases run; only tests
let them differ.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Float,
    Select,
    and_,
    case,
    cast,
    delete,
    exists,
    extract,
    func,
    insert,
    null,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.orm import aliased

from connectors.ledger.database import Database
from connectors.ledger.rows import columns, loaded, values
from connectors.ledger.supplier_models import JobRow, SightingRow, SupplierRow
from connectors.ledger.supplier_records import (
    ENDED,
    CallbackStatus,
    Claim,
    Job,
    JobStatus,
    JobType,
    Rows,
    StatusCount,
    TypeCount,
)
from connectors.records import JsonObject

S = TypeVar("S", bound=Select[Any])

_COLUMNS = columns(JobRow, Job)
_CLAIMS_LOCK = 0x4A_6F_62_73  # any number, as long as it is always this one
_READS_STOCK = (JobType.SUPPLIER_API, JobType.INVENTORY_UPDATE)
_FREE: Mapping[str, object] = {"lease_until": None, "worker": None}
_DIED = "its worker gave no sign of life any more, and no attempt is left"


class Jobs:
    """The part of the ledger that is the queue."""

    database: Database

    def enqueue_job(self, job: Job) -> None:
        """Put a job into the queue."""
        with self.database.writing() as connection:
            connection.execute(insert(JobRow), values([job]))

    def adopt_jobs(self) -> int:
        """Give jobs that another program put into the queue the account of their supplier; how many."""
        account = select(SupplierRow.account).where(
            SupplierRow.id == JobRow.supplier_id, SupplierRow.user_id == JobRow.user_id
        )
        theirs = update(JobRow).where(
            JobRow.account == "", JobRow.status == JobStatus.PENDING, account.exists()
        )
        with self.database.writing() as connection:
            return connection.execute(theirs.values(account=account.scalar_subquery())).rowcount

    def claim_jobs(self, claim: Claim, limit: int, now: datetime, clock: datetime) -> list[Job]:
        """Take up to so many due jobs, by priority, then age; also those whose worker is dead.

        One statement: of several workers that claim at the same moment, each gets other jobs.
        """
        with self.database.writing() as connection:
            chosen = _chosen(connection, claim, limit, now, clock)
            statement = (
                update(JobRow)
                .where(JobRow.id.in_(select(chosen.c.id)))
                .values(
                    status=JobStatus.RUNNING,
                    worker=claim.worker,
                    lease_until=clock + timedelta(seconds=claim.seconds),
                    heartbeat_at=clock,
                    fence=JobRow.fence + 1,
                    attempts=JobRow.attempts + 1,
                    started_at=func.coalesce(JobRow.started_at, now),
                    updated_at=now,
                )
                .returning(*_COLUMNS)
            )
            taken = loaded(Job, connection.execute(statement).all())
        return sorted(taken, key=lambda job: (-job.priority, job.scheduled_at, job.id))

    def bury_jobs(self, now: datetime, clock: datetime) -> list[Job]:
        """Fail the jobs whose last attempt's worker is dead."""
        with self.database.writing() as connection:
            locked = select(*_COLUMNS).where(_dead(clock)).with_for_update(skip_locked=True)
            jobs = loaded(Job, connection.execute(locked).all())
            for job in jobs:
                ending = _ending(JobStatus.FAILED, now) | {"errors": [*job.errors, _DIED]}
                connection.execute(update(JobRow).where(JobRow.id == job.id).values(ending))
            return _of(connection, [job.id for job in jobs])

    def dead_jobs(self, clock: datetime) -> int:
        """How many jobs `bury_jobs` would fail."""
        with self.database.reading() as connection:
            return connection.execute(select(func.count(JobRow.id)).where(_dead(clock))).scalar_one()

    def beat_job(self, job: Job, seconds: float, clock: datetime) -> bool:
        """Say that a job is being worked on. False: it was cancelled, or another worker has it now."""
        until = clock + timedelta(seconds=seconds)
        return self._set(job, {"lease_until": until, "heartbeat_at": clock})

    def progress_job(self, job: Job, rows: Rows, now: datetime, *, cursor: JsonObject | None = None) -> bool:
        """Store how far a job is, with another cursor if one is given. False: as for `beat_job`."""
        moved = {} if cursor is None else {"cursor": cursor}
        return self._set(job, _counts(rows) | moved | {"updated_at": now})

    def put_back_job(self, job: Job, scheduled_at: datetime, now: datetime) -> bool:
        """Let a job go on later behind its stored cursor; this attempt does not count."""
        return self._set(job, _waiting(scheduled_at, now) | {"attempts": JobRow.attempts - 1})

    def retry_job(self, job: Job, error: str, scheduled_at: datetime, now: datetime) -> bool:
        """Let a job that failed for now be tried again later."""
        return self._set(job, _waiting(scheduled_at, now) | {"errors": [*job.errors, error]})

    def finish_job(
        self,
        job: Job,
        status: JobStatus,
        now: datetime,
        *,
        rows: Rows | None = None,
        errors: Sequence[str] = (),
        result: JsonObject | None = None,
    ) -> bool:
        """End a job. False: it was cancelled meanwhile, or another worker has it; then nothing is stored."""
        content = _ending(status, now) | (_counts(rows) if rows else {})
        content |= {"errors": [*job.errors, *errors], "result_data": result, "cursor": null()}
        with self.database.writing() as connection:
            if not connection.execute(update(JobRow).where(held_by(job)).values(content)).rowcount:
                return False
            connection.execute(delete(SightingRow).where(SightingRow.job_id == job.id))
            return True

    def cancel_job(self, job_id: str, now: datetime, *, user_id: str | None = None) -> bool:
        """End a job that has not ended. False: it had, or the user has none of this id.

        A worker that has it notices at its next sign of life.
        """
        open_ = and_(_one(job_id, user_id), JobRow.status.not_in(ENDED))
        with self.database.writing() as connection:
            content = _ending(JobStatus.CANCELLED, now)
            return connection.execute(update(JobRow).where(open_).values(content)).rowcount == 1

    def reopen_job(self, job_id: str, now: datetime, *, user_id: str | None = None) -> bool:
        """Let a failed or cancelled job be done afresh, now. False: it is neither."""
        content = _waiting(now, now) | {"attempts": 0, "errors": [], "started_at": None}
        content |= {"completed_at": None, "result_data": null(), "cursor": null(), "callback_status": None}
        over = and_(_one(job_id, user_id), JobRow.status.in_((JobStatus.FAILED, JobStatus.CANCELLED)))
        with self.database.writing() as connection:
            return connection.execute(update(JobRow).where(over).values(content)).rowcount == 1

    def called_back(self, job: Job, status: CallbackStatus) -> None:
        """Store what became of the message about a job's end."""
        with self.database.writing() as connection:
            connection.execute(update(JobRow).where(JobRow.id == job.id).values(callback_status=status))

    def jobs_to_tell(self, limit: int = 100) -> list[Job]:
        """Ended jobs whose end was not told yet, the oldest first."""
        due = JobRow.callback_status == CallbackStatus.DUE
        return self._jobs(select(*_COLUMNS).where(due).order_by(JobRow.completed_at).limit(limit))

    def job(self, job_id: str, *, user_id: str | None = None) -> Job | None:
        """One job, or None if there is none of this id, or it is not this user's."""
        return next(iter(self._jobs(select(*_COLUMNS).where(_one(job_id, user_id)))), None)

    def stock_jobs(self, user_id: str, supplier_id: str, since: datetime) -> list[Job]:
        """The jobs begun since then that read a supplier's stock and came to their end, the newest first."""
        mine = and_(JobRow.user_id == user_id, JobRow.supplier_id == supplier_id)
        read = and_(JobRow.source_type.in_(_READS_STOCK), JobRow.status == JobStatus.COMPLETED)
        found = select(*_COLUMNS).where(mine, read, JobRow.started_at >= since)
        return self._jobs(found.order_by(JobRow.started_at.desc(), JobRow.id))

    def jobs(
        self, *, user_id: str | None = None, statuses: Sequence[JobStatus] = (), limit: int = 50
    ) -> list[Job]:
        """The last jobs, of all users or one, of all statuses or some, newest first."""
        which = JobRow.status.in_(statuses) if statuses else true()
        newest = (
            select(*_COLUMNS).where(_of_user(user_id), which).order_by(JobRow.created_at.desc(), JobRow.id)
        )
        return self._jobs(newest.limit(limit))

    def due_jobs(self, limit: int, now: datetime, job_types: Sequence[str] | None = None) -> list[Job]:
        """The jobs that could be claimed now, in order; nothing is changed."""
        due = and_(JobRow.status == JobStatus.PENDING, JobRow.scheduled_at <= now, _typed(job_types))
        return self._jobs(_in_order(select(*_COLUMNS).where(due)).limit(limit))

    def job_stats(self, since: datetime, *, user_id: str | None = None) -> list[StatusCount]:
        """How many jobs were made since then by status, and how long they took on average."""
        with self.database.reading() as connection:
            statement = (
                select(JobRow.status, func.count(), func.avg(_seconds(connection)))
                .where(JobRow.created_at > since, _of_user(user_id))
                .group_by(JobRow.status)
                .order_by(JobRow.status)
            )
            rows = connection.execute(statement).all()
        return [StatusCount(status.value, count, _number(mean)) for status, count, mean in rows]

    def job_type_stats(self, since: datetime, *, user_id: str | None = None) -> list[TypeCount]:
        """How the jobs that ended since then went, by type and supplier."""

        def of(status: JobStatus) -> ColumnElement[int]:
            return func.sum(case((JobRow.status == status, 1), else_=0))

        kind = (JobRow.source_type, JobRow.supplier_id)
        with self.database.reading() as connection:
            mean = func.avg(_seconds(connection))
            statement = (
                select(*kind, of(JobStatus.COMPLETED), of(JobStatus.FAILED), mean)
                .where(JobRow.completed_at > since, JobRow.status.in_(ENDED), _of_user(user_id))
                .group_by(*kind)
                .order_by(*kind)
            )
            rows = connection.execute(statement).all()
        return [TypeCount(each[0], each[1], int(each[2]), int(each[3]), _number(each[4])) for each in rows]

    def delete_ended_jobs(self, before: datetime, *, dry_run: bool = False) -> int:
        """Delete what ended before then; how many. A dry run only counts.

        The last failed job of each supplier and type stays.
        """
        newer = aliased(JobRow)
        same = and_(newer.supplier_id == JobRow.supplier_id, newer.source_type == JobRow.source_type)
        failed_later = and_(same, newer.status == JobStatus.FAILED, newer.completed_at > JobRow.completed_at)
        spent = or_(JobRow.status != JobStatus.FAILED, exists().where(failed_later))
        old = and_(JobRow.status.in_(ENDED), JobRow.completed_at < before, spent)
        if dry_run:
            with self.database.reading() as connection:
                return connection.execute(select(func.count()).select_from(JobRow).where(old)).scalar_one()
        with self.database.writing() as connection:
            gone = select(JobRow.id).where(old)
            connection.execute(delete(SightingRow).where(SightingRow.job_id.in_(gone)))
            return connection.execute(delete(JobRow).where(old)).rowcount

    def _set(self, job: Job, content: Mapping[str, object]) -> bool:
        with self.database.writing() as connection:
            return connection.execute(update(JobRow).where(held_by(job)).values(**content)).rowcount == 1

    def _jobs(self, statement: Select[Any]) -> list[Job]:
        with self.database.reading() as connection:
            return loaded(Job, connection.execute(statement).all())


# -------------------------------------------------------------------- claiming


def _chosen(connection: Connection, claim: Claim, limit: int, now: datetime, clock: datetime) -> CTE:
    """The ids of the jobs to take. A CTE with a lock runs once, whatever the planner thinks of it."""
    due = and_(_due(now, clock), _typed(claim.job_types))
    statement = select(JobRow.id).where(due)
    if claim.per_account is not None:
        _in_turn(connection)
        ranked = _ranked(due, clock)
        has_room = or_(JobRow.account == "", ranked.c.place <= claim.per_account)
        statement = statement.join(ranked, ranked.c.id == JobRow.id).where(has_room)
    locked = _in_order(statement).limit(limit).with_for_update(skip_locked=True, of=JobRow)
    return locked.cte("chosen")


def _due(now: datetime, clock: datetime) -> ColumnElement[bool]:
    waits = and_(JobRow.status == JobStatus.PENDING, JobRow.scheduled_at <= now)
    orphaned = and_(
        JobRow.status == JobStatus.RUNNING,
        JobRow.lease_until <= clock,
        JobRow.attempts < JobRow.max_attempts,
    )
    return or_(waits, orphaned)


def _dead(clock: datetime) -> ColumnElement[bool]:
    return and_(
        JobRow.status == JobStatus.RUNNING,
        JobRow.lease_until <= clock,
        JobRow.attempts >= JobRow.max_attempts,
    )


def _ranked(due: ColumnElement[bool], clock: datetime) -> CTE:
    """Each due job with its place in its account's row, behind those of the account that run now."""
    busy = (
        select(JobRow.account, func.count().label("running"))
        .where(JobRow.status == JobStatus.RUNNING, JobRow.lease_until > clock)
        .group_by(JobRow.account)
        .cte("busy")
    )
    order = (JobRow.priority.desc(), JobRow.scheduled_at, JobRow.id)
    place = func.row_number().over(partition_by=JobRow.account, order_by=order)
    return (
        select(JobRow.id, (place + func.coalesce(busy.c.running, 0)).label("place"))
        .join(busy, busy.c.account == JobRow.account, isouter=True)
        .where(due)
        .cte("ranked")
    )


def _in_turn(connection: Connection) -> None:
    """Claims under a limit go one after another: of two at once, neither would count the other's jobs."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _CLAIMS_LOCK})


def _in_order(statement: S) -> S:
    return statement.order_by(JobRow.priority.desc(), JobRow.scheduled_at, JobRow.id)


def _typed(job_types: Sequence[str] | None) -> ColumnElement[bool]:
    return true() if job_types is None else JobRow.source_type.in_(job_types)


# ---------------------------------------------------------------------- changes


def held_by(job: Job) -> ColumnElement[bool]:
    """Whether the job is still this worker's."""
    return and_(JobRow.id == job.id, JobRow.fence == job.fence, JobRow.status == JobStatus.RUNNING)


def _one(job_id: str, user_id: str | None) -> ColumnElement[bool]:
    return and_(JobRow.id == job_id, _of_user(user_id))


def _of_user(user_id: str | None) -> ColumnElement[bool]:
    return true() if user_id is None else JobRow.user_id == user_id


def _waiting(scheduled_at: datetime, now: datetime) -> dict[str, object]:
    return {"status": JobStatus.PENDING, "scheduled_at": scheduled_at, "updated_at": now, **_FREE}


def _ending(status: JobStatus, now: datetime) -> dict[str, object]:
    told = case((JobRow.callback_url.is_not(None), CallbackStatus.DUE.value), else_=null())
    return {"status": status, "completed_at": now, "updated_at": now, "callback_status": told, **_FREE}


def _counts(rows: Rows) -> dict[str, object]:
    return {f"{name}_rows": count for name, count in rows._asdict().items()}


def _of(connection: Connection, ids: Sequence[str]) -> list[Job]:
    return loaded(Job, connection.execute(select(*_COLUMNS).where(JobRow.id.in_(ids))).all())


# ------------------------------------------------------------------------- time


def _seconds(connection: Connection) -> ColumnElement[float]:
    """How long a job took, in seconds; NULL while it has not ended."""
    if connection.dialect.name == "postgresql":
        return cast(extract("epoch", JobRow.completed_at - JobRow.started_at), Float)
    return (func.julianday(JobRow.completed_at) - func.julianday(JobRow.started_at)) * 86_400.0


def _number(mean: object) -> float | None:
    return None if mean is None else round(float(str(mean)), 3)
