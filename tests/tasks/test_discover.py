"""What a sweep finds, against the stand-in in process."""

from dataclasses import replace

from tasks.discover import stale_marks, unsynced
from tests.connectors.store import stored
from tests.tasks.samples import job
from tests.worlds import OWN, product, variant, world

MARK, YESTERDAY = "RMS-SYNC-26-11-20", "RMS-SYNC-26-11-19"
SHOP = world([product(101, "A", variant(1, "a", 5), tags=(MARK, YESTERDAY, "sale"))], [])


def test_stale_marks_are_those_beside_the_days() -> None:
    with stored() as store:
        assert stale_marks(store.put(SHOP), job()) == {101: (YESTERDAY,)}


def test_stale_marks_that_cannot_be_read_stop_nothing() -> None:
    with stored() as store:
        shop = store.put(SHOP)
        fault = {"kind": "graphql_error", "code": "ACCESS_DENIED", "times": -1}
        store.sandbox.faults([{"system": "shopify", "account": OWN, "operation": "products"} | fault])
        assert stale_marks(shop, job()) is None


def test_a_product_that_is_named_twice_is_looked_at_once() -> None:
    with stored() as store:
        found = unsynced(store.put(SHOP), replace(job(), products=(101, 101)), {})
        assert [each.id for each in found.products] == [101]
