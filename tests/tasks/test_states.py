"""Runs end as their report says, and expected errors are one line of the log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prefect import flow
from prefect.client.schemas.objects import StateType

from connectors.errors import ConfigurationError, EvenstockError, Transient, UnknownOutcome
from tasks.policy import writes
from tasks.states import install, reported

LOGGERS = ("prefect.flow_runs", "prefect.task_runs", "prefect.engine")


class Heard(logging.Handler):
    """Keeps what was logged as a reader would see it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(logging.Formatter("%(message)s"))
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@contextmanager
def listening(*names: str) -> Iterator[list[str]]:
    heard = Heard()
    for name in names:
        logging.getLogger(name).addHandler(heard)
    try:
        yield heard.texts
    finally:
        for name in names:
            logging.getLogger(name).removeHandler(heard)


def log_error(logger: str, error: Exception, text: str = "Encountered exception during execution") -> None:
    try:
        raise error
    except type(error):
        logging.getLogger(logger).exception(text)


class TestReported:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [("Completed", StateType.COMPLETED), ("Held", StateType.COMPLETED), ("Failed", StateType.FAILED)],
    )
    def test_has_the_type_and_name_of_the_report(self, name: str, kind: StateType) -> None:
        state = reported({"success": name != "Failed"}, name, "so it went")
        assert (state.type, state.name, state.message) == (kind, name, "so it went")

    @pytest.mark.orchestrated
    @pytest.mark.parametrize("name", ["Completed", "Held", "Failed"])
    def test_gives_the_report_to_whoever_called_the_flow(self, name: str) -> None:
        report = {"success": name != "Failed", "balance": {"done": 1}}

        @flow(persist_result=True, result_serializer="json")
        def told() -> object:
            return reported(report, name, "so it went")

        with listening(*LOGGERS) as texts:
            assert told() == report
        assert not any("Traceback" in text for text in texts)


# These lines belong to no run, so that Prefect's handler for its API has nowhere to send them.
@pytest.mark.filterwarnings("ignore:Logger 'prefect")
class TestLog:
    @pytest.mark.parametrize("logger", ["prefect.flow_runs", "prefect.task_runs"])
    @pytest.mark.parametrize(
        "error", [ConfigurationError("SHOPIFY_X is missing"), Transient("no answer"), UnknownOutcome("lost")]
    )
    def test_an_expected_error_is_one_line(self, logger: str, error: EvenstockError) -> None:
        install()
        with listening(logger) as texts:
            log_error(logger, error)
        assert texts == [f"{type(error).__name__}: {error}"]

    def test_is_not_told_twice(self) -> None:
        install()
        with listening(*LOGGERS) as texts:
            log_error(
                "prefect.flow_runs", Transient("no"), "Engine execution exited with unexpected exception"
            )
            log_error("prefect.engine", Transient("no"))
        assert texts == []

    @pytest.mark.parametrize("logger", LOGGERS)
    def test_a_mistake_of_ours_keeps_its_traceback(self, logger: str) -> None:
        install()
        with listening(logger) as texts:
            log_error(logger, KeyError("sku"))
        assert "Traceback" in texts[0]

    def test_is_installed_once(self) -> None:
        install()
        before = list(logging.getLogger("prefect.flow_runs").filters)
        install()
        assert logging.getLogger("prefect.flow_runs").filters == before

    @pytest.mark.orchestrated
    def test_of_a_run_whose_task_fails(self) -> None:
        @writes("refused")
        def refused() -> None:
            raise UnknownOutcome("the answer was lost")

        @flow
        def failing() -> None:
            refused()

        with listening(*LOGGERS) as texts, pytest.raises(UnknownOutcome):
            failing()
        assert "UnknownOutcome: the answer was lost" in texts
        assert not any("Traceback" in text for text in texts)
