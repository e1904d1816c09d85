"""`python -m sandbox` from outside: what it prints, its controls, and its end."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from sandbox.__main__ import main
from sandbox.app import Sandbox
from sandbox.server import serving
from tests.sandbox.shopper import SHOP, runner, world

ROOT = Path(__file__).parents[2]


def start(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603


def test_it_prints_settings_then_ready_and_ends_on_sigterm() -> None:
    with start("--port", "0", "--demo") as process:
        assert process.stdout is not None
        settings = {}
        while (line := process.stdout.readline().strip()) != "ready":
            name, _, value = line.partition("=")
            settings[name] = value
        response = httpx.post(
            f"{settings['SHOPIFY_STORE_DOMAIN']}/admin/api/{settings['SHOPIFY_API_VERSION']}/graphql.json",
            json={"query": "{ productsCount { count } }"},
            headers={"X-Shopify-Access-Token": settings["SHOPIFY_ADMIN_TOKEN"]},
        )
        assert response.json()["data"]["productsCount"]["count"] > 50
        file = Path(settings["RMS_DATABASE_URL"].removeprefix("sqlite:///"))
        assert file.is_file()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert not file.exists()


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ('{"shopfy": {}}', [], "sandbox: unknown key 'shopfy'; did you mean 'shopify'?\n"),
        ("{", [], "this is not JSON"),
        ("{}", ["--switch", "idempotncy=forgotten"], "did you mean 'idempotency'?"),
        ("[" * 100_000, [], "this is not JSON"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    tmp_path: Path, text: str, arguments: list[str], expected: str
) -> None:
    file = tmp_path / "world.json"
    file.write_text(text)
    with start("--port", "0", "--world", str(file), *arguments) as process:
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert expected in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--port", "65536"], "--port: 65536 is not between 0 and 65535"),
        (["--port", "-1"], "--port: -1 is not between 0 and 65535"),
        (["--products", "-1"], "--products: -1 is not at least 0"),
        (["--products", "1", "--variants", "0"], "--variants: 0 is not at least 1"),
        (["--latency-ms", "-5"], "--latency-ms: -5 is no time"),
        (["--latency-ms", "nan"], "--latency-ms: nan is no time"),
    ],
)
def test_a_number_that_cannot_be_is_told(
    capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert expected in capsys.readouterr().err


def test_a_port_that_is_taken_is_named() -> None:
    with Sandbox(world(runner())) as sandbox, serving(sandbox) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(OSError, match=f"port {port}: Address already in use"), serving(sandbox, port):
            """Never reached."""


@pytest.fixture
def control() -> Iterator[httpx.Client]:
    with Sandbox(world(runner())) as sandbox, serving(sandbox) as url, httpx.Client(base_url=url) as client:
        yield client


def ask(client: httpx.Client, query: str = "{ shop { id } }") -> httpx.Response:
    path = f"/shopify/{SHOP}/admin/api/2026-10/graphql.json"
    return client.post(path, json={"query": query}, headers={"X-Shopify-Access-Token": "sandbox-token"})


def test_the_world_is_read_and_replaced(control: httpx.Client) -> None:
    first = control.get("/_sandbox/world").json()
    assert control.put("/_sandbox/world", json={"shopify": {"other.example": {}}}).status_code == 200
    assert list(control.get("/_sandbox/world").json()["shopify"]) == ["other.example"]
    control.put("/_sandbox/world", json=first)
    assert control.get("/_sandbox/world").json() == first


def test_a_wrong_control_is_told(control: httpx.Client) -> None:
    response = control.put("/_sandbox/world", json={"shopfy": {}})
    assert (response.status_code, response.json()["error"]) == (
        400,
        "unknown key 'shopfy'; did you mean 'shopify'?",
    )
    assert control.put("/_sandbox/faults", content=b"{").status_code == 400
    assert control.put("/_sandbox/faults", json={}).status_code == 400
    assert control.put("/_sandbox/clock", json={"now": "soon"}).status_code == 400
    assert control.get("/_sandbox/nothing").status_code == 404


def test_the_journal(control: httpx.Client) -> None:
    ask(control)
    ask(control, "{ productsCount { count } }")
    ask(control)
    call = control.get("/_sandbox/calls").json()[0]
    assert call.keys() == {
        "time", "system", "account", "operation", "cost", "status", "code", "wrote", "key", "fault",
    }  # fmt: skip
    assert (call["operation"], call["cost"], call["status"]) == ("shop", 1, 200)
    summary = control.get("/_sandbox/calls?summary=1").json()
    assert {(line["operation"], line["calls"]) for line in summary} == {("shop", 2), ("productsCount", 1)}
    control.delete("/_sandbox/calls")
    assert control.get("/_sandbox/calls").json() == []


def test_the_clock(control: httpx.Client) -> None:
    assert control.put("/_sandbox/clock", json={"now": "2027-01-02T03:04:05Z"}).status_code == 200
    control.put("/_sandbox/clock", json={"advance_seconds": 3600})
    assert control.get("/_sandbox/clock").json()["now"].startswith("2027-01-02T04:04")
    assert "02 Jan 2027 04:04" in ask(control).headers["date"]


def test_events_and_writes(control: httpx.Client) -> None:
    sale = {"system": "shopify", "kind": "sale", "variant_id": 1001, "quantity": 5}
    assert control.post("/_sandbox/events", json=sale).status_code == 200
    assert control.post("/_sandbox/events", json=sale).status_code == 409
    writes = control.get("/_sandbox/writes").json()
    assert {write["operation"] for write in writes} == {"event"}


@pytest.mark.parametrize("system", ["bricklink", "brickowl", "bigbuy", "aliexpress"])
def test_stand_ins_to_come_are_named(control: httpx.Client, system: str) -> None:
    response = control.get(f"/{system}/anything")
    assert response.status_code == 404
    assert system in response.json()["error"]


def test_many_clients_at_once_lose_no_sale(control: httpx.Client) -> None:
    sale = {"system": "shopify", "kind": "sale", "variant_id": 1002, "quantity": 1}
    with ThreadPoolExecutor(8) as pool:
        statuses = list(
            pool.map(lambda _: control.post("/_sandbox/events", json=sale).status_code, range(12))
        )
    assert (statuses.count(200), statuses.count(409)) == (7, 5)
