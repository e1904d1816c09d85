"""Ends a command's children when the command itself was killed and could not.

A program of its own, as it has to outlive the command. On standard input it is told `+PID` when a child with
a process group of its own has started and `-PID` when it was stopped; the end of the input is the end of the
command. Whoever is left then is ended, and the folder in the first argument is removed.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

GRACE = 3.0
"""Seconds the left ones get to end by themselves."""


def guard(told: Iterable[str], folder: str) -> None:
    """Listen until the command is gone, then clear up after it."""
    left: set[int] = set()
    for line in told:
        change, pid = line[0], int(line[1:])
        left = left | {pid} if change == "+" else left - {pid}
    _end(left)
    shutil.rmtree(folder, ignore_errors=True)


def _end(groups: set[int]) -> None:
    _signal(groups, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and any(map(_lives, groups)):
        time.sleep(0.05)
    _signal(groups, signal.SIGKILL)


def _signal(groups: set[int], number: signal.Signals) -> None:
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    guard(sys.stdin, sys.argv[1])
