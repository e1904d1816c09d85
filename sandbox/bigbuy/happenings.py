"""What may happen to a BigBuy account from outside.

`edit` (`product` or `variation`, an id; `stock`: units, or the rows of `stocks`, or null for no entry;
`price`: wholesale; or any field of the row), `delist` (`product` or `variation`),
`order_status` (`order_id`, `status`, `trackings`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sandbox.book import Row
from sandbox.reading import WorldError, one_of

if TYPE_CHECKING:
    from sandbox.bigbuy.model import Account

KINDS: Final = {
    "edit": ("product", "variation"),
    "delist": ("product", "variation"),
    "order_status": ("order_id",),
}


def check(kind: str, given: Mapping[str, Any]) -> None:
    """WorldError for an event that cannot be read."""
    one_of(*KINDS)(kind, ("event", "kind"))
    if not any(name in given for name in KINDS[kind]):
        raise WorldError(("event",), f"'{KINDS[kind][0]}' is missing")


def happen(account: "Account", kind: str, given: Mapping[str, Any]) -> dict[str, object]:
    """Make an event happen; {"refused": why} if what it names is not there."""
    if kind == "order_status":
        return _order_status(account, given)
    table = account.products if "product" in given else account.variations
    number = given.get("product", given.get("variation"))
    if number not in table.rows:
        return {"refused": f"there is no {table.what} {number}"}
    if kind == "delist":
        table.drop(number)
    else:
        table.alter(number, **_fields(given))
    return {"id": number}


def _fields(given: Mapping[str, Any]) -> Row:
    rest = {
        name: value for name, value in given.items() if name not in ("product", "variation", "stock", "price")
    }
    if "stock" in given:
        rest["stocks"] = _stocks(given["stock"])
    if "price" in given:
        rest["wholesalePrice"] = float(given["price"])
    return rest


def _stocks(stock: int | list[Row] | None) -> list[Row] | None:
    if not isinstance(stock, int):
        return stock
    return [{"quantity": stock, "minHandlingDays": 0, "maxHandlingDays": 1, "warehouse": 1}]


def _order_status(account: "Account", given: Mapping[str, Any]) -> dict[str, object]:
    number = str(given["order_id"])
    if number not in account.orders.rows:
        return {"refused": f"there is no order {number}"}
    names = [name for name in ("status", "trackings") if name in given]
    account.orders.alter(number, **{name: given[name] for name in names})
    return {"id": number}
