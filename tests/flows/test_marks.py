"""The day's mark is left on what is finished, and once a day older marks go from everything."""

import pytest

from tests.flows.stage import Stage
from tests.worlds import MARK, YESTERDAY, World, product, shoe, variant, world

pytestmark = pytest.mark.orchestrated

OLDER = "RMS-SYNC-25-12-31"
TOMORROW = "RMS-SYNC-26-11-22"


def marked_by_the_main_sync(number: int, *more: str) -> World:
    """A product that today's main sync has seen already."""
    ccod = f"24X{number}"
    return product(number, ccod, variant(number * 100, f"{ccod}-37", 5), tags=(MARK, *more))


def shop(*marked: World, unmarked_tags: tuple[str, ...] = (YESTERDAY, "sale")) -> World:
    """Some marked products, one to write and one that RMS does not know."""
    shown, rows = shoe(101, {"37": 5}, {"37": 3}, tags=unmarked_tags)
    stranger, _ = shoe(102, {"37": 5}, {}, tags=(OLDER, "new"))
    return world([shown, stranger, *marked], rows)


def calls(stage: Stage, operation: str) -> int:
    """How many calls of an operation the shop saw."""
    return sum(1 for call in stage.calls() if call["operation"] == operation)


class TestTheSweep:
    def test_takes_older_marks_off_all_products(self, stage: Stage) -> None:
        stage.put(shop(marked_by_the_main_sync(103, OLDER, YESTERDAY, "sale"), marked_by_the_main_sync(104)))
        report = stage.run()
        assert stage.tags() == {101: [MARK, "sale"], 102: ["new"], 103: [MARK, "sale"], 104: [MARK]}
        statistics = report["report"]["statistics"]
        assert (statistics["products_marked"], statistics["products_swept"]) == (1, 2)

    def test_leaves_later_marks_alone(self, stage: Stage) -> None:
        stage.put(shop(marked_by_the_main_sync(103, TOMORROW, OLDER)))
        stage.run()
        assert stage.tags()[103] == [MARK, TOMORROW]

    def test_frees_a_product_that_is_full_of_marks(self, stage: Stage) -> None:
        """A product takes 250 tags; one that the main sync marks each day reaches them in a year."""
        full = [f"RMS-SYNC-26-{month:02}-{day:02}" for month in range(1, 11) for day in range(1, 26)][:249]
        stage.put(shop(marked_by_the_main_sync(103, *full)))
        stage.run()
        assert stage.tags()[103] == [MARK]

    def test_comes_once_a_day(self, stage: Stage) -> None:
        stage.put(shop(marked_by_the_main_sync(103, OLDER)))
        stage.run()
        stage.event(kind="tag", product_id=103, tag=YESTERDAY)
        again = stage.run()
        assert again["report"]["statistics"]["products_swept"] == 0
        assert YESTERDAY in stage.tags()[103]

    def test_comes_again_when_it_did_not_succeed(self, stage: Stage) -> None:
        stage.put(shop(marked_by_the_main_sync(103, OLDER)))
        stage.faults(operation="tagsRemove", kind="graphql_error", code="INTERNAL_SERVER_ERROR", times=-1)
        report = stage.run()
        assert report["success"] is True
        assert 103 in {each["product_id"] for each in report["report"]["details"]["unmarked"]}
        stage.sandbox.faults([])
        assert stage.run()["report"]["statistics"]["products_swept"] >= 1
        assert stage.tags()[103] == [MARK]

    @pytest.mark.parametrize("parameters", [{"dry_run": True}, {"limit": 1}, {"products": [101]}])
    def test_is_left_to_a_complete_run(self, stage: Stage, parameters: dict[str, object]) -> None:
        stage.put(shop(marked_by_the_main_sync(103, OLDER)))
        stage.run(**parameters)
        assert OLDER in stage.tags()[103]
        stage.run()
        assert stage.tags()[103] == [MARK]


class TestTheMark:
    def test_comes_after_all_writes(self, stage: Stage) -> None:
        made = [shoe(number, {"37": 5}, {"37": 3}) for number in range(101, 107)]
        stage.put(world([shown for shown, _ in made], [each for _, rows in made for each in rows]))
        stage.run(batch_size=1)
        order = [call["operation"] for call in stage.calls() if call["wrote"]]
        assert order == ["inventorySetQuantities"] * 6 + ["tagsAdd"] * 6

    def test_that_is_refused_is_told(self, stage: Stage) -> None:
        stage.put(shop())
        stage.faults(operation="tagsAdd", kind="http", status=403, times=-1)
        report = stage.run()
        assert sorted(stage.tags()[101]) == sorted([YESTERDAY, "sale"])
        assert 101 in {each["product_id"] for each in report["report"]["details"]["unmarked"]}
        assert stage.levels()["24X101-37"] == 3

    def test_costs_nothing_when_nothing_is_finished(self, stage: Stage) -> None:
        stage.put(shop())
        stage.run()
        stage.forget_calls()
        stage.run()
        assert calls(stage, "tagsAdd") + calls(stage, "tagsRemove") == 0
