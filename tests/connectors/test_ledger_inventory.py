"""Vendor inventory and the log of refreshes, on both databases."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import EvenstockError
from connectors.ledger import Ledger, RefreshLog, SyncStatus, SyncType, VendorLevel, VendorVariant
from connectors.ledger.vendor_inventory import unlisted
from tests.connectors.ledger_samples import NOW

pytest_plugins = ["tests.databases"]

LATER = NOW + timedelta(minutes=10)
EARLIER = NOW - timedelta(minutes=10)


def variant(number: int, product: int = 1, **more: Any) -> VendorVariant:  # noqa: ANN401
    return VendorVariant("own", number, product, number + 1000, **{"updated_at": NOW, **more})


def by_place(ledger: Ledger, *items: int, account: str = "own") -> Mapping[tuple[int, int], VendorLevel]:
    return {(each.inventory_item_id, each.location_id): each for each in ledger.vendor_levels(account, items)}


def log(name: str, **more: Any) -> RefreshLog:  # noqa: ANN401
    basis: dict[str, Any] = {
        "account": "own",
        "sync_type": SyncType.MANUAL,
        "triggered_by": "ann",
        "started_at": NOW,
        "sync_batch_id": name,
    }
    return RefreshLog(name, **(basis | more))


class TestLevels:
    def test_are_stored_and_replaced(self, ledger: Ledger) -> None:
        ledger.store_vendor_levels("own", {1: {7: 5, 8: 0}}, NOW, "a")
        ledger.store_vendor_levels("own", {1: {7: 5, 8: 3}}, LATER, "b")
        found = by_place(ledger, 1)

        assert (found[1, 7].available, found[1, 7].last_change_at, found[1, 7].updated_at) == (5, NOW, LATER)
        assert (found[1, 8].available, found[1, 8].last_change_at) == (3, LATER)
        assert {each.sync_batch_id for each in found.values()} == {"b"}

    def test_an_older_reading_never_replaces_a_newer_one(self, ledger: Ledger) -> None:
        ledger.store_vendor_levels("own", {1: {7: 5}}, NOW, "a")
        ledger.store_vendor_levels("own", {1: {7: 9}, 2: {7: 1}}, EARLIER, "b")

        assert by_place(ledger, 1)[1, 7].available == 5
        assert by_place(ledger, 2)[2, 7].available == 1

    def test_an_older_reading_without_a_level_does_not_mark_it(self, ledger: Ledger) -> None:
        ledger.store_vendor_levels("own", {1: {7: 5, 8: 1}}, NOW, "a")
        ledger.store_vendor_levels("own", {1: {7: 5}}, EARLIER, "b")

        assert by_place(ledger, 1)[1, 8].gone_at is None

    def test_that_are_no_more_are_marked_until_they_are_back(self, ledger: Ledger) -> None:
        ledger.store_vendor_levels("own", {1: {7: 5, 8: 1}, 2: {8: 4}}, NOW, "a")
        ledger.store_vendor_levels("own", {1: {7: 5}}, NOW, "b")
        found = by_place(ledger, 1, 2)
        assert (found[1, 8].available, found[1, 8].gone_at, found[1, 8].last_change_at) == (None, NOW, NOW)
        assert found[2, 8].gone_at is None
        ledger.store_vendor_levels("own", {1: {}}, LATER, "c")
        assert by_place(ledger, 1)[1, 8].gone_at == NOW
        assert by_place(ledger, 1)[1, 7].gone_at == LATER
        ledger.store_vendor_levels("own", {1: {8: 0}}, LATER, "d")

        again = by_place(ledger, 1)[1, 8]
        assert (again.available, again.gone_at, again.last_change_at) == (0, None, LATER)

    def test_belong_to_their_account(self, ledger: Ledger) -> None:
        ledger.store_vendor_levels("own", {1: {7: 5}}, NOW, "a")
        ledger.store_vendor_levels("other", {1: {7: 6}}, NOW, "b")
        ledger.store_vendor_levels("other", {1: {}}, LATER, "c")

        assert by_place(ledger, 1)[1, 7].available == 5
        assert by_place(ledger, 1, account="other")[1, 7].available is None

    def test_many_at_once(self, ledger: Ledger) -> None:
        levels = {each: dict.fromkeys(range(3), each) for each in range(1, 2501)}
        ledger.store_vendor_levels("own", levels, NOW, "a")
        ledger.store_vendor_levels("own", levels, LATER, "b")

        found = by_place(ledger, *levels)
        assert len(found) == 7500
        assert {each.last_change_at for each in found.values()} == {NOW}
        assert {each.gone_at for each in found.values()} == {None}


class TestVariants:
    def test_are_stored_and_replaced(self, ledger: Ledger) -> None:
        ledger.store_vendor_variants([variant(1), variant(2, 9, sku="A")])
        ledger.store_vendor_variants([variant(2, 9, sku="B", tracked=False, updated_at=LATER)])
        ledger.store_vendor_variants([variant(2, 9, sku="C", updated_at=EARLIER)])

        (second,) = ledger.vendor_variants("own", [9])
        assert (second.sku, second.tracked, second.updated_at) == ("B", False, LATER)
        assert ledger.vendor_products("own") == {1, 9}
        assert ledger.vendor_products("other") == set()
        assert ledger.vendor_products_of("own", [1001, 1002, 5]) == {1001: 1, 1002: 9}
        assert ledger.vendor_variants_of_items("own", [1001]) == ledger.vendor_variants("own", [1])

    def test_that_are_no_more_are_marked_with_their_levels(self, ledger: Ledger) -> None:
        ledger.store_vendor_variants([variant(1), variant(2)])
        ledger.store_vendor_levels("own", {1001: {7: 5}, 1002: {7: 6}}, NOW, "a")
        gone = unlisted(ledger.vendor_variants("own", [1]), {2})

        assert ledger.mark_vendor_variants_gone("own", gone, LATER) == 1
        assert ledger.mark_vendor_variants_gone("own", gone, LATER) == 0
        assert by_place(ledger, 1001)[1001, 7].available is None
        assert by_place(ledger, 1002)[1002, 7].available == 6
        assert unlisted(ledger.vendor_variants("own", [1]), {2}) == []
        ledger.store_vendor_variants([variant(1, updated_at=LATER)])
        assert not any(each.gone_at for each in ledger.vendor_variants("own", [1]))

    def test_stock_counts_tracked_variants_that_are_there(self, ledger: Ledger) -> None:
        ledger.store_vendor_variants(
            [variant(1), variant(2), variant(3), variant(4, tracked=False), variant(5), variant(6)]
        )
        levels = {1001: {7: 5, 8: 1}, 1002: {7: 6}, 1003: {7: 0}, 1004: {7: 3}, 1005: {7: 9}}
        ledger.store_vendor_levels("own", levels, NOW, "a")
        ledger.mark_vendor_variants_gone("own", ledger.vendor_variants_of_items("own", [1005]), LATER)

        assert ledger.vendor_stock("own") == {6: 2, 0: 1, None: 1}
        assert ledger.vendor_stock("other") == {}


class TestTheLog:
    def test_begins_goes_on_and_ends(self, ledger: Ledger) -> None:
        ledger.start_refresh(log("a"))
        ledger.size_refresh("a", products=3, batches=2)
        ledger.advance_refresh("a", batches_done=1, errors=1)
        (running,) = ledger.running_refreshes("own")
        assert (running.products_total, running.batches_total, running.batches_done) == (3, 2, 1)
        assert ledger.last_manual_refresh("own") is None
        ending: Any = {
            "status": SyncStatus.COMPLETED,
            "products_synced": 3,
            "errors_count": 1,
            "error_details": {"errors": []},
            "result": {"totalProducts": 3},
        }
        assert ledger.finish_refresh("a", LATER, ending)
        assert not ledger.finish_refresh("a", LATER, ending)

        found = ledger.refresh_log("own", "a")
        assert found is not None
        assert (found.status, found.completed_at, found.result) == (
            SyncStatus.COMPLETED,
            LATER,
            {"totalProducts": 3},
        )
        assert ledger.running_refreshes("own") == []
        assert ledger.last_manual_refresh("own") == LATER
        assert ledger.last_manual_refresh("other") is None
        assert ledger.refresh_log("other", "a") is None

    def test_of_the_dead_is_closed_by_type(self, ledger: Ledger) -> None:
        ledger.start_refresh(log("a"))
        ledger.start_refresh(log("b", sync_type=SyncType.WEBHOOK, started_at=LATER))
        ledger.start_refresh(log("c", account="other"))

        closed = ledger.close_dead_refreshes("own", [SyncType.MANUAL], LATER, {"interrupted": True})
        assert [each.id for each in closed] == ["a"]
        assert [each.status for each in ledger.refresh_history("own")] == [
            SyncStatus.RUNNING,
            SyncStatus.FAILED,
        ]
        assert ledger.running_refreshes("other")

    @pytest.mark.parametrize("wrong", [{"sync_type": "hourly"}, {"status": "held"}])
    def test_takes_the_documents_words_only(self, wrong: Any, ledger: Ledger) -> None:  # noqa: ANN401
        with pytest.raises((EvenstockError, LookupError)):
            ledger.start_refresh(log("a", **wrong))

    def test_a_lease_tells_its_end(self, ledger: Ledger) -> None:
        ledger.acquire(["x"], "me", 60, NOW)

        assert ledger.held_until("x", NOW) == NOW + timedelta(seconds=60)
        assert ledger.held_until("x", NOW + timedelta(seconds=60)) is None
        assert ledger.held_until("y", NOW) is None


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans())), st.sets(st.integers(1, 4)))
def test_unlisted_are_those_that_were_there(known: list[tuple[int, bool]], listed: set[int]) -> None:
    variants = [variant(number, gone_at=NOW if gone else None) for number, gone in known]

    found = unlisted(variants, listed)
    assert [each.shopify_variant_id for each in found] == [
        number for number, gone in known if not gone and number not in listed
    ]
