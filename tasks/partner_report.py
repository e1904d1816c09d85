"""Tell how a partner sync went: the report that programs read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.records import JsonObject, JsonValue
from connectors.shape import as_int, as_list, as_object
from tasks import report
from tasks.plan import BROKEN, Line, Outcome, balance
from tasks.report import Story
from tasks.verdicts import add_usage

LISTS = (
    "updated",
    "deleted",
    "errors",
    "held",
    "refused",
    "conflicts",
    "parked",
    "unknown",
    "skipped",
    "planned",
)
"""The lists of `details`; each entry says which partner it is about."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How the sync of one partner ended. `trouble`: why the partner as a whole could not be synced."""

    shop: str
    story: Story
    trouble: str = ""
    missing: Sequence[int] = ()
    """Own variants that mappings name and the own store does not have."""


def of_partner(ended: Ended, now: datetime) -> JsonObject:
    """One partner's result, with its balance, receipt, plan and lists."""
    story = ended.story
    counts = story.balance.counts
    errors = _errors(ended)
    return {
        "partnerShop": ended.shop,
        "success": story.is_success and not ended.trouble and not ended.missing,
        "itemsProcessed": story.checked + len(ended.missing),
        "itemsUpdated": counts[Outcome.DONE],
        "itemsFailed": sum(counts[broken] for broken in BROKEN) + len(ended.missing),
        "itemsSkipped": story.checked - counts[Outcome.DONE] - sum(counts[broken] for broken in BROKEN),
        "errors": errors,
        "durationSeconds": round(max(0.0, (now - story.started_at).total_seconds()), 2),
        "runId": story.sync_id,
        "balance": dict[str, JsonValue](story.balance.as_dict()),
        "receipt": {
            "read_back": story.receipt.read_back,
            "drift": story.receipt.drift,
            "unconfirmed": story.receipt.unconfirmed,
        },
        "plan_id": story.plan_id,
        "plan_expires_at": story.plan_expires_at.isoformat() if story.plan_expires_at else None,
        "api": story.api,
        "warnings": list[JsonValue](story.warnings),
        "details": _details(ended),
    }


def _errors(ended: Ended) -> list[JsonValue]:
    told: list[JsonValue] = [ended.trouble] if ended.trouble else []
    told += [f"own variant {each} does not exist" for each in ended.missing]
    broken: Iterable[Line] = (line for line in ended.story.lines if line.outcome in BROKEN)
    return told + [f"{line.sku or line.variant_id}: {line.note or line.reason}" for line in broken]


def _details(ended: Ended) -> JsonObject:
    lists = report.details(ended.story)
    return {
        name: [
            dict[str, JsonValue](partner=ended.shop) | as_object(entry, name)
            for entry in [*as_list(lists[name], name), *_locked(lists, name)]
        ]
        for name in LISTS
    }


def _locked(lists: Mapping[str, JsonValue], name: str) -> list[JsonValue]:
    """Lines that another run kept are refused lines here."""
    return as_list(lists["locked"], "locked") if name == "refused" else []


@dataclass(slots=True)
class Sum:
    """All partners' results put together."""

    results: list[JsonObject] = field(default_factory=list)
    api: JsonObject = field(default_factory=dict)
    errors: list[JsonValue] = field(default_factory=list)
    warnings: list[JsonValue] = field(default_factory=list)

    def take(self, result: JsonObject) -> None:
        """Add one partner's result, and what it asked of the APIs."""
        self.results.append(result)
        for account, usage in as_object(result["api"], "api").items():
            add_usage(self.api, account, as_object(usage, account))


def document(total: Sum, *, dry_run: bool, writes: bool) -> JsonObject:
    """The report of a partner sync: the origin's fields, and what every report has."""
    results = total.results
    plans = [each for each in results if each["plan_id"]]
    errors = total.errors + [
        f"{each['partnerShop']}: {error}" for each in results for error in as_list(each["errors"], "errors")
    ]
    return {
        "success": not total.errors and all(bool(each["success"]) for each in results),
        "message": _message(results, total.errors, dry_run=dry_run),
        "dry_run": dry_run,
        "writes": "on" if writes else "off",
        "partnersProcessed": len(results),
        "totalItemsProcessed": _sum(results, "itemsProcessed"),
        "totalItemsUpdated": _sum(results, "itemsUpdated"),
        "totalItemsFailed": _sum(results, "itemsFailed"),
        "totalItemsSkipped": _sum(results, "itemsSkipped"),
        "errors": errors,
        "partnerResults": list[JsonValue](results),
        "balance": _added(results, "balance"),
        "receipt": _added(results, "receipt"),
        "plan_id": plans[0]["plan_id"] if plans else None,
        "plan_expires_at": plans[0]["plan_expires_at"] if plans else None,
        "plan_ids": [each["plan_id"] for each in plans],
        "api": total.api,
        "warnings": total.warnings + [w for each in results for w in as_list(each["warnings"], "warnings")],
        "details": {
            name: [
                entry
                for each in results
                for entry in as_list(as_object(each["details"], "details")[name], name)
            ]
            for name in LISTS
        },
    }


def state_name(found: JsonObject) -> str:
    """What the run's state says: Completed, Held or Failed."""
    if not found["success"]:
        return "Failed"
    return "Held" if as_int(as_object(found["balance"], "balance")["held"], "held") else "Completed"


def _message(results: Sequence[JsonObject], errors: Sequence[JsonValue], *, dry_run: bool) -> str:
    if errors:
        return f"Partner sync failed: {errors[0]}"
    failed = sum(1 for each in results if not each["success"])
    counts = as_object(_added(results, "balance"), "balance")
    if dry_run:
        head = f"Dry run completed, nothing was written: {counts.get('not_sent', 0)} levels would be"
    else:
        head = f"Partner sync: {len(results)} partners, {_sum(results, 'itemsUpdated')} levels written"
    held = f"; {counts['held']} are held and wait for a person" if counts.get("held") else ""
    return head + held + (f"; {failed} partners with problems" if failed else "")


def _sum(results: Iterable[JsonObject], name: str) -> int:
    return sum(as_int(each[name], name) for each in results)


def _added(results: Sequence[JsonObject], name: str) -> JsonObject:
    """The figures of all partners added up; every figure is there, also without partners."""
    empty = {
        "balance": balance(0, ()).as_dict(),
        "receipt": dict.fromkeys(("read_back", "drift", "unconfirmed"), 0),
    }
    total = dict(empty[name])
    for each in results:
        for figure, number in as_object(each[name], name).items():
            total[figure] += as_int(number, figure)
    return dict[str, JsonValue](total)
