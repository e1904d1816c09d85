"""As fast as Brick Owl likes it: 600 calls and 100 batches a minute are its limits, of which we use half.

https://www.brickowl.com/api_docs
"""

import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final, Protocol

from connectors.brickowl.calls import BATCH_POINTS
from connectors.errors import EvenstockError
from connectors.flight import InFlight
from connectors.http import Answer, Points
from connectors.pacing import Pace, TokenBucket

CALLS: Final = 300
"""Calls a minute."""

BATCHES: Final = 60
"""Batches a minute, which count as calls too."""

IN_FLIGHT: Final = 4
"""Calls of an account that may run side by side."""

_BURST: Final = 60
_BURST_OF_BATCHES: Final = 10


class Company(Protocol):
    """All processes that call for an account: they keep paces together."""

    def take_turn(self, paces: Collection[Pace]) -> float:
        """Take a turn of each pace; the seconds to wait until all of them have come."""

    def stop_turns(self, pace: Pace, seconds: float) -> None:
        """For so long nobody's turn comes."""


class OwlPacer:
    """The pacer of one account: calls, batches, and how many are on their way.

    Threads share it; processes share calls and batches if they are in `company`.
    """

    def __init__(
        self,
        account: str = "",
        company: Company | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._calls = TokenBucket(CALLS / 60, _BURST, clock=clock, sleep=sleep)
        self._batches = TokenBucket(BATCHES / 60, _BURST_OF_BATCHES, clock=clock, sleep=sleep)
        self._flight = InFlight(IN_FLIGHT, clock=clock)
        self._company = company
        self._sleep = sleep
        self._all_calls = _pace(f"brickowl/{account}/calls", CALLS, _BURST)
        self._all_batches = _pace(f"brickowl/{account}/batches", BATCHES, _BURST_OF_BATCHES)

    def reserve(self, cost: float) -> float:
        """Block until a call, or a batch (`BATCH_POINTS`), may be sent; the seconds waited."""
        is_batch = cost >= BATCH_POINTS
        waited = self._batches.reserve(1.0) if is_batch else 0.0
        waited += self._flight.reserve(1.0)
        try:
            return waited + self._calls.reserve(1.0) + self._await_others(is_batch=is_batch)
        except BaseException:
            self._flight.release(1.0)
            raise

    def learn(self, answer: Answer, cost: float) -> None:
        """Take in an answer: after a 429 all threads pause, and all processes."""
        self._calls.learn(answer, cost)
        self._flight.learn(answer, cost)
        if answer.status == 429 and self._company is not None:
            # Whoever is not told meets a 429 of its own.
            with suppress(EvenstockError):
                self._company.stop_turns(self._all_calls, self._calls.closed_for)

    def release(self, cost: float) -> None:
        """Let the next call go after one without an answer."""
        self._flight.release(cost)

    def points(self) -> Points:
        """Calls that may be sent at once, and calls a second."""
        return self._calls.points()

    def _await_others(self, *, is_batch: bool) -> float:
        """Wait for our turn among all processes; the seconds waited."""
        if self._company is None:
            return 0.0
        paces = [self._all_calls, self._all_batches] if is_batch else [self._all_calls]
        seconds = self._company.take_turn(paces)
        if seconds > 0:
            self._sleep(seconds)
        return seconds


def _pace(name: str, per_minute: int, burst: int) -> Pace:
    return Pace(name, 60 / per_minute, 60 / per_minute * (burst - 1))


_PACERS: dict[tuple[str, str], OwlPacer] = {}
_LOCK = threading.Lock()


def shared_pacer(account: str, where: str = "", company: Company | None = None) -> OwlPacer:
    """The one pacer of this process for an account; `where` its company is to be found."""
    with _LOCK:
        return _PACERS.setdefault((account, where), OwlPacer(account, company))
