"""What is said to AliExpress: methods by name, each with its parameters.

https://openservice.aliexpress.com/doc/api.htm (AliExpress-dropship)
"""

import json
from typing import Final

from connectors.http import Call
from connectors.supplier import Configuration

BASE_URL: Final = "https://api-sg.aliexpress.com"
MOST: Final = 50
"""Products on a page of a list."""

PRODUCT: Final = "aliexpress.ds.product.get"
FEED_IDS: Final = "aliexpress.ds.feed.itemids.get"
FEED: Final = "aliexpress.ds.recommend.feed.get"
SEARCH: Final = "aliexpress.ds.text.search"
CATEGORIES: Final = "aliexpress.ds.category.get"
ORDER: Final = "aliexpress.ds.trade.order.get"
OLD_ORDER: Final = "aliexpress.trade.ds.order.get"
TRACKING: Final = "aliexpress.ds.order.tracking.get"
REFRESH: Final = "POST /rest/auth/token/refresh"

_LOCALES: Final = {"en": "en_US", "pt": "pt_BR", "ar": "ar_MA", "ja": "ja_JP", "ko": "ko_KR", "he": "iw_IL"}


def locale(language: str) -> str:
    """A language as these methods have it: en_US for en."""
    return language if "_" in language else _LOCALES.get(language, f"{language}_{language.upper()}")


def _method(name: str, *, personal: bool = False, **params: str | int) -> Call:
    form = {key: str(value) for key, value in params.items()}
    return Call(name, "/sync", form=form, personal=personal)


# ------------------------------------------------------------------ the catalogue


def product(number: str, country: str, terms: Configuration) -> Call:
    """Everything of one product, as it is sold to a country."""
    return _method(
        PRODUCT,
        product_id=number,
        ship_to_country=country,
        target_currency=terms.currency,
        target_language=terms.language,
    )


def feed_ids(feed: str, cursor: str, size: int) -> Call:
    """Ids of a feed, behind a cursor."""
    return _method(FEED_IDS, feed_name=feed, page_size=size, search_id=cursor)


def feed_page(feed: str, page: int, size: int, country: str) -> Call:
    """A page of a feed, from 1: for apps that may not have its ids alone."""
    return _method(FEED, feed_name=feed, page_no=page, page_size=size, country=country)


def search(country: str, terms: Configuration, page: int, size: int) -> Call:
    """A page of what the words to search for find, from 1."""
    return _method(
        SEARCH,
        keyWord=terms.search_keywords or "",
        local=locale(terms.language),
        countryCode=country,
        currency=terms.currency,
        pageIndex=page,
        pageSize=size,
    )


def categories() -> Call:
    """All categories by name."""
    return _method(CATEGORIES)


# ------------------------------------------------------------------ orders


def order(number: str) -> Call:
    """One order."""
    return _method(ORDER, personal=True, order_id=number)


def old_order(number: str) -> Call:
    """The same by the older method, for apps that have only that one."""
    return _method(OLD_ORDER, personal=True, single_order_query=json.dumps({"order_id": number}))


def tracking(number: str, language: str) -> Call:
    """What happened to an order's parcels."""
    return _method(TRACKING, personal=True, ae_order_id=number, language=locale(language))


# ------------------------------------------------------------------ tokens


def refresh(token: str) -> Call:
    """Another pair of tokens; it may be spent even if no answer comes."""
    return Call(
        REFRESH, "/rest/auth/token/refresh", form={"refresh_token": token}, starts=True, hidden=(token,)
    )
