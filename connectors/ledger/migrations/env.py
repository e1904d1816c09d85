"""Alembic runs this. The connection comes from `schema.py`, inside a transaction that is already begun."""

from alembic import context

from connectors.ledger.models import Base
from connectors.ledger.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
