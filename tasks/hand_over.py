"""Give a piece of work to whatever worker serves its task.

What Prefect's own `Task.delay` stores beside the parameters is everything it knows of this process, its API
key and its database's password among it; so the same is done here with the parameters alone.
https://docs.prefect.io/v3/concepts/tasks#background-tasks
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from prefect import State, Task
from prefect.client.orchestration import get_client
from prefect.results import ResultStore, get_or_create_default_task_scheduling_storage
from prefect.settings import PREFECT_API_URL
from prefect.states import Scheduled
from prefect.task_worker import store_parameters
from prefect.utilities.asyncutils import run_coro_as_sync

from connectors.errors import Transient
from connectors.redaction import one_line

PATIENCE = 5.0
"""Seconds that this may take; whoever hands over does not wait for a server that does not answer."""


def hand_over(work: Task[..., Any], parameters: Mapping[str, str]) -> bool:
    """Let a worker run the task; False if there is no Prefect API to tell. Raises Transient if it fails."""
    if not PREFECT_API_URL.value():
        return False
    try:
        run_coro_as_sync(asyncio.wait_for(_scheduled(work, parameters), PATIENCE))
    except Exception as error:  # whatever Prefect, its storage or the way there raises
        raise Transient(f"no worker could be told: {one_line(str(error)) or type(error).__name__}") from error
    return True


async def _scheduled(work: Task[..., Any], parameters: Mapping[str, str]) -> None:
    storage = await get_or_create_default_task_scheduling_storage()
    store = await ResultStore(result_storage=storage).aupdate_for_task(work)
    state: State[Any] = Scheduled()
    state.state_details.deferred = True
    state.state_details.task_parameters_id = identifier = uuid4()
    await store_parameters(store, identifier, {"parameters": dict(parameters)})
    async with get_client() as client:
        await client.create_task_run(
            work, flow_run_id=None, dynamic_key=f"{work.task_key}-{uuid4().hex}", name=work.name, state=state
        )
