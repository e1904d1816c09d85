"""Orders of the Brick Owl stand-in: buyers, cancellations, refunds, combined orders, how they are told."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sandbox.app import Sandbox
from tests.sandbox.owl import Json, Owl, error, lot, owl, section


def orders(shop: Owl, **given: object) -> Json:
    return shop.get("order/list", list_type="store", **given).json()


def lines(shop: Owl, order: object) -> Json:
    return shop.get("order/items", order_id=order).json()


def sold(shop: Owl, number: int, quantity: int) -> int:
    found = shop.happen("sale", lot=number, quantity=quantity)
    assert "refused" not in found
    return int(str(found["order_id"]))


def test_a_sale_lowers_the_lot_and_is_told_with_what_the_lot_was() -> None:
    shop = owl(section(lot(1, external_id="ev:x"), lot(2)))
    order = sold(shop, 1, 3)
    assert shop.quantity(1) == 9
    (told,) = orders(shop)
    assert told == {
        "order_id": str(order),
        "order_date": "1795255200",
        "total_quantity": "3",
        "total_lots": "1",
        "base_order_total": "0.300",
        "status": "Payment Submitted",
        "status_id": "1",
    }
    (line,) = lines(shop, order)
    assert (line["lot_id"], line["ordered_quantity"], line["refunded_quantity"]) == ("1", "3", "0")
    assert line["external_lot_ids"] == {"other": "ev:x"}
    seen = shop.get("order/view", order_id=order).json()
    assert (seen["order_time"], seen["updated_time"], seen["combine_with"]) == ("1795255200",) * 2 + (None,)


def test_one_order_may_have_several_lots_and_grow() -> None:
    shop = owl(section(lot(1), lot(2)))
    found = shop.happen("sale", lines=[{"lot": 1, "quantity": 2}, {"lot": 2, "quantity": 3}])
    shop.happen("sale", lot=1, quantity=1, order_id=found["order_id"])
    assert [line["ordered_quantity"] for line in lines(shop, found["order_id"])] == ["3", "3"]
    assert len({line["order_item_id"] for line in lines(shop, found["order_id"])}) == 2


@pytest.mark.parametrize("number", [1, 2, 3, 9])
def test_nobody_buys_what_is_not_there(number: int) -> None:
    shop = owl(section(lot(1, qty=1), lot(2, qty=0), lot(3, for_sale=False)))
    before = shop.world
    refused = shop.happen("sale", lines=[{"lot": 1, "quantity": 1}, {"lot": number, "quantity": 1}])
    assert "refused" in refused
    assert shop.world == before


def test_a_cancelled_order_gives_its_units_back_or_not() -> None:
    shop = owl(section(lot(1), lot(2)))
    shop.happen("cancel", order_id=sold(shop, 1, 3), restock=True)
    shop.happen("cancel", order_id=sold(shop, 2, 3), restock=False)
    assert (shop.quantity(1), shop.quantity(2)) == (12, 9)
    assert {each["status_id"] for each in orders(shop)} == {"8"}
    assert "refused" in shop.happen("cancel", order_id=orders(shop)[0]["order_id"])


def test_a_refund_is_told_by_the_line_alone() -> None:
    shop = owl()
    order = sold(shop, 1, 5)
    before = orders(shop)
    shop.happen("refund", order_id=order, lot=1, quantity=2, restock=True)
    assert orders(shop) == before
    assert lines(shop, order)[0]["refunded_quantity"] == "2"
    assert shop.quantity(1) == 9
    assert shop.get("order/view", order_id=order).json()["refund_total"] == "0.200"
    assert "refused" in shop.happen("refund", order_id=order, lot=1, quantity=4)


def test_combined_orders_become_one_whose_lines_grow() -> None:
    shop = owl(section(lot(1), lot(2)))
    first, second = sold(shop, 1, 2), sold(shop, 1, 3)
    shop.happen("sale", lot=2, quantity=1, order_id=second)
    shop.happen("combine", order_id=second, into=first)
    assert [(line["lot_id"], line["ordered_quantity"]) for line in lines(shop, first)] == [
        ("1", "5"),
        ("2", "1"),
    ]
    assert lines(shop, second) == []
    assert shop.get("order/view", order_id=second).json()["combine_with"] == str(first)


def test_orders_are_listed_by_when_they_were_placed_or_changed() -> None:
    shop = owl()
    numbers = []
    for _ in range(3):
        numbers.append(sold(shop, 1, 1))
        shop.sandbox.clock.advance(60)
    shop.happen("status", order_id=numbers[0], status_id=5)
    ids = [str(number) for number in numbers]
    assert [each["order_id"] for each in orders(shop)] == ids[::-1]
    assert [each["order_id"] for each in orders(shop, sort_by="updated")] == [ids[0], ids[2], ids[1]]
    assert [each["order_id"] for each in orders(shop, limit=1)] == [ids[2]]
    assert [each["order_id"] for each in orders(shop, order_time=1795255200 + 60)] == [ids[2], ids[1]]
    assert [each["order_id"] for each in orders(shop, status="Shipped")] == [ids[0]]
    assert [each["order_id"] for each in orders(shop, status=1)] == [ids[2], ids[1]]
    assert orders(shop, limit=5001)["error"]
    assert shop.get("order/list", list_type="customer").json() == []


def test_a_status_is_set_but_never_to_pending_or_cancelled() -> None:
    shop = owl()
    order = sold(shop, 1, 1)
    assert shop.post("order/set_status", order_id=order, status_id=4).json() == {"status": "success"}
    for status in (0, 8, 9):
        assert shop.post("order/set_status", order_id=order, status_id=status).status_code == 400
    assert orders(shop)[0]["status"] == "Processed"
    assert shop.post("order/tracking", order_id=order, tracking_id="RR1").status_code == 200
    assert shop.post("order/note", order_id=order, note="thanks").status_code == 200
    seen = shop.get("order/view", order_id=order).json()
    assert (seen["tracking_number"], seen["seller_note"]) == ("RR1", "thanks")


def test_an_order_that_is_not_there_is_not_found() -> None:
    shop = owl()
    for endpoint in ("order/view", "order/items"):
        answer = shop.get(endpoint, order_id=5)
        assert (answer.status_code, error(answer)) == (404, "Order not found")


def test_a_sale_slips_in_between_a_reading_and_a_write() -> None:
    """Whoever sets a level instead of changing it sells two units twice."""
    shop = owl()
    seen = int(shop.lots()[0]["qty"])
    shop.sandbox.event(
        {
            "system": "brickowl",
            "kind": "sale",
            "lot": 1,
            "quantity": 2,
            "before": {"operation": "POST /inventory/update"},
        }
    )
    shop.post("inventory/update", lot_id=1, absolute_quantity=seen + 1)
    assert shop.quantity(1) == 13
    assert shop.sandbox.writes()[0]["operation"] == "event"


def test_hand_edits_and_deletions_happen() -> None:
    shop = owl(section(lot(1), lot(2)))
    shop.happen("edit", lot="1", quantity=3, price="0.5", for_sale=False)
    shop.happen("delete", lot=2)
    (left,) = shop.world["lots"]
    assert (left["qty"], left["price"], left["for_sale"]) == (3, "0.500", False)
    assert "refused" in shop.happen("edit", lot=2, quantity=1)


def test_a_notice_of_an_order_is_sent_but_not_always() -> None:
    heard: list[str] = []
    come = threading.Event()

    class Hear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()
            come.set()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hear) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        shop = owl(section(lot(1), notify={"port": server.server_port, "drops": 2}))
        sold(shop, 1, 1)
        assert shop.post("order/notify", ip="127.0.0.1").json() == {"status": "success"}
        order = sold(shop, 1, 1)
        assert come.wait(5)
        sold(shop, 1, 1)
        server.shutdown()
    assert heard == [f"/brick_owl_order_notify?order_id={order}&store_id=7"]


def test_the_world_reads_back_the_same() -> None:
    shop = owl(section(lot(1, tier_price=[[100, "0.05"]], my_cost="0.01"), lot(2), areas=["inventory"]))
    first, second = sold(shop, 1, 2), sold(shop, 1, 3)
    shop.sandbox.clock.advance(5)
    shop.happen("combine", order_id=second, into=first)
    shop.happen("delete", lot=2)
    world = shop.sandbox.world()
    with Sandbox(world) as other:
        assert other.world() == world
