"""How RMS's rows are understood: exactly, or not at all."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.folding import fold
from connectors.records import RmsRow
from connectors.rms import readers as hear

NOON = datetime(2026, 11, 20, 12, 0)  # noqa: DTZ001 - RMS keeps the till's own time, without a zone

ROWS = st.builds(
    RmsRow,
    ccod=st.sampled_from(["A", "a ", "B"]),
    sku=st.sampled_from(["", "A-1", "a-1", "A-2"]),
    item_id=st.integers(0, 4),
    quantity=st.sampled_from([None, Decimal(1), Decimal(2)]),
    is_text=st.just(False),
    last_updated=st.none(),
)


def row(
    item_id: int = 1, quantity: int = 3, *, ccod: str = "24X104", sku: str = "24X104-37", at: datetime = NOON
) -> RmsRow:
    return RmsRow(ccod, sku, item_id, Decimal(quantity), is_text=False, last_updated=at)


class TestQuantity:
    @pytest.mark.parametrize(
        ("stored", "meant"),
        [
            (3, "3"),
            (-2, "-2"),
            (2.3, "2.3"),
            (0.1 + 0.2, "0.30000000000000004"),
            (Decimal("4.50"), "4.50"),
            ("7", "7"),
            (" -7.5 ", "-7.5"),
        ],
    )
    def test_is_exactly_what_is_stored(self, stored: object, meant: str) -> None:
        assert str(hear.quantity_of(stored)) == meant

    @pytest.mark.parametrize(
        "stored",
        [None, True, False, "n/a", "", "1,5", "1e3", "1_000", "0x1F", "٣", "NaN", b"3",
         float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"), datetime(2026, 1, 1, tzinfo=UTC)],
    )  # fmt: skip
    def test_is_unknown_when_it_is_no_number(self, stored: object) -> None:
        assert hear.quantity_of(stored) is None

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_of_a_float_loses_nothing(self, stored: float) -> None:
        quantity = hear.quantity_of(stored)
        assert quantity is not None
        assert float(quantity) == stored

    @given(st.one_of(st.none(), st.booleans(), st.text(), st.binary(), st.floats(), st.decimals()))
    def test_never_fails(self, stored: object) -> None:
        quantity = hear.quantity_of(stored)
        assert quantity is None or quantity.is_finite()


class TestRow:
    def test_reads_each_column(self) -> None:
        assert hear.row_of(("24X104", "24X104-37", 3, 1, NOON)) == row()

    def test_says_when_a_quantity_was_text(self) -> None:
        assert hear.row_of(("A", "A-1", "3", 1, None)).is_text
        assert not hear.row_of(("A", "A-1", 3, 1, None)).is_text

    def test_keeps_a_row_without_sku_or_ccod(self) -> None:
        read = hear.row_of((None, None, None, None, None))
        assert read == RmsRow("", "", hear.NO_ITEM, None, is_text=False, last_updated=None)

    @pytest.mark.parametrize(("stored", "meant"), [(37, "37"), (37.0, "37"), (37.5, "37.5"), (" a ", " a ")])
    def test_shows_a_code_as_stored(self, stored: object, meant: str) -> None:
        assert hear.text_of(stored) == meant

    @pytest.mark.parametrize(
        ("stored", "meant"),
        [(5, 5), (5.0, 5), (Decimal(5), 5), ("5", 5), (True, 0), (5.5, 0),
         ("x", 0), (None, 0), (Decimal("NaN"), 0)],
    )  # fmt: skip
    def test_takes_no_item_id_but_a_whole_number(self, stored: object, meant: int) -> None:
        assert hear.item_id_of(stored) == meant

    @pytest.mark.parametrize(
        ("stored", "meant"),
        [(NOON, NOON), ("2026-11-20T12:00:00", NOON), ("2026-11-20 12:00", NOON), ("soon", None), (5, None)],
    )
    def test_reads_moments_as_drivers_give_them(self, stored: object, meant: datetime | None) -> None:
        assert hear.moment_of(stored) == meant


class TestAnswer:
    def test_keeps_identical_rows_once_and_counts_them(self) -> None:
        assert hear.answer_of([row(), row(), row(2), row()]) == hear.RmsAnswer(
            (row(), row(2)), frozenset(), 2
        )

    @pytest.mark.parametrize(
        "other", [row(quantity=4), row(ccod="24X105"), row(sku="24X104-38"), row(at=NOON.replace(minute=1))]
    )
    def test_an_item_read_twice_with_different_content_is_torn(self, other: RmsRow) -> None:
        assert hear.answer_of([row(), other]).torn == {1}

    def test_a_torn_item_stays_under_each_of_its_skus_once(self) -> None:
        answer = hear.answer_of([row(), row(quantity=4), row(sku="OTHER")])
        assert [kept.sku for kept in answer.rows] == ["24X104-37", "OTHER"]

    def test_rows_without_an_item_are_kept_and_never_trusted(self) -> None:
        answer = hear.answer_of([row(0), row(0, 9), row(0, sku="OTHER")])
        assert len(answer.rows) == 3
        assert answer.torn == {hear.NO_ITEM}

    @given(st.lists(ROWS), st.randoms(use_true_random=False))
    def test_does_not_depend_on_the_order_for_what_it_trusts(
        self, rows: list[RmsRow], random: object
    ) -> None:
        shuffled = sorted(rows, key=lambda _: random.random())  # type: ignore[attr-defined]
        one, other = hear.answer_of(rows), hear.answer_of(shuffled)
        assert one.torn == other.torn
        assert trusted(one) == trusted(other)
        assert one.repeats == other.repeats == len(rows) - len(set(rows))

    @given(st.lists(ROWS))
    def test_loses_no_sku(self, rows: list[RmsRow]) -> None:
        kept = {(fold(each.ccod), fold(each.sku)) for each in hear.answer_of(rows).rows}
        assert kept == {(fold(each.ccod), fold(each.sku)) for each in rows}


def trusted(answer: hear.RmsAnswer) -> set[RmsRow]:
    return {each for each in answer.rows if each.item_id not in answer.torn}


class TestTwins:
    def test_are_items_that_claim_one_sku_in_any_spelling(self) -> None:
        found = hear.twins_in([row(1), row(2, sku="24x104-37 "), row(3, sku="24X104-38")])
        assert found == (("24X104 24X104-37 (1)", "24X104 24x104-37  (2)"),)

    def test_blank_skus_are_no_twins(self) -> None:
        assert hear.twins_in([row(1, sku=""), row(2, sku=" ")]) == ()
