"""Find the products that today's main sync missed, and the SKUs of the whole shop."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.errors import ConnectorError
from connectors.records import Product
from connectors.shopify import Shopify
from tasks.day import has_future_mark, is_marked, older_marks
from tasks.job import Job
from tasks.matching import ShopIndex, Sku

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Discovery:
    """The products to look at, every SKU of the shop, and whether a mark of a later day was seen.

    `stale`: older marks on products that are not looked at, since they have the day's mark already; None
    when they were not asked for.
    """

    products: list[Product] = field(default_factory=list)
    shop: ShopIndex = field(default_factory=ShopIndex)
    has_future_marks: bool = False
    stale: dict[int, tuple[str, ...]] | None = None

    def note(self, product: Product) -> None:
        """Add a product's SKUs to the index, whether it is looked at or not."""
        for variant in product.variants:
            self.shop.add(variant)

    @property
    def seen_at(self) -> dict[int, datetime]:
        """When each variant's baseline was read, by the shop's clock."""
        return {variant.id: product.seen_at for product in self.products for variant in product.variants}

    @property
    def seen_until(self) -> datetime | None:
        """When the last product was read, by the shop's clock."""
        return max((product.seen_at for product in self.products), default=None)


def unsynced(
    shop: Shopify, job: Job, attempts: Mapping[int, datetime], *, is_sweep_due: bool = False
) -> Discovery:
    """Products without the day's mark, or those asked for whatever their mark, with all their variants.

    `attempts` says when each product was last taken on: with a limit, those never tried come first, then
    the oldest, so that what cannot be finished does not keep the rest from its turn. The search index lags
    behind the tags it was made of, so products are looked at again by the tags they came with.
    """
    found = Discovery()
    with ThreadPoolExecutor(2) as beside:
        skus = beside.submit(_other_skus, shop, job)
        stale = beside.submit(stale_marks, shop, job) if is_sweep_due else None
        for product in _once(_candidates(shop, job, attempts)):
            _take(found, product, job)
    for sku in skus.result():
        found.shop.add(sku)
    found.stale = stale.result() if stale else None
    return found


def _take(found: Discovery, product: Product, job: Job) -> None:
    found.has_future_marks |= has_future_mark(product.tags, job.day)
    found.note(product)
    if job.products is not None or not is_marked(product.tags, job.day):
        found.products.append(product)


def _other_skus(shop: Shopify, job: Job) -> list[Sku]:
    """The SKUs of products that are not looked at. When all unmarked ones are, the marked ones are left."""
    return list(map(Sku._make, shop.skus(job.mark if job.walks_everything else None)))


def stale_marks(shop: Shopify, job: Job) -> dict[int, tuple[str, ...]] | None:
    """Marks of earlier days on products that carry the day's mark too; None when they cannot be read.

    Who wrote the day's mark does not matter. A product takes 250 tags, and one that sells every day would
    reach them within a year.
    """
    try:
        heads = ((number, older_marks(tags, job.day)) for number, tags in shop.heads_with(job.mark))
        return {number: older for number, older in heads if older}
    except ConnectorError:
        return None


def _candidates(shop: Shopify, job: Job, attempts: Mapping[int, datetime]) -> Iterable[Product]:
    if job.products is not None:
        return shop.products(job.products)
    if job.limit is None:
        return shop.products_without(job.mark)
    unmarked = {number for number, tags in shop.heads_without(job.mark) if not is_marked(tags, job.day)}
    first = sorted(unmarked, key=lambda number: (number in attempts, attempts.get(number, NEVER), number))
    return shop.products(first[: job.limit])


def _once(products: Iterable[Product]) -> Iterator[Product]:
    """Products as they come, each once: a list that moves shows one again, a person may name one twice."""
    seen: set[int] = set()
    for product in products:
        if product.id not in seen:
            seen.add(product.id)
            yield product
