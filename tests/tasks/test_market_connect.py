"""Marketplaces opened for an account: its own credentials, a budget that the ledger counts, writes off."""

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.bricklink import IN_FLIGHT
from connectors.brickowl import BrickOwl
from connectors.errors import BudgetSpent, ConfigurationError, Unauthorised, WritesOff
from connectors.flight import Berths
from connectors.ledger import Ledger, open_ledger
from connectors.ledger.database import Database
from connectors.market import MARKETPLACES, Change, Market, Marketplace
from connectors.settings import load_settings
from sandbox.app import Sandbox
from sandbox.clock import Clock
from sandbox.server import serving
from tasks.lease import clock
from tasks.market_accounts import FIELDS, add_account
from tasks.market_connect import open_bricklink, open_market
from tests.ledgers import sqlite_in
from tests.worlds import NOW, World

pytest_plugins = ["tests.databases"]

KEYS = {name: f"{name}-of-the-default" for name in FIELDS["bricklink"]}
OTHER = {name: f"{name}-of-another" for name in FIELDS["bricklink"]}


def _world() -> World:
    lots = [{"inventory_id": 1, "item": {"no": "3001", "type": "PART"}, "color_id": 5, "quantity": 5}]
    return {
        "bricklink": {"default": {**KEYS, "lots": lots}, "other": {**OTHER, "lots": []}},
        "brickowl": {
            "default": {
                "key": "owl-key-of-the-default",
                "boids": [{"boid": "771344", "type": "Part", "bl_item_no": "3001"}],
                "lots": [{"lot_id": 1, "boid": "771344-38", "qty": 5, "con": "new", "price": "0.100"}],
            }
        },
    }


@dataclass
class Scene:
    """The stand-ins on a port, a ledger, and settings that name both."""

    sandbox: Sandbox
    ledger: Ledger
    set: Callable[[str, str], None]

    def market(self, marketplace: Marketplace = "bricklink", account: str = "default") -> Market:
        return open_market(load_settings(), self.ledger, account, marketplace, attempts=1)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    with (
        Sandbox(_world(), clock=Clock(NOW)) as sandbox,
        serving(sandbox) as url,
        closing(open_ledger(sqlite_in(tmp_path))) as ledger,
    ):
        secret_key = base64.urlsafe_b64encode(bytes(32)).decode()
        own = {"EVENSTOCK_NOW": NOW.isoformat(), "EVENSTOCK_SECRET_KEY": secret_key}
        for name, value in (sandbox.settings(url) | own).items():
            monkeypatch.setenv(name, value)
        yield Scene(sandbox, ledger, monkeypatch.setenv)


@pytest.mark.parametrize("marketplace", MARKETPLACES)
def test_a_market_is_opened_with_the_settings_credentials(scene: Scene, marketplace: Marketplace) -> None:
    with closing(scene.market(marketplace)) as market:
        assert (market.name, market.account) == (marketplace, "default")
        assert [each.quantity for each in market.lots()] == [5]
        market.change("1", Change(-2))
        assert [each.quantity for each in market.lots()] == [3]


def test_an_account_uses_its_own_credentials_and_no_other_s(scene: Scene) -> None:
    with pytest.raises(ConfigurationError, match="accounts add other"):
        scene.market(account="other")
    secrets = {name: SecretStr(value) for name, value in OTHER.items()}
    add_account(load_settings(), scene.ledger, "other", {"bricklink": secrets})
    with closing(scene.market(account="other")) as market:
        assert market.lots() == []
    assert {call["account"] for call in scene.sandbox.calls()} == {"other"}


@pytest.mark.parametrize("marketplace", MARKETPLACES)
def test_writes_that_are_off_send_nothing(scene: Scene, marketplace: Marketplace) -> None:
    scene.set("EVENSTOCK_WRITES", "off")
    with closing(scene.market(marketplace)) as market, pytest.raises(WritesOff):
        market.change("1", Change(-2), market.lot("1"))
    assert scene.sandbox.writes() == []


def test_every_call_is_counted_and_an_empty_lane_says_when_it_opens(scene: Scene) -> None:
    with closing(scene.market()) as market:
        market.change("1", Change(-1))
        assert scene.ledger.calls_used("default", "bricklink", NOW) == {"falls": 2}
        scene.ledger.spend("default", "bricklink", "orders", NOW, calls=3_000)
        scene.sandbox.clear_calls()
        with pytest.raises(BudgetSpent, match="no calls are left for prices until 2026-11-22") as caught:
            market.change("1", Change(price=Decimal(2)))
        assert NOW + timedelta(hours=24) <= caught.value.free_at <= NOW + timedelta(hours=25)
        assert scene.sandbox.calls() == []
        assert market.change("1", Change(-1)) is not None


def test_bricklink_s_calls_wait_for_those_of_other_machines(scene: Scene, postgres_url: str) -> None:
    settings = load_settings()
    with (
        closing(open_ledger(postgres_url)) as ledger,
        closing(Database(postgres_url)) as elsewhere,
        closing(open_bricklink(settings, ledger, "default")) as market,
        ThreadPoolExecutor(1) as pool,
    ):
        locks = Ledger(elsewhere).session_locks()
        assert locks
        theirs = Berths(f"{settings.bricklink_base_url} default", IN_FLIGHT, locks)
        for _ in range(IN_FLIGHT):
            theirs.take()
        reading = pool.submit(market.lots)
        with pytest.raises(TimeoutError):
            reading.result(0.2)
        assert scene.sandbox.calls() == []
        for _ in range(IN_FLIGHT):
            theirs.leave()
        assert len(reading.result(5)) == 1


def test_brick_owl_s_calls_take_turns_with_those_of_other_processes(scene: Scene) -> None:
    with closing(scene.market("brickowl")) as market:
        market.lots()
    assert scene.ledger.live("pace:brickowl/default/calls", clock()) == 1


def test_one_account_s_budget_is_not_another_s(scene: Scene) -> None:
    scene.ledger.spend("other", "bricklink", "orders", NOW, calls=5_000)
    with closing(scene.market()) as market:
        assert len(market.lots("prices")) == 1


def test_a_wrong_key_is_told_once(scene: Scene) -> None:
    for marketplace, variable in (("bricklink", "BRICKLINK_TOKEN_SECRET"), ("brickowl", "BRICKOWL_API_KEY")):
        scene.set(variable, "wrong-secret-0123")
        scene.sandbox.clear_calls()
        with closing(scene.market(marketplace)) as market, pytest.raises(Unauthorised) as caught:
            market.lots()
        assert len(scene.sandbox.calls()) == 1
        assert "wrong-secret-0123" not in str(caught.value)


def test_brick_owl_s_own_abilities_are_there(scene: Scene) -> None:
    with closing(scene.market("brickowl")) as market:
        assert isinstance(market, BrickOwl)
        assert market.boids("PART", "3001") == ["771344"]
