"""The suppliers of the demo and of generated worlds."""

from sandbox.app import Sandbox
from sandbox.demo import demo_world
from sandbox.generate import generated_world
from sandbox.supplies import FEED, KEY
from tests.connectors import aliexpress_bench, test_csv_supplier
from tests.connectors.bigbuy_bench import bench
from tests.connectors.test_bigbuy import joined
from tests.worlds import NOW

COLUMNS = {
    "supplier_product_id": "Artikel",
    "name": "Bezeichnung",
    "stock_quantity": "Bestand",
    "cost_price": "Preis",
}


def test_the_demo_sells_shoe_care_with_the_gaps_of_real_catalogues() -> None:
    account = demo_world(NOW)["bigbuy"]["default"]
    shop = bench(account, key=KEY)
    found = joined(shop.open().products())
    units = {key: row.get("stock_quantity") for key, row in found.items()}
    assert {units["334001"], units["334002"], units["334003"], units["334004"]} == {65, 0, None}
    assert [units[f"v7700{n}"] for n in (1, 2, 3, 4)] == [6, 12, 18, 24]
    assert (found["334007"]["available"], "name" in found["334008"]) == (False, False)
    assert found["v77001"]["options"] == (("Size", "37"),)
    orders = [each.state for each in shop.open().orders(["5000001", "5000002"])]
    assert orders == ["processing", "shipped"]


def test_the_demo_finds_laces_and_more_on_aliexpress() -> None:
    account = demo_world(NOW)["aliexpress"]["default"]
    keys = {"api_key": account["app_key"], "api_secret": account["app_secret"], "session": account["session"]}
    shop = aliexpress_bench.bench(account, credentials=keys)
    (page,) = shop.open(feed=FEED).products()
    assert [each.available for each in page.products] == [True, True, False]
    assert [each.stock_quantity for each in page.variants] == [240, 0, 75, 12, 12, 12, 0]
    orders = [each.state for each in shop.open().orders(["8180000001", "8180000002"])]
    assert orders == ["processing", "shipped"]


def test_the_demo_reads_a_workshops_list() -> None:
    with Sandbox(demo_world(NOW)) as sandbox:
        (page,) = test_csv_supplier.opened(sandbox, columns=dict(COLUMNS)).products()
    assert [each.stock_quantity for each in page.products] == [36, 0, None, 18]
    assert [problem.partition(":")[0] for problem in page.problems] == ["line 4, product W-03"]


def test_a_generated_world_has_a_supplier_of_its_size() -> None:
    shop = bench(generated_world(30, 2, 1, NOW)["bigbuy"]["default"], key=KEY)
    found = joined(shop.open().products())
    assert len([key for key in found if key.isdecimal()]) == 30
    assert len([key for key in found if not key.isdecimal()]) == 6
