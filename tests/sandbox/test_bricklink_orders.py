"""Buyers, orders and notifications."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from sandbox.reading import WorldError
from tests.sandbox.seller import Seller, lot, seller

MISSING = "PARAMETER_MISSING_OR_INVALID"


@pytest.fixture
def store() -> Seller:
    return seller(
        lot(1, 5, unit_price="0.2000", sale_rate=10, remarks="A1", description="Nice"),
        lot(2, 4, is_retain=True, color_id=11),
        lot(3, 9, is_stock_room=True),
        stockroom="B",
    )


def sold(store: Seller, **given: object) -> int:
    """The order that a sale becomes."""
    found = store.happen("sale", **given)
    assert "refused" not in found
    return int(str(found["order_id"]))


def lines(store: Seller, order: int) -> list[list[tuple[int, int]]]:
    """Lots and quantities of an order, by batches."""
    found = store.get(f"/orders/{order}/items")
    return [[(line["inventory_id"], line["quantity"]) for line in batch] for batch in found]


# --------------------------------------------------------------------- sales


def test_a_sale_lowers_the_lot_at_once_and_becomes_an_order(store: Seller) -> None:
    order = sold(store, lot=1, quantity=2)
    assert store.get("/inventories/1")["quantity"] == 3
    (listed,) = store.get("/orders")
    assert (listed["order_id"], listed["status"]) == (order, "PENDING")
    assert (listed["total_count"], listed["unique_count"]) == (2, 1)
    assert listed["date_ordered"] == listed["date_status_changed"] == "2026-11-21T10:00:00.000Z"
    assert listed["cost"] == {"subtotal": "0.3600", "grand_total": "0.3600", "currency_code": "USD"}


def test_a_line_says_what_the_lot_said(store: Seller) -> None:
    order = sold(store, lot=1, quantity=5)
    store.refused("GET", "/inventories/1")
    ((line,),) = store.get(f"/orders/{order}/items")
    assert line == {
        "inventory_id": 1,
        "item": {"no": "3001", "name": "Part 3001", "type": "PART", "category_id": 5},
        "color_id": 5,
        "color_name": "Red",
        "quantity": 5,
        "new_or_used": "N",
        "unit_price": "0.2000",
        "unit_price_final": "0.1800",
        "disp_unit_price": "0.2000",
        "disp_unit_price_final": "0.1800",
        "currency_code": "USD",
        "disp_currency_code": "USD",
        "remarks": "A1",
        "description": "Nice",
        "weight": "0.0000",
    }


def test_a_lot_that_sells_out_goes_unless_it_is_retained(store: Seller) -> None:
    sold(store, lines=[{"lot": 1, "quantity": 5}, {"lot": 2, "quantity": 4}])
    assert store.refused("GET", "/inventories/1")[0] == 404
    found = store.get("/inventories/2")
    assert (found["quantity"], found["is_stock_room"], found["stock_room_id"]) == (0, True, "B")


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_what_is_not_on_sale_is_not_sold(store: Seller, number: int) -> None:
    store.happen("withhold", lot=2, status="R")
    quantity = 6 if number == 1 else 1
    before = store.lots()
    basket = [{"lot": 1, "quantity": 1}, {"lot": number, "quantity": quantity}]
    assert "refused" in store.happen("sale", lines=basket)
    assert "refused" in store.happen("sale", lot=number, quantity=quantity)
    assert store.lots() == before
    assert store.get("/orders") == []
    assert store.sandbox.writes() == []


def test_a_lot_is_sold_in_its_portions() -> None:
    store = seller(lot(1, 10, bulk=4))
    assert "refused" in store.happen("sale", lot=1, quantity=6)
    sold(store, lot=1, quantity=8)
    assert store.quantity() == 2


def test_items_that_are_added_later_are_a_batch_of_their_own(store: Seller) -> None:
    order = sold(store, lot=1, quantity=1)
    store.sandbox.clock.advance(60)
    assert sold(store, lot=2, quantity=3, order_id=order) == order
    assert lines(store, order) == [[(1, 1)], [(2, 3)]]
    (listed,) = store.get("/orders")
    assert (listed["status"], listed["total_count"], listed["unique_count"]) == ("UPDATED", 4, 2)
    assert listed["date_status_changed"] == "2026-11-21T10:01:00.000Z"
    assert listed["date_ordered"] == "2026-11-21T10:00:00.000Z"


@pytest.mark.parametrize(("restock", "left"), [(False, 2), (True, 4)])
def test_units_may_leave_an_order(store: Seller, restock: bool, left: int) -> None:  # noqa: FBT001
    order = sold(store, lot=1, quantity=3)
    store.happen("reduce", order_id=order, lot=1, quantity=2, restock=restock)
    assert lines(store, order) == [[(1, 1)]]
    assert store.get(f"/orders/{order}")["status"] == "UPDATED"
    assert store.quantity() == left
    assert "refused" in store.happen("reduce", order_id=order, lot=1, quantity=2)
    assert lines(store, order) == [[(1, 1)]]


@pytest.mark.parametrize(("restock", "left"), [(False, 2), (True, 5)])
def test_a_cancelled_order_puts_nothing_back_by_itself(store: Seller, restock: bool, left: int) -> None:  # noqa: FBT001
    order = sold(store, lot=1, quantity=3)
    store.happen("cancel", order_id=order, restock=restock)
    assert store.quantity() == left
    assert store.get(f"/orders/{order}")["status"] == "CANCELLED"
    assert lines(store, order) == [[(1, 3)]]
    assert "refused" in store.happen("cancel", order_id=order, restock=True)
    assert store.quantity() == left


def test_a_cancelled_order_does_not_bring_back_a_lot_that_is_gone(store: Seller) -> None:
    order = sold(store, lot=1, quantity=5)
    store.happen("cancel", order_id=order, restock=True, status="NPB")
    assert 1 not in store.lots()
    assert store.get(f"/orders/{order}")["status"] == "NPB"


def test_the_seller_edits_and_deletes_by_hand(store: Seller) -> None:
    store.happen("edit", lot=1, quantity=42, remarks="B7", unit_price=0.3, is_stock_room=True)
    found = store.get("/inventories/1")
    assert (found["quantity"], found["remarks"], found["unit_price"]) == (42, "B7", "0.3000")
    assert found["stock_room_id"] == "A"
    store.happen("edit", lot=1, is_stock_room=False)
    assert "stock_room_id" not in store.get("/inventories/1")
    store.happen("delete", lot=1)
    assert store.refused("GET", "/inventories/1")[0] == 404
    assert {write["operation"] for write in store.sandbox.writes()} == {"event"}


def test_a_buyer_may_come_between_a_read_and_a_write(store: Seller) -> None:
    before = {"operation": "PUT /inventories/{id}", "nth": 1}
    store.happen("sale", lot=1, quantity=2, before=before)
    assert store.get("/inventories/1")["quantity"] == 5
    after = store.data("PUT", "/inventories/1", {"quantity": "-1", "description": ""})
    assert after["quantity"] == 2


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "sell", "lot": 1},
        {"kind": "sale", "lot": "one"},
        {"kind": "sale", "lot": 1, "quantity": 0},
        {"kind": "cancel"},
        {"kind": "edit", "lot": 1, "quantity": -1},
        {"kind": "edit", "lot": 1, "color": 3},
        {"kind": "sale", "lot": 1, "account": "other"},
    ],
)
def test_an_event_that_cannot_be_read_is_refused_at_once(store: Seller, event: dict[str, object]) -> None:
    with pytest.raises(WorldError):
        store.sandbox.event({"system": "bricklink", **event})


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "sale"},
        {"kind": "sale", "lot": 9},
        {"kind": "sale", "lot": 1, "order_id": 9},
        {"kind": "cancel", "order_id": 9},
        {"kind": "delete", "lot": 9},
    ],
)
def test_an_event_that_cannot_be_says_why(store: Seller, event: dict[str, object]) -> None:
    assert store.sandbox.event({"system": "bricklink", **event}).keys() == {"refused"}


# -------------------------------------------------------------------- orders


def order(number: int, **more: object) -> dict[str, Any]:
    return {"order_id": number, "items": [[{"inventory_id": 1, "quantity": 1}]], **more}


@pytest.fixture
def several() -> Seller:
    return seller(
        lot(1, 5),
        orders=[
            order(1),
            order(2, status="PAID", is_filed=True),
            order(3, status="PAID-PENDING"),
            order(4, status="SHIPPED", date_ordered="2026-05-01T00:00:00Z"),
            order(5, direction="out"),
            order(6, status="PURGED"),
        ],
    )


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, [1, 3, 4, 6]),
        ({"filed": "False"}, [1, 3, 4, 6]),
        ({"filed": "true"}, [2]),
        ({"filed": "True", "direction": "in"}, [2]),
        ({"direction": "out"}, [5]),
        ({"status": "pending"}, [1]),
        ({"status": "PENDING,shipped"}, [1, 4]),
        ({"status": "-PURGED,-SHIPPED"}, [1, 3]),
        ({"status": "paid", "filed": "true"}, [2]),
    ],
)
def test_orders_are_listed_as_they_are_asked_for(
    several: Seller, query: dict[str, str], wanted: list[int]
) -> None:
    assert [each["order_id"] for each in several.get("/orders", **query)] == wanted


@pytest.mark.parametrize("query", [{"filed": "maybe"}, {"direction": "up"}, {"status": "LOST"}])
def test_a_list_that_cannot_be_is_refused(several: Seller, query: dict[str, str]) -> None:
    assert several.refused("GET", "/orders", **query)[:2] == (400, MISSING)


def test_a_list_shows_less_than_an_order_does(several: Seller) -> None:
    listed, whole = several.get("/orders")[0], several.get("/orders/1")
    assert whole.keys() - listed.keys() >= {"shipping", "disp_cost", "is_filed", "remarks", "buyer_email"}
    assert "items" not in whole
    assert several.refused("GET", "/orders/77")[:2] == (404, "RESOURCE_NOT_FOUND")


def test_items_of_old_and_purged_orders_are_told_no_more(several: Seller) -> None:
    assert lines(several, 1) == [[(1, 1)]]
    assert lines(several, 4) == []
    assert lines(several, 6) == []


def test_a_line_may_name_a_lot_that_is_gone() -> None:
    store = seller(orders=[{"order_id": 1, "items": [[{"inventory_id": 7, "quantity": 2, "color_id": 11}]]}])
    ((line,),) = store.get("/orders/1/items")
    assert (line["inventory_id"], line["quantity"], line["color_name"]) == (7, 2, "Black")


def test_an_order_is_filed_shipped_and_annotated(several: Seller) -> None:
    shipping = {"tracking_no": "RR1", "method_id": 3}
    body = {"is_filed": True, "remarks": "ok", "shipping": shipping, "cost": {"shipping": "2.5"}}
    found = several.data("PUT", "/orders/1", body)
    assert found["shipping"].items() >= shipping.items()
    assert (found["cost"]["grand_total"], found["remarks"]) == ("2.6000", "ok")
    assert [each["order_id"] for each in several.get("/orders", filed="true")] == [1, 2]
    assert several.refused("PUT", "/orders/1", {"note": "x"})[:2] == (400, MISSING)
    assert several.refused("PUT", "/orders/1", {"cost": {"shipping": "x"}})[:2] == (400, MISSING)


def test_costs_of_a_paid_order_stay(several: Seller) -> None:
    paid = {"field": "payment_status", "value": "Received"}
    several.data("PUT", "/orders/1/payment_status", paid)
    assert several.get("/orders")[0]["payment"]["status"] == "Received"
    assert several.refused("PUT", "/orders/1", {"cost": {"shipping": "2"}})[0] == 422


def test_a_status_moves_until_the_order_is_over(several: Seller) -> None:
    body = {"field": "status", "value": "packed"}
    several.sandbox.clock.advance(5)
    several.data("PUT", "/orders/1/status", body)
    listed = several.get("/orders")[0]
    assert (listed["status"], listed["date_status_changed"]) == ("PACKED", "2026-11-21T10:00:05.000Z")
    assert several.refused("PUT", "/orders/1/status", {"field": "status", "value": "GONE"})[0] == 400
    assert several.refused("PUT", "/orders/1/status", {"field": "payment_status", "value": "Sent"})[0] == 400
    assert several.refused("PUT", "/orders/6/status", body) == (
        422,
        "RESOURCE_UPDATE_NOT_ALLOWED",
        "NOT_IN_UPDATABLE_STATUS",
    )


def test_a_buyer_is_thanked(several: Seller) -> None:
    several.data("POST", "/orders/1/drive_thru", mail_me="False")
    assert several.get("/orders/1")["drive_thru_sent"] is True
    assert several.get("/orders/1/messages") == several.get("/orders/1/feedback") == []


# ------------------------------------------------------------- notifications


def test_notifications_are_read_once(store: Seller) -> None:
    order = sold(store, lot=1, quantity=1)
    store.happen("status", order_id=order, status="PAID")
    told = {"event_type": "Order", "resource_id": order, "timestamp": "2026-11-21T10:00:00.000Z"}
    assert store.get("/notifications") == [told, told]
    assert store.get("/notifications") == []


def test_notifications_may_stay() -> None:
    store = seller(lot(1, 5), switches={"notifications": "kept"})
    sold(store, lot=1)
    assert store.get("/notifications") == store.get("/notifications") != []


def test_what_the_seller_does_is_told_to_nobody(store: Seller) -> None:
    order = sold(store, lot=1, quantity=1)
    store.get("/notifications")
    store.happen("edit", lot=1, quantity=3)
    store.happen("file", order_id=order)
    store.data("PUT", f"/orders/{order}/status", {"field": "status", "value": "PACKED"})
    assert store.get("/notifications") == []


@contextmanager
def listening() -> Iterator[tuple[str, list[Any], threading.Semaphore]]:
    """An address that takes calls, what came there, and a count of them."""
    heard: list[Any] = []
    came = threading.Semaphore(0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            came.release()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/secret", heard, came
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("position", ["list", "single"])
def test_a_callback_url_is_called_but_some_calls_get_lost(position: str) -> None:
    with listening() as (url, heard, came):
        store = seller(lot(1, 9), callback_url=url, callback_lost=2, switches={"callback": position})
        orders = []
        for wanted in (True, False, True):
            orders.append(sold(store, lot=1))
            assert not wanted or came.acquire(timeout=10)
    found = [each[0] if position == "list" else each for each in heard]
    assert [each["resource_id"] for each in found] == [orders[0], orders[2]]


# ------------------------------------------------------------------ catalogue


def test_the_catalogue_is_served(store: Seller) -> None:
    assert {"color_id": 5, "color_name": "Red", "color_code": "B30006", "color_type": "Solid"} in store.get(
        "/colors"
    )
    assert store.get("/colors/11")["color_name"] == "Black"
    assert store.get("/categories/5")["category_name"] == "Brick"
    assert store.get("/categories")[0].keys() == {"category_id", "category_name", "parent_id"}
    assert store.get("/items/PART/3001")["name"] == "Part 3001"
    assert [each["color_id"] for each in store.get("/items/PART/3001/colors")] == [5, 11]
    (mapped,) = store.get("/item_mapping/PART/3001", color_id=5)
    assert mapped["item"] == {"no": "3001", "type": "PART"}
    assert store.get("/item_mapping/300126") == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/colors/999", 404),
        ("/categories/999", 404),
        ("/items/BRICK/3001", 400),
        ("/item_mapping/SET/1-1", 400),
    ],
)
def test_what_the_catalogue_lacks_is_refused(store: Seller, path: str, code: int) -> None:
    assert store.refused("GET", path)[0] == code
