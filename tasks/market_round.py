"""The net's work on one account of one marketplace: book orders, push what is behind, compare lots.

Each part ends by itself: what goes wrong is in the result, and other marketplaces and accounts go on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast
from uuid import uuid4

from connectors.errors import BudgetSpent, ConnectorError, EvenstockError
from connectors.ledger import Ledger
from connectors.ledger.market_records import Booking, ListingKey, Review, View
from connectors.market import ChangesMany, Lot, Marketplace, marker
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks import booking, market_breaker
from tasks.drift import Believed, Difference, Kind, compare
from tasks.immediate import Told, announce, open_stall
from tasks.lanes import next_lane
from tasks.lease import held
from tasks.owed import Dress, Make, Move, Remove, Rest, next_step
from tasks.push import Ended, How, bring_level
from tasks.stall import Shelf, Stall, face_of, known, shown_by, wanted
from tasks.together import move_together

WIDTH = 4
"""Listings of a marketplace that are pushed at the same time; BrickLink turns more than five calls away."""

ROUND_SECONDS = 60.0
FEW = 5
"""More listings than these look for lots that are there already in one list of all."""

CALLS = 2
"""Calls that a change takes on BrickLink."""

MOST = 5_000
"""Listings that one run pushes; the next goes on from there."""


@dataclass
class Part:
    """What came of one account on one marketplace.

    `planned`: what would be done, as its reason. `trouble`: why it could not be worked on as a whole.
    `is_busy`: another run is at it.
    """

    account: str
    marketplace: Marketplace
    ended: list[Ended] = field(default_factory=list)
    planned: list[Ended] = field(default_factory=list)
    orders: int = 0
    bookings: list[Booking] = field(default_factory=list)
    returned: list[Review] = field(default_factory=list)
    drift: list[Difference] = field(default_factory=list)
    read_back: int = 0
    compared: bool = False
    trouble: str = ""
    is_busy: bool = False
    usage: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Which account of which marketplace."""

    account: str
    marketplace: Marketplace


def sell(settings: Settings, ledger: Ledger, place: Place, *, thorough: bool) -> Part:
    """Book what was sold, and look for what came back."""
    part = Part(place.account, place.marketplace)
    with _isolated(part), open_stall(settings, ledger, place.account, place.marketplace) as stall:
        if not market_breaker.may_enter(stall):
            part.trouble = ledger.breaker(place.account, place.marketplace).reason
            return part
        try:
            found = booking.book(stall, thorough=thorough)
            part.orders, part.bookings = found.orders, found.bookings
            part.returned = booking.take_back(stall, again=thorough)
        except BudgetSpent:
            raise
        except ConnectorError as error:
            market_breaker.failed(stall, error)
            raise
        finally:
            part.usage = dict(stall.market.usage.as_dict())
        market_breaker.worked(stall)
    return part


@contextmanager
def _isolated(part: Part) -> Iterator[None]:
    """What goes wrong with one part stays with it."""
    try:
        yield
    except EvenstockError as error:
        part.trouble = str(error)


def plan(settings: Settings, ledger: Ledger, place: Place, items: Sequence[str] | None) -> Part:
    """What a push would do now, from what the ledger knows; nobody is asked."""
    part = Part(place.account, place.marketplace)
    keys = set(_behind(ledger, place, settings.now(), items))
    for view in ledger.views(place.account, {key.item_id for key in keys}):
        key = _key(view)
        if key in keys:
            part.planned.append(_would(key, view))
    return part


def level(
    settings: Settings, ledger: Ledger, place: Place, items: Sequence[str] | None, *, compares: bool
) -> Part:
    """Push what is behind, the most urgent first, and look whether it is there."""
    part = Part(place.account, place.marketplace)
    resource = f"marketplace-sync:{place.account}:{place.marketplace}"
    with (
        _isolated(part),
        open_stall(settings, ledger, place.account, place.marketplace) as stall,
        held(ledger, [resource], uuid4().hex, ROUND_SECONDS) as hold,
    ):
        if items is None and resource not in hold.fences:
            part.is_busy = True
            return part
        keys = _behind(ledger, place, stall.now(), items)
        is_many = len(keys) > FEW
        work = replace(stall, shelf=Shelf(stall.market, stall.now)) if is_many else stall
        moved = _moved_together(stall, keys) if is_many else {}
        part.ended = [_counted(each, moved) for each in _push_all(work, keys)]
        if any(each.orders_wanted for each in part.ended):
            _hear(stall, part)
        if compares or (part.ended and not stall.market.reads_first):
            _look(stall, part, everything=compares)
        part.bookings = list(stall.heard)
        part.usage = dict(stall.market.usage.as_dict())
    return part


def _behind(ledger: Ledger, place: Place, now: datetime, items: Sequence[str] | None) -> list[ListingKey]:
    return ledger.behind(
        now, account=place.account, item_ids=items, marketplace=place.marketplace, limit=MOST
    )


def _would(key: ListingKey, view: View) -> Ended:
    step = _step(cast("Marketplace", key.marketplace), view)
    after = wanted(view.item).available
    return Ended(key, How.NOT_SENT, step, view.listing.lot_id, before=shown_by(view), after=after)


def _step(marketplace: Marketplace, view: View) -> str:
    if view.write is not None:
        return f"settle its last {view.write.kind}"
    match next_step(marketplace, wanted(view.item), known(view.listing)):
        case Make(quantity):
            return f"make a lot of {quantity}"
        case Move(delta):
            return f"change its quantity by {delta:+}"
        case Remove():
            return "delete the lot"
        case Dress():
            return "write price and texts"
        case Rest():
            return "nothing but to note that it is level"


# ------------------------------------------------------------------- pushing


def _moved_together(stall: Stall, keys: Sequence[ListingKey]) -> dict[ListingKey, int]:
    """Changes of quantity that went together, where that can be; with what was expected before them."""
    if stall.market.name != "brickowl":
        return {}
    return move_together(stall, cast("ChangesMany", stall.market), keys)


def _counted(ended: Ended, moved: Mapping[ListingKey, int]) -> Ended:
    """How a push ended, its change counted that went before it, together with others."""
    if ended.key not in moved:
        return ended
    how = How.DONE if ended.how is How.UNCHANGED else ended.how
    return replace(ended, how=how, before=moved[ended.key])


def _push_all(stall: Stall, keys: Sequence[ListingKey]) -> list[Ended]:
    """Push listings until the marketplace is closed to them. Those whose lane has calls left go on; the rest
    is put off.
    """
    ended: list[Ended] = []
    while keys:
        found, closed = _pushed(stall, keys)
        ended += found
        done = {each.key for each in found}
        left = [key for key in keys if key not in done]
        if closed is None or not left:
            break
        views = _views_of(stall, left)
        keys = [key for key in left if key in views and _has_calls(stall, views[key], closed)]
        off = {key: views[key] for key in left if key in views and key not in set(keys)}
        ended += _put_off(stall, off, closed)
    return ended


def _pushed(stall: Stall, keys: Sequence[ListingKey]) -> tuple[list[Ended], Ended | None]:
    """Push listings, some side by side, until one finds it closed there: how they ended, and that one."""
    closed: list[Ended] = []

    def push(key: ListingKey) -> Ended | None:
        if closed:
            return None
        one = _push(stall, key)
        if one.closed_until is not None:
            closed.append(one)
        return one

    with ThreadPoolExecutor(WIDTH) as pool:
        waiting = [pool.submit(copy_context().run, push, key) for key in keys]
        found = [each.result() for each in waiting]
    return [one for one in found if one is not None], next(iter(closed), None)


def _views_of(stall: Stall, keys: Sequence[ListingKey]) -> dict[ListingKey, View]:
    return {_key(view): view for view in stall.ledger.views(stall.account, {key.item_id for key in keys})}


def _has_calls(stall: Stall, view: View, closed: Ended) -> bool:
    """Whether a listing may go on where another found no calls left."""
    if not closed.calls_spent:
        return False
    reads_orders = view.write is not None or view.listing.reread
    lane = "orders" if reads_orders else next_lane(stall.market.name, wanted(view.item), known(view.listing))
    opens = stall.ledger.lane_opens(stall.account, stall.market.name, lane, stall.now(), calls=CALLS)
    return opens is None


def _push(stall: Stall, key: ListingKey) -> Ended:
    try:
        ended = bring_level(stall, key, uuid4().hex)
    except EvenstockError as error:
        ended = Ended(key, How.FAILED, str(error))
    announce(ended, Told("net"))
    return ended


def _put_off(stall: Stall, views: Mapping[ListingKey, View], closed: Ended) -> list[Ended]:
    """What is no more urgent than what could not be sent cannot be sent either."""
    revisions = {key: view.item.revision for key, view in views.items()}
    stall.ledger.postpone(revisions, closed.reason, closed.closed_until or stall.now())
    return [
        replace(_would(key, view), reason=closed.reason, closed_until=closed.closed_until)
        for key, view in views.items()
    ]


# ------------------------------------------------------------------- looking


def _hear(stall: Stall, part: Part) -> None:
    """Lots showed less than expected: their orders are not left to the next run."""
    try:
        part.orders += booking.book(stall).orders
    except ConnectorError as error:
        part.trouble = part.trouble or f"orders could not be read: {error}"


def _look(stall: Stall, part: Part, *, everything: bool) -> None:
    """Read all lots in one answer, and compare: everything, or what was pushed just now."""
    try:
        differences, seen = _compared(stall)
        if any(each.kind is Kind.BELOW for each in differences):
            booking.book(stall)
            differences, seen = _compared(stall)
    except ConnectorError as error:
        part.trouble = part.trouble or f"lots could not be compared: {error}"
        return
    pushed = {each.key.item_id for each in part.ended}
    part.read_back = seen if everything else len(pushed)
    part.drift = [each for each in differences if everything or each.item_id in pushed]
    part.compared = everything
    _review(stall, part.drift, seen_all=everything)
    if everything:
        stall.ledger.compared(stall.account, stall.market.name, stall.now())


def _compared(stall: Stall) -> tuple[list[Difference], int]:
    """What differs, of listings at which nothing happened while the lots were read."""
    before = _views(stall)
    lots = stall.market.lots("notes")
    after = _views(stall)
    quiet = {item for item, view in before.items() if after.get(item) == view and view.write is None}
    believed = [_believed(stall, view) for view in after.values() if view.listing.lot_id]
    found = compare([each for each in believed if each is not None], _priced(stall, lots))
    return [each for each in found if each.item_id is None or each.item_id in quiet], len(lots)


def _views(stall: Stall) -> dict[str, View]:
    views = stall.ledger.views(stall.account)
    return {view.item.id: view for view in views if view.listing.marketplace == stall.market.name}


def _believed(stall: Stall, view: View) -> Believed | None:
    face = face_of(view.listing.shown)
    if view.listing.lot_id is None:
        return None
    shown = face and replace(face, price=stall.market.price(face.price))
    return Believed(
        view.item.id, marker(view.item.id), view.listing.lot_id, view.listing.expected or 0, shown
    )


def _priced(stall: Stall, lots: Iterable[Lot]) -> list[Lot]:
    return [lot if lot.price is None else replace(lot, price=stall.market.price(lot.price)) for lot in lots]


REVIEWED = {
    Kind.MISSING: "lot {lot} is not there, and no order tells why",
    Kind.BELOW: "lot {lot} shows {present}, expected are {expected}: no order tells why",
    Kind.ABOVE: "lot {lot} shows {present}, expected are {expected}: not by us",
    Kind.TWICE: "lot {lot} carries this item's marker, too: delete one of them",
}


def _review(stall: Stall, differences: Sequence[Difference], *, seen_all: bool) -> None:
    """List for a person what no order explains; what is as it should be again is taken off the list."""
    told = {
        each.item_id: REVIEWED[each.kind].format(
            lot=each.lot_id, present=each.present, expected=each.expected
        )
        for each in reversed(differences)
        if each.item_id and each.kind in REVIEWED
    }
    for item, text in told.items():
        stall.ledger.set_review(ListingKey(stall.account, item, stall.market.name), text)
    if seen_all:
        for item, view in _views(stall).items():
            if view.listing.review and item not in told:
                stall.ledger.set_review(ListingKey(stall.account, item, stall.market.name), "")


def _key(view: View) -> ListingKey:
    return ListingKey(view.item.account, view.item.id, view.listing.marketplace)
