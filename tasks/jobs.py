"""Put supplier jobs into the queue, and carry one of them from its claim to its end."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import partial
from random import random
from uuid import uuid4

from connectors.errors import (
    ConfigurationError,
    LeaseLost,
    Refused,
    WindowClosed,
)
from connectors.ledger import Ledger
from connectors.ledger.supplier_records import Job, JobStatus, JobType, Supplier
from connectors.outside import readable
from connectors.records import JsonObject
from connectors.redaction import redact
from connectors.settings import Settings
from tasks import channels, queueing, run
from tasks.desk import ledger_of
from tasks.job_types import JOB_TYPES
from tasks.lease import BEATS, beating, clock
from tasks.queueing import End
from tasks.signs import Sign, signed
from tasks.supplier_access import opened
from tasks.supplier_job import JobContext, JobResult, PutBack, Work

DEFAULT_WAIT = 60.0
"""Seconds until a job goes on whose supplier did not say when."""


# ------------------------------------------------------------------- enqueueing


@dataclass(frozen=True, slots=True)
class Asked:
    """A job as somebody asks for it."""

    user_id: str
    job_type: str
    supplier_id: str
    priority: int = 0
    scheduled_at: datetime | None = None
    callback_url: str | None = None


def enqueue(settings: Settings, ledger: Ledger, asked: Asked, *, dry_run: bool = False) -> str:
    """Put a job into the queue; its id. A dry run only checks it, and stores none.

    Raises ConfigurationError for a type, user or supplier that is not known, and for a bad call-back.
    """
    job = _made(settings, ledger, asked)
    if not dry_run:
        ledger.enqueue_job(job)
    return job.id


def _made(settings: Settings, ledger: Ledger, asked: Asked) -> Job:
    known_type(asked.job_type)
    supplier = the_supplier(ledger, asked.user_id, asked.supplier_id)
    _check_callback(settings, asked.callback_url)
    now = settings.now()
    return Job(
        id=str(uuid4()),
        user_id=asked.user_id,
        source_type=asked.job_type,
        supplier_id=supplier.id,
        scheduled_at=_aware(asked.scheduled_at) or now,
        created_at=now,
        updated_at=now,
        account=supplier.account,
        priority=asked.priority,
        callback_url=asked.callback_url,
    )


def known_type(name: str) -> JobType:
    """A job type by its name. Raises ConfigurationError that names the closest one."""
    if name in list(JobType):
        return JobType(name)
    close = get_close_matches(name, list(JobType), n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise ConfigurationError(f"there is no job type {name}{hint}; job types: {', '.join(JobType)}")


def the_supplier(ledger: Ledger, user_id: str, supplier_id: str | None) -> Supplier:
    """A user's supplier. Raises ConfigurationError if the user, or the supplier, is not known, or is off."""
    found = ledger.supplier(user_id, supplier_id or "")
    if found is None:
        theirs = ledger.suppliers(user_id)
        if not theirs:
            raise ConfigurationError(f"there is no user {user_id}: no supplier belongs to them")
        known = ", ".join(f"{each.id} ({each.name})" for each in theirs)
        raise ConfigurationError(f"user {user_id} has no supplier {supplier_id}; theirs are: {known}")
    if found.status != "active":
        raise ConfigurationError(
            f"supplier {found.name} of user {user_id} is switched off (evenstock suppliers enable {found.id})"
        )
    return found


def _check_callback(settings: Settings, url: str | None) -> None:
    if url is None:
        return
    settings.require("EVENSTOCK_CALLBACK_SECRET")
    try:
        readable(url, allow_private=settings.evenstock_allow_private_urls)
    except Refused as error:
        raise ConfigurationError(f"callback_url: {error}") from None


def _aware(moment: datetime | None) -> datetime | None:
    """A time without a zone is UTC, as everywhere in the ledger."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


# --------------------------------------------------------------------- one job


def carry(
    job: Job,
    settings: Settings,
    *,
    dry_run: bool = False,
    types: Mapping[JobType, Work] = JOB_TYPES,
    chance: Callable[[], float] = random,
) -> JsonObject:
    """Carry a claimed job to its end, whatever that is; its line in the report. A dry run claims none.

    Raises only what the ledger raises: then the job is another worker's when its lease ends.
    """
    ledger, began = ledger_of(settings), clock()
    desk = _Desk(job, settings, ledger, began, dry_run, chance)
    desk.log(Sign.JOB, f"job {job.id}: {job.source_type} of user {job.user_id}, attempt {job.attempts}")
    try:
        ended = _worked(desk, types)
    except WindowClosed as error:
        wait = timedelta(seconds=error.retry_after or DEFAULT_WAIT)
        ended = PutBack(settings.now() + wait, queueing.described(error))
    except Exception as error:  # noqa: BLE001 - isolation: one job never takes the others with it
        return desk.stopped(error)
    return desk.put_back(ended) if isinstance(ended, PutBack) else desk.completed(ended)


def _worked(desk: "_Desk", types: Mapping[JobType, Work]) -> JobResult | PutBack:
    job, settings, ledger = desk.job, desk.settings, desk.ledger
    work = types.get(known_type(job.source_type))
    if work is None:
        raise ConfigurationError(f"nothing is known to do for jobs of type {job.source_type}")
    supplier = the_supplier(ledger, job.user_id, job.supplier_id)
    context = JobContext(
        job=job,
        supplier=supplier,
        ledger=ledger,
        settings=settings,
        open=partial(opened, settings, ledger, supplier, job),
        now=settings.now,
        beat=desk.beat,
        log=desk.log,
        dry_run=desk.dry_run,
    )
    with beating(desk.renew, lease_seconds(settings) / BEATS):
        return work(context)


def lease_seconds(settings: Settings) -> float:
    """How long a job stays its worker's without a sign of life."""
    return float(settings.reverse_sync_lock_seconds)


@dataclass(slots=True)
class _Desk:
    """One try of one job: its heartbeat, its log lines, and how its end is stored and told."""

    job: Job
    settings: Settings
    ledger: Ledger
    began: datetime
    dry_run: bool
    chance: Callable[[], float]
    lost: bool = False

    def renew(self) -> None:
        """One sign of life. A dry run has no lease."""
        if not self.dry_run and not self.ledger.beat_job(self.job, lease_seconds(self.settings), clock()):
            self.lost = True

    def beat(self) -> None:
        """Raise LeaseLost once the job was cancelled or taken over."""
        self.renew()
        if self.lost:
            raise LeaseLost(f"job {self.job.id} was cancelled, or another worker has it now")

    def log(self, sign: Sign, text: str) -> None:
        """A line in the run's log."""
        level = logging.ERROR if sign is Sign.ERROR else logging.INFO
        run.log(signed(sign, text, shown=self.settings.evenstock_log_signs), level)

    # ------------------------------------------------------------------ ends

    def completed(self, ended: JobResult) -> JsonObject:
        """The job came to its end."""
        if self.dry_run:
            return self._line(End.PLANNED, result=ended.result, usage=ended.usage)
        now = self.settings.now()
        kept = self.ledger.finish_job(
            self.job,
            JobStatus.COMPLETED,
            now,
            rows=ended.rows,
            errors=[redact(each) for each in ended.errors],
            result=ended.result,
        )
        if not kept:
            return self._gone()
        self._settle("success", JobStatus.COMPLETED)
        self.log(Sign.SUCCESS, f"job {self.job.id}: {self.job.source_type} completed")
        return self._line(End.COMPLETED, result=ended.result, usage=ended.usage)

    def put_back(self, ended: PutBack) -> JsonObject:
        """The job goes on when its supplier lets it."""
        if not self.dry_run and not self.ledger.put_back_job(self.job, ended.until, self.settings.now()):
            return self._gone()
        self.log(Sign.INFORMATION, f"job {self.job.id}: goes on at {ended.until:%H:%M:%S} ({ended.why})")
        return self._line(End.PUT_BACK, resumes_at=ended.until, usage=ended.usage)

    def stopped(self, error: Exception) -> JsonObject:
        """The job failed, for now or for good, or is not ours any more."""
        text, end = redact(queueing.described(error)), queueing.end_of(error, self.job)
        if end is End.LOST:
            return self._gone()
        self.log(Sign.ERROR, f"job {self.job.id}: {text}")
        if self.dry_run:
            return self._line(End.FAILED, error=text)
        return self._again(text) if end is End.RETRY else self._failed(text)

    def _again(self, text: str) -> JsonObject:
        wait = timedelta(seconds=queueing.pause(self.job.attempts, self.chance()))
        now = self.settings.now()
        if not self.ledger.retry_job(self.job, text, now + wait, now):
            return self._gone()
        return self._line(End.RETRY, error=text, resumes_at=now + wait)

    def _failed(self, text: str) -> JsonObject:
        if not self.ledger.finish_job(self.job, JobStatus.FAILED, self.settings.now(), errors=[text]):
            return self._gone()
        self._settle("failed", JobStatus.FAILED)
        return self._line(End.FAILED, error=text)

    def _gone(self) -> JsonObject:
        text = f"job {self.job.id} was cancelled, or another worker has it now"
        self.log(Sign.INFORMATION, text)
        return self._line(End.LOST, error=text)

    def _settle(self, status: str, ended: JobStatus) -> None:
        supplier = self.ledger.supplier(self.job.user_id, self.job.supplier_id or "")
        if supplier is not None:
            count = self.ledger.product_count(supplier.user_id, supplier.id)
            self.ledger.supplier_synced(supplier, status, self.settings.now(), products=count)
        announce(replace(self.job, status=ended))

    def _line(
        self,
        end: End,
        *,
        error: str | None = None,
        result: JsonObject | None = None,
        resumes_at: datetime | None = None,
        usage: JsonObject | None = None,
    ) -> JsonObject:
        return queueing.outcome(
            self.job,
            end,
            error=error,
            result=result,
            seconds=(clock() - self.began).total_seconds(),
            resumes_at=resumes_at,
            usage=usage,
        )


def announce(job: Job) -> None:
    """The event of a job's end, if there is a Prefect API to tell."""
    resource = {
        "prefect.resource.id": f"evenstock.supplier.{job.supplier_id}",
        "prefect.resource.name": job.source_type,
    }
    payload: JsonObject = {
        "job_id": job.id,
        "user_id": job.user_id,
        "supplier_id": job.supplier_id,
        "type": job.source_type,
        "status": job.status.value,
    }
    channels.emit_about(resource, "evenstock.supplier-job.finished", payload)
