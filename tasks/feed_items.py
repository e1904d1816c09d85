"""Let imported products feed own items, which the marketplaces follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from connectors.ledger import Item, Ledger, Why
from connectors.ledger.supplier_records import Supplier
from connectors.records import JsonObject
from connectors.settings import Settings
from tasks import guard, offers
from tasks.guard import History
from tasks.market_accounts import enabled_markets
from tasks.offers import Imported, Wanted
from tasks.partner_diff import Policy
from tasks.plan import Line, Outcome, balance
from tasks.prepare import limits_of


@dataclass
class FedItems:
    """One line for each own item that is fed, as a report tells it."""

    lines: list[Line] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> JsonObject:
        """For the job's result."""
        return {
            **balance(len(self.lines), self.lines).as_dict(),
            "held_or_refused": [
                f"{line.sku}: {line.shown} → {line.wanted}: {line.note or line.reason}"
                for line in self.lines
                if line.outcome in {Outcome.HELD, Outcome.REFUSED}
            ],
            "problems": list(self.problems),
        }


def feed_items(
    settings: Settings,
    ledger: Ledger,
    supplier: Supplier,
    rows: Sequence[Imported],
    *,
    dry_run: bool,
    released: bool = False,
) -> FedItems:
    """Bring own items in line with the imported products that feed them.

    `released`: a person has seen what is held. Only items of accounts that the user's channels name.
    """
    fed, policy = FedItems(), policy_of(settings)
    pairs = _pairs(ledger, supplier, rows, fed)
    sold = _sold(settings, ledger, [item for _, item in pairs])
    lines = [
        _line(place, item, offers.wanted(row, sold.get(item.id, 0), policy))
        for place, (row, item) in enumerate(pairs)
    ]
    judged = lines if released else guard.review(lines, limits_of(settings), {}, History())
    for line in judged:
        _, item = pairs[line.variant_id]
        fed.lines.append(_applied(settings, ledger, supplier, item, line, dry_run=dry_run))
    return fed


def policy_of(settings: Settings) -> Policy:
    """When something counts as gone."""
    hours = settings.gone_after_hours
    return Policy(settings.now(), None if hours is None else timedelta(hours=hours))


def _pairs(
    ledger: Ledger, supplier: Supplier, rows: Sequence[Imported], fed: FedItems
) -> list[tuple[Imported, Item]]:
    channels, found = ledger.integrations(supplier.user_id), list[tuple[Imported, Item]]()
    for row in rows:
        item = ledger.item_anywhere(row.own_item_id or "")
        if item is None or item.deleted_at is not None:
            fed.problems.append(f"own item {row.own_item_id} is not there any more")
        elif not offers.feeds_channel(channels, offers.ITEMS, item.account):
            fed.problems.append(f"own item {item.id}: its account {item.account} is not to be fed")
        else:
            found.append((row, item))
    return found


def _sold(settings: Settings, ledger: Ledger, items: Sequence[Item]) -> Mapping[str, int]:
    """Units sold so recently that the supplier may not know of them."""
    since = settings.now() - timedelta(hours=settings.supplier_order_delay_hours)
    by_account: dict[str, list[str]] = {}
    for item in items:
        by_account.setdefault(item.account, []).append(item.id)
    return {
        item: units
        for account, ids in by_account.items()
        for item, units in ledger.sold_since(account, ids, since).items()
    }


def _line(place: int, item: Item, wanted: Wanted) -> Line:
    line = Line(0, place, place, item.part_number, "", shown=item.quantity_available, fed_by="supplier")
    if wanted.units is None:
        return line.ended(Outcome.UNKNOWN, wanted.reason)
    line = line._replace(wanted=wanted.units)
    return line.ended(Outcome.UNCHANGED) if line.wanted == line.shown else line


def _applied(
    settings: Settings, ledger: Ledger, supplier: Supplier, item: Item, line: Line, *, dry_run: bool
) -> Line:
    if not line.is_open:
        return line
    if dry_run:
        return line.ended(Outcome.NOT_SENT)

    def judged(now: Item) -> Item:
        # What was sold since the item was read is not forgotten.
        sold = max(0, now.quantity_sold - item.quantity_sold)
        return replace(now, quantity_available=max(0, line.wanted - sold))

    why = Why("update", f"supplier:{supplier.id}", f"stock of {supplier.name}")
    done = ledger.change_item(
        item.account,
        item.id,
        judged,
        why,
        marketplaces=enabled_markets(settings, ledger, item.account),
        now=settings.now(),
    )
    return line.ended(Outcome.DONE) if done else line.ended(Outcome.FAILED, "vanished")
