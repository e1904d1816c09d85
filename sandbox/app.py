"""All stand-ins behind one WSGI callable, with their controls under /_sandbox."""

import json
import random
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from email.utils import format_datetime
from pathlib import Path as File
from typing import Any, Final, Self
from urllib.parse import parse_qsl, quote
from wsgiref.types import StartResponse, WSGIEnvironment

from sandbox.clock import Clock, spelled
from sandbox.events import Event, Events, read_event
from sandbox.faults import Faults, read_faults
from sandbox.http import Request, Response, answer
from sandbox.ledger import Ledger
from sandbox.reading import WorldError, moment, number
from sandbox.rms import Rms
from sandbox.shopify import happenings
from sandbox.shopify.deliveries import secret_of
from sandbox.shopify.section import write_shop
from sandbox.shopify.service import Service
from sandbox.shopify.switches import Switches
from sandbox.surroundings import Latency, Surroundings
from sandbox.systems import DIALECTS, switches_of_all, system
from sandbox.world import REST, read_world

API_VERSION: Final = "2026-10"
REASONS: Final = {
    200: "OK",
    201: "Created",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
}
DONE: Final = answer(200, {"done": True})
Handler = Callable[[Request], Response]


class Sandbox:
    """The stand-ins in process: `httpx.WSGITransport(app=sandbox)`, or behind `sandbox.server.serving`.

    `world` is a world file's content; WorldError if it cannot be read. `latency` maps operations to seconds
    where they differ from `latency_ms`. Close it to remove RMS's file and those of bulk operations.
    """

    def __init__(
        self,
        world: Mapping[str, Any] | None = None,
        *,
        clock: Clock | None = None,
        seed: int = 0,
        plan: str = "standard",
        latency_ms: float = 0.0,
        latency: Mapping[str, float] | None = None,
        jitter: float = 0.2,
        switches: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="evenstock-sandbox-")
        self.clock = clock or Clock()
        self.ledger = Ledger(self.clock.now)
        self.around = Surroundings(
            self.clock,
            self.ledger,
            Faults(),
            Events(),
            Switches(switches, switches_of_all()),
            random.Random(seed),
            Latency(latency_ms / 1000, dict(latency or {}), jitter),
            self._folder.name,
            self.make_happen,
        )
        self._plan = plan
        self.rms = Rms(File(self._folder.name) / "rms.sqlite", self.clock, self.ledger)
        self._lock = threading.RLock()
        self.systems = {name: system(name, self.around) for name in DIALECTS}
        self.shops: dict[str, Service] = {}
        self.put_world(dict(world or {}))

    def close(self) -> None:
        """Stop what runs, and remove all files."""
        for service in self.shops.values():
            service.close()
        self.rms.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------- for tests, in process

    def put_world(self, world: Mapping[str, Any]) -> None:
        """Replace the world. Writes, waiting events and memories of keys go with the old one; the journal of
        calls, the faults and the clock stay.
        """
        with self._lock:
            found = read_world(world, self.clock, self._plan, self.systems)
            self.around.events.clear()
            self.ledger.clear_writes()
            for service in self.shops.values():
                service.close()
            self.shops = {domain: Service(shop, self.around) for domain, shop in found.shops.items()}
            self.rms.load(found.rms)
            for put in found.rest:
                put()

    def world(self) -> dict[str, Any]:
        """The world as it is now, in the form of a world file."""
        with self._lock:
            shops = {domain: self._written(service) for domain, service in self.shops.items()}
            rest = {name: self._section(name) for name in REST}
            return {"shopify": shops, "rms": self.rms.section(), **rest}

    def _section(self, name: str) -> dict[str, Any]:
        return self.systems[name].section() if name in self.systems else {}

    @staticmethod
    def _written(service: Service) -> dict[str, Any]:
        service.catch_up()
        with service.lock:
            return write_shop(service.shop)

    def calls(self) -> list[dict[str, object]]:
        """The journal of calls, oldest first."""
        return self.ledger.calls()

    def clear_calls(self) -> None:
        """Begin a new journal."""
        self.ledger.clear_calls()

    def writes(self) -> list[dict[str, object]]:
        """Every accepted change, oldest first."""
        for service in self.shops.values():
            service.catch_up()
        return self.ledger.writes()

    def webhooks(self) -> list[dict[str, object]]:
        """The web hooks of all shops, sent or to be sent, oldest first: `{"account", "topic", "uri",
        "webhook_id", "event_id", "triggered_at", "attempts", "status", "state", "body"}`. A state is
        `waiting`, `delivered`, `lost`, `given up` or `unsubscribed`.
        """
        return [
            {"account": domain, **line}
            for domain, service in self.shops.items()
            for line in service.hooks.told()
        ]

    def webhooks_settled(self, seconds: float = 10.0) -> bool:
        """Wait until no web hook is due by the clock; whether that was so within these real seconds."""
        return all(service.hooks.settled(seconds) for service in self.shops.values())

    def faults(self, faults: list[dict[str, Any]]) -> None:
        """Replace the faults; WorldError if they cannot be read."""
        found, rms = read_faults(faults)
        self.around.faults.replace(found)
        self.rms.set_faults(rms)

    def event(self, event: dict[str, Any]) -> dict[str, object]:
        """Make something happen now, or let it wait for its call; {"refused": why} if it cannot be."""
        firsts = {name: each.first for name, each in self.systems.items()}
        found = read_event(event, {"shopify": next(iter(self.shops), ""), **firsts})
        self._check(found)
        if found.operation is None:
            return self.make_happen(found)
        self.around.events.wait(found)
        return {"waiting": True}

    def _check(self, event: Event) -> None:
        if event.system == "rms":
            self.rms.check(event.kind, event.given)
        elif event.system == "shopify" and event.account in self.shops:
            happenings.check(event.kind, event.given)
        elif event.system in self.systems:
            self.systems[event.system].check(event)
        else:
            raise WorldError(("event",), f"there is no {event.system} account '{event.account}'")

    def make_happen(self, event: Event) -> dict[str, object]:
        """Make an event happen now."""
        if event.system == "rms":
            result = self.rms.happen(event.kind, event.given)
        elif event.system in self.systems:
            result = self.systems[event.system].happen(event)
        else:
            result = self.shops[event.account].make_happen(event)
        self.around.events.happened(event, result)
        return result

    def settings(self, base_url: str) -> dict[str, str]:
        """The settings that point Evenstock here; `base_url` is where this app is served."""
        found = {"SHOPIFY_API_VERSION": API_VERSION, "RMS_DATABASE_URL": self.rms.url}
        for domain, service in list(self.shops.items())[:1]:
            shop = service.shop
            found |= {
                "SHOPIFY_STORE_DOMAIN": f"{base_url}/shopify/{quote(domain)}",
                "SHOPIFY_LOCATION_ID": str(next(iter(shop.locations))),
                **_credentials(shop.settings.token, shop.settings.client_id, shop.settings.client_secret),
                "SHOPIFY_WEBHOOK_SECRET": secret_of(shop),
            }
        for service in list(self.shops.values())[1:]:
            found |= _partner_app(service.shop.settings.client_id, service.shop.settings.client_secret)
        for each in self.systems.values():
            found |= each.settings(base_url)
        return dict(sorted(found.items()))

    # ----------------------------------------------------------------- serving

    def answer(self, request: Request) -> Response:
        """The answer to a request; CutError when the connection ends without one."""
        name, _, rest = request.path.lstrip("/").partition("/")
        if name == "shopify":
            return self._shop(request, rest)
        if name == "_sandbox":
            return self._control(request, rest)
        if name in self.systems:
            return self.systems[name].answer(request, f"/{rest}")
        if name in REST:
            return answer(404, {"error": f"the stand-in for {name} is not served yet"})
        return answer(404, {"error": f"no stand-in has the path {request.path}"})

    def _shop(self, request: Request, rest: str) -> Response:
        domain, slash, path = rest.partition("/")
        service = self.shops.get(domain)
        return service.answer(request, slash + path) if service else answer(404, {"errors": "Not Found"})

    def _control(self, request: Request, name: str) -> Response:
        handler = self._handlers().get((request.method, name))
        if handler is None:
            return answer(404, {"error": f"there is no {request.method} /_sandbox/{name}"})
        try:
            return handler(request)
        except (WorldError, json.JSONDecodeError, UnicodeDecodeError) as error:
            return answer(400, {"error": str(error)})

    def _handlers(self) -> dict[tuple[str, str], Handler]:
        return {
            ("GET", "world"): lambda _: answer(200, self.world()),
            ("PUT", "world"): self._put_world,
            ("GET", "calls"): self._calls,
            ("DELETE", "calls"): self._clear_calls,
            ("GET", "writes"): lambda _: answer(200, self.writes()),
            ("PUT", "faults"): self._put_faults,
            ("POST", "events"): self._event,
            ("GET", "events"): lambda _: answer(200, self.around.events.listed()),
            ("GET", "webhooks"): lambda _: answer(200, self.webhooks()),
            ("GET", "clock"): lambda _: self._now(),
            ("PUT", "clock"): self._set_clock,
        }

    def _put_world(self, request: Request) -> Response:
        self.put_world(request.json())
        return DONE

    def _put_faults(self, request: Request) -> Response:
        self.faults(request.json())
        return DONE

    def _clear_calls(self, _: Request) -> Response:
        self.clear_calls()
        return DONE

    def _calls(self, request: Request) -> Response:
        short = request.query.get("summary") not in (None, "", "0")
        return answer(200, self.ledger.summary() if short else self.calls())

    def _event(self, request: Request) -> Response:
        result = self.event(request.json())
        return answer(409 if "refused" in result else 200, result)

    def _now(self) -> Response:
        return answer(200, {"now": spelled(self.clock.now())})

    def _set_clock(self, request: Request) -> Response:
        match request.json():
            case {"now": now, **rest} if not rest:
                self.clock.set(moment(now, ("now",)))
            case {"advance_seconds": seconds, **rest} if not rest:
                self.clock.advance(number(seconds, ("advance_seconds",)))
            case _:
                raise WorldError(("clock",), 'must be {"now": "…Z"} or {"advance_seconds": n}')
        return self._now()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI."""
        response = self.answer(_request(environ))
        headers = [("Content-Type", response.kind), ("Content-Length", str(response.length))]
        headers += [("Date", http_date(self.clock)), *response.headers.items()]
        start_response(f"{response.status} {REASONS.get(response.status, 'Status')}", headers)
        return response.pieces()


def http_date(clock: Clock) -> str:
    """The stand-ins' time as the header `Date` has it."""
    return format_datetime(clock.now(), usegmt=True)


def _partner_app(client_id: str | None, secret: str | None) -> dict[str, str]:
    if not (client_id and secret):
        return {}
    return {"PARTNER_CLIENT_ID": client_id, "PARTNER_CLIENT_SECRET": secret}


def _credentials(token: str | None, client_id: str | None, secret: str | None) -> dict[str, str]:
    if token or not (client_id and secret):
        return {"SHOPIFY_ADMIN_TOKEN": token or ""}
    return {"SHOPIFY_CLIENT_ID": client_id, "SHOPIFY_CLIENT_SECRET": secret}


def _request(environ: WSGIEnvironment) -> Request:
    size = int(environ.get("CONTENT_LENGTH") or 0)
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    headers["content-type"] = str(environ.get("CONTENT_TYPE") or "")
    path = str(environ["PATH_INFO"]).encode("latin-1").decode("utf-8", "replace")
    query = dict(parse_qsl(str(environ.get("QUERY_STRING", ""))))
    chunked = headers.get("transfer-encoding") == "chunked"
    body = environ["wsgi.input"].read(None if chunked else size) if size or chunked else b""
    return Request(
        str(environ["REQUEST_METHOD"]),
        path,
        query,
        headers,
        body,
        str(environ.get("QUERY_STRING", "")),
        str(environ.get("REMOTE_ADDR") or "127.0.0.1"),
        str(environ.get("wsgi.url_scheme", "http")),
    )
