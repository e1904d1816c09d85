"""A whole run of an app that has a client id and a secret instead of a token."""

import logging
from pathlib import Path

import pytest

from tasks import desk
from tests.flows.stage import Stage
from tests.worlds import MARK, OWN, World, shoe, world

pytestmark = pytest.mark.orchestrated

EXCHANGE = "POST /admin/oauth/access_token"
SECRET = "a-very-secret-secret"
KEY = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="


@pytest.fixture(autouse=True)
def an_app(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop knows an app, and the environment its credentials; nobody has a token yet."""
    item, rows = shoe(101, {"37": 5, "38": 2}, {"37": 3, "38": 2})
    stage.put(world([item], rows, token=None, client_id="app", client_secret=SECRET))
    settings: World = {
        "SHOPIFY_ADMIN_TOKEN": "",
        "SHOPIFY_CLIENT_ID": "app",
        "SHOPIFY_CLIENT_SECRET": SECRET,
        "EVENSTOCK_SECRET_KEY": KEY,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(desk, "_granted", {})


def exchanges(stage: Stage) -> int:
    return [call["operation"] for call in stage.calls()].count(EXCHANGE)


def test_asks_for_one_token_and_brings_the_shop_in_line(stage: Stage) -> None:
    report = stage.run()

    assert report["success"] is True
    assert stage.levels() == {"24X101-37": 3, "24X101-38": 2}
    assert MARK in stage.tags()[101]
    assert exchanges(stage) == 1


def test_goes_on_with_another_when_the_token_is_revoked_in_between(stage: Stage) -> None:
    stage.event(kind="revoke_token", before={"operation": "inventorySetQuantities", "nth": 1})

    report = stage.run()

    assert report["success"] is True
    assert stage.levels() == {"24X101-37": 3, "24X101-38": 2}
    assert len([write for write in stage.writes() if write["what"] == "level"]) == 1
    assert exchanges(stage) == 2


def test_no_file_and_no_log_shows_the_secret(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    report = stage.run()

    issued = stage.sandbox.shops[OWN].tokens._access  # all it gave away
    assert len(issued) == 1
    files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    for secret in (*issued, SECRET):
        assert secret not in caplog.text
        assert secret not in str(report)
        assert not [content for content in files if secret.encode() in content]
