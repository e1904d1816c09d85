"""What several parts of the ledger do to items, always in this order: lock them, then all that is theirs.

Whoever books lines, or makes a lot an item's, queues up for that first: nobody sees half of either.
Whoever changes a listing by what it holds (`expected`, its open write) has locked its item before.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, insert, select, text, update

from connectors.ledger.database import chunks, insert_into
from connectors.ledger.market_models import ItemHistoryRow, ItemRow, ListingRow, MarketWriteRow
from connectors.ledger.market_records import (
    Item,
    ItemHistory,
    Listing,
    ListingKey,
    ListingStatus,
    MarketWrite,
    Why,
    WriteState,
)
from connectors.ledger.rows import Values, columns, loaded, values

ITEM = columns(ItemRow, Item)
LISTING = columns(ListingRow, Listing)
WRITE = columns(MarketWriteRow, MarketWrite)
OPEN = (WriteState.SENT, WriteState.UNKNOWN)
FRESH: Values = {
    "status": ListingStatus.SYNCING,
    "reason": "",
    "error_code": "",
    "same_errors": 0,
    "attempts": 0,
    "next_attempt_at": None,
}
"""A listing that has to be brought level, and whose past troubles no longer count."""
NO_LOT: Values = {"lot_id": None, "expected": None, "shown": None}
"""A listing whose lot is gone, or was never made."""


def queue_up(connection: Connection, name: str) -> None:
    """Wait for others that queue up for this name, until the transaction ends; before anything is locked.

    SQLite's writers wait for each other at BEGIN already.
    """
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
        connection.execute(lock, {"name": name})


def queue_for_lines(connection: Connection, account: str) -> None:
    """Wait for others that book lines of an account's orders, or find out whose lot is whose."""
    queue_up(connection, f"market_order_lines/{account}")


def locked(connection: Connection, account: str, ids: Iterable[str]) -> dict[str, Item]:
    """The account's items with these ids, which nobody else changes until the transaction ends.

    Everybody locks in the order of ids: two transactions never wait for each other.
    """
    found: dict[str, Item] = {}
    for part in chunks(sorted(set(ids))):
        statement = select(*ITEM).where(ItemRow.account == account, ItemRow.id.in_(part))
        rows = connection.execute(statement.order_by(ItemRow.id).with_for_update()).all()
        found |= {item.id: item for item in loaded(Item, rows)}
    return found


def store(connection: Connection, item: Item) -> None:
    """Write an item that is locked."""
    connection.execute(update(ItemRow).where(ItemRow.id == item.id).values(values([item])[0]))


def remember(connection: Connection, entry: ItemHistory) -> None:
    """Store an entry of the history."""
    connection.execute(insert(ItemHistoryRow), values([entry], without="id"))


def entry_of(before: Item | None, after: Item, why: Why, now: datetime) -> ItemHistory:
    """What the history says of a change."""
    return ItemHistory(
        account=after.account,
        item_id=after.id,
        change_type=why.change_type,
        revision=after.revision,
        created_at=now,
        delta_available=after.quantity_available - (before.quantity_available if before else 0),
        delta_reserved=after.quantity_reserved - (before.quantity_reserved if before else 0),
        delta_sold=after.quantity_sold - (before.quantity_sold if before else 0),
        from_status=before.status if before else None,
        to_status=after.status,
        actor=why.actor,
        reason=why.reason,
        correlation_id=why.correlation_id,
        change_key=why.change_key,
    )


# ----------------------------------------------------------------- listings


def list_items(
    connection: Connection, account: str, ids: Sequence[str], marketplaces: Collection[str]
) -> None:
    """Items are listed on these marketplaces from now on, and on no other."""
    rows = values([Listing(account, item, marketplace) for item in ids for marketplace in marketplaces])
    again = insert_into(connection, ListingRow).on_conflict_do_update(
        index_elements=["item_id", "marketplace"], set_={"enabled": True, **FRESH}, where=~ListingRow.enabled
    )
    for part in chunks(rows):
        connection.execute(again, part)
    for names in chunks(ids):
        others = and_(ListingRow.item_id.in_(names), ListingRow.marketplace.not_in(marketplaces))
        connection.execute(update(ListingRow).where(others, ListingRow.enabled).values(enabled=False))


def unsettle(connection: Connection, ids: Iterable[str], *, but: Collection[str] = ()) -> None:
    """All listings of these items have to be brought level anew, whatever stood in the way before."""
    for names in chunks(sorted(set(ids))):
        theirs = and_(ListingRow.item_id.in_(names), ListingRow.enabled, ListingRow.marketplace.not_in(but))
        connection.execute(update(ListingRow).where(theirs).values(FRESH))


def is_listing(key: ListingKey) -> ColumnElement[bool]:
    """Whether a row is this listing."""
    return and_(
        ListingRow.account == key.account,
        ListingRow.item_id == key.item_id,
        ListingRow.marketplace == key.marketplace,
    )


def the_listing(connection: Connection, key: ListingKey) -> Listing | None:
    """A listing, whose item is locked."""
    rows = connection.execute(select(*LISTING).where(is_listing(key))).all()
    return next(iter(loaded(Listing, rows)), None)


def open_write(connection: Connection, key: ListingKey) -> MarketWrite | None:
    """The open write of a listing, whose item is locked."""
    statement = select(*WRITE).where(
        MarketWriteRow.account == key.account,
        MarketWriteRow.item_id == key.item_id,
        MarketWriteRow.marketplace == key.marketplace,
        MarketWriteRow.state.in_(OPEN),
    )
    return next(iter(loaded(MarketWrite, connection.execute(statement).all())), None)


def change_listing(connection: Connection, key: ListingKey, content: Values) -> None:
    """Change a listing."""
    connection.execute(update(ListingRow).where(is_listing(key)).values(content))
