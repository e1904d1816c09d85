"""Bring one item level everywhere, as soon as it was changed: both marketplaces side by side.

One marketplace that fails, is slow or closed touches no other. What a lot shows too little of brings the
order poll forward, and whatever that books is pushed as well.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast
from uuid import uuid4

from connectors.errors import ConnectorError, EvenstockError
from connectors.ledger import Ledger
from connectors.ledger.market_records import ListingKey, ListingNote, ListingStatus
from connectors.market import Marketplace
from connectors.settings import Settings
from tasks import booking, channels
from tasks.market_connect import open_market
from tasks.push import Ended, How, bring_level
from tasks.retrying import next_attempt_at
from tasks.stall import Clock, Stall

if TYPE_CHECKING:
    from connectors.records import JsonObject

T = TypeVar("T")
R = TypeVar("R")

FOLLOW_UPS = 50
"""Listings that one push brings level besides its own; the net does the rest."""

EVENTS = {
    How.DONE: "success",
    How.UNCHANGED: "success",
    How.FAILED: "failed",
    How.PARKED: "failed",
    How.UNKNOWN: "error",
    How.MOCKED: "mocked",
}
"""How the document calls the ends of a push; what is put off has not ended yet."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the events of a push say of the change that began it."""

    change_type: str = "update"
    correlation_id: str = ""


@contextmanager
def open_stall(settings: Settings, ledger: Ledger, account: str, marketplace: Marketplace) -> Iterator[Stall]:
    """A stall, closed in the end. A push tries again by itself, so its calls do not."""
    market = open_market(settings, ledger, account, marketplace, attempts=1)
    try:
        yield Stall(settings, ledger, market, Clock(settings))
    finally:
        market.close()


def push_everywhere(
    settings: Settings, ledger: Ledger, account: str, item_id: str, told: Told
) -> list[Ended]:
    """Bring an item level on all marketplaces it is listed on, and those that its push brings news of."""
    ended = push_all(settings, ledger, _listed(ledger, account, item_id), told)
    if wanted := [each.key for each in ended if each.orders_wanted]:
        items = {item for key in wanted for item in _booked(settings, ledger, key)}
        behind = ledger.behind(settings.now(), account=account, item_ids=sorted(items), limit=FOLLOW_UPS)
        push_all(settings, ledger, behind, Told("sold", told.correlation_id))
    return ended


def push_all(settings: Settings, ledger: Ledger, keys: Sequence[ListingKey], told: Told) -> list[Ended]:
    """Bring listings level, those of different marketplaces side by side."""
    by_market: dict[str, list[ListingKey]] = {}
    for key in keys:
        by_market.setdefault(key.marketplace, []).append(key)

    def push(mine: Sequence[ListingKey]) -> list[Ended]:
        return [_isolated(settings, ledger, key, told) for key in mine]

    return [each for ended in side_by_side(push, by_market.values()) for each in ended]


def side_by_side(work: Callable[[T], R], parts: Iterable[T]) -> list[R]:
    """Work on all parts at the same time, in threads that know this run."""
    todo = list(parts)
    with ThreadPoolExecutor(max(1, len(todo))) as pool:
        waiting = [pool.submit(copy_context().run, work, each) for each in todo]
    return [each.result() for each in waiting]


def _listed(ledger: Ledger, account: str, item_id: str) -> list[ListingKey]:
    views = ledger.views(account, [item_id])
    return [ListingKey(account, item_id, view.listing.marketplace) for view in views if view.listing.enabled]


def _isolated(settings: Settings, ledger: Ledger, key: ListingKey, told: Told) -> Ended:
    """One listing; whatever goes wrong with it stays with it, and is told."""
    try:
        ended = _pushed(settings, ledger, key)
    except EvenstockError as error:
        ended = _broken(ledger, settings, key, error)
    announce(ended, told)
    return ended


def _pushed(settings: Settings, ledger: Ledger, key: ListingKey) -> Ended:
    if settings.disable_external_calls:
        return Ended(key, How.MOCKED, "DISABLE_EXTERNAL_CALLS=true: nothing was sent")
    with open_stall(settings, ledger, key.account, cast("Marketplace", key.marketplace)) as stall:
        return bring_level(stall, key, uuid4().hex)


def _broken(ledger: Ledger, settings: Settings, key: ListingKey, error: EvenstockError) -> Ended:
    """What no push could begin with: credentials are missing, or the ledger is away."""
    view = ledger.view(key)
    if view is not None:
        now = settings.now()
        note = ListingNote(ListingStatus.FAILED, str(error), "cannot_begin", next_attempt_at(1, now))
        ledger.note(key, view.item.revision, note, now)
    return Ended(key, How.FAILED, str(error))


def _booked(settings: Settings, ledger: Ledger, key: ListingKey) -> set[str]:
    """The items that a look at the orders changed; if it fails, the net looks later."""
    try:
        with open_stall(settings, ledger, key.account, cast("Marketplace", key.marketplace)) as stall:
            return booking.book(stall).item_ids
    except ConnectorError:
        return set()


def announce(ended: Ended, told: Told) -> None:
    """An event for whoever counts: the document's metrics."""
    if ended.how not in EVENTS:
        return
    payload = {
        "inventoryItemId": ended.key.item_id,
        "changeType": told.change_type,
        "correlationId": told.correlation_id,
        "businessAccountId": ended.key.account,
        "marketplaceId": ended.lot_id,
        "error": ended.reason or None,
    }
    name = f"evenstock.inventory.immediateSync.{ended.key.marketplace}.{EVENTS[ended.how]}"
    channels.emit(name, ended.key.account, cast("JsonObject", payload))
