"""Errors that AliExpress tells inside a 200, by what to do about them.

    IllegalAccessToken                          TokenEnded      renewed and asked once more
    ApiCallLimit                                RateLimited     after the seconds it names
    AppApiCallLimit, AppCallLimit               WindowClosed    put back until the ban ends
    ServiceTimeout, type ISP or SYSTEM          Transient
    signature, time, app key, address           Unauthorised
    every other one                             Refused

https://openservice.aliexpress.com/doc/doc.htm (error codes)
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connectors.errors import (
    Complaint,
    ConnectorError,
    RateLimited,
    Refused,
    Transient,
    Unauthorised,
    UnknownOutcome,
    WindowClosed,
)
from connectors.http import Answer, Call
from connectors.records import JsonObject, JsonValue
from connectors.turns import SHORT

ENDED: Final = frozenset({"IllegalAccessToken", "26", "27"})
OFTEN: Final = frozenset({"ApiCallLimit", "7"})
BANNED: Final = frozenset({"AppApiCallLimit", "AppCallLimit"})
STOPPED: Final = frozenset(
    {"IncompleteSignature", "25", "IllegalTimestamp", "InvalidAppKey", "IllegalAppKey", "AppWhiteIpLimit"}
)
NOT_OURS: Final = frozenset({"InsufficientPermission", "InvalidApiPath"})
"""What a method says that this app may not call."""
_THEIRS: Final = frozenset({"ISP", "SYSTEM"})
_SUCCESS: Final = frozenset({"0", "00", "200", "true"})
_MIDNIGHT: Final = timedelta(hours=16)
"""In UTC: bans of a day end at midnight in GMT+8."""


class TokenEnded(Unauthorised):
    """The access token is no good any more; there may be another."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as AliExpress tells it."""

    code: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


def is_success(mark: JsonValue) -> bool:
    """200, "200", 0, "0", "00", true, "true": each method has its own."""
    return str(mark).lower() in _SUCCESS


def judge(call: Call, answer: Answer) -> None:
    """Raise what an error inside a 200 means; a body without one passes."""
    problem = problem_of(answer.body) if answer.status == 200 else None
    if problem is not None:
        raise error_of(problem, call, answer.at)


def problem_of(body: JsonValue) -> Problem | None:
    """The error of a body: in `error_response`, or at its top. None if it is an answer."""
    if not isinstance(body, dict):
        return None
    found = body.get("error_response", body)
    if not isinstance(found, dict) or "code" not in found or is_success(found["code"]):
        return None
    return Problem(_said(found, "code"), _said(found, "type"), _text(found))


def _text(found: JsonObject) -> str:
    parts = (_said(found, name) for name in ("msg", "message", "sub_code", "sub_msg"))
    return " ".join(filter(None, parts))


def _said(found: JsonObject, name: str) -> str:
    value = found.get(name)
    return "" if value is None else str(value)


def error_of(problem: Problem, call: Call, at: datetime) -> ConnectorError:
    """What a problem means, for a call that was answered at this moment."""
    if problem.code in OFTEN | BANNED:
        return _limited(problem, at)
    if problem.code in ENDED:
        return TokenEnded(str(problem))
    if problem.code in STOPPED:
        return Unauthorised(str(problem))
    if problem.code == "ServiceTimeout" or problem.kind in _THEIRS:
        return (
            UnknownOutcome(f"{problem}; it may have been done")
            if call.has_effect
            else Transient(str(problem))
        )
    return Refused(str(problem), complaints=[Complaint(problem.code, problem.text)])


def _limited(problem: Problem, at: datetime) -> RateLimited:
    """No header tells how long: "this ban will last 14229 seconds"."""
    found = re.search(r"\blast\D{0,10}(\d+)", problem.text)
    seconds = float(found[1]) if found else _until_midnight(at) if problem.code in BANNED else None
    if seconds is not None and (problem.code in BANNED or seconds > SHORT):
        return WindowClosed(str(problem), retry_after=seconds)
    return RateLimited(str(problem), retry_after=seconds)


def _until_midnight(at: datetime) -> float:
    start = at.replace(hour=0, minute=0, second=0, microsecond=0) + _MIDNIGHT
    return (start - at).total_seconds() % 86_400 or 86_400.0
