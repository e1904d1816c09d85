"""Look at what web hooks named: find the products, and have just these refreshed."""

from collections.abc import Callable, Sequence

from connectors.settings import Settings
from connectors.shopify.hooks import Hint, products_of
from tasks.desk import ledger_of, open_shop
from tasks.inbox import Look

Refresh = Callable[[list[int]], None]
"""Refreshes some products; raises if it could not."""


def looking(settings: Settings, refresh: Refresh) -> Look:
    """A look at things: items become their products, each product is refreshed once."""

    def look(found: Sequence[Hint]) -> None:
        products = dict.fromkeys(each.id for each in found if each.kind == "product")
        items = [each.id for each in found if each.kind == "item"]
        products |= dict.fromkeys(_products_of(settings, items))
        if products:
            refresh(list(products))

    return look


def _products_of(settings: Settings, items: Sequence[int]) -> list[int]:
    """The products of items: as the ledger knows them, else as the store says. Gone ones have none."""
    if not items:
        return []
    known = ledger_of(settings).vendor_products_of(settings.shop, items)
    unknown = [each for each in items if each not in known]
    told = products_of(open_shop(settings).http, unknown) if unknown else {}
    return [*known.values(), *told.values()]
