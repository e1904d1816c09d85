"""What became of a write whose answer was lost: judged from readings, never by sending it again.

First a while is waited, as a slow server may still be at it. Then orders are booked, the lot is read, orders
are booked once more; if the second time brought something for this lot, all of it is done again. What a lot
is expected to show has by then been lowered by all that was sold, so that it tells the two cases apart:
https://www.bricklink.com/v3/api.page?page=update-inventory and https://www.brickowl.com/api_docs know no
other way, as neither has keys that make a change idempotent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from connectors.market import Lot

SLOW = timedelta(seconds=60)
"""How long a server may still be working on a call that was cut."""

APART = timedelta(minutes=3)
"""Between two looks for a lot that may have been made: lists may lag behind."""

LOOKS = 2
"""So often a lot must not be found before it is made again."""


class Verdict(StrEnum):
    """What became of a write."""

    DONE = "done"
    NOT_DONE = "not done"
    UNCLEAR = "unclear"
    """The reading fits neither case, or both: somebody else changed the lot, and a person has to look."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A change as it was sent: what the lot showed just before (None: not read), and what was expected."""

    delta: int
    seen: int | None
    expected: int


def due_at(sent_at: datetime) -> datetime:
    """From when on a reading says what became of a write that was on its way at `sent_at` at the latest."""
    return sent_at + SLOW


def of_change(sent: Sent, expected: int, present: int) -> Verdict:
    """A change of quantity. `expected` is what was expected of the lot without the change, all that was sold
    meanwhile taken off (below zero, if what the change brought was sold); a lot that is gone shows 0.

    What the lot showed too much or too little before it was sent, and no order explained since, may still be
    there: if that turns the verdict round, there is none.
    """
    found = {
        verdict
        for offset in (0, _unexplained(sent, expected))
        for verdict, shown in (
            (Verdict.DONE, expected + offset + sent.delta),
            (Verdict.NOT_DONE, expected + offset),
        )
        if present == shown
    }
    return found.pop() if len(found) == 1 else Verdict.UNCLEAR


def _unexplained(sent: Sent, expected: int) -> int:
    """By how much the lot was off when it was read last, less what orders have explained since."""
    if sent.seen is None:
        return 0
    offset = sent.seen - sent.expected
    booked = sent.expected - expected
    return offset if offset > 0 else min(0, offset + booked)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of a lot that may have been made. `lot`: the one it is, when it was."""

    verdict: Verdict
    lot: Lot | None = None


def of_create(found: Sequence[Lot], marker: str, looks: int) -> Found | None:
    """A create, from the lots that carry its marker or sell the same; `looks`: how often none was found
    before. None: look again later.

    Before a lot was made there was no unmarked one of the same kind, or it would have been adopted.
    """
    marked = [lot for lot in found if lot.marker == marker]
    candidates = marked or [lot for lot in found if lot.marker is None]
    if len(candidates) == 1:
        return Found(Verdict.DONE, candidates[0])
    if candidates:
        return Found(Verdict.UNCLEAR)
    return Found(Verdict.NOT_DONE) if looks + 1 >= LOOKS else None


def of_delete(*, is_there: bool) -> Verdict:
    """A deletion."""
    return Verdict.NOT_DONE if is_there else Verdict.DONE
