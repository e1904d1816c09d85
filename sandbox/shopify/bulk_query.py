"""The document of a bulk query: what Shopify refuses in it, and the lines it gives.

https://shopify.dev/docs/api/usage/bulk-operations/queries
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLCompositeType,
    GraphQLObjectType,
    GraphQLOutputType,
    OperationType,
    SelectionSetNode,
    get_argument_values,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    is_object_type,
)

from sandbox.shopify.documents import Errors, Prepared, prepare
from sandbox.shopify.execute import Execution, FieldError, Finish, Getter, Step, Steps, Thing, UnservedError
from sandbox.shopify.model import Order, Product, Variant
from sandbox.shopify.paging import PagingError
from sandbox.shopify.resolvers import Context, Item
from sandbox.shopify.schema import answer_key, flatten, load_schema, root_type

MAX_DOCUMENT: Final = 65_535
"""Bytes of a document: https://shopify.dev/docs/api/usage/bulk-operations/queries"""
MAX_CONNECTIONS: Final = 5
MAX_NESTING: Final = 2
PAGING: Final = frozenset({"first", "last", "after", "before"})
"""Arguments that bulk operations ignore."""

Fragments = Mapping[str, FragmentDefinitionNode]
Line = dict[str, Any]


class RefusedDocumentError(ValueError):
    """A document that no bulk operation takes."""


class WorkFailedError(Exception):
    """The work ends here: the operation is FAILED with this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def is_connection(kind: GraphQLOutputType) -> bool:
    """Whether a field of this type is a connection."""
    return get_named_type(kind).name.endswith("Connection")


# -------------------------------------------------------------------- checks


class Place(NamedTuple):
    """Where in a document a selection stands: connections above it, lists above it, whether its node has an
    id of its own.
    """

    depth: int = 0
    in_list: bool = False
    has_id: bool = True


def prepared_query(text: str) -> Prepared:
    """The document, ready to run; RefusedDocumentError if no bulk query may be it."""
    if len(text.encode()) > MAX_DOCUMENT:
        raise RefusedDocumentError(f"The query is longer than {MAX_DOCUMENT} bytes.")
    found = prepare(text, {}, None, paged=False)
    if isinstance(found, Errors):
        raise RefusedDocumentError(f"Invalid bulk query: {found[0]['message']}")
    _check_operation(found)
    connections = _Connections(found.fragments)
    connections.walk(root_type(found.operation), [found.operation.selection_set], Place())
    if not 1 <= connections.found <= MAX_CONNECTIONS:
        text = f"Bulk queries must contain 1 to {MAX_CONNECTIONS} connections."
        raise RefusedDocumentError(text)
    return found


def _check_operation(found: Prepared) -> None:
    if found.operation.operation is not OperationType.QUERY:
        raise RefusedDocumentError("The document must be a query.")
    if found.operation.variable_definitions:
        raise RefusedDocumentError("Variables cannot be given to a bulk query.")
    if any(root.name in ("node", "nodes") for root in found.root_fields):
        raise RefusedDocumentError("The fields 'node' and 'nodes' cannot be at the root of a bulk query.")


@dataclass
class _Connections:
    """Counts the connections of a document, and refuses those that stand where none may."""

    fragments: Fragments
    found: int = 0

    def walk(self, kind: GraphQLCompositeType, sets: Sequence[SelectionSetNode], place: Place) -> None:
        """Everything that is selected of an object."""
        for parent, node in self.fields(kind, sets):
            definition = load_schema().get_field(parent, node.name.value)
            below = get_named_type(definition.type) if definition else None
            if definition is None or not is_composite_type(below) or node.selection_set is None:
                continue
            if is_connection(definition.type):
                self.connection(below, node, place)
            else:
                lists = place.in_list or is_list_type(get_nullable_type(definition.type))
                self.walk(below, [node.selection_set], place._replace(in_list=lists))

    def fields(
        self, kind: GraphQLCompositeType, sets: Sequence[SelectionSetNode]
    ) -> Iterator[tuple[GraphQLCompositeType, FieldNode]]:
        """The fields of selections, fragments opened."""
        for selections in sets:
            yield from flatten(selections, kind, self.fragments)

    def connection(self, kind: GraphQLCompositeType, node: FieldNode, place: Place) -> None:
        """One connection, and what is below it."""
        self.found += 1
        name = node.name.value
        if place.in_list:
            raise RefusedDocumentError(f"The connection '{name}' stands inside a list.")
        if place.depth >= MAX_NESTING:
            raise RefusedDocumentError(f"The connection '{name}' is nested more than {MAX_NESTING} deep.")
        if not place.has_id:
            raise RefusedDocumentError(f"The parent of the connection '{name}' must select 'id'.")
        inner, sets = inside(kind, [node], self.fragments)
        self.walk(inner, sets, Place(place.depth + 1, has_id=self.has_id(inner, sets)))

    def has_id(self, kind: GraphQLCompositeType, sets: Sequence[SelectionSetNode]) -> bool:
        """Whether these selections have `id` under its own name."""
        return any(node.name.value == answer_key(node) == "id" for _, node in self.fields(kind, sets))


def inside(
    kind: GraphQLCompositeType, nodes: Sequence[FieldNode], fragments: Fragments
) -> tuple[GraphQLCompositeType, list[SelectionSetNode]]:
    """The type of a connection's nodes, and what is selected of them under `edges { node }`."""
    edges = [found for node in nodes for found in flatten(node.selection_set, kind, fragments)]
    if any(node.name.value == "nodes" for _, node in edges):
        raise RefusedDocumentError("Bulk queries take 'edges { node }', not 'nodes'.")
    edge = _field_type(kind, "edges")
    chosen = [
        node
        for _, outer in edges
        if outer.name.value == "edges"
        for _, node in flatten(outer.selection_set, edge, fragments)
        if node.name.value == "node"
    ]
    if not chosen:
        raise RefusedDocumentError("Every connection must select 'edges { node }'.")
    return _field_type(edge, "node"), [node.selection_set for node in chosen if node.selection_set]


def _field_type(kind: GraphQLCompositeType, name: str) -> GraphQLCompositeType:
    definition = load_schema().get_field(kind, name)
    found = get_named_type(definition.type) if definition else None
    if not is_composite_type(found):
        raise RefusedDocumentError(f"'{kind.name}' has no '{name}' with objects")
    return found


# --------------------------------------------------------------------- lines


@dataclass(frozen=True)
class Branch:
    """A connection whose objects become lines of their own."""

    get: Getter
    arguments: Mapping[str, Any]
    finish: Finish


class Row(NamedTuple):
    """One line of the result."""

    line: Line
    is_root: bool


@dataclass
class BulkExecution(Execution):
    """A run that leaves connections out of the objects and keeps them for lines of their own."""

    below: list[tuple[Branch, Thing]] = field(default_factory=list)

    def concrete(self, kind: GraphQLCompositeType, inside: Sequence[SelectionSetNode]) -> Finish:
        """The answer of an object; its connections wait in `below`."""
        if not is_object_type(kind):
            raise TypeError(kind)
        steps, branches = self.split(kind, inside)
        if not branches:
            return lambda value: self.run(steps, value)

        def finish(value: Thing) -> Thing:
            self.below.extend((branch, value) for branch in branches)
            return self.run(steps, value)

        return finish

    def split(
        self, kind: GraphQLObjectType, sets: Sequence[SelectionSetNode]
    ) -> tuple[Steps, Sequence[Branch]]:
        """What an object is asked for: its own fields, and its connections."""
        steps, branches = [], []
        for key, nodes in self.grouped(kind, sets).items():
            definition = load_schema().get_field(kind, nodes[0].name.value)
            if definition and is_connection(definition.type):
                branches.append(self.branch(kind, nodes))
            else:
                steps.append(self.step(kind, key, nodes))
        return steps, branches

    def branch(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Branch:
        """A connection without its page."""
        definition = load_schema().get_field(kind, nodes[0].name.value)
        if definition is None:
            raise UnservedError(f"'{kind.name}' has no field '{nodes[0].name.value}'")
        given = get_argument_values(definition, nodes[0], self.prepared.values)
        arguments = {name: value for name, value in given.items() if name not in PAGING}
        connection = get_named_type(definition.type)
        if not is_composite_type(connection):
            raise TypeError(connection)
        node, sets = inside(connection, nodes, self.prepared.fragments)
        get = self.getter(kind.name, nodes[0].name.value)
        return Branch(get, arguments, self.finish(node, sets) or _as_it_is)


def _as_it_is(value: Thing) -> Thing:
    return value


@dataclass(frozen=True)
class Lines:
    """The lines of a bulk query. Each object is read when its line is asked for, so that what changes
    meanwhile shows in the lines still to come.
    """

    execution: BulkExecution
    steps: Steps
    branches: Sequence[Branch]

    def __iter__(self) -> Iterator[Row]:
        for branch in self.branches:
            yield from self.of(branch, None, None)
        for step in self.steps:
            value = self.value(step, None)
            if value is not None and step.finish is not None:
                yield from self.object(step.finish, value, None)

    def of(self, branch: Branch, owner: Thing, parent: str | None) -> Iterator[Row]:
        """The lines of a connection's objects and of all below them."""
        context: Context = self.execution.context
        for thing in self.value(branch, owner).nodes:
            if is_there(context, thing):
                yield from self.object(branch.finish, thing, parent)

    def value(self, asked: Branch | Step, owner: Thing) -> Thing:
        """The value of a field that lines come from; without it there is no result."""
        try:
            return asked.get(self.execution.context, owner, asked.arguments)
        except (FieldError, PagingError) as error:
            self.execution.fail(error, None)
            raise WorkFailedError(_failure(self.execution)) from error

    def object(self, finish: Finish, thing: Thing, parent: str | None) -> Iterator[Row]:
        """The line of an object and those below it."""
        line = finish(thing)
        below, self.execution.below = self.execution.below, []
        if self.execution.errors:
            raise WorkFailedError(_failure(self.execution))
        if not isinstance(line, dict):
            return
        identity = line.get("id")
        if parent is not None:
            line["__parentId"] = parent
        yield Row(line, parent is None)
        for branch, owner in below:
            yield from self.of(branch, owner, identity)


def _failure(execution: Execution) -> str:
    codes = [error["extensions"] for error in execution.errors]
    denied = any(isinstance(code, dict) and code.get("code") == "ACCESS_DENIED" for code in codes)
    return "ACCESS_DENIED" if denied else "INTERNAL_SERVER_ERROR"


def is_there(context: Context, thing: Thing) -> bool:
    """Whether a thing that was found at the start is still there."""
    shop = context.shop
    match thing:
        case Product():
            return shop.products.get(thing.id) is thing
        case Variant():
            return shop.variants.get(thing.id) is thing
        case Item():
            return shop.items.get(thing.variant.item_id) is thing.variant
        case Order():
            return thing.id in shop.orders
    return True


def lines(execution: BulkExecution) -> Lines:
    """The lines of a prepared document; UnservedError if it asks for what the sandbox does not serve."""
    prepared = execution.prepared
    return Lines(
        execution, *execution.split(root_type(prepared.operation), [prepared.operation.selection_set])
    )
