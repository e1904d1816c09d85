from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.shopify.search import Kind, parse, search, search_extension

KNOWN = {
    "id": Kind.ID,
    "tag": Kind.KEYWORD,
    "tag_not": Kind.KEYWORD,
    "status": Kind.KEYWORD,
    "sku": Kind.KEYWORD,
    "title": Kind.TEXT,
    "updated_at": Kind.DATE,
    "inventory_total": Kind.NUMBER,
    "tracked": Kind.BOOL,
    "metafields.*": Kind.KEYWORD,
}
SHOE: Mapping[str, Any] = {
    "id": 12,
    "tag": ["Sale", "New one"],
    "status": "ACTIVE",
    "sku": "AB'C-1",
    "title": "Red Summer Shoe",
    "default": "Red Summer Shoe",
    "updated_at": "2026-11-20T10:30:00Z",
    "inventory_total": -3,
    "tracked": True,
    "metafields.rms.ccod": "C 7",
    "barcode": None,
}
NOTHING: Mapping[str, Any] = {}


def _found(query: str, thing: Mapping[str, Any] = SHOE) -> bool:
    predicate, warnings = search(query, KNOWN)
    assert warnings == []
    return predicate(thing.get)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "tag:sale",
        "tag:'SALE'",
        'tag:"new one"',
        "-tag:old",
        "NOT tag:old",
        "tag_not:old",
        "tag_not:'new'",
        "tag:sale status:active",
        "tag:sale AND status:active",
        "tag:old OR status:active",
        "status:draft,active",
        "tag:old OR tag:other OR (status:active AND NOT status:draft)",
        "-(tag:old OR status:draft)",
        "id:12",
        "id:'gid://shopify/Product/12'",
        "id:1 OR id:12 OR id:3",
        "id:>11 id:<=12",
        "sku:'ab\\'c-1'",
        "sku:AB\\'C-1",
        "sku:ab*",
        "sku:*",
        "sku:'X' OR sku:'AB\\'C-1'",
        "-sku:'AB*'",
        "title:summer",
        "title:'red shoe'",
        "summer",
        "red tag:sale",
        "inventory_total:<0",
        "inventory_total:-3",
        "tracked:true",
        "metafields.rms.ccod:'c 7'",
        "updated_at:>='2026-11-20T10:30:00Z'",
        "updated_at:<'2026-11-20T11:31:00+01:00'",
        "updated_at:2026-11-20",
        "updated_at:>2026-11-19",
        "((tag:sale)",
        ") tag:sale",
    ],
)
def test_what_is_found(query: str) -> None:
    assert _found(query)


@pytest.mark.parametrize(
    "query",
    [
        "tag:new",
        "tag_not:'SALE'",
        "-tag:'new one'",
        "NOT status:active",
        "tag:sale status:draft",
        "id:>12",
        "id:1 OR id:3",
        "sku:'AB'",
        "title:summ",
        "updated_at:>'2026-11-20T10:30:00Z'",
        "inventory_total:>=0",
        "tracked:false",
        ") tag:old",
    ],
)
def test_what_is_not_found(query: str) -> None:
    assert not _found(query)


def test_and_binds_more_than_or() -> None:
    assert _found("tag:sale OR status:draft AND tag:old")
    assert not _found("(tag:sale OR status:draft) AND tag:old")


def test_an_unquoted_moment_ends_at_its_colon() -> None:
    assert not _found("updated_at:<'2026-11-20T10:15:00Z'")
    assert _found("updated_at:>2026-11-20T10:45:00Z"), "read as 10:00"


@pytest.mark.parametrize("query", ["nope:x", "-nope:x", "NOT nope:x", "nope:x OR nope:y", "(nope:*)"])
def test_an_unknown_field_is_dropped_with_a_warning_and_everything_is_found(query: str) -> None:
    predicate, warnings = search(query, KNOWN)
    assert predicate(SHOE.get)
    assert predicate(NOTHING.get)
    assert {(warning["field"], warning["code"]) for warning in warnings} == {("nope", "invalid_field")}


def test_the_rest_of_a_query_outlives_a_dropped_term() -> None:
    predicate, warnings = search("nope:x tag:old", KNOWN)
    assert not predicate(SHOE.get)
    assert len(warnings) == 1


@pytest.mark.parametrize("query", ["updated_at:>soon", "id:abc", "tracked:maybe", "inventory_total:<x"])
def test_a_value_that_is_none_of_its_kind_is_dropped_with_a_warning(query: str) -> None:
    _, warnings = search(query, KNOWN)
    assert [warning["code"] for warning in warnings] == ["invalid_value"]


def test_what_is_null_has_no_value_but_is_not_another_either() -> None:
    nothing: dict[str, Any] = {"sku": None, "tag": []}
    assert not _found("sku:*", nothing)
    assert not _found("sku:''", nothing)
    assert not _found("tag:*", nothing)
    assert _found("-sku:'x'", nothing)
    assert not _found("updated_at:>2020-01-01", nothing)


def test_the_extension_shows_how_a_query_was_read() -> None:
    query = "nope:x OR (id:>5 -tag:'a*' sku:b*)"
    _, warnings = search(query, KNOWN)
    assert search_extension(["products"], query, warnings) == {
        "path": ["products"],
        "query": query,
        "parsed": {
            "or": [
                {"field": "nope", "match_all": "x"},
                {
                    "and": [
                        {"field": "id", "range": {"gt": "5"}},
                        {"not": {"field": "tag", "match_all": "a*"}},
                        {"field": "sku", "match_all": "b*"},
                    ]
                },
            ]
        },
        "warnings": warnings,
    }


def test_a_query_knows_its_fields() -> None:
    query = parse("id:>5 AND id:<=10 tag:x -sku:y")
    assert query.fields == {"id", "tag", "sku"}


def test_kinds_are_guessed_where_nobody_says() -> None:
    assert parse("id:>11 updated_at:>2026-11-19 tag:sale inventory_total:<0 summer").matches(SHOE.get)
    assert not parse("operation_type:mutation").matches({"operation_type": "QUERY"}.get)


@given(st.text())
def test_any_text_is_a_query(text: str) -> None:
    predicate, _ = search(text, KNOWN)
    assert predicate(SHOE.get) in (True, False)
    search_extension(["products"], text, [])


@pytest.mark.parametrize(
    "text", ["(" * 5_000, "-" * 5_000 + "x", "a:b " * 5_000, "x OR " * 5_000, "NOT " * 5_000]
)
def test_long_texts_are_queries_too(text: str) -> None:
    predicate, _ = search(text, {**KNOWN, "a": Kind.KEYWORD})
    assert predicate(SHOE.get) in (True, False)


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_quoted_value_means_exactly_itself(wanted: str, other: str) -> None:
    assert _found(f"sku:{_quoted(wanted)}", {"sku": wanted})
    assert _found(f"sku:{_quoted(wanted)}", {"sku": other}) == (wanted.casefold() == other.casefold())
    assert _found(f"tag_not:{_quoted(wanted)}", {"tag": [other]}) == (wanted.casefold() != other.casefold())


TERMS = st.sampled_from(["tag:a", "tag:b", "id:>5", "id:3", "sku:'x'"])
TREES = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.tuples(st.just("AND"), inner, inner),
        st.tuples(st.just("OR"), inner, inner),
        st.tuples(st.just("NOT"), inner),
    ),
    max_leaves=8,
)
TRUTH: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "tag:a": lambda row: "a" in row["tag"],
    "tag:b": lambda row: "b" in row["tag"],
    "id:>5": lambda row: row["id"] > 5,
    "id:3": lambda row: row["id"] == 3,
    "sku:'x'": lambda row: row["sku"] == "x",
}


def _spelled(tree: Any, minus: bool) -> str:  # noqa: ANN401, FBT001
    if isinstance(tree, str):
        return tree
    if tree[0] == "NOT":
        return f"{'-' if minus else 'NOT '}({_spelled(tree[1], minus)})"
    glue = " " if tree[0] == "AND" and minus else f" {tree[0]} "
    return f"({_spelled(tree[1], minus)}{glue}{_spelled(tree[2], minus)})"


def _meant(tree: Any, row: Mapping[str, Any]) -> bool:  # noqa: ANN401
    if isinstance(tree, str):
        return bool(TRUTH[tree](row))
    if tree[0] == "NOT":
        return not _meant(tree[1], row)
    both = (_meant(tree[1], row), _meant(tree[2], row))
    return all(both) if tree[0] == "AND" else any(both)


@given(
    TREES,
    st.booleans(),
    st.fixed_dictionaries(
        {
            "tag": st.lists(st.sampled_from("abc"), max_size=2),
            "id": st.integers(1, 9),
            "sku": st.sampled_from(["x", "y", None]),
        }
    ),
)
def test_queries_mean_what_their_trees_say(tree: Any, minus: bool, row: dict[str, Any]) -> None:  # noqa: ANN401, FBT001
    text = _spelled(tree, minus)
    predicate, warnings = search(text, KNOWN)
    assert not warnings
    assert predicate(row.get) == _meant(tree, row)
    assert parse(text).matches(row.get) == _meant(tree, row)
