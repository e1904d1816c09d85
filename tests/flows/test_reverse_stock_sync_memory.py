"""What one run leaves for the next: deleted variants, bindings, days at zero, on both databases."""

import pytest

from connectors.errors import ConfigurationError
from tests.flows.stage import Stage
from tests.worlds import MARK, shoe, world

pytest_plugins = ["tests.databases"]
pytestmark = pytest.mark.orchestrated


def put_shoe(stage: Stage, shown: dict[str, int], stocked: dict[str, int]) -> None:
    item, rows = shoe(101, shown, stocked)
    stage.put(world([item], rows))


def stock(stage: Stage, size: str, quantity: int) -> None:
    stage.event(system="rms", kind="edit", ccod="24X101", sku=f"24X101-{size}", quantity=quantity)


def test_stock_of_a_deleted_variant_is_reported(stage: Stage) -> None:
    put_shoe(stage, {"37": 5, "38": 2}, {"37": 5, "38": 0})
    stage.run()
    stock(stage, "38", 4)

    report = stage.run(products=[101])

    (restocked,) = report["report"]["details"]["restocked_after_deletion"]
    assert (restocked["sku"], restocked["quantity"]) == ("24X101-38", 4)
    assert report["report"]["details"]["missing_in_shop"] == []


def test_a_zero_has_to_last(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVERSE_SYNC_ZERO_DAYS", "2")
    put_shoe(stage, {"37": 5, "38": 2}, {"37": 5, "38": 0})

    report = stage.run()

    assert stage.levels() == {"24X101-37": 5, "24X101-38": 0}
    (failure,) = report["report"]["details"]["deletion_validation_failures"]
    assert failure["reason"] == "zero_days"


def test_deletions_of_a_day_are_capped(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_DELETIONS", "2")
    put_shoe(stage, {"37": 5, "38": 1, "39": 1, "40": 1}, {"37": 5, "38": 0, "39": 0, "40": 0})

    first = stage.run()
    second = stage.run(products=[101])

    assert first["report"]["statistics"]["variants_deleted"] == 2
    assert second["report"]["statistics"]["variants_deleted"] == 0
    assert len(stage.levels()) == 2


def test_those_never_tried_come_first(stage: Stage) -> None:
    shoes = [shoe(number, {"37": 5}, {}) for number in range(101, 104)]
    stage.put(world([item for item, _ in shoes], [each for _, rows in shoes for each in rows]))

    looked_at = [stage.run(limit=1)["report"]["details"]["unknown"][0]["product_id"] for _ in range(4)]

    assert looked_at == [101, 102, 103, 101]


@pytest.mark.parametrize("many", [3])
def test_the_ledger_may_be_postgresql(
    stage: Stage, postgres_url: str, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", postgres_url)
    shoes = [shoe(number, {"37": 5, "38": 2}, {"37": 4, "38": 0}) for number in range(101, 101 + many)]
    stage.put(world([item for item, _ in shoes], [each for _, rows in shoes for each in rows]))

    plan = stage.run(dry_run=True)["plan_id"]
    report = stage.release(plan)

    assert report["balance"]["done"] == 2 * many
    assert set(stage.levels().values()) == {4}
    assert all(MARK in tags for tags in stage.tags().values())


def test_a_plan_dies_of_old_age(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENSTOCK_NOW", "2026-11-21T10:00:00Z")
    put_shoe(stage, {"37": 5}, {"37": 3})
    plan = stage.run(dry_run=True)["plan_id"]
    monkeypatch.setenv("EVENSTOCK_NOW", "2026-11-22T10:01:00Z")

    with pytest.raises(ConfigurationError, match="expired"):
        stage.release(plan)

    assert stage.writes() == []


def test_the_limits_forget_after_a_day(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_DELETIONS", "1")
    monkeypatch.setenv("EVENSTOCK_NOW", "2026-11-21T10:00:00Z")
    put_shoe(stage, {"37": 5, "38": 1, "39": 1}, {"37": 5, "38": 0, "39": 0})
    stage.run()
    monkeypatch.setenv("EVENSTOCK_NOW", "2026-11-22T10:01:00Z")

    stage.run(products=[101])

    assert stage.levels() == {"24X101-37": 5}
