"""Access tokens of a store: a fixed one, those of the client-credentials grant, which end after a day, or an
offline one, which ends after an hour and comes with the means to renew it.

The exchange is that of Shopify's own package (`shopifyapp`): it checks the shop's name, writes the request,
reads the answer, and sends with a client that `connectors.http` lends it. Left to itself it reaches Shopify's
hosts only, tries once, and has one name for all refusals but `invalid_client`; so the call is redacted,
counted, retried and judged as any other, and reaches a stand-in too.
https://github.com/Shopify/shopify-app-python
"""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pydantic import SecretStr, TypeAdapter, ValidationError
from shopify_app import ClientCredentialsAccessToken, ShopifyApp, TokenExchangeAccessToken

from connectors.errors import (
    ConfigurationError,
    LeaseLost,
    Malformed,
    NeedsConsent,
    Refused,
    Transient,
    Unauthorised,
    UnknownOutcome,
)
from connectors.http import Call, Http
from connectors.records import JsonValue
from connectors.shape import as_text, as_time

HEADER = "X-Shopify-Access-Token"
EXCHANGE = "POST /admin/oauth/access_token"

RENEW_AT = 0.8
"""A token is renewed when this share of its life is over."""

_AGAIN = timedelta(seconds=60)
"""After a renewal before its time failed, the next one waits so long."""

_LOOK = 0.25
_WAIT = 30.0
"""Seconds between two looks at what another process is doing, and of waiting for it in all."""

logger = logging.getLogger(__name__)


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


Save = Callable[[SecretStr], None]


class Store(Protocol):
    """Where all processes of one account find their token."""

    def load(self) -> SecretStr | None:
        """What was saved last, if it can be read."""
        ...

    def turn(self) -> AbstractContextManager[Save | None]:
        """The sole right to save, or None while another has it. Saving when it was lost raises LeaseLost."""
        ...


class Unshared:
    """The store of a process that keeps its token to itself."""

    def load(self) -> SecretStr | None:
        """Nobody saved anything."""
        return None

    @contextmanager
    def turn(self) -> Iterator[Save | None]:
        """Always ours, for nothing."""
        yield lambda _: None


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that an app was given; another one is due at `renew_at`. Times are aware, UTC.

    `refresh` gets the next one, once, until `refresh_ends_at`; it is empty if the app can just ask again.
    """

    client_id: str
    token: str = field(repr=False)
    renew_at: datetime
    ends_at: datetime
    refresh: str = field(default="", repr=False)
    refresh_ends_at: datetime | None = None


_STORED = TypeAdapter(Grant)
_SHAPELESS = (AttributeError, TypeError, ValueError, OverflowError)
_SAVES = 3
"""How often a new pair is tried to be saved."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def as_secret(grant: Grant) -> SecretStr:
    """A grant as it is saved."""
    return SecretStr(_STORED.dump_json(grant).decode())


class Renewed(ABC):
    """Tokens that end: one for all that share a store of tokens.

    One renewal at a time; whoever comes meanwhile waits and takes its token. A new one is saved before it is
    used. `headers` and `renew` raise what an exchange raises, Transient when a token can be had neither from
    Shopify nor from whoever is renewing it, and what the store raises.
    """

    def __init__(
        self,
        client_id: str,
        store: Store,
        *,
        now: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client_id = client_id
        self._store = store
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._grant: Grant | None = None
        self._due = now()

    @abstractmethod
    def _exchanged(self, known: Grant | None) -> Grant:
        """Another grant from Shopify. `known` is the stored one, if there is any of this app."""

    def headers(self) -> Mapping[str, str]:
        """The header that carries the token, asked for or renewed if need be."""
        with self._lock:
            if self._grant is None or self._now() >= self._grant.ends_at:
                self._take(self._another())
            elif self._now() >= self._due:
                self._renew_early(self._grant)
            return self._header()

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Get another token than the refused one, unless that has happened since."""
        with self._lock:
            if self._header() == {HEADER: refused.get(HEADER)}:
                self._take(self._another(refused[HEADER]))
        return True

    def _header(self) -> dict[str, str]:
        return {HEADER: self._grant.token} if self._grant else {}

    def _take(self, grant: Grant) -> None:
        self._grant, self._due = grant, grant.renew_at

    def _renew_early(self, grant: Grant) -> None:
        """Another token; while there is none, the one that still lives will do."""
        try:
            self._take(self._another())
        except Transient as error:
            self._due = self._now() + _AGAIN
            logger.warning("%s; the token in use is good until %s", error, grant.ends_at)

    def _another(self, refused: str = "") -> Grant:
        """A token that is neither due nor refused: the stored one, or a new one when it is our turn."""
        waited = 0.0
        while True:
            grant = self._stored(refused) or self._in_turn(refused)
            if grant:
                return grant
            if waited >= _WAIT:
                raise Transient(f"another process has been renewing the token for {waited:.0f} s")
            self._sleep(_LOOK)
            waited += _LOOK

    def _known(self) -> Grant | None:
        text = self._store.load()
        grant = _read(text) if text else None
        return grant if grant and grant.client_id == self._client_id else None

    def _stored(self, refused: str) -> Grant | None:
        grant = self._known()
        usable = grant and self._now() < grant.renew_at
        return grant if grant and usable and grant.token != refused else None

    def _in_turn(self, refused: str) -> Grant | None:
        """The token stored just before our turn, or a new one; None while it is another's turn."""
        try:
            with self._store.turn() as save:
                return None if save is None else self._stored(refused) or self._asked(save)
        except LeaseLost:
            # Whoever took over asks for a token too; ours was never used.
            return None
        except UnknownOutcome as error:
            # Of the store, not of the call that waits for the token: that one was not sent.
            raise Transient(str(error)) from None

    def _asked(self, save: Save) -> Grant:
        grant = self._exchanged(self._known())
        save(as_secret(grant))
        return grant


class ClientCredentials(Renewed):
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
        now: Callable[[], datetime] = _utc_now,
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


class OfflineToken(Renewed):
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
        now: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(client_id, store, now=now, sleep=sleep)
        self._http = http
        self._app = ShopifyApp(client_id, client_secret)
        self._hidden = (client_secret,)
        self._unsaved: Grant | None = None
        self._spent: Grant | None = None

    def _exchanged(self, known: Grant | None) -> Grant:
        if known is None:
            raise self._needs_consent("no consent of this app is stored")
        try:
            return self._refreshed(known)
        except UnknownOutcome as error:
            logger.warning("%s; the refresh token is tried once more", error)
        try:
            return self._refreshed(known)
        except UnknownOutcome as error:
            # The pair stays as it is stored: should the token not be spent after all, the next run renews it.
            raise self._needs_consent(f"{error}, twice") from None

    def _asked(self, save: Save) -> Grant:
        """A new pair, saved. One that could not be saved before comes first: what it was had for is spent."""
        known = self._known()
        pair = self._unsaved if known == self._spent and self._unsaved else self._exchanged(known)
        self._unsaved, self._spent = pair, known
        self._saved(save, pair)
        self._unsaved = None
        return pair

    def _saved(self, save: Save, pair: Grant) -> None:
        for _ in range(_SAVES - 1):
            try:
                return save(as_secret(pair))
            except (Transient, UnknownOutcome):
                self._sleep(_LOOK)
        return save(as_secret(pair))

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
        return offline_grant(
            self._client_id,
            (as_text(found.token, "access_token"), _life(found.expires, "expires_in")),
            (
                as_text(found.refresh_token, "refresh_token"),
                _life(found.refresh_token_expires, "refresh_token_expires_in"),
            ),
            self._now(),
        )


def offline_grant(
    client_id: str, access: tuple[str, timedelta], refresh: tuple[str, timedelta], now: datetime
) -> Grant:
    """The grant of an access token and a refresh token, each with its life. Raises Malformed for none."""
    if not access[0] or not refresh[0] or access[1] <= timedelta(0):
        raise Malformed("the answer has no expiring token with a refresh token")
    return Grant(
        client_id,
        access[0],
        renew_at=now + RENEW_AT * access[1],
        ends_at=now + access[1],
        refresh=refresh[0],
        refresh_ends_at=now + refresh[1],
    )


def _life(ends: JsonValue, where: str) -> timedelta:
    """How long from now on. The package reckons with the real clock."""
    return as_time(ends, where) - _utc_now()


def _read(text: SecretStr) -> Grant | None:
    try:
        return _STORED.validate_json(text.get_secret_value())
    except ValidationError:
        return None
