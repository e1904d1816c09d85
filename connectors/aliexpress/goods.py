"""What a product's answer means: aliexpress.ds.product.get.

https://openservice.aliexpress.com/doc/api.htm
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from connectors.aliexpress import calls
from connectors.aliexpress.envelope import objects, opened, text
from connectors.errors import Malformed
from connectors.records import JsonObject, JsonValue
from connectors.shape import as_count, as_decimal, as_id, as_object
from connectors.supplier import SupplierProduct, SupplierVariant, sound, sound_id

NO_ITEM: Final = "605"
NOT_THERE: Final = "not allowed to this country"
ON_SALE: Final = "onSelling"
_UNITS: Final = ("sku_available_stock", "ipm_sku_stock", "s_k_u_available_stock")
"""The same number by its newest name first."""


@dataclass(frozen=True, slots=True)
class Goods:
    """One product with all of its skus."""

    product: SupplierProduct
    variants: tuple[SupplierVariant, ...] = ()


def product(body: JsonValue, asked: str, categories: Mapping[str, str]) -> Goods | None:
    """A product as it is sold to the country that was asked for; None if there is no such product.

    One that is not sold there, or not sold now, has no units, whatever its skus say. Its id is the one asked
    for: `main_id` tells the global one.
    """
    said = opened(body, calls.PRODUCT)
    if said.code == NO_ITEM:
        return None
    if NOT_THERE in said.text.lower():
        return Goods(SupplierProduct(asked, available=False, stock_quantity=0))
    found = said.result()
    base = as_object(found.get("ae_item_base_info_dto"), "ae_item_base_info_dto")
    on_sale = _status(base) == ON_SALE
    skus = objects(found.get("ae_item_sku_info_dtos"), "ae_item_sku_info_d_t_o")
    variants = tuple(sound(_variant(each, asked, on_sale=on_sale)) for each in skus)
    return Goods(sound(_product(found, base, asked, categories, variants, on_sale=on_sale)), variants)


def _status(base: JsonObject) -> str:
    """Raises Malformed if none is told: nobody says then that there is nothing for sale."""
    status = text(base, "product_status_type")
    if not status:
        raise Malformed("product_status_type: not told")
    return status


def main_id(body: JsonValue, asked: str) -> str:
    """The global id of a product that may have been asked for by a local site's."""
    found = opened(body, calls.PRODUCT).content.get("result")
    told = found.get("product_id_converter_result") if isinstance(found, dict) else None
    main = told.get("main_product_id") if isinstance(told, dict) else None
    return sound_id(as_id(main, "main_product_id")) if main else asked


def _product(
    found: JsonObject,
    base: JsonObject,
    asked: str,
    categories: Mapping[str, str],
    variants: tuple[SupplierVariant, ...],
    *,
    on_sale: bool,
) -> SupplierProduct:
    nothing = SupplierVariant("")
    cheapest = min(variants, key=lambda each: each.cost_price or Decimal("Infinity"), default=nothing)
    category = text(base, "category_id")
    return SupplierProduct(
        asked,
        sku=asked,
        name=text(base, "subject"),
        description=text(base, "detail"),
        brand=_brand(found),
        category=categories.get(category, category),
        price=cheapest.price,
        cost_price=cheapest.cost_price,
        currency=cheapest.currency,
        # Without skus nobody knows how many there are, unless it is not sold at all.
        stock_quantity=None if variants or on_sale else 0,
        image_urls=_images(found),
        available=on_sale,
        supplier_updated_at=text(base, "gmt_modified") or None,
    )


def _brand(found: JsonObject) -> str:
    properties = objects(found.get("ae_item_properties"), "ae_item_property")
    named = (each for each in properties if text(each, "attr_name").lower() in {"brand name", "brand"})
    return next((text(each, "attr_value") for each in named), "")


def _images(found: JsonObject) -> tuple[str, ...]:
    media = found.get("ae_multimedia_info_dto")
    urls = text(media, "image_urls").split(";") if isinstance(media, dict) else []
    return tuple(whole_url(each) for each in urls if each.strip())


def whole_url(url: str) -> str:
    """A URL with its scheme: some begin with the host."""
    plain = url.strip()
    return f"https:{plain}" if plain.startswith("//") else plain


def _variant(sku: JsonObject, asked: str, *, on_sale: bool) -> SupplierVariant:
    return SupplierVariant(
        as_id(sku.get("sku_id"), "sku_id"),
        supplier_product_id=asked,
        sku=text(sku, "sku_code") or text(sku, "sku_attr"),
        ean=text(sku, "ean_code") or text(sku, "barcode"),
        options=tuple(
            _option(each) for each in objects(sku.get("ae_sku_property_dtos"), "ae_sku_property_d_t_o")
        ),
        price=_amount(sku, "sku_price"),
        cost_price=_amount(sku, "offer_sale_price"),
        currency=text(sku, "currency_code") or None,
        stock_quantity=_units(sku) if on_sale else 0,
        available=on_sale,
    )


def _option(found: JsonObject) -> tuple[str, str]:
    own = text(found, "property_value_definition_name")
    return text(found, "sku_property_name"), own or text(found, "sku_property_value")


def _amount(sku: JsonObject, name: str) -> Decimal | None:
    """A price; None where there is none. Raises Malformed if it is negative."""
    if not text(sku, name):
        return None
    amount = as_decimal(sku[name], name)
    if amount < 0:
        raise Malformed(f"{name}: a price below zero, {amount}")
    return amount


def _units(sku: JsonObject) -> int | None:
    """Units for the country; None where only a yes is told. Raises Malformed if they are fewer than none."""
    name = next((each for each in _UNITS if text(sku, each)), None)
    if name is None:
        return 0 if text(sku, "sku_stock").lower() == "false" else None
    units = as_count(sku[name], name)
    if units < 0:
        raise Malformed(f"{name}: fewer than no units, {units}")
    return units
