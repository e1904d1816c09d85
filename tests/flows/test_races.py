"""Random buyers and staff in every gap of a run: what they bought is never given back.

Each seed makes a shop, events that wait for calls of the run, and sometimes a lost answer; the list of
accepted writes is then held against an oracle of the rules. Afterwards RMS books what was sold, and a run
in peace brings everything level.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy.event
from sqlalchemy.engine import Engine

from tests.flows.oracle import Oracle, Shelf, shelves
from tests.flows.stage import Stage, staged
from tests.flows.test_reverse_stock_sync import assert_even
from tests.worlds import LOCATION, MARK, World, product, row, variant, world

pytestmark = pytest.mark.orchestrated

RMS_READ = {"operation": "View_Items", "nth": 1}
"""The moment when the shop was read and RMS is about to be."""

GAPS = (
    ("View_Items", 1),
    ("nodes", 1),
    ("nodes", 2),
    ("nodes", 3),
    ("nodes", 4),
    ("inventorySetQuantities", 1),
    ("inventorySetQuantities", 2),
    ("inventorySetQuantities", 3),
    ("productVariantsBulkDelete", 1),
    ("tagsAdd", 1),
)
"""Before RMS is read, before levels are read again, before each write, before the receipt and the checks of
a deletion, before the deletion and before the mark."""

KINDS = ("sale",) * 8 + ("fulfil", "fulfil", "cancel", "restock", "edit", "edit")
EVENTS = 24
PEACEFUL_EVERY = 5
"""Every so many seeds are followed by a run in peace."""

FREE_HAND = {
    "MIN_ZERO_COUNT": "100000",
    "MAX_FALL_SHARE": "1",
    "MAX_RISE_FACTOR": "100000",
}
"""No mass-change limit stands in the way of a storm."""


@dataclass(slots=True)
class Storm:
    """One seed's shop and what will happen in it."""

    world: World
    truth: dict[str, int | None]
    quantity_name: str
    events: list[World] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    lost: list[World] = field(default_factory=list)
    parameters: World = field(default_factory=dict)


def storm(seed: int) -> Storm:
    """A shop of several products and sizes with open orders, and events before many of the run's calls."""
    chance = random.Random(seed)
    products: list[World] = []
    rows: list[World] = []
    orders: list[World] = []
    truth: dict[str, int | None] = {}
    for number in range(101, 101 + chance.randint(3, 8)):
        sizes = [_size(chance, number, place, orders) for place in range(1, chance.randint(3, 7))]
        products.append(product(number, f"24X{number}", *sizes))
        for size in sizes:
            truth[size["sku"]] = _truth(chance, size)
        truth[sizes[0]["sku"]] = truth[sizes[0]["sku"]] or chance.randint(1, 15)
        rows += [
            row(f"24X{number}", one["sku"], truth[one["sku"]])
            for one in sizes
            if truth[one["sku"]] is not None
        ]
    lag = chance.choice((0, 3600))
    made = Storm(
        world(products, rows, orders=orders, search_lag_seconds=lag),
        truth,
        chance.choice(("available", "available", "on_hand")),
        parameters={
            "batch_size": chance.choice((1, 2, 250)),
            "max_concurrent": chance.choice((1, 3)),
            "delete_zero_stock": chance.random() < 0.7,
        },
    )
    _fill(chance, made)
    return made


def _size(chance: random.Random, number: int, place: int, orders: list[World]) -> World:
    committed = chance.choice((0, 0, 1, 3))
    made = number * 100 + place
    if committed:
        line = {"variant_id": made, "quantity": committed, "location_id": LOCATION}
        orders.append({"id": 900_000 + made, "created_at": "2026-10-30T10:00:00Z", "lines": [line]})
    policy = chance.choice(("DENY", "DENY", "DENY", "CONTINUE"))
    available = chance.randint(0, 12)
    return variant(made, f"24X{number}-{place}", available, committed=committed, policy=policy)


def _truth(chance: random.Random, size: World) -> int | None:
    shown: int = size["levels"][str(LOCATION)]["available"]
    asked = (None, 0, 0, shown, shown, *(chance.randint(1, 15) for _ in range(7)))
    return asked[chance.randrange(len(asked))]


def _fill(chance: random.Random, made: Storm) -> None:
    """Put events into gaps; some answers of writes are lost on the way."""
    sizes = [each for shown in made.world["shopify"]["own.example"]["products"] for each in shown["variants"]]
    open_orders = made.world["shopify"]["own.example"]["orders"]
    for _ in range(EVENTS):
        operation, nth = chance.choice(GAPS)
        event = _event(chance, made, chance.choice(sizes)["id"], open_orders)
        made.events.append(event | {"before": {"operation": operation, "nth": nth}})
    for _ in range(chance.randint(0, 2)):
        known = chance.choice([sku for sku, units in made.truth.items() if units is not None])
        made.truth[known] = chance.randint(0, 15)
        edit = {"system": "rms", "kind": "edit", "ccod": known.split("-")[0], "sku": known}
        made.events.append(edit | {"quantity": made.truth[known], "before": RMS_READ})
    if chance.random() < 0.4:
        lost = {"operation": "inventorySetQuantities", "nth": chance.randint(1, 3), "kind": "lost_answer"}
        made.lost.append({"system": "shopify"} | lost)


def _event(chance: random.Random, made: Storm, size: int, open_orders: list[World]) -> World:
    kind = chance.choice(KINDS)
    if kind in {"fulfil", "cancel"} and open_orders:
        order = chance.choice(open_orders)
        if kind == "fulfil":
            return {"kind": kind, "order_id": order["id"]}
        made.touched.add(order["lines"][0]["variant_id"])
        return {"kind": kind, "order_id": order["id"], "restock": chance.random() < 0.7}
    at = {"variant_id": size, "location_id": LOCATION}
    if kind in {"restock", "edit"}:
        made.touched.add(size)
        return at | {"kind": kind, "quantity": chance.randint(1, 12)}
    return at | {"kind": "sale", "quantity": chance.randint(1, 3)}


@pytest.fixture
def stage(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A store that knows repeated keys again, or (every second seed) one that does not."""
    for name, value in FREE_HAND.items():
        monkeypatch.setenv(name, value)
    switches = {"idempotency": "forgotten" if seed % 2 else "remembered"}
    with staged(tmp_path, monkeypatch.setenv, switches) as made:
        yield made


def test_units_sold_are_never_given_back(stage: Stage, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = storm(seed)
    monkeypatch.setenv("REVERSE_SYNC_QUANTITY_NAME", made.quantity_name)
    stage.put(made.world)
    oracle = Oracle(made.quantity_name, made.truth, shelves(stage.world()), made.touched)
    before_rms = [event for event in made.events if event["before"] == RMS_READ]
    for event in made.events:
        if event not in before_rms:
            stage.event(**event)
    stage.sandbox.faults(made.lost)

    with happening_before_rms_is_read(stage, before_rms):
        report = stage.run(**made.parameters)

    oracle.replay(stage.sandbox.writes())
    assert oracle.wrongs == []
    assert not any(shelf.undone for shelf in oracle.shelves.values())
    assert _world_as_replayed(stage, oracle)
    assert_even(report)
    assert_lines_tell_the_truth(report, oracle)
    assert_marks_are_deserved(stage, report, oracle)
    if seed % PEACEFUL_EVERY == 0:
        assert_peace_heals(stage, made, oracle)


@contextmanager
def happening_before_rms_is_read(stage: Stage, events: list[World]) -> Iterator[None]:
    """Let events happen when the first statement goes to RMS: no call of the shop's marks that moment."""
    waiting = list(events)

    def happen(_: object, __: object, statement: str, *___: object) -> None:
        if waiting and "View_Items" in statement:
            now, waiting[:] = list(waiting), []
            for each in now:
                stage.event(**{key: value for key, value in each.items() if key != "before"})

    sqlalchemy.event.listen(Engine, "before_cursor_execute", happen)
    try:
        yield
    finally:
        sqlalchemy.event.remove(Engine, "before_cursor_execute", happen)


def _world_as_replayed(stage: Stage, oracle: Oracle) -> bool:
    there = {item: (shelf.available, shelf.committed) for item, shelf in shelves(stage.world()).items()}
    replayed = {
        item: (shelf.available, shelf.committed)
        for item, shelf in oracle.shelves.items()
        if not shelf.is_gone
    }
    return there == replayed


def listed(report: World, *names: str) -> set[int]:
    """Variants that stand in lists of the report."""
    return {line["variant_id"] for name in names for line in report["report"]["details"][name]}


def assert_lines_tell_the_truth(report: World, oracle: Oracle) -> None:
    """What ended well was written or stood as it should; nothing failed; the unknown was left alone."""
    assert listed(report, "errors", "held", "parked") == listed(report, "conflicts") & listed(
        report, "errors"
    )
    for shelf in oracle.shelves.values():
        if shelf.variant in listed(report, "updated", "deleted"):
            assert shelf.writes or shelf.is_gone, f"{shelf.sku} was not written"
        elif shelf.variant in listed(report, "unknown"):
            assert not shelf.writes, f"{shelf.sku} is unknown and was written"
        elif shelf.variant not in listed(report, "conflicts", "refused"):
            assert shelf.was_level, f"{shelf.sku} never stood as it should"


def assert_marks_are_deserved(stage: Stage, report: World, oracle: Oracle) -> None:
    """Products with a conflict stay unmarked, all others are finished."""
    open_ended = {oracle.of(number).product for number in listed(report, "conflicts", "errors")}
    marked = {number for number, tags in stage.tags().items() if MARK in tags}
    assert marked == set(stage.tags()) - open_ended


def assert_peace_heals(stage: Stage, made: Storm, oracle: Oracle) -> None:
    """RMS has booked what was sold; nobody buys; every level is as RMS says, and every product marked."""
    stage.sandbox.faults([])
    stage.sandbox.around.events.clear()
    booked = {shelf.sku: oracle.allowed(item) for item, shelf in oracle.shelves.items()}
    for sku, units in booked.items():
        if units is not None:
            stage.event(system="rms", kind="edit", ccod=sku.split("-")[0], sku=sku, quantity=units)

    report = stage.run(products=list(stage.tags()))

    assert report["success"] is True
    assert_even(report)
    known: list[Shelf] = [each for each in shelves(stage.world()).values() if booked[each.sku] is not None]
    shown = {shelf.sku: shelf.holds(made.quantity_name) for shelf in known}
    assert shown == {shelf.sku: booked[shelf.sku] for shelf in known}
    assert all(MARK in tags for tags in stage.tags().values())


def test_goods_shipped_are_not_taken_for_a_lost_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 → 7 is lost on its way, three promised units are shipped: on hand fell by three all the same."""
    shown = product(101, "24X101", variant(10101, "24X101-37", 10, committed=3))
    line = {"variant_id": 10101, "quantity": 3, "location_id": LOCATION}
    order = {"id": 900_001, "created_at": "2026-10-30T10:00:00Z", "lines": [line]}
    with staged(tmp_path, monkeypatch.setenv) as stage:
        stage.put(world([shown], [row("24X101", "24X101-37", 7)], orders=[order]))
        stage.event(kind="fulfil", order_id=900_001, before={"operation": "nodes", "nth": 2})
        stage.faults(operation="inventorySetQuantities", kind="timeout_before")

        report = stage.run()

        assert stage.levels() == {"24X101-37": 10}
        assert listed(report, "conflicts") == {10101}
        assert MARK not in stage.tags()[101]

        stage.run()

        assert stage.levels() == {"24X101-37": 7}
        assert MARK in stage.tags()[101]


def test_the_storm_is_real() -> None:
    """The first seeds have buyers in every gap, in both meanings of a quantity."""
    storms = [storm(seed) for seed in range(25)]
    gaps = {(each["before"]["operation"], each["before"]["nth"]) for made in storms for each in made.events}
    assert gaps == set(GAPS)
    assert {made.quantity_name for made in storms} == {"available", "on_hand"}
    assert any(made.lost for made in storms)
