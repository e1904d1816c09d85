"""The arithmetic of rules 2 and 3: what was sold is never given back, and reading settles a lost answer."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.records import Quantities
from tasks import derive
from tasks.derive import Settled
from tasks.plan import QuantityName
from tests.tasks.samples import quantities, units

names = st.sampled_from(["available", "on_hand"])
readings = st.builds(
    Quantities, st.integers(-20, 60), st.integers(0, 30), st.integers(-20, 90)
)  # fmt: skip


class TestWanted:
    """Rule 2, with its own numbers: shop 10, RMS 12."""

    BASELINE = quantities(10)

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            pytest.param(quantities(10), 12, id="nothing happened"),
            pytest.param(quantities(7, 3), 9, id="three sold"),
            pytest.param(quantities(15), 12, id="corrected by hand to 15"),
            pytest.param(quantities(12, 3), 9, id="three sold and five put back by hand"),
            pytest.param(Quantities(7, 0, 7), 9, id="three sold and shipped"),
            pytest.param(quantities(-5, 15), 0, id="oversold beyond the truth"),
        ],
    )
    def test_available(self, now: Quantities, expected: int) -> None:
        assert derive.wanted(12, self.BASELINE, now, "available") == expected

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            pytest.param(quantities(7, 3), 12, id="sold units are still on hand"),
            pytest.param(quantities(7), 9, id="three shipped"),
            pytest.param(quantities(15), 12, id="five put back by hand"),
            pytest.param(quantities(-4), 0, id="more left than the truth has"),
        ],
    )
    def test_on_hand(self, now: Quantities, expected: int) -> None:
        assert derive.wanted(12, self.BASELINE, now, "on_hand") == expected

    def test_what_was_committed_before_the_baseline_is_not_a_sale(self) -> None:
        assert derive.wanted(12, quantities(9, 3), quantities(9, 3), "on_hand") == 12
        assert derive.wanted(12, quantities(7, 3), quantities(7, 3), "available") == 12

    @given(units, readings, readings, names)
    def test_lies_between_zero_and_the_truth(
        self, truth: int, baseline: Quantities, now: Quantities, name: QuantityName
    ) -> None:
        assert 0 <= derive.wanted(truth, baseline, now, name) <= truth

    @given(units, readings, readings, st.integers(0, 9), names)
    def test_a_further_sale_or_shipment_never_raises_it(
        self, truth: int, baseline: Quantities, now: Quantities, more: int, name: QuantityName
    ) -> None:
        sold = Quantities(now.available - more, now.committed + more, now.on_hand)
        shipped = Quantities(now.available - more, now.committed, now.on_hand - more)
        before = derive.wanted(truth, baseline, now, name)
        assert derive.wanted(truth, baseline, sold, name) <= before
        assert derive.wanted(truth, baseline, shipped, name) <= before


@dataclass
class Shelf:
    """A level among buyers, packers and people who count, with the units sold for good kept apart."""

    available: int
    committed: int
    sold: int = 0
    shipped: int = 0

    def now(self) -> Quantities:
        return quantities(self.available, self.committed)

    def happen(self, what: str, count: int) -> None:
        if what == "sale":
            count = min(count, max(0, self.available))
            self.available -= count
            self.committed += count
            self.sold += count
        elif what == "cancel":
            count = min(count, self.sold, self.committed)
            self.available += count
            self.committed -= count
            self.sold -= count
        elif what == "fulfil":
            count = min(count, self.committed)
            self.committed -= count
            self.shipped += count
        elif what == "edit":
            self.available += count


happenings = st.lists(st.tuples(st.sampled_from(["sale", "cancel", "fulfil"]), st.integers(1, 6)), max_size=8)


class TestSoldUnits:
    """Whatever customers do between baseline and write, no unit they hold is offered again."""

    @given(st.integers(0, 30), st.integers(0, 5), happenings, units)
    def test_are_never_given_back(
        self, shown: int, promised: int, events: list[tuple[str, int]], truth: int
    ) -> None:
        shelf = Shelf(shown, promised)
        baseline = shelf.now()
        for what, count in events:
            shelf.happen(what, count)
        written = derive.wanted(truth, baseline, shelf.now(), "available")
        assert written <= max(0, truth - shelf.sold)

    @given(st.integers(0, 30), happenings, units)
    def test_a_sale_is_subtracted_once_while_nobody_cancels(
        self, shown: int, events: list[tuple[str, int]], truth: int
    ) -> None:
        shelf = Shelf(shown, 0)
        baseline = shelf.now()
        for what, count in events:
            if what != "cancel":
                shelf.happen(what, count)
        assert derive.wanted(truth, baseline, shelf.now(), "available") == max(0, truth - shelf.sold)

    @given(st.integers(0, 30), st.integers(1, 9), st.integers(-9, 9), units)
    def test_a_correction_by_hand_does_not_hide_a_sale(
        self, shown: int, bought: int, correction: int, truth: int
    ) -> None:
        shelf = Shelf(shown, 0)
        baseline = shelf.now()
        shelf.happen("sale", bought)
        shelf.happen("edit", correction)
        assert derive.wanted(truth, baseline, shelf.now(), "available") <= max(0, truth - shelf.sold)

    @given(st.integers(0, 30), st.integers(0, 5), happenings, units)
    def test_shipped_units_are_taken_off_what_is_on_hand(
        self, shown: int, promised: int, events: list[tuple[str, int]], truth: int
    ) -> None:
        shelf = Shelf(shown, promised)
        baseline = shelf.now()
        for what, count in events:
            shelf.happen(what, count)
        assert derive.wanted(truth, baseline, shelf.now(), "on_hand") == max(0, truth - shelf.shipped)


class TestSettle:
    """Rule 3: 10 → 12 was sent, its answer was lost, and later the level shows 9."""

    BEFORE = quantities(10)

    @pytest.mark.parametrize(
        ("after", "expected"),
        [
            pytest.param(Quantities(9, 3, 12), Settled.APPLIED, id="applied, then three sold"),
            pytest.param(Quantities(9, 1, 10), Settled.NOT_APPLIED, id="one sold, not applied"),
            pytest.param(quantities(12), Settled.APPLIED, id="applied and quiet"),
            pytest.param(quantities(10), Settled.NOT_APPLIED, id="not applied and quiet"),
            pytest.param(quantities(9), Settled.UNCLEAR, id="somebody else wrote"),
            pytest.param(quantities(15), Settled.UNCLEAR, id="counted by hand"),
        ],
    )
    def test_tells_by_what_is_on_hand(self, after: Quantities, expected: Settled) -> None:
        assert derive.settle(self.BEFORE, 12, after, "available") is expected

    @pytest.mark.parametrize("name", ["available", "on_hand"])
    def test_goods_shipped_are_not_a_lowering_that_was_applied(self, name: QuantityName) -> None:
        before = quantities(10, 2)
        sent = derive.shown(before, name) - 2
        assert derive.settle(before, sent, quantities(10), name) is Settled.UNCLEAR
        assert derive.settle(before, sent, quantities(8, 2), name) is Settled.APPLIED

    def test_what_was_not_applied_is_wanted_again_less_the_sale(self) -> None:
        assert derive.wanted(12, self.BEFORE, Quantities(9, 1, 10), "available") == 11

    def test_on_hand_is_compared_with_itself(self) -> None:
        before = quantities(7, 3)
        assert derive.settle(before, 12, Quantities(9, 3, 12), "on_hand") is Settled.APPLIED
        assert derive.settle(before, 12, before, "on_hand") is Settled.NOT_APPLIED

    def test_a_fall_that_may_be_goods_shipped_proves_nothing(self) -> None:
        """10 → 7 sent; three fewer on hand, but still ten for sale: shipped, or written and cancelled."""
        assert derive.settle(quantities(10, 3), 7, quantities(10, 0), "available") is Settled.UNCLEAR
        assert derive.settle(quantities(10, 3), 7, quantities(7, 3), "available") is Settled.APPLIED

    @given(
        before=st.builds(quantities, units, st.integers(0, 5)),
        sent=units,
        bought=st.integers(0, 9),
        applied=st.booleans(),
        name=names,
    )
    def test_sales_since_do_not_confuse_it(
        self, *, before: Quantities, sent: int, bought: int, applied: bool, name: QuantityName
    ) -> None:
        change = sent - derive.shown(before, name)
        if change == 0:
            return
        moved = change if applied else 0
        after = Quantities(
            before.available + moved - bought, before.committed + bought, before.on_hand + moved
        )
        expected = Settled.APPLIED if applied else Settled.NOT_APPLIED
        assert derive.settle(before, sent, after, name) is expected


class TestDrift:
    BEFORE = quantities(10, 2)

    @pytest.mark.parametrize(
        ("after", "drifts"),
        [
            pytest.param(quantities(4, 2), False, id="as written"),
            pytest.param(quantities(1, 5), False, id="three sold"),
            pytest.param(quantities(1, 3), False, id="three sold, two shipped"),
            pytest.param(quantities(5, 1), False, id="one cancelled"),
            pytest.param(quantities(10, 2), True, id="never written"),
            pytest.param(quantities(8, 2), True, id="raised by somebody else"),
            pytest.param(Quantities(3, 2, 6), True, id="one put aside as damaged"),
        ],
    )
    def test_is_what_sales_do_not_explain(self, *, after: Quantities, drifts: bool) -> None:
        assert derive.is_drift(self.BEFORE, 4, after, "available") is drifts

    def test_shows_a_sale_that_goods_put_in_by_hand_hid_from_the_compare(self) -> None:
        """Read at 0; one put in and one sold just before 0 → 1 was written: nobody could see it then."""
        assert derive.is_drift(quantities(0), 1, quantities(1, 1), "available")

    @pytest.mark.parametrize(
        ("after", "departed"),
        [
            pytest.param(quantities(4, 2), 0, id="nothing left"),
            pytest.param(quantities(4), 0, id="what was promised was shipped"),
            pytest.param(quantities(3), 1, id="one more than was promised"),
        ],
    )
    def test_units_that_only_an_order_can_explain(self, after: Quantities, departed: int) -> None:
        assert derive.unexplained_departures(self.BEFORE, 4, after, "available") == departed
