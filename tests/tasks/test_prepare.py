"""From a comparison to a plan: what is known of levels counts before the limits do."""

from pathlib import Path

from connectors.ledger import open_ledger
from connectors.ledger.records import LevelMemory, Run
from connectors.settings import Settings
from tasks.plan import Outcome
from tasks.prepare import judge_of, prepare
from tests.ledgers import sqlite_in
from tests.tasks.samples import NOON, job, line, product


def test_a_surprise_is_no_smaller_for_what_others_feed_beside_it(tmp_path: Path) -> None:
    """RMS says zero for all of its own levels, in a shop that lives of its partners' goods."""
    ledger, settings = open_ledger(sqlite_in(tmp_path)), Settings(_env_file=None)
    ledger.start_run(Run("run-1", "reverse-stock-sync", "own.example", NOON.date(), NOON, NOON))
    own, theirs = range(1, 9), range(100, 200)
    ledger.remember(
        [
            LevelMemory(
                "own.example", item, 1, product_id=2, variant_id=item, seen_at=NOON,
                owner_truth="partner:7", live_seen_at=NOON, units_seen=5,
            )
            for item in theirs
        ]
    )  # fmt: skip
    unknown = line(0, 5, rms=None, product=2, outcome=Outcome.UNKNOWN)._replace(truth=None, reason="no_ccod")
    lines = [
        *(line(item, 5, 0) for item in own),
        *(unknown._replace(item_id=item, variant_id=item) for item in theirs),
    ]

    plan = prepare(
        job(),
        settings,
        ledger,
        products=[product(), product(number=2, ccod=None)],
        lines=lines,
        judge=judge_of(settings, None),
        now=NOON,
    )

    assert {each.item_id for each in plan.lines if each.outcome is Outcome.HELD} == set(own)
    assert {each.reason for each in plan.lines} == {"mass_zero", "fed_elsewhere"}
    ledger.close()
