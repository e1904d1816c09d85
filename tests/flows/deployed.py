"""A Prefect server, the deployments of prefect.yaml and a worker, as programs of their own."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, LogFilter
from prefect.client.schemas.objects import Artifact, FlowRun, Log, State, StateType
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from connectors.settings import child_environment
from flows.cli.children import Child, Family, PrefectServer, family
from tests.flows.stage import Stage, staged
from tests.flows.trade import KEY
from tests.flows.workers import Gate
from tests.mails import PostOffice, post_office

T = TypeVar("T")

PROJECT = Path(__file__).parents[2]
POOL = "evenstock"
WORKER = ("prefect", "worker", "start", "--pool", POOL, "--type", "process", "--install-policy", "never")


@dataclass(frozen=True, slots=True)
class Told:
    """What a person finds in the Prefect UI of a run that has ended."""

    run: FlowRun
    state: State[Any]
    logs: tuple[Log, ...]
    artifacts: dict[str, str]

    @property
    def report(self) -> dict[str, Any]:
        """The persisted result."""
        found = self.state.result(raise_on_failure=False)
        assert isinstance(found, dict)
        return found

    def errors(self) -> list[str]:
        """Lines of the run's log above WARNING."""
        return [log.message for log in self.logs if log.level > 30]


class Deployed:
    """The deployments of a running server, with the world that their runs work on.

    `hire`: one worker more, with more arguments if need be.
    """

    def __init__(
        self,
        stage: Stage,
        client: SyncPrefectClient,
        settings: dict[str, str],
        mails: PostOffice,
        hire: Callable[..., Child],
    ) -> None:
        self.mails = mails
        self.hire = hire
        self.stage = stage
        self.settings = settings
        self.client = client
        self.worker = hire()

    def start(self, deployment: str, **parameters: object) -> UUID:
        """Ask for a run, as the button *Run* does."""
        found = self.client.read_deployment_by_name(deployment)
        return self.client.create_flow_run_from_deployment(found.id, parameters=parameters).id

    def run(self, deployment: str, **parameters: object) -> Told:
        """Ask for a run and wait for its end."""
        return self.ended(self.start(deployment, **parameters))

    def retry(self, ended: UUID) -> Told:
        """Run it again under its own id, as the button *Retry* does, and wait for its end."""
        again = State[Any](type=StateType.SCHEDULED, name="AwaitingRetry", message="Retry from the UI")
        self.client.set_flow_run_state(ended, again, force=True)
        return self.ended(ended, starts=2)

    def ended(self, started: UUID, starts: int = 1) -> Told:
        """A run when it has ended and its log has arrived, which comes in pieces."""
        return until(lambda: self._told(started, starts), f"run {started} did not end")

    def _told(self, started: UUID, starts: int) -> Told | None:
        run = self.client.read_flow_run(started)
        if run.state is None or not run.state.is_final():
            return None
        asked = LogFilter.model_validate({"flow_run_id": {"any_": [started]}})
        logs = self.client.read_logs(asked, limit=200)
        ends = [log for log in logs if log.task_run_id is None and "Finished in state" in log.message]
        # A crash leaves no such line.
        if len(ends) < starts and not run.state.is_crashed():
            return None
        return Told(run, run.state, tuple(logs), self._artifacts(started))

    def _artifacts(self, run: UUID) -> dict[str, str]:
        asked = ArtifactFilter.model_validate({"flow_run_id": {"any_": [run]}})
        found = self.client.read_artifacts(artifact_filter=asked)
        return {each.key: str(each.data) for each in sorted(found, key=_made) if each.key}

    def runs_of(self, deployment: str) -> list[FlowRun]:
        """Every run of a deployment, also those still to come."""
        found = self.client.read_deployment_by_name(deployment)
        return [run for run in self.client.read_flow_runs() if run.deployment_id == found.id]


def _made(artifact: Artifact) -> str:
    return str(artifact.created)


def until(look: Callable[[], T | None], otherwise: str, seconds: float = 180) -> T:
    """What `look` finds at last; it is asked again and again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(otherwise)


@contextmanager
def deployed(folder: Path) -> Iterator[Deployed]:
    """Start everything as the README says, in folders of its own; stop it at the end."""
    settings: dict[str, str] = {}
    with (
        staged(folder, settings.__setitem__, kind=Gate) as stage,
        family() as children,
        post_office() as mails,
    ):
        settings |= mails.settings | {"EVENSTOCK_SECRET_KEY": KEY}
        home = folder / "prefect"
        server = PrefectServer(children, home=home, with_ui=True)
        server.wait()
        environment = child_environment(settings | _prefect(server, home), clean=True)
        with temporary_settings({PREFECT_API_URL: server.api, PREFECT_HOME: home}):
            _deploy(children, environment)

            def hire(*more: str) -> Child:
                return children.start("a worker", [*WORKER, *more], environment)

            with get_client(sync_client=True) as client:
                yield Deployed(stage, client, settings, mails, hire)


def _prefect(server: PrefectServer, home: Path) -> dict[str, str]:
    return {
        "PREFECT_API_URL": server.api,
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }


def _deploy(children: Family, environment: dict[str, str]) -> None:
    file = str(PROJECT / "prefect.yaml")
    pool = ["prefect", "work-pool", "create", POOL, "--type", "process"]
    children.start("the work pool", pool, environment).wait(60)
    deploy = ["prefect", "--no-prompt", "deploy", "--all", "--prefect-file", file]
    children.start("the deployments", deploy, environment).wait(120)
