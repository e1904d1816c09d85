"""Connections: pages of a sorted list behind opaque cursors.

https://shopify.dev/docs/api/usage/pagination-graphql
"""

import base64
import binascii
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Final, Generic, NamedTuple, TypeVar

MAX_DEPTH: Final = 25_000
"""Objects of one search that paging reaches."""

T = TypeVar("T")
SortKey = tuple[Any, int]
"""What a list is sorted by: a value JSON can hold, and the numeric id that breaks ties."""


class PagingError(ValueError):
    """A cursor or a page that the vendor refuses; answered as BAD_REQUEST on the connection's field."""


class Cursor(NamedTuple):
    """A place in a sorted list: behind the object with this sort value and id, which is number `depth`."""

    value: Any
    id: int
    depth: int = 0


def encode(cursor: Cursor) -> str:
    """The opaque text of a cursor."""
    fields = {"last_id": cursor.id, "last_value": cursor.value, "depth": cursor.depth}
    return base64.b64encode(json.dumps(fields, separators=(",", ":")).encode()).decode()


def decode(text: str) -> Cursor:
    """The cursor behind its text; PagingError if it is none."""
    try:
        fields = json.loads(base64.b64decode(text, validate=True))
        return Cursor(fields["last_value"], int(fields["last_id"]), int(fields.get("depth", 0)))
    except (binascii.Error, ValueError, TypeError, KeyError) as error:
        raise PagingError("Invalid cursor for current pagination sort.") from error


@dataclass(frozen=True, slots=True)
class PageInfo:
    """`pageInfo`, spelled as GraphQL asks for it."""

    hasNextPage: bool  # noqa: N815
    hasPreviousPage: bool  # noqa: N815
    startCursor: str | None  # noqa: N815
    endCursor: str | None  # noqa: N815


@dataclass(frozen=True, slots=True)
class Edge(Generic[T]):
    """One object and its place."""

    node: T
    cursor: str


@dataclass(frozen=True)
class Connection(Generic[T]):
    """A page. `edges` and `pageInfo` are made only when asked for; `has_next` was found out on the way."""

    nodes: Sequence[T]
    key: Callable[[T], SortKey]
    has_next: bool = False
    has_previous: bool = False
    start_depth: int = 0

    def cursor(self, index: int) -> str:
        """The cursor of the object at this index of the page."""
        value, number = self.key(self.nodes[index])
        return encode(Cursor(value, number, self.start_depth + index + 1))

    @cached_property
    def edges(self) -> list[Edge[T]]:
        """Objects with their cursors."""
        return [Edge(node, self.cursor(index)) for index, node in enumerate(self.nodes)]

    @cached_property
    def pageInfo(self) -> PageInfo:  # noqa: N802 - GraphQL's spelling
        """Whether there is more, and from where."""
        ends = (self.cursor(0), self.cursor(len(self.nodes) - 1)) if self.nodes else (None, None)
        return PageInfo(self.has_next, self.has_previous, *ends)


def connection(
    items: Sequence[T],
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    *,
    key: Callable[[T], SortKey],
    reverse: bool = False,
    where: Callable[[T], bool] | None = None,
    max_depth: int | None = None,
) -> Connection[T]:
    """A page of `items`, which are sorted upwards by `key`; `reverse` walks them downwards.

    No more objects are looked at than the page needs: with `where`, until it is full and one more is found.
    `max_depth` (25,000 for a search) ends the walk; PagingError beyond it, and for a cursor of another sort.
    """
    start = decode(after) if after else None
    window = _window(items, start, decode(before) if before else None, key, reverse=reverse)
    depth = start.depth if start else 0
    _check_depth(depth, max_depth)
    if first is None and last is not None:
        found = list(_matches(items, reversed(window), where, last + 1))
        nodes = found[:last][::-1]
        return Connection(nodes, key, before is not None, len(found) > last, depth)
    size = _within(first if first is not None else len(items), depth, max_depth)
    found = list(_matches(items, window, where, size + 1))
    return Connection(found[:size], key, len(found) > size, start is not None, depth)


def _check_depth(depth: int, max_depth: int | None) -> None:
    if max_depth is not None and depth >= max_depth:
        raise PagingError(f"Paging reaches {max_depth} objects of a search, not more.")


def _within(size: int, depth: int, max_depth: int | None) -> int:
    return size if max_depth is None else min(size, max_depth - depth)


def _window(
    items: Sequence[T],
    after: Cursor | None,
    before: Cursor | None,
    key: Callable[[T], SortKey],
    *,
    reverse: bool,
) -> range:
    """Indexes between two cursors, in the order of the walk."""
    low, high = (before, after) if reverse else (after, before)
    try:
        begin = bisect_right(items, (low.value, low.id), key=key) if low else 0
        end = bisect_left(items, (high.value, high.id), key=key) if high else len(items)
    except TypeError as error:
        raise PagingError("Invalid cursor for current pagination sort.") from error
    return range(begin, end)[::-1] if reverse else range(begin, end)


def _matches(
    items: Sequence[T], indexes: Iterable[int], where: Callable[[T], bool] | None, limit: int
) -> Iterator[T]:
    found = (items[index] for index in indexes)
    return islice(filter(where, found) if where else found, limit)
