"""Which flows should have had a good run by now."""

from datetime import datetime, timedelta
from pathlib import Path

import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from connectors.ledger import LastGood
from connectors.settings import load_settings
from tasks.alarm import Cause
from tasks.watching import Watch, intervals_of, overdue
from tests.connectors.ledger_samples import HOUR, NOW

SYNC = "partner-sync"
HOURLY = Watch({SYNC: HOUR})


def looked(watch: Watch, *runs: LastGood, now: datetime = NOW) -> list[tuple[str, Cause]]:
    return list(overdue(runs, watch, now))


def ran(hours_ago: float | None, *, first: float = 100, flow: str = SYNC, account: str = "own") -> LastGood:
    return LastGood(flow, account, NOW - first * HOUR, None if hours_ago is None else NOW - hours_ago * HOUR)


def test_two_and_a_half_intervals_are_waited_for() -> None:
    assert looked(HOURLY, ran(0), ran(2.5, account="b")) == []

    ((account, cause),) = looked(HOURLY, ran(2.6))
    assert (account, cause.key, cause.not_before) == ("own", "partner-sync:own:silent", None)
    assert cause.message.startswith(
        "partner-sync of own had no good run for more than 2.5 intervals of 1 hours"
    )
    assert "Its last good run was that of 2026-11-21 12:54 UTC." in cause.message


def test_a_flow_that_never_ended_well_counts_from_its_first_run() -> None:
    assert looked(HOURLY, ran(None, first=2)) == []
    ((_, cause),) = looked(HOURLY, ran(None, first=3))
    assert "It never ended well" in cause.message


def test_a_flow_that_is_set_up_and_never_ran_has_as_long_from_now() -> None:
    watch = Watch({SYNC: HOUR}, in_use=frozenset({(SYNC, "own")}))
    ((account, cause),) = looked(watch)
    assert (account, cause.not_before) == ("own", NOW + 2.5 * HOUR)
    assert "It never ran, though it is set up." in cause.message

    assert looked(watch, ran(0)) == []


def test_what_is_switched_off_or_unknown_or_never_watched_is_left_alone() -> None:
    off = Watch({SYNC: HOUR}, off=frozenset({(SYNC, "own")}))
    assert looked(off, ran(99)) == []
    assert [account for account, _ in looked(off, ran(99, account="b"))] == ["b"]
    assert looked(Watch({}), ran(99)) == []
    assert looked(Watch(intervals_of([f"{SYNC}=never"])), ran(99)) == []


def test_an_account_may_have_an_interval_of_its_own() -> None:
    watch = Watch(intervals_of([f"{SYNC}=1", f"{SYNC}@slow=24", f"{SYNC}@gone=never"]))
    runs = [ran(30, account=account) for account in ("own", "slow", "gone")]
    assert [account for account, _ in looked(watch, *runs)] == ["own"]


def test_the_intervals_are_those_of_the_schedules() -> None:
    path = Path(__file__).parents[2] / "prefect.yaml"
    deployments = yaml.safe_load(path.read_text("utf-8"))["deployments"]
    lengths = {
        "daily": timedelta(days=1),
        "hourly": timedelta(hours=1),
        "every-2-minutes": timedelta(minutes=2),
        "nightly": timedelta(days=1),
    }
    shortest: dict[str, timedelta] = {}
    for each in deployments:
        name = str(each["entrypoint"]).partition(":")[2].replace("_", "-")
        for schedule in each.get("schedules", ()):
            if schedule.get("active", True):
                length = lengths[schedule["slug"]]
                shortest[name] = min(length, shortest.get(name, length))
    shortest.pop("maintenance")  # it keeps no book of its own: each automated-sync does the same
    watch = Watch(intervals_of(load_settings().watch_intervals))
    watched = {name: watch.interval(name, "all") for name in shortest}
    for name, length in shortest.items():
        # Two looks that are missed in a row may have been somebody else's turn.
        assert length <= (watched[name] or timedelta()) <= max(1.5 * length, timedelta(minutes=6)), name


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.none() | st.integers(0, 200)),
        unique_by=lambda each: each[:2],
    ),
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 48)),
)
def test_exactly_those_are_named_that_are_silent_for_too_long(
    runs: list[tuple[str, str, int | None]], hours: dict[str, int]
) -> None:
    known = [ran(ago, first=200, flow=flow, account=account) for flow, account, ago in runs]
    watch = Watch({flow: each * HOUR for flow, each in hours.items()})

    expected = {
        f"{flow}:{account}:silent"
        for flow, account, ago in runs
        if flow in hours and (200 if ago is None else ago) > 2.5 * hours[flow]
    }
    assert {cause.key for _, cause in looked(watch, *known)} == expected
