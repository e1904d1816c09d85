"""A shop as it stands: its things by id, sorted lists for paging, and what search still remembers."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sandbox.clock import Clock
from sandbox.shopify.model import EPOCH, SCOPES, LevelAt, Location, Order, Product, Variant

if TYPE_CHECKING:
    from sandbox.shopify.bulk import BulkOperation
    from sandbox.shopify.hooks import Subscription

REMEMBERED: Final = 20
"""Changes of a product that search may still be behind."""


class Indexed(NamedTuple):
    """What search knows of a product."""

    status: str
    tags: tuple[str, ...]
    updated_at: datetime


class Lagging(NamedTuple):
    """What search knew of a product until `since`."""

    since: datetime
    entry: Indexed


@dataclass(slots=True, eq=False)
class Settings:
    """How a shop is set up."""

    domain: str
    token: str | None = None
    plan: str = "standard"
    timezone: str = "UTC"
    scopes: tuple[str, ...] = SCOPES
    client_id: str | None = None
    client_secret: str | None = None
    webhook_secret: str | None = None
    search_lag_seconds: float = 0.0
    bulk_objects_per_second: float = 2000.0


def _by_id(order: Order) -> tuple[Any, int]:
    return (order.id, order.id)


class Shop:
    """The things of a shop. Only `sandbox.shopify.store` changes them once they are added."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.locations: dict[int, Location] = {}
        self.products: dict[int, Product] = {}
        self.variants: dict[int, Variant] = {}
        self.items: dict[int, Variant] = {}
        self.orders: dict[int, Order] = {}
        self.bulk_operations: dict[int, BulkOperation] = {}
        self.subscriptions: dict[int, Subscription] = {}
        self.skus: Counter[str] = Counter()
        self._sorted_products: list[Product] | None = None
        self._sorted_variants: list[Variant] | None = None
        self._sorted_items: list[Variant] | None = None
        self._sorted_orders: dict[Callable[[Order], tuple[Any, int]], list[Order]] = {}
        self._lagging: dict[int, deque[Lagging]] = {}
        self._totals: dict[int, tuple[datetime, int]] = {}
        self._ids = count(1)

    def add_product(self, product: Product) -> None:
        """Take in a product with its variants."""
        self.products[product.id] = product
        self._sorted_products = None
        for variant in product.variants:
            self.add_variant(variant)

    def add_variant(self, variant: Variant) -> None:
        """Take in a variant that stands in its product's list already."""
        self.variants[variant.id] = self.items[variant.item_id] = variant
        self._sorted_variants = self._sorted_items = None
        if variant.sku:
            self.skus[variant.sku] += 1

    def drop_variant(self, variant: Variant) -> None:
        """Take out a variant; its product's list is the caller's."""
        del self.variants[variant.id], self.items[variant.item_id]
        self._sorted_variants = self._sorted_items = None
        if variant.sku:
            self.skus[variant.sku] -= 1

    def drop_product(self, product: Product) -> None:
        """Take out a product with its variants."""
        for variant in product.variants:
            self.drop_variant(variant)
        del self.products[product.id]
        self._sorted_products = None

    def products_by_id(self) -> list[Product]:
        """All products, lowest id first."""
        if self._sorted_products is None:
            self._sorted_products = sorted(self.products.values(), key=lambda product: product.id)
        return self._sorted_products

    def variants_by_id(self) -> list[Variant]:
        """All variants, lowest id first."""
        if self._sorted_variants is None:
            self._sorted_variants = sorted(self.variants.values(), key=lambda variant: variant.id)
        return self._sorted_variants

    def variants_by_item(self) -> list[Variant]:
        """All variants, lowest item id first."""
        if self._sorted_items is None:
            self._sorted_items = sorted(self.variants.values(), key=lambda variant: variant.item_id)
        return self._sorted_items

    def fresh_id(self) -> int:
        """A number that no thing of this shop has."""
        things = (self.products, self.variants, self.items, self.orders, self.locations)
        taken = (*things, self.bulk_operations, self.subscriptions)
        return next(n for n in self._ids if not any(n in ids for ids in taken))

    def reserve_ids_above(self, highest: int) -> None:
        """Give no fresh id up to this one, so that a deleted thing's id never comes back."""
        self._ids = count(highest + 1)

    def duplicates(self, variant: Variant) -> int:
        """How many other variants carry exactly this SKU."""
        return self.skus[variant.sku] - 1 if variant.sku else 0

    def level(self, variant: Variant, location_id: int) -> LevelAt | None:
        """The level, active or not."""
        level, location = variant.levels.get(location_id), self.locations.get(location_id)
        return LevelAt(variant, location, level) if level and location else None

    def levels(self, variant: Variant) -> list[LevelAt]:
        """All levels of an item, by location id."""
        return [at for number in sorted(variant.levels) if (at := self.level(variant, number))]

    def visible_orders(self, key: Callable[[Order], tuple[Any, int]] = _by_id) -> list[Order]:
        """Orders the app may see, sorted by the key: of the last 60 days without `read_all_orders`.
        https://shopify.dev/docs/api/admin-graphql/latest/objects/Order
        """
        if key not in self._sorted_orders:
            self._sorted_orders[key] = sorted(self.orders.values(), key=key)
        orders = self._sorted_orders[key]
        if "read_all_orders" in self.settings.scopes:
            return orders
        oldest = self._oldest_order()
        return [order for order in orders if order.created_at >= oldest]

    def _oldest_order(self) -> datetime:
        return self.clock.now() - timedelta(days=60)

    def visible_order(self, number: int) -> Order | None:
        """An order that the app may see."""
        order = self.orders.get(number)
        everything = "read_all_orders" in self.settings.scopes
        return order if order and (everything or order.created_at >= self._oldest_order()) else None

    def forget_order_of_orders(self) -> None:
        """Call when orders came, went or changed: they are sorted anew when they are next asked for."""
        self._sorted_orders.clear()

    def indexed(self, product: Product, lag: float) -> Indexed:
        """The product as search shows it, `lag` seconds late."""
        current = Indexed(product.status, tuple(product.tags), product.updated_at)
        past = self._lagging.get(product.id)
        if not past or not lag:
            return current
        seen = self.clock.now() - timedelta(seconds=lag)
        while past and past[0].since <= seen:
            past.popleft()
        return past[0].entry if past else current

    def remember_index(self, product: Product) -> None:
        """Call before a change: search shows the product as it is now for a while."""
        entry = Indexed(product.status, tuple(product.tags), product.updated_at)
        self._lagging.setdefault(product.id, deque(maxlen=REMEMBERED)).append(
            Lagging(self.clock.now(), entry)
        )

    def total(self, product: Product, lag: float) -> int:
        """`totalInventory`, which is late as search is."""
        since, before = self._totals.get(product.id, (EPOCH, 0))
        if lag and self.clock.now() - since < timedelta(seconds=lag):
            return before
        return total_now(product)

    def remember_total(self, product: Product) -> None:
        """Call before a change of a level: the total stays as it is now for a while."""
        self._totals[product.id] = (self.clock.now(), total_now(product))


def total_now(product: Product) -> int:
    """Units available of all its tracked variants."""
    return sum(sellable(variant) for variant in product.variants if variant.tracked)


def sellable(variant: Variant) -> int:
    """`inventoryQuantity`: available, over all active levels."""
    return sum(level.available for level in variant.levels.values() if level.active)
