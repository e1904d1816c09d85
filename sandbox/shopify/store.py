"""Every way a shop changes, with its arithmetic. Each accepted change stands in the ledger of writes.

A sale takes from available and adds to committed; fulfilment takes from committed. On hand
follows, as it is their sum.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from sandbox.ledger import Ledger, Write
from sandbox.shopify.model import Level, LevelAt, Line, Metafield, Order, Product, Variant
from sandbox.shopify.section import unique_tags
from sandbox.shopify.shop import Shop
from sandbox.shopify.switches import Switches


class RefusedError(ValueError):
    """A change that this shop cannot make; the text says why."""


class News(NamedTuple):
    """Something that web hooks tell: a topic, and the number of the thing (a level has a location too)."""

    topic: str
    number: int
    location: int | None = None


def _untold(_: Sequence[News]) -> None:
    """Nobody wants to know."""


TOGGLED: Final = {True: "INVENTORY_LEVELS_CONNECT", False: "INVENTORY_LEVELS_DISCONNECT"}


def _news_of(write: Write, shop: Shop) -> Iterator[News]:
    """What web hooks tell of a change."""
    number = int(write.id)
    match write.what:
        case "level" if write.name in ("available", "on_hand"):
            yield News("INVENTORY_LEVELS_UPDATE", number, write.location)
        case "activation":
            yield News(TOGGLED[bool(write.after)], number, write.location)
        case "item":
            yield News("PRODUCTS_UPDATE", shop.items[number].product.id)
        case "product" if write.after is None:
            yield News("PRODUCTS_DELETE", number)
        case "order" if write.before is None:
            yield News("ORDERS_CREATE", number)


class Patch(NamedTuple):
    """One change, so that a stale read can look behind it."""

    undo: Callable[[], object]
    redo: Callable[[], object]


@dataclass(eq=False)
class Store:
    """Changes one shop. One thread at a time, inside `writing`."""

    shop: Shop
    ledger: Ledger
    switches: Switches
    last: list[Patch] = field(default_factory=list)
    last_at: float = 0.0
    tell: Callable[[Sequence[News]], object] = _untold
    _operation: str = ""
    _key: str | None = None
    _patches: list[Patch] = field(default_factory=list)
    _news: list[News] = field(default_factory=list)

    @contextmanager
    def writing(self, operation: str, key: str | None = None) -> Iterator[list[Patch]]:
        """The changes made inside belong to this operation; the list tells whether there were any."""
        outer = (self._operation, self._key, self._patches)
        self._operation, self._key, self._patches = operation, key, []
        patches = self._patches
        try:
            yield patches
        finally:
            self._operation, self._key, self._patches = outer
            if patches:
                self.last, self.last_at = patches, self.shop.clock.seconds()
            news, self._news = self._news, []
            if news:
                self.tell(news)

    def label(self, operation: str, key: str | None) -> None:
        """What follows belongs to this root field of the operation."""
        self._operation, self._key = operation, key

    @contextmanager
    def before_last_write(self) -> Iterator[None]:
        """The shop as it was before the last operation that wrote."""
        for patch in reversed(self.last):
            patch.undo()
        self.shop.forget_order_of_orders()
        try:
            yield
        finally:
            for patch in self.last:
                patch.redo()
            self.shop.forget_order_of_orders()

    def _patch(self, undo: Callable[[], object], redo: Callable[[], object]) -> None:
        self._patches.append(Patch(undo, redo))
        redo()

    def _put(self, thing: object, name: str, value: object) -> None:
        self._patch(partial(setattr, thing, name, getattr(thing, name)), partial(setattr, thing, name, value))

    def _note(
        self,
        what: str,
        number: int,
        before: object,
        after: object,
        *,
        location: int | None = None,
        name: str | None = None,
    ) -> None:
        settings = self.shop.settings
        time = self.ledger.stamp()
        write = Write(
            time, "shopify", settings.domain, self._operation, self._key,
            what, number, location, name, before, after,
        )  # fmt: skip
        self.ledger.wrote(write)
        if self.shop.subscriptions:
            self._news.extend(_news_of(write, self.shop))

    # ------------------------------------------------------------------ levels

    def level(self, variant: Variant, location_id: int) -> LevelAt:
        """The level; RefusedError if the item is not stocked there."""
        found = self.shop.level(variant, location_id)
        if found is None:
            raise RefusedError(f"variant {variant.id} is not stocked at location {location_id}")
        return found

    def change(self, at: LevelAt, deltas: Mapping[str, int], shown: str | None = None) -> None:
        """Move quantities of a level. Each is a line of the ledger, or only `shown` is."""
        noted = (shown,) if shown else tuple(deltas)
        before = {name: getattr(at.level, name) for name in noted}
        self.shop.remember_total(at.variant.product)
        for name, delta in deltas.items():
            self._put(at.level, name, getattr(at.level, name) + delta)
        now = self.shop.clock.now()
        self._put(at.level, "updated_at", now)
        if self.switches["updated_at"] == "bumped":
            self._put(at.variant, "updated_at", now)
            self.touch(at.variant.product)
        for name in noted:
            after = getattr(at.level, name)
            place = at.location.id
            self._note("level", at.variant.item_id, before[name], after, location=place, name=name)

    def set_quantity(self, variant: Variant, location_id: int, name: str, quantity: int) -> int:
        """Make `available` or `on_hand` this number, both move together; gives the difference."""
        at = self.shop.level(variant, location_id) or self._unstocked(variant, location_id)
        delta = quantity - int(getattr(at.level, name))
        if delta:
            self.change(at, {"available": delta}, name)
        return delta

    def _unstocked(self, variant: Variant, location_id: int) -> LevelAt:
        """A level that came to be by a set, without activation."""
        visible = self.switches["unstocked"] == "visible"
        return self._new_level(variant, location_id, Level(active=visible))

    def _new_level(self, variant: Variant, location_id: int, level: Level) -> LevelAt:
        level.updated_at = self.shop.clock.now()
        levels = dict(variant.levels)
        self._put(variant, "levels", {**levels, location_id: level})
        return LevelAt(variant, self.shop.locations[location_id], level)

    def activate(self, variant: Variant, location_id: int) -> LevelAt:
        """Make or revive a level; one that was active stays as it is."""
        at = self.shop.level(variant, location_id)
        if at is None:
            at = self._new_level(variant, location_id, Level())
            self._note("activation", variant.item_id, None, True, location=location_id)
        elif not at.level.active:
            self._toggle(at, active=True)
            if self.switches["activate"] == "zeroes" and at.level.available:
                self.change(at, {"available": -at.level.available})
        return at

    def deactivate(self, at: LevelAt) -> None:
        """Take a level out of sight; its quantities stay. RefusedError for an item's only active level."""
        others = sum(level.active for level in at.variant.levels.values()) - at.level.active
        if at.level.active and not others:
            raise RefusedError("an item must be stocked at one location at least")
        if at.level.active:
            self._toggle(at, active=False)

    def force_inactive(self, at: LevelAt) -> None:
        """Take a level out of sight even if it is the item's only one, as the admin may."""
        if at.level.active:
            self._toggle(at, active=False)

    def _toggle(self, at: LevelAt, *, active: bool) -> None:
        self.shop.remember_total(at.variant.product)
        self._put(at.level, "active", active)
        self._put(at.level, "updated_at", self.shop.clock.now())
        self._note("activation", at.variant.item_id, not active, active, location=at.location.id)

    # ------------------------------------------------------------------ orders

    def sale(self, variant: Variant, location_id: int, quantity: int) -> Order:
        """An order of one line; RefusedError beyond what is available unless the policy is CONTINUE."""
        if variant.tracked:
            at = self.level(variant, location_id)
            if not at.level.active:
                raise RefusedError(f"variant {variant.id} is not active at location {location_id}")
            if quantity > at.level.available and variant.policy != "CONTINUE":
                raise RefusedError(f"only {at.level.available} of variant {variant.id} are available")
            self.change(at, {"available": -quantity, "committed": quantity})
        return self._new_order(variant, location_id, quantity)

    def _new_order(self, variant: Variant, location_id: int, quantity: int) -> Order:
        now, number = self.shop.clock.now(), self.shop.fresh_id()
        order = Order(id=number, created_at=now, updated_at=now)
        title = variant.product.title
        order.lines = [
            Line(number * 1000 + 1, variant.id, quantity, quantity, variant.sku, title, location_id)
        ]
        self._patch(
            partial(self.shop.orders.pop, number, None), partial(self.shop.orders.setdefault, number, order)
        )
        self.shop.forget_order_of_orders()
        self._note("order", number, None, {"variant_id": variant.id, "quantity": quantity})
        return order

    def fulfil(self, order: Order) -> None:
        """The goods leave: committed falls, and on hand with it."""
        if order.fulfilled or order.cancelled_at:
            raise RefusedError(f"order {order.id} is fulfilled or cancelled already")
        for at, quantity in self._stocked_lines(order):
            self.change(at, {"committed": -quantity})
        self._put(order, "fulfilled", True)
        self._put(order, "updated_at", self.shop.clock.now())
        self.shop.forget_order_of_orders()
        self._note("order", order.id, "open", "fulfilled")

    def cancel(self, order: Order, *, restock: bool) -> None:
        """The order is off; its units go back on sale, or are written off if they are not restocked."""
        if order.cancelled_at:
            raise RefusedError(f"order {order.id} is cancelled already")
        for at, quantity in self._stocked_lines(order):
            deltas = {} if order.fulfilled else {"committed": -quantity}
            back = {"available": quantity} if restock else {}
            if deltas or back:
                self.change(at, {**deltas, **back})
        for line in order.lines:
            self._put(line, "current_quantity", 0)
        self._put(order, "cancelled_at", self.shop.clock.now())
        self._put(order, "updated_at", self.shop.clock.now())
        self.shop.forget_order_of_orders()
        self._note("order", order.id, "open", "cancelled")

    def _stocked_lines(self, order: Order) -> Iterator[tuple[LevelAt, int]]:
        for line in order.lines:
            variant = self.shop.variants.get(line.variant_id or 0)
            if variant is None or not variant.tracked:
                continue
            place = line.location_id or next(iter(variant.levels), None)
            at = self.shop.level(variant, place) if place else None
            if at:
                yield at, line.current_quantity

    # ---------------------------------------------------------------- products

    def touch(self, product: Product) -> None:
        """The product was updated now; search will see it later."""
        self.shop.remember_index(product)
        self._put(product, "updated_at", self.shop.clock.now())
        if self.shop.subscriptions:
            self._news.append(News("PRODUCTS_UPDATE", product.id))

    def set_tags(self, product: Product, tags: Sequence[str]) -> None:
        """Give the product these tags instead of its own."""
        before, after = list(product.tags), unique_tags(list(tags))
        if before == after:
            return
        self.touch(product)
        self._put(product, "tags", after)
        self._note("tags", product.id, before, after)

    def set_field(self, product: Product, name: str, value: object) -> None:
        """Change a product's status, title, handle, vendor or type."""
        before = getattr(product, name)
        if before == value:
            return
        self.touch(product)
        self._put(product, name, value)
        self._note("product", product.id, before, value, name=name)

    def set_item_field(self, variant: Variant, name: str, value: object) -> None:
        """Change something of an inventory item."""
        before = getattr(variant, name)
        if before == value:
            return
        if name == "sku":
            self.shop.skus[before] -= bool(before)
            self.shop.skus[value] += bool(value)  # type: ignore[index]  # a SKU is text
        self._put(variant, name, value)
        self._put(variant, "updated_at", self.shop.clock.now())
        self._note("item", variant.item_id, before, value, name=name)

    def set_metafield(self, owner: Product | Variant, name: str, metafield: Metafield) -> None:
        """Make or change a metafield."""
        before = owner.metafields.get(name)
        if before == metafield:
            return
        self._put(owner, "metafields", {**owner.metafields, name: metafield})
        self.touch(owner if isinstance(owner, Product) else owner.product)
        self._note("metafield", owner.id, before and before.value, metafield.value, name=name)

    def add_variants(self, product: Product, variants: Sequence[Variant]) -> None:
        """Take new variants into their product, behind those it has."""
        if not variants:
            return
        last = max((one.position for one in product.variants), default=0)
        for position, variant in enumerate(variants, last + 1):
            variant.position = position
            self.shop.add_variant(variant)
            self._note("variant", variant.id, None, variant.sku)
        self._put(product, "variants", [*product.variants, *variants])
        self.touch(product)

    def delete_variants(self, product: Product, variants: Sequence[Variant]) -> None:
        """Take variants away with their items and levels; lines of old orders lose sight of them."""
        gone = {variant.id for variant in variants}
        self._put(product, "variants", [one for one in product.variants if one.id not in gone])
        for variant in variants:
            self.shop.drop_variant(variant)
            self._note("variant", variant.id, variant.sku, None)
        self._forget_in_orders(gone)
        self.touch(product)

    def delete_product(self, product: Product) -> None:
        """Take a product away with all its variants."""
        gone = {variant.id for variant in product.variants}
        self.shop.drop_product(product)
        self._forget_in_orders(gone)
        self._note("product", product.id, product.title, None)

    def _forget_in_orders(self, gone: set[int]) -> None:
        for order in self.shop.orders.values():
            for line in order.lines:
                if line.variant_id in gone:
                    self._put(line, "variant_id", None)

    def revoke_token(self) -> None:
        """The shop's token no longer opens it."""
        self.shop.settings.token = None
        self._note("token", 0, "valid", None)
