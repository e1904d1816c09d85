"""The ledger's first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    create_runs()
    create_plans()
    create_changes()
    create_operations()
    create_leases()
    create_levels()
    create_products()
    create_accounts()
    create_snapshots()
    create_secrets()


def downgrade() -> None:
    for table in (
        "secrets",
        "snapshots",
        "accounts",
        "products",
        "levels",
        "leases",
        "operations",
        "changes",
        "plans",
        "runs",
    ):
        op.drop_table(table)


def create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running",
                "completed",
                "held",
                "failed",
                "killed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("heartbeat_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("prefect_run_id", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_flow_started_at", "runs", ["flow", "started_at"])
    op.create_index("ix_runs_state_heartbeat_at", "runs", ["state", "heartbeat_at"])


def create_plans() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=128), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "held",
                "dry_run",
                "open",
                "applied",
                "expired",
                "superseded",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.Column("released_at", TIME, nullable=True),
        sa.Column("release_run_id", sa.String(length=128), nullable=True),
        sa.Column("release_result", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["release_run_id"], ["runs.id"], name="fk_plans_release_run_id"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_plans_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
    )
    op.create_index("ix_plans_account_state", "plans", ["account", "state"])
    op.create_index("ix_plans_run_id", "plans", ["run_id"])


def create_changes() -> None:
    op.create_table(
        "changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.String(length=128), nullable=False),
        sa.Column("plan_id", sa.String(length=64), nullable=True),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("inventory_item_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("ccod", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("quantity_name", sa.String(length=16), nullable=False),
        sa.Column("baseline_available", sa.BigInteger(), nullable=True),
        sa.Column("baseline_committed", sa.BigInteger(), nullable=True),
        sa.Column("baseline_on_hand", sa.BigInteger(), nullable=True),
        sa.Column("seen_at", TIME, nullable=True),
        sa.Column("from_quantity", sa.BigInteger(), nullable=False),
        sa.Column("to_quantity", sa.BigInteger(), nullable=False),
        sa.Column("truth", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("delete", sa.Boolean(), nullable=False),
        sa.Column("rms_item_id", sa.BigInteger(), nullable=True),
        sa.Column("batch", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("written_from", sa.BigInteger(), nullable=True),
        sa.Column("written_to", sa.BigInteger(), nullable=True),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("taken_back", sa.Boolean(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("settled_at", TIME, nullable=True),
        sa.Column("superseded_by", sa.String(length=128), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('done', 'unchanged', 'held', 'refused', 'conflict', 'failed', 'parked', 'not_sent')",
            name="ck_changes_outcome",
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_changes_plan_id"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_changes_run_id"),
        sa.ForeignKeyConstraint(["superseded_by"], ["runs.id"], name="fk_changes_superseded_by"),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
    )
    op.create_index("ix_changes_account_outcome", "changes", ["account", "outcome"])
    op.create_index("ix_changes_account_settled_at", "changes", ["account", "settled_at"])
    op.create_index("ix_changes_plan_id", "changes", ["plan_id"])
    op.create_index("ix_changes_run_id_batch", "changes", ["run_id", "batch"])


def create_operations() -> None:
    op.create_table(
        "operations",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=128), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "intended",
                "applied",
                "not_applied",
                "refused",
                "unknown",
                "settled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("sent_at", TIME, nullable=False),
        sa.Column("settled_at", TIME, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_operations_run_id"),
        sa.PrimaryKeyConstraint("key", name="pk_operations"),
    )
    op.create_index("ix_operations_account_state", "operations", ["account", "state"])
    op.create_index("ix_operations_run_id", "operations", ["run_id"])


def create_leases() -> None:
    op.create_table(
        "leases",
        sa.Column(
            "resource",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("holder", sa.String(length=255), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("resource", name="pk_leases"),
    )


def create_levels() -> None:
    op.create_table(
        "levels",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("inventory_item_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("location_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_truth", sa.String(length=255), nullable=True),
        sa.Column("sku_folded", sa.Text(), nullable=False),
        sa.Column("rms_item_id", sa.BigInteger(), nullable=True),
        sa.Column("unknown_since", TIME, nullable=True),
        sa.Column("zero_since", TIME, nullable=True),
        sa.Column("live_seen_at", TIME, nullable=True),
        sa.Column("units_seen", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("error_reason", sa.Text(), nullable=False),
        sa.Column("error_count", sa.BigInteger(), nullable=False),
        sa.Column("error_fingerprint", sa.Text(), nullable=False),
        sa.Column("deleted_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("account", "inventory_item_id", "location_id", name="pk_levels"),
    )
    op.create_index("ix_levels_account_live_seen_at", "levels", ["account", "live_seen_at"])


def create_products() -> None:
    op.create_table(
        "products",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("product_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_attempt_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("account", "product_id", name="pk_products"),
    )


def create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("system", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("used_since", TIME, nullable=False),
        sa.Column("confirmed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("system", "account", name="pk_accounts"),
    )


def create_snapshots() -> None:
    op.create_table(
        "snapshots",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.String(length=128), nullable=False),
        sa.Column("sku_folded", sa.Text(), nullable=False),
        sa.Column("ccod_folded", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("taken_at", TIME, nullable=False),
        sa.Column("deleted_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_snapshots_run_id"),
        sa.PrimaryKeyConstraint("account", "variant_id", name="pk_snapshots"),
    )
    op.create_index("ix_snapshots_account_sku_folded", "snapshots", ["account", "sku_folded"])


def create_secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("account", "name", name="pk_secrets"),
    )
    op.create_index("ix_secrets_key_id", "secrets", ["key_id"])
