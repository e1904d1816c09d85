"""The command from outside: real processes, clean output, nothing left behind."""

# ruff: noqa: S603, S607 - our own programs, and ps

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.cli.children import ChildFailed, Family, Interrupts, family
from tests.flows.stage import Stage
from tests.worlds import shoe, world

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "flows"]

pytestmark = pytest.mark.xdist_group("prefect")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A temporary folder of its own for whatever a command leaves behind."""
    home = tmp_path / "home"
    home.mkdir()
    mine = {
        "TMPDIR": str(tmp_path),
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "none.toml"),
    }
    return {**os.environ, **mine}


def left_behind(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("evenstock-*")]


def test_usage_errors_come_before_prefect_is_even_imported(environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "flows", "run", "nothing"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert "there is no flow nothing" in ended.stderr
    assert "| prefect\n" not in ended.stderr


def test_the_demo_does_what_it_says(environment: dict[str, str], tmp_path: Path) -> None:
    ended = subprocess.run(
        [*COMMAND, "demo"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert ended.stderr == ""
    assert "All as it should be" in ended.stdout, ended.stdout
    assert ended.returncode == 0
    assert ended.stdout.count("Balance") == ended.stdout.count("Receipt") == 3
    assert "Traceback" not in ended.stdout
    assert left_behind(tmp_path) == []


def test_a_run_brings_its_own_server(stage: Stage, tmp_path: Path, environment: dict[str, str]) -> None:
    item, rows = shoe(101, {"37": 5}, {"37": 3})
    stage.put(world([item], rows))

    ended = subprocess.run(
        [*COMMAND, "run", "reverse-stock-sync"],
        cwd=ROOT,
        env=environment
        | {name: os.environ[name] for name in os.environ if name.startswith(("SHOPIFY_", "RMS_"))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "24X101-37" in ended.stdout
    assert "Traceback" not in ended.stderr
    assert stage.levels() == {"24X101-37": 3}
    assert left_behind(tmp_path) == []


def children_of(pid: int) -> list[int]:
    """Processes whose parent is `pid`."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = (tuple(map(int, line.split())) for line in listed.stdout.splitlines())
    return [child for child, parent in pairs if parent == pid]


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def demo(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "demo"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_takes_its_children_with_it(
    demo: subprocess.Popen[str], number: signal.Signals, tmp_path: Path
) -> None:
    deadline = time.monotonic() + 60
    while len(children := children_of(demo.pid)) < 2:
        assert time.monotonic() < deadline
        assert demo.poll() is None

    demo.send_signal(number)
    _, said = demo.communicate(timeout=60)

    assert demo.returncode == 130
    assert said == "evenstock: stopped\n"
    assert [child for child in children if exists(child)] == []
    assert left_behind(tmp_path) == []


def test_the_sandbox_takes_its_own_arguments(environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [*COMMAND, "sandbox", "--help"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0
    assert "--port" in ended.stdout


class TestFamily:
    @pytest.fixture
    def children(self) -> Iterator[Family]:
        with family() as made:
            yield made

    def test_a_child_that_ends_early_is_told_with_its_last_words(self, children: Family) -> None:
        child = children.start("a child", ["json.tool", "--nonsense"], os.environ)

        with pytest.raises(ChildFailed, match=r"a child ended with status 2: .*--nonsense"):
            child.wait_until(lambda: False, 30)

    def test_a_child_that_never_gets_ready_is_told(self, children: Family) -> None:
        child = children.start("a child", ["http.server", "--bind", "127.0.0.1", "0"], os.environ)

        with pytest.raises(ChildFailed, match="not ready after 0 seconds"):
            child.wait_until(lambda: False, 0)
        assert child.is_alive()
        children.stop()
        assert not child.is_alive()

    def test_the_folder_is_gone_afterwards(self) -> None:
        with family() as children:
            (children.folder / "something").write_text("x")
        assert not children.folder.exists()

    def test_an_interrupt_waits_while_a_child_is_being_started(self) -> None:
        interrupts = Interrupts()
        reached = []

        def start() -> None:
            with interrupts.later():
                signal.raise_signal(signal.SIGTERM)
                reached.append("the end")

        try:
            with pytest.raises(KeyboardInterrupt):
                start()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        finally:
            interrupts.end()
        assert reached == ["the end"]
