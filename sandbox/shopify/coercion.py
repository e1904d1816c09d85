"""Variables against the types that a document declares for them.

Every problem of a variable is found and named with its path, as Shopify does under INVALID_VARIABLE.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableDefinitionNode,
    is_input_type,
    print_ast,
    type_from_ast,
)

from sandbox.shopify.problems import Error, Errors, locations

Path = tuple[str | int, ...]
Problem = tuple[Path, str]
"""Where in the variable, and what is wrong there."""

GID = re.compile(r"gid://[\w-]+/\w+/[^/\s]+")


def _moment(value: object) -> object:
    datetime.fromisoformat(str(value))
    return value


def _number(value: object) -> object:
    float(str(value))
    return value


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


CHECKS = {
    "DateTime": _moment,
    "Date": _moment,
    "Decimal": _number,
    "Money": _number,
    "URL": _text,
    "HTML": _text,
}
"""Input rules of the custom scalars that have one."""

TEXTUAL = ("Decimal", "Money", "UnsignedInt64", "BigInt", "URL", "HTML")


def _written(value: object) -> object:
    return value if value is None else str(value)


def _written_moment(value: object) -> object:
    """`2026-11-20T09:00:00Z`: the only spelling of a moment in replies."""
    if not isinstance(value, datetime):
        return value
    return value.isoformat(timespec="seconds").replace("+00:00", "Z")


def teach_scalars(schema: GraphQLSchema) -> None:
    """Give the custom scalars their input rules and their spelling in replies (big numbers are strings)."""
    for name, scalar in schema.type_map.items():
        if isinstance(scalar, GraphQLScalarType):
            _teach(name, scalar)


def _teach(name: str, scalar: GraphQLScalarType) -> None:
    if name in CHECKS:
        scalar.coerce_input_value = CHECKS[name]
    if name in TEXTUAL:
        scalar.coerce_output_value = _written
    if name == "DateTime":
        scalar.coerce_output_value = _written_moment


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _scalar_problems(value: object, scalar: GraphQLScalarType, path: Path) -> Iterator[Problem]:
    if scalar.name == "ID" and not GID.fullmatch(str(value)):
        yield path, f"Invalid global id {_shown(value)}"
        return
    try:
        scalar.coerce_input_value(value)
    except (GraphQLError, ValueError, TypeError):
        yield path, f"Could not coerce value {_shown(value)} to {scalar.name}"


def _enum_problems(value: object, enum: GraphQLEnumType, path: Path) -> Iterator[Problem]:
    if not isinstance(value, str) or value not in enum.values:
        yield path, f"Expected {_shown(value)} to be one of: {', '.join(enum.values)}"


def _object_problems(value: object, kind: GraphQLInputObjectType, path: Path) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield path, f"Expected {_shown(value)} to be a key-value object"
        return
    for name in value:
        if name not in kind.fields:
            yield (*path, name), f"Field is not defined on {kind.name}"
    for name, field in kind.fields.items():
        if name in value:
            yield from problems(value[name], field.type, (*path, name))
        elif isinstance(field.type, GraphQLNonNull) and field.default is None:
            yield (*path, name), "Expected value to not be null"


def problems(value: object, kind: GraphQLInputType, path: Path = ()) -> Iterator[Problem]:
    """Everything that keeps the value from being of this input type."""
    if isinstance(kind, GraphQLNonNull):
        if value is None:
            yield path, "Expected value to not be null"
        else:
            yield from problems(value, kind.of_type, path)
    elif value is None:
        return
    elif isinstance(kind, GraphQLList):
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            yield from problems(item, kind.of_type, (*path, index))
    elif isinstance(kind, GraphQLInputObjectType):
        yield from _object_problems(value, kind, path)
    elif isinstance(kind, GraphQLEnumType):
        yield from _enum_problems(value, kind, path)
    else:
        yield from _scalar_problems(value, kind, path)


def _variable_problems(
    schema: GraphQLSchema, definition: VariableDefinitionNode, given: Mapping[str, object]
) -> list[Problem]:
    name = definition.variable.name.value
    kind = type_from_ast(schema, definition.type)
    if kind is None or not is_input_type(kind):
        return []
    if name not in given and definition.default_value is not None:
        return []
    return list(problems(given.get(name), kind))


def _invalid(definition: VariableDefinitionNode, value: object, found: list[Problem]) -> Error:
    name, kind = definition.variable.name.value, print_ast(definition.type)
    where = ", ".join(f"{'.'.join(map(str, path)) or name} ({explanation})" for path, explanation in found)
    return {
        "message": f"Variable ${name} of type {kind} was provided invalid value for {where}",
        "locations": locations(definition),
        "extensions": {
            "code": "INVALID_VARIABLE",
            "value": value,
            "problems": [{"path": list(path), "explanation": explanation} for path, explanation in found],
        },
    }


def variable_errors(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: Mapping[str, object]
) -> Errors:
    """INVALID_VARIABLE for every variable that has a problem; values of undeclared ones are ignored."""
    definitions = operation.variable_definitions or ()
    found = ((definition, _variable_problems(schema, definition, given)) for definition in definitions)
    return Errors(_invalid(d, given.get(d.variable.name.value), list_) for d, list_ in found if list_)
