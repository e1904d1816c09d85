"""Wait before the limit is hit: a local mirror of a store's leaky bucket of points, shared by all threads.

`TokenBucket` is for systems that tell no more than how many calls they take a minute.

A bucket holds points that come back at a steady rate. A call is let in if the bucket holds what it asks for;
what the call did not use is given back when it ends. Every answer tells what the bucket holds then, for all
callers of the app together (https://shopify.dev/docs/api/usage/limits#graphql-admin-api-rate-limits).
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite

from connectors.http import Answer, Points
from connectors.records import JsonObject, JsonValue

logger = logging.getLogger(__name__)

OLD = 10.0
"""Seconds after which a level that other processes use too is no longer believed."""

LOOK_AGAIN = 5.0
"""Longest wait in one piece, in seconds: by then the share may be another."""

LONGEST_PAUSE = 60.0
"""Longest pause after a call too many, in seconds, unless the system asks for more."""

_SPECK = 1e-6
"""Points that are nothing but the rounding of sums."""

_BLINK = 0.001
"""Shortest wait, in seconds: long enough to move any clock."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A steady rate that several processes keep together: a turn `every` so many seconds, and as many at once
    as come up within `ahead` seconds.
    """

    name: str
    every: float
    ahead: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer says: the bucket's size, its rate in points a second, its level, and the charge.

    `charged` is None when the call was turned away, or was not told its cost.
    """

    size: float
    rate: float
    level: float
    charged: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """One reservation, with the mirror's counts from when it was made."""

    cost: float
    at: float
    charged: float
    given_back: float
    tickets: int


class Mirror:
    """What the bucket surely holds, by what is known here. Pure: the time, in seconds, is handed in.

    `base` is the level as if no outstanding call had reached the store yet, so that base minus outstanding is
    never above the true level, whatever of it has arrived. It is carried on by our own counting, which is
    exact as long as nobody else draws on the bucket, and corrected by answers:

    - A call that was alone on its way tells the level exactly.
    - Where calls overlap, nobody knows which of them an answer has seen: it may be older than the one heard
      before it. So all that was charged during its way is taken off again. That and our own counting are both
      surely not too high, and the higher one is taken.
    - If others draw on the bucket too, or an answer shows less than our counting allows, the lower one is.
    """

    def __init__(self) -> None:
        self.size = 0.0
        self.rate = 0.0
        self.outstanding: set[Ticket] = set()
        self._base: float | None = None
        self._carried_to = 0.0
        self._heard_at = -inf
        self._charged = 0.0
        self._given_back = 0.0
        self._tickets = 0

    @property
    def reserved(self) -> float:
        """Points of the calls on their way."""
        return sum(ticket.cost for ticket in self.outstanding)

    def wait(self, cost: float, share: float, now: float) -> float:
        """Seconds until a call of this cost may be sent; 0 is now, infinite: not before an answer comes."""
        base = self._carry(now, share)
        if base is None or (share < 1 and now - self._heard_at > OLD):
            return inf if self.outstanding else 0.0
        needed = self._needed(cost, share)
        if needed <= base:
            return 0.0
        return inf if needed > self.size else max(_BLINK, (needed - base) / (self.rate * share))

    def points(self, share: float, now: float) -> Points | None:
        """What calls may spend at once, and the points a second; None while no answer has told."""
        base = self._carry(now, share)
        if base is None:
            return None
        return Points(max(0.0, share * base - self.reserved), share * self.rate)

    def take(self, cost: float, now: float) -> Ticket:
        """Reserve the points of a call that is sent now."""
        self._tickets += 1
        ticket = Ticket(cost, now, self._charged, self._given_back, self._tickets)
        self.outstanding.add(ticket)
        return ticket

    def settle(self, ticket: Ticket | None, reading: Reading | None, share: float, now: float) -> None:
        """Take in how a call ended. Without a reading it counts as if it had used all it asked for."""
        counted = self._carry(now, share)
        ticket = ticket or self._unasked(now)
        self._charge(ticket, reading)
        if counted is not None:
            self._base = max(0.0, counted - self._charge_of(ticket, reading))
        if reading is not None:
            self.size, self.rate, self._heard_at = reading.size, reading.rate, now
            self._base = min(self.size, self._corrected(ticket, reading, contested=share < 1, now=now))
            self._carried_to = now

    # ---------------------------------------------------------------- counting

    def _unasked(self, now: float) -> Ticket:
        return Ticket(0.0, now, self._charged, self._given_back, self._tickets + 1)

    def _charge(self, ticket: Ticket, reading: Reading | None) -> None:
        charge = self._charge_of(ticket, reading)
        self.outstanding.discard(ticket)
        self._charged += charge
        self._given_back += max(0.0, ticket.cost - charge)

    def _charge_of(self, ticket: Ticket, reading: Reading | None) -> float:
        if reading is None:
            return ticket.cost
        return reading.charged or 0.0

    def _carry(self, now: float, share: float) -> float | None:
        """The base now: points come back, to others too if the bucket is shared."""
        if self._base is not None and now > self._carried_to:
            restored = (now - self._carried_to) * self.rate * share
            self._base = min(self.size, self._base + restored)
        self._carried_to = max(now, self._carried_to)
        return self._base

    def _needed(self, cost: float, share: float) -> float:
        """The base at which a call of this cost may go."""
        if cost <= share * self.size:
            return (self.reserved + cost) / share
        # It never fits into our share: it goes alone, as soon as the whole bucket can carry it.
        return inf if self.outstanding else min(cost, self.size)

    # ---------------------------------------------------------------- correcting

    def _corrected(self, ticket: Ticket, reading: Reading, *, contested: bool, now: float) -> float:
        counted = self._base
        own = self._charge_of(ticket, reading)
        meanwhile = self._charged - ticket.charged - own
        heard = reading.level - meanwhile
        if counted is None or self._was_alone(ticket, meanwhile):
            return heard
        turned_away = reading.charged is None
        if contested or turned_away or reading.level < self._least(ticket, counted, now):
            return min(counted, heard)
        return max(counted, heard)

    def _was_alone(self, ticket: Ticket, meanwhile: float) -> bool:
        return not self.outstanding and meanwhile < _SPECK and ticket.tickets >= self._tickets

    def _least(self, ticket: Ticket, counted: float, now: float) -> float:
        """The lowest level that an answer may have seen on its way if nobody but us draws on the bucket."""
        restored = (now - ticket.at) * self.rate
        return counted - self.reserved - restored - (self._given_back - ticket.given_back)


class CostBucket:
    """Lets the calls of all threads through in the order they came, each when the bucket holds its cost.

    Before the first answer one call goes ahead alone, as the bucket's size is not known. `share` is the part
    of the bucket (0 to 1) that this process may use now: 1 if it is alone, one half if another process works
    on the same store; it is asked often, so it must be quick, and if it fails the last one stays. An answer
    is taken in by the thread that reserved.
    """

    def __init__(
        self,
        *,
        share: Callable[[], float] = lambda: 1.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.share = share
        self._clock = clock
        self._sleep = sleep
        self._mirror = Mirror()
        self._turn = threading.Condition()
        self._queue: deque[object] = deque()
        self._tickets: dict[int, list[Ticket]] = {}
        self._last_part = 1.0

    def reserve(self, cost: float) -> float:
        """Block until a call of this cost, in points, may be sent; the seconds waited."""
        started = self._clock()
        place = object()
        with self._turn:
            self._queue.append(place)
            try:
                self._await(place, cost)
                self._tickets.setdefault(threading.get_ident(), []).append(
                    self._mirror.take(cost, self._clock())
                )
            finally:
                self._queue.remove(place)
                self._turn.notify_all()
        return self._clock() - started

    def learn(self, answer: Answer, cost: float) -> None:
        """Correct the mirror by an answer and give the reservation back."""
        self._settle(cost, reading(answer))

    def release(self, cost: float) -> None:
        """Give back the reservation of a call without an answer; its points may be used all the same."""
        self._settle(cost, None)

    def points(self) -> Points | None:
        """What this process may spend at once, and gets back a second; None before the first answer."""
        with self._turn:
            return self._mirror.points(self._part(), self._clock())

    def _await(self, place: object, cost: float) -> None:
        """Wait for the first place in the queue, then for the points."""
        while (seconds := self._wait(place, cost)) > 0:
            if self._sleep is None or seconds == inf:
                self._turn.wait(min(seconds, LOOK_AGAIN))
                continue
            self._turn.release()
            try:
                self._sleep(seconds)
            finally:
                self._turn.acquire()

    def _wait(self, place: object, cost: float) -> float:
        first = self._queue[0] is place
        return self._mirror.wait(cost, self._part(), self._clock()) if first else inf

    def _settle(self, cost: float, told: Reading | None) -> None:
        with self._turn:
            self._mirror.settle(self._mine(cost), told, self._part(), self._clock())
            self._turn.notify_all()

    def _mine(self, cost: float) -> Ticket | None:
        """The last reservation of this cost by the thread that asks."""
        held = self._tickets.get(threading.get_ident(), [])
        ticket = next((each for each in reversed(held) if each.cost == cost), None)
        if ticket is not None:
            held.remove(ticket)
        if not held:
            self._tickets.pop(threading.get_ident(), None)
        return ticket

    def _part(self) -> float:
        try:
            self._last_part = min(1.0, max(0.01, self.share()))
        except Exception as error:  # noqa: BLE001 - the share is only advice: no reservation is lost for it
            logger.warning(
                "the share of the bucket is not known, %.2f stays: %s", self._last_part, type(error).__name__
            )
        return self._last_part


class TokenBucket:
    """Lets calls through at a steady rate, after a burst of at most `burst`, whatever thread sends them.

    After an answer 429 nobody sends anything for as long as it says, else for `pause` seconds, doubled with
    every further one up to a minute. Rate in points a second; a call may ask for more points than the burst.
    """

    def __init__(
        self,
        rate: float,
        burst: float,
        *,
        pause: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._pause = pause
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._level = burst
        self._carried_to = clock()
        self._closed_until = -inf
        self._refusals = 0

    def reserve(self, cost: float) -> float:
        """Block until a call of this cost may be sent; the seconds waited. First come, first served."""
        started = self._clock()
        with self._lock:
            turn = self._take(cost, started)
        while (seconds := max(turn, self._closed_until) - self._clock()) > 0:
            self._sleep(max(_BLINK, seconds))
        return self._clock() - started

    def learn(self, answer: Answer, cost: float) -> None:  # noqa: ARG002
        """Stop all threads for a while after a 429; every other answer ends the doubling."""
        with self._lock:
            if answer.status != 429:
                self._refusals = 0
                return
            wait = seconds_asked(answer) or min(LONGEST_PAUSE, self._pause * 2.0**self._refusals)
            self._refusals += 1
            self._closed_until = max(self._closed_until, self._clock() + wait)

    def release(self, cost: float) -> None:
        """A call without an answer counts as sent."""

    @property
    def closed_for(self) -> float:
        """Seconds for which nobody sends anything, after a call too many."""
        return max(0.0, self._closed_until - self._clock())

    def points(self) -> Points:
        """What may be spent at once, and the points a second."""
        with self._lock:
            self._carry(self._clock())
            return Points(max(0.0, self._level), self._rate)

    def _take(self, cost: float, now: float) -> float:
        """Take the points, even if they are yet to come; the moment when they are there."""
        self._carry(now)
        self._level -= cost
        return now + max(0.0, -self._level / self._rate)

    def _carry(self, now: float) -> None:
        self._level = min(self._burst, self._level + max(0.0, now - self._carried_to) * self._rate)
        self._carried_to = max(now, self._carried_to)


def seconds_asked(answer: Answer) -> float | None:
    """The seconds of a header `Retry-After` that gives a number; None for any other."""
    try:
        seconds = float(answer.headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, seconds) if isfinite(seconds) else None


def points(answer: Answer) -> float:
    """The points an answer was charged; 0 if it does not say."""
    return _number(_cost(answer).get("actualQueryCost")) or 0.0


def reading(answer: Answer) -> Reading | None:
    """What an answer says about the bucket, whatever its body is; None if it says nothing usable."""
    cost = _cost(answer)
    status = cost.get("throttleStatus")
    if not isinstance(status, dict):
        return None
    size = _number(status.get("maximumAvailable"))
    rate = _number(status.get("restoreRate"))
    level = _number(status.get("currentlyAvailable"))
    if not size or not rate or level is None:
        return None
    return Reading(size, rate, min(level, size), _number(cost.get("actualQueryCost")))


def _cost(answer: Answer) -> JsonObject:
    found: JsonValue = answer.body
    for name in ("extensions", "cost"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _number(value: JsonValue) -> float | None:
    """A number that is not negative, whole or decimal."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        return None
    return float(value)


_BUCKETS: dict[tuple[str, str], CostBucket] = {}
_BUCKETS_LOCK = threading.Lock()


def shared_bucket(system: str, account: str, share: Callable[[], float] | None = None) -> CostBucket:
    """The one bucket of this process for an account of a system; `share`, if given, replaces its share."""
    with _BUCKETS_LOCK:
        bucket = _BUCKETS.setdefault((system, account), CostBucket())
    if share is not None:
        bucket.share = share
    return bucket
