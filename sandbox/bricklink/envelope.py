"""BrickLink's answers: everything in an envelope whose code, not the HTTP status, tells how it went.

https://www.bricklink.com/v3/api.page?page=error-handling
"""

from collections.abc import Mapping
from typing import Final

from sandbox.http import Response, answer

SWITCHES: Final[Mapping[str, tuple[str, ...]]] = {
    # The HTTP status of errors: 200 for those of authentication and the code of all others, always the code,
    # or always 200.
    "errors": ("auth200", "mirror", "all200"),
    # The HTTP status over the daily limit, where `errors` stands at auth200.
    "over_limit": ("200", "429"),
    # A deletion's answer: an envelope that says 204, or HTTP 204 without a body.
    "deleted": ("envelope", "bare"),
    # Whether an update without a description is refused.
    "require_description": ("on", "off"),
    # What becomes of flags that an update leaves out.
    "omitted_flags": ("kept", "defaults"),
    # An update to 0 of a lot that is not retained but put into a stockroom.
    "zero_unretained": ("kept", "refused", "deleted"),
    # Whether texts come with HTML's entities for ' ( ) and &.
    "entities": ("off", "on"),
    # Whether reading notifications empties their list.
    "notifications": ("emptied", "kept"),
    # What is posted to a callback URL: a list of notifications, or one alone.
    "callback": ("list", "single"),
}
"""Behaviour that is not known for sure, by its likeliest position."""

MESSAGES: Final = {
    200: "OK",
    201: "OK_CREATED",
    204: "OK_NO_CONTENT",
    400: "INVALID_URI",
    401: "BAD_OAUTH_REQUEST",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "RESOURCE_UPDATE_NOT_ALLOWED",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_SERVER_ERROR",
}
"""The one of 429 is made up: what the vendor says over the daily limit is not known."""
BAD_BODY: Final = "INVALID_REQUEST_BODY"
BAD_PARAMETER: Final = "PARAMETER_MISSING_OR_INVALID"


class RefusalError(Exception):
    """A call that BrickLink refuses. The dialect makes the answer: it knows the switches."""

    def __init__(self, code: int, description: str, message: str | None = None) -> None:
        self.code = code
        self.description = description
        self.message = message or MESSAGES[code]
        super().__init__(description)

    def told(self, status: int) -> Response:
        """The answer with this HTTP status."""
        meta = {"description": self.description, "message": self.message, "code": self.code}
        return answer(status, {"meta": meta})


def done(data: object, code: int = 200) -> Response:
    """The answer to a call that succeeded: always HTTP 200 or 201, the code in the envelope."""
    meta = {"description": "OK", "message": MESSAGES[code], "code": code}
    return answer(200 if code == 204 else code, {"meta": meta, "data": data})


def unreadable(place: str) -> RefusalError:
    """The refusal of a field that is unknown or has the wrong type."""
    return RefusalError(400, f"Unparseable value or field: [{place}.]", BAD_PARAMETER)


def missing(name: str) -> RefusalError:
    """The refusal of a body without this field."""
    return RefusalError(400, f"Parameter [{name}] is missing", BAD_PARAMETER)


def invalid(text: str) -> RefusalError:
    """The refusal of a value."""
    return RefusalError(400, text, BAD_PARAMETER)


def not_found(what: str) -> RefusalError:
    """The refusal of an id that there is not (any more)."""
    return RefusalError(404, what)
