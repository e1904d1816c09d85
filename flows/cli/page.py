"""A report on the terminal: what changed, the balance, the receipt, and what waits."""

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


_TO_JUDGE = ("errors", "conflicts", "parked", "held", "refused", "unknown")


def show_report(console: Console, report: JsonObject) -> None:
    """Print a report for people."""
    colour = "green" if report.get("success") else "red"
    message = report.get("message") or section(report, "error").get("message")
    console.print(f"[bold {colour}]{_text(message)}[/]")
    if "balance" not in report:
        # The run broke off before it looked at anything.
        return
    console.print(f"[dim]run {_text(report.get('sync_id'))}, day {_text(report.get('day'))}[/]")
    if report.get("writes") == "off":
        console.print("[yellow]Writes are switched off (EVENSTOCK_WRITES=off): nothing was changed.[/]")
    _show_changes(console, details_of(report))
    _show_balance(console, section(report, "balance"))
    _show_receipt(console, report)
    _show_hints(console, report)


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


def _show_changes(console: Console, details: JsonObject) -> None:
    table = Table("SKU", "from", "to", "outcome", "why", box=None, pad_edge=False, header_style="bold")
    for name, (outcome, style) in _LISTS.items():
        lines = rows(details, name)
        for row in lines[:SHOWN]:
            table.add_row(*_cells(outcome, row), style=style)
        if len(lines) > SHOWN:
            table.add_row("…", "", "", f"{outcome}: {len(lines) - SHOWN} more", "", style="dim")
    console.print(table if table.row_count else "There was nothing to do.")
    _show_meanings(console, details)


def _show_meanings(console: Console, details: JsonObject) -> None:
    """What each reason means, once, for lines that a person may want to do something about."""
    lines = (row for name in _TO_JUDGE for row in rows(details, name))
    reasons = dict.fromkeys(str(row.get("reason")) for row in lines if row.get("reason"))
    for reason in reasons:
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
    plan = _text(report.get("plan_id"))
    if not plan:
        return
    if section(report, "balance").get("held"):
        console.print("[yellow bold]Held:[/] some lines wait for you.")
    console.print(f"Look at the plan with  evenstock plans show {plan}", soft_wrap=True)
    console.print(f"Apply it with          evenstock plans release {plan} --by NAME", soft_wrap=True)
    console.print(f"It expires by itself   {_text(report.get('plan_expires_at'))[:16]} UTC")


def printable(text: str) -> str:
    """A text without what a terminal would take for a command."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _text(value: JsonValue) -> str:
    """A value as text that no terminal or markup takes for more: names in a store may hold anything."""
    return "" if value is None else escape(printable(str(value)))
