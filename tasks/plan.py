"""What a run intends for each level, and how it ended: the values every step passes on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal, NamedTuple

from connectors.records import Quantities

QuantityName = Literal["available", "on_hand"]


class Outcome(StrEnum):
    """How a line ended. A line that is still to be written has none yet."""

    UNKNOWN = "unknown"
    DONE = "done"
    UNCHANGED = "unchanged"
    HELD = "held"
    REFUSED = "refused"
    CONFLICT = "conflict"
    FAILED = "failed"
    PARKED = "parked"
    NOT_SENT = "not_sent"


BROKEN = frozenset({Outcome.FAILED, Outcome.CONFLICT, Outcome.PARKED})
"""Outcomes that make a run fail."""

OPEN_ENDED = BROKEN | {Outcome.HELD}
"""Outcomes that keep a product unmarked."""


CALL_REFUSED = "call_refused"
"""The reason of failed lines whose call was refused as such: no line could do anything about it."""

OF_THE_STORE = frozenset({CALL_REFUSED, "unauthorised", "rate_limited", "transient"})
"""Reasons of failed lines that are the store's or our account's: whatever line had come would have failed."""

FED_ELSEWHERE = "fed_elsewhere"
"""The reason of unknown lines that nobody has to look at: counted, and not listed."""


class Line(NamedTuple):
    """One checked level: what the shop shows, what the truth asks for, and the verdict.

    A named tuple, as there are as many as levels in the shop: it is made and changed (`_replace`) several
    times faster than a frozen dataclass.

    `shown` and `wanted` are units of the run's quantity name. `truth` is what the truth said, as it said it.
    `exact` is true when that was exactly a whole number that is not negative. `fed_by` names the truth that
    speaks for the level, e.g. ``rms``; None when none was heard. `activate` asks for the level to be made
    sellable first. `zero_candidate` marks a variant that may be deleted once its level is at zero.
    """

    product_id: int
    variant_id: int
    item_id: int
    sku: str
    ccod: str
    shown: int = 0
    wanted: int = 0
    baseline: Quantities | None = None
    seen_at: datetime | None = None
    truth: Decimal | None = None
    exact: bool = True
    unbooked: int = 0
    rms_item_id: int | None = None
    fed_by: str | None = None
    outcome: Outcome | None = None
    reason: str = ""
    note: str = ""
    activate: bool = False
    zero_candidate: bool = False
    deleted: bool = False
    change_id: int | None = None
    written_from: int | None = None
    written_to: int | None = None
    position: int = 0

    @property
    def is_open(self) -> bool:
        """Whether the line still has something to be written."""
        return self.outcome is None

    @property
    def falls(self) -> int:
        """Units that the level would lose."""
        return max(0, self.shown - self.wanted)

    @property
    def rises(self) -> int:
        """Units that the level would gain."""
        return max(0, self.wanted - self.shown)

    @property
    def is_zeroing(self) -> bool:
        """Whether a level above zero would go to zero."""
        return self.shown > 0 and self.wanted == 0

    def ended(self, outcome: Outcome, reason: str = "", note: str = "") -> "Line":
        """The same line with its verdict."""
        return self._replace(outcome=outcome, reason=reason or self.reason, note=note or self.note)


@dataclass(frozen=True, slots=True)
class Balance:
    """The run's books: every level discovered stands in exactly one place."""

    checked: int
    counts: Counter[Outcome]

    @property
    def planned(self) -> int:
        """Levels whose truth is known."""
        return sum(self.counts[outcome] for outcome in Outcome if outcome is not Outcome.UNKNOWN)

    @property
    def is_even(self) -> bool:
        """Whether nothing was lost on the way."""
        return self.checked == self.counts[Outcome.UNKNOWN] + self.planned

    def as_dict(self) -> dict[str, int]:
        """The balance as the report shows it."""
        return {"checked": self.checked, "planned": self.planned} | {
            outcome.value: self.counts[outcome] for outcome in Outcome
        }


def balance(checked: int, lines: Iterable[Line]) -> Balance:
    """Book every line. A line without an outcome stands nowhere, and so makes the balance uneven."""
    return Balance(checked, Counter(line.outcome for line in lines if line.outcome is not None))


def by_product(lines: Iterable[Line]) -> dict[int, list[Line]]:
    """Lines grouped by product, in the order of their first appearance."""
    groups: dict[int, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.product_id, []).append(line)
    return groups


def deserves_mark(lines: Sequence[Line]) -> bool:
    """Whether a product is finished for the day.

    At least one of its SKUs was known to RMS, and none of its lines waits, clashed or broke. Refused
    and unknown lines beside known ones do not stand in the way: tomorrow would find them the same.
    """
    outcomes = {line.outcome for line in lines}
    known = any(line.truth is not None for line in lines)
    return known and None not in outcomes and not (outcomes & OPEN_ENDED)
