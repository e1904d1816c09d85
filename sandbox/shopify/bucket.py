"""The bucket of points that every app has at every store, and what replies say about it.

https://shopify.dev/docs/api/usage/limits
"""

import math
import threading
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from sandbox.shopify.cost import MAX_COST

DOCUMENTATION: Final = "https://shopify.dev/docs/api/usage/limits"


class Plan(NamedTuple):
    """How a store's plan fills the bucket: points a second, and the most it holds."""

    restore_rate: float
    maximum: float


PLANS: Final[Mapping[str, Plan]] = {
    "standard": Plan(100, 2_000),
    "advanced": Plan(200, 4_000),
    "plus": Plan(1_000, 20_000),
}


class Bucket:
    """Points that an operation takes and time gives back, continuously; one for each (app, store).

    Starts full. `clock` gives seconds; a clock that is set back gives nothing and takes nothing. May be used
    by many threads: an admitted operation's points are set aside until the same thread settles it.
    """

    def __init__(self, restore_rate: float, maximum: float, clock: Callable[[], float]) -> None:
        self.restore_rate = restore_rate
        self.maximum = maximum
        self._clock = clock
        self._level = float(maximum)
        self._filled_at = clock()
        self._lock = threading.Lock()
        self._aside = threading.local()

    def admit(self, requested: float) -> bool:
        """Set the points an operation asks for aside; False, and nothing changes, if there are too few."""
        with self._lock:
            self._refill()
            if requested > self._level:
                return False
            self._level -= requested
        self._aside.points = requested
        return True

    def charge(self, amount: float) -> None:
        """Take what the operation really cost, and give back the rest of what `admit` set aside."""
        aside = getattr(self._aside, "points", 0.0)
        self._aside.points = 0.0
        with self._lock:
            self._refill()
            self._level = min(self.maximum, self._level + aside - amount)

    @property
    def available(self) -> float:
        """Points that an operation may ask for now."""
        with self._lock:
            self._refill()
            return self._level

    def status(self) -> dict[str, float]:
        """`throttleStatus` of a reply."""
        return {
            "maximumAvailable": float(self.maximum),
            "currentlyAvailable": math.floor(self.available),
            "restoreRate": float(self.restore_rate),
        }

    def _refill(self) -> None:
        now = self._clock()
        passed = max(0.0, now - self._filled_at)
        self._level = min(self.maximum, self._level + passed * self.restore_rate)
        self._filled_at = now


def cost_extension(requested: int, actual: int | None, bucket: Bucket) -> dict[str, object]:
    """`extensions.cost` of a reply; `actual` is None when nothing ran."""
    return {
        "requestedQueryCost": requested,
        "actualQueryCost": actual,
        "throttleStatus": bucket.status(),
    }


def throttled_reply(requested: int, bucket: Bucket) -> dict[str, object]:
    """The whole body of a reply to an operation that the bucket did not admit (HTTP 200, no `data`)."""
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": DOCUMENTATION}}
    return {"errors": [error], "extensions": {"cost": cost_extension(requested, None, bucket)}}


def max_cost_reply(requested: int, maximum: int = MAX_COST) -> dict[str, object]:
    """The whole body of a reply to an operation that asks for more than any operation may (HTTP 200)."""
    detail = {
        "code": "MAX_COST_EXCEEDED",
        "cost": requested,
        "maxCost": maximum,
        "documentation": DOCUMENTATION,
    }
    text = f"Query cost is {requested}, which exceeds the single query max cost limit ({maximum})."
    return {"errors": [{"message": text, "extensions": detail}]}
