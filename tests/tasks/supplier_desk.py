"""Supplier jobs from claim to end in this process, on a supplier's stand-in, in a time that is moved."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, cast

import httpx

from connectors.http import Http, Patience
from connectors.ledger import Item, Ledger, Why, open_ledger
from connectors.ledger.supplier_records import (
    Claim,
    ImportedProduct,
    ImportedVariant,
    Job,
    JobType,
    Supplier,
)
from connectors.ledger.windows import SupplierWindows
from connectors.outside import Outside
from connectors.records import JsonObject
from connectors.settings import Settings, load_settings
from connectors.supplier import Access
from connectors.supplier import Supplier as Connector
from connectors.suppliers import configured, supplier_type
from sandbox.app import Sandbox
from sandbox.clock import Clock
from sandbox.server import serving
from tasks.item_changes import fresh_id
from tasks.job_types import JOB_TYPES
from tasks.jobs import Asked, carry, enqueue
from tasks.lease import clock
from tasks.supplier_job import JobContext, JobResult, PutBack, Work
from tests import worlds
from tests.sandbox.bigbuyer import KEY
from tests.worlds import NOW, OWN, TOKEN

_numbers = itertools.count(1)
Wrap = Callable[[Connector], Connector]


def as_it_is(connector: Connector) -> Connector:
    """A connector that nothing happens to."""
    return connector


@dataclass
class SupplierDesk:
    """A user's supplier, and a worker that does its jobs."""

    sandbox: Sandbox
    ledger: Ledger
    supplier: Supplier
    credentials: Mapping[str, str]
    base: Settings
    wrap: Wrap = as_it_is
    lines: list[JsonObject] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """The settings, at the stand-in's time."""
        return self.base.model_copy(update={"evenstock_now": self.sandbox.clock.now()})

    def reload(self) -> None:
        """Go by the environment as it is now."""
        self.base = load_settings()

    def close(self) -> None:
        """Leave nothing to do for whoever uses this ledger next."""
        self.sandbox.close()
        for job in self.ledger.jobs(user_id=self.supplier.user_id):
            self.ledger.cancel_job(job.id, self.settings.now())

    # ------------------------------------------------------------------ jobs

    def enqueue(self, job_type: JobType) -> str:
        """Put a job into the queue."""
        asked = Asked(self.supplier.user_id, job_type, self.supplier.id)
        return enqueue(self.settings, self.ledger, asked)

    def work(self, *, dry_run: bool = False) -> JsonObject:
        """Carry the next job as far as it goes now; its line."""
        now, claim = self.settings.now(), Claim("worker", 300)
        if dry_run:
            (job,) = self.ledger.due_jobs(1, now)
        else:
            (job,) = self.ledger.claim_jobs(claim, 1, now, clock())
        types: dict[JobType, Work] = {kind: partial(self._done, work) for kind, work in JOB_TYPES.items()}
        self.lines.append(carry(job, self.settings, dry_run=dry_run, types=types, chance=lambda: 0.0))
        return self.lines[-1]

    def run(self, job_type: JobType, *, hours: int = 0) -> JsonObject:
        """A new job to its end, over as many windows as it takes; its result. `hours` pass before."""
        self.later(hours)
        self.enqueue(job_type)
        line = self.work()
        while line["outcome"] == "put_back":
            self.later(1)
            line = self.work()
        assert line["outcome"] == "completed", line["error"]
        return cast("JsonObject", line["result"])

    def later(self, hours: float) -> None:
        """Time passes."""
        self.sandbox.clock.advance(timedelta(hours=hours).total_seconds())

    def _done(self, work: Work, context: JobContext) -> JobResult | PutBack:
        return work(replace(context, open=partial(self.opened, context.job), now=self.sandbox.clock.now))

    @contextmanager
    def opened(self, job: Job) -> Iterator[Connector]:
        """The connector, as the queue opens it, on the stand-in in this process."""
        row, supplier = supplier_type(self.supplier.connector_type), self.supplier
        client = httpx.Client(transport=httpx.WSGITransport(app=self.sandbox))
        access = Access(
            f"{supplier.user_id}/{supplier.name}",
            f"http://127.0.0.1/{supplier.connector_type}",
            self.credentials,
            configured(supplier.connector_type, supplier.configuration | job.configuration),
            windows=SupplierWindows(self.ledger.database, supplier.account, self.sandbox.clock.now),
            patience=Patience(attempts=3),
            now=self.sandbox.clock.now,
            sleep=self.sandbox.clock.advance,
            allow_private_urls=True,
            connect=partial(Http, client=client, chance=lambda: 0.0),
            outside=partial(Outside, client=client, resolve=lambda _host, _port: ["127.0.0.1"]),
        )
        connector = self.wrap(row.open(access))
        try:
            yield connector
        finally:
            connector.close()

    # ----------------------------------------------------------------- ledger

    def products(self) -> dict[str, ImportedProduct]:
        """What the ledger has, by the supplier's id."""
        found = self.ledger.imported_products(self.supplier.user_id, self.supplier.id, 10**6)
        return {each.supplier_product_id: each for each in found}

    def variants(self) -> dict[str, ImportedVariant]:
        """What the ledger has, by the supplier's id."""
        found = self.ledger.imported_variants(self.supplier.user_id, self.supplier.id, 10**6)
        return {each.supplier_variant_id: each for each in found}

    def stock(self) -> dict[str, int | None]:
        """Units by the supplier's id."""
        return {key: each.stock_quantity for key, each in self.products().items()}

    # ---------------------------------------------------------------- stand-in

    def happens(self, kind: str, **what: object) -> None:
        """Something happens at the supplier."""
        system = self.supplier.connector_type
        self.sandbox.event({"system": system, "account": "default", "kind": kind, **what})

    def fault(self, operation: str, **fault: object) -> None:
        """Something goes wrong there."""
        system = self.supplier.connector_type
        self.sandbox.faults([{"system": system, "operation": operation, **fault}])

    def calls(self, ending: str = "") -> int:
        """How many calls the stand-in saw."""
        return sum(str(each["operation"]).endswith(ending) for each in self.sandbox.calls())


def bigbuy_desk(url: str, account: dict[str, Any], setenv: Callable[[str, str], None]) -> SupplierDesk:
    """A desk with this account of BigBuy's, of a user who is like no other."""
    return desk_on(url, {"bigbuy": {"default": account}}, a_supplier(), {"api_key": KEY}, setenv)


def a_supplier(kind: str = "bigbuy", configuration: JsonObject | None = None) -> Supplier:
    """One of this type, of a user who is like no other."""
    number = next(_numbers)
    return Supplier(
        f"supplier-{number}",
        f"user-{number}",
        "BigBuy" if kind == "bigbuy" else kind,
        kind,
        f"{kind}:{number}",
        NOW,
        NOW,
        configuration=configuration or {},
    )


@contextmanager
def desk_beside_a_store(
    url: str, account: dict[str, Any], shoe: int, setenv: Callable[[str, str], None]
) -> Iterator[SupplierDesk]:
    """A desk with this account of BigBuy's, beside an own store with three shoes of five each."""
    shoes = [
        worlds.product(number, None, worlds.variant(shoe + number - 1, f"SHOE-{number}", 5))
        for number in (1, 2, 3)
    ]
    world = worlds.world(shoes, []) | {"bigbuy": {"default": account}}
    with ExitStack() as stack:
        made = desk_on(url, world, a_supplier(), {"api_key": KEY}, setenv)
        stack.callback(made.close)
        base = stack.enter_context(serving(made.sandbox))
        setenv("SHOPIFY_STORE_DOMAIN", f"{base}/shopify/{OWN}")
        setenv("SHOPIFY_ADMIN_TOKEN", TOKEN)
        made.reload()
        yield made


def an_item(ledger: Ledger, desk: SupplierDesk, name: str, units: int = 5) -> Item:
    """An own item of an account of its own."""
    account = f"shop-of-{desk.supplier.user_id}"
    item = Item(
        account=account,
        id=fresh_id(),
        name=name,
        part_number="3001",
        item_type="PART",
        color_id=5,
        condition="new",
        completeness=None,
        location="",
        quantity_available=units,
        price=Decimal("0.10"),
        created_by="ann",
        created_at=NOW,
    )
    ledger.create_items([item], Why("create", "ann"), ())
    return item


def desk_on(
    url: str,
    world: dict[str, Any],
    supplier: Supplier,
    credentials: Mapping[str, str],
    setenv: Callable[[str, str], None],
) -> SupplierDesk:
    """A desk with this supplier, on any database."""
    setenv("EVENSTOCK_DATABASE_URL", url)
    settings, ledger = load_settings(), open_ledger(url)
    ledger.add_supplier(supplier)
    sandbox = Sandbox(world, clock=Clock(NOW, frozen=True))
    return SupplierDesk(sandbox, ledger, supplier, credentials, settings)
