"""The vendor's storage: staged uploads and results behind signed addresses that end after seven days.

https://shopify.dev/docs/api/usage/bulk-operations/imports
"""

import base64
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode
from uuid import UUID

from sandbox.clock import Clock, spelled
from sandbox.http import Request, Response, xml
from sandbox.shopify.execute import UnservedError

LASTS: Final = 7 * 86_400
"""Seconds that a signed address works: https://shopify.dev/docs/api/admin-graphql/latest/objects/BulkOperation"""
SHOP_ID: Final = 1
UPLOADS: Final = "/staged-uploads"
SERVED: Final = "BULK_MUTATION_VARIABLES"
TYPE: Final = "text/jsonl"
TEXTS: Final[Mapping[str, str]] = {
    "AccessDenied": "Access denied.",
    "ExpiredToken": "Invalid argument.",
    "SignatureDoesNotMatch": "Access denied.",
    "NoSuchKey": "The specified key does not exist.",
    "InvalidPolicyDocument": "The content of the form does not meet the conditions of the policy document.",
    "MalformedPOSTRequest": "The body of your POST request is not well-formed multipart/form-data.",
    "MalformedSecurityHeader": "Your request has a malformed header.",
}

Problem = dict[str, Any]


def refused(status: int, code: str) -> Response:
    """What storage says when it does not do it."""
    text = TEXTS.get(code, "The request was refused.")
    return xml(status, f"<Error><Code>{code}</Code><Message>{text}</Message></Error>")


class Signer:
    """Signs addresses of a path for seven days."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def mark(self, *parts: object) -> str:
        """The signature of these parts."""
        return hmac.new(self._secret, "\n".join(map(str, parts)).encode(), sha256).hexdigest()

    def query(self, method: str, path: str, since: float) -> str:
        """The query part of an address signed at this moment (seconds since 1970)."""
        start = int(since)
        signature = self.mark(method, path, start)
        return urlencode({"X-Goog-Date": start, "X-Goog-Expires": LASTS, "X-Goog-Signature": signature})

    def refusal(self, request: Request, path: str) -> Response | None:
        """The answer to a request whose address is not, or no longer, good."""
        since = request.query.get("X-Goog-Date", "")
        signature = request.query.get("X-Goog-Signature", "")
        expected = self.mark(request.method, path, since)
        if not since.isdecimal() or not hmac.compare_digest(signature.encode(), expected.encode()):
            return refused(403, "SignatureDoesNotMatch")
        if self.is_over(int(since)):
            return refused(403, "ExpiredToken")
        return None

    def is_over(self, since: float) -> bool:
        """Whether what was signed then works no more."""
        return self._clock.seconds() >= since + LASTS


# ------------------------------------------------------------ staged uploads


@dataclass
class Target:
    """Where one file may be uploaded to; `file` is there once it was."""

    key: str
    method: str
    since: float
    parameters: Sequence[tuple[str, str]]
    file: Path | None = None


class Part(NamedTuple):
    """One part of a form."""

    name: str
    is_file: bool
    content: bytes


@dataclass
class Uploads:
    """The staged uploads of one shop; their files stand in `folder`."""

    signer: Signer
    clock: Clock
    folder: Path
    targets: dict[str, Target] = field(default_factory=dict)

    def stage(self, base: str, given: Mapping[str, Any], identity: UUID) -> dict[str, Any]:
        """One entry of `stagedTargets`, for a shop that is served at `base`."""
        method, since = str(given["httpMethod"]), self.clock.seconds()
        key = f"tmp/{SHOP_ID}/bulk/{identity}/{given['filename']}"
        posted = self.form(key, str(given["mimeType"]), since) if method == "POST" else []
        self.targets[key] = Target(key, method, since, posted)
        place = f"{base}{UPLOADS}"
        if method == "POST":
            return _target(place, place, posted)
        path = f"{UPLOADS}/{key}"
        address = f"{base}{quote(path)}"
        headers = [("content_type", str(given["mimeType"])), ("acl", "private")]
        self.targets[key].parameters = headers
        return _target(f"{address}?{self.signer.query('PUT', path, since)}", address, headers)

    def form(self, key: str, mime: str, since: float) -> list[tuple[str, str]]:
        """The fields of the form that uploads a file, in their order."""
        moment = re.sub(r"\W", "", spelled(self.clock.now()))
        policy = {"conditions": [{"key": key}, {"Content-Type": mime}], "expiration": int(since) + LASTS}
        return [
            ("Content-Type", mime),
            ("success_action_status", "201"),
            ("acl", "private"),
            ("key", key),
            ("x-goog-date", moment),
            ("x-goog-credential", f"merchant-assets@sandbox.example/{moment[:8]}/auto/storage/goog4_request"),
            ("x-goog-algorithm", "GOOG4-RSA-SHA256"),
            ("x-goog-signature", self.signer.mark("POST", key, int(since))),
            ("policy", base64.b64encode(json.dumps(policy).encode()).decode()),
        ]

    def post(self, request: Request) -> Response:
        """POST of a form: every parameter in its order, then `file`."""
        parts = list(read_form(request))
        if not parts or not parts[-1].is_file or parts[-1].name != "file":
            return refused(400, "MalformedPOSTRequest")
        fields = [(part.name, part.content.decode("utf-8", "replace")) for part in parts[:-1]]
        target = self.targets.get(dict(fields).get("key", ""))
        if target is None or target.method != "POST":
            return refused(403, "AccessDenied")
        if fields != list(target.parameters):
            return refused(403, "InvalidPolicyDocument")
        if self.signer.is_over(target.since):
            return refused(403, "ExpiredToken")
        self.keep(target, parts[-1].content)
        place = f"<Location>{UPLOADS}/{target.key}</Location><Bucket>staged-uploads</Bucket>"
        return xml(201, f"<PostResponse>{place}<Key>{target.key}</Key></PostResponse>")

    def put(self, request: Request, path: str) -> Response:
        """PUT of the raw body."""
        refusal = self.signer.refusal(request, path)
        if refusal:
            return refusal
        target = self.targets.get(path.removeprefix(f"{UPLOADS}/"))
        if target is None:
            return refused(404, "NoSuchKey")
        if request.headers.get("content-type", "") != dict(target.parameters)["content_type"]:
            return refused(403, "MalformedSecurityHeader")
        self.keep(target, request.body)
        return Response(200, kind="text/html; charset=UTF-8")

    def keep(self, target: Target, content: bytes) -> None:
        """Write the file."""
        file = self.folder / f"upload-{sha256(target.key.encode()).hexdigest()[:24]}"
        file.write_bytes(content)
        target.file = file

    def file(self, key: str) -> Path | None:
        """The file that was uploaded under this key."""
        target = self.targets.get(key.lstrip("/"))
        return target.file if target and not self.signer.is_over(target.since) else None


def _target(url: str, resource: str, parameters: Sequence[tuple[str, str]]) -> dict[str, Any]:
    named = [{"name": name, "value": value} for name, value in parameters]
    return {"url": url, "resourceUrl": resource, "parameters": named}


def upload_problems(index: int, given: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with one entry of `stagedUploadsCreate`; UnservedError for files of other uses."""
    if given["resource"] != SERVED:
        raise UnservedError(f"The sandbox does not serve uploads for {given['resource']} yet")
    if not str(given["filename"]).strip():
        yield _problem(index, "filename", "Filename can't be blank")
    if given["mimeType"] != TYPE:
        yield _problem(index, "mimeType", f"Mime type must be {TYPE}")


def _problem(index: int, name: str, text: str) -> Problem:
    return {"field": ["input", str(index), name], "message": text}


def read_form(request: Request) -> Iterator[Part]:
    """The parts of multipart/form-data; none if it cannot be read."""
    found = re.search(r'multipart/form-data;.*boundary="?([^";]+)', request.headers.get("content-type", ""))
    if found is None:
        return
    mark, body = b"--" + found[1].encode(), request.body
    start = body.find(mark)
    while start >= 0:
        start += len(mark) + 2
        end = body.find(b"\r\n" + mark, start)
        head, _, _ = body[start : start + 2000].partition(b"\r\n\r\n")
        if end < 0 or not head:
            return
        named = re.search(rb'name="([^"]*)"', head)
        content = body[start + len(head) + 4 : end]
        yield Part(named[1].decode() if named else "", b"filename=" in head, content)
        start = end + 2
