"""Whether a deleted variant can be made again, with what, and what of it cannot come back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from connectors.folding import fold
from connectors.records import Assortment, Choice, NewVariant, Recorded

CREATE = "create_variants"
"""What the ledger calls the operation that makes a variant again."""

MOST_VARIANTS = 2_048
"""Shopify's most for one product (https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/productVariantsBulkCreate)."""

FOREIGN = "app--"
"""How the namespace of a metafield begins that only the app which made it may write."""


@dataclass(frozen=True, slots=True)
class Recreation:
    """What will be sent, and in sentences what cannot come back."""

    variant: NewVariant
    lost: tuple[str, ...]


def recreation(was: Recorded, product: Assortment, location: int) -> Recreation:
    """What to make of a snapshot in its product as it is now. `location`: where it will be stocked."""
    kept = tuple(each for each in was.variant.metafields if not each.namespace.startswith(FOREIGN))
    image = next((each for each in was.media if each in product.media), None)
    variant = replace(was.variant, metafields=kept, media_id=image)
    return Recreation(variant, (*_never(was), *_not_this_time(was, variant, location)))


def _never(was: Recorded) -> list[str]:
    """What no re-creation brings back."""
    return [
        "the old ids: links, feeds and apps that know them need the new ones",
        "the lines of earlier orders: they keep the SKU, but point at no variant any more",
        "prices of its own in markets, catalogues and price lists",
        "translations",
        _plans(was),
        f"its place among the product's variants: it was number {was.position}, and is the last one now",
        "what no snapshot holds: unit price, tax code, tariff codes by country, shipping package",
    ]


def _plans(was: Recorded) -> str:
    return f"selling plans: it was in {was.selling_plans}" if was.selling_plans else "selling plans"


def _not_this_time(was: Recorded, variant: NewVariant, location: int) -> list[str]:
    """What this snapshot has, but Shopify does not take, or the product has no more."""
    foreign = [
        f"{each.namespace}.{each.key}" for each in was.variant.metafields if each not in variant.metafields
    ]
    left = [each for each in was.media if each != variant.media_id]
    elsewhere = [str(each) for each in was.locations if each != location]
    found = {
        f"its level at other locations ({', '.join(elsewhere)}): stock it there again": elsewhere,
        f"metafields of other apps: {', '.join(foreign)}": foreign,
        f"metafields beyond the first {len(was.variant.metafields)}": was.metafields_cut,
        f"{len(left)} of its {len(was.media)} images: Shopify takes one, and the product must have it": left,
        "the parts of the bundle that it was": was.is_bundle,
    }
    return [sentence for sentence, holds in found.items() if holds]


def the_same(variant: NewVariant, product: Assortment) -> Choice | None:
    """The variant of the product that has exactly these options, if there is one."""
    wanted = _folded(variant.options)
    return next((each for each in product.choices if _folded(each.options) == wanted), None)


def _folded(options: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(fold(name), fold(value)) for name, value in options}


def obstacle(variant: NewVariant, product: Assortment, skus: Mapping[str, int]) -> str:
    """Why a variant cannot be made in its product, as a sentence; nothing if it can.

    `skus` are those of the whole shop, folded, each with the id of a variant that has it.
    """
    if product.status == "ARCHIVED":
        return f"product {product.id} ({product.title}) is archived: take it out of the archive first"
    if same := the_same(variant, product):
        return f"product {product.id} has {_spelled(variant)} already: variant {same.id}, SKU {same.sku!r}"
    names = [name for name, _ in variant.options]
    if sorted(names) != sorted(product.options):
        had, has = ", ".join(names), ", ".join(product.options)
        return f"the variant had the options {had}, but product {product.id} has {has} now"
    if (owner := skus.get(fold(variant.sku or ""))) is not None:
        return f"variant {owner} of the shop has the SKU {variant.sku!r} already: twins are never made"
    if len(product.choices) >= MOST_VARIANTS:
        return f"product {product.id} is full: it has {len(product.choices)} variants, Shopify's most"
    return ""


def _spelled(variant: NewVariant) -> str:
    return ", ".join(f"{name} {value}" for name, value in variant.options)


def is_ours(variant: NewVariant, found: Choice) -> bool:
    """Whether a variant with the right options is the one that a lost call was to make: its SKU tells."""
    return fold(found.sku or "") == fold(variant.sku or "")
