"""JSON is narrowed to what is expected, or said to be something else: no stumble, and no other number."""

from math import inf

import pytest

from connectors.errors import Malformed
from connectors.records import JsonValue
from connectors.shape import as_count, as_id, as_int, as_units, each_readable


@pytest.mark.parametrize("value", [inf, -inf, 1.5, True, None, "3", [], {}])
def test_what_is_no_whole_number_is_malformed(value: JsonValue) -> None:
    """1e999 is an infinity for whoever reads JSON."""
    with pytest.raises(Malformed):
        as_int(value, "number")


@pytest.mark.parametrize("value", [inf, 1.5, True, None, []])
def test_what_is_no_id_is_malformed(value: JsonValue) -> None:
    with pytest.raises(Malformed):
        as_id(value, "id")


@pytest.mark.parametrize("value", [-1, "-1", 2**31, "1e30", "1e999999999", 0.5, None])
def test_what_cannot_be_units_is_malformed(value: JsonValue) -> None:
    with pytest.raises(Malformed):
        as_units(value, "units")


@pytest.mark.parametrize(("value", "number"), [(3, 3), (-2.0, -2), (10**20, 10**20), (0, 0)])
def test_whole_numbers_are_what_they_are(value: JsonValue, number: int) -> None:
    assert as_int(value, "number") == number


def test_one_bad_row_hides_no_other() -> None:
    problems: list[Malformed] = []
    read = each_readable(["1", "x", 3, None], lambda each: as_count(each, "row"), problems)
    assert read == [1, 3]
    assert [str(each) for each in problems] == [
        "row: expected a number, found 'x'",
        "row: expected text, found nothing",
    ]
