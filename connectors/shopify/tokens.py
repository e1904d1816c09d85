"""Access tokens of a store: a fixed one, or those of the client-credentials grant, which end after a day."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from connectors.errors import ConfigurationError, Refused, Unauthorised
from connectors.http import Call, Http
from connectors.shape import as_int, as_object, as_text

RENEW_AT = 0.8
"""A token is renewed when this share of its life is over."""


class Tokens(Protocol):
    """Where the token for a request comes from."""

    def headers(self) -> Mapping[str, str]:
        """The header that carries the token."""
        ...

    def renew(self) -> bool:
        """Get another token after a refusal; whether there is one now."""
        ...


class FixedToken:
    """A token that lives until it is revoked."""

    def __init__(self, token: str) -> None:
        self._token = token

    def headers(self) -> Mapping[str, str]:
        """The header that carries the token."""
        return {"X-Shopify-Access-Token": self._token}

    def renew(self) -> bool:
        """There is no other."""
        return False


class ClientCredentials:
    """Tokens for an app and a store of one organisation; one renewal at a time in a process.

    https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/client-credentials-grant
    Raises ConfigurationError when the grant is refused.
    """

    def __init__(
        self, http: Http, client_id: str, client_secret: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    def headers(self) -> Mapping[str, str]:
        """The header that carries the token, asked for or renewed if need be."""
        with self._lock:
            if not self._token or self._clock() >= self._renew_at:
                self._ask()
            return {"X-Shopify-Access-Token": self._token}

    def renew(self) -> bool:
        """Get another token after a refusal."""
        with self._lock:
            self._ask()
        return True

    def _ask(self) -> None:
        try:
            answer = self._http.send(Call("POST /admin/oauth/access_token", "access_token", form=self._form))
        except (Refused, Unauthorised) as error:
            raise ConfigurationError(
                f"Shopify refuses SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET for {self._http.account}: "
                f"{error}"
            ) from None
        body = as_object(answer.body, "token")
        self._token = as_text(body.get("access_token"), "access_token")
        self._renew_at = self._clock() + RENEW_AT * as_int(body.get("expires_in"), "expires_in")
