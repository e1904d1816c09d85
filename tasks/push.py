"""Bring one listing level: find out what its lot is owed, send that, and keep books before and after.

Whoever holds the listing's lease works on it alone. Every write is in the ledger before it is sent; what is
not known to be done is settled by reading, later. The item is looked at anew after every step, so that
several quick changes become one push of the newest state.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from connectors.errors import (
    BudgetSpent,
    ConnectorError,
    LeaseLost,
    Refused,
    Transient,
    Unauthorised,
    UnknownOutcome,
    WritesOff,
)
from connectors.ledger.market_records import ListingKey, ListingNote, ListingStatus, View
from connectors.market import TITLES
from tasks import market_breaker
from tasks.lease import Hold, held
from tasks.lots import Lots, Parked, Waits, code_of
from tasks.owed import Dress, Make, Move, Remove, Rest, next_step
from tasks.retrying import QUICK, is_parked, next_attempt_at
from tasks.settle import settle
from tasks.stall import Stall, known, shown_by, wanted

LEASE_SECONDS = 90.0
SPARE_SECONDS = 40.0
"""What must be left of a lease before a write: longer than a call takes."""
STEPS = 40
"""Steps of one push; an item that changes faster is left to the net."""
ROUNDS = 5
"""Pushes in a row for changes that came while the lease was held."""
WRITES_OFF_FOR = timedelta(minutes=5)
LONGEST_WAIT = 30.0
"""Seconds a rate limit may ask for without the listing being put off."""


FOR_GOOD = frozenset({"no_item", "no_color", "ambiguous", "retired", "condition", "price"})
"""Refusals that only another item, or another catalogue, could change."""


class How(StrEnum):
    """How a push ended, in the words of the report's balance."""

    DONE = "done"
    UNCHANGED = "unchanged"
    UNKNOWN = "unknown"
    """A write is unclear until it is settled."""
    NOT_SENT = "not_sent"
    """Put off: no calls left, the breaker is open, writes are off, or somebody else is at it."""
    FAILED = "failed"
    PARKED = "parked"
    MOCKED = "mocked"
    """DISABLE_EXTERNAL_CALLS: nothing was sent, and nothing is believed to be."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a push of a listing ended, and why not better.

    `orders_wanted`: a lot showed less than expected. `closed_until`: nothing else of this urgency or less can
    be sent there before; `calls_spent`: for want of calls, so that other lanes may have some. `before`: units
    that the lot was expected to show (None: there was none); `after`: those that it is to show.
    """

    key: ListingKey
    how: How
    reason: str = ""
    lot_id: str | None = None
    orders_wanted: bool = False
    closed_until: datetime | None = None
    calls_spent: bool = False
    before: int | None = None
    after: int | None = None


def bring_level(stall: Stall, key: ListingKey, holder: str) -> Ended:
    """Bring a listing level, with whatever changes come meanwhile."""
    ended = Ended(key, How.NOT_SENT, "another worker is at it")
    resource = lease_of(key)
    first: _Turn | None = None
    for _ in range(ROUNDS):
        with held(stall.ledger, [resource], holder, LEASE_SECONDS) as hold:
            if resource not in hold.fences:
                return ended
            turn = _Turn(stall, key, hold)
            first = first or turn
            ended = replace(turn.run(), before=first.before)
        # A change that came after the last look found the lease taken, and its worker went away.
        if not stall.ledger.behind(
            stall.now(), account=key.account, item_ids=[key.item_id], marketplace=key.marketplace
        ):
            break
    return ended


def lease_of(key: ListingKey) -> str:
    """What whoever works on a listing holds."""
    return f"listing:{key.account}:{key.item_id}:{key.marketplace}"


class _Turn:
    """One holder of the lease at work."""

    def __init__(self, stall: Stall, key: ListingKey, hold: Hold) -> None:
        self._stall = stall
        self._key = key
        self._retries = 0
        self._first: View | None = None
        self._last: View | None = None
        self._lots = Lots(stall, key, lambda: hold.check(list(hold.fences), SPARE_SECONDS))

    def run(self) -> Ended:
        """Step by step, until nothing is left to do or something stands in the way."""
        for _ in range(STEPS):
            view = self._last = self._stall.ledger.view(self._key)
            self._first = self._first or view
            if view is None or not view.listing.enabled:
                return self._ended(How.UNCHANGED, "not listed there")
            if view.listing.status is ListingStatus.PARKED:
                return self._ended(How.PARKED, view.listing.reason)
            if ended := self._guarded(view):
                return ended
        return self._put_off(self._stall.now(), "it changes faster than it can be sent")

    @property
    def before(self) -> int | None:
        """Units that the lot was expected to show when the turn began."""
        return shown_by(self._first) if self._first else None

    def _guarded(self, view: View) -> Ended | None:
        """One step, and what its failure means."""
        # Other threads may be at other listings of the same store.
        calls = self._stall.market.usage.calls_here
        try:
            if not market_breaker.may_enter(self._stall):
                return self._behind_the_breaker()
            ended = self._step(view)
        except (LeaseLost, WritesOff, Waits, Parked) as stop:
            return self._stopped(view, stop)
        except ConnectorError as error:
            return self._failed(view, error)
        if self._stall.market.usage.calls_here > calls:
            market_breaker.worked(self._stall)
        return ended

    def _step(self, view: View) -> Ended | None:
        """The next thing to do; None: look again."""
        lots, listing = self._lots, view.listing
        if view.write is not None:
            settle(self._stall, view, view.write)
            return None
        if listing.reread:
            lots.believe()
            return None
        match next_step(self._stall.market.name, wanted(view.item), known(listing)):
            case Make(quantity):
                lots.make(view, quantity)
            case Move(delta):
                lots.move(view, delta)
            case Remove():
                lots.remove(view)
            case Dress(face):
                lots.dress(view, face)
            case Rest():
                return self._rest(view)
        return None

    def _rest(self, view: View) -> Ended | None:
        stall = self._stall
        review = view.listing.review if self._lots.review is None else self._lots.review
        if not stall.ledger.level(self._key, view.item.revision, stall.now(), review=review):
            return None
        return self._ended(How.DONE if self._lots.writes else How.UNCHANGED, lot_id=view.listing.lot_id)

    # ------------------------------------------------------------- in the way

    def _failed(self, view: View, error: ConnectorError) -> Ended | None:
        match error:
            case BudgetSpent():
                return replace(self._closed(error.free_at, str(error)), calls_spent=True)
            case Unauthorised():
                market_breaker.failed(self._stall, error)
                return self._behind_the_breaker()
            case UnknownOutcome():
                market_breaker.failed(self._stall, error)
                return self._ended(How.UNKNOWN, str(error))
            case Refused():
                market_breaker.worked(self._stall)
            case _ if market_breaker.failed(self._stall, error):
                return self._behind_the_breaker()
        return self._again(view, error)

    def _again(self, view: View, error: ConnectorError) -> Ended | None:
        """Surely nothing was written: try again in a moment, a few times, unless it would be the same."""
        if code_of(error) in FOR_GOOD:
            return self._park(view, Parked(code_of(error), str(error)))
        asked = error.retry_after if isinstance(error, Transient) and error.retry_after else 0.0
        if self._retries < len(QUICK) and asked <= LONGEST_WAIT:
            self._stall.wait(max(QUICK[self._retries], asked))
            self._retries += 1
            return None
        return self._give_up(view, error)

    def _give_up(self, view: View, error: ConnectorError) -> Ended | None:
        listing, code, now = view.listing, code_of(error), self._stall.now()
        same = listing.same_errors + 1 if listing.error_code == code else 1
        if is_parked(same):
            note = ListingNote(ListingStatus.PARKED, str(error), code)
        else:
            note = ListingNote(ListingStatus.FAILED, str(error), code, next_attempt_at(same, now))
        if not self._stall.ledger.note(self._key, view.item.revision, note, now):
            return None  # the item is another one by now
        return self._ended(How.PARKED if is_parked(same) else How.FAILED, str(error))

    def _stopped(self, view: View, stop: Exception) -> Ended | None:
        """It is not for now, or not for us."""
        match stop:
            case WritesOff():
                return self._closed(self._stall.now() + WRITES_OFF_FOR, str(stop))
            case Waits():
                return self._ended(How.UNKNOWN, str(stop))
            case Parked():
                return self._park(view, stop)
        return self._ended(How.NOT_SENT, str(stop))

    def _park(self, view: View, parked: Parked) -> Ended | None:
        note = ListingNote(ListingStatus.PARKED, str(parked), parked.code)
        if not self._stall.ledger.note(self._key, view.item.revision, note, self._stall.now()):
            return None
        return self._ended(How.PARKED, str(parked))

    def _behind_the_breaker(self) -> Ended:
        found = self._stall.ledger.breaker(self._key.account, self._stall.market.name)
        name = TITLES[self._stall.market.name]
        until = found.next_try_at or self._stall.now()
        return self._closed(until, f"{name} is left alone until {until:%H:%M:%S} UTC: {found.reason}")

    def _closed(self, until: datetime, reason: str) -> Ended:
        return replace(self._put_off(until, reason), closed_until=until)

    def _put_off(self, until: datetime, reason: str) -> Ended:
        if self._last is not None:
            self._stall.ledger.postpone({self._key: self._last.item.revision}, reason, until)
        return self._ended(How.NOT_SENT, reason)

    def _ended(self, how: How, reason: str = "", lot_id: str | None = None) -> Ended:
        after = wanted(self._last.item).available if self._last else None
        return Ended(self._key, how, reason, lot_id, self._lots.orders_wanted, after=after)
