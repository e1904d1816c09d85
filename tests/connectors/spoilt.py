"""Answers of a stand-in, changed on their way: what a real server may say, and the stand-in never does."""

from collections.abc import Callable
from typing import Any

import httpx

from sandbox.app import Sandbox

Spoil = Callable[[str, Any], None]
"""Changes the body of an answer to a request for a path."""


def way_to(sandbox: Sandbox, spoil: Spoil | None) -> httpx.WSGITransport:
    """The way to a stand-in; what comes back is as it says, unless it is to be spoilt."""
    return Spoilt(sandbox, spoil) if spoil else httpx.WSGITransport(app=sandbox)


class Spoilt(httpx.WSGITransport):
    """The way to a stand-in, on which answers in JSON are spoilt."""

    def __init__(self, sandbox: Sandbox, spoil: Spoil) -> None:
        super().__init__(app=sandbox)
        self._spoil = spoil

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        response.read()
        body = response.json()
        self._spoil(request.url.path, body)
        return httpx.Response(response.status_code, json=body)
