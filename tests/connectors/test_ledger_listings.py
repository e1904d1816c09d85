"""What is sent is known before and after; a listing is level only when nothing is owed and nothing open."""

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.ledger import (
    BookingKind,
    Ledger,
    ListingKey,
    ListingNote,
    ListingStatus,
    Why,
    WriteKind,
    WriteState,
)
from connectors.market import MARKETPLACES
from tests.connectors.market_samples import (
    BRICKLINK,
    BRICKOWL,
    ITEM,
    LOTS,
    SECOND,
    a_write,
    add,
    an_item,
    an_order,
    begun,
    books,
    change,
    look,
    on_sale,
)
from tests.worlds import NOW

pytest_plugins = ["tests.databases"]


def test_a_write_is_stored_before_it_is_sent_and_only_one_is_open(ledger: Ledger) -> None:
    add(ledger, an_item())
    write = begun(ledger, BRICKLINK)

    assert ledger.view(BRICKLINK) == replace(look(ledger, BRICKLINK), write=write)
    assert not ledger.begin_write(replace(write, id="w2"))
    assert ledger.begin_write(a_write(look(ledger, BRICKOWL), "w3"))
    assert [each.id for each in ledger.open_writes("own")] == [write.id, f"w3-own-{ITEM}-brickowl"]
    assert look(ledger, BRICKLINK).listing.expected is None


@pytest.mark.parametrize("moved", ["item", "lot"])
def test_a_write_decided_on_what_is_no_longer_so_is_not_begun(ledger: Ledger, moved: str) -> None:
    on_sale(ledger, an_item())
    change(ledger, 12)
    write = a_write(look(ledger, BRICKLINK), "w1")
    if moved == "item":
        change(ledger, 13)
    else:
        ledger.rebase(BRICKLINK, 9, 10, NOW)

    assert not ledger.begin_write(write)
    assert ledger.open_writes() == []


def test_what_was_done_is_stored_with_the_lot_in_one_step(ledger: Ledger) -> None:
    add(ledger, an_item())
    write = begun(ledger, BRICKLINK)
    assert ledger.finish_write(write.id, NOW, lot_id="77", shown={"price": "0.25", "text": "A 12"}) == []
    assert ledger.finish_write(write.id, NOW, lot_id="78") == []
    listing = look(ledger, BRICKLINK).listing
    assert (listing.lot_id, listing.expected, listing.shown) == ("77", 10, {"price": "0.25", "text": "A 12"})
    assert ledger.level(BRICKLINK, 1, NOW + SECOND)
    assert ledger.behind(NOW) == [BRICKOWL]
    assert ledger.writes(BRICKLINK) == [
        replace(write, state=WriteState.DONE, settled_at=NOW, lot_id="77"),
    ]

    change(ledger, 4)
    ledger.finish_write(begun(ledger, BRICKLINK, "w2").id, NOW, shown={"price": "0.3"})
    listing = look(ledger, BRICKLINK).listing
    assert (listing.expected, listing.shown) == (4, {"price": "0.3", "text": "A 12"})

    end = replace(a_write(look(ledger, BRICKLINK), "w3"), kind=WriteKind.DELETE, delta=0)
    assert ledger.begin_write(end)
    ledger.finish_write(end.id, NOW)
    listing = look(ledger, BRICKLINK).listing
    assert (listing.lot_id, listing.expected, listing.shown) == (None, None, None)


def test_a_refused_write_moves_nothing_and_an_unclear_one_stays_open(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    change(ledger, 12)
    ledger.refuse_write(begun(ledger, BRICKLINK).id, "no", NOW)
    assert look(ledger, BRICKLINK).listing.expected == 10
    assert look(ledger, BRICKLINK).write is None

    write = begun(ledger, BRICKLINK, "w2")
    minute = NOW + timedelta(minutes=1)
    ledger.unclear_write(write.id, "the answer was lost", NOW, minute)

    view = look(ledger, BRICKLINK)
    assert view.write == replace(write, state=WriteState.UNKNOWN, reason="the answer was lost")
    assert (view.listing.status, view.listing.reason) == (ListingStatus.SYNCING, "the answer was lost")
    assert not ledger.level(BRICKLINK, 2, NOW)
    assert not ledger.rebase(BRICKLINK, 12, 10, NOW)
    assert BRICKLINK not in ledger.behind(NOW)
    assert ledger.behind(minute)[0] == BRICKLINK


def test_level_means_nothing_owed_nothing_open_and_this_revision(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    change(ledger, 9)

    assert not ledger.level(BRICKLINK, 2, NOW)
    ledger.finish_write(begun(ledger, BRICKLINK).id, NOW)
    assert not ledger.level(BRICKLINK, 1, NOW)
    change(ledger, 9)
    assert not ledger.level(BRICKLINK, 2, NOW)
    assert ledger.level(BRICKLINK, 3, NOW, review="shows 11")
    listing = look(ledger, BRICKLINK).listing
    assert (listing.status, listing.synced_revision, listing.review) == (ListingStatus.SYNCED, 3, "shows 11")


def test_a_deleted_item_is_level_once_its_lot_is_gone(ledger: Ledger) -> None:
    on_sale(ledger, an_item(quantity=0), an_item("brick2345673", 0))
    for item_id in (ITEM, "brick2345673"):
        ledger.change_item(
            "own",
            item_id,
            lambda item: replace(item, is_archived=True, deleted_at=NOW),
            Why("delete", "ann"),
            marketplaces=MARKETPLACES,
            now=NOW,
        )
    assert not ledger.level(BRICKLINK, 2, NOW)
    assert ledger.rebase(BRICKLINK, None, 0, NOW)
    assert ledger.level(BRICKLINK, 2, NOW)


def test_errors_count_while_they_are_the_same_and_the_item_is(ledger: Ledger) -> None:
    add(ledger, an_item())
    failed = ListingNote(ListingStatus.FAILED, "price is refused", "price", NOW + SECOND)

    assert [ledger.note(BRICKLINK, 1, failed, NOW) for _ in range(3)] == [1, 2, 3]
    assert ledger.note(BRICKLINK, 1, ListingNote(ListingStatus.SYNCING, "no calls left"), NOW) == 0
    assert ledger.note(BRICKLINK, 1, failed, NOW) == 4
    assert ledger.note(BRICKLINK, 1, replace(failed, error_code="404"), NOW) == 1
    listing = look(ledger, BRICKLINK).listing
    assert (listing.status, listing.attempts, listing.last_attempt_at) == (ListingStatus.FAILED, 5, NOW)
    assert BRICKLINK not in ledger.behind(NOW)

    change(ledger, 11)
    assert ledger.note(BRICKLINK, 1, replace(failed, status=ListingStatus.PARKED), NOW) == 0
    listing = look(ledger, BRICKLINK).listing
    assert (listing.status, listing.same_errors, listing.attempts) == (ListingStatus.SYNCING, 0, 0)


def test_what_is_parked_waits_for_a_person_or_a_change(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    change(ledger, 11)
    parked = ListingNote(ListingStatus.PARKED, "no such part", "no_item")
    for key in (BRICKLINK, BRICKOWL):
        ledger.note(key, 2, parked, NOW)
    assert ledger.behind(NOW + timedelta(days=9)) == []
    ledger.postpone({BRICKLINK: 2}, "the breaker is open", NOW)
    assert ledger.behind(NOW) == []

    assert ledger.retry("other", NOW) == 0
    assert ledger.retry("own", NOW, marketplaces=["bricklink"]) == 1
    assert ledger.behind(NOW) == [BRICKLINK]
    assert look(ledger, BRICKLINK).listing.reread
    assert ledger.retry("own", NOW) == 1
    assert ledger.retry("own", NOW, item_ids=[ITEM]) == 2


def test_many_listings_are_put_off_at_once(ledger: Ledger) -> None:
    items = [an_item(f"brick{number:07}") for number in range(600)]
    add(ledger, *items)
    keys = [key for key in ledger.behind(NOW) if key.marketplace == "bricklink"]

    ledger.postpone(dict.fromkeys(keys, 1), "no calls left until tomorrow", NOW + SECOND)

    assert {key.marketplace for key in ledger.behind(NOW)} == {"brickowl"}
    assert len(ledger.behind(NOW + SECOND)) == 1200


def test_nothing_is_put_off_that_changed_meanwhile_or_is_level(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    change(ledger, 12)
    change(ledger, 3)
    ledger.postpone({BRICKLINK: 2}, "no calls left for rises until tomorrow", NOW + SECOND)
    assert BRICKLINK in ledger.behind(NOW)

    ledger.finish_write(begun(ledger, BRICKLINK).id, NOW)
    assert ledger.level(BRICKLINK, 3, NOW)
    ledger.postpone({BRICKLINK: 3}, "no calls left for rises until tomorrow", NOW + SECOND)
    listing = look(ledger, BRICKLINK).listing
    assert (listing.status, listing.reason, listing.next_attempt_at) == (ListingStatus.SYNCED, "", None)


def test_the_most_urgent_is_behind_first(ledger: Ledger) -> None:
    names = ("rise", "notes", "deleted", "fall-to-3", "fall-to-0", "unclear")
    items = [an_item(name.ljust(12, "2")[:12].replace("-", "2")) for name in names]
    on_sale(ledger, *items)
    ids = dict(zip(names, [item.id for item in items], strict=True))
    add(ledger, an_item("new222222222"))
    for name, quantity in (("rise", 12), ("notes", 10), ("fall-to-3", 3), ("fall-to-0", 0), ("unclear", 11)):
        change(ledger, quantity, ids[name])
    unclear = ListingKey("own", ids["unclear"], "bricklink")
    begun(ledger, unclear)
    # Its lot is empty already; only the lot itself has to go.
    gone = ListingKey("own", ids["deleted"], "bricklink")
    ledger.rebase(gone, 0, 10, NOW)
    ledger.change_item(
        "own",
        gone.item_id,
        lambda item: replace(item, is_archived=True, deleted_at=NOW),
        Why("delete", "ann"),
        marketplaces=["bricklink"],
        now=NOW,
    )

    first = [key.item_id for key in ledger.behind(NOW, account="own", marketplace="bricklink")]

    assert first == [
        ids["unclear"],
        ids["fall-to-0"],
        ids["fall-to-3"],
        ids["deleted"],
        "new222222222",
        ids["rise"],
        ids["notes"],
    ]


def test_a_lot_the_seller_made_is_adopted_as_it_is(ledger: Ledger) -> None:
    add(ledger, an_item(), an_item("brick2345673"))
    before, since = an_order("1", 2, ordered_at=NOW - SECOND), an_order("2", 3)
    for order in (before, since):
        (booking,) = ledger.book_order("own", "bricklink", order, NOW)
        assert booking.kind is BookingKind.FOREIGN
    lot = LOTS["bricklink"]

    assert not ledger.adopt(BRICKLINK, lot, 5, NOW, NOW)
    assert ledger.adopt(BRICKLINK, lot, 5, NOW + SECOND, NOW)
    assert not ledger.adopt(ListingKey("own", "brick2345673", "bricklink"), lot, 5, NOW + SECOND, NOW)

    # The number that the owner stored does not know of what was sold since.
    assert books(ledger) == {"item": 7, "bricklink": 5, "brickowl": None}
    # And either order is booked now.
    for order in (before, since):
        assert ledger.book_order("own", "bricklink", order, NOW)[0].kind is BookingKind.KNOWN
    assert books(ledger) == {"item": 7, "bricklink": 5, "brickowl": None}


def test_a_belief_is_replaced_only_if_it_is_still_held(ledger: Ledger) -> None:
    on_sale(ledger, an_item())

    assert not ledger.rebase(BRICKLINK, 8, 9, NOW)
    assert ledger.rebase(BRICKLINK, 8, 10, NOW)
    assert (look(ledger, BRICKLINK).listing.expected, ledger.behind(NOW)) == (8, [BRICKLINK])
    assert ledger.rebase(BRICKLINK, None, 8, NOW)
    listing = look(ledger, BRICKLINK).listing
    assert (listing.lot_id, listing.expected, listing.shown) == (None, None, None)
