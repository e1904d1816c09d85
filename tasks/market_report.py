"""Tell how a marketplace sync went: the report that programs read, and the table that people look at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.ledger.market_records import Booking, BookingKind, Item, ListingKey, Review, View
from connectors.records import JsonObject, JsonValue
from tasks.drift import Difference, Kind
from tasks.market_round import Part
from tasks.push import Ended, How
from tasks.verdicts import add_usage

COUNTED = {
    How.DONE: "done",
    How.UNCHANGED: "unchanged",
    How.UNKNOWN: "unknown",
    How.NOT_SENT: "not_sent",
    How.MOCKED: "not_sent",
    How.FAILED: "failed",
    How.PARKED: "parked",
}
"""Where each end of a push goes in the balance."""

PLANNED = ("done", "unchanged", "held", "refused", "conflict", "failed", "parked", "not_sent")
LISTED = {
    "done": "updated",
    "failed": "errors",
    "parked": "parked",
    "unknown": "unknown",
    "not_sent": "put_off",
}
"""Lists of `details` by how a listing ended; everything else is in `skipped`, what a dry run would do in
`planned`."""
LISTS = (
    *("updated", "deleted", "planned", "errors", "held", "refused", "conflicts", "parked", "unknown"),
    *("put_off", "skipped"),
)

NOT_AS_IT_SHOULD_BE = frozenset({Kind.MISSING, Kind.BELOW, Kind.ABOVE, Kind.TWICE})


@dataclass
class Tale:
    """Everything that a run did: parts of it, and what it began with."""

    run_id: str
    started_at: datetime
    dry_run: bool
    writes: bool
    parts: list[Part] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)
    oversold: list[Booking] = field(default_factory=list)
    """Units sold twice lately, whoever booked them: a worker's push has no report of its own."""
    reviews: list[Review] = field(default_factory=list)
    views: list[View] = field(default_factory=list)

    @property
    def ended(self) -> list[Ended]:
        """How each listing ended."""
        return [each for part in self.parts for each in part.ended]

    @property
    def planned(self) -> list[Ended]:
        """What a dry run would do."""
        return [each for part in self.parts for each in part.planned]

    @property
    def troubles(self) -> list[str]:
        """What kept a marketplace from being worked on."""
        told = (f"{part.marketplace}, {part.account}: {part.trouble}" for part in self.parts if part.trouble)
        return list(dict.fromkeys(told))


def document(tale: Tale, now: datetime) -> JsonObject:
    """The report."""
    books = balance(tale)
    differences = [(part, each) for part in tale.parts for each in part.drift]
    return {
        "success": not tale.troubles and not any(books[name] for name in ("conflict", "failed", "parked")),
        "message": message(tale),
        "sync_id": tale.run_id,
        "dry_run": tale.dry_run,
        "writes": "on" if tale.writes else "off",
        "duration_seconds": round(max(0.0, (now - tale.started_at).total_seconds()), 2),
        "items": [_line(tale, each) for each in tale.ended + tale.planned],
        "orders": [_sale(each) for part in tale.parts for each in part.bookings if each.quantity],
        "oversold": [_sale(each) for each in _sold_twice(tale)],
        "restocked": [_review(each) for part in tale.parts for each in part.returned],
        "review": list[JsonValue]([*map(_review, tale.reviews), *_listings_to_review(tale)]),
        "drift": [_difference(part, each) for part, each in differences],
        "errors": list[JsonValue](tale.troubles),
        "balance": dict[str, JsonValue](books),
        "receipt": {
            "read_back": sum(part.read_back for part in tale.parts),
            "drift": _drifted(tale),
            "unconfirmed": books["unknown"],
        },
        "plan_id": None,
        "plan_expires_at": None,
        "api": _usage(tale.parts),
        "details": _details(tale),
    }


def balance(tale: Tale) -> dict[str, int]:
    """One line a listing: checked = unknown + planned, planned = all the others."""
    counts = Counter(COUNTED[each.how] for each in tale.ended)
    counts["not_sent"] += len(tale.planned)
    planned = {name: counts[name] for name in PLANNED}
    total = sum(planned.values())
    return {"checked": total + counts["unknown"], "unknown": counts["unknown"], "planned": total, **planned}


def message(tale: Tale) -> str:
    """How it went, in one sentence."""
    if tale.dry_run:
        count = len(tale.planned)
        return f"Dry run completed, nothing was sent: {several(count, 'listing')} to bring level"
    books = balance(tale)
    sold = sum(each.quantity for part in tale.parts for each in part.bookings if _is_sale(each))
    told = [
        f"{several(books['done'], 'listing')} brought level"
        if tale.ended or tale.planned
        else "there was nothing to bring level",
        *(f"{books[name]} {word}" for name, word in _WORDS.items() if books[name]),
        *([f"{several(sold, 'unit')} sold there"] if sold else []),
        *([f"{several(drifted, 'lot')} not as expected"] if (drifted := _drifted(tale)) else []),
        *(tale.troubles[:1]),
    ]
    return f"Marketplace sync: {'; '.join(told)}"


def _drifted(tale: Tale) -> int:
    return sum(1 for part in tale.parts for each in part.drift if each.kind in NOT_AS_IT_SHOULD_BE)


_WORDS = {
    "failed": "failed",
    "parked": "parked until somebody looks",
    "unknown": "not known yet",
    "not_sent": "put off",
}
"""What people call the ends of a push that are none."""


def several(count: int, thing: str) -> str:
    """`1 listing`, `2 listings`."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def state_name(report: Mapping[str, JsonValue]) -> str:
    """What the run's state says."""
    return "Completed" if report["success"] else "Failed"


# ------------------------------------------------------------------- lines


def _line(tale: Tale, ended: Ended) -> JsonObject:
    return _of(tale, ended.key) | {
        "outcome": ended.how.value,
        "lot_id": ended.lot_id,
        "old_qty": ended.before,
        "new_qty": ended.after,
        "reason": ended.reason,
    }


def _of(tale: Tale, key: ListingKey) -> JsonObject:
    item = tale.items.get(key.item_id)
    return {
        "account": key.account,
        "item_id": key.item_id,
        "marketplace": key.marketplace,
        "sku": sku(item) if item else "",
        "product_id": None,
        "variant_id": None,
    }


def sku(item: Item) -> str:
    """What an item is, in a word: BrickLink's number, colour and condition."""
    colour = f"-{item.color_id}" if item.color_id else ""
    return f"{item.part_number}{colour}-{item.condition[:1].upper()}"


def _details(tale: Tale) -> JsonObject:
    lists: dict[str, list[JsonObject]] = {name: [] for name in LISTS}
    for ended in tale.ended:
        name = LISTED.get(COUNTED[ended.how], "skipped")
        is_gone = (item := tale.items.get(ended.key.item_id)) is not None and item.deleted_at is not None
        lists["deleted" if is_gone and name == "updated" else name].append(_line(tale, ended))
    lists["planned"] += [_line(tale, each) for each in tale.planned]
    return {name: list[JsonValue](rows) for name, rows in lists.items()}


def _sold_twice(tale: Tale) -> list[Booking]:
    """Those of this run as they were booked, then those that were booked before it or beside it."""
    here = [each for part in tale.parts for each in part.bookings if each.oversold]
    told = {_line_of(each) for each in here}
    return here + [each for each in tale.oversold if _line_of(each) not in told]


def _line_of(booking: Booking) -> tuple[str, ...]:
    return booking.account, booking.marketplace, booking.order_id, booking.line_id


def _is_sale(booking: Booking) -> bool:
    return booking.kind is BookingKind.SOLD


def _sale(booking: Booking) -> JsonObject:
    return {
        "account": booking.account,
        "marketplace": booking.marketplace,
        "order_id": booking.order_id,
        "line_id": booking.line_id,
        "lot_id": booking.lot_id,
        "item_id": booking.item_id,
        "kind": booking.kind.value,
        "quantity": booking.quantity,
        "oversold": booking.oversold,
        "other_order": booking.rival,
    }


def _review(review: Review) -> JsonObject:
    return {
        "id": review.id,
        "account": review.account,
        "marketplace": review.marketplace,
        "item_id": review.item_id,
        "order_id": review.order_id,
        "lot_id": review.lot_id,
        "quantity": review.quantity,
        "state": review.state.value,
        "reason": f"order {review.order_id} gave back {several(review.quantity, 'unit')}: in stock again?",
    }


def _listings_to_review(tale: Tale) -> list[JsonObject]:
    return [
        _of(tale, ListingKey(view.item.account, view.item.id, view.listing.marketplace))
        | {"lot_id": view.listing.lot_id, "reason": view.listing.review}
        for view in tale.views
        if view.listing.review
    ]


def _difference(part: Part, each: Difference) -> JsonObject:
    return {
        "account": part.account,
        "marketplace": part.marketplace,
        "kind": each.kind.value,
        "lot_id": each.lot_id,
        "item_id": each.item_id,
        "expected": each.expected,
        "present": each.present,
        "note": each.note,
    }


def _usage(parts: Sequence[Part]) -> JsonObject:
    api: JsonObject = {}
    for part in parts:
        if part.usage:
            add_usage(api, f"{part.marketplace}:{part.account}", part.usage)
    return api
