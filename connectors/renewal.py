"""Tokens that end, and are renewed by one process for all that use them: what is no system's own.

How a token is asked for is told by `connectors.shopify.tokens` and `connectors.aliexpress.session`.
"""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pydantic import SecretStr, TypeAdapter, ValidationError

from connectors.errors import LeaseLost, Malformed, NeedsConsent, Transient, UnknownOutcome

RENEW_AT = 0.8
"""A token is renewed when this share of its life is over."""

_AGAIN = timedelta(seconds=60)
"""After a renewal before its time failed, the next one waits so long."""

_LOOK = 0.25
_WAIT = 30.0
"""Seconds between two looks at what another process is doing, and of waiting for it in all."""

logger = logging.getLogger(__name__)


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
_SAVES = 3
"""How often a new pair is tried to be saved."""


def utc_now() -> datetime:
    """The real time."""
    return datetime.now(UTC)


def as_secret(grant: Grant) -> SecretStr:
    """A grant as it is saved."""
    return SecretStr(_STORED.dump_json(grant).decode())


class Renewed(ABC):
    """Tokens that end: one for all that share a store of tokens.

    One renewal at a time; whoever comes meanwhile waits and takes its token. A new one is saved before it is
    used. `token` and `replace` raise what an exchange raises, Transient when a token can be had neither from
    the system nor from whoever is renewing it, and what the store raises.
    """

    def __init__(
        self,
        client_id: str,
        store: Store,
        *,
        now: Callable[[], datetime] = utc_now,
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
        """Another grant from the system. `known` is the stored one, if there is any of this app."""

    def token(self) -> str:
        """The token to use now, asked for or renewed if need be."""
        with self._lock:
            if self._grant is None or self._now() >= self._grant.ends_at:
                self._take(self._another())
            elif self._now() >= self._due:
                self._renew_early(self._grant)
            return self._grant.token if self._grant else ""

    def replace(self, refused: str) -> None:
        """Get another token than the refused one, unless that has happened since."""
        with self._lock:
            if self._grant is not None and self._grant.token == refused:
                self._take(self._another(refused))

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
        grant = stored_grant(text) if text else None
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


class RenewedPair(Renewed):
    """A token with the means to renew it: each renewal spends its refresh token and brings the next pair.

    If the answer to a renewal is lost, the refresh token is tried once more: it may not have been spent.
    `token` and `replace` also raise NeedsConsent when that fails, when it is refused or there is none.
    """

    def __init__(
        self,
        client_id: str,
        store: Store,
        *,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(client_id, store, now=now, sleep=sleep)
        self._unsaved: Grant | None = None
        self._spent: Grant | None = None

    @abstractmethod
    def _refreshed(self, known: Grant) -> Grant:
        """The next pair from the system."""

    @abstractmethod
    def _needs_consent(self, why: str) -> NeedsConsent:
        """The error that says what to do."""

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


def granted_pair(
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


def stored_grant(text: SecretStr) -> Grant | None:
    """The grant that was saved; None if it cannot be read."""
    try:
        return _STORED.validate_json(text.get_secret_value())
    except ValidationError:
        return None
