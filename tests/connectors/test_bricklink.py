"""What we say to BrickLink and what we hear, without a connection: the words of its contract."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import SecretStr

from connectors.bricklink import calls, readers
from connectors.bricklink.envelope import explained, judge, meta
from connectors.bricklink.oauth import Keys, Signer
from connectors.errors import (
    ConnectorError,
    Malformed,
    RateLimited,
    Refused,
    Transient,
    Unauthorised,
    UnknownOutcome,
)
from connectors.http import Answer, Call
from connectors.market import Change, Lot, NewLot, Part
from connectors.records import JsonObject, JsonValue
from tests.worlds import NOW

KEYS = Keys(SecretStr("ck-demo"), SecretStr("cs-demo"), SecretStr("tk-demo"), SecretStr("ts-demo"))
BRICK = Part("PART", "3001", 5, "new")
MARK = "ev:abcdefgh2345"

LOT: JsonObject = {
    "inventory_id": 50592684,
    "item": {"no": "3001", "name": "Brick 2 x 4", "type": "PART", "category_id": 5},
    "color_id": 5,
    "color_name": "Red",
    "quantity": 12,
    "new_or_used": "N",
    "unit_price": "0.1000",
    "bind_id": 0,
    "description": "clean",
    "remarks": f"A-12 {MARK}",
    "bulk": 1,
    "is_retain": False,
    "is_stock_room": False,
    "date_created": "2024-05-06T04:00:00.000Z",
    "my_cost": "0.0000",
    "sale_rate": 0,
    "tier_quantity1": 0,
    "tier_price1": "0.0000",
    "my_weight": "0.0000",
}


def answer(body: JsonValue, status: int = 200, kind: str = "application/json") -> Answer:
    return Answer(status, {"content-type": kind}, body, NOW)


def envelope(code: object, message: str = "", description: str = "") -> JsonObject:
    return {"meta": {"code": str(code), "message": message, "description": description}}


def a_lot(**changed: JsonValue) -> Lot:
    return readers.lot(LOT | changed, keep_empty=False)


class TestASignature:
    """The vectors of the contract, from two independent implementations."""

    signer = Signer(KEYS, now=lambda: datetime.fromtimestamp(1_700_000_000, UTC), nonce=lambda: "nonce0001")

    @pytest.mark.parametrize(
        ("method", "url", "signature"),
        [
            (
                "GET",
                "https://api.bricklink.com/api/store/v1/inventories?item_type=PART&status=Y%2C-S",
                "291xMOkz3sW5n1pZohL%2FB4BtuVU%3D",
            ),
            (
                "PUT",
                "http://127.0.0.1:8099/api/store/v1/inventories/50592684",
                "3tlZoaB9bGV3pI7u0QOilrz57Ac%3D",
            ),
        ],
    )
    def test_is_the_one_that_brick_link_expects(self, method: str, url: str, signature: str) -> None:
        header = self.signer(method, url)["Authorization"]
        assert header.startswith("OAuth ")
        assert f'oauth_signature="{signature}"' in header

    def test_counts_a_parameter_without_a_value(self) -> None:
        url = "https://api.bricklink.com/api/store/v1/inventories/1"
        assert self.signer("DELETE", f"{url}?null") == self.signer("DELETE", f"{url}?null=")
        assert self.signer("DELETE", f"{url}?null") != self.signer("DELETE", url)

    def test_is_never_the_same_twice(self) -> None:
        signer = Signer(KEYS, now=lambda: NOW)
        headers = {signer("GET", "https://api.bricklink.com/x")["Authorization"] for _ in range(100)}
        assert len(headers) == 100

    def test_follows_the_server_s_clock_if_ours_is_off(self) -> None:
        signer = Signer(KEYS, now=lambda: NOW, nonce=lambda: "n")
        assert not signer.clock.follow(NOW + timedelta(seconds=30))
        late = NOW + timedelta(hours=2)
        assert signer.clock.follow(late)
        assert not signer.clock.follow(late)
        header = signer("GET", "https://api.bricklink.com/x")["Authorization"]
        assert f'oauth_timestamp="{int(late.timestamp())}"' in header

    def test_shows_no_secret(self) -> None:
        header = self.signer("GET", "https://api.bricklink.com/x")["Authorization"]
        assert "cs-demo" not in header
        assert "ts-demo" not in header
        assert "demo" not in repr(KEYS)


class TestACreate:
    def test_says_everything_that_is_needed(self) -> None:
        new = NewLot(BRICK, 7, Decimal("0.12341"), MARK, text="A-12", public_text="clean")
        call = calls.create(new, retain=True)
        assert (call.method, call.path, call.lane, call.writes) == ("POST", "inventories", "creations", True)
        assert not call.repeatable
        assert call.json == {
            "item": {"no": "3001", "type": "PART"},
            "color_id": 5,
            "quantity": 7,
            "new_or_used": "N",
            "unit_price": "0.1235",
            "description": "clean",
            "remarks": f"A-12 {MARK}",
            "is_retain": True,
            "is_stock_room": False,
        }

    def test_tells_the_completeness_of_sets_only(self) -> None:
        new = NewLot(Part("SET", "7644-1", 0, "used", "C"), 1, Decimal(9), MARK)
        body = calls.create(new, retain=False).json
        assert body is not None
        assert (body["completeness"], body["new_or_used"], body["unit_price"]) == ("C", "U", "9.0000")


class TestAChange:
    @pytest.mark.parametrize(("delta", "text"), [(5, "+5"), (-3, "-3")])
    def test_of_a_quantity_is_a_signed_text(self, delta: int, text: str) -> None:
        body = calls.change(a_lot(), Change(delta)).json
        assert body == {
            "quantity": text,
            "description": "clean",
            "remarks": f"A-12 {MARK}",
            "is_retain": False,
            "is_stock_room": False,
        }

    def test_of_texts_leaves_the_quantity_out(self) -> None:
        call = calls.change(a_lot(), Change(text="B-3", public_text=""))
        assert call.json is not None
        assert "quantity" not in call.json
        assert (call.json["remarks"], call.json["description"]) == (f"B-3 {MARK}", "")

    def test_puts_a_marker_behind_the_seller_s_own_text(self) -> None:
        body = calls.change(a_lot(remarks="Drawer 4 &#40;red&#41;"), Change(marker=MARK)).json
        assert body is not None
        assert body["remarks"] == f"Drawer 4 (red) {MARK}"

    def test_of_a_price_has_four_digits(self) -> None:
        body = calls.change(a_lot(), Change(price=Decimal("1.5"))).json
        assert body is not None
        assert body["unit_price"] == "1.5000"

    @pytest.mark.parametrize(
        ("seen", "delta", "room"),
        [
            ({"quantity": 3}, -3, {"is_retain": True, "is_stock_room": True, "stock_room_id": "A"}),
            ({"quantity": 3}, -2, {"is_retain": False, "is_stock_room": False}),
            (
                {"quantity": 3, "is_stock_room": True, "stock_room_id": "C", "is_retain": True},
                -3,
                {"is_retain": True, "is_stock_room": True, "stock_room_id": "C"},
            ),
            (
                {"quantity": 0, "is_stock_room": True, "stock_room_id": "B", "is_retain": True},
                4,
                {"is_retain": True, "is_stock_room": False},
            ),
            (
                {"quantity": 2, "is_stock_room": True, "stock_room_id": "B"},
                4,
                {"is_retain": False, "is_stock_room": True, "stock_room_id": "B"},
            ),
            (
                {"quantity": 0, "is_stock_room": True, "stock_room_id": "B", "is_retain": True},
                0,
                {"is_retain": True, "is_stock_room": True, "stock_room_id": "B"},
            ),
        ],
        ids=["to-zero", "down", "to-zero-in-a-room", "restock", "up-in-a-room", "empty-as-it-was"],
    )
    def test_goes_to_the_stockroom_when_empty_and_out_when_filled(
        self, seen: JsonObject, delta: int, room: JsonObject
    ) -> None:
        body = calls.change(a_lot(**seen), Change(delta)).json
        assert body is not None
        assert {name: body[name] for name in body if name.startswith(("is_", "stock"))} == room

    @pytest.mark.parametrize(
        ("change", "lane"),
        [(Change(-1), "falls"), (Change(1, price=Decimal(2)), "rises"), (Change(text="x"), "notes")],
    )
    def test_is_sent_in_the_lane_of_its_urgency(self, change: Change, lane: str) -> None:
        assert calls.change(a_lot(), change).lane == lane

    def test_of_a_price_alone_is_the_least_urgent(self) -> None:
        assert Change(price=Decimal(1)).lane == "prices"


class TestALot:
    def test_is_read_as_it_is_shown(self) -> None:
        assert a_lot() == Lot(
            lot_id="50592684",
            key="PART/3001/5/N/-",
            part=BRICK,
            quantity=12,
            price=Decimal("0.1000"),
            marker=MARK,
            text="A-12",
            public_text="clean",
            on_sale=True,
            may_be_empty=False,
            title="Brick 2 x 4",
        )

    @pytest.mark.parametrize("written", ["It&#39;s &#40;new&#41; &amp; clean", "It's (new) & clean"])
    def test_has_its_texts_without_entities(self, written: str) -> None:
        assert a_lot(description=written).public_text == "It's (new) & clean"

    @pytest.mark.parametrize("written", ["R&D", "a & b; c", "&unheard;"])
    def test_keeps_what_only_looks_like_an_entity(self, written: str) -> None:
        assert a_lot(description=written).public_text == written

    @pytest.mark.parametrize(
        ("remarks", "text", "mark"),
        [
            ("A-12", "A-12", None),
            (f"A  12 {MARK}", "A  12", MARK),
            (f"{MARK} put there by hand", "put there by hand", MARK),
            (MARK, "", MARK),
            (f"ev:zzzzzzzz2222 {MARK}", "", MARK),
            ("see ev:short", "see ev:short", None),
            (f"x{MARK}", f"x{MARK}", None),
            (None, "", None),
        ],
    )
    def test_knows_its_marker_among_the_seller_s_words(
        self, remarks: str | None, text: str, mark: str | None
    ) -> None:
        found = a_lot(remarks=remarks)
        assert (found.text, found.marker) == (text, mark)

    def test_in_a_stockroom_is_not_on_sale(self) -> None:
        found = a_lot(is_stock_room=True, stock_room_id="B")
        assert (found.on_sale, found.stock_room, found.quantity) == (False, "B", 12)

    def test_that_is_retained_may_be_empty(self) -> None:
        assert a_lot(is_retain=True).may_be_empty
        assert readers.lot(LOT, keep_empty=True).may_be_empty

    @pytest.mark.parametrize(
        "broken",
        [
            {"quantity": None},
            {"quantity": "many"},
            {"quantity": 2.5},
            {"quantity": -3},
            {"quantity": 2**31},
            {"new_or_used": "X"},
            {"unit_price": "NaN"},
            {"unit_price": None},
            {"is_stock_room": None},
            {"item": None},
            {"inventory_id": None},
            {"inventory_id": ""},
        ],
        ids=str,
    )
    def test_that_lacks_a_fact_is_malformed_and_no_invented_number(self, broken: JsonObject) -> None:
        with pytest.raises(Malformed):
            a_lot(**broken)

    def test_of_a_set_is_another_one_in_another_state(self) -> None:
        states = [a_lot(completeness=state, item={"no": "7644-1", "type": "SET"}) for state in "CBS"]
        assert [each.key for each in states] == [f"SET/7644-1/5/N/{state}" for state in "CBS"]

    def test_is_not_there_only_where_nothing_is_said_to_be(self) -> None:
        nothing: JsonObject = {"meta": {"code": 204, "message": "OK_NO_CONTENT"}}
        assert readers.lots(answer(nothing), keep_empty=True) == []
        assert readers.lots(answer(None, 204), keep_empty=True) == []
        wrong: list[JsonObject | None] = [{"meta": {"code": 200}}, {"meta": {"code": 200}, "data": {}}, None]
        for body in wrong:
            with pytest.raises(Malformed):
                readers.lots(answer(body), keep_empty=True)

    def test_is_the_same_whatever_the_case_of_its_number(self) -> None:
        assert calls.key_of(replace(BRICK, no="3001PB01")) == calls.key_of(replace(BRICK, no="3001pb01"))


HEAD: JsonObject = {
    "order_id": 4711,
    "date_ordered": "2026-11-20T09:00:00.000Z",
    "date_status_changed": "2026-11-21T09:00:00.000Z",
    "status": "PENDING",
    "total_count": 3,
    "unique_count": 2,
    "buyer_name": "somebody",
}


class TestAnOrder:
    def stamp(self, **changed: JsonValue) -> str:
        return readers.order_heads(answer({"data": [HEAD | changed]}), [])[0].stamp

    def test_s_lines_come_in_batches_and_are_added_up_by_lot(self) -> None:
        def line(lot: int | None, quantity: int, no: str = "3001") -> JsonObject:
            item: JsonObject = {"no": no, "type": "PART"}
            return {
                "inventory_id": lot,
                "item": item,
                "color_id": 5,
                "quantity": quantity,
                "new_or_used": "N",
                "remarks": f"A {MARK}",
            }

        batches: JsonValue = [[line(1, 2), line(2, 1)], [line(1, 3), line(None, 4, "3002")]]
        found = readers.order_lines(answer({"data": batches}))
        assert [(each.line_id, each.lot_id, each.quantity) for each in found] == [
            ("1", "1", 5),
            ("2", "2", 1),
            ("PART/3002/5/N/-", "", 4),
        ]
        assert {each.marker for each in found} == {MARK}

    @pytest.mark.parametrize("quantity", [-1, "1e999999999", 2**31, None])
    def test_s_line_is_no_less_than_nothing(self, quantity: JsonValue) -> None:
        line: JsonObject = {"inventory_id": 1, "color_id": 5, "quantity": quantity, "new_or_used": "N"}
        line["item"] = {"no": "3001", "type": "PART"}
        with pytest.raises(Malformed, match=r"order\.item\.quantity"):
            readers.order_lines(answer({"data": [[line]]}))

    @pytest.mark.parametrize("status", ["PENDING", "OCR", "PAID-PENDING", "SOMETHING_NEW", "NRS"])
    def test_in_a_status_that_is_not_cancelled_is_open(self, status: str) -> None:
        assert readers.order_heads(answer({"data": [HEAD | {"status": status}]}), [])[0].state == "open"

    def test_s_status_can_be_stored_whatever_it_says(self) -> None:
        told: JsonObject = {"status": "new\ud83d\x00" + "!" * 99, "unique_count": "\ud83d"}
        (head,) = readers.order_heads(answer({"data": [HEAD | told]}), [])
        assert (len(head.status), head.status.isprintable(), head.stamp.isprintable()) == (64, True, True)

    @pytest.mark.parametrize("status", ["CANCELLED", "cancelled", "NPB"])
    def test_that_nobody_gets_is_cancelled(self, status: str) -> None:
        assert readers.order_heads(answer({"data": [HEAD | {"status": status}]}), [])[0].state == "cancelled"

    @pytest.mark.parametrize(
        "changed",
        [{"status": "PAID"}, {"date_status_changed": "2026-11-21T09:01:00.000Z"}, {"total_count": 4}],
        ids=str,
    )
    def test_has_another_stamp_after_every_change(self, changed: JsonObject) -> None:
        assert self.stamp(**changed) != self.stamp()
        assert self.stamp(buyer_name="somebody else") == self.stamp()

    def test_s_id_may_be_text(self) -> None:
        assert readers.order_heads(answer({"data": [HEAD | {"order_id": "4711"}]}), [])[0].order_id == "4711"


READ = Call("GET /inventories", "inventories", "GET")
WRITE = Call("PUT /inventories/{id}", "inventories/1", "PUT", writes=True)


class TestJudging:
    @pytest.mark.parametrize("status", [200, 401, 404, 422])
    @pytest.mark.parametrize(
        ("code", "error"),
        [
            (400, Refused),
            (401, Unauthorised),
            (403, Unauthorised),
            (404, Refused),
            (422, Refused),
            (429, RateLimited),
        ],
    )
    def test_goes_by_the_code_and_not_by_the_status(
        self, status: int, code: int, error: type[ConnectorError]
    ) -> None:
        for call in (READ, WRITE):
            with pytest.raises(error):
                judge(call, answer(envelope(code, "NO"), status))

    @pytest.mark.parametrize("code", ["200", "201", "204"])
    def test_lets_success_pass(self, code: str) -> None:
        judge(WRITE, answer(envelope(code, "OK")))

    @pytest.mark.parametrize("status", [200, 500])
    def test_of_a_server_s_fault_leaves_a_write_unknown(self, status: int) -> None:
        with pytest.raises(UnknownOutcome):
            judge(WRITE, answer(envelope(500, "INTERNAL_SERVER_ERROR"), status))
        with pytest.raises(Transient):
            judge(READ, answer(envelope(500, "INTERNAL_SERVER_ERROR"), status))

    @pytest.mark.parametrize("status", [200, 302, 404, 418])
    def test_of_a_page_leaves_a_write_unknown_and_a_read_to_be_asked_again(self, status: int) -> None:
        page = answer(None, status, "text/html; charset=utf-8")
        with pytest.raises(UnknownOutcome):
            judge(WRITE, page)
        with pytest.raises(Transient):
            judge(READ, page)

    def test_of_json_without_an_envelope_is_no_success(self) -> None:
        with pytest.raises(UnknownOutcome):
            judge(WRITE, answer({"data": {}}))
        with pytest.raises(Malformed):
            judge(READ, answer([]))

    def test_takes_a_bare_204_for_done(self) -> None:
        judge(WRITE, answer(None, 204, ""))

    @pytest.mark.parametrize("body", [None, [], {}, {"meta": None}, {"meta": {"code": "soon"}}], ids=str)
    def test_finds_no_envelope_where_there_is_none(self, body: JsonValue) -> None:
        assert meta(body) is None

    @pytest.mark.parametrize(
        ("description", "expected"),
        [
            ("TOKEN_IP_MISMATCHED: consumer: C0FFEE IP: 203.0.113.7", "203.0.113.7"),
            ("SIGNATURE_INVALID: bad", "four secrets"),
            ("blocked consumer_key", "blocked"),
            ("TIMESTAMP_EXPIRED", "clock"),
        ],
    )
    def test_says_in_plain_words_why_the_door_is_shut(self, description: str, expected: str) -> None:
        found = meta(envelope(401, "BAD_OAUTH_REQUEST", description))
        assert found is not None
        text = explained(found)
        assert expected in text
        assert "C0FFEE" not in text
