"""A partner sync over 30 partners of 30 products with 3 variants, in one process, Standard plan everywhere,
beside the way it was done before: 10 writes a call, one partner after another.

python benchmarks/bench_partners.py [--times 3] [--paths changed unchanged origin]
python benchmarks/bench_partners.py --times 1 --paths fan_out_1 fan_out_2

The paths *fan_out* give each partner a run of its own, on one worker or two of this machine.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import stand

from flows.cli.children import PrefectServer, family

PARTNERS, PRODUCTS, VARIANTS = 30, 30, 3
ALL = PARTNERS * PRODUCTS * VARIANTS
ACCESS = "tok-partner"
COLUMNS = "partner_shop,partner_variant_id,own_variant_id"

CHANGED = {"changed": ALL, "unchanged": 0, "origin": ALL, "fan_out_1": ALL, "fan_out_2": ALL}
"""Levels that a path is to write; *origin* writes all of them in its own way."""

AT_ONCE = 3
"""Runs that a worker of the *fan_out* paths has at once; each is a process of its own."""


def domain(partner: int) -> str:
    return f"partner-{partner}.example"


def world(path: str) -> stand.Json:
    """The own store, and partners whose stock differs by one unit or by none."""
    made = stand.shop(PARTNERS * PRODUCTS, VARIANTS, 0)
    own = made["shopify"]["own.example"]
    made["rms"]["items"] = []
    for product in own["products"]:
        # RMS knows nothing of them: partners feed them.
        product["metafields"] = {}
    more = 1 if CHANGED[path] else 0
    for partner in range(PARTNERS):
        its = own["products"][partner * PRODUCTS : (partner + 1) * PRODUCTS]
        made["shopify"][domain(partner)] = {
            "token": ACCESS,
            "locations": [{"id": 1, "name": "Main"}],
            "products": [offered(product, more) for product in its],
        }
    return made


def offered(product: stand.Json, more: int) -> stand.Json:
    """A product as its partner has it, under the same numbers."""
    return product | {"variants": [stocked(variant, more) for variant in product["variants"]]}


def stocked(variant: stand.Json, more: int) -> stand.Json:
    return variant | {"levels": {"1": {"available": variant["levels"]["1"]["available"] + more}}}


def mappings(made: stand.Json) -> Iterator[str]:
    """The table of mappings, as a person would import it."""
    yield COLUMNS
    for partner in range(PARTNERS):
        for product in made["shopify"][domain(partner)]["products"]:
            for variant in product["variants"]:
                yield f"{domain(partner)},{variant['id']},{variant['id']}"


def measured(path: str) -> Mapping[str, float]:
    """One sync, with Prefect's server up: its start is measured apart."""
    made = world(path)
    with stand.standing(made) as stage, tempfile.NamedTemporaryFile("w", suffix=".csv") as table:
        table.write("\n".join(mappings(made)))
        table.flush()
        environment = {**stage.environment, "EVENSTOCK_SECRET_KEY": stand.KEY}
        shops = [f"{stage.url}/shopify/{domain(partner)}" for partner in range(PARTNERS)]
        stand.child("partners", environment, shops=shops, token=ACCESS, file=str(Path(table.name)))
        found = synced(path, environment)
    result = found.result
    stand.expect(result, "written", CHANGED[path])
    return {
        "sync s": result["seconds"],
        "sync CPU": result["cpu"],
        "Prefect's start": result["start"],
        "peak MiB": found.peak,
        "calls": result["calls"],
        "points": result["points"],
        "throttled": result["throttled"],
    }


def synced(path: str, environment: Mapping[str, str]) -> stand.Figures:
    """What the sync took, in one process or shared out to workers."""
    if not path.startswith("fan_out"):
        return stand.child("origin" if path == "origin" else "partner_sync", environment)
    with deployed(environment, workers=int(path[-1])) as there:
        return stand.child("partner_sync", there, fan_out=True)


@contextmanager
def deployed(environment: Mapping[str, str], workers: int) -> Iterator[Mapping[str, str]]:
    """A Prefect server, the deployment and its workers, as the README says; where they are found."""
    project = str(Path(__file__).parents[1])
    with family() as children:
        server = PrefectServer(children, home=Path(environment["PREFECT_HOME"]))
        server.wait()
        there = {**environment, "PREFECT_API_URL": server.api, "PREFECT_WORKER_QUERY_SECONDS": "1"}
        programs = {**os.environ, **there, "PYTHONPATH": project}
        pool = ["prefect", "work-pool", "create", "evenstock", "--type", "process"]
        children.start("the work pool", pool, programs).wait(120)
        deploy = ["prefect", "--no-prompt", "deploy", "--prefect-file", f"{project}/prefect.yaml"]
        children.start("the deployment", [*deploy, "--name", "partner-sync"], programs).wait(120)
        worker = ["prefect", "worker", "start", "--pool", "evenstock", "--limit", str(AT_ONCE)]
        for _ in range(workers):
            children.start("a worker", [*worker, "--install-policy", "never"], programs)
        yield there


def row(path: str, times: int) -> Mapping[str, object]:
    return {"path": path, **stand.repeated(times, lambda: measured(path))}


def main() -> None:
    asked = stand.arguments(__doc__, paths=("changed", "unchanged", "origin"))
    stand.table([row(path, asked.times) for path in asked.paths])


if __name__ == "__main__":
    main()
