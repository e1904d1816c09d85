"""Hold the right to work on something, and keep it alive while working."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from connectors.errors import EvenstockError, LeaseLost
from connectors.ledger import Ledger

BEATS = 3
"""Heartbeats within one term of a lease."""


def clock() -> datetime:
    """The real time: leases are about processes that live now, whatever day a run works for."""
    return datetime.now(UTC)


class Hold:
    """Leases that are held, each with its fencing number."""

    def __init__(self, ledger: Ledger, holder: str, seconds: float, fences: Mapping[str, int]) -> None:
        self._ledger = ledger
        self._holder = holder
        self._seconds = seconds
        self.fences = dict(fences)

    def check(self, resources: Sequence[str], spare: float = 0.0) -> None:
        """Raise LeaseLost unless all of these are held for at least `spare` seconds more."""
        if lost := self.lost(resources, spare):
            raise LeaseLost(f"the lease on {', '.join(sorted(lost))} ended; another run may have it")

    def lost(self, resources: Iterable[str], spare: float = 0.0) -> set[str]:
        """Which of these are not held for at least `spare` seconds more."""
        wanted = {resource: self.fences[resource] for resource in resources}
        return self._ledger.check(wanted, clock() + timedelta(seconds=spare))

    def renew(self) -> None:
        """Take a new term for everything that is still held."""
        self._ledger.renew(self.fences, self._holder, self._seconds, clock())

    def let_go(self, resources: Iterable[str]) -> None:
        """Give some back before the others, for somebody who waits for them."""
        fences = {resource: self.fences[resource] for resource in resources if resource in self.fences}
        # A new mapping, as the heartbeat may be reading the old one.
        self.fences = {each: fence for each, fence in self.fences.items() if each not in fences}
        if fences:
            self._ledger.release(fences, self._holder)

    def release(self) -> None:
        """Give everything back."""
        self._ledger.release(self.fences, self._holder)


@contextmanager
def held(ledger: Ledger, resources: Sequence[str], holder: str, seconds: float) -> Iterator[Hold]:
    """Acquire what is free, renew it in the background, give it back in the end.

    What cannot be given back lapses by itself, and takes nothing with it that was done.
    """
    fences = ledger.acquire(resources, holder, seconds, clock())
    hold = Hold(ledger, holder, seconds, fences)
    try:
        with beating(hold.renew, seconds / BEATS):
            yield hold
    finally:
        with suppress(EvenstockError):
            hold.release()


@contextmanager
def beating(beat: Callable[[], object], every: float) -> Iterator[None]:
    """Call `beat` every so many seconds while the work goes on.

    A beat that fails is tried again at the next turn: what it keeps alive lapses by itself if it must, and
    is checked before every write.
    """
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(every):
            try:
                beat()
            except EvenstockError:
                continue

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
