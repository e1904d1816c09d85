"""Put the rows of a bulk query together again: children name their parent, and stand anywhere."""

from collections.abc import Iterator

from connectors.errors import Malformed
from connectors.records import JsonObject, OrderLine, Product, Variant
from connectors.shopify import readers
from connectors.shopify.bulk import Rows

PARENT = "__parentId"


def products(rows: Rows) -> Iterator[Product]:
    """Products by ascending id, each with all its variants by ascending id.

    All rows are read before the first product comes, as nothing tells that a product has no further variant;
    what is kept of them are the records themselves. Raises Malformed for a variant without its product.

    `seen_at` is the end of the operation, though most rows were read before it. An order that was placed
    between the reading of a row and the end then counts as one that the row shows already, and is subtracted
    a second time when its fall is seen: too few units for one run. With the beginning as `seen_at`, an order
    that a row does show would count as one to come, and its units be sold twice.
    """
    heads: dict[int, Product] = {}
    variants: dict[int, list[Variant]] = {}
    for row in rows:
        if PARENT in row:
            parent = readers.number(row[PARENT], PARENT)
            variants.setdefault(parent, []).append(readers.variant(row, parent))
        else:
            head = readers.bare_product(row, rows.at)
            heads[head.id] = head
    _check_parents(variants.keys() - heads.keys())
    return _whole(heads, variants)


def _whole(heads: dict[int, Product], variants: dict[int, list[Variant]]) -> Iterator[Product]:
    """The products with their variants; what was handed on is not kept."""
    for number in sorted(heads):
        found = {each.id: each for each in variants.pop(number, ())}
        yield readers.with_variants(heads.pop(number), [found[each] for each in sorted(found)])


def order_lines(rows: Rows) -> list[OrderLine]:
    """Lines of orders, newest first, without those of test and cancelled orders and those of no variant."""
    counting: dict[int, readers.OrderHead] = {}
    known: set[int] = set()
    sold: list[tuple[int, int, int]] = []
    for row in rows:
        if PARENT in row:
            sold.extend(_sold(row))
        else:
            head = readers.bare_order(row)
            known.add(head.id)
            if head.counts:
                counting[head.id] = head
    _check_parents({order for order, _, _ in sold} - known)
    lines = [
        OrderLine(order, variant, quantity, counting[order].created_at)
        for order, variant, quantity in sold
        if order in counting
    ]
    return sorted(lines, key=lambda line: (line.created_at, line.order_id), reverse=True)


def _sold(row: JsonObject) -> Iterator[tuple[int, int, int]]:
    """Order, variant and quantity of a line that sold a variant."""
    found = readers.sold(row)
    if found is not None:
        yield readers.number(row[PARENT], PARENT), *found


def _check_parents(missing: set[int]) -> None:
    if missing:
        raise Malformed(f"rows of a bulk query whose parent is not there: {sorted(missing)[:3]}")
