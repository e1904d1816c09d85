"""What a BrickLink store holds, and the words its API has for it.

https://www.bricklink.com/v3/api.page?page=resource-representations-inventory. Lots and orders are rows
(`sandbox.book`) just as answers have them, so that a list of ten thousand is ready as it lies.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_UP, Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sandbox.book import Book, Row, Table
from sandbox.bricklink.notices import Notices
from sandbox.bricklink.oauth import Gate, Keys
from sandbox.surroundings import Surroundings

TYPES: Final = (
    "MINIFIG",
    "PART",
    "SET",
    "BOOK",
    "GEAR",
    "CATALOG",
    "INSTRUCTION",
    "UNSORTED_LOT",
    "ORIGINAL_BOX",
)
NUMBERED: Final = ("SET", "INSTRUCTION", "ORIGINAL_BOX")
"""Types whose numbers end in a sequence number, as `7644-1` does."""
CONDITIONS: Final = ("N", "U")
COMPLETENESS: Final = ("C", "B", "S")
ROOMS: Final = ("A", "B", "C")
LETTER_OF_ROOM: Final = {"A": "S", "B": "B", "C": "C"}
"""What the filter `status` calls lots of each stockroom: the first has its letter from times of old."""
STATUSES: Final = ("Y", "S", "B", "C", "N", "R")
OPEN: Final = (
    "PENDING",
    "UPDATED",
    "PROCESSING",
    "READY",
    "PAID",
    "PACKED",
    "SHIPPED",
    "RECEIVED",
    "COMPLETED",
    "OCR",
    "NPB",
    "NPX",
    "NRS",
    "NSS",
    "PAID-PENDING",
)
FINAL: Final = ("CANCELLED", "PURGED")
PAYMENTS: Final = ("None", "Sent", "Received", "Clearing", "Returned", "Bounced", "Completed")
EASTERN: Final = ZoneInfo("America/New_York")
COLORS: Final[Mapping[int, tuple[str, str]]] = {
    0: ("(Not Applicable)", ""),
    1: ("White", "FFFFFF"),
    2: ("Tan", "DEC69C"),
    3: ("Yellow", "F7D117"),
    5: ("Red", "B30006"),
    6: ("Green", "00642E"),
    7: ("Blue", "0057A6"),
    11: ("Black", "212121"),
    85: ("Dark Bluish Gray", "595D60"),
    86: ("Light Bluish Gray", "AFB5C7"),
    88: ("Reddish Brown", "89351D"),
}
CATEGORIES: Final = {5: "Brick", 26: "Plate", 65: "Town", 238: "Minifigure, Head"}
USUAL_CATEGORY: Final = 5
DAY: Final = 86_400.0
FOUR_DIGITS: Final = Decimal("0.0001")


def money(amount: Decimal) -> str:
    """An amount as answers have it: four digits, what is beyond them rounded up."""
    return str(amount.quantize(FOUR_DIGITS, ROUND_UP))


def timestamp(moment: datetime) -> str:
    """`2024-05-06T04:00:00.000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def day_of(moment: datetime) -> str:
    """The midnight, in the vendor's zone, before a moment: times of lots are no finer."""
    local = moment.astimezone(EASTERN).replace(hour=0, minute=0, second=0, microsecond=0)
    return timestamp(local)


def color_name(number: int) -> str:
    """A colour's name; those that this stand-in does not list have one all the same."""
    return COLORS[number][0] if number in COLORS else f"Color {number}"


@dataclass(frozen=True)
class Item:
    """A thing of the catalogue."""

    no: str
    type: str
    name: str
    category_id: int

    def told(self) -> Row:
        """The item as lots and orders show it."""
        return {"no": self.no, "name": self.name, "type": self.type, "category_id": self.category_id}


@dataclass
class Catalogue:
    """The items there are. A world that lists none has every item that anybody asks for."""

    items: dict[tuple[str, str], Item]
    closed: bool

    def find(self, kind: str, no: str) -> Item | None:
        """The item; case does not matter."""
        found = self.items.get((kind, no.lower()))
        return found if found or self.closed else Item(no, kind, f"{kind.title()} {no}", USUAL_CATEGORY)

    def add(self, item: Item) -> None:
        """Know an item from now on."""
        self.items.setdefault((item.type, item.no.lower()), item)


@dataclass(frozen=True)
class Terms:
    """What is a store's own."""

    keys: Keys
    daily_limit: int
    at_once: int
    """Calls in flight beyond which the gateway answers."""
    stockroom: str
    """Where a lot goes that sells out and is retained."""
    currency: str
    timestamp_window_seconds: float
    store_name: str


@dataclass
class Account:
    """One store."""

    name: str
    around: Surroundings
    terms: Terms
    catalogue: Catalogue
    notices: Notices
    book: Book
    given: Mapping[str, Any]
    """The keys of the world file that nothing changes, as they were read."""
    next_lot: int = 1
    next_order: int = 1
    withheld: dict[int, str] = field(default_factory=dict)
    """Lots that the seller cannot sell, with the letter that the filter `status` has for them: N or R."""
    recent: deque[float] = field(default_factory=deque)
    """When the calls of the last 24 hours came."""

    def __post_init__(self) -> None:
        """Its tables, empty."""
        self.lots: Table = self.book.table("lot")
        self.orders: Table = self.book.table("order")
        self.gate = Gate(self.terms.keys, self.terms.timestamp_window_seconds)

    def now(self) -> datetime:
        """The stand-ins' time."""
        return self.around.clock.now()

    def switch(self, name: str) -> str:
        """Where one of BrickLink's switches stands."""
        return self.around.switches[f"bricklink.{name}"]

    def new_lot(self) -> int:
        """An id that no lot had: they rise, with gaps."""
        number = self.next_lot
        self.next_lot += self.around.chance.randint(1, 7)
        return number

    def new_order(self) -> int:
        """An id that no order had."""
        number = self.next_order
        self.next_order += self.around.chance.randint(1, 5)
        return number

    def calls_of_day(self, now: float) -> int:
        """Count a call; the calls of the last 24 hours. How the vendor's day ends is not known."""
        while self.recent and self.recent[0] <= now - DAY:
            self.recent.popleft()
        self.recent.append(now)
        return len(self.recent)

    def status_of(self, lot: Row) -> str:
        """What the filter `status` calls a lot."""
        found = self.withheld.get(lot["inventory_id"])
        if found:
            return found
        return LETTER_OF_ROOM[lot["stock_room_id"]] if lot["is_stock_room"] else "Y"
