"""What is checked before a run begins."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from connectors.errors import ConfigurationError
from connectors.records import ShopFacts
from connectors.settings import Settings
from tasks.check import Verdict, judge_zone
from tasks.start import the_zone

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def facts(timezone: str) -> ShopFacts:
    return ShopFacts("own.myshopify.com", "Own", timezone, "2026-10", frozenset())


def test_days_are_counted_in_the_zone_of_the_setting_else_in_the_stores() -> None:
    chosen = Settings(_env_file=None, reverse_sync_timezone="Europe/Madrid")
    assert the_zone(chosen, facts("America/Lima")) == ZoneInfo("Europe/Madrid")
    assert the_zone(Settings(_env_file=None), facts("America/Lima")) == ZoneInfo("America/Lima")


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc", "America"])
def test_a_zone_that_this_machine_does_not_know_is_one_sentence(name: str) -> None:
    with pytest.raises(ConfigurationError, match="set REVERSE_SYNC_TIMEZONE"):
        the_zone(Settings(_env_file=None), facts(name))
    (found,) = judge_zone(name, None, NOW)
    assert found.verdict is Verdict.FAIL
    (found,) = judge_zone(name, "Europe/Madrid", NOW)
    assert found.verdict is Verdict.WARN
