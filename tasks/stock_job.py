"""The job `inventory_update`: stock only, of products that are known already."""

from connectors.ledger.supplier_records import Rows
from connectors.supplier import Ability, Facet, ListsStock, Page, narrowed
from connectors.suppliers import need
from tasks.signs import Sign
from tasks.supplier_job import JobContext, JobResult

STOCK: frozenset[Facet] = frozenset({"stock"})


def update_stock(context: JobContext) -> JobResult:
    """Read the supplier's stock and store what differs. Raises WindowClosed in the middle of a long list."""
    need(context.supplier.connector_type, Ability.LISTS_STOCK)
    total, updated, problems = 0, 0, list[str]()
    with context.open() as supplier:
        if not isinstance(supplier, ListsStock):
            raise TypeError(f"{type(supplier).__name__} does not list stock")
        for page in supplier.stock(context.job.cursor):
            context.beat()
            updated += _stored(context, page)
            total += len(page.products) + len(page.variants)
            problems += page.problems
    context.log(Sign.STOCK, f"{updated} of {total} quantities of {context.supplier.name} have changed")
    errors = tuple(problems)
    return JobResult(
        {"type": "inventory_sync", "products_updated": updated, "errors": list(errors)},
        Rows(total + len(errors), total, total, len(errors)),
        errors,
    )


def _stored(context: JobContext, page: Page) -> int:
    stored = context.ledger.store_page(
        context.job, narrowed(page, STOCK), context.now(), create=False, dry_run=context.dry_run
    )
    return stored.changed
