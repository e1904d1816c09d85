"""BrickLink through its stand-in: lots, changes, orders, limits, and every way an answer can go wrong."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from connectors.bricklink import IN_FLIGHT, BrickLink, Keys, Signer, judging
from connectors.errors import (
    BudgetSpent,
    ConnectorError,
    Malformed,
    RateLimited,
    Refused,
    Transient,
    Unauthorised,
    UnknownOutcome,
    WritesOff,
)
from connectors.flight import InFlight
from connectors.http import Call, Http, Patience
from connectors.market import Change, Lot, Market, MarketOrder, NewLot, Part
from sandbox.app import Sandbox
from sandbox.clock import Clock
from tests.connectors.spoilt import Spoil, way_to
from tests.worlds import NOW, World

BRICK = Part("PART", "3001", 5, "new")
PLATE = Part("PART", "3020", 11, "used")
MARK = "ev:abcdefgh2345"
KEYS = Keys(*map(SecretStr, ("consumer-key-0", "consumer-secret-0", "token-value-00", "token-secret-0")))
ERRORS = pytest.mark.parametrize("delivery", ["auth200", "mirror", "all200"])


def lot(number: int, quantity: int = 5, **more: object) -> World:
    """A lot of a world."""
    item = {"no": "3001", "type": "PART"}
    return {"inventory_id": number, "item": item, "color_id": 5, "quantity": quantity} | more


def section(*lots: World, **more: object) -> World:
    """A store."""
    names = ("consumer_key", "consumer_secret", "token", "token_secret")
    keys = {name: getattr(KEYS, name).get_secret_value() for name in names}
    return {**keys, "lots": list(lots), **more}


@dataclass
class Bench:
    """A store, its stand-in, and what was asked of it."""

    sandbox: Sandbox
    writes_off: bool = False
    keys: Keys = KEYS
    slept: list[float] = field(default_factory=list)
    lanes: list[str] = field(default_factory=list)
    spend: Callable[[Call], None] | None = None
    spoil: Spoil | None = None

    @property
    def store(self) -> BrickLink:
        signer = Signer(self.keys, now=lambda: NOW)
        http = Http(
            "http://127.0.0.1/bricklink/api/store/v1",
            system="bricklink",
            account="default",
            sign=signer,
            judge=judging(signer.clock.follow),
            spend=self.spend or (lambda call: self.lanes.append(call.lane)),
            patience=Patience(attempts=3),
            pacer=InFlight(IN_FLIGHT),
            writes_off=self.writes_off,
            client=httpx.Client(transport=way_to(self.sandbox, self.spoil)),
            sleep=self.slept.append,
            chance=lambda: 0.0,
        )
        return BrickLink(http)

    def shown(self, number: int = 1) -> World | None:
        """A lot as the stand-in holds it."""
        lots = self.sandbox.world()["bricklink"]["default"]["lots"]
        return next((each for each in lots if each["inventory_id"] == number), None)

    def ids(self) -> list[int]:
        return [each["inventory_id"] for each in self.sandbox.world()["bricklink"]["default"]["lots"]]

    def calls(self) -> list[object]:
        return [call["operation"] for call in self.sandbox.calls()]

    def fault(self, operation: str, kind: str, **more: object) -> None:
        self.sandbox.faults([{"system": "bricklink", "operation": operation, "kind": kind, **more}])

    def event(self, kind: str, **more: object) -> dict[str, object]:
        return self.sandbox.event({"system": "bricklink", "kind": kind, **more})

    def sell(self, quantity: int, number: int = 1, **more: object) -> dict[str, object]:
        return self.event("sale", lot=number, quantity=quantity, **more)


@contextmanager
def bench_of(*lots: World, switches: dict[str, str] | None = None, **more: object) -> Iterator[Bench]:
    moved = {f"bricklink.{name}": position for name, position in (switches or {}).items()}
    world = {"bricklink": {"default": section(*lots, **more)}}
    with Sandbox(world, clock=Clock(NOW), switches=moved) as sandbox:
        yield Bench(sandbox)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A store with three lots: one on sale, one in a stockroom, one retained and sold out."""
    with bench_of(
        lot(1, description="It's (new) & clean", remarks="A-12"),
        lot(2, 3, is_stock_room=True, stock_room_id="B", remarks=f"B-1 {MARK}"),
        lot(3, 0, is_stock_room=True, is_retain=True, color_id=11, item={"no": "3020", "type": "PART"}),
    ) as made:
        yield made


def new_lot(part: Part = BRICK) -> NewLot:
    return NewLot(part, 7, Decimal("0.25"), MARK, text="C-3", public_text="it's new")


def test_it_is_a_market(bench: Bench) -> None:
    market: Market = bench.store
    assert (market.name, market.account) == ("bricklink", "default")


class TestLots:
    def test_are_all_there_the_hidden_and_the_empty_too(self, bench: Bench) -> None:
        found = {each.lot_id: each for each in bench.store.lots()}
        assert {number: (each.quantity, each.on_sale) for number, each in found.items()} == {
            "1": (5, True),
            "2": (3, False),
            "3": (0, False),
        }
        assert (found["2"].text, found["2"].marker, found["2"].stock_room) == ("B-1", MARK, "B")
        assert bench.calls() == ["GET /inventories"]

    @pytest.mark.parametrize("entities", ["off", "on"])
    def test_read_the_same_with_entities_and_without(self, entities: str) -> None:
        text = "It's (new) & clean"
        with bench_of(lot(1, description=text), switches={"entities": entities}) as bench:
            found = bench.store.lot("1")
        assert found is not None
        assert found.public_text == text

    def test_that_is_not_there_is_none(self, bench: Bench) -> None:
        assert bench.store.lot("99") is None

    @ERRORS
    def test_that_is_not_there_is_none_however_errors_come(self, delivery: str) -> None:
        with bench_of(lot(1), switches={"errors": delivery}) as bench:
            assert bench.store.lot("99") is None
            assert bench.store.lot("1") is not None

    def test_are_found_by_what_they_sell_and_by_their_marker(self, bench: Bench) -> None:
        assert [
            each.lot_id for each in sorted(bench.store.find(new_lot()), key=lambda each: each.lot_id)
        ] == [
            "1",
            "2",
        ]
        assert bench.store.find(new_lot(part=PLATE)) == []
        assert [each.lot_id for each in bench.store.find(new_lot(part=replace(PLATE, condition="new")))] == [
            "3"
        ]


class TestReading:
    @pytest.mark.parametrize(
        "trouble",
        [
            {"kind": "http", "status": 200},
            {"kind": "http", "status": 503},
            {"kind": "http", "status": 500},
            {"kind": "throttled"},
            {"kind": "malformed"},
            {"kind": "lost_answer"},
            {"kind": "timeout_before"},
        ],
        ids=str,
    )
    def test_goes_on_after_what_passes(self, bench: Bench, trouble: dict[str, Any]) -> None:
        bench.fault("GET /inventories", **trouble)
        assert len(bench.store.lots()) == 3
        assert len(bench.calls()) == 2
        assert bench.lanes == ["notes", "notes"]

    def test_of_a_page_for_ever_is_no_empty_store(self, bench: Bench) -> None:
        bench.fault("GET /inventories", "http", status=200, times=-1)
        with pytest.raises(Transient):
            bench.store.lots()

    def test_of_half_an_answer_for_ever_is_malformed(self, bench: Bench) -> None:
        bench.fault("GET /inventories", "malformed", times=-1)
        with pytest.raises(Malformed):
            bench.store.lots()

    def test_of_a_page_does_not_make_a_lot_gone(self, bench: Bench) -> None:
        bench.fault("GET /inventories/{id}", "http", status=200, times=-1)
        with pytest.raises(Transient):
            bench.store.lot("1")


class TestCreating:
    def test_puts_a_lot_on_sale_with_texts_and_marker(self, bench: Bench) -> None:
        number = bench.store.create(new_lot())
        shown = bench.shown(int(number))
        assert shown is not None
        told = {
            name: shown[name]
            for name in ("quantity", "unit_price", "remarks", "description", "is_stock_room")
        }
        assert told == {
            "quantity": 7,
            "unit_price": "0.2500",
            "remarks": f"C-3 {MARK}",
            "description": "it's new",
            "is_stock_room": False,
        }
        assert bench.calls() == ["POST /inventories"]
        assert bench.lanes == ["creations"]

    def test_of_a_set_needs_its_state(self, bench: Bench) -> None:
        number = bench.store.create(new_lot(part=Part("SET", "7644-1", 0, "used", "B")))
        found = bench.store.lot(number)
        assert found is not None
        assert found.key == "SET/7644-1/0/U/B"

    @pytest.mark.parametrize(
        "trouble",
        [
            {"kind": "lost_answer"},
            {"kind": "malformed"},
            {"kind": "http_after", "status": 500},
            {"kind": "http_after", "status": 502},
            {"kind": "http_after", "status": 200},
        ],
        ids=str,
    )
    def test_whose_answer_is_lost_is_unknown_and_can_be_found(
        self, bench: Bench, trouble: dict[str, Any]
    ) -> None:
        bench.fault("POST /inventories", **trouble)
        with pytest.raises(UnknownOutcome):
            bench.store.create(new_lot())
        assert bench.calls() == ["POST /inventories"]
        found = [each for each in bench.store.find(new_lot()) if each.marker == MARK and each.lot_id != "2"]
        assert [each.quantity for each in found] == [7]

    @pytest.mark.parametrize("status", [200, 502, 503])
    def test_that_a_page_answered_may_not_have_been_done(self, bench: Bench, status: int) -> None:
        bench.fault("POST /inventories", "http", status=status)
        with pytest.raises(UnknownOutcome):
            bench.store.create(new_lot())
        assert bench.ids() == [1, 2, 3]

    @ERRORS
    def test_that_is_refused_made_nothing(self, delivery: str) -> None:
        with bench_of(lot(1), items=[], switches={"errors": delivery}) as bench:
            with pytest.raises(Refused) as caught:
                bench.store.create(new_lot(part=replace(BRICK, no="nothing")))
            assert caught.value.codes == {"400"}
            assert "nothing" in str(caught.value)
            assert (bench.ids(), len(bench.calls())) == ([1], 1)

    def test_waits_while_it_is_told_to_and_makes_one(self, bench: Bench) -> None:
        bench.fault("POST /inventories", "throttled")
        bench.store.create(new_lot())
        assert len(bench.ids()) == 4
        assert bench.calls() == ["POST /inventories"] * 2

    def test_is_not_sent_while_writes_are_off(self, bench: Bench) -> None:
        bench.writes_off = True
        with pytest.raises(WritesOff):
            bench.store.create(new_lot())
        assert (bench.calls(), bench.lanes) == ([], [])


class TestChanging:
    def test_adds_to_what_is_there(self, bench: Bench) -> None:
        after = bench.store.change("1", Change(-2))
        assert after is not None
        assert (after.quantity, after.text, after.public_text) == (3, "A-12", "It's (new) & clean")
        assert bench.calls() == ["GET /inventories/{id}", "PUT /inventories/{id}"]
        assert bench.lanes == ["falls", "falls"]

    def test_of_a_lot_just_read_takes_one_call(self, bench: Bench) -> None:
        store = bench.store
        seen = store.lot("1", "rises")
        bench.sandbox.clear_calls()
        after = store.change("1", Change(4), seen)
        assert after is not None
        assert after.quantity == 9
        assert bench.calls() == ["PUT /inventories/{id}"]

    def test_loses_no_sale_that_slips_in_between(self, bench: Bench) -> None:
        bench.sell(2, before={"operation": "PUT /inventories/{id}", "nth": 1})
        after = bench.store.change("1", Change(4))
        assert after is not None
        assert after.quantity == 5 - 2 + 4

    @pytest.mark.parametrize("entities", ["off", "on"])
    def test_keeps_texts_and_marker_as_they_were(self, entities: str) -> None:
        texts = {"description": "It's (new) & clean", "remarks": f"Drawer 4 (red) {MARK}"}
        with bench_of(lot(1, **texts), switches={"entities": entities}) as bench:
            for delta in (1, 1, -1):
                bench.store.change("1", Change(delta))
            shown = bench.shown()
        assert shown is not None
        assert {name: shown[name] for name in texts} == texts

    def test_puts_a_marker_behind_the_seller_s_text_and_keeps_it(self, bench: Bench) -> None:
        bench.store.change("1", Change(marker=MARK))
        bench.store.change("1", Change(1, text="A-13"))
        shown = bench.shown()
        assert shown is not None
        assert (shown["remarks"], shown["quantity"]) == (f"A-13 {MARK}", 6)

    @pytest.mark.parametrize("flags", ["kept", "defaults"])
    def test_leaves_a_hidden_lot_where_it_is(self, flags: str) -> None:
        hidden = lot(1, 3, is_stock_room=True, stock_room_id="C", is_retain=True)
        with bench_of(hidden, switches={"omitted_flags": flags}) as bench:
            after = bench.store.change("1", Change(2, price=Decimal(1)))
        assert after is not None
        assert (after.quantity, after.stock_room, after.retain, after.price) == (5, "C", True, Decimal(1))

    @pytest.mark.parametrize("unretained", ["kept", "refused", "deleted"])
    def test_to_zero_keeps_the_lot_in_a_stockroom_and_brings_it_back(self, unretained: str) -> None:
        with bench_of(lot(1, 5), switches={"zero_unretained": unretained}) as bench:
            empty = bench.store.change("1", Change(-5))
            assert empty is not None
            assert (empty.quantity, empty.on_sale, empty.stock_room) == (0, False, "A")
            again = bench.store.change("1", Change(3))
            assert again is not None
            assert (again.quantity, again.on_sale) == (3, True)

    def test_to_what_a_sale_made_zero_is_refused_and_does_nothing(self, bench: Bench) -> None:
        bench.sell(3, before={"operation": "PUT /inventories/{id}", "nth": 1})
        with pytest.raises(Refused) as caught:
            bench.store.change("1", Change(-2))
        assert caught.value.codes == {"422"}
        shown = bench.shown()
        assert shown is not None
        assert shown["quantity"] == 2

    @ERRORS
    def test_below_zero_is_refused(self, delivery: str) -> None:
        with bench_of(lot(1, 5), switches={"errors": delivery}) as bench:
            with pytest.raises(Refused) as caught:
                bench.store.change("1", Change(-6))
            assert caught.value.codes == {"422"}
            assert bench.calls().count("PUT /inventories/{id}") == 1

    def test_of_a_lot_that_is_gone_makes_none(self, bench: Bench) -> None:
        seen = bench.store.lot("1")
        bench.sell(5)
        for known in (None, seen):
            with pytest.raises(Refused) as caught:
                bench.store.change("1", Change(2), known)
            assert caught.value.codes == {"404"}
        assert bench.ids() == [2, 3]

    @pytest.mark.parametrize(
        "trouble",
        [
            {"kind": "lost_answer"},
            {"kind": "malformed"},
            {"kind": "http_after", "status": 500},
            {"kind": "http_after", "status": 503},
            {"kind": "http_after", "status": 200},
        ],
        ids=str,
    )
    def test_whose_answer_is_lost_is_unknown_and_was_sent_once(
        self, bench: Bench, trouble: dict[str, Any]
    ) -> None:
        bench.fault("PUT /inventories/{id}", **trouble)
        with pytest.raises(UnknownOutcome):
            bench.store.change("1", Change(-2))
        assert bench.calls().count("PUT /inventories/{id}") == 1
        shown = bench.shown()
        assert shown is not None
        assert shown["quantity"] == 3


class TestDeleting:
    @pytest.mark.parametrize("deleted", ["envelope", "bare"])
    @ERRORS
    def test_again_is_deleted(self, deleted: str, delivery: str) -> None:
        with bench_of(lot(1), lot(2), switches={"deleted": deleted, "errors": delivery}) as bench:
            bench.store.delete("1")
            bench.store.delete("1")
            assert bench.ids() == [2]
            assert bench.lanes == ["deletions"] * 2

    def test_whose_answer_is_lost_is_unknown(self, bench: Bench) -> None:
        bench.fault("DELETE /inventories/{id}", "lost_answer")
        with pytest.raises(UnknownOutcome):
            bench.store.delete("1")
        assert bench.store.lot("1") is None


class TestAuthorisation:
    @ERRORS
    def test_with_a_wrong_secret_stops_at_once(self, delivery: str) -> None:
        with bench_of(lot(1), switches={"errors": delivery}) as bench:
            bench.keys = replace(KEYS, token_secret=SecretStr("wrong-secret-0"))
            for act in (bench.store.lots, lambda: bench.store.change("1", Change(1), _seen())):
                bench.sandbox.clear_calls()
                with pytest.raises(Unauthorised, match="four secrets"):
                    act()
                assert len(bench.calls()) == 1

    @ERRORS
    def test_from_another_address_says_which_and_what_to_do(self, delivery: str) -> None:
        where = {"address": "203.0.113.7", "mask": "255.255.255.255"}
        with (
            bench_of(lot(1), switches={"errors": delivery}, **where) as bench,
            pytest.raises(Unauthorised) as caught,
        ):
            bench.store.lots()
        text = str(caught.value)
        assert "TOKEN_IP_MISMATCHED" in text
        assert "127.0.0.1" in text
        assert "register a token" in text
        assert "consumer-key-0" not in text

    def test_with_a_wrong_clock_follows_brick_link_s(self, bench: Bench) -> None:
        bench.sandbox.clock.set(NOW + timedelta(hours=3))
        store = bench.store
        assert len(store.lots()) == 3
        assert store.lot("1") is not None
        assert bench.calls() == ["GET /inventories", "GET /inventories", "GET /inventories/{id}"]

    def test_uses_no_signature_twice(self, bench: Bench) -> None:
        bench.fault("GET /inventories", "http", status=503, times=2)
        assert len(bench.store.lots()) == 3


def _seen() -> Lot:
    return Lot("1", "PART/3001/5/N/-", BRICK, 5, Decimal("0.1"), None, "", "", on_sale=True)


class TestLimits:
    def test_let_four_calls_run_at_once(self) -> None:
        with bench_of(lot(1)) as bench:
            store = bench.store
            bench.fault("GET /inventories/{id}", "slow", seconds=0.02, times=-1)
            start = threading.Barrier(12)

            def look(_: int) -> object:
                start.wait()
                return store.lot("1")

            with ThreadPoolExecutor(12) as pool:
                found = list(pool.map(look, range(12)))
            assert None not in found
            assert bench.sandbox.systems["bricklink"].peaks["default"] <= 4

    def test_of_our_own_budget_send_nothing(self, bench: Bench) -> None:
        tomorrow = datetime(2026, 11, 22, tzinfo=UTC)

        def spend(call: Call) -> None:
            if call.lane == "notes":
                raise BudgetSpent("no calls left", free_at=tomorrow)

        bench.spend = spend
        with pytest.raises(BudgetSpent) as caught:
            bench.store.change("1", Change(text="x"))
        assert (caught.value.free_at, bench.calls()) == (tomorrow, [])
        assert bench.store.change("1", Change(-1)) is not None

    @pytest.mark.parametrize("status", ["200", "429"])
    def test_of_the_day_are_told_in_two_ways(self, status: str) -> None:
        with bench_of(lot(1), daily_limit=1, switches={"over_limit": status}) as bench:
            bench.store.lot("1")
            for act in (bench.store.lots, lambda: bench.store.create(new_lot())):
                with pytest.raises(RateLimited):
                    act()
            assert bench.ids() == [1]


class TestOrders:
    def poll(
        self, bench: Bench, known: dict[str, str], since: datetime | None = None, *, thorough: bool = False
    ) -> list[MarketOrder]:
        found = list(bench.store.orders(known.get, since=since, thorough=thorough))
        known.update((each.order_id, each.stamp) for each in found)
        return found

    def later(self, bench: Bench) -> None:
        bench.sandbox.clock.advance(1)

    def test_come_once_with_their_lines(self, bench: Bench) -> None:
        known: dict[str, str] = {}
        bench.sell(2)
        [order] = self.poll(bench, known)
        assert (order.status, order.state) == ("PENDING", "open")
        assert order.lines is not None
        assert [(line.lot_id, line.key, line.quantity) for line in order.lines] == [
            ("1", "PART/3001/5/N/-", 2)
        ]
        assert self.poll(bench, known) == []
        assert bench.calls() == ["GET /orders", "GET /orders/{id}/items", "GET /orders"]
        assert set(bench.lanes) == {"orders"}

    def test_come_newest_first(self, bench: Bench) -> None:
        for _ in range(3):
            bench.sell(1)
            self.later(bench)
        found = self.poll(bench, {})
        assert [int(each.order_id) for each in found] == sorted(
            (int(each.order_id) for each in found), reverse=True
        )

    def test_come_again_when_they_are_cancelled(self, bench: Bench) -> None:
        known: dict[str, str] = {}
        bench.sell(2)
        [order] = self.poll(bench, known)
        self.later(bench)
        bench.event("cancel", order_id=int(order.order_id), restock=False)
        [cancelled] = self.poll(bench, known)
        assert (cancelled.order_id, cancelled.state) == (order.order_id, "cancelled")
        assert cancelled.lines == order.lines

    def test_of_before_are_left_out(self, bench: Bench) -> None:
        bench.sell(2)
        assert self.poll(bench, {}, since=NOW + timedelta(minutes=5)) == []
        assert len(self.poll(bench, {}, since=NOW - timedelta(minutes=5))) == 1

    def test_filed_away_are_looked_for_only_when_it_is_thorough(self) -> None:
        line = {"inventory_id": 1, "quantity": 2}
        orders = [
            {"order_id": 7, "items": [[line, line]], "is_filed": True},
            {"order_id": 8, "items": [[line], [line]], "status": "UPDATED"},
        ]
        with bench_of(lot(1), orders=orders) as bench:
            assert [each.order_id for each in self.poll(bench, {})] == ["8"]
            thorough = self.poll(bench, {}, thorough=True)
            assert {each.order_id for each in thorough} == {"7", "8"}
            assert [line.quantity for each in thorough for line in each.lines or ()] == [4, 4]

    def test_of_long_ago_tell_no_lines(self) -> None:
        old = {"order_id": 7, "items": [], "status": "PURGED"}
        with bench_of(lot(1), orders=[old]) as bench:
            known: dict[str, str] = {}
            [order] = self.poll(bench, known)
            assert order.lines is None
            assert self.poll(bench, known) == []

    def test_that_seem_to_have_no_lines_are_news_again_next_time(self, bench: Bench) -> None:
        """The list may be ahead of the order: an order that tells nothing would be taken for booked."""
        known: dict[str, str] = {}
        bench.sell(2)
        bench.fault("GET /orders/{id}/items", "http", status=404, code="RESOURCE_NOT_FOUND")
        with pytest.raises(Refused):
            self.poll(bench, known)
        [order] = self.poll(bench, known)
        assert [line.quantity for line in order.lines or ()] == [2]

    def test_of_half_a_year_ago_may_have_none(self) -> None:
        placed = (NOW - timedelta(days=200)).isoformat()
        old = {"order_id": 7, "items": [[{"inventory_id": 1, "quantity": 2}]], "date_ordered": placed}
        with bench_of(lot(1), orders=[old]) as bench:
            bench.fault("GET /orders/{id}/items", "http", status=404, code="RESOURCE_NOT_FOUND")
            [order] = self.poll(bench, {})
            assert order.lines is None

    def test_that_cannot_be_read_hide_no_others(self, bench: Bench) -> None:
        first, second = (str(bench.sell(1)["order_id"]) for _ in range(2))

        def spoil(path: str, body: Any) -> None:  # noqa: ANN401
            if path.endswith("/orders"):
                next(each for each in body["data"] if str(each["order_id"]) == first)["date_ordered"] = None

        bench.spoil = spoil
        found = bench.store.orders(lambda _: None)
        assert next(found).order_id == second
        with pytest.raises(Malformed, match=r"bricklink default GET /orders: order.date_ordered"):
            next(found)

    def test_whose_lines_go_by_what_no_ledger_takes_hide_no_others(self, bench: Bench) -> None:
        first, second = (str(bench.sell(1)["order_id"]) for _ in range(2))

        def spoil(path: str, body: Any) -> None:  # noqa: ANN401
            if path.endswith(f"/orders/{second}/items"):
                body["data"][0][0] |= {"inventory_id": None, "completeness": "C" * 128}

        bench.spoil = spoil
        found = bench.store.orders(lambda _: None)
        assert next(found).order_id == first
        with pytest.raises(Malformed, match=r"order.item: expected an id"):
            next(found)

    def test_quote_no_buyer_in_errors(self, bench: Bench) -> None:
        bench.sell(1)
        for kind in ({"kind": "malformed"}, {"kind": "http_after", "status": 404}):
            bench.fault("GET /orders", times=-1, **kind)
            with pytest.raises(ConnectorError) as caught:
                self.poll(bench, {})
            assert "buyer" not in f"{caught.value}{caught.value.__cause__}"

    def test_that_come_cut_short_are_no_news(self, bench: Bench) -> None:
        bench.sell(1)
        bench.fault("GET /orders/{id}/items", "malformed", times=-1)
        with pytest.raises(Malformed):
            self.poll(bench, {})
