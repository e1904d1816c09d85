"""Read back what was written, and say what sales do not explain."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from connectors.errors import ConnectorError
from connectors.records import Level, OrderLine, Quantities
from tasks import derive
from tasks.plan import Outcome, QuantityName
from tasks.write import Written


class Store(Protocol):
    """What a receipt needs of a shop."""

    def levels(self, items: Sequence[int]) -> dict[int, Level | None]:
        """Levels by inventory item id."""
        ...

    def order_lines(self, since: datetime) -> list[OrderLine]:
        """Lines of recent orders."""
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """How many lines were read back, how many had drifted, and how many could not be read."""

    read_back: int = 0
    drift: int = 0
    unconfirmed: int = 0

    def __add__(self, other: "Receipt") -> "Receipt":
        return Receipt(
            self.read_back + other.read_back, self.drift + other.drift, self.unconfirmed + other.unconfirmed
        )


def read_back(
    store: Store, written: Sequence[Written], name: QuantityName, since: datetime | None
) -> tuple[list[Written], Receipt]:
    """Compare what the shop holds now with what was written; a line that drifted becomes a conflict.

    `since`: a moment before the first of these writes, by the shop's clock; orders are asked only when a
    level lost more than was promised to customers at the time of the write. None: no such moment is known,
    and what orders would have to explain counts as drift.
    """
    done = [each for each in written if each.line.outcome is Outcome.DONE and each.before is not None]
    try:
        levels = store.levels([each.line.item_id for each in done]) if done else {}
    except ConnectorError:
        return list(written), Receipt(unconfirmed=len(done))
    readings = {item: level.quantities for item, level in levels.items() if level and level.quantities}
    drifted = _drifted(store, done, readings, name, since)
    confirmed = [_drift(each) if each.line.item_id in drifted else each for each in written]
    missing = sum(1 for each in done if each.line.item_id not in readings)
    return confirmed, Receipt(len(done) - missing, len(drifted), missing)


def _drifted(
    store: Store,
    done: Sequence[Written],
    readings: dict[int, Quantities],
    name: QuantityName,
    since: datetime | None,
) -> set[int]:
    drifted: set[int] = set()
    departed: dict[int, tuple[int, int]] = {}
    for each in done:
        found, before, sent = readings.get(each.line.item_id), each.before, each.line.written_to
        if found is None or before is None or sent is None:
            continue
        if derive.is_drift(before, sent, found, name):
            drifted.add(each.line.item_id)
        elif units := derive.unexplained_departures(before, sent, found, name):
            departed[each.line.item_id] = (each.line.variant_id, units)
    return drifted | _not_ordered(store, departed, since)


def _not_ordered(store: Store, departed: dict[int, tuple[int, int]], since: datetime | None) -> set[int]:
    """Items that lost units which no order of these moments explains."""
    if not departed or since is None:
        return set(departed)
    ordered: Counter[int] = Counter()
    try:
        for line in store.order_lines(since):
            ordered[line.variant_id] += line.quantity
    except ConnectorError:
        return set(departed)
    return {item for item, (variant, units) in departed.items() if ordered[variant] < units}


def _drift(written: Written) -> Written:
    note = "what was written is not what the shop shows, and sales do not explain it"
    return replace(written, line=written.line.ended(Outcome.CONFLICT, "drift", note))
