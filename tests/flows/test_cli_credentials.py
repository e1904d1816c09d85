"""`evenstock accounts add` asks the marketplaces whether they let the account in, before anything is kept."""

from pathlib import Path

import pytest

from connectors.market import MARKETPLACES
from connectors.settings import load_settings
from tasks.market_accounts import credentials
from tests.fair import BRICKLINK, BRICKOWL, Served, environment
from tests.flows.test_cli_items import Desk
from tests.flows.test_cli_partners import KEY

pytest_plugins = ["tests.fairs"]

FIELDS = ("consumer_key", "consumer_secret", "token", "token_secret")
GOOD = {name: f"default-{name.replace('_', '-')}" for name in FIELDS} | {"api_key": "default-key"}


@pytest.fixture
def desk(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    for name in environment():
        if not name.endswith(("URL", "NOW", "DELAY")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("EVENSTOCK_SECRET_KEY", KEY)
    served.sandbox.clear_calls()
    return Desk(tmp_path, monkeypatch, capsys)


def typed(**other: str) -> str:
    return "\n".join(f"{name}={value}" for name, value in (GOOD | other).items())


def kept(served: Served) -> list[str]:
    return [each.marketplace for each in served.ledger.market_accounts("shop")]


def test_each_is_asked_once_by_a_call_that_reads_no_orders(desk: Desk, served: Served) -> None:
    said = desk("accounts", "add", "shop", typed=typed())
    assert (said.status, said.err) == (0, "")
    assert served.calls(BRICKLINK) == ["GET /colors/{id}"]
    assert served.calls(BRICKOWL) == ["GET /user/details"]
    assert "BrickLink: let in" in said.out
    assert "Brick Owl: let in to the store" in said.out
    found = credentials(load_settings(), served.ledger, "shop", BRICKLINK)
    assert {name: value.get_secret_value() for name, value in found.items()} == {
        name: GOOD[name] for name in FIELDS
    }


@pytest.mark.parametrize(
    ("wrong", "sentence", "good"),
    [
        ({"token_secret": "hush-hush"}, "BrickLink refuses these credentials", "Brick Owl"),
        ({"api_key": "hush-hush"}, "Brick Owl refuses these credentials", "BrickLink"),
    ],
)
def test_what_is_refused_is_named_and_nothing_is_kept(
    desk: Desk, served: Served, wrong: dict[str, str], sentence: str, good: str
) -> None:
    said = desk("accounts", "add", "shop", typed=typed(**wrong))
    assert (said.status, said.out) == (2, "")
    assert sentence in said.err
    assert f"good were those for {good}" in said.err
    assert "hush" not in said.err
    assert kept(served) == []
    assert served.ledger.secret_names("shop") == []


def test_both_are_named_when_both_refuse(desk: Desk) -> None:
    said = desk("accounts", "add", "shop", typed=typed(consumer_key="hush-hush", api_key="hush-hush"))
    assert "BrickLink refuses" in said.err
    assert "Brick Owl refuses" in said.err


def test_one_that_does_not_answer_is_told_apart_from_one_that_refuses(desk: Desk, served: Served) -> None:
    served.fault(BRICKOWL, "*", "http", status=503, times=-1)
    said = desk("accounts", "add", "shop", typed=typed())
    assert said.status == 2
    assert "Brick Owl could not be asked" in said.err
    assert "--unchecked keeps credentials without asking" in said.err
    assert kept(served) == []


def test_a_key_without_a_store_is_refused(desk: Desk, served: Served) -> None:
    world = served.sandbox.world()
    world[BRICKOWL]["default"]["store"] = False
    served.sandbox.put_world(world)
    said = desk("accounts", "add", "shop", "--brickowl", typed=typed())
    assert "its account has no store" in said.err


@pytest.mark.parametrize("way", ["--unchecked", "DISABLE_EXTERNAL_CALLS"])
def test_nobody_is_asked_where_that_is_not_wanted(
    desk: Desk, served: Served, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if not way.startswith("-"):
        monkeypatch.setenv(way, "true")
    said = desk("accounts", "add", "shop", *([way] if way.startswith("-") else []), typed=typed())
    assert said.status == 0
    assert "BrickLink: not asked" in said.out
    assert served.calls(BRICKLINK) == served.calls(BRICKOWL) == []
    assert kept(served) == list(MARKETPLACES)
