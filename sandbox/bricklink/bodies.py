"""What requests say, and texts as answers show them."""

from typing import Any, Final

from sandbox.book import Row
from sandbox.bricklink.envelope import BAD_BODY, RefusalError, invalid, not_found
from sandbox.bricklink.model import Account
from sandbox.reading import Json
from sandbox.rest import Asked

ENTITIES: Final = str.maketrans({"&": "&amp;", "'": "&#39;", "(": "&#40;", ")": "&#41;"})
TEXTS: Final = ("name", "description", "remarks")
"""Fields whose texts may come with HTML's entities."""


def body_of(asked: Asked) -> Json:
    """The body of a request that has one."""
    request = asked.request
    if request.body and "json" not in request.headers.get("content-type", ""):
        raise RefusalError(415, "The body must be application/json")
    try:
        return request.json()
    except ValueError:
        raise RefusalError(400, "The body is not valid JSON", BAD_BODY) from None


def number_in(asked: Asked, name: str) -> int:
    """A number in the path."""
    value = asked.arguments[name]
    if not (value.isascii() and value.isdecimal()):
        raise not_found(f"{name} {value}")
    return int(value)


def flag_in(asked: Asked, name: str) -> bool:
    """True or false in the query, in any case; false if it is not there."""
    value = asked.request.query.get(name, "false").lower()
    if value not in ("true", "false"):
        raise invalid(f"Invalid parameter value: [{name}]")
    return value == "true"


def shown(account: Account, found: Row) -> Row:
    """A thing with its texts as the switch has them."""
    return found if account.switch("entities") == "off" else escaped(found)


def escaped(found: Row) -> Row:
    """A thing whose texts have HTML's entities, as deep as they lie."""
    return {name: _escaped(name, value) for name, value in found.items()}


def _escaped(name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return escaped(value)
    return value.translate(ENTITIES) if name in TEXTS and isinstance(value, str) else value
