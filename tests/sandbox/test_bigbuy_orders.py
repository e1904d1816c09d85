"""Orders at BigBuy's stand-in: every refusal of the contract, then their way to the door."""

import json

import pytest

from tests.sandbox.bigbuyer import ADDRESS, Buyer, Json, buyer, order, product, section, stocks, variation

SHOP = section(
    product(1),
    product(2, stocks=stocks(0)),
    product(3, wholesalePrice=9000),
    product(4, stocks=stocks(3, warehouse=2)),
    product(5),
    product(6),
    variations=[variation(51, 5)],
    order_errors={"S6": "ER009"},
)


def refusal(shop: Buyer, body: Json) -> tuple[str, Json]:
    """The code and the data of a refused order."""
    answer = shop.post("order/check", body)
    assert answer.status_code == 409
    found = answer.json()
    return found["code"], json.loads(found["message"])["data"]


class TestAnOrderIsRefused:
    @pytest.mark.parametrize(
        ("body", "code", "data"),
        [
            (order(("none", 1)), "ER001", {"skus": ["none"]}),
            (order(("S5", 1)), "ER002", {"skus": ["S5"]}),
            (order(("S2", 1)), "ER003", {"skus": ["S2"]}),
            (order(("S1", 1), shippingAddress=ADDRESS | {"postcode": "X"}), "ER004", {"zipExample": "NNNNN"}),
            (order(("S6", 1)), "ER009", {"skus": ["S6"]}),
            (order(("S1", 1), carriers=[{"name": "mule"}]), "ER010", {}),
            (order(("S1", 1), paymentMethod="gold"), "ER011", {}),
            (order(("S1", 1), paymentMethod="bankwire"), "ER012", {"minBankwire": 100.0}),
            (order(("S1", 1), shippingAddress=ADDRESS | {"country": "US"}), "ER013", {}),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_with_a_code_and_json_inside_its_message(self, body: Json, code: str, data: Json) -> None:
        assert refusal(buyer(SHOP), body) == (code, data)

    def test_when_the_purse_is_too_low_the_order_too_small_or_the_pack_too_cheap(self) -> None:
        code, data = refusal(buyer(SHOP), order(("S3", 2)))
        assert (code, data["moneyBoxAmount"]) == ("ER005", 10_000.0)
        code, data = refusal(buyer(SHOP | {"minimum_order": 50}), order(("S1", 1)))
        assert (code, data["minimunPurchase"]) == ("ER007", 50.0)
        assert refusal(buyer(SHOP | {"order_access": False}), order(("S1", 1)))[0] == "ER014"

    def test_when_its_goods_lie_in_two_warehouses(self) -> None:
        answer = buyer(SHOP).post("order/check", order(("S1", 1), ("S4", 1)))
        assert answer.status_code == 409
        assert answer.json()["error_detail"]["warehouses"] == [
            {"id": 1, "references": ["S1"]},
            {"id": 2, "references": ["S4"]},
        ]

    def test_when_its_form_is_wrong_field_by_field(self) -> None:
        wrong = order(("S1", 0), shippingAddress=ADDRESS | {"address": "x" * 71})
        found = buyer(SHOP).post("order/check", wrong)
        assert (found.status_code, found.json()["message"]) == (400, "Validation Failed")
        children = found.json()["errors"]["children"]
        assert children["products"]["children"][0]["children"]["quantity"]["errors"] == [
            "This value is not valid."
        ]
        assert children["shippingAddress"]["children"]["address"]["errors"]
        assert children["internalReference"] == []

    def test_when_its_content_is_of_another_type(self) -> None:
        shop = buyer(SHOP)
        answer = shop.client.post("order/check.json", content=b"{}", headers={"content-type": "text/plain"})
        assert answer.status_code == 415


class TestAnOrder:
    def test_is_created_paid_and_taken_off_the_shelf(self) -> None:
        shop = buyer(SHOP)
        answer = shop.post("order/create", order(("S1", 2)))
        assert (answer.status_code, answer.json()) == (201, {"order_id": "5000001"})
        assert answer.headers["location"] == "/rest/order/5000001"
        account = shop.account()
        assert account["purse"] == "9949.92"
        assert [each["quantity"] for each in account["products"][0]["stocks"]] == [0, 3]

    def test_may_be_answered_by_nothing_but_its_place(self) -> None:
        answer = buyer(SHOP, {"bigbuy.created": "empty"}).post("order/create", order(("S1", 1)))
        assert (answer.status_code, answer.content, answer.headers["location"]) == (
            201,
            b"",
            "/rest/order/5000001",
        )

    def test_is_not_created_twice_for_one_reference(self) -> None:
        shop = buyer(SHOP | {"limits_scale": 10})
        shop.post("order/create", order(("S1", 1)))
        answer = shop.post("order/create", order(("S1", 1)))
        assert answer.json()["code"] == "ER008"
        assert json.loads(answer.json()["message"])["data"] == {"orderId": "5000001"}
        assert len(shop.account()["orders"]) == 1

    def test_of_two_warehouses_may_succeed_in_part(self) -> None:
        shop = buyer(SHOP)
        found = shop.post("order/create/multishipping", order(("S1", 1), ("S4", 9))).json()
        assert [each["productReferences"] for each in found["orders"]] == [["S1"]]
        (error,) = found["errors"]
        assert (error["code"], error["productReferences"]) == ("ER003", ["S4"])

    def test_goes_on_by_the_clock_and_can_be_tracked_once_shipped(self) -> None:
        shop = buyer(SHOP | {"limits_scale": 10})
        shop.post("order/create", order(("S1", 1)))
        names = {each["name"] for each in shop.get("order/orderstatuses").json()}
        seen = []
        for seconds in (0, 600, 86_400, 345_600):
            shop.sandbox.clock.advance(seconds)
            seen.append(shop.get("order/5000001").json()["status"])
            tracked = shop.get("tracking/order/5000001").status_code
            assert tracked == (200 if seconds >= 86_400 else 404)
        assert len(set(seen)) == 4
        assert set(seen) <= names

    def test_has_ids_of_text_and_a_short_form_by_reference(self) -> None:
        shop = buyer(SHOP)
        shop.post("order/create", order(("S1", 1)))
        found = shop.get("order/5000001").json()
        assert (found["id"], found["products"][0]["id"]) == ("5000001", "500000100")
        assert shop.get("order/reference/R1").json() == {"id": "5000001", "totalPaidTaxIncl": "28.04"}

    @pytest.mark.parametrize(("profile", "status"), [("production", 404), ("sandbox", 500)])
    def test_with_an_unknown_reference_is_not_found_or_an_error(self, profile: str, status: int) -> None:
        assert buyer(SHOP | {"profile": profile}).get("order/reference/none").status_code == status


class TestTrackings:
    ORDERS = (
        {"id": "1", "status": "Processing order"},
        {"id": "2", "status": "Shipped by the warehouse", "trackings": [{"trackingNumber": "T2"}]},
        {"id": "3", "status": "Delivered", "trackings": [{"trackingNumber": "T3"}]},
    )

    def test_leave_out_orders_without_any_and_bring_one_that_nobody_asked_for(self) -> None:
        shop = buyer(SHOP | {"orders": list(self.ORDERS)})
        found = shop.post("tracking/orders", {"track": {"orders": [{"id": "1"}, {"id": "2"}]}}).json()
        assert [each["id"] for each in found] == [3, 2]

    def test_and_status_can_be_set_from_outside(self) -> None:
        shop = buyer(SHOP | {"orders": list(self.ORDERS)})
        parcels = [{"trackingNumber": "T1", "statusDescription": "On its way"}]
        event = {"system": "bigbuy", "kind": "order_status", "order_id": "1", "status": "Incident"}
        shop.sandbox.event(event | {"trackings": parcels})
        assert shop.get("order/1").json()["status"] == "Incident"
        assert shop.get("tracking/order/1").json()[0]["trackings"] == parcels
