"""Lots: read, made, changed and deleted as the contract sheet says, and refused where it says so."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.app import Sandbox
from sandbox.reading import WorldError
from tests.sandbox.seller import NOW, Seller, lot, new, seller

ONE = "/inventories/1"
MISSING = "PARAMETER_MISSING_OR_INVALID"
ZERO = "Update would result in 0 quantity in your inventory without being in stockroom"
TIERS = {
    "tier_quantity1": 10,
    "tier_price1": "0.0900",
    "tier_quantity2": 50,
    "tier_price2": "0.08",
    "tier_quantity3": 0,
    "tier_price3": 0,
}


@pytest.fixture
def store() -> Seller:
    return seller(lot(1, 5, unit_price="0.1000"))


def put(store: Seller, **body: object) -> dict[str, Any]:
    found = store.data("PUT", ONE, {"description": "", **body})
    assert isinstance(found, dict)
    return found


# ------------------------------------------------------------------- reading


def test_a_lot_is_shown_as_the_sheet_has_it(store: Seller) -> None:
    assert store.get(ONE) == {
        "inventory_id": 1,
        "item": {"no": "3001", "name": "Part 3001", "type": "PART", "category_id": 5},
        "color_id": 5,
        "color_name": "Red",
        "quantity": 5,
        "new_or_used": "N",
        "unit_price": "0.1000",
        "bind_id": 0,
        "description": "",
        "remarks": "",
        "bulk": 1,
        "is_retain": False,
        "is_stock_room": False,
        "date_created": "2026-11-21T05:00:00.000Z",
        "my_cost": "0.0000",
        "sale_rate": 0,
        "tier_quantity1": 0,
        "tier_quantity2": 0,
        "tier_quantity3": 0,
        "tier_price1": "0.0000",
        "tier_price2": "0.0000",
        "tier_price3": "0.0000",
        "my_weight": "0.0000",
    }


def test_a_new_lot_has_the_fields_of_an_old_one(store: Seller) -> None:
    made = store.data("POST", "/inventories", new())
    assert made.keys() == store.get(ONE).keys()
    assert made["date_created"] == "2026-11-21T05:00:00.000Z"


def test_days_begin_at_midnight_in_new_york(store: Seller) -> None:
    store.sandbox.clock.set(datetime(2026, 7, 1, 3, 59, tzinfo=UTC))
    assert store.data("POST", "/inventories", new())["date_created"] == "2026-06-30T04:00:00.000Z"


def test_some_fields_are_there_only_where_they_mean_something() -> None:
    boxed = {"item": {"no": "7644-1", "type": "SET"}}
    store = seller(lot(1, 1, **boxed), lot(2, 1, is_stock_room=True, stock_room_id="B"))
    assert (store.get(ONE)["completeness"], "stock_room_id" in store.get(ONE)) == ("C", False)
    found = store.get("/inventories/2")
    assert (found["stock_room_id"], "completeness" in found) == ("B", False)


def test_a_lot_that_is_not_there_is_not_found(store: Seller) -> None:
    assert store.refused("GET", "/inventories/2")[:2] == (404, "RESOURCE_NOT_FOUND")
    assert store.refused("GET", "/inventories/abc")[:2] == (404, "RESOURCE_NOT_FOUND")


def test_the_list_has_every_lot_but_in_no_order() -> None:
    store = seller(*(lot(number, number % 3) for number in range(1, 60)))
    found = [each["inventory_id"] for each in store.get("/inventories")]
    assert sorted(found) == list(range(1, 60))
    assert found != sorted(found)
    assert [each["inventory_id"] for each in store.get("/inventories/")] == found


FILTERED = [
    ({}, {1, 2, 3, 4, 5, 6, 7}),
    ({"item_type": "part,set"}, {1, 2, 3, 4, 5, 6}),
    ({"item_type": "-SET"}, {1, 3, 4, 5, 6, 7}),
    ({"item_type": "PART,-SET"}, {1, 3, 4, 5, 6}),
    ({"status": "Y"}, {1, 2, 7}),
    ({"status": "y,-s"}, {1, 2, 7}),
    ({"status": "-S,-B,-C"}, {1, 2, 5, 6, 7}),
    ({"status": "S"}, {3}),
    ({"status": "B,C"}, {4}),
    ({"status": "R,N"}, {5, 6}),
    ({"color_id": "11"}, {7}),
    ({"color_id": "-11"}, {1, 2, 3, 4, 5, 6}),
    ({"category_id": 26}, {7}),
    ({"item_type": "PART", "status": "Y"}, {1}),
    ({"item_type": ""}, {1, 2, 3, 4, 5, 6, 7}),
]


@pytest.mark.parametrize(("query", "wanted"), FILTERED)
def test_filters_let_through_what_all_of_them_name(query: dict[str, object], wanted: set[int]) -> None:
    store = seller(
        lot(1, 1),
        lot(2, 1, item={"no": "7644-1", "type": "SET"}),
        lot(3, 1, is_stock_room=True),
        lot(4, 1, is_stock_room=True, stock_room_id="C"),
        lot(5, 1, status="R"),
        lot(6, 1, status="N"),
        lot(7, 1, item={"no": "sw0001a", "type": "MINIFIG", "category_id": 26}, color_id=11),
    )
    assert {each["inventory_id"] for each in store.get("/inventories", **query)} == wanted


@pytest.mark.parametrize("query", [{"item_type": "BRICK"}, {"status": "X"}, {"color_id": "red"}])
def test_a_filter_that_names_nothing_known_is_refused(store: Seller, query: dict[str, str]) -> None:
    assert store.refused("GET", "/inventories", **query)[:2] == (400, MISSING)


def test_texts_may_come_with_entities() -> None:
    texts = {"description": "O'Neil (new) & co", "remarks": "A&B"}
    store = seller(lot(1, 1, **texts), switches={"entities": "on"})
    found = store.get(ONE)
    assert found["description"] == "O&#39;Neil &#40;new&#41; &amp; co"
    assert found["remarks"] == store.get("/inventories")[0]["remarks"] == "A&amp;B"
    assert store.lots()[1]["description"] == texts["description"]


# ------------------------------------------------------------------- creating


def test_equal_bodies_make_lots_of_their_own(store: Seller) -> None:
    first, second = (store.ask("POST", "/inventories", new()).json() for _ in range(2))
    assert first["meta"] == {"description": "OK", "message": "OK_CREATED", "code": 201}
    assert 1 < first["data"]["inventory_id"] < second["data"]["inventory_id"]
    assert len(store.lots()) == 3


def test_ids_rise_with_gaps_and_never_return(store: Seller) -> None:
    numbers = [store.data("POST", "/inventories", new())["inventory_id"] for _ in range(12)]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] - numbers[0] > 11
    store.data("DELETE", f"/inventories/{numbers[-1]}")
    store.sandbox.put_world(store.sandbox.world())
    assert store.data("POST", "/inventories", new())["inventory_id"] > numbers[-1]


def test_a_list_of_lots_is_made_and_no_id_told(store: Seller) -> None:
    answer = store.ask("POST", "/inventories", [new(), new(quantity=9)]).json()
    assert (answer["meta"]["code"], answer["data"]) == (201, {})
    assert sorted(each["quantity"] for each in store.lots().values()) == [4, 5, 9]


def test_a_list_with_a_bad_lot_makes_none(store: Seller) -> None:
    assert store.refused("POST", "/inventories", [new(), new(quantity=0)])[0] == 400
    assert len(store.lots()) == 1
    assert store.sandbox.writes() == []


def test_prices_are_rounded_up_at_the_fourth_digit(store: Seller) -> None:
    made = store.data("POST", "/inventories", new(unit_price="0.12341", my_cost=0.05))
    assert (made["unit_price"], made["my_cost"]) == ("0.1235", "0.0500")


def test_a_lot_can_be_made_in_a_stockroom(store: Seller) -> None:
    made = store.data("POST", "/inventories", new(is_stock_room=True, stock_room_id="C"))
    assert (made["is_stock_room"], made["stock_room_id"]) == (True, "C")
    assert store.data("POST", "/inventories", new(is_stock_room=True))["stock_room_id"] == "A"
    assert "stock_room_id" not in store.data("POST", "/inventories", new(stock_room_id="C"))


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in new().items() if key != name}


REFUSED = [
    (without("is_retain"), "Parameter [is_retain] is missing"),
    (new(is_retain=None), "Parameter [is_retain] is missing"),
    (without("is_stock_room"), "Parameter [is_stock_room] is missing"),
    (without("quantity"), "Parameter [quantity] is missing"),
    (without("unit_price"), "Parameter [unit_price] is missing"),
    (without("new_or_used"), "Parameter [new_or_used] is missing"),
    (without("color_id"), "Parameter [color_id] is missing"),
    (without("item"), "Parameter [item.no] is missing"),
    (new(item={"no": "3001"}), "Parameter [item.type] is missing"),
    (
        new(item={"no": "3001", "type": "PART", "categoryID": 5}),
        "Unparseable value or field: [item.categoryID.]",
    ),
    (new(item={"no": "3001", "type": "P"}), "Unparseable value or field: [item.type.]"),
    (new(item={"no": "7644", "type": "SET"}, completeness="C"), "Invalid item sequence number: null"),
    (new(item={"no": "7644-1", "type": "SET"}), "Parameter [completeness] is missing"),
    (new(colour=5), "Unparseable value or field: [colour.]"),
    (new(color_id="red"), "Unparseable value or field: [color_id.]"),
    (new(is_retain="true"), "Unparseable value or field: [is_retain.]"),
    (new(unit_price="cheap"), "Unparseable value or field: [unit_price.]"),
    (new(new_or_used="X"), "Unparseable value or field: [new_or_used.]"),
    (new(quantity=0), "Invalid value: [quantity]"),
    (new(quantity=-3), "Invalid value: [quantity]"),
    (new(quantity=1.5), "Unparseable value or field: [quantity.]"),
    (new(bulk=0), "Invalid value: [bulk]"),
    (new(sale_rate=100), "Invalid value: [sale_rate]"),
    (new(unit_price="-1"), "Invalid value: [unit_price]"),
    ({**new(), **TIERS, "tier_price3": None}, "Parameter [tier_price3] is missing"),
    ({**new(), **TIERS, "tier_quantity2": 9}, "Invalid value: [tier_quantity2]"),
    ({**new(), **TIERS, "tier_price1": "0.2"}, "Invalid value: [tier_quantity1]"),
]


@pytest.mark.parametrize(("body", "description"), REFUSED, ids=[str(text) for _, text in REFUSED])
def test_a_lot_that_cannot_be_is_refused(store: Seller, body: dict[str, Any], description: str) -> None:
    assert store.refused("POST", "/inventories", body) == (400, MISSING, description)
    assert len(store.lots()) == 1


def test_an_item_must_be_in_the_catalogue_if_the_world_has_one() -> None:
    store = seller(lot(1, 5), items=[{"no": "3002"}])
    for no in ("3001", "3002"):
        store.data("POST", "/inventories", new(item={"no": no, "type": "PART"}))
    assert store.refused("POST", "/inventories", new(item={"no": "3003", "type": "PART"}))[:2] == (
        400,
        MISSING,
    )
    assert store.refused("GET", "/items/PART/3003")[0] == 404
    assert store.get("/items/part/3002")["no"] == "3002"


def test_a_body_must_be_json_and_say_so(store: Seller) -> None:
    url = "http://stand-in.example/bricklink/api/store/v1/inventories"
    for kind, code, message in (
        ("application/json", 400, "INVALID_REQUEST_BODY"),
        ("application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ):
        headers = {"Authorization": store.header("POST", url), "Content-Type": kind}
        found = store.send_bytes("POST", url, b"{", headers).json()["meta"]
        assert (found["code"], found["message"]) == (code, message)


def test_a_kind_of_content_without_a_body_is_ignored(store: Seller) -> None:
    url = "http://stand-in.example/bricklink/api/store/v1/inventories/1"
    headers = {"Authorization": store.header("GET", url), "Content-Type": "text/plain"}
    assert store.send_bytes("GET", url, b"", headers).json()["meta"]["code"] == 200


# ------------------------------------------------------------------- changing


@pytest.mark.parametrize(
    ("quantity", "after"), [("+3", 8), ("-2", 3), ("3", 8), (3, 8), (-2, 3), ("+0", 5), (0, 5), (None, 5)]
)
def test_a_quantity_is_always_added(store: Seller, quantity: object, after: int) -> None:
    assert put(store, quantity=quantity)["quantity"] == after
    assert store.quantity() == after


def test_a_lot_sent_back_as_it_was_read_doubles(store: Seller) -> None:
    store.data("PUT", ONE, store.get(ONE))
    assert store.quantity() == 10


@given(st.lists(st.integers(-9, 9), max_size=6))
def test_a_lot_holds_the_sum_of_the_changes_that_were_taken(changes: list[int]) -> None:
    store, wanted = seller(lot(1, 5)), 5
    for change in changes:
        code = store.ask("PUT", ONE, {"quantity": f"{change:+d}", "description": ""}).json()["meta"]["code"]
        assert code == (200 if wanted + change > 0 else 422)
        wanted += change if code == 200 else 0
    assert store.quantity() == wanted


def test_item_colour_and_condition_cannot_change(store: Seller) -> None:
    before = store.get(ONE)
    after = put(store, item={"no": "3002", "type": "SET"}, color_id=11, new_or_used="U", completeness="B")
    assert after == before


def test_other_fields_change_and_what_is_left_out_stays(store: Seller) -> None:
    found = put(store, remarks="A1 ev:x", unit_price="0.5", bulk=2, is_retain=True, **TIERS)
    assert (found["remarks"], found["unit_price"], found["bulk"], found["is_retain"]) == (
        "A1 ev:x",
        "0.5000",
        2,
        True,
    )
    assert found["tier_price2"] == "0.0800"
    again = put(store, quantity="+1")
    assert again == {**found, "quantity": 6}


def test_flags_that_are_left_out_may_fall_back() -> None:
    store = seller(lot(1, 5, is_retain=True, is_stock_room=True), switches={"omitted_flags": "defaults"})
    found = put(store, quantity="+1")
    assert (found["is_retain"], found["is_stock_room"], "stock_room_id" in found) == (False, False, False)


@pytest.mark.parametrize("body", [{"quantity": "+1"}, {"quantity": "+1", "description": None}])
def test_an_update_without_a_description_is_refused_unless_switched(body: dict[str, object]) -> None:
    store = seller(lot(1, 5))
    assert store.refused("PUT", ONE, body) == (400, MISSING, "String input must not be null")
    assert store.quantity() == 5
    lenient = seller(lot(1, 5, description="kept"), switches={"require_description": "off"})
    assert lenient.data("PUT", ONE, body)["description"] == "kept"
    assert lenient.quantity() == 6


@pytest.mark.parametrize(
    "body",
    [
        {"quantity": "five"},
        {"quantity": "++1"},
        {"quantity": True},
        {"name": "x"},
        {"stock_room_id": "D"},
        {"tier_quantity1": 5, "tier_price1": "0.05"},
    ],
)
def test_one_bad_field_refuses_the_whole_update(store: Seller, body: dict[str, object]) -> None:
    before = store.lots()
    given = {"description": "new", "quantity": "+1", **body}
    assert store.refused("PUT", ONE, given)[:2] == (400, MISSING)
    assert store.lots() == before


def test_zero_is_refused_on_sale_and_below_zero_always(store: Seller) -> None:
    body = {"quantity": "-5", "description": ""}
    assert store.refused("PUT", ONE, body) == (422, "RESOURCE_UPDATE_NOT_ALLOWED", ZERO)
    retained = {**body, "is_retain": True}
    assert store.refused("PUT", ONE, retained)[2] == ZERO
    stored = {**body, "is_retain": True, "is_stock_room": True, "quantity": "-6"}
    assert store.refused("PUT", ONE, stored)[0] == 422
    assert store.quantity() == 5


def test_zero_is_taken_in_a_stockroom_and_comes_back_on_sale_only_when_told(store: Seller) -> None:
    found = put(store, quantity="-5", is_retain=True, is_stock_room=True)
    assert (found["quantity"], found["is_stock_room"], found["stock_room_id"]) == (0, True, "A")
    hidden = put(store, quantity="+2")
    assert (hidden["quantity"], hidden["is_stock_room"]) == (2, True)
    assert "stock_room_id" not in put(store, quantity="+1", is_stock_room=False)
    assert store.get("/inventories", status="Y")[0]["quantity"] == 3


def test_an_empty_lot_cannot_go_on_sale() -> None:
    store = seller(lot(1, 0, is_retain=True, is_stock_room=True))
    assert store.refused("PUT", ONE, {"description": "", "is_stock_room": False})[2] == ZERO


@pytest.mark.parametrize(("position", "left"), [("kept", [0]), ("refused", [5]), ("deleted", [])])
def test_zero_without_retaining_is_as_switched(position: str, left: list[int]) -> None:
    store = seller(lot(1, 5), switches={"zero_unretained": position})
    store.ask("PUT", ONE, {"quantity": -5, "description": "", "is_retain": False, "is_stock_room": True})
    assert [each["quantity"] for each in store.lots().values()] == left


def test_an_update_of_a_lot_that_is_gone_is_not_found(store: Seller) -> None:
    assert store.refused("PUT", "/inventories/9", {"quantity": 1, "description": ""})[0] == 404


# ------------------------------------------------------------------- deleting


def test_a_deletion_is_final(store: Seller) -> None:
    response = store.ask("DELETE", ONE)
    assert (response.status_code, response.json()["meta"]["code"], response.json()["data"]) == (200, 204, {})
    assert store.refused("DELETE", ONE)[0] == 404
    assert store.lots() == {}


def test_a_deletion_may_answer_without_a_body() -> None:
    response = seller(lot(1, 5), switches={"deleted": "bare"}).ask("DELETE", ONE)
    assert (response.status_code, response.content) == (204, b"")


# ------------------------------------------------------------------- the world


def test_every_change_is_in_the_list_of_writes(store: Seller) -> None:
    made = store.data("POST", "/inventories", new())
    put(store, quantity="+2", remarks="A1")
    store.data("DELETE", ONE)
    found = store.sandbox.writes()
    assert [(each["operation"], each["what"], each["id"], each["name"]) for each in found] == [
        ("POST /inventories", "lot", made["inventory_id"], None),
        ("PUT /inventories/{id}", "lot", 1, "quantity"),
        ("PUT /inventories/{id}", "lot", 1, "remarks"),
        ("DELETE /inventories/{id}", "lot", 1, None),
    ]
    assert (found[0]["before"], found[0]["after"]) == (None, made)
    assert (found[1]["before"], found[1]["after"]) == (5, 7)
    assert (found[3]["before"]["quantity"], found[3]["after"]) == (7, None)  # type: ignore[index]
    assert [call["wrote"] for call in store.sandbox.calls()] == [True, True, True]


def test_a_store_read_and_written_is_the_same_store() -> None:
    boxed = {"item": {"no": "7644-1", "type": "SET"}, "completeness": "S"}
    store = seller(
        lot(1, 5, **TIERS, unit_price="0.2", status="R"),
        lot(2, 1, **boxed, is_stock_room=True, date_created="2026-01-02T12:00:00Z"),
        items=[{"no": "3005", "name": "Brick 1 x 1"}],
        orders=[{"items": [[{"inventory_id": 1, "quantity": 2}]], "payment": {"status": "Received"}}],
        callback_url="http://127.0.0.1:1/x",
    )
    store.sandbox.event({"system": "bricklink", "kind": "edit", "lot": 2, "quantity": 3})
    first = store.sandbox.world()
    assert first["bricklink"]["default"]["lots"][1]["date_created"] == "2026-01-02T05:00:00.000Z"
    store.sandbox.put_world(first)
    assert store.sandbox.world() == first


@pytest.mark.parametrize(
    ("section", "place"),
    [
        ({"lots": [{"color_id": 5}]}, r"lots\[0\]: 'item' is missing"),
        ({"lots": [lot(1, -1)]}, r"lots\[0\]\.quantity"),
        ({"lots": [lot(1, 1, colour=5)]}, r"unknown key 'colour'; did you mean"),
        ({"lots": [lot(1, 1), lot(1, 1)]}, "the id 1 is there twice"),
        ({"lots": [lot(1, 1, unit_price="x")]}, r"unit_price: must be an amount"),
        ({"secret": "x"}, "unknown key 'secret'"),
        ([], "must be an object"),
    ],
)
def test_a_store_that_cannot_be_is_told_in_one_line(section: object, place: str) -> None:
    with pytest.raises(WorldError, match=place):
        Sandbox({"bricklink": {"default": section}})


def test_a_world_that_cannot_be_leaves_the_old_one(store: Seller) -> None:
    with pytest.raises(WorldError):
        store.sandbox.put_world({"bricklink": {"default": {"lots": [{}]}}})
    assert store.quantity() == 5


def test_a_world_without_a_store_has_no_such_path() -> None:
    with Sandbox() as sandbox:
        assert Seller(sandbox).ask("GET", "/inventories").status_code == 404
        assert sandbox.calls() == []


def test_the_settings_point_at_the_first_store(store: Seller) -> None:
    found = store.sandbox.settings("http://127.0.0.1:8710")
    assert {name: value for name, value in found.items() if name.startswith("BRICKLINK")} == {
        "BRICKLINK_BASE_URL": "http://127.0.0.1:8710/bricklink/api/store/v1",
        "BRICKLINK_CONSUMER_KEY": "default-consumer-key",
        "BRICKLINK_CONSUMER_SECRET": "default-consumer-secret",
        "BRICKLINK_TOKEN": "default-token",
        "BRICKLINK_TOKEN_SECRET": "default-token-secret",
    }


def test_times_follow_the_stand_ins_clock(store: Seller) -> None:
    assert store.sandbox.clock.now() == NOW
    assert store.data("POST", "/inventories", new())["date_created"].startswith("2026-11-21")
