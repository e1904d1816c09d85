"""What is remembered of levels, products, locations and deleted variants."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.ledger import Ledger, LevelMemory, Run, Snapshot
from tests.connectors.ledger_samples import HOUR, NOW, a_level, a_run

pytest_plugins = ["tests.databases"]


def test_a_level_comes_back_as_it_went_in(ledger: Ledger) -> None:
    level = LevelMemory(
        "own",
        2**53 + 1,
        2**40,
        2**50,
        2**51,
        NOW,
        "rms",
        "24x104-ñ",
        7,
        NOW,
        NOW,
        NOW,
        -3,
        "why",
        2,
        "x|y",
        NOW,
    )
    ledger.remember([level])

    assert ledger.levels_of("own", 2**40) == {2**53 + 1: level}


def test_levels_are_asked_by_account_location_and_item(ledger: Ledger) -> None:
    here, there = a_level(1), a_level(1, location_id=2)
    foreign, second = a_level(1, account="other"), a_level(2)
    ledger.remember([here, there, foreign, second])

    assert ledger.levels_of("own", 1) == {1: here, 2: second}
    assert ledger.levels_of("own", 1, [2, 3]) == {2: second}
    assert ledger.levels_of("own", 1, []) == {}
    assert ledger.levels_of("own", 2) == {1: there}
    assert ledger.levels_of("other", 1) == {1: foreign}


def test_many_levels_at_once(ledger: Ledger) -> None:
    levels = [a_level(item) for item in range(1, 7_001)]
    ledger.remember(levels)
    ledger.remember([replace(level, units_seen=level.inventory_item_id) for level in levels])

    found = ledger.levels_of("own", 1, range(1, 7_001))
    assert [found[item].units_seen for item in range(1, 7_001)] == list(range(1, 7_001))


def test_of_many_levels_only_those_asked_for_come(ledger: Ledger) -> None:
    ledger.remember([*map(a_level, range(1, 7_001)), a_level(8, location_id=2)])
    asked = [*range(1, 7_001, 2), 9_999]
    assert ledger.levels_of("own", 1, iter(asked)) == {item: a_level(item) for item in asked[:-1]}


def test_a_newer_reading_replaces_and_an_older_one_does_not(ledger: Ledger) -> None:
    newer = a_level(unknown_since=None, seen_at=NOW, units_seen=5)
    ledger.remember([newer])
    ledger.remember([a_level(unknown_since=NOW, seen_at=NOW - HOUR, units_seen=9)])
    assert ledger.levels_of("own", 1) == {5001: newer}

    error = replace(newer, error_count=1, error_reason="refused", units_seen=0)
    ledger.remember([error])
    assert ledger.levels_of("own", 1) == {5001: error}


def test_the_first_owner_and_the_first_rms_item_stay(ledger: Ledger) -> None:
    ledger.remember([a_level()])
    ledger.remember([a_level(owner_truth="rms", rms_item_id=7)])
    ledger.remember([a_level(owner_truth="partner:x", rms_item_id=8)])

    level = ledger.levels_of("own", 1)[5001]
    assert (level.owner_truth, level.rms_item_id) == ("rms", 7)


def test_of_two_truths_at_once_one_owns_all_it_got(ledger: Ledger) -> None:
    def claim(owner: str) -> None:
        ledger.remember([a_level(item, owner_truth=owner) for item in range(1, 200)])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(claim, ["rms", "partner:x"]))

    assert len({level.owner_truth for level in ledger.levels_of("own", 1).values()}) == 1


def test_the_last_record_of_a_level_in_one_batch_counts(ledger: Ledger) -> None:
    ledger.remember([a_level(units_seen=1), a_level(units_seen=2)])

    assert ledger.levels_of("own", 1)[5001].units_seen == 2


def test_a_person_moves_a_level_and_its_binding_begins_anew(ledger: Ledger) -> None:
    ledger.remember([a_level(owner_truth="rms", rms_item_id=7)])

    assert ledger.move_level("own", 5001, 1, "partner:x")
    assert not ledger.move_level("other", 5001, 1, "partner:x")
    level = ledger.levels_of("own", 1)[5001]
    assert (level.owner_truth, level.rms_item_id) == ("partner:x", None)


def test_a_person_confirms_another_rms_item(ledger: Ledger) -> None:
    ledger.remember([a_level(owner_truth="rms", rms_item_id=7)])

    assert ledger.confirm_rebinding("own", 5001, 1, 8)
    assert not ledger.confirm_rebinding("own", 5001, 2, 8)
    assert ledger.levels_of("own", 1)[5001].rms_item_id == 8


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    readings=st.lists(
        st.tuples(st.integers(0, 5), st.integers(-3, 9), st.sampled_from([None, "rms", "partner:x"])),
        min_size=1,
        max_size=8,
    ),
    number=st.integers(1, 10**9),
)
def test_readings_in_any_order_leave_the_newest_and_the_first_owner(
    ledger: Ledger, readings: list[tuple[int, int, str | None]], number: int
) -> None:
    account = f"own-{number}-{hash(tuple(readings))}"
    expected: tuple[int, int] = (-1, 0)
    owner = None
    for age, units, truth in readings:
        ledger.remember(
            [a_level(account=account, seen_at=NOW + age * HOUR, units_seen=units, owner_truth=truth)]
        )
        if age >= expected[0]:
            expected = (age, units)
            owner = owner or truth

    level = ledger.levels_of(account, 1)[5001]
    assert (level.seen_at, level.units_seen) == (NOW + expected[0] * HOUR, expected[1])
    assert level.owner_truth == owner


def test_attempts_are_kept_by_account(ledger: Ledger) -> None:
    ledger.record_attempts("own", [1, 2, 2], NOW)
    ledger.record_attempts("own", [2], NOW + HOUR)
    ledger.record_attempts("other", [3], NOW)
    ledger.record_attempts("own", [], NOW)

    assert ledger.attempts("own") == {1: NOW, 2: NOW + HOUR}


def test_the_first_location_stays_until_a_person_changes_it(ledger: Ledger) -> None:
    assert ledger.location("shopify", "own") is None
    assert ledger.use_location("shopify", "own", 1, NOW) == 1
    assert ledger.use_location("shopify", "own", 2, NOW) == 1
    assert ledger.use_location("shopify", "other", 2, NOW) == 2

    ledger.confirm_location("shopify", "own", 2, NOW)
    ledger.confirm_location("bricklink", "own", 3, NOW)
    assert ledger.location("shopify", "own") == 2 == ledger.use_location("shopify", "own", 1, NOW)
    assert ledger.location("bricklink", "own") == 3


def _snapshot(run: Run, variant: int, **data: str) -> Snapshot:
    return Snapshot(
        run.account, variant, 101, run.id, f"sku-{variant}", "24x104", {"price": "1.00", **data}, NOW
    )


def test_a_snapshot_is_a_deleted_variant_only_once_it_is_marked(ledger: Ledger) -> None:
    run = ledger.start_run(a_run())
    first, second = _snapshot(run, 1), _snapshot(run, 2)
    ledger.store_snapshots([first, second])
    assert ledger.deleted_variants("own") == []

    ledger.mark_deleted("other", [2], NOW)
    ledger.mark_deleted("own", [1], NOW + HOUR)

    gone = replace(first, deleted_at=NOW + HOUR)
    assert ledger.deleted_variants("own") == [gone] == ledger.deleted_variants("own", ["sku-1", "sku-2"])
    assert ledger.deleted_variants("own", ["sku-2"]) == []
    assert ledger.deleted_variants("other") == []


def test_a_later_snapshot_replaces_one_whose_variant_was_not_deleted(ledger: Ledger) -> None:
    run = ledger.start_run(a_run())
    ledger.store_snapshots([_snapshot(run, 1, title="old")])
    ledger.store_snapshots([_snapshot(run, 1, title="new")])
    ledger.mark_deleted("own", [1], NOW)
    ledger.store_snapshots([replace(_snapshot(run, 1, title="too late"), taken_at=NOW + timedelta(days=1))])

    assert [found.data["title"] for found in ledger.deleted_variants("own")] == ["new"]


def test_a_deleted_variant_comes_back_once_and_as_whom_is_known(ledger: Ledger) -> None:
    run = ledger.start_run(a_run())
    ledger.store_snapshots([_snapshot(run, 1), _snapshot(run, 2)])
    assert ledger.deleted_variant("own", 1) is None
    ledger.mark_deleted("own", [1, 2], NOW)

    ledger.intend_restore("own", 1, "key-1")
    ledger.intend_restore("other", 2, "key-2")
    tried = ledger.deleted_variant("own", 1)
    assert tried
    assert (tried.restore_key, tried.restored_at) == ("key-1", None)
    ledger.record_restore("own", 1, (9001, 9002), NOW + HOUR)
    ledger.record_restore("other", 2, (9003, 9004), NOW + HOUR)

    assert ledger.deleted_variant("own", 1) == replace(
        tried, restored_variant_id=9001, restored_item_id=9002, restored_at=NOW + HOUR
    )
    untouched = ledger.deleted_variant("own", 2)
    assert untouched
    assert (untouched.restore_key, untouched.restored_at) == (None, None)
    ledger.intend_restore("own", 2, "key-3")
    ledger.intend_restore("own", 2, None)
    assert ledger.deleted_variant("own", 2) == untouched
    assert ledger.deleted_variant("other", 1) is None


def test_a_sweep_is_remembered_by_account(ledger: Ledger) -> None:
    """The latest day for which older marks were swept away; none before the first sweep."""
    ledger.use_location("shopify", "own", 1, NOW)
    ledger.use_location("shopify", "other", 1, NOW)
    assert ledger.swept_on("shopify", "own") is None
    ledger.record_sweep("shopify", "own", NOW.date())
    assert ledger.swept_on("shopify", "own") == NOW.date()
    assert ledger.swept_on("shopify", "other") is None
