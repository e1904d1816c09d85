"""What happened to the stand-ins: a journal of calls and a list of accepted changes."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Final

from sandbox.clock import spelled


@dataclass(slots=True)
class Call:
    """One line of the journal. `operation` is the first root field of a document, or `METHOD /path`."""

    system: str
    account: str
    operation: str
    time: str = ""
    cost: int | None = None
    status: int | None = None
    code: str | None = None
    wrote: bool = False
    key: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """One accepted change of one thing."""

    time: str
    system: str
    account: str
    operation: str
    key: str | None
    what: str
    id: int | str
    location: int | None
    name: str | None
    before: object
    after: object


CALL: Final = tuple(one.name for one in fields(Call))
WRITE: Final = tuple(one.name for one in fields(Write))


def _plain(line: Call | Write, names: Sequence[str]) -> dict[str, object]:
    return {name: getattr(line, name) for name in names}


@dataclass(slots=True)
class Ledger:
    """All calls and all writes, oldest first. May be used by many threads."""

    now: Callable[[], datetime]
    _calls: list[Call] = field(default_factory=list)
    _writes: list[Write] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, call: Call) -> None:
        """Add a call that has been answered (or cut)."""
        call.time = call.time or spelled(self.now())
        with self._lock:
            self._calls.append(call)

    def wrote(self, write: Write) -> None:
        """Add a change."""
        with self._lock:
            self._writes.append(write)

    def stamp(self) -> str:
        """The stand-ins' time, as the ledger spells it."""
        return spelled(self.now())

    def calls(self) -> list[dict[str, object]]:
        """The journal."""
        with self._lock:
            return [_plain(call, CALL) for call in self._calls]

    def writes(self) -> list[dict[str, object]]:
        """The changes."""
        with self._lock:
            return [_plain(write, WRITE) for write in self._writes]

    def summary(self) -> list[dict[str, object]]:
        """How many calls by system, account and operation."""
        with self._lock:
            counts = Counter((call.system, call.account, call.operation) for call in self._calls)
        names = ("system", "account", "operation")
        return [dict(zip(names, key, strict=True)) | {"calls": number} for key, number in counts.items()]

    def clear_calls(self) -> None:
        """Begin a new journal."""
        with self._lock:
            self._calls.clear()

    def clear_writes(self) -> None:
        """Forget the changes: the world they were made in is gone."""
        with self._lock:
            self._writes.clear()
