"""Items are changed as a whole or not at all, with their history, and each account has its own."""

from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.errors import ConfigurationError
from connectors.ledger import Item, Ledger, ListingKey, ListingNote, ListingStatus, Why
from connectors.market import MARKETPLACES
from tests.connectors.market_samples import (
    BRICKLINK,
    BRICKOWL,
    ITEM,
    SECOND,
    add,
    an_item,
    change,
    look,
    on_sale,
)
from tests.worlds import NOW

pytest_plugins = ["tests.databases"]


def _refuse(item: Item) -> Item:
    raise ConfigurationError(f"{item.id} may not be changed")


def test_a_new_item_is_stored_with_history_and_is_behind_everywhere(ledger: Ledger) -> None:
    item = an_item(price=Decimal("0.1250"), notes="near mint", legacy_id="k57")
    add(ledger, item)

    (entry,) = ledger.item_history("own", ITEM)
    assert ledger.item("own", ITEM) == ledger.item("own", "k57") == ledger.item_anywhere(ITEM) == item
    assert (entry.change_type, entry.delta_available, entry.revision, entry.actor) == (
        "create",
        10,
        1,
        "operator",
    )
    assert ledger.behind(NOW) == [BRICKLINK, BRICKOWL]
    assert [view.owed for view in ledger.views("own")] == [10, 10]


def test_a_change_moves_revision_history_and_listings_together(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    assert ledger.behind(NOW) == []
    ledger.note(BRICKOWL, 1, ListingNote(ListingStatus.PARKED, "no such part", "no_item"), NOW)

    done = ledger.change_item(
        "own",
        ITEM,
        lambda item: replace(item, quantity_available=4, quantity_reserved=2, status="reserved"),
        Why("update", "ann", "counted", correlation_id="c-1"),
        marketplaces=MARKETPLACES,
        now=NOW + SECOND,
    )

    assert done is not None
    assert (done.after.revision, done.after.updated_at) == (2, NOW + SECOND)
    entry = ledger.item_history("own", ITEM)[0]
    assert (entry.delta_available, entry.delta_reserved, entry.from_status, entry.to_status) == (
        -6,
        2,
        "available",
        "reserved",
    )
    assert (entry.actor, entry.reason, entry.correlation_id) == ("ann", "counted", "c-1")
    # Also the one that was parked: the item changed.
    assert ledger.behind(NOW) == [BRICKLINK, BRICKOWL]


def test_a_change_that_is_refused_leaves_everything_as_it_was(ledger: Ledger) -> None:
    on_sale(ledger, an_item())

    with pytest.raises(ConfigurationError, match="may not be changed"):
        ledger.change_item("own", ITEM, _refuse, Why("update", "ann"), marketplaces=MARKETPLACES, now=NOW)

    assert ledger.item("own", ITEM) == an_item()
    assert len(ledger.item_history("own", ITEM)) == 1
    assert ledger.behind(NOW) == []


def test_another_accounts_items_are_not_there(ledger: Ledger) -> None:
    add(ledger, an_item())
    add(ledger, an_item("brick2345673", account="other"))

    assert ledger.item("other", ITEM) is None
    assert ledger.items("other", [ITEM]) == []
    assert ledger.view(ListingKey("other", ITEM, "bricklink")) is None
    assert ledger.item_history("other", ITEM) == []
    assert {key.account for key in ledger.behind(NOW, account="other")} == {"other"}
    assert ledger.item_accounts() == ["other", "own"]
    changed = ledger.change_item("other", ITEM, _refuse, Why("x", "x"), marketplaces=(), now=NOW)
    assert changed is None


def test_a_change_with_a_key_happens_once(ledger: Ledger) -> None:
    item = an_item()
    why = Why("create", "queue", change_key="q-1")
    assert ledger.create_items([item], why, MARKETPLACES)
    assert not ledger.create_items([replace(item, id="brick2345673")], why, MARKETPLACES)

    def less(item: Item) -> Item:
        return replace(item, quantity_available=item.quantity_available - 1)

    again = Why("update", "queue", change_key="q-2")
    for is_repeat in (False, True, True):
        done = ledger.change_item("own", ITEM, less, again, marketplaces=MARKETPLACES, now=NOW)
        assert done is not None
        assert done.is_repeat is is_repeat
        assert done.after.quantity_available == 9

    assert ledger.items("own") == [replace(item, quantity_available=9, revision=2, updated_at=NOW)]
    assert ledger.made_before("own", ["q-1", "q-2", "q-3"]) == {"q-1", "q-2"}
    assert ledger.made_before("other", ["q-1"]) == set()


def test_a_deleted_item_offers_nothing_and_is_not_listed_among_the_others(ledger: Ledger) -> None:
    on_sale(ledger, an_item())
    ledger.change_item(
        "own",
        ITEM,
        lambda item: replace(item, is_archived=True, deleted_at=NOW),
        Why("delete", "ann"),
        marketplaces=MARKETPLACES,
        now=NOW,
    )

    assert ledger.items("own") == []
    assert [item.id for item in ledger.items("own", deleted=True)] == [ITEM]
    assert look(ledger, BRICKLINK).owed == -10
    assert ledger.behind(NOW) == [BRICKLINK, BRICKOWL]


def test_items_are_listed_where_their_account_takes_part(ledger: Ledger) -> None:
    assert ledger.create_items([an_item()], Why("create", "ann"), [])
    assert ledger.views("own") == []

    ledger.enable_listings("own", ["brickowl"])
    assert ledger.behind(NOW) == [BRICKOWL]
    ledger.enable_listings("own", ["bricklink"])
    assert ledger.behind(NOW) == [BRICKLINK]
    assert not look(ledger, BRICKOWL).listing.enabled
    ledger.enable_listings("own", MARKETPLACES)
    assert ledger.behind(NOW) == [BRICKLINK, BRICKOWL]


def test_thousands_of_items_are_stored_and_found_behind_at_once(ledger: Ledger) -> None:
    items = [an_item(f"brick{number:07}", quantity=number % 7) for number in range(10_000)]
    add(ledger, *items)

    behind = ledger.behind(NOW)
    assert len(behind) == 20_000
    assert len(ledger.behind(NOW, item_ids=[item.id for item in items[:50]])) == 100
    assert len(ledger.behind(NOW, limit=10)) == 10
    assert len(ledger.items("own")) == 10_000
    change(ledger, 3, items[5].id)
    assert len(ledger.views("own", [items[5].id])) == 2
