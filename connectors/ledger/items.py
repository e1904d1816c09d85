"""Own items: what they are, and every change they went through."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select, true, update

from connectors.ledger.database import Database, chunks
from connectors.ledger.item_rows import ITEM, entry_of, list_items, locked, remember, store, unsettle
from connectors.ledger.market_models import BookedLineRow, ItemHistoryRow, ItemRow
from connectors.ledger.market_records import Item, ItemChange, ItemHistory, Why
from connectors.ledger.rows import columns, loaded, values

_HISTORY = columns(ItemHistoryRow, ItemHistory)


class Items:
    """The part of the ledger that knows own items."""

    database: Database

    def create_items(self, items: Sequence[Item], why: Why, marketplaces: Collection[str]) -> bool:
        """Store new items of one account with their histories, to be listed on these marketplaces.

        All or none; False, and nothing stored, if a change of this key was made before.
        """
        entries = [entry_of(None, item, why, item.created_at) for item in items]
        with self.database.writing() as connection:
            if _is_repeat(connection, items[0].account, why):
                return False
            for part in chunks(values(items)):
                connection.execute(insert(ItemRow), part)
            for part in chunks(values(entries, without="id")):
                connection.execute(insert(ItemHistoryRow), part)
            list_items(connection, items[0].account, [item.id for item in items], marketplaces)
        return True

    def made_before(self, account: str, change_keys: Iterable[str]) -> set[str]:
        """Which of these keys name a change that was made."""
        found: set[str] = set()
        with self.database.reading() as connection:
            for part in chunks(sorted(set(change_keys))):
                known = ItemHistoryRow.account == account, ItemHistoryRow.change_key.in_(part)
                made = connection.execute(select(ItemHistoryRow.change_key).where(*known)).scalars()
                found.update(filter(None, made))
        return found

    def change_item(
        self,
        account: str,
        item_id: str,
        change: Callable[[Item], Item],
        why: Why,
        *,
        marketplaces: Collection[str],
        now: datetime,
    ) -> ItemChange | None:
        """Change an item; None if the account has no such item. Its listings are to be brought level.

        `change` gets the item as it is in this transaction, and what it raises undoes everything.
        """
        with self.database.writing() as connection:
            before = locked(connection, account, [item_id]).get(item_id)
            if before is None:
                return None
            if _is_repeat(connection, account, why):
                return ItemChange(before, before, is_repeat=True)
            after = replace(change(before), revision=before.revision + 1, updated_at=now)
            remember(connection, entry_of(before, after, why, now))
            store(connection, after)
            if why.is_count and after.quantity_available != before.quantity_available:
                # A person counted anew: units that were sold twice before are in that number.
                debts = BookedLineRow.item_id == item_id, BookedLineRow.oversold > 0
                connection.execute(update(BookedLineRow).where(*debts).values(oversold=0))
            list_items(connection, account, [item_id], marketplaces)
            unsettle(connection, [item_id])
        return ItemChange(before, after)

    def item(self, account: str, item_id: str) -> Item | None:
        """One item of the account, by its id or by the one it had in an older system."""
        named = or_(ItemRow.id == item_id, ItemRow.legacy_id == item_id)
        found = self._items_where(ItemRow.account == account, named)
        return next(iter(sorted(found, key=lambda item: item.id != item_id)), None)

    def item_anywhere(self, item_id: str) -> Item | None:
        """One item by its id alone, whosever it is: for programs that were told nothing else."""
        return next(iter(self._items_where(ItemRow.id == item_id)), None)

    def items(self, account: str, ids: Iterable[str] | None = None, *, deleted: bool = False) -> list[Item]:
        """The account's items, or those of them with these ids, the oldest first; deleted ones if asked."""
        there = and_(ItemRow.account == account, true() if deleted else ItemRow.deleted_at.is_(None))
        if ids is None:
            return self._items_where(there)
        parts = chunks(sorted(set(ids)))
        return [item for part in parts for item in self._items_where(there, ItemRow.id.in_(part))]

    def item_accounts(self) -> list[str]:
        """The accounts that have items."""
        with self.database.reading() as connection:
            found = connection.execute(select(ItemRow.account).distinct().order_by(ItemRow.account))
            return list(found.scalars())

    def first_item_at(self, account: str) -> datetime | None:
        """When the account's first item was stored: what was sold before is no concern of ours."""
        first = select(func.min(ItemRow.created_at)).where(ItemRow.account == account)
        with self.database.reading() as connection:
            return connection.execute(first).scalar_one()

    def item_history(self, account: str, item_id: str) -> list[ItemHistory]:
        """Every change of an item, the newest first."""
        own = and_(ItemHistoryRow.account == account, ItemHistoryRow.item_id == item_id)
        statement = select(*_HISTORY).where(own).order_by(ItemHistoryRow.id.desc())
        with self.database.reading() as connection:
            return loaded(ItemHistory, connection.execute(statement).all())

    def _items_where(self, *conditions: ColumnElement[bool]) -> list[Item]:
        statement = select(*ITEM).where(*conditions).order_by(ItemRow.created_at, ItemRow.id)
        with self.database.reading() as connection:
            return loaded(Item, connection.execute(statement).all())


def _is_repeat(connection: Connection, account: str, why: Why) -> bool:
    """Whether a change of this key was made before."""
    known = ItemHistoryRow.account == account, ItemHistoryRow.change_key == why.change_key
    if why.change_key is None:
        return False
    return connection.execute(select(ItemHistoryRow.id).where(*known)).first() is not None
