"""Lines of orders become sales of items, inside a transaction that has locked these items.

A line is booked by the difference to what was booked of it before, so that it counts once, however often the
order is read. What an order gives back is never added to an item here: it waits in a review.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, and_, delete, insert, select, update

from connectors.ledger.database import insert_into
from connectors.ledger.item_rows import (
    change_listing,
    entry_of,
    open_write,
    remember,
    store,
    the_listing,
    unsettle,
)
from connectors.ledger.market_models import (
    BookedLineRow,
    BookedOrderRow,
    ItemHistoryRow,
    ReviewRow,
)
from connectors.ledger.market_records import (
    BookedLine,
    Booking,
    BookingKind,
    Item,
    Listing,
    ListingKey,
    ListingStatus,
    Review,
    ReviewState,
    Why,
    WriteKind,
)
from connectors.ledger.rows import Values, columns, loaded, values

LINE = columns(BookedLineRow, BookedLine)
REVIEW = columns(ReviewRow, Review)
CANCELLED = "cancelled"
_LINE_KEY = ("account", "marketplace", "order_id", "line_id")


@dataclass(frozen=True, slots=True)
class Booked:
    """A line and its item after booking, and what it did."""

    line: BookedLine
    item: Item
    booking: Booking


def book(connection: Connection, line: BookedLine, item: Item, now: datetime, *, cancelled: bool) -> Booked:
    """Book a line of an order: sell what is ordered beyond what was booked, give back what is not any more.

    A cancelled order that was never seen before has lowered the lot all the same: sold, then given back.
    """
    wanted = 0 if cancelled else line.ordered
    is_first = line.item_id is None
    line = replace(line, item_id=item.id)
    if is_first and cancelled and line.ordered:
        sold = _sell(connection, line, item, line.ordered, now)
        return _give_back(connection, sold.line, sold.item, line.ordered, now)
    if wanted > line.booked:
        line = _withdraw(connection, line, wanted - line.booked)
    if wanted > line.booked:
        return _sell(connection, line, item, wanted - line.booked, now)
    if wanted < line.booked:
        return _give_back(connection, line, item, line.booked - wanted, now)
    return Booked(line, item, booking_of(line, BookingKind.KNOWN))


def booking_of(line: BookedLine, kind: BookingKind) -> Booking:
    """What booking a line did, so far."""
    whose = (line.account, line.marketplace, line.order_id, line.line_id)
    return Booking(kind, *whose, line.lot_id, line.item_id)


def store_lines(connection: Connection, lines: Sequence[BookedLine]) -> None:
    """Store lines in place of what they were."""
    if not lines:
        return
    one = insert_into(connection, BookedLineRow)
    content = {column.key: one.excluded[column.key] for column in LINE if column.key not in _LINE_KEY}
    connection.execute(one.on_conflict_do_update(index_elements=list(_LINE_KEY), set_=content), values(lines))


def book_waiting(
    connection: Connection, key: ListingKey, lot_id: str, item: Item, now: datetime
) -> list[Booking]:
    """Book the lines that were recorded before anybody knew that their lot is this listing's."""
    bookings: list[Booking] = []
    for line, _, cancelled in _unclaimed(connection, key, lot_id):
        done = book(connection, line, item, now, cancelled=cancelled)
        item = done.item
        store_lines(connection, [done.line])
        bookings.append(done.booking)
    return bookings


def settle_adopted(
    connection: Connection, key: ListingKey, lot_id: str, item: Item, times: tuple[datetime, datetime]
) -> bool:
    """Settle the recorded lines of a lot that is adopted as it was read. `times`: when it was, and now.

    Orders since the item is known lower it; older ones were no part of it. False if one came after the lot
    was read: nobody knows then whether what was read has it.
    """
    read_at, now = times
    lines = _unclaimed(connection, key, lot_id)
    if any(line.recorded_at >= read_at for line, _, _ in lines):
        return False
    for line, ordered_at, cancelled in lines:
        if cancelled:
            settled = replace(line, item_id=item.id)
        elif ordered_at is None or ordered_at > item.created_at:
            done = book(connection, line, item, now, cancelled=False)
            settled, item = done.line, done.item
        else:
            settled = replace(line, item_id=item.id, booked=line.ordered)
        store_lines(connection, [settled])
    return True


def _unclaimed(
    connection: Connection, key: ListingKey, lot_id: str
) -> list[tuple[BookedLine, datetime | None, bool]]:
    """Lines of a lot that are no item's yet, with when their order was placed and whether it is cancelled."""
    its = [getattr(BookedOrderRow, name) == getattr(BookedLineRow, name) for name in _LINE_KEY[:3]]
    statement = (
        select(*LINE, BookedOrderRow.ordered_at, BookedOrderRow.state)
        .join(BookedOrderRow, and_(*its))
        .where(
            BookedLineRow.account == key.account,
            BookedLineRow.marketplace == key.marketplace,
            BookedLineRow.lot_id == lot_id,
            BookedLineRow.item_id.is_(None),
        )
        .order_by(BookedLineRow.recorded_at, BookedLineRow.order_id, BookedLineRow.line_id)
    )
    size = len(LINE)
    rows = [tuple(row) for row in connection.execute(statement)]
    return [(BookedLine(*row[:size]), row[size], row[size + 1] == CANCELLED) for row in rows]


# -------------------------------------------------------------------- sales


def _sell(connection: Connection, line: BookedLine, item: Item, quantity: int, now: datetime) -> Booked:
    """Units were sold: item and lot go down together, other listings of the item are to be brought level."""
    taken = min(quantity, item.quantity_available)
    oversold = quantity - taken
    after = replace(
        item,
        quantity_available=item.quantity_available - taken,
        quantity_sold=item.quantity_sold + quantity,
        revision=item.revision + 1,
        updated_at=now,
    )
    rival = rival_of(connection, line) if oversold else None
    _remember(connection, line, (item, after), _sale(line, oversold, rival), now)
    store(connection, after)
    stays = _lower_lot(connection, line, (item, after), quantity)
    unsettle(connection, [item.id], but=[line.marketplace] if stays else [])
    booking = booking_of(line, BookingKind.SOLD)
    return Booked(
        replace(line, booked=line.booked + quantity, oversold=line.oversold + oversold),
        after,
        replace(booking, quantity=quantity, oversold=oversold, rival=rival),
    )


def _sale(line: BookedLine, oversold: int, rival: str | None) -> Why:
    reason = f"order {line.marketplace}/{line.order_id}"
    if oversold:
        reason += f", oversold by {oversold}" + (f"; the last ones went to order {rival}" if rival else "")
    return Why("sold", line.marketplace, reason)


def _remember(
    connection: Connection, line: BookedLine, items: tuple[Item, Item], why: Why, now: datetime
) -> None:
    entry = entry_of(*items, why, now)
    sale = replace(entry, marketplace=line.marketplace, order_id=line.order_id, line_id=line.line_id)
    remember(connection, sale)


def rival_of(connection: Connection, line: BookedLine) -> str | None:
    """The order that took an item's last units before this one."""
    other = (ItemHistoryRow.marketplace != line.marketplace) | (ItemHistoryRow.order_id != line.order_id)
    statement = (
        select(ItemHistoryRow.marketplace, ItemHistoryRow.order_id)
        .where(
            ItemHistoryRow.account == line.account,
            ItemHistoryRow.item_id == line.item_id,
            ItemHistoryRow.change_type == "sold",
            ItemHistoryRow.delta_available < 0,
            other,
        )
        .order_by(ItemHistoryRow.id.desc())
        .limit(1)
    )
    found = connection.execute(statement).one_or_none()
    return None if found is None else f"{found.marketplace}/{found.order_id}"


def _lower_lot(connection: Connection, line: BookedLine, items: tuple[Item, Item], quantity: int) -> bool:
    """Lower what the lot that was sold from is believed to show; whether its listing stays *synced*."""
    before, after = items
    key = ListingKey(line.account, after.id, line.marketplace)
    listing = the_listing(connection, key)
    if listing is None or (expected := _lowered(connection, listing, line, quantity)) is None:
        return False
    content: Values = {"expected": expected}
    was_level = listing.status is ListingStatus.SYNCED and listing.synced_revision == before.revision
    stays = was_level and expected == after.offered
    if stays:
        content["synced_revision"] = after.revision
    change_listing(connection, key, content)
    return stays


def _lowered(connection: Connection, listing: Listing, line: BookedLine, quantity: int) -> int | None:
    """What the listing's lot shows after a sale of this line; None: it was sold from another lot.

    While a write is open, sales may run ahead of the units that it adds. A lot whose creation is not settled
    yet is known by its marker alone.
    """
    key = ListingKey(listing.account, listing.item_id, listing.marketplace)
    write = open_write(connection, key)
    remember_lot = (
        listing.lot_id is None and write is not None and write.kind is WriteKind.CREATE and line.marker
    )
    if listing.lot_id != line.lot_id and not remember_lot:
        return None
    left = (listing.expected or 0) - quantity
    return left if write is not None else max(0, left)


# ----------------------------------------------------------------- give back


def _give_back(connection: Connection, line: BookedLine, item: Item, quantity: int, now: datetime) -> Booked:
    """Units are not ordered any more. Whether they are on sale again nobody knows: a review is opened."""
    never_there = min(quantity, line.oversold)
    review = Review(
        account=line.account,
        marketplace=line.marketplace,
        order_id=line.order_id,
        line_id=line.line_id,
        lot_id=line.lot_id,
        item_id=item.id,
        quantity=quantity,
        taken=quantity - never_there,
        opened_at=now,
    )
    opened = insert(ReviewRow).values(values([review], without="id")[0]).returning(ReviewRow.id)
    number = connection.execute(opened).scalar_one()
    booking = replace(booking_of(line, BookingKind.RETURNED), quantity=quantity, review_id=number)
    less = replace(line, booked=line.booked - quantity, oversold=line.oversold - never_there)
    return Booked(less, item, booking)


def _withdraw(connection: Connection, line: BookedLine, wanted: int) -> BookedLine:
    """Units that were given back, and still wait for a person, are ordered again: nothing else happened."""
    own = [getattr(ReviewRow, name) == getattr(line, name) for name in _LINE_KEY]
    waiting = select(*REVIEW).where(*own, ReviewRow.state == ReviewState.OPEN).order_by(ReviewRow.id)
    for review in loaded(Review, connection.execute(waiting).all()):
        again = min(wanted, review.quantity)
        taken = min(again, review.taken)
        wanted -= again
        line = replace(line, booked=line.booked + again, oversold=line.oversold + again - taken)
        this = ReviewRow.id == review.id
        if again == review.quantity:
            connection.execute(delete(ReviewRow).where(this))
        else:
            left = {"quantity": review.quantity - again, "taken": review.taken - taken}
            connection.execute(update(ReviewRow).where(this).values(left))
    return line
