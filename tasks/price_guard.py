"""Judge a supplier's prices: what may be stored, and what waits for a person.

What is held keeps the price that is known, both of its amounts, until a person accepts the new one or the
supplier tells another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Generic, TypeVar

from connectors.ledger.product_marks import Prices, ToldPrice
from connectors.records import JsonObject, JsonValue
from connectors.supplier import SupplierProduct, SupplierVariant

Row = TypeVar("Row", SupplierProduct, SupplierVariant)
Held = Mapping[str, JsonObject | None]

NOTHING_KNOWN: Final = Prices(None, None)


@dataclass(frozen=True, slots=True)
class Judged(Generic[Row]):
    """Rows with the prices that may be stored. `held`: what is new of those that wait, None: no longer."""

    rows: tuple[Row, ...]
    held: Held = field(default_factory=dict)
    changed: int = 0
    """How many known prices become others."""


def judge(
    rows: Mapping[str, Row], known: Mapping[str, Prices], waiting: Mapping[str, JsonObject], limit: Decimal
) -> Judged[Row]:
    """Hold the rows whose price is 0, or moved by more than the limit, up or down.

    `waiting`: what is held already. `limit`: how many times as much, or as little, is believed.
    """
    found: list[Row] = []
    held: dict[str, JsonObject | None] = {}
    changed = 0
    for key, row in rows.items():
        old, new = known.get(key, NOTHING_KNOWN), Prices(row.price, row.cost_price)
        if new == NOTHING_KNOWN:
            found.append(row)
            continue
        why = reason(old, new, limit)
        wanted = _as_held(row, why) if why else None
        if wanted != waiting.get(key):
            held[key] = wanted
        found.append(replace(row, price=None, cost_price=None, currency=None) if why else row)
        changed += not why and key in known and _moves(old, new)
    return Judged(tuple(found), held, changed)


def reason(old: Prices, new: Prices, limit: Decimal) -> str:
    """Why a price has to wait, in a few words; "" if it has not."""
    found = (
        _reason(name, before, after, limit) for name, before, after in zip(_NAMES, old, new, strict=True)
    )
    return ", ".join(each for each in found if each)


_NAMES: Final = ("price", "cost price")


def _reason(name: str, before: Decimal | None, after: Decimal | None, limit: Decimal) -> str:
    if after is None or after == before:
        # A 0 that is known is one that a person believed.
        return ""
    if after <= 0:
        return f"the {name} is 0"
    if before is None or before <= 0:
        return ""
    if after > before * limit or after * limit < before:
        return f"the {name} went from {before} to {after}"
    return ""


def _moves(old: Prices, new: Prices) -> bool:
    return any(after is not None and after != before for before, after in zip(old, new, strict=True))


def _as_held(row: SupplierProduct | SupplierVariant, why: str) -> JsonObject:
    return {
        "price": None if row.price is None else str(row.price),
        "cost_price": None if row.cost_price is None else str(row.cost_price),
        "currency": row.currency,
        "reason": why,
    }


def told(held: JsonObject) -> ToldPrice:
    """The amounts that are held; None: the supplier did not tell that one."""
    return ToldPrice(_amount(held.get("price")), _amount(held.get("cost_price")), _text(held.get("currency")))


def _amount(value: JsonValue) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _text(value: JsonValue) -> str | None:
    return None if value is None else str(value)
