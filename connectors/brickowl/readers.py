"""What we hear from Brick Owl: readers of decoded answers, without any I/O.

Numbers come as text or as numbers; what is empty is null, "", [] or missing; an empty object is printed as
[], and a list with one entry may come as the entry.
https://www.brickowl.com/api_docs
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from connectors.brickowl.terms import key
from connectors.brickowl.verdict import of_part
from connectors.errors import ConnectorError, Malformed
from connectors.http import Answer
from connectors.market import Lot, MarketOrder, OrderLine, OrderState, split
from connectors.records import JsonObject, JsonValue
from connectors.redaction import one_line
from connectors.shape import (
    as_count,
    as_decimal,
    as_id,
    as_key,
    as_list,
    as_object,
    as_text,
    as_units,
    each_readable,
)

CANCELLED: Final = 8
"""The status of orders whose units nobody will get. Any other, also one nobody knows, is open."""

LONGEST_STATUS: Final = 64
"""Characters of a status that are kept."""

_NEW: Final = frozenset({"new", "news", "newc"})


def rows(body: JsonValue, where: str) -> list[JsonObject]:
    """The objects of a list, or the one that came without it."""
    if isinstance(body, dict):
        return [body] if body else []
    return [as_object(each, where) for each in as_list(body, where)]


def mapping(body: JsonValue, where: str) -> JsonObject:
    """An object, or the empty list that stands for an empty one."""
    return {} if body == [] or body is None else as_object(body, where)


def _text(value: JsonValue) -> str:
    """A text; "" where there is none."""
    return "" if value in (None, [], {}) else as_id(value, "text")


def _key_or_none(value: JsonValue, where: str) -> str | None:
    """An identifier, where there is one."""
    return as_key(value, where) if _text(value).strip() else None


# ------------------------------------------------------------------ lots


def lots(answer: Answer) -> list[Lot]:
    """All lots of a list; there are no further pages."""
    return [lot(each) for each in rows(answer.body, "lots")]


def lot(found: JsonObject) -> Lot:
    """One lot. Its price is the listed one, before a sale's percents."""
    quantity = as_units(found.get("qty"), "lot.qty")
    price = found.get("base_price")
    return Lot(
        lot_id=as_key(found.get("lot_id"), "lot.lot_id"),
        key=_key(found, "lot"),
        part=None,
        quantity=quantity,
        price=None if price in (None, "") else as_decimal(price, "lot.base_price"),
        marker=split(external_id(found))[1],
        text=_text(found.get("personal_note")),
        public_text=_text(found.get("public_note")),
        on_sale=quantity > 0 and _text(found.get("for_sale")) != "0",
        title=_text(found.get("name")) or _text(found.get("boid")),
    )


def may_be_marked(answer: Answer) -> bool:
    """Whether the one lot of a list has no id of the seller's yet, or one of ours."""
    ids = [external_id(each) for each in rows(answer.body, "lots")]
    return all(not each or split(each)[1] is not None for each in ids)


def external_id(found: JsonObject) -> str:
    """The seller's own id of a lot; "" if it has none."""
    ids = found.get("external_lot_ids")
    entries = [as_object(each, "external_lot_ids") for each in ids] if isinstance(ids, list) else [ids]
    return next((_text(each["other"]) for each in entries if isinstance(each, dict) and "other" in each), "")


def created(answer: Answer) -> str:
    """The id of the lot that was just made."""
    return as_key(as_object(answer.body, "lot").get("lot_id"), "lot.lot_id")


def _key(found: JsonObject, where: str) -> str:
    code = _text(found.get("full_con")) or _coarse(found, where)
    return key(as_key(found.get("boid"), f"{where}.boid"), _text(found.get("type")), code)


def _coarse(found: JsonObject, where: str) -> str:
    """`new` or `used` where the fine code is missing: a lot's `con`, or the words of an order's line."""
    told = _text(found.get("con")) or as_text(found.get("condition"), f"{where}.condition")
    return "new" if told in _NEW or told.casefold().startswith("new") else "used"


# ------------------------------------------------------------------ batches


def batch(answer: Answer, parts: int) -> list[ConnectorError | None]:
    """What became of each part, in the order in which they were sent; None: it was done."""
    try:
        answers = _numbered(rows(answer.body, "batch"), parts)
    except Malformed:
        answers = {}
    return [of_part(number, answers.get(number)) for number in range(1, parts + 1)]


def _numbered(found: Sequence[JsonObject], parts: int) -> dict[int, JsonObject]:
    """Answers by the number of their part. One that comes twice, or for no part, tells nothing."""
    seen: dict[int, list[JsonObject]] = defaultdict(list)
    for each in found:
        seen[as_count(each.get("req_num"), "req_num")].append(each)
    return {number: told[0] for number, told in seen.items() if len(told) == 1 and number <= parts}


# ------------------------------------------------------------------ catalogue


def boids(answer: Answer) -> list[str]:
    """The BOIDs that a look-up found, without repeats; some may have a colour."""
    found = mapping(answer.body, "id_lookup").get("boids")
    return list(dict.fromkeys(as_key(each, "boid") for each in as_list(found or [], "boids")))


def colors(answer: Answer) -> Mapping[int, list[int]]:
    """Brick Owl's colours by BrickLink's: several of one's may be one of the other's."""
    found: dict[int, list[int]] = defaultdict(list)
    for number, color in _colors(answer.body):
        for each in as_list(color.get("bl_ids") or [], "color.bl_ids"):
            found[as_count(each, "color.bl_ids")].append(number)
    return dict(found)


def _colors(body: JsonValue) -> Iterator[tuple[int, JsonObject]]:
    for each in body if isinstance(body, list) else mapping(body, "colors").values():
        color = as_object(each, "color")
        yield as_count(color.get("id"), "color.id"), color


# ------------------------------------------------------------------ orders and account


@dataclass(frozen=True, slots=True)
class OrderHead:
    """An order as the list of orders has it. `shown` moves with what the list can show: no refund does."""

    order_id: str
    status: str
    state: OrderState
    ordered_at: datetime
    shown: str
    units: int | None = None
    """How many units were ordered, refunds or not; None if the list does not tell."""

    def is_shown_by(self, stamp: str) -> bool:
        """Whether an order with this stamp would be listed as this one is."""
        return stamp.startswith(f"{self.shown} ")


@dataclass(frozen=True, slots=True)
class OrderView:
    """What one order tells besides its lines: when it was changed, and which other one took its lines."""

    changed_at: datetime | None
    combined_into: str | None

    def stamp(self, head: OrderHead) -> str:
        """A text that moves with every change of the order."""
        return f"{head.shown} {'-' if self.changed_at is None else int(self.changed_at.timestamp())}"


def order_heads(answer: Answer, problems: list[Malformed]) -> list[OrderHead]:
    """The orders of a list; those that cannot be read are among `problems`."""
    return each_readable(rows(answer.body, "orders"), lambda each: _head(as_object(each, "order")), problems)


def _head(found: JsonObject) -> OrderHead:
    number = as_count(found.get("status_id"), "order.status_id")
    totals = [found.get(name) for name in ("total_quantity", "total_lots", "base_order_total")]
    return OrderHead(
        order_id=as_key(found.get("order_id"), "order.order_id"),
        status=one_line(_text(found.get("status")), LONGEST_STATUS) or str(number),
        state="cancelled" if number == CANCELLED else "open",
        ordered_at=_unix(found.get("order_date"), "order.order_date"),
        shown=one_line(" ".join([str(number), *(_text(each) or "-" for each in totals)])),
        units=None if totals[0] is None else as_units(totals[0], "order.total_quantity"),
    )


def order_view(answer: Answer) -> OrderView:
    """What one order tells besides its lines."""
    found = as_object(answer.body, "order")
    changed, into = found.get("updated_time"), _key_or_none(found.get("combine_with"), "order.combine_with")
    return OrderView(
        changed_at=_unix(changed, "order.updated_time") if _text(changed) else None,
        combined_into=None if into == "0" else into,
    )


def order_lines(answer: Answer, announced: int | None = None) -> tuple[OrderLine, ...]:
    """The lines of an order, less what was refunded. Raises Malformed if some of it are missing.

    One that is told twice counts once.
    """
    lines = {_line_id(each): each for each in rows(answer.body, "order.items")}.values()
    told = sum(_ordered(each) for each in lines)
    if announced is not None and told < announced:
        raise Malformed(f"the order's lines come to {told} units, announced are {announced}")
    return tuple(_line(each) for each in lines)


def _line_id(found: JsonObject) -> str:
    return as_key(found.get("order_item_id"), "order.item.order_item_id")


def _ordered(found: JsonObject) -> int:
    return as_units(found.get("ordered_quantity"), "order.item.ordered_quantity")


def _line(found: JsonObject) -> OrderLine:
    ordered = _ordered(found)
    refunded = as_units(found.get("refunded_quantity") or 0, "order.item.refunded_quantity")
    return OrderLine(
        line_id=_line_id(found),
        lot_id=_key_or_none(found.get("lot_id"), "order.item.lot_id") or "",
        key=_key(found, "order.item"),
        marker=split(external_id(found))[1],
        quantity=max(0, ordered - refunded),
    )


def order(head: OrderHead, view: OrderView, lines: tuple[OrderLine, ...]) -> MarketOrder:
    """An order with all that was read for it."""
    return MarketOrder(
        head.order_id,
        head.status,
        head.state,
        head.ordered_at,
        view.changed_at,
        view.stamp(head),
        lines,
        view.combined_into,
    )


def _unix(value: JsonValue, where: str) -> datetime:
    """A moment from Unix seconds."""
    try:
        return datetime.fromtimestamp(as_count(value, where), UTC)
    except (ValueError, OverflowError, OSError):
        raise Malformed(f"{where}: expected a time in seconds") from None


@dataclass(frozen=True, slots=True)
class Store:
    """Whose store a key opens, and in which currency its prices are."""

    name: str
    currency: str


def store(answer: Answer) -> Store | None:
    """The store of a key; None if its account has none."""
    found = mapping(mapping(answer.body, "details").get("store_details"), "store_details")
    if not found:
        return None
    return Store(_text(found.get("name")), _text(found.get("base_currency")))
