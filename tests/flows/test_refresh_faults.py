"""Every kind of fault at every call of an inventory refresh: what is stored is what the store said.

Without Prefect: the steps of the flow, one after another, over a store whose products and items need pages.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pytest

from connectors.errors import ConnectorError
from connectors.ledger import Ledger, RefreshLog, SyncStatus, SyncType, open_ledger
from connectors.settings import load_settings
from connectors.slices import chunks
from tasks import refresh as errands
from tasks.absence import Limits
from tasks.desk import open_shop
from tasks.refresh import Asked
from tasks.refreshing import Refresh
from tests.flows.stage import Stage
from tests.worlds import NOW, OWN, product, variant, world

PLACES = [{"id": place, "name": f"P{place}"} for place in range(1, 24)]
DEEP, WIDE, PLAIN = 7, 8, 9
PRODUCTS = (DEEP, WIDE, PLAIN)
EDITED = 901

CALLS = {"products": 1, "nodes": 3, "inventoryItem": 1}
"""How often a refresh of these products makes each call."""

KINDS: dict[str, dict[str, Any]] = {
    "http": {"status": 503},
    "http_after": {"status": 502},
    "throttled": {},
    "timeout_before": {"seconds": 0.01},
    "lost_answer": {},
    "slow": {"seconds": 0.01},
    "empty": {},
    "partial": {},
    "malformed": {},
    "graphql_error": {"code": "INTERNAL_SERVER_ERROR"},
    "stale_read": {"seconds": 60},
}
BELIEVED = {"empty", "partial", "stale_read"}
"""Kinds whose answers nothing tells from true ones, if they go on."""


@pytest.fixture
def ledger(stage: Stage) -> Iterator[Ledger]:
    everywhere = {str(place["id"]): {"available": 2} for place in PLACES}
    deep = product(DEEP, None, *[variant(7000 + each, f"D{each}", 1) for each in range(60)])
    wide = product(WIDE, None, variant(801, "W", None, levels=everywhere))
    plain = product(PLAIN, None, variant(EDITED, "P", 5))
    stage.put(world([deep, wide, plain], [], locations=PLACES))
    with closing(open_ledger(load_settings().needed("EVENSTOCK_DATABASE_URL"))) as opened:
        yield opened


def refresh(ledger: Ledger, limits: Limits | None = None, products: Sequence[int] = ()) -> set[int]:
    """Refresh all products, or some; the items that were stored."""
    job = Refresh("log", "run", OWN, SyncType.SCHEDULED, "schedule", NOW, limits=limits or Limits())
    with (shop := open_shop(load_settings())).http:
        listed = sorted(products or ledger.vendor_products(OWN) | set(shop.product_ids()))
        found = errands.find(shop, ledger, job, listed, 0)
        ends = [
            errands.read_batch(shop, ledger, job, number, items)
            for number, items in enumerate(chunks(found.items, 250))
        ]
    return {item for end in ends for item in end.items if item not in end.failed}


def stored(ledger: Ledger) -> dict[tuple[int, int], int | None]:
    """Levels that are there, by item and location."""
    items = [each.inventory_item_id for each in ledger.vendor_variants(OWN, PRODUCTS) if not each.gone_at]
    found = ledger.vendor_levels(OWN, items)
    return {(each.inventory_item_id, each.location_id): each.available for each in found if not each.gone_at}


def points() -> list[tuple[str, int]]:
    """Every call that a refresh makes: its name, and the how manieth of that name it is."""
    return [(operation, nth) for operation, times in CALLS.items() for nth in range(1, times + 1)]


def edited(stage: Stage, ledger: Ledger, quantity: int) -> dict[tuple[int, int], int | None]:
    """Change a number in the store; what the ledger is to hold after the next refresh."""
    stage.event(kind="edit", variant_id=EDITED, location_id=1, quantity=quantity)
    return stored(ledger) | {(EDITED + 50_000, 1): quantity}


def test_these_are_all_calls_that_it_makes(stage: Stage, ledger: Ledger) -> None:
    refresh(ledger)

    assert Counter(call["operation"] for call in stage.calls()) == CALLS
    assert len(stored(ledger)) == 60 + len(PLACES) + 1


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"stale_read"}))
def test_a_passing_fault_costs_nothing(kind: str, stage: Stage, ledger: Ledger) -> None:
    refresh(ledger)
    for quantity, (operation, nth) in enumerate(points(), start=10):
        wanted = edited(stage, ledger, quantity)
        stage.faults(operation=operation, nth=nth, kind=kind, **KINDS[kind])

        assert len(refresh(ledger)) == 62, (operation, nth)
        assert stored(ledger) == wanted, (operation, nth)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - BELIEVED))
def test_a_lasting_one_is_named_and_nothing_false_is_stored(kind: str, stage: Stage, ledger: Ledger) -> None:
    refresh(ledger)
    for quantity, (operation, nth) in enumerate(points(), start=10):
        before, wanted = stored(ledger), edited(stage, ledger, quantity)
        stage.faults(operation=operation, nth=nth, times=-1, kind=kind, **KINDS[kind])
        read: set[int] = set()
        with suppress(ConnectorError):
            read = refresh(ledger)
        after = stored(ledger)

        assert after == (wanted if EDITED + 50_000 in read else before), (operation, nth)
        stage.faults(operation="none", kind="slow")
        assert len(refresh(ledger)) == 62, (operation, nth)
        assert stored(ledger) == wanted, (operation, nth)


@pytest.mark.parametrize("kind", sorted(BELIEVED))
def test_what_was_stored_by_mistake_is_put_right(kind: str, stage: Stage, ledger: Ledger) -> None:
    """A store that says twice that a few things are not there is believed, until it says otherwise."""
    refresh(ledger)
    wanted = edited(stage, ledger, 4)
    stage.faults(operation="nodes", times=-1, kind=kind, **KINDS[kind])
    refresh(ledger)
    stage.faults(operation="none", kind="slow")
    refresh(ledger)

    assert stored(ledger) == wanted


@pytest.mark.parametrize("nth", [1, 3], ids=["products", "levels"])
def test_a_store_that_says_that_nothing_is_there_any_more_is_not_believed(
    nth: int, stage: Stage, ledger: Ledger
) -> None:
    refresh(ledger)
    before, wanted = stored(ledger), edited(stage, ledger, 4)
    stage.faults(operation="nodes", nth=nth, times=-1, kind="empty")

    assert refresh(ledger) == set()
    assert stored(ledger) == before
    stage.faults(operation="none", kind="slow")
    assert len(refresh(ledger)) == 62
    assert stored(ledger) == wanted


def test_a_retry_of_a_retry_that_came_to_nothing_has_all_that_was_left(ledger: Ledger) -> None:
    batch = {"batch": 1, "error": "busy", "inventoryItems": [5, 6]}
    left: Any = {"errors": [batch], "unreadProducts": [7], "batches": [{"batch": 1}]}
    first = RefreshLog("first", OWN, SyncType.MANUAL, "ann", NOW, "first", error_details=left)
    second = RefreshLog("second", OWN, SyncType.MANUAL, "ann", NOW, "second", retry_of="first")
    for each in (first, second):
        ledger.start_refresh(replace(each, status=SyncStatus.FAILED, completed_at=NOW))

    with errands.underway(load_settings(), Asked(SyncType.MANUAL, "ann", None, "second")) as work:
        assert (work.items, work.products) == ((5, 6), (7,))


def test_a_product_that_is_gone_is_marked_however_many_variants_it_had(stage: Stage, ledger: Ledger) -> None:
    small = product(5, None, *[variant(500 + each, f"S{each}", 1) for each in range(12)])
    stage.put(world([*stage.world()["shopify"][OWN]["products"], small], [], locations=PLACES))
    refresh(ledger)
    stage.event(kind="delete_product", product_id=5)
    stage.advance(60)

    assert refresh(ledger, products=[5]) == set()
    assert not {item for item, _ in stored(ledger)} & {50_500 + each for each in range(12)}
    assert all(each.gone_at for each in ledger.vendor_variants(OWN, [5]))


def test_many_that_are_gone_indeed_wait_for_a_person(stage: Stage, ledger: Ledger) -> None:
    """Once MAX_ZERO_SHARE lets them, they are marked."""
    refresh(ledger)
    before = stored(ledger)
    stage.event(kind="delete_product", product_id=DEEP)

    assert refresh(ledger) == {801 + 50_000, EDITED + 50_000}
    assert stored(ledger) == before
    refresh(ledger, Limits(max_share=1.0))
    assert {item for item, _ in stored(ledger)} == {801 + 50_000, EDITED + 50_000}
