"""The schema the sandbox serves, and the few questions about documents that need it."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    get_directive_values,
    is_composite_type,
)
from graphql.execution.values import VariableValues
from graphql.type import GraphQLIncludeDirective, GraphQLSkipDirective

from sandbox.shopify.coercion import teach_scalars

SCHEMA_FILE: Final = Path(__file__).with_name("schema.graphql")


@lru_cache(maxsize=1)
def load_schema() -> GraphQLSchema:
    """The schema the sandbox serves. Not checked: the published one breaks a rule of graphql-core."""
    schema = build_schema(SCHEMA_FILE.read_text(encoding="utf-8"), assume_valid=True)
    teach_scalars(schema)
    return schema


@lru_cache(maxsize=1)
def _cut() -> Mapping[str, frozenset[str]]:
    lines = re.findall(r"^# unserved (\w+): (.*)$", SCHEMA_FILE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: frozenset(fields.split()) for name, fields in lines}


def is_cut(type_name: str, field: str) -> bool:
    """True if Shopify's schema has this field and the sandbox's does not."""
    return field in _cut().get(type_name, frozenset())


def is_cut_type(name: str) -> bool:
    """True if Shopify's schema has this type of node and the sandbox's does not."""
    return name in _cut()["types"]


def unserved(type_name: str, field: str) -> str:
    """What to tell a client that asks for a real field the sandbox does not serve."""
    return f"The sandbox does not serve '{type_name}.{field}', which Shopify's Admin API 2026-10 has"


def root_type(operation: OperationDefinitionNode) -> GraphQLObjectType:
    """QueryRoot or Mutation."""
    found = load_schema().get_root_type(operation.operation)
    if found is None:
        raise LookupError(f"the schema has no {operation.operation.value}")
    return found


def flatten(
    selections: SelectionSetNode | None,
    parent: GraphQLCompositeType,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> Iterator[tuple[GraphQLCompositeType, FieldNode]]:
    """Every field of a selection set with the type it is asked on, fragments opened."""
    for node in selections.selections if selections else ():
        if isinstance(node, FieldNode):
            yield parent, node
        elif isinstance(node, InlineFragmentNode | FragmentSpreadNode):
            yield from _opened(node, parent, fragments)


def _opened(
    node: InlineFragmentNode | FragmentSpreadNode,
    parent: GraphQLCompositeType,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> Iterator[tuple[GraphQLCompositeType, FieldNode]]:
    source = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
    condition = source.type_condition
    kind = load_schema().get_type(condition.name.value) if condition else parent
    if is_composite_type(kind):
        yield from flatten(source.selection_set, kind, fragments)


def answer_key(field: FieldNode) -> str:
    """The key under which the field stands in the reply."""
    return field.alias.value if field.alias else field.name.value


def included(field: FieldNode | InlineFragmentNode | FragmentSpreadNode, values: VariableValues) -> bool:
    """False if @skip or @include leaves this part out."""
    if not field.directives:
        return True
    skip = get_directive_values(GraphQLSkipDirective, field, values)
    include = get_directive_values(GraphQLIncludeDirective, field, values)
    return not (skip and skip["if"]) and not (include and not include["if"])
