"""The stand-ins on a loopback port: HTTP/1.1 with connections kept, one thread each."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.app import Sandbox, http_date
from sandbox.faults import CutError
from sandbox.http import Request, Response, answer

HOST: Final = "127.0.0.1"
MAX_BODY: Final = 256 * 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Server"

    def _serve(self) -> None:
        try:
            self._send(self._answer())
        except CutError:
            self._cut()

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names the base class calls

    def _answer(self) -> Response:
        try:
            return self.server.sandbox.answer(self._request())
        except CutError:
            raise
        except Exception:
            self._send(answer(500, {"error": "the sandbox failed"}))
            raise

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query))
        path, body, remote = unquote(parts.path), self._body(), str(self.client_address[0])
        return Request(self.command, path, query, headers, body, parts.query, remote)

    def _body(self) -> bytes:
        """The body: as long as it says, or in chunks that say it one by one."""
        if "chunked" not in (self.headers.get("Transfer-Encoding") or "").lower():
            return self.rfile.read(min(int(self.headers.get("Content-Length") or 0), MAX_BODY))
        pieces: list[bytes] = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            """A trailer, which nobody reads."""
        return b"".join(pieces)

    def _send(self, response: Response) -> None:
        """Head and body in one write: two would wait for the client's acknowledgement."""
        self.log_request(response.status)
        self.send_response_only(response.status)
        self.send_header("Date", http_date(self.server.sandbox.clock))
        self.send_header("Content-Type", response.kind)
        self.send_header("Content-Length", str(response.length))
        for name, value in response.headers.items():
            self.send_header(name, value)
        head: list[bytes] = self._headers_buffer  # what send_header collects
        self._headers_buffer: list[bytes] = []
        self.wfile.write(b"".join([*head, b"\r\n", next(pieces := response.pieces(), b"")]))
        for piece in pieces:
            self.wfile.write(piece)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """The journal has every call."""


class Server(ThreadingHTTPServer):
    """Serves a sandbox on a loopback port; 0 picks a free one."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, sandbox: Sandbox, port: int = 0) -> None:
        try:
            super().__init__((HOST, port), Handler)
        except OSError as error:
            raise OSError(error.errno, f"port {port}: {error.strerror}") from None
        self.sandbox = sandbox

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{HOST}:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Tell on standard error what went wrong here; a client that went away is its own business."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def serving(sandbox: Sandbox, port: int = 0) -> Iterator[str]:
    """Serve the sandbox in a thread of this process; gives its address."""
    server = Server(sandbox, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="sandbox", daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
