"""Let imported products feed own items, which the marketplaces follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from connectors.errors import ConfigurationError
from connectors.ledger import Item, Ledger, Why
from connectors.ledger.supplier_feeds import truth_of_supplier
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

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Release:
    """Somebody lets through what is held, as long as it is what they saw: its `fingerprint`."""

    fingerprint: str
    by: str


@dataclass
class FedItems:
    """One line for each own item that is fed, as a report tells it. `waits`: fingerprint of what is held."""

    lines: list[Line] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    waits: str = ""

    def as_dict(self) -> JsonObject:
        """For the job's result."""
        return {
            **balance(len(self.lines), self.lines).as_dict(),
            "held_or_refused": [
                f"{line.sku}: {line.shown} → {line.wanted}: {line.note or line.reason}"
                for line in self.lines
                if line.outcome in {Outcome.HELD, Outcome.REFUSED}
            ],
            "waits": self.waits or None,
            "problems": list(self.problems),
        }


def feed_items(
    settings: Settings,
    ledger: Ledger,
    supplier: Supplier,
    rows: Sequence[Imported],
    read_at: datetime,
    *,
    dry_run: bool,
    release: Release | None = None,
) -> FedItems:
    """Bring own items in line with the imported products that feed them.

    Only items of accounts that the user's channels name. `read_at`: since when the supplier was asked for
    the stock that is known.
    Raises ConfigurationError if something is to be released that is not held, or not any more.
    """
    fed, policy = FedItems(), policy_of(settings)
    pairs = _pairs(ledger, supplier, rows, fed)
    items = [item for _, item in pairs]
    sold = _sold(settings, ledger, items, read_at)
    lines = [
        _line(place, item, offers.wanted(row, sold.get(item.id, 0), policy))
        for place, (row, item) in enumerate(pairs)
    ]
    history = _history(settings, ledger, supplier, items)
    judged = guard.review(lines, limits_of(settings), {}, history)
    fed.waits = fingerprint([line for line in judged if line.outcome is Outcome.HELD], items)
    if release:
        judged = _released(judged, fed.waits, release)
    why = _why(supplier, release)
    for line in judged:
        item = items[line.variant_id]
        fed.lines.append(_applied(settings, ledger, item, line, why, dry_run=dry_run))
    for account in sorted({item.account for item in items}) if not dry_run else ():
        ledger.channel_fed(supplier.user_id, offers.ITEMS, account, settings.now())
    return fed


def fingerprint(held: Sequence[Line], items: Sequence[Item]) -> str:
    """What a person who saw these lines can name them by; "" for none."""
    told = sorted(f"{items[line.variant_id].id}|{line.shown}|{line.wanted}" for line in held)
    return sha256("\n".join(told).encode()).hexdigest()[:12] if told else ""


def _released(lines: Sequence[Line], waits: str, release: Release) -> list[Line]:
    if not waits:
        raise ConfigurationError("nothing is held")
    if release.fingerprint != waits:
        raise ConfigurationError(f"what is held now is {waits}, not {release.fingerprint}: look at it again")
    return [
        line._replace(outcome=None, reason="", note="") if line.outcome is Outcome.HELD else line
        for line in lines
    ]


def _why(supplier: Supplier, release: Release | None) -> Why:
    """What the items' history says. What a person released does not count as done by the supplier."""
    if release:
        return Why("update", release.by, f"stock of {supplier.name}, released", is_count=False)
    return Why("update", truth_of_supplier(supplier.id), f"stock of {supplier.name}", is_count=False)


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


def _sold(settings: Settings, ledger: Ledger, items: Sequence[Item], read_at: datetime) -> Mapping[str, int]:
    """Units sold so recently that the supplier, when it was asked, may not have known of them."""
    since = read_at - timedelta(hours=settings.supplier_order_delay_hours)
    by_account: dict[str, list[str]] = {}
    for item in items:
        by_account.setdefault(item.account, []).append(item.id)
    return {
        item: units
        for account, ids in by_account.items()
        for item, units in ledger.sold_since(account, ids, since).items()
    }


def _history(settings: Settings, ledger: Ledger, supplier: Supplier, items: Sequence[Item]) -> History:
    """What this supplier did to these items in the 24 hours before, by their places."""
    places = {item.id: place for place, item in enumerate(items)}
    moves = ledger.item_moves(places, truth_of_supplier(supplier.id), settings.now() - DAY)
    falls = {places[item]: move.fell for item, move in moves.items() if move.fell}
    rises = {places[item]: move.rose for item, move in moves.items() if move.rose}
    zeroed = frozenset(place for place in falls if items[place].quantity_available == 0)
    return History({}, zeroed, falls, rises)


def _line(place: int, item: Item, wanted: Wanted) -> Line:
    line = Line(0, place, place, item.part_number, "", shown=item.quantity_available, fed_by="supplier")
    if wanted.units is None:
        return line.ended(Outcome.UNKNOWN, wanted.reason)
    line = line._replace(wanted=wanted.units)
    return line.ended(Outcome.UNCHANGED) if line.wanted == line.shown else line


def _applied(settings: Settings, ledger: Ledger, item: Item, line: Line, why: Why, *, dry_run: bool) -> Line:
    if not line.is_open:
        return line
    if dry_run:
        return line.ended(Outcome.NOT_SENT)

    def judged(now: Item) -> Item:
        # What was sold since the item was read is not forgotten.
        sold = max(0, now.quantity_sold - item.quantity_sold)
        return replace(now, quantity_available=max(0, line.wanted - sold))

    done = ledger.change_item(
        item.account,
        item.id,
        judged,
        why,
        marketplaces=enabled_markets(settings, ledger, item.account),
        now=settings.now(),
    )
    return line.ended(Outcome.DONE) if done else line.ended(Outcome.FAILED, "vanished")
