"""Take one partner's goods from the first reading to the receipt, and keep its books."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from connectors.errors import EvenstockError
from connectors.ledger import Ledger
from connectors.ledger.records import Partner, ProductMapping, RunState
from connectors.records import JsonObject, Product
from connectors.settings import Settings
from connectors.shopify import Shopify
from tasks import guard, partner_diff, partner_fetch, partner_report, release, remember, run
from tasks.carry import Carrier, SoldRecently
from tasks.desk import open_partner, open_shop
from tasks.guard import History, Memory
from tasks.job import Job
from tasks.lease import clock, held
from tasks.partner import close_log, log_of, partner_resource, started, story_of
from tasks.partner_fetch import Heard
from tasks.partner_report import Ended
from tasks.plan import Line
from tasks.prepare import Judge, Prepared, limits_of, prepare
from tasks.report import state_name
from tasks.verdicts import absorb, add_usage, to_json

NOBODY = SoldRecently(None, None)

BUSY = "another run is syncing this partner"


class Course:
    """One run over one partner. `planned`: lines of a plan that is being released, by inventory item id."""

    def __init__(
        self,
        job: Job,
        partner: Partner,
        settings: Settings,
        ledger: Ledger,
        planned: Mapping[int, Line] | None = None,
    ) -> None:
        self.job = started(job, ledger, partner)
        self.partner = partner
        self.settings = settings
        self.ledger = ledger
        self.planned = planned
        self.story = story_of(self.job, writes=settings.evenstock_writes)
        self.trouble = ""
        self.missing: Sequence[int] = ()

    def run(self) -> JsonObject:
        """Sync the partner, unless another run does so now; how it ended."""
        if self.job.dry_run:
            return self._sync()
        resource = partner_resource(self.partner)
        seconds = float(self.settings.reverse_sync_lock_seconds)
        with held(self.ledger, [resource], self.job.run_id, seconds) as hold:
            if resource not in hold.fences:
                self.story.warnings.append(BUSY)
                return self._closed()
            log = log_of(self.ledger, self.job, self.partner)
            result = self._sync()
            close_log(self.ledger, log, self._ended(), result, clock())
            return result

    def _sync(self) -> JsonObject:
        shop = open_shop(self.settings, self.job.location)
        try:
            with shop.http, run.booked(self.job, self.ledger, self.story):
                self._keep_even(shop)
        except EvenstockError as error:
            self.trouble = str(error)
        add_usage(self.story.api, f"shopify:{self.job.account}", shop.http.usage.as_dict())
        if self.story.error:
            self.trouble = str(self.story.error["message"])
        return self._closed()

    def _keep_even(self, shop: Shopify) -> None:
        mappings = self._mappings()
        own = sorted({each.own_variant_id for each in mappings})
        products = shop.variants(own)
        self.missing = sorted(set(own) - {each.id for product in products for each in product.variants})
        heard = partner_fetch.heard(mappings, self._partners_shop(mappings))
        self._note(mappings, heard)
        lines = self._compared(shop, mappings, products, heard)
        plan = prepare(
            self.job,
            self.settings,
            self.ledger,
            products=products,
            lines=lines,
            judge=self._judge(lines),
            now=self.settings.now(),
        )
        self._tell(plan)
        for number, batch in enumerate(plan.batches):
            carrier = Carrier(self.job, shop, self.ledger, self.settings, NOBODY)
            absorb(self.story, to_json(carrier.carry(number, batch)))
        if not self.job.dry_run:
            remember.count_errors(self.ledger, self.story.lines, plan.memories)

    # ------------------------------------------------------------- fetching

    def _mappings(self) -> list[ProductMapping]:
        """The partner's mappings, and those of others that are summed with them."""
        account = self.job.account
        its = self.ledger.mappings(account, self.partner.id, active_only=True)
        summed = {each.own_variant_id for each in its if each.sums}
        beside = [
            each
            for each in self.ledger.feeding(account, summed)
            if each.partner_id != self.partner.id and each.sums
        ]
        return its + beside

    def _partners_shop(self, mappings: Sequence[ProductMapping]) -> Callable[[int], Shopify]:
        """Opens the store of a partner by id; of the others only those that share an own variant."""
        others = {each.partner_id for each in mappings} - {self.partner.id}
        partners = {self.partner.id: self.partner} | {
            each.id: each for each in self.ledger.partners(self.job.account) if each.id in others
        }

        def open_store(partner_id: int) -> Shopify:
            return open_partner(self.settings, self.ledger, partners[partner_id])

        return open_store

    def _note(self, mappings: Sequence[ProductMapping], heard: Heard) -> None:
        """Keep what was seen of each mapping, and what keeps the partner silent."""
        silent = heard.silent.get(self.partner.id or 0)
        self.trouble = str(silent) if silent else ""
        if self.job.dry_run:
            return
        now = self.settings.now()
        seen = [
            partner_diff.sighted(each, heard.readings[each.id or 0], now)
            for each in mappings
            if each.partner_id == self.partner.id
        ]
        self.ledger.record_sightings(self.job.account, [each for each in seen if each not in mappings])

    # ------------------------------------------------------------ comparing

    def _compared(
        self, shop: Shopify, mappings: Sequence[ProductMapping], products: Sequence[Product], heard: Heard
    ) -> list[Line]:
        now = self.settings.now()
        words = {each.own_variant_id: each.orders_known or self.partner.orders_known for each in mappings}
        unbooked = partner_fetch.unbooked(shop, products, words, reads_orders=self.job.reads_orders)
        feeds = partner_fetch.feeds(self.partner, mappings, heard.readings, now)
        lines = partner_diff.stock(feeds, products, unbooked, self._policy())
        self.story.checked = len(lines)
        if self.planned is None:
            return lines
        narrowed = release.narrow(lines, self.planned)
        self.story.checked = len(narrowed.lines)
        return list(narrowed.lines)

    def _policy(self) -> partner_diff.Policy:
        settings, now = self.settings, self.settings.now()
        hours = settings.gone_after_hours
        stale = now - timedelta(hours=settings.stale_after_hours)
        return partner_diff.Policy(
            now=now,
            gone_after=None if hours is None else timedelta(hours=hours),
            zero_when_stale=stale if self.partner.when_stale == "zero" else None,
            missing_level=settings.reverse_sync_missing_level.value,
        )

    def _judge(self, lines: Sequence[Line]) -> Judge:
        """The limits count this partner's levels only; a release is judged by its plan."""
        limits, planned = limits_of(self.settings), self.planned
        if planned is not None:
            return lambda found, memories, _: release.review(found, planned, memories, limits)
        items = {line.item_id for line in lines}

        def judge(found: Sequence[Line], memories: Mapping[int, Memory], history: History) -> list[Line]:
            return guard.review(found, limits, memories, history.only(items))

        return judge

    # --------------------------------------------------------------- telling

    def _tell(self, plan: Prepared) -> None:
        self.story.tell(plan.lines)
        self.story.unknown_since = remember.unknown_since(plan.lines, plan.memories)
        if plan.plan:
            self.story.plan_id, self.story.plan_expires_at = plan.plan.id, plan.plan.expires_at

    def _ended(self) -> Ended:
        return Ended(self.partner.shop_domain, self.story, self.trouble, self.missing)

    def _closed(self) -> JsonObject:
        """The result, with which the run's books are closed."""
        result = partner_report.of_partner(self._ended(), clock())
        name = state_name(self.story) if result["success"] else "Failed"
        self.ledger.finish_run(self.job.run_id, RunState(name.lower()), clock(), result)
        return result


def sync(job: Job, partner: Partner, settings: Settings, ledger: Ledger) -> JsonObject:
    """Sync one partner; whatever is wrong with it stops only itself."""
    return Course(job, partner, settings, ledger).run()
