"""Lines as the ledger keeps them, and back."""

from dataclasses import replace
from datetime import datetime

from connectors.folding import fold
from connectors.ledger.records import Change, LevelMemory, Settlement
from connectors.records import Quantities
from tasks.guard import PARKED_AFTER, fingerprint
from tasks.job import Job
from tasks.plan import BROKEN, OF_THE_STORE, Line, Outcome

ACTIVATE = "activate"
TAKEN_BACK = "rolled_back"
"""The reason of a line that was written well, and taken back because another line of its product failed."""


def to_change(line: Line, job: Job, batch: int | None = None) -> Change:
    """A planned line as the ledger stores it, before anything is sent."""
    base = line.baseline
    return Change(
        run_id=job.run_id,
        account=job.account,
        product_id=line.product_id,
        variant_id=line.variant_id,
        inventory_item_id=line.item_id,
        location_id=job.location,
        sku=line.sku,
        ccod=line.ccod,
        quantity_name=job.quantity_name,
        from_quantity=line.shown,
        to_quantity=line.wanted,
        baseline_available=base.available if base else None,
        baseline_committed=base.committed if base else None,
        baseline_on_hand=base.on_hand if base else None,
        seen_at=line.seen_at,
        truth=line.truth,
        why=ACTIVATE if line.activate else line.note,
        delete=line.zero_candidate,
        rms_item_id=line.rms_item_id,
        batch=batch,
        outcome=line.outcome.value if line.outcome else None,
        rule=line.reason,
        reason=line.note,
        released=job.release is not None,
    )


def to_line(change: Change) -> Line:
    """A stored change as the line that is to be written."""
    return Line(
        product_id=change.product_id,
        variant_id=change.variant_id,
        item_id=change.inventory_item_id,
        sku=change.sku,
        ccod=change.ccod,
        shown=change.from_quantity,
        wanted=change.to_quantity,
        baseline=_baseline(change),
        seen_at=change.seen_at,
        truth=change.truth,
        rms_item_id=change.rms_item_id,
        outcome=Outcome(change.outcome) if change.outcome else None,
        reason=change.rule,
        note=change.reason,
        activate=change.why == ACTIVATE,
        zero_candidate=change.delete,
        deleted=change.deleted,
        change_id=change.id,
        written_from=change.written_from,
        written_to=change.written_to,
    )


def _baseline(change: Change) -> Quantities | None:
    found = (change.baseline_available, change.baseline_committed, change.baseline_on_hand)
    available, committed, on_hand = found
    if available is None or committed is None or on_hand is None:
        return None
    return Quantities(available, committed, on_hand)


def to_settlement(line: Line, *, taken_back: bool = False) -> Settlement:
    """A line's verdict for the ledger."""
    if line.change_id is None or line.outcome is None:
        raise ValueError(f"{line.sku!r} has nothing to settle")
    return Settlement(
        id=line.change_id,
        outcome=line.outcome.value,
        rule=line.reason,
        reason=line.note,
        written_from=line.written_from,
        written_to=line.written_to,
        deleted=line.deleted,
        taken_back=taken_back,
    )


def remembered(line: Line, known: LevelMemory | None, job: Job, now: datetime) -> LevelMemory:
    """What to remember of a level after looking at it: whose it is, since when it is unknown or at zero."""
    seen_at = line.seen_at or now
    live = line.shown > 0
    is_known = line.fed_by is not None
    is_foreign = line.reason in {"other_truth", "rebound"}
    at_zero = is_known and line.exact and line.wanted == 0 and line.truth == 0
    return LevelMemory(
        account=job.account,
        inventory_item_id=line.item_id,
        location_id=job.location,
        product_id=line.product_id,
        variant_id=line.variant_id,
        seen_at=seen_at,
        owner_truth=(known.owner_truth if known else None) or (None if is_foreign else line.fed_by),
        sku_folded=fold(line.sku),
        rms_item_id=(known.rms_item_id if known else None) or (None if is_foreign else line.rms_item_id),
        unknown_since=_since(known.unknown_since if known else None, line.outcome is Outcome.UNKNOWN, now),
        zero_since=_since(known.zero_since if known else None, at_zero, now),
        live_seen_at=seen_at if live else (known.live_seen_at if known else None),
        units_seen=line.shown if live else (known.units_seen if known else 0),
        error_reason=known.error_reason if known else "",
        error_count=known.error_count if known else 0,
        error_fingerprint=known.error_fingerprint if known else "",
    )


def _since(earlier: datetime | None, holds: bool, now: datetime) -> datetime | None:  # noqa: FBT001
    return (earlier or now) if holds else None


def with_errors(memory: LevelMemory, line: Line) -> LevelMemory:
    """Count the same error with the same inputs; anything else begins anew.

    A line that was taken back did nothing wrong, nor did one that the store would have failed whatever it
    was: parked for it, it would stay wrong after the store is well again.
    """
    if line.outcome not in BROKEN or line.reason == TAKEN_BACK or line.reason in OF_THE_STORE:
        return replace(memory, error_reason="", error_count=0, error_fingerprint="")
    if line.outcome is Outcome.PARKED:
        return memory
    print_ = fingerprint(line)
    same = memory.error_reason == line.reason and memory.error_fingerprint == print_
    count = min(PARKED_AFTER, memory.error_count + 1) if same else 1
    return replace(memory, error_reason=line.reason, error_count=count, error_fingerprint=print_)
