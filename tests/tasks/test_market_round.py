"""The net's work, and the push that a worker does: over the wire, without Prefect."""

from typing import Any

import pytest
from pydantic import SecretStr

from connectors.ledger.market_records import BreakerState, ListingStatus
from connectors.market import MARKETPLACES, Marketplace
from connectors.records import JsonObject
from connectors.settings import load_settings
from tasks import market_accounts, market_page, market_run
from tasks.item_changes import ItemRequest, change_item
from tasks.market_report import Tale
from tasks.market_round import Place, level, plan
from tests.fair import BOIDS, BRICK, BRICKLINK, BRICKOWL, PLACES, Served, environment, world

pytest_plugins = ["tests.fairs"]

CHANGES = {BRICKLINK: "PUT /inventories/{id}", BRICKOWL: "POST /inventory/update"}
KEY = "q83vEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kBI0Vng="


@pytest.fixture
def fair(served: Served) -> Served:
    return served


def drift(report: JsonObject) -> list[tuple[Any, ...]]:
    rows: Any = report["drift"]
    return [(row["kind"], row["marketplace"], row["expected"], row["present"]) for row in rows]


class TestAtOnce:
    def test_a_change_reaches_both_side_by_side(self, fair: Served) -> None:
        item = fair.create(10)
        assert fair.push_now(item) == {BRICKLINK: "done", BRICKOWL: "done"}
        fair.assert_level(item)

    def test_a_sale_that_a_push_meets_is_booked_at_once_and_reaches_the_other(self, fair: Served) -> None:
        item = fair.create(10)
        fair.push_now(item)
        fair.sell(BRICKLINK, fair.lot_id(item), 2)
        fair.update(item, 12)
        fair.push_now(item)
        assert fair.item(item).quantity_available == 10
        fair.assert_level(item)

    def test_new_items_share_a_look_at_what_brick_owl_has(self, fair: Served) -> None:
        """The list of all lots may be megabytes long, and each push opens the store anew."""
        for _ in range(3):
            fair.push_now(fair.create(3))
        assert fair.calls(BRICKOWL).count("GET /inventory/list") == 1
        assert fair.quantities(BRICKOWL) == [3, 3, 3]

    def test_without_external_calls_it_is_mocked_and_nothing_is_believed(
        self, fair: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DISABLE_EXTERNAL_CALLS", "true")
        item = fair.create(10)
        assert fair.push_now(item) == {BRICKLINK: "mocked", BRICKOWL: "mocked"}
        assert fair.calls(BRICKLINK) == fair.calls(BRICKOWL) == []
        assert fair.view(item).listing.status == ListingStatus.SYNCING

    def test_what_is_missing_of_credentials_fails_there_alone(
        self, fair: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        item = fair.create(10)
        monkeypatch.delenv("BRICKOWL_API_KEY")
        assert fair.push_now(item) == {BRICKLINK: "done", BRICKOWL: "failed"}
        assert "no credentials for brickowl" in fair.view(item, BRICKOWL).listing.reason

    @pytest.mark.parametrize("slow", MARKETPLACES)
    def test_a_marketplace_that_is_slow_keeps_no_other_waiting(self, fair: Served, slow: Marketplace) -> None:
        item = fair.create(10)
        fair.push_now(item)
        seen = len(fair.sandbox.writes())
        fair.fault(slow, "*", "slow", seconds=0.4, times=-1)
        fair.update(item, 4)
        assert fair.push_now(item) == {BRICKLINK: "done", BRICKOWL: "done"}
        order = [write["system"] for write in fair.sandbox.writes()[seen:]]
        assert order[-1] == slow
        assert order[0] != slow
        fair.assert_level(item)


class TestSwitchedOff:
    def test_a_marketplace_gets_nothing_until_it_is_on_again(self, fair: Served) -> None:
        item = fair.create(10)
        fair.push_now(item)
        market_accounts.switch(load_settings(), fair.ledger, "default", (BRICKLINK,), enabled=False)
        fair.sandbox.clear_calls()
        fair.update(item, 4)
        other = fair.create(3, partNumber="9999")
        assert fair.push_now(item) == {BRICKOWL: "done"}
        assert fair.push_now(other) == {BRICKOWL: "parked"}
        fair.net()
        assert fair.calls(BRICKLINK) == []
        assert (fair.quantities(BRICKLINK), fair.quantities(BRICKOWL)) == ([10], [4])
        market_accounts.switch(load_settings(), fair.ledger, "default", (BRICKLINK,), enabled=True)
        fair.net()
        assert sorted(fair.quantities(BRICKLINK)) == [3, 4]
        fair.assert_level(item)

    def test_what_was_sold_meanwhile_is_booked_when_it_is_on_again(self, fair: Served) -> None:
        item = fair.create(10)
        fair.push_now(item)
        market_accounts.switch(load_settings(), fair.ledger, "default", (BRICKLINK,), enabled=False)
        fair.sell(BRICKLINK, fair.lot_id(item), 3)
        fair.net()
        assert fair.item(item).quantity_available == 10
        market_accounts.switch(load_settings(), fair.ledger, "default", (BRICKLINK,), enabled=True)
        fair.net()
        assert fair.item(item).quantity_available == 7
        fair.assert_level(item)

    def test_an_account_without_credentials_gets_nothing(
        self, fair: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        item = fair.create(10)
        fair.push_now(item)
        for name in environment():
            if name.startswith("BRICKLINK_") and not name.endswith("URL"):
                monkeypatch.delenv(name)
        fair.settings = load_settings()
        market_accounts.remove_account(fair.settings, fair.ledger, "default")
        fair.sandbox.clear_calls()
        fair.update(item, 4)
        assert fair.push_now(item) == {BRICKOWL: "done"}
        assert fair.calls(BRICKLINK) == []
        assert fair.quantities(BRICKLINK) == [10]

    def test_writes_that_are_off_let_orders_in_and_nothing_out(
        self, fair: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        item = fair.create(10)
        fair.push_now(item)
        monkeypatch.setenv("EVENSTOCK_WRITES", "off")
        seen = len(fair.sandbox.writes())
        fair.update(item, 4)
        assert fair.push_now(item) == {BRICKLINK: "not_sent", BRICKOWL: "not_sent"}
        fair.sell(BRICKOWL, fair.lot_id(item, BRICKOWL), 2)
        report = fair.net()
        assert report["writes"] == "off"
        assert fair.item(item).quantity_available == 2
        assert {each["operation"] for each in fair.sandbox.writes()[seen:]} == {"event"}
        monkeypatch.setenv("EVENSTOCK_WRITES", "on")
        fair.pass_time(600)
        monkeypatch.setenv("EVENSTOCK_NOW", fair.now().isoformat())
        fair.net()
        fair.assert_level(item)


class TestNet:
    def test_finds_whatever_is_behind(self, fair: Served) -> None:
        items = [fair.create(number) for number in (3, 4, 5)]
        report = fair.net()
        for item in items:
            fair.assert_level(item)
        assert report["success"]
        assert report["balance"] == market_balance(done=6)
        assert report["receipt"] == {"read_back": 3, "drift": 0, "unconfirmed": 0}

    def test_books_orders_first_so_that_one_run_makes_both_even(self, fair: Served) -> None:
        item = fair.create(10)
        fair.net()
        fair.sell(BRICKOWL, fair.lot_id(item, BRICKOWL), 4)
        report = fair.net()
        assert fair.quantities(BRICKLINK) == [6]
        orders: Any = report["orders"]
        assert [(each["item_id"], each["quantity"]) for each in orders] == [(item, 4)]
        fair.assert_level(item)

    def test_hears_of_a_sale_that_it_meets_while_it_pushes(self, fair: Served) -> None:
        item = fair.create(10)
        fair.net()
        before = {"operation": CHANGES[BRICKLINK], "nth": 1}
        fair.event(BRICKLINK, "sale", lot=int(fair.lot_id(item)), quantity=2, before=before)
        fair.update(item, 12)
        orders: Any = fair.net()["orders"]
        assert [(each["item_id"], each["quantity"]) for each in orders] == [(item, 2)]
        assert fair.item(item).quantity_available == 10
        fair.net()
        fair.assert_level(item)

    def test_tells_for_a_day_of_a_unit_that_was_sold_twice_whoever_heard_of_it(
        self, fair: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        item = fair.create(1)
        fair.net()
        first, second = (
            str(fair.sell(name, fair.lot_id(item, name), 1)["order_id"]) for name in (BRICKLINK, BRICKOWL)
        )
        fair.book()  # as a worker's push does, which has no report
        for _ in range(2):
            rows: Any = fair.net()["oversold"]
            assert [(each["order_id"], each["other_order"]) for each in rows] == [
                (second, f"{BRICKLINK}/{first}")
            ]
        fair.pass_time(25 * 3600)
        monkeypatch.setenv("EVENSTOCK_NOW", fair.now().isoformat())
        assert fair.net()["oversold"] == []

    def test_one_marketplace_that_is_down_touches_no_other(self, fair: Served) -> None:
        item = fair.create(10)
        fair.fault(BRICKLINK, "*", "http", status=503, times=-1)
        report = fair.net()
        assert fair.quantities(BRICKOWL) == [10]
        assert not report["success"]
        fair.assert_level_on(item, BRICKOWL)

    def test_puts_off_what_no_calls_are_left_for_in_one_stroke(self, fair: Served) -> None:
        items = [fair.create(number) for number in range(1, 9)]
        fair.ledger.spend("default", BRICKLINK, "orders", fair.now(), calls=4_999)
        report = fair.net()
        counts: Any = report["balance"]
        assert (counts["done"], counts["not_sent"]) == (8, 8)
        assert len(fair.calls(BRICKLINK)) == 1
        assert all(fair.view(item).listing.next_attempt_at for item in items)

    def test_what_another_lane_has_calls_for_is_not_put_off(self, fair: Served) -> None:
        items = [fair.create(number) for number in range(1, 10)]
        fair.net()
        for item in items[:6]:
            fair.change("update", item, price="0.5")
        for item in items[6:]:
            fair.change("update", item, notes="Clean")
        fair.ledger.spend("default", BRICKLINK, "orders", fair.now(), calls=2_500)
        counts: Any = fair.net()["balance"]
        assert (counts["done"], counts["not_sent"]) == (9 + 3, 6)
        for item in items[6:]:
            fair.assert_level(item)
        assert {fair.view(item).listing.status for item in items[:6]} == {ListingStatus.SYNCING}
        assert all("for prices" in fair.view(item).listing.reason for item in items[:6])

    def test_what_it_would_do_is_told_without_a_call(self, fair: Served) -> None:
        fair.create(10)
        part = plan(load_settings(), fair.ledger, PLACES[0], None)
        assert [(each.reason, each.before, each.after) for each in part.planned] == [
            ("make a lot of 10", None, 10)
        ]
        assert fair.calls(BRICKLINK) == []

    def test_pushes_only_the_items_that_were_asked_for(self, fair: Served) -> None:
        first, second = fair.create(1), fair.create(2)
        fair.net(items=[second])
        assert fair.view(first).listing.status == ListingStatus.SYNCING
        fair.assert_level(second)


class TestNight:
    def evening(self, fair: Served) -> str:
        item = fair.create(10)
        fair.net()
        fair.assert_level(item)
        return item

    def test_finds_nothing_where_all_is_even(self, fair: Served) -> None:
        self.evening(fair)
        report = fair.net(compares=True)
        assert (report["drift"], report["success"]) == ([], True)

    @pytest.mark.parametrize("name", MARKETPLACES)
    @pytest.mark.parametrize(("quantity", "kind"), [(12, "above"), (7, "below")])
    def test_lists_what_somebody_changed_and_takes_nothing_away(
        self, fair: Served, name: Marketplace, quantity: int, kind: str
    ) -> None:
        item = self.evening(fair)
        fair.event(name, "edit", lot=int(fair.lot_id(item, name)), quantity=quantity)
        report = fair.net(compares=True)
        assert drift(report) == [(kind, name, 10, quantity)]
        assert fair.quantities(name) == [quantity]
        assert f"shows {quantity}" in fair.view(item, name).listing.review
        fair.event(name, "edit", lot=int(fair.lot_id(item, name)), quantity=10)
        assert fair.net(compares=True)["drift"] == []
        assert fair.view(item, name).listing.review == ""

    def test_takes_a_sale_for_a_sale(self, fair: Served) -> None:
        item = self.evening(fair)
        before = {"operation": "GET /inventories", "nth": 1}
        fair.event(BRICKLINK, "sale", lot=int(fair.lot_id(item)), quantity=2, before=before)
        assert fair.net(compares=True)["drift"] == []
        fair.net()
        assert fair.item(item).quantity_available == 8
        fair.assert_level(item)

    def test_deletes_nothing_that_it_does_not_know(self, fair: Served) -> None:
        foreign = {"inventory_id": 77, "item": {"no": "3001", "type": "PART"}, "color_id": 11, "quantity": 3}
        fair.sandbox.put_world(world(bricklink={"lots": [foreign]}))
        self.evening(fair)
        report = fair.net(compares=True)
        assert [row[0] for row in drift(report)] == ["foreign"]
        assert report["success"]
        assert sorted(fair.quantities(BRICKLINK)) == [3, 10]

    def test_tells_of_a_lot_that_is_gone(self, fair: Served) -> None:
        item = self.evening(fair)
        fair.event(BRICKOWL, "delete", lot=int(fair.lot_id(item, BRICKOWL)))
        assert drift(fair.net(compares=True)) == [("missing", BRICKOWL, 10, 0)]
        assert fair.lots(BRICKOWL) == []


def market_balance(**counts: int) -> dict[str, int]:
    names = ("done", "unchanged", "held", "refused", "conflict", "failed", "parked", "not_sent")
    planned = {name: counts.get(name, 0) for name in names}
    total = sum(planned.values())
    return {
        "checked": total + counts.get("unknown", 0),
        "unknown": counts.get("unknown", 0),
        "planned": total,
    } | planned


def test_the_page_shows_every_marketplace_failures_first(fair: Served) -> None:
    good, bad = fair.create(10), fair.create(3, partNumber="9999", name="Odd | part")
    report = fair.net()
    states = market_run.states(load_settings(), fair.ledger, ["default"])
    page = market_page.markdown(states, report, fair.now())
    assert "| Brick Owl | default | 🟠 | 0 | 1 | 0 | 1 |" in page
    assert page.index("| Brick Owl |") < page.index("| BrickLink |")
    assert "Odd \\| part" in page
    assert good not in page.partition("| item |")[2]
    assert bad in page
    rows = market_page.table(report)
    assert [row["outcome"] for row in rows] == ["parked", "done", "done", "done"]
    assert {(row["sku"], row["from"], row["to"]) for row in rows} == {
        ("3001-5-N", "", "10"),
        ("9999-5-N", "", "3"),
    }


def test_the_report_says_what_each_listing_went_from_and_to(fair: Served) -> None:
    item = fair.create(10)
    assert "2 listings brought level" in str(fair.net()["message"])
    assert "there was nothing to bring level" in str(fair.net()["message"])
    fair.sell(BRICKLINK, fair.lot_id(item), 1)
    report = fair.net()
    assert report["message"] == "Marketplace sync: 1 listing brought level; 1 unit sold there"
    details: Any = report["details"]
    (row,) = details["updated"]
    assert (row["marketplace"], row["old_qty"], row["new_qty"]) == (BRICKOWL, 10, 9)
    fair.update(item, 4)
    fair.fault(BRICKOWL, CHANGES[BRICKOWL], "http", status=400, times=-1)
    details = fair.net()["details"]
    (failed,) = details["errors"]
    assert (failed["marketplace"], failed["old_qty"], failed["new_qty"]) == (BRICKOWL, 9, 4)


def test_what_was_put_off_is_told_with_what_it_would_be(fair: Served) -> None:
    items = [fair.create(number) for number in (1, 2, 3)]
    fair.ledger.spend("default", BRICKLINK, "orders", fair.now(), calls=4_999)
    report = fair.net()
    details: Any = report["details"]
    told = {
        (row["marketplace"], row["item_id"], row["old_qty"], row["new_qty"]) for row in details["put_off"]
    }
    assert told == {(BRICKLINK, item, None, number) for number, item in enumerate(items, 1)}
    assert "3 put off" in str(report["message"])


def test_the_page_says_what_a_person_is_to_do(fair: Served) -> None:
    item, other = fair.create(1), fair.create(5, name="Other")
    fair.net()
    fair.event(BRICKLINK, "edit", lot=int(fair.lot_id(other)), quantity=8)
    orders = [fair.sell(name, fair.lot_id(item, name), 1)["order_id"] for name in MARKETPLACES]
    sold = fair.net()
    fair.event(BRICKLINK, "cancel", order_id=orders[0], restock=False)
    night = fair.net(compares=True)
    states = market_run.states(load_settings(), fair.ledger, ["default"])
    page = market_page.markdown(states, sold, fair.now())
    assert f"lacks 1 of item `{item}`; the last ones went to order" in page
    assert all(str(order) in page for order in orders)
    page = market_page.markdown(states, night, fair.now())
    assert night["message"] == "Marketplace sync: there was nothing to bring level; 1 lot not as expected"
    assert "**2 to review:**" in page
    assert f"`evenstock orders restock {fair.ledger.reviews('default')[0].id}`" in page
    assert f"shows 8, expected are 5: not by us. `evenstock items retry {other}` takes it as it is." in page
    assert "- BrickLink: 1 lot showing more than expected" in page


def test_a_run_that_may_call_nobody_does_not_say_that_all_is_well(fair: Served) -> None:
    fair.create(10)
    tale = Tale("run", fair.now(), dry_run=False, writes=True)
    tale.parts = [plan(load_settings(), fair.ledger, place, None) for place in PLACES]
    report = market_run.told(fair.ledger, tale, ["default"], fair.now())
    assert report["message"] == "Marketplace sync: 0 listings brought level; 2 put off"


def test_the_page_says_which_marketplace_is_left_alone(fair: Served) -> None:
    fair.create(10)
    fair.fault(BRICKLINK, "*", "http", status=401, times=-1)
    report = fair.net()
    assert fair.ledger.breaker("default", BRICKLINK).state is BreakerState.OPEN
    states = market_run.states(load_settings(), fair.ledger, ["default"])
    assert "🔴 left alone" in market_page.markdown(states, report, fair.now())


class TestAccounts:
    """Two accounts on the same marketplaces, each with stores, credentials and troubles of its own."""

    OTHER = "second"

    def open(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> str:
        """Let a second account in; its item, which is behind."""
        stores = world()
        stores["bricklink"][self.OTHER] = {}
        stores["brickowl"][self.OTHER] = {"key": "second-key", "boids": BOIDS}
        served.sandbox.put_world(stores)
        monkeypatch.setenv("EVENSTOCK_SECRET_KEY", KEY)
        fields = ("consumer_key", "consumer_secret", "token", "token_secret")
        keys = {each: SecretStr(f"{self.OTHER}-{each.replace('_', '-')}") for each in fields}
        given = {BRICKLINK: keys, BRICKOWL: {"api_key": SecretStr("second-key")}}
        market_accounts.add_account(load_settings(), served.ledger, self.OTHER, given)
        request = ItemRequest("create", data=BRICK | {"quantityAvailable": 7}, account=self.OTHER)
        return str(change_item(load_settings(), served.ledger, request)["item_id"])

    def lots(self, served: Served, name: Marketplace, account: str) -> list[int]:
        rows = served.sandbox.world()[name][account]["lots"]
        return [row["quantity" if name == BRICKLINK else "qty"] for row in rows]

    def test_each_account_fills_its_own_stores(self, fair: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open(fair, monkeypatch)
        fair.create(3)
        for name in MARKETPLACES:
            level(load_settings(), fair.ledger, Place(self.OTHER, name), None, compares=False)
            assert (self.lots(fair, name, self.OTHER), self.lots(fair, name, "default")) == ([7], [])
            level(load_settings(), fair.ledger, Place("default", name), None, compares=False)
            assert (self.lots(fair, name, self.OTHER), self.lots(fair, name, "default")) == ([7], [3])

    def test_one_that_is_turned_away_closes_nothing_for_the_other(
        self, fair: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.open(fair, monkeypatch)
        fair.create(3)
        fair.fault(BRICKLINK, "*", "http", account=self.OTHER, status=401, times=-1)
        for account in (self.OTHER, "default"):
            level(load_settings(), fair.ledger, Place(account, BRICKLINK), None, compares=False)
        assert self.lots(fair, BRICKLINK, "default") == [3]
        assert fair.ledger.breaker(self.OTHER, BRICKLINK).state is BreakerState.OPEN
        assert fair.ledger.breaker("default", BRICKLINK).state is BreakerState.CLOSED
