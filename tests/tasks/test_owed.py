from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from connectors.market import MARKETPLACES, Marketplace
from tasks.lanes import lane_of, urgency
from tasks.owed import (
    Dress,
    Face,
    Known,
    Make,
    Move,
    Remove,
    Rest,
    Shows,
    Wanted,
    cut,
    next_step,
    owed,
    shows,
)

FACE = Face(Decimal("0.10"), "Box 7", "Fine")
OTHER = Face(Decimal("0.12"), "Box 7", "Fine")
quantities = st.integers(0, 1000)
markets = st.sampled_from(MARKETPLACES)


def wanted(available: int, *, face: Face = FACE, is_gone: bool = False) -> Wanted:
    return Wanted(0 if is_gone else available, face, is_gone)


class TestNextStep:
    def test_makes_a_lot_of_what_is_available(self) -> None:
        assert next_step("bricklink", wanted(5), Known()) == Make(5)

    def test_makes_no_empty_lot(self) -> None:
        assert next_step("brickowl", wanted(0), Known()) == Rest()

    def test_sends_the_difference_to_what_is_expected(self) -> None:
        assert next_step("brickowl", wanted(12), Known("1", 10, FACE)) == Move(2)

    def test_changes_units_before_looks(self) -> None:
        assert next_step("bricklink", wanted(4, face=OTHER), Known("1", 5, FACE)) == Move(-1)
        assert next_step("bricklink", wanted(5, face=OTHER), Known("1", 5, FACE)) == Dress(OTHER)

    def test_writes_looks_that_nobody_knows(self) -> None:
        assert next_step("bricklink", wanted(5), Known("1", 5, None)) == Dress(FACE)

    def test_rests_when_all_is_as_it_should_be(self) -> None:
        assert next_step("bricklink", wanted(5), Known("1", 5, FACE)) == Rest()

    def test_deletes_the_lot_of_a_deleted_item_emptied_where_that_is_possible(self) -> None:
        assert next_step("bricklink", wanted(5, is_gone=True), Known("1", 5, FACE)) == Remove()
        assert next_step("brickowl", wanted(5, is_gone=True), Known("1", 5, FACE)) == Move(-5)
        assert next_step("brickowl", wanted(5, is_gone=True), Known("1", 0, FACE)) == Remove()

    def test_does_nothing_for_a_deleted_item_without_a_lot(self) -> None:
        assert next_step("bricklink", wanted(5, is_gone=True), Known()) == Rest()

    @given(
        markets,
        st.builds(wanted, quantities, is_gone=st.booleans()),
        st.none() | quantities,
    )
    def test_comes_to_rest_with_the_lot_as_the_item_asks(
        self, market: Marketplace, asked: Wanted, expected: int | None
    ) -> None:
        known = Known() if expected is None else Known("1", expected, OTHER)
        for _ in range(4):
            match next_step(market, asked, known):
                case Make(quantity):
                    known = Known("2", known.expected + quantity, FACE)
                case Move(delta):
                    known = Known(known.lot_id, known.expected + delta, known.face)
                case Dress(face):
                    known = Known(known.lot_id, known.expected, face)
                case Remove():
                    known = Known()
                case Rest():
                    break
        assert next_step(market, asked, known) == Rest()
        assert known.expected == asked.available
        assert (known.lot_id is None) >= asked.is_gone


class TestOwed:
    @given(quantities, st.lists(st.integers(0, 5), max_size=8), st.lists(st.integers(-9, 9), max_size=8))
    def test_sells_no_unit_twice_whenever_its_order_is_booked(
        self, start: int, sales: list[int], edits: list[int]
    ) -> None:
        """Whatever the owner does meanwhile, once all is booked and sent the lot shows the item."""
        item = expected = lot = start
        unbooked = []
        for sold, edit in zip(sales, edits, strict=False):
            sold = min(sold, lot)  # noqa: PLW2901 - a buyer cannot take more
            lot -= sold
            unbooked.append(sold)
            item = max(0, item + edit)
            change = cut(owed(wanted(item), Known("1", expected)), lot)
            lot, expected = lot + change, expected + change
        for sold in unbooked:
            item, expected = max(0, item - sold), max(0, expected - sold)
        lot += cut(owed(wanted(item), Known("1", expected)), lot)
        assert lot == item

    @given(st.integers(-100, 100), quantities)
    def test_never_sends_more_than_there_is_to_take(self, delta: int, present: int) -> None:
        assert present + cut(delta, present) >= 0
        assert cut(delta, present) >= delta
        assert delta < 0 or cut(delta, present) == delta


def test_a_reading_is_level_below_or_above() -> None:
    assert [shows(present, 5) for present in (5, 4, 6)] == [Shows.LEVEL, Shows.BELOW, Shows.ABOVE]


def test_what_can_be_sold_twice_comes_first() -> None:
    steps = [Rest(), Dress(FACE), Move(3), Make(1), Remove(), Move(-1)]
    ordered = sorted(steps, key=urgency)
    assert [lane_of(step) for step in ordered[:4]] == ["falls", "deletions", "creations", "rises"]
    assert urgency(Dress(FACE), is_open=True) < urgency(Move(-1))
