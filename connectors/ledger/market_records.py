"""What the ledger knows of own items, of where they are listed, of what was sent and of what was sold.

Plain, frozen values. A marketplace is `bricklink` or `brickowl`; quantities are whole units, prices are
decimals in the store's currency, all times are aware and UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from connectors.records import JsonObject


class ListingStatus(StrEnum):
    """How an item stands on a marketplace. *Parked*: nothing is tried until the item changes."""

    SYNCING = "syncing"
    SYNCED = "synced"
    FAILED = "failed"
    PARKED = "parked"


class WriteKind(StrEnum):
    """What is written: a new lot, a signed change, the end of a lot, or only texts and the price."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    TEXT = "text"


class WriteState(StrEnum):
    """What became of a write. *Sent* and *unknown* ones are open; *refused*: surely nothing was written."""

    SENT = "sent"
    UNKNOWN = "unknown"
    DONE = "done"
    REFUSED = "refused"


class ReviewState(StrEnum):
    """What became of units that an order gave back. *Open*: a person has to say whether they are there."""

    OPEN = "open"
    RESTOCKED = "restocked"
    WRITTEN_OFF = "written_off"


class BookingKind(StrEnum):
    """What booking a line did.

    *Sold*: item and lot went down · *known*: nothing new · *returned*: less is ordered than before, so units
    wait for a review · *foreign*: the lot is none of ours, kept in case it turns out to be.
    """

    SOLD = "sold"
    KNOWN = "known"
    RETURNED = "returned"
    FOREIGN = "foreign"


class BreakerState(StrEnum):
    """*Open*: no call is made. *Half open*: one process tries whether it works again."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Item:
    """An own item. `color_id` and `part_number` are BrickLink's; `legacy_id` is its id in an older system.

    `quantity_available` is what may be sold, reserved units left out. `revision` counts its changes.
    """

    account: str
    id: str
    name: str
    part_number: str
    item_type: str
    color_id: int
    condition: str
    completeness: str | None
    location: str
    quantity_available: int
    price: Decimal
    created_by: str
    created_at: datetime
    quantity_reserved: int = 0
    quantity_sold: int = 0
    status: str = "available"
    notes: str = ""
    file_id: str | None = None
    updated_at: datetime | None = None
    is_archived: bool = False
    deleted_at: datetime | None = None
    revision: int = 1
    legacy_id: str | None = None

    @property
    def offered(self) -> int:
        """What the marketplaces may show: nothing of an archived or deleted item."""
        return 0 if self.is_archived or self.deleted_at else self.quantity_available


@dataclass(frozen=True, slots=True)
class ItemHistory:
    """One change of an item: `create`, `update`, `delete`, `sold` or `restocked`.

    `change_key` names a change that must not happen twice, whoever asks for it again.
    """

    account: str
    item_id: str
    change_type: str
    revision: int
    created_at: datetime
    delta_available: int = 0
    delta_reserved: int = 0
    delta_sold: int = 0
    from_status: str | None = None
    to_status: str | None = None
    actor: str = ""
    reason: str = ""
    correlation_id: str | None = None
    change_key: str | None = None
    marketplace: str | None = None
    order_id: str | None = None
    line_id: str | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """What the history says of a change: which kind it is, who asks for it, and why.

    `is_count`: a new quantity is what somebody found on the shelf, so that units which were sold twice are in
    it. What a supplier says it has is no such count.
    """

    change_type: str
    actor: str
    reason: str = ""
    correlation_id: str | None = None
    change_key: str | None = None
    is_count: bool = True


@dataclass(frozen=True, slots=True)
class ItemChange:
    """An item before (None: it is new) and after a change. `is_repeat`: the change was made long ago."""

    before: Item | None
    after: Item
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """An item as a marketplace shows it.

    `expected` is the quantity we believe its lot shows, None before a create was done and when there is no
    lot; below zero only while a write is open. `shown`: price and texts as last written by us. `reason`: why
    it is not level yet; `review`: what a person should look at. `same_errors` counts attempts in a row that
    ended with `error_code`. `reread`: a person asked to try again, so the lot is to be believed as it is.
    """

    account: str
    item_id: str
    marketplace: str
    enabled: bool = True
    status: ListingStatus = ListingStatus.SYNCING
    synced_revision: int = 0
    lot_id: str | None = None
    expected: int | None = None
    shown: JsonObject | None = None
    reason: str = ""
    error_code: str = ""
    same_errors: int = 0
    attempts: int = 0
    last_attempt_at: datetime | None = None
    next_attempt_at: datetime | None = None
    synced_at: datetime | None = None
    review: str = ""
    reread: bool = False


@dataclass(frozen=True, slots=True)
class MarketWrite:
    """An intended write, stored before it is sent. At most one of a listing is open.

    `seen` is the listing's `expected` when it was decided, `delta` the signed change (a create's quantity; 0
    for texts and for a delete), `revision` the item's that it stems from. `body` is what was meant to be
    sent, without any secret; `reason`: why it is unclear or was refused. `sent_at`: when it was stored, or of
    one whose answer was lost, when that was given up.
    """

    id: str
    account: str
    marketplace: str
    item_id: str
    kind: WriteKind
    revision: int
    sent_at: datetime
    lot_id: str | None = None
    seen: int | None = None
    delta: int = 0
    state: WriteState = WriteState.SENT
    settled_at: datetime | None = None
    reason: str = ""
    body: JsonObject = field(default_factory=dict)


class ListingKey(NamedTuple):
    """Which listing."""

    account: str
    item_id: str
    marketplace: str


@dataclass(frozen=True, slots=True)
class View:
    """A listing with its item, and its open write if there is one: one consistent look."""

    item: Item
    listing: Listing
    write: MarketWrite | None = None

    @property
    def owed(self) -> int:
        """The signed change that would bring the lot level."""
        return self.item.offered - (self.listing.expected or 0)


@dataclass(frozen=True, slots=True)
class ListingNote:
    """What an attempt says of a listing that it did not bring level. Without a code, nothing went wrong."""

    status: ListingStatus
    reason: str
    error_code: str = ""
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BookedOrder:
    """An order of a marketplace as it was last seen. `state`: `open` or `cancelled`; the rest as in
    `connectors.market.MarketOrder`.
    """

    account: str
    marketplace: str
    order_id: str
    status: str
    state: str
    stamp: str
    seen_at: datetime
    ordered_at: datetime | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BookedLine:
    """A line of an order, kept for ever. `ordered`: what is ordered now; `booked`: what was booked of it.

    `oversold` of the booked units were not there; the others came off the item. `item_id` is None while the
    lot is none of ours.
    """

    account: str
    marketplace: str
    order_id: str
    line_id: str
    lot_id: str
    marker: str | None
    ordered: int
    recorded_at: datetime
    item_id: str | None = None
    booked: int = 0
    oversold: int = 0


@dataclass(frozen=True, slots=True)
class Booking:
    """What booking a line did. `quantity`: units newly sold or returned; `oversold`: those not there.

    `rival`: the order (`marketplace/id`) that took the last units before an oversold one. `review_id`: of
    units returned.
    """

    kind: BookingKind
    account: str
    marketplace: str
    order_id: str
    line_id: str
    lot_id: str
    item_id: str | None
    quantity: int = 0
    oversold: int = 0
    rival: str | None = None
    review_id: int | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """Units of an order that was cancelled or reduced: are they back? `taken` of them came off the item.

    `checked_at`: when the lot was read to see whether it rose by them.
    """

    account: str
    marketplace: str
    order_id: str
    line_id: str
    lot_id: str
    item_id: str
    quantity: int
    taken: int
    opened_at: datetime
    state: ReviewState = ReviewState.OPEN
    checked_at: datetime | None = None
    resolved_at: datetime | None = None
    resolved_by: str = ""
    id: int | None = None


@dataclass(frozen=True, slots=True)
class MarketAccount:
    """An account on a marketplace. `poll_asked`: a lot shows less than expected, so orders are wanted now.

    `polled_at`: when its orders were last booked; `compared_at`: when all its lots were compared with items.
    """

    account: str
    marketplace: str
    enabled: bool
    added_at: datetime
    polled_at: datetime | None = None
    compared_at: datetime | None = None
    poll_asked: bool = False


@dataclass(frozen=True, slots=True)
class Breaker:
    """Whether an account's calls to a marketplace are made at all. `failures`: in a row."""

    account: str
    marketplace: str
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    opened_at: datetime | None = None
    reason: str = ""
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """What Brick Owl's catalogue said of a BrickLink number; `found` empty: it knows none.

    `kind`: `boid` (key `PART/3001`) or `color` (key: BrickLink's colour id). A person's word is kept.
    """

    account: str
    kind: str
    key: str
    found: Sequence[str]
    looked_up_at: datetime
    by_person: bool = False
