"""When a marketplace is left alone for a while: an account's breaker opens, lets one call try, and closes.

It opens at once when the account is turned away, and after five failures in a row otherwise. A minute later
one piece of work may try; what comes of it closes the breaker, or opens it for another minute.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from connectors.ledger.market_records import Breaker, BreakerState

FAILURES = 5
"""Failures in a row that open it."""

PAUSE = timedelta(minutes=1)
"""How long it stays open before something may try."""


def lets_in(breaker: Breaker, now: datetime) -> bool:
    """Whether a piece of work may begin."""
    is_closed = breaker.state is BreakerState.CLOSED
    return is_closed or breaker.next_try_at is None or now >= breaker.next_try_at


def entered(breaker: Breaker, now: datetime) -> Breaker:
    """After a piece of work asked to begin: the first that comes when the pause is over is the one that
    tries, the others wait for another pause.
    """
    if breaker.state is BreakerState.CLOSED or not lets_in(breaker, now):
        return breaker
    return replace(breaker, state=BreakerState.HALF_OPEN, next_try_at=now + PAUSE)


def failed(breaker: Breaker, reason: str, now: datetime, *, at_once: bool = False) -> Breaker:
    """After a failure. `at_once`: no call of this account will succeed."""
    failures = breaker.failures + 1
    if not at_once and breaker.state is BreakerState.CLOSED and failures < FAILURES:
        return replace(breaker, failures=failures, reason=reason)
    return replace(
        breaker,
        state=BreakerState.OPEN,
        failures=failures,
        opened_at=breaker.opened_at or now,
        next_try_at=now + PAUSE,
        reason=reason,
    )


def succeeded(breaker: Breaker) -> Breaker:
    """After an answer that shows that the marketplace works, be it a refusal."""
    return Breaker(breaker.account, breaker.marketplace)
