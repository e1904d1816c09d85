"""A user's pair of tokens at AliExpress: the one that was given, then what it was renewed to.

https://openservice.aliexpress.com/doc/doc.htm (seller authorization)
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from connectors.aliexpress import calls
from connectors.errors import Malformed, NeedsConsent, Refused
from connectors.http import Http
from connectors.records import JsonObject, JsonValue
from connectors.renewal import Grant, RenewedPair, Store, granted_pair
from connectors.shape import as_count, as_object, as_text

_NO_END: Final = datetime.max.replace(tzinfo=UTC)


class Session(RenewedPair):
    """One for all processes that share a store. `http` needs a `Signer` and `judge`.

    What is stored belongs to the pair that it came of: whoever gives another one begins anew.
    """

    def __init__(
        self,
        http: Http,
        credentials: Mapping[str, str],
        store: Store,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        session, refresh = credentials["session"], credentials.get("refresh_token", "")
        whose = sha256("\0".join((credentials["api_key"], session, refresh)).encode()).hexdigest()[:16]
        super().__init__(whose, store, now=now, sleep=sleep)
        self._http = http
        # When it ends is not known: until a call is refused for it.
        self._given = Grant(whose, session, renew_at=_NO_END, ends_at=_NO_END, refresh=refresh)

    def _known(self) -> Grant:
        return super()._known() or self._given

    def _exchanged(self, known: Grant | None) -> Grant:
        if not (known or self._given).refresh:
            raise self._needs_consent("there is no refresh token")
        return super()._exchanged(known)

    def _refreshed(self, known: Grant) -> Grant:
        try:
            body = self._http.send(calls.refresh(known.refresh)).body
        except Refused as refused:
            raise self._needs_consent(str(refused)) from None
        return self._granted(body)

    def _granted(self, body: JsonValue) -> Grant:
        found = as_object(body, "token")
        access = (as_text(found.get("access_token"), "access_token"), _life(found, "expires_in"))
        refresh = (as_text(found.get("refresh_token"), "refresh_token"), _life(found, "refresh_expires_in"))
        return granted_pair(self._client_id, access, refresh, self._now())

    def _needs_consent(self, why: str) -> NeedsConsent:
        return NeedsConsent(
            "the user has to consent anew; then give the supplier its new session (evenstock suppliers "
            f"change, or ALIEXPRESS_SESSION and ALIEXPRESS_REFRESH_TOKEN): {why}",
            system=self._http.system,
            account=self._http.account,
            operation=calls.REFRESH,
        )


def _life(found: JsonObject, name: str) -> timedelta:
    seconds = as_count(found.get(name), name)
    if not 0 < seconds < 10**9:
        raise Malformed(f"{name}: {seconds} seconds are no life of a token")
    return timedelta(seconds=seconds)
