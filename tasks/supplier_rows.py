"""Suppliers as people enter them: let one in, change it, switch it on or off."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger
from connectors.ledger.supplier_records import Supplier
from connectors.ledger.suppliers import secrets_of
from connectors.records import JsonObject
from connectors.settings import Settings
from connectors.suppliers import configured, supplier_type
from tasks.supplier_access import account_of, store_credentials

LONGEST_WORD = 200
"""Characters of a user or a supplier's name; the account of its secrets has the user and its id in it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person says of a supplier; None: nothing, so what was said before stays.

    `credentials` by name; {}: from now on those of the settings. Hidden in repr.
    """

    name: str | None = None
    configuration: JsonObject | None = None
    credentials: "Credentials | None" = None


class Credentials(dict[str, str]):
    """Credentials by name; its repr shows the names only."""

    def __repr__(self) -> str:
        return f"Credentials({', '.join(self)})"


def add(settings: Settings, ledger: Ledger, user_id: str, connector_type: str, terms: Terms) -> Supplier:
    """Let a supplier in. Raises ConfigurationError for what is not known, or missing."""
    _check_word("the user", user_id)
    _check_word("the name", terms.name or connector_type)
    now, number = settings.now(), str(uuid4())
    credentials = terms.credentials or Credentials()
    _check_credentials(connector_type, credentials)
    supplier = Supplier(
        id=number,
        user_id=user_id,
        name=terms.name or connector_type,
        connector_type=connector_type,
        account=account_of(number, connector_type, credentials),
        created_at=now,
        updated_at=now,
        configuration=terms.configuration or {},
    )
    configured(connector_type, supplier.configuration)
    store_credentials(settings, ledger, secrets_of(user_id, number), credentials)
    ledger.add_supplier(supplier)
    return supplier


def change(settings: Settings, ledger: Ledger, supplier: Supplier, terms: Terms) -> Supplier:
    """Change what a person says of a supplier. Raises ConfigurationError as `add` does."""
    _check_word("the name", terms.name or supplier.name)
    configuration = supplier.configuration | (terms.configuration or {})
    kept: JsonObject = {name: value for name, value in configuration.items() if value is not None}
    configured(supplier.connector_type, kept)
    changed = replace(
        supplier, name=terms.name or supplier.name, configuration=kept, updated_at=settings.now()
    )
    if terms.credentials is not None:
        changed = _other_credentials(settings, ledger, changed, terms.credentials)
    ledger.change_supplier(changed)
    return changed


def switch(settings: Settings, ledger: Ledger, supplier: Supplier, *, is_active: bool) -> None:
    """From now on a supplier's jobs are done, or fail and say so."""
    status = "active" if is_active else "inactive"
    ledger.change_supplier(replace(supplier, status=status, updated_at=settings.now()))


def _other_credentials(
    settings: Settings, ledger: Ledger, supplier: Supplier, credentials: Credentials
) -> Supplier:
    _check_credentials(supplier.connector_type, credentials)
    place = secrets_of(supplier.user_id, supplier.id)
    store_credentials(settings, ledger, place, credentials)
    for name in set(ledger.secret_names(place)) - set(credentials):
        ledger.forget_secret(place, name)
    return replace(supplier, account=account_of(supplier.id, supplier.connector_type, credentials))


def _check_word(what: str, text: str) -> None:
    """A text is one that the ledger can hold. Raises ConfigurationError."""
    if not 0 < len(text) <= LONGEST_WORD or not text.isprintable():
        raise ConfigurationError(f"{what} must be a word of {LONGEST_WORD} printable characters at the most")


def _check_credentials(connector_type: str, credentials: Mapping[str, str]) -> None:
    """All of a type's credentials are there, or none. Raises ConfigurationError."""
    kind = supplier_type(connector_type)
    if credentials and (missing := sorted(set(kind.credentials) - set(credentials))):
        raise ConfigurationError(f"a {connector_type} supplier also needs {', '.join(missing)}")
    if unknown := sorted(set(credentials) - set(kind.accepted)):
        raise ConfigurationError(f"a {connector_type} supplier has no credential {', '.join(unknown)}")


def named(ledger: Ledger, wanted: str, user_id: str | None = None) -> Supplier:
    """The supplier with this id, or the only one of this name. Raises ConfigurationError otherwise."""
    known = ledger.suppliers(user_id)
    found = [each for each in known if each.id == wanted] or [each for each in known if each.name == wanted]
    if len(found) > 1:
        raise ConfigurationError(
            f"several suppliers are called {wanted}: name one by its id: "
            + ", ".join(f"{each.id} (of {each.user_id})" for each in found)
        )
    if not found:
        raise ConfigurationError(f"there is no supplier {wanted}; see `evenstock suppliers list`")
    return found[0]
