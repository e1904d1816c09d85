"""The books of a run, and what finishes a product."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.plan import Line, Outcome, balance, by_product, deserves_mark
from tests.tasks.samples import line, outcomes

UNKNOWN = line(9, outcome=Outcome.UNKNOWN)._replace(truth=None)


class TestBalance:
    @given(st.lists(outcomes))
    def test_books_every_line_once(self, ended: list[Outcome]) -> None:
        books = balance(len(ended), [line(number, outcome=each) for number, each in enumerate(ended)])
        assert books.is_even
        assert books.planned == len(ended) - ended.count(Outcome.UNKNOWN)
        figures = books.as_dict()
        assert figures.pop("checked") == len(ended)
        assert figures.pop("planned") == sum(figures.values()) - figures["unknown"]
        assert figures == {each.value: ended.count(each) for each in Outcome}

    @given(st.lists(outcomes), st.integers(1, 5))
    def test_is_uneven_when_lines_were_lost_or_made_up(self, ended: list[Outcome], odd: int) -> None:
        lines = [line(number, outcome=each) for number, each in enumerate(ended)]
        assert not balance(len(ended) + odd, lines).is_even
        assert not balance(len(ended) - odd, lines).is_even

    def test_is_uneven_while_a_line_is_open(self) -> None:
        assert not balance(2, [line(1), line(2, outcome=Outcome.DONE)]).is_even

    def test_has_the_figures_of_the_report(self) -> None:
        assert set(balance(0, []).as_dict()) == {
            "checked",
            "unknown",
            "planned",
            "done",
            "unchanged",
            "held",
            "refused",
            "conflict",
            "failed",
            "parked",
            "not_sent",
        }


class TestLine:
    @pytest.mark.parametrize(
        ("shown", "wanted", "falls", "rises", "is_zeroing"),
        [
            (5, 3, 2, 0, False),
            (3, 5, 0, 2, False),
            (5, 0, 5, 0, True),
            (0, 0, 0, 0, False),
            (-3, 0, 0, 3, False),
        ],
    )
    def test_knows_its_way(
        self, *, shown: int, wanted: int, falls: int, rises: int, is_zeroing: bool
    ) -> None:
        each = line(1, shown, wanted)
        assert (each.falls, each.rises, each.is_zeroing) == (falls, rises, is_zeroing)

    def test_keeps_what_was_noted_before(self) -> None:
        noted = line(1)._replace(reason="why", note="negative")
        assert noted.ended(Outcome.DONE).note == "negative"
        assert noted.ended(Outcome.FAILED, "other").reason == "other"

    @given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 99))))
    def test_belongs_to_its_product(self, pairs: list[tuple[int, int]]) -> None:
        lines = [line(number, product=owner) for owner, number in pairs]
        groups = by_product(lines)
        assert list(groups) == list(dict.fromkeys(owner for owner, _ in pairs))
        for owner, owned in groups.items():
            assert owned == [each for each in lines if each.product_id == owner]


class TestMark:
    @pytest.mark.parametrize(
        ("outcome", "deserved"),
        [
            (Outcome.DONE, True),
            (Outcome.UNCHANGED, True),
            (Outcome.REFUSED, True),
            (Outcome.HELD, False),
            (Outcome.CONFLICT, False),
            (Outcome.FAILED, False),
            (Outcome.PARKED, False),
            (None, False),
        ],
    )
    def test_is_deserved_by_what_ended_well(self, *, outcome: Outcome | None, deserved: bool) -> None:
        assert deserves_mark([line(1, outcome=outcome)]) is deserved
        assert deserves_mark([line(1, outcome=outcome), line(2, outcome=Outcome.DONE), UNKNOWN]) is deserved

    def test_needs_one_sku_that_rms_knows(self) -> None:
        refused = line(1, outcome=Outcome.REFUSED)._replace(truth=None)
        assert not deserves_mark([])
        assert not deserves_mark([UNKNOWN, refused])
        assert deserves_mark([UNKNOWN, refused, line(2, outcome=Outcome.UNCHANGED)])

    @given(st.lists(outcomes, min_size=1), st.sampled_from([Outcome.HELD, Outcome.FAILED, Outcome.CONFLICT]))
    def test_one_bad_line_is_enough(self, ended: list[Outcome], bad: Outcome) -> None:
        lines: list[Line] = [line(number, outcome=each) for number, each in enumerate([*ended, bad])]
        assert not deserves_mark(lines)
