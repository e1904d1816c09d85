"""What BigBuy answers, as measured, and what becomes of it."""

from decimal import Decimal

import pytest

from connectors.bigbuy import readers
from connectors.bigbuy.gate import Gate
from connectors.bigbuy.readers import Names
from connectors.bigbuy.walk import Progress, progress
from connectors.errors import Malformed, RateLimited, Transient, WindowClosed
from connectors.http import Answer, Call
from connectors.records import JsonObject, JsonValue
from connectors.supplier import NoWindows, Page, SupplierProduct, SupplierVariant, narrowed
from tests.worlds import NOW

PRODUCT: JsonObject = {
    "id": 334497,
    "sku": "V0710266",
    "ean13": None,
    "dateUpd": "2026-11-01 08:00:00",
    "taxonomy": 19653,
    "manufacturer": 12,
    "wholesalePrice": 18.22,
    "retailPrice": "55.79",
    "inShopsPrice": 74.38,
    "taxRate": 21,
    "active": 1,
    "images": True,
    "video": "0",
}
NAMES = Names(makers={"12": "Philips"}, taxonomies={"19653": "Electrónica"})


class TestAProduct:
    def test_may_have_its_numbers_as_text(self) -> None:
        found = readers.product(PRODUCT, NAMES)
        assert (found.cost_price, found.price) == (Decimal("18.22"), Decimal("55.79"))
        assert readers.product(PRODUCT | {"id": "334497", "wholesalePrice": "18.22"}, NAMES) == found

    def test_has_what_nobody_said_as_nothing_and_what_was_said_to_be_none_as_empty(self) -> None:
        found = readers.product(PRODUCT | {"retailPrice": None}, Names())
        assert (found.price, found.brand, found.name, found.stock_quantity) == (None, None, None, None)
        assert found.ean == ""

    @pytest.mark.parametrize(("active", "available"), [(1, True), (0, False), ("1", True), (False, False)])
    def test_is_available_or_not(self, active: JsonValue, *, available: bool) -> None:
        assert readers.product(PRODUCT | {"active": active}, NAMES).available is available

    @pytest.mark.parametrize("active", [None, ""])
    def test_of_which_nobody_says_so_is_not_taken_for_unavailable(self, active: JsonValue) -> None:
        assert readers.product(PRODUCT | {"active": active}, NAMES).available is None

    @pytest.mark.parametrize("active", [{}, [], "perhaps"])
    def test_is_not_guessed_to_be_available(self, active: JsonValue) -> None:
        with pytest.raises(Malformed, match="active"):
            readers.product(PRODUCT | {"active": active}, NAMES)

    @pytest.mark.parametrize("price", ["much", [1], True, "NaN", -1, "-0.01", "1_000"])
    def test_has_no_invented_price(self, price: JsonValue) -> None:
        with pytest.raises(Malformed, match="wholesalePrice"):
            readers.product(PRODUCT | {"wholesalePrice": price}, NAMES)


class TestStock:
    @pytest.mark.parametrize(
        ("rows", "units"),
        [([], 0), ([{"quantity": 0}, {"quantity": 0}], 0), ([{"quantity": 2}, {"quantity": "3"}], 5)],
    )
    def test_is_the_sum_over_handling_days(self, rows: list[JsonValue], units: int) -> None:
        row: JsonObject = {"id": 1, "sku": "S", "stocks": rows}
        assert readers.stock(row).stock_quantity == units
        assert readers.variant_stock(row).stock_quantity == units

    @pytest.mark.parametrize(
        "stocks", [None, {}, [{"quantity": None}], [{"quantity": -1}], [{"quantity": 0.5}]]
    )
    def test_that_is_no_number_is_not_zero(self, stocks: JsonValue) -> None:
        with pytest.raises(Malformed):
            readers.stock({"id": 1, "sku": "S", "stocks": stocks})


class TestImages:
    @pytest.mark.parametrize("cover", [True, "TRUE", "true", 1])
    def test_begin_with_the_cover_however_it_is_told(self, cover: JsonValue) -> None:
        pictures: JsonValue = [
            {"id": 1, "isCover": "FALSE", "position": 1, "url": "https://a"},
            {"id": 2, "isCover": False, "position": 0, "url": "https://b"},
            {"id": 3, "isCover": cover, "position": 5, "url": "https://c"},
        ]
        assert readers.images({"id": 1, "images": pictures}).image_urls == (
            "https://c", "https://b", "https://a",
        )  # fmt: skip

    def test_may_be_none(self) -> None:
        assert readers.images({"id": 1, "images": []}).image_urls == ()


class TestRows:
    def test_that_cannot_be_told_apart_are_counted(self) -> None:
        body: JsonValue = [{"id": 1, "sku": "a", "stocks": []}, {"sku": "b"}, "c"]
        found = readers.rows(body, "list", readers.stock, SupplierProduct)
        assert (len(found.found), found.nameless, len(found.problems)) == (1, 2, 2)

    @pytest.mark.parametrize(
        ("odd", "told"),
        [
            ({"sku": "a\0b"}, "sku: has characters"),
            ({"sku": "\ud800"}, "sku: has characters"),
            ({"retailPrice": 1e12}, "price: 1000000000000.0 is too much"),
        ],
    )
    def test_that_no_database_holds_are_there_and_no_more(self, odd: JsonObject, told: str) -> None:
        body: list[JsonValue] = [PRODUCT | odd, PRODUCT | {"id": 7}]
        found = readers.rows(body, "products", lambda row: readers.product(row, NAMES), SupplierProduct)
        assert [each.sku for each in found.found] == [None, "V0710266"]
        assert told in found.problems[0]
        assert found.nameless == 0

    @pytest.mark.parametrize("number", [float("inf"), 1e400, "", "1" * 201, "a\0", "\udfff", 1.5])
    def test_whose_id_is_none_cannot_be_told_apart(self, number: JsonValue) -> None:
        found = readers.rows(
            [PRODUCT | {"id": number}], "p", lambda row: readers.product(row, NAMES), SupplierProduct
        )
        assert (found.found, found.nameless) == ((), 1)

    @pytest.mark.parametrize("units", [10**9, 10**22, "1e999"])
    def test_of_stock_beyond_all_measure_are_not_known(self, units: JsonValue) -> None:
        body: list[JsonValue] = [{"id": 1, "stocks": [{"quantity": units}]}]
        found = readers.rows(body, "stock", readers.stock, SupplierProduct)
        assert [each.stock_quantity for each in found.found] == [None]

    @pytest.mark.parametrize("body", [{}, None, "[]", {"products": []}])
    def test_are_a_bare_array_or_nothing_is_read(self, body: JsonValue) -> None:
        with pytest.raises(Malformed):
            readers.rows(body, "list", readers.stock, SupplierProduct)


class TestAVariant:
    def test_is_named_by_its_attributes_as_far_as_they_have_names(self) -> None:
        names = readers.attribute_names(
            [{"id": 5, "attributeGroup": 1, "name": "L"}, {"id": 6, "attributeGroup": 9, "name": "?"}],
            [{"id": 1, "name": "Talla"}],
        )
        row: JsonObject = {"id": 8, "attributes": [{"id": 5}, {"id": 6}]}
        assert readers.options(row, Names(attributes=names)).options == (("Talla", "L"),)


class TestNames:
    def test_that_cannot_be_read_are_left_out(self) -> None:
        body: list[JsonValue] = [{"id": 1, "name": None}, "?", {"id": 2, "name": "gls"}, {"name": "x"}]
        assert readers.named(body, "carriers") == {"2": "gls"}
        groups: list[JsonValue] = [{"id": 9, "name": "Size"}]
        attributes: list[JsonValue] = [
            {"id": 1, "attributeGroup": 9, "name": None},
            {"id": 2, "attributeGroup": 9, "name": "L"},
        ]
        assert readers.attribute_names(attributes, groups) == {"2": ("Size", "L")}


class TestAStatus:
    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("PENDING INVOICE", "pending"),
            ("Processing order", "processing"),
            ("Shipped by the warehouse", "shipped"),
            ("Out for delivery", "shipped"),
            ("Delivered", "delivered"),
            ("Order cancelled", "cancelled"),
            ("Incident", None),
            ("Cancellation requested", None),
            ("Not delivered", None),
            ("Partially delivered", None),
        ],
    )
    def test_means_what_its_words_say_if_the_vendor_lists_it(self, status: str, state: str | None) -> None:
        assert readers.state(status, frozenset({status})) == state
        assert readers.state(status, frozenset()) is None

    def test_of_another_order_is_not_taken(self) -> None:
        with pytest.raises(Malformed, match="another order"):
            readers.order({"id": "2", "status": "x"}, "1", frozenset(), [])


class TestParcels:
    def test_are_matched_by_id_whatever_their_place(self) -> None:
        body: JsonValue = [
            None,
            {"id": 7, "trackings": []},
            {"id": "5", "trackings": [{"carrier": {"id": 2}}]},
        ]
        found = readers.parcels(body, {"2": "gls"})
        assert found == {"7": [], "5": [{"carrier": "gls"}]}

    def test_that_cannot_be_read_hide_no_others(self) -> None:
        body: list[JsonValue] = [{"id": 1, "trackings": "?"}, 5, {"id": "2", "trackings": [{"n": 1}]}]
        assert list(readers.parcels(body, {})) == ["2"]


class Shut(NoWindows):
    """A window that never opens."""

    def take(self, group: str, limit: int, seconds: int) -> float:  # noqa: ARG002
        return 0.4


class TestTheGate:
    CALL = Call("GET /rest/catalog/products.json", method="GET")

    def judged(self, status: int, body: JsonValue = None, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        Gate(NoWindows(), lambda _: None).judge(self.CALL, Answer(status, named, body, NOW))

    def limits(self, seconds: int) -> dict[str, str]:
        reset = str(int(NOW.timestamp()) + seconds)
        return {"X_RateLimit_Limit": "10", "X_RateLimit_Remaining": "0", "X_RateLimit_Reset": reset}

    def test_reads_from_the_headers_when_a_window_ends(self) -> None:
        with pytest.raises(WindowClosed) as closed:
            self.judged(429, **self.limits(1200))
        assert closed.value.retry_after == 1200

    def test_lets_short_windows_be_waited_for_and_others_be_guessed(self) -> None:
        for headers, seconds in ((self.limits(2), 2), ({}, None)):
            with pytest.raises(RateLimited) as limited:
                self.judged(429, **headers)
            assert (limited.value.retry_after, type(limited.value)) == (seconds, RateLimited)

    def test_does_not_wait_for_a_clock_that_stands_still(self) -> None:
        slept: list[float] = []
        Gate(Shut(), slept.append).spend(Call("GET /rest/order/{id}.json", method="GET"))
        assert slept == [0.4]

    @pytest.mark.parametrize(
        "body",
        [
            {"code": 409, "message": "Something went wrong 1f"},
            {"code": 500, "message": "x", "error_detail": {}},
        ],
    )
    def test_finds_errors_in_a_200(self, body: JsonObject) -> None:
        with pytest.raises(Transient, match="an error inside a 200"):
            self.judged(200, body)

    @pytest.mark.parametrize("body", [[], "10000.00", None, {"id": 1, "code": 409, "message": "a row"}])
    def test_lets_answers_pass(self, body: JsonValue) -> None:
        self.judged(200, body)


class TestTheCursor:
    def test_of_another_form_begins_anew(self) -> None:
        assert progress({"version": 0, "lists": "?"}) == progress(None) == Progress()

    @pytest.mark.parametrize("lists", [{"a": [1]}, {"a": "b"}, 3])
    def test_that_is_none_is_refused(self, lists: JsonValue) -> None:
        with pytest.raises(Malformed, match="cursor"):
            progress({"version": 1, "lists": lists})


class TestANarrowedPage:
    PAGE = Page(
        "all",
        frozenset({"stock", "price", "text"}),
        products=(SupplierProduct("1", name="Lamp", price=Decimal(2), currency="EUR", stock_quantity=3),),
        variants=(SupplierVariant("2", "1", sku="S", stock_quantity=1),),
        complete=frozenset({"stock", "text"}),
    )

    def test_says_nothing_of_other_facets(self) -> None:
        found = narrowed(self.PAGE, frozenset({"stock"}))
        assert found.products == (SupplierProduct("1", stock_quantity=3),)
        assert found.variants == (SupplierVariant("2", "1", stock_quantity=1),)
        assert (found.facets, found.complete) == ({"stock"}, {"stock"})

    def test_is_itself_if_all_is_wanted(self) -> None:
        assert narrowed(self.PAGE, frozenset({"stock", "price", "text", "images"})) is self.PAGE
