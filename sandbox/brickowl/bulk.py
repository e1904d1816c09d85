"""`bulk/batch`: several requests in one, each on its own (https://www.brickowl.com/api_docs)."""

import json
from collections.abc import Callable
from typing import Final

from sandbox.book import Row
from sandbox.brickowl.model import Account
from sandbox.brickowl.words import Arguments, Problem, needed, plain
from sandbox.reading import Json

MOST: Final = 50
QUANTITIES: Final = frozenset({"lot_id", "external_id", "absolute_quantity", "relative_quantity"})
Perform = Callable[[str, str, Arguments], Json]
"""Does what one request asks for: method, endpoint, arguments."""


def batch(account: Account, given: Arguments, perform: Perform, *, half: bool = False) -> list[Row]:
    """POST bulk/batch: the answers in the order of the requests; `half`: only the first half is done."""
    parts = _parts(needed(given, "requests"))
    done = parts[: len(parts) // 2] if half else parts
    answers = [
        {"req_num": number, **_answered(account, part, perform)} for number, part in enumerate(done, 1)
    ]
    kept = {"all": len(answers), "first": 1, "none": 0}[account.at("batch_answers")]
    return answers[:kept]


def _parts(text: str) -> list[Json]:
    try:
        parts = json.loads(text)["requests"]
    except (ValueError, TypeError, KeyError):
        raise Problem(400, "Invalid requests") from None
    if not isinstance(parts, list) or not parts:
        raise Problem(400, "Invalid requests")
    if len(parts) > MOST:
        raise Problem(400, f"At most {MOST} requests may be sent in a batch")
    return parts


def _answered(account: Account, part: Json, perform: Perform) -> Row:
    """One part's answer. What is not found has an empty list for a body."""
    try:
        return {"code": 200, "body": _performed(account, part, perform)}
    except Problem as problem:
        body: Json = [] if problem.status == 404 else {"error": {"status": str(problem)}}
        return {"code": problem.status, "body": body}


def _performed(account: Account, part: Json, perform: Perform) -> Json:
    match part:
        case {
            "endpoint": str(endpoint),
            "request_method": "GET" | "POST" as method,
            "params": [dict(params)],
        }:
            return _narrowed(account, method, endpoint, _text(params), perform)
    raise Problem(400, "Invalid request")


def _text(params: Row) -> dict[str, str]:
    return {str(name): plain(value) for name, value in params.items()}


def _narrowed(account: Account, method: str, endpoint: str, given: Arguments, perform: Perform) -> Json:
    """Whatever an update asks for besides quantities is ignored with success, unless switched otherwise."""
    if endpoint != "inventory/update" or account.at("batch") == "everything":
        return perform(method, endpoint, given)
    kept = {name: text for name, text in given.items() if name in QUANTITIES}
    if not {"absolute_quantity", "relative_quantity"} & kept.keys() and len(given) > len(kept):
        kept["for_sale"] = _as_it_is(account, kept)
    return perform(method, endpoint, kept)


def _as_it_is(account: Account, given: Arguments) -> str:
    """A change that changes nothing, so that the lot is looked for all the same."""
    lot = account.lots.rows.get(int(given["lot_id"])) if given.get("lot_id", "").isdecimal() else None
    return "1" if lot is None or lot["for_sale"] else "0"
