"""Orders as rows: what an order and its lines hold, and what follows from them.

https://www.bricklink.com/v3/api.page?page=resource-representations-order
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from sandbox.book import Row
from sandbox.bricklink.model import Account, color_name, money, timestamp

LISTED: Final = (
    "order_id",
    "date_ordered",
    "date_status_changed",
    "seller_name",
    "store_name",
    "buyer_name",
    "total_count",
    "unique_count",
    "status",
    "payment",
    "cost",
)
"""What a list of orders shows of each."""
COSTS: Final = ("etc1", "etc2", "insurance", "shipping", "credit", "coupon")
ADDRESS: Final = {"name": {"full": "A. Buyer"}, "full": "1 Main Street", "country_code": "US"}


def line_of(account: Account, lot: Row | None, said: Mapping[str, Any]) -> Row:
    """A line of an order; what is not said is what the lot says, if it is still there."""
    lot = lot or {}
    currency = account.terms.currency
    color = said.get("color_id", lot.get("color_id", 0))
    price = said.get("unit_price", lot.get("unit_price", "0.1000"))
    final = said.get("unit_price_final") or _reduced(price, lot)
    unknown = {"no": "3001", "name": "Part 3001", "type": "PART", "category_id": 5}
    boxed = said.get("completeness", lot.get("completeness"))
    return {
        "inventory_id": said["inventory_id"],
        "item": said.get("item") or lot.get("item") or unknown,
        "color_id": color,
        "color_name": said.get("color_name") or color_name(color),
        "quantity": said["quantity"],
        "new_or_used": said.get("new_or_used") or lot.get("new_or_used", "N"),
        **({"completeness": boxed} if boxed else {}),
        "unit_price": price,
        "unit_price_final": final,
        "disp_unit_price": said.get("disp_unit_price", price),
        "disp_unit_price_final": said.get("disp_unit_price_final", final),
        "currency_code": said.get("currency_code", currency),
        "disp_currency_code": said.get("disp_currency_code", currency),
        "remarks": said.get("remarks", lot.get("remarks", "")),
        "description": said.get("description", lot.get("description", "")),
        "weight": said.get("weight", "0.0000"),
    }


def _reduced(price: str, lot: Mapping[str, Any]) -> str:
    return money(Decimal(price) * (100 - lot.get("sale_rate", 0)) / 100)


def order_of(account: Account, said: Mapping[str, Any]) -> Row:
    """An order in full."""
    store = account.terms.store_name
    plain = {
        "direction": "in",
        "seller_name": store.lower().replace(" ", "_"),
        "store_name": store,
        "buyer_name": "a_buyer",
        "buyer_email": "buyer@example.com",
        "buyer_order_count": 0,
        "require_insurance": False,
        "is_invoiced": False,
        "is_filed": False,
        "drive_thru_sent": False,
        "salesTax_collected_by_bl": False,
        "remarks": "",
        "payment": {
            "method": "PayPal.com (Onsite)",
            "status": "None",
            "currency_code": account.terms.currency,
        },
        "shipping": {"method": "Standard", "method_id": 1, "address": ADDRESS},
    }
    return with_totals(account, {**plain, **said})


def with_totals(account: Account, order: Row) -> Row:
    """The order with the counts and amounts of its lines."""
    lines = [line for batch in order["items"] for line in batch]
    subtotal = sum((Decimal(line["unit_price_final"]) * line["quantity"] for line in lines), Decimal(0))
    cost = {**dict.fromkeys(COSTS, "0.0000"), **(order.get("cost") or {})}
    added = sum((Decimal(cost[name]) for name in ("etc1", "etc2", "insurance", "shipping")), Decimal(0))
    taken = Decimal(cost["credit"]) + Decimal(cost["coupon"])
    total = max(Decimal(0), subtotal + added - taken)
    cost |= {
        "currency_code": account.terms.currency,
        "subtotal": money(subtotal),
        "grand_total": money(total),
    }
    return {
        **order,
        "total_count": sum(line["quantity"] for line in lines),
        "unique_count": len({line["inventory_id"] for line in lines}),
        "total_weight": "0.0000",
        "cost": cost,
        "disp_cost": cost,
    }


def changed(account: Account, order: Row, **fields: object) -> Row:
    """An order changed: the time of its status moves, and its totals are counted anew."""
    now = timestamp(account.now())
    fresh = with_totals(account, {**order, **fields, "date_status_changed": now})
    account.orders.put(order["order_id"], fresh)
    return fresh


def summary(order: Row) -> Row:
    """An order as lists show it."""
    found = {name: order[name] for name in LISTED}
    cost = {name: order["cost"][name] for name in ("subtotal", "grand_total", "currency_code")}
    return {**found, "cost": cost}
