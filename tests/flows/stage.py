"""Run flows against stand-ins on a port, and look at the world afterwards.

Every test lives in the same moment, whatever the date of the machine: the stand-ins' clock begins at
`worlds.NOW` and runs on; for Evenstock it stays that moment (EVENSTOCK_NOW) until the test names a later one.
Only leases, heartbeats and whatever else belongs to processes go by the machine's clock.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flows.plans import apply_plan
from flows.reverse_stock_sync import reverse_stock_sync
from sandbox.app import Sandbox
from sandbox.clock import Clock
from sandbox.server import serving
from tests import worlds
from tests.ledgers import sqlite_in
from tests.worlds import NOW, OWN, World


class Stage:
    """One stand-in, and the flows that are pointed at it by the environment."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def put(self, world: World) -> None:
        """Make the world so, with nothing that happened before."""
        self.sandbox.put_world(world)
        self.sandbox.clear_calls()

    def run(self, **parameters: object) -> dict[str, Any]:
        """Run the reverse stock sync; its report."""
        return dict(reverse_stock_sync(**parameters))  # type: ignore[arg-type]

    def release(self, plan_id: str, **parameters: object) -> dict[str, Any]:
        """Release a plan; the report."""
        return dict(apply_plan(plan_id, released_by="ann", **parameters))  # type: ignore[arg-type]

    def faults(self, **fault: object) -> None:
        """Order one fault."""
        self.sandbox.faults([{"system": "shopify"} | fault])

    def has_met(self) -> bool:
        """Whether a call has met the fault that was ordered; while it is slow, the call is under way."""
        return any(fault.seen for fault in self.sandbox.around.faults._faults)

    def event(self, **event: object) -> dict[str, Any]:
        """Make something happen in the own shop, or elsewhere if a system is named."""
        shop = {"system": "shopify", "account": OWN} if "system" not in event else {}
        return dict(self.sandbox.event(shop | event))

    def advance(self, seconds: float) -> None:
        """Let the stand-ins' clock go on."""
        self.sandbox.clock.advance(seconds)

    def forget_calls(self) -> None:
        """Begin a new journal."""
        self.sandbox.clear_calls()

    def world(self) -> World:
        """The world as it is now."""
        return self.sandbox.world()

    def levels(self) -> dict[str, int]:
        """Available units by SKU."""
        return worlds.levels(self.world())

    def tags(self) -> dict[int, list[str]]:
        """Tags by product id."""
        return worlds.tags(self.world())

    def orders(self) -> list[dict[str, Any]]:
        """The own shop's orders."""
        return list(self.world()["shopify"][OWN]["orders"])

    def calls(self) -> list[dict[str, Any]]:
        """Calls since the journal began."""
        return self.sandbox.calls()

    def writes(self) -> list[dict[str, Any]]:
        """Changes that calls made since the journal began, events left out."""
        return [write for write in self.sandbox.writes() if write["operation"] != "event"]


@contextmanager
def staged(
    folder: Path,
    setenv: Any,  # noqa: ANN401 - pytest's own
    switches: Mapping[str, str] | None = None,
    kind: type[Sandbox] = Sandbox,
) -> Iterator[Stage]:
    """A stand-in on a free port with the environment pointing at it, and a ledger of its own."""
    with kind(switches=switches, clock=Clock(NOW)) as sandbox, serving(sandbox) as url:
        sandbox.put_world(worlds.world([], []))
        for name, value in sandbox.settings(url).items():
            setenv(name, value)
        setenv("EVENSTOCK_NOW", NOW.isoformat())
        setenv("EVENSTOCK_DATABASE_URL", sqlite_in(folder))
        setenv("HTTP_BASE_DELAY", "0.01")
        setenv("HTTP_MAX_DELAY", "0.05")
        yield Stage(sandbox)
