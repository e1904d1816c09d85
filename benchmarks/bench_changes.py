"""A whole run over 1,000 levels, Prefect included, with 200 and with all of them changed; Standard plan.

A run by hand brings a Prefect server (*own*); those of a schedule have one that is *up*.

python benchmarks/bench_changes.py [--times 3] [--changed 200 1000] [--servers own up]
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import stand

PRODUCTS, VARIANTS = 200, 5
BEST_KNOWN = 362
"""Changes a minute of the quickest open-source connector of a shop and a stock system that we know of."""


@contextmanager
def standing(changed: int, server: str) -> Iterator[Mapping[str, str]]:
    """The environment of a run in a shop of its own."""
    with stand.standing(stand.shop(PRODUCTS, VARIANTS, changed)) as stage:
        if server == "own":
            yield stage.environment
        else:
            with stand.served(stage.environment) as environment:
                yield environment


def measured(changed: int, server: str) -> Mapping[str, float]:
    """One run; Prefect's home is warm."""
    with standing(changed, server) as environment:
        stand.child("empty", environment)
        start = stand.child("empty", environment)
        run = stand.child("sync", environment)
    stand.expect(run.result["balance"], "done", changed)
    return {"wall": run.wall, "Prefect": start.wall, "CPU": run.cpu, "points": run.result["api"]["points"]}


def row(changed: int, server: str, times: int) -> Mapping[str, object]:
    found = stand.repeated(times, lambda: measured(changed, server))
    return {
        "changed": changed,
        "server": server,
        **found,
        "changes / minute": changed / found["wall"] * 60,
        "the best known needs": changed / BEST_KNOWN * 60,
    }


def main() -> None:
    asked = stand.arguments(__doc__, changed=(200, 1_000), servers=("own", "up"))
    stand.table([row(changed, server, asked.times) for changed in asked.changed for server in asked.servers])


if __name__ == "__main__":
    main()
