"""What we hear from RMS: rows become records, and doubt stays doubt."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from connectors.folding import fold
from connectors.records import RmsRow
from connectors.rms.statements import Record

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")
_WHOLE = re.compile(r"[0-9]{1,18}")

NO_ITEM = 0
"""The item id of a row whose ItemID is no number. RMS counts from 1."""


@dataclass(frozen=True, slots=True)
class RmsAnswer:
    """RMS's rows, each once, by item id.

    `torn`: item ids whose row was read twice with different content, or has no id: what they hold is
    unknown. `repeats`: how many identical rows were left out.
    """

    rows: tuple[RmsRow, ...] = ()
    torn: frozenset[int] = frozenset()
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class RmsHealth:
    """What a look at the whole of RMS shows.

    `absent`: columns that View_Items usually has and this one lacks (nothing reads them). `collation`: how
    the database compares CCODs, "" where it does not show. `twins`: the rows that share one SKU, as
    "CCOD SKU (ItemID)". `newest` is RMS's own clock.
    """

    rows: int
    blank_ccods: int
    blank_skus: int
    no_item_id: int
    unreadable: int
    text: int
    repeats: int
    torn: int
    twins: tuple[tuple[str, ...], ...]
    newest: datetime | None
    absent: tuple[str, ...]
    collation: str


def row_of(record: Record) -> RmsRow:
    """One record. A missing CCOD or SKU is ""."""
    ccod, sku, quantity, item_id, last_updated = record
    return RmsRow(
        ccod=text_of(ccod),
        sku=text_of(sku),
        item_id=item_id_of(item_id),
        quantity=quantity_of(quantity),
        is_text=isinstance(quantity, str),
        last_updated=moment_of(last_updated),
    )


def text_of(value: object) -> str:
    """A code as stored, blanks and all; one stored as a number as its digits."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def quantity_of(value: object) -> Decimal | None:
    """A quantity exactly as stored; None when it is no number: NULL, a bit, NaN, "n/a", "1,5"."""
    match value:
        case bool():
            return None
        case int() | Decimal():
            number = Decimal(value)
        case float():
            # The shortest text that means this float: 2.3, where Decimal(2.3) is 2.29999999999999982…
            number = Decimal(repr(value))
        case str() if _NUMBER.fullmatch(value.strip()):
            number = Decimal(value.strip())
        case _:
            return None
    return number if number.is_finite() else None


def item_id_of(value: object) -> int:
    """An ItemID, or `NO_ITEM`."""
    match value:
        case bool():
            return NO_ITEM
        case int():
            return value
        case float() | Decimal() if math.isfinite(value) and value == int(value):
            return int(value)
        case str() if _WHOLE.fullmatch(value.strip()):
            return int(value)
    return NO_ITEM


def moment_of(value: object) -> datetime | None:
    """When RMS last changed an item, on its own clock; SQLite keeps it as text."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) else None


def answer_of(rows: Iterable[RmsRow]) -> RmsAnswer:
    """All rows read, in whatever order and however often: each once, and who contradicts itself.

    A torn row is kept under each SKU it was seen with, so that none of them looks unknown to RMS.
    """
    read = list(rows)
    by_item: defaultdict[int, dict[RmsRow, None]] = defaultdict(dict)
    for row in read:
        by_item[row.item_id][row] = None
    kept = [row for item_id in sorted(by_item) for row in _one_per_sku(item_id, by_item[item_id])]
    torn = {item_id for item_id, seen in by_item.items() if item_id == NO_ITEM or len(seen) > 1}
    return RmsAnswer(tuple(kept), frozenset(torn), len(read) - sum(map(len, by_item.values())))


def _one_per_sku(item_id: int, seen: Iterable[RmsRow]) -> Iterable[RmsRow]:
    """An item's row; rows without an item are not one another's versions and all stay."""
    if item_id == NO_ITEM:
        return seen
    firsts: dict[tuple[str, str], RmsRow] = {}
    for row in seen:
        firsts.setdefault((fold(row.ccod), fold(row.sku)), row)
    return firsts.values()


def twins_in(rows: Iterable[RmsRow]) -> tuple[tuple[str, ...], ...]:
    """Rows of different items that claim one SKU of one CCOD."""
    same: defaultdict[tuple[str, str], list[RmsRow]] = defaultdict(list)
    for row in rows:
        same[fold(row.ccod), fold(row.sku)].append(row)
    return tuple(
        tuple(f"{row.ccod} {row.sku} ({row.item_id})" for row in twins)
        for (ccod, sku), twins in sorted(same.items())
        if ccod and sku and len(twins) > 1
    )


def health_of(answer: RmsAnswer, absent: Iterable[str], collation: str) -> RmsHealth:
    """Everything worth knowing before the first run."""
    rows = answer.rows
    return RmsHealth(
        rows=len(rows),
        blank_ccods=sum(not fold(row.ccod) for row in rows),
        blank_skus=sum(not fold(row.sku) for row in rows),
        no_item_id=sum(row.item_id == NO_ITEM for row in rows),
        unreadable=sum(row.quantity is None for row in rows),
        text=sum(row.is_text for row in rows),
        repeats=answer.repeats,
        torn=len(answer.torn - {NO_ITEM}),
        twins=twins_in(rows),
        newest=_newest(row.last_updated for row in rows),
        absent=tuple(absent),
        collation=collation,
    )


def _newest(moments: Iterable[datetime | None]) -> datetime | None:
    """The last of them; with and without a time zone do not compare, and RMS's have none."""
    return max((at for at in moments if at is not None and at.tzinfo is None), default=None)


def how_it_compares(asked: str, found: Iterable[object]) -> str:
    """What a database shows of its collation, when asked for a CCOD in the other case."""
    return "ignores case" if any(text_of(ccod) != asked for ccod in found) else "tells case apart"
