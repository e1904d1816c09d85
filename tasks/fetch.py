"""Ask RMS what there really is, and the shop what it sold that RMS cannot know yet."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from connectors.rms import Rms
from connectors.shopify import Shopify
from tasks.matching import Truth, truth_of


def truth(rms: Rms, ccods: Sequence[str]) -> Truth:
    """RMS's rows for these CCODs. Raises `Transient` when RMS does not answer."""
    answer = rms.rows(ccods)
    return truth_of(answer.rows, answer.torn)


def unbooked(shop: Shopify, seen_at: Mapping[int, datetime], delay: timedelta) -> Mapping[int, int]:
    """Units by variant id, sold before the baseline and so lately that RMS may not have booked them.

    `seen_at` is when each variant's baseline was read. Times are the shop's own. The cut is taken at the
    last baseline, a little before RMS was read: an order in between counts as unbooked, the safe side.
    """
    if not seen_at or not delay:
        return {}
    units: Counter[int] = Counter()
    for line in shop.order_lines(max(seen_at.values()) - delay):
        baseline = seen_at.get(line.variant_id)
        if baseline is not None and line.created_at <= baseline:
            units[line.variant_id] += line.quantity
    return units


def sold_since(shop: Shopify, since: datetime) -> frozenset[int]:
    """Variants with an order line since then."""
    return frozenset(line.variant_id for line in shop.order_lines(since))
