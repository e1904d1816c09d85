"""The ledger's tables. `migrations/` holds how they came to be; a test keeps both in agreement."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from connectors.ledger.records import (
    HEALTH,
    WHEN_STALE,
    OperationState,
    PlanState,
    RunState,
    Severity,
    SyncStatus,
    SyncType,
)
from connectors.records import JsonObject

OUTCOMES = ("done", "unchanged", "held", "refused", "conflict", "failed", "parked", "not_sent")
"""The outcomes a planned line can end with."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time; SQLite, which has no zones, keeps it as naive UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC. Raises ValueError for a naive time: nobody knows what it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the ledger takes aware times only")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware and UTC again."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class DecimalText(TypeDecorator[Decimal]):
    """A decimal exactly as it was read, digits and all; neither database's own number type keeps that."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """As text."""
        del dialect
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """As it was."""
        del dialect
        return None if value is None else Decimal(value)


def _values(states: type[StrEnum]) -> list[str]:
    return [state.value for state in states]


def states(states: type[StrEnum], name: str) -> Enum:
    """A text column that takes only these words."""
    return Enum(
        states, native_enum=False, create_constraint=True, length=16, name=name, values_callable=_values
    )


# A 64-bit number counts up by itself in SQLite only when it is called INTEGER.
Counter = BigInteger().with_variant(Integer, "sqlite")
# Compared by code point everywhere, so that a prefix is a range of the index.
_Resource = String(255).with_variant(String(255, collation="C"), "postgresql")
Json = JSON(none_as_null=True)


class Base(DeclarativeBase):
    """Names for constraints, so that a later migration can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        int: BigInteger,
        str: Text,
        datetime: UtcDateTime,
        Decimal: DecimalText,
        JsonObject: Json,
        Sequence[JsonObject]: Json,
        Sequence[int]: Json,
        Sequence[str]: Json,
        RunState: states(RunState, "state"),
        PlanState: states(PlanState, "state"),
        OperationState: states(OperationState, "state"),
        SyncType: states(SyncType, "sync_type"),
        SyncStatus: states(SyncStatus, "status"),
        Severity: states(Severity, "severity"),
    }


class RunRow(Base):
    """`records.Run`."""

    __tablename__ = "runs"
    __table_args__ = (Index(None, "flow", "started_at"), Index(None, "state", "heartbeat_at"))

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    flow: Mapped[str] = mapped_column(String(64))
    account: Mapped[str] = mapped_column(String(255))
    day: Mapped[date]
    dry_run: Mapped[bool]
    state: Mapped[RunState]
    parameters: Mapped[JsonObject]
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    report: Mapped[JsonObject | None]
    prefect_run_id: Mapped[str | None] = mapped_column(String(64))


class PlanRow(Base):
    """`records.Plan`."""

    __tablename__ = "plans"
    __table_args__ = (Index(None, "account", "state"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), index=True)
    flow: Mapped[str] = mapped_column(String(64))
    account: Mapped[str] = mapped_column(String(255))
    state: Mapped[PlanState]
    fingerprint: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]
    release_run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id"))
    release_result: Mapped[JsonObject | None]


class ChangeRow(Base):
    """`records.Change`."""

    __tablename__ = "changes"
    __table_args__ = (
        Index(None, "run_id", "batch"),
        Index(None, "account", "settled_at"),
        Index(None, "account", "outcome"),
        CheckConstraint(f"outcome IN ({', '.join(map(repr, OUTCOMES))})", name="outcome"),
    )

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    plan_id: Mapped[str | None] = mapped_column(ForeignKey("plans.id"), index=True)
    account: Mapped[str] = mapped_column(String(255))
    product_id: Mapped[int]
    variant_id: Mapped[int]
    inventory_item_id: Mapped[int]
    location_id: Mapped[int]
    sku: Mapped[str]
    ccod: Mapped[str]
    title: Mapped[str]
    quantity_name: Mapped[str] = mapped_column(String(16))
    baseline_available: Mapped[int | None]
    baseline_committed: Mapped[int | None]
    baseline_on_hand: Mapped[int | None]
    seen_at: Mapped[datetime | None]
    from_quantity: Mapped[int]
    to_quantity: Mapped[int]
    truth: Mapped[Decimal | None]
    why: Mapped[str]
    delete: Mapped[bool]
    rms_item_id: Mapped[int | None]
    batch: Mapped[int | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    rule: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str]
    written_from: Mapped[int | None]
    written_to: Mapped[int | None]
    deleted: Mapped[bool]
    taken_back: Mapped[bool]
    released: Mapped[bool]
    settled_at: Mapped[datetime | None]
    superseded_by: Mapped[str | None] = mapped_column(ForeignKey("runs.id"))


class OperationRow(Base):
    """`records.Operation`."""

    __tablename__ = "operations"
    __table_args__ = (Index(None, "account", "state"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), index=True)
    account: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(32))
    rows: Mapped[Sequence[JsonObject]]
    state: Mapped[OperationState]
    sent_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    note: Mapped[str]


class LeaseRow(Base):
    """The right to work on a resource. A released row stays, so that its fence never begins anew."""

    __tablename__ = "leases"

    resource: Mapped[str] = mapped_column(_Resource, primary_key=True)
    holder: Mapped[str] = mapped_column(String(255))
    fence: Mapped[int]
    expires_at: Mapped[datetime]


class LevelRow(Base):
    """`records.LevelMemory`."""

    __tablename__ = "levels"
    __table_args__ = (Index(None, "account", "live_seen_at"),)

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    inventory_item_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    location_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    product_id: Mapped[int]
    variant_id: Mapped[int]
    owner_truth: Mapped[str | None] = mapped_column(String(255))
    sku_folded: Mapped[str]
    rms_item_id: Mapped[int | None]
    unknown_since: Mapped[datetime | None]
    zero_since: Mapped[datetime | None]
    live_seen_at: Mapped[datetime | None]
    units_seen: Mapped[int]
    seen_at: Mapped[datetime]
    error_reason: Mapped[str]
    error_count: Mapped[int]
    error_fingerprint: Mapped[str]
    deleted_at: Mapped[datetime | None]


class ProductRow(Base):
    """When a product was last tried, whatever came of it."""

    __tablename__ = "products"

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    product_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_attempt_at: Mapped[datetime]


class AccountRow(Base):
    """Which location of an account is in use, and for which day its older marks were last swept away.

    `confirmed_at`: when a person last changed the location.
    """

    __tablename__ = "accounts"

    system: Mapped[str] = mapped_column(String(32), primary_key=True)
    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    location_id: Mapped[int]
    used_since: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    swept_on: Mapped[date | None]


class SnapshotRow(Base):
    """`records.Snapshot`."""

    __tablename__ = "snapshots"
    __table_args__ = (Index(None, "account", "sku_folded"),)

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    variant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    product_id: Mapped[int]
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    sku_folded: Mapped[str]
    ccod_folded: Mapped[str]
    data: Mapped[JsonObject]
    taken_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    restore_key: Mapped[str | None] = mapped_column(String(64))
    restored_variant_id: Mapped[int | None]
    restored_item_id: Mapped[int | None]
    restored_at: Mapped[datetime | None]


class SecretRow(Base):
    """A sealed secret; `key_id` names the key that opens it."""

    __tablename__ = "secrets"

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(16), index=True)
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    stored_at: Mapped[datetime]


# The inventory refresh's tables: names and columns as in its origin document, and the account on every row.


class VendorVariantRow(Base):
    """`records.VendorVariant`."""

    __tablename__ = "vendor_variants"
    __table_args__ = (
        Index(None, "account", "shopify_product_id"),
        Index(None, "account", "inventory_item_id"),
    )

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    shopify_variant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    shopify_product_id: Mapped[int]
    inventory_item_id: Mapped[int]
    sku: Mapped[str | None]
    tracked: Mapped[bool]
    updated_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]


class VendorLevelRow(Base):
    """`records.VendorLevel`. `last_change_at` is when `available` was last seen to be another number."""

    __tablename__ = "vendor_inventory_levels"

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    inventory_item_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    location_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    available: Mapped[int | None]
    last_change_at: Mapped[datetime | None]
    sync_batch_id: Mapped[str | None] = mapped_column(String(36))
    updated_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]


class RefreshLogRow(Base):
    """`records.RefreshLog`."""

    __tablename__ = "inventory_sync_log"
    __table_args__ = (Index(None, "account", "started_at"), Index(None, "account", "status"))

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    account: Mapped[str] = mapped_column(String(255))
    sync_type: Mapped[SyncType]
    status: Mapped[SyncStatus]
    products_synced: Mapped[int]
    errors_count: Mapped[int]
    error_details: Mapped[JsonObject | None]
    triggered_by: Mapped[str]
    started_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    sync_batch_id: Mapped[str] = mapped_column(String(36))
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id"))
    retry_of: Mapped[str | None] = mapped_column(ForeignKey("inventory_sync_log.id"))
    products_total: Mapped[int]
    batches_total: Mapped[int]
    batches_done: Mapped[int]
    result: Mapped[JsonObject | None]


class PartnerRow(Base):
    """`records.Partner`."""

    __tablename__ = "partners"
    __table_args__ = (
        UniqueConstraint("account", "shop_domain"),
        CheckConstraint(f"when_stale IN ({', '.join(map(repr, WHEN_STALE))})", name="when_stale"),
        CheckConstraint(f"inventory_sync_status IN ({', '.join(map(repr, HEALTH))})", name="status"),
    )

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    account: Mapped[str] = mapped_column(String(255))
    shop_domain: Mapped[str] = mapped_column(String(255))
    base_url: Mapped[str]
    display_name: Mapped[str]
    is_active: Mapped[bool]
    orders_known: Mapped[str] = mapped_column(String(16))
    when_stale: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    last_inventory_sync: Mapped[datetime | None]
    inventory_sync_status: Mapped[str | None] = mapped_column(String(16))
    last_attempt_at: Mapped[datetime | None]
    last_error: Mapped[str]


class ProductMappingRow(Base):
    """`records.ProductMapping`."""

    __tablename__ = "product_mappings"
    __table_args__ = (
        UniqueConstraint("account", "partner_id", "partner_variant_id"),
        Index(None, "account", "own_variant_id"),
    )

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    account: Mapped[str] = mapped_column(String(255))
    partner_id: Mapped[int] = mapped_column(ForeignKey("partners.id"))
    partner_variant_id: Mapped[int]
    own_variant_id: Mapped[int]
    is_active: Mapped[bool]
    location_ids: Mapped[Sequence[int] | None]
    buffer: Mapped[int]
    orders_known: Mapped[str | None] = mapped_column(String(16))
    sums: Mapped[bool]
    seen_at: Mapped[datetime | None]
    gone_since: Mapped[datetime | None]
    gone_sightings: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class SyncLogRow(Base):
    """`records.SyncLog`."""

    __tablename__ = "sync_logs"
    __table_args__ = (Index(None, "account", "partner_id", "started_at"), Index(None, "account", "run_id"))

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    account: Mapped[str] = mapped_column(String(255))
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partners.id"))
    run_id: Mapped[str] = mapped_column(String(128))
    sync_type: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(16))
    items_processed: Mapped[int]
    items_updated: Mapped[int]
    items_failed: Mapped[int]
    items_skipped: Mapped[int]
    errors: Mapped[Sequence[JsonObject]]
    started_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]


class AlertRow(Base):
    """`records.Alert`."""

    __tablename__ = "alerts"

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    cause: Mapped[str] = mapped_column(String(255), primary_key=True)
    severity: Mapped[Severity]
    message: Mapped[str]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    told_count: Mapped[int]
    next_tell_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    subjects: Mapped[Sequence[str]]
    undelivered: Mapped[Sequence[JsonObject]]
