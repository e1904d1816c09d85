"""Cut a plan into batches of products."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from connectors.records import Product
from connectors.slices import chunks
from tasks.day import is_marked, older_marks
from tasks.job import Job, ProductJob
from tasks.plan import Line, Outcome, by_product, deserves_mark


def product_jobs(
    products: Iterable[Product],
    lines: Sequence[Line],
    job: Job,
    archive: frozenset[int],
    busy: AbstractSet[int] = frozenset(),
) -> list[ProductJob]:
    """The products with something to do: a level to write, a variant to delete, or a mark to get.

    `busy` products are not finished with these lines: they get no mark.
    """
    grouped = by_product(lines)
    jobs = (_product_job(product, grouped.get(product.id, []), job, archive) for product in products)
    found = [each for each in jobs if each is not None]
    return [replace(each, may_mark=False) if each.product_id in busy else each for each in found]


def batches(jobs: Sequence[ProductJob], size: int) -> list[Sequence[ProductJob]]:
    """Products in batches of at most `size`: what one task carries from lease to mark."""
    return list(chunks(jobs, size))


def batch_numbers(batched: Iterable[Sequence[ProductJob]]) -> Mapping[int, int]:
    """The number of the batch that each product is in."""
    return {each.product_id: number for number, batch in enumerate(batched) for each in batch}


def _product_job(
    product: Product, lines: Sequence[Line], job: Job, archive: frozenset[int]
) -> ProductJob | None:
    settled = [line.ended(Outcome.DONE) if line.is_open else line for line in lines]
    may_mark = deserves_mark(settled) and product.status != "ARCHIVED"
    has_work = any(line.is_open for line in lines)
    is_finished = is_marked(product.tags, job.day) and not older_marks(product.tags, job.day)
    if not has_work and (not may_mark or is_finished):
        return None
    return ProductJob(product.id, may_mark, product.id in archive)
