"""Own items, where they are listed, what was sent and what was sold."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    create_inventory_items()
    create_inventory_history()
    create_listings()
    create_market_writes()
    create_market_orders()
    create_market_order_lines()
    create_market_reviews()
    create_market_accounts()
    create_market_calls()
    create_breakers()
    create_boids()


def downgrade() -> None:
    for table in (
        "boids",
        "breakers",
        "market_calls",
        "market_accounts",
        "market_reviews",
        "market_order_lines",
        "market_orders",
        "market_writes",
        "listings",
        "inventory_history",
        "inventory_items",
    ):
        op.drop_table(table)


def words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)


def create_inventory_items() -> None:
    op.create_table(
        "inventory_items",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("id", sa.String(length=12), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("part_number", sa.String(length=255), nullable=False),
        sa.Column("item_type", sa.String(length=16), nullable=False),
        sa.Column("color_id", sa.BigInteger(), nullable=False),
        sa.Column("condition", sa.String(length=8), nullable=False),
        sa.Column("completeness", sa.String(length=16), nullable=True),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("quantity_available", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("quantity_reserved", sa.BigInteger(), nullable=False),
        sa.Column("quantity_sold", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=True),
        sa.Column("updated_at", TIME, nullable=True),
        sa.Column("is_archived", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", TIME, nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("legacy_id", sa.String(length=255), nullable=True),
        sa.CheckConstraint("condition IN ('new', 'used')", name=op.f("ck_inventory_items_condition")),
        sa.CheckConstraint("quantity_available >= 0", name=op.f("ck_inventory_items_available")),
        sa.CheckConstraint("quantity_reserved >= 0", name=op.f("ck_inventory_items_reserved")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventory_items")),
        sa.UniqueConstraint("account", "legacy_id", name=op.f("uq_inventory_items_account_legacy_id")),
    )
    op.create_index(
        op.f("ix_inventory_items_account_part_number"), "inventory_items", ["account", "part_number"]
    )


def create_inventory_history() -> None:
    op.create_table(
        "inventory_history",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("item_id", sa.String(length=12), nullable=False),
        sa.Column("change_type", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("delta_available", sa.BigInteger(), nullable=False),
        sa.Column("delta_reserved", sa.BigInteger(), nullable=False),
        sa.Column("delta_sold", sa.BigInteger(), nullable=False),
        sa.Column("from_status", sa.String(length=32), nullable=True),
        sa.Column("to_status", sa.String(length=32), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("correlation_id", sa.String(length=255), nullable=True),
        sa.Column("change_key", sa.String(length=255), nullable=True),
        sa.Column("marketplace", sa.String(length=16), nullable=True),
        sa.Column("order_id", sa.String(length=64), nullable=True),
        sa.Column("line_id", sa.String(length=128), nullable=True),
        sa.ForeignKeyConstraint(
            ["item_id"], ["inventory_items.id"], name=op.f("fk_inventory_history_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventory_history")),
        sa.UniqueConstraint("account", "change_key", name=op.f("uq_inventory_history_account_change_key")),
    )
    op.create_index(
        op.f("ix_inventory_history_account_item_id_id"), "inventory_history", ["account", "item_id", "id"]
    )


def create_listings() -> None:
    op.create_table(
        "listings",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("item_id", sa.String(length=12), nullable=False),
        sa.Column("marketplace", sa.String(length=16), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("status", words("status", "syncing", "synced", "failed", "parked"), nullable=False),
        sa.Column("synced_revision", sa.BigInteger(), nullable=False),
        sa.Column("lot_id", sa.String(length=64), nullable=True),
        sa.Column("expected", sa.BigInteger(), nullable=True),
        sa.Column("shown", sa.JSON(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=False),
        sa.Column("same_errors", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("last_attempt_at", TIME, nullable=True),
        sa.Column("next_attempt_at", TIME, nullable=True),
        sa.Column("synced_at", TIME, nullable=True),
        sa.Column("review", sa.Text(), nullable=False),
        sa.Column("reread", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["inventory_items.id"], name=op.f("fk_listings_item_id")),
        sa.PrimaryKeyConstraint("item_id", "marketplace", name=op.f("pk_listings")),
        sa.UniqueConstraint(
            "account", "marketplace", "lot_id", name=op.f("uq_listings_account_marketplace_lot_id")
        ),
    )
    op.create_index(
        op.f("ix_listings_account_marketplace_status"), "listings", ["account", "marketplace", "status"]
    )


def create_market_writes() -> None:
    is_open = sa.text("state IN ('sent', 'unknown')")
    op.create_table(
        "market_writes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("marketplace", sa.String(length=16), nullable=False),
        sa.Column("item_id", sa.String(length=12), nullable=False),
        sa.Column("kind", words("kind", "create", "change", "delete", "text"), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", TIME, nullable=False),
        sa.Column("lot_id", sa.String(length=64), nullable=True),
        sa.Column("seen", sa.BigInteger(), nullable=True),
        sa.Column("delta", sa.BigInteger(), nullable=False),
        sa.Column("state", words("state", "sent", "unknown", "done", "refused"), nullable=False),
        sa.Column("settled_at", TIME, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["inventory_items.id"], name=op.f("fk_market_writes_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_market_writes")),
    )
    op.create_index(
        op.f("ix_market_writes_account_marketplace_lot_id"),
        "market_writes",
        ["account", "marketplace", "lot_id"],
    )
    op.create_index(
        "uq_market_writes_open",
        "market_writes",
        ["item_id", "marketplace"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def create_market_orders() -> None:
    op.create_table(
        "market_orders",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("marketplace", sa.String(length=16), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("ordered_at", TIME, nullable=True),
        sa.Column("changed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("account", "marketplace", "order_id", name=op.f("pk_market_orders")),
    )


def create_market_order_lines() -> None:
    op.create_table(
        "market_order_lines",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("marketplace", sa.String(length=16), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("line_id", sa.String(length=128), nullable=False),
        sa.Column("lot_id", sa.String(length=64), nullable=False),
        sa.Column("marker", sa.String(length=64), nullable=True),
        sa.Column("ordered", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("item_id", sa.String(length=12), nullable=True),
        sa.Column("booked", sa.BigInteger(), nullable=False),
        sa.Column("oversold", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["inventory_items.id"], name=op.f("fk_market_order_lines_item_id")
        ),
        sa.PrimaryKeyConstraint(
            "account", "marketplace", "order_id", "line_id", name=op.f("pk_market_order_lines")
        ),
    )
    op.create_index(
        op.f("ix_market_order_lines_account_marketplace_lot_id"),
        "market_order_lines",
        ["account", "marketplace", "lot_id"],
    )
    op.create_index(op.f("ix_market_order_lines_item_id"), "market_order_lines", ["item_id"])


def create_market_reviews() -> None:
    op.create_table(
        "market_reviews",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("marketplace", sa.String(length=16), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("line_id", sa.String(length=128), nullable=False),
        sa.Column("lot_id", sa.String(length=64), nullable=False),
        sa.Column("item_id", sa.String(length=12), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("state", words("state", "open", "restocked", "written_off"), nullable=False),
        sa.Column("checked_at", TIME, nullable=True),
        sa.Column("resolved_at", TIME, nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["inventory_items.id"], name=op.f("fk_market_reviews_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_market_reviews")),
    )
    op.create_index(
        op.f("ix_market_reviews_account_marketplace_order_id"),
        "market_reviews",
        ["account", "marketplace", "order_id"],
    )
    op.create_index(op.f("ix_market_reviews_account_state"), "market_reviews", ["account", "state"])


def create_market_accounts() -> None:
    op.create_table(
        "market_accounts",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("marketplace", sa.String(length=16), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.Column("polled_at", TIME, nullable=True),
        sa.Column("compared_at", TIME, nullable=True),
        sa.Column("poll_asked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("account", "marketplace", name=op.f("pk_market_accounts")),
    )


def create_market_calls() -> None:
    op.create_table(
        "market_calls",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("marketplace", sa.String(length=16), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "marketplace", "since", "lane", name=op.f("pk_market_calls")),
    )


def create_breakers() -> None:
    op.create_table(
        "breakers",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("marketplace", sa.String(length=16), nullable=False),
        sa.Column("state", words("state", "closed", "open", "half_open"), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", TIME, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("next_try_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("account", "marketplace", name=op.f("pk_breakers")),
    )


def create_boids() -> None:
    op.create_table(
        "boids",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("looked_up_at", TIME, nullable=False),
        sa.Column("by_person", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("account", "kind", "key", name=op.f("pk_boids")),
    )
