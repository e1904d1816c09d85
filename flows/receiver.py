"""Where Shopify's web hooks come in: a small server that answers at once and does no work itself.

https://shopify.dev/docs/apps/build/webhooks/subscribe/https
Shopify counts whatever is not 2xx within five seconds as a failure, sends it again, and ends a subscription
after eight failures in a row. So 200 means that what was named is in the inbox, or needs no look; 503 that it
should come again.
"""

import asyncio
import logging
import socket
import threading
from collections import Counter

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router
from uvicorn.protocols.http.h11_impl import H11Protocol

from connectors.errors import ConfigurationError, Malformed
from connectors.shopify.hooks import TOPICS, Seal, hint
from tasks.inbox import Inbox, Taken

PATH = "/webhooks/shopify"

LARGEST = 1 << 20
"""Bytes of a body."""

SWALLOWED = 16 * LARGEST
"""Of a body that is too large so much is read and forgotten, as most clients listen only after they spoke."""

SECONDS = 10.0
"""A connection lives no longer: it carries one request, which a slow client has to finish by then."""

CONNECTIONS = 200
"""More at once are answered 503."""

GRACE = 3
"""Seconds for connections that are open when the server stops."""

logger = logging.getLogger(__name__)


class Receiver:
    """Judges web hooks for one shop, and puts what they name into the inbox."""

    def __init__(self, shop: str, seal: Seal, inbox: Inbox) -> None:
        self._shop = shop.lower()
        self._seal = seal
        self._inbox = inbox
        self._answered: Counter[tuple[int, str]] = Counter()
        self.app = Router([Route(PATH, self._receive, methods=["POST"])], redirect_slashes=False)

    async def _receive(self, request: Request) -> Response:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return PlainTextResponse("gone", 400)
        status, why = (413, "too large") if body is None else self._judged(request, body)
        self._count(status, why)
        return PlainTextResponse(why, status, {"Retry-After": "30"} if status == 503 else None)

    def _judged(self, request: Request, body: bytes) -> tuple[int, str]:
        """Status and text of the answer. What was not signed is looked at last."""
        if not self._seal.fits(body, _header(request, "hmac-sha256")):
            return 401, "bad signature"
        if _header(request, "shop-domain").lower() != self._shop:
            return 403, "unknown shop"
        topic = _header(request, "topic").lower()
        if topic not in TOPICS:
            return 200, "ignored"
        try:
            named = hint(topic, body)
        except Malformed as error:
            return 400, str(error)
        taken = self._inbox.put(named, topic, _header(request, "event-id"))
        return (503 if taken is Taken.FULL else 200), taken.value

    def _count(self, status: int, why: str) -> None:
        """Tell of every kind of refusal the first time, and then at each power of ten."""
        self._answered[status, why] += 1
        times = self._answered[status, why]
        if status != 200 and str(times).rstrip("0") == "1":
            logger.warning("web hooks answered %d, %s: %d so far", status, why, times)

    def counts(self) -> dict[str, int]:
        """How often each answer was given."""
        return {f"{status} {why}": times for (status, why), times in sorted(self._answered.items())}


async def _body(request: Request) -> bytes | None:
    """The body; None if it is too large."""
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > SWALLOWED:
            return None
        if size <= LARGEST:
            pieces.append(piece)
    return b"".join(pieces) if size <= LARGEST else None


def _header(request: Request, name: str) -> str:
    """The header `X-Shopify-…`, or by its newer name `Shopify-…`; nothing if it is there twice."""
    for full in (f"x-shopify-{name}", f"shopify-{name}"):
        values = request.headers.getlist(full)
        if values:
            return values[0] if len(values) == 1 else ""
    return ""


class Impatient(H11Protocol):
    """A connection that ends after a while, whatever its client does."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to count the seconds."""
        super().connection_made(transport)
        self._end = self.loop.call_later(SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting."""
        self._end.cancel()
        super().connection_lost(exc)


class Server:
    """Serves a receiver from a thread of its own. Raises ConfigurationError when the port cannot be had."""

    def __init__(self, receiver: Receiver, host: str, port: int) -> None:
        self._socket = _listening(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{self._socket.getsockname()[1]}{PATH}"
        config = uvicorn.Config(
            receiver.app,
            http=Impatient,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            headers=[("Connection", "close")],
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=GRACE,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="receiver"
        )

    def start(self) -> None:
        """Begin; connections that come before wait."""
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether it still serves."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Answer what is open, then end."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(CONNECTIONS)
    except (OSError, OverflowError) as error:
        found.close()
        raise ConfigurationError(f"cannot listen on {host} port {port}: {error}") from None
    return found
