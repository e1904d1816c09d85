"""Read what partners have of the own variants that they feed."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.errors import ConnectorError, EvenstockError, Unauthorised
from connectors.ledger.partners import truth_of
from connectors.ledger.records import Partner, ProductMapping
from connectors.records import Available, Product, Variant
from connectors.shopify import Shopify
from connectors.shopify.calls import PAGE
from connectors.slices import chunks
from tasks import fetch
from tasks.partner_diff import Feed, Reading, reading, sighted

AT_SHIPPING = "at_shipping"

AT_ONCE_ASKED = 8
"""Partners that are read side by side for the sake of one, because they feed own variants together."""

UNREACHABLE = Reading(unknown="partner_unreachable")
REFUSED = Reading(unknown="partner_refused")


@dataclass(frozen=True, slots=True)
class Heard:
    """What one partner's store, or several, said: a reading by mapping id, and by partner id why one said
    nothing. `usage`: what was asked of each store, by its domain.
    """

    readings: Mapping[int, Reading]
    silent: Mapping[int, EvenstockError]
    usage: Mapping[str, Mapping[str, int | float]]


def readings(shop: Shopify, mappings: Sequence[ProductMapping]) -> dict[int, Reading]:
    """What one partner's store says of its mapped variants, by mapping id. Raises what the store raises."""
    offers = shop.offers([each.partner_variant_id for each in mappings])
    asked = [
        offers[each.partner_variant_id].item_id
        for each in mappings
        if each.location_ids is not None and each.partner_variant_id in offers
    ]
    levels = _levels(shop, asked)
    return {
        each.id: reading(offer, each, levels.get(offer.item_id) if offer else None)
        for each in mappings
        if each.id is not None
        for offer in [offers.get(each.partner_variant_id)]
    }


def _levels(shop: Shopify, items: Sequence[int]) -> dict[int, Available]:
    """Levels at all locations; none at all where the partner does not let its inventory be read."""
    found: dict[int, Available] = {}
    with suppress(Unauthorised):
        for some in chunks(items, PAGE):
            found.update(shop.available_everywhere(some)[0])
    return found


def heard(mappings: Sequence[ProductMapping], open_shop: Callable[[int], Shopify]) -> Heard:
    """Ask every partner that feeds one of these, side by side. One that does not answer makes only its own
    unknown.
    """
    by_partner: defaultdict[int, list[ProductMapping]] = defaultdict(list)
    for each in mappings:
        by_partner[each.partner_id].append(each)
    if not by_partner:
        return Heard({}, {}, {})
    with ThreadPoolExecutor(min(len(by_partner), AT_ONCE_ASKED)) as pool:
        said = list(pool.map(lambda one: _heard_one(one[0], one[1], open_shop), by_partner.items()))
    return Heard(
        {number: found for each in said for number, found in each.readings.items()},
        {partner: error for each in said for partner, error in each.silent.items()},
        {shop: usage for each in said for shop, usage in each.usage.items()},
    )


def _heard_one(
    partner_id: int, mappings: Sequence[ProductMapping], open_shop: Callable[[int], Shopify]
) -> Heard:
    """Ask one partner."""
    usage: dict[str, Mapping[str, int | float]] = {}
    try:
        shop = open_shop(partner_id)
        try:
            with shop.http:
                return Heard(readings(shop, mappings), {}, usage)
        finally:
            usage[shop.http.account] = shop.http.usage.as_dict()
    except EvenstockError as error:
        return _silence(partner_id, mappings, error, usage)
    except Exception as error:  # noqa: BLE001 - isolation: a mistake with one partner makes only its own unknown
        return _silence(partner_id, mappings, ConnectorError(f"{type(error).__name__}: {error}"), usage)


def _silence(
    partner_id: int,
    mappings: Sequence[ProductMapping],
    error: EvenstockError,
    usage: Mapping[str, Mapping[str, int | float]],
) -> Heard:
    nothing = REFUSED if isinstance(error, Unauthorised) else UNREACHABLE
    unknown = {each.id: nothing for each in mappings if each.id is not None}
    return Heard(unknown, {partner_id: error}, usage)


def feeds(
    partner: Partner, mappings: Sequence[ProductMapping], found: Mapping[int, Reading], now: datetime
) -> list[Feed]:
    """What feeds each own variant of a partner: its own mappings, and all others that are summed with them.

    Each mapping comes with what was just seen of it.
    """
    parts: defaultdict[int, list[tuple[ProductMapping, Reading]]] = defaultdict(list)
    for each in mappings:
        said = found.get(each.id or 0, UNREACHABLE)
        parts[each.own_variant_id].append((sighted(each, said, now), said))
    return [_feed(partner, own, its) for own, its in parts.items()]


def _feed(partner: Partner, own: int, parts: Sequence[tuple[ProductMapping, Reading]]) -> Feed:
    sums = all(mapping.sums for mapping, _ in parts)
    its = parts if sums else [part for part in parts if part[0].partner_id == partner.id]
    return Feed(own, truth_of(partner, sums=sums), tuple(its))


def unbooked(
    shop: Shopify, products: Sequence[Product], known: Mapping[int, AbstractSet[str]], *, reads_orders: bool
) -> dict[int, int]:
    """Own units that the feeding partners do not know of, by own variant id; they are in the baseline.

    `known`: when the partners know of the own store's orders, by own variant: `at_shipping` (what is
    committed is unknown to them), `at_once` (nothing is) or after so many minutes. Partners that feed a
    variant together may differ, and nobody knows who will ship: the one that knows least counts. Where
    orders cannot be read, minutes are taken for `at_shipping`: it hides rather than oversells.
    """
    variants = [(variant, product.seen_at) for product in products for variant in product.variants]
    minutes = {variant: _longest(words) for variant, words in known.items()} if reads_orders else {}
    waiting = {variant.id: at for variant, at in variants if minutes.get(variant.id)}
    late = _late(shop, waiting, minutes) if waiting else {}
    return {
        variant.id: max(
            late.get(variant.id, 0),
            _committed(variant) if _counts_committed(known[variant.id], reads_orders=reads_orders) else 0,
        )
        for variant, _ in variants
    }


def _longest(words: Iterable[str]) -> int:
    """The most minutes among the words; 0 if none is a number."""
    return max((int(word) for word in words if word.isdecimal()), default=0)


def _counts_committed(words: Iterable[str], *, reads_orders: bool) -> bool:
    return any(word == AT_SHIPPING or (word.isdecimal() and not reads_orders) for word in words)


def _committed(variant: Variant) -> int:
    quantities = variant.level.quantities if variant.level else None
    return quantities.committed if quantities else 0


def _late(shop: Shopify, seen_at: Mapping[int, datetime], minutes: Mapping[int, int]) -> dict[int, int]:
    """Units ordered within each variant's own minutes."""
    found: dict[int, int] = {}
    for delay in set(minutes.values()):
        its = {variant: at for variant, at in seen_at.items() if minutes[variant] == delay}
        found |= fetch.unbooked(shop, its, timedelta(minutes=delay))
    return found
