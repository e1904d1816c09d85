"""Book what marketplaces sold: each line of an order once, and what orders give back with care.

Placing an order lowers the lot at once; we hear of it later. A line takes its units off the item and off what
the lot is expected to show, in one transaction, and the other marketplace owes them. That an order is
cancelled or reduced puts nothing back by itself, as neither marketplace promises to: the lot is read.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.ledger.market_records import Booking, BookingKind, ListingKey, Review
from connectors.settings import CancelledOrders
from tasks.returns import back
from tasks.stall import Stall

US = "evenstock"
"""Who resolved a review, if no person did."""


@dataclass(slots=True)
class Booked:
    """What a look at the orders brought."""

    orders: int = 0
    bookings: list[Booking] = field(default_factory=list)
    returned: list[Review] = field(default_factory=list)

    @property
    def sold(self) -> list[Booking]:
        """Lines whose units left an item."""
        return [each for each in self.bookings if each.kind is BookingKind.SOLD]

    @property
    def item_ids(self) -> set[str]:
        """The items that are another number now."""
        sold = {each.item_id for each in self.sold if each.item_id}
        return sold | {each.item_id for each in self.returned}


def book(stall: Stall, *, thorough: bool = False) -> Booked:
    """Book every order that is not as it was last seen. `thorough`: also where changes are rare."""
    ledger, market = stall.ledger, stall.market
    found = Booked()
    stamps = ledger.order_stamps(stall.account, market.name)
    # Marketplaces tell whole seconds.
    since = (ledger.first_item_at(stall.account) or stall.now()).replace(microsecond=0)
    for order in market.orders(stamps.get, since=since, thorough=thorough):
        found.orders += 1
        booked = ledger.book_order(stall.account, market.name, order, stall.now())
        found.bookings += booked
        stall.heard.extend(booked)
    ledger.polled(stall.account, market.name, stall.now())
    return found


def take_back(stall: Stall, *, again: bool = False) -> list[Review]:
    """Look whether units of cancelled orders are back in their lots; those that are.

    A lot with an open write says nothing yet; its reviews wait. `again`: also those looked at before.
    """
    open_reviews = stall.ledger.reviews(stall.account, stall.market.name)
    due = [each for each in open_reviews if again or each.checked_at is None]
    by_item: dict[str, list[Review]] = defaultdict(list)
    for review in due:
        by_item[review.item_id].append(review)
    return [each for reviews in by_item.values() for each in _of_item(stall, reviews)]


def _of_item(stall: Stall, reviews: Sequence[Review]) -> list[Review]:
    ledger, account, name = stall.ledger, stall.account, stall.market.name
    key = ListingKey(account, reviews[0].item_id, name)
    view = ledger.view(key)
    if view is None or view.write is not None:
        return []
    risen = _risen(stall, view.listing.lot_id, view.listing.expected or 0)
    mine = [each for each in reviews if each.lot_id == view.listing.lot_id]
    returned = {each.id for each in back(mine, risen)}
    if returned and ledger.view(key) != view:
        return []  # something moved meanwhile: look again next time
    restocks = stall.settings.cancelled_orders is CancelledOrders.RESTOCK
    for review in reviews:
        if review.id is not None and (review.id in returned or restocks):
            ledger.restock(review.id, stall.now(), lot_rose=review.id in returned, by=US)
        elif review.id is not None:
            ledger.check_review(review.id, stall.now())
    return [each for each in reviews if restocks or each.id in returned]


def _risen(stall: Stall, lot_id: str | None, expected: int) -> int:
    """How many units a lot shows that nothing else explains."""
    lot = stall.market.lot(lot_id, "orders") if lot_id else None
    return max(0, lot.quantity - expected) if lot else 0
