"""Wait for a supplier's window that several processes share, or put the work back if that takes too long."""

from collections.abc import Callable
from typing import Final

from connectors.errors import WindowClosed
from connectors.supplier import Windows

SHORT: Final = 10.0
"""Seconds that a call waits for its window; for longer ones the work is put back."""


def take_turn(windows: Windows, group: str, limit: tuple[int, int], sleep: Callable[[float], None]) -> None:
    """Count a call of a group in its window of (calls, seconds), and wait for a short one.

    Raises WindowClosed if it is a long one and used up.
    """
    calls, seconds = limit
    before = 0.0
    while (wait := windows.take(group, calls, seconds)) > 0:
        if wait > SHORT:
            raise WindowClosed(f"its {calls} calls of this window are used up", retry_after=wait)
        if wait == before:
            return  # a clock that EVENSTOCK_NOW holds still opens no window; the supplier has its own
        sleep(wait)
        before = wait
