"""Compare what the shop shows with what RMS has: one line for every level."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from connectors.folding import fold
from connectors.records import Product, Quantities, RmsRow, Variant
from tasks import derive
from tasks.matching import ShopIndex, Truth, Units, units
from tasks.plan import Line, Outcome, QuantityName

EMPTY = Quantities(0, 0, 0)


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


def stock(products: Iterable[Product], known: Known) -> Iterator[Line]:
    """One line a variant: unknown, refused, unchanged, or open with what to write."""
    for product in products:
        verdict = _of_product(product, known)
        for variant in product.variants:
            line = _bare(product, variant, known.policy)
            yield line.ended(*verdict) if verdict else _of_variant(line, variant, known)


def missing_in_shop(products: Iterable[Product], truth: Truth, shop: ShopIndex) -> Iterator[Absent]:
    """RMS stock above zero under a product's CCOD that no variant of the shop shows.

    Several products may share a CCOD: each of its SKUs is told once, with the first of them.
    """
    first: dict[str, Product] = {}
    for product in products:
        first.setdefault(fold(product.ccod or ""), product)
    for ccod, product in first.items():
        for sku, rows in truth.skus(ccod).items() if ccod else ():
            if sku not in shop.first:
                yield from _absent(product, rows)


def _absent(product: Product, rows: Iterable[RmsRow]) -> Iterator[Absent]:
    for row in rows:
        there = units(row)
        if there and there.count:
            yield Absent(product.id, row.ccod, row.sku, there.count, row.item_id)


def _bare(product: Product, variant: Variant, policy: Policy) -> Line:
    """The line of a variant before anything is known about its truth."""
    quantities = variant.level.quantities if variant.level else None
    return Line(
        product_id=product.id,
        variant_id=variant.id,
        item_id=variant.item_id,
        sku=variant.sku or "",
        ccod=product.ccod or "",
        shown=derive.shown(quantities, policy.quantity_name) if quantities else 0,
        baseline=quantities,
        seen_at=product.seen_at,
        position=variant.position,
    )


def _of_product(product: Product, known: Known) -> tuple[Outcome, str] | None:
    """A verdict that holds for all of a product's variants, if there is one."""
    if product.status == "ARCHIVED":
        return Outcome.REFUSED, "archived"
    if fold(known.policy.exclude_tag) in {fold(tag) for tag in product.tags}:
        return Outcome.REFUSED, "excluded"
    if not fold(product.ccod or ""):
        return Outcome.UNKNOWN, "no_ccod"
    if known.unreachable:
        return Outcome.UNKNOWN, known.unreachable
    return None


def _of_variant(line: Line, variant: Variant, known: Known) -> Line:
    """The variant's verdict: first whose it is, then what it should hold."""
    if not fold(line.sku):
        return line.ended(Outcome.UNKNOWN, "no_sku")
    if spellings := known.shop.spellings(line.sku):
        return line.ended(Outcome.REFUSED, "twin_in_shop", _both(spellings))
    if variant.duplicates:
        return line.ended(Outcome.REFUSED, "twin_in_shop", f"{variant.duplicates} more with {line.sku!r}")
    rows = known.truth.of(line.ccod, line.sku)
    if len(rows) > 1:
        return line.ended(Outcome.REFUSED, "twin_in_rms", _both(row.sku for row in rows))
    if not rows:
        return line.ended(Outcome.UNKNOWN, "not_in_rms")
    return _of_row(line, variant, rows[0], known)


def _of_row(line: Line, variant: Variant, row: RmsRow, known: Known) -> Line:
    if row.item_id in known.truth.torn:
        return line.ended(Outcome.UNKNOWN, "changed_while_reading")
    there = units(row)
    if there is None:
        return line.ended(Outcome.UNKNOWN, "unreadable_quantity")
    return _of_level(_with_truth(line, row, there, known), variant, known.policy)


def _with_truth(line: Line, row: RmsRow, there: Units, known: Known) -> Line:
    unbooked = known.unbooked.get(line.variant_id, 0)
    return replace(
        line,
        truth=row.quantity,
        wanted=max(0, there.count - unbooked),
        exact=there.exact,
        note=there.note,
        unbooked=unbooked,
        rms_item_id=row.item_id,
    )


def _of_level(line: Line, variant: Variant, policy: Policy) -> Line:
    """What the level itself allows: untracked, unreadable, not sellable yet, or plainly comparable."""
    if not variant.tracked:
        return line.ended(Outcome.REFUSED, "untracked")
    if variant.level is None or not variant.level.active:
        return _asleep(line, variant, policy)
    if variant.level.quantities is None:
        return line.ended(Outcome.UNKNOWN, "level_unreadable")
    return _compared(line, variant.level.quantities, policy)


def _asleep(line: Line, variant: Variant, policy: Policy) -> Line:
    """A level that is inactive or not stocked shows nothing; whatever it keeps cannot be sold."""
    reason = "missing_level" if variant.level is None else "inactive_level"
    if line.wanted == 0:
        return replace(line, shown=0).ended(Outcome.UNCHANGED, reason)
    if policy.missing_level != "activate":
        return line.ended(Outcome.REFUSED, reason)
    return replace(line, shown=0, baseline=line.baseline or EMPTY, activate=True)


def _compared(line: Line, quantities: Quantities, policy: Policy) -> Line:
    compared = replace(
        line,
        shown=derive.shown(quantities, policy.quantity_name),
        zero_candidate=policy.delete_zero_stock and line.wanted == 0 and not line.unbooked,
    )
    if compared.shown == compared.wanted and not compared.zero_candidate:
        return compared.ended(Outcome.UNCHANGED)
    return compared


def _both(spellings: Iterable[str]) -> str:
    return " and ".join(repr(spelling) for spelling in spellings)
