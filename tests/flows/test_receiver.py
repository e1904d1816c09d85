"""The receiver of web hooks, over real sockets: whatever comes, it answers at once and stays."""

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from connectors.errors import ConfigurationError
from connectors.shopify.hooks import LEVELS, PRODUCTS, Hint, Seal
from flows import receiver
from flows.receiver import LARGEST, PATH, Receiver, Server
from sandbox.app import Sandbox
from sandbox.clock import Clock
from tasks.inbox import Inbox, Worker
from tests.sandbox.test_webhooks import NOW, Shopper, edit, subscribe
from tests.sandbox.test_webhooks import TAG as TAG_IT
from tests.worlds import OWN, product, variant, world

NEW, OLD = "new secret", "old secret"
LEVEL = json.dumps({"inventory_item_id": 5001, "location_id": 1, "available": 4}).encode()


def signed(body: bytes, secret: str = NEW) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def headers(body: bytes, topic: str = LEVELS, **changed: str | None) -> dict[str, str]:
    """Those that Shopify sends; `changed` by their last words."""
    given = {
        "Topic": topic,
        "Shop-Domain": OWN,
        "Hmac-Sha256": signed(body),
        "Webhook-Id": "w1",
        "Event-Id": "e1",
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    return {f"X-Shopify-{name}": value for name, value in given.items() if value is not None}


class Door:
    """A running receiver and its inbox, with nobody who empties it."""

    def __init__(self, room: int = 1000) -> None:
        self.inbox = Inbox(room)
        self.receiver = Receiver(OWN, Seal([SecretStr(NEW), SecretStr(OLD)]), self.inbox)
        self.server = Server(self.receiver, "127.0.0.1", 0)
        self.port = urlsplit(self.server.address).port or 0

    def ask(
        self, body: bytes, given: dict[str, str], *, method: str = "POST", path: str = PATH
    ) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, given)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def post(self, body: bytes = LEVEL, topic: str = LEVELS, **changed: str | None) -> int:
        return self.ask(body, headers(body, topic, **changed))[0]

    def raw(self, *pieces: bytes, end: bool = True) -> bytes:
        """What comes back to these bytes, until the connection is closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as wire:
            found = b""
            try:
                for piece in pieces:
                    wire.sendall(piece)
                if end:
                    wire.shutdown(socket.SHUT_WR)
                while more := wire.recv(65_536):
                    found += more
            except TimeoutError:
                raise
            except OSError:
                """The server has closed it before all was sent."""
            return found


@pytest.fixture(scope="module")
def shared() -> Iterator[Door]:
    yield from _opened()


@pytest.fixture
def door() -> Iterator[Door]:
    yield from _opened()


def _opened(**given: int) -> Iterator[Door]:
    found = Door(**given)
    found.server.start()
    yield found
    found.server.stop()
    assert not found.server.is_alive()


# ---------------------------------------------------------------- one by one


def test_a_level_and_a_product_are_queued(door: Door) -> None:
    body = json.dumps({"id": 101, "title": "Shoe", "variants": []}).encode()
    assert door.ask(LEVEL, headers(LEVEL)) == (200, "queued")
    assert door.ask(body, headers(body, PRODUCTS)) == (200, "queued")
    assert door.inbox.take(0) == [Hint("item", 5001), Hint("product", 101)]


def test_the_newer_names_of_headers_are_known(door: Door) -> None:
    given = {name.removeprefix("X-"): value for name, value in headers(LEVEL).items()}
    assert door.ask(LEVEL, given) == (200, "queued")


def test_a_repeated_event_is_acknowledged_and_not_queued_again(door: Door) -> None:
    assert door.ask(LEVEL, headers(LEVEL)) == (200, "queued")
    assert door.ask(LEVEL, headers(LEVEL, Webhook_Id="w2")) == (200, "repeated")
    assert door.ask(LEVEL, headers(LEVEL, Event_Id="e2")) == (200, "queued")
    assert len(door.inbox) == 1


def test_after_a_rotation_old_signatures_still_count(door: Door) -> None:
    assert door.post(Hmac_Sha256=signed(LEVEL, OLD)) == 200
    assert door.post(Hmac_Sha256=signed(LEVEL, "older still")) == 401


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Hmac_Sha256": None}, 401),
        ({"Hmac_Sha256": ""}, 401),
        ({"Hmac_Sha256": "nonsense"}, 401),
        ({"Hmac_Sha256": "é"}, 401),
        ({"Hmac_Sha256": signed(LEVEL + b" ")}, 401),
        ({"Hmac_Sha256": signed(LEVEL).lower()}, 401),
        ({"Shop_Domain": None}, 403),
        ({"Shop_Domain": "other.example"}, 403),
        ({"Shop_Domain": f"{OWN}.evil.example"}, 403),
        ({"Shop_Domain": OWN.upper()}, 200),
        ({"Topic": None}, 200),
        ({"Topic": "orders/create"}, 200),
        ({"Topic": "app/uninstalled"}, 200),
        ({"Topic": PRODUCTS}, 400),
        ({"Event_Id": None}, 200),
    ],
)
def test_headers_are_hints_and_the_signature_is_not(
    door: Door, changed: dict[str, str | None], status: int
) -> None:
    assert door.post(**changed) == status
    assert len(door.inbox) == (status == 200 and "Topic" not in changed)


def test_a_header_that_is_there_twice_counts_as_none(door: Door) -> None:
    lines = [f"{name}: {value}" for name, value in headers(LEVEL).items()]
    text = [f"POST {PATH} HTTP/1.1", "Host: x", f"Content-Length: {len(LEVEL)}", *lines]
    twice = [*text, f"X-Shopify-Hmac-Sha256: {signed(LEVEL)}", "", ""]
    assert door.raw("\r\n".join(twice).encode() + LEVEL).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", PATH, 405),
        ("PUT", PATH, 405),
        ("DELETE", PATH, 405),
        ("HEAD", PATH, 405),
        ("POST", "/", 404),
        ("POST", f"{PATH}/", 404),
        ("POST", f"{PATH}/more", 404),
        ("GET", "/metrics", 404),
        ("POST", "/webhooks/../webhooks/shopify", 404),
    ],
)
def test_there_is_one_way_in(door: Door, method: str, path: str, status: int) -> None:
    assert door.ask(LEVEL, headers(LEVEL), method=method, path=path)[0] == status
    assert len(door.inbox) == 0


def test_a_full_inbox_asks_for_another_time() -> None:
    with contextmanager(_opened)(room=2) as door:
        bodies = [json.dumps({"inventory_item_id": n}).encode() for n in (1, 2, 3)]
        assert [door.post(body, Event_Id=f"e{n}") for n, body in enumerate(bodies)] == [200, 200, 503]
        door.inbox.take(0)
        assert door.post(bodies[2], Event_Id="e2") == 200


@pytest.mark.parametrize("size", [LARGEST, LARGEST + 1, 3 * LARGEST])
def test_a_body_has_a_limit(door: Door, size: int) -> None:
    body = b'{"inventory_item_id": 1, "x": "' + b"x" * (size - 33) + b'"}'
    assert len(body) == size
    assert door.post(body) == (200 if size <= LARGEST else 413)


def test_a_body_without_a_length_has_the_limit_too(door: Door) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    connection = HTTPConnection("127.0.0.1", door.port, timeout=20)
    connection.request("POST", PATH, pieces(), headers(b""), encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_port_that_is_taken_is_told(door: Door) -> None:
    with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1 port {door.port}"):
        Server(door.receiver, "127.0.0.1", door.port)


# ------------------------------------------------------------------ nonsense

ANY_HEADER = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=60)
SHARED = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@SHARED
@given(body=st.binary(max_size=2000), signature=ANY_HEADER, topic=ANY_HEADER, shop=ANY_HEADER)
def test_whatever_is_not_signed_is_refused(
    shared: Door, body: bytes, signature: str, topic: str, shop: str
) -> None:
    given = {"X-Shopify-Hmac-Sha256": signature, "X-Shopify-Topic": topic, "X-Shopify-Shop-Domain": shop}
    encoded: dict[str, Any] = {name: value.strip().encode("latin-1") for name, value in given.items()}
    assert shared.ask(body, encoded)[0] == 401
    assert len(shared.inbox) == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@SHARED
@given(
    document=JSON | st.fixed_dictionaries({"id": JSON, "inventory_item_id": JSON}),
    topic=st.sampled_from([LEVELS, PRODUCTS, "orders/create", ""]),
    event=ANY_HEADER,
)
def test_whatever_is_signed_is_answered(shared: Door, document: object, topic: str, event: str) -> None:
    body = json.dumps(document).encode()
    given: dict[str, Any] = headers(body, topic) | {"X-Shopify-Event-Id": event.strip().encode("latin-1")}
    status, text = shared.ask(body, given)
    assert status in {200, 400}, text
    waiting = len(shared.inbox)
    assert waiting == (status == 200 and text == "queued")
    if waiting:
        shared.inbox.take(0)


@SHARED
@given(noise=st.binary(min_size=1, max_size=400))
def test_noise_is_no_request(shared: Door, noise: bytes) -> None:
    answer = shared.raw(noise + b"\r\n\r\n")
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    assert shared.post(b"{}") == 400


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: -1"],
        ["Content-Length: nonsense"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Transfer-Encoding: gzip"],
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        [f"X-Long: {'x' * 100_000}"],
        [f"X-{n}: x" for n in range(20_000)],
    ],
)
def test_broken_heads_are_refused(shared: Door, lines: list[str]) -> None:
    text = "\r\n".join([f"POST {PATH} HTTP/1.1", "Host: x", *lines, "", "12345"])
    answer = shared.raw(text.encode())
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert shared.post(b"{}") == 400


# ------------------------------------------------------- floods and laggards


def test_a_flood_is_answered_and_bounded() -> None:
    with contextmanager(_opened)(room=50) as door:

        def send(number: int) -> int:
            body = json.dumps({"inventory_item_id": number + 1}).encode()
            return door.post(body, Event_Id=f"e{number}")

        with ThreadPoolExecutor(20) as pool:
            statuses = list(pool.map(send, range(400)))
        assert set(statuses) == {200, 503}
        assert statuses.count(200) == len(door.inbox) == 50


def test_slow_clients_are_cut_off_and_keep_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "SECONDS", 1.0)
    with contextmanager(_opened)() as door:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
        started = time.monotonic()
        with ThreadPoolExecutor(12) as pool:
            laggards = [
                pool.submit(door.raw, piece, end=False)
                for piece in (b"", head.encode(), f"{head}\r\nhalf".encode())
                for _ in range(4)
            ]
            assert door.post() == 200
            assert time.monotonic() - started < 1.0
            assert {laggard.result() for laggard in laggards} <= {b""}
        assert time.monotonic() - started < 5.0


def test_more_connections_than_it_takes_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "CONNECTIONS", 5)
    with contextmanager(_opened)() as door:
        idle = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(8)]
        try:
            until(lambda: door.post() == 503)
        finally:
            for each in idle:
                each.close()
        until(lambda: door.post() == 200)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_client_that_goes_away_leaves_nothing(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf"
    for _ in range(5):
        door.raw(head.encode())
    assert door.post() == 200
    assert len(door.inbox) == 1
    assert "Traceback" not in caplog.text


def test_no_secret_and_no_body_is_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for secret in (NEW, OLD, "wrong"):
        body = b'{"customer": "Jane Roe"}'
        door.ask(body, headers(body, Hmac_Sha256=signed(body, secret)))
    assert "401" in caplog.text
    for hidden in (NEW, OLD, "Jane Roe", signed(b'{"customer": "Jane Roe"}')):
        assert hidden not in caplog.text


# ------------------------------------------------------------ with the store


def test_what_the_store_sends_arrives_once_whatever_happens_on_the_way() -> None:
    """Duplicates, lost answers, cut and reordered deliveries, and a receiver that is full for a while."""
    shoes = [product(100 + n, None, variant(1000 + n, f"S{n}", 1)) for n in range(8)]
    looked: list[Hint] = []
    done = threading.Event()

    def look(found: Any) -> None:  # noqa: ANN401 - a list of hints
        looked.extend(found)
        done.set()

    given = world(shoes, [], webhook_secret=NEW, token="sandbox-token")
    frozen = Sandbox(given, clock=Clock(NOW, frozen=True))
    with frozen as sandbox, contextmanager(_opened)(room=6) as door:
        shop = Shopper(sandbox)
        for topic in ("INVENTORY_LEVELS_UPDATE", "PRODUCTS_UPDATE"):
            subscribe(shop, topic, door.server.address)
        kinds = ["duplicated", "lost_answer", "malformed", "reordered"]
        sandbox.faults(
            [
                {"system": "shopify", "operation": "webhookDelivery", "kind": kind, "nth": nth}
                for nth, kind in enumerate(kinds, start=1)
            ]
        )
        for number in range(8):
            edit(shop, 5, variant=1000 + number)
        shop.data(TAG_IT, id="gid://shopify/Product/103")
        assert sandbox.webhooks_settled()
        assert len(door.inbox) == 6
        worker = Worker(door.inbox, look, gather=0)
        worker.start()
        assert done.wait(20)
        for _ in range(20):
            sandbox.clock.advance(15)
            assert sandbox.webhooks_settled()
        assert worker.finish(20)
        assert set(looked) == {Hint("item", 51_000 + n) for n in range(8)} | {Hint("product", 103)}
        assert {line["state"] for line in sandbox.webhooks()} == {"delivered"}
