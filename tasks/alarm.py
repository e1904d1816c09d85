"""When to tell people that something is wrong, still wrong, or well again: a judgement, cause by cause."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from connectors.ledger.records import Alert, Severity

INTERVALS = (timedelta(hours=1), timedelta(hours=4), timedelta(hours=12), timedelta(days=1))
"""How long a cause that goes on is not told again: after the first time, the second, …; then daily."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that is wrong. `key` stays the same as long as it is the same thing.

    The message's first line says what is wrong in one sentence. `subjects`: what it is about, if that are
    several things; a new one among them is told at once. `not_before`: it may still come right by itself.
    """

    key: str
    message: str
    severity: Severity = Severity.CRITICAL
    subjects: Sequence[str] = ()
    not_before: datetime | None = None


class Word(StrEnum):
    """What is to be told now."""

    FIRST = "first"
    STILL = "still"
    MORE = "more"
    WELL = "well again"
    NOTHING = "nothing"


def seen(memory: Alert | None, account: str, cause: Cause, now: datetime) -> tuple[Alert, Word]:
    """A cause is there: what to remember of it, and what to tell."""
    known = memory if memory and memory.resolved_at is None else _new(memory, account, cause, now)
    word = _word(known, cause, now)
    current = replace(
        known,
        severity=cause.severity,
        message=cause.message,
        subjects=tuple(cause.subjects),
        last_seen_at=max(known.last_seen_at, now),
    )
    return (current if word is Word.NOTHING else _told(current, now)), word


def gone(memory: Alert, now: datetime) -> tuple[Alert, Word]:
    """A cause is there no more. Only those who were told of it hear that it is well again."""
    if memory.resolved_at is not None:
        return memory, Word.NOTHING
    word = Word.WELL if memory.told_count else Word.NOTHING
    return replace(memory, resolved_at=now, next_tell_at=None), word


def _new(memory: Alert | None, account: str, cause: Cause, now: datetime) -> Alert:
    """A cause that comes, or comes back; what of its last time was not delivered yet stays to be."""
    return Alert(
        account=account,
        cause=cause.key,
        severity=cause.severity,
        message=cause.message,
        first_seen_at=now,
        last_seen_at=now,
        next_tell_at=cause.not_before,
        undelivered=memory.undelivered if memory else (),
    )


def _word(known: Alert, cause: Cause, now: datetime) -> Word:
    is_time = known.next_tell_at is None or now >= known.next_tell_at
    if not known.told_count:
        return Word.FIRST if is_time else Word.NOTHING
    if set(cause.subjects) - set(known.subjects):
        return Word.MORE
    return Word.STILL if is_time else Word.NOTHING


def _told(alert: Alert, now: datetime) -> Alert:
    wait = INTERVALS[min(alert.told_count, len(INTERVALS) - 1)]
    return replace(alert, told_count=alert.told_count + 1, next_tell_at=now + wait)


# ------------------------------------------------------------------- texts


@dataclass(frozen=True, slots=True)
class Notice:
    """What people get to read."""

    subject: str
    text: str


_BEGINNINGS = {Word.FIRST: "", Word.STILL: "Still: ", Word.MORE: "More: ", Word.WELL: "Well again: "}


def notice(alert: Alert, word: Word) -> Notice:
    """The words about an alert as it is remembered after the judgement."""
    title = alert.message.partition("\n")[0].strip()
    return Notice(
        f"{_BEGINNINGS[word]}{title}", "\n".join([alert.message.strip(), "", *_footer(alert, word)])
    )


def _footer(alert: Alert, word: Word) -> list[str]:
    since = f"{_moment(alert.first_seen_at)}"
    if word is Word.WELL:
        return [f"It is well again: this was so from {since} to {_moment(alert.resolved_at)}."]
    lines = [f"Account {alert.account}, {alert.severity}, since {since}."]
    if alert.next_tell_at:
        lines.append(f"As long as it goes on you are told again, not before {_moment(alert.next_tell_at)}.")
    return lines


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "now"
