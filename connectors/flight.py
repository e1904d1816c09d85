"""Let only so many calls of an account be on their way at once, whatever thread sends them."""

import threading
import time
from collections.abc import Callable

from connectors.http import Answer, Points


class InFlight:
    """The pacer of a system that limits how many calls run side by side."""

    def __init__(self, slots: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = threading.BoundedSemaphore(slots)
        self._clock = clock

    def reserve(self, cost: float) -> float:  # noqa: ARG002
        """Block until one of the calls before has ended; the seconds waited."""
        started = self._clock()
        self._slots.acquire()
        return self._clock() - started

    def learn(self, answer: Answer, cost: float) -> None:  # noqa: ARG002
        """Let the next call go."""
        self._slots.release()

    def release(self, cost: float) -> None:  # noqa: ARG002
        """Let the next call go."""
        self._slots.release()

    def points(self) -> Points | None:
        """Nothing is counted but calls on their way."""
        return None


_SHARED: dict[tuple[str, str], InFlight] = {}
_SHARED_LOCK = threading.Lock()


def shared_flight(system: str, account: str, slots: int) -> InFlight:
    """The one `InFlight` of this process for an account of a system."""
    with _SHARED_LOCK:
        return _SHARED.setdefault((system, account), InFlight(slots))
