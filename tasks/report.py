"""Tell what a run found and did: the report that programs read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from connectors.records import JsonObject, JsonValue
from tasks.deletion import Failed
from tasks.diff import Absent
from tasks.plan import BROKEN, FED_ELSEWHERE, Balance, Line, Outcome, balance
from tasks.receipt import Receipt

GOOD_RATE = 95.0
"""A success rate below this, in percent, deserves a warning."""


@dataclass(slots=True)
class Story:
    """Everything that happened in a run, as it becomes known."""

    sync_id: str
    flow: str
    day: date
    started_at: datetime
    dry_run: bool
    max_concurrent: int
    writes: bool = True
    products_with_ccod: int = 0
    products_without_ccod: int = 0
    lines: list[Line] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    checked: int = 0
    receipt: Receipt = field(default_factory=Receipt)
    failed_deletions: list[Failed] = field(default_factory=list)
    rollbacks: int = 0
    rollback_failures: int = 0
    archived: list[int] = field(default_factory=list)
    unmarked: dict[int, str] = field(default_factory=dict)
    finished: list[int] = field(default_factory=list)
    marked: int = 0
    swept: int = 0
    missing_in_shop: list[Absent] = field(default_factory=list)
    restocked: list[Absent] = field(default_factory=list)
    unknown_since: Mapping[int, datetime] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    api: JsonObject = field(default_factory=dict)
    plan_id: str | None = None
    plan_expires_at: datetime | None = None
    error: JsonObject | None = None

    def tell(self, lines: Iterable[Line]) -> None:
        """Take in the planned lines; the place of each that is still to be ended is remembered."""
        self.lines = list(lines)
        self.places = {line.variant_id: place for place, line in enumerate(self.lines) if line.is_open}

    @property
    def balance(self) -> Balance:
        """The run's books."""
        return balance(self.checked, self.lines)

    @property
    def is_success(self) -> bool:
        """Nothing failed, clashed or was parked, and nothing was lost on the way."""
        books = self.balance
        return self.error is None and books.is_even and not any(books.counts[broken] for broken in BROKEN)

    @property
    def success_rate(self) -> float:
        """Percent of the lines with something to do that ended well; 100 when nothing was to do."""
        counts = self.balance.counts
        good = counts[Outcome.DONE] + counts[Outcome.UNCHANGED]
        tried = good + sum(counts[broken] for broken in BROKEN)
        return 100.0 * good / tried if tried else 100.0


def reverse_sync_report(story: Story, now: datetime) -> JsonObject:
    """The document of the reverse stock sync, with balance, receipt, plan and API figures beside it."""
    seconds = max(0.0, (now - story.started_at).total_seconds())
    document: JsonObject = {
        "success": story.is_success,
        "message": message(story),
        "sync_id": story.sync_id,
        "day": story.day.isoformat(),
        "dry_run": story.dry_run,
        "writes": "on" if story.writes else "off",
        "report": {
            "timestamp": now.isoformat(),
            "duration_seconds": round(seconds, 2),
            "statistics": statistics(story),
            "performance": performance(story, seconds),
            "details": details(story),
        },
        "balance": _json_counts(story.balance.as_dict()),
        "receipt": {
            "read_back": story.receipt.read_back,
            "drift": story.receipt.drift,
            "unconfirmed": story.receipt.unconfirmed,
        },
        "plan_id": story.plan_id,
        "plan_expires_at": story.plan_expires_at.isoformat() if story.plan_expires_at else None,
        "api": story.api,
        "warnings": list[JsonValue](story.warnings),
    }
    return document | {"error": story.error} if story.error else document


def message(story: Story) -> str:
    """One sentence: how it went."""
    if story.error:
        return f"Reverse sync failed: {story.error['message']}"
    rate = f"{story.success_rate:.1f}% success rate"
    counts = story.balance.counts
    held = counts[Outcome.HELD]
    if not story.is_success:
        broken = ", ".join(
            f"{counts[each]} {each.value}" for each in Outcome if each in BROKEN and counts[each]
        )
        return f"Reverse sync finished with problems - {rate}: {broken or 'the books are not even'}"
    if story.dry_run:
        would = f"Dry run completed, nothing was written: {counts[Outcome.NOT_SENT]} lines would be"
        return f"{would}, {held} would be held for a person" if held else would
    if held:
        return f"Reverse sync completed - {rate}; {held} lines are held and wait for a person"
    return f"Reverse sync completed successfully - {rate}"


def statistics(story: Story) -> JsonObject:
    """The origin document's counts. Checked = updated + deleted + errors + skipped."""
    counts = story.balance.counts
    deleted = sum(1 for line in story.lines if line.deleted)
    updated = counts[Outcome.DONE] - deleted
    errors = sum(counts[broken] for broken in BROKEN)
    return {
        "products_checked": story.products_with_ccod + story.products_without_ccod,
        "variants_checked": story.checked,
        "variants_updated": updated,
        "variants_deleted": deleted,
        "errors": errors,
        "skipped": story.checked - updated - deleted - errors,
        "products_without_ccod": story.products_without_ccod,
        "products_with_ccod": story.products_with_ccod,
        "negative_quantities": _noted(story.lines, "negative"),
        "fractional_quantities": _noted(story.lines, "fractional"),
        "products_marked": story.marked,
        "products_swept": story.swept,
    }


def performance(story: Story, seconds: float) -> JsonObject:
    """The origin document's figures of speed."""
    products = story.products_with_ccod + story.products_without_ccod
    return {
        "throughput_products_per_second": round(products / seconds, 2) if seconds else 0.0,
        "throughput_variants_per_second": round(story.checked / seconds, 2) if seconds else 0.0,
        "avg_time_per_product_seconds": round(seconds / products, 3) if products else 0.0,
        "max_concurrent_workers": story.max_concurrent,
        "parallel_processing_enabled": story.max_concurrent > 1,
        "batch_operations_enabled": True,
    }


def details(story: Story) -> JsonObject:
    """The lists: what was changed, and everything that a person may want to look at."""
    return {
        "updated": _entries(
            story.lines, lambda line: line.outcome is Outcome.DONE and not line.deleted, _updated
        ),
        "deleted": _entries(story.lines, lambda line: line.deleted),
        "errors": _entries(story.lines, _ended(Outcome.FAILED)),
        "held": _entries(story.lines, _ended(Outcome.HELD), _planned),
        "refused": _entries(
            story.lines, lambda line: _ended(Outcome.REFUSED)(line) and line.reason != "locked"
        ),
        "locked": _entries(
            story.lines, lambda line: _ended(Outcome.REFUSED)(line) and line.reason == "locked"
        ),
        "conflicts": _entries(story.lines, _ended(Outcome.CONFLICT)),
        "parked": _entries(story.lines, _ended(Outcome.PARKED)),
        "unknown": [
            _unknown(line, story.unknown_since)
            for line in story.lines
            if line.outcome is Outcome.UNKNOWN and line.reason != FED_ELSEWHERE
        ],
        "skipped": _entries(story.lines, lambda line: _ended(Outcome.UNCHANGED)(line) and bool(line.reason)),
        "planned": _entries(story.lines, _ended(Outcome.NOT_SENT), _planned),
        "rollbacks": story.rollbacks,
        "rollback_failures": story.rollback_failures,
        "deletion_validation_failures": [
            _entry(each.line) | {"reason": each.check} for each in story.failed_deletions
        ],
        "archived": [{"product_id": product_id} for product_id in story.archived],
        "unmarked": [{"product_id": product_id, "reason": why} for product_id, why in story.unmarked.items()],
        "missing_in_shop": [_absent(each, "missing_in_shop") for each in story.missing_in_shop],
        "restocked_after_deletion": [_absent(each, "restocked_after_deletion") for each in story.restocked],
    }


def state_name(story: Story) -> str:
    """What the run's state says: Completed, Held or Failed."""
    if not story.is_success:
        return "Failed"
    return "Held" if story.balance.counts[Outcome.HELD] else "Completed"


ASKED_WRONGLY = frozenset({"INVALID_PRODUCT_IDS", "MISSING_CREDENTIALS"})
"""Codes of errors in a report that whoever asked, or whoever configured it, has to mend."""


def exit_status(report: Mapping[str, JsonValue]) -> int:
    """0 done, 1 with failures, 2 asked or configured wrongly, 3 held (interfaces.md)."""
    if not report.get("success", "error" not in report):
        error = report.get("error")
        return 2 if isinstance(error, dict) and error.get("code") in ASKED_WRONGLY else 1
    books = report.get("balance")
    return 3 if isinstance(books, dict) and books.get("held") else 0


# ---------------------------------------------------------------- entries


def _ended(outcome: Outcome) -> Callable[[Line], bool]:
    return lambda line: line.outcome is outcome


def _entry(line: Line) -> JsonObject:
    entry: JsonObject = {
        "sku": line.sku,
        "product_id": line.product_id,
        "variant_id": line.variant_id,
        "reason": line.reason,
    }
    return entry | {"note": line.note} if line.note else entry


def _updated(line: Line) -> JsonObject:
    entry = _entry(line)
    return {"sku": line.sku, "old_qty": line.written_from, "new_qty": line.written_to, **entry}


def _planned(line: Line) -> JsonObject:
    planned: JsonObject = {
        "sku": line.sku,
        "old_qty": line.shown,
        "new_qty": line.wanted,
        "delete": line.zero_candidate,
    }
    return planned | _entry(line)


def _unknown(line: Line, since: Mapping[int, datetime]) -> JsonObject:
    moment = since.get(line.item_id)
    return _entry(line) | {"since": moment.isoformat() if moment else None}


def _absent(absent: Absent, reason: str) -> JsonObject:
    entry: JsonObject = {
        "sku": absent.sku,
        "ccod": absent.ccod,
        "product_id": absent.product_id,
        "variant_id": None,
        "quantity": absent.quantity,
        "reason": reason,
    }
    return entry


def _entries(
    lines: Iterable[Line], is_meant: Callable[[Line], bool], entry: Callable[[Line], JsonObject] = _entry
) -> list[JsonValue]:
    return [entry(line) for line in lines if is_meant(line)]


def _noted(lines: Iterable[Line], note: str) -> int:
    return sum(1 for line in lines if line.truth is not None and _quality(line) == note)


def _quality(line: Line) -> str:
    if line.truth is None:
        return ""
    if line.truth < 0:
        return "negative"
    return "fractional" if line.truth != line.truth.to_integral_value() else ""


def _json_counts(counts: Mapping[str, int]) -> JsonObject:
    return dict[str, JsonValue](counts)
