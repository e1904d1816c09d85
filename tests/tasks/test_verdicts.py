"""A batch's result goes through JSON and loses nothing."""

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tasks import verdicts
from tasks.carry import Carried
from tasks.deletion import Failed
from tasks.mark import Marked
from tasks.plan import Line, Outcome
from tasks.receipt import Receipt
from tasks.report import Story
from tests.tasks.samples import NOON, job, line, outcomes

if TYPE_CHECKING:
    from connectors.records import JsonObject


def story_of(lines: list[Line]) -> Story:
    story = Story("run-1", "reverse-stock-sync", job().day, NOON, dry_run=False, max_concurrent=1)
    story.tell(lines)
    story.checked = len(lines)
    return story


units = st.integers(-(2**63) + 1, 2**63 - 1)
verdict = st.builds(
    lambda outcome, reason, pair, deleted: (outcome, reason, pair, deleted),
    outcomes,
    st.text(max_size=8),
    st.none() | st.tuples(units, units),
    st.booleans(),
)


@given(st.lists(verdict, max_size=6), st.integers(0, 9))
def test_every_line_gets_its_verdict(
    drawn: list[tuple[Outcome, str, tuple[int, int] | None, bool]], finished: int
) -> None:
    planned = [line(number, 5, 3) for number in range(len(drawn))]
    ended = [
        each._replace(
            outcome=outcome,
            reason=reason,
            written_from=pair and pair[0],
            written_to=pair and pair[1],
            deleted=deleted,
        )
        for each, (outcome, reason, pair, deleted) in zip(planned, drawn, strict=True)
    ]
    story = story_of(planned)
    carried = Carried(lines=list(reversed(ended)), receipt=Receipt(3, 2, 1), finished=list(range(finished)))
    result: JsonObject = json.loads(json.dumps(verdicts.to_json(carried)))
    verdicts.absorb(story, result)
    assert story.lines == ended
    assert (story.receipt, story.finished) == (Receipt(3, 2, 1), list(range(finished)))


def test_what_happened_beside_the_lines_is_kept() -> None:
    story = story_of([line(1, 5, 0)])
    carried = Carried(
        lines=[line(1, 5, 0, outcome=Outcome.DONE)],
        failed_deletions=[Failed(line(1), "recent_orders")],
        archived=[7],
        rolled_back=[1],
        not_rolled_back=[2, 3],
    )
    verdicts.absorb(story, json.loads(json.dumps(verdicts.to_json(carried))))
    assert [(each.line.variant_id, each.check) for each in story.failed_deletions] == [(1, "recent_orders")]
    assert story.archived == [7]
    assert (story.rollbacks, story.rollback_failures) == (1, 2)


def test_how_marking_ended_is_kept() -> None:
    story = story_of([])
    marked = Marked(marked=[1, 2], swept=[3], failed={4: "refused"})
    verdicts.absorb_marks(story, json.loads(json.dumps(verdicts.marked_to_json(marked, {"calls": 3}))))
    assert (story.marked, story.swept, story.unmarked) == (2, 1, {4: "refused"})


def test_lines_of_a_broken_batch_fail_and_others_stay_open() -> None:
    story = story_of([line(1, 5, 3), line(2, 5, 5, outcome=Outcome.UNCHANGED), line(3, 5, 3, product=2)])
    verdicts.interrupt(story, [1], "worker died")
    assert [each.outcome for each in story.lines] == [Outcome.FAILED, Outcome.UNCHANGED, None]
    assert story.lines[0].reason == "interrupted"


def test_figures_add_up_by_account() -> None:
    total: JsonObject = {}
    verdicts.add_usage(total, "own", {"calls": 2, "points": 1.5})
    verdicts.add_usage(total, "own", {"calls": 3, "retries": 1})
    verdicts.add_usage(total, "other", {"calls": 1})
    assert total == {"own": {"calls": 5, "points": 1.5, "retries": 1}, "other": {"calls": 1}}
