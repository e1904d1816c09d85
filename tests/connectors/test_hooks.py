"""Web hooks: whose they are, what they name, and where they are sent."""

import base64
import hashlib
import hmac
import json
from contextlib import suppress

import pytest
from graphql import parse, validate
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from connectors.errors import Malformed, Refused, WritesOff
from connectors.settings import load_settings
from connectors.shopify import hooks
from connectors.shopify.hooks import LEVELS, PRODUCTS, Hint, Seal, hint
from sandbox.app import Sandbox
from tests.connectors.store import Store
from tests.connectors.test_shopify import SCHEMA
from tests.worlds import product, variant, world

ADDRESS = "https://receiver.example/webhooks/shopify"


def signed(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


# --------------------------------------------------------------- signatures


@given(st.text(), st.text(min_size=1, alphabet=st.characters(codec="ascii", exclude_characters=",")))
def test_what_the_secret_signed_fits(text: str, secret: str) -> None:
    body = text.encode()
    assert Seal([SecretStr(secret)]).fits(body, signed(body, secret))
    assert not Seal([SecretStr(secret)]).fits(body + b" ", signed(body, secret))
    assert not Seal([SecretStr(f"{secret}x")]).fits(body, signed(body, secret))


@given(st.binary(), st.text())
def test_nothing_else_fits(body: bytes, signature: str) -> None:
    assert not Seal([SecretStr("new"), SecretStr("old")]).fits(body, signature)


def test_after_a_rotation_both_secrets_fit() -> None:
    seal = Seal([SecretStr("new"), SecretStr("old")])
    fitting = [secret for secret in ("new", "old", "older") if seal.fits(b"{}", signed(b"{}", secret))]
    assert fitting == ["new", "old"]


@pytest.mark.parametrize("body", [b"[" * 500_000, b'{"a":' * 100_000, b"9" * 500_000, b"\xff\xfe", b"null"])
def test_a_hostile_body_is_only_unsigned(body: bytes) -> None:
    assert not Seal([SecretStr("new")]).fits(body, "")
    assert not Seal([SecretStr("new")]).fits(body, signed(body, "other"))


# --------------------------------------------------------------------- hints


@pytest.mark.parametrize(
    ("topic", "document", "expected"),
    [
        (LEVELS, {"inventory_item_id": 5001, "location_id": 1, "available": 4}, Hint("item", 5001)),
        (PRODUCTS, {"id": 101, "title": "Shoe", "variants": [{"id": 1}]}, Hint("product", 101)),
        (PRODUCTS, {"id": 2**63 - 1}, Hint("product", 2**63 - 1)),
    ],
)
def test_a_payload_names_one_thing(topic: str, document: object, expected: Hint) -> None:
    assert hint(topic, json.dumps(document).encode()) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"id"',
        b'{"id": null}',
        b'{"id": true}',
        b'{"id": "101"}',
        b'{"id": 101.0}',
        b'{"id": 0}',
        b'{"id": -101}',
        b'{"id": 9223372036854775808}',
        b'{"id": 1e3}',
        b'{"id": [101]}',
        b'{"id": NaN}',
        b'{"inventory_item_id": 101}',
        b'{"id": 1' + b"0" * 10_000 + b"}",
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_anything_else_names_nothing(body: bytes) -> None:
    with pytest.raises(Malformed):
        hint(PRODUCTS, body)


@given(
    st.binary()
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_a_hint_is_an_id_or_nothing(body: bytes) -> None:
    for topic in hooks.TOPICS:
        with suppress(Malformed):
            assert 0 < hint(topic, body).id < 2**63


# ------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SHOPIFY_WEBHOOK_SECRET": "one"}, ["one"]),
        ({"SHOPIFY_WEBHOOK_SECRET": "new, old"}, ["new", "old"]),
        ({"SHOPIFY_CLIENT_ID": "app", "SHOPIFY_CLIENT_SECRET": "its, own"}, ["its, own"]),
        (
            {
                "SHOPIFY_CLIENT_ID": "app",
                "SHOPIFY_CLIENT_SECRET": "its own",
                "SHOPIFY_WEBHOOK_SECRET": "another",
            },
            ["another"],
        ),
    ],
)
def test_secrets(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: list[str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert [each.get_secret_value() for each in load_settings().webhook_secrets] == expected


# ------------------------------------------------------------- subscriptions


@pytest.fixture
def store() -> Store:
    shoes = [product(101, None, variant(1001, "A", 1), variant(1002, "B", 1)), product(102, None)]
    shoes[1]["variants"] = [variant(2001, "C", 1)]
    return Store(Sandbox(world(shoes, [])))


@pytest.mark.parametrize("text", [hooks.SUBSCRIBE, hooks.SUBSCRIPTIONS, hooks.UNSUBSCRIBE, hooks.ITEMS])
def test_what_is_asked_is_in_the_schema(text: str) -> None:
    assert validate(SCHEMA, parse(text)) == []


def test_subscriptions_are_made_once_and_ended(store: Store) -> None:
    http = store.http()
    made = list(hooks.subscribe(http, ADDRESS))
    assert [(each.topic, each.address) for each in made] == [
        ("INVENTORY_LEVELS_UPDATE", ADDRESS),
        ("PRODUCTS_UPDATE", ADDRESS),
    ]
    assert list(hooks.subscribe(http, ADDRESS)) == made
    assert hooks.subscriptions(http) == made
    hooks.unsubscribe(http, made[0].id)
    assert hooks.subscriptions(http) == made[1:]
    with pytest.raises(Refused, match="does not exist"):
        hooks.unsubscribe(http, made[0].id)


def test_an_address_that_shopify_refuses(store: Store) -> None:
    with pytest.raises(Refused, match="http:// is not supported"):
        list(hooks.subscribe(store.http(), "http://receiver.example/webhooks/shopify"))


def test_nothing_is_subscribed_while_writes_are_off(store: Store) -> None:
    with pytest.raises(WritesOff):
        list(hooks.subscribe(store.http(writes_off=True), ADDRESS))


def test_a_product_comes_by_its_id_and_the_time(store: Store) -> None:
    assert [each.topic for each in hooks.subscribe(store.http(), ADDRESS)]
    service = next(iter(store.sandbox.shops.values()))
    assert [each.include_fields for each in service.shop.subscriptions.values()] == [
        (),
        ("id", "updated_at"),
    ]


def test_items_lead_to_their_products(store: Store) -> None:
    assert hooks.products_of(store.http(), [51_001, 51_002, 52_001, 99]) == {
        51_001: 101,
        51_002: 101,
        52_001: 102,
    }
