"""What is asked for with an order, and every reason to refuse it (https://api.bigbuy.eu/rest/doc, Order)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sandbox.bigbuy.answers import business, invalid, problem, split
from sandbox.bigbuy.model import CARRIERS, POSTCODES, Account
from sandbox.book import Row
from sandbox.rest import Asked, RefusedError

Json = dict[str, Any]
BLANK: Final = {"errors": ["This value should not be blank."]}
WRONG: Final = {"errors": ["This value is not valid."]}
ADDRESS: Final = {
    "firstName": 32, "lastName": 32, "country": 2, "postcode": 12, "town": 64, "address": 70, "phone": 32,
    "email": 128,
}  # fmt: skip
"""What an address must have, and how long it may be."""
PAYMENTS: Final = ("moneybox", "paypal", "bankwire")


@dataclass(frozen=True)
class Line:
    """A line of an order: a product without variations, or a variation."""

    reference: str
    quantity: int
    row: Row

    @property
    def units(self) -> int:
        """Units on the shelf."""
        return sum(stock["quantity"] for stock in self.row.get("stocks") or ())

    @property
    def warehouse(self) -> int:
        """Where they lie."""
        return int(next((stock["warehouse"] for stock in self.row.get("stocks") or ()), 1))


def order_of(account: Account, asked: Asked) -> Json:
    """The order in a body, if it has the right form."""
    if "json" not in asked.request.headers.get("content-type", ""):
        raise RefusedError(problem(415, "Unsupported Media Type"))
    try:
        body = asked.request.json()
    except ValueError:
        raise RefusedError(problem(400, "Bad request")) from None
    order = body.get("order") if isinstance(body, dict) else None
    if not isinstance(order, dict):
        raise invalid({"order": BLANK})
    complete = {"carriers": [], **order}
    if wrong := _wrong(complete):
        raise invalid(wrong)
    if not account.rules.order_access:
        raise business("ER014")
    return complete


def _wrong(order: Json) -> Json:
    """What is wrong, by field; fields without mistakes are there with an empty list."""
    found: Json = {
        name: _text(order.get(name), 255) for name in ("internalReference", "language", "paymentMethod")
    }
    address = order.get("shippingAddress")
    known = address if isinstance(address, dict) else {}
    found["shippingAddress"] = {
        "children": {name: _text(known.get(name), most) for name, most in ADDRESS.items()}
    }
    products = order.get("products")
    found["products"] = {"children": [_product(each) for each in products]} if products else BLANK
    return found if _has_errors(found) else {}


def _text(value: object, most: int) -> Json | list[str]:
    if not isinstance(value, str) or not value.strip():
        return BLANK
    too_long = f"This value is too long. It should have {most} characters or less."
    return {"errors": [too_long]} if len(value) > most else []


def _product(each: object) -> Json:
    given = each if isinstance(each, dict) else {}
    units = given.get("quantity")
    right = isinstance(units, int) and not isinstance(units, bool) and units > 0
    return {"children": {"reference": _text(given.get("reference"), 64), "quantity": [] if right else WRONG}}


def _has_errors(found: object) -> bool:
    if isinstance(found, dict):
        return "errors" in found or any(map(_has_errors, found.values()))
    return isinstance(found, list) and any(map(_has_errors, found))


def lines(account: Account, order: Json) -> list[Line]:
    """The lines of an order. Refused if a reference is nobody's, or one of a product with variations."""
    wanted = {each["reference"]: each["quantity"] for each in order["products"]}
    varied = account.varied()
    parents = [row for row in account.products.rows.values() if row["sku"] in wanted]
    sold = [row for row in parents if row["id"] not in varied]
    sold += [row for row in account.variations.rows.values() if row["sku"] in wanted]
    known = {row["sku"] for row in (*parents, *sold)}
    if missing := [each for each in wanted if each not in known]:
        raise business("ER001", {"skus": missing})
    if parts := [row["sku"] for row in parents if row["id"] in varied]:
        raise business("ER002", {"skus": parts})
    by_sku = {row["sku"]: row for row in sold}
    return [Line(reference, quantity, by_sku[reference]) for reference, quantity in wanted.items()]


def refuse(
    account: Account, order: Json, found: list[Line], total: Decimal, *, together: bool, again: bool = False
) -> None:
    """Raise the first reason to refuse these lines. `together`: in one parcel; `again`: as a further part."""
    _repeated(account, order, again=again)
    _set_by_hand(account, found)
    _destination(order["shippingAddress"])
    _carrier(order)
    if empty := [each.reference for each in found if each.units < each.quantity]:
        raise business("ER003", {"skus": empty})
    places = {number: [each.reference for each in found if each.warehouse == number]
              for number in {each.warehouse for each in found}}  # fmt: skip
    if together and len(places) > 1:
        raise split(places)
    if found:
        _payment(account, order["paymentMethod"], total)


def _repeated(account: Account, order: Json, *, again: bool) -> None:
    for number, known in account.orders.rows.items():
        if known["internalReference"] == order["internalReference"] and not again:
            raise business("ER008", {"orderId": number})


def _set_by_hand(account: Account, found: list[Line]) -> None:
    """What the world says that a reference ends in."""
    for each in found:
        if code := account.rules.order_errors.get(each.reference):
            raise business(code, {"skus": [each.reference]})


def _destination(address: Mapping[str, str]) -> None:
    form = POSTCODES.get(address["country"].upper())
    if form is None:
        raise business("ER013")
    pattern = re.escape(form).replace("N", r"\d")
    if not re.fullmatch(pattern, address["postcode"]):
        raise business("ER004", {"zipExample": form})


def _carrier(order: Json) -> None:
    wanted = [each.get("name") for each in order["carriers"] if isinstance(each, dict)]
    if wanted and not set(wanted) & set(CARRIERS.values()):
        raise business("ER010")


def _payment(account: Account, method: str, total: Decimal) -> None:
    purse = Decimal(account.purse.rows["purse"]["amount"])
    if method not in PAYMENTS:
        raise business("ER011")
    if total < account.rules.minimum_order:
        told = {"minimunPurchase": float(account.rules.minimum_order), "totalOrder": float(total)}
        raise business("ER007", told)
    if method == "bankwire" and total < account.rules.minimum_bankwire:
        raise business("ER012", {"minBankwire": float(account.rules.minimum_bankwire)})
    if method == "moneybox" and total > purse:
        raise business("ER005", {"moneyBoxAmount": float(purse), "totalOrder": float(total)})
