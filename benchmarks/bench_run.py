"""A whole run over 1,000 products of 5 variants, 1,000 levels changed, all products marked; Standard plan.

With a Prefect server that is up, as the runs of a schedule have one.

python benchmarks/bench_run.py [--times 3] [--paths pages bulk]
"""

from collections.abc import Mapping

import stand

PRODUCTS, VARIANTS, CHANGED = 1_000, 5, 1_000
BULK_RATE = 2_000
"""Objects or lines a second of the stand-in's bulk operations."""

START = 18
WRITE = 2 * 4 * 3 + 4 * 10
MARK = 2 * 22
MINIMUM = {"pages": START + 932 + WRITE + MARK, "bulk": START + 11 + WRITE + MARK}
"""Points, by the prices of the API for full pages: the store, discovery, re-reading, writing and receipt in
four batches, and two bulk mutations for the marks."""

BEGINNING = 2
"""Calls that wait for each other: the store, its locations."""
WRITING = 3
"""Re-reading, writing, receipt; the four batches go side by side."""
BULK_MUTATION = 5
"""Stage, upload, start, one poll, result."""
CHAIN = {
    "pages": BEGINNING + 4 + WRITING + 2 * BULK_MUTATION,
    "bulk": BEGINNING + 3 + WRITING + 2 * BULK_MUTATION,
}

OPERATIONS = {
    "pages": 2 * PRODUCTS / BULK_RATE,
    "bulk": (PRODUCTS * (1 + VARIANTS) + 2 * PRODUCTS) / BULK_RATE,
}
"""Seconds that the stand-in's bulk operations take."""


def ceiling(path: str) -> float:
    """The shortest time in which anybody could do it, in seconds. No path has to wait for points."""
    return CHAIN[path] * stand.LATENCY_MS / 1000 + OPERATIONS[path]


def measured(path: str) -> Mapping[str, float]:
    """One run in a shop of its own; Prefect's home is warm, as on any day but the first."""
    with (
        stand.standing(stand.shop(PRODUCTS, VARIANTS, CHANGED)) as stage,
        stand.served({**stage.environment, "SHOPIFY_READ_PATH": path}) as environment,
    ):
        stand.child("empty", environment)
        start = stand.child("empty", environment)
        run = stand.child("sync", environment, batch_size=250)
    stand.expect(run.result["balance"], "done", CHANGED)
    stand.expect(run.result["statistics"], "products_marked", PRODUCTS)
    api = run.result["api"]
    return {
        "calls": api["calls"],
        "points": api["points"],
        "throttled": api["throttled"],
        "wall": run.wall,
        "Prefect": start.wall,
        "CPU": run.cpu,
        "Prefect CPU": start.cpu,
        "peak MiB": run.peak,
    }


def row(path: str, times: int) -> Mapping[str, object]:
    found = stand.repeated(times, lambda: measured(path))
    own = found["wall"] - found["Prefect"]
    return {
        "path": path,
        **found,
        "minimum": MINIMUM[path],
        "points / minimum": found["points"] / MINIMUM[path],
        "wall - Prefect": own,
        "ceiling": ceiling(path),
        "share": own / ceiling(path),
    }


def main() -> None:
    asked = stand.arguments(__doc__, paths=tuple(MINIMUM))
    stand.table([row(path, asked.times) for path in asked.paths])


if __name__ == "__main__":
    main()
