"""Judge what becomes of supplier jobs, and tell of it: when to try again, how a run of the queue went."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import cast

from connectors.errors import ConnectorError, LeaseLost, Malformed, Transient, UnknownOutcome
from connectors.ledger.supplier_records import Job
from connectors.records import JsonObject
from connectors.shape import as_list, as_object
from tasks.plan import BROKEN, Outcome
from tasks.verdicts import add_usage

FIRST_PAUSE = 60.0
"""Seconds before a job that failed for now is tried again; twice as many each time."""
LONGEST_PAUSE = 6 * 3600.0


class End(StrEnum):
    """How one try of a job ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    RETRY = "retry"
    PUT_BACK = "put_back"
    LOST = "lost"
    PLANNED = "planned"


OUTCOMES: Mapping[End, Outcome] = {
    End.COMPLETED: Outcome.DONE,
    End.FAILED: Outcome.FAILED,
    End.RETRY: Outcome.UNCHANGED,
    End.PUT_BACK: Outcome.UNCHANGED,
    End.LOST: Outcome.REFUSED,
    End.PLANNED: Outcome.NOT_SENT,
}
"""Where each stands in the balance. Lost ones are somebody else's now, or were cancelled. One that completed,
and holds something for a person of what it feeds, stands among the held.

One that is tried again has not failed yet: it does once no attempt is left. Until then it is a warning.
"""


def pause(attempt: int, chance: float = 0.0) -> float:
    """Seconds to wait after so many failed attempts; `chance` (0 to 1) spreads them over a quarter more."""
    doubled = FIRST_PAUSE * 2.0 ** min(max(attempt - 1, 0), 20)
    return min(doubled, LONGEST_PAUSE) * (1.0 + chance / 4)


def end_of(error: Exception, job: Job) -> End:
    """What a job's error means: what may pass is tried again while an attempt is left."""
    if isinstance(error, LeaseLost):
        return End.LOST
    passes = isinstance(error, Transient | Malformed | UnknownOutcome)
    return End.RETRY if passes and job.attempts < job.max_attempts else End.FAILED


def described(error: Exception) -> str:
    """An error for a person."""
    text = " ".join(str(error).split())
    return text if isinstance(error, ConnectorError) and text else f"{type(error).__name__}: {text}"


def outcome(
    job: Job,
    end: End,
    *,
    error: str | None = None,
    result: JsonObject | None = None,
    seconds: float = 0.0,
    resumes_at: datetime | None = None,
    usage: JsonObject | None = None,
) -> JsonObject:
    """One job of a report. `usage`: its calls to the supplier."""
    return {
        "job_id": job.id,
        "user_id": job.user_id,
        "supplier_id": job.supplier_id,
        "type": job.source_type,
        "outcome": end.value,
        "attempt": job.attempts,
        "max_attempts": job.max_attempts,
        "seconds": round(seconds, 3),
        "scheduled_at": resumes_at.isoformat() if resumes_at else None,
        "error": error,
        "result": result,
        "usage": usage or {},
    }


@dataclass(slots=True)
class Shift:
    """One run of the queue: what became of each job it took."""

    sync_id: str
    day: str
    dry_run: bool
    writes: bool
    outcomes: list[JsonObject] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: JsonObject | None = None
    maintenance: JsonObject | None = None

    @property
    def counts(self) -> Counter[End]:
        """Jobs by how they ended."""
        return Counter(End(str(each["outcome"])) for each in self.outcomes)

    @property
    def is_success(self) -> bool:
        """Whether no job failed for good."""
        return self.error is None and not any(OUTCOMES[end] in BROKEN for end in self.counts)

    @property
    def state_name(self) -> str:
        """What the run's state says: Completed, Held or Failed."""
        if not self.is_success:
            return "Failed"
        return "Held" if any(map(waits, self.outcomes)) else "Completed"


def waits(line: JsonObject) -> list[str]:
    """What a completed job holds for a person of what it feeds: which, and how to let it through."""
    return [
        f"job {line['job_id']} holds {held} {name} for a person: {_release(line, part)}"
        for name, part in (_fed(line) or {}).items()
        if isinstance(part, dict) and (held := _books(part).get("held"))
    ]


def feeding(document: JsonObject) -> dict[str, dict[str, list[str]]]:
    """How a run's jobs fed what each supplier feeds: what is `held`, and what could not be fed (`unfed`).

    An empty list: nothing is. What no job of the run tells is not there: a job that did not hear or feed
    everything does not say that nothing is held any more, and one that reads no stock says nothing.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for each in as_list(document.get("results", []), "results"):
        line = as_object(each, "result")
        if (fed := _fed(line)) is None:
            continue
        told = found.setdefault(str(line["supplier_id"]), {})
        told["unfed"] = list(_unfed(line, fed))
        if (held := waits(line)) or not (told["unfed"] or as_object(line["result"], "result").get("unheard")):
            told["held"] = held
    return found


def _fed(line: JsonObject) -> JsonObject | None:
    """What a completed job tells of what it fed; None if it is none that reads stock."""
    result = line["result"] if line["outcome"] == End.COMPLETED else None
    fed = result.get("fed") if isinstance(result, dict) else None
    return fed if isinstance(fed, dict) else None


def _unfed(line: JsonObject, fed: JsonObject) -> Iterator[str]:
    if error := fed.get("error"):
        yield f"job {line['job_id']} fed nothing: {error}"
    for name, part in fed.items():
        if isinstance(part, dict) and (why := _why_unfed(part)):
            yield f"job {line['job_id']} could not feed {name}: {why}"


def _why_unfed(part: JsonObject) -> str:
    """Why it came to nothing, or needs a person. A line that fails among others is the next job's."""
    books = _books(part)
    stuck = {word: count for word in ("failed", "parked") if (count := books.get(word))}
    told = ", ".join(f"{count} {word}" for word, count in stuck.items()) if not books.get("done") else ""
    return "; ".join(map(str, as_list(part.get("errors") or [], "errors"))) or told


def _books(part: JsonObject) -> JsonObject:
    """How many lines ended in which way; those of items stand beside what else is told of them."""
    return as_object(part.get("balance", part), "balance")


def _release(line: JsonObject, part: JsonObject) -> str:
    if waiting := part.get("waits"):
        return f"evenstock suppliers feed {line['supplier_id']} --release {waiting} --by NAME"
    return f"evenstock plans show {part.get('plan_id')}"


def _placed(line: JsonObject) -> Outcome:
    return Outcome.HELD if waits(line) else OUTCOMES[End(str(line["outcome"]))]


def report(shift: Shift) -> JsonObject:
    """The report of a run of the queue."""
    counts = shift.counts
    document: JsonObject = {
        "success": shift.is_success,
        "message": message(shift),
        "sync_id": shift.sync_id,
        "day": shift.day,
        "dry_run": shift.dry_run,
        "writes": "on" if shift.writes else "off",
        "jobs_processed": len(shift.outcomes),
        "jobs_completed": counts[End.COMPLETED],
        "jobs_failed": counts[End.FAILED],
        "jobs_retried": counts[End.RETRY],
        "jobs_put_back": counts[End.PUT_BACK],
        "results": list(shift.outcomes),
        "warnings": [*shift.warnings, *_put_off(shift.outcomes), *_held(shift.outcomes)],
        "balance": cast("JsonObject", _balance(shift)),
        "receipt": {"read_back": 0, "drift": 0, "unconfirmed": 0},
        "plan_id": None,
        "plan_expires_at": None,
        "api": _api(shift.outcomes),
        "details": _details(shift.outcomes),
        "maintenance": shift.maintenance,
    }
    return document | ({"error": shift.error} if shift.error else {})


def message(shift: Shift) -> str:
    """How the run went, in one sentence."""
    if shift.error:
        return str(shift.error.get("message"))
    if not shift.outcomes:
        return "No supplier job was due."
    words = {
        End.COMPLETED: "completed",
        End.FAILED: "failed",
        End.RETRY: "will be tried again",
        End.PUT_BACK: "go on when their supplier's window opens",
        End.LOST: "were cancelled or taken over",
        End.PLANNED: "would be done (dry run)",
    }
    counts = shift.counts
    told = [f"{counts[end]} {word}" for end, word in words.items() if counts[end]]
    return f"Supplier jobs: {', '.join(told)}."


def _api(outcomes: Sequence[JsonObject]) -> JsonObject:
    """The calls to each supplier."""
    total: JsonObject = {}
    for each in outcomes:
        if usage := as_object(each["usage"], "usage"):
            add_usage(total, f"supplier:{each['supplier_id']}", usage)
    return total


def _put_off(outcomes: Sequence[JsonObject]) -> list[str]:
    """A warning for each job that failed for now."""
    return [
        f"job {each['job_id']} failed, attempt {each['attempt']} of {each['max_attempts']}, "
        f"and is tried again at {each['scheduled_at']}: {each['error']}"
        for each in outcomes
        if each["outcome"] == End.RETRY
    ]


def _held(outcomes: Sequence[JsonObject]) -> list[str]:
    return [each for line in outcomes for each in waits(line)]


def rate(completed: int, failed: int) -> float | None:
    """The share of jobs that succeeded, in per cent; None of none."""
    return round(100.0 * completed / (completed + failed), 1) if completed + failed else None


def _balance(shift: Shift) -> dict[str, int]:
    placed = Counter(map(_placed, shift.outcomes))
    total = len(shift.outcomes)
    return {"checked": total, "planned": total} | {each.value: placed[each] for each in Outcome}


_LISTS = {
    Outcome.DONE: "updated",
    Outcome.HELD: "held",
    Outcome.FAILED: "errors",
    Outcome.REFUSED: "refused",
    Outcome.UNCHANGED: "skipped",
}


def _details(outcomes: Sequence[JsonObject]) -> JsonObject:
    names = ("updated", "deleted", "errors", "held", "refused", "conflicts", "parked", "unknown", "skipped")
    lists: dict[str, list[JsonObject]] = {name: [] for name in names}
    for each in outcomes:
        place = _LISTS.get(_placed(each))
        if place:
            lists[place].append(_entry(each))
    return cast("JsonObject", lists)


def _entry(each: JsonObject) -> JsonObject:
    return {
        "sku": None,
        "product_id": None,
        "variant_id": None,
        "reason": each["error"] or next(iter(waits(each)), each["outcome"]),
        "job_id": each["job_id"],
        "user_id": each["user_id"],
        "supplier_id": each["supplier_id"],
        "type": each["type"],
    }


METRICS = ("type", "supplier", "completed", "failed", "success_rate", "seconds")
"""What is shown of how jobs go: `success_rate` in per cent, `seconds` on average from the first try on."""


def markdown(document: JsonObject, metrics: Sequence[Mapping[str, object]]) -> str:
    """The page in the Prefect UI: how the run went, and how jobs have gone lately by type and supplier."""
    lines = [str(document["message"]), ""]
    lines += [f"- {_cell(each)}" for each in as_list(document["warnings"], "warnings")]
    results = cast("list[JsonObject]", document["results"])
    if results:
        lines += _table(results, ("type", "supplier_id", "outcome", "seconds", "error"))
    if metrics:
        lines += ["", "Jobs of the last seven days", ""]
        lines += _table(metrics, METRICS)
    return "\n".join(lines)


def _table(rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> list[str]:
    head = [" | ".join(["", *names, ""]).strip(), "|" + " --- |" * len(names)]
    return [*head, *(" | ".join(["", *(_cell(row.get(name)) for name in names), ""]).strip() for row in rows)]


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text.replace("|", "\\|")[:200]
