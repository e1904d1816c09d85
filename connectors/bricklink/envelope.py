"""What surrounds every answer of BrickLink: `{"meta": {code, message, description}, "data": …}`.

`meta.code` decides, as the HTTP status may be 200 for a failure. Where there is no envelope at all (a page of
the gateway, an empty body), nobody knows what became of a write.
https://www.bricklink.com/v3/api.page?page=error-handling
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connectors.errors import (
    Complaint,
    ConnectorError,
    Malformed,
    RateLimited,
    Refused,
    Transient,
    Unauthorised,
    UnknownOutcome,
)
from connectors.http import STOPPED, Answer, Call
from connectors.records import JsonValue
from connectors.shape import as_list

GONE = "404"
"""The code of what is not there: a lot that was sold out or deleted, an order of long ago."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What an answer says about itself."""

    code: int
    message: str
    description: str

    @property
    def text(self) -> str:
        """All of it, for a person."""
        said = [self.message, self.description if self.description != self.message else ""]
        return f"{self.code} {': '.join(filter(None, said))}"


def judge(call: Call, answer: Answer) -> None:
    """Raise what an answer means, whatever its status. Returns for those that HTTP alone can judge."""
    found = meta(answer.body)
    if found is not None:
        _by_code(call, found, answer)
    elif answer.status < 300 and answer.status != 204:
        _without_envelope(call, answer)
    elif answer.status < 500 and answer.body is None and answer.status not in _TOLD_BY_STATUS:
        raise _lost(call, f"status {answer.status} without BrickLink's envelope")


def judging(follow: Callable[[datetime], bool]) -> Callable[[Call, Answer], None]:
    """As `judge`; a call refused while our clock was off is signed anew by theirs (`ServerClock.follow`)."""

    def judged(call: Call, answer: Answer) -> None:
        found = meta(answer.body)
        if found is not None and found.code == 401 and follow(answer.at):
            raise Transient(f"{found.text}; this machine's clock is wrong, BrickLink's is used from now on")
        judge(call, answer)

    return judged


def meta(body: JsonValue) -> Meta | None:
    """The envelope of a body, None if it has none. A code may be quoted."""
    found = body.get("meta") if isinstance(body, dict) else None
    if not isinstance(found, dict):
        return None
    try:
        code = int(str(found.get("code")))
    except ValueError:
        return None
    return Meta(code, str(found.get("message") or ""), str(found.get("description") or ""))


def data(answer: Answer) -> JsonValue:
    """What an answer carries; None for one without data."""
    return answer.body.get("data") if isinstance(answer.body, dict) else None


def listed(answer: Answer, where: str) -> list[JsonValue]:
    """The list that an answer carries; one that says that there is nothing to return has none."""
    found, said = data(answer), meta(answer.body)
    is_nothing = answer.status == 204 or (said is not None and said.code == 204)
    return [] if is_nothing and not found else as_list(found, where)


# ------------------------------------------------------------------ judgement

_TOLD_BY_STATUS = STOPPED | {204, 408, 429}
"""Statuses that need no envelope: nothing was done."""

_JSON = re.compile(r"(application|text)/([\w.-]+\+)?(json|javascript)", re.IGNORECASE)


def _by_code(call: Call, found: Meta, answer: Answer) -> None:
    if 200 <= found.code < 300 or (answer.status == 429 and found.code == 429):
        return
    if found.code in STOPPED:
        raise Unauthorised(explained(found))
    if found.code == 429:
        raise RateLimited(found.text)
    if found.code >= 500:
        raise _lost(call, found.text)
    raise Refused(found.text, complaints=[Complaint(str(found.code), found.text)])


def _without_envelope(call: Call, answer: Answer) -> None:
    """A success that is none: a maintenance page passes, JSON of another shape does not."""
    if answer.body is not None:
        raise _lost(call, "JSON without BrickLink's envelope", Malformed)
    if not _JSON.match(answer.headers.get("content-type", "")):
        raise _lost(call, f"status {answer.status} with a page instead of JSON")


def _lost(call: Call, text: str, otherwise: type[ConnectorError] = Transient) -> ConnectorError:
    return UnknownOutcome(f"{text}; it may have been done") if call.has_effect else otherwise(text)


# ------------------------------------------------------------------ refused credentials

_ADDRESS = re.compile(r"IP: *([0-9a-fA-F.:]+)")


def explained(found: Meta) -> str:
    """Why BrickLink does not let us in, and what a person does about it."""
    said = found.description
    address = _ADDRESS.search(said)
    if "TOKEN_IP_MISMATCHED" in said:
        whence = address[1] if address else "this machine's"
        return (
            f"BrickLink takes this token from another address only, not from {whence} (TOKEN_IP_MISMATCHED);"
            " register a token for that address (or 0.0.0.0 with mask 0.0.0.0 for any) and enter it here"
        )
    if "SIGNATURE_INVALID" in said:
        return (
            "BrickLink does not accept the signature (SIGNATURE_INVALID);"
            " at least one of the four secrets is wrong: copy them anew"
        )
    if "blocked consumer_key" in said:
        return "BrickLink has blocked this application's consumer key; ask BrickLink why"
    if "NONCE" in said or "TIMESTAMP" in said:
        return f"BrickLink refuses the time or nonce ({said.split(':')[0]}); set this machine's clock right"
    return found.text
