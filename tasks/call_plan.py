"""Show what each window of calls is used for: stock before price before text."""

from collections.abc import Sequence
from math import ceil
from typing import cast

from connectors.records import JsonObject
from connectors.supplier import FACETS, PlannedList


def by_window(lists: Sequence[PlannedList]) -> list[JsonObject]:
    """The calls of a pass, window by window, in the order in which they are sent.

    Each list has a window of its own, so that many begin together.
    """
    ordered = sorted(lists, key=lambda each: FACETS.index(each.facet))
    count = max((ceil(each.calls / each.limit) for each in ordered), default=0)
    return [{"window": number + 1, "calls": _calls(ordered, number)} for number in range(count)]


def continued(plan: Sequence[JsonObject], windows: int, rest: Sequence[JsonObject]) -> list[JsonObject]:
    """The plan of a pass that has used so many windows, with what is planned for the rest of it."""
    later = [each | {"window": windows + number} for number, each in enumerate(rest, start=1)]
    return [*plan[:windows], *later]


def _calls(lists: Sequence[PlannedList], window: int) -> JsonObject:
    left = ((each.source, min(each.limit, each.calls - window * each.limit)) for each in lists)
    return cast("JsonObject", {source: calls for source, calls in left if calls > 0})


def hours(lists: Sequence[PlannedList]) -> float:
    """How long a pass takes at the least: until the last window that it needs opens."""
    waits = ((ceil(each.calls / each.limit) - 1) * each.window_seconds for each in lists)
    return round(max(waits, default=0) / 3600, 2)


def told(lists: Sequence[PlannedList]) -> str:
    """The first window's calls, and how long it all takes, in one line."""
    if not lists:
        return "no limits of windows are known"
    first = ", ".join(f"{name} {calls}" for name, calls in _calls(_sorted(lists), 0).items())
    return f"calls of this window: {first}; the whole pass takes {hours(lists):g} hours at the least"


def _sorted(lists: Sequence[PlannedList]) -> list[PlannedList]:
    return sorted(lists, key=lambda each: FACETS.index(each.facet))
