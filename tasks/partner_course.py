"""Take one partner's goods from the first reading to the receipt, and keep its books."""

import logging
import threading
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta

from connectors.errors import EvenstockError
from connectors.ledger import Ledger
from connectors.ledger.records import LevelMemory, Partner, ProductMapping, RunState, SyncLog
from connectors.records import JsonObject, Product
from connectors.settings import Settings
from connectors.shopify import Shopify
from tasks import alerts, health, partner_diff, partner_fetch, partner_report, release, remember, run
from tasks.carry import Carrier, SoldRecently
from tasks.desk import open_partner, open_shop
from tasks.health import Findings, Health
from tasks.job import Job
from tasks.journal import product_resource
from tasks.lease import clock, held
from tasks.partner import filled, logs_of, partner_resource, started, story_of
from tasks.partner_fetch import Heard
from tasks.partner_report import Ended
from tasks.plan import Line, Outcome
from tasks.prepare import Prepared, judge_of, prepare
from tasks.report import state_name
from tasks.verdicts import absorb, add_usage, interrupt, to_json

NOBODY = SoldRecently(None, None)

BUSY = "another run is syncing this partner: it was left to that one"
NOT_RELEASED = "another run is syncing this partner: nothing was applied, release the plan again in a moment"

TURNS = 4
"""So often levels are read anew whose products another run was working on."""

WAIT = 10.0
"""Seconds to wait each time for such a run to let go."""

RECENT = 10
"""Syncs of a partner that its health is judged by."""


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
        self._partners = {partner.id or 0: partner}
        self.story = story_of(self.job, writes=settings.evenstock_writes)
        self.trouble = ""
        self.missing: Sequence[int] = ()
        self.heard: Heard | None = None
        self._gone: Sequence[str] = ()
        self._numberless: AbstractSet[int] = frozenset()
        self._memories: dict[int, LevelMemory] = {}
        self._batches = 0

    def run(self) -> JsonObject:
        """Sync the partner, unless another run does so now; how it ended."""
        if self.job.dry_run:
            self._sync()
            return self._closed()
        resource = partner_resource(self.partner)
        seconds = float(self.settings.reverse_sync_lock_seconds)
        with held(self.ledger, [resource], self.job.run_id, seconds) as hold:
            if resource not in hold.fences:
                return self._left_to_another()
            log, *before = logs_of(self.ledger, self.job, self.partner)
            self._sync()
            return self._settled(log, before)

    def _left_to_another(self) -> JsonObject:
        """The result when another run has the partner, which is nothing wrong unless a plan waits for it."""
        if self.planned is None:
            self.story.warnings.append(BUSY)
        else:
            self.trouble = NOT_RELEASED
        return self._closed()

    def _sync(self) -> None:
        """Keep even; whatever goes wrong becomes the partner's trouble, and nobody else's."""
        shop = open_shop(self.settings, self.job.location)
        try:
            with shop.http, run.booked(self.job, self.ledger, self.story):
                self._keep_even(shop)
        except EvenstockError as error:
            self.trouble = str(error)
        except Exception as error:  # noqa: BLE001 - isolation: a mistake with one partner stops only its sync
            self.trouble = f"{type(error).__name__}: {error}"
        add_usage(self.story.api, f"shopify:{self.job.account}", shop.http.usage.as_dict())
        if self.story.error:
            self.trouble = str(self.story.error["message"])
        if self.trouble:
            interrupt(self.story, {line.product_id for line in self.story.lines}, self.trouble)

    def _keep_even(self, shop: Shopify) -> None:
        """Take all levels from reading to receipt, and those again that another run had in hand."""
        mappings = self._mappings()
        self._take_turn(shop, mappings)
        for _ in range(TURNS - 1):
            if not (locked := self._locked()):
                break
            self._wait_for(locked)
            own = {line.variant_id for line in locked}
            self._take_turn(shop, [each for each in mappings if each.own_variant_id in own])
        if not self.job.dry_run:
            remember.count_errors(self.ledger, self.story.lines, self._memories)

    def _take_turn(self, shop: Shopify, mappings: Sequence[ProductMapping]) -> None:
        """Read the own store, then the partners; compare, write, read back."""
        # What others write from here on would look like sales; what they wrote before is in the baseline.
        job = replace(self.job, started_at=clock())
        products = self._own(shop, mappings)
        heard = partner_fetch.heard(mappings, self._open_partner)
        seen = self._note(mappings, products, heard)
        lines = self._compared(shop, mappings, products, heard)
        with self.ledger.database.together():
            self.ledger.record_sightings(job.account, seen)
            plan = self._prepared(job, products, lines)
        self._tell(plan)
        for number, batch in enumerate(plan.batches, self._batches):
            carrier = Carrier(job, shop, self.ledger, self.settings, NOBODY)
            absorb(self.story, to_json(carrier.carry(number, batch)))
        self._batches += len(plan.batches)

    def _locked(self) -> list[Line]:
        return [line for line in self.story.lines if line.reason == "locked"]

    def _wait_for(self, lines: Sequence[Line]) -> None:
        """Wait a while for whoever works on the products of these lines."""
        until, pause = clock() + timedelta(seconds=WAIT), threading.Event()
        for product in sorted({line.product_id for line in lines}):
            resource = product_resource(self.job.account, product)
            while clock() < until and self.ledger.held_until(resource, clock()):
                pause.wait(0.1)

    # ------------------------------------------------------------- fetching

    def _own(self, shop: Shopify, mappings: Sequence[ProductMapping]) -> list[Product]:
        """The own variants that are fed, with their products."""
        own = sorted({each.own_variant_id for each in mappings})
        products = shop.variants(own)
        there = {each.id for product in products for each in product.variants}
        if self.heard is None:
            self.missing = sorted(set(own) - there)
        return products

    def _mappings(self) -> list[ProductMapping]:
        """The partner's mappings, and those of others that are summed with them."""
        account = self.job.account
        its = self.ledger.mappings(account, self.partner.id, active_only=True)
        summed = {each.own_variant_id for each in its if each.sums}
        if summed:
            active = self.ledger.partners(account, active_only=True)
            self._partners |= {each.id: each for each in active if each.id is not None}
        beside = [
            each
            for each in self.ledger.feeding(account, summed)
            if each.partner_id != self.partner.id and each.partner_id in self._partners and each.sums
        ]
        return its + beside

    def _open_partner(self, partner_id: int) -> Shopify:
        """The store of this partner, or of one that feeds an own variant together with it."""
        return open_partner(self.settings, self.ledger, self._partners[partner_id])

    def _orders_known(self, mappings: Sequence[ProductMapping]) -> dict[int, set[str]]:
        """When those that feed each own variant know of its orders."""
        words: dict[int, set[str]] = {}
        for each in mappings:
            word = each.orders_known or self._partners[each.partner_id].orders_known
            words.setdefault(each.own_variant_id, set()).add(word)
        return words

    def _note(
        self, mappings: Sequence[ProductMapping], products: Sequence[Product], heard: Heard
    ) -> list[ProductMapping]:
        """Take in what keeps the partner silent; the mappings of which something was seen. Once a run."""
        for account, usage in heard.usage.items():
            add_usage(self.story.api, f"shopify:{account}", dict(usage))
        if self.heard is not None:
            return []
        self.heard = heard
        silent = heard.silent.get(self.partner.id or 0)
        self.trouble = str(silent) if silent else ""
        its = [each for each in mappings if each.partner_id == self.partner.id]
        self._gone = partner_diff.gone(its, heard.readings, products)
        self._numberless = {each.own_variant_id for each in its if heard.readings[each.id or 0].unknown}
        if self.job.dry_run:
            return []
        now = self.settings.now()
        seen = ((each, partner_diff.sighted(each, heard.readings[each.id or 0], now)) for each in its)
        return [after for before, after in seen if after != before]

    # ------------------------------------------------------------ comparing

    def _compared(
        self, shop: Shopify, mappings: Sequence[ProductMapping], products: Sequence[Product], heard: Heard
    ) -> list[Line]:
        now = self.settings.now()
        unbooked = partner_fetch.unbooked(
            shop, products, self._orders_known(mappings), reads_orders=self.job.reads_orders
        )
        feeds = partner_fetch.feeds(self.partner, mappings, heard.readings, now)
        lines = partner_diff.stock(feeds, products, unbooked, self._policy())
        if self.planned is not None:
            own = {each.own_variant_id for each in mappings} if self.story.lines else None
            planned = {
                item: line for item, line in self.planned.items() if own is None or line.variant_id in own
            }
            lines = list(release.narrow(lines, planned).lines)
        if not self.story.lines:
            self.story.checked = len(lines)
        return lines

    def _policy(self) -> partner_diff.Policy:
        settings, now = self.settings, self.settings.now()
        hours = settings.gone_after_hours
        stale = now - timedelta(hours=settings.stale_after_hours)
        return partner_diff.Policy(
            now=now,
            gone_after=None if hours is None else timedelta(hours=hours),
            zero_when_stale={
                number: stale for number, each in self._partners.items() if each.when_stale == "zero"
            },
            missing_level=settings.reverse_sync_missing_level.value,
        )

    def _prepared(self, job: Job, products: Sequence[Product], lines: Sequence[Line]) -> Prepared:
        """What is to be done; the limits count this partner's levels only."""
        return prepare(
            job,
            self.settings,
            self.ledger,
            products=products,
            lines=lines,
            judge=judge_of(self.settings, self.planned),
            now=self.settings.now(),
            first_batch=self._batches,
            apart=True,
        )

    # --------------------------------------------------------------- telling

    def _tell(self, plan: Prepared) -> None:
        """Take the plan in; lines that are planned anew take the places of those before."""
        told = {line.variant_id: line for line in (*self.story.lines, *plan.lines)}
        self.story.tell(told.values())
        self._memories |= plan.memories
        self.story.unknown_since = remember.unknown_since(self.story.lines, self._memories)
        if plan.plan and self.story.plan_id:
            self.story.warnings.append(f"more is held in {plan.plan.id}")
        elif plan.plan:
            self.story.plan_id, self.story.plan_expires_at = plan.plan.id, plan.plan.expires_at

    def _settled(self, log: SyncLog, before: Sequence[SyncLog]) -> JsonObject:
        """The result, once all books were closed, and people were told of what is wrong with the partner."""
        now, result = self.settings.now(), self._result()
        filled_in = filled(log, self._ended(), result, clock())
        stale_after = timedelta(hours=self.settings.stale_after_hours)
        logs = [filled_in, *before][:RECENT]
        found = health.health(self.partner, logs, self._findings(), now, stale_after)
        with self.ledger.database.together():
            self._finish(result)
            self.ledger.finish_sync(filled_in)
            self._record_health("failed" if self.trouble else found.status, result, now)
        # Of a partner that was not even asked, nothing is known.
        if self.heard is not None and self.planned is None:
            self._tell_people(found)
        return result

    def _tell_people(self, found: Health) -> None:
        """Raise and clear alerts. Whatever goes wrong with them never changes how the sync ended."""
        try:
            known = self.ledger.partner(self.job.account, self.partner.shop_domain)
            # Switched off or removed meanwhile: nothing would ever clear an alert again.
            if known and known.is_active:
                alerts.settle_partner(self.ledger, self.settings, self.partner, found)
        except Exception as error:  # noqa: BLE001 - the next sync finds and tells the same
            run.log(f"people were not told of {self.partner.shop_domain}: {error}", logging.WARNING)

    def _record_health(self, status: str, result: JsonObject, now: datetime) -> None:
        error = self.trouble or ("" if result["success"] else str(result["message"]))
        self.ledger.record_partner_health(self.job.account, self.partner.id or 0, status, now, error=error)

    def _findings(self) -> Findings:
        counts = self.story.balance.counts
        return Findings(
            error=self.heard.silent.get(self.partner.id or 0) if self.heard else None,
            gone=self._gone,
            conflicts=counts[Outcome.CONFLICT],
            held=counts[Outcome.HELD],
            units=sum(max(0, line.shown) for line in self.story.lines),
            unverified=self._unverified(),
        )

    def _unverified(self) -> list[tuple[int, datetime]]:
        """Units on sale of levels whose variants the partner's store gave no number for, and since when."""
        now, since = self.settings.now(), self.story.unknown_since
        return [
            (max(0, line.shown), since.get(line.item_id, now))
            for line in self.story.lines
            if line.outcome is Outcome.UNKNOWN and line.variant_id in self._numberless
        ]

    def _ended(self) -> Ended:
        return Ended(self.partner.shop_domain, self.story, self.trouble, self.missing)

    def _closed(self) -> JsonObject:
        """The result of a run that leaves nothing but its own books."""
        result = self._result()
        self._finish(result)
        return result

    def _result(self) -> JsonObject:
        return partner_report.of_partner(self._ended(), clock())

    def _finish(self, result: JsonObject) -> None:
        name = state_name(self.story) if result["success"] else "Failed"
        self.ledger.finish_run(self.job.run_id, RunState(name.lower()), clock(), result)
