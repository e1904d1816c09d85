"""What is judged of suppliers' lists, prices and orders, without any of them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ledger.product_marks import Prices
from connectors.ledger.supplier_records import Order, Stored
from connectors.supplier import OrderState, Page, PlannedList, SupplierOrder, SupplierProduct
from tasks import absence, call_plan, price_guard
from tasks.absence import Limits
from tasks.orders_heard import heard
from tasks.tally import PROBLEMS, Tally
from tests.worlds import NOW

DAY = timedelta(hours=24)
TWO = Decimal(2)
amounts = st.decimals(min_value=0, max_value=10_000, places=2)
counts = st.integers(min_value=0, max_value=10_000)


class TestAList:
    @pytest.mark.parametrize(
        ("known", "missing", "believed"),
        [
            (0, 0, True),
            (5, 5, True),
            (6, 6, False),
            (100, 25, True),
            (100, 26, False),
            (10**5, 25_001, False),
        ],
    )
    def test_that_lacks_too_much_is_not_believed(self, known: int, missing: int, *, believed: bool) -> None:
        assert (absence.doubt(known, missing, Limits()) == "") is believed

    @given(known=counts, missing=counts, more=counts)
    def test_is_not_believed_more_if_it_lacks_more(self, known: int, missing: int, more: int) -> None:
        if absence.doubt(known, missing, Limits()):
            assert absence.doubt(known, missing + more, Limits())

    def test_read_to_its_end_with_nothing_in_it_is_never_believed_of_a_shop(self) -> None:
        assert absence.doubt(1_000, 1_000, Limits()) == "1000 of 1000 are missing from it"


class TestGone:
    @pytest.mark.parametrize(
        ("hours", "sightings", "is_gone"), [(24, 3, True), (24, 2, False), (23, 9, False), (48, 3, True)]
    )
    def test_is_what_was_missing_often_and_long_enough(
        self, hours: int, sightings: int, *, is_gone: bool
    ) -> None:
        missing = {"1": (NOW - timedelta(hours=hours), sightings)}

        assert absence.gone(missing, ["1", "2"], NOW, DAY) == ({"1"} if is_gone else set())

    def test_is_nothing_that_this_list_did_show(self) -> None:
        assert absence.gone({"1": (NOW - 9 * DAY, 9)}, [], NOW, DAY) == set()

    def test_is_nothing_if_a_person_does_not_want_it(self) -> None:
        assert absence.gone({"1": (NOW - 9 * DAY, 9)}, ["1"], NOW, None) == set()


class TestPrices:
    @given(old=amounts, new=amounts)
    def test_that_wait_keep_the_known_one_and_others_are_stored(self, old: Decimal, new: Decimal) -> None:
        row = SupplierProduct("1", price=new, cost_price=Decimal(1), currency="EUR")
        known = {"1": Prices(old, Decimal(1))}

        judged = price_guard.judge({"1": row}, known, {}, TWO)

        is_odd = new != old and (new == 0 or (old > 0 and (new > 2 * old or 2 * new < old)))
        (stored,) = judged.rows
        assert stored == (replace(row, price=None, cost_price=None, currency=None) if is_odd else row)
        assert bool(judged.held) is is_odd
        assert judged.changed == (not is_odd and new != old)

    def test_that_are_not_told_are_left_alone(self) -> None:
        row = SupplierProduct("1", name="x")
        assert price_guard.judge({"1": row}, {}, {"1": {"price": "0"}}, TWO) == price_guard.Judged((row,))

    def test_that_wait_already_are_not_told_again(self) -> None:
        row = SupplierProduct("1", price=Decimal(0))
        once = price_guard.judge({"1": row}, {}, {}, TWO)
        waiting = {"1": held} if (held := once.held["1"]) else {}

        assert price_guard.judge({"1": row}, {}, waiting, TWO).held == {}


class TestThePlanOfCalls:
    STOCK = PlannedList("stock", "stock", 24, 10, 3600)
    TEXTS = PlannedList("texts", "text", 11, 24, 3600)
    PRICES = PlannedList("prices", "price", 11, 10, 3600)

    def test_puts_stock_before_price_before_text_in_each_window(self) -> None:
        plan = call_plan.by_window([self.TEXTS, self.PRICES, self.STOCK])

        assert [list(dict(each["calls"]).items()) for each in plan] == [  # type: ignore[arg-type]
            [("stock", 10), ("prices", 10), ("texts", 11)],
            [("stock", 10), ("prices", 1)],
            [("stock", 4)],
        ]

    def test_keeps_the_windows_behind_when_the_rest_is_planned_anew(self) -> None:
        plan = call_plan.by_window([self.STOCK])
        rest = call_plan.by_window([self.TEXTS])

        assert call_plan.continued(plan, 1, rest) == [plan[0], {"window": 2, "calls": {"texts": 11}}]
        assert call_plan.continued([], 0, plan) == plan

    def test_tells_how_long_the_pass_takes_at_the_least(self) -> None:
        assert call_plan.hours([self.STOCK, self.TEXTS]) == 2.0
        assert call_plan.hours([self.TEXTS]) == 0.0
        assert call_plan.told([self.STOCK]).startswith("calls of this window: stock 10; ")


class TestATally:
    def test_is_the_same_when_it_was_stored_in_between(self) -> None:
        tally = Tally()
        for number in range(3):
            problems = tuple(f"row {number}-{each}" for each in range(30))
            page = Page(
                "list",
                frozenset({"stock"}),
                (SupplierProduct("1"),),
                complete=frozenset({"stock"} if number == 2 else ()),
                cursor={"page": number},
                problems=problems,
            )
            tally.pass_by(page, is_last=number == 2)
            tally.take(Stored(1, 2, 3))
            assert Tally.of(tally.cursor) == tally
            tally = Tally.of(tally.cursor)

        assert (tally.counts["rows"], tally.counts["changed"], tally.is_over) == (3, 6, True)
        assert (tally.complete, tally.at) == ({"stock"}, {"page": 2})
        assert len(tally.problems) == PROBLEMS
        assert tally.errors()[-1] == "and 40 more"

    def test_of_another_form_begins_anew(self) -> None:
        assert Tally.of({"version": 1}) == Tally.of(None) == Tally()


class TestOrders:
    ORDER = Order("user", "supplier", "A1", NOW, NOW, id=7)

    @given(
        status=st.none() | st.text(min_size=1),
        state=st.sampled_from([None, "pending", "shipped", "delivered", "cancelled"]),
        number=st.none() | st.text(min_size=1),
    )
    def test_told_twice_bring_no_news_the_second_time(
        self, status: str | None, state: OrderState | None, number: str | None
    ) -> None:
        answer = SupplierOrder("A1", status=status, state=state, tracking_number=number)
        later = NOW + DAY
        first = heard([self.ORDER], {"A1": answer}, later)
        (order,) = (*first.changed, *first.same)

        assert heard([order], {"A1": answer}, later + DAY).changed == []
        assert order.is_open is (state not in ("delivered", "cancelled"))
        assert order.status == (status or "pending")

    def test_that_are_not_told_of_keep_what_is_known(self) -> None:
        order = replace(self.ORDER, carrier="GLS", tracking_number="1Z")
        answer = SupplierOrder("A1", status="Shipped", state="shipped")

        (new,) = heard([order], {"A1": answer}, NOW).changed

        assert (new.carrier, new.tracking_number, new.status) == ("GLS", "1Z", "Shipped")

    @pytest.mark.parametrize("told", [{}, {"A1": SupplierOrder("A1", known=False)}])
    def test_that_could_not_be_read_stay_and_are_told(self, told: dict[str, SupplierOrder]) -> None:
        found = heard([self.ORDER], told, NOW + DAY)

        assert found.changed == []
        assert len(found.problems) == 1
