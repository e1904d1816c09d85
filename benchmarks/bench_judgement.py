"""CPU seconds and peak memory of diff and guard against the size of the catalogue.

python benchmarks/bench_judgement.py           # 1k, 10k, 100k and 1M levels, each in a process of its own
python benchmarks/bench_judgement.py100000     # one size
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from connectors.records import Level, Product, Quantities, RmsRow, Variant
from tasks import diff, guard
from tasks.diff import Known
from tasks.guard import History, Limits
from tasks.matching import ShopIndex, truth_of

SIZES = (1_000, 10_000, 100_000, 1_000_000)
VARIANTS = 10
SEEN = datetime(2026, 1, 1, tzinfo=UTC)


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


def measure(levels: int) -> dict[str, float]:
    """Seconds of CPU for indexing, comparing and guarding; memory of the whole process in MiB."""
    shown = products(levels)
    answer = tuple(rows(shown))
    began = time.process_time()
    index = ShopIndex()
    for product in shown:
        for variant in product.variants:
            index.add(variant)
    lines = list(diff.stock(shown, Known(truth_of(answer), index)))
    judged = guard.review(lines, Limits(), {}, History())
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"levels": len(judged), "cpu_seconds": round(seconds, 2), "peak_mib": round(peak)}


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
        return
    for size in SIZES:
        subprocess.run([sys.executable, __file__, str(size)], check=True)  # noqa: S603 - ourselves


if __name__ == "__main__":
    main()
