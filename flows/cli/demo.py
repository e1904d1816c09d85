"""`evenstock demo|up|sandbox`: everything on this machine, started and stopped by one command."""

import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes

from rich.console import Console

from connectors.errors import ConfigurationError
from connectors.records import JsonObject
from connectors.settings import Settings, child_environment, load_settings, use
from flows.cli import bricks, supplies, trade
from flows.cli.children import Family, PrefectServer, Sandbox, family, free_port
from flows.cli.options import Parser, out
from flows.cli.page import rows, section, show_report
from flows.cli.webhooks import start_receiver

FLOW = "reverse-stock-sync"
PROJECT = Path(__file__).parents[2]
POOL = "evenstock"
PORT = 8700
"""Where the UI of `evenstock up` is, if nobody else is there: a page that was left open finds it again."""
EDIT = '{"system": "shopify", "kind": "edit", "variant_id": 41011, "quantity": 5}'
"""What `evenstock up` proposes to post to the stand-ins: a level is corrected in the store."""

PARTNERS = "partner-sync"


@dataclass(frozen=True, slots=True)
class Step:
    """A flow that the demo runs: what its title says of it is looked at afterwards."""

    title: str
    flow: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    writes: bool = False
    fails: int = 0
    """Partners that are told as failed."""


STEPS = (
    Step("1. Dry run: what would be done", FLOW, {"dry_run": True}),
    Step("2. Real run: it is done", FLOW, writes=True),
    Step("3. Second run: nothing is left to do", FLOW),
)
TRADE = (
    Step("4. Partners' stock, dry run: what would be done", PARTNERS, {"dry_run": True}, fails=1),
    Step(
        "5. Partners' stock, real run: one partner fails, the others are level",
        PARTNERS,
        writes=True,
        fails=1,
    ),
    Step("6. Partners' stock, second run: nothing is left to do", PARTNERS, fails=1),
    Step(
        "7. Refresh: the stock of three products, for other programs",
        "inventory-refresh",
        {"product_ids": [101, 161, 162]},
        writes=True,
    ),
    Step("8. How refreshes are going", "inventory-sync-status"),
)
SALE = Step("10. Somebody buys: the other marketplace follows", "marketplace-sync", writes=True)


def demo(arguments: list[str]) -> int:
    """The main job on the demo shop: a dry run, the real run, and a second run that finds nothing to do."""
    Parser("demo", "The main job on a small demo shop, from start to receipt.").parse_args(arguments)
    console = out()
    started = time.monotonic()
    console.print(
        "Starting Shopify stores, an RMS database, marketplaces, suppliers and a Prefect server here …"
    )
    with family() as children, _world(children) as world:
        world.server.wait()
        _push(children, world)
        for problem in _shown(console, children, world):
            console.print(f"[red bold]Not as it should be:[/] {problem}")
            return 1
    console.rule()
    console.print(f"[green bold]All as it should be[/], in {time.monotonic() - started:.0f} seconds.")
    console.print("Stay and look around: `make up`. Point it at your own store: README.md.")
    return 0


def up(arguments: list[str]) -> int:
    """Server, UI, sandbox and deployments, until Ctrl-C."""
    parser = Parser("up", "Server, UI, sandbox and deployments, until Ctrl-C.")
    parser.add_argument("--port", type=int, help=f"port of the Prefect UI ({PORT}, or a free one)")
    port = parser.parse_args(arguments).port
    if not (PROJECT / "prefect.yaml").is_file():
        raise ConfigurationError(
            f"there is no prefect.yaml in {PROJECT}: start `evenstock up` from a checkout"
        )
    if port is not None and not 0 <= port <= 65_535:
        parser.error(f"--port must be between 0 and 65535, not {port}")
    if port and free_port(port) != port:
        raise ConfigurationError(f"port {port} is taken: name another one with --port, or none")
    console = out()
    console.print(
        "Starting Shopify stores, an RMS database, marketplaces, suppliers and a Prefect server here …"
    )
    try:
        with family() as children:
            _stay(console, children, port or free_port(PORT))
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left.")
    return 0


def _stay(console: Console, children: Family, port: int) -> None:
    """Start everything, and stay until one of the children ends. Raises ChildFailed."""
    steps = Steps(console)
    with _world(children, port=port, tell=steps.done) as world:
        trade.let_in(load_settings(), children.folder)
        world.tell("three partners are let in, their goods are mapped to own ones")
        _deploy(children, world)
        _work(children, world)
        _tell_where(console, children, world)
        while (dead := children.dead()) is None:
            time.sleep(0.2)
        raise dead.failure()


class Steps:
    """What is ready by now, and since when."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()

    def done(self, what: str) -> None:
        """Tell that something is ready."""
        self._console.print(f"[dim]{time.monotonic() - self._started:5.1f} s[/]  {what}")


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
    tell: Callable[[str], None]

    @property
    def sandbox(self) -> str:
        """Where the stand-ins are."""
        return self.settings["SHOPIFY_STORE_DOMAIN"].split("/shopify/")[0]


@contextmanager
def _world(
    children: Family, *, port: int | None = None, tell: Callable[[str], None] = lambda _: None
) -> Iterator[_World]:
    """Sandbox and server, with this process's settings pointing at them; nothing of the user's is seen.

    With a `port` the server has its UI and all of its services there.
    """
    server = PrefectServer(children, children.folder / "prefect", with_ui=port is not None, port=port)
    shop = Sandbox(children, ["--demo", "--port", "0"])
    shop.wait()
    tell("the demo store and its RMS answer")
    settings = shop.settings | {
        "EVENSTOCK_DATABASE_URL": f"sqlite:///{children.folder / 'ledger.db'}",
        "EVENSTOCK_SECRET_KEY": b64encode(token_bytes(32)).decode(),
        "PREFECT_HOME": str(children.folder / "prefect"),
        "PREFECT_PROFILES_PATH": str(children.folder / "prefect" / "profiles.toml"),
        "PREFECT_API_URL": server.api,
    }
    use(settings, clean=True)
    yield _World(server, settings, tell)


def _shown(console: Console, children: Family, world: _World) -> Iterator[str]:
    """Run all steps, show each, and yield what went otherwise than told."""
    # Prefect reads its settings when it is imported: not before they are made.
    from flows.cli.run import quieten, with_api  # noqa: PLC0415

    quieten()
    settings = load_settings()
    with with_api(world.server.api):
        yield from _perform(console, STEPS)
        console.rule("[bold]Three partners, whose goods the shop sells too", align="left")
        mapped = trade.let_in(settings, children.folder)
        trade.spoil(settings)
        console.print(
            f"They are let in with their tokens, and {mapped} of their variants are mapped to own ones "
            f"by SKU. Then {trade.LESS} deletes a variant, and {trade.REVOKED} takes its token back."
        )
        yield from _perform(console, TRADE)
        console.rule("[bold]9. A changed item: both marketplaces show it at once", align="left")
        with console.status("An own item changes"):
            yield from bricks.change_arrives(console, settings)
        yield from _perform(console, [SALE], lambda: bricks.somebody_buys(console, settings))
        yield from bricks.sale_is_known(console, settings)
        yield from _supplied(console, settings)


def _perform(
    console: Console, steps: Iterable[Step], first: Callable[[], object] = lambda: None
) -> Iterator[str]:
    """Run steps, once something has happened under the first one's title."""
    from flows.cli.run import perform  # noqa: PLC0415 - as above

    for step in steps:
        console.rule(f"[bold]{step.title}", align="left")
        first()
        with console.status(step.title):
            report = perform(step.flow, step.parameters)
        show_report(console, report)
        yield from _surprises(step, report)


def _supplied(console: Console, settings: Settings) -> Iterator[str]:
    """The suppliers' jobs, from the queue to what is stored."""
    from flows.cli.run import perform  # noqa: PLC0415 - as above

    console.rule("[bold]11. Three suppliers: a queued job for each reads all that it lists", align="left")
    supplies.queue(console, settings)
    with console.status("The queued jobs are done"):
        report = perform("automated-sync", {})
    yield from supplies.show(console, settings, report)


def _surprises(step: Step, report: JsonObject) -> Iterator[str]:
    """Whatever a step did that its title does not say."""
    done = section(report, "balance").get("done")
    failed = [each for each in rows(report, "partnerResults") if not each.get("success")]
    if len(failed) != step.fails or bool(report.get("success")) != (not step.fails):
        yield f"the run says: {report.get('message')}"
    elif step.writes and not done:
        yield "the real run changed nothing"
    elif done and not step.writes:
        yield f"{done} levels were changed"


# ---------------------------------------------------------------------- up


def _deploy(children: Family, world: _World) -> None:
    """Deploy what prefect.yaml says as soon as the server answers, with the settings' limits and delays.

    Meanwhile the store is told to send its web hooks here.
    """
    environment = child_environment(world.settings, clean=True)
    setup = children.start("the deployments", ["flows", "setup", "--deploy"], environment, PROJECT)
    world.server.wait()
    world.tell("the Prefect server answers")
    start_receiver(children, world.settings, PROJECT)
    world.tell("the store's web hooks are received")
    setup.wait(120)
    world.tell("the flows are deployed")


def _work(children: Family, world: _World) -> None:
    """Run what is asked for."""
    worker = ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--install-policy", "never"]
    environment = world.settings | {
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        # Where the worker would leave a folder behind.
        "TMPDIR": str(children.folder),
    }
    children.start("the worker", worker, child_environment(environment, clean=True), PROJECT)
    _push(children, world)


def _push(children: Family, world: _World) -> None:
    """Push items that are changed."""
    environment = child_environment(world.settings, clean=True)
    children.start("the worker for changed items", ["flows", "worker"], environment, PROJECT)


def _tell_where(console: Console, children: Family, world: _World) -> None:
    file = children.folder / "settings.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in world.settings.items()))
    shop = world.settings["SHOPIFY_STORE_DOMAIN"].rsplit("/", 1)[-1]
    for line in f"""
[bold]Open {world.server.address}/deployments[/] and try, each with [bold]Run → Quick run[/]:
  1. [bold]reverse-stock-sync-dry-run[/]  what would be done. Then look at the run's [bold]Artifacts[/].
  2. [bold]reverse-stock-sync[/]          it is done; the Artifacts say what changed, and why some did not.
  3. [bold]apply-plan[/]                  does what a dry run planned, or what was held: give the plan's id.
  4. [bold]partner-sync[/]                brings three partners' goods level; there, too, is its schedule.
  5. [bold]inventory-refresh[/]           reads products' stock into tables: give product_ids as [101, 102].
The same from another shell:
  export EVENSTOCK_ENV_FILE={file} PREFECT_API_URL={world.server.api}
  evenstock run reverse-stock-sync --dry_run true --limit 10
  evenstock plans list
  evenstock emit main-sync-finished --shop {shop}
  evenstock partners list
Change a level in the store: its web hook comes, and seconds later the tables have it:
  curl -d '{EDIT}' {world.sandbox}/_sandbox/events
  evenstock status inventory-refresh-webhook
Everything is thrown away at the end. [bold]Ctrl-C stops it.[/]""".splitlines():
        console.print(line, soft_wrap=True)
