"""Cutting a plan into what one task carries."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import batching
from tasks.day import mark_of
from tasks.job import ProductJob
from tasks.plan import Line, Outcome
from tests.tasks.samples import job, level, line, product, variant

TODAY = mark_of(date(2026, 11, 20))
YESTERDAY = mark_of(date(2026, 11, 19))
SHOE = product(variant(1, "a", level(5)), tags=(YESTERDAY, "sale"))


def jobs_of(*lines: Line, shoe: object = SHOE) -> list[ProductJob]:
    return batching.product_jobs([shoe], lines, job(), frozenset())  # type: ignore[list-item]


class TestBatches:
    @given(st.integers(0, 600), st.integers(1, 250))
    def test_carry_every_product_once_in_order(self, count: int, size: int) -> None:
        jobs = [ProductJob(number, may_mark=True) for number in range(count)]
        cut = batching.batches(jobs, size)
        assert [each for batch in cut for each in batch] == jobs
        assert all(0 < len(batch) <= size for batch in cut)
        assert len(cut) == -(-count // size)

    @given(st.integers(0, 99), st.integers(1, 20))
    def test_are_numbered(self, count: int, size: int) -> None:
        jobs = [ProductJob(number, may_mark=True) for number in range(count)]
        assert batching.batch_numbers(batching.batches(jobs, size)) == {
            number: number // size for number in range(count)
        }


class TestProductJob:
    def test_with_a_line_to_write(self) -> None:
        assert jobs_of(line(1, 5, 3)) == [ProductJob(1, may_mark=True)]

    @pytest.mark.parametrize("outcome", [Outcome.UNCHANGED, Outcome.REFUSED])
    def test_with_nothing_but_a_mark_to_get(self, outcome: Outcome) -> None:
        assert jobs_of(line(1, outcome=outcome)) == [ProductJob(1, may_mark=True)]

    def test_has_nothing_to_do_when_it_is_marked(self) -> None:
        marked = replace(SHOE, tags=(TODAY,))
        assert jobs_of(line(1, outcome=Outcome.UNCHANGED), shoe=marked) == []
        assert len(jobs_of(line(1, 5, 3), shoe=marked)) == 1

    @pytest.mark.parametrize("outcome", [Outcome.HELD, Outcome.PARKED])
    def test_that_waits_is_written_but_not_marked(self, outcome: Outcome) -> None:
        waiting = line(2, outcome=outcome)
        assert jobs_of(waiting) == []
        assert jobs_of(line(1, 5, 3), waiting) == [ProductJob(1, may_mark=False)]

    def test_without_a_known_sku_is_left_alone(self) -> None:
        assert jobs_of(line(1, outcome=Outcome.UNKNOWN)._replace(truth=None)) == []
        assert jobs_of() == []

    def test_that_is_archived_gets_no_mark(self) -> None:
        archived = replace(SHOE, status="ARCHIVED")
        assert jobs_of(line(1, outcome=Outcome.REFUSED), shoe=archived) == []

    def test_to_be_archived_says_so(self) -> None:
        (each,) = batching.product_jobs([SHOE], [line(1, 5, 0)], job(), frozenset({1}))
        assert each.archive
