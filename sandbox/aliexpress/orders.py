"""Orders and their parcels (https://openservice.aliexpress.com/doc/api.htm, aliexpress.ds.order.create …).

What an unknown order is answered with is not published; here it is `ORDER_NOT_FOUND`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sandbox.aliexpress.answers import dropped, missing, refusal, wrapped
from sandbox.aliexpress.goods import SUCCESS, Content
from sandbox.aliexpress.lists import object_of
from sandbox.aliexpress.model import Account
from sandbox.book import Row
from sandbox.rest import Asked

FIRST: Final = 8_190_000_000_000_001
PAY_SECONDS: Final = 86_400
COURSE: Final = (
    (0, "RISK_CONTROL"),
    (3_600, "WAIT_SELLER_SEND_GOODS"),
    (172_800, "WAIT_BUYER_ACCEPT_GOODS"),
    (1_209_600, "FINISH"),
)
"""How a paid order goes on by itself: seconds since it was paid, and its status from then on."""
SENT: Final = ("SELLER_PART_SEND_GOODS", "WAIT_BUYER_ACCEPT_GOODS", "FUND_PROCESSING", "FINISH")
PACIFIC: Final = timedelta(hours=8)
ADDRESS: Final = ("address", "city", "country", "full_name", "mobile_no", "zip")


# ------------------------------------------------------------------ create


def create(account: Account, asked: Asked) -> Content:
    """Place an order: one for each seller."""
    order = object_of(account, asked, "param_place_order_request4_open_api_d_t_o")
    items = order.get("product_items") or []
    if wrong := _wrong(account, order, items):
        return _failed(*wrong)
    paid = _is_paid(account, asked)
    made: list[int] = []
    for store in dict.fromkeys(_product(account, each)["store"] for each in items):
        here = [each for each in items if _product(account, each)["store"] == store]
        made.append(_place(account, here, store, order.get("out_order_id"), paid=paid))
    asked.call.key = order.get("out_order_id")
    return {"result": {"is_success": True, "order_list": {"number": made}}}


def _failed(code: str, text: str) -> Content:
    return {"result": {"is_success": False, "error_code": code, "error_msg": text}}


def _wrong(account: Account, order: Mapping[str, Any], items: list[Any]) -> tuple[str, str] | None:
    """The first reason to refuse an order."""
    address = order.get("logistics_address") or {}
    if not items:
        return "A001", "no products"
    if lacking := [name for name in ADDRESS if not address.get(name)]:
        return "B_DROPSHIPPER_DELIVERY_ADDRESS_VALIDATE_FAIL", f"missing: {', '.join(lacking)}"
    known = {row["out_order_id"] for row in account.orders.rows.values()} - {None}
    if order.get("out_order_id") in known:
        return "REPEATED_ORDER_ERROR", "this out_order_id was used before"
    found = (_wrong_item(account, each) for each in items)
    return next((each for each in found if each), None)


def _wrong_item(account: Account, item: Mapping[str, Any]) -> tuple[str, str] | None:
    number = str(item.get("product_id"))
    if code := account.rules.order_errors.get(number):
        return code, f"product {number}"
    row = account.product(number)
    sku = _sku(row, str(item.get("sku_attr", ""))) if row else None
    if row is None or sku is None or row["status"] != "onSelling":
        return "ERROR_WHEN_BUILD_FOR_PLACE_ORDER", f"product {number} cannot be ordered"
    if int(item.get("product_count", 0)) > int(sku["stock"] or 0):
        return "INVENTORY_HOLD_ERROR", f"product {number}: not enough stock"
    return None


def _product(account: Account, item: Mapping[str, Any]) -> Row:
    row = account.product(str(item["product_id"]))
    return row or {}


def _sku(row: Row, attr: str) -> Row | None:
    return next((each for each in row["skus"] if each["sku_attr"] == attr), None)


def _is_paid(account: Account, asked: Asked) -> bool:
    if "ds_extend_request" not in asked.arguments:
        return False
    payment = object_of(account, asked, "ds_extend_request").get("payment") or {}
    return str(payment.get("try_to_pay")).lower() == "true"


def _place(account: Account, items: list[Any], store: str, own: str | None, *, paid: bool) -> int:
    number = max([FIRST - 1, *(int(each) for each in account.orders.rows if str(each).isdecimal())]) + 1
    now = account.book.clock.seconds()
    account.orders.put(
        str(number),
        {
            "order_id": str(number),
            "order_status": None,
            "logistics_status": None,
            "logistics": [],
            "children": [_child(account, each) for each in items],
            "currency": "EUR",
            "shipping_fee": "0.00",
            "placed_at": now,
            "paid_at": now if paid else None,
            "out_order_id": own,
            "store": store,
        },
    )
    return number


def _child(account: Account, item: Mapping[str, Any]) -> Row:
    """A line; its units leave the shelf."""
    row = _product(account, item)
    sku = _sku(row, str(item.get("sku_attr", ""))) or {}
    count = int(item["product_count"])
    skus = [{**each, "stock": int(each["stock"]) - count} if each is sku else each for each in row["skus"]]
    account.products.alter(row["product_id"], skus=skus)
    return {"product_id": row["product_id"], "sku_id": sku["sku_id"], "name": row["subject"],
            "count": count, "price": sku["price"], "end_reason": None}  # fmt: skip


# ------------------------------------------------------------------ read


def trade_order(account: Account, asked: Asked) -> Content:
    """An order, in the newer form."""
    if not account.rules.registered:
        return {"rsp_code": 401, "rsp_msg": "This publisher is not registered"}
    row = account.orders.rows.get(asked.arguments["order_id"])
    if row is None:
        return {"rsp_code": 404, "rsp_msg": "ORDER_NOT_FOUND"}
    return {"result": _order(account, row, "ae_child_order_info", "ae_order_logistics_info"), **SUCCESS}


def old_trade_order(account: Account, asked: Asked) -> Content:
    """An order, in the older form: without a success mark."""
    query = object_of(account, asked, "single_order_query")
    if not query.get("order_id"):
        code, text = missing("order_id")
        raise refusal(code, account.switches, text)
    row = account.orders.rows.get(str(query["order_id"]))
    if row is None:
        return {"error_code": "404", "error_msg": "ORDER_NOT_FOUND"}
    return {"result": _order(account, row, "aeop_child_order_info", "aeop_order_logistics_info")}


def _order(account: Account, row: Row, child: str, parcel: str) -> Content:
    """The answer has no id of the order."""
    status = status_of(account, row)
    parcels = [
        {"logistics_no": each["logistics_no"], "logistics_service": each["logistics_service"]}
        for each in parcels_of(account, row)
    ]
    total = sum(
        (Decimal(each["price"]) * each["count"] for each in row["children"]), Decimal(row["shipping_fee"])
    )
    return dropped(
        gmt_create=_pacific(row["placed_at"]),
        order_status=status,
        logistics_status=_logistics(row, status, parcels),
        order_amount=_amount(total, row),
        user_order_amount=_amount(total, row),
        pay_timeout_second=PAY_SECONDS,
        order_paidtime_string=_zoned(row["paid_at"]),
        child_order_list=wrapped(child, [_line(each, row, status) for each in row["children"]]),
        logistics_info_list=wrapped(parcel, parcels),
        store_info={
            "store_id": 1101234567,
            "store_name": row["store"],
            "store_url": "//www.aliexpress.com/store/1",
        },
    )


def status_of(account: Account, row: Row) -> str:
    """An order's status now: the one it was given, or how far it got by itself."""
    if row["order_status"] is not None:
        return str(row["order_status"])
    now = account.book.clock.seconds()
    if row["paid_at"] is None:
        return "FINISH" if now - row["placed_at"] >= PAY_SECONDS else "PLACE_ORDER_SUCCESS"
    return next(name for since, name in reversed(COURSE) if now - row["paid_at"] >= since or since == 0)


def parcels_of(account: Account, row: Row) -> list[Row]:
    """An order's parcels: those it was given, or one if it was sent by itself."""
    if row["logistics"] or row["order_status"] is not None or row["paid_at"] is None:
        return list(row["logistics"])
    if status_of(account, row) not in SENT:
        return []
    sent = int((row["paid_at"] + COURSE[2][0]) * 1000)
    event = {"time_stamp": sent, "tracking_detail_desc": "Shipment dispatched", "tracking_name": "Dispatched"}
    return [{"logistics_no": f"LP{row['order_id']}", "logistics_service": "CAINIAO_STANDARD",
             "carrier_name": "AliExpress standard shipping", "eta": None, "events": [event]}]  # fmt: skip


def _logistics(row: Row, status: str, parcels: list[Any]) -> str:
    if row["logistics_status"] is not None:
        return str(row["logistics_status"])
    if status in ("FUND_PROCESSING", "FINISH") and parcels:
        return "BUYER_ACCEPT_GOODS"
    if parcels:
        return "SELLER_SEND_PART_GOODS" if status == "SELLER_PART_SEND_GOODS" else "SELLER_SEND_GOODS"
    return "NO_LOGISTICS" if status == "PLACE_ORDER_SUCCESS" else "WAIT_SELLER_SEND_GOODS"


def _line(child: Row, row: Row, status: str) -> Content:
    unpaid = row["order_status"] is None and row["paid_at"] is None and status == "FINISH"
    reason = child["end_reason"] or ("CANCELED" if unpaid else None)
    return dropped(
        product_id=int(child["product_id"]),
        product_name=child["name"],
        product_count=child["count"],
        product_price={"amount": child["price"], "currency_code": row["currency"]},
        sku_id=child["sku_id"],
        end_reason=reason,
        shipping_fee={"amount": row["shipping_fee"], "currency_code": row["currency"]},
        price_include_tax=True,
    )


def _amount(total: Decimal, row: Row) -> Content:
    return {"amount": f"{total:.2f}", "currency_code": row["currency"]}


def _pacific(seconds: float | None) -> str:
    moment = datetime.fromtimestamp(seconds or 0.0, UTC) - PACIFIC
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _zoned(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(seconds, UTC) - PACIFIC
    return f"{moment:%Y-%m-%dT%H:%M:%S}-08:00[America/Los_Angeles]"


# ------------------------------------------------------------------ tracking


def tracking(account: Account, asked: Asked) -> Content:
    """What happened to an order's parcels, newest first."""
    row = account.orders.rows.get(asked.arguments["ae_order_id"])
    found = [each for each in parcels_of(account, row) if each["logistics_no"]] if row else []
    if row is None or not found:
        return {"result": {"ret": False, "code": "1001", "msg": "TRACKING DATA NOT FOUND"}}
    lines = [_track(each, row) for each in found]
    return {"result": {"ret": True, "code": "0", "msg": "success",
                       "data": {"tracking_detail_line_list": {"tracking_detail": lines}}}}  # fmt: skip


def _track(parcel: Row, row: Row) -> Content:
    packed = [
        dropped(
            item_id=each["product_id"], sku_id=each["sku_id"], quantity=each["count"], item_title=each["name"]
        )
        for each in row["children"]
    ]
    return dropped(
        mail_no=parcel["logistics_no"],
        carrier_name=parcel["carrier_name"],
        cp_name=parcel["logistics_service"],
        cp_website_url="//global.cainiao.com",
        eta_time_stamps=None if parcel["eta"] is None else str(parcel["eta"]),
        detail_node_list=wrapped("detail_node", parcel["events"]),
        package_item_list=packed or None,
    )
