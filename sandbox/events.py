"""Things that happen in the world, now or just before a call."""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.faults import SYSTEMS
from sandbox.reading import REQUIRED, Json, Key, Path, WorldError, counted, filled, one_of, read

BEFORE: Final = {"operation": Key(filled, REQUIRED), "nth": Key(counted, 1)}
Happening = Callable[[], dict[str, object]]
"""Makes the event happen and tells how it went."""


@dataclass(slots=True)
class Event:
    """An event that waits for a call (or, with `operation` None, for nothing)."""

    system: str
    account: str
    kind: str
    given: Mapping[str, Any]
    operation: str | None = None
    nth: int = 1
    seen: int = 0

    def due(self, system: str, account: str, operations: Collection[str]) -> bool:
        """Count a call; True if the event happens just before it. RMS has no calls: its events wait for those
        of any system.
        """
        if self.system != "rms" and (self.system, self.account) != (system, account):
            return False
        if self.operation != "*" and self.operation not in operations:
            return False
        self.seen += 1
        return self.seen == self.nth


def read_event(value: Json, accounts: Mapping[str, str], path: Path = ("event",)) -> Event:
    """An event; `accounts` gives each system's first account, for events that name none."""
    if not isinstance(value, dict):
        raise WorldError(path, "must be an object")
    given = dict(value)
    system = one_of(*SYSTEMS)(given.pop("system", None), (*path, "system"))
    kind = filled(given.pop("kind", None), (*path, "kind"))
    account = given.pop("account", None) or accounts.get(system, "default")
    before = given.pop("before", None)
    if before is None:
        return Event(system, account, kind, given)
    return Event(system, account, kind, given, **read(before, (*path, "before"), BEFORE))


@dataclass
class Events:
    """Events that wait, and what became of those that happened. May be used by many threads."""

    _waiting: list[Event] = field(default_factory=list)
    _happened: list[dict[str, object]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, event: Event) -> None:
        """Let an event wait for its call."""
        with self._lock:
            self._waiting.append(event)

    def due(self, system: str, account: str, operations: Collection[str]) -> list[Event]:
        """The events that happen just before this call; each is given out once."""
        with self._lock:
            due = [event for event in self._waiting if event.due(system, account, operations)]
            self._waiting = [event for event in self._waiting if event not in due]
        return due

    def happened(self, event: Event, result: Mapping[str, object]) -> None:
        """Note how an event went."""
        with self._lock:
            self._happened.append(
                {"system": event.system, "account": event.account, "kind": event.kind, **result}
            )

    def listed(self) -> dict[str, object]:
        """What happened, and how many events still wait."""
        with self._lock:
            return {"happened": list(self._happened), "waiting": len(self._waiting)}

    def clear(self) -> None:
        """Forget all events."""
        with self._lock:
            self._waiting.clear()
            self._happened.clear()
