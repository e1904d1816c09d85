"""A BrickLink store, spoken to through its store API: lots, signed changes, orders.

Nothing can be made idempotent there: a lost answer of a write is `UnknownOutcome`, to be settled by reading.
https://www.bricklink.com/v3/api.page
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar

from connectors.bricklink import calls, readers
from connectors.bricklink.envelope import GONE, data, judging
from connectors.bricklink.oauth import Keys, Signer
from connectors.bricklink.readers import PURGED, OrderHead
from connectors.errors import Complaint, ConnectorError, Malformed, Refused, UnknownOutcome
from connectors.http import Answer, Call, Http, Usage
from connectors.market import Change, Lane, Lot, MarketOrder, Marketplace, NewLot, OrderLine

T = TypeVar("T")

BASE_URL = "https://api.bricklink.com/api/store/v1"

IN_FLIGHT = 4
"""Calls of an account that may run side by side: more than five are answered 503 by the gateway."""

BLACK = 11
"""A colour that every catalogue has."""

__all__ = ["BASE_URL", "IN_FLIGHT", "BrickLink", "Keys", "Signer", "judging"]


class BrickLink:
    """One store, as a `connectors.market.Market`; its `http` needs a `Signer` and `judging` by it.

    `keep_empty`: lots that run out by a change of ours stay, empty, in a stockroom, whether or not the seller
    set them to be retained; else those have to be deleted.
    """

    name: Final[Marketplace] = "bricklink"
    """Which marketplace."""
    texts_at_create: Final = True
    """A lot is made with its texts."""
    reads_first: Final = True
    """A change sends along what it read, so it needs the lot as it is just then."""

    def __init__(self, http: Http, *, keep_empty: bool = True) -> None:
        self.http = http
        self._keep_empty = keep_empty

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
        """An amount as BrickLink will show it."""
        return calls.price(amount)

    def check(self) -> None:
        """Raise what BrickLink says to our credentials; one call, whatever the store holds."""
        self._unless_gone(calls.color(BLACK), lambda _: None)

    def key(self, new: NewLot) -> str:
        """The key that a lot made from `new` would have."""
        return calls.key_of(new.part)

    # ---------------------------------------------------------------- lots

    def lots(self, lane: Lane = "notes") -> list[Lot]:
        """All lots, in one answer; those in stockrooms too."""
        return self._read(calls.lots(lane), self._lots)

    def lot(self, lot_id: str, lane: Lane = "orders") -> Lot | None:
        """One lot; None when it is not there: sold out, deleted, or never was."""
        return self._unless_gone(calls.lot(lot_id, lane), self._lot)

    def find(self, new: NewLot, lane: Lane = "orders") -> list[Lot]:
        """The lots that sell what `new` would, and those of its type and colour that carry its marker."""
        key = self.key(new)
        found = self._read(calls.lots(lane, new.part), self._lots)
        return [lot for lot in found if lot.key == key or lot.marker == new.marker]

    def create(self, new: NewLot) -> str:
        """Make a lot, on sale at once; its id. Made twice when called twice."""
        try:
            return self._read(calls.create(new, retain=self._keep_empty), readers.created)
        except Malformed as error:
            raise UnknownOutcome(
                f"{error}; the lot was made, but its id is not known",
                system=error.system,
                account=error.account,
                operation=error.operation,
            ) from None

    def change(self, lot_id: str, change: Change, seen: Lot | None = None) -> Lot | None:
        """Change a lot; the lot after it, or None if BrickLink did not tell.

        `seen`: the lot as it was read just before; it is read now if left out. Raises Refused if the lot is
        not there, or would fall below zero.
        """
        seen = seen or self.lot(lot_id, change.lane)
        if seen is None:
            raise self._not_there(lot_id)
        answer = self.http.send(calls.change(seen, change))
        try:
            return self._lot(answer)
        except Malformed:
            # It was changed: how the lot looks now is found out by reading it.
            return None

    def delete(self, lot_id: str) -> None:
        """Delete a lot. One that is not there is deleted."""
        self._unless_gone(calls.delete(lot_id), lambda _: None)

    # ---------------------------------------------------------------- orders

    def orders(
        self,
        known: Callable[[str], str | None],
        *,
        since: datetime | None = None,
        thorough: bool = False,
    ) -> Iterator[MarketOrder]:
        """The orders that are not as they were last seen, newest first, one read at a time.

        `thorough`: those that the seller has filed away too, which takes one call more. One that cannot be
        read does not hide the others: it is raised after them.
        """
        problems: list[ConnectorError] = []
        heads = {head.order_id: head for head in self._heads(problems, thorough=thorough)}
        newest_first = sorted(heads.values(), key=lambda head: (head.ordered_at, head.order_id), reverse=True)
        for head in newest_first:
            if (since is not None and head.ordered_at < since) or known(head.order_id) == head.stamp:
                continue
            try:
                order = readers.order(head, self._lines(head))
            except (Malformed, Refused) as error:
                problems.append(error)
            else:
                yield order
        if problems:
            raise problems[0]

    def _heads(self, problems: list[ConnectorError], *, thorough: bool) -> Iterator[OrderHead]:
        for filed in (False, True) if thorough else (False,):
            call, wrong = calls.orders(filed=filed), list[Malformed]()
            yield from self._read(call, partial(readers.order_heads, problems=wrong))
            problems += [self.http.signed(each, call) for each in wrong]

    def _lines(self, head: OrderHead) -> tuple[OrderLine, ...] | None:
        """The lines of an order; None when they are no longer told. Raises Refused if they should be."""
        call = calls.order_items(head.order_id)
        if head.status == PURGED:
            return None
        if head.is_of_long_ago:
            return self._unless_gone(call, readers.order_lines)
        return self._read(call, readers.order_lines)

    # ---------------------------------------------------------------- reading answers

    def _read(self, call: Call, read: Callable[[Answer], T]) -> T:
        """What an answer says; what cannot be read is an error that names the call."""
        return next(self.http.pages(call, lambda answer: ([read(answer)], None)))

    def _unless_gone(self, call: Call, read: Callable[[Answer], T]) -> T | None:
        try:
            return self._read(call, read)
        except Refused as error:
            if GONE in error.codes:
                return None
            raise

    def _lots(self, answer: Answer) -> list[Lot]:
        return readers.lots(answer, keep_empty=self._keep_empty)

    def _lot(self, answer: Answer) -> Lot:
        return readers.lot(data(answer), keep_empty=self._keep_empty)

    def _not_there(self, lot_id: str) -> Refused:
        text = f"BrickLink has no lot {lot_id} any more: it was sold out or deleted"
        return Refused(text, complaints=[Complaint(GONE, text)], system=self.name, account=self.account)
