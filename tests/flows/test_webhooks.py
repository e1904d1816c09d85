"""`evenstock webhooks` from outside: a store that sends, a receiver that has the named products refreshed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.ledger import open_ledger
from connectors.settings import load_settings
from flows.cli import main
from flows.cli import webhooks as cli_webhooks
from flows.cli.children import family
from flows.cli.webhooks import start_receiver
from flows.receiver import PATH
from tests.flows.stage import Stage
from tests.worlds import OWN, shoe, world

ROOT = Path(__file__).parents[2]
ADDRESS = f"https://receiver.example{PATH}"
WORDS = Callable[..., tuple[int, str, str]]


@pytest.fixture
def webhooks(capsys: pytest.CaptureFixture[str]) -> WORDS:
    def say(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return main(["webhooks", *words]), *capsys.readouterr()

    return say


@pytest.fixture
def shoes(stage: Stage) -> Stage:
    stage.put(world([shoe(number, {"37": 5, "38": 2}, {})[0] for number in (101, 102, 103)], []))
    return stage


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["lsit"], "there is no action lsit"),
        (["subscribe"], "--address must be https://"),
        (["subscribe", "--address", "http://receiver.example"], "--address must be https://"),
        (["--address", "http://receiver.example"], "--address must be https://"),
        (["subscribe", "--address", "https://user:pass@receiver.example"], "without user name"),
        (["subscribe", "--address", "https://["], "--address must be https://"),
        (["list", "12"], "list takes no 12"),
        (["unsubscribe"], "unsubscribe needs the ID"),
        (["--port", "70000"], "--port must be between 0 and 65535"),
        (["--port", "many"], "--port"),
    ],
)
def test_a_slip_is_one_line(shoes: Stage, webhooks: WORDS, words: list[str], expected: str) -> None:
    status, out, err = webhooks(*words)
    assert (status, out) == (2, "")
    assert expected in err
    assert err.count("\n") == 1
    assert shoes.calls() == []


def test_without_a_secret_nothing_is_received(
    shoes: Stage, webhooks: WORDS, monkeypatch: pytest.MonkeyPatch
) -> None:
    del shoes
    monkeypatch.delenv("SHOPIFY_WEBHOOK_SECRET")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    status, _, err = webhooks("--port", "0")
    assert status == 2
    assert "SHOPIFY_WEBHOOK_SECRET" in err


def test_subscriptions_are_looked_after(shoes: Stage, webhooks: WORDS) -> None:
    assert webhooks("list") == (0, "There are no subscriptions.\n", "")
    status, out, _ = webhooks("subscribe", "--address", "https://receiver.example")
    assert status == 0
    assert [line.split()[1:] for line in out.splitlines()] == [
        ["INVENTORY_LEVELS_UPDATE", ADDRESS],
        ["PRODUCTS_UPDATE", ADDRESS],
    ]
    assert webhooks("subscribe", "--address", ADDRESS)[1] == out
    assert webhooks("list")[1] == out
    first = out.split()[0]
    assert webhooks("unsubscribe", first)[1] == f"Ended {first}.\n"
    status, _, err = webhooks("unsubscribe", first)
    assert (status, "does not exist" in err) == (1, True)
    assert webhooks("unsubscribe", "--address", "https://receiver.example")[0] == 0
    assert webhooks("list")[1] == "There are no subscriptions.\n"
    assert shoes.sandbox.webhooks() == []


# ------------------------------------------------------------- the whole way


def environment(prefect_server: str) -> dict[str, str]:
    return {**os.environ, "PREFECT_API_URL": prefect_server, "SHOPIFY_WEBHOOK_GATHER_SECONDS": "0.2"}


@contextmanager
def listening(prefect_server: str, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A receiver in a process of its own, and its address."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows", "webhooks", "--port", "0"],
            cwd=ROOT,
            env=environment(prefect_server),
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: process.poll() is not None or "ready" in log.read_text().splitlines())
        yield process, next(word for word in log.read_text().split() if word.endswith(PATH))
    finally:
        process.kill()
        process.wait()


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def stored() -> dict[int, int | None]:
    """Units by inventory item, as the refresh has stored them."""
    ledger = open_ledger(os.environ["EVENSTOCK_DATABASE_URL"])
    products = {variant.inventory_item_id for variant in ledger.vendor_variants(OWN, (101, 102, 103))}
    return {level.inventory_item_id: level.available for level in ledger.vendor_levels(OWN, products)}


@pytest.mark.orchestrated
def test_a_change_in_the_store_is_stored_and_sigterm_ends_it_all(
    shoes: Stage, webhooks: WORDS, prefect_server: str, tmp_path: Path
) -> None:
    log = tmp_path / "receiver.log"
    with listening(prefect_server, log) as (process, address):
        assert webhooks("subscribe", "--address", address)[0] == 0
        shoes.event(kind="edit", variant_id=10101, quantity=9)
        shoes.event(kind="tag", product_id=102, tag="new")
        until(lambda: stored() == {60101: 9, 60102: 2, 60201: 5, 60202: 2})
        shoes.event(kind="sale", variant_id=10101, quantity=4)
        until(lambda: stored()[60101] == 5)
        assert shoes.sandbox.webhooks_settled()
        shoes.event(kind="edit", variant_id=10301, quantity=1)
        assert shoes.sandbox.webhooks_settled()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()
    assert stored()[60301] == 1
    said = log.read_text()
    assert "answered 200 queued: 4" in said
    assert "Traceback" not in said
    assert os.environ["SHOPIFY_WEBHOOK_SECRET"] not in said


@pytest.mark.orchestrated
def test_a_store_that_is_away_for_a_moment_is_asked_again(
    shoes: Stage, webhooks: WORDS, prefect_server: str, tmp_path: Path
) -> None:
    log = tmp_path / "receiver.log"
    with listening(prefect_server, log) as (_, address):
        assert webhooks("subscribe", "--address", address)[0] == 0
        shoes.faults(operation="nodes", kind="http", status=500, times=6)
        shoes.event(kind="edit", variant_id=10101, quantity=9)
        until(lambda: stored() == {60101: 9, 60102: 2})
    assert "web hooks:" in log.read_text()


def test_without_the_world_outside_nothing_is_received(
    shoes: Stage, webhooks: WORDS, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISABLE_EXTERNAL_CALLS", "true")
    status, _, err = webhooks("--port", "0")
    assert (status, "DISABLE_EXTERNAL_CALLS" in err) == (2, True)
    assert shoes.calls() == []


@pytest.mark.parametrize("away", [0, 3])
def test_a_subscription_that_the_store_has_ended_is_made_again(
    shoes: Stage, monkeypatch: pytest.MonkeyPatch, away: int
) -> None:
    monkeypatch.setattr(cli_webhooks, "KEEP", 0.05)
    shoes.faults(operation="webhookSubscriptions", kind="http", status=401, times=away)
    (service,) = shoes.sandbox.shops.values()
    stop = threading.Event()
    try:
        cli_webhooks._keep_subscribed(load_settings(), ADDRESS, stop)
        for _ in range(2):
            until(lambda: len(service.shop.subscriptions) == 2)
            service.shop.subscriptions.clear()
    finally:
        stop.set()


@pytest.mark.orchestrated
def test_a_receiver_as_a_child(shoes: Stage, prefect_server: str) -> None:
    names = [name for name in os.environ if name.startswith(("SHOPIFY_", "EVENSTOCK_", "HTTP_"))]
    settings = {name: os.environ[name] for name in names} | {"PREFECT_API_URL": prefect_server}
    settings.pop("EVENSTOCK_ENV_FILE", None)
    with family() as children:
        address = start_receiver(children, settings, ROOT)
        (shop,) = shoes.sandbox.shops.values()
        until(lambda: len(shop.shop.subscriptions) == 2)
        assert {each.uri for each in shop.shop.subscriptions.values()} == {address}
        shoes.event(kind="edit", variant_id=10101, quantity=9)
        until(lambda: stored() == {60101: 9, 60102: 2})
