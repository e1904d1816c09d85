"""The calls that concern orders: https://www.bricklink.com/v3/api.page?page=get-orders and others."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sandbox.book import Row
from sandbox.bricklink.bodies import body_of, flag_in, number_in, shown
from sandbox.bricklink.envelope import BAD_PARAMETER, RefusalError, done, invalid, not_found, unreadable
from sandbox.bricklink.inventory import included
from sandbox.bricklink.lots import WRITABLE as OF_LOTS
from sandbox.bricklink.lots import Read, fields
from sandbox.bricklink.model import FINAL, OPEN, PAYMENTS, Account
from sandbox.bricklink.sales import changed, summary
from sandbox.http import Response
from sandbox.reading import Json
from sandbox.rest import Asked

AGE_OF_ITEMS: Final = timedelta(days=183)
"""Items of older orders are told no more: "six months"."""
NOT_UPDATABLE: Final = "NOT_IN_UPDATABLE_STATUS"
AMOUNT, TEXT, FLAG = OF_LOTS["unit_price"], OF_LOTS["remarks"], OF_LOTS["is_retain"]


def _number(value: Json, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise unreadable(name)
    return value


PARTS: Final[Mapping[str, Mapping[str, Read]]] = {
    "shipping": {
        "date_shipped": TEXT,
        "tracking_no": TEXT,
        "tracking_link": TEXT,
        "method_id": _number,
    },
    "cost": dict.fromkeys(("shipping", "insurance", "credit", "etc1", "etc2"), AMOUNT),
}
PLAIN: Final[Mapping[str, Read]] = {"is_filed": FLAG, "remarks": TEXT}


def get_orders(account: Account, asked: Asked) -> Response:
    """GET /orders: filed ones only when they are asked for, and then no others."""
    query = asked.request.query
    direction = query.get("direction", "in").lower()
    if direction not in ("in", "out"):
        raise invalid("Invalid parameter value: [direction]")
    filed, wanted = flag_in(asked, "filed"), included(query.get("status"), (*OPEN, *FINAL))
    found = [
        summary(order)
        for order in account.orders.rows.values()
        if (order["direction"], order["is_filed"]) == (direction, filed)
        and (wanted is None or wanted(order["status"]))
    ]
    return done(found)


def get_order(account: Account, asked: Asked) -> Response:
    """GET /orders/{id}."""
    return done(_told(account, _order(account, asked)))


def _told(account: Account, order: Row) -> Row:
    left_out = ("items", "direction")
    return shown(account, {name: value for name, value in order.items() if name not in left_out})


def _order(account: Account, asked: Asked) -> Row:
    number = number_in(asked, "id")
    found = account.orders.rows.get(number)
    if found is None:
        raise not_found(f"order {number}")
    return found


def get_items(account: Account, asked: Asked) -> Response:
    """GET /orders/{id}/items: a list for each batch; nothing of orders of long ago."""
    order = _order(account, asked)
    old = account.now() - datetime.fromisoformat(order["date_ordered"]) > AGE_OF_ITEMS
    batches = [] if old or order["status"] == "PURGED" else order["items"]
    return done([[shown(account, line) for line in batch] for batch in batches])


def nothing_of(account: Account, asked: Asked) -> Response:
    """GET /orders/{id}/messages and …/feedback: there are none."""
    _order(account, asked)
    return done([])


def put_order(account: Account, asked: Asked) -> Response:
    """PUT /orders/{id}: how it is shipped, what it costs, remarks, filing."""
    order, body = _order(account, asked), body_of(asked)
    if not isinstance(body, dict):
        raise unreadable("body")
    plain = {name: value for name, value in body.items() if name not in PARTS}
    said = fields(plain, PLAIN)
    for name, known in PARTS.items():
        part = fields(body.get(name) or {}, known, f"{name}.")
        if part and name == "cost" and order["payment"].get("status", "None") != "None":
            raise RefusalError(422, NOT_UPDATABLE)
        said[name] = {**order[name], **part}
    return done(_told(account, changed(account, order, **said)))


def put_status(account: Account, asked: Asked) -> Response:
    """PUT /orders/{id}/status."""
    order, value = _order(account, asked), _value(asked, "status")
    if value not in OPEN and value not in FINAL:
        raise invalid("Invalid value: [value]")
    if order["status"] in FINAL:
        raise RefusalError(422, NOT_UPDATABLE)
    changed(account, order, status=value)
    return done({})


def put_payment(account: Account, asked: Asked) -> Response:
    """PUT /orders/{id}/payment_status."""
    order, value = _order(account, asked), _value(asked, "payment_status")
    found = next((each for each in PAYMENTS if each.upper() == value), None)
    if found is None:
        raise invalid("Invalid value: [value]")
    changed(account, order, payment={**order["payment"], "status": found})
    return done({})


def _value(asked: Asked, name: str) -> str:
    """The value of a body such as {"field": "status", "value": "PACKED"}, in capitals."""
    body: Any = body_of(asked)
    if not isinstance(body, dict) or body.get("field") != name or not isinstance(body.get("value"), str):
        raise RefusalError(400, "Parameter [field] is missing or invalid", BAD_PARAMETER)
    return str(body["value"]).upper()


def drive_thru(account: Account, asked: Asked) -> Response:
    """POST /orders/{id}/drive_thru: the buyer is thanked."""
    order = _order(account, asked)
    flag_in(asked, "mail_me")
    account.orders.alter(order["order_id"], drive_thru_sent=True)
    return done({}, 204)
