"""The performance score of imported products."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ledger.supplier_records import Scored
from tasks import scores
from tests.worlds import NOW

OLD = NOW - timedelta(days=30)
PLAIN = Scored(1, 0, Decimal(500), OLD, None, None)


@pytest.mark.parametrize(
    ("product", "score"),
    [
        (PLAIN, 50),
        (PLAIN._replace(stock_quantity=None, price=None), 50),
        (PLAIN._replace(stock_quantity=1), 60),
        (PLAIN._replace(stock_quantity=10), 60),
        (PLAIN._replace(stock_quantity=11), 70),
        (PLAIN._replace(price=Decimal("99.99")), 55),
        (PLAIN._replace(price=Decimal("49.99")), 60),
        (PLAIN._replace(created_at=NOW - timedelta(days=1)), 55),
        (PLAIN._replace(created_at=NOW), 60),
        (PLAIN._replace(created_at=NOW, stock_quantity=99, price=Decimal(1)), 90),
        (PLAIN._replace(stock_quantity=99, missing_since=NOW), 0),
    ],
)
def test_is_as_the_formula_says(product: Scored, score: int) -> None:
    assert scores.score(product, NOW) == score


@given(
    units=st.none() | st.integers(0, 10**6),
    price=st.none() | st.decimals(0, 10**6, places=2),
    hours=st.integers(0, 10**5),
)
def test_is_from_0_to_100_and_the_same_each_time(
    units: int | None, price: Decimal | None, hours: int
) -> None:
    product = Scored(1, units, price, NOW - timedelta(hours=hours), None, None)

    assert 0 <= scores.score(product, NOW) <= 100
    assert scores.changed([product._replace(ai_score=scores.score(product, NOW))], NOW) == {}
