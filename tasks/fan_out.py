"""Let each partner be synced by a run of its own on the work pool, and wait for none of them for ever.

A run of Prefect's whose process was killed stays *Running* there. What ends the wait for it is the ledger:
its run of ours gives no sign of life any more and is declared dead, by whoever looks first.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.deployments import run_deployment
from prefect.states import Cancelled, Crashed

from connectors.errors import Transient
from connectors.ledger.records import Partner, Run, RunState
from connectors.records import JsonObject
from connectors.slices import chunks
from tasks import run
from tasks.lease import clock
from tasks.partner import PARTNER_SYNC, Round

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun, State

POLL = 2.0
"""Seconds between two looks at how the partners' own runs are."""

PAGE = 200
"""Flow runs that Prefect's API tells of at once."""

FAREWELL = timedelta(minutes=1)
"""How long a run may take from its result in the ledger to its end: it tells people of what it found."""

DEPLOYMENT = f"{PARTNER_SYNC}/{PARTNER_SYNC}"


@dataclass(slots=True)
class Child:
    """A partner's own run. `why`: why it is not waited for any more; `runs`: what the ledger knows of it."""

    partner: Partner
    started: "FlowRun | Exception"
    state: "State[object] | None" = None
    runs: Sequence[Run] = ()
    why: str = ""

    def result(self) -> JsonObject:
        """What it left in the ledger. Raises Transient if it left nothing, or what kept it from beginning."""
        if isinstance(self.started, Exception):
            raise self.started
        if (found := result_of(self.runs)) is None:
            raise Transient(f"its run {self.started.name} {self.why}")
        return found


def children(round_: Round, partners: Sequence[Partner]) -> Iterator[tuple[Partner, Child]]:
    """One run of the deployment for each partner, on whatever workers there are; each as it ends.

    None is waited for longer than PARTNER_SYNC_FAN_OUT_MINUTES.
    """
    until = clock() + timedelta(minutes=round_.settings.partner_sync_fan_out_minutes)
    begun = [Child(each, _started(round_, each)) for each in partners]
    waiting, pause = begun, threading.Event()
    while waiting:
        _look(round_, waiting, until)
        for child in waiting:
            if child.why:
                yield child.partner, child
        waiting = [child for child in waiting if not child.why]
        if waiting:
            pause.wait(POLL)


def _started(round_: Round, partner: Partner) -> "FlowRun | Exception":
    """The partner's own run, or why there is none: one that cannot be started stops only itself."""
    parameters = {"partner": partner.shop_domain, "dry_run": round_.job.dry_run}
    tags = [f"partner:{partner.shop_domain}"]
    try:
        return cast("FlowRun", run_deployment(DEPLOYMENT, parameters=parameters, tags=tags, timeout=0))
    except Exception as error:  # noqa: BLE001 - Prefect's and its client's own
        return error


def _look(round_: Round, waiting: Sequence[Child], until: datetime) -> None:
    """See how they are, and say of each that is over why it is."""
    ledger, now = round_.ledger, clock()
    ledger.close_dead_runs(now, run.SILENT_FOR)
    _ask_prefect(waiting)
    for child in waiting:
        if isinstance(child.started, Exception):
            child.why = "could not be started"
            continue
        child.runs = ledger.runs_of(str(child.started.id))
        child.why = verdict(child.state, child.runs, now, until)
        if child.why and (end := _end_of(child)):
            _tell_prefect(child.started.id, end)


def _ask_prefect(waiting: Sequence[Child]) -> None:
    """The states of their runs. Without an answer they stay as they were: the ledger tells of dead ones."""
    known = {each.started.id: each for each in waiting if not isinstance(each.started, Exception)}

    def look() -> None:
        with get_client(sync_client=True) as client:
            for some in chunks(list(known), PAGE):
                asked = FlowRunFilter(id=FlowRunFilterId(any_=list(some)))
                for found in client.read_flow_runs(flow_run_filter=asked, limit=PAGE):
                    known[found.id].state = found.state

    _if_possible(look, "Prefect does not say how the partners' runs are")


def _end_of(child: Child) -> "State[object] | None":
    """The end that Prefect does not know of: of a run that died, or that must not begin later on."""
    if child.state is None or child.state.is_final():
        return None
    message = f"The run {child.why}"
    if any(each.state is RunState.KILLED for each in child.runs):
        return Crashed(message=message)
    is_begun = bool(child.runs) or child.state.is_running()
    return None if is_begun else Cancelled(message=message)


def _tell_prefect(run_id: UUID, end: "State[object]") -> None:
    def tell() -> None:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run_id, end, force=True)

    _if_possible(tell, "Prefect was not told how a partner's run ended")


def _if_possible(act: Callable[[], None], otherwise: str) -> None:
    """What the runs for partners do not depend on."""
    try:
        act()
    except Exception as error:  # noqa: BLE001 - Prefect's and its client's own
        run.log(f"{otherwise}: {error}", logging.WARNING)


# ------------------------------------------------------------------- judgement


def result_of(runs: Sequence[Run]) -> JsonObject | None:
    """How the partner's sync ended, as its last try has it; one that was killed has no result."""
    found = (each.report for each in reversed(runs))
    return next((report for report in found if report and "partnerShop" in report), None)


def verdict(state: "State[object] | None", runs: Sequence[Run], now: datetime, until: datetime) -> str:
    """Why a partner's own run is not waited for any more; empty while it is.

    `state`: what Prefect says of it; `runs`: what the ledger does; `until`: when all patience ends.
    """
    last = runs[-1] if runs else None
    if state is not None and state.is_final():
        return f"ended {state.name}" + (f": {state.message}" if state.message else "")
    if last and last.state is RunState.KILLED:
        return "gave no sign of life any more; the next run finishes what it left"
    if last and last.finished_at and now - last.finished_at > FAREWELL:
        return "did its work and never came to its end"
    if now < until:
        return ""
    return "did not end in time (PARTNER_SYNC_FAN_OUT_MINUTES)" + ("" if last else "; no worker took it up")
