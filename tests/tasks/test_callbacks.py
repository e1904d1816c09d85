"""The message about a job's end: signed, tried three times, and never the job's trouble."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest

from connectors.ledger.supplier_records import CallbackStatus, JobStatus
from connectors.outside import Outside
from connectors.settings import load_settings
from tasks.callbacks import signature, tell_ended
from tests.tasks.queues import QueueDesk, queue_desk
from tests.worlds import NOW

SECRET = "call-back secret"


class Receiver:
    """Whoever is called back: takes what comes, and answers with these statuses, the last one for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.heard: list[httpx.Request] = []
        self.slept: list[float] = []
        client = httpx.Client(transport=httpx.MockTransport(self.answer))
        self.outside = Outside(resolve=lambda _host, _port: ["93.184.216.34"], client=client)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return httpx.Response(status, content=iter([b"thanks"]))

    def told(self, desk: QueueDesk, only: str | None = None) -> int:
        seconds = count()

        def now() -> datetime:
            return NOW + timedelta(seconds=next(seconds))

        return tell_ended(
            desk.settings, desk.ledger, only=only, outside=self.outside, sleep=self.slept.append, now=now
        )


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueDesk]:
    monkeypatch.setenv("EVENSTOCK_CALLBACK_SECRET", SECRET)
    made = queue_desk(tmp_path, monkeypatch.setenv)
    with closing(made.ledger):
        yield made


@pytest.fixture
def ended(desk: QueueDesk) -> str:
    job_id = desk.enqueue(callback_url="https://example.com/hooks/done?a=b")
    desk.work()
    return job_id


def test_tells_what_became_of_the_job_under_a_signature_that_can_be_checked(
    desk: QueueDesk, ended: str
) -> None:
    receiver = Receiver(200)

    assert receiver.told(desk) == 1

    (request,) = receiver.heard
    assert (request.method, request.url.path, request.url.query) == ("POST", "/hooks/done", b"a=b")
    assert request.headers["x-evenstock-job"] == ended
    assert request.headers["x-evenstock-attempt"] == "1"
    moment, _, digest = request.headers["x-evenstock-signature"].partition(",v1=")
    assert moment == f"t={int(NOW.timestamp())}"
    text = moment.removeprefix("t=").encode() + b"." + request.content
    assert hmac.compare_digest(digest, hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest())
    told = json.loads(request.content)
    assert (told["job_id"], told["status"], told["type"]) == (ended, "completed", "inventory_update")
    assert told["result"]["type"] == "inventory_sync"
    assert desk.job(ended).callback_status is CallbackStatus.SENT


def test_is_told_once(desk: QueueDesk, ended: str) -> None:
    assert Receiver(204).told(desk) == 1
    assert Receiver(204).told(desk) == 0
    assert desk.job(ended).status is JobStatus.COMPLETED


def test_is_told_of_one_job_as_soon_as_that_has_ended(desk: QueueDesk, ended: str) -> None:
    other = desk.enqueue(callback_url="https://example.com/other")
    assert Receiver(204).told(desk, only=other) == 0
    desk.work()
    receiver = Receiver(204)
    assert receiver.told(desk, only=other) == 1
    assert [each.headers["x-evenstock-job"] for each in receiver.heard] == [other]
    assert desk.job(ended).callback_status is CallbackStatus.DUE
    assert Receiver(204).told(desk, only=other) == 0


def test_is_tried_three_times_each_signed_anew(desk: QueueDesk, ended: str) -> None:
    receiver = Receiver(503, 500, 200)

    assert receiver.told(desk) == 1

    assert [each.headers["x-evenstock-attempt"] for each in receiver.heard] == ["1", "2", "3"]
    assert len({each.headers["x-evenstock-signature"] for each in receiver.heard}) == 3
    assert len({each.content for each in receiver.heard}) == 1
    assert receiver.slept == [1.0, 4.0]
    assert desk.job(ended).callback_status is CallbackStatus.SENT


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (404, 1), (302, 1)])
def test_that_fails_leaves_the_job_as_it_is(
    desk: QueueDesk, ended: str, status: int, tries: int, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver(status)

    assert receiver.told(desk) == 0

    assert len(receiver.heard) == tries
    job = desk.job(ended)
    assert (job.status, job.callback_status) == (JobStatus.COMPLETED, CallbackStatus.FAILED)
    assert f"the call-back of job {ended} failed" in caplog.text
    assert "hooks" not in caplog.text


def test_goes_to_no_private_address(desk: QueueDesk, ended: str) -> None:
    receiver = Receiver(200)
    receiver.outside = Outside(resolve=lambda _host, _port: ["169.254.169.254"])

    assert receiver.told(desk) == 0
    assert desk.job(ended).callback_status is CallbackStatus.FAILED


@pytest.mark.usefixtures("ended")
def test_without_a_secret_is_not_sent(desk: QueueDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENSTOCK_CALLBACK_SECRET")
    desk.settings = load_settings()
    receiver = Receiver(200)

    assert receiver.told(desk) == 0
    assert receiver.heard == []


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_is_told_however_the_job_ended(desk: QueueDesk, end: str) -> None:
    job_id = desk.enqueue(callback_url="https://example.com/")
    ends: dict[str, Callable[[], object]] = {
        "failed": lambda: desk.ledger.finish_job(desk.claim(), JobStatus.FAILED, NOW, errors=["no"]),
        "cancelled": lambda: desk.ledger.cancel_job(job_id, NOW),
    }
    ends[end]()
    receiver = Receiver(200)

    assert receiver.told(desk) == 1
    assert json.loads(receiver.heard[0].content)["status"] == end


def test_the_signature_is_what_openssl_makes_of_it() -> None:
    # printf '1700000000.{}' | openssl dgst -sha256 -hmac key
    digest = "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"

    assert signature("key", b"{}", 1_700_000_000) == f"t=1700000000,v1={digest}"
