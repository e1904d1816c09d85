"""Which way is quicker, by the figures of the store at hand."""

from collections.abc import Callable
from itertools import count, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.http import Points
from connectors.shopify import choice
from connectors.shopify.choice import STANDARD, Pace, Rest

PLUS = Points(20_000, 1_000)
PACES = st.builds(
    Pace,
    st.builds(Points, st.floats(0, 40_000), st.sampled_from([100.0, 200.0, 1_000.0])),
    st.floats(0.01, 5),
)


def crossing(is_quicker: Callable[[int], bool], step: int = 1) -> int:
    """The first size at which the bulk operation wins; -1: never below 100,000."""
    slower = takewhile(lambda size: size < 100_000 and not is_quicker(size), count(step, step))
    last = max(slower, default=0) + step
    return last if last < 100_000 else -1


def products(pace: Pace) -> Callable[[int], bool]:
    """Products of four variants, at the full price of their pages."""
    return lambda size: choice.bulk_reads_sooner(Rest(size / 250, 255, size * 5), pace)


def ids(pace: Pace) -> Callable[[int], bool]:
    return lambda size: choice.bulk_reads_sooner(Rest(size / 250, 13, size), pace)


def marks(pace: Pace) -> Callable[[int], bool]:
    return lambda size: choice.bulk_changes_sooner(size, size, 10, pace, 10)


class TestCrossings:
    def test_are_those_of_the_readme(self) -> None:
        pace = Pace(STANDARD, 0.3)
        assert crossing(products(pace), 250) == 4_750
        assert crossing(ids(pace), 250) == 17_750
        assert crossing(ids(Pace(STANDARD, 0.5)), 250) == 4_750
        assert crossing(marks(pace)) == 154

    def test_a_hundred_marks_are_no_case_for_a_bulk_mutation(self) -> None:
        assert not marks(Pace(STANDARD, 0.12))(100)

    def test_a_richer_plan_pages_for_longer(self) -> None:
        assert crossing(products(Pace(PLUS, 0.1)), 250) == -1
        assert crossing(marks(Pace(PLUS, 0.1))) == -1

    def test_an_empty_bucket_turns_early(self) -> None:
        assert crossing(products(Pace(Points(0, 100), 0.3)), 250) < crossing(products(Pace()), 250)
        assert crossing(marks(Pace(Points(0, 100), 0.12))) < 60

    @given(PACES, st.floats(1, 300))
    def test_a_page_or_two_are_always_read_as_pages(self, pace: Pace, cost: float) -> None:
        rich = Pace(Points(max(pace.points.level, 2 * cost), pace.points.rate), pace.latency)
        assert not choice.bulk_reads_sooner(Rest(2, cost, 500), rich)

    @given(PACES)
    def test_nothing_to_do_is_no_bulk_operation(self, pace: Pace) -> None:
        assert not choice.bulk_changes_sooner(0, 0, 10, pace, 4)


class TestSize:
    def test_is_not_asked_for_while_pages_flow(self) -> None:
        assert not choice.asks_for_the_size(1.9, 255, Pace(Points(255, 100), 0.1))

    @pytest.mark.parametrize(("spent", "level"), [(2.0, 2_000), (0.1, 254)])
    def test_is_asked_for_once_it_matters(self, spent: float, level: float) -> None:
        assert choice.asks_for_the_size(spent, 255, Pace(Points(level, 100), 0.1))


class TestPolls:
    def test_begin_early_and_grow_to_a_limit(self) -> None:
        waits = [choice.FIRST_POLL]
        while waits[-1] < choice.LAST_POLL:
            waits.append(choice.next_poll(waits[-1], sum(waits), 0, 0))
        assert waits[0] == 0.5
        assert waits == sorted(waits)
        assert len(waits) < 15

    def test_follow_the_progress_where_it_is_known(self) -> None:
        assert choice.next_poll(1.0, 4.0, 400, 500) == 1.0
        assert choice.next_poll(1.0, 4.0, 1, 1_000_000) == choice.LAST_POLL
        assert choice.next_poll(1.0, 4.0, 499, 500) == choice.FIRST_POLL / 2

    @given(st.floats(0.5, 15), st.floats(0, 1e5), st.integers(0, 10**6), st.integers(0, 10**6))
    def test_stay_within_their_limits(self, last: float, elapsed: float, done: int, expected: int) -> None:
        assert 0.25 <= choice.next_poll(last, elapsed, done, expected) <= choice.LAST_POLL
