"""`evenstock accounts`: who sells on BrickLink and Brick Owl, and how that goes."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from rich.markup import escape
from rich.table import Table

from connectors.errors import ConfigurationError
from connectors.ledger import BreakerState, Ledger, View
from connectors.market import MARKETPLACES, TITLES, Marketplace
from connectors.records import JsonObject
from connectors.settings import Settings, load_settings
from flows.cli.credentials import asked
from flows.cli.options import Action, Parser, out, say_json
from flows.cli.page import printable
from tasks.desk import ledger_of
from tasks.market_accounts import (
    DEFAULT,
    add_account,
    enabled_markets,
    named,
    remove_account,
    secret_name,
    switch,
)
from tasks.market_accounts import (
    accounts as known_accounts,
)
from tasks.market_check import check

_TROUBLE = ("failed", "parked")


def accounts(arguments: list[str]) -> int:
    """List accounts, let one in, switch it on or off, or remove it."""
    options = _parser().parse_args(arguments or ["list"])
    settings = load_settings()
    return _ACTIONS[options.action](settings, ledger_of(settings), options)


def _parser() -> Parser:
    parser = Parser("accounts", "Who sells on BrickLink and Brick Owl.")
    actions = parser.add_subparsers(
        dest="action", metavar="|".join(_ACTIONS), required=True, parser_class=Action
    )
    actions.add_parser("list").add_argument("--json", action="store_true", dest="as_json")
    unchecked = "do not ask the marketplaces whether they let it in"
    for name in ("add", "disable", "enable", "remove"):
        action = actions.add_parser(name)
        action.add_argument("name", metavar="NAME")
        for market in MARKETPLACES if name != "remove" else ():
            action.add_argument(f"--{market}", action="append_const", const=market, dest="markets")
        if name == "add":
            action.add_argument("--unchecked", action="store_true", help=unchecked)
    return parser


def _say(text: str) -> int:
    out().print(printable(text), markup=False, soft_wrap=True)
    return 0


def _add(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401 - argparse's own
    account = named(options.name)
    given = asked(tuple(options.markets or ()))
    settings.require("EVENSTOCK_SECRET_KEY")
    told = [f"{TITLES[each]}: not asked" for each in given]
    if not options.unchecked and not settings.disable_external_calls:
        told = check(settings, ledger, account, given)
    add_account(settings, ledger, account, given)
    for line in told:
        _say(line)
    return _say(
        f"The account {account} takes part in {' and '.join(given)}; its credentials are kept encrypted. "
        f"Next: evenstock run marketplace-sync --account {account}"
    )


def _switch(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    account = _known(settings, ledger, options.name)
    markets: tuple[Marketplace, ...] = tuple(options.markets or MARKETPLACES)
    enabled = options.action == "enable"
    switch(settings, ledger, account, markets, enabled=enabled)
    now = " and ".join(enabled_markets(settings, ledger, account)) or "no marketplace"
    return _say(f"The account {account} takes part in {now} from now on; its lots stay as they are.")


def _remove(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    account = _known(settings, ledger, options.name)
    remove_account(settings, ledger, account)
    still = enabled_markets(settings, ledger, account)
    return _say(
        f"The credentials of the account {account} are deleted; its items, orders and lots stay as they are."
        + (f" By the settings it still takes part in {' and '.join(still)}." if still else "")
    )


def _known(settings: Settings, ledger: Ledger, account: str) -> str:
    known = known_accounts(settings, ledger)
    if account not in known:
        raise ConfigurationError(f"there is no account {account}; those are: {', '.join(known) or 'none'}")
    return account


# --------------------------------------------------------------------- list


def _list(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    rows = [
        _row(settings, ledger, account, market)
        for account in known_accounts(settings, ledger)
        for market in MARKETPLACES
    ]
    if options.as_json:
        say_json({"accounts": [*rows]})
        return 0
    table = Table(
        "account", "marketplace", "credentials", "items", "behind", "failed", "calls in 24 h", "", box=None
    )
    for row in rows:
        style = "red" if row["failed"] or row["breaker"] != "closed" else ""
        cells = [escape(printable(str(row[name]))) for name in _SHOWN]
        table.add_row(*cells, style=style)
    out().print(table if rows else "There is no account yet: evenstock accounts add NAME --bricklink")
    return 0


_SHOWN = ("account", "marketplace", "credentials", "listed", "behind", "failed", "calls", "note")


def _row(settings: Settings, ledger: Ledger, account: str, market: Marketplace) -> JsonObject:
    views = [each for each in ledger.views(account) if each.listing.marketplace == market]
    counts = Counter(_standing(each) for each in views if each.listing.enabled)
    breaker = ledger.breaker(account, market)
    enabled = market in enabled_markets(settings, ledger, account)
    wrong = "" if breaker.state is BreakerState.CLOSED else f"stopped: {breaker.reason}"
    return {
        "account": account,
        "marketplace": market,
        "enabled": enabled,
        "credentials": _credentials(ledger, account, market, enabled=enabled),
        "listed": sum(counts.values()),
        "behind": sum(count for status, count in counts.items() if status != "synced"),
        "failed": sum(counts[status] for status in _TROUBLE),
        "calls": sum(ledger.calls_used(account, market, settings.now()).values()),
        "breaker": str(breaker.state),
        "note": wrong or ("" if enabled else "takes no part"),
    }


def _standing(view: View) -> str:
    return str(view.listing.status)


def _credentials(ledger: Ledger, account: str, market: Marketplace, *, enabled: bool) -> str:
    if secret_name(market) in ledger.secret_names(account):
        return "stored"
    return "settings" if enabled and account == DEFAULT else "none"


_ACTIONS: dict[str, Callable[[Settings, Ledger, Any], int]] = {
    "list": _list,
    "add": _add,
    "disable": _switch,
    "enable": _switch,
    "remove": _remove,
}
