"""Clients for BrickLink that others published, unchanged but for their address.

`bricklink-py` 0.1.2b0 takes it as a module's constant that ends in a slash, `python-bricklink-api` 0.3.1 as
an attribute without one. The latter covers orders, and has plain calls for the rest.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.app import Sandbox
from sandbox.server import serving
from tests.sandbox.seller import lot, new

bricklink_py = pytest.importorskip("bricklink_py")
utils = pytest.importorskip("bricklink_py.utils")
bricklink_api = pytest.importorskip("bricklink.api")

Client = Any
NAMES = ("CONSUMER_KEY", "CONSUMER_SECRET", "TOKEN", "TOKEN_SECRET")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    lots = [lot(1, 10, description="O'Neil (x)"), lot(2, 3, color_id=11, is_retain=True)]
    with Sandbox({"bricklink": {"default": {"lots": lots}}}) as found:
        yield found


@pytest.fixture
def settings(sandbox: Sandbox) -> Iterator[dict[str, str]]:
    with serving(sandbox) as base:
        yield sandbox.settings(base)


@pytest.fixture
def client(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(utils, "API_BASE_URL", settings["BRICKLINK_BASE_URL"] + "/")
    return bricklink_py.Bricklink(*(settings[f"BRICKLINK_{name}"] for name in NAMES))


@pytest.fixture
def other(settings: dict[str, str]) -> Client:
    found = bricklink_api.BrickLinkAPI(*(settings[f"BRICKLINK_{name}"] for name in NAMES))
    found.baseUrl = settings["BRICKLINK_BASE_URL"]
    return found


def quantities(sandbox: Sandbox) -> dict[int, int]:
    lots = sandbox.world()["bricklink"]["default"]["lots"]
    return {each["inventory_id"]: each["quantity"] for each in lots}


def sale(sandbox: Sandbox, number: int, quantity: int) -> int:
    event = {"system": "bricklink", "kind": "sale", "lot": number, "quantity": quantity}
    return int(str(sandbox.event(event)["order_id"]))


def test_bricklink_py_lists_reads_makes_changes_and_deletes_lots(sandbox: Sandbox, client: Client) -> None:
    store = client.store_inventory
    assert {each["inventory_id"] for each in store.get_store_inventories()} == {1, 2}
    black = store.get_store_inventories(item_type="PART", status="Y,-S", color_id=11)
    assert [each["inventory_id"] for each in black] == [2]
    assert store.get_store_inventory(1)["description"] == "O'Neil (x)"
    made = store.create_store_inventory(new(remarks="A1 ev:abc"))
    assert (
        store.update_store_inventory(made["inventory_id"], {"quantity": "-1", "description": "x"})["quantity"]
        == 3
    )
    assert store.create_store_inventories([new(), new()]) == {}
    assert store.delete_store_inventory(made["inventory_id"]) == {}
    assert sorted(quantities(sandbox).values()) == [3, 4, 4, 10]
    with pytest.raises(utils.ResourceNotFoundError):
        store.delete_store_inventory(made["inventory_id"])


def test_bricklink_py_reads_orders_and_moves_them_on(sandbox: Sandbox, client: Client) -> None:
    number = sale(sandbox, 1, 4)
    (listed,) = client.order.get_orders(status="pending")
    assert listed["order_id"] == number
    assert client.order.get_order(number)["total_count"] == 4
    ((line,),) = client.order.get_order_items(number)
    assert (line["inventory_id"], line["quantity"]) == (1, 4)
    client.order.update_order(number, {"remarks": "packed", "shipping": {"tracking_no": "RR1"}})
    client.order.update_order_status(number, {"field": "status", "value": "PACKED"})
    client.order.update_payment_status(number, {"field": "payment_status", "value": "Received"})
    client.order.send_drive_thru(number, mail_me=True)
    after = client.order.get_order(number)
    assert (after["status"], after["payment"]["status"], after["drive_thru_sent"]) == (
        "PACKED",
        "Received",
        True,
    )
    assert [each["resource_id"] for each in client.push_notification.get_notifications()] == [number]
    assert client.order.get_orders(filed=True) == []
    assert client.order.get_order_messages(number) == client.order.get_order_feedback(number) == []


def test_bricklink_py_reads_the_catalogue(client: Client) -> None:
    assert client.color.get_color(5)["color_name"] == "Red"
    assert len(client.category.get_category_list()) > 1
    assert client.catalog_item.get_item("PART", "3001")["no"] == "3001"


@pytest.mark.parametrize(("position", "status"), [("auth200", 200), ("mirror", 401), ("all200", 200)])
def test_bricklink_py_hears_that_it_may_not(
    position: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world: dict[str, Any] = {"bricklink": {"default": {}}}
    with Sandbox(world, switches={"bricklink.errors": position}) as sandbox, serving(sandbox) as base:
        found = sandbox.settings(base)
        monkeypatch.setattr(utils, "API_BASE_URL", found["BRICKLINK_BASE_URL"] + "/")
        client = bricklink_py.Bricklink(*(found[f"BRICKLINK_{name}"] for name in NAMES[:3]), "wrong")
        with pytest.raises(utils.AuthenticationError):
            client.order.get_orders()
        assert [(call["status"], call["code"]) for call in sandbox.calls()] == [(status, "401")]


def test_python_bricklink_api_reads_orders_and_moves_them_on(sandbox: Sandbox, other: Client) -> None:
    number = sale(sandbox, 2, 3)
    order = other.orders.get(number)
    assert (order.order_id, order.status, order.total_count, order.hasError) == (number, "PENDING", 3, False)
    assert order.cost.currency_code == "USD"
    line = other.orders.getItems(number).items()[-1]
    assert (line.inventory_id, line.quantity, line.item.no) == (2, 3, "3001")
    assert other.orders.list().items()[-1].order_id == number
    assert other.orders.update(number, tracking_no="RR1", is_filed=True, remarks="ok") is True
    assert other.orders.updateStatus(number, "SHIPPED") is True
    found = sandbox.world()["bricklink"]["default"]["orders"][0]
    assert (found["status"], found["is_filed"], found["shipping"]["tracking_no"]) == ("SHIPPED", True, "RR1")
    assert other.orders.get(9).error.code == 404


def test_python_bricklink_api_reads_and_writes_lots(sandbox: Sandbox, other: Client) -> None:
    status, _, found = other.get("inventories", {"status": "Y"})
    assert (status, len(found["data"])) == (200, 2)
    _, _, made = other.post("inventories", new())
    number = made["data"]["inventory_id"]
    _, _, after = other.put(f"inventories/{number}", {"quantity": 6, "description": "x"})
    assert after["data"]["quantity"] == 10
    _, _, gone = other.delete(f"inventories/{number}")
    assert gone["meta"]["code"] == 204
    assert quantities(sandbox) == {1: 10, 2: 3}


def test_a_client_that_sends_a_lot_back_doubles_it(sandbox: Sandbox, other: Client) -> None:
    _, _, found = other.get("inventories/1")
    other.put("inventories/1", found["data"])
    assert quantities(sandbox)[1] == 20


def test_published_clients_use_no_nonce_twice(sandbox: Sandbox, client: Client, other: Client) -> None:
    for _ in range(10):
        client.order.get_orders()
        other.orders.list()
    assert {call["code"] for call in sandbox.calls()} == {None}
