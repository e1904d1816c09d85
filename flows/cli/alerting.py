"""`evenstock alerts`: what is wrong now, and what people were told of it."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.errors import ConfigurationError
from connectors.ledger import Alert, Ledger
from connectors.records import JsonObject
from connectors.settings import Settings, load_settings
from flows.cli.options import Parser, out, say_json
from flows.cli.page import printable
from tasks.alerts import resolve
from tasks.channels import deliver
from tasks.desk import ledger_of

ACTIONS = ("list", "close")


def alerts(arguments: list[str]) -> int:
    """List what is wrong, or close what will never come right by itself."""
    parser = Parser("alerts", "What is wrong now, and what people were told of it.")
    parser.add_argument("action", nargs="?", default="list", metavar="list|close")
    parser.add_argument("cause", nargs="?", help="what to close, as `list` names it")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args(arguments)
    if options.action not in ACTIONS:
        parser.error(f"there is no action {options.action}; actions: {', '.join(ACTIONS)}")
    if (options.action == "close") != (options.cause is not None):
        parser.error("close needs a cause, and list takes none")
    settings = load_settings()
    ledger = ledger_of(settings)
    if options.action == "close":
        return _close(settings, ledger, options.cause)
    return _list(told(ledger), as_json=options.as_json)


def _close(settings: Settings, ledger: Ledger, cause: str) -> int:
    found = [each for each in ledger.alerts() if each.cause == cause]
    if not found:
        raise ConfigurationError(f"there is no open alert {cause}; see `evenstock alerts list`")
    for each in found:
        resolve(ledger, settings, each)
    deliver(ledger, settings)
    out().print(f"{cause} is closed; it is raised again should it be found again.", markup=False)
    return 0


def _list(found: list[Alert], *, as_json: bool) -> int:
    if as_json:
        say_json({"alerts": [as_document(each) for each in found]})
        return 0
    table = Table("cause", "since (UTC)", "", "told", "what", box=None, header_style="bold")
    for each in found:
        what = (each.cause, f"{each.first_seen_at:%Y-%m-%d %H:%M}", each.severity.value, _told(each))
        table.add_row(*(escape(printable(cell)) for cell in (*what, title(each))))
    out().print(table if found else "All is well.")
    return 0


def told(ledger: Ledger, scope: str = "", account: str | None = None) -> list[Alert]:
    """What people were told of, and is still so; of causes that begin with `scope`."""
    return [each for each in ledger.alerts(account) if each.told_count and each.cause.startswith(scope)]


def _told(alert: Alert) -> str:
    waiting = f", {len(alert.undelivered)} not sent yet" if alert.undelivered else ""
    return f"{alert.told_count} times{waiting}"


def title(alert: Alert) -> str:
    """What is wrong, in one sentence."""
    return printable(alert.message.partition("\n")[0])


def show(console: Console, found: Iterable[Alert]) -> None:
    """A line for each alert, beneath what it is about."""
    for each in found:
        since = f"{each.first_seen_at:%Y-%m-%d %H:%M}"
        console.print(f"[red]since {since} UTC:[/red] {escape(title(each))}", soft_wrap=True)


def as_document(alert: Alert) -> JsonObject:
    """An alert for other programs."""
    return {
        "account": alert.account,
        "cause": alert.cause,
        "severity": alert.severity.value,
        "message": alert.message,
        "first_seen_at": alert.first_seen_at.isoformat(),
        "last_seen_at": alert.last_seen_at.isoformat(),
        "told_count": alert.told_count,
        "next_tell_at": alert.next_tell_at.isoformat() if alert.next_tell_at else None,
        "undelivered": len(alert.undelivered),
    }
