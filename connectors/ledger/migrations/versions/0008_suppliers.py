"""Suppliers, their products and the queue of their jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MONEY = sa.Numeric().with_variant(sa.Text(), "sqlite")
NOW = sa.text("CURRENT_TIMESTAMP")


def upgrade() -> None:
    create_suppliers()
    create_import_jobs()
    create_imported_products()
    create_imported_variants()
    create_import_sightings()
    create_orders()
    create_marketplace_integrations()
    create_supplier_windows()


def downgrade() -> None:
    for table in (
        "supplier_windows",
        "marketplace_integrations",
        "orders",
        "import_sightings",
        "imported_variants",
        "imported_products",
        "import_jobs",
        "suppliers",
    ):
        op.drop_table(table)


def create_suppliers() -> None:
    op.create_table(
        "suppliers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("connector_type", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("configuration", sa.JSON(), nullable=False),
        sa.Column("product_count", sa.BigInteger(), nullable=False),
        sa.Column("error_count", sa.BigInteger(), nullable=False),
        sa.Column("last_sync_at", TIME, nullable=True),
        sa.Column("last_sync_status", sa.String(length=16), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint("status IN ('active', 'inactive')", name=op.f("ck_suppliers_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppliers")),
    )
    op.create_index(op.f("ix_suppliers_user_id_name"), "suppliers", ["user_id", "name"])


def create_import_jobs() -> None:
    op.create_table(
        "import_jobs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("source_type", sa.String(length=32), nullable=False),
        sa.Column("supplier_id", sa.String(length=36), nullable=True),
        sa.Column("account", sa.String(length=255), server_default="", nullable=False),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("scheduled_at", TIME, server_default=NOW, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("max_attempts", sa.Integer(), server_default="3", nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("heartbeat_at", TIME, nullable=True),
        sa.Column("worker", sa.String(length=255), nullable=True),
        sa.Column("cursor", sa.JSON(), nullable=True),
        sa.Column("configuration", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("callback_status", sa.String(length=16), nullable=True),
        *(
            sa.Column(f"{rows}_rows", sa.BigInteger(), server_default="0", nullable=False)
            for rows in ("total", "processed", "success", "error")
        ),
        sa.Column("errors", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("result_data", sa.JSON(), nullable=True),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("completed_at", TIME, nullable=True),
        sa.Column("created_at", TIME, server_default=NOW, nullable=False),
        sa.Column("updated_at", TIME, server_default=NOW, nullable=False),
        *job_checks(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_jobs")),
    )
    columns = ["status", "scheduled_at"]
    op.create_index(op.f("ix_import_jobs_status_scheduled_at"), "import_jobs", columns)
    op.create_index(op.f("ix_import_jobs_user_id_status"), "import_jobs", ["user_id", "status"])
    op.create_index(op.f("ix_import_jobs_created_at"), "import_jobs", ["created_at"])


def job_checks() -> list[sa.CheckConstraint]:
    words = {
        "source_type": "'supplier_api', 'inventory_update', 'price_update', 'order_sync'",
        "status": "'pending', 'running', 'completed', 'failed', 'cancelled'",
        "callback_status": "'due', 'sent', 'failed'",
    }
    return [
        sa.CheckConstraint(f"{column} IN ({those})", name=op.f(f"ck_import_jobs_{column}"))
        for column, those in words.items()
    ]


def create_imported_products() -> None:
    op.create_table(
        "imported_products",
        *identity("supplier_product_id"),
        *(text(name) for name in ("sku", "name", "description", "brand", "category", "ean")),
        *offer(),
        sa.Column("image_urls", sa.JSON(), nullable=False),
        sa.Column("supplier_updated_at", sa.Text(), nullable=True),
        *course(),
        sa.Column("ai_score", sa.Numeric(precision=5, scale=2), nullable=True),
        *constraints("imported_products", "supplier_product_id"),
    )
    for column in ("sku", "own_variant_id"):
        name = op.f(f"ix_imported_products_user_id_{column}")
        op.create_index(name, "imported_products", ["user_id", column])


def create_imported_variants() -> None:
    op.create_table(
        "imported_variants",
        *identity("supplier_variant_id"),
        sa.Column("supplier_product_id", sa.String(length=200), nullable=True),
        *(text(name) for name in ("sku", "ean")),
        sa.Column("options", sa.JSON(), nullable=False),
        *offer(),
        *course(),
        *constraints("imported_variants", "supplier_variant_id"),
    )
    columns = ["user_id", "supplier_id", "supplier_product_id"]
    op.create_index(op.f(f"ix_imported_variants_{'_'.join(columns)}"), "imported_variants", columns)
    name = op.f("ix_imported_variants_user_id_own_variant_id")
    op.create_index(name, "imported_variants", ["user_id", "own_variant_id"])


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def identity(name: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("supplier_id", sa.String(length=36), nullable=False),
        sa.Column(name, sa.String(length=200), nullable=False),
    ]


def offer() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("price", MONEY, nullable=True),
        sa.Column("cost_price", MONEY, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("stock_quantity", sa.BigInteger(), nullable=True),
        sa.Column("available", sa.Boolean(), nullable=False),
    ]


def course() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("import_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("stock_synced_at", TIME, nullable=True),
        sa.Column("price_synced_at", TIME, nullable=True),
        sa.Column("missing_from", sa.String(length=16), nullable=True),
        sa.Column("missing_since", TIME, nullable=True),
        sa.Column("missing_sightings", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.JSON(), nullable=True),
        sa.Column("own_variant_id", sa.BigInteger(), nullable=True),
        sa.Column("own_item_id", sa.String(length=64), nullable=True),
        sa.Column("buffer", sa.BigInteger(), nullable=False),
    ]


def constraints(table: str, name: str) -> list[sa.schema.SchemaItem]:
    key = ("user_id", "supplier_id", name)
    return [
        sa.ForeignKeyConstraint(["supplier_id"], ["suppliers.id"], name=op.f(f"fk_{table}_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(*key, name=op.f(f"uq_{table}_{'_'.join(key)}")),
    ]


def create_import_sightings() -> None:
    op.create_table(
        "import_sightings",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("facets", "products", "variants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_sightings")),
    )
    op.create_index(op.f("ix_import_sightings_job_id"), "import_sightings", ["job_id"])


def create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("supplier_id", sa.String(length=36), nullable=False),
        sa.Column("supplier_order_id", sa.String(length=200), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("tracking_number", sa.Text(), nullable=False),
        sa.Column("tracking_info", sa.JSON(), nullable=True),
        sa.Column("tracking_status", sa.Text(), nullable=False),
        sa.Column("tracking_updated_at", TIME, nullable=True),
        sa.Column("checked_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["supplier_id"], ["suppliers.id"], name=op.f("fk_orders_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "user_id",
            "supplier_id",
            "supplier_order_id",
            name=op.f("uq_orders_user_id_supplier_id_supplier_order_id"),
        ),
    )
    columns = ["user_id", "supplier_id", "is_open"]
    op.create_index(op.f("ix_orders_user_id_supplier_id_is_open"), "orders", columns)


def create_marketplace_integrations() -> None:
    op.create_table(
        "marketplace_integrations",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("shop_id", sa.String(length=255), nullable=False),
        sa.Column("sync_direction", sa.String(length=16), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("last_sync_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint(
            "sync_direction IN ('push', 'pull', 'bidirectional')",
            name=op.f("ck_marketplace_integrations_sync_direction"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marketplace_integrations")),
        sa.UniqueConstraint(
            "user_id",
            "platform",
            "shop_id",
            name=op.f("uq_marketplace_integrations_user_id_platform_shop_id"),
        ),
    )


def create_supplier_windows() -> None:
    op.create_table(
        "supplier_windows",
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("endpoint", sa.String(length=255), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("ends_at", TIME, nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("limit", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "endpoint", name=op.f("pk_supplier_windows")),
    )
