"""Tokens of the client-credentials grant: asked for once, renewed in time and after a refusal."""

import httpx
import pytest

from connectors.errors import ConfigurationError
from connectors.http import Http, Patience
from connectors.shopify.tokens import ClientCredentials, FixedToken
from sandbox.app import Sandbox
from tests.worlds import OWN, world

SECRET = "very-secret"


def grant(
    sandbox: Sandbox, secret: str = SECRET, clock: float = 0.0
) -> tuple[ClientCredentials, list[float]]:
    now = [clock]
    client = httpx.Client(transport=httpx.WSGITransport(app=sandbox))
    http = Http(
        f"http://127.0.0.1/shopify/{OWN}/admin/oauth/",
        system="shopify",
        account=OWN,
        client=client,
        patience=Patience(attempts=1),
    )
    return ClientCredentials(http, "app", secret, clock=lambda: now[0]), now


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(world([], [], client_id="app", client_secret=SECRET))


class TestClientCredentials:
    def test_a_token_is_asked_for_once(self, sandbox: Sandbox) -> None:
        tokens, _ = grant(sandbox)

        assert tokens.headers() == tokens.headers()
        assert len(sandbox.calls()) == 1

    def test_a_token_is_renewed_before_it_ends(self, sandbox: Sandbox) -> None:
        tokens, now = grant(sandbox)
        first = tokens.headers()

        now[0] = 0.81 * 86_399

        assert tokens.headers() != first

    def test_a_refused_token_is_replaced(self, sandbox: Sandbox) -> None:
        tokens, _ = grant(sandbox)
        first = tokens.headers()

        assert tokens.renew()
        assert tokens.headers() != first

    def test_wrong_credentials_are_one_sentence_without_them(self, sandbox: Sandbox) -> None:
        tokens, _ = grant(sandbox, secret="wrong-secret")

        with pytest.raises(ConfigurationError, match="SHOPIFY_CLIENT_SECRET") as caught:
            tokens.headers()

        assert "wrong-secret" not in str(caught.value)


def test_a_fixed_token_has_no_successor() -> None:
    assert not FixedToken("tok").renew()
