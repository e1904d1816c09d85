"""Whatever is wrong with what is said of an item is said at once, in its own names; nothing is guessed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import ConfigurationError
from connectors.records import JsonObject, JsonValue
from tasks.items import FIELDS, changed_item, check_request, deleted_item, described, new_item
from tests.worlds import NOW

BRICK: JsonObject = {
    "name": "Brick 2 x 4",
    "partNumber": "3001",
    "colorId": 5,
    "quantityAvailable": 10,
    "condition": "new",
    "price": 0.25,
}
CASTLE: JsonObject = {**BRICK, "itemType": "SET", "partNumber": "7644-1", "completeness": "sealed"}


def made(data: JsonObject, **more: JsonValue) -> JsonObject:
    return described(new_item("own", "brick2345672", {**data, **more}, actor="ann", now=NOW))


def complaint(data: JsonObject, **more: JsonValue) -> str:
    with pytest.raises(ConfigurationError) as caught:
        made(data, **more)
    return str(caught.value)


def test_an_item_is_what_was_said_of_it() -> None:
    item = new_item("own", "brick2345672", BRICK, actor="ann", now=NOW)

    assert (item.part_number, item.color_id, item.quantity_available, item.price) == (
        "3001",
        5,
        10,
        Decimal("0.25"),
    )
    assert (item.status, item.item_type, item.completeness, item.created_by, item.created_at) == (
        "available",
        "PART",
        None,
        "ann",
        NOW,
    )
    assert made(CASTLE)["completeness"] == "S"
    assert made({**BRICK, "itemType": "minifig", "partNumber": "sw0001a"})["itemType"] == "MINIFIG"


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("partNumber", 3001, "3001"),
        ("partNumber", " 3069bpb01 ", "3069bpb01"),
        ("colorId", "11", 11),
        ("quantityAvailable", 2.0, 2),
        ("quantityAvailable", "0", 0),
        ("price", "0.1000", "0.1000"),
        ("price", 0.001, "0.001"),
        ("price", 1, "1"),
        ("condition", "Used", "used"),
        ("notes", None, ""),
        ("fileId", "", None),
        ("location", "Schränk 3 'oben'", "Schränk 3 'oben'"),
    ],
)
def test_values_are_kept_exactly(name: str, value: JsonValue, kept: JsonValue) -> None:
    assert made(BRICK, **{name: value})[name] == kept


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("quantityAvailable", -1, "quantityAvailable must not be negative"),
        ("quantityAvailable", 2.5, "quantityAvailable must be a whole number"),
        ("quantityAvailable", True, "quantityAvailable must be a whole number"),
        ("quantityAvailable", None, "quantityAvailable must be a whole number"),
        ("quantityAvailable", 10**9, "quantityAvailable must be 1000000 at the most"),
        ("quantityReserved", -1, "quantityReserved must not be negative"),
        ("price", 0.0009, "price must be from 0.001"),
        ("price", 0, "price must be from 0.001"),
        ("price", -1, "price must be from 0.001"),
        ("price", "NaN", "price must be from 0.001"),
        ("price", "12,50", "price must be a number such as 0.25"),
        ("price", 0.12345, "price has more than 4 decimals"),
        ("price", False, "price must be a number"),
        ("condition", "mint", "condition must be new or used"),
        ("itemType", "BRICK", "itemType must be one of PART, SET"),
        ("partNumber", "", "partNumber must not be empty"),
        ("partNumber", "30 01", "partNumber must be BrickLink's number, without blanks"),
        ("colorId", "red", "colorId must be BrickLink's colour id, 0 for none"),
        ("name", 5, "name must be text"),
        ("location", "x" * 201, "location has 201 characters, 200 are allowed"),
        ("notes", "a\x00b", "notes must not have control characters"),
        ("name", "half \ud800", "name must not have control characters"),
        ("completeness", "sealed", "completeness is told of sets only, not of PART"),
        ("status", "", "status must not be empty"),
        ("quantity_available", 3, "no field quantity_available (did you mean quantityAvailable?)"),
        ("colour", 3, "there is no field colour"),
        ("bricklinkLotId", 3, "there is no field bricklinkLotId"),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: JsonValue, sentence: str) -> None:
    assert sentence in complaint(BRICK, **{name: value})


def test_everything_wrong_is_named_in_one_error() -> None:
    assert complaint({"price": 0, "colour": 5}) == (
        "data: colorId is missing: a part has BrickLink's colour, or 0; condition is missing; "
        "partNumber is missing; price must be from 0.001 to 1000000; quantityAvailable is missing; "
        "there is no field colour (did you mean colorId?)"
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"partNumber": "7644"}, "partNumber (is 7644): a set's number ends with -1"),
        ({"completeness": None}, "completeness is missing: a set is complete, incomplete or sealed"),
        ({"completeness": "half"}, "completeness must be complete, incomplete or sealed"),
        ({"condition": "used"}, "completeness: a used set is not sealed"),
    ],
)
def test_a_set_has_a_sequence_and_is_complete_or_not(change: JsonObject, sentence: str) -> None:
    assert sentence in complaint(CASTLE, **change)


def test_an_update_changes_what_it_names() -> None:
    item = new_item("own", "brick2345672", BRICK, actor="ann", now=NOW)

    after = changed_item(item, {"quantityAvailable": 3, "location": "B 7", "colorId": 5})

    assert (after.quantity_available, after.location, after.price) == (3, "B 7", item.price)
    with pytest.raises(ConfigurationError, match=r"colorId cannot be changed \(is 5\): delete the item"):
        changed_item(item, {"colorId": 11})
    with pytest.raises(ConfigurationError, match="must not be negative"):
        changed_item(item, {"quantityAvailable": -3})


def test_what_was_deleted_changes_no_more() -> None:
    gone = deleted_item(new_item("own", "brick2345672", BRICK, actor="ann", now=NOW), NOW)

    assert (gone.is_archived, gone.deleted_at, gone.offered) == (True, NOW, 0)
    with pytest.raises(ConfigurationError, match="was deleted at 2026-11-21 10:00 UTC"):
        deleted_item(gone, NOW)
    with pytest.raises(ConfigurationError, match="was deleted at 2026-11-21 10:00 UTC"):
        changed_item(gone, {"notes": "x"})


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("upsert", None, {}, "owner"), "change_type (is upsert): must be one of create, update, delete"),
        (("update", "x", {"notes": ""}, "member"), "role: member may not update items"),
        (("delete", "x", {}, "member"), "role: member may not delete items"),
        (("update", "x", {"notes": ""}, "admin"), "role (is admin): must be one of owner, member"),
        (("create", "x", {}, "owner"), "item_id: a new item gets its id"),
        (("update", None, {"notes": ""}, "owner"), "item_id: update needs the item's id"),
        (("delete", "x", {"notes": ""}, "owner"), "data: delete takes no data"),
        (("update", "x", {}, "owner"), "data: update needs at least one field"),
    ],
)
def test_a_change_is_asked_for_as_it_should_be(
    asked: tuple[str, str | None, JsonObject, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_request(*asked)
    assert str(caught.value).startswith(sentence)


def test_a_member_may_add() -> None:
    check_request("create", None, BRICK, "member")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


@given(data=st.dictionaries(st.sampled_from([*FIELDS, "x"]), json_values))
def test_no_value_ends_in_anything_but_an_item_or_a_sentence(data: JsonObject) -> None:
    try:
        shown = made({**CASTLE, **data})
    except ConfigurationError:
        return
    assert isinstance(shown["quantityAvailable"], int)
    assert 0 <= shown["quantityAvailable"] <= 1_000_000
    assert Decimal(str(shown["price"])) >= Decimal("0.001")
