"""Give a piece of work to whatever worker serves its task.

What Prefect's own `Task.delay` stores beside the parameters is everything it knows of this process, its API
key and its database's password among it; so the same is done here with the parameters alone.
https://docs.prefect.io/v3/concepts/tasks#background-tasks
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from prefect import State, Task
from prefect.client.orchestration import PrefectClient, get_client
from prefect.results import ResultStore, get_or_create_default_task_scheduling_storage
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Scheduled
from prefect.task_worker import store_parameters
from prefect.utilities.asyncutils import run_coro_as_sync

from connectors.errors import Transient
from connectors.redaction import one_line

PATIENCE = 5.0
"""Seconds that this may take; whoever hands over does not wait for a server that does not answer."""

PAUSE, LONGEST_PAUSE = 0.05, 0.8
"""Seconds between two attempts: the first, doubled each time, and the longest."""

_BUSY = frozenset({429, 500, 502, 503, 504})


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
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        async with get_client(httpx_settings={"event_hooks": {"response": [_look]}}) as client:
            await _told(client, work, state)


class _Busy(Exception):  # noqa: N818 - says what happened
    """The server answered that it can do nothing now."""


async def _look(response: Any) -> None:  # noqa: ANN401 - an answer of httpx, which is not ours to import
    """Raise `_Busy` for a server that is: Prefect's own client would wait two seconds, whatever is set."""
    if response.status_code in _BUSY:
        raise _Busy(f"the Prefect server answers {response.status_code}")


async def _told(client: PrefectClient, work: Task[..., Any], state: State[Any]) -> None:
    """Make the task's run, as soon as a server whose database is locked lets us. One that is made twice finds
    nothing left to do.
    """
    pause = PAUSE
    while True:
        key = f"{work.task_key}-{uuid4().hex}"
        with suppress(_Busy):
            await client.create_task_run(work, flow_run_id=None, dynamic_key=key, name=work.name, state=state)
            return
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
