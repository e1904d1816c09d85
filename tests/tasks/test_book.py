"""What is remembered of lines from run to run."""

import pytest

from connectors.ledger.records import LevelMemory
from tasks.book import with_errors
from tasks.plan import Line, Outcome
from tests.tasks.samples import NOON, line

UNTRIED = LevelMemory("own.example", 1, 1, product_id=1, variant_id=1, seen_at=NOON)
LINE = line(1, 5, 3)


def after(*ends: Line) -> int:
    memory = UNTRIED
    for each in ends:
        memory = with_errors(memory, each)
    return memory.error_count


@pytest.mark.parametrize(
    ("reasons", "count"),
    [
        (["no_answer"] * 2, 2),
        (["no_answer"] * 5, 3),
        (["no_answer", "no_answer", "drift"], 1),
        (["rolled_back"] * 5, 0),
        (["call_refused"] * 5, 0),
        (["unauthorised"] * 5, 0),
        (["transient"] * 2 + ["no_answer"], 1),
        (["no_answer", "rolled_back"], 0),
    ],
)
def test_the_same_error_counts_but_not_that_of_a_sibling(reasons: list[str], count: int) -> None:
    assert after(*(LINE.ended(Outcome.FAILED, reason) for reason in reasons)) == count


def test_what_went_well_or_has_other_inputs_begins_anew() -> None:
    failed = LINE.ended(Outcome.FAILED, "no_answer")
    assert after(failed, failed, LINE.ended(Outcome.DONE)) == 0
    assert after(failed, failed, failed._replace(wanted=2)) == 1
