"""The nightly compare: what a marketplace shows, against what the ledger believes of it.

It finds, and corrects nothing: what is below is looked for among the orders, what is above, missing, foreign
or there twice is listed for a person. Nothing that is unknown is ever deleted.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from connectors.market import Lot
from tasks.owed import Face, Shows, shows


class Kind(StrEnum):
    """What may be otherwise than believed."""

    MISSING = "missing"
    """The lot is not there, though it should show something."""
    BELOW = "below"
    ABOVE = "above"
    TWICE = "twice"
    """Another lot carries the item's marker, too."""
    ORPHAN = "orphan"
    """A lot carries a marker of ours, and the ledger does not know it as that item's."""
    FOREIGN = "foreign"
    """A lot of the seller's that no item is paired with."""
    LOOKS = "looks"
    """Price or texts are not as we wrote them."""


@dataclass(frozen=True, slots=True)
class Believed:
    """An item's lot, as the ledger knows it."""

    item_id: str
    marker: str
    lot_id: str
    expected: int
    face: Face | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is otherwise. `expected` and `present` are quantities, where that is what differs."""

    kind: Kind
    lot_id: str
    item_id: str | None = None
    expected: int | None = None
    present: int | None = None
    note: str = ""


def compare(believed: Sequence[Believed], lots: Iterable[Lot]) -> list[Difference]:
    """All that differs, what may be sold twice first."""
    by_id = {lot.lot_id: lot for lot in lots}
    known = {each.lot_id for each in believed}
    found = [
        *(difference for each in believed for difference in _of_item(each, by_id)),
        *_unknown(by_id, known, {each.marker: each for each in believed}),
    ]
    order = list(Kind)
    return sorted(found, key=lambda each: (order.index(each.kind), each.lot_id))


def _of_item(each: Believed, lots: Mapping[str, Lot]) -> Iterator[Difference]:
    lot = lots.get(each.lot_id)
    if lot is None:
        yield Difference(Kind.MISSING, each.lot_id, each.item_id, each.expected, 0)
        return
    compared = shows(lot.quantity, each.expected)
    if compared is not Shows.LEVEL:
        kind = Kind.BELOW if compared is Shows.BELOW else Kind.ABOVE
        yield Difference(kind, each.lot_id, each.item_id, each.expected, lot.quantity)
    if other := _other_looks(lot, each.face):
        yield Difference(Kind.LOOKS, each.lot_id, each.item_id, note=other)


def _other_looks(lot: Lot, face: Face | None) -> str:
    if face is None:
        return ""
    pairs = {
        "price": (face.price, lot.price),
        "location": (face.text, lot.text),
        "notes": (face.public_text, lot.public_text),
    }
    return ", ".join(name for name, (ours, theirs) in pairs.items() if ours != theirs)


def _unknown(
    lots: Mapping[str, Lot], known: set[str], by_marker: Mapping[str, Believed]
) -> Iterator[Difference]:
    for lot in lots.values():
        if lot.lot_id in known:
            continue
        owner = by_marker.get(lot.marker or "")
        if owner:
            yield Difference(Kind.TWICE, lot.lot_id, owner.item_id, present=lot.quantity)
        elif lot.marker:
            yield Difference(Kind.ORPHAN, lot.lot_id, present=lot.quantity, note=lot.marker)
        else:
            yield Difference(Kind.FOREIGN, lot.lot_id, present=lot.quantity, note=lot.key)


def tally(differences: Iterable[Difference]) -> dict[str, int]:
    """How many of each kind."""
    counts: dict[str, int] = defaultdict(int)
    for each in differences:
        counts[each.kind.value] += 1
    return dict(counts)
