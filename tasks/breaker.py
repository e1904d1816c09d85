"""When a marketplace is left alone for a while: an account's breaker opens, lets one call try, and closes.

It opens at once when the account is turned away, and after five failures in a row otherwise. A minute later
one piece of work may try; what comes of it closes the breaker, or opens it for another minute.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

State = Literal["closed", "open", "half_open"]

FAILURES = 5
"""Failures in a row that open it."""

PAUSE = timedelta(minutes=1)
"""How long it stays open before something may try."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """How it stands with one account of a marketplace. `next_try_at`: before, nothing may try."""

    state: State = "closed"
    failures: int = 0
    opened_at: datetime | None = None
    next_try_at: datetime | None = None
    reason: str = ""


def entered(breaker: Breaker, now: datetime) -> tuple[Breaker, bool]:
    """Whether a piece of work may begin, and the breaker after it did.

    The first that comes when the pause is over is the one that tries; the others wait another pause.
    """
    if breaker.state == "closed":
        return breaker, True
    if breaker.next_try_at is not None and now < breaker.next_try_at:
        return breaker, False
    return replace(breaker, state="half_open", next_try_at=now + PAUSE), True


def failed(breaker: Breaker, reason: str, now: datetime, *, at_once: bool = False) -> Breaker:
    """After a failure. `at_once`: no call of this account will succeed."""
    failures = breaker.failures + 1
    if not at_once and breaker.state == "closed" and failures < FAILURES:
        return replace(breaker, failures=failures, reason=reason)
    return Breaker("open", failures, breaker.opened_at or now, now + PAUSE, reason)


def succeeded(breaker: Breaker) -> Breaker:
    """After an answer that shows that the marketplace works, be it a refusal."""
    return breaker if breaker == Breaker() else Breaker()
