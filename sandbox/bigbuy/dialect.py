"""BigBuy's own ways, for the frame that all stand-ins share."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from sandbox.bigbuy import catalogue, orders, shipping
from sandbox.bigbuy.answers import RATE_LIMITED, problem, troubled
from sandbox.bigbuy.limits import endpoint_of
from sandbox.bigbuy.model import Account
from sandbox.bigbuy.section import read_account
from sandbox.http import Request, Response, answer
from sandbox.reading import Json, Path
from sandbox.rest import Asked, Routes, Target, body_of, kept
from sandbox.surroundings import Surroundings

UNAUTHORISED: Final = answer(401, {"message": "Invalid Token"})


def _lost(_: Account, asked: Asked) -> Response:
    return problem(404, f"No route found for {json.dumps(asked.call.operation)}")


def _wrong_method(_: Account, asked: Asked) -> Response:
    return problem(405, f"No route found for {json.dumps(asked.call.operation)}: Method Not Allowed")


class BigBuy:
    """The dialect."""

    name = "bigbuy"
    switches: Mapping[str, Sequence[str]] = {
        # The body of an order that was created: its id, or nothing as in older captures.
        "created": ("order_id", "empty"),
        # Whether the first product list of a key is served, or refused until the cache is filled.
        "first_list": ("served", "409"),
        # Whether a call that is rejected with 400 counts in its window.
        "rejected": ("free", "counted"),
    }

    def __init__(self) -> None:
        self._routes = Routes[Account](
            (*catalogue.ROUTES, *orders.ROUTES, *shipping.ROUTES), _lost, _wrong_method
        )

    def read(self, name: str, section: Json, path: Path, around: Surroundings) -> Account:
        """An account of the world file."""
        return read_account(name, section, path, around)

    def target(self, request: Request, path: str) -> Target[Account]:
        """The format is told by the path's end, or by a parameter as older clients do."""
        told = request.query.get("_format") == "json" and not path.endswith(".json")
        return self._routes.find(request.method, f"{path}.json" if told else path)

    def whose(self, request: Request, path: str, accounts: Mapping[str, Account]) -> str | None:  # noqa: ARG002
        """The account whose key is shown."""
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        owners = (name for name, account in accounts.items() if account.key == key.strip())
        return next(owners, None) if kind.lower() == "bearer" else None

    def stranger(self, asked: Asked) -> Response:  # noqa: ARG002
        """A key that is missing or wrong: without the headers of limits."""
        return UNAUTHORISED

    def admit(self, account: Account, asked: Asked) -> Response | None:
        """Count the call in its window."""
        endpoint = endpoint_of(asked.call.operation)
        admitted, asked.headers = account.windows.enter(endpoint, account.book.clock.seconds())
        return None if admitted else self.throttled(asked)

    def failed(self, asked: Asked, status: int) -> Response:
        """The answer of a fault."""
        return troubled(status, asked.fault.code if asked.fault else None)

    def throttled(self, asked: Asked) -> Response:
        """Too many calls: plain text."""
        asked.call.code = "429"
        return RATE_LIMITED

    def shortened(self, asked: Asked, response: Response, kind: str) -> Response:  # noqa: ARG002
        """A list with nothing, or with its first half."""
        found = body_of(response) if response.body else []
        return answer(200, kept(found, kind)) if isinstance(found, list) else response

    def settings(self, account: Account, base_url: str) -> dict[str, str]:
        """The settings that point Evenstock here."""
        return {"BIGBUY_API_KEY": account.key, "BIGBUY_BASE_URL": f"{base_url}/bigbuy"}
