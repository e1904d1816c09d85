"""The flow *maintenance* under Prefect: what becomes of its late and stuck runs and of old artifacts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect import flow, get_client
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import State, StateType
from prefect.context import tags
from prefect.states import Late, Pending, Scheduled

from connectors.settings import load_settings
from connectors.shape import as_object
from flows.maintenance import maintenance
from tasks import prefect_care
from tasks.desk import ledger_of
from tasks.lease import clock
from tests.worlds import NOW

pytestmark = pytest.mark.orchestrated

OURS = ["evenstock"]


@flow
def some_flow() -> None:
    """A run with something to show."""
    create_markdown_artifact("old", key="maintenance-test")


@dataclass(frozen=True)
class Runs:
    """Runs that Prefect keeps."""

    client: SyncPrefectClient

    def made(self, state: State[None], of: list[str], then: State[None] | None = None) -> UUID:
        run = self.client.create_flow_run(some_flow, tags=of, state=state, name=f"run-{uuid4()}")
        if then:
            self.client.set_flow_run_state(run.id, then, force=True)
        return run.id

    def states(self, *runs: UUID) -> list[StateType | None]:
        return [self.client.read_flow_run(each).state_type for each in runs]

    def artifacts(self) -> int:
        wanted = ArtifactFilter(key=ArtifactFilterKey(any_=["maintenance-test"]))
        return len(self.client.read_artifacts(artifact_filter=wanted))


@pytest.fixture
def runs(prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    monkeypatch.setenv("EVENSTOCK_NOW", NOW.isoformat())
    monkeypatch.setenv("EVENSTOCK_DATABASE_URL", f"sqlite:///{tmp_path}/ledger.db")
    ledger_of(load_settings())
    with get_client(sync_client=True) as client:
        yield Runs(client)


def long_ago() -> datetime:
    return clock() - timedelta(days=2)


def test_ends_runs_of_ours_that_are_late_or_stuck_and_no_others(runs: Runs) -> None:
    late = runs.made(Late(scheduled_time=long_ago()), OURS)
    stuck = runs.made(Scheduled(scheduled_time=long_ago()), OURS, Pending())
    foreign = runs.made(Late(scheduled_time=long_ago()), [])
    soon = runs.made(Scheduled(scheduled_time=clock() + timedelta(hours=1)), OURS)
    before = runs.states(late, stuck, foreign, soon)

    shown = dict(maintenance(dry_run=True))
    assert runs.states(late, stuck, foreign, soon) == before
    report = dict(maintenance())

    assert report["success"], report["errors"]
    counts = as_object(report["counts"], "counts")
    assert (counts["late_runs"], counts["stuck_runs"]) == (1, 1)
    assert shown["counts"] == counts
    assert runs.states(late, stuck) == [StateType.CANCELLED, StateType.CRASHED]
    assert runs.states(foreign, soon) == before[2:]


def test_deletes_artifacts_of_runs_of_ours_that_are_old(runs: Runs) -> None:
    some_flow()
    with tags(*OURS):
        some_flow()
    assert runs.artifacts() == 2

    later = clock() + timedelta(days=1)
    for dry_run, left in ((True, 2), (False, 1)):
        cleared = prefect_care.clear(clock(), timedelta(hours=1), later, dry_run=dry_run)
        assert cleared.artifacts >= 1
        assert runs.artifacts() == left
