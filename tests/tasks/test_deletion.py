"""Deleting: every check, each enough to keep a variant."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.records import LevelsEverywhere, Stock, VariantFacts
from tasks import deletion
from tasks.deletion import DeletionPolicy, Sifted
from tasks.plan import Line, Outcome
from tests.tasks.samples import NOON, line


def candidate(number: int, shown: int = 0, *, product: int = 1, exact: bool = True) -> Line:
    return line(number, shown, 0, product=product)._replace(zero_candidate=True, exact=exact)


def sift(
    *lines: Line, policy: DeletionPolicy | None = None, zero_since: dict[int, datetime] | None = None
) -> Sifted:
    return deletion.sift(lines, policy or DeletionPolicy(), zero_since=zero_since or {}, now=NOON)


def remaining(sifted: Sifted) -> list[int]:
    return [each.item_id for each in sifted.lines if each.zero_candidate]


def checks(sifted: Sifted) -> dict[int, str]:
    return {each.line.item_id: each.check for each in sifted.failed}


STAYS = line(50, 5, 5, outcome=Outcome.UNCHANGED)


class TestSift:
    def test_leaves_a_proved_zero_a_candidate(self) -> None:
        sifted = sift(candidate(1), candidate(2, 3), STAYS)
        assert (remaining(sifted), checks(sifted)) == ([1, 2], {})

    @pytest.mark.parametrize(("shown", "outcome"), [(0, Outcome.UNCHANGED), (3, None)])
    def test_what_loses_its_candidacy_is_an_ordinary_line(self, shown: int, outcome: Outcome | None) -> None:
        """It is still to be written to zero, unless it stands there already."""
        sifted = sift(candidate(1, shown, exact=False), STAYS)
        assert sifted.lines[0].outcome is outcome
        assert checks(sifted) == {1: "not_exactly_zero"}
        assert remaining(sifted) == []

    @pytest.mark.parametrize(
        ("days", "since", "stays"),
        [
            (0, None, False),
            (3, None, True),
            (3, timedelta(days=3), False),
            (3, timedelta(days=2, hours=23), True),
        ],
    )
    def test_waits_for_zero_days(self, *, days: int, since: timedelta | None, stays: bool) -> None:
        known = {} if since is None else {1: NOON - since}
        sifted = sift(candidate(1), STAYS, policy=DeletionPolicy(zero_days=days), zero_since=known)
        assert checks(sifted) == ({1: "zero_days"} if stays else {})

    def test_keeps_the_first_variant_of_a_product_that_would_lose_all(self) -> None:
        second = candidate(1)._replace(position=2)
        first = candidate(2)._replace(position=1)
        sifted = sift(
            second, first, candidate(3, product=2), line(4, 2, 2, product=2, outcome=Outcome.UNCHANGED)
        )
        assert checks(sifted) == {2: "only_variant"}
        assert remaining(sifted) == [1, 3]

    def test_keeps_a_lone_variant(self) -> None:
        assert checks(sift(candidate(1, 4))) == {1: "only_variant"}

    def test_archives_the_product_instead_where_the_merchant_wants_it(self) -> None:
        policy = DeletionPolicy(preserve_single_variant=False)
        sifted = sift(
            candidate(1, 4),
            candidate(2),
            candidate(3, product=2),
            STAYS._replace(product_id=2),
            policy=policy,
        )
        assert sifted.archive == {1}
        assert checks(sifted) == {}
        assert remaining(sifted) == [1, 2, 3]

    def test_an_archived_product_takes_nothing_from_the_allowance(self) -> None:
        policy = DeletionPolicy(preserve_single_variant=False, allowance=1)
        sifted = sift(
            candidate(1),
            candidate(2),
            candidate(3, product=2),
            candidate(4, product=2, exact=False),
            policy=policy,
        )
        assert sifted.archive == {1}
        assert checks(sifted) == {4: "not_exactly_zero"}

    @pytest.mark.parametrize("outcome", [Outcome.HELD, Outcome.UNKNOWN, Outcome.REFUSED])
    def test_a_sibling_that_stays_is_enough(self, outcome: Outcome) -> None:
        policy = DeletionPolicy(preserve_single_variant=False)
        sifted = sift(candidate(1), candidate(2, 3)._replace(outcome=outcome), policy=policy)
        assert (remaining(sifted)[0], sifted.archive, checks(sifted)) == (1, frozenset(), {})

    def test_a_sibling_kept_by_a_check_is_enough(self) -> None:
        assert checks(sift(candidate(1), candidate(2, exact=False))) == {2: "not_exactly_zero"}

    @pytest.mark.parametrize(("allowance", "kept"), [(50, 0), (3, 1), (0, 4), (-7, 4)])
    def test_is_capped(self, allowance: int, kept: int) -> None:
        lines = [candidate(number) for number in range(4)]
        sifted = sift(*lines, STAYS, policy=DeletionPolicy(allowance=allowance))
        assert list(checks(sifted).values()) == ["max_deletions"] * kept
        assert len(remaining(sifted)) == 4 - kept

    @given(
        st.lists(
            st.builds(
                lambda product, shown, exact, is_candidate, outcome: candidate(
                    0, shown, product=product, exact=exact
                )._replace(zero_candidate=is_candidate, outcome=outcome),
                st.integers(1, 3),
                st.integers(0, 2),
                st.booleans(),
                st.booleans(),
                st.sampled_from([None, None, Outcome.UNCHANGED, Outcome.HELD]),
            ),
            max_size=8,
        ),
        st.builds(
            DeletionPolicy,
            zero_days=st.just(0),
            preserve_single_variant=st.booleans(),
            allowance=st.integers(0, 4),
        ),
    )
    def test_always_leaves_a_product_a_variant_and_loses_no_line(
        self, drawn: list[Line], policy: DeletionPolicy
    ) -> None:
        lines = [
            each._replace(variant_id=number, item_id=number, position=number)
            for number, each in enumerate(drawn)
        ]
        sifted = sift(*lines, policy=policy)
        assert [each.variant_id for each in sifted.lines] == list(range(len(lines)))
        passing = [each for each in sifted.lines if each.zero_candidate and each.is_open]
        goes = [each for each in passing if each.product_id not in sifted.archive]
        assert not (sifted.archive and policy.preserve_single_variant)
        assert len(goes) <= policy.allowance
        assert all(each.exact and each.wanted == 0 for each in passing)
        for product in {each.product_id for each in lines}:
            owned = [each for each in sifted.lines if each.product_id == product]
            assert any(each not in goes for each in owned)
        was = {each.variant_id for each in lines if each.zero_candidate and each.is_open}
        assert was == {each.variant_id for each in passing} | {each.line.variant_id for each in sifted.failed}
        for before, after in zip(lines, sifted.lines, strict=True):
            if not before.is_open:
                assert after == before


FACTS = VariantFacts(
    1, 1, 1, "DENY", is_bundle=False, is_gift_card=False, selling_plans=0, siblings=3, data={}
)


def everywhere(*stocks: Stock, complete: bool = True) -> LevelsEverywhere:
    return LevelsEverywhere(1, stocks, complete)


EMPTY = Stock(1, 0, 0, 0, 0)


def failed_check(
    facts: VariantFacts | None = FACTS,
    levels: LevelsEverywhere | None = None,
    sold: Iterable[int] | None = (),
    siblings: int = 3,
) -> str:
    sold_recently = None if sold is None else frozenset(sold)
    found = levels or everywhere(EMPTY, EMPTY)
    return deletion.failed_check(facts, found, sold_recently=sold_recently, siblings=siblings)


class TestFailedCheck:
    def test_lets_go_what_nothing_keeps(self) -> None:
        assert failed_check() == ""
        assert failed_check(siblings=2, sold=[2, 3]) == ""
        assert failed_check(levels=everywhere()) == ""

    @pytest.mark.parametrize(
        ("check", "why"),
        [
            (failed_check(None), "check_failed"),
            (deletion.failed_check(FACTS, None, sold_recently=frozenset(), siblings=3), "check_failed"),
            (failed_check(levels=everywhere(EMPTY, complete=False)), "check_failed"),
            (failed_check(sold=None), "orders_unreadable"),
            (failed_check(sold=[1]), "recent_orders"),
            (failed_check(siblings=1), "only_variant"),
            (failed_check(siblings=0), "only_variant"),
            (failed_check(replace(FACTS, policy="CONTINUE")), "policy_continue"),
            (failed_check(replace(FACTS, policy="")), "policy_continue"),
            (failed_check(replace(FACTS, is_bundle=True)), "bundle"),
            (failed_check(replace(FACTS, is_gift_card=True)), "gift_card"),
            (failed_check(replace(FACTS, selling_plans=1)), "selling_plan"),
            (failed_check(replace(FACTS, is_whole=False)), "snapshot_cut"),
        ],
    )
    def test_names_what_keeps_a_variant(self, check: str, why: str) -> None:
        assert check == why

    @pytest.mark.parametrize(
        ("stock", "why"),
        [
            (Stock(2, 0, 0, 0, 4), "incoming_inventory"),
            (Stock(2, 0, 0, 2, 0), "stock_somewhere"),
            (Stock(2, 3, 0, 3, 0), "stock_somewhere"),
            (Stock(2, 0, 1, 1, 0), "stock_somewhere"),
            (Stock(2, -1, 1, 0, 0), "stock_somewhere"),
            (Stock(2, -1, 0, -1, 0), "stock_somewhere"),
        ],
    )
    def test_looks_at_every_location(self, stock: Stock, why: str) -> None:
        assert failed_check(levels=everywhere(EMPTY, stock)) == why
        assert failed_check(levels=everywhere(stock, EMPTY)) == why


def test_a_zero_is_a_zero_however_it_is_written() -> None:
    assert candidate(1).truth == Decimal("0.000")
