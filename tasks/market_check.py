"""Ask a marketplace once whether it lets an account in, before its credentials are kept."""

from collections.abc import Mapping
from contextlib import closing

from pydantic import SecretStr

from connectors.errors import ConfigurationError, ConnectorError, Refused, Unauthorised
from connectors.ledger import Ledger
from connectors.market import TITLES, Marketplace
from connectors.settings import Settings
from tasks.market_connect import open_bricklink, open_brickowl

Given = Mapping[str, SecretStr]

_ANYWAY = "nothing was kept; --unchecked keeps credentials without asking"


def check(settings: Settings, ledger: Ledger, account: str, given: Mapping[Marketplace, Given]) -> list[str]:
    """Whose stores these credentials open, one line each; one cheap call for each marketplace.

    Raises ConfigurationError that names every marketplace that refuses them or could not be asked.
    """
    opened, wrong = [], []
    for name, keys in given.items():
        try:
            opened.append(f"{TITLES[name]}: {_opened(settings, ledger, account, name, keys)}")
        except (Refused, Unauthorised) as error:
            wrong.append(f"{TITLES[name]} refuses these credentials: {error}")
        except ConnectorError as error:
            wrong.append(f"{TITLES[name]} could not be asked: {error}")
    if wrong:
        good = (
            f"; good were those for {', '.join(line.partition(':')[0] for line in opened)}" if opened else ""
        )
        raise ConfigurationError(f"{'; '.join(wrong)}{good}; {_ANYWAY}")
    return opened


def _opened(settings: Settings, ledger: Ledger, account: str, name: Marketplace, keys: Given) -> str:
    """Whose store it is, as far as the marketplace tells."""
    if name == "bricklink":
        with closing(open_bricklink(settings, ledger, account, given=keys)) as bricklink:
            bricklink.check()
        return "let in"
    with closing(open_brickowl(settings, ledger, account, given=keys)) as brickowl:
        store = brickowl.store()
    if store is None:
        raise Refused("the key is good, but its account has no store")
    return f"let in to the store {store.name}, prices in {store.currency}"
