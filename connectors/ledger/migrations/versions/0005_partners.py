"""Partners, their product mappings, and a log of each sync."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    create_partners()
    create_product_mappings()
    create_sync_logs()


def downgrade() -> None:
    for table in ("sync_logs", "product_mappings", "partners"):
        op.drop_table(table)


def create_partners() -> None:
    op.create_table(
        "partners",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("shop_domain", sa.String(length=255), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("orders_known", sa.String(length=16), nullable=False),
        sa.Column("when_stale", sa.String(length=8), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("deleted_at", TIME, nullable=True),
        sa.Column("last_inventory_sync", TIME, nullable=True),
        sa.Column("inventory_sync_status", sa.String(length=16), nullable=True),
        sa.Column("last_attempt_at", TIME, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.CheckConstraint("when_stale IN ('keep', 'zero')", name=op.f("ck_partners_when_stale")),
        sa.CheckConstraint(
            "inventory_sync_status IN ('healthy', 'warning', 'failed')", name=op.f("ck_partners_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partners")),
        sa.UniqueConstraint("account", "shop_domain", name=op.f("uq_partners_account_shop_domain")),
    )


def create_product_mappings() -> None:
    op.create_table(
        "product_mappings",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("partner_id", COUNTER, nullable=False),
        sa.Column("partner_variant_id", sa.BigInteger(), nullable=False),
        sa.Column("own_variant_id", sa.BigInteger(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("location_ids", sa.JSON(), nullable=True),
        sa.Column("buffer", sa.BigInteger(), nullable=False),
        sa.Column("orders_known", sa.String(length=16), nullable=True),
        sa.Column("sums", sa.Boolean(), nullable=False),
        sa.Column("seen_at", TIME, nullable=True),
        sa.Column("gone_since", TIME, nullable=True),
        sa.Column("gone_sightings", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_mappings")),
        sa.ForeignKeyConstraint(["partner_id"], ["partners.id"], name=op.f("fk_product_mappings_partner_id")),
        sa.UniqueConstraint(
            "account",
            "partner_id",
            "partner_variant_id",
            name=op.f("uq_product_mappings_account_partner_id_partner_variant_id"),
        ),
    )
    op.create_index(
        op.f("ix_product_mappings_account_own_variant_id"), "product_mappings", ["account", "own_variant_id"]
    )


def create_sync_logs() -> None:
    op.create_table(
        "sync_logs",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("partner_id", COUNTER, nullable=True),
        sa.Column("run_id", sa.String(length=128), nullable=False),
        sa.Column("sync_type", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("items_processed", sa.BigInteger(), nullable=False),
        sa.Column("items_updated", sa.BigInteger(), nullable=False),
        sa.Column("items_failed", sa.BigInteger(), nullable=False),
        sa.Column("items_skipped", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("completed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_logs")),
        sa.ForeignKeyConstraint(["partner_id"], ["partners.id"], name=op.f("fk_sync_logs_partner_id")),
    )
    op.create_index(
        op.f("ix_sync_logs_account_partner_id_started_at"),
        "sync_logs",
        ["account", "partner_id", "started_at"],
    )
    op.create_index(op.f("ix_sync_logs_account_run_id"), "sync_logs", ["account", "run_id"])
