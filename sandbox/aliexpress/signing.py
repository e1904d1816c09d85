"""How calls to AliExpress are read, signed and dated.

https://openservice.aliexpress.com/doc/doc.htm (developer's guide: signature algorithm)
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Final
from urllib.parse import parse_qsl

from sandbox.http import Request

SYSTEM: Final = ("/auth/token/create", "/auth/token/refresh",
                 "/auth/token/security/create", "/auth/token/security/refresh")  # fmt: skip
"""Interfaces that are called by path; all others by the parameter `method`."""
SKEW: Final = timedelta(seconds=7200)
OLD_SKEW: Final = timedelta(minutes=10)
OLD_ZONE: Final = timedelta(hours=8)


def merged(request: Request) -> dict[str, str]:
    """All parameters: of the query and of the body, files left out."""
    return {**_pairs(request.raw_query), **_of_body(request)}


def _pairs(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def _of_body(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        return _of_parts(kind, request.body)
    return _pairs(request.body.decode("utf-8", "replace")) if "json" not in kind else {}


def _of_parts(kind: str, body: bytes) -> dict[str, str]:
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    found = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if name and part.get_filename() is None and isinstance(content, bytes):
            found[str(name)] = content.decode("utf-8", "replace")
    return found


def signature(params: Mapping[str, str], secret: str, path: str = "") -> str:
    """What `sign` has to be; `path` is that of a system interface, without /rest."""
    signed = sorted((name, value) for name, value in params.items() if name != "sign" and value)
    text = (path + "".join(name + value for name, value in signed)).encode()
    method = params.get("sign_method", "")
    if method == "md5":
        return (
            hashlib.md5(secret.encode() + text + secret.encode(), usedforsecurity=False).hexdigest().upper()
        )
    name = "md5" if method == "hmac" else "sha256"
    return hmac.new(secret.encode(), text, name).hexdigest().upper()


def is_timely(text: str, now: datetime) -> bool:
    """Whether a timestamp is near enough: milliseconds, ISO in UTC, or the old form in GMT+8."""
    if text.isdecimal():
        return abs(timedelta(milliseconds=int(text)) - _age(now)) <= SKEW if len(text) < 16 else False
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    if "T" in text:
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return abs(zoned - now) <= SKEW
    return abs(moment.replace(tzinfo=UTC) - OLD_ZONE - now) <= OLD_SKEW


def _age(now: datetime) -> timedelta:
    return now - datetime(1970, 1, 1, tzinfo=UTC)
