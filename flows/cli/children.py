"""Programs that a command starts and stops itself, by their process ids."""

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from os import killpg
from pathlib import Path
from types import FrameType

from connectors.errors import EvenstockError
from connectors.settings import child_environment

GRACE = 10.0
"""Seconds a child gets to end by itself."""


class ChildFailed(EvenstockError):  # noqa: N818 - says what happened, as all of our errors do
    """A program we started ended, or never got ready. Its last words are in the message."""


class Child:
    """A running program; what it says goes to a file, so that it does not reach the user's terminal."""

    def __init__(
        self, name: str, arguments: Sequence[str], log: Path, *, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self._log = log
        with log.open("wb") as said:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                [sys.executable, "-m", *arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for us; we then stop our children in order.
                start_new_session=True,
            )

    def said(self) -> str:
        """Everything it has said so far."""
        return self._log.read_text("utf-8", errors="replace")

    def wait_until(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Wait for it to get ready. Raises ChildFailed when it ends before, or takes too long."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if self._process.poll() is not None:
                raise ChildFailed(
                    f"{self.name} ended with status {self._process.returncode}: {self._last_words()}"
                )
            if time.monotonic() > deadline:
                raise ChildFailed(
                    f"{self.name} was not ready after {seconds:.0f} seconds: {self._last_words()}"
                )
            time.sleep(0.05)

    def wait(self, seconds: float) -> None:
        """Wait for it to end well. Raises ChildFailed when it does not."""
        self.wait_until(lambda: self._process.poll() == 0, seconds)

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask it to end, then end it and whatever it started."""
        if self.is_alive():
            self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        with suppress(ProcessLookupError, PermissionError):
            killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _last_words(self) -> str:
        lines = [line.strip() for line in self.said().splitlines() if line.strip()]
        return " ".join(lines[-3:])[-600:] or "it said nothing"


class Interrupts:
    """Ctrl-C and SIGTERM as KeyboardInterrupt, but never while a child is being started or stopped.

    One that came in between would leave a child that nobody knows of.
    """

    def __init__(self) -> None:
        self._is_busy = False
        self._is_waiting = False
        self._before = {each: signal.signal(each, self._come) for each in (signal.SIGINT, signal.SIGTERM)}

    def _come(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if not self._is_busy:
            raise KeyboardInterrupt
        self._is_waiting = True

    @contextmanager
    def later(self) -> Iterator[None]:
        """Interrupts wait until this is over."""
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False
        if self._is_waiting:
            self._is_waiting = False
            raise KeyboardInterrupt

    def end(self) -> None:
        """As it was before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


class Family:
    """The children of one command, with a folder for what they say and keep."""

    def __init__(self, folder: Path, interrupts: Interrupts) -> None:
        self.folder = folder
        self._interrupts = interrupts
        self._children: list[Child] = []

    def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Start `python -m arguments`; it is stopped at the end at the latest."""
        log = self.folder / f"{name.replace(' ', '-')}-{len(self._children)}.log"
        with self._interrupts.later():
            child = Child(name, arguments, log, environment=environment)
            self._children.append(child)
        return child

    def stop(self) -> None:
        """Stop all, the last started first."""
        while self._children:
            self._children.pop().stop()


@contextmanager
def family() -> Iterator[Family]:
    """Children that are stopped, and a folder that is removed, however the command ends."""
    interrupts = Interrupts()
    folder = Path(tempfile.mkdtemp(prefix="evenstock-"))
    children = Family(folder, interrupts)
    try:
        yield children
    finally:
        try:
            with interrupts.later():
                children.stop()
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            interrupts.end()


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class PrefectServer:
    """A Prefect server of our own on a free loopback port, in the folder `home` (None: the user's own)."""

    def __init__(self, children: Family, home: Path | None, *, with_ui: bool = False) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.api = f"{self.address}/api"
        extra = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_SERVER_UI_API_URL": self.api}
        extra |= {"PREFECT_HOME": str(home)} if home else {}
        arguments = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        arguments += [] if with_ui else ["--no-services", "--no-ui"]
        self._child = children.start("the Prefect server", arguments, child_environment(extra, clean=True))

    def wait(self) -> None:
        """Wait until it answers. Raises ChildFailed."""
        self._child.wait_until(self._answers, 120)

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/api/health")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


class Sandbox:
    """The stand-ins as a child. `settings` point Evenstock at them, once they are ready."""

    def __init__(self, children: Family, arguments: Sequence[str]) -> None:
        self.settings: dict[str, str] = {}
        environment = child_environment({"PYTHONUNBUFFERED": "1"}, clean=True)
        self._child = children.start("the sandbox", ["sandbox", *arguments], environment)

    def wait(self) -> None:
        """Wait until it says `ready`. Raises ChildFailed."""
        self._child.wait_until(lambda: "ready" in self._child.said().splitlines(), 60)
        pairs = (line.partition("=") for line in self._child.said().splitlines())
        self.settings = {name: value for name, equals, value in pairs if equals and name.isidentifier()}
