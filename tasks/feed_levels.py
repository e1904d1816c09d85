"""Let imported products feed levels of the own store, on the same course as partners' goods.

Read the own store (the baseline), compare, guard, write with the baseline, read back. The truth is what the
ledger has of the supplier; it learns of our orders when they are shipped, so committed units are kept back,
and those that were ordered since it was asked: they may have been shipped meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from prefect import runtime

from connectors.errors import EvenstockError, Unauthorised
from connectors.ledger import Ledger
from connectors.ledger.records import Run, RunState
from connectors.ledger.supplier_records import Supplier
from connectors.records import JsonObject, Product
from connectors.settings import Settings
from connectors.shopify import Shopify
from tasks import offers, partner_diff, partner_fetch, release, remember, report, run
from tasks.begin import reads_orders
from tasks.carry import Carrier, SoldRecently
from tasks.desk import open_shop
from tasks.feed_items import policy_of
from tasks.job import Job
from tasks.lease import clock, held
from tasks.offers import Imported
from tasks.partner import ROWS, story_of
from tasks.plan import Line
from tasks.prepare import Prepared, judge_of, prepare
from tasks.report import Story, state_name
from tasks.rollback import RollbackMode
from tasks.start import the_location, the_store, the_zone
from tasks.verdicts import absorb, add_usage, interrupt, to_json

SUPPLIER_FEED = "supplier-feed"
"""The name under which the ledger knows these runs and their plans."""

NOBODY = SoldRecently(None, None)
BUSY = "another job is feeding the own store from this supplier: it was left to that one"
NOT_RELEASED = (
    "a job is feeding the own store from this supplier: nothing was applied, "
    "release the plan again in a moment"
)


def begin(
    settings: Settings, ledger: Ledger, supplier: Supplier, *, dry_run: bool, release_of: str | None = None
) -> Job:
    """A run that feeds the own store from a supplier, in the ledger from now on.

    Raises ConfigurationError for what a person has to mend, and what the own store raises.
    """
    shop = open_shop(settings)
    with shop.http:
        facts = the_store(settings, shop)
        location = the_location(settings, shop, ledger, settings.shop, clock())
    now = settings.now()
    job = Job(
        run_id=f"supplier_feed_{now:%Y%m%d_%H%M%S}_{supplier.id[:8]}",
        flow=SUPPLIER_FEED,
        account=settings.shop,
        location=location,
        day=now.astimezone(the_zone(settings, facts)).date(),
        started_at=clock(),
        dry_run=dry_run,
        delete_zero_stock=False,
        batch_size=ROWS,
        max_concurrent=1,
        limit=None,
        products=None,
        quantity_name="available",
        reads_orders=reads_orders(settings, facts.scopes),
        release=release_of,
        rollback=RollbackMode.OFF,
        leaves_marks=False,
    )
    parameters: JsonObject = {"supplier": supplier.id, "user": supplier.user_id, "dry_run": dry_run}
    begun = Run(
        id=job.run_id,
        flow=job.flow,
        account=job.account,
        day=job.day,
        started_at=job.started_at,
        heartbeat_at=job.started_at,
        dry_run=dry_run,
        parameters=parameters | {"release": release_of},
        prefect_run_id=runtime.flow_run.id,
    )
    return replace(job, run_id=ledger.start_run(begun).id)


@dataclass
class LevelCourse:
    """One run over the own variants that a supplier feeds.

    `read_at`: since when it was asked for the stock that is known. `planned`: lines of a plan that is
    released.
    """

    job: Job
    settings: Settings
    ledger: Ledger
    supplier: Supplier
    read_at: datetime
    planned: Mapping[int, Line] | None = None

    def __post_init__(self) -> None:
        self.story: Story = story_of(self.job, writes=self.settings.evenstock_writes)
        self.missing: Sequence[int] = ()
        self.trouble = ""

    def run(self, rows: Sequence[Imported]) -> JsonObject:
        """Bring the levels in line with the products that feed them; how it ended."""
        resource = f"{SUPPLIER_FEED}:{self.job.account}:{self.supplier.id}"
        seconds = float(self.settings.reverse_sync_lock_seconds)
        if self.job.dry_run:
            self._sync(rows)
            return self._closed()
        with held(self.ledger, [resource], self.job.run_id, seconds) as hold:
            if resource in hold.fences:
                self._sync(rows)
            elif self.planned is None:
                self.story.warnings.append(BUSY)
            else:
                self.trouble = NOT_RELEASED
            return self._closed()

    def _sync(self, rows: Sequence[Imported]) -> None:
        shop = open_shop(self.settings, self.job.location)
        try:
            # Feeds that died may be the only runs there are: nobody else would read what became of theirs.
            run.bury_the_dead(self.job, self.settings, self.ledger, self.story)
            with (
                shop.http,
                run.sharing(self.settings, self.ledger, self.job.run_id, dry_run=self.job.dry_run),
                run.booked(self.job, self.ledger, self.story),
            ):
                self._keep_even(shop, rows)
        except EvenstockError as error:
            self.trouble = str(error)
        add_usage(self.story.api, f"shopify:{self.job.account}", shop.http.usage.as_dict())
        if self.story.error:
            self.trouble = str(self.story.error["message"])
        if self.trouble:
            interrupt(self.story, {line.product_id for line in self.story.lines}, self.trouble)

    def _keep_even(self, shop: Shopify, rows: Sequence[Imported]) -> None:
        # What others write from here on would look like sales; what they wrote before is in the baseline.
        job = replace(self.job, started_at=clock())
        products = self._own(shop, rows)
        lines = self._compared(shop, products, rows)
        plan = prepare(
            job,
            self.settings,
            self.ledger,
            products=products,
            lines=lines,
            judge=judge_of(self.settings, self.planned),
            now=self.settings.now(),
            apart=True,
        )
        self._tell(plan)
        for number, batch in enumerate(plan.batches):
            carrier = Carrier(job, shop, self.ledger, self.settings, NOBODY)
            absorb(self.story, to_json(carrier.carry(number, batch)))
        if not job.dry_run:
            remember.count_errors(self.ledger, self.story.lines, plan.memories)

    def _own(self, shop: Shopify, rows: Sequence[Imported]) -> list[Product]:
        own = sorted({row.own_variant_id for row in rows if row.own_variant_id is not None})
        products = shop.variants(own)
        there = {each.id for product in products for each in product.variants}
        self.missing = sorted(set(own) - there)
        return products

    def _compared(self, shop: Shopify, products: Sequence[Product], rows: Sequence[Imported]) -> list[Line]:
        unbooked = self._unbooked(shop, products)
        feeds = [offers.feed(self.job.account, row) for row in rows]
        lines = partner_diff.stock(feeds, products, unbooked, self._policy())
        if self.planned is not None:
            lines = list(release.narrow(lines, self.planned).lines)
        self.story.checked = len(lines)
        return lines

    def _unbooked(self, shop: Shopify, products: Sequence[Product]) -> Mapping[int, int]:
        """Own units unknown to the supplier's number; only committed ones if we may see no orders."""
        # Whole minutes, and no fewer than it was.
        minutes = (self.settings.now() - self.read_at) // timedelta(minutes=1) + 1
        words = {partner_fetch.AT_SHIPPING, str(max(1, minutes))}
        known = {variant.id: words for each in products for variant in each.variants}
        try:
            return partner_fetch.unbooked(shop, products, known, reads_orders=self.job.reads_orders)
        except Unauthorised:
            return partner_fetch.unbooked(shop, products, known, reads_orders=False)

    def _policy(self) -> partner_diff.Policy:
        policy = policy_of(self.settings)
        return replace(policy, missing_level=self.settings.reverse_sync_missing_level.value)

    def _tell(self, plan: Prepared) -> None:
        self.story.tell(plan.lines)
        self.story.unknown_since = remember.unknown_since(self.story.lines, plan.memories)
        if plan.plan:
            self.story.plan_id, self.story.plan_expires_at = plan.plan.id, plan.plan.expires_at

    @property
    def state_name(self) -> str:
        """What the run's state says."""
        return "Failed" if self._errors() else state_name(self.story)

    def _closed(self) -> JsonObject:
        """The result, with which the run's books are closed."""
        result = self._result()
        self.ledger.finish_run(self.job.run_id, RunState(self.state_name.lower()), clock(), result)
        return result

    def _result(self) -> JsonObject:
        story = self.story
        books: JsonObject = dict(story.balance.as_dict())
        seen = story.receipt
        return {
            "success": self.state_name != "Failed",
            "message": self.trouble or f"{books['done']} levels of the own store written",
            "run_id": story.sync_id,
            "balance": books,
            "receipt": {
                "read_back": seen.read_back,
                "drift": seen.drift,
                "unconfirmed": seen.unconfirmed,
            },
            "plan_id": story.plan_id,
            "plan_expires_at": story.plan_expires_at.isoformat() if story.plan_expires_at else None,
            "api": story.api,
            "warnings": [*story.warnings],
            "errors": [*self._errors()],
            "details": report.details(story),
        }

    def _errors(self) -> list[str]:
        missing = [f"own variant {each} does not exist" for each in self.missing]
        return [self.trouble, *missing] if self.trouble else missing
