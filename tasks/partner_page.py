"""The pages about partners in the Prefect UI: how each of them is, and what failed lately."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from connectors.ledger.records import Partner, SyncLog
from connectors.records import JsonObject
from tasks.page import escape

Logs = Mapping[int, Sequence[SyncLog]]
"""Each partner's last syncs by its id, newest first."""

FAILURES = 20
"""Failed syncs that the page shows; the ledger has them all."""

_ORDER = {"failed": 0, "warning": 1, None: 2, "healthy": 3}
_SIGNS = {"failed": "🔴", "warning": "🟡", "healthy": "🟢", None: "⚪"}
_NEVER = "never synced"


def markdown(partners: Sequence[Partner], logs: Logs, now: datetime) -> str:
    """The page: every partner's health, the worst first, and what failed lately."""
    if not partners:
        return "# No partners\n\nThere is no partner yet: `evenstock partners add --shop … --name …`."
    return "\n".join(
        [f"# {_title(partners)}", "", *_partners(partners, now), *_failures(partners, logs, now)]
    )


def _title(partners: Sequence[Partner]) -> str:
    active = [each for each in partners if each.is_active]
    counts = [
        (word, sum(1 for each in active if each.inventory_sync_status == state))
        for state, word in (("failed", "failed"), ("warning", "with a warning"), ("healthy", "healthy"))
    ]
    new = sum(1 for each in active if each.inventory_sync_status is None)
    said = [*counts, (_NEVER, new), ("disabled", len(partners) - len(active))]
    return f"{len(partners)} {'partner' if len(partners) == 1 else 'partners'}: " + ", ".join(
        f"{count} {word}" for word, count in said if count
    )


def _partners(partners: Sequence[Partner], now: datetime) -> list[str]:
    head = ["| partner | health | last sync | last attempt | last error |", "|---|---|---|---|---|"]
    rows = [
        (
            f"{escape(each.display_name)} ({escape(each.shop_domain)})",
            f"{_SIGNS[each.inventory_sync_status]} {_health(each)}",
            _ago(each.last_inventory_sync, now),
            _ago(each.last_attempt_at, now),
            escape(each.last_error),
        )
        for each in _worst_first(partners)
    ]
    return [*head, *(_row(cells) for cells in rows)]


def _health(partner: Partner) -> str:
    known = partner.inventory_sync_status or _NEVER
    return known if partner.is_active else f"{known}, disabled"


def _worst_first(partners: Iterable[Partner]) -> list[Partner]:
    return sorted(
        partners, key=lambda each: (not each.is_active, _ORDER[each.inventory_sync_status], each.shop_domain)
    )


def _failures(partners: Sequence[Partner], logs: Logs, now: datetime) -> list[str]:
    """The last syncs in which something failed, of all partners together."""
    found = [
        (log, each)
        for each in partners
        for log in logs.get(each.id or 0, ())
        if log.items_failed or log.errors
    ]
    if not found:
        return ["", "Nothing failed lately."]
    found.sort(key=lambda pair: pair[0].started_at, reverse=True)
    head = ["", "## Failed lately", "", "| when | partner | failed | of | why |", "|---|---|---:|---:|---|"]
    rows = [
        (
            _ago(log.started_at, now),
            escape(each.display_name),
            log.items_failed,
            log.items_processed,
            _why(log),
        )
        for log, each in found[:FAILURES]
    ]
    return [*head, *(_row(cells) for cells in rows)]


def _why(log: SyncLog) -> str:
    """The first error of a sync, and how many more there are."""
    if not log.errors:
        return ""
    more = f" (and {len(log.errors) - 1} more)" if len(log.errors) > 1 else ""
    return escape(_message(log.errors[0])) + more


def _message(error: JsonObject) -> str:
    found = next((error[name] for name in ("message", "reason", "error", "code") if error.get(name)), error)
    return str(found)


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _ago(at: datetime | None, now: datetime) -> str:
    """The time, and how long ago that was."""
    if at is None:
        return "never"
    minutes = max(0, int((now - at).total_seconds() // 60))
    hours, days = minutes // 60, minutes // (24 * 60)
    ago = f"{minutes} min" if minutes < 120 else f"{hours} h" if hours < 48 else f"{days} days"
    return f"{at:%Y-%m-%d %H:%M} UTC ({ago} ago)"


# ------------------------------------------------------------------- table


def table(partners: Sequence[Partner], logs: Logs) -> list[dict[str, str | int | None]]:
    """A row for each partner, for the table artifact; figures are of its last sync."""
    return [_table_row(each, next(iter(logs.get(each.id or 0, ())), None)) for each in _worst_first(partners)]


def _table_row(partner: Partner, last: SyncLog | None) -> dict[str, str | int | None]:
    return {
        "partner": escape(partner.shop_domain),
        "name": escape(partner.display_name),
        "health": _health(partner),
        "last sync": _moment(partner.last_inventory_sync),
        "last attempt": _moment(partner.last_attempt_at),
        "items": last.items_processed if last else None,
        "updated": last.items_updated if last else None,
        "failed": last.items_failed if last else None,
        "skipped": last.items_skipped if last else None,
        "last error": escape(partner.last_error),
    }


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"
