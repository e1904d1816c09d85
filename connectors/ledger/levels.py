"""Levels: what is remembered of each level of the own store from run to run."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select, true, update

from connectors.ledger.database import CHUNK, Database, Insert, chunks, insert_into
from connectors.ledger.models import LevelRow
from connectors.ledger.records import LevelMemory
from connectors.ledger.rows import columns, loaded, values

_COLUMNS = columns(LevelRow, LevelMemory)
_KEY = ("account", "inventory_item_id", "location_id")
_FIRST_COUNTS = ("owner_truth", "rms_item_id")
_MANY = 5_000


class Levels:
    """The part of the ledger that remembers levels."""

    database: Database

    def levels_of(
        self, account: str, location_id: int, item_ids: Iterable[int] | None = None
    ) -> dict[int, LevelMemory]:
        """What is remembered of an account's levels at a location, by inventory item id; None means all."""
        there = and_(LevelRow.account == account, LevelRow.location_id == location_id)
        items = None if item_ids is None else set(item_ids)
        found: dict[int, LevelMemory] = {}
        with self.database.reading() as connection:
            for slice_ in [true()] if items is None else _slices(items):
                rows = connection.execute(select(*_COLUMNS).where(there, slice_)).all()
                levels = loaded(LevelMemory, rows)
                found |= {level.inventory_item_id: level for level in levels if _is_among(level, items)}
        return found

    def remember(self, levels: Sequence[LevelMemory]) -> None:
        """Store what was learnt.

        An older reading never replaces a newer one, and the first owner and the first RMS item stay, until a
        person changes them (`move_level`, `confirm_rebinding`).
        """
        if not levels:
            return
        latest = {_place(level): level for level in levels}
        with self.database.writing() as connection:
            statement = _upsert(insert_into(connection, LevelRow))
            for part in chunks((latest[place] for place in sorted(latest)), _MANY):
                connection.execute(statement, values(part))

    def move_level(self, account: str, item_id: int, location_id: int, owner_truth: str) -> bool:
        """A person gives a level to another truth, whose own binding comes anew. False: no such level."""
        statement = update(LevelRow).where(_is(account, item_id, location_id))
        with self.database.writing() as connection:
            moved = statement.values(owner_truth=owner_truth, rms_item_id=None)
            return connection.execute(moved).rowcount == 1

    def confirm_rebinding(self, account: str, item_id: int, location_id: int, rms_item_id: int) -> bool:
        """A person confirms that a level's SKU now belongs to another RMS item. False: no such level."""
        statement = update(LevelRow).where(_is(account, item_id, location_id))
        with self.database.writing() as connection:
            return connection.execute(statement.values(rms_item_id=rms_item_id)).rowcount == 1


def _is_among(level: LevelMemory, items: AbstractSet[int] | None) -> bool:
    return items is None or level.inventory_item_id in items


def _slices(items: AbstractSet[int]) -> Iterator[ColumnElement[bool]]:
    """Conditions that together meet all of these items: a few by name, many by where they lie.

    What else lies there is read too, yet no row twice; and it takes two parameters instead of thousands.
    """
    if len(items) <= CHUNK:
        yield LevelRow.inventory_item_id.in_(items)
        return
    for part in chunks(sorted(items), _MANY):
        yield LevelRow.inventory_item_id.between(part[0], part[-1])


def live_levels(
    connection: Connection,
    account: str,
    since: datetime,
    items: AbstractSet[int] | None = None,
    owner: str | None = None,
) -> dict[int, int]:
    """Units of every item of the account, or of these items, that was seen above zero since then.

    `owner`: but for those that another truth feeds.
    """
    statement = (
        select(LevelRow.inventory_item_id, func.sum(LevelRow.units_seen))
        .where(LevelRow.account == account, LevelRow.live_seen_at >= since)
        .group_by(LevelRow.inventory_item_id)
    )
    if owner is not None:
        statement = statement.where(func.coalesce(LevelRow.owner_truth, owner) == owner)
    return {
        item: int(units)
        for slice_ in ([true()] if items is None else _slices(items))
        for item, units in connection.execute(statement.where(slice_))
        if items is None or item in items
    }


def _place(level: LevelMemory) -> tuple[str, int, int]:
    return level.account, level.inventory_item_id, level.location_id


def _is(account: str, item_id: int, location_id: int) -> ColumnElement[bool]:
    return and_(
        LevelRow.account == account,
        LevelRow.inventory_item_id == item_id,
        LevelRow.location_id == location_id,
    )


def _upsert(insert: Insert) -> Insert:
    new = insert.excluded
    set_: dict[str, ColumnElement[object]] = {
        column.key: new[column.key] for column in _COLUMNS if column.key not in _KEY
    }
    set_ |= {name: func.coalesce(getattr(LevelRow, name), new[name]) for name in _FIRST_COUNTS}
    return insert.on_conflict_do_update(
        index_elements=list(_KEY), set_=set_, where=LevelRow.seen_at <= new.seen_at
    )
