"""Give a restored variant the stock that RMS proves: compared, guarded and written as in every run."""

from dataclasses import dataclass, replace
from uuid import uuid4

from connectors.errors import ConnectorError, EvenstockError, Malformed, Refused, UnknownOutcome
from connectors.ledger import Ledger
from connectors.ledger.records import LevelMemory, Operation, OperationState
from connectors.records import Choice, JsonObject, Level, NewVariant, Product, Quantities, Variant
from connectors.settings import Settings
from connectors.shopify import Shopify
from tasks import diff, fetch, guard, remember
from tasks.desk import open_rms, patience
from tasks.diff import Known, Policy
from tasks.job import Job
from tasks.journal import LedgerJournal, product_resource
from tasks.lease import Hold, clock
from tasks.matching import ShopIndex, Truth
from tasks.plan import Line, Outcome
from tasks.prepare import limits_of
from tasks.receipt import read_back
from tasks.write import Writer

UNMADE = 0
"""The id of a variant that a dry run only imagines."""


@dataclass(frozen=True, slots=True)
class Before:
    """What a restored variant was: its inventory item, its product, and all that comes back of it."""

    item_id: int
    product_id: int
    variant: NewVariant


@dataclass(frozen=True, slots=True)
class Stocker:
    """Stocks one restored variant. `index`: every SKU of the shop. Without a lease it only looks."""

    settings: Settings
    shop: Shopify
    ledger: Ledger
    job: Job
    index: ShopIndex
    hold: Hold | None

    def stock(self, was: Before, made: Choice | None) -> Line:
        """The line of the new level, written if RMS proves a quantity; `made` is None in a dry run.

        Raises an error of `connectors.errors` where the level cannot be read.
        """
        if self.hold and made:
            self._place(made, self.hold)
        known = self._memory(was, made)
        line = self._line(was, made, known)
        if self.hold is None:
            return line.ended(Outcome.NOT_SENT) if line.is_open else line
        return self._written(line, known, self.hold)

    # ------------------------------------------------------------- judging

    def _line(self, was: Before, made: Choice | None, known: dict[int, LevelMemory]) -> Line:
        """What RMS asks for the new level, by the comparison and the guard of every run."""
        product = self._shown(was, made)
        lines = diff.stock([product], self._truth(product))
        past = remember.history(self.ledger, self.job, self.settings.now())
        (line,) = guard.review(lines, limits_of(self.settings), remember.memories(known), past)
        return line

    def _truth(self, product: Product) -> Known:
        """RMS's word on the product. Without RMS the level is unknown, and stays as it is."""
        policy = Policy(
            quantity_name=self.job.quantity_name,
            exclude_tag=self.settings.reverse_sync_exclude_tag,
            delete_zero_stock=False,
        )
        try:
            truth = fetch.truth(open_rms(self.settings), [product.ccod] if product.ccod else [])
        except ConnectorError:
            return Known(Truth({}), self.index, policy, unreachable="rms_unreachable")
        return Known(truth, self.index, policy)

    def _shown(self, was: Before, made: Choice | None) -> Product:
        """The product with no variant but the new one, which a dry run imagines at zero."""
        product = next(iter(self.shop.products([was.product_id])), None)
        if product is None:
            raise Malformed(f"Shopify does not show product {was.product_id} any more")
        if made is None:
            return replace(product, variants=(_imagined(was),))
        self.index.add(made)
        shown = tuple(each for each in product.variants if each.id == made.id)
        if not shown:
            raise Malformed(f"Shopify does not show variant {made.id} yet")
        return replace(product, variants=shown)

    def _memory(self, was: Before, made: Choice | None) -> dict[int, LevelMemory]:
        """The new level is fed by the truth that fed the old one, and from the same RMS item."""
        item = made.item_id if made else UNMADE
        known = self.ledger.levels_of(self.job.account, self.job.location, [item, was.item_id])
        old = known.pop(was.item_id, None)
        if old is None or item in known:
            return known
        inherited = LevelMemory(
            account=old.account,
            inventory_item_id=item,
            location_id=old.location_id,
            product_id=old.product_id,
            variant_id=made.id if made else UNMADE,
            seen_at=old.seen_at,
            owner_truth=old.owner_truth,
            sku_folded=old.sku_folded,
            rms_item_id=old.rms_item_id,
        )
        return {item: inherited}

    # ------------------------------------------------------------- writing

    def _written(self, line: Line, known: dict[int, LevelMemory], hold: Hold) -> Line:
        learned = remember.learn(self.ledger, self.job, [line], known, self.settings.now())
        if line.is_open:
            journal = LedgerJournal(self.ledger, self.job, hold, self._spare)
            writer = Writer(self.shop, journal, name=self.job.quantity_name, reference=self.job.reference)
            written = writer.apply([line])
            written, _ = read_back(self.shop, written, self.job.quantity_name, line.seen_at)
            line = written[0].line
        remember.count_errors(self.ledger, [line], learned)
        return line

    def _place(self, made: Choice, hold: Hold) -> None:
        """Stock the new item at the configured location, as the old one was, if Shopify did not do so."""
        level = self.shop.levels([made.item_id]).get(made.item_id)
        if level and level.active:
            return
        hold.check(
            [product_resource(self.job.account, each) for each in self.job.products or ()], self._spare
        )
        row: JsonObject = {"variant_id": made.id, "inventory_item_id": made.item_id, "sku": made.sku}
        operation = Operation(str(uuid4()), self.job.run_id, self.job.account, "activate", [row], clock())
        self.ledger.intend(operation)
        try:
            self.shop.activate(made.item_id, operation.key)
        except EvenstockError as error:
            self.ledger.conclude(operation.key, _state(error), clock(), note=str(error))
            raise
        self.ledger.conclude(operation.key, OperationState.APPLIED, clock())

    @property
    def _spare(self) -> float:
        """Seconds that one call may still take: the lease must outlast them."""
        return patience(self.settings).timeout


def _state(error: EvenstockError) -> OperationState:
    """How an activation stands after an error. One whose answer was lost does no harm when it comes again."""
    if isinstance(error, Refused):
        return OperationState.REFUSED
    return OperationState.UNKNOWN if isinstance(error, UnknownOutcome) else OperationState.NOT_APPLIED


def _imagined(was: Before) -> Variant:
    return Variant(
        id=UNMADE,
        product_id=was.product_id,
        item_id=UNMADE,
        sku=was.variant.sku,
        position=1,
        tracked=was.variant.tracked,
        duplicates=0,
        level=Level(active=True, quantities=Quantities(0, 0, 0)),
    )
