"""Writing among people who buy, count and cancel between any two calls: rules 2, 3 and 11."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.plan import Line, Outcome, QuantityName
from tasks.write import Writer, Written
from tests.tasks.model_shop import FAULTS, Event, ModelJournal, ModelShop, Place
from tests.tasks.samples import line

GOOD = {Outcome.DONE, Outcome.UNCHANGED}


def plan_of(shop: ModelShop) -> list[Line]:
    """What discovery would have planned: the baseline is how the shop stands before anybody acts."""
    return [
        line(item, place.shown(shop.name), shop.truths[item])._replace(
            baseline=place.quantities,
            activate=not place.active,
        )
        for item, place in shop.places.items()
    ]


@dataclass
class Run:
    """What a run did, with everything that must hold whatever happened already asserted."""

    shop: ModelShop
    journal: ModelJournal
    planned: list[Line]
    written: list[Written]

    def __getitem__(self, item: int) -> Line:
        return next(each.line for each in self.written if each.line.item_id == item)


def write(
    shop: ModelShop, *, strict: bool = False, lines: list[Line] | None = None, lost_at: int | None = None
) -> Run:
    planned = plan_of(shop) if lines is None else lines
    shop.max_calls = 60 + 40 * len(planned)
    journal = ModelJournal(shop, lost_at)
    writer = Writer(shop, journal, name=shop.name, reference="evenstock://runs/1", strict=strict)
    written = writer.apply(planned)
    journal.check()
    run = Run(shop, journal, planned, written)
    _check(run)
    return run


def _check(run: Run) -> None:
    assert sorted(each.line.item_id for each in run.written) == sorted(each.item_id for each in run.planned)
    for each in run.written:
        ended = each.line
        assert ended.outcome is not None
        assert ended.reason or ended.outcome in GOOD
        if ended.outcome is Outcome.DONE:
            assert each.before is not None
            assert ended.written_to is not None
            assert ended.written_from in run.shop.read_values[ended.item_id]
        else:
            assert ended.written_to is None
        if ended.reason == "compare_lost_twice":
            assert run.shop.places[ended.item_id].touched >= 2


def shop_of(*pairs: tuple[int, int], **more: object) -> ModelShop:
    """Items 1, 2, …, each with what the shop shows and what RMS asks for."""
    places = {item: Place(shown) for item, (shown, _) in enumerate(pairs, 1)}
    truths = {item: wanted for item, (_, wanted) in enumerate(pairs, 1)}
    return ModelShop(places, truths, **more)  # type: ignore[arg-type]


class TestQuietShop:
    def test_is_written_in_one_call(self) -> None:
        run = write(shop_of((5, 3), (2, 8), (1, 0)))
        assert [place.available for place in run.shop.places.values()] == [3, 8, 0]
        assert (run.shop.sets, run.shop.reads) == (1, 1)
        assert {each.line.outcome for each in run.written} == {Outcome.DONE}
        assert (run[1].written_from, run[1].written_to) == (5, 3)

    def test_nothing_to_do_asks_nothing(self) -> None:
        assert write(shop_of()).shop.ticks == 0

    def test_calls_are_filled_to_250_rows(self) -> None:
        assert write(shop_of(*[(5, 3)] * 501)).shop.sets == 3

    def test_what_is_level_already_is_not_written(self) -> None:
        run = write(shop_of((10, 12), events=[Event(0, 1, "edit", 2)]))
        assert (run[1].outcome, run[1].reason) == (Outcome.UNCHANGED, "already_level")
        assert run.shop.sets == 0

    def test_on_hand_is_set_and_leaves_what_is_promised(self) -> None:
        run = write(ModelShop({1: Place(4, 3)}, {1: 12}, "on_hand"))
        assert run.shop.places[1].available == 9
        assert (run[1].written_from, run[1].written_to) == (7, 12)

    def test_a_missing_level_is_woken_first(self) -> None:
        run = write(
            ModelShop({1: Place(0, active=False), 2: Place(0, active=False, refused="NO")}, {1: 4, 2: 4})
        )
        assert (run[1].outcome, run.shop.places[1].available) == (Outcome.DONE, 4)
        assert (run[2].outcome, run[2].reason) == (Outcome.REFUSED, "not_activated")

    def test_a_call_to_wake_it_that_is_refused_as_such_is_a_failure(self) -> None:
        run = write(ModelShop({1: Place(0, active=False, refused="404")}, {1: 4}))
        assert (run[1].outcome, run[1].reason) == (Outcome.FAILED, "call_refused")


class TestLevelThatCannotBeWritten:
    @pytest.mark.parametrize(
        ("kind", "outcome", "reason"),
        [("deactivate", Outcome.REFUSED, "inactive_level"), ("delete", Outcome.CONFLICT, "vanished")],
    )
    def test_is_left_out(self, kind: str, outcome: Outcome, reason: str) -> None:
        run = write(shop_of((5, 3), (5, 3), events=[Event(0, 1, kind, 1)]))
        assert (run[1].outcome, run[1].reason) == (outcome, reason)
        assert run[2].outcome is Outcome.DONE

    def test_without_a_number_is_unknown(self) -> None:
        run = write(ModelShop({1: Place(5, readable=False), 2: Place(5)}, {1: 3, 2: 3}))
        assert (run[1].outcome, run[1].reason) == (Outcome.UNKNOWN, "level_unreadable")
        assert run[2].outcome is Outcome.DONE

    def test_when_nothing_can_be_read_nothing_is_written(self) -> None:
        run = write(shop_of((5, 3), (5, 3), deaf=frozenset({0})))
        assert {(each.line.outcome, each.line.reason) for each in run.written} == {
            (Outcome.FAILED, "unreadable")
        }
        assert run.shop.sets == 0


class TestSale:
    """Shop 10, RMS 12."""

    @pytest.mark.parametrize(
        ("events", "expected"),
        [
            pytest.param([Event(0, 1, "sale", 3)], 9, id="before the reading"),
            pytest.param([Event(1, 1, "sale", 3)], 9, id="before the write"),
            pytest.param([Event(0, 1, "edit", 5)], 12, id="corrected by hand to 15"),
            pytest.param([Event(0, 1, "sale", 3), Event(0, 1, "edit", 5)], 9, id="sold and put back by hand"),
            pytest.param(
                [Event(1, 1, "sale", 3), Event(2, 1, "edit", 5)], 9, id="put back after the refusal"
            ),
            pytest.param([Event(0, 1, "sale", 3), Event(1, 1, "cancel", 3)], 12, id="cancelled again"),
        ],
    )
    def test_is_taken_off_at_any_moment(self, events: list[Event], expected: int) -> None:
        run = write(shop_of((10, 12), events=events))
        assert run[1].outcome is Outcome.DONE
        assert run.shop.places[1].available == expected

    def test_after_the_write_stays(self) -> None:
        run = write(shop_of((10, 12)))
        run.shop.happen(1, "sale", 3)
        assert run.shop.places[1].available == 9


class TestCompare:
    def test_lost_twice_is_a_conflict_and_harms_no_neighbour(self) -> None:
        run = write(shop_of((10, 12), (5, 3), (4, 0), busy=frozenset({1})))
        assert (run[1].outcome, run[1].reason) == (Outcome.CONFLICT, "compare_lost_twice")
        assert (run[2].outcome, run[3].outcome) == (Outcome.DONE, Outcome.DONE)

    def test_lost_once_is_not(self) -> None:
        run = write(shop_of((10, 12), events=[Event(1, 1, "sale", 1)]))
        assert (run[1].outcome, run.shop.sets) == (Outcome.DONE, 2)

    def test_of_a_lone_line_is_tried_twice(self) -> None:
        run = write(shop_of((10, 12), busy=frozenset({1})))
        assert (run[1].outcome, run.shop.sets) == (Outcome.CONFLICT, 2)

    def test_of_many_busy_neighbours_is_no_reason_to_wait(self) -> None:
        shop = shop_of(*[(10, 12)] * 40, busy=frozenset(range(1, 41, 4)))
        run = write(shop)
        quiet = [each.line for each in run.written if each.line.item_id not in shop.busy]
        assert {each.outcome for each in quiet} == {Outcome.DONE}
        assert run.shop.sets < 40

    def test_that_moves_while_it_is_not_being_compared_is_not_lost(self) -> None:
        """Item 1 moves first; item 2 only after the refused call, and once more before the next."""
        events = [Event(1, 1, "sale", 1), Event(2, 2, "sale", 1), Event(3, 2, "sale", 1)]
        run = write(shop_of((10, 12), (10, 12), (5, 3), events=events))
        assert {each.line.outcome for each in run.written} == {Outcome.DONE}

    def test_refused_though_nothing_moved_finds_the_row(self) -> None:
        """A unit sold and taken back around the refused call leaves no trace in the readings."""
        events = [Event(1, 2, "sale", 1), Event(2, 2, "cancel", 1)]
        run = write(shop_of(*[(10, 12)] * 5, events=events))
        assert {each.line.outcome for each in run.written} == {Outcome.DONE}


class TestRefusedRow:
    @pytest.mark.parametrize("shy", [False, True])
    def test_is_taken_out_and_the_rest_goes_on(self, *, shy: bool) -> None:
        shop = shop_of(*[(5, 3)] * 9, shy=shy)
        shop.places[4].refused = "COMPONENT_UPDATE_NOT_ALLOWED"
        shop.places[9].refused = "INVALID_LOCATION"
        run = write(shop)
        assert (run[4].outcome, run[4].reason) == (Outcome.REFUSED, "component_update_not_allowed")
        assert (run[9].outcome, run[9].reason) == (Outcome.REFUSED, "invalid_location")
        assert [each.line.outcome for each in run.written].count(Outcome.DONE) == 7

    def test_without_a_reason_fails_the_call(self) -> None:
        run = write(shop_of((5, 3), (5, 3), faults={0: "unreasoned"}))
        assert {(each.line.outcome, each.line.reason) for each in run.written} == {
            (Outcome.FAILED, "refused")
        }

    def test_of_the_call_itself_fails_at_once_whatever_its_rows(self) -> None:
        """A field that the API lost, or a path that is gone: no row could do anything about it."""
        run = write(shop_of(*[(5, 3)] * 250, faults={0: "not_understood"}))
        assert {(each.line.outcome, each.line.reason) for each in run.written} == {
            (Outcome.FAILED, "call_refused")
        }
        assert run.shop.sets == 1

    def test_that_names_a_row_nobody_sent_is_looked_for(self) -> None:
        run = write(shop_of((5, 3), (5, 3), faults={0: "astray"}))
        assert {each.line.outcome for each in run.written} == {Outcome.DONE}

    def test_that_moved_too_is_found_out(self) -> None:
        shop = shop_of(*[(5, 3)] * 4, busy=frozenset({2}))
        shop.places[3].refused = "INVALID_LOCATION"
        run = write(shop)
        assert [run[item].outcome for item in (1, 2, 3, 4)] == [
            Outcome.DONE,
            Outcome.CONFLICT,
            Outcome.REFUSED,
            Outcome.DONE,
        ]


class TestLostAnswer:
    @pytest.mark.parametrize("fault", ["lost_before", "lost_after"])
    @pytest.mark.parametrize("sale", [0, 3])
    def test_is_settled_by_reading(self, fault: str, sale: int) -> None:
        events = [Event(2, 1, "sale", sale)] if sale else []
        run = write(shop_of((10, 12), (5, 3), faults={0: fault}, events=events))
        assert {each.line.outcome for each in run.written} == {Outcome.DONE}
        assert run.shop.places[1].available == 12 - sale
        assert run.shop.sets == (1 if fault == "lost_after" else 2)
        assert run.journal.ends["key-0"] == "settled"

    def test_three_times_is_a_failure(self) -> None:
        run = write(shop_of((10, 12), faults=dict.fromkeys(range(9), "lost_before")))
        assert (run[1].outcome, run[1].reason, run.shop.sets) == (Outcome.FAILED, "no_answer", 3)

    @pytest.mark.parametrize("fault", ["lost_before", "lost_after"])
    def test_among_other_hands_is_a_conflict(self, fault: str) -> None:
        run = write(shop_of((10, 12), faults={0: fault}, events=[Event(2, 1, "edit", 1)]))
        assert (run[1].outcome, run[1].reason, run.shop.sets) == (Outcome.CONFLICT, "unclear_outcome", 1)

    def test_that_cannot_be_settled_stays_unknown(self) -> None:
        run = write(shop_of((10, 12), faults={0: "lost_after"}, deaf=frozenset({1})))
        assert (run[1].outcome, run[1].reason) == (Outcome.FAILED, "unreadable")
        assert run.journal.ends["key-0"] == "unknown"


class TestStop:
    @pytest.mark.parametrize(
        ("fault", "outcome", "reason"),
        [
            ("throttled", Outcome.FAILED, "rate_limited"),
            ("writes_off", Outcome.REFUSED, "writes_off"),
            ("unauthorised", Outcome.FAILED, "unauthorised"),
        ],
    )
    def test_is_told_on_every_line(self, fault: str, outcome: Outcome, reason: str) -> None:
        run = write(shop_of((5, 3), (5, 3), faults={0: fault}))
        assert {(each.line.outcome, each.line.reason) for each in run.written} == {(outcome, reason)}
        assert [place.available for place in run.shop.places.values()] == [5, 5]

    def test_a_shut_door_is_not_knocked_at_again(self) -> None:
        run = write(shop_of(*[(5, 3)] * 600, faults={0: "unauthorised"}))
        assert run.shop.sets == 1
        assert {each.line.reason for each in run.written} == {"unauthorised"}

    def test_a_throttled_call_does_not_stop_the_next(self) -> None:
        run = write(shop_of(*[(5, 3)] * 300, faults={0: "throttled"}))
        assert [each.line.outcome for each in run.written].count(Outcome.DONE) == 50

    @pytest.mark.parametrize("intents", [0, 1])
    def test_a_lost_lease_writes_nothing_more(self, intents: int) -> None:
        run = write(shop_of(*[(5, 3)] * 300), lost_at=intents)
        assert run.shop.sets == intents
        assert [each.line.reason for each in run.written].count("locked") == 300 - 250 * intents

    def test_a_store_that_always_sends_us_back_is_given_up(self) -> None:
        run = write(shop_of((5, 3), (5, 3), faults=dict.fromkeys(range(1_000), "previous")))
        assert {each.line.outcome for each in run.written} == {Outcome.FAILED}
        assert run.shop.sets <= 6

    def test_a_store_that_sends_us_back_once_is_asked_again(self) -> None:
        run = write(shop_of((5, 3), (5, 3), faults={0: "previous"}))
        assert {each.line.outcome for each in run.written} == {Outcome.DONE}


class TestStrict:
    """Taking back: only where the shop still holds exactly what was written."""

    def back(self, shop: ModelShop) -> list[Line]:
        return [each._replace(baseline=None, activate=False) for each in plan_of(shop)]

    @pytest.mark.parametrize("tick", [0, 1])
    @pytest.mark.parametrize("kind", ["sale", "edit"])
    def test_what_moved_is_left_alone(self, tick: int, kind: str) -> None:
        shop = shop_of((12, 20), (12, 20), events=[Event(tick, 1, kind, 2)])
        run = write(shop, strict=True, lines=self.back(shop))
        assert (run[1].outcome, run[1].reason) == (Outcome.REFUSED, "shop_moved")
        assert (run[2].outcome, shop.places[2].available) == (Outcome.DONE, 20)

    @pytest.mark.parametrize("fault", ["lost_before", "lost_after"])
    def test_a_lost_answer_is_settled_the_same_way(self, fault: str) -> None:
        shop = shop_of((12, 10), faults={0: fault})
        run = write(shop, strict=True, lines=self.back(shop))
        assert (run[1].outcome, shop.places[1].available) == (Outcome.DONE, 10)


# --------------------------------------------------------------- properties

CUSTOMERS = ("sale", "cancel", "fulfil", "damage")
HANDS = ("sale", "cancel", "edit", "damage")
"""Goods that come in by hand while others leave by post cannot be told from goods that never moved."""
SELLERS = ("sale", "fulfil", "damage")
"""Levels that only fall never come back to a number that was read."""


@st.composite
def model_shops(draw: st.DrawFn, *, kinds: Sequence[str] = (), faults: Sequence[str] = ()) -> ModelShop:
    count = draw(st.integers(1, 7))
    numbers = list(range(1, count + 1))
    kinds = kinds or draw(st.sampled_from([CUSTOMERS, HANDS]))
    places = {
        item: Place(
            draw(st.integers(-2, 12)),
            draw(st.integers(0, 3)),
            draw(st.integers(0, 1)),
            refused=draw(st.sampled_from(["", "", "", "", "INVALID_LOCATION"])),
        )
        for item in numbers
    }
    event = st.builds(
        Event, st.integers(0, 9), st.sampled_from(numbers), st.sampled_from(list(kinds)), st.integers(1, 5)
    )
    chosen = st.sampled_from(list(faults)) if faults else st.nothing()
    return ModelShop(
        places,
        {item: draw(st.integers(0, 12)) for item in numbers},
        draw(st.sampled_from(["available", "on_hand"])),
        events=draw(st.lists(event, max_size=10)),
        busy=frozenset(draw(st.sets(st.sampled_from(numbers), max_size=1))),
        faults=draw(st.dictionaries(st.integers(0, 6), chosen, max_size=3)) if faults else {},
        deaf=draw(st.frozensets(st.integers(0, 5), max_size=1)) if faults else frozenset(),
        shy=draw(st.booleans()),
    )


class TestAnySchedule:
    """The shop itself objects to sold units given back, to blind writes and to endless calls."""

    @settings(max_examples=400)
    @given(
        model_shops(kinds=[*CUSTOMERS, "deactivate", "delete"], faults=FAULTS) | model_shops(faults=FAULTS)
    )
    def test_ends_every_line_once_and_gives_nothing_back(self, shop: ModelShop) -> None:
        lost_at = next((number for number, fault in shop.faults.items() if fault == "lease_lost"), None)
        write(shop, lost_at=lost_at)

    @settings(max_examples=400)
    @given(model_shops())
    def test_a_quiet_line_is_always_done(self, shop: ModelShop) -> None:
        run = write(shop)
        for item, place in shop.places.items():
            if place.touched or place.refused:
                continue
            assert run[item].outcome in GOOD
            assert place.shown(shop.name) == shop.truths[item]

    @settings(max_examples=400)
    @given(model_shops(kinds=SELLERS))
    def test_a_conflict_lost_its_own_compare_twice(self, shop: ModelShop) -> None:
        for each in write(shop).written:
            if each.line.outcome is Outcome.CONFLICT:
                assert shop.compares_lost[each.line.item_id] >= 2

    @settings(max_examples=400)
    @given(model_shops())
    def test_what_is_done_was_really_written(self, shop: ModelShop) -> None:
        for each in write(shop).written:
            applied = shop.applied[each.line.item_id]
            if each.line.outcome is Outcome.DONE:
                assert [(row.expected, row.quantity) for row in applied] == [
                    (each.line.written_from, each.line.written_to)
                ]
            else:
                assert applied == []

    @settings(max_examples=200)
    @given(model_shops(kinds=["sale"], faults=["lost_before", "lost_after"]))
    def test_lost_answers_among_buyers_are_told_truly(self, shop: ModelShop) -> None:
        shop = replace(shop, busy=frozenset(), deaf=frozenset())
        for each in write(shop).written:
            applied = shop.applied[each.line.item_id]
            assert len(applied) <= 1
            assert (each.line.outcome is Outcome.DONE) == bool(applied)

    @settings(max_examples=200)
    @given(model_shops(kinds=["sale", "cancel"], faults=["lost_before", "lost_after"]))
    def test_lost_answers_among_cancellations_are_never_told_too_well(self, shop: ModelShop) -> None:
        """An order cancelled after a lowering may look like goods shipped: then nobody can tell."""
        shop = replace(shop, busy=frozenset(), deaf=frozenset())
        for each in write(shop).written:
            applied = shop.applied[each.line.item_id]
            assert len(applied) <= 1
            assert applied or each.line.outcome is not Outcome.DONE

    @settings(max_examples=200)
    @given(model_shops(faults=FAULTS))
    def test_strictly_only_what_holds_what_was_written_is_set(self, shop: ModelShop) -> None:
        lines = [each._replace(baseline=None, activate=False) for each in plan_of(shop)]
        shop.truths = dict.fromkeys(shop.truths, 10**6)
        write(shop, strict=True, lines=lines)
        planned: dict[int, Line] = {each.item_id: each for each in lines}
        for item, rows in shop.applied.items():
            for row in rows:
                assert (row.expected, row.quantity) == (planned[item].shown, planned[item].wanted)


def test_a_name_is_what_shopify_calls_it() -> None:
    names: tuple[QuantityName, ...] = ("available", "on_hand")
    for name in names:
        assert write(ModelShop({1: Place(5)}, {1: 3}, name)).shop.places[1].available == 3
