"""Runs, changes, operations and plans: what was meant, what came of it, and what a dead run left behind."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

import pytest
from sqlalchemy import select, text

from connectors.errors import ConfigurationError, ConnectorError, Refused
from connectors.ledger import (
    Change,
    Ledger,
    OperationState,
    PlanState,
    Run,
    RunState,
    Settlement,
    open_ledger,
)
from connectors.ledger.models import PlanRow
from connectors.records import JsonObject
from tests.connectors.ledger_samples import FLOW, HOUR, NOW, a_change, a_level, a_plan, a_run, an_operation

pytest_plugins = ["tests.databases"]

MINUTE = timedelta(minutes=1)
_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
REPORT: JsonObject = {"success": True, "balance": {"checked": 3}, "details": [{"sku": "Ñandú ☂"}]}


class Verdict(StrEnum):
    DONE = "done"


@pytest.fixture
def run(ledger: Ledger) -> Run:
    return ledger.start_run(a_run())


class TestRuns:
    def test_a_run_comes_back_as_it_went_in(self, ledger: Ledger) -> None:
        begun = replace(a_run(), dry_run=True, parameters={"limit": 5, "day": None}, prefect_run_id="abc")

        assert ledger.start_run(begun) == begun == ledger.run(begun.id)

    def test_an_unknown_run_is_none(self, ledger: Ledger) -> None:
        assert ledger.run("nobody") is None
        assert ledger.last_run(FLOW) is None

    def test_two_runs_of_one_second_have_two_ids(self, ledger: Ledger) -> None:
        with ThreadPoolExecutor(4) as pool:
            ids = {run.id for run in pool.map(ledger.start_run, [a_run("sync_1")] * 4)}

        assert ids == {"sync_1", "sync_1_2", "sync_1_3", "sync_1_4"}

    def test_a_finished_run_keeps_its_report(self, ledger: Ledger, run: Run) -> None:
        assert ledger.finish_run(run.id, RunState.COMPLETED, NOW + MINUTE, REPORT)

        ended = replace(run, state=RunState.COMPLETED, finished_at=NOW + MINUTE, report=REPORT)
        assert ledger.last_run(FLOW) == ended
        assert not ledger.beat_run(run.id, NOW + HOUR)

    def test_history_is_newest_first_by_flow_and_account(self, ledger: Ledger) -> None:
        for number in range(4):
            ledger.start_run(a_run(f"run-{number}", at=NOW + number * MINUTE))
        ledger.start_run(a_run("other-account", at=NOW + HOUR, account="other"))
        ledger.start_run(replace(a_run("other-flow"), flow="partner-sync"))

        assert [run.id for run in ledger.history(FLOW, 3)] == ["other-account", "run-3", "run-2"]
        assert [run.id for run in ledger.history(FLOW, account="own")] == ["run-3", "run-2", "run-1", "run-0"]

    def test_what_one_run_of_prefects_did_is_told_oldest_first(self, ledger: Ledger) -> None:
        for number, prefect in enumerate(["p", "q", "p"]):
            ledger.start_run(replace(a_run(f"run-{number}", at=NOW - number * HOUR), prefect_run_id=prefect))

        assert [run.id for run in ledger.runs_of("p")] == ["run-2", "run-0"]

    def test_a_beating_run_is_alive(self, ledger: Ledger, run: Run) -> None:
        assert ledger.beat_run(run.id, NOW + HOUR)
        assert ledger.close_dead_runs(NOW + HOUR + MINUTE, silent_for=5 * MINUTE) == []

    def test_a_silent_run_is_killed_once_with_all_it_left(self, ledger: Ledger, run: Run) -> None:
        first, second = ledger.store_changes([a_change(run, 5001), a_change(run, 5002)])
        ledger.settle([Settlement(first, "done")], NOW)
        ledger.intend(an_operation(run, "clear"), an_operation(run, "unclear"), an_operation(run, "lost"))
        ledger.conclude("clear", OperationState.APPLIED, NOW)
        ledger.conclude("lost", OperationState.UNKNOWN, NOW, note="no answer")

        (dead,) = ledger.close_dead_runs(NOW + HOUR, silent_for=5 * MINUTE)

        assert dead.run == replace(run, state=RunState.KILLED)
        story: JsonObject = {"message": "the run was killed with 1 lines and 2 writes open"}
        assert ledger.run(run.id) == replace(dead.run, finished_at=NOW + HOUR, report=story)
        assert [change.id for change in dead.changes] == [second]
        assert {operation.key for operation in dead.operations} == {"unclear", "lost"}
        assert ledger.close_dead_runs(NOW + HOUR, silent_for=5 * MINUTE) == []
        assert not ledger.beat_run(run.id, NOW + HOUR)

    def test_a_killed_run_that_ends_after_all_stays_killed_and_keeps_its_report(
        self, ledger: Ledger, run: Run
    ) -> None:
        ledger.close_dead_runs(NOW + HOUR, silent_for=5 * MINUTE)

        assert not ledger.finish_run(run.id, RunState.COMPLETED, NOW + HOUR, REPORT)
        found = ledger.run(run.id)
        assert found is not None
        assert (found.state, found.report) == (RunState.KILLED, REPORT)

    def test_what_killed_runs_left_is_found_again_and_what_runs_do_now_is_not(self, ledger: Ledger) -> None:
        dead, alive = ledger.start_run(a_run("dead")), ledger.start_run(a_run("alive", at=NOW + HOUR))
        other = ledger.start_run(a_run("other", account="other"))
        ledger.store_changes([a_change(run) for run in (dead, alive, other)])
        ledger.intend(*(an_operation(run, run.id) for run in (dead, alive, other)))
        ledger.close_dead_runs(NOW + HOUR, silent_for=5 * MINUTE)

        assert [change.run_id for change in ledger.unfinished("own")] == ["dead"]
        assert [operation.key for operation in ledger.unsettled("own")] == ["dead"]
        assert [operation.key for operation in ledger.unsettled("own", "alive")] == ["alive"]
        assert ledger.unsettled("other", "alive") == []

    def test_a_line_of_a_batch_that_broke_off_is_found_again(self, ledger: Ledger, run: Run) -> None:
        first, _ = ledger.store_changes([a_change(run, 5001), a_change(run, 5002)])
        ledger.settle([Settlement(first, "done")], NOW)
        assert ledger.unfinished(run.account) == []

        ledger.finish_run(run.id, RunState.FAILED, NOW, REPORT)

        assert [change.inventory_item_id for change in ledger.unfinished(run.account)] == [5002]


class TestChanges:
    def test_a_change_comes_back_as_it_went_in(self, ledger: Ledger, run: Run) -> None:
        ledger.store_plan(a_plan(run))
        change = a_change(
            run,
            plan_id="plan-1",
            product_id=9_007_199_254_740_993,
            truth=Decimal("3.10"),
            why="RMS says 3",
            title="Zapato «Ñ»",
            baseline_available=-2,
            delete=True,
            batch=7,
            outcome="held",
            rule="mass_zero",
        )
        (new,) = ledger.store_changes([change])

        assert ledger.changes_of(run.id) == [replace(change, id=new)]
        assert str(ledger.changes_of(run.id)[0].truth) == "3.10"

    def test_ids_come_in_the_order_of_the_lines(self, ledger: Ledger, run: Run) -> None:
        lines = [a_change(run, 5000 + number) for number in range(1_200)]
        ids = ledger.store_changes(lines) + ledger.store_changes(lines[:2])

        stored = ledger.changes_of(run.id)
        assert [change.id for change in stored] == ids
        assert [change.sku for change in stored] == [change.sku for change in [*lines, *lines[:2]]]
        assert ledger.store_changes([]) == []

    def test_lines_by_batch_and_outcome(self, ledger: Ledger, run: Run) -> None:
        lines = [
            a_change(run, 5001, batch=1, outcome="held"),
            a_change(run, 5002, batch=1),
            a_change(run, 5003, batch=2),
        ]
        held, plain, other = ledger.store_changes(lines)

        assert [change.id for change in ledger.changes_of(run.id, batch=1)] == [held, plain]
        assert [change.id for change in ledger.changes_of(run.id, outcome="held")] == [held]
        assert [change.id for change in ledger.changes_of(run.id, batch=2)] == [other]
        assert ledger.changes_of("nobody") == []

    def test_a_verdict_keeps_what_it_does_not_mention(self, ledger: Ledger, run: Run) -> None:
        (line,) = ledger.store_changes([a_change(run, reason="as planned", rule="diff")])
        ledger.settle([Settlement(line, Verdict.DONE, written_from=5, written_to=0, deleted=True)], NOW)
        ledger.settle([Settlement(line, "failed", reason="rolled_back", taken_back=True)], NOW + MINUTE)

        (change,) = ledger.changes_of(run.id)
        assert (change.outcome, change.rule, change.reason) == ("failed", "diff", "rolled_back")
        assert (change.written_from, change.written_to) == (5, 0)
        assert (change.deleted, change.taken_back, change.settled_at) == (True, True, NOW + MINUTE)

    def test_a_word_that_is_no_outcome_is_not_stored(self, ledger: Ledger, run: Run) -> None:
        with pytest.raises(ConnectorError, match="does not take a row"):
            ledger.store_changes([a_change(run, 5001), a_change(run, 5002, outcome="fine")])
        assert ledger.changes_of(run.id) == []

    def test_a_change_needs_its_run(self, ledger: Ledger) -> None:
        with pytest.raises(ConnectorError, match="does not take a row"):
            ledger.store_changes([a_change(a_run("never begun"))])

    def test_threads_get_ids_of_their_own(self, ledger: Ledger, run: Run) -> None:
        lines = [a_change(run, 5000 + number) for number in range(50)]
        with ThreadPoolExecutor(4) as pool:
            ids = [new for some in pool.map(ledger.store_changes, [lines] * 8) for new in some]

        assert len(set(ids)) == 400

    def test_a_large_plan_is_stored_quickly(self, ledger: Ledger, run: Run) -> None:
        lines = [a_change(run, 5000 + number, truth=Decimal(3)) for number in range(20_000)]
        began = time.process_time()
        ledger.store_changes(lines)

        # 100,000 lines take some 3 s; the bound leaves room for a slow machine.
        assert time.process_time() - began < 3


class TestWindow:
    SINCE = NOW - 24 * HOUR

    def _done(
        self,
        ledger: Ledger,
        change: Change,
        was: int,
        became: int,
        *,
        deleted: bool = False,
        taken_back: bool = False,
    ) -> None:
        (line,) = ledger.store_changes([change])
        settlement = Settlement(
            line, "done", written_from=was, written_to=became, deleted=deleted, taken_back=taken_back
        )
        ledger.settle([settlement], NOW)

    def test_it_counts_what_was_written_and_still_stands(self, ledger: Ledger, run: Run) -> None:
        self._done(ledger, a_change(run, 5001), 9, 4)
        self._done(ledger, a_change(run, 5001), 4, 0)
        self._done(ledger, a_change(run, 5002), 1, 3)
        self._done(ledger, a_change(run, 5003, released=True), 9, 0)
        self._done(ledger, a_change(run, 5004), 9, 0, taken_back=True)
        self._done(ledger, a_change(run, 5005), 0, 0, deleted=True)

        window = ledger.window("own", FLOW, self.SINCE)

        assert window.falls == {5001: 9}
        assert window.rises == {5002: 2}
        assert window.zeroed == {5001}
        of_one = ledger.window("own", FLOW, self.SINCE, {5002})
        assert (of_one.falls, of_one.rises, of_one.zeroed) == ({}, {5002: 2}, set())

    def test_other_accounts_flows_times_and_outcomes_do_not_count(self, ledger: Ledger, run: Run) -> None:
        self._done(ledger, a_change(run), 9, 0)
        (line,) = ledger.store_changes([a_change(run, 5002)])
        ledger.settle([Settlement(line, "conflict", written_from=9, written_to=0)], NOW)

        assert ledger.window("other", FLOW, self.SINCE).zeroed == set()
        assert ledger.window("own", "partner-sync", self.SINCE).zeroed == set()
        assert ledger.window("own", FLOW, NOW + MINUTE).zeroed == set()
        assert ledger.window("own", FLOW, self.SINCE).zeroed == {5001}

    def test_live_levels_are_those_seen_above_zero_lately(self, ledger: Ledger) -> None:
        ledger.remember(
            [
                a_level(1, live_seen_at=NOW, units_seen=7),
                a_level(1, location_id=2, live_seen_at=NOW, units_seen=1),
                a_level(2, live_seen_at=NOW - 25 * HOUR, units_seen=7),
                a_level(3),
                a_level(4, account="other", live_seen_at=NOW, units_seen=7),
            ]
        )

        assert ledger.window("own", FLOW, self.SINCE).live == {1: 8}
        assert ledger.window("own", FLOW, self.SINCE, {1, 2}).live == {1: 8}
        assert ledger.window("own", FLOW, self.SINCE, {2, 3}).live == {}
        assert ledger.window("own", FLOW, self.SINCE, {1, *range(100, 900)}).live == {1: 8}

    def test_live_levels_of_another_truth_may_be_left_out(self, ledger: Ledger) -> None:
        owners = {1: "rms", 2: None, 3: "partner:7"}
        ledger.remember(
            [
                a_level(item, owner_truth=owner, live_seen_at=NOW, units_seen=5)
                for item, owner in owners.items()
            ]
        )

        assert ledger.window("own", FLOW, self.SINCE, owner="rms").live == {1: 5, 2: 5}
        assert ledger.window("own", FLOW, self.SINCE).live == {1: 5, 2: 5, 3: 5}

    def test_deletions_count_whoever_let_them_through(self, ledger: Ledger, run: Run) -> None:
        self._done(ledger, a_change(run, 5001), 1, 0, deleted=True)
        self._done(ledger, a_change(run, 5002, released=True), 1, 0, deleted=True)
        self._done(ledger, a_change(run, 5003), 1, 0)

        assert ledger.deletions_since("own", self.SINCE) == 2
        assert ledger.deletions_since("own", NOW + MINUTE) == 0
        assert ledger.deletions_since("other", self.SINCE) == 0


class TestOperations:
    def test_an_intention_is_there_before_the_call_and_only_once(self, ledger: Ledger, run: Run) -> None:
        operation = an_operation(run)
        ledger.intend(operation)
        ledger.conclude(operation.key, OperationState.UNKNOWN, NOW, note="no answer")
        ledger.intend(operation)
        ledger.intend()

        expected = replace(operation, state=OperationState.UNKNOWN, settled_at=NOW, note="no answer")
        assert ledger.operations_of(run.id) == [expected] == ledger.unsettled("own", run.id)

    def test_an_outcome_and_its_verdicts_are_stored_together(self, ledger: Ledger, run: Run) -> None:
        (line,) = ledger.store_changes([a_change(run)])
        ledger.intend(an_operation(run))

        with pytest.raises(ConnectorError):
            ledger.conclude("key-1", OperationState.APPLIED, NOW, settlements=[Settlement(line, "fine")])
        assert ledger.unsettled("own", run.id)

        ledger.conclude("key-1", OperationState.APPLIED, NOW, settlements=[Settlement(line, "done")])
        assert ledger.unsettled("own", run.id) == []
        assert [change.outcome for change in ledger.changes_of(run.id)] == ["done"]


class TestPlans:
    @pytest.fixture
    def held(self, ledger: Ledger, run: Run) -> list[int]:
        ledger.store_plan(a_plan(run))
        lines = [a_change(run, 5001 + number, plan_id="plan-1", outcome="held") for number in range(3)]
        return ledger.store_changes(lines)

    @pytest.fixture
    def release(self, ledger: Ledger, held: list[int]) -> Run:
        del held
        return ledger.start_run(a_run("release", at=NOW + HOUR))

    def _release(self, ledger: Ledger, run: Run, *, hours: int = 1) -> str:
        now = NOW + hours * HOUR
        return ledger.release_plan("plan-1", released_by="Ana", run_id=run.id, now=now).state

    def test_a_plan_waits_with_its_lines(self, ledger: Ledger, run: Run, held: list[int]) -> None:
        assert ledger.plan("plan-1") == a_plan(run)
        assert ledger.plans("own") == [a_plan(run)] == ledger.plans()
        assert ledger.plans("other") == []
        assert [change.id for change in ledger.held_lines("plan-1")] == held

    def test_an_unknown_plan_is_a_mistake_of_the_caller(self, ledger: Ledger) -> None:
        with pytest.raises(ConfigurationError, match="there is no plan"):
            ledger.plan("nothing")

    def test_a_release_is_stored_with_who_when_and_what(self, ledger: Ledger, release: Run) -> None:
        assert self._release(ledger, release) == PlanState.OPEN
        ledger.conclude_release("plan-1", {"done": 3})

        plan = ledger.plan("plan-1")
        assert (plan.state, plan.released_by, plan.released_at) == (PlanState.APPLIED, "Ana", NOW + HOUR)
        assert (plan.release_run_id, plan.release_result) == ("release", {"done": 3})
        assert ledger.plans() == []

    def test_of_two_releases_at_once_one_gets_it(self, ledger: Ledger, release: Run) -> None:
        other = ledger.start_run(a_run("release", at=NOW + HOUR))

        def attempt(run: Run) -> str:
            try:
                return self._release(ledger, run)
            except Refused as refused:
                return ",".join(refused.codes)

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(attempt, [release, other])) == ["open", "plan_open"]

    def test_whoever_asks_before_the_other_run_began_and_is_heard_after_it_does_not_get_it(
        self, postgres_url: str
    ) -> None:
        with closing(open_ledger(postgres_url)) as ledger, ThreadPoolExecutor(1) as pool:
            ledger.store_plan(a_plan(ledger.start_run(a_run())))
            late = ledger.start_run(a_run("release", at=NOW + HOUR))
            with ledger.database.together(), ledger.database.writing() as connection:
                connection.execute(select(PlanRow).with_for_update())
                asked = pool.submit(self._release, ledger, late)
                while not asked.done() and not connection.execute(_WAITING).scalar_one():
                    pass
                assert self._release(ledger, ledger.start_run(a_run("release", at=NOW + HOUR))) == "open"

            with pytest.raises(Refused, match="another run is releasing it now"):
                asked.result()

    def test_an_applied_plan_is_refused(self, ledger: Ledger, release: Run) -> None:
        self._release(ledger, release)
        ledger.conclude_release("plan-1", {})

        with pytest.raises(Refused, match="applied already"):
            self._release(ledger, release)

    def test_an_expired_plan_is_refused_even_before_anybody_noticed(
        self, ledger: Ledger, release: Run
    ) -> None:
        with pytest.raises(Refused, match="expired"):
            self._release(ledger, release, hours=24)
        assert ledger.expire_plans(NOW + 24 * HOUR) == 1
        assert ledger.plan("plan-1").state == PlanState.EXPIRED
        with pytest.raises(Refused, match="expired"):
            self._release(ledger, release)

    def test_a_release_that_died_may_be_repeated(self, ledger: Ledger, release: Run) -> None:
        self._release(ledger, release)
        assert ledger.plans() == []
        ledger.close_dead_runs(NOW + 3 * HOUR, silent_for=HOUR)
        assert [plan.id for plan in ledger.plans()] == ["plan-1"]
        again = ledger.start_run(a_run("again", at=NOW + 3 * HOUR))

        assert self._release(ledger, again, hours=3) == PlanState.OPEN
        assert ledger.plan("plan-1").release_run_id == "again"

    @pytest.mark.usefixtures("held")
    def test_a_plan_whose_release_broke_off_ages_and_makes_way_as_others(
        self, ledger: Ledger, release: Run
    ) -> None:
        self._release(ledger, release)
        assert ledger.expire_plans(NOW + 24 * HOUR) == 0
        ledger.finish_run(release.id, RunState.FAILED, NOW + HOUR, REPORT)
        newer = ledger.start_run(a_run("newer", at=NOW + 2 * HOUR))

        assert ledger.supersede("own", newer.id, [(5001, 1)]) == 1
        assert ledger.expire_plans(NOW + 24 * HOUR) == 1

    def test_a_newer_run_supersedes_line_by_line(self, ledger: Ledger, run: Run, held: list[int]) -> None:
        newer = ledger.start_run(a_run("newer", at=NOW + HOUR))

        assert ledger.supersede("own", newer.id, [(5001, 1), (5002, 2), (9999, 1)]) == 1
        assert [change.id for change in ledger.held_lines("plan-1")] == held[1:]
        assert ledger.changes_of(run.id)[0].superseded_by == newer.id
        assert ledger.plan("plan-1").state == PlanState.HELD

        assert ledger.supersede("own", newer.id, [(item, 1) for item in (5001, 5002, 5003)]) == 2
        assert ledger.held_lines("plan-1") == []
        assert ledger.plan("plan-1").state == PlanState.SUPERSEDED

    def test_an_older_run_or_another_account_supersedes_nothing(
        self, ledger: Ledger, held: list[int]
    ) -> None:
        older = ledger.start_run(a_run("older", at=NOW - HOUR))
        other = ledger.start_run(a_run("other", at=NOW + HOUR, account="other"))

        assert ledger.supersede("own", older.id, [(5001, 1)]) == 0
        assert ledger.supersede("other", other.id, [(5001, 1)]) == 0
        assert len(ledger.held_lines("plan-1")) == len(held)

    def test_a_release_does_not_supersede_its_own_plan(self, ledger: Ledger, release: Run) -> None:
        self._release(ledger, release)

        assert ledger.supersede("own", release.id, [(5001, 1)]) == 0
