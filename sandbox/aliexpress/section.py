"""An account of AliExpress as a world file has it.

Beyond what every world may have, an account takes `refresh_token`, `tokens`, `codes`, `state` (`online` or
`test`: how long tokens live), `session_days` (the first token's life; null: for ever), `denied` (methods
without permission), `white_ips`, `registered`, `order_errors` (product → code), `calls_per_second` (of one
API), `daily_limit` (of one API), `app_daily_limit` (0: none) and `categories`. A product's prices are in
euros; it takes `local_ids`, `not_shipped_to`, `vat_in`, `properties` and more; a sku `list_price`,
`wholesale` … A feed is a list of product ids. An order without `order_status` goes on by itself, `logistics`
is a word of its status, a parcel, or a list of them.
"""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.aliexpress.limits import Limits
from sandbox.aliexpress.model import Account, Rules
from sandbox.aliexpress.shapes import identifier, parcels
from sandbox.book import Book, Row
from sandbox.reading import (
    REQUIRED,
    Json,
    Key,
    Path,
    WorldError,
    anything,
    filled,
    flag,
    listed,
    mapped,
    money,
    number,
    one_of,
    optional,
    read,
    shaped,
    text,
    whole,
)
from sandbox.surroundings import Surroundings

LIVES: Final = {"test": (7, 30), "online": (30, 180)}
"""Days of an access token and of a refresh token, by the state of the app."""
DAY: Final = 86_400

SKU: Final = {
    "sku_id": Key(identifier, REQUIRED),
    "sku_attr": Key(text, ""),
    "price": Key(money, "9.90"),
    "list_price": Key(optional(money)),
    "stock": Key(anything, 10),
    "sku_code": Key(optional(text)),
    "ean": Key(optional(text)),
    "options": Key(mapped(text), dict),
    "image": Key(optional(text)),
    "bulk_price": Key(optional(money)),
    "bulk_from": Key(optional(whole)),
    "tax": Key(optional(money)),
    "wholesale": Key(listed(anything), list),
}
PRODUCT: Final = {
    "product_id": Key(identifier, REQUIRED),
    "status": Key(text, "onSelling"),
    "ws_display": Key(optional(text)),
    "subject": Key(text, "Product"),
    "category_id": Key(whole, 200000345),
    "currency": Key(text, "CNY"),
    "detail": Key(text, "<p>Good quality</p><script>track()</script>"),
    "images": Key(listed(text), lambda: ["https://ae01.example/kf/S1.jpg", "https://ae01.example/kf/S2.jpg"]),
    "video": Key(optional(text)),
    "gmt_create": Key(text, "2025-01-01 00:00:00"),
    "gmt_modified": Key(text, "2026-11-01 00:00:00"),
    "local_ids": Key(mapped(identifier), dict),
    "not_shipped_to": Key(listed(text), list),
    "vat_in": Key(listed(text), list),
    "properties": Key(listed(anything), list),
    "orders": Key(text, "5,000+"),
    "store": Key(text, "Evergreen Store"),
    "delivery_days": Key(whole, 7),
    "freight": Key(optional(listed(anything))),
    "skus": Key(listed(shaped(SKU)), list),
}
CATEGORY: Final = {
    "category_id": Key(whole, REQUIRED),
    "category_name": Key(text, ""),
    "parent_category_id": Key(optional(whole)),
}
CHILD: Final = {
    "product_id": Key(identifier, REQUIRED),
    "sku_id": Key(optional(identifier)),
    "name": Key(text, "Product"),
    "count": Key(whole, 1),
    "price": Key(money, "9.90"),
    "end_reason": Key(optional(text)),
}
ORDER: Final = {
    "order_id": Key(identifier, REQUIRED),
    "order_status": Key(optional(text)),
    "logistics_status": Key(optional(text)),
    "logistics": Key(anything),
    "children": Key(listed(shaped(CHILD)), list),
    "currency": Key(text, "EUR"),
    "shipping_fee": Key(money, "0.00"),
    "placed_at": Key(optional(number)),
    "paid_at": Key(optional(number)),
    "out_order_id": Key(optional(text)),
    "store": Key(text, "Evergreen Store"),
}
TOKEN: Final = {
    "access_token": Key(filled, REQUIRED),
    "refresh_token": Key(optional(text)),
    "ends_at": Key(optional(number)),
    "refresh_ends_at": Key(optional(number)),
}
CODE: Final = {
    "code": Key(filled, REQUIRED),
    "made_at": Key(optional(number)),
    "redirect_uri": Key(optional(text)),
}
ACCOUNT: Final = {
    "app_key": Key(identifier, "500001"),
    "app_secret": Key(filled, "aliexpress-app-secret"),
    "session": Key(filled, "aliexpress-session-1"),
    "refresh_token": Key(optional(filled), "aliexpress-refresh-1"),
    "session_days": Key(optional(number)),
    "state": Key(one_of("online", "test"), "online"),
    "redirect_uri": Key(text, "https://evenstock.example/consent"),
    "denied": Key(listed(text), list),
    "white_ips": Key(listed(text), list),
    "registered": Key(flag, True),
    "order_errors": Key(mapped(text), dict),
    "calls_per_second": Key(whole, 10),
    "daily_limit": Key(whole, 10_000),
    "app_daily_limit": Key(whole, 0),
    "tokens": Key(optional(listed(shaped(TOKEN)))),
    "codes": Key(listed(shaped(CODE)), list),
    "products": Key(listed(shaped(PRODUCT)), list),
    "feeds": Key(mapped(listed(identifier)), dict),
    "categories": Key(listed(shaped(CATEGORY)), list),
    "orders": Key(listed(shaped(ORDER)), list),
}
_TABLES: Final = ("tokens", "codes", "products", "feeds", "categories", "orders")
_RULES: Final = ("registered", "order_errors")


def read_account(name: str, section: Json, path: Path, around: Surroundings) -> Account:
    """An account of a world file, complete; WorldError if it cannot be."""
    found = read(section, path, ACCOUNT)
    book = Book("aliexpress", name, around.ledger, around.clock)
    now = around.clock.seconds()
    return Account(
        name,
        found["app_key"],
        found["app_secret"],
        book,
        _rules(found),
        Limits(found["calls_per_second"], found["daily_limit"], found["app_daily_limit"]),
        {each: value for each, value in found.items() if each not in _TABLES},
        tokens=book.table("token", {row["access_token"]: row for row in _tokens(found, now)}),
        codes=book.table(
            "code", {row["code"]: {**row, "made_at": row["made_at"] or now} for row in found["codes"]}
        ),
        products=book.table("product", {row["product_id"]: _shown(row, path) for row in found["products"]}),
        feeds=book.table("feed", {each: {"ids": ids} for each, ids in found["feeds"].items()}),
        categories=book.table(
            "category", {row["category_id"]: row for row in found["categories"] or _CATEGORIES}
        ),
        orders=book.table("order", {row["order_id"]: _placed(row, now, path) for row in found["orders"]}),
        switches=around.switches,
    )


_CATEGORIES: Final[list[Row]] = [
    {"category_id": 322, "category_name": "Shoes", "parent_category_id": None},
    {"category_id": 200000345, "category_name": "Shoe accessories", "parent_category_id": 322},
]


def _rules(found: Mapping[str, Any]) -> Rules:
    access, refresh = LIVES[found["state"]]
    return Rules(
        tuple(found["denied"]),
        tuple(found["white_ips"]),
        **{name: found[name] for name in _RULES},
        access_days=access,
        refresh_days=refresh,
    )


def _tokens(found: Mapping[str, Any], now: float) -> list[Row]:
    """Those of the world as it was written, else the session that it begins with."""
    if found["tokens"] is not None:
        return list(found["tokens"])
    days = found["session_days"]
    return [
        {
            "access_token": found["session"],
            "refresh_token": found["refresh_token"],
            "ends_at": None if days is None else now + days * DAY,
            "refresh_ends_at": now + LIVES[found["state"]][1] * DAY,
        }
    ]


def _shown(row: Row, path: Path) -> Row:
    ids = [sku["sku_id"] for sku in row["skus"]]
    if len(set(ids)) != len(ids):
        raise WorldError(path, f"product {row['product_id']} has a sku twice")
    return row


def _placed(row: Row, now: float, path: Path) -> Row:
    """An order; one without a status goes on by itself, from now."""
    told = parcels(row["logistics"], (*path, "orders"))
    told = {name: value for name, value in told.items() if value is not None}
    placed = now if row["order_status"] is None and row["placed_at"] is None else row["placed_at"]
    return {**row, **told, "placed_at": placed}
