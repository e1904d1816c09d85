"""Keep away from a marketplace that does not answer, and tell people once."""

from connectors.errors import ConnectorError, Unauthorised
from connectors.ledger.market_records import Breaker, BreakerState
from connectors.market import TITLES
from tasks import alerts, breaker
from tasks.alarm import Cause
from tasks.stall import Stall

LEDGER = "ledger"
"""The system of errors that say nothing of a marketplace."""


def may_enter(stall: Stall) -> bool:
    """Whether a piece of work may begin; the first after a pause is the one that tries."""
    known = stall.ledger.breaker(stall.account, stall.market.name)
    if known.state is BreakerState.CLOSED:
        return True
    now = stall.now()
    before, _ = stall.ledger.judge_breaker(
        stall.account, stall.market.name, lambda found: breaker.entered(found, now)
    )
    return breaker.lets_in(before, now)


def failed(stall: Stall, error: ConnectorError) -> bool:
    """Count a failure; whether the breaker is open now. Whoever opens it tells people.

    One of the ledger says nothing of the marketplace.
    """
    if error.system == LEDGER:
        return False
    reason, at_once, now = str(error), isinstance(error, Unauthorised), stall.now()
    before, after = stall.ledger.judge_breaker(
        stall.account,
        stall.market.name,
        lambda found: breaker.failed(found, reason, now, at_once=at_once),
    )
    if after.state is BreakerState.OPEN:
        _tell(stall, after)
    return after.state is BreakerState.OPEN or before.state is not BreakerState.CLOSED


def worked(stall: Stall) -> None:
    """The marketplace answered as it should; what was open is closed, and people hear that it is well."""
    known = stall.ledger.breaker(stall.account, stall.market.name)
    if known == breaker.succeeded(known):
        return
    before, _ = stall.ledger.judge_breaker(stall.account, stall.market.name, breaker.succeeded)
    if before.state is not BreakerState.CLOSED:
        alerts.clear(stall.ledger, stall.settings, stall.account, _key(stall))


def _key(stall: Stall) -> str:
    return f"marketplace-sync:{stall.market.name}:breaker"


def _tell(stall: Stall, opened: Breaker) -> None:
    name = TITLES[stall.market.name]
    text = (
        f"{name} is left alone for the account {stall.account}: {opened.reason}\n\n"
        f"Failures in a row: {opened.failures}. Items stay behind until it works again; one of them tries "
        f"every minute, and nothing is lost meanwhile."
    )
    alerts.raise_causes(stall.ledger, stall.settings, stall.account, [Cause(_key(stall), text)])
