"""Suppliers' products in the ledger: joined from pages, touched only where they differ, never forgotten."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from connectors.errors import LeaseLost
from connectors.ledger import Ledger
from connectors.ledger.imported_products import PRODUCTS, VARIANTS
from connectors.ledger.product_marks import Binding, ToldPrice
from connectors.ledger.supplier_records import (
    Claim,
    ImportedProduct,
    Job,
    JobStatus,
    MarketplaceIntegration,
    Order,
    Stored,
    Supplier,
)
from connectors.ledger.windows import SupplierWindows
from connectors.supplier import Facet, Page, SupplierProduct, SupplierVariant
from tests.connectors.ledger_samples import HOUR, NOW

pytest_plugins = ["tests.databases"]

SECOND = timedelta(seconds=1)
LATER = NOW + HOUR
BIGBUY = Supplier("supplier-1", "user-1", "BigBuy", "bigbuy", "bigbuy:k", NOW, NOW)
OTHER = replace(BIGBUY, id="supplier-2", user_id="user-2")


def begun(ledger: Ledger, number: int = 1, supplier: Supplier = BIGBUY) -> Job:
    """A job that is being worked on."""
    ledger.enqueue_job(Job(f"job-{number}", supplier.user_id, "supplier_api", supplier.id, NOW, NOW, NOW))
    (job,) = ledger.claim_jobs(Claim("worker", 60), 1, NOW, NOW)
    return job


@pytest.fixture
def job(ledger: Ledger) -> Job:
    ledger.add_supplier(BIGBUY)
    ledger.add_supplier(OTHER)
    return begun(ledger)


def product(key: str, **more: Any) -> SupplierProduct:  # noqa: ANN401
    return SupplierProduct(key, **more)


def page(*products: SupplierProduct, facets: frozenset[Facet] | set[Facet], **more: Any) -> Page:  # noqa: ANN401
    return Page("list", frozenset(facets), products=products, **more)


def stock(*rows: tuple[str, int | None], **more: Any) -> Page:  # noqa: ANN401
    return page(*(product(key, stock_quantity=units) for key, units in rows), facets={"stock"}, **more)


def by_key(ledger: Ledger, supplier: Supplier = BIGBUY) -> dict[str, ImportedProduct]:
    return {
        each.supplier_product_id: each for each in ledger.imported_products(supplier.user_id, supplier.id)
    }


class TestAPage:
    def test_joins_what_other_lists_said(self, ledger: Ledger, job: Job) -> None:
        prices = page(
            product("1", price=Decimal("19.90"), cost_price=Decimal("7.125"), currency="EUR"),
            facets={"price"},
        )
        texts = page(product("1", name="Lámpara", description="…"), facets={"text"})

        assert ledger.store_page(job, stock(("1", 5), ("2", 0)), NOW) == Stored(2, 0, 0)
        assert ledger.store_page(job, prices, NOW) == Stored(0, 1, 0)
        assert ledger.store_page(job, texts, NOW) == Stored(0, 1, 0)
        assert ledger.store_page(job, page(product("1", image_urls=("a", "b")), facets={"images"}), NOW) == (
            Stored(0, 1, 0)
        )

        one, two = by_key(ledger).values()
        assert (one.name, one.description, one.stock_quantity) == ("Lámpara", "…", 5)
        assert (one.price, one.cost_price, one.image_urls) == (Decimal("19.90"), Decimal("7.125"), ["a", "b"])
        assert (two.name, two.stock_quantity, two.price, two.available) == ("", 0, None, True)
        assert (one.stock_synced_at, one.price_synced_at, two.price_synced_at) == (NOW, NOW, None)

    def test_touches_only_what_differs(self, ledger: Ledger, job: Job) -> None:
        ledger.store_page(job, stock(("1", 5), ("2", 7), ("3", None)), NOW)

        assert ledger.store_page(job, stock(("1", 5), ("2", 6), ("3", None)), LATER) == Stored(0, 1, 2)

        assert {key: each.updated_at for key, each in by_key(ledger).items()} == {
            "1": NOW,
            "2": LATER,
            "3": NOW,
        }

    def test_knows_equal_amounts_and_lists_for_equal(self, ledger: Ledger, job: Job) -> None:
        first = product("1", price=Decimal("12.50"), image_urls=("a",))
        ledger.store_page(job, page(first, facets={"price", "images"}), NOW)
        again = page(replace(first, price=Decimal("12.5")), facets={"price", "images"})

        assert ledger.store_page(job, again, LATER) == Stored(0, 0, 1)

    def test_that_does_not_know_a_quantity_leaves_it(self, ledger: Ledger, job: Job) -> None:
        ledger.store_page(job, stock(("1", 5), ("2", 5)), NOW)
        ledger.store_page(job, stock(("1", None), ("2", 4)), LATER)

        assert [each.stock_quantity for each in by_key(ledger).values()] == [5, 4]

    def test_makes_nothing_new_unless_asked(self, ledger: Ledger, job: Job) -> None:
        assert ledger.store_page(job, stock(("1", 5)), NOW, create=False) == Stored(0, 0, 0)
        assert by_key(ledger) == {}

    def test_belongs_to_its_user_s_supplier(self, ledger: Ledger, job: Job) -> None:
        ledger.store_page(job, stock(("1", 5)), NOW)
        ledger.store_page(begun(ledger, 2, OTHER), stock(("1", 9)), NOW)

        assert [each.stock_quantity for each in by_key(ledger).values()] == [5]
        assert [each.stock_quantity for each in by_key(ledger, OTHER).values()] == [9]

    def test_is_stored_with_the_cursor_behind_it(self, ledger: Ledger, job: Job) -> None:
        ledger.store_page(job, stock(("1", 5), cursor={"page": 2}), NOW)

        found = ledger.job(job.id)
        assert found is not None
        assert found.cursor == {"page": 2}
        ledger.store_page(job, stock(("2", 5)), NOW)
        found = ledger.job(job.id)
        assert found is not None
        assert found.cursor is None

    def test_of_a_job_that_was_lost_changes_nothing(self, ledger: Ledger, job: Job) -> None:
        ledger.cancel_job(job.id, NOW)

        with pytest.raises(LeaseLost, match="cancelled"):
            ledger.store_page(job, stock(("1", 5)), NOW)
        assert by_key(ledger) == {}

    def test_is_only_counted_by_a_dry_run(self, ledger: Ledger, job: Job) -> None:
        ledger.store_page(job, stock(("1", 5), ("2", 5)), NOW)
        wanted = stock(("1", 5), ("2", 4), ("3", 1), cursor={"page": 9})

        assert ledger.store_page(job, wanted, LATER, dry_run=True) == Stored(1, 1, 1)

        assert [each.stock_quantity for each in by_key(ledger).values()] == [5, 5]
        assert ledger.unseen(job, PRODUCTS, "stock") == set()

    def test_may_hold_more_than_one_statement_takes(self, ledger: Ledger, job: Job) -> None:
        many = [(str(number), number) for number in range(4_500)]

        assert ledger.store_page(job, stock(*many), NOW) == Stored(4_500, 0, 0)
        assert ledger.store_page(job, stock(*many[:-1], ("x", 0)), LATER) == Stored(1, 0, 4_499)
        assert ledger.product_count("user-1", "supplier-1") == 4_501


class TestVariants:
    @pytest.fixture
    def shirts(self, ledger: Ledger, job: Job) -> Ledger:
        rows = [
            SupplierVariant(f"v{number}", "1", options=(("Size", size),), stock_quantity=number)
            for number, size in enumerate("SML", start=1)
        ]
        page_ = Page("variations", frozenset({"product", "stock"}), (product("1", sku="T"),), tuple(rows))
        assert ledger.store_page(job, page_, NOW) == Stored(4, 0, 0)
        return ledger

    def test_are_rows_of_their_own(self, shirts: Ledger) -> None:
        found = shirts.imported_variants("user-1", "supplier-1")

        assert [(each.supplier_product_id, each.options, each.stock_quantity) for each in found] == [
            ("1", [["Size", "S"]], 1),
            ("1", [["Size", "M"]], 2),
            ("1", [["Size", "L"]], 3),
        ]

    def test_feed_the_same_units_as_their_product(self, shirts: Ledger) -> None:
        assert shirts.bind(BIGBUY, VARIANTS, "v1", Binding(1001, None, 0), LATER)
        assert shirts.bound_relatives(BIGBUY, PRODUCTS, "1") == ["v1"]
        assert shirts.bound_relatives(BIGBUY, VARIANTS, "v2") == []
        assert shirts.bound_relatives(OTHER, PRODUCTS, "1") == []

        assert shirts.bind(BIGBUY, PRODUCTS, "1", Binding(1002, None, 0), LATER)
        assert shirts.bound_relatives(BIGBUY, VARIANTS, "v2") == ["1"]

    def test_make_up_the_stock_of_their_product(self, shirts: Ledger, job: Job) -> None:
        assert shirts.sum_variant_stock("user-1", "supplier-1", NOW) == 1
        assert by_key(shirts)["1"].stock_quantity == 6
        # What the list of products says of a product with variants does not count.
        assert shirts.store_page(job, stock(("1", 40)), LATER) == Stored(0, 0, 1)
        assert shirts.sum_variant_stock("user-1", "supplier-1", NOW) == 0

    def test_one_of_which_is_unknown_leave_the_sum_unknown(self, shirts: Ledger, job: Job) -> None:
        unknown = Page("v", frozenset({"product"}), variants=(SupplierVariant("v9", "1", sku="T-XL"),))
        shirts.store_page(job, unknown, NOW)

        shirts.sum_variant_stock("user-1", "supplier-1", NOW)

        assert by_key(shirts)["1"].stock_quantity is None


class TestMissing:
    def test_is_what_no_page_of_the_pass_showed(self, ledger: Ledger, job: Job) -> None:
        ledger.store_page(job, stock(("1", 5), ("2", 5), ("3", 5)), NOW)
        ledger.finish_job(job, JobStatus.COMPLETED, NOW)
        job = begun(ledger, 2)
        ledger.store_page(job, stock(("1", 5), cursor={"page": 2}), LATER)
        ledger.store_page(job, page(product("2", name="x"), facets={"text"}, cursor={"page": 3}), LATER)
        ledger.store_page(job, stock(("3", 5)), LATER)

        assert ledger.unseen(job, PRODUCTS, "stock") == {"2"}
        assert ledger.unseen(job, PRODUCTS, "text") == {"1", "3"}
        assert ledger.unseen(job, VARIANTS, "stock") == set()

    def test_of_a_pass_that_begins_anew_is_counted_anew(self, ledger: Ledger, job: Job) -> None:
        ledger.store_page(job, stock(("1", 5), ("2", 5)), NOW)
        ledger.store_page(job, stock(("1", 5)), NOW)

        assert ledger.unseen(job, PRODUCTS, "stock") == {"2"}

    def test_is_marked_once_a_job_and_forgotten_when_seen_again(self, ledger: Ledger, job: Job) -> None:
        ledger.store_page(job, stock(("1", 5)), NOW)
        for number, moment in enumerate((NOW, LATER), start=2):
            following = begun(ledger, number)
            for expected in (1, 0):
                assert ledger.mark_missing(following, PRODUCTS, "stock", ["1"], moment) == expected
        assert ledger.missing("user-1", "supplier-1", PRODUCTS) == {"1": (NOW, 2)}
        assert ledger.product_count("user-1", "supplier-1") == 0

        ledger.store_page(job, page(product("1", name="x"), facets={"text"}), LATER)
        assert ledger.missing("user-1", "supplier-1", PRODUCTS) == {"1": (NOW, 2)}
        assert ledger.store_page(job, stock(("1", 5)), LATER) == Stored(0, 1, 0)
        assert ledger.missing("user-1", "supplier-1", PRODUCTS) == {}

    def test_becomes_a_zero_when_somebody_says_so(self, ledger: Ledger, job: Job) -> None:
        ledger.store_page(job, stock(("1", 5), ("2", 0)), NOW)

        assert ledger.set_stock(job, PRODUCTS, {"1": 0, "2": 0}, LATER) == 1
        assert [each.stock_quantity for each in by_key(ledger).values()] == [0, 0]


class TestNotes:
    @pytest.fixture
    def filled(self, ledger: Ledger, job: Job) -> Ledger:
        ledger.store_page(job, stock(("1", 5), ("2", 5), ("3", 5)), NOW)
        return ledger

    def test_those_read_longest_ago_are_due_first(self, filled: Ledger, job: Job) -> None:
        assert filled.due_products("user-1", "supplier-1", "price", 2) == ["1", "2"]
        filled.stamp_products(job, ["price"], ["1"], LATER)
        filled.stamp_products(job, ["price"], ["3"], NOW)

        assert filled.due_products("user-1", "supplier-1", "price", 9) == ["2", "3", "1"]

    def test_a_price_can_wait_for_a_person(self, filled: Ledger, job: Job) -> None:
        filled.hold_prices(job, PRODUCTS, {"1": {"price": "0", "reason": "zero"}}, LATER)
        assert by_key(filled)["1"].held == {"price": "0", "reason": "zero"}
        filled.hold_prices(job, PRODUCTS, {"1": None}, LATER)
        assert by_key(filled)["1"].held is None
        assert filled.known_prices(job, PRODUCTS, ["1", "9"]) == {"1": (None, None)}

    def test_a_price_waits_from_the_moment_on_that_its_page_is_stored(self, ledger: Ledger, job: Job) -> None:
        held: list[Any] = [(PRODUCTS, {"1": {"price": "0"}})]
        page = stock(("1", 5))
        ledger.store_page(job, page, NOW, held=held, cursor=lambda stored: {"new": stored.inserted})

        assert by_key(ledger)["1"].held == {"price": "0"}
        kept = ledger.job(job.id)
        assert kept is not None
        assert kept.cursor == {"new": 1}

    def test_a_price_that_waits_is_believed_if_it_is_still_the_one(self, filled: Ledger, job: Job) -> None:
        wait: dict[str, Any] = {"price": "0.30", "cost_price": None, "currency": "USD", "reason": "jump"}
        filled.hold_prices(job, PRODUCTS, {"1": wait, "2": wait}, LATER)
        first, second = filled.waiting_prices(BIGBUY, PRODUCTS)
        assert (first.key, first.price, first.held) == ("1", None, wait)
        assert filled.held_price(OTHER, PRODUCTS, "1") is None
        filled.hold_prices(job, PRODUCTS, {"2": wait | {"price": "0.40"}}, LATER)

        told = ToldPrice(Decimal("0.30"), None, "USD")
        assert filled.accept_price(BIGBUY, PRODUCTS, first, told, LATER)
        assert not filled.accept_price(BIGBUY, PRODUCTS, first, told, LATER)
        assert not filled.accept_price(BIGBUY, PRODUCTS, second, told, LATER)

        one, two, _ = by_key(filled).values()
        assert (one.price, one.cost_price, one.currency, one.held) == (Decimal("0.30"), None, "USD", None)
        assert (two.price, two.held) == (None, wait | {"price": "0.40"})

    def test_what_feeds_something_of_the_user_s_own(self, filled: Ledger) -> None:
        assert filled.bind(BIGBUY, PRODUCTS, "2", Binding(1001, None, 3), LATER)
        assert not filled.bind(BIGBUY, VARIANTS, "2", Binding(1001, None, 3), LATER)
        assert not filled.bind(OTHER, PRODUCTS, "2", Binding(1001, None, 3), LATER)

        (bound,) = filled.bound_products("user-1", "supplier-1")
        assert (bound.supplier_product_id, bound.own_variant_id, bound.buffer) == ("2", 1001, 3)
        assert filled.bound_variants("user-1", "supplier-1") == []
        assert filled.bound_relatives(BIGBUY, PRODUCTS, "2") == []

    def test_scores_have_two_digits_and_move_nothing_else(self, filled: Ledger) -> None:
        (everything,) = list(filled.scored_products("user-1"))
        filled.store_scores(
            {each.id: Decimal("73.25") for each in everything[:2]} | {everything[2].id: Decimal(100)}
        )

        found = by_key(filled)
        assert [each.ai_score for each in found.values()] == [
            Decimal("73.25"),
            Decimal("73.25"),
            Decimal(100),
        ]
        assert {each.updated_at for each in found.values()} == {NOW}
        assert list(filled.scored_products("user-2")) == []


@pytest.mark.usefixtures("job")
class TestSuppliers:
    def test_are_their_user_s(self, ledger: Ledger) -> None:
        assert ledger.suppliers("user-1") == [BIGBUY]
        assert len(ledger.suppliers()) == 2
        assert ledger.supplier("user-2", "supplier-1") is None

    def test_that_get_other_credentials_take_their_waiting_jobs_along(self, ledger: Ledger, job: Job) -> None:
        ledger.enqueue_job(replace(job, id="job-9", status=JobStatus.PENDING, account="bigbuy:k"))
        ledger.change_supplier(replace(BIGBUY, account="bigbuy:new", name="B", status="inactive"))

        waiting = ledger.job("job-9")
        assert waiting is not None
        assert waiting.account == "bigbuy:new"
        found = ledger.supplier("user-1", "supplier-1")
        assert found is not None
        assert (found.name, found.status, found.account) == ("B", "inactive", "bigbuy:new")

    def test_remember_how_their_last_job_went(self, ledger: Ledger) -> None:
        ledger.supplier_synced(BIGBUY, "failed", NOW)
        ledger.supplier_synced(BIGBUY, "success", LATER, products=7)

        found = ledger.supplier("user-1", "supplier-1")
        assert found is not None
        assert (found.error_count, found.product_count, found.last_sync_status) == (1, 7, "success")
        assert found.last_sync_at == LATER

    def test_feed_channels(self, ledger: Ledger) -> None:
        channel = MarketplaceIntegration("user-1", "shopify", "own.example", NOW, NOW)
        ledger.add_integrations([channel])

        (found,) = ledger.integrations("user-1")
        assert replace(found, id=None) == channel
        assert ledger.integrations("user-2") == []


@pytest.mark.usefixtures("job")
class TestOrders:
    def test_are_asked_for_until_they_come_to_an_end(self, ledger: Ledger) -> None:
        orders = [Order("user-1", "supplier-1", f"A{number}", NOW, NOW) for number in range(3)]
        ledger.add_orders(orders)
        ledger.add_orders([replace(orders[0], status="shipped")])
        first, second, third = ledger.open_orders("user-1", "supplier-1", 9)

        ledger.store_orders(
            [
                replace(
                    first,
                    status="En ruta",
                    carrier="GLS",
                    tracking_number="1Z",
                    tracking_info={"parcels": [1]},
                    tracking_updated_at=LATER,
                    checked_at=LATER,
                    updated_at=LATER,
                ),
                replace(second, status="Delivered", is_open=False, checked_at=LATER),
            ]
        )

        assert ledger.open_orders("user-1", "supplier-1", 1) == [third]
        ledger.order_seen([third], LATER + HOUR)
        (oldest,) = ledger.open_orders("user-1", "supplier-1", 1)
        assert (oldest.status, oldest.carrier, oldest.tracking_info) == ("En ruta", "GLS", {"parcels": [1]})
        assert [each.is_open for each in ledger.orders("user-1", "supplier-1")] == [True, False, True]
        assert ledger.orders("user-2", "supplier-1") == []


class TestWindows:
    @pytest.fixture
    def times(self) -> list[datetime]:
        return [NOW]

    @pytest.fixture
    def windows(self, ledger: Ledger, times: list[datetime]) -> SupplierWindows:
        return SupplierWindows(ledger.database, "bigbuy:k", lambda: times[-1])

    def test_open_with_the_first_call_and_close_after_their_length(
        self, windows: SupplierWindows, times: list[datetime]
    ) -> None:
        assert [windows.take("stock", 2, 3600) for _ in range(3)] == [0.0, 0.0, 3600.0]
        times.append(NOW + 600 * SECOND)
        assert windows.take("stock", 2, 3600) == 3000.0
        assert windows.take("prices", 2, 3600) == 0.0
        times.append(NOW + HOUR)
        assert [windows.take("stock", 2, 3600) for _ in range(3)] == [0.0, 0.0, 3600.0]

    def test_that_a_wrong_clock_opened_are_over(
        self, windows: SupplierWindows, times: list[datetime]
    ) -> None:
        times.append(NOW + 400 * 24 * HOUR)
        windows.take("stock", 1, 3600)
        times.append(NOW)
        assert [windows.take("stock", 1, 3600) for _ in range(2)] == [0.0, 3600.0]

    def test_that_open_have_the_limit_of_whoever_opens_them(
        self, windows: SupplierWindows, times: list[datetime]
    ) -> None:
        assert [windows.take("products", 2, 60) for _ in range(3)] == [0.0, 0.0, 60.0]
        times.append(NOW + 60 * SECOND)
        assert [windows.take("products", 1, 60) for _ in range(2)] == [0.0, 60.0]

    def test_are_one_account_s(self, windows: SupplierWindows) -> None:
        assert windows.take("stock", 1, 3600) == 0.0
        assert replace(windows, account="bigbuy:other").take("stock", 1, 3600) == 0.0

    def test_believe_what_the_supplier_says_of_them(self, windows: SupplierWindows) -> None:
        windows.take("stock", 10, 3600)
        windows.learn("stock", 3, 1, 1800.0)

        assert [windows.take("stock", 10, 3600) for _ in range(2)] == [0.0, 1800.0]

    def test_only_grow_while_one_lasts(self, windows: SupplierWindows) -> None:
        for _ in range(3):
            windows.take("stock", 4, 3600)
        windows.learn("stock", 4, 3, 3599.4)

        assert [windows.take("stock", 4, 3600) == 0.0 for _ in range(2)] == [True, False]

    def test_that_end_later_are_new_ones(self, windows: SupplierWindows, times: list[datetime]) -> None:
        for _ in range(3):
            windows.take("stock", 4, 3600)
        times.append(NOW + 3590 * SECOND)
        windows.learn("stock", 4, 3, 3600.0)

        assert [windows.take("stock", 4, 3600) == 0.0 for _ in range(4)] == [True, True, True, False]

    def test_learn_nothing_from_answers_that_say_nothing(self, windows: SupplierWindows) -> None:
        for answer in ((0, 0, 60.0), (5, 0, -1.0), (5, 0, float("nan"))):
            windows.learn("stock", *answer)

        assert windows.take("stock", 1, 3600) == 0.0

    def test_let_through_what_is_allowed_however_many_ask(self, windows: SupplierWindows) -> None:
        with ThreadPoolExecutor(8) as pool:
            waits = list(pool.map(lambda _: windows.take("stock", 10, 3600), range(40)))

        assert waits.count(0.0) == 10


def test_money_keeps_its_digits_in_the_database(ledger: Ledger, job: Job) -> None:
    ledger.store_page(job, page(product("1", price=Decimal("0.10")), facets={"price"}), NOW)
    with ledger.database.reading() as connection:
        stored = connection.execute(text("SELECT price FROM imported_products")).scalar_one()

    assert str(stored) == "0.10"
