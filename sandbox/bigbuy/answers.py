"""BigBuy's answers when something is wrong, in its own words (https://api.bigbuy.eu/rest/doc)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sandbox.http import Response, answer
from sandbox.rest import RefusedError

RATE_LIMITED: Final = Response(429, b"You exceeded the rate limit", kind="text/plain; charset=UTF-8")
CASE: Final = (
    "An error has occurred. Please, contact us and tell this case id: 0123456789abcdef0123456789abcdef"
)
NOT_NOW: Final = "Information is not available right now. Try it again later"
RAW: Final = (
    f'HTTP/1.0 500 Internal Server Error\r\nContent-Type: application/json\r\n\r\n{{"error":"{NOT_NOW}"}}'
)
"""A whole answer that came as the body of another one."""
INFOS: Final = {
    "ER001": "Products not found.",
    "ER002": "Incorrect reference. The product has variations.",
    "ER003": "Products have no stock.",
    "ER004": "Invalid postcode format.",
    "ER005": "The moneybox is too low.",
    "ER007": "The order is below the minimum.",
    "ER008": "The internal reference exists already.",
    "ER009": "The order cannot be processed now. Try it again later.",
    "ER010": "There is no carrier for this order.",
    "ER011": "The payment method is invalid.",
    "ER012": "The order is below the minimum for bankwire.",
    "ER013": "We do not deliver to this destination.",
    "ER014": "Your pack does not include orders by API.",
}


def problem(status: int, message: str) -> Response:
    """An error as most are."""
    return answer(status, {"code": status, "message": message})


def bad_request() -> RefusedError:
    """A list that is not available, or a query that cannot be."""
    return RefusedError(problem(400, "Bad request"))


def business(code: str, data: Mapping[str, Any] | None = None) -> RefusedError:
    """An order's refusal: its message is a JSON document inside a string."""
    message = json.dumps({"info": INFOS[code], "data": data or {}})
    return RefusedError(answer(409, {"code": code, "message": message}))


def invalid(children: Mapping[str, Any]) -> RefusedError:
    """What is wrong with which field, nested by `children`."""
    body = {"code": 400, "message": "Validation Failed", "errors": {"children": children}}
    return RefusedError(answer(400, body))


def split(warehouses: Mapping[int, list[str]]) -> RefusedError:
    """References of one order that lie in several warehouses."""
    listed = [{"id": number, "references": found} for number, found in warehouses.items()]
    message = "The products of the order are in different warehouses."
    body = {"code": 409, "message": message, "error_detail": {"warehouses": listed}}
    return RefusedError(answer(409, body))


def troubled(status: int, code: str | None) -> Response:
    """The answer of a fault: `code` picks a body that the status alone does not say."""
    if code in INFOS:
        return business(code).response
    by_code = {
        "raw": Response(200, RAW.encode()),
        "nothing": Response(status),
        "soft": answer(200, {"code": 409, "message": "Something went wrong 6f1d2c"}),
        "cache": problem(409, "No products found in cache"),
    }
    by_status = {401: answer(401, {"message": "Invalid Token"}), 429: RATE_LIMITED}
    usual = problem(status, CASE if status >= 500 else code or "Bad request")
    return by_code.get(code or "") or by_status.get(status, usual)
