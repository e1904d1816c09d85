"""Find Brick Owl's number of a part that is given in BrickLink's: BOID and colour, looked up once and kept.

Both mappings change, and neither is one to one: what was found is believed for weeks, what was not for days;
a person's word for ever. https://www.brickowl.com/api_docs
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from connectors.brickowl import choose
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
        """The BOID of a part, with its colour. Raises Refused if the catalogue does not tell just one."""
        key = f"{part.item_type}/{part.no}"
        boids = self._kept(BOID, key, lambda: {key: self._catalogue.boids(part.item_type, part.no)})
        colors = self._kept(COLOR, str(part.color_id), self._colors) if part.color_id else ()
        return choose(part, boids, {part.color_id: [int(each) for each in colors]})

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
