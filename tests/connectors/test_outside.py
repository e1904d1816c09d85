"""Addresses that users give lead out of our network or nowhere, and no answer is too long or too late."""

import gzip
import io
import itertools
import socket
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING

import httpx
import pytest

from connectors.errors import Refused, Transient
from connectors.outside import CALLBACK_SECONDS, FEED_BYTES, Outside, not_public, readable

if TYPE_CHECKING:
    from typing_extensions import Buffer

PUBLIC = "93.184.216.34"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "loopback"),
        ("127.9.9.9", "loopback"),
        ("::1", "loopback"),
        ("0.0.0.0", "unspecified"),  # noqa: S104 - refused, not listened on
        ("::", "unspecified"),
        ("10.0.0.1", "private or reserved"),
        ("172.16.3.4", "private or reserved"),
        ("192.168.1.1", "private or reserved"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("100.64.0.1", "shared, 100.64/10"),
        ("100.127.255.255", "shared, 100.64/10"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("192.0.0.1", "private or reserved"),
        ("192.0.2.1", "private or reserved"),
        ("198.18.0.1", "private or reserved"),
        ("240.0.0.1", "private or reserved"),
        ("255.255.255.255", "private or reserved"),
        ("fc00::1", "private or reserved"),
        ("fec0::1", "private or reserved"),
        ("2001:db8::1", "private or reserved"),
        ("::ffff:127.0.0.1", "IPv4 inside IPv6"),
        ("::ffff:8.8.8.8", "IPv4 inside IPv6"),
        ("::7f00:1", "IPv4 inside IPv6"),
        ("64:ff9b::7f00:1", "IPv4 inside IPv6"),
        ("2002:7f00:1::", "IPv4 inside IPv6"),
        ("2001::1", "IPv4 inside IPv6"),
    ],
)
def test_what_is_not_public_is_called_by_its_name(address: str, why: str) -> None:
    assert not_public(ip_address(address)) in {why, "loopback" if "127.0.0.1" in address else why}


@pytest.mark.parametrize("address", ["8.8.8.8", PUBLIC, "100.128.0.1", "2606:2800:220:1::1", "2a00:1450::1"])
def test_what_is_public_may_be_gone_to(address: str) -> None:
    assert not_public(ip_address(address)) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("http://example.com/", "https"),
        ("ftp://example.com/", "https"),
        ("https://user:hush@example.com/", "user name"),
        ("https://user@example.com/", "user name"),
        ("https:///path", "no host"),
        ("//example.com", "https"),
        ("nonsense", "https"),
        ("https://exa mple.com:x/", "cannot be read"),
    ],
)
def test_a_url_that_may_not_be_given(text: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence) as caught:
        readable(text)
    assert "hush" not in str(caught.value)


def resolving(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    return lambda _host, _port: addresses


class TestTarget:
    def test_is_the_address_that_was_checked_under_the_name_that_was_given(self) -> None:
        seen: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return httpx.Response(204, content=iter([b""]))

        client = httpx.Client(transport=httpx.MockTransport(answer))
        outside = Outside(resolve=resolving(PUBLIC), client=client)

        assert outside.post("https://example.com:8443/a?b=c", b"{}", {"x-a": "1"}) == 204

        (request,) = seen
        assert str(request.url) == f"https://{PUBLIC}:8443/a?b=c"
        assert request.headers["host"] == "example.com:8443"
        assert request.extensions["sni_hostname"] == "example.com"
        assert request.headers["x-a"] == "1"

    @pytest.mark.parametrize("second", ["127.0.0.1", "10.1.1.1", "::ffff:10.0.0.1"])
    def test_is_refused_if_one_of_its_addresses_is_not_public(self, second: str) -> None:
        with pytest.raises(Refused, match="not a public address"):
            Outside(resolve=resolving(PUBLIC, second)).target("https://example.com/")

    @pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f.1", "[::1]", "localhost", "0"])
    def test_cannot_hide_behind_another_spelling(self, host: str) -> None:
        with pytest.raises((Refused, Transient)):
            Outside().target(f"https://{host}/")

    def test_without_an_address_may_have_one_later(self) -> None:
        with pytest.raises(Transient, match="does not resolve"):
            Outside().target("https://nowhere.invalid/")

    def test_may_be_private_in_tests_only(self) -> None:
        assert Outside(allow_private=True).target("http://127.0.0.1:9/x").address == "127.0.0.1"
        with pytest.raises(Refused):
            Outside().target("http://127.0.0.1:9/x")


Answering = Callable[[httpx.Request], httpx.Response]


def outside(answer: Answering, ticks: Iterable[float] = ()) -> Outside:
    client = httpx.Client(transport=httpx.MockTransport(answer))
    times = iter(ticks)
    return Outside(resolve=resolving(PUBLIC), client=client, clock=lambda: next(times, 0.0))


def saying(status: int = 200, content: bytes | Iterator[bytes] = b"", **headers: str) -> Answering:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    # From an iterator, so that it is still to be read when it comes.
    pieces = iter([content]) if isinstance(content, bytes) else content
    return lambda _: httpx.Response(status, content=pieces, headers=named)


class Pieces(io.BytesIO):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, piece: "Buffer", /) -> int:
        self.written.append(bytes(piece))
        return len(self.written[-1])


def saved(way: Outside, url: str, most: int = FEED_BYTES) -> list[bytes]:
    file = Pieces()
    way.save(url, file, most=most)
    return file.written


class TestAnswers:
    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_that_send_us_elsewhere_are_refused(self, status: int) -> None:
        with pytest.raises(Refused, match="elsewhere"):
            outside(saying(status, location="https://127.0.0.1/")).post("https://example.com", b"", {})

    @pytest.mark.parametrize(
        ("status", "error"), [(404, Refused), (410, Refused), (429, Transient), (503, Transient)]
    )
    def test_that_are_errors_say_whether_to_try_again(self, status: int, error: type[Exception]) -> None:
        with pytest.raises(error):
            outside(saying(status)).post("https://example.com", b"", {})

    def test_to_call_backs_are_short(self) -> None:
        with pytest.raises(Refused, match="longer than 65536"):
            outside(saying(200, b"x" * 65_537)).post("https://example.com", b"", {})
        assert outside(saying(200, b"x" * 65_536)).post("https://example.com", b"", {}) == 200

    def test_that_drip_are_given_up(self) -> None:
        slow = saying(200, iter([b"x"] * 50))
        with pytest.raises(Transient, match="too long"):
            outside(slow, [0.0, 0.0, 1.0, 5.0, 9.9, 10.1]).post("https://example.com", b"", {})

    def test_of_feeds_come_in_pieces(self) -> None:
        content = b"sku;stock\n" * 100_000
        parts = iter([content[:70_000], content[70_000:]])
        pieces = saved(outside(saying(200, parts)), "https://example.com/feed.csv")

        assert b"".join(pieces) == content
        assert len(pieces) == 2

    def test_that_are_packed_are_unpacked_piece_by_piece(self) -> None:
        content = b"sku;stock\n" * 100_000
        packed = gzip.compress(content[:500_000]) + gzip.compress(content[500_000:])
        pieces = saved(outside(saying(200, packed, content_encoding="gzip")), "https://example.com")

        assert b"".join(pieces) == content
        assert max(map(len, pieces)) <= 256 * 1024

    def test_that_unpack_to_too_much_are_refused(self) -> None:
        bomb = saying(200, gzip.compress(b"0" * 5_000_000), content_encoding="gzip")
        with pytest.raises(Refused, match="unpacks to more"):
            saved(outside(bomb), "https://example.com", most=1_000_000)

    def test_that_are_too_long_as_they_come_are_refused(self) -> None:
        with pytest.raises(Refused, match="longer than"):
            saved(outside(saying(200, b"0" * 1_001)), "https://example.com", most=1_000)

    def test_that_are_cut_while_packed_are_not_taken_for_whole(self) -> None:
        cut = saying(200, gzip.compress(b"a,b\n" * 1_000)[:-12], content_encoding="gzip")
        with pytest.raises(Transient, match="cut short"):
            saved(outside(cut), "https://example.com")

    @pytest.mark.parametrize("headers", [{"content-length": "4"}, {"transfer-encoding": "chunked"}, {}])
    def test_say_whether_their_end_was_shown(self, headers: dict[str, str]) -> None:
        def say(_: httpx.Request) -> httpx.Response:
            response = httpx.Response(200, content=iter([b"a,b\n"]))
            response.headers = httpx.Headers(headers)
            return response

        assert outside(say).save("https://example.com", io.BytesIO()) == bool(headers)

    def test_that_are_shorter_than_announced_are_not_taken_for_whole(self) -> None:
        cut = saying(200, iter([b"a,b\n"]), content_length="5")
        with pytest.raises(Transient, match="cut short"):
            saved(outside(cut), "https://example.com")

    @pytest.mark.parametrize(
        ("packing", "content"), [("br", b"x"), ("gzip", b"not packed"), ("deflate", zlib.compress(b"x"))]
    )
    def test_that_are_packed_otherwise_are_refused(self, packing: str, content: bytes) -> None:
        with pytest.raises(Refused, match="packed"):
            saved(outside(saying(200, content, content_encoding=packing)), "https://example.com")

    def test_that_do_not_come_are_transient_and_show_no_address(self) -> None:
        def fail(_: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("https://example.com/?token=hush")

        with pytest.raises(Transient, match="could not be reached") as caught:
            outside(fail).post("https://example.com/?token=hush", b"", {})
        assert "hush" not in str(caught.value)


@contextmanager
def listening(received: list[bytes]) -> Iterator[str]:
    """A real server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_port}/hook"
        server.shutdown()
        thread.join()


def test_no_connection_is_used_for_another_name() -> None:
    callers: list[object] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            callers.append(self.client_address)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        way = Outside(allow_private=True, resolve=resolving("127.0.0.1"))
        for name in ("one.example", "two.example"):
            way.post(f"http://{name}:{server.server_port}/", b"", {})
        server.shutdown()
        thread.join()
    assert len(set(callers)) == 2


def test_an_answer_whose_beginning_drips_is_cut_off() -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            caller, _ = server.accept()
            with caller, suppress(OSError):
                caller.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
                while not stop.wait(0.01):
                    caller.sendall(b"x")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        times = itertools.chain([0.0], itertools.repeat(CALLBACK_SECONDS - 0.2))
        way = Outside(allow_private=True, resolve=resolving("127.0.0.1"), clock=lambda: next(times))
        with pytest.raises(Transient, match="could not be reached"):
            way.post(f"http://localhost:{server.getsockname()[1]}/", b"", {})
        stop.set()
        thread.join()


def test_a_real_connection_goes_to_the_checked_address() -> None:
    received: list[bytes] = []
    with listening(received) as url:
        allowed = Outside(allow_private=True, resolve=resolving("127.0.0.1"))

        assert allowed.post(url, b"hello", {}) == 200
        with pytest.raises(Refused):
            Outside().post(url.replace("http:", "https:"), b"hello", {})
    assert received == [b"hello"]
