"""What a shop is made of. Plain and lean: a shop may hold a hundred thousand variants."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When whatever says nothing else was made."""

PARTS: Final = ("available", "committed", "reserved", "damaged", "safety_stock", "quality_control")
"""Quantities whose sum is `on_hand`; kept, as `incoming` is, which is on its way and not there."""
STORED: Final = (*PARTS, "incoming")
NAMES: Final = (*STORED, "on_hand")

STATUSES: Final = ("ACTIVE", "ARCHIVED", "DRAFT", "UNLISTED")
POLICIES: Final = ("DENY", "CONTINUE")

SCOPES: Final = (
    "read_products",
    "write_products",
    "read_inventory",
    "write_inventory",
    "read_locations",
    "read_orders",
    "read_all_orders",
)
"""All the scopes that what is served asks for."""


@dataclass(slots=True)
class Level:
    """Quantities of one item at one location."""

    available: int = 0
    committed: int = 0
    incoming: int = 0
    reserved: int = 0
    damaged: int = 0
    safety_stock: int = 0
    quality_control: int = 0
    active: bool = True
    updated_at: datetime = EPOCH

    @property
    def on_hand(self) -> int:
        """What is physically there."""
        return (
            self.available
            + self.committed
            + self.reserved
            + self.damaged
            + self.safety_stock
            + self.quality_control
        )


class Metafield(NamedTuple):
    """A value that an app or a person keeps with something; its name is `namespace.key`."""

    value: str
    type: str = "single_line_text_field"


@dataclass(slots=True, eq=False)
class Variant:
    """A variant together with its inventory item, of which it has exactly one."""

    id: int
    item_id: int
    product: "Product"
    sku: str | None = None
    price: str = "0.00"
    compare_at_price: str | None = None
    barcode: str | None = None
    position: int = 1
    policy: str = "DENY"
    tracked: bool = True
    bundle: bool = False
    selling_plans: int = 0
    taxable: bool = True
    requires_shipping: bool = True
    cost: str | None = None
    weight: float = 0.0
    country_code_of_origin: str | None = None
    province_code_of_origin: str | None = None
    harmonized_system_code: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    metafields: dict[str, Metafield] = field(default_factory=dict)
    levels: dict[int, Level] = field(default_factory=dict)
    created_at: datetime = EPOCH
    updated_at: datetime = EPOCH


@dataclass(slots=True, eq=False)
class Product:
    """A product with its variants, in the order of their positions."""

    id: int
    title: str
    handle: str
    status: str = "ACTIVE"
    tags: list[str] = field(default_factory=list)
    metafields: dict[str, Metafield] = field(default_factory=dict)
    gift_card: bool = False
    vendor: str = ""
    product_type: str = ""
    variants: list[Variant] = field(default_factory=list)
    created_at: datetime = EPOCH
    updated_at: datetime = EPOCH


@dataclass(slots=True, eq=False)
class Location:
    """A place that holds stock."""

    id: int
    name: str
    active: bool = True
    fulfills_online_orders: bool = True


@dataclass(slots=True, eq=False)
class Line:
    """Units of one variant in an order; `variant_id` is None when the variant was deleted."""

    id: int
    variant_id: int | None
    quantity: int
    current_quantity: int
    sku: str | None = None
    title: str = ""
    location_id: int | None = None


@dataclass(slots=True, eq=False)
class Order:
    """An order."""

    id: int
    created_at: datetime
    updated_at: datetime
    cancelled_at: datetime | None = None
    test: bool = False
    fulfilled: bool = False
    lines: list[Line] = field(default_factory=list)


class LevelAt(NamedTuple):
    """A level with what it is a level of."""

    variant: Variant
    location: Location
    level: Level
