"""A line of an order counts once for ever; what comes back waits for a person."""

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.ledger import BookingKind, Ledger, ListingStatus, ReviewState, Why
from connectors.market import OrderLine
from tests.connectors.market_samples import (
    BRICKLINK,
    BRICKOWL,
    ITEM,
    LOTS,
    SECOND,
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


def test_a_sale_lowers_item_and_lot_together_and_owes_the_other_marketplace(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    order = an_order("100", 2, 1)

    for expected in ([BookingKind.SOLD] * 2, [BookingKind.KNOWN] * 2):
        found = ledger.book_order("own", "bricklink", order, NOW)
        assert [booking.kind for booking in found] == expected

    assert books(ledger) == {"item": 7, "bricklink": 7, "brickowl": 10}
    assert ledger.behind(NOW) == [BRICKOWL]
    assert look(ledger, BRICKLINK).listing.status is ListingStatus.SYNCED
    item = look(ledger, BRICKLINK).item
    assert (item.quantity_sold, item.revision) == (3, 3)
    entry = ledger.item_history("own", ITEM)[0]
    assert (
        entry.change_type,
        entry.delta_available,
        entry.delta_sold,
        entry.marketplace,
        entry.order_id,
    ) == (
        "sold",
        -1,
        1,
        "bricklink",
        "100",
    )
    assert ledger.order_stamps("own", "bricklink") == {"100": order.stamp}
    assert ledger.order_stamps("own", "brickowl") == ledger.order_stamps("other", "bricklink") == {}


def test_an_owners_raise_and_an_order_not_read_yet_agree_in_the_end(ledger: Ledger) -> None:
    """The example that tells owed from aimed at: two sold on BrickLink, then the owner says 12."""
    on_sale(ledger, an_item())
    change(ledger, 12)
    assert look(ledger, BRICKLINK).owed == 2
    for key in (BRICKLINK, BRICKOWL):
        ledger.finish_write(begun(ledger, key).id, NOW)

    ledger.book_order("own", "bricklink", an_order("100", 2), NOW)

    assert books(ledger) == {"item": 10, "bricklink": 10, "brickowl": 12}
    assert (look(ledger, BRICKLINK).owed, look(ledger, BRICKOWL).owed) == (0, -2)


def test_lines_that_grow_are_booked_by_the_difference(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    ledger.book_order("own", "bricklink", an_order("100", 2), NOW)

    (booking, second) = ledger.book_order("own", "bricklink", an_order("100", 3, 4), NOW)

    assert (booking.quantity, second.quantity) == (1, 4)
    assert books(ledger) == {"item": 3, "bricklink": 3, "brickowl": 10}


def test_what_is_sold_twice_is_cut_at_zero_and_names_both_orders(ledger: Ledger) -> None:
    on_sale(ledger, an_item(quantity=2))
    ledger.book_order("own", "brickowl", an_order("55", 2, lot=LOTS["brickowl"]), NOW)

    (booking,) = ledger.book_order("own", "bricklink", an_order("100", 1), NOW)

    assert (booking.oversold, booking.rival, booking.order_id) == (1, "brickowl/55", "100")
    assert books(ledger) == {"item": 0, "bricklink": 1, "brickowl": 0}
    assert look(ledger, BRICKLINK).owed == -1
    assert (
        "oversold by 1; the last ones went to order brickowl/55" in ledger.item_history("own", ITEM)[0].reason
    )

    (told,) = ledger.oversold("own", NOW)
    assert (told.order_id, told.oversold, told.rival) == ("100", 1, "brickowl/55")
    assert ledger.oversold("own", NOW + SECOND) == ledger.oversold("other", NOW) == []

    # The unit that comes back goes to whoever bought it, not on sale again.
    (back,) = ledger.book_order("own", "brickowl", cancelled(an_order("55", 2, lot=LOTS["brickowl"])), NOW)
    assert back.review_id is not None
    ledger.restock(back.review_id, NOW, lot_rose=False, by="ann")
    assert books(ledger)["item"] == 1
    assert [line.oversold for line in ledger.order_lines("own", "bricklink", "100")] == [0]
    assert ledger.oversold("own", NOW) == []


@pytest.mark.parametrize(("is_count", "left"), [(True, 7), (False, 6)])
def test_what_was_sold_twice_is_in_a_count_and_not_in_what_a_supplier_says(
    ledger: Ledger, *, is_count: bool, left: int
) -> None:
    on_sale(ledger, an_item(quantity=2))
    ledger.book_order("own", "brickowl", an_order("55", 2, lot=LOTS["brickowl"]), NOW)
    ledger.book_order("own", "bricklink", an_order("100", 1), NOW)

    why = Why("update", "somebody", is_count=is_count)
    ledger.change_item(
        "own", ITEM, lambda now: replace(now, quantity_available=5), why, marketplaces=(), now=NOW
    )
    (back,) = ledger.book_order("own", "brickowl", cancelled(an_order("55", 2, lot=LOTS["brickowl"])), NOW)
    assert back.review_id is not None
    ledger.restock(back.review_id, NOW, lot_rose=False, by="ann")

    assert books(ledger)["item"] == left


def test_what_an_old_order_gave_back_makes_up_for_no_newer_sale(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    ledger.book_order("own", "bricklink", an_order("1", 2), NOW)
    later = NOW + timedelta(hours=48)
    ledger.book_order("own", "bricklink", an_order("2", 3), later)
    (back,) = ledger.book_order("own", "bricklink", cancelled(an_order("1", 2)), later)
    assert back.review_id is not None
    ledger.restock(back.review_id, later, lot_rose=True, by="ann")

    assert ledger.sold_since("own", [ITEM], later - timedelta(hours=24)) == {ITEM: 3}
    assert ledger.sold_since("own", [ITEM], NOW - timedelta(hours=24)) == {ITEM: 3}


def test_a_cancelled_line_that_was_oversold_gives_nothing_back(ledger: Ledger) -> None:
    on_sale(ledger, an_item(quantity=1))
    order = an_order("100", 3)
    ledger.book_order("own", "bricklink", order, NOW)
    (back,) = ledger.book_order("own", "bricklink", cancelled(order), NOW)
    assert back.review_id is not None

    (review,) = ledger.reviews("own")
    assert (review.quantity, review.taken) == (3, 1)
    ledger.restock(back.review_id, NOW, lot_rose=False, by="ann")
    assert books(ledger) == {"item": 1, "bricklink": 0, "brickowl": 1}


@pytest.mark.parametrize("seen_before", [True, False])
def test_a_cancelled_order_waits_for_a_person(ledger: Ledger, *, seen_before: bool) -> None:
    on_sale(ledger, an_item())
    order = an_order("100", 2)
    if seen_before:
        ledger.book_order("own", "bricklink", order, NOW)

    for _ in range(2):
        ledger.book_order("own", "bricklink", cancelled(order), NOW)

    assert books(ledger) == {"item": 8, "bricklink": 8, "brickowl": 10}
    (review,) = ledger.reviews("own", "bricklink")
    assert (review.order_id, review.quantity, review.taken, review.item_id) == ("100", 2, 2, ITEM)
    assert ledger.reviews("other") == ledger.reviews("own", "brickowl") == []


@pytest.mark.parametrize(
    ("lot_rose", "shown"), [(True, {"bricklink": 10}), (False, {"bricklink": 8})], ids=["rose", "stayed"]
)
def test_units_come_back_once(ledger: Ledger, *, lot_rose: bool, shown: dict[str, int]) -> None:
    on_sale(ledger, an_item())
    ledger.book_order("own", "bricklink", cancelled(an_order("100", 2)), NOW)
    (review,) = ledger.reviews("own")
    assert review.id is not None
    ledger.check_review(review.id, NOW)

    closed = ledger.restock(review.id, NOW + SECOND, lot_rose=lot_rose, by="ann")

    assert closed == replace(
        review, state=ReviewState.RESTOCKED, checked_at=NOW, resolved_at=NOW + SECOND, resolved_by="ann"
    )
    assert ledger.restock(review.id, NOW, lot_rose=lot_rose, by="bob") is None
    assert ledger.write_off(review.id, NOW, "bob") is None
    assert books(ledger) == {"item": 10, "brickowl": 10, **shown}
    assert look(ledger, BRICKLINK).item.quantity_sold == 0
    assert ledger.reviews("own") == []
    assert ledger.item_history("own", ITEM)[0].change_type == "restocked"


def test_units_written_off_are_gone(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    ledger.book_order("own", "bricklink", an_order("100", 3), NOW)
    ledger.book_order("own", "bricklink", an_order("100", 1), NOW)
    (review,) = ledger.reviews("own")
    assert review.id is not None

    assert ledger.write_off(review.id, NOW, "ann") is not None

    assert books(ledger) == {"item": 7, "bricklink": 7, "brickowl": 10}
    assert [each.state for each in ledger.reviews("own", state=None)] == [ReviewState.WRITTEN_OFF]


def test_units_ordered_again_before_anybody_judged_move_nothing(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    order = an_order("100", 3)
    ledger.book_order("own", "bricklink", order, NOW)
    ledger.book_order("own", "bricklink", cancelled(order), NOW)

    ledger.book_order("own", "bricklink", an_order("100", 2), NOW)
    assert [each.quantity for each in ledger.reviews("own")] == [1]
    ledger.book_order("own", "bricklink", an_order("100", 4), NOW)

    assert ledger.reviews("own") == []
    assert books(ledger) == {"item": 6, "bricklink": 6, "brickowl": 10}


def test_a_line_that_is_listed_no_more_counts_as_given_back(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    order = an_order("100", 2, 1)
    ledger.book_order("own", "bricklink", order, NOW)

    ledger.book_order("own", "bricklink", replace(order, lines=order.lines[:1] if order.lines else ()), NOW)
    assert [each.quantity for each in ledger.reviews("own")] == [1]
    # Lines that nobody tells any more are as they were.
    ledger.book_order("own", "bricklink", replace(order, lines=None, stamp="purged"), NOW)
    assert [each.quantity for each in ledger.reviews("own")] == [1]


def test_a_sale_while_a_write_is_open_is_not_lost(ledger: Ledger) -> None:
    on_sale(ledger, an_item(quantity=1))
    change(ledger, 6)
    write = begun(ledger, BRICKLINK)

    # All six were bought, five of them before anybody knew that the raise was done.
    ledger.book_order("own", "bricklink", an_order("100", 6), NOW)
    assert look(ledger, BRICKLINK).listing.expected == -5
    ledger.finish_write(write.id, NOW)

    assert books(ledger) == {"item": 0, "bricklink": 0, "brickowl": 1}
    assert ledger.level(BRICKLINK, look(ledger, BRICKLINK).item.revision, NOW)


def test_a_lot_that_had_more_than_we_believed_owes_nothing_after_a_sale(ledger: Ledger) -> None:
    on_sale(ledger, an_item(quantity=1))

    ledger.book_order("own", "bricklink", an_order("100", 3), NOW)

    assert books(ledger) == {"item": 0, "bricklink": 0, "brickowl": 1}


def test_a_sale_of_a_lot_whose_creation_is_unclear_is_known_by_its_marker(ledger: Ledger) -> None:
    add(ledger, an_item())
    write = begun(ledger, BRICKLINK)
    line = OrderLine("100/1", "777", "PART/3001/5/N/-", f"ev:{ITEM}", 3)
    order = an_order("100", lines=(line,))

    ledger.book_order("own", "bricklink", order, NOW)
    ledger.finish_write(write.id, NOW, lot_id="777")

    assert books(ledger) == {"item": 7, "bricklink": 7, "brickowl": None}


def test_a_sale_of_a_lot_nobody_knew_is_booked_when_it_turns_out_to_be_ours(ledger: Ledger) -> None:
    add(ledger, an_item())
    write = begun(ledger, BRICKLINK)
    order = an_order("100", 3, lot="777")
    assert [each.kind for each in ledger.book_order("own", "bricklink", order, NOW)] == [BookingKind.FOREIGN]

    (booking,) = ledger.finish_write(write.id, NOW, lot_id="777")

    assert (booking.kind, booking.quantity) == (BookingKind.SOLD, 3)
    assert books(ledger) == {"item": 7, "bricklink": 7, "brickowl": None}
    assert [each.kind for each in ledger.book_order("own", "bricklink", order, NOW)] == [BookingKind.KNOWN]


def test_a_late_order_of_an_older_lot_does_not_touch_the_present_one(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    assert ledger.rebase(BRICKLINK, None, 10, NOW)
    ledger.finish_write(begun(ledger, BRICKLINK, "again").id, NOW, lot_id="new")

    ledger.book_order("own", "bricklink", an_order("100", 2), NOW)

    assert books(ledger) == {"item": 8, "bricklink": 10, "brickowl": 10}
    assert set(ledger.behind(NOW)) == {BRICKLINK, BRICKOWL}


def test_a_marker_of_another_accounts_item_is_nobodys(ledger: Ledger) -> None:
    on_sale(ledger, an_item(account="own"))
    line = OrderLine("100/1", "777", "PART/3001/5/N/-", f"ev:{ITEM}", 3)

    found = ledger.book_order("other", "bricklink", an_order("100", lines=(line,)), NOW)

    assert [booking.kind for booking in found] == [BookingKind.FOREIGN]
    assert books(ledger)["item"] == 10


def test_a_combined_order_takes_over_what_was_booked(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    lot = LOTS["brickowl"]
    ledger.book_order("own", "brickowl", an_order("1", 2, lot=lot), NOW)
    ledger.book_order("own", "brickowl", an_order("2", 3, lot=lot), NOW)

    emptied = an_order("2", lot=lot, combined_into="1", stamp="combined")
    assert ledger.book_order("own", "brickowl", emptied, NOW) == []
    for _ in range(2):
        ledger.book_order("own", "brickowl", an_order("1", 6, lot=lot), NOW)

    assert books(ledger) == {"item": 4, "bricklink": 10, "brickowl": 4}
    assert ledger.reviews("own") == []
    assert ledger.book_order("own", "brickowl", emptied, NOW) == []
    assert books(ledger)["item"] == 4
