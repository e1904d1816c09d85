"""Compare what the own store shows with what partners have: one line for every own variant that is fed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from connectors.ledger.records import ProductMapping
from connectors.records import Available, Offer, Product, Variant
from tasks.diff import NOWHERE, of_odd_level
from tasks.plan import Line, Outcome

SIGHTINGS = 3
"""A partner's variant that was not there so often in a row, for long enough, counts as zero."""

SOLD = frozenset({"ACTIVE", "UNLISTED"})
"""Statuses of products that a store sells."""

UNSOLD = frozenset({"ARCHIVED", "DRAFT"})
"""… and of those that are as good as gone. Of a status that we do not know nothing is known."""


class Reading(NamedTuple):
    """What a partner's store says of one variant: its units, that it is gone, or why nothing is known."""

    units: int | None = None
    is_gone: bool = False
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """Everything that feeds one own variant: its mappings, each with what its partner's store says.

    `truth` is the name under which they own the level.
    """

    own_variant_id: int
    truth: str
    parts: tuple[tuple[ProductMapping, Reading], ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """`gone_after`: how long something must be gone to count as zero; None: never.

    `zero_when_stale`: by partner id, what could not be read since before this moment counts as zero; of any
    other partner it stays.
    """

    now: datetime
    gone_after: timedelta | None
    zero_when_stale: Mapping[int, datetime] = field(default_factory=dict)
    missing_level: str = "refuse"


def reading(offer: Offer | None, mapping: ProductMapping, at: Available | None) -> Reading:
    """What an offer says. `at`: available units by location, if the mapping asks for some locations only."""
    if offer is None or offer.status in UNSOLD:
        return Reading(is_gone=True)
    if offer.status not in SOLD:
        return _number(None)
    if not offer.tracked:
        return Reading(unknown="partner_untracked")
    return _number(offer.sellable) if mapping.location_ids is None else _at(mapping.location_ids, at)


def _at(locations: Sequence[int], at: Available | None) -> Reading:
    """Units at the locations that count; one that does not stock the item has none of it.

    Where none of them stocks it, it is gone: the mapping may name a wrong one, or the partner closed it.
    """
    if at is None:
        return _number(None)
    found = [at[place] for place in locations if place in at]
    if not found:
        return Reading(is_gone=True)
    return _number(None if None in found else sum(count for count in found if count is not None))


def _number(units: int | None) -> Reading:
    return Reading(unknown="partner_unreadable") if units is None else Reading(units)


def sighted(mapping: ProductMapping, found: Reading, now: datetime) -> ProductMapping:
    """The mapping with what was just seen. What is not known changes nothing."""
    if found.unknown:
        return mapping
    if not found.is_gone:
        return replace(mapping, seen_at=now, gone_since=None, gone_sightings=0)
    since = mapping.gone_since or now
    return replace(mapping, seen_at=now, gone_since=since, gone_sightings=mapping.gone_sightings + 1)


def gone(
    mappings: Iterable[ProductMapping], found: Mapping[int, Reading], products: Iterable[Product]
) -> list[str]:
    """Variants that their partner does not sell any more, as people know them."""
    skus = {variant.id: variant.sku for product in products for variant in product.variants}
    return [
        f"variant {each.partner_variant_id}, here {skus.get(each.own_variant_id) or each.own_variant_id}"
        for each in mappings
        if each.id is not None and found[each.id].is_gone
    ]


def is_proved_gone(mapping: ProductMapping, policy: Policy) -> bool:
    """Whether it was missed often enough, for long enough, with nothing to the contrary in between."""
    if policy.gone_after is None or mapping.gone_since is None:
        return False
    return mapping.gone_sightings >= SIGHTINGS and policy.now - mapping.gone_since >= policy.gone_after


def stock(
    feeds: Iterable[Feed], products: Iterable[Product], unbooked: Mapping[int, int], policy: Policy
) -> list[Line]:
    """One line for each own variant that is there and fed.

    `unbooked`: own units by variant id that the partner does not know of; its baseline has them already.
    """
    shown = {variant.id: (product, variant) for product in products for variant in product.variants}
    return [
        _line(feed, *shown[feed.own_variant_id], unbooked.get(feed.own_variant_id, 0), policy)
        for feed in feeds
        if feed.own_variant_id in shown
    ]


def _line(feed: Feed, product: Product, variant: Variant, unbooked: int, policy: Policy) -> Line:
    level = variant.level or NOWHERE
    line = Line(
        product.id,
        variant.id,
        variant.item_id,
        variant.sku or "",
        "",
        shown=level.quantities.available if level.quantities else 0,
        baseline=level.quantities,
        seen_at=product.seen_at,
        position=variant.position,
        unbooked=unbooked,
    )
    if len(feed.parts) > 1 and not all(mapping.sums for mapping, _ in feed.parts):
        return line.ended(Outcome.REFUSED, "two_feeds", _names(feed))
    units, why = _offered(feed, policy)
    if units is None:
        return line.ended(Outcome.UNKNOWN, why)
    truth = Decimal(sum(units))
    kept = sum(max(0, count - mapping.buffer) for (mapping, _), count in zip(feed.parts, units, strict=True))
    wanted = max(0, kept - unbooked)
    known = line._replace(fed_by=feed.truth, truth=truth, wanted=wanted, note=why)
    if not (variant.tracked and level.active and level.quantities):
        return of_odd_level(known, variant, policy.missing_level)
    return known.ended(Outcome.UNCHANGED) if known.shown == wanted else known


def _names(feed: Feed) -> str:
    return " and ".join(f"partner variant {mapping.partner_variant_id}" for mapping, _ in feed.parts)


def _offered(feed: Feed, policy: Policy) -> tuple[list[int] | None, str]:
    """The units of all parts, or None and why they are not all known; a note where a zero was concluded."""
    units: list[int] = []
    notes: list[str] = []
    for mapping, found in feed.parts:
        if found.unknown and not _is_too_stale(mapping, policy):
            return None, found.unknown
        if found.is_gone and not is_proved_gone(mapping, policy):
            return None, "partner_gone"
        if found.units is None:
            notes.append("gone at the partner" if found.is_gone else "not verified for too long")
        units.append(max(0, found.units or 0))
    return units, ", ".join(dict.fromkeys(notes))


def _is_too_stale(mapping: ProductMapping, policy: Policy) -> bool:
    """Whether what is on sale was not verified for so long that the merchant wants it gone."""
    limit = policy.zero_when_stale.get(mapping.partner_id)
    return limit is not None and (mapping.seen_at or mapping.created_at) < limit
