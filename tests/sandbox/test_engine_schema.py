import re

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, build_schema, parse, validate, validate_schema

from sandbox.shopify.documents import load_schema, unserved
from sandbox.shopify.prune_schema import Pruned, define, fields_of, prune
from sandbox.shopify.schema import SCHEMA_FILE, is_cut, is_cut_type
from tests.sandbox.operations import TEXT


def test_every_operation_of_an_inventory_tool_is_valid() -> None:
    assert validate(load_schema(), parse(TEXT)) == []


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("InventoryQuantityInput", "changeFromQuantity"),
        ("InventoryChangeInput", "changeFromQuantity"),
        ("ProductVariantsBulkInput", "inventoryItem"),
        ("WebhookSubscriptionInput", "includeFields"),
    ],
)
def test_inputs_are_whole(kind: str, field: str) -> None:
    found = load_schema().type_map[kind]
    assert isinstance(found, GraphQLInputObjectType)
    assert field in found.fields


@pytest.mark.parametrize("gone", ["ignoreCompareQuantity", "compareQuantity"])
def test_fields_removed_by_the_vendor_are_not_there(gone: str) -> None:
    assert not re.search(rf"\b{gone}\b", SCHEMA_FILE.read_text(encoding="utf-8"))


def test_enums_are_whole() -> None:
    statuses = load_schema().type_map["ProductStatus"]
    assert isinstance(statuses, GraphQLEnumType)
    assert set(statuses.values) == {"ACTIVE", "ARCHIVED", "DRAFT", "UNLISTED"}


def test_what_was_cut_is_named() -> None:
    assert is_cut("Shop", "accountOwner")
    assert not is_cut("Shop", "name")
    assert is_cut_type("Collection")
    assert "Shop.accountOwner" in unserved("Shop", "accountOwner")


def test_the_file_stays_small_and_without_descriptions() -> None:
    text = SCHEMA_FILE.read_text(encoding="utf-8")
    assert len(text) < 400_000
    assert '"""' not in text


def test_types_that_stay_are_complete_among_themselves() -> None:
    """Built and checked strictly, the file has no reference to a type that was cut."""
    assert validate_schema(build_schema(SCHEMA_FILE.read_text(encoding="utf-8"))) == []


def _reference(name: str, kind: str = "OBJECT") -> dict[str, object]:
    return {"kind": kind, "name": name, "ofType": None}


def _field(name: str, kind: dict[str, object], *arguments: dict[str, object]) -> dict[str, object]:
    return {"name": name, "type": kind, "args": list(arguments)}


def _type(name: str, *fields: dict[str, object], kind: str = "OBJECT") -> dict[str, object]:
    return {
        "name": name,
        "kind": kind,
        "fields": list(fields),
        "inputFields": None,
        "interfaces": [],
        "possibleTypes": [],
        "enumValues": None,
    }


def test_a_field_stays_exactly_if_its_type_does() -> None:
    text = _reference("String", "SCALAR")
    published = {
        "QueryRoot": _type("QueryRoot", _field("shop", _reference("Shop")), _field("far", _reference("Far"))),
        "Mutation": _type("Mutation"),
        "Shop": _type("Shop", _field("name", text), _field("far", _reference("Far"))),
        "Far": _type("Far", _field("name", text)),
        "String": _type("String", kind="SCALAR"),
    }
    pruned = prune(published)
    assert isinstance(pruned, Pruned)
    assert [field["name"] for field in fields_of(pruned, "Shop")] == ["name"]
    assert define(pruned, "QueryRoot") == "type QueryRoot {\n  shop: Shop\n}"
    assert "Far" not in pruned.kept
