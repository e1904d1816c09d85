"""What to write, worked out from readings: the arithmetic that never gives a sold unit back."""

from enum import StrEnum

from connectors.records import Quantities
from tasks.plan import QuantityName


class Settled(StrEnum):
    """What a reading says about a write whose answer was lost."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    UNCLEAR = "unclear"


def shown(quantities: Quantities, name: QuantityName) -> int:
    """The number that the run's quantity name means."""
    return quantities.available if name == "available" else quantities.on_hand


def sold(baseline: Quantities, now: Quantities) -> int:
    """Units sold since the baseline: seen as a fall of available or a rise of committed, whichever is more.

    A correction by hand may hide either one, never both at once without a trace.
    """
    return max(0, baseline.available - now.available, now.committed - baseline.committed)


def left(baseline: Quantities, now: Quantities) -> int:
    """Units that left the shelf since the baseline."""
    return max(0, baseline.on_hand - now.on_hand)


def wanted(truth: int, baseline: Quantities, now: Quantities, name: QuantityName) -> int:
    """What the level should hold now, in units, never below zero.

    The truth was asked after the baseline was read, so what went since then is taken off it; what came
    since then is not added, because the truth has the word on that.
    """
    gone = sold(baseline, now) if name == "available" else left(baseline, now)
    return max(0, truth - gone)


def settle(before: Quantities, sent: int, after: Quantities, name: QuantityName) -> Settled:
    """Whether a set whose answer was lost was applied: on hand tells, because sales do not move it.

    `before` is the reading whose quantity was the call's compare value, `sent` the value it carried. A fall
    of on hand may also be goods that were shipped: with more for sale than a set would have left, only
    cancelled orders could explain the set, and nobody can tell.
    """
    moved = after.on_hand - before.on_hand
    change = sent - shown(before, name)
    if moved != change:
        return Settled.NOT_APPLIED if moved == 0 else Settled.UNCLEAR
    may_be_shipped = change < 0 and after.available > before.available + change
    return Settled.UNCLEAR if may_be_shipped else Settled.APPLIED


def is_drift(before: Quantities, sent: int, after: Quantities, name: QuantityName) -> bool:
    """Whether a reading after a write shows something that sales cannot explain.

    Sales lower available; shipping lowers on hand with it; a cancelled order gives both back. On hand
    that did not move at all means the write never happened; on hand above what was written, or stock
    that became unavailable for sale in another way, means somebody else wrote.
    """
    change = sent - shown(before, name)
    expected = before.on_hand + change
    if after.on_hand > expected or (change and after.on_hand == before.on_hand):
        return True
    return _unavailable(after) != _unavailable(before)


def unexplained_departures(before: Quantities, sent: int, after: Quantities, name: QuantityName) -> int:
    """Units that left the shelf beyond those that were already promised when the write was made.

    They may be sold and handed over within moments, as in a shop, or taken away by hand: only the
    orders can tell.
    """
    departed = before.on_hand + sent - shown(before, name) - after.on_hand
    return max(0, departed - before.committed)


def _unavailable(quantities: Quantities) -> int:
    return quantities.on_hand - quantities.available - quantities.committed
