"""Only so many calls are on their way at once, in whatever thread or process."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connectors.errors import ConfigurationError
from connectors.flight import Berths, FileLocks, InFlight

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
HOLDS = """
import sys
from pathlib import Path
from connectors.flight import Berths, FileLocks, InFlight
flight = InFlight(2, berths=Berths("account", 2, FileLocks(Path(sys.argv[1]))))
flight.reserve(1.0)
flight.reserve(1.0)
print("taken", flush=True)
sys.stdin.readline()
flight.release(1.0)
print("left", flush=True)
sys.stdin.readline()
"""


@contextmanager
def _another(folder: Path) -> "Iterator[subprocess.Popen[str]]":
    """A process that has taken both places."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", HOLDS, str(folder)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        _hear(process, "taken")
        try:
            yield process
        finally:
            process.kill()


def _hear(process: "subprocess.Popen[str]", word: str) -> None:
    assert process.stdout
    assert process.stdout.readline().strip() == word


def _tell(process: "subprocess.Popen[str]") -> None:
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


def _started(flight: InFlight) -> tuple[threading.Thread, threading.Event]:
    """A call in a thread, and whether it is on its way."""
    away = threading.Event()

    def call() -> None:
        flight.reserve(1.0)
        away.set()

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread, away


def test_a_call_waits_for_one_of_another_process(tmp_path: Path) -> None:
    flight = InFlight(2, berths=Berths("account", 2, FileLocks(tmp_path)))
    with _another(tmp_path) as other:
        _, away = _started(flight)
        assert not away.wait(0.1)
        _tell(other)
        _hear(other, "left")
        assert away.wait(5)
        _, second = _started(flight)
        assert not second.wait(0.1)
        flight.release(1.0)
        assert second.wait(5)


def test_a_killed_process_gives_its_places_back(tmp_path: Path) -> None:
    flight = InFlight(2, berths=Berths("account", 2, FileLocks(tmp_path)))
    with _another(tmp_path) as other:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        for _ in range(2):
            assert _started(flight)[1].wait(5)


def test_accounts_have_places_of_their_own(tmp_path: Path) -> None:
    with _another(tmp_path):
        flight = InFlight(1, berths=Berths("another/account", 1, FileLocks(tmp_path)))
        assert _started(flight)[1].wait(5)


def test_threads_share_the_places_of_their_process(tmp_path: Path) -> None:
    flight = InFlight(2, berths=Berths("account", 2, FileLocks(tmp_path)))
    under_way, most, turn = 0, 0, threading.Lock()

    def call() -> None:
        nonlocal under_way, most
        for _ in range(20):
            flight.reserve(1.0)
            with turn:
                under_way += 1
                most = max(most, under_way)
            with turn:
                under_way -= 1
            flight.release(1.0)

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert under_way == 0
    assert most <= 2
    flight.reserve(1.0)
    flight.reserve(1.0)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"calls cannot be counted in .*file"):
        Berths("account", 1, FileLocks(tmp_path / "file"))
