"""Limits, delivery of errors, and every kind of fault, as any stand-in with accounts has them."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from sandbox.app import Sandbox
from sandbox.clock import Clock
from sandbox.frame import Rest
from sandbox.server import serving
from tests.sandbox.seller import BASE, NOW, Seller, lot, new, seller

ONE = "/inventories/1"
ADD = {"quantity": "+1", "description": ""}


@pytest.fixture
def store() -> Seller:
    return seller(lot(1, 5), lot(2, 7))


# ----------------------------------------------------------- delivery of errors


@pytest.mark.parametrize(
    ("position", "unauthorised", "lost"),
    [("auth200", 200, 404), ("mirror", 401, 404), ("all200", 200, 200)],
)
def test_the_envelope_tells_what_the_status_may_hide(position: str, unauthorised: int, lost: int) -> None:
    store = seller(switches={"errors": position})
    found = store.ask("GET", ONE)
    assert (found.status_code, found.json()["meta"]["code"]) == (lost, 404)
    store.keys["token-secret"] = "wrong"
    refused = store.ask("GET", ONE)
    assert (refused.status_code, refused.json()["meta"]["code"]) == (unauthorised, 401)
    assert [call["code"] for call in store.sandbox.calls()] == ["404", "401"]


@pytest.mark.parametrize("path", ["/inventory", "/inventories/1/x", "", "/orders/1/status/x"])
def test_a_path_that_is_none_is_refused(store: Seller, path: str) -> None:
    assert store.refused("GET", path)[:2] == (400, "INVALID_URI")


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/orders"), ("POST", ONE), ("PUT", "/inventories")])
def test_a_path_with_the_wrong_verb_is_refused(store: Seller, method: str, path: str) -> None:
    assert store.refused(method, path)[:2] == (405, "METHOD_NOT_ALLOWED")


def test_a_path_outside_the_api_is_refused(store: Seller) -> None:
    url = BASE.replace("/api/store/v1", "/api/store/v2") + "/inventories"
    header = store.header("GET", url)
    assert (
        store.send("GET", url, headers={"Authorization": header}).json()["meta"]["message"] == "INVALID_URI"
    )


def test_the_journal_names_operations_by_their_placeholders(store: Seller) -> None:
    store.get(ONE)
    store.get("/inventories", item_type="PART")
    store.data("DELETE", "/inventories/2")
    assert [(each["operation"], each["status"], each["wrote"]) for each in store.sandbox.calls()] == [
        ("GET /inventories/{id}", 200, False),
        ("GET /inventories", 200, False),
        ("DELETE /inventories/{id}", 200, True),
    ]


# --------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("switches", "status"),
    [({}, 200), ({"over_limit": "429"}, 429), ({"errors": "mirror"}, 429), ({"errors": "all200"}, 200)],
)
def test_a_day_has_so_many_calls(switches: dict[str, str], status: int) -> None:
    store = seller(lot(1, 5), daily_limit=3, switches=switches)
    store.get(ONE)
    store.refused("GET", "/inventories/9")
    store.sandbox.clock.advance(3600)
    store.data("PUT", ONE, ADD)
    over = store.ask("PUT", ONE, ADD)
    assert (over.status_code, over.json()["meta"]["code"]) == (status, 429)
    assert store.quantity() == 6


def test_calls_of_a_day_ago_count_no_more() -> None:
    store = seller(lot(1, 5), daily_limit=2)
    store.get(ONE)
    store.sandbox.clock.advance(43_200)
    store.get(ONE)
    assert store.refused("GET", ONE)[0] == 429
    store.sandbox.clock.advance(43_200)
    assert store.refused("GET", ONE)[0] == 429
    store.sandbox.clock.advance(43_200)
    store.get(ONE)


def test_each_account_has_its_own_day() -> None:
    world = {"bricklink": {"one": {"daily_limit": 0}, "two": {"daily_limit": 1}}}
    with Sandbox(world) as sandbox:
        assert Seller(sandbox, "one").refused("GET", "/orders")[0] == 429
        assert Seller(sandbox, "two").get("/orders") == []


def eventually(holds: Callable[[], object]) -> None:
    """Wait until something holds that another thread brings about; fails after ten seconds."""
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize(("calls", "pages"), [(5, 0), (6, 1), (8, 3)])
def test_more_than_five_calls_at_once_meet_the_gateway(calls: int, pages: int) -> None:
    store, found = seller(lot(1, 5)), list[httpx.Response]()
    served = store.sandbox.systems["bricklink"]
    assert isinstance(served, Rest)

    def call() -> None:
        found.append(store.ask("GET", ONE))

    threads = [threading.Thread(target=call) for _ in range(calls)]
    with served.accounts["default"].book.lock:  # nobody is answered before all are there
        for thread in threads:
            thread.start()
        eventually(lambda: served.peaks["default"] == calls)
    for thread in threads:
        thread.join()
    refused = [each for each in found if each.status_code == 503]
    assert (len(refused), len(found)) == (pages, calls)
    assert all(each.headers["content-type"].startswith("text/html") for each in refused)
    assert store.get(ONE)["quantity"] == 5


def test_how_many_calls_may_be_at_once_can_be_set() -> None:
    assert seller(lot(1, 5), at_once=1).get(ONE)["quantity"] == 5


# --------------------------------------------------------------------- faults


@pytest.mark.parametrize("status", [200, 500, 502, 503])
def test_trouble_and_maintenance_are_pages_in_html(store: Seller, status: int) -> None:
    store.fault("http", status=status, times=-1)
    for _ in range(2):
        response = store.ask("PUT", ONE, ADD)
        assert (response.status_code, response.text[:9]) == (status, "<!DOCTYPE")
    assert store.quantity() == 5
    store.sandbox.faults([])
    assert store.get(ONE)["quantity"] == 5


@pytest.mark.parametrize("status", [400, 403, 404, 422, 429])
def test_a_refusal_to_order_has_an_envelope(store: Seller, status: int) -> None:
    store.fault("http", status=status)
    response = store.ask("PUT", ONE, ADD)
    assert (response.status_code, response.json()["meta"]["code"]) == (status, status)
    assert store.quantity() == 5


def test_throttled_is_the_answer_over_the_limit(store: Seller) -> None:
    store.fault("throttled")
    assert store.refused("PUT", ONE, ADD)[:2] == (429, "TOO_MANY_REQUESTS")
    assert store.quantity() == 5


def test_http_after_has_written(store: Seller) -> None:
    store.fault("http_after", status=500)
    assert store.ask("PUT", ONE, ADD).status_code == 500
    assert store.quantity() == 6
    assert (store.sandbox.calls()[-1]["wrote"], store.sandbox.calls()[-1]["fault"]) == (True, "http_after")


@pytest.mark.parametrize(("kind", "left"), [("lost_answer", 6), ("timeout_before", 5), ("partial", 5)])
def test_a_cut_call_was_done_or_not(store: Seller, kind: str, left: int) -> None:
    store.fault(kind)
    with pytest.raises(httpx.RemoteProtocolError):
        store.ask("PUT", ONE, ADD)
    assert store.quantity() == left
    assert (store.sandbox.calls()[-1]["wrote"], store.sandbox.calls()[-1]["status"]) == (left == 6, None)


def test_malformed_has_written_and_is_cut_in_the_middle(store: Seller) -> None:
    store.fault("malformed")
    response = store.ask("POST", "/inventories", new())
    assert response.status_code == 201
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        response.json()
    assert len(store.lots()) == 3


def test_empty_and_partial_lists_look_whole(store: Seller) -> None:
    store.fault("partial", operation="GET /inventories")
    assert len(store.get("/inventories")) == 1
    store.fault("empty", operation="GET /inventories")
    assert store.get("/inventories") == []
    assert len(store.get("/inventories")) == 2


def test_an_empty_answer_for_one_thing_says_there_is_nothing(store: Seller) -> None:
    store.fault("empty", times=2)
    assert store.ask("GET", ONE).json() == {
        "meta": {"description": "OK", "message": "OK_NO_CONTENT", "code": 204},
        "data": {},
    }
    assert store.data("PUT", ONE, ADD)["quantity"] == 6


def test_a_stale_read_is_as_before_the_last_write_for_some_time(store: Seller) -> None:
    made = store.data("POST", "/inventories", new())["inventory_id"]
    store.fault("stale_read", seconds=10, times=-1)
    assert len(store.get("/inventories")) == 2
    assert store.refused("GET", f"/inventories/{made}")[0] == 404
    store.data("PUT", ONE, ADD)
    assert store.get(ONE)["quantity"] == 5
    assert len(store.get("/inventories")) == 3
    store.sandbox.clock.advance(11)
    assert store.get(ONE)["quantity"] == 6


def test_a_sale_can_be_what_a_stale_read_misses(store: Seller) -> None:
    store.happen("sale", lot=1, quantity=5)
    store.fault("stale_read", seconds=10)
    assert store.get(ONE)["quantity"] == 5
    assert store.refused("GET", ONE)[0] == 404


def test_faults_are_for_one_account_and_one_operation_and_count(store: Seller) -> None:
    store.fault("http", status=503, operation="PUT /inventories/{id}", nth=2, times=1, account="default")
    assert [store.ask("PUT", ONE, ADD).status_code for _ in range(3)] == [200, 503, 200]
    store.fault("http", status=503, account="other", times=-1)
    assert store.get(ONE)["quantity"] == 7


def test_a_fault_does_not_let_anybody_in(store: Seller) -> None:
    store.fault("http_after", status=500, times=-1)
    store.keys["token-secret"] = "wrong"
    assert store.refused("PUT", ONE, ADD)[0] == 401


def test_latency_is_that_of_the_operation() -> None:
    world = {"bricklink": {"default": {"lots": [lot(1, 5)]}}}
    with Sandbox(world, clock=Clock(NOW), latency={"GET /orders": 0.2}, jitter=0.0) as sandbox:
        store = Seller(sandbox)
        began = sandbox.clock.now()
        store.get(ONE)
        between = sandbox.clock.now()
        store.get("/orders")
        assert (between - began).total_seconds() < 0.19
        assert (sandbox.clock.now() - between).total_seconds() >= 0.2


# --------------------------------------------------------------- over a socket


@pytest.fixture
def served() -> Iterator[tuple[Seller, str]]:
    with Sandbox({"bricklink": {"default": {"lots": [lot(1, 5)]}}}) as sandbox, serving(sandbox) as base:
        yield Seller(sandbox), f"{base}/bricklink/api/store/v1"


def over(store: Seller, base: str, method: str, path: str, body: Any = None, patience: float = 10) -> Any:  # noqa: ANN401, PLR0917
    url = base + path
    headers = {"Authorization": store.header(method, url)}
    return httpx.request(method, url, json=body, headers=headers, timeout=patience)


def test_a_slow_write_is_done_after_the_client_gave_up(served: tuple[Seller, str]) -> None:
    store, base = served
    store.fault("slow", seconds=0.4)
    with pytest.raises(httpx.ReadTimeout):
        over(store, base, "PUT", ONE, ADD, patience=0.1)
    assert store.quantity() == 5
    eventually(store.sandbox.calls)
    assert store.quantity() == 6


@pytest.mark.parametrize(("kind", "left"), [("lost_answer", 6), ("timeout_before", 5)])
def test_a_cut_call_ends_without_an_answer(served: tuple[Seller, str], kind: str, left: int) -> None:
    store, base = served
    store.fault(kind)
    with pytest.raises(httpx.RemoteProtocolError):
        over(store, base, "PUT", ONE, ADD)
    assert store.quantity() == left


def test_a_signature_for_another_port_is_refused(served: tuple[Seller, str]) -> None:
    store, base = served
    header = store.header("GET", f"http://127.0.0.1:1/bricklink/api/store/v1{ONE}")
    answer = httpx.get(base + ONE, headers={"Authorization": header}).json()
    assert answer["meta"]["description"] == "SIGNATURE_INVALID"
    assert (
        over(store, base, "GET", "/inventories?item_type=part%2Cset&x=a+b%20c").json()["meta"]["code"] == 200
    )


def test_many_threads_lose_no_change() -> None:
    lots = [lot(number, 100) for number in range(1, 5)]
    with Sandbox({"bricklink": {"default": {"lots": lots}}}) as sandbox, serving(sandbox) as base:
        store, url = Seller(sandbox), f"{base}/bricklink/api/store/v1"

        def work(step: int) -> None:
            for number in range(1, 5):
                over(store, url, "PUT", f"/inventories/{number}", {"quantity": step, "description": ""})

        threads = [threading.Thread(target=work, args=(step,)) for step in (1, -2, 3, -4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {each["quantity"] for each in store.lots().values()} == {98}
