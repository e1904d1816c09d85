"""Access tokens of a store: a fixed one, those of the client-credentials grant, which end after a day, or an
offline one, which ends after an hour and comes with the means to renew it.

The exchange is that of Shopify's own package (`shopifyapp`): it checks the shop's name, writes the request,
reads the answer, and sends with a client that `connectors.http` lends it. Left to itself it reaches Shopify's
hosts only, tries once, and has one name for all refusals but `invalid_client`; so the call is redacted,
counted, retried and judged as any other, and reaches a stand-in too.
https://github.com/Shopify/shopify-app-python
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from shopify_app import ClientCredentialsAccessToken, ShopifyApp, TokenExchangeAccessToken

from connectors.errors import ConfigurationError, Malformed, NeedsConsent, Refused, Unauthorised
from connectors.http import Call, Http
from connectors.records import JsonValue
from connectors.renewal import (
    RENEW_AT,
    Grant,
    Renewed,
    RenewedPair,
    Store,
    Unshared,
    granted_pair,
    utc_now,
)
from connectors.shape import as_text, as_time

HEADER = "X-Shopify-Access-Token"
EXCHANGE = "POST /admin/oauth/access_token"


class Tokens(Protocol):
    """Where the token for a request comes from."""

    def headers(self) -> Mapping[str, str]:
        """The header that carries the token."""
        ...

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Get another token than the refused one; whether there is one now."""
        ...


class FixedToken:
    """A token that lives until it is revoked."""

    def __init__(self, token: str) -> None:
        self._token = token

    def headers(self) -> Mapping[str, str]:
        """The header that carries the token."""
        return {HEADER: self._token}

    def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002
        """There is no other."""
        return False


class _InHeader(Renewed):
    """A token that is renewed, in the header that carries it."""

    def headers(self) -> Mapping[str, str]:
        """The header that carries the token, asked for or renewed if need be."""
        return {HEADER: self.token()}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Get another token than the refused one, unless that has happened since."""
        self.replace(refused.get(HEADER, ""))
        return True


_SHAPELESS = (AttributeError, TypeError, ValueError, OverflowError)


class ClientCredentials(_InHeader):
    """Tokens for an app and a store of one organisation.

    https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/client-credentials-grant
    `headers` and `renew` also raise ConfigurationError when the grant is refused.
    """

    def __init__(
        self,
        http: Http,
        client_id: str,
        client_secret: str,
        store: Store | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(client_id, store or Unshared(), now=now, sleep=sleep)
        self._http = http
        self._app = ShopifyApp(client_id, client_secret)
        self._call = Call(EXCHANGE, "access_token", hidden=(client_secret,))

    def _exchanged(self, known: Grant | None) -> Grant:  # noqa: ARG002
        # A stand-in's shop may have another domain; the name alone is what the package wants.
        name = self._http.account.partition(".")[0]
        try:
            with self._http.lend(self._call) as client:
                result = self._app.exchange_using_client_credentials(name, http_client=client)
        except (Refused, Unauthorised) as error:
            raise ConfigurationError(
                f"Shopify gives no token for SHOPIFY_STORE_DOMAIN, SHOPIFY_CLIENT_ID and "
                f"SHOPIFY_CLIENT_SECRET (app and store must be of one organisation): {error}"
            ) from None
        except _SHAPELESS:
            # The package takes the shape of an answer for granted.
            raise Malformed("the answer to the grant is no token") from None
        if result.access_token is None:
            raise ConfigurationError(f"no token for {self._http.account}: {result.log.detail}")
        return self._granted(result.access_token)

    def _granted(self, found: ClientCredentialsAccessToken) -> Grant:
        token = as_text(found.token, "access_token")
        if not token:
            raise Malformed("the answer to the grant has no access_token")
        now = self._now()
        life = _life(found.expires, "expires_in")
        return Grant(self._client_id, token, renew_at=now + RENEW_AT * life, ends_at=now + life)


class OfflineToken(_InHeader, RenewedPair):
    """The token that a store's owner consented to; each renewal spends its refresh token and brings the next.

    https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens
    If the answer to a renewal is lost, the refresh token is tried once more: it may not have been spent.
    `headers` and `renew` also raise NeedsConsent when that fails, when it is refused or there is none, and
    ConfigurationError when the app's own credentials are.
    """

    def __init__(
        self,
        http: Http,
        client_id: str,
        client_secret: str,
        store: Store,
        *,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(client_id, store, now=now, sleep=sleep)
        self._http = http
        self._app = ShopifyApp(client_id, client_secret)
        self._hidden = (client_secret,)

    def _refreshed(self, known: Grant) -> Grant:
        # Not repeatable by itself: each try may spend the token.
        call = Call(EXCHANGE, "access_token", starts=True, hidden=(*self._hidden, known.refresh))
        try:
            with self._http.lend(call) as client:
                result = self._app.refresh_token_exchanged_access_token(
                    self._asked_with(known), http_client=client
                )
        except (Refused, Unauthorised) as error:
            raise self._turned_away(error) from None
        except _SHAPELESS:
            raise Malformed("the answer to the renewal is no token") from None
        if result.access_token is None:
            raise self._needs_consent(result.log.detail)
        return self._granted(result.access_token)

    def _asked_with(self, known: Grant) -> dict[str, str | None]:
        """What the package wants to know. No end of the token: whether it is due was judged here."""
        return {
            "shop": self._http.account.partition(".")[0],
            "refresh_token": known.refresh,
            "refresh_token_expires": None,
            "expires": "",
            "access_mode": "offline",
        }

    def _turned_away(self, error: Refused | Unauthorised) -> ConfigurationError | NeedsConsent:
        if "invalid_client" in str(error):
            return ConfigurationError(
                f"{self._http.account} does not know the app of PARTNER_CLIENT_ID and PARTNER_CLIENT_SECRET "
                f"(or SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET): {error}"
            )
        return self._needs_consent(str(error))

    def _needs_consent(self, why: str) -> NeedsConsent:
        shop = self._http.account
        return NeedsConsent(
            f"{shop} needs new consent (evenstock partners consent {shop}): {why}",
            system=self._http.system,
            account=shop,
            operation=EXCHANGE,
        )

    def _granted(self, found: TokenExchangeAccessToken) -> Grant:
        return granted_pair(
            self._client_id,
            (as_text(found.token, "access_token"), _life(found.expires, "expires_in")),
            (
                as_text(found.refresh_token, "refresh_token"),
                _life(found.refresh_token_expires, "refresh_token_expires_in"),
            ),
            self._now(),
        )


def _life(ends: JsonValue, where: str) -> timedelta:
    """How long from now on. The package reckons with the real clock."""
    return as_time(ends, where) - utc_now()
