"""Orders: checked, created, read (https://api.bigbuy.eu/rest/doc, Order)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sandbox.bigbuy.answers import CASE, problem
from sandbox.bigbuy.asking import Line, lines, order_of, refuse
from sandbox.bigbuy.model import CARRIERS, COURSE, SHIPPED, STATUSES, Account
from sandbox.bigbuy.section import FIRST_ORDER
from sandbox.book import Row
from sandbox.http import Response, answer
from sandbox.rest import Asked, RefusedError, Route

TAX: Final = Decimal("1.21")
SHIPPING: Final = Decimal("4.95")
"""What a parcel costs, without tax."""
Json = dict[str, Any]


@dataclass(frozen=True)
class Sums:
    """What an order costs, in euro."""

    goods: Decimal
    parcels: int = 1

    @property
    def shipped(self) -> Decimal:
        """With shipping, without tax."""
        return self.goods + SHIPPING * self.parcels

    @property
    def total(self) -> Decimal:
        """With shipping and tax."""
        return self.shipped * TAX

    def told(self) -> Json:
        """As the API tells it: floats, with their noise."""
        return {
            "totalWithoutTaxesAndWithoutShippingCost": float(self.goods),
            "totalWithoutTaxes": float(self.goods) + float(SHIPPING) * self.parcels,
            "total": (float(self.goods) + float(SHIPPING) * self.parcels) * float(TAX),
        }


def sums(found: list[Line]) -> Sums:
    """What these lines cost."""
    return Sums(sum((Decimal(str(each.row["wholesalePrice"])) * each.quantity for each in found), Decimal(0)))


# ------------------------------------------------------------------ check and create


def check(account: Account, asked: Asked) -> Response:
    """What an order would cost, or why it could not be."""
    order = order_of(account, asked)
    found = lines(account, order)
    total = sums(found)
    refuse(account, order, found, total.total, together=True)
    return answer(200, total.told())


def create(account: Account, asked: Asked) -> Response:
    """Place an order. Its id is in the header `Location`."""
    order = order_of(account, asked)
    found = lines(account, order)
    total = sums(found)
    refuse(account, order, found, total.total, together=True)
    number = _place(account, order, found, total)
    asked.call.key = order["internalReference"]
    body = {"order_id": number}
    if account.switches["bigbuy.created"] == "empty":
        return Response(201, b"", {"Location": f"/rest/order/{number}"})
    return answer(201, body, Location=f"/rest/order/{number}")


def check_each(account: Account, asked: Asked) -> Response:
    """What an order would cost, a parcel for each warehouse."""

    def told(_: Json, found: list[Line], warehouse: int) -> Json:
        references = [each.reference for each in found]
        return {"productReferences": references, **sums(found).told(), "warehouse": warehouse}

    return _each(account, asked, told)


def create_each(account: Account, asked: Asked) -> Response:
    """Place an order for each warehouse; some may be refused while others exist."""

    def placed(order: Json, found: list[Line], warehouse: int) -> Json:
        number = _place(account, order, found, sums(found))
        references = [each.reference for each in found]
        url = f"/rest/order/{number}"
        return {"productReferences": references, "id": number, "warehouse": warehouse, "url": url}

    return _each(account, asked, placed)


def _each(account: Account, asked: Asked, made: Callable[[Json, list[Line], int], Json]) -> Response:
    order = order_of(account, asked)
    found, errors = lines(account, order), []
    done: list[Json] = []
    refuse(account, order, [], Decimal(0), together=False)
    for warehouse in dict.fromkeys(each.warehouse for each in found):
        here = [each for each in found if each.warehouse == warehouse]
        try:
            refuse(account, order, here, sums(here).total, together=False, again=bool(done))
        except RefusedError as refused:
            errors.append(_error(refused, here))
        else:
            done.append(made(order, here, warehouse))
    return answer(201 if "create" in asked.call.operation else 200, {"orders": done, "errors": errors})


def _error(refused: RefusedError, here: list[Line]) -> Json:
    body = json.loads(refused.response.body)
    return {"status": refused.response.status, **body, "productReferences": [each.reference for each in here]}


def _place(account: Account, order: Json, found: list[Line], total: Sums) -> str:
    """Store an order, take its goods off the shelf, and its price out of the purse."""
    number = str(
        max([FIRST_ORDER - 1, *(int(each) for each in account.orders.rows if str(each).isdecimal())]) + 1
    )
    now = account.book.clock.now()
    account.orders.put(number, _row(order, found, total, number, now))
    for line in found:
        _take(account, line)
    if order["paymentMethod"] == "moneybox":
        left = Decimal(account.purse.rows["purse"]["amount"]) - total.total
        account.purse.alter("purse", amount=f"{left:.2f}")
    return number


def _row(order: Json, found: list[Line], total: Sums, number: str, now: datetime) -> Row:
    wanted = {each["name"] for each in order["carriers"]}
    carrier = next((key for key, name in CARRIERS.items() if name in wanted), "2")
    return {
        "id": number,
        "status": None,
        "trackings": None,
        "internalReference": order["internalReference"],
        "placed_at": now.timestamp(),
        "dateAdd": f"{now:%Y-%m-%d %H:%M:%S}",
        "total": f"{total.total:.2f}",
        "shipping": f"{SHIPPING:.2f}",
        "carriers": [{"id": carrier, "name": CARRIERS[carrier], "price": float(SHIPPING)}],
        "shippingAddress": order["shippingAddress"],
        "products": [_line(each, number, place) for place, each in enumerate(found)],
    }


def _line(line: Line, order: str, place: int) -> Json:
    price = Decimal(str(line.row["wholesalePrice"]))
    return {
        "id": f"{order}{place:02}",
        "reference": line.reference,
        "quantity": line.quantity,
        "name": line.reference,
        "priceTaxIncl": float(price * TAX),
        "priceTaxExcl": float(price),
    }


def _take(account: Account, line: Line) -> None:
    """Units leave the shelf, those that are there sooner first."""
    left, rows = line.quantity, []
    for stock in line.row["stocks"]:
        taken = min(left, stock["quantity"])
        left -= taken
        rows.append({**stock, "quantity": stock["quantity"] - taken})
    table = account.variations if "product" in line.row else account.products
    table.alter(line.row["id"], stocks=rows)


# ------------------------------------------------------------------ reading


def status_of(account: Account, order: Row) -> str:
    """An order's status now: the one it was given, or how far it got by itself."""
    if order["status"] is not None:
        return str(order["status"])
    age = account.book.clock.seconds() - order["placed_at"]
    return next(name for since, name in reversed(COURSE) if age >= since or since == 0)


def trackings_of(account: Account, order: Row) -> list[Json]:
    """What is known of an order's parcels: nothing before it is shipped."""
    if order["trackings"] is not None:
        return list(order["trackings"])
    if order["placed_at"] is None or status_of(account, order) not in (SHIPPED, "Delivered"):
        return []
    shipped = datetime.fromtimestamp(order["placed_at"] + COURSE[2][0], UTC)
    carrier = order["carriers"][0]["id"] if order["carriers"] else "2"
    told = {"trackingNumber": f"TRK{order['id']}", "statusDescription": status_of(account, order)}
    when = f"{shipped:%Y-%m-%d %H:%M:%S}"
    return [{**told, "statusDate": when, "carrier": {"id": carrier}, "descriptionTranslated": None}]


def read(account: Account, asked: Asked) -> Response:
    """One order."""
    order = account.orders.rows.get(asked.arguments["id"])
    if order is None:
        return problem(404, "Order not found")
    total, shipping = Decimal(order["total"]), Decimal(order["shipping"])
    return answer(200, {
        **{name: order[name] for name in ("id", "internalReference", "dateAdd")},
        "totalPaidTaxIncl": float(total),
        "totalPaidTaxExcl": float(total / TAX),
        "totalShippingTaxIncl": float(shipping * TAX),
        "totalShippingTaxExcl": float(shipping),
        "status": status_of(account, order),
        **{name: order[name] for name in ("carriers", "shippingAddress", "products")},
    })  # fmt: skip


def by_reference(account: Account, asked: Asked) -> Response:
    """The short form of one order of an internal reference."""
    reference = asked.arguments["reference"]
    for order in account.orders.rows.values():
        if order["internalReference"] == reference:
            return answer(200, {"id": order["id"], "totalPaidTaxIncl": order["total"]})
    if account.rules.profile == "sandbox":
        return problem(500, CASE)
    return problem(404, f"No order found with refOrder: {reference}")


def statuses(_: Account, __: Asked) -> Response:
    """All statuses by name."""
    return answer(200, [{"id": number, "name": name} for number, name in STATUSES])


def delivery_notes(account: Account, asked: Asked) -> Response:
    """What was packed."""
    order = account.orders.rows.get(asked.arguments["id"])
    if order is None:
        return problem(404, "Order not found")
    packed = [{name: each[name] for name in ("reference", "quantity")} for each in order["products"]]
    carrier = order["carriers"][0]["name"] if order["carriers"] else None
    note = {"reference": f"DN{order['id']}", "order": order["id"], "status": status_of(account, order)}
    return answer(200, [{**note, "carrier": carrier, "numberOfPackages": 1, "products": packed}])


def upload_invoice(_: Account, asked: Asked) -> Response:
    """A document that some orders wait for."""
    found = asked.request.json()
    return (
        answer(200, [True]) if isinstance(found, dict) and "invoice" in found else problem(400, "Bad request")
    )


# ------------------------------------------------------------------ tracking


def tracking(account: Account, asked: Asked) -> Response:
    """An order's parcels; 404 while there are none."""
    order = account.orders.rows.get(asked.arguments["id"])
    found = trackings_of(account, order) if order else []
    return answer(200, [_tracked(order, found)]) if order and found else problem(404, "Tracking not found")


def trackings(account: Account, asked: Asked) -> Response:
    """Parcels of many orders, those without any left out, and with one that was not asked for."""
    body: Any = asked.request.json()
    try:
        wanted = [str(each["id"]) for each in body["track"]["orders"]]
    except (KeyError, TypeError):
        raise RefusedError(problem(400, "Bad request")) from None
    known = {number: row for number, row in account.orders.rows.items() if trackings_of(account, row)}
    others = [number for number in known if number not in wanted][:1]
    return answer(200, [
        _tracked(known[number], trackings_of(account, known[number]))
        for number in [*others, *reversed(wanted)] if number in known
    ])  # fmt: skip


def _tracked(order: Row, found: list[Json]) -> Json:
    number = order["id"]
    shown = int(number) if str(number).isdecimal() else number
    return {"id": shown, "reference": order["internalReference"], "trackings": found}


def carriers(account: Account, __: Asked) -> Response:
    """Who brings parcels; nobody in the vendor's own sandbox."""
    found: Mapping[str, str] = {} if account.rules.profile == "sandbox" else CARRIERS
    return answer(200, [{"id": number, "name": name} for number, name in found.items()])


ROUTES: Final = (
    Route("POST", "/rest/order/check.json", check),
    Route("POST", "/rest/order/check/multishipping.json", check_each),
    Route("POST", "/rest/order/create.json", create, writes=True),
    Route("POST", "/rest/order/create/multishipping.json", create_each, writes=True),
    Route("GET", "/rest/order/orderstatuses.json", statuses),
    Route("GET", "/rest/order/reference/{reference}.json", by_reference),
    Route("GET", "/rest/order/delivery-notes/{id}.json", delivery_notes),
    Route("POST", "/rest/order/upload_invoice.json", upload_invoice),
    Route("GET", "/rest/order/{id}.json", read),
    Route("GET", "/rest/tracking/order/{id}.json", tracking),
    Route("POST", "/rest/tracking/orders.json", trackings),
    Route("GET", "/rest/tracking/carriers.json", carriers),
)
