"""How a partner is after a sync, and what people should hear of."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import (
    ConfigurationError,
    EvenstockError,
    Malformed,
    NeedsConsent,
    RateLimited,
    Refused,
    Transient,
    Unauthorised,
)
from connectors.ledger import Partner, SyncLog
from connectors.ledger.records import HEALTH
from tasks.health import Findings, Health, health, scope_of
from tests.connectors.ledger_samples import HOUR, NOW

ROAST = Partner("own", "roast.example", "https://roast.example", "Roast", NOW - 100 * HOUR, id=1)
SYNCED = replace(ROAST, last_inventory_sync=NOW - HOUR)


def a_log(failed: int, of: int = 10, *, hours_ago: int = 0) -> SyncLog:
    at = NOW - hours_ago * HOUR
    return SyncLog(
        "own", 1, "run", at, status="completed", items_processed=of, items_failed=failed, completed_at=at
    )


def judged(found: Findings, *failed: int, partner: Partner = SYNCED) -> Health:
    """After runs in which so many of ten items failed, the newest first."""
    logs = [a_log(each, hours_ago=number) for number, each in enumerate(failed)]
    return health(partner, logs, found, NOW, timedelta(hours=48))


def kinds(found: Health) -> list[str]:
    return [cause.key.removeprefix(scope_of(ROAST)) for cause in found.causes]


def test_all_well() -> None:
    assert judged(Findings(), 0, 9, 9) == Health("healthy")


@pytest.mark.parametrize(
    ("error", "kind", "advice"),
    [
        (Unauthorised("401"), "token", "partners add"),
        (NeedsConsent("refresh token expired"), "token", "evenstock partners consent roast.example"),
        (Transient("503 five times"), "unreachable", "503 five times"),
        (RateLimited("slow down"), "unreachable", "slow down"),
        (Malformed("<html>"), "unreadable", "<html>"),
        (Refused("no"), "unreadable", "no"),
        (ConfigurationError("EVENSTOCK_SECRET_KEY is not set"), "settings", "EVENSTOCK_SECRET_KEY"),
    ],
)
def test_a_partner_that_cannot_be_read_has_failed_at_once(
    error: EvenstockError, kind: str, advice: str
) -> None:
    found = judged(Findings(error=error), 0)

    assert (found.status, kinds(found)) == ("failed", [kind])
    assert advice in found.causes[0].message
    assert found.causes[0].message.startswith("Partner Roast (roast.example): ")


@pytest.mark.parametrize(
    ("failed", "status", "expected"),
    [
        ((6, 6, 6), "failed", ["items"]),
        ((6, 6, 5), "warning", []),
        ((5, 6, 6), "warning", []),
        ((0, 6, 6), "healthy", []),
        ((6, 6), "warning", []),
        ((6, 6, 6, 0), "failed", ["items"]),
    ],
)
def test_three_runs_in_a_row_with_more_than_half_failing(
    failed: tuple[int, ...], status: str, expected: list[str]
) -> None:
    found = judged(Findings(), *failed)
    assert (found.status, kinds(found)) == (status, expected)


def test_runs_that_read_nothing_neither_count_nor_break_the_row() -> None:
    logs = [a_log(6), a_log(0, of=0), a_log(6), replace(a_log(0), completed_at=None), a_log(6)]
    assert kinds(health(SYNCED, logs, Findings(), NOW, 48 * HOUR)) == ["items"]


@pytest.mark.parametrize("found", [Findings(conflicts=1), Findings(held=1)])
def test_a_conflict_or_something_held_is_a_warning_without_a_mail(found: Findings) -> None:
    assert judged(found, 0) == Health("warning")


def test_variants_that_are_gone_are_told_by_name() -> None:
    found = judged(Findings(gone=["B (7)", "A (3)"]), 0)

    assert (found.status, kinds(found)) == ("warning", ["gone"])
    assert found.causes[0].subjects == ["A (3)", "B (7)"]
    assert "2 of its variants are gone" in found.causes[0].message
    assert "- A (3)\n- B (7)" in found.causes[0].message


def test_many_that_are_gone_make_no_endless_mail() -> None:
    cause = judged(Findings(gone=[f"variant {number}" for number in range(500)]), 0).causes[0]
    assert "… and 480 more" in cause.message
    assert len(cause.subjects) == 500


def test_goods_that_are_on_sale_unverified_are_counted() -> None:
    old = replace(ROAST, last_inventory_sync=NOW - 50 * HOUR)
    found = judged(Findings(error=Transient("away"), units=321), partner=old)

    assert kinds(found) == ["unreachable", "stale"]
    assert "321 units are on sale unverified for 50 hours" in found.causes[1].message
    assert "they stay on sale" in found.causes[1].message
    zeroed = judged(Findings(error=Transient("away")), partner=replace(old, when_stale="zero"))
    assert "they are taken to zero" in zeroed.causes[1].message


def test_a_partner_that_was_never_read_is_stale_from_when_it_was_added() -> None:
    assert kinds(judged(Findings(error=Transient("away")), partner=ROAST)) == ["unreachable", "stale"]
    young = replace(ROAST, created_at=NOW - 47 * HOUR)
    assert kinds(judged(Findings(error=Transient("away")), partner=young)) == ["unreachable"]


def test_goods_without_a_number_are_a_warning_and_told_once_that_is_so_for_too_long() -> None:
    young, old, sold_out = (6, NOW - 47 * HOUR), (7, NOW - 50 * HOUR), (0, NOW - 90 * HOUR)
    assert judged(Findings(unverified=[young, sold_out]), 0) == Health("warning")
    found = judged(Findings(unverified=[young, old, sold_out]), 0)

    assert (found.status, kinds(found)) == ("warning", ["stale"])
    assert "7 units are on sale unverified for 50 hours" in found.causes[0].message


def test_a_partner_that_was_read_just_now_is_not_stale() -> None:
    assert judged(Findings(units=5), 0, partner=ROAST) == Health("healthy")


errors = st.sampled_from(
    [None, Transient("x"), Unauthorised("x"), NeedsConsent("x"), Malformed("x"), ConfigurationError("x")]
)


@given(
    errors,
    st.lists(st.integers(0, 10), max_size=6),
    st.lists(st.text(max_size=5), max_size=4),
    st.integers(0, 3),
    st.integers(1, 200),
)
def test_status_and_causes_agree(
    error: EvenstockError | None, failed: list[int], gone: list[str], held: int, age: int
) -> None:
    partner = replace(ROAST, last_inventory_sync=NOW - age * HOUR)
    found = judged(Findings(error=error, gone=gone, held=held), *failed, partner=partner)

    keys = [cause.key for cause in found.causes]
    assert found.status in HEALTH
    assert len(set(keys)) == len(keys)
    assert all(key.startswith(scope_of(partner)) for key in keys)
    assert (found.status == "failed") == bool(set(kinds(found)) - {"gone", "stale"})
    assert not (found.status == "healthy" and found.causes)
    assert ("stale" in kinds(found)) == (error is not None and age >= 48)
