"""Workers that die at a chosen moment: the program that they run in, and what they count.

    python -m tests.flows.mortal        reads requests, one JSON a line; answers likewise

One process loads everything once and forks for every worker, since Prefect takes seconds to load. A worker
runs the unchanged flow. Around it every call to a shop and every commit of the ledger that stores something
is noted in a file, by name; at its kill point the worker kills itself with SIGKILL.
"""

import faulthandler
import json
import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

SYNC = "flows.reverse_stock_sync:reverse_stock_sync"
RELEASE = "flows.plans:apply_plan"
PARTNERS = "flows.partner_sync:partner_sync"
REFRESH = "flows.inventory_refresh:manual_inventory_refresh"
MARKETS = "tests.flows.market_course:net"
SUPPLIERS = "tests.flows.supplier_course:work"

PATIENCE = 90.0
"""Seconds that a worker has. One that hangs says where each of its threads is, and is ended."""

REPORT = "report.json"
TRACE = "trace"
LOG = "log"


class Moment(StrEnum):
    """When a worker dies: around a call or a commit, or while the shop has the call and will do it yet."""

    BEFORE = "before"
    IN_FLIGHT = "in flight of"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class KillPoint:
    """A moment in the life of a worker: before, amid or after the nth event of this name."""

    moment: Moment
    event: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.moment.value} {self.event} {self.nth}"


WATCHED = re.compile(r"/(?:shopify|bricklink/api/store|brickowl)/")
"""Calls that count."""


def operation_of(method: str, path: str, body: bytes) -> str:
    """The name of a call to a shop or a marketplace: the first root field of its document, or method and
    path, numbers left out.
    """
    if market := re.match(r"/(bricklink|brickowl)/.*?/?v1/(.*)", path):
        return f"{market[1]} {method} {re.sub(r'[0-9]+', 'N', market[2])}"
    if not path.endswith("/graphql.json"):
        place = path.partition("/shopify/")[2].partition("/")[2]
        return f"{method} {re.sub(r'[0-9].*', '', place)}"
    found = re.search(r"\{\s*(?:\w+\s*:\s*)?(\w+)", json.loads(body)["query"])
    return found[1] if found else "?"


# ------------------------------------------------------------------ in the worker


@dataclass(slots=True)
class Fate:
    """Counts a worker's events and ends it at its kill point."""

    point: KillPoint | None
    trace: int
    _lock: threading.Lock
    _seen: Counter[str]

    def around(self, event: str, act: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it returns
        """Do something that counts."""
        with self._lock:
            self._seen[event] += 1
            nth = self._seen[event]
        self._meet(KillPoint(Moment.BEFORE, event, nth))
        os.write(self.trace, f"{event}\n".encode())
        result = act()
        self._meet(KillPoint(Moment.AFTER, event, nth))
        return result

    def _meet(self, now: KillPoint) -> None:
        if now == self.point:
            os.kill(os.getpid(), signal.SIGKILL)


def watch_calls(fate: Fate) -> None:
    """Every call to a shop or a marketplace is an event."""
    import httpx  # noqa: PLC0415 - this module's values are of use without it

    send = httpx.HTTPTransport.handle_request

    def watched(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        if not WATCHED.match(request.url.path):
            return send(self, request)
        operation = operation_of(request.method, request.url.path, request.read())
        response: httpx.Response = fate.around(f"call {operation}", lambda: send(self, request))
        return response

    httpx.HTTPTransport.handle_request = watched  # type: ignore[method-assign]


def watch_commits(fate: Fate) -> None:
    """Every transaction that stores something is an event, named by its statements."""
    from sqlalchemy import Engine, event  # noqa: PLC0415 - as above
    from sqlalchemy.engine.default import DefaultDialect  # noqa: PLC0415

    commit = DefaultDialect.do_commit

    def note(_: object, cursor: Any, statement: str, *__: object) -> None:  # noqa: ANN401
        found = re.match(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)", statement)
        if found:
            verb = statement.split(None, 1)[0].lower()
            name = f"{verb} {found[1]}"
            # By the driver's connection, which is all that a commit is told.
            written = waiting.setdefault(id(cursor.connection), [])
            written.extend([] if name in written else [name])

    def watched(self: DefaultDialect, dbapi_connection: Any) -> None:  # noqa: ANN401
        written = waiting.pop(id(dbapi_connection.driver_connection), None)
        if written:
            fate.around(" and ".join(written), lambda: commit(self, dbapi_connection))
        else:
            commit(self, dbapi_connection)

    waiting: dict[int, list[str]] = {}
    event.listen(Engine, "before_cursor_execute", note)
    DefaultDialect.do_commit = watched  # type: ignore[method-assign]


def live(request: Mapping[str, Any]) -> None:
    """Run the flow until its end, or the worker's."""
    faulthandler.enable()
    folder = Path(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    given = request["point"]
    point = given and KillPoint(Moment(given["moment"]), given["event"], given["nth"])
    trace = os.open(folder / TRACE, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    fate = Fate(point, trace, threading.Lock(), Counter())
    watch_calls(fate)
    watch_commits(fate)
    module, _, name = request["flow"].partition(":")
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings  # noqa: PLC0415

    # A run waits up to a second for its last heartbeat.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        report = getattr(import_module(module), name)(**request["parameters"])
    (folder / REPORT).write_text(json.dumps(report))


# ------------------------------------------------------------ in the nursery


def fork(request: Mapping[str, Any]) -> int:
    """A worker's process id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        log = os.open(Path(request["folder"]) / LOG, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        live(request)
        status = 0
    except BaseException:  # noqa: BLE001 - told in the log, whatever it was
        import traceback  # noqa: PLC0415 - for this end only

        traceback.print_exc()
    finally:
        os._exit(status)


def ended(pid: int) -> int:
    """A worker's exit status, once it has ended; that of SIGABRT for one that hung."""
    give_up = time.monotonic() + PATIENCE
    while not (found := os.waitpid(pid, os.WNOHANG))[0]:
        if time.monotonic() > give_up:
            os.kill(pid, signal.SIGABRT)
            give_up += PATIENCE
        time.sleep(0.005)
    return os.waitstatus_to_exitcode(found[1])


def serve() -> None:
    """Start workers and tell how they ended, until nobody asks any more."""
    for flow in (SYNC, RELEASE, PARTNERS, REFRESH, MARKETS, SUPPLIERS):
        import_module(flow.partition(":")[0])

    for line in sys.stdin:
        request = json.loads(line)
        answer = {"status": ended(request["wait"])} if "wait" in request else {"pid": fork(request)}
        print(json.dumps(answer), flush=True)  # noqa: T201 - this is how it answers


def asked(point: KillPoint | None) -> dict[str, Any] | None:
    """A kill point as a request carries it."""
    return asdict(point) if point else None


if __name__ == "__main__":
    serve()
