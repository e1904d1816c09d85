"""The report: the origin document's keys, and books that add up."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.records import JsonObject
from tasks import report
from tasks.deletion import Failed
from tasks.diff import Absent
from tasks.plan import Line, Outcome
from tasks.receipt import Receipt
from tasks.report import Story
from tests.tasks.samples import NOON, job, line, outcomes

LATER = NOON + timedelta(seconds=45.23)

RESPONSE_FORMAT = {
    "": {"success", "message", "sync_id", "report"},
    "report": {"timestamp", "duration_seconds", "statistics", "performance", "details"},
    "report.statistics": {
        "products_checked",
        "variants_checked",
        "variants_updated",
        "variants_deleted",
        "errors",
        "skipped",
        "products_without_ccod",
        "products_with_ccod",
    },
    "report.performance": {
        "throughput_products_per_second",
        "throughput_variants_per_second",
        "avg_time_per_product_seconds",
        "max_concurrent_workers",
        "parallel_processing_enabled",
        "batch_operations_enabled",
    },
    "report.details": {
        "updated",
        "deleted",
        "errors",
        "rollbacks",
        "rollback_failures",
        "deletion_validation_failures",
    },
}
"""The keys under "Response Format" of the document that asks for this flow."""

BESIDES = {
    "": {"balance", "receipt", "plan_id", "plan_expires_at", "api"},
    "report.details": {"held", "refused", "conflicts", "parked", "unknown", "skipped", "locked"},
    "balance": {"checked", "unknown", "planned", *(each.value for each in Outcome)},
    "receipt": {"read_back", "drift", "unconfirmed"},
}
"""What every report of ours has as well."""


def story_of(*lines: Line, dry_run: bool = False) -> Story:
    story = Story(
        sync_id="reverse_stock_20261120_120000",
        flow="reverse-stock-sync",
        day=job().day,
        started_at=NOON,
        dry_run=dry_run,
        max_concurrent=10,
        products_with_ccod=115,
        products_without_ccod=10,
    )
    story.tell(lines)
    story.checked = len(lines)
    return story


def document(story: Story) -> JsonObject:
    return report.reverse_sync_report(story, LATER)


def part(of: object, path: str) -> dict[str, object]:
    for name in path.split(".") if path else ():
        assert isinstance(of, dict)
        of = of[name]
    assert isinstance(of, dict)
    return of


def ended(*each: Outcome) -> list[Line]:
    return [line(number, 5, 3, outcome=outcome) for number, outcome in enumerate(each)]


def updated(number: int, before: int, after: int) -> Line:
    return line(number, before, after, outcome=Outcome.DONE)._replace(written_from=before, written_to=after)


GONE = line(8, 0, 0, outcome=Outcome.DONE)._replace(deleted=True, reason="zero_stock")


class TestKeys:
    @pytest.mark.parametrize("path", RESPONSE_FORMAT)
    def test_are_the_origin_documents(self, path: str) -> None:
        assert part(document(story_of(*ended(*Outcome))), path).keys() >= RESPONSE_FORMAT[path]

    @pytest.mark.parametrize("path", BESIDES)
    def test_are_those_of_every_report(self, path: str) -> None:
        assert part(document(story_of()), path).keys() >= BESIDES[path]

    def test_of_the_lists_are_the_origin_documents(self) -> None:
        details = report.details(story_of(updated(7, 5, 3), GONE))
        assert isinstance(details["updated"], list)
        assert isinstance(details["deleted"], list)
        (changed,), (deleted,) = details["updated"], details["deleted"]
        assert isinstance(changed, dict)
        assert isinstance(deleted, dict)
        assert (changed["sku"], changed["old_qty"], changed["new_qty"]) == ("SKU-7", 5, 3)
        assert (deleted["sku"], deleted["reason"]) == ("SKU-8", "zero_stock")

    def test_an_error_is_told(self) -> None:
        story = story_of()
        story.error = {"code": "RMS_UNREACHABLE", "message": "RMS does not answer"}
        told = document(story)
        assert (told["success"], told["error"]) == (False, story.error)
        assert told["message"] == "Reverse sync failed: RMS does not answer"
        assert "error" not in document(story_of())

    def test_all_of_it_is_json(self) -> None:
        story = story_of(*ended(*Outcome), updated(20, 5, 3), GONE)
        story.failed_deletions = [Failed(line(1), "recent_orders")]
        story.missing_in_shop = [Absent(1, "24X104", "24X104-38", 2, 8)]
        story.unknown_since = {0: NOON}
        story.unmarked, story.archived, story.plan_expires_at = {1: "why"}, [4], NOON
        assert json.loads(json.dumps(document(story))) == document(story)


class TestStatistics:
    @given(st.lists(outcomes), st.integers(0, 3))
    def test_checked_is_the_sum_of_its_parts(self, each: list[Outcome], deleted: int) -> None:
        gone = [GONE._replace(variant_id=1000 + number) for number in range(deleted)]
        told = report.statistics(story_of(*ended(*each), *gone))
        assert told["variants_checked"] == len(each) + deleted
        parts = [told[name] for name in ("variants_updated", "variants_deleted", "errors", "skipped")]
        assert all(isinstance(count, int) and count >= 0 for count in parts)
        assert sum(count for count in parts if isinstance(count, int)) == told["variants_checked"]
        assert told["variants_deleted"] == deleted
        assert told["variants_updated"] == each.count(Outcome.DONE)
        assert told["errors"] == sum(
            each.count(bad) for bad in (Outcome.FAILED, Outcome.CONFLICT, Outcome.PARKED)
        )

    def test_products_checked_are_with_and_without_ccod(self) -> None:
        assert report.statistics(story_of())["products_checked"] == 125

    @pytest.mark.parametrize(
        ("truth", "negative", "fractional"), [("-2", 1, 0), ("2.5", 0, 1), ("-2.5", 1, 0), ("2.0", 0, 0)]
    )
    def test_odd_quantities_are_counted(self, truth: str, negative: int, fractional: int) -> None:
        told = report.statistics(story_of(line(1, outcome=Outcome.DONE)._replace(truth=Decimal(truth))))
        assert (told["negative_quantities"], told["fractional_quantities"]) == (negative, fractional)

    def test_speed_is_of_products_and_variants(self) -> None:
        told = report.performance(story_of(*ended(*[Outcome.DONE] * 450)), 45.23)
        assert told == {
            "throughput_products_per_second": 2.76,
            "throughput_variants_per_second": 9.95,
            "avg_time_per_product_seconds": 0.362,
            "max_concurrent_workers": 10,
            "parallel_processing_enabled": True,
            "batch_operations_enabled": True,
        }

    def test_no_time_and_no_product_divide_nothing(self) -> None:
        story = replace(story_of(), products_with_ccod=0, products_without_ccod=0)
        assert report.performance(story, 0.0)["throughput_products_per_second"] == 0.0
        assert report.reverse_sync_report(story, NOON - timedelta(seconds=5))["success"]


class TestVerdict:
    @pytest.mark.parametrize(
        ("each", "success", "state", "status"),
        [
            ([], True, "Completed", 0),
            ([Outcome.DONE, Outcome.UNKNOWN, Outcome.REFUSED, Outcome.NOT_SENT], True, "Completed", 0),
            ([Outcome.DONE, Outcome.HELD], True, "Held", 3),
            ([Outcome.DONE, Outcome.FAILED], False, "Failed", 1),
            ([Outcome.CONFLICT], False, "Failed", 1),
            ([Outcome.PARKED, Outcome.HELD], False, "Failed", 1),
        ],
    )
    def test_is_the_same_everywhere(
        self, *, each: list[Outcome], success: bool, state: str, status: int
    ) -> None:
        story = story_of(*ended(*each))
        told = document(story)
        assert (told["success"], report.state_name(story), report.exit_status(told)) == (
            success,
            state,
            status,
        )

    def test_books_that_do_not_add_up_are_a_failure(self) -> None:
        lost = story_of(*ended(Outcome.DONE))
        lost.checked = 2
        still_open = story_of(line(1, 5, 3))
        for story in (lost, still_open):
            assert not document(story)["success"]
            assert report.exit_status(document(story)) == 1

    def test_a_report_without_success_fails_by_its_error(self) -> None:
        assert report.exit_status({"error": {"code": "MISSING_CREDENTIALS"}}) == 2
        assert report.exit_status({"error": {"code": "REFRESH_COOLDOWN"}}) == 1
        assert report.exit_status({"data": {}}) == 0

    @pytest.mark.parametrize(
        ("each", "rate"),
        [
            ([], 100.0),
            ([Outcome.UNKNOWN, Outcome.HELD, Outcome.REFUSED], 100.0),
            ([Outcome.DONE] * 3 + [Outcome.FAILED], 75.0),
            ([Outcome.DONE, Outcome.UNCHANGED, Outcome.CONFLICT, Outcome.PARKED], 50.0),
            ([Outcome.FAILED], 0.0),
        ],
    )
    def test_success_rate_is_of_what_was_tried(self, each: list[Outcome], rate: float) -> None:
        assert story_of(*ended(*each)).success_rate == pytest.approx(rate)

    def test_message_has_the_rate(self) -> None:
        done = story_of(*ended(*[Outcome.DONE] * 138), *ended(Outcome.REFUSED))
        assert report.message(done) == "Reverse sync completed successfully - 100.0% success rate"
        assert "75.0% success rate" in report.message(story_of(*ended(*[Outcome.DONE] * 3, Outcome.FAILED)))
        assert "1 lines are held" in report.message(story_of(*ended(Outcome.HELD)))
        assert "nothing was written" in report.message(story_of(*ended(Outcome.NOT_SENT), dry_run=True))


class TestDetails:
    LISTS = (
        ("updated", Outcome.DONE),
        ("errors", Outcome.FAILED),
        ("held", Outcome.HELD),
        ("refused", Outcome.REFUSED),
        ("conflicts", Outcome.CONFLICT),
        ("parked", Outcome.PARKED),
        ("unknown", Outcome.UNKNOWN),
        ("planned", Outcome.NOT_SENT),
    )

    @given(st.lists(outcomes))
    def test_every_line_that_matters_is_in_one_list(self, each: list[Outcome]) -> None:
        told = report.details(story_of(*ended(*each)))
        for name, outcome in self.LISTS:
            entries = told[name]
            assert isinstance(entries, list)
            assert len(entries) == each.count(outcome)
            for entry in entries:
                assert isinstance(entry, dict)
                assert entry.keys() >= {"sku", "product_id", "variant_id", "reason"}

    def test_locked_products_have_a_list_of_their_own(self) -> None:
        told = report.details(story_of(line(1, outcome=Outcome.REFUSED)._replace(reason="locked")))
        assert isinstance(told["locked"], list)
        assert (len(told["locked"]), told["refused"]) == (1, [])

    def test_unknown_levels_say_since_when(self) -> None:
        story = story_of(*ended(Outcome.UNKNOWN, Outcome.UNKNOWN))
        story.unknown_since = {0: NOON}
        told = report.details(story)["unknown"]
        assert isinstance(told, list)
        assert [each["since"] for each in told if isinstance(each, dict)] == [NOON.isoformat(), None]

    def test_a_variant_that_stays_says_by_which_check(self) -> None:
        story = story_of(line(1, outcome=Outcome.DONE))
        story.failed_deletions = [Failed(story.lines[0], "recent_orders")]
        told = report.details(story)["deletion_validation_failures"]
        assert isinstance(told, list)
        assert isinstance(told[0], dict)
        assert told[0]["reason"] == "recent_orders"

    def test_receipts_add_up(self) -> None:
        assert Receipt(1, 2, 3) + Receipt(10, 20, 30) == Receipt(11, 22, 33)
