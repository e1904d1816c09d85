"""Reading back: what sales explain is no drift, everything else is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pytest

from connectors.errors import Transient
from connectors.records import Level, OrderLine, Quantities
from tasks.plan import Outcome
from tasks.receipt import Receipt, read_back
from tasks.write import Written
from tests.tasks.samples import NOON, line, quantities


@dataclass
class Shelf:
    """What a shop shows now, and its orders; None: it does not answer."""

    levels_now: dict[int, Level | None] | None
    orders: list[OrderLine] | None = None
    asked: int = 0

    def levels(self, items: Sequence[int]) -> dict[int, Level | None]:
        if self.levels_now is None:
            raise Transient("no answer")
        return {item: level for item, level in self.levels_now.items() if item in items}

    def order_lines(self, since: datetime) -> list[OrderLine]:
        self.asked += 1
        if self.orders is None:
            raise Transient("no answer")
        return [order for order in self.orders if order.created_at >= since]


def written(number: int, before: Quantities, sent: int) -> Written:
    done = line(number, before.available, sent, outcome=Outcome.DONE)
    return Written(done._replace(written_from=before.available, written_to=sent), before)


def receipt(shelf: Shelf, *each: Written) -> tuple[list[str], Receipt]:
    lines, seen = read_back(shelf, each, "available", NOON)
    return [found.line.reason for found in lines], seen


def now(quantity: Quantities) -> Level:
    return Level(active=True, quantities=quantity)


ONE = written(1, quantities(10), 12)


@pytest.mark.parametrize(
    ("found", "drifts"),
    [
        (quantities(12), False),
        (quantities(9, 3), False),
        (quantities(10), True),
        (quantities(15), True),
        (Quantities(11, 0, 12), True),
    ],
)
def test_sales_are_no_drift(*, found: Quantities, drifts: bool) -> None:
    reasons, seen = receipt(Shelf({1: now(found)}, []), ONE)
    assert reasons == (["drift"] if drifts else [""])
    assert seen == Receipt(1, int(drifts), 0)


@pytest.mark.parametrize(("ordered", "drifts"), [(3, False), (4, False), (2, True), (0, True), (None, True)])
def test_units_that_left_at_once_need_an_order(*, ordered: int | None, drifts: bool) -> None:
    orders = None if ordered is None else [OrderLine(1, 1, ordered, NOON)]
    shelf = Shelf({1: now(quantities(9))}, orders)
    reasons, _ = receipt(shelf, ONE)
    assert reasons == (["drift"] if drifts else [""])


def test_without_a_moment_before_the_writes_no_order_explains_anything() -> None:
    shelf = Shelf({1: now(quantities(9))}, [OrderLine(1, 1, 3, NOON)])
    (found,), _ = read_back(shelf, [ONE], "available", None)
    assert (found.line.reason, shelf.asked) == ("drift", 0)


def test_orders_are_not_asked_for_without_need() -> None:
    shelf = Shelf({1: now(quantities(9, 3))}, [])
    receipt(shelf, ONE)
    assert shelf.asked == 0


def test_an_order_explains_only_its_own_variant() -> None:
    two = written(2, quantities(10), 12)
    shelf = Shelf({1: now(quantities(9)), 2: now(quantities(9))}, [OrderLine(1, 1, 6, NOON)])
    assert receipt(shelf, ONE, two) == (["", "drift"], Receipt(2, 1, 0))


@pytest.mark.parametrize("levels", [{}, {1: None}, {1: Level(active=True, quantities=None)}])
def test_what_cannot_be_read_is_unconfirmed(levels: dict[int, Level | None]) -> None:
    assert receipt(Shelf(levels), ONE) == ([""], Receipt(0, 0, 1))


def test_a_silent_shop_confirms_nothing_and_breaks_nothing() -> None:
    assert receipt(Shelf(None), ONE) == ([""], Receipt(0, 0, 1))


def test_only_written_lines_are_read() -> None:
    refused = Written(line(2, outcome=Outcome.REFUSED).ended(Outcome.REFUSED, "gone"))
    assert receipt(Shelf({1: now(quantities(12))}), ONE, refused) == (["", "gone"], Receipt(1, 0, 0))
