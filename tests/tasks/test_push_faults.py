"""Every kind of fault at every call that a push, a settlement or a look at orders makes, one by one."""

from itertools import product

import pytest

from connectors.ledger.market_records import ListingStatus
from connectors.market import MARKETPLACES, Marketplace
from tests.fair import BRICKLINK, BRICKOWL, Fair

pytest_plugins = ["tests.fairs"]

READS = {
    BRICKLINK: ("GET /inventories", "GET /inventories/{id}", "GET /orders", "GET /orders/{id}/items"),
    BRICKOWL: ("GET /inventory/list", "GET /order/list", "GET /order/items", "GET /order/view"),
}
WRITES = {
    BRICKLINK: ("POST /inventories", "PUT /inventories/{id}", "DELETE /inventories/{id}"),
    BRICKOWL: ("POST /inventory/create", "POST /inventory/update", "POST /inventory/delete"),
}
ALWAYS = ("http", "http_after", "throttled", "timeout_before", "lost_answer", "malformed")
ONLY_READS = ("empty", "partial", "stale_read")
POINTS = [
    (name, operation, kind)
    for name in MARKETPLACES
    for operation, kind in [
        *product(READS[name], ALWAYS + ONLY_READS),
        *product(WRITES[name], ALWAYS),
    ]
]


def life(fair: Fair) -> str:
    """An item from its beginning to its end, with sales on both marketplaces and changes between."""
    item = fair.create(10, location="Box 7", notes="Clean")
    fair.push(item)
    fair.settle(3)
    for name in MARKETPLACES:
        for lot in fair.lots(name):
            fair.sell(name, lot["inventory_id" if name == BRICKLINK else "lot_id"], 2)
    fair.update(item, fair.item(item).quantity_available + 5, location="Box 8", price="0.20")
    fair.push(item)
    fair.settle(3)
    return item


@pytest.mark.parametrize(
    ("name", "operation", "kind"), POINTS, ids=lambda each: str(each).replace("/", "").replace(" ", "-")
)
def test_one_fault_anywhere_costs_no_unit_and_makes_no_second_lot(
    fair: Fair, name: Marketplace, operation: str, kind: str
) -> None:
    fair.fault(name, operation, kind, nth=1, times=1, status=502, seconds=0.0)
    item = life(fair)
    fair.settle()
    sold = sum(len(fair.sandbox.world()[each]["default"]["orders"]) for each in MARKETPLACES) * 2
    assert fair.item(item).quantity_available == 15 - sold
    fair.assert_level(item)
    fair.update(item, 0)
    fair.settle()
    fair.change("delete", item)
    fair.settle()
    assert [fair.shown(each, item) for each in MARKETPLACES] == [[], []]
    assert {view.listing.status for view in fair.ledger.views("default")} == {ListingStatus.SYNCED}
