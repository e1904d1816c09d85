"""The demo's suppliers: let in, a job for each is queued, and what the jobs brought is shown."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.settings import Settings
from flows.cli.page import message_of, rows, section
from flows.cli.stand_ins import address, world
from tasks.desk import ledger_of
from tasks.supplier_rows import Terms, add

if TYPE_CHECKING:
    from connectors.ledger.supplier_records import Supplier
    from connectors.records import JsonObject

USER: Final = "default"
JOB: Final = "supplier_api"
NAMES: Final = {"bigbuy": "BigBuy", "aliexpress": "AliExpress", "csv": "Workshop (CSV)"}
COLUMNS: Final = {
    "supplier_product_id": "Artikel",
    "name": "Bezeichnung",
    "stock_quantity": "Bestand",
    "cost_price": "Preis",
}
MOST: Final = 100
SHOWN: Final = 3
"""So many products of each supplier are shown."""


def queue(console: Console, settings: Settings) -> None:
    """Let the suppliers in, and put a job for each into the queue."""
    # Prefect comes with it, and is imported after the settings are made.
    from tasks.jobs import Asked, enqueue  # noqa: PLC0415

    ledger = ledger_of(settings)
    for kind, configuration in _configurations(settings).items():
        supplier = add(settings, ledger, USER, kind, Terms(NAMES[kind], configuration))
        enqueue(settings, ledger, Asked(USER, JOB, supplier.id))
    console.print(f"{', '.join(NAMES.values())} are let in, and a job for each is queued.")


def show(console: Console, settings: Settings, report: "JsonObject") -> Iterator[str]:
    """What became of the jobs and what is known since; yields what went otherwise."""
    console.print(f"[bold]{message_of(report)}[/]")
    suppliers = ledger_of(settings).suppliers(USER)
    lines = {str(each["supplier_id"]): each for each in rows(report, "results")}
    jobs = _table("supplier", "job", "calls", "products", "")
    for supplier in suppliers:
        jobs.add_row(supplier.name, *_job(lines.get(supplier.id, {})))
    console.print(jobs)
    console.print(f"The first {SHOWN} of each, as they are stored now:")
    console.print(_goods(settings, suppliers))
    for supplier in suppliers:
        yield from _off(settings, supplier, lines.get(supplier.id, {}))


def _table(*heads: str) -> Table:
    return Table(*heads, box=None, pad_edge=False, header_style="bold")


def _configurations(settings: Settings) -> dict[str, "JsonObject"]:
    """What each kind of supplier is told."""
    return {
        "bigbuy": {"language": "en"},
        "aliexpress": {"ship_to_country": "ES", "feed": "shoe-care"},
        "csv": {"url": f"{address(settings)}/csv/default/products.csv", "columns": dict(COLUMNS)},
    }


def _job(line: "JsonObject") -> tuple[str, ...]:
    """A job's line of the report, and the first row that could not be read."""
    result = section(line, "result")
    errors = result.get("errors") or [line.get("error") or ""]
    calls, products = section(line, "usage").get("calls", 0), result.get("products_processed", 0)
    problem = str(errors[0]) if isinstance(errors, list) else ""
    return str(line.get("outcome", "not begun")), str(calls), str(products), escape(problem)


def _goods(settings: Settings, suppliers: "list[Supplier]") -> Table:
    ledger = ledger_of(settings)
    table = _table("supplier", "product", "units", "we pay")
    for supplier in suppliers:
        for each in ledger.imported_products(USER, supplier.id, SHOWN):
            units = "unknown" if each.stock_quantity is None else str(each.stock_quantity)
            price = each.cost_price
            told = "unknown" if price is None else f"{price:.2f} {each.currency}"
            table.add_row(supplier.name, escape(each.name or each.supplier_product_id), units, told)
    return table


def _off(settings: Settings, supplier: "Supplier", line: "JsonObject") -> Iterator[str]:
    """Whether the job ended well, and every product of the stand-in is known now."""
    known = len(ledger_of(settings).imported_products(USER, supplier.id, MOST))
    listed = len(world(settings)[supplier.connector_type]["default"]["products"])
    if line.get("outcome") != "completed":
        yield f"the job of {supplier.name}: {line.get('error')}"
    elif known != listed:
        yield f"{known} of {listed} products of {supplier.name} are known"
