"""Whether an item is on a marketplace already, before a lot is made for it.

Lots made by us carry the item's marker. One without any marker was made by the seller: if it is the only
one that sells the same (part, colour, condition, completeness), it is the item's; if there are several,
nobody but the seller knows which. Another item's lot is never taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.market import Lot


@dataclass(frozen=True, slots=True)
class Own:
    """The item's own lot, made at an earlier time: it carries its marker."""

    lot: Lot


@dataclass(frozen=True, slots=True)
class Adopt:
    """A lot of the seller's, the only one of its kind."""

    lot: Lot


@dataclass(frozen=True, slots=True)
class Several:
    """More than one lot it could be. `code` says of which sort."""

    code: str
    lots: tuple[Lot, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """It is not there."""


Pairing = Own | Adopt | Several | Nothing

SEVERAL_MARKED = "made_twice"
SEVERAL_ALIKE = "ambiguous"


def pair(found: Sequence[Lot], marker: str, key: str) -> Pairing:
    """Which of these lots is the item's. `key`: what its lot sells, in the marketplace's words."""
    own = [lot for lot in found if lot.marker == marker]
    if own:
        return Own(own[0]) if len(own) == 1 else Several(SEVERAL_MARKED, tuple(own))
    free = [lot for lot in found if lot.marker is None and lot.key == key]
    if len(free) > 1:
        return Several(SEVERAL_ALIKE, tuple(free))
    return Adopt(free[0]) if free else Nothing()


def explained(several: Several) -> str:
    """Which lots they are, for a person."""
    ids = ", ".join(sorted(lot.lot_id for lot in several.lots))
    if several.code == SEVERAL_MARKED:
        return f"lots {ids} carry this item's marker: delete all but one there, then retry the item"
    return f"lots {ids} all sell this part: nobody but you knows which is the item's; leave one, then retry"
