"""Which RMS row speaks for which variant: bound by identity, proposed by SKU, never guessed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal

from connectors.folding import fold
from connectors.records import RmsRow


@dataclass(slots=True)
class ShopIndex:
    """Every SKU of the whole shop, folded, so that twins are found wherever they hide.

    A SKU maps to its one variant id; those with several are kept, with their spellings, in `twins`.
    """

    first: dict[str, tuple[int, str]] = field(default_factory=dict)
    twins: dict[str, dict[int, str]] = field(default_factory=dict)

    def add(self, variant_id: int, sku: str | None) -> None:
        """Note one variant; the same one may come twice."""
        folded = fold(sku or "")
        if not folded:
            return
        known_id, known_sku = self.first.setdefault(folded, (variant_id, sku or ""))
        if known_id != variant_id:
            self.twins.setdefault(folded, {known_id: known_sku})[variant_id] = sku or ""

    def spellings(self, sku: str) -> tuple[str, ...]:
        """The spellings of all variants that share this folded SKU, when there are several; else nothing."""
        return tuple(self.twins.get(sku, {}).values())


Claims = Mapping[str, tuple[RmsRow, ...]]
"""The rows that claim an SKU, by the folded SKU: one, or twins."""


@dataclass(frozen=True, slots=True)
class Truth:
    """RMS's rows by folded CCOD and SKU. `torn`: item ids whose row changed while it was being read."""

    rows: Mapping[str, Claims]
    torn: frozenset[int] = frozenset()

    def of(self, ccod: str, sku: str) -> tuple[RmsRow, ...]:
        """The rows that claim this SKU: none, one, or twins."""
        return self.skus(ccod).get(fold(sku), ())

    def skus(self, ccod: str) -> Claims:
        """All rows of a CCOD."""
        return self.rows.get(fold(ccod), {})


def truth_of(rows: Iterable[RmsRow], torn: frozenset[int] = frozenset()) -> Truth:
    """Index RMS's answer."""
    index: dict[str, dict[str, tuple[RmsRow, ...]]] = {}
    for row in rows:
        skus = index.setdefault(fold(row.ccod), {})
        sku = fold(row.sku)
        skus[sku] = (*skus[sku], row) if sku in skus else (row,)
    return Truth(index, torn)


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
    count = max(0, int(row.quantity.to_integral_value(ROUND_FLOOR)))
    note = _note(row.quantity, is_text=row.is_text)
    return Units(count, exact=not note, note=note)


def _note(quantity: Decimal, *, is_text: bool) -> str:
    if quantity < 0:
        return "negative"
    if quantity != quantity.to_integral_value():
        return "fractional"
    return "text" if is_text else ""
