"""Change the quantities of many lots in few calls, where a marketplace takes several in one (Brick Owl).

Each change is in the ledger before it is sent, as that of a push is; what is not known to be done is settled
by reading, later. Whatever is not a mere change of quantity, or does not work here, is left to the push.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

from connectors.errors import ConnectorError, EvenstockError, Refused, UnknownOutcome
from connectors.ledger.market_records import ListingKey, ListingStatus, MarketWrite, View, WriteKind
from connectors.market import Change, ChangesMany
from connectors.slices import chunks
from tasks import market_breaker
from tasks.lease import Hold, held
from tasks.lots import begun
from tasks.owed import Move, next_step
from tasks.push import LEASE_SECONDS, SPARE_SECONDS, lease_of
from tasks.settling import due_at
from tasks.stall import Stall, known, wanted

AT_ONCE = 20
"""Listings whose leases are held together, for as long as one call takes."""

FEWEST = 2
"""Changes that are worth a batch."""


def move_together(stall: Stall, market: ChangesMany, keys: Sequence[ListingKey]) -> dict[ListingKey, int]:
    """Send what these lots are owed, in batches; the listings whose change was done, with what was expected
    of their lots before.
    """
    done: dict[ListingKey, int] = {}
    for part in chunks(keys, AT_ONCE):
        if not market_breaker.may_enter(stall):
            break
        with _leased(stall, part) as hold:
            writes = _begun(stall, [key for key in part if lease_of(key) in hold.fences])
            done |= _sent(stall, market, hold, writes)
    return done


@contextmanager
def _leased(stall: Stall, keys: Iterable[ListingKey]) -> Iterator[Hold]:
    resources = sorted(map(lease_of, keys))
    with held(stall.ledger, resources, uuid4().hex, LEASE_SECONDS) as hold:
        yield hold


def _begun(stall: Stall, keys: Sequence[ListingKey]) -> list[MarketWrite]:
    """The changes of quantity that are owed now, as the ledger has them; none of what moved meanwhile."""
    views = {view.item.id: view for view in _views(stall, keys)}
    owed = {key: _owed(stall, views[key.item_id]) for key in keys if key.item_id in views}
    moves = {key: delta for key, delta in owed.items() if delta}
    if len(moves) < FEWEST:
        return []
    writes = (
        begun(key, views[key.item_id], WriteKind.CHANGE, delta=delta, body={"present": None}, now=stall.now())
        for key, delta in moves.items()
    )
    return [write for write in writes if stall.ledger.begin_write(write)]


def _views(stall: Stall, keys: Sequence[ListingKey]) -> list[View]:
    found = stall.ledger.views(stall.account, {key.item_id for key in keys})
    return [view for view in found if view.listing.marketplace == stall.market.name]


def _owed(stall: Stall, view: View) -> int:
    """The change of quantity that a push would send next; 0: it would do something else."""
    listing = view.listing
    if not listing.enabled or listing.reread or listing.status is ListingStatus.PARKED or view.write:
        return 0
    step = next_step(stall.market.name, wanted(view.item), known(listing))
    return step.delta if isinstance(step, Move) else 0


def _sent(
    stall: Stall, market: ChangesMany, hold: Hold, writes: Sequence[MarketWrite]
) -> dict[ListingKey, int]:
    """Send writes and store what became of each; those that were done."""
    if not writes:
        return {}
    changes = [(str(write.lot_id), Change(delta=write.delta)) for write in writes]
    outcomes: Sequence[EvenstockError | None]
    try:
        hold.check(list(map(lease_of, map(_key, writes))), SPARE_SECONDS)
        outcomes = market.change_many(changes)
    except EvenstockError as error:
        outcomes = [error] * len(writes)
    ended = list(zip(writes, outcomes, strict=True))
    for write, outcome in ended:
        _store(stall, write, outcome)
    # Only now: whatever keeps the breaker from being told changes nothing of what was done.
    _tell_breaker(stall, outcomes)
    return {_key(write): write.seen or 0 for write, outcome in ended if outcome is None}


def _tell_breaker(stall: Stall, outcomes: Sequence[EvenstockError | None]) -> None:
    """One call worked if any of its parts was answered as it should, be it by a refusal.

    What never reached the marketplace says nothing of it: a lost lease, the ledger's own trouble.
    """
    if any(each is None or isinstance(each, Refused) for each in outcomes):
        market_breaker.worked(stall)
        return
    if failure := next((each for each in outcomes if isinstance(each, ConnectorError)), None):
        market_breaker.failed(stall, failure)


def _store(stall: Stall, write: MarketWrite, outcome: EvenstockError | None) -> None:
    match outcome:
        case None:
            stall.ledger.finish_write(write.id, stall.now())
        case UnknownOutcome():
            lost_at, reason = stall.now(), f"unclear: {outcome}"
            stall.ledger.unclear_write(write.id, reason, lost_at, due_at(lost_at), lost_at=lost_at)
        case _:
            # It was surely not done. The push sends it alone, and judges what it meets.
            stall.ledger.refuse_write(write.id, str(outcome), stall.now())


def _key(write: MarketWrite) -> ListingKey:
    return ListingKey(write.account, write.item_id, write.marketplace)
