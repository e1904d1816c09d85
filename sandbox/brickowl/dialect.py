"""Brick Owl's API v1 over HTTP: keys, limits, endpoints, and how answers and refusals look.

https://www.brickowl.com/api_docs
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

from sandbox.brickowl import bulk, catalog, happenings, inventory, orders
from sandbox.brickowl.model import AREAS, SWITCHES, Account
from sandbox.brickowl.section import read_account, write_account
from sandbox.brickowl.words import Arguments, Problem
from sandbox.http import Request, Response, answer
from sandbox.reading import Json, Path
from sandbox.rest import Asked, Route, Routes, Target, body_of, kept
from sandbox.surroundings import Surroundings

Verb = Callable[[Account, Arguments], Json]
BATCH: Final = "bulk/batch"
MINUTE: Final = 60.0
PAUSE: Final = 2.0
"""Seconds that a call too many is told to wait."""


@dataclass(frozen=True)
class Endpoint:
    """`area/verb`: its method and what it does."""

    method: str
    make: Verb
    writes: bool = False


def details(account: Account, _: Arguments) -> Json:
    """GET user/details, token/details: whose key it is, and which store."""
    store = {"store_id": "7", "name": account.name, "base_currency": account.currency}
    return {
        "username": account.name,
        "uid": "12",
        "has_store": "1" if account.store else "0",
        "store_details": {**store, "country": "IE", "open": "1"} if account.store else [],
    }


ENDPOINTS: Final[Mapping[str, Endpoint]] = {
    "user/details": Endpoint("GET", details),
    "token/details": Endpoint("GET", details),
    "inventory/list": Endpoint("GET", inventory.listing),
    "inventory/create": Endpoint("POST", inventory.create, writes=True),
    "inventory/update": Endpoint("POST", inventory.update, writes=True),
    "inventory/delete": Endpoint("POST", inventory.delete, writes=True),
    "order/list": Endpoint("GET", orders.listing),
    "order/view": Endpoint("GET", orders.view),
    "order/items": Endpoint("GET", orders.items),
    "order/set_status": Endpoint("POST", orders.set_status, writes=True),
    "order/tracking": Endpoint("POST", orders.tracking, writes=True),
    "order/note": Endpoint("POST", orders.note, writes=True),
    "order/notify": Endpoint("POST", orders.notify, writes=True),
    "catalog/id_lookup": Endpoint("GET", catalog.id_lookup),
    "catalog/color_list": Endpoint("GET", catalog.color_list),
    "catalog/condition_list": Endpoint("GET", catalog.condition_list),
    "catalog/lookup": Endpoint("GET", catalog.lookup),
    "catalog/bulk_lookup": Endpoint("GET", catalog.bulk_lookup),
}
LISTS: Final = frozenset({"inventory/list", "order/list", "order/items"})


class Store(Account):
    """An account as the frame sees it."""

    def written(self) -> dict[str, Any]:
        """The account in the form of the world file."""
        return write_account(self)

    def check(self, kind: str, given: Mapping[str, Any]) -> None:
        """WorldError for an event that cannot be read."""
        happenings.check(kind, given)

    def happen(self, kind: str, given: Mapping[str, Any]) -> dict[str, object]:
        """Make an event happen."""
        return happenings.happen(self, kind, given)


class BrickOwl:
    """What the frame asks of Brick Owl (`sandbox.rest.Dialect`)."""

    name = "brickowl"
    switches: Mapping[str, Sequence[str]] = SWITCHES

    def __init__(self) -> None:
        routes = [
            Route(each.method, f"/{name}", partial(_respond, name, each.make), each.writes)
            for name, each in ENDPOINTS.items()
        ]
        batch = Route("POST", f"/{BATCH}", self._batch, writes=True, batch=True)
        self._routes: Routes[Store] = Routes([*routes, batch], self._lost, self._wrong)

    def read(self, name: str, section: Json, path: Path, around: Surroundings) -> Store:
        """An account from the world file; WorldError if it cannot be."""
        return read_account(name, section, path, around, Store)

    def target(self, request: Request, path: str) -> Target[Store]:
        """What a request for this path below the system's name aims at."""
        version, _, rest = path.lstrip("/").partition("/")
        return self._routes.find(request.method, f"/{rest}" if version == "v1" else path)

    def whose(self, request: Request, path: str, accounts: Mapping[str, Store]) -> str | None:  # noqa: ARG002
        """The account whose key a request shows."""
        key = arguments(request).get("key")
        return next((name for name, account in accounts.items() if account.key == key), None)

    def stranger(self, asked: Asked) -> Response:
        """The answer to a request without a key that anyone has."""
        if _is_json_post(asked.request):
            return refused(asked, Problem(400, "Missing parameter: key (arguments must be form fields)"))
        return refused(asked, Problem(403, "Invalid key"))

    def admit(self, account: Store, asked: Asked) -> Response | None:
        """The refusal of a call for its area or a limit; None lets it through and counts it."""
        now = account.around.clock.seconds()
        if self._too_many(account, asked, now):
            return too_many(asked, PAUSE if account.at("retry_after") == "told" else None)
        account.calls.append(now)
        if asked.batch:
            account.batches.append(now)
        area = asked.call.operation.partition("/")[2].partition("/")[0].replace("token", "user")
        if area in AREAS and area not in account.areas:
            return refused(asked, Problem(403, f"This key has no permission for {area}"))
        return None

    @staticmethod
    def _too_many(account: Store, asked: Asked, now: float) -> bool:
        """Whether the last minute had as many calls, or batches, as one may have."""
        for seen in (account.calls, account.batches):
            while seen and seen[0] <= now - MINUTE:
                seen.popleft()
        full = len(account.calls) >= account.calls_per_minute
        return full or (asked.batch and len(account.batches) >= account.batches_per_minute)

    def failed(self, asked: Asked, status: int) -> Response:
        """The answer of an `http` fault below 500: also 200, which then holds an error all the same."""
        fault = asked.fault
        if status == 429:
            return too_many(asked, (fault and fault.seconds) or PAUSE)
        return refused(asked, Problem(status, (fault and fault.code) or "Something went wrong"))

    def throttled(self, asked: Asked) -> Response:
        """The answer to a call too many."""
        return too_many(asked, PAUSE)

    def shortened(self, asked: Asked, response: Response, kind: str) -> Response:  # noqa: ARG002
        """A list, or an object's only list, with its first half or nothing."""
        body = body_of(response)
        if isinstance(body, list):
            return answer(200, kept(body, kind))
        if isinstance(body, dict) and isinstance(body.get("boids"), list):
            return answer(200, {"boids": kept(body["boids"], kind)})
        return answer(200, dict(kept(list(body.items()), kind)) or [])

    def settings(self, account: Store, base_url: str) -> dict[str, str]:
        """The settings that point Evenstock at this account."""
        return {"BRICKOWL_API_KEY": account.key, "BRICKOWL_BASE_URL": f"{base_url}/brickowl/v1"}

    # ---------------------------------------------------------------- handlers

    def _batch(self, account: Store, asked: Asked) -> Response:
        def make(given: Arguments) -> Json:
            return bulk.batch(account, given, partial(perform, account), half=asked.half)

        return _said(asked, make)

    @staticmethod
    def _lost(_: Store, asked: Asked) -> Response:
        return refused(asked, Problem(404, "Endpoint not found"))

    @staticmethod
    def _wrong(_: Store, asked: Asked) -> Response:
        return refused(asked, Problem(405, "Method not allowed"))


def perform(account: Store, method: str, name: str, given: Arguments) -> Json:
    """What one part of a batch asks for."""
    endpoint = ENDPOINTS.get(name)
    if endpoint is None:
        raise Problem(404, "Endpoint not found")
    if endpoint.method != method:
        raise Problem(405, "Method not allowed")
    return endpoint.make(account, given)


def _respond(name: str, make: Verb, account: Store, asked: Asked) -> Response:
    """The answer of one endpoint."""

    def made(given: Arguments) -> Json:
        found = make(account, given)
        bare = name in LISTS and len(found) == 1 and account.at("single") == "bare"
        return found[0] if bare else found

    return _said(asked, made)


def _said(asked: Asked, make: Callable[[Arguments], Json]) -> Response:
    """What is made of the arguments, or the refusal."""
    try:
        return answer(200, make(arguments(asked.request)))
    except Problem as problem:
        return refused(asked, problem)


def too_many(asked: Asked, seconds: float | None) -> Response:
    """The answer to a call too many, which may say how long to wait."""
    asked.call.code = "429"
    headers = {"Retry_After": f"{seconds:g}"} if seconds else {}
    return answer(429, {"error": {"status": "Too many requests"}}, **headers)


def refused(asked: Asked, problem: Problem) -> Response:
    """A refusal as the API words it."""
    asked.call.code = asked.call.code or str(problem)
    return answer(problem.status, {"error": {"status": str(problem)}})


def arguments(request: Request) -> dict[str, str]:
    """The arguments of a request: the query of a GET, the form of a POST; a JSON body has none."""
    if request.method == "GET":
        return dict(request.query)
    return {} if _is_json_post(request) else form(request.body)


def form(body: bytes) -> dict[str, str]:
    """The fields of a form, empty ones too."""
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _is_json_post(request: Request) -> bool:
    return request.method == "POST" and "json" in request.headers.get("content-type", "")
