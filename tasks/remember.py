"""What the ledger knows from earlier runs, and what it learns from this one."""

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from operator import attrgetter

from connectors.folding import fold
from connectors.ledger import Ledger
from connectors.ledger.records import LevelMemory, Plan, PlanState
from connectors.slices import chunks
from tasks.book import remembered, to_change, with_errors
from tasks.diff import RMS, Absent
from tasks.guard import History, Memory
from tasks.job import Job
from tasks.plan import Line, Outcome

WINDOW = timedelta(hours=24)
"""The mass-change limits look back this far."""

SLICE = 5_000
"""Levels that are handed to the ledger at once: a catalogue of rows would weigh more than the catalogue."""


def memories(known: Mapping[int, LevelMemory]) -> dict[int, Memory]:
    """What the guard needs of the remembered levels."""
    return {
        item: Memory(level.owner_truth, level.rms_item_id, level.error_count, level.error_fingerprint)
        for item, level in known.items()
    }


def history(ledger: Ledger, job: Job, now: datetime, items: AbstractSet[int] | None = None) -> History:
    """What this flow did to the account within the window, or to these inventory items of it.

    Of the account that is all but what other truths than RMS feed: theirs say nothing of how much is usual.
    """
    window = ledger.window(job.account, job.flow, now - WINDOW, items, RMS if items is None else None)
    return History(window.live, window.zeroed, window.falls, window.rises)


def zero_since(lines: Sequence[Line], known: Mapping[int, LevelMemory], now: datetime) -> dict[int, datetime]:
    """Since when RMS has said exactly zero, for the candidates of a deletion."""
    return {
        line.item_id: (level.zero_since if (level := known.get(line.item_id)) and level.zero_since else now)
        for line in lines
        if line.zero_candidate and line.exact
    }


def learn(
    ledger: Ledger, job: Job, lines: Sequence[Line], known: Mapping[int, LevelMemory], now: datetime
) -> dict[int, LevelMemory]:
    """Remember every level that was looked at. A dry run remembers nothing: it blocks nobody.

    Returned is what is needed again when the run ends: of most levels, nothing.
    """
    needed: dict[int, LevelMemory] = {}
    for some in chunks(sorted(lines, key=attrgetter("item_id")), SLICE):
        learned = [remembered(line, known.get(line.item_id), job, now) for line in some]
        if not job.dry_run:
            ledger.remember(learned)
        needed |= {
            level.inventory_item_id: level
            for line, level in zip(some, learned, strict=True)
            if _is_needed(line, level)
        }
    return needed


def _is_needed(line: Line, level: LevelMemory) -> bool:
    """Whether how the line ends may change what is remembered, or the report tells it."""
    return line.is_open or line.outcome is Outcome.UNKNOWN or level.error_count > 0


def count_errors(ledger: Ledger, lines: Sequence[Line], known: Mapping[int, LevelMemory]) -> None:
    """Count what failed, so that the same error parks its line in the end; forget what went well."""
    changed = []
    for line in lines:
        level = known.get(line.item_id)
        counted = with_errors(level, line) if level else None
        if counted is not None and counted != level:
            changed.append(counted)
    ledger.remember(changed)


def unknown_since(lines: Sequence[Line], known: Mapping[int, LevelMemory]) -> dict[int, datetime]:
    """Since when each unknown level has been so."""
    since = ((line.item_id, known.get(line.item_id)) for line in lines if line.outcome is Outcome.UNKNOWN)
    return {item: level.unknown_since for item, level in since if level and level.unknown_since}


def restocked(ledger: Ledger, job: Job, absent: Sequence[Absent]) -> list[Absent]:
    """Stock in RMS of variants that were deleted from the shop."""
    deleted = ledger.deleted_variants(job.account, [fold(each.sku) for each in absent])
    keys = {(snapshot.ccod_folded, snapshot.sku_folded) for snapshot in deleted}
    return [each for each in absent if (fold(each.ccod), fold(each.sku)) in keys]


def store_plan(
    ledger: Ledger,
    job: Job,
    lines: Sequence[Line],
    *,
    name: str,
    batches: Mapping[int, int],
    expires: timedelta,
    now: datetime,
) -> Plan | None:
    """Store every line that is to be written or held, before the first write; the plan, if one must wait.

    In a dry run the plan is all of them; in a real one only those that are held. Lines of older plans for
    the same levels are superseded. `name`: the id of such a plan.
    """
    if going := [line for line in lines if line.is_open]:
        ledger.store_changes(to_change(line, job, batches.get(line.product_id)) for line in going)
        if not job.dry_run:
            ledger.supersede(job.account, job.run_id, {(line.item_id, job.location) for line in going})
    waiting = [line for line in lines if line.outcome in {Outcome.HELD, Outcome.NOT_SENT}]
    if not waiting:
        return None
    plan = _plan(name, job, waiting, expires, now)
    ledger.store_plan(plan, (replace(to_change(line, job), plan_id=plan.id) for line in waiting))
    if not job.dry_run:
        ledger.supersede(job.account, job.run_id, {(line.item_id, job.location) for line in waiting})
    return plan


def is_sweep_due(ledger: Ledger, job: Job) -> bool:
    """Whether older marks are to be taken off all products: by the first complete run of a day."""
    if job.dry_run or not job.walks_everything:
        return False
    swept = ledger.swept_on("shopify", job.account)
    return swept is None or swept < job.day


def _plan(name: str, job: Job, lines: Sequence[Line], expires: timedelta, now: datetime) -> Plan:
    return Plan(
        id=name,
        run_id=job.run_id,
        flow=job.flow,
        account=job.account,
        state=PlanState.DRY_RUN if job.dry_run else PlanState.HELD,
        fingerprint=fingerprint(lines),
        created_at=now,
        expires_at=now + expires,
    )


def fingerprint(lines: Sequence[Line]) -> str:
    """What a plan is, in one SHA-256: its lines, whatever their order."""
    canonical = sorted((line.item_id, line.shown, line.wanted, line.zero_candidate) for line in lines)
    return sha256(json.dumps(canonical).encode()).hexdigest()
