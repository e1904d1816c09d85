"""What Shopify's GraphQL layer says about a document it will not run.

Codes and shapes: https://shopify.dev/docs/api/usage/response-codes and recorded replies. Texts are our own;
nobody may branch on them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from graphql import ASTValidationRule, GraphQLError, Node, ValidationContext, get_location
from graphql.validation.rules.executable_definitions import ExecutableDefinitionsRule
from graphql.validation.rules.fields_on_correct_type import FieldsOnCorrectTypeRule
from graphql.validation.rules.fragments_on_composite_types import FragmentsOnCompositeTypesRule
from graphql.validation.rules.known_argument_names import KnownArgumentNamesRule
from graphql.validation.rules.known_directives import KnownDirectivesRule
from graphql.validation.rules.known_fragment_names import KnownFragmentNamesRule
from graphql.validation.rules.known_type_names import KnownTypeNamesRule
from graphql.validation.rules.lone_anonymous_operation import LoneAnonymousOperationRule
from graphql.validation.rules.no_fragment_cycles import NoFragmentCyclesRule
from graphql.validation.rules.no_undefined_variables import NoUndefinedVariablesRule
from graphql.validation.rules.no_unused_fragments import NoUnusedFragmentsRule
from graphql.validation.rules.no_unused_variables import NoUnusedVariablesRule
from graphql.validation.rules.overlapping_fields_can_be_merged import OverlappingFieldsCanBeMergedRule
from graphql.validation.rules.possible_fragment_spreads import PossibleFragmentSpreadsRule
from graphql.validation.rules.provided_required_arguments import ProvidedRequiredArgumentsRule
from graphql.validation.rules.scalar_leafs import ScalarLeafsRule
from graphql.validation.rules.unique_argument_names import UniqueArgumentNamesRule
from graphql.validation.rules.unique_directives_per_location import UniqueDirectivesPerLocationRule
from graphql.validation.rules.unique_fragment_names import UniqueFragmentNamesRule
from graphql.validation.rules.unique_input_field_names import UniqueInputFieldNamesRule
from graphql.validation.rules.unique_operation_names import UniqueOperationNamesRule
from graphql.validation.rules.unique_variable_names import UniqueVariableNamesRule
from graphql.validation.rules.values_of_correct_type import ValuesOfCorrectTypeRule
from graphql.validation.rules.variables_are_input_types import VariablesAreInputTypesRule
from graphql.validation.rules.variables_in_allowed_position import VariablesInAllowedPositionRule

Error = dict[str, object]
"""One entry of a reply's `errors`."""


class Errors(list[Error]):
    """The `errors` of a reply, and its `data` where the reply has that key at all."""

    def __init__(self, errors: Iterable[Error], data: dict[str, None] | None = None) -> None:
        super().__init__(errors)
        self.data = data


CODES: Final[Mapping[type[ASTValidationRule], str]] = {
    ExecutableDefinitionsRule: "unexecutableDefinition",
    UniqueOperationNamesRule: "uniquelyNamedOperations",
    LoneAnonymousOperationRule: "uniquelyNamedOperations",
    KnownTypeNamesRule: "undefinedType",
    FragmentsOnCompositeTypesRule: "fragmentOnNonCompositeType",
    VariablesAreInputTypesRule: "variableRequiresValidType",
    ScalarLeafsRule: "selectionMismatch",
    FieldsOnCorrectTypeRule: "undefinedField",
    UniqueFragmentNamesRule: "fragmentNotUnique",
    KnownFragmentNamesRule: "useAndDefineFragment",
    NoUnusedFragmentsRule: "useAndDefineFragment",
    PossibleFragmentSpreadsRule: "cannotSpreadFragment",
    NoFragmentCyclesRule: "infiniteLoop",
    UniqueVariableNamesRule: "variableNotUnique",
    NoUndefinedVariablesRule: "variableNotDefined",
    NoUnusedVariablesRule: "variableNotUsed",
    KnownDirectivesRule: "undefinedDirective",
    UniqueDirectivesPerLocationRule: "directiveNotUniqueForLocation",
    KnownArgumentNamesRule: "argumentNotAccepted",
    UniqueArgumentNamesRule: "argumentNotUnique",
    ValuesOfCorrectTypeRule: "argumentLiteralsIncompatible",
    ProvidedRequiredArgumentsRule: "missingRequiredArguments",
    VariablesInAllowedPositionRule: "variableMismatch",
    OverlappingFieldsCanBeMergedRule: "fieldConflict",
    UniqueInputFieldNamesRule: "inputFieldNotUnique",
}


FINER: Final[Mapping[str, str]] = {
    "not to include unknown field": "argumentNotAccepted",
    "to include required field": "missingRequiredInputObjectAttribute",
    "may not be used on": "directiveCannotBeApplied",
}
"""Faults that Shopify tells apart by code, and graphql-core only by these words of its text."""


class _Reporter:
    """A rule's view of the context, so that the errors it reports carry Shopify's code."""

    def __init__(self, context: ValidationContext, code: str) -> None:
        self._context = context
        self._code = code

    def __getattr__(self, name: str) -> object:
        return getattr(self._context, name)

    def report_error(self, error: GraphQLError) -> None:
        """Report the error with its code."""
        finer = (code for words, code in FINER.items() if words in error.message)
        error.extensions = {"code": next(finer, self._code)}
        self._context.report_error(error)


def _coding(rule: type[ASTValidationRule], code: str) -> type[ASTValidationRule]:
    """The rule, so that its errors carry Shopify's code."""

    def start(self: ASTValidationRule, context: ValidationContext) -> None:
        rule.__init__(self, _Reporter(context, code))  # type: ignore[arg-type]

    return type(rule.__name__, (rule,), {"__init__": start})


RULES: Final[Sequence[type[ASTValidationRule]]] = [_coding(rule, code) for rule, code in CODES.items()]


def locations(*nodes: Node) -> list[dict[str, int]]:
    """Where in the document these nodes begin, counted from 1."""
    found = (node.loc for node in nodes)
    places = (get_location(loc.source, loc.start) for loc in found if loc is not None)
    return [{"line": place.line, "column": place.column} for place in places]


def static_error(error: GraphQLError) -> Error:
    """A parse or validation error as Shopify's replies have it."""
    places = [{"line": place.line, "column": place.column} for place in error.locations or []]
    entry: Error = {"message": error.message, "locations": places}
    return {**entry, "extensions": dict(error.extensions)} if error.extensions else entry


def refusal(code: str, message: str, path: Sequence[str | int], *nodes: Node) -> Error:
    """An error of one field, in the shape errors of execution have."""
    return {
        "message": message,
        "locations": locations(*nodes),
        "path": list(path),
        "extensions": {"code": code},
    }
