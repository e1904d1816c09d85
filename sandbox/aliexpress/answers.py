"""AliExpress's answers: the envelope of each method, and errors inside a 200."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.http import Response, answer
from sandbox.rest import RefusedError
from sandbox.shopify.switches import Switches

Json = Any
Left = Callable[[list[Any]], list[Any]]

TEXTS: Final = {
    "IllegalAccessToken": "The specified access token is invalid or expired",
    "IllegalRefreshToken": "The specified refresh token is invalid or expired",
    "InvalidCode": "The specified authorization code is invalid or expired",
    "IncompleteSignature": "The request signature does not conform to platform standards",
    "IllegalTimestamp": "The specified timestamp is invalid or expired",
    "InvalidAppKey": "The specified App Key is invalid",
    "InsufficientPermission": "App does not have permission to access this api",
    "InvalidApiPath": "The specified API path is invalid",
    "AppWhiteIpLimit": "The caller's IP address is not on the white list of the app",
    "AUTH_TYPE_UNSUPPORTED": "The authorization type is not supported",
    "ServiceTimeout": "The service timed out",
    "15": "Remote service error",
}
LIMITED: Final = "The request has been limited: this ban will last {} seconds"


def kind_of(code: str) -> str:
    """Whose fault an error is: ISV (the caller's), ISP (behind the gateway) or SYSTEM."""
    return {"15": "ISP", "ServiceTimeout": "SYSTEM"}.get(code, "ISV")


def error_body(code: str, text: str, *, wrapped: bool) -> Json:
    """An error as it is told, in an envelope or at the top."""
    told = {"type": kind_of(code), "code": code, "request_id": "2101f0b1", "_trace_id_": "212a6f1c"}
    return {"error_response": {**told, "msg": text}} if wrapped else {**told, "message": text}


def trouble(code: str, switches: Switches, text: str = "", *, system: bool = False) -> Response:
    """A refusal, always with status 200; system interfaces tell it at the top."""
    wrapped = not system and switches["aliexpress.errors"] == "wrapped"
    return answer(200, error_body(code, text or TEXTS.get(code, code), wrapped=wrapped))


def missing(name: str) -> tuple[str, str]:
    """The error of a parameter that is not there."""
    text = f'The input parameter "{name}" that is mandatory for processing this request is not supplied'
    return "MissingParameter", text


def refusal(code: str, switches: Switches, text: str = "", *, system: bool = False) -> RefusedError:
    """The same, to be raised."""
    return RefusedError(trouble(code, switches, text, system=system))


def envelope(method: str) -> str:
    """The key that an answer stands under."""
    return f"{method.replace('.', '_')}_response"


def spoken(content: Mapping[str, Json], switches: Switches, *, simplified: bool) -> Json:
    """The content of an answer as the switches have it spelled."""
    found: Json = dict(content)
    if simplified and switches["aliexpress.simplify"] == "unwrapped":
        found = unwrapped(found)
    elif switches["aliexpress.single"] == "object":
        found = bare(found)
    return as_text(found) if switches["aliexpress.numbers"] == "text" else found


def unwrapped(value: Json) -> Json:
    """Lists without the object around them."""
    if isinstance(value, list):
        return [unwrapped(each) for each in value]
    if not isinstance(value, dict):
        return value
    inner = next(iter(value.values()), None)
    if len(value) == 1 and isinstance(inner, list):
        return unwrapped(inner)
    return {name: unwrapped(each) for name, each in value.items()}


def bare(value: Json) -> Json:
    """Wrapped lists of one object as that object."""
    if isinstance(value, list):
        return [bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    inner = next(iter(value.values()), None)
    if len(value) == 1 and isinstance(inner, list) and len(inner) == 1 and isinstance(inner[0], dict):
        return {name: bare(each[0]) for name, each in value.items()}
    return {name: bare(each) for name, each in value.items()}


def as_text(value: Json) -> Json:
    """Numbers as text."""
    if isinstance(value, list):
        return [as_text(each) for each in value]
    if isinstance(value, dict):
        return {name: as_text(each) for name, each in value.items()}
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


TOTALS: Final = ("current_record_count", "total_record_count", "totalCount", "total", "total_result_count")


def shortened(response: Response, left: Left) -> Response:
    """An answer whose first list is made shorter by `left`, as if it were all there is."""
    body = json.loads(response.body)
    _shorten(body, left)
    return answer(200, body)


def _shorten(value: Json, left: Left) -> int | None:
    """How long the first list below is now; None if there is none."""
    if not isinstance(value, dict):
        return None
    for name, each in value.items():
        if isinstance(each, list):
            value[name] = left(each)
            _retotal(value, len(value[name]))
            return len(value[name])
        if (count := _shorten(each, left)) is not None:
            _retotal(value, count)
            return count
    return None


def _retotal(value: dict[str, Json], count: int) -> None:
    value.update({name: count for name in TOTALS if name in value})
    value.pop("search_id", None)
    if "is_finished" in value:
        value["is_finished"] = True


def dropped(**fields: Json) -> dict[str, Json]:
    """An object without the keys that have nothing: the API leaves them out."""
    return {name: value for name, value in fields.items() if value is not None}


def wrapped(name: str, items: list[Json]) -> Json:
    """A list under its element's name; nothing at all if it is empty."""
    return {name: items} if items else None
