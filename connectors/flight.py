"""Let only so many calls of an account be on their way at once, whatever thread or process sends them.

Processes on one machine share the limit by locks on a file, which the kernel takes off when a process dies;
those on several machines by what they have in common, their ledger (`connectors.ledger.locks`).
"""

import fcntl
import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Protocol

from connectors.errors import ConfigurationError
from connectors.http import Answer, Points

POLL_SECONDS = 0.01
"""How often a process looks whether another one's call has ended: a call takes ten times as long."""


class Locks(Protocol):
    """Locks by name that several processes share; those of a process that dies come free."""

    def lock(self, name: str) -> bool:
        """Take a lock if it is free; never asked for one that this process has."""

    def unlock(self, name: str) -> None:
        """Give a lock back."""


class InFlight:
    """The pacer that limits calls side by side: those of this process, or of all that share `berths`."""

    def __init__(
        self, slots: int, *, berths: "Berths | None" = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._slots = threading.BoundedSemaphore(slots)
        self._berths = berths
        self._clock = clock

    def reserve(self, cost: float) -> float:  # noqa: ARG002
        """Block until one of the calls before has ended; the seconds waited."""
        started = self._clock()
        self._slots.acquire()
        try:
            if self._berths:
                self._berths.take()
        except BaseException:
            self._slots.release()
            raise
        return self._clock() - started

    def learn(self, answer: Answer, cost: float) -> None:  # noqa: ARG002
        """Let the next call go."""
        self._end()

    def release(self, cost: float) -> None:  # noqa: ARG002
        """Let the next call go."""
        self._end()

    def _end(self) -> None:
        try:
            if self._berths:
                self._berths.leave()
        finally:
            self._slots.release()

    def points(self) -> Points | None:
        """Nothing is counted but calls on their way."""
        return None


class Berths:
    """Places for calls that all processes with the same locks share; one object a name and process."""

    def __init__(self, name: str, count: int, locks: Locks) -> None:
        self._locks = locks
        self._free = [f"berths/{name}/{number}" for number in range(count)]
        self._taken: list[str] = []
        self._turn = threading.Lock()

    def take(self) -> None:
        """Take a place as soon as there is one."""
        while not self._found():
            time.sleep(POLL_SECONDS)

    def leave(self) -> None:
        """Give one place back."""
        with self._turn:
            place = self._taken.pop()
            self._locks.unlock(place)
            self._free.append(place)

    def _found(self) -> bool:
        # A process could lock once more what it has locked itself: only the others are looked at.
        with self._turn:
            place = next(filter(self._locks.lock, self._free), None)
            if place is None:
                return False
            self._free.remove(place)
            self._taken.append(place)
            return True


class FileLocks:
    """Locks that all processes of this machine and user share: bytes of a file."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = _opened(folder or _shared_folder())

    def lock(self, name: str) -> bool:
        """Take a lock if it is free."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte(name))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def unlock(self, name: str) -> None:
        """Give a lock back."""
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _byte(name))


def _byte(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6])


@cache
def _opened(folder: Path) -> int:
    """The file whose bytes are the places; never closed, as that would unlock all of this process."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        return os.open(folder / "places", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"calls cannot be counted in {folder}, which every process of this user has to be able to write:"
            f" {error.strerror}"
        ) from error


def _shared_folder() -> Path:
    return Path(tempfile.gettempdir()) / f"evenstock-in-flight-{os.getuid()}"


_SHARED: dict[tuple[int, str], InFlight] = {}
_SHARED_LOCK = threading.Lock()


def shared_flight(name: str, slots: int, locks: Callable[[], Locks | None]) -> InFlight:
    """The one `InFlight` of this process for an account of a system, whose `name` tells it from all others.

    `locks`: gives those that all machines share; None if there is this machine only.
    """
    with _SHARED_LOCK:
        # By process: a child forked from one that flies would believe its places its own.
        key = (os.getpid(), name)
        if key not in _SHARED:
            _SHARED[key] = InFlight(slots, berths=Berths(name, slots, locks() or FileLocks()))
        return _SHARED[key]
