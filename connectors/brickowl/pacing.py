"""As fast as Brick Owl likes it: 600 calls and 100 batches a minute are its limits, of which we use half.

https://www.brickowl.com/api_docs
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from connectors.brickowl.calls import BATCH_POINTS
from connectors.flight import InFlight
from connectors.http import Answer, Points
from connectors.pacing import TokenBucket

CALLS: Final = 300
"""Calls a minute."""

BATCHES: Final = 60
"""Batches a minute, which count as calls too."""

IN_FLIGHT: Final = 4
"""Calls of an account that may run side by side."""

_BURST: Final = 60
_BURST_OF_BATCHES: Final = 10


class OwlPacer:
    """The pacer of one account, shared by its threads: calls, batches, and how many are on their way."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._calls = TokenBucket(CALLS / 60, _BURST, clock=clock, sleep=sleep)
        self._batches = TokenBucket(BATCHES / 60, _BURST_OF_BATCHES, clock=clock, sleep=sleep)
        self._flight = InFlight(IN_FLIGHT, clock=clock)

    def reserve(self, cost: float) -> float:
        """Block until a call, or a batch (`BATCH_POINTS`), may be sent; the seconds waited."""
        waited = self._batches.reserve(1.0) if cost >= BATCH_POINTS else 0.0
        waited += self._flight.reserve(1.0)
        try:
            return waited + self._calls.reserve(1.0)
        except BaseException:
            self._flight.release(1.0)
            raise

    def learn(self, answer: Answer, cost: float) -> None:
        """Take in an answer: after a 429 all threads pause."""
        self._calls.learn(answer, cost)
        self._flight.learn(answer, cost)

    def release(self, cost: float) -> None:
        """Let the next call go after one without an answer."""
        self._flight.release(cost)

    def points(self) -> Points:
        """Calls that may be sent at once, and calls a second."""
        return self._calls.points()


_PACERS: dict[str, OwlPacer] = {}
_LOCK = threading.Lock()


def shared_pacer(account: str) -> OwlPacer:
    """The one pacer of this process for an account."""
    with _LOCK:
        return _PACERS.setdefault(account, OwlPacer())
