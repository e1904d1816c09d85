"""Judge what a supplier's complete list lacked: whether the list is believed, and what is gone for good."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SIGHTINGS: Final = 3
"""So often in a row something must be missing to count as gone."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be missing from one list before nobody believes it: a few always, else up to a share."""

    min_count: int = 5
    max_share: float = 0.25


def doubt(known: int, missing: int, limits: Limits) -> str:
    """Why a list that lacks so many of those known is not believed; "" if it is.

    `missing`: those that were there until now; what was missing before is in neither number.
    """
    if missing <= limits.min_count or missing <= limits.max_share * known:
        return ""
    return f"{missing} of {known} are missing from it"


def gone(
    missing: Mapping[str, tuple[datetime, int]],
    among: Collection[str],
    now: datetime,
    gone_after: timedelta | None,
) -> set[str]:
    """Which of these were missing often enough, for long enough. `gone_after` None: nothing ever is."""
    if gone_after is None:
        return set()
    found = ((key, missing[key]) for key in among if key in missing)
    return {key for key, (since, sightings) in found if sightings >= SIGHTINGS and now - since >= gone_after}
