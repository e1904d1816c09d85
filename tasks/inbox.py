"""What web hooks name, kept until somebody looks at it: bounded, each thing once, duplicates known again.

The memory is this process's. Several receivers of one store may each look at the same thing, which costs a
call and changes nothing: a refresh reads the store, and an older reading never replaces a newer one.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import Enum

from connectors.redaction import one_line
from connectors.shopify.hooks import Hint

logger = logging.getLogger(__name__)

EVENTS = 20_000
REMEMBERED = 6 * 3600.0
"""Events that are known again, and for how many seconds: Shopify repeats itself for four hours."""

AT_ONCE = 250
PATIENCE = (5.0, 15.0, 60.0, 300.0, 300.0)
"""Seconds of waiting after each failed look; then the things are left to the scheduled refresh."""


class Taken(Enum):
    """What became of a web hook."""

    QUEUED = "queued"
    REPEATED = "repeated"
    FULL = "full"


class Events:
    """Events that were taken, the oldest forgotten first. Not for several threads."""

    def __init__(self, most: int = EVENTS, seconds: float = REMEMBERED) -> None:
        self._most = most
        self._seconds = seconds
        self._seen: OrderedDict[tuple[object, ...], float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def knows(self, event: tuple[object, ...], now: float) -> bool:
        """Whether this event was taken not too long ago."""
        while self._seen and next(iter(self._seen.values())) <= now - self._seconds:
            self._seen.popitem(last=False)
        return event in self._seen

    def add(self, event: tuple[object, ...], now: float) -> None:
        """Know this event from now on."""
        self._seen[event] = now
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)


class Inbox:
    """Things to look at, in the order they came. For several threads.

    A thing that waits already takes no further room. Once closed it is full for everything.
    """

    def __init__(self, room: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._room = room
        self._now = now
        self._waiting: dict[Hint, None] = {}
        self._events = Events()
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, hint: Hint, topic: str, event: str) -> Taken:
        """Take what a web hook names, unless the same event named the same before. Never waits.

        Topic and event are not signed, so that they never speak for a thing that another web hook named.
        """
        with self._changed:
            same, now = (event, topic, hint), self._now()
            if event and self._events.knows(same, now):
                return Taken.REPEATED
            if self._is_closed or (hint not in self._waiting and len(self._waiting) >= self._room):
                return Taken.FULL
            self._waiting[hint] = None
            if event:
                self._events.add(same, now)
            self._changed.notify_all()
            return Taken.QUEUED

    def take(self, gather: float) -> list[Hint]:
        """Wait for something, then `gather` seconds for what comes with it. Nothing: closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if not self._is_closed:
                self._changed.wait_for(lambda: self._is_closed or len(self._waiting) >= AT_ONCE, gather)
            found = list(self._waiting)[:AT_ONCE]
            for each in found:
                del self._waiting[each]
            return found

    def close(self) -> None:
        """Take nothing more; what waits can still be had."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def wait_closed(self, seconds: float) -> bool:
        """Wait so long, or until it is closed; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_closed, seconds)

    def __len__(self) -> int:
        with self._changed:
            return len(self._waiting)


Look = Callable[[Sequence[Hint]], None]
"""Looks at things; raises if it could not."""


class Worker:
    """Looks at what is in the inbox, from a thread of its own, until the inbox is closed and empty."""

    def __init__(
        self, inbox: Inbox, look: Look, *, gather: float, patience: Sequence[float] = PATIENCE
    ) -> None:
        self._inbox = inbox
        self._look = look
        self._gather = gather
        self._patience = patience
        self.left: list[Hint] = []
        """Things that it could not look at."""
        self._at: list[Hint] = []
        # A look that hangs must not keep the program from ending; it is told as unfinished.
        self._thread = threading.Thread(target=self._work, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self, seconds: float) -> bool:
        """Close the inbox, wait so long for the work on it to end; whether everything was looked at."""
        self._inbox.close()
        self._thread.join(seconds)
        return not self.unfinished()

    def unfinished(self) -> int:
        """How many things were not looked at, or not to the end."""
        return len(self.left) + len(self._at) + len(self._inbox)

    def _work(self) -> None:
        while found := self._inbox.take(self._gather):
            self._at = found
            has_looked, self._at = self._looked(found), []
            if not has_looked:
                self.left += found
                logger.error(
                    "%d things that web hooks named were not looked at; the next scheduled refresh does",
                    len(found),
                )

    def _looked(self, found: Sequence[Hint]) -> bool:
        """Look, and after a failure look again later. When the inbox closes meanwhile, only once more."""
        for pause in (*self._patience, None):
            is_last = self._inbox.wait_closed(0)
            try:
                self._look(found)
            except Exception as error:  # noqa: BLE001 - without this thread a receiver would only take
                logger.warning("web hooks: %s: %s", type(error).__name__, one_line(str(error)))
            else:
                return True
            if is_last or pause is None:
                return False
            self._inbox.wait_closed(pause)
        return False
