"""Runs a prepared operation by walking its selections once into plain steps, then the objects along them.

graphql-core's own executor takes ten times as long for a page of 2,500 variants.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from graphql import (
    FieldNode,
    GraphQLCompositeType,
    GraphQLObjectType,
    GraphQLOutputType,
    SelectionSetNode,
    get_argument_values,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
    is_object_type,
)

from sandbox.shopify.documents import Prepared
from sandbox.shopify.paging import PagingError
from sandbox.shopify.problems import Error, locations
from sandbox.shopify.schema import answer_key, flatten, included, load_schema

Thing = Any
"""Whatever a shop holds."""
Getter = Callable[[Thing, Thing, Mapping[str, Any]], Thing]
"""(context, object, arguments) → the field's value; raises FieldError."""
Finish = Callable[[Thing], Thing]

ACCESS: Final = "https://shopify.dev/docs/api/usage/access-scopes"


class FieldError(Exception):
    """A field that is null with an entry in the reply's `errors`."""

    def __init__(self, code: str, message: str, **extensions: object) -> None:
        super().__init__(message)
        self.extensions = {"code": code, **extensions}


class UnservedError(Exception):
    """A field that the published schema has and the sandbox does not serve."""


def unserved_body(error: UnservedError) -> dict[str, Any]:
    """What the sandbox answers to what it does not serve."""
    return {"errors": [{"message": str(error), "extensions": {"code": "SANDBOX_UNSERVED"}}]}


class Step(NamedTuple):
    """One key of an object's answer. `finish` turns what is not a leaf into its answer."""

    key: str
    get: Getter
    arguments: Mapping[str, Any]
    finish: Finish | None
    node: FieldNode


Steps = Sequence[Step]


@dataclass(frozen=True)
class Served:
    """What can be asked: getters by type and field, the type of each Python class, and scopes by `Type.field`
    (any of the scopes will do).
    """

    getters: Mapping[str, Mapping[str, Getter]]
    types: Mapping[type, str]
    scopes: Mapping[str, Sequence[str]]

    def getter(self, kind: str, name: str) -> Getter:
        """How a field gets its value; UnservedError if it cannot."""
        if name == "__typename":
            return lambda _context, _thing, _arguments: kind
        found = self.getters.get(kind, {}).get(name)
        if found:
            return found
        if kind.endswith(("Connection", "Edge")) or kind == "PageInfo":
            return lambda _context, thing, _arguments: getattr(thing, name)
        if kind.endswith(("Payload", "UserError")):
            return lambda _context, thing, _arguments: thing.get(name)
        raise UnservedError(f"The sandbox does not serve '{kind}.{name}' yet")


def _access_denied(requires: Sequence[str], name: str) -> Getter:
    def refuse(*_: Thing) -> Thing:
        raise _denial(requires, name)

    return refuse


@dataclass
class Execution:
    """One run of one operation. `errors` fill while it runs."""

    served: Served
    prepared: Prepared
    context: Thing
    scopes: Sequence[str]
    errors: list[Error] = field(default_factory=list)
    path: list[str | int] = field(default_factory=list)

    def plan(self, kind: GraphQLObjectType, sets: Iterable[SelectionSetNode]) -> Steps:
        """The steps of an object of this type; UnservedError if one cannot be served."""
        return [self.step(kind, key, nodes) for key, nodes in self.grouped(kind, sets).items()]

    def grouped(
        self, kind: GraphQLObjectType, sets: Iterable[SelectionSetNode]
    ) -> dict[str, list[FieldNode]]:
        """The fields asked of an object of this type, by the key of the answer."""
        groups: dict[str, list[FieldNode]] = {}
        for node in sets:
            for asked, found in flatten(node, kind, self.prepared.fragments):
                if included(found, self.prepared.values) and _applies(asked, kind):
                    groups.setdefault(answer_key(found), []).append(found)
        return groups

    def step(self, kind: GraphQLObjectType, key: str, nodes: Sequence[FieldNode]) -> Step:
        """The step of one key, asked for by one field or by several that are merged."""
        name = nodes[0].name.value
        definition = load_schema().get_field(kind, name)
        if definition is None:
            raise UnservedError(f"'{kind.name}' has no field '{name}'")
        get = self.getter(kind.name, name)
        arguments = get_argument_values(definition, nodes[0], self.prepared.values)
        inside = [node.selection_set for node in nodes if node.selection_set]
        finish = self.finish(definition.type, inside)
        return Step(key, get, arguments, finish, nodes[0])

    def getter(self, kind: str, name: str) -> Getter:
        """The field's getter, or one that refuses where the token's scopes do not reach."""
        requires = self.served.scopes.get(f"{kind}.{name}")
        if requires and not set(requires) & set(self.scopes):
            return _access_denied(requires, name)
        return self.served.getter(kind, name)

    def finish(self, kind: GraphQLOutputType, inside: Sequence[SelectionSetNode]) -> Finish | None:
        """How a value that is not null becomes its answer; None for a leaf, which is one already."""
        below, outer = get_named_type(kind), get_nullable_type(kind)
        if not is_composite_type(below):
            return None
        one = self.abstract(below, inside) if is_abstract_type(below) else self.concrete(below, inside)
        return self.each(one) if is_list_type(outer) else one

    def concrete(self, kind: GraphQLCompositeType, inside: Sequence[SelectionSetNode]) -> Finish:
        """The answer of an object whose type the schema names."""
        if not isinstance(kind, GraphQLObjectType):
            raise TypeError(kind)
        steps = self.plan(kind, inside)
        return lambda value: self.run(steps, value)

    def abstract(self, kind: GraphQLCompositeType, inside: Sequence[SelectionSetNode]) -> Finish:
        """The answer of an object whose type is seen only when it is there."""
        plans: dict[type, Finish] = {}
        for python_type, name in self.served.types.items():
            found = load_schema().get_type(name)
            if is_object_type(found) and _applies(kind, found):
                plans[python_type] = self.concrete(found, inside)
        return lambda value: self.by_type(plans, value)

    def by_type(self, plans: Mapping[type, Finish], value: Thing) -> Thing:
        """The answer of a node, if the token may see its type."""
        name = self.served.types[type(value)]
        requires = self.served.scopes.get(name)
        if requires and not set(requires) & set(self.scopes):
            self.fail(_denial(requires, name), None)
            return None
        return plans[type(value)](value)

    def each(self, one: Finish) -> Finish:
        """The answers of a list."""

        def finish(values: Sequence[Any]) -> list[Any]:
            path, found = self.path, []
            for index, value in enumerate(values):
                path.append(index)
                found.append(None if value is None else one(value))
                path.pop()
            return found

        return finish

    def run(self, steps: Steps, thing: Thing) -> dict[str, Any]:
        """An object's answer."""
        answer, path, context = {}, self.path, self.context
        for key, get, arguments, finish, node in steps:
            path.append(key)
            try:
                value = get(context, thing, arguments)
                answer[key] = value if finish is None or value is None else finish(value)
            except (FieldError, PagingError) as error:
                self.fail(error, node)
                answer[key] = None
            path.pop()
        return answer

    def fail(self, error: FieldError | PagingError, node: FieldNode | None) -> None:
        """Note an error of the field that the path leads to."""
        extensions = error.extensions if isinstance(error, FieldError) else {"code": "BAD_REQUEST"}
        places = {"locations": locations(node)} if node else {}
        self.errors.append(
            {"message": str(error), **places, "path": list(self.path), "extensions": extensions}
        )


def _denial(requires: Sequence[str], name: str) -> FieldError:
    needed = f"`{'` or `'.join(requires)}` access scope."
    return FieldError(
        "ACCESS_DENIED", f"Access denied for {name}.", documentation=ACCESS, requiredAccess=needed
    )


def _applies(asked: GraphQLCompositeType, kind: GraphQLObjectType) -> bool:
    if asked is kind:
        return True
    return is_abstract_type(asked) and load_schema().is_sub_type(asked, kind)
