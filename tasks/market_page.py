"""The page about marketplaces in the Prefect UI: how each of them is, failures first."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.ledger.market_records import Breaker, BreakerState, MarketAccount, View
from connectors.market import TITLES
from connectors.records import JsonObject
from connectors.shape import as_list, as_object
from tasks.market_report import several
from tasks.page import escape

ROWS = 1_000
WORST = ("failed", "parked", "syncing", "synced")
_SIGNS = {"failed": "🔴", "parked": "🟠", "syncing": "🟡", "synced": "🟢"}
TROUBLES = 30
"""Listings in trouble that the page shows; `evenstock items list` has them all."""


@dataclass(frozen=True, slots=True)
class State:
    """One account on one marketplace: its listings, its breaker, its calls of the last day."""

    market: MarketAccount
    views: Sequence[View]
    breaker: Breaker
    calls: Mapping[str, int]

    @property
    def counts(self) -> Counter[str]:
        """Listings by their status."""
        return Counter(str(view.listing.status) for view in self.views if view.listing.enabled)

    @property
    def is_broken(self) -> bool:
        """Whether it is left alone now."""
        return self.breaker.state is not BreakerState.CLOSED


def markdown(states: Sequence[State], report: JsonObject, now: datetime) -> str:
    """The page: what the run did, how every marketplace is, and what is in trouble."""
    dry = " (**dry run**)" if report["dry_run"] else ""
    off = ["", "**Writes are switched off (EVENSTOCK_WRITES=off): nothing was changed.**"]
    lines = [
        f"# {escape(str(report['message']))}",
        f"Run `{report['sync_id']}`{dry}",
        *(off if report["writes"] == "off" else []),
        *(f"- Error: {escape(str(each))}" for each in as_list(report["errors"], "errors")),
        *_markets(states, now),
        *_troubles(states),
        *_oversold(report),
        *_reviews(report),
        *_compared(report),
    ]
    return "\n".join(lines)


def _markets(states: Sequence[State], now: datetime) -> list[str]:
    if not states:
        return ["", "No account is on a marketplace: `evenstock accounts add NAME --bricklink --brickowl`."]
    counted = " | ".join(WORST)
    head = f"| marketplace | account | state | {counted} | orders read | compared | calls in 24 h |"
    ordered = sorted(
        states, key=lambda each: (not each.is_broken, -each.counts["failed"], -each.counts["parked"])
    )
    return [
        "",
        head,
        "|---|---|---|---:|---:|---:|---:|---|---|---:|",
        *(_row(each, now) for each in ordered),
    ]


def _row(state: State, now: datetime) -> str:
    market, counts = state.market, state.counts
    health = next((_SIGNS[name] for name in WORST if counts[name]), "⚪")
    if state.is_broken:
        health = f"🔴 left alone: {escape(state.breaker.reason)}"
    if not market.enabled:
        health = "⚪ switched off"
    cells = (
        TITLES[market.marketplace],
        escape(market.account),
        health,
        *(str(counts[name]) for name in WORST),
        _ago(market.polled_at, now),
        _ago(market.compared_at, now),
        f"{sum(state.calls.values()):,}" if state.calls else "-",
    )
    return f"| {' | '.join(cells)} |"


def _troubles(states: Iterable[State]) -> list[str]:
    views = [view for state in states for view in state.views if view.listing.enabled and _is_trouble(view)]
    if not views:
        return ["", "No listing is in trouble."]
    views.sort(key=lambda view: (WORST.index(str(view.listing.status)), view.item.name))
    head = ["", "| item | marketplace | status | why | next try |", "|---|---|---|---|---|"]
    rows = [
        f"| {escape(view.item.name)} (`{view.item.id}`) | {TITLES[view.listing.marketplace]} | "
        f"{_SIGNS[str(view.listing.status)]} {view.listing.status} | {escape(view.listing.reason)} | "
        f"{_at(view.listing.next_attempt_at)} |"
        for view in views[:TROUBLES]
    ]
    more = [f"\n… and {len(views) - TROUBLES} more"] if len(views) > TROUBLES else []
    return head + rows + more


def _is_trouble(view: View) -> bool:
    return str(view.listing.status) in {"failed", "parked"} or bool(view.listing.reason)


def _reviews(report: JsonObject) -> list[str]:
    rows = [as_object(each, "review") for each in as_list(report["review"], "review")]
    if not rows:
        return []
    return ["", f"**{len(rows)} to review:**", "", *(f"- {_to_review(row)}" for row in rows)]


def _to_review(row: JsonObject) -> str:
    """What a person is to look at, and how to say what came of it."""
    number, item = row.get("id"), row["item_id"]
    then = f"`evenstock items retry {item}` takes it as it is"
    if number is not None:
        then = f"`evenstock orders restock {number}` or `evenstock orders write-off {number}`"
    what = escape(" ".join(filter(None, (str(row.get("sku") or ""), f"(`{item}`)"))))
    return f"{TITLES[str(row['marketplace'])]}, {what}: {escape(str(row['reason']))}. {then}."


def _oversold(report: JsonObject) -> list[str]:
    """Sales of units that were sold already elsewhere: somebody has to be told."""
    rows = [as_object(each, "sale") for each in as_list(report["oversold"], "oversold")]
    told = (
        f"- {TITLES[str(row['marketplace'])]} order {escape(str(row['order_id']))} lacks {row['oversold']} "
        f"of item `{row['item_id']}`; the last ones went to order {escape(str(row['other_order'] or '?'))}."
        for row in rows
    )
    return ["", "**Sold twice: write to these buyers.**", "", *told] if rows else []


_FOUND = {
    "missing": "not there",
    "below": "showing less than expected",
    "above": "showing more than expected",
    "twice": "there twice",
    "orphan": "with the mark of an item that is not here",
    "foreign": "of no item here, left alone",
    "looks": "with another price or other texts than ours",
}


def _compared(report: JsonObject) -> list[str]:
    """What a look at the lots found to be otherwise."""
    rows = [as_object(each, "difference") for each in as_list(report["drift"], "drift")]
    counts = Counter((str(row["kind"]), str(row["marketplace"])) for row in rows)
    told = (
        f"- {TITLES[name]}: {several(count, 'lot')} {words}"
        for kind, words in _FOUND.items()
        for name in TITLES
        if (count := counts[kind, name])
    )
    return ["", "**What the lots show, compared with what they should:**", "", *told] if rows else []


_COLUMNS = {
    "item": "item_id",
    "sku": "sku",
    "marketplace": "marketplace",
    "from": "old_qty",
    "to": "new_qty",
    "outcome": "outcome",
    "lot": "lot_id",
    "why": "reason",
}


def table(report: JsonObject) -> list[dict[str, str | int | None]]:
    """What was pushed, failures first, as rows for the table artifact."""
    rows = [as_object(each, "item") for each in as_list(report["items"], "items")]
    worst = ("failed", "parked", "unknown", "not_sent", "mocked", "done", "unchanged")
    rows.sort(key=lambda row: worst.index(str(row["outcome"])))
    return [
        {head: escape("" if row[name] is None else str(row[name])) for head, name in _COLUMNS.items()}
        for row in rows[:ROWS]
    ]


def _ago(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "never"
    minutes = max(0, int((now - at).total_seconds() // 60))
    return f"{minutes} min ago" if minutes < 120 else f"{minutes // 60} h ago"


def _at(at: datetime | None) -> str:
    return f"{at:%H:%M:%S} UTC" if at else ""
