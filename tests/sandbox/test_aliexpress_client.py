"""A client for AliExpress that others published, unchanged but for its address: python-aliexpress-api."""

import http.client
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.app import Sandbox
from sandbox.server import serving
from tests.sandbox.aliexpresser import FIRST, KEY, SECRET, product, section

base = pytest.importorskip("aliexpress_api.skd.api.base")

from aliexpress_api import AliexpressApi, models  # noqa: E402
from aliexpress_api.errors import ApiRequestException, ProductsNotFoudException  # noqa: E402

Client = Any


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    world = {"aliexpress": {"default": section(*map(product, range(1, 4)))}}
    with Sandbox(world) as found:
        yield found


def redirected(port: int) -> type[http.client.HTTPConnection]:
    class Here(http.client.HTTPConnection):
        def __init__(self, host: str, _: int, timeout: float) -> None:
            assert host == "api-sg.aliexpress.com"
            super().__init__("127.0.0.1", port, timeout=timeout)

    return Here


@pytest.fixture
def client(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    with serving(sandbox) as url:
        port = int(url.rpartition(":")[2])
        # The package has its host built in: api-sg.aliexpress.com, port 80.
        monkeypatch.setattr(base.httplib, "HTTPConnection", redirected(port))
        monkeypatch.setattr(base, "N_REST", "/aliexpress/sync")
        yield AliexpressApi(KEY, SECRET, models.Language.EN, models.Currency.EUR, "tracking")


def test_signs_as_the_stand_in_expects(client: Client) -> None:
    found = client.get_products(keywords="lace 1")
    assert [each.product_id for each in found.products] == [FIRST]
    assert found.products[0].target_sale_price == "9.90"


def test_signs_letters_beyond_ascii(client: Client) -> None:
    with pytest.raises(ProductsNotFoudException):
        client.get_products(keywords="écran 4K & câble")


def test_finds_products_by_id_and_leaves_out_what_is_not_there(client: Client) -> None:
    found = client.get_products_details([str(FIRST), str(FIRST + 2), "1005009999999999"])
    assert [each.product_id for each in found] == [FIRST, FIRST + 2]
    assert len(found[0].product_small_image_urls) == 2


def test_reads_categories(client: Client) -> None:
    assert [each.category_name for each in client.get_parent_categories()] == ["Shoes"]
    assert [each.category_name for each in client.get_child_categories(322)] == ["Shoe accessories"]


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"kind": "throttled", "seconds": 5}, "this ban will last 5 seconds"),
        ({"kind": "http", "code": "ServiceTimeout"}, "timed out"),
    ],
)
def test_raises_its_own_error_for_one_inside_a_200(
    sandbox: Sandbox, client: Client, fault: dict[str, object], text: str
) -> None:
    sandbox.faults([{"system": "aliexpress", **fault}])
    with pytest.raises(ApiRequestException, match=text):
        client.get_categories()


def test_is_refused_with_another_secret(client: Client) -> None:
    del client
    other = AliexpressApi(KEY, "another secret", models.Language.EN, models.Currency.EUR)
    with pytest.raises(ApiRequestException, match="signature"):
        other.get_categories()
