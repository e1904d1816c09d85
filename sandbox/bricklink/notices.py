"""Notifications: a list to be read, and calls of a URL, some of which get lost.

https://www.bricklink.com/v3/api.page?page=get-notifications
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from sandbox.book import Row
from sandbox.reading import Json

PATIENCE: float = 5.0
"""Real seconds that a callback may take; nothing is sent again."""


def post(url: str, body: Json) -> None:
    """Call a URL; nobody hears how it went."""
    try:
        httpx.post(url, json=body, timeout=PATIENCE)
    except httpx.HTTPError:
        return


def post_aside(url: str, body: Json) -> None:
    """Call a URL while others go on."""
    threading.Thread(target=post, args=(url, body), name="callback", daemon=True).start()


@dataclass
class Notices:
    """What a store was told of, and not read yet."""

    waiting: list[Row]
    callback_url: str | None = None
    lost: int = 0
    """Every so many-th call of the URL is lost; 0: none."""
    send: Callable[[str, Json], None] = post_aside
    _sent: int = field(default=0)

    def tell(self, event: str, number: int, at: str, *, alone: bool) -> None:
        """Tell of an event; `alone`: the URL gets it as it is, not in a list."""
        notice = {"event_type": event, "resource_id": number, "timestamp": at}
        self.waiting.append(notice)
        if self.callback_url:
            self._sent += 1
            if not (self.lost and self._sent % self.lost == 0):
                self.send(self.callback_url, notice if alone else [notice])

    def read(self, *, emptied: bool) -> list[Row]:
        """What is waiting."""
        found = list(self.waiting)
        if emptied:
            self.waiting.clear()
        return found
