"""`evenstock run FLOW`: a flow as a plain Python function, and what came of it."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from connectors.errors import ConfigurationError, EvenstockError
from connectors.records import JsonObject
from connectors.settings import load_settings, use
from flows.catalogue import checked, entry, load
from flows.cli.children import PrefectServer, family
from flows.cli.options import flow_parser, out, say_json
from flows.cli.page import show_report
from flows.cli.parameters import read_parameters
from tasks.report import exit_status


def run(arguments: list[str]) -> int:
    """Run a flow now. The exit status says what its report says."""
    parser = flow_parser("run", "Run a flow now; its parameters are given as --name value.")
    options, words = parser.parse_known_args(arguments)
    flow = entry(options.flow)
    quieten()
    parameters = checked(load(options.flow), read_parameters(words))
    load_settings().require(*flow.needs)
    # Whatever a library prints must not stand beside the report.
    with redirect_stdout(sys.stderr), _progress(options.flow) if sys.stderr.isatty() else _narration():
        report = perform(options.flow, parameters)
    return _told(report, as_json=options.as_json)


def _told(answer: JsonObject | str, *, as_json: bool) -> int:
    """Print what a flow returned: a report, or the id of what it made. The exit status."""
    if as_json:
        say_json(answer)
    elif isinstance(answer, str):
        out().print(answer, markup=False, highlight=False)
    else:
        show_report(out(), answer)
    return 0 if isinstance(answer, str) else exit_status(answer)


def perform(name: str, parameters: Mapping[str, object]) -> JsonObject:
    """Call a flow with Prefect's API as configured, else with a server of our own for as long as it runs.

    Prefect would start one itself, but what that one says while it is stopped would reach the user.
    """
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - only now are its settings complete
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415

    from flows.cli.orchestration import prefect_api  # noqa: PLC0415
    from tasks.slots import free_forgotten  # noqa: PLC0415

    if PREFECT_API_URL.value():
        with prefect_api():
            # It answers, and takes our password.
            pass
        return _call(name, parameters)
    with family() as children:
        server = PrefectServer(children, home=None)
        server.wait()
        with with_api(server.api):
            with get_client(sync_client=True) as client:
                free_forgotten(client)
            return _call(name, parameters)


@contextmanager
def with_api(url: str) -> Iterator[None]:
    """Everything inside talks to this Prefect API, and has told it everything when it ends.

    Without heartbeats: on a server of our own nobody listens for them, and each run waits for its last one.
    """
    from prefect.events.worker import EventsWorker  # noqa: PLC0415
    from prefect.logging.handlers import APILogWorker  # noqa: PLC0415
    from prefect.settings import (  # noqa: PLC0415
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    with temporary_settings({PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        try:
            yield
        finally:
            APILogWorker.drain_all(timeout=10)
            EventsWorker.drain_all(timeout=10)


def _call(name: str, parameters: Mapping[str, object]) -> JsonObject:
    from prefect.exceptions import ParameterTypeError  # noqa: PLC0415

    try:
        return load(name)(**parameters)
    except ParameterTypeError as error:
        raise ConfigurationError(str(error)) from None


# ---------------------------------------------------------------- progress


def quieten() -> None:
    """Only what is wrong comes to the terminal from Prefect itself; the rest is in the run's log."""
    use({"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING"})
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logger = logging.getLogger(name)
        if _mended_elsewhere not in logger.filters:
            logger.addFilter(_mended_elsewhere)
    for name in ("EventsWorker", "APILogWorker"):
        # They tell that they are not done yet, while we wait for them.
        logging.getLogger(name).setLevel(logging.ERROR)


def _mended_elsewhere(record: logging.LogRecord) -> bool:
    """Leave out what the command says in its own way: the report's lines, and our own errors in one line."""
    error = record.exc_info[1] if record.exc_info else None
    if record.levelno >= logging.WARNING and getattr(record, "is_in_report", False):
        return False
    return not isinstance(error, EvenstockError) and ConfigurationError.__name__ not in record.getMessage()


@contextmanager
def _progress(flow: str) -> Iterator[None]:
    """A bar on the terminal, with the last line of the run's log beside it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(20),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(flow, total=None)

        def show(text: str, done: float | None) -> None:
            progress.update(bar, description=f"{flow}: {text[:60]}")
            if done is not None:
                progress.update(bar, total=1.0, completed=done)

        with narrated(show):
            yield


@contextmanager
def _narration() -> Iterator[None]:
    """The run's log as lines on standard error."""
    with narrated(lambda text, _: print(text, file=sys.stderr)):  # noqa: T201
        yield


@contextmanager
def narrated(tell: Callable[[str, float | None], None]) -> Iterator[None]:
    """Tell every line of the flow's own log as it comes, and the part that is done where a line says so."""
    listener = _Listener(tell)
    logger = logging.getLogger("prefect.flow_runs")
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)


class _Listener(logging.Handler):
    """Hears what flows say, not what Prefect says of their states; warnings reach the terminal anyway."""

    def __init__(self, tell: Callable[[str, float | None], None]) -> None:
        super().__init__(logging.INFO)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING and record.module != "flow_engine":
            self._tell(" ".join(record.getMessage().split()), getattr(record, "done", None))
