"""`evenstock status|config|history FLOW`: what the ledger and the settings know of a flow."""

from rich.table import Table

from connectors.ledger import Run
from connectors.records import JsonObject, JsonValue
from connectors.settings import Settings, load_settings
from flows.catalogue import entry, settings_of
from flows.cli.alerting import as_document, show, told
from flows.cli.options import flow_parser, out, say_json
from flows.cli.page import message_of, show_report
from tasks.desk import ledger_of

RELEASE = "apply-plan"
RELEASED = ("reverse-stock-sync", "partner-sync")
"""A released plan is a run of the flow that made it, with the plan's id among its parameters."""


def status(arguments: list[str]) -> int:
    """A flow's last run, with its whole report."""
    options = flow_parser("status", "Show a flow's last run.").parse_args(arguments)
    settings = load_settings()
    last = next(iter(_runs(settings, options.flow, 1)), None)
    wrong = told(ledger_of(settings), f"{options.flow}:")
    if options.as_json:
        found = _as_json(last) | {"report": last.report} if last else None
        alerts: list[JsonValue] = [as_document(each) for each in wrong]
        say_json({"flow": options.flow, "last_run": found, "alerts": alerts})
    elif last is None:
        out().print(f"{options.flow} has not run yet.")
    else:
        out().print(f"{last.id}: {last.state}, started {last.started_at:%Y-%m-%d %H:%M:%S} UTC")
        if last.report:
            show_report(out(), last.report)
    if not options.as_json:
        show(out(), wrong)
    return 0


def config(arguments: list[str]) -> int:
    """Every setting that a flow goes by, with the value in force; of secrets only whether they are set."""
    options = flow_parser("config", "Show the settings that a flow goes by.").parse_args(arguments)
    names = settings_of(options.flow)
    shown = load_settings().shown()
    if options.as_json:
        say_json({"flow": options.flow, "settings": {name: shown[name] for name in names}})
        return 0
    table = Table("setting", "value", box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_row(name, shown[name])
    out().print(table)
    return 0


def history(arguments: list[str]) -> int:
    """A flow's last runs, newest first."""
    parser = flow_parser("history", "Show a flow's last runs, newest first.")
    parser.add_argument("--limit", type=int, default=20, metavar="N")
    options = parser.parse_args(arguments)
    if options.limit < 1:
        parser.error("--limit must be at least 1")
    settings = load_settings()
    runs = _runs(settings, options.flow, options.limit)
    wrong = told(ledger_of(settings), f"{options.flow}:")
    if options.as_json:
        alerts: list[JsonValue] = [as_document(each) for each in wrong]
        say_json({"flow": options.flow, "runs": [_as_json(each) for each in runs], "alerts": alerts})
        return 0
    table = Table(
        "run", "day", "started (UTC)", "state", "how it went", box=None, pad_edge=False, header_style="bold"
    )
    for each in runs:
        name = f"{each.id} (dry)" if each.dry_run else each.id
        table.add_row(name, f"{each.day}", f"{each.started_at:%Y-%m-%d %H:%M:%S}", each.state, _message(each))
    out().print(table if runs else f"{options.flow} has not run yet.")
    show(out(), wrong)
    return 0


def _runs(settings: Settings, flow: str, limit: int) -> list[Run]:
    entry(flow)
    ledger = ledger_of(settings)
    if flow not in {RELEASE, *RELEASED}:
        return ledger.history(flow, limit)
    # Both are kept as runs of one flow: look back far enough to find as many as were asked for.
    makers = RELEASED if flow == RELEASE else (flow,)
    found = [run for maker in makers for run in ledger.history(maker, 10 * limit + 100)]
    found.sort(key=lambda run: run.started_at, reverse=True)
    return [run for run in found if bool(run.parameters.get("release")) == (flow == RELEASE)][:limit]


def _message(run: Run) -> str:
    return message_of(run.report) if run.report else ""


def _as_json(run: Run) -> JsonObject:
    return {
        "sync_id": run.id,
        "state": run.state.value,
        "day": run.day.isoformat(),
        "dry_run": run.dry_run,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "parameters": run.parameters,
        "message": _message(run),
    }
