"""A whole run over catalogues of growing size, read by one bulk query; 1,000 levels changed, Standard plan.

python benchmarks/bench_catalogue.py [--times 3] [--sizes 10000 100000]
"""

from collections.abc import Mapping

import stand

VARIANTS, CHANGED = 5, 1_000


def measured(levels: int) -> Mapping[str, float]:
    """One run in a shop of its own; Prefect's home is warm."""
    with stand.standing(stand.shop(levels // VARIANTS, VARIANTS, CHANGED)) as stage:
        environment = {**stage.environment, "SHOPIFY_READ_PATH": "bulk"}
        stand.child("empty", environment)
        start = stand.child("empty", environment)
        run = stand.child("sync", environment, batch_size=250)
    stand.expect(run.result["balance"], "done", CHANGED)
    stand.expect(run.result["balance"], "checked", levels)
    return {
        "wall": run.wall,
        "waited for bulk": run.result["api"]["seconds_waited"],
        "CPU": run.cpu,
        "peak MiB": run.peak,
        "points": run.result["api"]["points"],
        "Prefect wall": start.wall,
        "Prefect CPU": start.cpu,
        "Prefect MiB": start.peak,
    }


def row(levels: int, times: int) -> Mapping[str, object]:
    found = stand.repeated(times, lambda: measured(levels))
    return {"levels": levels, **found, "CPU us / level": (found["CPU"] - found["Prefect CPU"]) / levels * 1e6}


def main() -> None:
    asked = stand.arguments(__doc__, sizes=(10_000, 100_000))
    stand.table([row(levels, asked.times) for levels in asked.sizes])


if __name__ == "__main__":
    main()
