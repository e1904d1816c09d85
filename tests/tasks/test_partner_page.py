"""What people read of partners in the Prefect UI."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from connectors.ledger import Partner, SyncLog
from tasks.partner_page import FAILURES, markdown, table
from tests.connectors.ledger_samples import HOUR, NOW


def a_partner(number: int, status: str | None = None, **more: object) -> Partner:
    name = f"p{number}.example"
    made = Partner("own", name, f"https://{name}", f"Partner {number}", NOW, id=number)
    return replace(made, inventory_sync_status=status, **more)  # type: ignore[arg-type]


def a_log(partner: int, hours_ago: float = 0, **more: object) -> SyncLog:
    return replace(SyncLog("own", partner, "run", NOW - hours_ago * HOUR), **more)  # type: ignore[arg-type]


BROKEN = a_partner(
    1,
    "failed",
    last_inventory_sync=NOW - 50 * HOUR,
    last_attempt_at=NOW - timedelta(minutes=30),
    last_error="its token is | revoked",
)
FINE = a_partner(2, "healthy", last_inventory_sync=NOW - 3 * HOUR, last_attempt_at=NOW - 3 * HOUR)
SOME = a_partner(3, "warning", last_inventory_sync=NOW, last_attempt_at=NOW)
NEW = a_partner(4)
OFF = a_partner(5, "failed", is_active=False)


def test_every_partner_is_there_the_worst_first() -> None:
    page = markdown([FINE, NEW, OFF, SOME, BROKEN], {}, NOW)

    assert page.startswith(
        "# 5 partners: 1 failed, 1 with a warning, 1 healthy, 1 never synced, 1 disabled\n"
    )
    rows = [line for line in page.splitlines() if line.startswith("| Partner")]
    assert [row.split(" | ")[0] for row in rows] == [
        f"| Partner {number} (p{number}.example)" for number in (1, 3, 4, 2, 5)
    ]
    assert rows[0].split(" | ", 1)[1] == (
        "🔴 failed | 2026-11-19 13:30 UTC (2 days ago) | 2026-11-21 15:00 UTC (30 min ago)"
        " | its token is \\| revoked |"
    )
    assert "⚪ never synced | never | never" in rows[2]
    assert "🔴 failed, disabled" in rows[4]
    assert page.endswith("Nothing failed lately.")


def test_recent_failures_are_told_with_their_first_reason() -> None:
    errors = [{"message": "<b>503</b>"}, {"message": "again"}]
    logs = {
        1: [a_log(1, 1, status="failed", errors=errors), a_log(1, 2)],
        2: [a_log(2, 0.5, items_processed=9, items_failed=2, errors=[{"reason": "gone"}])],
    }
    page = markdown([BROKEN, FINE], logs, NOW).partition("## Failed lately")[2]

    rows = [line for line in page.splitlines() if "Partner" in line]
    assert len(rows) == 2
    assert rows[0].endswith("| Partner 2 | 2 | 9 | gone |")
    assert rows[1].endswith("| Partner 1 | 0 | 0 | &lt;b&gt;503&lt;/b&gt; (and 1 more) |")


def test_a_page_stays_a_page() -> None:
    logs = {1: [a_log(1, hour, items_failed=1, items_processed=1) for hour in range(500)]}
    page = markdown([BROKEN], logs, NOW).partition("## Failed lately")[2]
    assert page.count("| Partner 1 |") == FAILURES


def test_nobody_there_says_what_to_do() -> None:
    assert "evenstock partners add" in markdown([], {}, NOW)
    assert table([], {}) == []


def test_the_table_has_the_figures_of_the_last_sync() -> None:
    logs = {3: [a_log(3, items_processed=90, items_updated=5, items_failed=2, items_skipped=1), a_log(3, 1)]}
    worst, best = table([NEW, SOME], logs)

    assert worst == {
        "partner": "p3.example",
        "name": "Partner 3",
        "health": "warning",
        "last sync": "2026-11-21 15:30 UTC",
        "last attempt": "2026-11-21 15:30 UTC",
        "items": 90,
        "updated": 5,
        "failed": 2,
        "skipped": 1,
        "last error": "",
    }
    assert (best["health"], best["items"], best["last sync"]) == ("never synced", None, "never")


@given(st.text(), st.text())
def test_names_of_strangers_stay_text(name: str, error: str) -> None:
    partner = replace(BROKEN, display_name=name, last_error=error)
    page = markdown([partner], {1: [a_log(1, items_failed=1, errors=[{"message": error}])]}, NOW)

    assert "<" not in page
    # Head and rule, a row each, and nothing that a stranger's line break made.
    assert len(page.split("\n")) == 11
