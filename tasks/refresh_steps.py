"""The steps of an inventory refresh as Prefect runs them: each opens what it needs, on plain values."""

from collections.abc import Sequence

from connectors.records import JsonObject
from connectors.settings import load_settings
from tasks import refresh, refreshing
from tasks.desk import ledger_of, open_shop
from tasks.policy import reads, writes
from tasks.refreshing import Found, Refresh
from tasks.states import reported
from tasks.steps import Metered


@reads("list all products")
def list_products(job: Refresh) -> Metered[tuple[int, ...]]:
    """All products that the store shows, and those that are known from before."""
    settings = load_settings()
    shop = open_shop(settings)
    with shop.http:
        products = ledger_of(settings).vendor_products(job.account) | set(shop.product_ids())
    return Metered(tuple(sorted(products)), shop.http.usage.as_dict())


@reads("find variants")
def find_variants(job: Refresh, products: Sequence[int]) -> Metered[Found]:
    """The variants of these products; see `tasks.refresh.find`."""
    settings = load_settings()
    shop = open_shop(settings)
    with shop.http:
        spacing = settings.inventory_refresh_spacing_seconds
        found = refresh.find(shop, ledger_of(settings), job, products, spacing)
    return Metered(found, shop.http.usage.as_dict())


@writes("refresh a batch")
def refresh_batch(job: Refresh, number: int, items: Sequence[int]) -> JsonObject:
    """Read and store the levels of one batch of items; see `tasks.refresh.read_batch`."""
    settings = load_settings()
    shop = open_shop(settings)
    with shop.http:
        end = refresh.read_batch(shop, ledger_of(settings), job, number, items)
    document = refreshing.end_to_json(end)
    # A failed one is not kept: a run that is tried again does it again.
    return reported(document, "Failed", end.error) if end.error else document  # type: ignore[return-value]
