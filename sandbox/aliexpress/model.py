"""What an AliExpress account holds: one app, and the user who let it in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sandbox.aliexpress import happenings
from sandbox.aliexpress.limits import Limits
from sandbox.book import Book, Row, Table
from sandbox.shopify.switches import Switches

RATES: Final = {
    "EUR": Decimal(1),
    "USD": Decimal("1.10"),
    "GBP": Decimal("0.85"),
    "CNY": Decimal("7.80"),
}
"""What a euro is worth: prices of the world are in euros."""


@dataclass(frozen=True)
class Rules:
    """What the app may do. `denied`: methods without permission; `white_ips`: callers, all if empty;
    `registered`: whether the user is a dropshipper; `order_errors`: product → what ordering it ends in;
    `access_days`, `refresh_days`: how long tokens live.
    """

    denied: tuple[str, ...]
    white_ips: tuple[str, ...]
    registered: bool
    order_errors: Mapping[str, str]
    access_days: int
    refresh_days: int


@dataclass
class Account:
    """One app with its user."""

    name: str
    app_key: str
    app_secret: str
    book: Book
    rules: Rules
    limits: Limits
    given: Mapping[str, Any]
    """What never changes, as the world file had it."""
    tokens: Table
    codes: Table
    products: Table
    feeds: Table
    categories: Table
    orders: Table
    switches: Switches

    def is_let_in(self, token: str) -> bool:
        """Whether an access token is good now."""
        row = self.tokens.rows.get(token)
        return row is not None and (row["ends_at"] is None or self.book.clock.seconds() < row["ends_at"])

    def product(self, number: str) -> Row | None:
        """A product by its global id, or by one of its ids on local sites."""
        found = self.products.rows.get(number)
        if found is not None:
            return found
        rows = self.products.rows.values()
        return next((row for row in rows if number in row["local_ids"].values()), None)

    def now(self) -> datetime:
        """The moment it is."""
        return self.book.clock.now().astimezone(UTC)

    # ------------------------------------------------------------------ for the frame

    def written(self) -> dict[str, Any]:
        """The account in the form of the world file."""
        return {
            **self.given,
            "tokens": list(self.tokens.rows.values()),
            "codes": list(self.codes.rows.values()),
            "products": list(self.products.rows.values()),
            "feeds": {str(name): row["ids"] for name, row in self.feeds.rows.items()},
            "categories": list(self.categories.rows.values()),
            "orders": list(self.orders.rows.values()),
        }

    def check(self, kind: str, given: Mapping[str, Any]) -> None:
        """WorldError for an event that cannot be read."""
        happenings.check(kind, given)

    def happen(self, kind: str, given: Mapping[str, Any]) -> dict[str, object]:
        """Make an event happen."""
        return happenings.happen(self, kind, given)


def priced(amount: str, currency: str) -> str:
    """A price of the world in another currency."""
    return f"{Decimal(amount) * RATES.get(currency, Decimal(1)):.2f}"
