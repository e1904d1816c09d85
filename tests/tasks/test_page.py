"""Pages that people read: they say what to do, and no text of a store can break them."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import page
from tasks.plan import Outcome
from tests.tasks.samples import NOON, line
from tests.tasks.test_report import GONE, ended, story_of

MARKUP = st.text(st.sampled_from("\\|`[]<>&*()#!_ \n\r\t\u2028ab"), max_size=20) | st.text(max_size=20)


def live_signs(markdown: str) -> set[str]:
    """Signs that Markdown or HTML would still act on: those that no backslash takes the meaning from."""
    return set(re.sub(r"\\.", "", markdown)) & set("|`[<>*")


class TestEscape:
    @given(MARKUP)
    def test_leaves_nothing_to_act_on(self, text: str) -> None:
        harmless = page.escape(text)
        assert not live_signs(harmless)
        assert len(harmless.splitlines()) <= 1
        assert not re.search(r"&(?!(amp|lt|gt);)", harmless)

    @pytest.mark.parametrize(
        "text",
        ["[x](http://evil.example)", "\\[x](http://evil.example)", "a\\|b", "<img src=x>", "`x`", "![x](y)"],
    )
    def test_known_tricks_fail(self, text: str) -> None:
        assert not live_signs(page.escape(text))

    def test_plain_skus_stay_as_they_are(self) -> None:
        assert page.escape("24X104-37/NIÑO_2") == "24X104-37/NIÑO_2"

    def test_products_that_could_not_be_marked_are_named(self) -> None:
        story = story_of(line(1, outcome=Outcome.DONE))
        story.unmarked = dict.fromkeys(range(1, 24), "Shopify was away")
        told = page.markdown(story)
        assert "product 20 could not be marked: Shopify was away" in told
        assert "product 21" not in told
        assert "nor could 3 more products" in told

    def test_is_applied_to_pages_and_tables(self) -> None:
        nasty = "x|<b>\n[y](z)"
        story = story_of(line(1, outcome=Outcome.HELD)._replace(sku=nasty, reason=nasty, note=nasty))
        story.warnings = [nasty]
        story.error = {"code": "X", "message": nasty}
        assert "<b>" not in page.markdown(story)
        assert "[y]" not in re.sub(r"\\.", "", page.markdown(story))
        (told,) = page.table(story.lines)
        for name in ("sku", "why"):
            assert not live_signs(str(told[name]))


class TestTable:
    def test_leaves_out_what_is_level_and_begins_with_what_waits_for_a_person(self) -> None:
        rows = page.table(ended(Outcome.UNKNOWN, Outcome.UNCHANGED, Outcome.HELD, Outcome.DONE))
        assert [each["outcome"] for each in rows] == ["held", "done", "unknown"]

    def test_is_a_page_not_an_archive(self) -> None:
        assert len(page.table(ended(*[Outcome.DONE] * 1_500))) == page.TABLE_ROWS

    def test_asks_for_nothing_where_nothing_is_known(self) -> None:
        unknown = line(1, 5, outcome=Outcome.UNKNOWN)._replace(truth=None)
        assert page.table([unknown])[0]["to"] is None
        assert page.table([GONE])[0]["outcome"] == "deleted"

    def test_says_what_a_reason_means_and_what_would_be_deleted(self) -> None:
        held = line(1, 5, outcome=Outcome.HELD)._replace(
            reason="mass_zero", note="20 of 20", truth=Decimal(0), wanted=0, zero_candidate=True
        )
        (row,) = page.table([held])
        assert row["to"] == "0, then delete"
        assert row["why"] == "so many levels would go to zero that a person has to look first: 20 of 20"


class TestMarkdown:
    def test_of_a_held_run_says_what_to_do(self) -> None:
        story = story_of(line(1, 5, outcome=Outcome.HELD)._replace(reason="mass_zero", note="20 of 20"))
        story.plan_id, story.plan_expires_at = "plan_x", NOON + timedelta(days=1)

        told = page.markdown(story)

        assert "1 lines are held and wait for you: 20 of 20" in told
        assert "evenstock plans show plan_x" in told
        assert "apply-plan" in told
        assert f"{NOON + timedelta(days=1):%Y-%m-%d %H:%M} UTC" in told

    def test_of_a_dry_run_tells_how_to_do_it(self) -> None:
        story = story_of(*ended(Outcome.NOT_SENT), dry_run=True)
        story.plan_id, story.plan_expires_at = "plan_x", NOON

        assert "plan_x" in page.markdown(story)
        assert "held" not in page.markdown(story)

    def test_of_a_run_without_a_plan_has_no_word_of_one(self) -> None:
        assert "plan" not in page.markdown(story_of(*ended(Outcome.DONE)))

    def test_explains_every_outcome(self) -> None:
        told = page.markdown(story_of(*ended(*Outcome)))
        assert all(f"| 1 | {page.MEANT[outcome]} |" in told for outcome in Outcome)

    def test_troubles_are_told_by_reason_the_most_frequent_first(self) -> None:
        lost = [line(number, outcome=Outcome.FAILED)._replace(reason="no_answer") for number in (1, 2)]
        clash = line(3, outcome=Outcome.CONFLICT)._replace(reason="compare_lost_twice")
        fine = line(4, outcome=Outcome.REFUSED)._replace(reason="twin_in_shop")

        told = page.troubles([clash, *lost, fine])

        assert [each.partition(":")[0] for each in told] == ["2 lines failed", "1 lines conflict"]
