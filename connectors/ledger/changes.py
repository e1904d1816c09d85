"""Changes: every planned line that is more than unchanged, from plan to outcome."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from operator import attrgetter

from sqlalchemy import ColumnElement, Connection, case, func, insert, or_, select, update

from connectors.ledger.database import Database, chunks
from connectors.ledger.levels import live_levels
from connectors.ledger.models import ChangeRow, RunRow
from connectors.ledger.records import Change, RunState, Settlement, Window
from connectors.ledger.rows import columns, given, loaded, values

_COLUMNS = columns(ChangeRow, Change)
_MANY = 5_000


class Changes:
    """The part of the ledger that knows every planned line."""

    database: Database

    def store_changes(self, changes: Iterable[Change]) -> list[int]:
        """Store new lines; their ids, in the same order."""
        with self.database.writing() as connection:
            return add_changes(connection, changes)

    def changes_of(
        self, run_id: str, *, batch: int | None = None, outcome: str | None = None
    ) -> list[Change]:
        """A run's lines in the order they were planned: all, or those of one batch or outcome."""
        conditions = [ChangeRow.run_id == run_id]
        conditions += [] if batch is None else [ChangeRow.batch == batch]
        conditions += [] if outcome is None else [ChangeRow.outcome == outcome]
        with self.database.reading() as connection:
            return find_changes(connection, *conditions)

    def unfinished(self, account: str) -> list[Change]:
        """Lines without an outcome that runs left behind which were killed, or whose batch broke off."""
        over = select(RunRow.id).where(RunRow.account == account, RunRow.state != RunState.RUNNING)
        with self.database.reading() as connection:
            return find_changes(
                connection,
                ChangeRow.account == account,
                ChangeRow.outcome.is_(None),
                ChangeRow.run_id.in_(over),
            )

    def settle(self, settlements: Sequence[Settlement], now: datetime) -> None:
        """Store verdicts. What a settlement leaves None stays, and a flag that is set stays set."""
        if not settlements:
            return
        with self.database.writing() as connection:
            settle_changes(connection, settlements, now)

    def window(
        self,
        account: str,
        flow: str,
        since: datetime,
        items: AbstractSet[int] | None = None,
        owner: str | None = None,
    ) -> Window:
        """What the mass-change limits count: the account's live levels, and what the flow did, since then.

        `items`: of these inventory items only. `owner`: without live levels that another truth feeds.
        """
        with self.database.reading() as connection:
            live = live_levels(connection, account, since, items, owner)
            return _window(_written(connection, account, flow, since), live, items)

    def deletions_since(self, account: str, since: datetime) -> int:
        """Variants of the account that were deleted since then, whoever let them through."""
        statement = select(func.count()).where(
            ChangeRow.account == account, ChangeRow.deleted, ChangeRow.settled_at >= since
        )
        with self.database.reading() as connection:
            return connection.execute(statement).scalar_one()


def add_changes(connection: Connection, changes: Iterable[Change]) -> list[int]:
    """Insert lines; their new ids, in the same order."""
    ids = []
    for part in chunks(changes, _MANY):
        new = _new_ids(connection, len(part))
        rows = values(part, without="id")
        connection.execute(insert(ChangeRow), [row | {"id": id_} for row, id_ in zip(rows, new, strict=True)])
        ids += new
    return ids


def _new_ids(connection: Connection, count: int) -> list[int]:
    """Ids nobody else gets. Asking for them first lets rows go in many at once, with nothing to read back."""
    if connection.dialect.name == "sqlite":
        # Safe, as SQLite's writer is alone.
        last = connection.execute(select(func.max(ChangeRow.id))).scalar() or 0
        return list(range(last + 1, last + 1 + count))
    sequence = func.nextval(func.pg_get_serial_sequence(ChangeRow.__tablename__, ChangeRow.id.key))
    numbers = select(sequence).select_from(func.generate_series(1, count).alias())
    return list(connection.execute(numbers).scalars())


def find_changes(connection: Connection, *conditions: ColumnElement[bool]) -> list[Change]:
    """Lines that meet all conditions, in the order they were planned."""
    statement = select(*_COLUMNS).where(*conditions).order_by(ChangeRow.id)
    return loaded(Change, connection.execute(statement).all())


def changes_without_outcome(connection: Connection, run_ids: Collection[str]) -> list[Change]:
    """Lines of these runs that never came to an end."""
    return find_changes(connection, ChangeRow.run_id.in_(run_ids), ChangeRow.outcome.is_(None))


def settle_changes(connection: Connection, settlements: Sequence[Settlement], now: datetime) -> None:
    """Update one line a settlement, in one statement."""
    if not settlements:
        return
    kept = (ChangeRow.rule, ChangeRow.reason, ChangeRow.written_from, ChangeRow.written_to)
    raised = (ChangeRow.deleted, ChangeRow.taken_back)
    statement = (
        update(ChangeRow)
        .where(ChangeRow.id == given("id", ChangeRow.id))
        .values(outcome=given("outcome", ChangeRow.outcome), settled_at=now)
        .values({column.key: func.coalesce(given(column.key, column), column) for column in kept})
        .values({column.key: or_(column, given(column.key, column)) for column in raised})
    )
    # In one order for everybody, so that two who settle the same lines never wait for each other.
    for part in chunks(sorted(settlements, key=attrgetter("id")), _MANY):
        rows = [{f"_{name}": value for name, value in row.items()} for row in values(part)]
        connection.execute(statement, rows)


def _window(
    written: Iterable[tuple[int, int, int]], live: Mapping[int, int], items: AbstractSet[int] | None
) -> Window:
    falls: Counter[int] = Counter()
    rises: Counter[int] = Counter()
    zeroed: set[int] = set()
    for item, before, after in (each for each in written if items is None or each[0] in items):
        falls[item] += max(0, before - after)
        rises[item] += max(0, after - before)
        if before > 0 and after == 0:
            zeroed.add(item)
    return Window(live=live, zeroed=frozenset(zeroed), falls=+falls, rises=+rises)


def _written(connection: Connection, account: str, flow: str, since: datetime) -> list[tuple[int, int, int]]:
    """Item, units before and after of every line that was done without a person and still stands."""
    before = func.coalesce(ChangeRow.written_from, ChangeRow.from_quantity)
    after = case((ChangeRow.deleted, 0), else_=func.coalesce(ChangeRow.written_to, ChangeRow.to_quantity))
    statement = (
        select(ChangeRow.inventory_item_id, before, after)
        .join(RunRow, RunRow.id == ChangeRow.run_id)
        .where(ChangeRow.account == account, ChangeRow.settled_at >= since, RunRow.flow == flow)
        .where(ChangeRow.outcome == "done", ~ChangeRow.released, ~ChangeRow.taken_back)
    )
    return [(item, was, became) for item, was, became in connection.execute(statement)]
