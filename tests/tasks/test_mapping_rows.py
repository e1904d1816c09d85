"""Tables of mappings as people send them: every mistake named with its line, and no number ever rounded."""

import csv
import io
import random
import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import ConfigurationError
from tasks.mapping_rows import COLUMNS, MOST_BYTES, BadRow, MappingRow, read_rows

PARTNERS = {
    "boots.example": "boots.example",
    "https://boots.example": "boots.example",
    "hats.example": "hats.example",
}
HEADER = ",".join(COLUMNS)
BIGGEST = 2**63 - 1


def read(*lines: str, header: str = HEADER) -> tuple[list[MappingRow], list[BadRow]]:
    return read_rows("\n".join([header, *lines, ""]).encode(), PARTNERS)


def good(line: str, header: str = HEADER) -> MappingRow:
    [row], bad = read(line, header=header)
    assert bad == []
    return row


def complaint(line: str, header: str = HEADER) -> BadRow:
    rows, [bad] = read(line, header=header)
    assert rows == []
    return bad


class TestGoodRows:
    def test_say_what_they_say(self) -> None:
        row = good(
            "Boots.example ,11,gid://shopify/ProductVariant/21,no,1|gid://shopify/Location/2,3,at_once"
        )
        assert row == MappingRow(2, "boots.example", 11, 21, False, (1, 2), 3, "at_once")

    def test_take_what_is_usual_for_blanks_and_columns_left_out(self) -> None:
        assert good("boots.example,11,21,,,,") == MappingRow(2, "boots.example", 11, 21)
        short = "own_variant_id,partner_shop,partner_variant_id"
        assert good("21,https://boots.example/,11", short) == MappingRow(2, "boots.example", 11, 21)

    def test_keep_ids_that_no_float_can(self) -> None:
        assert good(f"boots.example,{BIGGEST},9007199254740993,,,,").own_variant == 9007199254740993
        assert good(f"boots.example,{BIGGEST},1,,,,").partner_variant == BIGGEST

    @pytest.mark.parametrize(
        ("written", "encoding"),
        [("\n", "utf-8"), ("\r\n", "utf-8-sig"), ("\n", "utf-8-sig"), ("\r", "utf-8")],
    )
    @pytest.mark.parametrize("delimiter", [",", ";"])
    def test_come_in_several_forms(self, written: str, encoding: str, delimiter: str) -> None:
        lines = [HEADER, "boots.example,11,21,,,,", "", ",,,,,,", "boots.example,12,22,,,,", ""]
        text = written.join(line.replace(",", delimiter) for line in lines)
        rows, bad = read_rows(text.encode(encoding), PARTNERS)

        assert [(row.line, row.own_variant) for row in rows] == [(2, 21), (5, 22)]
        assert bad == []

    def test_may_have_notes_and_quotes(self) -> None:
        header = f"{HEADER},sums,partner_sku,own_sku"
        row = good('boots.example,11,21,,"1,2",,,true,"=HYPERLINK(""x"")","a\nb"', header)
        assert (row.locations, row.sums) == ((1, 2), True)


class TestBadRows:
    @pytest.mark.parametrize(
        ("line", "column", "reason"),
        [
            ("nobody.example,11,21,,,,", "partner_shop", "no such partner"),
            ("boot.example,11,21,,,,", "partner_shop", "did you mean boots.example"),
            (",11,21,,,,", "partner_shop", "no such partner"),
            ("boots.example,,21,,,,", "partner_variant_id", "is no id"),
            ("boots.example,0,21,,,,", "partner_variant_id", "is no id"),
            ("boots.example,011,21,,,,", "partner_variant_id", "is no id"),
            ("boots.example,-11,21,,,,", "partner_variant_id", "is no id"),
            ("boots.example,11.0,21,,,,", "partner_variant_id", "is no id"),
            ("boots.example,１１,21,,,,", "partner_variant_id", "is no id"),  # noqa: RUF001
            ("boots.example,=11,21,,,,", "partner_variant_id", "is no id"),
            ('boots.example,"=""11""",21,,,,', "partner_variant_id", "is no id"),
            ("boots.example,gid://shopify/Product/11,21,,,,", "partner_variant_id", "is no id"),
            ("boots.example,4.2E+13,21,,,,", "partner_variant_id", "rounded"),
            ('boots.example,"4,2e13",21,,,,', "partner_variant_id", "rounded"),
            (f"boots.example,11,{BIGGEST + 1},,,,", "own_variant_id", "too large"),
            (f"boots.example,11,{'9' * 5000},,,,", "own_variant_id", "too large"),
            ("boots.example,11,21,maybe,,,", "active", "true or false"),
            ("boots.example,11,21,,Main,,", "locations", "is no id"),
            ("boots.example,11,21,,1 1,,", "locations", "twice"),
            ("boots.example,11,21,,,-1,", "buffer", "whole number"),
            ("boots.example,11,21,,,1.5,", "buffer", "whole number"),
            ("boots.example,11,21,,,1000001,", "buffer", "more than"),
            ("boots.example,11,21,,,99999999999999999999,", "buffer", "whole number"),
            ("boots.example,11,21,,,,soon", "orders_known", "at_shipping"),
            ("boots.example,11,21,,,,10081", "orders_known", "at_shipping"),
            ("boots.example,1\x001,21,,,,", "partner_variant_id", "control character"),
            ("boots.example,11,21,,,,\x1b[2J", "orders_known", "control character"),
            ("boots.example,11,21", "", "3 cells under 7 columns"),
            ("boots.example,11,21,,,,,", "", "8 cells under 7 columns"),
        ],
    )
    def test_are_named(self, line: str, column: str, reason: str) -> None:
        bad = complaint(line)
        assert (bad.line, bad.column) == (2, column)
        assert reason in bad.reason
        assert len(bad.value) <= 61
        assert bad.value.isprintable()

    def test_do_not_spoil_the_others(self) -> None:
        rows, bad = read("boots.example,11,21,,,,", "x", "boots.example,12,22,,,,")
        assert [row.line for row in rows] == [2, 4]
        assert [each.line for each in bad] == [3]


class TestContradictions:
    def test_a_row_that_is_there_twice_counts_once(self) -> None:
        rows, [bad] = read("boots.example,11,21,,,,", "boots.example,11,21,yes,,0,")
        assert [row.line for row in rows] == [2]
        assert (bad.line, "line 2 already" in bad.reason) == (3, True)

    def test_of_two_that_say_different_things_none_counts(self) -> None:
        rows, bad = read("boots.example,11,21,,,,", "boots.example,11,22,,,,", "boots.example,12,23,,,,")
        assert [row.line for row in rows] == [4]
        assert [each.line for each in bad] == [2, 3]

    def test_the_same_variant_of_two_partners_is_two(self) -> None:
        rows, bad = read("boots.example,11,21,,,,", "hats.example,11,22,,,,")
        assert (len(rows), bad) == (2, [])

    def test_an_own_variant_has_one_feeder_unless_all_say_that_they_sum(self) -> None:
        header = f"{HEADER},sums"
        first, second = "boots.example,11,21,,,,,", "hats.example,12,21,,,,,"
        assert [each.line for each in read(first, second, header=header)[1]] == [2, 3]
        assert [each.line for each in read(f"{first}1", second, header=header)[1]] == [2, 3]
        assert read(f"{first}1", f"{second}1", header=header)[1] == []

    def test_what_is_switched_off_feeds_nothing(self) -> None:
        assert read("boots.example,11,21,,,,", "hats.example,12,21,no,,,")[1] == []


class TestFiles:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "is empty"),
            (b"\xef\xbb\xbf\r\n \r\n", "is empty"),
            (HEADER.encode(), "no row"),
            (f"{HEADER}\n,,,,,,\n".encode(), "no row"),
            (HEADER.encode("utf-16"), "UTF-16"),
            (f"{HEADER}\nboots.example,11,21,,,,caf\xe9".encode("latin-1"), "line 2 is not UTF-8"),
            (b"PK\x03\x04\xff\xff", "is not UTF-8"),
            (b"partner_shop,partner_variant_id\nboots.example,11", "own_variant_id is missing"),
            (f"{HEADER},buffer\n".encode(), "buffer is there twice"),
            (f"{HEADER},\n".encode(), "unknown column (blank)"),
            (f"{HEADER},sum\n".encode(), "orders_known, sums, partner_sku, own_sku"),
            (b"partner_shop,partner_variant_id,own_variant_id,bufer\n", "did you mean buffer"),
            (b"boots.example,11,21,,,,\n", "unknown column"),
            (f'{HEADER}\nboots.example,11,"21,,,,\nboots.example,12,22'.encode(), "line 2 cannot be read"),
            (f"{HEADER}\nboots.example,11,{'9' * 200_000},,,,".encode(), "line 2 cannot be read"),
        ],
    )
    def test_that_cannot_be_trusted_are_refused_whole(self, content: bytes, reason: str) -> None:
        with pytest.raises(ConfigurationError, match=r"^[^\n]*$") as caught:
            read_rows(content, PARTNERS)
        assert reason in str(caught.value)

    def test_that_are_too_large_are_not_read(self) -> None:
        with pytest.raises(ConfigurationError, match="larger than 50 MB"):
            read_rows(bytes(MOST_BYTES + 1), PARTNERS)


IDS = st.integers(1, BIGGEST)
ROWS = st.lists(
    st.tuples(IDS, IDS), min_size=1, max_size=20, unique_by=(lambda each: each[0], lambda each: each[1])
)


@given(
    ROWS,
    st.sampled_from([",", ";"]),
    st.sampled_from(["", "gid://shopify/ProductVariant/"]),
    st.randoms(use_true_random=False),
)
def test_what_is_written_is_read(
    pairs: list[tuple[int, int]],
    delimiter: str,
    prefix: str,
    chance: random.Random,
) -> None:
    columns = list(COLUMNS)
    chance.shuffle(columns)
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, delimiter=delimiter, restval="")
    writer.writeheader()
    for theirs, own in pairs:
        row = {
            "partner_shop": "boots.example",
            "partner_variant_id": f"{prefix}{theirs}",
            "own_variant_id": str(own),
        }
        writer.writerow(row)
    rows, bad = read_rows(file.getvalue().encode(), PARTNERS)

    assert [(row.partner_variant, row.own_variant) for row in rows] == pairs
    assert bad == []


CELL = st.one_of(
    st.sampled_from(["boots.example", "11", "21", "", "1e5", '"', "=1", "true", "\x00", "\r"]),
    st.text(string.printable, max_size=6),
)


@given(st.lists(st.lists(CELL, max_size=9).map(",".join), max_size=6))
def test_whatever_is_written_is_taken_or_told(lines: list[str]) -> None:
    try:
        rows, bad = read_rows("\n".join([HEADER, *lines]).encode(), PARTNERS)
    except ConfigurationError:
        return
    assert len({row.key for row in rows}) == len(rows)
    assert not {row.line for row in rows} & {each.line for each in bad}
    assert all(each.reason and each.value.isprintable() for each in bad)


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_told(content: bytes) -> None:
    with suppress(ConfigurationError):
        read_rows(content, PARTNERS)
