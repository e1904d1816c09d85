"""Which way is the quicker one: call by call, or one bulk operation. Pure; times in seconds.

Calls are paid for in points and wait for each other; a bulk operation costs 10 points however much it reads,
but takes a moment to begin. The figures are estimates, and the truth they are fed with is measured: a wrong
choice costs time, never an answer.

Where the ways cross, on a Standard plan (2,000 points, 100 a second) with 0.3 s an answer:

- products with their variants: at 4,750 products of four variants when pages cost all they ask for. Until
  then the bucket carries most of the pages. More points a second move it up, a bucket that others have
  emptied moves it down.
- SKUs and ids alone: at 17,750; with 0.5 s an answer at 4,750. Such pages are cheap, and what counts is the
  time of an answer.
- tags: at 154 products with two changes each, ten calls at once. A hundred of them empty the bucket.

https://shopify.dev/docs/api/usage/limits, https://shopify.dev/docs/api/usage/bulk-operations/queries
"""

from dataclasses import dataclass

from connectors.http import Points

QUERY_START = 2.0
"""Seconds before a bulk query has its first object."""

QUERY_RATE = 1_000.0
"""Objects a second of a bulk query: 1,000 to 2,700 were seen in small stores."""

QUERY_CALLS = 5
"""Calls around a bulk query that wait for each other: count, start, about two polls, download."""

MUTATION_START = 2.0
"""Seconds before a bulk mutation runs its first line."""

MUTATION_RATE = 100.0
"""Lines a second of a bulk mutation. Nobody has published one; this is a careful guess."""

MUTATION_CALLS = 6
"""Calls around a bulk mutation that wait for each other: stage, upload, start, about two polls, download."""

FIRST_POLL = 0.5
LAST_POLL = 15.0
POLL_GROWTH = 1.3

STANDARD = Points(level=2_000, rate=100)
"""The bucket of the smallest plans, for as long as no answer has told the real one."""

LATENCY = 0.3
"""Seconds that an answer takes, for as long as none was heard."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast calls go now: what the bucket allows, and how long an answer takes."""

    points: Points = STANDARD
    latency: float = LATENCY


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of a walk: calls and their points, and how many objects they would bring in all."""

    calls: float
    cost: float
    objects: float


def by_calls(calls: float, cost: float, pace: Pace, width: int = 1) -> float:
    """Seconds that calls of `cost` points take, `width` of them at once."""
    waits = max(0.0, calls * cost - pace.points.level) / pace.points.rate
    return max(calls * pace.latency / width, waits)


def by_bulk_query(objects: float, pace: Pace) -> float:
    """Seconds that a bulk query takes from its count to the last byte of its result."""
    return QUERY_START + objects / QUERY_RATE + QUERY_CALLS * pace.latency


def by_bulk_mutations(lines: float, passes: int, pace: Pace) -> float:
    """Seconds that so many lines take in bulk mutations that wait for each other."""
    return passes * (MUTATION_START + MUTATION_CALLS * pace.latency) + lines / MUTATION_RATE


def asks_for_the_size(spent: float, cost: float, pace: Pace) -> bool:
    """Whether a walk by pages has come so far that it matters how much is left.

    A store whose pages come without waiting, and in less time than a bulk query needs to begin, is not
    counted: for it the count would be one call for nothing.
    """
    return spent >= QUERY_START or pace.points.level < cost


def bulk_reads_sooner(rest: Rest, pace: Pace) -> bool:
    """Whether one bulk query reads the rest of a walk sooner than its pages do."""
    return by_bulk_query(rest.objects, pace) < by_calls(rest.calls, rest.cost, pace)


def bulk_changes_sooner(adds: int, removals: int, cost: float, pace: Pace, width: int) -> bool:
    """Whether bulk mutations change tags sooner than direct calls of `cost` points, `width` at once."""
    passes = bool(adds) + bool(removals)
    directly = by_calls(adds + removals, cost, pace, width)
    return by_bulk_mutations(adds + removals, passes, pace) < directly


def next_poll(last: float, elapsed: float, done: int, expected: int) -> float:
    """Seconds until it is worth asking again how an operation is going.

    From its progress, if it is known how much there is to do; else waits that grow.
    """
    if done and expected > done:
        return min(LAST_POLL, max(FIRST_POLL / 2, elapsed * (expected - done) / done))
    return min(LAST_POLL, last * POLL_GROWTH)
