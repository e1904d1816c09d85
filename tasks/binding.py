"""Bind an imported product or variant to the own variant or own item that it feeds from then on."""

from dataclasses import replace
from datetime import UTC, datetime

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger, LevelMemory
from connectors.ledger.imported_products import PRODUCTS, Kind
from connectors.ledger.product_marks import Binding
from connectors.ledger.supplier_feeds import truth_of_supplier
from connectors.ledger.supplier_records import MarketplaceIntegration, Supplier
from connectors.records import Product, Variant
from connectors.settings import Settings
from tasks import offers
from tasks.desk import open_shop
from tasks.lease import clock
from tasks.start import the_location

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
FREE = Binding(None, None, 0)


def bind_item(
    settings: Settings,
    ledger: Ledger,
    supplier: Supplier,
    feeder: tuple[Kind, str],
    item_id: str,
    *,
    buffer: int = 0,
) -> str:
    """Let a product feed an own item; the item's account. Raises ConfigurationError if it may not."""
    item = ledger.item_anywhere(item_id)
    if item is None or item.deleted_at is not None:
        raise ConfigurationError(f"own item {item_id} not found; see `evenstock items list`")
    _bind(settings, ledger, supplier, feeder, Binding(None, item.id, buffer))
    _switch_on(settings, ledger, supplier, offers.ITEMS, item.account)
    return item.account


def bind_variant(
    settings: Settings,
    ledger: Ledger,
    supplier: Supplier,
    feeder: tuple[Kind, str],
    variant_id: int,
    *,
    buffer: int = 0,
) -> str:
    """Let a product feed an own variant, whose level nobody else may feed; the variant's SKU.

    Raises ConfigurationError if it may not, and what the own store raises.
    """
    shop = open_shop(settings)
    with shop.http:
        location = the_location(settings, shop, ledger, settings.shop, clock())
        product, variant = _own(shop.variants([variant_id]), variant_id)
    if ledger.feeding(settings.shop, [variant_id]):
        raise ConfigurationError(f"own variant {variant_id} is fed by a partner: remove that mapping first")
    truth = truth_of_supplier(supplier.id)
    known = ledger.levels_of_variants(settings.shop, location, [variant_id]).get(variant_id)
    if known is not None and known.owner_truth not in {None, truth}:
        raise ConfigurationError(
            f"the level of {variant.sku or variant_id} is fed by {known.owner_truth}: "
            f"`evenstock levels own {variant.item_id} --truth {truth}` moves it"
        )
    _bind(settings, ledger, supplier, feeder, Binding(variant_id, None, buffer))
    level = known or LevelMemory(settings.shop, variant.item_id, location, product.id, variant_id, _LONG_AGO)
    ledger.claim_levels([replace(level, owner_truth=truth)])
    _switch_on(settings, ledger, supplier, offers.SHOPIFY, settings.shop)
    return variant.sku or str(variant_id)


def unbind(settings: Settings, ledger: Ledger, supplier: Supplier, feeder: tuple[Kind, str]) -> None:
    """From now on a product feeds nothing. What it fed stays as it is. Raises ConfigurationError."""
    kind, key = feeder
    if not ledger.bind(supplier, kind, key, FREE, settings.now()):
        raise _unknown(supplier, key)


def _own(products: list[Product], variant_id: int) -> tuple[Product, Variant]:
    for product in products:
        for variant in product.variants:
            if variant.id == variant_id:
                return product, variant
    raise ConfigurationError(f"the own store has no variant {variant_id}")


def _bind(
    settings: Settings, ledger: Ledger, supplier: Supplier, feeder: tuple[Kind, str], binding: Binding
) -> None:
    """One feeds one: another feeder of the same is refused, and whoever would offer the same units twice."""
    kind, key = feeder
    if relatives := ledger.bound_relatives(supplier, kind, key):
        what = "its variants" if kind is PRODUCTS else "its product"
        raise ConfigurationError(
            f"{what} ({', '.join(relatives[:5])}) of {supplier.name} feed something with the same units: "
            "unbind that first"
        )
    me = (supplier.id, kind.key, key)
    others = [each for each in ledger.feeders(binding) if each != me]
    if others:
        supplier_id, _, other = others[0]
        raise ConfigurationError(f"it is fed by {other} of supplier {supplier_id} already: unbind that first")
    if not ledger.bind(supplier, kind, key, binding, settings.now()):
        raise _unknown(supplier, key)


def _unknown(supplier: Supplier, key: str) -> ConfigurationError:
    return ConfigurationError(f"{supplier.name} has no product or variant {key}: was it imported yet?")


def _switch_on(settings: Settings, ledger: Ledger, supplier: Supplier, platform: str, shop_id: str) -> None:
    now = settings.now()
    ledger.switch_on_channel(MarketplaceIntegration(supplier.user_id, platform, shop_id, now, now))
