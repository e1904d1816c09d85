"""Open a supplier for one of a user's rows: with its own credentials, else with those of the settings."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pydantic import SecretStr

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger, Vault
from connectors.ledger.supplier_records import Job, Supplier
from connectors.ledger.suppliers import secrets_of
from connectors.ledger.windows import SupplierWindows
from connectors.renewal import Store, Unshared
from connectors.settings import Settings
from connectors.supplier import Access, quota_account
from connectors.supplier import Supplier as Connector
from connectors.suppliers import SupplierType, configured, supplier_type
from tasks.desk import patience
from tasks.token import SharedToken

Credentials = Mapping[str, str]

RENEWED = "renewed"
"""The name of the secret that is a token which was renewed."""


def access(settings: Settings, ledger: Ledger, supplier: Supplier, job: Job | None = None) -> Access:
    """All that a connector needs. Raises ConfigurationError for what is missing or wrong.

    What the job's configuration says comes before what the supplier's says.
    """
    kind = supplier_type(supplier.connector_type)
    place, credentials = _credentials(settings, ledger, supplier, kind)
    base_url = kind.base_url_setting and getattr(settings, kind.base_url_setting.lower())
    return Access(
        account=f"{supplier.user_id}/{supplier.name}",
        base_url=base_url or kind.base_url,
        credentials=credentials,
        configuration=configured(
            supplier.connector_type, supplier.configuration | (job.configuration if job else {})
        ),
        windows=SupplierWindows(ledger.database, _quota(supplier, kind, credentials), settings.now),
        tokens=_tokens(settings, ledger, place),
        patience=patience(settings),
        writes_off=not settings.evenstock_writes,
        allow_private_urls=settings.evenstock_allow_private_urls,
        now=settings.now,
    )


@contextmanager
def opened(
    settings: Settings, ledger: Ledger, supplier: Supplier, job: Job | None = None
) -> Iterator[Connector]:
    """The supplier's connector, closed in the end."""
    connector = supplier_type(supplier.connector_type).open(access(settings, ledger, supplier, job))
    try:
        yield connector
    finally:
        connector.close()


def account_of(supplier_id: str, connector_type: str, credentials: Credentials) -> str:
    """Whose limits count: all who have one key share them; without own credentials it is the settings'."""
    kind = supplier_type(connector_type)
    if not kind.credentials:
        return f"{connector_type}:{supplier_id}"
    if not credentials:
        return f"{connector_type}:default"
    return quota_account(connector_type, credentials[kind.quota])


def _quota(supplier: Supplier, kind: SupplierType, credentials: Credentials) -> str:
    if not kind.quota:
        return supplier.account
    return quota_account(supplier.connector_type, credentials[kind.quota])


def _credentials(
    settings: Settings, ledger: Ledger, supplier: Supplier, kind: SupplierType
) -> tuple[str, Credentials]:
    """Where they are kept, and the credentials."""
    if not kind.credentials:
        return "", {}
    place = secrets_of(supplier.user_id, supplier.id)
    if names := set(ledger.secret_names(place)) - {RENEWED}:
        if missing := sorted(set(kind.credentials) - names):
            raise ConfigurationError(f"supplier {supplier.name} lacks credentials: {', '.join(missing)}")
        return place, _stored(settings, ledger, place, names)
    return _shared(settings, supplier.connector_type, kind)


def _stored(settings: Settings, ledger: Ledger, place: str, names: set[str]) -> dict[str, str]:
    vault = Vault(settings.evenstock_secret_key)
    found = {name: ledger.secret(vault, place, name) for name in sorted(names)}
    return {name: secret.get_secret_value() for name, secret in found.items() if secret is not None}


def _shared(settings: Settings, connector_type: str, kind: SupplierType) -> tuple[str, Credentials]:
    """Those of the settings; a token that was renewed is kept until the settings name others."""
    settings.require(*kind.credentials.values())
    given = {name: settings.needed(variable) for name, variable in kind.credentials.items()}
    more = {name: getattr(settings, variable.lower()) for name, variable in kind.optional.items()}
    given |= {name: secret.get_secret_value() for name, secret in more.items() if secret is not None}
    return f"supplier/settings/{quota_account(connector_type, chr(0).join(given.values()))}", given


def _tokens(settings: Settings, ledger: Ledger, place: str) -> Store:
    """Where a token that is renewed is kept: sealed in the ledger, else in this process only."""
    if not place or settings.evenstock_secret_key is None:
        return Unshared()
    vault = Vault(settings.evenstock_secret_key)
    return SharedToken(lambda: ledger, vault, place, RENEWED, f"token:{place}")


def store_credentials(settings: Settings, ledger: Ledger, place: str, credentials: Credentials) -> None:
    """Keep credentials encrypted. Raises ConfigurationError if there are any, but no EVENSTOCK_SECRET_KEY."""
    if not credentials:
        return
    vault = Vault(settings.evenstock_secret_key)
    for name, value in credentials.items():
        ledger.store_secret(vault, place, name, SecretStr(value), settings.now())
