"""Lots of the Brick Owl stand-in: the rules of `inventory/*` and of `bulk/batch`."""

import httpx
import pytest

from tests.sandbox.owl import Owl, error, lot, owl, section

NEW = {"boid": "771344-38", "quantity": 4, "price": "0.12", "condition": "new"}


def test_a_lot_is_shown_with_numbers_as_text() -> None:
    shop = owl(section(lot(7351872, external_id="ev:abc", personal_note="C3", sale_percent=10)))
    (shown,) = shop.lots()
    assert shown["lot_id"] == "7351872"
    assert (shown["qty"], shown["con"], shown["full_con"]) == ("12", "new", "new")
    assert (shown["base_price"], shown["price"], shown["final_price"]) == ("0.100", "0.090", "0.090")
    assert shown["external_lot_ids"] == {"other": "ev:abc"}
    assert (shown["personal_note"], shown["public_note"], shown["tier_price"]) == ("C3", None, [])


def test_a_lot_without_the_sellers_id_has_an_empty_list_for_it() -> None:
    assert owl().lots()[0]["external_lot_ids"] == []


def test_a_list_leaves_out_what_cannot_be_bought_unless_told_otherwise() -> None:
    shop = owl(section(lot(1), lot(2, qty=0), lot(3, for_sale=False)))
    assert [each["lot_id"] for each in shop.get("inventory/list").json()] == ["1"]
    assert [each["lot_id"] for each in shop.lots()] == ["1", "2", "3"]
    assert shop.get("inventory/list", lot_id=2).json() == []


def test_a_list_is_narrowed_by_lot_seller_id_and_type() -> None:
    shop = owl(section(lot(1, external_id="a"), lot(2, "500100", con="news"), lot(3, external_id="a")))
    assert [each["lot_id"] for each in shop.lots(lot_id=2)] == ["2"]
    assert [each["lot_id"] for each in shop.lots(external_id_1="a")] == ["1", "3"]
    assert [each["lot_id"] for each in shop.lots(type="Set")] == ["2"]
    assert shop.lots(lot_id=9) == []


def test_a_lone_entry_may_come_bare() -> None:
    shop = owl(single="bare")
    assert shop.lots()["lot_id"] == "1"


def test_a_create_answers_with_the_id_alone_and_the_lot_is_on_sale() -> None:
    shop = owl()
    answer = shop.post("inventory/create", **NEW, external_id="ev:one").json()
    assert answer == {"status": "success", "lot_id": "7350001"}
    (made,) = shop.lots(external_id_1="ev:one")
    assert (made["qty"], made["base_price"], made["for_sale"]) == ("4", "0.120", "1")


def test_a_create_takes_the_colour_apart_from_the_boid() -> None:
    shop = owl()
    shop.post("inventory/create", **NEW | {"boid": "771344"}, color_id=38)
    assert shop.world["lots"][-1]["boid"] == "771344-38"


def test_success_may_be_written_large() -> None:
    assert owl(success="capital").post("inventory/create", **NEW).json()["status"] == "Success"


def test_a_create_ignores_notes_unless_switched() -> None:
    for position, note in (("ignored", ""), ("taken", "hello")):
        shop = owl(create_extras=position)
        shop.post("inventory/create", **NEW, public_note="hello")
        assert shop.world["lots"][-1]["public_note"] == note


def test_the_same_seller_id_makes_two_lots_unless_switched() -> None:
    shop, strict = owl(), owl(external_id="unique")
    for each in (shop, strict):
        each.post("inventory/create", **NEW, external_id="a")
    assert shop.post("inventory/create", **NEW, external_id="a").status_code == 200
    assert strict.post("inventory/create", **NEW, external_id="a").status_code == 400
    assert (len(shop.world["lots"]), len(strict.world["lots"])) == (3, 2)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"boid": "999-38"}, "Invalid BOID"),
        ({"boid": "911000-38"}, "scheduled for deletion"),
        ({"boid": "771344"}, "color_id"),
        ({"boid": "771344-999"}, "color_id"),
        ({"boid": "771344-38", "color_id": 39}, "color_id"),
        ({"boid": "500100-38"}, "color_id"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": "2.5"}, "quantity"),
        ({"price": "0.0004"}, "price"),
        ({"price": "-1"}, "price"),
        ({"price": "cheap"}, "price"),
        ({"condition": "New"}, "condition"),
        ({"condition": ""}, "condition"),
    ],
)
def test_a_create_is_refused(wrong: dict[str, object], says: str) -> None:
    shop = owl()
    answer = shop.post("inventory/create", **NEW | wrong)
    assert answer.status_code == 400
    assert says in error(answer)
    assert len(shop.world["lots"]) == 1


def test_gear_may_have_a_colour_and_sets_have_none() -> None:
    shop = owl()
    for boid, condition in (("600200", "new"), ("600200-38", "new"), ("500100", "news")):
        answer = shop.post("inventory/create", **NEW | {"boid": boid, "condition": condition})
        assert answer.status_code == 200
        assert shop.world["lots"][-1]["boid"] == boid


def test_prices_are_rounded_half_up_to_three_decimals() -> None:
    shop = owl()
    shop.post("inventory/update", lot_id=1, price="0.1235")
    assert shop.world["lots"][0]["price"] == "0.124"


def test_an_update_changes_what_is_given_and_nothing_else() -> None:
    shop = owl(section(lot(1, personal_note="A", public_note="B")))
    assert shop.post("inventory/update", lot_id=1, personal_note="C").json() == {"status": "success"}
    now = shop.world["lots"][0]
    assert (now["personal_note"], now["public_note"], now["qty"], now["price"]) == ("C", "B", 12, "0.100")


def test_quantities_are_set_or_added() -> None:
    shop = owl()
    shop.post("inventory/update", lot_id=1, relative_quantity=-5)
    assert shop.quantity(1) == 7
    shop.post("inventory/update", lot_id=1, relative_quantity="+2")
    assert shop.quantity(1) == 9
    shop.post("inventory/update", lot_id=1, absolute_quantity=0)
    assert shop.quantity(1) == 0
    assert shop.lots()[0]["qty"] == "0"


def test_an_unknown_argument_is_ignored_without_a_word() -> None:
    shop = owl()
    assert shop.post("inventory/update", lot_id=1, price="0.2", sale_percentage=5).status_code == 200
    assert shop.world["lots"][0]["sale_percent"] == 0


def test_tiers_sale_and_seller_id_are_written() -> None:
    shop = owl()
    shop.post("inventory/update", lot_id=1, tier_price="100:0.05,200:0.04", sale_percent=-10)
    shop.post("inventory/update", lot_id=1, update_external_id_1="ev:x")
    (shown,) = shop.lots(external_id_1="ev:x")
    assert shown["tier_price"] == [["100", "0.050"], ["200", "0.040"]]
    assert shown["final_price"] == "0.110"
    shop.post("inventory/update", external_id="ev:x", tier_price="remove")
    assert shop.world["lots"][0]["tier_price"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"lot_id": 1},
        {"lot_id": 1, "sale_percentage": 5},
        {"relative_quantity": 1},
        {"lot_id": 1, "external_id": "a", "relative_quantity": 1},
        {"external_id": "a", "relative_quantity": 1},
        {"lot_id": 1, "relative_quantity": -13},
        {"lot_id": 1, "relative_quantity": 1, "absolute_quantity": 1},
        {"lot_id": 1, "absolute_quantity": -1},
        {"lot_id": 1, "sale_percent": 96},
        {"lot_id": 1, "tier_price": "1:1,2:1,3:1,4:1"},
        {"lot_id": 1, "condition": "Used"},
        {"lot_id": 1, "for_sale": "yes"},
        {"lot_id": 3, "price": "1"},
    ],
)
def test_an_update_is_refused_and_changes_nothing(wrong: dict[str, object]) -> None:
    shop = owl(section(lot(1, external_id="a"), lot(2, external_id="a"), lot(3, "911000-38")))
    before = shop.world["lots"]
    answer = shop.post("inventory/update", **wrong)
    assert answer.status_code == 400
    assert error(answer)
    assert shop.world["lots"] == before


def test_a_lot_is_deleted_once() -> None:
    shop = owl()
    assert shop.post("inventory/delete", lot_id=1).json() == {"status": "success"}
    assert shop.world["lots"] == []
    again = shop.post("inventory/delete", lot_id=1)
    assert (again.status_code, error(again)) == (404, "Lot not found")
    assert shop.post("inventory/update", lot_id=1, relative_quantity=1).status_code == 404


# ------------------------------------------------------------------------ batches


def codes(answer: httpx.Response) -> list[int]:
    return [part["code"] for part in answer.json()]


def test_the_parts_of_a_batch_are_independent() -> None:
    shop = owl(section(lot(1), lot(2)))
    answer = shop.batch(
        {"lot_id": "1", "relative_quantity": -2},
        {"lot_id": "9", "relative_quantity": -2},
        {"lot_id": 2, "relative_quantity": -20},
        {"lot_id": 2, "relative_quantity": -2},
    )
    assert answer.status_code == 200
    assert codes(answer) == [200, 404, 400, 200]
    assert answer.json()[:2] == [
        {"req_num": 1, "code": 200, "body": {"status": "success"}},
        {"req_num": 2, "code": 404, "body": []},
    ]
    assert (shop.quantity(1), shop.quantity(2)) == (10, 10)


def test_a_batch_ignores_everything_but_quantities_with_success() -> None:
    shop, other = owl(), owl(batch="everything")
    for each in (shop, other):
        assert codes(each.batch({"lot_id": 1, "price": "0.5"})) == [200]
        assert codes(each.batch({"lot_id": 1, "price": "0.6", "relative_quantity": 1})) == [200]
        assert each.quantity(1) == 13
    assert (shop.world["lots"][0]["price"], other.world["lots"][0]["price"]) == ("0.100", "0.600")


def test_a_batch_has_at_most_fifty_parts() -> None:
    shop = owl()
    assert codes(shop.batch(*[{"lot_id": 1, "relative_quantity": 1}] * 50)) == [200] * 50
    assert shop.batch(*[{"lot_id": 1, "relative_quantity": 1}] * 51).status_code == 400
    assert shop.quantity(1) == 62


@pytest.mark.parametrize("requests", ["", "[]", "{}", '{"requests": []}', '{"requests": 5}', "no json"])
def test_a_batch_that_cannot_be_read_is_refused(requests: str) -> None:
    assert owl().post("bulk/batch", requests=requests).status_code == 400


def test_a_part_that_cannot_be_read_fails_alone() -> None:
    shop = owl()
    assert codes(shop.batch({"lot_id": 1}, endpoint="inventory/nothing")) == [404]
    assert codes(shop.batch({"lot_id": 1}, endpoint="inventory/list")) == [405]
    assert codes(shop.batch({"lot_id": 1}, endpoint="bulk/batch")) == [404]


@pytest.mark.parametrize(("position", "answers"), [("all", 2), ("first", 1), ("none", 0)])
def test_answers_of_a_batch_may_be_missing(position: str, answers: int) -> None:
    shop = owl(section(lot(1), lot(2)), batch_answers=position)
    found = shop.batch({"lot_id": 1, "relative_quantity": 1}, {"lot_id": 2, "relative_quantity": 1})
    assert len(found.json()) == answers
    assert (shop.quantity(1), shop.quantity(2)) == (13, 13)


def test_half_a_batch_is_done_and_then_the_line_is_cut() -> None:
    shop = owl(section(*[lot(number) for number in range(1, 5)]))
    shop.fault("partial", operation="POST /bulk/batch")
    with pytest.raises(httpx.RemoteProtocolError):
        shop.batch(*[{"lot_id": number, "relative_quantity": 1} for number in range(1, 5)])
    assert [each["qty"] for each in shop.world["lots"]] == [13, 13, 12, 12]


def test_every_part_of_a_batch_is_in_the_list_of_writes() -> None:
    shop: Owl = owl(section(lot(1), lot(2)))
    shop.batch({"lot_id": 1, "relative_quantity": 1}, {"lot_id": 2, "relative_quantity": -1})
    found = [(each["id"], each["name"], each["before"], each["after"]) for each in shop.sandbox.writes()]
    assert found == [(1, "qty", 12, 13), (2, "qty", 12, 11)]
    assert shop.sandbox.calls()[-1]["operation"] == "POST /bulk/batch"
    assert shop.sandbox.calls()[-1]["wrote"] is True
