"""CPU seconds and peak memory of indexing, diff and guard against the size of the catalogue.

python benchmarks/bench_judgement.py                            # 10k, 100k and 1M levels, medians of 5 runs
python benchmarks/bench_judgement.py --sizes 100000 --runs 3
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from statistics import median
from typing import NamedTuple

from connectors.records import Level, Product, Quantities, RmsRow, Variant
from tasks import diff, guard
from tasks.diff import Known
from tasks.guard import History, Limits
from tasks.matching import ShopIndex, truth_of

SIZES = (10_000, 100_000, 1_000_000)
RUNS = 5
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


def alone(levels: int) -> Figures:
    """One run in a process of its own, so that no other's memory counts."""
    command = [sys.executable, __file__, ALONE, str(levels)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ourselves
    return Figures(*json.loads(done.stdout))


HEAD = ("levels", "to write", "CPU seconds", "fastest", "slowest", "peak MiB", "µs a level", "bytes a level")


def report(sizes: Sequence[int], runs: int) -> None:
    """A row of medians a size."""
    print(f"medians of {runs} runs, each in a process of its own\n")
    print(f"| {' | '.join(HEAD)} |\n|{'---:|' * len(HEAD)}")
    for size in sizes:
        print(f"| {' | '.join(row(size, [alone(size) for _ in range(runs)]))} |", flush=True)


def row(size: int, found: Sequence[Figures]) -> list[str]:
    seconds = [each.cpu_seconds for each in found]
    peak = median(each.peak_mib for each in found)
    times = [f"{figure:.3g}" for figure in (median(seconds), min(seconds), max(seconds))]
    each = [f"{median(seconds) / size * 1e6:.1f}", f"{peak / size * 2**20:,.0f}"]
    return [f"{size:,}", f"{found[0].open_lines:,}", *times, f"{peak:,.0f}", *each]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="levels; default: %(default)s")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs a size; default: %(default)s")
    parser.add_argument(ALONE, type=int, metavar="LEVELS", help="one run in this process, as JSON")
    asked = parser.parse_args()
    if asked.alone:
        print(json.dumps(measure(asked.alone)))
    else:
        report(asked.sizes, asked.runs)


if __name__ == "__main__":
    main()
