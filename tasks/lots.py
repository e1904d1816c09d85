"""What is done to one item's lot: made or found, moved, dressed, deleted, believed.

Each step reads what it must, stores the write, sends it and stores what came of it. It changes one thing; the
caller looks at the item again before the next.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar, cast
from uuid import uuid4

from connectors.errors import (
    ConnectorError,
    EvenstockError,
    Malformed,
    RateLimited,
    Refused,
    Transient,
    UnknownOutcome,
)
from connectors.ledger.market_records import ListingKey, MarketWrite, View, WriteKind
from connectors.market import Catalogue, Change, Lane, Lot, NewLot
from connectors.records import JsonObject
from tasks import booking
from tasks.boids import Boids
from tasks.lanes import lane_of
from tasks.owed import Face, Move, Shows, cut, shows
from tasks.pairing import Nothing, Several, explained, pair
from tasks.settling import due_at
from tasks.stall import Stall, face_of, mark_of, part_of, shown, wanted

T = TypeVar("T")

AGAIN = "its answer was lost, and it may be sent again"


class Waits(Exception):  # noqa: N818 - says what happened, as all of our errors do
    """A write stays unclear for now; the ledger knows until when."""


class Parked(Exception):  # noqa: N818
    """A person has to look before anything more is done."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def code_of(error: ConnectorError) -> str:
    """A short name of an error, the same whenever it is the same."""
    if isinstance(error, Refused) and error.complaints:
        return error.complaints[0].code[:64]
    names = {RateLimited: "rate_limited", Refused: "refused", Malformed: "malformed"}
    return names.get(type(error), "unreachable")


def begun(
    key: ListingKey, view: View, kind: WriteKind, *, delta: int, body: JsonObject, now: datetime
) -> MarketWrite:
    """A write as the ledger is to have it before it is sent."""
    return MarketWrite(
        id=uuid4().hex,
        account=key.account,
        marketplace=key.marketplace,
        item_id=key.item_id,
        kind=kind,
        revision=view.item.revision,
        sent_at=now,
        lot_id=view.listing.lot_id,
        seen=view.listing.expected,
        delta=delta,
        body=body,
    )


class Lots:
    """The steps of one push. `guard` raises LeaseLost unless the listing is still ours for a call."""

    def __init__(self, stall: Stall, key: ListingKey, guard: Callable[[], None]) -> None:
        self._stall = stall
        self._key = key
        self._guard = guard
        self._has_booked = False
        self._look_anew = False
        self._must_read = stall.market.reads_first
        self.writes = 0
        self.orders_wanted = False
        self.review: str | None = None

    # ---------------------------------------------------------------- making

    def make(self, view: View, quantity: int) -> None:
        """Make a lot, unless there is one already that is the item's."""
        if not self._has_booked and any(each.lot_id for each in self._stall.ledger.writes(self._key)):
            # What was sold of the lot before may not be booked yet; with that lot gone, nothing more comes.
            self._book()
            return
        market = self._stall.market
        new = self.new_lot(view, quantity)
        found = pair(self.free(self._stall.find(new, anew=self._look_anew), new), new.marker, market.key(new))
        match found:
            case Several():
                raise Parked(found.code, explained(found))
            case Nothing():
                self._create(view, new)
            case _:
                self._adopt(found.lot)

    def free(self, found: Sequence[Lot], new: NewLot) -> list[Lot]:
        """Those of the lots found that the new one might be: none that another item has, marked or not.

        One that was told twice is there once.
        """
        ids = [lot.lot_id for lot in found if lot.marker != new.marker]
        taken = self._stall.ledger.taken(self._key.account, self._key.marketplace, ids)
        return list({lot.lot_id: lot for lot in found if lot.lot_id not in taken}.values())

    def new_lot(self, view: View, quantity: int) -> NewLot:
        """The lot that an item asks for. Raises Refused if nobody knows Brick Owl's number of it."""
        item, market = view.item, self._stall.market
        new = NewLot(part_of(item), quantity, item.price, mark_of(view), item.location, item.notes)
        if market.name != "brickowl":
            return new
        catalogue = cast("Catalogue", market)
        boids = Boids(self._stall.ledger, catalogue, self._key.account, self._stall.now)
        return replace(new, boid=boids.of(new.part))

    def _create(self, view: View, new: NewLot) -> None:
        face = Face(new.price, new.text, new.public_text)
        if not self._stall.market.texts_at_create:
            face = Face(new.price)
        write = self._begun(view, WriteKind.CREATE, new.quantity, {"face": shown(face)})
        if write is not None:
            lot_id = self._sent(write, lambda: self._stall.market.create(new))
            self._refuse_merged(write, lot_id)
            self._finish(write, lot_id=lot_id, shown=shown(face))

    def _refuse_merged(self, write: MarketWrite, lot_id: str) -> None:
        """Raise Parked if what was made is another item's lot: whether Brick Owl ever merges is not known."""
        ledger, key = self._stall.ledger, self._key
        if not ledger.taken(key.account, key.marketplace, [lot_id]):
            return
        ledger.refuse_write(write.id, f"no lot was made: the units went into lot {lot_id}", self._stall.now())
        raise Parked(
            "merged",
            f"these {write.delta} units went into lot {lot_id}, which is another item's: "
            "take them off there, and keep both as one item",
        )

    def _adopt(self, lot: Lot) -> None:
        """Take a lot over that is there: what it shows between two looks at the orders is what it is."""
        stall = self._stall
        booking.book(stall)
        read_at = stall.now()
        seen = stall.market.lot(lot.lot_id, "creations")
        booking.book(stall)
        if seen is None:
            self._look_anew = True
        else:
            stall.ledger.adopt(self._key, lot.lot_id, seen.quantity, read_at, stall.now())

    # ---------------------------------------------------------------- moving

    def move(self, view: View, delta: int) -> None:
        """Change the quantity by what is owed, or by as much of it as is there."""
        if not self._must_read:
            self._move_unread(view, delta)
            return
        lot = self._read(view, lane_of(Move(delta)))
        if lot is None:
            self._is_gone(view)
            return
        change = cut(delta, lot.quantity)
        if change == 0:
            self.look_for_orders(view)
        elif lot.quantity + change == 0 and not lot.may_be_empty:
            self._delete(view, lot)
        else:
            self._move_by(view, change, lot)

    def _move_unread(self, view: View, delta: int) -> None:
        """Where a change needs no reading; one that is refused is, as so much may not be there, or no lot."""
        try:
            self._move_by(view, delta, None)
        except Refused:
            self._must_read = True

    def _move_by(self, view: View, delta: int, seen: Lot | None) -> None:
        body: JsonObject = {"present": seen.quantity if seen else None}
        write = self._begun(view, WriteKind.CHANGE, delta, body)
        if write is None:
            return
        change = Change(delta=delta)
        after = self._sent(write, lambda: self._stall.market.change(_lot_id(view), change, seen))
        self._finish(write)
        if after is not None:
            self._compare(after, (view.listing.expected or 0) + delta)

    def _compare(self, lot: Lot, expected: int) -> None:
        """What a reading says beside the change: units that were sold, or that somebody put there."""
        self.review = ""
        match shows(lot.quantity, expected):
            case Shows.BELOW:
                self.orders_wanted = True
                self._stall.ledger.ask_poll(self._key.account, self._stall.market.name, self._stall.now())
            case Shows.ABOVE:
                self.review = f"lot {lot.lot_id} shows {lot.quantity}, expected were {expected}: not by us"

    # ---------------------------------------------------------------- looks

    def dress(self, view: View, face: Face) -> None:
        """Write price and texts, as far as they are not as we wrote them last."""
        known = face_of(view.listing.shown)
        if known is None:
            change = Change(0, face.price, face.text, face.public_text, mark_of(view))
        else:
            change = Change(
                price=None if known.price == face.price else face.price,
                text=None if known.text == face.text else face.text,
                public_text=None if known.public_text == face.public_text else face.public_text,
            )
        write = self._begun(view, WriteKind.TEXT, 0, {"face": shown(face)})
        if write is None:
            return
        try:
            self._sent(write, lambda: self._stall.market.change(_lot_id(view), change), repeatable=True)
        except Refused:
            if self._read(view, "notes") is not None:
                raise
            self._is_gone(view)
            return
        self._finish(write, shown=shown(face))

    # -------------------------------------------------------------- deleting

    def remove(self, view: View) -> None:
        """Delete the lot of an item that is no more. Raises Parked if it shows what we never put there."""
        lot = self._read(view, "deletions")
        if lot is None:
            self._is_gone(view)
        elif lot.quantity > (view.listing.expected or 0):
            raise Parked(
                "not_empty", f"lot {lot.lot_id} shows {lot.quantity} that nobody booked: delete it there"
            )
        else:
            self._delete(view, lot)

    def _delete(self, view: View, lot: Lot) -> None:
        write = self._begun(view, WriteKind.DELETE, -lot.quantity, {"present": lot.quantity})
        if write is not None:
            self._sent(write, lambda: self._stall.market.delete(lot.lot_id))
            self._finish(write)

    # -------------------------------------------------------------- believing

    def believe(self) -> None:
        """A person said: take the lot as it is. Two looks at the orders make the reading a whole one."""
        stall = self._stall
        booking.book(stall)
        before = stall.ledger.view(self._key)
        if before is None:
            return
        lot = self._read(before, "orders")
        booking.book(stall)
        quantity = lot.quantity if lot else None
        stall.ledger.rebase(self._key, quantity, before.listing.expected, stall.now())

    def look_for_orders(self, view: View) -> None:
        """More is owed down than there is: orders must tell. Raises Parked when they do not."""
        if not self._has_booked:
            self._book()
            return
        missing = (view.listing.expected or 0) - wanted(view.item).available
        raise Parked(
            "below",
            f"{missing} units fewer are there than expected, and no order tells why: look there, then "
            f"`evenstock items retry {self._key.item_id}`",
        )

    def _is_gone(self, view: View) -> None:
        """The lot is not there. It was sold out, if orders say so; never a reason to make another."""
        if not self._has_booked:
            self._book()
            return
        if (view.listing.expected or 0) <= 0 or wanted(view.item).is_gone:
            self._stall.ledger.rebase(self._key, None, view.listing.expected, self._stall.now())
            return
        raise Parked(
            "lot_gone",
            f"lot {view.listing.lot_id} is not there and no order tells why: deleted by hand? "
            f"`evenstock items retry {self._key.item_id}` makes a new one",
        )

    def _book(self) -> None:
        self._has_booked = True
        booking.book(self._stall)

    # ----------------------------------------------------------------- calls

    def _read(self, view: View, lane: Lane) -> Lot | None:
        """The lot as it is now; None only if the whole list lacks it, too."""
        if view.listing.lot_id is None:
            return None
        market = self._stall.market
        lot = market.lot(view.listing.lot_id, lane)
        if lot is None and not market.reads_first:
            return next((each for each in market.lots(lane) if each.lot_id == view.listing.lot_id), None)
        return lot

    def _begun(self, view: View, kind: WriteKind, delta: int, body: JsonObject) -> MarketWrite | None:
        """The write as the ledger has it now; None: something moved, look again. Raises LeaseLost."""
        self._guard()
        write = begun(self._key, view, kind, delta=delta, body=body, now=self._stall.now())
        return write if self._stall.ledger.begin_write(write) else None

    def _sent(self, write: MarketWrite, call: Callable[[], T], *, repeatable: bool = False) -> T:
        """Send a write. What surely wrote nothing is closed in the ledger, what is unclear stays open."""
        ledger, now = self._stall.ledger, self._stall.now
        try:
            result = call()
        except UnknownOutcome as error:
            if repeatable:
                ledger.refuse_write(write.id, AGAIN, now())
                raise Transient(str(error)) from error
            lost_at = now()
            ledger.unclear_write(write.id, f"unclear: {error}", lost_at, due_at(lost_at), lost_at=lost_at)
            raise
        except EvenstockError as error:
            ledger.refuse_write(write.id, str(error), now())
            raise
        self.writes += 1
        return result

    def _finish(self, write: MarketWrite, lot_id: str | None = None, shown: JsonObject | None = None) -> None:
        self._stall.ledger.finish_write(write.id, self._stall.now(), lot_id=lot_id, shown=shown)


def _lot_id(view: View) -> str:
    return str(view.listing.lot_id)
