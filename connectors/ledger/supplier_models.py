"""The ledger's tables of suppliers: their products, their orders, and the queue of their jobs.

Names and columns are those of the origin's own database, as far as it had them and they mean something here.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from connectors.ledger.models import Base, Counter, Json, states
from connectors.ledger.supplier_records import DIRECTIONS, CallbackStatus, JobStatus, JobType
from connectors.records import JsonObject


class Money(TypeDecorator[Decimal]):
    """An amount exactly as it was read: NUMERIC where the database has it, text in SQLite, which has not."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Text | Numeric[Decimal]:
        """The database's own type."""
        return Text() if dialect.name == "sqlite" else Numeric()

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | str | None:
        """As the database takes it."""
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Decimal | str | None, dialect: Dialect) -> Decimal | None:
        """As it was."""
        del dialect
        return None if value is None else Decimal(value)


class Score(TypeDecorator[Decimal]):
    """A number from 0 to 100 with two digits: NUMERIC(5, 2), whose digits SQLite keeps as a float."""

    impl = Numeric(5, 2, asdecimal=False)
    cache_ok = True

    def process_result_value(self, value: float | None, dialect: Dialect) -> Decimal | None:
        """With its two digits."""
        del dialect
        return None if value is None else Decimal(f"{value:.2f}")


def _one_of(column: str, words: Sequence[str]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(map(repr, words))})", name=column)


class SupplierRow(Base):
    """`supplier_records.Supplier`."""

    __tablename__ = "suppliers"
    __table_args__ = (Index(None, "user_id", "name"), _one_of("status", ("active", "inactive")))

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255))
    connector_type: Mapped[str] = mapped_column(String(32))
    account: Mapped[str] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(16))
    configuration: Mapped[JsonObject]
    product_count: Mapped[int]
    error_count: Mapped[int]
    last_sync_at: Mapped[datetime | None]
    last_sync_status: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class JobRow(Base):
    """`supplier_records.Job`. No foreign key: a job of a supplier that is not there fails, and says so."""

    __tablename__ = "import_jobs"
    __table_args__ = (
        Index(None, "status", "scheduled_at"),
        Index(None, "user_id", "status"),
        Index(None, "created_at"),
        _one_of("source_type", [each.value for each in JobType]),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255))
    source_type: Mapped[str] = mapped_column(String(32))
    supplier_id: Mapped[str | None] = mapped_column(String(36))
    account: Mapped[str] = mapped_column(String(255), server_default="")
    status: Mapped[JobStatus] = mapped_column(states(JobStatus, "status"), server_default="pending")
    priority: Mapped[int] = mapped_column(Integer, server_default="0")
    scheduled_at: Mapped[datetime] = mapped_column(server_default=text("CURRENT_TIMESTAMP"))
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    max_attempts: Mapped[int] = mapped_column(Integer, server_default="3")
    fence: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(255))
    cursor: Mapped[JsonObject | None]
    configuration: Mapped[JsonObject] = mapped_column(server_default="{}")
    callback_url: Mapped[str | None]
    callback_status: Mapped[CallbackStatus | None] = mapped_column(states(CallbackStatus, "callback_status"))
    total_rows: Mapped[int] = mapped_column(server_default="0")
    processed_rows: Mapped[int] = mapped_column(server_default="0")
    success_rows: Mapped[int] = mapped_column(server_default="0")
    error_rows: Mapped[int] = mapped_column(server_default="0")
    errors: Mapped[Sequence[str]] = mapped_column(server_default="[]")
    result_data: Mapped[JsonObject | None]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("CURRENT_TIMESTAMP"))
    updated_at: Mapped[datetime] = mapped_column(server_default=text("CURRENT_TIMESTAMP"))


class ImportedProductRow(Base):
    """`supplier_records.ImportedProduct`."""

    __tablename__ = "imported_products"
    __table_args__ = (
        UniqueConstraint("user_id", "supplier_id", "supplier_product_id"),
        Index(None, "user_id", "sku"),
        Index(None, "user_id", "own_variant_id"),
    )

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255))
    supplier_id: Mapped[str] = mapped_column(ForeignKey("suppliers.id"))
    supplier_product_id: Mapped[str] = mapped_column(String(200))
    sku: Mapped[str]
    name: Mapped[str]
    description: Mapped[str]
    brand: Mapped[str]
    category: Mapped[str]
    ean: Mapped[str]
    price: Mapped[Decimal | None] = mapped_column(Money)
    cost_price: Mapped[Decimal | None] = mapped_column(Money)
    currency: Mapped[str] = mapped_column(String(3))
    stock_quantity: Mapped[int | None]
    image_urls: Mapped[Sequence[str]]
    available: Mapped[bool]
    supplier_updated_at: Mapped[str | None]
    import_id: Mapped[str | None] = mapped_column(String(36))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    stock_synced_at: Mapped[datetime | None]
    price_synced_at: Mapped[datetime | None]
    missing_from: Mapped[str | None] = mapped_column(String(16))
    missing_since: Mapped[datetime | None]
    missing_sightings: Mapped[int]
    held: Mapped[JsonObject | None]
    own_variant_id: Mapped[int | None]
    own_item_id: Mapped[str | None] = mapped_column(String(64))
    buffer: Mapped[int]
    ai_score: Mapped[Decimal | None] = mapped_column(Score)


class ImportedVariantRow(Base):
    """`supplier_records.ImportedVariant`."""

    __tablename__ = "imported_variants"
    __table_args__ = (
        UniqueConstraint("user_id", "supplier_id", "supplier_variant_id"),
        Index(None, "user_id", "supplier_id", "supplier_product_id"),
        Index(None, "user_id", "own_variant_id"),
    )

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255))
    supplier_id: Mapped[str] = mapped_column(ForeignKey("suppliers.id"))
    supplier_variant_id: Mapped[str] = mapped_column(String(200))
    supplier_product_id: Mapped[str | None] = mapped_column(String(200))
    sku: Mapped[str]
    ean: Mapped[str]
    options: Mapped[Sequence[Sequence[str]]] = mapped_column(Json)
    price: Mapped[Decimal | None] = mapped_column(Money)
    cost_price: Mapped[Decimal | None] = mapped_column(Money)
    currency: Mapped[str] = mapped_column(String(3))
    stock_quantity: Mapped[int | None]
    available: Mapped[bool]
    import_id: Mapped[str | None] = mapped_column(String(36))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    stock_synced_at: Mapped[datetime | None]
    price_synced_at: Mapped[datetime | None]
    missing_from: Mapped[str | None] = mapped_column(String(16))
    missing_since: Mapped[datetime | None]
    missing_sightings: Mapped[int]
    held: Mapped[JsonObject | None]
    own_variant_id: Mapped[int | None]
    own_item_id: Mapped[str | None] = mapped_column(String(64))
    buffer: Mapped[int]


class SightingRow(Base):
    """What one page of a job's pass showed: with these, a list read to its end proves what it lacks."""

    __tablename__ = "import_sightings"
    __table_args__ = (Index(None, "job_id"),)

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    job_id: Mapped[str] = mapped_column(String(36))
    facets: Mapped[Sequence[str]]
    products: Mapped[Sequence[str]]
    variants: Mapped[Sequence[str]]


class OrderRow(Base):
    """`supplier_records.Order`."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("user_id", "supplier_id", "supplier_order_id"),
        Index(None, "user_id", "supplier_id", "is_open"),
    )

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255))
    supplier_id: Mapped[str] = mapped_column(ForeignKey("suppliers.id"))
    supplier_order_id: Mapped[str] = mapped_column(String(200))
    order_number: Mapped[str]
    status: Mapped[str]
    is_open: Mapped[bool]
    carrier: Mapped[str]
    tracking_number: Mapped[str]
    tracking_info: Mapped[JsonObject | None]
    tracking_status: Mapped[str]
    tracking_updated_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class MarketplaceIntegrationRow(Base):
    """`supplier_records.MarketplaceIntegration`."""

    __tablename__ = "marketplace_integrations"
    __table_args__ = (
        UniqueConstraint("user_id", "platform", "shop_id"),
        _one_of("sync_direction", DIRECTIONS),
    )

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255))
    platform: Mapped[str] = mapped_column(String(32))
    shop_id: Mapped[str] = mapped_column(String(255))
    sync_direction: Mapped[str] = mapped_column(String(16))
    is_active: Mapped[bool]
    last_sync_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class SupplierWindowRow(Base):
    """`supplier_records.SupplierWindow`."""

    __tablename__ = "supplier_windows"

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    endpoint: Mapped[str] = mapped_column(String(255), primary_key=True)
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    used: Mapped[int]
    limit: Mapped[int]
