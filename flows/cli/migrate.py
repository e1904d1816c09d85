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
    """Apply a queue; 1 if lines of it are wrong. It may be run again: nothing is applied twice.

    `--dry-run` says what each line would do, and changes nothing.
    """
    parser = Parser("migrate-queue", "Apply the pending changes of the older system's queue.")
    parser.add_argument("file", metavar="FILE", help="JSON Lines")
    parser.add_argument("--dry-run", action="store_true", help="say what each line would do, and do nothing")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args(arguments)
    settings = load_settings()
    file, dry_run = Path(options.file), bool(options.dry_run)
    tally = migrate_queue(settings, ledger_of(settings), file, dry_run=dry_run)
    if options.as_json:
        say_json({"dry_run": dry_run} | _document(tally))
    else:
        _say(tally, dry_run=dry_run)
    return 1 if tally.counts[Fate.BAD] else 0


def _document(tally: Tally) -> JsonObject:
    counts: JsonObject = {str(fate): count for fate, count in tally.counts.items()}
    lines: list[JsonValue] = [
        {"line": number, "fate": str(fate), "reason": why} for number, fate, why in tally.remarks
    ]
    return {"counts": counts, "lines": lines}


def _say(tally: Tally, *, dry_run: bool) -> None:
    words = _WORDS | ({Fate.APPLIED: "would be applied"} if dry_run else {})
    for number, fate, why in tally.remarks:
        out().print(f"line {number}: {printable(why)} ({words[fate]})", markup=False, soft_wrap=True)
    found = ", ".join(f"{count} {words[fate]}" for fate, count in tally.counts.items() if count)
    out().print(f"Lines: {found or 'none'}.", markup=False, soft_wrap=True)
    if dry_run:
        out().print("Nothing was changed: this was a dry run.")
    elif tally.counts[Fate.APPLIED]:
        out().print("The marketplaces get them with the next run: evenstock run marketplace-sync")
