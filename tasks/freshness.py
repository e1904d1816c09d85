"""Judge how inventory refreshes go: what runs, how many succeed, where errors tend, what stock is low."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.ledger.records import RefreshLog, SyncStatus
from connectors.records import JsonObject, JsonValue

RECENT = 5
"""Refreshes whose errors are held against those of as many before them."""

DAYS = 7
"""Days that the error trend shows."""


@dataclass(frozen=True, slots=True)
class Scheduling:
    """Whether a manual refresh may start: until when the last one cools down, and whether one is at work."""

    cooldown_until: datetime | None
    is_running: bool

    def as_dict(self) -> JsonObject:
        """As the answer has it."""
        return {
            "canManualRefresh": self.cooldown_until is None and not self.is_running,
            "manualRefreshCooldown": self.cooldown_until.isoformat() if self.cooldown_until else None,
            "isRunning": self.is_running,
        }


@dataclass(frozen=True, slots=True)
class Bucket:
    """Shopify's bucket of points as it is now; unknown figures are None, with the reason in `error`."""

    available: float | None = None
    restore_rate: float | None = None
    error: str | None = None


def settled(logs: Iterable[RefreshLog], alive: Iterable[str]) -> list[RefreshLog]:
    """The logs, with those of refreshes that were killed and not closed yet shown as failed."""
    living = set(alive)
    return [
        replace(log, status=SyncStatus.FAILED)
        if log.status is SyncStatus.RUNNING and log.id not in living
        else log
        for log in logs
    ]


def running(logs: Iterable[RefreshLog]) -> list[JsonValue]:
    """The refreshes at work, and how far they are."""
    return [_head(log) | {"progress": progress(log)} for log in logs if log.status is SyncStatus.RUNNING]


def progress(log: RefreshLog) -> JsonObject:
    """How far a refresh is. Before its batches are known it is at 0 percent."""
    share = log.batches_done / log.batches_total if log.batches_total else 0.0
    return {
        "productsTotal": log.products_total,
        "batchesTotal": log.batches_total,
        "batchesDone": log.batches_done,
        "percent": round(100.0 * share, 1),
    }


def history(logs: Iterable[RefreshLog]) -> list[JsonValue]:
    """Refreshes, newest first."""
    return [
        _head(log)
        | {
            "completedAt": log.completed_at.isoformat() if log.completed_at else None,
            "productsSynced": log.products_synced,
            "errorsCount": log.errors_count,
            "processingTime": (log.result or {}).get("processingTime"),
        }
        for log in logs
    ]


def _head(log: RefreshLog) -> JsonObject:
    return {
        "syncLogId": log.id,
        "syncType": log.sync_type.value,
        "status": log.status.value,
        "triggeredBy": log.triggered_by,
        "retryOf": log.retry_of,
        "startedAt": log.started_at.isoformat(),
    }


def performance(logs: Iterable[RefreshLog]) -> JsonObject:
    """Ended refreshes: how many, percent of them without any error, and their average time in ms."""
    ended = _ended(logs)
    good = sum(1 for log in ended if log.status is SyncStatus.COMPLETED and not log.errors_count)
    times = [ms for log in ended if isinstance(ms := (log.result or {}).get("processingTime"), int | float)]
    return {
        "runs": len(ended),
        "successRate": round(100.0 * good / len(ended), 1) if ended else None,
        "averageProcessingTime": round(sum(times) / len(times)) if times else None,
    }


def error_trend(logs: Sequence[RefreshLog]) -> JsonObject:
    """Whether the last refreshes had more errors each than those before them, and errors day by day."""
    ended = _ended(logs)
    lately, before = _errors(ended[:RECENT]), _errors(ended[RECENT : 2 * RECENT])
    return {
        "direction": _direction(lately, before),
        "errorsPerRunRecently": lately,
        "errorsPerRunBefore": before,
        "byDay": _by_day(ended),
    }


def _ended(logs: Iterable[RefreshLog]) -> list[RefreshLog]:
    return [log for log in logs if log.status is not SyncStatus.RUNNING]


def _errors(logs: Sequence[RefreshLog]) -> float | None:
    """Errors a run; one that failed as a whole has at least one."""
    if not logs:
        return None
    return round(sum(_errors_of(log) for log in logs) / len(logs), 2)


def _errors_of(log: RefreshLog) -> int:
    return max(log.errors_count, 1 if log.status is SyncStatus.FAILED else 0)


def _direction(lately: float | None, before: float | None) -> str:
    if lately is None or before is None or lately == before:
        return "steady"
    return "rising" if lately > before else "falling"


def _by_day(logs: Iterable[RefreshLog]) -> list[JsonValue]:
    days: dict[str, tuple[int, int]] = {}
    for log in logs:
        runs, errors = days.get(day := log.started_at.date().isoformat(), (0, 0))
        days[day] = runs + 1, errors + _errors_of(log)
    newest = sorted(days.items(), reverse=True)[:DAYS]
    return [{"day": day, "runs": runs, "errors": errors} for day, (runs, errors) in newest]


def rate_limit(bucket: Bucket, logs: Iterable[RefreshLog]) -> JsonObject:
    """The bucket of points, and how often the last refreshes were turned away for want of them."""
    return {
        "available": bucket.available,
        "restoreRate": bucket.restore_rate,
        "throttledRecently": sum(_throttled(log) for log in logs),
        "error": bucket.error,
    }


def _throttled(log: RefreshLog) -> int:
    batches = (log.error_details or {}).get("batches")
    figures = [each for each in batches if isinstance(each, dict)] if isinstance(batches, list) else []
    return sum(count for each in figures if isinstance(count := each.get("throttled"), int))


def stock_health(stock: Mapping[int | None, int], low: int) -> JsonObject:
    """How many tracked variants are in stock, low (at most `low` units in all), or out.

    A variant of which no level has a number is unknown, not out: unknown is not zero.
    """
    counts = {"inStock": 0, "lowStock": 0, "outOfStock": 0, "unknown": 0}
    for units, variants in stock.items():
        counts[_health(units, low)] += variants
    return {**counts, "lowStockThreshold": low}


def _health(units: int | None, low: int) -> str:
    if units is None:
        return "unknown"
    if units <= 0:
        return "outOfStock"
    return "lowStock" if units <= low else "inStock"
