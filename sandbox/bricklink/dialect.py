"""BrickLink's Store API as a stand-in: which call is what, who may ask, how often, and what errors look like.

https://www.bricklink.com/v3/api.page. Maintenance is an `http` fault for ever, with status 200 or 503: a page
in HTML.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from sandbox.bricklink import catalogue, happenings, inventory, orders
from sandbox.bricklink.envelope import MESSAGES, SWITCHES, RefusalError, done
from sandbox.bricklink.model import Account
from sandbox.bricklink.oauth import parameters
from sandbox.bricklink.section import read_account, write_account
from sandbox.http import Request, Response, answer, page
from sandbox.reading import Json, Path
from sandbox.rest import Asked, RefusedError, Route, Routes, Target, body_of, kept
from sandbox.surroundings import Surroundings

BASE: Final = "/api/store/v1"


class Store(Account):
    """One store, as the frame sees it."""

    def written(self) -> dict[str, Any]:
        """The store in the form of the world file."""
        return write_account(self)

    def check(self, kind: str, given: Mapping[str, Any]) -> None:
        """WorldError for an event that cannot be read."""
        happenings.check(kind, given)

    def happen(self, kind: str, given: Mapping[str, Any]) -> dict[str, object]:
        """Make an event happen."""
        return happenings.happen(self, kind, given)


def _lost(_: Account, asked: Asked) -> Response:
    raise RefusalError(400, f"{asked.request.path} is no path of the API")


def _wrong(_: Account, asked: Asked) -> Response:
    raise RefusalError(405, f"{asked.request.method} is not for {asked.request.path}")


def _notifications(account: Account, _: Asked) -> Response:
    return done(account.notices.read(emptied=account.switch("notifications") == "emptied"))


Handler = Callable[[Store, Asked], Response]
ROUTES: Final[Routes[Store]] = Routes(
    [
        Route("GET", "/inventories", inventory.get_lots),
        Route("GET", "/inventories/{id}", inventory.get_lot),
        Route("POST", "/inventories", inventory.post_lots, writes=True),
        Route("PUT", "/inventories/{id}", inventory.put_lot, writes=True),
        Route("DELETE", "/inventories/{id}", inventory.delete_lot, writes=True),
        Route("GET", "/orders", orders.get_orders),
        Route("GET", "/orders/{id}", orders.get_order),
        Route("GET", "/orders/{id}/items", orders.get_items),
        Route("GET", "/orders/{id}/messages", orders.nothing_of),
        Route("GET", "/orders/{id}/feedback", orders.nothing_of),
        Route("PUT", "/orders/{id}", orders.put_order, writes=True),
        Route("PUT", "/orders/{id}/status", orders.put_status, writes=True),
        Route("PUT", "/orders/{id}/payment_status", orders.put_payment, writes=True),
        Route("POST", "/orders/{id}/drive_thru", orders.drive_thru, writes=True),
        Route("GET", "/notifications", _notifications),
        Route("GET", "/colors", catalogue.get_colors),
        Route("GET", "/colors/{id}", catalogue.get_color),
        Route("GET", "/categories", catalogue.get_categories),
        Route("GET", "/categories/{id}", catalogue.get_category),
        Route("GET", "/items/{type}/{no}", catalogue.get_item),
        Route("GET", "/items/{type}/{no}/colors", catalogue.get_item_colors),
        Route("GET", "/item_mapping/{type}/{no}", catalogue.get_mapping),
        Route("GET", "/item_mapping/{element_id}", catalogue.get_element),
    ],
    _lost,
    _wrong,
)


class BrickLink:
    """The dialect."""

    name = "bricklink"
    switches: Mapping[str, Sequence[str]] = SWITCHES

    def __init__(self) -> None:
        self._errors, self._over_limit = (SWITCHES[name][0] for name in ("errors", "over_limit"))

    def read(self, name: str, section: Json, path: Path, around: Surroundings) -> Store:
        """A store of the world file."""
        self._errors = around.switches["bricklink.errors"]
        self._over_limit = around.switches["bricklink.over_limit"]
        return read_account(name, section, path, around, Store)

    def target(self, request: Request, path: str) -> Target[Store]:
        """What a request aims at; paths outside the API's base are none of its."""
        before, _, rest = path.partition(BASE)
        found = ROUTES.find(request.method, path if before else rest)
        return replace(found, handle=partial(self._done, found.handle))

    def _done(self, handle: Handler, account: Store, asked: Asked) -> Response:
        try:
            return handle(account, asked)
        except RefusalError as refusal:
            raise RefusedError(self._refused(asked, refusal)) from None

    def whose(self, request: Request, path: str, accounts: Mapping[str, Store]) -> str | None:  # noqa: ARG002
        """The store whose keys a request shows: both of them, else the one of the application."""
        shown = parameters(request)
        key, token = shown.get("oauth_consumer_key"), shown.get("oauth_token")
        found = [name for name, each in accounts.items() if each.terms.keys.consumer_key == key]
        both = [name for name in found if accounts[name].terms.keys.token == token]
        return next(iter(both or found), None)

    def stranger(self, asked: Asked) -> Response:
        """The answer to an application that nobody registered."""
        key = parameters(asked.request).get("oauth_consumer_key", "")
        return self._refused(asked, RefusalError(401, f"unknown or blocked consumer_key: {key}"))

    def admit(self, account: Store, asked: Asked) -> Response | None:
        """The gateway first, then the day's limit, then the signature. Calls that fail count too."""
        if asked.in_flight > account.terms.at_once:
            asked.call.code = "503"
            return page(503)
        now = account.around.clock.seconds()
        if account.calls_of_day(now) > account.terms.daily_limit:
            return self.throttled(asked)
        refused = account.gate.refusal(asked.request, now)
        return self._refused(asked, RefusalError(401, refused)) if refused else None

    def failed(self, asked: Asked, status: int) -> Response:  # noqa: ARG002
        """An error with this HTTP status."""
        meta = {"description": "Refused", "message": MESSAGES.get(status, "REFUSED"), "code": status}
        return answer(status, {"meta": meta})

    def throttled(self, asked: Asked) -> Response:
        """The answer over the daily limit."""
        return self._refused(asked, RefusalError(429, "Daily limit of calls reached"))

    def _refused(self, asked: Asked, refusal: RefusalError) -> Response:
        """A refusal with the HTTP status that the switch gives it."""
        asked.call.code = str(refusal.code)
        return refusal.told(self._status(refusal.code))

    def _status(self, code: int) -> int:
        if self._errors == "auth200" and code == 429:
            return int(self._over_limit)
        hidden = self._errors == "all200" or (self._errors == "auth200" and code == 401)
        return 200 if hidden else code

    def shortened(self, asked: Asked, response: Response, kind: str) -> Response:  # noqa: ARG002
        """A list cut; in place of one thing, that there is nothing to return."""
        if not response.body:
            return response
        data = body_of(response).get("data")
        if isinstance(data, list):
            return done(kept(data, kind))
        return done({}, 204) if kind == "empty" else response

    def settings(self, account: Store, base_url: str) -> dict[str, str]:
        """The settings that point Evenstock at this store."""
        keys = account.terms.keys
        return {
            "BRICKLINK_BASE_URL": f"{base_url}/{self.name}{BASE}",
            "BRICKLINK_CONSUMER_KEY": keys.consumer_key,
            "BRICKLINK_CONSUMER_SECRET": keys.consumer_secret,
            "BRICKLINK_TOKEN": keys.token,
            "BRICKLINK_TOKEN_SECRET": keys.token_secret,
        }
