"""Find Brick Owl's number of a part that is given in BrickLink's: BOID and colour, looked up once and kept.

Both mappings change, and neither is one to one: what was found is believed for weeks, what was not for days;
a person's word (`evenstock boids set`) for ever. https://www.brickowl.com/api_docs
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from connectors.errors import Complaint, Refused
from connectors.ledger import Ledger
from connectors.ledger.market_records import Lookup
from connectors.market import Catalogue, Part

FOUND_FOR = timedelta(weeks=4)
MISSED_FOR = timedelta(days=2)

BOID, COLOR = "boid", "color"


def is_fresh(lookup: Lookup, now: datetime) -> bool:
    """Whether what the catalogue said once is still to be believed."""
    age = now - lookup.looked_up_at
    return lookup.by_person or age <= (FOUND_FOR if lookup.found else MISSED_FOR)


def chosen(part: Part, boids: Sequence[str], colors: Sequence[str]) -> str:
    """The BOID of a part in its colour. Raises Refused if there is none, or more than one.

    An entry with a colour behind it stands for the part in that colour, one without for the part itself.
    """
    colour = _only(part, "brickowl_color", colors, f"BrickLink's colour {part.color_id}")
    if part.color_id and (exact := [boid for boid in boids if boid.partition("-")[2] == colour]):
        return _only(part, "brickowl_boid", exact, part.no)
    bare = [boid for boid in boids if "-" not in boid] or sorted({boid.partition("-")[0] for boid in boids})
    boid = _only(part, "brickowl_boid", bare, f"{part.item_type} {part.no}")
    return f"{boid}-{colour}" if part.color_id else boid


def _only(part: Part, code: str, found: Sequence[str], what: str) -> str:
    if code == "brickowl_color" and not part.color_id:
        return ""
    if len(found) == 1:
        return found[0]
    told = f"has {len(found)} numbers for it ({', '.join(found)})" if found else "does not know it"
    message = f"{what}: Brick Owl's catalogue {told}; say which with `evenstock boids set`"
    raise Refused(message, complaints=[Complaint(code, message)], system="brickowl")


class Boids:
    """The lookups of one account."""

    def __init__(
        self, ledger: Ledger, catalogue: Catalogue, account: str, now: Callable[[], datetime]
    ) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._account = account
        self._now = now

    def of(self, part: Part) -> str:
        """The BOID of a part, with its colour. Raises Refused if nobody knows just one."""
        key = f"{part.item_type}/{part.no}"
        boids = self._kept(BOID, key, lambda: {key: self._catalogue.boids(part.item_type, part.no)})
        colors = self._kept(COLOR, str(part.color_id), self._colors) if part.color_id else ()
        return chosen(part, boids, colors)

    def _colors(self) -> Mapping[str, Sequence[str]]:
        return {str(bl): [str(each) for each in ours] for bl, ours in self._catalogue.colors().items()}

    def _kept(self, kind: str, key: str, ask: Callable[[], Mapping[str, Sequence[str]]]) -> Sequence[str]:
        """What the ledger knows, or what the catalogue says now: all of that is kept."""
        now = self._now()
        kept = self._ledger.lookups(self._account, kind, [key]).get(key)
        if kept is not None and is_fresh(kept, now):
            return kept.found
        told = cast("Mapping[str, Sequence[str]]", {key: []} | dict(ask()))
        self._ledger.store_lookups(
            [Lookup(self._account, kind, each, found, now) for each, found in told.items()]
        )
        return told[key]
