"""The ledger's tables of own items and of the marketplaces they are listed on."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from connectors.ledger.market_records import BreakerState, ListingStatus, ReviewState, WriteKind, WriteState
from connectors.ledger.models import Base, Counter, states
from connectors.records import JsonObject

ITEM = "inventory_items.id"
IS_OPEN = text("state IN ('sent', 'unknown')")


class ItemRow(Base):
    """`market_records.Item`."""

    __tablename__ = "inventory_items"
    __table_args__ = (
        CheckConstraint("quantity_available >= 0", name="available"),
        CheckConstraint("quantity_reserved >= 0", name="reserved"),
        CheckConstraint("condition IN ('new', 'used')", name="condition"),
        UniqueConstraint("account", "legacy_id"),
        Index(None, "account", "part_number"),
    )

    account: Mapped[str] = mapped_column(String(255))
    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str]
    part_number: Mapped[str] = mapped_column(String(255))
    item_type: Mapped[str] = mapped_column(String(16))
    color_id: Mapped[int]
    condition: Mapped[str] = mapped_column(String(8))
    completeness: Mapped[str | None] = mapped_column(String(16))
    location: Mapped[str]
    quantity_available: Mapped[int]
    price: Mapped[Decimal]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    quantity_reserved: Mapped[int]
    quantity_sold: Mapped[int]
    status: Mapped[str] = mapped_column(String(32))
    notes: Mapped[str]
    file_id: Mapped[str | None]
    updated_at: Mapped[datetime | None]
    is_archived: Mapped[bool]
    deleted_at: Mapped[datetime | None]
    revision: Mapped[int]
    legacy_id: Mapped[str | None] = mapped_column(String(255))


class ItemHistoryRow(Base):
    """`market_records.ItemHistory`."""

    __tablename__ = "inventory_history"
    __table_args__ = (UniqueConstraint("account", "change_key"), Index(None, "account", "item_id", "id"))

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    account: Mapped[str] = mapped_column(String(255))
    item_id: Mapped[str] = mapped_column(ForeignKey(ITEM))
    change_type: Mapped[str] = mapped_column(String(16))
    revision: Mapped[int]
    created_at: Mapped[datetime]
    delta_available: Mapped[int]
    delta_reserved: Mapped[int]
    delta_sold: Mapped[int]
    from_status: Mapped[str | None] = mapped_column(String(32))
    to_status: Mapped[str | None] = mapped_column(String(32))
    actor: Mapped[str]
    reason: Mapped[str]
    correlation_id: Mapped[str | None] = mapped_column(String(255))
    change_key: Mapped[str | None] = mapped_column(String(255))
    marketplace: Mapped[str | None] = mapped_column(String(16))
    order_id: Mapped[str | None] = mapped_column(String(64))
    line_id: Mapped[str | None] = mapped_column(String(128))


class ListingRow(Base):
    """`market_records.Listing`."""

    __tablename__ = "listings"
    __table_args__ = (
        UniqueConstraint("account", "marketplace", "lot_id"),
        Index(None, "account", "marketplace", "status"),
    )

    account: Mapped[str] = mapped_column(String(255))
    item_id: Mapped[str] = mapped_column(ForeignKey(ITEM), primary_key=True)
    marketplace: Mapped[str] = mapped_column(String(16), primary_key=True)
    enabled: Mapped[bool]
    status: Mapped[ListingStatus] = mapped_column(states(ListingStatus, "status"))
    synced_revision: Mapped[int]
    lot_id: Mapped[str | None] = mapped_column(String(64))
    expected: Mapped[int | None]
    shown: Mapped[JsonObject | None]
    reason: Mapped[str]
    error_code: Mapped[str] = mapped_column(String(64))
    same_errors: Mapped[int]
    attempts: Mapped[int]
    last_attempt_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    synced_at: Mapped[datetime | None]
    review: Mapped[str]
    reread: Mapped[bool]


class MarketWriteRow(Base):
    """`market_records.MarketWrite`."""

    __tablename__ = "market_writes"
    __table_args__ = (
        Index(
            "uq_market_writes_open",
            "item_id",
            "marketplace",
            unique=True,
            sqlite_where=IS_OPEN,
            postgresql_where=IS_OPEN,
        ),
        Index(None, "account", "marketplace", "lot_id"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str] = mapped_column(String(255))
    marketplace: Mapped[str] = mapped_column(String(16))
    item_id: Mapped[str] = mapped_column(ForeignKey(ITEM))
    kind: Mapped[WriteKind] = mapped_column(states(WriteKind, "kind"))
    revision: Mapped[int]
    sent_at: Mapped[datetime]
    lot_id: Mapped[str | None] = mapped_column(String(64))
    seen: Mapped[int | None]
    delta: Mapped[int]
    state: Mapped[WriteState] = mapped_column(states(WriteState, "state"))
    settled_at: Mapped[datetime | None]
    reason: Mapped[str]
    body: Mapped[JsonObject]


class BookedOrderRow(Base):
    """`market_records.BookedOrder`."""

    __tablename__ = "market_orders"

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    marketplace: Mapped[str] = mapped_column(String(16), primary_key=True)
    order_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    status: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    stamp: Mapped[str]
    seen_at: Mapped[datetime]
    ordered_at: Mapped[datetime | None]
    changed_at: Mapped[datetime | None]


class BookedLineRow(Base):
    """`market_records.BookedLine`."""

    __tablename__ = "market_order_lines"
    __table_args__ = (Index(None, "account", "marketplace", "lot_id"), Index(None, "item_id"))

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    marketplace: Mapped[str] = mapped_column(String(16), primary_key=True)
    order_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    line_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    lot_id: Mapped[str] = mapped_column(String(64))
    marker: Mapped[str | None] = mapped_column(String(64))
    ordered: Mapped[int]
    recorded_at: Mapped[datetime]
    item_id: Mapped[str | None] = mapped_column(ForeignKey(ITEM))
    booked: Mapped[int]
    oversold: Mapped[int]


class ReviewRow(Base):
    """`market_records.Review`."""

    __tablename__ = "market_reviews"
    __table_args__ = (Index(None, "account", "state"), Index(None, "account", "marketplace", "order_id"))

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    account: Mapped[str] = mapped_column(String(255))
    marketplace: Mapped[str] = mapped_column(String(16))
    order_id: Mapped[str] = mapped_column(String(64))
    line_id: Mapped[str] = mapped_column(String(128))
    lot_id: Mapped[str] = mapped_column(String(64))
    item_id: Mapped[str] = mapped_column(ForeignKey(ITEM))
    quantity: Mapped[int]
    taken: Mapped[int]
    opened_at: Mapped[datetime]
    state: Mapped[ReviewState] = mapped_column(states(ReviewState, "state"))
    checked_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str]


class MarketAccountRow(Base):
    """`market_records.MarketAccount`."""

    __tablename__ = "market_accounts"

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    marketplace: Mapped[str] = mapped_column(String(16), primary_key=True)
    enabled: Mapped[bool]
    added_at: Mapped[datetime]
    polled_at: Mapped[datetime | None]
    compared_at: Mapped[datetime | None]
    poll_asked: Mapped[bool]


class MarketCallsRow(Base):
    """Calls of one lane that began within a span of five minutes from `since` on."""

    __tablename__ = "market_calls"

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    marketplace: Mapped[str] = mapped_column(String(16), primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    lane: Mapped[str] = mapped_column(String(16), primary_key=True)
    calls: Mapped[int]


class BreakerRow(Base):
    """`market_records.Breaker`."""

    __tablename__ = "breakers"

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    marketplace: Mapped[str] = mapped_column(String(16), primary_key=True)
    state: Mapped[BreakerState] = mapped_column(states(BreakerState, "state"))
    failures: Mapped[int]
    opened_at: Mapped[datetime | None]
    reason: Mapped[str]
    next_try_at: Mapped[datetime | None]


class LookupRow(Base):
    """`market_records.Lookup`."""

    __tablename__ = "boids"

    account: Mapped[str] = mapped_column(String(255), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    found: Mapped[Sequence[str]]
    looked_up_at: Mapped[datetime]
    by_person: Mapped[bool]
