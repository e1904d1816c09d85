"""How Prefect runs our tasks: two kinds, those that only read and those that write."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from connectors.errors import Transient
from tasks import states

P = ParamSpec("P")
R = TypeVar("R")

# Here, as whatever runs under Prefect comes by: a flow may fail before its first step.
states.install()


def _is_transient(
    task: "Task[..., object]",  # noqa: ARG001
    run: TaskRun,  # noqa: ARG001
    state: "State[object]",
) -> bool:
    """Try a task again only for what may pass by itself."""
    try:
        state.result()
    except Transient:
        return True
    except Exception:  # noqa: BLE001 - whatever else it is, trying again would not mend it
        return False
    return False


def reads(name: str) -> Callable[[Callable[P, R]], "Task[P, R]"]:
    """A task that only reads: once more after a pause, for transient errors.

    The connector has tried for minutes by then, and the two floors of retries multiply.
    """
    return task(
        name=name,
        retries=1,
        retry_delay_seconds=5,
        retry_condition_fn=_is_transient,
        cache_policy=NO_CACHE,
        persist_result=False,
    )


def writes(name: str) -> Callable[[Callable[P, R]], "Task[P, R]"]:
    """A task that writes: never tried again by itself, its result kept, so that a run that is tried again
    does not redo it.
    """
    return task(name=name, retries=0, cache_policy=NO_CACHE, persist_result=True, result_serializer="json")
