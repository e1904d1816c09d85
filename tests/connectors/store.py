"""A Shopify connector whose store is the stand-in, in this process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from connectors.http import Answer, Call, Http, Pacer, Patience
from connectors.pacing import points
from connectors.shopify import Shopify, check_version
from connectors.shopify.bulk import LIMITS, Limits
from connectors.shopify.tokens import FixedToken
from connectors.shopify.walk import Path
from sandbox.app import Sandbox
from sandbox.clock import Clock
from tests.worlds import LOCATION, NOW, OWN, TOKEN, World

VERSION = "2026-10"
PATIENCE = Patience(attempts=4, base_delay=0.1, max_delay=1.0)


@dataclass
class Store:
    """The stand-in, the connector, and what happened between them. Waiting only moves the clock."""

    sandbox: Sandbox
    token: str = TOKEN
    version: str = VERSION
    slept: list[float] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None
    tampering: Callable[[httpx.Request, httpx.Response], httpx.Response] = lambda _, response: response
    """Changes answers on their way."""
    seen: list[httpx.Request] = field(default_factory=list)
    """All requests, those to foreign addresses too."""

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.sandbox.clock.advance(seconds)
        self.meanwhile()

    def http(self, *, checked: bool = True, writes_off: bool = False, pacer: Pacer | None = None) -> Http:
        """A connection to the own shop; unchecked, it gives back whatever was answered."""
        version = check_version(VERSION)

        def check(call: Call, answer: Answer) -> None:
            if checked:
                version(call, answer)

        return Http(
            f"http://127.0.0.1/shopify/{OWN}/admin/api/{self.version}/",
            system="shopify",
            account=OWN,
            headers=FixedToken(self.token).headers,
            points=points,
            patience=PATIENCE,
            writes_off=writes_off,
            client=httpx.Client(transport=Wire(self)),
            pacer=pacer,
            sleep=self.sleep,
            clock=self.sandbox.clock.seconds,
            check=check,
            chance=lambda: 0.0,
        )

    def shop(
        self,
        *,
        writes_off: bool = False,
        path: Path = "auto",
        pacer: Pacer | None = None,
        limits: Limits = LIMITS,
    ) -> Shopify:
        """The connector."""
        http = self.http(writes_off=writes_off, pacer=pacer)
        return Shopify(http, location=LOCATION, version=VERSION, path=path, limits=limits)

    def put(self, world: World) -> Shopify:
        """Make the world so; the connector to its shop."""
        self.sandbox.put_world(world)
        self.sandbox.clear_calls()
        return self.shop()

    def fault(self, **fault: object) -> None:
        """Order one fault of the own shop."""
        self.sandbox.faults([{"system": "shopify"} | fault])

    def calls(self, operation: str) -> list[dict[str, Any]]:
        """The journal's entries of an operation."""
        return [call for call in self.sandbox.calls() if call["operation"] == operation]


class Wire(httpx.BaseTransport):
    """Between the connector and the stand-in."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wire = httpx.WSGITransport(app=store.sandbox)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request on, and give back what became of its answer."""
        self._store.seen.append(request)
        return self._store.tampering(request, self._wire.handle_request(request))


@contextmanager
def stored() -> Iterator[Store]:
    """A store of one's own, at the moment of all worlds."""
    with Sandbox(clock=Clock(NOW)) as sandbox:
        yield Store(sandbox)
