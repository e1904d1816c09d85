"""`evenstock demo|up|sandbox`: everything on this machine, started and stopped by one command."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from connectors.errors import ConfigurationError
from connectors.records import JsonObject
from connectors.settings import child_environment, use
from flows.cli.children import Child, Family, PrefectServer, Sandbox, family
from flows.cli.options import Parser, out
from flows.cli.page import section, show_report

FLOW = "reverse-stock-sync"
PROJECT = Path(__file__).parents[2]
POOL = "evenstock"

STEPS = (
    ("1. Dry run: what would be done", {"dry_run": True}),
    ("2. Real run: it is done", {"dry_run": False}),
    ("3. Second run: nothing is left to do", {"dry_run": False}),
)


def demo(arguments: list[str]) -> int:
    """The main job on the demo shop: a dry run, the real run, and a second run that finds nothing to do."""
    Parser("demo", "The main job on a small demo shop, from start to receipt.").parse_args(arguments)
    console = out()
    started = time.monotonic()
    console.print("Starting a Shopify store, an RMS database and a Prefect server on this machine …")
    with family() as children, _world(children) as world:
        for problem in _perform_steps(console, world.server.api):
            console.print(f"[red bold]Not as it should be:[/] {problem}")
            return 1
    console.rule()
    console.print(f"[green bold]All as it should be[/], in {time.monotonic() - started:.0f} seconds.")
    console.print("Stay and look around: `make up`. Point it at your own store: README.md.")
    return 0


def up(arguments: list[str]) -> int:
    """Server, UI, sandbox and deployments, until Ctrl-C."""
    Parser("up", "Server, UI, sandbox and deployments, until Ctrl-C.").parse_args(arguments)
    if not (PROJECT / "prefect.yaml").is_file():
        raise ConfigurationError(
            f"there is no prefect.yaml in {PROJECT}: start `evenstock up` from a checkout"
        )
    console = out()
    console.print("Starting a Shopify store, an RMS database, a Prefect server and the deployments …")
    try:
        with family() as children, _world(children, with_ui=True) as world:
            worker = _serve(children, world)
            _tell_where(console, world)
            while worker.is_alive():
                time.sleep(0.5)
            worker.wait(0)
    except KeyboardInterrupt:
        console.print("\nStopped.")
    return 0


def sandbox(arguments: list[str]) -> int:
    """The stand-ins alone; arguments go to `python -m sandbox` as they are."""
    command = [sys.executable, "-m", "sandbox", *arguments]
    process = subprocess.Popen(command, env=child_environment())  # noqa: S603 - our own module
    try:
        return process.wait()
    except KeyboardInterrupt:
        # It got the same Ctrl-C.
        return process.wait(10)
    finally:
        if process.poll() is None:
            process.terminate()


@dataclass(frozen=True, slots=True)
class _World:
    server: PrefectServer
    settings: dict[str, str]


@contextmanager
def _world(children: Family, *, with_ui: bool = False) -> Iterator[_World]:
    """Sandbox and server, with this process's settings pointing at them; nothing of the user's is seen."""
    shop = Sandbox(children, ["--demo", "--port", "0"])
    server = PrefectServer(children, home=children.folder / "prefect", with_ui=with_ui)
    shop.wait()
    server.wait()
    settings = shop.settings | {
        "EVENSTOCK_DATABASE_URL": f"sqlite:///{children.folder / 'ledger.db'}",
        "PREFECT_HOME": str(children.folder / "prefect"),
        "PREFECT_PROFILES_PATH": str(children.folder / "prefect" / "profiles.toml"),
        "PREFECT_API_URL": server.api,
    }
    use(settings, clean=True)
    yield _World(server, settings)


def _perform_steps(console: Console, api: str) -> Iterator[str]:
    """Run the three steps, show each, and yield what went otherwise than told."""
    # Prefect reads its settings when it is imported: not before they are made.
    from flows.cli.run import perform, quieten, with_api  # noqa: PLC0415

    quieten()
    with with_api(api):
        for number, (title, parameters) in enumerate(STEPS):
            console.rule(f"[bold]{title}", align="left")
            with console.status(title):
                report = perform(FLOW, parameters)
            show_report(console, report)
            yield from _surprises(number, report)


def _surprises(number: int, report: JsonObject) -> Iterator[str]:
    """Whatever a step did that its title does not say."""
    done = section(report, "balance").get("done")
    if not report.get("success"):
        yield f"the run says: {report.get('message')}"
    elif number == 1 and not done:
        yield "the real run changed nothing"
    elif number != 1 and done:
        yield f"{done} levels were changed"


# ---------------------------------------------------------------------- up


def _serve(children: Family, world: _World) -> Child:
    """Deploy what prefect.yaml says, and run what is asked for. The worker."""
    environment = child_environment(world.settings, clean=True)
    file = str(PROJECT / "prefect.yaml")
    pool = ["prefect", "work-pool", "create", POOL, "--type", "process", "--overwrite"]
    children.start("the work pool", pool, environment).wait(60)
    deploy = ["prefect", "--no-prompt", "deploy", "--all", "--prefect-file", file]
    children.start("the deployments", deploy, environment).wait(120)
    worker = ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--install-policy", "never"]
    return children.start("the worker", worker, environment)


def _tell_where(console: Console, world: _World) -> None:
    console.print(f"\nPrefect UI    [bold]{world.server.address}[/]  (Deployments → Run)")
    console.print(f"Demo store    {world.settings['SHOPIFY_STORE_DOMAIN']}", highlight=False)
    console.print(f"From a shell  PREFECT_API_URL={world.server.api} prefect deployment ls")
    console.print("Everything is thrown away at the end. Ctrl-C stops it.")
