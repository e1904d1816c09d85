"""`evenstock worker` before it serves: it says in a line why nobody could ask it for a push."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.cli import worker
from tests.flows.shell import Shell


class Locked(BaseHTTPRequestHandler):
    """An API that is healthy, and refuses every password."""

    def do_GET(self) -> None:
        is_health = self.path.endswith("/health")
        self.send_response(200 if is_health else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


@contextmanager
def locked() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Locked) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api"
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_refuses_the_password_is_told(evenstock: Shell) -> None:
    with locked() as url, temporary_settings({PREFECT_API_URL: url}):
        said = evenstock("worker")

    assert said.status == 2
    assert "check PREFECT_API_AUTH_STRING" in said.err
    assert said.err.count("\n") == 1


def test_a_server_that_does_not_answer_is_told(evenstock: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "PATIENCE", 0.0)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        said = evenstock("worker")

    assert said.status == 1
    assert "Prefect's API does not answer (PREFECT_API_URL)" in said.err
    assert said.err.count("\n") == 1
