"""`evenstock jobs`: the queue of supplier jobs, and what a person may do about one."""

from datetime import datetime, timedelta
from typing import Any

from rich.markup import escape
from rich.table import Table

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger
from connectors.ledger.supplier_records import Job, JobStatus
from connectors.records import JsonObject
from connectors.settings import Settings, load_settings
from flows.cli.options import Parser, out, say_json
from flows.cli.page import printable
from tasks.desk import ledger_of
from tasks.jobs import announce
from tasks.queueing import METRICS
from tasks.shift import metrics

_STYLES = {"completed": "green", "running": "yellow", "failed": "red", "cancelled": "dim"}
_ABOUT_ONE = ("show", "cancel", "retry")


def jobs(arguments: list[str]) -> int:
    """List the queue, show, cancel or retry one of its jobs, or tell how jobs go."""
    options = _parser().parse_args(arguments)
    if options.stats:
        options.action = "stats"
    if options.action not in _ACTIONS:
        _parser().error(f"there is no action {options.action}; actions: list, {', '.join(_ABOUT_ONE)}")
    if (options.action in _ABOUT_ONE) != (options.id is not None):
        _parser().error(f"{options.action} {'takes no' if options.id else 'needs the'} id of a job")
    settings = load_settings()
    return _ACTIONS[options.action](settings, ledger_of(settings), options)


def _parser() -> Parser:
    parser = Parser("jobs", "The queue of supplier jobs.")
    parser.add_argument("action", nargs="?", default="list", metavar="list|show|cancel|retry")
    parser.add_argument("id", nargs="?", help="the job, as `list` shows it")
    parser.add_argument("--stats", action="store_true", help="how the jobs of the last seven days went")
    parser.add_argument("--user", metavar="USER", help="only jobs of this user")
    parser.add_argument("--status", choices=[each.value for each in JobStatus], help="only such jobs")
    parser.add_argument("--limit", type=int, default=50, metavar="N")
    parser.add_argument("--json", action="store_true", dest="as_json")
    return parser


def _say(text: str) -> int:
    out().print(printable(text), markup=False, soft_wrap=True)
    return 0


def _list(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401 - argparse's own
    del settings
    if options.limit < 1:
        raise ConfigurationError("jobs: --limit must be at least 1")
    wanted = [JobStatus(options.status)] if options.status else []
    found = ledger.jobs(user_id=options.user, statuses=wanted, limit=options.limit)
    if options.as_json:
        say_json({"jobs": [_as_json(each) for each in found]})
        return 0
    # Only what fits beside a whole id, which people copy; `show` has the rest.
    table = Table(box=None, header_style="bold")
    table.add_column("id", no_wrap=True)
    for name in ("type", "user", "status", "scheduled (UTC)", "tries", "last error"):
        table.add_column(name, overflow="fold")
    for each in found:
        cells = (each.id, each.source_type, each.user_id, each.status.value, _moment(each.scheduled_at))
        more = (f"{each.attempts}/{each.max_attempts}", each.errors[-1][:120] if each.errors else "")
        style = _STYLES.get(each.status.value, "")
        table.add_row(*(escape(printable(cell)) for cell in (*cells, *more)), style=style)
    nothing = "There is no such job." if wanted or options.user else "The queue is empty."
    out().print(table if found else nothing)
    return 0


def _show(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    del settings
    shown = _as_json(_the_job(ledger, options))
    if options.as_json:
        say_json(shown)
        return 0
    table = Table("", "", box=None, show_header=False)
    for name, value in shown.items():
        table.add_row(name, escape(printable("" if value is None else str(value))))
    out().print(table)
    return 0


def _cancel(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    job = _the_job(ledger, options)
    if not ledger.cancel_job(job.id, settings.now(), user_id=options.user):
        raise ConfigurationError(f"job {job.id} has ended already: {job.status}")
    announce(_the_job(ledger, options))
    return _say(f"Job {job.id} is cancelled; what it stored until now stays.")


def _retry(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    job = _the_job(ledger, options)
    if not ledger.reopen_job(job.id, settings.now(), user_id=options.user):
        raise ConfigurationError(
            f"job {job.id} is {job.status}: only failed and cancelled ones are tried again"
        )
    return _say(f"Job {job.id} will be done from its beginning by the next run of automated-sync.")


def _stats(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    now = settings.now()
    statuses = ledger.job_stats(now - timedelta(days=7), user_id=options.user)
    running = ledger.jobs(user_id=options.user, statuses=[JobStatus.RUNNING], limit=options.limit)
    running.sort(key=lambda job: job.started_at or now, reverse=True)
    kinds = metrics(ledger, now, options.user)
    if options.as_json:
        counted: list[JsonObject] = [
            {"status": each.status, "count": each.jobs, "avg_duration_seconds": each.avg_duration_seconds}
            for each in statuses
        ]
        say_json({"running": [_as_json(each) for each in running], "statuses": [*counted], "types": [*kinds]})
        return 0
    if not (statuses or running):
        return _say("No job is at work, and none was in the last seven days.")
    _print_table("status", [(each.status, each.jobs, each.avg_duration_seconds) for each in statuses])
    table = Table(*(name.replace("_", " ") for name in METRICS), box=None, header_style="bold")
    for kind in kinds:
        cells = (kind[name] for name in METRICS)
        table.add_row(*(escape(printable("" if cell is None else str(cell))) for cell in cells))
    out().print(table)
    for each in running:
        _say(f"running: {each.id} {each.source_type} since {_moment(each.started_at)}")
    return 0


def _print_table(name: str, rows: list[tuple[str, int, float | None]]) -> None:
    table = Table(name, "jobs", "average seconds", box=None, header_style="bold")
    for word, count, seconds in rows:
        table.add_row(word, str(count), "" if seconds is None else f"{seconds:g}")
    out().print(table)


def _the_job(ledger: Ledger, options: Any) -> Job:  # noqa: ANN401
    found = ledger.job(options.id, user_id=options.user)
    if found is None:
        raise ConfigurationError(f"there is no job {options.id}; see `evenstock jobs list`")
    return found


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


def _as_json(job: Job) -> JsonObject:
    """A job for people and programs: times as ISO text, the address of its call-back left out."""
    return {
        "id": job.id,
        "user_id": job.user_id,
        "type": job.source_type,
        "supplier_id": job.supplier_id,
        "status": job.status.value,
        "priority": job.priority,
        "scheduled_at": _iso(job.scheduled_at),
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "worker": job.worker,
        "heartbeat_at": _iso(job.heartbeat_at),
        "lease_until": _iso(job.lease_until),
        "cursor": job.cursor,
        "callback": job.callback_status.value if job.callback_status else None,
        "total_rows": job.total_rows,
        "processed_rows": job.processed_rows,
        "success_rows": job.success_rows,
        "error_rows": job.error_rows,
        "errors": list(job.errors),
        "result": job.result_data,
        "created_at": _iso(job.created_at),
        "started_at": _iso(job.started_at),
        "completed_at": _iso(job.completed_at),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


_ACTIONS = {"list": _list, "show": _show, "cancel": _cancel, "retry": _retry, "stats": _stats}
