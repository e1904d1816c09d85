"""Bulk operations: their life, their results, and how time passes for them.

https://shopify.dev/docs/api/usage/bulk-operations/queries

An operation handles `bulk_objects_per_second` of its shop. Row i is read (or line i is run) at the moment
start + i / rate of the stand-ins' clock: whoever comes to the shop, to ask or to change something, first lets
the operations catch up. So a sale between start and end shows in the rows that come after it, in no other.

Faults on the operations `bulkQuery` and `bulkMutation`, which no call has, meet the work itself, once for
each operation that starts:

- `graphql_error`: FAILED with `code` (INTERNAL_SERVER_ERROR, TIMEOUT, ACCESS_DENIED) after half of the rows,
  or with `"after": true` after all of them; the rows so far stand behind `partialDataUrl`.
- `timeout_before`: stays RUNNING with nothing done. `lost_answer`: all is done, and it stays RUNNING. Both
  end as TIMEOUT when they have run for longer than the vendor allows (10 days, mutations 24 hours).
- `slow`: begins `seconds` later.
- `partial`, `empty`: COMPLETED, but the file has only its first half, or nothing; the counts tell of all.
- `malformed`: COMPLETED, but the file ends in the middle of a line.

`graphql_error` on the operation `bulkLine` meets lines of mutations, each of which counts: the line is not
run (or with `"after": true` it is) and its row has `errors` instead of `data`.

Faults on `GET /bulk/{id}`, `POST /staged-uploads` and `PUT /staged-uploads/{key}` meet downloads and uploads;
`{"kind": "http", "status": 403}` is an address that has expired, and `lost_answer` breaks a download off half
way.
"""

import json
import math
import random
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BufferedWriter
from pathlib import Path
from typing import Final

from sandbox.clock import Clock
from sandbox.faults import Fault
from sandbox.http import Request, Response, ranged
from sandbox.shopify.bulk_query import Row, WorkFailedError
from sandbox.shopify.model import EPOCH
from sandbox.shopify.shop import Settings
from sandbox.shopify.storage import Signer, refused
from sandbox.shopify.switches import Switches

AT_ONCE: Final = 5
"""Operations of one type that may run at once: https://shopify.dev/docs/api/usage/bulk-operations/queries"""
LIMITS: Final = {"QUERY": timedelta(days=10), "MUTATION": timedelta(hours=24)}
CANCELING: Final = timedelta(seconds=1)
"""How long a cancellation takes."""
RESULTS: Final = "/bulk/"
ROWS_AT_A_TIME: Final = 200
ROUNDING: Final = 1e-6

Rows = Iterator[Row]


@dataclass(eq=False)
class BulkOperation:
    """One bulk operation."""

    id: int
    type: str
    query: str
    created_at: datetime
    rows: Rows
    file: Path
    home: "Bulk"
    grouped: bool = False
    status: str = "CREATED"
    error_code: str | None = None
    starts_at: datetime = EPOCH
    ended_at: datetime | None = None
    canceled_at: datetime | None = None
    seen: int = 0
    objects: int = 0
    roots: int = 0
    size: int = 0
    fault: Fault | None = None
    fails_after: int | None = None
    out: BufferedWriter | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.ended_at is not None

    @property
    def object_count(self) -> int:
        """Objects that are done."""
        return self.objects if self.is_over else min(self.objects, self.seen)

    @property
    def root_count(self) -> int:
        """Objects at the root that are done."""
        return min(self.roots, self.object_count)

    @property
    def completed_at(self) -> datetime | None:
        """When it came to its end by itself."""
        return None if self.canceled_at else self.ended_at

    @property
    def url(self) -> str | None:
        """Where the result is."""
        return self.home.address(self) if self.status == "COMPLETED" and self.size else None

    @property
    def partial_url(self) -> str | None:
        """Where the rows are that there were."""
        partial = self.status == "FAILED" or (
            self.status == "CANCELED" and self.home.switches["bulk_canceled"] == "partial"
        )
        return self.home.address(self) if partial and self.size else None

    def next_row(self) -> Row:
        """One row more; StopIteration after the last, WorkFailedError where it is to fail."""
        if self.objects == self.fails_after:
            raise WorkFailedError((self.fault and self.fault.code) or "INTERNAL_SERVER_ERROR")
        return next(self.rows)

    def stuck(self, *kinds: str) -> bool:
        """Whether a fault of these kinds keeps it from its end."""
        return self.fault is not None and self.fault.kind in kinds


def _unheard(_: BulkOperation) -> None:
    """Nobody wants to know."""


@dataclass
class Bulk:
    """The bulk operations of one shop. One thread at a time; `base` is where the shop was last asked."""

    settings: Settings
    clock: Clock
    switches: Switches
    chance: random.Random
    signer: Signer
    folder: Path
    known: dict[int, BulkOperation]
    base: str = ""
    running: list[BulkOperation] = field(default_factory=list)
    finished: Callable[[BulkOperation], object] = _unheard

    # ------------------------------------------------------------------- begin

    def is_full(self, kind: str) -> bool:
        """Whether as many operations of this type run as may."""
        return sum(operation.type == kind for operation in self.running) >= AT_ONCE

    def begin(self, number: int, kind: str, text: str, rows: Rows, fault: Fault | None) -> BulkOperation:
        """A new operation, which has done nothing yet."""
        now, file = self.clock.now(), self.folder / f"result-{number}.jsonl"
        operation = BulkOperation(number, kind, text, now, rows, file, self, fault=fault)
        operation.starts_at = now + timedelta(seconds=_seconds(fault))
        self.known[number] = operation
        self.running.append(operation)
        return operation

    def close(self) -> None:
        """Let go of everything that runs."""
        for operation in self.running:
            if operation.out is not None:
                operation.out.close()
        self.running.clear()

    def cancel(self, operation: BulkOperation) -> None:
        """Stop an operation that runs; it takes a moment."""
        operation.status = "CANCELING"
        operation.canceled_at = self.clock.now()

    # -------------------------------------------------------------------- time

    def step(self) -> bool:
        """Do a part of what is due; False when nothing of it is left."""
        now = self.clock.now()
        left = [self._stepped(operation, now) for operation in list(self.running)]
        return any(left)

    @property
    def moves(self) -> bool:
        """Whether time alone will bring anything on soon."""
        return any(not operation.stuck("timeout_before", "lost_answer") for operation in self.running)

    def _stepped(self, operation: BulkOperation, now: datetime) -> bool:
        if operation.canceled_at:
            self._cancelled(operation, now)
            return False
        limit = operation.created_at + LIMITS[operation.type]
        left = self._run(operation, min(now, limit))
        if not left and not operation.is_over and now >= limit:
            self._end(operation, limit, "FAILED", "TIMEOUT")
        return left

    def _run(self, operation: BulkOperation, now: datetime) -> bool:
        """Do a part of what is due at this moment; True if there is more."""
        passed = (now - operation.starts_at).total_seconds()
        if passed > 0:
            operation.status = "RUNNING"
        if passed < 0 or operation.stuck("timeout_before"):
            return False
        due = math.floor(passed * self.settings.bulk_objects_per_second + ROUNDING)
        operation.seen = due
        return self._advanced(operation, due, now)

    def _cancelled(self, operation: BulkOperation, now: datetime) -> None:
        if operation.canceled_at and now >= operation.canceled_at + CANCELING:
            self._end(operation, now, "CANCELED", None)

    def _advanced(self, operation: BulkOperation, due: int, now: datetime) -> bool:
        """Take the rows that are due, or some of them; True if there are more."""
        upto = min(due + 1, operation.objects + ROWS_AT_A_TIME)
        try:
            while operation.objects < upto:
                self._take(operation, operation.next_row())
        except StopIteration:
            self._completed(operation, now)
            return False
        except WorkFailedError as failure:
            self._end(operation, self._moment(operation, now), "FAILED", failure.code)
            return False
        except BaseException:
            self._end(operation, now, "FAILED", "INTERNAL_SERVER_ERROR")
            raise
        return operation.objects <= due

    def _take(self, operation: BulkOperation, row: Row) -> None:
        if operation.out is None:
            operation.out = operation.file.open("wb")
        text = json.dumps(row.line, ensure_ascii=False, separators=(",", ":"))
        if self.switches["bulk_slashes"] == "escaped":
            text = text.replace("/", "\\/")
        operation.out.write(text.encode() + b"\n")
        operation.objects += 1
        operation.roots += row.is_root

    def _moment(self, operation: BulkOperation, now: datetime) -> datetime:
        """When the last row was done."""
        rate = self.settings.bulk_objects_per_second or math.inf
        return min(now, operation.starts_at + timedelta(seconds=operation.objects / rate))

    def _completed(self, operation: BulkOperation, now: datetime) -> None:
        if not operation.stuck("lost_answer"):
            self._end(operation, self._moment(operation, now), "COMPLETED", None)

    def _end(self, operation: BulkOperation, at: datetime, status: str, code: str | None) -> None:
        self.running.remove(operation)
        operation.status, operation.error_code, operation.ended_at = status, code, at
        operation.rows = iter(())
        if operation.out is not None:
            operation.out.close()
            operation.out = None
            self._finish_file(operation)
        self.finished(operation)

    # ----------------------------------------------------------------- results

    def _finish_file(self, operation: BulkOperation) -> None:
        if self.switches["bulk_order"] == "shuffled" and not operation.grouped:
            shuffle(operation.file, self.chance)
        if operation.status == "COMPLETED" and operation.fault:
            cut(operation.file, operation.fault.kind)
        operation.size = operation.file.stat().st_size

    def address(self, operation: BulkOperation) -> str:
        """The signed address of a result."""
        path = f"{RESULTS}{operation.id}.jsonl"
        since = operation.ended_at.timestamp() if operation.ended_at else 0
        return f"{self.base}{path}?{self.signer.query('GET', path, since)}"

    def expire(self) -> None:
        """Take away results that are older than their addresses."""
        for operation in self.known.values():
            ended = operation.ended_at if operation.status == "COMPLETED" else None
            if ended and self.signer.is_over(ended.timestamp()):
                operation.status = "EXPIRED"
                operation.file.unlink(missing_ok=True)

    def download(self, request: Request, path: str) -> Response:
        """GET of a result."""
        refusal = self.signer.refusal(request, path)
        if refusal:
            return refusal
        operation = self.known.get(int(path.removeprefix(RESULTS).removesuffix(".jsonl")))
        if operation is None or not operation.file.exists():
            return refused(404, "NoSuchKey")
        whole = Response(200, kind="application/jsonl", file=operation.file, end=operation.size)
        served = self.switches["bulk_ranges"] == "served"
        return ranged(whole, request.headers.get("range", "")) if served else whole


def _seconds(fault: Fault | None) -> float:
    return fault.seconds if fault and fault.kind == "slow" else 0.0


# --------------------------------------------------------------------- files


def line_starts(file: Path) -> "array[int]":
    """Where each line begins, and where the last one ends."""
    starts = array("Q", [0])
    with file.open("rb") as lines:
        for line in lines:
            starts.append(starts[-1] + len(line))
    return starts


def shuffle(file: Path, chance: random.Random) -> None:
    """Put the lines into another order."""
    starts = line_starts(file)
    order = list(range(len(starts) - 1))
    chance.shuffle(order)
    mixed = file.with_suffix(".mixed")
    with file.open("rb") as source, mixed.open("wb") as target:
        for index in order:
            source.seek(starts[index])
            target.write(source.read(starts[index + 1] - starts[index]))
    mixed.replace(file)


def kept(file: Path, size: int, kind: str | None) -> int:
    """Bytes of a file of lines that a fault of this kind leaves."""
    if kind == "empty":
        return 0
    if kind == "malformed":
        return size // 2 if size % 2 else size // 2 - 1
    if kind == "partial":
        starts = line_starts(file)
        return starts[(len(starts) - 1) // 2]
    return size


def cut(file: Path, kind: str) -> None:
    """Leave of a file what a fault of this kind leaves."""
    size = kept(file, file.stat().st_size, kind)
    with file.open("r+b") as lines:
        lines.truncate(size)
