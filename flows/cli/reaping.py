"""Runs whose process died: Prefect itself would show them as under way for ever.

Evenstock's own leases lapse and its next run takes over whatever happened, so this is about what people see,
and about slots that such a run would keep. (https://docs.prefect.io/v3/advanced/detect-zombie-flows)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

_ENDED = {f"prefect.flow-run.{name}" for name in ("Completed", "Held", "Failed", "Crashed", "Cancelled")}
_GOES_ON = _ENDED | {
    f"prefect.flow-run.{name}" for name in ("Running", "Scheduled", "Late", "AwaitingRetry", "Cancelling")
}
_BEAT = "prefect.flow-run.heartbeat"


@dataclass(frozen=True, slots=True)
class Reaper:
    """After one of these events none of those came in time: the run's process is dead."""

    name: str
    after: str
    expect: frozenset[str]
    within: timedelta
    message: str

    def automation(self) -> AutomationCore:
        """The automation that marks such runs of ours as crashed."""
        tag = {"prefect.resource.id": "prefect.tag.evenstock", "prefect.resource.role": "tag"}
        trigger = EventTrigger(
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification(tag),
            for_each={"prefect.resource.id"},
            after={self.after},
            expect=set(self.expect),
            posture=Posture.Proactive,
            threshold=1,
            within=self.within,
        )
        action = ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=self.message)
        return AutomationCore(
            name=self.name, description=self.message, trigger=trigger, actions=[action], enabled=True
        )


def reapers(
    pending: timedelta = timedelta(minutes=10), silent: timedelta = timedelta(minutes=3)
) -> Iterator[Reaper]:
    """One for runs that never begin, and one for those that fall silent (workers that send heartbeats)."""
    yield Reaper(
        "evenstock: runs that never begin",
        "prefect.flow-run.Pending",
        frozenset(_GOES_ON),
        pending,
        "A worker took the run and it never began: is the worker alive? Run it again.",
    )
    yield Reaper(
        "evenstock: runs that fell silent",
        _BEAT,
        frozenset(_ENDED | {_BEAT}),
        silent,
        "The run's process gave no sign of life any more. The next run takes over and finishes its work.",
    )
