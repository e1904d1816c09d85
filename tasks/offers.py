"""Judge what an imported product or variant says of what it feeds: units, gone, or nothing known."""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.ledger.records import ProductMapping
from connectors.ledger.supplier_feeds import truth_of_supplier
from connectors.ledger.supplier_records import ImportedProduct, ImportedVariant, MarketplaceIntegration
from tasks.partner_diff import Feed, Policy, Reading, is_proved_gone

Imported = ImportedProduct | ImportedVariant

SHOPIFY = "shopify"
ITEMS = "items"
"""Own items, which BrickLink and Brick Owl show. `shop_id` is their account."""
WRITES = frozenset({"push", "bidirectional"})


def feeds_channel(channels: Sequence[MarketplaceIntegration], platform: str, shop_id: str) -> bool:
    """Whether stock may be written to a channel."""
    return any(
        each.platform == platform
        and each.shop_id == shop_id
        and each.is_active
        and each.sync_direction in WRITES
        for each in channels
    )


def supplier_key(row: Imported) -> str:
    """The supplier's own id of a product or variant."""
    return row.supplier_product_id if isinstance(row, ImportedProduct) else row.supplier_variant_id


def reading(row: Imported) -> Reading:
    """What the supplier says. A missing one is gone only when that is proved; one not for sale has none."""
    if row.missing_since is not None:
        return Reading(is_gone=True)
    if not row.available:
        return Reading(0)
    return Reading(unknown="supplier_unknown") if row.stock_quantity is None else Reading(row.stock_quantity)


def feed(account: str, row: Imported) -> Feed:
    """What feeds one own variant, in the words in which partners' feeds are compared."""
    assert row.own_variant_id is not None  # noqa: S101 - only bound ones are asked for
    return Feed(
        row.own_variant_id, truth_of_supplier(row.supplier_id), ((_mapping(account, row), reading(row)),)
    )


def _mapping(account: str, row: Imported) -> ProductMapping:
    return ProductMapping(
        account=account,
        partner_id=0,
        partner_variant_id=row.id,
        own_variant_id=row.own_variant_id or 0,
        created_at=row.created_at,
        updated_at=row.updated_at,
        id=row.id,
        buffer=row.buffer,
        gone_since=row.missing_since,
        gone_sightings=row.missing_sightings,
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an own item should offer; None: unknown, for this reason."""

    units: int | None
    reason: str = ""


def wanted(row: Imported, sold: int, policy: Policy) -> Wanted:
    """Units for an own item: those of the supplier, less the buffer and what it cannot know of yet."""
    said = reading(row)
    if said.unknown:
        return Wanted(None, said.unknown)
    if said.is_gone and not is_proved_gone(_mapping("", row), policy):
        return Wanted(None, "supplier_gone")
    return Wanted(max(0, (said.units or 0) - row.buffer - sold))
