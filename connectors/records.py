"""What every answer is turned into: plain, frozen values that all layers share."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Quantities:
    """One level's numbers at one moment, in units: what may be sold, what is promised, what is there."""

    available: int
    committed: int
    on_hand: int


@dataclass(frozen=True, slots=True)
class Level:
    """The quantity of an item at one location. `quantities` is None when the system gave no number."""

    active: bool
    quantities: Quantities | None


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant as the shop shows it, with its level at the configured location (None: not stocked there).

    `duplicates` is how many variants of the whole shop carry exactly this SKU besides this one.
    """

    id: int
    product_id: int
    item_id: int
    sku: str | None
    position: int
    tracked: bool
    duplicates: int
    level: Level | None


@dataclass(frozen=True, slots=True)
class Product:
    """A product with all its variants, as read at `seen_at` (the shop's clock)."""

    id: int
    title: str
    status: str
    tags: tuple[str, ...]
    ccod: str | None
    variants: tuple[Variant, ...]
    seen_at: datetime


class Reading(StrEnum):
    """How far an RMS quantity can be trusted."""

    EXACT = "exact"
    NEGATIVE = "negative"
    FRACTIONAL = "fractional"
    TEXT = "text"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class RmsRow:
    """One row of RMS. `quantity` is None when the stored value is no number at all (NULL, "n/a", NaN)."""

    ccod: str
    sku: str
    item_id: int
    quantity: Decimal | None
    is_text: bool
    last_updated: datetime | None


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Units of one variant in one order."""

    order_id: int
    variant_id: int
    quantity: int
    created_at: datetime
