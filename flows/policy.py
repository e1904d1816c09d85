"""How Prefect runs our flows: their batches side by side, their reports kept, people told of their ends."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from prefect import Flow, flow
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from tasks import alerts

if TYPE_CHECKING:
    from prefect.futures import PrefectFuture

P = ParamSpec("P")
R = TypeVar("R")

WIDEST = 100
"""The most batches that any run works on side by side; how many a run uses is a parameter of it."""


def reports(name: str, run_name: Callable[[], str] | None = None) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """A flow that returns a report. `run_name`: what the runs list shows of a run."""
    threads = cast("TaskRunner[PrefectFuture[Any]]", ThreadPoolTaskRunner(max_workers=WIDEST))
    return flow(
        name=name,
        flow_run_name=run_name,
        task_runner=threads,
        persist_result=True,
        result_serializer="json",
        on_completion=[alerts.tell],
        on_failure=[alerts.tell],
        on_crashed=[alerts.tell],
    )
