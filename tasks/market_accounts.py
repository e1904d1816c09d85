"""Accounts on marketplaces: which there are, where each takes part, and with which credentials."""

import json
import re
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger, Vault
from connectors.market import MARKETPLACES, Marketplace
from connectors.settings import Settings
from tasks.lease import clock

DEFAULT: Final = "default"
"""The account that may have its credentials in the settings."""

FIELDS: Final[Mapping[Marketplace, tuple[str, ...]]] = {
    "bricklink": ("consumer_key", "consumer_secret", "token", "token_secret"),
    "brickowl": ("api_key",),
}
"""What a marketplace wants to know of who calls it; the settings call them BRICKLINK_TOKEN and so on."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}")


def named(account: str) -> str:
    """The account's name. Raises ConfigurationError if it cannot be one."""
    if not _NAME.fullmatch(account):
        raise ConfigurationError(
            f"the account {account!r}: a name has letters, digits and . _ @ - only, 100 at the most"
        )
    return account


def accounts(settings: Settings, ledger: Ledger) -> list[str]:
    """The accounts that take part in a marketplace or have items."""
    found = {each.account for each in ledger.market_accounts()} | {*ledger.item_accounts()}
    return sorted(found | ({DEFAULT} if enabled_markets(settings, ledger, DEFAULT) else set()))


def enabled_markets(settings: Settings, ledger: Ledger, account: str) -> tuple[Marketplace, ...]:
    """Where an account takes part: it has credentials there and was not switched off.

    Raises ConfigurationError that names what is missing of the settings' credentials.
    """
    off = {each.marketplace for each in ledger.market_accounts(account) if not each.enabled}
    stored = frozenset(ledger.secret_names(account))
    return tuple(
        each
        for each in MARKETPLACES
        if each not in off
        and (secret_name(each) in stored or (account == DEFAULT and _from_settings(settings, each)))
    )


def credentials(
    settings: Settings, ledger: Ledger, account: str, marketplace: Marketplace
) -> dict[str, SecretStr]:
    """What an account calls a marketplace with, by the names of `FIELDS`.

    Raises ConfigurationError if it has nothing, or nothing that our keys open.
    """
    if secret_name(marketplace) in ledger.secret_names(account):
        stored = ledger.secret(Vault(settings.evenstock_secret_key), account, secret_name(marketplace))
        if stored is not None:
            content: dict[str, str] = json.loads(stored.get_secret_value())
            return {name: SecretStr(content[name]) for name in FIELDS[marketplace]}
    found = _from_settings(settings, marketplace) if account == DEFAULT else {}
    if not found:
        names = f" or {_variable(marketplace, FIELDS[marketplace][0])} …" if account == DEFAULT else ""
        raise ConfigurationError(
            f"the account {account} has no credentials for {marketplace}: "
            f"evenstock accounts add {account} --{marketplace}{names}"
        )
    return found


def secret_name(marketplace: Marketplace) -> str:
    """The name that the ledger keeps an account's credentials under."""
    return f"market:{marketplace}"


def add_account(
    settings: Settings, ledger: Ledger, account: str, given: Mapping[Marketplace, Mapping[str, SecretStr]]
) -> None:
    """Keep an account's credentials, encrypted, and let it take part where it has some.

    Its items are listed there from the next sync on. Raises ConfigurationError without EVENSTOCK_SECRET_KEY.
    """
    vault = Vault(settings.evenstock_secret_key)
    for marketplace, fields in given.items():
        content = {name: fields[name].get_secret_value() for name in FIELDS[marketplace]}
        secret = SecretStr(json.dumps(content))
        ledger.store_secret(vault, named(account), secret_name(marketplace), secret, clock())
    ledger.switch_markets(account, given.keys(), clock(), enabled=True)
    list_items(settings, ledger, account)


def switch(
    settings: Settings, ledger: Ledger, account: str, markets: tuple[Marketplace, ...], *, enabled: bool
) -> None:
    """From now on an account takes part in these marketplaces, or does not; lots stay as they are."""
    ledger.switch_markets(account, markets, clock(), enabled=enabled)
    list_items(settings, ledger, account)


def remove_account(settings: Settings, ledger: Ledger, account: str) -> None:
    """Forget an account's credentials. Its items, orders and lots stay as they are."""
    for marketplace in MARKETPLACES:
        ledger.forget_secret(account, secret_name(marketplace))
    ledger.remove_markets(account)
    list_items(settings, ledger, account)


def list_items(settings: Settings, ledger: Ledger, account: str) -> None:
    """All items of an account are listed where it takes part, and nowhere else."""
    ledger.enable_listings(account, enabled_markets(settings, ledger, account))


def _from_settings(settings: Settings, marketplace: Marketplace) -> dict[str, SecretStr]:
    """The settings' credentials; empty if there are none. Raises ConfigurationError for some of them."""
    names = {field: _variable(marketplace, field) for field in FIELDS[marketplace]}
    values: dict[str, SecretStr | None] = {
        field: getattr(settings, variable.lower()) for field, variable in names.items()
    }
    if not any(values.values()):
        return {}
    settings.require(*names.values())
    return {field: value for field, value in values.items() if value is not None}


def _variable(marketplace: Marketplace, field: str) -> str:
    return f"{marketplace}_{field}".upper()
