"""Which RMS row speaks for which variant: bound by identity, proposed by SKU, never guessed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import NamedTuple, Protocol

from connectors.folding import fold
from connectors.records import RmsRow
from tasks import collector


class Named(Protocol):
    """A variant, of which the id and the SKU are known."""

    @property
    def id(self) -> int:
        """Its id in the shop."""

    @property
    def sku(self) -> str | None:
        """Its SKU as the shop spells it."""


class Sku(NamedTuple):
    """A variant of which nothing else is known."""

    id: int
    sku: str | None


@dataclass(slots=True)
class ShopIndex:
    """Every SKU of the whole shop, folded, so that twins are found wherever they hide.

    A SKU maps to its one variant. `twins`: those with several, with their spellings by variant id.
    """

    first: dict[str, Named] = field(default_factory=dict)
    twins: dict[str, dict[int, str]] = field(default_factory=dict)

    def add(self, variant: Named) -> None:
        """Note one variant; the same one may come twice."""
        sku = variant.sku or ""
        folded = fold(sku)
        if not folded:
            return
        known = self.first.setdefault(folded, variant)
        if known is not variant and known.id != variant.id:
            self.twins.setdefault(folded, {known.id: known.sku or ""})[variant.id] = sku

    def spellings(self, sku: str) -> tuple[str, ...]:
        """The spellings of all variants that share this folded SKU, when there are several; else nothing."""
        return tuple(self.twins.get(sku, {}).values())


Claim = RmsRow | tuple[RmsRow, ...]
"""What RMS says about an SKU: one row, or several that contradict each other."""


@dataclass(frozen=True, slots=True)
class Truth:
    """RMS's rows by folded CCOD and SKU. `torn`: item ids whose row changed while it was being read."""

    rows: Mapping[str, Mapping[str, Claim]]
    torn: frozenset[int] = frozenset()

    def skus(self, ccod: str) -> Mapping[str, Claim]:
        """All claims under a CCOD, by folded SKU."""
        return self.rows.get(fold(ccod), {})


@collector.paused()
def truth_of(rows: Iterable[RmsRow], torn: frozenset[int] = frozenset()) -> Truth:
    """Index RMS's answer."""
    index: dict[str, dict[str, Claim]] = {}
    for row in rows:
        claims = index.setdefault(fold(row.ccod), {})
        known = claims.setdefault(fold(row.sku), row)
        if known is not row:
            claims[fold(row.sku)] = (*rows_of(known), row)
    return Truth(index, torn)


def rows_of(claim: Claim | None) -> tuple[RmsRow, ...]:
    """The rows of a claim: none, one, or twins."""
    if claim is None:
        return ()
    return claim if isinstance(claim, tuple) else (claim,)


@dataclass(frozen=True, slots=True)
class Units:
    """A quantity as stock: whole units, not below zero. `exact`: RMS said just that."""

    count: int
    exact: bool
    note: str = ""


def units(row: RmsRow) -> Units | None:
    """What may be sold of an RMS quantity; None when it is no number.

    Negative counts as 0 and fractions are floored, both noted: they sell as stated and prove nothing.
    """
    if row.quantity is None or not row.quantity.is_finite():
        return None
    return _units(row.quantity, row.is_text)


@lru_cache(maxsize=10_000)
def _units(quantity: Decimal, is_text: bool) -> Units:  # noqa: FBT001
    """Most levels of a shop hold one of a few numbers, so that each number is looked at once."""
    whole = quantity.to_integral_value(ROUND_FLOOR)
    note = _note(quantity, whole, is_text=is_text)
    return Units(max(0, int(whole)), exact=not note, note=note)


def _note(quantity: Decimal, whole: Decimal, *, is_text: bool) -> str:
    if quantity < 0:
        return "negative"
    if quantity != whole:
        return "fractional"
    return "text" if is_text else ""
