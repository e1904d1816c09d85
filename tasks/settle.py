"""Settle a write whose answer was lost: wait, book orders, read the lot, book orders, judge."""

from connectors.ledger.market_records import (
    ListingKey,
    ListingNote,
    ListingStatus,
    MarketWrite,
    View,
    WriteKind,
)
from connectors.market import Lot, marker
from tasks import booking, settling
from tasks.lots import AGAIN, Lots, Parked, Waits
from tasks.retrying import is_parked
from tasks.settling import APART, Sent, Verdict
from tasks.stall import Stall

ROUNDS = 3
"""So often it is read anew when orders come in between."""

LOOKING, UNCLEAR = "looking", "unclear"


def settle(stall: Stall, view: View, write: MarketWrite) -> None:
    """Close an open write. Raises Waits while it cannot be known, Parked when a person has to look."""
    now, due = stall.now(), settling.due_at(write.sent_at)
    if write.kind is WriteKind.TEXT:
        stall.ledger.refuse_write(write.id, AGAIN, now)
        return
    if now < due:
        reason = (
            f"nobody knows yet whether the last {write.kind} was done; it is looked at after {due:%H:%M:%S}"
        )
        stall.ledger.unclear_write(write.id, reason, now, due)
        raise Waits(reason)
    match write.kind:
        case WriteKind.CREATE:
            _create(stall, view, write)
        case WriteKind.CHANGE:
            _change(stall, view, write)
        case WriteKind.DELETE:
            _close(stall, write, settling.of_delete(is_there=_lot(stall, write) is not None))


def _close(stall: Stall, write: MarketWrite, verdict: Verdict, lot: Lot | None = None) -> None:
    if verdict is Verdict.DONE:
        stall.ledger.finish_write(write.id, stall.now(), lot_id=lot.lot_id if lot else None)
    else:
        stall.ledger.refuse_write(write.id, "read later: it was not done", stall.now())


def _change(stall: Stall, view: View, write: MarketWrite) -> None:
    key = _key(write)
    for _ in range(ROUNDS):
        booking.book(stall)
        before = stall.ledger.view(key)
        lot = _lot(stall, write)
        booking.book(stall)
        after = stall.ledger.view(key)
        if before and after and before.listing.expected == after.listing.expected:
            present = lot.quantity if lot else 0
            _judge(stall, after, write, present)
            return
    _wait(stall, view, write, UNCLEAR, "orders come in faster than the lot can be read")


def _judge(stall: Stall, view: View, write: MarketWrite, present: int) -> None:
    seen = write.body.get("present")
    sent = Sent(write.delta, seen if isinstance(seen, int) else None, write.seen or 0)
    expected = view.listing.expected or 0
    verdict = settling.of_change(sent, expected, present)
    if verdict is not Verdict.UNCLEAR:
        _close(stall, write, verdict)
    elif view.listing.reread:
        # A person wants the lot to be taken as it is, whatever this write did: it is read next.
        stall.ledger.refuse_write(write.id, "a person said to take the lot as it is", stall.now())
    else:
        told = (
            f"the lot shows {present}; {expected} would be right, or {expected + write.delta} if the change"
        )
        _wait(stall, view, write, UNCLEAR, f"{told} was done: somebody else changed it")


def _create(stall: Stall, view: View, write: MarketWrite) -> None:
    lots = Lots(stall, _key(write), lambda: None)
    new = lots.new_lot(view, write.delta)
    booking.book(stall)
    looks = view.listing.same_errors if view.listing.error_code == LOOKING else 0
    there = lots.free(stall.market.find(new, "orders"), new)
    found = settling.of_create(there, marker(write.item_id), looks)
    if found is None:
        _wait(stall, view, write, LOOKING, "the new lot is not to be seen; it is looked for once more")
    elif found.verdict is Verdict.UNCLEAR:
        raise Parked("made_twice", "there are several lots that may be this item's: leave one, then retry it")
    else:
        _close(stall, write, found.verdict, found.lot)


def _wait(stall: Stall, view: View, write: MarketWrite, code: str, reason: str) -> None:
    """Look again later; three times, then a person has to."""
    now = stall.now()
    same = view.listing.same_errors + 1 if view.listing.error_code == code else 1
    if code == UNCLEAR and is_parked(same):
        raise Parked(UNCLEAR, f"{reason}; `evenstock items retry {write.item_id}` takes it as it is")
    note = ListingNote(ListingStatus.SYNCING, reason, code, now + APART)
    stall.ledger.note(_key(write), view.item.revision, note, now)
    raise Waits(reason)


def _lot(stall: Stall, write: MarketWrite) -> Lot | None:
    return stall.market.lot(str(write.lot_id), "orders")


def _key(write: MarketWrite) -> ListingKey:
    return ListingKey(write.account, write.item_id, write.marketplace)
