"""What the ledger notes of imported products besides what their supplier says of them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, func, null, or_, select, update

from connectors.ledger.database import Database, chunks
from connectors.ledger.imported_products import PRODUCTS, VARIANTS, Held, Kind, hold
from connectors.ledger.rows import columns, given, loaded
from connectors.ledger.supplier_models import ImportedProductRow, ImportedVariantRow
from connectors.ledger.supplier_records import ImportedProduct, ImportedVariant, Job, Scored, Supplier
from connectors.records import JsonObject
from connectors.supplier import Facet

_PRODUCT = columns(ImportedProductRow, ImportedProduct)
_VARIANT = columns(ImportedVariantRow, ImportedVariant)
_MANY = 2_000
SyncedBy = Literal["stock", "price"]


class Prices(NamedTuple):
    """What is known of a price."""

    price: Decimal | None
    cost_price: Decimal | None


class ToldPrice(NamedTuple):
    """What a supplier told of a price; None: nothing of that."""

    price: Decimal | None
    cost_price: Decimal | None
    currency: str | None


class HeldPrice(NamedTuple):
    """A price that waits for a person: of what, what is known of it, and what is `held`."""

    key: str
    sku: str
    price: Decimal | None
    cost_price: Decimal | None
    held: JsonObject


class Binding(NamedTuple):
    """What a product or variant feeds with its stock: an own variant, or an own item, or nothing."""

    own_variant_id: int | None
    own_item_id: str | None
    buffer: int


class ProductMarks:
    """The part of the ledger that knows what is missing, held, bound, due and scored."""

    database: Database

    def product_count(self, user_id: str, supplier_id: str, kind: Kind = PRODUCTS) -> int:
        """How many products, or variants, of a supplier are known and not missing."""
        there = and_(kind.of(user_id, supplier_id), kind.table.missing_since.is_(None))
        with self.database.reading() as connection:
            return connection.execute(select(func.count()).select_from(kind.table).where(there)).scalar_one()

    def imported_products(self, user_id: str, supplier_id: str, limit: int = 100) -> list[ImportedProduct]:
        """A supplier's first products by id."""
        mine = select(*_PRODUCT).where(PRODUCTS.of(user_id, supplier_id))
        with self.database.reading() as connection:
            rows = connection.execute(mine.order_by(ImportedProductRow.id).limit(limit)).all()
        return loaded(ImportedProduct, rows)

    def imported_variants(self, user_id: str, supplier_id: str, limit: int = 100) -> list[ImportedVariant]:
        """A supplier's first variants by id."""
        mine = select(*_VARIANT).where(VARIANTS.of(user_id, supplier_id))
        with self.database.reading() as connection:
            rows = connection.execute(mine.order_by(ImportedVariantRow.id).limit(limit)).all()
        return loaded(ImportedVariant, rows)

    # ---------------------------------------------------------------- missing

    def mark_missing(self, job: Job, kind: Kind, facet: Facet, ids: Collection[str], now: datetime) -> int:
        """Note that the facet's complete list lacked these, once for each job; how many were marked."""
        table = kind.table
        again = table.missing_from == facet
        noted = and_(again, table.import_id == job.id)
        content = {
            "missing_from": facet,
            "missing_since": case((again, table.missing_since), else_=now),
            "missing_sightings": case((again, table.missing_sightings + 1), else_=1),
            "import_id": job.id,
            "updated_at": now,
        }
        marked = 0
        with self.database.writing() as connection:
            for part in chunks(sorted(ids)):
                these = and_(kind.of(job.user_id, job.supplier_id), kind.ids().in_(part))
                fresh = or_(table.missing_from.is_(None), ~noted)
                marked += connection.execute(update(table).where(these, fresh).values(content)).rowcount
        return marked

    def missing(self, user_id: str, supplier_id: str, kind: Kind) -> dict[str, tuple[datetime, int]]:
        """Since when and how often in a row each missing one was not there."""
        table = kind.table
        wanted = (kind.ids(), table.missing_since, table.missing_sightings)
        gone = and_(kind.of(user_id, supplier_id), table.missing_since.is_not(None))
        with self.database.reading() as connection:
            rows = connection.execute(select(*wanted).where(gone)).all()
        return {key: (since, sightings) for key, since, sightings in rows if since is not None}

    def variants_of(self, job: Job, product_ids: Collection[str]) -> dict[str, str]:
        """All known variants of these products, and whose they are, by the supplier's ids."""
        column = ImportedVariantRow.supplier_product_id
        found: dict[str, str] = {}
        mine = select(VARIANTS.ids(), column).where(VARIANTS.of(job.user_id, job.supplier_id))
        with self.database.reading() as connection:
            for part in chunks(sorted(product_ids)):
                rows = connection.execute(mine.where(column.in_(part))).all()
                found |= {variant: product for variant, product in rows if product is not None}
        return found

    def set_stock(self, job: Job, kind: Kind, stock: Mapping[str, int | None], now: datetime) -> int:
        """Store quantities that a judgement came to, such as the zero of what is gone for good; how many."""
        table = kind.table
        mine = and_(
            kind.of(job.user_id, job.supplier_id),
            kind.ids() == given("key", kind.ids()),
            table.stock_quantity.is_distinct_from(given("stock", table.stock_quantity)),
        )
        content = {
            "stock_quantity": given("stock", table.stock_quantity),
            "updated_at": now,
            "import_id": job.id,
        }
        changed = 0
        with self.database.writing() as connection:
            for each, quantity in sorted(stock.items()):
                values = {"_key": each, "_stock": quantity}
                changed += connection.execute(update(table).where(mine).values(content), values).rowcount
        return changed

    def sum_variant_stock(self, user_id: str, supplier_id: str, now: datetime) -> int:
        """Make the stock of each product with variants their sum; unknown if one is. How many changed.

        A variant that is missing counts as long as it is not gone for good: then it has a zero.
        """
        product, variant = ImportedProductRow, ImportedVariantRow
        total = case(
            (func.count() == func.count(variant.stock_quantity), func.sum(variant.stock_quantity)), else_=None
        )
        sums = (
            select(variant.supplier_product_id.label("key"), total.label("total"))
            .where(VARIANTS.of(user_id, supplier_id))
            .group_by(variant.supplier_product_id)
            .subquery()
        )
        wrong = (
            select(product.id, sums.c.total)
            .join(sums, sums.c.key == product.supplier_product_id)
            .where(PRODUCTS.of(user_id, supplier_id))
            .where(product.stock_quantity.is_distinct_from(sums.c.total))
        )
        content = {"stock_quantity": given("total", product.stock_quantity), "updated_at": now}
        statement = update(product).where(product.id == given("id", product.id))
        with self.database.writing() as connection:
            rows = [
                {"_id": each, "_total": None if units is None else int(units)}
                for each, units in connection.execute(wrong)
            ]
            if rows:
                connection.execute(statement.values(content), rows)
        return len(rows)

    # -------------------------------------------------------------------- due

    def due_products(self, user_id: str, supplier_id: str, by: SyncedBy, limit: int) -> list[str]:
        """The supplier's ids of the products whose stock or price was read longest ago, or never."""
        synced = getattr(ImportedProductRow, f"{by}_synced_at")
        mine = select(ImportedProductRow.supplier_product_id).where(PRODUCTS.of(user_id, supplier_id))
        oldest = mine.order_by(synced.is_not(None), synced, ImportedProductRow.id).limit(limit)
        with self.database.reading() as connection:
            return list(connection.execute(oldest).scalars())

    def stamp_products(self, job: Job, by: Sequence[SyncedBy], ids: Collection[str], now: datetime) -> None:
        """Note that the stock or the price of products was read, whatever it was."""
        content = {f"{each}_synced_at": now for each in by}
        with self.database.writing() as connection:
            for part in chunks(sorted(ids)):
                these = ImportedProductRow.supplier_product_id.in_(part)
                mine = and_(PRODUCTS.of(job.user_id, job.supplier_id), these)
                connection.execute(update(ImportedProductRow).where(mine).values(content))

    # ----------------------------------------------------------------- prices

    def known_prices(self, job: Job, kind: Kind, ids: Collection[str]) -> dict[str, Prices]:
        """The prices known of these, for judging new ones."""
        found: dict[str, Prices] = {}
        wanted = (kind.ids(), kind.table.price, kind.table.cost_price)
        with self.database.reading() as connection:
            for part in chunks(ids):
                these = and_(kind.of(job.user_id, job.supplier_id), kind.ids().in_(part))
                rows = connection.execute(select(*wanted).where(these)).all()
                found |= {key: Prices(price, cost) for key, price, cost in rows}
        return found

    def hold_prices(self, job: Job, kind: Kind, held: Held, now: datetime) -> None:
        """Keep prices aside that wait for a person, with the reason; None: nothing waits any more."""
        with self.database.writing() as connection:
            hold(connection, job, kind, held, now)

    def held_prices(self, user_id: str, supplier_id: str, kind: Kind) -> dict[str, JsonObject]:
        """The prices that wait for a person, by the supplier's id."""
        waits = and_(kind.of(user_id, supplier_id), kind.table.held.is_not(None))
        with self.database.reading() as connection:
            rows = connection.execute(select(kind.ids(), kind.table.held).where(waits)).all()
        return {key: held for key, held in rows if held is not None}

    def waiting_prices(self, supplier: Supplier, kind: Kind, limit: int = 100) -> list[HeldPrice]:
        """The first prices that wait for a person, in the order in which their rows were imported."""
        waits = _waiting(kind).where(kind.of(supplier.user_id, supplier.id)).order_by(kind.table.id)
        with self.database.reading() as connection:
            return [HeldPrice(*row) for row in connection.execute(waits.limit(limit))]

    def held_price(self, supplier: Supplier, kind: Kind, key: str) -> HeldPrice | None:
        """The price that waits of this product or variant, if one does."""
        mine = and_(kind.of(supplier.user_id, supplier.id), kind.ids() == key)
        with self.database.reading() as connection:
            row = connection.execute(_waiting(kind).where(mine)).one_or_none()
        return None if row is None else HeldPrice(*row)

    def accept_price(
        self, supplier: Supplier, kind: Kind, waiting: HeldPrice, price: ToldPrice, now: datetime
    ) -> bool:
        """Make a price that waited the known one. False: by now it is another that waits, or none."""
        mine = and_(kind.of(supplier.user_id, supplier.id), kind.ids() == waiting.key)
        told: dict[str, object] = {name: each for name, each in price._asdict().items() if each is not None}
        with self.database.writing() as connection:
            row = connection.execute(_waiting(kind).where(mine).with_for_update()).one_or_none()
            if row is None or HeldPrice(*row).held != waiting.held:
                return False
            content = told | {"held": null(), "updated_at": now}
            connection.execute(update(kind.table).where(mine).values(content))
            return True

    # ------------------------------------------------------------------ bound

    def bind(self, supplier: Supplier, kind: Kind, key: str, binding: Binding, now: datetime) -> bool:
        """Say what a product or variant feeds from now on. False: there is none of this id."""
        mine = and_(kind.of(supplier.user_id, supplier.id), kind.ids() == key)
        content = {**binding._asdict(), "updated_at": now}
        with self.database.writing() as connection:
            return connection.execute(update(kind.table).where(mine).values(content)).rowcount == 1

    def bound_relatives(self, supplier: Supplier, kind: Kind, key: str) -> list[str]:
        """What feeds something with the same units: this product's variants, or this variant's product."""
        other = VARIANTS if kind is PRODUCTS else PRODUCTS
        variant = ImportedVariantRow
        same: ColumnElement[bool] = variant.supplier_product_id == key
        if kind is VARIANTS:
            its = select(variant.supplier_product_id).where(
                VARIANTS.of(supplier.user_id, supplier.id), variant.supplier_variant_id == key
            )
            same = ImportedProductRow.supplier_product_id.in_(its)
        mine = and_(other.of(supplier.user_id, supplier.id), _is_bound(other), same)
        with self.database.reading() as connection:
            return list(connection.execute(select(other.ids()).where(mine).order_by(other.ids())).scalars())

    def bound_products(self, user_id: str, supplier_id: str) -> list[ImportedProduct]:
        """The products that feed something of the user's own."""
        bound = and_(PRODUCTS.of(user_id, supplier_id), _is_bound(PRODUCTS))
        with self.database.reading() as connection:
            rows = connection.execute(select(*_PRODUCT).where(bound).order_by(ImportedProductRow.id)).all()
        return loaded(ImportedProduct, rows)

    def bound_variants(self, user_id: str, supplier_id: str) -> list[ImportedVariant]:
        """The variants that feed something of the user's own."""
        bound = and_(VARIANTS.of(user_id, supplier_id), _is_bound(VARIANTS))
        with self.database.reading() as connection:
            rows = connection.execute(select(*_VARIANT).where(bound).order_by(ImportedVariantRow.id)).all()
        return loaded(ImportedVariant, rows)

    # ----------------------------------------------------------------- scores

    def scored_products(self, user_id: str | None = None) -> Iterator[list[Scored]]:
        """All products, some thousand at a time, with what their score is made of."""
        table, last = ImportedProductRow, 0
        wanted = [getattr(table, name) for name in Scored._fields]
        whose = table.id > 0 if user_id is None else table.user_id == user_id
        while True:
            following = select(*wanted).where(whose, table.id > last).order_by(table.id).limit(_MANY)
            with self.database.reading() as connection:
                found = [Scored(*row) for row in connection.execute(following)]
            if not found:
                return
            yield found
            last = found[-1].id

    def store_scores(self, scores: Mapping[int, Decimal]) -> None:
        """Store the scores of products by their row; a score moves no other column."""
        table = ImportedProductRow
        statement = update(table).where(table.id == given("id", table.id))
        rows = [{"_id": each, "_score": score} for each, score in sorted(scores.items())]
        with self.database.writing() as connection:
            for part in chunks(rows, _MANY):
                content = {"ai_score": given("score", table.ai_score)}
                connection.execute(statement.values(content), part)


def _waiting(kind: Kind) -> Select[tuple[str, str, Decimal | None, Decimal | None, JsonObject | None]]:
    table = kind.table
    wanted = select(kind.ids(), table.sku, table.price, table.cost_price, table.held)
    return wanted.where(table.held.is_not(None))


def _is_bound(kind: Kind) -> ColumnElement[bool]:
    return or_(kind.table.own_variant_id.is_not(None), kind.table.own_item_id.is_not(None))
