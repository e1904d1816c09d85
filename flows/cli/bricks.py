"""The demo shop's goods on the marketplaces: one is listed, changed and sold, and every store follows."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from connectors.errors import EvenstockError
from connectors.ledger.market_records import ListingStatus
from connectors.market import MARKETPLACES
from connectors.settings import Settings
from flows.cli.stand_ins import happen, world
from tasks.desk import ledger_of
from tasks.item_changes import ItemRequest

if TYPE_CHECKING:
    from connectors.records import JsonObject

GOODS: "JsonObject" = {
    "name": "Brick 2 x 4, red",
    "partNumber": "3001",
    "colorId": 5,
    "condition": "new",
    "price": "0.12",
    "location": "A1",
    "quantityAvailable": 120,
}
"""What both stores of the demo's world have already: its lots are taken over, none is made."""

CHANGED, BOUGHT = 100, 3
PATIENCE = 30.0
"""Seconds that a change may take to arrive, a worker's start included."""

QUANTITY = {"bricklink": "quantity", "brickowl": "qty"}
LOT = {"bricklink": "inventory_id", "brickowl": "lot_id"}
NAMES = {"bricklink": "BrickLink", "brickowl": "Brick Owl"}


@dataclass(frozen=True, slots=True)
class Goods:
    """An item of the demo, and its lots by marketplace."""

    item_id: str
    lots: dict[str, str]


def stock() -> str:
    """An own item for what both stores sell already; its id. A worker is told."""
    return _change(ItemRequest("create", data=GOODS, reason="the demo"))


def change_arrives(console: Console, settings: Settings) -> Iterator[str]:
    """Change an item and wait until both stores show it; yields what went otherwise. Needs a worker."""
    goods = _arrived(settings, stock())
    before = shown(settings, goods)
    began = time.perf_counter()
    data: JsonObject = {"quantityAvailable": CHANGED}
    _arrived(settings, _change(ItemRequest("update", goods.item_id, data, "counted anew")))
    took = time.perf_counter() - began
    console.print(f"{GOODS['name']}: counted anew, it is {CHANGED} instead of {GOODS['quantityAvailable']}.")
    console.print(f"Shown before  {_told(before)}")
    console.print(f"Shown now     {_told(shown(settings, goods))}, [bold]{took:.2f} seconds[/] later")
    yield from _off(settings, goods, CHANGED)


def somebody_buys(console: Console, settings: Settings) -> None:
    """A sale on Brick Owl, which nobody tells us of."""
    goods = _goods(settings)
    happen(settings, system="brickowl", kind="sale", lot=int(goods.lots["brickowl"]), quantity=BOUGHT)
    console.print(f"{BOUGHT} of them are bought on Brick Owl.")
    console.print(f"Shown before  {_told(shown(settings, goods))}")


def sale_is_known(console: Console, settings: Settings) -> Iterator[str]:
    """What both stores show once the net has booked the sale; yields what went otherwise."""
    goods = _goods(settings)
    console.print(f"Shown now     {_told(shown(settings, goods))}")
    yield from _off(settings, goods, CHANGED - BOUGHT)


def shown(settings: Settings, goods: Goods) -> dict[str, int]:
    """How many units each store shows to buyers, as it says itself."""
    stores = world(settings)
    return {
        name: next(
            int(each[QUANTITY[name]])
            for each in stores[name]["default"]["lots"]
            if str(each[LOT[name]]) == lot
        )
        for name, lot in goods.lots.items()
    }


def _off(settings: Settings, goods: Goods, wanted: int) -> Iterator[str]:
    for name, units in shown(settings, goods).items():
        if units != wanted:
            yield f"{NAMES[name]} shows {units} units instead of {wanted}"


def _told(quantities: dict[str, int]) -> str:
    return " · ".join(f"{NAMES[name]} {units}" for name, units in quantities.items())


def _change(request: ItemRequest) -> str:
    from flows.marketplace_sync import apply_change  # noqa: PLC0415 - Prefect is imported after settings are made

    return str(apply_change(request)["item_id"])


def _arrived(settings: Settings, item_id: str) -> Goods:
    """Wait until both stores have what the item is now. Raises EvenstockError if they do not get it."""
    ledger = ledger_of(settings)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        views = ledger.views("default", [item_id])
        if all(view.listing.status is ListingStatus.SYNCED for view in views):
            return _goods(settings)
        time.sleep(0.01)
    told = ", ".join(f"{view.listing.marketplace} {view.listing.status}" for view in views)
    raise EvenstockError(f"item {item_id} did not reach the marketplaces in {PATIENCE:.0f} seconds: {told}")


def _goods(settings: Settings) -> Goods:
    views = ledger_of(settings).views("default")
    lots = {view.listing.marketplace: str(view.listing.lot_id) for view in views}
    return Goods(views[0].item.id, {name: lots[name] for name in MARKETPLACES})
