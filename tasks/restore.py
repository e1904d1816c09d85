"""Make a deleted variant again from its snapshot: once, under a lease, and never with invented stock."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from uuid import uuid4

from connectors.errors import (
    ConfigurationError,
    ConnectorError,
    EvenstockError,
    LeaseLost,
    Malformed,
    Refused,
    UnknownOutcome,
    WritesOff,
)
from connectors.ledger import Ledger
from connectors.ledger.records import Operation, OperationState, Run, RunState, Snapshot
from connectors.records import Assortment, Choice, JsonObject
from connectors.settings import Settings
from connectors.shopify import Shopify
from connectors.shopify.calls import variant_input
from connectors.shopify.readers import recorded
from tasks.day import is_marked
from tasks.desk import ledger_of, open_shop, patience, process_prefix, sharing_bucket
from tasks.job import Job
from tasks.journal import product_resource
from tasks.lease import Hold, beating, clock, held
from tasks.matching import ShopIndex, Sku
from tasks.plan import BROKEN, Line
from tasks.reasons import meaning
from tasks.recreation import CREATE, Recreation, is_ours, obstacle, recreation, the_same
from tasks.restock import Before, Stocker
from tasks.start import Timing, the_day, the_location, the_store, the_zone
from tasks.write import SILENCES

FLOW = "restore-variant"
"""The name under which the ledger keeps restores among its runs."""

BEAT = 15.0
"""Seconds between a run's heartbeats."""


@dataclass(slots=True)
class Restored:
    """How a restore ended. `made` is None in a dry run; `made_before`: an earlier try had made it.

    `level` is the line of its stock, `trouble` why there is none.
    """

    run_id: str
    dry_run: bool
    snapshot: Snapshot
    old_item_id: int
    product: Assortment
    plan: Recreation
    made: Choice | None = None
    made_before: bool = False
    level: Line | None = None
    trouble: str = ""
    warning: str = ""

    @property
    def success(self) -> bool:
        """Whether the variant is back, and nothing broke when its stock was to be set."""
        return not self.trouble and (self.level is None or self.level.outcome not in BROKEN)


def restore(settings: Settings, variant_id: int, *, dry_run: bool = False) -> Restored:
    """Make a deleted variant again. A dry run only looks: it takes no lease and writes nothing.

    Raises ConfigurationError, in one sentence, where it cannot or must not be done; LeaseLost while another
    run works on the product; UnknownOutcome when nobody can tell yet whether it was made.
    """
    if settings.disable_external_calls:
        raise ConfigurationError("DISABLE_EXTERNAL_CALLS is set: no variant is restored with it")
    settings.require("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN", "RMS_DATABASE_URL")
    if not dry_run and not settings.evenstock_writes:
        raise WritesOff("EVENSTOCK_WRITES=off: nothing is written, so no variant is restored")
    ledger = ledger_of(settings)
    snapshot = the_snapshot(ledger, settings.shop, variant_id)
    job = _job(settings, ledger, snapshot.product_id, dry_run=dry_run)
    shop = open_shop(settings, job.location)
    with shop.http:
        if dry_run:
            return Restorer(settings, shop, ledger, job).look(snapshot)
        with _begun(settings, ledger, job) as (run_id, hold):
            restorer = Restorer(settings, shop, ledger, replace(job, run_id=run_id), hold)
            restored = restorer.restore(the_snapshot(ledger, settings.shop, variant_id))
            state = RunState.COMPLETED if restored.success else RunState.FAILED
            ledger.finish_run(run_id, state, clock(), document(restored))
    return restored


def the_snapshot(ledger: Ledger, account: str, variant_id: int) -> Snapshot:
    """The snapshot to restore from. Raises ConfigurationError if there is none, or it was used already."""
    snapshot = ledger.deleted_variant(account, variant_id)
    if snapshot is None:
        raise ConfigurationError(
            f"there is no snapshot of a deleted variant {variant_id} in {account}; "
            "`evenstock variants list` shows those there are"
        )
    if snapshot.restored_at:
        raise ConfigurationError(
            f"variant {variant_id} was restored already, on {snapshot.restored_at:%Y-%m-%d %H:%M} UTC, as "
            f"variant {snapshot.restored_variant_id}"
        )
    return snapshot


def _job(settings: Settings, ledger: Ledger, product_id: int, *, dry_run: bool) -> Job:
    shop = open_shop(settings)
    with shop.http:
        facts = the_store(settings, shop)
        location = the_location(settings, shop, ledger, settings.shop, clock())
    now = settings.now()
    return Job(
        run_id=f"restore_variant_{now:%Y%m%d_%H%M%S}",
        flow=FLOW,
        account=settings.shop,
        location=location,
        day=the_day(None, Timing(now, now), the_zone(settings, facts)),
        started_at=clock(),
        dry_run=dry_run,
        delete_zero_stock=False,
        batch_size=1,
        max_concurrent=1,
        limit=None,
        products=(product_id,),
        quantity_name="on_hand" if settings.reverse_sync_quantity_name == "on_hand" else "available",
        reads_orders=False,
    )


@contextmanager
def _begun(settings: Settings, ledger: Ledger, job: Job) -> Iterator[tuple[str, Hold]]:
    """Keep the restore in the ledger as a run, and hold its product as long as it takes."""
    begun = Run(
        job.run_id, FLOW, job.account, job.day, job.started_at, job.started_at,
        parameters={"products": list(job.products or ())},
    )  # fmt: skip
    run_id = ledger.start_run(begun).id
    me, term = process_prefix(settings) + str(uuid4()), float(settings.reverse_sync_lock_seconds)
    resource = product_resource(job.account, (job.products or (0,))[0])
    try:
        with ExitStack() as stack:
            stack.enter_context(sharing_bucket(settings, ledger))
            stack.enter_context(held(ledger, [me], run_id, term))
            stack.enter_context(beating(lambda: ledger.beat_run(run_id, clock()), BEAT))
            hold = stack.enter_context(held(ledger, [resource], run_id, term))
            _insist(hold, resource)
            yield run_id, hold
    except Exception as error:
        ledger.finish_run(run_id, RunState.FAILED, clock(), {"error": {"message": str(error)}})
        raise


def _insist(hold: Hold, resource: str) -> None:
    if resource not in hold.fences:
        raise LeaseLost("another run is working on the product: try again when it is done")


class Restorer:
    """Restores one variant with a store and the ledger; without a lease it only looks."""

    def __init__(
        self, settings: Settings, shop: Shopify, ledger: Ledger, job: Job, hold: Hold | None = None
    ) -> None:
        self._settings = settings
        self._shop = shop
        self._ledger = ledger
        self._job = job
        self._hold = hold
        self._index = ShopIndex()

    def look(self, snapshot: Snapshot) -> Restored:
        """What would be done, with what RMS would have set."""
        restored = self._found(snapshot)
        self._fill(restored)
        return restored

    def restore(self, snapshot: Snapshot) -> Restored:
        """Make the variant, remember its new ids, then bring its level to what RMS says.

        The day's mark is taken off before: if this breaks off, the next run looks at the product again.
        """
        restored = self._found(snapshot)
        self._unmark(restored.product)
        restored.made = restored.made or self._create(restored)
        ids = (restored.made.id, restored.made.item_id)
        self._ledger.record_restore(self._job.account, snapshot.variant_id, ids, self._settings.now())
        self._fill(restored)
        return restored

    # ------------------------------------------------------------- reading

    def _found(self, snapshot: Snapshot) -> Restored:
        """The product as it is now, and whether an earlier try has made the variant already."""
        product = self._shop.assortment(snapshot.product_id)
        if product is None:
            raise ConfigurationError(
                f"product {snapshot.product_id} is gone: a variant cannot be made without it"
            )
        if any(each.id == snapshot.variant_id for each in product.choices):
            raise ConfigurationError(
                f"variant {snapshot.variant_id} still exists: there is nothing to restore"
            )
        was = recorded(snapshot.data)
        plan = recreation(was, product, self._job.location)
        restored = Restored(self._job.run_id, self._job.dry_run, snapshot, was.item_id, product, plan)
        for variant_id, sku in self._shop.skus(None):
            self._index.add(Sku(variant_id, sku))
        restored.made = self._made_before(restored)
        restored.made_before = restored.made is not None
        owners = {sku: variant.id for sku, variant in self._index.first.items()}
        if not restored.made and (why := obstacle(restored.plan.variant, product, owners)):
            raise ConfigurationError(why)
        return restored

    def _made_before(self, restored: Restored) -> Choice | None:
        """What an earlier try made, whose answer was lost or which was killed."""
        key, variant = restored.snapshot.restore_key, restored.plan.variant
        if key is None:
            return None
        there = the_same(variant, restored.product)
        made = there if there and is_ours(variant, there) else None
        if self._hold:
            note = f"found made as variant {made.id}" if made else "not found made"
            self._ledger.conclude(key, OperationState.SETTLED, clock(), note=note)
        return made

    # ------------------------------------------------------------- making

    def _create(self, restored: Restored) -> Choice:
        """Send, and settle a lost answer by reading. Sent again it is only when it was not found made."""
        doubt = restored.snapshot.restore_key is not None
        for _ in range(SILENCES):
            if made := self._send(restored, self._intend(restored), doubt=doubt):
                return made
            doubt = True
        raise UnknownOutcome(
            "Shopify's answers were lost again and again and the variant is not there: try again later"
        )

    def _intend(self, restored: Restored) -> str:
        """Store the operation, and with the snapshot that it may make the variant; returns its key."""
        self._check_lease()
        snapshot = restored.snapshot
        row: JsonObject = {
            "product_id": snapshot.product_id,
            "variant_id": snapshot.variant_id,
            "sku": restored.plan.variant.sku,
            "input": variant_input(restored.plan.variant),
        }
        operation = Operation(str(uuid4()), self._job.run_id, self._job.account, CREATE, [row], clock())
        self._ledger.intend(operation)
        self._ledger.intend_restore(self._job.account, snapshot.variant_id, operation.key)
        return operation.key

    def _send(self, restored: Restored, key: str, *, doubt: bool) -> Choice | None:
        """The variant that was made; None when the answer was lost and it is not there.

        `doubt`: an earlier call may still arrive; else what is there after a refusal was made by others.
        """
        try:
            (made,) = self._shop.create_variants(restored.snapshot.product_id, [restored.plan.variant])
        except (Refused, UnknownOutcome, Malformed) as error:
            is_refused = isinstance(error, Refused)
            made_after_all = None if is_refused and not doubt else self._look_again(restored, key, error)
            if made_after_all or not is_refused:
                return made_after_all
            self._give_up(restored, key, OperationState.REFUSED, str(error), doubt=doubt)
            raise ConfigurationError(f"Shopify refuses to make the variant again: {error}") from None
        except EvenstockError as error:
            self._give_up(restored, key, OperationState.NOT_APPLIED, str(error), doubt=doubt)
            raise
        self._ledger.conclude(key, OperationState.APPLIED, clock(), note=f"variant {made.id}")
        return made

    def _look_again(self, restored: Restored, key: str, why: Exception) -> Choice | None:
        try:
            product = self._shop.assortment(restored.snapshot.product_id)
        except ConnectorError:
            self._ledger.conclude(key, OperationState.UNKNOWN, clock(), note=str(why))
            raise
        variant = restored.plan.variant
        there = the_same(variant, product) if product else None
        made = there if there and is_ours(variant, there) else None
        note = f"found made as variant {made.id}" if made else "not found made"
        self._ledger.conclude(key, OperationState.SETTLED, clock(), note=f"{note}; {why}")
        return made

    def _give_up(self, restored: Restored, key: str, state: OperationState, why: str, *, doubt: bool) -> None:
        """Nothing came of a call; unless an earlier one may still arrive, the snapshot is as it was."""
        self._ledger.conclude(key, state, clock(), note=why)
        if not doubt:
            self._ledger.intend_restore(self._job.account, restored.snapshot.variant_id, None)

    def _unmark(self, product: Assortment) -> None:
        if is_marked(product.tags, self._job.day):
            self._check_lease()
            self._shop.remove_tags(product.id, [self._job.mark])

    def _check_lease(self) -> None:
        if self._hold is None:
            raise LeaseLost("nothing is written without a lease")
        resources = [product_resource(self._job.account, each) for each in self._job.products or ()]
        self._hold.check(resources, self._spare)

    @property
    def _spare(self) -> float:
        """Seconds that one call may still take: the lease must outlast them."""
        return patience(self._settings).timeout

    # ------------------------------------------------------------- filling

    def _fill(self, restored: Restored) -> None:
        """Bring the new level to what RMS proves. Whatever goes wrong here, the variant is back, at zero."""
        stocker = Stocker(self._settings, self._shop, self._ledger, self._job, self._index, self._hold)
        was = Before(restored.old_item_id, restored.snapshot.product_id, restored.plan.variant)
        try:
            restored.level = stocker.stock(was, restored.made)
        except EvenstockError as error:
            restored.trouble = f"its stock could not be set: {error}"
        else:
            restored.warning = self._warning(restored.level)

    def _warning(self, line: Line) -> str:
        if line.truth != 0 or not self._settings.reverse_sync_delete_zero_stock:
            return ""
        return (
            "RMS says exactly zero, so the next run that deletes would delete it again: book stock in RMS, "
            f"or tag the product {self._settings.reverse_sync_exclude_tag}"
        )


def document(restored: Restored) -> JsonObject:
    """How a restore ended, as one JSON document."""
    made, snapshot = restored.made, restored.snapshot
    return {
        "success": restored.success,
        "dry_run": restored.dry_run,
        "run_id": restored.run_id,
        "product_id": snapshot.product_id,
        "title": restored.product.title,
        "sku": restored.plan.variant.sku,
        "options": dict(restored.plan.variant.options),
        "old": {"variant_id": snapshot.variant_id, "inventory_item_id": restored.old_item_id},
        "new": {"variant_id": made.id, "inventory_item_id": made.item_id} if made else None,
        "made_before": restored.made_before,
        "level": _level(restored.level) if restored.level else None,
        "not_restored": list(restored.plan.lost),
        "warnings": [each for each in (restored.trouble, restored.warning) if each],
    }


def _level(line: Line) -> JsonObject:
    return {
        "outcome": line.outcome.value if line.outcome else None,
        "reason": line.reason,
        "meaning": meaning(line.reason) if line.reason else "",
        "note": line.note,
        "from": line.shown,
        "to": line.wanted,
    }
