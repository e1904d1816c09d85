"""Requests and answers as the stand-ins see them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from sandbox.reading import Json

HTML = "<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"


@dataclass(frozen=True)
class Request:
    """A request: names of headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Json:
        """The body as JSON; ValueError if it is none."""
        return json.loads(self.body)

    def fields(self) -> dict[str, str]:
        """The fields of a body that is JSON or a form."""
        if "json" in self.headers.get("content-type", ""):
            found = self.json()
            return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))


@dataclass(frozen=True)
class Response:
    """An answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json; charset=utf-8"


def answer(status: int, body: object, **headers: str) -> Response:
    """An answer in JSON; underscores in the names of headers stand for hyphens."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, text.encode(), named)


def page(status: int) -> Response:
    """An answer in HTML, as a server in trouble gives it."""
    return Response(status, HTML.format(status=status).encode(), kind="text/html; charset=utf-8")
