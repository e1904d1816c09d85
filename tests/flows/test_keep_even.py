"""What the runs list shows of a run."""

from datetime import date

import pytest

from flows.keep_even import scope


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "all unmarked products"),
        ({"dry_run": True, "limit": 10}, "up to 10 products (dry run)"),
        ({"limit": 1}, "up to 1 product"),
        ({"products": [101]}, "product 101"),
        ({"products": [101, 102], "limit": None}, "2 products"),
        ({"day": date(2026, 11, 20)}, "all unmarked products, day 2026-11-20"),
        ({"plan_id": "plan_1", "released_by": "ann", "dry_run": True}, "plan plan_1 (dry run)"),
    ],
)
def test_a_runs_name_says_what_is_synced(asked: dict[str, object], words: str) -> None:
    assert scope(asked) == words
