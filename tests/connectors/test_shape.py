"""JSON is narrowed to what is expected, or said to be something else: no stumble, and no other number."""

import json
from math import inf

import pytest

from connectors.errors import Malformed
from connectors.records import JsonValue
from connectors.shape import as_count, as_id, as_int, as_units, each_readable

LARGEST = 2**63 - 1


@pytest.mark.parametrize(
    "text", ["1e999", "-1e999", str(LARGEST + 1), str(-LARGEST - 2), "1.5", "true", '"7"', "null", "[]"]
)
def test_what_is_no_whole_number_is_malformed(text: str) -> None:
    with pytest.raises(Malformed, match="expected a whole number"):
        as_int(json.loads(text), "units")


@pytest.mark.parametrize("value", ["1e999999999", str(LARGEST + 1), "1.5", 1e300])
def test_what_is_no_count_is_malformed_without_being_worked_out(value: str | float) -> None:
    with pytest.raises(Malformed, match="expected a whole number"):
        as_count(value, "units")


def test_whole_numbers_are_read_however_they_are_written() -> None:
    assert [as_int(each, "units") for each in (LARGEST, -3, 4.0)] == [LARGEST, -3, 4]
    assert [as_count(each, "units") for each in ("12", "7.0", 4.0)] == [12, 7, 4]


@pytest.mark.parametrize("value", [inf, 1.5, True, None, []])
def test_what_is_no_id_is_malformed(value: JsonValue) -> None:
    with pytest.raises(Malformed):
        as_id(value, "id")


@pytest.mark.parametrize("value", [-1, "-1", 2**31, "1e30", "1e999999999", 0.5, None])
def test_what_cannot_be_units_is_malformed(value: JsonValue) -> None:
    with pytest.raises(Malformed):
        as_units(value, "units")


def test_one_bad_row_hides_no_other() -> None:
    problems: list[Malformed] = []
    read = each_readable(["1", "x", 3, None], lambda each: as_count(each, "row"), problems)
    assert read == [1, 3]
    assert [str(each) for each in problems] == [
        "row: expected a number, found 'x'",
        "row: expected text, found nothing",
    ]
