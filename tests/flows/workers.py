"""Processes that run the flow, and a shop that can keep one of them waiting until it is dead."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from prefect.client.orchestration import get_client

from sandbox.app import Sandbox
from sandbox.http import Request, Response
from tasks import slots
from tests.flows.mortal import LOG, REPORT, SYNC, TRACE, WATCHED, KillPoint, Moment, asked, operation_of
from tests.worlds import OWN

PROJECT = Path(__file__).parents[2]
PATIENCE = 60.0


class Nursery:
    """Forks workers that run the flow."""

    def __init__(self, requests: IO[str], answers: IO[str], *, has_server: bool) -> None:
        self._requests = requests
        self._answers = answers
        self._has_server = has_server

    def ask(self, **request: object) -> dict[str, Any]:
        """One request and its answer."""
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer

    def worker(
        self, folder: Path, point: KillPoint | None = None, *, flow: str = SYNC, **parameters: object
    ) -> "Worker":
        """A worker that runs a flow in this process's environment, up to its kill point if it has one."""
        folder.mkdir(parents=True)
        if self._has_server:
            with get_client(sync_client=True) as client:
                # The slots that killed ones held would be free again only after a minute.
                slots.arrange(client, OWN, most=10_000)
        request = {
            "folder": str(folder),
            "environment": dict(os.environ),
            "point": asked(point),
            "flow": flow,
            "parameters": parameters,
        }
        return Worker(self, self.ask(**request)["pid"], folder)


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that runs the flow."""

    nursery: Nursery
    pid: int
    folder: Path

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> int:
        """Wait for its end; its exit status, -9 after a kill."""
        status = int(self.nursery.ask(wait=self.pid)["status"])
        assert status != -signal.SIGABRT, f"it hung\n{self.log}"
        return status

    @property
    def report(self) -> dict[str, Any]:
        """What its run reported."""
        assert (self.folder / REPORT).exists(), self.log
        return dict(json.loads((self.folder / REPORT).read_text()))

    @property
    def events(self) -> list[str]:
        """What it did, in order: calls to shops and commits of the ledger."""
        trace = self.folder / TRACE
        return trace.read_text().splitlines() if trace.exists() else []

    @property
    def log(self) -> str:
        """What it said."""
        return (self.folder / LOG).read_text()


@contextmanager
def nursery(environment: Mapping[str, str]) -> Iterator[Nursery]:
    """A nursery; the workers' environment comes with each of them."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.flows.mortal"],
        cwd=PROJECT,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Nursery(process.stdin, process.stdout, has_server="PREFECT_API_URL" in environment)
        process.stdin.close()


@dataclass(slots=True)
class Hold:
    """One call that is kept waiting before it is carried out."""

    operation: str
    nth: int
    seen: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def is_due(self, operation: str) -> bool:
        """Count a call; whether it is the one."""
        self.seen += operation == self.operation
        return operation == self.operation and self.seen == self.nth


class Gate(Sandbox):
    """Stand-ins that can keep one call of a shop waiting, and know when a run has read its baseline."""

    _holds: tuple[Hold, ...] = ()
    _surprise: Callable[[], object] | None = None
    _is_read: bool = False

    @contextmanager
    def holding(self, point: KillPoint) -> Iterator[Hold]:
        """Keep the nth call of an operation waiting until it is released."""
        assert point.moment is Moment.IN_FLIGHT
        hold = Hold(point.event.removeprefix("call "), point.nth)
        self._holds += (hold,)
        try:
            yield hold
        finally:
            hold.released.set()
            self._holds = tuple(each for each in self._holds if each is not hold)

    @contextmanager
    def surprising(self, act: Callable[[], object]) -> Iterator[None]:
        """Let something happen after a run has read the products, just before it reads levels again."""
        self._surprise, self._is_read = act, False
        try:
            yield
        finally:
            self._surprise = None

    def answer(self, request: Request) -> Response:
        """The answer to a request, perhaps after a wait."""
        if not WATCHED.match(request.path):
            return super().answer(request)
        operation = operation_of(request.method, request.path, request.body)
        self._meet(operation)
        due = [hold for hold in self._holds if hold.is_due(operation)]
        for hold in due:
            hold.arrived.set()
            assert hold.released.wait(PATIENCE)
        try:
            return super().answer(request)
        finally:
            for hold in due:
                hold.done.set()

    def _meet(self, operation: str) -> None:
        self._is_read |= operation in {"products", "bulkOperationRunQuery"}
        if operation == "nodes" and self._is_read and self._surprise:
            act, self._surprise = self._surprise, None
            act()
