from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import ExecutionResult, execute

from sandbox.shopify.documents import Errors, Prepared, load_schema, prepare
from tests.sandbox.operations import PLACE, ROW

SET = """
mutation Set($input: InventorySetQuantitiesInput!, $key: String!) {
  written: inventorySetQuantities(input: $input) @idempotent(key: $key) { userErrors { code } }
}
"""


def _input(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON holds
    return {"name": "available", "reason": "correction", "quantities": [ROW], **changes}


def _refused(query: str | None, variables: dict[str, Any] | None = None, name: str | None = None) -> Errors:
    found = prepare(query, variables or {}, name)
    assert isinstance(found, Errors)
    assert found
    return found


def _extensions(errors: Errors) -> dict[str, Any]:
    found = errors[0]["extensions"]
    assert isinstance(found, dict)
    return found


def test_an_operation_is_made_ready() -> None:
    found = prepare(SET, {"input": _input(), "key": "k"}, "Set")
    assert isinstance(found, Prepared)
    (field,) = found.root_fields
    assert found.is_mutation
    assert (field.name, field.alias) == ("inventorySetQuantities", "written")
    assert field.directives == {"idempotent": {"key": "k"}}
    assert field.arguments["input"] == _input()
    assert found.variables["key"] == "k"


def test_defaults_count_as_variables() -> None:
    found = prepare("query ($n: Int = 7) { products(first: $n) { nodes { id } } }", {}, None)
    assert isinstance(found, Prepared)
    assert found.variables == {"n": 7}
    assert found.root_fields[0].arguments["first"] == 7
    assert not found.is_mutation


def test_an_absent_input_field_stays_absent_and_null_stays_null() -> None:
    row = {key: value for key, value in ROW.items() if key != "changeFromQuantity"}
    found = prepare(SET, {"input": _input(quantities=[row, ROW]), "key": "k"}, None)
    assert isinstance(found, Prepared)
    sent: Any = found.root_fields[0].arguments["input"]
    assert [("changeFromQuantity" in each) for each in sent["quantities"]] == [False, True]


def test_root_fields_that_are_skipped_do_not_run() -> None:
    query = "query ($no: Boolean!) { a: shop { id } b: shop @include(if: $no) { id } ... { c: shop { id } } }"
    found = prepare(query, {"no": False}, None)
    assert isinstance(found, Prepared)
    assert [field.alias for field in found.root_fields] == ["a", "c"]


def test_one_operation_of_many_is_chosen_by_name() -> None:
    both = "query A { shop { id } } query B { shop { name } }"
    found = prepare(both, {}, "B")
    assert isinstance(found, Prepared)
    assert found.operation.name is not None
    assert found.operation.name.value == "B"
    assert "name" in str(_refused(both)[0]["message"])
    assert "C" in str(_refused(both, name="C")[0]["message"])


KEY_ON_THE_OPERATION = """
    mutation @idempotent(key: "k") { tagsAdd(id: "gid://shopify/Product/1", tags: []) { node { id } } }
"""


@pytest.mark.parametrize("query", [None, "", "  \n"])
def test_no_query(query: str | None) -> None:
    assert _refused(query).data is None


def test_a_parse_error_has_a_place_and_no_data() -> None:
    errors = _refused("{ shop {")
    assert errors.data is None
    assert errors[0]["locations"] == [{"line": 1, "column": 9}]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ shop { nope } }", "undefinedField"),
        ("{ shop { accountOwner { id } } }", "undefinedField"),
        ("query ($a: Nope) { shop { id } node(id: $a) { id } }", "undefinedType"),
        ("{ shop @nope { id } }", "undefinedDirective"),
        ("{ shop(id: 1) { id } }", "argumentNotAccepted"),
        ("{ product(id: 1.5) { id } }", "argumentLiteralsIncompatible"),
        ("{ products(first: 1, sortKey: NOPE) { nodes { id } } }", "argumentLiteralsIncompatible"),
        ("{ product { id } }", "missingRequiredArguments"),
        ("query ($a: Int) { shop { id } }", "variableNotUsed"),
        ("{ node(id: $a) { id } }", "variableNotDefined"),
        ("query ($a: String) { node(id: $a) { id } }", "variableMismatch"),
        ("{ shop }", "selectionMismatch"),
        ("{ shop { id } } fragment F on Shop { id }", "useAndDefineFragment"),
        ('{ node(id: "gid://shopify/Product/1") { ... on Shelf { id } } }', "undefinedType"),
        ("{ shop { id: name id } }", "fieldConflict"),
        ("{ shop { id } ... on Product { id } }", "cannotSpreadFragment"),
        (KEY_ON_THE_OPERATION, "directiveCannotBeApplied"),
    ],
)
def test_static_codes(query: str, code: str) -> None:
    errors = _refused(query)
    assert errors.data is None
    assert _extensions(errors)["code"] == code
    assert errors[0]["locations"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ("ignoreCompareQuantity: true, quantities: []", "argumentNotAccepted"),
        ("quantities: [{quantity: 1}]", "missingRequiredInputObjectAttribute"),
        ("quantities: 3", "argumentLiteralsIncompatible"),
    ],
)
def test_codes_of_literals(fields: str, code: str) -> None:
    given = f'{{name: "a", reason: "b", {fields}}}'
    query = f"mutation {{ inventorySetQuantities(input: {given}) {{ userErrors {{ code }} }} }}"
    assert _extensions(_refused(query))["code"] == code


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (_input(ignoreCompareQuantity=True), ["ignoreCompareQuantity"]),
        (_input(quantities=[{**ROW, "compareQuantity": 1}]), ["quantities", 0, "compareQuantity"]),
        (_input(quantities=[ROW, {**ROW, "quantity": "3"}]), ["quantities", 1, "quantity"]),
        (_input(quantities=[{**ROW, "quantity": 2**31}]), ["quantities", 0, "quantity"]),
        (_input(quantities=[{**ROW, "locationId": "1"}]), ["quantities", 0, "locationId"]),
        (_input(name=None), ["name"]),
        ({"name": "available", "quantities": []}, ["reason"]),
        ("text", []),
        (None, []),
    ],
)
def test_variables_that_do_not_fit(value: object, path: list[str | int]) -> None:
    errors = _refused(SET, {"input": value, "key": "k"})
    found = _extensions(errors)
    assert errors.data is None
    assert found["code"] == "INVALID_VARIABLE"
    assert found["value"] == value
    assert [problem["path"] for problem in found["problems"]] == [path]


def test_each_wrong_variable_is_an_error_and_each_fault_a_problem() -> None:
    errors = _refused(SET, {"input": _input(name=3, compare=1)})
    assert len(errors) == 2
    assert len(_extensions(errors)["problems"]) == 2


def test_values_of_undeclared_variables_are_ignored() -> None:
    assert isinstance(prepare("{ shop { id } }", {"extra": 1}, None), Prepared)


@pytest.mark.parametrize("size", [250, 251])
def test_arrays_end_at_250(size: int) -> None:
    found = prepare(SET, {"input": _input(quantities=[ROW] * size), "key": "k"}, None)
    assert isinstance(found, Prepared) == (size == 250)
    if isinstance(found, Errors):
        assert _extensions(found)["code"] == "MAX_INPUT_SIZE_EXCEEDED"
        assert found[0]["path"] == ["written", "input", "quantities"]
        assert found.data is None


def test_arrays_written_into_the_document_end_at_250_too() -> None:
    ids = ", ".join('"gid://shopify/Product/1"' for _ in range(251))
    found = _refused(f"{{ nodes(ids: [{ids}]) {{ id }} }}")
    assert _extensions(found)["code"] == "MAX_INPUT_SIZE_EXCEEDED"


CREATE = """
mutation ($id: ID!, $new: [ProductVariantsBulkInput!]!) {
  productVariantsBulkCreate(productId: $id, variants: $new) { userErrors { code } }
}
"""
DELETE = """
mutation ($id: ID!, $old: [ID!]!) {
  productVariantsBulkDelete(productId: $id, variantsIds: $old) { userErrors { code } }
}
"""


def test_new_variants_may_be_2048() -> None:
    product = "gid://shopify/Product/1"
    assert isinstance(prepare(CREATE, {"id": product, "new": [{}] * 2048}, None), Prepared)
    assert isinstance(prepare(CREATE, {"id": product, "new": [{}] * 2049}, None), Errors)


def test_the_unconfirmed_limit_of_a_deletion_is_a_switch() -> None:
    old = {"id": "gid://shopify/Product/1", "old": ["gid://shopify/ProductVariant/1"] * 251}
    wide = {("productVariantsBulkDelete", "variantsIds"): 2048}
    assert isinstance(prepare(DELETE, old, None), Errors)
    assert isinstance(prepare(DELETE, old, None, wide_arrays=wide), Prepared)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("{ all: products { nodes { id } } }", ["all"]),
        ("{ all: products(first: null) { nodes { id } } }", ["all"]),
        ("{ all: products(first: 251) { nodes { id } } }", ["all"]),
        ("{ all: products(first: -1) { nodes { id } } }", ["all"]),
        ("{ all: products(first: 1) { nodes { variants { nodes { id } } } } }", ["all", "nodes", "variants"]),
    ],
)
def test_pages_need_a_size(query: str, path: list[str]) -> None:
    errors = _refused(query)
    assert _extensions(errors)["code"] == "BAD_REQUEST"
    assert errors[0]["path"] == path
    assert errors.data == {"all": None}


def test_bulk_documents_need_no_size() -> None:
    assert isinstance(prepare("{ products { edges { node { id } } } }", {}, None, paged=False), Prepared)


def test_big_numbers_and_moments_are_spelled_as_the_vendor_does() -> None:
    query = '{ bulkOperation(id: "gid://shopify/BulkOperation/1") { objectCount createdAt } }'
    found = prepare(query, {}, None)
    assert isinstance(found, Prepared)
    root = {"bulkOperation": {"objectCount": 12, "createdAt": datetime(2026, 11, 20, 9, tzinfo=UTC)}}
    result = execute(load_schema(), found.document, root, variable_values=found.given)
    assert isinstance(result, ExecutionResult)
    assert result.data == {"bulkOperation": {"objectCount": "12", "createdAt": "2026-11-20T09:00:00Z"}}


def test_the_place_of_a_level_is_one_gid() -> None:
    level = "gid://shopify/InventoryLevel/7?inventory_item_id=9"
    query = "query ($id: ID!) { inventoryLevel(id: $id) { id } }"
    assert isinstance(prepare(query, {"id": level}, None), Prepared)
    assert isinstance(prepare(query, {"id": PLACE}, None), Prepared)
