"""What is refused, parked and held: the limits of interfaces.md, each at its edge."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import guard
from tasks.guard import History, Limits, Memory
from tasks.plan import Line, Outcome
from tests.tasks.samples import line, outcomes, units

UNLIMITED = Limits(
    min_zero_count=10**9, min_fall_units=10**9, min_rise_units=10**9, max_zero_count=10**9
)  # fmt: skip
ZEROES = Limits(min_fall_units=10**9)
"""Only the limit on zeroed levels."""


def shop(live: int, zeroing: int, shown: int = 1) -> list[Line]:
    """A shop of live levels, the first of which would go to zero."""
    goes = [line(number, shown, 0) for number in range(zeroing)]
    return goes + [
        line(number, shown, shown, outcome=Outcome.UNCHANGED) for number in range(zeroing, live)
    ]  # fmt: skip


def review(
    lines: Iterable[Line],
    limits: Limits | None = None,
    memories: dict[int, Memory] | None = None,
    history: History | None = None,
) -> list[Line]:
    return guard.review(lines, limits or Limits(), memories or {}, history or History())


def held(lines: Iterable[Line]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for each in lines:
        if each.outcome is Outcome.HELD:
            found.setdefault(each.reason, []).append(each.variant_id)
    return found


class TestMassZero:
    @pytest.mark.parametrize(
        ("live", "passing"), [(5, 5), (20, 5), (24, 6), (60, 15), (2000, 500), (5_000, 500), (100_000, 500)]
    )
    def test_limit(self, live: int, passing: int) -> None:
        assert held(review(shop(live, passing), ZEROES)) == {}
        if live > passing:
            assert held(review(shop(live, passing + 1), ZEROES)) == {"mass_zero": list(range(passing + 1))}

    def test_six_of_six_are_held_though_six_are_few(self) -> None:
        assert held(review(shop(6, 6))) == {"mass_zero": [0, 1, 2, 3, 4, 5]}

    def test_holds_only_what_would_go_to_zero(self) -> None:
        others = [line(100, 5, 4), line(101, 5, 6), line(102, 0, 0), line(103, -2, 0)]
        assert held(review([*shop(20, 6), *others])) == {"mass_zero": [0, 1, 2, 3, 4, 5]}

    def test_what_stood_at_zero_is_not_zeroed(self) -> None:
        assert held(review([line(number, 0, 0) for number in range(900)])) == {}

    def test_says_how_many_of_how_many(self) -> None:
        assert review(shop(20, 6))[0].note == "6 of 20 live levels would go to zero"

    @pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.REFUSED, Outcome.UNCHANGED])
    def test_lines_that_are_not_written_count_as_live_only(self, outcome: Outcome) -> None:
        lines = [*shop(5, 5), *(line(number, 3, 0, outcome=outcome) for number in range(100, 115))]
        assert held(review(lines)) == {}

    @pytest.mark.parametrize("reason", ["fed_elsewhere", "other_truth"])
    def test_levels_that_others_feed_do_not_widen_the_share(self, reason: str) -> None:
        theirs = line(0, 3, 3, outcome=Outcome.UNKNOWN)._replace(reason=reason)
        lines = [*shop(10, 6, 50), *(theirs._replace(item_id=number) for number in range(100, 1_000))]
        assert held(review(lines)) == {"mass_zero": [0, 1, 2, 3, 4, 5]}
        lines = [line(1, 200, 20), *lines[6:]]
        assert held(review(lines)) == {}
        assert held(review([line(1, 500, 20), *lines[1:]])) == {"mass_fall": [1]}

    def test_zeroing_of_the_day_before_counts(self) -> None:
        """Twenty levels lived; four were zeroed in another run, and two more are one too many."""
        before = History(zeroed=frozenset(range(100, 104)))
        assert held(review(shop(16, 1), history=before)) == {}
        assert held(review(shop(16, 2), history=before)) == {"mass_zero": [0, 1]}

    def test_a_level_counts_once_however_often_it_was_zeroed(self) -> None:
        before = History(zeroed=frozenset(range(5)), live=dict.fromkeys(range(20), 1))
        assert held(review(shop(20, 5), history=before)) == {}

    def test_live_levels_of_other_runs_widen_the_share(self) -> None:
        before = History(live=dict.fromkeys(range(100, 140), 1))
        assert held(review(shop(20, 15), history=before)) == {}
        assert held(review(shop(20, 16), history=before)) == {"mass_zero": list(range(16))}

    def test_slices_of_many_runs_are_worth_no_more_than_one(self) -> None:
        """A thousand levels zeroed ten a run: the runs together stop at a quarter of what lived."""
        live = dict.fromkeys(range(1_000), 1)
        zeroed: set[int] = set()
        for start in range(0, 1_000, 10):
            lines = [line(number, 1, 0) for number in range(start, start + 10)]
            judged = review(lines, ZEROES, history=History(live=live, zeroed=frozenset(zeroed)))
            zeroed |= {each.item_id for each in judged if each.is_open}
        assert len(zeroed) == 250


class TestMassFall:
    def lines(self, units_there: int, falls: int) -> list[Line]:
        rest = units_there - falls - 1
        return [line(1, falls + 1, 1), line(2, rest, rest, outcome=Outcome.UNCHANGED)]

    @pytest.mark.parametrize(
        ("there", "falls", "is_held"),
        [
            (1000, 500, False),
            (1000, 501, True),
            (102, 100, False),
            (103, 101, True),
            (202, 101, False),
            (201, 101, True),
        ],
    )
    def test_limit(self, *, there: int, falls: int, is_held: bool) -> None:
        assert held(review(self.lines(there, falls))) == ({"mass_fall": [1]} if is_held else {})

    def test_holds_only_what_falls(self) -> None:
        lines = [line(1, 200, 1), line(2, 10, 11), line(3, 5, 0)]
        assert held(review(lines)) == {"mass_fall": [1, 3]}

    def test_falls_of_the_day_before_count(self) -> None:
        history = History(falls={1: 60})
        assert held(review([line(1, 60, 20)], history=history)) == {}
        assert held(review([line(1, 60, 19)], history=history)) == {"mass_fall": [1]}

    def test_slices_of_many_runs_are_worth_no_more_than_one(self) -> None:
        shown, falls = 1_000, 0
        for _ in range(20):
            (judged,) = review([line(1, shown, shown - 90)], history=History(falls={1: falls}))
            if judged.is_open:
                shown, falls = shown - 90, falls + 90
        assert shown == 1_000 - 5 * 90


class TestMassRise:
    @pytest.mark.parametrize(
        ("there", "rises", "is_held"),
        [(1000, 4000, False), (1000, 4001, True), (0, 500, False), (0, 501, True), (10, 500, False)],
    )
    def test_limit(self, *, there: int, rises: int, is_held: bool) -> None:
        lines = [line(1, there, there + rises), line(2, 0, 0, outcome=Outcome.UNCHANGED)]
        assert held(review(lines)) == ({"mass_rise": [1]} if is_held else {})

    def test_a_first_load_waits_for_a_person_and_its_falls_do_not(self) -> None:
        lines = [*(line(number, 0, 9) for number in range(100)), line(200, 4, 3)]
        assert held(review(lines)) == {"mass_rise": list(range(100))}
        assert review(lines)[-1].is_open

    def test_rises_of_the_day_before_count(self) -> None:
        """A hundred units lived; four hundred more came since, and now stand in the shop."""
        history = History(rises={1: 400})
        assert held(review([line(1, 500, 601)], history=history)) == {"mass_rise": [1]}
        assert held(review([line(1, 500, 601)])) == {}


class TestRules:
    @pytest.mark.parametrize(
        ("memory", "reason"),
        [
            (Memory(owner="partner:7"), "other_truth"),
            (Memory(owner="rms"), ""),
            (Memory(rms_item_id=8), "rebound"),
            (Memory(rms_item_id=7), ""),
            (Memory(), ""),
        ],
    )
    def test_one_level_has_one_truth_and_one_item(self, memory: Memory, reason: str) -> None:
        for outcome in (None, Outcome.UNCHANGED):
            (judged,) = review([line(1, 5, 4, outcome=outcome)], memories={1: memory})
            assert judged.reason == reason
            assert judged.outcome is (Outcome.REFUSED if reason else outcome)

    @pytest.mark.parametrize(
        ("owner", "reason", "told"),
        [
            ("partner:7", "no_ccod", "fed_elsewhere"),
            ("rms", "no_ccod", "no_ccod"),
            (None, "no_ccod", "no_ccod"),
            ("partner:7", "no_sku", "no_sku"),
        ],
    )
    def test_what_rms_is_not_to_know_is_passed_over(self, owner: str | None, reason: str, told: str) -> None:
        found = line(1, outcome=Outcome.UNKNOWN)._replace(reason=reason)
        judged = guard.passed_over(found, Memory(owner=owner))
        assert (judged.outcome, judged.reason) == (Outcome.UNKNOWN, told)

    def test_says_whose_it_is(self) -> None:
        (judged,) = review([line(1, 5, 4)], memories={1: Memory(owner="partner:7", rms_item_id=8)})
        assert (judged.reason, judged.note) == ("other_truth", "this level is fed by partner:7, not by rms")

    @pytest.mark.parametrize(("wanted", "outcome"), [(1_000_000, None), (1_000_001, Outcome.REFUSED)])
    def test_more_than_anybody_stocks_is_refused(self, wanted: int, outcome: Outcome | None) -> None:
        (judged,) = review([line(1, 5, wanted)], replace(UNLIMITED, max_quantity=1_000_000))
        assert judged.outcome is outcome

    def test_one_typing_error_does_not_hold_the_others(self) -> None:
        typo, plain = review([line(1, 5, 5_000_000), line(2, 5, 6)])
        assert (typo.reason, plain.outcome) == ("max_quantity", None)

    def test_what_is_refused_does_not_count_towards_a_limit(self) -> None:
        lines = shop(20, 6)
        assert held(review(lines, memories={0: Memory(owner="partner:7")})) == {}


class TestParked:
    LINE = line(1, 5, 4)

    @pytest.mark.parametrize(("errors", "outcome"), [(2, None), (3, Outcome.PARKED), (9, Outcome.PARKED)])
    def test_after_the_same_error_three_times(self, errors: int, outcome: Outcome | None) -> None:
        memory = Memory(error_count=errors, error_fingerprint=guard.fingerprint(self.LINE))
        assert review([self.LINE], memories={1: memory})[0].outcome is outcome

    @pytest.mark.parametrize("changed", [line(1, 6, 4), line(1, 5, 3), line(1, 5, 4)._replace(sku="new")])
    def test_until_its_inputs_change(self, changed: Line) -> None:
        memory = Memory(error_count=3, error_fingerprint=guard.fingerprint(self.LINE))
        assert review([changed], memories={1: memory})[0].is_open

    def test_never_when_there_is_nothing_to_write(self) -> None:
        level = line(1, 5, 5, outcome=Outcome.UNCHANGED)
        memory = Memory(error_count=3, error_fingerprint=guard.fingerprint(level))
        assert review([level], memories={1: memory})[0].outcome is Outcome.UNCHANGED


# --------------------------------------------------------------- properties

memories = st.builds(
    Memory,
    owner=st.sampled_from([None, "rms", "partner:7"]),
    rms_item_id=st.sampled_from([None, 7, 8]),
    error_count=st.integers(0, 4),
    error_fingerprint=st.sampled_from(["", "SKU-1|0|1|0"]),
)
limits = st.builds(
    Limits,
    min_zero_count=st.integers(0, 4),
    max_zero_share=st.floats(0, 1),
    max_zero_count=st.integers(0, 6),
    max_fall_share=st.floats(0, 1),
    max_rise_factor=st.floats(1, 6),
    max_quantity=st.integers(5, 50),
    min_fall_units=st.integers(0, 60),
    min_rise_units=st.integers(0, 60),
)
histories = st.builds(
    History,
    live=st.dictionaries(st.integers(0, 12), units, max_size=5),
    zeroed=st.frozensets(st.integers(0, 12), max_size=4),
    falls=st.dictionaries(st.integers(0, 12), units, max_size=4),
    rises=st.dictionaries(st.integers(0, 12), units, max_size=4),
)


@st.composite
def plans(draw: st.DrawFn) -> list[Line]:
    verdict = st.one_of(st.none(), st.none(), outcomes)
    return [
        line(number, draw(st.integers(-3, 40)), draw(units), outcome=draw(verdict))
        for number in range(draw(st.integers(0, 8)))
    ]


memory_maps = st.dictionaries(st.integers(0, 8), memories, max_size=4)


class TestReview:
    @given(plans(), limits, memory_maps, histories)
    def test_gives_verdicts_and_nothing_else(
        self, lines: list[Line], limit: Limits, known: dict[int, Memory], history: History
    ) -> None:
        judged = review(lines, limit, known, history)
        for before, after in zip(lines, judged, strict=True):
            same = after._replace(outcome=before.outcome, reason=before.reason, note=before.note)
            assert same == before
            if before.outcome not in {None, Outcome.UNCHANGED}:
                assert after == before
            if after.is_open:
                assert before.is_open
            if after.outcome is not before.outcome:
                assert after.reason
                assert after.note

    @given(plans(), limits, memory_maps, histories)
    def test_holds_only_lines_of_the_kind_that_surprised(
        self, lines: list[Line], limit: Limits, known: dict[int, Memory], history: History
    ) -> None:
        kinds = {
            "mass_zero": lambda each: each.shown > 0 and each.wanted == 0,
            "mass_fall": lambda each: each.wanted < each.shown,
            "mass_rise": lambda each: each.wanted > each.shown,
        }
        for before, after in zip(lines, review(lines, limit, known, history), strict=True):
            if after.outcome is Outcome.HELD and before.is_open:
                assert kinds[after.reason](after)

    @given(plans(), limits, memory_maps, histories)
    def test_holds_all_lines_of_a_kind_or_none(
        self, lines: list[Line], limit: Limits, known: dict[int, Memory], history: History
    ) -> None:
        judged = review(lines, limit, known, history)
        fresh = [after for before, after in zip(lines, judged, strict=True) if before.is_open]
        reasons = {after.reason for after in fresh if after.outcome is Outcome.HELD}
        for after in fresh:
            if after.is_open:
                assert not ("mass_zero" in reasons and after.is_zeroing)
                assert not ("mass_fall" in reasons and after.falls)
                assert not ("mass_rise" in reasons and after.rises)

    @given(plans(), limits, limits, memory_maps, histories)
    def test_stricter_limits_never_let_more_through(
        self, lines: list[Line], one: Limits, other: Limits, known: dict[int, Memory], history: History
    ) -> None:
        stricter = Limits(
            min_zero_count=min(one.min_zero_count, other.min_zero_count),
            max_zero_share=min(one.max_zero_share, other.max_zero_share),
            max_zero_count=min(one.max_zero_count, other.max_zero_count),
            max_fall_share=min(one.max_fall_share, other.max_fall_share),
            max_rise_factor=min(one.max_rise_factor, other.max_rise_factor),
            max_quantity=one.max_quantity,
            min_fall_units=min(one.min_fall_units, other.min_fall_units),
            min_rise_units=min(one.min_rise_units, other.min_rise_units),
        )
        through = {each.item_id for each in review(lines, one, known, history) if each.is_open}
        assert {each.item_id for each in review(lines, stricter, known, history) if each.is_open} <= through

    @given(plans(), limits, memory_maps, histories, st.integers(0, 12))
    def test_more_zeroing_before_never_lets_more_zeroing_through(
        self, lines: list[Line], limit: Limits, known: dict[int, Memory], history: History, item: int
    ) -> None:
        limit = replace(
            limit, min_fall_units=10**9, min_rise_units=10**9, max_zero_share=limit.max_zero_share
        )
        more = replace(history, zeroed=history.zeroed | {item})
        before = {each.item_id for each in review(lines, limit, known, history) if each.is_open}
        assert {each.item_id for each in review(lines, limit, known, more) if each.is_open} <= before

    @given(plans(), limits, memory_maps, histories, st.randoms())
    def test_does_not_depend_on_order(
        self,
        lines: list[Line],
        limit: Limits,
        known: dict[int, Memory],
        history: History,
        shuffler: Random,
    ) -> None:
        shuffled = list(lines)
        shuffler.shuffle(shuffled)
        by_item = {each.item_id: each for each in review(shuffled, limit, known, history)}
        assert [by_item[each.item_id] for each in lines] == review(lines, limit, known, history)
