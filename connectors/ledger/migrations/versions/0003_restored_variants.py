"""Remember which deleted variants were made again, and as what."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("snapshots", sa.Column("restore_key", sa.String(length=64), nullable=True))
    op.add_column("snapshots", sa.Column("restored_variant_id", sa.BigInteger(), nullable=True))
    op.add_column("snapshots", sa.Column("restored_item_id", sa.BigInteger(), nullable=True))
    op.add_column("snapshots", sa.Column("restored_at", TIME, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("snapshots") as table:
        for name in ("restored_at", "restored_item_id", "restored_variant_id", "restore_key"):
            table.drop_column(name)
