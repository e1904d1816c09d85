"""What goes wrong while a listing is brought level, judged by what the marketplaces hold afterwards."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import Transient
from connectors.ledger.market_records import BreakerState, ListingStatus
from connectors.market import Lot, Marketplace
from tasks import breaker
from tests.fair import BRICKLINK, BRICKOWL, Fair

EACH = pytest.mark.parametrize("name", [BRICKLINK, BRICKOWL])
CREATE = {BRICKLINK: "POST /inventories", BRICKOWL: "POST /inventory/create"}
CHANGE = {BRICKLINK: "PUT /inventories/{id}", BRICKOWL: "POST /inventory/update"}
DELETE = {BRICKLINK: "DELETE /inventories/{id}", BRICKOWL: "POST /inventory/delete"}


pytest_plugins = ["tests.fairs"]


def level(fair: Fair, quantity: int = 10) -> str:
    """An item that is level on both."""
    item = fair.create(quantity)
    fair.push(item)
    fair.assert_level(item)
    fair.sandbox.clear_calls()
    return item


def written(fair: Fair) -> list[tuple[object, object, object]]:
    """Every change of a lot's quantity, by whomever."""
    rows = (each for each in fair.sandbox.writes() if each["name"] in ("quantity", "qty"))
    return [(each["system"], each["before"], each["after"]) for each in rows]


@EACH
class TestLostAnswers:
    @pytest.mark.parametrize("kind", ["lost_answer", "timeout_before", "http_after"])
    def test_of_a_create_make_no_second_lot(self, fair: Fair, name: Marketplace, kind: str) -> None:
        item = fair.create(10)
        fair.fault(name, CREATE[name], kind, status=502, seconds=0)
        (ended,) = fair.push(item, name)
        assert ended.how == "unknown"
        assert fair.view(item, name).listing.status == ListingStatus.SYNCING
        fair.settle()
        fair.assert_level(item)
        assert fair.quantities(name) == [10]

    @pytest.mark.parametrize("kind", ["lost_answer", "timeout_before", "http_after"])
    @pytest.mark.parametrize("quantity", [4, 15])
    def test_of_a_change_change_nothing_twice(
        self, fair: Fair, name: Marketplace, kind: str, quantity: int
    ) -> None:
        item = level(fair)
        fair.update(item, quantity)
        fair.fault(name, CHANGE[name], kind, status=502, seconds=0)
        assert fair.push(item, name)[0].how == "unknown"
        fair.sell(name, fair.lot_id(item, name), 2)
        fair.settle()
        fair.assert_level(item)
        assert fair.item(item).quantity_available == quantity - 2

    @pytest.mark.parametrize("kind", ["lost_answer", "timeout_before"])
    def test_of_a_deletion_leave_no_lot(self, fair: Fair, name: Marketplace, kind: str) -> None:
        item = level(fair)
        fair.change("delete", item)
        fair.fault(name, DELETE[name], kind, seconds=0)
        fair.push(item)
        fair.settle()
        assert fair.lots(name) == []
        fair.assert_level(item)

    def test_are_not_settled_before_a_slow_server_can_be_done(self, fair: Fair, name: Marketplace) -> None:
        item = level(fair)
        fair.update(item, 4)
        fair.fault(name, CHANGE[name], "timeout_before", seconds=0)
        fair.push(item, name)
        fair.sandbox.clear_calls()
        fair.pass_time(55)
        assert fair.push(item, name)[0].how == "unknown"
        assert fair.calls(name) == []
        fair.pass_time(10)
        fair.push(item, name)
        fair.assert_level_on(item, name)

    def test_are_waited_for_from_when_they_were_lost_not_from_when_they_queued_up(
        self, fair: Fair, name: Marketplace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        item = level(fair)
        fair.update(item, 4)
        market = fair.stall(name).market
        change = market.change

        def queued(*asked: Any) -> Lot | None:  # noqa: ANN401
            fair.pass_time(50)
            return change(*asked)

        monkeypatch.setattr(market, "change", queued)
        fair.fault(name, CHANGE[name], "timeout_before", seconds=0)
        fair.push(item, name)
        monkeypatch.setattr(market, "change", change)
        fair.sandbox.clear_calls()
        fair.pass_time(55)
        assert fair.push(item, name)[0].how == "unknown"
        assert fair.calls(name) == []
        fair.pass_time(10)
        fair.push(item, name)
        fair.assert_level_on(item, name)

    def test_with_a_change_by_hand_wait_for_a_person(self, fair: Fair, name: Marketplace) -> None:
        item = level(fair)
        fair.update(item, 4)
        fair.fault(name, CHANGE[name], "lost_answer")
        fair.push(item, name)
        fair.event(name, "edit", lot=int(fair.lot_id(item, name)), quantity=77)
        fair.settle()
        assert fair.view(item, name).listing.status == ListingStatus.PARKED
        assert fair.shown(name, item) == [77]
        fair.ledger.retry("default", fair.now(), item_ids=[item])
        fair.settle()
        fair.assert_level(item)


class TestRefusals:
    @EACH
    def test_for_too_many_calls_are_waited_out_and_the_change_is_sent_once(
        self, fair: Fair, name: Marketplace
    ) -> None:
        item = level(fair)
        fair.update(item, 4)
        fair.fault(name, CHANGE[name], "throttled", times=2)
        assert fair.push(item, name)[0].how == "done"
        assert len(fair.slept) == 2
        assert (fair.quantities(name), written(fair)) == ([4], [(name, 10, 4)])

    @EACH
    def test_of_a_reading_by_a_broken_server_are_asked_again(self, fair: Fair, name: Marketplace) -> None:
        item = level(fair)
        fair.change("delete", item)
        reading = {BRICKLINK: "GET /inventories/{id}", BRICKOWL: "GET /inventory/list"}[name]
        fair.fault(name, reading, "http", status=503, times=2)
        assert fair.push(item, name)[0].how == "done"
        assert fair.slept == [1, 2]
        assert fair.lots(name) == []

    @EACH
    def test_by_a_broken_server_are_never_sent_again_before_it_is_known_what_they_did(
        self, fair: Fair, name: Marketplace
    ) -> None:
        item = level(fair)
        fair.update(item, 4)
        fair.fault(name, CHANGE[name], "http", status=503)
        assert fair.push(item, name)[0].how == "unknown"
        assert fair.calls(name).count(CHANGE[name]) == 1
        fair.settle()
        fair.assert_level(item)
        assert fair.calls(name).count(CHANGE[name]) == 2

    def test_that_wrote_nothing_are_tried_again_after_1_2_and_4_seconds(self, fair: Fair) -> None:
        item = level(fair)
        fair.update(item, 4)
        fair.fault(BRICKLINK, CHANGE[BRICKLINK], "http", status=400, times=3)
        assert fair.push(item, BRICKLINK)[0].how == "done"
        assert fair.slept == [1, 2, 4]
        assert fair.quantities(BRICKLINK) == [4]

    def test_for_good_end_as_failed_and_touch_no_other_marketplace(self, fair: Fair) -> None:
        item = level(fair)
        fair.update(item, 4)
        fair.fault(BRICKLINK, CHANGE[BRICKLINK], "http", status=400, times=-1)
        assert [each.how for each in fair.push(item)] == ["failed", "done"]
        listing = fair.view(item).listing
        assert (listing.status, listing.same_errors) == (ListingStatus.FAILED, 1)
        assert listing.next_attempt_at
        assert listing.next_attempt_at > fair.now()

    def test_of_the_same_kind_three_times_park_the_item_until_it_changes(self, fair: Fair) -> None:
        item = level(fair)
        fair.update(item, 4)
        fair.fault(BRICKLINK, CHANGE[BRICKLINK], "http", status=400, times=-1)
        fair.settle(4)
        assert fair.view(item).listing.status == ListingStatus.PARKED
        assert fair.ledger.behind(fair.now()) == []
        fair.sandbox.faults([])
        fair.update(item, 5)
        fair.settle()
        fair.assert_level(item)


class TestBreaker:
    def test_opens_at_once_when_the_account_is_turned_away_and_nothing_is_lost(self, fair: Fair) -> None:
        item = level(fair)
        fair.fault(BRICKLINK, "*", "http", status=401, times=-1)
        fair.update(item, 4)
        assert [each.how for each in fair.push(item)] == ["not_sent", "done"]
        assert fair.ledger.breaker("default", BRICKLINK).state is BreakerState.OPEN
        asked = len(fair.calls(BRICKLINK))
        fair.push(item)
        assert len(fair.calls(BRICKLINK)) == asked
        (alert,) = fair.ledger.alerts("default")
        assert "BrickLink is left alone" in alert.message
        fair.sandbox.faults([])
        fair.pass_time(61)
        fair.settle()
        fair.assert_level(item)
        assert fair.ledger.breaker("default", BRICKLINK).state is BreakerState.CLOSED
        assert [each for each in fair.ledger.alerts("default") if each.resolved_at is None] == []

    def test_lets_one_try_after_a_minute_and_opens_again_without_another_alert(self, fair: Fair) -> None:
        items = [level(fair), level(fair)]
        fair.fault(BRICKLINK, "*", "http", status=401, times=-1)
        for item in items:
            fair.update(item, 4)
            fair.push(item, BRICKLINK)
        fair.pass_time(61)
        fair.sandbox.clear_calls()
        for item in items:
            assert fair.push(item, BRICKLINK)[0].how == "not_sent"
        assert len(fair.calls(BRICKLINK)) == 1
        assert fair.ledger.breaker("default", BRICKLINK).state is BreakerState.OPEN
        assert len(fair.ledger.alerts("default")) == 1
        assert fair.quantities(BRICKLINK) == [10, 10]

    def test_of_one_marketplace_leaves_the_other_alone(self, fair: Fair) -> None:
        item = level(fair)
        fair.fault(BRICKLINK, "*", "http", status=401, times=-1)
        for quantity in (4, 8, 2):
            fair.update(item, quantity)
            assert [each.how for each in fair.push(item)] == ["not_sent", "done"]
            assert fair.quantities(BRICKOWL) == [quantity]
        assert fair.quantities(BRICKLINK) == [10]
        assert fair.ledger.breaker("default", BRICKOWL).state is BreakerState.CLOSED

    @pytest.mark.parametrize("what", ["begin_write", "spend"])
    def test_stays_closed_when_it_is_the_ledger_that_fails(
        self, fair: Fair, monkeypatch: pytest.MonkeyPatch, what: str
    ) -> None:
        item = level(fair)
        fair.update(item, 4)

        def busy(*_: object) -> bool:
            raise Transient("the ledger is busy", system="ledger")

        with monkeypatch.context() as patch:
            patch.setattr(fair.ledger, what, busy)
            for _ in range(2):
                assert fair.push(item, BRICKLINK)[0].how == "failed"
        assert fair.ledger.breaker("default", BRICKLINK).state is BreakerState.CLOSED
        fair.settle()
        fair.assert_level_on(item, BRICKLINK)

    def test_is_not_soothed_by_calls_that_others_make_meanwhile(
        self, fair: Fair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        item = level(fair)
        fair.change("update", item, name="Another name")
        fair.ledger.judge_breaker(
            "default", BRICKLINK, lambda found: breaker.failed(found, "away", fair.now())
        )
        stored, usage = fair.ledger.level, fair.stall(BRICKLINK).market.usage

        def meanwhile(*asked: Any, **more: Any) -> bool:  # noqa: ANN401
            other = threading.Thread(target=usage.add, kwargs={"calls": 1})
            other.start()
            other.join()
            return stored(*asked, **more)

        monkeypatch.setattr(fair.ledger, "level", meanwhile)
        assert fair.push(item, BRICKLINK)[0].how == "unchanged"
        assert fair.ledger.breaker("default", BRICKLINK).failures == 1

    def test_opens_after_five_failures_in_a_row(self, fair: Fair) -> None:
        item = level(fair)
        fair.fault(BRICKOWL, "*", "http", status=429, times=-1)
        fair.update(item, 4)
        fair.push(item, BRICKOWL)
        fair.pass_time(90)
        fair.push(item, BRICKOWL)
        assert fair.ledger.breaker("default", BRICKOWL).state is BreakerState.OPEN
        assert fair.view(item, BRICKOWL).listing.status == ListingStatus.SYNCING


def test_an_empty_lane_leaves_items_syncing_with_the_time_they_go(fair: Fair) -> None:
    item = level(fair)
    fair.ledger.spend("default", BRICKLINK, "orders", fair.now(), calls=4_600)
    fair.update(item, 12)
    (ended,) = fair.push(item, BRICKLINK)
    listing = fair.view(item).listing
    assert (ended.how, listing.status) == ("not_sent", ListingStatus.SYNCING)
    assert listing.next_attempt_at
    assert listing.next_attempt_at > fair.now() + timedelta(hours=20)
    fair.update(item, 3)
    assert fair.push(item, BRICKLINK)[0].how == "done"
    fair.update(item, 12)
    fair.push(item)
    fair.pass_time(25 * 3600)
    fair.settle()
    fair.assert_level(item)


def test_a_fall_does_not_wait_for_the_calls_that_a_rise_before_it_had_not(
    fair: Fair, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = level(fair)
    fair.ledger.spend("default", BRICKLINK, "orders", fair.now(), calls=4_600)
    fair.update(item, 12)
    spend = fair.ledger.spend

    def meanwhile(*asked: Any) -> Any:  # noqa: ANN401
        free_at = spend(*asked)
        if free_at is not None and fair.item(item).quantity_available == 12:
            fair.update(item, 3)
        return free_at

    monkeypatch.setattr(fair.ledger, "spend", meanwhile)
    assert fair.push(item, BRICKLINK)[0].how == "done"
    assert fair.quantities(BRICKLINK) == [3]


def test_nothing_is_sent_while_writes_are_off(fair: Fair) -> None:
    item = level(fair)
    fair.writes_off, fair.markets = True, {}
    fair.update(item, 3)
    assert {each.how for each in fair.push(item)} == {"not_sent"}
    assert fair.quantities(BRICKLINK) == fair.quantities(BRICKOWL) == [10]
    fair.writes_off, fair.markets = False, {}
    fair.pass_time(600)
    fair.settle()
    fair.assert_level(item)


@EACH
def test_what_an_unclear_create_sold_meanwhile_is_booked(fair: Fair, name: Marketplace) -> None:
    item = fair.create(10)
    fair.fault(name, CREATE[name], "lost_answer")
    fair.push(item)
    (lot,) = fair.lots(name)
    fair.sell(name, lot["inventory_id" if name == BRICKLINK else "lot_id"], 4)
    fair.settle()
    assert fair.item(item).quantity_available == 6
    fair.assert_level(item)
