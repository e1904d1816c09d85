"""Changes of own items on their way to both marketplaces, through a Prefect server and a task worker.

A change has arrived when the lot has its quantity, or that of a later change of the item; an answer takes
120 ms. Without Prefect: *net*, where no worker is told and the net brings all level in the end; *nothing*,
where items are brought level from nothing, with BrickLink's calls of a day.

python benchmarks/bench_markets.py [--paths 1 5 20 burst net nothing] [--workers 1] [--items 10000]
"""

import argparse
import json
import os
import statistics
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import stand

from flows.cli.children import Family, PrefectServer, family
from sandbox.app import Sandbox
from sandbox.http import Request, Response
from sandbox.server import serving

QUANTITY = {"bricklink": "quantity", "brickowl": "qty"}
"""The marketplaces, and what they call a lot's quantity."""
LOT = {"bricklink": "inventory_id", "brickowl": "lot_id"}
MARK = {"bricklink": "remarks", "brickowl": "external_id"}
UNLIMITED, OWL_CALLS = 1_000_000, 600
"""Calls a minute: for what is not measured, and what Brick Owl takes."""

ITEMS = 100
SECONDS = 30.0
PATIENCE = 120.0
"""Seconds that the last change may take to arrive."""
KEYS = ("consumer-key", "consumer-secret", "token", "token-secret")


class Trade(NamedTuple):
    """Changes a second, for how many seconds, of how many items. `net`: no worker is told, and the net runs
    after the last one.
    """

    rate: float
    seconds: float
    items: int
    net: bool = False


TRADES = {
    "1": Trade(1, SECONDS, ITEMS),
    "5": Trade(5, SECONDS, ITEMS),
    "20": Trade(20, SECONDS, ITEMS),
    "burst": Trade(20, 10.0, 3),
    "net": Trade(20, 15.0, ITEMS, net=True),
}
NOTHING = "nothing"


class Arrival(NamedTuple):
    """A lot's quantity became another one."""

    at: float
    marketplace: str
    lot: str
    quantity: int


class Clocked(Sandbox):
    """Stand-ins that know when a lot became what it is."""

    def __init__(self, world: Mapping[str, Any], latency_ms: float) -> None:
        super().__init__(world, latency_ms=latency_ms)
        self.arrivals: list[Arrival] = []
        self._counted = 0
        self._turn = threading.Lock()

    def answer(self, request: Request) -> Response:
        """The answer to a request; what it wrote is noted with the time, which is half a latency late."""
        try:
            return super().answer(request)
        finally:
            if request.method != "GET" and not request.path.startswith("/_sandbox"):
                self._note(time.time())

    def _note(self, now: float) -> None:
        with self._turn:
            writes: list[dict[str, Any]] = self.writes()
            for write in writes[self._counted :]:
                if write["what"] == "lot" and write["name"] in QUANTITY.values():
                    self.arrivals.append(Arrival(now, write["system"], str(write["id"]), write["after"]))
            self._counted = len(writes)

    def lots(self) -> dict[tuple[str, str], tuple[str, int]]:
        """The item and the quantity of each lot."""
        world = self.world()
        return {
            (name, str(lot[LOT[name]])): (str(lot[MARK[name]]).rpartition("ev:")[2], lot[QUANTITY[name]])
            for name in QUANTITY
            for lot in world[name]["default"]["lots"]
        }

    def limit(self, calls_a_minute: int) -> None:
        """Let Brick Owl take so many calls. The journal begins anew."""
        world = self.world()
        world["brickowl"]["default"]["calls_per_minute"] = calls_a_minute
        self.put_world(world)
        self.forget()

    def forget(self) -> None:
        """Begin a new journal."""
        self.clear_calls()
        del self.arrivals[:]
        self._counted = len(self.writes())


@dataclass(frozen=True)
class Market:
    """Both stand-ins, and the environment that points a child at them."""

    sandbox: Clocked
    environment: Mapping[str, str]


def stores(parts: int) -> stand.Json:
    """Two empty stores, and a catalogue."""
    boids = [
        {"boid": str(100_000 + part), "type": "Part", "bl_item_no": number(part)} for part in range(parts)
    ]
    owl = {"key": "default-key", "boids": boids, "calls_per_minute": UNLIMITED}
    return {"bricklink": {"default": {"at_once": 5}}, "brickowl": {"default": owl}}


def number(part: int) -> str:
    """BrickLink's number of a made-up part."""
    return str(30_000 + part)


@contextmanager
def market(folder: Path, parts: int, latency_ms: float) -> Iterator[Market]:
    """Both stand-ins on a port, and a new ledger."""
    with Clocked(stores(parts), latency_ms) as sandbox, serving(sandbox) as url:
        own = {
            "EVENSTOCK_DATABASE_URL": f"sqlite:///{folder}/ledger.db",
            "EVENSTOCK_ENV_FILE": "/dev/null",
            "PREFECT_HOME": f"{folder}/prefect",
            "PREFECT_PROFILES_PATH": f"{folder}/prefect/profiles.toml",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        yield Market(sandbox, sandbox.settings(url) | own)


# --------------------------------------------------------------------- changes


def at_once(names: Sequence[str], workers: int) -> Iterator[Mapping[str, object]]:
    """A row for each trade, all through one server and its workers."""
    with family() as children, market(children.folder, ITEMS, stand.LATENCY_MS) as stage:
        server = PrefectServer(children, children.folder / "prefect")
        items = stand.child("goods", stage.environment, parts=[number(part) for part in range(ITEMS)]).result
        server.wait()
        environment = {**stage.environment, "PREFECT_API_URL": server.api}
        work(children, environment, workers)
        # The worker is there when its first change arrives.
        trade(stage, environment, items["ids"], Trade(2, 2, 4), 1_000)
        stage.sandbox.limit(OWL_CALLS)
        for place, name in enumerate(names, 2):
            row = trade(stage, environment, items["ids"], TRADES[name], 1_000 * place)
            print(json.dumps({"path": name, **row}), file=sys.stderr)
            yield {"path": name, **row}


def work(children: Family, environment: Mapping[str, str], workers: int) -> None:
    """Start workers of background tasks."""
    for _ in range(workers):
        children.start("a worker", ["flows", "worker"], {**os.environ, **environment})


def trade(
    stage: Market, environment: Mapping[str, str], items: Sequence[str], asked: Trade, first: int
) -> Mapping[str, float]:
    """Change items at a rate, from `first` units upwards, and wait until all have arrived."""
    stage.sandbox.forget()
    some = list(items[: asked.items])
    count = int(asked.rate * asked.seconds)
    task = {"items": some, "rate": asked.rate, "count": count, "first": first, "net": asked.net}
    done = stand.child("changes", environment, **task)
    changes = [(str(item), int(quantity), float(at)) for item, quantity, at in done.result["changes"]]
    wait(stage.sandbox, {item: quantity for item, quantity, _ in changes})
    # What a lot has become is noted when its call is answered.
    time.sleep(1)
    return figures(stage.sandbox, changes)


def wait(sandbox: Clocked, last: Mapping[str, int]) -> None:
    """Until every lot shows its item's last change. Ends the benchmark if one never does."""
    deadline = time.monotonic() + PATIENCE
    while left := [lot for lot, (item, units) in sandbox.lots().items() if last.get(item, units) != units]:
        if time.monotonic() > deadline:
            sys.exit(f"{len(left)} lots were not brought level, such as {left[:3]}")
        time.sleep(0.25)


def figures(sandbox: Clocked, changes: Sequence[tuple[str, int, float]]) -> Mapping[str, float]:
    """How long each change took to be seen, how many calls all took, and how long the last took after it."""
    item_of = {lot: item for lot, (item, _) in sandbox.lots().items()}
    seen: dict[tuple[str, str], list[Arrival]] = defaultdict(list)
    for arrival in sandbox.arrivals:
        seen[arrival.marketplace, item_of[arrival.marketplace, arrival.lot]].append(arrival)
    delays: dict[str, list[float]] = {name: [] for name in (*QUANTITY, "both")}
    for item, quantity, at in changes:
        # Every change of an item is to a higher quantity.
        one = {
            name: next(each.at for each in seen[name, item] if each.quantity >= quantity) - at
            for name in QUANTITY
        }
        for name, delay in (one | {"both": max(one.values())}).items():
            delays[name].append(delay)
    calls = Counter(each["system"] for each in sandbox.calls())
    span = changes[-1][2] - changes[0][2]
    spread = {
        f"{name} {part}": value
        for name in ("both", *QUANTITY)
        for part, value in percentiles(delays[name]).items()
    }
    return {
        "changes": len(changes),
        "a second": len(changes) / span,
        **spread,
        "pushes BrickLink": sum(1 for each in sandbox.arrivals if each.marketplace == "bricklink"),
        "pushes Brick Owl": sum(1 for each in sandbox.arrivals if each.marketplace == "brickowl"),
        "calls BrickLink": calls["bricklink"],
        "calls Brick Owl": calls["brickowl"],
        "drained s": max(each.at for each in sandbox.arrivals) - changes[-1][2],
    }


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """The median, and what 5 and 1 of 100 exceed."""
    cut = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": cut[49], "p95": cut[94], "p99": cut[98]}


# ---------------------------------------------------------------- from nothing


def from_nothing(items: int) -> Iterator[Mapping[str, object]]:
    """A row for each day that it takes to bring so many items level."""
    with family() as children, market(children.folder, items, 0) as stage:
        parts = [number(part) for part in range(items)]
        found = stand.child("from_nothing", stage.environment, parts=parts)
        shown = Counter(name for name, _ in stage.sandbox.lots())
        if set(shown.values()) != {items}:
            sys.exit(f"lots were not made: {shown}")
        yield from found.result["days"]


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--paths", nargs="+", choices=[*TRADES, NOTHING], default=[*TRADES, NOTHING])
    parser.add_argument("--workers", type=int, default=1, help="workers of background tasks (1)")
    parser.add_argument("--items", type=int, default=10_000, help="items that are brought level from nothing")
    asked = parser.parse_args()
    if trades := [name for name in asked.paths if name in TRADES]:
        stand.table(list(at_once(trades, asked.workers)))
    if NOTHING in asked.paths:
        stand.table(list(from_nothing(asked.items)))


if __name__ == "__main__":
    main()
