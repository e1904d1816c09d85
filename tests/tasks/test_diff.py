"""The comparison: one line for every variant, and every way in which a level is left alone."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.folding import fold
from connectors.records import Level, Product, Quantities, RmsRow, Variant
from tasks import diff
from tasks.diff import Known, Policy
from tasks.matching import ShopIndex, Truth, rows_of, truth_of
from tasks.plan import Line, Outcome
from tests.tasks.samples import level, product, quantities, row, variant

SKU = "24X104-37"


def index(products: Iterable[Product]) -> ShopIndex:
    shop = ShopIndex()
    for each in products:
        for owned in each.variants:
            shop.add(owned)
    return shop


def compare(
    *products: Product, rows: Iterable[RmsRow] = (), policy: Policy | None = None, known: Known | None = None
) -> list[Line]:
    known = known or Known(truth_of(rows), index(products))
    return list(diff.stock(products, replace(known, policy=policy or known.policy)))


def one(at: Level | None, *rows: RmsRow, policy: Policy | None = None, tracked: bool = True) -> Line:
    (line,) = compare(product(variant(1, SKU, at, tracked=tracked)), rows=rows, policy=policy)
    return line


class TestVerdict:
    @pytest.mark.parametrize(
        ("shown", "asked", "outcome"),
        [(5, 3, None), (3, 5, None), (5, 0, None), (-2, 0, None), (5, 5, Outcome.UNCHANGED)],
    )
    def test_a_difference_is_open_and_a_match_is_not(
        self, shown: int, asked: int, outcome: Outcome | None
    ) -> None:
        line = one(level(shown), row(SKU, asked))
        assert (line.outcome, line.shown, line.wanted, line.truth) == (outcome, shown, asked, Decimal(asked))
        assert line.rms_item_id == 7
        assert line.baseline == quantities(shown)

    @pytest.mark.parametrize(
        ("at", "rows", "outcome", "reason"),
        [
            pytest.param(level(5), [], Outcome.UNKNOWN, "not_in_rms", id="RMS forgot it"),
            pytest.param(level(5), [row(SKU, None)], Outcome.UNKNOWN, "unreadable_quantity", id="NULL"),
            pytest.param(level(5), [row(SKU, "NaN")], Outcome.UNKNOWN, "unreadable_quantity", id="NaN"),
            pytest.param(
                level(5), [row(SKU, "Infinity")], Outcome.UNKNOWN, "unreadable_quantity", id="infinite"
            ),
            pytest.param(
                level(5), [row(SKU, 3), row(SKU, 3, item=8)], Outcome.REFUSED, "twin_in_rms", id="twins"
            ),
            pytest.param(
                Level(True, None), [row(SKU, 3)], Outcome.UNKNOWN, "level_unreadable", id="no number"
            ),
            pytest.param(None, [row(SKU, 3)], Outcome.REFUSED, "missing_level", id="not stocked"),
            pytest.param(
                level(0, active=False), [row(SKU, 3)], Outcome.REFUSED, "inactive_level", id="inactive"
            ),
            pytest.param(None, [row(SKU, 0)], Outcome.UNCHANGED, "missing_level", id="nothing to stock"),
            pytest.param(
                level(4, active=False), [row(SKU, 0)], Outcome.UNCHANGED, "inactive_level", id="cannot sell"
            ),
        ],
    )
    def test_what_is_not_known_or_not_ours_is_left_alone(
        self, at: Level | None, rows: list[RmsRow], outcome: Outcome, reason: str
    ) -> None:
        line = one(at, *rows)
        assert (line.outcome, line.reason) == (outcome, reason)

    @pytest.mark.parametrize("sku", [None, "", "  ", "\u00a0\ufeff"])
    def test_a_variant_without_sku_is_unknown(self, sku: str | None) -> None:
        (line,) = compare(product(variant(1, sku, level(5))), rows=[row("", 3)])
        assert (line.outcome, line.reason) == (Outcome.UNKNOWN, "no_sku")

    def test_an_untracked_item_is_refused(self) -> None:
        line = one(level(5), row(SKU, 3), tracked=False)
        assert (line.outcome, line.reason) == (Outcome.REFUSED, "untracked")

    def test_a_row_that_changed_while_it_was_read_is_unknown(self) -> None:
        shoe = product(variant(1, SKU, level(5)))
        known = Known(truth_of([row(SKU, 3)], frozenset({7})), index([shoe]))
        (line,) = compare(shoe, known=known)
        assert (line.outcome, line.reason, line.truth) == (Outcome.UNKNOWN, "changed_while_reading", None)

    def test_an_unreachable_truth_makes_every_level_unknown(self) -> None:
        shoe = product(variant(1, SKU, level(5)), variant(2, "other", level(0)))
        known = Known(Truth({}), index([shoe]), unreachable="rms_unreachable")
        assert {(each.outcome, each.reason) for each in compare(shoe, known=known)} == {
            (Outcome.UNKNOWN, "rms_unreachable")
        }


class TestQuantity:
    @pytest.mark.parametrize(
        ("quantity", "is_text", "wanted", "exact", "note"),
        [
            ("3", False, 3, True, ""),
            ("3.000", False, 3, True, ""),
            ("0", False, 0, True, ""),
            ("-4", False, 0, False, "negative"),
            ("-0.5", False, 0, False, "negative"),
            ("2.9", False, 2, False, "fractional"),
            ("0.5", False, 0, False, "fractional"),
            ("3", True, 3, False, "text"),
            ("0", True, 0, False, "text"),
        ],
    )
    def test_sells_as_stated_but_only_a_whole_number_proves_anything(
        self, *, quantity: str, is_text: bool, wanted: int, exact: bool, note: str
    ) -> None:
        line = one(level(9), row(SKU, quantity, is_text=is_text))
        assert (line.outcome, line.wanted, line.exact, line.note) == (None, wanted, exact, note)

    def test_units_that_rms_cannot_have_booked_are_taken_off(self) -> None:
        """RMS 12, shop 7, three sold two minutes ago with a delay of fifteen: 9."""
        shoe = product(variant(1, SKU, level(7, 3)))
        known = Known(truth_of([row(SKU, 12)]), index([shoe]), unbooked={1: 3})
        (line,) = compare(shoe, known=known)
        assert (line.wanted, line.truth, line.unbooked) == (9, Decimal(12), 3)

    def test_more_unbooked_than_there_is_leaves_nothing_and_proves_nothing(self) -> None:
        shoe = product(variant(1, SKU, level(0, 3)))
        known = Known(truth_of([row(SKU, 2)]), index([shoe]), unbooked={1: 3})
        (line,) = compare(shoe, known=known)
        assert (line.outcome, line.wanted, line.zero_candidate) == (Outcome.UNCHANGED, 0, False)

    def test_on_hand_counts_what_is_promised_but_still_there(self) -> None:
        policy = Policy(quantity_name="on_hand")
        line = one(level(9, 3), row(SKU, 12), policy=policy)
        assert (line.outcome, line.shown) == (Outcome.UNCHANGED, 12)
        assert one(level(9, 3), row(SKU, 11), policy=policy).falls == 1

    def test_shown_is_of_the_runs_quantity_on_lines_without_a_truth_too(self) -> None:
        assert one(level(9, 3), policy=Policy(quantity_name="on_hand")).shown == 12


class TestLevelThatIsMissing:
    ACTIVATE = Policy(missing_level="activate")

    @pytest.mark.parametrize("at", [None, level(4, active=False)])
    def test_is_woken_from_nothing_where_the_merchant_wants_it(self, at: Level | None) -> None:
        line = one(at, row(SKU, 3), policy=self.ACTIVATE)
        assert (line.outcome, line.activate, line.shown, line.wanted) == (None, True, 0, 3)
        assert line.baseline == (at.quantities if at else quantities(0))

    def test_is_not_woken_for_nothing(self) -> None:
        assert one(None, row(SKU, 0), policy=self.ACTIVATE).outcome is Outcome.UNCHANGED

    def test_never_makes_a_deletion_candidate(self) -> None:
        assert not one(None, row(SKU, 0)).zero_candidate
        assert not one(level(0, active=False), row(SKU, 0)).zero_candidate


class TestCandidate:
    def test_is_open_even_at_zero(self) -> None:
        line = one(level(0), row(SKU, 0))
        assert (line.outcome, line.zero_candidate) == (None, True)

    def test_is_nobody_when_deleting_is_off(self) -> None:
        policy = Policy(delete_zero_stock=False)
        assert one(level(0), row(SKU, 0), policy=policy).outcome is Outcome.UNCHANGED
        assert not one(level(3), row(SKU, 0), policy=policy).zero_candidate

    @pytest.mark.parametrize("rows", [[], [row(SKU, None)], [row(SKU, 0), row(SKU, 0, item=8)]])
    def test_is_never_made_of_what_is_not_known(self, rows: list[RmsRow]) -> None:
        assert not one(level(0), *rows).zero_candidate


class TestProductLeftAlone:
    @pytest.mark.parametrize(
        ("changed", "outcome", "reason"),
        [
            ({"status": "ARCHIVED"}, Outcome.REFUSED, "archived"),
            ({"tags": ("sale", "Evenstock-Ignore ")}, Outcome.REFUSED, "excluded"),
            ({"ccod": None}, Outcome.UNKNOWN, "no_ccod"),
            ({"ccod": " \u200b"}, Outcome.UNKNOWN, "no_ccod"),
        ],
    )
    def test_says_why_on_every_line(self, changed: dict[str, object], outcome: Outcome, reason: str) -> None:
        shoe = product(variant(1, SKU, level(5)), variant(2, "24X104-38", level(0)))
        lines = compare(replace(shoe, **changed), rows=[row(SKU, 3)])  # type: ignore[arg-type]
        assert [(each.outcome, each.reason, each.truth) for each in lines] == [(outcome, reason, None)] * 2

    @pytest.mark.parametrize("status", ["ACTIVE", "DRAFT", "UNLISTED"])
    def test_is_not_a_draft(self, status: str) -> None:
        shoe = replace(product(variant(1, SKU, level(5))), status=status)
        assert compare(shoe, rows=[row(SKU, 3)])[0].is_open


class TestTwins:
    def test_in_the_shop_are_refused_with_both_spellings(self) -> None:
        here = product(variant(1, "24x104-37", level(5)), variant(2, "24X104-37 ", level(5)))
        for line in compare(here, rows=[row(SKU, 3)]):
            assert (line.outcome, line.reason) == (Outcome.REFUSED, "twin_in_shop")
            assert "'24x104-37'" in line.note
            assert "'24X104-37 '" in line.note

    def test_are_found_in_products_that_are_not_looked_at(self) -> None:
        here = product(variant(1, SKU, level(5)))
        elsewhere = product(variant(2, SKU.lower(), level(5), product=2), number=2, ccod="other")
        known = Known(truth_of([row(SKU, 3)]), index([here, elsewhere]))
        (line,) = compare(here, known=known)
        assert (line.outcome, line.reason) == (Outcome.REFUSED, "twin_in_shop")

    def test_that_only_shopify_counted_are_refused_too(self) -> None:
        (line,) = compare(product(variant(1, SKU, level(5), duplicates=2)), rows=[row(SKU, 3)])
        assert (line.outcome, line.reason) == (Outcome.REFUSED, "twin_in_shop")
        assert "2 more" in line.note

    def test_the_same_variant_seen_twice_is_no_twin(self) -> None:
        here = product(variant(1, SKU, level(5)))
        known = Known(truth_of([row(SKU, 3)]), index([here, here]))
        assert compare(here, known=known)[0].is_open

    def test_in_rms_are_refused_with_both_spellings(self) -> None:
        line = one(level(5), row("24x104-37", 3), row("24X104-37 ", 3, item=8))
        assert line.reason == "twin_in_rms"
        assert "'24x104-37'" in line.note
        assert "'24X104-37 '" in line.note

    def test_of_another_ccod_are_none(self) -> None:
        line = one(level(5), row(SKU, 3), row(SKU, 4, ccod="other", item=8))
        assert (line.outcome, line.wanted) == (None, 3)


@pytest.mark.parametrize(
    ("ccod", "sku"),
    [
        ("24x104", "24X104-37"),
        (" 24X104\u00a0", "24x104-37"),
        ("\uff12\uff14X104", "24X104-37"),
    ],
)
def test_spellings_meet(ccod: str, sku: str) -> None:
    assert one(level(5), row(sku, 3, ccod=ccod)).is_open


class TestMissingInShop:
    def absent(self, *products: Product, rows: Iterable[RmsRow]) -> list[tuple[int, str, int]]:
        found = diff.missing_in_shop(products, truth_of(rows), index(products))
        return [(each.product_id, each.sku, each.quantity) for each in found]

    def test_lists_stock_that_no_variant_shows(self) -> None:
        shoe = product(variant(1, "24x104-37", level(5)))
        rows = [row(SKU, 3), row("24X104-38", 2, item=8), row("24X104-39", 0, item=9), row("24X104-40", -1)]
        assert self.absent(shoe, rows=rows) == [(1, "24X104-38", 2)]

    def test_leaves_out_what_is_no_number_and_what_is_asked_of_others(self) -> None:
        shoe = product(variant(1, SKU, level(5)))
        rows = [row("24X104-38", None), row("24X104-39", "0.5"), row("24X104-40", 4, ccod="other")]
        assert self.absent(shoe, rows=rows) == []

    def test_a_sibling_product_of_the_same_ccod_shows_it(self) -> None:
        black = product(variant(1, SKU, level(5)), number=1)
        brown = product(variant(2, "24X104-38", level(5), product=2), number=2, ccod="24x104")
        rows = [row(SKU, 3), row("24X104-38", 2, item=8), row("24X104-39", 1, item=9)]
        assert self.absent(black, brown, rows=rows) == [(1, "24X104-39", 1)]

    def test_a_product_without_ccod_misses_nothing(self) -> None:
        shoe = product(variant(1, SKU, level(5)), ccod=None)
        assert self.absent(shoe, rows=[row("24X104-38", 2, ccod="")]) == []


# --------------------------------------------------------------- properties

skus = st.sampled_from(["a", "A ", "b", "B", "c", "d", "", None])
levels = st.one_of(
    st.none(),
    st.builds(Level, st.booleans(), st.none()),
    st.builds(level, st.integers(-3, 9), st.integers(0, 3), active=st.booleans()),
)
rms_quantities = st.sampled_from([None, "NaN", "-2", "0", "0.5", "1", "3", "7"])


@st.composite
def shops(draw: st.DrawFn) -> list[Product]:
    products = []
    numbers = iter(range(1, 100))
    for number in range(draw(st.integers(0, 4))):
        variants = tuple(
            variant(
                next(numbers), draw(skus), draw(levels), product=number, tracked=draw(st.integers(0, 5)) > 0
            )
            for _ in range(draw(st.integers(0, 4)))
        )
        products.append(
            product(
                *variants,
                number=number,
                ccod=draw(st.sampled_from(["x", "X", "y", None])),
                status=draw(st.sampled_from(["ACTIVE", "ACTIVE", "DRAFT", "ARCHIVED"])),
            )
        )
    return products


@st.composite
def rms_rows(draw: st.DrawFn) -> list[RmsRow]:
    return [
        row(draw(st.sampled_from("abcd")), draw(rms_quantities), item=item, ccod=draw(st.sampled_from("xy")))
        for item in range(draw(st.integers(0, 6)))
    ]


policies = st.builds(
    Policy,
    quantity_name=st.sampled_from(["available", "on_hand"]),
    missing_level=st.sampled_from(["refuse", "activate"]),
    delete_zero_stock=st.booleans(),
)


def variants_of(products: list[Product]) -> dict[int, Variant]:
    return {owned.id: owned for each in products for owned in each.variants}


class TestEveryLine:
    @given(shops(), rms_rows(), policies)
    def test_is_there_exactly_once_in_the_shops_order(
        self, products: list[Product], rows: list[RmsRow], policy: Policy
    ) -> None:
        lines = compare(*products, rows=rows, policy=policy)
        assert [each.variant_id for each in lines] == list(variants_of(products))
        assert lines == compare(*products, rows=rows, policy=policy)

    @given(shops(), rms_rows(), policies)
    def test_is_open_only_for_a_known_truth_and_a_known_level(
        self, products: list[Product], rows: list[RmsRow], policy: Policy
    ) -> None:
        truth, shop = truth_of(rows), index(products)
        owned = variants_of(products)
        for line in compare(*products, rows=rows, policy=policy):
            if not line.is_open:
                continue
            claims = rows_of(truth.skus(line.ccod).get(fold(line.sku)))
            at = owned[line.variant_id].level
            assert len(claims) == 1
            assert claims[0].quantity is not None
            assert claims[0].quantity.is_finite()
            assert not shop.spellings(fold(line.sku))
            assert line.activate == (at is None or not at.active)
            assert line.activate or (at is not None and at.quantities is not None)
            assert line.wanted >= 0
            assert line.shown != line.wanted or line.zero_candidate

    @given(shops(), rms_rows(), policies, st.randoms())
    def test_does_not_depend_on_the_order_of_rms(
        self, products: list[Product], rows: list[RmsRow], policy: Policy, shuffler: Random
    ) -> None:
        shuffled = list(rows)
        shuffler.shuffle(shuffled)
        plain = [each._replace(note="") for each in compare(*products, rows=rows, policy=policy)]
        assert [each._replace(note="") for each in compare(*products, rows=shuffled, policy=policy)] == plain

    @given(shops(), rms_rows(), policies)
    def test_of_an_unknown_level_never_asks_for_anything(
        self, products: list[Product], rows: list[RmsRow], policy: Policy
    ) -> None:
        for line in compare(*products, rows=rows, policy=policy):
            if line.outcome is Outcome.UNKNOWN:
                assert line.reason
                assert not line.zero_candidate
                assert not line.activate


def test_a_baseline_is_the_reading_of_discovery() -> None:
    line = one(Level(True, Quantities(5, 2, 9)), row(SKU, 3))
    assert line.baseline == Quantities(5, 2, 9)
