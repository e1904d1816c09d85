"""Cut long lists into pieces that a call can carry."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Slices of at most `size`, in order."""
    return (items[start : start + size] for start in range(0, len(items), size))
