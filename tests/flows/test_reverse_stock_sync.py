"""The whole flow against the stand-ins: what the shop holds afterwards, and what the report says of it."""

from typing import Any

import pytest

from connectors.errors import ConfigurationError
from tests.flows.stage import Stage
from tests.worlds import DAY, LOCATION, MARK, OWN, YESTERDAY, product, row, shoe, variant, world

pytestmark = pytest.mark.orchestrated

Report = dict[str, Any]


def one_shoe(shown: dict[str, int], stocked: dict[str, Any], **more: object) -> Report:
    item, rows = shoe(101, shown, stocked, **more)
    return world([item], rows)


def assert_even(report: Report) -> None:
    """Every level in exactly one place, and the origin document's equations."""
    books = report["balance"]
    outcomes = ("done", "unchanged", "held", "refused", "conflict", "failed", "parked", "not_sent")
    assert books["checked"] == books["unknown"] + books["planned"]
    assert books["planned"] == sum(books[outcome] for outcome in outcomes)
    counted = report["report"]["statistics"]
    assert counted["variants_checked"] == sum(
        counted[part] for part in ("variants_updated", "variants_deleted", "errors", "skipped")
    )
    assert counted["products_checked"] == counted["products_with_ccod"] + counted["products_without_ccod"]


class TestOneProduct:
    def test_takes_levels_to_what_rms_has_and_marks_the_product(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5, "38": 2}, {"37": 3, "38": 2}, tags=(YESTERDAY, "summer")))

        report = stage.run()

        assert stage.levels() == {"24X101-37": 3, "24X101-38": 2}
        assert stage.tags()[101] == sorted([MARK, "summer"], key=str.lower)
        assert report["success"] is True
        assert (
            report["report"]["details"]["updated"][0] | {"sku": "24X101-37", "old_qty": 5, "new_qty": 3}
            == (report["report"]["details"]["updated"][0])
        )
        assert report["receipt"] == {"read_back": 1, "drift": 0, "unconfirmed": 0}
        assert_even(report)

    def test_a_second_run_finds_nothing_to_do(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5}, {"37": 3}))
        stage.run()
        before = stage.writes()

        report = stage.run()

        assert report["balance"]["checked"] == 0
        assert stage.writes() == before

    def test_a_dry_run_writes_nothing_and_keeps_a_plan(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5}, {"37": 3}))

        report = stage.run(dry_run=True)

        assert stage.writes() == []
        assert report["balance"]["not_sent"] == 1
        assert report["plan_id"]
        assert_even(report)

    def test_a_dry_runs_plan_can_be_released(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5, "38": 2}, {"37": 3, "38": 2}))
        plan = stage.run(dry_run=True)["plan_id"]

        report = stage.release(plan)

        assert stage.levels() == {"24X101-37": 3, "24X101-38": 2}
        assert report["balance"] | {"checked": 1, "done": 1} == report["balance"]
        assert MARK in stage.tags()[101]

    def test_a_plan_is_released_once(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5}, {"37": 3}))
        plan = stage.run(dry_run=True)["plan_id"]
        stage.release(plan)

        with pytest.raises(ConfigurationError, match="applied"):
            stage.release(plan)

    def test_what_moved_since_is_not_released(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5, "38": 8}, {"37": 3, "38": 6}))
        plan = stage.run(dry_run=True)["plan_id"]
        stage.event(kind="edit", variant_id=10101, location_id=LOCATION, quantity=4)
        stage.event(system="rms", kind="edit", ccod="24X101", sku="24X101-38", quantity=7)

        report = stage.release(plan)

        reasons = {line["sku"]: line["reason"] for line in report["report"]["details"]["refused"]}
        assert reasons == {"24X101-37": "shop_moved", "24X101-38": "truth_moved"}
        assert stage.levels() == {"24X101-37": 4, "24X101-38": 8}


class TestUnknown:
    @pytest.mark.parametrize(
        ("stocked", "reason"),
        [({}, "not_in_rms"), ({"37": None}, "unreadable_quantity"), ({"37": "soon"}, "unreadable_quantity")],
    )
    def test_is_left_alone(self, stage: Stage, stocked: dict[str, Any], reason: str) -> None:
        stage.put(one_shoe({"37": 5, "38": 2}, {"38": 2} | stocked))

        report = stage.run()

        assert stage.levels()["24X101-37"] == 5
        (unknown,) = report["report"]["details"]["unknown"]
        assert (unknown["sku"], unknown["reason"]) == ("24X101-37", reason)
        assert unknown["since"]
        assert_even(report)

    def test_rms_down_leaves_everything_and_fails(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5}, {"37": 3}))
        stage.faults(system="rms", kind="down")

        report = stage.run()

        assert stage.writes() == []
        assert report["success"] is False
        assert report["error"]["message"]
        assert report["balance"]["unknown"] == 1
        assert_even(report)

    def test_half_an_answer_from_rms_zeroes_nothing(self, stage: Stage) -> None:
        stage.put(
            one_shoe({str(size): 5 for size in range(30, 40)}, {str(size): 5 for size in range(30, 40)})
        )
        stage.faults(system="rms", kind="partial")

        report = stage.run()

        assert all(units == 5 for units in stage.levels().values())
        assert report["balance"]["unknown"] == 5


class TestSales:
    @pytest.mark.parametrize("operation", ["nodes", "inventorySetQuantities"])
    def test_are_never_given_back(self, stage: Stage, operation: str) -> None:
        """Shop 10, RMS 12, three sold at any moment after the baseline: 9."""
        stage.put(one_shoe({"37": 10}, {"37": 12}))
        stage.event(
            kind="sale",
            variant_id=10101,
            location_id=LOCATION,
            quantity=3,
            before={"operation": operation, "nth": 1},
        )

        report = stage.run()

        assert stage.levels() == {"24X101-37": 9}
        assert report["success"] is True

    def test_late_bookings_are_taken_off(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        """RMS 12, shop 7, three sold two minutes ago, RMS books within 15 minutes: 9."""
        monkeypatch.setenv("RMS_ORDER_DELAY_MINUTES", "15")
        stage.put(one_shoe({"37": 10}, {"37": 12}))
        stage.event(kind="sale", variant_id=10101, location_id=LOCATION, quantity=3)
        stage.advance(120)

        stage.run()

        assert stage.levels() == {"24X101-37": 9}

    def test_on_hand_leaves_what_is_promised(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        """RMS 12, three committed: on hand 12, so 9 may be sold."""
        monkeypatch.setenv("REVERSE_SYNC_QUANTITY_NAME", "on_hand")
        stage.put(world([product(101, "24X101", variant(10101, "24X101-37", 2, committed=3))], [
            row("24X101", "24X101-37", 12)
        ]))  # fmt: skip

        stage.run()

        assert stage.levels() == {"24X101-37": 9}


class TestDeletion:
    def test_a_proved_zero_goes_and_its_siblings_stay(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5, "38": 2}, {"37": 5, "38": 0}))

        report = stage.run()

        assert stage.levels() == {"24X101-37": 5}
        assert report["report"]["details"]["deleted"][0]["sku"] == "24X101-38"
        assert report["report"]["statistics"]["variants_deleted"] == 1
        assert [call["operation"] for call in stage.writes() if call["what"] in {"level", "variant"}] == [
            "inventorySetQuantities",
            "productVariantsBulkDelete",
        ]
        assert_even(report)

    @pytest.mark.parametrize(
        ("more", "quantity", "check"),
        [
            ({"incoming": 4}, 0, "incoming_inventory"),
            ({"committed": 1}, 0, "stock_somewhere"),
            ({"policy": "CONTINUE"}, 0, "policy_continue"),
            ({}, -2, "not_exactly_zero"),
            ({}, 0.5, "not_exactly_zero"),
            ({}, "0", "not_exactly_zero"),
        ],
    )
    def test_what_fails_a_check_stays_at_zero(
        self, stage: Stage, more: dict[str, Any], quantity: object, check: str
    ) -> None:
        odd = variant(10102, "24X101-38", 2, **more)
        stage.put(
            world(
                [product(101, "24X101", variant(10101, "24X101-37", 5), odd)],
                [row("24X101", "24X101-37", 5), row("24X101", "24X101-38", quantity)],
            )
        )

        report = stage.run()

        assert stage.levels() == {"24X101-37": 5, "24X101-38": 0}
        (failure,) = report["report"]["details"]["deletion_validation_failures"]
        assert (failure["sku"], failure["reason"]) == ("24X101-38", check)
        assert_even(report)

    def test_a_recent_order_keeps_the_variant(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5, "38": 3}, {"37": 5, "38": 0}))
        stage.event(kind="sale", variant_id=10102, location_id=LOCATION, quantity=1)
        stage.event(kind="fulfil", order_id=stage.orders()[0]["id"])

        report = stage.run()

        (failure,) = report["report"]["details"]["deletion_validation_failures"]
        assert failure["reason"] == "recent_orders"
        assert stage.levels()["24X101-38"] == 0

    def test_the_last_variant_stays(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 1}, {"37": 0}))

        report = stage.run()

        assert stage.levels() == {"24X101-37": 0}
        assert report["report"]["details"]["deletion_validation_failures"][0]["reason"] == "only_variant"

    def test_a_product_that_would_lose_all_can_be_archived(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REVERSE_SYNC_PRESERVE_SINGLE_VARIANT", "false")
        stage.put(one_shoe({"37": 1, "38": 0}, {"37": 0, "38": 0}))

        stage.run()

        (shown,) = stage.world()["shopify"][OWN]["products"]
        assert shown["status"] == "ARCHIVED"
        assert len(shown["variants"]) == 2

    def test_is_off_when_asked(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5, "38": 2}, {"37": 5, "38": 0}))

        stage.run(delete_zero_stock=False)

        assert stage.levels() == {"24X101-37": 5, "24X101-38": 0}

    def test_without_the_scope_for_orders_nothing_is_deleted(self, stage: Stage) -> None:
        scopes = ["read_products", "write_products", "read_inventory", "write_inventory", "read_locations"]
        item, rows = shoe(101, {"37": 5, "38": 2}, {"37": 5, "38": 0})
        stage.put(world([item], rows, scopes=scopes))

        report = stage.run()

        assert stage.levels() == {"24X101-37": 5, "24X101-38": 0}
        assert report["report"]["details"]["deletion_validation_failures"][0]["reason"] == "orders_unreadable"


class TestIdentity:
    def test_case_and_blanks_do_not_matter(self, stage: Stage) -> None:
        stage.put(
            world(
                [product(101, " 24x101 ", variant(10101, "24x101-37 ", 5))],
                [row("24X101", "24X101-37", 3)],
            )
        )

        stage.run()

        assert stage.levels() == {"24x101-37 ": 3}

    def test_twins_in_the_shop_are_refused_even_when_one_is_marked(self, stage: Stage) -> None:
        stage.put(
            world(
                [
                    product(101, "24X101", variant(10101, "24X101-37", 5)),
                    product(102, "24X102", variant(10201, "24x101-37", 7), tags=(MARK,)),
                ],
                [row("24X101", "24X101-37", 3)],
            )
        )

        report = stage.run()

        assert stage.levels() == {"24X101-37": 5, "24x101-37": 7}
        (refused,) = report["report"]["details"]["refused"]
        assert refused["reason"] == "twin_in_shop"
        assert "24X101-37" in refused["note"]
        assert "24x101-37" in refused["note"]

    def test_twins_in_rms_are_refused(self, stage: Stage) -> None:
        stage.put(
            world(
                [product(101, "24X101", variant(10101, "24X101-37", 5))],
                [row("24X101", "24X101-37", 3), row("24X101", "24x101-37", 4)],
            )
        )

        report = stage.run()

        assert stage.levels() == {"24X101-37": 5}
        assert report["report"]["details"]["refused"][0]["reason"] == "twin_in_rms"

    def test_stock_without_a_variant_is_listed(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5}, {"37": 5, "39": 2}))

        report = stage.run()

        assert report["report"]["details"]["missing_in_shop"][0]["sku"] == "24X101-39"


class TestLimits:
    def test_a_mass_of_zeros_is_held_and_the_rest_goes_on(self, stage: Stage) -> None:
        shown = {str(size): 5 for size in range(20)}
        stage.put(one_shoe(shown, {size: (0 if int(size) < 8 else 6) for size in shown}))

        report = stage.run()

        assert report["balance"]["held"] == 8
        assert report["balance"]["done"] == 12
        assert sorted(set(stage.levels().values())) == [5, 6]
        assert MARK not in stage.tags()[101]
        assert report["plan_id"]
        assert_even(report)

    def test_a_held_plan_can_be_released(self, stage: Stage) -> None:
        shown = {str(size): 5 for size in range(20)}
        stage.put(one_shoe(shown, {size: (0 if int(size) < 8 else 6) for size in shown}))
        plan = stage.run(delete_zero_stock=False)["plan_id"]

        report = stage.release(plan)

        assert report["balance"]["done"] == 8
        assert sorted(stage.levels().values()) == [0] * 8 + [6] * 12
        assert MARK in stage.tags()[101]

    def test_the_limit_counts_the_day_before(self, stage: Stage) -> None:
        """Three runs of three zeros each are nine zeros of eighteen levels."""
        shoes = [shoe(number, {"37": 5, "38": 5}, {"37": 0, "38": 5}) for number in range(101, 110)]
        stage.put(world([item for item, _ in shoes], [each for _, rows in shoes for each in rows]))

        reports = [stage.run(limit=3, delete_zero_stock=False) for _ in range(3)]

        assert [report["balance"]["held"] for report in reports] == [0, 3, 3]

    def test_writes_off_sends_nothing(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EVENSTOCK_WRITES", "off")
        stage.put(one_shoe({"37": 5}, {"37": 3}))

        report = stage.run()

        assert stage.writes() == []
        assert report["writes"] == "off"
        assert report["balance"]["refused"] == 1
        assert_even(report)


class TestLevels:
    def test_untracked_items_are_refused(self, stage: Stage) -> None:
        odd = variant(10101, "24X101-37", 5, tracked=False)
        stage.put(world([product(101, "24X101", odd)], [row("24X101", "24X101-37", 3)]))

        report = stage.run()

        assert report["report"]["details"]["refused"][0]["reason"] == "untracked"

    def test_a_missing_level_is_refused(self, stage: Stage) -> None:
        stage.put(
            world(
                [product(101, "24X101", variant(10101, "24X101-37", None))], [row("24X101", "24X101-37", 3)]
            )
        )

        report = stage.run()

        assert report["report"]["details"]["refused"][0]["reason"] == "missing_level"

    def test_a_missing_level_is_activated_when_asked(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REVERSE_SYNC_MISSING_LEVEL", "activate")
        stage.put(
            world(
                [product(101, "24X101", variant(10101, "24X101-37", None))], [row("24X101", "24X101-37", 3)]
            )
        )

        report = stage.run()

        assert stage.levels() == {"24X101-37": 3}
        assert report["success"] is True

    def test_a_bundle_is_refused_and_its_neighbours_are_written(self, stage: Stage) -> None:
        odd = variant(10101, "24X101-37", 5, bundle=True)
        stage.put(
            world(
                [product(101, "24X101", odd, variant(10102, "24X101-38", 5))],
                [row("24X101", "24X101-37", 3), row("24X101", "24X101-38", 4)],
            )
        )

        report = stage.run()

        assert stage.levels()["24X101-38"] == 4
        assert report["balance"]["refused"] == 1
        assert_even(report)

    def test_more_than_250_variants(self, stage: Stage) -> None:
        sizes = {str(size): 5 for size in range(300)}
        stage.put(one_shoe(sizes, dict.fromkeys(sizes, 6)))

        report = stage.run()

        assert set(stage.levels().values()) == {6}
        assert report["balance"]["done"] == 300


class TestSettings:
    def test_switched_off(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ENABLE_REVERSE_STOCK_SYNC", "false")
        stage.put(one_shoe({"37": 5}, {"37": 3}))

        report = stage.run()

        assert stage.calls() == []
        assert "switched off" in report["message"]

    @pytest.mark.parametrize(
        "asked", [{"batch_size": 0}, {"batch_size": 251}, {"limit": -1}, {"day": "soon"}]
    )
    def test_bad_parameters_are_refused_before_any_call(self, stage: Stage, asked: dict[str, Any]) -> None:
        stage.put(one_shoe({"37": 5}, {"37": 3}))

        with pytest.raises(Exception, match=next(iter(asked))):
            stage.run(**asked)

        assert stage.calls() == []

    def test_a_future_day_is_refused(self, stage: Stage) -> None:
        stage.put(one_shoe({"37": 5}, {"37": 3}))

        with pytest.raises(ConfigurationError, match="future"):
            stage.run(day="2099-01-01")

        assert stage.writes() == []

    def test_a_wrong_token_is_one_sentence(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        stage.put(one_shoe({"37": 5}, {"37": 3}))
        monkeypatch.setenv("SHOPIFY_ADMIN_TOKEN", "wrong-token")

        with pytest.raises(ConfigurationError, match="SHOPIFY_ADMIN_TOKEN") as caught:
            stage.run()

        assert "wrong-token" not in str(caught.value)

    def test_a_missing_scope_is_named(self, stage: Stage) -> None:
        item, rows = shoe(101, {"37": 5}, {"37": 3})
        stage.put(world([item], rows, scopes=["read_products"]))

        with pytest.raises(ConfigurationError, match="write_inventory"):
            stage.run()

    def test_a_wrong_location_lists_those_there_are(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stage.put(one_shoe({"37": 5}, {"37": 3}))
        monkeypatch.setenv("SHOPIFY_LOCATION_ID", "99")

        with pytest.raises(ConfigurationError, match="Main"):
            stage.run()


def test_the_day_can_be_asked_for(stage: Stage) -> None:
    stage.put(one_shoe({"37": 5}, {"37": 3}, tags=(MARK,)))

    report = stage.run(day="2026-11-20")

    assert report["day"] == "2026-11-20"
    assert report["warnings"]
    assert MARK in stage.tags()[101]
    assert DAY not in report["message"]


def test_products_are_looked_at_once_whatever_their_mark(stage: Stage) -> None:
    stage.put(one_shoe({"37": 5}, {"37": 3}, tags=(MARK,)))

    report = stage.run(products=[101, 404, 101])

    assert stage.levels() == {"24X101-37": 3}
    assert report["balance"]["checked"] == report["balance"]["done"] == 1
    assert report["warnings"] == ["the shop has no product 404"]


def test_a_store_that_cannot_be_reached_ends_in_a_report(stage: Stage) -> None:
    stage.put(one_shoe({"37": 5}, {"37": 3}))
    stage.faults(kind="http", status=502, operation="shop", times=-1)

    report = stage.run()

    assert report["success"] is False
    assert "502" in report["error"]["message"]
    assert_even(report)


def test_an_empty_answer_just_before_the_write_marks_nothing(stage: Stage) -> None:
    stage.put(one_shoe({"37": 5}, {"37": 3}))
    stage.faults(kind="empty", operation="nodes", times=-1)

    report = stage.run()

    assert stage.levels() == {"24X101-37": 5}
    assert report["report"]["details"]["conflicts"][0]["reason"] == "vanished"
    assert MARK not in stage.tags()[101]

    stage.sandbox.faults([])
    assert stage.run()["balance"]["done"] == 1
