"""What a benchmark measures in a process of its own: `child.py TASK JSON` prints figures as one JSON line."""

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from prefect import flow

Json = dict[str, Any]


@flow(name="empty")
def nothing() -> None:
    """What Prefect takes for itself: its imports, its server's start, a flow run without a step."""


def empty() -> Json:
    nothing()
    return {}


def sync(**parameters: object) -> Json:
    """A whole run of the reverse stock sync, with a Prefect server started for it."""
    from flows.reverse_stock_sync import reverse_stock_sync  # noqa: PLC0415 - not part of an empty flow

    report: Json = dict(reverse_stock_sync(**parameters))  # type: ignore[arg-type]
    (api,) = report["api"].values()
    statistics = report["report"]["statistics"]
    return {"api": api, "balance": report["balance"], "statistics": statistics, "error": report.get("error")}


def refresh(products: int) -> Json:
    """An inventory refresh of the products 1, 2, …, with a Prefect server started for it."""
    from flows.inventory_refresh import manual_inventory_refresh  # noqa: PLC0415 - not part of an empty flow

    report: Json = dict(manual_inventory_refresh(list(range(1, products + 1))))  # type: ignore[arg-type]
    (api,) = report["api"].values()
    return {"api": api, "data": report["data"], "balance": report["balance"]}


def write(width: int) -> Json:
    """The write stage alone: lease, read again, write, read back, settle. The plan is made before."""
    from connectors.settings import load_settings  # noqa: PLC0415 - not part of an empty flow
    from tasks import begin, diff, discover, fetch  # noqa: PLC0415
    from tasks.carry import Carrier, SoldRecently  # noqa: PLC0415
    from tasks.desk import ledger_of, open_rms, open_shop  # noqa: PLC0415
    from tasks.prepare import prepare  # noqa: PLC0415

    settings = load_settings()
    work = begin.reverse_sync(settings, begin.Asked(batch_size=50, max_concurrent=width))
    found = discover.unsynced(open_shop(settings, work.job.location), work.job, {})
    truth = fetch.truth(open_rms(settings), sorted({each.ccod for each in found.products if each.ccod}))
    lines = tuple(diff.stock(found.products, diff.Known(truth, found.shop)))
    plan = prepare(
        work.job,
        settings,
        work.ledger,
        products=found.products,
        lines=lines,
        judge=lambda judged, *_: list(judged),
        now=settings.now(),
    )

    def carry(number: int) -> int:
        shop = open_shop(settings, work.job.location)
        with shop.http:
            carrier = Carrier(work.job, shop, ledger_of(settings), settings, SoldRecently(None, None))
            return carrier.carry(number, plan.batches[number]).receipt.read_back

    began, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(width) as pool:
        written = sum(pool.map(carry, range(len(plan.batches))))
    return {
        "written": written,
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
    }


TASKS: dict[str, Callable[..., Json]] = {"empty": empty, "sync": sync, "refresh": refresh, "write": write}


def main() -> None:
    result = TASKS[sys.argv[1]](**json.loads(sys.argv[2]))
    figures = {
        "cpu": time.process_time(),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "result": result,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
