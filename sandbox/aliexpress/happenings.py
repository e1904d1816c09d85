"""What may happen to an AliExpress account from outside.

`edit` (`product`; `sku`, else all of its skus; `stock`, `price`, `status`, or any field of product or sku),
`delist` (`product`, or with `sku` that one only), `order_status` (`order_id`, `order_status` or `status`,
`logistics`), `pay` (`order_id`), `expire` (the access token), `revoke` (access and refresh token),
`authorise` (`code`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sandbox.aliexpress.shapes import parcels
from sandbox.book import Row
from sandbox.reading import WorldError, one_of
from sandbox.rest import CannotError

if TYPE_CHECKING:
    from sandbox.aliexpress.model import Account

Given = Mapping[str, Any]

KINDS: Final = {
    "edit": "product",
    "delist": "product",
    "order_status": "order_id",
    "pay": "order_id",
    "expire": "",
    "revoke": "",
    "authorise": "code",
}
OF_PRODUCT: Final = ("status", "subject", "detail", "images", "not_shipped_to", "vat_in", "ws_display")


def check(kind: str, given: Given) -> None:
    """WorldError for an event that cannot be read."""
    one_of(*KINDS)(kind, ("event", "kind"))
    needed = KINDS[kind]
    if needed and needed not in given:
        raise WorldError(("event",), f"'{needed}' is missing")


def happen(account: "Account", kind: str, given: Given) -> dict[str, object]:
    """Make an event happen; CannotError if what it names is not there."""
    happening = {
        "edit": edit,
        "delist": delist,
        "order_status": order_status,
        "pay": pay,
        "expire": end_tokens,
        "revoke": end_tokens,
        "authorise": authorise,
    }[kind]
    return happening(account, {**given, "kind": kind})


def edit(account: "Account", given: Given) -> dict[str, object]:
    """A seller changes a product, or some of its skus."""
    product = _product(account, given)
    fields = {name: given[name] for name in OF_PRODUCT if name in given}
    new = {
        name: value for name, value in given.items() if name not in (*OF_PRODUCT, "product", "sku", "kind")
    }
    if "price" in new:
        new["price"] = f"{float(new['price']):.2f}"
    wanted = given.get("sku")
    if wanted is not None:
        _sku(product, wanted)
    skus = [
        {**each, **new} if wanted is None or each["sku_id"] == str(wanted) else each
        for each in product["skus"]
    ]
    account.products.alter(product["product_id"], **fields, skus=skus)
    return {"product_id": product["product_id"]}


def delist(account: "Account", given: Given) -> dict[str, object]:
    """A product, or a sku, is taken away."""
    product = _product(account, given)
    if "sku" not in given:
        account.products.drop(product["product_id"])
    else:
        gone = _sku(product, given["sku"])
        left = [each for each in product["skus"] if each is not gone]
        account.products.alter(product["product_id"], skus=left)
    return {"product_id": product["product_id"]}


def order_status(account: "Account", given: Given) -> dict[str, object]:
    """An order gets on, or a parcel is sent."""
    number = _order(account, given)
    fields: Row = {}
    if (status := given.get("order_status", given.get("status"))) is not None:
        fields["order_status"] = status
    if "logistics" in given:
        fields |= parcels(given["logistics"], ("event", "logistics"))
    account.orders.alter(number, **fields)
    return {"order_id": number}


def pay(account: "Account", given: Given) -> dict[str, object]:
    """An order is paid for now."""
    number = _order(account, given)
    account.orders.alter(number, paid_at=account.book.clock.seconds())
    return {"order_id": number}


def end_tokens(account: "Account", given: Given) -> dict[str, object]:
    """Access tokens end now; when revoked, refresh tokens too."""
    now = account.book.clock.seconds()
    both = {"refresh_ends_at": now} if given["kind"] == "revoke" else {}
    for token in list(account.tokens.rows):
        account.tokens.alter(token, ends_at=now, **both)
    return {"tokens": len(account.tokens.rows)}


def authorise(account: "Account", given: Given) -> dict[str, object]:
    """The user consents: a code is there for three minutes."""
    code = str(given["code"])
    account.codes.put(code, {"code": code, "made_at": account.book.clock.seconds(), "redirect_uri": None})
    return {"code": code}


def _product(account: "Account", given: Given) -> Row:
    found = account.product(str(given["product"]))
    if found is None:
        raise CannotError(f"there is no product {given['product']}")
    return found


def _sku(product: Row, wanted: object) -> Row:
    skus: list[Row] = product["skus"]
    found = next((each for each in skus if each["sku_id"] == str(wanted)), None)
    if found is None:
        raise CannotError(f"product {product['product_id']} has no sku {wanted}")
    return found


def _order(account: "Account", given: Given) -> str:
    number = str(given["order_id"])
    if number not in account.orders.rows:
        raise CannotError(f"there is no order {number}")
    return number
