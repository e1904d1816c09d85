"""BigBuy's limits: asked before each call, corrected by each answer, and its errors that look like answers.

A window belongs to an endpoint and a key, opens with its first call, and is shared by all processes.
Headers: X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset (Unix time). https://api.bigbuy.eu/rest/doc
"""

from collections.abc import Callable, Mapping
from typing import Final

from connectors.bigbuy.calls import limit_of
from connectors.errors import RateLimited, Transient, WindowClosed
from connectors.http import Answer, Call
from connectors.records import JsonValue
from connectors.supplier import Windows
from connectors.turns import SHORT, take_turn

FILLING: Final = 600.0
"""Seconds until a list is asked for again that is not in the vendor's cache yet."""


class Gate:
    """What `Http` asks before a call, and tells every answer."""

    def __init__(self, windows: Windows, sleep: Callable[[float], None]) -> None:
        self._windows = windows
        self._sleep = sleep

    def spend(self, call: Call) -> None:
        """Wait for a short window. Raises WindowClosed if it is a long one and used up."""
        take_turn(self._windows, call.operation, limit_of(call.operation), self._sleep)

    def judge(self, call: Call, answer: Answer) -> None:
        """Learn what is left of the window, and find the errors that a status does not tell.

        Raises WindowClosed or RateLimited for 429, whose body is plain text, and Transient for a list that
        is not there yet and for an error inside a 200.
        """
        left = self._learn(call, answer)
        if answer.status == 429:
            raise _limited(left)
        said = _message(answer.body)
        if answer.status == 409 and "no products found in cache" in said.lower():
            raise Transient("the list is not in the cache yet", retry_after=FILLING)
        if answer.status == 200 and _is_error(answer.body):
            raise Transient(f"an error inside a 200: {said}")

    def _learn(self, call: Call, answer: Answer) -> float | None:
        """Seconds until the window of this call ends, by the server's own clock; None if it does not say."""
        told = {name.lower(): value for name, value in answer.headers.items()}
        limit, remaining, ends = (_number(told, name) for name in ("limit", "remaining", "reset"))
        if limit is None or remaining is None or ends is None:
            return None
        left = max(0.0, ends - answer.at.timestamp())
        self._windows.learn(call.operation, limit, remaining, left)
        return left


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(f"x-ratelimit-{name}", "").strip()
    return int(text) if text.isdecimal() else None


def _limited(left: float | None) -> RateLimited:
    text = "status 429: You exceeded the rate limit"
    if left is None or left <= SHORT:
        return RateLimited(text, retry_after=left)
    return WindowClosed(text, retry_after=left)


def _is_error(body: JsonValue) -> bool:
    """Whether a body is `{"code": 409, "message": …}` and nothing else, as errors are."""
    if not isinstance(body, dict) or not {"code", "message"} <= set(body) <= {
        "code",
        "message",
        "error_detail",
    }:
        return False
    code = body["code"]
    return isinstance(code, int) and code >= 400


def _message(body: JsonValue) -> str:
    said = body.get("message") if isinstance(body, dict) else None
    return said if isinstance(said, str) else ""
