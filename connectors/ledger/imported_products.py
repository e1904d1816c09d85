"""Products and variants of suppliers, joined from the pages of their lists. Only what differs is touched."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, null, select, update
from sqlalchemy.orm import InstrumentedAttribute

from connectors.errors import LeaseLost
from connectors.ledger.database import Database, chunks, insert_into
from connectors.ledger.jobs import held_by
from connectors.ledger.rows import Values, given
from connectors.ledger.supplier_models import (
    ImportedProductRow,
    ImportedVariantRow,
    JobRow,
    SightingRow,
)
from connectors.ledger.supplier_records import Job, Stored
from connectors.records import JsonObject
from connectors.supplier import Facet, Page, SupplierProduct, SupplierVariant

_MANY = 2_000
_FOUND: Values = {"missing_from": None, "missing_since": None, "missing_sightings": 0}
Listed = SupplierProduct | SupplierVariant
Held = Mapping[str, JsonObject | None]
Table = type[ImportedProductRow] | type[ImportedVariantRow]


@dataclass(frozen=True, slots=True)
class Kind:
    """Products or variants: their table, the supplier's id for them, and what they are until a list says."""

    table: Table
    key: str
    unsaid: Values

    def ids(self) -> InstrumentedAttribute[str]:
        """The column of the supplier's id."""
        column: InstrumentedAttribute[str] = getattr(self.table, self.key)
        return column

    def of(self, user_id: str, supplier_id: str | None) -> ColumnElement[bool]:
        """All of a user's supplier."""
        return and_(self.table.user_id == user_id, self.table.supplier_id == supplier_id)


_UNSAID: Values = {
    "sku": "",
    "ean": "",
    "price": None,
    "cost_price": None,
    "currency": "EUR",
    "stock_quantity": None,
    "available": True,
}
PRODUCTS = Kind(
    ImportedProductRow,
    "supplier_product_id",
    _UNSAID
    | {
        "name": "",
        "description": "",
        "brand": "",
        "category": "",
        "image_urls": [],
        "supplier_updated_at": None,
    },
)
VARIANTS = Kind(
    ImportedVariantRow, "supplier_variant_id", _UNSAID | {"supplier_product_id": None, "options": []}
)


class ImportedProducts:
    """The part of the ledger that stores pages of suppliers' lists, and knows what a whole list lacked."""

    database: Database

    def store_page(
        self,
        job: Job,
        page: Page,
        now: datetime,
        *,
        create: bool = True,
        dry_run: bool = False,
        held: Sequence[tuple[Kind, Held]] = (),
        cursor: Callable[[Stored], JsonObject | None] | None = None,
    ) -> Stored:
        """Store what a page says, that it was seen, and the cursor behind it: all of it, or nothing.

        What the ledger does not know is left out unless `create`. A dry run only counts. `held`: prices of
        the page that wait, as for `hold_prices`. `cursor`: made of what storing came to, in place of the
        page's. Raises LeaseLost if the job was cancelled or another worker has it.
        """
        if dry_run:
            with self.database.reading() as connection:
                return _stored(_Storing(connection, job, page, now, create), lambda *_: None)
        with self.database.writing() as connection:
            _remember(connection, job, page)
            stored = _stored(_Storing(connection, job, page, now, create), _write)
            for kind, waiting in held:
                hold(connection, job, kind, waiting, now)
            behind = cursor(stored) if cursor else page.cursor
            content = {"cursor": null() if behind is None else behind}
            connection.execute(update(JobRow).where(JobRow.id == job.id).values(content))
            return stored

    def unseen(self, job: Job, kind: Kind, facet: Facet) -> set[str]:
        """The supplier's ids of what is known and was on no page of this job's pass that speaks of the facet.

        They are proved absent only once a page says that the facet's list is complete.
        """
        column = SightingRow.products if kind is PRODUCTS else SightingRow.variants
        with self.database.reading() as connection:
            pages = select(SightingRow.facets, column).where(SightingRow.job_id == job.id)
            seen: set[str] = set()
            for facets, ids in connection.execute(pages):
                seen.update(ids if facet in facets else ())
            known = select(kind.ids()).where(kind.of(job.user_id, job.supplier_id))
            return set(connection.execute(known).scalars()) - seen


def hold(connection: Connection, job: Job, kind: Kind, held: Held, now: datetime) -> None:
    """Keep prices aside that wait for a person, by the supplier's id; None: nothing waits any more."""
    table = kind.table
    mine = and_(kind.of(job.user_id, job.supplier_id), kind.ids() == given("key", kind.ids()))
    rows = [{"_key": each, "_held": what} for each, what in sorted(held.items())]
    if rows:
        content = {"held": given("held", table.held), "updated_at": now}
        connection.execute(update(table).where(mine).values(content), rows)


# ---------------------------------------------------------------------- a page


@dataclass(frozen=True, slots=True)
class _Storing:
    connection: Connection
    job: Job
    page: Page
    now: datetime
    create: bool


Write = Callable[[_Storing, Kind, Sequence[Values]], None]


def _remember(connection: Connection, job: Job, page: Page) -> None:
    """Note what the page showed; a pass that begins forgets the one before."""
    mine = connection.execute(select(JobRow.cursor).where(held_by(job)).with_for_update()).one_or_none()
    if mine is None:
        raise LeaseLost(f"the job {job.id} was cancelled, or another worker has it")
    if mine.cursor is None:
        connection.execute(delete(SightingRow).where(SightingRow.job_id == job.id))
    seen = {
        "products": [each.supplier_product_id for each in page.products],
        "variants": [each.supplier_variant_id for each in page.variants],
    }
    if any(seen.values()):
        connection.execute(insert(SightingRow).values(job_id=job.id, facets=sorted(page.facets), **seen))


def _stored(storing: _Storing, write: Write) -> Stored:
    page = storing.page
    variants = _store(storing, VARIANTS, {each.supplier_variant_id: each for each in page.variants}, write)
    # After them: a product that has variants is not given a stock of its own.
    products = _store(storing, PRODUCTS, {each.supplier_product_id: each for each in page.products}, write)
    return Stored(*map(sum, zip(variants, products, strict=True)))


def _store(storing: _Storing, kind: Kind, rows: Mapping[str, Listed], write: Write) -> Stored:
    facets = storing.page.facets
    inserted = changed = unchanged = 0
    # In one order, so that two jobs never wait for each other.
    for ids in chunks(sorted(rows), _MANY):
        told = _told(storing, kind, [rows[each] for each in ids])
        known = _known(storing, kind, told)
        new = {each: kind.unsaid | told[each] for each in ids if each not in known and storing.create}
        moved = {
            each: old | told[each] | (_FOUND if _is_back(old, facets) else {})
            for each, old in known.items()
            if _is_back(old, facets) or _differs(old, told[each])
        }
        write(storing, kind, [{kind.key: each, **values} for each, values in sorted((new | moved).items())])
        inserted, changed = inserted + len(new), changed + len(moved)
        unchanged += len(known) - len(moved)
    return Stored(inserted, changed, unchanged)


def _told(storing: _Storing, kind: Kind, rows: Sequence[Listed]) -> dict[str, Values]:
    """What the page says of each: no more than that."""
    told = {getattr(row, kind.key): _said(kind, row) for row in rows}
    if kind is PRODUCTS and "stock" in storing.page.facets:
        for summed in _with_variants(storing, list(told)):
            told[summed].pop("stock_quantity", None)
    return told


def _said(kind: Kind, row: Listed) -> Values:
    said = {name: getattr(row, name) for name in kind.unsaid}
    return {name: _plain(value) for name, value in said.items() if value is not None}


def _plain(value: object) -> object:
    """As JSON gives it back, so that it can be compared."""
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _is_back(old: Values, facets: AbstractSet[Facet]) -> bool:
    """Whether a row is seen where it was missing."""
    return old["missing_from"] in facets


def _differs(old: Values, told: Values) -> bool:
    return any(old[name] != value for name, value in told.items())


def _known(storing: _Storing, kind: Kind, told: Mapping[str, Values]) -> dict[str, Values]:
    """What the ledger has of these, as far as the page speaks of it."""
    names = [name for name in kind.unsaid if any(name in said for said in told.values())]
    wanted = [getattr(kind.table, name) for name in (*names, *_FOUND)]
    found: dict[str, Values] = {}
    for ids in chunks(told):
        mine = and_(kind.of(storing.job.user_id, storing.job.supplier_id), kind.ids().in_(ids))
        rows = storing.connection.execute(select(kind.ids(), *wanted).where(mine))
        found |= {row[0]: dict(zip((*names, *_FOUND), row[1:], strict=True)) for row in rows}
    return found


def _with_variants(storing: _Storing, ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for part in chunks(ids):
        column = ImportedVariantRow.supplier_product_id
        mine = and_(VARIANTS.of(storing.job.user_id, storing.job.supplier_id), column.in_(part))
        parents = storing.connection.execute(select(column).where(mine).distinct()).scalars()
        found.update(each for each in parents if each is not None)
    return found


def _write(storing: _Storing, kind: Kind, rows: Sequence[Values]) -> None:
    """Insert or update rows, all of which have the same columns but for those nobody has spoken of."""
    if not rows:
        return
    now, facets = storing.now, storing.page.facets
    stamps = {f"{facet}_synced_at": now for facet in ("stock", "price") if facet in facets}
    touched = {"updated_at": now, "import_id": storing.job.id, **stamps}
    constant = {
        "user_id": storing.job.user_id,
        "supplier_id": storing.job.supplier_id,
        "created_at": now,
        "buffer": 0,
        **_FOUND,
    }
    statement = insert_into(storing.connection, kind.table)
    for names, alike in _alike(rows, kind):
        upsert = statement.on_conflict_do_update(
            index_elements=["user_id", "supplier_id", kind.key],
            set_={name: statement.excluded[name] for name in (*names, *_FOUND, *touched)},
        )
        storing.connection.execute(upsert, [constant | kind.unsaid | touched | row for row in alike])


def _alike(rows: Sequence[Values], kind: Kind) -> Iterator[tuple[list[str], list[Values]]]:
    """Rows with the same columns together: what is new has all of them, what is known those told of."""
    by_names: dict[tuple[str, ...], list[Values]] = {}
    for row in rows:
        names = tuple(name for name in kind.unsaid if name in row)
        by_names.setdefault(names, []).append(row)
    for alike, those in by_names.items():
        yield list(alike), those
