"""What the vendor remembers of @idempotent keys.

https://shopify.dev/docs/api/usage/idempotent-requests
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Final

MEMORY_SECONDS: Final = 24 * 3600.0
REQUIRED: Final = frozenset(
    {
        "inventoryActivate",
        "inventoryAdjustQuantities",
        "inventoryMoveQuantities",
        "inventorySetOnHandQuantities",
        "inventorySetQuantities",
    }
)
"""Mutations (of those an inventory tool uses) that are refused without a key."""


class Verdict(Enum):
    """What is known of a key that comes with a mutation."""

    NEW = "new"
    REPLAY = "replay"
    MISMATCH = "mismatch"
    RUNNING = "running"
    FAILED_BEFORE = "failed before"


CODES: Final[Mapping[Verdict, str]] = {
    Verdict.MISMATCH: "IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
    Verdict.RUNNING: "IDEMPOTENCY_CONCURRENT_REQUEST",
    Verdict.FAILED_BEFORE: "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED",
}
"""Codes of the verdicts that stop a mutation."""

Owner = tuple[str, str, str]
"""App, shop and key."""


def usable(key: object) -> bool:
    """False for a key that is empty or blank, which the vendor refuses."""
    return isinstance(key, str) and bool(key.strip())


def fingerprint(parameters: object) -> str:
    """The same for parameters with the same content, however their fields are ordered."""
    text = json.dumps(parameters, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class _Attempt:
    parameters: str
    since: float
    verdict: Verdict


class KeyMemory:
    """Keys of the last 24 hours by (app, shop, key), with the parameters they came with.

    `clock` gives seconds. `remember=False`: a vendor that forgets every key at once, so that a client which
    relies on the memory is found out.
    """

    def __init__(self, clock: Callable[[], float], remember: bool = True) -> None:  # noqa: FBT001, FBT002
        self.remember = remember
        self._clock = clock
        self._attempts: dict[Owner, _Attempt] = {}
        self._lock = threading.Lock()

    def begin(self, app: str, shop: str, key: str, parameters: object) -> Verdict:
        """Judge a key. NEW also notes it as running: call `finish` or `forget` when its mutation is over."""
        if not self.remember:
            return Verdict.NEW
        owner, marks = (app, shop, key), fingerprint(parameters)
        with self._lock:
            self._drop_old()
            known = self._attempts.get(owner)
            if known is None:
                self._attempts[owner] = _Attempt(marks, self._clock(), Verdict.RUNNING)
                return Verdict.NEW
            return known.verdict if known.parameters == marks else Verdict.MISMATCH

    def finish(self, app: str, shop: str, key: str, *, succeeded: bool) -> None:
        """Note how the mutation with this key ended."""
        with self._lock:
            known = self._attempts.get((app, shop, key))
            if known is not None:
                known.verdict = Verdict.REPLAY if succeeded else Verdict.FAILED_BEFORE

    def forget(self, app: str, shop: str, key: str) -> None:
        """The mutation was not attempted after all."""
        with self._lock:
            self._attempts.pop((app, shop, key), None)

    def clear(self) -> None:
        """Forget every key."""
        with self._lock:
            self._attempts.clear()

    def _drop_old(self) -> None:
        """Oldest first: a dictionary keeps the order in which keys came."""
        oldest = self._clock() - MEMORY_SECONDS
        old = []
        for owner, attempt in self._attempts.items():
            if attempt.since > oldest:
                break
            old.append(owner)
        for owner in old:
            del self._attempts[owner]
