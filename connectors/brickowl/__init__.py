"""A Brick Owl store, spoken to through its API: lots, signed changes, batches, orders, look-ups.

Nothing can be made idempotent there: a lost answer of a write is `UnknownOutcome`, to be settled by reading.
https://www.brickowl.com/api_docs
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar

from pydantic import SecretStr

from connectors.brickowl import calls, readers, terms
from connectors.brickowl.choice import choose
from connectors.brickowl.listed import LISTED_FOR, Listed, shared_list
from connectors.brickowl.pacing import OwlPacer, shared_pacer
from connectors.brickowl.readers import OrderHead, OrderView, Store
from connectors.brickowl.verdict import GONE, NO_ITEM, judge
from connectors.errors import ConnectorError, Malformed, Refused, Unauthorised, UnknownOutcome
from connectors.http import Answer, Call, Http, Usage
from connectors.market import Change, Lane, Lot, MarketOrder, Marketplace, NewLot
from connectors.slices import chunks

T = TypeVar("T")

BASE_URL: Final = "https://api.brickowl.com/v1"

FIRST_ORDERS: Final = 500
"""Orders that are listed at first; more only if the last one of them has changed too."""

__all__ = [
    "BASE_URL",
    "LISTED_FOR",
    "BrickOwl",
    "OwlPacer",
    "Store",
    "choose",
    "judge",
    "shared_list",
    "shared_pacer",
]


class BrickOwl:
    """One store, as a `connectors.market.Market`; its `http` needs `judge` and a pacer.

    It is also a `ChangesMany` and a `Catalogue`. `listed`: what is shared with others that are opened for it.
    """

    name: Final[Marketplace] = "brickowl"
    """Which marketplace."""
    texts_at_create: Final = False
    """A lot is made without its texts: a `change` brings them, and may be repeated freely."""
    reads_first: Final = False
    """A change needs nothing of what is there."""

    def __init__(self, http: Http, key: SecretStr, listed: Listed | None = None) -> None:
        self.http = http
        self._key = key
        self._listed = listed or Listed()

    @property
    def account(self) -> str:
        """Whose account."""
        return self.http.account

    @property
    def usage(self) -> Usage:
        """What its calls amounted to so far."""
        return self.http.usage

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def price(self, amount: Decimal) -> Decimal:
        """An amount as Brick Owl will show it."""
        return terms.price(amount)

    def key(self, new: NewLot) -> str:
        """The key that a lot made from `new` would have. Raises Refused if it cannot be made."""
        part = new.part
        return terms.key(_boid(new), terms.type_of(part.item_type, part.no), terms.condition(part))

    def store(self) -> Store | None:
        """Whose store it is, to check a key; None if its account has no store."""
        return self._read(calls.details(), readers.store)

    # ---------------------------------------------------------------- lots

    def lots(self, lane: Lane = "notes") -> list[Lot]:
        """All lots, in one answer; those hidden or empty too."""
        asked_at = self.http.elapsed()
        found = self._read(calls.lots(lane), readers.lots)
        self._listed.keep(found, asked_at)
        return found

    def lot(self, lot_id: str, lane: Lane = "orders") -> Lot | None:
        """One lot, whatever its state; None when the full list lacks it too."""
        for call in (calls.lot(lot_id, lane), calls.lots(lane)):
            found = self._unless_gone(call, readers.lots) or []
            lot = next((each for each in found if each.lot_id == lot_id), None)
            if lot is not None:
                return lot
        return None

    def find(self, new: NewLot, lane: Lane = "orders") -> list[Lot]:
        """The lots that sell what `new` would, and those that carry its marker.

        Out of the full list, since nobody knows what the filter for a seller's id does where several lots
        have the same. Before creations it may be up to `LISTED_FOR` seconds old: else thousands of them would
        read it as often.
        """
        key = self.key(new)
        return [lot for lot in self._known_lots(lane) if lot.key == key or lot.marker == new.marker]

    def _known_lots(self, lane: Lane) -> Sequence[Lot]:
        recent = self._listed.recent(self.http.elapsed()) if lane == "creations" else None
        return self.lots(lane) if recent is None else recent

    def create(self, new: NewLot) -> str:
        """Make a lot, on sale at once, without its texts; its id. Made twice when called twice."""
        try:
            return self._read(calls.create(new, _boid(new)), readers.created)
        except Malformed as error:
            raise UnknownOutcome(
                f"{error}; the lot was made, but its id is not known",
                system=error.system,
                account=error.account,
                operation=error.operation,
            ) from None

    def change(self, lot_id: str, change: Change, seen: Lot | None = None) -> None:
        """Change a lot; Brick Owl does not tell how it looks then. Applied twice when called twice.

        A marker never takes the place of an id that another program gave the lot. Raises Refused if the lot
        is not there, would fall below zero, or its price would become nothing.
        """
        if change.marker and not self._may_mark(lot_id, change, seen):
            change = replace(change, marker=None)
        if change != Change():
            self._send(calls.change(lot_id, change))

    def _may_mark(self, lot_id: str, change: Change, seen: Lot | None) -> bool:
        """Whether a lot needs the marker and has no other program's id in its place."""
        if seen is not None and seen.marker:
            return seen.marker != change.marker
        return self._read(calls.lot(lot_id, change.lane), readers.may_be_marked)

    def change_many(self, changes: Sequence[tuple[str, Change]]) -> list[ConnectorError | None]:
        """Change lots, given as (lot id, change); what became of each, in their order: None is done.

        Quantities go in batches of `calls.MOST_PARTS`; a change of anything else goes alone, since a batch is
        said to ignore it with success.
        """
        outcomes: dict[int, ConnectorError | None] = {}
        alone = [index for index, (_, wanted) in enumerate(changes) if not calls.is_for_batch(wanted)]
        together = [index for index in range(len(changes)) if index not in set(alone)]
        for piece in chunks(together, calls.MOST_PARTS):
            found = self._batch([changes[index] for index in piece], _stopped(outcomes))
            outcomes |= dict(zip(piece, found, strict=True))
        for index in alone:
            outcomes[index] = _stopped(outcomes) or self._alone(*changes[index])
        return [outcomes[index] for index in range(len(changes))]

    def delete(self, lot_id: str) -> None:
        """Delete a lot for ever. One that is not there is deleted."""
        self._unless_gone(calls.delete(lot_id), lambda _: None)

    # ---------------------------------------------------------------- catalogue

    def boids(self, item_type: str, no: str) -> list[str]:
        """The BOIDs of an item, given by BrickLink's type and number; some may have a colour.

        Raises Refused for a type that Brick Owl does not have, or a key without access to the catalogue.
        """
        kind = terms.type_of(item_type, no)
        for number in terms.numbers(kind, no):
            found = self._unless_gone(calls.id_lookup(kind, number), readers.boids, NO_ITEM)
            if found:
                return found
        return []

    def colors(self) -> Mapping[int, Sequence[int]]:
        """Brick Owl's colours by BrickLink's: none, one, or several."""
        return self._read(calls.color_list(), readers.colors)

    # ---------------------------------------------------------------- orders

    def orders(
        self,
        known: Callable[[str], str | None],
        *,
        since: datetime | None = None,
        thorough: bool = False,
    ) -> Iterator[MarketOrder]:
        """The orders that are not as they were last seen, those that went into another one first.

        The list shows no refunds, but its order follows them: from the one changed last on, orders are looked
        at until one is as it was. `thorough`: all open ones are. One that cannot be read does not hide the
        others: it is raised after them.
        """
        found: list[MarketOrder] = []
        problem = self._gather(found, known, since, thorough=thorough)
        yield from sorted(found, key=lambda order: order.combined_into is None)
        if problem is not None:
            raise problem

    def _gather(
        self,
        found: list[MarketOrder],
        known: Callable[[str], str | None],
        since: datetime | None,
        *,
        thorough: bool,
    ) -> ConnectorError | None:
        """Collect orders as far as they can be read; the first problem. One that is the order's own does not
        keep the others from being read.
        """
        wrong: list[ConnectorError] = []
        looking = True
        for head in self._heads(known, since, wrong):
            stamp, again = known(head.order_id) or "", thorough and head.state == "open"
            if head.is_shown_by(stamp) and not (looking or again):
                continue
            try:
                alike, order = self._look(head, stamp, again=again)
            except (Malformed, Refused) as error:
                wrong.append(error)
            except ConnectorError as error:
                return error
            else:
                looking = looking and not alike
                found += [order] if order else []
        return next(iter(wrong), None)

    def _look(self, head: OrderHead, stamp: str, *, again: bool) -> tuple[bool, MarketOrder | None]:
        """Whether an order is as it was, and if not (or `again`) all of it."""
        view = self._read(calls.order(head.order_id), readers.order_view)
        alike = view.stamp(head) == stamp
        return alike, self._order(head, view) if again or not alike else None

    def _order(self, head: OrderHead, view: OrderView) -> MarketOrder:
        # What is cancelled or went into another order may have no lines any more.
        whole = head.state == "open" and view.combined_into is None
        announced = head.units if whole else None
        call = calls.order_items(head.order_id)
        lines = self._read(call, lambda answer: readers.order_lines(answer, announced))
        return readers.order(head, view, lines)

    def _heads(
        self, known: Callable[[str], str | None], since: datetime | None, wrong: list[ConnectorError]
    ) -> list[OrderHead]:
        """The orders changed last; so many that the last one of them is as it was, if there are that many.

        Those that cannot be read are among `wrong`.
        """
        first = None if since is None else int(since.timestamp())
        heads, problems = self._listed_orders(FIRST_ORDERS, first)
        is_full = len(heads) + len(problems) >= FIRST_ORDERS
        if is_full and not (heads and heads[-1].is_shown_by(known(heads[-1].order_id) or "")):
            heads, problems = self._listed_orders(calls.MOST_ORDERS, first)
        wrong += problems
        return [head for head in heads if since is None or head.ordered_at >= since]

    def _listed_orders(self, limit: int, since: int | None) -> tuple[list[OrderHead], list[ConnectorError]]:
        """So many orders, those changed last first, and what is wrong with others of them."""
        call, problems = calls.orders(limit, since), list[Malformed]()
        heads = self._read(call, partial(readers.order_heads, problems=problems))
        return heads, [self.http.signed(each, call) for each in problems]

    # ---------------------------------------------------------------- sending

    def _keyed(self, call: Call) -> Call:
        return calls.keyed(call, self._key.get_secret_value())

    def _send(self, call: Call) -> Answer:
        return self.http.send(self._keyed(call))

    def _read(self, call: Call, read: Callable[[Answer], T]) -> T:
        """What an answer says; what cannot be read is an error that names the call."""
        return next(self.http.pages(self._keyed(call), lambda answer: ([read(answer)], None)))

    def _unless_gone(self, call: Call, read: Callable[[Answer], T], *codes: str) -> T | None:
        """What an answer says; None if it says that the thing is not there, or has one of these codes."""
        try:
            return self._read(call, read)
        except Refused as error:
            if error.codes & {GONE, *codes}:
                return None
            raise

    def _alone(self, lot_id: str, wanted: Change) -> ConnectorError | None:
        try:
            self.change(lot_id, wanted)
        except ConnectorError as error:
            return error
        return None

    def _batch(
        self, changes: Sequence[tuple[str, Change]], stopped: ConnectorError | None
    ) -> list[ConnectorError | None]:
        """What became of the parts of one batch. What happens to it as a whole happens to each of them."""
        if stopped is not None:
            return [stopped] * len(changes)
        call = calls.batch(changes)
        try:
            found = self._read(call, lambda answer: readers.batch(answer, len(changes)))
        except ConnectorError as error:
            return [error] * len(changes)
        return [each and self.http.signed(each, self._keyed(call)) for each in found]


def _stopped(outcomes: Mapping[int, ConnectorError | None]) -> ConnectorError | None:
    """The refusal of the account that ends all work, if there was one."""
    return next((each for each in outcomes.values() if isinstance(each, Unauthorised)), None)


def _boid(new: NewLot) -> str:
    if not new.boid:
        raise terms.refused("no_item", f"{new.part.item_type} {new.part.no}: its BOID was not looked up yet")
    return new.boid
