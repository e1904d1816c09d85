"""Which row speaks for which variant."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.folding import fold
from tasks.matching import ShopIndex, Sku, rows_of, truth_of, units
from tests.tasks.samples import row

spellings = st.sampled_from(["a", "A", " a", "\u00c5", "A\u030a", "b", "", " ", None])


class TestShopIndex:
    @given(st.lists(st.tuples(st.integers(1, 6), spellings)))
    def test_finds_every_pair_of_twins_in_any_order(self, found: list[tuple[int, str | None]]) -> None:
        variants = dict(found)
        shop, backwards = ShopIndex(), ShopIndex()
        for number, sku in variants.items():
            shop.add(Sku(number, sku))
        for number, sku in reversed(variants.items()):
            backwards.add(Sku(number, sku))
            backwards.add(Sku(number, sku))
        for sku in variants.values():
            if not sku or not fold(sku):
                continue
            same = [other for other in variants.values() if other and fold(other) == fold(sku)]
            expected = sorted(same) if len(same) > 1 else []
            assert sorted(shop.spellings(fold(sku))) == expected
            assert sorted(backwards.spellings(fold(sku))) == expected

    def test_blank_skus_are_no_twins(self) -> None:
        shop = ShopIndex()
        for number, sku in enumerate(["", None, " ", "\ufeff"]):
            shop.add(Sku(number, sku))
        assert shop.spellings("") == ()
        assert not shop.first


class TestTruth:
    def test_is_found_under_any_spelling_of_its_own_ccod(self) -> None:
        truth = truth_of([row("24x104-37 ", 3), row("24X104-37", 4, ccod="other")])
        assert [each.quantity for each in rows_of(truth.skus(" 24x104").get("24x104-37"))] == [3]
        assert rows_of(truth.skus("none").get("24x104-37")) == ()

    @given(st.lists(st.tuples(st.sampled_from(["x", "X", "y"]), st.sampled_from(["a", "A", "b"]))))
    def test_keeps_every_row(self, pairs: list[tuple[str, str]]) -> None:
        rows = [row(sku, 1, item=number, ccod=ccod) for number, (ccod, sku) in enumerate(pairs)]
        truth = truth_of(rows)
        kept = [each for ccod in ("x", "y") for claim in truth.skus(ccod).values() for each in rows_of(claim)]
        assert sorted(each.item_id for each in kept) == list(range(len(rows)))


class TestUnits:
    @pytest.mark.parametrize(
        ("quantity", "count", "note"),
        [
            ("7", 7, ""),
            ("7.0", 7, ""),
            ("1E+2", 100, ""),
            ("-0", 0, ""),
            ("-3", 0, "negative"),
            ("2.5", 2, "fractional"),
            ("-2.5", 0, "negative"),
            ("0.999", 0, "fractional"),
        ],
    )
    def test_sell_as_stated(self, quantity: str, count: int, note: str) -> None:
        there = units(row("a", quantity))
        assert there is not None
        assert (there.count, there.note, there.exact) == (count, note, not note)

    @given(st.decimals(min_value=-(10**9), max_value=10**9, places=3), st.booleans())
    def test_are_never_more_than_there_is(self, quantity: Decimal, is_text: bool) -> None:  # noqa: FBT001
        there = units(row("a", str(quantity), is_text=is_text))
        assert there is not None
        assert there.count <= max(Decimal(0), quantity) < there.count + 1
        assert there.exact == (quantity == there.count and not is_text)

    @pytest.mark.parametrize("quantity", [None, "NaN", "sNaN", "Infinity", "-Infinity"])
    def test_of_no_number_are_none(self, quantity: str | None) -> None:
        assert units(row("a", quantity)) is None
