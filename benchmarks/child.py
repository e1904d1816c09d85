"""What a benchmark measures in a process of its own: `child.py TASK JSON` prints figures as one JSON line."""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import market_tasks
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

    report: Json = dict(reverse_stock_sync(**parameters))  # type: ignore[call-overload]
    (api,) = report["api"].values()
    statistics = report["report"]["statistics"]
    return {"api": api, "balance": report["balance"], "statistics": statistics, "error": report.get("error")}


def refresh(products: int) -> Json:
    """An inventory refresh of the products 1, 2, …, with a Prefect server started for it."""
    from flows.inventory_refresh import manual_inventory_refresh  # noqa: PLC0415 - not part of an empty flow

    report: Json = dict(manual_inventory_refresh(list(range(1, products + 1))))
    (api,) = report["api"].values()
    return {"api": api, "data": report["data"], "balance": report["balance"]}


def partners(shops: list[str], token: str, file: str) -> Json:
    """Let partners in, and import which of their variants feed which own ones. Not what is measured."""
    from pathlib import Path  # noqa: PLC0415

    from pydantic import SecretStr  # noqa: PLC0415

    from connectors.settings import load_settings  # noqa: PLC0415 - not part of an empty flow
    from tasks.desk import ledger_of  # noqa: PLC0415
    from tasks.mappings import import_mappings  # noqa: PLC0415
    from tasks.partners import Terms, add_with_token, described  # noqa: PLC0415

    settings = load_settings()
    ledger = ledger_of(settings)
    for shop in shops:
        add_with_token(settings, ledger, described(settings, ledger, shop, Terms()), SecretStr(token))
    found = import_mappings(settings, ledger, Path(file), offline=True)
    return {"stored": found.stored, "bad": len(found.bad)}


def partner_sync(*, fan_out: bool = False) -> Json:
    """A whole partner sync, after an empty flow for which Prefect's server is started."""
    from flows.partner_sync import partner_sync  # noqa: PLC0415 - not part of an empty flow

    began = time.perf_counter()
    nothing()
    started, cpu = time.perf_counter(), time.process_time()
    report: Json = dict(partner_sync(fan_out=fan_out))
    took = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "start": started - began,
    }
    if not report["success"]:
        sys.exit(json.dumps(report["errors"][:3]))
    return {"written": report["totalItemsUpdated"], **took, **_asked(report["api"].values())}


def origin() -> Json:
    """The same as it was done before: partner after partner, 10 writes a call, nothing kept or read back."""
    from uuid import uuid4  # noqa: PLC0415

    from connectors.records import Row  # noqa: PLC0415 - not part of an empty flow
    from connectors.settings import load_settings  # noqa: PLC0415
    from connectors.slices import chunks  # noqa: PLC0415
    from tasks.desk import ledger_of, open_partner, open_shop  # noqa: PLC0415

    settings = load_settings()
    ledger = ledger_of(settings)
    usages, written = [], 0
    began, cpu = time.perf_counter(), time.process_time()
    for partner in ledger.partners(settings.shop, active_only=True):
        theirs, own = open_partner(settings, ledger, partner), open_shop(settings, 1)
        pairs = {
            each.partner_variant_id: each.own_variant_id
            for each in ledger.mappings(settings.shop, partner.id)
        }
        with theirs.http, own.http:
            offers = theirs.offers(list(pairs))
            shown = {
                one.id: one for product in own.variants(list(pairs.values())) for one in product.variants
            }
            wanted = ((shown[pairs[each.id]], each.sellable) for each in offers.values())
            rows = [
                Row(one.item_id, one.level.quantities.available, units)
                for one, units in wanted
                if one.level and one.level.quantities and units is not None
                if units != one.level.quantities.available
            ]
            for some in chunks(rows, 10):
                own.set_quantities(some, name="available", reference="evenstock://origin", key=str(uuid4()))
                written += len(some)
        usages += [theirs.http.usage.as_dict(), own.http.usage.as_dict()]
    took = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu, "start": 0.0}
    return {"written": written, **took, **_asked(usages)}


def _asked(usages: Iterable[Json]) -> Json:
    """What all accounts together were asked."""
    found = list(usages)
    return {name: sum(each[name] for each in found) for name in ("calls", "points", "throttled")}


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


def supplier(job_type: str) -> Json:
    """One supplier job to its end, without Prefect; the stand-in's clock is moved through the windows."""
    from datetime import datetime  # noqa: PLC0415 - not part of an empty flow

    from connectors.ledger.supplier_records import Claim, Supplier  # noqa: PLC0415
    from connectors.settings import load_settings  # noqa: PLC0415
    from tasks.desk import ledger_of  # noqa: PLC0415
    from tasks.jobs import Asked, carry, enqueue  # noqa: PLC0415
    from tasks.lease import clock  # noqa: PLC0415

    settings = load_settings()
    ledger, url = ledger_of(settings), str(settings.bigbuy_base_url).removesuffix("/bigbuy")
    first = began_at = datetime.fromisoformat(_clock(url, None)["now"])
    if not ledger.suppliers():
        ledger.add_supplier(Supplier("bigbuy", "bench", "BigBuy", "bigbuy", "bigbuy", first, first))
    began, cpu = time.perf_counter(), time.process_time()
    enqueue(settings.model_copy(update={"evenstock_now": first}), ledger, Asked("bench", job_type, "bigbuy"))
    windows = 0
    while True:
        windows += 1
        (job,) = ledger.claim_jobs(Claim("bench", 300), 1, began_at, clock())
        line: Json = dict(carry(job, settings.model_copy(update={"evenstock_now": began_at})))
        if line["outcome"] != "put_back":
            break
        until = datetime.fromisoformat(line["scheduled_at"])
        began_at = datetime.fromisoformat(_clock(url, (until - began_at).total_seconds() + 1)["now"])
    if line["outcome"] != "completed":
        sys.exit(json.dumps(line))
    return {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "hours": (began_at - first).total_seconds() / 3600,
        "windows": windows,
        **{name: line["result"][name] for name in ("rows", "inserted", "changed", "missing")},
    }


def _clock(url: str, seconds: float | None) -> Json:
    """The stand-in's clock, moved on if asked."""
    import urllib.request  # noqa: PLC0415

    body = None if seconds is None else json.dumps({"advance_seconds": seconds}).encode()
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{url}/_sandbox/clock", data=body, method="PUT" if body else "GET"
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        found: Json = json.load(answer)
    return found


def claims(worker: str, begins_at: float) -> Json:
    """Claim jobs one by one and end them until there are none; other workers do the same."""
    from connectors.ledger.supplier_records import Claim, JobStatus  # noqa: PLC0415
    from connectors.settings import load_settings  # noqa: PLC0415 - not part of an empty flow
    from tasks.desk import ledger_of  # noqa: PLC0415
    from tasks.lease import clock  # noqa: PLC0415

    settings = load_settings()
    ledger = ledger_of(settings)
    time.sleep(max(0.0, begins_at - time.time()))
    count = 0
    while found := ledger.claim_jobs(Claim(worker, 300), 1, settings.now(), clock()):
        ledger.finish_job(found[0], JobStatus.COMPLETED, settings.now())
        count += 1
    return {"claims": count, "ended": time.time()}


TASKS: dict[str, Callable[..., Json]] = {
    each.__name__: each
    for each in (
        *(empty, sync, refresh, partners, partner_sync, origin, write, supplier, claims),
        *(market_tasks.goods, market_tasks.changes, market_tasks.from_nothing),
    )
}


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
