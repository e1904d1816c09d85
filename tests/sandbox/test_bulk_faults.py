"""Faults of bulk operations: of their work, of downloads and of uploads."""

import httpx
import pytest

from sandbox.server import serving
from tests.sandbox.bulk_shopper import (
    TAG,
    fetch,
    finished,
    later,
    named,
    parameters,
    read,
    run,
    stage,
    start,
    tag_rows,
)
from tests.sandbox.shopper import Json, Shopper, shopper

DAY = 86_400
LENGTH = 5


@pytest.fixture
def shop() -> Shopper:
    return shopper(bulk_objects_per_second=2)


def order(shop: Shopper, operation: str, kind: str, **extra: object) -> None:
    shop.sandbox.faults([{"system": "shopify", "operation": operation, "kind": kind, **extra}])


def ended(shop: Shopper) -> Json:
    return later(shop, start(shop)["id"], 1000)


# ----------------------------------------------------------------------- work


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "TIMEOUT", "ACCESS_DENIED"])
def test_a_query_fails_half_way(shop: Shopper, code: str) -> None:
    order(shop, "bulkQuery", "graphql_error", code=code)
    operation = ended(shop)
    assert (operation["status"], operation["errorCode"], operation["url"]) == ("FAILED", code, None)
    assert operation["objectCount"] == "2"
    assert len(read(shop, operation["partialDataUrl"])) == 2
    assert ended(shop)["status"] == "COMPLETED"


def test_a_query_fails_at_the_very_end(shop: Shopper) -> None:
    order(shop, "bulkQuery", "graphql_error", after=True)
    operation = ended(shop)
    assert (operation["status"], operation["errorCode"]) == ("FAILED", "INTERNAL_SERVER_ERROR")
    assert len(read(shop, operation["partialDataUrl"])) == LENGTH


def test_a_mutation_fails_half_way(shop: Shopper) -> None:
    order(shop, "bulkMutation", "graphql_error", code="TIMEOUT")
    operation = later(shop, run(shop, TAG, tag_rows(101, 102))["id"], 1000)
    assert (operation["status"], operation["errorCode"]) == ("FAILED", "TIMEOUT")
    assert [line["__lineNumber"] for line in read(shop, operation["partialDataUrl"])] == [0]
    assert [write["id"] for write in shop.sandbox.writes()] == [101]


def test_a_failure_without_rows_has_no_address(shop: Shopper) -> None:
    order(shop, "bulkMutation", "graphql_error")
    operation = later(shop, run(shop, TAG, tag_rows(101))["id"], 1000)
    assert (operation["status"], operation["partialDataUrl"]) == ("FAILED", None)
    assert shop.sandbox.writes() == []


def test_an_operation_never_begins(shop: Shopper) -> None:
    order(shop, "bulkMutation", "timeout_before")
    identity = run(shop, TAG, tag_rows(101))["id"]
    assert later(shop, identity, DAY - 1)["status"] == "RUNNING"
    operation = later(shop, identity, 1)
    assert (operation["status"], operation["errorCode"]) == ("FAILED", "TIMEOUT")
    assert shop.sandbox.writes() == []


def test_an_operation_never_ends_though_all_is_done(shop: Shopper) -> None:
    order(shop, "bulkMutation", "lost_answer")
    identity = run(shop, TAG, tag_rows(101, 102))["id"]
    operation = later(shop, identity, 1000)
    assert (operation["status"], operation["objectCount"], operation["url"]) == ("RUNNING", "2", None)
    assert [write["id"] for write in shop.sandbox.writes()] == [101, 102]
    assert later(shop, identity, DAY)["status"] == "FAILED"


def test_a_query_may_run_for_ten_days(shop: Shopper) -> None:
    order(shop, "bulkQuery", "lost_answer")
    identity = start(shop)["id"]
    assert later(shop, identity, 10 * DAY - 1)["status"] == "RUNNING"
    assert later(shop, identity, 1)["errorCode"] == "TIMEOUT"


def test_an_operation_begins_late(shop: Shopper) -> None:
    order(shop, "bulkQuery", "slow", seconds=30)
    identity = start(shop)["id"]
    assert later(shop, identity, 29)["status"] == "CREATED"
    assert later(shop, identity, 2)["objectCount"] == "2"


@pytest.mark.parametrize(("kind", "lines"), [("partial", 2), ("empty", 0)])
def test_lines_are_missing_and_the_counts_tell(shop: Shopper, kind: str, lines: int) -> None:
    order(shop, "bulkQuery", kind)
    operation, found = finished(shop, start(shop)["id"])
    assert operation["objectCount"] == str(LENGTH)
    assert len(found) == lines
    assert (operation["url"] is None) == (kind == "empty")


def test_a_result_ends_in_the_middle_of_a_line(shop: Shopper) -> None:
    order(shop, "bulkQuery", "malformed")
    text = fetch(shop, ended(shop)["url"]).text
    assert not text.endswith("\n")


@pytest.mark.parametrize(("after", "tagged"), [(False, [101]), (True, [101, 102])])
def test_a_line_of_a_mutation_fails(shop: Shopper, after: bool, tagged: list[int]) -> None:  # noqa: FBT001
    order(shop, "bulkLine", "graphql_error", nth=2, code="TIMEOUT", after=after)
    _, lines = finished(shop, run(shop, TAG, tag_rows(101, 102))["id"])
    assert "errors" not in lines[0]
    assert lines[1]["errors"][0]["extensions"]["code"] == "TIMEOUT"
    assert lines[1].keys() == {"errors", "__lineNumber"}
    assert [write["id"] for write in shop.sandbox.writes()] == tagged


def test_faults_of_any_operation_let_the_work_alone(shop: Shopper) -> None:
    order(shop, "*", "slow", times=-1)
    assert ended(shop)["status"] == "COMPLETED"


# --------------------------------------------------------------------- storage


@pytest.mark.parametrize("kind", ["timeout_before", "lost_answer"])
def test_a_download_is_cut_off(shop: Shopper, kind: str) -> None:
    order(shop, "GET /bulk/{id}", kind)
    url = ended(shop)["url"]
    with pytest.raises(httpx.RemoteProtocolError):
        fetch(shop, url)
    assert len(read(shop, url)) == LENGTH


def test_a_download_breaks_off_half_way_and_is_taken_up_again() -> None:
    shop = shopper(switches={"bulk_ranges": "served"})
    with serving(shop.sandbox) as address, httpx.Client(base_url=address) as http:
        shop.http = http
        url = ended(shop)["url"]
        whole = fetch(shop, url).content
        order(shop, "GET /bulk/{id}", "lost_answer")
        pieces: list[bytes] = []
        with http.stream("GET", url) as response, pytest.raises(httpx.RemoteProtocolError):
            pieces.extend(response.iter_raw())
        assert response.headers["content-length"] == str(len(whole))
        read_so_far = b"".join(pieces)
        assert read_so_far == whole[: len(whole) // 2]
        rest = http.get(url, headers={"Range": f"bytes={len(read_so_far)}-"})
    assert rest.status_code == 206
    assert rest.headers["content-range"] == f"bytes {len(read_so_far)}-{len(whole) - 1}/{len(whole)}"
    assert read_so_far + rest.content == whole


def test_ranges_of_a_download() -> None:
    shop = shopper(switches={"bulk_ranges": "served"})
    url = ended(shop)["url"]
    whole = fetch(shop, url).content

    def part(wanted: str) -> tuple[int, bytes]:
        response = shop.http.get(url, headers={"Range": wanted})
        return response.status_code, response.content

    assert part("bytes=3-9") == (206, whole[3:10])
    assert part("bytes=3-999999") == (206, whole[3:])
    assert part(f"bytes={len(whole)}-") == (416, b"")
    assert part("bytes=-5") == (200, whole)


def test_storage_that_knows_no_ranges(shop: Shopper) -> None:
    url = ended(shop)["url"]
    response = shop.http.get(url, headers={"Range": "bytes=3-9"})
    assert (response.status_code, response.content) == (200, fetch(shop, url).content)


@pytest.mark.parametrize(
    ("status", "form"), [(403, "application/xml"), (404, "application/xml"), (503, "text/html")]
)
def test_a_download_is_refused(shop: Shopper, status: int, form: str) -> None:
    order(shop, "GET /bulk/{id}", "http", status=status)
    response = fetch(shop, ended(shop)["url"])
    assert response.status_code == status
    assert response.headers["content-type"].startswith(form)


def test_a_download_ends_early(shop: Shopper) -> None:
    whole = fetch(shop, (operation := ended(shop))["url"]).content
    order(shop, "GET /bulk/{id}", "malformed")
    assert fetch(shop, operation["url"]).content == whole[: len(whole) // 2]
    order(shop, "GET /bulk/{id}", "partial")
    assert fetch(shop, operation["url"]).content == b"".join(whole.splitlines(keepends=True)[:2])
    order(shop, "GET /bulk/{id}", "empty")
    assert fetch(shop, operation["url"]).content == b""


@pytest.mark.parametrize(("kind", "is_there"), [("http", False), ("http_after", True)])
def test_an_upload_meets_a_fault(shop: Shopper, kind: str, is_there: bool) -> None:  # noqa: FBT001
    order(shop, "POST /staged-uploads", kind, status=500)
    target = stage(shop)
    fields = parameters(target)
    response = shop.http.post(target["url"], data=fields, files={"file": tag_rows(101)})
    assert response.status_code == 500
    errors = named(shop, "RunMutation", text=TAG, path=fields["key"])["userErrors"]
    assert (errors == []) is is_there


def test_a_start_whose_answer_is_lost_has_started(shop: Shopper) -> None:
    order(shop, "bulkOperationRunQuery", "lost_answer")
    with pytest.raises(httpx.RemoteProtocolError):
        start(shop)
    (node,) = named(shop, "Bulks")["nodes"]
    assert node["type"] == "QUERY"
