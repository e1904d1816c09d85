"""AliExpress's three counters: calls of an API in a second, of an API in a day, and of the app in a day.

The answer is the error; nothing tells how much is left. A day ends at midnight in GMT+8.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

DAY: Final = 86_400
ZONE: Final = 8 * 3600


@dataclass
class Limits:
    """One app's counters. Limits are calls; 0 is none."""

    per_second: int
    per_day: int
    of_app: int
    _seconds: Counter[tuple[str, int]] = field(default_factory=Counter)
    _days: Counter[tuple[str, int]] = field(default_factory=Counter)

    def enter(self, api: str, now: float) -> tuple[str, int] | None:
        """Count a call at this moment (Unix time); or the error's code and how many seconds it lasts."""
        second, day = int(now), int(now + ZONE) // DAY
        left = (day + 1) * DAY - ZONE - int(now)
        if 0 < self.of_app <= self._days["", day]:
            return "AppCallLimit", left
        if 0 < self.per_day <= self._days[api, day]:
            return "AppApiCallLimit", left
        if 0 < self.per_second <= self._seconds[api, second]:
            return "ApiCallLimit", 1
        if self._seconds and next(reversed(self._seconds))[1] < second:
            self._seconds.clear()
        self._seconds[api, second] += 1
        self._days[api, day] += 1
        self._days["", day] += 1
        return None
