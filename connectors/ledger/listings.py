"""Where items are listed, how these listings stand, and every write that was meant to bring them level."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, true, tuple_, update

from connectors.ledger.database import Database, chunks
from connectors.ledger.item_rows import (
    FRESH,
    ITEM,
    LISTING,
    NO_LOT,
    OPEN,
    WRITE,
    change_listing,
    is_listing,
    list_items,
    locked,
    open_write,
    queue_for_lines,
    the_listing,
)
from connectors.ledger.line_booking import settle_adopted
from connectors.ledger.market_models import ItemRow, ListingRow, MarketWriteRow
from connectors.ledger.market_records import (
    Item,
    Listing,
    ListingKey,
    ListingNote,
    ListingStatus,
    MarketWrite,
    View,
)
from connectors.ledger.rows import Values
from connectors.market import MARKETPLACES

_GONE = or_(ItemRow.is_archived, ItemRow.deleted_at.is_not(None))
_OWED = case((_GONE, 0), else_=ItemRow.quantity_available) - func.coalesce(ListingRow.expected, 0)
_URGENCY = case(
    (MarketWriteRow.id.is_not(None), 0),
    (_OWED < 0, 1),
    (_GONE, 2),
    (ListingRow.lot_id.is_(None), 3),
    (_OWED > 0, 4),
    else_=5,
)
"""Unclear writes first, then falls, deletions, creations, rises, and texts and prices at last."""
_ITS_WRITE = and_(
    MarketWriteRow.item_id == ListingRow.item_id,
    MarketWriteRow.marketplace == ListingRow.marketplace,
    MarketWriteRow.state.in_(OPEN),
)


class Listings:
    """The part of the ledger that knows listings and the writes to them."""

    database: Database

    # ------------------------------------------------------------------ looks

    def view(self, key: ListingKey) -> View | None:
        """A listing with its item and its open write; None if there is none."""
        return next(iter(self._views(is_listing(key))), None)

    def views(self, account: str, item_ids: Iterable[str] | None = None) -> list[View]:
        """All listings of an account, or of these items of it, by item and marketplace."""
        own = ListingRow.account == account
        if item_ids is None:
            return self._views(own)
        slices = chunks(sorted(set(item_ids)))
        return [view for part in slices for view in self._views(own, ListingRow.item_id.in_(part))]

    def behind(
        self,
        now: datetime,
        *,
        account: str | None = None,
        item_ids: Collection[str] | None = None,
        marketplace: str | None = None,
        limit: int | None = None,
    ) -> list[ListingKey]:
        """Listings that are not level and due: falls first, of those what is nearly sold out first."""
        statement = (
            select(ListingRow.account, ListingRow.item_id, ListingRow.marketplace)
            .join(ItemRow, ItemRow.id == ListingRow.item_id)
            .outerjoin(MarketWriteRow, _ITS_WRITE)
            .where(_is_behind(now))
            .where(true() if account is None else ListingRow.account == account)
            .where(true() if marketplace is None else ListingRow.marketplace == marketplace)
            .where(true() if item_ids is None else ListingRow.item_id.in_(item_ids))
            .order_by(
                _URGENCY, ItemRow.quantity_available, ItemRow.updated_at, ItemRow.id, ListingRow.marketplace
            )
            .limit(limit)
        )
        with self.database.reading() as connection:
            return [ListingKey(*row) for row in connection.execute(statement)]

    # ----------------------------------------------------------------- states

    def level(self, key: ListingKey, revision: int, now: datetime, *, review: str = "") -> bool:
        """A listing is *synced*, if nothing is owed or open, and the item is still of this revision."""
        with self.database.writing() as connection:
            item = locked(connection, key.account, [key.item_id]).get(key.item_id)
            listing = the_listing(connection, key)
            if item is None or listing is None or open_write(connection, key) is not None:
                return False
            if item.revision != revision or not _is_level(item, listing):
                return False
            content: Values = {
                **FRESH,
                "status": ListingStatus.SYNCED,
                "synced_revision": revision,
                "synced_at": now,
                "review": review,
                "reread": False,
            }
            change_listing(connection, key, content)
        return True

    def note(self, key: ListingKey, revision: int, note: ListingNote, now: datetime) -> int:
        """Store why a listing is not level, unless its item is of a newer revision by now.

        How often in a row it ended with this error code; 0 without one, or if nothing was stored.
        """
        with self.database.writing() as connection:
            item = locked(connection, key.account, [key.item_id]).get(key.item_id)
            listing = the_listing(connection, key)
            if item is None or listing is None or item.revision != revision:
                return 0
            content = _noted(listing, note, now)
            change_listing(connection, key, content)
        return content["same_errors"] if note.error_code and isinstance(content["same_errors"], int) else 0

    def postpone(self, revisions: Mapping[ListingKey, int], reason: str, until: datetime) -> None:
        """Nothing was tried, and nothing will be before a time: these listings stay *syncing*.

        `revisions`: for which of their items that was found. What is of a newer one, or level by now, is left
        as it is: a fall does not wait for the calls that a rise had not.
        """
        named = tuple_(ListingRow.account, ListingRow.item_id, ListingRow.marketplace)
        content = {"status": ListingStatus.SYNCING, "reason": reason, "next_attempt_at": until}
        behind = ListingRow.status.in_([ListingStatus.SYNCING, ListingStatus.FAILED])
        with self.database.writing() as connection:
            for account in sorted({key.account for key in revisions}):
                own = sorted(key for key in revisions if key.account == account)
                items = locked(connection, account, (key.item_id for key in own))
                same = [key for key in own if _revision(items, key) == revisions[key]]
                for part in chunks(same):
                    waiting = and_(named.in_(list(part)), behind)
                    connection.execute(update(ListingRow).where(waiting).values(content))

    def set_review(self, key: ListingKey, review: str) -> None:
        """What a person should look at; empty: nothing."""
        with self.database.writing() as connection:
            change_listing(connection, key, {"review": review})

    def retry(
        self,
        account: str,
        now: datetime,
        *,
        item_ids: Collection[str] | None = None,
        marketplaces: Collection[str] = (),
    ) -> int:
        """A person wants listings tried again, those that failed or are parked; how many.

        Items that are named are tried whatever they are. Each lot is believed as it is found then.
        """
        broken = ListingRow.status.in_([ListingStatus.FAILED, ListingStatus.PARKED])
        chosen = broken if item_ids is None else ListingRow.item_id.in_(item_ids)
        on = ListingRow.marketplace.in_(marketplaces) if marketplaces else true()
        those = and_(ListingRow.account == account, ListingRow.enabled, chosen, on)
        content: Values = {**FRESH, "review": "", "reread": True, "last_attempt_at": now}
        with self.database.writing() as connection:
            locked(connection, account, connection.execute(select(ListingRow.item_id).where(those)).scalars())
            return connection.execute(update(ListingRow).where(those).values(content)).rowcount

    # ------------------------------------------------------------------- lots

    def taken(self, account: str, marketplace: str, lot_ids: Collection[str]) -> set[str]:
        """Which of these lots are listings' already, marked or not."""
        here = and_(ListingRow.account == account, ListingRow.marketplace == marketplace)
        with self.database.reading() as connection:
            slices = [
                select(ListingRow.lot_id).where(here, ListingRow.lot_id.in_(part))
                for part in chunks(sorted(lot_ids))
            ]
            return {lot for each in slices for lot in connection.execute(each).scalars() if lot is not None}

    def adopt(self, key: ListingKey, lot_id: str, quantity: int, read_at: datetime, now: datetime) -> bool:
        """A lot that the seller made himself becomes the listing's; it showed `quantity` at `read_at`.

        Orders of it that were recorded before are in that number: of those placed since the item is known,
        the item goes down. False, and nothing done, if one was recorded since (read again), a write is open,
        or the lot belongs to another item.
        """
        with self.database.writing() as connection:
            queue_for_lines(connection, key.account)
            item = locked(connection, key.account, [key.item_id]).get(key.item_id)
            listing = the_listing(connection, key)
            if item is None or listing is None or open_write(connection, key) is not None:
                return False
            if listing.lot_id is not None or _is_taken(connection, key, lot_id):
                return False
            if not settle_adopted(connection, key, lot_id, item, (read_at, now)):
                return False
            change_listing(
                connection, key, {"lot_id": lot_id, "expected": quantity, "shown": None, "reread": False}
            )
        return True

    def rebase(self, key: ListingKey, quantity: int | None, if_expected: int | None, now: datetime) -> bool:
        """Believe from now on that the lot shows `quantity`; None: there is no such lot any more.

        False, and nothing done, if not `if_expected` is believed any more, or a write is open.
        """
        with self.database.writing() as connection:
            locked(connection, key.account, [key.item_id])
            listing = the_listing(connection, key)
            if listing is None or listing.expected != if_expected or open_write(connection, key) is not None:
                return False
            content = NO_LOT if quantity is None else {"expected": quantity}
            syncing = {"status": ListingStatus.SYNCING, "reread": False, "last_attempt_at": now}
            change_listing(connection, key, content | syncing)
        return True

    def enable_listings(self, account: str, marketplaces: Collection[str]) -> None:
        """All items of an account, old ones too, are listed on these marketplaces and on no other."""
        with self.database.reading() as connection:
            wrong = _wrongly_listed(connection, account, marketplaces)
        if wrong:
            with self.database.writing() as connection:
                locked(connection, account, wrong)
                list_items(connection, account, wrong, marketplaces)

    def _views(self, *conditions: ColumnElement[bool]) -> list[View]:
        statement = (
            select(*ITEM, *LISTING, *WRITE)
            .select_from(ListingRow)
            .join(ItemRow, ItemRow.id == ListingRow.item_id)
            .outerjoin(MarketWriteRow, _ITS_WRITE)
            .where(*conditions)
            .order_by(ListingRow.item_id, ListingRow.marketplace)
        )
        with self.database.reading() as connection:
            return [_view(tuple(row)) for row in connection.execute(statement)]


def _is_behind(now: datetime) -> ColumnElement[bool]:
    unsettled = ListingRow.status.in_([ListingStatus.SYNCING, ListingStatus.FAILED])
    older = and_(ListingRow.synced_revision < ItemRow.revision, ListingRow.status != ListingStatus.PARKED)
    due = or_(ListingRow.next_attempt_at.is_(None), ListingRow.next_attempt_at <= now)
    return and_(ListingRow.enabled, due, or_(unsettled, older, MarketWriteRow.id.is_not(None)))


def _wrongly_listed(connection: Connection, account: str, marketplaces: Collection[str]) -> list[str]:
    """Items of an account that are not listed on just these marketplaces."""
    found: set[str] = set()
    for marketplace in MARKETPLACES:
        its = and_(
            ListingRow.item_id == ItemRow.id, ListingRow.marketplace == marketplace, ListingRow.enabled
        )
        is_off = ListingRow.item_id.is_(None)
        statement = select(ItemRow.id).outerjoin(ListingRow, its).where(ItemRow.account == account)
        wrong = statement.where(is_off if marketplace in marketplaces else ~is_off)
        found.update(connection.execute(wrong).scalars())
    return sorted(found)


def _is_level(item: Item, listing: Listing) -> bool:
    """Whether the lot shows what the item offers; one that is gone has no lot either."""
    if item.is_archived or item.deleted_at:
        return listing.lot_id is None
    return (listing.expected or 0) == item.quantity_available


def _revision(items: Mapping[str, Item], key: ListingKey) -> int | None:
    item = items.get(key.item_id)
    return None if item is None else item.revision


def _is_taken(connection: Connection, key: ListingKey, lot_id: str) -> bool:
    other = select(ListingRow.item_id).where(
        ListingRow.account == key.account,
        ListingRow.marketplace == key.marketplace,
        ListingRow.lot_id == lot_id,
    )
    return connection.execute(other).first() is not None


def _noted(listing: Listing, note: ListingNote, now: datetime) -> Values:
    again = note.error_code and note.error_code == listing.error_code
    failed = bool(note.error_code)
    return {
        "status": note.status,
        "reason": note.reason,
        "error_code": note.error_code or listing.error_code,
        "same_errors": (listing.same_errors + 1 if again else 1) if failed else listing.same_errors,
        "attempts": listing.attempts + failed,
        "last_attempt_at": now if failed else listing.last_attempt_at,
        "next_attempt_at": note.next_attempt_at,
    }


def _view(row: tuple[object, ...]) -> View:
    first, second = len(ITEM), len(ITEM) + len(LISTING)
    write = row[second:]
    return View(
        Item(*row[:first]),  # type: ignore[arg-type]
        Listing(*row[first:second]),  # type: ignore[arg-type]
        None if write[0] is None else MarketWrite(*write),  # type: ignore[arg-type]
    )
