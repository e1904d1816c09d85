"""How often and when something that failed is tried again, and when it waits for a person."""

from datetime import datetime, timedelta

QUICK = (1.0, 2.0, 4.0)
"""Seconds before each retry at once, in units of HTTP_BASE_DELAY; only after refusals that surely wrote
nothing."""

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
"""How long the net leaves an item alone that failed once, twice, …"""

PARKED_AFTER = 3
"""The same error so often parks an item until it changes or a person says so."""


def next_attempt_at(failures: int, now: datetime) -> datetime:
    """When the net tries again after so many failures."""
    return now + PAUSES[min(max(failures, 1), len(PAUSES)) - 1]


def is_parked(same_errors: int) -> bool:
    """Whether the same error came often enough."""
    return same_errors >= PARKED_AFTER
