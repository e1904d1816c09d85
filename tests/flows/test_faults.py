"""Every fault on every operation: the books add up, no level is wrong, nothing is written twice, and the next
run heals it.

The default run takes one cell of the grid for each seed; with 200 seeds and more every cell is tried.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger, open_ledger
from connectors.ledger.records import OperationState
from tasks import steps
from tests.flows.oracle import Oracle, shelves
from tests.flows.stage import Stage
from tests.flows.test_races import FREE_HAND, listed
from tests.flows.test_reverse_stock_sync import assert_even
from tests.ledgers import sqlite_in
from tests.worlds import LOCATION, MARK, OWN, YESTERDAY, World, product, row, shoe, variant, world

pytestmark = pytest.mark.orchestrated

STARTING = ("shop", "locations")
READS = (*STARTING, "products", "productVariants", "nodes", "orders")
WRITES = (
    "inventorySetQuantities",
    "inventoryActivate",
    "productVariantsBulkDelete",
    "tagsAdd",
    "tagsRemove",
    "productUpdate",
)
KINDS: tuple[World, ...] = (
    {"kind": "http", "status": 500},
    {"kind": "http", "status": 502},
    {"kind": "http", "status": 503},
    {"kind": "http", "status": 401},
    {"kind": "http", "status": 402},
    {"kind": "http", "status": 403},
    {"kind": "http", "status": 404},
    {"kind": "http", "status": 423},
    {"kind": "http", "status": 429, "seconds": 0.1},
    {"kind": "http_after", "status": 500},
    {"kind": "throttled"},
    {"kind": "timeout_before"},
    {"kind": "lost_answer"},
    {"kind": "slow", "seconds": 0.2},
    {"kind": "slow", "seconds": 1.4},
    {"kind": "malformed"},
    {"kind": "empty"},
    {"kind": "partial"},
    {"kind": "graphql_error", "code": "INTERNAL_SERVER_ERROR"},
    {"kind": "graphql_error", "code": "INTERNAL_SERVER_ERROR", "after": True},
    {"kind": "graphql_error", "code": "INVALID_VARIABLE"},
    {"kind": "stale_read", "seconds": 3600},
)
FULL = 200
"""From so many seeds on the whole grid is tried."""

HEALED_EVERY = 3
"""Every so many seeds of a smaller run are followed by a run in peace."""

IMPATIENT = {
    "HTTP_MAX_ATTEMPTS": "2",
    "REVERSE_SYNC_LOCK_SECONDS": "4",
    "REVERSE_SYNC_BATCH_SIZE": "2",
    "REVERSE_SYNC_MAX_CONCURRENT": "1",
    "REVERSE_SYNC_MISSING_LEVEL": "activate",
    "REVERSE_SYNC_PRESERVE_SINGLE_VARIANT": "false",
}
"""Two attempts, time-outs of a second, and everything that a run can do."""


def grid() -> list[World]:
    """All faults, in an order that brings all kinds and operations early."""
    cells = [
        {"operation": operation, "times": times, **kind}
        for operation in (*READS, *WRITES)
        for kind in KINDS
        for times in (1, -1)
    ]
    random.Random(2).shuffle(cells)
    writes = [cell for cell in cells if cell["operation"] in WRITES or cell["operation"] == "nodes"]
    return writes + [cell for cell in cells if cell not in writes]


def cells_of(seed: int, seeds: int) -> Sequence[World]:
    """The faults that one seed tries, one after the other."""
    cells = grid()
    return cells[seed::seeds] if seeds >= FULL else cells[seed : seed + 1]


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop in which a run does all that a run can do, and what RMS says of it."""

    world: World
    truth: dict[str, int | None]


def everything() -> Shop:
    """Levels to lower, raise, wake and zero, a variant to delete, a product to archive, marks to move."""
    first, one = shoe(
        101, {"37": 5, "38": 2, "39": 2, "40": 4}, {"37": 3, "38": 0, "39": 4, "40": 4}, tags=(YESTERDAY,)
    )
    third, three = shoe(103, {"37": 1, "38": 2}, {"37": 0, "38": 0})
    fourth, four = shoe(104, {"37": 8, "38": 8}, {"37": 9, "38": 6}, tags=(YESTERDAY, "summer"))
    asleep = variant(10201, "24X102-37", 0, active=False)
    second = product(102, "24X102", asleep, variant(10202, "24X102-38", 1))
    two = [row("24X102", "24X102-37", 6), row("24X102", "24X102-38", 2)]
    rows = [*one, *two, *three, *four]
    return Shop(world([first, second, third, fourth], rows), {each["sku"]: each["quantity"] for each in rows})


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits, no mass-change limit, and no pause before Prefect tries a reading step again."""
    for name, value in (IMPATIENT | FREE_HAND).items():
        monkeypatch.setenv(name, value)
    for step in (steps.discover_products, steps.fetch_truth, steps.fetch_sold_recently):
        monkeypatch.setattr(step, "retry_delay_seconds", 0.01)


def test_a_fault_costs_nothing_but_time(
    stage: Stage, seed: int, seeds: range, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, fault in enumerate(cells_of(seed, len(seeds))):
        address = sqlite_in(tmp_path, f"cell_{number}.db")
        monkeypatch.setenv("EVENSTOCK_DATABASE_URL", address)
        ledger = open_ledger(address)
        nth = 1 if fault["times"] < 0 else random.Random(seed).randint(1, 2)
        meet(stage, ledger, fault | {"nth": nth}, heals=len(seeds) >= FULL or seed % HEALED_EVERY == 0)
        ledger.close()


def meet(stage: Stage, ledger: Ledger, fault: World, *, heals: bool) -> None:
    """One run that meets a fault, and perhaps one in peace afterwards."""
    shop = everything()
    stage.put(shop.world)
    oracle = Oracle("available", shop.truth, shelves(stage.world()))
    sale = {"kind": "sale", "variant_id": 10101, "location_id": LOCATION, "quantity": 1}
    stage.event(**sale, before={"operation": "inventorySetQuantities", "nth": 1})
    stage.faults(**fault)

    report = attempt(stage, fault)

    oracle.replay(stage.sandbox.writes())
    assert oracle.wrongs == [], fault
    assert not [shelf.sku for shelf in oracle.shelves.values() if shelf.writes > 1], fault
    assert_nothing_left_behind(ledger, fault)
    if report is None:
        assert stage.writes() == [], fault
    else:
        assert_honest(stage, report, oracle, fault)
    if heals:
        assert_heals(stage, ledger, oracle, fault)


def attempt(stage: Stage, fault: World) -> World | None:
    """The run's report; None when it was refused at its start, as a wrong token is."""
    try:
        return stage.run()
    except ConfigurationError:
        assert fault["operation"] in STARTING, fault
        return None


def assert_nothing_left_behind(ledger: Ledger, fault: World) -> None:
    """No lease is held, and every write that was intended has an end."""
    now = datetime.now(UTC)
    assert ledger.live("", now) == 0, fault
    run = ledger.last_run("reverse-stock-sync", OWN)
    operations = ledger.operations_of(run.id) if run else []
    assert not [each for each in operations if each.state is OperationState.INTENDED], fault
    assert run is None or run.report is not None, fault


def assert_honest(stage: Stage, report: World, oracle: Oracle, fault: World) -> None:
    """The report adds up and claims nothing that is not so; a marked product is as it should be."""
    assert_even(report)
    for shelf in oracle.shelves.values():
        if shelf.variant in listed(report, "updated"):
            assert shelf.writes > shelf.undone, (fault, shelf)
        if shelf.variant in listed(report, "deleted"):
            assert shelf.is_gone, (fault, shelf)
    marked = {number for number, tags in stage.tags().items() if MARK in tags}
    for item, shelf in oracle.shelves.items():
        if shelf.product in marked and not shelf.is_gone:
            assert oracle.allowed(item) in {None, shelf.available}, (fault, shelf)


def assert_heals(stage: Stage, ledger: Ledger, oracle: Oracle, fault: World) -> None:
    """Without the fault, and with the sale booked, one more run brings everything level."""
    stage.sandbox.faults([])
    stage.sandbox.around.events.clear()
    booked = (oracle.truth["24X101-37"] or 0) - oracle.of(10101).sales
    stage.event(system="rms", kind="edit", ccod="24X101", sku="24X101-37", quantity=booked)

    report = stage.run(products=[101, 102, 103, 104])

    assert report["success"] is True, (fault, report)
    assert_even(report)
    right = {
        "24X101-37": booked, "24X101-39": 4, "24X101-40": 4, "24X102-37": 6, "24X102-38": 2,
        "24X103-37": 0, "24X103-38": 0, "24X104-37": 9, "24X104-38": 6,
    }  # fmt: skip
    shown = stage.levels()
    assert shown == {sku: units for sku, units in right.items() if units or sku in shown}, fault
    assert {number for number, tags in stage.tags().items() if MARK in tags} >= {101, 102, 104}, fault
    assert not [tags for tags in stage.tags().values() if YESTERDAY in tags], fault
    assert {each["id"]: each["status"] for each in products(stage)}[103] == "ARCHIVED", fault
    assert_nothing_left_behind(ledger, fault)


def products(stage: Stage) -> list[dict[str, Any]]:
    """The own shop's products."""
    return list(stage.world()["shopify"][OWN]["products"])


@pytest.mark.parametrize("kind", ["down", "locked", "empty", "partial"])
def test_what_rms_does_not_say_is_never_written(stage: Stage, tmp_path: Path, kind: str) -> None:
    """Whatever befalls RMS: levels it says nothing of stay, and the next run heals all."""
    shop = everything()
    stage.put(shop.world)
    oracle = Oracle("available", shop.truth, shelves(stage.world()))
    ledger = open_ledger(sqlite_in(tmp_path))
    fault = {"system": "rms", "kind": kind}
    stage.faults(**fault)

    report = stage.run()

    oracle.replay(stage.sandbox.writes())
    assert oracle.wrongs == []
    unknown = listed(report, "unknown")
    assert not any(shelf.writes for shelf in oracle.shelves.values() if shelf.variant in unknown)
    assert report["balance"]["unknown"] >= 4
    said = {each.sku: shop.truth[each.sku] for each in oracle.shelves.values() if each.variant not in unknown}
    told = Oracle("available", said, oracle.baseline)
    told.replay(stage.sandbox.writes())
    assert_honest(stage, report, told, fault)
    assert_nothing_left_behind(ledger, fault)
    assert_heals(stage, ledger, oracle, fault)
    ledger.close()
