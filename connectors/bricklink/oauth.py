"""OAuth 1.0a as BrickLink takes it: four fixed secrets, HMAC-SHA1, no step of authorisation.

https://www.bricklink.com/v2/api/welcome.page, https://www.rfc-editor.org/rfc/rfc5849
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth1.rfc5849.parameters import prepare_headers
from authlib.oauth1.rfc5849.signature import construct_base_string, hmac_sha1_signature
from pydantic import SecretStr

from connectors.server_clock import ServerClock


@dataclass(frozen=True, slots=True)
class Keys:
    """What a seller is given for an application that is registered at BrickLink."""

    consumer_key: SecretStr
    consumer_secret: SecretStr
    token: SecretStr
    token_secret: SecretStr


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _nonce() -> str:
    return secrets.token_hex(16)


SKEW = timedelta(minutes=1)
"""How far our clock may be from BrickLink's before that matters; what it allows itself is not known."""


class Signer:
    """Signs one request after the other, each with a nonce of its own: none may be sent twice.

    A JSON body is no part of a signature.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        now: Callable[[], datetime] = _utc_now,
        nonce: Callable[[], str] = _nonce,
    ) -> None:
        self._keys = keys
        self.clock = ServerClock(now, SKEW)
        self._nonce = nonce

    def __call__(self, method: str, url: str) -> Mapping[str, str]:
        """The header that carries the signature of a request to this final URL."""
        parameters = [
            ("oauth_consumer_key", self._keys.consumer_key.get_secret_value()),
            ("oauth_token", self._keys.token.get_secret_value()),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", str(int(self.clock().timestamp()))),
            ("oauth_nonce", self._nonce()),
            ("oauth_version", "1.0"),
        ]
        query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
        base = construct_base_string(method, url, [*query, *parameters])
        signature: str = hmac_sha1_signature(
            base, self._keys.consumer_secret.get_secret_value(), self._keys.token_secret.get_secret_value()
        )
        headers: Mapping[str, str] = prepare_headers([*parameters, ("oauth_signature", signature)])
        return headers
