"""Numbers in answers are whole and of a size that a database takes, or nothing is read from them."""

import json

import pytest

from connectors.errors import Malformed
from connectors.shape import as_count, as_int

LARGEST = 2**63 - 1


@pytest.mark.parametrize(
    "text", ["1e999", "-1e999", str(LARGEST + 1), str(-LARGEST - 2), "1.5", "true", '"7"']
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
