"""Whose day it is, and what its mark looks like."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import day

DAY = date(2026, 11, 20)
UTC_ZONE = ZoneInfo("UTC")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestMark:
    @pytest.mark.parametrize(
        ("when", "mark"),
        [
            (date(2025, 1, 23), "RMS-SYNC-25-01-23"),
            (date(2026, 12, 31), "RMS-SYNC-26-12-31"),
            (date(2027, 1, 1), "RMS-SYNC-27-01-01"),
            (date(2028, 2, 29), "RMS-SYNC-28-02-29"),
        ],
    )
    def test_is_the_main_syncs(self, when: date, mark: str) -> None:
        assert day.mark_of(when) == mark

    @given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
    def test_can_be_read_again(self, when: date) -> None:
        assert day.day_of(day.mark_of(when)) == when
        assert day.day_of(f" {day.mark_of(when).lower()} ") == when

    @pytest.mark.parametrize(
        "tag",
        [
            "",
            "sale",
            "RMS-SYNC",
            "RMS-SYNC-26-02-30",
            "RMS-SYNC-26-13-01",
            "RMS-SYNC-2026-11-20",
            "RMS-SYNC-26-11-20-old",
            "XRMS-SYNC-26-11-20",
            "RMS-SYNC-26-1-2",
        ],
    )
    def test_is_not_any_tag(self, tag: str) -> None:
        assert day.day_of(tag) is None


class TestTags:
    TAGS = ("sale", "RMS-SYNC-26-11-18", "rms-sync-26-11-19", "RMS-SYNC-26-11-21", "RMS-SYNC-25-12-31")

    def test_only_marks_of_earlier_days_are_replaced(self) -> None:
        older = ("RMS-SYNC-26-11-18", "rms-sync-26-11-19", "RMS-SYNC-25-12-31")
        assert day.older_marks(self.TAGS, DAY) == older
        assert day.older_marks([day.mark_of(DAY)], DAY) == ()

    def test_a_later_mark_tells_of_another_zone(self) -> None:
        assert day.has_future_mark(self.TAGS, DAY)
        assert not day.has_future_mark(self.TAGS, date(2026, 11, 21))

    def test_the_days_mark_is_known_in_any_spelling(self) -> None:
        assert day.is_marked(["x", "rms-sync-26-11-20"], DAY)
        assert not day.is_marked(self.TAGS, DAY)

    @given(st.lists(st.dates(date(2026, 1, 1), date(2026, 12, 31)).map(day.mark_of)), st.dates())
    def test_every_mark_is_older_todays_or_later(self, tags: list[str], today: date) -> None:
        older = day.older_marks(tags, today)
        rest = [tag for tag in tags if tag not in older]
        assert all(day.is_marked([tag], today) or day.has_future_mark([tag], today) for tag in rest)


class TestDayOfRun:
    @pytest.mark.parametrize(
        ("scheduled", "started", "expected"),
        [
            pytest.param("2026-11-20T23:30", "2026-11-20T23:30", "2026-11-20", id="on time"),
            pytest.param("2026-11-20T23:30", "2026-11-21T00:10", "2026-11-20", id="across midnight"),
            pytest.param("2026-11-20T20:00", "2026-11-21T02:00", "2026-11-20", id="six hours late"),
            pytest.param("2026-11-20T20:00", "2026-11-21T02:01", "2026-11-21", id="later than that"),
            pytest.param("2026-11-17T20:00", "2026-11-20T08:00", "2026-11-20", id="days late"),
            pytest.param("2026-11-21T00:10", "2026-11-20T23:59", "2026-11-21", id="started a little early"),
        ],
    )
    def test_is_that_of_the_schedule_unless_it_is_long_gone(
        self, scheduled: str, started: str, expected: str
    ) -> None:
        assert day.day_of_run(at(scheduled), at(started), UTC_ZONE) == date.fromisoformat(expected)

    @pytest.mark.parametrize(
        ("zone", "expected"),
        [
            ("America/Santo_Domingo", "2026-11-20"),
            ("UTC", "2026-11-21"),
            ("Pacific/Auckland", "2026-11-21"),
            ("Pacific/Kiritimati", "2026-11-21"),
            ("Pacific/Pago_Pago", "2026-11-20"),
        ],
    )
    def test_is_the_shops(self, zone: str, expected: str) -> None:
        moment = at("2026-11-21T02:30")
        assert day.day_of_run(moment, moment, ZoneInfo(zone)) == date.fromisoformat(expected)

    @pytest.mark.parametrize(
        ("moment", "expected"),
        [
            ("2026-03-28T22:59", "2026-03-28"),
            ("2026-03-28T23:00", "2026-03-29"),
            ("2026-03-29T21:59", "2026-03-29"),
            ("2026-03-29T22:00", "2026-03-30"),
            ("2026-10-24T21:59", "2026-10-24"),
            ("2026-10-24T22:00", "2026-10-25"),
            ("2026-10-25T22:59", "2026-10-25"),
            ("2026-10-25T23:00", "2026-10-26"),
        ],
    )
    def test_begins_at_midnight_also_when_clocks_change(self, moment: str, expected: str) -> None:
        madrid = ZoneInfo("Europe/Madrid")
        assert day.day_of_run(at(moment), at(moment), madrid) == date.fromisoformat(expected)

    def test_six_hours_are_six_hours_when_clocks_change(self) -> None:
        """From 20:00 to 03:01 by the wall is six hours and a minute in the night that loses one."""
        madrid = ZoneInfo("Europe/Madrid")
        scheduled = datetime(2026, 3, 28, 20, tzinfo=madrid).astimezone(UTC)
        on_time, late = scheduled + timedelta(hours=6), scheduled + timedelta(hours=6, minutes=1)
        assert day.day_of_run(scheduled, on_time, madrid) == date(2026, 3, 28)
        assert day.day_of_run(scheduled, late, madrid) == date(2026, 3, 29)

    @given(
        st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
        st.integers(0, 6 * 60),
        st.sampled_from(["UTC", "Europe/Madrid", "America/Santo_Domingo", "Asia/Kolkata"]),
    )
    def test_is_kept_by_retries(self, scheduled: datetime, minutes: int, zone: str) -> None:
        here = ZoneInfo(zone)
        expected = day.day_of_run(scheduled, scheduled, here)
        assert day.day_of_run(scheduled, scheduled + timedelta(minutes=minutes), here) == expected
