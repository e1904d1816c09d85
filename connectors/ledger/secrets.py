"""Secrets of accounts, at rest only as ciphertext."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import SecretStr
from sqlalchemy import Connection, delete, select

from connectors.errors import LeaseLost
from connectors.ledger.database import Database, insert_into
from connectors.ledger.models import LeaseRow, SecretRow
from connectors.ledger.vault import Sealed, Vault, identity_of

_TABLE = SecretRow.__tablename__


class Secrets:
    """The part of the ledger that keeps secrets."""

    database: Database

    def store_secret(
        self,
        vault: Vault,
        account: str,
        name: str,
        secret: SecretStr,
        now: datetime,
        *,
        fences: Mapping[str, int] | None = None,
    ) -> None:
        """Keep a secret, in place of the one with this name if there is one.

        Raises LeaseLost unless these leases (resource → fencing number) are held while it is stored.
        """
        with self.database.writing() as connection:
            for resource, fence in sorted((fences or {}).items()):
                _insist(connection, resource, fence, now)
            _store(connection, vault, (account, name), secret, now)

    def secret(self, vault: Vault, account: str, name: str) -> SecretStr | None:
        """A secret, or None if there is none with this name. Raises Unopenable as `Vault.open`."""
        statement = select(SecretRow.key_id, SecretRow.ciphertext)
        own = statement.where(SecretRow.account == account, SecretRow.name == name)
        with self.database.reading() as connection:
            row = connection.execute(own).one_or_none()
        if row is None:
            return None
        return vault.open(identity_of(_TABLE, account, name), Sealed(row.key_id, row.ciphertext))

    def secret_names(self, account: str) -> list[str]:
        """The names of an account's secrets."""
        statement = select(SecretRow.name).where(SecretRow.account == account).order_by(SecretRow.name)
        with self.database.reading() as connection:
            return list(connection.execute(statement).scalars())

    def forget_secret(self, account: str, name: str) -> None:
        """Delete a secret."""
        statement = delete(SecretRow).where(SecretRow.account == account, SecretRow.name == name)
        with self.database.writing() as connection:
            connection.execute(statement)

    def rotate_secrets(self, vault: Vault, now: datetime) -> int:
        """Seal everything that an older key sealed with the newest one; how many. Then the old key may go."""
        statement = select(SecretRow).where(SecretRow.key_id != vault.key_id).with_for_update()
        with self.database.writing() as connection:
            old = connection.execute(statement).all()
            for row in old:
                identity = identity_of(_TABLE, row.account, row.name)
                secret = vault.open(identity, Sealed(row.key_id, row.ciphertext))
                _store(connection, vault, (row.account, row.name), secret, now)
        return len(old)


def _insist(connection: Connection, resource: str, fence: int, now: datetime) -> None:
    """Raise LeaseLost unless the lease is held; nobody takes it over before the transaction ends."""
    own = select(LeaseRow.resource).where(LeaseRow.resource == resource, LeaseRow.fence == fence)
    held = own.where(LeaseRow.expires_at > now).with_for_update()
    if connection.execute(held).one_or_none() is None:
        raise LeaseLost(f"the lease on {resource} ended; another process may have it")


def _store(
    connection: Connection, vault: Vault, whose: tuple[str, str], secret: SecretStr, now: datetime
) -> None:
    account, name = whose
    sealed = vault.seal(identity_of(_TABLE, account, name), secret.get_secret_value())
    content = {"key_id": sealed.key_id, "ciphertext": sealed.ciphertext, "stored_at": now}
    insert = insert_into(connection, SecretRow).values(account=account, name=name, **content)
    connection.execute(insert.on_conflict_do_update(index_elements=["account", "name"], set_=content))
