"""Events in a shop: what buyers, staff and other apps do while a client looks elsewhere."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.reading import REQUIRED, Key, Path, counted, filled, flag, one_of, optional, read, whole
from sandbox.shopify.model import LevelAt, Order, Product, Variant
from sandbox.shopify.store import RefusedError, Store

Given = Mapping[str, Any]
AT: Final = {"variant_id": Key(counted, REQUIRED), "location_id": Key(optional(counted))}
SOME: Final = {**AT, "quantity": Key(counted, 1)}


class Happenings:
    """Makes events happen in one shop; RefusedError where the shop cannot."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.shop = store.shop

    def variant(self, given: Given) -> Variant:
        """The variant an event speaks of."""
        found = self.shop.variants.get(given["variant_id"])
        if found is None:
            raise RefusedError(f"there is no variant {given['variant_id']}")
        return found

    def product(self, given: Given) -> Product:
        """The product an event speaks of."""
        found = self.shop.products.get(given["product_id"])
        if found is None:
            raise RefusedError(f"there is no product {given['product_id']}")
        return found

    def order(self, given: Given) -> Order:
        """The order an event speaks of."""
        found = self.shop.orders.get(given["order_id"])
        if found is None:
            raise RefusedError(f"there is no order {given['order_id']}")
        return found

    def place(self, given: Given) -> int:
        """The location an event speaks of, else the first."""
        number = given["location_id"] or next(iter(self.shop.locations))
        if number not in self.shop.locations:
            raise RefusedError(f"there is no location {number}")
        return int(number)

    def level(self, given: Given) -> LevelAt:
        """The level an event speaks of."""
        return self.store.level(self.variant(given), self.place(given))

    def sale(self, given: Given) -> dict[str, object]:
        """An order is placed."""
        order = self.store.sale(self.variant(given), self.place(given), given["quantity"])
        return {"order_id": order.id}

    def fulfil(self, given: Given) -> None:
        """An order's goods leave."""
        self.store.fulfil(self.order(given))

    def cancel(self, given: Given) -> None:
        """An order is cancelled."""
        self.store.cancel(self.order(given), restock=given["restock"])

    def restock(self, given: Given) -> None:
        """Units come back on sale."""
        self.store.change(self.level(given), {"available": given["quantity"]})

    def edit(self, given: Given) -> None:
        """Someone sets what is available."""
        self.store.set_quantity(self.variant(given), self.place(given), "available", given["quantity"])

    def incoming(self, given: Given) -> None:
        """Units are on their way."""
        self.store.change(self.level(given), {"incoming": given["quantity"]})

    def reserve(self, given: Given) -> None:
        """Units are set aside."""
        quantity = given["quantity"]
        self.store.change(self.level(given), {"available": -quantity, "reserved": quantity})

    def deactivate(self, given: Given) -> None:
        """A location stops stocking an item."""
        self.store.force_inactive(self.level(given))

    def delete_variant(self, given: Given) -> None:
        """A variant is deleted."""
        variant = self.variant(given)
        if len(variant.product.variants) == 1:
            raise RefusedError("the last variant of a product cannot be deleted")
        self.store.delete_variants(variant.product, [variant])

    def delete_product(self, given: Given) -> None:
        """A product is deleted."""
        self.store.delete_product(self.product(given))

    def tag(self, given: Given) -> None:
        """Someone tags a product, or takes a tag away."""
        product = self.product(given)
        without = [tag for tag in product.tags if tag.casefold() != given["tag"].casefold()]
        self.store.set_tags(product, without if given["remove"] else [*product.tags, given["tag"]])

    def revoke_token(self, _: Given) -> None:
        """The token stops working."""
        self.store.revoke_token()


Happening = Callable[[Happenings, Given], dict[str, object] | None]
KINDS: Final[Mapping[str, tuple[Happening, Mapping[str, Key]]]] = {
    "sale": (Happenings.sale, SOME),
    "fulfil": (Happenings.fulfil, {"order_id": Key(counted, REQUIRED)}),
    "cancel": (Happenings.cancel, {"order_id": Key(counted, REQUIRED), "restock": Key(flag, True)}),
    "restock": (Happenings.restock, SOME),
    "edit": (Happenings.edit, {**AT, "quantity": Key(whole, REQUIRED)}),
    "incoming": (Happenings.incoming, SOME),
    "reserve": (Happenings.reserve, SOME),
    "deactivate": (Happenings.deactivate, AT),
    "delete_variant": (Happenings.delete_variant, {"variant_id": Key(counted, REQUIRED)}),
    "delete_product": (Happenings.delete_product, {"product_id": Key(counted, REQUIRED)}),
    "tag": (
        Happenings.tag,
        {"product_id": Key(counted, REQUIRED), "tag": Key(filled, REQUIRED), "remove": Key(flag, False)},
    ),
    "revoke_token": (Happenings.revoke_token, {}),
}


def check(kind: str, given: Given, path: Path = ("event",)) -> Given:
    """The event's values, completed; WorldError if there is no such event, or it says too little or much."""
    one_of(*KINDS)(kind, (*path, "kind"))
    return read(dict(given), path, KINDS[kind][1])


def happen(store: Store, kind: str, given: Given) -> dict[str, object]:
    """Make an event happen; {"refused": why} where the shop cannot."""
    make, values = KINDS[kind][0], check(kind, given)
    try:
        with store.writing("event"):
            result = make(Happenings(store), values)
    except RefusedError as error:
        return {"refused": str(error)}
    return result or {"done": True}
