"""Bulk mutations: uploads, what is refused, and what each line does."""

from collections.abc import Iterator
from itertools import pairwise

import httpx
import pytest

from sandbox.server import serving
from sandbox.shopify import bulk_mutation
from tests.sandbox.bulk_shopper import (
    TAG,
    finished,
    inner,
    jsonl,
    later,
    named,
    parameters,
    poll,
    read,
    run,
    stage,
    tag_rows,
    upload,
)
from tests.sandbox.shopper import MAIN, Json, Shopper, gid, shopper

WEEK = 7 * 86_400
ONE_TAG = tag_rows(101)


@pytest.fixture
def shop() -> Shopper:
    return shopper(bulk_objects_per_second=2)


# -------------------------------------------------------------------- uploads


def test_a_staged_upload_costs_eleven(shop: Shopper) -> None:
    stage(shop)
    assert shop.sandbox.calls()[-1]["cost"] == 11


def test_parameters_of_a_form(shop: Shopper) -> None:
    target = stage(shop, filename="rows.jsonl")
    fields = parameters(target)
    assert fields["success_action_status"] == "201"
    assert fields["Content-Type"] == "text/jsonl"
    assert fields["key"].startswith("tmp/1/bulk/")
    assert fields["key"].endswith("/rows.jsonl")


def test_a_form_is_answered_in_xml_and_noted(shop: Shopper) -> None:
    target = stage(shop)
    fields = parameters(target)
    response = shop.http.post(target["url"], data=fields, files={"file": ("x", ONE_TAG)})
    assert response.status_code == 201
    assert f"<Key>{fields['key']}</Key>" in response.text
    call = shop.sandbox.calls()[-1]
    assert (call["operation"], call["cost"], call["status"]) == ("POST /staged-uploads", 0, 201)


def form(shop: Shopper, fields: list[tuple[str, str]], *, first: bool = False) -> int:
    """Status of a form with these fields, the file before or behind them."""
    file = ("file", ("vars.jsonl", ONE_TAG))
    parts = [(name, (None, value)) for name, value in fields]
    sent = [file, *parts] if first else [*parts, file]
    return shop.http.post(stage(shop)["url"], files=sent).status_code  # type: ignore[arg-type]


def test_a_form_must_be_sent_as_it_was_given(shop: Shopper) -> None:
    fields = list(parameters(stage(shop)).items())
    assert form(shop, fields) == 201
    assert form(shop, fields, first=True) == 400
    assert form(shop, fields[::-1]) == 403
    assert form(shop, fields[:-1]) == 403
    assert form(shop, [(name, "x" if name == "acl" else value) for name, value in fields]) == 403
    assert form(shop, [(name, "x" if name == "key" else value) for name, value in fields]) == 403


def test_what_is_no_form_is_refused(shop: Shopper) -> None:
    target = stage(shop)
    assert shop.http.post(target["url"], content=b"{}").status_code == 400
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert shop.http.post(target["url"], content=b"--x\r\nabc", headers=headers).status_code == 400


def test_a_target_ends_after_seven_days(shop: Shopper) -> None:
    target = stage(shop)
    raw = stage(shop, "PUT")
    shop.sandbox.clock.advance(WEEK)
    fields = parameters(target)
    assert shop.http.post(target["url"], data=fields, files={"file": b"{}"}).status_code == 403
    response = shop.http.put(raw["url"], content=b"{}", headers={"Content-Type": "text/jsonl"})
    assert response.status_code == 403


def test_put_takes_the_raw_body(shop: Shopper) -> None:
    target = stage(shop, "PUT")
    assert shop.http.put(target["url"], content=ONE_TAG).status_code == 403
    response = shop.http.put(target["url"], content=ONE_TAG, headers={"Content-Type": "text/jsonl"})
    assert response.status_code == 200
    path = target["resourceUrl"].partition("/staged-uploads/")[2]
    payload = named(shop, "RunMutation", text=TAG, path=path)
    assert payload["userErrors"] == []
    assert shop.http.put(target["resourceUrl"], content=ONE_TAG).status_code == 403


def in_chunks() -> Iterator[bytes]:
    for start in range(0, len(ONE_TAG), 7):
        yield ONE_TAG[start : start + 7]


def test_an_upload_in_chunks(shop: Shopper) -> None:
    headers = {"Content-Type": "text/jsonl"}
    assert shop.http.put(stage(shop, "PUT")["url"], content=in_chunks(), headers=headers).status_code == 200
    with serving(shop.sandbox) as url, httpx.Client(base_url=url) as http:
        shop.http = http
        target = stage(shop, "PUT")
        assert http.put(target["url"], content=in_chunks(), headers=headers).status_code == 200
        path = target["resourceUrl"].partition("/staged-uploads/")[2]
        assert named(shop, "RunMutation", text=TAG, path=path)["userErrors"] == []
        _, lines = finished(shop, named(shop, "Bulks")["nodes"][0]["id"])
        assert [line["__lineNumber"] for line in lines] == [0]


@pytest.mark.parametrize(("name", "value"), [("filename", " "), ("mimeType", "text/csv")])
def test_an_upload_that_cannot_be_staged(shop: Shopper, name: str, value: str) -> None:
    given = {"resource": "BULK_MUTATION_VARIABLES", "filename": "a", "mimeType": "text/jsonl", name: value}
    payload = named(shop, "Stage", uploads=[given])
    assert payload["stagedTargets"] == []
    assert payload["userErrors"][0]["field"] == ["input", "0", name]


# ------------------------------------------------------------------- refusals


def problems(
    shop: Shopper, mutation: str = TAG, path: str | None = None, client: str | None = None
) -> list[tuple[str | None, list[str] | None]]:
    path = upload(shop, ONE_TAG) if path is None else path
    payload = named(shop, "RunMutation", text=mutation, path=path, client=client)
    assert payload["bulkOperation"] is None
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


@pytest.mark.parametrize(
    "mutation",
    [
        "{ products { edges { node { id } } } }",
        "mutation { nothing }",
        "mutation { ",
        "mutation($id: ID!) { tagsAdd(id: $id, tags: 5, more: 1) { userErrors { field } } }",
        "mutation($q: String!) { bulkOperationRunQuery(query: $q) { userErrors { field } } }",
        "mutation A { tagsAdd(id: 1, tags: []) { userErrors { field } } } query B { shop { id } }",
        """mutation($id: ID!, $ids: [ID!]!) { productVariantsBulkDelete(productId: $id, variantsIds: $ids) {
        product { a: variants { edges { node { id } } } b: variants { edges { node { id } } } } } }""",
    ],
)
def test_a_mutation_that_is_none(shop: Shopper, mutation: str) -> None:
    assert problems(shop, mutation) == [("INVALID_MUTATION", ["mutation"])]


def test_one_mutation_a_line(shop: Shopper) -> None:
    two = "mutation($id: ID!, $t: [String!]!) { a: tagsAdd(id: $id, tags: $t) { userErrors { field } } "
    two += "b: tagsRemove(id: $id, tags: $t) { userErrors { field } } }"
    assert problems(shop, two) == [(None, ["mutation"])]


def test_a_file_that_is_not_there(shop: Shopper) -> None:
    assert problems(shop, path="tmp/1/bulk/x/vars.jsonl") == [("NO_SUCH_FILE", ["stagedUploadPath"])]
    not_yet = parameters(stage(shop))["key"]
    assert problems(shop, path=not_yet) == [("NO_SUCH_FILE", ["stagedUploadPath"])]


@pytest.mark.parametrize("content", [b"", b"\n", b"[1]\n", b"id,tags\n"])
def test_a_file_that_is_none(shop: Shopper, content: bytes) -> None:
    path = upload(shop, content)
    assert problems(shop, path=path) == [("INVALID_STAGED_UPLOAD_FILE", ["stagedUploadPath"])]


def test_a_file_that_is_too_big(shop: Shopper, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bulk_mutation.MAX_FILE == 100 * 1024 * 1024
    monkeypatch.setattr(bulk_mutation, "MAX_FILE", len(ONE_TAG) - 1)
    assert problems(shop) == [("INVALID_STAGED_UPLOAD_FILE", ["stagedUploadPath"])]


@pytest.mark.parametrize("client", ["short", "x" * 256])
def test_a_client_identifier_has_a_length(shop: Shopper, client: str) -> None:
    assert problems(shop, client=client) == [(None, ["clientIdentifier"])]


def test_the_sixth_mutation_at_once_is_refused_and_queries_are_not(shop: Shopper) -> None:
    for _ in range(5):
        run(shop, TAG, ONE_TAG)
    assert problems(shop) == [("OPERATION_IN_PROGRESS", None)]
    assert named(shop, "RunQuery", text="{ products { edges { node { id } } } }")["userErrors"] == []


# ---------------------------------------------------------------------- lines


def test_lines_are_run_one_after_the_other_in_time(shop: Shopper) -> None:
    identity = run(shop, TAG, tag_rows(101, 102))["id"]
    assert poll(shop, identity)["status"] == "CREATED"
    tagged = [write["id"] for write in shop.sandbox.writes()]
    assert tagged == [101]
    half = later(shop, identity, 0.5)
    assert (half["status"], half["objectCount"], half["rootObjectCount"]) == ("RUNNING", "1", "1")
    operation, lines = finished(shop, identity)
    assert operation["type"] == "MUTATION"
    assert [write["id"] for write in shop.sandbox.writes()] == [101, 102]
    assert {write["operation"] for write in shop.sandbox.writes()} == {"tagsAdd"}
    assert lines == [{"data": {"tagsAdd": {"userErrors": []}}, "__lineNumber": n} for n in (0, 1)]


def test_a_line_that_fails_fails_alone(shop: Shopper) -> None:
    content = jsonl(
        {"id": gid("Product", 9), "tags": ["x"]},
        {"id": gid("Order", 9), "tags": ["x"]},
        {"tags": ["x"]},
        {"id": gid("Product", 101), "tags": ["x"]},
    )
    operation, lines = finished(shop, run(shop, TAG, content + b"not json\n\n")["id"])
    assert operation["objectCount"] == "5"
    assert lines[0]["data"]["tagsAdd"]["userErrors"][0]["field"] == ["id"]
    assert lines[1]["errors"][0]["extensions"]["code"] == "RESOURCE_NOT_FOUND"
    assert lines[2]["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"
    assert "data" not in lines[2]
    assert "errors" not in lines[3]
    assert lines[4].keys() == {"errors", "__lineNumber"}


def test_lines_in_no_order() -> None:
    products = [{"id": number} for number in range(1, 30)]
    shop = shopper(*products, switches={"bulk_order": "shuffled"})
    _, lines = finished(shop, run(shop, TAG, tag_rows(*range(1, 30)))["id"])
    numbers = [line["__lineNumber"] for line in lines]
    assert sorted(numbers) == list(range(29))
    assert any(first > second for first, second in pairwise(numbers))


def quantities(key: str, quantity: int, expected: int) -> Json:
    row = {
        "inventoryItemId": gid("InventoryItem", 5001),
        "locationId": MAIN,
        "quantity": quantity,
        "changeFromQuantity": expected,
    }
    return {"key": key, "input": {"name": "available", "reason": "correction", "quantities": [row]}}


def test_quantities_are_set_with_a_key_a_line(shop: Shopper) -> None:
    content = jsonl(quantities("a", 9, 5), quantities("a", 9, 5), quantities("b", 1, 5))
    _, lines = finished(shop, run(shop, inner("BulkSet"), content)["id"])
    codes = [[e["code"] for e in line["data"]["inventorySetQuantities"]["userErrors"]] for line in lines]
    assert codes == [[], [], ["CHANGE_FROM_QUANTITY_STALE"]]
    levels = [write for write in shop.sandbox.writes() if write["what"] == "level"]
    assert [(write["key"], write["before"], write["after"]) for write in levels] == [("a", 5, 9)]


def test_variants_are_deleted(shop: Shopper) -> None:
    content = jsonl(
        {"product": gid("Product", 101), "ids": [gid("ProductVariant", 1001)]},
        {"product": gid("Product", 102), "ids": [gid("ProductVariant", 2001)]},
    )
    _, lines = finished(shop, run(shop, inner("BulkDelete"), content)["id"])
    codes = [[e["code"] for e in line["data"]["productVariantsBulkDelete"]["userErrors"]] for line in lines]
    assert codes == [[], ["CANNOT_DELETE_LAST_VARIANT"]]


def test_missing_scope_is_told_on_each_line() -> None:
    shop = shopper(scopes=["read_products"])
    _, lines = finished(shop, run(shop, TAG, ONE_TAG)["id"])
    assert lines[0]["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert lines[0]["data"] == {"tagsAdd": None}


def test_what_is_done_when_it_is_cancelled_stays(shop: Shopper) -> None:
    identity = run(shop, TAG, tag_rows(101, 102))["id"]
    later(shop, identity, 0.1)
    named(shop, "Cancel", id=identity)
    assert later(shop, identity, 10)["status"] == "CANCELED"
    assert [write["id"] for write in shop.sandbox.writes()] == [101]


def test_many_lines_at_once() -> None:
    products = [{"id": number, "tags": ["old"]} for number in range(1, 2001)]
    shop = shopper(*products)
    operation = later(shop, run(shop, TAG, tag_rows(*range(1, 2001)))["id"], 1)
    assert (operation["status"], operation["objectCount"]) == ("COMPLETED", "2000")
    assert len(read(shop, operation["url"])) == 2000
    found = shop.data('{ products(first: 3, query: "tag:bulk") { nodes { tags } } }')
    assert [node["tags"] for node in found["nodes"]] == [["bulk", "old"]] * 3
