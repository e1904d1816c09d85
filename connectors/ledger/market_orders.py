"""Orders of the marketplaces: each line is booked once for ever; what comes back waits for a review."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, true, update

from connectors.ledger.database import Database, insert_into
from connectors.ledger.item_rows import (
    change_listing,
    entry_of,
    locked,
    queue_for_lines,
    remember,
    store,
    the_listing,
    unsettle,
)
from connectors.ledger.line_booking import (
    CANCELLED,
    LINE,
    REVIEW,
    book,
    booking_of,
    rival_of,
    store_lines,
)
from connectors.ledger.market_models import (
    BookedLineRow,
    BookedOrderRow,
    ListingRow,
    MarketWriteRow,
    ReviewRow,
)
from connectors.ledger.market_records import (
    BookedLine,
    BookedOrder,
    Booking,
    BookingKind,
    Item,
    ListingKey,
    Review,
    ReviewState,
    Why,
)
from connectors.ledger.rows import columns, loaded, values
from connectors.market import MARK, MarketOrder

_ORDER = columns(BookedOrderRow, BookedOrder)
_KEY = ("account", "marketplace", "order_id")


class MarketOrders:
    """The part of the ledger that knows what was sold on marketplaces."""

    database: Database

    def order_stamps(self, account: str, marketplace: str) -> dict[str, str]:
        """The stamps under which orders were booked, by order id."""
        statement = select(BookedOrderRow.order_id, BookedOrderRow.stamp)
        own = statement.where(BookedOrderRow.account == account, BookedOrderRow.marketplace == marketplace)
        with self.database.reading() as connection:
            return {row.order_id: row.stamp for row in connection.execute(own)}

    def book_order(self, account: str, marketplace: str, order: MarketOrder, now: datetime) -> list[Booking]:
        """Book an order as it shows itself now: every difference to what was booked of it before.

        In one transaction the item goes down, `expected` of this marketplace with it, and the item's other
        listings are to be brought level. An order that was combined with another hands its lines over to it.
        A line that the order lists no more counts as given back; where the
        marketplace tells no lines any more, they are as they were.
        """
        with self.database.writing() as connection:
            queue_for_lines(connection, account)
            _store_order(connection, _head(account, marketplace, order, now))
            if order.combined_into is not None:
                _hand_over(connection, (account, marketplace), order.order_id, order.combined_into)
                return []
            lines = _merged(connection, (account, marketplace), order, now)
            owners = _owners(connection, (account, marketplace), lines)
            items = locked(connection, account, owners.values())
            # Only now nobody else changes them.
            lines = _merged(connection, (account, marketplace), order, now)
            bookings, booked = [], []
            for line in lines:
                item = items.get(owners.get(line.line_id, ""))
                if item is None:
                    booked.append(line)
                    bookings.append(booking_of(line, BookingKind.FOREIGN))
                    continue
                done = book(connection, line, item, now, cancelled=order.state == CANCELLED)
                items[item.id] = done.item
                booked.append(done.line)
                bookings.append(done.booking)
            store_lines(connection, booked)
        return bookings

    def market_orders(self, account: str | None = None, limit: int = 50) -> list[BookedOrder]:
        """The orders of an account or of all that were booked last, the newest first."""
        mine = true() if account is None else BookedOrderRow.account == account
        newest = select(*_ORDER).where(mine).order_by(BookedOrderRow.seen_at.desc(), BookedOrderRow.order_id)
        with self.database.reading() as connection:
            return loaded(BookedOrder, connection.execute(newest.limit(limit)).all())

    def order_lines(self, account: str, marketplace: str, order_id: str) -> list[BookedLine]:
        """The lines of an order as they were booked."""
        with self.database.reading() as connection:
            return _lines(connection, (account, marketplace), order_id)

    def oversold(self, account: str, since: datetime) -> list[Booking]:
        """Lines recorded since then with units that were not there, unless somebody counted anew meanwhile.

        Each with the order that took the last ones, whoever booked it.
        """
        those = (
            BookedLineRow.account == account,
            BookedLineRow.oversold > 0,
            BookedLineRow.recorded_at >= since,
        )
        statement = select(*LINE).where(*those).order_by(BookedLineRow.recorded_at, BookedLineRow.order_id)
        with self.database.reading() as connection:
            lines = loaded(BookedLine, connection.execute(statement).all())
            return [
                replace(
                    booking_of(line, BookingKind.SOLD),
                    quantity=line.booked,
                    oversold=line.oversold,
                    rival=rival_of(connection, line),
                )
                for line in lines
            ]

    # ---------------------------------------------------------------- reviews

    def reviews(
        self,
        account: str | None = None,
        marketplace: str | None = None,
        state: ReviewState | None = ReviewState.OPEN,
    ) -> list[Review]:
        """Units that orders gave back, the oldest first; those that wait for a person unless told."""
        statement = (
            select(*REVIEW)
            .where(true() if account is None else ReviewRow.account == account)
            .where(true() if marketplace is None else ReviewRow.marketplace == marketplace)
            .where(true() if state is None else ReviewRow.state == state)
        )
        with self.database.reading() as connection:
            return loaded(Review, connection.execute(statement.order_by(ReviewRow.id)).all())

    def restock(self, review_id: int, now: datetime, *, lot_rose: bool, by: str) -> Review | None:
        """Units are back on the shelf; None if the review was closed before.

        With `lot_rose` the marketplace's own lot shows them already, else it is owed them like the others.
        Units that were sold twice go to whoever bought them, not on sale again.
        """
        with self.database.writing() as connection:
            if (found := _resolved(connection, review_id, ReviewState.RESTOCKED, now, by)) is None:
                return None
            review, item = found
            back = review.taken - _pay(connection, review)
            why = Why("restocked", by, f"order {review.marketplace}/{review.order_id}")
            after = replace(
                item,
                quantity_available=item.quantity_available + back,
                quantity_sold=item.quantity_sold - review.quantity,
                revision=item.revision + 1,
                updated_at=now,
            )
            entry = entry_of(item, after, why, now)
            remember(connection, replace(entry, marketplace=review.marketplace, order_id=review.order_id))
            store(connection, after)
            if lot_rose:
                _raise_lot(connection, review)
            unsettle(connection, [item.id])
        return review

    def write_off(self, review_id: int, now: datetime, by: str) -> Review | None:
        """Units are lost: nothing moves. None if the review was closed before."""
        with self.database.writing() as connection:
            found = _resolved(connection, review_id, ReviewState.WRITTEN_OFF, now, by)
        return found[0] if found else None

    def check_review(self, review_id: int, now: datetime) -> None:
        """The lot was read to see whether it rose."""
        with self.database.writing() as connection:
            connection.execute(update(ReviewRow).where(ReviewRow.id == review_id).values(checked_at=now))


# ------------------------------------------------------------------- orders

Place = tuple[str, str]
"""Account and marketplace."""


def _head(account: str, marketplace: str, order: MarketOrder, now: datetime) -> BookedOrder:
    return BookedOrder(
        account=account,
        marketplace=marketplace,
        order_id=order.order_id,
        status=order.status,
        state=order.state,
        stamp=order.stamp,
        seen_at=now,
        ordered_at=order.ordered_at,
        changed_at=order.changed_at,
    )


def _store_order(connection: Connection, order: BookedOrder) -> None:
    """Store an order; until the transaction ends, nobody else books it."""
    row = values([order])[0]
    content = {name: value for name, value in row.items() if name not in _KEY}
    one = insert_into(connection, BookedOrderRow).values(row)
    connection.execute(one.on_conflict_do_update(index_elements=list(_KEY), set_=content))


def _is_order(
    table: type[BookedOrderRow | BookedLineRow], place: Place, order_id: str
) -> tuple[ColumnElement[bool], ...]:
    return table.account == place[0], table.marketplace == place[1], table.order_id == order_id


def _lines(connection: Connection, place: Place, order_id: str) -> list[BookedLine]:
    statement = select(*LINE).where(*_is_order(BookedLineRow, place, order_id))
    return loaded(BookedLine, connection.execute(statement.order_by(BookedLineRow.line_id)).all())


def _merged(connection: Connection, place: Place, order: MarketOrder, now: datetime) -> list[BookedLine]:
    """The order's lines as they are to be booked, with what was booked of each before."""
    before = {line.line_id: line for line in _lines(connection, place, order.order_id)}
    if order.lines is None:
        return list(before.values())
    lines = [
        replace(before[line.line_id], ordered=line.quantity)
        if line.line_id in before
        else BookedLine(
            account=place[0],
            marketplace=place[1],
            order_id=order.order_id,
            line_id=line.line_id,
            lot_id=line.lot_id,
            marker=line.marker,
            ordered=line.quantity,
            recorded_at=now,
        )
        for line in order.lines
    ]
    present = {line.line_id for line in lines}
    gone = [replace(line, ordered=0) for name, line in before.items() if name not in present]
    for number, line in enumerate(gone):
        gone[number], lines = _moved(line, lines)
    return lines + gone


def _moved(gone: BookedLine, lines: list[BookedLine]) -> tuple[BookedLine, list[BookedLine]]:
    """What was booked of a line that is listed no more belongs to lines of the same lot that grew by it."""
    moved: list[BookedLine] = []
    for line in lines:
        room = max(0, line.ordered - line.booked) if line.lot_id == gone.lot_id else 0
        units = min(room, gone.booked)
        oversold = min(units, gone.oversold)
        gone = replace(gone, booked=gone.booked - units, oversold=gone.oversold - oversold)
        more = replace(line, booked=line.booked + units, oversold=line.oversold + oversold)
        moved.append(replace(more, item_id=gone.item_id) if units else line)
    return gone, moved


def _hand_over(connection: Connection, place: Place, order_id: str, other: str) -> None:
    """The lines of an order are another's from now on, which will say what became of them."""
    theirs = update(BookedLineRow).where(*_is_order(BookedLineRow, place, order_id))
    name = BookedLineRow.order_id + "/" + BookedLineRow.line_id
    connection.execute(theirs.values(order_id=other, line_id=name))


def _owners(connection: Connection, place: Place, lines: Sequence[BookedLine]) -> dict[str, str]:
    """Item ids by line: whose it was before, whose lot it is or was, or whose marker it carries."""
    lots = _lot_owners(connection, place, {line.lot_id for line in lines})
    found = {line.line_id: line.item_id or lots.get(line.lot_id) or _marked(line) for line in lines}
    return {line: item for line, item in found.items() if item}


def _lot_owners(connection: Connection, place: Place, lots: Iterable[str]) -> Mapping[str, str]:
    """Items by the lots that are theirs, or were."""
    owners: dict[str, str] = {}
    for table in (MarketWriteRow, ListingRow):
        here = table.account == place[0], table.marketplace == place[1], table.lot_id.in_(sorted(lots))
        owners |= {
            row.lot_id: row.item_id
            for row in connection.execute(select(table.lot_id, table.item_id).where(*here))
        }
    return owners


def _marked(line: BookedLine) -> str | None:
    return line.marker.removeprefix(MARK) if line.marker and line.marker.startswith(MARK) else None


# ------------------------------------------------------------------ reviews


def _resolved(
    connection: Connection, review_id: int, state: ReviewState, now: datetime, by: str
) -> tuple[Review, Item] | None:
    """Close a review with its item locked; None if it is not open."""
    known = select(ReviewRow.account, ReviewRow.item_id).where(ReviewRow.id == review_id)
    if (whose := connection.execute(known).one_or_none()) is None:
        return None
    queue_for_lines(connection, whose.account)
    items = locked(connection, whose.account, [whose.item_id])
    closed = (
        update(ReviewRow)
        .where(ReviewRow.id == review_id, ReviewRow.state == ReviewState.OPEN)
        .values(state=state, resolved_at=now, resolved_by=by)
        .returning(*REVIEW)
    )
    review = next(iter(loaded(Review, connection.execute(closed).all())), None)
    return None if review is None else (review, items[whose.item_id])


def _pay(connection: Connection, review: Review) -> int:
    """Give units that came back to orders that were sold more than there was; how many they take."""
    owed = select(*LINE).where(BookedLineRow.item_id == review.item_id, BookedLineRow.oversold > 0)
    paid: list[BookedLine] = []
    left = review.taken
    oldest = (BookedLineRow.recorded_at, BookedLineRow.order_id, BookedLineRow.line_id)
    for line in loaded(BookedLine, connection.execute(owed.order_by(*oldest)).all()):
        given = min(left, line.oversold)
        left -= given
        paid.append(replace(line, oversold=line.oversold - given))
    store_lines(connection, paid)
    return review.taken - left


def _raise_lot(connection: Connection, review: Review) -> None:
    key = ListingKey(review.account, review.item_id, review.marketplace)
    listing = the_listing(connection, key)
    if listing is not None and listing.lot_id == review.lot_id:
        expected = (listing.expected or 0) + review.quantity
        change_listing(connection, key, {"expected": expected})
