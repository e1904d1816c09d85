"""The pages that people read of a run in the Prefect UI: a summary, and a table of changes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from tasks.plan import BROKEN, FED_ELSEWHERE, Line, Outcome
from tasks.reasons import meaning
from tasks.report import Story, message

MEANT = {
    Outcome.UNKNOWN: "no number to go by, so it was left alone",
    Outcome.DONE: "written to the shop",
    Outcome.UNCHANGED: "already right",
    Outcome.HELD: "too big a surprise: waits for a person",
    Outcome.REFUSED: "a rule forbids it, until somebody acts",
    Outcome.CONFLICT: "somebody else kept changing it; the next run tries again",
    Outcome.FAILED: "could not be written; the next run tries again",
    Outcome.PARKED: "failed alike several times: left until its numbers change",
    Outcome.NOT_SENT: "would be written; this was a dry run",
}
"""What each outcome means to the person who keeps the shop."""


NAMED = 20
"""Products that the summary names for one trouble; the report has them all."""


def markdown(story: Story) -> str:
    """The summary a shop owner reads in the Prefect UI."""
    lines = [
        f"# {escape(message(story))}",
        f"Day {story.day}, run `{story.sync_id}`" + (", **dry run**" if story.dry_run else ""),
        "" if story.writes else "**Writes are switched off (EVENSTOCK_WRITES=off): nothing was changed.**",
        *_plan_page(story),
        *_counts(story),
        "",
        _receipt_page(story),
        "",
        *(f"- Warning: {escape(warning)}" for warning in story.warnings),
        *_unmarked(story.unmarked),
        *_reasons(story.lines),
    ]
    return "\n".join(lines)


def _plan_page(story: Story) -> list[str]:
    """What to do about a plan, if there is one."""
    if story.plan_id is None or story.plan_expires_at is None:
        return []
    look = f"this run's other artifact, *{story.flow}-changes*, or `evenstock plans show {story.plan_id}`"
    return [
        "",
        _why_held(story),
        f"- Look at it: {look}.",
        "- Apply it: run the deployment *apply-plan* with this as plan_id, and your name:",
        f"\n```\n{story.plan_id}\n```\n",
        f"- Or leave it: after {story.plan_expires_at:%Y-%m-%d %H:%M} UTC it cannot be applied any more.",
        "",
    ]


def _why_held(story: Story) -> str:
    held = [line for line in story.lines if line.outcome is Outcome.HELD]
    if not held:
        return "**What would be written is kept as a plan.**"
    why = escape("; ".join(sorted({line.note for line in held})))
    return (
        f"**{len(held)} lines are held and wait for you: {why}** (counted over this run and the 24 hours "
        "before it). The rest was not held up."
    )


def _counts(story: Story) -> list[str]:
    counts = story.balance.counts
    return [
        "",
        f"| levels | | |\n|---|---:|---|\n| **checked** | **{story.checked}** | |",
        *(
            f"| {outcome.value.replace('_', ' ')} | {counts[outcome]} | {MEANT[outcome]} |"
            for outcome in Outcome
            if counts[outcome]
        ),
    ]


def _receipt_page(story: Story) -> str:
    seen = story.receipt
    return (
        f"Receipt: {seen.read_back} levels read back after writing, {seen.drift} of them drifted, "
        f"{seen.unconfirmed} unconfirmed. Products marked: {story.marked}; older marks taken off "
        f"{story.swept} others."
    )


def _unmarked(unmarked: Mapping[int, str]) -> list[str]:
    """Products that are finished and could not be marked: the next run looks at them again."""
    told = [
        f"- Warning: product {product} could not be marked: {escape(why)}"
        for product, why in islice(unmarked.items(), NAMED)
    ]
    more = len(unmarked) - len(told)
    return [*told, *([f"- Warning: nor could {more} more products"] if more else [])]


def _reasons(lines: Iterable[Line]) -> list[str]:
    """How often each reason came up, among lines that a person may want to look at."""
    rows = [
        f"| {outcome.value} | {escape(meaning(reason))} | {count} |"
        for (outcome, reason), count in _counted(lines).most_common()
    ]
    return ["", "| outcome | why | lines |", "|---|---|---:|", *rows] if rows else []


def _counted(lines: Iterable[Line]) -> Counter[tuple[Outcome, str]]:
    fine = {Outcome.DONE, Outcome.UNCHANGED, Outcome.NOT_SENT}
    return Counter((line.outcome, line.reason) for line in lines if line.outcome and line.outcome not in fine)


def troubles(lines: Iterable[Line]) -> list[str]:
    """What went wrong, a sentence for each reason, the most frequent first: lines for the run's log."""
    return [
        f"{count} lines {outcome.value}: {meaning(reason)}"
        for (outcome, reason), count in _counted(lines).most_common()
        if outcome in BROKEN
    ]


# ------------------------------------------------------------------ table

TABLE_ROWS = 1_000
"""Rows of the table artifact: a page in a browser, not an archive; the ledger has them all."""


_ORDER = (
    Outcome.FAILED,
    Outcome.CONFLICT,
    Outcome.PARKED,
    Outcome.HELD,
    Outcome.REFUSED,
    Outcome.NOT_SENT,
    Outcome.DONE,
    Outcome.UNKNOWN,
)
"""What a person has to look at comes first, and is not what a long table loses."""

_PLACES = {outcome: place for place, outcome in enumerate(_ORDER)}


def table(lines: Sequence[Line]) -> list[dict[str, str | int | None]]:
    """The changes, and what was not done, as rows for the table artifact."""
    shown = [
        (_PLACES[line.outcome], line.sku, line)
        for line in lines
        if line.outcome in _PLACES and line.reason != FED_ELSEWHERE
    ]
    shown.sort(key=lambda each: each[:2])
    return [_table_row(line) for _, _, line in shown[:TABLE_ROWS]]


def _table_row(line: Line) -> dict[str, str | int | None]:
    return {
        "sku": escape(line.sku),
        "from": line.shown,
        "to": _to(line),
        "outcome": "deleted" if line.deleted else str(line.outcome).replace("_", " "),
        "why": escape(_why(line)),
        "product": line.product_id,
    }


def _to(line: Line) -> str | int | None:
    if line.truth is None:
        return None
    is_open = line.outcome in (Outcome.HELD, Outcome.NOT_SENT)
    return f"{line.wanted}, then delete" if is_open and line.zero_candidate else line.wanted


def _why(line: Line) -> str:
    known = meaning(line.reason) if line.reason else ""
    return ": ".join(part for part in (known, line.note) if part)


def escape(text: str) -> str:
    """Text of a store made harmless for Markdown and HTML."""
    for sign, harmless in (
        ("\\", "\\\\"),
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("|", "\\|"),
        ("`", "\\`"),
        ("[", "\\["),
        ("*", "\\*"),
    ):
        text = text.replace(sign, harmless)
    return " ".join(text.split())
