"""OAuth 1.0a as BrickLink checks it: one-legged, HMAC-SHA1, everything but the body signed.

Written from RFC 5849 (https://www.rfc-editor.org/rfc/rfc5849) without any client's code. Timestamps are
compared with the stand-ins' clock (`/_sandbox/clock`): Evenstock signs with its own, which EVENSTOCK_NOW may
hold still, so a test that sets one sets the other; published clients sign with real time, as the clock of a
sandbox runs that nobody set.
"""

import hmac
import ipaddress
import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, unquote_plus

from sandbox.http import Request

REQUIRED: Final = (
    "oauth_consumer_key",
    "oauth_token",
    "oauth_signature_method",
    "oauth_timestamp",
    "oauth_nonce",
    "oauth_version",
    "oauth_signature",
)
FIXED: Final = {"oauth_signature_method": "HMAC-SHA1", "oauth_version": "1.0"}
DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
PAIR: Final = re.compile(r'\s*([\w.~%-]+)="([^"]*)"\s*')
CARRIER: Final = "Authorization"
"""The query parameter that may carry what the header does, as JSON."""


@dataclass(frozen=True)
class Keys:
    """The four secrets of an application, and where its token may be used."""

    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str
    address: str = "0.0.0.0"  # noqa: S104 - what the vendor's form says for any address
    mask: str = "0.0.0.0"  # noqa: S104

    def welcomes(self, remote: str) -> bool:
        """Whether a caller at this address may use the token."""
        wanted, mask, given = (int(ipaddress.IPv4Address(each)) for each in (self.address, self.mask, remote))
        return wanted == 0 or wanted & mask == given & mask


@dataclass
class Nonces:
    """Which nonces were used, as long as their timestamps would still be taken."""

    _used: dict[str, int] = field(default_factory=dict)

    def use(self, nonce: str, stamp: int, oldest: float) -> bool:
        """Remember a nonce; False if it was used before."""
        if nonce in self._used:
            return False
        while self._used and next(iter(self._used.values())) < oldest:
            self._used.pop(next(iter(self._used)))
        self._used[nonce] = stamp
        return True


def parameters(request: Request) -> dict[str, str]:
    """The OAuth parameters that a request carries; none if they are no such thing. `realm` is left out."""
    found = request.headers.get("authorization")
    try:
        given = dict(_of_header(found)) if found else dict(_of_query(request))
    except ValueError:
        return {}
    return {name: value for name, value in given.items() if name != "realm"}


def _of_header(value: str) -> Iterator[tuple[str, str]]:
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "oauth":
        return
    for part in rest.split(","):
        pair = PAIR.fullmatch(part)
        if pair is None:
            raise ValueError(part)
        yield unquote(pair[1]), unquote(pair[2])


def _of_query(request: Request) -> Iterator[tuple[str, str]]:
    for name, value in pairs(request.raw_query):
        if name == CARRIER:
            found = json.loads(value)
            if not isinstance(found, dict):
                raise ValueError(value)
            yield from ((str(key), str(each)) for key, each in found.items())


def pairs(query: str) -> list[tuple[str, str]]:
    """Names and values of a query, blanks and repeats kept; a name alone has an empty value."""
    parts = [part.partition("=") for part in query.split("&") if part]
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in parts]


def base_string(request: Request, oauth: Mapping[str, str]) -> str:
    """What is signed. https://www.rfc-editor.org/rfc/rfc5849#section-3.4.1"""
    host = request.headers.get("host", "").lower().removesuffix(DEFAULT_PORTS.get(request.scheme, ""))
    path = quote(request.path, safe="/:@!$&'()*+,;=-._~")
    given = [(name, value) for name, value in pairs(request.raw_query) if name != CARRIER]
    signed = [(name, value) for name, value in oauth.items() if name != "oauth_signature"]
    encoded = sorted((_encoded(name), _encoded(value)) for name, value in [*given, *signed])
    line = "&".join(f"{name}={value}" for name, value in encoded)
    return "&".join(_encoded(each) for each in (request.method, f"{request.scheme}://{host}{path}", line))


def _encoded(value: str) -> str:
    return quote(value, safe="-._~")


def signature(request: Request, oauth: Mapping[str, str], keys: Keys) -> str:
    """The signature that these keys give a request."""
    key = f"{_encoded(keys.consumer_secret)}&{_encoded(keys.token_secret)}"
    return b64encode(hmac.digest(key.encode(), base_string(request, oauth).encode(), "sha1")).decode()


@dataclass
class Gate:
    """Lets requests in that are signed with an application's keys."""

    keys: Keys
    window: float
    """Seconds that a timestamp may be off."""
    nonces: Nonces = field(default_factory=Nonces)

    def refusal(self, request: Request, now: float) -> str | None:
        """Why a request is not let in; a nonce counts as used only when all else is right.

        The texts of nonce and time are made up: the vendor's are not known.
        """
        oauth = parameters(request)
        missing = [name for name in REQUIRED if not oauth.get(name)]
        if missing:
            return f"PARAMETER_ABSENT: {missing[0]}"
        wrong = [name for name, value in FIXED.items() if oauth[name] != value]
        if wrong or not oauth["oauth_timestamp"].isdecimal():
            return f"PARAMETER_REJECTED: {(wrong or ['oauth_timestamp'])[0]}"
        return self._stranger(request, oauth) or self._late(oauth, now)

    def _stranger(self, request: Request, oauth: Mapping[str, str]) -> str | None:
        keys = self.keys
        if (oauth["oauth_consumer_key"], oauth["oauth_token"]) != (keys.consumer_key, keys.token):
            return "SIGNATURE_INVALID"
        wanted = signature(request, oauth, keys)
        if not hmac.compare_digest(oauth["oauth_signature"].encode(), wanted.encode()):
            return "SIGNATURE_INVALID"
        if not keys.welcomes(request.remote):
            return f"TOKEN_IP_MISMATCHED: consumer: {keys.consumer_key} IP: {request.remote}"
        return None

    def _late(self, oauth: Mapping[str, str], now: float) -> str | None:
        stamp = int(oauth["oauth_timestamp"])
        if abs(now - stamp) > self.window:
            return "TIMESTAMP_EXPIRED"
        fresh = self.nonces.use(oauth["oauth_nonce"], stamp, now - self.window)
        return None if fresh else "NONCE_USED"
