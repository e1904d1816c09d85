"""BigBuy's connector on its stand-in; waiting moves the stand-in's clock and takes no time."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from connectors.bigbuy import BigBuy
from connectors.errors import WindowClosed
from connectors.http import Http, Patience
from connectors.supplier import Access, Page, Windows
from connectors.suppliers import configured, supplier_type
from sandbox.app import Sandbox
from sandbox.clock import Clock
from tests.sandbox.bigbuyer import KEY
from tests.worlds import NOW


@dataclass
class Kept:
    """Windows in memory, as several processes would share them."""

    clock: Clock
    used: dict[str, tuple[int, int, float]] = field(default_factory=dict)
    """Calls used, limit and end by group."""

    def take(self, group: str, limit: int, seconds: int) -> float:
        """Count a call if it may go."""
        now = self.clock.seconds()
        used, most, ends = self.used.get(group, (0, limit, 0.0))
        if now >= ends:
            used, most, ends = 0, limit, now + seconds
        if used >= most:
            return ends - now
        self.used[group] = (used + 1, most, ends)
        return 0.0

    def learn(self, group: str, limit: int, remaining: int, seconds_left: float) -> None:
        """Believe the answer."""
        self.used[group] = (limit - remaining, limit, self.clock.seconds() + seconds_left)


@dataclass
class Bench:
    """One account, and what a worker does with it."""

    sandbox: Sandbox
    windows: Windows
    language: str = "es"
    key: str = KEY
    slept: list[float] = field(default_factory=list)

    def open(self) -> BigBuy:
        """The connector, as a new process opens it."""
        row = supplier_type("bigbuy")
        connect = partial(
            Http, client=httpx.Client(transport=httpx.WSGITransport(app=self.sandbox)), chance=lambda: 0.0
        )
        found = row.open(
            Access(
                "user/1",
                "http://127.0.0.1/bigbuy",
                {"api_key": self.key},
                configured("bigbuy", {"language": self.language}),
                windows=self.windows,
                patience=Patience(attempts=3),
                now=self.sandbox.clock.now,
                sleep=self.sleep,
                connect=connect,
            )
        )
        assert isinstance(found, BigBuy)
        return found

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.slept.append(seconds)
        self.sandbox.clock.advance(seconds)

    def fault(self, operation: str, **fault: object) -> None:
        """Something goes wrong."""
        self.sandbox.faults([{"system": "bigbuy", "operation": operation, **fault}])

    def calls(self, ending: str = "") -> int:
        """How many calls the stand-in saw."""
        return sum(str(each["operation"]).endswith(ending) for each in self.sandbox.calls())

    def resumed(self, what: str = "products") -> tuple[list[Page], list[float]]:
        """All pages of a pass that new processes go on with as windows open, and each wait between."""
        pages: list[Page] = []
        waited: list[float] = []
        while True:
            try:
                for page in getattr(self.open(), what)(pages[-1].cursor if pages else None):
                    pages.append(page)  # noqa: PERF402 - kept also when the pass is put back
            except WindowClosed as closed:
                waited.append(closed.retry_after or 0.0)
                self.sandbox.clock.advance(closed.retry_after or 0.0)
            else:
                return pages, waited


def bench(
    account: dict[str, Any], *, shared: bool = True, switches: dict[str, str] | None = None, key: str = KEY
) -> Bench:
    """A stand-in with this account; `shared`: windows are counted here too, not by answers alone."""
    clock = Clock(NOW, frozen=True)
    sandbox = Sandbox({"bigbuy": {"default": account}}, clock=clock, switches=switches)
    return Bench(sandbox, Kept(clock) if shared else Unkept(), key=key)


class Unkept:
    """Windows that nobody counts: only BigBuy says no."""

    def take(self, group: str, limit: int, seconds: int) -> float:  # noqa: ARG002
        """Go."""
        return 0.0

    def learn(self, group: str, limit: int, remaining: int, seconds_left: float) -> None:
        """Forget."""
