"""Items, listings and orders to put into a ledger."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from connectors.ledger import Item, Ledger, ListingKey, MarketWrite, View, Why, WriteKind
from connectors.market import MARKETPLACES, MarketOrder, OrderLine
from tests.worlds import NOW

SECOND = timedelta(seconds=1)
ITEM = "brick2345672"
LOTS = {"bricklink": "50592684", "brickowl": "7351872"}
BRICKLINK = ListingKey("own", ITEM, "bricklink")
BRICKOWL = ListingKey("own", ITEM, "brickowl")


def an_item(item_id: str = ITEM, quantity: int = 10, **more: Any) -> Item:  # noqa: ANN401
    item = Item(
        account="own",
        id=item_id,
        name="Brick 2 x 4",
        part_number="3001",
        item_type="PART",
        color_id=5,
        condition="new",
        completeness=None,
        location="A 12",
        quantity_available=quantity,
        price=Decimal("0.25"),
        created_by="operator",
        created_at=NOW,
    )
    return replace(item, **more)


def add(ledger: Ledger, *items: Item) -> None:
    """Store new items, to be listed on both marketplaces."""
    assert ledger.create_items(items, Why("create", "operator"), MARKETPLACES)


def change(ledger: Ledger, quantity: int, item_id: str = ITEM, account: str = "own") -> None:
    """An owner says how many there are."""
    done = ledger.change_item(
        account,
        item_id,
        lambda item: replace(item, quantity_available=quantity),
        Why("update", "operator"),
        marketplaces=MARKETPLACES,
        now=NOW,
    )
    assert done is not None


def look(ledger: Ledger, key: ListingKey) -> View:
    found = ledger.view(key)
    assert found is not None
    return found


def a_write(view: View, number: str, *, delta: int | None = None) -> MarketWrite:
    """The write that brings a listing level."""
    listing = view.listing
    return MarketWrite(
        id=f"{number}-{listing.account}-{listing.item_id}-{listing.marketplace}",
        account=listing.account,
        marketplace=listing.marketplace,
        item_id=listing.item_id,
        kind=WriteKind.CHANGE if listing.lot_id else WriteKind.CREATE,
        revision=view.item.revision,
        sent_at=NOW,
        lot_id=listing.lot_id,
        seen=listing.expected,
        delta=view.owed if delta is None else delta,
    )


def begun(ledger: Ledger, key: ListingKey, number: str = "w1", **more: Any) -> MarketWrite:  # noqa: ANN401
    write = a_write(look(ledger, key), number, **more)
    assert ledger.begin_write(write)
    return write


def on_sale(ledger: Ledger, *items: Item) -> None:
    """Store new items that both marketplaces show as they are."""
    add(ledger, *items)
    for item in items:
        for market in MARKETPLACES:
            key = ListingKey(item.account, item.id, market)
            lot = LOTS[market] if item.id == ITEM else f"{market}-{item.id}"
            ledger.finish_write(begun(ledger, key, "first").id, NOW, lot_id=lot, shown={"price": "0.25"})
            assert ledger.level(key, 1, NOW)


def an_order(
    order_id: str = "100",
    *quantities: int,
    lot: str = LOTS["bricklink"],
    **more: Any,  # noqa: ANN401
) -> MarketOrder:
    """An order with a line of one lot for each quantity."""
    lines = tuple(
        OrderLine(f"{order_id}/{place}", lot, "PART/3001/5/N/-", None, quantity)
        for place, quantity in enumerate(quantities, start=1)
    )
    order = MarketOrder(order_id, "PAID", "open", NOW + SECOND, NOW + SECOND, f"{quantities}", lines)
    return replace(order, **more)


def cancelled(order: MarketOrder) -> MarketOrder:
    return replace(order, status="CANCELLED", state="cancelled", stamp="cancelled")


def books(ledger: Ledger) -> dict[str, int | None]:
    """What there is, and what the lots are believed to show."""
    views = ledger.views("own", [ITEM])
    shown = {view.listing.marketplace: view.listing.expected for view in views}
    return {"item": views[0].item.quantity_available, **shown}
