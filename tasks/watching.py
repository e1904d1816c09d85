"""A dead man's switch: which flows should have had a good run by now. A judgement, no more."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.ledger.records import LastGood
from tasks.alarm import Cause

PATIENCE = 2.5
"""Intervals without a good run after which something is wrong: one run may fail, and the next may be late."""

SILENT = "silent"
"""What the key of such a cause ends with."""

Watched = tuple[str, str]
"""A flow and an account."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched. `intervals`: of a flow, or of a flow for one account (`flow@account`).

    `in_use`: flows that are set up to run, whether they ever did or not; `off`: those that are not.
    """

    intervals: Mapping[str, timedelta]
    in_use: frozenset[Watched] = frozenset()
    off: frozenset[Watched] = field(default=frozenset())

    def interval(self, flow: str, account: str) -> timedelta | None:
        """From one run to the next; None: not watched."""
        if (flow, account) in self.off:
            return None
        found = self.intervals.get(f"{flow}@{account}", self.intervals.get(flow))
        return found or None


def intervals_of(texts: Sequence[str]) -> dict[str, timedelta]:
    """`flow=hours` as lengths of time; none at all for `never`."""
    pairs = (text.split("=") for text in texts)
    return {name: timedelta(hours=0 if hours == "never" else float(hours)) for name, hours in pairs}


def overdue(runs: Iterable[LastGood], watch: Watch, now: datetime) -> Iterator[tuple[str, Cause]]:
    """Each account with a cause, for flows without a good run in two and a half intervals.

    One that never ran at all has as long from now on.
    """
    known = {(run.flow, run.account): run for run in runs}
    for flow, account in sorted(known.keys() | watch.in_use):
        interval = watch.interval(flow, account)
        if interval is None:
            continue
        run = known.get((flow, account))
        if run is None:
            yield account, _cause(flow, account, None, interval, not_before=now + PATIENCE * interval)
        elif now - run.since > PATIENCE * interval:
            yield account, _cause(flow, account, run, interval)


def _cause(
    flow: str, account: str, run: LastGood | None, interval: timedelta, not_before: datetime | None = None
) -> Cause:
    hours = f"{interval.total_seconds() / 3600:g}"
    lines = [
        f"{flow} of {account} had no good run for more than {PATIENCE:g} intervals of {hours} hours",
        "",
        _last(run),
        "Is a worker running, is the deployment's schedule on, and does Prefect's server answer?",
        f"Look:  evenstock history {flow}",
    ]
    return Cause(f"{flow}:{account}:{SILENT}", "\n".join(lines), not_before=not_before)


def _last(run: LastGood | None) -> str:
    if run is None:
        return "It never ran, though it is set up."
    if run.succeeded_at is None:
        return f"It never ended well; it first ran {run.first_at:%Y-%m-%d %H:%M} UTC."
    return f"Its last good run was that of {run.succeeded_at:%Y-%m-%d %H:%M} UTC."
