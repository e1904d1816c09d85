"""Access tokens: the shop's own, and those that client credentials and refresh tokens are exchanged for.

https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens
"""

import random
from collections.abc import Mapping
from typing import Final

from sandbox.clock import Clock
from sandbox.shopify.shop import Settings

CREDENTIALS_LAST: Final = 86_399
OFFLINE_LASTS: Final = 3_600
REFRESH_LASTS: Final = 7_776_000
CODE: Final = "sandbox-code"
"""The authorization code that any shop here takes."""

Reply = tuple[int, dict[str, object]]


class Tokens:
    """The tokens of one shop. Ends of life follow the stand-ins' clock."""

    def __init__(self, settings: Settings, clock: Clock, chance: random.Random) -> None:
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._access: dict[str, float] = {}
        self._refresh: dict[str, float] = {}

    def opens(self, token: str | None) -> bool:
        """Whether this token is good now."""
        if not token:
            return False
        return token == self._settings.token or self._access.get(token, 0.0) > self._clock.seconds()

    def revoke_all(self) -> None:
        """No token issued so far works any more, nor can it be renewed."""
        self._access.clear()
        self._refresh.clear()

    def exchange(self, given: Mapping[str, str]) -> Reply:
        """Status and body of a call to /admin/oauth/access_token."""
        if not self._is_client(given):
            return 400, {"error": "invalid_client", "error_description": "Client authentication failed."}
        match given.get("grant_type"):
            case "client_credentials":
                return 200, self._issued(CREDENTIALS_LAST)
            case "refresh_token":
                return self._refreshed(given.get("refresh_token", ""))
            case None if given.get("code") == CODE:
                return 200, self._offline() if given.get("expiring") == "1" else self._lasting()
        return 400, {"error": "invalid_request", "error_description": "The grant is not valid."}

    def _is_client(self, given: Mapping[str, str]) -> bool:
        own = (self._settings.client_id, self._settings.client_secret)
        return None not in own and (given.get("client_id"), given.get("client_secret")) == own

    def _random(self, prefix: str) -> str:
        return f"{prefix}_{self._chance.getrandbits(128):032x}"

    def _issued(self, seconds: int) -> dict[str, object]:
        token = self._random("shpat")
        self._access[token] = self._clock.seconds() + seconds
        return {
            "access_token": token,
            "scope": ",".join(self._settings.scopes),
            "expires_in": seconds,
        }

    def _lasting(self) -> dict[str, object]:
        found = self._issued(100 * 365 * 86_400)
        del found["expires_in"]
        return found

    def _offline(self) -> dict[str, object]:
        refresh = self._random("shprt")
        self._refresh[refresh] = self._clock.seconds() + REFRESH_LASTS
        return {
            **self._issued(OFFLINE_LASTS),
            "refresh_token": refresh,
            "refresh_token_expires_in": REFRESH_LASTS,
        }

    def _refreshed(self, refresh: str) -> Reply:
        """A refresh token works once; the reply carries the next one."""
        if self._refresh.pop(refresh, 0.0) <= self._clock.seconds():
            return 400, {"error": "invalid_request", "error_description": "The refresh token is not valid."}
        return 200, self._offline()
