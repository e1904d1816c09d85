"""Taking a product's updates back when part of them failed: a plan like any other, last first."""

from collections.abc import Sequence
from enum import StrEnum

from tasks.plan import Line, Outcome


class RollbackMode(StrEnum):
    """What to take back: everything, only raises (they could oversell), or nothing."""

    ALL = "all"
    RAISES = "raises"
    OFF = "off"


def inverse(lines: Sequence[Line], mode: RollbackMode) -> list[Line]:
    """The lines that take a half-failed product's updates back, last written first.

    Each goes from what was written to what was there before. Deleted variants do not come back this way,
    and lines that wrote nothing need not.
    """
    if mode is RollbackMode.OFF or not any(line.outcome is Outcome.FAILED for line in lines):
        return []
    return [_back(line) for line in reversed(lines) if _was_written(line) and _is_concerned(line, mode)]


def _back(line: Line) -> Line:
    return line._replace(
        shown=line.written_to or 0,
        wanted=line.written_from or 0,
        outcome=None,
        reason="",
        activate=False,
        zero_candidate=False,
    )


def _was_written(line: Line) -> bool:
    return line.outcome is Outcome.DONE and line.written_to is not None and not line.deleted


def _is_concerned(line: Line, mode: RollbackMode) -> bool:
    return mode is RollbackMode.ALL or (line.written_to or 0) > (line.written_from or 0)
