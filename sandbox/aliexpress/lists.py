"""Feeds, search, categories and freight (https://openservice.aliexpress.com/doc/api.htm).

Lists count pages from 1 and have 50 products a page at most; `feed.itemids.get` goes on by a cursor.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from sandbox.aliexpress.answers import dropped, missing, refusal, wrapped
from sandbox.aliexpress.goods import SUCCESS, Content
from sandbox.aliexpress.model import Account, priced
from sandbox.book import Row
from sandbox.rest import Asked

MOST: Final = 50


def page_of(rows: Sequence[Any], asked: Asked, number: str, size: str) -> tuple[list[Any], int, int]:
    """The rows of a page, its number and how many pages there are."""
    page, count = _whole(asked, number, 1), min(MOST, _whole(asked, size, 20))
    pages = -(-len(rows) // count)
    return list(rows[(page - 1) * count : page * count]), page, pages


def _whole(asked: Asked, name: str, usual: int) -> int:
    text = asked.arguments.get(name, "")
    return max(1, int(text)) if text.isdecimal() else usual


# ------------------------------------------------------------------ feeds


def feed_names(account: Account, _: Asked) -> Content:
    """Feeds by name."""
    promos = [
        {"promo_name": name, "promo_desc": str(name), "product_num": len(_of_feed(account, str(name)))}
        for name in account.feeds.rows
    ]
    result = dropped(current_record_count=len(promos), promos=wrapped("promo", promos))
    return {"resp_result": {"resp_code": 200, "resp_msg": "Call succeeds", "result": result}}


def _of_feed(account: Account, name: str) -> list[Row]:
    feed = account.feeds.rows.get(name) or {"ids": []}
    return [row for number in feed["ids"] if (row := account.product(number)) is not None]


def feed_ids(account: Account, asked: Asked) -> Content:
    """Ids of a feed; `search_id` leads on and is left out at the end."""
    ids = [int(row["product_id"]) for row in _of_feed(account, asked.arguments["feed_name"])]
    size = min(MOST, _whole(asked, "page_size", 20))
    cursor = asked.arguments.get("search_id", "c0")
    start = int(cursor[1:]) if cursor[1:].isdecimal() else 0
    following = f"c{start + size}" if start + size < len(ids) else None
    found = ids[start : start + size]
    return {"result": dropped(total=len(ids), products=found or None, search_id=following), **SUCCESS}


def recommend_feed(account: Account, asked: Asked) -> Content:
    """Products of a feed, page by page."""
    rows = _of_feed(account, asked.arguments["feed_name"])
    found, page, pages = page_of(rows, asked, "page_no", "page_size")
    currency = asked.arguments.get("target_currency", "USD")
    result = dropped(
        current_record_count=len(found),
        total_record_count=len(rows),
        is_finished=page >= pages,
        total_page_no=pages,
        current_page_no=page,
        products=wrapped("traffic_product_d_t_o", [_traffic(row, currency) for row in found]),
    )
    if account.switches["aliexpress.feed"] == "resp_result":
        return {"resp_result": {"resp_code": 200, "resp_msg": "Call succeeds", "result": result}}
    return {"result": result, **SUCCESS}


def _traffic(row: Row, currency: str) -> Content:
    cheapest = _cheapest(row)
    return {
        "product_id": int(next(iter(row["local_ids"].values()), row["product_id"])),
        "product_title": row["subject"],
        "product_main_image_url": row["images"][0] if row["images"] else "",
        "product_small_image_urls": {"productSmallImageUrl": row["images"]},
        "product_detail_url": f"//www.aliexpress.com/item/{row['product_id']}.html",
        "original_price": priced(cheapest, "CNY"),
        "original_price_currency": "CNY",
        "sale_price": priced(cheapest, "CNY"),
        "sale_price_currency": "CNY",
        "target_original_price": priced(cheapest, currency),
        "target_original_price_currency": currency,
        "target_sale_price": priced(cheapest, currency),
        "target_sale_price_currency": currency,
        "discount": "60%",
        "evaluate_rate": "98.0%",
        "lastest_volume": 120,
        "shop_id": 1101234567,
        "shop_url": "//www.aliexpress.com/store/1101234567",
        "seller_id": 222222222,
        "first_level_category_id": 322,
        "first_level_category_name": "Shoes",
        "second_level_category_id": row["category_id"],
        "second_level_category_name": "Shoe accessories",
        "ship_to_days": f"ship to {row['delivery_days']} in days",
        "platform_product_type": "ALL",
    }


def _cheapest(row: Row) -> str:
    return min((str(sku["price"]) for sku in row["skus"]), key=float, default="0.00")


# ------------------------------------------------------------------ search and categories


def text_search(account: Account, asked: Asked) -> Content:
    """Products whose name has all the words."""
    words = asked.arguments.get("keyWord", "").lower().split()
    rows = [row for row in account.products.rows.values() if _is_found(row, words, asked)]
    found, page, _ = page_of(rows, asked, "pageIndex", "pageSize")
    data = dropped(
        pageIndex=page,
        pageSize=min(MOST, _whole(asked, "pageSize", 20)),
        totalCount=len(rows),
        products=wrapped(
            "selection_search_product", [_selected(row, asked.arguments["currency"]) for row in found]
        ),
    )
    return {"code": "00", "msg": "success", "data": data}


def _is_found(row: Row, words: Sequence[str], asked: Asked) -> bool:
    if row["status"] != "onSelling" or asked.arguments["countryCode"] in row["not_shipped_to"]:
        return False
    category = asked.arguments.get("categoryId")
    wanted = not category or str(row["category_id"]) == category
    return wanted and all(word in row["subject"].lower() for word in words)


def _selected(row: Row, currency: str) -> Content:
    cheapest = _cheapest(row)
    target = priced(cheapest, currency)
    return {
        "itemId": row["product_id"],
        "title": row["subject"],
        "itemMainPic": "//ae01.example/kf/S1.jpg",
        "itemUrl": f"//www.aliexpress.com/item/{row['product_id']}.html",
        "type": "natural",
        "originalPrice": priced(cheapest, "CNY"),
        "originalPriceCurrency": "CNY",
        "salePrice": priced(cheapest, "CNY"),
        "salePriceCurrency": "CNY",
        "discount": "53%",
        "targetSalePrice": target,
        "targetOriginalPrice": target,
        "targetOriginalPriceCurrency": currency,
        "salePriceFormat": f"{target.replace('.', ',')}€",
        "originMinPrice": json.dumps({"formatPrice": target}),
        "score": "4.5",
        "evaluateRate": "89.2",
        "orders": row["orders"],
        "cateId": f"322,{row['category_id']}",
    }


def categories(account: Account, _: Asked) -> Content:
    """All categories; those at the root have no parent."""
    rows = [dropped(**row) for row in account.categories.rows.values()]
    result = dropped(total_result_count=len(rows), categories=wrapped("category", rows))
    return {"resp_result": {"resp_code": 200, "resp_msg": "Call succeeds", "result": result}}


# ------------------------------------------------------------------ freight


def freight(account: Account, asked: Asked) -> Content:
    """How a sku could be sent, and for how much."""
    query = object_of(account, asked, "queryDeliveryReq")
    for name in ("productId", "selectedSkuId", "quantity", "shipToCountry"):
        if not query.get(name):
            code, text = missing(name)
            raise refusal(code, account.switches, text)
    row = account.product(str(query["productId"]))
    sku = (
        next((each for each in row["skus"] if each["sku_id"] == str(query["selectedSkuId"])), None)
        if row
        else None
    )
    if row is None or sku is None or query["shipToCountry"] in row["not_shipped_to"] or row["freight"] == []:
        return {"result": {"success": False, "code": 501, "msg": "DELIVERY_INFO_EMPTY"}}
    options = row["freight"] or _options(row, str(sku["stock"]), query.get("currency", "USD"))
    return {"result": {"success": True, "code": 200, "msg": "success",
                       "delivery_options": {"delivery_option_d_t_o": options}}}  # fmt: skip


def _options(row: Row, stock: str, currency: str) -> list[Content]:
    usual = {"min_delivery_days": row["delivery_days"], "max_delivery_days": row["delivery_days"] + 5,
             "guaranteed_delivery_days": "30", "ship_from_country": "CN", "tracking": True,
             "available_stock": stock, "mayHavePFS": False, "ddpIncludeVATTax": "true"}  # fmt: skip
    fee = {"shipping_fee_cent": "1.99", "shipping_fee_currency": currency, "shipping_fee_format": "1,99€"}
    return [
        {
            "code": "CAINIAO_FULFILLMENT_STD",
            "company": "AliExpress Selection Standard",
            "free_shipping": True,
            **usual,
        },
        {"code": "EMS", "company": "EMS", "free_shipping": False, **fee, **usual},
    ]


def object_of(account: Account, asked: Asked, name: str) -> dict[str, Any]:
    """A parameter that holds a JSON document."""
    try:
        found = json.loads(asked.arguments[name])
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise refusal("InvalidParameter", account.switches, f"The parameter {name} is not a JSON object")
    return found
