"""Bind variants of partners to own ones: a file's rows, checked against both stores and the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from connectors.errors import ConfigurationError, ConnectorError, Transient, Unauthorised
from connectors.ledger import Ledger, LevelMemory, Partner, ProductMapping
from connectors.ledger.partners import SUMMED, truth_of
from connectors.records import VariantHead
from connectors.settings import Settings
from connectors.shopify import Shopify
from tasks.desk import open_partner, open_shop
from tasks.lease import held
from tasks.mapping_proposals import Proposals, propose
from tasks.mapping_rows import MOST_BYTES, BadRow, MappingRow, read_rows
from tasks.start import the_location

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: rows stored, rows that were so already, and rows that are bad."""

    stored: int
    unchanged: int
    bad: tuple[BadRow, ...]


@dataclass(frozen=True, slots=True)
class _Book:
    """What rows are checked against: who feeds each own variant now, who would share it by the file."""

    account: str
    location: int | None
    partners: Mapping[str, Partner]
    names: Mapping[int, str]
    sharers: Mapping[int, set[str]]
    feeders: Mapping[int, Sequence[ProductMapping]]
    levels: Mapping[int, LevelMemory]

    def truth(self, row: MappingRow) -> str:
        return truth_of(self.partners[row.partner], sums=row.sums)

    def key(self, row: MappingRow) -> tuple[int, int]:
        return self.partners[row.partner].id or 0, row.partner_variant


def import_mappings(
    settings: Settings, ledger: Ledger, path: Path, *, strict: bool = False, offline: bool = False
) -> Imported:
    """Store a file's good rows, or with `strict` all or none. `offline`: the stores are not asked.

    Raises ConfigurationError for a file that cannot be read, and what the own store raises.
    """
    account = settings.shop
    partners = {partner.shop_domain: partner for partner in ledger.partners(account)}
    rows, bad = read_rows(content_of(path), spellings(partners.values()))
    resource = f"mappings:{account}"
    with held(ledger, [resource], uuid4().hex, _SECONDS) as hold:
        if not hold.fences:
            raise Transient("another import of mappings is at work: try again when it is done")
        heads: Mapping[int, VariantHead] = {}
        location = ledger.location("shopify", account)
        if not offline:
            rows, missing, heads, location = _verified(settings, ledger, partners, rows)
            bad = [*bad, *missing]
        book = _book(ledger, account, partners, rows, location)
        rows, rivals = _unrivalled(book, rows)
        bad = sorted([*bad, *rivals], key=lambda each: each.line)
        if strict and bad:
            return Imported(0, 0, tuple(bad))
        new = _news(ledger, settings, partners, rows)
        hold.check([resource])
        ledger.store_mappings(new)
        _claim(ledger, book, rows, heads)
    return Imported(len(new), len(rows) - len(new), tuple(bad))


def content_of(path: Path) -> bytes:
    """What is in a file. Raises ConfigurationError if it cannot be read or is too large."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationError(f"{path} cannot be read: {reason}") from None
    if len(content) > MOST_BYTES:
        raise ConfigurationError(f"{path} is larger than {MOST_BYTES // 1024**2} MB")
    return content


def spellings(partners: Iterable[Partner]) -> dict[str, str]:
    """Everything a partner may be called in a file → its domain."""
    found: dict[str, str] = {}
    for partner in partners:
        name = partner.shop_domain
        found |= dict.fromkeys((name, partner.base_url.lower(), f"https://{name}"), name)
    return found


# ------------------------------------------------------------------- stores

_Verified = tuple[list[MappingRow], list[BadRow], Mapping[int, VariantHead], int]


def _verified(
    settings: Settings, ledger: Ledger, partners: Mapping[str, Partner], rows: Sequence[MappingRow]
) -> _Verified:
    """Rows whose variants exist in both stores; the others; the own variants; the location in use."""
    with (shop := open_shop(settings)).http:
        location = the_location(settings, shop, ledger, settings.shop, settings.now())
        own = shop.variant_heads(sorted({row.own_variant for row in rows}))
    bad: dict[int, BadRow] = {
        row.line: _bad_own(row, "the own store has no such variant")
        for row in rows
        if row.own_variant not in own
    }
    for name in sorted({row.partner for row in rows}):
        theirs = [row for row in rows if row.partner == name]
        bad |= {each.line: each for each in _unknown_to(settings, ledger, partners[name], theirs)}
    return [row for row in rows if row.line not in bad], list(bad.values()), own, location


def _unknown_to(
    settings: Settings, ledger: Ledger, partner: Partner, rows: Sequence[MappingRow]
) -> list[BadRow]:
    """Rows whose variant or location the partner does not have; all of them if it cannot be asked."""
    try:
        with (shop := open_partner(settings, ledger, partner)).http:
            found = shop.variant_heads(sorted({row.partner_variant for row in rows}))
            places = _places(shop) if any(row.locations for row in rows) else None
    except ConnectorError as error:
        reason = f"could not be looked up: {error}"
        return [_bad_theirs(row, reason) for row in rows]
    nowhere = [row for row in rows if places is not None and not places.issuperset(row.locations or ())]
    bad = [_bad_place(row, f"{partner.shop_domain} has no such active location") for row in nowhere]
    reason = f"{partner.shop_domain} has no such variant"
    return bad + [_bad_theirs(row, reason) for row in rows if row.partner_variant not in found]


def _places(shop: Shopify) -> set[int] | None:
    """The store's active locations; None if it does not let them be read."""
    with suppress(Unauthorised):
        return {each.id for each in shop.locations() if each.active}
    return None


def _bad_own(row: MappingRow, reason: str) -> BadRow:
    return BadRow(row.line, "own_variant_id", str(row.own_variant), reason)


def _bad_place(row: MappingRow, reason: str) -> BadRow:
    return BadRow(row.line, "locations", " ".join(map(str, row.locations or ())), reason)


def _bad_theirs(row: MappingRow, reason: str) -> BadRow:
    return BadRow(row.line, "partner_variant_id", str(row.partner_variant), reason)


# ------------------------------------------------------------------- ledger


def _book(
    ledger: Ledger,
    account: str,
    partners: Mapping[str, Partner],
    rows: Sequence[MappingRow],
    location: int | None,
) -> _Book:
    own = {row.own_variant for row in rows}
    feeders: dict[int, list[ProductMapping]] = {}
    for each in ledger.feeding(account, own):
        feeders.setdefault(each.own_variant_id, []).append(each)
    sharers: dict[int, set[str]] = {}
    for row in rows:
        if row.sums and row.is_active:
            sharers.setdefault(row.own_variant, set()).add(row.partner)
    levels = {} if location is None else ledger.levels_of_variants(account, location, own)
    names = {partner.id or 0: name for name, partner in partners.items()}
    return _Book(account, location, partners, names, sharers, feeders, levels)


def _unrivalled(book: _Book, rows: Sequence[MappingRow]) -> tuple[list[MappingRow], list[BadRow]]:
    """Rows whose own variant nothing else feeds. A bad row replaces nothing, so others may be bad for it."""
    good, bad = list(rows), list[BadRow]()
    while True:
        replaced = {book.key(row) for row in good}
        found = [each for row in good if row.is_active and (each := _rival(book, row, replaced))]
        if not found:
            return good, bad
        bad += found
        lines = {each.line for each in found}
        good = [row for row in good if row.line not in lines]


def _rival(book: _Book, row: MappingRow, replaced: set[tuple[int, int]]) -> BadRow | None:
    """Why an own variant may not be fed by this row (rule: one level, one truth)."""
    others = [
        each
        for each in book.feeders.get(row.own_variant, ())
        if (each.partner_id, each.partner_variant_id) not in replaced
    ]
    if others and not (row.sums and all(each.sums for each in others)):
        return _bad_own(
            row,
            f"{book.names.get(others[0].partner_id)} feeds it already, with its variant "
            f"{others[0].partner_variant_id}: switch that mapping off, or say true under sums in all of them",
        )
    level = book.levels.get(row.own_variant)
    if level is None or level.owner_truth in {None, SUMMED, *_truths(book, row, others)}:
        return None
    return _bad_own(
        row,
        f"{level.owner_truth} feeds it (other_truth): `evenstock levels own {level.inventory_item_id} "
        f"--truth {book.truth(row)}` moves it",
    )


def _truths(book: _Book, row: MappingRow, others: Sequence[ProductMapping]) -> set[str]:
    """Truths that may have the row's level now: its partner, and whoever is summed with it."""
    names = {row.partner}
    if row.sums:
        names |= book.sharers.get(row.own_variant, set())
        names |= {book.names[each.partner_id] for each in others if each.partner_id in book.names}
    return {truth_of(book.partners[name]) for name in names}


def _news(
    ledger: Ledger, settings: Settings, partners: Mapping[str, Partner], rows: Sequence[MappingRow]
) -> list[ProductMapping]:
    """Mappings that are not stored yet just as the rows say."""
    now = settings.now()
    known = {(each.partner_id, each.partner_variant_id): each for each in ledger.mappings(settings.shop)}
    wanted = (_mapping(settings.shop, partners[row.partner].id or 0, row, now) for row in rows)
    return [
        each for each in wanted if not _is_same(known.get((each.partner_id, each.partner_variant_id)), each)
    ]


def _mapping(account: str, partner_id: int, row: MappingRow, now: datetime) -> ProductMapping:
    return ProductMapping(
        account=account,
        partner_id=partner_id,
        partner_variant_id=row.partner_variant,
        own_variant_id=row.own_variant,
        created_at=now,
        updated_at=now,
        is_active=row.is_active,
        location_ids=None if row.locations is None else list(row.locations),
        buffer=row.buffer,
        orders_known=row.orders_known,
        sums=row.sums,
    )


def _is_same(known: ProductMapping | None, wanted: ProductMapping) -> bool:
    if known is None:
        return False
    return replace(known, id=None, created_at=wanted.created_at, updated_at=wanted.updated_at) == wanted


def _claim(ledger: Ledger, book: _Book, rows: Sequence[MappingRow], heads: Mapping[int, VariantHead]) -> None:
    """The first binding takes a level; one that changes between one partner and several follows.

    What somebody else took since the book was opened stays theirs.
    """
    claims: dict[int, LevelMemory] = {}
    for row in (row for row in rows if row.is_active):
        level = book.levels.get(row.own_variant) or _unseen(book, heads.get(row.own_variant))
        if level is None:
            continue
        truth = book.truth(row)
        if level.owner_truth not in {None, truth}:
            ledger.move_level(book.account, level.inventory_item_id, level.location_id, truth)
        claims[level.inventory_item_id] = replace(level, owner_truth=truth)
    ledger.claim_levels(list(claims.values()))


def _unseen(book: _Book, head: VariantHead | None) -> LevelMemory | None:
    """A level that no run has looked at yet."""
    if head is None or book.location is None:
        return None
    return LevelMemory(book.account, head.item_id, book.location, head.product_id, head.id, _LONG_AGO)


# ------------------------------------------------------------------ propose


def proposals(settings: Settings, ledger: Ledger, partner: Partner) -> Proposals:
    """Compare all SKUs of a partner's store with those of the own one."""
    mapped = ledger.mappings(settings.shop)
    with (theirs := open_partner(settings, ledger, partner)).http:
        partners_skus = list(theirs.skus(None))
    with (ours := open_shop(settings)).http:
        own_skus = list(ours.skus(None))
    return propose(
        partners_skus,
        own_skus,
        bound={each.partner_variant_id for each in mapped if each.partner_id == partner.id},
        fed=_fed(settings, ledger, mapped),
    )


def _fed(settings: Settings, ledger: Ledger, mapped: Iterable[ProductMapping]) -> set[int]:
    """Own variants that a mapping or another truth feeds already."""
    fed = {each.own_variant_id for each in mapped if each.is_active}
    location = ledger.location("shopify", settings.shop)
    if location is not None:
        known = ledger.levels_of(settings.shop, location).values()
        fed |= {each.variant_id for each in known if each.owner_truth and not each.deleted_at}
    return fed
