"""Tell whoever enqueued a job that it ended: one signed message, tried three times, never the job's trouble.

A receiver checks it so: `t` of the header X-Evenstock-Signature is not older than some minutes, and `v1` is
the HMAC-SHA256 of "<t>.<body>" under EVENSTOCK_CALLBACK_SECRET, in hexadecimal digits.
"""

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable
from datetime import datetime

from connectors.errors import ConnectorError, EvenstockError, Transient
from connectors.ledger import Ledger
from connectors.ledger.supplier_records import CallbackStatus, Job
from connectors.outside import Outside
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks.lease import clock

PAUSES = (1.0, 4.0)
"""Seconds before the second and the third attempt."""

logger = logging.getLogger(__name__)

Sleep = Callable[[float], None]
Now = Callable[[], datetime]


def tell_ended(
    settings: Settings,
    ledger: Ledger,
    *,
    only: str | None = None,
    outside: Outside | None = None,
    sleep: Sleep = time.sleep,
    now: Now = clock,
) -> int:
    """Tell of every job that ended and was not told of yet, also by workers that died; how many were told.

    `only`: of this job. Whoever is told should go by the job's id: a worker that dies after its message, or
    another one at the same moment, tells it once more.
    """
    told = 0
    door = outside or Outside(allow_private=settings.evenstock_allow_private_urls)
    try:
        for job in _to_tell(ledger, only):
            status = call_back(settings, job, door, sleep, now)
            ledger.called_back(job, status)
            told += status is CallbackStatus.SENT
    finally:
        if outside is None:
            door.close()
    return told


def _to_tell(ledger: Ledger, only: str | None) -> list[Job]:
    if only is None:
        return ledger.jobs_to_tell()
    job = ledger.job(only)
    return [job] if job and job.callback_status is CallbackStatus.DUE else []


def call_back(settings: Settings, job: Job, outside: Outside, sleep: Sleep, now: Now) -> CallbackStatus:
    """Post one job's end to its address. What goes wrong is a line in the log, without the address."""
    try:
        secret = settings.needed("EVENSTOCK_CALLBACK_SECRET")
        _posted(job, secret, outside, sleep, now)
    except EvenstockError as error:
        logger.warning("the call-back of job %s failed: %s", job.id, error)
        return CallbackStatus.FAILED
    return CallbackStatus.SENT


def _posted(job: Job, secret: str, outside: Outside, sleep: Sleep, now: Now) -> None:
    """Send until it is taken; after the last attempt its own error. A refusal is final."""
    body = json.dumps(message(job), ensure_ascii=False, separators=(",", ":")).encode()
    for attempt, pause in enumerate((*PAUSES, None), start=1):
        try:
            outside.post(job.callback_url or "", body, headers(job, secret, body, attempt, now()))
        except Transient:
            if pause is None:
                raise
            sleep(pause)
        except ConnectorError:
            raise
        else:
            return


def message(job: Job) -> JsonObject:
    """What is told of a job."""
    return {
        "job_id": job.id,
        "user_id": job.user_id,
        "supplier_id": job.supplier_id,
        "type": job.source_type,
        "status": job.status.value,
        "attempts": job.attempts,
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "completed_at": job.completed_at.isoformat() if job.completed_at else None,
        "result": job.result_data,
        "errors": list(job.errors),
    }


def headers(job: Job, secret: str, body: bytes, attempt: int, now: datetime) -> dict[str, str]:
    """The message's headers; each attempt is signed anew."""
    return {
        "content-type": "application/json",
        "x-evenstock-job": job.id,
        "x-evenstock-attempt": str(attempt),
        "x-evenstock-signature": signature(secret, body, int(now.timestamp())),
    }


def signature(secret: str, body: bytes, moment: int) -> str:
    """`t=<unix>,v1=<hex HMAC-SHA256 of "<t>.<body>">`."""
    digest = hmac.new(secret.encode(), b"%d." % moment + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"
