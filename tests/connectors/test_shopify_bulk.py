"""Bulk operations against the stand-in in process: whole or not at all, whatever goes wrong on the way."""

import json
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import (
    ConnectorError,
    Malformed,
    Refused,
    Transient,
    Unauthorised,
    UnknownOutcome,
    WritesOff,
)
from connectors.records import JsonObject, Product
from connectors.shopify import NEWEST_ORDERS, Shopify, calls, inner, joining
from connectors.shopify.bulk import Bulk, Limits
from sandbox.app import Sandbox
from tests.connectors.store import Store, stored
from tests.worlds import MARK, OWN, TOKEN, World, product, variant, world

START, POLL, DOWNLOAD = "bulkOperationRunQuery", "bulkOperation", "GET /bulk/{id}"
BRIEF = Limits(seconds=60, queue=60)


@pytest.fixture
def store() -> Iterator[Store]:
    with stored() as made:
        yield made


def shoes(count: int, sizes: int = 3) -> list[World]:
    return [
        product(n, f"24X{n}", *(variant(n * 100 + k, f"{n}-{k}", k) for k in range(1, sizes + 1)))
        for n in range(1, count + 1)
    ]


def filled(store: Store, count: int = 5, **shop: object) -> Shopify:
    """A shop of some shoes that is read by bulk queries only."""
    store.put(world(shoes(count), [], **shop))
    return store.shop(path="bulk", limits=BRIEF)


def ids(found: Iterator[Product]) -> list[int]:
    return [each.id for each in found]


def ended(store: Store, kind: str = "QUERY") -> list[str]:
    """How the shop's bulk operations stand, in the order of their starts."""
    known = store.sandbox.shops[OWN].shop.bulk_operations.values()
    return [each.status for each in known if each.type == kind]


def one_shoe(number: int) -> World:
    return product(number, "24X", variant(number, f"s{number}", 50))


def available(shown: Product) -> int:
    (only,) = shown.variants
    assert only.level
    assert only.level.quantities
    return only.level.quantities.available


def timeless(products: Sequence[Product]) -> list[Product]:
    """Products by id, without when they were seen."""
    never = datetime.min.replace(tzinfo=UTC)
    return [replace(each, seen_at=never) for each in sorted(products, key=lambda each: each.id)]


# -------------------------------------------------------------- the same answer

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
LEVELS = st.one_of(st.none(), st.integers(-5, 10**6))


@st.composite
def shops(draw: st.DrawFn) -> list[World]:
    """Products of all kinds, in no order."""
    numbers = draw(st.lists(st.integers(1, 10**6), max_size=8, unique=True))
    return [
        product(
            number,
            draw(st.none() | st.just("24X")),
            *(
                variant(
                    number * 100 + size,
                    draw(st.none() | TEXTS),
                    draw(LEVELS),
                    active=draw(st.booleans()),
                    tracked=draw(st.booleans()),
                )
                for size in range(draw(st.integers(0, 14)))
            ),
            tags=tuple(draw(st.sets(st.sampled_from([MARK, "a", "ñ 日本", "it's"]), max_size=3))),
            title=draw(TEXTS) or "x",
        )
        for number in numbers
    ]


class TestPagesAndBulk:
    @pytest.mark.parametrize(("order", "slashes"), [("kept", "plain"), ("shuffled", "escaped")])
    @settings(max_examples=25, deadline=None)
    @given(given=shops())
    def test_give_the_same(self, order: str, slashes: str, given: list[World]) -> None:
        with Sandbox(switches={"bulk_order": order, "bulk_slashes": slashes}) as sandbox:
            store = Store(sandbox)
            store.put(world(given, []))
            pages, bulk = store.shop(path="pages"), store.shop(path="bulk")
            whole = [list(shop.products_without(MARK)) for shop in (pages, bulk)]
            assert timeless(whole[0]) == timeless(whole[1])
            for read in (
                lambda shop: list(shop.skus(None)),
                lambda shop: list(shop.skus(MARK)),
                lambda shop: list(shop.heads_without(MARK)),
                lambda shop: list(shop.heads_with(MARK)),
            ):
                assert sorted(read(pages)) == sorted(read(bulk))

    @pytest.mark.parametrize("path", ["pages", "bulk"])
    def test_bring_products_with_2048_variants_whole(self, store: Store, path: str) -> None:
        wide = [variant(10_000 + n, f"w-{n}", n % 7) for n in range(2_048)]
        store.put(world([product(1, "24X", *wide), *shoes(3)[1:]], []))
        found = {each.id: each for each in store.shop(path=path).products_without(MARK)}  # type: ignore[arg-type]
        assert [each.id for each in found[1].variants] == [10_000 + n for n in range(2_048)]
        assert len(found) == 3

    @given(st.randoms(use_true_random=False), st.lists(st.integers(0, 6), max_size=8))
    def test_lines_may_stand_in_any_order(self, chance: random.Random, sizes: list[int]) -> None:
        lines = [line for number, size in enumerate(sizes, 1) for line in _lines(number, size)]
        chance.shuffle(lines)
        found = list(joining.products(_Given(lines)))
        assert [(each.id, len(each.variants)) for each in found] == list(enumerate(sizes, 1))
        for each in found:
            assert [shown.id for shown in each.variants] == sorted(shown.id for shown in each.variants)
            assert {shown.product_id for shown in each.variants} <= {each.id}

    def test_a_variant_without_its_product_is_no_answer(self) -> None:
        lines = [line for line in _lines(1, 2) if "__parentId" in line]
        with pytest.raises(Malformed, match="whose parent is not there"):
            list(joining.products(_Given(lines)))


class _Given:
    """Rows that were not fetched."""

    at = datetime(2026, 11, 21, tzinfo=UTC)

    def __init__(self, lines: list[JsonObject]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[JsonObject]:
        return iter(self._lines)


def _lines(number: int, size: int) -> Iterator[JsonObject]:
    gid = f"gid://shopify/Product/{number}"
    yield {"id": gid, "title": "x", "status": "ACTIVE", "tags": []}
    for place in range(size):
        item: JsonObject = {
            "id": f"gid://shopify/InventoryItem/{number * 100 + place}",
            "tracked": True,
            "duplicateSkuCount": 0,
            "inventoryLevel": None,
        }
        yield {
            "id": f"gid://shopify/ProductVariant/{number * 100 + place}",
            "sku": "s",
            "position": place,
            "inventoryItem": item,
            "__parentId": gid,
        }


# ------------------------------------------------------------------- one query


class TestQuery:
    def test_costs_its_start_and_its_polls(self, store: Store) -> None:
        shop = filled(store)
        assert ids(shop.products_without(MARK)) == [1, 2, 3, 4, 5]
        polls = len(store.calls(POLL))
        assert shop.http.usage.points == 10 + polls
        assert shop.http.usage.calls == 2 + polls

    def test_is_asked_about_less_and_less_often(self, store: Store) -> None:
        shop = filled(store, bulk_objects_per_second=0.5)
        assert len(ids(shop.products_without(MARK))) == 5
        assert store.slept == sorted(store.slept)
        assert store.slept[0] == 0.5
        assert 40 <= sum(store.slept) <= 60

    def test_of_nothing_has_no_file(self, store: Store) -> None:
        shop = filled(store, 0)
        assert ids(shop.products_without(MARK)) == []
        assert list(shop.skus(None)) == []
        assert store.calls(DOWNLOAD) == []

    def test_was_seen_when_it_ended(self, store: Store) -> None:
        shop = filled(store, bulk_objects_per_second=4)
        found = list(shop.products_without(MARK))
        operation = next(iter(store.sandbox.shops[OWN].shop.bulk_operations.values()))
        assert operation.ended_at is not None
        assert {each.seen_at for each in found} == {operation.ended_at.replace(microsecond=0)}
        assert operation.ended_at - operation.created_at > timedelta(seconds=4)

    @pytest.mark.parametrize("rate", [1, 3, 10])
    def test_forgets_no_sale_that_a_row_shows(self, store: Store, rate: float) -> None:
        store.put(world([one_shoe(n) for n in range(1, 13)], [], bulk_objects_per_second=rate))
        began = store.sandbox.clock.now()

        def sell() -> None:
            for number in range(1, 13):
                store.sandbox.event({"system": "shopify", "kind": "sale", "variant_id": number})

        store.meanwhile = sell
        shop = store.shop(path="bulk")
        found = {each.id: each for each in shop.products_without(MARK)}
        orders = shop.order_lines(began - timedelta(minutes=1))
        shown = {number: 50 - available(each) for number, each in found.items()}
        assert len(set(shown.values())) > 1
        for number, each in found.items():
            told = [line for line in orders if line.variant_id == number and line.created_at <= each.seen_at]
            assert len(told) >= shown[number]

    def test_never_carries_the_token_to_the_result(self, store: Store) -> None:
        ids(filled(store).products_without(MARK))
        foreign = [each for each in store.seen if "/bulk/" in each.url.path]
        assert foreign
        assert all(TOKEN not in str(each.headers.raw) for each in foreign)

    def test_reads_also_while_writes_are_off(self, store: Store) -> None:
        store.put(world(shoes(2), []))
        shop = store.shop(writes_off=True, path="bulk")
        assert ids(shop.products_without(MARK)) == [1, 2]

    def test_a_document_that_is_refused_is_not_tried_again(self, store: Store) -> None:
        store.put(world(shoes(2), []))
        with pytest.raises(Refused, match="INVALID"):
            Bulk(store.http()).rows("query { shop { id } }")
        assert len(store.calls(START)) == 1


class TestFailedQuery:
    @pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "TIMEOUT"])
    @pytest.mark.parametrize("when", [{"after": True}, {}], ids=["after", "half way"])
    def test_is_started_again_and_its_part_is_not_used(
        self, store: Store, code: str, when: dict[str, object]
    ) -> None:
        shop = filled(store)
        store.fault(operation="bulkQuery", kind="graphql_error", code=code, **when)
        assert ids(shop.products_without(MARK)) == [1, 2, 3, 4, 5]
        assert ended(store) == ["FAILED", "COMPLETED"]

    @pytest.mark.parametrize("kind", ["graphql_error", "partial", "empty", "malformed"])
    def test_is_given_up_in_the_end(self, store: Store, kind: str) -> None:
        shop = filled(store)
        store.fault(operation="bulkQuery", kind=kind, times=-1)
        with pytest.raises((Transient, Malformed)):
            ids(shop.products_without(MARK))
        assert len(ended(store)) == 3

    @pytest.mark.parametrize("kind", ["partial", "empty", "malformed"])
    def test_a_result_that_is_not_whole_is_not_believed(self, store: Store, kind: str) -> None:
        shop = filled(store)
        store.fault(operation="bulkQuery", kind=kind)
        assert ids(shop.products_without(MARK)) == [1, 2, 3, 4, 5]
        assert ended(store) == ["COMPLETED", "COMPLETED"]

    @pytest.mark.parametrize("kind", ["partial", "empty", "malformed"])
    def test_nor_is_one_of_which_nothing_was_joined(self, store: Store, kind: str) -> None:
        shop = filled(store)
        store.fault(operation="bulkQuery", kind=kind, times=-1)
        with pytest.raises((Transient, Malformed)):
            next(shop.skus(None))

    def test_without_a_right_is_unauthorised(self, store: Store) -> None:
        shop = filled(store)
        store.fault(operation="bulkQuery", kind="graphql_error", code="ACCESS_DENIED")
        with pytest.raises(Unauthorised, match="ACCESS_DENIED"):
            ids(shop.products_without(MARK))
        assert len(ended(store)) == 1

    def test_a_row_with_an_error_is_no_answer(self, store: Store) -> None:
        shop = filled(store)
        error = b'{"errors":[{"message":"no"}]}'
        store.tampering = _replaced(lambda lines: [error.ljust(len(lines[0]) - 1) + b"\n", *lines[1:]])
        with pytest.raises(Malformed, match="could not be read"):
            ids(shop.products_without(MARK))

    def test_the_word_errors_in_a_text_is_none(self, store: Store) -> None:
        store.put(world([product(1, "X", title='"errors": [1]', tags=("errors",))], []))
        assert ids(store.shop(path="bulk").products_without(MARK)) == [1]

    def test_that_someone_stopped_says_so(self, store: Store) -> None:
        shop = filled(store, bulk_objects_per_second=1)
        http = store.http()

        def stop() -> None:
            store.meanwhile = lambda: None
            for number in store.sandbox.shops[OWN].shop.bulk_operations:
                http.send(calls.cancel_bulk(calls.gid("BulkOperation", number)))

        store.meanwhile = stop
        with pytest.raises(Refused, match=r"CANCELED.*someone stopped it"):
            ids(shop.products_without(MARK))
        assert ended(store) == ["CANCELED"]

    @pytest.mark.parametrize("kind", ["timeout_before", "lost_answer"])
    def test_that_never_ends_is_cancelled(self, store: Store, kind: str) -> None:
        shop = filled(store)
        store.fault(operation="bulkQuery", kind=kind, times=-1)
        with pytest.raises(Transient, match=r"not done after \d+ s .* was cancelled"):
            ids(shop.products_without(MARK))
        assert len(store.calls("bulkOperationCancel")) == 1
        assert 60 <= sum(store.slept) <= 90

    def test_that_never_ends_and_cannot_be_cancelled_is_still_told(self, store: Store) -> None:
        shop = filled(store)
        store.sandbox.faults(
            [
                {"system": "shopify", "operation": "bulkQuery", "kind": "timeout_before"},
                {
                    "system": "shopify",
                    "operation": "bulkOperationCancel",
                    "kind": "http",
                    "status": 503,
                    "times": -1,
                },
            ]
        )
        with pytest.raises(Transient, match="not done after"):
            ids(shop.products_without(MARK))

    def test_that_is_gone_is_started_again(self, store: Store) -> None:
        shop = filled(store)

        def forget() -> None:
            store.meanwhile = lambda: None
            store.sandbox.shops[OWN].shop.bulk_operations.clear()

        store.meanwhile = forget
        assert len(ids(shop.products_without(MARK))) == 5
        assert len(store.calls(START)) == 2


class TestStart:
    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "lost_answer"},
            {"kind": "malformed"},
            {"kind": "http_after", "status": 502},
            {"kind": "graphql_error", "after": True},
        ],
        ids=lambda fault: fault["kind"],
    )
    def test_whose_answer_was_lost_is_found(self, store: Store, fault: dict[str, object]) -> None:
        shop = filled(store)
        store.fault(operation=START, **fault)
        assert len(ids(shop.products_without(MARK))) == 5
        assert len(ended(store)) == 1

    @pytest.mark.parametrize("fault", [{"kind": "http", "status": 502}, {"kind": "timeout_before"}])
    def test_that_never_arrived_is_sent_again(self, store: Store, fault: dict[str, object]) -> None:
        shop = filled(store)
        store.fault(operation=START, **fault)
        assert len(ids(shop.products_without(MARK))) == 5
        assert len(store.calls(START)) == 2
        assert len(ended(store)) == 1

    def test_that_cannot_be_looked_for_is_sent_again(self, store: Store) -> None:
        shop = filled(store)
        store.sandbox.faults(
            [
                {"system": "shopify", "operation": START, "kind": "lost_answer"},
                {
                    "system": "shopify",
                    "operation": "bulkOperations",
                    "kind": "http",
                    "status": 503,
                    "times": -1,
                },
            ]
        )
        assert len(ids(shop.products_without(MARK))) == 5
        assert ended(store)[-1] == "COMPLETED"

    def test_that_is_lost_again_and_again_is_given_up(self, store: Store) -> None:
        shop = filled(store)
        store.fault(operation=START, kind="http", status=502, times=-1)
        with pytest.raises(UnknownOutcome):
            ids(shop.products_without(MARK))
        assert len(store.calls(START)) == 3

    def test_an_older_operation_is_not_taken_for_ours(self, store: Store) -> None:
        store.put(world(shoes(3), []))
        text = inner.heads(calls.without_tag(MARK))
        bulk = Bulk(store.http())
        assert bulk.rows(text).count == 3
        store.sandbox.clock.advance(60)
        store.fault(operation=START, kind="http", status=502)
        assert bulk.rows(text).count == 3
        assert len(ended(store)) == 2

    def test_waits_for_a_place(self, store: Store) -> None:
        shop = filled(store, bulk_objects_per_second=0.5)
        others = [inner.heads(calls.anything()) for _ in range(5)]
        for text in others:
            store.http().send(calls.run_bulk_query(text))
        assert len(ids(shop.products_without(MARK))) == 5
        assert len(store.calls(START)) > 6
        assert ended(store) == ["COMPLETED"] * 6

    def test_does_not_wait_for_ever(self, store: Store) -> None:
        shop = filled(store)
        store.fault(operation="bulkQuery", kind="timeout_before", times=-1)
        for _ in range(5):
            store.http().send(calls.run_bulk_query(inner.heads(calls.anything())))
        with pytest.raises(Transient, match="no place"):
            ids(shop.products_without(MARK))


class TestPolls:
    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "http", "status": 503, "times": 6},
            {"kind": "throttled", "times": 2},
            {"kind": "lost_answer", "times": 6},
            {"kind": "malformed", "times": 6},
            {"kind": "graphql_error", "times": 2},
        ],
        ids=lambda fault: fault["kind"],
    )
    def test_that_fail_are_repeated(self, store: Store, fault: dict[str, object]) -> None:
        shop = filled(store)
        store.fault(operation=POLL, **fault)
        assert len(ids(shop.products_without(MARK))) == 5
        assert len(ended(store)) == 1

    def test_that_are_turned_away_end_it(self, store: Store) -> None:
        shop = filled(store)
        store.fault(operation=POLL, kind="http", status=423, times=-1)
        with pytest.raises(Unauthorised):
            ids(shop.products_without(MARK))


def _replaced(
    change: Callable[[list[bytes]], list[bytes]],
) -> Callable[[httpx.Request, httpx.Response], httpx.Response]:
    """Results whose lines are changed on their way."""

    def tamper(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if "/bulk/" not in request.url.path or not response.is_success:
            return response
        lines = response.read().splitlines(keepends=True)
        return httpx.Response(response.status_code, content=b"".join(change(lines)))

    return tamper


class Cuts(httpx.SyncByteStream):
    """A body that breaks off."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content
        raise httpx.ReadError("connection reset")


def _until(content: bytes, size: int) -> httpx.SyncByteStream:
    return Cuts(content[:size]) if len(content) > size else httpx.ByteStream(content)


class TestDownload:
    def cut(self, store: Store, size: int) -> None:
        """Let every download break off after so many bytes, at a server that knows ranges."""

        def tamper(request: httpx.Request, response: httpx.Response) -> httpx.Response:
            if "/bulk/" not in request.url.path:
                return response
            start = int(request.headers.get("range", "bytes=0-")[6:-1])
            rest = response.read()[start:]
            headers = {"content-range": f"bytes {start}-{start + len(rest) - 1}/*"} if start else {}
            return httpx.Response(206 if start else 200, headers=headers, stream=_until(rest, size))

        store.tampering = tamper

    def test_that_breaks_off_goes_on_where_it_was(self, store: Store) -> None:
        shop = filled(store, 40)
        self.cut(store, 4_000)
        assert ids(shop.products_without(MARK)) == list(range(1, 41))
        ranges = [each.headers.get("range") for each in store.seen if "/bulk/" in each.url.path]
        assert ranges[0] is None
        assert ranges[1:] == [f"bytes={4_000 * n}-" for n in range(1, len(ranges))]
        assert len(ranges) > 5
        assert len(ended(store)) == 1

    def test_that_brings_nothing_is_given_up(self, store: Store) -> None:
        shop = filled(store)
        self.cut(store, 0)
        with pytest.raises(Transient, match="download"):
            ids(shop.products_without(MARK))

    def test_from_a_server_that_sends_all_again_skips_what_is_known(self, store: Store) -> None:
        shop = filled(store, 40)
        sizes = iter([2_000, 5_000, 1_000, 9_000])

        def tamper(request: httpx.Request, response: httpx.Response) -> httpx.Response:
            if "/bulk/" not in request.url.path:
                return response
            return httpx.Response(200, stream=_until(response.read(), next(sizes, 10**6)))

        store.tampering = tamper
        assert ids(shop.products_without(MARK)) == list(range(1, 41))

    @pytest.mark.parametrize("status", [403, 404])
    def test_whose_address_expired_asks_for_another(self, store: Store, status: int) -> None:
        shop = filled(store)
        store.fault(operation=DOWNLOAD, kind="http", status=status)
        assert len(ids(shop.products_without(MARK))) == 5
        assert len(ended(store)) == 1
        assert len(store.calls(DOWNLOAD)) == 2

    def test_whose_address_never_works_is_given_up(
        self, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        shop = filled(store)
        store.fault(operation=DOWNLOAD, kind="http", status=403, times=-1)
        with caplog.at_level(logging.DEBUG), pytest.raises(ConnectorError) as caught:
            ids(shop.products_without(MARK))
        assert "Signature=" not in f"{caught.value!r}{caplog.text}"
        assert "X-Goog" not in str(caught.value)

    @pytest.mark.parametrize(
        "fault", [{"kind": "http", "status": 503}, {"kind": "lost_answer"}, {"kind": "timeout_before"}]
    )
    def test_that_fails_for_a_moment_is_repeated(self, store: Store, fault: dict[str, object]) -> None:
        shop = filled(store)
        store.fault(operation=DOWNLOAD, **fault)
        assert len(ids(shop.products_without(MARK))) == 5
        assert len(ended(store)) == 1

    def test_that_is_shorter_than_told_but_has_all_lines_is_taken(self, store: Store) -> None:
        shop = filled(store)
        store.tampering = _replaced(lambda lines: [line.replace(b'"Shoe ', b'"') for line in lines])
        assert len(ids(shop.products_without(MARK))) == 5

    def test_that_is_shorter_than_told_ends_at_a_server_that_knows_ranges(self, store: Store) -> None:
        shop = filled(store)

        def tamper(request: httpx.Request, response: httpx.Response) -> httpx.Response:
            if "/bulk/" in request.url.path and "range" in request.headers:
                return httpx.Response(416)
            return shorter(request, response)

        shorter = _replaced(lambda lines: [line.replace(b'"Shoe ', b'"') for line in lines])
        store.tampering = tamper
        assert len(ids(shop.products_without(MARK))) == 5

    def test_blank_lines_are_no_objects(self, store: Store) -> None:
        shop = filled(store)
        store.tampering = _replaced(lambda lines: [b"\n", *lines, b"\n"])
        assert len(ids(shop.products_without(MARK))) == 5

    def test_of_garbage_is_malformed(self, store: Store) -> None:
        shop = filled(store)
        store.tampering = _replaced(lambda lines: [b"{]}\n" for _ in lines])
        with pytest.raises(ConnectorError):
            ids(shop.products_without(MARK))


# ------------------------------------------------------------------ mutations


def tagging(count: int, tag: str = "x") -> list[JsonObject]:
    return [{"id": calls.gid("Product", n), "tags": [tag]} for n in range(1, count + 1)]


class TestMutation:
    def run(self, store: Store, lines: list[JsonObject], limits: Limits = BRIEF) -> dict[int, object]:
        bulk = Bulk(store.http(), limits)
        found = list(bulk.mutate(inner.ADD_TAGS, lines, repeatable=True))
        assert [number for number, _ in found] == list(range(len(lines)))
        return dict(found)

    def tagged(self, store: Store) -> list[int]:
        return [each.id for each in store.shop().products(range(1, 100)) if "x" in each.tags]

    @pytest.mark.parametrize("order", ["kept", "shuffled"])
    def test_tells_of_each_line_by_its_number(self, order: str) -> None:
        with Sandbox(switches={"bulk_order": order}) as sandbox:
            store = Store(sandbox)
            store.put(world(shoes(9), []))
            found = self.run(store, [*tagging(5), {"id": calls.gid("Product", 77), "tags": ["x"]}])
            assert [isinstance(found[n], dict) for n in range(6)] == [True] * 5 + [False]
            assert isinstance(found[5], Refused)
            assert self.tagged(store) == [1, 2, 3, 4, 5]

    def test_sends_the_file_last_and_no_token(self, store: Store) -> None:
        store.put(world(shoes(2), []))
        self.run(store, tagging(2))
        upload = next(each for each in store.seen if "staged-uploads" in each.url.path)
        assert TOKEN not in str(upload.headers.raw)
        assert upload.read().rindex(b'name="file"') > upload.read().rindex(b'name="policy"')

    def test_of_nothing_is_no_call(self, store: Store) -> None:
        store.put(world([], []))
        assert self.run(store, []) == {}
        assert store.sandbox.calls() == []

    def test_a_large_file_is_split_and_its_numbers_go_on(self, store: Store) -> None:
        store.put(world(shoes(40), []))
        size = len(json.dumps(tagging(40)[39], separators=(",", ":"))) + 1
        found = self.run(store, tagging(40), replace(BRIEF, file=6 * size))
        assert all(isinstance(each, dict) for each in found.values())
        assert self.tagged(store) == list(range(1, 41))
        assert ended(store, "MUTATION") == ["COMPLETED"] * 7

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "graphql_error"},
            {"kind": "graphql_error", "after": True},
            {"kind": "partial"},
            {"kind": "empty"},
            {"kind": "malformed"},
        ],
        ids=lambda fault: f"{fault['kind']}-{fault.get('after', '')}",
    )
    def test_lines_without_a_result_are_unknown(self, store: Store, fault: dict[str, object]) -> None:
        store.put(world(shoes(8), []))
        store.fault(operation="bulkMutation", **fault)
        found = self.run(store, tagging(8))
        done = {number + 1 for number, each in found.items() if isinstance(each, dict)}
        unknown = [each for each in found.values() if isinstance(each, UnknownOutcome)]
        assert done <= set(self.tagged(store))
        assert len(done) + len(unknown) == 8

    def test_lines_of_a_file_that_was_not_run_say_so(self, store: Store) -> None:
        store.put(world(shoes(6), []))
        size = len(json.dumps(tagging(1)[0], separators=(",", ":"))) + 1
        store.fault(operation="POST /staged-uploads", kind="http", status=403, times=2)
        found = self.run(store, tagging(6), replace(BRIEF, file=2 * size))
        assert sum(isinstance(each, dict) for each in found.values()) == 2
        assert sum(isinstance(each, Transient) for each in found.values()) == 4
        assert len(self.tagged(store)) == 2

    def test_lines_of_a_file_that_may_have_been_run_are_unknown(self, store: Store) -> None:
        store.put(world(shoes(6), []))
        size = len(json.dumps(tagging(1)[0], separators=(",", ":"))) + 1
        store.fault(operation="bulkOperationRunMutation", kind="http", status=502, times=1)
        bulk = Bulk(store.http(), replace(BRIEF, file=2 * size))
        found = dict(bulk.mutate(inner.ADD_TAGS, tagging(6)))
        assert sum(isinstance(each, UnknownOutcome) for each in found.values()) == 2
        assert len(self.tagged(store)) == 4

    def test_a_shut_door_ends_all_files(self, store: Store) -> None:
        store.put(world(shoes(6), []))
        store.fault(operation="*", kind="http", status=423, times=-1)
        with pytest.raises(Unauthorised):
            self.run(store, tagging(6), replace(BRIEF, file=60))

    def test_that_never_ends_is_cancelled_and_unknown(self, store: Store) -> None:
        store.put(world(shoes(3), []))
        store.fault(operation="bulkMutation", kind="timeout_before")
        found = self.run(store, tagging(3))
        assert all(isinstance(each, UnknownOutcome) for each in found.values())
        assert len(store.calls("bulkOperationCancel")) == 1

    def test_whose_start_was_not_answered_is_found(self, store: Store) -> None:
        store.put(world(shoes(3), []))
        store.fault(operation="bulkOperationRunMutation", kind="lost_answer")
        assert all(isinstance(each, dict) for each in self.run(store, tagging(3)).values())
        assert len(ended(store, "MUTATION")) == 1

    def test_files_whose_starts_were_not_answered_are_not_mixed_up(self, store: Store) -> None:
        store.put(world(shoes(10), []))
        size = len(json.dumps(tagging(1)[0], separators=(",", ":"))) + 1
        store.fault(operation="bulkOperationRunMutation", kind="lost_answer", times=-1)
        lines = [*tagging(9), {"id": calls.gid("Product", 77), "tags": ["x"]}]
        found = self.run(store, lines, replace(BRIEF, file=3 * size))
        assert [number for number, each in found.items() if isinstance(each, Refused)] == [9]
        assert sum(isinstance(each, dict) for each in found.values()) == 9
        assert ended(store, "MUTATION") == ["COMPLETED"] * 4

    def test_is_not_started_twice_unless_it_may_be(self, store: Store) -> None:
        store.put(world(shoes(3), []))
        store.fault(operation="bulkOperationRunMutation", kind="http", status=502)
        with pytest.raises(UnknownOutcome):
            list(Bulk(store.http()).mutate(inner.ADD_TAGS, tagging(3)))
        assert len(store.calls("bulkOperationRunMutation")) == 1
        store.fault(operation="bulkOperationRunMutation", kind="http", status=502)
        assert all(isinstance(each, dict) for each in self.run(store, tagging(3)).values())

    @pytest.mark.parametrize(
        "fault",
        [
            {"operation": "stagedUploadsCreate", "kind": "lost_answer"},
            {"operation": "POST /staged-uploads", "kind": "http", "status": 503},
            {"operation": "POST /staged-uploads", "kind": "lost_answer"},
        ],
        ids=lambda fault: fault["kind"],
    )
    def test_an_upload_that_fails_for_a_moment_is_repeated(
        self, store: Store, fault: dict[str, object]
    ) -> None:
        store.put(world(shoes(3), []))
        store.fault(**fault)
        assert all(isinstance(each, dict) for each in self.run(store, tagging(3)).values())

    def test_an_upload_that_is_refused_is_an_error(self, store: Store) -> None:
        store.put(world(shoes(3), []))
        store.fault(operation="POST /staged-uploads", kind="http", status=403, times=-1)
        with pytest.raises(Refused, match="upload"):
            self.run(store, tagging(3))
        assert self.tagged(store) == []

    def test_writes_off_stages_and_uploads_nothing(self, store: Store) -> None:
        store.put(world(shoes(3), []))
        bulk = Bulk(store.http(writes_off=True))
        with pytest.raises(WritesOff):
            list(bulk.mutate(inner.ADD_TAGS, tagging(3), repeatable=True))
        assert store.sandbox.calls() == []
        assert store.seen == []

    def test_waits_for_a_place(self, store: Store) -> None:
        store.put(world(shoes(6), [], bulk_objects_per_second=0.5))
        small = len(json.dumps(tagging(1)[0], separators=(",", ":"))) + 1
        found = self.run(store, tagging(6), replace(BRIEF, file=small))
        assert all(isinstance(each, dict) for each in found.values())


# ------------------------------------------------------------------- the choice


class TestChoice:
    def slow(self, store: Store, seconds: float) -> None:
        """Let every answer take so long, by the clock."""

        def tamper(_: httpx.Request, response: httpx.Response) -> httpx.Response:
            store.sandbox.clock.advance(seconds)
            return response

        store.tampering = tamper

    def heads(self, store: Store, count: int) -> None:
        store.put(world([product(n, None) for n in range(1, count + 1)], []))

    def test_a_small_store_costs_what_its_pages_cost(self, store: Store) -> None:
        store.put(world(shoes(600), []))
        by_pages, by_itself = store.shop(path="pages"), store.shop()
        assert len(list(by_pages.products_without(MARK))) == len(list(by_itself.products_without(MARK)))
        assert by_itself.http.usage.points == by_pages.http.usage.points
        assert store.calls("productsCount") == []

    def test_a_large_one_is_counted_once_and_read_on_in_bulk(self, store: Store) -> None:
        self.heads(store, 6_000)
        self.slow(store, 0.8)
        shop = store.shop()
        assert [number for number, _ in shop.heads_without(MARK)] == list(range(1, 6_001))
        assert len(store.calls("products")) == 3
        assert len(store.calls("productsCount")) == 1
        assert ended(store) == ["COMPLETED"]

    def test_a_middling_one_is_counted_once_and_paged(self, store: Store) -> None:
        self.heads(store, 1_500)
        self.slow(store, 0.8)
        assert len(list(store.shop().heads_without(MARK))) == 1_500
        assert len(store.calls("productsCount")) == 1
        assert ended(store) == []

    def test_what_other_walks_cost_is_not_its_own(self, store: Store) -> None:
        self.heads(store, 1_500)
        shop = store.shop()
        walk = shop.heads_without(MARK)
        next(walk)
        shop.http.usage.add(points=1e6, seconds_waited=1e4)
        assert len(list(walk)) == 1_499
        assert store.calls("productsCount") == []

    def test_variants_that_do_not_fit_on_a_page_make_pages_dear(self, store: Store) -> None:
        def found(sizes: int) -> list[str]:
            products = [
                product(n, "X", *(variant(n * 20 + k, f"{n}-{k}", 1) for k in range(sizes)))
                for n in range(1, 901)
            ]
            store.put(world(products, []))
            self.slow(store, 1.0)
            assert len(ids(store.shop().products_without(MARK))) == 900
            return ended(store)

        assert found(10) == []
        assert found(11) == ["COMPLETED"]

    def test_skus_and_whole_products_are_chosen_for_too(self, store: Store) -> None:
        store.put(world([product(n, None, variant(n, f"s{n}", 1)) for n in range(1, 6_001)], []))
        self.slow(store, 1.0)
        shop = store.shop()
        assert [number for number, _ in shop.skus(None)] == list(range(1, 6_001))
        assert ids(shop.products_without(MARK)) == list(range(1, 6_001))
        assert ended(store) == ["COMPLETED", "COMPLETED"]

    def test_pages_bring_what_a_bulk_query_cannot(self, store: Store) -> None:
        self.heads(store, 6_000)
        self.slow(store, 0.8)
        store.fault(operation="bulkQuery", kind="partial", times=-1)
        assert [number for number, _ in store.shop().heads_without(MARK)] == list(range(1, 6_001))
        assert len(ended(store)) == 3

    def test_but_not_what_the_token_may_not_see(self, store: Store) -> None:
        self.heads(store, 6_000)
        self.slow(store, 0.8)
        store.fault(operation="bulkQuery", kind="graphql_error", code="ACCESS_DENIED", times=-1)
        with pytest.raises(Unauthorised):
            list(store.shop().heads_without(MARK))

    def test_a_count_that_fails_leaves_the_pages(self, store: Store) -> None:
        self.heads(store, 6_000)
        self.slow(store, 0.8)
        store.fault(operation="productsCount", kind="http", status=422, times=-1)
        assert len(list(store.shop().heads_without(MARK))) == 6_000
        assert ended(store) == []


# ----------------------------------------------------------------------- orders


class TestOrders:
    NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def orders(self, count: int, minutes: float = 2) -> list[World]:
        """Orders of one line each, the newest first; every seventh is cancelled, every ninth a test."""
        return [
            {
                "id": n,
                "created_at": (self.NOW - n * timedelta(minutes=minutes)).isoformat(),
                "lines": [{"variant_id": 101, "quantity": n}, {"quantity": 1}],
                "cancelled_at": self.NOW.isoformat() if n % 7 == 0 else None,
                "test": n % 9 == 0,
            }
            for n in range(1, count + 1)
        ]

    def put(self, store: Store, count: int, minutes: float = 2, **shop: object) -> None:
        store.sandbox.clock.set(self.NOW)
        store.put(world(shoes(1), [], orders=self.orders(count, minutes), **shop))

    @pytest.mark.parametrize("order", ["kept", "shuffled"])
    def test_beyond_a_thousand_come_by_one_bulk_query(self, order: str) -> None:
        with Sandbox(switches={"bulk_order": order}) as sandbox:
            store = Store(sandbox)
            self.put(store, 1_600)
            since = self.NOW - timedelta(minutes=3_000)
            found = store.shop().order_lines(since)
            pages = store.shop(path="pages").order_lines(since)
            assert found == pages
            assert ended(store) == ["COMPLETED"]
            numbers = [each.order_id for each in found]
            assert len(numbers) == len(set(numbers))
            assert max(numbers) == 1_500

    def test_of_a_thousand_come_by_pages(self, store: Store) -> None:
        self.put(store, NEWEST_ORDERS)
        store.shop().order_lines(self.NOW - timedelta(days=30))
        assert ended(store) == []
        assert len(store.calls("orders")) == 10

    def test_so_young_that_no_search_knows_them_come_by_pages(self, store: Store) -> None:
        self.put(store, 1_400, minutes=0.001, search_lag_seconds=300)
        found = store.shop().order_lines(self.NOW - timedelta(minutes=5))
        assert len(found) == sum(1 for n in range(1, 1_401) if n % 7 and n % 9)
        assert ended(store) == []

    def test_come_by_pages_if_the_bulk_query_fails(self, store: Store) -> None:
        self.put(store, 1_600)
        store.fault(operation="bulkQuery", kind="graphql_error", times=-1)
        since = self.NOW - timedelta(minutes=3_000)
        assert store.shop().order_lines(since) == store.shop(path="pages").order_lines(since)
        assert len(ended(store)) == 3

    def test_without_a_right_are_unauthorised(self, store: Store) -> None:
        self.put(store, 1_600)
        store.fault(operation="bulkQuery", kind="graphql_error", code="ACCESS_DENIED")
        with pytest.raises(Unauthorised):
            store.shop().order_lines(self.NOW - timedelta(days=30))

    def test_of_both_ways_are_taken_once(self, store: Store) -> None:
        self.put(store, 1_200, minutes=1)
        found = store.shop().order_lines(self.NOW - timedelta(days=30))
        assert sum(each.quantity for each in found) == sum(n for n in range(1, 1_201) if n % 7 and n % 9)
