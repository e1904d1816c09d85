"""What of a plan may still be applied when a person releases it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tasks.guard import Limits, Memory, refuse
from tasks.plan import Line, Outcome


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The plan's lines as they look now, and products that have other differences besides."""

    lines: tuple[Line, ...]
    busy: frozenset[int]


def narrow(lines: Iterable[Line], planned: Mapping[int, Line]) -> Narrowed:
    """Keep a plan's lines, by inventory item id. What the shop no longer has is refused."""
    found: dict[int, Line] = {}
    busy: set[int] = set()
    for line in lines:
        if line.item_id in planned:
            found[line.item_id] = line
        elif line.is_open:
            busy.add(line.product_id)
    gone = [line.ended(Outcome.REFUSED, "gone") for item, line in planned.items() if item not in found]
    return Narrowed((*found.values(), *gone), frozenset(busy))


def review(
    lines: Sequence[Line], planned: Mapping[int, Line], memories: Mapping[int, Memory], limits: Limits
) -> list[Line]:
    """Let a line through only if the truth still asks for the same and the shop still holds the same.

    No mass-change limit applies: a person has judged the slice. The rules for single lines do.
    """
    return [
        _judge(line, planned[line.item_id], memories.get(line.item_id, Memory()), limits) for line in lines
    ]


def _judge(line: Line, planned: Line, memory: Memory, limits: Limits) -> Line:
    if line.outcome not in (None, Outcome.UNCHANGED):
        return line
    if line.wanted != planned.wanted:
        note = f"the truth asks for {line.wanted} now, not for {planned.wanted}"
        return line.ended(Outcome.REFUSED, "truth_moved", note)
    if line.shown != planned.shown:
        note = f"the shop holds {line.shown} now, not {planned.shown}"
        return line.ended(Outcome.REFUSED, "shop_moved", note)
    return refuse(
        line._replace(zero_candidate=line.zero_candidate and planned.zero_candidate), memory, limits
    )
