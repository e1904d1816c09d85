"""CPU seconds and peak memory of indexing, diff and guard against the size of the catalogue.

python benchmarks/bench_judgement.py [--times 3] [--sizes 10000 100000 1000000]
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import stand

from connectors.records import Level, Product, Quantities, RmsRow, Variant
from tasks import diff, guard
from tasks.diff import Known
from tasks.guard import History, Limits
from tasks.matching import ShopIndex, truth_of

SIZES = (10_000, 100_000, 1_000_000)
VARIANTS = 10
SEEN = datetime(2026, 1, 1, tzinfo=UTC)
ALONE = "--alone"


class Figures(NamedTuple):
    """What one run took, and how many levels it was to write."""

    cpu_seconds: float
    peak_mib: float
    open_lines: int


def variants(product: int) -> Iterator[Variant]:
    for position in range(1, VARIANTS + 1):
        number = product * VARIANTS + position
        quantities = Quantities(number % 50, 0, number % 50)
        sku = f"ART-{product:06d}-{position}"
        yield Variant(number, product, number, sku, position, True, 0, Level(True, quantities))


def products(levels: int) -> list[Product]:
    return [
        Product(number, "Shoe", "ACTIVE", ("shoes",), f"C{number}", tuple(variants(number)), SEEN)
        for number in range(levels // VARIANTS)
    ]


def rows(shown: list[Product]) -> Iterator[RmsRow]:
    """RMS agrees on four levels of five."""
    for product in shown:
        for variant in product.variants:
            quantity = Decimal(variant.id % 50 + (variant.id % 5 == 0))
            yield RmsRow(product.ccod or "", (variant.sku or "").lower(), variant.id, quantity, False, None)


def measure(levels: int) -> Figures:
    """Index, compare and guard one catalogue, whose making counts in memory but not in time."""
    shown = products(levels)
    answer = tuple(rows(shown))
    began = time.process_time()
    index = ShopIndex()
    for product in shown:
        for variant in product.variants:
            index.add(variant)
    lines = diff.stock(shown, Known(truth_of(answer), index))
    judged = guard.review(lines, Limits(), {}, History())
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Figures(seconds, peak, sum(1 for line in judged if line.is_open))


def measured(levels: int) -> Mapping[str, float]:
    """One run in a process of its own, so that no other's memory counts."""
    command = [sys.executable, __file__, ALONE, str(levels)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ourselves
    return Figures(*json.loads(done.stdout))._asdict()


def row(levels: int, times: int) -> Mapping[str, object]:
    found = stand.repeated(times, lambda: measured(levels))
    return {
        "levels": levels,
        "to write": int(found["open_lines"]),
        "CPU seconds": found["cpu_seconds"],
        "peak MiB": found["peak_mib"],
        "us a level": found["cpu_seconds"] / levels * 1e6,
        "bytes a level": found["peak_mib"] / levels * 2**20,
    }


def main() -> None:
    if sys.argv[1:2] == [ALONE]:
        print(json.dumps(measure(int(sys.argv[2]))))
        return
    asked = stand.arguments(__doc__, sizes=SIZES)
    stand.table([row(levels, asked.times) for levels in asked.sizes])


if __name__ == "__main__":
    main()
