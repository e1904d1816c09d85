"""What the stand-in of a REST system is written in: its dialect, its accounts, and the calls they answer.

`sandbox.frame` does what all of them have in common; `sandbox.systems` says which there are.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from sandbox.book import Book
from sandbox.faults import Fault
from sandbox.http import Request, Response
from sandbox.ledger import Call
from sandbox.reading import Json, Path
from sandbox.surroundings import Surroundings


class RefusedError(Exception):
    """A handler's refusal: nothing of the call was done, and this is the answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class CannotError(Exception):
    """An event that cannot be: nothing of it happened."""


class Account(Protocol):
    """One account of a system: what its world section holds."""

    @property
    def book(self) -> Book:
        """Its tables and changes."""

    def written(self) -> dict[str, Any]:
        """The account in the form of the world file."""

    def check(self, kind: str, given: Mapping[str, Any]) -> None:
        """WorldError for an event that cannot be read."""

    def happen(self, kind: str, given: Mapping[str, Any]) -> dict[str, object]:
        """Make an event happen, inside `book.writing`; CannotError or {"refused": why} if it cannot be."""


A = TypeVar("A", bound=Account)


@dataclass(frozen=True)
class Target(Generic[A]):
    """What a request aims at."""

    operation: str
    """Its name in journal, faults and events: `METHOD /path` with placeholders."""
    handle: "Callable[[A, Asked], Response]"
    arguments: Mapping[str, str] = field(default_factory=dict)
    """What stands in the placeholders."""
    writes: bool = False
    batch: bool = False
    """Its parts are independent: a `partial` fault has the handler do the first half (`Asked.half`)."""


@dataclass
class Asked:
    """A call, as handlers see it."""

    request: Request
    arguments: Mapping[str, str]
    call: Call
    """Its line in the journal: a handler may set `code`, `key` and `cost`."""
    writes: bool
    batch: bool
    fault: Fault | None = None
    in_flight: int = 1
    """Calls of this account that are being answered, this one included."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What `admit` adds to the answer, whoever gives it."""

    @property
    def kind_of_fault(self) -> str | None:
        """The kind of fault this call meets."""
        return self.fault.kind if self.fault else None

    @property
    def half(self) -> bool:
        """Whether a batch is to do the first half of its parts only: the connection is cut afterwards."""
        return self.kind_of_fault == "partial" and self.writes


class Dialect(Protocol[A]):
    """What is one system's own."""

    name: str
    switches: Mapping[str, Sequence[str]]
    """Behaviour not known for sure: `around.switches["name.switch"]`; the first position is the usual."""

    def read(self, name: str, section: Json, path: Path, around: Surroundings) -> A:
        """An account from the world file; WorldError if it cannot be."""

    def target(self, request: Request, path: str) -> Target[A]:
        """What a request for this path below the system's name aims at; a path that does not exist has a
        handler that says so.
        """

    def whose(self, request: Request, path: str, accounts: Mapping[str, A]) -> str | None:
        """The account whose credentials a request shows (whether they are right is for `admit`)."""

    def stranger(self, asked: Asked) -> Response:
        """The answer to a request that shows nobody's credentials."""

    def admit(self, account: A, asked: Asked) -> Response | None:
        """The refusal of a call for its credentials or a limit; None lets it through and counts it."""

    def failed(self, asked: Asked, status: int) -> Response:
        """The system's own answer with this status, for an `http` fault."""

    def throttled(self, asked: Asked) -> Response:
        """The system's own answer to too many calls."""

    def shortened(self, asked: Asked, response: Response, kind: str) -> Response:
        """The answer to a read made valid but `empty`, or `partial`: with the first half of its list."""

    def settings(self, account: A, base_url: str) -> dict[str, str]:
        """The settings that point Evenstock at this account; `base_url` is where the sandbox is."""


# ---------------------------------------------------------------- for dialects


@dataclass(frozen=True)
class Route(Generic[A]):
    """One operation: `path` has placeholders such as `{id}`, which stand for one step each."""

    method: str
    path: str
    handle: Callable[[A, Asked], Response]
    writes: bool = False
    batch: bool = False


class Routes(Generic[A]):
    """Operations by method and path. `lost` answers paths that do not exist, `wrong` those that exist for
    other methods; a slash at the end of a path does not matter.
    """

    def __init__(
        self,
        routes: Iterable[Route[A]],
        lost: Callable[[A, Asked], Response],
        wrong: Callable[[A, Asked], Response],
    ) -> None:
        self._routes = [(_pattern(each.path), each) for each in routes]
        self._lost, self._wrong = lost, wrong

    def find(self, method: str, path: str) -> Target[A]:
        """What a request aims at."""
        plain, known = path.rstrip("/"), None
        for pattern, route in self._routes:
            found = pattern.fullmatch(plain)
            if found and route.method == method:
                name = f"{method} {route.path}"
                return Target(name, route.handle, found.groupdict(), route.writes, route.batch)
            known = known or (route.path if found else None)
        if known:
            return Target(f"{method} {known}", self._wrong)
        return Target(f"{method} {path}", self._lost)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def kept(items: Sequence[Any], kind: str) -> list[Any]:
    """What an `empty` or a `partial` fault leaves of a list."""
    return list(items[: len(items) // 2]) if kind == "partial" else []


def body_of(response: Response) -> Json:
    """The JSON of an answer."""
    return json.loads(response.body)
