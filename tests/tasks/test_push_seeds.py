"""Owners, buyers on both marketplaces, lost answers and refusals, all at once and at random.

Whatever happens: no lot is made twice, no order counts twice or not at all, no unit is sold twice by our
doing, and in the end item and lots say the same.
"""

import random
from dataclasses import dataclass, field

import pytest

from connectors.brickowl import BrickOwl
from connectors.ledger.market_records import ListingKey, ListingStatus, WriteState
from connectors.market import MARKETPLACES, Marketplace
from tasks import booking
from tasks.together import move_together
from tests.fair import BRICKLINK, BRICKOWL, Fair
from tests.worlds import World

KINDS = (
    "lost_answer",
    "timeout_before",
    "http",
    "http_after",
    "throttled",
    "malformed",
    "empty",
    "partial",
    "stale_read",
)
READS = {
    BRICKLINK: ("GET /inventories", "GET /inventories/{id}", "GET /orders", "GET /orders/{id}/items"),
    "brickowl": ("GET /inventory/list", "GET /order/list", "GET /order/items", "GET /order/view"),
}
WRITES = {
    BRICKLINK: ("POST /inventories", "PUT /inventories/{id}", "DELETE /inventories/{id}"),
    "brickowl": (
        *("POST /inventory/create", "POST /inventory/update", "POST /inventory/delete"),
        "POST /bulk/batch",
    ),
}
STEPS = 14


pytest_plugins = ["tests.fairs"]


@dataclass
class Trade:
    """What happens, and what there truly is: `there` is how many units the seller has left of each item."""

    fair: Fair
    chance: random.Random
    faults: bool = True
    there: dict[str, int] = field(default_factory=dict)
    ordered: int = 0

    def begin(self, items: int, most: int) -> None:
        """Items that are on sale, or on their way there."""
        for _ in range(items):
            quantity = self.chance.randint(1, most)
            self.there[self.fair.create(quantity)] = quantity
        for item in self.there:
            self.fair.push(item)

    def step(self) -> None:
        """Something happens."""
        act = self.chance.choices(
            [
                self.owner,
                self.buyer,
                self.pushes,
                self.books,
                self.buyer_between,
                self.together,
                self.trouble,
            ],
            [3, 4, 5, 2, 3, 3, 4 if self.faults else 0],
        )[0]
        act()
        self.fair.pass_time(self.chance.choice([0.5, 20, 70]))

    def owner(self) -> None:
        """The owner finds units, or takes some away: by so many, whatever the ledger knows of sales."""
        item = self.item()
        known = self.fair.item(item).quantity_available
        change = self.chance.randint(-min(3, known, max(0, self.there[item])), 5)
        self.there[item] += change
        self.fair.update(item, known + change)

    def buyer(self) -> None:
        """Somebody buys what a lot shows."""
        self.buys(self.market())

    def buys(self, name: Marketplace) -> None:
        """Somebody buys there, if there is anything."""
        for_sale = [each for each in self.fair.lots(name) if self.units(name, each)]
        if not for_sale:
            return
        lot = self.chance.choice(for_sale)
        quantity = self.chance.randint(1, min(3, self.units(name, lot)))
        done = self.fair.sell(name, lot["inventory_id" if name == BRICKLINK else "lot_id"], quantity)
        if "order_id" in done:
            self.sold(name, lot, quantity)

    def buyer_between(self) -> None:
        """Somebody buys just before our next change arrives."""
        name = self.market()
        lots = [each for each in self.fair.lots(name) if self.units(name, each) > 2]
        if not lots:
            return
        lot = self.chance.choice(lots)
        number = lot["inventory_id" if name == BRICKLINK else "lot_id"]
        before = {"operation": WRITES[name][1], "nth": 1}
        sold = len(self.orders(name))
        self.fair.event(name, "sale", lot=int(number), quantity=1, before=before)
        item = self.owner_of(name, lot)
        self.fair.update(item, self.fair.item(item).quantity_available + 1)
        self.there[item] += 1
        self.fair.push(item, name)
        if len(self.orders(name)) > sold:
            self.sold(name, lot, 1)
        self.waiting(name, lot, sold)

    def waiting(self, name: Marketplace, lot: World, sold: int) -> None:
        """An event whose call never came happens now, so that the books are right."""
        if len(self.orders(name)) == sold:
            self.fair.sandbox.faults([])
            self.fair.settle(3)
            if len(self.orders(name)) > sold:
                self.sold(name, lot, 1)

    def sold(self, name: Marketplace, lot: World, quantity: int) -> None:
        """So many units left the seller's shelf."""
        self.there[self.owner_of(name, lot)] -= quantity
        self.ordered += quantity

    def pushes(self) -> None:
        """A push of any item."""
        self.fair.push(self.item(), *self.chance.choice([(), (self.market(),)]))

    def together(self) -> None:
        """All items move, and their changes go to Brick Owl in one call."""
        for item in self.there:
            self.there[item] += 1
            self.fair.update(item, self.fair.item(item).quantity_available + 1)
        stall = self.fair.stall(BRICKOWL)
        keys = [ListingKey("default", item, BRICKOWL) for item in self.there]
        assert isinstance(stall.market, BrickOwl)
        move_together(stall, stall.market, keys)

    def books(self) -> None:
        """Orders are booked, unless something goes wrong."""
        self.fair.settle(1)

    def trouble(self) -> None:
        """One call will go wrong."""
        name, kind = self.market(), self.chance.choice(KINDS)
        is_reading = kind in {"empty", "partial", "stale_read"}
        operations = READS[name] if is_reading or self.chance.random() < 0.3 else WRITES[name]
        status = self.chance.choice([500, 502, 503])
        nth = self.chance.randint(1, 2)
        operation = self.chance.choice(operations)
        self.fair.fault(name, operation, kind, nth=nth, status=status, seconds=0.0)

    def rest(self) -> None:
        """Nothing goes wrong any more, and the net has its time; what is parked, a person tries again."""
        fair = self.fair
        fair.sandbox.faults([])
        fair.settle(10)
        if any(view.listing.status is ListingStatus.PARKED for view in fair.ledger.views("default")):
            fair.ledger.retry("default", fair.now())
            fair.settle(10)

    # ------------------------------------------------------------------ looks

    def item(self) -> str:
        return self.chance.choice(list(self.there))

    def market(self) -> Marketplace:
        return self.chance.choice(MARKETPLACES)

    def units(self, name: Marketplace, lot: World) -> int:
        return int(lot["quantity" if name == BRICKLINK else "qty"])

    def orders(self, name: Marketplace) -> list[World]:
        return list(self.fair.sandbox.world()[name]["default"]["orders"])

    def owner_of(self, name: Marketplace, lot: World) -> str:
        text = str(lot["remarks" if name == BRICKLINK else "external_id"])
        return next(item for item in self.there if f"ev:{item}" in text)

    def assert_no_lot_twice(self) -> None:
        for item in self.there:
            for name in MARKETPLACES:
                assert len(self.fair.shown(name, item)) <= 1, (name, item)

    def assert_each_order_once(self) -> None:
        history = [
            each
            for item in self.there
            for each in self.fair.ledger.item_history("default", item)
            if each.change_type == "sold"
        ]
        assert sum(each.delta_sold for each in history) == self.ordered

    def assert_even(self) -> None:
        for item in self.there:
            self.fair.assert_level(item)
        assert [each for each in self.fair.ledger.open_writes() if each.state != WriteState.DONE] == []


def test_with_plenty_in_stock_item_and_lots_end_as_what_there_is(fair: Fair, seed: int) -> None:
    trade = Trade(fair, random.Random(seed))
    trade.begin(items=2, most=200)
    for item in trade.there:
        trade.there[item] += 100
        fair.update(item, trade.there[item])
    for _ in range(STEPS):
        trade.step()
        trade.assert_no_lot_twice()
    trade.rest()
    trade.assert_each_order_once()
    trade.assert_even()
    assert {item: fair.item(item).quantity_available for item in trade.there} == trade.there


def test_with_few_in_stock_no_unit_comes_back_and_no_lot_is_made_twice(fair: Fair, seed: int) -> None:
    trade = Trade(fair, random.Random(1_000 + seed))
    trade.begin(items=3, most=4)
    for _ in range(STEPS):
        trade.step()
        trade.assert_no_lot_twice()
    trade.rest()
    trade.assert_no_lot_twice()
    trade.assert_each_order_once()
    trade.assert_even()


# ------------------------------------------------------------------------ orders that are cancelled


@dataclass
class Returns(Trade):
    """The same, and orders are cancelled; some of them put their units back into the lot, some do not.

    `there` is without what was ordered: that is counted in the end.
    """

    cancelled: set[tuple[str, object]] = field(default_factory=set)

    def step(self) -> None:
        if self.chance.random() < 0.2:
            self.cancel(self.market())
        super().step()

    def sold(self, name: Marketplace, lot: World, quantity: int) -> None:
        """Nothing is counted yet."""

    def left(self) -> dict[str, int]:
        """How many units the seller has left of each item, however many orders there are."""
        left = dict(self.there)
        for name in MARKETPLACES:
            owners = {self.lot_id(name, lot): self.owner_of(name, lot) for lot in self.fair.lots(name)}
            for line in (line for order in self.orders(name) for line in self.lines(name, order)):
                left[owners[self.lot_id(name, line)]] -= self.units_of(name, line)
        return left

    def cancel(self, name: Marketplace) -> None:
        """One order is cancelled whose lots are all there."""
        lots = {self.lot_id(name, lot): lot for lot in self.fair.lots(name)}
        orders = [
            order
            for order in self.orders(name)
            if (name, order["order_id"]) not in self.cancelled
            and all(self.lot_id(name, line) in lots for line in self.lines(name, order))
        ]
        if not orders:
            return
        order, restock = self.chance.choice(orders), self.chance.random() < 0.6
        self.fair.event(name, "cancel", order_id=order["order_id"], restock=restock)
        self.cancelled.add((name, order["order_id"]))
        for line in self.lines(name, order) if restock else []:
            self.there[self.owner_of(name, lots[self.lot_id(name, line)])] += self.units_of(name, line)

    def night(self) -> None:
        """Every order and every review is looked at once more."""
        for name in MARKETPLACES:
            booking.book(self.fair.stall(name), thorough=True)
            booking.take_back(self.fair.stall(name), again=True)
        self.fair.settle(10)

    def lines(self, name: Marketplace, order: World) -> list[World]:
        batches = order["items"] if name == BRICKLINK else [order["items"]]
        return [line for batch in batches for line in batch]

    def units_of(self, name: Marketplace, line: World) -> int:
        return int(line["quantity" if name == BRICKLINK else "ordered_quantity"])

    def lot_id(self, name: Marketplace, found: World) -> str:
        return str(found["inventory_id" if name == BRICKLINK else "lot_id"])


@pytest.mark.parametrize("number", range(6))
def test_what_orders_give_back_is_never_more_than_there_is_and_never_lost(fair: Fair, number: int) -> None:
    trade = Returns(fair, random.Random(2_000 + number), faults=bool(number % 3))
    trade.begin(items=2, most=60)
    for item in trade.there:
        trade.there[item] += 60
        fair.update(item, trade.there[item])
    for _ in range(STEPS):
        trade.step()
    trade.rest()
    trade.night()
    trade.assert_no_lot_twice()
    reviews = fair.ledger.reviews("default")
    for item, there in trade.left().items():
        available = fair.item(item).quantity_available
        waiting = sum(each.taken for each in reviews if each.item_id == item)
        assert available <= max(0, there) <= available + waiting
        for name in MARKETPLACES:
            assert sum(fair.shown(name, item)) <= max(0, there)
