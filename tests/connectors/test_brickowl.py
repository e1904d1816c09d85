"""What Brick Owl is told, how its answers are read and judged, and which of its items a part is: all pure.

Samples are those of https://www.brickowl.com/api_docs and of clients that others wrote.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connectors.brickowl import calls, choose, judge, readers, terms
from connectors.brickowl.verdict import of_part
from connectors.errors import (
    ConnectorError,
    Malformed,
    Refused,
    Unauthorised,
    UnknownOutcome,
)
from connectors.http import Answer, Call
from connectors.market import Change, NewLot, Part
from connectors.records import JsonObject, JsonValue

BRICK = Part("PART", "3001", 5, "new")
SET = Part("SET", "75192-1", 0, "new", "S")
NEW = NewLot(BRICK, 4, Decimal("0.1234"), "ev:abcdefghijkl", "C3", "nice", "771344-38")
MARK = "ev:abcdefghijkl"
LOT: JsonObject = {
    "lot_id": "7351872",
    "boid": "306255-64",
    "owl_id": "306255",
    "type": "Part",
    "qty": "12",
    "con": "used",
    "full_con": "usedg",
    "base_price": "0.100",
    "price": "0.090",
    "final_price": "0.090",
    "sale_percent": "10",
    "tier_price": None,
    "bulk_qty": "1",
    "for_sale": "1",
    "my_cost": None,
    "personal_note": "C3",
    "public_note": None,
    "reserve_uid": 0,
    "external_lot_ids": {"other": MARK},
    "ids": [{"id": "3001", "type": "design_id"}],
}


def answer(body: JsonValue, status: int = 200) -> Answer:
    return Answer(status, {}, body, datetime(2026, 11, 21, 10, tzinfo=UTC))


# ------------------------------------------------------------------------ what we say


def test_the_key_goes_into_the_query_of_a_get_and_the_form_of_a_post() -> None:
    get = calls.keyed(calls.lot("5", "orders"), "k-1")
    post = calls.keyed(calls.delete("5"), "k-1")
    assert (get.params, get.form) == ({"key": "k-1", "active_only": "0", "lot_id": "5"}, None)
    assert (post.params, post.form) == ({}, {"key": "k-1", "lot_id": "5"})
    assert get.hidden == post.hidden == ("k-1",)
    assert "k-1" not in f"{get!r}{post!r}"


def test_every_list_of_lots_asks_for_those_that_nobody_can_buy() -> None:
    assert calls.lots("notes").params["active_only"] == "0"
    assert calls.lot("5", "notes").params["active_only"] == "0"


def test_a_create_says_all_that_it_may_and_tags_the_lot() -> None:
    call = calls.create(NEW, "771344-38")
    assert call.form == {
        "boid": "771344-38",
        "quantity": "4",
        "price": "0.123",
        "condition": "new",
        "external_id": MARK,
    }
    assert (call.writes, call.repeatable, call.lane) == (True, False, "creations")


@pytest.mark.parametrize(
    ("change", "form"),
    [
        (Change(-2), {"relative_quantity": "-2"}),
        (Change(3), {"relative_quantity": "3"}),
        (Change(price=Decimal("0.5")), {"price": "0.500"}),
        (Change(text="a\r\nb", public_text=""), {"personal_note": "a\nb", "public_note": ""}),
        (Change(1, marker=MARK), {"relative_quantity": "1", "update_external_id_1": MARK}),
    ],
)
def test_a_change_names_what_changes_and_never_sets_a_quantity(change: Change, form: dict[str, str]) -> None:
    call = calls.change("5", change)
    assert call.form == {"lot_id": "5", **form}
    assert call.lane == change.lane


@pytest.mark.parametrize("amount", ["0.0009", "0.0005", "0.0004", "0", "-1"])
def test_a_price_that_would_be_nothing_is_refused_at_home(amount: str) -> None:
    with pytest.raises(Refused, match="the lowest is") as caught:
        calls.change("5", Change(price=Decimal(amount)))
    assert caught.value.codes == {"price"}


@pytest.mark.parametrize(
    ("amount", "shown"), [("0.0015", "0.002"), ("0.001", "0.001"), ("12.3456", "12.346")]
)
def test_prices_have_three_decimals_rounded_half_up(amount: str, shown: str) -> None:
    assert str(terms.price(Decimal(amount))) == shown
    assert terms.sellable(Decimal(amount)) == shown


def test_a_batch_is_one_form_field_with_signed_quantities() -> None:
    call = calls.batch([("5", Change(-2)), ("6", Change(3))])
    assert call.form is not None
    assert json.loads(call.form["requests"])["requests"] == [
        {
            "endpoint": "inventory/update",
            "request_method": "POST",
            "params": [{"lot_id": "5", "relative_quantity": -2}],
        },
        {
            "endpoint": "inventory/update",
            "request_method": "POST",
            "params": [{"lot_id": "6", "relative_quantity": 3}],
        },
    ]
    assert call.writes
    assert not call.repeatable


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        (Change(1), True),
        (Change(), False),
        (Change(1, price=Decimal(1)), False),
        (Change(1, text=""), False),
        (Change(1, marker=MARK), False),
    ],
)
def test_a_batch_carries_quantities_alone(change: Change, fits: bool) -> None:  # noqa: FBT001
    assert calls.is_for_batch(change) is fits


# ------------------------------------------------------------------------ words


@pytest.mark.parametrize(
    ("part", "code"),
    [
        (BRICK, "new"),
        (Part("PART", "3001", 5, "used"), "usedg"),
        (Part("MINIFIG", "sw0001", 0, "used"), "usedg"),
        (Part("GEAR", "853914", 0, "new"), "new"),
        (SET, "news"),
        (Part("SET", "75192-1", 0, "new", "C"), "newc"),
        (Part("SET", "75192-1", 0, "new", "B"), "newi"),
        (Part("SET", "75192-1", 0, "used", "C"), "usedc"),
        (Part("SET", "75192-1", 0, "used", "B"), "usedi"),
        (Part("ORIGINAL_BOX", "75192-1", 0, "new"), "usedn"),
        (Part("ORIGINAL_BOX", "75192-1", 0, "used"), "usedg"),
    ],
)
def test_a_condition_has_a_code(part: Part, code: str) -> None:
    assert terms.condition(part) == code


@pytest.mark.parametrize("part", [Part("SET", "1-1", 0, "new"), Part("SET", "1-1", 0, "used", "S")])
def test_a_set_that_does_not_say_how_complete_it_is_is_refused(part: Part) -> None:
    with pytest.raises(Refused) as caught:
        terms.condition(part)
    assert caught.value.codes == {"condition"}


def test_stickers_are_no_parts_and_books_are_nothing() -> None:
    assert terms.type_of("PART", "3626stk01") == "Sticker"
    assert terms.type_of("part", "3001") == "Part"
    with pytest.raises(Refused, match="BOOK"):
        terms.type_of("BOOK", "b1")


@pytest.mark.parametrize(
    ("boid", "kind", "code", "key"),
    [
        ("771344-38", "Part", "new", "771344-38/new"),
        ("771344-38", "Part", "usedn", "771344-38/used"),
        ("771344-38", "Part", "useda", "771344-38/used"),
        ("600200", "Gear", "news", "600200/new"),
        ("500100", "Set", "usedc", "500100/usedc"),
        ("500100", "Set", "news", "500100/news"),
        ("800", "Packaging", "usedn", "800/usedn"),
    ],
)
def test_a_key_is_the_same_for_all_grades_but_not_for_sets(boid: str, kind: str, code: str, key: str) -> None:
    assert terms.key(boid, kind, code) == key


@pytest.mark.parametrize(
    ("kind", "no", "spelled"),
    [
        ("Set", "75192-1", ("75192-1", "75192")),
        ("Set", "75192", ("75192", "75192-1")),
        ("Set", "75192-2", ("75192-2",)),
        ("Part", "3001-1", ("3001-1",)),
    ],
)
def test_a_set_is_looked_up_with_its_version_and_without(
    kind: str, no: str, spelled: tuple[str, ...]
) -> None:
    assert terms.numbers(kind, no) == spelled


# ------------------------------------------------------------------------ which item


COLORS = {5: [38], 9: [43, 44]}


@pytest.mark.parametrize(
    ("part", "boids", "chosen"),
    [
        (BRICK, ["771344"], "771344-38"),
        (BRICK, ["771344", "771344-38", "771344-39"], "771344-38"),
        (BRICK, ["771344-39", "771344-38"], "771344-38"),
        (BRICK, ["771344", "700300-39"], "771344-38"),
        (SET, ["500100"], "500100"),
        (Part("GEAR", "853914", 0, "new"), ["600200"], "600200"),
        (Part("GEAR", "853914", 5, "new"), ["600200"], "600200-38"),
        (Part("PART", "3626stk01", 0, "new"), ["4000"], "4000"),
    ],
)
def test_the_item_without_a_colour_is_chosen_and_the_colour_added(
    part: Part, boids: list[str], chosen: str
) -> None:
    assert choose(part, boids, COLORS) == chosen


@pytest.mark.parametrize(
    ("part", "boids", "code", "shown"),
    [
        (BRICK, [], "no_item", ["3001"]),
        (BRICK, ["700300", "700301"], "ambiguous", ["700300", "700301"]),
        (BRICK, ["1-38", "2-38"], "ambiguous", ["1-38", "2-38"]),
        # Another item of that number has just this colour: which one is meant, only a person can say.
        (BRICK, ["771344", "700300-38"], "ambiguous", ["771344", "700300-38"]),
        (BRICK, ["1-39"], "no_color", ["3001"]),
        (replace(BRICK, color_id=77), ["771344"], "no_color", ["77"]),
        (replace(BRICK, color_id=0), ["771344"], "no_color", ["0"]),
        (replace(BRICK, color_id=9), ["771344"], "ambiguous", ["43", "44"]),
        (SET, ["1", "2"], "ambiguous", ["1", "2"]),
    ],
)
def test_what_is_ambiguous_is_refused_with_all_candidates(
    part: Part, boids: list[str], code: str, shown: list[str]
) -> None:
    with pytest.raises(Refused) as caught:
        choose(part, boids, COLORS)
    assert caught.value.codes == {code}
    assert all(each in str(caught.value) for each in shown)


# ------------------------------------------------------------------------ what we hear


def test_a_lot_is_read_with_its_listed_price_and_its_marker() -> None:
    lot = readers.lot(LOT)
    assert (lot.lot_id, lot.key, lot.quantity, lot.price) == ("7351872", "306255-64/used", 12, Decimal("0.1"))
    assert (lot.marker, lot.text, lot.public_text, lot.on_sale) == (MARK, "C3", "", True)


@pytest.mark.parametrize(
    ("changed", "marker", "on_sale"),
    [
        ({"external_lot_ids": []}, None, True),
        ({"external_lot_ids": None}, None, True),
        ({"external_lot_ids": {"other": 55984821}}, None, True),
        ({"external_lot_ids": [{"other": MARK}]}, MARK, True),
        ({"qty": 12, "lot_id": 7351872, "for_sale": 0}, MARK, False),
        ({"qty": "0"}, MARK, False),
        ({"for_sale": None}, MARK, True),
    ],
)
def test_a_lot_is_read_whatever_form_its_values_have(
    changed: JsonObject,
    marker: str | None,
    on_sale: bool,  # noqa: FBT001
) -> None:
    lot = readers.lot(LOT | changed)
    assert (lot.lot_id, lot.marker, lot.on_sale) == ("7351872", marker, on_sale)


def test_a_condition_may_be_told_coarsely() -> None:
    assert readers.lot(LOT | {"full_con": None}).key == "306255-64/used"
    assert readers.lot(LOT | {"full_con": None, "con": "newc"}).key == "306255-64/new"


@pytest.mark.parametrize(
    "wrong",
    [
        {"qty": None},
        {"qty": "many"},
        {"qty": "1.5"},
        {"qty": "-3"},
        {"lot_id": None},
        {"lot_id": " "},
        {"boid": ""},
        {"base_price": "free"},
    ],
)
def test_a_number_is_never_made_up(wrong: JsonObject) -> None:
    with pytest.raises(Malformed):
        readers.lot(LOT | wrong)


@pytest.mark.parametrize(("body", "count"), [([LOT, LOT], 2), (LOT, 1), ([], 0), ({}, 0)])
def test_a_list_may_come_as_its_only_entry(body: JsonValue, count: int) -> None:
    assert len(readers.lots(answer(body))) == count


@pytest.mark.parametrize("body", [None, "", 5, [None], ["7351872"]])
def test_a_list_that_is_none_is_malformed(body: JsonValue) -> None:
    with pytest.raises(Malformed):
        readers.lots(answer(body))


def test_colours_are_turned_round() -> None:
    body: JsonValue = {
        "38": {"id": "38", "name": "Red", "bl_ids": ["5"]},
        "43": {"id": 43, "name": "Gray", "bl_ids": [9, "86"]},
        "44": {"id": "44", "name": "Old Gray", "bl_ids": ["9"]},
        "50": {"id": "50", "name": "Teal", "bl_ids": []},
        "51": {"id": "51", "name": "Sand", "bl_ids": None},
    }
    assert readers.colors(answer(body)) == {5: [38], 9: [43, 44], 86: [43]}
    assert readers.colors(answer([])) == {}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"boids": ["771344", "771344-38"]}, ["771344", "771344-38"]),
        ({"boids": [771344, "771344"]}, ["771344"]),
        ({"boids": []}, []),
        ({"boids": None}, []),
        ([], []),
    ],
)
def test_a_look_up_has_one_boid_several_or_none(body: JsonValue, found: list[str]) -> None:
    assert readers.boids(answer(body)) == found


HEAD: JsonObject = {
    "order_id": "4000001",
    "order_date": "1795255200",
    "total_quantity": "3",
    "total_lots": None,
    "base_order_total": "0.300",
    "status": "Payment Submitted",
    "status_id": "1",
}
LINE: JsonObject = {
    "order_item_id": "90001",
    "lot_id": "7351872",
    "boid": "306255-64",
    "type": "Part",
    "condition": "Used (Good)",
    "full_con": "usedg",
    "ordered_quantity": "5",
    "refunded_quantity": "2",
    "remaining_quantity": "77",
    "bl_lot_id": None,
    "external_lot_ids": {"other": MARK},
}


def test_an_order_is_read_with_its_lines_less_refunds() -> None:
    (head,) = readers.order_heads(answer(HEAD), [])
    view = readers.order_view(answer({"updated_time": 1795255260, "combine_with": None}))
    order = readers.order(head, view, readers.order_lines(answer([LINE])))
    assert (order.order_id, order.status, order.state) == ("4000001", "Payment Submitted", "open")
    assert order.ordered_at == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert order.changed_at == datetime(2026, 11, 21, 10, 1, tzinfo=UTC)
    assert order.lines is not None
    (line,) = order.lines
    assert (line.line_id, line.lot_id, line.key) == ("90001", "7351872", "306255-64/used")
    assert (line.marker, line.quantity) == (MARK, 3)
    assert order.combined_into is None


@pytest.mark.parametrize(
    ("status", "state"), [("8", "cancelled"), (8, "cancelled"), ("0", "open"), ("99", "open")]
)
def test_only_a_cancelled_order_is_not_open(status: JsonValue, state: str) -> None:
    assert readers.order_heads(answer([HEAD | {"status_id": status}]), [])[0].state == state


@pytest.mark.parametrize(("told", "into"), [("4000002", "4000002"), (0, None), ("", None), ("0", None)])
def test_an_order_may_have_gone_into_another(told: JsonValue, into: str | None) -> None:
    assert readers.order_view(answer({"combine_with": told})).combined_into == into


def test_a_line_may_lack_what_is_empty() -> None:
    bare = LINE | {"full_con": None, "refunded_quantity": None, "external_lot_ids": [], "lot_id": None}
    (line,) = readers.order_lines(answer(bare))
    assert (line.key, line.quantity, line.marker, line.lot_id) == ("306255-64/used", 5, None, "")


@pytest.mark.parametrize("lot_id", [None, "", " ", 0.5, "7\ud83d", "7\x00", []])
def test_a_lot_that_was_made_has_an_id(lot_id: JsonValue) -> None:
    with pytest.raises(Malformed):
        readers.created(answer({"status": "success", "lot_id": lot_id}))


def test_a_status_can_be_stored_whatever_it_says() -> None:
    (head,) = readers.order_heads(answer(HEAD | {"status": "On\ud83d hold\x00" + "!" * 99}), [])
    assert head.status.startswith("On hold !")
    assert (len(head.status), head.status.isprintable()) == (64, True)


def test_a_line_that_is_told_twice_counts_once() -> None:
    assert len(readers.order_lines(answer([LINE, LINE]))) == 1
    with pytest.raises(Malformed, match="come to 5 units, announced are 10"):
        readers.order_lines(answer([LINE, LINE]), 10)


@pytest.mark.parametrize(
    "wrong", [{"ordered_quantity": "-5"}, {"refunded_quantity": "-2"}, {"ordered_quantity": "1e999999999"}]
)
def test_a_line_is_no_less_than_nothing_and_no_more_than_was_ordered(wrong: JsonObject) -> None:
    with pytest.raises(Malformed, match=r"order\.item"):
        readers.order_lines(answer(LINE | wrong))


def test_a_stamp_moves_with_everything_that_is_listed_and_with_the_time_of_change() -> None:
    view = readers.order_view(answer({"updated_time": "1795255260"}))
    (head,) = readers.order_heads(answer(HEAD), [])
    stamps = {view.stamp(head)}
    for moved in (
        {"status_id": "2"},
        {"total_quantity": "4"},
        {"total_lots": "2"},
        {"base_order_total": "1"},
    ):
        (other,) = readers.order_heads(answer(HEAD | moved), [])
        stamps.add(view.stamp(other))
        assert not other.is_shown_by(view.stamp(head))
    stamps.add(readers.order_view(answer({"updated_time": "1795255261"})).stamp(head))
    stamps.add(readers.order_view(answer({})).stamp(head))
    assert len(stamps) == 7
    assert head.is_shown_by(view.stamp(head))


def test_a_store_is_told_or_missing() -> None:
    body: JsonObject = {"username": "jo", "store_details": {"name": "Jo's", "base_currency": "EUR"}}
    assert readers.store(answer(body)) == readers.Store("Jo's", "EUR")
    assert readers.store(answer(body | {"store_details": []})) is None


# ------------------------------------------------------------------------ judgement


WRITE = calls.change("5", Change(-2))
READ = calls.lots("notes")
LOOK = calls.color_list()


def said(text: str) -> JsonObject:
    return {"error": {"status": text}}


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (WRITE, {"status": "success"}),
        (WRITE, {"status": "Success"}),
        (WRITE, {"status": "success", "lot_id": "5"}),
        (READ, []),
        (READ, [LOT]),
        (calls.batch([("5", Change(1))]), [{"req_num": 1, "code": 404, "body": []}]),
    ],
)
def test_a_success_passes(call: Call, body: JsonValue) -> None:
    judge(call, answer(body))


@pytest.mark.parametrize(
    ("call", "status", "body", "kind", "codes"),
    [
        (READ, 403, said("Invalid key"), Unauthorised, None),
        (WRITE, 400, said("Invalid key"), Unauthorised, None),
        (WRITE, 200, said("Invalid key"), Unauthorised, None),
        (LOOK, 403, said("Invalid key"), Unauthorised, None),
        (READ, 400, said("Store not found, you may need to set list_type=customer"), Unauthorised, None),
        (LOOK, 403, said("no permission"), Refused, {"no_catalogue"}),
        (WRITE, 404, said("Lot not found"), Refused, {"404"}),
        (WRITE, 400, said("Lot not found"), Refused, {"404"}),
        (WRITE, 404, [], Refused, {"404"}),
        (WRITE, 400, said("Invalid BOID 5"), Refused, {"no_item"}),
        (WRITE, 400, said("This item is scheduled for deletion."), Refused, {"retired"}),
        (WRITE, 400, {"error": "wrong"}, Refused, {"400"}),
        (WRITE, 400, {"errors": ["wrong"]}, Refused, {"400"}),
        (READ, 200, said("something odd"), Refused, {"200"}),
        (WRITE, 200, said("something odd"), UnknownOutcome, None),
        (WRITE, 200, {"status": "queued"}, UnknownOutcome, None),
        (WRITE, 200, {"lot_id": "5"}, UnknownOutcome, None),
        (WRITE, 200, [], UnknownOutcome, None),
        (WRITE, 404, None, UnknownOutcome, None),
        (READ, 404, None, Malformed, None),
        (calls.batch([("5", Change(1))]), 200, said("odd"), UnknownOutcome, None),
    ],
)
def test_an_answer_means_what_its_status_and_text_say(
    call: Call, status: int, body: JsonValue, kind: type[ConnectorError], codes: object
) -> None:
    with pytest.raises(ConnectorError) as caught:
        judge(call, answer(body, status))
    assert type(caught.value) is kind
    if isinstance(caught.value, Refused):
        assert caught.value.codes == codes


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 502])
def test_what_http_can_judge_is_left_to_it(status: int) -> None:
    judge(WRITE, answer(None, status))


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ({"code": 200, "body": {"status": "success"}}, None),
        ({"code": "200", "body": {"status": "Success"}}, None),
        ({"code": 404, "body": []}, Refused),
        ({"code": 400, "body": said("Invalid relative_quantity")}, Refused),
        ({"code": 403, "body": said("Invalid key")}, Unauthorised),
        ({"code": 200, "body": []}, UnknownOutcome),
        ({"code": 200, "body": said("odd")}, UnknownOutcome),
        ({"code": 500, "body": []}, UnknownOutcome),
        ({"body": {"status": "success"}}, UnknownOutcome),
        (None, UnknownOutcome),
    ],
)
def test_a_part_of_a_batch_is_done_refused_or_unclear(
    part: JsonObject | None, kind: type[ConnectorError] | None
) -> None:
    assert type(of_part(1, part)) is (kind or type(None))


DONE: JsonObject = {"code": 200, "body": {"status": "success"}}


@pytest.mark.parametrize(
    ("body", "unclear"),
    [
        ([{"req_num": 1, **DONE}, {"req_num": 2, **DONE}], []),
        ([{"req_num": "2", **DONE}, {"req_num": "1", **DONE}], []),
        ([{"req_num": 1, **DONE}], [2]),
        ({"req_num": 2, **DONE}, [1]),
        ([], [1, 2]),
        ([{"req_num": 1, **DONE}, {"req_num": 1, **DONE}], [1, 2]),
        ([{"req_num": 1, **DONE}, {"req_num": 3, **DONE}], [2]),
        ([DONE, DONE], [1, 2]),
        ([1, 2], [1, 2]),
        (None, [1, 2]),
        ("done", [1, 2]),
    ],
)
def test_a_part_that_was_not_answered_is_unclear(body: JsonValue, unclear: list[int]) -> None:
    found = readers.batch(answer(body), 2)
    assert [number for number, each in enumerate(found, 1) if isinstance(each, UnknownOutcome)] == unclear
    assert [each for each in found if each is not None and not isinstance(each, UnknownOutcome)] == []
