"""Bringing one listing level, judged by what the marketplaces hold afterwards."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from connectors.ledger.market_records import ListingKey
from connectors.market import MARKETPLACES, Change, NewLot
from tasks.push import bring_level
from tasks.stall import Shelf
from tests.fair import BOID, BRICKLINK, BRICKOWL, Fair, world
from tests.worlds import World

pytest_plugins = ["tests.fairs"]


def test_a_new_item_appears_on_both_marketplaces(fair: Fair) -> None:
    item = fair.create(10, location="Box 7", notes="Clean")
    assert [each.how for each in fair.push(item)] == ["done", "done"]
    fair.assert_level(item)
    (brick,), (owl,) = fair.lots(BRICKLINK), fair.lots(BRICKOWL)
    assert (brick["remarks"], brick["description"]) == (f"Box 7 ev:{item}", "Clean")
    assert (owl["external_id"], owl["public_note"], owl["personal_note"]) == (f"ev:{item}", "Clean", "Box 7")


def pushed(fair: Fair, quantity: int = 10, **data: object) -> str:
    """An item that is level on both marketplaces."""
    item = fair.create(quantity, **data)
    fair.push(item)
    fair.assert_level(item)
    fair.sandbox.clear_calls()
    return item


class TestQuantities:
    def test_a_change_is_sent_as_a_signed_one(self, fair: Fair) -> None:
        item = pushed(fair)
        fair.update(item, 7)
        fair.push(item)
        fair.assert_level(item)
        assert fair.quantities(BRICKLINK) == fair.quantities(BRICKOWL) == [7]
        assert len(fair.calls(BRICKLINK)) == 2
        assert len(fair.calls(BRICKOWL)) == 1

    def test_sells_no_unit_twice_that_was_sold_before_the_change(self, fair: Fair) -> None:
        """The issue's example: 10, two sold and not booked, raised to 12, all three say 10 in the end."""
        item = pushed(fair)
        fair.sell(BRICKLINK, fair.lot_id(item), 2)
        fair.update(item, 12)
        ended, _ = fair.push(item)
        assert ended.orders_wanted
        assert (fair.quantities(BRICKLINK), fair.quantities(BRICKOWL)) == ([10], [12])
        fair.settle()
        assert fair.item(item).quantity_available == 10
        fair.assert_level(item)

    def test_several_changes_become_one_push(self, fair: Fair) -> None:
        item = pushed(fair)
        for quantity in (11, 12, 3, 20):
            fair.update(item, quantity)
        fair.push(item)
        fair.assert_level(item)
        assert len(fair.calls(BRICKOWL)) == 1

    def test_falls_no_deeper_than_what_is_there(self, fair: Fair) -> None:
        item = pushed(fair, 5)
        for name in (BRICKLINK, BRICKOWL):
            fair.sell(name, fair.lot_id(item, name), 4)
        fair.update(item, 2)
        fair.push(item)
        assert fair.quantities(BRICKLINK) in ([], [0])
        assert fair.quantities(BRICKOWL) == [0]
        fair.settle()
        assert fair.item(item).quantity_available == 0
        fair.assert_level(item)

    def test_what_somebody_put_there_is_not_taken_away(self, fair: Fair) -> None:
        item = pushed(fair)
        fair.event(BRICKLINK, "edit", lot=int(fair.lot_id(item)), quantity=13)
        fair.update(item, 9)
        fair.push(item)
        assert fair.quantities(BRICKLINK) == [12]
        assert "shows 12, expected were 9" in fair.view(item).listing.review

    def test_to_zero_and_back(self, fair: Fair) -> None:
        item = pushed(fair)
        fair.update(item, 0)
        fair.push(item)
        fair.assert_level(item)
        fair.update(item, 4)
        fair.push(item)
        fair.assert_level(item)
        assert sum(fair.quantities(BRICKLINK)) == sum(fair.quantities(BRICKOWL)) == 4

    def test_texts_and_price_follow(self, fair: Fair) -> None:
        item = pushed(fair, location="Box 7")
        fair.change("update", item, location="Box & 8", notes="It's fine", price="0.25")
        fair.push(item)
        fair.assert_level(item)
        (brick,), (owl,) = fair.lots(BRICKLINK), fair.lots(BRICKOWL)
        assert (brick["remarks"], brick["unit_price"]) == (f"Box & 8 ev:{item}", "0.2500")
        assert (owl["personal_note"], owl["public_note"], owl["price"]) == ("Box & 8", "It's fine", "0.250")

    def test_a_deleted_item_leaves_no_lot(self, fair: Fair) -> None:
        item = pushed(fair)
        fair.change("delete", item)
        fair.push(item)
        fair.assert_level(item)
        assert fair.lots(BRICKLINK) == fair.lots(BRICKOWL) == []

    def test_a_deleted_item_that_was_never_there_asks_nobody(self, fair: Fair) -> None:
        item = fair.create()
        fair.change("delete", item)
        assert {each.how for each in fair.push(item)} == {"unchanged"}
        assert fair.calls(BRICKLINK) == fair.calls(BRICKOWL) == []


class TestSales:
    def test_a_sale_comes_back_and_the_other_marketplace_follows(self, fair: Fair) -> None:
        item = pushed(fair)
        fair.sell(BRICKOWL, fair.lot_id(item, BRICKOWL), 3)
        fair.settle()
        assert fair.item(item).quantity_available == 7
        fair.assert_level(item)
        (sold,) = (each for each in fair.ledger.item_history("default", item) if each.change_type == "sold")
        assert (sold.delta_available, sold.marketplace) == (-3, BRICKOWL)

    def test_an_order_is_booked_once_however_often_it_is_read(self, fair: Fair) -> None:
        item = pushed(fair)
        fair.sell(BRICKLINK, fair.lot_id(item), 3)
        for _ in range(3):
            fair.book()
        assert fair.item(item).quantity_available == 7

    def test_a_lot_that_sold_out_is_made_anew_when_there_are_units_again(self, fair: Fair) -> None:
        item = pushed(fair, 2)
        fair.sell(BRICKLINK, fair.lot_id(item), 2)
        fair.settle()
        fair.assert_level(item)
        assert fair.item(item).quantity_available == 0
        fair.update(item, 5)
        fair.push(item)
        fair.assert_level(item)
        assert sum(fair.quantities(BRICKLINK)) == 5

    def test_the_last_unit_sold_on_both_is_told_with_both_orders(self, fair: Fair) -> None:
        item = pushed(fair, 1)
        lots = {name: fair.lot_id(item, name) for name in (BRICKLINK, BRICKOWL)}
        for name, lot in lots.items():
            fair.sell(name, lot, 1)
        fair.settle()
        assert fair.item(item).quantity_available == 0
        reasons = [each.reason for each in fair.ledger.item_history("default", item)]
        assert any("oversold by 1; the last ones went to order bricklink/" in each for each in reasons)
        fair.assert_level(item)


class TestGivenBack:
    def cancelled(self, fair: Fair, *, restock: bool) -> str:
        item = pushed(fair)
        order = fair.sell(BRICKLINK, fair.lot_id(item), 3)["order_id"]
        fair.settle()
        fair.event(BRICKLINK, "cancel", order_id=order, restock=restock)
        fair.settle()
        return item

    def test_units_that_are_back_in_the_lot_go_back_everywhere(self, fair: Fair) -> None:
        item = self.cancelled(fair, restock=True)
        assert fair.item(item).quantity_available == 10
        fair.assert_level(item)
        assert fair.ledger.reviews("default") == []

    def test_units_that_are_not_wait_for_a_person(self, fair: Fair) -> None:
        item = self.cancelled(fair, restock=False)
        assert fair.item(item).quantity_available == 7
        fair.assert_level(item)
        (review,) = fair.ledger.reviews("default")
        assert (review.quantity, review.item_id) == (3, item)
        fair.ledger.restock(review.id or 0, fair.now(), lot_rose=False, by="ann")
        fair.settle()
        assert fair.item(item).quantity_available == 10
        fair.assert_level(item)


class TestPairing:
    def lot(self, number: int, quantity: int = 6, **more: object) -> World:
        return {
            "inventory_id": number,
            "item": {"no": "3001", "type": "PART"},
            "color_id": 5,
            "new_or_used": "N",
            "quantity": quantity,
        } | more

    def test_a_lot_that_was_there_before_is_adopted(self, fair: Fair) -> None:
        fair.sandbox.put_world(
            world(bricklink={"lots": [self.lot(5, remarks="Shelf", color_id=11), self.lot(6)]})
        )
        item = fair.create(8, location="Box")
        fair.push(item)
        fair.assert_level(item)
        shown = {each["inventory_id"]: (each["quantity"], each["remarks"]) for each in fair.lots(BRICKLINK)}
        assert shown == {5: (6, "Shelf"), 6: (8, f"Box ev:{item}")}

    def test_what_was_sold_of_it_since_the_item_is_known_counts(self, fair: Fair) -> None:
        fair.sandbox.put_world(world(bricklink={"lots": [self.lot(6)]}))
        item = fair.create(6)
        fair.pass_time(5)
        fair.sell(BRICKLINK, 6, 2)
        fair.push(item)
        fair.settle()
        assert fair.item(item).quantity_available == 4
        fair.assert_level(item)

    def test_several_alike_are_refused_and_nothing_is_made(self, fair: Fair) -> None:
        fair.sandbox.put_world(world(bricklink={"lots": [self.lot(5), self.lot(6)]}))
        item = fair.create(8)
        assert [each.how for each in fair.push(item)] == ["parked", "done"]
        assert fair.quantities(BRICKLINK) == [6, 6]
        assert "5, 6" in fair.view(item).listing.reason

    def test_a_retry_after_the_seller_chose_adopts_the_one_left(self, fair: Fair) -> None:
        fair.sandbox.put_world(world(bricklink={"lots": [self.lot(5), self.lot(6)]}))
        item = fair.create(8)
        fair.push(item)
        fair.event(BRICKLINK, "delete", lot=5)
        fair.ledger.retry("default", fair.now(), item_ids=[item])
        fair.push(item)
        fair.assert_level(item)

    def test_a_lot_made_twice_long_ago_is_told(self, fair: Fair) -> None:
        item = fair.create(8)
        twins = [self.lot(number, remarks=f"ev:{item}") for number in (5, 6)]
        fair.sandbox.put_world(world(bricklink={"lots": twins}))
        assert fair.push(item)[0].how == "parked"
        assert fair.quantities(BRICKLINK) == [6, 6]

    def test_a_lot_that_another_item_has_just_adopted_is_left_to_it(self, fair: Fair) -> None:
        fair.sandbox.put_world(world(bricklink={"lots": [self.lot(6)]}))
        first, second = fair.create(3), fair.create(4)
        fair.fault(BRICKLINK, "PUT /inventories/{id}", "http", status=503, times=-1)
        fair.push(first, BRICKLINK)
        assert fair.lots(BRICKLINK)[0]["remarks"] == ""
        fair.sandbox.faults([])
        fair.push(second, BRICKLINK)
        assert sorted(fair.quantities(BRICKLINK)) == [4, 6]
        fair.settle()
        fair.assert_level(first)
        fair.assert_level(second)

    @pytest.mark.parametrize("kind", ["lost_answer", "timeout_before"])
    def test_an_unclear_create_takes_no_lot_of_another_item_s_for_its_own(
        self, fair: Fair, kind: str
    ) -> None:
        """The lot of the first item stays without a marker: it has another program's id."""
        lot = {"lot_id": 500, "boid": BOID, "qty": 3, "con": "new", "price": "0.100", "external_id": "5598"}
        fair.sandbox.put_world(world(brickowl={"lots": [lot]}))
        first, second = fair.create(3), fair.create(5)
        fair.push(first)
        fair.fault(BRICKOWL, "POST /inventory/create", kind, seconds=0)
        fair.push(second)
        fair.settle()
        assert fair.lot_id(first, BRICKOWL) == "500"
        assert sorted(fair.quantities(BRICKOWL)) == [3, 5]
        fair.assert_level(second)

    def test_a_lot_that_vanished_since_all_were_listed_costs_no_round_of_calls(self, fair: Fair) -> None:
        fair.sandbox.put_world(world(bricklink={"lots": [self.lot(6)]}))
        stall = fair.stall(BRICKLINK)
        shelved = replace(stall, shelf=Shelf(stall.market, fair.now))
        other, item = fair.create(1, colorId=11), fair.create(8)
        bring_level(shelved, ListingKey("default", other, BRICKLINK), "test")
        fair.event(BRICKLINK, "delete", lot=6)
        fair.sandbox.clear_calls()
        bring_level(shelved, ListingKey("default", item, BRICKLINK), "test")
        fair.assert_level_on(item, BRICKLINK)
        assert len(fair.calls(BRICKLINK)) == 5  # orders, the lot, orders; all lots, and the new one

    def test_units_that_a_marketplace_puts_into_another_item_s_lot_are_not_sent_again(
        self, fair: Fair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = fair.create(3), fair.create(4)
        fair.push(first)
        lot, market = fair.lot_id(first, BRICKOWL), fair.stall(BRICKOWL).market

        def merged(new: NewLot) -> str:
            market.change(lot, Change(new.quantity))
            return lot

        monkeypatch.setattr(market, "create", merged)
        assert fair.push(second, BRICKOWL)[0].how == "parked"
        fair.settle()
        assert fair.quantities(BRICKOWL) == [7]
        assert f"went into lot {lot}" in fair.view(second, BRICKOWL).listing.reason
        assert fair.lot_id(first, BRICKOWL) == lot

    def test_a_lot_that_is_listed_twice_is_one(self, fair: Fair, monkeypatch: pytest.MonkeyPatch) -> None:
        fair.sandbox.put_world(world(bricklink={"lots": [self.lot(6)]}))
        market = fair.stall(BRICKLINK).market
        find = market.find
        monkeypatch.setattr(market, "find", lambda *asked: find(*asked) * 2)
        item = fair.create(8)
        fair.push(item)
        fair.assert_level(item)

    def test_two_items_of_one_kind_have_a_lot_each(self, fair: Fair) -> None:
        first, second = fair.create(3), fair.create(4)
        fair.push(first)
        fair.push(second)
        fair.assert_level(first)
        fair.assert_level(second)
        assert sorted(fair.quantities(BRICKLINK)) == [3, 4]

    def test_a_part_that_brick_owl_does_not_know_is_parked_there_alone(self, fair: Fair) -> None:
        item = fair.create(3, partNumber="9999")
        assert [each.how for each in fair.push(item)] == ["done", "parked"]
        assert fair.view(item, BRICKOWL).listing.error_code == "no_item"


class TestGone:
    def test_a_lot_deleted_by_hand_is_told_and_not_made_again_by_itself(self, fair: Fair) -> None:
        item = pushed(fair)
        fair.event(BRICKLINK, "delete", lot=int(fair.lot_id(item)))
        fair.event(BRICKOWL, "delete", lot=int(fair.lot_id(item, BRICKOWL)))
        fair.update(item, 12)
        assert [each.how for each in fair.push(item)] == ["parked", "parked"]
        assert fair.lots(BRICKLINK) == fair.lots(BRICKOWL) == []
        assert "not there" in fair.view(item).listing.reason
        fair.ledger.retry("default", fair.now(), item_ids=[item])
        fair.push(item)
        fair.assert_level(item)
        assert fair.quantities(BRICKLINK) == fair.quantities(BRICKOWL) == [12]

    def test_a_retry_takes_the_lot_as_it_is(self, fair: Fair) -> None:
        item = pushed(fair)
        fair.event(BRICKLINK, "edit", lot=int(fair.lot_id(item)), quantity=4)
        fair.ledger.retry("default", fair.now(), item_ids=[item])
        fair.push(item)
        fair.assert_level(item)
        assert fair.quantities(BRICKLINK) == [10]


def test_workers_that_push_the_same_item_at_once_make_one_lot(fair: Fair) -> None:
    item = fair.create(10)
    stalls = [fair.stall(name) for name in (BRICKLINK, BRICKOWL)]

    def work(number: int) -> str:
        key = ListingKey("default", item, MARKETPLACES[number % 2])
        return bring_level(stalls[number % 2], key, f"worker {number}").how.value

    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(work, range(8)))
    assert ends.count("done") == 2
    fair.assert_level(item)
    assert fair.quantities(BRICKLINK) == fair.quantities(BRICKOWL) == [10]


def test_a_change_that_comes_while_an_item_is_pushed_is_not_forgotten(fair: Fair) -> None:
    item = pushed(fair)
    stall = fair.stall(BRICKOWL)

    def worker(quantity: int) -> None:
        fair.update(item, quantity)
        bring_level(stall, ListingKey("default", item, BRICKOWL), f"worker {quantity}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(worker, range(20, 32)))
    fair.assert_level_on(item, BRICKOWL)
