"""Operations: every intended write has its id here before the call, and what became of it afterwards."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from connectors.ledger.changes import settle_changes
from connectors.ledger.database import Database, insert_into
from connectors.ledger.models import OperationRow, RunRow
from connectors.ledger.records import Operation, OperationState, RunState, Settlement
from connectors.ledger.rows import columns, loaded, values

_COLUMNS = columns(OperationRow, Operation)
_UNCLEAR = (OperationState.INTENDED, OperationState.UNKNOWN)


class Operations:
    """The part of the ledger that knows every intended write."""

    database: Database

    def intend(self, *operations: Operation) -> None:
        """Store writes before they are sent. A key that is there already stays as it is."""
        with self.database.writing() as connection:
            statement = insert_into(connection, OperationRow).on_conflict_do_nothing()
            if operations:
                connection.execute(statement, values(operations))

    def conclude(
        self,
        key: str,
        state: OperationState,
        now: datetime,
        *,
        note: str = "",
        settlements: Sequence[Settlement] = (),
    ) -> None:
        """Store what became of a write and, in the same transaction, the verdicts on its changes."""
        statement = update(OperationRow).where(OperationRow.key == key)
        with self.database.writing() as connection:
            connection.execute(statement.values(state=state, settled_at=now, note=note))
            settle_changes(connection, settlements, now)

    def operations_of(self, run_id: str) -> list[Operation]:
        """All writes that a run intended, in the order they were sent."""
        with self.database.reading() as connection:
            return _find(connection, OperationRow.run_id == run_id)

    def written_by_others(
        self, account: str, run_id: str, since: datetime, *, takes: timedelta, marking: str | None
    ) -> set[int]:
        """Products of the account that other runs have written since then, or may have.

        A write that was sent before counts, too, if its answer came later, or if there was none and it was
        on its way no longer than a call `takes`: who knows when it was carried out. Of the runs of the flow
        `marking` that had not ended at `since` everything counts: they have not left their marks then, and
        what was sold during their writes is known to them alone. Of a killed run only what was sent later
        counts; the rest is taken over.
        """
        others = select(RunRow.id).where(
            RunRow.account == account,
            RunRow.id != run_id,
            or_(RunRow.finished_at.is_(None), RunRow.finished_at >= since),
        )
        living = others.where(RunRow.state != RunState.KILLED)
        is_on_its_way = and_(OperationRow.settled_at.is_(None), OperationRow.sent_at >= since - takes)
        ended_later = or_(is_on_its_way, OperationRow.settled_at >= since)
        meanwhile = or_(
            OperationRow.sent_at >= since,
            and_(ended_later, OperationRow.run_id.in_(living)),
            OperationRow.run_id.in_(living.where(RunRow.flow == marking)),
        )
        with self.database.reading() as connection:
            found = _find(connection, OperationRow.run_id.in_(others), meanwhile)
        products = (row.get("product_id") for operation in found for row in operation.rows)
        return {product for product in products if isinstance(product, int)}

    def unsettled(self, account: str, run_id: str | None = None) -> list[Operation]:
        """Writes of the account that nobody knows the outcome of.

        Those of `run_id`; without it, those that runs which are no longer running left behind.
        """
        running = select(RunRow.id).where(RunRow.state == RunState.RUNNING)
        whose = OperationRow.run_id.not_in(running) if run_id is None else OperationRow.run_id == run_id
        with self.database.reading() as connection:
            return _find(connection, OperationRow.account == account, OperationRow.state.in_(_UNCLEAR), whose)


def unclear_operations(connection: Connection, run_ids: Collection[str]) -> list[Operation]:
    """Writes of these runs that nobody knows the outcome of."""
    return _find(connection, OperationRow.run_id.in_(run_ids), OperationRow.state.in_(_UNCLEAR))


def _find(connection: Connection, *conditions: ColumnElement[bool]) -> list[Operation]:
    statement = select(*_COLUMNS).where(*conditions).order_by(OperationRow.sent_at, OperationRow.key)
    return loaded(Operation, connection.execute(statement).all())
