"""Each kind of fault, on reads and on writes, in process and through a socket."""

from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from sandbox.app import Sandbox
from sandbox.reading import WorldError
from sandbox.server import serving
from tests.sandbox.shopper import SET, SHOP, Json, Shopper, gid, runner, shopper, world

PING = "{ shop { name } }"
TAG = 'tagsAdd(id: $id{}, tags: ["x"]) {{ userErrors {{ message }} }}'


@pytest.fixture
def shop() -> Shopper:
    return shopper()


def order(shop: Shopper, kind: str, **extra: object) -> None:
    shop.sandbox.faults([{"system": "shopify", "kind": kind, **extra}])


def rows(quantity: int) -> Json:
    row = {
        "inventoryItemId": gid("InventoryItem", 5001),
        "locationId": gid("Location", 1),
        "quantity": quantity,
        "changeFromQuantity": 5,
    }
    return {"name": "available", "reason": "correction", "quantities": [row]}


@pytest.mark.parametrize("status", [401, 402, 403, 404, 423, 430])
def test_http_faults_are_json_below_500(shop: Shopper, status: int) -> None:
    order(shop, "http", status=status)
    response = shop.post(SET, input=rows(1), key="k")
    assert response.status_code == status
    assert "errors" in response.json()
    assert shop.available(5001) == 5


def test_http_faults_are_html_from_500(shop: Shopper) -> None:
    order(shop, "http", status=503)
    response = shop.post(PING)
    assert response.status_code == 503
    assert response.headers["content-type"].startswith("text/html")
    assert shop.sandbox.calls()[-1]["fault"] == "http"


def test_429_says_how_long(shop: Shopper) -> None:
    order(shop, "http", status=429, seconds=3.5)
    assert shop.post(PING).headers["retry-after"] == "3.5"


def test_http_after_has_written(shop: Shopper) -> None:
    order(shop, "http_after", status=502)
    assert shop.post(SET, input=rows(1), key="k").status_code == 502
    assert shop.available(5001) == 1
    assert shop.sandbox.calls()[0]["wrote"] is True


def test_throttled_is_the_systems_own_answer(shop: Shopper) -> None:
    order(shop, "throttled")
    body = shop.ask(SET, input=rows(1), key="k")
    assert "data" not in body
    assert body["errors"][0]["message"] == "Throttled"
    assert body["extensions"]["cost"]["actualQueryCost"] is None
    assert shop.set((5001, 1, 5), key="k")["userErrors"] == []


@pytest.mark.parametrize(("kind", "written"), [("timeout_before", False), ("lost_answer", True)])
def test_a_cut_connection(shop: Shopper, kind: str, written: bool) -> None:  # noqa: FBT001
    order(shop, kind)
    with pytest.raises(httpx.RemoteProtocolError):
        shop.post(SET, input=rows(1), key="k")
    call = shop.sandbox.calls()[-1]
    assert (call["status"], call["fault"], call["wrote"]) == (None, kind, written)
    assert shop.available(5001) == (1 if written else 5)


def test_malformed_has_written_and_cannot_be_read(shop: Shopper) -> None:
    order(shop, "malformed")
    response = shop.post(SET, input=rows(1), key="k")
    with pytest.raises(ValueError, match=r"."):
        response.json()
    assert shop.available(5001) == 1


@pytest.mark.parametrize(("after", "left"), [(False, 5), (True, 1)])
def test_an_internal_error_may_have_written(shop: Shopper, after: bool, left: int) -> None:  # noqa: FBT001
    order(shop, "graphql_error", after=after, code="INTERNAL_SERVER_ERROR")
    body = shop.ask(SET, input=rows(1), key="k")
    assert "data" not in body
    extensions = body["errors"][0]["extensions"]
    assert (extensions["code"], bool(extensions["requestId"])) == ("INTERNAL_SERVER_ERROR", True)
    assert shop.available(5001) == left


def test_empty_and_partial_lists(shop: Shopper) -> None:
    query = "{ productVariants(first: 9) { nodes { id } pageInfo { hasNextPage } } }"
    order(shop, "empty")
    assert shop.data(query) == {"nodes": [], "pageInfo": {"hasNextPage": False}}
    order(shop, "partial")
    assert len(shop.data(query)["nodes"]) == 1


def test_partial_nodes(shop: Shopper) -> None:
    order(shop, "partial")
    ids = [gid("InventoryItem", 5001), gid("InventoryItem", 5002)]
    nodes = shop.data("query N($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert nodes == [{"id": ids[0]}, None]


def test_a_partial_batch_stops_half_way(shop: Shopper) -> None:
    order(shop, "partial")
    body = " ".join(f"t{n}: {TAG.format(n)}" for n in (1, 2))
    with pytest.raises(httpx.RemoteProtocolError):
        shop.post(
            f"mutation M($id1: ID!, $id2: ID!) {{ {body} }}", id1=gid("Product", 101), id2=gid("Product", 102)
        )
    assert [write["id"] for write in shop.sandbox.writes()] == [101]


def test_a_partial_set_writes_nothing(shop: Shopper) -> None:
    order(shop, "partial")
    with pytest.raises(httpx.RemoteProtocolError):
        shop.post(SET, input=rows(1), key="k")
    assert shop.sandbox.writes() == []


def test_a_stale_read_is_as_before_the_last_write(shop: Shopper) -> None:
    shop.set((5001, 1, 5))
    order(shop, "stale_read", seconds=10, times=-1)
    assert shop.available(5001) == 5
    shop.sandbox.clock.advance(11)
    assert shop.available(5001) == 1
    order(shop, "slow")
    assert shop.available(5001) == 1


def test_a_fault_counts_only_its_own_calls(shop: Shopper) -> None:
    order(shop, "http", operation="shop", nth=2, times=2, status=503)
    queries = (PING, "{ productsCount { count } }", PING, PING, PING)
    statuses = [shop.post(query).status_code for query in queries]
    assert statuses == [200, 200, 503, 503, 200]


def test_a_fault_for_another_account_passes_by(shop: Shopper) -> None:
    order(shop, "http", account="partner.example", times=-1)
    assert shop.post(PING).status_code == 200


def test_the_token_exchange_meets_faults_too() -> None:
    shop = shopper(token=None, client_id="me", client_secret="shh")
    order(shop, "http", operation="POST /admin/oauth/access_token", status=500)
    assert shop.http.post(f"/shopify/{SHOP}/admin/oauth/access_token").status_code == 500


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"system": "shopify", "kind": "htpp"}, "faults[0].kind: 'htpp' is not known; did you mean 'http'?"),
        ({"kind": "http"}, "faults[0]: 'system' is missing"),
        (
            {"system": "shopify", "kind": "http", "nht": 2},
            "faults[0]: unknown key 'nht'; did you mean 'nth'?",
        ),
        ({"system": "rms", "kind": "throttled"}, "faults[0].kind: 'throttled' is not known"),
    ],
)
def test_a_fault_with_a_mistake_is_refused(shop: Shopper, fault: Json, text: str) -> None:
    with pytest.raises(WorldError) as refused:
        shop.sandbox.faults([fault])
    assert str(refused.value).startswith(text)


# ------------------------------------------------------------- over a socket


@pytest.fixture
def served() -> Iterator[tuple[Sandbox, httpx.Client]]:
    with Sandbox(world(runner())) as sandbox, serving(sandbox) as url:
        base = f"{url}/shopify/{SHOP}/admin/api/2026-10"
        with httpx.Client(base_url=base, headers={"X-Shopify-Access-Token": "sandbox-token"}) as client:
            yield sandbox, client


@pytest.mark.parametrize("kind", ["timeout_before", "lost_answer"])
def test_a_connection_is_cut_on_the_wire_too(served: tuple[Sandbox, httpx.Client], kind: str) -> None:
    sandbox, client = served
    sandbox.faults([{"system": "shopify", "kind": kind, "nth": 2}])
    statuses: list[object] = []
    for _ in range(3):
        try:
            statuses.append(client.post("/graphql.json", json={"query": PING}).status_code)
        except httpx.TransportError as error:
            statuses.append(type(error).__name__)
    assert statuses == [200, "RemoteProtocolError", 200]


def test_connections_are_kept_and_carry_the_stand_ins_date(served: tuple[Sandbox, httpx.Client]) -> None:
    sandbox, client = served
    sandbox.clock.advance(-86400)
    first = client.post("/graphql.json", json={"query": PING})
    second = client.post("/graphql.json", json={"query": PING})
    streams = {
        response.extensions["network_stream"].get_extra_info("client_addr") for response in (first, second)
    }
    assert len(streams) == 1
    told = parsedate_to_datetime(first.headers["date"])
    assert timedelta(0) <= sandbox.clock.now() - told < timedelta(minutes=1)


def test_slow_answers_late(served: tuple[Sandbox, httpx.Client]) -> None:
    sandbox, client = served
    sandbox.faults([{"system": "shopify", "kind": "slow", "seconds": 0.5}])
    with pytest.raises(httpx.ReadTimeout):
        client.post("/graphql.json", json={"query": PING}, timeout=0.1)
    assert client.post("/graphql.json", json={"query": PING}).status_code == 200
