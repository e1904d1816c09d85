"""The run's day and the marks it leaves on products."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

LATE = timedelta(hours=6)
"""A run that starts later than this after its schedule belongs to the day of its real start."""

_MARK = re.compile(r"^RMS-SYNC-(\d{2})-(\d{2})-(\d{2})$", re.IGNORECASE)


def mark_of(day: date) -> str:
    """The mark of a day, e.g. ``RMS-SYNC-25-01-23``; the main sync writes the same."""
    return f"RMS-SYNC-{day:%y-%m-%d}"


def day_of(mark: str) -> date | None:
    """The day a tag marks; None for any other tag, also for one like a mark with no such day."""
    match = _MARK.match(mark.strip())
    if match is None:
        return None
    year, month, day = (int(part) for part in match.groups())
    try:
        return date(2000 + year, month, day)
    except ValueError:
        return None


def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of a name; None for one that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def day_of_run(scheduled: datetime, started: datetime, zone: ZoneInfo) -> date:
    """The day a run works for, in the shop's zone.

    A run that crosses midnight, or is tried again, keeps the day it was scheduled for. One that begins
    more than six hours late takes today, so that missed schedules collapse into one.
    """
    moment = started if started - scheduled > LATE else scheduled
    return moment.astimezone(zone).date()


def is_marked(tags: Iterable[str], day: date) -> bool:
    """Whether the day's mark is among the tags, whatever its spelling."""
    return any(day_of(tag) == day for tag in tags)


def older_marks(tags: Iterable[str], day: date) -> tuple[str, ...]:
    """Marks of days before `day`, which the new one replaces. Later marks belong to somebody else."""
    return tuple(tag for tag in tags if (marked := day_of(tag)) is not None and marked < day)


def has_future_mark(tags: Iterable[str], day: date) -> bool:
    """Whether a mark of a later day is there: then the main sync lives in another time zone."""
    return any((marked := day_of(tag)) is not None and marked > day for tag in tags)
