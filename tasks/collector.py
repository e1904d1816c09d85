"""Python's collector of cyclic garbage, and when it had better wait."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Work through a catalogue undisturbed; also a decorator.

    While many values are made, the collector walks through all that there are, again and again. What a
    judgement makes of a catalogue has no cycles, so it would find nothing.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
