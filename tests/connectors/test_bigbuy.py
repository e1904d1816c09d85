"""BigBuy's connector on its stand-in: whole passes, limits, troubles, orders."""

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.bigbuy import walk
from connectors.errors import (
    ConfigurationError,
    Malformed,
    Refused,
    Transient,
    Unauthorised,
    WindowClosed,
)
from connectors.supplier import (
    Ability,
    ListsPrices,
    ListsProducts,
    ListsStock,
    LooksUp,
    Page,
    PlansCalls,
    SupplierProduct,
    TracksOrders,
    quota_account,
)
from connectors.suppliers import configured, need, supplier_type
from sandbox.http import Request, Response
from tests.connectors.bigbuy_bench import Bench, bench
from tests.sandbox.bigbuyer import KEY, product, section, stocks, variation

STOCK = "GET /rest/catalog/productsstockbyhandlingdays.json"
TAXONOMIES = [{"id": 19653, "name": "Electrónica"}, {"id": 19650, "name": "Belleza"}]
SHOP = section(
    product(1, manufacturer=7, taxonomy=19653, ean13="8412345678901"),
    product(2, stocks=stocks(0, 0), taxonomy=19650),
    product(3, stocks=[], images=[]),
    product(4, stocks=None, active=0, information=None),
    variations=[variation(1, 3)],
    manufacturers=[{"id": 7, "name": "Philips"}],
    attributes=[{"id": 1, "name": "L", "attributeGroup": 1}],
    attribute_groups=[{"id": 1, "name": "Talla"}],
    taxonomies=TAXONOMIES,
)


def joined(pages: Iterable[Page]) -> dict[str, dict[str, object]]:
    """What all pages together say of each product and variant, as the ledger joins them."""
    found: dict[str, dict[str, object]] = {}
    for page in pages:
        rows = [(each.supplier_product_id, each) for each in page.products]
        rows += [(f"v{each.supplier_variant_id}", each) for each in page.variants]  # type: ignore[misc]
        for key, row in rows:
            said = {name: getattr(row, name) for name in row.__slots__ if getattr(row, name) is not None}
            found.setdefault(key, {}).update(said)
    return found


class TestAPass:
    def test_joins_what_the_lists_say_of_each_product(self) -> None:
        found = joined(bench(SHOP).open().products())
        assert found["1"] == {
            "supplier_product_id": "1",
            "sku": "S1",
            "name": "Lámpara 1",
            "description": "<p>Caf&eacute; <b>½</b></p>",
            "brand": "Philips",
            "category": "Electrónica",
            "ean": "8412345678901",
            "price": Decimal("55.79"),
            "cost_price": Decimal("18.22"),
            "currency": "EUR",
            "stock_quantity": 5,
            "image_urls": ("https://cdnbigbuy.example/S1.jpg",),
            "available": True,
            "supplier_updated_at": "2026-11-01 08:00:00",
        }

    def test_tells_a_measured_zero_from_a_product_that_has_no_entry(self) -> None:
        found = joined(bench(SHOP).open().products())
        assert [found[number].get("stock_quantity") for number in "234"] == [0, 0, None]
        assert (found["4"]["available"], "name" in found["4"], found["3"]["image_urls"]) == (False, False, ())

    def test_knows_a_variant_by_its_options_and_its_product(self) -> None:
        variant = joined(bench(SHOP).open().products())["v1"]
        assert variant["supplier_product_id"] == "3"
        assert (variant["options"], variant["stock_quantity"]) == ((("Talla", "L"),), 4)
        assert (variant["cost_price"], variant["price"]) == (Decimal("9.5"), Decimal(20))

    def test_takes_one_call_a_list_and_one_for_each_set_of_names(self) -> None:
        shop = bench(SHOP)
        pages = list(shop.open().products())
        assert shop.calls() == 7 + 4
        assert [page.source for page in pages][:3] == [
            "productsstockbyhandlingdays",
            "productsvariationsstockbyhandlingdays",
            "products",
        ]

    def test_proves_its_facets_as_their_last_lists_end(self) -> None:
        pages = list(bench(SHOP).open().products())
        assert [sorted(page.complete) for page in pages] == [
            [], ["stock"], [], ["price"], ["product"], ["text"], ["images"],
        ]  # fmt: skip
        assert [page.cursor is None for page in pages] == [False] * 6 + [True]

    def test_of_stock_or_prices_speaks_of_nothing_else(self) -> None:
        shop = bench(SHOP)
        stock, prices = list(shop.open().stock()), list(shop.open().prices())
        assert {name for row in joined(stock).values() for name in row} == {
            "supplier_product_id", "supplier_variant_id", "stock_quantity",
        }  # fmt: skip
        assert {name for row in joined(prices).values() for name in row} == {
            "supplier_product_id", "supplier_variant_id", "price", "cost_price", "currency",
        }  # fmt: skip
        assert (stock[-1].complete, prices[-1].complete) == ({"stock"}, {"price"})

    def test_of_an_empty_catalogue_is_complete(self) -> None:
        pages = list(bench(section()).open().stock())
        assert [len(page.products) for page in pages] == [0, 0]
        assert pages[-1].complete == {"stock"}

    def test_keeps_a_row_that_cannot_be_read_as_being_there(self) -> None:
        broken = product(2, wholesalePrice="much")
        (first, _) = bench(section(product(1), broken)).open().prices()
        assert SupplierProduct("2") in first.products
        (problem,) = first.problems
        assert problem.startswith("productprices 2: wholesalePrice: expected a number")
        assert "much" in problem


class TestPaging:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(walk, "PAGE", 2)
        monkeypatch.setattr("connectors.bigbuy.calls.PAGE", 2)

    @pytest.mark.parametrize("count", [1, 2, 3, 4])
    def test_goes_on_until_a_page_is_not_full(self, count: int) -> None:
        shop = bench(section(*map(product, range(1, count + 1))))
        found = joined(shop.open().stock())
        assert sorted(found) == [str(number) for number in range(1, count + 1)]
        assert shop.calls("/productsstockbyhandlingdays.json") == count // 2 + 1

    def test_goes_on_behind_any_cursor(self) -> None:
        shop = bench(section(*map(product, range(1, 8)), limits_scale=100))
        pages = list(shop.open().products())
        for place, page in enumerate(pages[:-1]):
            stored = json.loads(json.dumps(page.cursor))
            rest = list(shop.open().products(stored))
            assert joined([*pages[: place + 1], *rest]) == joined(pages)
            assert len(rest) == len(pages) - place - 1

    def test_asks_taxonomy_by_taxonomy_if_it_must(self) -> None:
        products = [product(n, taxonomy=19653 if n % 2 else 19650) for n in range(1, 8)]
        shop = bench(section(*products, need_taxonomy=True, taxonomies=TAXONOMIES, limits_scale=10))
        pages = list(shop.open().stock())
        assert sorted(joined(pages)) == [str(number) for number in range(1, 8)]
        assert [page.complete for page in pages if page.complete] == [{"stock"}]
        refused = [call for call in shop.sandbox.calls() if call["status"] == 400]
        assert len(refused) == 1

    def test_notices_a_server_that_gives_the_same_page_again(self) -> None:
        shop = bench(section(*map(product, range(1, 8))))
        shop.sandbox.answer = _always_first_page(shop.sandbox.answer)  # type: ignore[method-assign]
        with pytest.raises(Malformed, match="page 1 is the one before it"):
            list(shop.open().stock())


def _always_first_page(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
    return lambda request: answer(replace(request, query={**request.query, "page": "0"}))


class TestWindows:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(walk, "PAGE", 2)
        monkeypatch.setattr("connectors.bigbuy.calls.PAGE", 2)

    WORLD = section(*map(product, range(1, 30)))

    @pytest.mark.parametrize("shared", [True, False])
    def test_that_are_used_up_put_the_pass_back_until_they_open(self, *, shared: bool) -> None:
        shop = bench(self.WORLD, shared=shared)
        pages, waited = shop.resumed()
        assert len([each for each in joined(pages) if each.isdecimal()]) == 29
        assert waited == [3600.0]
        statuses = [call["status"] for call in shop.sandbox.calls()]
        assert statuses.count(429) == (0 if shared else 3)

    def test_of_one_list_do_not_keep_the_others_waiting(self) -> None:
        shop = bench(self.WORLD)
        with pytest.raises(WindowClosed):
            list(shop.open().products())
        assert shop.calls("/productsimages.json") == 10
        assert shop.calls("/productsinformation.json") == 15

    def test_name_the_seconds_until_they_open(self) -> None:
        shop = bench(self.WORLD)
        list_of = shop.open()
        with pytest.raises(WindowClosed) as closed:
            list(list_of.stock())
        assert closed.value.retry_after == 3600.0
        assert str(closed.value).startswith(f"bigbuy user/1 {STOCK}: ")

    def test_that_last_a_second_are_waited_for(self) -> None:
        orders = [{"id": str(number), "status": "Delivered"} for number in range(1, 4)]
        shop = bench(section(orders=orders))
        assert len(list(shop.open().orders(["1", "2", "3"]))) == 3
        assert len(shop.slept) == 2
        assert all(0 < each <= 1 for each in shop.slept)
        assert 429 not in [call["status"] for call in shop.sandbox.calls()]

    def test_are_shared_by_all_who_use_one_key(self) -> None:
        assert (
            quota_account("bigbuy", KEY) == quota_account("bigbuy", KEY) != quota_account("bigbuy", "other")
        )
        assert KEY not in quota_account("bigbuy", KEY)


class TestTrouble:
    @pytest.mark.parametrize(
        "trouble",
        [
            {"kind": "http", "status": 503},
            {"kind": "http", "status": 500, "code": "case"},
            {"kind": "http", "status": 200, "code": "soft"},
            {"kind": "http", "status": 200, "code": "raw"},
            {"kind": "http", "status": 200, "code": "nothing"},
            {"kind": "timeout_before"},
            {"kind": "lost_answer"},
            {"kind": "malformed"},
        ],
        ids=lambda trouble: "-".join(map(str, trouble.values())),
    )
    def test_that_passes_is_sat_out(self, trouble: dict[str, object]) -> None:
        shop = bench(SHOP)
        shop.fault(STOCK, **trouble)
        assert len(joined(shop.open().stock())) == 4
        assert len(shop.slept) == 1

    @pytest.mark.parametrize(
        ("trouble", "kind"),
        [
            ({"kind": "http", "status": 503}, Transient),
            ({"kind": "http", "status": 200, "code": "soft"}, Transient),
            ({"kind": "http", "status": 200, "code": "raw"}, Transient),
            ({"kind": "http", "status": 200, "code": "nothing"}, Malformed),
            ({"kind": "malformed"}, Malformed),
        ],
        ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
    )
    def test_that_stays_is_told_and_never_taken_for_an_empty_list(
        self, trouble: dict[str, object], kind: type[Exception]
    ) -> None:
        shop = bench(SHOP)
        shop.fault(STOCK, times=-1, **trouble)
        pages = []
        with pytest.raises(kind):
            pages.extend(shop.open().stock())
        assert pages == []

    def test_with_the_key_stops_everything(self) -> None:
        shop = bench(SHOP | {"key": "another"})
        with pytest.raises(Unauthorised):
            list(shop.open().stock())
        assert shop.calls() == 1

    def test_with_the_cache_is_for_later(self) -> None:
        shop = bench(SHOP, switches={"bigbuy.first_list": "409"})
        with pytest.raises(Transient, match="not in the cache yet") as later:
            list(shop.open().stock())
        assert (later.value.retry_after, shop.calls(), shop.slept) == (600.0, 1, [])

    def test_of_a_key_for_the_vendors_own_sandbox_is_a_refusal(self) -> None:
        with pytest.raises(Refused, match="Bad request"):
            list(bench(SHOP | {"profile": "sandbox"}).open().stock())

    def test_with_names_leaves_them_out(self) -> None:
        shop = bench(SHOP)
        shop.fault("GET /rest/catalog/manufacturers.json", kind="http", status=400, times=-1)
        found = joined(shop.open().products())["1"]
        assert ("brand" in found, found["category"]) == (False, "Electrónica")

    @pytest.mark.parametrize("trouble", [{"kind": "http", "status": 400}, {"kind": "malformed"}])
    def test_with_attributes_leaves_options_as_they_were(self, trouble: dict[str, object]) -> None:
        shop = bench(SHOP)
        shop.fault("GET /rest/catalog/attributes.json", times=3, **trouble)
        pages = list(shop.open().products())
        told = {each.options for page in pages for each in page.variants}
        assert told == {None}
        assert pages[-1].cursor is None

    def test_never_shows_the_key(self, caplog: pytest.LogCaptureFixture) -> None:
        shop = bench(SHOP)
        read = shop.open()
        for trouble in (
            {"kind": "http", "status": 401},
            {"kind": "http", "status": 503},
            {"kind": "throttled"},
        ):
            shop.fault("*", times=-1, **trouble)
            with caplog.at_level(logging.DEBUG), pytest.raises((Unauthorised, Transient)) as caught:
                list(read.stock())
            assert KEY not in f"{caught.value}{caught.value!r}{caplog.text}{read.http!r}"

    def test_of_an_answer_cut_to_half_loses_rows_but_invents_none(self) -> None:
        shop = bench(SHOP)
        shop.fault(STOCK, kind="partial")
        assert set(joined(shop.open().stock())) < set(joined(bench(SHOP).open().stock()))


class TestOrders:
    ORDERS = (
        {"id": "1", "status": "Processing order"},
        {
            "id": "2",
            "status": "Shipped by the warehouse",
            "carriers": [{"id": "2", "name": "gls", "price": 4.95}],
            "trackings": [
                {"trackingNumber": "T-old", "statusDate": "2026-11-18 09:00:00", "carrier": {"id": "2"}},
                {"trackingNumber": "T-new", "statusDate": "2026-11-19 09:00:00", "carrier": {"id": "4"}},
            ],
        },
        {"id": "3", "status": "Delivered", "trackings": [{"trackingNumber": "T3"}]},
    )

    def shop(self) -> Bench:
        return bench(section(orders=[*self.ORDERS]))

    def test_are_told_with_status_and_newest_parcel(self) -> None:
        first, second = self.shop().open().orders(["1", "2"])
        assert (first.status, first.state, first.tracking_number) == ("Processing order", "processing", None)
        assert (second.state, second.tracking_number, second.carrier) == ("shipped", "T-new", "ups")
        assert [step["trackingNumber"] for step in second.tracking_info] == ["T-new", "T-old"]

    def test_that_are_not_there_are_known_not_to_be(self) -> None:
        found = list(self.shop().open().orders(["404", "3"]))
        assert [(each.supplier_order_id, each.known) for each in found] == [("404", False), ("3", True)]

    def test_of_a_status_that_nobody_lists_keep_it_as_it_came(self) -> None:
        shop = self.shop()
        shop.sandbox.event(
            {"system": "bigbuy", "kind": "order_status", "order_id": "1", "status": "Shipped?!"}
        )
        (found,) = shop.open().orders(["1"])
        assert (found.status, found.state) == ("Shipped?!", None)

    def test_take_one_call_each_and_one_for_all_their_parcels(self) -> None:
        shop = self.shop()
        list(shop.open().orders(["1", "2", "3"]))
        assert (shop.calls(), shop.calls("/tracking/orders.json")) == (6, 1)

    def test_of_which_one_cannot_be_understood_stop_no_other(self) -> None:
        shop = self.shop()
        shop.fault("GET /rest/order/{id}.json", kind="malformed", times=3)
        assert [each.supplier_order_id for each in shop.open().orders(["1", "2"])] == ["2"]

    @pytest.mark.parametrize("trouble", [{"kind": "http", "status": 400}, {"kind": "http", "status": 500}])
    def test_of_which_one_is_never_told_stop_no_other(self, trouble: dict[str, object]) -> None:
        shop = self.shop()
        shop.fault("GET /rest/order/{id}.json", times=3 if trouble["status"] == 500 else 1, **trouble)
        assert [each.supplier_order_id for each in shop.open().orders(["1", "2"])] == ["2"]

    def test_of_which_none_is_told_are_an_error(self) -> None:
        shop = self.shop()
        shop.fault("GET /rest/order/{id}.json", kind="http", status=400, times=-1)
        with pytest.raises(Refused):
            list(shop.open().orders(["1", "2"]))

    def test_of_nobody_cost_nothing(self) -> None:
        shop = self.shop()
        assert list(shop.open().orders([])) == []
        assert shop.calls() == 0


class TestTheRegistry:
    def test_says_what_bigbuy_can_and_the_connector_can_it(self) -> None:
        read = bench(SHOP).open()
        offered = supplier_type("bigbuy").abilities
        for ability, protocol in (
            (Ability.LISTS_PRODUCTS, ListsProducts),
            (Ability.LISTS_STOCK, ListsStock),
            (Ability.LISTS_PRICES, ListsPrices),
            (Ability.LOOKS_UP, LooksUp),
            (Ability.TRACKS_ORDERS, TracksOrders),
        ):
            assert isinstance(read, protocol) == (ability in offered)
        assert isinstance(read, PlansCalls)

    def test_refuses_what_is_not_offered(self) -> None:
        with pytest.raises(ConfigurationError, match="bigbuy: not offered by this supplier"):
            need("bigbuy", Ability.LOOKS_UP)
        with pytest.raises(ConfigurationError, match="'temu' is not a kind of supplier"):
            supplier_type("temu")

    def test_names_all_that_is_wrong_with_a_configuration(self) -> None:
        with pytest.raises(ConfigurationError, match=r"batchsize is not known; .*language must be text"):
            configured("bigbuy", {"batchsize": 3, "language": 4})
        assert configured("bigbuy", {}).batch_size == 100

    def test_plans_what_a_pass_will_cost(self) -> None:
        read = bench(SHOP).open()
        (first, second) = read.plan(["stock"], 100_000)
        assert (first.source, first.calls, first.limit, first.window_seconds) == (
            "productsstockbyhandlingdays", 11, 10, 3600,
        )  # fmt: skip
        assert second.facet == "stock"
        forced = {"version": 1, "lists": {}, "parents": [*range(24)]}
        assert {each.calls for each in read.plan(["stock"], 100, forced)} == {24}
