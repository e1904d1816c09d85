"""Faults to order: what a call meets, and which call.

The work of bulk operations and the deliveries of web hooks meet faults too, under names that no call has: see
`sandbox.shopify.bulk` and `sandbox.shopify.deliveries`.
"""

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

import httpx

from sandbox.reading import (
    REQUIRED,
    Json,
    Key,
    Path,
    counted,
    filled,
    flag,
    listed,
    number,
    one_of,
    optional,
    read,
    whole,
)

SYSTEMS: Final = ("shopify", "rms", "bricklink", "brickowl", "bigbuy", "aliexpress", "csv")
KINDS: Final = (
    "http",
    "http_after",
    "throttled",
    "timeout_before",
    "lost_answer",
    "slow",
    "malformed",
    "empty",
    "partial",
    "graphql_error",
    "stale_read",
)
OF_WEBHOOKS: Final = ("lost", "duplicated", "reordered")
"""Kinds that only deliveries of web hooks meet."""
RMS_KINDS: Final = ("down", "locked", "empty", "partial")
KEYS: Final = {
    "system": Key(one_of(*SYSTEMS), REQUIRED),
    "account": Key(filled, "*"),
    "operation": Key(filled, "*"),
    "nth": Key(counted, 1),
    "times": Key(whole, 1),
    "kind": Key(one_of(*KINDS, *OF_WEBHOOKS, *RMS_KINDS), REQUIRED),
    "status": Key(optional(whole)),
    "code": Key(optional(filled)),
    "seconds": Key(number, 0.0),
    "after": Key(flag, False),
}


class CutError(httpx.RemoteProtocolError):
    """The connection ends without an answer. The server closes the socket; in process it is the very error
    that a client sees when a server does so.
    """

    def __init__(self) -> None:
        super().__init__("Server disconnected without sending a response.")


@dataclass(slots=True)
class Fault:
    """One fault: meets matching calls from the `nth` on, `times` of them (-1: all)."""

    system: str
    account: str
    operation: str
    nth: int
    times: int
    kind: str
    status: int | None
    code: str | None
    seconds: float
    after: bool
    seen: int = 0

    def matches(self, system: str, account: str, operations: Collection[str], *, named: bool = False) -> bool:
        """Whether a call counts for this fault; `named`: only if the fault names its operation."""
        return (
            self.system == system
            and self.account in ("*", account)
            and ((self.operation == "*" and not named) or self.operation in operations)
        )

    def meets(self) -> bool:
        """Count a call; True if the fault meets it."""
        self.seen += 1
        return self.seen >= self.nth and (self.times < 0 or self.seen < self.nth + self.times)


class Faults:
    """The faults in force. May be used by many threads."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def replace(self, faults: Iterable[Fault]) -> None:
        """These faults from now on, counted from here."""
        with self._lock:
            self._faults = list(faults)

    def meet(
        self, system: str, account: str, operations: Collection[str], *, named: bool = False
    ) -> Fault | None:
        """The first fault that this call meets; every fault it matches counts it. `named`: faults of any
        operation let it alone.
        """
        with self._lock:
            met = [f for f in self._faults if f.matches(system, account, operations, named=named)]
            return next(iter([fault for fault in met if fault.meets()]), None)


def read_faults(value: Json, path: Path = ("faults",)) -> tuple[list[Fault], list[str]]:
    """The faults of the stand-ins, and the kinds of RMS's; WorldError if they cannot be read."""
    found = listed(_read_fault)(value, path)
    rms = [fault.kind for fault in found if fault.system == "rms"]
    return [fault for fault in found if fault.system != "rms"], rms


def _read_fault(value: Json, path: Path) -> Fault:
    found = read(value, path, KEYS)
    of_webhooks = OF_WEBHOOKS if found["operation"].startswith("webhookDelivery") else ()
    known = RMS_KINDS if found["system"] == "rms" else (*KINDS, *of_webhooks)
    one_of(*known)(found["kind"], (*path, "kind"))
    return Fault(**found)
