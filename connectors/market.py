"""What the marketplaces have in common, whatever their APIs look like: lots, changes, orders, lanes.

A marketplace keeps *lots*: one part in one colour and condition, with a quantity and a price. Quantities are
changed by signed numbers only, never set, since buyers order at any moment. What an API does in its own way
(texts that must be sent along, lots that must not stand at zero, batches, identifiers) stays in its
connector; what a caller must know before it writes is told by a lot (`may_be_empty`) or by the market
(`texts_at_create`, `reads_first`).

What a call of a `Market` may raise, by what to do about it (`connectors.errors`):

    Refused, RateLimited, Transient     surely nothing was written
    BudgetSpent                         nothing was sent: the lane has no calls left until a time
    UnknownOutcome                      a write of which nobody knows: settle it by reading
    Unauthorised                        nothing of this account will succeed
    Malformed                           a reading that was not understood; nothing was written
    WritesOff                           nothing was sent: EVENSTOCK_WRITES=off
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, Protocol, cast

from connectors.errors import ConnectorError
from connectors.http import Call, Usage

Marketplace = Literal["bricklink", "brickowl"]
MARKETPLACES: Final[tuple[Marketplace, ...]] = ("bricklink", "brickowl")
TITLES: Final[Mapping[str, str]] = {"bricklink": "BrickLink", "brickowl": "Brick Owl"}
"""What people call them."""

Condition = Literal["new", "used"]

Lane = Literal["orders", "falls", "deletions", "creations", "rises", "notes", "prices"]
"""What a call is for, as far as its urgency goes. "orders" are also the reads that settle an unclear write,
"notes" also whatever can wait until tomorrow."""
LANES: Final[tuple[Lane, ...]] = ("orders", "falls", "deletions", "creations", "rises", "notes", "prices")
"""Most urgent first: when calls run short, the last one dries up first."""

OrderState = Literal["open", "cancelled"]
"""A status that nobody knows is open: its units are sold until the marketplace says otherwise."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is sold, in BrickLink's numbers: `3001` in colour 5. `color_id` 0: it comes in no colour.

    `item_type` is BrickLink's word (PART, SET, MINIFIG, …); `completeness` is told of sets only: C complete,
    B incomplete, S sealed.
    """

    item_type: str
    no: str
    color_id: int
    condition: Condition
    completeness: str | None = None


@dataclass(frozen=True, slots=True)
class Lot:
    """A lot as the marketplace shows it now, with entities decoded.

    `key` is what it sells, in the marketplace's own words: two lots with one key sell the same thing. `part`
    is the same in BrickLink's numbers, where the marketplace tells them. `marker` is the item that the lot
    was made for or adopted by (`connectors.market.marker`), `text` the seller's own private text without it,
    `public_text` what buyers read. `quantity` may be 0, and there although nobody can buy it (not `on_sale`).
    `may_be_empty`: a change may bring it to zero; else it has to be deleted instead.
    """

    lot_id: str
    key: str
    part: Part | None
    quantity: int
    price: Decimal | None
    marker: str | None
    text: str
    public_text: str
    on_sale: bool
    may_be_empty: bool = True
    title: str = ""
    retain: bool = False
    """BrickLink only: the lot stays when it is sold out."""
    stock_room: str | None = None
    """BrickLink only: the stockroom (A, B, C) that the lot is in."""


@dataclass(frozen=True, slots=True)
class NewLot:
    """A lot that is to be made; `quantity` is at least 1. `boid`: Brick Owl's number of the part, with its
    colour (`771344-38`); BrickLink does not need it.
    """

    part: Part
    quantity: int
    price: Decimal
    marker: str
    text: str = ""
    public_text: str = ""
    boid: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a lot is to become. `delta` is added to whatever is there; what is None stays as it is.

    `marker` is put on a lot that is adopted, and stays on it through every later change.
    """

    delta: int = 0
    price: Decimal | None = None
    text: str | None = None
    public_text: str | None = None
    marker: str | None = None

    @property
    def lane(self) -> Lane:
        """The lane that the change, and the reading just before it, belong to."""
        if self.delta:
            return "falls" if self.delta < 0 else "rises"
        return "notes" if self.price is None else "prices"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Units of one lot in one order, less those refunded.

    `line_id` is the same whenever the order is read. The lot may be gone by now, or its id may never have
    been heard; `key` (as in `Lot`) and `marker` tell then whose units they are.
    """

    line_id: str
    lot_id: str
    key: str
    marker: str | None
    quantity: int


@dataclass(frozen=True, slots=True)
class MarketOrder:
    """An order with all its lines. `status` is the marketplace's own word.

    `stamp` is another text whenever anything about the order changed that the marketplace's list of orders
    tells. `changed_at` is None where the marketplace does not say, `lines` when it no longer tells them (an
    order of long ago): nothing about them is known then.
    """

    order_id: str
    status: str
    state: OrderState
    ordered_at: datetime | None
    changed_at: datetime | None
    stamp: str
    lines: tuple[OrderLine, ...] | None
    combined_into: str | None = None
    """Brick Owl only: the order that took over all lines of this one; a line of it may have grown by one."""


class Budget(Protocol):
    """The calls that an account may still make, shared by all threads and processes."""

    def spend(self, lane: Lane) -> None:
        """Take one call of a lane; asked right before every attempt. Raises BudgetSpent if there is none."""


def spending(budget: Budget) -> Callable[[Call], None]:
    """What `Http` asks before each attempt: a call of the lane that it is for."""
    return lambda call: budget.spend(cast("Lane", call.lane))


class Market(Protocol):
    """One account of one marketplace. May be shared by threads."""

    @property
    def name(self) -> Marketplace:
        """Which marketplace."""

    @property
    def account(self) -> str:
        """Whose account."""

    @property
    def usage(self) -> Usage:
        """What its calls amounted to so far."""

    @property
    def texts_at_create(self) -> bool:
        """Whether a lot is made with its texts; else they take a `change` after it was made."""

    @property
    def reads_first(self) -> bool:
        """Whether a change needs the lot as it is just then: hand it in as `seen`, or it is read anew."""

    def price(self, amount: Decimal) -> Decimal:
        """An amount as the marketplace will show it: to be compared with the price of a lot."""

    def key(self, new: NewLot) -> str:
        """The key that a lot made from `new` would have."""

    def lots(self, lane: Lane = "notes") -> list[Lot]:
        """All lots, those hidden, empty and in stockrooms too."""

    def lot(self, lot_id: str, lane: Lane = "orders") -> Lot | None:
        """One lot, whatever its state; None when it is not there: sold out, deleted, or never was."""

    def find(self, new: NewLot, lane: Lane = "orders") -> list[Lot]:
        """The lots that sell what `new` would (same key), and those that carry its marker.

        To find out whether a create was done, and whether the seller made such a lot before.
        """

    def create(self, new: NewLot) -> str:
        """Make a lot, on sale at once; its id. Made twice when called twice."""

    def change(self, lot_id: str, change: Change, seen: Lot | None = None) -> Lot | None:
        """Change a lot; the lot after it, or None where the API does not tell.

        Applied twice when called twice. Raises Refused if the lot is not there or would fall below zero;
        never makes one.
        """

    def delete(self, lot_id: str) -> None:
        """Delete a lot. One that is not there is deleted."""

    def orders(
        self,
        known: Callable[[str], str | None],
        *,
        since: datetime | None = None,
        thorough: bool = False,
    ) -> Iterator[MarketOrder]:
        """The orders that are not as they were last seen, newest first, one read at a time.

        `known` gives the stamp under which an order was booked, None if it never was. Orders placed before
        `since` are left out. `thorough` looks also where changes are rare and looking costs calls (filed
        orders, open ones whose stamp is the same).
        """

    def close(self) -> None:
        """Close the connections."""


class ChangesMany(Protocol):
    """A market that takes several changes in one call (Brick Owl)."""

    def change_many(self, changes: Sequence[tuple[str, Change]]) -> list[ConnectorError | None]:
        """Change lots, given as (lot id, change); what became of each, in their order: None is done.

        The parts are independent of each other. Raises only what keeps the whole from being sent.
        """


class Catalogue(Protocol):
    """A market with identifiers of its own (Brick Owl), which have to be looked up."""

    def boids(self, item_type: str, no: str) -> list[str]:
        """The market's numbers of an item, given by BrickLink's type and number; empty: it has none."""

    def colors(self) -> Mapping[int, Sequence[int]]:
        """The market's colours by BrickLink's: none, one, or several."""


# ------------------------------------------------------------------ markers

MARK: Final = "ev:"
_MARKERS = re.compile(r"(?:^|\s+)ev:([a-z0-9]{12})(?!\S)")


def marker(item_id: str) -> str:
    """What a lot carries to say whose it is: `ev:` and the item's id (12 lower-case letters and digits)."""
    return f"{MARK}{item_id}"


def split(remarks: str) -> tuple[str, str | None]:
    """A private text as the seller's own part and the marker in it; the last one, if there are several."""
    found: list[str] = _MARKERS.findall(remarks)
    if not found:
        return remarks, None
    return _MARKERS.sub("", remarks).strip(), marker(found[-1])


def join(text: str, mark: str | None) -> str:
    """The private text of a lot: the seller's own words first, so that they sort as ever."""
    return f"{text} {mark}".strip() if mark else text
