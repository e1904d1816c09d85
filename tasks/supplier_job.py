"""What the work of a supplier job is given, and what it gives back."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime

from connectors.ledger import Ledger
from connectors.ledger.supplier_records import Job, Rows, Supplier
from connectors.records import JsonObject
from connectors.settings import Settings
from connectors.supplier import Supplier as Connector
from tasks.signs import Sign


@dataclass(frozen=True, slots=True)
class JobContext:
    """All that a job works with.

    `open` opens the supplier, for a `with` statement. `beat` raises LeaseLost once the job was cancelled or
    taken over: called before each piece of work. `log` writes a line into the run's log.
    """

    job: Job
    supplier: Supplier
    ledger: Ledger
    settings: Settings
    open: Callable[[], AbstractContextManager[Connector]]
    now: Callable[[], datetime]
    beat: Callable[[], None]
    log: Callable[[Sign, str], None]
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class JobResult:
    """A job that came to its end. `result` has the origin document's shape; `errors` cost only their rows."""

    result: JsonObject
    rows: Rows
    errors: tuple[str, ...] = ()
    usage: JsonObject = field(default_factory=dict)
    """Calls to the supplier, as `Usage.as_dict` tells them."""


@dataclass(frozen=True, slots=True)
class PutBack:
    """A job that goes on later, behind the cursor it stored: a supplier's window is used up until then."""

    until: datetime
    why: str
    usage: JsonObject = field(default_factory=dict)


Work = Callable[[JobContext], JobResult | PutBack]
"""Does a job. `WindowClosed` that leaves it puts the job back."""
