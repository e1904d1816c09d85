"""Programs that a command starts and stops itself, by their process ids."""

import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from os import killpg
from pathlib import Path
from types import FrameType

from connectors.errors import EvenstockError
from connectors.settings import child_environment
from flows.cli import guardian

GRACE = 5.0
"""Seconds the children get to end by themselves."""


class ChildFailed(EvenstockError):  # noqa: N818 - says what happened, as all of our errors do
    """A program we started ended, or never got ready. Its last words are in the message."""


class Child:
    """A running program; what it says goes to a file, so that it does not reach the user's terminal."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str],
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self._log = log
        with log.open("wb") as said:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                [sys.executable, "-m", *arguments],
                env=dict(environment),
                cwd=folder,
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
                raise self.failure()
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

    def has_failed(self) -> bool:
        """Whether it has ended, and not well."""
        return bool(self._process.poll())

    def failure(self) -> ChildFailed:
        """How it ended, in one sentence."""
        return ChildFailed(f"{self.name} ended with status {self._process.poll()}: {self._last_words()}")

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its group."""
        return self._process.pid

    def ask_to_stop(self) -> None:
        """Ask it to end, and do not wait for it."""
        if self.is_alive():
            self._process.terminate()

    def stop(self, seconds: float = GRACE) -> None:
        """Ask it to end, then end it and whatever it started."""
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, seconds))
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


class Guardian:
    """A program that ends the children if this process is killed and cannot end them itself."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-I", "-S", guardian.__file__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )

    def tell(self, change: str) -> None:
        """`+PID`: a child has started. `-PID`: it was stopped."""
        if self._process.stdin:
            # Without it only the most violent end leaves children behind.
            with suppress(OSError):
                self._process.stdin.write(f"{change}\n")
                self._process.stdin.flush()

    def end(self) -> None:
        """Let it go."""
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()
        self._process.wait()


class Family:
    """The children of one command, with a folder for what they say and keep."""

    def __init__(self, folder: Path, interrupts: Interrupts) -> None:
        self.folder = folder
        self._interrupts = interrupts
        self._children: list[Child] = []
        self._guardian = Guardian(folder)

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path | None = None,
    ) -> Child:
        """Start `python -m arguments`, in a folder if need be; it is stopped at the end at the latest."""
        log = self.folder / f"{name.replace(' ', '-')}-{len(self._children)}.log"
        with self._interrupts.later():
            child = Child(name, arguments, log, environment=environment, folder=folder)
            self._children.append(child)
            self._guardian.tell(f"+{child.pid}")
        return child

    def dead(self) -> Child | None:
        """One that has ended though nobody asked it to, if there is any."""
        return next((child for child in self._children if child.has_failed()), None)

    def stop(self) -> None:
        """Ask all to end, the last started first, and see to it that they do."""
        for child in reversed(self._children):
            child.ask_to_stop()
        deadline = time.monotonic() + GRACE
        while self._children:
            child = self._children.pop()
            child.stop(deadline - time.monotonic())
            self._guardian.tell(f"-{child.pid}")

    def end(self) -> None:
        """Stop all, and remove what they left."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._guardian.end()


@contextmanager
def family() -> Iterator[Family]:
    """Children that are stopped, and a folder that is removed, however the command ends."""
    interrupts = Interrupts()
    try:
        with interrupts.later():
            children = Family(Path(tempfile.mkdtemp(prefix="evenstock-")), interrupts)
        try:
            yield children
        finally:
            with interrupts.later():
                children.end()
    finally:
        interrupts.end()


def free_port(wanted: int = 0) -> int:
    """A port of this machine that nobody listens on now: the wanted one if possible."""
    with socket.socket() as probe:
        # As servers do it: a port whose last connections are only just gone is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            if wanted:
                return free_port()
            raise
        port: int = probe.getsockname()[1]
    return port


class PrefectServer:
    """A Prefect server of our own on a loopback port, in the folder `home` (None: the user's own).

    With a new `home` its database is a copy of an empty one that an earlier start has left in `.evenstock`:
    Prefect takes longer to make its tables than for all the rest of its start.
    """

    def __init__(
        self, children: Family, home: Path | None, *, with_ui: bool = False, port: int | None = None
    ) -> None:
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.api = f"{self.address}/api"
        self._tables = Tables(home) if home else None
        is_made = self._tables is not None and self._tables.bring()
        extra = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_SERVER_UI_API_URL": self.api}
        extra |= {"PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false"} if is_made else {}
        extra |= {"PREFECT_HOME": str(home)} if home else {}
        arguments = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        arguments += [] if with_ui else ["--no-services", "--no-ui"]
        self._child = children.start("the Prefect server", arguments, child_environment(extra, clean=True))

    def wait(self) -> None:
        """Wait until it answers. Raises ChildFailed."""
        self._child.wait_until(self._answers, 120)
        if self._tables:
            self._tables.keep()

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/api/health")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


class Tables:
    """The empty tables of a Prefect server, kept for the next one of the same version."""

    def __init__(self, home: Path) -> None:
        self._used = home / "prefect.db"
        self._kept = Path.cwd() / ".evenstock" / f"prefect-{version('prefect')}.db"
        self._is_new = not self._used.exists()

    def bring(self) -> bool:
        """Give a new server the kept ones. Whether there were any."""
        if not self._kept.is_file() or not self._is_new:
            return False
        self._used.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._kept, self._used)
        return True

    def keep(self) -> None:
        """Keep the tables of a server that has just begun. Without them the next one starts more slowly."""
        if self._kept.is_file() or not self._is_new:
            return
        half = self._kept.with_name(f"{self._kept.name}.{self._used.parent.parent.name}")
        with suppress(OSError, sqlite3.Error):
            self._kept.parent.mkdir(exist_ok=True)
            try:
                with closing(sqlite3.connect(self._used)) as used, closing(sqlite3.connect(half)) as copy:
                    used.backup(copy)
                half.chmod(0o600)
                half.replace(self._kept)
            finally:
                half.unlink(missing_ok=True)


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
