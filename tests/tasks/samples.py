"""Values that the tests of the pure floor are made of, with everything left at its plainest."""

from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import strategies as st

from connectors.records import Level, Product, Quantities, RmsRow, Variant
from tasks.job import Job
from tasks.plan import Line, Outcome

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CCOD = "24X104"


def quantities(available: int, committed: int = 0, unavailable: int = 0) -> Quantities:
    """A level as Shopify keeps it: on hand is the sum of its states."""
    return Quantities(available, committed, available + committed + unavailable)


def level(available: int, committed: int = 0, *, active: bool = True) -> Level:
    """A level that gives its numbers."""
    return Level(active, quantities(available, committed))


def variant(
    number: int,
    sku: str | None,
    at: Level | None,
    *,
    product: int = 1,
    tracked: bool = True,
    duplicates: int = 0,
) -> Variant:
    """A variant whose inventory item has the same number."""
    return Variant(number, product, number, sku, number, tracked, duplicates, at)


def product(
    *variants: Variant,
    number: int = 1,
    ccod: str | None = CCOD,
    status: str = "ACTIVE",
    tags: tuple[str, ...] = (),
) -> Product:
    """A product as discovery returns it."""
    return Product(number, f"Product {number}", status, tags, ccod, variants, NOON)


def row(
    sku: str, quantity: str | int | None, *, item: int = 7, ccod: str = CCOD, is_text: bool = False
) -> RmsRow:
    """A row of RMS."""
    number = None if quantity is None else Decimal(quantity)
    return RmsRow(ccod, sku, item, number, is_text, NOON)


def line(
    number: int,
    shown: int = 0,
    wanted: int = 0,
    *,
    product: int = 1,
    outcome: Outcome | None = None,
    rms: int | None = 7,
    baseline: Quantities | None = None,
) -> Line:
    """A line that knows its truth; open unless an outcome is given."""
    return Line(
        product_id=product,
        variant_id=number,
        item_id=number,
        sku=f"SKU-{number}",
        ccod=CCOD,
        shown=shown,
        wanted=wanted,
        baseline=baseline or quantities(shown),
        seen_at=NOON,
        truth=Decimal(wanted),
        rms_item_id=rms,
        fed_by=None if rms is None else "rms",
        outcome=outcome,
        position=number,
    )


def job(*, batch_size: int = 50, dry_run: bool = False) -> Job:
    """A run of the twentieth of November."""
    return Job(
        run_id="run-1",
        flow="reverse-stock-sync",
        account="own.example",
        location=1,
        day=date(2026, 11, 20),
        started_at=NOON,
        dry_run=dry_run,
        delete_zero_stock=True,
        batch_size=batch_size,
        max_concurrent=2,
        limit=None,
        products=None,
        quantity_name="available",
        reads_orders=True,
    )


units = st.integers(0, 40)
"""Small quantities, so that equal ones are common."""
outcomes = st.sampled_from(list(Outcome))
