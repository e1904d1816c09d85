"""The inventory refresh's tables: variants, levels and the log of refreshes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ACCOUNT = sa.String(length=255)


def upgrade() -> None:
    create_variants()
    create_levels()
    create_log()


def downgrade() -> None:
    for table in ("inventory_sync_log", "vendor_inventory_levels", "vendor_variants"):
        op.drop_table(table)


def create_variants() -> None:
    op.create_table(
        "vendor_variants",
        sa.Column("account", ACCOUNT, nullable=False),
        sa.Column("shopify_variant_id", sa.BigInteger(), nullable=False),
        sa.Column("shopify_product_id", sa.BigInteger(), nullable=False),
        sa.Column("inventory_item_id", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("tracked", sa.Boolean(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("gone_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("account", "shopify_variant_id", name="pk_vendor_variants"),
    )
    op.create_index(
        "ix_vendor_variants_account_shopify_product_id", "vendor_variants", ["account", "shopify_product_id"]
    )
    op.create_index(
        "ix_vendor_variants_account_inventory_item_id", "vendor_variants", ["account", "inventory_item_id"]
    )


def create_levels() -> None:
    op.create_table(
        "vendor_inventory_levels",
        sa.Column("account", ACCOUNT, nullable=False),
        sa.Column("inventory_item_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=True),
        sa.Column("last_change_at", TIME, nullable=True),
        sa.Column("sync_batch_id", sa.String(length=36), nullable=True),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("gone_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint(
            "account", "inventory_item_id", "location_id", name="pk_vendor_inventory_levels"
        ),
    )


def create_log() -> None:
    op.create_table(
        "inventory_sync_log",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account", ACCOUNT, nullable=False),
        sa.Column("sync_type", _words("sync_type", "scheduled", "manual", "webhook"), nullable=False),
        sa.Column("status", _words("status", "running", "completed", "failed"), nullable=False),
        sa.Column("products_synced", sa.BigInteger(), nullable=False),
        sa.Column("errors_count", sa.BigInteger(), nullable=False),
        sa.Column("error_details", sa.JSON(), nullable=True),
        sa.Column("triggered_by", sa.Text(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("completed_at", TIME, nullable=True),
        sa.Column("sync_batch_id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=128), nullable=True),
        sa.Column("retry_of", sa.String(length=36), nullable=True),
        sa.Column("products_total", sa.BigInteger(), nullable=False),
        sa.Column("batches_total", sa.BigInteger(), nullable=False),
        sa.Column("batches_done", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_inventory_sync_log_run_id"),
        sa.ForeignKeyConstraint(
            ["retry_of"], ["inventory_sync_log.id"], name="fk_inventory_sync_log_retry_of"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_inventory_sync_log"),
    )
    op.create_index(
        "ix_inventory_sync_log_account_started_at", "inventory_sync_log", ["account", "started_at"]
    )
    op.create_index("ix_inventory_sync_log_account_status", "inventory_sync_log", ["account", "status"])


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=16)
