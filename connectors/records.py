"""What every answer is turned into: plain, frozen values that all layers share."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
"""Anything JSON can say."""
JsonObject = dict[str, JsonValue]

Available = dict[int, int | None]
"""What of an item may be sold at each location that stocks it, by location id; None: no number came."""


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


@dataclass(frozen=True, slots=True)
class Stock:
    """One of an item's levels, active or not, with what the deletion of its variant would lose."""

    location_id: int
    available: int
    committed: int
    on_hand: int
    incoming: int


@dataclass(frozen=True, slots=True)
class LevelsEverywhere:
    """All levels of one item. `complete` is false when the list was cut short."""

    item_id: int
    levels: tuple[Stock, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class StockedVariant:
    """A variant and the inventory item that its levels belong to. Of an untracked one levels mean nothing."""

    id: int
    product_id: int
    item_id: int
    sku: str | None
    tracked: bool


@dataclass(frozen=True, slots=True)
class StockedProduct:
    """A product as nothing but its variants."""

    id: int
    variants: tuple[StockedVariant, ...]


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """What decides whether a variant may be deleted. `data` is everything needed to make it again.

    `is_whole` is false when `data` was cut short.
    """

    id: int
    product_id: int
    item_id: int
    policy: str
    is_bundle: bool
    is_gift_card: bool
    selling_plans: int
    siblings: int
    data: JsonObject
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class VariantHead:
    """What tells a variant from others. `title` and `status` are its product's."""

    id: int
    product_id: int
    item_id: int
    sku: str | None
    title: str
    status: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A variant as a partner's store sells it. `status` is its product's.

    `sellable` is its available stock at all active locations together; None when no number came.
    """

    id: int
    item_id: int
    status: str
    tracked: bool
    sellable: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a compared set: the level of an item, the quantity it must still hold, and the new one.

    `before` is the reading that the expected quantity was taken from; it is not sent.
    """

    item_id: int
    expected: int
    quantity: int
    before: Quantities | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class TagChange:
    """Tags that a product is to get, and tags to take off it after that."""

    product_id: int
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """The store as it presents itself at the start of a run."""

    domain: str
    name: str
    timezone: str
    version: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Location:
    """A place that holds stock."""

    id: int
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class Metafield:
    """A value that an app or a person keeps with something."""

    namespace: str
    key: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class NewVariant:
    """A variant that is to be made, without any quantity. What is None is left to the shop."""

    options: tuple[tuple[str, str], ...]
    sku: str | None
    barcode: str | None
    price: str
    compare_at_price: str | None
    policy: str
    taxable: bool
    tracked: bool
    requires_shipping: bool
    cost: str | None
    weight: tuple[float, str] | None
    country: str | None
    province: str | None
    tariff_code: str | None
    metafields: tuple[Metafield, ...] = ()
    media_id: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A deleted variant as its snapshot has it: what can be made again, and what can only be told.

    `media` are the images it had, `metafields_cut` that it had more metafields than the snapshot,
    `locations` where it was stocked.
    """

    variant: NewVariant
    item_id: int
    position: int
    media: tuple[str, ...]
    metafields_cut: bool
    selling_plans: int
    is_bundle: bool
    locations: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A variant as one of its product's choices, such as Size 37."""

    id: int
    item_id: int
    sku: str | None
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Assortment:
    """A product with the names of its options, its images, and all its variants as choices."""

    id: int
    title: str
    status: str
    tags: tuple[str, ...]
    options: tuple[str, ...]
    media: frozenset[str]
    choices: tuple[Choice, ...]
