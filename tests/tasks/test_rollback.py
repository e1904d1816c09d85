"""Taking back: what, in which order, and what stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import rollback
from tasks.plan import Line, Outcome
from tasks.rollback import RollbackMode
from tests.tasks.samples import line, outcomes, units

FAILED = line(99, 5, 3, outcome=Outcome.FAILED)


def done(number: int, before: int, after: int, *, deleted: bool = False) -> Line:
    written = line(number, before, after, outcome=Outcome.DONE)
    return written._replace(written_from=before, written_to=after, deleted=deleted)


def back(mode: RollbackMode, *lines: Line) -> list[tuple[int, int, int]]:
    return [(each.item_id, each.shown, each.wanted) for each in rollback.inverse(lines, mode)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (RollbackMode.ALL, [(3, 0, 4), (2, 9, 2), (1, 3, 5)]),
        (RollbackMode.RAISES, [(2, 9, 2)]),
        (RollbackMode.OFF, []),
    ],
)
def test_takes_back_the_last_first(mode: RollbackMode, expected: list[tuple[int, int, int]]) -> None:
    assert back(mode, done(1, 5, 3), done(2, 2, 9), FAILED, done(3, 4, 0)) == expected


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.FAILED])
def test_only_a_failure_takes_back(outcome: Outcome) -> None:
    assert back(RollbackMode.ALL, done(1, 5, 3), line(2, 5, 3, outcome=outcome)) == []


def test_what_sales_left_is_what_was_there() -> None:
    """Planned from 10 to 12; three were sold before the write, which went from 7 to 9."""
    written = done(1, 10, 12)._replace(written_from=7, written_to=9)
    assert back(RollbackMode.ALL, written, FAILED) == [(1, 9, 7)]


def test_a_deleted_variant_and_an_unwritten_line_stay() -> None:
    at_zero = line(2, 0, 0, outcome=Outcome.DONE)
    assert back(RollbackMode.ALL, done(1, 5, 0, deleted=True), at_zero, FAILED) == []


def test_comes_back_as_a_plain_open_line() -> None:
    written = done(1, 0, 4)._replace(activate=True, zero_candidate=True, reason="x")
    (undone,) = rollback.inverse([written, FAILED], RollbackMode.ALL)
    assert undone.is_open
    assert (undone.activate, undone.zero_candidate, undone.reason) == (False, False, "")


ended = st.builds(
    lambda number, before, after, outcome: (
        done(number, before, after)
        if outcome is Outcome.DONE
        else line(number, before, after, outcome=outcome)
    ),
    st.integers(),
    units,
    units,
    outcomes,
)


@given(st.lists(ended, unique_by=lambda each: each.item_id))
def test_all_undoes_just_what_was_done(lines: list[Line]) -> None:
    undone = rollback.inverse([*lines, FAILED], RollbackMode.ALL)
    written = [each for each in lines if each.outcome is Outcome.DONE]
    assert [each.item_id for each in undone] == [each.item_id for each in reversed(written)]
    level = {each.item_id: each.written_to for each in written}
    for each in undone:
        assert level[each.item_id] == each.shown
        level[each.item_id] = each.wanted
    assert level == {each.item_id: each.written_from for each in written}


@given(st.lists(ended, unique_by=lambda each: each.item_id))
def test_raises_never_raises_anything(lines: list[Line]) -> None:
    undone = rollback.inverse([*lines, FAILED], RollbackMode.RAISES)
    everything = rollback.inverse([*lines, FAILED], RollbackMode.ALL)
    assert all(each.wanted < each.shown for each in undone)
    assert undone == [each for each in everything if each.wanted < each.shown]
