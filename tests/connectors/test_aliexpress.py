"""AliExpress's connector, proved by what its stand-in holds and saw."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.aliexpress import lists
from connectors.aliexpress.calls import categories
from connectors.aliexpress.lists import Place
from connectors.aliexpress.signing import signature
from connectors.aliexpress.verdict import Problem, error_of
from connectors.errors import (
    ConfigurationError,
    NeedsConsent,
    RateLimited,
    Refused,
    Transient,
    Unauthorised,
    WindowClosed,
)
from connectors.records import JsonValue
from connectors.supplier import narrowed
from sandbox.aliexpress.dialect import AliExpress
from tests.connectors.aliexpress_bench import Bench, Kept, bench
from tests.connectors.bigbuy_bench import Kept as KeptWindows
from tests.sandbox.aliexpresser import FIRST, REFRESH, SECRET, SESSION, Json, product, section, sku

GET = "aliexpress.ds.product.get"
RENEW = "POST /rest/auth/token/refresh"


class TestSigning:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("yoga mat", "22ACCEEA01395E49C9A1964220A7147F247086AC1619303DAD6A951DCCA54DD2"),
            ("écran 4K & câble", "4B3C01CFF5EEE63249105582F5DE56777977A055C94CFAAF021D52DBEBA7B439"),
        ],
    )
    def test_is_that_of_the_vectors(self, words: str, expected: str) -> None:
        params = {
            "app_key": "APPK", "method": "aliexpress.ds.text.search", "sign_method": "sha256",
            "timestamp": "1700000000000", "session": "ATOK", "format": "json", "keyWord": words,
            "countryCode": "FR",
        }  # fmt: skip
        assert signature("TEST_SECRET_123", params) == expected

    def test_of_a_system_interface_has_its_path_in_front(self) -> None:
        params = {
            "app_key": "APPK", "refresh_token": "RTOK", "sign_method": "sha256", "timestamp": "1700000000000",
        }  # fmt: skip
        expected = "D7751CCFF4BFFB560D060DE7FF36CDBB6DFF5779D0DEF8998C84552AB4839049"
        assert signature("TEST_SECRET_123", params, "/auth/token/refresh") == expected

    def test_is_made_anew_for_each_attempt(self) -> None:
        shop = bench(section(product(1)))
        shop.fault(GET, kind="http", code="ApiCallLimit")
        connector = shop.open()
        # So long a wait that what was signed before it would be too old.
        connector.http._sleep = lambda _: shop.sandbox.clock.advance(3 * 3600)
        assert next(connector.look_up([str(FIRST)])).products

    def test_follows_their_clock_if_ours_is_off(self) -> None:
        shop = bench(section(product(1)), behind=timedelta(hours=3))
        assert shop.looked_up(FIRST).products
        refused = [call["code"] for call in shop.sandbox.calls() if call["code"]]
        assert refused == ["IllegalTimestamp"]

    @pytest.mark.parametrize(
        "switch", ["single", "simplify", "numbers", "errors", "feed", "renewed", "old_signs"]
    )
    def test_and_reading_hold_under_every_position_of_what_is_not_known(self, switch: str) -> None:
        account = section(product(1, sku(1)), product(2), session_days=1)
        usual, moved = bench(account), bench(account, {switch: other(switch)})
        pages = []
        for shop in (usual, moved):
            shop.sandbox.clock.advance(86_400)
            pages.append(list(shop.open().products()))
        assert pages[0] == pages[1]


def other(switch: str) -> str:
    """The position that a switch does not have by itself."""
    return AliExpress.switches[switch][1]


class TestProducts:
    def test_finds_a_feeds_products_and_reads_each(self) -> None:
        shop = bench(section(*(product(n) for n in range(1, 24))))
        pages = list(shop.open(batch_size=10).products())
        assert [len(page.products) for page in pages] == [10, 10, 3]
        assert [page.complete for page in pages] == [frozenset()] * 3
        assert (shop.calls("feed.itemids"), shop.calls(GET), shop.calls("category")) == (3, 23, 1)
        first = pages[0].products[0]
        assert (first.supplier_product_id, first.name, first.available) == (str(FIRST), "Lace 1", True)
        assert (first.cost_price, first.currency, first.stock_quantity) == (Decimal("9.90"), "EUR", None)
        assert first.category == "Shoe accessories"
        assert [each.stock_quantity for each in pages[0].variants[:2]] == [7, 7]
        assert pages[0].variants[0].options == (("Color", "c10"),)

    def test_goes_on_behind_every_cursor(self) -> None:
        shop = bench(section(*(product(n) for n in range(1, 34))))
        whole = list(shop.open(batch_size=25).products())
        for place, page in enumerate(whole):
            rest = list(shop.open(batch_size=25).products(page.cursor)) if page.cursor else []
            assert rest == whole[place + 1 :]
        assert [page.cursor is None for page in whole] == [False] * (len(whole) - 1) + [True]

    def test_finds_by_words(self) -> None:
        shop = bench(section(*(product(n) for n in range(1, 13)), product(50, subject="Brush")))
        pages = list(shop.open(feed=None, search_keywords="lace", batch_size=5).products())
        assert sum(len(page.products) for page in pages) == 12
        assert shop.calls("text.search") == 3

    def test_needs_a_feed_or_words(self) -> None:
        with pytest.raises(ConfigurationError, match="feed or search_keywords"):
            next(bench(section()).open(feed=None).products())
        with pytest.raises(ConfigurationError, match="ship_to_country"):
            bench(section()).open(ship_to_country=None)

    def test_reads_a_feed_by_pages_if_its_ids_are_not_for_this_app(self) -> None:
        account = section(*(product(n, local_ids={"US": 3256000000000000 + n}) for n in range(1, 8)))
        shop = bench(account | {"denied": ["aliexpress.ds.feed.itemids.get"]})
        pages = list(shop.open(batch_size=3).products())
        ids = [each.supplier_product_id for page in pages for each in page.products]
        assert ids == [str(FIRST + n) for n in range(7)]
        assert shop.calls("recommend.feed") == 3

    @pytest.mark.parametrize("odd", [None, "", "\ud800", 1e400, [], 1.5])
    def test_an_id_that_cannot_be_read_stops_no_other(self, odd: JsonValue) -> None:
        ids: Json = {"products": {"number": [1, odd]}, "search_id": "next"}
        found = lists.feed_ids({"aliexpress_ds_feed_itemids_get_response": {"result": ids}}, Place())
        assert (found.ids, len(found.problems)) == (("1",), 1)
        assert found.following == Place("next", 2)
        rows: Json = {"products": {"selection_search_product": [{"itemId": odd}]}, "totalCount": 9}
        found = lists.searched({"aliexpress_ds_text_search_response": {"data": rows}}, Place(), 1)
        assert (found.ids, len(found.problems), found.following) == ((), 1, Place("", 2))

    def test_an_empty_feed_is_an_answer(self) -> None:
        (page,) = bench(section()).open().products()
        assert (page.products, page.cursor) == ((), None)


class TestLookUp:
    def test_tells_what_is_gone_from_what_is_not_known(self) -> None:
        shop = bench(section(product(1), product(2), product(3)))
        shop.event("delist", product=FIRST)
        shop.fault(GET, kind="http", code="ServiceTimeout", nth=2, times=-1)
        page = shop.looked_up(FIRST, FIRST + 1)
        assert (page.absent, page.products) == ((str(FIRST),), ())
        assert [problem.split(":")[0] for problem in page.problems] == [f"product {FIRST + 1}"]

    @pytest.mark.parametrize("odd", [{"subject": "a\0b"}, {"stock": 10**22}])
    def test_a_product_that_no_database_holds_stops_no_other(self, odd: Json) -> None:
        first = product(1, **odd) if "subject" in odd else product(1, sku(1, **odd))
        page = bench(section(first, product(2))).looked_up(FIRST, FIRST + 1)
        assert [each.supplier_product_id for each in page.products] == [str(FIRST + 1)]
        assert len(page.problems) == 1

    def test_a_product_that_is_never_answered_stops_no_other(self) -> None:
        shop = bench(section(product(1), product(2)))
        shop.fault(GET, kind="http", code="ServiceTimeout", times=3)
        page = shop.looked_up(FIRST, FIRST + 1)
        assert [each.supplier_product_id for each in page.products] == [str(FIRST + 1)]
        assert "ServiceTimeout" in page.problems[0]

    @pytest.mark.parametrize("count", [1, 4, 9])
    def test_no_answers_at_all_are_not_the_products_fault(self, count: int) -> None:
        shop = bench(section(*(product(number) for number in range(1, 10))))
        shop.fault(GET, kind="http", code="ServiceTimeout", times=-1)
        with pytest.raises(Transient):
            list(shop.open().look_up([str(FIRST + number) for number in range(count)]))
        assert shop.calls(GET) == 3 * min(count, 5)

    def test_a_product_of_which_nobody_says_whether_it_is_on_sale_is_not_known(self) -> None:
        page = bench(section(product(1, status=""))).looked_up(FIRST)
        assert (page.products, page.variants, page.absent) == ((), (), ())
        assert "product_status_type" in page.problems[0]

    @pytest.mark.parametrize("stock", [{"stock": 0}, {"stock": "0"}])
    def test_sold_out_is_a_zero(self, stock: Json) -> None:
        page = bench(section(product(1, sku(1, **stock)))).looked_up(FIRST)
        assert page.variants[0].stock_quantity == 0

    def test_a_stock_that_is_not_told_is_not_known(self) -> None:
        page = bench(section(product(1, sku(1, stock=None)))).looked_up(FIRST)
        assert page.variants[0].stock_quantity is None

    @pytest.mark.parametrize("status", ["offline", "auditing", "editingRequired"])
    def test_what_is_not_on_sale_has_no_units_whatever_its_skus_say(self, status: str) -> None:
        page = bench(section(product(1, status=status))).looked_up(FIRST)
        assert page.products[0].available is False
        assert {each.stock_quantity for each in page.variants} == {0}

    def test_what_is_not_sold_to_the_country_has_no_units(self) -> None:
        page = bench(section(product(1, not_shipped_to=["ES"]))).looked_up(FIRST)
        assert (page.products[0].available, page.products[0].stock_quantity) == (False, 0)

    def test_a_product_without_skus_is_not_known(self) -> None:
        account = section(product(1))
        account["products"][0]["skus"] = []
        page = bench(account).looked_up(FIRST)
        assert (page.products[0].stock_quantity, page.whole) == (None, frozenset())

    def test_a_removed_sku_is_told_by_the_others(self) -> None:
        shop = bench(section(product(1, sku(1), sku(2))))
        shop.event("delist", product=FIRST, sku=sku(2)["sku_id"])
        page = shop.looked_up(FIRST)
        assert (len(page.variants), page.whole) == (1, frozenset({str(FIRST)}))

    def test_ids_beyond_what_a_float_can_hold_stay_whole(self) -> None:
        page = bench(section(product(1, sku(7)))).looked_up(FIRST)
        assert page.variants[0].supplier_variant_id == "12000030000000007"

    def test_prices_stay_decimal_in_the_currency_asked_for(self) -> None:
        shop = bench(section(product(1, sku(1, price="0.07", list_price="1.10"), sku(2, price="30"))))
        page = shop.looked_up(FIRST)
        assert [(v.cost_price, v.price, v.currency) for v in page.variants] == [
            (Decimal("0.07"), Decimal("1.10"), "EUR"),
            (Decimal("30.00"), Decimal("30.00"), "EUR"),
        ]
        assert page.products[0].cost_price == Decimal("0.07")

    def test_one_call_feeds_both_jobs(self) -> None:
        page = bench(section(product(1))).looked_up(FIRST)
        stock, price = narrowed(page, frozenset({"stock"})), narrowed(page, frozenset({"price"}))
        assert stock.variants[0].stock_quantity == 7
        assert stock.variants[0].cost_price is None
        assert price.variants[0].cost_price == Decimal("9.90")
        assert price.variants[0].stock_quantity is None

    def test_a_product_that_cannot_be_read_stops_no_other(self) -> None:
        shop = bench(section(product(1, sku(1, stock="many")), product(2, sku(2, stock=-4)), product(3)))
        page = shop.looked_up(FIRST, FIRST + 1, FIRST + 2)
        assert [each.supplier_product_id for each in page.products] == [str(FIRST + 2)]
        assert [problem.split(":")[0] for problem in page.problems] == [
            f"product {FIRST}",
            f"product {FIRST + 1}",
        ]


class TestOrders:
    def told(self, account: Json, number: str = "81", **more: object) -> Json:
        (found,) = bench(account, **more).open().orders([number])
        return found

    def order(self, status: str | None, **more: Json) -> Json:
        children = [
            {"product_id": FIRST, "sku_id": 1, "end_reason": reason} for reason in more.pop("ends", [None])
        ]
        return section(orders=[{"order_id": 81, "order_status": status, "children": children} | more])

    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("PLACE_ORDER_SUCCESS", "pending"),
            ("RISK_CONTROL", "processing"),
            ("WAIT_BUYER_ACCEPT_GOODS", "shipped"),
            ("FINISH", "delivered"),
            ("IN_CANCEL", "cancelled"),
            ("IN_ISSUE", None),
            ("SOMETHING_NEW", None),
        ],
    )
    def test_a_status_is_kept_as_it_came(self, status: str, state: str | None) -> None:
        found = self.told(self.order(status))
        assert (found.status, found.state, found.known) == (status, state, True)

    @pytest.mark.parametrize(
        ("ends", "state"), [(["CANCELED", "CANCELED"], "cancelled"), (["CANCELED", None], "delivered")]
    )
    def test_the_end_is_a_cancellation_only_if_every_line_is(
        self, ends: list[str | None], state: str
    ) -> None:
        assert self.told(self.order("FINISH", ends=ends)).state == state

    @pytest.mark.parametrize("switch", [{}, {"single": "object"}, {"numbers": "text"}])
    @pytest.mark.parametrize("denied", [[], ["aliexpress.ds.trade.order.get"]])
    def test_parcels_are_told_newest_first(self, switch: dict[str, str], denied: list[str]) -> None:
        events = [
            {"time_stamp": 1_795_000_002_000, "tracking_detail_desc": "Out for delivery"},
            {"time_stamp": 1_795_000_001_000, "tracking_detail_desc": "Sent"},
        ]
        parcel = {"logistics_no": "LP1", "carrier_name": "Correos", "events": events[::-1]}
        account = self.order("WAIT_BUYER_ACCEPT_GOODS", logistics=parcel) | {"denied": denied}
        found = self.told(account, switches=switch)
        assert (found.carrier, found.tracking_number) == ("Correos", "LP1")
        assert [each["tracking_detail_desc"] for each in found.tracking_info] == ["Out for delivery", "Sent"]

    def test_an_order_that_is_not_sent_costs_one_call(self) -> None:
        shop = bench(self.order("WAIT_SELLER_SEND_GOODS"))
        list(shop.open().orders(["81"]))
        assert shop.calls() == 1

    def test_what_nobody_knows_is_told(self) -> None:
        assert self.told(section(), "82").known is False
        assert self.told(section(denied=["aliexpress.ds.trade.order.get"]), "82").known is False

    def test_an_order_that_is_never_answered_stops_no_other(self) -> None:
        shop = bench(section(orders=[{"order_id": n, "order_status": "FINISH"} for n in (81, 82)]))
        shop.fault("aliexpress.ds.trade.order.get", kind="http", code="ServiceTimeout", times=3)
        assert [each.supplier_order_id for each in shop.open().orders(["81", "82"])] == ["82"]

    def test_whoever_is_no_dropshipper_hears_so(self) -> None:
        with pytest.raises(Refused, match="not registered"):
            self.told(self.order("FINISH") | {"registered": False})


class TestToken:
    def shop(self, **more: Json) -> Bench:
        return bench(section(product(1), product(2)), store=Kept(), **more)

    def test_is_renewed_once_and_stored_before_it_is_used(self) -> None:
        shop = self.shop()
        shop.event("expire")
        connector = shop.open()
        assert len(next(connector.look_up([str(FIRST), str(FIRST + 1)])).products) == 2
        assert (shop.calls(RENEW), shop.store.saves) == (1, 1)  # type: ignore[attr-defined]
        # Another process finds it.
        assert shop.looked_up(FIRST).products
        assert shop.calls(RENEW) == 1

    def test_is_renewed_before_it_ends(self) -> None:
        shop = self.shop()
        shop.event("expire")
        shop.looked_up(FIRST)
        shop.sandbox.clock.advance(25 * 86_400)
        shop.looked_up(FIRST)
        assert shop.calls(RENEW) == 2
        refused = [call for call in shop.sandbox.calls() if call["code"] == "IllegalAccessToken"]
        assert len(refused) == 1

    def test_an_answer_that_is_lost_once_may_cost_the_consent(self) -> None:
        shop = self.shop()
        shop.event("expire")
        shop.fault(RENEW, kind="lost_answer")
        with pytest.raises(NeedsConsent, match="IllegalRefreshToken"):
            shop.looked_up(FIRST)

    def test_one_that_was_surely_not_sent_is_asked_for_again(self) -> None:
        shop = self.shop()
        shop.event("expire")
        shop.fault(RENEW, kind="http", code="ApiCallLimit")
        assert shop.looked_up(FIRST).products

    @pytest.mark.parametrize("revoked", [True, False])
    def test_that_cannot_be_renewed_needs_consent(self, *, revoked: bool) -> None:
        shop = self.shop()
        shop.event("revoke" if revoked else "expire")
        if not revoked:
            del shop.credentials["refresh_token"]
        with pytest.raises(NeedsConsent, match="consent anew"):
            shop.looked_up(FIRST)

    def test_given_anew_begins_anew(self) -> None:
        shop = self.shop()
        shop.event("expire")
        shop.looked_up(FIRST)
        shop.event("revoke")
        shop.sandbox.put_world({"aliexpress": {"default": section(product(1), session="given-anew-123456")}})
        shop.credentials["session"] = "given-anew-123456"
        assert shop.looked_up(FIRST).products

    def test_nothing_secret_is_in_an_error(self) -> None:
        shop = self.shop()
        shop.fault("*", kind="http", code="IncompleteSignature", times=-1)
        with pytest.raises(Unauthorised) as caught:
            shop.looked_up(FIRST)
        for secret in (SECRET, SESSION, REFRESH):
            assert secret not in f"{caught.value}{caught.value!r}{shop.open().http!r}"


class TestLimits:
    def test_a_short_ban_is_waited_for(self) -> None:
        shop = bench(section(product(1), calls_per_second=1))
        connector = shop.open()
        for _ in range(3):
            assert next(connector.look_up([str(FIRST)])).products
        assert shop.slept
        assert max(shop.slept) <= 2

    @pytest.mark.parametrize("limit", ["daily_limit", "app_daily_limit"])
    def test_a_days_ban_puts_the_work_back_until_it_ends(self, limit: str) -> None:
        shop = bench(section(*map(product, range(1, 5)), **{limit: 3}), windows=None)
        shop.windows = KeptWindows(shop.sandbox.clock)
        with pytest.raises(WindowClosed) as closed:
            shop.looked_up(*range(FIRST, FIRST + 4))
        assert closed.value.retry_after == pytest.approx(6 * 3600, abs=5)
        asked = shop.calls()
        with pytest.raises(WindowClosed):
            shop.looked_up(FIRST)
        assert shop.calls(GET) <= asked
        shop.sandbox.clock.advance(closed.value.retry_after or 0)
        assert shop.looked_up(FIRST).products

    def test_calls_of_one_method_keep_to_their_pace_in_all_processes(self) -> None:
        shop = bench(section(*map(product, range(1, 9)), calls_per_second=2))
        shop.windows = KeptWindows(shop.sandbox.clock)
        for place in range(4):
            shop.looked_up(FIRST + 2 * place, FIRST + 2 * place + 1)
        assert not [call for call in shop.sandbox.calls() if call["code"]]
        assert sum(shop.slept) == pytest.approx(3, abs=0.01)

    def test_a_ban_without_a_number_lasts_until_midnight_in_china(self) -> None:
        at = datetime(2026, 11, 21, 15, 59, tzinfo=UTC)
        error = error_of(Problem("AppCallLimit", "ISV", "limited"), categories(), at)
        assert isinstance(error, WindowClosed)
        assert error.retry_after == 60


class TestTroubles:
    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("ServiceTimeout", Transient),
            ("15", Transient),
            ("ApiCallLimit", RateLimited),
            ("IncompleteSignature", Unauthorised),
            ("IllegalTimestamp", Unauthorised),
            ("InvalidAppKey", Unauthorised),
            ("AppWhiteIpLimit", Unauthorised),
            ("InsufficientPermission", Refused),
        ],
    )
    @pytest.mark.parametrize("at", ["wrapped", "top"])
    def test_inside_a_200_are_told_by_what_to_do(self, code: str, kind: type[Exception], at: str) -> None:
        shop = bench(section(product(1)), {"errors": at})
        shop.fault(GET, kind="http", code=code, times=-1)
        with pytest.raises(kind) as caught:
            shop.looked_up(FIRST)
        assert type(caught.value) is kind
        assert shop.calls(GET) == (3 if issubclass(kind, Transient) else 1)

    def test_a_proxys_page_is_asked_for_again(self) -> None:
        shop = bench(section(product(1)))
        shop.fault(GET, kind="http", status=502)
        assert shop.looked_up(FIRST).products
