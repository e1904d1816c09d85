"""What an operation costs: asked for before it runs, and counted after.

The vendor publishes no formula. These rules were fitted to recorded replies (contract sheet, section 4.2):
an object costs 1, a connection 2 and its children times a logarithm of the page size, a mutation 10.
https://shopify.dev/docs/api/usage/limits
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLAbstractType,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLNamedType,
    SelectionSetNode,
    get_argument_values,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)
from graphql.execution.values import VariableValues

from sandbox.shopify.documents import Prepared
from sandbox.shopify.schema import answer_key, flatten, included, load_schema, root_type

MAX_COST: Final = 1000
"""The most one operation may ask for, on any plan."""
MUTATION: Final = 10
FREE: Final = frozenset({"MoneyV2", "MoneyBag", "SEO", "InventoryItemMeasurement", "Weight", "PageInfo"})
"""Value objects: neither they nor what is inside costs anything."""
CHEAP_COUNTS: Final = frozenset({"Product.variantsCount", "Collection.productsCount"})
COUNT: Final = 10

Selection = tuple[GraphQLCompositeType, FieldNode]


@dataclass(frozen=True, slots=True)
class Part:
    """The price of one field of the answer: `fixed` for itself, its children times `factor`.

    `size` is the page asked for (connections only). `optional`: free when the answer is null.
    """

    key: str
    fixed: int = 0
    factor: int = 1
    size: int | None = None
    optional: bool = False
    children: Sequence["Part"] = field(default_factory=tuple)

    @property
    def total(self) -> int:
        """Requested points of the field and everything below it."""
        return self.fixed + self.factor * sum(child.total for child in self.children)

    @property
    def steady(self) -> bool:
        """True if the answer cannot change the price."""
        return self.size is None and not self.optional and all(child.steady for child in self.children)


def page_factor(size: int) -> int:
    """How many times the children of a connection are paid for: 0 for an empty page, 11 for 250."""
    return math.floor(2 * math.log(max(2, size))) if size else 0


@dataclass(frozen=True, slots=True)
class Pricer:
    """Prices the fields of one operation with its variables."""

    fragments: Mapping[str, FragmentDefinitionNode]
    values: VariableValues

    def parts(self, kind: GraphQLCompositeType, selections: Sequence[SelectionSetNode]) -> list[Part]:
        """Parts of an object of this type; of an interface or union, those of its most expensive type."""
        found = [s for node in selections for s in flatten(node, kind, self.fragments)]
        if not is_abstract_type(kind):
            return self.merged(found)
        candidates = [self.merged(of_type) for of_type in _by_type(kind, found)]
        return max(candidates, key=lambda parts: sum(part.total for part in parts))

    def merged(self, selections: Sequence[Selection]) -> list[Part]:
        """One part for each key of the answer, however often it is asked for."""
        groups: dict[str, list[Selection]] = {}
        for kind, node in selections:
            if included(node, self.values):
                groups.setdefault(answer_key(node), []).append((kind, node))
        return [self.part(key, group) for key, group in groups.items()]

    def part(self, key: str, group: Sequence[Selection]) -> Part:
        """The price of one key of the answer."""
        kind, node = group[0]
        definition = load_schema().get_field(kind, node.name.value)
        below = get_named_type(definition.type) if definition else None
        if definition is None or not is_composite_type(below) or below.name in FREE:
            return Part(key)
        if below.name == "Count":
            return Part(key, _count(kind, node))
        inside = [n.selection_set for _, n in group if n.selection_set]
        if below.name.endswith("Connection"):
            return self.connection(key, definition, node, self.parts(below, inside))
        return Part(key, _own(kind, below), optional=_is_payload(kind), children=self.parts(below, inside))

    def connection(self, key: str, definition: GraphQLField, node: FieldNode, children: list[Part]) -> Part:
        """2, and the children times a logarithm of the page."""
        arguments = get_argument_values(definition, node, self.values)
        size = int(arguments.get("first") or arguments.get("last") or 0)
        return Part(key, 2, page_factor(size), size, children=children)


def _by_type(kind: GraphQLAbstractType, found: Sequence[Selection]) -> Iterator[list[Selection]]:
    schema = load_schema()
    named = {asked.name for asked, _ in found}
    for concrete in schema.get_possible_types(kind):
        if concrete.name in named:
            yield [s for s in found if s[0] is concrete or _covers(s[0], concrete)]
    yield [s for s in found if s[0] is kind]


def _covers(asked: GraphQLCompositeType, concrete: GraphQLCompositeType) -> bool:
    return is_abstract_type(asked) and load_schema().is_sub_type(asked, concrete)


def _is_payload(kind: GraphQLNamedType) -> bool:
    return kind.name.endswith("Payload")


def _own(parent: GraphQLNamedType, kind: GraphQLNamedType) -> int:
    """An object's own price: none for the wrapper of a node, nor for what stands directly in a payload."""
    if parent.name == "Mutation":
        return MUTATION
    return 0 if kind.name.endswith("Edge") or _is_payload(parent) else 1


def _count(parent: GraphQLCompositeType, node: FieldNode) -> int:
    return 1 if f"{parent.name}.{node.name.value}" in CHEAP_COUNTS else COUNT


@lru_cache(maxsize=256)
def price(prepared: Prepared) -> Sequence[Part]:
    """The parts of an operation's answer with their prices."""
    pricer = Pricer(prepared.fragments, prepared.values)
    return pricer.parts(root_type(prepared.operation), [prepared.operation.selection_set])


def requested(prepared: Prepared) -> int:
    """Points the operation asks for; known before it runs."""
    return sum(part.total for part in price(prepared))


def actual(prepared: Prepared, data: Mapping[str, object] | None) -> int:
    """Points the operation took, judged by its answer: short pages cost less, a refused mutation costs 10.

    A connection takes its share of `returned / first`; the sum is rounded (the vendor's own rounding is not
    known).
    """
    answer = data or {}
    return round(sum(_spent(part, answer.get(part.key)) for part in price(prepared)))


def _spent(part: Part, value: object) -> float:
    if part.steady:
        return part.total
    if value is None:
        return 0 if part.optional else part.fixed
    if part.size is not None:
        return part.fixed + _spent_on_page(part, part.size, value)
    if isinstance(value, list):
        return max(
            (_spent_on_object(part, item) for item in value), default=0 if part.optional else part.fixed
        )
    return _spent_on_object(part, value)


def _spent_on_object(part: Part, value: object) -> float:
    fields = value if isinstance(value, Mapping) else {}
    return part.fixed + sum(_spent(child, fields.get(child.key)) for child in part.children)


def _spent_on_page(part: Part, size: int, page: object) -> float:
    """A page as full as asked for costs its whole price, an empty one nothing."""
    lists = page if isinstance(page, Mapping) else {}
    rows = sum(_spent_on_rows(child, lists.get(child.key)) for child in part.children)
    return part.factor * rows / size if size else 0


def _spent_on_rows(part: Part, rows: object) -> float:
    if not isinstance(rows, list) or not part.total:
        return 0
    if part.steady:
        return part.total * len(rows)
    return sum(_spent_on_object(part, row) for row in rows)


def debug_fields(prepared: Prepared) -> list[dict[str, object]]:
    """`extensions.cost.fields`, as the header Shopify-GraphQL-Cost-Debug asks for."""
    return [line for part in price(prepared) for line in _debug(part, ())]


def _debug(part: Part, above: tuple[str, ...]) -> Iterator[dict[str, object]]:
    path = (*above, part.key)
    yield {
        "path": list(path),
        "definedCost": part.fixed,
        "requestedTotalCost": part.total,
        "requestedChildrenCost": part.total - part.fixed if part.children else None,
    }
    for child in part.children:
        yield from _debug(child, path)
