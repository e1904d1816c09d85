"""A report on the terminal: what changed, the balance, the receipt, and what waits."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.records import JsonObject, JsonValue

SHOWN = 40
"""Rows of a list that fit on a page."""

_BAD = {"failed", "conflict", "parked"}
_LISTS = {
    "updated": "done",
    "planned": "not sent (dry run)",
    "deleted": "deleted",
    "held": "held",
    "conflicts": "conflict",
    "errors": "failed",
    "parked": "parked",
    "refused": "refused",
    "locked": "locked",
    "unknown": "unknown",
}


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
    lines = [(outcome, row) for name, outcome in _LISTS.items() for row in rows(details, name)]
    if not lines:
        console.print("Nothing had to be changed.")
        return
    table = Table("SKU", "from", "to", "outcome", "why", box=None, pad_edge=False, header_style="bold")
    for outcome, row in lines[:SHOWN]:
        style = "red" if outcome in _BAD else "yellow" if outcome in {"held", "refused", "unknown"} else None
        table.add_row(*_cells(outcome, row), style=style)
    console.print(table)
    if len(lines) > SHOWN:
        console.print(f"[dim]… and {len(lines) - SHOWN} more[/]")


def _cells(outcome: str, row: JsonObject) -> tuple[str, ...]:
    why = ": ".join(filter(None, (_text(row.get("reason")), _text(row.get("note")))))
    return (
        _text(row.get("sku")) or "(none)",
        _text(row.get("old_qty")),
        _text(row.get("new_qty")),
        outcome,
        why,
    )


def _show_balance(console: Console, balance: JsonObject) -> None:
    counts = {name: count for name, count in balance.items() if isinstance(count, int)}
    parts = [f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count]
    console.print(f"[bold]Balance[/]  {' · '.join(parts) or 'nothing was looked at'}")


def _show_receipt(console: Console, report: JsonObject) -> None:
    receipt = section(report, "receipt")
    console.print(
        f"[bold]Receipt[/]  {_text(receipt.get('read_back'))} levels read back, "
        f"{_text(receipt.get('drift'))} drifted, {_text(receipt.get('unconfirmed'))} unconfirmed"
    )
    for account, figures in section(report, "api").items():
        if isinstance(figures, dict):
            parts = ", ".join(f"{name.replace('_', ' ')} {_text(value)}" for name, value in figures.items())
            console.print(f"[dim]{_text(account)}: {parts}[/]")


def _show_hints(console: Console, report: JsonObject) -> None:
    warnings = report.get("warnings")
    for warning in warnings if isinstance(warnings, list) else ():
        console.print(f"[yellow]Warning:[/] {_text(warning)}")
    plan = _text(report.get("plan_id"))
    if not plan:
        return
    if section(report, "balance").get("held"):
        console.print("[yellow bold]Held:[/] some lines wait for you.")
    console.print(f"Look at the plan with  evenstock plans show {plan}", soft_wrap=True)
    console.print(f"Apply it with          evenstock plans release {plan} --by NAME", soft_wrap=True)
    console.print(f"It expires by itself   {_text(report.get('plan_expires_at'))[:16]} UTC")


def _text(value: JsonValue) -> str:
    """A value as text that no terminal or markup takes for more: names in a store may hold anything."""
    if value is None:
        return ""
    return escape("".join(letter if letter.isprintable() else " " for letter in str(value)))
