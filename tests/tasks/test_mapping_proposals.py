"""Proposals by SKU: one of each with the same meaning; everything doubtful is shown and not proposed."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.folding import fold
from tasks.mapping_proposals import Listed, Pair, Twins, propose


def test_spellings_of_one_sku_are_proposed() -> None:
    found = propose([(1, " a-1 "), (2, "Ｂ2")], [(11, "A-1"), (12, "b2")])  # noqa: RUF001
    assert found.pairs == (Pair(1, " a-1 ", 11, "A-1"), Pair(2, "Ｂ2", 12, "b2"))  # noqa: RUF001


def test_twins_in_either_store_are_shown_and_not_proposed() -> None:
    found = propose([(1, "a"), (2, "A "), (3, "b")], [(11, "a"), (12, "b"), (13, "B")])
    assert found.pairs == ()
    assert found.twins == (Twins("partner", ((1, "a"), (2, "A "))), Twins("own", ((12, "b"), (13, "B"))))


def test_twins_that_are_in_one_store_only_do_not_matter() -> None:
    assert propose([(1, "a"), (2, "a")], [(11, "b"), (12, "b")]).twins == ()


def test_what_only_looks_alike_is_shown_and_not_proposed() -> None:
    found = propose([(1, "A.1"), (2, "007"), (3, "1O")], [(11, "a-1"), (12, "7"), (13, "l0")])
    assert found.pairs == ()
    assert found.near == (Pair(2, "007", 12, "7"), Pair(3, "1O", 13, "l0"), Pair(1, "A.1", 11, "a-1"))


def test_blank_bound_and_fed_ones_are_counted() -> None:
    found = propose(
        [(1, None), (2, "  "), (3, "c"), (4, "d"), (5, "e")], [(13, "c"), (14, "d")], bound={3}, fed={14}
    )
    assert found.pairs == ()
    assert found.taken == (Pair(4, "d", 14, "d"),)
    assert (found.blank, found.bound, found.unmatched) == (2, 1, 1)


SKUS = st.one_of(st.none(), st.text("aA1l0-. ", max_size=4))
STORE = st.lists(SKUS, max_size=12).map(lambda skus: list(enumerate(skus, 1)))


@given(STORE, STORE)
def test_a_pair_is_the_only_one_of_its_meaning_in_both_stores(
    theirs: list[Listed], own: list[Listed]
) -> None:
    found = propose(theirs, own)
    for pair in found.pairs:
        for store, number in ((theirs, pair.partner_variant), (own, pair.own_variant)):
            same = [each for each, sku in store if sku and fold(sku) == fold(pair.partner_sku)]
            assert same == [number]
    assert not {(each.partner_variant, each.own_variant) for each in found.near} & {
        (each.partner_variant, each.own_variant) for each in found.pairs
    }
