"""inventorySetQuantities and its kin, row by row of the contract sheet's §8."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox.app import Sandbox
from tests.sandbox.shopper import MAIN, SET, Shopper, boot, gid, runner, shopper, world

ITEM = "gid://shopify/InventoryItem/5001"


@pytest.fixture
def shop() -> Shopper:
    return shopper()


def test_a_set_writes_and_mirrors_on_hand(shop: Shopper) -> None:
    group = shop.set((5001, 9, 5))["inventoryAdjustmentGroup"]
    changes = [(line["name"], line["delta"], line["quantityAfterChange"]) for line in group["changes"]]
    assert changes == [("available", 4, None), ("on_hand", 4, None)]
    assert shop.level(5001) == {
        "active": True,
        "available": 9,
        "committed": 0,
        "on_hand": 9,
        "incoming": 0,
        "reserved": 0,
        "damaged": 0,
    }


def test_a_set_of_on_hand_moves_available() -> None:
    shop = shopper(runner(levels={"1": {"available": 5, "committed": 3}}))
    shop.set((5001, 12, 8), name="on_hand")
    level = shop.level(5001)
    assert level is not None
    assert (level["available"], level["committed"], level["on_hand"]) == (9, 3, 12)


def test_the_same_value_again_is_a_success_without_a_group(shop: Shopper) -> None:
    assert shop.set((5001, 5, 5)) == {"inventoryAdjustmentGroup": None, "userErrors": []}
    assert shop.sandbox.writes() == []


def test_negative_available_is_allowed(shop: Shopper) -> None:
    shop.set((5001, -2, 5))
    assert shop.available(5001) == -2


def test_null_skips_the_comparison(shop: Shopper) -> None:
    shop.set((5001, 1, None))
    assert shop.available(5001) == 1


def test_a_stale_row_refuses_the_whole_batch_without_saying_which(shop: Shopper) -> None:
    assert shop.problems((5001, 9, 4), (5002, 1, 7)) == [("CHANGE_FROM_QUANTITY_STALE", None)]
    assert (shop.available(5001), shop.available(5002)) == (5, 7)


def test_stale_rows_may_be_told_one_by_one() -> None:
    shop = shopper(switches={"stale": "each"})
    wrong = shop.problems((5001, 9, 4), (5002, 1, 6))
    fields = [["input", "quantities", place, "changeFromQuantity"] for place in "01"]
    assert wrong == [("CHANGE_FROM_QUANTITY_STALE", field) for field in fields]


ROW = ["input", "quantities", "0"]


@pytest.mark.parametrize(
    ("rows", "extra", "expected"),
    [
        ([(5001, 1, 5)], {"name": "committed"}, [("INVALID_NAME", ["input", "name"])]),
        ([(5001, 1, 5)], {"reason": "because"}, [("INVALID_REASON", ["input", "reason"])]),
        (
            [(5001, 1, 5)],
            {"referenceDocumentUri": "nonsense"},
            [("INVALID_REFERENCE_DOCUMENT", ["input", "referenceDocumentUri"])],
        ),
        ([(9, 1, 5)], {}, [("INVALID_INVENTORY_ITEM", [*ROW, "inventoryItemId"])]),
        (
            [(9, 1, 5)],
            {"at": 7},
            [
                ("INVALID_INVENTORY_ITEM", [*ROW, "inventoryItemId"]),
                ("INVALID_LOCATION", [*ROW, "locationId"]),
            ],
        ),
        (
            [(5001, 1, 5), (5001, 2, 5)],
            {},
            [
                ("NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR", ["input", "quantities", place])
                for place in ("0", "1")
            ],
        ),
        ([(5001, 1_000_000_001, 5)], {}, [("INVALID_QUANTITY_TOO_HIGH", [*ROW, "quantity"])]),
        ([(5001, -1_000_000_001, 5)], {}, [("INVALID_QUANTITY_TOO_LOW", [*ROW, "quantity"])]),
        ([(5001, -1, 5)], {"name": "on_hand"}, [("INVALID_QUANTITY_NEGATIVE", [*ROW, "quantity"])]),
    ],
)
def test_what_a_set_refuses(
    shop: Shopper, rows: list[tuple[int, int, int | None]], extra: dict[str, Any], expected: object
) -> None:
    assert shop.problems(*rows, **extra) == expected
    assert shop.sandbox.writes() == []


def test_a_bad_row_refuses_the_good_ones(shop: Shopper) -> None:
    shop.problems((5001, 1, 5), (9, 1, 5))
    assert shop.available(5001) == 5


def test_a_bundle_cannot_be_set() -> None:
    shop = shopper(runner(bundle=True))
    assert shop.problems((5001, 1, 5)) == [("NON_MUTABLE_INVENTORY_ITEM", [*ROW, "inventoryItemId"])]


def test_a_row_without_compare_is_refused_at_the_top(shop: Shopper) -> None:
    row = {"inventoryItemId": ITEM, "locationId": MAIN, "quantity": 1}
    given = {"name": "available", "reason": "correction", "quantities": [row]}
    body = shop.ask(SET, input=given, key="k")
    assert body["data"] == {"inventorySetQuantities": None}
    assert body["errors"][0]["extensions"]["code"] == "INVALID_FIELD_ARGUMENTS"
    assert body["errors"][0]["path"] == ["inventorySetQuantities"]
    assert shop.set((5001, 1, 5), key="k")["userErrors"] == []


@pytest.mark.parametrize("removed", ["ignoreCompareQuantity", "compareQuantity"])
def test_removed_fields_do_not_run(shop: Shopper, removed: str) -> None:
    row = {"inventoryItemId": ITEM, "locationId": MAIN, "quantity": 1, "changeFromQuantity": 5, removed: 1}
    given = {"name": "available", "reason": "correction", "quantities": [row]}
    body = shop.ask(SET, input=given, key="k")
    assert "data" not in body
    assert body["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"
    assert shop.available(5001) == 5


# --------------------------------------------------------------- idempotency


def test_a_key_is_required(shop: Shopper) -> None:
    body = shop.ask(
        "mutation S($input: InventorySetQuantitiesInput!) "
        "{ inventorySetQuantities(input: $input) { userErrors { code } } }",
        input={"name": "available", "reason": "correction", "quantities": []},
    )
    assert body["data"] == {"inventorySetQuantities": None}
    assert body["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_a_replay_does_not_write_again(shop: Shopper) -> None:
    first = shop.set((5001, 3, 5), key="once")
    shop.set((5001, 5, 3), key="back")
    assert shop.set((5001, 3, 5), key="once") == first
    assert shop.available(5001) == 5


def test_a_forgetful_vendor_writes_again() -> None:
    shop = shopper(switches={"idempotency": "forgotten"})
    shop.set((5001, 3, 5), key="once")
    assert shop.problems((5001, 3, 5), key="once") == [("CHANGE_FROM_QUANTITY_STALE", None)]
    shop.set((5001, 5, 3), key="back")
    shop.set((5001, 3, 5), key="once")
    assert shop.available(5001) == 3


def test_a_key_with_other_parameters_is_refused(shop: Shopper) -> None:
    shop.set((5001, 3, 5), key="once")
    assert shop.problems((5001, 4, 3), key="once") == [("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", None)]


def test_a_failed_attempt_spends_its_key(shop: Shopper) -> None:
    shop.problems((5001, 3, 4), key="once")
    assert shop.problems((5001, 3, 4), key="once") == [("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", None)]


def test_a_key_whose_first_call_is_not_answered_yet_is_running() -> None:
    slow = Sandbox(world(runner()), latency={"inventorySetQuantities": 0.5}, jitter=0)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(Shopper(slow).set, (5001, 3, 5), key="once") for _ in range(2)]
        problems = [call.result()["userErrors"] for call in calls]
    assert sorted(len(one) for one in problems) == [0, 1]
    assert [one["code"] for both in problems for one in both] == ["IDEMPOTENCY_CONCURRENT_REQUEST"]
    assert len(slow.writes()) == 1


def test_after_a_day_a_key_is_new(shop: Shopper) -> None:
    shop.set((5001, 3, 5), key="once")
    shop.set((5001, 5, 3), key="back")
    shop.sandbox.clock.advance(24 * 3600 + 1)
    shop.set((5001, 3, 5), key="once")
    assert shop.available(5001) == 3


# --------------------------------------------------------- levels that are not


def test_a_set_where_nothing_is_stocked_succeeds_unseen(shop: Shopper) -> None:
    assert shop.set((5001, 4, 0), at=2)["userErrors"] == []
    assert shop.level(5001, 2, hidden=False) is None
    assert shop.level(5001, 2) == {"active": False, **_plain(4)}
    assert shop.data('{ productVariant(id: "gid://shopify/ProductVariant/1001") { inventoryQuantity } }') == {
        "inventoryQuantity": 5
    }


def _plain(available: int) -> dict[str, int]:
    zeros = dict.fromkeys(("committed", "incoming", "reserved", "damaged"), 0)
    return {"available": available, "on_hand": available, **zeros}


@pytest.mark.parametrize(("position", "active"), [("visible", True), ("invisible", False)])
def test_what_a_set_makes_of_a_missing_level(position: str, active: bool) -> None:  # noqa: FBT001
    shop = shopper(switches={"unstocked": position})
    shop.set((5001, 4, 0), at=2)
    level = shop.level(5001, 2)
    assert level is not None
    assert level["active"] is active


def test_a_set_where_nothing_is_stocked_may_be_refused() -> None:
    shop = shopper(switches={"unstocked": "refused"})
    assert shop.problems((5001, 4, 0), at=2) == [("ITEM_NOT_STOCKED_AT_LOCATION", [*ROW, "locationId"])]


ACTIVATE = """
mutation A($item: ID!, $at: ID!, $available: Int, $onHand: Int, $key: String!) {
  inventoryActivate(inventoryItemId: $item, locationId: $at, available: $available, onHand: $onHand)
    @idempotent(key: $key) {
    inventoryLevel { id isActive }
    userErrors { field message }
  }
}
"""


def activate(shop: Shopper, at: int, key: str = "a", **extra: int) -> dict[str, Any]:
    return dict(shop.data(ACTIVATE, item=ITEM, at=gid("Location", at), key=key, **extra))


def test_activation_makes_a_level(shop: Shopper) -> None:
    level = activate(shop, 2)["inventoryLevel"]
    assert level == {"id": "gid://shopify/InventoryLevel/2?inventory_item_id=5001", "isActive": True}
    assert shop.available(5001, 2) == 0


def test_activation_brings_earlier_quantities_back() -> None:
    levels = {"1": {"available": 5}, "2": {"available": 8, "active": False}}
    shop = shopper(runner(levels=levels))
    activate(shop, 2)
    assert shop.available(5001, 2) == 8
    zeroing = shopper(runner(levels=levels), switches={"activate": "zeroes"})
    activate(zeroing, 2)
    assert zeroing.available(5001, 2) == 0


def test_activation_takes_a_quantity_only_where_none_is_active(shop: Shopper) -> None:
    assert activate(shop, 1, available=9)["userErrors"][0]["field"] == ["available"]
    assert activate(shop, 2, key="b", available=9)["userErrors"] == []
    assert (shop.available(5001), shop.available(5001, 2)) == (5, 9)
    assert activate(shop, 2, key="c", available=1, onHand=1)["inventoryLevel"] is None


def test_activation_somewhere_unknown_is_refused(shop: Shopper) -> None:
    assert [error["field"] for error in activate(shop, 9)["userErrors"]] == [["locationId"]]


DEACTIVATE = "mutation D($id: ID!) { inventoryDeactivate(inventoryLevelId: $id) { userErrors { message } } }"


def test_deactivation_hides_a_level_and_keeps_its_quantities() -> None:
    shop = shopper(runner(levels={"1": {"available": 5}, "2": {"available": 8}}))
    level = "gid://shopify/InventoryLevel/{}?inventory_item_id=5001"
    assert shop.data(DEACTIVATE, id=level.format(2)) == {"userErrors": []}
    assert shop.level(5001, 2, hidden=False) is None
    assert shop.available(5001, 2) == 8
    assert shop.data(DEACTIVATE, id=level.format(1))["userErrors"]


# -------------------------------------------------------------------- adjust

ADJUST = """
mutation A($input: InventoryAdjustQuantitiesInput!, $key: String!) {
  inventoryAdjustQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { changes { name delta } }
    userErrors { code field }
  }
}
"""


def adjust(shop: Shopper, name: str, delta: int, document: str | None = None) -> dict[str, Any]:
    row = {"inventoryItemId": ITEM, "locationId": MAIN, "delta": delta, "changeFromQuantity": None}
    given = {"name": name, "reason": "correction", "changes": [{**row, "ledgerDocumentUri": document}]}
    return dict(shop.data(ADJUST, input=given, key=f"{name}{delta}{document}"))


def test_an_adjustment_adds(shop: Shopper) -> None:
    adjust(shop, "available", -2)
    adjust(shop, "incoming", 6, "app://order/1")
    adjust(shop, "reserved", 1, "app://order/1")
    level = shop.level(5001)
    assert level is not None
    assert (level["available"], level["incoming"], level["reserved"], level["on_hand"]) == (3, 6, 1, 4)


@pytest.mark.parametrize(
    ("name", "document", "code"),
    [
        ("available", "app://order/1", "INVALID_AVAILABLE_DOCUMENT"),
        ("incoming", None, "INVALID_QUANTITY_DOCUMENT"),
        ("on_hand", None, "INVALID_QUANTITY_NAME"),
        ("committed", None, "INVALID_QUANTITY_NAME"),
    ],
)
def test_what_an_adjustment_refuses(shop: Shopper, name: str, document: str | None, code: str) -> None:
    assert [error["code"] for error in adjust(shop, name, 1, document)["userErrors"]] == [code]


def test_no_difference_is_no_adjustment(shop: Shopper) -> None:
    assert adjust(shop, "available", 0) == {"inventoryAdjustmentGroup": None, "userErrors": []}


def test_tracking_is_switched_on() -> None:
    shop = shopper(runner(tracked=False), boot())
    track = (
        "mutation T($id: ID!) { inventoryItemUpdate(id: $id, input: { tracked: true }) "
        "{ inventoryItem { tracked } userErrors { message } } }"
    )
    assert shop.data(track, id=ITEM)["inventoryItem"] == {"tracked": True}


def test_more_rows_than_250_are_refused(shop: Shopper) -> None:
    row = {"inventoryItemId": ITEM, "locationId": MAIN, "quantity": 1, "changeFromQuantity": 5}
    given = {"name": "available", "reason": "correction", "quantities": [row] * 251}
    body = shop.ask(SET, input=given, key="k")
    assert "data" not in body
    assert body["errors"][0]["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"


def test_every_write_is_in_the_ledger(shop: Shopper) -> None:
    shop.set((5001, 3, 5), (5002, 7, 7), key="k1")
    assert shop.sandbox.writes() == [
        {
            "time": "2026-11-21T12:00:00Z",
            "system": "shopify",
            "account": "own.example",
            "operation": "inventorySetQuantities",
            "key": "k1",
            "what": "level",
            "id": 5001,
            "location": 1,
            "name": "available",
            "before": 5,
            "after": 3,
        }
    ]
