"""AliExpress's connector on its stand-in; waiting moves the stand-in's clock and takes no time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
from pydantic import SecretStr

from connectors.aliexpress import AliExpress
from connectors.http import Http, Patience
from connectors.records import JsonObject, JsonValue
from connectors.renewal import Save, Store, Unshared
from connectors.supplier import Access, NoWindows, Page, Windows
from connectors.suppliers import configured, supplier_type
from sandbox.app import Sandbox
from sandbox.clock import Clock
from tests.sandbox.aliexpresser import KEY, REFRESH, SECRET, SESSION
from tests.worlds import NOW


@dataclass
class Kept:
    """A store of tokens, as several processes would share it."""

    saved: SecretStr | None = None
    saves: int = 0

    def load(self) -> SecretStr | None:
        """What was saved last."""
        return self.saved

    @contextmanager
    def turn(self) -> Iterator[Save | None]:
        """Always ours."""
        yield self._save

    def _save(self, secret: SecretStr) -> None:
        self.saved, self.saves = secret, self.saves + 1


@dataclass
class Bench:
    """One account, and what a worker does with it."""

    sandbox: Sandbox
    windows: Windows = field(default_factory=NoWindows)
    store: Store = field(default_factory=Unshared)
    credentials: dict[str, str] = field(
        default_factory=lambda: {
            "api_key": KEY,
            "api_secret": SECRET,
            "session": SESSION,
            "refresh_token": REFRESH,
        }
    )
    terms: JsonObject = field(default_factory=lambda: {"ship_to_country": "ES", "feed": "best"})
    behind: timedelta = timedelta()
    """How much our clock is behind theirs."""
    slept: list[float] = field(default_factory=list)

    def open(self, **terms: JsonValue) -> AliExpress:
        """The connector, as a new process opens it."""
        connect = partial(
            Http, client=httpx.Client(transport=httpx.WSGITransport(app=self.sandbox)), chance=lambda: 0.0
        )
        found = supplier_type("aliexpress").open(
            Access(
                "user/1",
                "http://127.0.0.1/aliexpress",
                self.credentials,
                configured("aliexpress", self.terms | terms),
                windows=self.windows,
                tokens=self.store,
                patience=Patience(attempts=3),
                now=lambda: self.sandbox.clock.now() - self.behind,
                sleep=self.sleep,
                connect=connect,
            )
        )
        assert isinstance(found, AliExpress)
        return found

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.slept.append(seconds)
        self.sandbox.clock.advance(seconds)

    def fault(self, operation: str, **fault: object) -> None:
        """Something goes wrong."""
        self.sandbox.faults([{"system": "aliexpress", "operation": operation, **fault}])

    def event(self, kind: str, **given: object) -> None:
        """Something happens there."""
        self.sandbox.event({"system": "aliexpress", "kind": kind, **given})

    def calls(self, operation: str = "") -> int:
        """How many calls the stand-in saw."""
        return sum(operation in str(each["operation"]) for each in self.sandbox.calls())

    def looked_up(self, *ids: object) -> Page:
        """What is known of some products, on one page."""
        (page,) = self.open().look_up([str(each) for each in ids])
        return page


def bench(account: dict[str, Any], switches: dict[str, str] | None = None, **more: object) -> Bench:
    """A stand-in with this account, at the tests' time."""
    moved = {f"aliexpress.{name}": at for name, at in (switches or {}).items()}
    world = {"aliexpress": {"default": {"calls_per_second": 1000} | account}}
    return Bench(Sandbox(world, clock=Clock(NOW, frozen=True), switches=moved), **more)  # type: ignore[arg-type]
