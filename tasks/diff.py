"""Compare what the shop shows with what RMS has: one line for every level."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from connectors.folding import fold
from connectors.records import Level, Product, Quantities, RmsRow, Variant
from tasks import collector, derive
from tasks.matching import Claim, ShopIndex, Truth, rows_of, units
from tasks.plan import Line, Outcome, QuantityName

RMS = "rms"
"""The truth of the reverse sync, by which it owns levels."""

EMPTY = Quantities(0, 0, 0)
NOWHERE = Level(active=False, quantities=None)
"""What a variant has where it is not stocked."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The choices a merchant made about what counts and what is left alone."""

    quantity_name: QuantityName = "available"
    missing_level: str = "refuse"
    exclude_tag: str = "evenstock-ignore"
    delete_zero_stock: bool = True


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known when the comparison is made.

    `unbooked`: units of online orders, by variant id, that RMS cannot have booked yet. `unreachable`: why
    there is no truth at all, when RMS did not answer.
    """

    truth: Truth
    shop: ShopIndex
    policy: Policy = field(default_factory=Policy)
    unbooked: Mapping[int, int] = field(default_factory=dict)
    unreachable: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """RMS stock that no variant of the shop shows."""

    product_id: int
    ccod: str
    sku: str
    quantity: int
    rms_item_id: int


class Verdict(NamedTuple):
    """Why a variant is left alone, whatever its numbers are."""

    outcome: Outcome
    reason: str
    note: str = ""


UNREADABLE = Verdict(Outcome.UNKNOWN, "unreadable_quantity")


@collector.paused()
def stock(products: Iterable[Product], known: Known) -> list[Line]:
    """One line a variant: unknown, refused, unchanged, or open with what to write."""
    return [line for product in products for line in _of_product(product, known)]


def missing_in_shop(products: Iterable[Product], truth: Truth, shop: ShopIndex) -> Iterator[Absent]:
    """RMS stock above zero under a product's CCOD that no variant of the shop shows.

    Several products may share a CCOD: each of its SKUs is told once, with the first of them.
    """
    first: dict[str, Product] = {}
    for product in products:
        first.setdefault(fold(product.ccod or ""), product)
    for ccod, product in first.items():
        for sku, claim in truth.skus(ccod).items() if ccod else ():
            if sku not in shop.first:
                yield from _absent(product, rows_of(claim))


def _absent(product: Product, rows: Iterable[RmsRow]) -> Iterator[Absent]:
    for row in rows:
        there = units(row)
        if there and there.count:
            yield Absent(product.id, row.ccod, row.sku, there.count, row.item_id)


def _of_product(product: Product, known: Known) -> Iterator[Line]:
    verdict = _of_all(product, known)
    claims = known.truth.skus(product.ccod or "")
    for variant in product.variants:
        found = verdict or _row_of(variant, claims, known)
        if isinstance(found, Verdict):
            yield _left_alone(product, variant, found, known.policy)
        else:
            yield _of_row(product, variant, found, known)


def _of_all(product: Product, known: Known) -> Verdict | None:
    """A verdict that holds for all of a product's variants, if there is one."""
    if product.status == "ARCHIVED":
        return Verdict(Outcome.REFUSED, "archived")
    if fold(known.policy.exclude_tag) in {fold(tag) for tag in product.tags}:
        return Verdict(Outcome.REFUSED, "excluded")
    if not fold(product.ccod or ""):
        return Verdict(Outcome.UNKNOWN, "no_ccod")
    if known.unreachable:
        return Verdict(Outcome.UNKNOWN, known.unreachable)
    return None


def _row_of(variant: Variant, claims: Mapping[str, Claim], known: Known) -> RmsRow | Verdict:
    """The one row of RMS that speaks for a variant, or why there is none."""
    sku = fold(variant.sku or "")
    if not sku:
        return Verdict(Outcome.UNKNOWN, "no_sku")
    if sku in known.shop.twins or variant.duplicates:
        return _twin_in_shop(variant, known.shop.spellings(sku))
    claim = claims.get(sku)
    if claim is None:
        return Verdict(Outcome.UNKNOWN, "not_in_rms")
    if isinstance(claim, tuple):
        return Verdict(Outcome.REFUSED, "twin_in_rms", _both(row.sku for row in claim))
    if claim.item_id in known.truth.torn:
        return Verdict(Outcome.UNKNOWN, "changed_while_reading")
    return claim


def _twin_in_shop(variant: Variant, spellings: Sequence[str]) -> Verdict:
    others = _both(spellings) if spellings else f"{variant.duplicates} more with {variant.sku!r}"
    return Verdict(Outcome.REFUSED, "twin_in_shop", others)


def _left_alone(product: Product, variant: Variant, verdict: Verdict, policy: Policy) -> Line:
    """The line of a variant whose truth is not known."""
    quantities = (variant.level or NOWHERE).quantities
    return Line(
        product.id,
        variant.id,
        variant.item_id,
        variant.sku or "",
        product.ccod or "",
        position=variant.position,
        seen_at=product.seen_at,
        baseline=quantities,
        shown=derive.shown(quantities, policy.quantity_name) if quantities else 0,
        outcome=verdict.outcome,
        reason=verdict.reason,
        note=verdict.note,
    )


def _of_row(product: Product, variant: Variant, row: RmsRow, known: Known) -> Line:
    """The line of a variant whose truth is known: what it shows beside what it should hold.

    Built once, with all it has to say: a catalogue has a million of them.
    """
    there = units(row)
    if there is None:
        return _left_alone(product, variant, UNREADABLE, known.policy)
    unbooked = known.unbooked.get(variant.id, 0)
    wanted = max(0, there.count - unbooked)
    level = variant.level or NOWHERE
    shown = derive.shown(level.quantities, known.policy.quantity_name) if level.quantities else 0
    is_plain = variant.tracked and level.active and level.quantities is not None
    may_go = is_plain and wanted == 0 and not unbooked and known.policy.delete_zero_stock
    line = Line(
        product.id,
        variant.id,
        variant.item_id,
        variant.sku or "",
        product.ccod or "",
        position=variant.position,
        seen_at=product.seen_at,
        baseline=level.quantities,
        shown=shown,
        wanted=wanted,
        truth=row.quantity,
        exact=there.exact,
        note=there.note,
        unbooked=unbooked,
        rms_item_id=row.item_id,
        fed_by=RMS,
        zero_candidate=may_go,
        outcome=Outcome.UNCHANGED if is_plain and shown == wanted and not may_go else None,
    )
    return line if is_plain else of_odd_level(line, variant, known.policy.missing_level)


def of_odd_level(line: Line, variant: Variant, missing_level: str) -> Line:
    """What a level that cannot simply be compared allows: untracked, not sellable yet, or unreadable."""
    if not variant.tracked:
        return line.ended(Outcome.REFUSED, "untracked")
    if variant.level is None or not variant.level.active:
        return _asleep(line, variant, missing_level)
    return line.ended(Outcome.UNKNOWN, "level_unreadable")


def _asleep(line: Line, variant: Variant, missing_level: str) -> Line:
    """A level that is inactive or not stocked shows nothing; whatever it keeps cannot be sold."""
    reason = "missing_level" if variant.level is None else "inactive_level"
    if line.wanted == 0:
        return line._replace(shown=0).ended(Outcome.UNCHANGED, reason)
    if missing_level != "activate":
        return line.ended(Outcome.REFUSED, reason)
    return line._replace(shown=0, baseline=line.baseline or EMPTY, activate=True)


def _both(spellings: Iterable[str]) -> str:
    return " and ".join(repr(spelling) for spelling in spellings)
