"""A list in a CSV file: what it says is read to the letter, what it does not plainly say is not."""

import io
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.csv_cells import amount, flag, images, units
from connectors.csv_supplier import ALL, CsvSupplier, List, header, pages
from connectors.errors import ConfigurationError, ConnectorError, Malformed, Refused, Transient
from connectors.outside import Outside
from connectors.records import JsonValue
from connectors.supplier import Ability, Access, Configuration, Page
from connectors.suppliers import configured, need, supplier_type
from sandbox.app import Sandbox
from sandbox.clock import Clock
from tests.worlds import NOW

URL = "http://lists.example/csv/default/products.csv"
COLUMNS = {"supplier_product_id": "Nr", "stock_quantity": "Bestand", "price": "UVP", "name": "Titel"}
ROWS = [
    {"Nr": "A-1", "Titel": "Schnürsenkel ½ 日本", "Bestand": "5", "UVP": "4,90"},
    {"Nr": "A-2", "Titel": 'Creme; "neutral"', "Bestand": "0", "UVP": "12"},
    {"Nr": "A-3", "Titel": "Bürste", "Bestand": "", "UVP": ""},
]


def section(rows: Sequence[dict[str, str]] = ROWS, **more: object) -> dict[str, Any]:
    usual = {"columns": ["Nr", "Titel", "Bestand", "UVP"], "separator": ";", "bom": True}
    return {"csv": {"default": {**usual, "products": list(rows), **more}}}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(section(), clock=Clock(NOW, frozen=True)) as found:
        yield found


def opened(sandbox: Sandbox, **terms: JsonValue) -> CsvSupplier:
    way = partial(
        Outside,
        client=httpx.Client(transport=httpx.WSGITransport(app=sandbox)),
        resolve=lambda _host, _port: ["127.0.0.1"],
    )
    usual: dict[str, JsonValue] = {"url": URL, "columns": dict(COLUMNS)}
    access = Access(
        "user/list", "", {}, configured("csv", usual | terms), allow_private_urls=True, outside=way
    )
    found = supplier_type("csv").open(access)
    assert isinstance(found, CsvSupplier)
    return found


def fault(sandbox: Sandbox, **what: object) -> None:
    sandbox.faults([{"system": "csv", **what}])


def paged(text: str, terms: Configuration | None = None, *, is_whole: bool = True) -> list[Page]:
    """The pages of a file that was fetched."""
    return list(pages(List(io.StringIO(text, newline=""), is_whole, {}), ALL, terms or Configuration()))


def paged_once(text: str) -> Page:
    (page,) = paged(text)
    return page


class TestAList:
    def test_is_read_to_the_letter(self, sandbox: Sandbox) -> None:
        (page,) = opened(sandbox).products()

        found = {each.supplier_product_id: each for each in page.products}
        assert [each.name for each in page.products] == [row["Titel"] for row in ROWS]
        assert (found["A-1"].price, found["A-1"].currency) == (Decimal("4.90"), "EUR")
        assert [each.stock_quantity for each in page.products] == [5, 0, None]
        assert found["A-3"].price is None
        assert (found["A-1"].sku, found["A-1"].available) == (None, None)
        assert page.problems == ()
        assert page.complete == page.facets == {"stock", "price", "text"}

    def test_comes_in_pages_of_the_configured_size(self, sandbox: Sandbox) -> None:
        found = list(opened(sandbox, batch_size=2).products())

        assert [len(page.products) for page in found] == [2, 1]
        assert [page.complete for page in found] == [frozenset(), {"stock", "price", "text"}]
        assert [page.cursor is None for page in found] == [False, True]
        again = list(opened(sandbox, batch_size=2).products(found[0].cursor))
        assert again == found

    @pytest.mark.parametrize(
        ("separator", "bom"), [(",", True), (",", False), (";", True), (";", False), ("\t", False)]
    )
    def test_may_have_any_separator_and_a_byte_order_mark(
        self, sandbox: Sandbox, separator: str, bom: object
    ) -> None:
        sandbox.put_world(section(separator=separator, bom=bom))

        (page,) = opened(sandbox).products()
        assert [each.name for each in page.products] == [row["Titel"] for row in ROWS]

    def test_of_nothing_is_a_list(self, sandbox: Sandbox) -> None:
        sandbox.put_world(section([]))
        (page,) = opened(sandbox).products()
        assert not page.products
        assert page.complete == {"stock", "price", "text"}

    def test_is_read_for_stock_or_prices_alone(self, sandbox: Sandbox) -> None:
        sandbox.event({"system": "csv", "kind": "edit", "product": "A-1", "UVP": "cheap"})

        (stock,), (prices,) = opened(sandbox).stock(), opened(sandbox).prices()

        assert not stock.problems
        assert stock.complete == {"stock"}
        assert stock.products[0].stock_quantity == 5
        assert {each.price for each in stock.products} == {None}
        (problem,) = prices.problems
        assert problem.startswith("line 2, product A-1: price: 'cheap' is not a number")
        assert {each.stock_quantity for each in prices.products} == {None}

    def test_that_has_no_stock_does_not_offer_it(self, sandbox: Sandbox) -> None:
        sandbox.put_world(section(columns=["Nr", "Titel", "UVP"], products=[]))
        columns: JsonValue = {"supplier_product_id": "Nr"}
        with pytest.raises(ConfigurationError, match="no column that speaks of stock"):
            list(opened(sandbox, columns=columns).stock())

    def test_knows_no_orders(self) -> None:
        with pytest.raises(ConfigurationError, match="not offered by this supplier"):
            need("csv", Ability.TRACKS_ORDERS)


class TestTroubles:
    @pytest.mark.parametrize(
        ("trouble", "error"),
        [
            ({"kind": "http", "status": 404}, Refused),
            ({"kind": "http", "status": 403}, Refused),
            ({"kind": "http", "status": 503}, Transient),
            ({"kind": "throttled"}, Transient),
            ({"kind": "lost_answer"}, Transient),
            ({"kind": "timeout_before"}, Transient),
        ],
        ids=str,
    )
    def test_are_told_in_one_line_without_the_address(
        self, sandbox: Sandbox, trouble: dict[str, object], error: type[ConnectorError]
    ) -> None:
        fault(sandbox, **trouble)
        with pytest.raises(error) as caught:
            list(opened(sandbox, url=f"{URL}?key=hush").products())
        assert str(caught.value).startswith("csv user/list GET list: ")
        assert (caught.value.system, caught.value.account) == ("csv", "user/list")
        assert "hush" not in f"{caught.value!r}"

    def test_a_list_cut_in_a_row_proves_nothing(self, sandbox: Sandbox) -> None:
        fault(sandbox, kind="malformed")
        (page,) = opened(sandbox).products()
        assert page.complete == frozenset()
        assert page.problems
        assert {each.supplier_product_id for each in page.products} < {"A-1", "A-2"}

    def test_half_a_list_is_for_others_to_doubt(self, sandbox: Sandbox) -> None:
        fault(sandbox, kind="partial")
        (page,) = opened(sandbox).products()
        assert len(page.products) == 1

    def test_private_addresses_are_not_gone_to(self) -> None:
        access = Access("user/list", "", {}, configured("csv", {"url": "https://127.0.0.1/products.csv"}))
        with pytest.raises(Refused, match="not a public address"):
            list(supplier_type("csv").open(access).products())  # type: ignore[attr-defined]


class TestRows:
    HEAD = "supplier_product_id,stock_quantity\n"

    def test_are_not_read_under_a_head_that_is_none(self) -> None:
        with pytest.raises(Malformed, match="names of the columns"):
            paged(f"supplier_product_id,{'x' * 200_000}\nA,5\n")

    def test_tell_all_but_the_cells_that_cannot_be_read(self) -> None:
        head = "supplier_product_id,name,price,currency,stock_quantity\n"
        page = paged_once(f"{head}A,Soap,1.5,EUR,ask\nB,Wax,1.5,Euro,3\nC,Cream,x,USD,4\n")
        told = [(each.name, each.price, each.currency, each.stock_quantity) for each in page.products]
        assert told == [
            ("Soap", Decimal("1.5"), "EUR", None),
            ("Wax", None, None, 3),
            ("Cream", None, "USD", 4),
        ]
        assert [each.split(": ")[1] for each in page.problems] == ["stock_quantity", "currency", "price"]
        assert page.complete == page.facets

    def test_that_cannot_be_read_are_there_and_no_more(self) -> None:
        page = paged_once(f"{self.HEAD}A,10+\nB,3\n")
        assert [each.stock_quantity for each in page.products] == [None, 3]
        assert page.problems[0].startswith("line 2, product A: stock_quantity: '10+' is not a number")
        assert page.complete == {"stock"}

    @pytest.mark.parametrize(
        ("row", "why"),
        [
            ("B,1,2\n", "has 3 cells instead of 2"),
            ("B\n", "has 1 cells instead of 2"),
            (",5\n", "has no id"),
            (f"{'x' * 201},5\n", "has an id of 201 characters"),
            ("B\0,5\n", "NUL"),
            ('"B"x,5\n', "expected after"),
            ("B,5", "no line break"),
            ('B,"5\n', "unexpected end of data"),
        ],
    )
    def test_that_cannot_be_told_apart_leave_the_list_unproved(self, row: str, why: str) -> None:
        page = paged_once(f"{self.HEAD}A,1\n{row}")
        assert [each.supplier_product_id for each in page.products] == ["A"]
        assert len(page.problems) == 1
        assert page.problems[0].startswith("line 3: ")
        assert why in page.problems[0]
        assert page.complete == frozenset()

    def test_behind_a_bad_one_are_read(self) -> None:
        page = paged_once(f'{self.HEAD}"A"x,1\nB,2\n\nC,3\n')
        assert [(each.supplier_product_id, each.stock_quantity) for each in page.products] == [
            ("B", 2),
            ("C", 3),
        ]

    def test_of_one_id_are_all_disbelieved(self) -> None:
        page = paged_once(f"{self.HEAD}A,1\nB,2\nA ,3\n")
        assert {each.supplier_product_id: each.stock_quantity for each in page.products} == {
            "A": None,
            "B": 2,
        }
        assert [each.partition(": ")[2] for each in page.problems] == [
            "2 rows have this id, and none of them is believed"
        ] * 2
        assert page.complete == {"stock"}

    def test_may_go_over_lines(self) -> None:
        page = paged_once('supplier_product_id,description\r\nA,"one\r\ntwo, ""three"""\r\nB,x\r\n')
        assert [each.description for each in page.products] == ['one\r\ntwo, "three"', "x"]

    def test_of_a_list_whose_end_was_not_shown_are_read_but_prove_nothing(self) -> None:
        (page,) = paged(f"{self.HEAD}A,1\n", is_whole=False)
        assert (len(page.products), page.complete) == (1, frozenset())

    def test_of_bytes_that_are_no_text_stop_the_list(self) -> None:
        def answer(_: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=iter([self.HEAD.encode() + b"caf\xe9,1\n"]))

        way = Outside(
            allow_private=True,
            client=httpx.Client(transport=httpx.MockTransport(answer)),
            resolve=lambda _host, _port: ["127.0.0.1"],
        )
        with pytest.raises(Malformed, match="not UTF-8"):
            list(CsvSupplier(way, "user/list", Configuration(url=URL)).products())


class TestTheHeader:
    def test_is_found_whatever_its_case(self) -> None:
        found = header(" SKU ;Supplier_Product_ID;other\n", {})
        assert (dict(found.places), found.separator) == ({"supplier_product_id": 1, "sku": 0}, ";")

    @pytest.mark.parametrize(
        ("line", "columns", "why"),
        [
            ("a,b\n", {}, "no column supplier_product_id; it begins 'a,b"),
            ("id,b\n", {"supplier_product_id": "id", "price": "cost"}, "0 columns cost"),
            ("id,b,id\n", {"supplier_product_id": "id"}, "2 columns id"),
        ],
    )
    def test_that_lacks_a_column_is_refused(self, line: str, columns: dict[str, str], why: str) -> None:
        with pytest.raises(ConfigurationError, match=why):
            header(line, columns)

    def test_is_missing_from_an_empty_file(self) -> None:
        with pytest.raises(Malformed, match="empty"):
            paged("")

    def test_has_only_columns_that_we_know(self, sandbox: Sandbox) -> None:
        with pytest.raises(ConfigurationError, match="columns: colour is not known; known are supplier_pro"):
            opened(sandbox, columns={"colour": "Farbe"})
        with pytest.raises(ConfigurationError, match="decimal must be"):
            opened(sandbox, decimal="'")


class TestCells:
    @pytest.mark.parametrize(
        ("cell", "sign", "wanted"),
        [
            ("12.50", None, "12.50"),
            (" 12,5 ", None, "12.5"),
            ("0,125", None, "0.125"),
            ("12.5000", None, "12.5000"),
            ("007", None, "7"),
            ("1.234", ".", "1.234"),
            ("1.234", ",", "1234"),
            ("1.234.567,89", ",", "1234567.89"),
            ("1,234.5", ".", "1234.5"),
        ],
    )
    def test_are_numbers(self, cell: str, sign: str | None, wanted: str) -> None:
        found = amount(cell, sign)
        assert found is not None
        assert str(found) in (wanted, f"00{wanted}")

    @pytest.mark.parametrize("cell", ["1.234", "1,234", "12.500", "1,234.5", "1 234"])
    def test_that_may_be_two_numbers_are_none(self, cell: str) -> None:
        with pytest.raises(Malformed, match=r"digits grouped|not a number"):
            amount(cell, None)

    @pytest.mark.parametrize(
        "cell",
        ["-1", "+1", "1e3", "1_000", "NaN", "inf", "€ 5", "5 €", "١٢", "1..2", ".5", "5.", "99999999999"],
    )
    @pytest.mark.parametrize("sign", [None, ".", ","])
    def test_that_are_no_plain_numbers_are_refused(self, cell: str, sign: str | None) -> None:
        with pytest.raises(Malformed):
            amount(cell, sign)

    @given(st.decimals(0, 10**8, places=2, allow_nan=False))
    def test_keep_every_digit_of_a_price(self, price: Decimal) -> None:
        assert amount(f"{price:f}", None) == amount(f"{price:f}".replace(".", ","), None) == price

    @given(st.text(max_size=8))
    def test_are_a_number_or_refused(self, cell: str) -> None:
        try:
            found = amount(cell, None)
        except Malformed:
            return
        assert found is None or found >= 0

    def test_without_units_are_unknown(self) -> None:
        assert (units("", None), units("0", None), units("5.0", None)) == (None, 0, 5)
        with pytest.raises(Malformed, match="whole"):
            units("1.5", None)

    def test_say_yes_or_no(self) -> None:
        assert (flag("Yes"), flag("0"), flag("")) == (True, False, None)
        with pytest.raises(Malformed, match="neither"):
            flag("maybe")

    def test_name_images(self) -> None:
        assert images("https://a/1.jpg,2.jpg | https://a/2.jpg") == (
            "https://a/1.jpg,2.jpg",
            "https://a/2.jpg",
        )
        assert images(" ") == ()
