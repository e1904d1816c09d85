"""Tell how a partner sync went: the report that programs read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from connectors.errors import EvenstockError
from connectors.records import JsonObject, JsonValue
from connectors.shape import as_int, as_list, as_object
from tasks import report
from tasks.page import escape
from tasks.plan import BROKEN, Line, Outcome, balance
from tasks.reasons import meaning
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
        "message": _sentence(ended),
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


def _sentence(ended: Ended) -> str:
    """How it went with one partner."""
    story = ended.story
    counts = story.balance.counts
    if ended.trouble:
        return f"{ended.shop}: {ended.trouble}"
    told = [f"{counts[outcome]} {outcome.value.replace('_', ' ')}" for outcome in Outcome if counts[outcome]]
    told += [f"{len(ended.missing)} own variants missing"] if ended.missing else []
    told += [str(warning) for warning in story.warnings]
    return f"{ended.shop}: {', '.join(told) or 'nothing to sync'}"


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

    def break_off(self, ended: Ended, error: Exception, now: datetime) -> None:
        """Add a partner whose sync left no result."""
        told = str(error) if isinstance(error, EvenstockError) else f"{type(error).__name__}: {error}"
        self.take(of_partner(replace(ended, trouble=told), now))

    def take(self, result: JsonObject) -> None:
        """Add one partner's result, and what it asked of the APIs."""
        self.results.append(result)
        for account, usage in as_object(result["api"], "api").items():
            add_usage(self.api, account, as_object(usage, account))


def document(total: Sum, *, sync_id: str, day: date, dry_run: bool, writes: bool) -> JsonObject:
    """The report of a partner sync: the origin's fields, and what every report has."""
    results = sorted(total.results, key=lambda each: str(each["partnerShop"]))
    plans = [each for each in results if each["plan_id"]]
    errors = total.errors + [
        f"{each['partnerShop']}: {error}" for each in results for error in as_list(each["errors"], "errors")
    ]
    return {
        "success": not total.errors and all(bool(each["success"]) for each in results),
        "message": _message(results, total.errors, dry_run=dry_run),
        "sync_id": sync_id,
        "day": day.isoformat(),
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
    return head + held + (f"; {failed} with problems" if failed else "")


# ------------------------------------------------------------------- pages

SHOWN = ("errors", "conflicts", "parked", "held", "refused", "planned", "updated", "deleted", "unknown")
"""Lists in the order in which a person should look at them."""

TABLE_ROWS = 1_000


def markdown(found: JsonObject) -> str:
    """The summary of a run that a shop owner reads in the Prefect UI."""
    is_dry = " (**dry run**)" if found["dry_run"] else ""
    off = "**Writes are switched off (EVENSTOCK_WRITES=off): nothing was changed.**"
    lines = [
        f"# {escape(str(found['message']))}",
        f"Day {found['day']}, run `{found['sync_id']}`{is_dry}",
        *([] if found["writes"] == "on" else ["", off]),
        *_partners(found),
        *_levels(found),
        "",
        *(f"- Warning: {escape(str(warning))}" for warning in as_list(found["warnings"], "warnings")),
        *(f"- Error: {escape(str(error))}" for error in as_list(found["errors"], "errors")[:20]),
        *_plans(found),
    ]
    return "\n".join(lines)


def _partners(found: JsonObject) -> list[str]:
    results = [as_object(each, "result") for each in as_list(found["partnerResults"], "results")]
    if not results:
        return ["", "No active partner: `evenstock partners list` shows those there are."]
    figures = ("itemsProcessed", "itemsUpdated", "itemsSkipped", "itemsFailed", "durationSeconds")
    rows = [
        f"| {escape(str(each['partnerShop']))} | {'🟢' if each['success'] else '🔴'} | "
        + " | ".join(str(each[name]) for name in figures)
        + " |"
        for each in sorted(results, key=lambda each: (bool(each["success"]), str(each["partnerShop"])))
    ]
    head = "| partner | | levels | written | skipped | failed | seconds |"
    return ["", head, "|---|---|---:|---:|---:|---:|---:|", *rows]


def _levels(found: JsonObject) -> list[str]:
    books, seen = as_object(found["balance"], "balance"), as_object(found["receipt"], "receipt")
    rows = [
        f"| {name.replace('_', ' ')} | {count} |"
        for name, count in books.items()
        if count or name == "checked"
    ]
    receipt = (
        f"Receipt: {seen['read_back']} levels read back after writing, {seen['drift']} of them drifted, "
        f"{seen['unconfirmed']} unconfirmed."
    )
    return ["", "| levels | |", "|---|---:|", *rows, "", receipt]


def _plans(found: JsonObject) -> list[str]:
    """What to do about what waits: a plan for each partner."""
    plans = as_list(found["plan_ids"], "plans")
    if not plans:
        return []
    told = "What would be written is kept" if found["dry_run"] else "Some levels are held and wait for you"
    how = "look at it with `evenstock plans show ID`, apply it with the deployment *apply-plan*"
    return ["", f"**{told}, a plan for each partner**: {how}.", *(f"\n```\n{each}\n```" for each in plans)]


def table(found: JsonObject) -> list[dict[str, str | int | None]]:
    """What changed and what did not, over all partners, as rows for the table artifact."""
    lists = as_object(found["details"], "details")
    entries = [(name, as_object(each, name)) for name in SHOWN for each in as_list(lists[name], name)]
    return [_row(name, entry) for name, entry in entries[:TABLE_ROWS]]


def _row(name: str, entry: JsonObject) -> dict[str, str | int | None]:
    known = meaning(str(entry["reason"])) if entry["reason"] else ""
    why = ": ".join(part for part in (known, str(entry.get("note", ""))) if part)
    return {
        "partner": escape(str(entry["partner"])),
        "sku": escape(str(entry["sku"])),
        "from": _figure(entry.get("old_qty")),
        "to": _figure(entry.get("new_qty")),
        "outcome": name,
        "why": escape(why),
        "product": _figure(entry["product_id"]),
    }


def _figure(found: JsonValue) -> int | None:
    return found if isinstance(found, int) else None


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
