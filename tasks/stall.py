"""A stall: one account of one marketplace, with all that is needed to work on its lots."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from connectors.ledger import Ledger
from connectors.ledger.market_records import Booking, Item, Listing, View
from connectors.market import Condition, Lot, Market, NewLot, Part, marker
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks.owed import Face, Known, Wanted


class Clock:
    """The settings' time, which may stand still in tests, but told so that no moment comes twice.

    What was recorded before a reading and what after can only be told apart by that.
    """

    TICK = timedelta(microseconds=1)

    def __init__(self, settings: Settings) -> None:
        self._now = settings.now
        self._last: datetime | None = None
        self._turn = threading.Lock()

    def __call__(self) -> datetime:
        """Now."""
        with self._turn:
            now = self._now()
            self._last = now if self._last is None else max(now, self._last + self.TICK)
            return self._last


class Shelf:
    """All lots, read in one answer for many items that are to be made: else each costs a call to look.

    It is read anew now and then, as the seller may make lots meanwhile.
    """

    AGE = timedelta(minutes=2)

    def __init__(self, market: Market, now: Callable[[], datetime]) -> None:
        self._market = market
        self._now = now
        self._read_at: datetime | None = None
        self._lots: dict[str, list[Lot]] = {}
        self._turn = threading.Lock()

    def find(self, new: NewLot, *, anew: bool) -> list[Lot]:
        """The lots that sell what `new` would, and those that carry its marker."""
        with self._turn:
            if anew or self._read_at is None or self._now() - self._read_at > self.AGE:
                self._fill()
            by_id = {
                lot.lot_id: lot
                for name in (self._market.key(new), new.marker)
                for lot in self._lots.get(name, ())
            }
        return list(by_id.values())

    def _fill(self) -> None:
        self._read_at, self._lots = self._now(), {}
        for lot in self._market.lots("creations"):
            for name in (lot.key, lot.marker):
                if name is not None:
                    self._lots.setdefault(name, []).append(lot)


@dataclass(frozen=True, slots=True)
class Stall:
    """What a step works with.

    `shelf`: where lots are looked for that may be there already. `heard`: what every look at the orders did.
    """

    settings: Settings
    ledger: Ledger
    market: Market
    now: Callable[[], datetime]
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    shelf: Shelf | None = None
    heard: list[Booking] = field(default_factory=list)

    def find(self, new: NewLot, *, anew: bool = False) -> list[Lot]:
        """The lots that sell what `new` would, and those that carry its marker.

        `anew`: as they are now; else they may have been read some moments ago.
        """
        if self.shelf is not None:
            return self.shelf.find(new, anew=anew)
        return self.market.find(new, "orders" if anew else "creations")

    @property
    def account(self) -> str:
        """Whose it is."""
        return self.market.account

    def wait(self, seconds: float) -> None:
        """Wait between two attempts: seconds in units of HTTP_BASE_DELAY."""
        self.sleep(seconds * self.settings.http_base_delay)


# ------------------------------------------------------ what the ledger says, in the words of the judgement


def wanted(item: Item) -> Wanted:
    """What an item asks a lot to be."""
    is_gone = item.is_archived or item.deleted_at is not None
    return Wanted(item.offered, Face(item.price, item.location, item.notes), is_gone)


def known(listing: Listing) -> Known:
    """What is known of a listing's lot."""
    return Known(listing.lot_id, listing.expected or 0, face_of(listing.shown))


def shown_by(view: View) -> int | None:
    """Units that an item's lot is expected to show; None: it has none."""
    return view.listing.expected if view.listing.lot_id else None


def face_of(shown: JsonObject | None) -> Face | None:
    """A face as the ledger keeps it; None if it does not know the whole of it."""
    if shown is None or shown.keys() < {"price", "text", "public_text"}:
        return None
    return Face(Decimal(str(shown["price"])), str(shown["text"]), str(shown["public_text"]))


def shown(face: Face) -> JsonObject:
    """A face in the form that the ledger keeps."""
    return {"price": str(face.price), "text": face.text, "public_text": face.public_text}


def part_of(item: Item) -> Part:
    """What is sold."""
    condition: Condition = "new" if item.condition == "new" else "used"
    return Part(item.item_type, item.part_number, item.color_id, condition, item.completeness)


def mark_of(view: View) -> str:
    """What its lot carries to say whose it is."""
    return marker(view.item.id)
