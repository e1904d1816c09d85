"""Decide which products get the day's mark, and which only lose their older ones."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from connectors.records import Product
from tasks.day import older_marks

OlderMarks = Mapping[int, Sequence[str]]
"""Marks of days before the run's, by the id of the product that carries them; a product may carry none."""


def finished(products: Iterable[Product], ids: Iterable[int], day: date) -> OlderMarks:
    """The products that get the day's mark, with the marks that it replaces."""
    older = {product.id: older_marks(product.tags, day) for product in products}
    return {each: older.get(each, ()) for each in ids}


def swept(
    products: Iterable[Product], marked: OlderMarks, stale: OlderMarks | None, day: date
) -> OlderMarks | None:
    """The products that only lose their older marks; None when no sweep is due.

    `stale` carry the day's mark already. Of the others that were looked at, those that are not `marked` now
    lose theirs too: how long they have been waiting is not told by their marks.
    """
    if stale is None:
        return None
    older = ((product.id, older_marks(product.tags, day)) for product in products)
    return {**stale, **{each: tags for each, tags in older if tags and each not in marked}}
