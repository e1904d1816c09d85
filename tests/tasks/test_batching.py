"""Cutting a plan into what one task carries."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.records import Product
from tasks import batching
from tasks.batching import Due
from tasks.day import mark_of
from tasks.job import ProductJob
from tasks.plan import Line, Outcome
from tests.tasks.samples import job, level, line, product, variant

TODAY = mark_of(date(2026, 11, 20))
YESTERDAY = mark_of(date(2026, 11, 19))
SHOE = product(variant(1, "a", level(5)), tags=(YESTERDAY, "sale"))


def due(*lines: Line, shoe: Product = SHOE) -> Due:
    return batching.due([shoe], lines, job(), frozenset())


def jobs_of(*lines: Line, shoe: Product = SHOE) -> list[ProductJob]:
    return due(*lines, shoe=shoe).jobs


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
        assert due(line(1, 5, 3)) == Due([ProductJob(1, may_mark=True)])

    @pytest.mark.parametrize("outcome", [Outcome.UNCHANGED, Outcome.REFUSED])
    def test_with_nothing_but_a_mark_to_get(self, outcome: Outcome) -> None:
        assert due(line(1, outcome=outcome)) == Due(finished=[1])

    def test_that_is_busy_with_other_lines_is_not_finished_with_these(self) -> None:
        unchanged = line(1, outcome=Outcome.UNCHANGED)
        assert batching.due([SHOE], [unchanged], job(), frozenset(), {1}) == Due()
        (each,) = batching.due([SHOE], [line(1, 5, 3)], job(), frozenset(), {1}).jobs
        assert not each.may_mark

    def test_has_nothing_to_do_when_it_is_marked(self) -> None:
        marked = replace(SHOE, tags=(TODAY,))
        assert due(line(1, outcome=Outcome.UNCHANGED), shoe=marked) == Due()
        assert len(jobs_of(line(1, 5, 3), shoe=marked)) == 1

    @pytest.mark.parametrize("outcome", [Outcome.HELD, Outcome.PARKED])
    def test_that_waits_is_written_but_not_marked(self, outcome: Outcome) -> None:
        waiting = line(2, outcome=outcome)
        assert due(waiting) == Due()
        assert jobs_of(line(1, 5, 3), waiting) == [ProductJob(1, may_mark=False)]

    def test_without_a_known_sku_is_left_alone(self) -> None:
        assert due(line(1, outcome=Outcome.UNKNOWN)._replace(truth=None)) == Due()
        assert due() == Due()

    def test_that_is_archived_gets_no_mark(self) -> None:
        archived = replace(SHOE, status="ARCHIVED")
        assert due(line(1, outcome=Outcome.REFUSED), shoe=archived) == Due()

    def test_to_be_archived_says_so(self) -> None:
        (each,) = batching.due([SHOE], [line(1, 5, 0)], job(), frozenset({1})).jobs
        assert each.archive
