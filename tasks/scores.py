"""The performance score of imported products: how good a product it is to offer just now, from 0 to 100.

    50      any product that its supplier has
  + 20      more than 10 in stock        (+ 10 for 1 to 10; nothing if none, or if it is unknown)
  + 10      a price below 50             (+ 5 below 100; nothing without a price)
  + 10      known for less than a day    (+ 5 for less than 7 days)
  =  0      missing at its supplier

The origin's formula, without its random part: the same product has the same score.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from connectors.ledger.supplier_records import Scored

BASE = 50
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


def score(product: Scored, now: datetime) -> Decimal:
    """The score of one product."""
    if product.missing_since is not None:
        return Decimal(0)
    age = now - product.created_at
    return Decimal(BASE + _of_stock(product.stock_quantity) + _of_price(product.price) + _of_age(age))


def _of_stock(units: int | None) -> int:
    if units is None or units <= 0:
        return 0
    return 20 if units > 10 else 10


def _of_price(price: Decimal | None) -> int:
    if price is None:
        return 0
    return 10 if price < 50 else 5 if price < 100 else 0


def _of_age(age: timedelta) -> int:
    return 10 if age < DAY else 5 if age < WEEK else 0


def changed(products: Iterable[Scored], now: datetime) -> dict[int, Decimal]:
    """The scores that are not what they were, by the products' rows."""
    found = {product.id: score(product, now) for product in products}
    before = {product.id: product.ai_score for product in products}
    return {key: value for key, value in found.items() if before[key] != value}
