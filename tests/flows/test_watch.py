"""`evenstock watch` and what shows what is wrong: as commands, as programs, and in Prefect."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.blocks.system import Secret
from prefect.events import Event
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter

from connectors.ledger import Ledger, Partner, ProductMapping, RunState, open_ledger
from connectors.settings import load_settings
from flows.cli import main
from flows.cli.children import free_port
from tasks import alerts
from tasks.alarm import Cause
from tests.connectors.ledger_samples import HOUR, a_run
from tests.ledgers import sqlite_in
from tests.mails import PostOffice, post_office

ROOT = Path(__file__).parents[2]
OWN = "own.myshopify.com"
SYNC = "reverse-stock-sync"
NOW = datetime.now(UTC).replace(microsecond=0)
BROKEN = Cause(f"{SYNC}:{OWN}:failed", f"Failed: {SYNC}\n\nRMS is away")

Words = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", sqlite_in(tmp_path))
    monkeypatch.setenv("SHOPIFY_STORE_DOMAIN", OWN)
    monkeypatch.setenv("RMS_DATABASE_URL", "sqlite:///nowhere.db")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(sqlite_in(tmp_path))


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    with post_office() as opened:
        for name, value in opened.settings.items():
            monkeypatch.setenv(name, value)
        yield opened


@pytest.fixture
def evenstock(capsys: pytest.CaptureFixture[str]) -> Words:
    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(words)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def ran(
    ledger: Ledger,
    hours_ago: float,
    flow: str = SYNC,
    state: RunState = RunState.COMPLETED,
    account: str = OWN,
) -> None:
    at = NOW - hours_ago * HOUR
    run = ledger.start_run(replace(a_run(f"{flow}_{hours_ago}_{account}", at=at, account=account), flow=flow))
    ledger.finish_run(run.id, state, at, {"message": "ended"})


# -------------------------------------------------------------- one look


def test_all_is_well_when_runs_are_good(evenstock: Words, ledger: Ledger, office: PostOffice) -> None:
    ran(ledger, 20)
    assert evenstock("watch", "--once") == (0, "All is well.\n", "")
    assert office.mails == []


def test_a_silent_flow_is_one_mail_until_it_runs_again(
    evenstock: Words, ledger: Ledger, office: PostOffice
) -> None:
    ran(ledger, 61)
    ran(ledger, 1, state=RunState.FAILED)
    for _ in range(3):
        status, said, _ = evenstock("watch", "--once")
        assert status == 1
        assert f"critical: {SYNC} of {OWN} had no good run" in said
    ran(ledger, 0)
    assert evenstock("watch", "--once")[0] == 0

    title = f"{SYNC} of {OWN} had no good run for more than 2.5 intervals of 24 hours"
    assert office.subjects == [title, f"Well again: {title}"]


def test_every_account_and_flow_is_watched(evenstock: Words, ledger: Ledger) -> None:
    ran(ledger, 61, account="another.example")
    ran(ledger, 3, flow="partner-sync", account="third.example")
    ran(ledger, 999, flow="inventory-refresh")
    ran(ledger, 1)

    said = evenstock("watch", "--once")[1]
    assert said.count("critical") == 2
    assert "another.example" in said
    assert "partner-sync of third.example" in said


def test_a_flow_that_is_switched_off_is_not_missed(
    evenstock: Words, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, office: PostOffice
) -> None:
    ran(ledger, 61)
    assert evenstock("watch", "--once")[0] == 1
    monkeypatch.setenv("ENABLE_REVERSE_STOCK_SYNC", "false")
    assert evenstock("watch", "--once")[0] == 0
    assert len(office.mails) == 2


def test_a_flow_that_is_set_up_and_never_runs_is_told_in_time(
    evenstock: Words, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = ledger.add_partner(Partner(OWN, "roast.example", "https://roast.example", "Roast", NOW))
    ledger.store_mappings([ProductMapping(OWN, partner.id or 0, 1, 11, NOW, NOW)])
    monkeypatch.setenv("WATCH_INTERVALS", f"partner-sync=1,{SYNC}=never")
    for hours, status in ((0, 0), (2, 0), (3, 1)):
        monkeypatch.setenv("EVENSTOCK_NOW", (NOW + hours * HOUR).isoformat())
        assert evenstock("watch", "--once")[0] == status, hours


def test_what_could_not_be_sent_is_sent_by_the_watch(
    evenstock: Words, ledger: Ledger, office: PostOffice
) -> None:
    ran(ledger, 1)
    office.refuses = True
    alerts.raise_causes(ledger, load_settings(), OWN, [BROKEN])
    status, said, _ = evenstock("watch", "--once")
    assert (status, office.mails) == (1, [])
    assert "1 notices could not be sent yet" in said

    office.refuses = False
    assert evenstock("watch", "--once")[0] == 1
    assert evenstock("alerts", "close", BROKEN.key)[0] == 0
    assert evenstock("watch", "--once")[0] == 0
    assert office.subjects == [f"Failed: {SYNC}", f"Well again: Failed: {SYNC}"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["watch", "--every", "0"], "--every must be between"),
        (["watch", "--every", "soon"], "soon"),
        (["watch", "--twice"], "--twice"),
        (["alerts", "drop"], "there is no action drop"),
        (["alerts", "close"], "close needs a cause"),
        (["alerts", "list", "x"], "list takes none"),
        (["alerts", "close", "x"], "there is no open alert x"),
    ],
)
def test_bad_input_is_one_line(evenstock: Words, words: list[str], expected: str) -> None:
    status, said, complaint = evenstock(*words)
    assert (status, said) == (2, "")
    assert expected in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALERT_BLOCKS", "ops"),
        ("ALERT_BLOCKS", "Slack/ops"),
        ("WATCH_INTERVALS", "partner-sync"),
        ("WATCH_INTERVALS", "partner-sync=0"),
        ("WATCH_INTERVALS", "partner-sync=soon"),
        ("WATCH_INTERVALS", "=3"),
    ],
)
def test_bad_settings_are_one_line(
    evenstock: Words, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    status, _, complaint = evenstock("watch", "--once")
    assert status == 2
    assert name in complaint


# -------------------------------------------------------------- programs


def program(*words: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "flows", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_one_look_as_a_program_without_prefects_server(ledger: Ledger, office: PostOffice) -> None:
    ran(ledger, 61)
    nowhere = {
        "PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api",
        "ALERT_BLOCKS": "custom-webhook/nowhere",
    }
    began = time.monotonic()
    with program("watch", "--once", **nowhere) as process:
        said, complaint = process.communicate(timeout=120)

    assert process.returncode == 1, complaint
    assert f"{SYNC} of {OWN} had no good run" in said
    assert "1 notices could not be sent yet" in said
    assert "Traceback" not in complaint
    assert len(office.mails) == 1
    assert time.monotonic() - began < 60


def test_it_goes_on_until_it_is_told_to_stop(ledger: Ledger, office: PostOffice) -> None:
    ran(ledger, 1)
    with program("watch", "--every", "1") as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "watching, every 1 seconds\n"
            assert process.stdout.readline() == "All is well.\n"
            alerts.store(ledger, load_settings(), OWN, BROKEN)
            assert "Failed" in process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            said, complaint = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, said, complaint) == (0, "", "")
    assert office.subjects == [f"Failed: {SYNC}"]


def test_a_ledger_that_is_away_is_told_once_and_does_not_end_it(office: PostOffice) -> None:
    away = f"postgresql+psycopg://a:hidden-word@127.0.0.1:{free_port()}/b"
    with program("watch", "--every", "1", EVENSTOCK_DATABASE_URL=away) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(3)]
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert "cannot read the ledger" in lines[2]
    assert "hidden-word" not in "".join(lines)
    assert office.subjects == ["evenstock watch cannot read the ledger, so nobody knows whether flows run"]


def test_what_nobody_foresaw_is_told_and_does_not_end_it(ledger: Ledger, office: PostOffice) -> None:
    alerts.store(ledger, load_settings(), OWN, BROKEN)
    ledger.judge_alert(
        OWN, BROKEN.key, lambda known: (replace(known, undelivered=[{"to": "mail"}]) if known else None, None)
    )
    with program("watch", "--every", "1") as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(3)]
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert "evenstock watch cannot look, so nobody knows whether flows run: KeyError" in lines[1]
    assert "cannot look" in lines[2]
    assert len(office.mails) == 1


# ------------------------------------------------------------------- seen


def test_what_is_wrong_is_seen_wherever_one_looks(evenstock: Words, ledger: Ledger) -> None:
    settings = load_settings()
    ran(ledger, 1)
    assert evenstock("alerts")[1] == "All is well.\n"
    token = Cause("partner:roast.example:token", "Partner [b]Roast[/b]: its token is revoked")
    ledger.add_partner(Partner(OWN, "roast.example", "https://roast.example", "Roast", NOW))
    alerts.raise_causes(ledger, settings, OWN, [BROKEN, token])

    for words in (("status", SYNC), ("history", SYNC), ("alerts",)):
        assert f"Failed: {SYNC}" in evenstock(*words)[1]
        document = json.loads(evenstock(*words, "--json")[1])
        assert BROKEN.key in [each["cause"] for each in document["alerts"]]
    said = evenstock("partners", "list")[1]
    assert "Partner [b]Roast[/b]: its token is revoked" in said
    assert f"Failed: {SYNC}" not in said
    (partner,) = json.loads(evenstock("partners", "list", "--json")[1])["partners"]
    assert [each["cause"] for each in partner["alerts"]] == [token.key]

    assert evenstock("partners", "disable", "roast.example")[0] == 0
    assert [each.cause for each in ledger.alerts()] == [BROKEN.key]


# ---------------------------------------------------------------- Prefect


class Hook:
    """What came to a web hook."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.refuses = False
        self.url = ""


@contextmanager
def hooked() -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not hook.refuses:
                hook.bodies.append(json.loads(body))
            self.send_response(503 if hook.refuses else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.orchestrated
def test_blocks_are_told_too_each_on_its_own(
    ledger: Ledger, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hooked() as hook:
        content = {"about": "{{subject}}", "text": "{{body}}"}
        block = CustomWebhookNotificationBlock(name="ops", url=hook.url, json_data=content)
        block.save("evenstock-ops", overwrite=True)
        monkeypatch.setenv("ALERT_BLOCKS", "custom-webhook/evenstock-ops")
        hook.refuses = True
        alerts.raise_causes(ledger, load_settings(), OWN, [BROKEN])
        assert (len(office.mails), hook.bodies) == (1, [])

        hook.refuses = False

        @flow
        def run() -> None:
            alerts.clear(ledger, load_settings(), OWN, SYNC)

        run()

    assert office.subjects == [f"Failed: {SYNC}", f"Well again: Failed: {SYNC}"]
    assert [each["about"] for each in hook.bodies] == office.subjects
    assert "RMS is away" in hook.bodies[0]["text"]


@pytest.mark.orchestrated
def test_a_block_that_is_no_notification_or_not_there_is_kept_and_harms_nobody(
    ledger: Ledger, office: PostOffice, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Secret(value="x").save("evenstock-none", overwrite=True)
    monkeypatch.setenv("ALERT_BLOCKS", "secret/evenstock-none,slack-webhook/not-there")
    alerts.raise_causes(ledger, load_settings(), OWN, [BROKEN])

    assert len(office.mails) == 1
    assert "is no notification block" in caplog.text
    assert {each["to"] for each in ledger.alerts()[0].undelivered} == {
        "secret/evenstock-none",
        "slack-webhook/not-there",
    }


async def _heard(act: Callable[[], None], count: int) -> list[Event]:
    """The next events of this kind that Prefect hands on, as it does to its automations."""
    wanted = EventFilter(event=EventNameFilter(prefix=["evenstock.alert."]))
    found: list[Event] = []
    async with asyncio.timeout(60), get_events_subscriber(filter=wanted) as events:
        doing = asyncio.create_task(asyncio.to_thread(act))
        async for event in events:
            found.append(event)
            if len(found) == count:
                break
        await doing
    return found


@pytest.mark.orchestrated
def test_automations_hear_of_it_when_it_begins_and_when_it_is_over(ledger: Ledger) -> None:
    settings = load_settings()

    def act() -> None:
        for _ in range(2):
            alerts.raise_causes(ledger, settings, OWN, [BROKEN])
        alerts.clear(ledger, settings, OWN, SYNC)

    raised, resolved = asyncio.run(_heard(act, 2))
    assert (raised.event, resolved.event) == ("evenstock.alert.raised", "evenstock.alert.resolved")
    assert raised.resource.id == resolved.resource.id == f"evenstock.shop.{OWN}"
    assert raised.payload["cause"] == BROKEN.key
    assert resolved.payload["resolved_at"]
