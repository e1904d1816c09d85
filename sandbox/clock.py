"""The stand-ins' own time, which can be set, moved on and held still."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["Clock", "spelled"]


def _still() -> float:
    return 0.0


class Clock:
    """Runs with real time from `start` (default: now) unless `frozen`; setting it keeps it running."""

    def __init__(
        self,
        start: datetime | None = None,
        *,
        frozen: bool = False,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ticks: Callable[[], float] = _still if frozen else ticks
        self._origin = start or datetime.now(UTC)
        self._begun = self._ticks()

    @property
    def runs(self) -> bool:
        """Whether time passes by itself."""
        return self._ticks is not _still

    def now(self) -> datetime:
        """The moment it is, in UTC."""
        return self._origin + timedelta(seconds=self._ticks() - self._begun)

    def seconds(self) -> float:
        """Seconds since 1970."""
        return self.now().timestamp()

    def set(self, now: datetime) -> None:
        """Make it this moment; a moment without a zone is UTC."""
        self._origin = now.astimezone(UTC) if now.tzinfo else now.replace(tzinfo=UTC)
        self._begun = self._ticks()

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self._origin += timedelta(seconds=seconds)


def spelled(moment: datetime) -> str:
    """`2026-11-20T10:00:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
