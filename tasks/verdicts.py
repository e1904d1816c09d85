"""How a batch ended, as JSON: what its task returns, and how the run's story takes it in."""

from collections.abc import Iterable, Mapping, Sequence

from connectors.records import JsonObject, JsonValue
from connectors.shape import as_bool, as_int, as_list, as_object, as_text
from tasks.carry import Carried
from tasks.deletion import Failed
from tasks.mark import Marked
from tasks.plan import Line, Outcome
from tasks.receipt import Receipt
from tasks.report import Story


def to_json(carried: Carried) -> JsonObject:
    """A batch's result as plain JSON, a row a line."""
    return {
        "lines": [_verdict(line) for line in carried.lines],
        "receipt": [carried.receipt.read_back, carried.receipt.drift, carried.receipt.unconfirmed],
        "failed_deletions": [[failed.line.variant_id, failed.check] for failed in carried.failed_deletions],
        "archived": list(carried.archived),
        "finished": list(carried.finished),
        "rolled_back": len(carried.rolled_back),
        "not_rolled_back": len(carried.not_rolled_back),
        "usage": dict(carried.usage),
    }


def _verdict(line: Line) -> list[JsonValue]:
    outcome = line.outcome.value if line.outcome else ""
    return [
        line.variant_id, outcome, line.reason, line.note, line.written_from, line.written_to, line.deleted
    ]  # fmt: skip


def absorb(story: Story, result: JsonObject) -> None:
    """Take a batch's result into the story: its lines get their outcomes."""
    for row in as_list(result["lines"], "lines"):
        place = story.places[as_int(_row(row)[0], "variant")]
        story.lines[place] = _ended(story.lines[place], _row(row))
    read_back, drift, unconfirmed = (
        as_int(count, "receipt") for count in as_list(result["receipt"], "receipt")
    )
    story.receipt += Receipt(read_back, drift, unconfirmed)
    story.failed_deletions += [
        _failed_deletion(story, _row(row)) for row in as_list(result["failed_deletions"], "failed")
    ]
    story.archived += [as_int(number, "archived") for number in as_list(result["archived"], "archived")]
    story.finished += [as_int(number, "finished") for number in as_list(result["finished"], "finished")]
    story.rollbacks += as_int(result["rolled_back"], "rolled_back")
    story.rollback_failures += as_int(result["not_rolled_back"], "not_rolled_back")


def marked_to_json(marked: Marked, usage: Mapping[str, int | float]) -> JsonObject:
    """How marking ended, as plain JSON."""
    return {
        "marked": len(marked.marked),
        "swept": len(marked.swept),
        "failed": [[product_id, why] for product_id, why in marked.failed.items()],
        "usage": dict(usage),
    }


def absorb_marks(story: Story, result: JsonObject) -> None:
    """Take into the story which products were marked."""
    story.marked += as_int(result["marked"], "marked")
    story.swept += as_int(result["swept"], "swept")
    for row in as_list(result["failed"], "failed"):
        story.unmarked[as_int(_row(row)[0], "product")] = as_text(_row(row)[1], "why")


def _row(row: JsonValue) -> list[JsonValue]:
    return as_list(row, "row")


def _ended(line: Line, verdict: Sequence[JsonValue]) -> Line:
    _, outcome, reason, note, written_from, written_to, deleted = verdict
    return line._replace(
        outcome=Outcome(as_text(outcome, "outcome")),
        reason=as_text(reason, "reason"),
        note=as_text(note, "note"),
        written_from=None if written_from is None else as_int(written_from, "from"),
        written_to=None if written_to is None else as_int(written_to, "to"),
        deleted=as_bool(deleted, "deleted"),
    )


def _failed_deletion(story: Story, row: Sequence[JsonValue]) -> Failed:
    return Failed(story.lines[story.places[as_int(row[0], "variant")]], as_text(row[1], "check"))


def interrupt(story: Story, products: Iterable[int], why: str) -> None:
    """End the open lines of products whose batch broke off: what they hold now, the next run will see."""
    broken = set(products)
    for place, line in enumerate(story.lines):
        if line.is_open and line.product_id in broken:
            story.lines[place] = line.ended(Outcome.FAILED, "interrupted", why)


def add_usage(total: JsonObject, account: str, usage: Mapping[str, JsonValue]) -> None:
    """Add a step's API figures to an account's."""
    sums = as_object(total.setdefault(account, {}), account)
    for name, figure in usage.items():
        before = sums.get(name, 0)
        if isinstance(figure, int | float) and isinstance(before, int | float):
            sums[name] = round(before + figure, 3)
