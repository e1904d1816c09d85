"""What `bench_markets.py` has a child do: make items, change them, bring them level from nothing."""

import json
import os
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.ledger import Ledger
    from connectors.market import Marketplace
    from connectors.settings import Settings

Json = dict[str, Any]

WIDTH = 4
"""Threads that make changes."""
POLLS = 720
"""Looks at the orders of a day, one every two minutes."""
FALLS = 90
"""Items that are sold out elsewhere when no more lots can be made that day."""
DAY, SPARE = timedelta(days=1), timedelta(minutes=10)
"""Calls are counted for a day, by spans of some minutes."""
NAMES: "dict[Marketplace, str]" = {"bricklink": "BrickLink", "brickowl": "Brick Owl"}


def goods(parts: list[str]) -> Json:
    """Make items and bring them level, without the pauses that Brick Owl asks for. Not what is measured."""
    settings, ledger, ids = _stocked(parts)
    _unpaced()
    for name in NAMES:
        found = _levelled(settings, ledger, name)
        if found[f"{NAMES[name]} done"] != len(ids):
            sys.exit(f"{name}: {found}")
    return {"ids": ids}


def changes(items: list[str], rate: float, count: int, first: int, *, net: bool) -> Json:
    """Change items one after the other, each to more units than ever before, so many times a second. `net`:
    no worker is told of them; they are brought level in the end.
    """
    from connectors.settings import load_settings  # noqa: PLC0415
    from flows.marketplace_sync import apply_change  # noqa: PLC0415 - not part of what other benchmarks load
    from tasks.desk import ledger_of  # noqa: PLC0415
    from tasks.item_changes import ItemRequest, change_item  # noqa: PLC0415

    settings = load_settings()
    ledger = ledger_of(settings)
    made: list[tuple[str, int, float]] = []

    def change(number: int) -> None:
        item, quantity, at = items[number % len(items)], first + number, time.time()
        asked = ItemRequest("update", item, {"quantityAvailable": quantity})
        if net:
            change_item(settings, ledger, asked)
        else:
            apply_change(asked)
        made.append((item, quantity, at))

    # What is loaded with the first change would be part of the next ones' delay.
    change(0)
    time.sleep(2)
    began = time.perf_counter()
    with ExitStack() as stack:
        # Each item has its thread, so that its changes come in order.
        pools = [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(WIDTH)]
        for number in range(1, count + 1):
            time.sleep(max(0.0, began + number / rate - time.perf_counter()))
            pools[number % len(items) % WIDTH].submit(change, number)
    if len(made) != count + 1:
        sys.exit(f"only {len(made)} of {count + 1} changes were made")
    if net:
        with ThreadPoolExecutor(len(NAMES)) as pool:
            list(pool.map(lambda name: _levelled(settings, ledger, name), NAMES))
    return {"changes": sorted(made[1:], key=lambda each: each[1])}


def from_nothing(parts: list[str]) -> Json:
    """Bring items level that no marketplace has, as many a day as BrickLink's calls allow.

    Orders are asked for every two minutes, too. On the first day, when no more lots can be made, some of the
    items that have one are sold out elsewhere.
    """
    from connectors.settings import load_settings  # noqa: PLC0415 - as above

    settings, ledger, ids = _stocked(parts)
    _unpaced()
    days: list[Json] = []
    while not days or ledger.behind(settings.now() + 2 * DAY, limit=1):
        _next(DAY + SPARE if days else timedelta())
        settings = load_settings()
        ledger.spend("default", "bricklink", "orders", settings.now(), calls=POLLS)
        row = {"day": len(days) + 1, **_levelled(settings, ledger, "bricklink"), "falls": 0}
        if not days and row["BrickLink done"] < len(ids):
            falls = _fallen(settings, ledger)
            row |= {"falls": falls["BrickLink done"]}
            row["BrickLink calls"] += falls["BrickLink calls"]
        days.append(row | _levelled(settings, ledger, "brickowl"))
    return {"days": days}


def _fallen(settings: "Settings", ledger: "Ledger") -> Json:
    """Some items are sold out elsewhere, and what can be sent of that today."""
    from tasks.item_changes import ItemRequest, change_item  # noqa: PLC0415 - as above

    views = ledger.views("default")
    shown = [
        each.item.id for each in views if each.listing.marketplace == "bricklink" and each.listing.lot_id
    ]
    for item in shown[:FALLS]:
        change_item(settings, ledger, ItemRequest("update", item, {"quantityAvailable": 0}))
    return _levelled(settings, ledger, "bricklink")


def _next(later: timedelta) -> None:
    """The stand-ins' time is so much later, and ours the same."""
    base = os.environ["BRICKLINK_BASE_URL"].split("/bricklink/")[0]
    body = json.dumps({"advance_seconds": later.total_seconds()}).encode()
    asked = urllib.request.Request(f"{base}/_sandbox/clock", body, method="PUT")  # noqa: S310 - loopback
    urllib.request.urlopen(asked).close()  # noqa: S310
    with urllib.request.urlopen(f"{base}/_sandbox/clock") as answer:  # noqa: S310
        os.environ["EVENSTOCK_NOW"] = json.load(answer)["now"]


def _stocked(parts: list[str]) -> "tuple[Settings, Ledger, list[str]]":
    """New items, one of each part."""
    from connectors.settings import load_settings  # noqa: PLC0415 - as above
    from tasks.desk import ledger_of  # noqa: PLC0415
    from tasks.item_changes import ItemRequest, change_item  # noqa: PLC0415

    settings = load_settings()
    ledger = ledger_of(settings)
    ids = []
    for number, part in enumerate(parts):
        data: Json = {"partNumber": part, "colorId": 5, "condition": "new", "price": "0.10"}
        asked = ItemRequest("create", data={**data, "quantityAvailable": 1 + number % 50})
        ids.append(str(change_item(settings, ledger, asked)["item_id"]))
    return settings, ledger, ids


def _levelled(settings: "Settings", ledger: "Ledger", marketplace: "Marketplace") -> Json:
    """What the net brings level now, and the calls that takes."""
    from tasks.market_round import Place, level  # noqa: PLC0415 - as above

    done = calls = 0
    while True:
        part = level(settings, ledger, Place("default", marketplace), None, compares=False)
        got = sum(each.how == "done" for each in part.ended)
        done, calls = done + got, calls + int(str(part.usage["calls"]))
        if not got:
            return {f"{NAMES[marketplace]} done": done, f"{NAMES[marketplace]} calls": calls}


def _unpaced() -> None:
    """Leave out Brick Owl's pauses: its calls are counted, and what they would take is known."""
    from connectors import brickowl  # noqa: PLC0415 - as above
    from connectors.http import Unpaced  # noqa: PLC0415

    brickowl.shared_pacer = lambda *_: Unpaced()  # type: ignore[assignment]
