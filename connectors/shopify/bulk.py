"""Bulk operations: start one, wait for it, fetch its whole result, and never take a part for the whole.

https://shopify.dev/docs/api/usage/bulk-operations/queries
https://shopify.dev/docs/api/usage/bulk-operations/imports

A result is written to a temporary file before anything of it is handed on. So a download that was cut is
taken up again where it ended, and a result whose lines are not as many as Shopify has counted is an error
before the first of them was believed. An operation that fails is started again, as often as `Limits` allows.
"""

import json
import logging
import re
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from connectors.errors import ConnectorError, Malformed, Refused, Transient, Unauthorised, UnknownOutcome
from connectors.http import Call, Http, Upload
from connectors.records import JsonObject
from connectors.shape import as_int, as_object
from connectors.shopify import calls, choice, readers
from connectors.shopify.readers import Operation

logger = logging.getLogger(__name__)

AT_ONCE = 5
"""Bulk mutations of one app that a store runs at once; bulk queries have as many places of their own."""

FULL = frozenset({"OPERATION_IN_PROGRESS", "LIMIT_REACHED"})
"""All places are taken."""

LOOKS = (0.5, 2.0)
"""Waits, in seconds, before looking whether an operation runs whose start was not answered."""

_OVER = frozenset({"COMPLETED", "FAILED", "CANCELED", "EXPIRED"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often to try."""

    seconds: float = 3_600.0
    """For one operation from its start to its end."""
    queue: float = 900.0
    """For a place among the operations of the store."""
    attempts: int = 3
    """For whatever may work when it is done again: an operation, its start, its polls, its download."""
    file: int = 95_000_000
    """Bytes of one uploaded file; Shopify takes 100 MB."""


LIMITS = Limits()


class TooLong(Transient):
    """An operation took longer than its limit; to start it again would take as long."""


class Short(Transient):
    """A download came to its end before it was as long as Shopify says."""


class Rows:
    """The rows of a bulk query, all there and counted. `at`: no row was read later, by the store's clock."""

    def __init__(self, at: datetime, count: int, file: IO[bytes] | None) -> None:
        self.at = at
        self.count = count
        self._file = file

    def __iter__(self) -> Iterator[JsonObject]:
        """The rows in no order, once."""
        if self._file is None:
            return
        with self._file as file:
            file.seek(0)
            for line in file:
                if line.strip():
                    yield _parsed(line)


class Bulk:
    """Bulk operations of one store. May be shared by threads."""

    def __init__(self, http: Http, limits: Limits = LIMITS) -> None:
        self._http = http
        self._limits = limits

    # -------------------------------------------------------------- queries

    def rows(self, text: str, expected: int = 0) -> Rows:
        """The rows that a document finds; `expected`: about how many, if that is known.

        Raises Transient if it fails again and again or takes too long, Malformed if its result is not whole,
        Refused if Shopify does not take the document or someone cancelled the operation, and Unauthorised.
        """
        for attempt in range(1, self._limits.attempts + 1):
            try:
                return self._rows(text, expected)
            except TooLong:
                raise
            except (Transient, Malformed) as error:
                if attempt == self._limits.attempts:
                    raise
                logger.warning("bulk query, attempt %d: %s; it is started again", attempt, error)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _rows(self, text: str, expected: int) -> Rows:
        name = _name()
        started = self._start(calls.run_bulk_query(_named(text, name)), name, repeatable=True)
        operation = self._finished(started, expected)
        _check_completed(operation)
        at = operation.completed_at or operation.created_at
        if operation.url is None:
            _check_count(operation, 0)
            return Rows(at, 0, None)
        file = self._result(operation)
        try:
            _check_count(operation, sum(_is_whole(line) for line in file))
        except BaseException:
            file.close()
            raise
        return Rows(at, operation.objects, file)

    # ------------------------------------------------------------ mutations

    def mutate(
        self, text: str, lines: Iterable[JsonObject], *, repeatable: bool = False
    ) -> Iterator[tuple[int, JsonObject | ConnectorError]]:
        """Run a mutation once for each line of variables; what came of each, by its number, in any order.

        The payload of a line that was done, Refused for one that was not, UnknownOutcome for one of which
        there is no word; each number comes once. Lines may run at the same time. `repeatable`: the whole may
        be started again when nobody knows whether it runs; else that is UnknownOutcome.
        Raises WritesOff, and what keeps the operation from starting: then no line was run. Only lines that
        do not fit into one file are told of it one by one, as the other files may have been run.
        """
        files = _files(lines, self._limits.file)
        first = next(files, None)
        second = next(files, None)
        if first is None:
            return
        if second is None:
            yield from self._run(text, first, repeatable)
            return

        def run(file: "_File") -> list[tuple[int, JsonObject | ConnectorError]]:
            try:
                return list(self._run(text, file, repeatable))
            except Unauthorised:
                raise
            except UnknownOutcome as error:
                why: ConnectorError = error
            except ConnectorError as error:
                why = Transient(f"not run: {error}")
            return [(file.first + number, why) for number in range(file.count)]

        with ThreadPoolExecutor(AT_ONCE) as pool:
            for results in pool.map(run, [first, second, *files]):
                yield from results

    def _run(
        self,
        text: str,
        file: "_File",
        repeatable: bool,  # noqa: FBT001
    ) -> Iterator[tuple[int, JsonObject | ConnectorError]]:
        """Run one file."""
        with file.content:
            path = self._uploaded(file)
        name = _name()
        started = self._start(
            calls.run_bulk_mutation(_named(text, name), path, name), name, repeatable=repeatable
        )
        results, why = self._results(started, file.count)
        for number in range(file.count):
            yield file.first + number, results.get(number) or UnknownOutcome(why)

    def _uploaded(self, file: "_File") -> str:
        """Upload a file; the path that Shopify knows it by."""
        name = f"evenstock-{uuid.uuid4().hex}.jsonl"
        url, fields = readers.staged(self._http.send(calls.stage_upload(name)))
        self._http.upload(Upload(url, fields, name, calls.JSONL, file.content))
        path = next((value for key, value in fields if key == "key"), None)
        if path is None:
            raise Malformed("the staged upload names no key")
        return path

    def _results(self, started: Operation, count: int) -> tuple[dict[int, JsonObject | ConnectorError], str]:
        """What there is of a result, by line, and why a line may be missing. Raises only Unauthorised."""
        try:
            operation = self._finished(started, count)
        except Unauthorised:
            raise
        except ConnectorError as error:
            return {}, f"nobody knows how the bulk mutation ended: {error}"
        why = f"the bulk mutation ended {operation.status} {operation.error}".strip()
        if (operation.url or operation.partial_url) is None:
            return {}, why
        try:
            with self._result(operation) as file:
                return dict(_outcomes(file)), f"{why} and has no result for this line"
        except ConnectorError as error:
            return {}, f"{why}, and its result could not be fetched: {error}"

    # -------------------------------------------------------- life of an operation

    def _start(self, call: Call, name: str, *, repeatable: bool) -> Operation:
        """Start an operation, or find the one of this name that was started when the answer was lost."""
        began = self._http.elapsed()
        lost, wait = 0, choice.FIRST_POLL
        while True:
            try:
                return readers.started(self._http.send(call), call.operation)
            except UnknownOutcome:
                lost += 1
                if found := self._found(name):
                    return found
                if not repeatable or lost >= self._limits.attempts:
                    raise
            except Refused as error:
                if not error.codes & FULL:
                    raise
                if self._http.elapsed() - began + wait > self._limits.queue:
                    raise Transient(f"no place for a bulk operation came free: {error}") from None
                wait = min(choice.LAST_POLL, wait * 2)
                self._http.pause(wait)

    def _found(self, name: str) -> Operation | None:
        """The operation whose document has this name, if it is among the newest ones."""
        for wait in LOOKS:
            self._http.pause(wait)
            try:
                newest = readers.operations(self._http.send(calls.bulk_operations()))
            except (Transient, Malformed) as error:
                logger.warning("whether a bulk operation was started is not known: %s", error)
            else:
                if found := next((each for each in newest if name in each.text), None):
                    return found
        return None

    def _finished(self, operation: Operation, expected: int) -> Operation:
        """Wait for the end of an operation; one that takes too long is cancelled."""
        began, wait = self._http.elapsed(), choice.FIRST_POLL
        while operation.status not in _OVER:
            elapsed = self._http.elapsed() - began
            if elapsed > self._limits.seconds:
                self._cancel(operation)
                raise TooLong(
                    f"a bulk operation was not done after {elapsed:.0f} s ({operation.objects} objects), "
                    "and was cancelled"
                )
            self._http.pause(wait)
            operation = self._polled(operation)
            elapsed = self._http.elapsed() - began
            wait = choice.next_poll(wait, elapsed, operation.objects, expected)
        return operation

    def _polled(self, operation: Operation) -> Operation:
        """The operation as it stands now."""
        for attempt in range(1, self._limits.attempts + 1):
            try:
                found = readers.polled(self._http.send(calls.bulk_operation(operation.id)))
            except (Transient, Malformed):
                if attempt == self._limits.attempts:
                    raise
                self._http.pause(choice.LAST_POLL)
            else:
                break
        if found is None:
            raise Transient("the bulk operation is not there any more")
        return found

    def _cancel(self, operation: Operation) -> None:
        try:
            self._http.send(calls.cancel_bulk(operation.id))
        except ConnectorError as error:
            logger.warning("a bulk operation that took too long could not be cancelled: %s", error)

    # ------------------------------------------------------------ its result

    def _result(self, operation: Operation) -> IO[bytes]:
        """The result of an operation in a temporary file, at its beginning; partial if only that is there."""
        file = _temporary()
        try:
            self._download(operation, file)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def _download(self, operation: Operation, file: IO[bytes]) -> None:
        """Fetch a result: go on where it was cut, and with a new address when the old one expired."""
        failures = 0
        while True:
            there = file.tell()
            problem = self._fetched(operation, file)
            if problem is None:
                return
            failures = 1 if file.tell() > there else failures + 1
            if failures >= self._limits.attempts and isinstance(problem, Short):
                # The size is only told; whether all lines are there is counted.
                return
            if failures >= self._limits.attempts or isinstance(problem, Malformed):
                raise problem
            if isinstance(problem, Refused):
                operation = self._with_new_address(operation, problem)

    def _fetched(self, operation: Operation, file: IO[bytes]) -> ConnectorError | None:
        """Append what is missing of a result; the error that kept something back."""
        url = operation.url or operation.partial_url
        if url is None:
            return Transient("the result of a bulk operation has no address any more")
        try:
            for piece in self._http.fetch(url, file.tell()):
                file.write(piece)
        except Refused as error:
            # Nothing lies behind what is there: the file is shorter than told.
            return Short(str(error)) if "416" in error.codes else error
        except (Transient, Malformed) as error:
            return error
        if operation.size is not None and file.tell() < operation.size:
            return Short(f"a result of {operation.size} bytes ended after {file.tell()}")
        return None

    def _with_new_address(self, operation: Operation, problem: Refused) -> Operation:
        """The operation with an address that is signed anew. Raises Transient if there is none."""
        found = self._polled(operation)
        if not (found.url or found.partial_url):
            raise Transient(f"the result of a bulk operation is gone: {problem}") from None
        return found


# ----------------------------------------------------------------------- names

_HEAD = re.compile(r"\b(query|mutation)\b\s*\w*")


def _name() -> str:
    return f"Evenstock_{uuid.uuid4().hex}"


def _named(text: str, name: str) -> str:
    """A document with a name of its own, by which it is found again among the store's operations."""
    return _HEAD.sub(rf"\1 {name}", text, count=1)


# ------------------------------------------------------------------- judgement


def _check_completed(operation: Operation) -> None:
    """Raise unless an operation was done to its end; what it has of a result proves nothing then."""
    if operation.status == "COMPLETED":
        return
    text = f"the bulk query ended {operation.status} {operation.error}".strip()
    if operation.error == "ACCESS_DENIED":
        raise Unauthorised(text)
    if operation.status == "CANCELED":
        raise Refused(f"{text}: someone stopped it")
    raise Transient(text)


def _check_count(operation: Operation, lines: int) -> None:
    if lines != operation.objects:
        raise Malformed(f"the result of a bulk query was cut short: {lines} of {operation.objects} objects")


def _is_whole(line: bytes) -> bool:
    """Whether a line counts. Raises Malformed for one that tells of an error instead."""
    # Most lines do not have the word at all; only those that do are read twice.
    if b'"errors"' in line and "errors" in (body := _parsed(line)):
        raise Malformed(f"a row of a bulk query could not be read: {str(body['errors'])[:200]}")
    return line.endswith(b"}\n") or (not line.endswith(b"\n") and _is_json(line))


def _is_json(line: bytes) -> bool:
    try:
        _parsed(line)
    except Malformed:
        return False
    return True


def _parsed(line: bytes) -> JsonObject:
    try:
        return as_object(json.loads(line), "line of a bulk result")
    except ValueError:
        raise Malformed(f"a line of a bulk result is no JSON: {line[:100]!r}") from None


def _outcomes(file: Iterable[bytes]) -> Iterator[tuple[int, JsonObject | ConnectorError]]:
    """What a result says of each line, by its number. A line that was cut says nothing."""
    for line in file:
        if _is_json(line):
            body = _parsed(line)
            yield as_int(body.get("__lineNumber"), "__lineNumber"), readers.line(body)


# ----------------------------------------------------------------------- files


def _temporary() -> IO[bytes]:
    """A file without a name, which is gone when it is closed."""
    return tempfile.TemporaryFile(prefix="evenstock-")


@dataclass(frozen=True, slots=True)
class _File:
    """Variables to upload: how many lines, and the number of the first in the whole."""

    content: IO[bytes]
    first: int
    count: int


def _files(lines: Iterable[JsonObject], limit: int) -> Iterator[_File]:
    """The lines in files of at most so many bytes."""
    content, first, count = _temporary(), 0, 0
    for line in lines:
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if count and content.tell() + len(text) > limit:
            yield _File(content, first, count)
            content, first, count = _temporary(), first + count, 0
        content.write(text)
        count += 1
    if count:
        yield _File(content, first, count)
    else:
        content.close()
