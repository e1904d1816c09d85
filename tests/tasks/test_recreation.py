"""What can be made again of a deleted variant, what cannot, and what stands in the way."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.records import Assortment, Choice, Metafield, NewVariant, Recorded
from tasks.recreation import MOST_VARIANTS, is_ours, obstacle, recreation, the_same

SHOE = NewVariant(
    options=(("Size", "38"), ("Colour", "Red")),
    sku="24X101-38",
    barcode=None,
    price="59.90",
    compare_at_price=None,
    policy="DENY",
    taxable=True,
    tracked=True,
    requires_shipping=True,
    cost=None,
    weight=None,
    country=None,
    province=None,
    tariff_code=None,
)
WAS = Recorded(SHOE, item_id=5, position=3, media=(), metafields_cut=False, selling_plans=0, is_bundle=False)


def a_choice(number: int, size: str, sku: str | None = None) -> Choice:
    return Choice(number, number + 1_000, sku or f"S-{number}", (("Size", size), ("Colour", "Red")))


def a_product(*choices: Choice, status: str = "ACTIVE", media: frozenset[str] = frozenset()) -> Assortment:
    return Assortment(101, "Shoe", status, (), ("Size", "Colour"), media, choices or (a_choice(1, "37"),))


class TestRecreation:
    def test_nothing_that_the_snapshot_holds_is_left_out(self) -> None:
        plan = recreation(WAS, a_product(), 1)
        assert plan.variant == SHOE

    def test_metafields_of_other_apps_are_told_and_not_sent(self) -> None:
        ours, theirs = Metafield("custom", "last", "t", "a"), Metafield("app--7--x", "note", "t", "b")
        plan = recreation(replace(WAS, variant=replace(SHOE, metafields=(ours, theirs))), a_product(), 1)
        assert plan.variant.metafields == (ours,)
        assert "metafields of other apps: app--7--x.note" in plan.lost

    @pytest.mark.parametrize(
        ("had", "there", "sent", "told"),
        [
            ((), frozenset({"a"}), None, False),
            (("a",), frozenset({"a"}), "a", False),
            (("a",), frozenset(), None, True),
            (("a", "b"), frozenset({"b"}), "b", True),
        ],
    )
    def test_the_first_image_that_the_product_still_has_comes_back(
        self, had: tuple[str, ...], there: frozenset[str], sent: str | None, *, told: bool
    ) -> None:
        plan = recreation(replace(WAS, media=had), a_product(media=there), 1)
        assert plan.variant.media_id == sent
        assert any("images" in sentence for sentence in plan.lost) is told

    @pytest.mark.parametrize(
        ("was", "sentence"),
        [
            (WAS, "it was number 3"),
            (replace(WAS, selling_plans=2), "selling plans: it was in 2"),
            (replace(WAS, metafields_cut=True), "metafields beyond the first 0"),
            (replace(WAS, is_bundle=True), "parts of the bundle"),
            (replace(WAS, locations=(1, 7)), "other locations (7)"),
        ],
    )
    def test_what_is_lost_is_told(self, was: Recorded, sentence: str) -> None:
        assert sentence in " ".join(recreation(was, a_product(), 1).lost)

    def test_the_location_that_is_kept_is_not_lost(self) -> None:
        assert "other locations" not in " ".join(
            recreation(replace(WAS, locations=(1,)), a_product(), 1).lost
        )


class TestObstacles:
    def test_there_is_none(self) -> None:
        assert obstacle(SHOE, a_product(), {"s-1": 1}) == ""

    @pytest.mark.parametrize(
        ("variant", "product", "skus", "why"),
        [
            (SHOE, a_product(status="ARCHIVED"), {}, "archived"),
            (SHOE, a_product(a_choice(2, "38")), {}, "already: variant 2"),
            (SHOE, replace(a_product(), options=("Size",)), {}, "has Size now"),
            (SHOE, a_product(), {"24x101-38": 9}, "variant 9 of the shop has the SKU"),
            (SHOE, a_product(*(a_choice(n, f"{n}X") for n in range(MOST_VARIANTS))), {}, "is full"),
        ],
    )
    def test_is_one_sentence(
        self, variant: NewVariant, product: Assortment, skus: dict[str, int], why: str
    ) -> None:
        assert why in obstacle(variant, product, skus)

    @pytest.mark.parametrize("status", ["ACTIVE", "DRAFT", "UNLISTED"])
    def test_products_that_are_not_on_sale_may_get_theirs_back(self, status: str) -> None:
        assert obstacle(SHOE, a_product(status=status), {}) == ""

    def test_without_a_sku_there_are_no_twins(self) -> None:
        assert obstacle(replace(SHOE, sku=None), a_product(), {"24x101-38": 9}) == ""

    def test_one_less_than_the_most_is_not_full(self) -> None:
        assert obstacle(SHOE, a_product(*(a_choice(n, f"{n}X") for n in range(MOST_VARIANTS - 1))), {}) == ""


class TestTheSame:
    @given(st.permutations(SHOE.options), st.sampled_from([str.upper, str.lower, lambda text: f" {text} "]))
    def test_options_count_whatever_their_order_and_spelling(self, options: object, spell: object) -> None:
        spelled = tuple((spell(name), spell(value)) for name, value in options)  # type: ignore[operator,attr-defined]
        twin = replace(a_choice(2, "38"), options=spelled)
        assert the_same(SHOE, a_product(a_choice(1, "37"), twin)) == twin

    def test_other_values_are_another_variant(self) -> None:
        assert the_same(SHOE, a_product(a_choice(1, "37"), a_choice(2, "39"))) is None

    @pytest.mark.parametrize(
        ("sku", "ours"), [("24X101-38", True), (" 24x101-38", True), ("other", False), (None, False)]
    )
    def test_the_sku_tells_whose_it_is(self, sku: str | None, *, ours: bool) -> None:
        assert is_ours(SHOE, replace(a_choice(2, "38"), sku=sku)) is ours
