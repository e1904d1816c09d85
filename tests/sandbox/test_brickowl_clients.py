"""A client for Brick Owl that others published, unchanged but for its address (python-brickowl-api 0.1.3).

It covers orders, and has a plain `get` and `post` for the rest. Its class for the lines of an order cannot
read `"external_lot_ids": []`, so that the lots here carry a seller's id.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.app import Sandbox
from sandbox.server import serving
from tests.sandbox.owl import KEY, lot, section

brickowl_api = pytest.importorskip("brickowl.api")

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Client = Any


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    account = section(lot(1, external_id="55984821"), lot(2, qty=0, external_id="55984822"))
    with Sandbox({"brickowl": {"default": account}}) as found:
        yield found


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with serving(sandbox) as base:
        found = brickowl_api.BrickOwlAPI(KEY)
        found.baseUrl = f"{base}/brickowl/v1"
        yield found


def test_a_published_client_reads_orders_and_moves_them_on(sandbox: Sandbox, client: Client) -> None:
    sandbox.event({"system": "brickowl", "kind": "sale", "lot": 1, "quantity": 3})
    (listed,) = client.orders.list(listType="store").items()
    assert (listed.status, listed.total_quantity) == ("Payment Submitted", "3")
    order = client.orders.get(listed.order_id)
    assert (order.order_id, order.base_currency, order.combine_with) == (listed.order_id, "EUR", None)
    line = client.orders.getItems(listed.order_id).items()[-1]
    assert (line.lot_id, line.ordered_quantity, line.external_lot_ids.other) == ("1", "3", "55984821")
    assert line.bl_lot_id == "55984821"
    assert client.orders.setStatus(listed.order_id, 3) is True
    assert client.orders.addTracking(listed.order_id, "RR1") is True
    assert client.orders.setStatus(listed.order_id, 8) is False
    assert sandbox.world()["brickowl"]["default"]["orders"][0]["status_id"] == 3


def test_a_published_client_reads_and_writes_lots(sandbox: Sandbox, client: Client) -> None:
    status, _, lots = client.get("inventory/list", {"active_only": 0})
    assert (status, [each["lot_id"] for each in lots]) == (200, ["1", "2"])
    new = {"boid": "771344-38", "quantity": 2, "price": "0.2", "condition": "usedg", "external_id": "7"}
    status, _, made = client.post("inventory/create", new, FORM)
    assert (status, made["status"]) == (200, "success")
    part = {"lot_id": made["lot_id"], "relative_quantity": -1}
    request = {"endpoint": "inventory/update", "request_method": "POST", "params": [part]}
    batch = {"requests": json.dumps({"requests": [request]})}
    status, _, told = client.post("bulk/batch", batch, FORM)
    assert (status, told[0]["code"]) == (200, 200)
    assert client.post("inventory/delete", {"lot_id": 2}, FORM)[0] == 200
    left = sandbox.world()["brickowl"]["default"]["lots"]
    assert [(each["qty"], each["con"]) for each in left] == [(12, "new"), (1, "usedg")]


def test_a_published_client_is_refused_with_another_key(client: Client) -> None:
    client.authHandler.apiKey = "other"
    status, _, told = client.get("user/details", {})
    assert (status, told) == (403, {"error": {"status": "Invalid key"}})
