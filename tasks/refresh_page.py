"""The pages that people read of an inventory refresh in the Prefect UI."""

from connectors.records import JsonObject
from tasks import refreshing
from tasks.page import escape
from tasks.refreshing import Tale

SHOWN = 20
"""Errors that the summary lists; the sync log has them all."""


def markdown(tale: Tale) -> str:
    """The summary: what came of it, and what to do about what failed."""
    answer = refreshing.data(tale)
    figures = "\n".join(
        f"| {name} | {value} |" for name, value in answer.items() if not isinstance(value, list)
    )
    return "\n".join(
        [
            f"# {escape(refreshing.message(tale))}",
            "",
            f"| | |\n|---|---:|\n{figures}",
            "",
            *_failures(tale),
            *(f"- Warning: {escape(each)}" for each in tale.warnings),
        ]
    )


def _failures(tale: Tale) -> list[str]:
    entries = refreshing.errors(tale)
    if not entries:
        return []
    retry = tale.refresh.sync_log_id
    lines = [f"- {escape(str(each.get('error')))}" for each in entries if isinstance(each, dict)]
    more = [f"- … and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    how = [f"Run *inventory-refresh* with this as retry_of to read only these again:\n\n```\n{retry}\n```\n"]
    return [*lines[:SHOWN], *more, "", *(how if not tale.refresh.dry_run else [])]


def table(tale: Tale) -> list[JsonObject]:
    """One row a batch; none is an empty table."""
    details = refreshing.error_details(tale)["batches"]
    return [row for row in details if isinstance(row, dict)] if isinstance(details, list) else []
