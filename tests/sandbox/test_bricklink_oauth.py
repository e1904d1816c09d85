"""Signatures: those of the contract sheet, those of other programs, and all that must not get in."""

import json
from dataclasses import replace
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.app import Sandbox
from sandbox.bricklink.oauth import Keys, signature
from sandbox.http import Request
from sandbox.reading import WorldError
from tests.sandbox.seller import BASE, Seller, lot, seller

DEMO = Keys("ck-demo", "cs-demo", "tk-demo", "ts-demo")
FIXED = {
    "oauth_consumer_key": "ck-demo",
    "oauth_token": "tk-demo",
    "oauth_nonce": "nonce0001",
    "oauth_timestamp": "1700000000",
    "oauth_signature_method": "HMAC-SHA1",
    "oauth_version": "1.0",
}
LIST = Request(
    "GET",
    "/api/store/v1/inventories",
    {},
    {"host": "api.bricklink.com"},
    b"",
    "item_type=PART&status=Y%2C-S",
    scheme="https",
)
UPDATE = Request(
    "PUT", "/api/store/v1/inventories/50592684", {}, {"host": "127.0.0.1:8099"}, b'{"quantity": 1}'
)
LIST_SIGNED = "291xMOkz3sW5n1pZohL/B4BtuVU="
UPDATE_SIGNED = "3tlZoaB9bGV3pI7u0QOilrz57Ac="


@pytest.fixture
def store() -> Seller:
    return seller(lot(1, 5))


@pytest.mark.parametrize(("request_", "wanted"), [(LIST, LIST_SIGNED), (UPDATE, UPDATE_SIGNED)])
def test_the_sheets_vectors_are_signed_as_it_says(request_: Request, wanted: str) -> None:
    assert signature(request_, FIXED, DEMO) == wanted


@pytest.mark.parametrize("host", ["API.bricklink.com", "api.bricklink.com:443"])
def test_a_hosts_case_and_its_usual_port_do_not_matter(host: str) -> None:
    assert signature(replace(LIST, headers={"host": host}), FIXED, DEMO) == LIST_SIGNED


VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(st.lists(st.tuples(VALUES.filter(bool), VALUES), max_size=4), VALUES)
def test_every_query_that_another_library_signs_gets_in(query: list[tuple[str, str]], nonce: str) -> None:
    with seller().sandbox as sandbox:
        one = Seller(sandbox)
        line = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
        url = f"{BASE}/colors?{line}"
        header = one.header("GET", url, nonce=nonce or "n")
        assert one.send("GET", url, headers={"Authorization": header}).json()["meta"]["code"] == 200


def test_a_query_without_a_value_is_signed_as_blank(store: Seller) -> None:
    url = f"{BASE}/inventories/1?null"
    header = store.header("DELETE", f"{url}=")
    assert store.send("DELETE", url, headers={"Authorization": header}).json()["meta"]["code"] == 204


def rewritten(header: str, **other: str | None) -> str:
    """The header with other values for some parameters; None leaves one out."""
    parts = dict(part.split("=", 1) for part in header.removeprefix("OAuth ").split(", "))
    for name, value in other.items():
        parts.pop(name)
        parts |= {} if value is None else {name: f'"{value}"'}
    return "OAuth " + ", ".join(f"{name}={value}" for name, value in parts.items())


def told(store: Seller, header: str | None, url: str = f"{BASE}/inventories") -> tuple[int, str]:
    headers = {} if header is None else {"Authorization": header}
    response = store.send("GET", url, headers=headers)
    assert response.status_code == 200
    meta = response.json()["meta"]
    return meta["code"], meta["description"]


@pytest.mark.parametrize(
    "name",
    [
        "oauth_consumer_key",
        "oauth_token",
        "oauth_signature_method",
        "oauth_timestamp",
        "oauth_nonce",
        "oauth_version",
        "oauth_signature",
    ],
)
def test_a_signature_that_lacks_a_parameter_is_refused(store: Seller, name: str) -> None:
    code, description = told(store, rewritten(store.header("GET", f"{BASE}/inventories"), **{name: None}))
    assert code == 401
    assert name in description or "consumer_key" in description


@pytest.mark.parametrize(
    "other",
    [
        {"oauth_signature_method": "PLAINTEXT"},
        {"oauth_version": "2.0"},
        {"oauth_timestamp": "soon"},
        {"oauth_nonce": "another"},
        {"oauth_signature": "AAAA"},
        {"oauth_token": "stolen"},
    ],
)
def test_a_parameter_that_was_not_signed_like_this_is_refused(store: Seller, other: dict[str, str]) -> None:
    header = rewritten(store.header("GET", f"{BASE}/inventories"), **other)
    assert told(store, header)[0] == 401


def test_a_signature_is_for_one_method_and_one_url(store: Seller) -> None:
    header = store.header("GET", f"{BASE}/orders")
    assert told(store, header) == (401, "SIGNATURE_INVALID")
    assert told(store, store.header("PUT", f"{BASE}/inventories")) == (401, "SIGNATURE_INVALID")
    assert told(store, store.header("GET", f"{BASE}/inventories?status=Y")) == (401, "SIGNATURE_INVALID")


@pytest.mark.parametrize("part", ["consumer-secret", "token-secret"])
def test_a_wrong_secret_is_refused(store: Seller, part: str) -> None:
    store.keys[part] = "wrong"
    assert store.refused("GET", "/inventories") == (401, "BAD_OAUTH_REQUEST", "SIGNATURE_INVALID")


@pytest.mark.parametrize("header", [None, "Bearer abc", "OAuth nonsense", 'OAuth realm="x'])
def test_what_is_no_oauth_is_refused(store: Seller, header: str | None) -> None:
    assert told(store, header)[0] == 401


def test_an_unknown_application_is_refused_and_has_no_account(store: Seller) -> None:
    store.keys["consumer-key"] = "nobody"
    assert "blocked consumer_key" in store.refused("GET", "/inventories")[2]
    assert [call["account"] for call in store.sandbox.calls()] == [""]


def test_a_nonce_may_be_used_once(store: Seller) -> None:
    header = store.header("GET", f"{BASE}/inventories")
    assert told(store, header)[0] == 200
    assert told(store, header) == (401, "NONCE_USED")


def test_a_nonce_of_a_refused_signature_is_not_used_up(store: Seller) -> None:
    header = store.header("GET", f"{BASE}/inventories")
    assert told(store, header, f"{BASE}/orders")[0] == 401
    assert told(store, header)[0] == 200


def test_a_nonce_stays_used_as_long_as_its_timestamp_is_taken(store: Seller) -> None:
    header = store.header("GET", f"{BASE}/inventories")
    assert told(store, header)[0] == 200
    for seconds in (150, 149):
        store.sandbox.clock.advance(seconds)
        store.get("/orders")
        assert told(store, header) == (401, "NONCE_USED")
    store.sandbox.clock.advance(2)
    assert told(store, header) == (401, "TIMESTAMP_EXPIRED")


@pytest.mark.parametrize(("seconds", "code"), [(-301, 401), (-300, 200), (300, 200), (301, 401)])
def test_a_timestamp_may_be_off_by_five_minutes(store: Seller, seconds: int, code: int) -> None:
    stamp = str(int(store.sandbox.clock.seconds()) + seconds)
    assert told(store, store.header("GET", f"{BASE}/inventories", timestamp=stamp))[0] == code


def test_the_window_of_timestamps_can_be_set() -> None:
    store = seller(timestamp_window_seconds=10)
    stamp = str(int(store.sandbox.clock.seconds()) - 11)
    header = store.header("GET", f"{BASE}/inventories", timestamp=stamp)
    assert told(store, header) == (401, "TIMESTAMP_EXPIRED")


def test_spaces_after_commas_and_a_realm_do_not_matter(store: Seller) -> None:
    close = store.header("GET", f"{BASE}/inventories").replace(", ", ",")
    assert told(store, close)[0] == 200
    realm = store.header("GET", f"{BASE}/inventories").replace("OAuth ", 'OAuth realm="", ')
    assert told(store, realm)[0] == 200


def test_the_parameters_may_stand_in_the_query_as_json(store: Seller) -> None:
    header = store.header("GET", f"{BASE}/inventories?status=Y").removeprefix("OAuth ")
    parts = dict(part.split("=", 1) for part in header.split(", "))
    given = {name: str(httpx.QueryParams(f"v={value[1:-1]}")["v"]) for name, value in parts.items()}
    url = f"{BASE}/inventories?status=Y&Authorization={quote(json.dumps(given))}"
    assert told(store, None, url)[0] == 200


def test_a_token_is_for_its_address() -> None:
    store = seller(address="10.1.2.3", mask="255.255.0.0")
    assert store.refused("GET", "/inventories") == (
        401,
        "BAD_OAUTH_REQUEST",
        "TOKEN_IP_MISMATCHED: consumer: default-consumer-key IP: 127.0.0.1",
    )
    assert seller(address="127.0.9.9", mask="255.255.0.0").get("/inventories") == []
    assert seller(mask="255.255.255.255").get("/inventories") == []


def test_an_address_that_is_none_is_told_in_one_line() -> None:
    with pytest.raises(WorldError, match=r"bricklink\.default\.address: must be an IPv4 address"):
        Sandbox({"bricklink": {"default": {"address": "here"}}})


def test_each_account_has_its_own_keys_and_nonces() -> None:
    world = {"bricklink": {"one": {"lots": [lot(1, 5)]}, "two": {"lots": [lot(1, 7)]}}}
    with Sandbox(world) as sandbox:
        one, two = Seller(sandbox, "one"), Seller(sandbox, "two")
        assert [each.get("/inventories/1")["quantity"] for each in (one, two)] == [5, 7]
        assert [call["account"] for call in sandbox.calls()] == ["one", "two"]
        two.keys["consumer-key"] = "one-consumer-key"
        assert two.refused("GET", "/inventories")[2] == "SIGNATURE_INVALID"
