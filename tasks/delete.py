"""Delete variants that RMS has proved to be at zero, after every check was made afresh."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Protocol

from connectors.errors import ConnectorError, EvenstockError, Refused, UnknownOutcome
from connectors.records import JsonObject, LevelsEverywhere, VariantFacts
from connectors.shopify.readers import STOCKED_AT
from tasks.deletion import Failed, failed_check
from tasks.plan import Line, Outcome, by_product
from tasks.write import Journal


class Store(Protocol):
    """What deleting needs of a shop."""

    def levels_everywhere(self, items: Sequence[int]) -> dict[int, LevelsEverywhere]:
        """All levels of items."""
        ...

    def snapshots(self, variants: Sequence[int]) -> dict[int, VariantFacts]:
        """Variants as they are now."""
        ...

    def delete_variants(self, product: int, variants: Sequence[int]) -> None:
        """Delete variants of one product, all or none."""
        ...

    def archive(self, product: int) -> None:
        """Archive a product."""
        ...


@dataclass(slots=True)
class Deleted:
    """How candidates ended: lines that are gone, those that stay with the check, products archived."""

    gone: list[Line] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    archived: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Deleter:
    """Deletes with what it is given: a shop, the journal, a keeper of snapshots and a fresh look at orders.

    `sold_recently` returns variants with recent orders, or None when orders cannot be read. `allowance`
    takes as many deletions as are left to the account and returns how many it got.
    """

    store: Store
    journal: Journal
    keep: Callable[[Sequence[tuple[Line, JsonObject]]], None]
    sold_recently: Callable[[], AbstractSet[int] | None]
    allowance: Callable[[int], int]

    def delete(self, candidates: Sequence[Line], archive: AbstractSet[int]) -> Deleted:
        """Check every candidate afresh and delete those that pass, product by product."""
        ended = Deleted()
        if not candidates:
            return ended
        try:
            passing, siblings = self._checked(candidates, archive, ended)
        except EvenstockError:
            ended.failed = [Failed(line, "check_failed") for line in candidates]
            return ended
        for product_id, lines in by_product(passing).items():
            if product_id in archive:
                self._archive(product_id, lines, siblings[product_id], ended)
            else:
                self._delete_product(product_id, lines, ended)
        return ended

    def _checked(
        self, candidates: Sequence[Line], archive: AbstractSet[int], ended: Deleted
    ) -> tuple[list[Line], Mapping[int, int]]:
        """The candidates that pass, and how many variants each product has now."""
        facts = self.store.snapshots([line.variant_id for line in candidates])
        levels = self.store.levels_everywhere([line.item_id for line in candidates])
        sold = self.sold_recently()
        siblings = {found.product_id: found.siblings for found in facts.values()}
        room = dict(siblings)
        passing: list[Line] = []
        for line in sorted(candidates, key=lambda each: (each.product_id, -each.position)):
            left = 2 if line.product_id in archive else room.get(line.product_id, 0)
            check = failed_check(
                facts.get(line.variant_id), levels.get(line.item_id), sold_recently=sold, siblings=left
            )
            if check:
                ended.failed.append(Failed(line, check))
                continue
            room[line.product_id] = left - 1
            passing.append(line)
        self.keep([(line, _whole(facts[line.variant_id], levels[line.item_id])) for line in passing])
        return passing, siblings

    def _delete_product(self, product_id: int, lines: Sequence[Line], ended: Deleted) -> None:
        allowed = lines[: self.allowance(len(lines))]
        ended.failed.extend(Failed(line, "max_deletions") for line in lines[len(allowed) :])
        if not allowed:
            return
        try:
            key = self.journal.intend("delete_variants", allowed, [])
            self._send(product_id, allowed, key, ended)
        except EvenstockError:
            ended.failed.extend(Failed(line, "delete_failed") for line in allowed)

    def _send(self, product_id: int, lines: Sequence[Line], key: str, ended: Deleted) -> None:
        try:
            self.store.delete_variants(product_id, [line.variant_id for line in lines])
        except (Refused, UnknownOutcome) as error:
            self._look(lines, key, ended, str(error))
        except EvenstockError as error:
            self.journal.conclude(key, "not_applied", str(error))
            raise
        else:
            self.journal.conclude(key, "applied")
            ended.gone.extend(_gone(line) for line in lines)

    def _look(self, lines: Sequence[Line], key: str, ended: Deleted, why: str) -> None:
        """After a lost or contradicted answer: a variant that is not there any more was deleted."""
        try:
            there = self.store.snapshots([line.variant_id for line in lines])
        except ConnectorError:
            self.journal.conclude(key, "unknown", why)
            raise
        gone = [line for line in lines if line.variant_id not in there]
        self.journal.conclude(key, "settled", f"{len(gone)} of {len(lines)} found deleted; {why}")
        ended.gone.extend(_gone(line) for line in gone)
        ended.failed.extend(Failed(line, "delete_failed") for line in lines if line.variant_id in there)

    def _archive(self, product_id: int, lines: Sequence[Line], siblings: int, ended: Deleted) -> None:
        """Every variant would go: the product is archived instead, and all of them stay.

        Not if one of its variants stays on sale: it failed a check, is not at zero, or is new.
        """
        check = "product_archived" if len(lines) == siblings else "not_all_go"
        if check == "product_archived":
            try:
                self._send_archive(product_id, lines)
                ended.archived.append(product_id)
            except EvenstockError:
                check = "archive_failed"
        ended.failed.extend(Failed(line, check) for line in lines)

    def _send_archive(self, product_id: int, lines: Sequence[Line]) -> None:
        key = self.journal.intend("archive", lines, [])
        try:
            self.store.archive(product_id)
        except EvenstockError as error:
            self.journal.conclude(key, _unless_done(error), str(error))
            raise
        self.journal.conclude(key, "applied")


def _whole(facts: VariantFacts, levels: LevelsEverywhere) -> JsonObject:
    """All that is known of a variant: what Shopify tells of it, and where it is stocked."""
    return facts.data | {STOCKED_AT: [level.location_id for level in levels.levels]}


def _unless_done(error: EvenstockError) -> str:
    """How an operation stands after an error: only a lost answer leaves it open whether it was done."""
    if isinstance(error, Refused):
        return "refused"
    return "unknown" if isinstance(error, UnknownOutcome) else "not_applied"


def _gone(line: Line) -> Line:
    return line.ended(Outcome.DONE, "zero_stock")._replace(deleted=True)
