"""A whole run over 1,000 levels, Prefect included, with 200 and with all of them changed; Standard plan.

python benchmarks/bench_changes.py [--times 3] [--changed 200 1000]
"""

from collections.abc import Mapping

import stand

PRODUCTS, VARIANTS = 200, 5
BEST_KNOWN = 362
"""Changes a minute of the quickest open-source connector of a shop and a stock system that we know of."""


def measured(changed: int) -> Mapping[str, float]:
    """One run in a shop of its own; Prefect's home is warm."""
    with stand.standing(stand.shop(PRODUCTS, VARIANTS, changed)) as stage:
        stand.child("empty", stage.environment)
        start = stand.child("empty", stage.environment)
        run = stand.child("sync", stage.environment)
    stand.expect(run.result["balance"], "done", changed)
    return {"wall": run.wall, "Prefect": start.wall, "CPU": run.cpu, "points": run.result["api"]["points"]}


def row(changed: int, times: int) -> Mapping[str, object]:
    found = stand.repeated(times, lambda: measured(changed))
    return {
        "changed": changed,
        **found,
        "changes / minute": changed / found["wall"] * 60,
        "the best known needs": changed / BEST_KNOWN * 60,
    }


def main() -> None:
    asked = stand.arguments(__doc__, changed=(200, 1_000))
    stand.table([row(changed, asked.times) for changed in asked.changed])


if __name__ == "__main__":
    main()
