"""Shipping costs and the account's purse (https://api.bigbuy.eu/rest/doc, Shipping, User)."""

from collections.abc import Iterator
from typing import Any, Final

from sandbox.bigbuy.answers import problem
from sandbox.bigbuy.model import CARRIERS, POSTCODES, Account
from sandbox.bigbuy.orders import SHIPPING
from sandbox.http import Response, answer
from sandbox.rest import Asked, RefusedError, Route


def _body(asked: Asked, name: str) -> dict[str, Any]:
    if "json" not in asked.request.headers.get("content-type", ""):
        raise RefusedError(problem(415, "Unsupported Media Type"))
    found = asked.request.json()
    if not isinstance(found, dict) or not isinstance(found.get(name), dict):
        raise RefusedError(problem(400, "Bad request"))
    return dict(found[name])


def options(_: Account, asked: Asked) -> Response:
    """Who would bring an order, and for how much."""
    order = _body(asked, "order")
    if order.get("delivery", {}).get("isoCountry", "").upper() not in POSTCODES:
        return problem(400, "Bad request")
    found = [
        {
            "shippingService": {
                "id": number,
                "delay": "4-6 days",
                "name": name,
                "transportMethod": "courier",
                "serviceName": name,
            },
            "cost": float(SHIPPING) + int(number),
            "weight": 0.05,
        }
        for number, name in CARRIERS.items()
    ]
    return answer(200, {"shippingOptions": found})


def carriers(account: Account, _: Asked) -> Response:
    """All carriers with their services; none in the vendor's own sandbox."""
    known = {} if account.rules.profile == "sandbox" else CARRIERS
    service = {"delay": "4-6 days", "pod": False}
    return answer(200, [
        {"id": number, "name": name, "shippingServices": [{"id": number, "name": name, **service}]}
        for number, name in known.items()
    ])  # fmt: skip


def _skus(account: Account) -> Iterator[str]:
    varied = account.varied()
    yield from (row["sku"] for row in account.products.rows.values() if row["id"] not in varied)
    yield from (row["sku"] for row in account.variations.rows.values())


def lowest(account: Account, asked: Asked) -> Response:
    """The lowest cost of one reference."""
    wanted = _body(asked, "product_country")
    known = wanted.get("reference") in set(_skus(account))
    cost = {"cost": f"{SHIPPING:.2f}", "carrierId": "2", "carrierName": "gls"} if known else {"cost": None}
    return answer(200, {"reference": wanted.get("reference"), **cost})


def all_lowest(account: Account, asked: Asked) -> Response:
    """The lowest costs of everything."""
    if asked.arguments["cc"].upper() not in POSTCODES:
        return answer(200, [])
    cost = {"cost": f"{SHIPPING:.2f}", "carrierId": "2", "carrierName": "gls"}
    return answer(200, [{"reference": sku, **cost} for sku in _skus(account)])


def purse(account: Account, _: Asked) -> Response:
    """The balance: a JSON string."""
    return answer(200, account.purse.rows["purse"]["amount"])


def auth_status(_: Account, __: Asked) -> Response:
    """The key is right; there is no body."""
    return Response(200)


ROUTES: Final = (
    Route("POST", "/rest/shipping/orders.json", options),
    Route("GET", "/rest/shipping/carriers.json", carriers),
    Route("POST", "/rest/shipping/lowest-shipping-cost-by-country.json", lowest),
    Route("GET", "/rest/shipping/lowest-shipping-costs-by-country/{cc}.json", all_lowest),
    Route("GET", "/rest/user/purse.json", purse),
    Route("GET", "/rest/user/auth/status.json", auth_status),
)
