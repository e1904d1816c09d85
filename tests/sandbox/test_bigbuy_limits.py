"""The windows and the troubles of BigBuy's stand-in."""

import pytest

from sandbox.faults import CutError
from tests.sandbox.bigbuyer import Buyer, buyer, order, product, section
from tests.worlds import NOW


def spend(shop: Buyer, path: str, calls: int) -> list[int]:
    return [shop.get(path).status_code for _ in range(calls)]


@pytest.mark.parametrize(
    ("path", "limit", "seconds"),
    [
        ("catalog/products", 10, 3600),
        ("catalog/productsstockbyhandlingdays", 10, 3600),
        ("catalog/productsvariationsstockbyhandlingdays", 10, 3600),
        ("catalog/productsinformation", 24, 3600),
        ("catalog/taxonomies", 24, 3600),
        ("catalog/manufacturers", 5, 3600),
        ("catalog/new-products", 2, 3600),
        ("catalog/product/1", 1, 5),
        ("order/orderstatuses", 1, 1),
        ("shipping/lowest-shipping-costs-by-country/FR", 36, 6 * 3600),
    ],
)
def test_a_window_takes_so_many_calls_and_opens_again(path: str, limit: int, seconds: int) -> None:
    shop = buyer(section(product(1)))
    assert spend(shop, path, limit) == [200] * limit
    refused = shop.get(path)
    assert (refused.status_code, refused.text) == (429, "You exceeded the rate limit")
    assert refused.headers["content-type"].startswith("text/plain")
    assert int(refused.headers["x-ratelimit-reset"]) == NOW.timestamp() + seconds
    assert (refused.headers["x-ratelimit-limit"], refused.headers["x-ratelimit-remaining"]) == (
        str(limit),
        "0",
    )
    shop.sandbox.clock.advance(seconds)
    assert shop.get(path).status_code == 200


def test_a_window_belongs_to_an_endpoint_and_a_key() -> None:
    shop = buyer(section(product(1)))
    spend(shop, "catalog/products", 11)
    assert shop.get("catalog/productprices").headers["x-ratelimit-remaining"] == "9"
    shop.sandbox.put_world({"bigbuy": {"a": section(), "b": section() | {"key": "other"}}})
    spend(shop, "catalog/products", 11)
    other = shop.client.get("catalog/products.json", headers={"authorization": "Bearer other"})
    assert other.status_code == 200


def test_limits_can_be_scaled() -> None:
    shop = buyer(section(product(1), limits_scale=2))
    assert spend(shop, "catalog/products", 21) == [200] * 20 + [429]


@pytest.mark.parametrize(("switch", "left"), [("free", "10"), ("counted", "9")])
def test_a_rejected_list_may_or_may_not_count(switch: str, left: str) -> None:
    shop = buyer(section(need_taxonomy=True), {"bigbuy.rejected": switch})
    assert shop.get("catalog/products").headers["x-ratelimit-remaining"] == left


@pytest.mark.parametrize(
    ("fault", "status", "beginning"),
    [
        (
            {"kind": "http", "status": 500, "code": "case"},
            500,
            '{"code":500,"message":"An error has occurred.',
        ),
        ({"kind": "http", "status": 503}, 503, "<!DOCTYPE html>"),
        ({"kind": "http", "status": 200, "code": "soft"}, 200, '{"code":409,"message":"Something went wrong'),
        ({"kind": "http", "status": 200, "code": "raw"}, 200, "HTTP/1.0 500 Internal Server Error\r\n"),
        ({"kind": "http", "status": 200, "code": "nothing"}, 200, ""),
        ({"kind": "http", "status": 409, "code": "cache"}, 409, '{"code":409,"message":"No products found'),
        ({"kind": "throttled"}, 429, "You exceeded the rate limit"),
        ({"kind": "empty"}, 200, "[]"),
        ({"kind": "malformed"}, 200, '[{"id":'),
    ],
)
def test_a_fault_has_the_vendors_own_words(fault: dict[str, object], status: int, beginning: str) -> None:
    shop = buyer(section(product(1)))
    shop.sandbox.faults([{"system": "bigbuy", "operation": "GET /rest/catalog/products.json", **fault}])
    answer = shop.get("catalog/products")
    assert answer.status_code == status
    assert answer.text.startswith(beginning)
    assert "x-ratelimit-limit" in answer.headers


def test_a_partial_list_is_its_first_half() -> None:
    shop = buyer(section(*map(product, range(1, 5))))
    shop.sandbox.faults([{"system": "bigbuy", "kind": "partial"}])
    assert len(shop.ids("products")) == 2


def test_an_order_whose_answer_is_lost_is_found_by_its_reference() -> None:
    shop = buyer(section(product(1)))
    shop.sandbox.faults(
        [{"system": "bigbuy", "operation": "POST /rest/order/create.json", "kind": "lost_answer"}]
    )
    with pytest.raises(CutError):
        shop.post("order/create", order(("S1", 1), reference="lost"))
    assert shop.get("order/reference/lost").json()["id"] == "5000001"
