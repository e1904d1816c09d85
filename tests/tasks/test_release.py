"""Releasing a held plan: only what is still asked for, of what is still there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import release
from tasks.guard import Limits, Memory
from tasks.plan import Line, Outcome
from tests.tasks.samples import line, outcomes, units

PLANNED = line(1, 5, 0)


def review(
    now: Line, planned: Line = PLANNED, memory: Memory | None = None, limits: Limits | None = None
) -> Line:
    (judged,) = release.review([now], {1: planned}, {1: memory} if memory else {}, limits or Limits())
    return judged


class TestReview:
    def test_lets_through_what_stands_as_it_stood(self) -> None:
        assert review(PLANNED).is_open

    @pytest.mark.parametrize(
        ("now", "reason"),
        [
            (line(1, 5, 1), "truth_moved"),
            (line(1, 4, 0), "shop_moved"),
            (line(1, 4, 1), "truth_moved"),
            (line(1, 5, 5, outcome=Outcome.UNCHANGED), "truth_moved"),
            (line(1, 0, 0, outcome=Outcome.UNCHANGED), "shop_moved"),
        ],
    )
    def test_refuses_what_moved(self, now: Line, reason: str) -> None:
        judged = review(now)
        assert (judged.outcome, judged.reason) == (Outcome.REFUSED, reason)
        assert judged.note

    @pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.REFUSED])
    def test_leaves_other_verdicts_alone(self, outcome: Outcome) -> None:
        now = line(1, 5, 0, outcome=outcome)
        assert review(now) == now

    def test_rules_for_single_lines_still_hold(self) -> None:
        assert review(PLANNED, memory=Memory(owner="partner:7")).reason == "other_truth"
        assert review(PLANNED, memory=Memory(rms_item_id=8)).reason == "rebound"
        assert review(line(1, 5, 9), line(1, 5, 9), limits=Limits(max_quantity=8)).reason == "max_quantity"

    def test_mass_limits_do_not(self) -> None:
        lines = [line(number, 5, 0) for number in range(100)]
        judged = release.review(lines, {each.item_id: each for each in lines}, {}, Limits())
        assert all(each.is_open for each in judged)

    @pytest.mark.parametrize(("then", "now"), [(True, False), (False, True)])
    def test_deletes_only_what_was_and_is_to_be_deleted(self, *, then: bool, now: bool) -> None:
        judged = review(PLANNED._replace(zero_candidate=now), PLANNED._replace(zero_candidate=then))
        assert judged.is_open
        assert not judged.zero_candidate
        assert review(
            PLANNED._replace(zero_candidate=True), PLANNED._replace(zero_candidate=True)
        ).zero_candidate

    @given(units, units, units, units, st.one_of(st.none(), outcomes))
    def test_opens_nothing(
        self, shown: int, wanted: int, planned_from: int, planned_to: int, outcome: Outcome | None
    ) -> None:
        judged = review(line(1, shown, wanted, outcome=outcome), line(1, planned_from, planned_to))
        if judged.is_open:
            assert outcome is None
            assert (shown, wanted) == (planned_from, planned_to)


class TestNarrow:
    def test_keeps_the_plans_lines_alone(self) -> None:
        now = [
            line(1, 5, 0),
            line(2, 5, 3),
            line(3, 4, 2, product=2),
            line(4, product=3, outcome=Outcome.UNCHANGED),
        ]
        narrowed = release.narrow(now, {1: PLANNED})
        assert narrowed.lines == (now[0],)
        assert narrowed.busy == {1, 2}

    def test_what_the_shop_no_longer_has_is_refused(self) -> None:
        (gone,) = release.narrow([], {1: PLANNED}).lines
        assert (gone.outcome, gone.reason) == (Outcome.REFUSED, "gone")

    @given(st.sets(st.integers(0, 20)), st.sets(st.integers(0, 20)))
    def test_every_planned_line_comes_back_once(self, there: set[int], planned: set[int]) -> None:
        plan = {number: line(number, 5, 0) for number in planned}
        narrowed = release.narrow([line(number, 5, 0) for number in there], plan)
        assert sorted(each.item_id for each in narrowed.lines) == sorted(planned)
        assert {each.item_id for each in narrowed.lines if each.is_open} == there & planned
