"""The command `evenstock`: one word, one thing done, one exit status.

0 done · 1 finished with failures · 2 usage or configuration · 3 something is held and waits for a person.
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from io import StringIO, TextIOWrapper

from connectors.errors import ConfigurationError, EvenstockError
from connectors.settings import use
from flows.catalogue import FLOWS, hint
from flows.cli.options import USAGE

Command = Callable[[list[str]], int]

COMMANDS = {
    "demo": ("flows.cli.demo:demo", "the main job on a small demo shop, from start to receipt"),
    "up": ("flows.cli.demo:up", "server, UI, sandbox and deployments until Ctrl-C"),
    "run": ("flows.cli.run:run", "run a flow now: evenstock run FLOW [--param value …] [--json]"),
    "check": ("flows.cli.care:check", "look at everything before the first run; writes nothing"),
    "setup": ("flows.cli.care:setup", "bring the ledger and Prefect up to date: evenstock setup [--deploy]"),
    "status": ("flows.cli.look:status", "a flow's last run: evenstock status FLOW [--json]"),
    "config": ("flows.cli.look:config", "the settings in force: evenstock config FLOW [--json]"),
    "history": ("flows.cli.look:history", "a flow's last runs: evenstock history FLOW [--json]"),
    "plans": ("flows.cli.plans:plans", "what waits for a person: evenstock plans list|show ID|release ID"),
    "levels": ("flows.cli.levels:levels", "judge a refused level: evenstock levels rebind|own SKU …"),
    "variants": (
        "flows.cli.variants:variants",
        "what was deleted, and its way back: evenstock variants list|restore ID",
    ),
    "partners": (
        "flows.cli.partners:partners",
        "partners' stores: evenstock partners list|add|consent|change|disable|enable|remove|rotate-key",
    ),
    "mappings": (
        "flows.cli.mappings:mappings",
        "which variants of partners feed which own: evenstock mappings import FILE.csv|list|propose PARTNER",
    ),
    "accounts": (
        "flows.cli.accounts:accounts",
        "who sells on marketplaces: evenstock accounts list|add|disable|enable|remove NAME",
    ),
    "items": (
        "flows.cli.items:items",
        "own items on marketplaces: evenstock items list|show|history|retry|add|change|delete",
    ),
    "orders": (
        "flows.cli.orders:orders",
        "units that orders gave back: evenstock orders list|restock|write-off ID",
    ),
    "migrate-queue": (
        "flows.cli.migrate:migrate",
        "the older system's pending changes: evenstock migrate-queue FILE",
    ),
    "webhooks": (
        "flows.cli.webhooks:webhooks",
        "receive Shopify's web hooks: evenstock webhooks --port N, or subscribe|list|unsubscribe",
    ),
    "worker": (
        "flows.cli.worker:worker",
        "push changed items to the marketplaces at once, until Ctrl-C: evenstock worker",
    ),
    "watch": (
        "flows.cli.watch:watch",
        "alert when a flow falls silent, whatever Prefect does: evenstock watch [--once]",
    ),
    "alerts": ("flows.cli.alerting:alerts", "what is wrong now: evenstock alerts list|close CAUSE"),
    "suppliers": (
        "flows.cli.suppliers:suppliers",
        "whose goods users sell, and what they feed: evenstock suppliers list|add|change|bind|prices|…",
    ),
    "jobs": (
        "flows.cli.jobs:jobs",
        "the queue of supplier jobs: evenstock jobs list|show ID|cancel ID|retry ID, or --stats",
    ),
    "emit": (
        "flows.cli.emit:emit",
        "tell Prefect that the main sync is done: evenstock emit main-sync-finished",
    ),
    "sandbox": (
        "flows.cli.demo:sandbox",
        "the stand-ins of all systems, alone: evenstock sandbox --demo --port 8710",
    ),
}
"""Each command by its name: where it is, and what it does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Whatever goes wrong is one line on standard error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _steady_streams()
    try:
        return _dispatch([_readable(each) for each in given])
    except ConfigurationError as error:
        return _complain(error, USAGE)
    except EvenstockError as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        return _complain("stopped", 130)
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing more can be said to them.
        sys.stdout = None
        return 1


def _steady_streams() -> None:
    """Let no closed standard input, and no letter that a terminal's encoding lacks, end a command."""
    if sys.stdin is None:  # as Python has it when it was closed before the start
        sys.stdin = StringIO()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _dispatch(given: list[str]) -> int:
    if not given or given[0] in {"-h", "--help", "help"}:
        print(_overview())  # noqa: T201
        return 0 if given else USAGE
    name, *rest = given
    if name not in COMMANDS:
        raise ConfigurationError(f"there is no command {name}{hint(name, COMMANDS)}; see `evenstock --help`")
    # Prefect reads its settings when it is imported, which the commands do.
    use({"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"})
    return _command(COMMANDS[name][0])(rest)


def _readable(word: str) -> str:
    """The word as it was given. Raises ConfigurationError for bytes that are not UTF-8."""
    try:
        word.encode()
    except UnicodeEncodeError:
        shown = word.encode(errors="replace").decode()
        raise ConfigurationError(f"the argument {shown} is not UTF-8: set the terminal to it") from None
    return word


def _command(place: str) -> Command:
    module, function = place.split(":")
    found: Command = getattr(import_module(module), function)
    return found


def _overview() -> str:
    lines = [f"  {name:<15}{what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(["usage: evenstock COMMAND [arguments]", "", *lines, "", f"flows: {', '.join(FLOWS)}"])


def _complain(what: object, status: int) -> int:
    print(f"evenstock: {' '.join(str(what).split())}", file=sys.stderr)  # noqa: T201
    return status
