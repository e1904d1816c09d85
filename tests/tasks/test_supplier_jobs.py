"""The four types of supplier jobs, on BigBuy's stand-in: what the ledger holds in the end."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from connectors.errors import ConfigurationError
from connectors.ledger.imported_products import PRODUCTS as PRODUCT_ROWS
from connectors.ledger.supplier_records import JobStatus, JobType, Order
from connectors.shape import as_list, as_object
from sandbox.bigbuy.model import SHIPPED
from tasks import held_prices
from tests.sandbox.bigbuyer import product, section, stocks, variation
from tests.tasks.supplier_desk import SupplierDesk, bigbuy_desk
from tests.worlds import NOW

PRODUCTS, STOCK = JobType.SUPPLIER_API, JobType.INVENTORY_UPDATE
PRICES, ORDERS = JobType.PRICE_UPDATE, JobType.ORDER_SYNC
STOCK_LIST = "GET /rest/catalog/productsstockbyhandlingdays.json"
SHOP = section(
    *(product(number) for number in range(1, 10)),
    product(10, stocks=[]),
    variations=[variation(1, 10), variation(2, 10, stocks=stocks(3))],
)
Open = Callable[..., SupplierDesk]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One ledger for all: every test is another user, and a new ledger takes half a second."""
    return f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db"


@pytest.fixture
def opened(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    desks: list[SupplierDesk] = []

    def open_(account: dict[str, Any] = SHOP) -> SupplierDesk:
        desks.append(bigbuy_desk(url, account, monkeypatch.setenv))
        return desks[-1]

    yield open_
    for desk in desks:
        desk.close()


@pytest.fixture
def desk(opened: Open) -> SupplierDesk:
    """A shop that was read once."""
    made = opened()
    made.run(PRODUCTS)
    return made


class TestAllProducts:
    def test_are_joined_from_all_lists(self, opened: Open) -> None:
        desk = opened()

        result = desk.run(PRODUCTS)

        assert (result["type"], result["suppliers_processed"], result["products_processed"]) == (
            "supplier_sync",
            1,
            10,
        )
        assert (result["inserted"], result["missing"], result["errors"]) == (12, 0, [])
        one = desk.products()["1"]
        assert (one.name, one.stock_quantity, one.sku) == ("Lámpara 1", 5, "S1")
        assert (one.price, one.cost_price) == (Decimal("55.79"), Decimal("18.22"))
        assert desk.products()["10"].stock_quantity == 7
        assert {each.supplier_product_id for each in desk.variants().values()} == {"10"}

    def test_show_what_the_calls_of_each_window_are_for(self, opened: Open) -> None:
        (window,) = as_list(opened().run(PRODUCTS)["call_plan"], "plan")

        assert list(as_object(as_object(window, "window")["calls"], "calls"))[:2] == [
            "productsstockbyhandlingdays",
            "productsvariationsstockbyhandlingdays",
        ]

    def test_that_are_as_they_were_are_not_touched(self, desk: SupplierDesk) -> None:
        before = desk.products(), desk.variants()

        result = desk.run(PRODUCTS, hours=2)

        assert (result["inserted"], result["changed"]) == (0, 0)
        assert (desk.products(), desk.variants()) == before

    def test_that_changed_are_the_only_ones_touched(self, desk: SupplierDesk) -> None:
        desk.happens("edit", product=3, stock=9)
        desk.happens("edit", variation=2, stock=0)

        assert desk.run(PRODUCTS, hours=2)["changed"] == 2

        now = desk.sandbox.clock.now()
        touched = {key for key, each in desk.products().items() if each.updated_at == now}
        assert touched == {"3", "10"}
        assert (desk.stock()["3"], desk.stock()["10"]) == (9, 4)

    def test_go_on_over_windows_and_workers(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("connectors.bigbuy.walk.PAGE", 4)
        monkeypatch.setattr("connectors.bigbuy.calls.PAGE", 4)
        many = section(*(product(number) for number in range(1, 48)))
        desk = opened(many)

        result = desk.run(PRODUCTS)

        assert [line["outcome"] for line in desk.lines] == ["put_back", "completed"]
        assert (result["products_processed"], result["inserted"], result["missing"]) == (47, 47, 0)
        assert desk.lines[-1]["attempt"] == 1
        first, second = as_list(result["call_plan"], "plan")
        assert (as_object(first, "1")["window"], as_object(second, "2")["window"]) == (1, 2)
        assert set(desk.stock().values()) == {5}
        # Pages of four, ten an hour.
        assert desk.calls("/productsstockbyhandlingdays.json") == 12

    def test_of_a_dry_run_are_counted_and_not_stored(self, desk: SupplierDesk) -> None:
        desk.happens("edit", product=3, stock=9)
        desk.happens("delist", product=4)
        before = desk.products()
        desk.later(2)
        job_id = desk.enqueue(PRODUCTS)

        line = desk.work(dry_run=True)

        assert line["outcome"] == "planned"
        assert (line["result"]["changed"], line["result"]["missing"]) == (1, 1)  # type: ignore[index, call-overload]
        assert desk.products() == before
        job = desk.ledger.job(job_id)
        assert job is not None
        assert (job.status, job.cursor) == (JobStatus.PENDING, None)


class TestWhatIsMissing:
    def test_is_marked_and_keeps_its_stock(self, desk: SupplierDesk) -> None:
        desk.happens("delist", product=4)

        result = desk.run(PRODUCTS, hours=2)

        gone = desk.products()["4"]
        assert (result["missing"], result["gone"], result["products_processed"]) == (1, 0, 9)
        assert (gone.missing_from, gone.missing_sightings, gone.stock_quantity) == ("stock", 1, 5)
        assert gone.missing_since == desk.sandbox.clock.now()

    def test_is_no_product_whose_stock_is_told_by_its_variants(self, opened: Open) -> None:
        desk = opened(section(*(product(n, stocks=None) for n in (1, 2)), variations=[variation(1, 2)]))

        found = [desk.run(kind, hours=2) for kind in (PRODUCTS, STOCK)]

        assert [(each["missing"], each["errors"]) for each in found] == [(1, [])] * 2
        assert {key: each.missing_sightings for key, each in desk.products().items()} == {"1": 2, "2": 0}

    def test_has_a_zero_after_three_sightings_over_a_day(self, desk: SupplierDesk) -> None:
        desk.happens("delist", product=4)
        desk.happens("delist", variation=2)

        gone = [desk.run(kind, hours=hours)["gone"] for kind, hours in (
            (STOCK, 1), (PRODUCTS, 1), (STOCK, 1), (STOCK, 22), (STOCK, 2),
        )]  # fmt: skip

        assert gone == [0, 0, 0, 2, 0]
        assert (desk.stock()["4"], desk.stock()["10"]) == (0, 4)
        assert desk.products()["4"].missing_sightings == 5

    def test_is_back_once_it_is_seen(self, desk: SupplierDesk) -> None:
        # Half of ten is few enough to be believed; of the tenth there are variants.
        desk.fault(STOCK_LIST, kind="partial")
        assert desk.run(STOCK, hours=1)["missing"] == 4
        desk.run(STOCK, hours=1)

        assert [each.missing_since for each in desk.products().values()] == [None] * 10

    @pytest.mark.parametrize("kind", ["empty", "partial"])
    def test_from_a_list_much_too_short_is_not_believed(self, opened: Open, kind: str) -> None:
        desk = opened(section(*(product(number) for number in range(1, 21))))
        desk.run(PRODUCTS)
        before = desk.products()
        desk.fault(STOCK_LIST, kind=kind)

        result = desk.run(STOCK, hours=2)

        assert "is not believed" in str(result["errors"])
        assert desk.products() == before

    def test_from_a_list_that_was_cut_short_is_unknown(self, desk: SupplierDesk) -> None:
        desk.happens("delist", product=4)
        desk.fault(STOCK_LIST, kind="malformed", times=-1)
        desk.later(2)
        desk.enqueue(STOCK)

        assert desk.work()["outcome"] == "retry"
        assert desk.products()["4"].missing_since is None
        assert desk.stock()["4"] == 5


class TestStock:
    def test_is_all_that_the_job_touches(self, desk: SupplierDesk) -> None:
        desk.happens("edit", product=3, stock=9, price=11.0)
        desk.happens("edit", product=5, price=12.0)

        result = desk.run(STOCK, hours=2)

        assert (result["type"], result["products_updated"], result["errors"]) == ("inventory_sync", 1, [])
        assert desk.stock()["3"] == 9
        assert {each.cost_price for each in desk.products().values()} == {Decimal("18.22")}
        assert desk.products()["3"].stock_synced_at == desk.sandbox.clock.now()

    def test_adds_no_product_that_is_not_known(self, opened: Open) -> None:
        desk = opened()

        result = desk.run(STOCK)

        assert (result["products_updated"], desk.products()) == (0, {})


class TestPrices:
    def test_that_changed_are_stored_to_the_last_digit(self, desk: SupplierDesk) -> None:
        desk.happens("edit", product=3, price=18.03, stock=9)

        result = desk.run(PRICES, hours=2)

        assert (result["type"], result["products_updated"], result["errors"]) == ("price_sync", 1, [])
        assert desk.products()["3"].cost_price == Decimal("18.03")
        assert desk.stock()["3"] == 5

    @pytest.mark.parametrize("job_type", [PRICES, PRODUCTS])
    @pytest.mark.parametrize(("price", "why"), [(0, "is 0"), (40, "from 18.22 to 40"), (9, "to 9")])
    def test_that_are_odd_wait_for_a_person(
        self, desk: SupplierDesk, job_type: JobType, price: float, why: str
    ) -> None:
        desk.happens("edit", product=3, price=price)

        result = desk.run(job_type, hours=2)

        held = desk.products()["3"]
        assert (held.price, held.cost_price) == (Decimal("55.79"), Decimal("18.22"))
        assert held.held is not None
        assert why in str(held.held["reason"])
        assert (result["prices_held"], result["prices_changed"]) == (1, 0)
        assert desk.run(job_type, hours=2)["prices_held"] == 0

    def test_that_come_back_wait_no_more(self, desk: SupplierDesk) -> None:
        desk.happens("edit", product=3, price=0)
        desk.run(PRICES, hours=2)
        desk.happens("edit", product=3, price=18.5)
        desk.run(PRICES, hours=2)

        assert (desk.products()["3"].held, desk.products()["3"].cost_price) == (None, Decimal("18.5"))

    @pytest.mark.parametrize("price", [0, 99.5])
    def test_that_a_person_believes_are_known_from_then_on(self, desk: SupplierDesk, price: float) -> None:
        desk.happens("edit", product=3, price=price)
        desk.run(PRICES, hours=2)

        before = held_prices.release(desk.settings, desk.ledger, desk.supplier, (PRODUCT_ROWS, "3"))
        again = desk.run(PRICES, hours=2)

        assert before.cost_price == Decimal("18.22")
        assert (desk.products()["3"].cost_price, desk.products()["3"].held) == (Decimal(str(price)), None)
        assert (again["prices_held"], again["prices_changed"]) == (0, 0)
        with pytest.raises(ConfigurationError, match="no price of 3 of BigBuy is held"):
            held_prices.release(desk.settings, desk.ledger, desk.supplier, (PRODUCT_ROWS, "3"))

    def test_of_new_products_are_believed_unless_they_are_0(self, opened: Open) -> None:
        desk = opened(section(product(1, wholesalePrice=0), product(2, wholesalePrice=9_000)))

        desk.run(PRODUCTS)

        assert [each.cost_price for each in desk.products().values()] == [None, Decimal(9_000)]
        assert desk.products()["1"].held is not None


class TestOrders:
    @pytest.fixture
    def desk(self, opened: Open) -> SupplierDesk:
        orders = [{"id": str(number), "status": "Processing order"} for number in (1, 2)]
        made = opened(section(product(1), orders=orders))
        known = [
            Order(made.supplier.user_id, made.supplier.id, number, NOW, NOW) for number in ("1", "2", "9")
        ]
        made.ledger.add_orders(known)
        return made

    def orders(self, desk: SupplierDesk) -> dict[str, Order]:
        return {
            each.supplier_order_id: each
            for each in desk.ledger.orders(desk.supplier.user_id, desk.supplier.id)
        }

    def test_get_status_carrier_and_tracking(self, desk: SupplierDesk) -> None:
        step = {"trackingNumber": "1Z", "carrier": {"id": "2"}}
        desk.happens("order_status", order_id="1", status=SHIPPED, trackings=[step])

        result = desk.run(ORDERS)

        assert (result["type"], result["orders_updated"]) == ("order_sync", 2)
        one = self.orders(desk)["1"]
        assert (one.status, one.tracking_status, one.tracking_number) == (SHIPPED, "shipped", "1Z")
        assert one.carrier
        assert one.tracking_updated_at == one.checked_at == desk.sandbox.clock.now()

    def test_that_nobody_knows_stay_and_are_told(self, desk: SupplierDesk) -> None:
        result = desk.run(ORDERS)

        nine = self.orders(desk)["9"]
        assert (nine.status, nine.is_open) == ("pending", True)
        assert "order 9: the supplier does not know it" in str(result["errors"])

    def test_keep_a_status_that_means_nothing_to_us(self, desk: SupplierDesk) -> None:
        desk.happens("order_status", order_id="2", status="Zwischenlager")

        result = desk.run(ORDERS)

        two = self.orders(desk)["2"]
        assert (two.status, two.tracking_status, two.is_open) == ("Zwischenlager", "", True)
        assert "'Zwischenlager' is not known" in str(result["errors"])

    def test_leave_how_far_they_are_as_it_was_if_a_status_does_not_say(self, desk: SupplierDesk) -> None:
        desk.run(ORDERS)
        desk.happens("order_status", order_id="2", status="Zwischenlager")
        desk.run(ORDERS, hours=1)

        two = self.orders(desk)["2"]
        assert (two.status, two.tracking_status) == ("Zwischenlager", "processing")

    def test_that_cannot_be_read_stop_no_other_and_go_to_the_end_of_the_row(self, desk: SupplierDesk) -> None:
        desk.fault("GET /rest/order/{id}.json", kind="http", status=500, times=3)

        result = desk.run(ORDERS)

        assert "order 1: could not be read, it stays as it was" in str(result["errors"])
        found = self.orders(desk)
        assert (found["1"].status, found["2"].status) == ("pending", "Processing order")
        assert found["1"].checked_at == found["2"].checked_at == desk.sandbox.clock.now()

    def test_that_came_to_their_end_are_not_asked_for_again(self, desk: SupplierDesk) -> None:
        desk.happens("order_status", order_id="1", status="Delivered")
        first = desk.run(ORDERS)
        second = desk.run(ORDERS, hours=1)

        assert (first["orders_ended"], second["orders_checked"]) == (1, 2)
        assert self.orders(desk)["1"].is_open is False
