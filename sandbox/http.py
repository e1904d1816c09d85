"""Requests and answers as the stand-ins see them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl

from sandbox.faults import CutError
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
    raw_query: str = ""
    """The query as it was sent: with repeats, blanks and its own way of quoting."""
    remote: str = "127.0.0.1"
    """The caller's address."""
    scheme: str = "http"

    def json(self) -> Json:
        """The body as JSON; ValueError if it is none."""
        return json.loads(self.body)

    def fields(self) -> dict[str, str]:
        """The fields of a body that is JSON or a form."""
        if "json" in self.headers.get("content-type", ""):
            found = self.json()
            return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))


PIECE = 1 << 16
"""Bytes of a file that are sent at a time."""


@dataclass(frozen=True)
class Response:
    """An answer. Its body is `body`, or the bytes of `file` from `start` up to `end`. With `breaks` the
    connection ends in the middle of it.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json; charset=utf-8"
    file: Path | None = None
    start: int = 0
    end: int = 0
    breaks: bool = False

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return self.end - self.start if self.file else len(self.body)

    def cut(self, length: int) -> Self:
        """The answer with no more than so many bytes of its body."""
        return replace(self, body=self.body[:length], end=min(self.end, self.start + length))

    def pieces(self) -> Iterator[bytes]:
        """The body, piece by piece; CutError where it breaks."""
        left = self.length // 2 if self.breaks else self.length
        if self.file is None:
            yield self.body[:left]
        else:
            yield from _pieces(self.file, self.start, left)
        if self.breaks:
            raise CutError


def _pieces(name: Path, start: int, left: int) -> Iterator[bytes]:
    with name.open("rb") as file:
        file.seek(start)
        while left and (piece := file.read(min(left, PIECE))):
            left -= len(piece)
            yield piece


def ranged(response: Response, wanted: str) -> Response:
    """The part of a file that the header `Range` asks for; all of it if it asks for something else.
    https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
    """
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
    if found is None:
        return response
    first, size = int(found[1]), response.end
    if first >= size:
        return Response(416, headers={"Content-Range": f"bytes */{size}"}, kind=response.kind)
    end = min(size, int(found[2]) + 1) if found[2] else size
    headers = {**response.headers, "Content-Range": f"bytes {first}-{end - 1}/{size}"}
    return replace(response, status=206, start=first, end=end, headers=headers)


def answer(status: int, body: object, **headers: str) -> Response:
    """An answer in JSON; underscores in the names of headers stand for hyphens."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, text.encode(), named)


def xml(status: int, text: str) -> Response:
    """An answer in XML, as storage gives it."""
    body = f"<?xml version='1.0' encoding='UTF-8'?>{text}"
    return Response(status, body.encode(), kind="application/xml; charset=UTF-8")


def page(status: int) -> Response:
    """An answer in HTML, as a server in trouble gives it."""
    return Response(status, HTML.format(status=status).encode(), kind="text/html; charset=utf-8")
