"""Open a marketplace for an account: its credentials, its budget of calls, how long to wait for it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime

from pydantic import SecretStr

from connectors import bricklink, brickowl
from connectors.bricklink import BrickLink, Keys, Signer, judging
from connectors.brickowl import BrickOwl
from connectors.errors import BudgetSpent
from connectors.flight import shared_flight
from connectors.http import Http, Patience
from connectors.ledger import Ledger
from connectors.market import Lane, Marketplace, spending
from connectors.pacing import Pace
from connectors.settings import Settings
from tasks.desk import patience
from tasks.lease import clock
from tasks.market_accounts import credentials


class LedgerBudget:
    """The calls of an account that the ledger counts, for all threads and processes together."""

    def __init__(
        self, ledger: Ledger, account: str, marketplace: Marketplace, now: Callable[[], datetime]
    ) -> None:
        self._ledger = ledger
        self._account = account
        self._marketplace = marketplace
        self._now = now

    def spend(self, lane: Lane) -> None:
        """Take one call of a lane. Raises BudgetSpent if there is none left today."""
        free_at = self._ledger.spend(self._account, self._marketplace, lane, self._now())
        if free_at is not None:
            raise BudgetSpent(
                f"no calls are left for {lane} until {free_at:%Y-%m-%d %H:%M} UTC; what is owed goes then",
                free_at=free_at,
            )


class Company:
    """All processes that use a ledger: they take turns there, by the real time."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def take_turn(self, paces: Collection[Pace]) -> float:
        """Take a turn of each pace; the seconds to wait until all of them have come."""
        return self._ledger.take_turn(paces, clock())

    def stop_turns(self, pace: Pace, seconds: float) -> None:
        """For so long nobody's turn comes."""
        self._ledger.stop_turns(pace, seconds, clock())


def open_bricklink(
    settings: Settings,
    ledger: Ledger,
    account: str,
    *,
    attempts: int | None = None,
    given: Mapping[str, SecretStr] | None = None,
) -> BrickLink:
    """An account's BrickLink store; see `open_market`. `given`: credentials that are not kept yet."""
    keys = given or credentials(settings, ledger, account, "bricklink")
    signer = Signer(Keys(**keys), now=settings.now)
    address = settings.bricklink_base_url or bricklink.BASE_URL
    http = Http(
        address,
        system="bricklink",
        account=account,
        sign=signer,
        spend=spending(LedgerBudget(ledger, account, "bricklink", settings.now)),
        judge=judging(signer.clock.follow),
        patience=_patience(settings, attempts),
        pacer=shared_flight(f"{address} {account}", bricklink.IN_FLIGHT, ledger.session_locks),
        writes_off=not settings.evenstock_writes,
    )
    return BrickLink(http)


def open_brickowl(
    settings: Settings,
    ledger: Ledger,
    account: str,
    *,
    attempts: int | None = None,
    given: Mapping[str, SecretStr] | None = None,
) -> BrickOwl:
    """An account's Brick Owl store; see `open_market`. `given`: credentials that are not kept yet."""
    key = (given or credentials(settings, ledger, account, "brickowl"))["api_key"]
    address = settings.brickowl_base_url or brickowl.BASE_URL
    http = Http(
        address,
        system="brickowl",
        account=account,
        judge=brickowl.judge,
        patience=replace(_patience(settings, attempts), timeout=60.0),
        pacer=brickowl.shared_pacer(account, ledger.database.name, Company(ledger)),
        writes_off=not settings.evenstock_writes,
    )
    return BrickOwl(http, key, brickowl.shared_list(f"{address} {account}"))


def open_market(
    settings: Settings,
    ledger: Ledger,
    account: str,
    marketplace: Marketplace,
    *,
    attempts: int | None = None,
) -> BrickLink | BrickOwl:
    """An account of a marketplace. Close it when done.

    `attempts`: how often a call that was surely not done is sent before that is an error; 1 for callers that
    try again themselves, None as HTTP_MAX_ATTEMPTS says. Raises ConfigurationError for missing credentials.
    """
    if marketplace == "bricklink":
        return open_bricklink(settings, ledger, account, attempts=attempts)
    return open_brickowl(settings, ledger, account, attempts=attempts)


def _patience(settings: Settings, attempts: int | None) -> Patience:
    usual = patience(settings)
    return replace(usual, attempts=attempts or usual.attempts, timeout=30.0)
