"""Read everything that a search finds, by pages or by one bulk query, whichever is quicker."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from connectors.errors import ConnectorError, Unauthorised
from connectors.http import Answer, Call, Http
from connectors.pacing import points
from connectors.records import JsonObject
from connectors.shopify import choice, readers
from connectors.shopify.choice import Pace, Rest

T = TypeVar("T")

logger = logging.getLogger(__name__)

DEPTH = 25_000
"""How far one search can be paged; a longer walk starts again behind the last id."""

Path = Literal["auto", "pages", "bulk"]
"""How to walk: as is quicker, always by pages, or by a bulk query wherever there is one."""


@dataclass(frozen=True, slots=True)
class InBulk(Generic[T]):
    """The other way to read a walk.

    `rows` reads what lies above an id, and begins to hand it out only when nothing more can fail; it is told
    about how many objects there are. `count` tells how many things lie above an id, behind so many that were
    read. `weigh` is how many objects of a bulk query one thing amounts to, `more` how many further calls it
    needs when it was read by a page, each of about `cost` points.
    """

    rows: Callable[[int, int], Iterable[T]]
    count: Callable[[int, int], int]
    weigh: Callable[[T], int]
    more: Callable[[T], float] = lambda _: 0.0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Walk(Generic[T]):
    """A root connection by ascending ids: `call` is the page behind a cursor, of what lies above an id."""

    field: str
    call: Callable[[int, str | None], Call]
    read: Callable[[JsonObject, Answer], T]
    id_of: Callable[[T], int]
    bulk: InBulk[T]


def pages(
    http: Http, field: str, call: Callable[[str | None], Call], read: Callable[[JsonObject], T]
) -> Iterator[T]:
    """Everything of a root connection that is read by pages only."""

    def page(answer: Answer) -> tuple[Sequence[T], Call | None]:
        found = readers.page(readers.data(answer).get(field), read, field)
        return found.items, None if found.cursor is None else call(found.cursor)

    return http.pages(call(None), page)


def pace(http: Http) -> Pace:
    """How fast calls go now, as far as it is known."""
    return Pace(http.points_left or choice.STANDARD, http.usage.latency or choice.LATENCY)


class Walker:
    """Walks in one store, by the given path."""

    def __init__(self, http: Http, path: Path) -> None:
        self._http = http
        self._path = path

    def everything(self, walk: Walk[T]) -> Iterator[T]:
        """All there is. The page that is being read when a bulk query turns out quicker is the last one."""
        if self._path == "bulk":
            yield from walk.bulk.rows(0, 0)
            return
        turning = _Turning(self._http, walk) if self._path == "auto" else None
        yield from self._pages(walk, 0, turning)
        if turning and turning.above:
            yield from self._above(walk, turning)

    def _above(self, walk: Walk[T], turning: "_Turning[T]") -> Iterator[T]:
        """The rest by a bulk query; by pages if the store cannot do it, which takes longer but gets there."""
        try:
            rows = walk.bulk.rows(turning.above, turning.objects)
        except Unauthorised:
            raise
        except ConnectorError as error:
            logger.warning("%s; the rest is read by pages", error)
            rows = self._pages(walk, turning.above, None)
        yield from rows

    def _pages(self, walk: Walk[T], above: int, turning: "_Turning[T] | None") -> Iterator[T]:
        """Page by page; where a search gets too deep, it starts again behind the last id."""
        depth = 0

        def page(answer: Answer) -> tuple[Sequence[T], Call | None]:
            nonlocal above, depth
            connection = readers.data(answer).get(walk.field)
            found = readers.page(connection, lambda node: walk.read(node, answer), walk.field)
            if found.cursor is None or (turning and turning.turns(found.items, answer)):
                return found.items, None
            depth += len(found.items)
            if depth >= DEPTH:
                above, depth = walk.id_of(found.items[-1]), 0
                return found.items, walk.call(above, None)
            return found.items, walk.call(above, found.cursor)

        return self._http.pages(walk.call(above, None), page)


class _Turning(Generic[T]):
    """Watches a walk by pages, and says when the rest had better be read by a bulk query."""

    def __init__(self, http: Http, walk: Walk[T]) -> None:
        self._http = http
        self._walk = walk
        self._calls = 0.0
        self._points = 0.0
        self._seconds = 0.0
        self._things = 0
        self._weight = 0
        self._is_counted = False
        self.above = 0
        """The id behind which the bulk query begins; 0: there is none."""
        self.objects = 0
        """About how many objects it will find."""

    def turns(self, page: Sequence[T], answer: Answer) -> bool:
        """Whether this page, behind which there are others, is the last one."""
        self._note(page, answer)
        if not page or self._is_counted:
            return False
        now = pace(self._http)
        cost = self._points / self._calls
        if not choice.asks_for_the_size(self._seconds, cost, now):
            return False
        self._is_counted = True
        return self._turns_behind(self._walk.id_of(page[-1]), cost, now)

    def _note(self, page: Sequence[T], answer: Answer) -> None:
        """Count what this walk has cost; other walks may be going on beside it."""
        bulk = self._walk.bulk
        more = sum(bulk.more(each) for each in page)
        self._things += len(page)
        self._weight += sum(bulk.weigh(each) for each in page)
        self._calls += 1 + more
        self._points += points(answer) + more * bulk.cost
        self._seconds += answer.seconds

    def _turns_behind(self, last: int, cost: float, now: Pace) -> bool:
        rest = self._rest(last, cost)
        if rest is None or not choice.bulk_reads_sooner(rest, now):
            return False
        self.above, self.objects = last, round(rest.objects)
        return True

    def _rest(self, above: int, cost: float) -> Rest | None:
        """What is left, by what has been seen; None if the store does not tell."""
        try:
            left = self._walk.bulk.count(above, self._things)
        except Unauthorised:
            raise
        except ConnectorError as error:
            logger.warning("%s; it is read on by pages", error)
            return None
        share = left / self._things
        return Rest(self._calls * share, cost, self._weight * share)
