"""Cut a plan into batches of products."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from connectors.records import Product
from connectors.slices import chunks
from tasks.day import is_marked, older_marks
from tasks.job import Job, ProductJob
from tasks.plan import Line, Outcome, by_product, deserves_mark


@dataclass(frozen=True, slots=True)
class Due:
    """What is due to products: work in `jobs`; to those that are `finished`, only the day's mark."""

    jobs: list[ProductJob] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)


def due(
    products: Iterable[Product],
    lines: Sequence[Line],
    job: Job,
    archive: frozenset[int],
    busy: AbstractSet[int] = frozenset(),
) -> Due:
    """Products with a level to write or a variant to delete, and those that deserve their mark as they are.

    `busy` products are not finished with these lines: they get no mark.
    """
    grouped = by_product(lines)
    found = Due()
    for product in products:
        owned = grouped.get(product.id, [])
        may_mark = _may_mark(product, owned) and product.id not in busy
        if any(line.is_open for line in owned):
            found.jobs.append(ProductJob(product.id, may_mark, product.id in archive))
        elif may_mark and not _has_its_mark(product, job):
            found.finished.append(product.id)
    return found


def batches(jobs: Sequence[ProductJob], size: int) -> list[Sequence[ProductJob]]:
    """Products in batches of at most `size`: what one task carries from lease to mark."""
    return list(chunks(jobs, size))


def batch_numbers(batched: Iterable[Sequence[ProductJob]], first: int = 0) -> Mapping[int, int]:
    """The number of the batch that each product is in; the first one has this number."""
    return {each.product_id: number for number, batch in enumerate(batched, first) for each in batch}


def _may_mark(product: Product, lines: Sequence[Line]) -> bool:
    """Whether the product is finished once its open lines are written."""
    settled = [line.ended(Outcome.DONE) if line.is_open else line for line in lines]
    return deserves_mark(settled) and product.status != "ARCHIVED"


def _has_its_mark(product: Product, job: Job) -> bool:
    return is_marked(product.tags, job.day) and not older_marks(product.tags, job.day)
