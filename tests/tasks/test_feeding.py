"""Imported products feed own items and levels of the own store: what these hold in the end."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import ConfigurationError
from connectors.ledger import Item, Run, Why
from connectors.ledger.imported_products import PRODUCTS, VARIANTS, Kind
from connectors.ledger.records import Change, Operation
from connectors.ledger.supplier_records import JobType
from connectors.shape import as_object
from tasks import binding
from tasks.book import to_line
from tasks.feed import feed, release, release_items
from tasks.feed_items import Release
from tasks.feed_levels import SUPPLIER_FEED
from tasks.lease import clock, held
from tests import worlds
from tests.sandbox.bigbuyer import product, section, stocks, variation
from tests.tasks.supplier_desk import SupplierDesk, an_item, desk_beside_a_store
from tests.worlds import NOW, OWN

STOCK = JobType.INVENTORY_UPDATE
_numbers = itertools.count(1)
SHOP = section(
    *(product(number) for number in range(1, 10)),
    product(10, stocks=[]),
    variations=[variation(1, 10), variation(2, 10, stocks=stocks(3))],
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One ledger for all: every test is another user."""
    return f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db"


@pytest.fixture
def shoe() -> int:
    """The first of the own store's variants: others in each test, as all levels are in one ledger."""
    return 1000 * next(_numbers) + 1


@pytest.fixture
def desk(url: str, shoe: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[SupplierDesk]:
    """A supplier that was read once, beside an own store with three shoes of five each."""
    with desk_beside_a_store(url, SHOP, shoe, monkeypatch.setenv) as made:
        made.run(JobType.SUPPLIER_API)
        yield made


def units(desk: SupplierDesk, item: Item) -> int:
    found = desk.ledger.item(item.account, item.id)
    assert found is not None
    return found.quantity_available


def let_through(desk: SupplierDesk, fingerprint: str) -> None:
    """A person lets through what is held."""
    release_items(desk.settings, desk.ledger, desk.supplier, Release(fingerprint, "ann"), dry_run=False)


def sell(desk: SupplierDesk, item: Item, count: int) -> None:
    """A marketplace sold some."""

    def sold(now: Item) -> Item:
        left = now.quantity_available - count
        return replace(now, quantity_available=left, quantity_sold=now.quantity_sold + count)

    now = desk.settings.now()
    desk.ledger.change_item(item.account, item.id, sold, Why("sold", "bricklink"), marketplaces=(), now=now)


class TestAnOwnItem:
    def test_follows_the_product_it_is_bound_to_less_the_buffer(self, desk: SupplierDesk) -> None:
        item = an_item(desk.ledger, desk, "brick")
        binding.bind_item(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "3"), item.id, buffer=2)
        desk.happens("edit", product=3, stock=9)

        fed = as_object(desk.run(STOCK, hours=2)["fed"], "fed")

        assert units(desk, item) == 7
        assert as_object(fed["items"], "items")["done"] == 1
        assert as_object(as_object(desk.run(STOCK, hours=2)["fed"], "fed")["items"], "i")["unchanged"] == 1

    def test_follows_a_variant(self, desk: SupplierDesk) -> None:
        item = an_item(desk.ledger, desk, "brick")
        binding.bind_item(desk.settings, desk.ledger, desk.supplier, (VARIANTS, "2"), item.id)

        desk.run(STOCK, hours=2)

        assert units(desk, item) == 3

    def test_keeps_what_was_sold_until_the_supplier_knows(self, desk: SupplierDesk) -> None:
        item = an_item(desk.ledger, desk, "brick")
        binding.bind_item(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "3"), item.id)
        sell(desk, item, 2)

        desk.run(STOCK, hours=2)
        assert units(desk, item) == 3
        desk.run(STOCK, hours=23)
        assert units(desk, item) == 5

    def test_fed_by_hand_keeps_what_was_sold_since_the_supplier_was_asked(self, desk: SupplierDesk) -> None:
        item = an_item(desk.ledger, desk, "brick")
        binding.bind_item(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "3"), item.id)
        sell(desk, item, 2)

        desk.later(30)
        feed(desk.settings, desk.ledger, desk.supplier, dry_run=False)
        assert units(desk, item) == 3

        desk.later(20)
        with pytest.raises(ConfigurationError, match="no job has read the stock of BigBuy since"):
            feed(desk.settings, desk.ledger, desk.supplier, dry_run=False)

    def test_follows_a_product_whose_variants_are_all_told(self, desk: SupplierDesk) -> None:
        item = an_item(desk.ledger, desk, "brick")
        binding.bind_item(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "10"), item.id)

        desk.run(STOCK, hours=2)
        assert units(desk, item) == desk.stock()["10"] == 7

        desk.happens("edit", variation=2, stock=stocks(-1))
        fed: Any = desk.run(STOCK, hours=2)["fed"]
        assert fed["items"]["unknown"] == 1

    def test_is_left_alone_while_its_product_is_missing_and_empty_when_it_is_gone(
        self, desk: SupplierDesk
    ) -> None:
        item = an_item(desk.ledger, desk, "brick")
        binding.bind_item(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "3"), item.id)
        desk.happens("delist", product=3)

        for hours, left in ((1, 5), (12, 5), (12, 0)):
            desk.run(STOCK, hours=hours)
            assert units(desk, item) == left

    def test_waits_for_a_person_if_too_many_would_go_to_zero(self, desk: SupplierDesk) -> None:
        items = [an_item(desk.ledger, desk, f"brick-{number}") for number in range(1, 8)]
        for number, item in enumerate(items, 1):
            binding.bind_item(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, str(number)), item.id)
            desk.happens("edit", product=number, stock=0)

        fed = as_object(as_object(desk.run(STOCK, hours=2)["fed"], "fed")["items"], "items")

        assert (fed["held"], fed["done"]) == (7, 0)
        assert {units(desk, item) for item in items} == {5}
        with pytest.raises(ConfigurationError, match=f"held now is {fed['waits']}, not another"):
            let_through(desk, "another")
        assert {units(desk, item) for item in items} == {5}
        let_through(desk, str(fed["waits"]))
        assert {units(desk, item) for item in items} == {0}
        (entry,) = [
            each
            for each in desk.ledger.item_history(items[0].account, items[0].id)
            if each.delta_available < 0
        ]
        assert (entry.actor, entry.reason) == ("ann", "stock of BigBuy, released")
        with pytest.raises(ConfigurationError, match="nothing is held"):
            let_through(desk, str(fed["waits"]))

    def test_waits_too_if_too_many_go_to_zero_one_after_another(self, desk: SupplierDesk) -> None:
        items = [an_item(desk.ledger, desk, f"brick-{number}") for number in range(1, 8)]
        for number, item in enumerate(items, 1):
            binding.bind_item(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, str(number)), item.id)

        for numbers in ((1, 2, 3, 4, 5), (6,), (7,)):
            for number in numbers:
                desk.happens("edit", product=number, stock=0)
            fed = as_object(as_object(desk.run(STOCK, hours=2)["fed"], "fed")["items"], "items")

        assert fed["held"] == 2
        assert [units(desk, item) for item in items] == [0, 0, 0, 0, 0, 5, 5]
        desk.run(STOCK, hours=24)
        assert {units(desk, item) for item in items} == {0}

    def test_of_a_channel_that_is_off_is_not_fed(self, desk: SupplierDesk) -> None:
        item = an_item(desk.ledger, desk, "brick")
        binding.bind_item(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "3"), item.id)
        (channel,) = desk.ledger.integrations(desk.supplier.user_id)
        assert (channel.platform, channel.shop_id) == ("items", item.account)
        desk.ledger.change_channel(replace(channel, sync_direction="pull"))
        desk.happens("edit", product=3, stock=9)

        result = desk.run(STOCK, hours=2)

        assert units(desk, item) == 5
        assert "is not to be fed" in str(result["errors"])


class TestABinding:
    def test_is_refused_for_what_another_product_feeds(self, desk: SupplierDesk) -> None:
        item = an_item(desk.ledger, desk, "brick")
        binding.bind_item(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "3"), item.id)

        with pytest.raises(ConfigurationError, match=r"is fed by 3 of supplier .* already"):
            binding.bind_item(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "4"), item.id)
        binding.unbind(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "3"))
        binding.bind_item(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "4"), item.id)

    @pytest.mark.parametrize(
        ("first", "second"), [((PRODUCTS, "10"), (VARIANTS, "2")), ((VARIANTS, "2"), (PRODUCTS, "10"))]
    )
    def test_is_refused_for_units_that_feed_something_already(
        self, desk: SupplierDesk, first: tuple[Kind, str], second: tuple[Kind, str]
    ) -> None:
        one, other = (an_item(desk.ledger, desk, name) for name in ("brick", "plate"))
        binding.bind_item(desk.settings, desk.ledger, desk.supplier, first, one.id)

        with pytest.raises(
            ConfigurationError, match=rf"\({first[1]}\) of BigBuy feed something with the same"
        ):
            binding.bind_item(desk.settings, desk.ledger, desk.supplier, second, other.id)
        binding.unbind(desk.settings, desk.ledger, desk.supplier, first)
        binding.bind_item(desk.settings, desk.ledger, desk.supplier, second, other.id)

    def test_is_refused_for_what_is_not_there(self, desk: SupplierDesk) -> None:
        item = an_item(desk.ledger, desk, "brick")
        with pytest.raises(ConfigurationError, match="own item nothing not found"):
            binding.bind_item(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "3"), "nothing")
        with pytest.raises(ConfigurationError, match="no product or variant 99"):
            binding.bind_item(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "99"), item.id)
        with pytest.raises(ConfigurationError, match="no variant 7"):
            binding.bind_variant(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "3"), 7)

    def test_takes_a_level_that_nobody_else_feeds(self, desk: SupplierDesk, shoe: int) -> None:
        settings, ledger = desk.settings, desk.ledger
        binding.bind_variant(settings, ledger, desk.supplier, (PRODUCTS, "3"), shoe)
        binding.unbind(settings, ledger, desk.supplier, (PRODUCTS, "3"))
        other = replace(desk.supplier, id=f"other-{shoe}")
        ledger.add_supplier(other)

        with pytest.raises(ConfigurationError, match=f"own {shoe + 50_000} --truth supplier:other-{shoe}"):
            binding.bind_variant(settings, ledger, other, (PRODUCTS, "3"), shoe)


def shown(desk: SupplierDesk) -> dict[str, int]:
    return worlds.levels(desk.sandbox.world())


class TestALevelOfTheOwnStore:
    @pytest.fixture
    def bound(self, desk: SupplierDesk, shoe: int) -> SupplierDesk:
        """Product 3 feeds the first shoe, one of them kept back."""
        binding.bind_variant(desk.settings, desk.ledger, desk.supplier, (PRODUCTS, "3"), shoe, buffer=1)
        return desk

    def test_follows_the_product_it_is_bound_to(self, bound: SupplierDesk) -> None:
        bound.happens("edit", product=3, stock=9)

        fed = as_object(as_object(bound.run(STOCK, hours=2)["fed"], "fed")["levels"], "levels")

        assert shown(bound) == {"SHOE-1": 8, "SHOE-2": 5, "SHOE-3": 5}
        assert as_object(fed["receipt"], "receipt")["read_back"] == 1
        assert fed["success"]
        writes = [each for each in bound.sandbox.calls() if each["wrote"]]
        assert [each["operation"] for each in writes] == ["inventorySetQuantities"]

    def test_keeps_what_was_sold_meanwhile(self, bound: SupplierDesk, shoe: int) -> None:
        bound.sandbox.event({
            "system": "shopify", "account": OWN, "kind": "sale", "variant_id": shoe, "location_id": 1,
            "quantity": 2, "before": {"operation": "inventorySetQuantities", "nth": 1},
        })  # fmt: skip
        bound.happens("edit", product=3, stock=9)

        bound.run(STOCK, hours=2)

        assert shown(bound)["SHOE-1"] == 6

    @pytest.mark.parametrize(("sees_orders", "left"), [(True, 6), (False, 8)])
    def test_fed_by_hand_keeps_what_was_shipped_since_the_supplier_was_asked(
        self, bound: SupplierDesk, shoe: int, *, sees_orders: bool, left: int
    ) -> None:
        bound.happens("edit", product=3, stock=9)
        bound.run(STOCK, hours=2)
        bound.later(1)
        sale = {"kind": "sale", "variant_id": shoe, "location_id": 1, "quantity": 2}
        order = bound.sandbox.event({"system": "shopify", "account": OWN, **sale})
        shipped = {"kind": "fulfil", "order_id": order["order_id"]}
        bound.sandbox.event({"system": "shopify", "account": OWN, **shipped})
        assert shown(bound)["SHOE-1"] == 6
        if not sees_orders:
            denied = {"kind": "graphql_error", "code": "ACCESS_DENIED", "operation": "orders", "times": -1}
            bound.sandbox.faults([{"system": "shopify", **denied}])

        feed(bound.settings, bound.ledger, bound.supplier, dry_run=False)

        assert shown(bound)["SHOE-1"] == left

    def test_is_only_planned_in_a_dry_run(self, bound: SupplierDesk) -> None:
        found = feed(bound.settings, bound.ledger, bound.supplier, dry_run=True)

        levels: dict[str, Any] = as_object(found["levels"], "levels")
        assert levels["balance"]["not_sent"] == 1
        assert shown(bound)["SHOE-1"] == 5

    def test_whose_feed_was_killed_is_settled_by_the_next(self, bound: SupplierDesk, shoe: int) -> None:
        bound.happens("edit", product=3, stock=6)
        ledger, began = bound.ledger, clock() - timedelta(hours=1)
        ledger.start_run(Run(f"dead-{shoe}", SUPPLIER_FEED, OWN, NOW.date(), began, began))
        ledger.store_changes([
            Change(f"dead-{shoe}", OWN, 1, shoe, shoe + 50_000, 1, "", "SHOE-1", "available", 4, 5)
        ])  # fmt: skip
        row: dict[str, Any] = {"variant_id": shoe, "inventory_item_id": shoe + 50_000, "before": [4, 0, 4]}
        row |= {"from": 4, "to": 5}
        ledger.intend(Operation(f"key-{shoe}", f"dead-{shoe}", OWN, "set_quantities", [row], began))

        bound.run(STOCK, hours=2)

        assert (ledger.unfinished(OWN), ledger.unsettled(OWN)) == ([], [])
        assert [each.outcome for each in ledger.changes_of(f"dead-{shoe}")] == ["done"]
        assert shown(bound)["SHOE-1"] == 5

    def test_that_another_truth_feeds_is_refused(self, bound: SupplierDesk, shoe: int) -> None:
        bound.ledger.move_level(OWN, shoe + 50_000, 1, "rms")
        bound.happens("edit", product=3, stock=9)

        fed: dict[str, Any] = as_object(as_object(bound.run(STOCK, hours=2)["fed"], "f")["levels"], "l")

        assert fed["balance"]["refused"] == 1
        assert shown(bound)["SHOE-1"] == 5

    def test_that_cannot_be_written_now_fails_no_job(self, bound: SupplierDesk) -> None:
        bound.sandbox.faults([{"system": "shopify", "kind": "http", "status": 401, "times": -1}])

        result = bound.run(STOCK, hours=2)

        assert "nothing was fed" in str(result["errors"])

    def test_that_is_not_there_any_more_is_told(self, bound: SupplierDesk, shoe: int) -> None:
        gone = {"system": "shopify", "account": OWN, "kind": "delete_product", "product_id": 1}
        bound.sandbox.event(gone)

        assert f"levels: own variant {shoe} does not exist" in str(bound.run(STOCK, hours=2)["errors"])

    def test_that_waits_for_a_person_is_written_once_its_plan_is_released(
        self, bound: SupplierDesk, shoe: int
    ) -> None:
        bound.happens("edit", product=3, stock=2_000)
        fed: dict[str, Any] = as_object(as_object(bound.run(STOCK, hours=2)["fed"], "f")["levels"], "l")
        assert (fed["balance"]["held"], shown(bound)["SHOE-1"]) == (1, 5)

        settings, ledger = bound.settings, bound.ledger
        lines = {each.inventory_item_id: to_line(each) for each in ledger.held_lines(fed["plan_id"])}
        course, rows = release(settings, ledger, fed["plan_id"], lines, dry_run=False)
        found = course.run(rows)

        assert list(lines) == [shoe + 50_000]
        assert (course.state_name, found["errors"]) == ("Completed", [])
        assert shown(bound)["SHOE-1"] == 1_999

    def test_whose_plan_is_released_while_a_job_feeds_the_store_is_not_told_as_done(
        self, bound: SupplierDesk
    ) -> None:
        bound.happens("edit", product=3, stock=2_000)
        fed: dict[str, Any] = as_object(as_object(bound.run(STOCK, hours=2)["fed"], "f")["levels"], "l")

        settings, ledger = bound.settings, bound.ledger
        lines = {each.inventory_item_id: to_line(each) for each in ledger.held_lines(fed["plan_id"])}
        course, rows = release(settings, ledger, fed["plan_id"], lines, dry_run=False)
        with held(ledger, [f"{SUPPLIER_FEED}:{OWN}:{bound.supplier.id}"], "a job", 30):
            found = course.run(rows)

        assert (course.state_name, found["success"]) == ("Failed", False)
        assert "release the plan again" in str(found["message"])
        assert course.trouble, "so that the plan waits on"
        assert shown(bound)["SHOE-1"] == 5
