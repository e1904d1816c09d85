from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.shopify.paging import Connection, Cursor, PagingError, connection, decode, encode

ROWS = [(name, number) for number, name in enumerate("bbaccd", start=1)]
ORDERED = sorted(ROWS)


def _key(row: tuple[str, int]) -> tuple[str, int]:
    return row


def _walk(items: list[tuple[str, int]], size: int, **options: Any) -> Iterator[list[tuple[str, int]]]:  # noqa: ANN401
    after: str | None = None
    while True:
        page = connection(items, size, after, key=_key, **options)
        yield list(page.nodes)
        if not page.pageInfo.hasNextPage:
            return
        after = page.pageInfo.endCursor


@given(
    st.sets(st.tuples(st.text(max_size=2), st.integers(1, 99)), max_size=40), st.integers(1, 9), st.booleans()
)
def test_a_walk_sees_everything_once_and_in_order(
    rows: set[tuple[str, int]],
    size: int,
    reverse: bool,  # noqa: FBT001
) -> None:
    items = sorted(rows)
    pages = list(_walk(items, size, reverse=reverse))
    assert [row for page in pages for row in page] == sorted(rows, reverse=reverse)
    assert all(len(page) == size for page in pages[:-1])


@given(st.sets(st.tuples(st.text(max_size=1), st.integers(1, 99)), max_size=40), st.integers(1, 9))
def test_walks_forth_and_back_agree(rows: set[tuple[str, int]], size: int) -> None:
    items, before, found = sorted(rows), None, list[tuple[str, int]]()
    while True:
        page = connection(items, last=size, before=before, key=_key)
        found = [*page.nodes, *found]
        if not page.pageInfo.hasPreviousPage:
            break
        before = page.pageInfo.startCursor
    assert found == items


def test_a_test_picks_the_objects() -> None:
    assert list(_walk(ORDERED, 2, where=lambda row: row[0] in "bd")) == [[("b", 1), ("b", 2)], [("d", 6)]]


def test_no_more_objects_are_looked_at_than_needed() -> None:
    seen = list[int]()

    def look(row: tuple[str, int]) -> bool:
        seen.append(row[1])
        return True

    rows = [("", number) for number in range(1_000)]
    page = connection(rows, 2, encode(Cursor("", 499)), key=_key, where=look)
    assert list(page.nodes) == [("", 500), ("", 501)]
    assert seen == [500, 501, 502]


def test_edges_and_page_info_point_at_the_same_places() -> None:
    page = connection(ORDERED, 2, key=_key)
    assert [edge.node for edge in page.edges] == list(page.nodes)
    assert page.pageInfo.startCursor == page.edges[0].cursor
    assert page.pageInfo.endCursor == page.edges[-1].cursor
    assert not page.pageInfo.hasPreviousPage


def test_an_empty_page_has_no_places() -> None:
    page: Connection[tuple[str, int]] = connection([], 5, key=_key)
    assert (page.pageInfo.hasNextPage, page.pageInfo.startCursor, page.pageInfo.endCursor) == (
        False,
        None,
        None,
    )


def test_a_page_of_nothing_still_says_that_there_is_more() -> None:
    page = connection(ORDERED, 0, key=_key)
    assert list(page.nodes) == []
    assert page.pageInfo.hasNextPage


def test_a_row_that_goes_during_a_walk_skips_none() -> None:
    page = connection(ORDERED, 2, key=_key)
    left = [row for row in ORDERED if row not in page.nodes]
    assert list(connection(left, 9, page.pageInfo.endCursor, key=_key).nodes) == left


@pytest.mark.parametrize("text", ["", "no", "e30=", "bnVsbA==", "W10=", "%%%"])
def test_texts_that_are_no_cursor(text: str) -> None:
    with pytest.raises(PagingError):
        decode(text)


def test_a_cursor_of_another_sort_is_refused() -> None:
    with pytest.raises(PagingError):
        connection(ORDERED, 2, encode(Cursor(17, 3)), key=_key)


@given(st.one_of(st.text(), st.integers(), st.none()), st.integers(0), st.integers(0))
def test_cursors_survive_their_text(value: object, number: int, depth: int) -> None:
    assert decode(encode(Cursor(value, number, depth))) == Cursor(value, number, depth)


def test_a_search_ends_at_its_depth() -> None:
    rows = [("", number) for number in range(10)]
    first = connection(rows, 4, key=_key, max_depth=6)
    second = connection(rows, 4, first.pageInfo.endCursor, key=_key, max_depth=6)
    assert [row[1] for row in second.nodes] == [4, 5]
    assert second.pageInfo.hasNextPage
    with pytest.raises(PagingError):
        connection(rows, 4, second.pageInfo.endCursor, key=_key, max_depth=6)
