"""The few affiliate methods that published clients call; they need no token.

https://openservice.aliexpress.com/doc/api.htm (aliexpress.affiliate.*)
"""

from typing import Any

from sandbox.aliexpress.answers import wrapped
from sandbox.aliexpress.goods import Content
from sandbox.aliexpress.lists import page_of
from sandbox.aliexpress.model import Account, priced
from sandbox.book import Row
from sandbox.rest import Asked


def products(account: Account, asked: Asked) -> Content:
    """Products whose name has all the words."""
    words = asked.arguments.get("keywords", "").lower().split()
    rows = [
        row for row in account.products.rows.values() if all(word in row["subject"].lower() for word in words)
    ]
    found, page, pages = page_of(rows, asked, "page_no", "page_size")
    more = {"total_record_count": len(rows), "current_page_no": page, "total_page_no": pages}
    return _told(account, asked, found, **more)


def details(account: Account, asked: Asked) -> Content:
    """Products by id, those that are not there left out."""
    wanted = asked.arguments.get("product_ids", "").split(",")
    found = [row for number in wanted if (row := account.product(number.strip())) is not None]
    return _told(account, asked, found)


def _told(_: Account, asked: Asked, rows: list[Row], **more: int) -> Content:
    currency = asked.arguments.get("target_currency", "USD")
    shown = [_product(row, currency) for row in rows]
    result: dict[str, Any] = {"current_record_count": len(rows), **more}
    if shown:
        result["products"] = wrapped("product", shown)
    return {"resp_result": {"resp_code": 200, "resp_msg": "Call succeeds", "result": result}}


def _product(row: Row, currency: str) -> Content:
    cheapest = min((str(sku["price"]) for sku in row["skus"]), key=float, default="0.00")
    return {
        "product_id": int(row["product_id"]),
        "product_title": row["subject"],
        "product_main_image_url": row["images"][0] if row["images"] else "",
        "product_small_image_urls": {"string": row["images"]},
        "product_detail_url": f"https://www.aliexpress.com/item/{row['product_id']}.html",
        "promotion_link": f"https://s.click.aliexpress.example/e/{row['product_id']}",
        "target_sale_price": priced(cheapest, currency),
        "target_sale_price_currency": currency,
        "target_original_price": priced(cheapest, currency),
        "target_original_price_currency": currency,
        "discount": "53%",
        "evaluate_rate": "98.0%",
        "lastest_volume": 120,
        "first_level_category_id": 322,
        "second_level_category_id": row["category_id"],
    }
