"""What the benchmarks of whole runs stand on: a sandbox of its own, a measured child, medians."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from flows.cli.children import PrefectServer, family

Json = dict[str, Any]

HERE = Path(__file__).parent
LATENCY_MS = 120
"""How long the stand-in takes for an answer: about what the real one does over a good line."""

NOW = "2026-11-21T10:00:00Z"
OLDER = "RMS-SYNC-26-11-20"

KEY = "ZXZlbnN0b2NrLWJlbmNobWFyay1rZXktMzItYnl0ZXM="
"""Seals the tokens of made-up partners."""

FREE_HAND = {"MAX_FALL_SHARE": "1", "MAX_RISE_FACTOR": "1000"}
"""No mass-change limit: a benchmark changes more at once than a shop does."""


@dataclass(frozen=True)
class Stand:
    """A sandbox that is running, and the environment that points Evenstock at it."""

    url: str
    environment: Mapping[str, str]

    def journal(self) -> list[Json]:
        """The calls that the sandbox has seen, oldest first."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/calls") as answer:  # noqa: S310 - loopback
            return list(json.load(answer))


@dataclass(frozen=True)
class Figures:
    """One child's figures: wall and CPU in seconds, peak memory in MiB, and what it returned."""

    wall: float
    cpu: float
    peak: float
    result: Json


def shop(products: int, variants: int, changed: int, **settings: object) -> Json:
    """A world of which `changed` levels differ from RMS by one unit: the first variant of each product first.

    Every product carries yesterday's mark. `settings` are the shop's own, as in a world file.
    """
    shown = [_product(number, variants) for number in range(1, products + 1)]
    columns = ([each["variants"][place] for each in shown] for place in range(variants))
    differing = {variant["sku"] for variant in islice(chain.from_iterable(columns), changed)}
    items = [_row(each, variant, differing) for each in shown for variant in each["variants"]]
    own = {"locations": [{"id": 1, "name": "Main"}], "products": shown, "search_lag_seconds": 0} | settings
    return {"shopify": {"own.example": own}, "rms": {"items": items}}


def _product(number: int, variants: int) -> Json:
    ccod = f"G{number:07d}"
    return {
        "id": number,
        "title": f"Product {number}",
        "handle": f"product-{number}",
        "tags": [OLDER, "shoes"],
        "metafields": {"rms.ccod": ccod},
        "variants": [_variant(number, variants, place, ccod) for place in range(1, variants + 1)],
    }


def _variant(product: int, variants: int, place: int, ccod: str) -> Json:
    number = (product - 1) * variants + place
    return {
        "id": 10_000_000 + number,
        "inventory_item_id": 50_000_000 + number,
        "sku": f"{ccod}-{place}",
        "price": "59.90",
        "position": place,
        "levels": {"1": {"available": 5 + number % 7}},
    }


def _row(product: Json, variant: Json, differing: AbstractSet[str]) -> Json:
    return {
        "ccod": product["metafields"]["rms.ccod"],
        "sku": variant["sku"],
        "quantity": variant["levels"]["1"]["available"] + (variant["sku"] in differing),
        "last_updated": "2026-11-20T09:00:00",
    }


@contextmanager
def standing(world: Json, *, plan: str = "standard", latency_ms: float = LATENCY_MS) -> Iterator[Stand]:
    """Serve a world in a process of its own, with a new ledger and a new Prefect home beside it."""
    with tempfile.TemporaryDirectory(prefix="evenstock-bench-") as folder:
        file = Path(folder) / "world.json"
        file.write_text(json.dumps(world), encoding="utf-8")
        command = [sys.executable, "-m", "sandbox", "--port", "0", "--world", str(file), "--plan", plan]
        with subprocess.Popen(  # noqa: S603 - ourselves
            [*command, "--latency-ms", str(latency_ms)], stdout=subprocess.PIPE, text=True, cwd=HERE.parent
        ) as process:
            try:
                yield _stand(process, folder)
            finally:
                process.terminate()


@contextmanager
def served(environment: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """The environment with a Prefect server that is up, as the runs of a schedule have one."""
    with family() as children:
        server = PrefectServer(children, children.folder / "prefect")
        server.wait()
        yield {**environment, "PREFECT_API_URL": server.api}


def _stand(process: "subprocess.Popen[str]", folder: str) -> Stand:
    settings: dict[str, str] = {}
    for line in process.stdout or ():
        if line.strip() == "ready":
            break
        name, _, value = line.strip().partition("=")
        settings[name] = value
    url = settings["SHOPIFY_STORE_DOMAIN"].split("/shopify/")[0]
    own = {
        "EVENSTOCK_DATABASE_URL": f"sqlite:///{folder}/ledger.db",
        "EVENSTOCK_NOW": NOW,
        "PREFECT_HOME": f"{folder}/prefect",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    return Stand(url, settings | own | FREE_HAND)


def child(task: str, environment: Mapping[str, str], **parameters: object) -> Figures:
    """Run a task of `child.py` in a process of its own, from the start of Python to its end."""
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, str(HERE / "child.py"), task, json.dumps(parameters)],
        env={**os.environ, **environment, "PYTHONPATH": str(HERE.parent)},
        stdout=subprocess.PIPE,
        check=True,
        cwd=HERE.parent,
    )
    wall = time.perf_counter() - began
    said = json.loads(done.stdout.splitlines()[-1])
    return Figures(wall, said["cpu"], said["peak"], said["result"])


def expect(found: Json, name: str, number: int) -> None:
    """End the benchmark if a run did not do what it was to be measured at."""
    if found[name] != number:
        sys.exit(f"{name} is {found[name]} instead of {number}: {json.dumps(found)}")


def arguments(about: str | None, *, times: int = 3, **choices: Sequence[int | str]) -> argparse.Namespace:
    """What a benchmark may be asked for: how many times, and which of its sizes or paths."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=about, formatter_class=raw)
    parser.add_argument("--times", type=int, default=times, help=f"runs of each; medians are shown ({times})")
    for name, values in choices.items():
        parser.add_argument(f"--{name}", type=type(values[0]), nargs="+", default=list(values))
    return parser.parse_args()


def repeated(times: int, measure: Callable[[], Mapping[str, float]]) -> dict[str, float]:
    """The medians of several measurements."""
    found = [measure() for _ in range(times)]
    return {name: statistics.median(one[name] for one in found) for name in found[0]}


def table(rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows as a Markdown table."""
    names = list(rows[0])
    print("| " + " | ".join(names) + " |")
    print("|" + "---:|" * len(names))
    for row in rows:
        print("| " + " | ".join(_shown(row[name]) for name in names) + " |")


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
