"""What a run's state in Prefect says, and what its log says when it fails."""

import logging
from typing import cast

from prefect import State
from prefect.client.schemas.objects import StateType

from connectors.errors import EvenstockError
from connectors.records import JsonObject


class Reported(State[JsonObject]):
    """A final state whose result is the run's report, also when the run failed.

    Prefect takes the result of a failed state for an exception to raise, and a report for a mistake: it would
    end the run with a TypeError of its own (https://docs.prefect.io/v3/concepts/states). Asked by Prefect's
    API, it is a state like any other, with the report as its persisted result.
    """

    def result(self, *_: object, **__: object) -> JsonObject:
        """The report. Prefect packs it into a record when it persists it."""
        found = cast("JsonObject", getattr(self.data, "result", self.data))
        return cast("JsonObject", found["data"]) if found.keys() == {"data"} else found


def reported(document: JsonObject, name: str, message: str) -> Reported:
    """The state that says what a report says: Completed, Held or Failed."""
    kind = StateType.FAILED if name == "Failed" else StateType.COMPLETED
    return Reported(type=kind, name=name, message=message, data=_readable(document))


def _readable(document: JsonObject) -> JsonObject:
    """The document in the form from which Prefect reads the very same one back.

    It takes a persisted result with a key `data` for one of an older form, and reads nothing but what is
    under that key.
    """
    return {"data": document} if "data" in document else document


# ---------------------------------------------------------------- log lines

_LOGGERS = ("prefect.flow_runs", "prefect.task_runs", "prefect.engine")

_REPEATED = "Engine execution exited with unexpected exception"
"""What Prefect adds to an exception that it has logged already."""


def _plainly(record: logging.LogRecord) -> bool:
    """Say in one line what Evenstock raised on purpose; where in the code it was helps nobody."""
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, EvenstockError):
        return True
    if record.name == "prefect.engine" or record.getMessage() == _REPEATED:
        return False
    record.msg, record.args = f"{type(error).__name__}: {error}", ()
    record.exc_info = record.exc_text = None
    return True


def install() -> None:
    """Log expected errors without a traceback. May be called again."""
    for name in _LOGGERS:
        # A filter that is already there is not added twice.
        logging.getLogger(name).addFilter(_plainly)
