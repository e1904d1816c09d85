"""What a run was asked to do: plain values, fixed at its start and passed to every step."""

from dataclasses import dataclass
from datetime import date, datetime

from tasks.day import mark_of
from tasks.plan import QuantityName
from tasks.rollback import RollbackMode


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a sync, or of the release of one of its plans.

    `location` is the number of the store's location, `products` the product ids that were asked for (None:
    those without the day's mark), `release` the plan that is being released. `rollback`: what is
    taken back of a product whose writes failed in part. `leaves_marks`: what is finished is marked.
    """

    run_id: str
    flow: str
    account: str
    location: int
    day: date
    started_at: datetime
    dry_run: bool
    delete_zero_stock: bool
    batch_size: int
    max_concurrent: int
    limit: int | None
    products: tuple[int, ...] | None
    quantity_name: QuantityName
    reads_orders: bool
    release: str | None = None
    rollback: RollbackMode = RollbackMode.ALL
    leaves_marks: bool = True

    @property
    def mark(self) -> str:
        """The tag that a finished product gets."""
        return mark_of(self.day)

    @property
    def walks_everything(self) -> bool:
        """Whether all unmarked products are looked at, not some of them."""
        return self.products is None and self.limit is None

    @property
    def reference(self) -> str:
        """What Shopify's inventory history shows as the cause of a change."""
        return f"evenstock://runs/{self.run_id}"


@dataclass(frozen=True, slots=True)
class ProductJob:
    """One product on its way through a batch.

    `may_mark`: nothing that was decided before writing stands in the way of its mark. `archive`: it is to be
    archived, because all its variants would go.
    """

    product_id: int
    may_mark: bool
    archive: bool = False
