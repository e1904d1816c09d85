"""Plans: stored, released by a person once, or dead of old age."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, insert, or_, select, update
from sqlalchemy.orm import aliased

from connectors.errors import Complaint, ConfigurationError, Refused
from connectors.ledger.changes import add_changes, find_changes
from connectors.ledger.database import Database, chunks
from connectors.ledger.models import ChangeRow, PlanRow, RunRow
from connectors.ledger.records import Change, Plan, PlanState, RunState
from connectors.ledger.rows import columns, loaded, values
from connectors.records import JsonObject

_COLUMNS = columns(PlanRow, Plan)
_WAITING = (PlanState.HELD, PlanState.DRY_RUN)
_RELEASABLE = ("held", "not_sent")
_IN_THE_WAY = {
    PlanState.OPEN: "another run is releasing it now",
    PlanState.APPLIED: "it was applied already",
    PlanState.EXPIRED: "it is expired",
    PlanState.SUPERSEDED: "a newer run planned the same levels",
}

Place = tuple[int, int]
"""A level's inventory item id and location id."""


class Plans:
    """The part of the ledger that knows what waits for a person."""

    database: Database

    def store_plan(self, plan: Plan, lines: Iterable[Change] = ()) -> None:
        """Store a new plan with its lines, which are changes that carry its id."""
        with self.database.writing() as connection:
            connection.execute(insert(PlanRow), values([plan]))
            add_changes(connection, lines)

    def plan(self, plan_id: str) -> Plan:
        """One plan. Raises ConfigurationError if there is none with this id."""
        with self.database.reading() as connection:
            return _plan(connection, plan_id)

    def plans(self, account: str | None = None) -> list[Plan]:
        """Plans that wait, newest first; so does one whose release broke off."""
        statement = select(*_COLUMNS).where(_waits())
        if account is not None:
            statement = statement.where(PlanRow.account == account)
        with self.database.reading() as connection:
            return loaded(Plan, connection.execute(statement.order_by(PlanRow.created_at.desc())).all())

    def held_lines(self, plan_id: str) -> list[Change]:
        """The plan's lines that may still be released: not superseded by a newer run."""
        with self.database.reading() as connection:
            return find_changes(connection, ChangeRow.plan_id == plan_id, _is_releasable())

    def expire_plans(self, now: datetime) -> int:
        """Let plans die whose time is over; how many."""
        statement = update(PlanRow).where(_waits(), PlanRow.expires_at <= now)
        with self.database.writing() as connection:
            return connection.execute(statement.values(state=PlanState.EXPIRED)).rowcount

    def release_plan(self, plan_id: str, *, released_by: str, run_id: str, now: datetime) -> Plan:
        """Open a waiting plan for the run that applies it; of several callers one gets it.

        A plan left open by a run that no longer runs may be released again. Raises ConfigurationError for
        an unknown id and Refused (code `plan_<state>`) for a plan that is over.
        """
        taken = {
            "state": PlanState.OPEN,
            "released_by": released_by,
            "released_at": now,
            "release_run_id": run_id,
        }
        statement = update(PlanRow).where(PlanRow.id == plan_id, PlanRow.expires_at > now, _waits())
        with self.database.writing() as connection:
            # Before the runs that still run are looked up: one that got the plan first is among them then.
            connection.execute(select(PlanRow.id).where(PlanRow.id == plan_id).with_for_update())
            got = connection.execute(statement.values(taken)).rowcount == 1
            plan = _plan(connection, plan_id)
        if not got:
            raise _refusal(plan)
        return plan

    def conclude_release(self, plan_id: str, result: JsonObject) -> None:
        """Store the result of a release: the plan is applied, and never applied again."""
        statement = update(PlanRow).where(PlanRow.id == plan_id, PlanRow.state == PlanState.OPEN)
        with self.database.writing() as connection:
            connection.execute(statement.values(state=PlanState.APPLIED, release_result=result))

    def supersede(self, account: str, run_id: str, places: Collection[Place]) -> int:
        """Mark waiting lines of older runs at these places as superseded by `run_id`; how many.

        A plan with no line left is superseded itself. Plans that this very run releases stay as they are.
        Not for dry runs: they block nobody.
        """
        wanted = frozenset(places)
        if not wanted:
            return 0
        with self.database.writing() as connection:
            waiting = connection.execute(_older_lines(account, run_id)).all()
            lines = [row.id for row in waiting if (row.inventory_item_id, row.location_id) in wanted]
            for part in chunks(lines):
                mark = update(ChangeRow).where(ChangeRow.id.in_(part))
                connection.execute(mark.values(superseded_by=run_id))
            _close_emptied(connection, {row.plan_id for row in waiting})
        return len(lines)


def _plan(connection: Connection, plan_id: str) -> Plan:
    rows = connection.execute(select(*_COLUMNS).where(PlanRow.id == plan_id)).all()
    if not rows:
        raise ConfigurationError(f"there is no plan {plan_id}: see `evenstock plans list`")
    return loaded(Plan, rows)[0]


def _is_releasable() -> ColumnElement[bool]:
    return and_(ChangeRow.outcome.in_(_RELEASABLE), ChangeRow.superseded_by.is_(None))


def _waits() -> ColumnElement[bool]:
    running = select(RunRow.id).where(RunRow.state == RunState.RUNNING)
    is_left_open = and_(PlanRow.state == PlanState.OPEN, PlanRow.release_run_id.not_in(running))
    return or_(PlanRow.state.in_(_WAITING), is_left_open)


def _refusal(plan: Plan) -> Refused:
    # A plan that waits and still was not free can only be too old.
    state = PlanState.EXPIRED if plan.state in _WAITING else plan.state
    message = f"plan {plan.id} cannot be released: {_IN_THE_WAY[state]}"
    return Refused(message, complaints=[Complaint(f"plan_{state}", message)], system="ledger")


def _older_lines(account: str, run_id: str) -> Select[tuple[int, int, int, str | None]]:
    """Waiting lines of plans of runs that began before this one, except what it is releasing."""
    older = aliased(RunRow)
    began = select(RunRow.started_at).where(RunRow.id == run_id).scalar_subquery()
    return (
        select(ChangeRow.id, ChangeRow.inventory_item_id, ChangeRow.location_id, ChangeRow.plan_id)
        .join(older, older.id == ChangeRow.run_id)
        .join(PlanRow, PlanRow.id == ChangeRow.plan_id)
        .where(ChangeRow.account == account, _is_releasable(), ChangeRow.run_id != run_id)
        .where(_waits(), older.started_at <= began)
    )


def _close_emptied(connection: Connection, plan_ids: Collection[str | None]) -> None:
    has_lines = select(ChangeRow.id).where(ChangeRow.plan_id == PlanRow.id, _is_releasable()).exists()
    for part in chunks(plan_ids):
        emptied = update(PlanRow).where(PlanRow.id.in_(part), _waits(), ~has_lines)
        connection.execute(emptied.values(state=PlanState.SUPERSEDED))
