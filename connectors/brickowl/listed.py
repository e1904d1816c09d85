"""The list of all lots as it was read last, kept for the creations of the next moments.

Each of them has to see what the seller had before, and the list may be megabytes long.
"""

import threading
from collections.abc import Sequence
from typing import Final

from connectors.market import Lot

LISTED_FOR: Final = 15.0
"""Seconds for which a list is good enough to see what the seller had before: what he makes by hand and then
tells us of takes longer.
"""


class Listed:
    """The lots of one store, and when they were asked for, in seconds. Shared by threads."""

    def __init__(self) -> None:
        self._kept: tuple[float, Sequence[Lot]] | None = None

    def keep(self, lots: Sequence[Lot], asked_at: float) -> None:
        """Keep a list that was just read."""
        self._kept = asked_at, lots

    def recent(self, now: float) -> Sequence[Lot] | None:
        """The list, if it is still good enough."""
        kept = self._kept
        return kept[1] if kept is not None and now - kept[0] < LISTED_FOR else None


_LISTS: dict[str, Listed] = {}
_LOCK = threading.Lock()


def shared_list(name: str) -> Listed:
    """The one list of this process for a store, whose `name` tells it from all others."""
    with _LOCK:
        return _LISTS.setdefault(name, Listed())
