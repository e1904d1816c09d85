"""A partner's pair of tokens: renewed by one process at a time, stored before use; on both databases."""

import base64
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from connectors.errors import ConfigurationError, NeedsConsent, Unauthorised
from connectors.ledger import Ledger, Partner, Unopenable, Vault
from connectors.renewal import Grant, as_secret, stored_grant
from connectors.settings import load_settings
from sandbox.app import Sandbox
from sandbox.server import serving
from tasks import desk
from tasks.desk import open_partner
from tasks.partners import consented, question
from tasks.token import PAIR, STATE, TOKEN, PartnersPair, secret_of
from tests.tasks.children import Child, running
from tests.worlds import OWN, world

pytest_plugins = ["tests.databases"]

EXCHANGE = "POST /admin/oauth/access_token"
NAME = "boots.example"
LEASE = f"token:shopify:{OWN}:{NAME}"
SECRET = "partner-app-secret"
CHILD = """
import sys
import tasks.token
from connectors.settings import load_settings
from tasks.desk import ledger_of, open_partner
tasks.token.SECONDS = float(sys.argv[1])
settings = load_settings()
ledger = ledger_of(settings)
[partner] = ledger.partners(settings.shop)
shop = open_partner(settings, ledger, partner)
print("ready", flush=True)
for line in sys.stdin:
    shop.facts()
    print("done", flush=True)
"""
"""A process that asks the partner's store who it is as often as it is told to."""


def a_key(number: int) -> str:
    return base64.urlsafe_b64encode(bytes([number]) * 32).decode()


@dataclass
class Scene:
    """The own store and a partner's, and a ledger in which the partner's first pair is kept."""

    sandbox: Sandbox
    url: str
    ledger: Ledger
    environment: dict[str, str]
    monkeypatch: pytest.MonkeyPatch
    partner: Partner
    children: ExitStack = field(default_factory=ExitStack)

    def set(self, **changed: str) -> None:
        """Change settings; a process that starts now has no token in memory."""
        self.environment |= changed
        for name, value in self.environment.items():
            self.monkeypatch.setenv(name, value)
        self.monkeypatch.setattr(desk, "_consented", {})

    def consent(self) -> None:
        settings = load_settings()
        asked = question(settings, self.ledger, self.partner, "https://localhost/x")
        consented(settings, self.ledger, asked, "sandbox-code")

    def ask(self) -> str:
        """Ask the partner's store who it is, as a process that starts now."""
        self.set()
        with (shop := open_partner(load_settings(), self.ledger, self.partner)).http:
            return shop.facts().domain

    def stored(self) -> Grant:
        """The pair as it is stored."""
        text = PartnersPair(lambda: self.ledger, Vault(a_key(1)), self.partner).load()
        assert text
        found = stored_grant(text)
        assert found
        return found

    def age(self, share: float) -> None:
        """Let so much of the access token's life be over, by our clock and by theirs."""
        old = self.stored()
        life = timedelta(hours=1)
        now = datetime.now(UTC)
        aged = Grant(
            old.client_id,
            old.token,
            renew_at=now + (0.8 - share) * life,
            ends_at=now + (1 - share) * life,
            refresh=old.refresh,
            refresh_ends_at=old.refresh_ends_at,
        )
        self.ledger.store_secret(Vault(a_key(1)), OWN, secret_of(self.partner, PAIR), as_secret(aged), now)
        self.sandbox.clock.advance(share * 3600)

    def exchanges(self) -> int:
        return [call["operation"] for call in self.sandbox.calls()].count(EXCHANGE)

    def fault(self, kind: str, **more: object) -> None:
        self.sandbox.faults(
            [{"system": "shopify", "account": NAME, "operation": EXCHANGE, "kind": kind, "times": 1} | more]
        )

    def child(self, lease: float = 20.0) -> Child:
        return self.children.enter_context(running(CHILD, self.environment, lease))


@pytest.fixture
def scene(database_url: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    shops = world([], [])
    shops["shopify"][NAME] = {"token": None, "client_id": "app", "client_secret": SECRET}
    with Sandbox(shops) as sandbox, serving(sandbox) as url, ExitStack() as children:
        there = Partner(OWN, NAME, f"{url}/shopify/{NAME}", "Boots", datetime.now(UTC))
        partner = ledger.add_partner(there)
        made = Scene(sandbox, url, ledger, sandbox.settings(url), monkeypatch, partner, children)
        made.set(
            EVENSTOCK_DATABASE_URL=database_url,
            EVENSTOCK_SECRET_KEY=a_key(1),
            PARTNER_CLIENT_ID="app",
            PARTNER_CLIENT_SECRET=SECRET,
            HTTP_BASE_DELAY="0.01",
            HTTP_MAX_ATTEMPTS="2",
        )
        made.consent()
        sandbox.clear_calls()
        yield made


class TestInTime:
    def test_a_young_token_is_used_by_all(self, scene: Scene) -> None:
        assert scene.ask() == scene.ask() == NAME
        assert scene.exchanges() == 0

    def test_after_four_fifths_of_its_life_it_is_renewed_and_stored(self, scene: Scene) -> None:
        first = scene.stored()
        scene.age(0.79)
        scene.ask()
        assert scene.exchanges() == 0

        scene.age(0.81)
        scene.ask()
        scene.ask()
        assert scene.exchanges() == 1
        second = scene.stored()
        assert first.token != second.token
        assert first.refresh != second.refresh

    def test_it_is_renewed_again_with_the_next_refresh_token(self, scene: Scene) -> None:
        for _ in range(3):
            scene.age(1.5)
            scene.ask()

        assert scene.exchanges() == 3

    def test_a_refused_one_is_renewed_once(self, scene: Scene) -> None:
        scene.sandbox.clock.advance(3_700)
        scene.ask()

        assert scene.exchanges() == 1
        assert scene.ledger.live(LEASE, datetime.now(UTC)) == 0


class TestLostAnswers:
    @pytest.mark.parametrize("kind", ["timeout_before", "http"])
    def test_to_a_renewal_that_was_not_done_cost_nothing(self, scene: Scene, kind: str) -> None:
        scene.age(1.5)
        scene.fault(kind, status=502, seconds=0.1)

        assert scene.ask() == NAME
        assert scene.exchanges() == 2

    @pytest.mark.parametrize("kind", ["lost_answer", "http_after", "malformed"])
    def test_to_one_that_was_done_need_new_consent(self, scene: Scene, kind: str) -> None:
        scene.age(1.5)
        scene.fault(kind, status=502)

        with pytest.raises(NeedsConsent, match="needs new consent") as caught:
            scene.ask()
        assert isinstance(caught.value, Unauthorised)
        assert caught.value.account == NAME
        assert scene.exchanges() == 2
        assert scene.ledger.live(LEASE, datetime.now(UTC)) == 0

        scene.consent()
        assert scene.ask() == NAME

    def test_twice_need_it_too_until_a_later_renewal_succeeds(self, scene: Scene) -> None:
        scene.age(1.5)
        scene.fault("timeout_before", seconds=0.1, times=2)
        with pytest.raises(NeedsConsent, match="twice"):
            scene.ask()
        assert scene.exchanges() == 2

        assert scene.ask() == NAME


class TestTrouble:
    def test_access_that_was_revoked_needs_new_consent(self, scene: Scene) -> None:
        scene.sandbox.event({"system": "shopify", "account": NAME, "kind": "revoke_token"})

        with pytest.raises(NeedsConsent):
            scene.ask()
        assert scene.exchanges() == 1

    def test_a_wrong_app_is_a_setting_and_no_lost_consent(self, scene: Scene) -> None:
        scene.age(1.5)
        scene.set(PARTNER_CLIENT_SECRET="wrong-secret")
        with pytest.raises(ConfigurationError, match="PARTNER_CLIENT_SECRET") as caught:
            scene.ask()
        assert "wrong-secret" not in str(caught.value)

        scene.set(PARTNER_CLIENT_SECRET=SECRET)
        assert scene.ask() == NAME

    def test_another_app_has_no_consent(self, scene: Scene) -> None:
        scene.set(PARTNER_CLIENT_ID="another")
        with pytest.raises(NeedsConsent, match="this app"):
            scene.ask()

    def test_a_key_that_does_not_open_it_is_named(self, scene: Scene) -> None:
        scene.set(EVENSTOCK_SECRET_KEY=a_key(9))
        with pytest.raises(Unopenable, match="EVENSTOCK_SECRET_KEY"):
            scene.ask()
        assert scene.exchanges() == 0

    def test_without_a_key_nothing_is_opened(self, scene: Scene) -> None:
        scene.set(EVENSTOCK_SECRET_KEY="")
        with pytest.raises(ConfigurationError, match="EVENSTOCK_SECRET_KEY"):
            scene.ask()

    def test_without_consent_nothing_is_asked(self, scene: Scene) -> None:
        scene.ledger.forget_secret(OWN, secret_of(scene.partner, PAIR))
        with pytest.raises(NeedsConsent, match="partners consent"):
            scene.ask()
        assert scene.sandbox.calls() == []


class TestSecrets:
    def test_one_partner_has_one_access(self, scene: Scene) -> None:
        now = datetime.now(UTC)
        lasting = secret_of(scene.partner, TOKEN)
        scene.ledger.store_secret(Vault(a_key(1)), OWN, lasting, SecretStr("shpat_old"), now)
        scene.consent()

        assert scene.ledger.secret_names(OWN) == [secret_of(scene.partner, PAIR)]
        assert STATE not in "".join(scene.ledger.secret_names(OWN))

    def test_no_log_and_no_repr_has_them(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        scene.age(1.5)
        scene.fault("timeout_before", seconds=0.1)
        before = scene.stored()
        scene.ask()
        after = scene.stored()

        for secret in (before.token, before.refresh, after.token, after.refresh, SECRET):
            assert secret not in caplog.text
            assert secret not in repr((before, after))


class TestProcesses:
    def test_that_need_it_together_renew_once(self, scene: Scene) -> None:
        children = [scene.child() for _ in range(3)]
        for child in children:
            child.hear("ready")
        scene.age(1.5)
        scene.fault("slow", seconds=0.7)
        for child in children:
            child.tell()
        for child in children:
            child.hear("done")

        assert scene.exchanges() == 1
        assert scene.ledger.live(LEASE, datetime.now(UTC)) == 0

    def test_that_is_killed_before_it_spent_the_token_is_followed(self, scene: Scene) -> None:
        killed, following = scene.child(lease=1.5), scene.child()
        killed.hear("ready")
        following.hear("ready")
        scene.age(1.5)
        scene.fault("timeout_before", seconds=5)
        killed.tell()
        until = time.monotonic() + 30
        while not scene.ledger.live(LEASE, datetime.now(UTC)):
            assert time.monotonic() < until
            time.sleep(0.02)
        killed.process.kill()
        killed.process.wait()
        following.tell()
        following.hear("done")

        assert scene.ledger.live(LEASE, datetime.now(UTC)) == 0
