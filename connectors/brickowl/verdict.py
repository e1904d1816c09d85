"""What an answer of Brick Owl means, whatever its status. Pure.

There are no codes of errors: the status counts first, then stable pieces of the text in
`{"error": {"status": "…"}}`. A success that holds an error, or does not say `success`, leaves a write
unclear.
https://www.brickowl.com/api_docs
"""

from typing import Final

from connectors.errors import Complaint, ConnectorError, Malformed, Refused, Unauthorised, UnknownOutcome
from connectors.http import STOPPED, Answer, Call
from connectors.records import JsonObject, JsonValue

GONE: Final = "404"
"""The code of what is not there: a lot, an order, an item."""
NO_ITEM: Final = "no_item"
"""The code of an item that Brick Owl's catalogue does not have."""
RETIRED: Final = "retired"
"""The code of an item that Brick Owl is about to delete: its lots are made and changed no more."""
NO_CATALOGUE: Final = "no_catalogue"
"""The code of a key that may not look anything up."""

BATCH: Final = "bulk/batch"
"""Its parts are judged one by one: `of_part`."""

_SAYS: Final = (("scheduled for deletion", RETIRED), ("invalid boid", NO_ITEM), ("item not found", NO_ITEM))
_STOPS: Final = ("invalid key", "store not found")
"""What is said of an account when no further call will succeed either."""
_PLAIN: Final = STOPPED | {408, 429}
"""Statuses that mean the same on any page: nothing was done."""


def judge(call: Call, answer: Answer) -> None:
    """Raise what an answer means; returns for those that HTTP alone can judge."""
    status, said = answer.status, complaint(answer.body)
    if status >= 500 or status in {408, 429}:
        return
    if said and any(piece in said.casefold() for piece in _STOPS):
        raise Unauthorised(f"status {status}: {said}")
    if call.path.startswith("catalog/") and status == 403:
        raise _refused(NO_CATALOGUE, f"the key may not use the catalogue; ask Brick Owl to allow it ({said})")
    if status < 300:
        _of_success(call, answer, said)
    elif status not in _PLAIN:
        _of_refusal(call, answer, said)


def complaint(body: JsonValue) -> str | None:
    """What a body complains of, None if it does not."""
    if not isinstance(body, dict):
        return None
    found = body.get("error") or body.get("errors")
    if isinstance(found, dict):
        found = found.get("status") or found.get("message") or str(found)
    return str(found) if found else None


def is_success(body: JsonValue) -> bool:
    """Whether the body of a write says that it was done."""
    return isinstance(body, dict) and complaint(body) is None and _status(body) == "success"


def of_part(number: int, found: JsonObject | None) -> ConnectorError | None:
    """What became of one part of a batch; None: it was done. `found`: its answer, None if there was none."""
    where = f"part {number} of the batch"
    if found is None:
        return UnknownOutcome(f"{where} was not answered; it may have been done")
    code, body = str(found.get("code")), found.get("body")
    said = complaint(body) or "no reason given"
    if code == "200" and is_success(body):
        return None
    if code in {"401", "403"}:
        return Unauthorised(f"{where}: status {code}: {said}")
    if code in {"400", "404", "405"}:
        return _refused(_code(int(code), said), f"{where}: status {code}: {said}")
    return UnknownOutcome(f"{where}: code {code}: {said}; it may have been done")


# ------------------------------------------------------------------ judgement


def _of_success(call: Call, answer: Answer, said: str | None) -> None:
    if said and not call.writes:
        raise _refused(_code(answer.status, said), f"status {answer.status}: {said}")
    if said:
        raise UnknownOutcome(f"status {answer.status} with an error: {said}; it may have been done")
    unclear = call.writes and call.path != BATCH and not is_success(answer.body)
    if unclear and answer.body is not None:
        raise UnknownOutcome(f"status {answer.status} without 'success'; it may have been done")


def _of_refusal(call: Call, answer: Answer, said: str | None) -> None:
    """Below 500, and no success. A page that is not Brick Owl's leaves a write unclear."""
    if said is None and answer.body is None:
        text = f"status {answer.status} with a page that is not Brick Owl's"
        raise UnknownOutcome(f"{text}; it may have been done") if call.writes else Malformed(text)
    said = said or "no reason given"
    raise _refused(_code(answer.status, said), f"status {answer.status}: {said}")


def _code(status: int, said: str) -> str:
    """The code of a complaint: what its text says, else its status."""
    text = said.casefold()
    known = (code for piece, code in _SAYS if piece in text)
    return next(known, GONE if "not found" in text else str(status))


def _refused(code: str, text: str) -> Refused:
    return Refused(text, complaints=[Complaint(code, text)])


def _status(body: JsonObject) -> str:
    return str(body.get("status") or "").casefold()
