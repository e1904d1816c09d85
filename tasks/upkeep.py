"""Keep the house in order: forget what is old, end what is dead, score what is on offer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.ledger import Ledger
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks import prefect_care, scores
from tasks.jobs import announce
from tasks.lease import clock
from tasks.run import SILENT_FOR, log
from tasks.signs import Sign, signed

MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days things are kept."""

    log_days: int
    job_days: int
    plan_days: int
    artifact_days: int

    @classmethod
    def of(cls, settings: Settings, **given: int | None) -> "Retention":
        """What was given, else what the settings say."""
        days = {
            name: getattr(settings, f"maintenance_{name}")
            for name in ("log_days", "job_days", "plan_days", "artifact_days")
        }
        return cls(**days | {name: value for name, value in given.items() if value is not None})


@dataclass
class Upkeep:
    """What was done, by what it was done to. What one step raises stops no other."""

    counts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def step(self, name: str, work: Callable[[], int]) -> None:
        """Do one thing and count it."""
        try:
            self.counts[name] = work()
        except Exception as error:  # noqa: BLE001 - isolation: one step that fails keeps no other from its work
            self.problems.append(f"{name}: {type(error).__name__}: {error}")


def keep_house(settings: Settings, ledger: Ledger, retention: Retention, *, dry_run: bool) -> Upkeep:
    """Do all of it; a dry run shows what would go and changes nothing.

    Never deleted: ids of booked orders and events, snapshots of deleted variants, and the rows of the last
    failed run of each flow and account.
    """
    done, now = Upkeep(), settings.now()

    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    logs = before(retention.log_days)
    done.step("jobs", lambda: ledger.delete_ended_jobs(before(retention.job_days), dry_run=dry_run))
    done.step("plans", lambda: _plans(ledger, before(retention.plan_days), now, dry_run=dry_run))
    done.step("logs", lambda: ledger.delete_old_logs(logs, dry_run=dry_run))
    done.step("runs", lambda: ledger.delete_old_runs(logs, dry_run=dry_run))
    done.step("leases", lambda: ledger.delete_old_leases(logs, dry_run=dry_run))
    done.step("windows", lambda: ledger.delete_old_windows(before(1), dry_run=dry_run))
    done.step("dead_runs", lambda: _dead_runs(ledger, dry_run=dry_run))
    done.step("dead_jobs", lambda: _dead_jobs(ledger, now, dry_run=dry_run))
    done.step("scores", lambda: _scores(ledger, now, dry_run=dry_run))
    _in_prefect(done, settings, before(retention.artifact_days), dry_run=dry_run)
    return done


def _plans(ledger: Ledger, before: datetime, now: datetime, *, dry_run: bool) -> int:
    if not dry_run:
        ledger.expire_plans(now)
    return ledger.delete_old_plans(before, dry_run=dry_run)


def _dead_runs(ledger: Ledger, *, dry_run: bool) -> int:
    """Close the books of runs whose process died, and tell Prefect; the next run finishes their work."""
    if dry_run:
        return ledger.dead_runs(clock(), SILENT_FOR)
    dead = ledger.close_dead_runs(clock(), SILENT_FOR)
    prefect_care.crash([each.run.prefect_run_id for each in dead if each.run.prefect_run_id])
    return len(dead)


def _dead_jobs(ledger: Ledger, now: datetime, *, dry_run: bool) -> int:
    """Fail the jobs that killed their last worker; whoever waits for them is told."""
    if dry_run:
        return ledger.dead_jobs(clock())
    dead = ledger.bury_jobs(now, clock())
    for each in dead:
        announce(each)
    return len(dead)


def _scores(ledger: Ledger, now: datetime, *, dry_run: bool) -> int:
    count = 0
    for products in ledger.scored_products():
        new = scores.changed(products, now)
        count += len(new)
        if new and not dry_run:
            ledger.store_scores(new)
    return count


def _in_prefect(done: Upkeep, settings: Settings, before: datetime, *, dry_run: bool) -> None:
    late = timedelta(hours=settings.maintenance_late_hours)
    found = prefect_care.Cleared()

    def clear() -> int:
        nonlocal found
        found = prefect_care.clear(clock(), late, before, dry_run=dry_run)
        return found.artifacts

    done.step("artifacts", clear)
    done.counts |= {"stuck_runs": found.stuck, "late_runs": found.late}


def report(done: Upkeep, *, dry_run: bool) -> JsonObject:
    """What was done, for programs."""
    counts: JsonObject = dict(done.counts)
    return {
        "success": not done.problems,
        "message": told(done, dry_run=dry_run),
        "dry_run": dry_run,
        "counts": counts,
        "errors": list(done.problems),
    }


def told(done: Upkeep, *, dry_run: bool) -> str:
    """What was done, in one sentence."""
    parts = [f"{count} {name.replace('_', ' ')}" for name, count in done.counts.items() if count]
    verb = "would be cleared or renewed" if dry_run else "cleared or renewed"
    problems = f"; failed: {'; '.join(done.problems)}" if done.problems else ""
    return f"Maintenance: {', '.join(parts) or 'nothing'} {verb}{problems}."


def say(settings: Settings, done: Upkeep, *, dry_run: bool) -> None:
    """The line in the run's log."""
    sign = Sign.ERROR if done.problems else Sign.MAINTENANCE
    log(signed(sign, told(done, dry_run=dry_run), shown=settings.evenstock_log_signs))
