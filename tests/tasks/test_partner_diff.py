"""What a partner's stock asks of an own level: figures, absence, silence."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import Transient
from connectors.ledger.records import Partner, ProductMapping
from connectors.records import Level, Offer
from connectors.shopify import Shopify
from tasks.partner_diff import SIGHTINGS, Feed, Policy, Reading, gone, is_proved_gone, reading, sighted, stock
from tasks.partner_fetch import UNREACHABLE, feeds, heard
from tasks.plan import Line, Outcome
from tests.tasks.samples import NOON, level, product, variant

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
PARTNER = Partner("own", "roast", "https://roast", "Roast", NOON, id=1)
POLICY = Policy(now=NOON, gone_after=DAY)


def mapping(number: int = 1, **more: object) -> ProductMapping:
    """A mapping to own variant 101."""
    plain = ProductMapping("own", 1, 500 + number, 101, NOON - 100 * HOUR, NOON, id=number)
    return replace(plain, **more)  # type: ignore[arg-type]


def offer(units: int | None = 12, *, status: str = "ACTIVE", tracked: bool = True) -> Offer:
    """A partner's variant."""
    return Offer(501, 9501, status, tracked, units)


def compared(
    *parts: tuple[ProductMapping, Reading],
    at: Level | None = None,
    unbooked: int = 0,
    tracked: bool = True,
    policy: Policy = POLICY,
) -> Line:
    """The line of own variant 101, which holds 7 and has 3 committed unless said otherwise."""
    shown = product(variant(101, "O-101", at or level(7, 3), tracked=tracked))
    (line,) = stock([Feed(101, "partner:roast", parts)], [shown], {101: unbooked}, policy)
    return line


# -------------------------------------------------------------------- figures


@pytest.mark.parametrize(
    ("units", "buffer", "unbooked", "wanted"),
    [
        # The figures: partner 12, own 7 and 3 committed.
        (12, 0, 3, 9),
        (12, 0, 0, 12),
        # Forwarded orders are off the partner's 12 already: 9 stays 9, and is not made 6.
        (9, 0, 0, 9),
        (12, 2, 3, 7),
        (12, 20, 0, 0),
        (2, 0, 5, 0),
        (0, 0, 0, 0),
        (-4, 0, 0, 0),
        (-4, 1, 2, 0),
    ],
)
def test_wanted_is_what_the_partner_has_less_what_it_does_not_know_of(
    units: int, buffer: int, unbooked: int, wanted: int
) -> None:
    line = compared((mapping(buffer=buffer), Reading(units)), unbooked=unbooked)
    assert line.wanted == wanted
    assert line.outcome is (Outcome.UNCHANGED if wanted == 7 else None)


def test_the_truth_is_the_partners_and_the_baseline_the_shops() -> None:
    line = compared((mapping(), Reading(12)))
    assert (line.fed_by, line.truth, line.shown) == ("partner:roast", 12, 7)
    assert line.baseline == level(7, 3).quantities


@pytest.mark.parametrize(
    ("units", "wanted"),
    [((5, 4), 8), ((-3, 4), 3), ((0, 0), 0)],
    ids=["each keeps its buffer", "one that owes units takes none from the other", "nothing"],
)
def test_sums(units: Sequence[int], wanted: int) -> None:
    first, second = mapping(1, sums=True), mapping(2, sums=True, buffer=1)
    assert compared((first, Reading(units[0])), (second, Reading(units[1]))).wanted == wanted


def test_several_that_are_not_summed_are_refused() -> None:
    line = compared((mapping(1), Reading(5)), (mapping(2), Reading(5)))
    assert (line.outcome, line.reason) == (Outcome.REFUSED, "two_feeds")
    assert line.note == "partner variant 501 and partner variant 502"


@pytest.mark.parametrize(
    ("at", "tracked", "outcome", "reason"),
    [
        (level(7), False, Outcome.REFUSED, "untracked"),
        (Level(active=False, quantities=level(7).quantities), True, Outcome.REFUSED, "inactive_level"),
        (Level(active=True, quantities=None), True, Outcome.UNKNOWN, "level_unreadable"),
    ],
)
def test_odd_own_levels(at: Level, tracked: bool, outcome: Outcome, reason: str) -> None:  # noqa: FBT001
    line = compared((mapping(), Reading(12)), at=at, tracked=tracked)
    assert (line.outcome, line.reason) == (outcome, reason)


def test_an_own_level_that_is_not_stocked_is_activated_if_the_merchant_wants() -> None:
    shown = product(variant(101, "O-101", None))
    feed = Feed(101, "partner:roast", ((mapping(), Reading(12)),))
    (refused,) = stock([feed], [shown], {}, POLICY)
    (activated,) = stock([feed], [shown], {}, replace(POLICY, missing_level="activate"))
    assert (refused.outcome, refused.reason) == (Outcome.REFUSED, "missing_level")
    assert (activated.outcome, activated.activate, activated.wanted) == (None, True, 12)


def test_own_variants_that_are_not_there_have_no_line() -> None:
    assert stock([Feed(999, "partner:roast", ((mapping(), Reading(1)),))], [product()], {}, POLICY) == []


# ------------------------------------------------------------------- readings


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (offer(12), Reading(12)),
        (offer(-2), Reading(-2)),
        (offer(12, status="UNLISTED"), Reading(12)),
        (offer(12, status="ARCHIVED"), Reading(is_gone=True)),
        (offer(12, status="DRAFT"), Reading(is_gone=True)),
        (offer(12, status="SUSPENDED"), Reading(unknown="partner_unreadable")),
        (None, Reading(is_gone=True)),
        (offer(12, tracked=False), Reading(unknown="partner_untracked")),
        (offer(None), Reading(unknown="partner_unreadable")),
    ],
)
def test_an_offer_is_a_number_an_absence_or_unknown(found: Offer | None, expected: Reading) -> None:
    assert reading(found, mapping(), None) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ({1: 4, 2: 5, 3: 6}, Reading(10)),
        ({1: 4}, Reading(4)),
        ({1: 0}, Reading(0)),
        ({2: 5}, Reading(is_gone=True)),
        ({}, Reading(is_gone=True)),
        ({1: 4, 3: None}, Reading(unknown="partner_unreadable")),
        (None, Reading(unknown="partner_unreadable")),
    ],
)
def test_locations_that_count(at: dict[int, int | None] | None, expected: Reading) -> None:
    assert reading(offer(99), mapping(location_ids=[1, 3]), at) == expected


# ------------------------------------------------------------- gone and silent


def test_gone_is_proved_by_sightings_in_a_row_over_the_time() -> None:
    found = Reading(is_gone=True)
    seen = mapping()
    for hour in (0, 1, 2):
        seen = sighted(seen, found, NOON + hour * HOUR)
    assert (seen.gone_since, seen.gone_sightings) == (NOON, SIGHTINGS)
    assert not is_proved_gone(seen, replace(POLICY, now=NOON + 23 * HOUR))
    assert is_proved_gone(seen, replace(POLICY, now=NOON + 24 * HOUR))
    assert not is_proved_gone(seen, Policy(now=NOON + 999 * HOUR, gone_after=None))


def test_few_sightings_prove_nothing_however_far_apart() -> None:
    seen = sighted(sighted(mapping(), Reading(is_gone=True), NOON), Reading(is_gone=True), NOON + 90 * HOUR)
    assert not is_proved_gone(seen, replace(POLICY, now=NOON + 90 * HOUR))


def test_a_contrary_sighting_begins_anew_and_silence_changes_nothing() -> None:
    seen = sighted(mapping(), Reading(is_gone=True), NOON)
    assert sighted(seen, UNREACHABLE, NOON + HOUR) == seen
    back = sighted(seen, Reading(0), NOON + HOUR)
    assert (back.gone_since, back.gone_sightings, back.seen_at) == (None, 0, NOON + HOUR)


def test_what_is_gone_becomes_zero_once_proved_and_stays_before() -> None:
    early = mapping(gone_since=NOON - HOUR, gone_sightings=2)
    late = mapping(gone_since=NOON - DAY, gone_sightings=SIGHTINGS)
    found = Reading(is_gone=True)
    waiting, zero = compared((early, found)), compared((late, found))
    assert (waiting.outcome, waiting.reason, waiting.fed_by) == (Outcome.UNKNOWN, "partner_gone", None)
    assert (zero.outcome, zero.wanted, zero.note) == (None, 0, "gone at the partner")


def test_one_part_that_is_gone_leaves_the_other() -> None:
    late = mapping(1, sums=True, gone_since=NOON - DAY, gone_sightings=SIGHTINGS)
    line = compared((late, Reading(is_gone=True)), (mapping(2, sums=True), Reading(4)))
    assert (line.wanted, line.note) == (4, "gone at the partner")


@pytest.mark.parametrize(
    ("seen_hours_ago", "limit", "is_zero"),
    [(10, None, False), (10, 48, False), (48, 48, False), (49, 48, True)],
)
def test_silence_becomes_zero_only_where_the_merchant_wants_it(
    seen_hours_ago: int,
    limit: int | None,
    is_zero: bool,  # noqa: FBT001
) -> None:
    policy = replace(POLICY, zero_when_stale={} if limit is None else {1: NOON - limit * HOUR})
    line = compared((mapping(seen_at=NOON - seen_hours_ago * HOUR), UNREACHABLE), policy=policy)
    if is_zero:
        assert (line.wanted, line.outcome, line.note) == (0, None, "not verified for too long")
    else:
        assert (line.outcome, line.reason) == (Outcome.UNKNOWN, "partner_unreachable")


def test_what_one_partner_wants_for_silence_is_nothing_to_another_that_it_is_summed_with() -> None:
    silent = mapping(2, sums=True, partner_id=2, seen_at=NOON - 99 * HOUR)
    parts = ((mapping(1, sums=True), Reading(5)), (silent, UNREACHABLE))
    limits = [replace(POLICY, zero_when_stale={number: NOON - 48 * HOUR}) for number in (1, 2)]
    kept, zeroed = (compared(*parts, policy=policy) for policy in limits)

    assert (kept.outcome, kept.reason) == (Outcome.UNKNOWN, "partner_unreachable")
    assert (zeroed.outcome, zeroed.wanted) == (None, 5)


def test_gone_variants_are_named_for_people() -> None:
    shown = product(variant(101, "O-101", level(7)))
    found = {1: Reading(is_gone=True), 2: Reading(3), 3: Reading(is_gone=True)}
    mappings = [mapping(1), mapping(2), mapping(3, own_variant_id=999)]
    assert gone(mappings, found, [shown]) == ["variant 501, here O-101", "variant 503, here 999"]


# ---------------------------------------------------------------------- feeds


def test_only_own_mappings_feed_unless_all_are_summed() -> None:
    mine, other = mapping(1), mapping(2, partner_id=2)
    both = {1: Reading(5), 2: Reading(4)}
    (alone,) = feeds(PARTNER, [mine, other], both, NOON)
    (summed,) = feeds(PARTNER, [replace(mine, sums=True), replace(other, sums=True)], both, NOON)
    assert (alone.truth, len(alone.parts)) == ("partner:roast", 1)
    assert (summed.truth, len(summed.parts)) == ("partners", 2)


def test_what_nothing_was_heard_of_is_unreachable() -> None:
    (feed,) = feeds(PARTNER, [mapping()], {}, NOON)
    assert feed.parts[0][1] == UNREACHABLE


def test_whatever_goes_wrong_with_one_partner_makes_only_its_own_unknown() -> None:
    def open_shop(partner: int) -> Shopify:
        raise Transient("away") if partner == 1 else ZeroDivisionError("a mistake of ours")

    found = heard([mapping(1), mapping(2, partner_id=2)], open_shop)

    assert found.readings == {1: UNREACHABLE, 2: UNREACHABLE}
    assert [str(found.silent[each]) for each in (1, 2)] == ["away", "ZeroDivisionError: a mistake of ours"]


# ----------------------------------------------------------------- properties

units = st.integers(-20, 2000)
readings = st.one_of(
    units.map(Reading),
    st.just(Reading(is_gone=True)),
    st.sampled_from(["partner_unreachable", "partner_untracked", "partner_unreadable"]).map(
        lambda why: Reading(unknown=why)
    ),
)


@given(st.lists(st.tuples(readings, st.integers(0, 20)), min_size=1, max_size=4), st.integers(0, 50))
def test_unknown_is_never_a_write(parts: list[tuple[Reading, int]], unbooked: int) -> None:
    """As long as nothing is proved gone and nobody wants zeros, one unknown part keeps the level."""
    made = [
        (mapping(place, sums=True, buffer=buffer), found) for place, (found, buffer) in enumerate(parts, 1)
    ]
    line = compared(*made, unbooked=unbooked)
    if any(found.units is None for found, _ in parts):
        assert line.outcome is Outcome.UNKNOWN
        assert line.truth is None
    else:
        assert line.outcome in {None, Outcome.UNCHANGED}
        assert 0 <= line.wanted <= sum(max(0, found.units or 0) for found, _ in parts)


@given(units, st.integers(0, 20), st.integers(0, 50), st.integers(0, 100))
def test_more_kept_back_or_unbooked_never_offers_more(
    count: int, buffer: int, unbooked: int, more: int
) -> None:
    base = compared((mapping(buffer=buffer), Reading(count)), unbooked=unbooked).wanted
    assert compared((mapping(buffer=buffer + more), Reading(count)), unbooked=unbooked).wanted <= base
    assert compared((mapping(buffer=buffer), Reading(count)), unbooked=unbooked + more).wanted <= base
    assert compared((mapping(buffer=buffer), Reading(count + more)), unbooked=unbooked).wanted >= base


@given(st.lists(st.tuples(st.integers(0, 40), readings), max_size=12))
def test_gone_needs_three_misses_in_a_row_and_the_time(events: list[tuple[int, Reading]]) -> None:
    now, seen = NOON, mapping()
    row: list[object] = []
    for hours, found in events:
        now += hours * HOUR
        seen = sighted(seen, found, now)
        if not found.unknown:
            row = [*row, now] if found.is_gone else []
    proved = is_proved_gone(seen, replace(POLICY, now=now))
    assert proved == (len(row) >= 3 and now - row[0] >= DAY)  # type: ignore[operator]
