"""The command from outside: real processes, clean output, nothing left behind."""

# ruff: noqa: S603, S607 - our own programs, and ps

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from flows.cli.children import ChildFailed, Family, Interrupts, Tables, family
from tests.flows.stage import Stage
from tests.worlds import MARK, shoe, world

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "flows"]
POINTING = ("SHOPIFY_", "RMS_", "EVENSTOCK_NOW")

pytestmark = pytest.mark.xdist_group("programs")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A temporary folder of its own for whatever a command leaves behind."""
    home = tmp_path / "home"
    home.mkdir()
    Tables(home).bring()
    mine = {
        "TMPDIR": str(tmp_path),
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "none.toml"),
    }
    return {**os.environ, **mine}


def left_behind(folder: Path) -> list[str]:
    """All but the empty file on which processes share the number of calls at once."""
    found = [path.name for path in folder.glob("evenstock-*")]
    return [name for name in found if not name.startswith("evenstock-in-flight-")]


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
    assert (ended.stdout.count("Balance"), ended.stdout.count("Receipt")) == (8, 7)
    assert "Partner sync: 3 partners, 4 levels written" in ended.stdout
    assert ended.stdout.count("partner_gone: ") == ended.stdout.count("belts.example nodes: status 401") == 3
    assert "9 inventory items of 3 products are stored" in ended.stdout
    assert "Supplier jobs: 3 completed." in ended.stdout
    assert re.findall(
        r"^(AliExpress|BigBuy|Workshop \(CSV\)) +completed +\d+ +(\d+)", ended.stdout, re.MULTILINE
    ) == [
        ("AliExpress", "3"),
        ("BigBuy", "7"),
        ("Workshop (CSV)", "4"),
    ]
    assert re.search(r"AliExpress +Elastic laces, no tying +315 +1\.89 EUR", ended.stdout)
    assert re.search(r"Workshop \(CSV\) +Saddle soap +unknown +6\.50 EUR", ended.stdout)
    assert "Traceback" not in ended.stdout
    assert left_behind(tmp_path) == []


def test_a_run_brings_its_own_server(stage: Stage, tmp_path: Path, environment: dict[str, str]) -> None:
    item, rows = shoe(101, {"37": 5}, {"37": 3})
    stage.put(world([item], rows))

    ended = subprocess.run(
        [*COMMAND, "run", "reverse-stock-sync"],
        cwd=ROOT,
        env=environment | {name: os.environ[name] for name in os.environ if name.startswith(POINTING)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "24X101-37" in ended.stdout
    assert "Traceback" not in ended.stderr
    assert stage.levels() == {"24X101-37": 3}
    assert stage.tags() == {101: [MARK]}
    assert left_behind(tmp_path) == []


def test_a_run_waits_for_no_slot_of_one_that_was_killed_with_its_server(
    stage: Stage, environment: dict[str, str]
) -> None:
    """The next server's leases are empty, but its database still counts the slots."""
    item, rows = shoe(101, {"37": 5}, {"37": 3})
    stage.put(world([item], rows))
    given = environment | {name: os.environ[name] for name in os.environ if name.startswith(POINTING)}
    command = [*COMMAND, "run", "reverse-stock-sync", "--products", "[101]"]
    first = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, timeout=120, check=False)
    with closing(sqlite3.connect(Path(environment["PREFECT_HOME"]) / "prefect.db")) as known, known:
        taken = known.execute('UPDATE concurrency_limit_v2 SET active_slots = "limit"').rowcount
    stage.put(world([item], rows))

    second = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, timeout=120, check=False)

    assert (first.returncode, taken, second.returncode) == (0, 1, 0), second.stderr
    assert stage.levels() == {"24X101-37": 3}


def processes() -> list[tuple[int, int, str]]:
    """Each process by its id, its parent's, and its whole command, also where it is longer than a screen."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    rows = (line.split(None, 2) for line in listed.stdout.splitlines())
    return [(int(pid), int(parent), " ".join(rest)) for pid, parent, *rest in rows]


def children_of(pid: int, what: str = "") -> list[int]:
    """Processes that `pid` has started with these words in their command."""
    return [child for child, parent, command in processes() if parent == pid and what in command]


def family_of(pid: int) -> set[int]:
    """Whatever `pid` has started, and what that has started."""
    parents = {child: parent for child, parent, _ in processes()}
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return found


def gone(pids: Iterable[int], seconds: float = 60) -> bool:
    """Whether none of these is left after a while."""
    deadline = time.monotonic() + seconds
    while left := [pid for pid in pids if exists(pid)]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return not left


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def started(environment: dict[str, str], *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, *words],
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


@pytest.fixture
def demo(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with started(environment, "demo") as process:
        yield process


@pytest.fixture
def up(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with started(environment | {"PYTHONUNBUFFERED": "1"}, "up") as process:
        yield process


def wait_for_children(process: subprocess.Popen[str], *what: str) -> dict[str, int]:
    """The children of these names, once they are there."""
    deadline = time.monotonic() + 60
    while not all(found := {name: children_of(process.pid, name) for name in what}.values()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    return {name: pids[0] for name, pids in zip(what, found, strict=True)}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_takes_its_children_with_it(
    demo: subprocess.Popen[str], number: signal.Signals, tmp_path: Path
) -> None:
    wait_for_children(demo, "-m sandbox", "prefect server")
    children = family_of(demo.pid)

    demo.send_signal(number)
    _, said = demo.communicate(timeout=60)

    assert demo.returncode == 130
    assert said == "evenstock: stopped\n"
    assert gone(children)
    assert left_behind(tmp_path) == []


def refreshed(ledger: Path, stand_ins: str, edit: str, seconds: float = 90) -> bool:
    """Whether a level that is edited in the store is soon the same in the ledger's table."""
    with urlopen(Request(stand_ins, edit.encode())) as answer:  # noqa: S310 - our own server
        assert answer.status == 200
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with closing(sqlite3.connect(ledger)) as opened:
            found = opened.execute(
                "SELECT available FROM vendor_inventory_levels WHERE inventory_item_id = 51011"
            ).fetchall()
        if found == [(json.loads(edit)["quantity"],)]:
            return True
        time.sleep(0.1)
    return False


def test_up_says_what_to_open_and_leaves_nothing(up: subprocess.Popen[str], tmp_path: Path) -> None:
    assert up.stdout is not None
    assert up.stdout.readline().startswith("Starting")

    told = "".join(iter(up.stdout.readline, "Everything is thrown away at the end. Ctrl-C stops it.\n"))
    (address,) = re.findall(r"Open (http://127\.0\.0\.1:\d+)/deployments", told)
    (settings,) = re.findall(r"export EVENSTOCK_ENV_FILE=(\S+) PREFECT_API_URL=" + address + "/api", told)
    asked = Request(f"{address}/deployments", headers={"Accept": "text/html"})  # noqa: S310 - our own server
    with urlopen(asked) as page:  # noqa: S310 - our own server
        assert page.status == 200
    assert f"sqlite:///{Path(settings).parent}/ledger.db" in Path(settings).read_text()
    wait_for_children(up, "prefect worker", "flows webhooks")
    children = family_of(up.pid)
    assert len(children) >= 5
    ((edit, stand_ins),) = re.findall(r"curl -d '(.*)' (http://127\.0\.0\.1:\d+/_sandbox/events)", told)
    assert refreshed(Path(settings).parent / "ledger.db", stand_ins, edit)

    up.send_signal(signal.SIGINT)
    said, complaints = up.communicate(timeout=90)

    assert (up.returncode, complaints) == (0, "")
    assert said == "\nStopped; nothing is left.\n"
    assert gone(children)
    assert left_behind(tmp_path) == []


def test_a_killed_up_takes_its_children_with_it(up: subprocess.Popen[str], tmp_path: Path) -> None:
    wait_for_children(up, "-m sandbox", "prefect server", "guardian")
    children = family_of(up.pid)

    up.kill()

    assert gone(children)
    assert left_behind(tmp_path) == []


def test_up_ends_when_one_of_its_children_does(up: subprocess.Popen[str], tmp_path: Path) -> None:
    server = wait_for_children(up, "-m sandbox", "prefect server")["prefect server"]
    children = family_of(up.pid)

    os.kill(server, signal.SIGKILL)
    _, complaints = up.communicate(timeout=90)

    assert up.returncode == 1
    assert complaints.startswith("evenstock: the Prefect server ended with status -9")
    assert complaints.count("\n") == 1
    assert gone(children)
    assert left_behind(tmp_path) == []


def test_a_port_that_is_taken_is_told_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with started(environment, "up", "--port", str(port)) as process:
            _, complaints = process.communicate(timeout=90)

    assert process.returncode == 2
    assert complaints == f"evenstock: port {port} is taken: name another one with --port, or none\n"
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


class TestTables:
    @pytest.fixture(autouse=True)
    def _elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def make(self, home: Path, name: str) -> Path:
        home.mkdir(exist_ok=True)
        with closing(sqlite3.connect(home / "prefect.db")) as made:
            made.execute(f"CREATE TABLE {name} (id)")
        return home

    def tables(self, home: Path) -> list[str]:
        with closing(sqlite3.connect(home / "prefect.db")) as made:
            return [name for (name,) in made.execute("SELECT name FROM sqlite_master")]

    def test_of_a_first_server_are_there_for_the_next(self, tmp_path: Path) -> None:
        first = Tables(tmp_path / "first")
        assert not first.bring()
        self.make(tmp_path / "first", "empty")
        first.keep()

        assert Tables(tmp_path / "second").bring()
        assert self.tables(tmp_path / "second") == ["empty"]

    def test_of_a_server_that_has_been_used_are_neither_kept_nor_replaced(self, tmp_path: Path) -> None:
        used = Tables(self.make(tmp_path / "used", "full"))
        assert not used.bring()
        used.keep()

        assert not Tables(tmp_path / "next").bring()
        assert self.tables(tmp_path / "used") == ["full"]
