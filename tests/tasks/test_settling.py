from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.market import Lot, marker
from tasks.settling import Found, Sent, Verdict, due_at, of_change, of_create, of_delete
from tests.worlds import NOW

MINE = marker("aaaaaaaaaaaa")
OTHERS = marker("bbbbbbbbbbbb")


def lot(lot_id: str, mark: str | None = None, quantity: int = 5) -> Lot:
    return Lot(
        lot_id=lot_id,
        key="PART/3001/5/N/-",
        part=None,
        quantity=quantity,
        price=None,
        marker=mark,
        text="",
        public_text="",
        on_sale=True,
    )


@dataclass(frozen=True, slots=True)
class History:
    """A change of a lot, and what was sold: `early` before it was read, `before` and `after` it was done."""

    start: int
    delta: int
    early: int
    before: int
    after: int
    is_done: bool
    was_read: bool


@st.composite
def histories(draw: st.DrawFn) -> History:
    start = draw(st.integers(0, 50))
    sold = [draw(st.integers(0, 20)) for _ in range(3)]
    flags = draw(st.booleans()), draw(st.booleans())
    return History(start, draw(st.integers(-50, 50)), min(sold[0], start), *sold[1:], *flags)


def test_a_write_is_not_judged_before_a_slow_server_can_have_done_it() -> None:
    assert due_at(NOW) == NOW + timedelta(seconds=60)


class TestOfChange:
    @given(histories())
    def test_tells_the_two_cases_apart_whatever_was_sold(self, history: History) -> None:
        """Sold before it was sent and not booked then, before it was done, and after."""
        present = history.start - history.early
        sent = Sent(max(history.delta, -present), present if history.was_read else None, history.start)
        before, after = min(history.before, present), history.after
        if present - before + sent.delta < 0 or not sent.delta:
            return  # the marketplace refuses it, or there was nothing to send
        present += (sent.delta if history.is_done else 0) - before
        after = min(after, present)
        booked = history.early + before + after
        verdict = of_change(sent, history.start - booked, present - after)
        assert verdict is (Verdict.DONE if history.is_done else Verdict.NOT_DONE)

    @pytest.mark.parametrize(
        ("sent", "expected", "present", "verdict"),
        [
            (Sent(2, 10, 10), 10, 12, Verdict.DONE),
            (Sent(2, 10, 10), 10, 10, Verdict.NOT_DONE),
            (Sent(2, 10, 10), 7, 9, Verdict.DONE),
            (Sent(-2, 10, 10), 10, 8, Verdict.DONE),
            (Sent(-2, None, 10), 8, 8, Verdict.NOT_DONE),
            (Sent(2, 8, 10), 8, 10, Verdict.DONE),
            (Sent(2, 8, 10), 8, 8, Verdict.NOT_DONE),
            # Two were taken by hand: did the rise bring them back, or was it not done?
            (Sent(2, 8, 10), 10, 10, Verdict.UNCLEAR),
            (Sent(2, 8, 10), 10, 8, Verdict.NOT_DONE),
            # Three were put there by hand, and are still there.
            (Sent(-1, 13, 10), 10, 12, Verdict.DONE),
            (Sent(-1, 13, 10), 10, 13, Verdict.NOT_DONE),
            (Sent(-5, 5, 5), 5, 0, Verdict.DONE),
            (Sent(2, 10, 10), 10, 11, Verdict.UNCLEAR),
        ],
    )
    def test_judges_by_what_is_expected(
        self, sent: Sent, expected: int, present: int, verdict: Verdict
    ) -> None:
        assert of_change(sent, expected, present) is verdict


class TestOfCreate:
    def test_finds_the_lot_by_its_marker(self) -> None:
        found = [lot("1"), lot("2", MINE), lot("3", OTHERS)]
        assert of_create(found, MINE, 0) == Found(Verdict.DONE, found[1])

    def test_takes_the_only_one_that_came_without_its_marker(self) -> None:
        assert of_create([lot("1"), lot("3", OTHERS)], MINE, 0) == Found(Verdict.DONE, lot("1"))

    def test_looks_twice_before_it_is_made_again(self) -> None:
        assert of_create([lot("3", OTHERS)], MINE, 0) is None
        assert of_create([], MINE, 1) == Found(Verdict.NOT_DONE)

    def test_asks_a_person_when_there_are_several(self) -> None:
        assert of_create([lot("1", MINE), lot("2", MINE)], MINE, 0) == Found(Verdict.UNCLEAR)
        assert of_create([lot("1"), lot("2")], MINE, 0) == Found(Verdict.UNCLEAR)


def test_a_lot_that_is_gone_was_deleted() -> None:
    assert of_delete(is_there=False) is Verdict.DONE
    assert of_delete(is_there=True) is Verdict.NOT_DONE
