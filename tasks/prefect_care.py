"""Clear what Prefect keeps for ever: runs of ours that never began or are far too late, old artifacts.

Where no Prefect server is configured there is nothing to clear.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelled, Crashed

OURS: Final = FlowRunFilterTags(all_=["evenstock"])
PAGE: Final = 200
STUCK: Final = timedelta(minutes=10)
"""A run that is pending for so long never begins."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many there were: runs that never began, runs far too late, artifacts."""

    stuck: int = 0
    late: int = 0
    artifacts: int = 0


def clear(now: datetime, late_after: timedelta, artifacts_before: datetime, *, dry_run: bool) -> Cleared:
    """Mark stuck runs as crashed, cancel late ones, delete old artifacts; a dry run only counts."""
    if not PREFECT_API_URL.value():
        return Cleared()
    with get_client(sync_client=True) as client:
        return Cleared(
            _ended(client, _stuck(now), Crashed(message=NEVER_BEGAN), dry_run=dry_run),
            _ended(client, _late(now - late_after), Cancelled(message=TOO_LATE), dry_run=dry_run),
            _artifacts(client, artifacts_before, dry_run=dry_run),
        )


NEVER_BEGAN: Final = "A worker took the run and it never began: is the worker alive? Run it again."
TOO_LATE: Final = "No worker took the run in time; a later one does its work."


def crash(prefect_run_ids: list[str]) -> None:
    """Mark the runs of dead processes as crashed, so that nobody waits for them."""
    if not PREFECT_API_URL.value():
        return
    with get_client(sync_client=True) as client:
        for each in prefect_run_ids:
            with _gone_is_fine():
                if client.read_flow_run(UUID(each)).state_type is StateType.RUNNING:
                    client.set_flow_run_state(UUID(each), Crashed(message=SILENT), force=True)


SILENT: Final = "The run's process gave no sign of life any more. The next run takes over its work."


def _stuck(now: datetime) -> FlowRunFilter:
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING]))
    since = FlowRunFilterExpectedStartTime(before_=now - STUCK)
    return FlowRunFilter(tags=OURS, state=state, expected_start_time=since)


def _late(before: datetime) -> FlowRunFilter:
    state = FlowRunFilterState(name=FlowRunFilterStateName(any_=["Late"]))
    since = FlowRunFilterExpectedStartTime(before_=before)
    return FlowRunFilter(tags=OURS, state=state, expected_start_time=since)


def _ended(client: SyncPrefectClient, which: FlowRunFilter, state: State[None], *, dry_run: bool) -> int:
    """Give these runs another state; how many there were. Never this very run."""
    found = [each for each in _runs(client, which) if str(each.id) != runtime.flow_run.id]
    for each in [] if dry_run else found:
        with _gone_is_fine():
            client.set_flow_run_state(each.id, state.fresh_copy(), force=True)
    return len(found)


def _runs(client: SyncPrefectClient, which: FlowRunFilter) -> list[FlowRun]:
    found: list[FlowRun] = []
    while page := client.read_flow_runs(flow_run_filter=which, limit=PAGE, offset=len(found)):
        found += page
    return found


def _artifacts(client: SyncPrefectClient, before: datetime, *, dry_run: bool) -> int:
    """Artifacts of runs of ours that began before then."""
    old = FlowRunFilter(tags=OURS, start_time=FlowRunFilterStartTime(before_=before))
    count = 0
    while page := client.read_artifacts(flow_run_filter=old, limit=PAGE, offset=count if dry_run else 0):
        for each in [] if dry_run else page:
            with _gone_is_fine():
                client.delete_artifact(each.id)
        count += len(page)
    return count


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    """Somebody else may clear the same at the same time."""
    try:
        yield
    except ObjectNotFound:
        return
