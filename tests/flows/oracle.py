"""What a run may have done, told from the shop's own list of writes and from the rules of the design alone.

Nothing here is taken from the code under test: the list of accepted changes is replayed in its order, and
each write of a run is held against the rule that a unit sold after the baseline is never given back.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from tests.worlds import LOCATION, OWN, World

Write = dict[str, Any]
OTHER = ("reserved", "damaged", "safety_stock", "quality_control")


@dataclass(slots=True)
class Shelf:
    """One level as it stands while the list is replayed.

    `sales`: units ordered since the baseline. `writes`: how often a run wrote it, `undone`: how often it took
    that back. `was_level`: it held, at some moment since the baseline, what the rule allows.
    """

    sku: str
    product: int
    variant: int
    available: int
    committed: int
    other: int
    sales: int = 0
    writes: int = 0
    undone: int = 0
    last: tuple[int, int] | None = None
    moved_by_runs: int = 0
    was_level: bool = False
    is_gone: bool = False

    @property
    def on_hand(self) -> int:
        """Units that are there, promised or not."""
        return self.available + self.committed + self.other

    def holds(self, name: str) -> int:
        """Units of a quantity name."""
        return self.available if name == "available" else self.on_hand

    def move(self, name: str, delta: int) -> None:
        """Change a quantity; one that is set by the name of on hand moves available."""
        if name == "committed":
            self.committed += delta
        elif name in {"available", "on_hand"}:
            self.available += delta


def shelves(world: World) -> dict[int, Shelf]:
    """The levels of a world by inventory item id."""
    return {
        variant["inventory_item_id"]: _shelf(product["id"], variant, variant["levels"][str(LOCATION)])
        for product in world["shopify"][OWN]["products"]
        for variant in product["variants"]
        if str(LOCATION) in variant["levels"]
    }


def _shelf(product: int, variant: World, level: World) -> Shelf:
    other = sum(level.get(name, 0) for name in OTHER)
    numbers = (level["available"], level.get("committed", 0), other)
    return Shelf(variant["sku"], product, variant["id"], *numbers)


@dataclass(slots=True)
class Oracle:
    """Follows a shop from the baseline on.

    `truth` is what RMS says of each SKU, None where it says nothing. `touched` are variants that somebody
    changed by hand: there the rule, not the order book, says what is right. `wrongs` is what broke a rule.
    """

    name: str
    truth: Mapping[str, int | None]
    baseline: dict[int, Shelf]
    touched: AbstractSet[int] = frozenset()
    shelves: dict[int, Shelf] = field(default_factory=dict)
    wrongs: list[str] = field(default_factory=list)

    def replay(self, writes: Iterable[Write]) -> None:
        """Go through the list of writes from the baseline on."""
        self.shelves = {item: copy(shelf) for item, shelf in self.baseline.items()}
        self._look()
        for write in writes:
            if write["system"] == "shopify":
                self._take(write)
                self._look()

    def of(self, variant: int) -> Shelf:
        """The shelf of a variant."""
        return next(shelf for shelf in self.shelves.values() if shelf.variant == variant)

    def allowed(self, item: int) -> int | None:
        """What a level may hold now: the truth, less what others took since the baseline."""
        now, then = self.shelves[item], self.baseline[item]
        truth, ours = self.truth.get(now.sku), now.moved_by_runs
        sold = max(0, then.available + ours - now.available, now.committed - then.committed)
        left = max(0, then.on_hand + ours - now.on_hand)
        gone = sold if self.name == "available" else left
        return None if truth is None else max(0, truth - gone)

    def _look(self) -> None:
        for item, shelf in self.shelves.items():
            shelf.was_level |= shelf.holds(self.name) == self.allowed(item)

    def _take(self, write: Write) -> None:
        if write["what"] == "level" and write["location"] == LOCATION:
            shelf = self.shelves[write["id"]]
            if write["operation"] != "event":
                self._judge(shelf, write)
                shelf.moved_by_runs += write["after"] - write["before"]
            shelf.move(write["name"], write["after"] - write["before"])
        elif write["what"] == "order" and isinstance(write["after"], dict):
            self.of(write["after"]["variant_id"]).sales += write["after"]["quantity"]
        elif write["what"] == "variant" and write["after"] is None:
            self._deleted(self.of(write["id"]))

    def _judge(self, shelf: Shelf, write: Write) -> None:
        """A write of a run: compared with what the shop held, it brings what is allowed, or undoes it."""
        if shelf.last == (write["after"], write["before"]):
            shelf.undone, shelf.last = shelf.undone + 1, None
            return
        allowed, to = self.allowed(write["id"]), write["after"]
        truth = self.truth.get(shelf.sku)
        shelf.writes, shelf.last = shelf.writes + 1, (write["before"], to)
        self._unless(shelf, write["name"] == self.name, f"wrote {write['name']}")
        self._unless(shelf, write["before"] == shelf.holds(self.name), "compared with another number")
        self._unless(shelf, to == allowed, f"wrote {to} where {allowed} is right")
        if self.name == "available" and shelf.variant not in self.touched and truth is not None:
            self._unless(shelf, to <= max(0, truth - shelf.sales), f"gave back some of {shelf.sales} sold")

    def _deleted(self, shelf: Shelf) -> None:
        shelf.is_gone = True
        self._unless(shelf, self.truth.get(shelf.sku) == 0, "deleted without a proved zero")
        if shelf.variant not in self.touched:
            self._unless(shelf, shelf.on_hand == 0, f"deleted with {shelf.on_hand} on hand")

    def _unless(self, shelf: Shelf, holds: bool, text: str) -> None:  # noqa: FBT001 - reads as a sentence
        if not holds:
            self.wrongs.append(f"{shelf.sku}: {text}")
