"""The frame of the stand-ins of REST systems: accounts, the journal, faults, events, and the order of things.

A call meets, in this order: the events that wait for it, authentication, limits, a fault that keeps it from
being done, its handler (one at a time in an account), a fault that spoils the answer. Half of the latency
lies before and half after it. What is a system's own is its dialect (`sandbox.rest`).
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Final, Generic, Protocol

from sandbox.book import Book
from sandbox.events import Event
from sandbox.faults import CutError, Fault
from sandbox.http import Request, Response, answer, page
from sandbox.ledger import Call
from sandbox.reading import Json, Path, WorldError
from sandbox.rest import A, Account, Asked, CannotError, Dialect, RefusedError, Target
from sandbox.surroundings import Surroundings

NOBODY: Final = ""
"""The account of calls whose credentials belong to none, in the journal."""


class System(Protocol):
    """What the sandbox needs of a stand-in that is not Shopify or RMS."""

    @property
    def name(self) -> str:
        """Its name in paths, worlds and the journal."""

    @property
    def switches(self) -> Mapping[str, Sequence[str]]:
        """Its switches, without the name before them."""

    @property
    def first(self) -> str:
        """The first account, `default` if there is none."""

    def read(self, section: Json, path: Path) -> Callable[[], None]:
        """Check a section of the world; what is returned puts it in force."""

    def section(self) -> dict[str, Any]:
        """The accounts in the form of the world file."""

    def answer(self, request: Request, path: str) -> Response:
        """The answer to a request; CutError when there is none."""

    def check(self, event: Event) -> None:
        """WorldError for an event that cannot be read."""

    def happen(self, event: Event) -> dict[str, object]:
        """Make an event happen now."""

    def settings(self, base_url: str) -> dict[str, str]:
        """The settings that point Evenstock at the first account."""


class Rest(Generic[A]):
    """A REST system with its accounts."""

    def __init__(self, dialect: Dialect[A], around: Surroundings) -> None:
        self.dialect = dialect
        self.around = around
        self.accounts: dict[str, A] = {}
        self.peaks: Counter[str] = Counter()
        """The most calls of each account that were in flight at once, since the world was put."""
        self._flying: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The system's name."""
        return self.dialect.name

    @property
    def switches(self) -> Mapping[str, Sequence[str]]:
        """The system's switches."""
        return self.dialect.switches

    @property
    def first(self) -> str:
        """The first account."""
        return next(iter(self.accounts), "default")

    # -------------------------------------------------------------------- world

    def read(self, section: Json, path: Path) -> Callable[[], None]:
        """Check a section of the world; what is returned puts it in force."""
        if not isinstance(section, dict):
            raise WorldError(path, "must be an object: accounts by name")
        accounts = {
            name: self.dialect.read(name, each, (*path, name), self.around) for name, each in section.items()
        }
        return lambda: self._load(accounts)

    def _load(self, accounts: dict[str, A]) -> None:
        with self._lock:
            self.accounts = accounts
            self.peaks.clear()

    def section(self) -> dict[str, Any]:
        """The accounts in the form of the world file."""
        return {name: _written(account) for name, account in self.accounts.items()}

    def settings(self, base_url: str) -> dict[str, str]:
        """The settings that point Evenstock at the first account."""
        found = next(iter(self.accounts.values()), None)
        return self.dialect.settings(found, base_url) if found else {}

    # ------------------------------------------------------------------- events

    def check(self, event: Event) -> None:
        """WorldError for an event that cannot be read."""
        if event.account not in self.accounts:
            raise WorldError(("event",), f"there is no {self.name} account '{event.account}'")
        self.accounts[event.account].check(event.kind, event.given)

    def happen(self, event: Event) -> dict[str, object]:
        """Make an event happen now."""
        account = self.accounts[event.account]
        try:
            with account.book.writing("event"):
                return account.happen(event.kind, event.given)
        except CannotError as error:
            return {"refused": str(error)}

    # -------------------------------------------------------------------- calls

    def answer(self, request: Request, path: str) -> Response:
        """The answer to a request; CutError when the connection ends without one."""
        if not self.accounts:
            return answer(404, {"error": f"the world has no {self.name} account"})
        target = self.dialect.target(request, path)
        name = self.dialect.whose(request, path, self.accounts)
        call = Call(self.name, name or NOBODY, target.operation)
        asked = Asked(request, target.arguments, call, target.writes, target.batch)
        pause = self.around.latency.draw(target.operation, self.around.chance) / 2
        with self._in_flight(asked):
            try:
                time.sleep(pause)
                response = self._attended(asked, target)
                call.status = response.status
                time.sleep(pause)
            finally:
                self.around.ledger.note(call)
        return response

    @contextmanager
    def _in_flight(self, asked: Asked) -> Iterator[None]:
        name = asked.call.account
        with self._lock:
            self._flying[name] += 1
            asked.in_flight = self._flying[name]
            self.peaks[name] = max(self.peaks[name], asked.in_flight)
        try:
            yield
        finally:
            with self._lock:
                self._flying[name] -= 1

    def _attended(self, asked: Asked, target: Target[A]) -> Response:
        """The answer, after what happens in the world just before, and with the fault that the call meets."""
        call = asked.call
        account = self.accounts.get(call.account)
        if account is None:
            return self.dialect.stranger(asked)
        for event in self.around.events.due(self.name, call.account, [call.operation]):
            self.around.happen(event)
        asked.fault = self.around.faults.meet(self.name, call.account, [call.operation])
        call.fault = asked.kind_of_fault
        with account.book.lock:
            refused = self.dialect.admit(account, asked)
        response = refused or self._instead(asked) or self._done(account, asked, target)
        return replace(response, headers={**response.headers, **asked.headers}) if asked.headers else response

    def _instead(self, asked: Asked) -> Response | None:
        """The answer that a fault gives instead of having the call done; None if it lets the call through."""
        fault = asked.fault
        if fault is None:
            return None
        if fault.kind in ("timeout_before", "slow"):
            time.sleep(fault.seconds)
        if fault.kind == "timeout_before" or (asked.half and not asked.batch):
            raise CutError
        if fault.kind == "throttled":
            return self.dialect.throttled(asked)
        return self._refusal(asked, fault) if fault.kind == "http" else None

    def _refusal(self, asked: Asked, fault: Fault) -> Response:
        """A fault with a code is told in the system's words. Without one it is HTML from 500 up and below
        300: pages of maintenance have any status.
        """
        status = fault.status or 500
        asked.call.code = fault.code or str(status)
        said = 300 <= status < 500 or fault.code is not None
        return self.dialect.failed(asked, status) if said else page(status)

    def _done(self, account: A, asked: Asked, target: Target[A]) -> Response:
        """The answer of a call that is done, as its fault leaves it."""
        with account.book.lock, self._view(account.book, asked):
            response = self._handled(account, asked, target)
        fault = asked.fault
        if fault is None:
            return response
        if fault.kind == "lost_answer" or asked.half:
            raise CutError
        if fault.kind == "http_after":
            return self._refusal(asked, fault)
        if fault.kind == "malformed":
            return response.cut(response.length // 2)
        if fault.kind in ("empty", "partial") and not asked.writes and response.status < 300:
            return self.dialect.shortened(asked, response, fault.kind)
        return response

    def _view(self, book: Book, asked: Asked) -> AbstractContextManager[None]:
        """The account as it is, or for a stale read as it was before the last write."""
        fault = asked.fault
        if fault is None or fault.kind != "stale_read" or asked.writes:
            return nullcontext()
        recent = self.around.clock.seconds() - book.last_at <= fault.seconds
        return book.before_last_write() if recent else nullcontext()

    @staticmethod
    def _handled(account: A, asked: Asked, target: Target[A]) -> Response:
        try:
            if not asked.writes:
                return target.handle(account, asked)
            with account.book.writing(asked.call.operation, asked.call.key) as changes:
                response = target.handle(account, asked)
        except RefusedError as refused:
            return refused.response
        asked.call.wrote = bool(changes)
        return response


def _written(account: Account) -> dict[str, Any]:
    with account.book.lock:
        return account.written()
