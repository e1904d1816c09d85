"""Suppliers: whose goods users sell without having them. Their credentials are in `secrets`."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, insert, select, true, update

from connectors.ledger.database import Database
from connectors.ledger.rows import columns, loaded, values
from connectors.ledger.supplier_models import JobRow, MarketplaceIntegrationRow, SupplierRow
from connectors.ledger.supplier_records import JobStatus, MarketplaceIntegration, Supplier

_COLUMNS = columns(SupplierRow, Supplier)
_INTEGRATION = columns(MarketplaceIntegrationRow, MarketplaceIntegration)


def secrets_of(user_id: str, supplier_id: str) -> str:
    """The account in `secrets` under which a supplier row's credentials are kept."""
    return f"supplier/{user_id}/{supplier_id}"


class Suppliers:
    """The part of the ledger that knows suppliers, and which channels their products feed."""

    database: Database

    def add_supplier(self, supplier: Supplier) -> None:
        """Store a supplier."""
        with self.database.writing() as connection:
            connection.execute(insert(SupplierRow), values([supplier]))

    def change_supplier(self, supplier: Supplier) -> None:
        """Store what a person changed of a supplier: name, status, configuration, account.

        Jobs that wait count under the new account from now on.
        """
        content = {
            "name": supplier.name,
            "status": supplier.status,
            "configuration": supplier.configuration,
            "account": supplier.account,
            "updated_at": supplier.updated_at,
        }
        mine = and_(SupplierRow.user_id == supplier.user_id, SupplierRow.id == supplier.id)
        waiting = and_(JobRow.supplier_id == supplier.id, JobRow.user_id == supplier.user_id)
        with self.database.writing() as connection:
            connection.execute(update(SupplierRow).where(mine).values(content))
            its = and_(waiting, JobRow.status == JobStatus.PENDING)
            connection.execute(update(JobRow).where(its).values(account=supplier.account))

    def suppliers(self, user_id: str | None = None) -> list[Supplier]:
        """All suppliers of a user, or of all users, by user and name."""
        whose = true() if user_id is None else SupplierRow.user_id == user_id
        statement = select(*_COLUMNS).where(whose)
        ordered = statement.order_by(SupplierRow.user_id, SupplierRow.name, SupplierRow.id)
        with self.database.reading() as connection:
            return loaded(Supplier, connection.execute(ordered).all())

    def supplier(self, user_id: str, supplier_id: str) -> Supplier | None:
        """One supplier of the user; None if there is none of this id, or it is another user's."""
        mine = and_(SupplierRow.user_id == user_id, SupplierRow.id == supplier_id)
        with self.database.reading() as connection:
            rows = connection.execute(select(*_COLUMNS).where(mine)).all()
        return next(iter(loaded(Supplier, rows)), None)

    def supplier_synced(
        self, supplier: Supplier, status: str, now: datetime, *, products: int | None = None
    ) -> None:
        """Store how a supplier's last job ended (`success`, `failed`), and how many products it has now."""
        content: dict[str, object] = {"last_sync_at": now, "last_sync_status": status}
        if status == "failed":
            content["error_count"] = SupplierRow.error_count + 1
        if products is not None:
            content["product_count"] = products
        mine = and_(SupplierRow.user_id == supplier.user_id, SupplierRow.id == supplier.id)
        with self.database.writing() as connection:
            connection.execute(update(SupplierRow).where(mine).values(**content))

    def add_integrations(self, integrations: Sequence[MarketplaceIntegration]) -> None:
        """Store which channels a user's imported products feed, and which way."""
        with self.database.writing() as connection:
            connection.execute(insert(MarketplaceIntegrationRow), values(integrations, without="id"))

    def integrations(self, user_id: str) -> list[MarketplaceIntegration]:
        """A user's channels."""
        table = MarketplaceIntegrationRow
        mine = select(*_INTEGRATION).where(table.user_id == user_id)
        with self.database.reading() as connection:
            rows = connection.execute(mine.order_by(table.platform, table.shop_id)).all()
        return loaded(MarketplaceIntegration, rows)
