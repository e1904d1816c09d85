"""The mutations that start and stop bulk operations, and how the lines of an uploaded file are run.

https://shopify.dev/docs/api/usage/bulk-operations/imports
"""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from graphql import OperationType

from sandbox.faults import Fault
from sandbox.shopify import gids
from sandbox.shopify.bulk import Bulk, BulkOperation, Rows
from sandbox.shopify.bulk_query import (
    BulkExecution,
    RefusedDocumentError,
    Row,
    lines,
    prepared_query,
)
from sandbox.shopify.documents import Errors, Parsed, Prepared, prepare, read_document
from sandbox.shopify.execute import UnservedError, unserved_body
from sandbox.shopify.mutations import Arguments, Mutation, Payload, Problem, problem
from sandbox.shopify.schema import flatten, root_type
from sandbox.shopify.storage import Uploads, upload_problems

MAX_FILE: Final = 100 * 1024 * 1024
IDENTIFIER: Final = range(10, 256)
"""Lengths of a client identifier."""
MAX_CONNECTIONS: Final = 1
FORBIDDEN: Final = ("bulkOperationRunMutation", "bulkOperationRunQuery")

RunLine = Callable[[Prepared], Mapping[str, Any]]
"""Runs one line of a file and gives its `data` and `errors`."""


@dataclass(frozen=True)
class Desk:
    """What the mutations of bulk operations need of their shop. `meet` gives the fault that an operation's
    work meets.
    """

    bulk: Bulk
    uploads: Uploads
    chance: random.Random
    execution: Callable[[Prepared], BulkExecution]
    run_line: RunLine
    meet: Callable[[str], Fault | None]


# -------------------------------------------------------------------- queries


def run_query(desk: Desk, mutation: Mutation, arguments: Arguments) -> Payload:
    """`bulkOperationRunQuery`."""
    text = arguments["query"]
    try:
        execution = desk.execution(prepared_query(text))
    except RefusedDocumentError as error:
        return _started(None, [problem(["query"], str(error), "INVALID")])
    found = lines(execution)
    if desk.bulk.is_full("QUERY"):
        return _started(None, [_full("query")])
    fault = desk.meet("bulkQuery")
    number = mutation.context.shop.fresh_id()
    operation = desk.bulk.begin(number, "QUERY", text, iter(found), fault)
    operation.grouped = arguments["groupObjects"]
    operation.fails_after = _last_row(fault, found)
    return _started(operation, [])


def _last_row(fault: Fault | None, rows: Iterable[object]) -> int | None:
    """Rows after which an operation fails, None if it does not. They are counted, so as to fail half way."""
    if fault is None or fault.kind != "graphql_error":
        return None
    total = sum(1 for _ in rows)
    return total if fault.after else total // 2


def _full(kind: str) -> Problem:
    text = f"A bulk {kind} operation for this app and shop is already in progress."
    return problem(None, text, "OPERATION_IN_PROGRESS")


def _started(operation: BulkOperation | None, problems: Sequence[Problem]) -> Payload:
    return {"bulkOperation": operation, "userErrors": list(problems)}


# ------------------------------------------------------------------ mutations


def run_mutation(desk: Desk, mutation: Mutation, arguments: Arguments) -> Payload:
    """`bulkOperationRunMutation`."""
    text = arguments["mutation"]
    found = desk.uploads.file(arguments["stagedUploadPath"])
    problems = [
        *_identifier_problems(arguments.get("clientIdentifier")),
        *_mutation_problems(text),
        *_file_problems(found),
    ]
    if problems or found is None:
        return _started(None, problems)
    if desk.bulk.is_full("MUTATION"):
        return _started(None, [_full("mutation")])
    fault = desk.meet("bulkMutation")
    number = mutation.context.shop.fresh_id()
    operation = desk.bulk.begin(number, "MUTATION", text, _rows(desk, text, found), fault)
    operation.fails_after = _last_row(fault, _numbered(found))
    return _started(operation, [])


def _identifier_problems(identifier: str | None) -> Iterator[Problem]:
    if identifier is not None and len(identifier) not in IDENTIFIER:
        yield problem(["clientIdentifier"], "A client identifier has 10 to 255 characters.")


def _mutation_problems(text: str) -> Iterator[Problem]:
    """What is wrong with the document that each line runs; its variables come with the lines."""
    found = read_document(text)
    if isinstance(found, Errors):
        yield _invalid(str(found[0]["message"]))
    elif len(found.operations) != 1:
        yield _invalid("The document must have one operation.")
    else:
        yield from _operation_problems(found)


def _invalid(why: str) -> Problem:
    return problem(["mutation"], f"Invalid mutation: {why}", "INVALID_MUTATION")


def _operation_problems(found: Parsed) -> Iterator[Problem]:
    ((name, operation),) = found.operations.items()
    if operation.operation is not OperationType.MUTATION:
        yield _invalid("The document must be a mutation.")
        return
    roots = list(flatten(operation.selection_set, root_type(operation), found.fragments))
    if len(roots) > 1:
        yield problem(["mutation"], "You can only use one top-level mutation field.")
    if any(node.name.value in FORBIDDEN for _, node in roots):
        yield _invalid("Bulk operations cannot be started by bulk operations.")
    if len(found.pages[name]) > MAX_CONNECTIONS:
        yield _invalid("The document may have one connection.")


def _file_problems(file: Path | None) -> Iterator[Problem]:
    if file is None:
        yield problem(["stagedUploadPath"], "The JSONL file could not be found.", "NO_SUCH_FILE")
    elif not 0 < file.stat().st_size <= MAX_FILE or not _begins_well(file):
        text = "The JSONL file must have 1 byte to 100 MB, and an object on each line."
        yield problem(["stagedUploadPath"], text, "INVALID_STAGED_UPLOAD_FILE")


def _begins_well(file: Path) -> bool:
    """Whether the first line is an object; the others are looked at when they are run."""
    with file.open("rb") as lines_of_file:
        return _variables(lines_of_file.readline()) is not None


# ---------------------------------------------------------------------- lines


def _variables(raw: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _numbered(file: Path) -> Iterator[tuple[int, bytes]]:
    with file.open("rb") as found:
        yield from ((number, raw) for number, raw in enumerate(found) if raw.strip())


def _rows(desk: Desk, text: str, file: Path) -> Rows:
    """Run line after line; each gives one row, which its number ties to it."""
    for number, raw in _numbered(file):
        yield Row({**_outcome(desk, text, raw), "__lineNumber": number}, is_root=True)


def _outcome(desk: Desk, text: str, raw: bytes) -> Mapping[str, Any]:
    variables = _variables(raw)
    if variables is None:
        return {"errors": [{"message": "The line is not a JSON object."}]}
    found = prepare(text, variables, None, paged=False)
    if isinstance(found, Errors):
        return {**({} if found.data is None else {"data": found.data}), "errors": list(found)}
    fault = desk.meet("bulkLine")
    spoilt = fault if fault and fault.kind == "graphql_error" else None
    if spoilt and not spoilt.after:
        return _spoilt(spoilt)
    try:
        outcome = desk.run_line(found)
    except UnservedError as error:
        return unserved_body(error)
    return _spoilt(spoilt) if spoilt else outcome


def _spoilt(fault: Fault) -> Mapping[str, Any]:
    code = fault.code or "INTERNAL_SERVER_ERROR"
    return {"errors": [{"message": "Internal error.", "extensions": {"code": code}}]}


# ------------------------------------------------------------- cancel, upload


def cancel(desk: Desk, mutation: Mutation, arguments: Arguments) -> Payload:
    """`bulkOperationCancel`."""
    number = gids.number(arguments["id"], "BulkOperation")
    operation = mutation.context.shop.bulk_operations.get(number or 0)
    if operation is None:
        return _started(None, [problem(["id"], "Bulk operation does not exist")])
    if operation.is_over:
        text = f"A bulk operation cannot be canceled when it is {operation.status.lower()}"
        return _started(operation, [problem(["id"], text)])
    if not operation.canceled_at:
        desk.bulk.cancel(operation)
    return _started(operation, [])


def stage(desk: Desk, _: Mutation, arguments: Arguments) -> Payload:
    """`stagedUploadsCreate`."""
    given = arguments["input"]
    problems = [found for index, one in enumerate(given) for found in upload_problems(index, one)]
    if problems:
        return {"stagedTargets": [], "userErrors": problems}
    base = desk.bulk.base
    targets = [desk.uploads.stage(base, one, UUID(int=desk.chance.getrandbits(128))) for one in given]
    return {"stagedTargets": targets, "userErrors": []}


HANDLERS: Final[Mapping[str, Callable[[Desk, Mutation, Arguments], Payload]]] = {
    "bulkOperationRunQuery": run_query,
    "bulkOperationRunMutation": run_mutation,
    "bulkOperationCancel": cancel,
    "stagedUploadsCreate": stage,
}
