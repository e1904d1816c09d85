"""The one way to an address that a user gave: a call-back, or the feed of a supplier.

Whoever may name an address could name one inside our own network, so: https only, no user name in it, every
address that its name resolves to is public, and the connection goes to the address that was checked, not to
what the name may resolve to a moment later. No redirects, no proxy, and an end to time and size.

https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import IO, TYPE_CHECKING, Any

import httpx

from connectors.errors import Refused, Transient

if TYPE_CHECKING:
    import httpcore

IpAddress = IPv4Address | IPv6Address

CALLBACK_SECONDS = 10.0
"""What a call-back may take in all."""
CALLBACK_BYTES = 64 * 1024
"""What the answer to a call-back may have."""
FEED_SECONDS = 600.0
"""What a feed may take in all."""
FEED_BYTES = 500 * 1024 * 1024
"""What a feed may have, as it comes and as it unpacks to."""
_PIECE = 256 * 1024
_SILENCE = 30.0
_GZIP = 31  # https://docs.python.org/3/library/zlib.html#zlib.decompressobj

_SHARED = IPv4Network("100.64.0.0/10")
_UNICAST = IPv6Network("2000::/3")
_WRAPPERS = {
    IPv6Network("::/96"): "IPv4 inside IPv6",
    IPv6Network("::ffff:0:0/96"): "IPv4 inside IPv6",
    IPv6Network("64:ff9b::/96"): "IPv4 inside IPv6",
    IPv6Network("64:ff9b:1::/48"): "IPv4 inside IPv6",
    IPv6Network("2001::/32"): "IPv4 inside IPv6",
    IPv6Network("2002::/16"): "IPv4 inside IPv6",
}
"""Compatible, mapped, NAT64 (RFC 6052, 8215), Teredo and 6to4: what they lead to is decided elsewhere."""


def not_public(address: IpAddress) -> str | None:
    """Why an address is not one of the public internet; None: it is.

    https://www.iana.org/assignments/iana-ipv4-special-registry/ and …/iana-ipv6-special-registry/
    """
    plain = (
        ("unspecified", address.is_unspecified),
        ("loopback", address.is_loopback),
        ("link-local", address.is_link_local),
        ("multicast", address.is_multicast),
        ("shared, 100.64/10", isinstance(address, IPv4Address) and address in _SHARED),
    )
    for name, applies in plain:
        if applies:
            return name
    if isinstance(address, IPv6Address):
        for network, name in _WRAPPERS.items():
            if address in network:
                return name
        if address not in _UNICAST:
            return "private or reserved"
    return None if address.is_global and not address.is_reserved else "private or reserved"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: its URL, and the address that was checked."""

    url: httpx.URL
    address: str

    @property
    def pinned(self) -> httpx.URL:
        """The URL with the checked address in place of the name."""
        return self.url.copy_with(host=self.address)


Resolve = Callable[[str, int], Sequence[str]]


def resolved(host: str, port: int) -> list[str]:
    """All addresses of a name, as the machine resolves it. Raises Transient if it does not resolve."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Transient(f"{host} does not resolve ({error})") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def readable(text: str, *, allow_private: bool = False) -> httpx.URL:
    """A URL that a user gave. Raises Refused unless it is https, without user name, with a host.

    `allow_private`: plain http, too; for tests.
    """
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, TypeError, ValueError):
        raise Refused("the address cannot be read as a URL") from None
    if url.userinfo:
        raise Refused("the address must not have a user name or password")
    if url.scheme != "https" and not (allow_private and url.scheme == "http"):
        raise Refused("the address must begin with https://")
    if not url.host:
        raise Refused("the address names no host")
    return url


class Outside:
    """Goes to addresses that users gave. `allow_private` (EVENSTOCK_ALLOW_PRIVATE_URLS) is for tests only.

    Raises Refused for an address that is not allowed and for answers 3xx and 4xx, Transient for what may
    work in a moment.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve = resolved,
        clock: Callable[[], float] = time.monotonic,
        client: httpx.Client | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._clock = clock
        # Without the environment's proxy: it would resolve the name once more. No connection serves twice:
        # the next request to the same address may be for another name, whose certificate nobody has seen.
        self._client = client or httpx.Client(
            trust_env=False, follow_redirects=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def target(self, text: str) -> Target:
        """Check an address. Raises Refused, which says what of it is not public, and Transient."""
        url = readable(text, allow_private=self._allow_private)
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = self._resolve(url.raw_host.decode("ascii"), port)
        for address in addresses:
            why = not_public(ip_address(address))
            if why and not self._allow_private:
                raise Refused(f"{url.host} is not a public address ({why})")
        if not addresses:
            raise Transient(f"{url.host} has no address")
        return Target(url, addresses[0])

    def post(self, text: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send a message within 10 seconds and 64 KiB of answer; the status, which is 2xx."""
        ends = self._clock() + CALLBACK_SECONDS
        with self._answer("POST", text, headers, ends, body) as response:
            for _ in self._bounded(response, CALLBACK_BYTES, ends):
                pass
            return response.status_code

    def save(
        self,
        text: str,
        file: IO[bytes],
        *,
        headers: Mapping[str, str] | None = None,
        most: int = FEED_BYTES,
    ) -> bool:
        """Write the content of an address into a file, unpacked; whether the answer showed where it ends.

        Raises Refused beyond `most` bytes, either way, and Transient for less than what was announced.
        """
        ends = self._clock() + FEED_SECONDS
        with self._answer("GET", text, {"accept-encoding": "gzip"} | dict(headers or {}), ends) as response:
            for piece in _unpacked(response, self._bounded(response, most, ends), most):
                file.write(piece)
            return _shows_its_end(response)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def _answer(
        self, method: str, text: str, headers: Mapping[str, str], ends: float, body: bytes | None = None
    ) -> Iterator[httpx.Response]:
        target = self.target(text)
        left = max(ends - self._clock(), 0.001)
        request = self._client.build_request(
            method,
            target.pinned,
            content=body,
            headers={"user-agent": "evenstock"} | dict(headers) | {"host": _named(target.url)},
            timeout=httpx.Timeout(min(left, _SILENCE)),
            # The certificate has to be the name's, not the address's.
            extensions={"sni_hostname": target.url.raw_host.decode("ascii")},
        )
        with _explained(target.url.host), _cut_off(request, left):
            response = self._client.send(request, stream=True)
            try:
                _judge(response, target.url.host)
                yield response
            finally:
                response.close()

    def _bounded(self, response: httpx.Response, most: int, ends: float) -> Iterator[bytes]:
        """The body as it comes. Raises Refused beyond `most` bytes, Transient when time is up."""
        size = 0
        # As they come: gathered into larger ones, those of a slow answer would come too late.
        for piece in response.iter_raw():
            size += len(piece)
            if size > most:
                raise Refused(f"the answer is longer than {most} bytes")
            self._check_time(ends)
            yield piece
        self._check_time(ends)
        if size != int(response.headers.get("content-length", size)):
            raise Transient("the answer was cut short")

    def _check_time(self, ends: float) -> None:
        if self._clock() > ends:
            raise Transient("the answer took too long")


@contextmanager
def _cut_off(request: httpx.Request, seconds: float) -> Iterator[None]:
    """Cut the request's connection once its time is up: a time-out begins anew with each byte that drips in.

    https://www.encode.io/httpcore/extensions/#trace
    """
    streams: list[httpcore.NetworkStream] = []

    def trace(event: str, info: Mapping[str, Any]) -> None:
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            streams.append(info["return_value"])

    def cut() -> None:
        for stream in streams[-1:]:
            with suppress(OSError):
                # Not the method of a TLS socket, which would read on without TLS.
                socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)

    request.extensions["trace"] = trace
    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _named(url: httpx.URL) -> str:
    return url.netloc.decode("ascii")


@contextmanager
def _explained(host: str) -> Iterator[None]:
    """Errors of the connection as ours; their own texts may show a whole address."""
    try:
        yield
    except httpx.HTTPError as error:
        raise Transient(f"{host} could not be reached ({type(error).__name__})") from None


def _judge(response: httpx.Response, host: str) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    if status in {408, 425, 429} or status >= 500:
        raise Transient(f"{host} answered {status}")
    what = "wants to send us elsewhere" if 300 <= status < 400 else "refused"
    raise Refused(f"{host} {what} ({status})")


def _shows_its_end(response: httpx.Response) -> bool:
    """False if the connection just ended, as it also does when the sender dies.

    https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length
    """
    headers = response.headers
    packed = headers.get("content-encoding", "identity").strip().lower() != "identity"
    return packed or "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()


def _unpacked(response: httpx.Response, pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Pieces without their packing; never more in memory than one piece, whatever it unpacks to."""
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing == "identity":
        yield from pieces
        return
    if packing != "gzip":
        raise Refused(f"the answer is packed as {packing[:20]}, which nobody asked for")
    size = 0
    unpacker = zlib.decompressobj(_GZIP)
    for packed in pieces:
        left = packed
        while left:
            if unpacker.eof:
                # One packed file may follow another.
                unpacker = zlib.decompressobj(_GZIP)
            piece = _inflated(unpacker, left)
            size += len(piece)
            if size > most:
                raise Refused(f"the answer unpacks to more than {most} bytes")
            yield piece
            left = unpacker.unconsumed_tail or unpacker.unused_data
    yield unpacker.flush()
    if not unpacker.eof:
        raise Transient("the answer was cut short")


def _inflated(unpacker: "zlib._Decompress", packed: bytes) -> bytes:
    try:
        return unpacker.decompress(packed, _PIECE)
    except zlib.error:
        raise Refused("the answer is not packed as it says") from None
