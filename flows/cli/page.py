"""A report on the terminal: what changed, the balance, the receipt, and what waits."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.records import JsonObject, JsonValue
from tasks.reasons import meaning

SHOWN = 12
"""Rows of one list that a page shows; the report, the artifact and `evenstock plans show` have them all."""

_LISTS = {
    "updated": ("done", ""),
    "deleted": ("deleted", ""),
    "planned": ("not sent (dry run)", ""),
    "put_off": ("put off", "yellow"),
    "errors": ("failed", "red"),
    "conflicts": ("conflict", "red"),
    "parked": ("parked", "red"),
    "held": ("held", "yellow"),
    "refused": ("refused", "yellow"),
    "locked": ("locked", "yellow"),
    "unknown": ("unknown", "yellow"),
    "deletion_validation_failures": ("not deleted", "dim"),
    "missing_in_shop": ("missing in shop", "dim"),
    "restocked_after_deletion": ("in stock again", "dim"),
}
"""What a page shows of a report's lists: under which name, in which colour."""


_WHERE = ("partner", "marketplace")
"""Whose store a row is about, where a report is about several."""

_TO_JUDGE = ("errors", "conflicts", "parked", "held", "refused", "unknown")


def show_report(console: Console, report: JsonObject) -> None:
    """Print a report for people."""
    colour = "green" if report.get("success") else "red"
    console.print(f"[bold {colour}]{_text(message_of(report))}[/]")
    if "stockHealth" in section(report, "data"):
        _show_figures(console, section(report, "data"))
    if "balance" not in report:
        # The run broke off before it looked at anything.
        return
    if report.get("sync_id"):
        day = f", day {_text(report.get('day'))}" if report.get("day") else ""
        console.print(f"[dim]run {_text(report.get('sync_id'))}{day}[/]")
    if report.get("writes") == "off":
        console.print("[yellow]Writes are switched off (EVENSTOCK_WRITES=off): nothing was changed.[/]")
    _show_partners(console, rows(report, "partnerResults"))
    if "data" in report:
        _show_refreshed(console, report)
    elif "jobs_processed" in report:
        _show_jobs(console, report)
    else:
        _show_changes(console, details_of(report))
    _show_balance(console, section(report, "balance"))
    _show_receipt(console, report)
    _show_hints(console, report)


def message_of(report: JsonObject) -> str:
    """How a run went, in one sentence."""
    message = report.get("message") or section(report, "error").get("message")
    return str(message or "")


def details_of(report: JsonObject) -> JsonObject:
    """The lists of a report: inside `report` where its document has them there."""
    return section(report, "details") or section(section(report, "report"), "details")


def section(document: JsonObject, name: str) -> JsonObject:
    """A part of a document; an empty one if there is none."""
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def rows(document: JsonObject, name: str) -> list[JsonObject]:
    """The objects of a list; none if there is no list."""
    found = document.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _table(*heads: str) -> Table:
    return Table(*heads, box=None, pad_edge=False, header_style="bold")


def _show_partners(console: Console, results: list[JsonObject]) -> None:
    """A line for each partner, with what kept it from being synced."""
    if not results:
        return
    table = _table("partner", "levels", "written", "failed", "seconds", "")
    for each in results:
        names = ("partnerShop", "itemsProcessed", "itemsUpdated", "itemsFailed", "durationSeconds")
        style = "" if each.get("success") else "red"
        table.add_row(*(_text(each.get(name)) for name in names), _first(each.get("errors")), style=style)
    console.print(table)
    console.print()


def _show_jobs(console: Console, report: JsonObject) -> None:
    """A line for each supplier job, as in the run's artifact, with the first thing that went wrong."""
    table = _table("job", "type", "supplier", "outcome", "seconds", "")
    for column in table.columns:
        # Ids are copied: whole, if need be in two lines.
        column.overflow = "fold"
    for each in (jobs := rows(report, "results"))[:SHOWN]:
        names = ("job_id", "type", "supplier_id", "outcome", "seconds")
        style = {"failed": "red", "retry": "yellow", "put_back": "yellow"}.get(str(each.get("outcome")), "")
        why = _text(each.get("error")) or _first(section(each, "result").get("errors"))
        table.add_row(*(_text(each.get(name)) for name in names), why, style=style)
    if len(jobs) > SHOWN:
        table.add_row("…", "", "", "", "", f"{len(jobs) - SHOWN} more: evenstock jobs list", style="dim")
    console.print(table if jobs else "There was nothing to do.")
    if upkeep := section(report, "maintenance").get("message"):
        console.print(_text(upkeep), soft_wrap=True)


def _first(errors: JsonValue) -> str:
    """The first of some errors, and how many more there are."""
    if not isinstance(errors, list) or not errors:
        return ""
    return _text(errors[0]) + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "")


def _show_refreshed(console: Console, report: JsonObject) -> None:
    """Products that were refreshed, levels that differ from what was known, and what failed."""
    details, data = details_of(report), section(report, "data")
    table = _table("product", "item", "location", "from", "to", "")
    for row in _shown_first(changed := rows(details, "updated") or rows(details, "planned")):
        table.add_row(*_refreshed_cells(row))
    if len(changed) > SHOWN:
        table.add_row("…", "", "", "", "", f"{len(changed) - SHOWN} more", style="dim")
    for row in _shown_first(rows(details, "errors")):
        cells = (_text(row.get("product_id")), _text(row.get("inventory_item_id")), "", "", "")
        table.add_row(*cells, _text(row.get("reason")), style="red")
    console.print(table if table.row_count else "No level differs from what was known.")
    good, all_ = _text(data.get("successfulProducts")), _text(data.get("totalProducts"))
    console.print(
        f"[bold]Products[/]  {good} of {all_} are fresh, {_text(data.get('inventoryUpdates'))} items stored "
        f"in {_text(data.get('processingTime'))} ms",
        soft_wrap=True,
    )
    if rows(data, "errors") and not report.get("dry_run"):
        retry = f"evenstock run inventory-refresh --retry_of {_text(data.get('syncLogId'))}"
        console.print(f"Read again only what failed with  {retry}", soft_wrap=True)


def _shown_first(lines: list[JsonObject]) -> Iterable[JsonObject]:
    return lines[:SHOWN]


def _refreshed_cells(row: JsonObject) -> tuple[str, ...]:
    names = ("product_id", "inventory_item_id", "location_id", "from", "to", "reason")
    return tuple(_text(row.get(name)) for name in names)


def _show_figures(console: Console, data: JsonObject) -> None:
    """How inventory refreshes are going: a line for each thing that is known of them."""
    for name in ("scheduling", "stockHealth", "performance", "rateLimit"):
        facts = section(data, name)
        parts = (f"{_words(key)} {_figure(value)}" for key, value in facts.items() if value is not None)
        console.print(f"[bold]{_words(name).capitalize()}[/]  {' · '.join(parts)}", soft_wrap=True)
    table = _table("refresh", "started (UTC)", "type", "status", "products", "errors", "ms")
    for row in _shown_first(rows(data, "history")):
        names = ("syncType", "status", "productsSynced", "errorsCount", "processingTime")
        started = _text(row.get("startedAt"))[:19].replace("T", " ")
        table.add_row(_text(row.get("syncLogId")), started, *(_text(row.get(name)) for name in names))
    console.print(table if table.row_count else "Nothing was refreshed yet.")


def _figure(value: JsonValue) -> str:
    """A fact as people say it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.0f}" if isinstance(value, float) else _text(value)[:19].replace("T", " ")


def _words(name: str) -> str:
    """`stockHealth` as people write it."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)


def _show_changes(console: Console, details: JsonObject) -> None:
    found = {name: rows(details, name) for name in _LISTS}
    where = [name for name in _WHERE if any(row.get(name) for lines in found.values() for row in lines)]
    table = _table(*where, "SKU", "from", "to", "outcome", "why")
    for name, (outcome, style) in _LISTS.items():
        lines = found[name]
        for row in lines[:SHOWN]:
            table.add_row(*(_text(row.get(each)) for each in where), *_cells(outcome, row), style=style)
        if len(lines) > SHOWN:
            blank = ["" for _ in where]
            table.add_row("…", *blank, "", "", f"{outcome}: {len(lines) - SHOWN} more", "", style="dim")
    console.print(table if table.row_count else "There was nothing to do.")
    _show_meanings(console, details)


def _show_meanings(console: Console, details: JsonObject) -> None:
    """What each reason means, once, for lines that a person may want to do something about."""
    lines = (row for name in _TO_JUDGE for row in rows(details, name))
    reasons = dict.fromkeys(str(row.get("reason")) for row in lines if row.get("reason"))
    for reason in (each for each in reasons if meaning(each) != each):
        console.print(f"[dim]{_text(reason)}: {_text(meaning(reason))}[/]", soft_wrap=True)


def _cells(outcome: str, row: JsonObject) -> tuple[str, ...]:
    why = ": ".join(filter(None, (_text(row.get("reason")), _text(row.get("note")))))
    to = f"{_text(row.get('new_qty'))}, then delete" if row.get("delete") else _text(row.get("new_qty"))
    return _text(row.get("sku")) or "(none)", _text(row.get("old_qty")), to, outcome, why


def _show_balance(console: Console, balance: JsonObject) -> None:
    counts = {name: count for name, count in balance.items() if isinstance(count, int)}
    parts = [f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count]
    console.print(f"[bold]Balance[/]  {' · '.join(parts) or 'nothing was looked at'}", soft_wrap=True)


def _show_receipt(console: Console, report: JsonObject) -> None:
    receipt = section(report, "receipt")
    if "data" not in report:
        console.print(
            f"[bold]Receipt[/]  {_text(receipt.get('read_back'))} levels read back, "
            f"{_text(receipt.get('drift'))} drifted, {_text(receipt.get('unconfirmed'))} unconfirmed"
        )
    for account, figures in section(report, "api").items():
        if isinstance(figures, dict):
            parts = ", ".join(f"{name.replace('_', ' ')} {_text(value)}" for name, value in figures.items())
            console.print(f"[dim]{_text(account)}: {parts}[/]", soft_wrap=True)


def _show_hints(console: Console, report: JsonObject) -> None:
    warnings = report.get("warnings")
    for warning in warnings if isinstance(warnings, list) else ():
        console.print(f"[yellow]Warning:[/] {_text(warning)}")
    if rows(details_of(report), "restocked_after_deletion"):
        console.print(
            "Deleted variants are in stock again: bring one back with  evenstock variants list|restore ID",
            soft_wrap=True,
        )
    plans = report.get("plan_ids", [report.get("plan_id")])
    found = [_text(plan) for plan in plans if plan] if isinstance(plans, list) else []
    if found and section(report, "balance").get("held"):
        console.print("[yellow bold]Held:[/] some lines wait for you.")
    for plan in found[:SHOWN]:
        console.print(f"Look at the plan with  evenstock plans show {plan}", soft_wrap=True)
        console.print(f"Apply it with          evenstock plans release {plan} --by NAME", soft_wrap=True)
    if found:
        console.print(f"It expires by itself   {_text(report.get('plan_expires_at'))[:16]} UTC")


def printable(text: str) -> str:
    """A text without what a terminal would take for a command."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _text(value: JsonValue) -> str:
    """A value as text that no terminal or markup takes for more: names in a store may hold anything."""
    return "" if value is None else escape(printable(str(value)))
