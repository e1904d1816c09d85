"""The write stage alone: lease, read again, write with a compare, read back, settle; Standard plan.

python benchmarks/bench_writes.py [--times 3] [--sizes 1000 100000]
"""

from collections.abc import Mapping

import stand

VARIANTS = 5
BATCH_POINTS = 3 + 10 + 3
BATCH_ROWS = 250
BUCKET, RATE = 2_000, 100
WIDTH = 10


def measured(levels: int) -> Mapping[str, float]:
    """All levels of a shop change. How they were found is not measured, so the shop reads quickly."""
    world = stand.shop(levels // VARIANTS, VARIANTS, levels, bulk_objects_per_second=100_000)
    with stand.standing(world) as stage:
        run = stand.child("write", {**stage.environment, "SHOPIFY_READ_PATH": "bulk"}, width=WIDTH)
    stand.expect(run.result, "written", levels)
    return {"seconds": run.result["seconds"], "CPU": run.result["cpu"], "peak MiB": run.peak}


def row(levels: int, times: int) -> Mapping[str, object]:
    found = stand.repeated(times, lambda: measured(levels))
    points = levels / BATCH_ROWS * BATCH_POINTS
    waits = max(0.0, (points - BUCKET) / RATE)
    sustained = found["seconds"] + min(points, BUCKET) / RATE
    return {
        "levels": levels,
        **found,
        "seconds by points": waits,
        "levels / minute": levels / found["seconds"] * 60,
        "without the full bucket": levels / sustained * 60,
        "share of the limit": points / RATE / sustained,
    }


def main() -> None:
    asked = stand.arguments(__doc__, sizes=(1_000, 100_000))
    stand.table([row(levels, asked.times) for levels in asked.sizes])


if __name__ == "__main__":
    main()
