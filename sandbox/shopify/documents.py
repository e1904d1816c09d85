"""From the body of a request to an operation that may run, or to the errors Shopify would answer.

Checks come in Shopify's order: parse, validation, variables, size of arrays, size of pages.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLCompositeType,
    GraphQLError,
    GraphQLField,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_argument_values,
    get_directive_values,
    get_named_type,
    is_composite_type,
    parse,
    validate,
)
from graphql.execution.values import VariableValues, get_variable_values

from sandbox.shopify.coercion import variable_errors
from sandbox.shopify.problems import RULES, Error, Errors, refusal, static_error
from sandbox.shopify.schema import (
    answer_key,
    flatten,
    included,
    is_cut,
    is_cut_type,
    load_schema,
    root_type,
    unserved,
)

__all__ = ["Errors", "Prepared", "RootField", "load_schema", "prepare", "unserved"]

MAX_PAGE: Final = 250
MAX_ARRAY: Final = 250
WIDE_ARRAYS: Final[Mapping[tuple[str, str], int]] = {("productVariantsBulkCreate", "variants"): 2048}
"""Arguments that take more than 250: https://shopify.dev/docs/api/usage/limits"""


@dataclass(frozen=True, slots=True)
class RootField:
    """A field of the root type as asked: `alias` is the key of the answer, arguments are coerced."""

    name: str
    alias: str
    arguments: dict[str, object]
    directives: dict[str, dict[str, object]]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An operation that may run. `variables` hold defaults too; `given` is what the client sent, and what
    `graphql.execute` takes as its variable values.
    """

    document: DocumentNode
    operation: OperationDefinitionNode
    variables: dict[str, object]
    root_fields: list[RootField]
    is_mutation: bool
    given: dict[str, object]
    values: VariableValues
    fragments: Mapping[str, FragmentDefinitionNode]


class Page(NamedTuple):
    """A connection asked for: its field, and the keys of the answer that lead to it."""

    field: FieldNode
    definition: GraphQLField
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A valid document."""

    document: DocumentNode
    operations: Mapping[str, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    pages: Mapping[str, Sequence[Page]]


def _named_cut(error: GraphQLError) -> GraphQLError:
    """The error, with the sandbox's own words where Shopify itself would have had no objection."""
    field = re.match(r"Cannot query field '(\w+)' on type '(\w+)'", error.message)
    if field and is_cut(field[2], field[1]):
        error.message = unserved(field[2], field[1])
    kind = re.match(r"Unknown type '(\w+)'", error.message)
    if kind and is_cut_type(kind[1]):
        error.message = (
            f"The sandbox does not serve the type '{kind[1]}', which Shopify's Admin API 2026-10 has"
        )
    return error


@lru_cache(maxsize=1024)
def read_document(query: str) -> Parsed | Errors:
    """A document without its variables: parsed and validated, or the errors of the reply."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return Errors([static_error(error)])
    errors = validate(load_schema(), document, RULES)
    if errors:
        return Errors(static_error(_named_cut(error)) for error in errors)
    return _sorted(document)


def _sorted(document: DocumentNode) -> Parsed:
    definitions = document.definitions
    operations = {
        node.name.value if node.name else "": node
        for node in definitions
        if isinstance(node, OperationDefinitionNode)
    }
    fragments = {node.name.value: node for node in definitions if isinstance(node, FragmentDefinitionNode)}
    pages = {name: list(_pages(node, fragments)) for name, node in operations.items()}
    return Parsed(document, operations, fragments, pages)


def _pages(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[Page]:
    yield from _pages_below(operation.selection_set, root_type(operation), fragments, ())


def _pages_below(
    selections: SelectionSetNode | None,
    parent: GraphQLCompositeType,
    fragments: Mapping[str, FragmentDefinitionNode],
    path: tuple[str, ...],
) -> Iterator[Page]:
    for kind, node in flatten(selections, parent, fragments):
        definition = load_schema().get_field(kind, node.name.value)
        if definition is None:
            continue
        below, here = get_named_type(definition.type), (*path, answer_key(node))
        if below.name.endswith("Connection"):
            yield Page(node, definition, here)
        if is_composite_type(below):
            yield from _pages_below(node.selection_set, below, fragments, here)


def _chosen(parsed: Parsed, operation_name: str | None) -> str | Errors:
    if operation_name:
        known = operation_name in parsed.operations
        return operation_name if known else Errors([{"message": f'No operation named "{operation_name}"'}])
    if len(parsed.operations) == 1:
        return next(iter(parsed.operations))
    return Errors([{"message": "An operation name is required"}])


def _directives(
    nodes: Sequence[DirectiveNode], field: FieldNode, values: VariableValues
) -> Iterator[tuple[str, dict[str, object]]]:
    for node in nodes:
        definition = load_schema().get_directive(node.name.value)
        found = get_directive_values(definition, field, values) if definition else None
        if found is not None:
            yield node.name.value, found


def _root_fields(
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    values: VariableValues,
) -> Iterator[tuple[FieldNode, RootField]]:
    root, seen = root_type(operation), set[str]()
    for _, node in flatten(operation.selection_set, root, fragments):
        definition, key = load_schema().get_field(root, node.name.value), answer_key(node)
        if definition is None or key in seen or not included(node, values):
            continue
        seen.add(key)
        arguments = get_argument_values(definition, node, values)
        directives = dict(_directives(node.directives or (), node, values))
        yield node, RootField(node.name.value, key, arguments, directives)


def _long_arrays(
    value: object, path: tuple[str | int, ...], limit: int
) -> Iterator[tuple[tuple[str | int, ...], int]]:
    if isinstance(value, list):
        if len(value) > limit:
            yield path, len(value)
        for index, item in enumerate(value):
            if isinstance(item, dict | list):
                yield from _long_arrays(item, (*path, index), limit)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _long_arrays(item, (*path, name), limit)


def _array_errors(node: FieldNode, field: RootField, wide: Mapping[tuple[str, str], int]) -> Iterator[Error]:
    for name, value in field.arguments.items():
        limit = wide.get((field.name, name), MAX_ARRAY)
        for path, size in _long_arrays(value, (field.alias, name), limit):
            text = f"The input array size of {size} is greater than the maximum allowed of {limit}."
            yield refusal("MAX_INPUT_SIZE_EXCEEDED", text, path, node)


def _page_errors(pages: Sequence[Page], values: VariableValues) -> Iterator[Error]:
    for page in pages:
        if page.field.name.value not in ("__schema", "__type"):
            yield from _page_error(page, get_argument_values(page.definition, page.field, values))


def _page_error(page: Page, arguments: Mapping[str, object]) -> Iterator[Error]:
    sizes = [arguments[name] for name in ("first", "last") if arguments.get(name) is not None]
    if not sizes:
        yield refusal("BAD_REQUEST", "you must provide one of first or last", page.path, page.field)
    for size in sizes:
        if not isinstance(size, int) or not 0 <= size <= MAX_PAGE:
            text = f"first and last must be from 0 to {MAX_PAGE}, not {size}"
            yield refusal("BAD_REQUEST", text, page.path, page.field)


def _with_null_data(errors: Errors, fields: Sequence[RootField]) -> Errors:
    errors.data = {field.alias: None for field in fields}
    return errors


def _checked(
    parsed: Parsed, name: str, given: dict[str, object], wide: Mapping[tuple[str, str], int], *, paged: bool
) -> Prepared | Errors:
    operation, fragments = parsed.operations[name], parsed.fragments
    wrong = variable_errors(load_schema(), operation, given)
    if wrong:
        return wrong
    values = get_variable_values(load_schema(), operation.variable_definitions or (), given)
    if not isinstance(values, VariableValues):
        return Errors(static_error(error) for error in values)
    roots = list(_root_fields(operation, fragments, values))
    long = Errors(chain.from_iterable(_array_errors(node, field, wide) for node, field in roots))
    if long:
        return long
    fields = [field for _, field in roots]
    small = Errors(_page_errors(parsed.pages[name], values) if paged else ())
    if small:
        return _with_null_data(small, fields)
    mutates = operation.operation is OperationType.MUTATION
    return Prepared(parsed.document, operation, values.coerced, fields, mutates, given, values, fragments)


def prepare(
    query: str | None,
    variables: Mapping[str, object] | None,
    operation_name: str | None,
    *,
    paged: bool = True,
    wide_arrays: Mapping[tuple[str, str], int] = WIDE_ARRAYS,
) -> Prepared | Errors:
    """Make an operation ready to run, or give the errors of the reply (a list of them).

    `Errors.data` is the reply's `data` where it has one; else the key is left out. `paged=False` allows
    connections without `first`, as inside bulk operations. `wide_arrays` names arguments that take more than
    250 elements. A missing or empty query is one error here, and HTTP 400 on the wire.
    """
    if not query or not query.strip():
        return Errors([{"message": "Required parameter missing or invalid"}])
    parsed = read_document(query)
    if isinstance(parsed, Errors):
        return Errors(parsed)
    name = _chosen(parsed, operation_name)
    if isinstance(name, Errors):
        return name
    return _checked(parsed, name, dict(variables or {}), wide_arrays, paged=paged)
