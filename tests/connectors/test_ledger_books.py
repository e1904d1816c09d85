"""The books agree whatever happens in whatever order, and however many happen at once."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.ledger import BookingKind, Breaker, BreakerState, Ledger, ListingKey, Lookup, Why
from connectors.ledger.budgets import LIMITS, POLLS
from connectors.market import MARKETPLACES, MarketOrder
from tests.connectors.market_samples import (
    BRICKLINK,
    ITEM,
    LOTS,
    SECOND,
    a_write,
    add,
    an_item,
    an_order,
    begun,
    books,
    cancelled,
    change,
    look,
    on_sale,
)
from tests.worlds import NOW

pytest_plugins = ["tests.databases"]

# Without shrinking: each example is a trade against a database.
SHARED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=10,
    phases=[Phase.generate],
)
_numbers = count()


@dataclass
class Trade:
    """One item, its two real lots, and orders that the ledger may not have heard of yet."""

    ledger: Ledger
    account: str
    item_id: str
    lots: dict[str, int]
    shelf: int
    """What there is; below zero, that many buyers wait for units that were sold twice."""
    unread: list[tuple[str, MarketOrder]] = field(default_factory=list)
    read: list[tuple[str, MarketOrder]] = field(default_factory=list)
    number: int = 0

    def key(self, market: str) -> ListingKey:
        return ListingKey(self.account, self.item_id, market)

    def recount(self, market: str, quantity: int) -> None:
        if quantity != look(self.ledger, self.key(market)).item.quantity_available:
            self.shelf = quantity
        change(self.ledger, quantity, self.item_id, self.account)

    def buy(self, market: str, quantity: int) -> None:
        if quantity := min(quantity, self.lots[market]):
            self.lots[market] -= quantity
            self.number += 1
            lot = look(self.ledger, self.key(market)).listing.lot_id or ""
            self.unread.append((market, an_order(f"{self.number}", quantity, lot=lot)))

    def book(self, market: str, quantity: int) -> None:
        del market, quantity
        for market, order in self.unread:
            self.ledger.book_order(self.account, market, order, NOW)
            self.shelf -= sum(line.quantity for line in order.lines or ())
        self.read += self.unread
        self.unread.clear()

    def cancel(self, market: str, quantity: int) -> None:
        """An order is cancelled; with luck its units are on sale again."""
        if self.read:
            market, order = self.read.pop(quantity % len(self.read))
            self.ledger.book_order(self.account, market, cancelled(order), NOW)
            (review,) = (
                each for each in self.ledger.reviews(self.account) if each.order_id == order.order_id
            )
            rose = quantity % 2 == 0
            self.lots[market] += review.quantity if rose else 0
            self.shelf += review.quantity
            self.ledger.restock(review.id or 0, NOW, lot_rose=rose, by="ann")

    def push(self, market: str, quantity: int) -> None:
        """Bring a lot level, as far as it goes; what is in between may be a sale, or a refusal."""
        view = look(self.ledger, self.key(market))
        delta = max(view.owed, -self.lots[market])
        self.number += 1
        write = a_write(view, f"w{self.number}", delta=delta)
        assert self.ledger.begin_write(write)
        if quantity == 1:
            self.ledger.refuse_write(write.id, "no", NOW)
            return
        if quantity == 2:
            self.buy(market, 1)
            self.book(market, 0)
            delta = max(delta, -self.lots[market])
        self.lots[market] += delta
        if quantity == 3:
            self.buy(market, 2)
            self.book(market, 0)
        self.ledger.finish_write(write.id, NOW)

    def agree(self) -> None:
        item = look(self.ledger, self.key("bricklink")).item
        history = self.ledger.item_history(self.account, self.item_id)
        assert item.quantity_available == sum(entry.delta_available for entry in history) >= 0
        assert item.quantity_sold == sum(entry.delta_sold for entry in history)
        assert [entry.revision for entry in history] == list(range(item.revision, 0, -1))
        for market, there in self.lots.items():
            unread = sum(
                line.quantity for where, order in self.unread if where == market for line in order.lines or ()
            )
            assert look(self.ledger, self.key(market)).listing.expected == there + unread


steps = st.lists(
    st.tuples(
        st.sampled_from(["recount", "buy", "book", "cancel", "push"]),
        st.sampled_from(MARKETPLACES),
        st.integers(0, 5),
    ),
    min_size=12,
    max_size=30,
)


@SHARED
@given(steps=steps)
def test_item_and_lots_agree_after_every_step(ledger: Ledger, steps: list[tuple[str, str, int]]) -> None:
    number = next(_numbers)
    item = an_item(f"books{number:07}", 3, account=f"own-{number}")
    on_sale(ledger, item)
    trade = Trade(ledger, item.account, item.id, dict.fromkeys(MARKETPLACES, 3), shelf=3)
    for name, market, quantity in steps:
        getattr(trade, name)(market, quantity)
        trade.agree()

    trade.book("", 0)
    for market in MARKETPLACES:
        trade.push(market, 0)
        trade.agree()
        view = look(ledger, trade.key(market))
        assert trade.lots[market] == view.item.quantity_available
        assert ledger.level(trade.key(market), view.item.revision, NOW)
    assert ledger.behind(NOW, account=item.account) == []


# ---------------------------------------------------------------- at once


def test_one_order_read_by_many_at_once_is_booked_once(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    order = an_order("100", 2, 1)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: ledger.book_order("own", "bricklink", order, NOW), range(8)))

    kinds = Counter(booking.kind for found in done for booking in found)
    assert kinds == {BookingKind.SOLD: 2, BookingKind.KNOWN: 14}
    assert books(ledger) == {"item": 7, "bricklink": 7, "brickowl": 10}


def test_buyers_on_both_marketplaces_and_an_owner_at_once(ledger: Ledger) -> None:
    items = [an_item(ITEM, 40), an_item("brick2345673", 40)]
    on_sale(ledger, *items)
    both = {market: [LOTS[market], f"{market}-{items[1].id}"] for market in MARKETPLACES}

    def sell(number: int) -> None:
        market = MARKETPLACES[number % 2]
        # Two items in one order, in either sequence: nobody waits for another for ever.
        lots = random.Random(number).sample(both[market], 2)
        lines = [an_order(f"{number}", 1, lot=lot).lines or () for lot in lots]
        named = tuple(replace(line, line_id=line.lot_id) for part in lines for line in part)
        ledger.book_order("own", market, an_order(f"{number}", lines=named), NOW)

    def recount(number: int) -> None:
        for item in items:
            done = ledger.change_item(
                "own",
                item.id,
                lambda one: replace(one, quantity_available=one.quantity_available + 1),
                Why("update", f"owner {number}"),
                marketplaces=MARKETPLACES,
                now=NOW,
            )
            assert done is not None

    with ThreadPoolExecutor(8) as pool:
        work = [pool.submit(sell, number) for number in range(20)]
        work += [pool.submit(recount, number) for number in range(10)]
        for each in work:
            each.result()

    for item in items:
        views = [look(ledger, ListingKey("own", item.id, market)) for market in MARKETPLACES]
        assert [view.item.quantity_available for view in views] == [30, 30]
        assert [view.listing.expected for view in views] == [30, 30]
        assert views[0].item.revision == 31


def test_of_many_that_would_write_one_does(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    change(ledger, 12)
    view = look(ledger, BRICKLINK)
    with ThreadPoolExecutor(8) as pool:
        begun_ = list(pool.map(lambda n: ledger.begin_write(a_write(view, f"w{n}")), range(8)))

    assert sum(begun_) == 1
    (write,) = ledger.open_writes()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ledger.finish_write(write.id, NOW), range(8)))
    assert look(ledger, BRICKLINK).listing.expected == 12


def test_sales_while_a_write_ends_are_counted_once(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    change(ledger, 30)
    write = begun(ledger, BRICKLINK)
    with ThreadPoolExecutor(8) as pool:
        work = [
            pool.submit(ledger.book_order, "own", "bricklink", an_order(f"{number}", 1), NOW)
            for number in range(12)
        ]
        work.append(pool.submit(ledger.finish_write, write.id, NOW))
        for each in work:
            each.result()

    assert books(ledger) == {"item": 18, "bricklink": 18, "brickowl": 10}


def test_an_order_read_while_its_lot_is_adopted_is_neither_lost_nor_counted_twice(ledger: Ledger) -> None:
    items = [an_item(f"adopt222222{place}") for place in "abcdef"]
    add(ledger, *items)
    with ThreadPoolExecutor(2) as pool:
        for number, item in enumerate(items):
            key, lot = ListingKey("own", item.id, "bricklink"), f"lot-{number}"
            order = an_order(f"{number}", 3, lot=lot)
            read_at, later = NOW + number * SECOND, NOW + (number + 1) * SECOND
            booking = pool.submit(ledger.book_order, "own", "bricklink", order, later)
            adopting = pool.submit(ledger.adopt, key, lot, 10, read_at, later)
            (booked,) = booking.result()
            # Either the order came first, then the lot has to be read anew; or the lot was ours by then.
            assert adopting.result() is (booked.kind is BookingKind.SOLD)
            view = look(ledger, key)
            expected = (7, 7) if adopting.result() else (10, None)
            assert (view.item.quantity_available, view.listing.expected) == expected


# ------------------------------------------------------------------- budgets


def test_lanes_close_one_after_another_and_open_when_calls_are_a_day_old(ledger: Ledger) -> None:
    limits = LIMITS["bricklink"]
    lanes = sorted(limits, key=lambda lane: limits[lane])
    assert lanes == ["prices", "notes", "rises", "creations", "deletions", "falls", "orders"]
    spent = POLLS
    ledger.spend("own", "bricklink", "orders", NOW, calls=POLLS)
    for lane in lanes:
        assert ledger.spend("own", "bricklink", lane, NOW, calls=limits[lane] - spent) is None
        spent = limits[lane]
        assert ledger.spend("own", "bricklink", lane, NOW + SECOND) == NOW + timedelta(hours=24, minutes=5)

    assert ledger.calls_used("own", "bricklink", NOW)["orders"] == POLLS + 200
    assert ledger.spend("own", "brickowl", "prices", NOW) is None
    assert ledger.spend("other", "bricklink", "prices", NOW) is None
    later = NOW + timedelta(hours=24, minutes=5)
    assert ledger.lane_opens("own", "bricklink", "orders", later - SECOND) == later
    assert ledger.lane_opens("own", "bricklink", "prices", later) is None
    assert ledger.calls_used("own", "bricklink", later) == {}


def test_a_burst_of_changes_leaves_a_day_of_order_polls_and_a_reserve(ledger: Ledger) -> None:
    """A change is two calls: 2,040 go at once, and orders are heard every two minutes all the same."""
    changes = 0
    while ledger.spend("own", "bricklink", "falls", NOW, calls=60) is None:
        changes += 30
    assert changes == 2_040

    for poll in range(30, 24 * 30 + 1, 30):
        assert ledger.spend("own", "bricklink", "orders", NOW + poll * timedelta(minutes=2), calls=30) is None
        assert ledger.lane_opens("own", "bricklink", "falls", NOW) is not None
    assert ledger.lane_opens("own", "bricklink", "orders", NOW + timedelta(hours=24), calls=200) is None


def test_polls_that_were_made_are_not_held_back_again(ledger: Ledger) -> None:
    ledger.spend("own", "bricklink", "orders", NOW, calls=POLLS + 80)

    assert ledger.lane_opens("own", "bricklink", "falls", NOW, calls=4_000) is None
    assert ledger.lane_opens("own", "bricklink", "falls", NOW, calls=4_001) is not None


def test_a_lane_opens_as_soon_as_enough_calls_are_a_day_old(ledger: Ledger) -> None:
    for hour in range(4):
        now = NOW + timedelta(hours=hour)
        assert ledger.spend("own", "bricklink", "falls", now, calls=1_020) is None
    now = NOW + timedelta(hours=4)

    assert ledger.spend("own", "bricklink", "falls", now) == NOW + timedelta(hours=24, minutes=5)
    assert ledger.spend("own", "bricklink", "falls", now, calls=1_021) == NOW + timedelta(hours=25, minutes=5)
    assert ledger.spend("own", "bricklink", "notes", now) == NOW + timedelta(hours=25, minutes=5)


def test_no_call_is_given_out_twice(ledger: Ledger) -> None:
    ledger.spend("own", "bricklink", "orders", NOW, calls=4_990)
    # Some clocks are a span ahead of others.
    times = [NOW + timedelta(minutes=5 * (number % 2)) for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda now: ledger.spend("own", "bricklink", "orders", now), times))

    assert sum(answer is None for answer in answers) == 10


def test_one_of_many_gets_to_be_the_probe(ledger: Ledger) -> None:
    def opened(breaker: Breaker) -> Breaker:
        return replace(breaker, state=BreakerState.OPEN, opened_at=NOW, reason="refused", next_try_at=NOW)

    def probing(breaker: Breaker) -> Breaker:
        return replace(breaker, state=BreakerState.HALF_OPEN, next_try_at=NOW + SECOND)

    assert ledger.breaker("own", "bricklink") == Breaker("own", "bricklink")
    ledger.judge_breaker("own", "bricklink", opened)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ledger.judge_breaker("own", "bricklink", probing), range(8)))

    assert sum(before.state is BreakerState.OPEN for before, _ in found) == 1
    assert ledger.breaker("own", "bricklink").state is BreakerState.HALF_OPEN
    assert ledger.breaker("own", "brickowl").state is BreakerState.CLOSED
    assert ledger.breakers("other") == []


def test_a_persons_word_on_a_number_outlives_the_catalogues(ledger: Ledger) -> None:
    said = Lookup("own", "boid", "PART/3001", ["771344"], NOW)
    ledger.store_lookups([said, replace(said, key="PART/3002", found=[])])
    ledger.store_lookups([replace(said, found=["1"], by_person=True)])
    ledger.store_lookups([said])

    found = ledger.lookups("own", "boid", ["PART/3001", "PART/3002", "PART/3003"])
    assert {key: list(each.found) for key, each in found.items()} == {"PART/3001": ["1"], "PART/3002": []}
    assert ledger.lookups("other", "boid", ["PART/3001"]) == {}


def test_an_account_is_asked_for_orders_when_a_lot_shows_too_little(ledger: Ledger) -> None:
    ledger.switch_markets("own", MARKETPLACES, NOW, enabled=True)
    ledger.ask_poll("own", "bricklink", NOW + SECOND)
    ledger.compared("own", "brickowl", NOW)
    ledger.switch_markets("own", ["brickowl"], NOW, enabled=False)

    link, owl = ledger.market_accounts("own")
    assert (link.enabled, link.poll_asked, link.polled_at, link.added_at) == (True, True, None, NOW)
    assert (owl.enabled, owl.poll_asked, owl.compared_at) == (False, False, NOW)
    ledger.polled("own", "bricklink", NOW + SECOND)
    assert ledger.market_accounts("own")[0].poll_asked is False
    ledger.remove_markets("own")
    assert ledger.market_accounts() == []
