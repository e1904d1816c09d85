"""Runs: begun, alive, ended, or found dead."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, count

from sqlalchemy import ColumnElement, Connection, Text, case, cast, func, select, update

from connectors.ledger.changes import changes_without_outcome
from connectors.ledger.database import Database, insert_into
from connectors.ledger.models import RunRow
from connectors.ledger.operations import unclear_operations
from connectors.ledger.records import DeadRun, LastGood, Run, RunState
from connectors.ledger.rows import columns, loaded, values
from connectors.records import JsonObject

_COLUMNS = columns(RunRow, Run)
# As text: PostgreSQL reads no JSON with an escaped NUL in it, and anybody may pass that in any parameter.
_IS_RELEASE = cast(RunRow.parameters, Text).like('%"release": "%')


class Runs:
    """The part of the ledger that knows every run."""

    database: Database

    def start_run(self, run: Run) -> Run:
        """Store a run that begins. If its id is taken, it gets the first free one of `<id>_2`, `<id>_3`, …"""
        with self.database.writing() as connection:
            names = chain([run.id], (f"{run.id}_{number}" for number in count(2)))
            candidates = (replace(run, id=name) for name in names)
            return next(candidate for candidate in candidates if _is_stored(connection, candidate))

    def beat_run(self, run_id: str, now: datetime) -> bool:
        """Show that the run is alive. False when it was declared dead meanwhile: others do its work now."""
        statement = update(RunRow).where(RunRow.id == run_id, RunRow.state == RunState.RUNNING)
        with self.database.writing() as connection:
            return connection.execute(statement.values(heartbeat_at=now)).rowcount == 1

    def finish_run(self, run_id: str, state: RunState, now: datetime, report: JsonObject) -> bool:
        """Store how the run ended. False when it was declared dead before: then it stays *killed*."""
        is_alive = RunRow.state == RunState.RUNNING
        statement = (
            update(RunRow)
            .where(RunRow.id == run_id)
            .values(state=case((is_alive, state), else_=RunRow.state), finished_at=now, report=report)
            .returning(RunRow.state)
        )
        with self.database.writing() as connection:
            return connection.execute(statement).scalar_one_or_none() == state

    def run(self, run_id: str) -> Run | None:
        """One run."""
        with self.database.reading() as connection:
            rows = connection.execute(select(*_COLUMNS).where(RunRow.id == run_id)).all()
        return next(iter(loaded(Run, rows)), None)

    def last_run(self, flow: str, account: str | None = None) -> Run | None:
        """The run of the flow that was started last."""
        return next(iter(self.history(flow, 1, account=account)), None)

    def history(self, flow: str, limit: int = 20, *, account: str | None = None) -> list[Run]:
        """The last runs of a flow, newest first."""
        statement = select(*_COLUMNS).where(RunRow.flow == flow)
        if account is not None:
            statement = statement.where(RunRow.account == account)
        newest = statement.order_by(RunRow.started_at.desc(), RunRow.id.desc()).limit(limit)
        with self.database.reading() as connection:
            return loaded(Run, connection.execute(newest).all())

    def runs_of(self, prefect_run_id: str) -> list[Run]:
        """What one run of Prefect's did, oldest first: as many runs of ours as it had tries or partners."""
        statement = select(*_COLUMNS).where(RunRow.prefect_run_id == prefect_run_id)
        with self.database.reading() as connection:
            return loaded(Run, connection.execute(statement.order_by(RunRow.started_at, RunRow.id)).all())

    def last_good_runs(self) -> list[LastGood]:
        """When each flow last ended well for each account: held ones did their work, dry runs none.

        Releases of plans are not among them: they say nothing about the flow that they are kept under.
        """
        ended_well = case((RunRow.state.in_([RunState.COMPLETED, RunState.HELD]), RunRow.started_at))
        statement = (
            select(RunRow.flow, RunRow.account, func.min(RunRow.started_at), func.max(ended_well))
            .where(RunRow.dry_run.is_(False), ~_IS_RELEASE)
            .group_by(RunRow.flow, RunRow.account)
            .order_by(RunRow.flow, RunRow.account)
        )
        with self.database.reading() as connection:
            return loaded(LastGood, connection.execute(statement).all())

    def close_dead_runs(self, now: datetime, silent_for: timedelta) -> list[DeadRun]:
        """Declare runs without a heartbeat for so long *killed*, and list what each left undone.

        Of several callers at once, each dead run goes to one. How it ended is stored at once: a caller that
        is killed itself takes no dead run's story with it.
        """
        statement = (
            update(RunRow)
            .where(*_silent(now - silent_for))
            .values(state=RunState.KILLED)
            .returning(*_COLUMNS)
        )
        with self.database.writing() as connection:
            runs = loaded(Run, connection.execute(statement).all())
            dead = [_remains(connection, run) for run in sorted(runs, key=lambda run: run.started_at)]
            for each in dead:
                _bury(connection, each, now)
        return dead

    def dead_runs(self, now: datetime, silent_for: timedelta) -> int:
        """How many runs `close_dead_runs` would close."""
        with self.database.reading() as connection:
            count = select(func.count()).select_from(RunRow).where(*_silent(now - silent_for))
            return connection.execute(count).scalar_one()


def _silent(since: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return RunRow.state == RunState.RUNNING, RunRow.heartbeat_at < since


def _is_stored(connection: Connection, run: Run) -> bool:
    """Store the run unless its id is taken; a racing run's id counts as soon as that run is stored."""
    statement = insert_into(connection, RunRow).on_conflict_do_nothing().returning(RunRow.id)
    return connection.execute(statement, values([run])[0]).scalar_one_or_none() is not None


def _bury(connection: Connection, dead: DeadRun, now: datetime) -> None:
    report = {"message": f"the run {dead.fate}"}
    connection.execute(update(RunRow).where(RunRow.id == dead.run.id).values(finished_at=now, report=report))


def _remains(connection: Connection, run: Run) -> DeadRun:
    return DeadRun(
        run=run,
        changes=tuple(changes_without_outcome(connection, [run.id])),
        operations=tuple(unclear_operations(connection, [run.id])),
    )
