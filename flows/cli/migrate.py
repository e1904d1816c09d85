"""`evenstock migrate-queue FILE`: the changes that still wait in the older system's queue."""

from pathlib import Path

from connectors.records import JsonObject, JsonValue
from connectors.settings import load_settings
from flows.cli.options import Parser, out, say_json
from flows.cli.page import printable
from tasks.desk import ledger_of
from tasks.queue_migration import Fate, Tally, migrate_queue

_WORDS = {
    Fate.APPLIED: "applied",
    Fate.REPEATED: "applied by an earlier run",
    Fate.OUTDATED: "skipped: the item is newer",
    Fate.NOT_PENDING: "not pending",
    Fate.BAD: "wrong",
}


def migrate(arguments: list[str]) -> int:
    """Apply a queue; 1 if lines of it are wrong. It may be run again: nothing is applied twice."""
    parser = Parser("migrate-queue", "Apply the pending changes of the older system's queue.")
    parser.add_argument("file", metavar="FILE", help="JSON Lines")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args(arguments)
    settings = load_settings()
    tally = migrate_queue(settings, ledger_of(settings), Path(options.file))
    if options.as_json:
        say_json(_document(tally))
    else:
        _say(tally)
    return 1 if tally.counts[Fate.BAD] else 0


def _document(tally: Tally) -> JsonObject:
    counts: JsonObject = {str(fate): count for fate, count in tally.counts.items()}
    lines: list[JsonValue] = [
        {"line": number, "fate": str(fate), "reason": why} for number, fate, why in tally.remarks
    ]
    return {"counts": counts, "lines": lines}


def _say(tally: Tally) -> None:
    for number, fate, why in tally.remarks:
        out().print(f"line {number}: {printable(why)} ({_WORDS[fate]})", markup=False, soft_wrap=True)
    found = ", ".join(f"{count} {_WORDS[fate]}" for fate, count in tally.counts.items() if count)
    out().print(f"Lines: {found or 'none'}.", markup=False, soft_wrap=True)
    if tally.counts[Fate.APPLIED]:
        out().print("The marketplaces get them with the next run: evenstock run marketplace-sync")
