"""`evenstock run FLOW`: a flow as a plain Python function, and what came of it."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from connectors.errors import ConfigurationError
from connectors.records import JsonObject
from connectors.settings import use
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
    entry(options.flow)
    shows_progress = sys.stderr.isatty() and not options.as_json
    if shows_progress:
        quieten()
    parameters = checked(load(options.flow), read_parameters(words))
    if options.as_json:
        # Whatever a library prints must not stand beside the document.
        with redirect_stdout(sys.stderr):
            report = perform(options.flow, parameters)
        say_json(report)
    else:
        with _progress(options.flow) if shows_progress else _silence():
            report = perform(options.flow, parameters)
        show_report(out(), report)
    return exit_status(report)


def perform(name: str, parameters: Mapping[str, object]) -> JsonObject:
    """Call a flow with Prefect's API as configured, else with a server of our own for as long as it runs.

    Prefect would start one itself, but what that one says while it is stopped would reach the user.
    """
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - only now are its settings complete

    if PREFECT_API_URL.value():
        return _call(name, parameters)
    with family() as children:
        server = PrefectServer(children, home=None)
        server.wait()
        with with_api(server.api):
            return _call(name, parameters)


@contextmanager
def with_api(url: str) -> Iterator[None]:
    """Everything inside talks to this Prefect API, and has told it everything when it ends."""
    from prefect.events.worker import EventsWorker  # noqa: PLC0415
    from prefect.logging.handlers import APILogWorker  # noqa: PLC0415
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415

    with temporary_settings({PREFECT_API_URL: url}):
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
    """Only warnings of Prefect on the terminal; the rest is in the run's log."""
    use({"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING"})


@contextmanager
def _silence() -> Iterator[None]:
    yield


@contextmanager
def _progress(flow: str) -> Iterator[None]:
    """A bar on the terminal, with the last line of the run's log beside it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(flow, total=None)
        with narrated(lambda text: progress.update(bar, description=f"{flow}: {text[:60]}")):
            yield


@contextmanager
def narrated(tell: Callable[[str], None]) -> Iterator[None]:
    """Tell every line of the flow's log as it comes."""
    listener = _Listener(tell)
    logger = logging.getLogger("prefect.flow_runs")
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)


class _Listener(logging.Handler):
    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(" ".join(record.getMessage().split()))
