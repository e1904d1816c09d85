"""What a marketplace is owed: quantities are owed, not aimed at.

`expected` is the quantity that we believe a lot shows: what we made it with, moved by each change of ours,
lowered by each order line that was booked. What is sent is `available - expected`. What a lot really shows
decides nothing but how deep it can fall: a fall that no booked order explains is a sale on its way.

Item 10, lot 10; two are sold there and the order is not yet read; the owner raises the item to 12. Owed are
2: the lot becomes 10. The order is booked: item 10, expected 10. Aiming at 12 would have sold two twice.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from connectors.market import Marketplace

EMPTIED_FIRST: frozenset[Marketplace] = frozenset({"brickowl"})
"""Where a lot is brought to zero before it is deleted; elsewhere deleting is the only way to zero."""


@dataclass(frozen=True, slots=True)
class Face:
    """What a lot shows beside its quantity: the price, the seller's own text, and what buyers read."""

    price: Decimal
    text: str = ""
    public_text: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the item asks a lot to be. Of an item that is archived or deleted nothing is available."""

    available: int
    face: Face
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the lot. `face`: as we wrote it last; None: we do not know how it looks."""

    lot_id: str | None = None
    expected: int = 0
    face: Face | None = None


@dataclass(frozen=True, slots=True)
class Make:
    """Make a lot of so many units; there may be one already that has to be found first."""

    quantity: int


@dataclass(frozen=True, slots=True)
class Move:
    """Change the quantity by so much."""

    delta: int


@dataclass(frozen=True, slots=True)
class Dress:
    """Write texts and price."""

    face: Face


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete the lot."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is to be done."""


Step = Make | Move | Dress | Remove | Rest


def owed(wanted: Wanted, known: Known) -> int:
    """The signed change that a lot is owed."""
    return wanted.available - known.expected


def next_step(marketplace: Marketplace, wanted: Wanted, known: Known) -> Step:
    """The one thing to do next: units first, looks afterwards."""
    if known.lot_id is None:
        return Make(wanted.available) if wanted.available else Rest()
    difference = owed(wanted, known)
    if wanted.is_gone:
        return Move(difference) if difference and marketplace in EMPTIED_FIRST else Remove()
    if difference:
        return Move(difference)
    return Rest() if known.face == wanted.face else Dress(wanted.face)


def cut(delta: int, present: int) -> int:
    """A change as it can be sent: nothing falls deeper than what is there."""
    return max(delta, -present)


class Shows(StrEnum):
    """How what a lot shows compares with what it is expected to show."""

    LEVEL = "level"
    BELOW = "below"
    """Units are gone whose order is not booked yet: orders are to be read now."""
    ABOVE = "above"
    """Somebody put units there. They are not taken away: a person looks at it."""


def shows(present: int, expected: int) -> Shows:
    """How a reading compares."""
    if present == expected:
        return Shows.LEVEL
    return Shows.BELOW if present < expected else Shows.ABOVE
