"""A second shop beside the own one, as a partner: tokens of its own, by consent and renewal."""

from typing import Any

import httpx
import pytest

from sandbox.app import Sandbox
from tests.sandbox.shopper import SHOP

PARTNER = "boots.example"
CLIENT = {"client_id": "app", "client_secret": "shh"}
ASK = {"query": "{ shop { myshopifyDomain } }"}


class Partner:
    """Talks to the partner's shop."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        transport = httpx.WSGITransport(app=sandbox)
        self._http = httpx.Client(transport=transport, base_url="http://127.0.0.1")

    def grant(self, **fields: str) -> tuple[int, dict[str, Any]]:
        response = self._http.post(f"/shopify/{PARTNER}/admin/oauth/access_token", json=CLIENT | fields)
        return response.status_code, response.json()

    def ask(self, token: str, shop: str = PARTNER) -> int:
        headers = {"X-Shopify-Access-Token": token}
        path = f"/shopify/{shop}/admin/api/2026-10/graphql.json"
        return self._http.post(path, json=ASK, headers=headers).status_code


@pytest.fixture
def partner() -> Partner:
    shops: dict[str, Any] = {SHOP: {"token": "own"}, PARTNER: {"token": None, **CLIENT}}
    return Partner(Sandbox({"shopify": shops}))


def test_a_code_gives_a_pair_that_opens_this_shop_only(partner: Partner) -> None:
    status, pair = partner.grant(code="sandbox-code", expiring="1")

    assert (status, pair["expires_in"], pair["refresh_token_expires_in"]) == (200, 3600, 7_776_000)
    assert partner.ask(pair["access_token"]) == 200
    assert partner.ask(pair["access_token"], SHOP) == 401
    assert partner.ask("own") == 401


def test_each_renewal_brings_another_pair_and_spends_the_last(partner: Partner) -> None:
    _, first = partner.grant(code="sandbox-code", expiring="1")
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    status, second = partner.grant(**refresh)

    assert status == 200
    assert partner.ask(second["access_token"]) == 200
    assert partner.grant(**refresh)[0] == 400
    assert partner.grant(grant_type="refresh_token", refresh_token=second["refresh_token"])[0] == 200


def test_both_halves_end(partner: Partner) -> None:
    _, pair = partner.grant(code="sandbox-code", expiring="1")
    partner.sandbox.clock.advance(3_601)
    assert partner.ask(pair["access_token"]) == 401
    partner.sandbox.clock.advance(7_776_000)
    assert partner.grant(grant_type="refresh_token", refresh_token=pair["refresh_token"])[0] == 400


def test_what_was_revoked_cannot_be_renewed(partner: Partner) -> None:
    _, pair = partner.grant(code="sandbox-code", expiring="1")
    partner.sandbox.event({"system": "shopify", "account": PARTNER, "kind": "revoke_token"})

    assert partner.ask(pair["access_token"]) == 401
    assert partner.grant(grant_type="refresh_token", refresh_token=pair["refresh_token"])[0] == 400
    assert partner.grant(code="sandbox-code", expiring="1")[0] == 200


def test_its_app_is_among_the_settings(partner: Partner) -> None:
    settings = partner.sandbox.settings("http://127.0.0.1:1")
    assert (settings["PARTNER_CLIENT_ID"], settings["PARTNER_CLIENT_SECRET"]) == ("app", "shh")
    assert settings["SHOPIFY_ADMIN_TOKEN"] == "own"
