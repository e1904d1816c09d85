"""What an inventory refresh is asked for, and what it amounts to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ledger.records import RefreshLog, SyncType, VendorLevel
from tasks import refreshing
from tasks.refresh_page import markdown, table
from tasks.refreshing import BatchEnd, Found, Refresh, RefreshRefused, Remainder, Tale

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
IDS = st.integers(1, refreshing.LARGEST_ID)


def tale(found: Found, *ends: BatchEnd, dry_run: bool = False) -> Tale:
    refresh = Refresh("log", "run", "own", SyncType.MANUAL, "ann", NOW, dry_run=dry_run)
    return Tale(refresh, found, list(ends), seconds=45.0)


def level(item: int, place: int, available: int | None, **more: Any) -> VendorLevel:  # noqa: ANN401
    return VendorLevel("own", item, place, available, NOW, **more)


def finished(details: Any) -> RefreshLog:  # noqa: ANN401
    return RefreshLog("a", "own", SyncType.MANUAL, "ann", NOW, "a", error_details=details)


class TestProductIds:
    @given(st.lists(IDS, min_size=1))
    def test_each_is_taken_once_in_its_order(self, ids: list[int]) -> None:
        assert refreshing.product_ids(ids) == tuple(dict.fromkeys(ids))
        assert refreshing.product_ids([str(each) for each in ids]) == tuple(dict.fromkeys(ids))

    @given(
        st.lists(IDS),
        st.integers(max_value=0)
        | st.integers(min_value=2**63)
        | st.floats()
        | st.booleans()
        | st.none()
        | st.text().filter(lambda text: not text.isdigit()),
    )
    def test_one_wrong_one_refuses_all(self, ids: list[int], wrong: object) -> None:
        with pytest.raises(RefreshRefused) as caught:
            refreshing.product_ids([*ids, wrong])
        assert caught.value.code == "INVALID_PRODUCT_IDS"

    @pytest.mark.parametrize("nothing", [None, [], (), {}, "1", 1, {"ids": [1]}])
    def test_no_list_or_an_empty_one(self, nothing: object) -> None:
        with pytest.raises(RefreshRefused, match="at least one"):
            refreshing.product_ids(nothing)


class TestCooldown:
    def test_lasts_so_many_minutes(self) -> None:
        assert refreshing.cooldown_until(None, 5, NOW) is None
        assert refreshing.cooldown_until(NOW, 5, NOW) == NOW + timedelta(minutes=5)
        assert refreshing.cooldown_until(NOW, 5, NOW + timedelta(minutes=5)) is None
        assert refreshing.cooldown_until(NOW, 0, NOW) is None
        assert refreshing.cooldown_until(NOW + timedelta(days=400), 5, NOW) is None


class TestCompare:
    def test_an_item_without_a_number_is_unknown_as_a_whole(self) -> None:
        compared = refreshing.compare([1, 2], {1: {7: 3, 8: None}, 2: {7: 0}}, [level(1, 7, 9)])

        assert compared.levels == {2: {7: 0}}
        assert compared.failed == {1: refreshing.NO_NUMBER}
        assert [change["inventory_item_id"] for change in compared.changes] == [2]

    def test_an_item_without_an_answer_has_failed(self) -> None:
        assert refreshing.compare([1], {}, [level(1, 7, 9)]).failed == {1: refreshing.NOT_IN_STORE}
        assert refreshing.compare([1], {}, [level(1, 7, 9)]).changes == ()

    def test_tells_new_changed_and_gone_levels(self) -> None:
        known = [level(1, 7, 5), level(1, 8, 5), level(1, 9, 5), level(1, 6, None, gone_at=NOW)]
        compared = refreshing.compare([1], {1: {7: 5, 8: 4, 10: 1}}, known)

        assert [(each["location_id"], each["reason"], each["to"]) for each in compared.changes] == [
            (8, "changed", 4),
            (9, "gone", None),
            (10, "new", 1),
        ]

    @given(
        st.dictionaries(st.integers(1, 5), st.dictionaries(st.integers(1, 3), st.none() | st.integers(-3, 9)))
    )
    def test_every_item_is_stored_or_failed(self, found: dict[int, dict[int, int | None]]) -> None:
        items = range(1, 6)
        compared = refreshing.compare(items, found, [])

        assert compared.levels.keys() | compared.failed.keys() == set(items)
        assert not compared.levels.keys() & compared.failed.keys()


class TestTheAnswer:
    def test_counts_as_in_the_document(self) -> None:
        """150 variants of 50 products; three items of the third batch fail, of two products."""
        products = {number: tuple(range(number * 3, number * 3 + 3)) for number in range(50)}
        items = [item for each in products.values() for item in each]
        bad = dict.fromkeys(items[120:123], "Rate limit exceeded") | {items[123]: "Rate limit exceeded"}
        del bad[items[120]]
        ends = [BatchEnd(number + 1, tuple(items[number * 50 : number * 50 + 50])) for number in range(2)]
        ends.append(BatchEnd(3, tuple(items[100:]), failed=bad))
        data = refreshing.data(tale(Found(products), *ends))

        assert data == {
            "syncLogId": "log",
            "totalProducts": 50,
            "successfulProducts": 48,
            "failedProducts": 2,
            "totalVariantsProcessed": 150,
            "inventoryUpdates": 147,
            "processingTime": 45000,
            "errors": [{"batch": 3, "error": "Rate limit exceeded", "inventoryItems": items[121:124]}],
        }

    def test_unknown_and_unread_products_have_failed(self) -> None:
        told = tale(Found({1: (1,)}, unknown=(2,), unread={3: "no answer"}), BatchEnd(1, (1,)))

        assert told.failed_products == {2, 3}
        assert refreshing.data(told)["failedProducts"] == 2
        report = refreshing.report(told)
        assert report["success"] is False
        assert "2 products failed" in str(report["message"])

    @given(
        st.dictionaries(st.integers(1, 9), st.lists(st.integers(1, 30), max_size=4).map(tuple)),
        st.sets(st.integers(1, 30)),
        st.booleans(),
    )
    def test_adds_up(self, products: dict[int, tuple[int, ...]], bad: set[int], dry_run: bool) -> None:  # noqa: FBT001
        found = Found(products)
        items = found.items
        end = BatchEnd(1, items, failed={item: "x" for item in items if item in bad})
        told = tale(found, end, dry_run=dry_run)
        data: Any = refreshing.data(told)
        balance: Any = refreshing.report(told)["balance"]

        assert data["totalProducts"] == data["successfulProducts"] + data["failedProducts"]
        assert balance["checked"] == balance["unknown"] + balance["planned"]
        outcomes = ("done", "unchanged", "held", "refused", "conflict", "failed", "parked", "not_sent")
        assert balance["planned"] == sum(balance[name] for name in outcomes)
        listed = {item for each in data["errors"] for item in each["inventoryItems"]}
        assert listed == set(items) & bad

    def test_a_batch_survives_being_a_tasks_result(self) -> None:
        end = BatchEnd(2, (1, 2), {2: "why"}, "why", ({"inventory_item_id": 1},), 1.5, {"retries": 2})

        assert refreshing.end_from_json(refreshing.end_to_json(end)) == end

    def test_without_any_product_read_there_is_nothing_to_go_on_with(self) -> None:
        limited = refreshing.unreadable(tale(Found({}, unread={1: "busy"}, is_limited=True)))
        failed = refreshing.unreadable(tale(Found({}, unread={1: "away"})))

        assert limited is not None
        assert limited.code == "SHOPIFY_RATE_LIMITED"
        assert failed is not None
        assert failed.code == "INVENTORY_REFRESH_FAILED"
        assert refreshing.unreadable(tale(Found({2: ()}, unread={1: "away"}))) is None
        assert refreshing.unreadable(tale(Found({}))) is None


class TestRemainder:
    def test_is_what_failed(self) -> None:
        told = tale(
            Found({1: (1, 2, 3)}, unknown=(8,), unread={9: "x"}), BatchEnd(1, (1, 2, 3), failed={2: "x"})
        )

        assert refreshing.remainder(finished(refreshing.error_details(told)), [1, 8, 9]) == Remainder(
            (2,), (9,)
        )

    def test_of_a_killed_one_is_everything(self) -> None:
        assert refreshing.remainder(finished({"interrupted": True}), [1, 2]) == Remainder((), (1, 2))

    def test_of_one_of_all_products_that_came_to_nothing_is_refused(self) -> None:
        with pytest.raises(RefreshRefused, match="run inventory-refresh-scheduled"):
            refreshing.remainder(finished({"errors": []}), [])

    def test_of_a_whole_one_is_refused(self) -> None:
        with pytest.raises(RefreshRefused, match="nothing to retry"):
            refreshing.remainder(finished(refreshing.error_details(tale(Found({1: ()})))), [1])


class TestThePage:
    def test_says_how_to_retry(self) -> None:
        told = tale(Found({1: (1,)}), BatchEnd(1, (1,), failed={1: "<b>no</b>"}))

        assert "retry_of" in markdown(told)
        assert "<b>" not in markdown(told)
        assert table(told)[0]["errors"] == 1
        assert "retry_of" not in markdown(tale(Found({1: (1,)}), BatchEnd(1, (1,))))
