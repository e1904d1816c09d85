"""Every write to a marketplace: stored before it is sent, and closed when it is known what became of it."""

from datetime import datetime

from sqlalchemy import Connection, and_, insert, select, true, update

from connectors.ledger.database import Database
from connectors.ledger.item_rows import (
    NO_LOT,
    OPEN,
    WRITE,
    change_listing,
    locked,
    open_write,
    queue_for_lines,
    the_listing,
)
from connectors.ledger.line_booking import book_waiting
from connectors.ledger.market_models import MarketWriteRow
from connectors.ledger.market_records import (
    Booking,
    Listing,
    ListingKey,
    ListingStatus,
    MarketWrite,
    WriteKind,
    WriteState,
)
from connectors.ledger.rows import Values, loaded, values
from connectors.records import JsonObject

_IS_OPEN = MarketWriteRow.state.in_(OPEN)
_NO_TROUBLE: Values = {"reason": "", "error_code": "", "same_errors": 0, "attempts": 0}


class MarketWrites:
    """The part of the ledger that knows what was sent."""

    database: Database

    def begin_write(self, write: MarketWrite) -> bool:
        """Store a write that is about to be sent. It moves nothing yet.

        False, and nothing stored, if one is open already, or item or listing are no longer as they were when
        it was decided (`revision`, `seen`, `lot_id`): then look again.
        """
        key = ListingKey(write.account, write.item_id, write.marketplace)
        with self.database.writing() as connection:
            item = locked(connection, write.account, [write.item_id]).get(write.item_id)
            listing = the_listing(connection, key)
            if item is None or listing is None or open_write(connection, key) is not None:
                return False
            if (item.revision, listing.expected, listing.lot_id) != (
                write.revision,
                write.seen,
                write.lot_id,
            ):
                return False
            connection.execute(insert(MarketWriteRow), values([write]))
            change_listing(connection, key, {"last_attempt_at": write.sent_at})
        return True

    def finish_write(
        self, write_id: str, now: datetime, *, lot_id: str | None = None, shown: JsonObject | None = None
    ) -> list[Booking]:
        """A write was done: `expected` moves by its change, and a new lot is known from now on.

        Lines of orders that were waiting for the new lot are booked. `shown` is merged into what was shown
        before. A write that is closed already stays as it is.
        """
        with self.database.writing() as connection:
            if (write := _closed(connection, write_id, WriteState.DONE, now, lot_id=lot_id)) is None:
                return []
            key = _key(write)
            if (listing := the_listing(connection, key)) is None:
                return []
            change_listing(
                connection, key, _after(listing, write) | _shown(listing, write, shown) | _NO_TROUBLE
            )
            if write.kind is not WriteKind.CREATE or write.lot_id is None:
                return []
            item = locked(connection, write.account, [write.item_id])[write.item_id]
            return book_waiting(connection, key, write.lot_id, item, now)

    def refuse_write(self, write_id: str, reason: str, now: datetime) -> None:
        """A write surely wrote nothing."""
        with self.database.writing() as connection:
            write = _closed(connection, write_id, WriteState.REFUSED, now, reason=reason)
            if write is not None and (listing := the_listing(connection, _key(write))) is not None:
                change_listing(connection, _key(write), {"expected": _whole(listing.expected)})

    def unclear_write(
        self,
        write_id: str,
        reason: str,
        now: datetime,
        next_attempt_at: datetime | None = None,
        *,
        lost_at: datetime | None = None,
    ) -> None:
        """Nobody knows whether a write was done: its listing is syncing until reading settles it.

        `lost_at`: when its answer was given up. It may have waited for its turn since it was stored, so that
        is when it was on its way at the latest.
        """
        with self.database.writing() as connection:
            statement = update(MarketWriteRow).where(MarketWriteRow.id == write_id, _IS_OPEN)
            content: Values = {"state": WriteState.UNKNOWN, "reason": reason}
            if lost_at is not None:
                content["sent_at"] = lost_at
            unclear = statement.values(content).returning(*WRITE)
            for write in loaded(MarketWrite, connection.execute(unclear).all()):
                change_listing(
                    connection,
                    _key(write),
                    {
                        "status": ListingStatus.SYNCING,
                        "reason": reason,
                        "last_attempt_at": now,
                        "next_attempt_at": next_attempt_at,
                    },
                )

    def open_writes(self, account: str | None = None) -> list[MarketWrite]:
        """Writes of which nobody knows yet what became of them, the oldest first."""
        mine = true() if account is None else MarketWriteRow.account == account
        statement = select(*WRITE).where(mine, MarketWriteRow.state.in_(OPEN))
        with self.database.reading() as connection:
            rows = connection.execute(statement.order_by(MarketWriteRow.sent_at, MarketWriteRow.id)).all()
        return loaded(MarketWrite, rows)

    def writes(self, key: ListingKey) -> list[MarketWrite]:
        """Every write of a listing, the oldest first."""
        own = and_(
            MarketWriteRow.account == key.account,
            MarketWriteRow.item_id == key.item_id,
            MarketWriteRow.marketplace == key.marketplace,
        )
        statement = select(*WRITE).where(own).order_by(MarketWriteRow.sent_at, MarketWriteRow.id)
        with self.database.reading() as connection:
            return loaded(MarketWrite, connection.execute(statement).all())


def _closed(
    connection: Connection, write_id: str, state: WriteState, now: datetime, **more: object
) -> MarketWrite | None:
    """Close a write with its item locked; None if there is no such open write."""
    known = select(MarketWriteRow.account, MarketWriteRow.item_id).where(MarketWriteRow.id == write_id)
    if (whose := connection.execute(known).one_or_none()) is None:
        return None
    queue_for_lines(connection, whose.account)
    locked(connection, whose.account, [whose.item_id])
    given = {name: value for name, value in more.items() if value is not None}
    statement = update(MarketWriteRow).where(MarketWriteRow.id == write_id, _IS_OPEN)
    closed = statement.values(state=state, settled_at=now, **given).returning(*WRITE)
    return next(iter(loaded(MarketWrite, connection.execute(closed).all())), None)


def _after(listing: Listing, write: MarketWrite) -> Values:
    """What the listing holds once the write is done; sales of the time between are in `expected` already."""
    if write.kind is WriteKind.DELETE:
        return dict(NO_LOT)
    if write.kind is WriteKind.TEXT:
        return {"expected": _whole(listing.expected)}
    moved: Values = {"expected": _whole((listing.expected or 0) + write.delta)}
    return moved | ({"lot_id": write.lot_id} if write.kind is WriteKind.CREATE else {})


def _shown(listing: Listing, write: MarketWrite, shown: JsonObject | None) -> Values:
    if shown is None or write.kind is WriteKind.DELETE:
        return {}
    before = listing.shown or {}
    return {"shown": shown if write.kind is WriteKind.CREATE else {**before, **shown}}


def _whole(expected: int | None) -> int | None:
    """No lot shows less than nothing; only while a write is open sales may run ahead of it."""
    return None if expected is None else max(0, expected)


def _key(write: MarketWrite) -> ListingKey:
    return ListingKey(write.account, write.item_id, write.marketplace)
