"""`evenstock plans`: what waits for a person, line by line, and its release."""

import csv
import sys
from dataclasses import asdict
from datetime import date, datetime
from enum import Enum

from rich.markup import escape
from rich.table import Table

from connectors.ledger import Change, Ledger, Plan
from connectors.records import JsonObject, JsonValue
from connectors.settings import load_settings
from flows.cli.options import Parser, out, say_json
from flows.cli.run import run
from tasks.desk import ledger_of

COLUMNS = (
    "sku",
    "ccod",
    "title",
    "from_quantity",
    "to_quantity",
    "delete",
    "outcome",
    "rule",
    "reason",
    "product_id",
)
"""What a person judges a line by."""


def plans(arguments: list[str]) -> int:
    """List the plans that wait, show one, or release one."""
    options = _parser().parse_args(arguments)
    if options.action == "release":
        return _release(options.plan, options.by, dry_run=options.dry_run, as_json=options.as_json)
    settings = load_settings()
    ledger = ledger_of(settings)
    ledger.expire_plans(settings.now())
    if options.action == "list":
        return _list(ledger, as_json=options.as_json)
    return _show(ledger, options.plan, as_json=options.as_json, as_csv=options.as_csv)


def _parser() -> Parser:
    parser = Parser("plans", "What waits for a person.")
    actions = parser.add_subparsers(
        dest="action", metavar="list|show|release", required=True, parser_class=_Action
    )
    listed = actions.add_parser("list")
    shown = actions.add_parser("show")
    shown.add_argument("plan", metavar="ID")
    shown.add_argument("--csv", action="store_true", dest="as_csv", help="all lines as CSV")
    released = actions.add_parser("release")
    released.add_argument("plan", metavar="ID")
    released.add_argument("--by", required=True, metavar="NAME", help="who takes the responsibility")
    released.add_argument("--dry-run", action="store_true", help="only tell what would still be applied")
    for each in (listed, shown, released):
        each.add_argument("--json", action="store_true", dest="as_json")
    return parser


class _Action(Parser):
    def __init__(self, *, prog: str) -> None:
        super().__init__(prog.removeprefix("evenstock "), "")


def _list(ledger: Ledger, *, as_json: bool) -> int:
    waiting = ledger.plans()
    if as_json:
        say_json({"plans": [_plan_as_json(ledger, plan) for plan in waiting]})
        return 0
    table = Table("plan", "state", "lines", "flow", "account", "expires (UTC)", box=None, header_style="bold")
    for plan in waiting:
        lines = str(len(ledger.held_lines(plan.id)))
        until = f"{plan.expires_at:%Y-%m-%d %H:%M}"
        table.add_row(plan.id, plan.state.replace("_", " "), lines, plan.flow, escape(plan.account), until)
    out().print(table if waiting else "Nothing is waiting.")
    return 0


def _plan_as_json(ledger: Ledger, plan: Plan) -> JsonObject:
    return _jsonable(asdict(plan)) | {"lines": len(ledger.held_lines(plan.id))}


def _show(ledger: Ledger, plan_id: str, *, as_json: bool, as_csv: bool) -> int:
    plan = ledger.plan(plan_id)
    lines = ledger.held_lines(plan_id)
    if as_csv:
        _write_csv(lines)
    elif as_json:
        say_json(_jsonable(asdict(plan)) | {"lines": [_jsonable(asdict(line)) for line in lines]})
    else:
        _print_plan(plan, lines)
    return 0


def _print_plan(plan: Plan, lines: list[Change]) -> None:
    console = out()
    console.print(
        f"[bold]{plan.id}[/]: {plan.state}, {len(lines)} lines, expires {plan.expires_at:%Y-%m-%d %H:%M} UTC"
    )
    table = Table("SKU", "title", "from", "to", "why", box=None, pad_edge=False, header_style="bold")
    for line in lines:
        why = ": ".join(filter(None, (line.rule or line.why, line.reason)))
        to = f"{line.to_quantity}{' and delete' if line.delete else ''}"
        table.add_row(escape(line.sku), escape(line.title), str(line.from_quantity), to, escape(why))
    console.print(table)
    console.print(f"Apply it with `evenstock plans release {plan.id} --by NAME`, or leave it to expire.")


def _write_csv(lines: list[Change]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(COLUMNS)
    for line in lines:
        known = asdict(line)
        writer.writerow([harmless(known[name]) for name in COLUMNS])


def harmless(value: object) -> object:
    """Text that a spreadsheet does not take for a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return (
        f"'{value}"
        if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
        else value
    )


def _release(plan_id: str, by: str, *, dry_run: bool, as_json: bool) -> int:
    words = ["apply-plan", f"--plan_id={plan_id}", f"--released_by={by}", f"--dry_run={str(dry_run).lower()}"]
    return run([*words, "--json"] if as_json else words)


def _jsonable(record: dict[str, object]) -> JsonObject:
    return {name: _json_value(value) for name, value in record.items()}


def _json_value(value: object) -> JsonValue:
    if isinstance(value, dict):
        return _jsonable(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return str(value.value)
    return value if isinstance(value, bool | int | float | str | None) else str(value)
