"""What a Brick Owl store holds, and the words its API has for it (https://www.brickowl.com/api_docs).

Lots and orders are rows (`sandbox.book`) as a world file has them: prices are text, times are ISO text.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from sandbox.book import Book, Row, Table
from sandbox.surroundings import Surroundings

AREAS: Final = ("user", "inventory", "order", "catalog", "bulk")
"""What a key may be allowed; `token` belongs to `user`."""
TYPES: Final = ("Part", "Set", "Minifigure", "Gear", "Sticker", "Minibuild", "Instructions", "Packaging")
NEEDS_COLOR: Final = frozenset({"Part"})
MAY_HAVE_COLOR: Final = frozenset({"Part", "Gear", "Minibuild"})
CONDITIONS: Final[Mapping[str, str]] = {
    "new": "New",
    "news": "New (Sealed)",
    "newc": "New (Complete)",
    "newi": "New (Incomplete)",
    "usedc": "Used (Complete)",
    "usedi": "Used (Incomplete)",
    "usedn": "Used (Like New)",
    "usedg": "Used (Good)",
    "useda": "Used (Acceptable)",
    "other": "Other",
}
BOXED: Final = ("news", "newc", "newi", "usedc", "usedi")
GRADED: Final = ("new", "usedn", "usedg", "useda")
CONDITIONS_OF: Final = {name: BOXED if name == "Set" else GRADED for name in TYPES}
COARSE_NEW: Final = frozenset({"new", "news", "newc"})
STATUSES: Final = (
    "Pending",
    "Payment Submitted",
    "Payment Received",
    "Processing",
    "Processed",
    "Shipped",
    "Received",
    "On Hold",
    "Cancelled",
)
PLACED: Final = 1
"""The status of a new order: the buyer has paid, or says so."""
CANCELLED: Final = 8
THOUSANDTH: Final = Decimal("0.001")

SWITCHES: Final[Mapping[str, tuple[str, ...]]] = {
    # A list with one entry comes as a list, or as the bare entry.
    "single": ("listed", "bare"),
    # How the word for success is written.
    "success": ("lower", "capital"),
    # Whether a create takes notes, tiers and for_sale.
    "create_extras": ("ignored", "taken"),
    # A second lot with the same external_id.
    "external_id": ("repeated", "unique"),
    # What an update in a batch changes.
    "batch": ("quantities", "everything"),
    # How many of a batch's answers come back.
    "batch_answers": ("all", "first", "none"),
    # Whether 429 says how long to wait.
    "retry_after": ("told", "untold"),
}
"""Behaviour that nobody outside knows for sure; the first position is the first guess."""


def rounded(amount: Decimal) -> Decimal:
    """A price as it is kept: three decimals, rounded half up."""
    return amount.quantize(THOUSANDTH, ROUND_HALF_UP)


def bare(boid: str) -> str:
    """The item's part of a BOID that may have a colour."""
    return boid.partition("-")[0]


def color_of(boid: str) -> int | None:
    """The colour's part of a BOID, if it has one."""
    found = boid.partition("-")[2]
    return int(found) if found.isdecimal() else None


@dataclass(frozen=True)
class Item:
    """An item of the catalogue. `boid` may have a colour: it is then found by look-ups as it stands.

    `retiring`: scheduled for deletion.
    """

    boid: str
    type: str
    name: str
    bl_item_no: str | None = None
    retiring: bool = False


@dataclass(frozen=True)
class Color:
    """A colour, with the numbers that BrickLink has for it."""

    id: int
    name: str
    bl_ids: list[int]


@dataclass
class Notices:
    """Where `order/notify` sends its calls: to `port` of `ip`, but every `drops`th is lost (0: none)."""

    ip: str
    port: int
    drops: int
    sent: int = 0


@dataclass(eq=False)
class Account:
    """One store with the catalogue it sees. `areas`: what its key is allowed; `store`: whether it has one."""

    name: str
    key: str
    areas: list[str]
    store: bool
    currency: str
    calls_per_minute: int
    batches_per_minute: int
    notices: Notices
    items: dict[str, Item]
    colors: dict[int, Color]
    lots: Table
    orders: Table
    book: Book
    around: Surroundings
    calls: deque[float] = field(default_factory=deque)
    batches: deque[float] = field(default_factory=deque)
    turns: int = 0

    def at(self, switch: str) -> str:
        """Where a switch stands."""
        return self.around.switches[f"brickowl.{switch}"]

    def item(self, boid: str) -> Item | None:
        """The item that a BOID with or without colour means."""
        same = (one for one in self.items.values() if bare(one.boid) == bare(boid))
        return self.items.get(boid) or self.items.get(bare(boid)) or next(same, None)

    def turn(self) -> int:
        """A number higher than all before: of two orders the one changed later has the higher one."""
        self.turns += 1
        return self.turns


def final_price(lot: Row) -> Decimal:
    """What buyers pay a piece."""
    return rounded(Decimal(lot["price"]) * (100 - lot["sale_percent"]) / 100)


def active(lot: Row) -> bool:
    """Whether buyers can buy of a lot."""
    return bool(lot["for_sale"]) and lot["qty"] > 0


def units(order: Row) -> int:
    """Units ordered."""
    return sum(line["ordered_quantity"] for line in order["items"])


def total(order: Row) -> Decimal:
    """What the goods of an order cost."""
    lines: Iterable[Mapping[str, Any]] = order["items"]
    return sum((Decimal(line["price"]) * line["ordered_quantity"] for line in lines), Decimal(0))
