"""What we hear from BrickLink: readers of decoded answers, without any I/O.

https://www.bricklink.com/v3/api.page?page=resource-representations-inventory,
https://www.bricklink.com/v3/api.page?page=resource-representations-order
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from html import unescape
from typing import Final

from connectors.bricklink.calls import CONDITIONS, key_of
from connectors.bricklink.envelope import data, listed
from connectors.errors import Malformed
from connectors.http import Answer
from connectors.market import Condition, Lot, MarketOrder, OrderLine, OrderState, Part, split
from connectors.records import JsonObject, JsonValue
from connectors.redaction import one_line
from connectors.shape import (
    as_bool,
    as_count,
    as_decimal,
    as_key,
    as_object,
    as_text,
    as_time,
    as_units,
    each_readable,
)

CANCELLED: Final = frozenset({"CANCELLED", "NPB", "NPX"})
"""Statuses of orders whose units nobody will get. Any other, also one nobody knows, is open."""

PURGED: Final = "PURGED"
"""An order of more than six months ago: what was in it is no longer told."""

LONGEST_STATUS: Final = 64
"""Characters of a status that are kept."""

LONGEST_LINE: Final = 128
"""Characters of what a line goes by."""

TOLD_FOR: Final = timedelta(days=150)
"""For so long it surely is: BrickLink speaks of about six months."""


@dataclass(frozen=True, slots=True)
class OrderHead:
    """An order as the list of orders has it; `stamp` moves with every change that the list can show."""

    order_id: str
    status: str
    ordered_at: datetime
    changed_at: datetime | None
    stamp: str
    units: int | None = None
    """How many units its lines must come to; None if the list does not tell."""
    is_of_long_ago: bool = False
    """What was in it may no longer be told."""

    @property
    def state(self) -> OrderState:
        """Whether its units count as sold."""
        return "cancelled" if self.status in CANCELLED else "open"


# ------------------------------------------------------------------ lots


def lots(answer: Answer, *, keep_empty: bool) -> list[Lot]:
    """All lots of a list; there are no further pages."""
    return [lot(each, keep_empty=keep_empty) for each in listed(answer, "inventories")]


def lot(value: JsonValue, *, keep_empty: bool) -> Lot:
    """One lot. `keep_empty`: those that the seller does not retain may be brought to zero all the same."""
    found = as_object(value, "lot")
    sold = part(found)
    quantity = as_units(found.get("quantity"), "lot.quantity")
    text, mark = split(_plain(found.get("remarks")))
    retain, room = _flag(found, "is_retain"), _stock_room(found)
    return Lot(
        lot_id=as_key(found.get("inventory_id"), "lot.inventory_id"),
        key=key_of(sold),
        part=sold,
        quantity=quantity,
        price=as_decimal(found.get("unit_price"), "lot.unit_price"),
        marker=mark,
        text=text,
        public_text=_plain(found.get("description")),
        on_sale=room is None and quantity > 0,
        may_be_empty=retain or keep_empty,
        title=_plain(as_object(found.get("item"), "lot.item").get("name")),
        retain=retain,
        stock_room=room,
    )


def part(found: JsonObject) -> Part:
    """What a lot or an order's line sells."""
    item = as_object(found.get("item"), "item")
    return Part(
        item_type=as_text(item.get("type"), "item.type").upper(),
        no=_plain(as_key(item.get("no"), "item.no")),
        color_id=as_count(found.get("color_id"), "color_id"),
        condition=_condition(found.get("new_or_used")),
        completeness=_plain(found.get("completeness")) or None,
    )


def created(answer: Answer) -> str:
    """The id of the lot that was just made."""
    return as_key(as_object(data(answer), "lot").get("inventory_id"), "lot.inventory_id")


def _condition(value: JsonValue) -> Condition:
    letter = as_text(value, "new_or_used").upper()
    if letter not in CONDITIONS:
        raise Malformed(f"new_or_used: expected N or U, found {letter[:20]!r}")
    return CONDITIONS[letter]


def _stock_room(found: JsonObject) -> str | None:
    if not _flag(found, "is_stock_room"):
        return None
    return _plain(found.get("stock_room_id")) or "A"


def _flag(found: JsonObject, name: str) -> bool:
    return as_bool(found.get(name), f"lot.{name}")


_ENTITY = re.compile(r"&(#\d+|#[xX][0-9a-fA-F]+|\w+);")


def _plain(value: JsonValue) -> str:
    """A text without the HTML entities that some answers have and others have not; "" for none."""
    if value is None:
        return ""
    return _ENTITY.sub(lambda entity: unescape(entity[0]), as_text(value, "text"))


# ------------------------------------------------------------------ orders


def order_heads(answer: Answer, problems: list[Malformed]) -> list[OrderHead]:
    """The orders of a list; those that cannot be read are among `problems`."""
    rows = listed(answer, "orders")
    return each_readable(rows, lambda each: _head(as_object(each, "order"), answer.at), problems)


def order_lines(answer: Answer) -> tuple[OrderLine, ...]:
    """The lines of an order. They come in one array for each batch that the buyer added."""
    batches = listed(answer, "order.items")
    items = [item for batch in batches for item in (batch if isinstance(batch, list) else [batch])]
    return _added_up(_line(as_object(item, "order.item")) for item in items)


def order(head: OrderHead, lines: tuple[OrderLine, ...] | None) -> MarketOrder:
    """An order of the list, with the lines that were read for it. Raises Malformed if some are missing."""
    told = sum(line.quantity for line in lines or ())
    if lines is not None and head.state == "open" and told < (head.units or 0):
        raise Malformed(f"order {head.order_id}: its lines come to {told} units, announced are {head.units}")
    return MarketOrder(
        head.order_id, head.status, head.state, head.ordered_at, head.changed_at, head.stamp, lines
    )


def _head(found: JsonObject, now: datetime) -> OrderHead:
    status = one_line(as_text(found.get("status"), "order.status"), LONGEST_STATUS).upper()
    ordered_at = as_time(found.get("date_ordered"), "order.date_ordered")
    changed = found.get("date_status_changed")
    changed_at = None if changed is None else as_time(changed, "order.date_status_changed")
    seen = [status, str(changed or "-"), str(found.get("total_count")), str(found.get("unique_count"))]
    return OrderHead(
        as_key(found.get("order_id"), "order.order_id"),
        status,
        ordered_at,
        changed_at,
        one_line(" ".join(seen)),
        None if found.get("total_count") is None else as_units(found["total_count"], "order.total_count"),
        is_of_long_ago=now - ordered_at > TOLD_FOR,
    )


def _line(found: JsonObject) -> OrderLine:
    """A line; BrickLink numbers none, so it goes by its lot, or by what it sells if it names no lot."""
    key = key_of(part(found))
    number = found.get("inventory_id")
    lot_id = as_key(number, "order.item.inventory_id") if number else ""
    quantity = as_units(found.get("quantity"), "order.item.quantity")
    line_id = as_key(lot_id or key, "order.item", LONGEST_LINE)
    return OrderLine(line_id, lot_id, key, split(_plain(found.get("remarks")))[1], quantity)


def _added_up(lines: Iterable[OrderLine]) -> tuple[OrderLine, ...]:
    """One line for each lot: a lot that was bought twice in one order is told twice."""
    total: dict[str, OrderLine] = {}
    for line in lines:
        before = total.get(line.line_id)
        units = line.quantity + (before.quantity if before else 0)
        total[line.line_id] = replace(before or line, quantity=units)
    return tuple(total.values())
