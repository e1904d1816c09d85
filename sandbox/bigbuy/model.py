"""What a BigBuy account holds, and the lists that are the same for all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from zlib import crc32

from sandbox.bigbuy import happenings
from sandbox.bigbuy.limits import Windows
from sandbox.bigbuy.rows import Rows
from sandbox.book import Book, Id, Table
from sandbox.shopify.switches import Switches

LANGUAGES: Final = {
    "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "et": "Estonian", "fi": "Finnish", "fr": "French", "hr": "Croatian", "hu": "Hungarian",
    "it": "Italian", "lt": "Lithuanian", "lv": "Latvian", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish",
}  # fmt: skip
FIRST_LEVEL: Final = {
    19648: "Food", 19649: "Baby", 19650: "Beauty", 19651: "DIY", 19652: "Car", 19653: "Electronics",
    19654: "Garden", 19655: "Health", 19656: "Home and kitchen", 19657: "Jewellery", 19658: "Pets",
    19659: "Lighting", 19660: "Books", 19661: "Music", 19662: "Office", 19663: "Party", 19664: "Toys",
    19665: "Travel", 19666: "Watches", 19667: "Bags", 19668: "Clothing", 19669: "Footwear",
    19670: "Furniture", 19756: "Sport",
}  # fmt: skip
CARRIERS: Final = {"1": "correos", "2": "gls", "3": "chrono", "4": "ups"}
SHIPPED: Final = "Shipped by the warehouse"
STATUSES: Final = (
    (1, "Payment pending"),
    (2, "PENDING INVOICE"),
    (3, "Processing order"),
    (4, SHIPPED),
    (5, "Delivered"),
    (6, "Cancelled"),
    (7, "Incident"),
)
"""Invented, as the vendor publishes none: a client has to read this list."""
COURSE: Final = ((0, "Payment pending"), (600, "Processing order"), (86_400, SHIPPED), (345_600, "Delivered"))
"""How an order goes on by itself: seconds since it was placed, and its status from then on."""
POSTCODES: Final = {
    "ES": "NNNNN",
    "FR": "NNNNN",
    "DE": "NNNNN",
    "IT": "NNNNN",
    "PT": "NNNN-NNN",
    "BE": "NNNN",
}
"""Where orders may go, and what a postcode looks like there."""


@dataclass(frozen=True)
class Rules:
    """What the account may do, and how the API behaves for it.

    `order_errors`: the code that ordering a reference ends in, whatever else is right.
    """

    need_taxonomy: bool
    profile: str
    order_access: bool
    minimum_order: Decimal
    minimum_bankwire: Decimal
    order_errors: Mapping[str, str]


@dataclass
class Account:
    """One customer, and what the API shows to it."""

    name: str
    key: str
    book: Book
    windows: Windows
    rules: Rules
    given: Mapping[str, Any]
    """What never changes, as the world file had it."""
    products: Table
    variations: Table
    taxonomies: Table
    manufacturers: Table
    attributes: Table
    groups: Table
    tags: Table
    orders: Table
    purse: Table
    switches: Switches
    listed_once: bool = False
    """Whether a product list was asked for already."""
    _orders: dict[tuple[str, int, str], list[Id]] = field(default_factory=dict)
    _levels: dict[str, dict[Id, int]] = field(default_factory=dict)
    _varied: set[Id] | None = None

    def in_order(self, name: str, parent: int, language: str, ids: Callable[[], list[Id]]) -> list[Id]:
        """The ids of a list in an order of its own, kept until something happens."""
        key = (name, parent, language)
        if key not in self._orders:
            self._orders[key] = sorted(ids(), key=lambda each: crc32(f"{name}{each}".encode()))
        return self._orders[key]

    def ancestor(self, taxonomy: int) -> int:
        """The first-level taxonomy above a taxonomy, or itself."""
        seen = 0
        while (row := self.taxonomies.rows.get(taxonomy)) and row["parentTaxonomy"] in self.taxonomies.rows:
            taxonomy, seen = row["parentTaxonomy"], seen + 1
            if seen > len(self.taxonomies.rows):
                break
        return taxonomy

    def levels(self, what: str) -> dict[Id, int]:
        """The first-level taxonomy of each product, or of each variation's product."""
        if what not in self._levels:
            first = {number: self.ancestor(int(number)) for number in self.taxonomies.rows}
            if what == "product":
                found = {each: first.get(row["taxonomy"], 0) for each, row in self.products.rows.items()}
            else:
                above = self.levels("product")
                found = {each: above.get(row["product"], 0) for each, row in self.variations.rows.items()}
            self._levels[what] = found
        return self._levels[what]

    def varied(self) -> set[Id]:
        """The products that have variations."""
        if self._varied is None:
            self._varied = {row["product"] for row in self.variations.rows.values()}
        return self._varied

    def forget(self) -> None:
        """Something changed: what was worked out from it is worked out anew."""
        self._orders.clear()
        self._levels.clear()
        self._varied = None

    # ------------------------------------------------------------------ for the frame

    def written(self) -> dict[str, Any]:
        """The account in the form of the world file; of a generated catalogue what changed."""
        return {
            **self.given,
            "purse": self.purse.rows["purse"]["amount"],
            **_listed("products", self.products),
            **_listed("variations", self.variations),
            "taxonomies": list(self.taxonomies.rows.values()),
            "orders": list(self.orders.rows.values()),
        }

    def check(self, kind: str, given: Mapping[str, Any]) -> None:
        """WorldError for an event that cannot be read."""
        happenings.check(kind, given)

    def happen(self, kind: str, given: Mapping[str, Any]) -> dict[str, object]:
        """Make an event happen."""
        self.forget()
        return happenings.happen(self, kind, given)


def _listed(name: str, table: Table) -> dict[str, list[Any]]:
    rows = table.rows
    if not isinstance(rows, Rows):
        return {name: list(rows.values())}
    gone = [number for number, row in rows.changed.items() if row is None]
    return {name: [row for row in rows.changed.values() if row], f"delisted_{name}": gone}
