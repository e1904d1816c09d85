"""Know every write before it is sent, and only send it while the lease holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from connectors.ledger import Ledger
from connectors.ledger.records import Operation, OperationState
from connectors.records import JsonObject, JsonValue, Quantities, Row
from tasks.job import Job
from tasks.lease import Hold, clock
from tasks.plan import Line


def product_resource(account: str, product_id: int) -> str:
    """The lease that whoever writes a product must hold."""
    return f"product:{account}:{product_id}"


def written_by_others(ledger: Ledger, job: Job, spare: float) -> set[int]:
    """Products that other runs wrote meanwhile, and keep. `spare`: seconds that a call may take."""
    return ledger.written_by_others(
        job.account,
        job.run_id,
        job.started_at,
        takes=timedelta(seconds=spare),
        marking=job.flow if job.leaves_marks else None,
    )


@dataclass(frozen=True, slots=True)
class LedgerJournal:
    """The journal of one batch. `spare`: seconds a call may take, which the lease must outlast."""

    ledger: Ledger
    job: Job
    hold: Hold
    spare: float

    def intend(self, kind: str, lines: Sequence[Line], rows: Sequence[Row]) -> str:
        """Check the fences, store the operation with full rows, and return its new key."""
        products = {line.product_id for line in lines}
        self.hold.check([product_resource(self.job.account, each) for each in products], self.spare)
        operation = Operation(
            key=str(uuid4()),
            run_id=self.job.run_id,
            account=self.job.account,
            kind=kind,
            rows=_rows(lines, rows),
            sent_at=clock(),
        )
        self.ledger.intend(operation)
        return operation.key

    def conclude(self, key: str, state: str, note: str = "") -> None:
        """Store what became of an operation."""
        self.ledger.conclude(key, OperationState(state), clock(), note=note)


def _rows(lines: Sequence[Line], rows: Sequence[Row]) -> list[JsonObject]:
    sent = {row.item_id: row for row in rows}
    return [_row(line, sent.get(line.item_id)) for line in lines]


def _row(line: Line, sent: Row | None) -> JsonObject:
    return {
        "sku": line.sku,
        "product_id": line.product_id,
        "variant_id": line.variant_id,
        "inventory_item_id": line.item_id,
        "baseline": _reading(line.baseline),
        "before": _reading(sent.before) if sent else None,
        "from": sent.expected if sent else None,
        "to": sent.quantity if sent else None,
    }


def _reading(found: Quantities | None) -> list[JsonValue] | None:
    return [found.available, found.committed, found.on_hand] if found else None
