"""A client for BigBuy that others published, unchanged but for its address (pybigbuy 3.25)."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.app import Sandbox
from sandbox.clock import Clock
from sandbox.server import serving
from tests.sandbox.bigbuyer import KEY, order, product, section, stocks
from tests.worlds import NOW

bigbuy = pytest.importorskip("bigbuy")

Client = Any
ACCOUNT = section(
    *(product(number) for number in range(1, 6)),
    product(6, stocks=stocks(0)),
    orders=[{"id": "77", "status": "Delivered", "trackings": [{"trackingNumber": "T77"}]}],
)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox({"bigbuy": {"default": ACCOUNT}}, clock=Clock(NOW, frozen=True)) as found:
        yield found


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with serving(sandbox) as base:
        found = bigbuy.BigBuy(KEY, max_retries=0)
        found.base_url = f"{base}/bigbuy/rest"
        yield found


def test_lists_and_pages(client: Client) -> None:
    pages = [client.get_products(page=page, pageSize=4) for page in range(2)]
    assert [len(page) for page in pages] == [4, 2]
    assert client.get_product(1)["sku"] == "S1"
    assert len(client.get_products_stock_by_handling_days()) == 6
    assert client.get_products_information(isoCode="fr")[0]["isoCode"] == "fr"
    assert len(client.get_taxonomies(firstLevel=1)) == 24


def test_reads_the_purse_as_a_number_and_an_empty_answer_as_none(client: Client) -> None:
    assert client.get_purse_amount() == 10_000.0
    assert client.get_user_auth_status() is None


def test_checks_and_creates_an_order(client: Client) -> None:
    wanted = order(("S1", 2))["order"]
    assert client.check_order(wanted)["totalWithoutTaxesAndWithoutShippingCost"] == pytest.approx(36.44)
    assert client.create_order_id(wanted) == "5000001"
    assert client.get_order_by_customer_reference("R1")["id"] == "5000001"
    assert client.get_order_by_id("5000001")["products"][0]["quantity"] == 2


def test_finds_its_parcels_among_those_of_others(client: Client) -> None:
    found = client.get_tracking_orders(["5", "77"])
    assert found[0] is None
    assert found[1]["trackings"][0]["trackingNumber"] == "T77"


def test_raises_its_own_errors(sandbox: Sandbox, client: Client) -> None:
    with pytest.raises(bigbuy.BBStockError) as empty:
        client.check_order(order(("S6", 1))["order"])
    assert empty.value.skus == ["S6"]
    sandbox.clock.advance(1)
    with pytest.raises(bigbuy.BBProductNotFoundError):
        client.check_order(order(("none", 1))["order"])
    sandbox.clock.advance(1)
    with pytest.raises(bigbuy.BBValidationError) as invalid:
        client.check_order(order(("S1", 0))["order"])
    assert "products" in str(invalid.value.error_fields)


def test_raises_its_error_of_too_many_calls_which_tells_the_time(client: Client) -> None:
    client.get_product(1)
    with pytest.raises(bigbuy.BBRateLimitError) as limited:
        client.get_product(1)
    assert limited.value.rate_limit.reset_time.timestamp() == NOW.timestamp() + 5


@pytest.mark.parametrize("code", ["soft", "raw", "case"])
def test_finds_errors_wherever_they_are(sandbox: Sandbox, client: Client, code: str) -> None:
    status = 500 if code == "case" else 200
    sandbox.faults([{"system": "bigbuy", "kind": "http", "status": status, "code": code}])
    with pytest.raises(bigbuy.BBResponseError):
        client.get_products()
