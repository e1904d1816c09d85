"""The jobs of suppliers that are unlike BigBuy: AliExpress, read product by product, and a CSV list."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.ledger import Why, imported_products
from connectors.ledger.supplier_records import JobType, Order
from tasks import binding
from tasks.feed import feed
from tests.sandbox import aliexpresser
from tests.sandbox.aliexpresser import FIRST, sku
from tests.tasks.supplier_desk import SupplierDesk, a_supplier, an_item, desk_on
from tests.worlds import NOW

PRODUCTS, STOCK = JobType.SUPPLIER_API, JobType.INVENTORY_UPDATE
PRICES, ORDERS = JobType.PRICE_UPDATE, JobType.ORDER_SYNC
PRODUCT_GET = "aliexpress.ds.product.get"
KEYS = {
    "api_key": aliexpresser.KEY,
    "api_secret": aliexpresser.SECRET,
    "session": aliexpresser.SESSION,
    "refresh_token": aliexpresser.REFRESH,
}
LIST = "http://lists.example/csv/default/products.csv"
Open = Callable[..., SupplierDesk]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One ledger for all: every test is another user."""
    return f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db"


@pytest.fixture
def opened(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    desks: list[SupplierDesk] = []

    def open_(kind: str, account: dict[str, Any], **terms: Any) -> SupplierDesk:  # noqa: ANN401 - JSON
        keys = KEYS if kind == "aliexpress" else {}
        world = {kind: {"default": account}}
        desks.append(desk_on(url, world, a_supplier(kind, terms), keys, monkeypatch.setenv))
        return desks[-1]

    yield open_
    for desk in desks:
        desk.close()


# ------------------------------------------------------------------ AliExpress


@pytest.fixture
def bazaar(opened: Open) -> SupplierDesk:
    """Twelve laces of two colours, in a feed, some orders, and everything read once."""
    laces = [aliexpresser.product(number) for number in range(1, 13)]
    parcel = {"logistics_no": "LP1", "carrier_name": "Cainiao"}
    orders = [
        {"order_id": 81, "order_status": "WAIT_SELLER_SEND_GOODS"},
        {"order_id": 82, "order_status": "WAIT_BUYER_ACCEPT_GOODS", "logistics": parcel},
    ]
    account = aliexpresser.section(*laces, orders=orders, calls_per_second=1000)
    desk = opened("aliexpress", account, ship_to_country="ES", feed="best")
    desk.run(PRODUCTS)
    return desk


def lace(number: int) -> str:
    return str(FIRST + number - 1)


class TestAliExpress:
    def test_is_read_in_full_from_its_feed(self, bazaar: SupplierDesk) -> None:
        result, one = bazaar.lines[-1]["result"], bazaar.products()[lace(1)]

        assert isinstance(result, dict)
        assert (result["products_processed"], result["inserted"], result["errors"]) == (12, 36, [])
        assert (one.name, one.stock_quantity, one.price) == ("Lace 1", 14, Decimal("9.90"))
        assert one.currency == "EUR"
        assert {each.stock_quantity for each in bazaar.variants().values()} == {7}
        assert result["complete"] == []

    def test_is_as_it_was_when_it_is_read_again(self, bazaar: SupplierDesk) -> None:
        before = bazaar.products(), bazaar.variants()
        result = bazaar.run(PRODUCTS, hours=1)
        assert (result["inserted"], result["changed"], result["missing"]) == (0, 0, 0)
        assert (bazaar.products(), bazaar.variants()) == before

    def test_tells_its_stock_product_by_product(self, bazaar: SupplierDesk) -> None:
        bazaar.happens("edit", product=lace(3), sku=sku(31)["sku_id"], stock=1, price=99)
        calls = bazaar.calls(PRODUCT_GET)

        result = bazaar.run(STOCK, hours=1)

        assert (result["type"], result["errors"]) == ("inventory_sync", [])
        assert bazaar.stock() == {lace(number): 8 if number == 3 else 14 for number in range(1, 13)}
        assert {each.cost_price for each in bazaar.variants().values()} == {Decimal("9.90")}
        assert bazaar.calls(PRODUCT_GET) - calls == 12

    def test_has_prices_to_the_last_digit(self, bazaar: SupplierDesk) -> None:
        bazaar.happens("edit", product=lace(2), price="10.07", stock=0)

        result = bazaar.run(PRICES, hours=1)

        assert (result["type"], result["errors"]) == ("price_sync", [])
        assert bazaar.products()[lace(2)].cost_price == Decimal("10.07")
        assert bazaar.stock()[lace(2)] == 14

    def test_has_a_zero_for_what_it_denies_three_times_over_a_day(self, bazaar: SupplierDesk) -> None:
        bazaar.happens("delist", product=lace(5))

        found = [bazaar.run(STOCK, hours=hours) for hours in (1, 1, 23)]

        assert [(each["missing"], each["gone"]) for each in found] == [(1, 0), (1, 0), (1, 1)]
        assert bazaar.stock()[lace(5)] == 0
        assert set(bazaar.stock().values()) == {0, 14}

    def test_has_no_units_of_what_is_not_sold_now(self, bazaar: SupplierDesk) -> None:
        bazaar.happens("edit", product=lace(1), status="offline")
        bazaar.happens("edit", product=lace(2), not_shipped_to=["ES"])

        assert bazaar.run(STOCK, hours=1)["missing"] == 0

        assert (bazaar.stock()[lace(1)], bazaar.stock()[lace(2)]) == (0, 0)
        units = [each.stock_quantity for each in bazaar.variants().values()]
        assert (units.count(0), units.count(7)) == (4, 20)

    def test_has_a_zero_for_a_colour_that_its_product_lost_three_times_over_a_day(
        self, bazaar: SupplierDesk
    ) -> None:
        bazaar.happens("delist", product=lace(6), sku=sku(60)["sku_id"])

        found = [bazaar.run(STOCK, hours=hours) for hours in (1, 1, 23)]

        assert [(each["missing"], each["gone"]) for each in found] == [(1, 0), (1, 0), (1, 1)]
        assert bazaar.variants()[str(sku(60)["sku_id"])].stock_quantity == 0
        assert bazaar.stock()[lace(6)] == 7
        assert set(bazaar.stock().values()) == {7, 14}

    def test_waits_until_its_daily_limit_is_free_again(self, bazaar: SupplierDesk) -> None:
        bazaar.happens("edit", product=lace(11), stock=2)
        bazaar.fault(PRODUCT_GET, kind="throttled", nth=11, seconds=3000)

        result = bazaar.run(STOCK, hours=1)

        assert [line["outcome"] for line in bazaar.lines[-2:]] == ["put_back", "completed"]
        assert result["errors"] == []
        assert bazaar.stock()[lace(11)] == 4

    def test_goes_on_with_another_token(self, bazaar: SupplierDesk) -> None:
        bazaar.happens("expire")
        bazaar.happens("edit", product=lace(4), stock=3)

        assert bazaar.run(STOCK, hours=1)["errors"] == []
        assert bazaar.stock()[lace(4)] == 6
        assert bazaar.calls("/auth/token/refresh") == 1

    def test_that_cannot_be_reached_changes_nothing(self, bazaar: SupplierDesk) -> None:
        before = bazaar.products()
        bazaar.fault("*", kind="http", status=503, times=-1)
        bazaar.later(1)
        bazaar.enqueue(STOCK)

        assert bazaar.work()["outcome"] == "retry"
        assert bazaar.products() == before

    def test_tells_of_orders_and_parcels(self, bazaar: SupplierDesk) -> None:
        user, supplier = bazaar.supplier.user_id, bazaar.supplier.id
        bazaar.ledger.add_orders([Order(user, supplier, each, NOW, NOW) for each in ("81", "82", "83")])

        result = bazaar.run(ORDERS)

        found = {each.supplier_order_id: each for each in bazaar.ledger.open_orders(user, supplier, 9)}
        assert result["type"] == "order_sync"
        assert (found["81"].status, found["81"].tracking_status) == ("WAIT_SELLER_SEND_GOODS", "processing")
        assert (found["82"].tracking_status, found["82"].tracking_number) == ("shipped", "LP1")
        assert found["83"].status == "pending"
        assert "order 83" in str(result["errors"])


# ------------------------------------------------------------------------- CSV


@pytest.fixture
def listed(opened: Open) -> SupplierDesk:
    """Six products in a list of semicolons and commas, read once."""
    rows = [{"Nr": f"A-{n}", "Titel": f"Creme {n}", "Bestand": f"{n}", "UVP": "4,90"} for n in range(1, 7)]
    account = {"columns": ["Nr", "Titel", "Bestand", "UVP"], "separator": ";", "bom": True, "products": rows}
    columns = {"supplier_product_id": "Nr", "name": "Titel", "stock_quantity": "Bestand", "price": "UVP"}
    desk = opened("csv", account, url=LIST, columns=columns, batch_size=4)
    desk.run(PRODUCTS)
    return desk


class TestACsvList:
    def test_is_stored_in_full(self, listed: SupplierDesk) -> None:
        result, one = listed.lines[-1]["result"], listed.products()["A-1"]

        assert isinstance(result, dict)
        assert (result["products_processed"], result["inserted"], result["errors"]) == (6, 6, [])
        assert (one.name, one.stock_quantity, one.price) == ("Creme 1", 1, Decimal("4.90"))
        assert result["complete"] == ["stock", "price", "text"]
        assert result["pages"] == {"GET list": 2}

    def test_tells_its_stock_and_prices_apart(self, listed: SupplierDesk) -> None:
        listed.happens("edit", product="A-2", Bestand="20", UVP="5,10")

        assert listed.run(STOCK, hours=1)["products_updated"] == 1
        two = listed.products()["A-2"]
        assert (two.stock_quantity, two.price) == (20, Decimal("4.90"))

        assert listed.run(PRICES)["products_updated"] == 1
        two = listed.products()["A-2"]
        assert (two.stock_quantity, two.price) == (20, Decimal("5.10"))

    def test_has_a_zero_for_what_left_it_three_times_over_a_day(self, listed: SupplierDesk) -> None:
        listed.happens("delist", product="A-3")

        found = [listed.run(STOCK, hours=hours) for hours in (1, 1, 23)]

        assert [(each["missing"], each["gone"]) for each in found] == [(1, 0), (1, 0), (1, 1)]
        assert listed.stock() == {"A-1": 1, "A-2": 2, "A-3": 0, "A-4": 4, "A-5": 5, "A-6": 6}

    def test_proves_nothing_while_a_row_is_broken(self, listed: SupplierDesk) -> None:
        listed.happens("delist", product="A-3")
        listed.fault("*", kind="malformed")

        result = listed.run(STOCK, hours=1)

        assert (result["missing"], result["complete"]) == (0, [])
        assert "line " in str(result["errors"])
        assert listed.stock() == {f"A-{n}": n for n in range(1, 7)}

    def test_keeps_the_number_that_a_bad_cell_does_not_tell(self, listed: SupplierDesk) -> None:
        listed.happens("edit", product="A-1", Bestand="ask us")
        listed.happens("edit", product="A-2", Bestand="")
        listed.happens("edit", product="A-4", Bestand="9")

        result = listed.run(STOCK, hours=1)

        assert listed.stock() == {"A-1": 1, "A-2": 2, "A-3": 3, "A-4": 9, "A-5": 5, "A-6": 6}
        assert str(result["errors"]).count("line ") == 1

    @pytest.mark.parametrize("how", ["a bad cell", "a list that was cut"])
    def test_feeds_no_number_that_it_does_not_tell_any_more(self, listed: SupplierDesk, how: str) -> None:
        item = an_item(listed.ledger, listed, "cream", 5)
        feeder = (imported_products.PRODUCTS, "A-5")
        binding.bind_item(listed.settings, listed.ledger, listed.supplier, feeder, item.id)
        sold = replace(item, quantity_available=2, quantity_sold=3)
        why = Why("sold", "bricklink")
        listed.ledger.change_item(item.account, item.id, lambda _: sold, why, marketplaces=(), now=NOW)
        if how == "a bad cell":
            listed.happens("edit", product="A-5", Bestand="on request")
        else:
            listed.fault("*", kind="malformed", times=-1)

        result: Any = listed.run(STOCK, hours=30)

        assert listed.stock()["A-5"] == 5
        assert (result["fed"]["items"]["unknown"], result["unheard"]) == (1, ["product A-5"])
        listed.later(19)
        by_hand: Any = feed(listed.settings, listed.ledger, listed.supplier, dry_run=False)
        assert by_hand["items"]["unknown"] == 1
        left = listed.ledger.item(item.account, item.id)
        assert left is not None
        assert left.quantity_available == 2

    def test_knows_no_orders(self, listed: SupplierDesk) -> None:
        listed.enqueue(ORDERS)
        line = listed.work()
        assert line["outcome"] == "failed"
        assert "not offered by this supplier" in str(line["error"])
