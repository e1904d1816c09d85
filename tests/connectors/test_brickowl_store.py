"""Brick Owl through its stand-in: lots, changes, batches, orders, look-ups, and every way to go wrong."""

import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from connectors.brickowl import FIRST_ORDERS, LISTED_FOR, BrickOwl, Store, choose, judge
from connectors.brickowl.pacing import OwlPacer
from connectors.errors import (
    ConnectorError,
    Malformed,
    RateLimited,
    Refused,
    Transient,
    Unauthorised,
    UnknownOutcome,
    WritesOff,
)
from connectors.http import Http, Patience
from connectors.market import Catalogue, Change, ChangesMany, Market, MarketOrder, NewLot, Part
from sandbox.app import Sandbox
from sandbox.clock import Clock
from tests.connectors.spoilt import Spoil, way_to
from tests.sandbox.owl import lot, section
from tests.worlds import NOW, World

KEY = "0123456789abcdef0123456789abcdef"
MARK = "ev:abcdefgh2345"
BRICK = Part("PART", "3001", 5, "new")
NEW = NewLot(BRICK, 4, Decimal("0.1234"), MARK, "C3", "nice", "771344-38")


@dataclass
class Bench:
    """A store, its stand-in, and what was asked of it."""

    sandbox: Sandbox
    key: str = KEY
    writes_off: bool = False
    attempts: int = 1
    slept: list[float] = field(default_factory=list)
    lanes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    spoil: Spoil | None = None

    @property
    def store(self) -> BrickOwl:
        http = Http(
            "http://127.0.0.1/brickowl/v1",
            system="brickowl",
            account="default",
            judge=judge,
            spend=lambda call: self.lanes.append(call.lane),
            patience=Patience(attempts=self.attempts),
            pacer=OwlPacer(clock=lambda: self.seconds, sleep=self.wait),
            writes_off=self.writes_off,
            client=httpx.Client(transport=way_to(self.sandbox, self.spoil)),
            sleep=self.slept.append,
            clock=lambda: self.seconds,
            chance=lambda: 0.0,
        )
        return BrickOwl(http, SecretStr(self.key))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds

    @property
    def lots(self) -> list[World]:
        """The lots of the world."""
        found: list[World] = self.sandbox.world()["brickowl"]["default"]["lots"]
        return found

    def quantity(self, number: int) -> int:
        return int(next(each["qty"] for each in self.lots if each["lot_id"] == number))

    def fault(self, kind: str, **more: object) -> None:
        self.sandbox.faults([{"system": "brickowl", "kind": kind, **more}])

    def happen(self, kind: str, **more: object) -> str:
        """Make something happen; the order that it is about."""
        found = self.sandbox.event({"system": "brickowl", "kind": kind, **more})
        assert "refused" not in found
        return str(found.get("order_id", ""))

    def operations(self) -> list[str]:
        """What was asked since the last time."""
        found = [str(call["operation"]) for call in self.sandbox.calls()]
        self.sandbox.clear_calls()
        return found


Make = Callable[..., Bench]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Sandbox] = []

    def bench(*lots: World, switches: dict[str, str] | None = None, **more: object) -> Bench:
        sandbox = Sandbox(
            {"brickowl": {"default": {**section(*lots, **more), "key": KEY}}},
            clock=Clock(NOW, frozen=True),
            switches={f"brickowl.{name}": position for name, position in (switches or {}).items()},
        )
        made.append(sandbox)
        return Bench(sandbox)

    yield bench
    for each in made:
        each.close()


def test_is_a_market_with_batches_and_a_catalogue(make: Make) -> None:
    store = make().store
    market: Market = store
    many: ChangesMany = store
    catalogue: Catalogue = store
    assert (market.name, market.account, many, catalogue) == ("brickowl", "default", store, store)
    assert (market.texts_at_create, market.reads_first) == (False, False)


def test_a_key_is_checked_by_its_store(make: Make) -> None:
    assert make().store.store() == Store("default", "EUR")
    assert make(store=False).store.store() is None


# ------------------------------------------------------------------------ reading lots


@pytest.mark.parametrize("single", ["listed", "bare"])
def test_lots_that_nobody_can_buy_are_there(make: Make, single: str) -> None:
    bench = make(lot(1, qty=0), switches={"single": single})
    (empty,) = bench.store.lots()
    assert (empty.lot_id, empty.quantity, empty.on_sale) == ("1", 0, False)
    assert bench.store.lot("1") == empty
    hidden = make(lot(2, for_sale=False)).store.lot("2", "falls")
    assert hidden is not None
    assert (hidden.quantity, hidden.on_sale) == (12, False)


def test_a_lot_is_missed_only_when_the_full_list_lacks_it_too(make: Make) -> None:
    bench = make(lot(1), lot(2))
    bench.fault("empty", operation="GET /inventory/list", times=1)
    assert bench.store.lot("1") is not None
    bench.sandbox.faults([])
    assert bench.store.lot("9") is None
    assert bench.operations() == ["GET /inventory/list"] * 4
    assert bench.lanes == ["orders"] * 4


def test_a_lot_that_is_refused_as_unknown_is_looked_for_in_the_full_list(make: Make) -> None:
    bench = make(lot(1))
    bench.fault("http", status=404, code="Lot not found")
    found = bench.store.lot("1")
    assert found is not None
    bench.fault("http", status=403, code="Invalid key", times=-1)
    with pytest.raises(Unauthorised):
        bench.store.lot("1")


def test_lots_are_found_by_what_they_sell_and_by_their_marker(make: Make) -> None:
    bench = make(
        lot(1),
        lot(2, con="usedg"),
        lot(3, "771344-39"),
        lot(4, "700300-38", external_id=MARK),
        lot(5, external_id="55984821", qty=0),
    )
    assert [each.lot_id for each in bench.store.find(NEW)] == ["1", "4", "5"]
    used = replace(NEW, part=replace(BRICK, condition="used"))
    assert [each.lot_id for each in bench.store.find(used)] == ["2", "4"]


def test_many_creations_share_a_list_but_nothing_unclear_is_settled_by_it(make: Make) -> None:
    bench = make(lot(1))
    store = bench.store
    for number in range(3):
        assert [each.lot_id for each in store.find(NEW, "creations")] == ["1"]
        store.create(replace(NEW, marker=f"ev:aaaaaaaaaaa{number}"))
    assert bench.operations() == ["GET /inventory/list"] + ["POST /inventory/create"] * 3
    assert len(store.find(NEW)) == 4
    assert len(store.find(NEW, "creations")) == 4
    assert bench.operations() == ["GET /inventory/list"]
    bench.seconds += LISTED_FOR
    store.find(NEW, "creations")
    assert bench.operations() == ["GET /inventory/list"]


# ------------------------------------------------------------------------ making lots


@pytest.mark.parametrize("success", ["lower", "capital"])
def test_a_lot_is_made_and_its_texts_follow(make: Make, success: str) -> None:
    bench = make(switches={"success": success})
    number = bench.store.create(NEW)
    (made,) = bench.lots
    assert (str(made["lot_id"]), made["boid"], made["qty"], made["con"]) == (number, "771344-38", 4, "new")
    assert (made["price"], made["external_id"], made["personal_note"]) == ("0.123", MARK, "")
    for _ in range(2):
        bench.store.change(number, Change(text="C3", public_text="LÉGO & “more”\r\nyes"))
    (told,) = bench.lots
    assert (told["personal_note"], told["public_note"]) == ("C3", "LÉGO & “more”\nyes")
    assert (told["qty"], told["price"]) == (4, "0.123")
    read = bench.store.lot(number)
    assert read is not None
    assert (read.key, read.marker, read.price) == (bench.store.key(NEW), MARK, bench.store.price(NEW.price))
    assert bench.lanes[:3] == ["creations", "notes", "notes"]


@pytest.mark.parametrize(
    ("new", "codes"),
    [
        (replace(NEW, boid=None), {"no_item"}),
        (replace(NEW, boid="999-38"), {"no_item"}),
        (replace(NEW, boid="911000-38"), {"retired"}),
        (replace(NEW, price=Decimal("0.0004")), {"price"}),
        (replace(NEW, part=Part("SET", "75192-1", 0, "new")), {"condition"}),
        (replace(NEW, quantity=0), {"400"}),
    ],
)
def test_a_lot_that_cannot_be_is_refused(make: Make, new: NewLot, codes: set[str]) -> None:
    bench = make()
    with pytest.raises(Refused) as caught:
        bench.store.create(new)
    assert caught.value.codes == codes
    assert bench.lots == []


@pytest.mark.parametrize(
    ("kind", "more", "made"),
    [
        ("lost_answer", {}, 1),
        ("timeout_before", {}, 0),
        ("malformed", {}, 1),
        ("http_after", {"status": 502}, 1),
        ("http", {"status": 500}, 0),
        ("http_after", {"status": 200, "code": "odd"}, 1),
        ("http", {"status": 200, "code": "odd"}, 0),
        ("http_after", {"status": 200}, 1),
    ],
)
def test_a_create_of_which_nobody_knows_is_sent_once_and_found_by_its_marker(
    make: Make, kind: str, more: dict[str, object], made: int
) -> None:
    bench = make()
    bench.attempts = 3
    bench.fault(kind, operation="POST /inventory/create", **more)
    with pytest.raises(UnknownOutcome):
        bench.store.create(NEW)
    assert bench.operations() == ["POST /inventory/create"]
    assert len(bench.store.find(NEW)) == len(bench.lots) == made


# ------------------------------------------------------------------------ changing lots


def test_a_change_is_added_to_whatever_is_there(make: Make) -> None:
    bench = make(lot(1), lot(2))
    event = {"system": "brickowl", "kind": "sale", "lot": 1, "quantity": 5}
    bench.sandbox.event({**event, "before": {"operation": "POST /inventory/update"}})
    bench.store.change("1", Change(-2))
    assert bench.quantity(1) == 5
    bench.store.change("1", Change(+4, price=Decimal("0.5")))
    assert (bench.quantity(1), bench.lots[0]["price"]) == (9, "0.500")
    bench.store.change("1", Change(-9))
    assert (bench.quantity(1), bench.lots[1]["qty"]) == (0, 12)
    bench.store.change("1", Change(3))
    assert bench.quantity(1) == 3
    assert bench.lanes == ["falls", "rises", "falls", "rises"]


def test_a_change_of_nothing_is_not_sent(make: Make) -> None:
    bench = make(lot(1))
    bench.store.change("1", Change())
    assert bench.operations() == []


@pytest.mark.parametrize(
    ("number", "change", "codes"),
    [
        ("1", Change(-13), {"400"}),
        ("9", Change(-1), {"404"}),
        ("3", Change(+1), {"retired"}),
        ("1", Change(price=Decimal("0.0009")), {"price"}),
    ],
)
def test_a_refused_change_has_changed_nothing(
    make: Make, number: str, change: Change, codes: set[str]
) -> None:
    bench = make(lot(1), lot(3, "911000-38"))
    before = bench.lots
    with pytest.raises(Refused) as caught:
        bench.store.change(number, change)
    assert caught.value.codes == codes
    assert bench.lots == before


def test_a_marker_never_takes_the_place_of_another_programs_id(make: Make) -> None:
    bench = make(lot(1), lot(2, external_id="55984821"), lot(3, external_id="ev:aaaaaaaaaaaa"))
    for number in ("1", "2", "3"):
        bench.store.change(number, Change(-2, marker=MARK))
    assert [each["external_id"] for each in bench.lots] == [MARK, "55984821", MARK]
    assert [each["qty"] for each in bench.lots] == [10, 10, 10]
    bench.operations()
    bench.store.change("2", Change(marker=MARK))
    assert bench.operations() == ["GET /inventory/list"]
    bench.store.change("1", Change(marker=MARK), bench.store.lot("1"))
    assert bench.operations() == ["GET /inventory/list"]


@pytest.mark.parametrize(
    ("kind", "more", "left"),
    [
        ("lost_answer", {}, 10),
        ("timeout_before", {}, 12),
        ("malformed", {}, 10),
        ("http_after", {"status": 500}, 10),
        ("http_after", {"status": 200, "code": "odd"}, 10),
        ("http", {"status": 200, "code": "odd"}, 12),
        ("http", {"status": 200}, 12),
    ],
)
def test_a_change_of_which_nobody_knows_is_never_sent_again(
    make: Make, kind: str, more: dict[str, object], left: int
) -> None:
    bench = make(lot(1))
    bench.attempts = 3
    bench.fault(kind, **more)
    with pytest.raises(UnknownOutcome):
        bench.store.change("1", Change(-2))
    assert bench.operations() == ["POST /inventory/update"]
    assert bench.quantity(1) == left


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"kind": "throttled"}, RateLimited),
        ({"kind": "http", "status": 408}, Transient),
        ({"kind": "http", "status": 403, "code": "Invalid key"}, Unauthorised),
        ({"kind": "http", "status": 401}, Unauthorised),
    ],
)
def test_a_change_that_was_surely_not_done_says_so(
    make: Make, more: dict[str, object], kind: type[ConnectorError]
) -> None:
    bench = make(lot(1))
    bench.sandbox.faults([{"system": "brickowl", **more}])
    with pytest.raises(kind):
        bench.store.change("1", Change(-2))
    assert bench.quantity(1) == 12


def test_nothing_is_written_while_writes_are_off(make: Make) -> None:
    bench = make(lot(1))
    bench.writes_off = True
    for act in (
        lambda: bench.store.change("1", Change(-2)),
        lambda: bench.store.create(NEW),
        lambda: bench.store.delete("1"),
        lambda: bench.store.change_many([("1", Change(-2))]),
    ):
        with pytest.raises(WritesOff):
            act()
    assert bench.operations() == []


def test_a_lot_is_deleted_and_stays_so(make: Make) -> None:
    bench = make(lot(1), lot(2))
    bench.store.delete("1")
    bench.store.delete("1")
    assert [each["lot_id"] for each in bench.lots] == [2]
    bench.fault("lost_answer", operation="POST /inventory/delete")
    with pytest.raises(UnknownOutcome):
        bench.store.delete("2")
    bench.store.delete("2")
    assert bench.lots == []


# ------------------------------------------------------------------------ batches


def kinds(outcomes: list[ConnectorError | None]) -> list[type[ConnectorError] | None]:
    return [None if each is None else type(each) for each in outcomes]


def test_a_batch_changes_what_it_can_and_says_what_not(make: Make) -> None:
    bench = make(lot(1), lot(2), lot(3, "911000-38"))
    outcomes = bench.store.change_many(
        [("1", Change(-2)), ("9", Change(-2)), ("2", Change(-20)), ("3", Change(1)), ("2", Change(3))]
    )
    assert kinds(outcomes) == [None, Refused, Refused, Refused, None]
    refused = [each for each in outcomes if isinstance(each, Refused)]
    assert [each.codes for each in refused] == [{"404"}, {"400"}, {"retired"}]
    assert str(refused[0]).startswith("brickowl default POST /bulk/batch: part 2 of the batch")
    assert [each["qty"] for each in bench.lots] == [10, 15, 12]
    assert bench.operations() == ["POST /bulk/batch"]


def test_long_lists_of_changes_go_in_batches_of_twenty(make: Make) -> None:
    bench = make(*[lot(number) for number in range(1, 46)])
    outcomes = bench.store.change_many([(str(number), Change(-number % 7 + 1)) for number in range(1, 46)])
    assert outcomes == [None] * 45
    assert bench.operations() == ["POST /bulk/batch"] * 3
    assert [each["qty"] for each in bench.lots] == [12 + -number % 7 + 1 for number in range(1, 46)]


def test_what_a_batch_would_ignore_goes_alone(make: Make) -> None:
    bench = make(lot(1), lot(2), lot(3))
    changes = [("1", Change(-1)), ("2", Change(-2, price=Decimal("0.5"))), ("3", Change(text="C4"))]
    assert bench.store.change_many(changes) == [None, None, None]
    assert bench.operations() == ["POST /bulk/batch", "POST /inventory/update", "POST /inventory/update"]
    assert [(each["qty"], each["price"], each["personal_note"]) for each in bench.lots] == [
        (11, "0.100", ""),
        (10, "0.500", ""),
        (12, "0.100", "C4"),
    ]
    assert bench.store.change_many([]) == []


@pytest.mark.parametrize(("position", "clear"), [("first", 1), ("none", 0)])
def test_parts_without_an_answer_are_unclear(make: Make, position: str, clear: int) -> None:
    bench = make(lot(1), lot(2), switches={"batch_answers": position})
    outcomes = bench.store.change_many([("1", Change(-1)), ("2", Change(-1))])
    assert kinds(outcomes) == [None] * clear + [UnknownOutcome] * (2 - clear)
    assert [each["qty"] for each in bench.lots] == [11, 11]


def test_a_batch_cut_half_way_leaves_all_its_parts_unclear_and_no_others(make: Make) -> None:
    bench = make(*[lot(number) for number in range(1, 26)])
    bench.fault("partial", operation="POST /bulk/batch")
    outcomes = bench.store.change_many([(str(number), Change(-1)) for number in range(1, 26)])
    assert kinds(outcomes) == [UnknownOutcome] * 20 + [None] * 5
    assert [each["qty"] for each in bench.lots] == [11] * 10 + [12] * 10 + [11] * 5


def test_a_key_that_is_refused_ends_all_batches(make: Make) -> None:
    bench = make(*[lot(number) for number in range(1, 46)])
    bench.key = "another"
    outcomes = bench.store.change_many(
        [(str(number), Change(-1)) for number in range(1, 45)] + [("45", Change(-1, text="x"))]
    )
    assert kinds(outcomes) == [Unauthorised] * 45
    assert bench.operations() == ["POST /bulk/batch"]


TROUBLES: list[dict[str, object]] = [
    {"kind": "lost_answer"},
    {"kind": "timeout_before"},
    {"kind": "malformed"},
    {"kind": "throttled"},
    {"kind": "http", "status": 503},
    {"kind": "http_after", "status": 500},
    {"kind": "http_after", "status": 200, "code": "odd"},
    {"kind": "partial"},
]


def test_whatever_goes_wrong_what_is_done_is_done_once_and_what_is_refused_never(
    make: Make, seed: int
) -> None:
    """Unclear ones were done once or not at all; sales in between are never undone."""
    chance = random.Random(seed)
    bench = make(*[lot(number, qty=30) for number in range(1, 7)], calls_per_minute=10_000)
    store = bench.store
    least, most = dict.fromkeys(range(1, 7), 30), dict.fromkeys(range(1, 7), 30)
    for _ in range(20):
        bought = chance.randint(1, 6)
        sale = {"system": "brickowl", "kind": "sale", "lot": bought, "quantity": 1}
        if "order_id" in bench.sandbox.event(sale):
            least[bought], most[bought] = least[bought] - 1, most[bought] - 1
        bench.sandbox.faults(
            [{"system": "brickowl", **chance.choice(TROUBLES)}] if chance.random() < 0.5 else []
        )
        picked = chance.sample(range(1, 8), chance.randint(1, 6))
        changes = [(str(number), Change(chance.choice([-9, -2, -1, 1, 3]))) for number in picked]
        if chance.random() < 0.3:
            changes[0] = (changes[0][0], replace(changes[0][1], price=Decimal("0.2")))
        for (number, change), outcome in zip(changes, store.change_many(changes), strict=True):
            if number == "7":
                assert isinstance(outcome, Refused | UnknownOutcome | Transient)
            elif outcome is None:
                least[int(number)] += change.delta
                most[int(number)] += change.delta
            elif isinstance(outcome, UnknownOutcome):
                least[int(number)] += min(0, change.delta)
                most[int(number)] += max(0, change.delta)
        bench.sandbox.faults([])
        for each in bench.lots:
            assert max(0, least[each["lot_id"]]) <= each["qty"] <= most[each["lot_id"]]


# ------------------------------------------------------------------------ catalogue


def test_a_part_is_looked_up_and_chosen(make: Make) -> None:
    store = make().store
    assert choose(BRICK, store.boids("PART", "3001"), store.colors()) == "771344-38"
    assert store.boids("PART", "nothing") == []
    assert store.boids("SET", "75192") == store.boids("SET", "75192-1") == ["500100"]
    with pytest.raises(Refused, match="700300, 700301"):
        choose(replace(BRICK, no="3002"), store.boids("PART", "3002"), store.colors())
    with pytest.raises(Refused, match="BOOK"):
        store.boids("BOOK", "b1")


def test_an_item_that_is_not_found_has_no_boid(make: Make) -> None:
    bench = make()
    bench.fault("http", status=404, code="Item not found", times=-1)
    assert bench.store.boids("PART", "3001") == []


def test_a_key_without_the_catalogue_is_told_apart_from_a_wrong_key(make: Make) -> None:
    bench = make(areas=["user", "inventory"])
    with pytest.raises(Refused, match="ask Brick Owl") as caught:
        bench.store.colors()
    assert caught.value.codes == {"no_catalogue"}
    bench.key = "another"
    with pytest.raises(Unauthorised):
        bench.store.colors()


# ------------------------------------------------------------------------ orders


class Booked:
    """The stamps of orders as they were last seen."""

    def __init__(self) -> None:
        self.stamps: dict[str, str] = {}

    def poll(self, store: BrickOwl, *, thorough: bool = False) -> list[MarketOrder]:
        found = list(store.orders(self.stamps.get, thorough=thorough))
        self.stamps |= {order.order_id: order.stamp for order in found}
        return found


def units(order: MarketOrder) -> list[tuple[str, int]]:
    return [(line.lot_id, line.quantity) for line in order.lines or ()]


def test_new_orders_are_told_newest_first_and_once(make: Make) -> None:
    bench, booked = make(lot(1, external_id=MARK), lot(2)), Booked()
    first = bench.happen("sale", lot=1, quantity=3)
    bench.sandbox.clock.advance(60)
    second = bench.happen("sale", lines=[{"lot": 1, "quantity": 1}, {"lot": 2, "quantity": 2}])
    found = booked.poll(bench.store)
    assert [order.order_id for order in found] == [second, first]
    assert [units(order) for order in found] == [[("1", 1), ("2", 2)], [("1", 3)]]
    assert found[1].ordered_at == NOW.astimezone(UTC)
    assert (found[1].lines or ())[0].marker == MARK
    assert {line.key for line in found[0].lines or ()} == {"771344-38/new"}
    bench.operations()
    assert booked.poll(bench.store) == []
    assert bench.operations() == ["GET /order/list", "GET /order/view"]


def test_every_kind_of_change_is_noticed(make: Make) -> None:
    bench, booked = make(lot(1), lot(2)), Booked()
    orders = [bench.happen("sale", lot=1, quantity=2) for _ in range(4)]
    booked.poll(bench.store)
    for kind, more in (
        ("status", {"status_id": 5}),
        ("refund", {"lot": 1, "quantity": 1}),
        ("cancel", {"restock": False}),
    ):
        bench.sandbox.clock.advance(60)
        bench.happen(kind, order_id=orders[1], **more)
        (found,) = booked.poll(bench.store)
        assert found.order_id == orders[1]
    assert (found.state, found.status, units(found)) == ("cancelled", "Cancelled", [("1", 1)])
    bench.sandbox.clock.advance(60)
    bench.happen("sale", lot=2, quantity=1, order_id=orders[0])
    (grown,) = booked.poll(bench.store)
    assert units(grown) == [("1", 2), ("2", 1)]
    assert booked.poll(bench.store) == []


def test_refunds_of_several_orders_are_noticed_down_to_the_first_that_is_as_it_was(make: Make) -> None:
    bench, booked = make(lot(1)), Booked()
    orders = []
    for _ in range(4):
        orders.append(bench.happen("sale", lot=1, quantity=2))
        bench.sandbox.clock.advance(60)
    booked.poll(bench.store)
    bench.operations()
    for number in (orders[0], orders[2]):
        bench.sandbox.clock.advance(60)
        bench.happen("refund", order_id=number, lot=1, quantity=1)
    assert [order.order_id for order in booked.poll(bench.store)] == [orders[2], orders[0]]
    assert bench.operations().count("GET /order/view") == 3


def test_a_thorough_look_reads_all_open_orders_again(make: Make) -> None:
    bench, booked = make(lot(1)), Booked()
    orders = [bench.happen("sale", lot=1, quantity=1) for _ in range(3)]
    bench.happen("cancel", order_id=orders[0])
    assert len(booked.poll(bench.store)) == 3
    found = booked.poll(bench.store, thorough=True)
    assert [order.order_id for order in found] == orders[:0:-1]


def test_orders_that_went_into_others_come_first(make: Make) -> None:
    bench, booked = make(lot(1)), Booked()
    first, second = bench.happen("sale", lot=1, quantity=2), bench.happen("sale", lot=1, quantity=3)
    booked.poll(bench.store)
    bench.sandbox.clock.advance(60)
    bench.happen("combine", order_id=second, into=first)
    found = booked.poll(bench.store)
    assert [(order.order_id, order.combined_into, units(order)) for order in found] == [
        (second, first, []),
        (first, None, [("1", 5)]),
    ]


def test_orders_of_before_are_left_out(make: Make) -> None:
    bench = make(lot(1))
    bench.happen("sale", lot=1, quantity=1)
    bench.sandbox.clock.advance(3600)
    late = bench.happen("sale", lot=1, quantity=1)
    found = bench.store.orders(lambda _: None, since=NOW + timedelta(minutes=30))
    assert [order.order_id for order in found] == [late]


def test_an_order_that_cannot_be_read_does_not_hide_the_others(make: Make) -> None:
    bench = make(lot(1))
    orders = [bench.happen("sale", lot=1, quantity=1) for _ in range(3)]
    bench.fault("empty", operation="GET /order/view", nth=2)
    found = bench.store.orders(lambda _: None)
    assert [next(found).order_id, next(found).order_id] == [orders[2], orders[0]]
    with pytest.raises(Malformed):
        next(found)


def test_an_order_that_is_listed_wrong_does_not_hide_the_others(make: Make) -> None:
    bench = make(lot(1))
    first, second = (bench.happen("sale", lot=1, quantity=1) for _ in range(2))

    def spoil(path: str, body: Any) -> None:  # noqa: ANN401
        if path.endswith("/order/list"):
            next(each for each in body if each["order_id"] == first)["status_id"] = "soon"

    bench.spoil = spoil
    found = bench.store.orders(lambda _: None)
    assert next(found).order_id == second
    with pytest.raises(Malformed, match=r"brickowl default GET /order/list: order.status_id"):
        next(found)


@pytest.mark.parametrize(
    ("place", "name"),
    [("/order/items", "order_item_id"), ("/order/items", "lot_id"), ("/order/view", "combine_with")],
)
@pytest.mark.parametrize("value", ["9" * 65, "9\x009"], ids=["long", "no text"])
def test_an_order_with_an_id_that_no_ledger_takes_does_not_hide_the_others(
    make: Make, place: str, name: str, value: str
) -> None:
    bench = make(lot(1))
    orders = [bench.happen("sale", lot=1, quantity=1) for _ in range(2)]
    bad = iter([True])

    def spoil(path: str, body: Any) -> None:  # noqa: ANN401
        if path.endswith(place) and next(bad, False):
            (body[0] if isinstance(body, list) else body)[name] = value

    bench.spoil = spoil
    found = bench.store.orders(lambda _: None)
    assert next(found).order_id == orders[0]
    with pytest.raises(Malformed, match=name):
        next(found)


def test_what_was_read_before_the_line_was_cut_is_told(make: Make) -> None:
    bench = make(lot(1))
    orders = [bench.happen("sale", lot=1, quantity=1) for _ in range(3)]
    bench.fault("lost_answer", operation="GET /order/items", nth=2)
    found = bench.store.orders(lambda _: None)
    assert next(found).order_id == orders[2]
    with pytest.raises(Transient):
        next(found)


def test_more_orders_are_listed_when_all_of_the_first_have_changed(make: Make) -> None:
    rows = [{"items": [{"lot_id": 1, "ordered_quantity": 1}]} for _ in range(FIRST_ORDERS + 1)]
    bench = make(lot(1), orders=rows, calls_per_minute=10_000)
    store = bench.store
    # Reading each of 501 orders would take seconds.
    heads = store._heads(lambda _: None, None, [])
    assert len(heads) == FIRST_ORDERS + 1
    assert bench.operations() == ["GET /order/list"] * 2
    stamps = {head.order_id: f"{head.shown} 1" for head in heads}
    assert len(store._heads(stamps.get, None, [])) == FIRST_ORDERS
    assert bench.operations() == ["GET /order/list"]


# ------------------------------------------------------------------------ secrets


def test_neither_key_nor_buyer_is_ever_shown(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    bench = make(lot(1))
    bench.happen("sale", lot=1, quantity=1)
    store, texts = bench.store, []
    troubles: list[dict[str, object]] = [
        {"kind": "malformed"},
        {"kind": "http", "status": 400, "code": f"odd {KEY} here"},
    ]
    acts: list[Callable[[], object]] = [
        store.lots,
        lambda: store.lot("1"),
        lambda: store.change("1", Change(-1)),
        lambda: list(store.orders(lambda _: None)),
        lambda: store.boids("PART", "3001"),
    ]
    with caplog.at_level(logging.DEBUG):
        for trouble in troubles:
            for act in acts:
                bench.sandbox.faults([{"system": "brickowl", "times": -1, **trouble}])
                with pytest.raises(ConnectorError) as caught:
                    act()
                texts.append(f"{caught.value!r}{caught.value.__cause__!r}")
        bench.sandbox.faults([])
        (outcome,) = store.change_many([("1", Change(-1000))])
    shown = f"{texts}{outcome!r}{store.http!r}{caplog.text}"
    assert KEY not in shown
    assert "Byrne" not in shown
    assert "jo@example.com" not in shown


def test_times_are_those_of_the_stand_in(make: Make) -> None:
    bench = make(lot(1))
    bench.happen("sale", lot=1, quantity=1)
    (order,) = bench.store.orders(lambda _: None)
    assert order.changed_at == order.ordered_at == datetime(2026, 11, 21, 10, tzinfo=UTC)
