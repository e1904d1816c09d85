"""What `evenstock setup` arranges in Prefect."""

import os
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.settings import PREFECT_API_URL, temporary_settings

from connectors.errors import ConfigurationError
from connectors.settings import load_settings
from flows.cli import main
from flows.cli.orchestration import TRIGGER, arrange, prefect_api
from flows.cli.reaping import reapers
from tests.flows.stage import Stage


@pytest.mark.orchestrated
def test_puts_the_delay_into_the_trigger_and_a_limit_on_the_account(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPIFY_STORE_DOMAIN", os.environ["SHOPIFY_STORE_DOMAIN"].replace("own.", "few."))
    monkeypatch.setenv("REVERSE_SYNC_DELAY_MINUTES", "7")
    monkeypatch.setenv("REVERSE_SYNC_MAX_CONCURRENT", "3")
    trigger = EventTrigger(expect={"evenstock.main-sync.finished"}, posture=Posture.Reactive, threshold=1)
    action = RunDeployment(source="inferred", schedule_after=timedelta(minutes=5))
    with get_client(sync_client=True) as client:
        client.create_automation(AutomationCore(name=TRIGGER, trigger=trigger, actions=[action]))

        said = [*arrange(load_settings()), *arrange(load_settings())]

        (automation,) = (each for each in client.read_automations() if each.name == TRIGGER)
        (changed,) = automation.actions
        limit = client.read_global_concurrency_limit_by_name("evenstock-writes:few.example")
        reaping = [each for each in client.read_automations() if each.name.startswith("evenstock: ")]
    assert isinstance(changed, RunDeployment)
    assert changed.schedule_after == timedelta(minutes=7)
    assert (limit.limit, limit.active_slots) == (3, 0)
    # Twice arranged, there once.
    assert sorted(each.name for each in reaping) == sorted(each.name for each in reapers())
    assert all(each.enabled and _crashes(each) for each in reaping)
    assert sum("7 minutes" in sentence for sentence in said) == 2
    assert stage.writes() == []


def _crashes(automation: Automation) -> bool:
    (action,) = automation.actions
    return isinstance(action, ChangeFlowRunState) and action.state == StateType.CRASHED


class _Guarded(BaseHTTPRequestHandler):
    """A Prefect API that wants a password: only its health is for everybody."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path.endswith("/health") else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nobody asked."""


@pytest.mark.parametrize(
    "words",
    [["setup"], ["emit", "main-sync-finished", "--shop", "own"], ["run", "apply-plan", "--plan_id", "p"]],
)
def test_a_wrong_password_is_one_line(
    words: list[str], stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Guarded)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{server.server_port}/api"}):
            assert main(words) == 2
    finally:
        server.shutdown()
        server.server_close()
    said = capsys.readouterr().err
    assert said == "evenstock: Prefect's API refuses the password: check PREFECT_API_AUTH_STRING\n"
    assert stage.writes() == []


def test_without_an_api_it_says_so() -> None:
    with temporary_settings({PREFECT_API_URL: None}):
        (sentence,) = arrange(load_settings())
        with pytest.raises(ConfigurationError, match="PREFECT_API_URL"), prefect_api():
            pass
    assert "PREFECT_API_URL" in sentence
