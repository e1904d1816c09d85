"""What all stand-ins share: the clock, the books, what was ordered to go wrong, and how long answers take."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sandbox.clock import Clock
from sandbox.events import Event, Events
from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.shopify.switches import Switches


@dataclass(frozen=True)
class Latency:
    """How long answers take: `seconds` (or those of the operation), give or take a fifth."""

    seconds: float = 0.0
    of: Mapping[str, float] = field(default_factory=dict)
    jitter: float = 0.2

    def draw(self, operation: str, chance: random.Random) -> float:
        """Seconds of one call."""
        base = self.of.get(operation, self.seconds)
        return base * (1 + chance.uniform(-self.jitter, self.jitter)) if base else 0.0


@dataclass(frozen=True)
class Surroundings:
    """What all stand-ins share."""

    clock: Clock
    ledger: Ledger
    faults: Faults
    events: Events
    switches: Switches
    chance: random.Random
    latency: Latency
    folder: str
    happen: Callable[[Event], object]
