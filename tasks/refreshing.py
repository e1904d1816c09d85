"""Judge an inventory refresh: what is asked for, what its batches came to, which products failed."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

from connectors.errors import EvenstockError
from connectors.ledger.records import RefreshLog, SyncType, VendorLevel
from connectors.records import Available, JsonObject, JsonValue
from connectors.shape import as_int, as_list, as_object, as_text
from tasks.absence import Limits

LARGEST_ID = 2**63 - 1

INVALID_PRODUCT_IDS = "INVALID_PRODUCT_IDS"
MISSING_CREDENTIALS = "MISSING_CREDENTIALS"
SHOPIFY_RATE_LIMITED = "SHOPIFY_RATE_LIMITED"
INVENTORY_REFRESH_FAILED = "INVENTORY_REFRESH_FAILED"
REFRESH_COOLDOWN = "REFRESH_COOLDOWN"
REFRESH_RUNNING = "REFRESH_RUNNING"

NOT_IN_STORE = "not in the store"
NO_NUMBER = "the store gave no number"

BEFORE_BATCHES = 0
"""The number under which errors are listed that came before there were batches."""


class RefreshRefused(EvenstockError):  # noqa: N818 - names say what happened
    """A refresh that does not take place, with the code that its answer has."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Refresh:
    """What the steps of a refresh have to know of it. `limits`: how much may be missing at once."""

    sync_log_id: str
    run_id: str
    account: str
    sync_type: SyncType
    triggered_by: str
    started_at: datetime
    dry_run: bool = False
    retry_of: str | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Found:
    """What the store says of the products that were asked for.

    `products` has each product's inventory items, `unread` those that it gave no answer to, and why.
    `gone` counts variants that were there before.
    """

    products: Mapping[int, tuple[int, ...]]
    unknown: tuple[int, ...] = ()
    unread: Mapping[int, str] = field(default_factory=dict)
    is_limited: bool = False
    gone: int = 0

    @property
    def items(self) -> tuple[int, ...]:
        """All inventory items, each once."""
        return tuple(dict.fromkeys(item for items in self.products.values() for item in items))


def together(parts: Sequence[Found]) -> Found:
    """What several calls found, each of other products."""
    return Found(
        products={number: items for each in parts for number, items in each.products.items()},
        unknown=tuple(number for each in parts for number in each.unknown),
        unread={number: why for each in parts for number, why in each.unread.items()},
        is_limited=any(each.is_limited for each in parts),
    )


def not_believed(doubt: str) -> str:
    """Why an answer is not stored that lacks so much of what was there."""
    return (
        f"the store's answer is not believed, {doubt}: if they are gone indeed, refresh once with "
        "MAX_ZERO_SHARE=1"
    )


def disbelieved(found: Found, doubted: AbstractSet[int], doubt: str) -> Found:
    """The same without the products of which something is missing: they count as not read."""
    return replace(
        found,
        products={number: items for number, items in found.products.items() if number not in doubted},
        unknown=tuple(number for number in found.unknown if number not in doubted),
        unread={**found.unread, **dict.fromkeys(sorted(doubted), not_believed(doubt))},
    )


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """What became of a batch: items that failed with why, and the changes to what was known.

    `error` says what kept the whole batch from being done, if anything did.
    """

    number: int
    items: tuple[int, ...]
    failed: Mapping[int, str] = field(default_factory=dict)
    error: str = ""
    changes: tuple[JsonObject, ...] = ()
    seconds: float = 0.0
    usage: Mapping[str, int | float] = field(default_factory=dict)


@dataclass(slots=True)
class Tale:
    """Everything that happened in a refresh, as it becomes known."""

    refresh: Refresh
    found: Found = field(default_factory=lambda: Found({}))
    batches: list[BatchEnd] = field(default_factory=list)
    api: JsonObject = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed_items(self) -> dict[int, str]:
        """Items that were not stored, and why."""
        return {item: why for batch in self.batches for item, why in batch.failed.items()}

    @property
    def failed_products(self) -> set[int]:
        """Products that the store does not know, gave no answer to, or one of whose items failed."""
        broken = self.failed_items.keys()
        bad = {product for product, items in self.found.products.items() if not broken.isdisjoint(items)}
        return bad | set(self.found.unknown) | set(self.found.unread)

    @property
    def total_products(self) -> int:
        """Products that were looked for."""
        return len(self.found.products.keys() | set(self.found.unknown) | set(self.found.unread))

    @property
    def read_items(self) -> int:
        """Items whose levels came, and are stored unless this is a dry run."""
        return sum(len(batch.items) - len(batch.failed) for batch in self.batches)


# ------------------------------------------------------------------ what is asked for


def product_ids(given: object) -> tuple[int, ...]:
    """The products meant, each once, in their order. Raises RefreshRefused that names what is no id."""
    if isinstance(given, str | bytes) or not isinstance(given, Sequence | set | frozenset) or not given:
        raise RefreshRefused(
            INVALID_PRODUCT_IDS, "productIds must be a list of at least one of Shopify's product ids"
        )
    wrong = [each for each in given if _product_id(each) is None]
    if wrong:
        shown = ", ".join(repr(each)[:40] for each in wrong[:5]) + (" …" if len(wrong) > 5 else "")
        raise RefreshRefused(
            INVALID_PRODUCT_IDS,
            f"productIds must be Shopify's positive whole numbers; these are not: {shown}",
        )
    return tuple(dict.fromkeys(number for each in given if (number := _product_id(each))))


def _product_id(value: object) -> int | None:
    """A product's number, also one that JSON had to write as text; None if it cannot be one."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST_ID:
        return None
    return value


def cooldown_until(finished: datetime | None, minutes: float, now: datetime) -> datetime | None:
    """Until when manual refreshes are refused after the last one; None if they are not.

    One that finished in the future was told by a wrong clock, and keeps nobody waiting.
    """
    lasts = timedelta(minutes=minutes)
    return finished + lasts if finished is not None and finished <= now < finished + lasts else None


@dataclass(frozen=True, slots=True)
class Remainder:
    """What a refresh left undone: items of failed batches, and products that were never read."""

    items: tuple[int, ...]
    products: tuple[int, ...]


def came_to_nothing(log: RefreshLog) -> bool:
    """Whether a refresh ended before anybody could tell what became of its batches."""
    return "batches" not in (log.error_details or {})


def remainder(log: RefreshLog, asked: Sequence[int]) -> Remainder:
    """What to retry of a refresh; of one that was killed, all the products that it was asked for.

    Raises RefreshRefused if it left nothing undone, or was of all products and nobody knows which.
    """
    if came_to_nothing(log):
        if not asked:
            raise RefreshRefused(
                INVENTORY_REFRESH_FAILED,
                f"the refresh {log.id} was of all products and read none: run inventory-refresh-scheduled",
            )
        return Remainder((), tuple(asked))
    details = log.error_details or {}
    entries = [as_object(each, "errors") for each in as_list(details.get("errors", []), "errors")]
    items = tuple(dict.fromkeys(item for each in entries for item in _numbers(each, "inventoryItems")))
    products = tuple(_numbers(details, "unreadProducts"))
    if not items and not products:
        raise RefreshRefused(
            INVENTORY_REFRESH_FAILED, f"the refresh {log.id} has no failed batches: there is nothing to retry"
        )
    return Remainder(items, products)


def _numbers(body: JsonObject, name: str) -> list[int]:
    return [as_int(each, name) for each in as_list(body.get(name, []), name)]


# ------------------------------------------------------------------ what a batch found


@dataclass(frozen=True, slots=True)
class Compared:
    """The levels to store by item and location, the items that failed, and what differs from before."""

    levels: Mapping[int, Mapping[int, int]]
    failed: Mapping[int, str]
    changes: tuple[JsonObject, ...]


def compare(items: Sequence[int], found: Mapping[int, Available], known: Iterable[VendorLevel]) -> Compared:
    """Hold what the store says of these items against what is known.

    An item with a level of which no number came is unknown as a whole: its levels stay as they are.
    """
    levels: dict[int, dict[int, int]] = {}
    failed = {item: NOT_IN_STORE for item in items if item not in found}
    for item, each in found.items():
        numbers = {place: units for place, units in each.items() if units is not None}
        if len(numbers) == len(each):
            levels[item] = numbers
        else:
            failed[item] = NO_NUMBER
    return Compared(levels, failed, tuple(_changes(levels, known)))


def lost(items: Sequence[int], found: Mapping[int, Available], known: Iterable[VendorLevel]) -> list[int]:
    """Items that the store lacks, or shows at no location any more though they were at one."""
    before = {each.inventory_item_id for each in known if each.gone_at is None}
    return [item for item in items if item not in found or (item in before and not found[item])]


def _changes(levels: Mapping[int, Mapping[int, int]], known: Iterable[VendorLevel]) -> Iterable[JsonObject]:
    """Levels that are new, other than before, or no longer there."""
    before = {
        (each.inventory_item_id, each.location_id): each.available for each in known if each.gone_at is None
    }
    now = {(item, place): units for item, there in levels.items() for place, units in there.items()}
    for place in sorted(now.keys() | {each for each in before if each[0] in levels}):
        if now.get(place) != before.get(place):
            yield {
                "inventory_item_id": place[0],
                "location_id": place[1],
                "from": before.get(place),
                "to": now.get(place),
                "reason": "gone" if place not in now else "changed" if place in before else "new",
            }


def end_to_json(end: BatchEnd) -> JsonObject:
    """A batch's end as a task's result."""
    return {
        "number": end.number,
        "items": list[JsonValue](end.items),
        "failed": {str(item): why for item, why in end.failed.items()},
        "error": end.error,
        "changes": list[JsonValue](end.changes),
        "seconds": round(end.seconds, 3),
        "usage": dict[str, JsonValue](end.usage),
    }


def end_from_json(body: JsonObject) -> BatchEnd:
    """A batch's end from a task's result."""
    failed = as_object(body.get("failed"), "failed")
    return BatchEnd(
        number=as_int(body.get("number"), "number"),
        items=tuple(_numbers(body, "items")),
        failed={int(item): as_text(why, "failed") for item, why in failed.items()},
        error=as_text(body.get("error"), "error"),
        changes=tuple(as_object(each, "changes") for each in as_list(body.get("changes"), "changes")),
        seconds=cast("float", body.get("seconds")),
        usage=cast("Mapping[str, int | float]", as_object(body.get("usage"), "usage")),
    )


def broken_off(number: int, items: Sequence[int], why: str) -> BatchEnd:
    """The end of a batch of which nothing came."""
    return BatchEnd(number, tuple(items), dict.fromkeys(items, why), error=why)


# ------------------------------------------------------------------ what it amounts to


def data(tale: Tale) -> JsonObject:
    """The origin document's answer, key for key."""
    failed = len(tale.failed_products)
    return {
        "syncLogId": tale.refresh.sync_log_id,
        "totalProducts": tale.total_products,
        "successfulProducts": tale.total_products - failed,
        "failedProducts": failed,
        "totalVariantsProcessed": sum(len(batch.items) for batch in tale.batches),
        "inventoryUpdates": 0 if tale.refresh.dry_run else tale.read_items,
        "processingTime": round(tale.seconds * 1000),
        "errors": errors(tale),
    }


def errors(tale: Tale) -> list[JsonValue]:
    """The answer's list: each failed batch with the items that were not stored."""
    found = [_error(BEFORE_BATCHES, f"product {each}: {NOT_IN_STORE}", ()) for each in tale.found.unknown]
    found += [
        _error(BEFORE_BATCHES, f"product {each} could not be read: {why}", ())
        for each, why in tale.found.unread.items()
    ]
    found += [_error(end.number, _why(end), end.failed) for end in tale.batches if end.failed]
    return list[JsonValue](found)


def _error(batch: int, error: str, items: Iterable[int]) -> JsonObject:
    return {"batch": batch, "error": error, "inventoryItems": list[JsonValue](items)}


def _why(end: BatchEnd) -> str:
    return end.error or "; ".join(dict.fromkeys(end.failed.values()))


def error_details(tale: Tale) -> JsonObject:
    """What the sync log keeps: errors, and seconds, retries and errors of each batch."""
    return {
        "errors": errors(tale),
        "failedProducts": list[JsonValue](sorted(tale.failed_products)),
        "unreadProducts": list[JsonValue](sorted(tale.found.unread)),
        "batches": [_figures(end) for end in tale.batches],
    }


def _figures(end: BatchEnd) -> JsonObject:
    return {
        "batch": end.number,
        "items": len(end.items),
        "errors": len(end.failed),
        "changes": len(end.changes),
        "seconds": end.seconds,
        "retries": end.usage.get("retries", 0),
        "throttled": end.usage.get("throttled", 0),
        "points": end.usage.get("points", 0),
    }


def report(tale: Tale) -> JsonObject:
    """The whole report: the document's `data`, and what every report has beside it."""
    changed = {change["inventory_item_id"] for end in tale.batches for change in end.changes}
    not_stored = tale.refresh.dry_run
    checked, failed = sum(len(end.items) for end in tale.batches), len(tale.failed_items)
    counts: JsonObject = {
        "checked": checked,
        "unknown": 0,
        "planned": checked,
        "done": 0 if not_stored else len(changed),
        "unchanged": checked - failed - len(changed),
        "held": 0,
        "refused": 0,
        "conflict": 0,
        "failed": failed,
        "parked": 0,
        "not_sent": len(changed) if not_stored else 0,
    }
    return {
        "success": not tale.failed_products,
        "message": message(tale),
        "data": data(tale),
        "dry_run": tale.refresh.dry_run,
        "balance": counts,
        "receipt": {"read_back": 0, "drift": 0, "unconfirmed": 0},
        "plan_id": None,
        "plan_expires_at": None,
        "api": tale.api,
        "details": details(tale),
        "warnings": list[JsonValue](tale.warnings),
    }


def details(tale: Tale) -> JsonObject:
    """What changed, or would have, and what failed, item by item."""
    changes = [change for end in tale.batches for change in end.changes]
    product_of = {item: product for product, items in tale.found.products.items() for item in items}
    told: list[JsonValue] = [
        {"product_id": product_of.get(as_int(each["inventory_item_id"], "inventory_item_id")), **each}
        for each in changes
    ]
    failed: list[JsonValue] = [
        {"product_id": product_of.get(item), "inventory_item_id": item, "reason": why}
        for item, why in tale.failed_items.items()
    ]
    failed += [{"product_id": each, "reason": NOT_IN_STORE} for each in tale.found.unknown]
    failed += [{"product_id": each, "reason": why} for each, why in tale.found.unread.items()]
    return {
        "planned" if tale.refresh.dry_run else "updated": told,
        "errors": failed,
        "gone_variants": tale.found.gone,
    }


def message(tale: Tale) -> str:
    """One sentence: how it went."""
    failed = len(tale.failed_products)
    good = tale.total_products - failed
    if tale.refresh.dry_run:
        changes = sum(len(end.changes) for end in tale.batches)
        return f"Dry run: {changes} levels of {good} products would change, nothing was stored"
    stored = f"{tale.read_items} inventory items of {tale.total_products} products are stored"
    if not failed:
        return f"Inventory refreshed: {stored}"
    return f"Inventory refreshed with problems: {stored}, {failed} products failed"


def failure(code: str, text: str) -> JsonObject:
    """The answer of a refresh that did not take place, or came to nothing."""
    return {"success": False, "message": text, "error": {"code": code, "message": text}}


def unreadable(tale: Tale) -> RefreshRefused | None:
    """The failure of a refresh that could read no product; None if there is something to go on with."""
    found = tale.found
    if found.products or found.unknown or not found.unread:
        return None
    code = SHOPIFY_RATE_LIMITED if found.is_limited else INVENTORY_REFRESH_FAILED
    return RefreshRefused(code, f"no product could be read: {next(iter(found.unread.values()))}")
