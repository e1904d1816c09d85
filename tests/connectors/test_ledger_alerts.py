"""Alerts, and when flows last ended well, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pytest

from connectors.errors import Transient
from connectors.ledger import Alert, LastGood, Ledger, RunState, Severity
from connectors.records import JsonObject
from tests.connectors.ledger_samples import FLOW, HOUR, NOW, a_run

pytest_plugins = ["tests.databases"]

NOTICE: JsonObject = {"to": "mail", "subject": "Größe", "text": "37 → 0"}


def an_alert(cause: str = "sync:own:failed", account: str = "own") -> Alert:
    return Alert(account, cause, Severity.CRITICAL, "Failed\n\nwhy", NOW, NOW)


def store(ledger: Ledger, alert: Alert) -> None:
    ledger.judge_alert(alert.account, alert.cause, lambda _: (alert, None))


class TestAlerts:
    def test_come_back_as_they_were_stored(self, ledger: Ledger) -> None:
        full = replace(
            an_alert(),
            severity=Severity.WARNING,
            told_count=3,
            next_tell_at=NOW + HOUR,
            subjects=["a", "ß"],
            undelivered=[NOTICE],
        )
        store(ledger, full)

        assert ledger.alerts("own") == [full]
        assert ledger.judge_alert("own", full.cause, lambda memory: (None, memory)) == full

    def test_are_one_account_s_own(self, ledger: Ledger) -> None:
        mine, foreign = replace(an_alert(), subjects=[], undelivered=[]), an_alert(account="another")
        store(ledger, mine)
        store(ledger, foreign)

        assert ledger.alerts("own") == [mine]
        assert {each.account for each in ledger.alerts()} == {"own", "another"}
        assert ledger.judge_alert("third", mine.cause, lambda memory: (None, memory)) is None

    def test_that_are_over_are_left_out_unless_asked_for(self, ledger: Ledger) -> None:
        store(ledger, an_alert())
        store(ledger, replace(an_alert(), resolved_at=NOW))

        assert ledger.alerts() == []
        assert [each.resolved_at for each in ledger.alerts(open_only=False)] == [NOW]

    def test_wait_until_they_are_delivered_also_when_they_are_over(self, ledger: Ledger) -> None:
        other: JsonObject = NOTICE | {"to": "slack-webhook/ops"}
        store(ledger, replace(an_alert(), undelivered=[NOTICE, other], resolved_at=NOW))
        store(ledger, an_alert("another:own:failed"))
        assert [each.cause for each in ledger.undelivered_alerts()] == ["sync:own:failed"]

        ledger.delivered("own", "sync:own:failed", NOTICE)
        assert [each.undelivered for each in ledger.undelivered_alerts()] == [[other]]
        ledger.delivered("own", "sync:own:failed", NOTICE)
        ledger.delivered("own", "nothing", NOTICE)
        assert [each.undelivered for each in ledger.undelivered_alerts()] == [[other]]

    def test_what_is_delivered_twice_alike_leaves_one(self, ledger: Ledger) -> None:
        store(ledger, replace(an_alert(), undelivered=[NOTICE, NOTICE]))
        ledger.delivered("own", "sync:own:failed", NOTICE)
        assert [each.undelivered for each in ledger.undelivered_alerts()] == [[NOTICE]]

    def test_are_judged_by_one_at_a_time(self, ledger: Ledger) -> None:
        start = threading.Barrier(8)

        def count(memory: Alert | None) -> tuple[Alert, int]:
            known = memory or an_alert()
            return replace(known, told_count=known.told_count + 1), known.told_count

        def run(_: int) -> int:
            start.wait()
            return ledger.judge_alert("own", "sync:own:failed", count)

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(run, range(8))) == list(range(8))

    def test_stay_as_they_were_when_the_judgement_fails(self, ledger: Ledger) -> None:
        store(ledger, an_alert())

        def fail(_: Alert | None) -> tuple[Alert | None, None]:
            raise Transient("no")

        with pytest.raises(Transient):
            ledger.judge_alert("own", "sync:own:failed", fail)
        assert [each.told_count for each in ledger.alerts()] == [0]


class TestLastGoodRuns:
    def ended(self, ledger: Ledger, at: datetime, state: RunState, **more: object) -> None:
        account = str(more.pop("account", "own"))
        run = replace(a_run(f"run_{at:%d_%H}_{account}", at=at, account=account), **more)  # type: ignore[arg-type]
        stored = ledger.start_run(run)
        if state is not RunState.RUNNING:
            ledger.finish_run(stored.id, state, at + HOUR, {})

    def test_are_each_flow_s_and_account_s(self, ledger: Ledger) -> None:
        self.ended(ledger, NOW - 9 * HOUR, RunState.FAILED)
        self.ended(ledger, NOW - 7 * HOUR, RunState.COMPLETED)
        self.ended(ledger, NOW - 5 * HOUR, RunState.HELD)
        self.ended(ledger, NOW - 3 * HOUR, RunState.FAILED)
        self.ended(ledger, NOW - 1 * HOUR, RunState.RUNNING)
        self.ended(ledger, NOW, RunState.FAILED, account="another")
        self.ended(ledger, NOW, RunState.COMPLETED, flow="partner-sync")

        assert ledger.last_good_runs() == [
            LastGood("partner-sync", "own", NOW, NOW),
            LastGood(FLOW, "another", NOW, None),
            LastGood(FLOW, "own", NOW - 9 * HOUR, NOW - 5 * HOUR),
        ]

    def test_are_no_dry_runs_and_no_releases(self, ledger: Ledger) -> None:
        self.ended(ledger, NOW - HOUR, RunState.COMPLETED, parameters={"limit": 3, "release": None})
        self.ended(ledger, NOW, RunState.COMPLETED, dry_run=True)
        self.ended(ledger, NOW + HOUR, RunState.COMPLETED, parameters={"release": "plan-1"})

        assert ledger.last_good_runs() == [LastGood(FLOW, "own", NOW - HOUR, NOW - HOUR)]

    @pytest.mark.parametrize("text", ["\0", "\ud800", '"release": "no"', 'release", "release": "no'])
    def test_are_told_whatever_somebody_passed(self, ledger: Ledger, text: str) -> None:
        self.ended(ledger, NOW, RunState.COMPLETED, parameters={"reason": text, "release": None})

        assert ledger.last_good_runs() == [LastGood(FLOW, "own", NOW, NOW)]

    def test_of_nothing_are_none(self, ledger: Ledger) -> None:
        assert ledger.last_good_runs() == []
