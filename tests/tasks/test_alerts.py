"""Who is told by mail, and of what."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from prefect import State
from prefect.client.schemas.objects import FlowRun, StateType

from flows.reverse_stock_sync import reverse_stock_sync
from tasks import alerts
from tasks.states import reported
from tests.mails import PASSWORD, PostOffice, post_office

HELD = reported({"balance": {"checked": 9, "held": 9, "done": 0}, "plan_id": "plan_x"}, "Held", "9 are held")
DONE = reported({"balance": {"checked": 9}}, "Completed", "all well")
CRASHED: State[None] = State(type=StateType.CRASHED, message="lost at smtp://a:hidden-word@b?token=abc123")


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    with post_office() as opened:
        for name, value in opened.settings.items():
            monkeypatch.setenv(name, value)
        yield opened


def tell(state: State, **parameters: object) -> None:  # type: ignore[type-arg]
    run = FlowRun(flow_id=uuid4(), name="reverse-stock-sync: all", parameters=parameters)
    alerts.tell(reverse_stock_sync, run, state)


def test_a_held_run_is_told_with_what_to_do(office: PostOffice) -> None:
    tell(HELD)

    (sent,) = office.mails
    assert sent["Subject"] == "Held: reverse-stock-sync: all"
    text = sent.get_content()  # type: ignore[attr-defined]
    assert all(part in text for part in ("9 are held", "held: 9", "evenstock plans show plan_x"))
    assert "done" not in text


def test_a_crashed_run_is_told_without_secrets(office: PostOffice) -> None:
    tell(CRASHED)

    text = office.mails[0].get_content()  # type: ignore[attr-defined]
    assert "hidden-word" not in text
    assert "abc123" not in text


def test_what_went_well_and_dry_runs_are_not_told(office: PostOffice) -> None:
    tell(DONE)
    tell(HELD, dry_run=True)

    assert office.mails == []


@pytest.mark.orchestrated
def test_a_post_office_that_is_down_does_no_harm(
    office: PostOffice, caplog: pytest.LogCaptureFixture
) -> None:
    office.refuses = True

    tell(HELD)

    assert "was not sent" in caplog.text
    assert PASSWORD not in caplog.text


def test_nobody_is_told_where_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_EMAIL_TO", "ann@example.com")
    tell(HELD)
