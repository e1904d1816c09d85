"""The time by which a server judges a signed call, where ours may be off."""

from collections.abc import Callable
from datetime import datetime, timedelta


class ServerClock:
    """Our clock until the server is seen to have another time, then that one. Times are aware, UTC.

    `skew`: how far ours may be off before that matters.
    """

    def __init__(self, now: Callable[[], datetime], skew: timedelta) -> None:
        self._now = now
        self._skew = skew
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        """The time to sign by."""
        return self._now() + self._ahead

    def follow(self, theirs: datetime) -> bool:
        """Go by the server's time from now on, if ours is off; whether it was."""
        ahead = theirs - self._now()
        if abs(ahead - self._ahead) <= self._skew:
            return False
        self._ahead = ahead
        return True
