"""One token for all processes: in the ledger, sealed, renewed by one of them at a time; on both databases."""

import base64
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from connectors.errors import ConfigurationError, ConnectorError, EvenstockError, LeaseLost
from connectors.ledger import Ledger, Vault, open_ledger
from connectors.settings import load_settings
from sandbox.app import Sandbox
from sandbox.server import serving
from tasks import desk
from tasks.desk import open_shop
from tasks.token import SharedToken
from tests.tasks.children import Child, running
from tests.worlds import OWN, world

pytest_plugins = ["tests.databases"]

EXCHANGE = "POST /admin/oauth/access_token"
LEASE = f"token:shopify:{OWN}"
SECRET = "very-secret"
HUSH = SecretStr("shpat_hush")
CHILD = """
import sys
import tasks.token
from connectors.settings import load_settings
from tasks.desk import open_shop
tasks.token.SECONDS = float(sys.argv[1])
settings = load_settings()
print("ready", flush=True)
for line in sys.stdin:
    open_shop(settings).facts()
    print("done", flush=True)
"""
"""A process that asks the store who it is as often as it is told to."""


def a_key(number: int) -> str:
    return base64.urlsafe_b64encode(bytes([number]) * 32).decode()


OLD, NEW = a_key(1), a_key(250)


@dataclass
class Scene:
    """A stand-in that grants tokens, and the settings that point at it and at a ledger."""

    sandbox: Sandbox
    environment: dict[str, str]
    monkeypatch: pytest.MonkeyPatch
    children: ExitStack = field(default_factory=ExitStack)

    def set(self, **changed: str) -> None:
        """Change settings; a process that starts now has no token in memory."""
        self.environment |= changed
        for name, value in self.environment.items():
            self.monkeypatch.setenv(name, value)
        self.monkeypatch.setattr(desk, "_granted", {})

    def ask(self) -> None:
        """Ask the store who it is, as a process that starts now."""
        self.set()
        with (shop := open_shop(load_settings())).http:
            shop.facts()

    def child(self, lease: float = 20.0) -> Child:
        """A process whose lease on the token is so many seconds long."""
        return self.children.enter_context(running(CHILD, self.environment, lease))

    def exchanges(self) -> int:
        return [call["operation"] for call in self.sandbox.calls()].count(EXCHANGE)

    def slow(self, seconds: float) -> None:
        """Make the next exchange take its time."""
        self.sandbox.faults(
            [{"system": "shopify", "operation": EXCHANGE, "kind": "slow", "seconds": seconds, "times": 1}]
        )

    def revoke(self) -> None:
        self.sandbox.event({"system": "shopify", "account": OWN, "kind": "revoke_token"})


@pytest.fixture
def scene(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    shop = world([], [], token=None, client_id="app", client_secret=SECRET)
    with Sandbox(shop) as sandbox, serving(sandbox) as url, ExitStack() as children:
        made = Scene(sandbox, sandbox.settings(url), monkeypatch, children)
        made.set(
            EVENSTOCK_DATABASE_URL=database_url,
            EVENSTOCK_SECRET_KEY=OLD,
            HTTP_BASE_DELAY="0.01",
            HTTP_MAX_ATTEMPTS="2",
        )
        yield made


def now() -> datetime:
    return datetime.now(UTC)


def wait_for(ledger: Ledger) -> None:
    """Wait until somebody renews the token."""
    until = time.monotonic() + 60
    while not ledger.live(LEASE, now()):
        assert time.monotonic() < until
        time.sleep(0.02)


class TestProcesses:
    def test_that_start_together_ask_once(self, scene: Scene, ledger: Ledger) -> None:
        children = [scene.child() for _ in range(3)]
        scene.slow(0.7)
        for child in children:
            child.hear("ready")
        for child in children:
            child.tell()
        for child in children:
            child.hear("done")

        assert scene.exchanges() == 1
        assert ledger.live(LEASE, now()) == 0

        scene.revoke()
        scene.slow(0.7)
        for child in children:
            child.tell()
        for child in children:
            child.hear("done")

        assert scene.exchanges() == 2

    def test_that_is_killed_while_it_renews_is_followed_by_the_next(
        self, scene: Scene, ledger: Ledger
    ) -> None:
        killed, following = scene.child(lease=1.5), scene.child()
        scene.slow(3)
        killed.hear("ready")
        killed.tell()
        wait_for(ledger)
        killed.process.kill()
        killed.process.wait()
        following.hear("ready")
        following.tell()
        following.hear("done")

        assert ledger.live(LEASE, now()) == 0
        assert ledger.secret_names(OWN) == ["shopify_access_token"]

    def test_that_start_later_find_the_token(self, scene: Scene) -> None:
        scene.ask()
        scene.ask()

        assert scene.exchanges() == 1


class TestKeys:
    def test_without_one_each_process_has_a_token_of_its_own(self, scene: Scene, ledger: Ledger) -> None:
        scene.set(EVENSTOCK_SECRET_KEY="")
        scene.ask()
        scene.ask()

        assert scene.exchanges() == 2
        assert ledger.secret_names(OWN) == []

    def test_a_newer_one_beside_the_old_opens_the_token(self, scene: Scene, ledger: Ledger) -> None:
        scene.ask()
        scene.set(EVENSTOCK_SECRET_KEY=f"{NEW},{OLD}")
        scene.ask()
        assert scene.exchanges() == 1

        ledger.rotate_secrets(Vault(f"{NEW},{OLD}"), now())
        scene.set(EVENSTOCK_SECRET_KEY=NEW)
        scene.ask()
        assert scene.exchanges() == 1

    def test_one_that_does_not_open_the_token_gets_another(
        self, scene: Scene, caplog: pytest.LogCaptureFixture
    ) -> None:
        scene.ask()
        scene.set(EVENSTOCK_SECRET_KEY=NEW)
        scene.ask()
        scene.ask()

        assert scene.exchanges() == 2
        assert "stored under another key" in caplog.text


class TestTrouble:
    def test_refused_credentials_leave_no_lease_and_no_token(self, scene: Scene, ledger: Ledger) -> None:
        scene.set(SHOPIFY_CLIENT_SECRET="wrong-secret")

        with pytest.raises(ConfigurationError, match="SHOPIFY_CLIENT_SECRET") as caught:
            scene.ask()
        assert "wrong-secret" not in str(caught.value)
        assert scene.exchanges() == 1
        assert ledger.live(LEASE, now()) == 0
        assert ledger.secret_names(OWN) == []

    def test_a_ledger_out_of_reach_is_told_before_anything_is_sent(
        self, scene: Scene, tmp_path: Path
    ) -> None:
        (tmp_path / "folder").mkdir()
        for away in (f"sqlite:///{tmp_path / 'folder'}", "postgresql://u:hush@127.0.0.1:1/x"):
            scene.set(EVENSTOCK_DATABASE_URL=away)

            with pytest.raises(EvenstockError, match=r"127\.0\.0\.1:1|folder") as caught:
                scene.ask()
            assert isinstance(caught.value, ConfigurationError | ConnectorError)
            assert "hush" not in str(caught.value)
        assert scene.sandbox.calls() == []

    def test_looking_aside_leaves_the_ledger_alone(self, scene: Scene, tmp_path: Path) -> None:
        unborn = tmp_path / "not-yet" / "ledger.db"
        scene.set(EVENSTOCK_DATABASE_URL=f"sqlite:///{unborn}")

        with (shop := open_shop(load_settings(), aside=True)).http:
            shop.facts()
        assert not unborn.parent.exists()


class TestStore:
    def store(self, ledger: Ledger, account: str = OWN) -> SharedToken:
        return SharedToken(lambda: ledger, Vault(OLD), account)

    def test_only_one_has_the_turn(self, ledger: Ledger) -> None:
        with self.store(ledger).turn() as ours:
            assert ours is not None
            with self.store(ledger).turn() as theirs:
                assert theirs is None
            with self.store(ledger, "other.example").turn() as elsewhere:
                assert elsewhere is not None
        with self.store(ledger).turn() as again:
            assert again is not None

    def test_whoever_was_overtaken_saves_nothing(self, ledger: Ledger) -> None:
        with self.store(ledger).turn() as save:
            assert save is not None
            assert ledger.acquire([LEASE], "another", 300, now() + timedelta(hours=1))
            with pytest.raises(LeaseLost):
                save(HUSH)

        assert self.store(ledger).load() is None
        assert ledger.live(LEASE, now()) == 1

    def test_accounts_are_apart(self, ledger: Ledger) -> None:
        with self.store(ledger).turn() as save:
            assert save is not None
            save(HUSH)

        assert self.store(ledger).load() == HUSH
        assert self.store(ledger, "other.example").load() is None


class TestSecrecy:
    def test_neither_ledger_nor_log_has_the_token_or_the_secret(
        self, scene: Scene, database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        scene.ask()
        stored = SharedToken(lambda: open_ledger(database_url), Vault(OLD), OWN).load()
        assert stored
        token = stored.get_secret_value().split('"token":"')[1].split('"')[0]
        assert token.startswith("shpat_")

        with closing(open_ledger(database_url)) as opened:
            kept = dump(opened)
        files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
        for secret in (token, SECRET):
            assert secret not in caplog.text
            assert not [each for each in [kept, *files] if secret.encode() in each]


def dump(ledger: Ledger) -> bytes:
    """Everything in the tables that a token or its lease may be in."""
    with ledger.database.reading() as connection:
        rows = [
            row
            for table in ("secrets", "leases")
            for row in connection.execute(text(f"SELECT * FROM {table}")).all()  # noqa: S608
        ]
    values = [bytes(value) if isinstance(value, memoryview) else value for row in rows for value in row]
    assert values
    return b" ".join(value if isinstance(value, bytes) else str(value).encode() for value in values)
