"""Telling a worker, with a Prefect server that is busy, broken or not there."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_LOCAL_STORAGE_PATH, temporary_settings

from connectors.errors import Transient
from flows.marketplace_sync import push_item
from tasks import hand_over as told
from tasks.hand_over import hand_over

ASKED = {"item_id": "abc", "account": "default"}


@contextmanager
def api(*statuses: int, folder: Path) -> Iterator[list[Any]]:
    """A Prefect API that answers new task runs with these statuses, the last one for ever; what it got."""
    got: list[Any] = []

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            row = json.loads(self.rfile.read(int(self.headers["content-length"])))
            got.append(row)
            self.answer(statuses[min(len(got), len(statuses)) - 1], row)

        def do_GET(self) -> None:
            self.answer(404, {})

        def answer(self, status: int, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing: the test says what matters."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/api"
        try:
            with temporary_settings({PREFECT_API_URL: url, PREFECT_LOCAL_STORAGE_PATH: folder}):
                yield got
        finally:
            server.shutdown()


def test_a_server_whose_database_is_locked_is_told_again_after_moments(tmp_path: Path) -> None:
    with api(503, 503, 201, folder=tmp_path) as got:
        assert hand_over(push_item, ASKED)
    assert len(got) == 3
    (file,) = (each for each in tmp_path.rglob("*") if each.is_file())
    assert {row["state"]["state_details"]["task_parameters_id"] for row in got} == {file.name}
    assert json.loads(json.loads(file.read_text())["result"]) == {"parameters": ASKED}


def test_a_server_that_stays_so_is_left_to_the_net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "PATIENCE", 1.5)
    with api(503, folder=tmp_path) as got, pytest.raises(Transient, match="no worker could be told"):
        hand_over(push_item, ASKED)
    assert len(got) > 1


def test_a_refusal_is_not_repeated(tmp_path: Path) -> None:
    with api(422, folder=tmp_path) as got, pytest.raises(Transient, match="422"):
        hand_over(push_item, ASKED)
    assert len(got) == 1


def test_a_server_that_is_not_there_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told, "PATIENCE", 60.0)
    nowhere = {PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_LOCAL_STORAGE_PATH: tmp_path}
    with temporary_settings(nowhere), pytest.raises(Transient, match="no worker could be told"):
        hand_over(push_item, ASKED)
